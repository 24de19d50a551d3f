//! `cargo xtask conform otp|elixir [NAME..]`: the test suites that OTP's and Elixir's authors wrote, from Debian's source packages,
//! under their own runners (common_test, ExUnit), on ferrobeam and on the real Erlang, side by side. Cases that are known to fail
//! stand with their reason in `tests/otp/failing.tsv`: one that passes is an error, as is a failing one that is not listed.
//! Not here: our own cases (`conform`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::conform::Machine;
use crate::setup;
use crate::shell::{self, Outcome};

/// An application of OTP, where its tests are, and what they include from elsewhere.
const APPS: &[(&str, &str, &[&str])] = &[
    ("emulator", "erts/emulator/test", &["lib/stdlib/test/error_info_lib.erl", "lib/kernel/examples/gen_tcp_dist/src/gen_tcp_dist.erl"]),
    ("stdlib", "lib/stdlib/test", &["erts/emulator/test/erts_test_utils.erl", "lib/sasl/test/otp_vsns.erl"]),
    ("compiler", "lib/compiler/test", &[]),
    ("kernel", "lib/kernel/test", &["lib/stdlib/test/error_info_lib.erl", "lib/sasl/test/otp_vsns.erl"]),
];

/// Of these applications only a choice is run: what talks over sockets in all ways, in some twenty minutes.
const CHOICE: &[(&str, &str, &[&str])] = &[
    (
        "ssl",
        "lib/ssl/test",
        &[
            "dtls_api_SUITE", "openssl_alpn_SUITE", "openssl_key_update_SUITE", "openssl_mfl_SUITE", "openssl_reject_SUITE",
            "openssl_renegotiate_SUITE", "openssl_session_SUITE", "openssl_session_ticket_SUITE", "openssl_sni_SUITE",
            "openssl_tls_1_3_version_SUITE", "ssl_ECC_SUITE", "ssl_alert_SUITE", "ssl_alpn_SUITE", "ssl_app_env_SUITE", "ssl_basic_SUITE",
            "ssl_cipher_SUITE", "ssl_dist_SUITE", "ssl_handshake_SUITE", "ssl_key_update_SUITE", "ssl_mfl_SUITE", "ssl_npn_SUITE",
            "ssl_npn_hello_SUITE", "ssl_packet_SUITE", "ssl_pem_cache_SUITE", "ssl_reject_SUITE", "ssl_renegotiate_SUITE", "ssl_rfc_5869_SUITE",
            "ssl_session_SUITE", "ssl_session_cache_SUITE", "ssl_session_cache_api_SUITE", "ssl_session_ticket_SUITE", "ssl_sni_SUITE",
            "ssl_socket_SUITE", "ssl_upgrade_SUITE", "tls_1_3_record_SUITE", "tls_1_3_version_SUITE", "tls_api_SUITE",
            "tls_client_ticket_store_SUITE", "tls_server_session_ticket_SUITE",
        ],
    ),
    (
        "ssh",
        "lib/ssh/test",
        &[
            "ssh_agent_SUITE", "ssh_algorithms_SUITE", "ssh_basic_SUITE", "ssh_chan_behaviours_SUITE", "ssh_connection_SUITE", "ssh_dbg_SUITE",
            "ssh_options_SUITE", "ssh_protocol_SUITE", "ssh_pubkey_SUITE", "ssh_sftp_SUITE", "ssh_sup_SUITE",
        ],
    ),
];

/// For one suite on one machine.
const LIMIT: Duration = Duration::from_secs(900);

/// What became of one case.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    Passed,
    Skipped,
    Failed(String),
}

type Fates = BTreeMap<String, Fate>;

