//! Requests about interfaces.

use super::tables::INTERFACE_FLAGS;
use super::{address, closed, error, map, opened, sock};
use super::State;
use crate::result::Res;
use base::sync::MutexGuard;
use node::Ctx;
use std::net::{IpAddr, Ipv4Addr};
use sys::Errno;
use sys::net::Addr;
use term::{Term, am, atom};

const GIFCONF: u64 = 0x8912;
const GIFNAME: u64 = 0x8910;
const ATMARK: u64 = 0x8905;
const NREAD: u64 = 0x541b;

/// The bytes of a name are the first of the structure; what it is about comes behind.
const NAME: usize = 16;

type Request = [u8; 40];

fn with_name(t: Term) -> Option<Request> {
    let mut request = [0; 40];
    let name: Vec<u8> = t.proper_list()?.into_iter().map(|b| b.to()).collect::<Option<_>>()?;
    request.get_mut(..NAME - 1)?.get_mut(..name.len())?.copy_from_slice(&name);
    Some(request)
}

fn int(r: &Request) -> i32 {
    i32::from_ne_bytes([r[16], r[17], r[18], r[19]])
}

pub fn simple(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(request) = a[1].to::<u64>() else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    let net = cx.node.world.net.clone();
    match request {
        GIFCONF => {
            let all = match net.interfaces() {
                Ok(all) => all,
                Err(e) => return Ok(error(cx, e)),
            };
            let mut out = Vec::new();
            for i in &all {
                for ip in i.addrs.iter().filter_map(|a| a.addr).filter(IpAddr::is_ipv4) {
                    let h = cx.h();
                    let name = h.list_of_bytes(&i.name);
                    let addr = address::to_term(h, &Addr::ip(ip, 0));
                    out.push(map(h, &[("name", name), ("addr", addr)]));
                }
            }
            let list = cx.h().list(&out);
            Ok(cx.h().ok(list))
        }
        ATMARK | NREAD => match s.fd().and_then(|fd| net.number_request(fd, request)) {
            Ok(n) => {
                let value = if request == ATMARK { Term::bool(n != 0) } else { Term::small(n.into()) };
                Ok(cx.h().ok(value))
            }
            Err(e) => Ok(error(cx, e)),
        },
        _ => Ok(error(cx, Errno::ENOTSUP)),
    }
}

pub fn get(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = a[1].to::<u64>() else { return Err(cx.badarg()) };
    let request = match (number, a[2].to::<u32>()) {
        (GIFNAME, Some(index)) => {
            let mut request = [0; 40];
            request[16..20].copy_from_slice(&index.to_ne_bytes());
            Some(request)
        }
        _ => with_name(a[2]),
    };
    let Some(mut request) = request else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    if let Err(e) = s.fd().and_then(|fd| cx.node.world.net.interface_request(fd, number, &mut request)) {
        return Ok(error(cx, e));
    }
    drop(s);
    let h = cx.h();
    let value = match number {
        GIFNAME => h.list_of_bytes(request[..NAME].split(|&b| b == 0).next().unwrap_or_default()),
        // Index, MTU, length of the queue.
        0x8933 | 0x8921 | 0x8942 => Term::small(int(&request).into()),
        0x8913 => {
            let bits = u32::from(u16::from_ne_bytes([request[16], request[17]]));
            let set: Vec<Term> = INTERFACE_FLAGS.iter().filter(|f| f.1 != 0 && bits & f.1 != 0).map(|f| term::atom::intern(f.0)).collect();
            h.list(&set)
        }
        // Addresses: own, broadcast, destination, netmask.
        0x8915 | 0x8919 | 0x8917 | 0x891b => {
            let ip = Ipv4Addr::new(request[20], request[21], request[22], request[23]);
            address::to_term(h, &Addr::ip(ip, 0))
        }
        0x8927 => {
            let addr = h.binary(&request[18..32]);
            let family = u16::from_ne_bytes([request[16], request[17]]);
            let family = match family {
                1 => atom!("ether"),
                772 => atom!("loopback"),
                n => Term::small(n.into()),
            };
            map(h, &[("family", family), ("addr", addr)])
        }
        0x8970 => {
            let long = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().unwrap_or_default());
            let (start, end) = (h.uint(long(16)), h.uint(long(24)));
            let base = Term::small(u16::from_ne_bytes([request[32], request[33]]).into());
            let byte = |at: usize| Term::small(request[at].into());
            map(h, &[("mem_start", start), ("mem_end", end), ("base_addr", base), ("irq", byte(34)), ("dma", byte(35)), ("port", byte(36))])
        }
        _ => return Ok(error(cx, Errno::ENOTSUP)),
    };
    Ok(h.ok(value))
}

pub fn set(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(number), Some(mut request)) = (a[1].to::<u64>(), with_name(a[2])) else { return Err(cx.badarg()) };
    let net = cx.node.world.net.clone();
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    match number {
        // Flags: what is set or cleared of those that there are.
        0x8914 => {
            let mut old = request;
            if let Err(e) = s.fd().and_then(|fd| net.interface_request(fd, 0x8913, &mut old)) {
                return Ok(error(cx, e));
            }
            if !a[3].is_map() {
                return Err(cx.badarg());
            }
            let mut bits = u16::from_ne_bytes([old[16], old[17]]);
            for &(_, bit, _) in INTERFACE_FLAGS {
                match term::map::get(a[3], Term::small(bit.into())) {
                    Some(am::TRUE) => bits |= bit as u16,
                    Some(_) => bits &= !(bit as u16),
                    None => {}
                }
            }
            request[16..18].copy_from_slice(&bits.to_ne_bytes());
        }
        0x8922 | 0x8943 => {
            let Some(n) = a[3].to::<i32>() else { return Err(cx.badarg()) };
            request[16..20].copy_from_slice(&n.to_ne_bytes());
        }
        _ => {
            let Some(Addr::Ip(std::net::SocketAddr::V4(addr))) = address::from_term(a[3]) else { return Err(cx.badarg()) };
            request[16..18].copy_from_slice(&2u16.to_ne_bytes());
            request[18..20].copy_from_slice(&addr.port().to_be_bytes());
            request[20..24].copy_from_slice(&addr.ip().octets());
        }
    }
    match s.fd().and_then(|fd| net.interface_request(fd, number, &mut request)) {
        Ok(()) => Ok(am::OK),
        Err(e) => Ok(error(cx, e)),
    }
}
