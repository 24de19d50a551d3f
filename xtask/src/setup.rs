//! What a fresh Debian machine lacks: looks, says what, installs it with apt-get.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, must, which};

/// A package and how one sees that it is there.
const NEEDED: &[(&str, fn() -> bool, &str)] = &[
    ("gcc", || which("cc").is_some() || which("gcc").is_some(), "a C compiler"),
    (
        "erlang-nox",
        || otp().is_some_and(|o| has_lib(&o, "mnesia")),
        "the Erlang/OTP libraries, and the real Erlang to compare with",
    ),
    ("erlang-dev", || otp().is_some_and(|o| has_lib(&o, "parsetools")), "Erlang's compiler tools and headers"),
    ("elixir", || which("elixir").is_some(), "Elixir"),
    ("netbase", || Path::new("/etc/services").exists(), "the names of services and protocols, which a case asks for"),
];

/// The real OTP on this machine: FERROBEAM_OTP, else where Debian puts it, else by `erl` on PATH.
pub fn otp() -> Option<PathBuf> {
    let by_path = || Some(std::fs::canonicalize(which("erl")?).ok()?.parent()?.parent()?.to_path_buf());
    let named = std::env::var_os("FERROBEAM_OTP").map(PathBuf::from);
    named.into_iter().chain([PathBuf::from("/usr/lib/erlang")]).chain(by_path()).find(|r| has_lib(r, "kernel"))
}

/// The real `erl`, `erlc`, `elixir`: answers are recorded from it.
pub fn real(program: &str) -> Outcome<PathBuf> {
    let root = otp().ok_or("no Erlang/OTP on this machine: apt-get install erlang-nox")?;
    let file = root.join("bin").join(program);
    if file.is_file() { Ok(file) } else { Err(format!("{} is missing", file.display())) }
}

fn has_lib(root: &Path, application: &str) -> bool {
    let prefix = format!("{application}-");
    let entries = std::fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    entries.map(|e| e.file_name()).any(|n| n.to_string_lossy().starts_with(&prefix))
}

/// Installs what is missing.
pub fn ensure() -> Outcome<()> {
    let missing: Vec<_> = NEEDED.iter().filter(|(_, there, _)| !there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|m| m.0).collect();
    for (name, _, what) in &missing {
        eprintln!("xtask: {name} is missing ({what})");
    }
    if which("apt-get").is_none() {
        return Err(format!("there is no apt-get here: install {} by hand", names.join(", ")));
    }
    eprintln!("xtask: apt-get install {}", names.join(" "));
    // A list that is old or empty is the usual reason for a failure: then once more with a new one.
    if apt(&["install", "-y", "--no-install-recommends"], &names).is_err() {
        apt(&["update", "-q"], &[])?;
        apt(&["install", "-y", "--no-install-recommends"], &names)?;
    }
    Ok(())
}

/// One program that only some commands need.
pub fn need(program: &str, package: &str) -> Outcome<()> {
    if which(program).is_some() {
        return Ok(());
    }
    eprintln!("xtask: {program} is missing: apt-get install {package}");
    apt(&["install", "-y", "--no-install-recommends"], &[package])
}

/// Packages of servers, whose services must not start: only their files are wanted.
pub fn install_without_services(packages: &[&str]) -> Outcome<()> {
    const POLICY: &str = "/usr/sbin/policy-rc.d";
    let asked = Path::new(POLICY).exists();
    eprintln!("xtask: apt-get install {} (their services are not started)", packages.join(" "));
    let shell = |script: &str| {
        let mut command = Command::new(if root() { "sh" } else { "sudo" });
        if !root() {
            command.arg("sh");
        }
        must(command.args(["-c", script]))
    };
    if !asked {
        shell(&format!("printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"))?;
    }
    let done = apt(&["install", "-y", "--no-install-recommends"], packages);
    if !asked {
        shell(&format!("rm {POLICY}"))?;
    }
    done
}

fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

fn apt(how: &[&str], names: &[&str]) -> Outcome<()> {
    let root = root();
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    must(command.env("DEBIAN_FRONTEND", "noninteractive").args(how).args(names).stdout(std::process::Stdio::null()))
}
