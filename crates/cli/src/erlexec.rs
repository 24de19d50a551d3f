//! From what follows `erl` to what the emulator gets: gathers the `ERL_.._FLAGS` variables and argument files, tells
//! emulator flags (`+A 4`) from init's (`-noshell`) and from what follows `-extra`. Stands for OTP's `erlexec` program.
//! Not here: what an emulator flag means (see `flags`), where the libraries are (see `otp`).
//! The file `tests/erlexec.tsv` holds what the real program answers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::Failure;

type Bytes = Vec<u8>;

/// What the environment and the disk say; a struct so that tests need neither.
pub trait World {
    /// A variable's value.
    fn var(&self, name: &str) -> Option<OsString>;
    /// An argument file's bytes, or the system's message.
    fn read(&self, path: &Path) -> Result<Bytes, String>;
    /// Shown in messages.
    fn current_dir(&self) -> String;
}

/// The real one.
pub struct System;

impl World for System {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
    fn read(&self, path: &Path) -> Result<Bytes, String> {
        std::fs::read(path).map_err(|e| os_message(&e))
    }
    fn current_dir(&self) -> String {
        std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default()
    }
}

fn os_message(e: &std::io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

/// Where things are, for the `-root .. -home ..` part.
#[derive(Clone, Debug)]
pub struct Places {
    pub root: OsString,
    pub bindir: OsString,
    pub progname: OsString,
    /// `$HOME`, if it is set.
    pub home: Option<OsString>,
    /// "25", for `ERL_OTP25_FLAGS`.
    pub release: String,
}

/// What is to be done with the argument vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Run,
    /// `-emu_args`: print it, then run.
    PrintAndRun,
    /// `-emu_args_exit`: print it, one argument a line.
    Print,
    /// `-emu_qouted_cmd_exit` (spelt so in OTP): print it as one quoted line.
    PrintQuoted,
    /// `-emu_name_exit`: print the emulator's name.
    PrintName,
    /// `-man ARGS`: show a manual page.
    Manual(Vec<OsString>),
}

/// The emulator's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Flags (with `-` for `+`), `--`, what init gets.
    pub argv: Vec<OsString>,
    pub mode: Mode,
    /// `-env NAME VALUE`, in order.
    pub environment: Vec<(OsString, OsString)>,
    /// `-detached`.
    pub detached: bool,
    /// `-start_epmd true`, or a name was given and it wasn't `false`.
    pub start_epmd: bool,
}

/// Works out the command for `args` (what follows the program's name).
pub fn command(args: Vec<OsString>, places: &Places, world: &dyn World) -> Result<Command, Failure> {
    let mut all = Gathered::default();
    gather_all(args, places, world, &mut all)?;
    let split = classify(all.normal, places.release.parse().unwrap_or(0))?;
    let mut argv: Vec<Bytes> = split.emulator;
    let own = |v: &OsStr| v.as_bytes().to_vec();
    argv.extend([b"--".to_vec(), b"-root".to_vec(), own(&places.root), b"-bindir".to_vec(), own(&places.bindir)]);
    argv.extend([b"-progname".to_vec(), own(&places.progname), b"--".to_vec()]);
    if let Some(home) = &places.home {
        argv.extend([b"-home".to_vec(), own(home)]);
    }
    if let Some(port) = world.var("ERL_EPMD_PORT") {
        argv.extend([b"-epmd_port".to_vec(), port.into_vec()]);
    }
    argv.push(b"--".to_vec());
    argv.extend(split.init);
    if all.extra_seen && !split.ends_here {
        argv.push(b"-extra".to_vec());
        argv.extend(all.extra);
    }
    Ok(Command {
        argv: argv.into_iter().map(OsString::from_vec).collect(),
        mode: split.mode,
        environment: split.environment,
        detached: split.detached,
        start_epmd: split.named && split.epmd_wanted,
    })
}

