//! `erlc` and `escript` against what OTP's own programs hand to `erl` (they are asked with another program in its place).
//! `UPDATE=1 cargo test -p ferrobeam-cli --test launchers` records `launchers.out`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use cli::{Failure, erlc, escript};

const ERLC: &[&[&str]] = &[
    &[],
    &["-help"],
    &["a.erl"],
    &["-b", "beam", "-o", "out", "-I", "inc", "-W", "-W0", "-Werror", "-v", "-MMD", "-MF", "x", "-c", "foo", "a.erl", "b.yrl"],
    &[
        "+native", "+{d,x}", "-D", "X", "-DX=1", "-pa", "p", "-pz", "z", "-boot", "b", "-smp", "-hybrid", "-P", "-E", "-S",
        "-UX", "a.erl",
    ],
    &["-pa", "one", "-pa", "two", "a.erl"],
    &["-no-server", "a.erl"],
    &["+S", "2", "a.erl"],
    &["-Wall", "-MM", "a.erl", "--", "-q.erl"],
    &["-emulator", "foo"],
    &["-enable-feature", "maybe_expr", "-disable-feature", "q", "-list-features", "a.erl"],
    &["-o"],
    &["-ofoo", "-Ifoo", "a.erl"],
    &["-pa"],
    &["-sname", "x", "-name", "y", "-version"],
    &["-Dx", "-extra", "a"],
    &["@file"],
    &["-config", "c", "-env", "a", "b", "a.erl"],
    &["-- ", "a"],
    &["", "a"],
    &["-pa", "x", "+debug_info", "-pa", "-pz"],
];

const ESCRIPT: &[&[&str]] = &[
    &["plain", "a", "b"],
    &["-c", "plain", "a"],
    &["-i", "plain"],
    &["-n", "plain", "-x"],
    &["-s", "-i", "plain", "-c"],
    &["-foo", "plain"],
    &["--", "plain"],
    &[],
    &["-"],
    &["--help"],
    &["missing"],
    &["./plain", "q"],
    &["second_line"],
    &["third_line", "x"],
    &["fourth_line"],
    &["no_first_line"],
    &["two_lines"],
    &["quotes"],
    &["late"],
    &["empty"],
    &["env"],
];

fn files() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/escripts")
}

fn show(answer: Result<Vec<OsString>, Failure>) -> String {
    match answer {
        Ok(args) => args.iter().map(|a| format!("[{}]", a.to_string_lossy())).collect::<Vec<_>>().join(" "),
        Err(failure) => failure.message,
    }
}

fn theirs(program: &str, variable: &str, args: &[&str]) -> String {
    let printer = files().join("print_arguments");
    let out =
        Command::new(program).args(args).current_dir(files()).env(variable, printer).output().expect("the real program runs");
    let text = if out.status.success() { out.stdout } else { out.stderr };
    String::from_utf8_lossy(&text).trim().replace('\n', " ")
}

fn compare(name: &str, cases: &[&[&str]], real: impl Fn(&[&str]) -> String, ours: impl Fn(&[OsString]) -> String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(format!("{name}.out"));
    if std::env::var_os("UPDATE").is_some() {
        let text: String = cases.iter().map(|c| format!("{c:?}\n  {}\n", real(c))).collect();
        std::fs::write(&file, text).unwrap();
    }
    let recorded = std::fs::read_to_string(&file).unwrap();
    let mut lines = recorded.lines();
    let mut wrong = Vec::new();
    for case in cases {
        assert_eq!(lines.next(), Some(format!("{case:?}").as_str()), "run with UPDATE=1 where OTP 25 is installed");
        let expected = lines.next().unwrap_or("").trim();
        let args: Vec<OsString> = case.iter().map(OsString::from).collect();
        let got = ours(&args);
        if got.trim() != expected {
            wrong.push(format!("{case:?}\n  real: {expected}\n  ours: {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn erlc_hands_on_what_the_real_one_does() {
    compare("erlc", ERLC, |c| theirs("/usr/lib/erlang/bin/erlc", "ERLC_EMULATOR", c), |args| show(erlc::arguments(args)));
}

#[test]
fn escript_hands_on_what_the_real_one_does() {
    std::env::set_current_dir(files()).unwrap();
    compare(
        "escript",
        ESCRIPT,
        |c| theirs("/usr/lib/erlang/bin/escript", "ESCRIPT_EMULATOR", c),
        |args| show(escript::arguments("escript".as_ref(), args)),
    );
}
