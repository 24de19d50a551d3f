//! Connections to other nodes: which there are, and what goes through them. A connection is idle, being made (by `net_kernel`, which is told to when
//! somebody wants to send) or up; what is sent while it is being made waits.
//! Not here: the protocol (crate `dist`), how connections are made (OTP's `net_kernel`, `dist_util`), sockets (crate `ports`).

mod connection;
mod incoming;
mod natives;
mod outgoing;
mod parents;
mod watching;

pub use connection::{Connection, Phase};
pub use natives::NATIVES;
pub(crate) use outgoing::wait_while_busy;
pub use watching::{Wants, monitor_node, watch_nodes};

use base::hash::Map;
use base::sync::{Mutex, RwLock};
use node::{Ctx, Node};
use process::{RefId, Who};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use term::node_name::NodeName;
use term::{Term, am, atom};

/// All connections of a node, filed with it.
#[derive(Default)]
pub struct Connections {
    pub(crate) by_name: RwLock<Map<Term, Arc<Connection>>>,
    numbers: AtomicU64,
    /// Processes that monitor nodes: how often each does.
    pub(crate) node_monitors: Mutex<Map<Term, Vec<(Term, u32)>>>,
    pub(crate) watchers: Mutex<Vec<watching::Watcher>>,
    pub(crate) parents: Arc<parents::Parents>,
    alive: AtomicBool,
}

/// Another node to which there is a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub name: Term,
    pub visible: bool,
    pub controller: Term,
}

pub fn of(node: &Node) -> Arc<Connections> {
    node.part::<Connections>()
}

/// `name@host`.
pub fn is_node_name(t: Term) -> bool {
    atom::as_text(t).is_some_and(|n| n.split_once('@').is_some_and(|(l, r)| !l.is_empty() && !r.is_empty() && !r.contains('@')))
}

impl Connections {
    /// The connection to a node, idle if there was none.
    pub(crate) fn get(&self, name: Term) -> Arc<Connection> {
        if let Some(c) = self.by_name.read().get(&name) {
            return c.clone();
        }
        self.by_name.write().entry(name).or_insert_with(|| Arc::new(Connection::new(name))).clone()
    }
    pub(crate) fn find(&self, name: Term) -> Option<Arc<Connection>> {
        self.by_name.read().get(&name).cloned()
    }
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let mut all: Vec<Arc<Connection>> = self.by_name.read().values().cloned().collect();
        all.sort_by(|a, b| term::cmp::cmp(a.name, b.name));
        all
    }
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed) + 1
    }
}

/// Those that are up.
pub fn peers(node: &Node) -> Vec<Peer> {
    of(node).all().iter().filter_map(|c| c.peer()).collect()
}

/// The number of a connection that is up.
pub fn connection_number(node: &Node, name: Term) -> Option<u64> {
    of(node).find(name).filter(|c| c.peer().is_some()).map(|c| c.id().0)
}

/// What is tied through a connection, for those who look inside.
pub struct Tied {
    pub node: &'static NodeName,
    pub links: Vec<(Term, Who)>,
    /// Monitors of processes here, and the names by which they were set.
    pub ours: Vec<(RefId, Term, Option<Term>)>,
    /// Monitors of processes there, by their references.
    pub theirs: Vec<(Vec<u32>, Term, Option<Term>)>,
    numbers: Vec<RefId>,
    pub node_monitors: Vec<(Term, u32)>,
}

impl Tied {
    /// The reference that a monitor has at the other end.
    pub fn number(&self, id: RefId) -> Option<Vec<u32>> {
        self.numbers.iter().position(|n| *n == id).map(|at| self.theirs[at].0.clone())
    }
}

/// `None` if there never was a connection to such a node.
pub fn tied(node: &Node, name: Term) -> Option<Tied> {
    let here = of(node);
    let c = here.find(name)?;
    let node_monitors = here.node_monitors.lock().get(&name).cloned().unwrap_or_default();
    let s = c.state.lock();
    Some(Tied {
        node: term::node_name::intern(name, s.creation),
        links: s.links.iter().copied().collect(),
        ours: s.ours.iter().map(|(&id, &(pid, name))| (id, pid, name)).collect(),
        theirs: s.theirs.values().cloned().collect(),
        numbers: s.theirs.keys().copied().collect(),
        node_monitors,
    })
}

/// Nodes that a process monitors, and how often.
pub fn nodes_monitored_by(node: &Node, pid: Term) -> Vec<(Term, u32)> {
    let here = of(node);
    let monitors = here.node_monitors.lock();
    monitors.iter().flat_map(|(&name, list)| list.iter().filter(|m| m.0 == pid).map(move |m| (name, m.1))).collect()
}

/// Which incarnation of a node there is a connection to.
pub fn creation(node: &Node, name: Term) -> Option<u32> {
    let c = of(node).find(name)?;
    let s = c.state.lock();
    (s.phase == Phase::Up).then_some(s.creation)
}

/// Is there a connection, or is one being made?
pub fn is_connecting(node: &Node, name: Term) -> bool {
    of(node).find(name).is_some_and(|c| c.phase() != Phase::Idle)
}

/// Will the node be given a name by the first that it connects to? OTP's `net_kernel` notes that here.
pub fn gets_name(node: &Node) -> bool {
    let mut a = term::Alloc::new();
    let key = a.tuple(&[atom!("erts_internal"), atom!("dynamic_node_name")]);
    node.persistent.get(key) == Some(am::TRUE)
}

/// The node gets its name from `net_kernel`, and loses it when that ends. False if it has one, or there is no `net_kernel`.
pub fn start(node: &Arc<Node>, name: Term, creation: u32) -> bool {
    let Some(kernel) = node.whereis(atom!("net_kernel")).filter(|p| p.is_local_pid()) else { return false };
    let here = of(node);
    {
        let mut identity = node.identity.write();
        if identity.0 != am::NONODE {
            return false;
        }
        *identity = (name, creation);
    }
    node.identity_changes.fetch_add(1, AcqRel);
    term::node_name::set_local(term::node_name::intern(name, creation));
    here.alive.store(true, Release);
    node.set_remote(Some(Arc::new(outgoing::Door { here: here.clone() })));
    let weak = Arc::downgrade(node);
    let ended = Box::new(move |_| {
        if let Some(node) = weak.upgrade() {
            stop(&node);
        }
    });
    if crate::owned::watch(node, kernel, ended).is_none() {
        stop(node);
        return false;
    }
    watching::tell_node_up(node, name, atom!("this"), 0);
    true
}

/// The node has no name any more, and no connections.
fn stop(node: &Arc<Node>) {
    let here = of(node);
    if !here.alive.swap(false, AcqRel) {
        return;
    }
    let name = node.name();
    node.set_remote(None);
    *node.identity.write() = (am::NONODE, 0);
    node.identity_changes.fetch_add(1, AcqRel);
    for c in here.all() {
        c.end_controller(node);
        c.lost(node, None, atom!("net_kernel_terminated"));
    }
    watching::tell_node_down(node, name, atom!("this"), 0, atom!("net_kernel_terminated"));
}

/// Gives up a spawn request that has not been answered yet; false if there is none.
pub fn abandon_spawn(cx: &mut Ctx, id: RefId) -> bool {
    of(cx.node).all().iter().any(|c| c.abandon_spawn(cx.pid, id))
}
