//! Safe points: holding the workers between slices, and knowing that all have been there. Not here: what is done meanwhile.
//!
//! A worker is either *at rest* (parked, offline, held, waiting in here, or its thread has not started) or it runs slices. `attention` is a number
//! that each worker compares with the last one it has seen, between two slices: one load of a line that hardly ever changes. If it
//! differs, the worker takes the slow path, [`World::rest`] and [`World::enter`]. A worker at rest has passed every safe point there is.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ThreadId;

type Callback = Box<dyn FnOnce() + Send>;

/// Whom to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// The workers. Dirty threads go on.
    Normal,
    /// The workers, and the dirty threads too: waits until each has ended its present job, however long that takes.
    All,
}

/// Whose thread calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    Worker(usize),
    Dirty,
    Outside,
}

pub(crate) struct World {
    attention: AtomicU64,
    stopping: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The thread in `stop`, and whether it holds the dirty threads as well.
    owner: Option<(ThreadId, Hold)>,
    workers: Vec<WorkerState>,
    dirty_running: usize,
    /// How many `block`s are in force: of the workers but the first; of the dirty threads.
    blocks: usize,
    dirty_blocks: usize,
    /// Callbacks with the number of attention that all must have seen; numbers ascend.
    pending: VecDeque<(u64, Callback)>,
}

struct WorkerState {
    at_rest: bool,
    /// In a slice that waits in `stop` or `block`: held, but its safe point is still to come.
    aside: bool,
    seen: u64,
}

impl WorkerState {
    fn held(&self) -> bool {
        self.at_rest || self.aside
    }
}

impl State {
    /// Callbacks whose time has come.
    fn ripe(&mut self) -> Vec<Callback> {
        // While someone stands in `stop`, nothing runs beside its closure; it looks here when it leaves.
        if self.pending.is_empty() || self.owner.is_some() {
            return Vec::new();
        }
        let seen = self.workers.iter().filter(|w| !w.at_rest).map(|w| w.seen).min().unwrap_or(u64::MAX);
        let count = self.pending.iter().take_while(|(number, _)| *number <= seen).count();
        self.pending.drain(..count).map(|(_, callback)| callback).collect()
    }

    fn all_held(&self, hold: Hold) -> bool {
        self.workers.iter().all(WorkerState::held) && (hold == Hold::Normal || self.dirty_running == 0)
    }

    fn others_held(&self, hold: Hold) -> bool {
        self.workers.iter().skip(1).all(WorkerState::held) && (hold == Hold::Normal || self.dirty_running == 0)
    }

    fn dirty_held(&self) -> bool {
        self.dirty_blocks > 0 || self.owner.is_some_and(|(_, hold)| hold == Hold::All)
    }
}

impl World {
    pub fn new(workers: usize) -> Self {
        Self {
            attention: AtomicU64::new(1),
            stopping: AtomicBool::new(false),
            state: Mutex::new(State {
                owner: None,
                workers: (0..workers).map(|_| WorkerState { at_rest: true, aside: false, seen: 0 }).collect(),
                dirty_running: 0,
                blocks: 0,
                dirty_blocks: 0,
                pending: VecDeque::new(),
            }),
            changed: Condvar::new(),
        }
    }

    pub fn attention(&self) -> u64 {
        self.attention.load(Ordering::Relaxed)
    }

