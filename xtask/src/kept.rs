//! Machine code that is kept on disk from run to run: it is used, broken or foreign files are not, and the answer is the same each time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::setup;
use crate::shell::{self, Outcome};

/// `cargo xtask kept`.
pub fn command() -> Outcome<bool> {
    setup::ensure()?;
    let (passed, failed) = check(&shell::build()?)?;
    println!("kept machine code: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// How many of the six things hold, and how many do not.
pub fn check(program: &Path) -> Outcome<(usize, usize)> {
    let cache = shell::scratch("kept-machine-code")?;
    let _ = fs::remove_dir_all(&cache);
    let mut counts = (0, 0);
    let mut holds = |what: &str, is: bool| {
        if is {
            counts.0 += 1;
        } else {
            counts.1 += 1;
            println!("kept machine code: {what}: NOT SO");
        }
    };
    let first = run(program, &cache, "on")?;
    holds("nothing is there in the first run, and it compiles", first.kept == 0 && first.compiled > 0);
    let second = run(program, &cache, "verify")?;
    holds("the second run finds what the first has compiled, and would make the same", second.kept > 0 && second.answer == first.answer);
    let all = files(&cache);
    for file in &all {
        let mut bytes = fs::read(file).map_err(|e| e.to_string())?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(file, bytes).map_err(|e| e.to_string())?;
    }
    let broken = run(program, &cache, "verify")?;
    holds("with a wrong bit in every file less is found, nothing wrong", broken.kept < second.kept && broken.answer == first.answer);
    let mended = run(program, &cache, "verify")?;
    holds("what was broken is replaced", mended.kept > broken.kept && mended.answer == first.answer);
    for file in files(&cache) {
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).map_err(|e| e.to_string())?;
    }
    let foreign = run(program, &cache, "on")?;
    holds("files that others could have written are not used", foreign.kept == 0 && foreign.answer == first.answer);
    let off = run(program, &cache, "off")?;
    holds("`off` neither reads nor writes", off.kept == 0 && off.answer == first.answer);
    Ok(counts)
}

struct Run {
    answer: String,
    kept: usize,
    compiled: usize,
}

fn run(program: &Path, cache: &Path, how: &str) -> Outcome<Run> {
    const WORK: &str = "io:format(\"~p~n\", [erlang:phash2(lists:sort([{X rem 7, integer_to_list(X)} || X <- lists:seq(1, 3000)]))]), halt().";
    let mut command = Command::new(program);
    command.args(["erl", "+JIT", "eager", "+JDdump", "true", "-noshell", "-eval", WORK]);
    command.env("FERROBEAM_CACHE", cache).env("FERROBEAM_CODE_CACHE", how);
    let done = shell::capture(&mut command, Duration::from_secs(60))?;
    if !done.ok() {
        return Err(format!("kept machine code: {}\n{}", done.how(), shell::tail(&done.errors, 6)));
    }
    let count = |word: &str| done.errors.lines().filter(|l| l.starts_with(word)).count();
    Ok(Run { kept: count("kept "), compiled: count("compiled "), answer: done.output })
}

/// The files of the one build that is there.
fn files(cache: &Path) -> Vec<PathBuf> {
    let list = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    list(cache.join("code")).flat_map(list).collect()
}
