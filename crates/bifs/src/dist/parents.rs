//! Processes that have asked for a linked process on another node and not been answered: one that ends before the answer comes leaves its reason for the
//! process that it has never known.

use base::hash::Map;
use base::sync::Mutex;
use node::Node;
use process::Owned;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use term::Term;

#[derive(Default)]
pub(crate) struct Parents {
    /// How many answers each waits for, and why it has ended.
    waiting: Mutex<Map<Term, (usize, Option<Owned>)>>,
}

/// Lasts until a request has been answered and the answer acted on.
pub(crate) struct Asking {
    parents: Arc<Parents>,
    /// How many there are (`Node::asking_afar`).
    count: Arc<AtomicUsize>,
    parent: Term,
}

impl Parents {
    pub fn asks(self: &Arc<Parents>, node: &Node, parent: Term) -> Asking {
        let mut waiting = self.waiting.lock();
        waiting.entry(parent).or_default().0 += 1;
        node.asking_afar.store(waiting.len(), Release);
        Asking { parents: self.clone(), count: node.asking_afar.clone(), parent }
    }
    /// A process ends.
    pub fn ended(&self, pid: Term, reason: &Owned) {
        if let Some(one) = self.waiting.lock().get_mut(&pid) {
            one.1 = Some(node::signals::copy_owned(reason));
        }
    }
}

impl Asking {
    /// Why the parent has ended, if it has.
    pub fn reason(&self) -> Option<Owned> {
        self.parents.waiting.lock().get(&self.parent).and_then(|one| one.1.as_ref().map(node::signals::copy_owned))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut waiting = self.parents.waiting.lock();
        if let Some(one) = waiting.get_mut(&self.parent) {
            one.0 -= 1;
            if one.0 == 0 {
                waiting.remove(&self.parent);
            }
        }
        self.count.store(waiting.len(), Release);
    }
}
