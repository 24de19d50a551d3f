//! Programs in `examples/`: each is run and its output compared with `examples/expected/NAME.out`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::conform::{self, Machine};
use crate::setup;
use crate::shell::{self, Outcome};

/// `cargo xtask examples`.
pub fn command(names: &[String], environment: &[(&str, &str)]) -> Outcome<bool> {
    setup::ensure()?;
    let update = std::env::var_os("UPDATE").is_some();
    let machine = if update { Machine::real()? } else { Machine::ferrobeam(&shell::build()?, environment) };
    let (passed, failed) = all_on(&machine, names, update)?;
    println!("examples: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// How many passed and failed; with `update` the output is recorded instead.
pub fn all_on(machine: &Machine, names: &[String], update: bool) -> Outcome<(usize, usize)> {
    let (mut passed, mut failed) = (0, 0);
    for file in all()? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let expected = shell::root().join("examples/expected").join(format!("{name}.out"));
        let mut command = Command::new(&machine.elixir);
        command.args(&machine.elixir_first).arg(&file).current_dir(shell::root()).env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
        command.envs(machine.environment.iter().cloned());
        let done = shell::capture(&mut command, Duration::from_secs(60))?;
        if update {
            if !done.ok() {
                return Err(format!("{name} {}\n{}", done.how(), done.errors));
            }
            fs::write(&expected, &done.output).map_err(|e| format!("{}: {e}", expected.display()))?;
            passed += 1;
            continue;
        }
        let wanted = fs::read_to_string(&expected)
            .map_err(|_| format!("{} is missing: UPDATE=1 cargo xtask examples {name}", expected.display()))?;
        if done.ok() && done.output == wanted {
            passed += 1;
        } else {
            failed += 1;
            println!(
                "example {name}: FAILED, {}\n{}\n{}",
                done.how(),
                conform::difference(&wanted, &done.output),
                shell::tail(&done.errors, 6)
            );
        }
    }
    Ok((passed, failed))
}

fn all() -> Outcome<Vec<PathBuf>> {
    let dir = shell::root().join("examples");
    let mut files: Vec<PathBuf> = fs::read_dir(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .flatten()
        .map(|e| e.path())
        .filter(|f| f.extension().is_some_and(|e| e == "exs"))
        .collect();
    files.sort();
    Ok(files)
}
