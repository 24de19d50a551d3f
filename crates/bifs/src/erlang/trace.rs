//! Tracing: flags of processes and ports, and sessions. Patterns of functions and questions are in their own files.
//! Not here: sending trace messages (`node::trace`).

mod info;
mod patterns;

use super::process::{ask_and_wait, ask_all_and_wait};
use crate::result::Res;
use node::trace::Session;
use node::trace::calls::FLAGS;
use node::trace::modules;
use node::{Ctx, Effect, Native, Node, Stop};
use process::trace::{Trace, Traces};
use process::Owned;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use term::{Term, am, atom};

pub use patterns::loaded;

pub const NATIVES: &[Native] = &[
    Native::new("erts_internal", "trace", 3, trace_3).effect(Effect::Node),
    Native::new("erts_internal", "trace", 4, trace_4).effect(Effect::Node),
    Native::new("erts_internal", "trace_pattern", 3, patterns::trace_pattern_3).effect(Effect::Node),
    Native::new("erts_internal", "trace_pattern", 4, patterns::trace_pattern_4).effect(Effect::Node),
    Native::new("erlang", "trace_info", 2, info::trace_info_2).effect(Effect::Node),
    Native::new("erts_internal", "trace_info", 3, info::trace_info_3).effect(Effect::Node),
    Native::new("erts_internal", "trace_session_create", 3, session_create).effect(Effect::Node),
    Native::new("erts_internal", "trace_session_destroy", 1, session_destroy).effect(Effect::Node),
    Native::new("erts_trace_cleaner", "check", 0, cleaner_check),
    Native::new("erts_trace_cleaner", "send_trace_clean_signal", 1, cleaner_signal),
    Native::new("erlang", "trace_delivered", 1, trace_delivered).effect(Effect::Node),
    Native::new("erl_tracer", "enabled", 3, enabled).nif(),
    Native::new("erl_tracer", "trace", 5, tracer_trace).nif(),
];

fn enabled(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(term::atom!("discard"))
}
fn tracer_trace(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::OK)
}

/// Trace messages are sent where their event happens, those to ports a little later; once a process has answered, those before are with its tracer.
fn trace_delivered(cx: &mut Ctx, a: &[Term]) -> Res {
    let reply = |cx: &mut Ctx, reference: Term, who: Term| {
        let message = cx.h().tuple(&[term::atom!("trace_delivered"), who, reference]);
        let message = node::signals::copy_out(message);
        cx.node.tell_traces();
        cx.node.send_message(cx.pid, message);
    };
    if a[0] == am::ALL {
        let (number, asker) = (cx.node.next_ref(), cx.pid);
        let node = cx.node.clone();
        let pids = node.processes.pids();
        let left = Arc::new(std::sync::atomic::AtomicUsize::new(pids.len()));
        for pid in pids {
            let left = left.clone();
            node.request(pid, move |node, _| {
                if left.fetch_sub(1, Relaxed) == 1 {
                    let message = Owned::build(|h| {
                        let reference = h.reference(number, 0);
                        h.tuple(&[term::atom!("trace_delivered"), am::ALL, reference])
                    });
                    node.tell_traces();
                    node.send_message(asker, message);
                }
            });
        }
        return Ok(cx.h().reference(number, 0));
    }
    if a[0] == cx.pid || a[0].is_local_port() {
        let reference = cx.make_ref();
        reply(cx, reference, a[0]);
        return Ok(reference);
    }
    if !a[0].is_local_pid() {
        return Err(cx.badarg());
    }
    let (number, who, asker) = (cx.node.next_ref(), a[0], cx.pid);
    let reference = cx.h().reference(number, 0);
    cx.node.clone().request(who, move |node, _| {
        let message = Owned::build(|h| {
            let reference = h.reference(number, 0);
            h.tuple(&[term::atom!("trace_delivered"), who, reference])
        });
        node.tell_traces();
        node.send_message(asker, message);
    });
    Ok(reference)
}

/// What a flag list says.
struct Wanted {
    bits: u32,
    tracer: Option<Term>,
}