#[derive(Default)]
struct Gathered {
    normal: Vec<Bytes>,
    extra: Vec<Bytes>,
    extra_seen: bool,
    /// Something besides the command line was read: sections are then kept apart by `--`.
    sections: bool,
}

/// Order: `ERL_OTP25_FLAGS`, `ERL_AFLAGS`, the command line, `ERL_FLAGS`, `ERL_ZFLAGS`; an argument file where it is named.
fn gather_all(args: Vec<OsString>, places: &Places, world: &dyn World, all: &mut Gathered) -> Result<(), Failure> {
    let flags = |name: &str| world.var(name).map(|v| tokens(v.as_bytes(), false)).unwrap_or_default();
    for name in [format!("ERL_OTP{}_FLAGS", places.release), "ERL_AFLAGS".into()] {
        section(flags(&name), world, all, 0)?;
    }
    let mut line = Gathered::default();
    take(args.into_iter().map(OsString::into_vec).collect(), world, &mut line, 0)?;
    let mut after = Gathered::default();
    for name in ["ERL_FLAGS", "ERL_ZFLAGS"] {
        section(flags(name), world, &mut after, 0)?;
    }
    let sections = all.sections || line.sections || after.sections;
    all.normal.append(&mut line.normal);
    all.extra.append(&mut line.extra);
    all.extra_seen |= line.extra_seen | after.extra_seen;
    if sections {
        all.normal.push(b"--".to_vec());
    }
    all.normal.append(&mut after.normal);
    all.extra.append(&mut after.extra);
    Ok(())
}

fn section(args: Vec<Bytes>, world: &dyn World, all: &mut Gathered, depth: u32) -> Result<(), Failure> {
    if args.is_empty() {
        return Ok(());
    }
    // The closing mark goes where the section ended: behind its own `-extra` if it had one.
    let ended_in_extra = take(args, world, all, depth)?;
    if ended_in_extra {
        all.extra.push(b"--".to_vec())
    } else {
        all.normal.push(b"--".to_vec())
    }
    all.sections = true;
    Ok(())
}

/// A file that names itself is refused by us; the real program loops.
const DEPTH_MAX: u32 = 64;

/// Whether these arguments themselves (not a file among them) came to `-extra`.
fn take(args: Vec<Bytes>, world: &dyn World, all: &mut Gathered, depth: u32) -> Result<bool, Failure> {
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_slice() {
            b"-extra" => {
                all.extra_seen = true;
                all.extra.extend(args);
                return Ok(true);
            }
            b"-args_file" => {
                let Some(name) = args.next() else { return Err(missing("-args_file")) };
                let path = OsString::from_vec(name);
                if depth == DEPTH_MAX {
                    return Err(usage(format!("Argument file {path:?} is named by itself or nested more than {DEPTH_MAX} deep")));
                }
                let text = world.read(Path::new(&path)).map_err(|why| {
                    usage(format!("Failed to open arguments file \"{}\" at \"{}\": {why}", path.display(), world.current_dir()))
                })?;
                // Even an empty file counts as a section.
                all.sections = true;
                section(tokens(&text, true), world, all, depth + 1)?;
            }
            _ => all.normal.push(arg),
        }
    }
    Ok(false)
}

