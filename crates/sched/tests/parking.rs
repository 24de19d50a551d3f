//! Nobody sleeps on work: single events from outside, aimed at the moments around falling asleep, with nothing else that would wake anyone.

mod toy;
use sched::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use toy::*;

/// Waits without sleeping, so that the next event comes while the worker is about to sleep.
#[track_caller]
fn spin_until(what: &str, condition: impl Fn() -> bool) {
    let mut began = None;
    for round in 0u64.. {
        if condition() {
            return;
        }
        if round % 64 == 63 {
            // The cores may all be taken.
            std::thread::yield_now();
            assert!(began.get_or_insert_with(Instant::now).elapsed() < Duration::from_secs(10), "{what} was slept on");
        }
    }
}

/// About as long as a worker takes from its last task to its sleep.
fn pause(random: &mut u64) {
    let most = if random.is_multiple_of(4) { 2_000 } else { 100 };
    *random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    for _ in 0..(*random >> 33) % most {
        std::hint::spin_loop();
    }
}

#[test]
fn a_task_from_outside() {
    for (workers, senders) in [(1, 1), (2, 1), (2, 3), (4, 2)] {
        let runs: Arc<Vec<AtomicU64>> = Arc::new((0..senders).map(|_| AtomicU64::new(0)).collect());
        let counted = runs.clone();
        let sched = toy(Config { spin: 1, ..Config::with_workers(workers) })
            .run(move |_, task| {
                counted[task as usize].fetch_add(1, SeqCst);
                After::Park
            })
            .start();
        std::thread::scope(|scope| {
            for sender in 0..senders {
                let (runs, handle) = (&runs, sched.handle());
                scope.spawn(move || {
                    let mut random = sender as u64;
                    for n in 1..=8_000 {
                        handle.enqueue(sender as u64, Priority::Normal);
                        spin_until("a task", || runs[sender].load(SeqCst) == n);
                        pause(&mut random);
                    }
                });
            }
        });
    }
}

#[test]
fn a_timer_from_outside() {
    let fired = Arc::new(AtomicU64::new(0));
    let counted = fired.clone();
    let sched = toy(Config { spin: 1, ..Config::with_workers(2) })
        .timeout(move |_, _| {
            counted.fetch_add(1, SeqCst);
        })
        .start();
    let mut random = 1;
    for n in 1..=4_000 {
        sched.handle().set_timer(sched.handle().now() + n % 3 * 20_000, 0);
        spin_until("a timer", || fired.load(SeqCst) == n);
        pause(&mut random);
    }
}

/// Bursts wake more than one; dirty jobs come back; workers go offline and back meanwhile.
#[test]
fn bursts_among_changes() {
    let (runs, jobs) = (Count::default(), Count::default());
    let (counted, done) = (runs.clone(), jobs.clone());
    let sched = toy(Config { spin: 1, ..Config::with_workers(4) })
        .run(move |_, task| {
            counted.up();
            if task % 2 == 0 { After::Dirty(DirtyKind::Cpu, Priority::Normal) } else { After::Park }
        })
        .dirty(move |_, task| {
            done.up();
            if task % 4 == 0 { After::Park } else { After::Requeue(Priority::Normal) }
        })
        .start();
    let handle = sched.handle();
    let (mut random, mut sent) = (1, 0);
    for n in 0..3_000u64 {
        for m in 0..n % 20 {
            handle.enqueue(m * 4 % 8 + 1, Priority::Normal);
            sent += 1;
        }
        handle.enqueue(0, Priority::Normal);
        sent += 1;
        if n % 50 == 0 {
            handle.set_online((n / 50 % 4) as usize + 1);
        }
        if n % 70 == 0 {
            handle.stop_the_world(Hold::All, || {});
            handle.block(Hold::All);
            handle.unblock(Hold::All);
        }
        if n % 3 == 0 {
            spin_until("a task", || runs.get() == sent);
        }
        pause(&mut random);
    }
    spin_until("a task", || runs.get() == sent && jobs.get() == 3_000);
}
