//! All ports of a node: opening, finding, commands, signals, closing.
//! Locks: a port's driver is locked while it is called, and may then lock the port's state; never the other way round, and the table's
//! lock is never held while another is taken.

use crate::driver::{Carried, Control, Driver, Io, OpenError, Opening, Poke};
use crate::drivers;
use crate::poll::Polling;
use crate::port::{Info, Options, Port};
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use process::{Owned, RefId, Who};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use sys::signals::{Signal, Subscription};
use term::{Term, am, atom};

/// What ports ask of the node that they belong to.
pub trait Surroundings: Send + Sync {
    fn world(&self) -> &sys::World;
    /// The release of the libraries: 25, 27, 29.
    fn release(&self) -> u32;
    /// The most ports there may be.
    fn limit(&self) -> usize;
    fn message(&self, to: Term, message: Owned);
    /// An exit signal from a port; `linked`: because a link has broken.
    fn exit(&self, port: Term, to: Who, reason: Owned, linked: bool);
    /// Tells one who monitors the port of its end.
    fn down(&self, port: Term, to: Term, reference: RefId, reason: Owned);
    /// Wakes a process that waits until a port is not busy.
    fn wake(&self, process: Term);
    /// A driver sends this in the name of its port.
    fn sends(&self, _port: Term, _to: Term, _message: &Owned) {}
    /// A port's timer has run out.
    fn timed_out(&self, _port: Term) {}
    /// A port begins to handle what has come for it from outside, or has done so.
    fn runs(&self, _port: Term, _runs: bool) {}
    /// What somebody wants to hear of.
    fn watches(&self) -> Watches {
        Watches::default()
    }
    /// A driver was called for this, and took so long.
    fn took(&self, _port: Term, _what: &str, _time: Duration) {}
    /// A port ends, with the name that it had.
    fn closed(&self, _port: Term, _reason: &Owned, _name: Option<Term>) {}
    /// Makes a process's link to a port that was opened for it.
    fn link(&self, process: Term, port: Term);
    /// Ends a process's link to a port.
    fn unlink(&self, process: Term, port: Term);
    /// Calls `then` when the process ends; `None` if it has ended already.
    fn watch_process(&self, process: Term, then: Box<dyn FnOnce() + Send>) -> Option<RefId>;
    fn unwatch_process(&self, number: RefId);
    /// Reads a term in the external format.
    fn decode(&self, bytes: &[u8]) -> Option<Owned>;
    /// The port has lost its name.
    fn release_name(&self, name: Term, port: Term);
    fn set_timer(&self, after: Duration, work: Box<dyn FnOnce() + Send>) -> u64;
    fn cancel_timer(&self, timer: u64);
    /// `+Bc`: the interrupt key reaches the shell as a character.
    fn interrupt_is_a_key(&self) -> bool;
    /// A line for the log, as an error of the system.
    fn log_error(&self, text: String);
}

/// What somebody wants to hear of.
#[derive(Clone, Copy, Default, Debug)]
pub struct Watches {
    /// Drivers that take long.
    pub long: bool,
    /// Ports that run.
    pub runs: bool,
}

/// `open_port`'s first argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    Spawn(Vec<u8>),
    SpawnDriver(Vec<u8>),
    SpawnExecutable(Vec<u8>),
    Fd(i32, i32),
    /// A file.
    Vanilla(Vec<u8>),
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    Done,
    /// The caller has to wait; it will be woken.
    Busy,
    NoPort,
}

/// A driver is given packets between nodes until so many bytes wait in it.
const CARRIED_AHEAD: usize = 1 << 16;

/// How a driver of a library starts.
pub type Start = Arc<dyn Fn(&mut Io, &Opening) -> Result<Box<dyn Driver>, OpenError> + Send + Sync>;

/// The ports of a node.
pub struct Ports {
    pub surroundings: Box<dyn Surroundings>,
    pub polling: Polling,
    table: RwLock<Map<u64, Arc<Port>>>,
    /// The numbers of those that are open, so that all of them can be told at one moment.
    open: Mutex<BTreeSet<u64>>,
    next: AtomicU64,
    listening: Mutex<(Option<Subscription>, Vec<Weak<Port>>)>,
    halted: AtomicBool,
    /// Drivers that were brought later, by name.
    more: RwLock<Vec<(Vec<u8>, Start)>>,
    pub(crate) traffic: (AtomicU64, AtomicU64),
}

