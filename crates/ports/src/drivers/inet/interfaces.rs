//! The machine's interfaces, as `inet:getifaddrs/0`, `inet:getiflist/0` and `inet:ifget/2` read them.

use super::control::{error, reply};
use crate::driver::{Control, Io};
use std::net::IpAddr;
use sys::Errno;
use sys::net::Interface;

const ADDR: u8 = 1;
const BROADCAST: u8 = 2;
const DESTINATION: u8 = 3;
const MTU: u8 = 4;
const NETMASK: u8 = 5;
const FLAGS: u8 = 6;
const HARDWARE: u8 = 7;

/// The system's flags, and those of the protocol.
const FLAG_NUMBERS: [(u32, u32); 6] = [(1, 1), (2, 2), (8, 4), (0x10, 8), (0x40, 0x10), (0x1000, 0x20)];

fn flags(interface: &Interface) -> u32 {
    let has = |bit: u32| interface.flags & bit != 0;
    FLAG_NUMBERS.iter().filter(|f| has(f.0)).fold(0, |all, f| all | f.1)
}

fn put_ip(out: &mut Vec<u8>, tag: u8, ip: IpAddr) {
    out.push(tag);
    match ip {
        IpAddr::V4(ip) => {
            out.push(1);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(2);
            out.extend_from_slice(&ip.octets());
        }
    }
}

fn put_hardware(out: &mut Vec<u8>, address: &[u8]) {
    out.push(HARDWARE);
    out.extend_from_slice(&(address.len() as u16).to_be_bytes());
    out.extend_from_slice(address);
}

/// All interfaces with their addresses: an entry for each address.
pub(super) fn addresses(io: &Io) -> Control {
    let all = match io.world().net.interfaces() {
        Ok(all) => all,
        Err(e) => return error(e),
    };
    let mut out = Vec::new();
    let mut entry = |i: &Interface, fill: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(&i.name);
        out.extend_from_slice(&[0, FLAGS]);
        out.extend_from_slice(&flags(i).to_be_bytes());
        fill(&mut out);
        out.push(0);
    };
    for i in &all {
        if let Some(address) = &i.hardware {
            entry(i, &|out| put_hardware(out, address));
        }
        for a in &i.addrs {
            entry(i, &|out| {
                let parts = [(ADDR, a.addr), (NETMASK, a.netmask), (BROADCAST, a.broadcast), (DESTINATION, a.destination)];
                for (tag, ip) in parts {
                    if let Some(ip) = ip {
                        put_ip(out, tag, ip);
                    }
                }
            });
        }
    }
    reply(&out)
}

/// Names of those that have an IPv4 address.
pub(super) fn names(io: &Io) -> Control {
    match io.world().net.interfaces() {
        Ok(all) => {
            let with_address = all.iter().filter(|i| i.addrs.iter().any(|a| a.addr.is_some_and(|a| a.is_ipv4())));
            reply(&with_address.flat_map(|i| [&i.name[..], &[0]].concat()).collect::<Vec<u8>>())
        }
        Err(e) => error(e),
    }
}

/// Some facts of one interface: its name with its length before it, and what is asked.
pub(super) fn facts(io: &Io, data: &[u8]) -> Control {
    let parts = data.split_first().and_then(|(&n, rest)| rest.split_at_checked(n.into()));
    let Some((name, asked)) = parts else { return error(Errno::EINVAL) };
    let all = match io.world().net.interfaces() {
        Ok(all) => all,
        Err(e) => return error(e),
    };
    let Some(interface) = all.iter().find(|i| i.name == name) else { return reply(&[]) };
    let v4 = interface.addrs.iter().find(|a| a.addr.is_some_and(|a| a.is_ipv4()));
    let mut out = Vec::new();
    for &what in asked {
        let ip = match what {
            ADDR => v4.and_then(|a| a.addr),
            NETMASK => v4.and_then(|a| a.netmask),
            BROADCAST => v4.map(|a| a.broadcast.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))),
            DESTINATION => v4.and_then(|a| a.destination.or(a.addr)),
            FLAGS => {
                out.push(FLAGS);
                out.extend_from_slice(&flags(interface).to_be_bytes());
                continue;
            }
            MTU => {
                if let Some(mtu) = mtu(io, name) {
                    out.push(MTU);
                    out.extend_from_slice(&mtu.to_be_bytes());
                }
                continue;
            }
            HARDWARE => {
                if let Some(address) = &interface.hardware {
                    put_hardware(&mut out, address);
                }
                continue;
            }
            _ => return error(Errno::EINVAL),
        };
        if let Some(ip) = ip {
            put_ip(&mut out, what, ip);
        }
    }
    reply(&out)
}

fn mtu(io: &Io, name: &[u8]) -> Option<u32> {
    if name.contains(&b'/') {
        return None;
    }
    let path = [b"/sys/class/net/", name, b"/mtu"].concat();
    let text = io.world().files.read_file(&path).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