/// `names`: `otp` or `elixir`, then suites (`lists_SUITE`, `stdlib`, `ex_unit`); none is all.
pub fn command(names: &[String]) -> Outcome<bool> {
    setup::ensure()?;
    let program = shell::build()?;
    let (ours, real) = (Machine::ferrobeam(&program, &[]), Machine::real()?);
    let wanted = &names[1..];
    let known = known()?;
    let mut tally = Tally::default();
    if names[0] == "otp" {
        setup::need("ct_run", "erlang-common-test")?;
        setup::need("openssl", "openssl")?;
        let root = sources("erlang", "otp-")?;
        let whole = APPS.iter().map(|&(app, dir, extra)| (app, dir, extra, &[][..]));
        for (app, dir, extra, chosen) in whole.chain(CHOICE.iter().map(|&(app, dir, chosen)| (app, dir, &[][..], chosen))) {
            let suites = prepare(&root, app, dir, extra, wanted)?;
            for suite in suites.into_iter().filter(|s| chosen.is_empty() || chosen.contains(&file_stem(s).as_str())) {
                let name = format!("{app}/{}", file_stem(&suite));
                let there = common_test(&real, &suite, "real", &[])?;
                let here = common_test(&ours, &suite, "ours", &[])?;
                tally.compare(&name, &there, &here, &known);
            }
        }
    } else {
        let root = sources("elixir-lang", "elixir-")?;
        for lib in ["elixir", "eex", "ex_unit", "iex", "logger", "mix"] {
            if !wanted.is_empty() && !wanted.iter().any(|w| w == lib) {
                continue;
            }
            let there = ex_unit(&real, &root, lib)?;
            let here = ex_unit(&ours, &root, lib)?;
            tally.compare(&format!("elixir/{lib}"), &there, &here, &known);
        }
    }
    tally.end()
}

#[derive(Default)]
struct Tally {
    passed_there: usize,
    passed_here: usize,
    unexpected: Vec<String>,
    came_true: Vec<String>,
}

impl Tally {
    /// Only what passes on the real machine counts.
    fn compare(&mut self, suite: &str, there: &Fates, here: &Fates, known: &BTreeMap<String, String>) {
        let judged: Vec<&String> = there.iter().filter(|(_, f)| **f == Fate::Passed).map(|(c, _)| c).collect();
        let well = judged.iter().filter(|c| here.get(**c) == Some(&Fate::Passed)).count();
        println!("{suite:<40} ERTS {:>4}   ferrobeam {well:>4}", judged.len());
        self.passed_there += judged.len();
        self.passed_here += well;
        for case in judged {
            let full = format!("{suite}:{case}");
            match (here.get(case), known.contains_key(&full)) {
                (Some(Fate::Passed), false) => {}
                (Some(Fate::Passed), true) => self.came_true.push(full),
                (_, true) => println!("    {case}: fails, as listed: {}", known[&full]),
                (fate, false) => {
                    let why = match fate {
                        Some(Fate::Failed(why)) => why.chars().take(300).collect(),
                        Some(Fate::Skipped) => "skipped".to_string(),
                        _ => "not reached".to_string(),
                    };
                    println!("    {case}: {why}");
                    self.unexpected.push(full);
                }
            }
        }
    }

    fn end(self) -> Outcome<bool> {
        for case in &self.came_true {
            println!("passes, but is listed as failing: {case}");
        }
        let share = 100.0 * self.passed_here as f64 / self.passed_there.max(1) as f64;
        println!("{} of the {} cases that pass on ERTS: {share:.1} %", self.passed_here, self.passed_there);
        println!("{} fail without being listed, {} pass although listed", self.unexpected.len(), self.came_true.len());
        Ok(self.unexpected.is_empty() && self.came_true.is_empty())
    }
}

/// `tests/otp/failing.tsv`: case, tab, reason.
fn known() -> Outcome<BTreeMap<String, String>> {
    let file = shell::root().join("tests/otp/failing.tsv");
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| {
            let (case, why) = l.split_once('\t').filter(|(_, why)| !why.trim().is_empty()).ok_or(format!("{}: no reason in {l:?}", file.display()))?;
            Ok((case.to_string(), why.to_string()))
        })
        .collect()
}

/// A Debian source package, unpacked below `target`: the folder whose name begins with `prefix`.
fn sources(package: &str, prefix: &str) -> Outcome<PathBuf> {
    let dir = shell::scratch("sources")?;
    let there = || -> Option<PathBuf> {
        let entries = fs::read_dir(&dir).ok()?.flatten();
        entries.map(|e| e.path()).find(|p| p.is_dir() && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix)))
    };
    if let Some(found) = there() {
        return Ok(found);
    }
    println!("sources of {package}: apt-get source --download-only");
    let lists = dir.join("lists");
    fs::create_dir_all(lists.join("partial")).map_err(|e| e.to_string())?;
    let list = dir.join("apt.list");
    fs::write(&list, format!("deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {} {} main\n", mirror()?, codename()?))
        .map_err(|e| e.to_string())?;
    let apt = |what: &[&str]| {
        let mut command = Command::new("apt-get");
        command.current_dir(&dir).args(["-qq", "-o", &format!("Dir::Etc::sourcelist={}", list.display()), "-o", "Dir::Etc::sourceparts=/dev/null"]);
        command.args(["-o", &format!("Dir::State::Lists={}", lists.display()), "-o", "APT::Sandbox::User=root"]).args(what);
        shell::must(&mut command)
    };
    apt(&["update"])?;
    apt(&["source", "--download-only", package])?;
    for file in fs::read_dir(&dir).map_err(|e| e.to_string())?.flatten().map(|e| e.path()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&format!("{package}_")) && name.contains(".orig.tar.") {
            shell::must(Command::new("tar").current_dir(&dir).arg("-xf").arg(&file))?;
        }
    }
    there().ok_or(format!("the source package {package} has no folder {prefix}.."))
}

