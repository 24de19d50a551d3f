//! Requests that every kind of socket answers.

use super::super::pipe::End;
use super::address::{put, read};
use super::socket::{Active, Counts, Socket, State};
use super::{interfaces, number, options};
use crate::driver::{Control, Io};
use std::os::fd::AsRawFd;
use sys::Errno;
use sys::net::{Addr, Family, Kind};

/// What answers begin with.
const ERROR: u8 = 0;
const OK: u8 = 1;

mod request {
    pub const PEER: u32 = 4;
    pub const NAME: u32 = 5;
    pub const BIND: u32 = 6;
    pub const GETOPTS: u32 = 8;
    pub const GETSTAT: u32 = 11;
    pub const GETHOSTNAME: u32 = 12;
    pub const GETFD: u32 = 14;
    pub const GETTYPE: u32 = 15;
    pub const GETSTATUS: u32 = 16;
    pub const GETSERVBYNAME: u32 = 17;
    pub const GETSERVBYPORT: u32 = 18;
    pub const SETNAME: u32 = 19;
    pub const SETPEER: u32 = 20;
    pub const GETIFLIST: u32 = 21;
    pub const IFGET: u32 = 22;
    pub const IFSET: u32 = 23;
    pub const SUBSCRIBE: u32 = 24;
    pub const GETIFADDRS: u32 = 25;
    pub const IGNOREFD: u32 = 28;
    pub const GETLADDRS: u32 = 29;
    pub const GETPADDRS: u32 = 30;
}

pub(crate) fn reply(data: &[u8]) -> Control {
    let mut all = vec![OK];
    all.extend_from_slice(data);
    Control::List(all)
}

pub(crate) fn error(e: Errno) -> Control {
    error_text(e.name())
}

pub(crate) fn error_text(reason: &str) -> Control {
    let mut all = vec![ERROR];
    all.extend_from_slice(reason.as_bytes());
    Control::List(all)
}

/// A request for an open socket came before it was opened, or is not known at all.
fn bad_port() -> Control {
    error_text("exbadport")
}

/// Opens a socket: family, kind and, since release 28, protocol.
pub(crate) fn open(s: &mut Socket, io: &Io, data: &[u8]) -> Control {
    let modern = io.surroundings().release() >= 28;
    let (family, kind, protocol) = match *data {
        [family, kind] if !modern => (family, kind, 0),
        [family, kind, protocol] if modern => (family, kind, protocol),
        _ => return error(Errno::EINVAL),
    };
    if s.is_open() {
        return error_text("exbadseq");
    }
    let (family, kind) = match (self::family(family), self::kind(kind)) {
        (None, _) => return error_text("eafnosupport"),
        (_, None) => return error(Errno::EINVAL),
        (Some(family), Some(kind)) => (family, kind),
    };
    if (kind == Kind::Stream) != (s.kind == Kind::Stream) {
        return error(Errno::EINVAL);
    }
    // The protocols' numbers: TCP's of many paths is the only one that is not the usual one of its kind.
    let protocol = if protocol == 4 { 262 } else { 0 };
    match io.world().net.socket(family, kind, protocol) {
        Ok(fd) => {
            s.begin(End::Owned(fd), State::Open);
            (s.family, s.kind) = (family, kind);
            reply(&[])
        }
        Err(e) => error(e),
    }
}

