//! Messages with ancillary data, and addresses as the C library lays them out.

use std::{
    io::IoSlice,
    mem::size_of,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd},
};

use super::Addr;
use crate::{Errno, Result};

/// One piece of ancillary data (`cmsg`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancillary {
    pub level: i32,
    pub kind: i32,
    pub data: Vec<u8>,
}

impl Ancillary {
    /// The number that it is; some systems tell it in one byte.
    pub fn int(&self) -> Option<i32> {
        match self.data[..] {
            [a, b, c, d, ..] => Some(i32::from_ne_bytes([a, b, c, d])),
            [a, ..] => Some(a.into()),
            [] => None,
        }
    }

    /// What lies in these bytes.
    pub fn parse(bytes: &[u8]) -> Vec<Ancillary> {
        let head = size_of::<libc::cmsghdr>().next_multiple_of(size_of::<usize>());
        let (mut out, mut at) = (Vec::new(), 0);
        while let Some(h) = bytes.get(at..at + head) {
            let size = usize::from_ne_bytes(h[..8].try_into().unwrap_or_default());
            let int = |i: usize| i32::from_ne_bytes([h[i], h[i + 1], h[i + 2], h[i + 3]]);
            if size < head {
                break;
            }
            let data = &bytes[at + head..at.saturating_add(size).min(bytes.len())];
            out.push(Ancillary { level: int(8), kind: int(12), data: data.to_vec() });
            at = at.saturating_add(size).saturating_add(7) & !7;
        }
        out
    }
}

/// What a message has brought.
#[derive(Clone, Debug)]
pub struct Received {
    pub len: usize,
    pub addr: Addr,
    pub ancillary: Vec<Ancillary>,
    /// `MSG_*`.
    pub flags: i32,
}

/// An address as bytes of its `sockaddr`.
pub(super) fn encode(addr: &Addr) -> Result<Vec<u8>> {
    let family = |f: i32| (f as u16).to_ne_bytes();
    Ok(match addr {
        Addr::Ip(SocketAddr::V4(a)) => {
            let mut out = family(libc::AF_INET).to_vec();
            out.extend_from_slice(&a.port().to_be_bytes());
            out.extend_from_slice(&a.ip().octets());
            out.resize(size_of::<libc::sockaddr_in>(), 0);
            out
        }
        Addr::Ip(SocketAddr::V6(a)) => {
            let mut out = family(libc::AF_INET6).to_vec();
            out.extend_from_slice(&a.port().to_be_bytes());
            out.extend_from_slice(&a.flowinfo().to_be_bytes());
            out.extend_from_slice(&a.ip().octets());
            out.extend_from_slice(&a.scope_id().to_ne_bytes());
            out
        }
        Addr::Local(name) => {
            let room = size_of::<libc::sockaddr_un>() - 2;
            if name.len() >= room {
                return Err(Errno::EINVAL);
            }
            let mut out = family(libc::AF_UNIX).to_vec();
            out.extend_from_slice(name);
            if name.first().is_some_and(|&b| b != 0) {
                out.push(0);
            }
            out
        }
        Addr::Unspecified => return Err(Errno::EAFNOSUPPORT),
    })
}

pub(super) fn decode(bytes: &[u8]) -> Addr {
    let Some((family, rest)) = bytes.split_first_chunk::<2>() else { return Addr::Unspecified };
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET if rest.len() >= 6 => {
            let port = u16::from_be_bytes([rest[0], rest[1]]);
            Addr::ip(Ipv4Addr::new(rest[2], rest[3], rest[4], rest[5]), port)
        }
        libc::AF_INET6 if rest.len() >= 26 => {
            let word = |at: usize| [rest[at], rest[at + 1], rest[at + 2], rest[at + 3]];
            let ip: [u8; 16] = rest[6..22].try_into().unwrap_or_default();
            let (port, flow) = (u16::from_be_bytes([rest[0], rest[1]]), u32::from_be_bytes(word(2)));
            Addr::Ip(SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, u32::from_ne_bytes(word(22))).into())
        }
        libc::AF_UNIX => match rest.first() {
            Some(0) => Addr::Local(rest.to_vec()),
            _ => Addr::Local(rest.split(|&b| b == 0).next().unwrap_or_default().to_vec()),
        },
        _ => Addr::Unspecified,
    }
}

