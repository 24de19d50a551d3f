//! Persistent terms: a node's table of literals that anyone reads without a lock and without copying.
//! A value that was replaced or erased goes to a graveyard, as does a table that has been outgrown: readers may still look at them, and
//! only the node can tell when none does. Not here: that search (`node::literals`).

use base::sync::Mutex;
use heap::LiteralArea;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use term::copy::{LiteralRange, copy_shared, shared_size};
use term::{Alloc, Term, cmp, hash};

/// One key with its value, both in a literal area of their own.
#[derive(Debug)]
pub struct Entry {
    hash: u64,
    key: Term,
    value: Term,
    area: LiteralArea,
}

impl Entry {
    pub fn words(&self) -> usize {
        self.area.words()
    }
}

/// A place whose key was erased.
const ERASED: *mut Entry = 8 as *mut Entry;

struct Places(Box<[AtomicPtr<Entry>]>);

#[derive(Default)]
struct Writer {
    /// Places in use or erased.
    filled: usize,
    graves: Graves,
}

/// What is out of the table; dropping it frees its memory, at which nobody must look any more.
#[derive(Default)]
pub struct Graves {
    entries: Vec<Box<Entry>>,
    tables: Vec<Box<Places>>,
}

impl Graves {
    /// Where processes' terms may lead to.
    pub fn areas(&self) -> impl Iterator<Item = &LiteralArea> {
        self.entries.iter().map(|e| &e.area)
    }
}

/// Places of the smallest table.
const SMALLEST: usize = 8;

pub struct PersistentTerms {
    places: AtomicPtr<Places>,
    count: AtomicUsize,
    words: AtomicUsize,
    writer: Mutex<Writer>,
}

impl Default for PersistentTerms {
    fn default() -> Self {
        PersistentTerms::new()
    }
}

fn places(n: usize) -> Box<Places> {
    Box::new(Places((0..n).map(|_| AtomicPtr::new(null_mut())).collect()))
}

