//! The set of parked workers, one bit each. Not here: parking itself.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

pub(crate) struct IdleSet(Box<[AtomicU64]>);

impl IdleSet {
    pub fn new(workers: usize) -> Self {
        Self((0..workers.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn insert(&self, worker: usize) {
        self.0[worker / 64].fetch_or(1 << (worker % 64), SeqCst);
    }

    /// True if it was there: whoever takes a worker out must wake it.
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