/// Where apt has Debian from.
fn mirror() -> Outcome<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|e| e.path()));
    for file in files {
        for word in fs::read_to_string(&file).unwrap_or_default().split_whitespace() {
            if word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian") {
                return Ok(word.to_string());
            }
        }
    }
    Err("no Debian archive in apt's sources".into())
}

fn codename() -> Outcome<String> {
    let text = fs::read_to_string("/etc/os-release").map_err(|e| e.to_string())?;
    let name = text.lines().find_map(|l| l.strip_prefix("VERSION_CODENAME=")).ok_or("os-release names no VERSION_CODENAME")?;
    Ok(name.trim_matches('"').to_string())
}

fn file_stem(p: &Path) -> String {
    p.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Copies an application's tests, compiles them and their C parts with the real compiler; the compiled suites that are wanted.
fn prepare(root: &Path, app: &str, dir: &str, extra: &[&str], wanted: &[String]) -> Outcome<Vec<PathBuf>> {
    let from = root.join(dir);
    let all: Vec<String> = fs::read_dir(&from)
        .map_err(|e| format!("{}: {e}", from.display()))?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "erl") && file_stem(p).ends_with("_SUITE"))
        .map(|p| file_stem(&p))
        .collect();
    let chosen: BTreeSet<String> =
        all.into_iter().filter(|s| wanted.is_empty() || wanted.iter().any(|w| w == app || w == s || *w == format!("{app}/{s}"))).collect();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let to = shell::scratch(&format!("suites/{app}"))?;
    if !to.join("prepared").exists() {
        println!("{app}: compiling the suites");
        shell::must(Command::new("cp").arg("-rT").arg(&from).arg(&to))?;
        for file in extra {
            shell::must(Command::new("cp").arg(root.join(file)).arg(&to))?;
        }
        c_parts(root, &to)?;
        let include = |d: &str| format!("{{i,\"{}\"}}", root.join(d).display());
        let options = [include(dir), include("lib/kernel/include"), include("lib/stdlib/include"), include("lib/kernel/src"), include("lib/stdlib/src"), include("lib/compiler/src"), include(&format!("lib/{app}/src"))];
        let program = format!(
            "[case compile:file(F, [debug_info, {}]) of {{ok, _}} -> ok; E -> io:format(\"not compiled: ~ts ~tp~n\", [F, E]) end || F <- filelib:wildcard(\"*.erl\")], halt().",
            options.join(", ")
        );
        let mut compile = Command::new(setup::real("erl")?);
        compile.current_dir(&to).args(["-noinput", "-pa", ".", "-eval", &program]).env("ERL_TOP", root);
        let done = shell::capture(&mut compile, Duration::from_secs(1800))?;
        for line in done.output.lines().filter(|l| l.starts_with("not compiled")) {
            println!("{app}: {line}");
        }
        fs::write(to.join("prepared"), "").map_err(|e| e.to_string())?;
    }
    let hook = shell::scratch("suites/hook")?;
    shell::must(Command::new(setup::real("erlc")?).arg("-o").arg(&hook).args([shell::root().join("tests/otp/conform_hook.erl"), shell::root().join("tests/otp/ts_install_cth.erl")]))?;
    Ok(chosen.into_iter().map(|s| to.join(s + ".beam")).filter(|p| p.is_file()).collect())
}

