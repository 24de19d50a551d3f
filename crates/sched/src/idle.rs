//! The set of parked workers, one bit each, and the two halves of falling asleep and waking. Not here: what there is to do, and which worker to wake.
//!
//! # Why nobody sleeps on work
//! A worker is responsible for its own queue and its own timers. Before it sleeps it (1) puts itself into this set, (2) takes the lock of its queue and
//! looks, and likewise the lock of its timers. Whoever adds something does so under the same lock, and looks into the set before letting
//! go of it. So either the adder's turn at the lock came first, and the worker sees what was added; or the worker's came first, and
//! the adder sees it in the set, takes it out (one thread succeeds) and unparks it. An unpark is remembered by the thread, and nothing that might
//! eat it runs between (1) and parking. A worker that adds to its own queue is awake and need not look.
//! `tests/model.rs` tries all interleavings of this file's code.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering::SeqCst};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

pub(crate) struct IdleSet(Box<[AtomicU64]>);

impl IdleSet {
    pub fn new(workers: usize) -> Self {
        Self((0..workers.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Parks, unless `look`, which takes the locks, finds something to do. True if someone else woke this worker (and so counts on it), false if it
    /// came back by itself.
    pub fn sleep<L>(&self, worker: usize, look: impl FnOnce() -> Option<L>, park: impl FnOnce(L)) -> bool {
        self.0[worker / 64].fetch_or(1 << (worker % 64), SeqCst);
        if let Some(limit) = look() {
            park(limit);
        }
        !self.remove(worker)
    }

    /// True if it was there: whoever takes a worker out must unpark it.
    #[must_use]
    pub fn remove(&self, worker: usize) -> bool {
        let bit = 1 << (worker % 64);
        let word = &self.0[worker / 64];
        word.load(SeqCst) & bit != 0 && word.fetch_and(!bit, SeqCst) & bit != 0
    }

    pub fn contains(&self, worker: usize) -> bool {
        self.0[worker / 64].load(SeqCst) & (1 << (worker % 64)) != 0
    }

    /// The lowest one: the same few threads stay warm.
    pub fn first(&self) -> Option<usize> {
        self.0.iter().enumerate().find_map(|(n, word)| match word.load(SeqCst) {
            0 => None,
            bits => Some(n * 64 + bits.trailing_zeros() as usize),
        })
    }
}
