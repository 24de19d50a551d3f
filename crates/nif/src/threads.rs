//! Threads, locks, thread-specific data, and what the node says of itself.

use crate::env::{current_node, current_pool};
use libc::{c_char, c_int, c_void};
use node::Dirty;
use parking_lot::{Condvar, Mutex, RwLock};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::ptr::null_mut;
use std::sync::OnceLock;

/// A lock with the name it was made with.
pub struct Named<T> {
    name: CString,
    lock: T,
}

pub type NifMutex = Named<Mutex<()>>;
pub type NifCond = Named<Condvar>;
pub type NifRwLock = Named<RwLock<()>>;

unsafe fn text(name: *const c_char) -> CString {
    if name.is_null() { CString::default() } else { CStr::from_ptr(name).to_owned() }
}

macro_rules! made {
    ($type:ty, $lock:expr; $create:ident $destroy:ident $name:ident) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $create(name: *const c_char) -> *mut $type {
            Box::into_raw(Box::new(Named { name: text(name), lock: $lock }))
        }
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $destroy(lock: *mut $type) {
            if !lock.is_null() {
                drop(Box::from_raw(lock));
            }
        }
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(lock: *const $type) -> *const c_char {
            lock.as_ref().map_or(std::ptr::null(), |l| l.name.as_ptr())
        }
    };
}

made!(NifMutex, Mutex::new(()); enif_mutex_create enif_mutex_destroy enif_mutex_name);
made!(NifCond, Condvar::new(); enif_cond_create enif_cond_destroy enif_cond_name);
made!(NifRwLock, RwLock::new(()); enif_rwlock_create enif_rwlock_destroy enif_rwlock_name);

