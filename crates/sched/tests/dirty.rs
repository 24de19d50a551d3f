//! Dirty pools: threads on demand, in limits, and back to the workers.

mod toy;
use sched::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use toy::*;

#[test]
fn threads_start_when_asked_and_no_more_than_needed() {
    let (jobs, back) = (Count::default(), Count::default());
    let (counted, returned) = (jobs.clone(), back.clone());
    let gate = Arc::new(AtomicU64::new(0));
    let (opened, at_once) = (gate.clone(), Arc::new((AtomicU64::new(0), AtomicU64::new(0))));
    let most = at_once.clone();
    let sched = toy(Config { dirty_io: 3, ..Config::with_workers(2) })
        .run(move |_, task| {
            if task >= 1000 || task % 2 == 1 {
                return After::Dirty(if task % 2 == 1 { DirtyKind::Io } else { DirtyKind::Cpu }, Priority::Normal);
            }
            returned.up();
            After::Park
        })
        .dirty(move |handle, task| {
            assert!(matches!(handle.current(), Some(WorkerId::Dirty(DirtyKind::Io, _))));
            let running = at_once.0.fetch_add(1, SeqCst) + 1;
            at_once.1.fetch_max(running, SeqCst);
            counted.up();
            while opened.load(SeqCst) == 0 {
                std::thread::sleep(Duration::from_micros(50));
            }
            at_once.0.fetch_sub(1, SeqCst);
            handle.enqueue(task + 1, Priority::Normal);
            After::Park
        })
        .start();
    let handle = sched.handle();
    assert_eq!((handle.dirty_started(DirtyKind::Io), handle.dirty_started(DirtyKind::Cpu)), (0, 0));
    handle.enqueue(1, Priority::Normal);
    jobs.wait(1);
    assert_eq!(handle.dirty_started(DirtyKind::Io), 1);
    (1..10).for_each(|n| handle.enqueue(n * 2 + 1, Priority::Normal));
    jobs.wait(3);
    wait_for("seven to queue", || handle.dirty_load(DirtyKind::Io) == (7, 3));
    gate.store(1, SeqCst);
    back.wait(10);
    assert_eq!((most.1.load(SeqCst), handle.dirty_started(DirtyKind::Io), handle.dirty_started(DirtyKind::Cpu)), (3, 3, 0));
    assert_eq!((handle.dirty_limit(DirtyKind::Io), handle.dirty_online(DirtyKind::Cpu)), (3, 2));
}

#[test]
fn online_limits_how_many_run() {
    let (at_once, done) = (Arc::new(AtomicU64::new(0)), Count::default());
    let (running, ended) = (at_once.clone(), done.clone());
    let limit = Arc::new(AtomicU64::new(4));
    let allowed = limit.clone();
    let sched = toy(Config { dirty_cpu: 4, dirty_cpu_online: 4, ..Config::with_workers(1) })
        .dirty(move |_, _| {
            assert!(running.fetch_add(1, SeqCst) < allowed.load(SeqCst));
            std::thread::sleep(Duration::from_micros(200));
            running.fetch_sub(1, SeqCst);
            ended.up();
            After::Park
        })
        .start();
    let handle = sched.handle();
    let push = || (0..40).for_each(|n| handle.enqueue_dirty(n, DirtyKind::Cpu, Priority::Normal));
    push();
    done.wait(40);
    assert_eq!(handle.set_dirty_online(DirtyKind::Cpu, 1), 4);
    limit.store(1, SeqCst);
    push();
    done.wait(80);
    limit.store(2, SeqCst);
    handle.set_dirty_online(DirtyKind::Cpu, 2);
    push();
    done.wait(120);
    assert_eq!(sched.engine().panics.load(SeqCst), 0);
}

/// What is handed over before the threads exist is done when they do.
#[test]
fn before_the_start() {
    let done = Count::default();
    let (one, two) = (done.clone(), done.clone());
    let toy = toy(Config::with_workers(1))
        .run(move |_, _| {
            one.up();
            After::Park
        })
        .dirty(move |_, _| {
            two.up();
            After::Requeue(Priority::Normal)
        });
    toy.handle.enqueue_dirty(1, DirtyKind::Cpu, Priority::Normal);
    toy.handle.enqueue(2, Priority::Normal);
    toy.handle.set_timer(0, 3);
    let _sched = toy.start();
    done.wait(4);
}
