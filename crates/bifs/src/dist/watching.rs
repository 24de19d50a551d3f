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
    wants: Wants,
    count: u32,
}

/// What `process_flag({monitor_nodes, Options}, _)` asks for. Options that ask for the same are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    form: Form,
    types: Types,
    reason: bool,
    connection_id: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A list; without anything in it messages have two elements.
    List,
    Map,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    /// Visible ones; their type is not told.
    Unsaid,
    Visible,
    Hidden,
    All,
}

impl Wants {
    /// The options: none, or a map; `list` in it stands for a list. `None` if something in them is wrong.
    pub fn parse(options: Term) -> Option<Wants> {
        let mut w = Wants { form: Form::Map, types: Types::Unsaid, reason: false, connection_id: false };
        if options == Term::NIL {
            w.form = Form::List;
            return Some(w);
        }
        if !options.is_map() {
            return None;
        }
        for (key, value) in map::Iter::new(options) {
            match atom::as_text(key)? {
                "list" if value == am::TRUE => w.form = Form::List,
                "connection_id" => w.connection_id = value.as_bool()?,
                "nodedown_reason" => w.reason = value.as_bool()?,
                "node_type" => {
                    w.types = match atom::as_text(value)? {
                        "visible" => Types::Visible,
                        "hidden" => Types::Hidden,
                        "all" => Types::All,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
        Some(w)
    }
    /// A number for each of them.
    pub fn key(self) -> u32 {
        u32::from(self.form == Form::Map) | u32::from(self.reason) << 1 | u32::from(self.connection_id) << 2 | (self.types as u32) << 3
    }
    fn hears_of(self, hidden: bool) -> bool {
        match self.types {
            Types::Unsaid | Types::Visible => !hidden,
            Types::Hidden => hidden,
            Types::All => true,
        }
    }
    fn message(self, what: Term, name: Term, kind: Term, number: u64, reason: Option<Term>) -> Owned {
        Owned::build(|a| {
            let plain = Wants { form: Form::List, types: Types::Unsaid, reason: false, connection_id: false };
            if self == plain {
                return a.tuple(&[what, name]);
            }
            let mut pairs = Vec::new();
            if self.connection_id {
                let n = a.uint(number);
                pairs.push((atom!("connection_id"), n));
            }
            if let (true, Some(reason)) = (self.reason, reason) {
                let reason = term::copy::copy(reason, a, term::copy::LiteralRange::NONE);
                pairs.push((atom!("nodedown_reason"), reason));
            }
            if self.types != Types::Unsaid {
                pairs.push((atom!("node_type"), kind));
            }
            let info = if self.form == Form::Map {
                map::from_pairs(a, &pairs)
            } else {
                let list: Vec<Term> = pairs.iter().map(|&(k, v)| a.tuple(&[k, v])).collect();
                a.list(&list)
            };
            a.tuple(&[what, name, info])
        })
    }
}

/// `process_flag(monitor_nodes, _)`: once more, or not any more.
pub fn watch_nodes(cx: &mut Ctx, wants: Wants, on: bool) {
    let here = of(cx.node);
    let mut all = here.watchers.lock();
    let at = all.iter().position(|w| w.pid == cx.pid && w.wants == wants);
    match (at, on) {
        (Some(i), true) => all[i].count += 1,
        (None, true) => all.push(Watcher { pid: cx.pid, wants, count: 1 }),
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
        for w in all.iter().filter(|w| w.wants.hears_of(hidden)) {
            for _ in 0..w.count {
                messages.push((w.pid, w.wants.message(what, name, if hidden { kind } else { atom!("visible") }, number, reason)));
            }
        }
    }
    for (pid, message) in messages {
        node.send_message(pid, message);
    }
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