// The guards are forgotten: C unlocks by hand.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_mutex_lock(m: *mut NifMutex) {
    std::mem::forget((*m).lock.lock());
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_mutex_trylock(m: *mut NifMutex) -> c_int {
    match (*m).lock.try_lock() {
        Some(guard) => {
            std::mem::forget(guard);
            0
        }
        None => libc::EBUSY,
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_mutex_unlock(m: *mut NifMutex) {
    (*m).lock.force_unlock();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_cond_signal(c: *mut NifCond) {
    (*c).lock.notify_one();
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_cond_broadcast(c: *mut NifCond) {
    (*c).lock.notify_all();
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_cond_wait(c: *mut NifCond, m: *mut NifMutex) {
    let mut guard = (*m).lock.make_guard_unchecked();
    (*c).lock.wait(&mut guard);
    std::mem::forget(guard);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_rlock(l: *mut NifRwLock) {
    std::mem::forget((*l).lock.read_recursive());
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_tryrlock(l: *mut NifRwLock) -> c_int {
    match (*l).lock.try_read_recursive() {
        Some(guard) => {
            std::mem::forget(guard);
            0
        }
        None => libc::EBUSY,
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_runlock(l: *mut NifRwLock) {
    (*l).lock.force_unlock_read();
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_rwlock(l: *mut NifRwLock) {
    std::mem::forget((*l).lock.write());
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_tryrwlock(l: *mut NifRwLock) -> c_int {
    match (*l).lock.try_write() {
        Some(guard) => {
            std::mem::forget(guard);
            0
        }
        None => libc::EBUSY,
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_rwlock_rwunlock(l: *mut NifRwLock) {
    (*l).lock.force_unlock_write();
}

// ---- data of each thread
/// Which keys are in use, by number.
static KEYS: base::sync::Mutex<Vec<bool>> = base::sync::Mutex::new(Vec::new());

thread_local! {
    static DATA: RefCell<Vec<*mut c_void>> = const { RefCell::new(Vec::new()) };
    static MYSELF: Cell<*mut Thread> = const { Cell::new(null_mut()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_tsd_key_create(_name: *const c_char, key: *mut c_int) -> c_int {
    let mut keys = KEYS.lock();
    // Numbers are not used again: a thread could still have data under an old one.
    keys.push(true);
    *key = keys.len() as c_int - 1;
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_tsd_key_destroy(key: c_int) {
    if let Some(used) = KEYS.lock().get_mut(key as usize) {
        *used = false;
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_tsd_set(key: c_int, data: *mut c_void) {
    DATA.with_borrow_mut(|all| {
        let i = key as usize;
        if all.len() <= i {
            all.resize(i + 1, null_mut());
        }
        all[i] = data;
    });
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_tsd_get(key: c_int) -> *mut c_void {
    DATA.with_borrow(|all| all.get(key as usize).copied().unwrap_or(null_mut()))
}

// ---- threads
pub type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

/// What an `ErlNifTid` points to.
pub struct Thread {
    name: CString,
    handle: libc::pthread_t,
    start: Option<Start>,
    argument: *mut c_void,
}

/// `ErlNifThreadOpts`: kilowords of stack, or a negative number.
#[repr(C)]
pub struct ThreadOptions {
    suggested_stack_size: c_int,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_opts_create(_name: *const c_char) -> *mut ThreadOptions {
    Box::into_raw(Box::new(ThreadOptions { suggested_stack_size: -1 }))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_opts_destroy(options: *mut ThreadOptions) {
    if !options.is_null() {
        drop(Box::from_raw(options));
    }
}

/// Nothing in this frame needs an end: the thread may leave through it by `enif_thread_exit`.
unsafe extern "C-unwind" fn begin(thread: *mut c_void) -> *mut c_void {
    let thread = thread.cast::<Thread>();
    MYSELF.set(thread);
    match (*thread).start {
        Some(start) => start((*thread).argument),
        None => null_mut(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_create(
    name: *const c_char,
    tid: *mut *mut Thread,
    start: Option<Start>,
    argument: *mut c_void,
    options: *const ThreadOptions,
) -> c_int {
    let thread = Box::into_raw(Box::new(Thread { name: text(name), handle: 0, start, argument }));
    let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
    libc::pthread_attr_init(&mut attributes);
    if let Some(o) = options.as_ref()
        && o.suggested_stack_size > 0
    {
        let bytes = (o.suggested_stack_size as usize * 1024 * 8).next_multiple_of(4096).max(64 * 1024);
        libc::pthread_attr_setstacksize(&mut attributes, bytes);
    }
    let begin: Start = begin;
    // SAFETY: rule 1: the same type but for how the frame may be left.
    let begin = std::mem::transmute::<Start, extern "C" fn(*mut c_void) -> *mut c_void>(begin);
    let mut handle = 0;
    let result = libc::pthread_create(&mut handle, &attributes, begin, thread.cast());
    libc::pthread_attr_destroy(&mut attributes);
    if result == 0 {
        (*thread).handle = handle;
        *tid = thread;
    } else {
        drop(Box::from_raw(thread));
    }
    result
}

/// The thread's own record; one is made for a thread that was not created here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_self() -> *mut Thread {
    if MYSELF.get().is_null() {
        let handle = libc::pthread_self();
        MYSELF.set(Box::into_raw(Box::new(Thread { name: CString::default(), handle, start: None, argument: null_mut() })));
    }
    MYSELF.get()
}

#[unsafe(no_mangle)]
pub extern "C" fn enif_equal_tids(a: *mut Thread, b: *mut Thread) -> c_int {
    c_int::from(a == b)
}

unsafe extern "C-unwind" {
    fn pthread_exit(value: *mut c_void) -> !;
}

#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn enif_thread_exit(value: *mut c_void) {
    pthread_exit(value)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_join(tid: *mut Thread, value: *mut *mut c_void) -> c_int {
    let mut got = null_mut();
    let result = libc::pthread_join((*tid).handle, &mut got);
    if result == 0 {
        if !value.is_null() {
            *value = got;
        }
        drop(Box::from_raw(tid));
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_thread_name(tid: *const Thread) -> *const c_char {
    tid.as_ref().filter(|t| !t.name.is_empty()).map_or(std::ptr::null(), |t| t.name.as_ptr())
}

/// 0 no scheduler's, 1 a scheduler's, 2 and 3 the dirty pools'.
#[unsafe(no_mangle)]
pub extern "C" fn enif_thread_type() -> c_int {
    match current_pool() {
        Some(Dirty::No) => 1,
        Some(Dirty::Cpu) => 2,
        Some(Dirty::Io) => 3,
        None => match current_node().and_then(|n| n.sched.current()) {
            Some(sched::WorkerId::Normal(_)) => 1,
            Some(sched::WorkerId::Dirty(sched::DirtyKind::Cpu, _)) => 2,
            Some(sched::WorkerId::Dirty(sched::DirtyKind::Io, _)) => 3,
            None => 0,
        },
    }
}

// ---- the node
/// `ErlNifSysInfo`.
#[repr(C)]
pub struct SystemInfo {
    driver_major: c_int,
    driver_minor: c_int,
    erts_version: *const c_char,
    otp_release: *const c_char,
    thread_support: c_int,
    smp_support: c_int,
    async_threads: c_int,
    scheduler_threads: c_int,
    nif_major: c_int,
    nif_minor: c_int,
    dirty_scheduler_support: c_int,
}

/// Texts that C keeps.
static TEXTS: OnceLock<(CString, CString)> = OnceLock::new();

/// Fills at most `size` bytes of the record.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_system_info(out: *mut SystemInfo, size: usize) {
    let node = current_node();
    let release = node.as_ref().map_or(25, |n| n.code.release);
    let (erts, otp) = TEXTS.get_or_init(|| {
        let erts = node.as_ref().map_or(String::new(), |n| n.config.otp.erts_version.clone());
        (CString::new(erts).unwrap_or_default(), CString::new(release.to_string()).unwrap_or_default())
    });
    let minor = crate::library::VERSIONS.iter().rev().find(|v| release >= v.0).map_or(16, |v| v.1);
    let info = SystemInfo {
        driver_major: 3,
        driver_minor: 3,
        erts_version: erts.as_ptr(),
        otp_release: otp.as_ptr(),
        thread_support: 1,
        smp_support: 1,
        async_threads: 1,
        scheduler_threads: node.as_ref().map_or(1, |n| n.config.schedulers.total as c_int),
        nif_major: 2,
        nif_minor: minor,
        dirty_scheduler_support: 1,
    };
    let n = size.min(size_of::<SystemInfo>());
    out.cast::<u8>().copy_from_nonoverlapping((&raw const info).cast(), n);
}