impl Ports {
    /// The table with its first port, which exists from the start: the one that would start programs.
    pub fn new(surroundings: Box<dyn Surroundings>, first_owner: Term) -> Arc<Ports> {
        let ports = Arc::new(Ports {
            surroundings,
            polling: Polling::default(),
            table: RwLock::default(),
            open: Mutex::new(BTreeSet::from([0])),
            next: AtomicU64::new(1),
            listening: Mutex::default(),
            halted: AtomicBool::new(false),
            more: RwLock::default(),
            traffic: Default::default(),
        });
        ports.polling.attach(&ports);
        let forker = Port::new(Term::port(0), b"forker".to_vec(), Options::default(), first_owner);
        *forker.driver.lock() = Some(Box::new(drivers::forker::Forker));
        ports.table.write().insert(0, Arc::new(forker));
        ports
    }

    // ---- finding
    /// A port that is open.
    pub fn get(&self, id: Term) -> Option<Arc<Port>> {
        self.any(id).filter(|p| !p.state.lock().closing)
    }
    /// A port that is open, or closed but still writing.
    pub(crate) fn any(&self, id: Term) -> Option<Arc<Port>> {
        self.table.read().get(&id.port_id()).cloned()
    }
    /// All that are open, in order.
    pub fn all(&self) -> Vec<Term> {
        self.open.lock().iter().map(|&n| Term::port(n)).collect()
    }
    pub fn count(&self) -> usize {
        self.table.read().len()
    }
    /// Bytes that have come in and gone out through all ports so far.
    pub fn traffic(&self) -> (u64, u64) {
        (self.traffic.0.load(Relaxed), self.traffic.1.load(Relaxed))
    }

    // ---- opening
    /// Opens a port whose owner, linked to it, is `owner`.
    pub fn open(self: &Arc<Ports>, name: &Name, options: Options, owner: Term) -> Result<Term, OpenError> {
        if let Name::Spawn(command) | Name::SpawnDriver(command) = name {
            let word = command.split(|&b| b == b' ').find(|w| !w.is_empty()).unwrap_or(b"");
            let start = self.more.read().iter().find(|d| d.0 == word).map(|d| d.1.clone());
            if let Some(start) = start {
                return self.enter(command.clone(), options, owner, |io| start(io, &Opening { name, options: &io.port.options }));
            }
        }
        let (entry, shown) = drivers::find(name, self.surroundings.release())?;
        self.enter(shown, options, owner, |io| (entry.start)(io, &Opening { name, options: &io.port.options }))
    }
    /// A port for a driver that exists already.
    pub(crate) fn adopt(self: &Arc<Ports>, name: &str, driver: Box<dyn Driver>, options: Options, owner: Term) -> Result<Term, OpenError> {
        let port = self.enter(name.as_bytes().to_vec(), options, owner, |_| Ok(driver))?;
        self.surroundings.link(owner, port);
        Ok(port)
    }
    pub(crate) fn adopt_with(self: &Arc<Ports>, name: &str, options: Options, owner: Term, make: impl FnOnce(&Io) -> Box<dyn Driver>) -> Result<Term, OpenError> {
        self.enter(name.as_bytes().to_vec(), options, owner, |io| Ok(make(io)))
    }
    fn enter(
        self: &Arc<Ports>,
        name: Vec<u8>,
        options: Options,
        owner: Term,
        start: impl FnOnce(&mut Io) -> Result<Box<dyn Driver>, OpenError>,
    ) -> Result<Term, OpenError> {
        if self.count() >= self.surroundings.limit() || self.halted.load(Acquire) {
            return Err(OpenError::SystemLimit);
        }
        let number = self.next.fetch_add(1, Relaxed);
        let port = Arc::new(Port::new(Term::port(number), name, options, owner));
        port.state.lock().links.push(owner);
        // Nobody knows the port before its driver has started, but what it watches may be ready before that.
        let mut driver = port.driver.lock();
        self.table.write().insert(number, port.clone());
        let mut io = Io::new(self, &port, Some(owner));
        match start(&mut io) {
            Ok(started) => {
                let started = driver.insert(started);
                started.opened(&mut io);
                let ending = io.ending.take();
                drop(driver);
                self.open.lock().insert(number);
                // It may have been closed from elsewhere by now.
                if port.state.lock().closing {
                    self.open.lock().remove(&number);
                }
                if let Some(reason) = ending {
                    self.terminate(&port, reason, false);
                }
                Ok(port.id)
            }
            Err(e) => {
                drop(driver);
                self.table.write().remove(&number);
                Err(e)
            }
        }
    }

