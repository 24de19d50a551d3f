//! `erts_debug:dirty_cpu/2`, `dirty_io/2`, `dirty/3`: native functions that do nothing but be on a dirty pool, for tests of the pools.
//! While one of them waits on a scheduler it handles the signals that come, as others do for a process that is on a dirty pool.

use crate::result::Res;
use node::{Ctx, Dirty, Effect, Native, Stop};
use process::Owned;
use sched::{DirtyKind, WorkerId};
use std::time::{Duration, Instant};
use term::{Term, am, atom};

const TICK: Duration = Duration::from_millis(1);

/// Handles the signals that have come, unless others do; the process may have to end.
fn attend(cx: &mut Ctx) -> Result<(), Stop> {
    if cx.dirty {
        return if cx.me.is_alive(cx.pid) { Ok(()) } else { Err(Stop::Exit) };
    }
    if cx.me.has_signals() {
        let node = cx.node.clone();
        if let Some(reason) = node.fetch(cx.me, cx.pid, cx.p).exit {
            cx.p.exception.reason = reason;
            return Err(Stop::Exit);
        }
    }
    Ok(())
}

fn wait(cx: &mut Ctx, time: Duration) -> Result<(), Stop> {
    let end = Instant::now() + time;
    loop {
        attend(cx)?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(TICK));
    }
}

fn tell(cx: &mut Ctx, to: Term, what: &str) -> Result<(), Stop> {
    if !to.is_local_pid() {
        return Err(cx.badarg());
    }
    let (what, me) = (atom::intern(what), cx.pid);
    cx.node.send_message(to, Owned::build(|h| h.tuple(&[what, me])));
    Ok(())
}

fn run(cx: &mut Ctx, command: Term, value: Term) -> Res {
    match atom::as_text(command) {
        Some("scheduler") => Ok(atom::intern(match cx.node.sched.current() {
            Some(WorkerId::Dirty(DirtyKind::Cpu, _)) => "dirty_cpu",
            Some(WorkerId::Dirty(DirtyKind::Io, _)) => "dirty_io",
            _ => "normal",
        })),
        Some("error") if value.is_atom() => Err(cx.error(value)),
        // Sent to and fro in ERTS, and ends elsewhere after an odd number of moves.
        Some("reschedule") if value.as_small().is_some_and(|n| n >= 0 && n % 2 == 0) => Ok(am::OK),
        // As many copies as take a while.
        Some("copy") => {
            let mut list = Term::NIL;
            for _ in 0..1000 {
                let copy = term::copy::copy(value, cx.h(), term::copy::LiteralRange::NONE);
                list = cx.h().cons(copy, list);
            }
            Ok(list)
        }
        Some("wait") => {
            let Some(ms) = value.to::<u32>() else { return Err(cx.badarg()) };
            wait(cx, Duration::from_millis(ms.into()))?;
            Ok(am::OK)
        }
        Some("ready_wait6_done") => {
            tell(cx, value, "ready")?;
            wait(cx, Duration::from_secs(6))?;
            tell(cx, value, "done")?;
            Ok(am::OK)
        }
        Some("alive_waitexiting") => {
            tell(cx, value, "alive")?;
            wait(cx, Duration::from_secs(1 << 30))?;
            Ok(am::OK)
        }
        _ => Err(cx.badarg()),
    }
}

fn dirty_2(cx: &mut Ctx, a: &[Term]) -> Res {
    run(cx, a[0], a[1])
}

/// `dirty(normal | dirty_cpu | dirty_io, Command, Value)`: the pool is chosen when it is called.
fn dirty_3(cx: &mut Ctx, a: &[Term]) -> Res {
    match atom::as_text(a[0]) {
        Some("normal") => run(cx, a[1], a[2]),
        // Here all runs where it was called; what it answers is as if it had moved.
        Some(kind @ ("dirty_cpu" | "dirty_io")) => match atom::as_text(a[1]) {
            Some("scheduler") => Ok(atom::intern(kind)),
            _ => run(cx, a[1], a[2]),
        },
        _ => Err(cx.badarg()),
    }
}

pub const NATIVES: &[Native] = &[
    Native::new("erts_debug", "dirty_cpu", 2, dirty_2).effect(Effect::Node).dirty(Dirty::Cpu).apart(),
    Native::new("erts_debug", "dirty_io", 2, dirty_2).effect(Effect::Node).dirty(Dirty::Io).apart(),
    Native::new("erts_debug", "dirty", 3, dirty_3).effect(Effect::Node).partial("does not change the pool"),
];
