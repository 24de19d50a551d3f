//! Driver `tcp_inet`: streams and listeners, behind `prim_inet`. Input is cut into packets here, output waits in a queue, processes
//! that accept wait in another.
//! Not here: what sockets of all kinds share (`inet`), the cutting itself (`packet`).

mod output;

use super::inet::{self, Active, Effect, Sender, Settings, Socket, State, request};
use crate::driver::{Control, Driver, Io, OpenError, Opening, Ready};
use dist::Frame;
use crate::packet::{self, Invalid, Kind as Packet, Limits};
use output::Output;
use process::RefId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use sys::Errno;
use sys::net::{Kind, Shutdown};
use sys::poll::Interest;
use term::{Term, am, atom};

/// Timers.
const RECEIVING: u8 = 0;
const CONNECTING: u8 = 1;
const SENDING: u8 = 2;

/// The most that `recv` may be asked for.
const PACKET_MAX: usize = 0x400_0000;
/// So many times at most is read at one event.
const READS: usize = 16;
/// So much is read at once at least of packets between nodes: at first, and where several have come at once.
const FEW_PACKETS: usize = 4 << 10;
const MANY_PACKETS: usize = 16 << 10;
/// The buffer of a connection between nodes stays if it is not larger.
const KEPT: usize = 256 << 10;
/// Room is made for so much at most before it has come.
const STEP: usize = 1 << 20;

const OPEN: u32 = 1;
const ACTIVE: u32 = 4;
const LISTEN: u32 = 8;
const CONNECT: u32 = 16;
const ACCEPT: u32 = 32;
const BUSY: u32 = 128;

/// A request that is answered later.
#[derive(Clone, Copy, Debug)]
struct Request {
    number: u16,
    from: Term,
}

/// A process that waits for a connection.
#[derive(Debug)]
struct Acceptor {
    request: Request,
    watch: RefId,
    /// On the clock that never goes back, in nanoseconds.
    deadline: Option<i64>,
}

/// A file that is being sent.
struct SendFile {
    file: std::os::fd::OwnedFd,
    offset: u64,
    left: u64,
    sent: u64,
    /// Bytes of the queue that go out before it.
    ahead: usize,
}

pub(crate) struct Tcp {
    s: Socket,
    input: Vec<u8>,
    /// Bytes of the input that are used up.
    used: usize,
    /// What `recv` asked for; 0: a packet.
    length: usize,
    /// After HTTP's first line come headers.
    in_headers: bool,
    receiver: Option<Request>,
    connector: Option<Request>,
    acceptors: VecDeque<Acceptor>,
    output: Output,
    /// Who sent more than there was room for, and has no answer yet.
    blocked: Vec<Sender>,
    /// The next send or receive is answered `closed`, and not `enotconn`.
    closed_to_senders: bool,
    closed_to_receivers: bool,
    /// To be done when nothing waits to go out.
    shutdown: Option<Shutdown>,
    output_is_shut: bool,
    file: Option<SendFile>,
    /// The port is closed, but data is still on its way out.
    closing: bool,
}

pub(crate) fn start(io: &mut Io, _opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    Ok(Box::new(Tcp::new(Socket::new(Kind::Stream, io.surroundings().release()))))
}

/// What is at the front of the input.
enum Front {
    /// A packet of so many bytes.
    Whole(usize),
    /// So many bytes more are needed, or may come.
    More(usize),
    Invalid,
}

impl Tcp {
    fn new(s: Socket) -> Tcp {
        Tcp {
            s,
            input: Vec::new(),
            used: 0,
            length: 0,
            in_headers: false,
            receiver: None,
            connector: None,
            acceptors: VecDeque::new(),
            output: Output::default(),
            blocked: Vec::new(),
            closed_to_senders: false,
            closed_to_receivers: false,
            shutdown: None,
            output_is_shut: false,
            file: None,
            closing: false,
        }
    }
    fn is_active(&self) -> bool {
        self.s.active != Active::No
    }
    fn status(&self) -> u32 {
        let state = match self.s.state {
            State::Closed => 0,
            State::Open => OPEN,
            State::Connecting => OPEN | CONNECT,
            State::Connected => OPEN | ACTIVE,
            State::Listening if self.acceptors.is_empty() => OPEN | LISTEN,
            State::Listening => OPEN | LISTEN | ACCEPT,
        };
        if self.blocked.is_empty() { state } else { state | BUSY }
    }

