//! Which functions get machine code, and when: what is called often is compiled by a thread of its own.

use crate::cache::Object;
use crate::memory::{Arena, Block};
use crate::store::{Cache, Store};
use crate::translate::{self, Unit};
use base::sync::Mutex;
use code::op::{Op, interpreted, machine_word};
use code::{Code, Loaded};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::FinalizedRelocTarget;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::ExternalName;
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
pub const COUNTS: u16 = 250;
const SAMPLES: u32 = 64;
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
    wish: Wish,
}

/// What a job is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Machine code of the place.
    Code,
    /// All machine code of the module that is on disk.
    Kept,
}

/// Where machine code came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Compiled,
    Kept,
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
    /// Taken from disk instead.
    pub kept: u64,
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
    store: Option<Store>,
    kept: AtomicU64,
    compiled: AtomicU64,
    refused: AtomicU64,
    nanoseconds: AtomicU64,
}

fn target(name: &str) -> Option<OwnedTargetIsa> {
    let mut b = settings::builder();
    let flags = [
        // `speed` gains a tenth in a few loops, but 0.135.8 does not survive some of our functions (its removal of dead stores).
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

thread_local!(static TRANSLATING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });

/// Does this thread translate a function? If it panics there, the function is left to the interpreter, and nobody need hear of it.
pub fn translating() -> bool {
    TRANSLATING.get()
}

/// What one thread compiles with.
struct Bench {
    context: cranelift_codegen::Context,
    builder: FunctionBuilderContext,
}

impl Jit {
    /// `None`: off, or impossible here. `cache`: where machine code is kept from run to run.
    pub fn new(settings: Settings, codes: Arc<dyn Codes>, cache: Option<&Cache>) -> Option<Jit> {
        if settings.mode == Mode::Off || !cfg!(all(target_arch = "x86_64", unix)) {
            return None;
        }
        let shared = Shared {
            settings,
            arena: Arena::new()?,
            isa: target("x86_64")?,
            heat: Mutex::default(),
            // Under torture it is other code.
            store: cache.filter(|_| !settings.torture).and_then(|c| Store::new(c, settings.mode == Mode::Eager)),
            kept: AtomicU64::new(0),
            compiled: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
        };
        Some(Jit { settings, codes, shared: Arc::new(shared), queue: Mutex::default() })
    }
    #[inline]
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
            kept: s.kept.load(Relaxed),
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
        let mut wish = Wish::Code;
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
                        // Perhaps it was hot in an earlier run.
                        if *n > 1 || self.shared.store.is_none() {
                            return;
                        }
                        wish = Wish::Kept;
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
            if wish == Wish::Code {
                *h = Heat::Samples(0);
            }
        }
        let Some(loaded) = code.version_at(at) else { return };
        let offset = loaded.offset_of(at);
        // A stub of the loader's, or within a function.
        let Some((start, end, ..)) = loaded.function_at(offset) else { return };
        if !continuation && offset != start + 3 || end - start > LONGEST {
            return;
        }
        match wish {
            Wish::Code => drop(self.shared.heat.lock().insert(at as usize, Heat::Waiting)),
            Wish::Kept if !self.shared.store.as_ref().is_some_and(|s| s.is_new(&loaded)) => return,
            Wish::Kept => {}
        }
        let job = Job { codes: self.codes.clone(), loaded, at: offset, wish };
        if eager {
            thread_local!(static BENCH: std::cell::RefCell<Option<Bench>> = const { std::cell::RefCell::new(None) });
            BENCH.with_borrow_mut(|b| {
                let bench = b.get_or_insert_with(Bench::new);
                self.shared.compile(bench, &job);
            });
            if let Some(store) = &self.shared.store {
                store.flush();
            }
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
        if sender.try_send(job).is_err() && wish == Wish::Code {
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
            match job.wish {
                Wish::Code => self.compile(&mut bench, &job),
                Wish::Kept => self.take_kept(&mut bench, &job),
            }
            let mut next = jobs.try_recv();
            while let Ok(job) = next {
                match job.wish {
                    Wish::Code => self.compile(&mut bench, &job),
                    Wish::Kept => self.take_kept(&mut bench, &job),
                }
                next = jobs.try_recv();
            }
            if let Some(store) = &self.store {
                store.flush();
            }
        }
    }

    /// All machine code of a module that is on disk.
    fn take_kept(&self, bench: &mut Bench, job: &Job) {
        let Some(store) = &self.store else { return };
        let begun = std::time::Instant::now();
        let l = &job.loaded;
        let mut ready = Vec::new();
        for entry in store.entries(l) {
            let at = entry.at as usize;
            let Some(bytes) = entry.link(l) else { continue };
            self.verify(bench, l, at, &bytes);
            ready.extend(self.placed(l, at, &bytes));
        }
        let mut done = Vec::new();
        job.codes.with(&mut |code| {
            for (at, word, new, block) in ready.drain(..) {
                let len = block.len();
                if code.set_machine(l, at, word, new, Box::new(block), len) {
                    done.push(at);
                }
            }
        });
        self.kept.fetch_add(done.len() as u64, Relaxed);
        self.nanoseconds.fetch_add(begun.elapsed().as_nanos() as u64, Relaxed);
        if self.settings.dump {
            eprintln!("kept {:?}: {} places {:?}", l.name, done.len(), begun.elapsed());
        }
        let mut heat = self.heat.lock();
        for at in done {
            heat.insert(l.words().as_ptr().wrapping_add(at) as usize, Heat::Done(Arc::downgrade(l)));
        }
    }

    /// Code in memory for a place of a module: the place, the word there, and the one that leads to the code.
    fn placed(&self, l: &Loaded, at: usize, bytes: &[u8]) -> Option<(usize, u64, u64, Block)> {
        let (start, _, name, arity) = l.function_at(at)?;
        let word = l.words()[at];
        if matches!(word as u16, n if n == Op::Breakpoint as u16 || n == Op::Machine as u16) {
            return None;
        }
        let resumes = at != start + 3;
        // SAFETY: rule 1: an instruction's word.
        let block = self.arena.put(unsafe { interpreted(word) }, bytes)?;
        let address = block.address();
        if self.settings.perf_map {
            note_for_perf(address, bytes.len(), &format!("{:?}:{name:?}/{arity}{}", l.name, if resumes { " (resumed)" } else { "" }));
        }
        Some((at, word, machine_word(address, resumes), block))
    }

    fn compile(&self, bench: &mut Bench, job: &Job) {
        let begun = std::time::Instant::now();
        // What the translator does not survive is left to the interpreter.
        TRANSLATING.set(true);
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.attempt(bench, job))).unwrap_or_else(|_| {
            *bench = Bench::new();
            None
        });
        TRANSLATING.set(false);
        self.nanoseconds.fetch_add(begun.elapsed().as_nanos() as u64, Relaxed);
        match done {
            Some(Origin::Compiled) => &self.compiled,
            Some(Origin::Kept) => &self.kept,
            None => &self.refused,
        }
        .fetch_add(1, Relaxed);
        if self.settings.dump {
            let function = job.loaded.function_at(job.at).map(|(start, _, f, n)| (f, n, job.at - start));
            let how = match done {
                Some(Origin::Compiled) => "compiled",
                Some(Origin::Kept) => "kept",
                None => "refused",
            };
            eprintln!("{how} {:?}:{function:?} {:?}", job.loaded.name, begun.elapsed());
        }
        let at = job.loaded.words().as_ptr().wrapping_add(job.at) as usize;
        self.heat.lock().insert(at, Heat::Done(Arc::downgrade(&job.loaded)));
    }

    fn attempt(&self, bench: &mut Bench, job: &Job) -> Option<Origin> {
        let l = &job.loaded;
        let (start, end, ..) = l.function_at(job.at)?;
        let words = l.words();
        let word = words[job.at];
        if matches!(word as u16, n if n == Op::Breakpoint as u16 || n == Op::Machine as u16) {
            return None;
        }
        let resume = (job.at != start + 3).then_some(job.at);
        let unit = Unit { words, start, end, resume, torture: self.settings.torture };
        let kept = self.store.as_ref().filter(|_| self.settings.mode == Mode::Eager).and_then(|s| s.find(l, job.at));
        let (bytes, origin) = match kept {
            Some(bytes) => {
                self.verify(bench, l, job.at, &bytes);
                (bytes, Origin::Kept)
            }
            None => {
                let object = self.object(bench, &unit)?;
                let bytes = object.link(words, words.as_ptr(), start)?;
                if let Some(store) = &self.store {
                    store.keep(l, job.at, object);
                }
                (bytes, Origin::Compiled)
            }
        };
        let (at, word, new, block) = self.placed(l, job.at, &bytes)?;
        let len = block.len();
        let (mut block, mut set) = (Some(block), false);
        job.codes.with(&mut |code| {
            if let Some(block) = block.take() {
                set = code.set_machine(l, at, word, new, Box::new(block), len);
            }
        });
        set.then_some(origin)
    }

    /// Is what was kept what would be made now? Asked only by tests; there is no going on if not.
    fn verify(&self, bench: &mut Bench, l: &Loaded, at: usize, kept: &[u8]) {
        if !self.store.as_ref().is_some_and(|s| s.verify) {
            return;
        }
        let (words, function) = (l.words(), l.function_at(at));
        let fresh = function.and_then(|(start, end, ..)| {
            let unit = Unit { words, start, end, resume: (at != start + 3).then_some(at), torture: self.settings.torture };
            self.object(bench, &unit)?.link(words, words.as_ptr(), start)
        });
        if fresh.as_deref() != Some(kept) {
            eprintln!("ferrobeam: machine code that was kept is not what is made now: {:?} {function:?} {at}", l.name);
            std::process::abort();
        }
    }

    fn object(&self, bench: &mut Bench, unit: &Unit) -> Option<Object> {
        bench.context.clear();
        let made = translate::translate(unit, &mut bench.context.func, &mut bench.builder, self.isa.frontend_config())?;
        let mut control = ControlPlane::default();
        let compiled = match bench.context.compile(&*self.isa, &mut control) {
            Ok(c) => c,
            Err(e) => {
                debug_assert!(false, "{e:?}");
                return None;
            }
        };
        let mut bytes = compiled.buffer.data().to_vec();
        let (mut links, relocations) = (Vec::new(), compiled.buffer.relocs().to_vec());
        for r in relocations {
            let at = r.offset as usize;
            match r.kind {
                // The function itself.
                Reloc::X86CallPCRel4 => bytes.get_mut(at..at + 4)?.copy_from_slice(&((r.addend - i64::from(r.offset)) as i32).to_le_bytes()),
                Reloc::Abs8 if r.addend == 0 => {
                    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = r.target else { return None };
                    let name = bench.context.func.params.user_named_funcs().get(name)?;
                    links.push((r.offset, name.namespace, name.index));
                }
                _ => return None,
            }
        }
        Object::new(bytes, links.into_iter(), &made)
    }
}

