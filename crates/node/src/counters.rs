//! What the node counts for `statistics/1`. Each thread that runs processes counts for itself; whoever asks adds up.

use base::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// One thread's counts, on cache lines of its own; written by that thread only.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Thread {
    reductions: AtomicU64,
    collections: AtomicU64,
    reclaimed_words: AtomicU64,
}

impl Thread {
    /// A slice is over.
    #[inline]
    pub fn count(&self, reductions: u64, collections: u64, reclaimed_words: u64) {
        let add = |to: &AtomicU64, n: u64| to.store(to.load(Relaxed).wrapping_add(n), Relaxed);
        add(&self.reductions, reductions);
        if collections != 0 {
            add(&self.collections, collections);
            add(&self.reclaimed_words, reclaimed_words);
        }
    }
}

/// The node's counts, and with which values the last question was answered.
#[derive(Debug, Default)]
pub struct Counters {
    threads: Mutex<Vec<Arc<Thread>>>,
    pub last_runtime: AtomicI64,
    pub last_wall_clock: AtomicI64,
    pub last_reductions: AtomicU64,
    pub last_exact_reductions: AtomicU64,
}

/// Totals since the node began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub reductions: u64,
    pub collections: u64,
    pub reclaimed_words: u64,
}

impl Counters {
    /// A new thread's own.
    pub fn thread(&self) -> Arc<Thread> {
        let thread = Arc::new(Thread::default());
        self.threads.lock().push(thread.clone());
        thread
    }
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for t in self.threads.lock().iter() {
            sum.reductions += t.reductions.load(Relaxed);
            sum.collections += t.collections.load(Relaxed);
            sum.reclaimed_words += t.reclaimed_words.load(Relaxed);
        }
        sum
    }
}
