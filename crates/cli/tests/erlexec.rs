//! Command lines against what OTP's own `erlexec` makes of them. `erlexec.out` is recorded from it by
//! `UPDATE=1 cargo test -p ferrobeam-cli --test erlexec`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use cli::erlexec::{self, Mode, Places, World};

/// Variables (`NAME=value`), then the arguments.
const CASES: &[(&[&str], &[&str])] = &[
    (&[], &[]),
    (&[], &["+A", "4", "+P", "1000", "-name", "a@b", "-sname", "x"]),
    (&[], &["-noshell", "+S", "4:4", "-eval", "x.", "-extra", "a", "b", "+S", "9"]),
    (&[], &["-noinput", "-noshell", "-detached"]),
    (&[], &["-boot", "foo", "-config", "a"]),
    (&[], &["-env", "X", "1", "-env", "Y", "2", "-env", "A=B", "c", "d"]),
    (
        &[
            "ERL_AFLAGS=-a 1",
            "ERL_FLAGS=-f 'q r'",
            "ERL_ZFLAGS=-z \"a b\" \\\"",
            "ERL_OTP25_FLAGS=-o25",
            "ERL_25_FLAGS=-n",
            "ERL_R25_FLAGS=-r",
        ],
        &["cmd", "-extra", "x", "+S", "3"],
    ),
    (&["ERL_AFLAGS=-a 1 -extra ae", "ERL_FLAGS=-f -extra fe", "ERL_ZFLAGS=-z -extra ze"], &["cmd", "-extra", "x"]),
    (&["ERL_AFLAGS=-a"], &[]),
    (&["ERL_EPMD_PORT=4370"], &["-x"]),
    (&["ERL_EPMD_PORT=", "ERL_FLAGS=-f"], &["-x"]),
    (&["ERL_FLAGS=-f"], &[]),
    (&["ERL_ZFLAGS=-z"], &["c"]),
    (&["ERL_AFLAGS=", "ERL_FLAGS= "], &["c"]),
    (&["ERL_AFLAGS=-a"], &["-extra", "q"]),
    (&["ERL_ZFLAGS=-z -extra q"], &[]),
    (&["ERL_AFLAGS=-extra"], &["x"]),
    (&["ERL_ZFLAGS=+S 3 -env A B -sname x"], &["-noshell"]),
    (&["ERL_ZFLAGS=-s 'a b' \"c d\" e\\ f 'g\"h' i'j'k \"l\\\"m\""], &[]),
    (&["ERL_FLAGS=a # b \"unterminated x"], &["a"]),
    (&["ERL_FLAGS=-args_file nested"], &["a"]),
    (&[], &["--", "a", "+S", "3", "--", "b"]),
    (&[], &["-smp", "enable", "-smp", "-hybrid", "-heart", "-hidden", "-instr", "-x"]),
    (&[], &["-start_epmd", "false"]),
    (&[], &["-start_epmd", "perhaps"]),
    (&[], &["-s", "a", "b", "+A", "3", "c"]),
    (&[], &["-version"]),
    (&[], &["-version", "+V"]),
    (&[], &["-help"]),
    (&[], &["-env"]),
    (&[], &["-env", "A"]),
    (&[], &["-name"]),
    (&[], &["-name", "x", "-sname"]),
    (&[], &["-name", "-foo"]),
    (&[], &["-emu_type"]),
    (&[], &["-emu_type", "debug", "-x"]),
    (&[], &["-emu_flavor", "jit"]),
    (&[], &["-configfd"]),
    (&[], &["-configfd", "3"]),
    (&[], &["-configfd", "0", "3"]),
    (&[], &["-args_file"]),
    (&[], &["-args_file", "/nonexistent/file"]),
    (&[], &["-args_file", "top", "-more", "-extra", "e1"]),
    (&[], &["-extra", "-args_file", "top"]),
    (&[], &["-args_file", "nested", "-x", "-args_file", "nested"]),
    (&[], &["-args_file", "empty", "-x"]),
    (&[], &["-args_file", "quotes"]),
    (&[], &["-args_file", "unterminated"]),
    (&[], &["-args_file", "vm.args", "-noshell"]),
    (&[], &["-compile", "a", "b", "+A", "3"]),
    (&[], &["-make", "a", "-extra", "b"]),
    (&[], &["-extra"]),
    (&[], &["-setcookie"]),
    (&[], &["+"]),
    (&[], &["-"]),
    (&[], &[""]),
    (&[], &["a", "b", "-"]),
    (&[], &["+A"]),
    (&[], &["+h"]),
    (&[], &["+J"]),
    (&[], &["+IO"]),
    (&[], &["+IOfoo"]),
    (&[], &["+Bx"]),
    (&[], &["+BcX"]),
    (&[], &["+B", "c", "-x"]),
    (&[], &["+B", "x"]),
    (&[], &["+Bc", "c"]),
    (&[], &["+c"]),
    (&[], &["+c", "true", "x"]),
    (&[], &["+c", "1"]),
    (&[], &["+cx", "true"]),
    (&[], &["+foo", "3"]),
    (&[], &["+S4", "+S4:2", "x"]),
    (&[], &["+SPfoo", "+SDPcpu", "3", "+SDcpu", "3", "+SDio", "3", "+SDio3", "q", "+SP50"]),
    (&[], &["+L", "x", "+l", "x", "+d", "x", "+v", "x", "+x", "x", "+n", "s", "+b", "x", "+r", "x", "+i", "m"]),
    (&[], &["+T", "3", "+C", "4", "+e", "4", "+f", "4", "+fnx", "5", "+p", "4", "+pcx", "4", "+pc", "unicode", "+T9", "x"]),
    (&[], &["+rg", "3", "+dcg", "3", "+t", "4", "+K", "true", "+Q", "3", "+R", "25", "+W", "w", "+Ww", "x", "+a", "9", "+a9"]),
    (&[], &["+zdbbl", "3", "+zosrl", "4", "+zhft", "5", "+zdntgc", "4", "+zebwt", "3", "+zosrlx", "3", "+z", "3"]),
    (&[], &["+sub", "true", "+sbwtdcpu", "x", "+sbwtdio", "x", "+sct", "3", "+scl", "true", "+sfwi", "3", "+spp", "true"]),
    (&[], &["+sss", "3", "+stbt", "x", "+sws", "x", "+swct", "x", "+swt", "x", "+swtdcpu", "x", "+swtdio", "x", "+sbt", "x"]),
    (&[], &["+secio", "x", "+sssdcpu", "4", "+sssdio", "5", "+sfoo", "6", "+ssrct", "7", "+ssdcpu", "8", "+s", "9"]),
    (&[], &["+sbt"]),
    (
        &[],
        &[
            "+hms", "1", "+hmbs", "1", "+hmax", "1", "+hmaxk", "true", "+hmaxel", "true", "+hpds", "1", "+hmqd", "1", "+hfoo",
            "3", "+h3",
        ],
    ),
    (&[], &["+JPperf", "true", "+JDdump", "true", "+JPfp", "true", "+Jfoo", "3"]),
    (&[], &["+IOt", "3", "+IOp", "3", "+IOPt", "3", "+IOPp", "3", "+IOs", "true"]),
    (
        &[],
        &[
            "+MBas", "x", "+MBacul", "1", "+Muacul", "0", "+Mea", "min", "+Mim", "true", "+Mis", "true", "+Musac", "true",
            "+Mlpm", "all",
        ],
    ),
    (
        &[],
        &[
            "+MMmcs", "1", "+MMscs", "1", "+MIscs", "1", "+MXscs", "1", "+MYe", "true", "+MYtt", "1", "+MYm", "1", "+MTt",
            "true", "+MLramv", "true",
        ],
    ),
    (&[], &["+M", "x", "+MC", "x", "+MCas", "x", "+Msbct", "x", "+Mummc", "x", "+MBacful", "x", "+MBfoo", "x"]),
    (&[], &["+MBas"]),
    (&[], &["-emu_name_exit"]),
    (&[], &["-x", "-emu_qouted_cmd_exit", "a\"b", "c\\d"]),
];

