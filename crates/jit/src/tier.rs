//! Which functions get machine code, and when: what is called often is compiled by a thread of its own.

use crate::memory::Arena;
use crate::translate::{self, Unit};
use base::sync::Mutex;
use code::op::{Op, interpreted, machine_word};
use code::{Code, Loaded};
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

/// Whether functions get machine code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    #[default]
    Off,
    /// Those that are called often.
    On,
    /// Each at its first call, while it waits.
    Eager,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub mode: Mode,
    /// Whatever may collect asks each time.
    pub torture: bool,
    /// Writes a map of machine code for `perf` to `/tmp`.
    pub perf_map: bool,
    /// Tells on standard error what has been compiled.
    pub dump: bool,
}

/// How many counts of a scheduler's counter make one sample, and how many samples a function hot.
pub const COUNTS: u16 = 1000;
const SAMPLES: u32 = 8;
/// Functions that wait for being compiled, at most.
const QUEUE: usize = 256;
/// Functions that are counted, at most: then counting begins anew.
const COUNTED: usize = 1 << 14;
/// Words of a function, at most.
const LONGEST: usize = 20_000;

/// Who has the code: so that compiling does not keep a node alive.
pub trait Codes: Send + Sync {
    /// Does something with the code, if there is still any.
    fn with(&self, act: &mut dyn FnMut(&Code));
}

struct Job {
    codes: Arc<dyn Codes>,
    loaded: Arc<Loaded>,
    /// The function's entry, or a continuation: offset in words.
    at: usize,
}

#[derive(Clone)]
enum Heat {
    Samples(u32),
    Waiting,
    /// Not to be asked again, in this version.
    Done(Weak<Loaded>),
}

/// What compiling has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub compiled: u64,
    pub refused: u64,
    pub nanoseconds: u64,
    pub bytes: u64,
}

/// A node's compiler and its code.
pub struct Jit {
    settings: Settings,
    codes: Arc<dyn Codes>,
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
}

struct Shared {
    settings: Settings,
    arena: Arc<Arena>,
    isa: OwnedTargetIsa,
    heat: Mutex<HashMap<usize, Heat>>,
    compiled: AtomicU64,
    refused: AtomicU64,
    nanoseconds: AtomicU64,
}

