//! Environments: where terms of a native call are built, and whose they are.

use crate::library::Core;
use base::sync::Mutex;
use node::{Ctx, Dirty, Node};
use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Weak};
use term::binary::Binary;
use term::{Alloc, Term, am};

/// `ErlNifEnv`.
pub struct Env {
    /// The calling process; null: an environment of its own, or a callback's.
    pub cx: *mut Ctx<'static>,
    pub kind: Kind,
    node: Option<Weak<Node>>,
    /// The library whose code runs; null in an environment that belongs to none.
    pub core: *const Core,
    /// Where terms are built without a process.
    pub own: Alloc,
    /// What `enif_inspect_*` had to copy; goes with the call.
    pub temporary: Vec<Binary>,
    /// Blocks from `malloc` that go with it, 0 for none.
    pub mallocs: Vec<usize>,
    /// `enif_raise_exception` and `enif_make_badarg`: what the function ends with.
    pub exception: Option<Term>,
    /// `enif_schedule_nif`.
    pub scheduled: Option<Scheduled>,
    pub dirty: Dirty,
    /// Resource types opened in `load` or `upgrade`, to be published when that has succeeded.
    pub opened: Option<Vec<crate::resource::Opened>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Of a process, for one call.
    Process,
    /// Made by `enif_alloc_env`.
    Own,
    /// Of a callback (load, destructors, ...).
    Callback,
}

/// The function that `enif_schedule_nif` has named.
pub struct Scheduled {
    pub name: Term,
    pub dirty: Dirty,
    pub address: usize,
    pub args: Vec<Term>,
}

/// What the functions that make an exception give.
pub const NONE: u64 = 0;
/// What `enif_schedule_nif` gives: no term, and no exception either.
const SCHEDULED: u64 = 0xf8;

impl Env {
    /// Of the process that calls a function.
    pub fn of_process(cx: &mut Ctx, core: *const Core, dirty: Dirty) -> Env {
        let mut env = Env::new(Kind::Process, None, core);
        env.cx = (cx as *mut Ctx).cast();
        env.dirty = dirty;
        env
    }
    pub fn callback(node: Weak<Node>, core: *const Core) -> Env {
        Env::new(Kind::Callback, Some(node), core)
    }
    pub fn new(kind: Kind, node: Option<Weak<Node>>, core: *const Core) -> Env {
        Env {
            cx: null_mut(),
            kind,
            node,
            core,
            own: Alloc::new(),
            temporary: Vec::new(),
            mallocs: Vec::new(),
            exception: None,
            scheduled: None,
            dirty: Dirty::No,
            opened: None,
        }
    }
    /// The calling process.
    #[inline]
    pub fn process(&mut self) -> Option<&mut Ctx<'static>> {
        // SAFETY: rule 2.
        unsafe { self.cx.as_mut() }
    }
    /// Where its terms are built.
    #[inline]
    pub fn h(&mut self) -> &mut Alloc {
        // SAFETY: rule 2.
        match unsafe { self.cx.as_mut() } {
            Some(cx) => &mut cx.p.heap.alloc,
            None => &mut self.own,
        }
    }
    pub fn node(&self) -> Option<Arc<Node>> {
        // SAFETY: rule 2.
        match unsafe { self.cx.as_ref() } {
            Some(cx) => Some(cx.node.clone()),
            None => self.node.as_ref().and_then(Weak::upgrade),
        }
    }
    /// Ends with an error; what the function is to return.
    pub fn raise(&mut self, reason: Term) -> u64 {
        self.exception = Some(reason);
        NONE
    }
    /// Everything built in it goes.
    pub fn clear(&mut self) {
        self.own = Alloc::new();
        self.temporary.clear();
        self.free();
        self.exception = None;
    }
    fn free(&mut self) {
        for block in self.mallocs.drain(..) {
            // SAFETY: rule 6.
            unsafe { libc::free(block as *mut libc::c_void) };
        }
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        self.free();
    }
}

/// The node of an environment that may be null, or of the calling thread.
pub unsafe fn node_of(env: *const Env) -> Option<Arc<Node>> {
    match env.as_ref() {
        Some(env) => env.node(),
        None => None,
    }
    .or_else(current_node)
}

