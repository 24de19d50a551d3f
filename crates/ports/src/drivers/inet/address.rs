//! Addresses as `prim_inet` writes and reads them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use sys::Errno;
use sys::net::{Addr, Family};
use term::{Alloc, Term, atom};

const INET: u8 = 1;
const INET6: u8 = 2;
const ANY: u8 = 3;
const LOOPBACK: u8 = 4;
const LOCAL: u8 = 5;
const UNSPECIFIED: u8 = 0;

/// An address, and how many bytes it took; or the error's name.
pub(crate) type Wanted = Result<(Addr, usize), &'static str>;

/// The address at the front.
pub(crate) fn read(family: Family, data: &[u8]) -> Wanted {
    let invalid = Errno::EINVAL.name();
    let (&tag, rest) = data.split_first().ok_or(invalid)?;
    if tag == LOCAL {
        let (&len, rest) = rest.split_first().ok_or(invalid)?;
        let name = rest.get(..usize::from(len)).ok_or(invalid)?;
        return match family {
            Family::Local => Ok((Addr::Local(name.to_vec()), 2 + name.len())),
            _ => Err("eafnosupport"),
        };
    }
    let (port, rest) = rest.split_first_chunk::<2>().ok_or(invalid)?;
    let port = u16::from_be_bytes(*port);
    match tag {
        INET => {
            let ip = rest.first_chunk::<4>().ok_or(invalid)?;
            Ok((Addr::ip(Ipv4Addr::from(*ip), port), 7))
        }
        INET6 => {
            let ip = rest.first_chunk::<16>().ok_or(invalid)?;
            let word = |at| super::number(rest, at).ok_or(invalid);
            Ok((Addr::ip6(Ipv6Addr::from(*ip), port, word(16)?, word(20)?), 27))
        }
        ANY | LOOPBACK => {
            let addr = match (family, tag) {
                (Family::Inet, ANY) => Addr::ip(Ipv4Addr::UNSPECIFIED, port),
                (Family::Inet, _) => Addr::ip(Ipv4Addr::LOCALHOST, port),
                (Family::Inet6, ANY) => Addr::ip(Ipv6Addr::UNSPECIFIED, port),
                (Family::Inet6, _) => Addr::ip(Ipv6Addr::LOCALHOST, port),
                _ => return Err(invalid),
            };
            Ok((addr, 3))
        }
        _ => Err("eafnosupport"),
    }
}

/// Appends an address.
pub(crate) fn put(out: &mut Vec<u8>, addr: &Addr) {
    match addr {
        Addr::Ip(SocketAddr::V4(a)) => {
            out.push(INET);
            out.extend_from_slice(&a.port().to_be_bytes());
            out.extend_from_slice(&a.ip().octets());
        }
        Addr::Ip(SocketAddr::V6(a)) => {
            out.push(INET6);
            out.extend_from_slice(&a.port().to_be_bytes());
            out.extend_from_slice(&a.ip().octets());
        }
        Addr::Local(name) => {
            let name = &name[..name.len().min(255)];
            out.extend_from_slice(&[LOCAL, name.len() as u8]);
            out.extend_from_slice(name);
        }
        Addr::Unspecified => out.push(UNSPECIFIED),
    }
}

/// Address and port as terms, as messages carry them.
pub(crate) fn term(a: &mut Alloc, addr: &Addr) -> (Term, Term) {
    match addr {
        Addr::Ip(addr) => {
            let port = Term::small(addr.port().into());
            let parts: Vec<Term> = match addr {
                SocketAddr::V4(v4) => v4.ip().octets().iter().map(|&b| Term::small(b.into())).collect(),
                SocketAddr::V6(v6) => v6.ip().segments().iter().map(|&s| Term::small(s.into())).collect(),
            };
            (a.tuple(&parts), port)
        }
        Addr::Local(name) => {
            let name = a.binary(name);
            (a.tuple(&[atom!("local"), name]), Term::small(0))
        }
        Addr::Unspecified => {
            let none = a.binary(b"");
            (a.tuple(&[atom!("unspec"), none]), Term::small(0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let v4 = [1, 0, 80, 127, 0, 0, 1];
        let (addr, used) = read(Family::Inet, &v4).unwrap();
        let mut out = Vec::new();
        put(&mut out, &addr);
        assert_eq!((used, &out[..]), (7, &v4[..]));
        assert_eq!(read(Family::Inet6, &[4, 0, 1]), Ok((Addr::ip(Ipv6Addr::LOCALHOST, 1), 3)));
        assert_eq!(read(Family::Local, &[5, 2, b'a', b'b', b'c']), Ok((Addr::Local(b"ab".to_vec()), 4)));
        assert_eq!(read(Family::Inet, &[9, 0, 0]), Err("eafnosupport"));
        assert_eq!(read(Family::Inet, &[1, 0, 0, 1]), Err("einval"));
    }
}
