//! `cargo xtask sanitize`: conformance cases on a build under AddressSanitizer, which sees each use of freed memory and each access beyond a
//! block that happen outside machine code; with the interpreter alone, that is nearly all of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::conform;
use crate::setup;
use crate::shell::{self, Outcome};

/// What the sanitizer is built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// `sanitize [NAME..]`, the names as for `conform`. What is found is printed, and a failure.
pub fn command(names: &[String]) -> Outcome<bool> {
    setup::ensure()?;
    let found = shell::scratch("sanitize-found")?;
    for file in fs::read_dir(&found).map_err(|e| e.to_string())?.flatten() {
        let _ = fs::remove_file(file.path());
    }
    let program = build()?;
    let options = format!("detect_leaks=0:detect_odr_violation=0:allocator_may_return_null=1:log_path={}", found.join("report").display());
    let mut good = true;
    for engine in ["off", "on"] {
        println!("machine code: {engine}");
        let environment = [("FERROBEAM_JIT", engine), ("ASAN_OPTIONS", options.as_str()), ("CONFORM_SECONDS", "120")];
        good &= conform::command_on(&program, names, &environment)?;
    }
    for file in fs::read_dir(&found).map_err(|e| e.to_string())?.flatten() {
        good = false;
        let report = fs::read_to_string(file.path()).unwrap_or_default();
        println!("{}:\n{}", file.path().display(), report.lines().take(60).collect::<Vec<_>>().join("\n"));
    }
    Ok(good)
}

/// In a target folder of its own. The sanitizer is not among what stable compilers offer, but comes with them.
fn build() -> Outcome<PathBuf> {
    let target = shell::scratch("sanitize")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(shell::root()).args(["build", "--release", "--quiet", "--package", "ferrobeam-cli", "--target", TARGET, "--target-dir"]).arg(&target);
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_PROFILE_RELEASE_STRIP", "none").env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    command.env("RUSTFLAGS", "-Zsanitizer=address -Cforce-frame-pointers=yes --cfg sanitized");
    eprintln!("xtask: building with AddressSanitizer (minutes)");
    shell::must(&mut command)?;
    Ok(target.join(TARGET).join("release/ferrobeam"))
}
