//! The emulator's own flags (`-S 4:4`, `-P 100000`, ...: `erlexec` has turned `+` into `-`) into a [`Config`].
//! Messages and exit codes are those of ERTS; a flag that it would not know is answered with the near ones.
//! `tests/flags.tsv` holds what the real emulator answers.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use vm::config::*;

use crate::Failure;
use crate::similar::hint;

/// What the flags ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// `-V`.
    Version,
    Run(Box<Config>),
}

/// All flags, for near names and `erl --help`: flag, value, what it does.
pub const FLAGS: &[(&str, &str, &str)] = &[
    ("+a", "KWORDS", "stack size of the threads of the async pool, 16 to 8192"),
    ("+A", "N", "threads in the async pool, 1 to 1024"),
    ("+B", "[c|d|i]", "Ctrl-C: c interrupts the shell, d or nothing ends the program, i does nothing"),
    ("+c", "[true|false]", "time correction"),
    ("+C", "MODE", "no_time_warp, single_time_warp or multi_time_warp"),
    ("+d", "", "no crash dump for internal errors"),
    ("+dcg", "N", "groups of decentralized counters (accepted, without effect)"),
    ("+e", "N", "number of ETS tables (a hint)"),
    ("+fnl", "", "file names are Latin-1"),
    ("+fnu", "[w|i|e]", "file names are UTF-8; bad ones: warn, ignore, error"),
    ("+fna", "[w|i|e]", "file names are as the locale says"),
    ("+hms", "WORDS", "initial heap of a process"),
    ("+hmbs", "WORDS", "initial virtual binary heap of a process"),
    ("+hmax", "WORDS", "largest heap of a process, 0 = no limit"),
    ("+hmaxk", "BOOL", "kill a process that outgrows it"),
    ("+hmaxel", "BOOL", "log a process that outgrows it"),
    ("+hmaxib", "BOOL", "count shared binaries as well (OTP 27 on)"),
    ("+hpds", "N", "initial size of the process dictionary"),
    ("+hmqd", "WHERE", "message queues: on_heap or off_heap"),
    ("+i", "MODULE", "whose boot/1 is run (init)"),
    ("+IOt", "N", "polling threads"),
    ("+IOp", "N", "poll sets"),
    ("+IOPt", "PERCENT", "polling threads, of the schedulers"),
    ("+IOPp", "PERCENT", "poll sets, of the polling threads"),
    ("+IOs", "BOOL", "schedulers poll too"),
    ("+JPperf", "BOOL", "support for Linux' perf"),
    ("+JDdump", "BOOL", "dump generated code"),
    ("+JIT", "MODE", "machine code for hot functions: on, off, or eager (for all)"),
    ("+JMsingle", "BOOL", "one mapping for machine code (OTP 26 on)"),
    ("+K", "BOOL", "accepted, without effect"),
    ("+l", "", "show each module as it is loaded"),
    ("+L", "", "keep no line numbers"),
    ("+M", "..", "allocator settings: accepted, without effect"),
    ("+n", "s|a|d", "signals to ports (accepted, without effect)"),
    ("+pc", "latin1|unicode", "which characters are printable"),
    ("+P", "N", "number of processes, 1024 to 134217727"),
    ("+Q", "N", "number of ports, 1024 to 134217727"),
    ("+r", "", "accepted, without effect"),
    ("+rg", "N", "reader groups (accepted, without effect)"),
    ("+R", "RELEASE", "compatibility release"),
    ("+sbt", "TYPE", "bind schedulers to cores: u ns ts ps s nnts nnps tnnps db"),
    ("+sbwt", "HOW", "busy wait: none very_short short medium long very_long"),
    ("+sbwtdcpu", "HOW", "the same, dirty CPU schedulers"),
    ("+sbwtdio", "HOW", "the same, dirty I/O schedulers"),
    ("+scl", "BOOL", "gather load on few schedulers"),
    ("+sct", "TOPOLOGY", "CPU topology (accepted, without effect)"),
    ("+secio", "BOOL", "eager check of I/O (accepted, without effect)"),
    ("+sfwi", "MS", "forced wake-up interval"),
    ("+spp", "BOOL", "port parallelism"),
    ("+sss", "KWORDS", "stack size of schedulers, 20 to 8192"),
    ("+sssdcpu", "KWORDS", "stack size of dirty CPU schedulers"),
    ("+sssdio", "KWORDS", "stack size of dirty I/O schedulers"),
    ("+ssrct", "", "do not read the CPU topology"),
    ("+stbt", "TYPE", "as +sbt, no complaint if it cannot be"),
    ("+sub", "BOOL", "balance by utilization"),
    ("+swct", "HOW", "wake cleanup: very_lazy lazy medium eager very_eager"),
    ("+sws", "default|legacy", "wake-up strategy"),
    ("+swt", "HOW", "wake-up threshold: very_low low medium high very_high"),
    ("+swtdcpu", "HOW", "the same, dirty CPU schedulers"),
    ("+swtdio", "HOW", "the same, dirty I/O schedulers"),
    ("+S", "N[:ONLINE]", "scheduler threads"),
    ("+SP", "P[:P]", "the same in percent of the cores"),
    ("+SDcpu", "N[:ONLINE]", "dirty CPU scheduler threads"),
    ("+SDPcpu", "P[:P]", "the same in percent of the cores"),
    ("+SDio", "N", "dirty I/O scheduler threads"),
    ("+t", "N", "number of atoms, 8192 to 2147483647"),
    ("+T", "LEVEL", "modified timing, 0 to 9"),
    ("+v", "", "accepted, without effect"),
    ("+V", "", "print the version"),
    ("+W", "w|i|e", "warnings are reported as warnings, info or errors"),
    ("+zdbbl", "KB", "when a distribution channel is busy, 1 to 2097151"),
    ("+zdntgc", "SECONDS", "delay before a node's entry is collected, or infinity"),
    ("+zebwt", "HOW", "busy wait of ETS locks (accepted, without effect)"),
    ("+zosrl", "N", "outstanding system requests (accepted, without effect)"),
];

