//! The door to a scheduler: enqueueing, waking, timers, counts, settings; and [`Sched`], which owns the threads. Not here: the loop of a worker.
//!
//! # Waking
//! That a worker never sleeps while its own queue holds something is `idle`'s affair, and enough to be correct. The rest (waking another
//! worker because a queue has grown, searching, stealing) only spreads load; a missed chance costs one slice at the most, as a worker looks again each
//! time it picks a task while others wait. Spreading is lazy: at most one worker is woken to search at a time, and one that finds a
//! surplus wakes the next. A task that is alone in a queue is left to its owner, who will run it right after the present slice, unless that slice
//! lasts: so a pair that plays ping-pong stays on one core.

use crate::clock::{Clock, MonotonicClock};
use crate::dirty::Pool;
use crate::idle::IdleSet;
use crate::queue::RunQueue;
use crate::stats::{Counters, Wall, WallTime};
use crate::wheel::{TimerRef, Wheel};
use crate::worker::Worker;
use crate::world::{Caller, Hold, World};
use crate::{After, DirtyKind, Engine, Outside, Priority, Task, WorkerId};
use parking_lot::Mutex;
use std::cell::Cell;
use std::io;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};

/// A worker that pushes wakes another from this length of its queue on; below, the end of its slice is soon enough.
const SURPLUS: usize = 8;
/// As many schedulers as ERTS allows.
const WORKERS_MAX: usize = 1024;

/// What a scheduler is made of. Numbers are brought into their ranges.
#[derive(Clone)]
pub struct Config {
    /// Worker threads (`+S n`), 1 to 1024.
    pub workers: usize,
    /// How many of them run tasks at first (`+S n:online`).
    pub online: usize,
    pub dirty_cpu: usize,
    pub dirty_cpu_online: usize,
    pub dirty_io: usize,
    pub stack_size: Option<usize>,
    pub dirty_stack_size: Option<usize>,
    /// Rounds of looking at the other queues before a worker sleeps, half a microsecond or so each.
    pub spin: u32,
    /// Seeds the choice of victims.
    pub seed: u64,
    pub clock: Arc<dyn Clock>,
}

impl Default for Config {
    /// As many workers and dirty CPU threads as there are cores, ten dirty I/O threads, the system's clock.
    fn default() -> Self {
        Self::with_workers(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Config {
    pub fn with_workers(workers: usize) -> Self {
        Self {
            workers,
            online: workers,
            dirty_cpu: workers,
            dirty_cpu_online: workers,
            dirty_io: 10,
            stack_size: None,
            dirty_stack_size: None,
            spin: 20,
            seed: 0,
            clock: Arc::new(MonotonicClock::new()),
        }
    }
}

/// Everything that any thread may do with a scheduler. Cheap to clone; keeps no thread and no engine alive.
pub struct Handle<T, P>(pub(crate) Arc<Shared<T, P>>);

impl<T, P> Clone for Handle<T, P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(crate) struct Shared<T, P> {
    pub config: Config,
    pub slots: Box<[Slot<T, P>]>,
    pub idle: IdleSet,
    /// Workers that look for work, or were woken to do so.
    pub searching: AtomicUsize,
    pub online: AtomicUsize,
    pub world: World,
    dirty_cpu: Pool<T>,
    dirty_io: Pool<T>,
    started: AtomicBool,
    pub outside: OnceLock<Arc<dyn Outside>>,
    /// The worker that waits for `outside`, or `NOBODY`. One that was taken out of the idle set just before it entered itself here sees that afterwards and
    /// does not wait; one that is taken out later is seen here by whoever did that.
    pub outsider: AtomicUsize,
    /// When somebody looked outside last.
    pub looked_outside: AtomicU64,
    /// When the engine may next be told that all is quiet, and the slices run when it last was.
    pub next_tidy: AtomicU64,
    pub slices_at_tidy: AtomicU64,
}

/// No worker.
pub(crate) const NOBODY: usize = usize::MAX;

/// One worker's public half, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Slot<T, P> {
    pub queue: Mutex<Queue<T>>,
    /// The queue's length, written under its lock.
    pub len: AtomicUsize,
    pub timers: Mutex<Wheel<P>>,
    /// When `timers` wants to be looked at, written under its lock. May be too early, never too late.
    pub next_timer: AtomicU64,
    /// The last time that the owner looked at the clock.
    pub looked: AtomicU64,
    pub thread: OnceLock<Thread>,
    /// In a slice.
    pub running: AtomicBool,
    pub counters: AtomicCounters,
    pub wall: Wall,
}

pub(crate) struct Queue<T> {
    pub tasks: RunQueue<T>,
    /// The owner is offline: nothing may be added.
    pub closed: bool,
}

/// `Counters`, each written by one thread only.
#[derive(Default)]
pub(crate) struct AtomicCounters {
    pub slices: AtomicU64,
    pub stolen: AtomicU64,
    pub parks: AtomicU64,
    pub timeouts: AtomicU64,
}

pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed) + by, Relaxed);
}

