//! `cargo xtask bench`: the small programs of `bench/`, and what a whole machine costs (starting, memory, compiling), on ferrobeam
//! and on the real Erlang, in turn. A program is a module with run/1 (its argument is in the first comment: `%% scale: N`) that
//! answers the same on both. The table is Markdown, as the front page quotes it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

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
    println!("| {:<26} | {:>10} | {:>10} | {:>6} |", "what", "ERTS", "ferrobeam", "ratio");
    println!("|{}|{}:|{}:|{}:|", "-".repeat(28), "-".repeat(11), "-".repeat(11), "-".repeat(7));
    let mut all_ran = whole(names, &real, &ours, &out)?;
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
        row(&format!("`{name}`, ms"), best);
        if !same {
            println!("{name}: DIFFERENT: {} / {}", answers[0], answers[1]);
        }
    }
    Ok(all_ran)
}

fn row(what: &str, [real, ours]: [f64; 2]) {
    println!("| {what:<26} | {real:>10.1} | {ours:>10.1} | {:>6.2} |", ours / real);
}

/// What a whole machine costs; of each the best round.
fn whole(names: &[String], real: &Machine, ours: &Machine, out: &Path) -> Outcome<bool> {
    if !names.is_empty() && !names.iter().any(|n| n == "whole") {
        return Ok(true);
    }
    shell::must(Command::new(setup::real("erlc")?).arg("-o").arg(out).arg(shell::root().join("bench/whole.erl")))?;
    let module = out.join("large.erl");
    std::fs::write(&module, large_module()).map_err(|e| format!("{}: {e}", module.display()))?;
    let compile = format!("{{ok, _}} = compile:file(\"{}\", [{{outdir, \"{}\"}}]), halt().", module.display(), out.display());
    let eval = |text: &str| ["-noshell".to_string(), "-pa".into(), out.display().to_string(), "-eval".into(), text.into()];
    let many = ["+P".to_string(), "2000000".into()];
    let rows: [(&str, bool, Vec<String>, bool); 5] = [
        ("start `erl`, ms", false, eval("halt().").into(), true),
        ("start `elixir`, ms", true, vec!["-e".into(), ":ok".into()], true),
        ("compile a large module, ms", false, eval(&compile).into(), true),
        ("idle `erl`, kB resident", false, eval("whole:idle(), halt().").into(), false),
        ("a waiting process, bytes", false, [many.to_vec(), eval("whole:processes(1000000), halt().").into()].concat(), false),
    ];
    for (what, elixir, args, timed) in rows {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for (i, machine) in [real, ours].into_iter().enumerate() {
                let (program, first) =
                    if elixir { (&machine.elixir, &machine.elixir_first) } else { (&machine.erl, &machine.erl_first) };
                let mut command = Command::new(program);
                command.args(first).args(&args).envs(machine.environment.iter().cloned());
                let started = Instant::now();
                let done = shell::capture(&mut command, Duration::from_secs(120))?;
                let value = if timed { started.elapsed().as_secs_f64() * 1000.0 } else { done.output.trim().parse().unwrap_or(f64::NAN) };
                if !done.ok() || value.is_nan() {
                    return Err(format!("{what}: {} {}", done.how(), shell::tail(&done.errors, 3)));
                }
                best[i] = best[i].min(value);
            }
        }
        row(what, best);
    }
    Ok(true)
}

/// Some thousand lines of ordinary functions.
fn large_module() -> String {
    let mut text = String::from("-module(large).\n-compile(export_all).\n-compile(nowarn_export_all).\n");
    for i in 0..800 {
        text += &format!(
            "f{i}(X, [H | T]) when X > {i} -> case H of {{a, Y}} -> [Y + {i} | f{i}(X - 1, T)]; #{{k := V}} -> V; <<A:8, B/binary>> -> {{A, B}}; _ -> f{i}(X, T) end;\n\
             f{i}(X, L) -> try lists:map(fun(E) -> E * X + {i} end, L) catch error:R -> {{error, R, X}} end.\n"
        );
    }
    text
}

fn programs(names: &[String]) -> Outcome<Vec<PathBuf>> {
    let dir = shell::root().join("bench");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .flatten()
        .map(|e| e.path())
        .filter(|f| f.extension().is_some_and(|e| e == "erl") && !f.ends_with("whole.erl"))
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
