//! Breakpoints: words at the beginning of functions that make their calls known. A point keeps the word that stood there;
//! what a call means to whom is in its `hook`, which others define. Not here: catching calls (`exec`), telling tracers (`node`).

use crate::Code;
use crate::op::{Op, head};
use base::hash::Map;
use base::sync::RwLock;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use term::Term;
use term::fun::Export;

/// What a point catches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// All calls of an Erlang function: its first word.
    Entry,
    /// All calls of a native function: its export's stub.
    Native,
    /// Calls of an Erlang function through its export only.
    Export,
}

/// One breakpoint.
pub struct Point {
    pub number: u32,
    pub site: Site,
    pub module: Term,
    pub function: Term,
    pub arity: u8,
    address: *const AtomicU64,
    export: Option<&'static Export>,
    /// The word that stands there without the breakpoint. A native function runs from here.
    original: AtomicU64,
    /// A debugger has it: its calls go to the error handler's `breakpoint/3`.
    debugged: AtomicBool,
    /// What a call is traced for; `None` for nothing any more.
    pub hook: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
}

// SAFETY: rule 2: the address is that of a code word or stub, which is only written as a whole.
unsafe impl Send for Point {}
// SAFETY: as above.
unsafe impl Sync for Point {}

/// How a call goes on behind a breakpoint.
pub enum Beyond {
    /// With this word instead of the one that is there.
    Here(u64),
    /// At another address.
    At(*const u64),
}

#[derive(Default)]
pub(crate) struct Points {
    list: Vec<Option<Arc<Point>>>,
    free: Vec<u32>,
    at: Map<usize, u32>,
}

/// A function that can have a breakpoint.
#[derive(Clone, Copy)]
pub struct Place {
    pub site: Site,
    pub module: Term,
    pub function: Term,
    pub arity: u8,
    address: *const AtomicU64,
    export: Option<&'static Export>,
}

impl Place {
    fn is_apply(&self) -> bool {
        is_apply(self.site, self.module, self.function)
    }
}

/// `erlang:apply/2,3` are how calls are made, not calls themselves, but where a process begins with them.
fn is_apply(site: Site, module: Term, function: Term) -> bool {
    site == Site::Native && module == term::am::ERLANG && function == term::am::APPLY
}

impl Point {
    /// The native functions and instructions that stand for functions run on without their stub's word.
    pub fn beyond(&self) -> Beyond {
        if self.site == Site::Export
            && let Some(e) = self.export
        {
            return Beyond::At(e.stub[1].load(Acquire) as *const u64);
        }
        let word = self.original.load(Acquire);
        if word as u16 == Op::Native as u16 || word as u16 == Op::Nif as u16 { Beyond::At(self.original.as_ptr()) } else { Beyond::Here(word) }
    }
    pub fn original(&self) -> u64 {
        self.original.load(Acquire)
    }
    /// Where the word that it keeps can be run from.
    pub fn original_address(&self) -> *const u64 {
        self.original.as_ptr()
    }
    fn word(&self) -> u64 {
        Op::Breakpoint as u64 | u64::from(self.number) << 16
    }
    /// True if calls go to a debugger.
    pub fn is_debugged(&self) -> bool {
        self.debugged.load(Acquire)
    }
    pub fn is_native(&self) -> bool {
        self.site == Site::Native
    }
}

