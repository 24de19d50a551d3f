//! Libraries: `erlang:load_nif/2`, the entry that a library describes itself with, calling its functions, unloading.

use crate::Services;
use crate::env::{Env, Within};
use crate::resource;
use base::hash::Map;
use base::sync::Mutex;
use code::Loaded;
use node::{Ctx, Dirty, Foreign, Node, Stop, hooks};
use process::{NativeState, RefId, Who};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicPtr, Ordering::*};
use std::sync::{Arc, Mutex as StdMutex, Weak};
use term::fun::Export;
use term::{Alloc, Term, am, atom};

pub type NifFn = unsafe extern "C" fn(*mut Env, c_int, *const u64) -> u64;

/// `ErlNifFunc`; before version 2.7 it had no flags.
#[repr(C)]
struct Func {
    name: *const c_char,
    arity: c_uint,
    function: Option<NifFn>,
    flags: c_uint,
}
#[repr(C)]
struct OldFunc {
    name: *const c_char,
    arity: c_uint,
    function: Option<NifFn>,
}

type Load = unsafe extern "C" fn(*mut Env, *mut *mut c_void, u64) -> c_int;
type Upgrade = unsafe extern "C" fn(*mut Env, *mut *mut c_void, *mut *mut c_void, u64) -> c_int;
type Unload = unsafe extern "C" fn(*mut Env, *mut c_void);
type OnHalt = unsafe extern "C" fn(*mut c_void);

/// `ErlNifEntry`: fields behind the minor version that brought them must not be read in an older one.
#[repr(C)]
struct Entry {
    major: c_int,
    minor: c_int,
    name: *const c_char,
    functions: c_int,
    table: *const Func,
    load: Option<Load>,
    reload: Option<Load>,
    upgrade: Option<Upgrade>,
    unload: Option<Unload>,
    /// 2.1
    variant: *const c_char,
    /// 2.7
    options: c_uint,
    /// 2.12
    type_init_size: usize,
    /// 2.14
    min_erts: *const c_char,
}

/// The newest version of the interface that is spoken here.
const MAJOR: c_int = 2;
pub const VERSIONS: [(u32, c_int); 3] = [(25, 16), (26, 17), (29, 18)];

/// What stays of a library while anybody may call into it.
pub struct Core {
    pub module: Term,
    pub node: Weak<Node>,
    private: AtomicPtr<c_void>,
    pub on_unload_thread: AtomicPtr<c_void>,
    /// Called when the last of those who may call into it has gone, once `load` has succeeded.
    unload: Mutex<Option<Unload>>,
    _code: Arc<sys::dylib::Library>,
}

impl Core {
    pub fn private(&self) -> *mut c_void {
        self.private.load(Acquire)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let Some(unload) = self.unload.lock().take() else { return };
        let mut env = Env::callback(self.node.clone(), self);
        let _within = Within::new(&env);
        // SAFETY: rule 3: its code goes after this.
        unsafe { unload(&mut env, self.private()) };
    }
}

/// A library as a version of a module holds it.
struct Library(Arc<Core>);

impl Drop for Library {
    fn drop(&mut self) {
        resource::library_goes(&self.0);
    }
}

/// The node's part: what is asked of others, and the functions that `enif_schedule_nif` has named so far.
#[derive(Default)]
pub struct Part {
    services: std::sync::OnceLock<Services>,
    scheduled: Mutex<Map<(usize, Term, u8, usize, u8), &'static Export>>,
    on_halt: Mutex<Vec<(Weak<Core>, usize)>>,
    delay_halt: std::sync::atomic::AtomicUsize,
    loading: StdMutex<()>,
}

pub fn attach(node: &Arc<Node>, services: Services) {
    let _ = node.part::<Part>().services.set(services);
    let _ = node.libraries.set(Box::new(Door));
}

pub fn services(node: &Node) -> Option<Services> {
    node.part::<Part>().services.get().copied()
}

struct Door;

