//! `system_flag/2`: settings of the node; each call answers the value that was in force before.

use super::system;
use crate::result::Res;
use node::config::TimeWarp;
use node::{Ctx, Effect, Native, Stop};
use process::MaxHeap;
use sched::{DirtyKind, Hold};
use std::sync::atomic::Ordering::Relaxed;
use term::{Term, am, atom, map};

pub const NATIVES: &[Native] = &[Native::new("erlang", "system_flag", 2, system_flag).effect(Effect::Node)];

/// The most frames a stack trace may be asked to have.
const BACKTRACE_MAX: i64 = 64;

fn number(n: impl TryInto<i64>) -> Term {
    Term::small(n.try_into().unwrap_or(i64::MAX >> 2))
}

fn system_flag(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(flag) = atom::as_text(a[0]) else { return Err(cx.badarg()) };
    match flagged(cx, flag, a[1]) {
        Ok(Some(before)) => Ok(before),
        Ok(None) => Err(cx.badarg()),
        Err(stop) => Err(stop),
    }
}

/// `None` is `badarg`.
fn flagged(cx: &mut Ctx, flag: &str, value: Term) -> Result<Option<Term>, Stop> {
    let node = cx.node.clone();
    let settings = &node.settings;
    let text = atom::as_text(value);
    Ok(Some(match flag {
        "backtrace_depth" => {
            let Some(n) = value.as_small().filter(|n| *n >= 0) else { return Ok(None) };
            number(node.backtrace_depth.swap(n.min(BACKTRACE_MAX) as usize, Relaxed))
        }
        "system_logger" => {
            let allowed = match text {
                Some(t) => t == "logger" || t == "undefined",
                None => value.is_local_pid() && node.is_alive(value),
            };
            if !allowed {
                return Ok(None);
            }
            std::mem::replace(&mut *settings.system_logger.write(), value)
        }
        "fullsweep_after" => {
            let Some(n) = value.as_small().filter(|n| *n >= 0) else { return Ok(None) };
            number(settings.fullsweep_after.swap(n.min(65_535) as u32, Relaxed))
        }
        "min_heap_size" => {
            let Some(n) = size(value) else { return Ok(None) };
            number(settings.min_heap_words.swap(heap::collect::next_size(n), Relaxed))
        }
        "min_bin_vheap_size" => {
            let Some(n) = size(value) else { return Ok(None) };
            number(settings.min_bin_vheap_words.swap(heap::collect::next_size(n), Relaxed))
        }
        "max_heap_size" => {
            let Some(m) = max_heap(value, settings.max_heap(), settings.min_heap()) else { return Ok(None) };
            let before = std::mem::replace(&mut *settings.max_heap.write(), m);
            system::max_heap(cx.h(), before, node.code.release)
        }
        "multi_scheduling" => {
            let hold = match text {
                Some("block" | "unblock") => Hold::All,
                Some("block_normal" | "unblock_normal") => Hold::Normal,
                _ => return Ok(None),
            };
            if text.is_some_and(|t| t.starts_with("un")) {
                // Only who has blocked lets go.
                let mut blockers = settings.blockers.lock();
                if let Some(i) = blockers.iter().position(|b| *b == (cx.pid, hold)) {
                    blockers.remove(i);
                    drop(blockers);
                    node.sched.unblock(hold);
                }
            } else {
                settings.blockers.lock().push((cx.pid, hold));
                node.sched.block(hold);
            }
            match node.sched.blocked() {
                (true, true) => term::atom!("blocked"),
                (true, false) => term::atom!("blocked_normal"),
                _ => term::atom!("enabled"),
            }
        }
        "schedulers_online" => {
            let Some(n) = value.to::<usize>().filter(|n| (1..=node.sched.workers()).contains(n)) else { return Ok(None) };
            // Dirty CPU schedulers follow, in proportion.
            let before = node.sched.set_online(n);
            let dirty = node.sched.dirty_limit(DirtyKind::Cpu);
            node.sched.set_dirty_online(DirtyKind::Cpu, (dirty * n / node.sched.workers()).max(1));
            number(before)
        }
        "dirty_cpu_schedulers_online" => {
            let limit = node.sched.dirty_limit(DirtyKind::Cpu).min(node.sched.online());
            let Some(n) = value.to::<usize>().filter(|n| (1..=limit).contains(n)) else { return Ok(None) };
            number(node.sched.set_dirty_online(DirtyKind::Cpu, n))
        }
        "scheduler_wall_time" => {
            let Some(on) = value.as_bool() else { return Ok(None) };
            // OTP's own process counts who wants it, as long as each lives.
            if node.whereis(atom!("kernel_refc")).is_some() {
                return Err(cx.trap(atom!("kernel_refc"), atom!("scheduler_wall_time"), &[value]));
            }
            Term::bool(super::statistics::measure_wall_time(cx, on))
        }
        "microstate_accounting" => match (text, value.as_bool()) {
            (_, Some(on)) => {
                let before = settings.microstate_accounting.swap(on, Relaxed);
                if before != on {
                    super::statistics::measure_wall_time(cx, on);
                }
                Term::bool(before)
            }
            (Some("reset"), _) => Term::bool(settings.microstate_accounting.load(Relaxed)),
            _ => return Ok(None),
        },
        "trace_control_word" => {
            let Some(n) = value.as_u64().filter(|n| *n <= u64::from(u32::MAX)) else { return Ok(None) };
            let before = settings.trace_control_word.swap(n, Relaxed);
            cx.h().uint(before)
        }
        "outstanding_system_requests_limit" => {
            let Some(n) = value.to::<u32>().filter(|n| (1..=134_217_727).contains(n)) else { return Ok(None) };
            number(settings.outstanding_system_requests_limit.swap(n, Relaxed))
        }
        "time_offset" => {
            if text != Some("finalize") {
                return Ok(None);
            }
            let before = system::time_offset_state(&node);
            if node.config.time.warp == TimeWarp::Single && !settings.time_offset_final.swap(true, Relaxed) {
                node.time_offset_changed();
            }
            before
        }
        "sequential_tracer" => return super::seq_trace::set_sequential_tracer(cx, value).map(Some),
        "reset_seq_trace" if value == am::TRUE => {
            super::seq_trace::reset(cx);
            am::TRUE
        }
        // Placement is the operating system's; both calls are deprecated.
        "scheduler_bind_type" if matches!(text, Some("unbound" | "default_bind")) => system::bind_type(node.config.schedulers.bind),
        "cpu_topology" if value == am::UNDEFINED => {
            let item = term::atom!("cpu_topology");
            return super::system::topology_before(cx, item).map(Some);
        }
        "scheduler_bind_type"
            if matches!(
                text,
                Some(
                    "no_spread" | "thread_spread" | "processor_spread" | "spread" | "no_node_thread_spread" | "no_node_processor_spread"
                        | "thread_no_node_processor_spread"
                )
            ) =>
        {
            return Err(cx.notsup());
        }
        "cpu_topology" if value.is_list() => return Err(cx.notsup()),
        "debug_flags" => am::TRUE,
        _ => return Ok(None),
    }))
}

fn size(t: Term) -> Option<usize> {
    t.as_small().filter(|n| (0..1 << 48).contains(n)).map(|n| n as usize)
}

/// A limit of heap size: words, or a map of what differs from `base`. `None`: not one, or below `min` words.
pub fn max_heap(t: Term, base: MaxHeap, min: usize) -> Option<MaxHeap> {
    let mut m = base;
    if let Some(n) = size(t) {
        m.words = n;
    } else if t.is_map() {
        map::get(t, am::SIZE)?;
        for (key, value) in map::Iter::new(t) {
            match atom::as_text(key) {
                Some("size") => m.words = size(value)?,
                Some("kill") => m.kill = value.as_bool()?,
                Some("error_logger") => m.log = value.as_bool()?,
                Some("include_shared_binaries") => m.include_shared_binaries = value.as_bool()?,
                _ => {}
            }
        }
    } else {
        return None;
    }
    (m.words == 0 || m.words >= min).then_some(m)
}
