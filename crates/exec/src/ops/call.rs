//! Calls, waits and collections: what the interpreter does around its loop.

use crate::SLACK;
use node::{Ctx, Stop, Timer};
use term::fun::Export;
use term::{Term, am};

/// Set in the ids of receive marks that are not bound to a reference yet.
pub const RESERVED: u64 = 1 << 63;

/// Spreads a list of arguments into the x registers from `at` on; how many, or `None` if it is not a proper list of at most 255.
///
/// # Safety
/// Rule 2.
pub unsafe fn spread(args: Term, xp: *mut Term, at: usize) -> Option<usize> {
    let mut it = args.iter();
    let mut n = 0;
    for t in it.by_ref() {
        if n >= 255 {
            return None;
        }
        // SAFETY: fewer than 256 registers are written.
        unsafe { *xp.add(at + n) = t };
        n += 1;
    }
    it.rest().is_nil().then_some(n)
}

/// Prepares `error_handler:undefined_function(M, F, Args)`; `None` when that does not exist either.
///
/// # Safety
/// Rule 2.
pub unsafe fn undefined_function(cx: &mut Ctx, e: &'static Export, xp: *mut Term) -> Option<&'static Export> {
    let handler = cx.node.code.export(cx.p.error_handler, am::UNDEFINED_FUNCTION, 3);
    if !cx.node.code.is_callable(handler) {
        return None;
    }
    // SAFETY: the arguments are in the registers.
    let args = unsafe { std::slice::from_raw_parts(xp, usize::from(e.arity)) };
    let list = cx.h().list(args);
    // SAFETY: rule 2.
    unsafe {
        *xp = e.module;
        *xp.add(1) = e.function;
        *xp.add(2) = list;
    }
    Some(handler)
}

/// Collects so that `need` words are free. `Err`: the process has grown beyond its limit and must die with this reason.
pub fn collect(cx: &mut Ctx, x: &mut [Term], need: usize) -> Result<(), Term> {
    // Literal areas in the registers' way are of no concern; registers beyond the live ones are not roots.
    let work = cx.p.collect(x, need, false);
    cx.reductions -= (work / 64) as i64;
    if cx.node.torture() {
        let roots: [&[Term]; 1] = [x];
        if let Err(what) = heap::check::check(&cx.p.heap, &roots, &[]) {
            panic!("heap of {:?} is broken after a collection: {what}", cx.pid);
        }
    }
    let max = cx.p.max_heap;
    if max.words > 0 && cx.p.heap.total_words() > max.words && cx.node.heap_limit_reached(cx.me, cx.pid, cx.p) {
        return Err(am::KILLED);
    }
    Ok(())
}

/// Shrinks the process to what its registers and dictionary need.
pub fn hibernate(cx: &mut Ctx, x: &mut [Term]) -> Result<(), Term> {
    cx.p.collect(x, SLACK, true);
    cx.p.heap.shrink_to_fit();
    Ok(())
}

/// `To ! Message`.
pub fn send(cx: &mut Ctx, to: Term, message: Term) -> Result<(), Stop> {
    let node = cx.node.clone();
    node.send(cx, to, message)
}

/// What became of a `receive ... after`.
pub enum Wait {
    /// A timer is set.
    Set,
    Forever,
    /// The time is 0.
    Over,
    /// The time is no time.
    Bad,
}

/// Starts waiting for a message or `time` (milliseconds or `infinity`).
pub fn start_wait(cx: &mut Ctx, time: Term) -> Wait {
    if time == am::INFINITY {
        return Wait::Forever;
    }
    let Some(ms) = time.as_u64().filter(|&n| n <= 0xffff_ffff) else { return Wait::Bad };
    if ms == 0 {
        return Wait::Over;
    }
    cx.p.wait_serial += 1;
    let deadline = cx.node.sched.now() + ms * 1_000_000;
    let timer = cx.node.sched.set_timer(deadline, Timer::Receive { process: cx.me, pid: cx.pid, serial: cx.p.wait_serial });
    cx.p.wait_timer = Some(timer.to_word());
    Wait::Set
}

/// The wait is over, by a message or by time.
pub fn end_wait(cx: &mut Ctx) {
    if let Some(word) = cx.p.wait_timer.take() {
        if !cx.p.timed_out
            && let Some(timer) = sched::TimerRef::from_word(word)
        {
            cx.node.sched.cancel_timer(timer);
        }
        cx.p.wait_serial += 1;
    }
    cx.p.timed_out = false;
}