impl Code {
    /// The breakpoint of a `Breakpoint` word.
    pub fn point(&self, number: u32) -> Option<Arc<Point>> {
        self.points.read().list.get(number as usize)?.clone()
    }
    /// What catches the calls of `erlang:apply/2`, given as its export, that a process begins with.
    pub fn point_of_apply(&self, export: &Export) -> Option<Arc<Point>> {
        if self.changes.load(Acquire) == 0 {
            return None;
        }
        let points = self.points.read();
        let number = *points.at.get(&(export.address.load(Acquire) as usize))?;
        points.list[number as usize].clone().filter(|p| p.hook.read().is_some())
    }
    /// Points with a hook.
    pub fn points(&self) -> Vec<Arc<Point>> {
        self.points_where(|p| p.hook.read().is_some())
    }
    fn points_where(&self, wanted: impl Fn(&Point) -> bool) -> Vec<Arc<Point>> {
        self.points.read().list.iter().flatten().filter(|p| wanted(p)).cloned().collect()
    }
    pub fn point_at(&self, place: &Place) -> Option<Arc<Point>> {
        let points = self.points.read();
        let number = *points.at.get(&(place.address as usize))?;
        points.list[number as usize].clone()
    }
    /// The point of a place, made if there is none yet; calls are not caught before `set_hook`.
    fn make_point(&self, place: &Place) -> Arc<Point> {
        if let Some(p) = self.point_at(place) {
            return p;
        }
        let mut points = self.points.write();
        let number = points.free.pop().unwrap_or_else(|| {
            points.list.push(None);
            points.list.len() as u32 - 1
        });
        // SAFETY: rules 2 and 4. A function that has a point is interpreted.
        let original = unsafe { crate::op::interpreted((*place.address).load(Acquire)) };
        let p = Arc::new(Point {
            number,
            site: place.site,
            module: place.module,
            function: place.function,
            arity: place.arity,
            address: place.address,
            export: place.export,
            original: AtomicU64::new(original),
            debugged: AtomicBool::new(false),
            hook: RwLock::new(None),
        });
        points.list[number as usize] = Some(p.clone());
        points.at.insert(place.address as usize, number);
        p
    }

    /// Calls of this place are caught from now on; with `None` no longer. `change` is given the present hook.
    pub fn change_hook<H: Any + Send + Sync>(&self, place: &Place, change: impl FnOnce(Option<Arc<H>>) -> Option<Arc<H>>) {
        let _one = self.change.lock();
        let there = self.point_at(place);
        let before = there.as_ref().and_then(|p| p.hook.read().clone()).and_then(|h| h.downcast::<H>().ok());
        let after = change(before);
        if after.is_none() && there.is_none() {
            return;
        }
        let point = there.unwrap_or_else(|| self.make_point(place));
        self.set_hook(&point, after);
    }
    fn set_hook<H: Any + Send + Sync>(&self, point: &Point, hook: Option<Arc<H>>) {
        *point.hook.write() = hook.map(|h| h as Arc<dyn Any + Send + Sync>);
        self.install(point, self.is_wanted(point));
    }
    fn is_wanted(&self, point: &Point) -> bool {
        point.hook.read().is_some() || point.is_debugged() || point.site != Site::Entry && self.watchers.load(Acquire) > 0
    }

    /// One more, or one less, wants all calls through exports to be caught, whatever else they are caught for.
    pub fn watch_exports(&self, on: bool) {
        let _one = self.change.lock();
        if on {
            if self.watchers.fetch_add(1, AcqRel) == 0 {
                self.catch_exports(None);
            }
        } else if self.watchers.fetch_sub(1, AcqRel) == 1 {
            for p in self.points_where(|p| p.site != Site::Entry) {
                self.install(&p, self.is_wanted(&p));
            }
        }
    }
    /// The exports of a module, or of all, get their points, while somebody watches.
    pub(crate) fn catch_exports(&self, module: Option<Term>) {
        if self.watchers.load(Acquire) == 0 {
            return;
        }
        for place in self.exports_like(module, None, None) {
            if !place.is_apply() {
                self.install(&*self.make_point(&place), true);
            }
        }
    }

    /// The same for a point that is there.
    pub fn change_point<H: Any + Send + Sync>(&self, point: &Point, change: impl FnOnce(Option<Arc<H>>) -> Option<Arc<H>>) {
        let _one = self.change.lock();
        let before = point.hook.read().clone().and_then(|h| h.downcast::<H>().ok());
        let after = change(before);
        self.set_hook(point, after);
    }

    /// A debugger's breakpoint is set or taken away.
    pub fn debug(&self, place: &Place, on: bool) {
        let _one = self.change.lock();
        let there = self.point_at(place);
        if there.is_none() && !on {
            return;
        }
        let point = there.unwrap_or_else(|| self.make_point(place));
        point.debugged.store(on, Release);
        self.install(&point, self.is_wanted(&point));
    }

