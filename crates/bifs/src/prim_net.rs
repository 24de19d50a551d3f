//! Module `prim_net`: names of hosts, services and interfaces, as the C library finds them.
//! Not here: sockets (`prim_socket`); what `inet` does by a program of its own (`inet_gethost`).

use crate::iolist;
use crate::prim_socket::{address_from_term, address_to_term};
use crate::result::Res;
use node::{Ctx, Dirty, Effect, Native, NativeFn};
use std::net::IpAddr;
use sys::net::{Addr, NameError};
use term::{Alloc, Term, am, atom};

fn map(h: &mut Alloc, pairs: &[(&str, Term)]) -> Term {
    let pairs: Vec<(Term, Term)> = pairs.iter().map(|&(k, v)| (term::atom::intern(k), v)).collect();
    term::map::from_pairs(h, &pairs)
}

fn posix(cx: &mut Ctx, e: sys::Errno) -> Term {
    let reason = term::atom::intern(e.name());
    cx.h().error(reason)
}

fn not_found(cx: &mut Ctx, e: NameError) -> Term {
    match e {
        NameError::Resolver(name) => {
            let reason = term::atom::intern(name);
            cx.h().error(reason)
        }
        NameError::System(e) => posix(cx, e),
    }
}

fn info(cx: &mut Ctx, _: &[Term]) -> Res {
    let release = cx.node.code.release;
    let mut pairs = vec![("debug", am::FALSE)];
    if release >= 28 {
        pairs.push(("netns", am::FALSE));
    }
    Ok(map(cx.h(), &pairs))
}

/// Switches for debugging, which there are not; they are taken all the same.
fn command(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::OK)
}

fn gethostname(cx: &mut Ctx, _: &[Term]) -> Res {
    let name = cx.node.world.host.hostname();
    let name = cx.h().list_of_bytes(&name);
    Ok(cx.h().ok(name))
}

const NAME_FLAGS: [(&str, i32); 6] = [("dgram", 16), ("idn", 32), ("namereqd", 8), ("nofqdn", 4), ("numerichost", 1), ("numericserv", 2)];

fn getnameinfo(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(addr) = address_from_term(a[0]) else { return Err(cx.badarg()) };
    let mut flags = 0;
    if a[1] != am::UNDEFINED {
        let Some(list) = a[1].proper_list() else { return Err(cx.badarg()) };
        for t in list {
            let Some(flag) = NAME_FLAGS.iter().find(|f| Some(f.0) == term::atom::as_text(t)) else { return Err(cx.badarg()) };
            flags |= flag.1;
        }
    }
    match cx.node.world.net.name_of(&addr, flags) {
        Ok((host, service)) => {
            let h = cx.h();
            let (host, service) = (h.list_of_bytes(&host), h.list_of_bytes(&service));
            let found = map(h, &[("host", host), ("service", service)]);
            Ok(h.ok(found))
        }
        Err(e) => Ok(not_found(cx, e)),
    }
}

fn text(cx: &mut Ctx, t: Term) -> Result<Option<Vec<u8>>, node::Stop> {
    if t == am::UNDEFINED {
        return Ok(None);
    }
    iolist::bytes(t).map(Some).map_err(|_| cx.badarg())
}

fn getaddrinfo(cx: &mut Ctx, a: &[Term]) -> Res {
    let (host, service) = (text(cx, a[0])?, text(cx, a[1])?);
    if host.is_none() && service.is_none() {
        return Err(cx.badarg());
    }
    let kind_key = if cx.node.code.release >= 26 { "socktype" } else { "type" };
    let found = match cx.node.world.net.resolve(host.as_deref(), service.as_deref()) {
        Ok(found) => found,
        Err(e) => return Ok(not_found(cx, e)),
    };
    let h = cx.h();
    let mut out = Vec::new();
    for r in found.iter().filter(|r| r.addr != Addr::Unspecified) {
        let addr = address_to_term(h, &r.addr);
        let family = if r.domain == 2 { atom!("inet") } else { atom!("inet6") };
        let kind = match r.kind {
            1 => atom!("stream"),
            2 => atom!("dgram"),
            3 => atom!("raw"),
            n => Term::small(n.into()),
        };
        let protocol = Term::small(r.protocol.into());
        out.push(map(h, &[("family", family), (kind_key, kind), ("protocol", protocol), ("addr", addr)]));
    }
    let list = h.list(&out);
    Ok(h.ok(list))
}

/// Flags of interfaces.
const FLAGS: [(u32, &str); 19] = [
    (0x1, "up"), (0x2, "broadcast"), (0x4, "debug"), (0x8, "loopback"), (0x10, "pointopoint"), (0x20, "notrailers"), (0x40, "running"),
    (0x80, "noarp"), (0x100, "promisc"), (0x200, "allmulti"), (0x400, "master"), (0x800, "slave"), (0x1000, "multicast"),
    (0x2000, "portsel"), (0x4000, "automedia"), (0x8000, "dynamic"), (0x10000, "lower_up"), (0x20000, "dormant"), (0x40000, "echo"),
];

/// What the system's own call for it tells: not the flags above 16 bits.
const FLAGS_TOLD: u32 = 0xffff;