    /// Makes every worker take the slow path once.
    pub fn call_attention(&self) -> u64 {
        self.attention.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub fn set_stopping(&self) {
        let _state = self.state.lock();
        self.stopping.store(true, Ordering::SeqCst);
        self.call_attention();
        self.changed.notify_all();
    }

    /// A worker comes back to run slices; waits while it is held. The answer is what `attention` must be for it to go on.
    pub fn enter(&self, worker: usize) -> u64 {
        let mut state = self.state.lock();
        self.enter_locked(&mut state, worker);
        state.workers[worker].seen
    }

    fn enter_locked(&self, state: &mut MutexGuard<State>, worker: usize) {
        while state.owner.is_some() {
            self.changed.wait(state);
        }
        let seen = self.attention();
        state.workers[worker] = WorkerState { at_rest: false, aside: false, seen };
    }

    /// A worker stops running slices. Callbacks that waited only for it run now, on this thread.
    pub fn rest(&self, worker: usize) {
        let mut state = self.state.lock();
        state.workers[worker].at_rest = true;
        let ripe = state.ripe();
        let waited_for = state.owner.is_some() || state.blocks > 0;
        drop(state);
        if waited_for {
            self.changed.notify_all();
        }
        ripe.into_iter().for_each(|callback| callback());
    }

    /// Runs `callback` once every worker has passed a safe point after this call: at once if all are at rest, else on the thread that was last.
    pub fn quiesce(&self, callback: Callback) {
        let mut state = self.state.lock();
        let number = self.call_attention();
        state.pending.push_back((number, callback));
        let ripe = state.ripe();
        drop(state);
        ripe.into_iter().for_each(|callback| callback());
    }

    /// Runs what is still pending, when no worker will run any more.
    pub fn run_pending(&self) {
        let pending = std::mem::take(&mut self.state.lock().pending);
        pending.into_iter().for_each(|(_, callback)| callback());
    }

    pub fn stop<R>(&self, caller: Caller, hold: Hold, f: impl FnOnce() -> R) -> R {
        let me = std::thread::current().id();
        let mut state = self.state.lock();
        if let Some((owner, held)) = state.owner
            && owner == me
        {
            assert!(held == Hold::All || hold == Hold::Normal, "a stop inside another cannot hold more than that one");
            drop(state);
            return f();
        }
        self.step_aside(&mut state, caller);
        while state.owner.is_some() {
            self.changed.wait(&mut state);
        }
        state.owner = Some((me, hold));
        self.call_attention();
        while !state.all_held(hold) {
            self.changed.wait(&mut state);
        }
        drop(state);
        let _release = Release { world: self, caller };
        f()
    }

    /// While it waits in here, a caller counts as held: otherwise two callers would wait for each other.
    fn step_aside(&self, state: &mut State, caller: Caller) {
        match caller {
            Caller::Worker(worker) => state.workers[worker].aside = true,
            Caller::Dirty => state.dirty_running -= 1,
            Caller::Outside => {}
        }
        self.changed.notify_all();
    }

    fn step_back(&self, state: &mut MutexGuard<State>, caller: Caller) {
        match caller {
            Caller::Worker(worker) => {
                while state.owner.is_some() {
                    self.changed.wait(state);
                }
                state.workers[worker].aside = false;
            }
            Caller::Dirty => self.dirty_enter_locked(state, true),
            Caller::Outside => {}
        }
    }

    /// Only the first worker is to run from now on, until as many `unblock`s. Returns when the others (but the caller) are at rest.
    pub fn block(&self, caller: Caller, hold: Hold, wake: impl FnOnce()) {
        let mut state = self.state.lock();
        state.blocks += 1;
        state.dirty_blocks += (hold == Hold::All) as usize;
        self.call_attention();
        wake();
        self.step_aside(&mut state, caller);
        while !state.others_held(hold) && !self.stopping() {
            self.changed.wait(&mut state);
        }
        self.step_back(&mut state, caller);
    }

    pub fn unblock(&self, hold: Hold, wake: impl FnOnce()) {
        let mut state = self.state.lock();
        state.blocks = state.blocks.saturating_sub(1);
        state.dirty_blocks = state.dirty_blocks.saturating_sub((hold == Hold::All) as usize);
        self.call_attention();
        wake();
        self.changed.notify_all();
    }

    pub fn blocked(&self) -> (bool, bool) {
        let state = self.state.lock();
        (state.blocks > 0, state.dirty_blocks > 0)
    }

    pub fn dirty_enter(&self) {
        self.dirty_enter_locked(&mut self.state.lock(), false);
    }

    /// A job that goes on (`resumed`) after it blocked the dirty threads itself must not wait for its own unblocking.
    fn dirty_enter_locked(&self, state: &mut MutexGuard<State>, resumed: bool) {
        while !self.stopping() && if resumed { state.owner.is_some_and(|o| o.1 == Hold::All) } else { state.dirty_held() } {
            self.changed.wait(state);
        }
        state.dirty_running += 1;
    }

    pub fn dirty_leave(&self) {
        let mut state = self.state.lock();
        state.dirty_running -= 1;
        if state.owner.is_some() || state.dirty_blocks > 0 {
            self.changed.notify_all();
        }
    }
}

struct Release<'a> {
    world: &'a World,
    caller: Caller,
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        let mut state = self.world.state.lock();
        state.owner = None;
        self.world.changed.notify_all();
        let ripe = state.ripe();
        self.world.step_back(&mut state, self.caller);
        drop(state);
        ripe.into_iter().for_each(|callback| callback());
    }
}
