//! Conformance cases: small modules in `tests/conform`, each with the answer that the real Erlang gave. Many run in one
//! start of the machine; a case that takes the machine down fails alone and the rest run in a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup;
use crate::shell::{self, Outcome};

/// The driver gives up a case after so many seconds: `CONFORM_SECONDS` in the machine's environment says otherwise.
const CASE_SECONDS: u64 = 30;

const CASES: &str = "tests/conform";
const TOOLS: &str = "tests/tools";
/// Cases that the compiler of a later release has compiled.
const LATER: &str = "tests/later";
/// Whose compiler.
const LATER_RELEASE: &str = "27";
/// The newest release under whose rules OTP 25's libraries start: for 27, module `erlang` has functions in Erlang that are native in 25.
const LATER_RULES: &str = "26";

/// Ferrobeam or the real one.
#[derive(Clone)]
pub struct Machine {
    pub erl: PathBuf,
    pub erl_first: Vec<String>,
    pub elixir: PathBuf,
    pub elixir_first: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Whose libraries it runs: answers of releases after 25 that differ are recorded beside as NAME.27.out.
    pub release: String,
    /// Cases that are compiled already.
    pub compiled: Option<PathBuf>,
}

impl Machine {
    /// The folder whose `erl` is this machine, if it is not the one on PATH.
    pub fn launchers(&self) -> Option<PathBuf> {
        if self.erl_first.is_empty() {
            return None;
        }
        let done = shell::capture(Command::new(&self.erl).arg("shims"), Duration::from_secs(20)).ok()?;
        Some(PathBuf::from(done.output.trim()))
    }
    /// The given build of ferrobeam.
    pub fn ferrobeam(program: &Path, environment: &[(&str, &str)]) -> Machine {
        Machine {
            erl: program.into(),
            erl_first: vec!["erl".into()],
            elixir: program.into(),
            elixir_first: vec!["elixir".into()],
            environment: vec![],
            release: release_of(program),
            compiled: None,
        }
        .with(environment)
    }
    fn with(mut self, environment: &[(&str, &str)]) -> Machine {
        self.environment.extend(environment.iter().map(|(n, v)| (n.to_string(), v.to_string())));
        self
    }
    /// The machine that comes with the libraries; `ORACLE=DIR` names another one by its `bin/erl` and `bin/elixir`.
    pub fn real() -> Outcome<Machine> {
        let (erl, elixir) = match oracle() {
            Some(dir) => (dir.join("bin/erl"), dir.join("bin/elixir")),
            None => (setup::real("erl")?, shell::which("elixir").ok_or("there is no elixir on PATH")?),
        };
        Ok(Machine { elixir, ..Machine::of_erl(erl)? })
    }
    /// Any other real one, for cases in Erlang.
    pub fn of_erl(erl: PathBuf) -> Outcome<Machine> {
        let mut ask = Command::new(&erl);
        ask.args(["-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."]);
        let release = shell::capture(&mut ask, Duration::from_secs(20))?.output.trim().to_string();
        Ok(Machine { erl, erl_first: vec![], elixir: PathBuf::new(), elixir_first: vec![], environment: vec![], release, compiled: None })
    }
}

/// "25" from "Erlang/OTP 25.2.3 (ERTS 13.1.5) in ..".
fn release_of(ferrobeam: &Path) -> String {
    let done = shell::capture(Command::new(ferrobeam).arg("--version"), Duration::from_secs(20));
    let text = done.map(|d| d.output).unwrap_or_default();
    let version = text.lines().find_map(|l| l.strip_prefix("Erlang/OTP ")).unwrap_or("25");
    version.split(['.', ' ']).next().unwrap_or("25").to_string()
}

struct Case {
    name: String,
    file: PathBuf,
    elixir: bool,
}

/// `cargo xtask conform`.
pub fn command(args: &[String], environment: &[(&str, &str)]) -> Outcome<bool> {
    answers(CASES, args, environment, shell::build)
}

/// The same with a build that is there.
pub fn command_on(program: &Path, args: &[String], environment: &[(&str, &str)]) -> Outcome<bool> {
    answers(CASES, args, environment, || Ok(program.into()))
}

/// `cargo xtask tools`: cases that start and use OTP's tools, some for minutes.
pub fn tools(args: &[String]) -> Outcome<bool> {
    setup::need("ct_run", "erlang-common-test")?;
    setup::need("openssl", "openssl")?;
    setup::need("ssh", "openssh-client")?;
    setup::need("rebar3", "rebar3")?;
    answers(TOOLS, args, &[("CONFORM_SECONDS", "1200")], shell::build)
}

