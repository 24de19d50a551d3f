//! What a node needs to know before it starts: plain data, made by `cli` from a command line or by an embedding program.
//! Nothing here touches the system: no environment is read, no file opened, no default depends on the machine
//! (whoever fills it counts the cores). Field names follow the emulator's flags; `Default` is `erl` without any flag.

use std::ffi::OsString;
use std::path::PathBuf;

/// Everything that `vm::start` gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which libraries are run.
    pub otp: Otp,
    /// `erl_init:start/2`'s second argument: all that follows the emulator's own flags, one binary each.
    pub init_args: Vec<Vec<u8>>,
    /// The node's own environment: `os:putenv/2` changes this copy, programs that it starts get it.
    pub environment: Vec<(OsString, OsString)>,
    /// `+i Module`: whose `boot/1` runs in the first process.
    pub boot_module: String,
    /// Scheduler threads, dirty pools and how they behave.
    pub schedulers: Schedulers,
    /// Sizes of the node's tables.
    pub limits: Limits,
    /// What a new process starts with.
    pub process: ProcessDefaults,
    /// Clock correction.
    pub time: Time,
    /// Names of files, printable characters, warnings.
    pub text: Text,
    /// `+B..`: what Ctrl-C does.
    pub break_key: BreakKey,
    /// The crash dump: what for.
    pub crash_dump: CrashDump,
    /// `+zdbbl`, in bytes: a distribution channel is busy from here on.
    pub dist_buffer_busy_limit: u64,
    /// `+zdntgc`, in seconds; `None` = `infinity`.
    pub node_table_gc_delay_s: Option<u32>,
    /// `+R`: compatibility release.
    pub compat_release: Option<u32>,
    /// `+T`: 0 to 9.
    pub modified_timing: Option<u8>,
    /// `+l`: tell of each module that is loaded.
    pub show_loading: bool,
    /// `+L`: keep no line numbers.
    pub no_line_numbers: bool,
    /// `+IOt`, `+IOp`: polling threads and poll sets, as asked for.
    pub poll: Poll,
    /// `+JPperf`, `+JDdump`, `+JMsingle`.
    pub jit: Jit,
    /// `+M..` as typed (flag without its sign, value): answered by `system_info({allocator, _})`, nothing else.
    pub allocator_flags: Vec<(String, Option<String>)>,
    /// Our own: hostile ways to run (collect at every allocation, ...).
    pub torture: Torture,
}

/// A set of libraries on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Otp {
    /// `code:root_dir()`.
    pub root: PathBuf,
    /// Where the programs lie that the libraries start (`inet_gethost`, `epmd`).
    pub bindir: PathBuf,
    /// `-progname`.
    pub progname: OsString,
    /// "25": `system_info(otp_release)`.
    pub release: String,
    /// "13.1.5": `system_info(version)`.
    pub erts_version: String,
}

impl Otp {
    /// The release as a number, 0 where unknown.
    pub fn release_number(&self) -> u32 {
        self.release.parse().unwrap_or(0)
    }
}

/// `+S`, `+SDcpu`, `+SDio`, `+A`, `+s..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedulers {
    /// Normal scheduler threads.
    pub total: u32,
    /// Of these, how many run at the start.
    pub online: u32,
    /// Dirty CPU threads.
    pub dirty_cpu: u32,
    /// Of these, how many run at the start.
    pub dirty_cpu_online: u32,
    /// Dirty I/O threads.
    pub dirty_io: u32,
    /// `+A`: `system_info(thread_pool_size)`; drivers' asynchronous jobs.
    pub async_threads: u32,
    /// `+a`, `+sss`, `+sssdcpu`, `+sssdio`: suggested stack sizes in kilowords.
    pub stack_kilowords: StackSizes,
    /// `+sbt` / `+stbt`.
    pub bind: BindType,
    /// `+sbwt`, `+sbwtdcpu`, `+sbwtdio`.
    pub busy_wait: [BusyWait; 3],
    /// `+scl`: push work together onto few schedulers.
    pub compaction_of_load: bool,
    /// `+sub`: balance by utilisation instead.
    pub utilization_balancing: bool,
    /// `+swt`, `+swtdcpu`, `+swtdio`.
    pub wakeup_threshold: [WakeupThreshold; 3],
    /// `+sws legacy`.
    pub wakeup_legacy: bool,
    /// `+sfwi`, in ms; 0 = off.
    pub forced_wakeup_interval_ms: u32,
}

/// See [`Schedulers::stack_kilowords`]; `None` = ours to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackSizes {
    pub async_pool: Option<u32>,
    pub normal: Option<u32>,
    pub dirty_cpu: Option<u32>,
    pub dirty_io: Option<u32>,
}

/// `+sbt`'s letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindType {
    Unbound,
    NoSpread,
    ThreadSpread,
    ProcessorSpread,
    Spread,
    NoNodeThreadSpread,
    NoNodeProcessorSpread,
    ThreadNoNodeProcessorSpread,
}

/// How long an idle scheduler spins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusyWait {
    None,
    VeryShort,
    Short,
    Medium,
    Long,
    VeryLong,
}

/// How soon another scheduler is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeupThreshold {
    VeryLow,
    Low,
    Medium,
    High,
    VeryHigh,
}

/// `+P`, `+Q`, `+t`, `+e`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A power of two.
    pub processes: u32,
    /// A power of two.
    pub ports: u32,
    pub atoms: u32,
    pub ets_tables: u32,
}

