//! A socket: its descriptor, what it is doing, what it is set to, what it waits for, what it has counted.

use super::super::pipe::End;
use crate::driver::Io;
use crate::packet::Kind as Packet;
use std::os::fd::{AsFd, BorrowedFd};
use sys::Errno;
use sys::net::{Addr, Family, Kind};
use sys::poll::Interest;
use term::Term;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Closed,
    Open,
    Connecting,
    Connected,
    Listening,
}

/// What is to be done with data that comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Active {
    /// It waits until it is asked for.
    No,
    Yes,
    Once,
    /// So many messages.
    Count(u16),
}

/// What an accepted socket takes over from the listening one.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub binary: bool,
    /// `{tcp, Port, Data}`, and not `{Port, {data, Data}}`.
    pub as_term: bool,
    /// So many bytes of data are a list in front of the binary.
    pub header: usize,
    /// The most that is read at once.
    pub buffer: usize,
    pub buffer_is_set: bool,
    pub packet: u32,
    pub packet_kind: Packet,
    pub packet_size: usize,
    pub line_delimiter: u8,
    pub exit_on_close: bool,
    /// Bytes that wait to go out: above `high` senders wait, until there are `low`.
    pub high: usize,
    pub low: usize,
    pub send_timeout_ms: Option<u32>,
    pub send_timeout_close: bool,
    pub show_econnreset: bool,
    /// `{linger, {true, 0}}`: what waits is thrown away.
    pub linger_zero: bool,
    pub delay_send: bool,
    pub read_ahead: bool,
    pub msgq_high: u32,
    pub msgq_low: u32,
}

impl Settings {
    fn new(release: u32) -> Settings {
        Settings {
            binary: false,
            as_term: true,
            header: 0,
            buffer: if release < 28 { 1460 } else { 9216 },
            buffer_is_set: false,
            packet: 0,
            packet_kind: Packet::Raw,
            packet_size: 0,
            line_delimiter: b'\n',
            exit_on_close: true,
            high: 8192,
            low: 4096,
            send_timeout_ms: None,
            send_timeout_close: false,
            show_econnreset: false,
            linger_zero: false,
            delay_send: false,
            read_ahead: true,
            msgq_high: 8192,
            msgq_low: 4096,
        }
    }
}

/// What `inet:getstat` tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub received: Traffic,
    pub sent: Traffic,
    /// Of received packets: the average distance from the average.
    pub deviation: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub count: u32,
    pub largest: u32,
    pub average: f64,
    pub bytes: u64,
}

impl Traffic {
    pub fn add(&mut self, size: usize) {
        self.count = self.count.wrapping_add(1).max(1);
        self.largest = self.largest.max(size as u32);
        self.average += (size as f64 - self.average) / f64::from(self.count);
        self.bytes += size as u64;
    }
}

pub(crate) struct Socket {
    end: Option<End>,
    /// The descriptor was given from outside and stays open.
    pub given: bool,
    pub kind: Kind,
    pub family: Family,
    pub state: State,
    pub settings: Settings,
    pub active: Active,
    pub read_packets: usize,
    pub non_block_send: bool,
    pub debug: bool,
    pub netns: Option<Vec<u8>>,
    /// Names that the socket was told to give instead of its own.
    pub fake_peer: Option<Addr>,
    pub fake_name: Option<Addr>,
    /// Ancillary data comes with what is received.
    pub with_ancillary: [bool; 3],
    /// The next close message follows an `econnreset`.
    pub reset_pending: bool,
    /// Somebody else uses the descriptor for now.
    pub ignored: bool,
    pub counts: Counts,
    /// Who wants to know when nothing waits to go out.
    pub subscribers: Vec<Term>,
    /// What the poller should watch, and what it watches.
    pub want: Interest,
    pub armed: Interest,
    next: u16,
}

impl Socket {
    pub fn new(kind: Kind, release: u32) -> Socket {
        Socket {
            end: None,
            given: false,
            kind,
            family: Family::Inet,
            state: State::Closed,
            settings: Settings::new(release),
            active: Active::No,
            read_packets: 5,
            non_block_send: false,
            debug: false,
            netns: None,
            fake_peer: None,
            fake_name: None,
            with_ancillary: [false; 3],
            reset_pending: false,
            ignored: false,
            counts: Counts::default(),
            subscribers: Vec::new(),
            want: Interest::NONE,
            armed: Interest::NONE,
            next: 0,
        }
    }
    pub fn fd(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.end.as_ref().map(|e| e.as_fd()).ok_or(Errno::EBADF)
    }
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }
    /// Begins to use a descriptor.
    pub fn begin(&mut self, end: End, state: State) {
        self.given = matches!(end, End::Borrowed(_));
        self.end = Some(end);
        self.state = state;
    }
    /// Closes the descriptor, or leaves it alone if it was given.
    pub fn end(&mut self, io: &Io) {
        self.subscribers.clear();
        self.want = Interest::NONE;
        if let Some(end) = &self.end {
            io.forget(end.as_fd());
        }
        self.armed = Interest::NONE;
        if !self.given {
            self.end = None;
            self.state = State::Closed;
        }
    }
    /// A number for a request that is answered later.
    pub fn next_request(&mut self) -> u16 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
    /// Tells the poller what to watch. What it watches too much costs one event at most.
    pub fn arm(&mut self, io: &Io) {
        let (want, armed) = (self.want, self.armed);
        if self.ignored || want.is_none() || (want.read <= armed.read && want.write <= armed.write) {
            return;
        }
        if let Some(end) = &self.end {
            io.watch(end.as_fd(), 0, want);
            self.armed = want;
        }
    }
    /// Stops watching at once.
    pub fn disarm(&mut self, io: &Io) {
        if let Some(end) = &self.end {
            io.forget(end.as_fd());
        }
        self.armed = Interest::NONE;
    }
    pub fn count_received(&mut self, io: &Io, size: usize) {
        let c = &mut self.counts;
        c.received.add(size);
        c.deviation += ((size as f64 - c.received.average) - c.deviation) / f64::from(c.received.count);
        io.count_input(size);
    }
    /// One message has gone to the owner of an active socket: is the socket passive now because its count is used up?
    pub fn one_less(&mut self) -> bool {
        match self.active {
            Active::Once => self.active = Active::No,
            Active::Count(n) if n <= 1 => {
                self.active = Active::No;
                return true;
            }
            Active::Count(n) => self.active = Active::Count(n - 1),
            Active::No | Active::Yes => {}
        }
        false
    }
}