/// Reads flags up to `--`; all after it becomes `init_args`. `base` carries where the libraries are and the defaults.
pub fn parse(argv: &[OsString], base: Config, cores: u32) -> Result<Start, Failure> {
    let mut reader = Reader { argv, at: 0, config: base, cores: cores.max(1), counts: Counts::default() };
    while let Some(arg) = reader.argv.get(reader.at) {
        reader.at += 1;
        let text = arg.to_string_lossy().into_owned();
        if text == "--" {
            break;
        }
        let Some(flag) = text.strip_prefix('-') else { return Err(not_a_flag(&text)) };
        if flag.starts_with('V') {
            return Ok(Start::Version);
        }
        reader.flag(flag)?;
    }
    let init = &argv[reader.at..];
    let mut config = reader.finish()?;
    config.init_args = init.iter().map(|a| a.clone().into_vec()).collect();
    Ok(Start::Run(Box::new(config)))
}

/// The variables that set defaults: a flag overrides them.
pub fn read_environment(config: &mut Config, var: &dyn Fn(&str) -> Option<OsString>) {
    let count = |name: &str| var(name).and_then(|v| v.to_str().and_then(number)).filter(|&n| n > 0);
    if let Some(n) = count("ERL_MAX_PORTS") {
        config.limits.ports = (n.clamp(1024, 134_217_727) as u32).next_power_of_two();
    }
    if let Some(n) = count("ERL_MAX_ETS_TABLES") {
        config.limits.ets_tables = (n.min(1 << 28) as u32).max(8192);
    }
    if let Some(n) = var("ERL_FULLSWEEP_AFTER").and_then(|v| v.to_str().and_then(number)) {
        config.process.fullsweep_after = n.clamp(0, 65_535) as u32;
    }
    if let Some(mode) = var("FERROBEAM_JIT").and_then(|v| v.to_str().and_then(vm::config::MachineCode::named)) {
        config.jit.mode = mode;
    }
    let keeps = var("FERROBEAM_CODE_CACHE");
    config.jit.cache = crate::shims::cache_dir_of(var).filter(|_| keeps.as_ref().is_none_or(|k| k != "off")).map(|dir| dir.join("code"));
    config.jit.verify_cache = keeps.is_some_and(|k| k == "verify");
    for word in var("FERROBEAM_TORTURE").unwrap_or_default().to_string_lossy().split(',') {
        match word {
            "gc" => config.torture.collect_always = true,
            "yield" => config.torture.yield_always = true,
            "heap" => config.torture.check_heaps = true,
            _ => {}
        }
    }
}

