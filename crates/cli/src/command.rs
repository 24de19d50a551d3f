//! Which program was meant: by the name under which it was called, then by sub-command. The edge of the process: reads
//! the environment, prints, replaces itself by another program, ends in `vm::start`.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use beamfile::Release;
use vm::config::{Config, Otp};

use crate::erlexec::{self, Mode, Places, World};
use crate::flags::{self, Start};
use crate::otp::{self, Installation};
use crate::shims::{self, Shims};
use crate::similar::hint;
use crate::{Failure, elixir, erlc, escript, gethost};

const SUBCOMMANDS: [&str; 10] = ["iex", "elixir", "elixirc", "mix", "erl", "erlc", "escript", "dis", "shims", "help"];

const HELP: &str = "\
ferrobeam: Erlang's runtime in Rust; runs unmodified Erlang and Elixir code

Usage: ferrobeam [--otp DIR] COMMAND [ARGUMENTS]
  iex, elixir, elixirc, mix    Elixir's own programs, on this runtime
  erl, erlc, escript           Erlang's own programs, on this runtime (ferrobeam erl --help lists the flags)
  -FLAGS or +FLAGS             the same as `erl` with them
  dis FILE.beam                show a compiled module's instructions
  shims                        make the folder of launchers and print its path

Everything that starts `erl` runs on this runtime once the launchers are first on the path:
  export PATH=\"$(ferrobeam shims):$PATH\"

The Erlang/OTP libraries (25, 27 or 29) are taken from --otp DIR, FERROBEAM_OTP, ROOTDIR, /usr/lib/erlang or wherever
`erl` on PATH belongs; Elixir from FERROBEAM_ELIXIR, `elixir` on PATH or /usr/lib/elixir.
";

