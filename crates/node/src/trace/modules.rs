//! Tracer modules: native functions `enabled/3` and `trace/5` of a library, which are told of events instead of a process.
//! A module with its state is known by a number. Not here: which events there are.

use crate::Node;
use crate::signals::copy_whole;
use code::op::Op;
use process::trace::{Trace, flags::*};
use std::sync::Arc;
use term::{Alloc, Term, am, atom};

/// What a module says of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Trace,
    Discard,
    /// It wants to hear no more (or is gone).
    Remove,
}

/// The number of a tracer module with this state; `None` if it has no native `enabled/3`.
pub fn number(node: &Arc<Node>, module: Term, state: Term) -> Option<Term> {
    entry(node, module, term::atom!("enabled"), 3)?;
    let mut all = node.tracing.modules.write();
    let known = all.iter().position(|(m, s)| *m == module && term::cmp::eq_exact(s.term, state));
    let n = known.unwrap_or_else(|| {
        all.push((module, copy_whole(state)));
        all.len() - 1
    });
    Some(Term::small(n as i64))
}

/// A tracer as Erlang shows it.
pub fn shown(node: &Node, tracer: Term, a: &mut Alloc) -> Term {
    match of(node, tracer) {
        Some((module, state)) => {
            let state = term::copy::copy(state, a, crate::signals::literals());
            a.tuple(&[module, state])
        }
        None => tracer,
    }
}

/// Module and state; the state stays where it is as long as the node lives.
fn of(node: &Node, tracer: Term) -> Option<(Term, Term)> {
    let n = tracer.to::<usize>()?;
    node.tracing.modules.read().get(n).map(|(m, s)| (*m, s.term))
}

/// The code word of a module's native function.
fn entry(node: &Node, module: Term, function: Term, arity: u8) -> Option<u64> {
    let loaded = node.code.current(module)?;
    node.code.first_word(&loaded, function, arity).filter(|w| *w as u16 == Op::Nif as u16)
}

/// Calls the function of this group if there is one, else the general one.
fn call(node: &Arc<Node>, module: Term, name: &str, group: &str, args: &[Term]) -> Option<Term> {
    let arity = args.len() as u8;
    let special = (!group.is_empty()).then(|| entry(node, module, atom::intern(&format!("{name}_{group}")), arity)).flatten();
    let word = special.or_else(|| entry(node, module, atom::intern(name), arity))?;
    node.libraries.get()?.call_back(node, word, args)
}

/// Does the module want to hear of such an event of `who`?
pub fn enabled(node: &Arc<Node>, tracer: Term, tag: &str, group: &str, who: Term) -> Answer {
    let Some((module, state)) = of(node, tracer) else { return Answer::Remove };
    match call(node, module, "enabled", group, &[atom::intern(tag), state, who]).and_then(atom::as_text) {
        Some("trace") => Answer::Trace,
        Some("remove") | None => Answer::Remove,
        Some(_) => Answer::Discard,
    }
}

/// Events that come in a group of functions, and the tag by which the module is asked.
fn group(tag: &str, of_port: bool) -> (&'static str, Option<&'static str>) {
    match tag {
        "send" | "send_to_non_existing_process" => ("send", None),
        "receive" => ("receive", None),
        "call" | "return_from" | "return_to" | "exception_from" => ("call", Some("call")),
        "in" | "out" | "in_exiting" | "out_exiting" | "out_exited" => (if of_port { "running_ports" } else { "running_procs" }, None),
        "gc_minor_start" | "gc_minor_end" | "gc_major_start" | "gc_major_end" => ("garbage_collection", None),
        _ => (if of_port { "ports" } else { "procs" }, None),
    }
}

fn stamp_kind(flags: u32) -> Option<&'static str> {
    match () {
        _ if flags & TIMESTAMP != 0 => Some("timestamp"),
        _ if flags & STRICT_MONOTONIC != 0 => Some("strict_monotonic"),
        _ if flags & MONOTONIC != 0 => Some("monotonic"),
        _ => None,
    }
}

/// Tells a module of an event `[Tag, What, Extra..., Result...]`. False if it wants to hear no more.
pub fn tell(node: &Arc<Node>, who: Term, trace: Trace, parts: &[Term]) -> bool {
    let tag = atom::text(parts[0]);
    let (group, asked) = group(tag, who.is_local_port());
    match enabled(node, trace.tracer, asked.unwrap_or(tag), group, who) {
        Answer::Remove => return false,
        Answer::Discard => return true,
        Answer::Trace => {}
    }
    let Some((module, state)) = of(node, trace.tracer) else { return false };
    let mut a = Alloc::new();
    let (extra, result) = match tag {
        "call" | "receive" => (None, parts.get(2)),
        _ => (parts.get(2), parts.get(3)),
    };
    let mut options: Vec<(Term, Term)> = Vec::new();
    options.extend(extra.map(|t| (term::atom!("extra"), *t)));
    options.extend(result.map(|t| (term::atom!("match_spec_result"), *t)));
    if trace.has(SCHEDULER_ID) {
        let n = match node.sched.current() {
            Some(sched::WorkerId::Normal(n)) => n as i64 + 1,
            _ => 0,
        };
        options.push((term::atom!("scheduler_id"), Term::small(n)));
    }
    options.extend(stamp_kind(trace.flags).map(|k| (term::atom!("timestamp"), atom::intern(k))));
    let options = term::map::from_pairs(&mut a, &options);
    let what = parts.get(1).copied().unwrap_or(am::UNDEFINED);
    call(node, module, "trace", group, &[parts[0], state, who, what, options]).is_some() || of(node, trace.tracer).is_some()
}

/// The same for an event of sequential tracing.
pub fn tell_seq(node: &Arc<Node>, tracer: Term, label: Term, event: Term, stamp: u32) -> bool {
    match enabled(node, tracer, "seq_trace", "", label) {
        Answer::Remove => return false,
        Answer::Discard => return true,
        Answer::Trace => {}
    }
    let Some((module, state)) = of(node, tracer) else { return false };
    let mut a = Alloc::new();
    let options: Vec<(Term, Term)> = stamp_kind(stamp).map(|k| (term::atom!("timestamp"), atom::intern(k))).into_iter().collect();
    let options = term::map::from_pairs(&mut a, &options);
    call(node, module, "trace", "seq_trace", &[term::atom!("seq_trace"), state, label, event, options]);
    true
}
