//! What a packet from another node does here. Everything in it is foreign: what does not fit ends the connection.

use super::connection::{Connection, answer};
use super::outgoing::request_term;
use crate::erlang::spawn::{Reply, spawn_options};
use crate::resolver::{Tables, node_id};
use dist::{Bad, Control, Packet, Receiver, unpack};
use node::hooks::Outgoing;
use node::signals::alias_owner;
use node::Node;
use process::mailbox::Extra;
use process::{ExitSignal, Message, Monitor, MonitorKind, Owned, RefId, Signal, Target, Who};
use std::sync::Arc;
use term::{Term, am, atom, reference};

/// Handles one packet.
pub(super) fn packet(c: &Connection, node: &Arc<Node>, bytes: &[u8], receiver: &mut Receiver) -> Result<(), Bad> {
    let tables = Tables(node);
    let mut env = etf::DecodeEnv::new(node_id(node), &tables);
    env.atom_limit = (node.config.limits.atoms as usize).min(env.atom_limit);
    let Some(Packet { control, token, memory, payload }) = unpack(bytes, &env, receiver)? else { return Ok(()) };
    let payload = payload.map(|(term, memory)| Owned { term, memory });
    let done = act(c, node, control, token, payload);
    drop(memory);
    done
}

/// A process or port of the node at the other end.
fn remote(c: &Connection, t: Term) -> Result<Who, Bad> {
    match Who::of(t) {
        Some(w) if w.node().is_some_and(|n| n.name == c.name) => Ok(w),
        _ => Err(Bad),
    }
}

/// The number that a monitor or request of this node has.
fn ours(t: Term) -> Option<RefId> {
    t.as_local_ref()
}

fn act(c: &Connection, node: &Arc<Node>, control: Control, token: Option<Term>, payload: Option<Owned>) -> Result<(), Bad> {
    // `unpack` has seen that there is a payload where there must be one.
    let payload = payload.unwrap_or(Owned::immediate(am::NORMAL));
    let reason = |reason: Option<Term>, payload: Owned| reason.map_or(payload, Owned::copy);
    let message = |payload: Owned, from: Option<Term>| {
        let mut message = Message::new(payload);
        if token.is_some() || node.tracing.any_receive_spec.load(std::sync::atomic::Ordering::Relaxed) {
            // Of who sends from another node, patterns of messages see the node.
            let sender = from.filter(|f| f.is_immediate()).unwrap_or(c.name);
            message.extra = Some(Box::new(Extra { token: token.map(Owned::copy), sender }));
        }
        message
    };
    let token_of_exit = || token.map(Owned::copy);
    match control {
        Control::Send { from, to } => {
            let _ = node.deliver(to, Signal::Message(message(payload, from)));
        }
        Control::SendName { from, name } => {
            if let Some(to) = node.whereis(name) {
                let _ = node.deliver(to, Signal::Message(message(payload, Some(from))));
            }
        }
        Control::SendAlias { from, alias } => {
            if let Some(id) = alias.as_local_ref()
                && let Some(owner) = alias_owner(id.1)
            {
                let _ = node.deliver(owner, Signal::AliasMessage { alias: id, message: message(payload, Some(from)) });
            }
        }
        Control::Link { from, to } => {
            let from = remote(c, from)?;
            if !to.is_local_pid() {
                return no_process(c, node, to, from);
            }
            c.state.lock().links.insert((to, from));
            node.deliver_or_answer(to, Signal::Link { from });
        }
        Control::Unlink { id, from, to } => {
            let from = remote(c, from)?;
            c.state.lock().links.remove(&(to, from));
            if to.is_local_pid() {
                node.deliver_or_answer(to, Signal::Unlink { from, id: id.unwrap_or(0) });
            }
        }
        Control::UnlinkAck { id, from, to } => {
            let from = remote(c, from)?;
            let _ = node.deliver(to, Signal::UnlinkAck { from, id });
        }
        Control::Exit { from, to, reason: r } => {
            let from = remote(c, from)?;
            c.state.lock().links.remove(&(to, from));
            let exit = ExitSignal { priority: false, alias: None, from, reason: reason(r, payload), linked: true, token: token_of_exit() };
            let _ = node.deliver(to, Signal::Exit(Box::new(exit)));
        }
        Control::Exit2 { from, to, reason: r } => {
            let from = remote(c, from)?;
            let exit = ExitSignal { priority: false, alias: None, from, reason: reason(r, payload), linked: false, token: token_of_exit() };
            let _ = node.deliver(to, Signal::Exit(Box::new(exit)));
        }
        Control::GroupLeader { leader, to } => {
            let leader = Who::of(leader).ok_or(Bad)?;
            let _ = node.deliver(to, Signal::GroupLeader { leader });
        }
        Control::Monitor { from, to, reference } => {
            let watcher = remote(c, from)?;
            let (name, found) = if to.is_atom() { (Some(to), node.whereis(to)) } else { (None, Some(to)) };
            let local = found.filter(|t| t.is_local_pid());
            let id = watched(c, node, reference, local.unwrap_or(Term::NONE), name)?;
            match local {
                Some(pid) => node.deliver_or_answer(pid, Signal::Monitor { reference: id, watcher, name }),
                None => {
                    // Nobody: told in the name of a pid that there cannot be.
                    let reason = Owned::immediate(am::NOPROC);
                    let from = Who::Local(if to.is_local_pid() { to } else { Term::pid(0, 0) });
                    node.signal_who(from, watcher, |_| Outgoing::Down { reference: id, name, reason });
                }
            }
        }
        Control::Demonitor { reference, .. } => {
            let (_, words) = reference::node_and_words(reference);
            let gone = {
                let mut s = c.state.lock();
                let id = s.their_numbers.remove(&words);
                id.and_then(|id| s.theirs.remove(&id).map(|(_, pid, _)| (id, pid)))
            };
            if let Some((reference, pid)) = gone {
                let _ = node.deliver(pid, Signal::Demonitor { reference });
            }
        }
        Control::Down { to, reference, reason: r, .. } => {
            let Some(id) = ours(reference) else { return Ok(()) };
            c.state.lock().ours.remove(&id);
            let _ = node.deliver(to, Signal::Down { reference: id, reason: reason(r, payload) });
        }
        Control::SpawnRequest { reference, from, leader, module, function, options, arity } => {
            let from = remote(c, from)?;
            if payload.term.list_length() != arity.as_u64().map(|n| n as usize) {
                return Err(Bad);
            }
            spawn(c, node, Asked { reference, from, leader, mfa: (module, function, payload.term), options }, token)?;
        }
        Control::SpawnReply { reference, to, linked, monitored, result } => {
            let Some(id) = ours(reference) else { return Ok(()) };
            spawned(c, node, id, to, (linked, monitored), result, token.map(Owned::copy))?;
        }
    }
    Ok(())
}

