//! What a driver is, and what it may do to its port and the world.

use crate::port::{Options, Port};
use dist::Frame;
use std::ops::Range;
use crate::table::{Name, Ports, Surroundings};
use process::{Owned, RefId};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use sys::Errno;
use sys::poll::Interest;
use term::{Alloc, Term, am, atom};

/// A descriptor that a driver watches is ready. `slot`: the number that the driver gave it.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub slot: u8,
    pub read: bool,
    pub write: bool,
    pub hangup: bool,
}

/// What `port_control` answers.
#[derive(Debug)]
pub enum Control {
    List(Vec<u8>),
    Binary(Vec<u8>),
    /// `badarg`.
    Bad,
}

/// Why a port was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    BadArg,
    SystemLimit,
    Posix(Errno),
}

impl From<Errno> for OpenError {
    fn from(e: Errno) -> OpenError {
        OpenError::Posix(e)
    }
}

/// What a driver is started with.
pub struct Opening<'a> {
    pub name: &'a Name,
    pub options: &'a Options,
}

/// Something that has happened to a driver elsewhere; the numbers are its own.
#[derive(Clone, Copy, Debug)]
pub struct Poke {
    pub what: u8,
    pub a: u64,
    pub b: u64,
}

/// The native half of a port. One call at a time; none may block.
pub trait Driver: Send {
    /// Called once, when the port exists.
    fn opened(&mut self, _io: &mut Io) {}
    /// Data from `port_command` or `Port ! {Owner, {command, Data}}`.
    fn command(&mut self, io: &mut Io, data: Vec<u8>);
    fn control(&mut self, _io: &mut Io, _operation: u32, _data: &[u8]) -> Control {
        Control::Bad
    }
    /// `port_call`: a term in the external format, and one back; `None` is `badarg`.
    fn call(&mut self, _io: &mut Io, _operation: u32, _data: &[u8]) -> Option<Vec<u8>> {
        None
    }
    fn ready(&mut self, _io: &mut Io, _ready: Ready) {}
    /// The timer of this number has run out.
    fn timeout(&mut self, _io: &mut Io, _timer: u8) {}
    /// A signal of the operating system that the driver has asked for (`Io::signals`).
    fn signal(&mut self, _io: &mut Io, _signal: sys::signals::Signal) {}
    /// A process that the driver watches (`Io::watch_process`) has ended.
    fn process_ended(&mut self, _io: &mut Io, _process: Term) {}
    /// See `Ports::poke`.
    fn poke(&mut self, _io: &mut Io, _poke: Poke) {}
    /// The port is closing: false if data is still on its way out; then the driver calls `Io::closed` when it has gone.
    fn close(&mut self, _io: &mut Io) -> bool {
        true
    }
    /// The node halts: writes out what is waiting, at most until `deadline`.
    fn flush(&mut self, _io: &mut Io, _deadline: Option<std::time::Instant>) {}
    /// Does it know any `port_control`? If not, the port does not even receive one.
    fn takes_controls(&self) -> bool {
        false
    }
    /// Does it know any `port_call`?
    fn takes_calls(&self) -> bool {
        false
    }
    /// Takes commands although it is busy (`port_command`'s `force`).
    fn takes_force(&self) -> bool {
        false
    }
    /// Bytes that wait to go out.
    fn queued(&self) -> usize {
        0
    }
    /// The processes it monitors.
    fn monitors(&self) -> Vec<Term> {
        Vec::new()
    }
    /// Can it carry packets between nodes?
    fn carries_packets(&self) -> bool {
        false
    }
    /// Sends packets that the node itself has made.
    fn send_packets(&mut self, _io: &mut Io, _packets: Frame) {}
}

/// What a port carries packets for, instead of a process: a connection between nodes. Called while no driver is locked, except for `received`.
pub trait Carried: Send + Sync {
    /// Packets have come, in a part of these bytes, each with its length in front; to be handled in `work`.
    fn received(&self, bytes: Vec<u8>, part: Range<usize>);
    /// An empty buffer for what is to come, instead of one that was given to `received`.
    fn buffer(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Handles what has come.
    fn work(&self);
    /// The next packets to go out.
    fn next(&self) -> Option<Frame>;
    fn has_next(&self) -> bool;
    /// The port is closing for this reason.
    fn closed(&self, reason: Term);
}

/// What a driver has at hand while it is called.
pub struct Io<'a> {
    pub port: &'a Arc<Port>,
    pub ports: &'a Arc<Ports>,
    /// The process that called, if one did.
    pub caller: Option<Term>,
    pub(crate) ending: Option<Owned>,
    pub(crate) closed: bool,
}

