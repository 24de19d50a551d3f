//! An ordered set: a B-tree of keys in the standard order (`==`), each with a number that decides most comparisons
//! without looking at the key. Not here: locks.

use crate::object::{HEAD, Obj};
use base::sync::Mutex;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};
use term::{Kind, Term, cmp};

/// A key and its `prefix`: if two prefixes differ, so do the keys, and in the same direction.
pub struct OrderedKey {
    prefix: u64,
    /// The raw key. Replaced (by an equal one) together with the object.
    key: AtomicU64,
}

impl OrderedKey {
    #[inline]
    pub fn new(key: Term) -> OrderedKey {
        OrderedKey { prefix: prefix(key), key: AtomicU64::new(key.raw()) }
    }
    #[inline(always)]
    fn term(&self) -> Term {
        // SAFETY: rule 3.
        unsafe { Term::from_raw(self.key.load(Relaxed)) }
    }
}

/// The place of a search before (or behind) all tuples of an arity that begin with some elements.
struct Front<'a> {
    arity: usize,
    elements: &'a [Term],
    behind: bool,
}

impl Front<'_> {
    /// A key for a search with this front; it must not outlive it.
    fn key(&self) -> OrderedKey {
        let prefix = (6 << 60) | tuple_bits(self.arity, self.elements.first().copied(), DEPTH);
        // Low bits 000: no term.
        OrderedKey { prefix, key: AtomicU64::new(&raw const *self as u64) }
    }
    /// How a stored key stands to this place.
    fn cmp_stored(&self, key: Term) -> Ordering {
        let e = key.as_tuple().unwrap_or(&[]);
        e.len()
            .cmp(&self.arity)
            .then_with(|| e.iter().zip(self.elements).map(|(x, y)| cmp::cmp(*x, *y)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal))
            .then(if self.behind { Ordering::Less } else { Ordering::Greater })
    }
}

