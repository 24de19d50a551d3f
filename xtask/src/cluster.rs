//! Two nodes, one on ferrobeam and one on the real Erlang, run the tables of `tests/cluster` against each other, each side in turn.
//! The answers are those that two nodes of the real Erlang gave. `tls` is the table `mixed` with the connection between the nodes in TLS. `cut` needs
//! network namespaces: where they are not permitted it is left out and says so.
//! Another release: FERROBEAM_CLUSTER_ERL names the `erl` of the other node, FERROBEAM_CLUSTER_OURS a program that starts ours (on whatever libraries),
//! ORACLE=DIR the real Erlang that ours stands for. With one of the first two the answers are not the recorded ones but those of the same pair of releases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::conform::{self, Machine};
use crate::setup;
use crate::shell::{self, Outcome};

const TABLES: &[&str] = &["mixed", "tls", "doors", "cut"];

/// `cargo xtask cluster`.
pub fn command(names: &[String]) -> Outcome<bool> {
    setup::ensure()?;
    let (passed, failed) = all_on(&shell::build()?, names)?;
    println!("cluster: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Rows that passed and failed, both directions together.
pub fn all_on(ferrobeam: &Path, names: &[String]) -> Outcome<(usize, usize)> {
    let nodes = Nodes::find(ferrobeam)?;
    let beams = shell::scratch("cluster")?;
    let (mut passed, mut failed) = (0, 0);
    for table in TABLES.iter().filter(|t| names.is_empty() || names.iter().any(|n| n == *t)) {
        let folder = shell::root().join("tests/cluster");
        let module = if *table == "tls" { "mixed" } else { table };
        let source = folder.join(format!("{module}.erl"));
        shell::must(Command::new(&nodes.erlc).arg("-o").arg(&beams).arg(&source))?;
        let space = match (*table == "cut").then(Space::new) {
            None => None,
            Some(Ok(space)) => Some(space),
            Some(Err(why)) => {
                println!("cluster {table}: left out, there are no network namespaces here: {why}");
                continue;
            }
        };
        let options = if *table == "tls" { certificate(&beams)? } else { String::new() };
        if *table == "doors" {
            setup::need("script", "bsdutils")?;
        }
        let run = |first: &Path, second: &Path| run(module, first, second, &beams, space.as_ref(), &options);
        let recorded = folder.join(format!("{table}.out"));
        if std::env::var_os("UPDATE").is_some() {
            let answer = run(&nodes.real, &nodes.real)?;
            fs::write(&recorded, answer).map_err(|e| format!("{}: {e}", recorded.display()))?;
            continue;
        }
        let (ours, real, other) = (&nodes.ours, &nodes.real, &nodes.other);
        for (how, pair, same) in [("ferrobeam asks ERTS", (ours, other), (real, other)), ("ERTS asks ferrobeam", (other, ours), (other, real))] {
            let expected = match nodes.strangers {
                true => run(same.0, same.1)?,
                false => fs::read_to_string(&recorded).map_err(|e| format!("{}: {e}", recorded.display()))?,
            };
            let got = run(pair.0, pair.1)?;
            let (wanted, answers) = (rows(&expected), rows(&got));
            let bad = wanted.iter().filter(|r| !answers.contains(r)).count();
            passed += wanted.len() - bad;
            failed += bad;
            if bad > 0 {
                println!("cluster {table}, {how}: FAILED\n{}", conform::difference(&expected, &got));
            }
        }
    }
    Ok((passed, failed))
}

/// The programs that start the nodes.
struct Nodes {
    ours: PathBuf,
    /// What `ours` stands for.
    real: PathBuf,
    other: PathBuf,
    /// The recorded answers are of another pair of releases.
    strangers: bool,
    /// Of the older release: what it makes all load.
    erlc: PathBuf,
}

impl Nodes {
    fn find(ferrobeam: &Path) -> Outcome<Nodes> {
        let named = |variable| std::env::var_os(variable).map(PathBuf::from);
        let (ours, other) = (named("FERROBEAM_CLUSTER_OURS"), named("FERROBEAM_CLUSTER_ERL"));
        let strangers = ours.is_some() || other.is_some();
        let real = Machine::real()?;
        let ours = match ours {
            Some(program) => program,
            None => Machine::ferrobeam(ferrobeam, &[]).launchers().ok_or("ferrobeam shims does not say where")?.join("erl"),
        };
        let other = match other {
            Some(erl) => Machine::of_erl(erl)?,
            None => real.clone(),
        };
        let older = if other.release < real.release { &other } else { &real };
        let erlc = older.erl.with_file_name("erlc");
        let ours = if strangers { alone(&ours)? } else { ours };
        Ok(Nodes { ours, real: real.erl, other: other.erl, strangers, erlc })
    }
}

/// A program that starts the node of this one as if no node of another release had started it: those tell their children where they are.
fn alone(erl: &Path) -> Outcome<PathBuf> {
    let script = shell::scratch("cluster")?.join("erl");
    let text = format!("#!/bin/sh\nunset ROOTDIR BINDIR EMU PROGNAME\nexec {} \"$@\"\n", erl.display());
    fs::write(&script, text).map_err(|e| format!("{}: {e}", script.display()))?;
    shell::must(Command::new("chmod").arg("755").arg(&script))?;
    Ok(script)
}

/// A row is a line that begins at the margin and what is indented below it.
fn rows(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        match out.last_mut() {
            Some(row) if line.starts_with(' ') => {
                row.push('\n');
                row.push_str(line);
            }
            _ => out.push(line.to_string()),
        }
    }
    out
}

/// The table as the first node has it, the second being its neighbour.
fn run(table: &str, first: &Path, second: &Path, beams: &Path, space: Option<&Space>, options: &str) -> Outcome<String> {
    let mut command = Command::new(first);
    command.args(["-noinput", "-kernel", "logger_level", "none"]).current_dir(beams).env("ERL_FLAGS", options);
    match space {
        None => drop(command.args(["-sname", &format!("{table}_{}", std::process::id())])),
        Some(s) => {
            command.args(["net_ticktime", "4", "prevent_overlapping_partitions", "false"]);
            command.args(["-name", &format!("{table}_{}@{}", std::process::id(), s.here)]);
        }
    }
    command.arg("-pa").arg(beams).args(["-run", table, "main"]).arg(second);
    if table == "mixed" {
        command.arg(first);
    }
    if let Some(s) = space {
        command.args([&s.name, &s.there, &s.wire]);
    }
    let done = shell::capture(&mut command, Duration::from_secs(300))?;
    if done.ok() { Ok(done.output) } else { Err(format!("{table}: {} {}\n{}{}", first.display(), done.how(), done.output, shell::tail(&done.errors, 8))) }
}

/// A certificate, and the flags with which nodes talk in TLS with it.
fn certificate(dir: &Path) -> Outcome<String> {
    setup::need("openssl", "openssl")?;
    let (key, public, options) = (dir.join("key.pem"), dir.join("public.pem"), dir.join("tls.conf"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout"]);
    let done = shell::capture(make.arg(&key).arg("-out").arg(&public), Duration::from_secs(60))?;
    if !done.ok() {
        return Err(format!("openssl {}: {}", done.how(), done.errors));
    }
    let text = format!("[{{server, [{{certfile, {public:?}}}, {{keyfile, {key:?}}}]}}, {{client, [{{verify, verify_none}}]}}].\n");
    fs::write(&options, text).map_err(|e| format!("{}: {e}", options.display()))?;
    Ok(format!("-proto_dist inet_tls -ssl_dist_optfile {}", options.display()))
}

/// A network namespace and a wire to it.
struct Space {
    name: String,
    wire: String,
    here: String,
    there: String,
}

impl Space {
    fn new() -> Outcome<Space> {
        let ip = which_ip().ok_or("there is no program ip (package iproute2)")?;
        let id = std::process::id();
        let net = id % 16_000;
        let address = |host: u32| format!("10.213.{}.{}", net / 64, net % 64 * 4 + host);
        let space = Space { name: format!("ferrobeam-{id}"), wire: format!("fb{id}a"), here: address(1), there: address(2) };
        let far = format!("fb{id}b");
        let (here, there) = (format!("{}/30", space.here), format!("{}/30", space.there));
        let steps: &[&[&str]] = &[
            &["netns", "add", &space.name],
            &["link", "add", &space.wire, "type", "veth", "peer", "name", &far],
            &["link", "set", &far, "netns", &space.name],
            &["addr", "add", &here, "dev", &space.wire],
            &["link", "set", &space.wire, "up"],
            &["-n", &space.name, "addr", "add", &there, "dev", &far],
            &["-n", &space.name, "link", "set", &far, "up"],
            &["-n", &space.name, "link", "set", "lo", "up"],
        ];
        for step in steps {
            let done = shell::capture(Command::new(&ip).args(*step), Duration::from_secs(10))?;
            if !done.ok() {
                return Err(format!("ip {}: {}", step.join(" "), done.errors.trim()));
            }
        }
        Ok(space)
    }
}

impl Drop for Space {
    /// With the namespace go its end of the wire and so the wire; an epmd may still run in it.
    fn drop(&mut self) {
        let ip = |args: &[&str]| shell::capture(Command::new("ip").args(args), Duration::from_secs(10));
        if let Ok(found) = ip(&["netns", "pids", &self.name]) {
            for pid in found.output.split_whitespace() {
                let _ = Command::new("kill").args(["-KILL", pid]).status();
            }
        }
        let _ = ip(&["link", "del", &self.wire]);
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn which_ip() -> Option<PathBuf> {
    shell::which("ip").or_else(|| Some(PathBuf::from("/usr/sbin/ip")).filter(|f| f.is_file()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_hold_their_answers() {
        assert_eq!(super::rows("a:\n  1,\n  2\nb:\n  3\n"), ["a:\n  1,\n  2", "b:\n  3"]);
    }
}
