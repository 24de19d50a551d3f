//! Whether signals lie in an inbox, for its owner to know without the inbox's lock. Not here: the signals, the lock, the run state (`shared`).
//!
//! # What the owner may rely on
//! It is written only under the inbox's lock, so it never lasts that signals lie there and this says no. A sender that has let go of the lock and then tells the
//! owner so, in whatever way (a message to another process, a table, a counter), has made its signal known: the owner that heard of it sees it. A
//! signal that the owner cannot have heard of may be missed for a moment; who goes to sleep looks under the lock.
//! `tests/model.rs` tries all interleavings of this file's code.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering::*};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering::*};

pub(crate) struct Pending(AtomicBool);

impl Pending {
    pub fn new() -> Pending {
        Pending(AtomicBool::new(false))
    }
    /// A signal has been put in. Under the lock.
    #[inline]
    pub fn set(&self) {
        self.0.store(true, Release);
    }
    /// All signals have been taken out. Under the lock.
    #[inline]
    pub fn clear(&self) {
        self.0.store(false, Relaxed);
    }
    /// Without the lock, for the owner.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Acquire)
    }
}
