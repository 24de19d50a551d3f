//! What a scheduler's thread puts off until it has run what is to be run now: a few short slices at the most. Other threads put nothing off.

use std::cell::Cell;

/// The kinds of work that can be put off, done in this order.
#[derive(Clone, Copy)]
pub enum Work {
    /// Messages to tracing ports.
    Traces,
    /// Messages to other nodes.
    Packets,
}

const KINDS: usize = 2;

thread_local! {
    static RUNS: Cell<bool> = const { Cell::new(false) };
    static ANY: Cell<bool> = const { Cell::new(false) };
    static WORK: Cell<[Option<fn()>; KINDS]> = const { Cell::new([None; KINDS]) };
}

/// This thread calls `catch_up` between slices, and before it rests, from now on.
pub fn begin() {
    RUNS.set(true);
}

/// `work` is called on this thread soon; false: it is not, as nothing here would call it.
pub fn put_off(kind: Work, work: fn()) -> bool {
    let runs = RUNS.get();
    if runs {
        let mut all = WORK.get();
        all[kind as usize] = Some(work);
        WORK.set(all);
        ANY.set(true);
    }
    runs
}

/// Does what has been put off.
#[inline]
pub fn catch_up() {
    if ANY.get() {
        catch_up_all();
    }
}

fn catch_up_all() {
    // What the work itself puts off is done, too: a traced port may have something for another node.
    while ANY.replace(false) {
        for work in WORK.take().into_iter().flatten() {
            work();
        }
    }
}
