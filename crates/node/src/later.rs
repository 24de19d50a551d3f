//! What a scheduler's thread puts off until it has run what is to be run now: a few short slices at the most. Other threads put nothing off.

use std::cell::Cell;

thread_local! {
    static RUNS: Cell<bool> = const { Cell::new(false) };
    static WORK: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// This thread calls `catch_up` between slices, and before it rests, from now on.
pub fn begin() {
    RUNS.set(true);
}

/// `work` is called on this thread soon; false: it is not, as nothing here would call it.
pub fn put_off(work: fn()) -> bool {
    let runs = RUNS.get();
    if runs {
        debug_assert!(WORK.get().is_none_or(|w| std::ptr::fn_addr_eq(w, work)), "one kind of work is put off");
        WORK.set(Some(work));
    }
    runs
}

/// Does what has been put off.
#[inline]
pub fn catch_up() {
    if let Some(work) = WORK.take() {
        work();
    }
}
