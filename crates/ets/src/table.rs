//! One table: its kind, its owner and rights (fields that callers check), and the operations on single keys.
//! A hash table is split by hash into shards with a lock each; an ordered set has one lock. Results are copies.
//! Not here: walks over all objects (`traverse`), names and the list of tables (`tables`), who may call what.

use crate::hashed::Hashed;
use crate::object::Obj;
use crate::ordered::Ordered;
use base::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, OnceLock, Weak};
use term::magic::Magic;
use term::{Alloc, Fragment, Term, cmp, hash};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Set,
    OrderedSet,
    Bag,
    DuplicateBag,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Protection {
    Private,
    Protected,
    Public,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteConcurrency {
    Off,
    On,
    Auto,
    /// As asked for by a test.
    Locks(u32),
}

/// What `ets:new/2` was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub kind: Kind,
    pub protection: Protection,
    pub named: bool,
    pub keypos: usize,
    pub read_concurrency: bool,
    pub write_concurrency: WriteConcurrency,
    pub decentralized_counters: bool,
    pub compressed: bool,
    /// A list goes into a bag from its end, as programs could see by `lookup` before OTP 26.
    pub lists_from_end: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            kind: Kind::Set,
            protection: Protection::Protected,
            named: false,
            keypos: 1,
            read_concurrency: false,
            write_concurrency: WriteConcurrency::Off,
            decentralized_counters: false,
            compressed: false,
            lists_from_end: false,
        }
    }
}

/// Why an operation was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The table was deleted meanwhile.
    Gone,
    /// An argument is wrong.
    Badarg,
    /// No object with this key.
    NoKey,
    /// The object has no such position.
    Position,
    /// The position is that of the key.
    KeyPosition,
    /// The element is not an integer.
    NotInteger,
    /// The kind of table does not support this.
    Kind,
}

/// Who inherits a table, and what is told to the heir.
pub struct Heir {
    pub pid: Term,
    /// What it is told; `None`: nothing.
    pub data: Option<Term>,
    memory: Fragment,
}

impl Heir {
    /// Copies `data`.
    pub fn new(pid: Term, data: Option<Term>) -> Heir {
        match data.map(|d| term::copy::copy_out(d, term::copy::LiteralRange::NONE)) {
            Some((data, memory)) => Heir { pid, data: Some(data), memory },
            None => Heir { pid, data: None, memory: Fragment::EMPTY },
        }
    }
    pub fn words(&self) -> usize {
        self.memory.words()
    }
}

/// Who keeps the table fixed.
#[derive(Default)]
pub struct Fixations {
    /// In the order of their first call.
    pub by: Vec<(Term, usize)>,
    /// When the table became fixed (the caller's two clocks, raw).
    pub since: (i64, i64),
}

#[repr(align(64))]
struct Shard(RwLock<Hashed>);

enum Store {
    Hash(Box<[Shard]>),
    Tree(RwLock<Ordered>),
}

const SHARD_BITS: u32 = 4;

pub struct Table {
    /// Number of the table's reference.
    pub id: u64,
    pub options: Options,
    name: AtomicU64,
    owner: AtomicU64,
    protection: AtomicU8,
    deleted: AtomicBool,
    fixed: AtomicUsize,
    pub fixations: Mutex<Fixations>,
    pub heir: Mutex<Option<Heir>>,
    store: Store,
    magic: OnceLock<Weak<Magic>>,
}

/// A key's hash as tables use it. What ERTS makes of atoms is in their names, not in the release, and programs have got used
/// to the order that comes of it in small tables: the uppermost byte is the bucket.
#[inline(always)]
pub(crate) fn key_hash(key: Term) -> u64 {
    let hash = hash::hash(key);
    if key.is_atom() { u64::from(term::atom::phash(key)) << 56 | hash >> 8 } else { hash }
}

