//! `statistics/1` and the scheduler's wall time. Not here: the counters (`sched`, `node::counters`).

use crate::result::Res;
use node::{Ctx, Effect, Native};
use sched::{DirtyKind, WorkerId};
use std::sync::atomic::Ordering::Relaxed;
use term::{Term, am, atom};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "statistics", 1, statistics).effect(Effect::Node),
    Native::new("erts_internal", "scheduler_wall_time", 1, scheduler_wall_time).effect(Effect::Node),
];

/// Counts users of `scheduler_wall_time`; whether there were any before.
pub fn measure_wall_time(cx: &Ctx, on: bool) -> bool {
    let users = &cx.node.settings.wall_time_users;
    let before = if on { users.fetch_add(1, Relaxed) } else { users.fetch_update(Relaxed, Relaxed, |n| Some((n - 1).max(0))).unwrap_or(0) };
    let after = users.load(Relaxed);
    if (before > 0) != (after > 0) {
        cx.node.sched.measure_wall_time(after > 0);
    }
    before > 0
}

fn scheduler_wall_time(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_bool() {
        Some(on) => Ok(Term::bool(measure_wall_time(cx, on))),
        None => Err(cx.badarg()),
    }
}

fn number(n: impl TryInto<i64>) -> Term {
    Term::small(n.try_into().unwrap_or(i64::MAX >> 2))
}

fn statistics(cx: &mut Ctx, a: &[Term]) -> Res {
    let node = cx.node.clone();
    let Some(item) = atom::as_text(a[0]) else { return Err(cx.badarg()) };
    // What the system has done for the program is not counted, as in ERTS.
    let runtime_ms = || node.world.clock.process_times_ns().0 / 1_000_000;
    Ok(match item {
        "runtime" => {
            let total = runtime_ms();
            let since = total - node.counters.last_runtime.swap(total, Relaxed);
            cx.h().tuple(&[number(total), number(since)])
        }
        "wall_clock" => {
            let total = (node.monotonic_ns() - node.start_ns()) / 1_000_000;
            let since = total - node.counters.last_wall_clock.swap(total, Relaxed);
            cx.h().tuple(&[number(total), number(since)])
        }
        "reductions" | "exact_reductions" => {
            // Of this process, what its present slice has used is not counted yet.
            let total = node.counters.totals().reductions;
            let last = if item == "reductions" { &node.counters.last_reductions } else { &node.counters.last_exact_reductions };
            let since = total.saturating_sub(last.swap(total, Relaxed));
            cx.h().tuple(&[number(total), number(since)])
        }
        "context_switches" => {
            let total: u64 = node.sched.counters().iter().map(|c| c.slices).sum();
            cx.h().tuple(&[number(total), Term::small(0)])
        }
        "garbage_collection" => {
            let totals = node.counters.totals();
            cx.h().tuple(&[number(totals.collections), number(totals.reclaimed_words), Term::small(0)])
        }
        "io" => {
            let (input, output) = node.ports.get().map_or((0, 0), |p| p.traffic());
            let h = cx.h();
            let input = h.tuple(&[term::atom!("input"), number(input)]);
            let output = h.tuple(&[term::atom!("output"), number(output)]);
            h.tuple(&[input, output])
        }
        "run_queue" | "total_run_queue_lengths" => number(node.sched.run_queue_lengths().iter().sum::<usize>()),
        "total_run_queue_lengths_all" => {
            let normal: usize = node.sched.run_queue_lengths().iter().sum();
            number(normal + queued(&node, DirtyKind::Cpu) + queued(&node, DirtyKind::Io))
        }
        "total_active_tasks" => number(node.sched.active_tasks().iter().sum::<usize>()),
        "total_active_tasks_all" => {
            let normal: usize = node.sched.active_tasks().iter().sum();
            number(normal + active(&node, DirtyKind::Cpu) + active(&node, DirtyKind::Io))
        }
        // One number for each scheduler, one for the dirty CPU pool; `_all`: one for the dirty I/O pool too.
        "run_queue_lengths" | "run_queue_lengths_all" => {
            let mut all: Vec<Term> = node.sched.run_queue_lengths().into_iter().map(number).collect();
            all.push(number(queued(&node, DirtyKind::Cpu)));
            if item == "run_queue_lengths_all" {
                all.push(number(queued(&node, DirtyKind::Io)));
            }
            cx.h().list(&all)
        }
        "active_tasks" | "active_tasks_all" => {
            let mut all: Vec<Term> = node.sched.active_tasks().into_iter().map(number).collect();
            all.push(number(active(&node, DirtyKind::Cpu)));
            if item == "active_tasks_all" {
                all.push(number(active(&node, DirtyKind::Io)));
            }
            cx.h().list(&all)
        }
        "scheduler_wall_time" | "scheduler_wall_time_all" => wall_times(cx, item == "scheduler_wall_time_all"),
        "microstate_accounting" => microstates(cx),
        _ => return Err(cx.badarg()),
    })
}

