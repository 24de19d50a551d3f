//! Links, monitors, aliases, exit signals.

use super::options::options;
use crate::result::Res;
use node::signals::{alias_owner, copy_out};
use node::{Ctx, Effect, Native, Stop};
use process::{AliasKind, MonitorKind, NativeState, RefId, Signal, Target, Who};
use std::any::Any;
use term::{Term, am, atom};

/// A process or port; `badarg` for anything else. Pids of this node that came from outside are local ones.
fn who(cx: &mut Ctx, t: Term) -> Result<Who, Stop> {
    match Who::of(t) {
        Some(Who::Pid(node, number, serial)) if cx.node.is_own_creation(Some(node)) => Ok(Who::Local(Term::pid(number, serial))),
        Some(w) => Ok(w),
        None => Err(cx.badarg()),
    }
}

/// Is there no such process, or port, of this node?
fn is_gone(cx: &Ctx, t: Term) -> bool {
    if t.is_local_pid() {
        return !cx.node.is_alive(t);
    }
    t.is_local_port() && !cx.node.ports.get().is_some_and(|p| p.exists(cx.node, t))
}

fn link_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let other = who(cx, a[0])?;
    cx.charge(4);
    // Who traps exits is told by a signal.
    if !cx.p.trap_exit && a[0] != cx.pid && (a[0].is_local_port() || !cx.p.links.contains_key(&other)) && is_gone(cx, a[0]) {
        return Err(cx.error(am::NOPROC));
    }
    if other.local().is_none() {
        crate::dist::wait_while_busy(cx, other)?;
    }
    cx.node.clone().link(cx.pid, cx.p, other);
    if let Some(u) = &mut cx.p.urgent {
        u.links.remove(&other);
    }
    Ok(am::TRUE)
}

/// Is there `priority` in a list of nothing else?
fn priority_option(cx: &mut Ctx, list: Term) -> Result<bool, Stop> {
    match options(list) {
        Some(o) if o.iter().all(|&o| o == am::PRIORITY) => Ok(!o.is_empty()),
        _ => Err(cx.badarg_cause(atom!("badopt"))),
    }
}

fn link_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let priority = priority_option(cx, a[1])?;
    let done = link_1(cx, a)?;
    // The last call for a link decides.
    if let (true, Some(other)) = (priority, Who::of(a[0]).filter(|w| cx.p.links.contains_key(w))) {
        cx.p.urgent.get_or_insert_default().links.insert(other);
    }
    Ok(done)
}

fn unlink_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let other = who(cx, a[0])?;
    cx.charge(4);
    cx.node.clone().unlink(cx.pid, cx.p, other);
    Ok(am::TRUE)
}

/// Marks that a function has let the machine handle the caller's signals, and runs again.
pub struct Handled;

/// True if this is the second time.
pub fn handled(cx: &mut Ctx) -> bool {
    cx.p.native_state.as_mut().is_some_and(|s| s.as_any().is::<Handled>())
}

impl NativeState for Handled {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

fn exit_2(cx: &mut Ctx, a: &[Term]) -> Res {
    exit_with(cx, a, false)
}

fn exit_with(cx: &mut Ctx, a: &[Term], priority: bool) -> Res {
    if a[0] == cx.pid && handled(cx) {
        cx.p.native_state = None;
        return Ok(am::TRUE);
    }
    let to = match a[0].as_local_ref() {
        Some(id) if cx.node.code.release >= 28 => {
            // By an alias: only while it is active, which only its owner knows.
            let reason = copy_out(a[1]);
            let from = cx.pid;
            if let Some(owner) = alias_owner(id.1) {
                let exit = process::ExitSignal { priority, alias: Some(id), from: Who::Local(from), reason, linked: false, token: None };
                let _ = cx.node.deliver(owner, Signal::Exit(Box::new(exit)));
            }
            return Ok(am::TRUE);
        }
        _ => who(cx, a[0])?,
    };
    // Reasons may be as large as messages are.
    if to.local().is_none() {
        crate::dist::wait_while_busy(cx, to)?;
    }
    cx.charge(4);
    cx.node.exit_signal(cx.pid, to, copy_out(a[1]));
    if a[0] == cx.pid {
        cx.p.native_state = Some(Box::new(Handled));
        return Err(Stop::Wait);
    }
    Ok(am::TRUE)
}

fn exit_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let priority = priority_option(cx, a[2])?;
    exit_with(cx, a, priority)
}