impl<'a> Io<'a> {
    pub(crate) fn new(ports: &'a Arc<Ports>, port: &'a Arc<Port>, caller: Option<Term>) -> Io<'a> {
        Io { port, ports, caller, ending: None, closed: false }
    }
    pub fn id(&self) -> Term {
        self.port.id
    }
    pub fn world(&self) -> &'a sys::World {
        self.ports.surroundings.world()
    }
    pub fn surroundings(&self) -> &'a dyn Surroundings {
        &*self.ports.surroundings
    }
    pub fn owner(&self) -> Term {
        self.port.state.lock().owner
    }

    // ---- to processes
    /// A message to any process.
    pub fn send(&self, to: Term, message: Owned) {
        self.ports.surroundings.sends(self.port.id, to, &message);
        self.ports.surroundings.message(to, message);
    }
    /// `{Port, What}` to the owner.
    pub fn tell_owner(&self, what: impl FnOnce(&mut Alloc) -> Term) {
        let id = self.port.id;
        let message = Owned::build(|a| {
            let what = what(a);
            a.tuple(&[id, what])
        });
        self.send(self.owner(), message);
    }
    /// Data from the world: `{Port, {data, _}}` to the owner, line by line if the port was opened so.
    pub fn data(&self, bytes: &[u8]) {
        self.port.input.fetch_add(bytes.len() as u64, Relaxed);
        self.ports.traffic.0.fetch_add(bytes.len() as u64, Relaxed);
        let Some(max) = self.port.options.line else { return self.deliver(bytes, None) };
        let mut partial = std::mem::take(&mut self.port.state.lock().line);
        for &b in bytes {
            if b == b'\n' {
                self.deliver(partial.strip_suffix(b"\r").unwrap_or(&partial), Some(true));
                partial.clear();
            } else {
                // A carriage return waits for what comes: it may belong to the line's end.
                if partial.len() >= max && !(partial.len() == max && b == b'\r') {
                    self.deliver(&partial[..max], Some(false));
                    partial.drain(..max);
                }
                partial.push(b);
            }
        }
        self.port.state.lock().line = partial;
    }
    /// `{Port, {data, [Byte.. | Data]}}`: a list of bytes, and behind it data in the form that the port was opened for.
    pub fn headed(&self, head: &[u8], data: Option<&[u8]>) {
        let binary = self.port.options.binary;
        self.tell_owner(|a| {
            let data = match data {
                None => Term::NIL,
                Some(data) if binary => a.binary(data),
                Some(data) => a.list_of_bytes(data),
            };
            let head: Vec<Term> = head.iter().map(|&b| Term::small(b.into())).collect();
            let whole = a.list_with_tail(&head, data);
            a.tuple(&[am::DATA, whole])
        });
    }
    fn deliver(&self, bytes: &[u8], line: Option<bool>) {
        let binary = self.port.options.binary;
        self.tell_owner(|a| {
            let data = if binary { a.binary(bytes) } else { a.list_of_bytes(bytes) };
            let data = match line {
                None => data,
                Some(true) => a.tuple(&[atom!("eol"), data]),
                Some(false) => a.tuple(&[atom!("noeol"), data]),
            };
            a.tuple(&[am::DATA, data])
        });
    }
    /// No more data will come: `{Port, eof}` if the owner wants to know, else the end of the port.
    pub fn eof(&mut self) {
        let rest = std::mem::take(&mut self.port.state.lock().line);
        for part in rest.chunks(self.port.options.line.unwrap_or(rest.len()).max(1)) {
            self.deliver(part, Some(false));
        }
        if self.port.options.eof {
            self.tell_owner(|_| am::EOF);
        } else {
            self.end(am::NORMAL);
        }
    }
    /// The program behind the port has ended.
    pub fn exit_status(&self, status: i32) {
        self.tell_owner(|a| a.tuple(&[am::EXIT_STATUS, Term::small(status.into())]));
    }
    /// Ends the port, after this call of the driver, with an atom as reason.
    pub fn end(&mut self, reason: Term) {
        self.ending.get_or_insert(Owned::immediate(reason));
    }
    /// Ends the port as `end` does, but its owner knows already: the link between them goes first.
    pub fn leave(&mut self, reason: Term) {
        let owner = {
            let mut state = self.port.state.lock();
            let owner = state.owner;
            let linked = state.links.contains(&owner);
            state.links.retain(|&l| l != owner);
            linked.then_some(owner)
        };
        if let Some(owner) = owner {
            self.ports.surroundings.unlink(owner, self.port.id);
        }
        self.end(reason);
    }
    /// Ends the port, after this call of the driver.
    pub fn end_with(&mut self, reason: Owned) {
        self.ending.get_or_insert(reason);
    }
    /// Ends the port with the error's name.
    pub fn fail(&mut self, e: Errno) {
        self.end(term::atom::intern(e.name()));
    }
    /// A closing driver (`Driver::close`) has nothing more to do.
    pub fn closed(&mut self) {
        self.closed = true;
    }

    /// Bytes have come in that do not go through `data`.
    pub fn count_input(&self, bytes: usize) {
        self.port.input.fetch_add(bytes as u64, Relaxed);
        self.ports.traffic.0.fetch_add(bytes as u64, Relaxed);
    }
    /// Calls `Driver::process_ended` when the process ends; `None` if there is no such process. The number is for `unwatch_process`.
    pub fn watch_process(&self, process: Term) -> Option<RefId> {
        let (ports, id) = (Arc::downgrade(self.ports), self.port.id);
        self.ports.surroundings.watch_process(process, Box::new(move || {
            let Some(ports) = ports.upgrade() else { return };
            let Some(port) = ports.get(id) else { return };
            ports.with_driver(&port, None, |driver, io| driver.process_ended(io, process));
        }))
    }
    pub fn unwatch_process(&self, number: RefId) {
        self.ports.surroundings.unwatch_process(number);
    }

    // ---- the world
    /// Calls `Driver::ready` once when the descriptor is ready; replaces what was asked for it before.
    pub fn watch(&self, fd: BorrowedFd, slot: u8, interest: Interest) {
        let _ = self.ports.polling.watch_port(fd, self.port.id, slot, interest);
    }
    /// To be called before a watched descriptor is closed.
    pub fn forget(&self, fd: BorrowedFd) {
        self.ports.polling.forget(fd);
    }
    /// Calls `Driver::timeout` after a time; a timer of the same number that runs already is replaced.
    pub fn set_timer(&self, timer: u8, after: std::time::Duration) {
        self.cancel_timer(timer);
        let (ports, id) = (Arc::downgrade(self.ports), self.port.id);
        let serial = self.port.timer_serial.fetch_add(1, Relaxed);
        let word = self.ports.surroundings.set_timer(after, Box::new(move || {
            let Some(ports) = ports.upgrade() else { return };
            let Some(port) = ports.any(id) else { return };
            let due = {
                let mut timers = port.timers.lock();
                let due = timers.iter().position(|t| t.0 == timer && t.1 == serial);
                if let Some(i) = due {
                    timers.swap_remove(i);
                }
                due.is_some()
            };
            if due {
                ports.surroundings.timed_out(port.id);
                ports.timed(&port, "timeout", |driver, io| driver.timeout(io, timer));
            }
        }));
        self.port.timers.lock().push((timer, serial, word));
    }
    pub fn cancel_timer(&self, timer: u8) {
        let old: Vec<u64> = {
            let mut timers = self.port.timers.lock();
            let old = timers.iter().filter(|t| t.0 == timer).map(|t| t.2).collect();
            timers.retain(|t| t.0 != timer);
            old
        };
        for word in old {
            self.ports.surroundings.cancel_timer(word);
        }
    }
    /// While a port is busy, processes that send it commands wait.
    pub fn set_busy(&self, busy: bool) {
        self.ports.set_busy(self.port, busy);
    }
    /// The process id of the program behind the port.
    pub fn set_os_pid(&self, pid: u32) {
        self.port.os_pid.store(pid, Relaxed);
    }
    /// Has the operating system's signals told to `Driver::signal`.
    pub fn signals(&self) {
        self.ports.listen(self.port);
    }
    /// Opens another port, whose driver is made for it.
    pub fn open_sibling_with(&self, name: &str, owner: Term, make: impl FnOnce(&Io) -> Box<dyn Driver>) -> Result<Term, OpenError> {
        self.ports.adopt_with(name, self.port.options.clone(), owner, |io| make(io))
    }
    /// Opens another port with a driver that exists already (an accepted connection); its owner, linked, is `owner`.
    pub fn open_sibling(&self, name: &str, driver: Box<dyn Driver>, owner: Term) -> Result<Term, OpenError> {
        self.ports.adopt(name, driver, Options { binary: false, ..self.port.options.clone() }, owner)
    }
}