/// Machine code of a loaded function as text, for a kind of machine (`x86_64`, `aarch64`).
pub fn listing(l: &Loaded, function: term::Term, arity: u8, machine: &str) -> Option<String> {
    let &(start, ..) = l.functions.iter().find(|f| f.1 == function && f.2 == arity)?;
    let (start, end, ..) = l.function_at(start as usize)?;
    let words = l.words();
    let unit = Unit { words, start, end, resume: None, torture: false };
    text(&unit, machine)
}

fn text(unit: &Unit, machine: &str) -> Option<String> {
    let isa = target(machine)?;
    let mut bench = Bench::new();
    bench.context.set_disasm(true);
    translate::translate(unit, &mut bench.context.func, &mut bench.builder, isa.frontend_config())?;
    let mut control = ControlPlane::default();
    bench.context.compile(&*isa, &mut control).ok()?.vcode.clone()
}

fn note_for_perf(at: *const u8, len: usize, name: &str) {
    use std::io::Write;
    let path = format!("/tmp/perf-{}.map", std::process::id());
    if let Ok(mut f) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(f, "{:x} {len:x} {name}", at as usize);
    }
}

#[cfg(all(test, target_arch = "x86_64", unix))]
mod tests {
    use super::*;
    use crate::{Exit, Helper, State};
    use code::op::{head, head_jump};
    use std::cmp::Ordering;
    use term::word::{Kind, TAG_BOXED, header};
    use term::{Term, cmp};

