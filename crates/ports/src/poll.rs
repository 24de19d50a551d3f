//! Waiting for file descriptors: done by whoever says so at the start (`attend`), else by a thread that is started when one is first watched.

use crate::driver::Ready;
use crate::table::Ports;
use base::hash::Map;
use base::sync::Mutex;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use sys::poll::{Event, Interest, Poller};
use term::Term;

type OnReady = Box<dyn FnOnce(Event) + Send>;

thread_local! {
    /// What came, between `wait` and `act`.
    static EVENTS: std::cell::RefCell<Vec<Event>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Watches descriptors for ports and for native functions.
#[derive(Default)]
pub struct Polling {
    poller: OnceLock<Option<Arc<dyn Poller>>>,
    calls: Mutex<Map<u64, OnReady>>,
    next: AtomicU64,
    stop: Arc<AtomicBool>,
    held: Mutex<Held>,
    ports: OnceLock<Weak<Ports>>,
}

/// Somebody else reads standard input for a while: who waits for it gets to know later.
#[derive(Default)]
struct Held {
    on: bool,
    /// Tokens that wait for standard input.
    input: Vec<u64>,
    events: Vec<Event>,
}

/// A port's token: its number, the slot, and a zero bit (the calls have a one).
fn token(port: Term, slot: u8) -> u64 {
    (port.port_id() << 8 | u64::from(slot)) << 1
}

impl Polling {
    pub(crate) fn attach(&self, ports: &Arc<Ports>) {
        let _ = self.ports.set(Arc::downgrade(ports));
    }
    fn poller(&self) -> Option<&Arc<dyn Poller>> {
        self.poller.get_or_init(|| self.start()).as_ref()
    }
    fn new_poller(&self) -> Option<Arc<dyn Poller>> {
        (self.ports.get()?.upgrade()?.surroundings.world().new_poller)().ok()
    }
    /// From now on the caller calls `wait` and `act`. False: a thread does so already, or there can be no waiting.
    pub fn attend(&self) -> bool {
        self.poller.get().is_none() && self.poller.get_or_init(|| self.new_poller()).is_some()
    }
    /// Waits until something is ready (which is kept for this thread's `act`), `wake` is called or the time is over.
    pub fn wait(&self, timeout: Option<Duration>) {
        if let Some(Some(poller)) = self.poller.get() {
            EVENTS.with_borrow_mut(|events| {
                let _ = poller.wait(events, timeout);
            });
        }
    }
    pub fn wake(&self) {
        if let Some(Some(poller)) = self.poller.get() {
            poller.wake();
        }
    }
    /// Tells ports and callers what this thread's `wait` has brought.
    pub fn act(&self) {
        let mut events = EVENTS.take();
        if events.is_empty() {
            return;
        }
        if let Some(ports) = self.ports.get().and_then(Weak::upgrade) {
            for event in events.drain(..) {
                self.dispatch(&ports, event);
            }
        }
        events.clear();
        EVENTS.set(events);
    }
    fn start(&self) -> Option<Arc<dyn Poller>> {
        let ports = self.ports.get()?.clone();
        let poller = self.new_poller()?;
        let (waiting, stop) = (poller.clone(), self.stop.clone());
        let run = move || {
            let mut events = Vec::new();
            while !stop.load(Acquire) {
                // Without a poller there is nothing to wait for; a failure is not expected to pass.
                if waiting.wait(&mut events, None).is_err() {
                    return;
                }
                let Some(ports) = ports.upgrade() else { return };
                for event in events.drain(..) {
                    ports.polling.dispatch(&ports, event);
                }
            }
        };
        std::thread::Builder::new().name("poll".into()).spawn(run).ok()?;
        Some(poller)
    }
    /// Keeps back what standard input brings, or lets it go.
    pub fn hold_input(&self, on: bool) {
        let events = {
            let mut held = self.held.lock();
            held.on = on;
            if on { Vec::new() } else { std::mem::take(&mut held.events) }
        };
        if let Some(ports) = self.ports.get().and_then(Weak::upgrade) {
            for event in events {
                self.dispatch(&ports, event);
            }
        }
    }
    fn note_input(&self, fd: BorrowedFd, token: u64) {
        if std::os::fd::AsRawFd::as_raw_fd(&fd) == 0 {
            let mut held = self.held.lock();
            if !held.input.contains(&token) {
                held.input.push(token);
            }
        }
    }
    fn dispatch(&self, ports: &Arc<Ports>, event: Event) {
        {
            let mut held = self.held.lock();
            if held.on && held.input.contains(&event.token) {
                held.events.push(event);
                return;
            }
            if event.token & 1 == 1 {
                held.input.retain(|&t| t != event.token);
            }
        }
        if event.token & 1 == 1 {
            let call = self.calls.lock().remove(&event.token);
            if let Some(call) = call {
                call(event);
            }
            return;
        }
        let (id, slot) = (Term::port(event.token >> 9), (event.token >> 1) as u8);
        let Some(port) = ports.any(id) else { return };
        let ready = Ready { slot, read: event.ready.read, write: event.ready.write, hangup: event.hangup };
        ports.timed(&port, "input", |driver, io| driver.ready(io, ready));
    }
    pub(crate) fn watch_port(&self, fd: BorrowedFd, port: Term, slot: u8, interest: Interest) -> sys::Result<()> {
        let Some(poller) = self.poller() else { return Err(sys::Errno::ENOMEM) };
        self.note_input(fd, token(port, slot));
        poller.watch(fd, token(port, slot), interest)
    }
    /// Calls `then` once when the descriptor is ready. The number is for `cancel`.
    pub fn watch(&self, fd: BorrowedFd, interest: Interest, then: impl FnOnce(Event) + Send + 'static) -> sys::Result<u64> {
        let Some(poller) = self.poller() else { return Err(sys::Errno::ENOMEM) };
        let token = self.next.fetch_add(1, Relaxed) << 1 | 1;
        self.note_input(fd, token);
        self.calls.lock().insert(token, Box::new(then));
        match poller.watch(fd, token, interest) {
            Ok(()) => Ok(token),
            Err(e) => {
                self.calls.lock().remove(&token);
                Err(e)
            }
        }
    }
    /// Ends a `watch`; false if it has been called already.
    pub fn cancel(&self, fd: BorrowedFd, number: u64) -> bool {
        self.forget(fd);
        self.calls.lock().remove(&number).is_some()
    }
    pub fn forget(&self, fd: BorrowedFd) {
        if let Some(Some(poller)) = self.poller.get() {
            let _ = poller.forget(fd);
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.stop.store(true, Release);
        if let Some(Some(poller)) = self.poller.get() {
            poller.wake();
        }
    }
}