thread_local! {
    /// The scheduler that this thread works for (the address of its `Shared`), and as what.
    static CURRENT: Cell<(usize, WorkerId)> = const { Cell::new((0, WorkerId::Normal(0))) };
}

pub(crate) fn set_current<T, P>(shared: &Arc<Shared<T, P>>, id: WorkerId) {
    CURRENT.set((Arc::as_ptr(shared) as usize, id));
}

/// The caller's thread stands in for one of the scheduler's while this lives.
pub(crate) struct StandIn((usize, WorkerId));

impl StandIn {
    pub fn new<T, P>(shared: &Arc<Shared<T, P>>, id: WorkerId) -> Self {
        let before = CURRENT.get();
        set_current(shared, id);
        Self(before)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl<T: Task, P: Send + 'static> Handle<T, P> {
    /// A scheduler without threads; see [`Sched::start`] and [`crate::Stepper::new`].
    pub fn new(mut config: Config) -> Self {
        config.workers = config.workers.clamp(1, WORKERS_MAX);
        config.online = config.online.clamp(1, config.workers);
        config.dirty_cpu = config.dirty_cpu.clamp(1, WORKERS_MAX);
        config.dirty_io = config.dirty_io.clamp(1, WORKERS_MAX);
        let workers = config.workers;
        let slot = |_| Slot {
            queue: Mutex::new(Queue { tasks: RunQueue::new(), closed: false }),
            len: AtomicUsize::new(0),
            timers: Mutex::new(Wheel::new()),
            next_timer: AtomicU64::new(u64::MAX),
            looked: AtomicU64::new(0),
            thread: OnceLock::new(),
            running: AtomicBool::new(false),
            counters: AtomicCounters::default(),
            wall: Wall::new(),
        };
        Self(Arc::new(Shared {
            slots: (0..workers).map(slot).collect(),
            idle: IdleSet::new(workers),
            searching: AtomicUsize::new(0),
            online: AtomicUsize::new(config.online),
            world: World::new(workers),
            dirty_cpu: Pool::new(DirtyKind::Cpu, config.dirty_cpu, config.dirty_cpu_online),
            dirty_io: Pool::new(DirtyKind::Io, config.dirty_io, config.dirty_io),
            started: AtomicBool::new(false),
            outside: OnceLock::new(),
            outsider: AtomicUsize::new(NOBODY),
            looked_outside: AtomicU64::new(0),
            next_tidy: AtomicU64::new(0),
            slices_at_tidy: AtomicU64::new(0),
            config,
        }))
    }

    /// What workers without work wait for; to be said before the start.
    pub fn set_outside(&self, outside: Arc<dyn Outside>) {
        let _ = self.0.outside.set(outside);
    }

    /// Makes a task runnable, from any thread. A worker puts it into its own queue; others into that of a sleeping worker, if there is one.
    pub fn enqueue(&self, task: T, priority: Priority) {
        if let Some(worker) = self.current_worker() {
            let slot = &self.0.slots[worker];
            let mut queue = slot.queue.lock();
            if !queue.closed {
                queue.tasks.push(task, priority);
                let len = queue.tasks.len();
                slot.len.store(len, Relaxed);
                drop(queue);
                if len >= SURPLUS {
                    self.0.wake_any();
                }
                return;
            }
        }
        self.0.push_to(self.0.idle.first().unwrap_or_else(|| self.0.shorter_queue()), task, priority);
    }

    pub fn enqueue_dirty(&self, task: T, kind: DirtyKind, priority: Priority) {
        self.0.pool(kind).push(task, priority);
    }

    pub(crate) fn dispose(&self, task: T, after: After) {
        match after {
            After::Requeue(priority) => self.enqueue(task, priority),
            After::Park => {}
            After::Dirty(kind, priority) => self.enqueue_dirty(task, kind, priority),
        }
    }

    /// The scheduler's clock: what deadlines of timers refer to.
    pub fn now(&self) -> u64 {
        self.0.config.clock.now()
    }

    /// Which of this scheduler's threads the caller is on.
    pub fn current(&self) -> Option<WorkerId> {
        let (shared, id) = CURRENT.get();
        (shared == Arc::as_ptr(&self.0) as usize).then_some(id)
    }

    fn current_worker(&self) -> Option<usize> {
        match self.current() {
            Some(WorkerId::Normal(worker)) => Some(worker as usize),
            _ => None,
        }
    }

    fn caller(&self) -> Caller {
        match self.current() {
            Some(WorkerId::Normal(worker)) => Caller::Worker(worker as usize),
            Some(WorkerId::Dirty(..)) => Caller::Dirty,
            None => Caller::Outside,
        }
    }

    /// Has `payload` given to [`Engine::timeout`] when [`Handle::now`] has reached `deadline`. Timers set on one worker with deadlines a
    /// tick (16 us) or more apart fire in the order of their deadlines, others in the order in which they were set.
    pub fn set_timer(&self, deadline: u64, payload: P) -> TimerRef {
        let own = self.current_worker();
        let shard = own.unwrap_or(0);
        let slot = &self.0.slots[shard];
        let mut timers = slot.timers.lock();
        if timers.len() == 0 {
            timers.rebase(slot.looked.load(Relaxed));
        }
        let (key, due) = timers.set(deadline, payload);
        let earlier = due < slot.next_timer.load(Relaxed);
        if earlier {
            slot.next_timer.store(due, Relaxed);
        }
        let asleep = earlier && own.is_none() && self.0.idle.contains(shard);
        drop(timers);
        if asleep {
            self.0.wake(shard);
        }
        TimerRef::new(shard, key)
    }

    /// The payload and the deadline, if it has neither fired nor been cancelled. After that the timeout will not come.
    pub fn cancel_timer(&self, timer: TimerRef) -> Option<(P, u64)> {
        let slot = self.0.slots.get(timer.shard())?;
        let mut timers = slot.timers.lock();
        let cancelled = timers.cancel(timer.key());
        if timers.len() == 0 {
            slot.next_timer.store(u64::MAX, Relaxed);
        }
        cancelled
    }

    /// The deadline, if it has neither fired nor been cancelled.
    pub fn read_timer(&self, timer: TimerRef) -> Option<u64> {
        self.0.slots.get(timer.shard())?.timers.lock().read(timer.key())
    }

    /// Timers that are set.
    pub fn timers(&self) -> usize {
        self.0.slots.iter().map(|slot| slot.timers.lock().len()).sum()
    }

    /// Runs `f` while no worker is in a slice or a timeout (and, with [`Hold::All`], no dirty thread in a job). May be called from anywhere: a
    /// worker that calls it stays in its slice, but counts as held, also while it waits for its turn after another caller; so may call it only
    /// where it is no harm that another's `f` runs first. Inside `f` it may be called again.
    pub fn stop_the_world<R>(&self, hold: Hold, f: impl FnOnce() -> R) -> R {
        self.0.world.stop(self.caller(), hold, f)
    }

    /// Runs `callback` once each worker has passed a safe point after this call (a sleeping one has): nothing that a slice saw before this call is still
    /// in use. If all are asleep, it runs at once. Dirty threads are not waited for: what they use they must keep alive by other means.
    pub fn quiesce(&self, callback: impl FnOnce() + Send + 'static) {
        self.0.world.quiesce(Box::new(callback));
    }

    /// From now on only the first worker runs tasks (and with [`Hold::All`] no dirty thread does). Returns when the other workers are held, but for
    /// the caller's own slice, whose task moves to the first worker when it yields. Each call needs its [`Handle::unblock`].
    pub fn block(&self, hold: Hold) {
        self.0.world.block(self.caller(), hold, || self.unpark_all());
    }

    pub fn unblock(&self, hold: Hold) {
        self.0.world.unblock(hold, || self.unpark_all());
    }

    /// Whether a [`Handle::block`] is in force: of the workers, of the dirty threads.
    pub fn blocked(&self) -> (bool, bool) {
        self.0.world.blocked()
    }

    pub fn workers(&self) -> usize {
        self.0.slots.len()
    }

    pub fn online(&self) -> usize {
        self.0.online.load(SeqCst)
    }

    /// Brought into 1 ..= workers; the old number. Workers go and come at their next safe points.
    pub fn set_online(&self, online: usize) -> usize {
        let old = self.0.online.swap(online.clamp(1, self.workers()), SeqCst);
        self.0.world.call_attention();
        self.unpark_all();
        old
    }

    pub fn dirty_limit(&self, kind: DirtyKind) -> usize {
        self.0.pool(kind).limit()
    }

    pub fn dirty_online(&self, kind: DirtyKind) -> usize {
        self.0.pool(kind).online()
    }

    /// Dirty threads that exist by now.
    pub fn dirty_started(&self, kind: DirtyKind) -> usize {
        self.0.pool(kind).started()
    }

    pub fn set_dirty_online(&self, kind: DirtyKind, online: usize) -> usize {
        self.0.pool(kind).set_online(online)
    }

    /// How many tasks wait, for each worker.
    pub fn run_queue_lengths(&self) -> Vec<usize> {
        self.0.slots.iter().map(|slot| slot.len.load(Relaxed)).collect()
    }

    /// How many tasks of this priority wait for workers.
    pub fn run_queue_length(&self, priority: Priority) -> usize {
        self.0.slots.iter().map(|slot| slot.queue.lock().tasks.class_len(priority)).sum()
    }

    /// How many tasks wait or run, for each worker.
    pub fn active_tasks(&self) -> Vec<usize> {
        self.0.slots.iter().map(|slot| slot.len.load(Relaxed) + slot.running.load(Relaxed) as usize).collect()
    }

    /// How many dirty tasks (wait, run).
    pub fn dirty_load(&self, kind: DirtyKind) -> (usize, usize) {
        self.0.pool(kind).load()
    }

    pub fn counters(&self) -> Vec<Counters> {
        self.0
            .slots
            .iter()
            .map(|slot| Counters {
                slices: slot.counters.slices.load(Relaxed),
                stolen: slot.counters.stolen.load(Relaxed),
                parks: slot.counters.parks.load(Relaxed),
                timeouts: slot.counters.timeouts.load(Relaxed),
            })
            .collect()
    }

    /// Switches measuring of wall time; switching it on begins at 0.
    pub fn measure_wall_time(&self, on: bool) {
        let now = self.now();
        self.0.walls().for_each(|(_, wall)| wall.measure(on, now));
    }

    /// Each thread's, workers first, then dirty CPU, dirty I/O (also those not started yet); nothing if measuring is off.
    pub fn wall_times(&self) -> Option<Vec<WallTime>> {
        let now = self.now();
        self.0.walls().map(|(worker, wall)| wall.read(now).map(|(active, total)| WallTime { worker, active, total })).collect()
    }

    pub(crate) fn unpark_all(&self) {
        self.0.slots.iter().filter_map(|slot| slot.thread.get()).for_each(Thread::unpark);
        if let Some(outside) = self.0.outside.get() {
            outside.wake();
        }
    }

    pub(crate) fn claim_start(&self) -> io::Result<()> {
        if self.0.started.swap(true, SeqCst) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this scheduler has been started before"));
        }
        Ok(())
    }
}

