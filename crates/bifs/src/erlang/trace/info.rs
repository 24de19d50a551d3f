//! `trace_info`: what is traced of whom.

use super::super::process::ask_and_wait;
use super::super::system::pairs;
use crate::result::Res;
use node::trace::calls::{FLAGS, Hit, Spent, hits_of};
use node::trace::modules;
use node::trace::{Events, Pattern, Session};
use node::{Ctx, Node};
use process::Owned;
use process::trace::Trace;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use term::{Alloc, Term, am, atom};

pub fn trace_info_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(session) = cx.node.tracing.session(0) else { return Err(cx.badarg()) };
    info(cx, &session, a[0], a[1])
}

pub fn trace_info_3(cx: &mut Ctx, a: &[Term]) -> Res {
    if atom::as_text(a[2]) == Some("session") {
        return sessions(cx, a[0], a[1], a[2]);
    }
    let session = super::session_of(cx, a[0])?;
    info(cx, &session, a[1], a[2])
}

/// The sessions that trace something: `all` of them, or those that trace a process, port or function.
fn sessions(cx: &mut Ctx, which: Term, what: Term, item: Term) -> Res {
    let node = cx.node.clone();
    if atom::as_text(which) != Some("any") {
        return Err(cx.badarg());
    }
    // The one that all share comes last.
    let mut wanted: Vec<Arc<Session>> = node.tracing.sessions();
    wanted.rotate_left(1);
    let numbers: Vec<u32> = if atom::as_text(what) == Some("any") {
        wanted.iter().map(|s| s.number).collect()
    } else if what == cx.pid {
        cx.p.trace.list().iter().map(|t| t.session).collect()
    } else if what.is_local_pid() {
        let list = ask_and_wait(cx, what, |_, other| match other {
            None => Owned::immediate(am::UNDEFINED),
            Some((_, _, p)) => {
                let all: Vec<Term> = p.trace.list().iter().map(|t| Term::small(t.session.into())).collect();
                Owned::build(|h| h.list(&all))
            }
        })?;
        if list == am::UNDEFINED {
            return Ok(cx.h().tuple(&[item, am::UNDEFINED]));
        }
        list.iter().filter_map(|t| t.to::<u32>()).collect()
    } else if what.is_local_port() {
        match node.with_port_traces(what, |t| t.list().iter().map(|t| t.session).collect()) {
            Some(numbers) => numbers,
            None => return Ok(cx.h().tuple(&[item, am::UNDEFINED])),
        }
    } else if let Some(event) = atom::as_text(what) {
        wanted.iter().filter(|s| session_has(s, event)).map(|s| s.number).collect()
    } else {
        let Some(&[m, f, arity]) = what.as_tuple_n::<3>() else { return Err(cx.badarg()) };
        let (true, true, Some(arity)) = (m.is_atom(), f.is_atom(), arity.to::<u8>()) else { return Err(cx.badarg()) };
        match hits(&node, m, f, arity) {
            None => return Ok(cx.h().tuple(&[item, am::UNDEFINED])),
            Some(h) => h.iter().map(|h| h.session).collect(),
        }
    };
    let mut shown = Vec::new();
    for s in wanted.iter().filter(|s| numbers.contains(&s.number)) {
        shown.push(super::weak(cx, s));
    }
    let list = cx.h().list(&shown);
    Ok(cx.h().tuple(&[item, list]))
}

fn session_has(s: &Session, event: &str) -> bool {
    match event {
        "new" => s.new_processes.lock().is_some() || s.new_ports.lock().is_some(),
        "new_processes" => s.new_processes.lock().is_some(),
        "new_ports" => s.new_ports.lock().is_some(),
        "send" => !matches!(*s.send.read(), Events::Nothing),
        "receive" => !matches!(*s.receive.read(), Events::Nothing),
        "on_load" => s.on_load.lock().is_some(),
        _ => false,
    }
}

