//! Signals for other nodes: each becomes a packet, and the connection notes what it ties.

use super::connection::{Spawn, State};
use super::{Connection, Connections, Phase};
use crate::resolver::node_id;
use dist::Control;
use node::hooks::{Destination, Outgoing, Remote, SendOptions, Sent};
use node::{Ctx, Node, Stop};
use process::{ExitSignal, Owned, Signal, Who};
use std::sync::Arc;
use term::node_name::{NodeName, intern};
use term::{Alloc, Term, am};

/// The node's way to its connections.
pub(crate) struct Door {
    pub here: Arc<Connections>,
}

/// How terms are written for other nodes.
fn options(node: &Node, maker: Term) -> etf::Options {
    let mut options = etf::Options::new(node_id(node));
    if node.code.release < 27 && maker.is_local_pid() {
        options.fun_pid = maker;
    }
    options
}

fn send(cx: &mut Ctx, connection: &Connection, control: Control, to: Term, message: Term, flags: SendOptions) -> Result<Sent, Stop> {
    let node = cx.node.clone();
    if flags.noconnect && connection.phase() == Phase::Idle {
        return Ok(Sent::NoConnect);
    }
    if !connection.want(&node) {
        return Ok(Sent::Done);
    }
    if flags.nosuspend && !is_asynchronous(cx) && connection.is_busy(&node, cx.pid, false) {
        return Ok(Sent::NoSuspend);
    }
    wait(cx, connection)?;
    let token = node::seq::hand_on(cx, to, message);
    let packet = dist::pack(control, token.as_ref().map(|t| t.term), Some(message), &options(&node, cx.pid), connection.takes());
    cx.charge(1 + packet.size() / 64);
    let _ = connection.push(&node, packet, |_| {});
    Ok(Sent::Done)
}

fn is_asynchronous(cx: &Ctx) -> bool {
    cx.p.rare.as_ref().is_some_and(|r| r.async_dist)
}

/// The caller waits while too much waits to go out.
fn wait(cx: &mut Ctx, connection: &Connection) -> Result<(), Stop> {
    let node = cx.node.clone();
    if !is_asynchronous(cx) && connection.is_busy(&node, cx.pid, true) {
        if !std::mem::replace(&mut cx.p.port_busy, true) {
            node.watch_busy(cx.pid, connection.peer().map_or(Term::NONE, |p| p.controller), true);
        }
        return Err(Stop::Wait);
    }
    cx.p.port_busy = false;
    Ok(())
}

/// The caller waits while too much waits to go out to this process's node.
pub fn wait_while_busy(cx: &mut Ctx, to: Who) -> Result<(), Stop> {
    match to.node().and_then(|n| super::of(cx.node).find(n.name)) {
        Some(connection) => wait(cx, &connection),
        None => Ok(()),
    }
}

impl Remote for Door {
    fn ended(&self, node: &Node, pid: Term, reason: &Owned) {
        super::of(node).parents.ended(pid, reason);
    }
    fn send(&self, cx: &mut Ctx, to: Destination, message: Term, flags: SendOptions) -> Result<Sent, Stop> {
        let from = cx.pid;
        let (name, control, shown) = match to {
            Destination::Process(pid) => {
                let Some((n, ..)) = pid.as_ext_pid() else { return Ok(Sent::Done) };
                (n.name, Control::Send { from: Some(from), to: pid }, pid)
            }
            Destination::Alias(alias) => {
                let Some((n, _)) = alias.as_ext_ref() else { return Ok(Sent::Done) };
                (n.name, Control::SendAlias { from, alias }, alias)
            }
            Destination::Name { name, node } => (node, Control::SendName { from, name }, cx.h().tuple(&[name, node])),
        };
        // What is left of an earlier life of this node.
        if cx.node.is_own_name(name) {
            return Ok(Sent::Done);
        }
        let connection = self.here.get(name);
        send(cx, &connection, control, shown, message, flags)
    }

    fn is_busy(&self, node: &Node, pid: Term, to_node: &NodeName, tell: bool) -> bool {
        let Some(connection) = self.here.find(to_node.name).filter(|c| c.is_busy(node, pid, false)) else { return false };
        if tell {
            node.watch_busy(pid, connection.peer().map_or(Term::NONE, |p| p.controller), true);
        }
        true
    }

