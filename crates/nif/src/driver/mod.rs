//! Drivers of libraries (`erl_driver.h`): what a library describes itself with, and a port that has such a driver.
//! Not here: the functions that drivers call (`calls`, `terms`, `queues`), loading and unloading (`ddll`).

pub mod calls;
pub mod ddll;
pub mod queues;
pub mod terms;

use base::hash::Map;
use base::sync::{Mutex, RwLock};
use libc::{c_char, c_int, c_uint, c_void};
use ports::{Control, Driver, Io, OpenError, Opening, Poke, Port, Ports, Ready};
use process::{Owned, RefId};
use queues::Queue;
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::*};
use std::sync::{Arc, Weak};
use sys::Errno;
use sys::poll::Interest;
use term::{Term, am};

/// `ErlDrvData`.
pub type Data = *mut c_void;

/// `ErlDrvTermData`: the word of a term that needs no memory.
pub type DrvTerm = u64;

/// `ErlIOVec`.
#[repr(C)]
pub struct ErlIoVec {
    pub vsize: c_int,
    pub size: usize,
    pub iov: *mut libc::iovec,
    pub binv: *mut *mut queues::DrvBinary,
}

/// `ErlDrvEntry`.
#[repr(C)]
pub struct Entry {
    init: Option<unsafe extern "C" fn() -> c_int>,
    start: Option<unsafe extern "C" fn(usize, *mut c_char) -> Data>,
    stop: Option<unsafe extern "C" fn(Data)>,
    output: Option<unsafe extern "C" fn(Data, *mut c_char, usize)>,
    ready_input: Option<unsafe extern "C" fn(Data, usize)>,
    ready_output: Option<unsafe extern "C" fn(Data, usize)>,
    name: *const c_char,
    finish: Option<unsafe extern "C" fn()>,
    handle: *mut c_void,
    control: Option<unsafe extern "C" fn(Data, c_uint, *mut c_char, usize, *mut *mut c_char, usize) -> isize>,
    timeout: Option<unsafe extern "C" fn(Data)>,
    outputv: Option<unsafe extern "C" fn(Data, *mut ErlIoVec)>,
    ready_async: Option<unsafe extern "C" fn(Data, *mut c_void)>,
    flush: Option<unsafe extern "C" fn(Data)>,
    call: Option<unsafe extern "C" fn(Data, c_uint, *mut c_char, usize, *mut *mut c_char, usize, *mut c_uint) -> isize>,
    unused: *mut c_void,
    marker: c_int,
    major: c_int,
    minor: c_int,
    flags: c_int,
    handle2: *mut c_void,
    process_exit: Option<unsafe extern "C" fn(Data, *mut crate::processes::NifMonitor)>,
    stop_select: Option<unsafe extern "C" fn(usize, *mut c_void)>,
    emergency_close: Option<unsafe extern "C" fn(Data)>,
}

const MARKER: c_int = 0xfeee_eeed_u32 as c_int;
const MAJOR: c_int = 3;
const MINOR: c_int = 3;
const SOFT_BUSY: c_int = 2;

/// A library with a driver; its code goes with the last handle.
pub struct Loaded {
    pub name: Vec<u8>,
    entry: *const Entry,
    /// It has said that it is to stay for ever.
    pub locked: std::sync::atomic::AtomicBool,
    _code: sys::dylib::Library,
}

// SAFETY: rule 3: the entry is data of the library, which is written no more.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

impl Loaded {
    fn entry(&self) -> &Entry {
        // SAFETY: rule 3.
        unsafe { &*self.entry }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Some(finish) = self.entry().finish {
            // SAFETY: rule 3: its code goes after this.
            unsafe { finish() };
        }
    }
}

/// What is waited for on a descriptor.
#[derive(Clone, Copy, Default)]
struct Select {
    fd: c_int,
    read: bool,
    write: bool,
}

/// How a port ends when its driver's call is over.
enum End {
    Eof,
    Reason(Owned),
}

/// What the driver's functions know of a port. C has its number (`ErlDrvPort`).
pub struct Shared {
    pub handle: usize,
    pub ports: Weak<Ports>,
    pub port: Weak<Port>,
    pub id: Term,
    pub driver: Arc<Loaded>,
    pub queue: Mutex<Queue>,
    selects: Mutex<Vec<Option<Select>>>,
    /// `set_port_control_flags`.
    pub control_flags: AtomicI32,
    pub timer: Mutex<Option<std::time::Instant>>,
    ending: Mutex<Option<End>>,
    pub lock: AtomicUsize,
    pub monitors: Mutex<Vec<(RefId, Term)>>,
    pub init_ack: Mutex<Option<usize>>,
}

