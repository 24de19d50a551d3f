//! The tables of a node's code: exports, fun entries, modules and their two versions, and who is at an address.

use crate::load::{self, Imports};
use crate::op::{Op, head};
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use beamfile::{Arg, BeamFile};
use heap::LiteralArea;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering::*};
use term::copy::LiteralRange;
use term::fun::{Export, FunEntry};
use term::{Alloc, Term, am, atom};

/// A module that has been parsed, verified and put together: it only needs to become current, once.
pub struct Prepared {
    pub module: Term,
    pub has_on_load: bool,
    /// How many functions it exports.
    pub exports: usize,
    version: Mutex<Option<Arc<Loaded>>>,
}

impl Prepared {
    /// Chunks `Attr` and `CInf`, in external format.
    pub fn with_remarks<R>(&self, act: impl FnOnce(&[u8], &[u8]) -> R) -> Option<R> {
        self.version.lock().as_ref().map(|l| act(&l.attributes, &l.compile))
    }
}

/// Builds a literal from external format.
pub type Decode<'a> = &'a dyn Fn(&[u8], &mut Alloc) -> Option<Term>;

/// Words of code between places whose functions and lines are noted.
const STRIDE: usize = 32;

/// One version of a module's code.
pub struct Loaded {
    pub name: Term,
    pub md5: [u8; 16],
    /// Chunks `Attr` and `CInf`, in external format.
    pub attributes: Box<[u8]>,
    pub compile: Box<[u8]>,
    /// (file, line) of each line item, and the files' names (0 is the module's own source).
    items: Vec<(u32, u32)>,
    files: Vec<String>,
    words: Box<[u64]>,
    /// (offset of `FuncInfo`, function, arity), in order of offset.
    pub functions: Vec<(u32, Term, u8)>,
    lines: Vec<(u32, u32)>,
    /// How many functions and lines begin up to each `STRIDE` words. Made when an address is asked for.
    nearby: OnceLock<Box<[(u32, u32)]>>,
    /// (function, arity, offset of the entry)
    pub exports: Vec<(Term, u8, u32)>,
    pub literals: LiteralArea,
    pub funs: Vec<&'static FunEntry>,
    /// Where their code begins.
    fun_offsets: Box<[u32]>,
    on_load: Option<u32>,
    /// The string table, to which the code refers by address.
    _strings: Arc<[u8]>,
    /// Native records: definition and defaults (`NONE` for a field without).
    records: Vec<(Term, Vec<Term>)>,
    /// Functions that the module declares as natively implemented (attribute `nifs`).
    pub declared_nifs: Vec<(Term, u8)>,
    /// The library of native functions that the module has loaded; goes when the code is purged.
    pub library: Mutex<Option<Arc<dyn std::any::Any + Send + Sync>>>,
    /// Machine code of its functions, and how many bytes.
    machine: Mutex<(Vec<Box<dyn std::any::Any + Send + Sync>>, usize)>,
}

impl Loaded {
    fn start(&self) -> usize {
        self.words.as_ptr() as usize
    }
    fn end(&self) -> usize {
        self.start() + self.words.len() * 8
    }
    pub fn contains(&self, address: u64) -> bool {
        (address as usize).wrapping_sub(self.start()) < self.words.len() * 8
    }
    pub(crate) fn at(&self, offset: u32) -> *mut u64 {
        self.words.as_ptr().wrapping_add(offset as usize).cast_mut()
    }
    fn entry(&self, function: Term, arity: u8) -> Option<*const AtomicU64> {
        let f = self.functions.iter().find(|f| f.1 == function && f.2 == arity)?;
        Some(self.at(f.0 + 3).cast_const().cast())
    }
    /// How many functions and lines begin up to this offset.
    fn begun(&self, offset: u32) -> (usize, usize) {
        let nearby = self.nearby.get_or_init(|| {
            let (mut i, mut j) = (0, 0);
            let up_to = |at: usize| {
                i += self.functions[i..].partition_point(|f| f.0 as usize <= at);
                j += self.lines[j..].partition_point(|l| l.0 as usize <= at);
                (i as u32, j as u32)
            };
            (0..self.words.len()).step_by(STRIDE).map(up_to).collect()
        });
        let (i, j) = nearby[offset as usize / STRIDE];
        let (i, j) = (i as usize, j as usize);
        let f = self.functions[i..].iter().take_while(|f| f.0 <= offset).count();
        let l = self.lines[j..].iter().take_while(|l| l.0 <= offset).count();
        (i + f, j + l)
    }
    pub fn code_bytes(&self) -> usize {
        self.words.len() * 8 + self.machine.lock().1
    }
    /// The words as they are now.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
    /// The function that a word belongs to: where its `FuncInfo` is and where the next function's, its name and arity.
    pub fn function_at(&self, offset: usize) -> Option<(usize, usize, Term, u8)> {
        let i = self.functions.partition_point(|f| f.0 as usize <= offset).checked_sub(1)?;
        let (start, name, arity) = self.functions[i];
        let end = self.functions.get(i + 1).map_or(self.words.len(), |f| f.0 as usize);
        Some((start as usize, end, name, arity))
    }
    /// The offset of an address in words.
    pub fn offset_of(&self, address: *const u64) -> usize {
        (address as usize - self.start()) / 8
    }
}

