//! Tracing: flags of processes, patterns of functions, sequential tracing. Not here: sending trace messages (`node::trace`).

use crate::result::Res;
use base::sync::Mutex;
use ets::matchspec::{Dialect, MatchSpec};
use node::signals::copy_out;
use node::trace::Pattern;
use node::{Ctx, Effect, Native, Stop};
use super::process::ask_and_wait;
use process::{Owned, Private};
use process::trace::{Trace, flags};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use term::{Alloc, Term, am, atom};

const FLAGS_PARTIAL: &str = "events of ports and collections, return_to and tracer modules are not there";
const PATTERNS_PARTIAL: &str = "exported Erlang functions; no local, meta, call_count, call_time, call_memory (notsup)";
const SESSIONS_PARTIAL: &str = "sessions share flags and patterns";

pub const NATIVES: &[Native] = &[
    Native::new("erts_internal", "trace", 3, trace_3).effect(Effect::Node).partial(FLAGS_PARTIAL),
    Native::new("erts_internal", "trace", 4, trace_4).effect(Effect::Node).partial(SESSIONS_PARTIAL),
    Native::new("erts_internal", "trace_pattern", 3, trace_pattern_3).effect(Effect::Node).partial(PATTERNS_PARTIAL),
    Native::new("erts_internal", "trace_pattern", 4, trace_pattern_4).effect(Effect::Node).partial(SESSIONS_PARTIAL),
    Native::new("erlang", "trace_info", 2, trace_info_2).effect(Effect::Node).partial(PATTERNS_PARTIAL),
    Native::new("erts_internal", "trace_info", 3, trace_info_3).effect(Effect::Node).partial(SESSIONS_PARTIAL),
    Native::new("erts_internal", "trace_session_create", 3, session_create).effect(Effect::Node).partial(SESSIONS_PARTIAL),
    Native::new("erts_internal", "trace_session_destroy", 1, session_destroy).effect(Effect::Node).partial(SESSIONS_PARTIAL),
    Native::new("erts_trace_cleaner", "check", 0, cleaner_check),
    Native::new("erts_trace_cleaner", "send_trace_clean_signal", 1, cleaner_signal),
    Native::new("erlang", "trace_delivered", 1, trace_delivered).effect(Effect::Node),
    Native::new("erlang", "seq_trace", 2, seq_trace).effect(Effect::Process).partial("setting a token: notsup"),
    Native::new("erlang", "seq_trace_info", 1, seq_trace_info).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 1, seq_trace_print).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 2, seq_trace_print).effect(Effect::Process),
    Native::new("erl_tracer", "enabled", 3, enabled).nif(),
    Native::new("erl_tracer", "trace", 5, tracer_trace).nif(),
];

fn enabled(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(term::atom!("discard"))
}
fn tracer_trace(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::OK)
}

/// Trace messages are sent where their event happens, before the answer here.
fn trace_delivered(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0] != am::ALL && !a[0].is_local_pid() && !a[0].is_local_port() {
        return Err(cx.badarg());
    }
    let reference = cx.make_ref();
    let message = cx.h().tuple(&[term::atom!("trace_delivered"), a[0], reference]);
    let message = node::signals::copy_out(message);
    cx.node.send_message(cx.pid, message);
    Ok(reference)
}

/// `system_flag(sequential_tracer, _)`: the one before.
pub fn set_sequential_tracer(cx: &mut Ctx, tracer: Term) -> Res {
    if tracer == am::FALSE { Ok(am::FALSE) } else { Err(cx.notsup()) }
}

fn seq_trace(cx: &mut Ctx, a: &[Term]) -> Res {
    match atom::as_text(a[0]) {
        Some("sequential_trace_token") if a[1].is_nil() => Ok(Term::NIL),
        Some("sequential_trace_token" | "label" | "serial" | "send" | "receive" | "print" | "timestamp" | "monotonic_timestamp" | "strict_monotonic_timestamp" | "spawn") => {
            Err(cx.notsup())
        }
        _ => Err(cx.badarg()),
    }
}

