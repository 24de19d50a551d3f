//! Addresses as maps.

use super::option_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use sys::net::Addr;
use term::{Alloc, Term, atom};

/// The address that a map stands for; `unspec` is `Addr::Unspecified`.
pub fn from_term(t: Term) -> Option<Addr> {
    let number = |name| option_of(t, name)?.to::<u32>();
    match term::atom::as_text(option_of(t, "family")?)? {
        "inet" => {
            let ip = match term::atom::as_text(option_of(t, "addr")?) {
                Some("any") => Ipv4Addr::UNSPECIFIED,
                Some("loopback") => Ipv4Addr::LOCALHOST,
                Some("broadcast") => Ipv4Addr::BROADCAST,
                Some(_) => return None,
                None => ip4(option_of(t, "addr")?)?,
            };
            Some(Addr::ip(ip, option_of(t, "port")?.to()?))
        }
        "inet6" => {
            let ip = match term::atom::as_text(option_of(t, "addr")?) {
                Some("any") => Ipv6Addr::UNSPECIFIED,
                Some("loopback") => Ipv6Addr::LOCALHOST,
                Some(_) => return None,
                None => ip6(option_of(t, "addr")?)?,
            };
            Some(Addr::ip6(ip, option_of(t, "port")?.to()?, number("flowinfo")?, number("scope_id")?))
        }
        "local" => Some(Addr::Local(option_of(t, "path")?.as_bytes()?.to_vec())),
        "unspec" => Some(Addr::Unspecified),
        _ => None,
    }
}

/// `{A, B, C, D}`.
pub fn ip4(t: Term) -> Option<Ipv4Addr> {
    let parts: Vec<u8> = t.as_tuple()?.iter().map(|p| p.to()).collect::<Option<_>>()?;
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(parts).ok()?))
}

/// A tuple of eight numbers.
pub fn ip6(t: Term) -> Option<Ipv6Addr> {
    let parts: Vec<u16> = t.as_tuple()?.iter().map(|p| p.to()).collect::<Option<_>>()?;
    Some(Ipv6Addr::from(<[u16; 8]>::try_from(parts).ok()?))
}

pub fn ip_term(h: &mut Alloc, ip: IpAddr) -> Term {
    let parts: Vec<Term> = match ip {
        IpAddr::V4(ip) => ip.octets().iter().map(|&b| Term::small(b.into())).collect(),
        IpAddr::V6(ip) => ip.segments().iter().map(|&s| Term::small(s.into())).collect(),
    };
    h.tuple(&parts)
}

pub fn to_term(h: &mut Alloc, addr: &Addr) -> Term {
    match addr {
        Addr::Ip(a) => {
            let ip = ip_term(h, a.ip());
            let mut pairs = vec![("port", Term::small(a.port().into())), ("addr", ip)];
            match a {
                SocketAddr::V4(_) => pairs.push(("family", atom!("inet"))),
                SocketAddr::V6(a) => pairs.extend([
                    ("family", atom!("inet6")),
                    ("flowinfo", Term::small(a.flowinfo().into())),
                    ("scope_id", Term::small(a.scope_id().into())),
                ]),
            }
            super::map(h, &pairs)
        }
        Addr::Local(name) => {
            let path = h.binary(name);
            super::map(h, &[("family", atom!("local")), ("path", path)])
        }
        Addr::Unspecified => {
            let none = h.binary(b"");
            super::map(h, &[("family", atom!("unspec")), ("addr", none)])
        }
    }
}
