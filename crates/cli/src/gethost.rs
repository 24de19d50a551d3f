//! `inet_gethost`: the program that looks up names of hosts for a node, so that nobody waits for the network but it.
//! Requests come as packets on standard input, several at a time are worked on, answers go to standard output in any order.
//! ```text
//! request  Serial:32 Operation:8 Family:8 Data      operation 1 by name (NUL behind), 2 by address, 3 cancel, 4 control; family 1 IPv4, 2 IPv6
//! answer   Serial:32 Unit:8 Count:32 Addresses Count:32 Names    unit 4 or 16, names with NUL behind; or Serial:32 0 Reason NUL
//! ```
//! Not here: who asks and caches (Erlang's `inet_gethost_native`).

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use sys::net::{NameError, host, host_of};

const BY_NAME: u8 = 1;
const BY_ADDRESS: u8 = 2;
const IP6: u8 = 2;

/// So many work at once unless the first argument says otherwise.
const WORKERS: usize = 4;
/// Longer requests are nothing that a node sends.
const REQUEST_MAX: usize = 1 << 16;

pub fn main(args: &[OsString]) -> ExitCode {
    let workers = args.first().and_then(|a| a.to_str()?.parse().ok()).unwrap_or(WORKERS).clamp(1, 64);
    let (give, take) = mpsc::channel::<Vec<u8>>();
    let take = Arc::new(Mutex::new(take));
    for _ in 0..workers {
        let take = take.clone();
        std::thread::spawn(move || {
            loop {
                let next = take.lock().ok().and_then(|t| t.recv().ok());
                let Some(request) = next else { return };
                if let Some(answer) = answer(&request) {
                    write(&answer);
                }
            }
        });
    }
    let mut input = io::stdin().lock();
    let mut head = [0; 4];
    while input.read_exact(&mut head).is_ok() {
        let size = u32::from_be_bytes(head) as usize;
        let mut request = vec![0; size.min(REQUEST_MAX)];
        if size > REQUEST_MAX || input.read_exact(&mut request).is_err() || give.send(request).is_err() {
            break;
        }
    }
    // Nobody listens any more; whoever still waits for the network ends with the program.
    ExitCode::SUCCESS
}

fn write(answer: &[u8]) {
    let mut out = io::stdout().lock();
    let packet = [&(answer.len() as u32).to_be_bytes()[..], answer].concat();
    if out.write_all(&packet).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// What is said to a request; nothing to those that ask for nothing.
fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let (serial, rest) = request.split_first_chunk::<4>()?;
    let &[operation, family, ref data @ ..] = rest else { return None };
    let found = match operation {
        BY_NAME => {
            let name = data.split(|&b| b == 0).next().unwrap_or_default();
            host(name, family == IP6)
        }
        BY_ADDRESS => match address(data) {
            Some(ip) => host_of(ip).map(|name| (name, vec![ip])),
            None => Err(NameError::Resolver("enotsup")),
        },
        _ => return None,
    };
    let mut out = serial.to_vec();
    match found {
        Ok((name, addresses)) => {
            out.push(if addresses.first().is_some_and(IpAddr::is_ipv6) || family == IP6 { 16 } else { 4 });
            out.extend_from_slice(&(addresses.len() as u32).to_be_bytes());
            for a in addresses {
                match a {
                    IpAddr::V4(a) => out.extend_from_slice(&a.octets()),
                    IpAddr::V6(a) => out.extend_from_slice(&a.octets()),
                }
            }
            out.extend_from_slice(&1u32.to_be_bytes());
            out.extend_from_slice(&name);
        }
        Err(e) => {
            out.push(0);
            out.extend_from_slice(reason(e).as_bytes());
        }
    }
    out.push(0);
    Some(out)
}

fn address(data: &[u8]) -> Option<IpAddr> {
    match data.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        _ => None,
    }
}

/// The words that nodes know.
fn reason(e: NameError) -> &'static str {
    match e {
        NameError::Resolver("enotsup") => "enotsup",
        NameError::Resolver("eagain") => "try_again",
        NameError::Resolver("enodata" | "enoname" | "eservice") => "notfound",
        NameError::Resolver("efail") => "no_recovery",
        _ => "netdb_internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let by_name = answer(b"\0\0\0\x07\x01\x01127.0.0.1\0").unwrap();
        assert_eq!(by_name[..9], [0, 0, 0, 7, 4, 0, 0, 0, 1]);
        assert_eq!(by_name[9..17], [127, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(answer(b"\0\0\0\x01\x01\x01no.such.host.invalid\0").unwrap()[..5], [0, 0, 0, 1, 0]);
        assert_eq!(answer(b"\0\0\0\x01\x02\x01abc"), Some(b"\0\0\0\x01\0enotsup\0".to_vec()));
        assert_eq!((answer(b"\0\0\0\x01\x03"), answer(b"")), (None, None));
    }
}
