//! What the scheduler tells about itself: counters and wall time. Not here: Erlang's terms for them.

use parking_lot::Mutex;

/// One worker's counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Slices run.
    pub slices: u64,
    /// Tasks taken from other workers.
    pub stolen: u64,
    /// How often it went to sleep.
    pub parks: u64,
    /// Timers fired.
    pub timeouts: u64,
}

/// Nanoseconds that a thread was busy, out of the nanoseconds since measuring began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WallTime {
    pub worker: crate::WorkerId,
    pub active: u64,
    pub total: u64,
}

/// One thread's wall time; touched only when it becomes busy or idle, and by whoever asks.
pub(crate) struct Wall(Mutex<State>);

struct State {
    /// When measuring began, if it is on.
    began: Option<u64>,
    busy_since: Option<u64>,
    active: u64,
    busy: bool,
}

impl Wall {
    pub fn new() -> Self {
        Self(Mutex::new(State { began: None, busy_since: None, active: 0, busy: false }))
    }

    /// Calls the clock only if measuring is on.
    pub fn set_busy(&self, busy: bool, clock: impl FnOnce() -> u64) {
        let mut state = self.0.lock();
        if state.busy == busy {
            return;
        }
        state.busy = busy;
        if state.began.is_some() {
            let now = clock();
            match state.busy_since.take() {
                Some(since) => state.active += now.saturating_sub(since),
                None => state.busy_since = Some(now),
            }
        }
    }

    pub fn measure(&self, on: bool, now: u64) {
        let mut state = self.0.lock();
        if on != state.began.is_some() {
            state.active = 0;
            state.began = on.then_some(now);
            state.busy_since = (on && state.busy).then_some(now);
        }
    }

    /// (active, total), or nothing if measuring is off.
    pub fn read(&self, now: u64) -> Option<(u64, u64)> {
        let state = self.0.lock();
        let running = state.busy_since.map_or(0, |since| now.saturating_sub(since));
        state.began.map(|began| (state.active + running, now.saturating_sub(began)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_out_of_total() {
        let wall = Wall::new();
        wall.set_busy(true, || panic!("measuring is off"));
        assert_eq!(wall.read(5), None);
        wall.measure(true, 10);
        assert_eq!(wall.read(15), Some((5, 5)));
        wall.set_busy(false, || 20);
        wall.set_busy(true, || 30);
        assert_eq!(wall.read(35), Some((15, 25)));
        wall.measure(false, 40);
        assert_eq!(wall.read(40), None);
    }
}