/// The `tag` and `alias` of a monitor's options; `None` if one is wrong.
pub fn monitor_options(list: Term) -> Option<(Term, Option<AliasKind>)> {
    let (mut tag, mut alias) = (am::DOWN, None);
    for option in options(list)? {
        if option == am::PRIORITY {
            continue;
        }
        let &[key, value] = option.as_tuple_n::<2>()?;
        match key {
            am::TAG => tag = value,
            am::ALIAS => {
                alias = Some(match value {
                    v if v == atom!("explicit_unalias") => AliasKind::ExplicitUnalias,
                    v if v == atom!("demonitor") => AliasKind::Demonitor,
                    v if v == atom!("reply_demonitor") => AliasKind::ReplyDemonitor,
                    _ => return None,
                });
            }
            _ => return None,
        }
    }
    Some((tag, alias))
}

fn monitor_2(cx: &mut Ctx, a: &[Term]) -> Res {
    monitor(cx, a[0], a[1], am::DOWN, None)
}

fn monitor_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some((tag, alias)) = monitor_options(a[2]) else { return Err(cx.badarg_cause(atom!("badopt"))) };
    let tag = if a[0] == am::TIME_OFFSET && tag == am::DOWN { atom!("CHANGE") } else { tag };
    let reference = monitor(cx, a[0], a[1], tag, alias)?;
    if let (true, Some(id)) = (options(a[2]).is_some_and(|o| o.contains(&am::PRIORITY)), reference.as_local_ref()) {
        let u = cx.p.urgent.get_or_insert_default();
        u.monitors.insert(id);
        if alias.is_some() {
            u.aliases.insert(id);
        }
    }
    Ok(reference)
}

fn monitor(cx: &mut Ctx, kind: Term, item: Term, tag: Term, alias: Option<AliasKind>) -> Res {
    let node = cx.node.clone();
    let (kind, target) = match kind {
        am::PROCESS | am::PORT => {
            let is_port = kind == am::PORT;
            let monitor_kind = if is_port { MonitorKind::Port } else { MonitorKind::Process };
            // What has the name, if it is of the right sort.
            let named = |name: Term| node.whereis(name).filter(|w| w.is_local_port() == is_port).map(Who::Local);
            let target = if item.is_atom() {
                Target::Name { name: item, node: node.name(), who: named(item) }
            } else if let Some(&[name, on]) = item.as_tuple_n::<2>()
                && name.is_atom()
                && on.is_atom()
            {
                if node.is_own_name(on) {
                    Target::Name { name, node: on, who: named(name) }
                } else if is_port || node.name() == am::NONODE && !crate::dist::gets_name(&node) {
                    return Err(cx.badarg());
                } else {
                    Target::Name { name, node: on, who: None }
                }
            } else {
                let w = who(cx, item)?;
                let old = w.node().is_some_and(|n| node.is_own_name(n.name));
                if w.is_port() != is_port || (is_port && w.local().is_none() && !old) {
                    return Err(cx.badarg());
                }
                Target::Who(w)
            };
            (monitor_kind, target)
        }
        am::TIME_OFFSET => {
            if item != atom!("clock_service") {
                return Err(cx.badarg());
            }
            (MonitorKind::TimeOffset, Target::Clock)
        }
        _ => return Err(cx.badarg_cause(atom!("badtype"))),
    };
    cx.charge(4);
    let alias_of = if alias.is_some() { cx.pid.raw() } else { 0 };
    let reference: RefId = (node.next_ref(), alias_of);
    node.monitor(cx.pid, cx.p, reference, target, kind, copy_out(tag), alias);
    Ok(cx.h().reference(reference.0, reference.1))
}

fn monitor_node_2(cx: &mut Ctx, a: &[Term]) -> Res {
    monitor_node(cx, a[0], a[1], Term::NIL)
}

fn monitor_node_3(cx: &mut Ctx, a: &[Term]) -> Res {
    match options(a[2]) {
        Some(o) if o.iter().all(|&o| o == atom!("allow_passive_connect")) => monitor_node(cx, a[0], a[1], a[2]),
        _ => Err(cx.badarg_cause(atom!("badopt"))),
    }
}

/// A node that has no name of its own knows no others; one that has asks its connections, which Erlang code makes.
fn monitor_node(cx: &mut Ctx, name: Term, on: Term, options: Term) -> Res {
    // A node that is not alive says so before it looks at the flag.
    let alive = cx.node.name() != am::NONODE;
    if !name.is_atom() || (alive && on.as_bool().is_none()) {
        return Err(cx.badarg());
    }
    if cx.node.is_own_name(name) {
        return Ok(am::TRUE);
    }
    if cx.node.name() == am::NONODE {
        if !crate::dist::gets_name(cx.node) {
            return Err(cx.error(atom!("notalive")));
        }
        // It has no connections as long as it has no name.
        if on == am::TRUE {
            cx.node.send_message(cx.pid, process::Owned::build(|a| a.tuple(&[atom!("nodedown"), name])));
        }
        return Ok(am::TRUE);
    }
    let passive = !options.is_nil();
    if on == am::TRUE && passive && !crate::dist::is_connecting(cx.node, name) {
        return Err(cx.trap(am::ERLANG, atom!("dmonitor_node"), &[name, on, options]));
    }
    crate::dist::monitor_node(cx, name, on == am::TRUE);
    Ok(am::TRUE)
}

