//! Where the scheduler gets its time from. Not here: Erlang's time (offset, warp modes, units).

use std::time::Instant;

/// Monotonic nanoseconds from an arbitrary origin, below 2^62.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// The operating system's monotonic clock, from the moment the value was made.
pub struct MonotonicClock(Instant);

impl MonotonicClock {
    #[expect(clippy::new_without_default, reason = "each clock has its own origin")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}