fn flag_list(cx: &mut Ctx, list: Term) -> Result<Wanted, Stop> {
    let Some(list) = list.proper_list() else { return Err(cx.badarg()) };
    let mut wanted = Wanted { bits: 0, tracer: None };
    for t in list {
        if let Some(&[what, who]) = t.as_tuple_n::<2>() {
            let fits = atom::as_text(what) == Some("tracer") && (who.is_local_pid() || who.is_local_port()) && cx.node.tracer_lives(who);
            if !fits {
                return Err(cx.badarg());
            }
            wanted.tracer = Some(who);
            continue;
        }
        if let Some(&[what, module, state]) = t.as_tuple_n::<3>() {
            let node = cx.node.clone();
            match modules::number(&node, module, state).filter(|_| atom::as_text(what) == Some("tracer")) {
                Some(tracer) => wanted.tracer = Some(tracer),
                None => return Err(cx.badarg()),
            }
            continue;
        }
        match atom::as_text(t) {
            Some("all") => wanted.bits |= FLAGS.iter().fold(0, |b, f| b | f.1),
            // Only with `all`, where processors' clocks can be told apart.
            Some("cpu_timestamp") => return Err(cx.badarg()),
            Some(name) => match FLAGS.iter().find(|f| f.0 == name) {
                Some(f) => wanted.bits |= f.1,
                None => return Err(cx.badarg()),
            },
            None => return Err(cx.badarg()),
        }
    }
    Ok(wanted)
}

#[derive(Clone, Copy)]
struct Change {
    session: u32,
    on: bool,
    bits: u32,
    tracer: Term,
}

impl Change {
    /// False if somebody else traces it already.
    fn apply(self, node: &Arc<Node>, traces: &mut Traces) -> bool {
        let before = traces.of(self.session).filter(|t| node.tracer_lives(t.tracer));
        if before.is_none() {
            traces.remove(self.session);
        }
        if !self.on {
            if let Some(t) = before {
                traces.set(Trace { flags: t.flags & !self.bits, ..t });
            }
            return true;
        }
        if before.is_some_and(|t| t.tracer != self.tracer) {
            return false;
        }
        let flags = before.map_or(0, |t| t.flags) | self.bits;
        traces.set(Trace { session: self.session, flags, tracer: self.tracer });
        true
    }
    fn apply_to_slot(self, node: &Arc<Node>, slot: &mut Option<Trace>) {
        let mut traces = Traces::default();
        slot.iter().for_each(|t| traces.set(*t));
        self.apply(node, &mut traces);
        *slot = traces.of(self.session);
    }
}

fn set_flags(cx: &mut Ctx, session: &Arc<Session>, who: Term, on: Term, list: Term) -> Res {
    if cx.p.native_state.is_some() {
        // Asked before: the answer is all that is missing.
        let done = ask_and_wait(cx, who, |_, _| Owned::immediate(am::FALSE))?;
        return if done.is_small() { Ok(done) } else { Err(cx.badarg()) };
    }
    let Some(on) = on.as_bool() else { return Err(cx.badarg()) };
    let wanted = flag_list(cx, list)?;
    if session.tracer.is_some() && wanted.tracer.is_some() {
        return Err(cx.badarg());
    }
    let tracer = wanted.tracer.or(session.tracer).unwrap_or(cx.pid);
    cx.node.tracing.used.store(true, Relaxed);
    let change = Change { session: session.number, on, bits: wanted.bits, tracer };
    let node = cx.node.clone();
    if who.is_local_pid() {
        if !node.is_alive(who) {
            return Err(cx.badarg());
        }
        if who == cx.pid {
            return if change.apply(&node, &mut cx.p.trace) { Ok(Term::small(1)) } else { Err(cx.badarg()) };
        }
        let done = ask_and_wait(cx, who, move |node, other| {
            let done = other.is_some_and(|(_, _, p)| change.apply(node, &mut p.trace));
            Owned::immediate(if done { Term::small(1) } else { am::FALSE })
        })?;
        return if done.is_small() { Ok(done) } else { Err(cx.badarg()) };
    }
    if who.is_local_port() {
        return match node.with_port_traces(who, |t| change.apply(&node, t)) {
            Some(true) => Ok(Term::small(1)),
            _ => Err(cx.badarg()),
        };
    }
    let (existing, new, processes, ports) = match atom::as_text(who) {
        Some("all") => (true, true, true, true),
        Some("processes") => (true, true, true, false),
        Some("ports") => (true, true, false, true),
        Some("existing") => (true, false, true, true),
        Some("existing_processes") => (true, false, true, false),
        Some("existing_ports") => (true, false, false, true),
        Some("new") => (false, true, true, true),
        Some("new_processes") => (false, true, true, false),
        Some("new_ports") => (false, true, false, true),
        _ => return Err(cx.badarg()),
    };
    if new {
        if processes {
            change.apply_to_slot(&node, &mut session.new_processes.lock());
        }
        if ports {
            change.apply_to_slot(&node, &mut session.new_ports.lock());
        }
        node.tracing.refresh();
    }
    let mut count = 0;
    if existing && ports {
        let all = node.ports.get().map_or(Vec::new(), |p| p.list());
        count += all.len();
        for port in all {
            if !(on && port == tracer) {
                node.with_port_traces(port, |t| change.apply(&node, t));
            }
        }
    }
    if !existing || !processes {
        return Ok(Term::small(count as i64));
    }
    change.apply(&node, &mut cx.p.trace);
    // All have done it before this answers.
    let others: Vec<Term> = node.processes.pids().into_iter().filter(|p| *p != cx.pid).collect();
    count += others.len() + 1;
    ask_all_and_wait(cx, &others, count, move |node, _, p| {
        change.apply(node, &mut p.trace);
    })
}