/// Ports by the number that C knows them by. Numbers are not used again.
static HANDLES: RwLock<Option<Map<usize, Arc<Shared>>>> = RwLock::new(None);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// The port that C means; `None` if it is gone.
pub fn shared(handle: usize) -> Option<Arc<Shared>> {
    HANDLES.read().as_ref()?.get(&handle).cloned()
}

/// Ports that this driver drives.
pub fn ports_with(driver: &Arc<Loaded>) -> Vec<Term> {
    let all = HANDLES.read();
    all.iter().flat_map(|m| m.values()).filter(|s| Arc::ptr_eq(&s.driver, driver)).map(|s| s.id).collect()
}

/// The number by which C knows a port that is there.
pub fn handle_of(id: Term) -> Option<usize> {
    HANDLES.read().as_ref()?.values().find(|s| s.id == id).map(|s| s.handle)
}

impl Shared {
    /// A port's outside: its messages, timers and descriptors.
    pub fn with_io<R>(&self, f: impl FnOnce(&Io) -> R) -> Option<R> {
        let (ports, port) = (self.ports.upgrade()?, self.port.upgrade()?);
        let io = ports.io(&port);
        Some(f(&io))
    }
    /// Ends the port: behind the driver's call that is under way, or now.
    fn end(&self, end: End) {
        if CURRENT.get().0 == self.handle {
            self.ending.lock().get_or_insert(end);
            return;
        }
        let (Some(ports), Some(port)) = (self.ports.upgrade(), self.port.upgrade()) else { return };
        match end {
            End::Reason(reason) => ports.end(&port, reason),
            End::Eof => {
                *self.ending.lock() = Some(End::Eof);
                ports.poke(self.id, Poke { what: NOTHING, a: 0, b: 0 });
            }
        }
    }
    pub fn end_with(&self, reason: Term) {
        self.end(End::Reason(Owned::immediate(reason)));
    }
    pub fn eof(&self) {
        self.end(End::Eof);
    }

    // ---- descriptors
    /// Asks the poller for what is wanted of a descriptor.
    fn arm(&self, slot: usize, s: Select) {
        // SAFETY: rule 1: C keeps it open while it is selected.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(s.fd) };
        self.with_io(|io| {
            if s.read || s.write {
                io.watch(fd, slot as u8, Interest { read: s.read, write: s.write, ..Interest::NONE });
            } else {
                io.forget(fd);
            }
        });
    }
    /// `driver_select` without the end of the use. False if there are too many.
    pub fn select(&self, fd: c_int, read: bool, write: bool, on: bool) -> bool {
        let mut all = self.selects.lock();
        let at = all.iter().position(|s| s.is_some_and(|s| s.fd == fd));
        let Some(at) = at.or_else(|| on.then(|| all.iter().position(Option::is_none).unwrap_or(all.len()))) else { return true };
        if at > 255 {
            return false;
        }
        if at == all.len() {
            all.push(None);
        }
        let mut s = all[at].unwrap_or(Select { fd, ..Select::default() });
        if read {
            s.read = on;
        }
        if write {
            s.write = on;
        }
        all[at] = (s.read || s.write).then_some(s);
        drop(all);
        self.arm(at, s);
        true
    }
}

thread_local! {
    /// The port whose driver this thread runs, and the process that called (a pid's word, or 0).
    static CURRENT: Cell<(usize, u64)> = const { Cell::new((0, 0)) };
}

/// The process for which the driver of this port runs on this thread.
pub fn caller(handle: usize) -> Option<Term> {
    let (port, pid) = CURRENT.get();
    // SAFETY: the word of a pid, which needs no memory.
    (port == handle && pid != 0).then(|| unsafe { Term::from_raw(pid) })
}

const NOTHING: u8 = 0;
pub const ASYNC_DONE: u8 = 1;
pub const PROCESS_EXIT: u8 = 2;

/// A port's driver that is a library's.
pub struct Foreign {
    shared: Arc<Shared>,
    data: Data,
    stopped: bool,
    closing: bool,
}

// SAFETY: a port's driver is called by one thread at a time; the data is C's.
unsafe impl Send for Foreign {}

