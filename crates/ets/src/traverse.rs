//! Walks over a table in chunks: whoever walks holds the lock for one chunk and remembers a `Cursor` between them, so
//! that other processes get their turn and the walk goes on after any change. Select, count, delete, replace.

use crate::hashed::Hashed;
use crate::matchspec::{Keys, Machine, MatchSpec, bound_front};
use crate::object::Obj;
use crate::table::{Error, Kind, Table, copy_term, key_hash};
use term::{Alloc, Term, cmp};

/// Where a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cursor {
    Start,
    /// Behind the objects with this hash.
    Hash(u64),
    /// Behind (in a reverse walk: before) this key.
    Key(Term),
}

/// What a walk looks at: all objects, those of some keys, or a range of keys.
pub struct Scope {
    keys: Keys,
    /// Arity and front elements that all keys have (ordered sets).
    front: Option<(usize, Vec<Term>)>,
}

impl Scope {
    pub const ALL: Scope = Scope { keys: Keys::Any, front: None };
    /// Where objects that a specification takes can be.
    pub fn of(spec: &MatchSpec, table: &Table) -> Scope {
        let mut keys = spec.keys(table.keypos());
        let mut front = None;
        if table.kind() == Kind::OrderedSet {
            if let Keys::These(k) = &mut keys {
                k.sort_by(|a, b| cmp::cmp(*a, *b));
                k.dedup_by(|a, b| cmp::eq(*a, *b));
            } else if let Some(p) = spec.key_pattern(table.keypos()) {
                front = bound_front(p).filter(|f| !f.1.is_empty());
            }
        }
        Scope { keys, front }
    }
    /// True if only given keys are looked at.
    pub fn is_bound(&self) -> bool {
        self.keys != Keys::Any
    }
    fn holds(&self, key: Term) -> bool {
        match &self.front {
            None => true,
            Some((arity, front)) => {
                key.as_tuple().is_some_and(|e| e.len() == *arity && front.iter().zip(e).all(|(x, y)| cmp::eq(*x, *y)))
            }
        }
    }
}

/// What a visitor wants after an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Go {
    On,
    /// Stop as soon as a cursor can say where.
    Stop,
}

/// The objects of one key, in the order in which they came or the newest first.
fn visit(objects: &[Obj], newest_first: bool, mut f: impl FnMut(&Obj)) {
    if newest_first { objects.iter().rev().for_each(f) } else { objects.iter().for_each(&mut f) }
}