    // ---- drivers of libraries
    /// False if there is one of this name.
    pub fn add_driver(&self, name: &[u8], start: Start) -> bool {
        let mut more = self.more.write();
        if more.iter().any(|d| d.0 == name) {
            return false;
        }
        more.push((name.to_vec(), start));
        true
    }
    pub fn remove_driver(&self, name: &[u8]) {
        self.more.write().retain(|d| d.0 != name);
    }
    /// Calls a driver for what has come from outside, and tells those who want to hear of it.
    pub(crate) fn timed<R>(self: &Arc<Ports>, port: &Arc<Port>, what: &str, f: impl FnOnce(&mut dyn Driver, &mut Io) -> R) -> Option<R> {
        let watches = self.surroundings.watches();
        let started = watches.long.then(Instant::now);
        if watches.runs {
            self.surroundings.runs(port.id, true);
        }
        let r = self.with_driver(port, None, f);
        if watches.runs {
            self.surroundings.runs(port.id, false);
        }
        if let Some(started) = started {
            self.surroundings.took(port.id, what, started.elapsed());
        }
        r
    }
    /// Calls `Driver::poke` of a port, if it is there and open (or still writing).
    pub fn poke(self: &Arc<Ports>, id: Term, poke: Poke) -> bool {
        let Some(port) = self.any(id) else { return false };
        self.with_driver(&port, None, |driver, io| driver.poke(io, poke)).is_some()
    }
    /// What a driver can do outside its calls: its messages, timers and descriptors.
    pub fn io<'a>(self: &'a Arc<Ports>, port: &'a Arc<Port>) -> Io<'a> {
        Io::new(self, port, None)
    }
    /// Ends a port in its driver's name.
    pub fn end(self: &Arc<Ports>, port: &Arc<Port>, reason: Owned) {
        self.terminate(port, reason, false);
    }

    // ---- calling the driver
    /// Calls the driver, and then does what it has asked for. `None`: it is gone.
    pub(crate) fn with_driver<R>(
        self: &Arc<Ports>,
        port: &Arc<Port>,
        caller: Option<Term>,
        f: impl FnOnce(&mut dyn Driver, &mut Io) -> R,
    ) -> Option<R> {
        let mut slot = port.driver.lock();
        let driver = slot.as_mut()?;
        let mut io = Io::new(self, port, caller);
        let r = f(&mut **driver, &mut io);
        let (ending, closed) = (io.ending.take(), io.closed);
        if closed {
            let gone = slot.take();
            drop(slot);
            drop(gone);
            self.table.write().remove(&port.id.port_id());
        } else {
            drop(slot);
            if let Some(reason) = ending {
                self.terminate(port, reason, false);
            }
        }
        if port.carried.get().is_some() {
            self.carry(port);
        }
        Some(r)
    }

    // ---- packets between nodes
    /// From now on the port's packets are for `what`; false if it cannot carry any, or carries others already.
    pub fn carry_for(self: &Arc<Ports>, port: &Arc<Port>, what: Arc<dyn Carried>) -> bool {
        let able = port.driver.lock().as_ref().is_some_and(|d| d.carries_packets());
        if !able || port.state.lock().closing || port.carried.set(what).is_err() {
            return false;
        }
        // It may have begun to close in between.
        if port.state.lock().closing {
            port.carried.get().into_iter().for_each(|c| c.closed(am::NORMAL));
            return false;
        }
        true
    }
    /// Handles packets that have come and sends those that wait, as many as the driver takes now. Whoever finds the driver locked
    /// leaves that to the one who has it: he looks again after he has unlocked it.
    pub fn carry(self: &Arc<Ports>, port: &Arc<Port>) {
        let Some(carried) = port.carried.get() else { return };
        carried.work();
        while carried.has_next() {
            let Some(mut slot) = port.driver.try_lock() else { return };
            let Some(driver) = slot.as_mut() else { return };
            let mut io = Io::new(self, port, None);
            while driver.queued() < CARRIED_AHEAD && io.ending.is_none()
                && let Some(packets) = carried.next()
            {
                port.output.fetch_add(packets.size() as u64, Relaxed);
                self.traffic.1.fetch_add(packets.size() as u64, Relaxed);
                driver.send_packets(&mut io, packets);
            }
            let full = driver.queued() >= CARRIED_AHEAD;
            let ending = io.ending.take();
            drop(slot);
            if let Some(reason) = ending {
                self.terminate(port, reason, false);
                return;
            }
            if full {
                return;
            }
        }
    }

