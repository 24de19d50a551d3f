//! `erts_debug:set_internal_state/2`, `get_internal_state/1`: what OTP's own tests ask of the emulator's insides, as far as
//! there is something like it here. Whatever else is asked is `badarg`, as from an emulator that does not offer it.

use node::{Ctx, Effect, Native, Stop};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use term::{Term, am, atom};

type Answer = Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erts_debug", "set_internal_state", 2, set).effect(Effect::Node).partial("a few of its names"),
    Native::new("erts_debug", "get_internal_state", 1, get).effect(Effect::Node).partial("a few of its names"),
];

/// How much a long operation does at once: kept for whoever set it, as ours give way by the reductions that they use.
#[derive(Default)]
struct Limits {
    unicode: AtomicI64,
    binary: AtomicI64,
    re: AtomicI64,
}

/// Sets a limit, 0 or `default` being the usual one; answers the one before.
fn set_limit(cx: &mut Ctx, limit: &AtomicI64, usual: i64, to: Term) -> Answer {
    let n = if to == atom!("default") { Some(0) } else { to.as_i64().filter(|&n| n >= 0) };
    let Some(n) = n else { return Err(cx.badarg()) };
    let old = limit.swap(n, Relaxed);
    Ok(Term::small(if old == 0 { usual } else { old }))
}

/// Whether someone has asked for it by `available_internal_state`.
#[derive(Default)]
struct Available(AtomicBool);

fn set(cx: &mut Ctx, a: &[Term]) -> Answer {
    let available = cx.node.part::<Available>();
    let name = term::atom::as_text(a[0]).unwrap_or("");
    if name == "available_internal_state" {
        let Some(on) = a[1].as_bool() else { return Err(cx.badarg()) };
        return Ok(Term::bool(available.0.swap(on, Relaxed)));
    }
    if !available.0.load(Relaxed) {
        return Err(cx.undef());
    }
    match name {
        // Nothing is freed later than when it is given up.
        "wait" => Ok(am::OK),
        "reds_left" => {
            let Some(n) = a[1].as_i64() else { return Err(cx.badarg()) };
            cx.reductions = n.clamp(0, 4000);
            Ok(am::TRUE)
        }
        // Long operations on tables give way by the reductions that they use, and tables are not split by force.
        "unicode_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.unicode, 40_000, a[1])
        }
        "binary_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.binary, 0, a[1])
        }
        "re_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.re, 40_000, a[1])
        }
        "binary" => {
            let Some(n) = a[1].as_i64().filter(|n| (0..1 << 32).contains(n)) else { return Err(cx.badarg()) };
            Ok(cx.h().binary(&vec![0; n as usize]))
        }
        "ets_force_trap" | "ets_force_split" => Ok(am::OK),
        _ => Err(cx.badarg()),
    }
}

fn get(cx: &mut Ctx, a: &[Term]) -> Answer {
    if !cx.node.part::<Available>().0.load(Relaxed) {
        return Err(cx.undef());
    }
    if a[0] == atom!("reds_left") {
        return Ok(Term::small(cx.reductions.max(0)));
    }
    match a[0].as_tuple() {
        Some([what, t]) if *what == atom!("internal_hash") => Ok(Term::small((term::hash::hash(*t) >> 4) as i64)),
        _ => Err(cx.badarg()),
    }
}