    // ---- connecting and accepting
    fn listen(&mut self, io: &Io, data: &[u8]) -> Control {
        if !self.s.is_open() {
            return inet::error_text("exbadport");
        }
        let &[high, low] = data else { return inet::error(Errno::EINVAL) };
        let backlog = u16::from_be_bytes([high, low]);
        match self.s.fd().and_then(|fd| io.world().net.listen(fd, backlog.into())) {
            Ok(()) => {
                self.s.state = State::Listening;
                inet::reply(&[])
            }
            Err(e) => inet::error(e),
        }
    }
    fn connect(&mut self, io: &mut Io, data: &[u8]) -> Control {
        match self.s.state {
            State::Closed => return inet::error_text("exbadport"),
            State::Connected => return inet::error(Errno::EISCONN),
            State::Connecting => return inet::error(Errno::EINVAL),
            State::Open | State::Listening => {}
        }
        let (Some(time), Some(from)) = (inet::time(data, 0), io.caller) else { return inet::error(Errno::EINVAL) };
        let addr = match inet::read_address(self.s.family, &data[4..]) {
            Ok((addr, _)) => addr,
            Err(reason) => return inet::error_text(reason),
        };
        let done = self.s.fd().and_then(|fd| io.world().net.connect(fd, &addr));
        let request = Request { number: self.s.next_request(), from };
        match done {
            Ok(()) => {
                self.is_connected(io);
                inet::done(io, from, request.number);
            }
            Err(Errno::EINPROGRESS | Errno::EAGAIN) => {
                self.s.state = State::Connecting;
                self.connector = Some(request);
                self.s.want = Interest::WRITE;
                if let Some(time) = time {
                    io.set_timer(CONNECTING, time);
                }
            }
            Err(e) => return inet::error(e),
        }
        inet::reply(&request.number.to_be_bytes())
    }
    fn is_connected(&mut self, _io: &Io) {
        self.s.state = State::Connected;
        self.s.want = if self.is_active() { Interest::READ } else { Interest::NONE };
    }
    /// The attempt to connect is over.
    fn connected(&mut self, io: &mut Io) {
        io.cancel_timer(CONNECTING);
        let done = self.s.fd().and_then(|fd| io.world().net.take_error(fd));
        self.s.want = Interest::NONE;
        let request = self.connector.take();
        match done {
            Ok(()) => {
                self.is_connected(io);
                if let Some(r) = request {
                    inet::done(io, r.from, r.number);
                }
            }
            Err(e) => {
                self.s.state = State::Open;
                if let Some(r) = request {
                    inet::failed(io, r.from, r.number, term::atom::intern(e.name()));
                }
            }
        }
    }
    fn accept(&mut self, io: &mut Io, data: &[u8]) -> Control {
        let (State::Listening, 4, Some(time), Some(from)) = (self.s.state, data.len(), inet::time(data, 0), io.caller) else {
            return inet::error(Errno::EINVAL);
        };
        let request = Request { number: self.s.next_request(), from };
        if self.acceptors.is_empty() {
            match self.s.fd().and_then(|fd| io.world().net.accept(fd)) {
                Ok((fd, _)) => {
                    return match self.sibling(io, fd, from) {
                        Ok(port) => {
                            inet::asynchronous(io, from, request.number, |a| a.ok(port));
                            inet::reply(&request.number.to_be_bytes())
                        }
                        Err(reason) => inet::error_text(reason),
                    };
                }
                Err(Errno::EAGAIN) => {}
                Err(e) => return inet::error(e),
            }
        }
        let Some(watch) = io.watch_process(from) else { return inet::error_text("noproc") };
        let deadline = time.map(|t| io.world().clock.monotonic_ns().saturating_add(t.as_nanos() as i64));
        self.acceptors.push_back(Acceptor { request, watch, deadline });
        self.s.want.read = true;
        if deadline.is_some() {
            self.time_acceptors(io);
        }
        inet::reply(&request.number.to_be_bytes())
    }
    /// The connections that have come, each for one who waits.
    fn accept_all(&mut self, io: &mut Io) {
        while !self.acceptors.is_empty() {
            let got = self.s.fd().and_then(|fd| io.world().net.accept(fd));
            if matches!(got, Err(Errno::EAGAIN)) {
                break;
            }
            let Some(a) = self.acceptors.pop_front() else { break };
            io.unwatch_process(a.watch);
            let Request { number, from } = a.request;
            match got.map_err(Errno::name).and_then(|(fd, _)| self.sibling(io, fd, from)) {
                Ok(port) => inet::asynchronous(io, from, number, |alloc| alloc.ok(port)),
                Err(reason) => {
                    inet::failed(io, from, number, term::atom::intern(reason));
                    break;
                }
            }
        }
        self.s.want.read = !self.acceptors.is_empty();
        self.time_acceptors(io);
    }
    /// A port for an accepted connection.
    fn sibling(&mut self, io: &Io, fd: std::os::fd::OwnedFd, owner: Term) -> Result<Term, &'static str> {
        let mut s = Socket::new(Kind::Stream, io.surroundings().release());
        s.family = self.s.family;
        s.settings = Settings { delay_send: false, ..self.s.settings.clone() };
        s.begin(super::pipe::End::Owned(fd), State::Connected);
        io.open_sibling("tcp_inet", Box::new(Tcp::new(s)), owner).map_err(|_| "system_limit")
    }
    /// Sets the timer for the first who will not wait any longer.
    fn time_acceptors(&mut self, io: &Io) {
        match self.acceptors.iter().filter_map(|a| a.deadline).min() {
            None => io.cancel_timer(CONNECTING),
            Some(at) => {
                let left = at.saturating_sub(io.world().clock.monotonic_ns()).max(0);
                io.set_timer(CONNECTING, Duration::from_nanos(left as u64));
            }
        }
    }
    fn tired_acceptors(&mut self, io: &Io) {
        // Timers are not finer than a millisecond.
        let now = io.world().clock.monotonic_ns() + 1_000_000;
        let (tired, rest): (VecDeque<_>, VecDeque<_>) = self.acceptors.drain(..).partition(|a| a.deadline.is_some_and(|d| d <= now));
        self.acceptors = rest;
        for a in tired {
            io.unwatch_process(a.watch);
            inet::failed(io, a.request.from, a.request.number, am::TIMEOUT);
        }
        self.s.want.read = !self.acceptors.is_empty();
        self.time_acceptors(io);
    }

    // ---- receiving
    fn receive_request(&mut self, io: &mut Io, data: &[u8]) -> Control {
        if self.s.state != State::Connected {
            if !std::mem::take(&mut self.closed_to_receivers) {
                return inet::error(Errno::ENOTCONN);
            }
            self.closed_to_senders = false;
            return inet::error_text(if std::mem::take(&mut self.s.reset_pending) { "econnreset" } else { "closed" });
        }
        let (false, 8, Some(time), Some(length), Some(from)) =
            (self.is_active(), data.len(), inet::time(data, 0), inet::number(data, 4), io.caller)
        else {
            return inet::error(Errno::EINVAL);
        };
        let length = length as usize;
        if self.s.settings.packet_kind != Packet::Raw && length != 0 {
            return inet::error(Errno::EINVAL);
        }
        if length > PACKET_MAX {
            return inet::error(Errno::ENOMEM);
        }
        if self.receiver.is_some() {
            return inet::error(Errno::EALREADY);
        }
        let number = self.s.next_request();
        self.receiver = Some(Request { number, from });
        self.length = length;
        if !self.s.ignored {
            self.receive(io);
        }
        if self.receiver.is_some() {
            match time {
                Some(Duration::ZERO) => self.stop_receiving(io, am::TIMEOUT),
                Some(time) => io.set_timer(RECEIVING, time),
                None => {}
            }
        }
        inet::reply(&number.to_be_bytes())
    }
    /// Nothing more for who waits for input.
    fn stop_receiving(&mut self, io: &Io, reason: Term) {
        if let Some(r) = self.receiver.take() {
            self.length = 0;
            io.cancel_timer(RECEIVING);
            self.s.want.read = self.is_active();
            inet::failed(io, r.from, r.number, reason);
        }
    }
    /// The kind of the next packet: after HTTP's first line, headers.
    fn kind(&self) -> Packet {
        match self.s.settings.packet_kind {
            Packet::Http { binary } if self.in_headers => Packet::HttpHeader { binary },
            kind => kind,
        }
    }
    fn front(&self) -> Front {
        let bytes = &self.input[self.used..];
        let settings = &self.s.settings;
        if self.length > 0 {
            return match self.length - self.length.min(bytes.len()) {
                0 => Front::Whole(self.length),
                more => Front::More(more),
            };
        }
        if bytes.is_empty() {
            return Front::More(settings.buffer);
        }
        let kind = self.kind();
        if kind == Packet::Raw {
            return Front::Whole(bytes.len());
        }
        // There is room for a whole packet, but a line is what fits into the buffer.
        let room = if kind == Packet::Line { settings.buffer } else { settings.buffer.max(settings.packet_size) };
        let limits = Limits { packet_size: settings.packet_size, line_length: room, line_delimiter: settings.line_delimiter };
        match packet::length(kind, bytes, &limits) {
            Ok(Some(n)) if n <= bytes.len() => Front::Whole(n),
            Ok(Some(n)) => Front::More(n - bytes.len()),
            Ok(None) => {
                let room = settings.buffer.max(settings.packet_size);
                if bytes.len() >= room { Front::Invalid } else { Front::More(room - bytes.len()) }
            }
            Err(Invalid) => Front::Invalid,
        }
    }
    /// Passes on what has come, and reads more, as long as somebody wants it and something comes.
    fn receive(&mut self, io: &mut Io) {
        let (mut drained, mut reads, mut several) = (false, 0, false);
        loop {
            // What has come is passed on in any case: nobody would look at it again before something more comes.
            let more = loop {
                if self.s.state != State::Connected || !(self.is_active() || self.receiver.is_some()) {
                    return;
                }
                if self.give_packets(io) {
                    several = true;
                }
                match self.front() {
                    Front::Whole(n) => self.deliver(io, n),
                    Front::More(n) => break n,
                    Front::Invalid => return self.receive_failed(io, Errno::EMSGSIZE),
                }
            };
            if drained || reads == READS {
                break;
            }
            reads += 1;
            // A large packet is read to its end, and no further: so it need not be moved.
            let more = match io.port.carried.get() {
                Some(_) if several => more.max(MANY_PACKETS),
                Some(_) if self.input.is_empty() => more.max(FEW_PACKETS),
                _ => more,
            };
            let room = more.min(STEP);
            let input = &mut self.input;
            let got = self.s.fd().and_then(|fd| io.world().net.recv_more(fd, input, room, 0));
            match got {
                Ok(0) => return self.receive_ended(io),
                Ok(n) => drained = n < room,
                Err(Errno::EAGAIN) => break,
                Err(Errno::ECONNRESET) if !self.s.settings.show_econnreset => return self.receive_ended(io),
                Err(e) => return self.receive_failed(io, e),
            }
        }
        if self.input.is_empty() && (io.port.carried.get().is_none() || self.input.capacity() > KEPT) {
            self.input = Vec::new();
        }
        self.s.want.read = true;
    }
    /// Passes on all whole packets between nodes at once, in the buffer in which they came. Were there several?
    fn give_packets(&mut self, io: &Io) -> bool {
        let Some(carried) = io.port.carried.get() else { return false };
        if self.receiver.is_some() || self.kind() != Packet::Length(dist::LENGTH as u8) {
            return false;
        }
        let (mut end, mut count) = (self.used, 0);
        while let Some((length, rest)) = self.input[end..].split_first_chunk::<{ dist::LENGTH }>() {
            let size = u32::from_be_bytes(*length) as usize;
            // `front` has a word about those that are too large.
            if size > rest.len() || self.s.settings.packet_size > 0 && size > self.s.settings.packet_size {
                break;
            }
            self.s.count_received(io, dist::LENGTH + size);
            end += dist::LENGTH + size;
            count += 1;
        }
        if count > 0 {
            let mut next = carried.buffer();
            next.extend_from_slice(&self.input[end..]);
            carried.received(std::mem::replace(&mut self.input, next), self.used..end);
            self.used = 0;
        }
        count > 1
    }
    /// One packet of so many bytes for the owner, or for who asked for it.
    fn deliver(&mut self, io: &mut Io, size: usize) {
        let bytes = std::mem::take(&mut self.input);
        let packet = &bytes[self.used..self.used + size];
        let brackets = io.surroundings().release() >= 26;
        let kind = if self.length > 0 { Packet::Raw } else { self.kind() };
        self.s.count_received(io, size);
        if !matches!(kind, Packet::Raw | Packet::Length(_)) {
            match packet::parse(kind, packet, brackets) {
                Some(packet::Parsed::Request { .. } | packet::Parsed::Response { .. }) => self.in_headers = true,
                Some(packet::Parsed::EndOfHeaders) => self.in_headers = false,
                _ => {}
            }
        }
        if let Some(r) = self.receiver.take() {
            io.cancel_timer(RECEIVING);
            self.length = 0;
            self.s.want.read = false;
            let id = io.id();
            inet::asynchronous(io, r.from, r.number, |a| {
                let (_, t) = inet::packet_term(a, &self.s, id, kind, packet, brackets);
                a.ok(t)
            });
        } else if let Some(carried) = io.port.carried.get() {
            // With another length in front, or none.
            let (from, to) = packet::body(kind, packet);
            let length = ((to - from) as u32).to_be_bytes();
            let copy = [&length, &packet[from..to]].concat();
            carried.received(copy, 0..dist::LENGTH + to - from);
        } else {
            self.tell_packet(io, kind, packet, brackets);
            let used_up = self.s.one_less();
            self.s.want.read = self.is_active();
            if used_up {
                inet::tell(io, atom!("tcp_passive"), |_| Vec::new());
            }
        }
        self.used += size;
        if self.used < bytes.len() {
            self.input = bytes;
            // What is used up goes when it is the larger part.
            if self.used > self.input.len() / 2 {
                self.input.drain(..self.used);
                self.used = 0;
            }
        } else {
            self.used = 0;
            self.input = bytes;
            self.input.clear();
        }
    }
    fn tell_packet(&self, io: &Io, kind: Packet, packet: &[u8], brackets: bool) {
        if !self.s.settings.as_term && packet::parse(kind, packet, brackets).is_none() {
            // As other ports do it: the port's own mode counts.
            let (from, to) = packet::body(kind, packet);
            return io.headed(&[], Some(&packet[from..to]));
        }
        let id = io.id();
        io.send(io.owner(), process::Owned::build(|a| {
            let (tag, t) = inet::packet_term(a, &self.s, id, kind, packet, brackets);
            match tag {
                // A TLS record is the message itself.
                Some(tag) if tag == atom!("ssl_tls") => t,
                tag => a.tuple(&[tag.unwrap_or(atom!("tcp")), id, t]),
            }
        }));
    }
    /// The other side has ended.
    fn receive_ended(&mut self, io: &mut Io) {
        let mut told = self.unblock(io, am::CLOSED);
        if self.file.is_some() {
            self.file_failed(io, Errno::ENOTCONN);
            told = true;
        }
        self.closed_to_senders |= !told;
        self.input_is_over(io, None);
    }
    fn receive_failed(&mut self, io: &mut Io, e: Errno) {
        self.unblock(io, am::CLOSED);
        if self.file.is_some() {
            self.file_failed(io, e);
        }
        self.input_is_over(io, Some(e));
    }
    fn input_is_over(&mut self, io: &mut Io, error: Option<Errno>) {
        self.clear_input();
        self.s.want.read = false;
        let exit = self.s.settings.exit_on_close;
        let reason = error.map(|e| term::atom::intern(e.name()));
        if self.is_active() {
            if let Some(reason) = reason {
                inet::tell(io, atom!("tcp_error"), |_| vec![reason]);
            }
            inet::tell(io, atom!("tcp_closed"), |_| Vec::new());
            if exit {
                io.leave(reason.unwrap_or(am::NORMAL));
            }
        } else {
            if exit {
                self.end(io);
            }
            self.stop_receiving(io, reason.unwrap_or(am::CLOSED));
        }
    }
    fn clear_input(&mut self) {
        self.input = Vec::new();
        self.used = 0;
    }

    // ---- ending
    /// Closes the socket; the port stays.
    fn end(&mut self, io: &Io) {
        self.clear_input();
        self.clear_output(io);
        self.s.end(io);
    }
    /// Those who wait for something hear that it will not come.
    fn refuse_all(&mut self, io: &Io) {
        for a in std::mem::take(&mut self.acceptors) {
            io.unwatch_process(a.watch);
            inet::failed(io, a.request.from, a.request.number, am::CLOSED);
        }
        if let Some(r) = self.connector.take() {
            inet::failed(io, r.from, r.number, am::CLOSED);
        }
        self.stop_receiving(io, am::CLOSED);
        for timer in [RECEIVING, CONNECTING, SENDING] {
            io.cancel_timer(timer);
        }
    }
}