impl hooks::Libraries for Door {
    fn load(&self, cx: &mut Ctx, caller: &Arc<Loaded>, path: Term, info: Term) -> Result<Term, Stop> {
        let Some(path) = path_of(cx, path) else { return Err(cx.badarg()) };
        let part = cx.node.part::<Part>();
        let _one = part.loading.lock();
        match load(cx, caller, &path, info) {
            Ok(()) => Ok(am::OK),
            Err((what, text)) => {
                let h = cx.h();
                let text = h.list_of_chars(&text);
                let reason = h.tuple(&[atom::intern(what), text]);
                Ok(h.error(reason))
            }
        }
    }
    fn call_back(&self, node: &Arc<Node>, word: u64, args: &[Term]) -> Option<Term> {
        let f = (word >> 16) as *const Foreign;
        // SAFETY: rule 3: a word of loaded code has the address of a record that is never freed; its library is held by that code.
        let f = unsafe { &*f };
        let mut env = Env::callback(Arc::downgrade(node), f.owner as *const Core);
        // SAFETY: as above; rule 1 for the call.
        let result = unsafe {
            let function: NifFn = std::mem::transmute(f.address);
            let _within = Within::new(&env);
            function(&mut env, args.len() as c_int, args.as_ptr().cast())
        };
        // SAFETY: rule 1.
        let result = unsafe { Term::from_raw(result) };
        (env.exception.is_none() && result.is_atom()).then_some(result)
    }
    fn halting(&self, node: &Arc<Node>) {
        halting(node);
    }
    fn watcher(&self, node: &Arc<Node>, reference: RefId, h: &mut Alloc) -> Option<Term> {
        crate::processes::watcher(node, reference, h)
    }
    fn down(&self, node: &Arc<Node>, reference: RefId, process: Who) -> bool {
        crate::processes::down(node, reference, process)
    }
}