/// The versions of a module.
#[derive(Default, Clone)]
pub struct Versions {
    pub current: Option<Arc<Loaded>>,
    pub old: Option<Arc<Loaded>>,
    /// Loaded, but its on_load function has not said ok yet.
    pub pending: Option<Arc<Loaded>>,
    /// Its on_load function has refused; processes that it started may still run it.
    pub failed: Option<Arc<Loaded>>,
}

/// Where an address is.
#[derive(Clone, Debug)]
pub struct Located {
    pub module: Term,
    pub function: Term,
    pub arity: u8,
    /// File and line.
    pub location: Option<(String, u32)>,
}

/// Why a module was not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFailure {
    /// It has been made current before.
    Taken,
    NotPurged,
    OnLoad,
}

/// Code of the node's own: the edges of processes.
struct Edges {
    _words: Box<[u64]>,
    spawn_apply: *const u64,
    raise_pending: *const u64,
}

// SAFETY: the words are never written after they are made.
unsafe impl Send for Edges {}
// SAFETY: as above.
unsafe impl Sync for Edges {}

/// All code of a node.
pub struct Code {
    /// Which OTP release's code is loaded (25, 27, 29): decides what the loader accepts.
    pub release: u32,
    pub(crate) exports: RwLock<Map<(Term, Term, u8), &'static Export>>,
    funs: RwLock<Map<(Term, u32, [u8; 16]), &'static FunEntry>>,
    modules: RwLock<BTreeMap<u32, Versions>>,
    ranges: RwLock<BTreeMap<usize, Arc<Loaded>>>,
    /// One load, delete, purge or change of breakpoints at a time.
    pub(crate) change: Mutex<()>,
    pub(crate) points: RwLock<crate::points::Points>,
    /// How many want the calls through all exports caught.
    pub(crate) watchers: AtomicU32,
    /// How often a breakpoint was set or taken away.
    pub changes: AtomicU64,
    edges: Edges,
    /// Modules that have loaded a library of native functions.
    tainted: Mutex<Vec<Term>>,
}

impl Code {
    pub fn new(release: u32) -> Code {
        let words: Box<[u64]> =
            [Op::SpawnApply, Op::NormalExit, Op::RaisePending, Op::ReturnTrace, Op::ExceptionTrace, Op::ReturnTo, Op::ReturnAccount]
                .iter()
                .map(|&op| head(op, 0, 0, 0))
                .collect();
        let start = words.as_ptr();
        let edges = Edges { spawn_apply: start, raise_pending: start.wrapping_add(2), _words: words };
        let code = Code {
            release,
            exports: RwLock::default(),
            funs: RwLock::default(),
            modules: RwLock::default(),
            ranges: RwLock::default(),
            change: Mutex::default(),
            tainted: Mutex::default(),
            points: RwLock::default(),
            watchers: AtomicU32::default(),
            changes: AtomicU64::default(),
            edges,
        };
        for (f, arity, op) in [
            ("apply", 2, Op::Apply2),
            ("apply", 3, Op::Apply3),
            ("yield", 0, Op::YieldNow),
            ("hibernate", 3, Op::Hibernate3),
            ("call_on_load_function", 1, Op::CallOnLoad),
        ] {
            code.set_stub(am::ERLANG, atom::intern(f), arity, op);
        }
        if release >= 28 {
            code.set_stub(am::ERLANG, am::HIBERNATE, 0, Op::Hibernate0);
        }
        code
    }