/// Tasks waiting for a thread of a dirty pool.
fn queued(node: &node::Node, kind: DirtyKind) -> usize {
    node.sched.dirty_load(kind).0
}
/// Waiting or running there.
fn active(node: &node::Node, kind: DirtyKind) -> usize {
    let (queued, running) = node.sched.dirty_load(kind);
    queued + running
}

/// All threads there can be, by scheduler id: (id, is it dirty I/O, active, total).
fn threads(cx: &Ctx) -> Option<Vec<(usize, bool, u64, u64)>> {
    let s = &cx.node.sched;
    let times = s.wall_times()?;
    let (workers, cpu, io) = (s.workers(), s.dirty_limit(DirtyKind::Cpu), s.dirty_limit(DirtyKind::Io));
    // Threads that nobody has needed yet have done nothing for as long as the others.
    let total = times.iter().map(|t| t.total).max().unwrap_or(0);
    let mut all: Vec<_> = (1..=workers + cpu + io).map(|id| (id, id > workers + cpu, 0, total)).collect();
    for t in times {
        let at = match t.worker {
            WorkerId::Normal(n) => n as usize,
            WorkerId::Dirty(DirtyKind::Cpu, n) => workers + n as usize,
            WorkerId::Dirty(DirtyKind::Io, n) => workers + cpu + n as usize,
        };
        if let Some(slot) = all.get_mut(at) {
            (slot.2, slot.3) = (t.active, t.total);
        }
    }
    Some(all)
}

fn wall_times(cx: &mut Ctx, io_too: bool) -> Term {
    let Some(threads) = threads(cx) else { return am::UNDEFINED };
    let h = cx.h();
    let list: Vec<Term> = threads
        .iter()
        .filter(|t| io_too || !t.1)
        .map(|&(id, _, active, total)| {
            let (active, total) = (h.uint(active), h.uint(total));
            h.tuple(&[number(id), active, total])
        })
        .collect();
    h.list(&list)
}

/// What each thread has done, as far as it is known: work and sleep.
fn microstates(cx: &mut Ctx) -> Term {
    let s = cx.node.sched.clone();
    let (workers, cpu) = (s.workers(), s.dirty_limit(DirtyKind::Cpu));
    let all = threads(cx).unwrap_or_else(|| {
        let n = workers + cpu + s.dirty_limit(DirtyKind::Io);
        (1..=n).map(|id| (id, id > workers + cpu, 0, 0)).collect()
    });
    let h = cx.h();
    let mut list = Vec::new();
    for (id, io, active, total) in all {
        let (kind, id) = match (io, id > workers) {
            (true, _) => (term::atom!("dirty_io_scheduler"), id - workers - cpu),
            (false, true) => (term::atom!("dirty_cpu_scheduler"), id - workers),
            _ => (term::atom!("scheduler"), id),
        };
        let zero = Term::small(0);
        let (emulator, sleep) = (h.uint(active), h.uint(total.saturating_sub(active)));
        let counters = [
            (term::atom!("aux"), zero),
            (term::atom!("check_io"), zero),
            (term::atom!("emulator"), emulator),
            (term::atom!("gc"), zero),
            (term::atom!("other"), zero),
            (am::PORT, zero),
            (term::atom!("sleep"), sleep),
        ];
        let counters = term::map::from_pairs(h, &counters);
        let entry = [(term::atom!("counters"), counters), (am::ID, number(id)), (am::TYPE, kind)];
        list.push(term::map::from_pairs(h, &entry));
    }
    h.list(&list)
}
