//! A worker's loop: pick, run, put away; fire timers; search, steal; sleep. Not here: who wakes it (see `handle`), and why nobody sleeps on work (see `idle`).

use crate::handle::{Handle, NOBODY, Slot, bump, set_current};
use crate::{After, Engine, Priority, WorkerId};
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// Timeouts between two slices, at the most.
const TIMEOUTS_AT_ONCE: usize = 128;
/// Tasks that one theft moves, at the most.
const STEAL_MAX: usize = 256;
/// A search that has gone on for so many rounds (some microseconds) may take a lone task too.
const LONE_ROUNDS: u32 = 20;
/// Another worker is woken when tasks have waited while this much was run: a whole slice counts `PRESSURE_MAX`, one that ended by itself counts 1. So a short
/// burst of messages stays on one core, where it is done before the other would be awake.
const PRESSURE_MAX: u32 = 8;
/// While that many slices together take less than `GLANCE_NS`, the clock is read only once for them: reading it costs more than putting a task away.
const GLANCE_SLICES: u32 = 4;
const GLANCE_NS: u64 = 20_000;
/// So many slices that ended by themselves run before the engine can do what it has put off.
const UNPAUSED_SLICES: u32 = 8;
/// While nobody waits for the outside, it is looked at so often; the clock is read for that after so many slices.
const OUTSIDE_NS: u64 = 200_000;
const OUTSIDE_SLICES: u32 = 32;
/// Nothing has been done for so long (less than `OUTSIDE_WATCH`), and so many slices since the last time, and that is so long ago: time to give memory back.
const QUIET_NS: u64 = 200_000_000;
const TIDY_SLICES: u64 = 300;
const TIDY_EVERY_NS: u64 = 8_000_000_000;
/// While another waits for the outside, a sleeper looks this often whether it still does: it may be in a slice that does not end.
const OUTSIDE_WATCH: Duration = Duration::from_millis(250);
/// The kernel may wake a sleeper this much later than asked, to save power; its default is 50 us.
const TIMER_SLACK_NS: u64 = 1_000;

pub(crate) struct Worker<E: Engine> {
    pub handle: Handle<E::Task, E::Timer>,
    pub engine: Arc<E>,
    index: usize,
    /// The attention number that this worker knows of.
    seen: u64,
    /// It is counted in `searching`.
    searching: bool,
    pressure: u32,
    /// Slices before the clock is read again for the sake of timers.
    glance: u32,
    /// Slices since the engine could do what it has put off.
    unpaused: u32,
    /// Slices before it is asked whether somebody should look outside.
    look_out: u32,
    random: u64,
    requeue: Option<(E::Task, Priority)>,
    due: Vec<E::Timer>,
    loot: Vec<(E::Task, Priority)>,
    /// What each worker's count of slices was when the search began.
    looked: Vec<u64>,
}

