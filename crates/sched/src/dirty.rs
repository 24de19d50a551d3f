//! A pool of dirty threads: one queue, threads started when there is work and none is free. Not here: what a dirty task does.

use crate::handle::{Shared, set_current};
use crate::queue::RunQueue;
use crate::stats::Wall;
use crate::{DirtyKind, Engine, Handle, Priority, Task, WorkerId};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;

type Starter = Box<dyn Fn(DirtyKind, usize) -> io::Result<JoinHandle<()>> + Send + Sync>;

pub(crate) struct Pool<T> {
    kind: DirtyKind,
    state: Mutex<State<T>>,
    work: Condvar,
    starter: OnceLock<Starter>,
    pub walls: Box<[Wall]>,
}

struct State<T> {
    queue: RunQueue<T>,
    started: usize,
    /// Threads that wait and that nobody has notified yet.
    waiting: usize,
    running: usize,
    online: usize,
    stopping: bool,
    threads: Vec<JoinHandle<()>>,
}

impl<T: Task> Pool<T> {
    pub fn new(kind: DirtyKind, limit: usize, online: usize) -> Self {
        let online = online.clamp(1, limit);
        Self {
            kind,
            state: Mutex::new(State {
                queue: RunQueue::new(),
                started: 0,
                waiting: 0,
                running: 0,
                online,
                stopping: false,
                threads: Vec::new(),
            }),
            work: Condvar::new(),
            starter: OnceLock::new(),
            walls: (0..limit).map(|_| Wall::new()).collect(),
        }
    }

    pub fn limit(&self) -> usize {
        self.walls.len()
    }

    pub fn started(&self) -> usize {
        self.state.lock().started
    }

    pub fn online(&self) -> usize {
        self.state.lock().online
    }

    /// The old number.
    pub fn set_online(&self, online: usize) -> usize {
        let mut state = self.state.lock();
        let old = std::mem::replace(&mut state.online, online.clamp(1, self.limit()));
        for _ in 0..state.queue.len() {
            self.call_thread(&mut state);
        }
        old
    }

    /// (queued, running)
    pub fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.queue.len(), state.running)
    }

    pub fn push(&self, task: T, priority: Priority) {
        let mut state = self.state.lock();
        state.queue.push(task, priority);
        self.call_thread(&mut state);
    }

    fn call_thread(&self, state: &mut State<T>) {
        if state.stopping {
            return;
        }
        if state.waiting > 0 {
            state.waiting -= 1;
            self.work.notify_one();
        } else if state.started < self.limit()
            && state.running < state.online
            && let Some(start) = self.starter.get()
        {
            match start(self.kind, state.started) {
                Ok(thread) => {
                    state.started += 1;
                    state.threads.push(thread);
                }
                // The threads that exist will get to it.
                Err(_) if state.started > 0 => {}
                Err(error) => eprintln!("ferrobeam: cannot start a dirty {:?} scheduler thread: {error}", self.kind),
            }
        }
    }

    /// Waits for a task; nothing when the pool stops.
    fn next(&self, wall: &Wall, clock: &dyn Fn() -> u64) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            if state.running < state.online
                && let Some(task) = state.queue.pop()
            {
                state.running += 1;
                drop(state);
                wall.set_busy(true, clock);
                return Some(task);
            }
            wall.set_busy(false, clock);
            state.waiting += 1;
            self.work.wait(&mut state);
        }
    }

    fn done(&self) {
        self.state.lock().running -= 1;
    }

    pub fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state.lock();
        state.stopping = true;
        self.work.notify_all();
        std::mem::take(&mut state.threads)
    }

    /// Says how to start a thread; what was pushed before gets its threads now.
    pub fn set_starter<E: Engine<Task = T>>(&self, shared: Weak<Shared<T, E::Timer>>, engine: Weak<E>) {
        let starter: Starter = Box::new(move |kind, index| {
            let (Some(shared), Some(engine)) = (shared.upgrade(), engine.upgrade()) else {
                return Err(io::Error::other("the node is gone"));
            };
            let name = match kind {
                DirtyKind::Cpu => format!("dirty_cpu_{}", index + 1),
                DirtyKind::Io => format!("dirty_io_{}", index + 1),
            };
            let mut builder = std::thread::Builder::new().name(name);
            if let Some(size) = shared.config.dirty_stack_size {
                builder = builder.stack_size(size);
            }
            builder.spawn(move || dirty_thread(Handle(shared), engine, kind, index))
        });
        let _ = self.starter.set(starter);
        let mut state = self.state.lock();
        for _ in 0..state.queue.len() {
            self.call_thread(&mut state);
        }
    }

    /// Without threads: the stepper runs dirty tasks itself.
    pub fn pop(&self) -> Option<T> {
        self.state.lock().queue.pop()
    }
}

fn dirty_thread<E: Engine>(handle: Handle<E::Task, E::Timer>, engine: Arc<E>, kind: DirtyKind, index: usize) {
    let id = WorkerId::Dirty(kind, index as u32);
    set_current(&handle.0, id);
    let pool = handle.0.pool(kind);
    let clock = || handle.now();
    let mut local = engine.local(id);
    while let Some(task) = pool.next(&pool.walls[index], &clock) {
        handle.0.world.dirty_enter();
        let after = catch_unwind(AssertUnwindSafe(|| engine.run_dirty(&mut local, task, kind)));
        handle.0.world.dirty_leave();
        pool.done();
        match after {
            Ok(after) => handle.dispose(task, after),
            Err(payload) => {
                engine.panicked(id, payload);
                local = engine.local(id);
            }
        }
    }
}
