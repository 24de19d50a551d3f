//! What the scheduler costs: `cargo run --release -p ferrobeam-sched --example figures`.

use sched::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
enum Mode {
    /// A task enqueues its partner and parks.
    PingPong,
    /// A task asks to run again, among others.
    Yield,
    /// Ping-pong while a timer is set that is not due for long.
    PingPongTimer,
    /// Yield, with a timer set and cancelled for each slice.
    YieldAfter,
    /// A task passes on to the next of 100,000.
    Ring,
}

struct Bench {
    handle: Handle<u64, u64>,
    mode: Mode,
    left: AtomicU64,
    done: Sender<()>,
    hops: AtomicU64,
    late: std::sync::Mutex<Vec<u64>>,
}

impl Engine for Bench {
    type Task = u64;
    type Timer = u64;
    type Local = u64;
    fn local(&self, _: WorkerId) -> u64 {
        0
    }
    fn run(&self, _: &mut u64, task: u64) -> After {
        let left = self.left.load(Relaxed);
        if left == 0 {
            let _ = self.done.send(());
            return After::Park;
        }
        // Not atomic together: some rounds more or less do not matter.
        self.left.store(left - 1, Relaxed);
        match self.mode {
            Mode::PingPong | Mode::PingPongTimer => self.handle.enqueue(task ^ 1, Priority::Normal),
            Mode::Ring => self.handle.enqueue((task + 1) % 100_000, Priority::Normal),
            Mode::Yield => return After::Requeue(Priority::Normal),
            Mode::YieldAfter => {
                let timer = self.handle.set_timer(self.handle.now() + 5_000_000_000, task);
                self.handle.cancel_timer(timer);
                return After::Requeue(Priority::Normal);
            }
        }
        After::Park
    }
    fn run_dirty(&self, _: &mut u64, _: u64, _: DirtyKind) -> After {
        After::Park
    }
    fn timeout(&self, deadline: u64) {
        let now = self.handle.now();
        self.late.lock().unwrap().push(now - deadline);
        if self.hops.fetch_sub(1, Relaxed) > 1 {
            self.handle.set_timer(now + 1_000_000, now + 1_000_000);
        } else {
            let _ = self.done.send(());
        }
    }
}

fn start(workers: usize, mode: Mode, rounds: u64) -> (Sched<Bench>, std::sync::mpsc::Receiver<()>) {
    let (done, ended) = channel();
    let handle = Handle::new(Config::with_workers(workers));
    let engine = Bench { handle: handle.clone(), mode, left: AtomicU64::new(rounds), done, hops: AtomicU64::new(2_000), late: Default::default() };
    (Sched::start(handle, Arc::new(engine)).unwrap(), ended)
}

fn rounds(name: &str, workers: usize, mode: Mode, tasks: u64) {
    const ROUNDS: u64 = 5_000_000;
    let best = (0..3)
        .map(|_| {
            let (sched, ended) = start(workers, mode, ROUNDS);
            let began = Instant::now();
            if matches!(mode, Mode::PingPongTimer) {
                sched.handle().set_timer(u64::MAX >> 4, 0);
            }
            (0..tasks).for_each(|n| sched.handle().enqueue(n * 2, Priority::Normal));
            ended.recv().unwrap();
            let slices: u64 = sched.handle().counters().iter().map(|c| c.slices).sum();
            began.elapsed().as_nanos() as f64 / slices as f64
        })
        .fold(f64::MAX, f64::min);
    println!("{name}, {tasks} tasks, {workers} workers: {best:.1} ns a slice");
}

fn main() {
    let clock = MonotonicClock::new();
    let began = Instant::now();
    for _ in 0..1_000_000 {
        std::hint::black_box(clock.now());
    }
    println!("reading the clock: {:.1} ns", began.elapsed().as_nanos() as f64 / 1e6);

    for workers in [1, 2] {
        rounds("ping-pong (enqueue and run)", workers, Mode::PingPong, 1);
        rounds("ping-pong (enqueue and run)", workers, Mode::PingPong, 4);
        rounds("ping-pong while a timer is set", workers, Mode::PingPongTimer, 1);
        rounds("ring (enqueue and run)", workers, Mode::Ring, 1);
        rounds("yield", workers, Mode::Yield, 1);
        rounds("yield", workers, Mode::Yield, 10);
        rounds("yield with a timer set and cancelled, clock read", workers, Mode::YieldAfter, 10);
    }

    // From outside to a worker that must be woken, and back.
    let (sched, ended) = start(2, Mode::Yield, 0);
    let began = Instant::now();
    for _ in 0..20_000 {
        sched.handle().enqueue(0, Priority::Normal);
        ended.recv().unwrap();
    }
    println!("from another thread and back by a channel: {:.0} ns a round trip", began.elapsed().as_nanos() as f64 / 2e4);
    std::thread::sleep(Duration::from_millis(20));
    let began = Instant::now();
    for _ in 0..200 {
        std::thread::sleep(Duration::from_micros(200));
        sched.handle().enqueue(0, Priority::Normal);
        ended.recv().unwrap();
    }
    println!("the same to sleepers: {:.0} ns a round trip", (began.elapsed().as_nanos() as f64 - 200.0 * 200e3) / 200.0);

    // Timers from outside any worker, with as many more set.
    let handle = sched.handle();
    for others in [0u64, 100_000, 1_000_000] {
        let base = handle.now() + 60_000_000_000;
        let set: Vec<TimerRef> = (0..others).map(|n| handle.set_timer(base + n * 7919 % 60_000 * 1_000_000, n)).collect();
        let began = Instant::now();
        for n in 0..1_000_000u64 {
            let timer = handle.set_timer(base + n, n);
            handle.cancel_timer(timer);
        }
        println!("timer set and cancel, {others} others set: {:.1} ns", began.elapsed().as_nanos() as f64 / 1e6);
        for timer in set {
            handle.cancel_timer(timer);
        }
    }
    drop(sched);

    let (sched, ended) = start(2, Mode::Yield, 0);
    sched.handle().set_timer(0, 0);
    ended.recv().unwrap();
    let mut late = sched.engine().late.lock().unwrap().split_off(1);
    late.sort();
    let us = |part: f64| late[(late.len() as f64 * part) as usize] / 1000;
    println!("1 ms timers, idle: late by p50 {} us, p99 {} us, p99.9 {} us", us(0.5), us(0.99), us(0.999));
}
