//! Options: numbers of `prim_inet`'s protocol to the system's, and those that the drivers keep for themselves.

use super::socket::{Active, Socket, State};
use super::{message, number};
use crate::driver::Io;
use crate::packet::Kind as Packet;
use sys::net::numbers as n;
use sys::net::{Ancillary, Family, Kind};
use term::{Alloc, Term, am, atom};

const LINGER: u8 = 3;
const RECBUF: u8 = 7;
const TOS: u8 = 9;
const MULTICAST_IF: u8 = 11;
const ADD_MEMBERSHIP: u8 = 14;
const DROP_MEMBERSHIP: u8 = 15;
const EXCLUSIVEADDRUSE: u8 = 19;
const BUFFER: u8 = 20;
const HEADER: u8 = 21;
const ACTIVE: u8 = 22;
const PACKET: u8 = 23;
const MODE: u8 = 24;
const DELIVER: u8 = 25;
const EXIT_ON_CLOSE: u8 = 26;
const HIGH_WATERMARK: u8 = 27;
const LOW_WATERMARK: u8 = 28;
const SEND_TIMEOUT: u8 = 30;
const DELAY_SEND: u8 = 31;
const PACKET_SIZE: u8 = 32;
const READ_PACKETS: u8 = 33;
const RAW: u8 = 34;
const SEND_TIMEOUT_CLOSE: u8 = 35;
const HIGH_MSGQ_WATERMARK: u8 = 36;
const LOW_MSGQ_WATERMARK: u8 = 37;
const NETNS: u8 = 38;
const SHOW_ECONNRESET: u8 = 39;
const LINE_DELIMITER: u8 = 40;
const TCLASS: u8 = 41;
const BIND_TO_DEVICE: u8 = 42;
const RECVTOS: u8 = 43;
const RECVTCLASS: u8 = 44;
const PKTOPTIONS: u8 = 45;
const TTL: u8 = 46;
const RECVTTL: u8 = 47;
const READ_AHEAD: u8 = 49;
const NON_BLOCK_SEND: u8 = 50;
const DEBUG: u8 = 99;

/// Longer values are not asked for.
const VALUE_MAX: usize = 1 << 16;

/// Options of the operating system that are one number: ours, level, name, and whether a failure is told.
const NUMBERS: &[(u8, i32, i32, bool)] = &[
    (0, n::SOL_SOCKET, n::SO_REUSEADDR, false),
    (1, n::SOL_SOCKET, n::SO_KEEPALIVE, false),
    (2, n::SOL_SOCKET, n::SO_DONTROUTE, false),
    (4, n::SOL_SOCKET, n::SO_BROADCAST, false),
    (6, n::SOL_SOCKET, n::SO_SNDBUF, false),
    (RECBUF, n::SOL_SOCKET, n::SO_RCVBUF, false),
    (8, n::SOL_SOCKET, n::SO_PRIORITY, true),
    (TOS, n::IPPROTO_IP, n::IP_TOS, true),
    (10, n::IPPROTO_TCP, n::TCP_NODELAY, false),
    (12, n::IPPROTO_IP, n::IP_MULTICAST_TTL, false),
    (13, n::IPPROTO_IP, n::IP_MULTICAST_LOOP, false),
    (16, n::IPPROTO_IPV6, n::IPV6_V6ONLY, true),
    (17, n::SOL_SOCKET, n::SO_REUSEPORT, false),
    (18, n::SOL_SOCKET, n::SO_REUSEPORT, false),
    (TCLASS, n::IPPROTO_IPV6, n::IPV6_TCLASS, true),
    (RECVTOS, n::IPPROTO_IP, n::IP_RECVTOS, true),
    (RECVTCLASS, n::IPPROTO_IPV6, n::IPV6_RECVTCLASS, true),
    (TTL, n::IPPROTO_IP, n::IP_TTL, true),
    (RECVTTL, n::IPPROTO_IP, n::IP_RECVTTL, true),
    (48, n::IPPROTO_TCP, n::TCP_CORK, false),
    (51, n::IPPROTO_TCP, n::TCP_KEEPCNT, true),
    (52, n::IPPROTO_TCP, n::TCP_KEEPIDLE, true),
    (53, n::IPPROTO_TCP, n::TCP_KEEPINTVL, true),
    (54, n::IPPROTO_TCP, n::TCP_USER_TIMEOUT, true),
];