impl Table {
    /// Visits objects from `cursor` on until `budget` objects have been seen, the visitor says stop, or the end (`None`).
    /// The next cursor's key is copied into `a`. In a bag a reverse walk only sees the objects of each key newest first.
    pub fn walk(
        &self,
        scope: &Scope,
        cursor: Cursor,
        reverse: bool,
        budget: usize,
        a: &mut Alloc,
        f: &mut dyn FnMut(&Obj, &mut Alloc) -> Go,
    ) -> Result<Option<Cursor>, Error> {
        match &scope.keys {
            Keys::None => return Ok(None),
            Keys::These(keys) => {
                // Few enough to be done at once.
                let bag = self.kind() != Kind::OrderedSet;
                let mut one = |k: &Term| {
                    self.with(*k, |objects| {
                        visit(objects, bag && reverse, |o| {
                            f(o, a);
                        })
                    })
                };
                return if reverse && !bag {
                    keys.iter().rev().try_for_each(&mut one)
                } else {
                    keys.iter().try_for_each(&mut one)
                }
                .map(|()| None);
            }
            Keys::Any => {}
        }
        if let Some(tree) = self.read_tree() {
            if self.is_deleted() {
                return Err(Error::Gone);
            }
            let key = if let Cursor::Key(k) = cursor { Some(k) } else { None };
            let objects: &mut dyn Iterator<Item = &Obj> = match (&scope.front, key, reverse) {
                (Some((n, front)), None, false) => &mut tree.from_front(*n, front),
                (Some((n, front)), None, true) => &mut tree.before_front(*n, front),
                (_, _, false) => &mut tree.after(key),
                (_, _, true) => &mut tree.before(key),
            };
            let mut seen = 0;
            for o in objects {
                if !scope.holds(o.key(self.keypos())) {
                    return Ok(None);
                }
                seen += 1;
                if f(o, a) == Go::Stop || seen >= budget {
                    return Ok(Some(Cursor::Key(copy_term(o.key(self.keypos()), a))));
                }
            }
            return Ok(None);
        }
        let mut after = if let Cursor::Hash(h) = cursor { Some(h) } else { None };
        let mut seen = 0;
        let first = after.map_or(0, |h| self.shard_of(h));
        for shard in first..self.shards() {
            let Some(hashed) = self.read_hash(shard) else { return Ok(None) };
            if self.is_deleted() {
                return Err(Error::Gone);
            }
            let mut stop = false;
            for (hash, objects) in hashed.iter_after(after.filter(|_| shard == first)) {
                if (stop || seen >= budget && hashed.is_lasting()) && after != Some(hash) {
                    return Ok(after.map(Cursor::Hash));
                }
                after = Some(hash);
                visit(objects, reverse, |o| {
                    seen += 1;
                    stop |= f(o, a) == Go::Stop;
                });
            }
            if (stop || seen >= budget) && shard + 1 < self.shards() {
                return Ok(Some(Cursor::Hash(self.end_of(shard))));
            }
        }
        Ok(None)
    }

    /// Adds what a specification gives for the objects of one chunk to `results`; stops soon after `limit` results are there.
    #[allow(clippy::too_many_arguments)]
    pub fn select(
        &self,
        spec: &MatchSpec,
        scope: &Scope,
        m: &mut Machine<'_>,
        cursor: Cursor,
        reverse: bool,
        budget: usize,
        limit: usize,
        a: &mut Alloc,
        results: &mut Vec<Term>,
    ) -> Result<Option<Cursor>, Error> {
        self.walk(scope, cursor, reverse, budget, a, &mut |o, a| {
            if let Some(t) = spec.run(m, o.term(), a) {
                results.push(t);
            }
            if results.len() >= limit { Go::Stop } else { Go::On }
        })
    }
    /// Counts the objects of one chunk for which a specification gives `true`.
    pub fn select_count(
        &self,
        spec: &MatchSpec,
        scope: &Scope,
        m: &mut Machine<'_>,
        cursor: Cursor,
        budget: usize,
        a: &mut Alloc,
    ) -> Result<(usize, Option<Cursor>), Error> {
        let mut n = 0;
        let next = self.walk(scope, cursor, false, budget, a, &mut |o, _| {
            n += usize::from(spec.test(m, o.term()));
            Go::On
        })?;
        Ok((n, next))
    }
    /// Deletes the objects of one chunk for which a specification gives `true`.
    pub fn select_delete(
        &self,
        spec: &MatchSpec,
        scope: &Scope,
        m: &mut Machine<'_>,
        cursor: Cursor,
        budget: usize,
        a: &mut Alloc,
    ) -> Result<(usize, Option<Cursor>), Error> {
        let mut n = 0;
        let mut dead = Vec::new();
        let next = self.change(
            scope,
            cursor,
            budget,
            a,
            &mut |o| if spec.test(m, o.term()) { Change::Delete } else { Change::Keep },
            &mut dead,
            &mut n,
        )?;
        Ok((n, next))
    }
    /// Replaces the objects of one chunk that a specification takes by what it gives (which must have the same key; see `keeps_key`).
    pub fn select_replace(
        &self,
        spec: &MatchSpec,
        scope: &Scope,
        m: &mut Machine<'_>,
        cursor: Cursor,
        budget: usize,
        a: &mut Alloc,
    ) -> Result<(usize, Option<Cursor>), Error> {
        let mut n = 0;
        let mut dead = Vec::new();
        let keypos = self.keypos();
        let next = self.change(
            scope,
            cursor,
            budget,
            a,
            &mut |o| {
                let mut scratch = Alloc::new();
                match spec.run(m, o.term(), &mut scratch) {
                    Some(t)
                        if t.as_tuple().is_some_and(|e| e.get(keypos - 1).is_some_and(|k| cmp::eq_exact(*k, o.key(keypos)))) =>
                    {
                        Change::Replace(Obj::new(t))
                    }
                    _ => Change::Keep,
                }
            },
            &mut dead,
            &mut n,
        )?;
        Ok((n, next))
    }

