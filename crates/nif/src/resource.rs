//! Resources: objects of C that terms refer to, and their types.

use crate::env::{Env, Within, node_of};
use crate::library::Core;
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use libc::{c_char, c_int, c_void};
use node::Node;
use process::{RefId, Signal};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Weak};
use term::magic::Magic;
use term::{Term, atom};

type Dtor = unsafe extern "C" fn(*mut Env, *mut c_void);
type Stop = unsafe extern "C" fn(*mut Env, *mut c_void, c_int, c_int);
type Down = unsafe extern "C" fn(*mut Env, *mut c_void, *mut u64, *mut crate::processes::NifMonitor);
type DynCall = unsafe extern "C" fn(*mut Env, *mut c_void, *mut c_void);

/// `ErlNifResourceTypeInit`; `members` says how many of the callbacks are there (counted from the first).
#[repr(C)]
pub struct TypeInit {
    dtor: Option<Dtor>,
    stop: Option<Stop>,
    down: Option<Down>,
    members: c_int,
    dyncall: Option<DynCall>,
}

#[derive(Clone, Copy, Default)]
pub struct Callbacks {
    dtor: Option<Dtor>,
    pub stop: Option<Stop>,
    pub down: Option<Down>,
    dyncall: Option<DynCall>,
}

/// `ErlNifResourceType`.
pub struct ResourceType {
    module: Term,
    name: Term,
    pub calls: RwLock<Callbacks>,
    /// The library whose functions those are: kept as long as an object may need them.
    owner: RwLock<Option<Arc<Core>>>,
    /// The library that has it.
    core: RwLock<Weak<Core>>,
    pub node: Weak<Node>,
}

/// A type that `load` or `upgrade` has opened: it counts once they have succeeded.
pub struct Opened {
    kind: Arc<ResourceType>,
    calls: Callbacks,
}

/// What stands before an object.
#[repr(C, align(16))]
pub struct Head {
    count: AtomicUsize,
    kind: Arc<ResourceType>,
    size: usize,
    /// The number of the references to it, once there are any.
    id: AtomicU64,
    /// Its monitors: reference and process.
    pub monitors: Mutex<Vec<(RefId, Term)>>,
}

const HEAD: usize = size_of::<Head>().next_multiple_of(16);

fn layout(size: usize) -> Layout {
    Layout::from_size_align(HEAD + size.max(1), 16).expect("an object's size fits the address space")
}

/// One count of a resource.
pub struct Resource(NonNull<Head>);

// SAFETY: rule 4: the count is atomic, the object is C's to protect.
unsafe impl Send for Resource {}
// SAFETY: as above.
unsafe impl Sync for Resource {}

impl Resource {
    pub fn head(&self) -> &Head {
        // SAFETY: rule 4.
        unsafe { self.0.as_ref() }
    }
    pub fn kind(&self) -> &Arc<ResourceType> {
        &self.head().kind
    }
    pub fn object(&self) -> *mut c_void {
        self.0.as_ptr().cast::<u8>().wrapping_add(HEAD).cast()
    }
    /// A new count of an object.
    pub unsafe fn of(object: *mut c_void) -> Resource {
        let head = object.cast::<u8>().sub(HEAD).cast::<Head>();
        (*head).count.fetch_add(1, Relaxed);
        Resource(NonNull::new_unchecked(head))
    }
    /// The resource of an object that C holds; no count of its own.
    pub unsafe fn borrow(object: *mut c_void) -> ManuallyDrop<Resource> {
        ManuallyDrop::new(Resource(NonNull::new_unchecked(object.cast::<u8>().sub(HEAD).cast())))
    }
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }
    /// A new count of the resource at this address, unless its end has begun. The caller's lock keeps it from being freed.
    pub unsafe fn revive(address: usize) -> Option<Resource> {
        let head = address as *mut Head;
        (*head).count.fetch_update(AcqRel, Acquire, |n| (n > 0 && n < usize::MAX / 4).then_some(n + 1)).ok()?;
        Some(Resource(NonNull::new_unchecked(head)))
    }
    /// The term that refers to it.
    pub fn term(&self, h: &mut term::Alloc) -> Term {
        let head = self.head();
        let mut id = head.id.load(Acquire);
        if id == 0 {
            let fresh = head.kind.node.upgrade().map_or(1, |n| n.next_ref());
            id = match head.id.compare_exchange(0, fresh, AcqRel, Acquire) {
                Ok(_) => fresh,
                Err(other) => other,
            };
        }
        h.magic_ref(Arc::new(Magic { id: (id, 0), value: Box::new(self.clone()) }))
    }
    /// Calls one of its type's functions in an environment of its own.
    pub fn call(&self, f: impl FnOnce(*mut Env, Callbacks)) {
        call(self.kind(), f);
    }
}