impl<T, P> Shared<T, P> {
    pub fn pool(&self, kind: DirtyKind) -> &Pool<T> {
        match kind {
            DirtyKind::Cpu => &self.dirty_cpu,
            DirtyKind::Io => &self.dirty_io,
        }
    }

    fn walls(&self) -> impl Iterator<Item = (WorkerId, &Wall)> {
        let normal = self.slots.iter().enumerate().map(|(n, slot)| (WorkerId::Normal(n as u32), &slot.wall));
        let dirty = [DirtyKind::Cpu, DirtyKind::Io].into_iter().flat_map(|kind| {
            self.pool(kind).walls.iter().enumerate().map(move |(n, wall)| (WorkerId::Dirty(kind, n as u32), wall))
        });
        normal.chain(dirty)
    }
}

impl<T: Task, P> Shared<T, P> {
    /// To a certain worker's queue, from another thread.
    fn push_to(&self, mut worker: usize, task: T, priority: Priority) {
        loop {
            let slot = &self.slots[worker];
            let mut queue = slot.queue.lock();
            if queue.closed {
                // The first is always online.
                worker = 0;
                continue;
            }
            queue.tasks.push(task, priority);
            let len = queue.tasks.len();
            slot.len.store(len, Relaxed);
            let asleep = self.idle.contains(worker);
            drop(queue);
            if asleep {
                self.wake(worker);
            } else if len > 1 {
                self.wake_any();
            }
            return;
        }
    }