/// An open lock on what may hold one key.
pub enum Write<'a> {
    Hash(RwLockWriteGuard<'a, Hashed>, u64),
    Tree(RwLockWriteGuard<'a, Ordered>),
}

impl Write<'_> {
    /// The one object with this key (sets).
    pub fn get(&mut self, key: Term) -> Option<&mut Obj> {
        match self {
            Write::Hash(h, hash) => h.get_mut(*hash, key).map(|o| &mut o[0]),
            Write::Tree(t) => t.get_mut(key),
        }
    }
    /// Puts an object in place of the one with its key.
    pub fn put(&mut self, o: Obj) {
        match self {
            Write::Hash(h, hash) => h.replace(*hash, o),
            Write::Tree(t) => t.insert(o),
        }
    }
}

impl Table {
    pub fn new(id: u64, name: Term, owner: Term, options: Options) -> Table {
        let store = if options.kind == Kind::OrderedSet {
            Store::Tree(RwLock::new(Ordered::new(options.keypos)))
        } else {
            let bits = if options.protection == Protection::Private { 0 } else { SHARD_BITS };
            Store::Hash((0..1 << bits).map(|_| Shard(RwLock::new(Hashed::new(options.keypos, bits)))).collect())
        };
        Table {
            id,
            options,
            name: AtomicU64::new(name.raw()),
            owner: AtomicU64::new(owner.raw()),
            protection: AtomicU8::new(options.protection as u8),
            deleted: AtomicBool::new(false),
            fixed: AtomicUsize::new(0),
            fixations: Mutex::default(),
            heir: Mutex::new(None),
            store,
            magic: OnceLock::new(),
        }
    }

