//! `send_after`, `start_timer`, `cancel_timer`, `read_timer`.

use super::options::options;
use crate::result::Res;
use node::{Ctx, Effect, Native};
use term::{Term, am, atom};

fn send_after_3(cx: &mut Ctx, a: &[Term]) -> Res {
    start(cx, a, Term::NIL, false)
}
fn send_after_4(cx: &mut Ctx, a: &[Term]) -> Res {
    start(cx, a, a[3], false)
}
fn start_timer_3(cx: &mut Ctx, a: &[Term]) -> Res {
    start(cx, a, Term::NIL, true)
}
fn start_timer_4(cx: &mut Ctx, a: &[Term]) -> Res {
    start(cx, a, a[3], true)
}

fn start(cx: &mut Ctx, a: &[Term], list: Term, wrap: bool) -> Res {
    let mut absolute = false;
    let parsed = options(list).is_some_and(|l| {
        l.iter().all(|o| match o.as_tuple_n::<2>() {
            Some(&[k, v]) if k == atom!("abs") => v.as_bool().map(|b| absolute = b).is_some(),
            _ => false,
        })
    });
    if !parsed {
        return Err(cx.badarg_cause(atom!("badopt")));
    }
    let now = cx.node.monotonic_ns();
    let at = a[0].as_i64().and_then(|t| {
        let ns = t.checked_mul(1_000_000)?;
        if absolute { Some(ns) } else { (t >= 0).then(|| now.checked_add(ns)).flatten() }
    });
    let Some(at) = at else { return Err(cx.badarg_cause(atom!("time"))) };
    if !a[1].is_atom() && !a[1].is_local_pid() {
        return Err(cx.badarg());
    }
    cx.charge(4);
    let id = cx.node.start_message_timer(at, a[1], a[2], wrap);
    Ok(cx.h().reference(id.0, id.1))
}

/// The options `{async, _}` and `{info, _}`; no others.
fn async_info(list: Term) -> Option<(bool, bool)> {
    let (mut asynchronous, mut info) = (false, true);
    for option in options(list)? {
        let &[key, value] = option.as_tuple_n::<2>()?;
        match key {
            k if k == atom!("async") => asynchronous = value.as_bool()?,
            am::INFO => info = value.as_bool()?,
            _ => return None,
        }
    }
    Some((asynchronous, info))
}

fn cancel_timer_1(cx: &mut Ctx, a: &[Term]) -> Res {
    answer(cx, a[0], Term::NIL, true)
}
fn cancel_timer_2(cx: &mut Ctx, a: &[Term]) -> Res {
    answer(cx, a[0], a[1], true)
}
fn read_timer_1(cx: &mut Ctx, a: &[Term]) -> Res {
    answer(cx, a[0], Term::NIL, false)
}
fn read_timer_2(cx: &mut Ctx, a: &[Term]) -> Res {
    answer(cx, a[0], a[1], false)
}

fn answer(cx: &mut Ctx, reference: Term, list: Term, cancel: bool) -> Res {
    if !reference.is_ref() {
        return Err(cx.badarg());
    }
    let Some((asynchronous, info)) = async_info(list) else { return Err(cx.badarg()) };
    cx.charge(4);
    let left = reference.as_local_ref().and_then(|id| {
        if cancel { cx.node.cancel_message_timer(id) } else { cx.node.read_message_timer(id) }
    });
    let left = left.map_or(am::FALSE, Term::small);
    if asynchronous {
        if info {
            let what = if cancel { atom!("cancel_timer") } else { atom!("read_timer") };
            let message = node::signals::copy_out(reference).wrap(|h, r| h.tuple(&[what, r, left]));
            cx.node.send_message(cx.pid, message);
        }
        return Ok(am::OK);
    }
    Ok(if info { left } else { am::OK })
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "send_after", 3, send_after_3).effect(Effect::Clock),
    Native::new("erlang", "send_after", 4, send_after_4).effect(Effect::Clock),
    Native::new("erlang", "start_timer", 3, start_timer_3).effect(Effect::Clock),
    Native::new("erlang", "start_timer", 4, start_timer_4).effect(Effect::Clock),
    Native::new("erlang", "cancel_timer", 1, cancel_timer_1).effect(Effect::Clock),
    Native::new("erlang", "cancel_timer", 2, cancel_timer_2).effect(Effect::Clock),
    Native::new("erlang", "read_timer", 1, read_timer_1).effect(Effect::Clock),
    Native::new("erlang", "read_timer", 2, read_timer_2).effect(Effect::Clock),
];