struct Given<'a>(&'a [&'a str]);

impl World for Given<'_> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.0.iter().find_map(|v| v.strip_prefix(name)?.strip_prefix('=')).map(OsString::from)
    }
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(files().join(path)).map_err(|_| "No such file or directory".into())
    }
    fn current_dir(&self) -> String {
        "DIR".into()
    }
}

fn files() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/args_files")
}

fn ours(variables: &[&str], args: &[&str]) -> String {
    let places = Places {
        root: "/otp".into(),
        bindir: "/otp/bin".into(),
        progname: "erl".into(),
        home: Some("/home".into()),
        release: "25".into(),
    };
    match erlexec::command(args.iter().map(OsString::from).collect(), &places, &Given(variables)) {
        Err(failure) => failure.message.lines().next().unwrap_or("").to_string(),
        Ok(c) if c.mode == Mode::PrintName => "beam.smp".into(),
        Ok(c) if c.mode == Mode::PrintQuoted => {
            String::from_utf8_lossy(&erlexec::quoted("/otp/bin/beam.smp".as_ref(), &c.argv)).into_owned()
        }
        Ok(c) => c.argv.iter().map(|a| format!("[{}]", a.to_string_lossy())).collect::<Vec<_>>().join(" "),
    }
}

fn theirs(erlexec: &str, variables: &[&str], args: &[&str]) -> String {
    let mut command = Command::new(erlexec);
    command.current_dir(files()).env_clear().arg("-emu_args_exit").args(args);
    command.envs([("ROOTDIR", "/otp"), ("BINDIR", "/otp/bin"), ("PROGNAME", "erl"), ("EMU", "beam"), ("HOME", "/home")]);
    command.envs(variables.iter().filter_map(|v| v.split_once('=')));
    let out = command.output().expect("the real erlexec runs");
    if !out.status.success() {
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        return text.lines().next().unwrap_or("").replace(&files().display().to_string(), "DIR");
    }
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if args.iter().any(|a| *a == "-emu_name_exit" || *a == "-emu_qouted_cmd_exit") {
        return text.trim_end_matches('\n').to_string();
    }
    // One argument a line; one that holds a newline is put together again by its following line's lack of a flag: the
    // cases have exactly one, from the file `quotes`.
    let text = text.replace("multi\nline", "multi\u{1}line").replace("ef#gh\n\n", "ef#gh\u{1}\n");
    text.strip_suffix('\n')
        .unwrap_or(&text)
        .split('\n')
        .map(|a| format!("[{}]", a.replace('\u{1}', "\n")))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn command_lines_are_read_as_erlexec_reads_them() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/erlexec.out");
    let name = |(vars, args): &(&[&str], &[&str])| format!("{vars:?} {args:?}");
    if std::env::var_os("UPDATE").is_some() {
        let real = std::env::var("REAL_ERLEXEC").unwrap_or("/usr/lib/erlang/erts-13.1.5/bin/erlexec".into());
        let text: String = CASES.iter().map(|c| format!("{}\n  {:?}\n", name(c), theirs(&real, c.0, c.1))).collect();
        std::fs::write(&file, text).unwrap();
    }
    let recorded = std::fs::read_to_string(&file).unwrap();
    let mut lines = recorded.lines();
    let mut wrong = Vec::new();
    for case in CASES {
        assert_eq!(lines.next(), Some(name(case).as_str()), "run with UPDATE=1 where OTP 25 is installed");
        let expected = lines.next().unwrap_or("").trim();
        let got = format!("{:?}", ours(case.0, case.1));
        if got != expected {
            wrong.push(format!("{}\n  erlexec: {expected}\n  ours:    {got}", name(case)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}