fn demonitor_1(cx: &mut Ctx, a: &[Term]) -> Res {
    demonitor(cx, a[0], false, false)
}

fn demonitor_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (mut flush, mut info) = (false, false);
    let Some(list) = options(a[1]) else { return Err(cx.badarg()) };
    for option in list {
        match option {
            am::FLUSH => flush = true,
            am::INFO => info = true,
            _ => return Err(cx.badarg()),
        }
    }
    demonitor(cx, a[0], flush, info)
}

fn demonitor(cx: &mut Ctx, reference: Term, flush: bool, info: bool) -> Res {
    cx.charge(2);
    // A clock's monitor has not ended when a message has come.
    let clock = reference.as_local_ref().and_then(|id| cx.p.monitors.get(&id)).is_some_and(|m| m.kind == MonitorKind::TimeOffset);
    let found = match reference.as_local_ref() {
        Some(id) => cx.node.clone().demonitor(cx.pid, cx.p, id),
        // Not even a reference of another node has ever been given to this process as a monitor.
        None => return Err(cx.badarg()),
    };
    let mut flushed = false;
    if flush && (!found || clock) {
        // A down message is in the mailbox, or on its way as a signal that no longer finds its monitor.
        let id = reference.as_local_ref();
        let is_down = |t: Term| t.as_tuple_n::<5>().is_some_and(|e| e[1].is_ref() && e[1].as_local_ref() == id);
        flushed = cx.p.mailbox.remove_first(is_down).is_some();
    }
    Ok(if info { Term::bool(if flush { !flushed } else { found }) } else { am::TRUE })
}

fn alias_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(list) = options(a[0]) else { return Err(cx.badarg()) };
    let (mut kind, mut priority) = (AliasKind::ExplicitUnalias, false);
    for option in list {
        match option {
            o if o == atom!("explicit_unalias") => kind = AliasKind::ExplicitUnalias,
            o if o == atom!("reply") => kind = AliasKind::Reply,
            o if o == am::PRIORITY && cx.node.code.release >= 28 => priority = true,
            _ => return Err(cx.badarg()),
        }
    }
    let id = (cx.node.next_ref(), cx.pid.raw());
    cx.p.aliases.insert(id, kind);
    if priority {
        cx.p.urgent.get_or_insert_default().aliases.insert(id);
    }
    Ok(cx.h().reference(id.0, id.1))
}

fn unalias_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_local_ref() {
        Some(id) => {
            let was = cx.p.aliases.remove(&id).is_some();
            if let Some(u) = &mut cx.p.urgent {
                u.aliases.remove(&id);
            }
            if let Some(m) = cx.p.monitors.get_mut(&id) {
                m.alias = None;
            }
            Ok(Term::bool(was))
        }
        None if a[0].is_ref() => Ok(am::FALSE),
        None => Err(cx.badarg()),
    }
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "link", 1, link_1).effect(Effect::Process),
    Native::new("erlang", "link", 2, link_2).effect(Effect::Process),
    Native::new("erlang", "unlink", 1, unlink_1).effect(Effect::Process),
    Native::new("erlang", "exit", 2, exit_2).effect(Effect::Process),
    Native::new("erlang", "exit", 3, exit_3).effect(Effect::Process),
    Native::new("erlang", "exit_signal", 2, exit_2).effect(Effect::Process),
    Native::new("erlang", "exit_signal", 3, exit_3).effect(Effect::Process),
    Native::new("erlang", "monitor", 2, monitor_2).effect(Effect::Process),
    Native::new("erlang", "monitor", 3, monitor_3).effect(Effect::Process),
    Native::new("erlang", "monitor_node", 2, monitor_node_2).effect(Effect::Network),
    Native::new("erlang", "monitor_node", 3, monitor_node_3).effect(Effect::Network),
    Native::new("erlang", "demonitor", 1, demonitor_1).effect(Effect::Process),
    Native::new("erlang", "demonitor", 2, demonitor_2).effect(Effect::Process),
    Native::new("erlang", "alias", 1, alias_1).effect(Effect::Process),
    Native::new("erlang", "unalias", 1, unalias_1).effect(Effect::Process),
];