impl<E: Engine> Worker<E> {
    pub fn new(handle: Handle<E::Task, E::Timer>, engine: Arc<E>, index: usize) -> Self {
        let random = (handle.0.config.seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1;
        Self {
            looked: vec![0; handle.workers()],
            handle,
            engine,
            index,
            seen: 0,
            searching: false,
            pressure: 0,
            glance: 0,
            unpaused: 0,
            look_out: OUTSIDE_SLICES,
            random,
            requeue: None,
            due: Vec::new(),
            loot: Vec::new(),
        }
    }

    pub fn id(&self) -> WorkerId {
        WorkerId::Normal(self.index as u32)
    }

    fn slot(&self) -> &Slot<E::Task, E::Timer> {
        &self.handle.0.slots[self.index]
    }

    pub fn thread(mut self) {
        set_current(&self.handle.0, self.id());
        let _ = self.slot().thread.set(std::thread::current());
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NS));
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.work())) {
            self.slot().running.store(false, Relaxed);
            self.engine.panicked(self.id(), payload);
        }
        self.handle.0.world.rest(self.index);
    }

    fn work(&mut self) {
        let engine = self.engine.clone();
        let mut local = engine.local(self.id());
        if !self.enter() {
            return;
        }
        self.slot().wall.set_busy(true, || self.handle.now());
        loop {
            if self.handle.0.world.attention() != self.seen && !self.safe_point() {
                return;
            }
            if self.slot().next_timer.load(Relaxed) != u64::MAX {
                // A slice that was used up took its time.
                if self.glance == 0 || self.requeue.is_some() {
                    self.fire(self.index);
                } else {
                    self.glance -= 1;
                }
            }
            if self.look_out == 0 || self.requeue.is_some() {
                self.look_outside();
            } else {
                self.look_out -= 1;
            }
            if let Some(task) = self.pick() {
                self.run(&mut local, task);
                continue;
            }
            self.pause();
            match self.search() {
                Some(task) => self.run(&mut local, task),
                None => {
                    if !self.sleep() {
                        return;
                    }
                }
            }
        }
    }

    /// One slice.
    fn run(&mut self, local: &mut E::Local, task: E::Task) {
        let slot = self.slot();
        bump(&slot.counters.slices, 1);
        slot.running.store(true, Relaxed);
        let after = self.engine.run(local, task);
        self.slot().running.store(false, Relaxed);
        match after {
            After::Park => self.pressure += 1,
            After::Requeue(priority) => {
                self.pressure += PRESSURE_MAX;
                self.requeue = Some((task, priority));
            }
            After::Dirty(kind, priority) => self.handle.enqueue_dirty(task, kind, priority),
        }
        self.unpaused += 1;
        if self.unpaused >= UNPAUSED_SLICES || self.requeue.is_some() || self.slot().len.load(Relaxed) == 0 {
            self.pause();
        }
    }

    /// The engine may do what it has put off.
    fn pause(&mut self) {
        self.unpaused = 0;
        self.engine.pause();
    }

    /// The next task of its own.
    fn pick(&mut self) -> Option<E::Task> {
        let shared = &self.handle.0;
        let slot = &shared.slots[self.index];
        // A push that this load misses is found in the next round, or in `sleep`.
        if slot.len.load(Relaxed) == 0 {
            self.pressure = 0;
            return self.requeue.take().map(|(task, _)| task);
        }
        let mut queue = slot.queue.lock();
        if let Some((task, priority)) = self.requeue.take() {
            queue.tasks.push(task, priority);
        }
        let task = queue.tasks.pop();
        let left = queue.tasks.len();
        slot.len.store(left, Relaxed);
        drop(queue);
        if self.searching {
            self.searching = false;
            shared.searching.fetch_sub(1, SeqCst);
        }
        if left == 0 {
            self.pressure = 0;
        } else if self.pressure >= PRESSURE_MAX {
            self.pressure = 0;
            shared.wake_any();
        }
        task
    }

    /// Gives due timers of one wheel to the engine.
    fn fire(&mut self, wheel: usize) {
        let now = self.handle.now();
        let slot = &self.handle.0.slots[wheel];
        if wheel == self.index {
            let since = now.saturating_sub(slot.looked.load(Relaxed));
            slot.looked.store(now, Relaxed);
            self.glance = if since < GLANCE_NS { GLANCE_SLICES - 1 } else { 0 };
        }
        if now < slot.next_timer.load(Relaxed) {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        let mut timers = slot.timers.lock();
        timers.expire(now, TIMEOUTS_AT_ONCE, &mut due);
        slot.next_timer.store(timers.next_deadline(), Relaxed);
        drop(timers);
        bump(&self.slot().counters.timeouts, due.len() as u64);
        due.drain(..).for_each(|payload| self.engine.timeout(payload));
        self.due = due;
    }

    /// If nobody waits for the outside, a sleeper is woken to do so; if nobody sleeps, one look is taken here.
    fn look_outside(&mut self) {
        self.look_out = OUTSIDE_SLICES;
        let shared = &self.handle.0;
        let Some(outside) = shared.outside.get() else { return };
        if shared.outsider.load(Relaxed) != NOBODY {
            return;
        }
        let now = self.handle.now();
        if now.saturating_sub(shared.looked_outside.load(Relaxed)) < OUTSIDE_NS {
            return;
        }
        shared.looked_outside.store(now, Relaxed);
        match shared.idle.first() {
            Some(sleeper) => shared.wake(sleeper),
            None => {
                if shared.outsider.compare_exchange(NOBODY, self.index, SeqCst, Relaxed).is_ok() {
                    outside.wait(Some(Duration::ZERO));
                    shared.outsider.store(NOBODY, SeqCst);
                    outside.act();
                }
            }
        }
    }

    /// Looks for work elsewhere for a while.
    fn search(&mut self) -> Option<E::Task> {
        let workers = self.handle.workers();
        if workers == 1 {
            return None;
        }
        if !self.searching {
            self.searching = true;
            self.handle.0.searching.fetch_add(1, SeqCst);
        }
        for (looked, slot) in self.looked.iter_mut().zip(&self.handle.0.slots) {
            *looked = slot.counters.slices.load(Relaxed);
        }
        // If all others sleep, what comes is for this one, and comes from outside.
        let others = (0..self.handle.online()).any(|other| other != self.index && !self.handle.0.idle.contains(other));
        for round in 0..if others { self.handle.0.config.spin } else { 0 } {
            if self.slot().len.load(Relaxed) > 0 || self.handle.0.world.attention() != self.seen {
                return None;
            }
            if let Some(task) = self.steal(round >= LONE_ROUNDS) {
                return Some(task);
            }
            (0..16).for_each(|_| std::hint::spin_loop());
        }
        let task = self.steal(true);
        if task.is_none() {
            self.fire_overdue();
        }
        task
    }

    /// Takes half of another's queue. A lone task is left to its owner, unless `lone` and the owner has been in the same slice since the search began.
    fn steal(&mut self, lone: bool) -> Option<E::Task> {
        let shared = self.handle.0.clone();
        let workers = shared.slots.len();
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let start = (self.random >> 32) as usize % workers;
        for n in 0..workers {
            let victim = (start + n) % workers;
            let slot = &shared.slots[victim];
            let enough = |len: usize| len > 1 || (len == 1 && lone && slot.counters.slices.load(Relaxed) == self.looked[victim]);
            if victim == self.index || !enough(slot.len.load(Relaxed)) {
                continue;
            }
            let mut queue = slot.queue.lock();
            let len = queue.tasks.len();
            if !enough(len) {
                continue;
            }
            queue.tasks.take_some(len.div_ceil(2).min(STEAL_MAX), &mut self.loot);
            slot.len.store(queue.tasks.len(), Relaxed);
            drop(queue);
            return Some(self.share_out());
        }
        None
    }

    /// The first stolen task to run now, the others into the own queue.
    fn share_out(&mut self) -> E::Task {
        let shared = self.handle.0.clone();
        let slot = &shared.slots[self.index];
        bump(&slot.counters.stolen, self.loot.len() as u64);
        let (task, _) = self.loot[0];
        let mut surplus = false;
        if self.loot.len() > 1 {
            let mut queue = slot.queue.lock();
            self.loot.drain(1..).for_each(|(task, priority)| queue.tasks.push(task, priority));
            slot.len.store(queue.tasks.len(), Relaxed);
            surplus = true;
        }
        self.loot.clear();
        if std::mem::take(&mut self.searching) {
            shared.searching.fetch_sub(1, SeqCst);
        }
        if surplus {
            shared.wake_any();
        }
        task
    }

    /// Timers of workers that are in a long slice. (A sleeping worker wakes for its own.)
    fn fire_overdue(&mut self) {
        let shared = self.handle.0.clone();
        if shared.slots.iter().all(|slot| slot.next_timer.load(Relaxed) == u64::MAX) {
            return;
        }
        let now = self.handle.now();
        for (worker, slot) in shared.slots.iter().enumerate() {
            if slot.next_timer.load(Relaxed) <= now && worker != self.index && !shared.idle.contains(worker) {
                self.fire(worker);
            }
        }
    }

    /// Sleeps until woken or until its next timer; not at all if there is something to do. False: stop.
    fn sleep(&mut self) -> bool {
        let shared = self.handle.0.clone();
        let slot = &shared.slots[self.index];
        if std::mem::take(&mut self.searching) {
            shared.searching.fetch_sub(1, SeqCst);
        }
        if slot.len.load(Relaxed) > 0 {
            return true;
        }
        self.glance = 0;
        slot.wall.set_busy(false, || self.handle.now());
        shared.world.rest(self.index);
        let look = || {
            let work = slot.queue.lock().tasks.len() > 0
                || shared.slots.iter().any(|other| other.len.load(SeqCst) > 1)
                || shared.world.attention() != self.seen;
            let deadline = self.next_deadline();
            (!work).then_some(deadline)
        };
        // Whoever wakes it has counted it.
        let tidy = self.tidy_due();
        self.searching = shared.idle.sleep(self.index, look, |deadline| {
            bump(&slot.counters.parks, 1);
            self.rest(deadline.min(tidy));
        });
        if tidy != u64::MAX && !self.searching {
            self.tidy(tidy);
        }
        let go_on = self.enter();
        slot.wall.set_busy(true, || self.handle.now());
        if go_on {
            self.act();
        }
        go_on
    }

    fn act(&self) {
        if let Some(outside) = self.handle.0.outside.get() {
            outside.act();
        }
    }

    fn next_deadline(&self) -> u64 {
        let slot = self.slot();
        let timers = slot.timers.lock();
        let deadline = timers.next_deadline();
        slot.next_timer.store(deadline, Relaxed);
        deadline
    }

    fn slices(&self) -> u64 {
        self.handle.0.slots.iter().map(|s| s.counters.slices.load(Relaxed)).sum()
    }
    /// When the engine may be told that all is quiet, if it stays so; `u64::MAX`: not this worker's business, or too little has been done since.
    fn tidy_due(&self) -> u64 {
        let shared = &self.handle.0;
        if self.index != 0 || self.slices().saturating_sub(shared.slices_at_tidy.load(Relaxed)) < TIDY_SLICES {
            return u64::MAX;
        }
        (self.handle.now() + QUIET_NS).max(shared.next_tidy.load(Relaxed))
    }
    fn tidy(&self, due: u64) {
        let shared = &self.handle.0;
        let (now, slices) = (self.handle.now(), self.slices());
        if now + 1_000_000 >= due && (1..shared.slots.len()).all(|n| shared.idle.contains(n) || shared.slots[n].len.load(Relaxed) == 0) {
            shared.next_tidy.store(now + TIDY_EVERY_NS, Relaxed);
            shared.slices_at_tidy.store(slices, Relaxed);
            self.engine.quiet();
        }
    }

    /// In the idle set: waits for the outside if nobody does, else sleeps.
    fn rest(&self, deadline: u64) {
        let shared = &self.handle.0;
        let Some(outside) = shared.outside.get() else { return self.park(deadline) };
        if let Err(other) = shared.outsider.compare_exchange(NOBODY, self.index, SeqCst, SeqCst) {
            if self.index == 0 || self.index == 1 && other == 0 {
                let limit = self.handle.now() + OUTSIDE_WATCH.as_nanos() as u64;
                return self.park(deadline.min(limit));
            }
            return self.park(deadline);
        }
        // Looked at again, as another worker's look outside may have taken a wake-up that was meant for all.
        if shared.idle.contains(self.index) && shared.world.attention() == self.seen && !shared.world.stopping() {
            let timeout = (deadline != u64::MAX).then(|| {
                let now = self.handle.now();
                self.slot().looked.store(now, Relaxed);
                Duration::from_nanos(deadline.saturating_sub(now))
            });
            outside.wait(timeout);
        }
        shared.outsider.store(NOBODY, SeqCst);
        shared.looked_outside.store(self.handle.now(), Relaxed);
    }

    fn park(&self, deadline: u64) {
        if deadline == u64::MAX {
            return std::thread::park();
        }
        let now = self.handle.now();
        self.slot().looked.store(now, Relaxed);
        if deadline > now {
            std::thread::park_timeout(Duration::from_nanos(deadline - now));
        }
    }

    fn safe_point(&mut self) -> bool {
        // So that the task is not hidden from whoever looks at the queues meanwhile, nor kept here if this worker goes offline.
        if let Some((task, priority)) = self.requeue.take() {
            self.handle.enqueue(task, priority);
        }
        self.handle.0.world.rest(self.index);
        self.enter()
    }

    /// Comes back from rest, perhaps after being offline. False: stop.
    fn enter(&mut self) -> bool {
        self.seen = self.handle.0.world.enter(self.index);
        loop {
            if self.handle.0.world.stopping() {
                return false;
            }
            if self.is_online() {
                return true;
            }
            self.offline();
        }
    }

    fn is_online(&self) -> bool {
        self.index < self.handle.online() && (self.index == 0 || !self.handle.blocked().0)
    }

    /// Stays out until it is online again or all stops; only its timers go on.
    fn offline(&mut self) {
        self.act();
        self.pause();
        let shared = self.handle.0.clone();
        // It may have been the one that waited for the outside.
        if let Some(sleeper) = shared.idle.first()
            && shared.outside.get().is_some()
        {
            shared.wake(sleeper);
        }
        let slot = &shared.slots[self.index];
        if std::mem::take(&mut self.searching) {
            shared.searching.fetch_sub(1, SeqCst);
        }
        let mut queue = slot.queue.lock();
        queue.closed = true;
        let len = queue.tasks.len();
        queue.tasks.take_some(len, &mut self.loot);
        slot.len.store(0, Relaxed);
        drop(queue);
        for (task, priority) in std::mem::take(&mut self.loot) {
            self.handle.enqueue(task, priority);
        }
        slot.wall.set_busy(false, || self.handle.now());
        while !self.is_online() && !shared.world.stopping() {
            shared.world.rest(self.index);
            let deadline = self.next_deadline();
            if !self.is_online() && !shared.world.stopping() {
                self.park(deadline);
            }
            self.seen = shared.world.enter(self.index);
            self.fire(self.index);
        }
        slot.queue.lock().closed = false;
        slot.wall.set_busy(true, || self.handle.now());
    }

    /// One step of the loop for whoever has no threads: due timers, then the task that `choose` picks out of so many. The number of timeouts, and whether a
    /// task ran.
    pub fn step(&mut self, local: &mut E::Local, choose: impl FnOnce(usize) -> usize) -> (u64, bool) {
        let timeouts = self.slot().counters.timeouts.load(Relaxed);
        self.fire(self.index);
        let timeouts = self.slot().counters.timeouts.load(Relaxed) - timeouts;
        let slot = self.slot();
        let len = slot.len.load(Relaxed);
        if len == 0 {
            return (timeouts, false);
        }
        let mut queue = slot.queue.lock();
        let choice = choose(len);
        let task = if choice == 0 { queue.tasks.pop() } else { queue.tasks.take(choice) };
        slot.len.store(queue.tasks.len(), Relaxed);
        drop(queue);
        let ran = task.is_some();
        if let Some(task) = task {
            self.run(local, task);
            if let Some((task, priority)) = self.requeue.take() {
                self.handle.enqueue(task, priority);
            }
        }
        (timeouts, ran)
    }

    pub fn deadline(&self) -> u64 {
        self.next_deadline()
    }

    pub fn step_enter(&mut self) {
        self.seen = self.handle.0.world.enter(self.index);
    }
}
