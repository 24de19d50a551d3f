//! Driver `udp_inet`: datagrams, behind `prim_inet`.
//! Not here: what sockets of all kinds share (`inet`).

use super::inet::{self, Active, Effect, Sender, Socket, State, request};
use crate::driver::{Control, Driver, Io, OpenError, Opening, Ready};
use std::io::IoSlice;
use std::time::Duration;
use sys::Errno;
use sys::net::{Addr, Ancillary, Kind};
use sys::poll::Interest;
use term::{Alloc, Term, am, atom};

/// The timer of a `recv`.
const RECEIVING: u8 = 0;
/// Room for ancillary data.
const ANCILLARY: usize = 1024;
/// No system delivers a larger datagram, whatever the option `buffer` says.
const LARGEST: usize = 1 << 20;
/// Room that is kept for the next datagram.
const KEPT: usize = 1 << 14;

struct Udp {
    s: Socket,
    /// Number and process of the `recv` that waits.
    receiver: Option<(u16, Term)>,
    buffer: Vec<u8>,
}

/// A datagram.
struct Datagram<'a> {
    data: &'a [u8],
    from: Addr,
    /// `None`: the socket does not ask for any.
    ancillary: Option<Vec<Ancillary>>,
}

pub(crate) fn start(io: &mut Io, _opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let s = Socket::new(Kind::Dgram, io.surroundings().release());
    Ok(Box::new(Udp { s, receiver: None, buffer: Vec::new() }))
}

impl Udp {
    fn is_active(&self) -> bool {
        self.s.active != Active::No
    }
    fn opened(&mut self, answer: Control) -> Control {
        self.s.want.read = self.s.is_open() && self.is_active();
        answer
    }
    fn connect(&mut self, io: &Io, data: &[u8]) -> Control {
        if !self.s.is_open() {
            return inet::error_text("exbadport");
        }
        let Some(from) = io.caller else { return inet::error(Errno::EINVAL) };
        let net = &io.world().net;
        let disconnect = |s: &mut Socket| {
            let _ = s.fd().and_then(|fd| net.disconnect(fd));
            s.state = State::Open;
        };
        if data.is_empty() {
            disconnect(&mut self.s);
        } else {
            let addr = match data.get(4..).filter(|d| d.len() >= 2).map(|d| inet::read_address(self.s.family, d)) {
                None => return inet::error(Errno::EINVAL),
                Some(Err(reason)) => return inet::error_text(reason),
                Some(Ok((addr, _))) => addr,
            };
            if self.s.state == State::Connected {
                // Else the source address of the former destination would stay.
                disconnect(&mut self.s);
            }
            if let Err(e) = self.s.fd().and_then(|fd| net.connect(fd, &addr)) {
                disconnect(&mut self.s);
                return inet::error(e);
            }
            self.s.state = State::Connected;
        }
        let number = self.s.next_request();
        inet::done(io, from, number);
        inet::reply(&number.to_be_bytes())
    }
    fn receive_request(&mut self, io: &mut Io, data: &[u8]) -> Control {
        if !self.s.is_open() {
            return inet::error_text("exbadport");
        }
        let (false, 8, Some(time), Some(from)) = (self.is_active(), data.len(), inet::time(data, 0), io.caller) else {
            return inet::error(Errno::EINVAL);
        };
        if self.receiver.is_some() {
            return inet::error(Errno::EALREADY);
        }
        let number = self.s.next_request();
        self.receiver = Some((number, from));
        self.receive(io);
        if self.receiver.is_some()
            && let Some(time) = time
        {
            if time == Duration::ZERO { self.stop_receiving(io, am::TIMEOUT) } else { io.set_timer(RECEIVING, time) }
        }
        inet::reply(&number.to_be_bytes())
    }
    fn stop_receiving(&mut self, io: &Io, reason: Term) {
        if let Some((number, from)) = self.receiver.take() {
            io.cancel_timer(RECEIVING);
            self.s.want.read = false;
            inet::failed(io, from, number, reason);
        }
    }
    /// Reads some datagrams, as long as somebody wants them.
    fn receive(&mut self, io: &mut Io) {
        let room = self.s.settings.buffer.min(LARGEST);
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.len() != room {
            // New, not grown: the system gives zeros for nothing.
            buffer = vec![0; room];
        }
        for _ in 0..self.s.read_packets {
            if !self.s.is_open() || !(self.is_active() || self.receiver.is_some()) {
                break;
            }
            match self.read(io, &mut buffer) {
                Ok((size, from, ancillary)) => {
                    let data = &buffer[..size];
                    self.s.count_received(io, size);
                    self.deliver(io, &Datagram { data, from, ancillary });
                }
                Err(Errno::EAGAIN) => break,
                Err(e) => {
                    let reason = term::atom::intern(e.name());
                    if self.is_active() {
                        inet::tell(io, atom!("udp_error"), |_| vec![reason]);
                    } else {
                        self.stop_receiving(io, reason);
                    }
                    break;
                }
            }
        }
        self.s.want.read = self.s.is_open() && (self.is_active() || self.receiver.is_some());
        // An idle socket keeps no room.
        if buffer.len() <= KEPT && self.is_active() {
            self.buffer = buffer;
        }
    }
    fn read(&self, io: &Io, buffer: &mut [u8]) -> Result<(usize, Addr, Option<Vec<Ancillary>>), Errno> {
        let net = &io.world().net;
        let fd = self.s.fd()?;
        if self.s.with_ancillary.contains(&true) {
            let got = net.recv_message(fd, buffer, ANCILLARY, 0)?;
            return Ok((got.len, got.addr, Some(got.ancillary)));
        }
        let (size, _, mut from) = net.recv_from(fd, buffer, 0)?;
        if self.s.state == State::Connected && from == Addr::Unspecified {
            from = net.peer_addr(fd)?;
        }
        Ok((size, from, None))
    }
    fn deliver(&mut self, io: &mut Io, d: &Datagram) {
        if let Some((number, to)) = self.receiver.take() {
            io.cancel_timer(RECEIVING);
            self.s.want.read = false;
            inet::asynchronous(io, to, number, |a| {
                let data = self.addressed(a, d);
                let data = match &d.ancillary {
                    None => data,
                    Some(all) => {
                        let all = inet::ancillary_term(a, all);
                        a.tuple(&[data, all])
                    }
                };
                a.ok(data)
            });
            return;
        }
        if self.s.settings.as_term {
            inet::tell(io, atom!("udp"), |a| {
                let (ip, port) = inet::address_term(a, &d.from);
                let data = inet::data_term(a, &self.s.settings, d.data);
                match &d.ancillary {
                    None => vec![ip, port, data],
                    Some(all) => vec![ip, port, inet::ancillary_term(a, all), data],
                }
            });
        } else {
            io.tell_owner(|a| {
                let data = self.addressed(a, d);
                a.tuple(&[am::DATA, data])
            });
        }
        if self.s.one_less() {
            inet::tell(io, atom!("udp_passive"), |_| Vec::new());
        }
    }
    /// The sender's address as a list of bytes, and behind it the data.
    fn addressed(&self, a: &mut Alloc, d: &Datagram) -> Term {
        let mut out = inet::data_term(a, &self.s.settings, d.data);
        let mut address = Vec::new();
        inet::put_address(&mut address, &d.from);
        for &b in address.iter().rev() {
            out = a.cons(Term::small(b.into()), out);
        }
        out
    }
    /// Sends what a command holds: address, ancillary data, data.
    fn send(&mut self, io: &Io, bytes: &[u8]) -> Result<(), &'static str> {
        if !self.s.is_open() {
            return Err("einval");
        }
        let (to, used) = inet::read_address(self.s.family, bytes)?;
        let rest = &bytes[used..];
        let size = inet::number(rest, 0).ok_or("einval")? as usize;
        let (ancillary, data) = rest[4..].split_at_checked(size).ok_or("einval")?;
        let ancillary = inet::ancillary_from_bytes(ancillary).ok_or("einval")?;
        self.s.counts.sent.add(data.len());
        let to = (self.s.state != State::Connected).then_some(&to);
        let (net, data) = (&io.world().net, [IoSlice::new(data)]);
        let sent = self.s.fd().and_then(|fd| match to {
            _ if !ancillary.is_empty() => net.send_message(fd, &data, to, &ancillary, 0),
            Some(to) => net.send_to(fd, &data, to, 0),
            None => net.send(fd, &data, 0),
        });
        sent.map(|_| ()).map_err(Errno::name)
    }
}

