//! Emulator flags against what the real emulator does with them: `flags.out` holds, for each, a few items of
//! `erlang:system_info/1` or the first line of its complaint. Recorded by `UPDATE=1 cargo test -p ferrobeam-cli --test flags`
//! on a machine with two cores.

use std::path::Path;
use std::process::Command;

use cli::erlexec::{self, Places, World};
use cli::flags::{self, Start};
use vm::config::*;

const CORES: u32 = 2;

const CASES: &[&str] = &[
    "",
    "+S 4",
    "+S 4:1",
    "+S 8:8",
    "+S 1",
    "+S4:2",
    "+S 0",
    "+S -1",
    "+S -5",
    "+S :1",
    "+S 4:0",
    "+S 4:-1",
    "+S abc",
    "+S 1:x",
    "+S 4x",
    "+S 4:8",
    "+S 3:4",
    "+S 1025",
    "+SP 50",
    "+SP 200:10",
    "+SP 0",
    "+SP x",
    "+S 4 +SP 50",
    "+SDcpu 1",
    "+SDcpu 5:5",
    "+S 4 +SDcpu 4",
    "+S 4:1 +SDcpu 4:3",
    "+SDcpu 0",
    "+SDcpu -1",
    "+SDcpu x",
    "+SDcpu 1:2",
    "+SDPcpu 50",
    "+SDPcpu 200",
    "+SDio 3",
    "+SDio 0",
    "+SDio 1025",
    "+SDio -1",
    "+P 2000",
    "+P 5000",
    "+P 10",
    "+P abc",
    "+P 3x",
    "+P 134217727",
    "+P 134217728",
    "+P legacy",
    "+Q 3000",
    "+Q 1023",
    "+Q legacy",
    "+t 300000",
    "+t 10",
    "+t x",
    "+A 0",
    "+A 7",
    "+A 5x",
    "+A abc",
    "+A -1",
    "+A 2000",
    "+A5",
    "+a 16",
    "+a 1",
    "+a x",
    "+e 20000",
    "+e 100",
    "+e -3",
    "+e x",
    "+hms 1000",
    "+hms x",
    "+hms 0",
    "+hms -1",
    "+hmbs x",
    "+hmax -1",
    "+hmaxk y",
    "+hmaxk false",
    "+hmaxel x",
    "+hpds 0",
    "+hpds x",
    "+hmqd off_heap",
    "+hmqd x",
    "+hx 1",
    "+c false",
    "+c x",
    "+C multi_time_warp",
    "+C single_time_warp",
    "+C x",
    "+T 5",
    "+T 10",
    "+T -1",
    "+R 24",
    "+R 22",
    "+R 26",
    "+zdbbl 2048",
    "+zdbbl 0",
    "+zdbbl x",
    "+zdbbl 3000000",
    "+zdntgc 30",
    "+zdntgc infinity",
    "+zdntgc -1",
    "+zdntgc x",
    "+zdntgc 200000000",
    "+zosrl x",
    "+zosrl 5",
    "+zebwt x",
    "+zzz",
    "+sbt db",
    "+sbt u",
    "+sbt x",
    "+stbt x",
    "+sbwt long",
    "+sbwt x",
    "+scl x",
    "+scl false",
    "+sub x",
    "+sub true",
    "+swt x",
    "+swt low",
    "+sws x",
    "+swct x",
    "+sfwi 500",
    "+sss 1",
    "+sss x",
    "+sssdcpu 40",
    "+spp x",
    "+sct x",
    "+sxx 1",
    "+ssrct",
    "+fnl",
    "+fnux",
    "+fnue",
    "+fnx",
    "+pc x",
    "+pc unicode",
    "+pcx",
    "+W x",
    "+W i",
    "+We",
    "+K true",
    "+n x",
    "+ns",
    "+rg x",
    "+rg 4",
    "+dcg x",
    "+dcg4",
    "+r",
    "+v",
    "+d",
    "+Bi",
    "+Bc",
    "+Bd",
    "+IOt x",
    "+IOt 0",
    "+IOt 2",
    "+IOp x",
    "+IOPt x",
    "+IOs x",
    "+JPperf x",
    "+JPperf true",
    "+JDdump x",
    "+Jx 1",
    "+JMsingle true",
    "+MIscs 64",
    "+Mxx 1",
];

struct NoWorld;

