//! Native things that belong to a process and end with it, whoever else still has a reference to them: open files, terminals.
//! Not here: ports, which are linked to their owners.

use base::hash::Map;
use base::sync::Mutex;
use node::{Ctx, Node};
use process::{RefId, Signal, Who};
use std::sync::Arc;
use term::Term;

/// Is given the reason.
type OnEnd = Box<dyn FnOnce(Term) + Send>;

/// What is to be done at the end of whom, by the number of the thing's reference.
#[derive(Default)]
pub struct Owned {
    things: Mutex<Map<RefId, (Term, OnEnd)>>,
}

/// The port in whose name processes are watched: the one that exists from the start.
const WATCHER: Who = Who::Local(Term::port(0));

/// Calls `on_end` when the calling process ends. `id`: of the thing's own reference.
pub fn close_with(cx: &mut Ctx, id: RefId, on_end: OnEnd) {
    cx.node.part::<Owned>().things.lock().insert(id, (cx.pid, on_end));
    cx.p.watchers.insert(id, (WATCHER, None));
}

/// Calls `on_end` when another process ends; `None` if there is no such process.
pub fn watch(node: &Arc<Node>, process: Term, on_end: OnEnd) -> Option<RefId> {
    let id = (node.next_ref(), 0);
    node.part::<Owned>().things.lock().insert(id, (process, on_end));
    match node.deliver(process, Signal::Monitor { reference: id, watcher: WATCHER, name: None }) {
        Ok(()) => Some(id),
        Err(_) => {
            node.part::<Owned>().things.lock().remove(&id);
            None
        }
    }
}

/// Ends a `watch`.
pub fn unwatch(node: &Arc<Node>, id: RefId) {
    let Some((process, _)) = node.part::<Owned>().things.lock().remove(&id) else { return };
    let _ = node.deliver(process, Signal::Demonitor { reference: id });
}

/// The thing is gone already.
pub fn forget(cx: &mut Ctx, id: RefId) {
    let Some((owner, _)) = cx.node.part::<Owned>().things.lock().remove(&id) else { return };
    if owner == cx.pid {
        cx.p.watchers.remove(&id);
    } else {
        let _ = cx.node.deliver(owner, Signal::Demonitor { reference: id });
    }
}

/// A watched process has ended.
pub fn ended(node: &Arc<Node>, id: RefId, reason: Term) {
    let thing = node.part::<Owned>().things.lock().remove(&id);
    if let Some((_, on_end)) = thing {
        on_end(reason);
    }
}