    /// A command from `from`. `wait`: a busy port makes the caller wait.
    pub fn command(self: &Arc<Ports>, port: &Arc<Port>, from: Term, data: impl FnOnce() -> Vec<u8>, wait: bool) -> Command {
        if wait && port.busy.load(Acquire) {
            let mut state = port.state.lock();
            if state.closing {
                return Command::NoPort;
            }
            // Looked at again under the lock under which it changes.
            if port.busy.load(Acquire) {
                if !state.waiting.contains(&from) {
                    state.waiting.push(from);
                }
                return Command::Busy;
            }
        }
        let data = data();
        port.output.fetch_add(data.len() as u64, Relaxed);
        self.traffic.1.fetch_add(data.len() as u64, Relaxed);
        match self.with_driver(port, Some(from), |driver, io| driver.command(io, data)) {
            Some(()) => Command::Done,
            None => Command::NoPort,
        }
    }
    /// May a command be forced upon it while it is busy?
    pub fn takes_force(&self, port: &Port) -> bool {
        port.driver.lock().as_ref().is_some_and(|d| d.takes_force())
    }
    pub fn takes_controls(&self, port: &Port) -> bool {
        port.driver.lock().as_ref().is_some_and(|d| d.takes_controls())
    }
    pub fn takes_calls(&self, port: &Port) -> bool {
        port.driver.lock().as_ref().is_some_and(|d| d.takes_calls())
    }
    pub fn is_busy(&self, port: &Port) -> bool {
        port.busy.load(Acquire)
    }
    pub(crate) fn set_busy(&self, port: &Port, busy: bool) {
        if port.busy.load(Acquire) == busy {
            return;
        }
        let waiting = {
            let mut state = port.state.lock();
            port.busy.store(busy, Release);
            if busy { Vec::new() } else { std::mem::take(&mut state.waiting) }
        };
        for process in waiting {
            self.surroundings.wake(process);
        }
    }
    pub fn control(self: &Arc<Ports>, port: &Arc<Port>, from: Term, operation: u32, data: &[u8]) -> Control {
        self.with_driver(port, Some(from), |driver, io| driver.control(io, operation, data)).unwrap_or(Control::Bad)
    }
    pub fn call(self: &Arc<Ports>, port: &Arc<Port>, from: Term, operation: u32, data: &[u8]) -> Option<Vec<u8>> {
        self.with_driver(port, Some(from), |driver, io| driver.call(io, operation, data)).flatten()
    }

    // ---- owner, links, monitors, names, data
    pub fn owner(&self, port: &Port) -> Term {
        port.state.lock().owner
    }
    /// Gives the port to another process.
    pub fn connect(&self, port: &Port, owner: Term) {
        port.state.lock().owner = owner;
    }
    pub fn link(&self, port: Term, process: Term) -> bool {
        let Some(port) = self.any(port) else { return false };
        let mut state = port.state.lock();
        if state.closing {
            return false;
        }
        if !state.links.contains(&process) {
            state.links.push(process);
        }
        true
    }
    pub fn unlink(&self, port: Term, process: Term) {
        if let Some(port) = self.any(port) {
            port.state.lock().links.retain(|&l| l != process);
        }
    }
    pub fn monitor(&self, port: Term, reference: RefId, watcher: Term) -> bool {
        let Some(port) = self.any(port) else { return false };
        let mut state = port.state.lock();
        if state.closing {
            return false;
        }
        state.monitors.insert(reference, watcher);
        true
    }
    pub fn demonitor(&self, port: Term, reference: RefId) {
        if let Some(port) = self.any(port) {
            port.state.lock().monitors.remove(&reference);
        }
    }
    /// False if there is no such port, or it has a name already.
    pub fn set_name(&self, port: Term, name: Option<Term>) -> bool {
        let Some(port) = self.get(port) else { return false };
        let mut state = port.state.lock();
        if name.is_some() && state.name.is_some() {
            return false;
        }
        state.name = name;
        true
    }
    pub fn set_data(&self, port: &Port, data: Owned) {
        port.state.lock().data = Some(data);
    }
    /// Lets `f` see the port's data.
    pub fn with_data<R>(&self, port: &Port, f: impl FnOnce(Option<Term>) -> R) -> R {
        let state = port.state.lock();
        f(state.data.as_ref().map(|d| d.term))
    }
    pub fn info(&self, port: &Port) -> Info {
        let (queue_size, monitors) = port.driver.lock().as_ref().map_or_else(Default::default, |d| (d.queued(), d.monitors()));
        let state = port.state.lock();
        Info {
            name: port.name.clone(),
            links: state.links.clone(),
            owner: state.owner,
            input: port.input.load(Relaxed),
            output: port.output.load(Relaxed),
            os_pid: port.os_pid.load(Relaxed),
            registered: state.name,
            monitors,
            monitored_by: state.monitors.values().copied().collect(),
            parallelism: port.options.parallelism,
            queue_size,
        }
    }