#[cold]
fn cmp_front(a: u64, b: u64) -> Ordering {
    // SAFETY: rule 3: a word without a term's tag is the address of a searcher's front; the other one is a term.
    unsafe {
        match (a & 7, b & 7) {
            (0, 0) => Ordering::Equal,
            (0, _) => (*(a as *const Front<'_>)).cmp_stored(Term::from_raw(b)).reverse(),
            _ => (*(b as *const Front<'_>)).cmp_stored(Term::from_raw(a)),
        }
    }
}

impl Ord for OrderedKey {
    #[inline]
    fn cmp(&self, other: &OrderedKey) -> Ordering {
        match self.prefix.cmp(&other.prefix) {
            Ordering::Equal => {
                let (a, b) = (self.key.load(Relaxed), other.key.load(Relaxed));
                if a & 7 == 0 || b & 7 == 0 { cmp_front(a, b) } else { cmp::cmp(self.term(), other.term()) }
            }
            o => o,
        }
    }
}
impl PartialOrd for OrderedKey {
    fn partial_cmp(&self, other: &OrderedKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for OrderedKey {
    fn eq(&self, other: &OrderedKey) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for OrderedKey {}

/// Sixty bits that a float's order is kept in, for integers too (rounding does not change the order).
fn number_bits(f: f64) -> u64 {
    let f = if f == 0.0 { 0.0 } else { f };
    let raw = f.to_bits();
    let ordered = if raw >> 63 == 0 { raw | 1 << 63 } else { !raw };
    ordered >> 4
}

fn text_bits(bytes: impl Iterator<Item = u8>) -> u64 {
    let mut n = 0u64;
    let mut count = 0;
    for b in bytes.take(7) {
        n = n << 8 | u64::from(b);
        count += 1;
    }
    n << (8 * (7 - count)) << 4
}

/// The first four bits are the rank of the sort of term, the others as much of its order as is cheap to see.
fn prefix(t: Term) -> u64 {
    prefix_deep(t, DEPTH)
}

const DEPTH: u32 = 4;

fn tuple_bits(arity: usize, first: Option<Term>, depth: u32) -> u64 {
    let arity = (arity as u64).min(255);
    let first = if depth > 0 && arity < 255 { first.map_or(0, |x| prefix_deep(x, depth - 1)) } else { 0 };
    arity << 52 | first >> 12
}

fn prefix_deep(t: Term, depth: u32) -> u64 {
    let (rank, bits) = if let Some(n) = t.as_small() {
        (0, number_bits(n as f64))
    } else if t.is_atom() {
        (1, text_bits(term::atom::text(t).bytes()))
    } else if t.is_nil() {
        (9, 0)
    } else if let Some((h, _)) = t.as_cons() {
        (10, if depth > 0 { prefix_deep(h, depth - 1) >> 4 } else { 0 })
    } else if t.is_local_pid() {
        (5, 0)
    } else if t.is_local_port() {
        (4, 0)
    } else {
        match t.kind() {
            Some(Kind::Float) => (0, number_bits(t.as_float().unwrap_or(0.0))),
            // What no float can hold is beyond all that it can.
            Some(Kind::PosBig) => (0, number_bits(term::int::to_f64(t).unwrap_or(f64::INFINITY))),
            Some(Kind::NegBig) => (0, number_bits(term::int::to_f64(t).unwrap_or(f64::NEG_INFINITY))),
            Some(Kind::Ref | Kind::MagicRef | Kind::ExtRef) => (2, 0),
            Some(Kind::Fun | Kind::ExportFun) => (3, 0),
            Some(Kind::ExtPort) => (4, 0),
            Some(Kind::ExtPid) => (5, 0),
            Some(Kind::Tuple) => {
                let e = t.as_tuple().unwrap_or(&[]);
                (6, tuple_bits(e.len(), e.first().copied(), depth))
            }
            Some(Kind::Record) => (7, 0),
            Some(Kind::FlatMap | Kind::HashMap) => (8, t.map_size().unwrap_or(0) as u64),
            Some(Kind::HeapBits | Kind::BinRef | Kind::SubBits) => {
                let first = t.bits().map_or(0, |b| {
                    let n = b.len.min(56);
                    if n == 0 { 0 } else { b.get_uint(0, n) << (56 - n) << 4 }
                });
                (11, first)
            }
            _ => (12, 0),
        }
    };
    (rank << 60) | (bits & ((1 << 60) - 1))
}

/// How many objects a step looks up at once, if it goes on where the last one ended.
const AHEAD: usize = 16;

/// The objects that a walk in steps (`next`, `prev`) is expected to ask for, in its order.
#[derive(Default)]
struct Ahead {
    objects: Vec<NonNull<Obj>>,
    /// Which of them was answered last.
    at: usize,
    reverse: bool,
}

// SAFETY: rule 6.
unsafe impl Send for Ahead {}

/// The tree.
pub struct Ordered {
    tree: BTreeMap<OrderedKey, Obj>,
    keypos: usize,
    words: usize,
    ahead: Mutex<Ahead>,
    /// What a step answered last, which is often looked up next; null: none.
    stepped: AtomicPtr<Obj>,
}

impl Ordered {
    pub fn new(keypos: usize) -> Ordered {
        Ordered { tree: BTreeMap::new(), keypos, words: 0, ahead: Mutex::default(), stepped: AtomicPtr::new(null_mut()) }
    }
    pub fn len(&self) -> usize {
        self.tree.len()
    }
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }
    /// Words of all objects with their heads, and of the tree (its nodes are three quarters full).
    pub fn words(&self) -> usize {
        self.words + self.tree.len() * 4
    }
    #[inline]
    pub fn get(&self, key: Term) -> Option<&Obj> {
        if let Some(o) = NonNull::new(self.stepped.load(Relaxed)) {
            // SAFETY: rule 6.
            let o = unsafe { o.as_ref() };
            if cmp::cmp(o.key(self.keypos), key).is_eq() {
                return Some(o);
            }
        }
        self.tree.get(&OrderedKey::new(key))
    }
    pub fn get_mut(&mut self, key: Term) -> Option<&mut Obj> {
        self.changing().get_mut(&OrderedKey::new(key))
    }
    /// The tree for a change, after which what steps have found may be elsewhere.
    #[inline]
    fn changing(&mut self) -> &mut BTreeMap<OrderedKey, Obj> {
        if !self.stepped.get_mut().is_null() {
            *self.stepped.get_mut() = null_mut();
        }
        self.ahead.get_mut().objects.clear();
        &mut self.tree
    }
    pub fn insert(&mut self, o: Obj) {
        use std::collections::btree_map::Entry::*;
        let key = o.key(self.keypos);
        self.words += o.words() + HEAD;
        match self.changing().entry(OrderedKey::new(key)) {
            Vacant(v) => {
                v.insert(o);
            }
            Occupied(mut e) => {
                // The new key is equal, so the tree's order holds; the old one dies with its object.
                e.key().key.store(key.raw(), Relaxed);
                let old = e.insert(o);
                self.words -= old.words() + HEAD;
            }
        }
    }
    pub fn remove(&mut self, key: Term) -> Option<Obj> {
        let o = self.changing().remove(&OrderedKey::new(key))?;
        self.words -= o.words() + HEAD;
        Some(o)
    }
    pub fn take_all(&mut self) -> Ordered {
        let keypos = self.keypos;
        std::mem::replace(self, Ordered::new(keypos))
    }
    pub fn free_some(&mut self, n: usize) {
        for _ in 0..n {
            let Some((_, o)) = self.changing().pop_last() else { break };
            self.words -= o.words() + HEAD;
        }
    }
    pub fn first(&self) -> Option<&Obj> {
        self.edge(false)
    }
    pub fn last(&self) -> Option<&Obj> {
        self.edge(true)
    }
    fn edge(&self, reverse: bool) -> Option<&Obj> {
        let found = if reverse { self.tree.last_key_value() } else { self.tree.first_key_value() }.map(|(_, o)| o);
        if let Some(mut ahead) = self.ahead.try_lock() {
            self.stepped(&mut ahead, reverse, found.into_iter());
        }
        found
    }
    pub fn next(&self, key: Term) -> Option<&Obj> {
        self.step(key, false)
    }
    pub fn prev(&self, key: Term) -> Option<&Obj> {
        self.step(key, true)
    }
    /// The object behind (or before) a key. A second step on the same way finds several at once.
    fn step(&self, key: Term, reverse: bool) -> Option<&Obj> {
        let Some(mut ahead) = self.ahead.try_lock() else {
            return if reverse { self.before(Some(key)).next() } else { self.after(Some(key)).next() };
        };
        let mut count = 1;
        if ahead.reverse == reverse
            && let Some(last) = ahead.objects.get(ahead.at)
            // SAFETY: rule 6.
            && cmp::cmp(unsafe { last.as_ref() }.key(self.keypos), key).is_eq()
        {
            if let Some(o) = ahead.objects.get(ahead.at + 1).copied() {
                ahead.at += 1;
                self.stepped.store(o.as_ptr(), Relaxed);
                // SAFETY: rule 6.
                return Some(unsafe { o.as_ref() });
            }
            count = AHEAD;
        }
        if reverse {
            self.stepped(&mut ahead, true, self.before(Some(key)).take(count))
        } else {
            self.stepped(&mut ahead, false, self.after(Some(key)).take(count))
        }
    }
    /// Remembers what a step found: the answer, which is given back, and what comes behind it.
    fn stepped<'a>(&'a self, ahead: &mut Ahead, reverse: bool, found: impl Iterator<Item = &'a Obj>) -> Option<&'a Obj> {
        ahead.reverse = reverse;
        ahead.at = 0;
        ahead.objects.clear();
        ahead.objects.extend(found.map(NonNull::from));
        let first = ahead.objects.first();
        self.stepped.store(first.map_or(null_mut(), |o| o.as_ptr()), Relaxed);
        // SAFETY: rule 6.
        first.map(|o| unsafe { o.as_ref() })
    }
    /// Objects in order, behind `key`.
    pub fn after(&self, key: Option<Term>) -> impl Iterator<Item = &Obj> {
        let from = key.map_or(Bound::Unbounded, |k| Bound::Excluded(OrderedKey::new(k)));
        self.tree.range((from, Bound::Unbounded)).map(|(_, o)| o)
    }
    /// Objects in order, from the first whose key is a tuple of this arity and front (or what follows).
    pub fn from_front(&self, arity: usize, elements: &[Term]) -> impl Iterator<Item = &Obj> {
        let front = Front { arity, elements, behind: false };
        self.tree.range((Bound::Excluded(front.key()), Bound::Unbounded)).map(|(_, o)| o)
    }
    /// Objects in reverse order, from the last whose key is a tuple of this arity and front (or what precedes).
    pub fn before_front(&self, arity: usize, elements: &[Term]) -> impl Iterator<Item = &Obj> {
        let front = Front { arity, elements, behind: true };
        self.tree.range((Bound::Unbounded, Bound::Excluded(front.key()))).rev().map(|(_, o)| o)
    }
    /// Objects in reverse order, before `key`.
    pub fn before(&self, key: Option<Term>) -> impl Iterator<Item = &Obj> {
        let to = key.map_or(Bound::Unbounded, |k| Bound::Excluded(OrderedKey::new(k)));
        self.tree.range((Bound::Unbounded, to)).rev().map(|(_, o)| o)
    }
    /// The `n`th object in order.
    pub fn nth(&self, n: usize) -> Option<&Obj> {
        self.tree.values().nth(n)
    }
}