thread_local! {
    /// The environment of the function that this thread runs.
    static CURRENT: Cell<*const Env> = const { Cell::new(null()) };
}

/// Notes which environment the thread's native code has, until dropped.
pub struct Within(*const Env);

impl Within {
    pub fn new(env: *const Env) -> Within {
        Within(CURRENT.replace(env))
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The nodes of the program, oldest first: whom a thread means that belongs to none of them.
static NODES: Mutex<Vec<Weak<Node>>> = Mutex::new(Vec::new());

pub fn note_node(node: &Arc<Node>) {
    let mut nodes = NODES.lock();
    nodes.retain(|n| n.strong_count() > 0);
    nodes.push(Arc::downgrade(node));
}

/// The node whose native code this thread runs; on a thread of the library's own, the program's first.
pub fn current_node() -> Option<Arc<Node>> {
    // SAFETY: rule 2: the environment lives as long as `Within`.
    if let Some(env) = unsafe { CURRENT.get().as_ref() }
        && let Some(node) = env.node()
    {
        return Some(node);
    }
    let nodes = NODES.lock();
    let mine = |n: &Weak<Node>| n.upgrade().filter(|n| n.sched.current().is_some());
    nodes.iter().find_map(mine).or_else(|| nodes.iter().find_map(Weak::upgrade))
}

/// On which pool the native code of this thread runs.
pub fn current_pool() -> Option<Dirty> {
    // SAFETY: as above.
    unsafe { CURRENT.get().as_ref() }.filter(|e| e.kind == Kind::Process).map(|e| e.dirty)
}

// ---- the interface
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_alloc_env() -> *mut Env {
    let node = current_node().map(|n| Arc::downgrade(&n));
    Box::into_raw(Box::new(Env::new(Kind::Own, node, null())))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_free_env(env: *mut Env) {
    if !env.is_null() {
        drop(Box::from_raw(env));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_clear_env(env: *mut Env) {
    (*env).clear();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_priv_data(env: *mut Env) -> *mut libc::c_void {
    match (*env).core.as_ref() {
        Some(core) => core.private(),
        None => null_mut(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_badarg(env: *mut Env) -> u64 {
    (*env).raise(am::BADARG)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_raise_exception(env: *mut Env, reason: u64) -> u64 {
    (*env).raise(Term::from_raw(reason))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_has_pending_exception(env: *mut Env, reason: *mut u64) -> i32 {
    let Some(e) = (*env).exception else { return 0 };
    if !reason.is_null() {
        *reason = e.raw();
    }
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_exception(_: *mut Env, term: u64) -> i32 {
    i32::from(term == NONE)
}

/// Counts `percent` of a slice; 1 when the slice is used up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_consume_timeslice(env: *mut Env, percent: i32) -> i32 {
    let env = &mut *env;
    if env.dirty != Dirty::No {
        return 0;
    }
    let Some(cx) = env.process() else { return 0 };
    // What is left of the slice is all that it can take.
    cx.charge((i64::from(percent.clamp(1, 100)) * 40).min(cx.reductions.max(0)) as usize);
    i32::from(cx.exhausted())
}

/// Ends the call: the process goes on in this function, on the pool that `flags` names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_schedule_nif(
    env: *mut Env,
    name: *const libc::c_char,
    flags: i32,
    function: Option<crate::library::NifFn>,
    argc: i32,
    argv: *const u64,
) -> u64 {
    let env = &mut *env;
    let dirty = match flags {
        0 => Some(Dirty::No),
        1 => Some(Dirty::Cpu),
        2 => Some(Dirty::Io),
        _ => None,
    };
    let name = std::ffi::CStr::from_ptr(name).to_bytes();
    let name: String = name.iter().map(|&b| b as char).collect();
    let (Some(dirty), Some(function), 0..=255, true, false) = (dirty, function, argc, term::atom::valid(&name), env.cx.is_null())
    else {
        return env.raise(am::BADARG);
    };
    let args = if argc == 0 { Vec::new() } else { std::slice::from_raw_parts(argv.cast::<Term>(), argc as usize).to_vec() };
    env.scheduled = Some(Scheduled { name: term::atom::intern(&name), dirty, address: function as usize, args });
    SCHEDULED
}