impl inet::Requests for Tcp {
    fn socket(&mut self) -> &mut Socket {
        &mut self.s
    }
    fn request(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        match operation {
            request::OPEN => inet::open(&mut self.s, io, data),
            request::FDOPEN => inet::fdopen(&mut self.s, io, data),
            request::LISTEN => self.listen(io, data),
            request::CONNECT => self.connect(io, data),
            request::ACCEPT => self.accept(io, data),
            request::CLOSE => {
                self.refuse_all(io);
                self.end(io);
                inet::reply(&[])
            }
            request::TCP_RECV => self.receive_request(io, data),
            request::TCP_UNRECV => {
                if self.s.state != State::Connected {
                    return inet::error(Errno::ENOTCONN);
                }
                let rest = self.input.split_off(self.used);
                self.input = [data, &rest].concat();
                self.used = 0;
                if self.is_active() {
                    self.receive(io);
                }
                inet::reply(&[])
            }
            request::TCP_SHUTDOWN => self.shutdown_request(io, data),
            request::TCP_SENDFILE => self.file_request(io, data),
            request::SETOPTS => match inet::set_options(&mut self.s, io, data) {
                Effect::Invalid => inet::error(Errno::EINVAL),
                Effect::Look => {
                    if !self.s.ignored {
                        self.receive(io);
                    }
                    inet::reply(&[])
                }
                Effect::Nothing => inet::reply(&[]),
            },
            _ => {
                let (queued, status) = (self.output.len(), self.status());
                inet::control(&mut self.s, io, operation, data, queued, status)
            }
        }
    }
}