/// The whole program.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let argv0 = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !vm::translating() {
            told(info);
        }
    }));
    match dispatch(&argv0, args) {
        Ok(code) => code,
        Err(failure) => {
            // A closed stderr is no reason to fail differently.
            let _ = writeln!(std::io::stderr(), "{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(argv0: &OsStr, args: Vec<OsString>) -> Result<ExitCode, Failure> {
    match otp::base_name(argv0).to_str() {
        Some("erl" | "dyn_erl") => erl(args, &otp::base_name(argv0), None),
        Some("erlexec") => erl(args, &std::env::var_os("PROGNAME").unwrap_or_else(|| "erl".into()), None),
        Some("beam.smp" | "beam" | "beam.jit") => emulator(args),
        Some("erlc") => run_erl_with(erlc::arguments(&args)?, "ERLC_EMULATOR", None),
        Some("escript") => run_erl_with(escript::arguments(argv0, &args)?, "ESCRIPT_EMULATOR", None),
        Some("inet_gethost") => Ok(gethost::main(&args)),
        _ if is_escript_copy(argv0) => run_erl_with(escript::arguments(argv0, &args)?, "ESCRIPT_EMULATOR", None),
        _ => subcommand(argv0, args),
    }
}

/// `foo` beside `foo.escript`: a copy of `escript`.
fn is_escript_copy(argv0: &OsStr) -> bool {
    let mut script = argv0.to_os_string();
    script.push(".escript");
    Path::new(&script).is_file()
}

fn subcommand(argv0: &OsStr, args: Vec<OsString>) -> Result<ExitCode, Failure> {
    let mut args = args.into_iter();
    let mut asked = None;
    let mut name = args.next();
    if name.as_deref() == Some(OsStr::new("--otp")) {
        asked = Some(args.next().ok_or_else(|| Failure::new("ferrobeam: --otp needs the folder of the libraries"))?);
        name = args.next();
    }
    let rest: Vec<OsString> = args.collect();
    let asked = asked.as_deref();
    let Some(name) = name else { return say(HELP) };
    let text = name.to_string_lossy().into_owned();
    match text.as_str() {
        "--help" | "-h" | "help" => say(HELP),
        "--version" | "-V" | "-v" => say(&version(asked)),
        "erl" if rest.len() == 1 && (rest[0] == "--help" || rest[0] == "-h") => say(&erl_help()),
        "erl" => erl(rest, OsStr::new("erl"), asked),
        "erlc" => run_erl_with(erlc::arguments(&rest)?, "ERLC_EMULATOR", asked),
        "escript" => run_erl_with(escript::arguments(OsStr::new("escript"), &rest)?, "ESCRIPT_EMULATOR", asked),
        "iex" | "elixir" | "elixirc" | "mix" => run_elixir(&text, &rest, asked),
        "shims" => {
            let shims = shims::ensure(&otp::find(asked)?, &this_program()?)?;
            say(&format!("{}\n", shims.bin().display()))
        }
        "dis" => dis(&rest, asked),
        // An emulator's command line (`-noshell ..`, `+S 2 ..`): whoever was told to start this program in place of `erl`.
        _ if text.starts_with('+') || text.starts_with('-') && !text.starts_with("--") => {
            erl([name].into_iter().chain(rest).collect(), OsStr::new("erl"), asked)
        }
        _ => {
            let kind = if text.starts_with('-') { "flag" } else { "command" };
            let known: Vec<&str> = SUBCOMMANDS.into_iter().chain(["--otp", "--help", "--version"]).collect();
            let program = otp::base_name(argv0);
            Err(Failure {
                message: format!(
                    "{}: unknown {kind} {text}{}\n{0}: `ferrobeam --help` lists the commands",
                    program.to_string_lossy(),
                    hint(&text, &known, "commands")
                ),
                code: 2,
            })
        }
    }
}

fn say(text: &str) -> Result<ExitCode, Failure> {
    // `ferrobeam --help | head` ends quietly.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn version(asked: Option<&OsStr>) -> String {
    let mut out = format!("ferrobeam {}\n", env!("CARGO_PKG_VERSION"));
    match otp::find(asked) {
        Ok(o) => out.push_str(&format!("Erlang/OTP {} (ERTS {}) in {}\n", o.version(), o.erts_version, o.root.display())),
        Err(_) => out.push_str("Erlang/OTP: not found\n"),
    }
    match elixir::script("elixir") {
        Ok(file) => out.push_str(&format!("Elixir: {}\n", file.display())),
        Err(_) => out.push_str("Elixir: not found\n"),
    }
    out
}

fn erl_help() -> String {
    let mut out = String::from(
        "erl: starts a node. Arguments that begin with + are the runtime's; the others are read by init and by the\n\
         applications (-noshell, -eval EXPR, -s M [F [A..]], -run M [F [A..]], -pa DIR.., -boot FILE, -config FILE,\n\
         -sname NAME, -name NAME, -setcookie COOKIE, -remsh NODE, -detached, -args_file FILE, -env NAME VALUE,\n\
         -extra ARGS..). ERL_AFLAGS goes before, ERL_FLAGS and ERL_ZFLAGS after what is typed.\n\n",
    );
    for (flag, value, what) in flags::FLAGS {
        let left = if value.starts_with('[') { format!("{flag}{value}") } else { format!("{flag} {value}") };
        out.push_str(&format!("  {left:<24} {what}\n"));
    }
    out
}

/// This executable's own path, symbolic links resolved: what launchers point to.
fn this_program() -> Result<PathBuf, Failure> {
    crate::me::program().map_err(|e| Failure::new(format!("ferrobeam: cannot tell where this program lies: {e}")))
}

/// `erlc` and `escript` may be told to use another `erl`.
fn run_erl_with(args: Vec<OsString>, variable: &str, asked: Option<&OsStr>) -> Result<ExitCode, Failure> {
    match std::env::var_os(variable).filter(|v| !v.is_empty()) {
        Some(program) if asked.is_none() && !is_this_program(&program) => {
            let error = Command::new(&program).args(args).exec();
            Err(Failure::new(format!("ferrobeam: cannot run {} (from {variable}): {error}", program.to_string_lossy())))
        }
        _ => erl(args, OsStr::new("erl"), asked),
    }
}

fn is_this_program(program: &OsStr) -> bool {
    let found = if program.as_bytes().contains(&b'/') {
        std::fs::canonicalize(program).ok()
    } else {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|d| d.join(program))
            .find(|f| otp::is_executable(f))
            .and_then(|f| std::fs::canonicalize(f).ok())
    };
    found.is_some() && found == this_program().ok()
}

fn run_elixir(name: &str, args: &[OsString], asked: Option<&OsStr>) -> Result<ExitCode, Failure> {
    let installation = otp::find(asked)?;
    let shims = shims::ensure(&installation, &this_program()?)?;
    let command = elixir::command(name, args)?;
    let error = Command::new(&command[0])
        .args(&command[1..])
        .env("PATH", path_with(&[shims.bin()], &std::env::var_os("PATH").unwrap_or_default()))
        .env("FERROBEAM_OTP", &installation.root)
        .exec();
    Err(Failure::new(format!("ferrobeam: cannot run {}: {error}", command[0].to_string_lossy())))
}

/// `dirs` in front, unless they are there already.
fn path_with(dirs: &[PathBuf], path: &OsStr) -> OsString {
    let old: Vec<PathBuf> = std::env::split_paths(path).filter(|p| !p.as_os_str().is_empty()).collect();
    let first = dirs.first().filter(|d| old.first() != Some(d));
    let others = dirs.iter().skip(1).filter(|d| !old.contains(d));
    let new: Vec<PathBuf> = first.into_iter().chain(others).chain(&old).cloned().collect();
    std::env::join_paths(new).unwrap_or_else(|_| path.to_os_string())
}

/// `erl`: what OTP does in a shell script and in `erlexec`.
fn erl(args: Vec<OsString>, progname: &OsStr, asked: Option<&OsStr>) -> Result<ExitCode, Failure> {
    let installation = otp::find(asked)?;
    let program = this_program()?;
    // Without a place for launchers a node runs all the same; only what it starts by path is then ERTS.
    let shims = shims::ensure(&installation, &program)
        .unwrap_or_else(|_| Shims { root: installation.root.clone(), bindir: installation.bindir() });
    let places = Places {
        root: shims.root.clone().into(),
        bindir: shims.bindir.clone().into(),
        progname: progname.to_os_string(),
        home: std::env::var_os("HOME"),
        release: installation.release.clone(),
    };
    let command = erlexec::command(args, &places, &erlexec::System)?;
    let print = |bytes: Vec<u8>| {
        let _ = std::io::stdout().write_all(&bytes);
    };
    match &command.mode {
        Mode::Run => {}
        Mode::PrintAndRun | Mode::Print => {
            print(command.argv.iter().flat_map(|a| a.as_bytes().iter().copied().chain([b'\n'])).collect());
            if command.mode == Mode::Print {
                return Ok(ExitCode::SUCCESS);
            }
        }
        Mode::PrintQuoted => {
            let mut line = erlexec::quoted(shims.bindir.join("beam.smp").as_os_str(), &command.argv);
            line.push(b'\n');
            print(line);
            return Ok(ExitCode::SUCCESS);
        }
        Mode::PrintName => {
            print(b"beam.smp\n".to_vec());
            return Ok(ExitCode::SUCCESS);
        }
        Mode::Manual(pages) => {
            let error = Command::new("man").args(pages).exec();
            return Err(Failure::new(format!("erl: cannot run man: {error}")));
        }
    }
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let mut set = |name: &OsStr, value: OsString| {
        environment.retain(|(n, _)| n != name);
        environment.push((name.to_os_string(), value));
    };
    for (name, value) in &command.environment {
        set(name, value.clone());
    }
    set(OsStr::new("ROOTDIR"), shims.root.clone().into());
    set(OsStr::new("BINDIR"), shims.bindir.clone().into());
    set(OsStr::new("PROGNAME"), progname.to_os_string());
    set(OsStr::new("EMU"), "beam".into());
    let path = std::env::var_os("PATH").unwrap_or_default();
    set(OsStr::new("PATH"), path_with(&[shims.bindir.clone(), shims.bin()], &path));
    if command.start_epmd {
        start_epmd(&shims, &environment);
    }
    if command.detached {
        return detach(&program, &command.argv, environment);
    }
    start(command.argv, &installation, &shims, progname, environment)
}

/// As `erlexec`: a failure shows later, when the name cannot be registered.
fn start_epmd(shims: &Shims, environment: &[(OsString, OsString)]) {
    let _ = Command::new(shims.bindir.join("epmd"))
        .arg("-daemon")
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Set in the child that `-detached` starts.
const DETACHED: &str = "FERROBEAM_DETACHED";

/// `-detached`: the node is a process of its own session, without terminal; this one is done.
fn detach(program: &Path, argv: &[OsString], environment: Vec<(OsString, OsString)>) -> Result<ExitCode, Failure> {
    Command::new(program)
        .arg0("beam.smp")
        .args(argv)
        .env_clear()
        .envs(environment)
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(|_| ExitCode::SUCCESS)
        .map_err(|e| Failure::new(format!("erl: cannot start the detached node: {e}")))
}

/// `beam.smp`: the arguments are the emulator's own; where the libraries are stands among them, behind `--`.
fn emulator(argv: Vec<OsString>) -> Result<ExitCode, Failure> {
    let after = |flag: &str| argv.iter().position(|a| a == flag).and_then(|at| argv.get(at + 1)).cloned();
    let root = after("-root").or_else(|| std::env::var_os("ROOTDIR"));
    let installation = match &root {
        Some(root) => otp::open(Path::new(root)).map_err(|why| {
            Failure::new(format!("beam.smp: -root names {}, which holds no Erlang/OTP libraries: {why}", root.to_string_lossy()))
        })?,
        None => otp::find(None)?,
    };
    let bindir = after("-bindir").or_else(|| std::env::var_os("BINDIR")).map(PathBuf::from);
    let shims = Shims {
        root: root.map(PathBuf::from).unwrap_or_else(|| installation.root.clone()),
        bindir: bindir.unwrap_or_else(|| installation.bindir()),
    };
    let progname = after("-progname").unwrap_or_else(|| "erl".into());
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    if std::env::var_os(DETACHED).is_some() {
        environment.retain(|(n, _)| n != DETACHED);
        // The parent waits for nothing, so that leading a session already is not an error.
        let _ = rustix::process::setsid();
    }
    start(argv, &installation, &shims, &progname, environment)
}

/// The one door to the machine.
fn start(
    argv: Vec<OsString>,
    installation: &Installation,
    shims: &Shims,
    progname: &OsStr,
    environment: Vec<(OsString, OsString)>,
) -> Result<ExitCode, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let mut config = Config::for_release(cores, installation.release.parse().unwrap_or(0));
    config.otp = Otp {
        root: shims.root.clone(),
        bindir: shims.bindir.clone(),
        progname: progname.to_os_string(),
        release: installation.release.clone(),
        erts_version: installation.erts_version.clone(),
    };
    flags::read_environment(&mut config, &|name| erlexec::System.var(name));
    config.environment = environment;
    match flags::parse(&argv, config, cores)? {
        Start::Version => {
            let _ =
                writeln!(std::io::stderr(), "Erlang (SMP,ASYNC_THREADS) (BEAM) emulator version {}", installation.erts_version);
            Ok(ExitCode::SUCCESS)
        }
        Start::Run(config) => Ok(vm::start(*config)),
    }
}

/// `ferrobeam dis FILE.beam`; `-` reads the file from the input.
/// `dis --native FILE.beam FUNCTION/ARITY [MACHINE]`: machine code.
fn dis_native(args: &[OsString], asked: Option<&OsStr>) -> Result<ExitCode, Failure> {
    let usage = || Failure { message: "ferrobeam: usage: ferrobeam dis --native FILE.beam FUNCTION/ARITY [x86_64|aarch64]".into(), code: 2 };
    let (Some(file), Some(name)) = (args.first(), args.get(1).and_then(|n| n.to_str())) else { return Err(usage()) };
    let (function, arity) = name.rsplit_once('/').and_then(|(f, n)| Some((f, n.parse::<u8>().ok()?))).ok_or_else(usage)?;
    let machine = args.get(2).and_then(|m| m.to_str()).unwrap_or(std::env::consts::ARCH);
    let bytes = std::fs::read(file).map_err(|e| Failure::new(format!("ferrobeam: cannot read {}: {e}", Path::new(file).display())))?;
    let installation = otp::find(asked)?;
    let mut config = Config::for_release(1, installation.release.parse().unwrap_or(0));
    config.otp = Otp {
        root: installation.root.clone(),
        bindir: installation.bindir(),
        progname: OsString::from("erl"),
        release: installation.release.clone(),
        erts_version: installation.erts_version.clone(),
    };
    let vm = vm::Vm::bare(config, sys::World::process()).map_err(|e| Failure::new(format!("ferrobeam: {e}")))?;
    say(&vm.machine_code(&bytes, function, arity, machine).map_err(|e| Failure::new(format!("ferrobeam: {name}: {e}")))?)
}

fn dis(args: &[OsString], asked: Option<&OsStr>) -> Result<ExitCode, Failure> {
    if args.first().is_some_and(|a| a == "--native") {
        return dis_native(&args[1..], asked);
    }
    let [file] = args else { return Err(Failure { message: "ferrobeam: usage: ferrobeam dis FILE.beam".into(), code: 2 }) };
    let shown = Path::new(file).display();
    let bytes = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|e| Failure::new(format!("ferrobeam: cannot read {shown}: {e}")))?;
    // What a release accepts differs; the newest reads most, the one that is installed is what would run it.
    let installed = otp::find(asked).ok().and_then(|o| o.release.parse().ok()).unwrap_or(29);
    let beam = beamfile::parse(&bytes, Release(installed))
        .or_else(|e| beamfile::parse(&bytes, Release::OTP29).map_err(|_| e))
        .map_err(|e| Failure::new(format!("ferrobeam: cannot load {shown}: {e}")))?;
    say(&beamfile::dis(&beam))
}
