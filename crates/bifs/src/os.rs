//! Module `os`: environment, process id, the system's clock, what is done about signals.
//! Not here: what a signal does to the node (`signals`), other programs (ports).

use crate::prim_file::{name_bytes, name_list, names_are_utf8};
use crate::result::Res;
use node::{Ctx, Effect, Native, Stop};
use sys::env::Env;
use sys::signals::{Disposition, Signal};
use term::{Term, am, atom};

/// A name or value: a list of characters.
fn text(cx: &mut Ctx, t: Term) -> Result<Vec<u8>, Stop> {
    let utf8 = names_are_utf8(cx);
    if !t.is_list() {
        return Err(cx.badarg());
    }
    name_bytes(t, utf8).ok_or_else(|| cx.badarg())
}

/// A value as a list of characters; bytes that are no characters stand for themselves.
fn chars(cx: &mut Ctx, bytes: &[u8]) -> Term {
    let utf8 = names_are_utf8(cx);
    match name_list(cx, bytes, utf8) {
        Some(list) => list,
        None => cx.h().list_of_bytes(bytes),
    }
}

fn getenv(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = text(cx, a[0])?;
    if !Env::is_name(&name) {
        return Err(cx.badarg());
    }
    Ok(match cx.node.world.env.get(&name) {
        Some(value) => chars(cx, &value),
        None => am::FALSE,
    })
}

fn env(cx: &mut Ctx, _: &[Term]) -> Res {
    let mut list = Term::NIL;
    for (name, value) in cx.node.world.env.all().into_iter().rev() {
        let (name, value) = (chars(cx, &name), chars(cx, &value));
        let pair = cx.h().tuple(&[name, value]);
        list = cx.h().cons(pair, list);
    }
    Ok(list)
}

fn putenv(cx: &mut Ctx, a: &[Term]) -> Res {
    let (name, value) = (text(cx, a[0])?, text(cx, a[1])?);
    if cx.node.world.env.put(&name, &value) { Ok(am::TRUE) } else { Err(cx.badarg()) }
}

fn unsetenv(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = text(cx, a[0])?;
    if cx.node.world.env.unset(&name) { Ok(am::TRUE) } else { Err(cx.badarg()) }
}

fn getpid(cx: &mut Ctx, _: &[Term]) -> Res {
    let pid = cx.node.world.host.pid().to_string();
    Ok(cx.h().list_of_chars(&pid))
}

fn timestamp(cx: &mut Ctx, _: &[Term]) -> Res {
    let us = cx.node.world.clock.system_ns().div_euclid(1000);
    let parts = [us / 1_000_000_000_000, us / 1_000_000 % 1_000_000, us % 1_000_000].map(Term::small);
    Ok(cx.h().tuple(&parts))
}

fn system_time(cx: &mut Ctx, _: &[Term]) -> Res {
    let ns = cx.node.world.clock.system_ns();
    Ok(cx.h().int(ns))
}

fn system_time_in(cx: &mut Ctx, a: &[Term]) -> Res {
    let per_second: i128 = match (term::atom::as_text(a[0]), a[0].as_i64()) {
        (Some("second" | "seconds"), _) => 1,
        (Some("millisecond" | "milli_seconds"), _) => 1000,
        (Some("microsecond" | "micro_seconds"), _) => 1_000_000,
        (Some("nanosecond" | "nano_seconds" | "native"), _) => 1_000_000_000,
        (Some("perf_counter"), _) => 1_000_000_000,
        (_, Some(n @ 1..)) => n.into(),
        _ => return Err(cx.badarg()),
    };
    let ns = i128::from(cx.node.world.clock.system_ns());
    Ok(cx.h().int128((ns * per_second).div_euclid(1_000_000_000)))
}

fn perf_counter(cx: &mut Ctx, _: &[Term]) -> Res {
    let ns = cx.node.world.clock.perf_counter_ns();
    Ok(cx.h().int(ns))
}

/// The signals that may be set; the last ones since 28.
fn settable(cx: &Ctx, signal: Signal) -> bool {
    use Signal::*;
    match signal {
        Hup | Quit | Abrt | Alrm | Term | Usr1 | Usr2 | Chld | Stop | Tstp => true,
        Cont | Winch => cx.node.code.release >= 28,
        _ => false,
    }
}

fn set_signal(cx: &mut Ctx, a: &[Term]) -> Res {
    let disposition = match term::atom::as_text(a[1]) {
        Some("handle") => Disposition::Handle,
        Some("ignore") => Disposition::Ignore,
        Some("default") => Disposition::Default,
        _ => return Err(cx.badarg_cause(atom!("badopt"))),
    };
    let signal = term::atom::as_text(a[0]).and_then(Signal::from_name);
    let Some(signal) = signal.filter(|&s| settable(cx, s)) else { return Err(cx.badarg()) };
    match cx.node.world.signals.set(signal, disposition) {
        Ok(()) => Ok(am::OK),
        Err(_) => Err(cx.badarg()),
    }
}

pub const NATIVES: &[Native] = &[
    Native::new("os", "getenv", 1, getenv).effect(Effect::Os),
    Native::new("os", "env", 0, env).effect(Effect::Os),
    Native::new("os", "putenv", 2, putenv).effect(Effect::Os),
    Native::new("os", "unsetenv", 1, unsetenv).effect(Effect::Os),
    Native::new("os", "getpid", 0, getpid).effect(Effect::Os),
    Native::new("os", "timestamp", 0, timestamp).effect(Effect::Clock),
    Native::new("os", "system_time", 0, system_time).effect(Effect::Clock),
    Native::new("os", "system_time", 1, system_time_in).effect(Effect::Clock),
    Native::new("os", "perf_counter", 0, perf_counter).effect(Effect::Clock),
    Native::new("os", "set_signal", 2, set_signal).effect(Effect::Os),
];