/// The libraries and programs in C that suites load and start, by their makefiles with this machine's words put in.
fn c_parts(root: &Path, to: &Path) -> Outcome<()> {
    let usr = setup::otp().ok_or("there is no OTP")?.join("usr");
    let found = shell::capture(Command::new("find").arg(to).args(["-name", "Makefile.src"]), Duration::from_secs(60))?;
    let include = format!("-I{}/include", usr.display());
    let shared = format!("-O2 -fPIC -w {include} -D_GNU_SOURCE -DHAVE_ISFINITE=1 -DHAVE_STRERROR=1");
    let rules = format!(".SUFFIXES:\n.SUFFIXES: .so .o .c\n\n.c.so:\n\tgcc -c {shared} $(SHLIB_EXTRA_CFLAGS) $<\n\tgcc -shared $(SHLIB_EXTRA_LDFLAGS) -o $@ $*.o $(SHLIB_EXTRA_LDLIBS)");
    let ei = usr.join("lib/libei.a").display().to_string();
    let internal = root.join("erts/include/internal").display().to_string();
    let words: &[(&str, &str)] = &[
        ("CC", "gcc"), ("LD", "gcc"), ("CFLAGS", &shared), ("SHLIB_LD", "gcc"), ("SHLIB_LDFLAGS", "-shared"), ("SHLIB_CFLAGS", &shared),
        ("SHLIB_RULES", &rules), ("SHLIB_LDLIBS", ""), ("ERTS_CFLAGS", ""), ("CROSSLDFLAGS", ""), ("EI_CFLAGS", "-O2 -fPIC -w"), ("dll", ".so"),
        ("obj", ".o"), ("exe", ""), ("DEFS", "-D_GNU_SOURCE"), ("ERTS_LIBS", ""), ("LIBS", "-lm -lpthread"), ("make_command", "make"), ("WSL", ""),
        ("type_marker", ""), ("EMULATOR", "beam"), ("erl_name", "erl"), ("target", "x86_64-pc-linux-gnu"), ("erl_interface_eilib", &ei),
        ("erl_interface_lib", &ei), ("erl_interface_threadlib", "-lpthread"), ("erl_interface_sock_libs", ""),
        ("erts_lib_include_internal", &internal), ("erts_lib_include_internal_generated", &internal),
    ];
    let own_include = usr.join("include").display().to_string();
    for makefile in found.output.lines().map(Path::new) {
        let mut text = fs::read_to_string(makefile).map_err(|e| format!("{}: {e}", makefile.display()))?.replace("-Werror", "");
        for (word, value) in words {
            text = text.replace(&format!("@{word}@"), value);
        }
        for word in ["erl_include", "erl_interface_include"] {
            text = text.replace(&format!("@{word}@"), &own_include);
        }
        let dir = makefile.parent().unwrap_or(to);
        fs::write(dir.join("Makefile"), text).map_err(|e| e.to_string())?;
        let done = shell::capture(Command::new("make").args(["-k", "-C"]).arg(dir).env("ERL_TOP", root), Duration::from_secs(300))?;
        if !done.ok() {
            println!("not wholly built: {}", dir.display());
        }
    }
    Ok(())
}

/// What runs one suite under common_test, and where its events come: `whose` names the folder of its logs, `minutes` is what a case may
/// take that says nothing itself (`0`: common_test's own), `factor` what the others say is multiplied with; only the cases in `only`, if any.
fn suite_command(machine: &Machine, suite: &Path, whose: &str, [minutes, factor]: [&str; 2], only: &[String]) -> Outcome<(Command, PathBuf)> {
    let (dir, name) = (suite.parent().unwrap_or(Path::new(".")), file_stem(suite));
    let logs = shell::scratch(&format!("suites/logs-{whose}/{name}"))?;
    let events = logs.join("events");
    let _ = fs::remove_file(&events);
    let mut command = Command::new(&machine.erl);
    // Cases that start other nodes want to be a node themselves.
    command.args(&machine.erl_first).args(["-noinput", "-sname", &format!("{name}-{whose}"), "-pa"]).arg(dir).arg("-pa").arg(shell::scratch("suites/hook")?);
    command.args(["-run", "conform_hook", "main", &name]).arg(dir).arg(&logs).arg(&events).args([minutes, factor]).current_dir(&logs);
    if !only.is_empty() {
        command.arg(only.join(","));
    }
    if let Some(bin) = machine.launchers() {
        // Nodes that the suite starts are of the same machine.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin.display()));
    }
    Ok((command, events))
}