    struct Nowhere;
    impl Codes for Nowhere {
        fn with(&self, _: &mut dyn FnMut(&Code)) {}
    }

    unsafe extern "C" fn leaves(state: *mut State, at: u64, _: u64, _: u64) -> u64 {
        // SAFETY: rule 2.
        unsafe { (*state).ip = at as *const u64 };
        Exit::At as u64
    }
    unsafe extern "C" fn compares(state: *mut State, x: u64, y: u64, equality: u64) -> u64 {
        // SAFETY: rule 2: two terms.
        unsafe {
            let (x, y) = (Term::from_raw(x), Term::from_raw(y));
            (*state).result = if equality != 0 { u64::from(!cmp::eq(x, y)) } else { cmp::cmp(x, y) as i64 as u64 };
        }
        0
    }
    unsafe extern "C" fn not_so(state: *mut State, _: u64, _: u64, _: u64) -> u64 {
        // SAFETY: rule 2.
        unsafe { (*state).result = 0 };
        Exit::Returned as u64
    }
    unsafe extern "C" fn calls(_: *mut State, _: u64, _: u64, _: u64) -> u64 {
        Exit::Call as u64
    }
    unsafe extern "C" fn same(state: *mut State, x: u64, y: u64, _: u64) -> u64 {
        // SAFETY: rule 2: two terms.
        unsafe { (*state).result = u64::from(cmp::eq_exact(Term::from_raw(x), Term::from_raw(y))) };
        0
    }

