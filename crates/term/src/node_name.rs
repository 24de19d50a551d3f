//! Names of other nodes, as they stand in external pids, ports and references. Interned; never freed.

use crate::Term;
use base::{hash::Map, sync::Mutex};

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
    let mut guard = TABLE.lock();
    guard.get_or_insert_with(Map::default).entry(key).or_insert_with(|| Box::leak(Box::new(key)))
}