/// The link was to a process that this node has never had under its present name.
fn no_process(c: &Connection, node: &Arc<Node>, to: Term, from: Who) -> Result<(), Bad> {
    let mut a = term::Alloc::new();
    let there = from.term(&mut a);
    let options = etf::Options::new(node_id(node));
    let packet = dist::pack(Control::Exit { from: to, to: there, reason: None }, None, Some(am::NOPROC), &options, c.takes());
    let _ = c.push(node, packet, |_| {});
    Ok(())
}

/// A number of this node's for a monitor by another.
fn watched(c: &Connection, node: &Node, reference: Term, pid: Term, name: Option<Term>) -> Result<RefId, Bad> {
    let (owner, words) = reference::node_and_words(reference);
    if owner.is_none_or(|n| n.name != c.name) {
        return Err(Bad);
    }
    let id = (node.next_ref(), 0);
    let mut s = c.state.lock();
    if let Some(old) = s.their_numbers.insert(words.clone(), id) {
        s.theirs.remove(&old);
    }
    s.theirs.insert(id, (words, pid, name));
    Ok(id)
}

/// A process that another node wants here.
struct Asked {
    reference: Term,
    from: Who,
    leader: Term,
    /// Module, function and the list of arguments.
    mfa: (Term, Term, Term),
    options: Term,
}