/// One suite under common_test.
fn common_test(machine: &Machine, suite: &Path, whose: &str, only: &[String]) -> Outcome<Fates> {
    let name = file_stem(suite);
    let (mut command, events) = suite_command(machine, suite, whose, ["0", "1"], only)?;
    let done = shell::capture(&mut command, LIMIT)?;
    let text = fs::read_to_string(&events).unwrap_or_default();
    let mut fates = fates(&text);
    if !text.ends_with("done\n") {
        println!("    {name} on {whose}: {}", done.how());
        for fate in fates.values_mut().filter(|f| matches!(f, Fate::Failed(why) if why.is_empty())) {
            *fate = Fate::Failed(format!("the machine {} here", done.how()));
        }
    }
    Ok(fates)
}

/// A case that was started and did not end has failed; each that runs twice must pass twice.
fn fates(events: &str) -> Fates {
    let mut out = Fates::new();
    let mut bad: BTreeMap<String, Fate> = BTreeMap::new();
    for line in events.lines() {
        let mut words = line.splitn(3, ' ');
        let (what, case, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match what {
            "start" => drop(out.insert(case.into(), Fate::Failed(String::new()))),
            "end" => drop(out.insert(case.into(), Fate::Passed)),
            "fail" => drop(bad.insert(case.into(), Fate::Failed(rest.into()))),
            "skip" => drop(bad.insert(case.into(), Fate::Skipped)),
            _ => {}
        }
    }
    out.extend(bad.into_iter().filter(|(case, _)| !case.starts_with("init_per_") && !case.starts_with("end_per_")));
    out
}

/// One of Elixir's own libraries: each of its test files by itself, as a case.
fn ex_unit(machine: &Machine, root: &Path, lib: &str) -> Outcome<Fates> {
    let home = root.join("lib").join(lib);
    let found = shell::capture(Command::new("find").arg(home.join("test")).args(["-name", "*_test.exs"]), Duration::from_secs(60))?;
    let mut files: Vec<&str> = found.output.lines().collect();
    files.sort_unstable();
    let mut out = Fates::new();
    for file in files {
        let case = file.rsplit_once("/test/").map_or(file, |f| f.1).to_string();
        let mut command = Command::new(&machine.elixir);
        command.args(&machine.elixir_first).current_dir(&home).args(["-r", "test/test_helper.exs", file]);
        if let Some(bin) = machine.launchers() {
            command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default()));
        }
        let done = shell::capture(&mut command, Duration::from_secs(300))?;
        let said = done.output.lines().rev().find(|l| l.contains(" failure")).unwrap_or("no summary").to_string();
        out.insert(case, if done.ok() && said.contains(" 0 failures") { Fate::Passed } else { Fate::Failed(format!("{said}; {}", done.how())) });
    }
    Ok(out)
}

/// Cases that ask for what a torture changes: (the torture, or nothing for each, how the case's name begins, why it is not judged there).
const TORTURE_SHOWS: &[(&str, &str, &str)] = &[
    ("gc", "emulator/gc_SUITE:gc_dirty_exec_proc", "counts collections"),
    ("gc", "emulator/gc_SUITE:minor_major_gc_option_self", "counts collections"),
    ("gc", "emulator/process_SUITE:otp_4725", "counts collections"),
    ("gc", "emulator/sensitive_SUITE:gc_trace", "counts collections"),
    ("gc", "emulator/message_queue_data_SUITE:total_heap_size", "compares sizes of heaps between two moments"),
    ("gc", "kernel/seq_trace_SUITE:gc_seq_token", "gives up after four seconds, whatever the factor of time"),
    ("gc", "stdlib/timer_SUITE:do_big_test", "measures how late timers come"),
    ("heap", "kernel/sendfile_SUITE:", "counts open files, and of the one its preparation forgot it depends on collections how long it is open"),
    ("gc", "emulator/trace_port_SUITE:gc", "counts collections"),
    ("yield", "emulator/trace_port_SUITE:schedule", "counts slices"),
    ("yield", "emulator/sensitive_SUITE:running_trace", "counts slices"),
    ("yield", "emulator/nif_SUITE:consume_timeslice", "counts slices"),
    ("yield", "emulator/nif_SUITE:monitor_process_d", "its next call is to come before a process ends on another core, and its slice ends in between"),
    ("yield", "emulator/process_SUITE:yield2", "counts slices"),
    ("", "emulator/z_SUITE:long_timers", "asks a node that a_SUITE starts, which in a random order may come later"),
    ("yield", "emulator/system_profile_SUITE:runnable_procs", "counts slices"),
    ("yield", "emulator/hibernate_SUITE:wake_up_and_bif_trap", "gives up after five seconds, whatever the factor of time"),
];