/// Words of a file or variable. Quotes of both kinds keep everything as it is; outside them a backslash takes the next
/// byte as it is; in files `#` starts a comment.
fn tokens(text: &[u8], comments: bool) -> Vec<Bytes> {
    let mut out = Vec::new();
    let mut word: Option<Bytes> = None;
    let mut rest = text.iter().copied();
    while let Some(c) = rest.next() {
        match c {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => out.extend(word.take()),
            b'#' if comments => {
                out.extend(word.take());
                rest.by_ref().find(|&c| c == b'\n');
            }
            b'\'' | b'"' => word.get_or_insert_default().extend(rest.by_ref().take_while(|&d| d != c)),
            b'\\' => word.get_or_insert_default().extend(rest.next()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

#[derive(Default)]
struct Classified {
    emulator: Vec<Bytes>,
    init: Vec<Bytes>,
    environment: Vec<(OsString, OsString)>,
    mode: Mode,
    detached: bool,
    named: bool,
    epmd_wanted: bool,
    ends_here: bool,
}

fn classify(args: Vec<Bytes>, release: u32) -> Result<Classified, Failure> {
    let mut out = Classified { epmd_wanted: true, ..Classified::default() };
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let text = String::from_utf8_lossy(&arg).into_owned();
        let mut value = || args.next().ok_or_else(|| missing(&text));
        match text.as_str() {
            "-env" => {
                let name = value()?;
                out.environment.push((OsString::from_vec(name), OsString::from_vec(value()?)));
            }
            "-detached" => {
                out.detached = true;
                out.init.extend([b"-noshell".to_vec(), b"-noinput".to_vec()]);
            }
            "-noinput" => out.init.extend([b"-noshell".to_vec(), arg]),
            "-compile" => {
                out.emulator.push(b"-B".to_vec());
                out.init.extend(["-noshell", "-noinput", "-s", "c", "lc_batch"].map(|s| s.as_bytes().to_vec()));
            }
            "-make" => {
                out.emulator.push(b"-B".to_vec());
                let make = ["-noshell", "-noinput", "-s", "make", "all_or_nothing", "-s", "erlang", "halt"];
                out.init.extend(make.map(|s| s.as_bytes().to_vec()));
                // What follows is for nobody, as in OTP.
                out.ends_here = true;
                break;
            }
            "-man" => {
                out.mode = Mode::Manual(args.by_ref().map(OsString::from_vec).collect());
                return Ok(out);
            }
            "-version" => out.emulator.push(b"-V".to_vec()),
            "-emu_args" => out.mode = Mode::PrintAndRun,
            "-emu_args_exit" => out.mode = Mode::Print,
            "-emu_qouted_cmd_exit" => out.mode = Mode::PrintQuoted,
            "-emu_name_exit" => out.mode = Mode::PrintName,
            "-name" | "-sname" => {
                out.named = true;
                let name = value()?;
                out.init.extend([arg, name]);
            }
            "-configfd" | "-emu_type" | "-emu_flavor" => {
                let given = value()?;
                // Then the standard input is no terminal.
                if text == "-configfd" && given == b"0" {
                    out.init.extend(["-noshell", "-noinput"].map(|s| s.as_bytes().to_vec()));
                }
                out.init.extend([arg, given]);
            }
            "-start_epmd" => {
                let given = value()?;
                out.epmd_wanted = match given.as_slice() {
                    b"true" => true,
                    b"false" => false,
                    _ => return Err(usage("Expected boolean argument for '-start_epmd'.".into())),
                };
                out.init.extend([arg, given]);
            }
            "+V" => out.emulator.push(b"-V".to_vec()),
            _ if arg.first() == Some(&b'+') => {
                let mut flag = arg.clone();
                flag[0] = b'-';
                let follows = flag_argument(&text, release)?;
                let takes = match follows {
                    Follows::Nothing => false,
                    Follows::Value => true,
                    Follows::Boolean => args.peek().is_some_and(|v| v == b"true" || v == b"false"),
                    Follows::BreakLetter => args.peek().is_some_and(|v| matches!(v.as_slice(), b"i" | b"c" | b"d")),
                };
                out.emulator.push(flag);
                if takes {
                    out.emulator.push(args.next().ok_or_else(|| missing(&text))?);
                }
            }
            _ => out.init.push(arg),
        }
    }
    Ok(out)
}

enum Follows {
    Nothing,
    Value,
    Boolean,
    BreakLetter,
}

/// Whether an emulator flag's value is the next argument. An attached value (`+S4`) is no matter of this program.
fn flag_argument(flag: &str, release: u32) -> Result<Follows, Failure> {
    let mut rest = flag[1..].chars();
    let Some(first) = rest.next() else { return Ok(Follows::Nothing) };
    let rest = rest.as_str();
    let value = |yes: bool| if yes { Follows::Value } else { Follows::Nothing };
    Ok(match first {
        'a' | 'A' | 'C' | 'e' | 'i' | 'n' | 'P' | 'Q' | 't' | 'T' | 'R' | 'W' | 'K' => value(rest.is_empty()),
        'J' | 'I' => Follows::Value,
        // An attached number (`+SDio3`) is the value.
        'S' => match ["Dcpu", "DPcpu", "Dio"].iter().find_map(|n| rest.strip_prefix(n)) {
            Some(attached) => value(attached.is_empty()),
            None => value(rest.is_empty() || rest == "P" || rest.starts_with('D')),
        },
        'c' if rest.is_empty() => Follows::Boolean,
        'B' => match rest {
            "" => Follows::BreakLetter,
            _ if rest.starts_with(['c', 'd', 'i']) => Follows::Nothing,
            _ => return Err(usage(format!("Missing argument(s) for '-B{rest}'."))),
        },
        'h' => value(rest.is_empty() || HEAP.contains(&rest) || (rest == "maxib" && release >= 27)),
        's' => value(SCHEDULING.contains(&rest)),
        'z' => value(MISC.contains(&rest)),
        'p' => value(rest == "c"),
        'r' => value(rest == "g"),
        'M' => value(allocator_flag_has_value(rest)),
        _ => Follows::Nothing,
    })
}

const HEAP: [&str; 7] = ["ms", "mbs", "max", "maxk", "maxel", "pds", "mqd"];
const SCHEDULING: [&str; 19] = [
    "bt", "bwt", "bwtdcpu", "bwtdio", "cl", "ct", "ecio", "fwi", "tbt", "wct", "wtdcpu", "wtdio", "wt", "ws", "ss", "ssdcpu",
    "ssdio", "pp", "ub",
];
const MISC: [&str; 4] = ["dbbl", "dntgc", "ebwt", "osrl"];

/// `+M<A><switch>`: `u` is all allocators, a capital one of them.
fn allocator_flag_has_value(flag: &str) -> bool {
    const EACH: [&str; 24] = [
        "acul", "acful", "acnl", "acfml", "as", "asbcst", "atags", "cp", "e", "lmbcs", "mbcgs", "mbsd", "mmbcs", "mmc", "mmmbc",
        "mmsbc", "msbclt", "ramv", "rmbcmt", "rsbcmt", "rsbcst", "sbct", "smbcs", "t",
    ];
    const OTHER: [&str; 16] = [
        "ea", "im", "is", "usac", "lpm", "Iscs", "Xscs", "Mmcs", "Mamcbf", "Mrmcbf", "Mscs", "Msco", "Mscrpm", "Mscrfsd", "Ye",
        "Ytt",
    ];
    let mut letters = flag.chars();
    match letters.next() {
        _ if OTHER.contains(&flag) || flag == "Ym" => true,
        Some('u' | 'B' | 'D' | 'E' | 'F' | 'H' | 'I' | 'L' | 'R' | 'S' | 'T' | 'Z') => EACH.contains(&letters.as_str()),
        _ => false,
    }
}

fn missing(flag: &str) -> Failure {
    usage(format!("Missing argument(s) for '{flag}'."))
}

/// OTP prints its usage below such a message; we say where ours is.
fn usage(message: String) -> Failure {
    Failure::new(format!("{message}\nerl: `ferrobeam erl --help` lists the flags"))
}

/// The vector as `-emu_qouted_cmd_exit` prints it.
pub fn quoted(program: &OsStr, argv: &[OsString]) -> Bytes {
    let mut out = Vec::new();
    for arg in std::iter::once(program).chain(argv.iter().map(OsString::as_os_str)) {
        out.push(b'"');
        out.extend(arg.as_bytes());
        out.extend(b"\" ");
    }
    out
}