impl PersistentTerms {
    pub fn new() -> PersistentTerms {
        PersistentTerms {
            places: AtomicPtr::new(Box::into_raw(places(SMALLEST))),
            count: AtomicUsize::new(0),
            words: AtomicUsize::new(0),
            writer: Mutex::default(),
        }
    }
    fn current(&self) -> &[AtomicPtr<Entry>] {
        // SAFETY: rule 5: tables outlive their readers.
        unsafe { &(*self.places.load(Acquire)).0 }
    }
    /// The place of a key, and its entry; or the first free place.
    fn find(places: &[AtomicPtr<Entry>], h: u64, key: Term) -> (usize, Option<&Entry>) {
        let mask = places.len() - 1;
        let mut i = h as usize & mask;
        loop {
            let p = places[i].load(Acquire);
            if p.is_null() {
                return (i, None);
            }
            if p != ERASED {
                // SAFETY: rule 5: entries outlive their readers.
                let e = unsafe { &*p };
                if e.hash == h && cmp::eq_exact(e.key, key) {
                    return (i, Some(e));
                }
            }
            i = (i + 1) & mask;
        }
    }
    /// The value of a key: a literal.
    #[inline]
    pub fn get(&self, key: Term) -> Option<Term> {
        Self::find(self.current(), hash::hash(key), key).1.map(|e| e.value)
    }
    fn add_words(&self, new: Option<&Entry>, old: Option<&Entry>) {
        let bytes = |e: Option<&Entry>| e.map_or(0, |e| e.words() + size_of::<Entry>() / 8);
        self.words.fetch_add(bytes(new).wrapping_sub(bytes(old)), Relaxed);
    }
    /// Sets a value. False: it was there already (`=:=`), nothing is changed.
    pub fn put(&self, key: Term, value: Term) -> bool {
        self.put_if(key, value, |old| old.is_none_or(|v| !cmp::eq_exact(v, value)))
    }
    /// Sets a value if the key has none (true) or the same one (true, nothing is changed); false if it has another.
    pub fn put_new(&self, key: Term, value: Term) -> bool {
        let mut right = true;
        self.put_if(key, value, |old| {
            right = old.is_none_or(|v| cmp::eq_exact(v, value));
            old.is_none()
        });
        right
    }
    fn put_if(&self, key: Term, value: Term, wanted: impl FnOnce(Option<Term>) -> bool) -> bool {
        let h = hash::hash(key);
        let mut w = self.writer.lock();
        let (i, old) = Self::find(self.current(), h, key);
        if !wanted(old.map(|e| e.value)) {
            return false;
        }
        // Sharing is kept, as in ERTS: a value that is put once may be looked at often.
        let words = shared_size(key, LiteralRange::NONE) + shared_size(value, LiteralRange::NONE);
        let build = |a: &mut Alloc| (copy_shared(key, a, LiteralRange::NONE), copy_shared(value, a, LiteralRange::NONE));
        let (area, (key, value)) = LiteralArea::build(words, build);
        let new = Box::new(Entry { hash: h, key, value, area });
        self.add_words(Some(&new), old);
        if old.is_some() {
            let dead = self.current()[i].swap(Box::into_raw(new), AcqRel);
            // SAFETY: rule 5: it came from a box, and is out of the table now.
            w.graves.entries.push(unsafe { Box::from_raw(dead) });
            return true;
        }
        self.count.fetch_add(1, Relaxed);
        w.filled += 1;
        self.current()[i].store(Box::into_raw(new), Release);
        if w.filled * 2 > self.current().len() {
            self.rebuild(&mut w);
        }
        debug_assert!(self.count() * 2 <= self.current().len());
        true
    }
    /// Removes a key; false if there was none.
    pub fn erase(&self, key: Term) -> bool {
        let h = hash::hash(key);
        let mut w = self.writer.lock();
        let (i, old) = Self::find(self.current(), h, key);
        if old.is_none() {
            return false;
        }
        self.add_words(None, old);
        self.count.fetch_sub(1, Relaxed);
        let dead = self.current()[i].swap(ERASED, AcqRel);
        // SAFETY: rule 5: it came from a box, and is out of the table now.
        w.graves.entries.push(unsafe { Box::from_raw(dead) });
        if self.current().len() > SMALLEST && self.count() * 4 < self.current().len() {
            self.rebuild(&mut w);
        }
        true
    }
    /// Brings the table to a size of which between a quarter and a half is used, without erased places.
    fn rebuild(&self, w: &mut Writer) {
        let old = self.current();
        let live = self.count();
        let mut size = old.len();
        while live * 2 > size {
            size *= 2;
        }
        while live * 4 < size && size > SMALLEST {
            size /= 2;
        }
        let new = places(size);
        for p in old.iter().map(|p| p.load(Acquire)).filter(|p| !p.is_null() && *p != ERASED) {
            // SAFETY: rule 5: the writer's lock is held, so the entry is alive.
            let mut i = unsafe { (*p).hash } as usize & (new.0.len() - 1);
            while !new.0[i].load(Relaxed).is_null() {
                i = (i + 1) & (new.0.len() - 1);
            }
            new.0[i].store(p, Relaxed);
        }
        w.filled = live;
        let dead = self.places.swap(Box::into_raw(new), AcqRel);
        // SAFETY: it came from a box; readers may look at it, so it is kept.
        w.graves.tables.push(unsafe { Box::from_raw(dead) });
    }
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
    /// Bytes that keys, values and the table take.
    pub fn memory(&self) -> usize {
        (self.words.load(Relaxed) + self.places()) * 8
    }
    /// Size of the table.
    pub fn places(&self) -> usize {
        let _w = self.writer.lock();
        self.current().len()
    }
    /// All keys and values.
    pub fn list(&self) -> Vec<(Term, Term)> {
        let _w = self.writer.lock();
        let live = self.current().iter().map(|p| p.load(Acquire)).filter(|p| !p.is_null() && *p != ERASED);
        // SAFETY: rule 5: the writer's lock is held, so the entries are alive.
        live.map(|p| unsafe { ((*p).key, (*p).value) }).collect()
    }
    /// Gives away what was replaced, erased or outgrown, if there is anything.
    pub fn bury(&self) -> Option<Graves> {
        let graves = std::mem::take(&mut self.writer.lock().graves);
        (!graves.entries.is_empty() || !graves.tables.is_empty()).then_some(graves)
    }
}

impl Drop for PersistentTerms {
    fn drop(&mut self) {
        // SAFETY: rule 5: the node is gone, and with it all readers.
        unsafe {
            let p = Box::from_raw(self.places.load(Acquire));
            for e in p.0.iter().map(|p| p.load(Acquire)).filter(|p| !p.is_null() && *p != ERASED) {
                drop(Box::from_raw(e));
            }
        }
    }
}
