//! Processes and ports: who is who, messages, monitors.

use crate::env::{Env, node_of};
use crate::library::services;
use crate::resource::Resource;
use base::hash::Map;
use base::sync::Mutex;
use libc::{c_int, c_void};
use node::Node;
use process::{Message, Owned, RefId, Signal, Who};
use std::ptr::null_mut;
use std::sync::Arc;
use term::{Term, am};

/// `ErlNifPid` and `ErlNifPort`: one term that needs no memory.
pub type NifPid = u64;

/// `ErlNifMonitor`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NifMonitor {
    number: u64,
    alias: u64,
    spare: [u64; 2],
}

impl NifMonitor {
    pub fn of(id: RefId) -> NifMonitor {
        NifMonitor { number: id.0, alias: id.1, spare: [0; 2] }
    }
    pub fn id(&self) -> RefId {
        (self.number, self.alias)
    }
}

// ---- who
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_self(env: *mut Env, pid: *mut NifPid) -> *mut NifPid {
    match (*env).process() {
        Some(cx) if (*env).kind == crate::env::Kind::Process => {
            *pid = cx.pid.raw();
            pid
        }
        _ => null_mut(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_local_pid(_: *mut Env, term: u64, pid: *mut NifPid) -> c_int {
    if !Term::from_raw(term).is_local_pid() {
        return 0;
    }
    *pid = term;
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_local_port(_: *mut Env, term: u64, port: *mut NifPid) -> c_int {
    if !Term::from_raw(term).is_local_port() {
        return 0;
    }
    *port = term;
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_set_pid_undefined(pid: *mut NifPid) {
    *pid = am::UNDEFINED.raw();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_pid_undefined(pid: *const NifPid) -> c_int {
    c_int::from(*pid == am::UNDEFINED.raw())
}

unsafe fn registered(env: *mut Env, name: u64, out: *mut NifPid, fits: fn(Term) -> bool) -> c_int {
    let name = Term::from_raw(name);
    let found = node_of(env).filter(|_| name.is_atom()).and_then(|n| n.whereis(name)).filter(|&t| fits(t));
    let Some(found) = found else { return 0 };
    *out = found.raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_whereis_pid(env: *mut Env, name: u64, pid: *mut NifPid) -> c_int {
    registered(env, name, pid, Term::is_local_pid)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_whereis_port(env: *mut Env, name: u64, port: *mut NifPid) -> c_int {
    registered(env, name, port, Term::is_local_port)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_process_alive(env: *mut Env, pid: *const NifPid) -> c_int {
    let pid = Term::from_raw(*pid);
    c_int::from(node_of(env).is_some_and(|n| n.is_alive(pid)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_port_alive(env: *mut Env, port: *const NifPid) -> c_int {
    let port = Term::from_raw(*port);
    c_int::from(node_of(env).is_some_and(|n| n.ports.get().is_some_and(|p| p.exists(&n, port))))
}

/// False once the process has been told to end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_current_process_alive(env: *mut Env) -> c_int {
    let Some(cx) = (*env).process() else { return 0 };
    if cx.dirty {
        // Its signals are handled by others.
        return c_int::from(cx.me.is_alive(cx.pid));
    }
    let trapping = cx.p.trap_exit;
    let pid = cx.pid;
    let links = &cx.p.links;
    let inbox = cx.me.inbox.lock();
    let doomed = inbox.exiting
        || inbox.signals.iter().any(|s| match s {
            Signal::Exit(e) if e.linked => !trapping && e.reason.term != am::NORMAL && links.get(&e.from) == Some(&0),
            Signal::Exit(e) => e.reason.term == am::KILL || !trapping && (e.reason.term != am::NORMAL || e.from == Who::Local(pid)),
            _ => false,
        });
    c_int::from(!doomed)
}

// ---- messages
/// The term as something that can be sent: the environment's memory itself if it is one of its own, else a copy.
pub unsafe fn take_message(env: *mut Env, term: u64) -> Owned {
    let t = Term::from_raw(term);
    match env.as_mut() {
        Some(env) if env.cx.is_null() => {
            let memory = std::mem::take(&mut env.own).finish();
            env.clear();
            if t.is_immediate() { Owned::immediate(t) } else { Owned { term: t, memory } }
        }
        _ => crate::copied(t),
    }
}

/// 1 if the process exists. An environment given with the message is empty then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_send(env: *mut Env, to: *const NifPid, message_env: *mut Env, message: u64) -> c_int {
    let to = Term::from_raw(*to);
    let Some(node) = node_of(env).or_else(|| node_of(message_env)) else { return 0 };
    if !node.is_alive(to) {
        return 0;
    }
    if let Some(cx) = env.as_mut().and_then(Env::process) {
        if cx.dirty && !cx.me.is_alive(cx.pid) {
            // The dead send nothing.
            return 0;
        }
        if cx.p.trace.is_some() {
            let pid = cx.pid;
            node.trace_send(pid, cx.p, to, Term::from_raw(message));
        }
    }
    let owned = take_message(message_env, message);
    c_int::from(node.deliver(to, Signal::Message(Message::new(owned))).is_ok())
}

/// What `port_command/2` would do, without waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_port_command(env: *mut Env, to: *const NifPid, message_env: *mut Env, message: u64) -> c_int {
    let port = Term::from_raw(*to);
    let Some(node) = node_of(env).or_else(|| node_of(message_env)) else { return 0 };
    let Some(s) = services(&node) else { return 0 };
    let Some(ports) = (s.ports)(&node) else { return 0 };
    let Some(port) = ports.get(port) else { return 0 };
    let Some(bytes) = (s.iolist)(Term::from_raw(message)) else {
        return 0;
    };
    let from = env.as_mut().and_then(Env::process).map_or(Term::pid(0, 0), |cx| cx.pid);
    let done = ports.command(&port, from, || bytes, false);
    if !message_env.is_null() && (*message_env).cx.is_null() {
        (*message_env).clear();
    }
    c_int::from(done == ports::Command::Done)
}

// ---- monitors
/// The monitors of a node's resources: whose it is (the address of its head), and the process.
#[derive(Default)]
pub struct Monitors {
    pub table: Mutex<Map<RefId, (usize, Term)>>,
}

/// In whose name processes are watched: the port that exists from the start.
const WATCHER: Who = Who::Local(Term::port(0));

/// 0 if done; above 0: no such process; below 0: the type has no function to call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_monitor_process(env: *mut Env, object: *mut c_void, pid: *const NifPid, out: *mut NifMonitor) -> c_int {
    let resource = Resource::borrow(object);
    if resource.kind().calls.read().down.is_none() {
        return -1;
    }
    let Some(node) = node_of(env).or_else(|| resource.kind().node.upgrade()) else { return 1 };
    let pid = Term::from_raw(*pid);
    let reference = (node.next_ref(), 0);
    {
        let part = node.part::<Monitors>();
        let mut table = part.table.lock();
        table.insert(reference, (resource.address(), pid));
        resource.head().monitors.lock().push((reference, pid));
    }
    let signal = Signal::Monitor { reference, watcher: WATCHER, name: None };
    if !pid.is_local_pid() || node.deliver(pid, signal).is_err() {
        forget(&node, &resource, reference);
        return 1;
    }
    if !out.is_null() {
        *out = NifMonitor { number: reference.0, alias: reference.1, spare: [0; 2] };
    }
    0
}

/// True if it was still there.
fn forget(node: &Node, resource: &Resource, reference: RefId) -> bool {
    let part = node.part::<Monitors>();
    let mut table = part.table.lock();
    resource.head().monitors.lock().retain(|m| m.0 != reference);
    table.remove(&reference).is_some()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_demonitor_process(env: *mut Env, object: *mut c_void, monitor: *const NifMonitor) -> c_int {
    let resource = Resource::borrow(object);
    let Some(node) = node_of(env).or_else(|| resource.kind().node.upgrade()) else { return 1 };
    let reference = ((*monitor).number, (*monitor).alias);
    let pid = resource.head().monitors.lock().iter().find(|m| m.0 == reference).map(|m| m.1);
    let Some(pid) = pid else { return 1 };
    if !forget(&node, &resource, reference) {
        return 1;
    }
    let _ = node.deliver(pid, Signal::Demonitor { reference });
    0
}

/// The resource that watches by this reference.
pub fn watcher(node: &Node, reference: RefId, h: &mut term::Alloc) -> Option<Term> {
    let part = node.part::<Monitors>();
    let resource = {
        let table = part.table.lock();
        let Some((address, _)) = table.get(&reference) else {
            drop(table);
            return crate::driver::calls::watcher(node, reference);
        };
        // SAFETY: rule 4, as in `down`.
        unsafe { Resource::revive(*address) }?
    };
    Some(resource.term(h))
}

/// A watched process has ended. False if it was not watched by a resource.
pub fn down(node: &Arc<Node>, reference: RefId, process: Who) -> bool {
    let part = node.part::<Monitors>();
    let resource = {
        let mut table = part.table.lock();
        let Some((address, _)) = table.remove(&reference) else {
            drop(table);
            return crate::driver::calls::down(node, reference) || crate::driver::ddll::down(node, reference);
        };
        // SAFETY: rule 4: a resource that ends takes its monitors out of the table, under its lock, before it is freed.
        let Some(resource) = (unsafe { Resource::revive(address) }) else { return true };
        resource.head().monitors.lock().retain(|m| m.0 != reference);
        resource
    };
    let Some(pid) = process.local() else { return true };
    resource.call(|env, calls| {
        if let Some(down) = calls.down {
            let mut pid = pid.raw();
            let mut monitor = NifMonitor { number: reference.0, alias: reference.1, spare: [0; 2] };
            // SAFETY: rules 3 and 4.
            unsafe { down(env, resource.object(), &mut pid, &mut monitor) };
        }
    });
    true
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_compare_monitors(a: *const NifMonitor, b: *const NifMonitor) -> c_int {
    ((*a).number, (*a).alias).cmp(&((*b).number, (*b).alias)) as c_int
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_monitor_term(env: *mut Env, monitor: *const NifMonitor) -> u64 {
    (*env).h().reference((*monitor).number, (*monitor).alias).raw()
}
