//! `seq_trace`: the token of sequential tracing. Not here: how messages carry it (`node::seq`).

use crate::result::Res;
use node::seq;
use node::trace::modules;
use node::{Ctx, Effect, Native};
use term::{Term, am, atom};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "seq_trace", 2, seq_trace).effect(Effect::Process),
    Native::new("erlang", "seq_trace_info", 1, seq_trace_info).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 1, seq_trace_print_1).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 2, seq_trace_print_2).effect(Effect::Process),
];

/// `system_flag(sequential_tracer, _)`: the one before.
pub fn set_sequential_tracer(cx: &mut Ctx, tracer: Term) -> Res {
    let node = cx.node.clone();
    let new = match tracer.as_tuple_n::<2>() {
        Some(&[module, state]) => modules::number(&node, module, state),
        None => Some(tracer).filter(|t| (t.is_local_pid() || t.is_local_port()) && node.tracer_lives(*t)),
    };
    if tracer != am::FALSE && new.is_none() {
        return Err(cx.badarg());
    }
    let before = node.seq_tracer.set(new).unwrap_or(am::FALSE);
    Ok(modules::shown(&node, before, cx.h()))
}

/// `system_flag(reset_seq_trace, true)`: no process has a token any more.
pub fn reset(cx: &mut Ctx) {
    seq::reset(cx.p);
    for pid in cx.node.processes.pids() {
        if pid != cx.pid {
            cx.node.request(pid, |_, other| {
                if let Some((_, _, p)) = other {
                    seq::reset(p);
                    for m in p.mailbox.iter_mut() {
                        m.extra = None;
                    }
                }
            });
        }
    }
}

/// The former value.
fn seq_trace(cx: &mut Ctx, a: &[Term]) -> Res {
    let pid = cx.pid;
    let Some(what) = atom::as_text(a[0]) else { return Err(cx.badarg()) };
    if let Some(flag) = seq::flag(what) {
        let Some(on) = a[1].as_bool() else { return Err(cx.badarg()) };
        let before = seq::part(cx.p, 0).and_then(|t| t.as_small()).unwrap_or(0) & flag != 0;
        seq::set_flag(pid, cx.p, flag, on);
        return Ok(Term::bool(before));
    }
    match what {
        "label" => {
            let before = seq::part(cx.p, 1).map_or(Term::small(0), |t| copied(cx, t));
            let label = a[1];
            seq::change(pid, cx.p, |t| t[1] = label);
            Ok(before)
        }
        "serial" => {
            let numbers = a[1].as_tuple_n::<2>().map(|t| (t[0].as_small(), t[1].as_small()));
            let Some((Some(previous), Some(serial))) = numbers else { return Err(cx.badarg()) };
            seq::change(pid, cx.p, |_| {});
            let before = serial_term(cx);
            seq::set_serial(pid, cx.p, previous, serial);
            Ok(before)
        }
        "sequential_trace_token" if a[1].is_nil() => {
            let before = seq::shown(cx.p, &mut term::Alloc::new());
            let before = if before.is_nil() { before } else { token(cx) };
            seq::clear(cx.p);
            Ok(before)
        }
        _ => Err(cx.badarg()),
    }
}

fn copied(cx: &mut Ctx, t: Term) -> Term {
    term::copy::copy(t, cx.h(), node::signals::literals())
}

fn token(cx: &mut Ctx) -> Term {
    match cx.p.rare.as_ref().and_then(|r| r.trace_token.as_ref()).map(|t| t.term) {
        Some(t) => copied(cx, t),
        None => Term::NIL,
    }
}

fn serial_term(cx: &mut Ctx) -> Term {
    match (seq::part(cx.p, 4), seq::part(cx.p, 2)) {
        (Some(previous), Some(serial)) => cx.h().tuple(&[previous, serial]),
        _ => Term::NIL,
    }
}

fn seq_trace_info(cx: &mut Ctx, a: &[Term]) -> Res {
    let value = match atom::as_text(a[0]) {
        Some("label" | "serial") if !seq::is_on(cx.p) => return Ok(Term::NIL),
        Some("label") => seq::part(cx.p, 1).map_or(Term::NIL, |t| copied(cx, t)),
        Some("serial") => serial_term(cx),
        Some("spawn") => am::FALSE,
        Some(name) => match seq::flag(name) {
            Some(flag) => Term::bool(seq::part(cx.p, 0).and_then(|t| t.as_small()).unwrap_or(0) & flag != 0),
            None => return Err(cx.badarg()),
        },
        None => return Err(cx.badarg()),
    };
    Ok(cx.h().tuple(&[a[0], value]))
}

fn print(cx: &mut Ctx, message: Term) -> Term {
    if !seq::is_on(cx.p) {
        return am::FALSE;
    }
    seq::advance(cx.pid, cx.p);
    let token = cx.p.rare.as_ref().and_then(|r| r.trace_token.as_ref()).and_then(|t| t.term.as_tuple_n::<5>());
    if let Some(token) = token.filter(|_| !cx.p.sensitive) {
        cx.node.seq_tell(token, seq::flags::PRINT, term::atom!("print"), Term::NIL, message);
    }
    am::TRUE
}

fn seq_trace_print_1(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(print(cx, a[0]))
}
/// Only if the token has this label.
fn seq_trace_print_2(cx: &mut Ctx, a: &[Term]) -> Res {
    match seq::part(cx.p, 1) {
        Some(label) if term::cmp::eq_exact(label, a[0]) => Ok(print(cx, a[1])),
        _ => Ok(am::FALSE),
    }
}
