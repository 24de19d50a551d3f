//! Names of other nodes, as they stand in external pids, ports and references. Interned; never freed.

use crate::Term;
use base::{hash::Map, sync::Mutex};
use std::cell::Cell;

/// A node's name and creation (which incarnation of that name).
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy)]
#[repr(C)]
pub struct NodeName {
    pub name: Term,
    pub creation: u32,
}

static TABLE: Mutex<Option<Map<NodeName, &'static NodeName>>> = Mutex::new(None);

/// The one record of this name and creation.
pub fn intern(name: Term, creation: u32) -> &'static NodeName {
    let key = NodeName { name, creation };
    if let Some(last) = LAST.get()
        && *last == key
    {
        return last;
    }
    let mut guard = TABLE.lock();
    let entry = guard.get_or_insert_with(Map::default).entry(key).or_insert_with(|| Box::leak(Box::new(key)));
    LAST.set(Some(entry));
    entry
}

thread_local! {
    /// The one that this thread asked for last: identifiers in a message are mostly of one node.
    static LAST: Cell<Option<&'static NodeName>> = const { Cell::new(None) };
    static LOCAL: Cell<Option<&'static NodeName>> = const { Cell::new(None) };
}

/// The name of the node for which this thread works: local identifiers are ordered among external ones by it.
pub fn local() -> &'static NodeName {
    LOCAL.get().unwrap_or_else(|| {
        let unnamed = intern(crate::am::NONODE, 0);
        LOCAL.set(Some(unnamed));
        unnamed
    })
}

/// Tells this thread the name of its node (a scheduler does so when it starts, and when the node gets or loses its name).
pub fn set_local(node: &'static NodeName) {
    LOCAL.set(Some(node));
}