fn seq_trace_info(cx: &mut Ctx, a: &[Term]) -> Res {
    match atom::as_text(a[0]) {
        Some("label" | "serial" | "send" | "receive" | "print" | "timestamp" | "monotonic_timestamp" | "strict_monotonic_timestamp" | "spawn") => Ok(Term::NIL),
        _ => Err(cx.badarg()),
    }
}

fn seq_trace_print(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::FALSE)
}

/// The flags' names and bits, in the order in which they are shown.
const FLAGS: [(&str, u32); 21] = [
    ("running_procs", flags::RUNNING_PROCS),
    ("running_ports", flags::RUNNING_PORTS),
    ("ports", flags::PORTS),
    ("scheduler_id", flags::SCHEDULER_ID),
    ("silent", flags::SILENT),
    ("return_to", flags::RETURN_TO),
    ("arity", flags::ARITY),
    ("garbage_collection", flags::GC),
    ("exiting", flags::EXITING),
    ("running", flags::RUNNING),
    ("set_on_first_link", flags::SET_ON_FIRST_LINK),
    ("set_on_link", flags::SET_ON_LINK),
    ("set_on_first_spawn", flags::SET_ON_FIRST_SPAWN),
    ("procs", flags::PROCS),
    ("call", flags::CALL),
    ("set_on_spawn", flags::SET_ON_SPAWN),
    ("receive", flags::RECEIVE),
    ("send", flags::SEND),
    ("monotonic_timestamp", flags::MONOTONIC),
    ("strict_monotonic_timestamp", flags::STRICT_MONOTONIC),
    ("timestamp", flags::TIMESTAMP),
];
const STAMPS: u32 = flags::TIMESTAMP | flags::MONOTONIC | flags::STRICT_MONOTONIC;

/// The bits of a flag list, and the tracer if it names one.
fn flag_list(cx: &mut Ctx, list: Term) -> Result<(u32, Option<Term>), Stop> {
    let Some(list) = list.proper_list() else { return Err(cx.badarg()) };
    let (mut bits, mut tracer) = (0, None);
    for t in list {
        if let Some(&[what, who]) = t.as_tuple_n::<2>() {
            let fits = atom::as_text(what) == Some("tracer") && (who.is_local_pid() && cx.node.is_alive(who) || who.is_local_port());
            if !fits {
                return Err(cx.badarg());
            }
            tracer = Some(who);
            continue;
        }
        if t.as_tuple_n::<3>().is_some_and(|t| atom::as_text(t[0]) == Some("tracer") && t[1].is_atom()) {
            // Tracer modules are NIFs.
            return Err(cx.notsup());
        }
        match atom::as_text(t) {
            Some("all") => bits |= FLAGS.iter().fold(0, |b, f| b | f.1),
            // Only with `all`, where processors' clocks can be told apart.
            Some("cpu_timestamp") => return Err(cx.badarg()),
            Some(name) => match FLAGS.iter().find(|f| f.0 == name) {
                Some(f) => bits |= f.1,
                None => return Err(cx.badarg()),
            },
            None => return Err(cx.badarg()),
        }
    }
    Ok((bits, tracer))
}

fn change(p: &mut Option<Trace>, on: bool, bits: u32, tracer: Term) {
    if on {
        let before = p.map_or(0, |t| t.flags);
        *p = Some(Trace { flags: before | bits, tracer: p.map_or(tracer, |t| t.tracer) });
    } else if let Some(t) = p {
        t.flags &= !bits;
        if t.flags & !STAMPS == 0 {
            *p = None;
        }
    }
}

