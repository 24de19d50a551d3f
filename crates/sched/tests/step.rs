//! Without threads: the same calls give the same run.

mod toy;
use sched::*;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use toy::*;

fn run(seed: u64) -> Vec<(u64, u64)> {
    let time = Arc::new(AtomicU64::new(0));
    let clock = time.clone();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (list, list_of_dirty) = (log.clone(), log.clone());
    let toy = toy(Config { clock: Arc::new(move || clock.load(SeqCst)), ..Config::with_workers(1) })
        .run(move |handle, task| {
            list.lock().unwrap().push((handle.now(), task));
            match task {
                0..10 => After::Requeue(if task == 3 { Priority::Low } else { Priority::Normal }),
                10..20 => {
                    handle.set_timer(handle.now() + task * 100_000, task + 100);
                    After::Park
                }
                20..30 => After::Dirty(DirtyKind::Io, Priority::Normal),
                _ => After::Park,
            }
        })
        .dirty(move |handle, task| {
            list_of_dirty.lock().unwrap().push((handle.now(), 1000 + task));
            After::Park
        });
    let handle = toy.handle.clone();
    let mut stepper = Stepper::new(handle.clone(), Arc::new(toy)).unwrap();
    [11, 5, 20, 10, 30].into_iter().for_each(|n| handle.enqueue(n, Priority::Normal));
    let mut random = seed;
    for n in 0..1_000 {
        let step = stepper.step_choosing(|count| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
            if seed == 0 { 0 } else { (random >> 33) as usize % count }
        });
        if n % 10 == 0 {
            time.fetch_add(100_000, SeqCst);
        }
        match step {
            Step::Ran => {}
            Step::IdleUntil(deadline) => time.store(deadline, SeqCst),
            Step::Idle => break,
        }
    }
    assert_eq!(handle.current(), None);
    drop(stepper);
    let log = log.lock().unwrap();
    log.clone()
}

#[test]
fn reproducible() {
    let plain = run(0);
    assert_eq!(plain[..5].iter().map(|x| x.1).collect::<Vec<_>>(), [11, 5, 20, 10, 30]);
    for task in [110, 111] {
        assert!(plain.iter().any(|x| x.1 == task), "{task} never ran");
    }
    assert_eq!(plain, run(0));
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn skips_to_the_next_deadline() {
    let time = Arc::new(AtomicU64::new(0));
    let clock = time.clone();
    let fired = Count::default();
    let ended = fired.clone();
    let toy = toy(Config { clock: Arc::new(move || clock.load(SeqCst)), ..Config::with_workers(1) }).timeout(move |_, _| {
        ended.up();
    });
    let handle = toy.handle.clone();
    let mut stepper = Stepper::new(handle.clone(), Arc::new(toy)).unwrap();
    assert_eq!(stepper.step(), Step::Idle);
    handle.set_timer(3_600_000_000_000, 1);
    let Step::IdleUntil(deadline) = stepper.step() else { panic!("a timer is set") };
    assert!((3_600_000_000_000..3_600_000_100_000).contains(&deadline));
    time.store(deadline, SeqCst);
    assert_eq!((stepper.step(), fired.get(), stepper.step()), (Step::Ran, 1, Step::Idle));
    assert_eq!(handle.stop_the_world(Hold::All, || 5), 5);
    handle.quiesce(move || {
        fired.up();
    });
}