fn target(name: &str) -> Option<OwnedTargetIsa> {
    let mut b = settings::builder();
    let flags = [
        ("opt_level", "none"),
        ("preserve_frame_pointers", "true"),
        ("enable_pinned_reg", "true"),
        ("unwind_info", "false"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ("enable_probestack", "false"),
        ("is_pic", "false"),
        ("enable_table_access_spectre_mitigation", "false"),
        ("enable_heap_access_spectre_mitigation", "false"),
    ];
    for (name, value) in flags {
        b.set(name, value).ok()?;
    }
    cranelift_codegen::isa::lookup_by_name(name).ok()?.finish(settings::Flags::new(b)).ok()
}

/// What one thread compiles with.
struct Bench {
    context: cranelift_codegen::Context,
    builder: FunctionBuilderContext,
}

impl Jit {
    /// `None`: off, or impossible here.
    pub fn new(settings: Settings, codes: Arc<dyn Codes>) -> Option<Jit> {
        if settings.mode == Mode::Off || !cfg!(all(target_arch = "x86_64", unix)) {
            return None;
        }
        let shared = Shared {
            settings,
            arena: Arena::new()?,
            isa: target("x86_64")?,
            heat: Mutex::default(),
            compiled: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
        };
        Some(Jit { settings, codes, shared: Arc::new(shared), queue: Mutex::default() })
    }
    pub fn settings(&self) -> Settings {
        self.settings
    }
    /// What a scheduler's counters begin at.
    pub fn counts(&self) -> u16 {
        if self.settings.mode == Mode::Eager { 1 } else { COUNTS }
    }
    pub fn figures(&self) -> Figures {
        let s = &self.shared;
        Figures {
            compiled: s.compiled.load(Relaxed),
            refused: s.refused.load(Relaxed),
            nanoseconds: s.nanoseconds.load(Relaxed),
            bytes: s.arena.used() as u64,
        }
    }

    /// A function without machine code is called here, and a counter has run out.
    pub fn hot(&self, code: &Code, target: *const u64) {
        self.sample(code, target, false);
    }
    /// A process had to go on in the interpreter behind this call.
    pub fn resumed(&self, code: &Code, continuation: *const u64) {
        self.sample(code, continuation, true);
    }

    fn sample(&self, code: &Code, at: *const u64, continuation: bool) {
        let eager = self.settings.mode == Mode::Eager;
        {
            let mut heat = self.shared.heat.lock();
            if heat.len() > COUNTED {
                heat.clear();
            }
            let h = heat.entry(at as usize).or_insert(Heat::Samples(0));
            match h {
                Heat::Samples(n) => {
                    *n += 1;
                    if *n < SAMPLES && !eager {
                        return;
                    }
                }
                Heat::Waiting => return,
                Heat::Done(version) => {
                    let same = version.upgrade().is_some_and(|v| v.contains(at as u64));
                    if same {
                        return;
                    }
                }
            }
            *h = Heat::Samples(0);
        }
        let Some(loaded) = code.version_at(at) else { return };
        let offset = loaded.offset_of(at);
        // A stub of the loader's, or within a function.
        let Some((start, end, ..)) = loaded.function_at(offset) else { return };
        if !continuation && offset != start + 3 || end - start > LONGEST {
            return;
        }
        self.shared.heat.lock().insert(at as usize, Heat::Waiting);
        let job = Job { codes: self.codes.clone(), loaded, at: offset };
        if eager {
            thread_local!(static BENCH: std::cell::RefCell<Option<Bench>> = const { std::cell::RefCell::new(None) });
            BENCH.with_borrow_mut(|b| {
                let bench = b.get_or_insert_with(Bench::new);
                self.shared.compile(bench, &job);
            });
            return;
        }
        let mut queue = self.queue.lock();
        let sender = queue.get_or_insert_with(|| {
            let (sender, receiver) = sync_channel(QUEUE);
            let shared = self.shared.clone();
            let work = std::thread::Builder::new().name("compiler".into()).spawn(move || shared.work(&receiver));
            // Without a thread nothing is compiled: the queue is full for ever.
            let _ = work;
            sender
        });
        if sender.try_send(job).is_err() {
            self.shared.heat.lock().insert(at as usize, Heat::Samples(0));
        }
    }
}

impl Bench {
    fn new() -> Bench {
        Bench { context: cranelift_codegen::Context::new(), builder: FunctionBuilderContext::new() }
    }
}

impl Shared {
    fn work(&self, jobs: &Receiver<Job>) {
        let mut bench = Bench::new();
        while let Ok(job) = jobs.recv() {
            self.compile(&mut bench, &job);
        }
    }

    fn compile(&self, bench: &mut Bench, job: &Job) {
        let begun = std::time::Instant::now();
        // What the translator does not survive is left to the interpreter.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.attempt(bench, job))).unwrap_or_else(|_| {
            *bench = Bench::new();
            None
        });
        self.nanoseconds.fetch_add(begun.elapsed().as_nanos() as u64, Relaxed);
        if done.is_some() { &self.compiled } else { &self.refused }.fetch_add(1, Relaxed);
        if self.settings.dump {
            let function = job.loaded.function_at(job.at).map(|(start, _, f, n)| (f, n, job.at - start));
            eprintln!("{} {:?}:{function:?} {:?}", if done.is_some() { "compiled" } else { "refused" }, job.loaded.name, begun.elapsed());
        }
        let at = job.loaded.words().as_ptr().wrapping_add(job.at) as usize;
        self.heat.lock().insert(at, Heat::Done(Arc::downgrade(&job.loaded)));
    }

    fn attempt(&self, bench: &mut Bench, job: &Job) -> Option<()> {
        let l = &job.loaded;
        let (start, end, name, arity) = l.function_at(job.at)?;
        let words = l.words();
        let word = words[job.at];
        if matches!(word as u16, n if n == Op::Breakpoint as u16 || n == Op::Machine as u16) {
            return None;
        }
        let resume = (job.at != start + 3).then_some(job.at);
        let unit = Unit { words, base: words.as_ptr(), start, end, resume, torture: self.settings.torture };
        let bytes = self.machine_code(bench, &unit)?;
        // SAFETY: rule 1: an instruction's word.
        let block = self.arena.put(unsafe { interpreted(word) }, &bytes)?;
        let (address, len) = (block.address(), block.len());
        if self.settings.perf_map {
            note_for_perf(address, bytes.len(), &format!("{:?}:{name:?}/{arity}{}", l.name, if resume.is_some() { " (resumed)" } else { "" }));
        }
        let new = machine_word(address, resume.is_some());
        let (mut block, mut set) = (Some(block), false);
        job.codes.with(&mut |code| {
            if let Some(block) = block.take() {
                set = code.set_machine(l, job.at, word, new, Box::new(block), len);
            }
        });
        set.then_some(())
    }

    fn machine_code(&self, bench: &mut Bench, unit: &Unit) -> Option<Vec<u8>> {
        bench.context.clear();
        if !translate::translate(unit, &mut bench.context.func, &mut bench.builder, self.isa.frontend_config()) {
            return None;
        }
        let mut control = ControlPlane::default();
        let compiled = match bench.context.compile(&*self.isa, &mut control) {
            Ok(c) => c,
            Err(e) => {
                debug_assert!(false, "{e:?}");
                return None;
            }
        };
        // Everything is reached by address: nothing is left to be filled in.
        compiled.buffer.relocs().is_empty().then(|| compiled.buffer.data().to_vec())
    }
}

fn note_for_perf(at: *const u8, len: usize, name: &str) {
    use std::io::Write;
    let path = format!("/tmp/perf-{}.map", std::process::id());
    if let Ok(mut f) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(f, "{:x} {len:x} {name}", at as usize);
    }
}
