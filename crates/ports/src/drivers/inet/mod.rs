//! What the socket drivers have in common: `Socket` (descriptor, state, settings, counts), the requests that every kind of socket
//! answers, addresses and options as bytes of `prim_inet`'s protocol, messages to processes.
//! Not here: streams (`tcp_inet`), datagrams (`udp_inet`), the operating system's calls (`sys::net`).

mod address;
mod control;
mod interfaces;
mod message;
mod options;
mod socket;

use crate::driver::{Control, Io};

pub(crate) use address::{put as put_address, read as read_address, term as address_term};
pub(crate) use control::{control, error, error_text, fdopen, open, reply};
pub(crate) use message::{Sender, asynchronous, data_term, done, failed, packet_term, tell};
pub(crate) use options::{Effect, ancillary_from_bytes, ancillary_term, set as set_options};
pub(crate) use socket::{Active, Settings, Socket, State};

/// What `prim_inet` adds to the numbers of its requests.
pub(crate) const BASE: u32 = 0x03f1_a300;

/// Requests that the drivers tell apart; the others are `control`'s.
pub(crate) mod request {
    pub const OPEN: u32 = 1;
    pub const CLOSE: u32 = 2;
    pub const CONNECT: u32 = 3;
    pub const SETOPTS: u32 = 7;
    pub const FDOPEN: u32 = 13;
    pub const ACCEPT: u32 = 26;
    pub const LISTEN: u32 = 27;
    pub const TCP_RECV: u32 = 42;
    pub const TCP_UNRECV: u32 = 43;
    pub const TCP_SHUTDOWN: u32 = 44;
    pub const TCP_SENDFILE: u32 = 45;
    pub const PACKET_RECV: u32 = 60;
}

/// A driver of sockets of one kind.
pub(crate) trait Requests {
    fn socket(&mut self) -> &mut Socket;
    /// A request of `prim_inet`.
    fn request(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control;
}

/// `Driver::control` of all of them.
pub(crate) fn requested(driver: &mut impl Requests, io: &mut Io, operation: u32, data: &[u8]) -> Control {
    let Some(operation) = operation.checked_sub(BASE) else { return Control::Bad };
    let answer = driver.request(io, operation, data);
    driver.socket().arm(io);
    answer
}

/// A 32-bit number at a place.
pub(crate) fn number(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// A 64-bit number at a place.
pub(crate) fn long(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(number(data, at)?) << 32 | u64::from(number(data, at + 4)?))
}

/// A time in milliseconds at a place; all ones: for ever.
pub(crate) fn time(data: &[u8], at: usize) -> Option<Option<std::time::Duration>> {
    let ms = number(data, at)?;
    Some((ms != u32::MAX).then(|| std::time::Duration::from_millis(ms.into())))
}
