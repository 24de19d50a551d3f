//! What the node asks of parts that live above it: ports, and the connections to other nodes. Their state belongs to those
//! parts (`Node::part`); without them there are no ports and no other nodes.

use crate::{Ctx, Node, Stop};
use process::{Owned, RefId, Who};
use std::sync::Arc;
use term::{Alloc, Term};
use term::node_name::NodeName;

/// The ports of a node.
pub trait Ports: Send + Sync {
    /// `Port ! {Owner, Request}`: what `!` and `send` do to a port that exists or not (a wrong message is an exit signal to its sender).
    fn command(&self, cx: &mut Ctx, port: Term, message: Term, nosuspend: bool) -> Result<Sent, Stop>;
    fn exists(&self, node: &Arc<Node>, port: Term) -> bool;
    /// A process links itself to the port; false if there is no such port.
    fn link(&self, node: &Arc<Node>, port: Term, process: Term) -> bool;
    fn unlink(&self, node: &Arc<Node>, port: Term, process: Term);
    /// An exit signal; `linked`: because the process has ended.
    fn exit(&self, node: &Arc<Node>, port: Term, from: Term, reason: &Owned, linked: bool);
    /// False if there is no such port. When it closes it sends `Signal::Down` to the watcher.
    fn monitor(&self, node: &Arc<Node>, port: Term, reference: RefId, watcher: Term) -> bool;
    fn demonitor(&self, node: &Arc<Node>, port: Term, reference: RefId);
    /// Registered under a name, or no longer.
    fn named(&self, node: &Arc<Node>, port: Term, name: Option<Term>) -> bool;
    /// The node halts: calls `done` once everything that was written has left.
    fn flush(&self, _node: &Arc<Node>, done: Box<dyn FnOnce() + Send>) {
        done();
    }
    /// How many are open.
    fn count(&self) -> usize {
        0
    }
    /// A trace message for a port that traces, which gets it in external format, soon. False if there is no such port.
    fn trace_output(&self, _node: &Node, _port: Term, _message: Term) -> bool {
        false
    }
    /// Ports that trace get all that waits for them.
    fn tell_traces(&self) {}
    fn is_open(&self, _port: Term) -> bool {
        false
    }
    fn list(&self) -> Vec<Term> {
        Vec::new()
    }
    /// Tells the program of `heart`, if there is one, that the node writes a crash dump and then ends.
    fn tell_heart(&self, _node: &Arc<Node>) -> bool {
        false
    }
    /// The port's part of a crash dump.
    fn describe(&self, _port: Term, _out: &mut dyn std::io::Write) -> std::io::Result<()> {
        Ok(())
    }
    /// Bytes read and written by all ports so far.
    fn traffic(&self) -> (u64, u64) {
        (0, 0)
    }
    /// A process has ended that was watched in the name of a port (for native things that belong to it).
    fn down(&self, node: &Arc<Node>, reference: RefId, reason: Term);
}

/// A signal to a process or port of another node.
#[derive(Debug)]
pub enum Outgoing {
    Link,
    Unlink { id: u64 },
    UnlinkAck { id: u64 },
    Exit { reason: Owned, linked: bool, token: Option<Owned> },
    Monitor { reference: RefId, name: Option<Term> },
    Demonitor { reference: RefId, name: Option<Term> },
    /// To a watcher on that node. `name`: what it knows the process by.
    Down { reference: RefId, name: Option<Term>, reason: Owned },
    GroupLeader { leader: Who },
}

/// Where a message to another node goes.
#[derive(Clone, Copy, Debug)]
pub enum Destination {
    /// External pid.
    Process(Term),
    /// External reference (an alias).
    Alias(Term),
    Name { name: Term, node: Term },
}

/// Options of `send/3`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SendOptions {
    pub noconnect: bool,
    pub nosuspend: bool,
    /// To an alias of priority: before all other messages.
    pub priority: bool,
}

/// What became of a message for another node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    Done,
    NoConnect,
    NoSuspend,
}

/// The connections of a node.
pub trait Remote: Send + Sync {
    fn send(&self, cx: &mut Ctx, to: Destination, message: Term, options: SendOptions) -> Result<Sent, Stop>;
    /// False if there is no connection (and none is made): the sender acts on `noconnection`.
    fn signal(&self, node: &Arc<Node>, from: Who, to_node: &NodeName, to: Option<Who>, signal: Outgoing) -> bool;
    /// Does so much wait for the connection to that node that senders, like this process, wait too? `tell`: whoever monitors that hears of it.
    fn is_busy(&self, _node: &Node, _pid: Term, _to_node: &NodeName, _tell: bool) -> bool {
        false
    }
    /// A process is about to end, for this reason (asked only while `asking_afar`).
    fn ended(&self, _node: &Node, _pid: Term, _reason: &Owned) {}
}

/// Libraries of native functions.
pub trait Libraries: Send + Sync {
    /// `erlang:load_nif/2` from this version of a module.
    fn load(&self, cx: &mut Ctx, caller: &Arc<code::Loaded>, path: Term, info: Term) -> Result<Term, Stop>;
    /// The object that watches by this reference, as a term.
    fn watcher(&self, node: &Arc<Node>, reference: RefId, h: &mut Alloc) -> Option<Term>;
    /// Calls a library's function, whose code word this is, outside of any process (a tracer's). Its result if that is an atom.
    fn call_back(&self, node: &Arc<Node>, word: u64, args: &[Term]) -> Option<Term>;
    /// The node halts in good order.
    fn halting(&self, node: &Arc<Node>);
    /// A process has ended that one of their objects watches.
    fn down(&self, node: &Arc<Node>, reference: RefId, process: Who) -> bool;
}