/// `+h..` and the fullsweep default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessDefaults {
    pub min_heap_words: u64,
    pub min_bin_vheap_words: u64,
    /// 0 = none.
    pub max_heap_words: u64,
    pub max_heap_kill: bool,
    pub max_heap_log: bool,
    /// `+hmaxib` (27 on).
    pub max_heap_include_binaries: bool,
    pub dictionary_size: u64,
    pub off_heap_messages: bool,
    /// `ERL_FULLSWEEP_AFTER`.
    pub fullsweep_after: u32,
}

/// `+c`, `+C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    pub correction: bool,
    pub warp: TimeWarp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeWarp {
    None,
    Single,
    Multi,
}

/// `+fn..`, `+pc`, `+W`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub filenames: FilenameEncoding,
    pub bad_filenames: BadFilenames,
    /// `+pc unicode`.
    pub printable_unicode: bool,
    /// What `error_logger:warning_map()` says.
    pub warnings: Warnings,
}

/// What a file name's bytes are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilenameEncoding {
    Latin1,
    Utf8,
    /// As the locale says.
    Locale,
}

/// What becomes of a name that is not in that encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFilenames {
    Warn,
    Ignore,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warnings {
    Error,
    Warning,
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKey {
    /// The menu.
    Menu,
    /// `+Bc`: interrupts the shell.
    Interrupt,
    /// `+B`, `+Bd`: no handler of ours, the signal ends the program.
    Disabled,
    /// `+Bi`.
    Ignored,
}

/// `+d`. The `ERL_CRASH_DUMP` variables are read from `Config::environment` when a dump is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrashDump {
    /// No dump for an internal error, only for `halt(String)`.
    pub not_for_internal_errors: bool,
}

/// `+IOt`, `+IOp`, `+IOPt`, `+IOPp`, `+IOs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    pub threads: Option<u32>,
    pub sets: Option<u32>,
    pub threads_percent: Option<u32>,
    pub sets_percent: Option<u32>,
    pub scheduler_thread: Option<bool>,
}

/// Which functions get machine code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineCode {
    Off,
    /// Those that are called often.
    #[default]
    On,
    /// All, at their first call.
    Eager,
}

impl MachineCode {
    pub fn named(name: &str) -> Option<MachineCode> {
        Some(match name {
            "off" => MachineCode::Off,
            "on" => MachineCode::On,
            "eager" => MachineCode::Eager,
            _ => return None,
        })
    }
}

/// `+J..`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jit {
    /// Our own: `+JIT`, `FERROBEAM_JIT`.
    pub mode: MachineCode,
    pub perf: Option<String>,
    pub dump: bool,
    pub single_map: Option<bool>,
    /// Where machine code is kept from run to run, if it is.
    pub cache: Option<std::path::PathBuf>,
    /// `FERROBEAM_CODE_CACHE=verify`: what is taken from there is compiled as well, and compared.
    pub verify_cache: bool,
}

/// From `FERROBEAM_TORTURE`: words separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Torture {
    /// `gc`: collect at every allocation.
    pub collect_always: bool,
    /// `yield`: one reduction a slice.
    pub yield_always: bool,
    /// `heap`: run the heap checker after every collection.
    pub check_heaps: bool,
}

impl Config {
    /// The defaults of `erl` of that release, on a machine with `cores` cores.
    pub fn for_release(cores: u32, release: u32) -> Config {
        let mut config = Config::new(cores);
        if release >= 26 {
            config.time.warp = TimeWarp::Multi;
        }
        if release >= 27 {
            config.limits.processes = 1_048_576;
        }
        config
    }

    /// The defaults of `erl` 25 on a machine with `cores` cores.
    pub fn new(cores: u32) -> Config {
        let cores = cores.clamp(1, 1024);
        Config {
            otp: Otp::default(),
            init_args: Vec::new(),
            environment: Vec::new(),
            boot_module: "init".into(),
            schedulers: Schedulers {
                total: cores,
                online: cores,
                dirty_cpu: cores,
                dirty_cpu_online: cores,
                dirty_io: 10,
                async_threads: 1,
                stack_kilowords: StackSizes::default(),
                bind: BindType::Unbound,
                busy_wait: [BusyWait::Medium, BusyWait::Short, BusyWait::Short],
                compaction_of_load: true,
                utilization_balancing: false,
                wakeup_threshold: [WakeupThreshold::Medium; 3],
                wakeup_legacy: false,
                forced_wakeup_interval_ms: 0,
            },
            limits: Limits { processes: 262_144, ports: 65_536, atoms: 1_048_576, ets_tables: 8192 },
            process: ProcessDefaults {
                min_heap_words: 233,
                min_bin_vheap_words: 46_422,
                max_heap_words: 0,
                max_heap_kill: true,
                max_heap_log: true,
                max_heap_include_binaries: false,
                dictionary_size: 8,
                off_heap_messages: false,
                fullsweep_after: 65_535,
            },
            time: Time { correction: true, warp: TimeWarp::None },
            text: Text {
                filenames: FilenameEncoding::Locale,
                bad_filenames: BadFilenames::Warn,
                printable_unicode: false,
                warnings: Warnings::Warning,
            },
            break_key: BreakKey::Menu,
            crash_dump: CrashDump::default(),
            dist_buffer_busy_limit: 1024 * 1024,
            node_table_gc_delay_s: Some(60),
            compat_release: None,
            modified_timing: None,
            show_loading: false,
            no_line_numbers: false,
            poll: Poll::default(),
            jit: Jit::default(),
            allocator_flags: Vec::new(),
            torture: Torture::default(),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::new(1)
    }
}