fn answers(dir: &str, args: &[String], environment: &[(&str, &str)], build: impl FnOnce() -> Outcome<PathBuf>) -> Outcome<bool> {
    setup::ensure()?;
    if args.iter().any(|a| a == "--later") {
        return later(environment);
    }
    let beside = args.windows(2).any(|w| w == ["--on", "otp"]);
    let names: Vec<&String> = args.iter().filter(|a| *a != "--on" && *a != "otp" && *a != "--eager").collect();
    let with_machine_code = [environment, &[("FERROBEAM_JIT", "eager")]].concat();
    let environment = if args.iter().any(|a| a == "--eager") { &with_machine_code } else { environment };
    let update = std::env::var_os("UPDATE").is_some();
    let mut cases: Vec<Case> =
        all(dir)?.into_iter().filter(|c| names.is_empty() || names.iter().any(|n| c.name.contains(n.as_str()))).collect();
    if environment.iter().any(|(name, _)| *name == "FERROBEAM_TORTURE") {
        cases.retain(|c| !first_line(c).contains("(timing)"));
    }
    if cases.is_empty() {
        return Err(format!("no case in {dir} is named like {}", names.into_iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    if update {
        let real = Machine::real()?.with(environment);
        let answers = run(&cases, &real, "real")?;
        for case in cases.iter().filter(|c| applies(c, &real.release)) {
            let answer = answers.get(&case.name).cloned().unwrap_or_default();
            if answer.starts_with("no answer") || answer.is_empty() {
                return Err(format!("the real Erlang gave no answer for {}: {answer}", case.name));
            }
            let file = own_answer(case, &real.release);
            let _ = fs::remove_file(&file);
            // Without a file of its own a release answers as the one before it.
            if fs::read_to_string(recorded(case, &real.release)).ok().as_ref() != Some(&answer) {
                fs::write(file, answer).map_err(|e| e.to_string())?;
            }
        }
        println!("conform: {} answers recorded", cases.len());
        return Ok(true);
    }
    let ferrobeam = build()?;
    let (passed, failed) = compare(&cases, &Machine::ferrobeam(&ferrobeam, environment), beside)?;
    println!("conform: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// `cargo xtask conform --later`: see `later_on`. With `UPDATE=1`, `ORACLE`'s compiler makes those modules anew.
fn later(environment: &[(&str, &str)]) -> Outcome<bool> {
    if std::env::var_os("UPDATE").is_some() {
        let real = Machine::real()?;
        if real.release != LATER_RELEASE {
            return Err(format!("cases of {LATER} are compiled by OTP {LATER_RELEASE}, and ORACLE is {}", real.release));
        }
        let (dir, beams) = (shell::root().join(LATER), compile(&[])?);
        let sources = all(CASES)?.into_iter().filter(|c| !c.elixir && LATER_NAMES.iter().any(|n| c.name.starts_with(n))).map(|c| c.file);
        let mut record = Command::new(&real.erl);
        record.current_dir(&dir).args(["-noshell", "-pa"]).arg(beams).args(["-run", "record", "main", "."]).args(sources);
        let done = shell::capture(&mut record, Duration::from_secs(120))?;
        print!("{}{}", done.output, done.errors);
        return Ok(done.ok());
    }
    let (passed, failed) = later_on(&shell::build()?, environment)?;
    println!("later: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Cases about the language, most of which a later compiler turns into instructions of its own.
const LATER_NAMES: &[&str] = &["binary_", "bits_", "comprehensions", "gc_", "hot_", "lang_"];

/// What a later compiler makes of some cases: instructions that OTP 25 has not, run with its libraries and a later release's rules, so that
/// no other release need be there.
pub fn later_on(program: &Path, environment: &[(&str, &str)]) -> Outcome<(usize, usize)> {
    let dir = shell::root().join(LATER);
    let torture = environment.iter().any(|(name, _)| *name == "FERROBEAM_TORTURE");
    let mut cases: Vec<Case> = all(CASES)?.into_iter().filter(|c| dir.join(&c.name).with_extension("beam").exists()).collect();
    cases.retain(|c| !torture || !first_line(c).contains("(timing)"));
    let otp = later_rules()?;
    let otp = otp.to_string_lossy();
    let given = [environment, &[("FERROBEAM_OTP", &*otp)]].concat();
    let machine = Machine { release: LATER_RULES.into(), compiled: Some(dir), ..Machine::ferrobeam(program, &given) };
    compare(&cases, &machine, false)
}

/// The installed libraries under a later release's number.
fn later_rules() -> Outcome<PathBuf> {
    let real = setup::otp().ok_or("no Erlang/OTP on this machine: apt-get install erlang-nox")?;
    let dir = shell::scratch("otp-later")?;
    let told = |e: std::io::Error| format!("{}: {e}", dir.display());
    let _ = fs::remove_dir_all(&dir);
    let release = dir.join("releases").join(LATER_RULES);
    fs::create_dir_all(&release).map_err(told)?;
    for entry in fs::read_dir(&real).map_err(told)?.flatten().filter(|e| e.file_name() != "releases") {
        std::os::unix::fs::symlink(entry.path(), dir.join(entry.file_name())).map_err(told)?;
    }
    fs::write(release.join("OTP_VERSION"), format!("{LATER_RULES}.0\n")).map_err(told)?;
    Ok(dir)
}

/// All cases on ferrobeam: how many passed and failed.
pub fn all_on(machine: &Machine) -> Outcome<(usize, usize)> {
    compare(&all(CASES)?, machine, false)
}

/// The same, each slice as short as can be, without what asks for the time.
pub fn all_in_short_slices(program: &Path) -> Outcome<(usize, usize)> {
    let mut cases = all(CASES)?;
    cases.retain(|c| !first_line(c).contains("(timing)"));
    compare(&cases, &Machine::ferrobeam(program, &[("FERROBEAM_TORTURE", "yield")]), false)
}

fn compare(cases: &[Case], machine: &Machine, beside: bool) -> Outcome<(usize, usize)> {
    let started = Instant::now();
    let answers = run(cases, machine, "ferrobeam")?;
    let real = if beside {
        run(cases, &Machine { environment: machine.environment.clone(), ..Machine::real()? }, "real")?
    } else {
        BTreeMap::new()
    };
    let mut failed = 0;
    let cases: Vec<&Case> = cases.iter().filter(|c| applies(c, &machine.release)).collect();
    for case in &cases {
        let expected = fs::read_to_string(recorded(case, &machine.release))
            .map_err(|_| format!("{} has no recorded answer: UPDATE=1 cargo xtask conform {0}", case.name))?;
        let got = answers.get(&case.name).map(String::as_str).unwrap_or("no answer\n");
        if got != expected {
            failed += 1;
            let why = if got.contains("the machine ") {
                format!("  {}", got.trim_end().replace('\n', "\n  "))
            } else {
                difference(&expected, got)
            };
            println!("conform {}: FAILED\n{why}", case.name);
        }
        if beside {
            let real = real.get(&case.name).map(String::as_str).unwrap_or("no answer\n");
            println!("{}\n  real:      {}\n  ferrobeam: {}", case.name, indented(real), indented(got));
        }
    }
    eprintln!("conform: {} cases in {:.1} s", cases.len(), started.elapsed().as_secs_f64());
    Ok((cases.len() - failed, failed))
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n             ")
}

/// The lines that differ, a few.
pub fn difference(expected: &str, got: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), got.lines().collect());
    let mut out = Vec::new();
    for i in 0..a.len().max(b.len()) {
        let (x, y) = (a.get(i), b.get(i));
        if x != y {
            out.extend(x.map(|x| format!("  - {x}")));
            out.extend(y.map(|y| format!("  + {y}")));
        }
        if out.len() > 16 {
            out.push("  ...".into());
            break;
        }
    }
    out.join("\n")
}

/// Where an answer of that release is written.
fn own_answer(case: &Case, release: &str) -> PathBuf {
    case.file.with_extension(if release == "25" { "out".to_string() } else { format!("{release}.out") })
}

/// The release's own answer, else that of the newest one before it.
fn recorded(case: &Case, release: &str) -> PathBuf {
    let newest = release.parse::<u32>().unwrap_or(25);
    let own = (26..=newest).rev().map(|r| own_answer(case, &r.to_string())).find(|f| f.exists());
    own.unwrap_or_else(|| case.file.with_extension("out"))
}

fn all(dir: &str) -> Outcome<Vec<Case>> {
    let dir = shell::root().join(dir);
    let mut cases: Vec<Case> = fs::read_dir(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .flatten()
        .filter_map(|entry| {
            let file = entry.path();
            let elixir = match file.extension()?.to_str()? {
                "erl" => false,
                "exs" => true,
                _ => return None,
            };
            Some(Case { name: file.file_stem()?.to_str()?.to_string(), file, elixir })
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// What it says of itself: `(25 only)` tests what later releases leave open, `(timing)` what a machine under torture cannot hold.
fn first_line(case: &Case) -> String {
    fs::read_to_string(&case.file).unwrap_or_default().lines().next().unwrap_or_default().to_string()
}

fn applies(case: &Case, release: &str) -> bool {
    release == "25" || !first_line(case).contains("(25 only)")
}

/// Answers by case; a case without one took the machine down.
fn run(cases: &[Case], machine: &Machine, label: &str) -> Outcome<BTreeMap<String, String>> {
    let out = shell::scratch(&format!("conform-{label}"))?;
    for case in cases {
        let _ = fs::remove_file(out.join(format!("{}.out", case.name)));
    }
    let beams = compile(if machine.compiled.is_some() { &[] } else { cases })?;
    let mut answers = BTreeMap::new();
    for elixir in [false, true] {
        let mut fruitless = 0;
        let mut left: Vec<&Case> = cases.iter().filter(|c| c.elixir == elixir).collect();
        while !left.is_empty() {
            let how = batch(&left, machine, &beams, &out)?;
            let done: BTreeSet<String> = left.iter().filter(|c| answer(&out, c).is_some()).map(|c| c.name.clone()).collect();
            for case in &left {
                if let Some(text) = answer(&out, case) {
                    answers.insert(case.name.clone(), text);
                }
            }
            // The first without an answer is the one that ran.
            let culprit = left.iter().position(|c| !done.contains(&c.name));
            let Some(at) = culprit else { break };
            fruitless = if done.is_empty() { fruitless + 1 } else { 0 };
            if fruitless == 4 {
                let why = format!("not tried: four starts in a row gave nothing; the last: {how}");
                answers.extend(left.iter().map(|c| (c.name.clone(), why.clone())));
                break;
            }
            answers.insert(left[at].name.clone(), how);
            left = left.into_iter().skip(at + 1).filter(|c| !done.contains(&c.name)).collect();
        }
    }
    Ok(answers)
}

fn answer(out: &Path, case: &Case) -> Option<String> {
    fs::read_to_string(out.join(format!("{}.out", case.name))).ok()
}

/// One start of the machine; how it ended, for the case that has no answer.
fn batch(cases: &[&Case], machine: &Machine, beams: &Path, out: &Path) -> Outcome<String> {
    let mut command;
    if cases[0].elixir {
        command = Command::new(&machine.elixir);
        command.args(&machine.elixir_first).arg(shell::root().join("tests/conform/driver/conform_driver.exs")).arg(out);
        command.args(cases.iter().map(|c| &c.file));
    } else {
        command = Command::new(&machine.erl);
        command.args(&machine.erl_first).args(["-noshell", "-pa"]).args(&machine.compiled).arg(beams).args(["-run", "conform_driver", "main"]).arg(out);
        command.args(cases.iter().map(|c| &c.name));
    }
    command
        .current_dir(out)
        .envs(machine.environment.iter().cloned())
        .env("ERL_CRASH_DUMP_SECONDS", "0")
        .env("LC_ALL", "C.UTF-8");
    let given = machine.environment.iter().find(|(name, _)| name == "CONFORM_SECONDS").and_then(|(_, n)| n.parse().ok());
    let limit = Duration::from_secs(given.unwrap_or(CASE_SECONDS) * 2 + 5);
    let (mut done, mut since) = (0, Instant::now());
    let finished = shell::watch(&mut command, |_| {
        let now = cases.iter().filter(|c| out.join(format!("{}.out", c.name)).exists()).count();
        if now != done {
            (done, since) = (now, Instant::now());
        }
        since.elapsed() < limit
    })?;
    let last = format!("{}\n{}", finished.output, finished.errors);
    Ok(format!("the machine {}: {}\n", finished.how(), shell::tail(last.trim(), 4)))
}

/// The folder of another release's programs.
fn oracle() -> Option<PathBuf> {
    std::env::var_os("ORACLE").map(PathBuf::from)
}

/// The real compiler, of the same release as `Machine::real`.
pub fn erlc() -> Outcome<PathBuf> {
    oracle().map_or_else(|| setup::real("erlc"), |dir| Ok(dir.join("bin/erlc")))
}

/// With the real compiler (`ORACLE`'s, if that is given), only what is new.
fn compile(cases: &[Case]) -> Outcome<PathBuf> {
    let (oracle, erlc) = (oracle(), erlc()?);
    let by = oracle.map(|dir| format!("-{}", dir.to_string_lossy().trim_matches('/').replace('/', "-"))).unwrap_or_default();
    let out = shell::scratch(&format!("conform-beams{by}"))?;
    let drivers = ["tests/conform/driver/conform_driver.erl", "tests/tools/driver/tool_bench.erl", "tests/later/record.erl"].map(|f| shell::root().join(f));
    let sources = cases.iter().filter(|c| !c.elixir).map(|c| c.file.clone()).chain(drivers);
    let stale: Vec<PathBuf> = sources.filter(|s| is_stale(s, &out)).collect();
    if !stale.is_empty() {
        shell::must(Command::new(erlc).arg("-W0").arg("-o").arg(&out).args(&stale))?;
    }
    Ok(out)
}

fn is_stale(source: &Path, out: &Path) -> bool {
    let beam = out.join(source.file_stem().unwrap_or_default()).with_extension("beam");
    let time = |f: &Path| fs::metadata(f).and_then(|m| m.modified()).ok();
    time(&beam).is_none_or(|b| time(source).is_none_or(|s| s >= b))
}