    /// A function of two arguments with these words, run on pairs of terms: how it was left, and x0.
    struct Function {
        _block: crate::memory::Block,
        address: *const u8,
        memory: Vec<u64>,
        state: Box<State>,
    }
    impl Function {
        fn new(body: &[u64]) -> Function {
            let settings = Settings { mode: Mode::Eager, ..Settings::default() };
            let jit = Jit::new(settings, Arc::new(Nowhere), None).expect("machine code is possible here");
            let mut words = vec![head(Op::FuncInfo, 2, 0, 0), Term::NIL.raw(), Term::NIL.raw()];
            words.extend_from_slice(body);
            let unit = Unit { words: &words, start: 0, end: words.len(), resume: None, torture: false };
            let object = jit.shared.object(&mut Bench::new(), &unit).expect("it can be translated");
            let bytes = object.link(&words, words.as_ptr(), 0).expect("it names only what is there");
            let block = jit.shared.arena.put(0, &bytes).expect("there is room");
            let address = block.address();
            let mut state = Box::<State>::default();
            state.helpers[Helper::Step as usize] = leaves;
            state.helpers[Helper::Compare as usize] = compares;
            state.helpers[Helper::Same as usize] = same;
            state.helpers[Helper::Foreign as usize] = calls;
            state.helpers[Helper::Arithmetic as usize] = not_so;
            Function { _block: block, address, memory: vec![0; 64], state }
        }
        fn run(&mut self, x: Term, y: Term) -> (Exit, Term) {
            let s = &mut *self.state;
            s.hp = self.memory.as_mut_ptr();
            s.sp = self.memory.as_mut_ptr().wrapping_add(60);
            s.reductions = 100;
            (s.x[0], s.x[1]) = (x, y);
            // SAFETY: rules 2 and 4.
            let exit = unsafe { crate::enter(s, self.address) };
            assert_eq!(s.reductions, 99);
            (exit, s.x[0])
        }
    }