fn set_flags(cx: &mut Ctx, who: Term, on: Term, list: Term, session_tracer: Option<Term>) -> Res {
    let Some(on) = on.as_bool() else { return Err(cx.badarg()) };
    let (bits, named) = flag_list(cx, list)?;
    let tracer = named.or(session_tracer).unwrap_or(cx.pid);
    let node = cx.node.clone();
    let one = |cx: &mut Ctx, pid: Term| {
        if pid == cx.pid {
            change(&mut cx.p.trace, on, bits, tracer);
        } else {
            node.request(pid, move |_, other| {
                if let Some((_, _, p)) = other {
                    change(&mut p.trace, on, bits, tracer);
                }
            });
        }
    };
    if who.is_local_pid() {
        if cx.p.native_state.is_none() && !cx.node.is_alive(who) {
            return Err(cx.badarg());
        }
        if who == cx.pid {
            one(cx, who);
            return Ok(Term::small(1));
        }
        return ask_and_wait(cx, who, move |_, other| {
            let there = other.is_some();
            if let Some((_, _, p)) = other {
                change(&mut p.trace, on, bits, tracer);
            }
            Owned::immediate(Term::small(i64::from(there)))
        });
    }
    if who.is_local_port() {
        return if cx.node.ports.get().is_some_and(|p| p.exists(cx.node, who)) { Ok(Term::small(1)) } else { Err(cx.badarg()) };
    }
    let (existing, new, ports) = match atom::as_text(who) {
        Some("all") => (true, true, true),
        Some("processes") => (true, true, false),
        Some("existing") => (true, false, true),
        Some("existing_processes") => (true, false, false),
        Some("new") | Some("new_processes") => (false, true, false),
        Some("ports" | "existing_ports") => (false, false, true),
        Some("new_ports") => (false, false, false),
        _ => return Err(cx.badarg()),
    };
    let mut count = 0;
    if new {
        let mut slot = cx.node.tracing.new_processes.lock();
        change(&mut slot, on, bits, tracer);
        cx.node.tracing.any_new.store(slot.is_some(), Relaxed);
    }
    if existing {
        for pid in cx.node.processes.pids() {
            count += 1;
            if pid != tracer || !on {
                one(cx, pid);
            }
        }
    }
    if ports {
        count += cx.node.ports.get().map_or(0, |p| p.count());
    }
    Ok(Term::small(count as i64))
}

fn trace_3(cx: &mut Ctx, a: &[Term]) -> Res {
    set_flags(cx, a[0], a[1], a[2], None)
}
fn trace_4(cx: &mut Ctx, a: &[Term]) -> Res {
    let tracer = session_tracer(cx, a[0])?;
    set_flags(cx, a[1], a[2], a[3], tracer)
}

// ---- sessions
/// Trace sessions: (number, name, tracer).
#[derive(Default)]
struct Sessions(Mutex<Vec<(u64, Term, Term)>>);

fn session_create(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_atom() || !a[2].is_nil() {
        return Err(cx.badarg());
    }
    if a[1].is_tuple() {
        return Err(cx.notsup());
    }
    if !(a[1].is_local_pid() && cx.node.is_alive(a[1]) || a[1].is_local_port()) {
        return Err(cx.badarg());
    }
    let session = cx.make_ref();
    let number = session.as_local_ref().map_or(0, |r| r.0);
    cx.node.part::<Sessions>().0.lock().push((number, a[0], a[1]));
    let weak = cx.h().tuple(&[a[0], session]);
    Ok(cx.h().tuple(&[session, weak]))
}

fn session_number(t: Term) -> Option<u64> {
    let t = t.as_tuple_n::<2>().map_or(t, |&[first, second]| if first.is_local_ref() { first } else { second });
    t.as_local_ref().map(|r| r.0)
}

/// The tracer of a session; `None` for the session that everybody shares.
fn session_tracer(cx: &mut Ctx, session: Term) -> Result<Option<Term>, Stop> {
    if session.is_atom() {
        return Ok(None);
    }
    let sessions = cx.node.part::<Sessions>();
    let found = session_number(session).and_then(|n| sessions.0.lock().iter().find(|s| s.0 == n).map(|s| s.2));
    match found {
        Some(tracer) => Ok(Some(tracer)),
        None => Err(cx.badarg()),
    }
}