fn trace_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(session) = cx.node.tracing.session(0) else { return Err(cx.badarg()) };
    set_flags(cx, &session, a[0], a[1], a[2])
}
fn trace_4(cx: &mut Ctx, a: &[Term]) -> Res {
    let session = session_of(cx, a[0])?;
    set_flags(cx, &session, a[1], a[2], a[3])
}

// ---- sessions
fn session_create(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_atom() || !a[2].is_nil() {
        return Err(cx.badarg());
    }
    let tracer = match a[1].as_tuple_n::<2>() {
        Some(&[module, state]) => modules::number(&cx.node.clone(), module, state),
        None => Some(a[1]).filter(|t| (t.is_local_pid() || t.is_local_port()) && cx.node.tracer_lives(*t)),
    };
    let Some(tracer) = tracer else { return Err(cx.badarg()) };
    let node = Arc::downgrade(cx.node);
    let session = cx.node.tracing.new_session(a[0], tracer);
    // The session lives as long as somebody holds this reference.
    let handle = Handle { node, session: session.number };
    let id = (cx.node.next_ref(), 0);
    let strong = cx.h().magic_ref(Arc::new(term::magic::Magic { id, value: Box::new(handle) }));
    let weak = weak(cx, &session);
    Ok(cx.h().tuple(&[strong, weak]))
}

/// A session as a handle that does not keep it: `{Name, Number}`.
fn weak(cx: &mut Ctx, session: &Session) -> Term {
    let number = match session.number {
        0 => term::atom!("default"),
        n => Term::small(i64::from(n) - 1),
    };
    cx.h().tuple(&[session.name, number])
}

struct Handle {
    node: std::sync::Weak<Node>,
    session: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(node) = self.node.upgrade() {
            end_session(&node, self.session);
        }
    }
}

/// The session's flags go from all processes and ports, its breakpoints from all functions. False if that was done before.
fn end_session(node: &Arc<Node>, session: u32) -> bool {
    if !node.tracing.end_session(session) {
        return false;
    }
    for pid in node.processes.pids() {
        node.request(pid, move |_, other| {
            if let Some((_, _, p)) = other {
                p.trace.remove(session);
            }
        });
    }
    if let Some(ports) = node.ports.get() {
        for port in ports.list() {
            node.with_port_traces(port, |t| t.remove(session));
        }
    }
    node::trace::calls::clear_session(node, session);
    true
}

/// `{Strong, {Name, Weak}}`, `{Name, Weak}`, or `default`.
fn session_of(cx: &mut Ctx, t: Term) -> Result<Arc<Session>, Stop> {
    let default = term::atom!("default");
    let shared = t == default || t.as_tuple_n::<2>().is_some_and(|t| t[1] == default);
    let found = if shared { cx.node.tracing.session(0) } else { session_number(t).and_then(|n| cx.node.tracing.session(n)) };
    found.ok_or_else(|| cx.badarg_cause(term::atom!("session")))
}

fn session_number(t: Term) -> Option<u32> {
    let &[first, second] = t.as_tuple_n::<2>()?;
    if first.is_atom() { second.to::<u32>()?.checked_add(1) } else { session_number(second) }
}

fn session_destroy(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = session_number(a[0]) else { return Err(cx.badarg()) };
    cx.p.trace.remove(number);
    Ok(Term::bool(end_session(&cx.node.clone(), number)))
}

fn cleaner_check(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::FALSE)
}
fn cleaner_signal(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::OK)
}