/// Options of a release that a prior one does not know.
fn known(option: u8, release: u32) -> bool {
    match option {
        17..=19 | READ_AHEAD | NON_BLOCK_SEND => release >= 26,
        51..=54 => release >= 28,
        _ => true,
    }
}

/// What setting options has brought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    Nothing,
    /// What has come in should be looked at.
    Look,
    Invalid,
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn int(&mut self) -> Option<i32> {
        self.take(4).and_then(|b| number(b, 0)).map(|n| n as i32)
    }
}

/// Sets options: `[Option, Value]` one after the other.
pub(crate) fn set(s: &mut Socket, io: &mut Io, data: &[u8]) -> Effect {
    let (was_active, was_packet) = (s.active != Active::No, s.settings.packet);
    let mut r = Reader(data);
    while let Some(&[option]) = r.take(1) {
        if one(s, io, option, &mut r).is_none() {
            return Effect::Invalid;
        }
    }
    let is_active = s.active != Active::No;
    let reads = match s.kind {
        Kind::Stream => s.state == State::Connected,
        _ => s.is_open(),
    };
    if !reads {
        return Effect::Nothing;
    }
    if is_active != was_active {
        s.want.read = is_active;
    }
    if s.kind == Kind::Stream && is_active && (!was_active || s.settings.packet != was_packet) { Effect::Look } else { Effect::Nothing }
}

fn one(s: &mut Socket, io: &mut Io, option: u8, r: &mut Reader) -> Option<()> {
    let value = r.int()?;
    let release = io.surroundings().release();
    let on = value != 0;
    let size = value.max(0) as usize;
    let stream = s.kind == Kind::Stream;
    if !known(option, release) {
        return None;
    }
    match option {
        HEADER => s.settings.header = size,
        MODE => s.settings.binary = on,
        DELIVER => s.settings.as_term = on,
        BUFFER => {
            s.settings.buffer = size.max(1);
            s.settings.buffer_is_set = true;
        }
        ACTIVE => active(s, io, value, r)?,
        PACKET => {
            s.settings.packet_kind = Packet::from_number(value as u32)?;
            s.settings.packet = value as u32;
        }
        PACKET_SIZE => s.settings.packet_size = value as u32 as usize,
        EXIT_ON_CLOSE => s.settings.exit_on_close = on,
        HIGH_WATERMARK if stream => {
            s.settings.high = size;
            s.settings.low = s.settings.low.min(size);
        }
        LOW_WATERMARK if stream => {
            s.settings.low = size;
            s.settings.high = s.settings.high.max(size);
        }
        HIGH_MSGQ_WATERMARK => s.settings.msgq_high = u32::try_from(value).ok().filter(|&n| n > 0)?,
        LOW_MSGQ_WATERMARK => s.settings.msgq_low = u32::try_from(value).ok().filter(|&n| n > 0)?,
        SEND_TIMEOUT if stream => s.settings.send_timeout_ms = u32::try_from(value).ok(),
        SEND_TIMEOUT_CLOSE if stream => s.settings.send_timeout_close = on,
        DELAY_SEND if stream => s.settings.delay_send = on,
        SHOW_ECONNRESET if stream => s.settings.show_econnreset = on,
        HIGH_WATERMARK | LOW_WATERMARK | SEND_TIMEOUT | SEND_TIMEOUT_CLOSE | DELAY_SEND | SHOW_ECONNRESET => {}
        READ_PACKETS if !stream && value <= 0 => return None,
        READ_PACKETS => s.read_packets = size,
        NETNS => s.netns = Some(r.take(usize::try_from(value).ok()?)?.to_vec()),
        LINE_DELIMITER => s.settings.line_delimiter = value as u8,
        READ_AHEAD => s.settings.read_ahead = on,
        NON_BLOCK_SEND => s.non_block_send = on,
        DEBUG => s.debug = on,
        EXCLUSIVEADDRUSE => {}
        LINGER => {
            let seconds = r.int()?;
            s.settings.linger_zero = on && seconds == 0;
            let value = [value.to_ne_bytes(), seconds.to_ne_bytes()].concat();
            system(s, io, n::SOL_SOCKET, n::SO_LINGER, &value, false)?;
        }
        MULTICAST_IF => match s.family {
            Family::Inet => system(s, io, n::IPPROTO_IP, n::IP_MULTICAST_IF, &value.to_be_bytes(), false)?,
            Family::Inet6 => system(s, io, n::IPPROTO_IPV6, n::IPV6_MULTICAST_IF, &value.to_ne_bytes(), false)?,
            Family::Local => return None,
        },
        ADD_MEMBERSHIP | DROP_MEMBERSHIP => membership(s, io, option == ADD_MEMBERSHIP, value, r)?,
        RAW => {
            let (name, size) = (r.int()?, r.int()?);
            let bytes = r.take(usize::try_from(size).ok()?)?;
            system(s, io, value, name, bytes, false)?;
        }
        BIND_TO_DEVICE => {
            let name = r.take(usize::try_from(value).ok().filter(|&n| n <= 16)?)?;
            system(s, io, n::SOL_SOCKET, n::SO_BINDTODEVICE, name, true)?;
        }
        _ => {
            let &(_, level, name, told) = NUMBERS.iter().find(|o| o.0 == option)?;
            if option == RECBUF && !s.settings.buffer_is_set {
                let most = if stream { usize::MAX } else { 1 << 16 };
                s.settings.buffer = s.settings.buffer.max(size.min(most));
            }
            let net = &io.world().net;
            // The system derives the priority from the type of service; here they are independent.
            let priority = if option == TOS { s.fd().and_then(|fd| net.int(fd, n::SOL_SOCKET, n::SO_PRIORITY)).ok() } else { None };
            let done = s.fd().and_then(|fd| net.set_int(fd, level, name, value));
            if let (Some(priority), Ok(fd)) = (priority, s.fd()) {
                let _ = net.set_int(fd, n::SOL_SOCKET, n::SO_PRIORITY, priority);
            }
            let place = [RECVTOS, RECVTCLASS, RECVTTL].iter().position(|&o| o == option);
            if let (Ok(()), Some(place)) = (done, place) {
                s.with_ancillary[place] = on;
            }
            if told {
                done.ok()?;
            }
        }
    }
    Some(())
}