/// Starts a library's driver for a port.
pub fn start(driver: &Arc<Loaded>, io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let start = driver.entry().start;
    let mut command = match opening.name {
        ports::Name::Spawn(c) | ports::Name::SpawnDriver(c) => c.clone(),
        _ => return Err(OpenError::BadArg),
    };
    command.push(0);
    let foreign = Foreign::new(driver, io, null_mut());
    let mut foreign = Box::new(foreign);
    // SAFETY: rules 1 and 3.
    let data = foreign.call(io, |_, _| unsafe {
        *libc::__errno_location() = 0;
        start.map_or(null_mut(), |start| start(CURRENT.get().0, command.as_mut_ptr().cast()))
    });
    let errno = Errno::last();
    let failed = match data as isize {
        -1 => Some(OpenError::Posix(Errno::EINVAL)),
        -2 => Some(OpenError::Posix(errno)),
        -3 => Some(OpenError::BadArg),
        _ => None,
    };
    if let Some(e) = failed {
        foreign.stopped = true;
        return Err(e);
    }
    foreign.data = data;
    Ok(foreign)
}

impl Foreign {
    pub fn new(driver: &Arc<Loaded>, io: &Io, data: Data) -> Foreign {
        Foreign::of_port(driver, io.ports, io.port, data)
    }
    fn of_port(driver: &Arc<Loaded>, ports: &Arc<Ports>, port: &Arc<Port>, data: Data) -> Foreign {
        let handle = NEXT.fetch_add(1, Relaxed);
        let shared = Arc::new(Shared {
            handle,
            ports: Arc::downgrade(ports),
            port: Arc::downgrade(port),
            id: port.id,
            driver: driver.clone(),
            queue: Mutex::default(),
            selects: Mutex::default(),
            control_flags: AtomicI32::new(0),
            timer: Mutex::default(),
            ending: Mutex::default(),
            lock: AtomicUsize::new(0),
            monitors: Mutex::default(),
            init_ack: Mutex::default(),
        });
        HANDLES.write().get_or_insert_default().insert(handle, shared.clone());
        Foreign { shared, data, stopped: false, closing: false }
    }
    fn entry(&self) -> &'static Entry {
        // SAFETY: rule 3: `shared` holds the library for as long as this driver runs.
        unsafe { &*self.shared.driver.entry }
    }
    /// Calls one of the driver's functions, and then does what it has asked for.
    fn call<R>(&mut self, io: &mut Io, f: impl FnOnce(&'static Entry, Data) -> R) -> R {
        let pid = io.caller.map_or(0, Term::raw);
        let before = CURRENT.replace((self.shared.handle, pid));
        let r = f(self.entry(), self.data);
        CURRENT.set(before);
        let ending = self.shared.ending.lock().take();
        match ending {
            Some(End::Eof) => io.eof(),
            Some(End::Reason(reason)) => io.end_with(reason),
            None => {}
        }
        if self.closing && !self.stopped && self.shared.queue.lock().size() == 0 {
            self.stop(io);
            io.closed();
        }
        r
    }
    fn stop(&mut self, io: &mut Io) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        // SAFETY: rules 1 and 3.
        self.call(io, |e, data| unsafe {
            if let Some(stop) = e.stop {
                stop(data);
            }
        });
        self.leave();
    }
    /// C knows the port no more.
    fn leave(&mut self) {
        self.stopped = true;
        HANDLES.write().get_or_insert_default().remove(&self.shared.handle);
        calls::forget_monitors(&self.shared);
        let lock = self.shared.lock.swap(0, AcqRel);
        calls::release_data(lock);
        let selects: Vec<_> = self.shared.selects.lock().drain(..).flatten().collect();
        for s in selects {
            // SAFETY: only the poller's own table is looked at.
            let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(s.fd) };
            self.shared.with_io(|io| io.forget(fd));
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.leave();
        ddll::port_gone(self.shared.driver.clone());
    }
}

