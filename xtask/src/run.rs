//! `cargo xtask run`: builds, then runs a file or `elixir`/`iex` on the new build.

use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use crate::setup;
use crate::shell::{self, Outcome};

/// `args`: what follows `run` (a `--` in front is dropped).
pub fn run(args: &[String]) -> Outcome<bool> {
    setup::ensure()?;
    let ferrobeam = shell::build()?;
    let args = args.strip_prefix(&["--".to_string()]).unwrap_or(args);
    let mut command = Command::new(&ferrobeam);
    let tour = shell::root().join("examples/tour.exs");
    match args {
        [] if std::io::stdin().is_terminal() => drop(command.arg("iex")),
        [] => drop(command.arg("elixir").arg(tour)),
        [file, rest @ ..] => match Path::new(file).extension().and_then(|e| e.to_str()) {
            Some("exs" | "ex") => drop(command.arg("elixir").arg(file).args(rest)),
            Some("erl") => {
                let out = shell::scratch("run")?;
                shell::must(Command::new(&ferrobeam).arg("erlc").arg("-o").arg(&out).arg(file))?;
                module(&mut command, &out, file, rest);
            }
            Some("beam") => {
                let dir = Path::new(file).parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
                module(&mut command, dir, file, rest);
            }
            _ => drop(command.arg("elixir").args(args)),
        },
    }
    let status = command.status().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    Ok(status.success())
}

/// main/1 with the arguments, main/0 or start/0, whichever there is; then the end.
fn module(command: &mut Command, dir: &Path, file: &str, rest: &[String]) {
    let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let start = format!(
        "M = '{name}', {{module, M}} = code:ensure_loaded(M), \
         A = init:get_plain_arguments(), \
         case [F || {{F, N}} <- [{{main, 1}}, {{main, 0}}, {{start, 0}}], erlang:function_exported(M, F, N)] of \
           [] -> io:format(standard_error, \"~ts has neither main/0, main/1 nor start/0~n\", [M]), halt(1); \
           [main | _] -> case erlang:function_exported(M, main, 1) of true -> M:main(A); false -> M:main() end; \
           [start | _] -> M:start() end, init:stop()."
    );
    command.arg("erl").arg("-noshell").arg("-pa").arg(dir).args(["-eval", &start, "-extra"]).args(rest);
}
