//! A toy engine whose meaning is a few closures; and small things that every test needs.
#![allow(dead_code)]

use sched::*;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub type Toys = Handle<u64, u64>;
type Timeout = Box<dyn Fn(&Toys, u64) + Send + Sync>;
type Run = Box<dyn Fn(&Toys, u64) -> After + Send + Sync>;

pub struct Toy {
    pub handle: Toys,
    pub run: Run,
    pub dirty: Run,
    pub timeout: Timeout,
    pub panics: AtomicU64,
}

impl Engine for Toy {
    type Task = u64;
    type Timer = u64;
    type Local = WorkerId;
    fn local(&self, worker: WorkerId) -> WorkerId {
        assert_eq!(self.handle.current(), Some(worker));
        worker
    }
    fn run(&self, local: &mut WorkerId, task: u64) -> After {
        assert_eq!(self.handle.current(), Some(*local));
        (self.run)(&self.handle, task)
    }
    fn run_dirty(&self, _: &mut WorkerId, task: u64, _: DirtyKind) -> After {
        (self.dirty)(&self.handle, task)
    }
    fn timeout(&self, payload: u64) {
        (self.timeout)(&self.handle, payload)
    }
    fn panicked(&self, _: WorkerId, _: Box<dyn std::any::Any + Send>) {
        self.panics.fetch_add(1, SeqCst);
    }
}

pub fn toy(config: Config) -> Toy {
    Toy {
        handle: Handle::new(config),
        run: Box::new(|_, _| After::Park),
        dirty: Box::new(|_, _| After::Park),
        timeout: Box::new(|handle, payload| handle.enqueue(payload, Priority::Normal)),
        panics: AtomicU64::new(0),
    }
}

impl Toy {
    pub fn run(mut self, run: impl Fn(&Toys, u64) -> After + Send + Sync + 'static) -> Self {
        self.run = Box::new(run);
        self
    }
    pub fn dirty(mut self, run: impl Fn(&Toys, u64) -> After + Send + Sync + 'static) -> Self {
        self.dirty = Box::new(run);
        self
    }
    pub fn timeout(mut self, timeout: impl Fn(&Toys, u64) + Send + Sync + 'static) -> Self {
        self.timeout = Box::new(timeout);
        self
    }
    pub fn start(self) -> Sched<Toy> {
        let handle = self.handle.clone();
        Sched::start(handle, Arc::new(self)).unwrap()
    }
}

/// Counts up; a test waits for a number.
#[derive(Clone, Default)]
pub struct Count(Arc<AtomicU64>, Arc<OnceLock<()>>);

impl Count {
    pub fn up(&self) -> u64 {
        self.0.fetch_add(1, SeqCst) + 1
    }
    pub fn get(&self) -> u64 {
        self.0.load(SeqCst)
    }
    #[track_caller]
    pub fn wait(&self, number: u64) {
        wait_for("the count", || self.get() >= number);
    }
}

#[track_caller]
pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited too long for {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

pub fn busy(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}