    // ---- fields
    pub fn kind(&self) -> Kind {
        self.options.kind
    }
    pub fn keypos(&self) -> usize {
        self.options.keypos
    }
    pub fn name(&self) -> Term {
        // SAFETY: an atom, from `new` or `set_name`.
        unsafe { Term::from_raw(self.name.load(Acquire)) }
    }
    pub(crate) fn set_name(&self, name: Term) {
        self.name.store(name.raw(), Release);
    }
    /// The owner's local pid.
    pub fn owner(&self) -> Term {
        // SAFETY: a local pid, from `new` or `set_owner`.
        unsafe { Term::from_raw(self.owner.load(Acquire)) }
    }
    pub fn set_owner(&self, pid: Term) {
        debug_assert!(pid.is_immediate());
        self.owner.store(pid.raw(), Release);
    }
    pub fn protection(&self) -> Protection {
        match self.protection.load(Relaxed) {
            0 => Protection::Private,
            1 => Protection::Protected,
            _ => Protection::Public,
        }
    }
    pub fn set_protection(&self, p: Protection) {
        self.protection.store(p as u8, Relaxed);
    }
    #[inline(always)]
    pub fn may_read(&self, pid: Term) -> bool {
        self.protection() != Protection::Private || self.owner() == pid
    }
    #[inline(always)]
    pub fn may_write(&self, pid: Term) -> bool {
        self.protection() == Protection::Public || self.owner() == pid
    }
    #[inline(always)]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Acquire)
    }
    /// True for the one caller that is to take the contents away.
    pub(crate) fn mark_deleted(&self) -> bool {
        !self.deleted.swap(true, AcqRel)
    }
    pub(crate) fn set_magic(&self, m: &Arc<Magic>) {
        let _ = self.magic.set(Arc::downgrade(m));
    }
    /// The value of the table's reference.
    pub fn magic(&self) -> Option<Arc<Magic>> {
        self.magic.get()?.upgrade()
    }
    /// The table's reference.
    pub fn tid(&self, a: &mut Alloc) -> Term {
        match self.magic() {
            Some(m) => a.magic_ref(m),
            None => a.reference(self.id, 0),
        }
    }
    /// How it is called: its name, or its reference.
    pub fn handle(&self, a: &mut Alloc) -> Term {
        if self.options.named { self.name() } else { self.tid(a) }
    }

    // ---- locks
    #[inline(always)]
    pub(crate) fn shards(&self) -> usize {
        match &self.store {
            Store::Hash(s) => s.len(),
            Store::Tree(_) => 1,
        }
    }
    #[inline(always)]
    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        match &self.store {
            Store::Hash(s) if s.len() > 1 => (hash >> (64 - SHARD_BITS)) as usize,
            _ => 0,
        }
    }
    /// Behind every hash of a shard.
    pub(crate) fn end_of(&self, shard: usize) -> u64 {
        if self.shards() > 1 { (shard as u64) << (64 - SHARD_BITS) | u64::MAX >> SHARD_BITS } else { u64::MAX }
    }
    #[inline(always)]
    pub(crate) fn read_hash(&self, shard: usize) -> Option<RwLockReadGuard<'_, Hashed>> {
        match &self.store {
            Store::Hash(s) => Some(s[shard].0.read()),
            Store::Tree(_) => None,
        }
    }
    pub(crate) fn write_hash(&self, shard: usize) -> Option<RwLockWriteGuard<'_, Hashed>> {
        match &self.store {
            Store::Hash(s) => Some(s[shard].0.write()),
            Store::Tree(_) => None,
        }
    }
    #[inline(always)]
    pub(crate) fn read_tree(&self) -> Option<RwLockReadGuard<'_, Ordered>> {
        match &self.store {
            Store::Tree(t) => Some(t.read()),
            Store::Hash(_) => None,
        }
    }
    pub(crate) fn write_tree(&self) -> Option<RwLockWriteGuard<'_, Ordered>> {
        match &self.store {
            Store::Tree(t) => Some(t.write()),
            Store::Hash(_) => None,
        }
    }
    /// Locks what may hold `key`.
    fn write(&self, key: Term) -> Result<Write<'_>, Error> {
        let w = match &self.store {
            Store::Hash(_) => {
                let h = key_hash(key);
                Write::Hash(self.write_hash(self.shard_of(h)).ok_or(Error::Kind)?, h)
            }
            Store::Tree(t) => Write::Tree(t.write()),
        };
        if self.is_deleted() { Err(Error::Gone) } else { Ok(w) }
    }
    /// Calls `f` with the objects of a key, oldest first, under the lock.
    #[inline(always)]
    pub fn with<R>(&self, key: Term, f: impl FnOnce(&[Obj]) -> R) -> Result<R, Error> {
        match &self.store {
            Store::Hash(s) => {
                let h = key_hash(key);
                let g = s[self.shard_of(h)].0.read();
                if self.is_deleted() {
                    return Err(Error::Gone);
                }
                Ok(f(g.get(h, key).unwrap_or(&[])))
            }
            Store::Tree(t) => {
                let g = t.read();
                if self.is_deleted() {
                    return Err(Error::Gone);
                }
                Ok(f(g.get(key).map_or(&[], std::slice::from_ref)))
            }
        }
    }

    // ---- reading
    /// `ets:lookup/2`: a list of copies.
    #[inline]
    pub fn lookup(&self, key: Term, a: &mut Alloc) -> Result<Term, Error> {
        self.with(key, |objects| {
            let mut list = Term::NIL;
            for o in objects.iter().rev() {
                let c = o.copy_to(a);
                list = a.cons(c, list);
            }
            list
        })
    }
    pub fn member(&self, key: Term) -> Result<bool, Error> {
        self.with(key, |objects| !objects.is_empty())
    }
    /// `ets:lookup_element/3`: an element, or a list of elements for bags.
    pub fn lookup_element(&self, key: Term, position: usize, a: &mut Alloc) -> Result<Term, Error> {
        let bag = matches!(self.kind(), Kind::Bag | Kind::DuplicateBag);
        self.with(key, |objects| {
            if objects.is_empty() {
                return Err(Error::NoKey);
            }
            let mut list = Term::NIL;
            for o in objects.iter().rev() {
                let e = *position.checked_sub(1).and_then(|i| o.elements().get(i)).ok_or(Error::Position)?;
                let c = copy_term(e, a);
                if !bag {
                    return Ok(c);
                }
                list = a.cons(c, list);
            }
            Ok(list)
        })?
    }
    /// Number of objects.
    pub fn size(&self) -> usize {
        match &self.store {
            Store::Hash(s) => s.iter().map(|s| s.0.read().len()).sum(),
            Store::Tree(t) => t.read().len(),
        }
    }
    /// Words that the table takes.
    pub fn memory(&self) -> usize {
        let head = (size_of::<Table>() + self.shards() * size_of::<Shard>()) / 8;
        let heir = self.heir.lock().as_ref().map_or(0, Heir::words);
        head + heir
            + match &self.store {
                Store::Hash(s) => s.iter().map(|s| s.0.read().words()).sum(),
                Store::Tree(t) => t.read().words(),
            }
    }

    /// How well objects are spread; `None` for ordered sets. Chains are the objects of a place, or of two where places are many.
    pub fn stats(&self) -> Option<Stats> {
        let Store::Hash(shards) = &self.store else { return None };
        let mut s = Stats { least: usize::MAX, locks: shards.len(), ..Stats::default() };
        let (mut objects, mut squares) = (0usize, 0usize);
        for shard in shards {
            let h = shard.0.read();
            s.kept += h.kept();
            let group = if h.places() > 1 && (h.len() + h.kept()) * 2 < h.places() { 1 } else { 0 };
            s.places += h.places() >> group;
            h.chains(group, |n| {
                objects += n;
                squares += n * n;
                s.most = s.most.max(n);
                s.least = s.least.min(n);
            });
        }
        let n = s.places as f64;
        s.average = objects as f64 / n;
        s.deviation = (squares as f64 / n - s.average * s.average).max(0.0).sqrt();
        s.expected = (s.average * (1.0 - 1.0 / n)).max(0.0).sqrt();
        Some(s)
    }

    // ---- writing
    /// True if `object` can stand in this table.
    pub fn accepts(&self, object: Term) -> bool {
        object.as_tuple().is_some_and(|e| e.len() >= self.keypos())
    }
    #[inline]
    fn key_of(&self, object: Term) -> Term {
        object.as_tuple().map_or(Term::NIL, |e| e[self.keypos() - 1])
    }
    fn insert_locked(&self, w: &mut Write<'_>, o: Obj) {
        match w {
            Write::Tree(t) => t.insert(o),
            Write::Hash(h, hash) => match self.kind() {
                Kind::Bag => {
                    let same = |x: &Obj| cmp::eq_exact(x.term(), o.term());
                    if !h.get(*hash, o.key(self.keypos())).is_some_and(|all| all.iter().any(same)) {
                        h.add(*hash, o);
                    }
                }
                Kind::DuplicateBag => h.add(*hash, o),
                _ => h.replace(*hash, o),
            },
        }
    }
    /// `ets:insert/2` of one tuple that the table `accepts`.
    #[inline]
    pub fn insert(&self, object: Term) -> Result<(), Error> {
        let o = Obj::new(object);
        let mut w = self.write(self.key_of(object))?;
        self.insert_locked(&mut w, o);
        Ok(())
    }
    /// `ets:insert/2` of several: all at once for whoever looks.
    pub fn insert_all(&self, objects: &[Term]) -> Result<(), Error> {
        self.insert_many(objects, false).map(|_| ())
    }
    /// `ets:insert_new/2`: all or none.
    pub fn insert_new(&self, objects: &[Term]) -> Result<bool, Error> {
        self.insert_many(objects, true)
    }
    fn insert_many(&self, objects: &[Term], only_new: bool) -> Result<bool, Error> {
        let keys: Vec<(u64, Term)> = objects
            .iter()
            .map(|o| {
                let k = self.key_of(*o);
                (if self.kind() == Kind::OrderedSet { 0 } else { key_hash(k) }, k)
            })
            .collect();
        let copies: Vec<Obj> = objects.iter().map(|o| Obj::new(*o)).collect();
        match &self.store {
            Store::Tree(t) => {
                let mut t = t.write();
                if self.is_deleted() {
                    return Err(Error::Gone);
                }
                if only_new && keys.iter().any(|k| t.get(k.1).is_some()) {
                    return Ok(false);
                }
                copies.into_iter().for_each(|o| t.insert(o));
            }
            Store::Hash(shards) => {
                // Always in the shards' order, so that two such calls cannot wait for each other.
                let mut needed = vec![false; shards.len()];
                keys.iter().for_each(|k| needed[self.shard_of(k.0)] = true);
                let mut locked: Vec<Option<RwLockWriteGuard<'_, Hashed>>> =
                    shards.iter().zip(needed).map(|(s, n)| n.then(|| s.0.write())).collect();
                if self.is_deleted() {
                    return Err(Error::Gone);
                }
                if only_new {
                    let there = |k: &(u64, Term)| locked[self.shard_of(k.0)].as_ref().is_some_and(|h| h.get(k.0, k.1).is_some());
                    if keys.iter().any(there) {
                        return Ok(false);
                    }
                }
                let mut todo: Vec<(&(u64, Term), Obj)> = keys.iter().zip(copies).collect();
                if self.kind() == Kind::Bag && self.options.lists_from_end {
                    todo.reverse();
                }
                for ((hash, _), o) in todo {
                    let at = self.shard_of(*hash);
                    if let Some(h) = locked[at].take() {
                        let mut w = Write::Hash(h, *hash);
                        self.insert_locked(&mut w, o);
                        if let Write::Hash(h, _) = w {
                            locked[at] = Some(h);
                        }
                    }
                }
            }
        }
        Ok(true)
    }
    /// `ets:delete/2`; how many there were.
    pub fn delete(&self, key: Term) -> Result<usize, Error> {
        Ok(match self.write(key)? {
            Write::Hash(mut h, hash) => h.remove(hash, key).len(),
            Write::Tree(mut t) => usize::from(t.remove(key).is_some()),
        })
    }
    /// `ets:delete_object/2`.
    pub fn delete_object(&self, object: Term) -> Result<usize, Error> {
        if !self.accepts(object) {
            return Ok(0);
        }
        let key = self.key_of(object);
        Ok(match self.write(key)? {
            Write::Hash(mut h, hash) => h.remove_if(hash, key, |o| cmp::eq_exact(o.term(), object)).len(),
            Write::Tree(mut t) => {
                let same = t.get(key).is_some_and(|o| cmp::eq_exact(o.term(), object));
                usize::from(same && t.remove(key).is_some())
            }
        })
    }
    /// `ets:take/2`: the objects with this key, which are in the table no more.
    pub fn take(&self, key: Term, a: &mut Alloc) -> Result<Term, Error> {
        let out = match self.write(key)? {
            Write::Hash(mut h, hash) => h.remove(hash, key),
            Write::Tree(mut t) => t.remove(key).into_iter().collect(),
        };
        let mut list = Term::NIL;
        for o in out.iter().rev() {
            let c = o.copy_to(a);
            list = a.cons(c, list);
        }
        Ok(list)
    }
    /// Changes the object of `key` (sets only): `f` gets its elements and what to write into, and tells the new values of some
    /// positions (from 1). Without such an object `default` is used (a tuple that the table accepts), whose key becomes `key`.
    pub fn update<R>(
        &self,
        key: Term,
        default: Option<Term>,
        f: impl FnOnce(&[Term], &mut Alloc, &mut Vec<(usize, Term)>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if matches!(self.kind(), Kind::Bag | Kind::DuplicateBag) {
            return Err(Error::Kind);
        }
        let mut w = self.write(key)?;
        let mut scratch = Alloc::new();
        let mut changes = Vec::new();
        let (elements, fresh): (Vec<Term>, bool) = match (w.get(key), default) {
            (Some(o), _) => (o.elements().to_vec(), false),
            (None, Some(d)) => {
                let mut e = d.as_tuple().ok_or(Error::Badarg)?.to_vec();
                *e.get_mut(self.keypos() - 1).ok_or(Error::Badarg)? = key;
                (e, true)
            }
            (None, None) => return Err(Error::NoKey),
        };
        let result = f(&elements, &mut scratch, &mut changes)?;
        if changes.is_empty() && !fresh {
            return Ok(result);
        }
        if !fresh
            && let Some(o) = w.get(key)
        {
            let simple = |c: &(usize, Term)| c.1.is_immediate() && elements[c.0 - 1].is_immediate();
            if changes.iter().all(simple) {
                for (position, value) in changes {
                    o.set_immediate(position, value);
                }
                return Ok(result);
            }
        }
        let mut elements = elements;
        for (position, value) in changes {
            elements[position - 1] = value;
        }
        let t = scratch.tuple(&elements);
        w.put(Obj::new(t));
        Ok(result)
    }

    // ---- emptying
    /// Takes everything out at once (`ets:delete_all_objects/1`); free it in pieces with `Remains::free_some`.
    pub fn take_all(&self) -> Remains {
        match &self.store {
            Store::Hash(shards) => {
                let mut locked: Vec<_> = shards.iter().map(|s| s.0.write()).collect();
                Remains { hashed: locked.iter_mut().map(|h| h.take_all()).collect(), tree: None }
            }
            Store::Tree(t) => Remains { hashed: Vec::new(), tree: Some(t.write().take_all()) },
        }
    }

    // ---- fixing
    pub fn is_fixed(&self) -> bool {
        self.fixed.load(Acquire) > 0
    }
    fn fix_store(&self, on: bool) {
        if let Store::Hash(shards) = &self.store {
            for s in shards {
                s.0.write().fix(on);
            }
        }
    }
    /// One more fixation by `pid`; `now` (two raw clocks) is noted if it is the first of all.
    pub fn fix(&self, pid: Term, now: impl FnOnce() -> (i64, i64)) {
        let mut f = self.fixations.lock();
        match f.by.iter_mut().find(|x| x.0 == pid) {
            Some(x) => x.1 += 1,
            None => {
                if f.by.is_empty() {
                    f.since = now();
                    self.fixed.store(1, Release);
                    self.fix_store(true);
                }
                f.by.push((pid, 1));
            }
        }
    }
    /// One fixation less; `all`: every one of this process.
    pub fn unfix(&self, pid: Term, all: bool) {
        let mut f = self.fixations.lock();
        let Some(i) = f.by.iter().position(|x| x.0 == pid) else { return };
        f.by[i].1 -= 1;
        if all || f.by[i].1 == 0 {
            f.by.remove(i);
        }
        if f.by.is_empty() {
            self.fixed.store(0, Release);
            self.fix_store(false);
        }
    }
}

