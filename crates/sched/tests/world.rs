//! Safe points: the stopped world is really stopped, quiescence is really past every slice, nobody waits for another for ever.

mod toy;
use sched::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use toy::*;

#[test]
fn nobody_runs_in_the_stopped_world() {
    for hold in [Hold::Normal, Hold::All] {
        let (inside, dirty_inside, slices) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)), Count::default());
        let (normal, counted) = (inside.clone(), slices.clone());
        let dirty = dirty_inside.clone();
        let stops = Count::default();
        let stopped = stops.clone();
        let (check_normal, check_dirty) = (inside.clone(), dirty_inside.clone());
        let check = move |own: i64, own_dirty: i64| {
            for _ in 0..20 {
                assert_eq!(check_normal.load(SeqCst), own);
                if hold == Hold::All {
                    assert_eq!(check_dirty.load(SeqCst), own_dirty);
                }
                std::thread::yield_now();
            }
        };
        let (check_run, check_job) = (check.clone(), check.clone());
        let sched = toy(Config::with_workers(3))
            .run(move |handle, task| {
                normal.fetch_add(1, SeqCst);
                let n = counted.up();
                if n % 97 == 0 {
                    // Counts itself out: while it waits for its turn, another caller's closure may run.
                    normal.fetch_sub(1, SeqCst);
                    handle.stop_the_world(hold, || {
                        check_run(0, 0);
                        handle.stop_the_world(hold, || check_run(0, 0));
                    });
                    normal.fetch_add(1, SeqCst);
                    stopped.up();
                }
                busy(Duration::from_micros(5));
                normal.fetch_sub(1, SeqCst);
                match task % 3 {
                    0 => After::Dirty(DirtyKind::Cpu, Priority::Normal),
                    1 => {
                        handle.set_timer(handle.now() + 20_000, task);
                        After::Park
                    }
                    _ => After::Requeue(Priority::Normal),
                }
            })
            .dirty(move |handle, task| {
                if task == 3 {
                    handle.stop_the_world(hold, || check_job(0, 0));
                }
                dirty.fetch_add(1, SeqCst);
                busy(Duration::from_micros(10));
                dirty.fetch_sub(1, SeqCst);
                After::Requeue(Priority::Normal)
            })
            .start();
        (0..12).for_each(|n| sched.handle().enqueue(n, Priority::Normal));
        for _ in 0..100 {
            sched.handle().stop_the_world(hold, || check(0, 0));
        }
        stops.wait(50);
        assert_eq!(sched.engine().panics.load(SeqCst), 0, "an assertion failed");
    }
}

/// Slices read through an index to a cell; a cell is poisoned once all have passed a safe point after the index moved on.
#[test]
fn quiescence_is_past_every_slice() {
    const CELLS: usize = 3_000;
    let cells: Arc<Vec<AtomicBool>> = Arc::new((0..CELLS).map(|_| AtomicBool::new(true)).collect());
    let current = Arc::new(AtomicU64::new(0));
    let freed = Count::default();
    let (seen, live) = (cells.clone(), current.clone());
    let sched = toy(Config::with_workers(3))
        .run(move |handle, task| {
            let index = live.load(SeqCst) as usize;
            for _ in 0..10 {
                assert!(seen[index].load(SeqCst), "freed while in use");
                std::hint::spin_loop();
            }
            if task == 0 {
                // Some slices wait in here; they have not passed.
                handle.stop_the_world(Hold::Normal, || {});
                assert!(seen[index].load(SeqCst), "freed while in use");
            }
            if task == 1 {
                handle.set_timer(handle.now() + 50_000, task);
                return After::Park;
            }
            After::Requeue(Priority::Normal)
        })
        .start();
    (0..6).for_each(|n| sched.handle().enqueue(n, Priority::Normal));
    for n in 0..CELLS - 1 {
        current.store(n as u64 + 1, SeqCst);
        let (cells, count) = (cells.clone(), freed.clone());
        sched.handle().quiesce(move || {
            cells[n].store(false, SeqCst);
            count.up();
        });
        if n % 64 == 0 {
            freed.wait(n as u64 / 2);
        }
    }
    freed.wait(CELLS as u64 - 1);
    assert_eq!(sched.engine().panics.load(SeqCst), 0);
}

#[test]
fn quiesce_when_all_sleep_and_when_dropped() {
    let sched = toy(Config::with_workers(2)).start();
    let done = Count::default();
    let ended = done.clone();
    sched.handle().quiesce(move || {
        ended.up();
    });
    done.wait(1);
    // A slice that does not end before the drop begins.
    let (started, late) = (Count::default(), Count::default());
    let (begun, ended) = (started.clone(), late.clone());
    let sched = toy(Config::with_workers(2))
        .run(move |_, _| {
            begun.up();
            std::thread::sleep(Duration::from_millis(20));
            After::Park
        })
        .start();
    sched.handle().enqueue(1, Priority::Normal);
    started.wait(1);
    sched.handle().quiesce(move || {
        ended.up();
    });
    assert_eq!(late.get(), 0);
    drop(sched);
    assert_eq!(late.get(), 1);
}

#[test]
fn blocking_leaves_one() {
    let (slices, jobs) = (Count::default(), Count::default());
    let (counted, done) = (slices.clone(), jobs.clone());
    let sched = toy(Config::with_workers(3))
        .run(move |handle, task| {
            counted.up();
            busy(Duration::from_micros(20));
            if task == 77 {
                handle.block(Hold::All);
                return After::Park;
            }
            if task % 4 == 0 { After::Dirty(DirtyKind::Cpu, Priority::Normal) } else { After::Requeue(Priority::Normal) }
        })
        .dirty(move |_, _| {
            done.up();
            busy(Duration::from_micros(20));
            After::Requeue(Priority::Normal)
        })
        .start();
    let handle = sched.handle();
    (0..30).for_each(|n| handle.enqueue(n, Priority::Normal));
    jobs.wait(100);
    let others = || handle.counters()[1..].iter().map(|c| c.slices).sum::<u64>();
    handle.block(Hold::All);
    let (before, done) = (others(), jobs.get());
    let all = slices.get();
    slices.wait(all + 200);
    assert_eq!((others(), jobs.get()), (before, done));
    assert_eq!(handle.blocked(), (true, true));
    // From a slice, on top.
    handle.enqueue(77, Priority::High);
    wait_for("77 to block", || handle.run_queue_length(Priority::High) == 0);
    std::thread::sleep(Duration::from_millis(5));
    handle.unblock(Hold::All);
    assert_eq!(handle.blocked(), (true, true));
    handle.unblock(Hold::All);
    assert_eq!(handle.blocked(), (false, false));
    jobs.wait(done + 100);
    wait_for("the others to come back", || others() > before + 100);
    assert_eq!(handle.online(), 3);
}
