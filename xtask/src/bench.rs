//! `cargo xtask bench`: the small programs of `bench/`, on ferrobeam and on the real Erlang, in turn. A program is a module
//! with run/1 (its argument is in the first comment: `%% scale: N`) that answers the same on both.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::conform::Machine;
use crate::setup;
use crate::shell::{self, Outcome};

const ROUNDS: usize = 3;

/// Prints a table; the ratio is ours to the real one's, of the best rounds.
pub fn command(names: &[String]) -> Outcome<bool> {
    setup::ensure()?;
    let ours = Machine::ferrobeam(&shell::build()?, &[]);
    let real = Machine::real()?;
    let out = shell::scratch("bench")?;
    println!("{:<16} {:>12} {:>12} {:>8}", "program", "real (ms)", "ours (ms)", "ratio");
    let mut all_ran = true;
    for file in programs(names)? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        shell::must(Command::new(setup::real("erlc")?).arg("-o").arg(&out).arg(&file))?;
        let scale = scale(&file)?;
        let mut best = [f64::INFINITY; 2];
        let mut answers: [String; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (i, machine) in [&real, &ours].into_iter().enumerate() {
                match time(machine, &out, &name, &scale) {
                    Ok((ms, answer)) => {
                        best[i] = best[i].min(ms);
                        answers[i] = answer;
                    }
                    Err(why) => answers[i] = why,
                }
            }
        }
        let same = answers[0] == answers[1];
        all_ran &= same;
        let note = if same { String::new() } else { format!("  DIFFERENT: {} / {}", answers[0], answers[1]) };
        println!("{name:<16} {:>12.1} {:>12.1} {:>8.2}{note}", best[0], best[1], best[1] / best[0]);
    }
    Ok(all_ran)
}

fn programs(names: &[String]) -> Outcome<Vec<PathBuf>> {
    let dir = shell::root().join("bench");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .flatten()
        .map(|e| e.path())
        .filter(|f| f.extension().is_some_and(|e| e == "erl"))
        .filter(|f| names.is_empty() || names.iter().any(|n| f.file_stem().is_some_and(|s| s == n.as_str())))
        .collect();
    files.sort();
    Ok(files)
}

fn scale(file: &PathBuf) -> Outcome<String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    let found = text.lines().find_map(|l| l.strip_prefix("%% scale: "));
    found.map(|s| s.trim().to_string()).ok_or(format!("{} has no line `%% scale: N`", file.display()))
}

fn time(machine: &Machine, beams: &PathBuf, name: &str, scale: &str) -> Outcome<(f64, String)> {
    let eval = format!(
        "P = self(), spawn(fun() -> {name}:run({scale}), T = erlang:monotonic_time(microsecond), A = {name}:run({scale}), \
         P ! {{erlang:monotonic_time(microsecond) - T, A}} end), receive {{T, A}} -> io:format(\"~w ~w~n\", [T, erlang:phash2(A)]) end, halt()."
    );
    let mut command = Command::new(&machine.erl);
    command.args(&machine.erl_first).args(["-noshell", "-pa"]).arg(beams).args(["-eval", &eval]);
    command.envs(machine.environment.iter().cloned());
    let done = shell::capture(&mut command, Duration::from_secs(120))?;
    let mut words = done.output.split_whitespace();
    match (words.next().and_then(|w| w.parse::<f64>().ok()), words.next()) {
        (Some(us), Some(answer)) if done.ok() => Ok((us / 1000.0, answer.to_string())),
        _ => Err(format!("{} {}", done.how(), shell::tail(&done.errors, 1))),
    }
}