fn call(kind: &Arc<ResourceType>, f: impl FnOnce(*mut Env, Callbacks)) {
    let calls = *kind.calls.read();
    let owner = kind.owner.read().clone();
    let core = owner.as_ref().map_or(std::ptr::null(), Arc::as_ptr);
    let mut env = Env::callback(kind.node.clone(), core);
    let _within = Within::new(&env);
    f(&mut env, calls);
}

impl Clone for Resource {
    fn clone(&self) -> Resource {
        self.head().count.fetch_add(1, Relaxed);
        Resource(self.0)
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        if self.head().count.fetch_sub(1, Release) != 1 {
            return;
        }
        std::sync::atomic::fence(Acquire);
        let kind = self.head().kind.clone();
        if let Some(node) = kind.node.upgrade() {
            // Under the monitors' lock, so that nobody finds it by one any more.
            let gone = {
                let part = node.part::<crate::processes::Monitors>();
                let mut table = part.table.lock();
                let gone = std::mem::take(&mut *self.head().monitors.lock());
                for (reference, _) in &gone {
                    table.remove(reference);
                }
                gone
            };
            for (reference, pid) in gone {
                let _ = node.deliver(pid, Signal::Demonitor { reference });
            }
        }
        // What its own end does to its count is of no interest.
        self.head().count.store(usize::MAX / 2, Relaxed);
        call(&kind, |env, calls| {
            if let Some(dtor) = calls.dtor {
                // SAFETY: rules 3 and 4.
                unsafe { dtor(env, self.object()) };
            }
        });
        let size = self.head().size;
        // SAFETY: rule 4: the last count is gone.
        unsafe {
            self.0.drop_in_place();
            dealloc(self.0.as_ptr().cast(), layout(size));
        }
    }
}

/// The types of a node, by module and name.
#[derive(Default)]
struct Types(Mutex<Map<(Term, Term), Arc<ResourceType>>>);

/// The library's `load` has succeeded: its types are there.
pub fn publish(node: &Node, core: &Arc<Core>, opened: Vec<Opened>) {
    let part = node.part::<Types>();
    for o in opened {
        *o.kind.calls.write() = o.calls;
        let calls = o.calls;
        let keeps = calls.dtor.is_some() || calls.stop.is_some() || calls.down.is_some() || calls.dyncall.is_some();
        *o.kind.core.write() = Arc::downgrade(core);
        let before = std::mem::replace(&mut *o.kind.owner.write(), keeps.then(|| core.clone()));
        drop(before);
        part.0.lock().insert((o.kind.module, o.kind.name), o.kind);
    }
}

/// The library's code goes: types that nobody has taken over are there only for their objects.
pub fn library_goes(core: &Arc<Core>) {
    let Some(node) = core.node.upgrade() else { return };
    let part = node.part::<Types>();
    let mut types = part.0.lock();
    let gone: Vec<_> = types.iter().filter(|(_, t)| std::ptr::eq(t.core.read().as_ptr(), Arc::as_ptr(core))).map(|(k, _)| *k).collect();
    let removed: Vec<_> = gone.iter().filter_map(|k| types.remove(k)).collect();
    drop(types);
    drop(removed);
}

const CREATE: c_int = 1;
const TAKEOVER: c_int = 2;