/// The largest table of processes or ports.
const TABLE_MAX: u32 = 134_217_727;

struct Reader<'a> {
    argv: &'a [OsString],
    at: usize,
    config: Config,
    cores: u32,
    counts: Counts,
}

/// `+S` and relatives, raw: they depend on each other, so that they are worked out at the end.
#[derive(Default)]
struct Counts {
    total: Option<u32>,
    online: Option<u32>,
    dirty: Option<u32>,
    dirty_online: Option<u32>,
    /// `+SP`.
    percent: Option<(Option<i64>, Option<i64>)>,
}

impl Reader<'_> {
    /// The value: attached to the flag, else the next argument whatever it is.
    fn value(&mut self, attached: &str, flag: &str) -> Result<String, Failure> {
        if !attached.is_empty() {
            return Ok(attached.to_string());
        }
        let next = self.argv.get(self.at).ok_or_else(|| bad(format!("missing value for +{flag}")))?;
        self.at += 1;
        Ok(next.to_string_lossy().into_owned())
    }

    fn flag(&mut self, flag: &str) -> Result<(), Failure> {
        let (first, rest) = flag.split_at(flag.chars().next().map_or(0, char::len_utf8));
        match first {
            "a" => {
                let v = self.value(rest, first)?;
                let size = number(&v).filter(|n| (16..=8192).contains(n));
                self.config.schedulers.stack_kilowords.async_pool =
                    Some(size.ok_or_else(|| bad(format!("bad stack size for async threads {v}")))? as u32);
            }
            "A" => {
                let v = self.value(rest, first)?;
                let n = leading_number(&v);
                if !(0..=1024).contains(&n) {
                    return Err(bad(format!("bad number of async threads {v}")));
                }
                self.config.schedulers.async_threads = (n as u32).max(1);
            }
            "B" => {
                self.config.break_key = match rest.chars().next() {
                    Some('i') => BreakKey::Ignored,
                    Some('c') => BreakKey::Interrupt,
                    _ => match self.peek() {
                        Some("i") => (self.at += 1, BreakKey::Ignored).1,
                        Some("c") => (self.at += 1, BreakKey::Interrupt).1,
                        Some("d") => (self.at += 1, BreakKey::Disabled).1,
                        _ => BreakKey::Disabled,
                    },
                };
            }
            "c" => {
                self.config.time.correction = match rest {
                    "false" => false,
                    "true" => true,
                    _ => match self.peek() {
                        Some("false") => (self.at += 1, false).1,
                        Some("true") => (self.at += 1, true).1,
                        _ => false,
                    },
                };
            }
            "C" => {
                let v = self.value(rest, first)?;
                self.config.time.warp = match v.as_str() {
                    "no_time_warp" => TimeWarp::None,
                    "single_time_warp" => TimeWarp::Single,
                    "multi_time_warp" => TimeWarp::Multi,
                    _ => return Err(bad(format!("Invalid time warp mode: {v}"))),
                };
            }
            "d" if rest.is_empty() => self.config.crash_dump.not_for_internal_errors = true,
            "d" if rest.starts_with("cg") => {
                let v = self.value(&rest[2..], "dcg")?;
                if number(&v).is_none_or(|n| n < 1) {
                    return Err(bad(format!("bad decentralized counter groups limit: {v}")));
                }
            }
            "e" => {
                let v = self.value(rest, first)?;
                let n = leading_number(&v);
                if n < 0 {
                    return Err(bad(format!("bad maximum number of ets tables {v}")));
                }
                self.config.limits.ets_tables = (n.min(1 << 28) as u32).max(8192);
            }
            "f" if rest.starts_with('n') => self.file_names(&rest[1..])?,
            "h" => self.heap(rest)?,
            "i" => self.config.boot_module = self.value(rest, first)?,
            "I" => self.poll(rest)?,
            "J" => self.jit(rest)?,
            "K" => drop(self.value(rest, first)?),
            "l" => self.config.show_loading = true,
            "L" => self.config.no_line_numbers = true,
            "M" => self.allocator(rest)?,
            "n" => {
                let v = self.value(rest, first)?;
                if !matches!(v.as_bytes().first(), Some(b's' | b'a' | b'd')) {
                    return Err(bad(format!("bad -n option {v}")));
                }
            }
            "p" if rest.starts_with('c') => {
                let v = self.value(&rest[1..], "pc")?;
                self.config.text.printable_unicode = match v.as_str() {
                    "unicode" => true,
                    "latin1" => false,
                    _ => return Err(bad(format!("bad range of printable characters: {v}"))),
                };
            }
            "P" => self.config.limits.processes = self.table(rest, "P", "processes")?.unwrap_or(self.config.limits.processes),
            "Q" => self.config.limits.ports = self.table(rest, "Q", "ports")?.unwrap_or(self.config.limits.ports),
            "r" if rest.starts_with('g') => {
                let v = self.value(&rest[1..], "rg")?;
                number(&v).ok_or_else(|| bad(format!("bad reader groups limit: {v}")))?;
            }
            "r" => {}
            "R" => {
                let v = self.value(rest, first)?;
                let n = leading_number(&v);
                let this = i64::from(self.config.otp.release_number());
                if !(this - 2..=this).contains(&n) && this > 0 {
                    return Err(bad(format!("bad compatibility release number {v}")));
                }
                self.config.compat_release = Some(n as u32);
            }
            "s" => self.scheduling(rest)?,
            "S" => self.schedulers(rest)?,
            "t" => {
                let v = self.value(rest, first)?;
                let n = number(&v).filter(|n| (8192..=2_147_483_647).contains(n));
                self.config.limits.atoms = n.ok_or_else(|| bad(format!("bad atom table size {v}")))? as u32;
            }
            "T" => {
                let v = self.value(rest, first)?;
                let n = leading_number(&v);
                if !(0..=9).contains(&n) {
                    return Err(bad(format!("bad modified timing level {v}")));
                }
                self.config.modified_timing = Some(n as u8);
            }
            "v" => {}
            "W" => {
                let v = self.value(rest, first)?;
                self.config.text.warnings = match v.as_bytes().first() {
                    Some(b'e') => Warnings::Error,
                    Some(b'i') => Warnings::Info,
                    Some(b'w') => Warnings::Warning,
                    _ => return Err(bad(format!("unrecognized warning_map option {v}"))),
                };
            }
            "z" => self.misc(rest)?,
            _ => return Err(unknown(flag)),
        }
        Ok(())
    }

    fn peek(&self) -> Option<&str> {
        self.argv.get(self.at).and_then(|v| v.to_str())
    }

    /// `+P`, `+Q`: rounded up to a power of two; `legacy` is the default size.
    fn table(&mut self, rest: &str, flag: &str, what: &str) -> Result<Option<u32>, Failure> {
        let v = self.value(rest, flag)?;
        if v == "legacy" {
            return Ok(None);
        }
        let n = number(&v).filter(|n| (1024..=134_217_727).contains(n));
        Ok(Some((n.ok_or_else(|| bad(format!("bad number of {what} {v}")))? as u32).next_power_of_two().min(TABLE_MAX)))
    }

    fn file_names(&mut self, rest: &str) -> Result<(), Failure> {
        let v = self.value(rest, "fn")?;
        let mut letters = v.chars();
        self.config.text.filenames = match letters.next() {
            Some('l') => FilenameEncoding::Latin1,
            Some('u') => FilenameEncoding::Utf8,
            Some('a') => FilenameEncoding::Locale,
            _ => return Err(bad(format!("bad filename encoding {v}, can be (l,u or a, optionally followed by w, i or e)"))),
        };
        self.config.text.bad_filenames = match letters.next() {
            None | Some('w') => BadFilenames::Warn,
            Some('i') => BadFilenames::Ignore,
            Some('e') => BadFilenames::Error,
            Some(c) => return Err(bad(format!("bad type of warnings for wrongly coded filename: {c}"))),
        };
        Ok(())
    }

    fn heap(&mut self, rest: &str) -> Result<(), Failure> {
        let p = |rest: &str, name: &str| rest.strip_prefix(name).map(str::to_string);
        if let Some(attached) = p(rest, "mbs") {
            let v = self.value(&attached, "hmbs")?;
            self.config.process.min_bin_vheap_words = positive(&v).ok_or_else(|| bad(format!("bad heap size {v}")))?;
        } else if let Some(attached) = p(rest, "ms") {
            let v = self.value(&attached, "hms")?;
            self.config.process.min_heap_words = positive(&v).ok_or_else(|| bad(format!("bad heap size {v}")))?;
        } else if let Some(attached) = p(rest, "mqd") {
            let v = self.value(&attached, "hmqd")?;
            self.config.process.off_heap_messages = match v.as_str() {
                "on_heap" => false,
                "off_heap" => true,
                _ => return Err(bad(format!("Invalid message_queue_data flag: {v}"))),
            };
        } else if let Some(attached) = p(rest, "pds") {
            let v = self.value(&attached, "hpds")?;
            self.config.process.dictionary_size =
                positive(&v).ok_or_else(|| bad(format!("bad initial process dictionary size {v}")))?;
        } else if let Some(attached) = p(rest, "maxel") {
            let v = self.value(&attached, "hmaxel")?;
            self.config.process.max_heap_log = boolean(&v).ok_or_else(|| bad(format!("bad max heap error logger {v}")))?;
        } else if let Some(attached) = p(rest, "maxib").filter(|_| self.config.otp.release_number() != 25) {
            let v = self.value(&attached, "hmaxib")?;
            self.config.process.max_heap_include_binaries =
                boolean(&v).ok_or_else(|| bad(format!("bad max heap include shared binaries {v}")))?;
        } else if let Some(attached) = p(rest, "maxk") {
            let v = self.value(&attached, "hmaxk")?;
            self.config.process.max_heap_kill = boolean(&v).ok_or_else(|| bad(format!("bad max heap kill {v}")))?;
        } else if let Some(attached) = p(rest, "max") {
            let v = self.value(&attached, "hmax")?;
            let n = number(&v).filter(|&n| n >= 0);
            self.config.process.max_heap_words = n.ok_or_else(|| bad(format!("bad max heap size {v}")))? as u64;
        } else {
            // `+h WORDS` is `+hms WORDS` of old.
            let v = self.value(rest, "h")?;
            self.config.process.min_heap_words = positive(&v).ok_or_else(|| bad(format!("bad heap size {v}")))?;
        }
        Ok(())
    }

    fn poll(&mut self, rest: &str) -> Result<(), Failure> {
        let count = |v: &str, what: &str| -> Result<u32, Failure> {
            number(v)
                .filter(|n| (1..=1024).contains(n))
                .map(|n| n as u32)
                .ok_or_else(|| bad(format!("bad I/O {what} number: {v}")))
        };
        if let Some(a) = rest.strip_prefix("OPt") {
            let v = self.value(a, "IOPt")?;
            self.config.poll.threads_percent = Some(count(&v, "poll thread percentage")?);
        } else if let Some(a) = rest.strip_prefix("OPp") {
            let v = self.value(a, "IOPp")?;
            self.config.poll.sets_percent = Some(count(&v, "pollset percentage")?);
        } else if let Some(a) = rest.strip_prefix("Ot") {
            let v = self.value(a, "IOt")?;
            self.config.poll.threads = Some(count(&v, "poll threads")?);
        } else if let Some(a) = rest.strip_prefix("Op") {
            let v = self.value(a, "IOp")?;
            self.config.poll.sets = Some(count(&v, "pollset")?);
        } else if let Some(a) = rest.strip_prefix("Os") {
            let v = self.value(a, "IOs")?;
            self.config.poll.scheduler_thread = Some(boolean(&v).ok_or_else(|| bad(format!("bad +IOs boolean argument: {v}")))?);
        } else {
            return Err(unknown(&format!("I{rest}")));
        }
        Ok(())
    }

    fn jit(&mut self, rest: &str) -> Result<(), Failure> {
        if let Some(a) = rest.strip_prefix("IT") {
            let v = self.value(a, "JIT")?;
            self.config.jit.mode = vm::config::MachineCode::named(&v).ok_or_else(|| bad(format!("bad +JIT flag {v}")))?;
        } else if let Some(a) = rest.strip_prefix("Pperf") {
            let v = self.value(a, "JPperf")?;
            let known = matches!(v.as_str(), "true" | "false" | "map" | "dump" | "fp" | "no_fp");
            self.config.jit.perf = Some(v.clone()).filter(|_| known && v != "false");
            if !known {
                return Err(bad(format!("bad +JPperf support flag {v}")));
            }
        } else if let Some(a) = rest.strip_prefix("Ddump") {
            let v = self.value(a, "JDdump")?;
            self.config.jit.dump = boolean(&v).ok_or_else(|| bad(format!("bad +JDdump flag {v}")))?;
        } else if let Some(a) = rest.strip_prefix("Msingle").filter(|_| self.config.otp.release_number() != 25) {
            let v = self.value(a, "JMsingle")?;
            self.config.jit.single_map = Some(boolean(&v).ok_or_else(|| bad(format!("bad +JMsingle flag {v}")))?);
        } else {
            return Err(bad(format!("invalid JIT option -J{rest}")));
        }
        Ok(())
    }

    /// Allocators are ours; the settings are only remembered. Shapes are checked as far as a typing error goes.
    fn allocator(&mut self, rest: &str) -> Result<(), Failure> {
        if !rest.starts_with(['e', 'i', 'u', 'l', 'B', 'D', 'E', 'F', 'H', 'I', 'L', 'M', 'R', 'S', 'T', 'X', 'Y', 'Z']) {
            return Err(bad("bad \"M\" parameter".to_string()));
        }
        let next = self.argv.get(self.at).and_then(|v| v.to_str()).filter(|v| !v.starts_with('-'));
        let value = next.map(str::to_string);
        self.at += usize::from(value.is_some());
        self.config.allocator_flags.push((format!("M{rest}"), value));
        Ok(())
    }

    fn scheduling(&mut self, rest: &str) -> Result<(), Failure> {
        // Longest names first: `wtdcpu` before `wt`.
        const NAMES: [&str; 20] = [
            "bwtdcpu", "bwtdio", "wtdcpu", "wtdio", "ssdcpu", "ssdio", "ecio", "srct", "bwt", "fwi", "tbt", "wct", "bt", "cl",
            "ct", "pp", "ss", "ub", "ws", "wt",
        ];
        let Some(name) = NAMES.into_iter().find(|n| rest.starts_with(n)) else {
            return Err(bad(format!("bad scheduling option -s{rest}{}", hint(&format!("+s{rest}"), &flag_names(), "flags"))));
        };
        if name == "srct" {
            return Ok(());
        }
        let v = self.value(&rest[name.len()..], &format!("s{name}"))?;
        let s = &mut self.config.schedulers;
        let stack = |v: &str, what: &str| -> Result<Option<u32>, Failure> {
            let n = number(v).filter(|n| (20..=8192).contains(n));
            Ok(Some(n.ok_or_else(|| bad(format!("bad stack size for {what}scheduler threads {v}")))? as u32))
        };
        match name {
            "bt" | "tbt" => {
                s.bind = bind_type(&v).ok_or_else(|| bad(format!("setting scheduler bind type '{v}' failed: invalid type")))?;
            }
            "bwt" | "bwtdcpu" | "bwtdio" => {
                let (i, what) = pool(name, "bwt");
                s.busy_wait[i] = busy_wait(&v).ok_or_else(|| bad(format!("bad {what}scheduler busy wait threshold: {v}")))?;
            }
            "wt" | "wtdcpu" | "wtdio" => {
                let (i, what) = pool(name, "wt");
                s.wakeup_threshold[i] = wakeup(&v).ok_or_else(|| bad(format!("{what}scheduler wakeup threshold: {v}")))?;
            }
            "cl" => {
                s.compaction_of_load = boolean(&v).ok_or_else(|| bad(format!("bad scheduler compact load value '{v}'")))?;
            }
            "ub" => {
                s.utilization_balancing =
                    boolean(&v).ok_or_else(|| bad(format!("bad scheduler utilization balancing  value '{v}'")))?;
            }
            "ws" => {
                s.wakeup_legacy = match v.as_str() {
                    "default" => false,
                    "legacy" => true,
                    _ => return Err(bad(format!("scheduler wakeup strategy: {v}"))),
                };
            }
            "wct" => {
                if !matches!(v.as_str(), "very_lazy" | "lazy" | "medium" | "eager" | "very_eager") {
                    return Err(bad(format!("scheduler wake cleanup threshold: {v}")));
                }
            }
            "fwi" => s.forced_wakeup_interval_ms = leading_number(&v).clamp(0, 1 << 30) as u32,
            "ss" => s.stack_kilowords.normal = stack(&v, "")?,
            "ssdcpu" => s.stack_kilowords.dirty_cpu = stack(&v, "dirty CPU ")?,
            "ssdio" => s.stack_kilowords.dirty_io = stack(&v, "dirty IO ")?,
            "pp" => {
                boolean(&v).ok_or_else(|| bad(format!("bad port parallelism scheduling hint {v}")))?;
            }
            "ct" if !v.starts_with('L') => return Err(bad(format!("bad cpu topology '{v}': invalid identifier type"))),
            _ => {}
        }
        Ok(())
    }

    fn schedulers(&mut self, rest: &str) -> Result<(), Failure> {
        let cores = self.cores;
        if let Some(a) = rest.strip_prefix("DPcpu") {
            let v = self.value(a, "SDPcpu")?;
            let (p, q) = pair(&v, "dirty CPU schedulers percentage")?;
            self.counts.dirty = p.map(|p| percent(p, cores));
            self.counts.dirty_online = q.map(|q| percent(q, cores));
        } else if let Some(a) = rest.strip_prefix("Dcpu") {
            let v = self.value(a, "SDcpu")?;
            let (n, m) = self.amounts(&v, "dirty CPU schedulers")?;
            (self.counts.dirty, self.counts.dirty_online) = (n, m);
        } else if let Some(a) = rest.strip_prefix("Dio") {
            let v = self.value(a, "SDio")?;
            let n = number(&v).filter(|n| (1..=1024).contains(n));
            self.config.schedulers.dirty_io = n.ok_or_else(|| bad(format!("bad number of dirty I/O schedulers {v}")))? as u32;
        } else if let Some(a) = rest.strip_prefix('P') {
            let v = self.value(a, "SP")?;
            let (p, q) = pair(&v, "schedulers percentage")?;
            self.counts.percent = Some((p, q));
        } else {
            let v = self.value(rest, "S")?;
            let (n, m) = self.amounts(&v, "schedulers")?;
            (self.counts.total, self.counts.online) = (n, m);
        }
        Ok(())
    }

    /// `N:M`; 0 is the default, a negative number is counted from it.
    fn amounts(&self, v: &str, what: &str) -> Result<(Option<u32>, Option<u32>), Failure> {
        let cores = i64::from(self.cores);
        let one = |text: &str, what: &str| -> Result<Option<u32>, Failure> {
            if text.is_empty() {
                return Ok(None);
            }
            let n = leading_number(text);
            let n = if n <= 0 && text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { cores + n } else { n };
            match n {
                1..=1024 => Ok(Some(n as u32)),
                _ => Err(bad(format!("bad amount of {what} {text}"))),
            }
        };
        let (n, m) = v.split_once(':').unwrap_or((v, ""));
        let total = one(n, what)?;
        // An online part that is no number at all counts as absent.
        let online = one(m, &format!("{what} online")).or_else(|e| if leading_number(m) == 0 { Ok(None) } else { Err(e) })?;
        if let Some(online) = online.filter(|&o| o > total.unwrap_or(self.cores)) {
            let total = total.unwrap_or(self.cores);
            return Err(bad(format!("bad amount of {what} online {online} (total amount of {what} {total})")));
        }
        Ok((total, online))
    }

    fn misc(&mut self, rest: &str) -> Result<(), Failure> {
        if let Some(a) = rest.strip_prefix("dbbl") {
            let v = self.value(a, "zdbbl")?;
            let n = leading_number(&v);
            if !(1..=2_097_151).contains(&n) {
                return Err(bad(format!("Invalid dbbl limit: {n}")));
            }
            self.config.dist_buffer_busy_limit = n as u64 * 1024;
        } else if let Some(a) = rest.strip_prefix("dntgc") {
            let v = self.value(a, "zdntgc")?;
            self.config.node_table_gc_delay_s = match number(&v) {
                _ if v == "infinity" => None,
                Some(n) if (0..=100_000_000).contains(&n) => Some(n as u32),
                _ => return Err(bad(format!("Invalid delayed node table gc: {v}"))),
            };
        } else if let Some(a) = rest.strip_prefix("osrl") {
            let v = self.value(a, "zosrl")?;
            number(&v)
                .filter(|n| (1..=134_217_727).contains(n))
                .ok_or_else(|| bad(format!("Invalid outstanding requests limit {v}")))?;
        } else if let Some(a) = rest.strip_prefix("ebwt") {
            let v = self.value(a, "zebwt")?;
            busy_wait(&v).ok_or_else(|| bad(format!("Invalid ets busy wait threshold: {v}")))?;
        } else {
            return Err(bad(format!("bad -z option -z{rest}{}", hint(&format!("+z{rest}"), &flag_names(), "flags"))));
        }
        Ok(())
    }

    fn finish(self) -> Result<Config, Failure> {
        let (mut config, c) = (self.config, self.counts);
        let s = &mut config.schedulers;
        s.total = c.total.unwrap_or(self.cores);
        // Without a word about it no more schedulers are online than there are cores.
        s.online = c.online.unwrap_or(s.total.min(self.cores)).min(s.total);
        if let Some((total, online)) = c.percent {
            s.total = percent(total.unwrap_or(100), s.total);
            s.online = percent(online.or(total.map(|p| p.min(100))).unwrap_or(100), s.online).min(s.total);
        }
        s.dirty_cpu = c.dirty.unwrap_or(s.total.min(self.cores)).clamp(1, s.total);
        s.dirty_cpu_online = c.dirty_online.unwrap_or(s.dirty_cpu).clamp(1, s.dirty_cpu.min(s.online));
        Ok(config)
    }
}