/// Sets an option of the operating system.
fn system(s: &Socket, io: &Io, level: i32, name: i32, value: &[u8], told: bool) -> Option<()> {
    let done = s.fd().and_then(|fd| io.world().net.set_option(fd, level, name, value));
    if told { done.ok() } else { Some(()) }
}

fn active(s: &mut Socket, io: &mut Io, value: i32, r: &mut Reader) -> Option<()> {
    let mut used_up = false;
    s.active = match value {
        0 => Active::No,
        1 => Active::Yes,
        2 => Active::Once,
        3 => {
            let more = r.take(2).map(|b| i32::from(i16::from_be_bytes([b[0], b[1]])))?;
            let old = if let Active::Count(n) = s.active { i32::from(n) } else { 0 };
            let sum = old + more;
            i16::try_from(sum).ok()?;
            used_up = sum <= 0;
            if used_up { Active::No } else { Active::Count(sum as u16) }
        }
        _ => return None,
    };
    if used_up {
        passive(s, io);
    }
    // A stream that has ended before says so as soon as somebody listens.
    if s.kind == Kind::Stream && s.active != Active::No && s.state == State::Closed {
        if std::mem::take(&mut s.reset_pending) {
            message::tell(io, atom!("tcp_error"), |_| vec![atom!("econnreset")]);
        }
        message::tell(io, atom!("tcp_closed"), |_| Vec::new());
        if s.settings.exit_on_close {
            io.leave(am::NORMAL);
        }
    }
    Some(())
}

/// Tells the owner that the count of messages is used up.
pub(super) fn passive(s: &Socket, io: &Io) {
    let tag = if s.kind == Kind::Stream { atom!("tcp_passive") } else { atom!("udp_passive") };
    message::tell(io, tag, |_| Vec::new());
}