    /// The shorter one of two that the clock chooses.
    fn shorter_queue(&self) -> usize {
        let online = self.online.load(Relaxed);
        if online == 1 {
            return 0;
        }
        let dice = CHOICE.with(|choice| {
            choice.set(choice.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
            choice.get() >> 33
        }) as usize;
        let (a, b) = (dice % online, (dice / online) % online);
        let load = |n: usize| self.slots[n].len.load(Relaxed) + self.slots[n].running.load(Relaxed) as usize;
        if load(b) < load(a) { b } else { a }
    }

    /// Wakes this worker if it sleeps.
    pub fn wake(&self, worker: usize) {
        if self.idle.remove(worker) {
            // On the sleeper's behalf, so that no one else wakes a second one before it is up.
            self.searching.fetch_add(1, SeqCst);
            if self.outsider.load(SeqCst) == worker
                && let Some(outside) = self.outside.get()
            {
                outside.wake();
            } else if let Some(thread) = self.slots[worker].thread.get() {
                thread.unpark();
            }
        }
    }

    /// Wakes some worker to share in a surplus, unless one is looking for work already.
    pub fn wake_any(&self) {
        if self.searching.load(SeqCst) == 0
            && let Some(worker) = self.idle.first()
        {
            self.wake(worker);
        }
    }
}

thread_local! {
    static CHOICE: Cell<u64> = const { Cell::new(0x9E37_79B9_7F4A_7C15) };
}

/// A running scheduler. Dropping it stops its threads after their present slices (dirty threads: jobs) and joins them; what is still
/// queued or set does not happen. Dropped on one of its own threads, it does not wait for that one.
pub struct Sched<E: Engine> {
    handle: Handle<E::Task, E::Timer>,
    engine: Arc<E>,
    threads: Vec<JoinHandle<()>>,
}

impl<E: Engine> Sched<E> {
    /// Starts the worker threads. A handle can be started once.
    pub fn start(handle: Handle<E::Task, E::Timer>, engine: Arc<E>) -> io::Result<Self> {
        handle.claim_start()?;
        for kind in [DirtyKind::Cpu, DirtyKind::Io] {
            handle.0.pool(kind).set_starter(Arc::downgrade(&handle.0), Arc::downgrade(&engine));
        }
        let mut sched = Self { handle, engine, threads: Vec::new() };
        for index in 0..sched.handle.workers() {
            let (handle, engine) = (sched.handle.clone(), sched.engine.clone());
            let mut builder = std::thread::Builder::new().name(format!("sched_{}", index + 1));
            if let Some(size) = handle.0.config.stack_size {
                builder = builder.stack_size(size);
            }
            sched.threads.push(builder.spawn(move || Worker::new(handle, engine, index).thread())?);
        }
        Ok(sched)
    }

    pub fn handle(&self) -> &Handle<E::Task, E::Timer> {
        &self.handle
    }

    pub fn engine(&self) -> &Arc<E> {
        &self.engine
    }
}

impl<E: Engine> Drop for Sched<E> {
    fn drop(&mut self) {
        self.handle.0.world.set_stopping();
        self.handle.unpark_all();
        let mut threads = std::mem::take(&mut self.threads);
        for kind in [DirtyKind::Cpu, DirtyKind::Io] {
            threads.extend(self.handle.0.pool(kind).stop());
        }
        let me = std::thread::current().id();
        for thread in threads {
            if thread.thread().id() != me {
                let _ = thread.join();
            }
        }
        if self.handle.current().is_none() {
            self.handle.0.world.run_pending();
        }
    }
}