    fn signal(&self, node: &Arc<Node>, from: Who, to_node: &NodeName, to: Option<Who>, signal: Outgoing) -> bool {
        let Some(me) = from.local() else { return false };
        if node.is_own_name(to_node.name) {
            refuse(node, me, to, signal);
            return true;
        }
        let connection = self.here.get(to_node.name);
        // What ends something needs no connection: without one nothing is tied.
        let connects = match &signal {
            Outgoing::Link | Outgoing::Monitor { .. } | Outgoing::GroupLeader { .. } => true,
            Outgoing::Exit { linked, .. } => !linked,
            Outgoing::Unlink { .. } | Outgoing::UnlinkAck { .. } | Outgoing::Demonitor { .. } | Outgoing::Down { .. } => false,
        };
        if connects {
            // Who cannot be reached even later is told so below.
            connection.want(node);
        }
        let mut a = Alloc::new();
        let target = to.map(|t| t.term(&mut a));
        // Only a monitor by name has no pid as its target.
        let process = target.unwrap_or(Term::NONE);
        let options = options(node, me);
        let takes = connection.takes();
        let pack = |control, payload, options: &etf::Options| dist::pack(control, None, payload, options, takes);
        let unreachable = match signal {
            Outgoing::Link => {
                let packet = pack(Control::Link { from: me, to: process }, None, &options);
                let Some(to) = to else { return true };
                connection.push(node, packet, |s| tie(s.links.insert((me, to)))).err().map(|_| {
                    let reason = Owned::immediate(am::NOCONNECTION);
                    (me, Signal::Exit(Box::new(ExitSignal { priority: false, alias: None, from: to, reason, linked: true, token: None })))
                })
            }
            Outgoing::Unlink { id } => {
                let packet = pack(Control::Unlink { id: Some(id), from: me, to: process }, None, &options);
                let Some(to) = to else { return true };
                connection.push(node, packet, |s| tie(s.links.remove(&(me, to)))).err().map(|_| (me, Signal::UnlinkAck { from: to, id }))
            }
            Outgoing::UnlinkAck { id } => {
                if id > 0 {
                    let packet = pack(Control::UnlinkAck { id, from: me, to: process }, None, &options);
                    let _ = connection.push(node, packet, |_| {});
                }
                None
            }
            Outgoing::Exit { reason, linked: true, token } => {
                let control = Control::Exit { from: me, to: process, reason: None };
                let packet = dist::pack(control, token.as_ref().map(|t| t.term), Some(reason.term), &options, takes);
                let Some(to) = to else { return true };
                let _ = connection.push(node, packet, |s| tie(s.links.remove(&(me, to))));
                None
            }
            Outgoing::Exit { reason, linked: false, .. } => {
                let packet = pack(Control::Exit2 { from: me, to: process, reason: None }, Some(reason.term), &options);
                let _ = connection.push(node, packet, |_| {});
                None
            }
            Outgoing::Monitor { reference, name } => {
                let r = a.reference(reference.0, reference.1);
                let to_name = target.is_none();
                let to = target.or(name).unwrap_or(am::UNDEFINED);
                let packet = takes.monitors.then(|| pack(Control::Monitor { from: me, to, reference: r }, None, &options));
                let note = |s: &mut State| tie(s.ours.insert(reference, (me, name.filter(|_| to_name))));
                packet.map_or_else(|| connection.note(note), |p| connection.push(node, p, note)).err().map(|_| {
                    (me, Signal::Down { reference, reason: Owned::immediate(am::NOCONNECTION) })
                })
            }
            Outgoing::Demonitor { reference, name } => {
                let r = a.reference(reference.0, reference.1);
                let to = target.or(name).unwrap_or(am::UNDEFINED);
                let packet = takes.monitors.then(|| pack(Control::Demonitor { from: me, to, reference: r }, None, &options));
                let note = |s: &mut State| tie(s.ours.remove(&reference));
                let _ = packet.map_or_else(|| connection.note(note), |p| connection.push(node, p, note));
                None
            }
            Outgoing::Down { reference, name, reason } => {
                let words = {
                    let mut s = connection.state.lock();
                    let words = s.theirs.remove(&reference).map(|t| t.0);
                    if let Some(w) = &words {
                        s.their_numbers.remove(w);
                    }
                    words
                };
                if let Some(words) = words {
                    let r = a.ext_ref(intern(to_node.name, to_node.creation), &words);
                    let from = name.unwrap_or(me);
                    let packet = pack(Control::Down { from, to: process, reference: r, reason: None }, Some(reason.term), &options);
                    let _ = connection.push(node, packet, |_| {});
                }
                None
            }
            Outgoing::GroupLeader { leader } => {
                let leader = leader.term(&mut a);
                let packet = pack(Control::GroupLeader { leader, to: process }, None, &options);
                let _ = connection.push(node, packet, |_| {});
                None
            }
        };
        if let Some((to, signal)) = unreachable {
            let _ = node.deliver(to, signal);
        }
        true
    }
}

