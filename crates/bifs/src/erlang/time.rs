//! Time of day, monotonic time, calendars, unique integers.

use super::options::options;
use crate::result::Res;
use node::timers::MONOTONIC_BEGIN;
use node::{Ctx, Effect, Native};
use std::sync::atomic::Ordering::Relaxed;
use sys::clock::DateTime;
use term::{Term, am, atom};

/// Parts of a second in a time unit; `None` if it is none. Native time is in nanoseconds.
pub fn unit(t: Term) -> Option<u64> {
    Some(match t {
        am::SECOND => 1,
        am::MILLISECOND => 1_000,
        am::MICROSECOND => 1_000_000,
        am::NANOSECOND | am::NATIVE => 1_000_000_000,
        t if t == atom!("perf_counter") => 1_000_000_000,
        t if t == atom!("seconds") => 1,
        t if t == atom!("milli_seconds") => 1_000,
        t if t == atom!("micro_seconds") => 1_000_000,
        t if t == atom!("nano_seconds") => 1_000_000_000,
        t => return t.as_u64().filter(|&n| n > 0),
    })
}

/// Nanoseconds in a unit, rounded down.
fn in_unit(cx: &mut Ctx, ns: i64, u: Term) -> Res {
    match unit(u) {
        Some(1_000_000_000) => Ok(cx.h().int(ns)),
        Some(parts) => {
            let n = (i128::from(ns) * i128::from(parts)).div_euclid(1_000_000_000);
            Ok(cx.h().int128(n))
        }
        None => Err(cx.badarg()),
    }
}

fn monotonic_time_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let ns = cx.node.monotonic_ns();
    Ok(cx.h().int(ns))
}
fn monotonic_time_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let ns = cx.node.monotonic_ns();
    in_unit(cx, ns, a[0])
}
fn system_time_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let ns = cx.node.system_ns();
    Ok(cx.h().int(ns))
}
fn system_time_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let ns = cx.node.system_ns();
    in_unit(cx, ns, a[0])
}
fn time_offset_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let ns = cx.node.time_offset_ns();
    Ok(cx.h().int(ns))
}
fn time_offset_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(parts) = unit(a[0]) else { return Err(cx.badarg()) };
    // So that monotonic time and offset, each in this unit, add up to system time.
    let scale = |ns: i64| (i128::from(ns) * i128::from(parts)).div_euclid(1_000_000_000);
    let n = scale(cx.node.time_offset_ns());
    Ok(cx.h().int128(n))
}

/// `{MegaSecs, Secs, MicroSecs}`
fn stamp(cx: &mut Ctx, us: i64) -> Term {
    let (secs, micros) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let parts = [secs.div_euclid(1_000_000), secs.rem_euclid(1_000_000), micros].map(Term::small);
    cx.h().tuple(&parts)
}
fn timestamp_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let us = cx.node.system_ns() / 1000;
    Ok(stamp(cx, us))
}
/// Rises with each call.
fn now_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let us = (cx.node.system_ns() / 1000) as u64;
    let last = cx.node.last_now.fetch_update(Relaxed, Relaxed, |last| Some(us.max(last + 1))).expect("always an update");
    Ok(stamp(cx, us.max(last + 1) as i64))
}