impl World for NoWorld {
    fn var(&self, _: &str) -> Option<std::ffi::OsString> {
        None
    }
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err("no files".into())
    }
    fn current_dir(&self) -> String {
        String::new()
    }
}

fn ours(case: &str) -> String {
    let mut base = Config::for_release(CORES, 25);
    base.otp.release = "25".into();
    let places = Places { root: "/".into(), bindir: "/".into(), progname: "erl".into(), home: None, release: "25".into() };
    let parsed = erlexec::command(case.split_whitespace().map(Into::into).collect(), &places, &NoWorld)
        .and_then(|command| flags::parse(&command.argv, base, CORES));
    match parsed {
        Err(failure) => failure.message.lines().next().unwrap_or("").split("; flags with").next().unwrap_or("").to_string(),
        Ok(Start::Version) => "version".into(),
        Ok(Start::Run(c)) => items(&c),
    }
}

fn items(c: &Config) -> String {
    let s = &c.schedulers;
    let warp = match c.time.warp {
        TimeWarp::None => "no_time_warp",
        TimeWarp::Single => "single_time_warp",
        TimeWarp::Multi => "multi_time_warp",
    };
    let bind = match s.bind {
        BindType::Unbound => "unbound",
        BindType::ThreadNoNodeProcessorSpread => "thread_no_node_processor_spread",
        _ => "other",
    };
    let gc = c.node_table_gc_delay_s.map_or("infinity".into(), |n| n.to_string());
    let queue = if c.process.off_heap_messages { "off_heap" } else { "on_heap" };
    let warnings = match c.text.warnings {
        Warnings::Error => "error",
        Warnings::Warning => "warning",
        Warnings::Info => "info",
    };
    let names = if c.text.filenames == FilenameEncoding::Latin1 { "latin1" } else { "utf8" };
    let printable = if c.text.printable_unicode { "unicode" } else { "latin1" };
    format!(
        "[{},{},{},{},{},{},{},{},{},{},{},{warp},{},{},{gc},{bind},{queue},{warnings},{names},{printable},{}]",
        s.total,
        s.online,
        s.dirty_cpu,
        s.dirty_cpu_online,
        s.dirty_io,
        s.async_threads,
        c.limits.processes,
        c.limits.ports,
        c.limits.atoms,
        c.limits.ets_tables,
        c.time.correction,
        c.modified_timing.map_or("undefined".into(), |n| n.to_string()),
        c.dist_buffer_busy_limit,
        c.break_key == BreakKey::Ignored,
    )
}

fn theirs(erl: &str, case: &str) -> String {
    let eval = "io:format(\"~w~n\", [[erlang:system_info(I) || I <- [schedulers, schedulers_online, dirty_cpu_schedulers, \
        dirty_cpu_schedulers_online, dirty_io_schedulers, thread_pool_size, process_limit, port_limit, atom_limit, ets_limit, \
        time_correction, time_warp_mode, modified_timing_level, dist_buf_busy_limit, delayed_node_table_gc, scheduler_bind_type, \
        message_queue_data]] ++ [error_logger:warning_map(), file:native_name_encoding(), io:printable_range(), \
        erlang:system_info(break_ignored)]]), halt().";
    let out = Command::new(erl)
        .args(case.split_whitespace())
        .args(["-noshell", "-eval", eval])
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("the real erl runs");
    if out.status.success() && out.stdout.starts_with(b"[") {
        return String::from_utf8_lossy(&out.stdout).trim().to_string();
    }
    String::from_utf8_lossy(&out.stderr).lines().next().unwrap_or("").to_string()
}

#[test]
fn flags_mean_what_they_mean_to_the_real_emulator() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flags.out");
    if std::env::var_os("UPDATE").is_some() {
        let text: String = CASES.iter().map(|c| format!("{c:?} {}\n", theirs("/usr/lib/erlang/bin/erl", c))).collect();
        std::fs::write(&file, text).unwrap();
    }
    let recorded = std::fs::read_to_string(&file).unwrap();
    let mut lines = recorded.lines();
    let mut wrong = Vec::new();
    for case in CASES {
        let line = lines.next().unwrap_or_default();
        let Some(expected) = line.strip_prefix(&format!("{case:?} ")) else {
            panic!("{case:?}: recorded is {line}: run with UPDATE=1")
        };
        let got = ours(case);
        if got != expected {
            wrong.push(format!("{case}\n  real: {expected}\n  ours: {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}