unsafe fn open(env: *mut Env, name: *const c_char, calls: Callbacks, flags: c_int, tried: *mut c_int) -> *const ResourceType {
    let env = &mut *env;
    let (Some(node), Some(core)) = (env.node(), env.core.as_ref()) else { return std::ptr::null() };
    let text: String = std::ffi::CStr::from_ptr(name).to_bytes().iter().map(|&b| b as char).collect();
    let key = (core.module, atom::intern(&text));
    let Some(opened) = env.opened.as_mut() else { return std::ptr::null() };
    let existing = node.part::<Types>().0.lock().get(&key).cloned();
    let way = if existing.is_some() { TAKEOVER } else { CREATE };
    if !tried.is_null() {
        *tried = if flags & way == 0 { flags } else { way };
    }
    if flags & way == 0 {
        return std::ptr::null();
    }
    let kind = existing.unwrap_or_else(|| {
        Arc::new(ResourceType {
            module: key.0,
            name: key.1,
            calls: RwLock::new(Callbacks::default()),
            owner: RwLock::new(None),
            core: RwLock::default(),
            node: Arc::downgrade(&node),
        })
    });
    let p = Arc::as_ptr(&kind);
    opened.push(Opened { kind, calls });
    p
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_open_resource_type(
    env: *mut Env,
    module: *const c_char,
    name: *const c_char,
    dtor: Option<Dtor>,
    flags: c_int,
    tried: *mut c_int,
) -> *const ResourceType {
    if !module.is_null() {
        return std::ptr::null();
    }
    open(env, name, Callbacks { dtor, ..Callbacks::default() }, flags, tried)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_open_resource_type_x(
    env: *mut Env,
    name: *const c_char,
    init: *const TypeInit,
    flags: c_int,
    tried: *mut c_int,
) -> *const ResourceType {
    let i = &*init;
    open(env, name, Callbacks { dtor: i.dtor, stop: i.stop, down: i.down, dyncall: None }, flags, tried)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_init_resource_type(
    env: *mut Env,
    name: *const c_char,
    init: *const TypeInit,
    flags: c_int,
    tried: *mut c_int,
) -> *const ResourceType {
    let i = &*init;
    let n = i.members;
    let calls = Callbacks {
        dtor: i.dtor.filter(|_| n > 0),
        stop: i.stop.filter(|_| n > 1),
        down: i.down.filter(|_| n > 2),
        dyncall: if n > 3 { i.dyncall } else { None },
    };
    open(env, name, calls, flags, tried)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_alloc_resource(kind: *const ResourceType, size: usize) -> *mut c_void {
    Arc::increment_strong_count(kind);
    let kind = Arc::from_raw(kind);
    let l = layout(size);
    let p = alloc(l).cast::<Head>();
    if p.is_null() {
        handle_alloc_error(l);
    }
    p.write(Head { count: AtomicUsize::new(1), kind, size, id: AtomicU64::new(0), monitors: Mutex::default() });
    p.cast::<u8>().add(HEAD).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_keep_resource(object: *mut c_void) {
    std::mem::forget(Resource::of(object));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_release_resource(object: *mut c_void) {
    let head = object.cast::<u8>().sub(HEAD).cast::<Head>();
    drop(Resource(NonNull::new_unchecked(head)));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_sizeof_resource(object: *mut c_void) -> usize {
    Resource::borrow(object).head().size
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_resource(env: *mut Env, object: *mut c_void) -> u64 {
    Resource::of(object).term((*env).h()).raw()
}

/// A binary of these bytes (a copy of them), which keeps the resource.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_resource_binary(env: *mut Env, object: *mut c_void, data: *const u8, size: usize) -> u64 {
    let bytes = if size == 0 { &[][..] } else { std::slice::from_raw_parts(data, size) };
    let b = term::binary::Binary::with_owner(bytes, Box::new(Resource::of(object)));
    (*env).h().bin_ref(b, size * 8).raw()
}

/// The resource that a term refers to, or that keeps a binary's bytes.
fn found(term: Term) -> Option<&'static Resource> {
    term.magic_value::<Resource>().or_else(|| term.binary_owner()?.downcast_ref())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_resource(_: *mut Env, term: u64, kind: *const ResourceType, object: *mut *mut c_void) -> c_int {
    let Some(r) = found(Term::from_raw(term)).filter(|r| std::ptr::eq(Arc::as_ptr(r.kind()), kind)) else { return 0 };
    *object = r.object();
    1
}

/// 0 if the type that was named has such a function, which has then been called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_dynamic_resource_call(env: *mut Env, module: u64, name: u64, term: u64, data: *mut c_void) -> c_int {
    let (module, name) = (Term::from_raw(module), Term::from_raw(name));
    let Some(node) = node_of(env) else { return 1 };
    let kind = node.part::<Types>().0.lock().get(&(module, name)).cloned();
    let Some(kind) = kind else { return 1 };
    let Some(r) = found(Term::from_raw(term)).filter(|r| Arc::ptr_eq(r.kind(), &kind)) else { return 1 };
    let Some(dyncall) = kind.calls.read().dyncall else { return 1 };
    let owner = kind.owner.read().clone();
    let mine = std::mem::replace(&mut (*env).core, owner.as_ref().map_or(std::ptr::null(), Arc::as_ptr));
    dyncall(env, r.object(), data);
    (*env).core = mine;
    0
}
