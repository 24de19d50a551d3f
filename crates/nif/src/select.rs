//! `enif_select`: messages when descriptors are ready.

use crate::env::{Env, Kind, node_of};
use crate::library::services;
use crate::processes::{NifPid, take_message};
use crate::resource::Resource;
use base::hash::Map;
use base::sync::Mutex;
use libc::{c_int, c_void};
use node::Node;
use process::Owned;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use sys::poll::Interest;
use term::{Term, am, atom};

const READ: c_int = 1;
const WRITE: c_int = 2;
const STOP: c_int = 4;
const CANCEL: c_int = 8;
const CUSTOM: c_int = 16;
const ERROR: c_int = 32;

const STOP_CALLED: c_int = 1;
const INVALID_EVENT: c_int = 4;
const FAILED: c_int = 8;
const READ_CANCELLED: c_int = 16;
const WRITE_CANCELLED: c_int = 32;
const ERROR_CANCELLED: c_int = 64;

/// Who gets which message.
struct Wanted {
    to: Term,
    message: Owned,
}

/// A descriptor that is watched.
struct Watch {
    resource: Resource,
    read: Option<Wanted>,
    write: Option<Wanted>,
    error: Option<Wanted>,
    /// The number of the present watch.
    number: Option<u64>,
}

#[derive(Default)]
struct Watches(Mutex<Map<c_int, Watch>>);

/// Asks the poller for what is wanted of a descriptor now. False if it cannot be watched.
fn arm(node: &Arc<Node>, fd: c_int, watch: &mut Watch) -> bool {
    let Some(ports) = services(node).and_then(|s| (s.ports)(node)) else { return false };
    // SAFETY: rule 1: C keeps the descriptor open while it is watched; a closed one is an error of the poller.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    if let Some(number) = watch.number.take() {
        ports.polling.cancel(borrowed, number);
    }
    let interest = Interest { read: watch.read.is_some(), write: watch.write.is_some(), error: watch.error.is_some() };
    if interest.is_none() {
        return true;
    }
    let weak = Arc::downgrade(node);
    let armed = ports.polling.watch(borrowed, interest, move |event| {
        if let Some(node) = weak.upgrade() {
            ready(&node, fd, event.ready);
        }
    });
    watch.number = armed.ok();
    watch.number.is_some()
}

fn ready(node: &Arc<Node>, fd: c_int, ready: Interest) {
    let mut due = Vec::new();
    {
        let part = node.part::<Watches>();
        let mut table = part.0.lock();
        let Some(watch) = table.get_mut(&fd) else { return };
        watch.number = None;
        if ready.read {
            due.extend(watch.read.take());
        }
        if ready.write {
            due.extend(watch.write.take());
        }
        if ready.error {
            due.extend(watch.error.take());
        }
        arm(node, fd, watch);
    }
    for w in due {
        node.send_message(w.to, w.message);
    }
}

/// The whole of `enif_select` and `enif_select_x`: `custom` is the message's environment and the message.
unsafe fn select(env: *mut Env, fd: c_int, flags: c_int, object: *mut c_void, pid: *const NifPid, term: u64, message_env: *mut Env) -> c_int {
    let resource = Resource::borrow(object);
    let Some(node) = node_of(env).or_else(|| resource.kind().node.upgrade()) else { return c_int::MIN | FAILED };
    if fd < 0 || libc::fcntl(fd, libc::F_GETFD) < 0 && flags & STOP == 0 {
        return c_int::MIN | INVALID_EVENT;
    }
    let part = node.part::<Watches>();
    let mut table = part.0.lock();
    if flags & STOP != 0 {
        let Some(stop) = resource.kind().calls.read().stop else { return c_int::MIN | FAILED };
        let gone = table.remove(&fd);
        if let Some(mut watch) = gone {
            watch.read = None;
            watch.write = None;
            watch.error = None;
            arm(&node, fd, &mut watch);
            drop(table);
            drop(watch);
        } else {
            drop(table);
        }
        resource.call(|env, _| stop(env, object, fd, 1));
        return STOP_CALLED;
    }
    if flags & CANCEL != 0 {
        let mut done = 0;
        if let Some(watch) = table.get_mut(&fd) {
            if flags & READ != 0 && watch.read.take().is_some() {
                done |= READ_CANCELLED;
            }
            if flags & WRITE != 0 && watch.write.take().is_some() {
                done |= WRITE_CANCELLED;
            }
            if flags & ERROR != 0 && watch.error.take().is_some() {
                done |= ERROR_CANCELLED;
            }
            arm(&node, fd, watch);
        }
        return done;
    }
    // Nobody could take the descriptor from it later.
    if resource.kind().calls.read().stop.is_none() {
        return c_int::MIN | FAILED;
    }
    let to = match pid.as_ref() {
        Some(&pid) => Term::from_raw(pid),
        None => match env.as_mut().filter(|e| e.kind == Kind::Process).and_then(Env::process) {
            Some(cx) => cx.pid,
            None => return c_int::MIN | FAILED,
        },
    };
    let custom = (flags & CUSTOM != 0).then(|| take_message(message_env, term));
    let told = |what: Term| match &custom {
        Some(m) => crate::copied(m.term),
        None => Owned::build(|h| {
            let object = resource.term(h);
            let reference = term::copy::copy(Term::from_raw(term), h, term::copy::LiteralRange::NONE);
            h.tuple(&[atom!("select"), object, reference, what])
        }),
    };
    let fresh = !table.contains_key(&fd);
    let watch = table.entry(fd).or_insert_with(|| Watch { resource: Resource::clone(&resource), read: None, write: None, error: None, number: None });
    // Another resource with the same descriptor takes it over.
    let robbed = (watch.resource.address() != resource.address()).then(|| std::mem::replace(&mut watch.resource, Resource::clone(&resource)));
    if robbed.is_some() {
        (watch.read, watch.write, watch.error) = (None, None, None);
    }
    if flags & READ != 0 {
        watch.read = Some(Wanted { to, message: told(atom!("ready_input")) });
    }
    if flags & WRITE != 0 {
        watch.write = Some(Wanted { to, message: told(atom!("ready_output")) });
    }
    if flags & ERROR != 0 {
        watch.error = Some(Wanted { to, message: told(atom!("ready_error")) });
    }
    if !arm(&node, fd, watch) {
        if fresh {
            let gone = table.remove(&fd);
            drop(table);
            drop(gone);
        }
        return c_int::MIN | INVALID_EVENT;
    }
    drop(table);
    drop(robbed);
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_select(env: *mut Env, fd: c_int, flags: c_int, object: *mut c_void, pid: *const NifPid, reference: u64) -> c_int {
    let r = Term::from_raw(reference);
    if flags & (STOP | CANCEL) == 0 && r != am::UNDEFINED && !r.is_local_ref() {
        return c_int::MIN | FAILED;
    }
    select(env, fd, flags & !CUSTOM, object, pid, reference, std::ptr::null_mut())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_select_x(
    env: *mut Env,
    fd: c_int,
    flags: c_int,
    object: *mut c_void,
    pid: *const NifPid,
    message: u64,
    message_env: *mut Env,
) -> c_int {
    select(env, fd, flags, object, pid, message, message_env)
}