    /// Puts the breakpoint's word in its place, or the original back. Who has just read the former word goes on as before.
    fn install(&self, point: &Point, on: bool) {
        self.changes.fetch_add(1, AcqRel);
        if is_apply(point.site, point.module, point.function) {
            return;
        }
        // SAFETY: rule 2: the code is there as long as its points are.
        let word = unsafe { &*point.address };
        match (point.site, on) {
            (Site::Export, true) => {
                let Some(e) = point.export else { return };
                let (stub, address) = (e.stub[0].as_ptr(), e.address.load(Acquire));
                if address != stub {
                    e.stub[1].store(address as u64, Release);
                    word.store(point.word(), Release);
                    e.address.store(stub, Release);
                }
            }
            (Site::Export, false) => {
                let Some(e) = point.export else { return };
                if word.load(Acquire) == point.word() {
                    e.address.store(e.stub[1].load(Acquire) as *mut u64, Release);
                    word.store(head(Op::Undefined, 0, 0, 0), Release);
                }
            }
            (_, true) => word.store(point.word(), Release),
            (_, false) => {
                if word.load(Acquire) == point.word() {
                    word.store(point.original(), Release);
                }
            }
        }
    }

    /// A version's code is no longer current: its calls are not caught any more.
    pub(crate) fn clear_points(&self, l: &crate::Loaded) {
        for p in self.points_where(|p| self.is_wanted(p)) {
            let export = p.site == Site::Export && p.module == l.name;
            if l.contains(p.address as u64) || export {
                *p.hook.write() = None;
                p.debugged.store(false, Release);
                self.install(&p, false);
            }
        }
    }
    /// The code goes: so do its points.
    pub(crate) fn forget_points(&self, l: &crate::Loaded) {
        let mut points = self.points.write();
        let gone: Vec<(usize, u32)> = points.at.iter().filter(|(a, _)| l.contains(**a as u64)).map(|(a, n)| (*a, *n)).collect();
        for (a, n) in gone {
            points.at.remove(&a);
            points.list[n as usize] = None;
            points.free.push(n);
        }
    }
    /// The word of a function's entry is replaced (a native function is provided).
    pub(crate) fn replace_entry(&self, entry: &AtomicU64, word: u64) {
        let points = self.points.read();
        let point = points.at.get(&(entry.as_ptr() as usize)).and_then(|n| points.list[*n as usize].as_ref());
        if let Some(p) = point {
            p.original.store(word, Release);
        }
        if entry.load(Acquire) as u16 != Op::Breakpoint as u16 {
            entry.store(word, Release);
        }
    }

    /// Functions of loaded modules, exported or not, that a pattern `{M, F, A}` with `'_'` (here `None`) means.
    pub fn functions_like(&self, m: Option<Term>, f: Option<Term>, arity: Option<u8>) -> Vec<Place> {
        let modules: Vec<Arc<crate::Loaded>> = match m {
            Some(m) => self.current(m).into_iter().collect(),
            None => self.loaded().into_iter().filter_map(|m| self.current(m)).collect(),
        };
        let mut out = Vec::new();
        for l in modules {
            for &(offset, function, n) in &l.functions {
                if f.is_some_and(|f| f != function) || arity.is_some_and(|a| a != n) {
                    continue;
                }
                out.push(match self.native_export(l.name, function, n) {
                    Some(e) => Place { site: Site::Native, module: l.name, function, arity: n, address: &e.stub[0], export: Some(e) },
                    None => Place { site: Site::Entry, module: l.name, function, arity: n, address: l.at(offset + 3).cast(), export: None },
                });
            }
        }
        out
    }
    fn native_export(&self, m: Term, f: Term, arity: u8) -> Option<&'static Export> {
        self.find_export(m, f, arity).filter(|e| e.native.load(Acquire) != 0)
    }
    /// The exported functions that a pattern means and that have code.
    pub fn exports_like(&self, m: Option<Term>, f: Option<Term>, arity: Option<u8>) -> Vec<Place> {
        let all = self.exports.read();
        let fits = |e: &&&'static Export| {
            m.is_none_or(|m| m == e.module) && f.is_none_or(|f| f == e.function) && arity.is_none_or(|a| a == e.arity)
        };
        let found: Vec<&'static Export> = all.values().filter(fits).copied().collect();
        drop(all);
        let place = |e: &'static Export| Place {
            site: if e.native.load(Acquire) != 0 { Site::Native } else { Site::Export },
            module: e.module,
            function: e.function,
            arity: e.arity,
            address: &e.stub[0],
            export: Some(e),
        };
        found.into_iter().filter(|e| self.is_callable(e)).map(place).collect()
    }
}
