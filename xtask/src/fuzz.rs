//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, which mutates what reached new code. Not here: the targets.

use std::path::PathBuf;
use std::process::Command;

use crate::setup;
use crate::shell::{self, Outcome};

/// What LLVM is asked for: counters at every edge, and the operands of comparisons.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

/// Runs each target (or those named) for `FUZZ_SECONDS`, 60 by default. `--keep` then reduces what was found to the smallest
/// set of inputs that reaches the same code, and packs it into `fuzz/corpus`. A finding ends it: its input is in `fuzz/findings`.
pub fn command(args: &[String]) -> Outcome<bool> {
    let keep = args.iter().any(|a| a == "--keep");
    let names: Vec<String> = args.iter().filter(|a| !a.starts_with("--")).cloned().collect();
    let names = if names.is_empty() { all()? } else { names };
    let seconds = std::env::var("FUZZ_SECONDS").unwrap_or_else(|_| "60".into());
    setup::need("g++", "g++")?;
    let dir = shell::root().join("fuzz");
    let target = shell::target().join("fuzz");
    for name in &names {
        println!("fuzz: building {name}");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(&dir).args(["build", "--release", "--quiet", "--target-dir"]).arg(&target);
        shell::must(build.args(["--target", &triple()?, "--bin", name]).env("RUSTFLAGS", COVERAGE))?;
    }
    for name in &names {
        let program = target.join(triple()?).join("release").join(name);
        let grown = shell::scratch(&format!("corpus-{name}"))?;
        let packed = dir.join("corpus").join(format!("{name}.tar.gz"));
        let kept = shell::scratch(&format!("kept-{name}"))?;
        if packed.is_file() {
            shell::must(Command::new("tar").arg("-xzf").arg(&packed).arg("-C").arg(&kept))?;
        }
        let findings = dir.join("findings").join(name);
        std::fs::create_dir_all(&findings).map_err(|e| format!("{}: {e}", findings.display()))?;
        println!("fuzz: {name}, {seconds} s");
        let mut run = Command::new(&program);
        run.arg(&grown)
            .arg(&kept)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()));
        shell::must(run.args(["-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=1", "-max_len=16384"]))?;
        if keep {
            let fresh: PathBuf = shell::scratch(&format!("merged-{name}"))?;
            shell::must(Command::new(&program).args(["-merge=1", "-max_len=16384"]).args([&fresh, &kept, &grown]))?;
            let how = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-I", "gzip -9n", "-cf"];
            shell::must(Command::new("tar").args(how).arg(&packed).arg("-C").arg(&fresh).arg("."))?;
            std::fs::remove_dir_all(&fresh).map_err(|e| e.to_string())?;
        }
    }
    println!("fuzz: {} targets, nothing found", names.len());
    Ok(true)
}

/// The targets are no part of the workspace: a change may leave them behind. How many compile, all or none.
pub fn check() -> Outcome<(usize, usize)> {
    setup::need("g++", "g++")?;
    let mut check = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    check.current_dir(shell::root().join("fuzz")).args(["check", "--quiet", "--target-dir"]).arg(shell::target().join("fuzz"));
    let n = all()?.len();
    Ok(if shell::must(&mut check).is_ok() { (n, 0) } else { (0, n) })
}

/// The names of `fuzz/targets`.
fn all() -> Outcome<Vec<String>> {
    let dir = shell::root().join("fuzz/targets");
    let entries = std::fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|e| Some(e.path().file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// This machine's, as rustc names it: with `--target` given, build scripts and macros stay without counters.
fn triple() -> Outcome<String> {
    let done = Command::new("rustc").arg("-vV").output().map_err(|e| format!("cannot run rustc: {e}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    text.lines().find_map(|l| l.strip_prefix("host: ")).map(str::to_string).ok_or_else(|| "rustc -vV names no host".into())
}