/// What a suite under torture showed.
enum Seen {
    /// How many cases ended, and those that failed, with their reasons.
    Cases(usize, Vec<(String, String)>),
    /// The machine died: how, and its last words.
    Died(String),
    /// Nothing used a processor at the end of its time: the case that was running.
    Idle(String),
}

/// `soak suites SECONDS [SEED]`: suites of OTP in random order under `FERROBEAM_TORTURE`, one on each of two cores. It fails where the machine
/// dies, and where a case fails that passes on ERTS, is not listed, and fails again when its suite runs by itself. Cases whose time was over prove nothing
/// and are counted apart.
pub fn soak(seconds: u64, seed: u64) -> Outcome<bool> {
    setup::ensure()?;
    setup::need("ct_run", "erlang-common-test")?;
    let program = shell::build()?;
    let (ours, real) = (Machine::ferrobeam(&program, &[]), Machine::real()?);
    let root = sources("erlang", "otp-")?;
    let mut suites = Vec::new();
    for (app, dir, extra) in APPS {
        suites.extend(prepare(&root, app, dir, extra, &[])?.into_iter().map(|p| (format!("{app}/{}", file_stem(&p)), p)));
    }
    shuffle(&mut suites, seed);
    let known = known()?;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let started = Instant::now();
    let found = std::sync::Mutex::new((0, 0, Vec::new(), Vec::new(), 0));
    println!("soak suites: {} suites, seed {seed}, {seconds} s", suites.len());
    let worker = || -> Outcome<()> {
        while started.elapsed() < Duration::from_secs(seconds) {
            let turn = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (name, path) = &suites[turn % suites.len()];
            let mode = TORTURES[turn % TORTURES.len()];
            let seen = tortured(&ours, path, mode, Duration::from_secs(seconds).saturating_sub(started.elapsed()), &[])?;
            let said = format!("{:5.0} s {name} under {mode}", started.elapsed().as_secs_f64());
            let mut all = found.lock().map_err(|_| "a worker failed")?;
            all.0 += 1;
            match seen {
                Seen::Cases(ended, failed) => {
                    let (late, failed): (Vec<_>, Vec<_>) = failed.into_iter().partition(|(_, why)| why.contains("timetrap_timeout"));
                    let judged = |case: &str| {
                        let case = format!("{name}:{case}");
                        !known.contains_key(&case) && !TORTURE_SHOWS.iter().any(|(torture, c, _)| mode.contains(torture) && case.starts_with(c))
                    };
                    let failed: Vec<_> = failed.into_iter().filter(|(case, _)| judged(case)).collect();
                    println!("{said}: {ended} cases ended, {} failed, {} were too slow", failed.len(), late.len());
                    all.1 += ended;
                    all.4 += late.len();
                    if !failed.is_empty() {
                        all.2.push((name.clone(), path.clone(), mode, failed));
                    }
                }
                Seen::Died(how) => {
                    println!("{said}: THE MACHINE DIED: {how}");
                    all.3.push(format!("{name} under {mode}: died: {how}"));
                }
                Seen::Idle(case) => {
                    println!("{said}: nothing moves in {case}");
                    all.3.push(format!("{name} under {mode}: nothing moved in {case}"));
                }
            }
        }
        Ok(())
    };
    std::thread::scope(|s| {
        let both = [s.spawn(worker), s.spawn(worker)];
        both.into_iter().try_for_each(|w| w.join().map_err(|_| "a worker failed".to_string())?)
    })?;
    let (count, ended, failed, mut bad, late) = found.into_inner().map_err(|_| "a worker failed")?;
    for (name, path, mode, cases) in failed {
        let only: Vec<String> = cases.iter().map(|(c, _)| c.clone()).collect();
        let there = common_test(&real, &path, "real", &only)?;
        let again = match tortured(&ours, &path, mode, LIMIT, &only)? {
            Seen::Cases(_, again) => again,
            Seen::Died(how) => vec![("the machine".into(), how)],
            Seen::Idle(case) => vec![(case, "nothing moved".into())],
        };
        for (case, why) in cases {
            let why: String = why.chars().take(300).collect();
            match (there.get(&case) == Some(&Fate::Passed), again.iter().find(|(c, w)| *c == case && !w.contains("timetrap_timeout"))) {
                (false, _) => println!("{name}:{case}: does not pass on ERTS either"),
                (true, None) => println!("{name}:{case} under {mode}: only in company: {why}"),
                (true, Some(_)) => {
                    println!("{name}:{case} under {mode}: {why}");
                    bad.push(format!("{name}:{case} under {mode}: wrong"));
                }
            }
        }
    }
    println!("soak suites: {count} suites, {ended} cases in {:.0} s, {late} too slow to judge, {} wrong", started.elapsed().as_secs_f64(), bad.len());
    for line in &bad {
        println!("    {line}");
    }
    Ok(bad.is_empty())
}