impl Driver for Tcp {
    fn opened(&mut self, io: &mut Io) {
        self.s.arm(io);
    }
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let Some((sender, from)) = Sender::of(io, &data) else { return Sender::refuse(io) };
        self.send(io, data, from, Some(sender));
        self.s.arm(io);
    }
    fn takes_controls(&self) -> bool {
        true
    }
    fn control(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        inet::requested(self, io, operation, data)
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        self.s.armed = Interest::NONE;
        let want = self.s.want;
        match self.s.state {
            _ if self.s.ignored => {}
            State::Listening => self.accept_all(io),
            State::Connecting if ready.write => self.connected(io),
            State::Connected => {
                if ready.write && want.write {
                    self.drain(io);
                }
                if ready.read && want.read && !self.closing {
                    self.receive(io);
                }
            }
            _ => {}
        }
        if self.closing && self.output.len() == 0 {
            self.s.end(io);
            io.closed();
        } else {
            self.s.arm(io);
        }
    }
    fn timeout(&mut self, io: &mut Io, timer: u8) {
        match timer {
            RECEIVING => self.stop_receiving(io, am::TIMEOUT),
            CONNECTING if self.s.state == State::Connecting => {
                self.end(io);
                if let Some(r) = self.connector.take() {
                    inet::failed(io, r.from, r.number, am::TIMEOUT);
                }
            }
            CONNECTING => self.tired_acceptors(io),
            SENDING => self.send_timeout(io),
            _ => {}
        }
        self.s.arm(io);
    }
    fn process_ended(&mut self, io: &mut Io, process: Term) {
        self.acceptors.retain(|a| a.request.from != process);
        self.s.want.read &= self.s.state != State::Listening || !self.acceptors.is_empty();
        if self.s.state == State::Listening {
            self.time_acceptors(io);
        }
    }
    fn close(&mut self, io: &mut Io) -> bool {
        // What does not go out by itself is thrown away.
        if !self.s.want.write || self.s.settings.linger_zero || self.file.is_some() || self.s.state != State::Connected {
            self.clear_output(io);
        }
        self.refuse_all(io);
        self.file = None;
        self.blocked.clear();
        if self.output.len() > 0 {
            self.closing = true;
            self.s.want = Interest::WRITE;
            self.s.arm(io);
            return false;
        }
        self.s.end(io);
        true
    }
    fn flush(&mut self, io: &mut Io, deadline: Option<Instant>) {
        self.flush_output(io, deadline);
        // The other side may be a socket of the same node that still has something to write.
        self.s.end(io);
    }
    fn takes_force(&self) -> bool {
        true
    }
    fn queued(&self) -> usize {
        self.output.len()
    }
    fn carries_packets(&self) -> bool {
        self.s.state == State::Connected
    }
    fn send_packets(&mut self, io: &mut Io, packets: Frame) {
        self.send_frame(io, packets);
        self.s.arm(io);
    }
}