fn pair(v: &str, what: &str) -> Result<(Option<i64>, Option<i64>), Failure> {
    let (p, q) = v.split_once(':').unwrap_or((v, ""));
    let one = |t: &str| match t {
        "" => Ok(None),
        _ => number(t).filter(|&n| n >= 0).map(Some).ok_or_else(|| bad(format!("bad {what} specifier {v}"))),
    };
    Ok((one(p)?, one(q)?))
}

/// Never nothing.
fn percent(p: i64, of: u32) -> u32 {
    (i64::from(of) * p / 100).clamp(1, 1024) as u32
}

fn pool(name: &str, stem: &str) -> (usize, &'static str) {
    match &name[stem.len()..] {
        "dcpu" => (1, "dirty CPU "),
        "dio" => (2, "dirty IO "),
        _ => (0, ""),
    }
}

fn bind_type(v: &str) -> Option<BindType> {
    Some(match v {
        "u" => BindType::Unbound,
        "ns" => BindType::NoSpread,
        "ts" => BindType::ThreadSpread,
        "ps" => BindType::ProcessorSpread,
        "s" => BindType::Spread,
        "nnts" => BindType::NoNodeThreadSpread,
        "nnps" => BindType::NoNodeProcessorSpread,
        "tnnps" | "db" => BindType::ThreadNoNodeProcessorSpread,
        _ => return None,
    })
}

