//! What `system_flag/2` changes while the node runs. Starts as the configuration says. Not here: what the flags mean to others.

use crate::config::Config;
use base::sync::{Mutex, RwLock};
use process::MaxHeap;
use sched::Hold;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use term::{Term, am};

/// The node's changeable settings.
#[derive(Debug)]
pub struct Settings {
    /// What a new process starts with, in words.
    pub min_heap_words: AtomicUsize,
    pub min_bin_vheap_words: AtomicUsize,
    pub fullsweep_after: AtomicU32,
    pub max_heap: RwLock<MaxHeap>,
    /// Who gets log messages of the runtime itself: a pid, the name `logger`, or `undefined` (they go to standard error).
    pub system_logger: RwLock<Term>,
    pub trace_control_word: AtomicU64,
    pub outstanding_system_requests_limit: AtomicU32,
    /// `time_offset, finalize` has been done (single time warp).
    pub time_offset_final: AtomicBool,
    pub microstate_accounting: AtomicBool,
    /// `scheduler_wall_time`: how many have asked for it.
    pub wall_time_users: AtomicI64,
    /// Who holds the other schedulers (`multi_scheduling`), once for each time it has asked.
    pub blockers: Mutex<Vec<(Term, Hold)>>,
}

impl Settings {
    pub fn new(config: &Config) -> Settings {
        let p = &config.process;
        Settings {
            min_heap_words: AtomicUsize::new(p.min_heap_words as usize),
            min_bin_vheap_words: AtomicUsize::new(p.min_bin_vheap_words as usize),
            fullsweep_after: AtomicU32::new(p.fullsweep_after),
            max_heap: RwLock::new(MaxHeap {
                words: p.max_heap_words as usize,
                kill: p.max_heap_kill,
                log: p.max_heap_log,
                include_shared_binaries: p.max_heap_include_binaries,
            }),
            system_logger: RwLock::new(am::LOGGER),
            trace_control_word: AtomicU64::new(0),
            outstanding_system_requests_limit: AtomicU32::new(config.schedulers.total.max(1) * 2),
            time_offset_final: AtomicBool::new(false),
            microstate_accounting: AtomicBool::new(false),
            wall_time_users: AtomicI64::new(0),
            blockers: Mutex::new(Vec::new()),
        }
    }
    /// A new process's limit of heap size.
    pub fn max_heap(&self) -> MaxHeap {
        *self.max_heap.read()
    }
    /// Words of a new process's first heap.
    pub fn min_heap(&self) -> usize {
        self.min_heap_words.load(Relaxed)
    }
}