    /// One chunk of a changing walk, under exclusive locks. Objects taken out are put into `dead`, to be freed without a lock.
    #[allow(clippy::too_many_arguments)]
    fn change(
        &self,
        scope: &Scope,
        cursor: Cursor,
        budget: usize,
        a: &mut Alloc,
        f: &mut dyn FnMut(&Obj) -> Change,
        dead: &mut Vec<Obj>,
        n: &mut usize,
    ) -> Result<Option<Cursor>, Error> {
        let keypos = self.keypos();
        if scope.keys == Keys::None {
            return Ok(None);
        }
        if let Some(mut tree) = self.write_tree() {
            if self.is_deleted() {
                return Err(Error::Gone);
            }
            let mut todo: Vec<(Term, Option<Obj>)> = Vec::new();
            let mut next = None;
            let mut look = |o: &Obj| match f(o) {
                Change::Keep => {}
                Change::Delete => todo.push((o.key(keypos), None)),
                Change::Replace(new) => todo.push((o.key(keypos), Some(new))),
            };
            if let Keys::These(keys) = &scope.keys {
                keys.iter().filter_map(|k| tree.get(*k)).for_each(&mut look);
            } else {
                let key = if let Cursor::Key(k) = cursor { Some(k) } else { None };
                let objects: &mut dyn Iterator<Item = &Obj> = match (&scope.front, key) {
                    (Some((n, front)), None) => &mut tree.from_front(*n, front),
                    _ => &mut tree.after(key),
                };
                let mut seen = 0;
                for o in objects {
                    if !scope.holds(o.key(keypos)) {
                        break;
                    }
                    look(o);
                    seen += 1;
                    if seen >= budget {
                        next = Some(Cursor::Key(copy_term(o.key(keypos), a)));
                        break;
                    }
                }
            }
            *n += todo.len();
            for (key, new) in todo {
                match new {
                    // The key belongs to the object in the tree, which is alive until it is found and taken out.
                    None => dead.extend(tree.remove(key)),
                    Some(o) => tree.insert(o),
                }
            }
            return Ok(next);
        }
        if let Keys::These(keys) = &scope.keys {
            for k in keys {
                let h = key_hash(*k);
                let Some(mut hashed) = self.write_hash(self.shard_of(h)) else { continue };
                if self.is_deleted() {
                    return Err(Error::Gone);
                }
                let todo: Vec<Todo> = hashed.get(h, *k).unwrap_or(&[]).iter().filter_map(|o| todo(h, o, keypos, f(o))).collect();
                *n += todo.len();
                carry_out(&mut hashed, todo, dead);
            }
            return Ok(None);
        }
        let mut after = if let Cursor::Hash(h) = cursor { Some(h) } else { None };
        let mut seen = 0;
        let first = after.map_or(0, |h| self.shard_of(h));
        for shard in first..self.shards() {
            let Some(mut hashed) = self.write_hash(shard) else { return Ok(None) };
            if self.is_deleted() {
                return Err(Error::Gone);
            }
            let mut all = Vec::new();
            let mut full = false;
            for (hash, objects) in hashed.iter_after(after.filter(|_| shard == first)) {
                if seen >= budget && hashed.is_lasting() && after != Some(hash) {
                    full = true;
                    break;
                }
                after = Some(hash);
                seen += objects.len();
                all.extend(objects.iter().filter_map(|o| todo(hash, o, keypos, f(o))));
            }
            *n += all.len();
            carry_out(&mut hashed, all, dead);
            if full {
                return Ok(after.map(Cursor::Hash));
            }
            if seen >= budget && shard + 1 < self.shards() {
                return Ok(Some(Cursor::Hash(self.end_of(shard))));
            }
        }
        Ok(None)
    }