/// Ancillary data laid out one after the other.
fn lay_out(ancillary: &[Ancillary]) -> Vec<u64> {
    let head = size_of::<libc::cmsghdr>();
    let align = |n: usize| n.next_multiple_of(size_of::<usize>());
    let mut bytes = Vec::new();
    for a in ancillary {
        bytes.extend_from_slice(&(align(head) + a.data.len()).to_ne_bytes());
        bytes.extend_from_slice(&a.level.to_ne_bytes());
        bytes.extend_from_slice(&a.kind.to_ne_bytes());
        bytes.resize(bytes.len() + align(head) - head, 0);
        bytes.extend_from_slice(&a.data);
        bytes.resize(align(bytes.len()), 0);
    }
    bytes.chunks(8).map(|c| u64::from_ne_bytes(c.try_into().unwrap_or_default())).collect()
}

pub(super) fn send(fd: BorrowedFd<'_>, data: &[IoSlice<'_>], addr: Option<&Addr>, ancillary: &[Ancillary], flags: u32) -> Result<usize> {
    let name = addr.map(encode).transpose()?;
    let control = lay_out(ancillary);
    // SAFETY: rule 1: all zeroes is a message without anything.
    let mut m: libc::msghdr = unsafe { std::mem::zeroed() };
    if let Some(name) = &name {
        m.msg_name = name.as_ptr() as *mut _;
        m.msg_namelen = name.len() as u32;
    }
    m.msg_iov = data.as_ptr() as *mut _;
    m.msg_iovlen = data.len().min(1024);
    if !control.is_empty() {
        m.msg_control = control.as_ptr() as *mut _;
        m.msg_controllen = control.len() * 8;
    }
    loop {
        // SAFETY: rule 1: everything that the message points to lives until the call is over and is only read.
        let n = unsafe { libc::sendmsg(fd.as_raw_fd(), &m, flags as i32 | libc::MSG_NOSIGNAL) };
        match n {
            0.. => return Ok(n as usize),
            _ if Errno::last() == Errno::EINTR => {}
            _ => return Err(Errno::last()),
        }
    }
}

pub(super) fn receive(fd: BorrowedFd<'_>, buf: &mut [u8], room: usize, flags: u32) -> Result<Received> {
    let mut name = [0u8; size_of::<libc::sockaddr_storage>()];
    let mut control = vec![0u64; room.div_ceil(8)];
    // SAFETY: rule 1: all zeroes is a message without anything.
    let mut m: libc::msghdr = unsafe { std::mem::zeroed() };
    let mut slice = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    m.msg_iov = &mut slice;
    m.msg_iovlen = 1;
    loop {
        m.msg_name = name.as_mut_ptr().cast();
        m.msg_namelen = name.len() as u32;
        m.msg_control = control.as_mut_ptr().cast();
        m.msg_controllen = control.len() * 8;
        // SAFETY: rule 1: every buffer is given with its length and lives until the call is over.
        let n = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut m, flags as i32) };
        match n {
            0.. => {
                let control: Vec<u8> = control.iter().flat_map(|w| w.to_ne_bytes()).take(m.msg_controllen).collect();
                let addr = decode(&name[..(m.msg_namelen as usize).min(name.len())]);
                return Ok(Received { len: n as usize, addr, ancillary: Ancillary::parse(&control), flags: m.msg_flags });
            }
            _ if Errno::last() == Errno::EINTR => {}
            _ => return Err(Errno::last()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Family, Kind, Net, RealNet, numbers};
    use std::os::fd::AsFd;

    #[test]
    fn addresses_go_both_ways() {
        for a in [
            Addr::ip(Ipv4Addr::LOCALHOST, 80),
            Addr::ip6(Ipv6Addr::LOCALHOST, 80, 1, 2),
            Addr::Local(b"/tmp/x".to_vec()),
            Addr::Local(b"\0abc".to_vec()),
        ] {
            assert_eq!(decode(&encode(&a).unwrap()), a);
        }
    }

    #[test]
    fn ancillary() {
        let n = RealNet;
        let s = n.socket(Family::Inet, Kind::Dgram, 0).unwrap();
        n.bind(s.as_fd(), &Addr::ip(Ipv4Addr::LOCALHOST, 0)).unwrap();
        n.set_int(s.as_fd(), numbers::IPPROTO_IP, numbers::IP_RECVTTL, 1).unwrap();
        let at = n.local_addr(s.as_fd()).unwrap();
        let ttl = Ancillary { level: numbers::IPPROTO_IP, kind: numbers::IP_TTL, data: 33i32.to_ne_bytes().to_vec() };
        assert_eq!(n.send_message(s.as_fd(), &[IoSlice::new(b"abc")], Some(&at), &[ttl], 0), Ok(3));
        let got = n.recv_message(s.as_fd(), &mut [0; 10], 256, 0).unwrap();
        assert_eq!((got.len, got.addr, got.ancillary.len()), (3, at, 1));
        assert_eq!(got.ancillary[0].int(), Some(33));
    }
}