fn busy_wait(v: &str) -> Option<BusyWait> {
    Some(match v {
        "none" => BusyWait::None,
        "very_short" => BusyWait::VeryShort,
        "short" => BusyWait::Short,
        "medium" => BusyWait::Medium,
        "long" => BusyWait::Long,
        "very_long" => BusyWait::VeryLong,
        _ => return None,
    })
}

fn wakeup(v: &str) -> Option<WakeupThreshold> {
    Some(match v {
        "very_low" => WakeupThreshold::VeryLow,
        "low" => WakeupThreshold::Low,
        "medium" => WakeupThreshold::Medium,
        "high" => WakeupThreshold::High,
        "very_high" => WakeupThreshold::VeryHigh,
        _ => return None,
    })
}

fn boolean(v: &str) -> Option<bool> {
    match v {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The whole text is a number.
fn number(v: &str) -> Option<i64> {
    v.parse().ok()
}

fn positive(v: &str) -> Option<u64> {
    v.parse().ok().filter(|&n| n > 0)
}

/// As C's `atoi`: what there is of a number at the beginning, else 0.
fn leading_number(v: &str) -> i64 {
    let digits = v.len() - v.trim_start_matches(['-', '+']).len();
    let end = v[digits..].find(|c: char| !c.is_ascii_digit()).map_or(v.len(), |n| digits + n);
    v[..end].parse().unwrap_or(0)
}

fn flag_names() -> Vec<&'static str> {
    FLAGS.iter().map(|f| f.0).collect()
}

fn bad(message: String) -> Failure {
    Failure::new(format!("{message}\nerl: `ferrobeam erl --help` lists the flags"))
}

fn unknown(flag: &str) -> Failure {
    Failure::new(format!("erl: unknown flag +{flag}{}", hint(&format!("+{flag}"), &flag_names(), "flags")))
}

fn not_a_flag(text: &str) -> Failure {
    bad(format!("{text} is no emulator flag: those begin with `-` here, and end at `--`"))
}
