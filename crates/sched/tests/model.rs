//! Every interleaving of falling asleep and waking, with the code of `src/idle.rs` itself:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ferrobeam-sched --test model --target-dir target/loom`. Without that flag there is nothing here.
#![cfg(loom)]
#![allow(dead_code)]

#[path = "../src/idle.rs"]
mod idle;

use idle::IdleSet;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct Shared {
    idle: IdleSet,
    queue: Mutex<usize>,
    /// The token of `thread::unpark`. (Loom's own ends any wait of the thread, also for a lock.)
    token: Mutex<bool>,
    unparked: Condvar,
    /// Wakers count for the woken one; both must come out even.
    searching: AtomicUsize,
}

fn add(shared: &Shared) {
    let mut queue = shared.queue.lock().unwrap();
    *queue += 1;
    let asleep = shared.idle.contains(0);
    drop(queue);
    if asleep && shared.idle.remove(0) {
        shared.searching.fetch_add(1, SeqCst);
        *shared.token.lock().unwrap() = true;
        shared.unparked.notify_one();
    }
}

fn park(shared: &Shared) {
    let mut token = shared.token.lock().unwrap();
    while !std::mem::take(&mut *token) {
        token = shared.unparked.wait(token).unwrap();
    }
}

/// A worker that sleeps on work would make the model's only runnable thread nobody: loom calls that a deadlock.
fn model(adders: usize, adds: usize, preemptions: Option<usize>) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let shared = Arc::new(Shared {
            idle: IdleSet::new(1),
            queue: Mutex::new(0),
            token: Mutex::new(false),
            unparked: Condvar::new(),
            searching: AtomicUsize::new(0),
        });
        let threads: Vec<_> = (0..adders)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || (0..adds).for_each(|_| add(&shared)))
            })
            .collect();
        let mut run = 0;
        let mut searching = false;
        while run < adders * adds {
            run += std::mem::take(&mut *shared.queue.lock().unwrap());
            if std::mem::take(&mut searching) {
                shared.searching.fetch_sub(1, SeqCst);
            }
            if run == adders * adds {
                break;
            }
            let look = || (*shared.queue.lock().unwrap() == 0).then_some(());
            searching = shared.idle.sleep(0, look, |()| park(&shared));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(shared.searching.load(SeqCst), searching as usize);
    });
}

#[test]
fn one_adder() {
    model(1, 2, None);
}

#[test]
fn two_adders() {
    // Without a bound this takes many minutes.
    model(2, 1, Some(3));
}
