//! Workers that wait for the outside: what comes is acted on by a worker, at once while one is idle, soon while all are busy, and also when the one
//! that waited does something long. Wake-ups reach a worker that waits there.

mod toy;

use sched::*;
use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use toy::*;

thread_local! {
    static CAME: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Mail {
    /// What has come, and whether someone is to be woken.
    state: Mutex<(Vec<u64>, bool)>,
    changed: Condvar,
    to: Mutex<Option<Toys>>,
}

impl Mail {
    fn bring(&self, task: u64) {
        self.state.lock().unwrap().0.push(task);
        self.changed.notify_all();
    }
}

impl Outside for Mail {
    fn wait(&self, timeout: Option<Duration>) {
        let until = timeout.map(|t| Instant::now() + t);
        let mut state = self.state.lock().unwrap();
        while state.0.is_empty() && !std::mem::take(&mut state.1) {
            match until.map(|u| u.saturating_duration_since(Instant::now())) {
                None => state = self.changed.wait(state).unwrap(),
                Some(Duration::ZERO) => break,
                Some(left) => state = self.changed.wait_timeout(state, left).unwrap().0,
            }
        }
        CAME.with_borrow_mut(|came| came.append(&mut state.0));
    }
    fn wake(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
    fn act(&self) {
        for task in CAME.take() {
            let to = self.to.lock().unwrap();
            let handle = to.as_ref().unwrap();
            assert!(matches!(handle.current(), Some(WorkerId::Normal(_))));
            handle.enqueue(task, Priority::Normal);
        }
    }
}

/// Task 0 counts; task 1 is always busy; others are busy for so many milliseconds.
fn begin(workers: usize) -> (Sched<Toy>, Arc<Mail>, Count) {
    let (mail, count) = (Arc::new(Mail::default()), Count::default());
    let counter = count.clone();
    let toy = toy(Config::with_workers(workers)).run(move |_, task| match task {
        0 => {
            counter.up();
            After::Park
        }
        1 => {
            busy(Duration::from_micros(100));
            After::Requeue(Priority::Normal)
        }
        ms => {
            busy(Duration::from_millis(ms));
            After::Park
        }
    });
    *mail.to.lock().unwrap() = Some(toy.handle.clone());
    toy.handle.set_outside(mail.clone());
    (toy.start(), mail, count)
}

#[test]
fn idle_and_busy() {
    for workers in [1, 2, 3] {
        let (sched, mail, count) = begin(workers);
        mail.bring(0);
        count.wait(1);
        // From other threads, in the same way as without an outside.
        for n in 2..200 {
            if n % 2 == 0 { mail.bring(0) } else { sched.handle().enqueue(0, Priority::Normal) }
            count.wait(n);
        }
        // Timers go on.
        let now = sched.handle().now();
        sched.handle().set_timer(now + 2_000_000, 0);
        count.wait(200);
        // All busy.
        (0..workers).for_each(|_| sched.handle().enqueue(1, Priority::Normal));
        mail.bring(0);
        count.wait(201);
    }
}

#[test]
fn the_one_who_waited_is_held_up() {
    let (sched, mail, count) = begin(2);
    mail.bring(0);
    count.wait(1);
    let began = Instant::now();
    mail.bring(2000);
    std::thread::sleep(Duration::from_millis(20));
    mail.bring(0);
    count.wait(2);
    assert!(began.elapsed() < Duration::from_millis(1500), "the other worker looks after it");
    drop(sched);
}

#[test]
fn online_and_stopped() {
    let (sched, mail, count) = begin(3);
    for n in 1..60 {
        sched.handle().set_online(1 + n as usize % 3);
        if n % 7 == 0 {
            sched.handle().stop_the_world(Hold::Normal, || std::thread::sleep(Duration::from_millis(1)));
        }
        if n % 11 == 0 {
            sched.handle().block(Hold::Normal);
        }
        mail.bring(0);
        count.wait(n);
        if n % 11 == 0 {
            sched.handle().unblock(Hold::Normal);
        }
    }
    drop(sched);
}
