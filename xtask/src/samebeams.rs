//! `cargo xtask samebeams`: OTP's own sources, compiled by its compiler on ferrobeam and on the real machine, give the same
//! `.beam` files byte for byte. Needs the sources in the installation (`lib/*/src`). Not here: whether the files then work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::shell::{self, Outcome};

/// The applications that are compiled when none is named.
const APPS: &[&str] = &["stdlib", "kernel", "compiler"];

/// For one application on one machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// `names`: applications.
pub fn command(names: &[String]) -> Outcome<bool> {
    let real = shell::which("erlc").ok_or("there is no erlc on PATH to compare with")?;
    let erl = shell::which("erl").ok_or("there is no erl on PATH")?;
    let asked = shell::capture(
        Command::new(erl).args(["-noshell", "-eval", "io:put_chars(code:lib_dir()), halt()."]),
        Duration::from_secs(30),
    )?;
    let lib = PathBuf::from(asked.output.trim());
    let ours = shell::build()?;
    let named: Vec<&str> = if names.is_empty() { APPS.to_vec() } else { names.iter().map(String::as_str).collect() };
    let mut all_same = true;
    for app in named {
        let home = home(&lib, app)?;
        let files = sources(&home.join("src"))?;
        if files.is_empty() {
            return Err(format!("{} has no sources", home.display()));
        }
        let one = compile(Command::new(&real), "real", app, &home, &lib, &files)?;
        let mut command = Command::new(&ours);
        command.arg("erlc");
        let other = compile(command, "ours", app, &home, &lib, &files)?;
        let (same, different) = compare(&one, &other)?;
        let missing = files.len() - same - different.len();
        println!("{app}: {same} the same, {} different or missing {}; {missing} that the real one did not compile", different.len(), different.join(" "));
        all_same &= different.is_empty();
    }
    Ok(all_same)
}

/// The newest folder `APP-VERSION`.
fn home(lib: &Path, app: &str) -> Outcome<PathBuf> {
    let start = format!("{app}-");
    let entries = fs::read_dir(lib).map_err(|e| format!("{}: {e}", lib.display()))?;
    entries
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(&start))
        .map(|e| e.path())
        .max()
        .ok_or(format!("no {app} in {}", lib.display()))
}

fn sources(dir: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let mut files: Vec<String> = names.filter(|n| n.ends_with(".erl")).collect();
    files.sort();
    Ok(files)
}

fn compile(mut erlc: Command, who: &str, app: &str, home: &Path, lib: &Path, files: &[String]) -> Outcome<PathBuf> {
    let out = shell::scratch(&format!("samebeams/{who}/{app}"))?;
    for old in fs::read_dir(&out).map_err(|e| e.to_string())?.flatten() {
        let _ = fs::remove_file(old.path());
    }
    erlc.current_dir(home.join("src")).args(["+deterministic", "+nowarn_unused_vars"]);
    for other in ["kernel", "stdlib", "compiler"] {
        let other = self::home(lib, other)?;
        erlc.arg("-I").arg(other.join("include")).arg("-I").arg(other.join("src"));
        erlc.arg("-pa").arg(other.join("ebin"));
    }
    // What OTP's own build defines.
    if app == "compiler" {
        erlc.arg("-DCOMPILER_VSN=\"1\"");
    }
    erlc.arg("-I").arg("../include").arg("-o").arg(&out).args(files);
    let done = shell::capture(&mut erlc, LIMIT)?;
    // A source that does not compile (for want of a generated header) fails on both machines alike.
    if done.status.is_none() {
        return Err(format!("{app} on {who} {}\n{}", done.how(), shell::tail(&done.output, 10)));
    }
    Ok(out)
}

fn compare(one: &Path, other: &Path) -> Outcome<(usize, Vec<String>)> {
    let (mut same, mut different) = (0, Vec::new());
    let mut names: Vec<_> = fs::read_dir(one).map_err(|e| e.to_string())?.flatten().map(|e| e.file_name()).collect();
    names.sort();
    if names.is_empty() {
        return Err("the real machine has compiled nothing".into());
    }
    for name in names {
        if fs::read(one.join(&name)).ok() == fs::read(other.join(&name)).ok() {
            same += 1;
        } else {
            different.push(name.to_string_lossy().into_owned());
        }
    }
    Ok((same, different))
}