/// A file's name without its suffix: a string, or bytes.
fn path_of(cx: &Ctx, path: Term) -> Option<Vec<u8>> {
    if let Some(bytes) = path.as_bytes() {
        return Some(bytes.into_owned());
    }
    let _ = cx;
    let mut out = Vec::new();
    for t in path.proper_list()? {
        let c = u32::try_from(t.as_small()?).ok().and_then(char::from_u32)?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(out)
}

unsafe fn latin1(p: *const c_char) -> String {
    if p.is_null() {
        return String::new();
    }
    CStr::from_ptr(p).to_bytes().iter().map(|&b| b as char).collect()
}

type Refusal = (&'static str, String);

/// The first two numbers of `erts-M.N...`.
fn erts_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("erts-")?.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    Some((parts.next()?, parts.next().unwrap_or(0)))
}

fn load(cx: &mut Ctx, caller: &Arc<Loaded>, path: &[u8], info: Term) -> Result<(), Refusal> {
    let node = cx.node.clone();
    let module = caller.name;
    let versions = node.code.versions(module).unwrap_or_default();
    let is = |v: &Option<Arc<Loaded>>| v.as_ref().is_some_and(|l| Arc::ptr_eq(l, caller));
    if is(&versions.old) || is(&versions.failed) {
        return Err(("old_code", format!("Calling load_nif from old module '{}' not allowed", atom::text(module))));
    }
    // Whose library the new one takes over from.
    let before = if is(&versions.pending) { versions.current.or(versions.old) } else { versions.old };
    if caller.library.lock().is_some() {
        return Err(("reload", "NIF library already loaded (reload disallowed since OTP 20).".into()));
    }

    let mut file = path.to_vec();
    file.extend_from_slice(b".so");
    // SAFETY: rule 1: whoever loads a library trusts it.
    let opened = unsafe { sys::dylib::Library::open(&file) };
    let shown = String::from_utf8_lossy(&file).into_owned();
    let handle = Arc::new(opened.map_err(|e| ("load_failed", format!("Failed to load NIF library: '{e}'")))?);
    let Some(init) = handle.symbol("nif_init").or_else(|| handle.symbol("_nif_init")) else {
        let why = format!("{shown}: undefined symbol: _nif_init");
        return Err(("bad_lib", format!("Failed to find library init function: '{why}'")));
    };
    // SAFETY: rule 1: that is the type of this symbol.
    let init: unsafe extern "C" fn() -> *const Entry = unsafe { std::mem::transmute(init) };
    // SAFETY: rule 1: the entry is static data of the library.
    let Some(entry) = (unsafe { init().as_ref() }) else {
        return Err(("bad_lib", "Library init-call unsuccessful".into()));
    };
    let found = check(entry, &node, caller)?;

    let core = Arc::new(Core {
        module,
        node: Arc::downgrade(&node),
        private: AtomicPtr::default(),
        on_unload_thread: AtomicPtr::default(),
        unload: Mutex::new(None),
        _code: handle,
    });
    let old: Option<Arc<Core>> = before.as_ref().and_then(|b| {
        let library = b.library.lock().clone()?;
        Some(library.downcast::<Library>().ok()?.0.clone())
    });
    let mut env = Env::of_process(cx, &*core, Dirty::No);
    env.kind = crate::env::Kind::Callback;
    env.opened = Some(Vec::new());
    let private = core.private.as_ptr();
    let result = {
        let _within = Within::new(&env);
        match (&old, entry.upgrade, entry.load) {
            (Some(_), None, _) => return Err(("upgrade", "Upgrade not supported by this NIF library.".into())),
            (Some(old), Some(upgrade), _) => {
                // SAFETY: rules 1 and 3.
                unsafe { upgrade(&mut env, private, old.private.as_ptr(), info.raw()) }
            }
            // SAFETY: rules 1 and 3.
            (None, _, Some(load)) => unsafe { load(&mut env, private, info.raw()) },
            (None, _, None) => 0,
        }
    };
    let types = env.opened.take().unwrap_or_default();
    drop(env);
    if result != 0 {
        let what = if old.is_some() { "upgrade" } else { "load" };
        return Err((what, format!("Library {what}-call unsuccessful ({result}).")));
    }
    resource::publish(&node, &core, types);
    for &(function, arity, address, dirty) in &found {
        let (run, address): (fn(&mut Ctx, &'static Foreign, &[Term]) -> Result<Term, Stop>, usize) = match crate::crypto::asks(module, function, arity, &found) {
            Some(info) => (crate::crypto::list, info),
            None => (run, address),
        };
        let foreign: &'static Foreign =
            Box::leak(Box::new(Foreign { run, module, function, arity, dirty, address, owner: Arc::as_ptr(&core) as usize }));
        node.code.set_first_word(caller, function, arity, foreign.word());
    }
    *core.unload.lock() = entry.unload;
    *caller.library.lock() = Some(Arc::new(Library(core)));
    node.code.taint(module);
    Ok(())
}

/// What a library has for the module: function, arity, address, pool.
pub type Found = Vec<(Term, u8, usize, Dirty)>;

fn check(entry: &Entry, node: &Node, caller: &Loaded) -> Result<Found, Refusal> {
    let bad = |text: String| Err(("bad_lib", text));
    let module = atom::text(caller.name);
    let minor = VERSIONS.iter().rev().find(|v| node.code.release >= v.0).map_or(16, |v| v.1);
    // SAFETY: rule 1: texts of the entry are static.
    let name = unsafe { latin1(entry.name) };
    if entry.major != MAJOR || entry.minor > minor {
        let min = if entry.major > 2 || entry.major == 2 && entry.minor >= 14 { entry.min_erts } else { std::ptr::null() };
        if min.is_null() {
            return bad(format!(
                "That '{name}' NIF library needs a newer erts runtime: its interface is {}.{}, here is {MAJOR}.{minor}.",
                entry.major, entry.minor
            ));
        }
        // SAFETY: as above.
        let min = unsafe { latin1(min) };
        let _ = erts_version(&min);
        return bad(format!(
            "That '{name}' NIF library needs {min} or newer. Either try to recompile the NIF lib or use a newer erts runtime."
        ));
    }
    if entry.minor >= 1 {
        // SAFETY: as above.
        let variant = unsafe { latin1(entry.variant) };
        if variant != "beam.vanilla" {
            return bad(format!("Library ({variant}) not compiled for this vm variant (beam.vanilla)."));
        }
    }
    if name != module {
        return bad(format!("Library module name '{name}' does not match calling module '{module}'"));
    }
    let mut found: Found = Vec::new();
    for i in 0..entry.functions.max(0) as usize {
        // SAFETY: rule 1: the table has as many rows.
        let (text, arity, function, flags) = unsafe {
            if entry.minor >= 7 {
                let f = &*entry.table.add(i);
                (latin1(f.name), f.arity, f.function, f.flags)
            } else {
                let f = &*entry.table.cast::<OldFunc>().add(i);
                (latin1(f.name), f.arity, f.function, 0)
            }
        };
        let key = atom::lookup(&text).zip(u8::try_from(arity).ok());
        let Some((f, n)) = key.filter(|&(f, n)| caller.functions.iter().any(|x| x.1 == f && x.2 == n)) else {
            return bad(format!("Function not found {module}:{text}/{arity}"));
        };
        if !caller.declared_nifs.is_empty() && !caller.declared_nifs.contains(&(f, n)) {
            return bad(format!("Function not declared as nif {module}:{text}/{arity}"));
        }
        let dirty = match flags {
            0 => Dirty::No,
            1 => Dirty::Cpu,
            2 => Dirty::Io,
            _ => return bad(format!("Illegal flags field value {flags} for NIF {module}:{text}/{arity}")),
        };
        if found.iter().any(|x| x.0 == f && x.1 == n) {
            return bad(format!("Duplicate NIF entry for {module}:{text}/{arity}"));
        }
        let Some(function) = function else { return bad(format!("No function pointer for {module}:{text}/{arity}")) };
        found.push((f, n, function as usize, dirty));
    }
    Ok(found)
}

/// A process is on its way to a function that `enif_schedule_nif` has named: keeps the library, and what was called first.
struct Keep {
    _core: Arc<Core>,
    called: (Term, Term),
    args: Vec<Term>,
}

impl NativeState for Keep {
    fn roots(&mut self) -> &mut [Term] {
        &mut self.args
    }
    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }
}

/// Calls a function of a library.
fn run(cx: &mut Ctx, f: &'static Foreign, args: &[Term]) -> Result<Term, Stop> {
    let core = f.owner as *const Core;
    let mut kept = if cx.p.native_state.is_some() { cx.p.native_state.take() } else { None };
    let mut env = Env::of_process(cx, core, f.dirty);
    // SAFETY: rule 3: the code that refers to `f` holds the library, or `kept` does; rule 1 for the call.
    let result = unsafe {
        let function: NifFn = std::mem::transmute(f.address);
        let _within = Within::new(&env);
        function(&mut env, args.len() as c_int, args.as_ptr().cast())
    };
    let (scheduled, exception) = (env.scheduled.take(), env.exception.take());
    drop(env);
    if let Some(reason) = exception {
        let stop = cx.error(reason);
        // Traces show the function that the program called.
        if let Some(first) = kept.as_mut().and_then(|k| k.as_any().downcast_ref::<Keep>()) {
            cx.p.exception.args = cx.p.heap.alloc.list(&first.args);
            cx.p.exception.top = Some(first.called);
        }
        return Err(stop);
    }
    if let Some(s) = scheduled {
        // SAFETY: rule 3, as above: the library is held now and from here on by `Keep`.
        let owner = unsafe {
            Arc::increment_strong_count(core);
            Arc::from_raw(core)
        };
        let export = scheduled_export(cx.node, f, &s);
        cx.p.native_state = match kept.take() {
            Some(kept) => Some(kept),
            None => Some(Box::new(Keep { _core: owner, called: (f.module, f.function), args: args.to_vec() })),
        };
        return Err(cx.trap_to_export(export, &s.args));
    }
    drop(kept);
    if result == crate::env::NONE {
        return Err(cx.badarg());
    }
    // SAFETY: rule 1.
    Ok(unsafe { Term::from_raw(result) })
}

/// The stub through which a function that was named by `enif_schedule_nif` is called: there is one for each, for ever.
fn scheduled_export(node: &Node, from: &Foreign, s: &crate::env::Scheduled) -> &'static Export {
    let part = node.part::<Part>();
    let arity = s.args.len() as u8;
    let key = (from.owner, s.name, arity, s.address, s.dirty as u8);
    part.scheduled.lock().entry(key).or_insert_with(|| {
        let foreign: &'static Foreign = Box::leak(Box::new(Foreign {
            run,
            module: from.module,
            function: s.name,
            arity,
            dirty: s.dirty,
            address: s.address,
            owner: from.owner,
        }));
        code::loose_export(from.module, s.name, arity, foreign.word())
    })
}

