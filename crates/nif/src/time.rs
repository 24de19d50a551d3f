//! Clocks. Units are 0 seconds, 1 milliseconds, 2 microseconds, 3 nanoseconds.

use crate::env::{Env, current_node, node_of};
use libc::c_int;
use term::{Term, am};

const ERROR: i64 = i64::MIN;

fn parts(unit: c_int) -> Option<i128> {
    [1, 1_000, 1_000_000, 1_000_000_000].get(usize::try_from(unit).ok()?).copied()
}

fn convert(value: i64, from: c_int, to: c_int) -> Option<i64> {
    let (from, to) = (parts(from)?, parts(to)?);
    i64::try_from((i128::from(value) * to).div_euclid(from)).ok()
}

/// The time of the scheduler that calls; other threads have none.
#[unsafe(no_mangle)]
pub extern "C" fn enif_monotonic_time(unit: c_int) -> i64 {
    let node = current_node().filter(|n| n.sched.current().is_some());
    node.and_then(|n| convert(n.monotonic_ns(), 3, unit)).unwrap_or(ERROR)
}

#[unsafe(no_mangle)]
pub extern "C" fn enif_time_offset(unit: c_int) -> i64 {
    let node = current_node().filter(|n| n.sched.current().is_some());
    node.and_then(|n| convert(n.time_offset_ns(), 3, unit)).unwrap_or(ERROR)
}

#[unsafe(no_mangle)]
pub extern "C" fn enif_convert_time_unit(value: i64, from: c_int, to: c_int) -> i64 {
    convert(value, from, to).unwrap_or(ERROR)
}

fn stamp(env: &mut Env, us: i64) -> u64 {
    let (secs, micros) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let parts = [secs.div_euclid(1_000_000), secs.rem_euclid(1_000_000), micros].map(Term::small);
    env.h().tuple(&parts).raw()
}

/// As `erlang:now/0`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_now_time(env: *mut Env) -> u64 {
    use std::sync::atomic::Ordering::Relaxed;
    let env = &mut *env;
    let Some(node) = node_of(env) else { return env.raise(am::BADARG) };
    let us = (node.system_ns() / 1000) as u64;
    let last = node.last_now.fetch_update(Relaxed, Relaxed, |last| Some(us.max(last + 1))).expect("always an update");
    stamp(env, us.max(last + 1) as i64)
}

/// Time that the program has used, in the shape of `erlang:now/0`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_cpu_time(env: *mut Env) -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    if libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) != 0 {
        return (*env).raise(am::BADARG);
    }
    stamp(&mut *env, t.tv_sec * 1_000_000 + t.tv_nsec / 1000)
}
