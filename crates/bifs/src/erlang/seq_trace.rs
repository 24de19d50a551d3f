//! `seq_trace`: the token of sequential tracing. Not here: how messages carry it (`node::seq`).

use crate::result::Res;
use node::{Ctx, Effect, Native};
use term::{Term, am, atom};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "seq_trace", 2, seq_trace).effect(Effect::Process).partial("setting a token: notsup"),
    Native::new("erlang", "seq_trace_info", 1, seq_trace_info).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 1, seq_trace_print).effect(Effect::Process),
    Native::new("erlang", "seq_trace_print", 2, seq_trace_print).effect(Effect::Process),
];

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