/// Takes a descriptor that is open already.
pub(crate) fn fdopen(s: &mut Socket, io: &Io, data: &[u8]) -> Control {
    let (Some(&[family, kind]), Some(fd), 6 | 10) = (data.first_chunk::<2>(), number(data, 2), data.len()) else {
        return error(Errno::EINVAL);
    };
    let (family, kind) = match (self::family(family), self::kind(kind)) {
        (None, _) => return error_text("eafnosupport"),
        (_, None) => return error(Errno::EINVAL),
        (Some(family), Some(kind)) => (family, kind),
    };
    let net = &io.world().net;
    let Some(fd) = i32::try_from(fd).ok().and_then(sys::fd::borrow) else { return error(Errno::EBADF) };
    let name = match net.local_addr(fd) {
        Ok(name) => name,
        Err(e) => return error(e),
    };
    let fits = match &name {
        Addr::Ip(a) => (family == Family::Inet6) == a.is_ipv6() && family != Family::Local,
        Addr::Local(_) => family == Family::Local,
        Addr::Unspecified => true,
    };
    if !fits {
        return error(Errno::EINVAL);
    }
    if let Err(e) = sys::fd::set_nonblocking(fd, true) {
        return error(e);
    }
    let connected = kind == Kind::Stream && net.peer_addr(fd).is_ok();
    s.begin(End::Borrowed(fd), if connected { State::Connected } else { State::Open });
    (s.family, s.kind) = (family, kind);
    reply(&[])
}

fn family(number: u8) -> Option<Family> {
    Some(match number {
        1 => Family::Inet,
        2 => Family::Inet6,
        5 => Family::Local,
        _ => return None,
    })
}

fn kind(number: u8) -> Option<Kind> {
    Some(match number {
        1 => Kind::Stream,
        2 => Kind::Dgram,
        3 => Kind::SeqPacket,
        _ => return None,
    })
}

fn addr_reply(addr: Result<Addr, Errno>) -> Control {
    match addr {
        Ok(addr) => {
            let mut out = Vec::new();
            put(&mut out, &addr);
            reply(&out)
        }
        Err(e) => error(e),
    }
}

/// `queued`: bytes that wait to go out.
pub(crate) fn control(s: &mut Socket, io: &mut Io, operation: u32, data: &[u8], queued: usize, status: u32) -> Control {
    let net = &io.world().net;
    match operation {
        request::GETSTAT => statistics(&s.counts, data, queued),
        request::SUBSCRIBE => {
            let mut out = Vec::new();
            for &what in data {
                if what != 1 {
                    return error(Errno::EINVAL);
                }
                out.push(1);
                out.extend_from_slice(&(queued as u32).to_be_bytes());
                if queued > 0 {
                    s.subscribers.extend(io.caller);
                }
            }
            reply(&out)
        }
        request::GETOPTS => options::get(s, io, data).map_or_else(|| error(Errno::EINVAL), |out| reply(&out)),
        request::GETIFLIST | request::GETIFADDRS | request::IFGET | request::IFSET if !s.is_open() => bad_port(),
        request::GETIFLIST => interfaces::names(io),
        request::GETIFADDRS => interfaces::addresses(io),
        request::IFGET => interfaces::facts(io, data),
        request::IFSET => error(Errno::EPERM),
        request::GETFD => match s.fd() {
            Ok(fd) => reply(&fd.as_raw_fd().to_be_bytes()),
            Err(_) => bad_port(),
        },
        request::GETTYPE => {
            let family: u32 = match s.family {
                _ if !s.is_open() => 0,
                Family::Inet => 1,
                Family::Inet6 => 2,
                Family::Local => 5,
            };
            let kind: u32 = match s.kind {
                Kind::Stream => 1,
                Kind::Dgram => 2,
                Kind::SeqPacket => 3,
            };
            reply(&[family.to_be_bytes(), kind.to_be_bytes()].concat())
        }
        request::GETSTATUS => reply(&status.to_be_bytes()),
        request::GETHOSTNAME => reply(&io.world().host.hostname()),
        request::PEER if s.state != State::Connected => error(Errno::ENOTCONN),
        request::PEER => match &s.fake_peer {
            Some(addr) => addr_reply(Ok(addr.clone())),
            None => addr_reply(s.fd().and_then(|fd| net.peer_addr(fd))),
        },
        request::NAME => match &s.fake_name {
            Some(addr) => addr_reply(Ok(addr.clone())),
            None => addr_reply(s.fd().and_then(|fd| net.local_addr(fd))),
        },
        request::SETPEER | request::SETNAME => {
            let place = if operation == request::SETPEER { &mut s.fake_peer } else { &mut s.fake_name };
            if data.is_empty() {
                *place = None;
                return reply(&[]);
            }
            match read(s.family, data) {
                Ok((addr, _)) => {
                    *place = Some(addr);
                    reply(&[])
                }
                Err(reason) => error_text(reason),
            }
        }
        request::GETLADDRS | request::GETPADDRS if data.len() != 4 => error(Errno::EINVAL),
        request::GETLADDRS | request::GETPADDRS if !s.is_open() => bad_port(),
        request::GETLADDRS => addr_reply(s.fd().and_then(|fd| net.local_addr(fd))),
        request::GETPADDRS => addr_reply(s.fd().and_then(|fd| net.peer_addr(fd))),
        request::BIND => bind(s, io, data),
        request::IGNOREFD => ignore(s, io, data),
        request::GETSERVBYNAME => {
            let parts = data.split_first().and_then(|(&n, rest)| {
                let (name, rest) = rest.split_at_checked(n.into())?;
                let (&n, rest) = rest.split_first()?;
                Some((name, rest.get(..usize::from(n))?))
            });
            match parts.and_then(|(name, protocol)| net.service_port(name, protocol)) {
                Some(port) => reply(&port.to_be_bytes()),
                None => error(Errno::EINVAL),
            }
        }
        request::GETSERVBYPORT => {
            let parts = data.split_first_chunk::<2>().and_then(|(port, rest)| {
                let (&n, rest) = rest.split_first()?;
                Some((u16::from_be_bytes(*port), rest.get(..usize::from(n))?))
            });
            match parts.and_then(|(port, protocol)| net.service_name(port, protocol)) {
                Some(name) => reply(&name),
                None => error(Errno::EINVAL),
            }
        }
        _ => bad_port(),
    }
}

