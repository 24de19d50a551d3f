//! Ancillary data and flags of messages.

use super::tables::MESSAGE_FLAGS;
use super::{address, map, option_of, options};
use std::net::Ipv4Addr;
use sys::net::Ancillary;
use term::{Alloc, Term, atom};

const SOCKET: i32 = 1;
const IP: i32 = 0;
const IPV6: i32 = 41;

/// Kinds with names: level, number, name.
const KINDS: &[(i32, i32, &str)] = &[
    (SOCKET, 29, "timestamp"),
    (SOCKET, 1, "rights"),
    (SOCKET, 2, "credentials"),
    (IP, 1, "tos"),
    (IP, 13, "recvtos"),
    (IP, 2, "ttl"),
    (IP, 12, "recvttl"),
    (IP, 8, "pktinfo"),
    (IP, 20, "origdstaddr"),
    (IP, 11, "recverr"),
    (IPV6, 50, "pktinfo"),
    (IPV6, 52, "hoplimit"),
    (IPV6, 67, "tclass"),
    (IPV6, 25, "recverr"),
];

/// A list of maps; `None` if one of them is not understood.
pub fn from_terms(t: Term) -> Option<Vec<Ancillary>> {
    t.proper_list()?.into_iter().map(from_term).collect()
}

fn from_term(t: Term) -> Option<Ancillary> {
    let level = option_of(t, "level")?;
    let level = if level == atom!("socket") { SOCKET } else { level.to()? };
    let kind = option_of(t, "type")?;
    let kind = match term::atom::as_text(kind) {
        Some(name) => KINDS.iter().find(|k| k.0 == level && k.2 == name)?.1,
        None => kind.to()?,
    };
    let data = match (option_of(t, "data"), option_of(t, "value")) {
        (Some(data), None) if data.as_bytes().is_some() => data.as_bytes()?.to_vec(),
        (Some(value), None) | (None, Some(value)) => {
            let number = match (level, kind) {
                (IP, 1) => options::tos_number(value)?,
                (IP, 2) | (IPV6, 52 | 67) => value.to::<i32>()?,
                _ => value.to::<i32>()?,
            };
            number.to_ne_bytes().to_vec()
        }
        _ => return None,
    };
    Some(Ancillary { level, kind, data })
}

pub fn to_terms(h: &mut Alloc, all: &[Ancillary], release: u32) -> Term {
    let all: Vec<Term> = all.iter().map(|a| to_term(h, a, release)).collect();
    h.list(&all)
}

fn to_term(h: &mut Alloc, a: &Ancillary, release: u32) -> Term {
    let data = h.binary(&a.data);
    let level = if a.level == SOCKET { atom!("socket") } else { Term::small(a.level.into()) };
    let kind = KINDS.iter().find(|k| k.0 == a.level && k.1 == a.kind);
    let kind = kind.map_or(Term::small(a.kind.into()), |k| term::atom::intern(k.2));
    let mut pairs = vec![("level", level), ("type", kind), ("data", data)];
    if let Some(value) = value(h, a, release) {
        pairs.push(("value", value));
    }
    map(h, &pairs)
}

fn value(h: &mut Alloc, a: &Ancillary, release: u32) -> Option<Term> {
    let word = |at: usize| Some(i32::from_ne_bytes(a.data.get(at..at + 4)?.try_into().ok()?));
    match (a.level, a.kind) {
        (SOCKET, 29) => {
            let long = |at: usize| Some(i64::from_ne_bytes(a.data.get(at..at + 8)?.try_into().ok()?));
            let (sec, usec) = (h.int(long(0)?), h.int(long(8)?));
            Some(map(h, &[("sec", sec), ("usec", usec)]))
        }
        (IP, 1 | 13) => Some(options::tos_term(h, a.int()?, release)),
        (IP, 2 | 12) | (IPV6, 52 | 67) => Some(Term::small(a.int()?.into())),
        (IP, 8) => {
            let ip = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(a.data.get(at..at + 4)?).ok()?));
            let (spec, addr) = (ip(4)?, ip(8)?);
            let (spec, addr) = (address::ip_term(h, spec.into()), address::ip_term(h, addr.into()));
            Some(map(h, &[("ifindex", Term::small(word(0)?.into())), ("spec_dst", spec), ("addr", addr)]))
        }
        (IPV6, 50) => {
            let ip = <[u8; 16]>::try_from(a.data.get(..16)?).ok()?;
            let addr = address::ip_term(h, std::net::Ipv6Addr::from(ip).into());
            Some(map(h, &[("addr", addr), ("ifindex", Term::small(word(16)?.into()))]))
        }
        _ => None,
    }
}

/// The names of the flags that are set.
pub fn flags(h: &mut Alloc, flags: i32, release: u32) -> Term {
    let named = MESSAGE_FLAGS.iter().filter(|f| f.2 <= release && f.0 != "notification" && f.1 != 0 && flags as u32 & f.1 != 0);
    let named: Vec<Term> = named.map(|f| term::atom::intern(f.0)).collect();
    h.list(&named)
}