/// In turn.
const TORTURES: &[&str] = &["heap", "gc,heap", "heap", "gc,heap,yield"];

/// What one suite may take there.
const TORTURED: Duration = Duration::from_secs(240);

/// Fisher and Yates, with a linear congruential generator: order from a number that can be given again.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for i in (1..items.len()).rev() {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        items.swap(i, ((state >> 33) % (i as u64 + 1)) as usize);
    }
}

fn tortured(machine: &Machine, suite: &Path, mode: &str, left: Duration, only: &[String]) -> Outcome<Seen> {
    let (mut command, events) = suite_command(machine, suite, "tortured", ["1", "2"], only)?;
    let dir = events.parent().unwrap_or(Path::new("."));
    let open = |name: &str| fs::File::create(dir.join(name)).map_err(|e| format!("{}: {e}", dir.display()));
    command.env("FERROBEAM_TORTURE", mode).stdin(Stdio::null()).stdout(open("stdout")?).stderr(open("stderr")?);
    let mut child = command.spawn().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let (started, limit) = (Instant::now(), TORTURED.min(left.max(Duration::from_secs(20))));
    let mut used = Vec::new();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break Some(status);
        }
        used.push(processor_time(child.id()));
        if started.elapsed() > limit {
            break None;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    // Ten hundredths in a minute, and none of the offspring has ended: only timers run.
    let minute = &used[used.len().saturating_sub(300)..];
    let moved = minute.iter().max().zip(minute.iter().min()).map_or(0, |(most, least)| most - least);
    let quiet = status.is_none() && limit == TORTURED && minute.len() == 300 && moved < 10;
    let _ = child.kill();
    let _ = child.wait();
    let fates = fates(&fs::read_to_string(&events).unwrap_or_default());
    let running = || fates.iter().find(|(_, f)| matches!(f, Fate::Failed(why) if why.is_empty())).map_or("no case", |(c, _)| c).to_string();
    match status {
        Some(status) if !status.success() => {
            let errors = fs::read_to_string(dir.join("stderr")).unwrap_or_default();
            return Ok(Seen::Died(format!("{status} in {}: {}", running(), shell::tail(&errors, 12))));
        }
        None if quiet => return Ok(Seen::Idle(running())),
        _ => {}
    }
    let ended = fates.values().filter(|f| **f == Fate::Passed).count();
    let failed = fates.iter().filter_map(|(c, f)| match f {
        Fate::Failed(why) if !why.is_empty() => Some((c.clone(), why.clone())),
        _ => None,
    });
    Ok(Seen::Cases(ended, failed.collect()))
}

/// Hundredths of a second that a process and the living of its offspring (nodes that a suite starts) have used.
fn processor_time(pid: u32) -> u64 {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<(u32, u32, u64)> = numbers
        .filter_map(|n| {
            let stat = fs::read_to_string(format!("/proc/{n}/stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let parent = fields.nth(1)?.parse().ok()?;
            Some((n, parent, fields.skip(9).take(2).filter_map(|t| t.parse::<u64>().ok()).sum()))
        })
        .collect();
    let (mut tree, mut at) = (vec![pid], 0);
    while let Some(&parent) = tree.get(at) {
        tree.extend(all.iter().filter(|p| p.1 == parent).map(|p| p.0));
        at += 1;
    }
    all.iter().filter(|p| tree.contains(&p.0)).map(|p| p.2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_fates() {
        let f = fates("start a\nend a\nstart b\nend b\nfail b {badmatch, 1}\nstart c\nend c\nskip c x\nstart d\nfail init_per_suite x\n");
        assert_eq!(f["a"], Fate::Passed);
        assert_eq!(f["b"], Fate::Failed("{badmatch, 1}".into()));
        assert_eq!(f["c"], Fate::Skipped);
        assert_eq!(f["d"], Fate::Failed(String::new()));
        assert_eq!(f.len(), 4);
    }
}