fn bind(s: &mut Socket, io: &Io, data: &[u8]) -> Control {
    if data.len() < 2 {
        return error(Errno::EINVAL);
    }
    if s.state != State::Open {
        return bad_port();
    }
    let addr = match read(s.family, data) {
        Ok((addr, _)) => addr,
        Err(reason) => return error_text(reason),
    };
    let net = &io.world().net;
    if let Err(e) = s.fd().and_then(|fd| net.bind(fd, &addr)) {
        return error(e);
    }
    let port = match s.fd().and_then(|fd| net.local_addr(fd)) {
        Ok(Addr::Ip(a)) => a.port(),
        _ => 0,
    };
    reply(&port.to_be_bytes())
}

/// Leaves the descriptor to somebody else for a while.
fn ignore(s: &mut Socket, io: &Io, data: &[u8]) -> Control {
    if s.state != State::Connected {
        return error(Errno::ENOTCONN);
    }
    match data {
        _ if s.kind != Kind::Stream => error(Errno::EINVAL),
        [1] if !s.ignored => {
            s.ignored = true;
            s.disarm(io);
            reply(&[])
        }
        [0] if s.ignored => {
            s.ignored = false;
            s.want.read |= s.active != Active::No;
            s.arm(io);
            reply(&[])
        }
        _ => error(Errno::EINVAL),
    }
}

fn statistics(c: &Counts, asked: &[u8], queued: usize) -> Control {
    let mut out = Vec::new();
    for &what in asked {
        out.push(what);
        let small: u32 = match what {
            1 => c.received.count,
            2 => c.received.largest,
            3 => c.received.average as u32,
            4 => c.deviation.abs() as u32,
            5 => c.sent.count,
            6 => c.sent.largest,
            7 => c.sent.average as u32,
            8 => queued as u32,
            9 | 10 => {
                let bytes = if what == 9 { c.received.bytes } else { c.sent.bytes };
                out.extend_from_slice(&bytes.to_be_bytes());
                continue;
            }
            _ => return error(Errno::EINVAL),
        };
        out.extend_from_slice(&small.to_be_bytes());
    }
    reply(&out)
}
