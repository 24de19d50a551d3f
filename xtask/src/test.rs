//! `cargo xtask test`: everything that must hold, in one command; `torture`: the hostile way to run it.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::conform::Machine;
use crate::shell::{self, Outcome};
use crate::{cluster, conform, examples, fuzz, kept, setup, tidy};

/// Prints each part's count and, at the end, the sum.
pub fn test(args: &[String]) -> Outcome<bool> {
    let started = Instant::now();
    setup::ensure()?;
    let mut sum = (0, 0);
    let mut part = |name: &str, outcome: Outcome<(usize, usize)>| {
        let (passed, failed) = outcome.unwrap_or_else(|why| {
            println!("{name}: {why}");
            (0, 1)
        });
        println!("{name}: {passed} passed, {failed} failed");
        sum.0 += passed;
        sum.1 += failed;
    };
    part("tidy", Ok(tidy::check()));
    if !args.iter().any(|a| a == "--fast") {
        part("units", units());
    }
    part("fuzz targets", fuzz::check());
    match shell::build() {
        Ok(program) => {
            let machine = Machine::ferrobeam(&program, &[]);
            part("conform", conform::all_on(&machine));
            part("conform in machine code", conform::all_on(&Machine::ferrobeam(&program, &[("FERROBEAM_JIT", "eager"), ("FERROBEAM_CODE_CACHE", "verify")])));
            part("conform in short slices", conform::all_in_short_slices(&program));
            part("kept machine code", kept::check(&program));
            part("cluster", cluster::all_on(&program, &[]));
            part("examples", examples::all_on(&machine, &[], false));
        }
        Err(why) => part("build", Err(why)),
    }
    println!("{:.0} s", started.elapsed().as_secs_f64());
    println!("{} passed, {} failed", sum.0, sum.1);
    Ok(sum.1 == 0)
}

/// `cargo test`, its counts added up.
fn units() -> Outcome<(usize, usize)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(shell::root()).args(["test", "--profile", "quick", "--workspace", "--no-fail-fast"]);
    let done = shell::capture(&mut command, Duration::from_secs(1500))?;
    let (mut passed, mut failed) = (0, 0);
    for line in done.output.lines().filter(|l| l.starts_with("test result:")) {
        let count = |word: &str| -> usize {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.windows(2).find(|w| w[1].starts_with(word)).and_then(|w| w[0].parse().ok()).unwrap_or(0)
        };
        passed += count("passed");
        failed += count("failed");
    }
    if failed > 0 || !done.ok() {
        let interesting = |l: &&str| l.contains("FAILED") || l.contains("panicked") || l.contains("error");
        println!(
            "{}",
            done.output.lines().chain(done.errors.lines()).filter(interesting).take(60).collect::<Vec<_>>().join("\n")
        );
        failed = failed.max(1);
    }
    Ok((passed, failed))
}

/// Conform and examples, run the hostile way.
pub fn torture(names: &[String]) -> Outcome<bool> {
    let mut good = true;
    for how in ["gc,heap", "gc,heap,yield"] {
        println!("torture: {how}");
        for engine in ["off", "eager"] {
            println!("machine code: {engine}");
            good &= conform::command(names, &[("FERROBEAM_TORTURE", how), ("FERROBEAM_JIT", engine), ("CONFORM_SECONDS", "60")])?;
        }
        let hostile = [("FERROBEAM_TORTURE", how), ("CONFORM_SECONDS", "60")];
        if names.is_empty() {
            good &= examples::command(&[], &hostile)?;
        }
    }
    Ok(good)
}
