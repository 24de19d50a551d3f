//! What drivers call: output, failure, timers, descriptors, other threads, monitors, and the names that `enif_*` functions have there.

use super::queues::{DrvBinary, bytes};
use super::{ASYNC_DONE, DrvTerm, ErlIoVec, Foreign, PROCESS_EXIT, Shared, shared};
use crate::env::current_node;
use crate::processes::NifMonitor;
use crate::{threads, time};
use base::hash::Map;
use base::sync::Mutex;
use libc::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use node::Node;
use ports::Poke;
use process::{RefId, Signal, Who};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, Ordering::*};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use sys::Errno;
use term::{Term, am};

unsafe fn slice<'a>(p: *const c_char, len: usize) -> &'a [u8] {
    if len == 0 { &[] } else { std::slice::from_raw_parts(p.cast(), len) }
}

// ---- output to the owner
fn output(port: usize, head: &[u8], data: &[u8]) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    let done = s.with_io(|io| if head.is_empty() { io.data(data) } else { io.headed(head, Some(data)) });
    if done.is_some() { 0 } else { -1 }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_output(port: usize, p: *const c_char, len: usize) -> c_int {
    output(port, &[], slice(p, len))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_output2(port: usize, head: *const c_char, head_len: usize, p: *const c_char, len: usize) -> c_int {
    output(port, slice(head, head_len), slice(p, len))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_output_binary(port: usize, head: *const c_char, head_len: usize, b: *mut DrvBinary, at: usize, len: usize) -> c_int {
    let Some(data) = bytes(b).get(at..at.saturating_add(len)) else { return -1 };
    output(port, slice(head, head_len), data)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_outputv(port: usize, head: *const c_char, head_len: usize, ev: *const ErlIoVec, skip: usize) -> c_int {
    let mut all = Vec::new();
    for i in 0..(*ev).vsize.max(0) as usize {
        let v = &*(*ev).iov.add(i);
        all.extend_from_slice(slice(v.iov_base.cast(), v.iov_len));
    }
    let Some(data) = all.get(skip..) else { return -1 };
    output(port, slice(head, head_len), data)
}

// ---- the end
fn ends(port: usize, reason: Term) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    s.end_with(reason);
    0
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_failure_eof(port: usize) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    s.eof();
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_failure_atom(port: usize, reason: *const c_char) -> c_int {
    ends(port, Term::from_raw(super::terms::driver_mk_atom(reason)))
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_failure_posix(port: usize, error: c_int) -> c_int {
    ends(port, term::atom::intern(Errno(error).name()))
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_failure(port: usize, error: c_int) -> c_int {
    if error == 0 { driver_failure_eof(port) } else { ends(port, Term::small(error.into())) }
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_exit(port: usize, error: c_int) -> c_int {
    ends(port, if error == 0 { am::NORMAL } else { Term::small(error.into()) })
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_report_exit(port: usize, status: c_int) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    s.with_io(|io| io.exit_status(status));
    0
}

// ---- timers
#[unsafe(no_mangle)]
pub extern "C" fn driver_set_timer(port: usize, ms: c_ulong) -> c_int {
    let Some(s) = shared(port).filter(|s| s.driver.entry().timeout.is_some()) else { return -1 };
    let after = Duration::from_millis(ms);
    *s.timer.lock() = Some(Instant::now() + after);
    s.with_io(|io| io.set_timer(0, after));
    0
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_cancel_timer(port: usize) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    *s.timer.lock() = None;
    s.with_io(|io| io.cancel_timer(0));
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_read_timer(port: usize, left: *mut c_ulong) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    let at = *s.timer.lock();
    *left = at.map_or(0, |t| t.saturating_duration_since(Instant::now()).as_millis() as c_ulong);
    0
}
#[repr(C)]
pub struct NowData {
    megasecs: c_ulong,
    secs: c_ulong,
    microsecs: c_ulong,
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_get_now(out: *mut NowData) -> c_int {
    let Some(node) = current_node() else { return -1 };
    let us = (node.system_ns() / 1000) as u64;
    *out = NowData { megasecs: us / 1_000_000_000_000, secs: us / 1_000_000 % 1_000_000, microsecs: us % 1_000_000 };
    0
}

// ---- descriptors
const USE: c_int = 4;
const NO_CALLBACK: c_int = 8;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_select(port: usize, event: usize, mode: c_int, on: c_int) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    let fd = event as c_int;
    if fd < 0 {
        return -1;
    }
    if on != 0 {
        return if s.select(fd, mode & 1 != 0, mode & 2 != 0, true) { 0 } else { -1 };
    }
    // Without a callback only what is named is given up.
    let all = mode & USE != 0 && mode & NO_CALLBACK == 0;
    s.select(fd, all || mode & 1 != 0, all || mode & 2 != 0, false);
    if all
        && let Some(stop) = s.driver.entry().stop_select
    {
        stop(event, null_mut());
    }
    0
}

// ---- other threads
type Invoke = unsafe extern "C" fn(*mut c_void);

struct Job {
    invoke: Invoke,
    data: usize,
    free: usize,
    port: Term,
    ports: std::sync::Weak<ports::Ports>,
}

/// The threads that run `driver_async`'s functions, started by the first call.
static WORKERS: OnceLock<Vec<Mutex<Sender<Job>>>> = OnceLock::new();

fn workers() -> &'static Vec<Mutex<Sender<Job>>> {
    WORKERS.get_or_init(|| {
        (0..4)
            .filter_map(|i| {
                let (sender, jobs) = channel::<Job>();
                let work = move || {
                    while let Ok(job) = jobs.recv() {
                        // SAFETY: rule 1.
                        unsafe { (job.invoke)(job.data as *mut c_void) };
                        let poke = Poke { what: ASYNC_DONE, a: job.data as u64, b: job.free as u64 };
                        if !job.ports.upgrade().is_some_and(|p| p.poke(job.port, poke)) {
                            async_done(poke, |_| false);
                        }
                    }
                };
                std::thread::Builder::new().name(format!("async_{i}")).spawn(work).ok()?;
                Some(Mutex::new(sender))
            })
            .collect()
    })
}

/// Gives the data to `take`, or to the function that frees it.
pub fn async_done(poke: Poke, take: impl FnOnce(*mut c_void) -> bool) {
    let data = poke.a as *mut c_void;
    if !take(data) && poke.b != 0 {
        // SAFETY: rule 1: it came as such a function.
        unsafe {
            let free: Invoke = std::mem::transmute(poke.b as usize);
            free(data);
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_async(port: usize, key: *mut c_uint, invoke: Option<Invoke>, data: *mut c_void, free: Option<Invoke>) -> c_long {
    static NUMBER: AtomicI64 = AtomicI64::new(1);
    let (Some(s), Some(invoke)) = (shared(port), invoke) else { return -1 };
    let workers = workers();
    if workers.is_empty() {
        return -1;
    }
    let number = NUMBER.fetch_add(1, Relaxed);
    let worker = match key.as_mut() {
        Some(key) => *key as usize % workers.len(),
        None => number as usize % workers.len(),
    };
    let free = free.map_or(0, |f| f as usize);
    let sent = workers[worker].lock().send(Job { invoke, data: data as usize, free, port: s.id, ports: s.ports.clone() });
    if sent.is_ok() { number } else { -1 }
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_async_port_key(port: usize) -> c_uint {
    (port as u64).wrapping_mul(0x9e37_79b1) as c_uint
}

/// `ErlDrvPDL`.
pub struct DataLock {
    lock: parking_lot::Mutex<()>,
    count: AtomicI64,
}

#[unsafe(no_mangle)]
pub extern "C" fn driver_pdl_create(port: usize) -> *mut DataLock {
    let Some(s) = shared(port) else { return null_mut() };
    // One count is the port's, one the caller's.
    let p = Box::into_raw(Box::new(DataLock { lock: parking_lot::Mutex::new(()), count: AtomicI64::new(2) }));
    if s.lock.compare_exchange(0, p as usize, AcqRel, Acquire).is_err() {
        // SAFETY: rule 6: nobody else has it yet.
        drop(unsafe { Box::from_raw(p) });
        return null_mut();
    }
    p
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pdl_lock(l: *mut DataLock) {
    driver_pdl_inc_refc(l);
    std::mem::forget((*l).lock.lock());
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pdl_unlock(l: *mut DataLock) {
    (*l).lock.force_unlock();
    driver_pdl_dec_refc(l);
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pdl_get_refc(l: *mut DataLock) -> c_long {
    (*l).count.load(Acquire)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pdl_inc_refc(l: *mut DataLock) -> c_long {
    (*l).count.fetch_add(1, AcqRel) + 1
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pdl_dec_refc(l: *mut DataLock) -> c_long {
    let left = (*l).count.fetch_sub(1, AcqRel) - 1;
    if left == 0 {
        drop(Box::from_raw(l));
    }
    left
}
/// The port's count goes.
pub fn release_data(lock: usize) {
    if lock != 0 {
        // SAFETY: rule 6: a count of the port's own.
        unsafe { driver_pdl_dec_refc(lock as *mut DataLock) };
    }
}

// ---- monitors
/// Who is watched for which port.
#[derive(Default)]
struct Monitors(Mutex<Map<RefId, (usize, Term)>>);

const WATCHER: Who = Who::Local(Term::port(0));

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_monitor_process(port: usize, pid: DrvTerm, out: *mut NifMonitor) -> c_int {
    let (Some(s), Some(node)) = (shared(port), current_node()) else { return -1 };
    if s.driver.entry().process_exit.is_none() {
        return -1;
    }
    let pid = Term::from_raw(pid);
    let reference = (node.next_ref(), 0);
    node.part::<Monitors>().0.lock().insert(reference, (port, pid));
    s.monitors.lock().push((reference, pid));
    let signal = Signal::Monitor { reference, watcher: WATCHER, name: None };
    if !pid.is_local_pid() || node.deliver(pid, signal).is_err() {
        node.part::<Monitors>().0.lock().remove(&reference);
        s.monitors.lock().retain(|m| m.0 != reference);
        return 1;
    }
    *out = NifMonitor::of(reference);
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_demonitor_process(port: usize, monitor: *const NifMonitor) -> c_int {
    let (Some(s), Some(node)) = (shared(port), current_node()) else { return -1 };
    let reference = (*monitor).id();
    let Some((_, pid)) = node.part::<Monitors>().0.lock().remove(&reference) else { return 1 };
    s.monitors.lock().retain(|m| m.0 != reference);
    let _ = node.deliver(pid, Signal::Demonitor { reference });
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_get_monitored_process(port: usize, monitor: *const NifMonitor) -> DrvTerm {
    let reference = (*monitor).id();
    let found = shared(port).and_then(|s| s.monitors.lock().iter().find(|m| m.0 == reference).map(|m| m.1));
    found.unwrap_or(Term::NIL).raw()
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_compare_monitors(a: *const NifMonitor, b: *const NifMonitor) -> c_int {
    crate::processes::enif_compare_monitors(a, b)
}
/// The port is gone.
pub fn forget_monitors(s: &Shared) {
    let gone = std::mem::take(&mut *s.monitors.lock());
    if gone.is_empty() {
        return;
    }
    let Some(node) = current_node() else { return };
    for (reference, pid) in gone {
        node.part::<Monitors>().0.lock().remove(&reference);
        let _ = node.deliver(pid, Signal::Demonitor { reference });
    }
}
/// A watched process has ended. False if it was not watched for a port.
pub fn down(node: &Arc<Node>, reference: RefId) -> bool {
    let Some((port, _)) = node.part::<Monitors>().0.lock().remove(&reference) else { return false };
    let Some(s) = shared(port) else { return true };
    if let Some(ports) = s.ports.upgrade() {
        ports.poke(s.id, Poke { what: PROCESS_EXIT, a: reference.0, b: reference.1 });
    }
    s.monitors.lock().retain(|m| m.0 != reference);
    true
}
/// The port that watches by this reference.
pub fn watcher(node: &Node, reference: RefId) -> Option<Term> {
    let port = node.part::<Monitors>().0.lock().get(&reference).map(|w| w.0)?;
    shared(port).map(|s| s.id)
}

// ---- the port
#[unsafe(no_mangle)]
pub extern "C" fn set_busy_port(port: usize, on: c_int) {
    if let Some(s) = shared(port) {
        s.with_io(|io| io.set_busy(on != 0));
    }
}
#[unsafe(no_mangle)]
pub extern "C" fn set_port_control_flags(port: usize, flags: c_int) {
    if let Some(s) = shared(port) {
        s.control_flags.store(flags, Release);
    }
}
/// 1: opened with `binary`, 2: with `line`.
#[unsafe(no_mangle)]
pub extern "C" fn get_port_flags(port: usize) -> c_int {
    let options = shared(port).and_then(|s| s.with_io(|io| (io.port.options.binary, io.port.options.line.is_some())));
    options.map_or(0, |(binary, line)| c_int::from(binary) | c_int::from(line) << 1)
}
/// A limit of 0 is only asked for; what is set is not observed: senders wait for `set_busy_port` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn erl_drv_busy_msgq_limits(_port: usize, low: *mut usize, high: *mut usize) {
    for (p, default) in [(low, 4096), (high, 8192)] {
        if !p.is_null() && *p == 0 {
            *p = default;
        }
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_create_port(creator: usize, owner: DrvTerm, name: *const c_char, data: *mut c_void) -> usize {
    const FAILED: usize = usize::MAX;
    let Some(s) = shared(creator) else { return FAILED };
    let owner = Term::from_raw(owner);
    let name = std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned();
    let driver = s.driver.clone();
    let opened = s.with_io(|io| io.open_sibling_with(&name, owner, |io| Box::new(Foreign::new(&driver, io, data))));
    let Some(Ok(id)) = opened else { return FAILED };
    super::handle_of(id).unwrap_or(FAILED)
}
#[unsafe(no_mangle)]
pub extern "C" fn driver_lock_driver(port: usize) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    s.driver.locked.store(true, Release);
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_system_info(out: *mut threads::SystemInfo, size: usize) {
    threads::enif_system_info(out, size);
}
#[unsafe(no_mangle)]
pub extern "C" fn erl_drv_consume_timeslice(_port: usize, percent: c_int) -> c_int {
    c_int::from(percent >= 100)
}
#[unsafe(no_mangle)]
pub extern "C" fn erl_drv_init_ack(port: usize, data: *mut c_void) {
    if let Some(s) = shared(port) {
        *s.init_ack.lock() = Some(data as usize);
    }
}
#[unsafe(no_mangle)]
pub extern "C" fn erl_drv_set_os_pid(port: usize, pid: i64) {
    if let Some(s) = shared(port) {
        s.with_io(|io| io.set_os_pid(pid as u32));
    }
}
#[unsafe(no_mangle)]
pub extern "C" fn null_func() -> c_int {
    0
}

// ---- the operating system's
#[unsafe(no_mangle)]
pub unsafe extern "C" fn erl_drv_putenv(name: *const c_char, value: *const c_char) -> c_int {
    let Some(node) = current_node() else { return -1 };
    let (name, value) = (std::ffi::CStr::from_ptr(name).to_bytes(), std::ffi::CStr::from_ptr(value).to_bytes());
    if node.world.env.put(name, value) { 0 } else { -1 }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn erl_drv_getenv(name: *const c_char, value: *mut c_char, size: *mut usize) -> c_int {
    crate::binary::enif_getenv(name, value, size)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_dl_open(file: *const c_char) -> *mut c_void {
    libc::dlopen(file, libc::RTLD_NOW)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_dl_sym(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    libc::dlsym(handle, name)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_dl_close(handle: *mut c_void) -> c_int {
    libc::dlclose(handle)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_dl_error() -> *mut c_char {
    libc::dlerror()
}

/// Functions that native functions have under another name.
macro_rules! same {
    ($($name:ident = $of:path, ($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) $(-> $result)? {
            #[allow(unused_unsafe)]
            // SAFETY: the same contract.
            unsafe { $of($($arg),*) }
        }
    )*};
}

same! {
    erl_drv_mutex_create = threads::enif_mutex_create, (name: *const c_char) -> *mut threads::NifMutex;
    erl_drv_mutex_destroy = threads::enif_mutex_destroy, (m: *mut threads::NifMutex);
    erl_drv_mutex_name = threads::enif_mutex_name, (m: *const threads::NifMutex) -> *const c_char;
    erl_drv_mutex_lock = threads::enif_mutex_lock, (m: *mut threads::NifMutex);
    erl_drv_mutex_trylock = threads::enif_mutex_trylock, (m: *mut threads::NifMutex) -> c_int;
    erl_drv_mutex_unlock = threads::enif_mutex_unlock, (m: *mut threads::NifMutex);
    erl_drv_cond_create = threads::enif_cond_create, (name: *const c_char) -> *mut threads::NifCond;
    erl_drv_cond_destroy = threads::enif_cond_destroy, (c: *mut threads::NifCond);
    erl_drv_cond_name = threads::enif_cond_name, (c: *const threads::NifCond) -> *const c_char;
    erl_drv_cond_signal = threads::enif_cond_signal, (c: *mut threads::NifCond);
    erl_drv_cond_broadcast = threads::enif_cond_broadcast, (c: *mut threads::NifCond);
    erl_drv_cond_wait = threads::enif_cond_wait, (c: *mut threads::NifCond, m: *mut threads::NifMutex);
    erl_drv_rwlock_create = threads::enif_rwlock_create, (name: *const c_char) -> *mut threads::NifRwLock;
    erl_drv_rwlock_destroy = threads::enif_rwlock_destroy, (l: *mut threads::NifRwLock);
    erl_drv_rwlock_name = threads::enif_rwlock_name, (l: *const threads::NifRwLock) -> *const c_char;
    erl_drv_rwlock_rlock = threads::enif_rwlock_rlock, (l: *mut threads::NifRwLock);
    erl_drv_rwlock_tryrlock = threads::enif_rwlock_tryrlock, (l: *mut threads::NifRwLock) -> c_int;
    erl_drv_rwlock_runlock = threads::enif_rwlock_runlock, (l: *mut threads::NifRwLock);
    erl_drv_rwlock_rwlock = threads::enif_rwlock_rwlock, (l: *mut threads::NifRwLock);
    erl_drv_rwlock_tryrwlock = threads::enif_rwlock_tryrwlock, (l: *mut threads::NifRwLock) -> c_int;
    erl_drv_rwlock_rwunlock = threads::enif_rwlock_rwunlock, (l: *mut threads::NifRwLock);
    erl_drv_tsd_key_create = threads::enif_tsd_key_create, (name: *const c_char, key: *mut c_int) -> c_int;
    erl_drv_tsd_key_destroy = threads::enif_tsd_key_destroy, (key: c_int);
    erl_drv_tsd_set = threads::enif_tsd_set, (key: c_int, data: *mut c_void);
    erl_drv_tsd_get = threads::enif_tsd_get, (key: c_int) -> *mut c_void;
    erl_drv_thread_opts_create = threads::enif_thread_opts_create, (name: *const c_char) -> *mut threads::ThreadOptions;
    erl_drv_thread_opts_destroy = threads::enif_thread_opts_destroy, (o: *mut threads::ThreadOptions);
    erl_drv_thread_create = threads::enif_thread_create, (name: *const c_char, tid: *mut *mut threads::Thread, start: Option<threads::Start>, argument: *mut c_void, options: *const threads::ThreadOptions) -> c_int;
    erl_drv_thread_self = threads::enif_thread_self, () -> *mut threads::Thread;
    erl_drv_equal_tids = threads::enif_equal_tids, (a: *mut threads::Thread, b: *mut threads::Thread) -> c_int;
    erl_drv_thread_exit = threads::enif_thread_exit, (value: *mut c_void);
    erl_drv_thread_join = threads::enif_thread_join, (tid: *mut threads::Thread, value: *mut *mut c_void) -> c_int;
    erl_drv_thread_name = threads::enif_thread_name, (tid: *const threads::Thread) -> *const c_char;
    erl_drv_monotonic_time = time::enif_monotonic_time, (unit: c_int) -> i64;
    erl_drv_time_offset = time::enif_time_offset, (unit: c_int) -> i64;
    erl_drv_convert_time_unit = time::enif_convert_time_unit, (value: i64, from: c_int, to: c_int) -> i64;
}