/// See `Table::stats`.
#[derive(Default, Clone, Copy, Debug)]
pub struct Stats {
    pub places: usize,
    pub average: f64,
    pub deviation: f64,
    /// The deviation of an even spread.
    pub expected: f64,
    pub least: usize,
    pub most: usize,
    /// Keys deleted while the table is fixed.
    pub kept: usize,
    pub locks: usize,
}

/// Contents taken out of a table.
pub struct Remains {
    hashed: Vec<Hashed>,
    tree: Option<Ordered>,
}

impl Remains {
    /// Objects that are left.
    pub fn len(&self) -> usize {
        self.hashed.iter().map(Hashed::len).sum::<usize>() + self.tree.as_ref().map_or(0, Ordered::len)
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Frees about `n` objects; true when nothing is left.
    pub fn free_some(&mut self, n: usize) -> bool {
        if let Some(t) = &mut self.tree {
            t.free_some(n);
            return t.is_empty();
        }
        if let Some(h) = self.hashed.last_mut() {
            h.free_some(n);
            if h.is_empty() {
                self.hashed.pop();
            }
        }
        self.hashed.is_empty()
    }
}

/// A copy of any term of a table.
#[inline(always)]
pub(crate) fn copy_term(t: Term, a: &mut Alloc) -> Term {
    term::copy::copy(t, a, term::copy::LiteralRange::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matchspec::{Dialect, Machine, MatchSpec, NoHooks};
    use crate::traverse::{Cursor, Scope};
    use term::am;

    const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];
    const ME: Term = Term::pid(1, 0);

    fn table(kind: Kind) -> Table {
        Table::new(1, am::OK, ME, Options { kind, ..Options::default() })
    }
    fn pair(a: &mut Alloc, k: i64, v: i64) -> Term {
        a.tuple(&[Term::small(k), Term::small(v)])
    }
    fn all(t: &Table, a: &mut Alloc, chunk: usize) -> Vec<(i64, i64)> {
        let mut out = Vec::new();
        let mut cursor = Cursor::Start;
        loop {
            let next = t
                .walk(&Scope::ALL, cursor, false, chunk, a, &mut |o, _| {
                    out.push((o.elements()[0].small_value(), o.elements()[1].small_value()));
                    crate::traverse::Go::On
                })
                .unwrap();
            match next {
                Some(c) => cursor = c,
                None => return out,
            }
        }
    }

    #[test]
    fn what_is_inserted_is_found_and_what_is_deleted_is_not() {
        for kind in KINDS {
            let t = table(kind);
            let a = &mut Alloc::new();
            for k in 0..5000 {
                let p = pair(a, k, k * 2);
                t.insert(p).unwrap();
            }
            assert_eq!(t.size(), 5000);
            for k in 0..5000 {
                let l = t.lookup(Term::small(k), a).unwrap();
                assert_eq!(l.head().as_tuple().unwrap()[1], Term::small(k * 2));
            }
            let mut seen = all(&t, a, 7);
            seen.sort();
            assert_eq!(seen, (0..5000).map(|k| (k, 2 * k)).collect::<Vec<_>>());
            for k in (0..5000).step_by(2) {
                assert_eq!(t.delete(Term::small(k)), Ok(1));
            }
            assert_eq!(t.size(), 2500);
            for k in 0..5000 {
                assert_eq!(t.member(Term::small(k)), Ok(k % 2 == 1));
            }
            let mut rest = t.take_all();
            assert_eq!((t.size(), rest.len()), (0, 2500));
            while !rest.free_some(100) {}
        }
    }

    #[test]
    fn bags_keep_the_order_of_insertion_and_sets_the_last() {
        let a = &mut Alloc::new();
        for (kind, expected) in [(Kind::Set, vec![1]), (Kind::OrderedSet, vec![1]), (Kind::Bag, vec![3, 1, 2]), (Kind::DuplicateBag, vec![3, 1, 2, 1])] {
            let t = table(kind);
            for v in [3, 1, 2, 1] {
                let p = pair(a, 7, v);
                t.insert(p).unwrap();
            }
            let l = t.lookup(Term::small(7), a).unwrap();
            assert_eq!(l.iter().map(|x| x.as_tuple().unwrap()[1].small_value()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn ordered_sets_compare_keys_by_value() {
        let t = table(Kind::OrderedSet);
        let a = &mut Alloc::new();
        let one = a.float(1.0);
        let o = a.tuple(&[one, am::TRUE]);
        t.insert(o).unwrap();
        let p = pair(a, 1, 5);
        t.insert(p).unwrap();
        assert_eq!(t.size(), 1);
        assert_eq!(t.lookup_element(one, 2, a), Ok(Term::small(5)));
        assert_eq!(t.lookup_element(one, 1, a), Ok(Term::small(1)));
    }

    #[test]
    fn order_of_all_sorts_of_keys() {
        let t = table(Kind::OrderedSet);
        let a = &mut Alloc::new();
        let big = a.uint(u64::MAX);
        let neg = a.int(i64::MIN);
        let mut keys = vec![neg, Term::small(-5), Term::small(3), Term::small(1 << 52), big, term::atom!("a"), term::atom!("abcdefgh1"), term::atom!("abcdefgh2")];
        for f in [-1.0e300, -5.5, 3.5, 1.0e300] {
            keys.push(a.float(f));
        }
        for n in [0usize, 1, 2, 3] {
            let e: Vec<Term> = (0..n as i64).map(Term::small).collect();
            keys.push(a.tuple(&e));
            keys.push(a.list(&e));
        }
        for b in [&b""[..], b"a", b"a\0", b"abcdefgh", b"abcdefgz"] {
            keys.push(a.binary(b));
        }
        for k in &keys {
            let o = a.tuple(&[*k]);
            t.insert(o).unwrap();
        }
        keys.sort_by(|x, y| cmp::cmp(*x, *y));
        let mut at = t.first(|o| copy_term(o.unwrap().key(1), a)).unwrap();
        for k in &keys {
            assert!(cmp::eq_exact(*k, at), "{k:?} {at:?}");
            at = t.next(at, |o| o.map_or(am::END_OF_TABLE, |o| copy_term(o.key(1), a))).unwrap();
        }
        assert_eq!(at, am::END_OF_TABLE);
    }

    #[test]
    fn next_goes_on_from_a_deleted_key_while_fixed() {
        let t = table(Kind::Set);
        let a = &mut Alloc::new();
        for k in 0..100 {
            let p = pair(a, k, 0);
            t.insert(p).unwrap();
        }
        t.fix(ME, || (1, 2));
        let mut n = 0;
        let mut at = t.first(|o| o.unwrap().key(1)).unwrap();
        while at != am::END_OF_TABLE {
            t.delete(at).unwrap();
            n += 1;
            at = t.next(at, |o| o.map_or(am::END_OF_TABLE, |o| o.key(1))).unwrap();
        }
        assert_eq!((n, t.size()), (100, 0));
        t.unfix(ME, false);
        assert_eq!(t.next(Term::small(1), |_| ()), Err(Error::NoKey));
    }

    fn select(t: &Table, spec: Term, a: &mut Alloc) -> Vec<Term> {
        let spec = MatchSpec::compile(spec, Dialect::Table, 27).unwrap();
        let scope = Scope::of(&spec, t);
        let mut hooks = NoHooks;
        let mut m = Machine::new(&mut hooks);
        let mut out = Vec::new();
        let mut cursor = Cursor::Start;
        while let Some(c) = t.select(&spec, &scope, &mut m, cursor, false, 3, usize::MAX, a, &mut out).unwrap() {
            cursor = c;
        }
        out
    }

    #[test]
    fn selects() {
        for kind in KINDS {
            let t = table(kind);
            let a = &mut Alloc::new();
            for k in 0..50 {
                let key = a.tuple(&[Term::small(k / 10), Term::small(k % 10)]);
                let o = a.tuple(&[key, Term::small(k)]);
                t.insert(o).unwrap();
            }
            let (v1, v2) = (term::atom!("$1"), term::atom!("$2"));
            let key = a.tuple(&[Term::small(3), v1]);
            let head = a.tuple(&[key, v2]);
            let less = a.tuple(&[am::LT, v1, Term::small(4)]);
            let guards = a.list(&[less]);
            let sum = a.tuple(&[am::PLUS, v1, v2]);
            let pair = a.tuple(&[v2, sum]);
            let pair = a.tuple(&[pair]);
            let body = a.list(&[pair]);
            let c = a.tuple(&[head, guards, body]);
            let spec = a.list(&[c]);
            let mut found: Vec<(i64, i64)> = select(&t, spec, a)
                .iter()
                .map(|t| (t.as_tuple().unwrap()[0].small_value(), t.as_tuple().unwrap()[1].small_value()))
                .collect();
            found.sort();
            assert_eq!(found, [(30, 30), (31, 32), (32, 34), (33, 36)]);
        }
    }

    #[test]
    fn counters_change_in_place() {
        for kind in [Kind::Set, Kind::OrderedSet] {
            let t = table(kind);
            let a = &mut Alloc::new();
            let p = pair(a, 1, 10);
            t.insert(p).unwrap();
            let add = |e: &[Term], a: &mut Alloc, ch: &mut Vec<(usize, Term)>| {
                let n = term::int::add(a, e[1], Term::small(i64::MAX >> 1)).map_err(|_| Error::Badarg)?;
                ch.push((2, n));
                Ok(())
            };
            t.update(Term::small(1), None, add).unwrap();
            t.update(Term::small(1), None, add).unwrap();
            let n = t.lookup_element(Term::small(1), 2, a).unwrap();
            assert_eq!(n.as_u64(), Some(10 + 2 * (i64::MAX >> 1) as u64));
            assert_eq!(t.update(Term::small(2), None, add), Err(Error::NoKey));
        }
    }
}