fn session_destroy(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = session_number(a[0]) else { return Err(cx.badarg()) };
    let sessions = cx.node.part::<Sessions>();
    let gone = {
        let mut all = sessions.0.lock();
        all.iter().position(|s| s.0 == number).map(|i| all.remove(i))
    };
    let Some((_, _, tracer)) = gone else { return Ok(am::FALSE) };
    let clear = move |p: &mut Private| {
        if p.trace.is_some_and(|t| t.tracer == tracer) {
            p.trace = None;
        }
    };
    clear(cx.p);
    for pid in cx.node.processes.pids() {
        if pid != cx.pid {
            cx.node.request(pid, move |_, other| {
                if let Some((_, _, p)) = other {
                    clear(p);
                }
            });
        }
    }
    Ok(am::TRUE)
}

fn cleaner_check(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::FALSE)
}
fn cleaner_signal(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::OK)
}

// ---- patterns
fn trace_pattern_3(cx: &mut Ctx, a: &[Term]) -> Res {
    set_pattern(cx, a[0], a[1], a[2])
}
fn trace_pattern_4(cx: &mut Ctx, a: &[Term]) -> Res {
    session_tracer(cx, a[0])?;
    set_pattern(cx, a[1], a[2], a[3])
}

fn set_pattern(cx: &mut Ctx, what: Term, spec: Term, list: Term) -> Res {
    let Some(options) = list.proper_list() else { return Err(cx.badarg()) };
    let mut elsewhere = false;
    for o in options {
        match atom::as_text(o).or_else(|| o.as_tuple().and_then(|t| atom::as_text(*t.first()?))) {
            Some("global") => {}
            Some("local" | "meta" | "call_count" | "call_time" | "call_memory") => elsewhere = true,
            _ => return Err(cx.badarg()),
        }
    }
    let off = spec == am::FALSE;
    if let Some(event) = atom::as_text(what) {
        // Of these only all or nothing.
        let cell = match event {
            "send" => &cx.node.tracing.send,
            "receive" => &cx.node.tracing.receive,
            "on_load" => return Ok(Term::small(0)),
            _ => return Err(cx.badarg()),
        };
        if spec.is_cons() {
            return Err(cx.notsup());
        }
        cell.store(off, Relaxed);
        return Ok(Term::small(1));
    }
    let Some(&[m, f, arity]) = what.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    let wild = term::atom!("_");
    let number = arity.to::<u8>();
    if !m.is_atom() || !f.is_atom() || !(arity == wild || number.is_some()) || (m == wild && f != wild) || (f == wild && arity != wild) {
        return Err(cx.badarg());
    }
    let compiled = match spec {
        _ if spec == am::TRUE || spec == am::FALSE || spec.is_nil() => None,
        _ if spec.is_cons() => match MatchSpec::compile(spec, Dialect::Trace, cx.node.code.release) {
            Ok(s) => Some(s),
            Err(_) => return Err(cx.badarg()),
        },
        _ if matches!(atom::as_text(spec), Some("restart" | "pause")) => return Err(cx.notsup()),
        _ => return Err(cx.badarg()),
    };
    if elsewhere && !off {
        return Err(cx.notsup());
    }
    let source = if spec.is_cons() { copy_out(spec) } else { copy_out(Term::NIL) };
    let pattern = (!off).then(|| Arc::new(Pattern { spec: compiled, source, traced: true, count: None }));
    let some = |t: Term| (t != wild).then_some(t);
    let exports = cx.node.code.exports_like(some(m), some(f), number);
    let mut count = 0;
    for e in exports {
        let key = (e.module, e.function, e.arity);
        if off {
            cx.node.tracing.set_pattern(key, None);
            cx.node.code.trace_export(e, false);
            count += 1;
        } else {
            cx.node.tracing.set_pattern(key, pattern.clone());
            if cx.node.code.trace_export(e, true) {
                count += 1;
            } else {
                // A native function: its calls are not caught.
                cx.node.tracing.set_pattern(key, None);
            }
        }
        cx.charge(1);
    }
    Ok(Term::small(count))
}

// ---- questions
fn trace_info_2(cx: &mut Ctx, a: &[Term]) -> Res {
    info(cx, a[0], a[1])
}
fn trace_info_3(cx: &mut Ctx, a: &[Term]) -> Res {
    if atom::as_text(a[2]) == Some("session") {
        // Everything is in the one that all share.
        let list = Term::NIL;
        return Ok(cx.h().tuple(&[a[2], list]));
    }
    session_tracer(cx, a[0])?;
    info(cx, a[1], a[2])
}