/// Another node wants a process here.
fn spawn(c: &Connection, node: &Arc<Node>, asked: Asked, token: Option<Term>) -> Result<(), Bad> {
    let Asked { reference, from, leader, mfa, options: list } = asked;
    let (mut linked, mut monitored) = (false, false);
    let mut reply = Reply::default();
    let mut made = None;
    let mut a = term::Alloc::new();
    let to = from.term(&mut a);
    let result = match spawn_options(node, list, Some(&mut reply)) {
        None => atom!("badopt"),
        Some(mut o) => {
            let (link, monitor) = (std::mem::take(&mut o.link), o.monitor.take());
            o.group_leader = Some(leader);
            match node.make_process(None, o, mfa.0, mfa.1, mfa.2) {
                Err(_) => am::SYSTEM_LIMIT,
                Ok((process, spawned)) => {
                    let pid = spawned.pid;
                    if link {
                        c.state.lock().links.insert((pid, from));
                        let _ = node.deliver(pid, Signal::Link { from });
                        linked = true;
                    }
                    if monitor.is_some() {
                        let id = watched(c, node, reference, pid, None)?;
                        let _ = node.deliver(pid, Signal::Monitor { reference: id, watcher: from, name: None });
                        monitored = true;
                    }
                    made = Some(process);
                    pid
                }
            }
        }
    };
    // The other side wants to know in any case: its own tables depend on it.
    let control = Control::SpawnReply { reference, to, linked, monitored, result };
    let token = token.and_then(|t| t.as_tuple_n::<5>()).map(|token| {
        let arity = Term::small(mfa.2.list_length().unwrap_or(0) as i64);
        let message = request_term(&mut a, reference, (to, leader), (mfa.0, mfa.1, arity), list);
        let request = node::seq::Request { message, args: mfa.2, token };
        let (by, kind) = if result.is_atom() { (node_id(node).name, am::ERROR) } else { (result, am::OK) };
        let answer = a.tuple(&[atom!("spawn_reply"), reference, kind, result]);
        let reply = request.answered(node, by, to, answer);
        if !result.is_atom() {
            request.begins(node, result);
        }
        a.tuple(&reply)
    });
    let packet = dist::pack(control, token, None, &etf::Options::new(node_id(node)), c.takes());
    let _ = c.push(node, packet, |_| {});
    if let Some(process) = made {
        node.enqueue(process);
    }
    Ok(())
}

/// The answer to a request of a process here.
fn spawned(
    c: &Connection,
    node: &Arc<Node>,
    id: RefId,
    to: Term,
    (linked, monitored): (bool, bool),
    result: Term,
    token: Option<Owned>,
) -> Result<(), Bad> {
    let Some(spawn) = c.state.lock().spawns.remove(&id) else { return Ok(()) };
    if result.is_atom() {
        spawn.refused(node, id, result, token);
        return Ok(());
    }
    let child = remote(c, result)?;
    let Some(there) = child.node() else { return Err(Bad) };
    if to != spawn.parent {
        return Err(Bad);
    }
    let asking = spawn.link.filter(|_| linked);
    let link = asking.is_some();
    let monitor = spawn.monitor.filter(|_| monitored);
    if spawn.abandoned {
        if link {
            c.state.lock().links.remove(&(to, child));
            let reason = Owned::immediate(atom!("abandoned"));
            node.signal_who(Who::Local(to), child, |_| Outgoing::Exit { reason, linked: true, token: None });
        }
        if monitor.is_some() {
            node.signal_who(Who::Local(to), child, |_| Outgoing::Demonitor { reference: id, name: None });
        }
        return Ok(());
    }
    {
        let mut s = c.state.lock();
        if link {
            s.links.insert((to, child));
        }
        if monitor.is_some() {
            s.ours.insert(id, (to, None));
        }
    }
    let has_monitor = monitor.is_some();
    node.request(to, move |node, target| match target {
        Some((_, pid, p)) => {
            if link {
                p.links.insert(child, 0);
                if p.trace.is_some() {
                    node.trace_who(pid, p, am::LINK, child);
                }
            }
            if let Some((tag, alias)) = monitor {
                p.monitors.insert(id, Monitor { target: Target::Who(child), kind: MonitorKind::Process, tag, alias });
            }
        }
        None => {
            if link {
                let reason = asking.as_ref().and_then(|a| a.reason()).unwrap_or(Owned::immediate(am::NOPROC));
                node.signal_who(Who::Local(to), child, |_| Outgoing::Exit { reason, linked: true, token: None });
            }
            if has_monitor {
                node.signal_who(Who::Local(to), child, |_| Outgoing::Demonitor { reference: id, name: None });
            }
        }
    });
    if spawn.on_success {
        let Who::Pid(_, number, serial) = child else { return Err(Bad) };
        answer(node, to, spawn.tag, id, am::OK, token, |a| a.ext_pid(there, number, serial));
    }
    Ok(())
}
