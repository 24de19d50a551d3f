//! `system_monitor` and `system_profile`: who is told of long collections, busy ports, ... Not here: the events (`node::watch`).

use crate::result::Res;
use node::signals::copy_out;
use node::profile::{PORTS, PROCESSES};
use process::trace::flags::{MONOTONIC, STRICT_MONOTONIC, TIMESTAMP};
use node::watch::Limits;
use node::{Ctx, Effect, Native};
use process::Owned;
use base::sync::Mutex;
use term::{Term, am, atom};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "system_monitor", 0, system_monitor_0).effect(Effect::Node),
    Native::new("erlang", "system_monitor", 1, system_monitor_1).effect(Effect::Node),
    Native::new("erlang", "system_monitor", 2, system_monitor_2).effect(Effect::Node),
    Native::new("erts_internal", "system_monitor", 1, session_monitor_1).effect(Effect::Node).partial("no events of long queues; one session"),
    Native::new("erts_internal", "system_monitor", 3, session_monitor_3).effect(Effect::Node).partial("no events of long queues; one session"),
    Native::new("erlang", "system_profile", 0, system_profile_0).effect(Effect::Node),
    Native::new("erlang", "system_profile", 2, system_profile_2).effect(Effect::Node).partial("no events of schedulers"),
];

/// Who watches, and the options in force.
#[derive(Default)]
struct Watch {
    monitor: Mutex<Option<Owned>>,
    profile: Mutex<Option<Owned>>,
}

fn current(cx: &mut Ctx, cell: &Mutex<Option<Owned>>) -> Term {
    // Who has ended watches no more.
    let lives = |o: &Owned| o.term.as_tuple().is_none_or(|t| !t[0].is_local_pid() || cx.node.is_alive(t[0]));
    let now = cell.lock().as_ref().filter(|o| lives(o)).map(|o| copy_out(o.term));
    match now {
        None => am::UNDEFINED,
        Some(o) => {
            let t = o.term;
            cx.h().adopt(o.memory);
            t
        }
    }
}

/// `None`: an option that is not one. The options as they are shown.
fn monitor_options(cx: &mut Ctx, options: Term) -> Option<Vec<Term>> {
    let release = cx.node.code.release;
    let mut out = Vec::new();
    for option in options.proper_list()? {
        let fine = match (atom::as_text(option), option.as_tuple_n::<2>()) {
            (Some("busy_port" | "busy_dist_port"), _) => true,
            (_, Some(&[name, limit])) => match atom::as_text(name)? {
                "long_gc" | "long_schedule" | "large_heap" => limit.as_small().is_some_and(|n| n >= 0),
                "long_message_queue" if release >= 27 => match limit.as_tuple_n::<2>() {
                    Some(&[off, on]) => matches!((off.as_small(), on.as_small()), (Some(off), Some(on)) if off >= 0 && on > off),
                    None => false,
                },
                _ => false,
            },
            _ => false,
        };
        if !fine {
            return None;
        }
        // A limit of nothing means the least there is.
        out.push(match option.as_tuple_n::<2>() {
            Some(&[name, limit]) if limit == Term::small(0) => cx.h().tuple(&[name, Term::small(1)]),
            _ => option,
        });
    }
    Some(out)
}

fn set_monitor(cx: &mut Ctx, who: Term, options: Term) -> Res {
    let watch = cx.node.part::<Watch>();
    let before = current(cx, &watch.monitor);
    if who == am::UNDEFINED {
        *watch.monitor.lock() = None;
        cx.node.system_monitor.set(None);
        return Ok(before);
    }
    let alive = who.is_local_pid() && cx.node.is_alive(who) || who.is_local_port();
    let Some(list) = monitor_options(cx, options).filter(|_| alive) else { return Err(cx.badarg()) };
    let limit = |name: &str| {
        let found = list.iter().filter_map(|o| o.as_tuple_n::<2>()).find(|t| atom::as_text(t[0]) == Some(name));
        found.and_then(|t| t[1].as_u64())
    };
    let has = |name: &str| list.iter().any(|&o| atom::as_text(o) == Some(name));
    let limits = Limits {
        who,
        long_gc_ms: limit("long_gc"),
        long_schedule_ms: limit("long_schedule"),
        large_heap: limit("large_heap"),
        busy_port: has("busy_port"),
        busy_dist_port: has("busy_dist_port"),
    };
    cx.node.system_monitor.set((!list.is_empty()).then_some(limits));
    let h = cx.h();
    let list = h.list(&list);
    let pair = h.tuple(&[who, list]);
    *watch.monitor.lock() = (!list.is_nil()).then(|| copy_out(pair));
    Ok(before)
}

fn system_monitor_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let watch = cx.node.part::<Watch>();
    Ok(current(cx, &watch.monitor))
}
fn system_monitor_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0] == am::UNDEFINED {
        return set_monitor(cx, am::UNDEFINED, Term::NIL);
    }
    match a[0].as_tuple_n::<2>() {
        Some(&[who, options]) => set_monitor(cx, who, options),
        None => Err(cx.badarg()),
    }
}
fn system_monitor_2(cx: &mut Ctx, a: &[Term]) -> Res {
    set_monitor(cx, a[0], a[1])
}
fn session_monitor_1(cx: &mut Ctx, _: &[Term]) -> Res {
    let watch = cx.node.part::<Watch>();
    Ok(current(cx, &watch.monitor))
}
fn session_monitor_3(cx: &mut Ctx, a: &[Term]) -> Res {
    set_monitor(cx, a[1], a[2])
}

fn system_profile_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let watch = cx.node.part::<Watch>();
    Ok(current(cx, &watch.profile))
}
fn system_profile_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let watch = cx.node.part::<Watch>();
    let before = current(cx, &watch.profile);
    let Some(options) = a[1].proper_list() else { return Err(cx.badarg()) };
    if a[0] == am::UNDEFINED {
        *watch.profile.lock() = None;
        cx.node.system_profile.set(Term::NIL, TIMESTAMP, 0);
        return Ok(before);
    }
    let known = |t: &Term| {
        matches!(
            atom::as_text(*t),
            Some("runnable_procs" | "runnable_ports" | "scheduler" | "exclusive" | "timestamp" | "monotonic_timestamp" | "strict_monotonic_timestamp")
        )
    };
    if !a[0].is_local_pid() && !a[0].is_local_port() {
        return if options.is_empty() { Ok(before) } else { Err(cx.badarg()) };
    }
    if !options.iter().all(known) {
        return Err(cx.badarg());
    }
    let has = |name: &str| options.iter().any(|&o| atom::as_text(o) == Some(name));
    let stamp = match () {
        () if has("strict_monotonic_timestamp") => STRICT_MONOTONIC,
        () if has("monotonic_timestamp") => MONOTONIC,
        () => TIMESTAMP,
    };
    let what = |name, bit| if has(name) { bit } else { 0 };
    cx.node.system_profile.set(a[0], stamp, what("runnable_procs", PROCESSES) | what("runnable_ports", PORTS));
    // As ERTS shows them.
    let shown: Vec<Term> = ["exclusive", "scheduler", "runnable_procs", "runnable_ports"].iter().filter(|n| has(n)).map(|n| atom::intern(n)).collect();
    let h = cx.h();
    let shown = h.list(&shown);
    let pair = h.tuple(&[a[0], shown]);
    *watch.profile.lock() = (!options.is_empty()).then(|| copy_out(pair));
    Ok(before)
}
