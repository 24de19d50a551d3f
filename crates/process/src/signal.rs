//! Signals: all that one process can do to another. Delivered in order from each sender.

use crate::Message;
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
}

/// What a process is told. `from` is a pid (or port) term that is immediate, or lives in the signal's own memory.
#[derive(Debug)]
pub enum Signal {
    Message(Message),
    /// A message through an alias: dropped if the alias is not active any more. `alias`: the reference's two words.
    AliasMessage { alias: (u64, u64), message: Message },
    /// An exit signal. `linked`: sent because a link broke (ignored unless the link still exists). `kill`: reason `kill` sent by exit/2.
    Exit { from: Owned, reason: Owned, linked: bool },
    Link { from: Owned },
    Unlink { from: Owned, id: u64 },
    UnlinkAck { from: Owned, id: u64 },
    /// `watcher` wants to know when this process ends. `name`: what the watcher called it by, if by name.
    Monitor { reference: (u64, u64), watcher: Owned, name: Option<Term> },
    Demonitor { reference: (u64, u64) },
    /// A monitored process or port has ended. `object`: pid or {Name, Node}, decided by the watcher's own record.
    Down { reference: (u64, u64), reason: Owned },
    GroupLeader { leader: Owned, ask: Option<(Term, (u64, u64))> },
    Suspend { from: Term, reply: Option<(u64, u64)> },
    Resume,
    /// Anything that must run in the process's own context: process_info from outside, garbage_collect, check_process_code, ...
    /// The owner's engine calls it with its private half.
    Request(Box<dyn Request>),
    /// The timer of a `receive ... after` has fired. `serial`: which wait it belongs to.
    ReceiveTimeout { serial: u64 },
}

/// Work that another process wants done in this one's context.
pub trait Request: Send + std::fmt::Debug {
    /// `node` is the `node::Node` (storeys above are not named here); called at a point where no native function runs.
    fn run(self: Box<Self>, process: crate::ProcRef, private: &mut crate::Private, node: &(dyn std::any::Any + Send + Sync));
}
