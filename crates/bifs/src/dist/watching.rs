//! Who is told of connections that come and go: `monitor_node`, and `net_kernel:monitor_nodes` as a process flag.

use super::{Phase, of};
use base::hash::Map;
use node::{Ctx, Node};
use process::Owned;
use std::sync::Arc;
use term::{Term, am, atom, map};

/// A process that has asked to be told of all nodes.
pub(crate) struct Watcher {
    pid: Term,
    /// As it was given: a list, or a map.
    options: Owned,
    wants: Wants,
    count: u32,
}

#[derive(Clone, Copy, Default)]
struct Wants {
    visible: bool,
    hidden: bool,
    /// Messages have three elements.
    info: bool,
    as_map: bool,
    node_type: bool,
    reason: bool,
    connection_id: bool,
}

fn wants(options: Term) -> Wants {
    let mut w = Wants { visible: true, ..Wants::default() };
    let mut option = |key: Term, value: Term| match atom::as_text(key) {
        Some("node_type") => {
            (w.node_type, w.info) = (true, true);
            match atom::as_text(value) {
                Some("hidden") => (w.visible, w.hidden) = (false, true),
                Some("all") => w.hidden = true,
                _ => {}
            }
        }
        Some("nodedown_reason") => (w.reason, w.info) = (value != am::FALSE, true),
        Some("connection_id") => (w.connection_id, w.info) = (value != am::FALSE, true),
        _ => {}
    };
    if options.is_map() {
        map::Iter::new(options).for_each(|(k, v)| option(k, v));
        (w.info, w.as_map) = (true, true);
        return w;
    }
    for o in options.iter() {
        match o.as_tuple_n::<2>() {
            Some(&[k, v]) => option(k, v),
            None => option(o, am::TRUE),
        }
    }
    w
}

/// `process_flag(monitor_nodes, _)`: once more, or not any more.
pub fn watch_nodes(cx: &mut Ctx, options: Term, on: bool) {
    let here = of(cx.node);
    let mut all = here.watchers.lock();
    let at = all.iter().position(|w| w.pid == cx.pid && term::cmp::eq_exact(w.options.term, options));
    match (at, on) {
        (Some(i), true) => all[i].count += 1,
        (None, true) => all.push(Watcher { pid: cx.pid, options: Owned::copy(options), wants: wants(options), count: 1 }),
        (Some(i), false) => drop(all.remove(i)),
        (None, false) => {}
    }
}

fn tell(node: &Arc<Node>, what: Term, name: Term, kind: Term, number: u64, reason: Option<Term>) {
    let mut messages = Vec::new();
    {
        let here = of(node);
        let mut all = here.watchers.lock();
        all.retain(|w| node.is_alive(w.pid));
        let hidden = kind == atom!("hidden");
        for w in all.iter().filter(|w| if hidden { w.wants.hidden } else { w.wants.visible }) {
            for _ in 0..w.count {
                messages.push((w.pid, message(w.wants, what, name, if hidden { kind } else { atom!("visible") }, number, reason)));
            }
        }
    }
    for (pid, message) in messages {
        node.send_message(pid, message);
    }
}

fn message(w: Wants, what: Term, name: Term, kind: Term, number: u64, reason: Option<Term>) -> Owned {
    Owned::build(|a| {
        if !w.info {
            return a.tuple(&[what, name]);
        }
        let mut pairs = Vec::new();
        if w.node_type {
            pairs.push((atom!("node_type"), kind));
        }
        if w.connection_id {
            let n = a.uint(number);
            pairs.push((atom!("connection_id"), n));
        }
        if let (true, Some(reason)) = (w.reason, reason) {
            pairs.push((atom!("nodedown_reason"), reason));
        }
        let info = if w.as_map {
            map::from_pairs(a, &pairs)
        } else {
            let list: Vec<Term> = pairs.iter().map(|&(k, v)| a.tuple(&[k, v])).collect();
            a.list(&list)
        };
        a.tuple(&[what, name, info])
    })
}

pub(crate) fn tell_node_up(node: &Arc<Node>, name: Term, kind: Term, number: u64) {
    tell(node, atom!("nodeup"), name, kind, number, None);
}

pub(crate) fn tell_node_down(node: &Arc<Node>, name: Term, kind: Term, number: u64, reason: Term) {
    tell(node, atom!("nodedown"), name, kind, number, Some(reason));
}

/// `monitor_node`: once more, or once less. A connection is made if there is none.
pub fn monitor_node(cx: &mut Ctx, name: Term, on: bool) {
    let node = cx.node.clone();
    let here = of(&node);
    {
        let mut monitors: base::sync::MutexGuard<'_, Map<Term, Vec<(Term, u32)>>> = here.node_monitors.lock();
        let list = monitors.entry(name).or_default();
        let at = list.iter().position(|m| m.0 == cx.pid);
        match (at, on) {
            (Some(i), true) => list[i].1 += 1,
            (None, true) => list.push((cx.pid, 1)),
            (Some(i), false) if list[i].1 > 1 => list[i].1 -= 1,
            (Some(i), false) => drop(list.swap_remove(i)),
            (None, false) => {}
        }
        if list.is_empty() {
            monitors.remove(&name);
        }
    }
    if on {
        let connection = here.get(name);
        // One that ends in between tells the monitors itself.
        if !connection.want(&node) && connection.phase() == Phase::Idle {
            tell_monitors(&node, name);
        }
    }
}

/// Whoever monitors the node is told that it is down, once for each monitor.
pub(crate) fn tell_monitors(node: &Arc<Node>, name: Term) {
    let Some(list) = of(node).node_monitors.lock().remove(&name) else { return };
    for (pid, count) in list {
        for _ in 0..count {
            node.send_message(pid, Owned::build(|a| a.tuple(&[atom!("nodedown"), name])));
        }
    }
}