fn shown_flags(h: &mut Alloc, t: Option<Trace>) -> Term {
    let bits = t.map_or(0, |t| t.flags);
    let list: Vec<Term> = FLAGS.iter().filter(|f| bits & f.1 != 0).map(|f| atom::intern(f.0)).collect();
    h.list(&list)
}

fn of_process(cx: &mut Ctx, item: Term, t: Option<Trace>) -> Res {
    let value = match atom::as_text(item) {
        Some("flags") => shown_flags(cx.h(), t),
        Some("tracer") => t.map_or(Term::NIL, |t| t.tracer),
        _ => return Err(cx.badarg()),
    };
    Ok(cx.h().tuple(&[item, value]))
}

fn info(cx: &mut Ctx, what: Term, item: Term) -> Res {
    if what == cx.pid {
        let t = cx.p.trace;
        return of_process(cx, item, t);
    }
    if what.is_local_pid() {
        return info_of_other(cx, what, item);
    }
    if what.is_local_port() {
        return of_process(cx, item, None);
    }
    if let Some(event) = atom::as_text(what) {
        return match event {
            "new" | "new_processes" => {
                let t = *cx.node.tracing.new_processes.lock();
                of_process(cx, item, t)
            }
            "new_ports" => of_process(cx, item, None),
            "on_load" => Ok(cx.h().tuple(&[item, am::FALSE])),
            "send" | "receive" => {
                let cell = if event == "send" { &cx.node.tracing.send } else { &cx.node.tracing.receive };
                let value = Term::bool(!cell.load(Relaxed));
                Ok(cx.h().tuple(&[item, value]))
            }
            _ => Err(cx.badarg()),
        };
    }
    let Some(&[m, f, arity]) = what.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    let (true, true, Some(arity)) = (m.is_atom(), f.is_atom(), arity.to::<u8>()) else { return Err(cx.badarg()) };
    let known = matches!(
        atom::as_text(item),
        Some("traced" | "match_spec" | "meta" | "meta_match_spec" | "call_count" | "call_time" | "call_memory" | "all")
    );
    if !known && cx.node.code.release >= 29 {
        return Err(cx.badarg());
    }
    if !cx.node.code.is_exported(m, f, arity) {
        return Ok(cx.h().tuple(&[item, am::UNDEFINED]));
    }
    let Some(pattern) = cx.node.tracing.pattern(m, f, arity) else { return Ok(cx.h().tuple(&[item, am::FALSE])) };
    let h = &mut cx.p.heap.alloc;
    let spec = term::copy::copy(pattern.source.term, h, node::signals::literals());
    let value = match atom::text(item) {
        "traced" => am::GLOBAL,
        "match_spec" => spec,
        "all" => {
            let mut list = vec![
                (term::atom!("traced"), am::GLOBAL),
                (term::atom!("match_spec"), spec),
                (term::atom!("meta"), am::FALSE),
                (term::atom!("meta_match_spec"), am::FALSE),
            ];
            if cx.node.code.release >= 27 {
                list.push((term::atom!("call_memory"), am::FALSE));
            }
            list.push((term::atom!("call_time"), am::FALSE));
            list.push((term::atom!("call_count"), am::FALSE));
            super::system::pairs(h, &list)
        }
        _ => am::FALSE,
    };
    Ok(h.tuple(&[item, value]))
}

fn info_of_other(cx: &mut Ctx, pid: Term, item: Term) -> Res {
    if !matches!(atom::as_text(item), Some("flags" | "tracer")) {
        return Err(cx.badarg());
    }
    ask_and_wait(cx, pid, move |_, other| match other {
        None => Owned::build(|h| h.tuple(&[item, am::UNDEFINED])),
        Some((_, _, p)) => {
            let t = p.trace;
            Owned::build(|h| {
                let value = if item == term::atom!("tracer") { t.map_or(Term::NIL, |t| t.tracer) } else { shown_flags(h, t) };
                h.tuple(&[item, value])
            })
        }
    })
}
