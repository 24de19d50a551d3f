//! Signals: all that one process can do to another. Delivered in order from each sender.
//! Not here: what a signal does when its receiver handles it (`node::signals`).

use crate::{Message, Private, ProcRef};
use std::any::Any;
use term::node_name::NodeName;
use term::{Alloc, Fragment, Term};

/// A term with the memory it lives in, on its way between heaps. Immediates and literals need none.
#[derive(Debug)]
pub struct Owned {
    pub term: Term,
    pub memory: Fragment,
}

impl Owned {
    /// A term that needs no memory: an immediate.
    pub const fn immediate(term: Term) -> Owned {
        Owned { term, memory: Fragment::EMPTY }
    }
    /// Builds a term in memory of its own.
    pub fn build(f: impl FnOnce(&mut Alloc) -> Term) -> Owned {
        let mut a = Alloc::new();
        let term = f(&mut a);
        Owned { term, memory: a.finish() }
    }
    /// A copy that leads nowhere else, not even to literals.
    pub fn copy(term: Term) -> Owned {
        let (term, memory) = term::copy::copy_out(term, term::copy::LiteralRange::NONE);
        Owned { term, memory }
    }
    /// Builds a term around this one, whose memory is kept.
    pub fn wrap(self, f: impl FnOnce(&mut Alloc, Term) -> Term) -> Owned {
        let mut a = Alloc::new();
        a.adopt(self.memory);
        let term = f(&mut a, self.term);
        Owned { term, memory: a.finish() }
    }
}

/// A process or port of any node, as a value that needs no heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// Local pid or port.
    Local(Term),
    /// Process of another node: number, serial.
    Pid(&'static NodeName, u32, u32),
    Port(&'static NodeName, u64),
}

impl Who {
    pub fn of(t: Term) -> Option<Who> {
        if t.is_local_pid() || t.is_local_port() {
            return Some(Who::Local(t));
        }
        if let Some((node, number, serial)) = t.as_ext_pid() {
            return Some(Who::Pid(node, number, serial));
        }
        t.as_ext_port().map(|(node, number)| Who::Port(node, number))
    }
    pub fn term(self, alloc: &mut Alloc) -> Term {
        match self {
            Who::Local(t) => t,
            Who::Pid(node, number, serial) => alloc.ext_pid(node, number, serial),
            Who::Port(node, number) => alloc.ext_port(node, number),
        }
    }
    /// Orders the processes, and the ports, of a node about as they were made; those of this node come first.
    pub fn age(self) -> (bool, u64, u64) {
        match self {
            Who::Local(t) => (false, t.raw(), 0),
            Who::Pid(_, number, serial) => (true, serial.into(), number.into()),
            Who::Port(_, number) => (true, number, 0),
        }
    }
    pub fn is_port(self) -> bool {
        match self {
            Who::Local(t) => t.is_local_port(),
            Who::Pid(..) => false,
            Who::Port(..) => true,
        }
    }
    /// The local identifier, if it is one.
    pub fn local(self) -> Option<Term> {
        if let Who::Local(t) = self { Some(t) } else { None }
    }
    /// Name of the node, if it is another one.
    pub fn node(self) -> Option<&'static NodeName> {
        match self {
            Who::Local(_) => None,
            Who::Pid(node, ..) | Who::Port(node, _) => Some(node),
        }
    }
}

/// Identity of a reference: number, and the raw local pid of its process if it is an alias.
pub type RefId = (u64, u64);

/// What a process is told.
#[derive(Debug)]
pub enum Signal {
    Message(Message),
    /// A message through an alias: dropped if the alias is not active any more.
    AliasMessage { alias: RefId, message: Message },
    Exit(Box<ExitSignal>),
    Link { from: Who },
    Unlink { from: Who, id: u64 },
    UnlinkAck { from: Who, id: u64 },
    /// `watcher` wants to know when this process ends. `name`: what the watcher called it by, if by name.
    Monitor { reference: RefId, watcher: Who, name: Option<Term> },
    Demonitor { reference: RefId },
    /// A monitored process or port has ended, or a time offset changed. The watcher's own record says the rest.
    Down { reference: RefId, reason: Owned },
    GroupLeader { leader: Who },
    /// Work to be done in the process's own context: process_info from outside, garbage_collect, suspend, ...
    Request(Box<dyn Request>),
    /// The timer of a `receive ... after` has fired. `serial`: which wait it belongs to.
    ReceiveTimeout { serial: u64 },
    /// What a native function of the process waits for (`Stop::Wait`), by a number that it chose.
    Answer { id: u64, value: Owned },
    /// The process's true half, from a dirty pool.
    Back(Box<Private>),
}

/// An exit signal.
#[derive(Debug)]
pub struct ExitSignal {
    /// Its message comes first, if the alias is one of priority.
    pub priority: bool,
    /// The alias by which it was sent: it counts only while that is active.
    pub alias: Option<RefId>,
    pub from: Who,
    pub reason: Owned,
    /// Sent because a link broke: ignored unless the link still exists. Else by `exit/2`, where `kill` cannot be caught.
    pub linked: bool,
    /// Token of sequential tracing.
    pub token: Option<Owned>,
}

/// Work that another process wants done in this one's context. `node` is an `Arc<node::Node>` (storeys above are not named here).
pub trait Request: Send + std::fmt::Debug {
    /// Called at a point where no native function of the process runs.
    fn run(self: Box<Self>, process: ProcRef, private: &mut Private, node: &(dyn Any + Send + Sync));
    /// Called instead when there is no such process any more.
    fn gone(self: Box<Self>, node: &(dyn Any + Send + Sync));
}