/// Whether it was there before does not matter.
fn tie<T>(_: T) {}

/// The target lived when this node had another creation.
fn refuse(node: &Arc<Node>, me: Term, to: Option<Who>, signal: Outgoing) {
    let reason = Owned::immediate(am::NOPROC);
    let answer = match (signal, to) {
        (Outgoing::Link, Some(to)) => Signal::Exit(Box::new(ExitSignal { priority: false, alias: None, from: to, reason, linked: true, token: None })),
        (Outgoing::Unlink { id }, Some(to)) => Signal::UnlinkAck { from: to, id },
        (Outgoing::Monitor { reference, .. }, _) => Signal::Down { reference, reason },
        _ => return,
    };
    let _ = node.deliver(me, answer);
}

/// How tracers see a request for a process: `{spawn_request, Reference, From, GroupLeader, {M, F, Arity}, Options}`.
pub(super) fn request_term(a: &mut Alloc, reference: Term, (from, leader): (Term, Term), (m, f, arity): (Term, Term, Term), list: Term) -> Term {
    let mfa = a.tuple(&[m, f, arity]);
    a.tuple(&[term::atom!("spawn_request"), reference, from, leader, mfa, list])
}

/// Asks for a process on another node. False if that node cannot be reached at all.
pub(crate) fn spawn_request(cx: &mut Ctx, connection: &Connection, id: process::RefId, mfa: (Term, Term, Term), list: Term, spawn: Spawn) -> bool {
    let node = cx.node.clone();
    if !connection.want(&node) {
        spawn.failed(&node, id, am::NOCONNECTION);
        return false;
    }
    let understood = {
        let s = connection.state.lock();
        s.phase != super::Phase::Up || s.flags & dist::flags::SPAWN != 0
    };
    if !understood {
        spawn.failed(&node, id, term::atom!("notsup"));
        return false;
    }
    let mut a = Alloc::new();
    let reference = a.reference(id.0, id.1);
    let arity = Term::small(mfa.2.list_length().unwrap_or(0) as i64);
    let (from, leader) = (cx.pid, cx.p.group_leader);
    let control = Control::SpawnRequest { reference, from, leader, module: mfa.0, function: mfa.1, arity, options: list };
    let token = if node::seq::is_on(cx.p) {
        let message = request_term(&mut a, reference, (from, leader), (mfa.0, mfa.1, arity), list);
        node::seq::hand_on(cx, connection.name, message);
        node::seq::hand_on(cx, connection.name, mfa.2)
    } else {
        None
    };
    let packet = dist::pack(control, token.as_ref().map(|t| t.term), Some(mfa.2), &options(&node, cx.pid), connection.takes());
    cx.charge(10 + packet.size() / 64);
    let mut spawn = Some(spawn);
    let sent = connection.push(&node, packet, |s| {
        if let Some(spawn) = spawn.take() {
            s.spawns.insert(id, spawn);
        }
    });
    if let Some(spawn) = spawn {
        spawn.failed(&node, id, am::NOCONNECTION);
    }
    sent.is_ok()
}
