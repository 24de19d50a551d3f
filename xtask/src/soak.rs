//! `cargo xtask soak`: minutes of spawning, crashing and messaging under the torture options, memory watched from outside.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{setup, suites};
use crate::shell::{self, Outcome};

/// Kilobytes in memory.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// `soak [SECONDS]`: 600 by default, a half with only the heap checker and a half that also collects at every allocation
/// (`FERROBEAM_TORTURE` set: all of it with that). It fails on a wrong answer, a crash, or memory that grows.
/// `soak suites [SECONDS [SEED]]`: the test suites of OTP instead (3600).
pub fn command(args: &[String]) -> Outcome<bool> {
    if args.first().is_some_and(|a| a == "suites") {
        let number = |n: usize, or: u64| args.get(n).map_or(Ok(or), |s| s.parse::<u64>()).map_err(|_| format!("soak suites: {:?} is no number", args[n]));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        return suites::soak(number(1, 3600)?, number(2, now)?);
    }
    let seconds: u64 = args.first().map_or(Ok(600), |s| s.parse()).map_err(|_| "soak: how many seconds?")?;
    setup::ensure()?;
    let program = shell::build()?;
    let dir = shell::scratch("soak")?;
    let source = shell::root().join("tests/soak/churn.erl");
    shell::must(Command::new(setup::real("erlc")?).arg("-o").arg(&dir).arg(&source))?;
    let modes = match std::env::var("FERROBEAM_TORTURE") {
        Ok(given) => vec![given],
        Err(_) => vec!["heap".into(), "gc,heap".into()],
    };
    let each = (seconds / modes.len() as u64).max(10);
    let mut well = true;
    for mode in &modes {
        well &= one(&program, &dir, mode, each)?;
    }
    Ok(well)
}

fn one(program: &std::path::Path, dir: &std::path::Path, mode: &str, seconds: u64) -> Outcome<bool> {
    let mut command = Command::new(program);
    command.args(["erl", "-noshell", "-pa"]).arg(dir).args(["-run", "churn", "main", &seconds.to_string(), &seconds.to_string()]);
    command.env("FERROBEAM_TORTURE", mode).stdin(Stdio::null()).stdout(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let out = child.stdout.take();
    let reader = std::thread::spawn(move || std::io::read_to_string(out.expect("it was asked for")).unwrap_or_default());
    let mut sizes: Vec<u64> = Vec::new();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break Some(status);
        }
        if started.elapsed() > Duration::from_secs(seconds + 120) {
            drop(child.kill());
            break None;
        }
        std::thread::sleep(Duration::from_millis(500));
        sizes.extend(resident(child.id()));
        if sizes.len().is_multiple_of(60) {
            println!("soak {mode}: {:4.0} s, {} MB", started.elapsed().as_secs_f64(), sizes.last().unwrap_or(&0) / 1024);
        }
    };
    let text = reader.join().unwrap_or_default();
    let verdict = text.lines().last().unwrap_or_default();
    for line in text.lines().filter(|l| l.starts_with("turn ") || l.starts_with("unexpected")).take(10) {
        println!("{line}");
    }
    // The second quarter is warm; the last one may not be above it by more than a fifth.
    let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len().max(1) as u64;
    let quarter = sizes.len() / 4;
    let (early, late) = (mean(&sizes[quarter..2 * quarter]), mean(&sizes[3 * quarter..]));
    println!("soak {mode}: {verdict}; resident {} MB in the second quarter, {} MB in the last", early / 1024, late / 1024);
    let flat = late <= early + early / 5;
    if !flat {
        println!("soak {mode}: memory grows: {sizes:?}");
    }
    Ok(flat && status.is_some_and(|s| s.success()) && verdict.ends_with(", 0 wrong"))
}