/// `enif_set_option`, its arguments collected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrobeam_nif_set_option(env: *mut Env, option: c_int, callback: *mut c_void) -> c_int {
    let env = &*env;
    let (Some(node), Some(core)) = (env.node(), env.core.as_ref()) else { return libc::EINVAL };
    // Only while loading.
    if env.opened.is_none() {
        return libc::EINVAL;
    }
    let part = node.part::<Part>();
    Arc::increment_strong_count(env.core);
    let core_arc = Arc::from_raw(env.core);
    match option {
        1 => {
            part.delay_halt.fetch_add(1, Relaxed);
            0
        }
        2 if !callback.is_null() => {
            part.on_halt.lock().push((Arc::downgrade(&core_arc), callback as usize));
            0
        }
        3 if !callback.is_null() => {
            core.on_unload_thread.store(callback, Release);
            0
        }
        _ => libc::EINVAL,
    }
}

/// Calls what libraries want called when the node halts.
fn halting(node: &Node) {
    let calls = std::mem::take(&mut *node.part::<Part>().on_halt.lock());
    for (core, callback) in calls {
        if let Some(core) = core.upgrade() {
            // SAFETY: rule 3; that is the callback's type.
            unsafe {
                let callback: OnHalt = std::mem::transmute(callback);
                callback(core.private());
            }
        }
    }
}