    // ---- steps
    /// `ets:first/1`
    pub fn first<R>(&self, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        self.edge(false, f)
    }
    /// `ets:last/1`: for all but ordered sets the same as `first`.
    pub fn last<R>(&self, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        self.edge(true, f)
    }
    fn edge<R>(&self, last: bool, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        if let Some(t) = self.read_tree() {
            return Ok(f(if last { t.last() } else { t.first() }));
        }
        self.first_from(0, f)
    }
    fn first_from<R>(&self, shard: usize, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        for shard in shard..self.shards() {
            let Some(h) = self.read_hash(shard) else { break };
            if let Some((_, objects)) = h.iter_after(None).next() {
                return Ok(f(objects.first()));
            }
        }
        Ok(f(None))
    }
    /// `ets:next/2`: the first object of the next key.
    pub fn next<R>(&self, key: Term, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        if let Some(t) = self.read_tree() {
            return Ok(f(t.next(key)));
        }
        let hash = key_hash(key);
        let shard = self.shard_of(hash);
        {
            let Some(h) = self.read_hash(shard) else { return Err(Error::Kind) };
            match h.next(hash, key) {
                None => return Err(Error::NoKey),
                Some(Some(o)) => return Ok(f(Some(o))),
                Some(None) => {}
            }
        }
        self.first_from(shard + 1, f)
    }
    /// `ets:prev/2`: for all but ordered sets the same as `next`.
    pub fn prev<R>(&self, key: Term, f: impl FnOnce(Option<&Obj>) -> R) -> Result<R, Error> {
        match self.read_tree() {
            Some(t) => Ok(f(t.prev(key))),
            None => self.next(key, f),
        }
    }
    /// `ets:slot/2`: the objects of a slot; `None` behind the last one, `Err` beyond.
    pub fn slot(&self, n: usize, a: &mut Alloc) -> Result<Option<Term>, Error> {
        if let Some(t) = self.read_tree() {
            return match t.nth(n) {
                Some(o) => {
                    let c = o.copy_to(a);
                    Ok(Some(a.list(&[c])))
                }
                None if n == t.len() => Ok(None),
                None => Err(Error::Badarg),
            };
        }
        let mut first = 0;
        for shard in 0..self.shards() {
            let Some(h) = self.read_hash(shard) else { break };
            if n < first + h.places() {
                let copies: Vec<Term> = h.slot(n - first).map(|o| o.copy_to(a)).collect();
                return Ok(Some(a.list(&copies)));
            }
            first += h.places();
        }
        if n == first { Ok(None) } else { Err(Error::Badarg) }
    }
}

enum Change {
    Keep,
    Delete,
    Replace(Obj),
}

struct Todo {
    hash: u64,
    key: Term,
    /// The object's term word tells it from others with its key.
    old: u64,
    new: Option<Obj>,
}

fn todo(hash: u64, o: &Obj, keypos: usize, c: Change) -> Option<Todo> {
    let new = match c {
        Change::Keep => return None,
        Change::Delete => None,
        Change::Replace(o) => Some(o),
    };
    Some(Todo { hash, key: o.key(keypos), old: o.term().raw(), new })
}

fn carry_out(h: &mut Hashed, all: Vec<Todo>, dead: &mut Vec<Obj>) {
    for t in all {
        match t.new {
            Some(o) => dead.extend(h.exchange(t.hash, t.key, t.old, o)),
            None => dead.extend(h.remove_if(t.hash, t.key, |o| o.term().raw() == t.old)),
        }
    }
}