fn shown_flags(h: &mut Alloc, t: Option<Trace>) -> Term {
    let bits = t.map_or(0, |t| t.flags);
    let list: Vec<Term> = FLAGS.iter().filter(|f| bits & f.1 != 0).map(|f| atom::intern(f.0)).collect();
    h.list(&list)
}

fn of_process(h: &mut Alloc, node: &Arc<Node>, item: Term, t: Option<Trace>) -> Term {
    let t = t.filter(|t| node.tracer_lives(t.tracer));
    let value = if item == term::atom!("tracer") { t.map_or(Term::NIL, |t| modules::shown(node, t.tracer, h)) } else { shown_flags(h, t) };
    h.tuple(&[item, value])
}

fn info(cx: &mut Ctx, session: &Session, what: Term, item: Term) -> Res {
    let node = cx.node.clone();
    let number = session.number;
    let of_who = matches!(atom::as_text(item), Some("flags" | "tracer"));
    let slot = match atom::as_text(what) {
        Some("new" | "new_processes") => Some(&session.new_processes),
        Some("new_ports") => Some(&session.new_ports),
        _ => None,
    };
    if what.is_local_pid() || what.is_local_port() || slot.is_some() {
        if !of_who {
            return Err(cx.badarg());
        }
        if let Some(slot) = slot {
            let t = *slot.lock();
            return Ok(of_process(cx.h(), &node, item, t));
        }
        if what == cx.pid {
            let t = cx.p.trace.of(number);
            return Ok(of_process(cx.h(), &node, item, t));
        }
        if what.is_local_port() {
            let Some(found) = node.with_port_traces(what, |t| t.of(number)) else { return Ok(am::UNDEFINED) };
            return Ok(of_process(cx.h(), &node, item, found));
        }
        return ask_and_wait(cx, what, move |node, other| match other {
            None => Owned::immediate(am::UNDEFINED),
            Some((_, _, p)) => {
                let t = p.trace.of(number);
                Owned::build(|h| of_process(h, node, item, t))
            }
        });
    }
    if let Some(event) = atom::as_text(what) {
        let events = match event {
            "send" => session.send.read().clone(),
            "receive" => session.receive.read().clone(),
            "on_load" => return on_load(cx, session, item),
            _ => return Err(cx.badarg()),
        };
        if atom::as_text(item) != Some("match_spec") {
            return Err(cx.badarg());
        }
        let value = match events {
            Events::All => am::TRUE,
            Events::Nothing => am::FALSE,
            Events::Some(p) => source(cx.h(), &p),
        };
        return Ok(cx.h().tuple(&[item, value]));
    }
    let Some(&[m, f, arity]) = what.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    let (true, true, Some(arity)) = (m.is_atom(), f.is_atom(), arity.to::<u8>()) else { return Err(cx.badarg()) };
    if !known(item, node.code.release) {
        return Err(cx.badarg());
    }
    let Some(hits) = hits(&node, m, f, arity) else { return Ok(cx.h().tuple(&[item, am::UNDEFINED])) };
    let hit = joined(&hits, number);
    let value = value_of(&node, cx.h(), &hit, item, node.code.release, false);
    Ok(cx.h().tuple(&[item, value]))
}

fn on_load(cx: &mut Ctx, session: &Session, item: Term) -> Res {
    let release = cx.node.code.release;
    let hit = session.on_load.lock().clone();
    let value = match hit {
        Some(hit) if known(item, release) => value_of(&cx.node.clone(), cx.h(), &hit, item, release, true),
        _ => am::FALSE,
    };
    Ok(cx.h().tuple(&[item, value]))
}

fn known(item: Term, release: u32) -> bool {
    match atom::as_text(item) {
        Some("traced" | "match_spec" | "meta" | "meta_match_spec" | "call_count" | "call_time" | "all") => true,
        Some("call_memory") => release >= 26,
        _ => false,
    }
}