impl inet::Requests for Udp {
    fn socket(&mut self) -> &mut Socket {
        &mut self.s
    }
    fn request(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        match operation {
            request::OPEN => {
                let answer = inet::open(&mut self.s, io, data);
                self.opened(answer)
            }
            request::FDOPEN => {
                let answer = inet::fdopen(&mut self.s, io, data);
                self.opened(answer)
            }
            request::CLOSE => {
                self.s.end(io);
                inet::reply(&[])
            }
            request::CONNECT => self.connect(io, data),
            request::PACKET_RECV => self.receive_request(io, data),
            request::SETOPTS => match inet::set_options(&mut self.s, io, data) {
                Effect::Invalid => inet::error(Errno::EINVAL),
                _ => inet::reply(&[]),
            },
            _ => {
                let status = match self.s.state {
                    State::Closed => 0,
                    State::Connected => 1 | 4,
                    _ => 1,
                };
                inet::control(&mut self.s, io, operation, data, 0, status)
            }
        }
    }
}

impl Driver for Udp {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let Some((sender, from)) = Sender::of(io, &data) else { return Sender::refuse(io) };
        match self.send(io, &data[from..]) {
            Ok(()) => sender.ok(io),
            Err(reason) => sender.error(io, term::atom::intern(reason)),
        }
    }
    fn takes_controls(&self) -> bool {
        true
    }
    fn control(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        inet::requested(self, io, operation, data)
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        self.s.armed = Interest::NONE;
        if ready.read && self.s.want.read {
            self.receive(io);
        }
        self.s.arm(io);
    }
    fn timeout(&mut self, io: &mut Io, timer: u8) {
        if timer == RECEIVING {
            self.stop_receiving(io, am::TIMEOUT);
        }
    }
    fn close(&mut self, io: &mut Io) -> bool {
        self.stop_receiving(io, am::CLOSED);
        self.s.end(io);
        true
    }
}