impl Driver for Foreign {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let mut data = data;
        // SAFETY: rules 1 and 3.
        self.call(io, |e, d| unsafe {
            if let Some(outputv) = e.outputv {
                queues::with_vector(&data, |ev| outputv(d, ev));
            } else if let Some(output) = e.output {
                output(d, data.as_mut_ptr().cast(), data.len());
            }
        });
    }
    fn takes_controls(&self) -> bool {
        self.entry().control.is_some()
    }
    fn takes_calls(&self) -> bool {
        self.entry().call.is_some()
    }
    fn control(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Control {
        let Some(control) = self.entry().control else { return Control::Bad };
        let mut data = data.to_vec();
        let mut room = [0u8; 64];
        let mut result: *mut c_char = room.as_mut_ptr().cast();
        // SAFETY: rules 1 and 3.
        let n = self.call(io, |_, d| unsafe { control(d, operation, data.as_mut_ptr().cast(), data.len(), &mut result, room.len()) });
        if n < 0 {
            return Control::Bad;
        }
        let own = std::ptr::eq(result, room.as_ptr().cast());
        let binary = self.shared.control_flags.load(Acquire) & 1 != 0;
        // SAFETY: rule 1: what was left in `result` is a buffer or a binary of the driver's, which is given away.
        unsafe {
            if own {
                let bytes = room[..(n as usize).min(room.len())].to_vec();
                return if binary { Control::Binary(bytes) } else { Control::List(bytes) };
            }
            if result.is_null() {
                return Control::List(Vec::new());
            }
            if binary {
                let b = result.cast::<queues::DrvBinary>();
                let bytes = queues::bytes(b).to_vec();
                queues::driver_free_binary(b);
                return Control::Binary(bytes);
            }
            let bytes = std::slice::from_raw_parts(result.cast::<u8>(), n as usize).to_vec();
            libc::free(result.cast());
            Control::List(bytes)
        }
    }
    fn call(&mut self, io: &mut Io, operation: u32, data: &[u8]) -> Option<Vec<u8>> {
        let call = self.entry().call?;
        let mut data = data.to_vec();
        let (size, len) = (data.len().max(256), data.len());
        data.resize(size, 0);
        let mut room = vec![0u8; 256];
        let mut result: *mut c_char = room.as_mut_ptr().cast();
        let mut flags: c_uint = 0;
        // SAFETY: rules 1 and 3.
        let n = Foreign::call(self, io, |_, d| unsafe {
            call(d, operation, data.as_mut_ptr().cast(), len, &mut result, room.len(), &mut flags)
        });
        if n <= 0 || result.is_null() {
            return None;
        }
        // SAFETY: rule 1.
        let bytes = unsafe { std::slice::from_raw_parts(result.cast::<u8>(), n as usize) }.to_vec();
        let kept = flags & 1 != 0 || std::ptr::eq(result, room.as_ptr().cast()) || std::ptr::eq(result, data.as_ptr().cast());
        if !kept {
            // SAFETY: rule 1: the driver has given it away.
            unsafe { libc::free(result.cast()) };
        }
        (bytes.first() == Some(&131)).then_some(bytes)
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        let selected = |me: &Foreign| me.shared.selects.lock().get(ready.slot as usize).copied().flatten();
        let Some(s) = selected(self) else { return };
        if ready.read && s.read {
            // SAFETY: rules 1 and 3.
            self.call(io, |e, d| unsafe {
                if let Some(f) = e.ready_input {
                    f(d, s.fd as usize);
                }
            });
        }
        if ready.write && selected(self).is_some_and(|now| now.write && now.fd == s.fd) {
            // SAFETY: rules 1 and 3.
            self.call(io, |e, d| unsafe {
                if let Some(f) = e.ready_output {
                    f(d, s.fd as usize);
                }
            });
        }
        // A selection stays until it is taken back.
        if let Some(s) = selected(self)
            && !self.stopped
        {
            self.shared.arm(ready.slot as usize, s);
        }
    }
    fn timeout(&mut self, io: &mut Io, _timer: u8) {
        *self.shared.timer.lock() = None;
        // SAFETY: rules 1 and 3.
        self.call(io, |e, d| unsafe {
            if let Some(f) = e.timeout {
                f(d);
            }
        });
    }
    fn poke(&mut self, io: &mut Io, poke: Poke) {
        // SAFETY: rules 1 and 3.
        self.call(io, |e, d| unsafe {
            match poke.what {
                ASYNC_DONE => calls::async_done(poke, |data| {
                    if let Some(f) = e.ready_async {
                        f(d, data);
                        return true;
                    }
                    false
                }),
                PROCESS_EXIT => {
                    if let Some(f) = e.process_exit {
                        f(d, &mut crate::processes::NifMonitor::of((poke.a, poke.b)));
                    }
                }
                _ => {}
            }
        });
    }
    fn close(&mut self, io: &mut Io) -> bool {
        if self.stopped {
            return true;
        }
        if self.shared.queue.lock().size() > 0 && self.entry().flush.is_some() {
            // SAFETY: rules 1 and 3.
            self.call(io, |e, d| unsafe {
                if let Some(flush) = e.flush {
                    flush(d);
                }
            });
            if self.shared.queue.lock().size() > 0 {
                self.closing = true;
                return false;
            }
        }
        self.stop(io);
        true
    }
    fn takes_force(&self) -> bool {
        self.entry().flags & SOFT_BUSY != 0
    }
    fn queued(&self) -> usize {
        self.shared.queue.lock().size()
    }
    fn monitors(&self) -> Vec<Term> {
        self.shared.monitors.lock().iter().map(|m| m.1).collect()
    }
}

/// What C gets for a port that is gone.
pub const NO_TERM: Term = am::UNDEFINED;