    fn set_stub(&self, m: Term, f: Term, arity: u8, op: Op) {
        let e = self.export(m, f, arity);
        e.native.store(u32::MAX, Release);
        e.stub[0].store(head(op, 0, 0, 0), Release);
        e.address.store(e.stub[0].as_ptr(), Release);
    }

    /// Continuations of traced calls: the address of one of `ReturnTrace`, `ExceptionTrace`, `ReturnTo`, `ReturnAccount`.
    pub fn trace_continuation(&self, op: Op) -> *const u64 {
        self.edges.raise_pending.wrapping_add(1 + op as usize - Op::ReturnTrace as usize)
    }
    /// Which of them an address is.
    #[inline]
    pub fn as_trace_continuation(&self, address: u64) -> Option<Op> {
        let n = (address.wrapping_sub(self.edges.raise_pending as u64) / 8) as usize;
        [Op::ReturnTrace, Op::ExceptionTrace, Op::ReturnTo, Op::ReturnAccount].get(n.wrapping_sub(1)).copied()
    }
    /// Where a process begins: applies x0:x1(x2), then ends normally.
    pub fn spawn_apply(&self) -> *const u64 {
        self.edges.spawn_apply
    }
    pub fn entry_apply(&self) -> *const u64 {
        self.edges.spawn_apply
    }
    /// Raises the pending exception.
    pub fn raise_pending(&self) -> *const u64 {
        self.edges.raise_pending
    }

