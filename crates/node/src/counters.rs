//! What the node counts for `statistics/1`. Written by whoever does the work, relaxed; read rarely.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
pub struct Counters {
    /// Reductions of all slices that are over.
    pub reductions: AtomicU64,
    pub collections: AtomicU64,
    pub reclaimed_words: AtomicU64,
    // values that the last question was answered with
    pub last_runtime: AtomicI64,
    pub last_wall_clock: AtomicI64,
    pub last_reductions: AtomicU64,
    pub last_exact_reductions: AtomicU64,
}

impl Counters {
    pub fn collected(&self, reclaimed_words: usize) {
        self.collections.fetch_add(1, Relaxed);
        self.reclaimed_words.fetch_add(reclaimed_words as u64, Relaxed);
    }
}