/// What is traced of a function by all sessions; `None` if there is no such function.
fn hits(node: &Node, m: Term, f: Term, arity: u8) -> Option<Vec<Hit>> {
    let mut places = node.code.functions_like(Some(m), Some(f), Some(arity));
    places.extend(node.code.exports_like(Some(m), Some(f), Some(arity)));
    if places.is_empty() {
        return None;
    }
    let mut out: Vec<Hit> = Vec::new();
    let mut seen = Vec::new();
    for p in places.iter().filter_map(|p| node.code.point_at(p)) {
        if !seen.contains(&p.number) {
            seen.push(p.number);
            out.extend(hits_of(&p).map_or(Vec::new(), |h| h.0.clone()));
        }
    }
    Some(out)
}

/// A session's part, of the export and of the function itself.
fn joined(hits: &[Hit], session: u32) -> Hit {
    hits.iter().filter(|h| h.session == session).fold(Hit { session, ..Hit::default() }, |a, b| Hit {
        session,
        global: a.global.or(b.global.clone()),
        local: a.local.or(b.local.clone()),
        meta: a.meta.or(b.meta.clone()),
        count: a.count.or(b.count.clone()),
        time: a.time.or(b.time.clone()),
        memory: a.memory.or(b.memory.clone()),
    })
}

fn source(h: &mut Alloc, p: &Pattern) -> Term {
    term::copy::copy(p.source.term, h, node::signals::literals())
}

/// `[{Pid, Calls, ...}]`
fn spent(h: &mut Alloc, s: &Spent, time: bool) -> Term {
    let mut by: Vec<(Term, (u64, u64))> = s.by.lock().iter().map(|(p, n)| (*p, *n)).collect();
    by.sort_by(|a, b| term::cmp::cmp(a.0, b.0));
    let mut rows = Vec::new();
    for (pid, (calls, amount)) in by {
        let calls = h.uint(calls);
        rows.push(if time {
            let us = (amount / 1000) as i64;
            h.tuple(&[pid, calls, Term::small(us / 1_000_000), Term::small(us % 1_000_000)])
        } else {
            let amount = h.uint(amount);
            h.tuple(&[pid, calls, amount])
        });
    }
    h.list(&rows)
}

fn value_of(node: &Node, h: &mut Alloc, hit: &Hit, item: Term, release: u32, on_load: bool) -> Term {
    let pattern = hit.local.as_ref().or(hit.global.as_ref());
    match atom::as_text(item).unwrap_or_default() {
        "traced" if hit.global.is_some() => am::GLOBAL,
        "traced" if hit.local.is_some() => term::atom!("local"),
        "match_spec" => pattern.map_or(am::FALSE, |p| source(h, p)),
        "meta" => hit.meta.as_ref().map_or(am::FALSE, |m| modules::shown(node, *m.tracer.lock(), h)),
        "meta_match_spec" => hit.meta.as_ref().map_or(am::FALSE, |m| source(h, &m.pattern)),
        "call_count" if on_load => Term::bool(hit.count.is_some()),
        "call_count" => hit.count.as_ref().map_or(am::FALSE, |c| h.uint(c.calls.load(Relaxed))),
        "call_time" => hit.time.as_ref().map_or(am::FALSE, |s| spent(h, s, true)),
        "call_memory" => hit.memory.as_ref().map_or(am::FALSE, |s| spent(h, s, false)),
        "all" if hit.is_empty() => am::FALSE,
        "all" => {
            let mut items = vec!["traced", "match_spec", "meta", "meta_match_spec"];
            if !on_load {
                if release >= 26 {
                    items.push("call_memory");
                }
                items.push("call_time");
            }
            items.push("call_count");
            let list: Vec<(Term, Term)> = items
                .into_iter()
                .map(|i| {
                    let i = atom::intern(i);
                    (i, value_of(node, h, hit, i, release, on_load))
                })
                .collect();
            pairs(h, &list)
        }
        _ => am::FALSE,
    }
}