    // ---- exports
    /// The export record of a function, made if there is none; without code it leads to the error handler.
    pub fn export(&self, module: Term, function: Term, arity: u8) -> &'static Export {
        if let Some(e) = self.find_export(module, function, arity) {
            return e;
        }
        let mut map = self.exports.write();
        map.entry((module, function, arity)).or_insert_with(|| {
            let e: &'static Export = Box::leak(Box::new(Export {
                address: AtomicPtr::new(std::ptr::null_mut()),
                stub: [AtomicU64::new(head(Op::Undefined, 0, 0, 0)), AtomicU64::new(0)],
                module,
                function,
                arity,
                native: AtomicU32::new(0),
            }));
            e.address.store(e.stub[0].as_ptr(), Release);
            e
        })
    }
    pub fn find_export(&self, module: Term, function: Term, arity: u8) -> Option<&'static Export> {
        self.exports.read().get(&(module, function, arity)).copied()
    }
    /// Makes a function native: calls of it run native function `number - 1`. `plain`: machine code may call that without ceremony.
    pub fn set_native(&self, module: Term, function: Term, arity: u8, number: u32, plain: bool) {
        let e = self.export(module, function, arity);
        e.native.store(number, Release);
        e.stub[0].store(Op::Native as u64 | u64::from(number) << 16 | if plain { crate::op::PLAIN } else { 0 }, Release);
        e.address.store(e.stub[0].as_ptr(), Release);
    }
    /// True if calling it does not lead to the error handler.
    pub fn is_callable(&self, e: &Export) -> bool {
        e.native.load(Acquire) != 0
            || e.address.load(Acquire).cast_const() != e.stub[0].as_ptr().cast_const()
            || e.stub[0].load(Acquire) as u16 == Op::Breakpoint as u16
    }
    /// `erlang:function_exported/3`: loaded code or a native function.
    pub fn is_exported(&self, m: Term, f: Term, arity: u8) -> bool {
        self.find_export(m, f, arity).is_some_and(|e| self.is_callable(e))
    }

    // ---- funs
    /// All local funs of all modules there have been.
    pub fn fun_entries(&self) -> Vec<&'static FunEntry> {
        let mut all: Vec<&'static FunEntry> = self.funs.read().values().copied().collect();
        all.sort_by_key(|f| (f.module.raw(), f.index));
        all
    }
    /// The entry of a local fun of a module, made if need be; without code it leads to the error handler.
    pub fn fun_entry(&self, key: &FunIdentity) -> &'static FunEntry {
        let k = (key.module, key.index, key.uniq);
        if let Some(e) = self.funs.read().get(&k) {
            return e;
        }
        let mut map = self.funs.write();
        map.entry(k).or_insert_with(|| {
            let e: &'static FunEntry = Box::leak(Box::new(FunEntry {
                address: AtomicPtr::new(std::ptr::null_mut()),
                stub: [AtomicU64::new(head(Op::UndefinedFun, 0, 0, 0)), AtomicU64::new(0)],
                module: key.module,
                name: key.name,
                arity: key.arity,
                num_free: key.num_free,
                index: key.index,
                old_index: key.index,
                old_uniq: key.old_uniq,
                uniq: key.uniq,
            }));
            e.address.store(e.stub[0].as_ptr(), Release);
            e
        })
    }

    // ---- modules
    /// The digest of a module's code, if the file can be loaded.
    pub fn md5(&self, bytes: &[u8]) -> Result<[u8; 16], beamfile::LoadError> {
        let beam = beamfile::parse(bytes, beamfile::Release(self.release as u8))?;
        beamfile::verify(&beam)?;
        Ok(beam.md5())
    }
    /// Everything about a file that needs no other to wait: parses, verifies, decodes literals by `decode`, puts the code together.
    pub fn prepare(&self, bytes: &[u8], decode: Decode) -> Result<Prepared, beamfile::LoadError> {
        self.prepared(bytes, decode, true)
    }
    /// Likewise a module that is there from the beginning: as in an emulator, these have no line numbers.
    pub fn prepare_preloaded(&self, bytes: &[u8], decode: Decode) -> Result<Prepared, beamfile::LoadError> {
        self.prepared(bytes, decode, false)
    }
    fn prepared(&self, bytes: &[u8], decode: Decode, lines: bool) -> Result<Prepared, beamfile::LoadError> {
        let mut beam = beamfile::parse(bytes, beamfile::Release(self.release as u8))?;
        let verified = beamfile::verify(&beam)?;
        if !lines {
            beam.lines = Default::default();
        }
        let has_on_load = beam.code.instrs.iter().any(|i| i.op == beamfile::Op::OnLoad);
        let module = atom::intern(beam.module());
        let broken = || beamfile::LoadError { chunk: Some(*b"LitT"), offset: 0, function: None, what: "has a literal that is no term".into() };
        let version = self.assemble(&beam, &verified, module, decode).ok_or_else(broken)?;
        Ok(Prepared { module, has_on_load, exports: beam.exports.len(), version: Mutex::new(Some(version)) })
    }

    pub fn versions(&self, module: Term) -> Option<Versions> {
        self.modules.read().get(&module.as_atom_index()?).cloned()
    }
    pub fn current(&self, module: Term) -> Option<Arc<Loaded>> {
        self.versions(module)?.current
    }
    /// Names of all modules that have code, current or old.
    pub fn loaded(&self) -> Vec<Term> {
        let modules = self.modules.read();
        modules.iter().filter(|(_, v)| v.current.is_some() || v.old.is_some()).map(|(&n, _)| Term::atom_index(n)).collect()
    }

    /// Makes prepared code current. The version there was becomes old; it must have been purged before.
    pub fn load(&self, prepared: &Prepared) -> Result<Arc<Loaded>, LoadFailure> {
        let _one = self.change.lock();
        let name = prepared.module;
        let had = self.versions(name).unwrap_or_default();
        if had.current.is_some() && had.old.is_some() {
            return Err(LoadFailure::NotPurged);
        }
        if had.pending.is_some() {
            return Err(LoadFailure::OnLoad);
        }
        let loaded = prepared.version.lock().take().ok_or(LoadFailure::Taken)?;
        self.ranges.write().insert(loaded.start(), loaded.clone());
        if prepared.has_on_load {
            // As in ERTS, whatever comes of the on_load function: calls of the code there was are not caught any more.
            if let Some(before) = &had.current {
                self.clear_points(before);
            }
            self.with(name, |v| v.pending = Some(loaded.clone()));
            // Funs work at once: the on_load function may make some.
            self.link_funs(&loaded);
            return Ok(loaded);
        }
        self.make_current(name, &loaded);
        Ok(loaded)
    }

    fn with<R>(&self, name: Term, f: impl FnOnce(&mut Versions) -> R) -> R {
        let mut m = self.modules.write();
        f(m.entry(name.as_atom_index().expect("a module's name is an atom")).or_default())
    }

    /// Exports first: whoever sees that the module is loaded finds its functions. (The error handler asks in that order.)
    fn make_current(&self, name: Term, loaded: &Arc<Loaded>) {
        if let Some(before) = self.current(name) {
            self.clear_points(&before);
        }
        for &(f, arity, offset) in &loaded.exports {
            let e = self.export(name, f, arity);
            if e.native.load(Acquire) == 0 {
                e.address.store(loaded.at(offset), Release);
            }
        }
        self.link_funs(loaded);
        let before = self.with(name, |v| {
            let before = v.current.take();
            if before.is_some() {
                v.old = before.clone();
            }
            v.current = Some(loaded.clone());
            v.pending = None;
            before
        });
        if let Some(before) = before {
            for &(f, arity, _) in &before.exports {
                if !loaded.exports.iter().any(|e| e.0 == f && e.1 == arity) {
                    self.unlink_export(name, f, arity);
                }
            }
        }
        self.catch_exports(Some(name));
    }

    fn link_funs(&self, loaded: &Loaded) {
        for (e, offset) in loaded.funs.iter().zip(&loaded.fun_offsets) {
            e.address.store(loaded.at(*offset), Release);
        }
    }

    fn unlink_export(&self, m: Term, f: Term, arity: u8) {
        if let Some(e) = self.find_export(m, f, arity)
            && e.native.load(Acquire) == 0
        {
            e.stub[0].store(head(Op::Undefined, 0, 0, 0), Release);
            e.address.store(e.stub[0].as_ptr(), Release);
        }
    }

    fn assemble(&self, beam: &BeamFile, verified: &beamfile::Verified, name: Term, decode: Decode) -> Option<Arc<Loaded>> {
        let mut atoms = vec![Term::NIL];
        atoms.extend(beam.atoms.iter().map(atom::intern));
        let md5 = beam.md5();

        // Literals are decoded to a place of their own, then copied into one area of the right size.
        let mut temporary = Alloc::new();
        let mut terms = Vec::with_capacity(beam.literals.len());
        for bytes in beam.literals.iter() {
            terms.push(decode(bytes, &mut temporary)?);
        }
        let mut big_args: Vec<(Arg, usize)> = Vec::new();
        // Integer operands that do not fit a small.
        for &a in beam.code.wide() {
            let term = match a {
                Arg::Int(n) if !Term::fits_small(n) => Some(temporary.int(n)),
                Arg::BigInt(i) => beam.code.big(i).map(|b| big_term(b, &mut temporary)),
                _ => None,
            };
            if let Some(t) = term {
                big_args.push((a, terms.len()));
                terms.push(t);
            }
        }
        let literal_count = beam.literals.len();
        let record_terms = records(beam, &atoms, &terms[..literal_count], &mut temporary);
        let record_start = terms.len();
        for (def, defaults) in &record_terms {
            terms.push(*def);
            terms.extend(defaults.iter().map(|&d| if d.is_none() { Term::NIL } else { d }));
        }
        let size = terms.iter().map(|&t| term::copy::size(t, LiteralRange::NONE)).sum();
        let (area, terms) = LiteralArea::build(size, |a| -> Vec<Term> {
            terms.iter().map(|&t| term::copy::copy(t, a, LiteralRange::NONE)).collect()
        });
        drop(temporary);
        let mut at = record_start;
        let mut records = Vec::new();
        for (_, defaults) in &record_terms {
            let def = terms[at];
            let values = defaults.iter().enumerate().map(|(i, d)| if d.is_none() { Term::NONE } else { terms[at + 1 + i] }).collect();
            records.push((def, values));
            at += 1 + defaults.len();
        }

        let identity = |l: &beamfile::Lambda| FunIdentity {
            module: name,
            name: atoms[l.function as usize],
            arity: (l.arity - l.free) as u8,
            num_free: l.free,
            index: l.index,
            old_uniq: l.old_uniq,
            uniq: md5,
        };
        let imports = Imports {
            export: &|m, f, a| self.export(m, f, a),
            fun: &|l| self.fun_entry(&identity(l)),
        };
        let bigs = |a: Arg| -> Term {
            big_args.iter().find(|x| x.0 == a).map_or(Term::NIL, |&(_, i)| terms[i])
        };
        let strings: Arc<[u8]> = beam.strings().into();
        let funs: Vec<&'static FunEntry> = beam.lambdas.iter().map(|l| self.fun_entry(&identity(l))).collect();
        let a = load::assemble(beam, verified, atoms.clone(), &terms[..literal_count], &strings, &imports, &bigs).ok()?;
        Some(Arc::new(Loaded {
            name,
            md5,
            words: a.words.into_boxed_slice(),
            functions: a.functions,
            lines: a.lines,
            nearby: OnceLock::new(),
            exports: a.exports,
            literals: area,
            funs,
            fun_offsets: a.lambdas.into(),
            on_load: a.on_load,
            _strings: strings,
            records,
            declared_nifs: a.declared_nifs,
            library: Mutex::default(),
            machine: Mutex::default(),
            attributes: beam.chunk(b"Attr").unwrap_or_default().into(),
            compile: beam.chunk(b"CInf").unwrap_or_default().into(),
            items: (0..beam.lines.len() as u32).map(|i| beam.lines.get(i).map_or((0, 0), |l| (l.file, l.line))).collect(),
            files: std::iter::once(format!("{}.erl", atom::text(name))).chain(beam.lines.files().iter().cloned()).collect(),
        }))
    }

    /// A native record's definition and default values.
    pub fn record(&self, module: Term, name: Term) -> Option<(Term, Vec<Term>)> {
        let v = self.versions(module)?;
        let loaded = v.current.or(v.pending)?;
        loaded.records.iter().find(|r| r.0.as_tuple().is_some_and(|d| d[1] == name)).cloned()
    }

    /// The on_load function of a module whose loading waits for it.
    pub fn on_load_function(&self, module: Term) -> Option<*const u64> {
        let v = self.versions(module)?;
        let l = v.pending?;
        l.on_load.map(|o| l.at(o).cast_const())
    }
    /// The on_load function has ended: the code becomes current, or is dropped.
    pub fn finish_on_load(&self, module: Term, ok: bool) -> bool {
        let _one = self.change.lock();
        let Some(Versions { pending: Some(loaded), .. }) = self.versions(module) else { return false };
        if ok {
            self.make_current(module, &loaded);
        } else {
            self.unlink_funs(&loaded);
            self.with(module, |v| {
                v.pending = None;
                v.failed = Some(loaded);
            });
        }
        true
    }

    fn unlink_funs(&self, l: &Loaded) {
        for e in &l.funs {
            if l.contains(e.address.load(Acquire) as u64) {
                e.address.store(e.stub[0].as_ptr(), Release);
            }
        }
    }

    fn retire(&self, l: &Arc<Loaded>) {
        self.forget_points(l);
        self.ranges.write().remove(&l.start());
    }

    /// `erlang:delete_module/1`: current code becomes old. `None`: no such module was ever known; `Some(false)`: there is old code already.
    pub fn delete(&self, module: Term) -> Option<bool> {
        let _one = self.change.lock();
        let v = self.versions(module)?;
        if v.old.is_some() {
            return Some(false);
        }
        let Some(current) = v.current else { return Some(true) };
        self.clear_points(&current);
        // The module goes before its functions: a call that finds none of them finds no module either, and loads it again.
        self.with(module, |v| {
            v.old = v.current.take();
        });
        for &(f, arity, _) in &current.exports {
            self.unlink_export(module, f, arity);
        }
        Some(true)
    }
    /// The purge of a module's old code (or of code whose on_load function has refused) begins: no new call of its funs gets in.
    pub fn begin_purge(&self, module: Term, refused: bool) -> Option<Arc<Loaded>> {
        let _one = self.change.lock();
        let v = self.versions(module)?;
        let code = if refused { v.failed } else { v.old }?;
        self.unlink_funs(&code);
        Some(code)
    }
    /// The purge was given up: funs of the code work again.
    pub fn abort_purge(&self, code: &Loaded) {
        let _one = self.change.lock();
        for (e, offset) in code.funs.iter().zip(&code.fun_offsets) {
            let stub = e.stub[0].as_ptr();
            let _ = e.address.compare_exchange(stub, code.at(*offset), AcqRel, Acquire);
        }
    }
    /// The code is gone for good: nobody runs it. Its literals may still be referred to: who drops the last handle answers for that.
    pub fn finish_purge(&self, code: &Arc<Loaded>) {
        let _one = self.change.lock();
        self.with(code.name, |v| {
            for place in [&mut v.old, &mut v.failed] {
                if place.as_ref().is_some_and(|l| Arc::ptr_eq(l, code)) {
                    *place = None;
                }
            }
        });
        self.unlink_funs(code);
        self.retire(code);
    }

    /// NIF functions of a module become native: `number` gives the native function of (function, arity), 0 for none.
    pub fn patch_nifs(&self, module: Term, number: &dyn Fn(Term, u8) -> u32) -> usize {
        let Some(v) = self.versions(module) else { return 0 };
        let mut n = 0;
        for l in [v.pending, v.current].into_iter().flatten() {
            for &(offset, f, arity) in &l.functions {
                let k = number(f, arity);
                if k != 0 {
                    let entry = l.at(offset + 3).cast::<AtomicU64>();
                    // SAFETY: rule 2: the word is a function's first instruction, within the module's code.
                    unsafe { self.replace_entry(&*entry, Op::Native as u64 | u64::from(k) << 16) };
                    n += 1;
                }
            }
        }
        n
    }

    /// The first instruction of a function of a version, `None` if there is no such function.
    pub fn first_word(&self, l: &Loaded, function: Term, arity: u8) -> Option<u64> {
        let at = l.entry(function, arity)?;
        // SAFETY: rule 2: the word is a function's first instruction, within the module's code.
        let word = unsafe { (*at).load(Acquire) };
        // SAFETY: rule 4.
        let word = unsafe { crate::op::interpreted(word) };
        let behind = || self.point((word >> 16) as u32).map_or(word, |p| p.original());
        Some(if word as u16 == Op::Breakpoint as u16 { behind() } else { word })
    }
    /// The module has loaded a library, which is remembered for ever.
    pub fn taint(&self, module: Term) {
        let mut all = self.tainted.lock();
        if !all.contains(&module) {
            all.push(module);
        }
    }
    /// The last first.
    pub fn tainted(&self) -> Vec<Term> {
        self.tainted.lock().iter().rev().copied().collect()
    }
    /// Is the function one of a library?
    pub fn is_nif(&self, l: &Loaded, function: Term, arity: u8) -> bool {
        self.first_word(l, function, arity).is_some_and(|w| w as u16 == Op::Nif as u16)
    }
    /// Replaces the first instruction of a function of a version by another of one word. False if there is no such function.
    pub fn set_first_word(&self, l: &Loaded, function: Term, arity: u8, word: u64) -> bool {
        let _one = self.change.lock();
        let Some(at) = l.entry(function, arity) else { return false };
        // SAFETY: rule 2, as above.
        self.replace_entry(unsafe { &*at }, word);
        true
    }

    /// The word `new` stands in for the instruction at `offset` from now on, if that is still `word`. `code` is its machine code.
    pub fn set_machine(&self, l: &Loaded, offset: usize, word: u64, new: u64, code: Box<dyn std::any::Any + Send + Sync>, bytes: usize) -> bool {
        let _one = self.change.lock();
        let mut machine = l.machine.lock();
        machine.0.push(code);
        machine.1 += bytes;
        // SAFETY: rule 2: a word within the code.
        let at = unsafe { &*l.at(offset as u32).cast::<AtomicU64>() };
        at.compare_exchange(word, new, AcqRel, Acquire).is_ok()
    }

    // ---- addresses
    /// The version of a module that an address is in.
    pub fn version_at(&self, address: *const u64) -> Option<Arc<Loaded>> {
        let a = address as usize;
        let ranges = self.ranges.read();
        let (_, l) = ranges.range(..=a).next_back()?;
        (a < l.end()).then(|| l.clone())
    }
    /// Does the instruction before this continuation call that native function?
    pub fn is_call_before(&self, back: *const u64, export: &'static Export) -> bool {
        let Some(l) = self.version_at(back.wrapping_sub(2)) else { return false };
        let at = (back as usize - l.start()) / 8;
        // SAFETY: rule 4.
        at >= 2 && unsafe { crate::op::interpreted(l.words[at - 2]) } as u16 == Op::CallNative as u16 && l.words[at - 1] == export as *const Export as u64
    }
    /// The function and line at an address.
    pub fn locate(&self, address: *const u64) -> Option<Located> {
        let mut found = None;
        self.locate_all(std::iter::once(address as u64), |_, place, location| {
            let location = location.map(|(file, line)| (file.to_owned(), line));
            found = Some(Located { location, ..place });
        });
        found
    }
    /// The functions and lines at some addresses, with the number of the address each time; those that are in no code are left out.
    pub fn locate_all(&self, addresses: impl Iterator<Item = u64>, mut act: impl FnMut(usize, Located, Option<(&str, u32)>)) {
        let ranges = self.ranges.read();
        let mut last = None;
        for (number, address) in addresses.enumerate() {
            let a = address as usize;
            // Most callers are in the module of those whom they call.
            let same = last.filter(|l: &&Arc<Loaded>| l.start() <= a && a < l.end());
            let Some(l) = same.or_else(|| ranges.range(..=a).next_back().map(|(_, l)| l).filter(|l| a < l.end())) else { continue };
            last = Some(l);
            let offset = ((a - l.start()) / 8) as u32;
            let (i, j) = l.begun(offset);
            let Some(i) = i.checked_sub(1) else { continue };
            let (start, function, arity) = l.functions[i];
            // A line instruction may stand right before `FuncInfo`.
            let line = j.checked_sub(1).map(|j| l.lines[j]).filter(|x| x.0 >= start);
            let item = line.and_then(|(_, item)| if item == 0 { None } else { l.items.get(item as usize) });
            let place = Located { module: l.name, function, arity, location: None };
            // ERTS has 24 bits for a line.
            match item.filter(|i| i.1 < 1 << 24) {
                None => act(number, place, None),
                Some(&(file, line)) => act(number, place, Some((l.files.get(file as usize).unwrap_or(&l.files[0]), line))),
            }
        }
    }

    /// Bytes of code and literals of all versions.
    pub fn memory(&self) -> usize {
        let r = self.ranges.read();
        r.values().map(|l| l.code_bytes() + l.literals.words() * 8 + (l.lines.len() + l.nearby.get().map_or(0, |n| n.len())) * 8).sum()
    }
}