    // ---- the end
    /// An exit signal to a port.
    pub fn exit(self: &Arc<Ports>, id: Term, from: Term, reason: &Owned, linked: bool) {
        let Some(port) = self.get(id) else { return };
        {
            let mut state = port.state.lock();
            let was_linked = state.links.contains(&from);
            state.links.retain(|&l| l != from || !linked);
            if linked && !was_linked {
                return;
            }
            if reason.term == am::NORMAL && from != state.owner && from != id {
                return;
            }
        }
        let reason = if reason.term == am::KILL && !linked { Owned::immediate(am::KILLED) } else { crate::port::copy(reason) };
        self.terminate(&port, reason, false);
    }
    /// `tell`: the owner gets `{Port, closed}`.
    pub fn close(self: &Arc<Ports>, port: &Arc<Port>, tell: bool) {
        self.terminate(port, Owned::immediate(am::NORMAL), tell);
    }
    fn terminate(self: &Arc<Ports>, port: &Arc<Port>, reason: Owned, tell: bool) {
        let id = port.id;
        // What was sent before goes out before.
        if port.carried.get().is_some() {
            self.carry(port);
        }
        let (owner, links, monitors, name, waiting) = {
            let mut state = port.state.lock();
            if state.closing || id.port_id() == 0 {
                return;
            }
            state.closing = true;
            port.busy.store(false, Release);
            state.data = None;
            let (links, monitors) = (std::mem::take(&mut state.links), std::mem::take(&mut state.monitors));
            (state.owner, links, monitors, state.name.take(), std::mem::take(&mut state.waiting))
        };
        self.open.lock().remove(&id.port_id());
        self.surroundings.closed(id, &reason, name);
        if let Some(name) = name {
            self.surroundings.release_name(name, id);
        }
        if let Some(carried) = port.carried.get() {
            carried.closed(reason.term);
        }
        for to in links {
            self.surroundings.exit(id, Who::Local(to), crate::port::copy(&reason), true);
        }
        for (reference, to) in monitors {
            self.surroundings.down(id, to, reference, crate::port::copy(&reason));
        }
        if tell {
            self.surroundings.message(owner, Owned::build(|a| a.tuple(&[id, am::CLOSED])));
        }
        for process in waiting {
            self.surroundings.wake(process);
        }
        let gone = self.with_driver(port, None, |driver, io| {
            let gone = driver.close(io);
            if gone {
                io.closed();
            }
            gone
        });
        // A driver that is still writing may need its timers for that.
        if gone != Some(false) {
            let timers = std::mem::take(&mut *port.timers.lock());
            for (_, _, word) in timers {
                self.surroundings.cancel_timer(word);
            }
        }
    }
    /// A wrong message to a port is an exit signal to its owner.
    pub fn bad_signal(&self, port: &Port) {
        let owner = port.state.lock().owner;
        self.surroundings.exit(port.id, Who::Local(owner), Owned::immediate(atom!("badsig")), false);
    }
    /// Writes out what waits in all ports, at most until `deadline`; nothing is opened after this.
    pub fn flush(self: &Arc<Ports>, deadline: Option<Instant>) {
        self.halted.store(true, Release);
        let mut all: Vec<Arc<Port>> = self.table.read().values().cloned().collect();
        // Who has nothing to write goes first: others may wait for what only its end tells them.
        all.sort_by_cached_key(|p| p.driver.lock().as_ref().is_some_and(|d| d.queued() > 0));
        for port in all {
            self.carry(&port);
            self.with_driver(&port, None, |driver, io| driver.flush(io, deadline));
        }
    }

    /// Does nothing wait to go out?
    pub fn is_flushed(&self) -> bool {
        let all: Vec<Arc<Port>> = self.table.read().values().cloned().collect();
        all.iter().all(|p| p.driver.lock().as_ref().is_none_or(|d| d.queued() == 0))
    }

    // ---- signals of the operating system
    pub(crate) fn listen(self: &Arc<Ports>, port: &Arc<Port>) {
        let mut listening = self.listening.lock();
        listening.1.push(Arc::downgrade(port));
        if listening.0.is_none() {
            let ports = Arc::downgrade(self);
            let tell = move |signal: Signal| {
                let Some(ports) = ports.upgrade() else { return };
                let now: Vec<Arc<Port>> = ports.listening.lock().1.iter().filter_map(Weak::upgrade).collect();
                for port in now {
                    ports.with_driver(&port, None, |driver, io| driver.signal(io, signal));
                }
            };
            listening.0 = self.surroundings.world().signals.subscribe(Box::new(tell)).ok();
        }
    }
}