    fn terms() -> Vec<Term> {
        let mut all: Vec<Term> = [0, 1, -1, 2, 7, -8, 1 << 31, -(1 << 31), 1 << 53, term::word::SMALL_MAX, term::word::SMALL_MIN, 3_037_000_500]
            .iter()
            .map(|&n| Term::small(n))
            .collect();
        for f in [0.0, 1.0, -1.5, 1e308, -1e308, 5e-324, 9_007_199_254_740_992.0] {
            let words: &'static [u64; 2] = Box::leak(Box::new([header(Kind::Float, 1), f64::to_bits(f)]));
            // SAFETY: a boxed float.
            all.push(unsafe { Term::from_raw(words.as_ptr() as u64 | TAG_BOXED) });
        }
        all.extend([Term::NIL, term::am::TRUE, term::am::ERROR]);
        let mut seed = base_seed();
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.push(Term::small((seed as i64) >> (1 + (seed >> 58))));
        }
        all
    }
    fn base_seed() -> u64 {
        0x5eed
    }
    fn float(t: Term) -> Option<f64> {
        t.as_float().or_else(|| t.as_small().map(|n| n as f64))
    }

    #[test]
    fn arithmetic_is_right_or_left_to_the_interpreter() {
        type Whole = fn(i128, i128) -> Option<i128>;
        type Broken = Option<fn(f64, f64) -> f64>;
        let all: [(Op, Whole, Broken); 9] = [
            (Op::Add, |x, y| Some(x + y), Some(|x, y| x + y)),
            (Op::Sub, |x, y| Some(x - y), Some(|x, y| x - y)),
            (Op::Mul, |x, y| Some(x * y), Some(|x, y| x * y)),
            (Op::Div, |_, _| None, Some(|x, y| x / y)),
            (Op::IntDiv, |x, y| (y > 0).then(|| x / y), None),
            (Op::Rem, |x, y| (y > 0).then(|| x % y), None),
            (Op::Band, |x, y| Some(x & y), None),
            (Op::Bor, |x, y| Some(x | y), None),
            (Op::Bxor, |x, y| Some(x ^ y), None),
        ];
        for (op, whole, broken) in all {
            let mut f = Function::new(&[head(op, 0, 1, 0), 2, head(Op::Return, 0, 0, 0)]);
            for &x in &terms() {
                for &y in &terms() {
                    let (exit, got) = f.run(x, y);
                    let small = match (x.as_small(), y.as_small()) {
                        (Some(x), Some(y)) => whole(x.into(), y.into()).and_then(|n| i64::try_from(n).ok()).filter(|&n| Term::fits_small(n)),
                        _ => None,
                    };
                    let both = x.is_small() && y.is_small() && op != Op::Div;
                    let real = match (broken, float(x), float(y)) {
                        (Some(f), Some(x), Some(y)) if !both => Some(f(x, y)).filter(|r| r.is_finite()),
                        _ => None,
                    };
                    match (small, real) {
                        (Some(n), _) => assert_eq!((exit, got), (Exit::Returned, Term::small(n)), "{op:?} {x:?} {y:?}"),
                        (_, Some(r)) => {
                            assert_eq!(exit, Exit::Returned, "{op:?} {x:?} {y:?}");
                            assert_eq!(got.as_float().map(f64::to_bits), Some(r.to_bits()), "{op:?} {x:?} {y:?}");
                        }
                        _ => {
                            assert_eq!(exit, Exit::At, "{op:?} {x:?} {y:?}");
                            assert_eq!((f.state.x[0], f.state.x[1]), (x, y), "{op:?}: registers are as before");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn comparisons_are_those_of_terms() {
        let all: [(Op, fn(Term, Term) -> bool); 4] = [
            (Op::IsLtRR, |x, y| cmp::cmp(x, y) == Ordering::Less),
            (Op::IsGeRR, |x, y| cmp::cmp(x, y) != Ordering::Less),
            (Op::IsEqExact, cmp::eq_exact),
            (Op::IsNeExact, |x, y| !cmp::eq_exact(x, y)),
        ];
        for (op, is) in all {
            let (yes, no) = (Term::small(1), Term::small(0));
            let words = [head_jump(op, 0, 4), 1 << 3, head(Op::MoveCReturn, 0, 0, 0), yes.raw(), head(Op::MoveCReturn, 0, 0, 0), no.raw()];
            let mut f = Function::new(&words);
            for &x in &terms() {
                for &y in &terms() {
                    let want = if is(x, y) { yes } else { no };
                    assert_eq!(f.run(x, y), (Exit::Returned, want), "{op:?} {x:?} {y:?}");
                }
            }
        }
    }

    /// Addresses are not the same each time: what is moved into a register is left out, with the pieces after the first.
    fn without_addresses(text: &str) -> String {
        let line = |l: &str| {
            let moves = ["movz", "movn", "ldr "].iter().any(|m| l.trim_start().starts_with(m));
            match l.find('#').filter(|_| moves && !l.contains('[')) {
                Some(at) => format!("{}#_", &l[..at]),
                None => l.trim_end().to_string(),
            }
        };
        text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with("movk")).map(|l| line(l) + "\n").collect()
    }

    /// Machine code for a machine that is not at hand, against what was read and recorded; `UPDATE=1` records.
    #[test]
    fn code_for_aarch64_is_as_recorded() {
        let back = head(Op::Return, 0, 0, 0);
        let samples: [(&str, &[u64]); 6] = [
            ("add", &[head(Op::Add, 0, 1, 0), 2, back]),
            ("multiply", &[head(Op::Mul, 0, 1, 0), 2, back]),
            ("bits", &[head(Op::Bxor, 0, 1, 0), 2, back]),
            ("list", &[head_jump(Op::IsNonemptyList, 0, 2), head(Op::GetList, 0, 0, 1), back]),
            ("order", &[head_jump(Op::IsLtRR, 0, 4), 1 << 3, head(Op::MoveCReturn, 0, 0, 0), Term::small(1).raw(), head(Op::MoveCReturn, 0, 0, 0), Term::small(0).raw()]),
            ("loop", &[head(Op::Add, 0, 1, 0), 2, head_jump(Op::CallOnly, 0, -2)]),
        ];
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aarch64");
        for (name, body) in samples {
            let mut words = vec![head(Op::FuncInfo, 2, 0, 0), Term::NIL.raw(), Term::NIL.raw()];
            words.extend_from_slice(body);
            let unit = Unit { words: &words, start: 0, end: words.len(), resume: None, torture: false };
            assert!(text(&unit, "x86_64").is_some(), "{name} for x86_64");
            let got = without_addresses(&text(&unit, "aarch64").expect("it is translated"));
            let file = dir.join(format!("{name}.txt"));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, &got).expect("the place for recorded code is there");
            }
            let recorded = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(got == recorded, "{name} for aarch64 is not as {} says (UPDATE=1 records):\n{got}", file.display());
        }
    }

    #[test]
    fn only_x0_comes_back_from_a_call() {
        let jit = Jit::new(Settings { mode: Mode::Eager, ..Settings::default() }, Arc::new(Nowhere), None).expect("machine code is possible here");
        let mut words = vec![head(Op::FuncInfo, 2, 0, 0), Term::NIL.raw(), Term::NIL.raw(), head(Op::Return, 0, 0, 0)];
        // Behind the return of one clause another begins, with both arguments: no place to come back to.
        words.extend([head(Op::Add, 0, 1, 0), 2, head(Op::Return, 0, 0, 0)]);
        let resumed = |at| {
            let unit = Unit { words: &words, start: 0, end: words.len(), resume: Some(at), torture: false };
            jit.shared.object(&mut Bench::new(), &unit).is_some()
        };
        assert!(!resumed(4));
        assert!(resumed(6));
    }

    #[test]
    fn without_reductions_the_call_is_left_to_the_interpreter() {
        let mut f = Function::new(&[head_jump(Op::CallOnly, 0, 0)]);
        let s = &mut *f.state;
        (s.hp, s.sp) = (f.memory.as_mut_ptr(), f.memory.as_mut_ptr().wrapping_add(60));
        s.reductions = 100;
        (s.x[0], s.x[1]) = (Term::small(5), Term::NIL);
        // SAFETY: rules 2 and 4.
        let exit = unsafe { crate::enter(s, f.address) };
        assert_eq!((exit, s.reductions, s.x[0], s.x[1]), (Exit::Call, 1, Term::small(5), Term::NIL));
    }
}