impl Loaded {
}

/// The record of a function that no name leads to: calling it runs this one word.
pub fn loose_export(module: Term, function: Term, arity: u8, word: u64) -> &'static Export {
    let e: &'static Export = Box::leak(Box::new(Export {
        address: AtomicPtr::new(std::ptr::null_mut()),
        stub: [AtomicU64::new(word), AtomicU64::new(0)],
        module,
        function,
        arity,
        native: AtomicU32::new(0),
    }));
    e.address.store(e.stub[0].as_ptr(), Release);
    e
}

/// What tells one local fun from another.
#[derive(Clone, Copy, Debug)]
pub struct FunIdentity {
    pub module: Term,
    pub name: Term,
    pub arity: u8,
    pub num_free: u32,
    pub index: u32,
    pub old_uniq: u32,
    pub uniq: [u8; 16],
}

fn big_term(b: &beamfile::Big, room: &mut Alloc) -> Term {
    let limbs: Vec<u64> = b
        .magnitude
        .rchunks(8)
        .map(|c| c.iter().fold(0, |n, &x| n << 8 | u64::from(x)))
        .collect();
    room.integer(b.negative, &limbs)
}

/// Definitions {Module, Name, Exported, {Field...}} and defaults of a module's native records.
fn records(beam: &BeamFile, atoms: &[Term], literals: &[Term], room: &mut Alloc) -> Vec<(Term, Vec<Term>)> {
    let mut out = Vec::new();
    for r in &beam.records.list {
        let names: Vec<Term> = r.fields.iter().map(|f| atoms[f.0 as usize]).collect();
        let fields = room.tuple(&names);
        let def = room.tuple(&[atoms[1], atoms[r.name as usize], Term::bool(r.exported), fields]);
        let defaults = r
            .fields
            .iter()
            .map(|f| match f.1 {
                None => Term::NONE,
                Some(Arg::Atom(n)) => atoms[n as usize],
                Some(Arg::Int(n)) => room.int(n),
                Some(Arg::U(n)) => room.uint(n),
                Some(Arg::Literal(n)) => literals[n as usize],
                Some(Arg::BigInt(n)) => beam.records.bigs.get(n as usize).map_or(Term::NIL, |b| big_term(b, room)),
                Some(_) => Term::NIL,
            })
            .collect();
        out.push((def, defaults));
    }
    out
}

