//! `atomics`, and the part of `counters` that is native: arrays of integers behind references.

use ::ets::arrays::{Atomics, Counters};
use node::{Ctx, Effect, Native, Stop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use term::magic::Magic;
use term::{Term, am, atom};

type Answer = Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("atomics", "add", 3, add).effect(Effect::Process),
    Native::new("atomics", "add_get", 3, add_get).effect(Effect::Process),
    Native::new("atomics", "compare_exchange", 4, compare_exchange).effect(Effect::Process),
    Native::new("atomics", "exchange", 3, exchange).effect(Effect::Process),
    Native::new("atomics", "get", 2, get).effect(Effect::Process),
    Native::new("atomics", "info", 1, info).effect(Effect::Process),
    Native::new("atomics", "put", 3, put).effect(Effect::Process),
    Native::new("erts_internal", "atomics_new", 2, new).effect(Effect::Process),
    Native::new("erts_internal", "counters_add", 3, counters_add).effect(Effect::Process),
    Native::new("erts_internal", "counters_get", 2, counters_get).effect(Effect::Process),
    Native::new("erts_internal", "counters_info", 1, counters_info).effect(Effect::Process),
    Native::new("erts_internal", "counters_new", 1, counters_new).effect(Effect::Process),
    Native::new("erts_internal", "counters_put", 3, counters_put).effect(Effect::Process),
];

/// More cells than this are a `system_limit`.
const MAX_CELLS: usize = (isize::MAX as usize >> 6) - 64;

fn make(cx: &mut Ctx, value: impl std::any::Any + Send + Sync) -> Term {
    let id = cx.node.next_ref();
    cx.h().magic_ref(Arc::new(Magic { id: (id, 0), value: Box::new(value) }))
}

/// The number of cells asked for.
fn cells(cx: &mut Ctx, t: Term) -> Result<usize, Stop> {
    match t.to::<usize>() {
        Some(0) => Err(cx.badarg()),
        Some(n) if n <= MAX_CELLS => Ok(n),
        Some(_) => Err(cx.system_limit()),
        None if t.is_kind(term::Kind::PosBig) => Err(cx.system_limit()),
        None => Err(cx.badarg()),
    }
}

fn array(cx: &mut Ctx, t: Term) -> Result<&'static Atomics, Stop> {
    t.magic_value::<Atomics>().ok_or_else(|| cx.badarg())
}

fn cell(cx: &mut Ctx, a: &[Term]) -> Result<(&'static Atomics, &'static AtomicU64), Stop> {
    let array = array(cx, a[0])?;
    let cell = array.cell(a[1]).ok_or_else(|| cx.badarg())?;
    Ok((array, cell))
}

/// `erts_internal:atomics_new(Number, Options)`: bit 0 of the options says signed.
fn new(cx: &mut Ctx, a: &[Term]) -> Answer {
    let n = cells(cx, a[0])?;
    let Some(options) = a[1].to::<u32>() else { return Err(cx.badarg()) };
    Ok(make(cx, Atomics::new(n, options & 1 != 0)))
}

fn get(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    Ok(array.term(cell.load(SeqCst), cx.h()))
}

fn put(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    let Some(n) = array.value(a[2]) else { return Err(cx.badarg()) };
    cell.store(n, SeqCst);
    Ok(am::OK)
}

fn add(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    let Some(n) = array.increment(a[2]) else { return Err(cx.badarg()) };
    cell.fetch_add(n, SeqCst);
    Ok(am::OK)
}

fn add_get(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    let Some(n) = array.increment(a[2]) else { return Err(cx.badarg()) };
    let sum = cell.fetch_add(n, SeqCst).wrapping_add(n);
    Ok(array.term(sum, cx.h()))
}

fn exchange(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    let Some(n) = array.value(a[2]) else { return Err(cx.badarg()) };
    let old = cell.swap(n, SeqCst);
    Ok(array.term(old, cx.h()))
}

/// `ok`, or the value that was there instead.
fn compare_exchange(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (array, cell) = cell(cx, a)?;
    let (Some(expected), Some(new)) = (array.value(a[2]), array.value(a[3])) else { return Err(cx.badarg()) };
    match cell.compare_exchange(expected, new, SeqCst, SeqCst) {
        Ok(_) => Ok(am::OK),
        Err(actual) => Ok(array.term(actual, cx.h())),
    }
}

fn map(cx: &mut Ctx, pairs: &[(Term, Term)]) -> Term {
    term::map::from_pairs(cx.h(), pairs)
}

fn info(cx: &mut Ctx, a: &[Term]) -> Answer {
    let array = array(cx, a[0])?;
    let (min, max) = array.bounds(cx.h());
    let (size, memory) = (Term::small(array.len() as i64), Term::small(array.memory() as i64));
    Ok(map(cx, &[(am::SIZE, size), (am::MAX, max), (am::MIN, min), (am::MEMORY, memory)]))
}

fn counters(cx: &mut Ctx, t: Term) -> Result<&'static Counters, Stop> {
    t.magic_value::<Counters>().ok_or_else(|| cx.badarg())
}

fn counters_new(cx: &mut Ctx, a: &[Term]) -> Answer {
    let n = cells(cx, a[0])?;
    // One share for each scheduler, and one for everybody else.
    let shares = cx.node.sched.workers() + 1;
    if n.checked_mul(shares).is_none_or(|n| n > MAX_CELLS) {
        return Err(cx.system_limit());
    }
    Ok(make(cx, Counters::new(n, shares)))
}

fn counters_get(cx: &mut Ctx, a: &[Term]) -> Answer {
    let c = counters(cx, a[0])?;
    let Some(n) = c.get(a[1]) else { return Err(cx.badarg()) };
    Ok(cx.h().int(n))
}

fn counters_add(cx: &mut Ctx, a: &[Term]) -> Answer {
    let c = counters(cx, a[0])?;
    let n = a[2].as_i64().or(a[2].as_u64().map(|n| n as i64));
    let share = match cx.node.sched.current() {
        Some(sched::WorkerId::Normal(n)) => n as usize + 1,
        _ => 0,
    };
    match n.and_then(|n| c.add(a[1], n, share)) {
        Some(()) => Ok(am::OK),
        None => Err(cx.badarg()),
    }
}

fn counters_put(cx: &mut Ctx, a: &[Term]) -> Answer {
    let c = counters(cx, a[0])?;
    match a[2].as_i64().and_then(|n| c.put(a[1], n)) {
        Some(()) => Ok(am::OK),
        None => Err(cx.badarg()),
    }
}

fn counters_info(cx: &mut Ctx, a: &[Term]) -> Answer {
    let c = counters(cx, a[0])?;
    let (size, memory) = (Term::small(c.len() as i64), Term::small(c.memory() as i64));
    Ok(map(cx, &[(am::SIZE, size), (atom!("memory"), memory)]))
}