fn getifaddrs(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_map() {
        return Err(cx.badarg());
    }
    let all = match cx.node.world.net.interfaces() {
        Ok(all) => all,
        Err(e) => return Ok(posix(cx, e)),
    };
    let mut rows: Vec<(Term, bool)> = Vec::new();
    let h = cx.h();
    for i in &all {
        let flags: Vec<Term> = FLAGS.iter().filter(|f| i.flags & FLAGS_TOLD & f.0 != 0).map(|f| term::atom::intern(f.1)).collect();
        for addr in &i.addrs {
            let (name, flags) = (h.list_of_bytes(&i.name), h.list(&flags));
            let mut pairs = vec![("name", name), ("flags", flags)];
            let parts = [
                ("addr", addr.addr, addr.scope),
                ("netmask", addr.netmask, 0),
                ("broadaddr", addr.broadcast, 0),
                ("dstaddr", addr.destination, 0),
            ];
            for (key, ip, scope) in parts {
                if let Some(ip) = ip {
                    let addr = match ip {
                        IpAddr::V6(ip) => Addr::ip6(ip, 0, 0, scope),
                        IpAddr::V4(_) => Addr::ip(ip, 0),
                    };
                    let value = address_to_term(h, &addr);
                    pairs.push((key, value));
                }
            }
            let row = map(h, &pairs);
            rows.push((row, addr.addr.is_some_and(|a| a.is_ipv6())));
        }
    }
    rows.sort_by_key(|r| r.1);
    let rows: Vec<Term> = rows.into_iter().map(|r| r.0).collect();
    let list = h.list(&rows);
    Ok(h.ok(list))
}

fn if_names(cx: &mut Ctx, _: &[Term]) -> Res {
    match cx.node.world.net.interface_names() {
        Ok(all) => {
            let h = cx.h();
            let mut out = Vec::new();
            for (number, name) in all {
                let name = h.list_of_bytes(&name);
                out.push(h.tuple(&[Term::small(number.into()), name]));
            }
            let list = h.list(&out);
            Ok(h.ok(list))
        }
        Err(e) => Ok(posix(cx, e)),
    }
}

fn if_name2index(cx: &mut Ctx, a: &[Term]) -> Res {
    let Ok(name) = iolist::bytes(a[0]) else { return Err(cx.badarg()) };
    let found = cx.node.world.net.interface_names().unwrap_or_default().into_iter().find(|i| i.1 == name);
    match found {
        Some((number, _)) => Ok(cx.h().ok(Term::small(number.into()))),
        None => Ok(posix(cx, sys::Errno::ENODEV)),
    }
}

fn if_index2name(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = a[0].to::<u32>() else { return Err(cx.badarg()) };
    let found = cx.node.world.net.interface_names().unwrap_or_default().into_iter().find(|i| i.0 == number);
    match found {
        Some((_, name)) => {
            let name = cx.h().list_of_bytes(&name);
            Ok(cx.h().ok(name))
        }
        None => Ok(posix(cx, sys::Errno::ENXIO)),
    }
}

fn name_bytes(cx: &mut Ctx, t: Term) -> Result<Vec<u8>, node::Stop> {
    match term::atom::as_text(t) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => iolist::bytes(t).map_err(|_| cx.badarg()),
    }
}

fn getservbyname(cx: &mut Ctx, a: &[Term]) -> Res {
    let (name, protocol) = (name_bytes(cx, a[0])?, name_bytes(cx, a[1])?);
    match cx.node.world.net.service_port(&name, &protocol) {
        Some(port) => Ok(cx.h().ok(Term::small(port.into()))),
        None => Ok(posix(cx, sys::Errno::EINVAL)),
    }
}

fn getservbyport(cx: &mut Ctx, a: &[Term]) -> Res {
    let protocol = name_bytes(cx, a[1])?;
    let Some(port) = a[0].to::<u16>() else { return Err(cx.badarg()) };
    match cx.node.world.net.service_name(port, &protocol) {
        Some(name) => {
            let name = cx.h().list_of_bytes(&name);
            Ok(cx.h().ok(name))
        }
        None => Ok(posix(cx, sys::Errno::EINVAL)),
    }
}

/// What only another operating system has.
fn not_here(cx: &mut Ctx, _: &[Term]) -> Res {
    Err(cx.notsup())
}

const fn nif(function: &'static str, arity: u8, run: NativeFn) -> Native {
    Native::new("prim_net", function, arity, run).effect(Effect::Network).nif()
}

pub const NATIVES: &[Native] = &[
    nif("nif_info", 0, info),
    nif("nif_command", 1, command),
    nif("nif_gethostname", 0, gethostname),
    nif("nif_getnameinfo", 2, getnameinfo).dirty(Dirty::Io),
    nif("nif_getaddrinfo", 3, getaddrinfo).dirty(Dirty::Io),
    nif("nif_getifaddrs", 1, getifaddrs).dirty(Dirty::Io),
    nif("nif_get_adapters_addresses", 1, not_here),
    nif("nif_get_if_entry", 1, not_here),
    nif("nif_get_interface_info", 1, not_here),
    nif("nif_get_ip_address_table", 1, not_here),
    nif("nif_getservbyname", 2, getservbyname),
    nif("nif_getservbyport", 2, getservbyport),
    nif("nif_if_name2index", 1, if_name2index),
    nif("nif_if_index2name", 1, if_index2name),
    nif("nif_if_names", 0, if_names),
];
