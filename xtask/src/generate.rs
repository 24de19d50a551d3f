//! `cargo xtask generate`: random modules from a seed, compiled by the real compiler, give the same results on the real machine and
//! on ferrobeam's engines: interpreted, with what is hot in machine code, with everything in it, and with a collection at every
//! allocation. The generator and the judge are Erlang: `tests/generate`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::conform::{self, Machine};
use crate::setup;
use crate::shell::{self, Outcome};

/// Modules of one round.
const MODULES: u64 = 25;
/// For one machine and one round; a machine that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(300);

/// Differences told of one engine in one round.
const SHOWN: usize = 3;

/// Engine, environment, calls of each function with the same arguments.
const ENGINES: &[(&str, &[(&str, &str)], &str)] = &[
    ("interpreted", &[("FERROBEAM_JIT", "off")], "2"),
    ("tiered", &[("FERROBEAM_JIT", "on")], "40"),
    ("eager", &[("FERROBEAM_JIT", "eager")], "2"),
    ("eager under torture", &[("FERROBEAM_JIT", "eager"), ("FERROBEAM_TORTURE", "gc,heap,yield")], "1"),
];

/// `generate [SECONDS [SEED]]`. A module with a difference is kept and named.
pub fn command(args: &[String]) -> Outcome<bool> {
    let number = |i: usize, default: u64| args.get(i).map_or(Ok(default), |a| a.parse().map_err(|_| format!("{a} is not a number")));
    let (seconds, first) = (number(0, 60)?, number(1, 1)?);
    setup::ensure()?;
    let program = shell::build()?;
    let real = Machine::real()?;
    let dir = shell::scratch("generate")?;
    let tools = shell::root().join("tests/generate");
    shell::must(Command::new(conform::erlc()?).arg("-o").arg(&dir).args([tools.join("generator.erl"), tools.join("judge.erl")]))?;
    let kept = shell::scratch("generate-kept")?;
    let started = Instant::now();
    let (mut seed, mut calls, mut different) = (first, 0, Vec::new());
    while started.elapsed() < Duration::from_secs(seconds) {
        let round = dir.join("round");
        let _ = fs::remove_dir_all(&round);
        fs::create_dir_all(&round).map_err(|e| format!("{}: {e}", round.display()))?;
        let make = format!("generator:modules({:?}, {seed}, {MODULES}), halt().", round.display().to_string());
        shell::must(Command::new(&real.erl).args(["-noshell", "-pa"]).arg(&dir).args(["-eval", &make]))?;
        let expected = results(&real, &dir, &round, "real", "2")?;
        calls += expected.len();
        for (engine, environment, times) in ENGINES {
            let machine = Machine::ferrobeam(&program, environment);
            let got = results(&machine, &dir, &round, &engine.replace(' ', "-"), times)?;
            let mut shown = 0;
            for (key, wanted) in &expected {
                let found = got.get(key).map_or("nothing: the machine did not come so far", String::as_str);
                if found != wanted {
                    shown += 1;
                    let module = key.split(':').next().unwrap_or_default();
                    if shown <= SHOWN {
                        let short = |t: &str| t.chars().take(200).collect::<String>();
                        println!("{engine}: {key}\n  real:      {}\n  ferrobeam: {}", short(wanted), short(found));
                    }
                    for end in ["erl", "beam"] {
                        let name = format!("{module}.{end}");
                        fs::copy(round.join(&name), kept.join(&name)).map_err(|e| format!("{name}: {e}"))?;
                    }
                    different.push(format!("{engine}: {key}"));
                }
            }
        }
        seed += MODULES;
        println!("{:5} s  {} modules, {calls} calls, {} different", started.elapsed().as_secs(), seed - first, different.len());
    }
    if !different.is_empty() {
        println!("modules with differences are in {}", kept.display());
    }
    Ok(different.is_empty())
}

/// A line for each call: module, function and arguments, and what came of it.
fn results(machine: &Machine, tools: &Path, round: &Path, label: &str, times: &str) -> Outcome<BTreeMap<String, String>> {
    let out = round.join(format!("{label}.txt"));
    let mut command = Command::new(&machine.erl);
    command.args(&machine.erl_first).args(["-noshell", "-pa"]).arg(round).arg("-pa").arg(tools);
    command.args(["-run", "judge", "main"]).arg(round).arg(&out).arg(times);
    command.current_dir(round).envs(machine.environment.iter().cloned()).env("ERL_CRASH_DUMP_SECONDS", "0");
    let done = shell::capture(&mut command, LIMIT)?;
    if !done.ok() {
        println!("{label}: the machine {}: {}", done.how(), shell::tail(done.errors.trim(), 4));
    }
    let text = fs::read(&out).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    Ok(text.lines().filter_map(|l| l.split_once(" = ")).map(|(k, v)| (k.to_string(), v.to_string())).collect())
}
