//! Every interleaving of senders with an owner that looks at `src/pending.rs` instead of taking its inbox's lock, with the code of that file:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ferrobeam-process --test model --target-dir target/loom`. Without that flag there is nothing here.
#![cfg(loom)]

#[path = "../src/pending.rs"]
mod pending;

use loom::sync::atomic::{AtomicUsize, Ordering::*};
use loom::sync::{Arc, Mutex};
use loom::thread;
use pending::Pending;

#[derive(Default)]
struct Inbox {
    signals: Vec<usize>,
    waiting: bool,
}

/// What `shared` does with an inbox, as far as the flag goes.
struct Process {
    inbox: Mutex<Inbox>,
    pending: Pending,
    /// Times that it was put on a run queue.
    enqueued: AtomicUsize,
    /// How many signals of each sender the owner could have heard of by another way.
    told: [AtomicUsize; 2],
}

impl Process {
    fn new() -> Arc<Process> {
        Arc::new(Process { inbox: Mutex::default(), pending: Pending::new(), enqueued: AtomicUsize::new(0), told: [AtomicUsize::new(0), AtomicUsize::new(0)] })
    }
    fn send(&self, sender: usize) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.signals.push(sender);
        self.pending.set();
        if std::mem::take(&mut inbox.waiting) {
            self.enqueued.fetch_add(1, SeqCst);
        }
    }
    fn take(&self, got: &mut [usize; 2]) {
        let mut inbox = self.inbox.lock().unwrap();
        if !inbox.signals.is_empty() {
            std::mem::take(&mut inbox.signals).into_iter().for_each(|sender| got[sender] += 1);
            self.pending.clear();
        }
    }
    fn park(&self) -> bool {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.waiting = inbox.signals.is_empty();
        inbox.waiting
    }
}

fn senders(process: &Arc<Process>, number: usize, each: usize) -> Vec<thread::JoinHandle<()>> {
    let sender = |n: usize| {
        let process = process.clone();
        move || {
            for sent in 1..=each {
                process.send(n);
                // Release alone: the owner learns of no more than this sender's own signals.
                process.told[n].store(sent, Release);
            }
        }
    };
    (0..number).map(|n| thread::spawn(sender(n))).collect()
}

/// The owner looks at the flag alone, `looks` times, and takes when it says so.
fn known(number: usize, each: usize, looks: usize, preemptions: Option<usize>) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let process = Process::new();
        let threads = senders(&process, number, each);
        let mut got = [0; 2];
        for _ in 0..looks {
            let told = [process.told[0].load(Acquire), process.told[1].load(Acquire)];
            if process.pending.is_set() {
                process.take(&mut got);
            }
            assert!(got[0] >= told[0] && got[1] >= told[1], "a signal was missed that the owner had heard of");
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(process.pending.is_set(), !process.inbox.lock().unwrap().signals.is_empty(), "in the end the flag says what is there");
    });
}

#[test]
fn what_the_owner_has_heard_of_is_seen() {
    known(1, 2, 2, None);
}

#[test]
fn one_sender_does_not_hide_another() {
    known(2, 1, 2, Some(3));
}

/// An owner that saw no signal and parks is enqueued by the next one, once.
#[test]
fn who_parks_is_woken() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let process = Process::new();
        let threads = senders(&process, 2, 1);
        let mut got = [0; 2];
        let mut parked = false;
        for _ in 0..2 {
            if process.pending.is_set() {
                process.take(&mut got);
            }
            parked = process.park();
            if parked {
                break;
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let left = process.inbox.lock().unwrap().signals.len();
        assert_eq!(left + got[0] + got[1], 2);
        assert_eq!(process.enqueued.load(SeqCst), (parked && left > 0) as usize);
        assert_eq!(process.pending.is_set(), left > 0);
    });
}