// ---- calendars
fn date_term(cx: &mut Ctx, d: &DateTime) -> Term {
    let parts = [Term::small(d.year), Term::small(d.month.into()), Term::small(d.day.into())];
    cx.h().tuple(&parts)
}
fn time_term(cx: &mut Ctx, d: &DateTime) -> Term {
    let parts = [d.hour, d.minute, d.second].map(|n| Term::small(n.into()));
    cx.h().tuple(&parts)
}
fn both(cx: &mut Ctx, d: &DateTime) -> Term {
    let (date, time) = (date_term(cx, d), time_term(cx, d));
    cx.h().tuple(&[date, time])
}
fn date_time(t: Term) -> Option<DateTime> {
    let &[date, time] = t.as_tuple_n::<2>()?;
    let (&[y, m, d], &[h, min, s]) = (date.as_tuple_n::<3>()?, time.as_tuple_n::<3>()?);
    Some(DateTime::new(y.as_i64()?, m.to()?, d.to()?, h.to()?, min.to()?, s.to()?))
}
fn local(cx: &mut Ctx) -> Result<DateTime, node::Stop> {
    match cx.node.world.clock.local() {
        Some(d) => Ok(d),
        None => Err(cx.badarg()),
    }
}
fn date_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let d = local(cx)?;
    Ok(date_term(cx, &d))
}
fn time_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let d = local(cx)?;
    Ok(time_term(cx, &d))
}
fn localtime_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let d = local(cx)?;
    Ok(both(cx, &d))
}
fn universaltime_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let d = cx.node.world.clock.universal();
    Ok(both(cx, &d))
}
fn universaltime_to_localtime_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match date_time(a[0]).and_then(|d| cx.node.world.clock.universal_to_local(&d)) {
        Some(d) => Ok(both(cx, &d)),
        None => Err(cx.badarg()),
    }
}
fn localtime_to_universaltime_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let dst = match a[1] {
        am::UNDEFINED => None,
        t => match t.as_bool() {
            Some(b) => Some(b),
            None => return Err(cx.badarg()),
        },
    };
    match date_time(a[0]).and_then(|d| cx.node.world.clock.local_to_universal(&d, dst)) {
        Some(d) => Ok(both(cx, &d)),
        None => Err(cx.badarg()),
    }
}
fn universaltime_to_posixtime_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match date_time(a[0]).filter(DateTime::is_valid) {
        Some(d) => Ok(cx.h().int(d.to_posix())),
        None => Err(cx.badarg()),
    }
}
fn posixtime_to_universaltime_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_i64() {
        Some(n) => Ok(both(cx, &DateTime::from_posix(n))),
        None => Err(cx.badarg()),
    }
}
fn time_unit_0(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(Term::small(1_000_000_000))
}

// ---- unique integers
fn unique_integer_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let n = cx.node.next_unique();
    Ok(cx.h().int(MONOTONIC_BEGIN + n as i64))
}
fn unique_integer_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let (mut monotonic, mut positive) = (false, false);
    let Some(list) = options(a[0]) else { return Err(cx.badarg()) };
    for option in list {
        match option {
            o if o == atom!("monotonic") => monotonic = true,
            o if o == atom!("positive") => positive = true,
            _ => return Err(cx.badarg()),
        }
    }
    let n = if monotonic { i128::from(cx.node.monotonic_integers.fetch_add(1, Relaxed)) + i128::from(positive) } else { cx.node.next_unique().into() };
    let n = if positive { n } else { n + i128::from(MONOTONIC_BEGIN) };
    let magnitude = n.unsigned_abs();
    Ok(cx.h().integer(n < 0, &[magnitude as u64, (magnitude >> 64) as u64]))
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "monotonic_time", 0, monotonic_time_0).effect(Effect::Clock),
    Native::new("erlang", "monotonic_time", 1, monotonic_time_1).effect(Effect::Clock),
    Native::new("erlang", "system_time", 0, system_time_0).effect(Effect::Clock),
    Native::new("erlang", "system_time", 1, system_time_1).effect(Effect::Clock),
    Native::new("erlang", "time_offset", 0, time_offset_0).effect(Effect::Clock),
    Native::new("erlang", "time_offset", 1, time_offset_1).effect(Effect::Clock),
    Native::new("erlang", "timestamp", 0, timestamp_0).effect(Effect::Clock),
    Native::new("erlang", "now", 0, now_0).effect(Effect::Clock),
    Native::new("erlang", "date", 0, date_0).effect(Effect::Clock),
    Native::new("erlang", "time", 0, time_0).effect(Effect::Clock),
    Native::new("erlang", "localtime", 0, localtime_0).effect(Effect::Clock),
    Native::new("erlang", "universaltime", 0, universaltime_0).effect(Effect::Clock),
    Native::new("erlang", "universaltime_to_localtime", 1, universaltime_to_localtime_1).effect(Effect::Clock),
    Native::new("erlang", "localtime_to_universaltime", 2, localtime_to_universaltime_2).effect(Effect::Clock),
    Native::new("erlang", "universaltime_to_posixtime", 1, universaltime_to_posixtime_1),
    Native::new("erlang", "posixtime_to_universaltime", 1, posixtime_to_universaltime_1),
    Native::new("erts_internal", "time_unit", 0, time_unit_0),
    Native::new("erts_internal", "perf_counter_unit", 0, time_unit_0),
    Native::new("erlang", "unique_integer", 0, unique_integer_0).effect(Effect::Process),
    Native::new("erlang", "unique_integer", 1, unique_integer_1).effect(Effect::Process),
];