fn membership(s: &Socket, io: &Io, add: bool, family: i32, r: &mut Reader) -> Option<()> {
    let index = r.int()?;
    match (family, s.family) {
        (1, Family::Inet) => {
            let (group, local) = (r.take(4)?, r.take(4)?);
            let value = [group, local, &index.to_ne_bytes()].concat();
            let name = if add { n::IP_ADD_MEMBERSHIP } else { n::IP_DROP_MEMBERSHIP };
            system(s, io, n::IPPROTO_IP, name, &value, false)
        }
        (2, Family::Inet6) => {
            let value = [r.take(16)?, &index.to_ne_bytes()].concat();
            let name = if add { n::IPV6_ADD_MEMBERSHIP } else { n::IPV6_DROP_MEMBERSHIP };
            system(s, io, n::IPPROTO_IPV6, name, &value, false)
        }
        _ => None,
    }
}

/// Values of options: `[Option, Value]` one after the other; what the system does not tell is left out. `None`: no such option.
pub(crate) fn get(s: &Socket, io: &Io, asked: &[u8]) -> Option<Vec<u8>> {
    let net = &io.world().net;
    let stream = s.kind == Kind::Stream;
    let release = io.surroundings().release();
    let set = &s.settings;
    let mut out = Vec::new();
    let mut r = Reader(asked);
    while let Some(&[option]) = r.take(1) {
        if !known(option, release) {
            return None;
        }
        let own: Option<i64> = match option {
            BUFFER => Some(set.buffer as i64),
            HEADER => Some(set.header as i64),
            MODE => Some(set.binary.into()),
            DELIVER => Some(set.as_term.into()),
            PACKET => Some(set.packet.into()),
            PACKET_SIZE => Some(set.packet_size as i64),
            EXIT_ON_CLOSE => Some(set.exit_on_close.into()),
            HIGH_WATERMARK if stream => Some(set.high as i64),
            LOW_WATERMARK if stream => Some(set.low as i64),
            HIGH_MSGQ_WATERMARK => Some(set.msgq_high.into()),
            LOW_MSGQ_WATERMARK => Some(set.msgq_low.into()),
            SEND_TIMEOUT if stream => Some(set.send_timeout_ms.map_or(-1, i64::from)),
            SEND_TIMEOUT_CLOSE if stream => Some(set.send_timeout_close.into()),
            DELAY_SEND if stream => Some(set.delay_send.into()),
            SHOW_ECONNRESET if stream => Some(set.show_econnreset.into()),
            READ_PACKETS if !stream => Some(s.read_packets as i64),
            READ_AHEAD => Some(set.read_ahead.into()),
            NON_BLOCK_SEND => Some(s.non_block_send.into()),
            DEBUG => Some(s.debug.into()),
            EXCLUSIVEADDRUSE => Some(0),
            HIGH_WATERMARK | LOW_WATERMARK | SEND_TIMEOUT | SEND_TIMEOUT_CLOSE | DELAY_SEND | SHOW_ECONNRESET | READ_PACKETS => continue,
            LINE_DELIMITER => return None,
            _ => None,
        };
        if let Some(value) = own {
            out.push(option);
            out.extend_from_slice(&(value as i32).to_be_bytes());
            continue;
        }
        let bytes = |level, name, size| s.fd().and_then(|fd| net.option(fd, level, name, size));
        match option {
            ACTIVE => {
                let (number, count) = match s.active {
                    Active::No => (0, None),
                    Active::Yes => (1, None),
                    Active::Once => (2, None),
                    Active::Count(n) => (3u32, Some(n)),
                };
                out.push(ACTIVE);
                out.extend_from_slice(&number.to_be_bytes());
                out.extend(count.into_iter().flat_map(u16::to_be_bytes));
            }
            NETNS => {
                if let Some(name) = &s.netns {
                    put_bytes(&mut out, NETNS, name);
                }
            }
            LINGER => {
                if let Ok(value) = bytes(n::SOL_SOCKET, n::SO_LINGER, 8)
                    && let [a, b, c, d, e, f, g, h] = value[..]
                {
                    out.push(LINGER);
                    out.extend_from_slice(&i32::from_ne_bytes([a, b, c, d]).to_be_bytes());
                    out.extend_from_slice(&i32::from_ne_bytes([e, f, g, h]).to_be_bytes());
                }
            }
            MULTICAST_IF => {
                let (family, value) = match s.family {
                    Family::Inet => (1u32, bytes(n::IPPROTO_IP, n::IP_MULTICAST_IF, 4)),
                    Family::Inet6 => (2, bytes(n::IPPROTO_IPV6, n::IPV6_MULTICAST_IF, 4).map(|mut v| {
                        v.reverse();
                        v
                    })),
                    Family::Local => return None,
                };
                if let Ok(value) = value {
                    out.push(MULTICAST_IF);
                    out.extend_from_slice(&value);
                    out.extend_from_slice(&family.to_be_bytes());
                }
            }
            RAW => {
                let (level, name) = (r.int()?, r.int()?);
                let &[given] = r.take(1)? else { return None };
                let size = usize::try_from(r.int()?).ok().filter(|&s| s + 13 <= VALUE_MAX)?;
                if given != 0 {
                    r.take(size)?;
                }
                if let Ok(value) = bytes(level, name, size) {
                    out.push(RAW);
                    out.extend_from_slice(&level.to_be_bytes());
                    out.extend_from_slice(&name.to_be_bytes());
                    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                    out.extend_from_slice(&value);
                }
            }
            BIND_TO_DEVICE => {
                if let Ok(value) = bytes(n::SOL_SOCKET, n::SO_BINDTODEVICE, 16) {
                    put_bytes(&mut out, option, value.split(|&b| b == 0).next().unwrap_or_default());
                }
            }
            PKTOPTIONS => {
                if s.family != Family::Inet {
                    return None;
                }
                if let Ok(found) = bytes(n::IPPROTO_IP, n::IP_PKTOPTIONS, 256).map(|b| Ancillary::parse(&b)) {
                    let mut values = Vec::new();
                    for (option, value) in found.iter().filter_map(known_ancillary) {
                        values.push(option);
                        values.extend_from_slice(&value.to_be_bytes());
                    }
                    put_bytes(&mut out, PKTOPTIONS, &values);
                }
            }
            _ => {
                let &(_, level, name, _) = NUMBERS.iter().find(|o| o.0 == option)?;
                if let Ok(value) = s.fd().and_then(|fd| net.int(fd, level, name)) {
                    out.push(option);
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
        }
    }
    Some(out)
}

fn put_bytes(out: &mut Vec<u8>, option: u8, bytes: &[u8]) {
    out.push(option);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Ancillary data that Erlang knows, as option and value.
fn known_ancillary(a: &Ancillary) -> Option<(u8, i32)> {
    let option = match (a.level, a.kind) {
        (n::IPPROTO_IP, n::IP_TOS | n::IP_RECVTOS) => TOS,
        (n::IPPROTO_IPV6, n::IPV6_TCLASS) => TCLASS,
        (n::IPPROTO_IP, n::IP_TTL | n::IP_RECVTTL) => TTL,
        _ => return None,
    };
    Some((option, a.int()?))
}

/// `[{tos, Value}, ...]`.
pub(crate) fn ancillary_term(a: &mut Alloc, all: &[Ancillary]) -> Term {
    let mut list = Vec::new();
    for (option, value) in all.iter().filter_map(known_ancillary) {
        let name = match option {
            TOS => atom!("tos"),
            TCLASS => atom!("tclass"),
            _ => atom!("ttl"),
        };
        list.push(a.tuple(&[name, Term::small(value.into())]));
    }
    a.list(&list)
}

/// Ancillary data to be sent, from options with values.
pub(crate) fn ancillary_from_bytes(data: &[u8]) -> Option<Vec<Ancillary>> {
    let mut out = Vec::new();
    let mut r = Reader(data);
    while let Some(&[option]) = r.take(1) {
        let (level, kind) = match option {
            TOS => (n::IPPROTO_IP, n::IP_TOS),
            TCLASS => (n::IPPROTO_IPV6, n::IPV6_TCLASS),
            TTL => (n::IPPROTO_IP, n::IP_TTL),
            _ => return None,
        };
        out.push(Ancillary { level, kind, data: r.int()?.to_ne_bytes().to_vec() });
    }
    // The first that is named counts last.
    out.reverse();
    Some(out)
}
