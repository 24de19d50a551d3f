//! A hash table whose entries stand in the order of their hashes, so that "the entries after hash h" is a place that
//! neither growth nor deletion moves: traversals need no snapshot. Robin-hood probing from the hash's upper bits.
//! The uppermost byte is the bucket in which a young table of ERTS has the key (see `key_hash`): small tables are walked
//! in ERTS' order. Such bytes cluster, so what grows is put into the order of the other bits, once, while nobody has it fixed.
//! Not here: locks, and which shard a hash belongs to.

use crate::object::{HEAD, Obj};
use term::{Term, cmp::eq_exact};

/// One key: the rank of its hash, and the object or (low bit set) the list of objects with that key. `ptr` 0: empty.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    ptr: u64,
}

const EMPTY: Entry = Entry { hash: 0, ptr: 0 };
const MANY: u64 = 1;
/// Keys in a table of ERTS before it grows.
const YOUNG: usize = 256;

impl Entry {
    #[inline(always)]
    fn objects(&self) -> &[Obj] {
        debug_assert!(self.ptr != 0);
        // SAFETY: rule 1: a plain entry is an object's address; a marked one that of a boxed vector.
        unsafe {
            if self.ptr & MANY == 0 {
                std::slice::from_ref(&*(&raw const self.ptr).cast::<Obj>())
            } else {
                &*((self.ptr & !MANY) as *const Vec<Obj>)
            }
        }
    }
    #[inline(always)]
    fn objects_mut(&mut self) -> &mut [Obj] {
        // SAFETY: as above, and `self` is exclusive.
        unsafe {
            if self.ptr & MANY == 0 {
                std::slice::from_mut(&mut *(&raw mut self.ptr).cast::<Obj>())
            } else {
                &mut *((self.ptr & !MANY) as *mut Vec<Obj>)
            }
        }
    }
    fn into_objects(self) -> Vec<Obj> {
        // SAFETY: rule 1: the entry is given up.
        unsafe {
            if self.ptr & MANY == 0 {
                vec![Obj::from_raw(self.ptr)]
            } else {
                *Box::from_raw((self.ptr & !MANY) as *mut Vec<Obj>)
            }
        }
    }
    fn of(hash: u64, mut objects: Vec<Obj>) -> Entry {
        match objects.len() {
            0 => EMPTY,
            1 => Entry { hash, ptr: objects.pop().expect("one").into_raw() },
            _ => Entry { hash, ptr: Box::into_raw(Box::new(objects)) as u64 | MANY },
        }
    }
}

/// The entries of one shard.
pub struct Hashed {
    entries: Vec<Entry>,
    /// log2 of the number of home places; the vector has some more at its end.
    bits: u32,
    /// Upper bits of a hash that are the same in the whole shard.
    skip: u32,
    keypos: usize,
    keys: usize,
    objects: usize,
    words: usize,
    /// Grown: the order is that of the hashes with their uppermost byte put last.
    spread: bool,
    /// Ranks of keys deleted while the table is fixed: `next` may still be asked from there.
    tombs: Option<base::hash::Set<u64>>,
}

impl Hashed {
    pub fn new(keypos: usize, skip: u32) -> Hashed {
        Hashed { entries: Vec::new(), bits: 0, skip, keypos, keys: 0, objects: 0, words: 0, spread: false, tombs: None }
    }
    pub fn len(&self) -> usize {
        self.objects
    }
    pub fn is_empty(&self) -> bool {
        self.objects == 0
    }
    /// Words of all objects with their heads, and of the places.
    pub fn words(&self) -> usize {
        self.words + self.entries.len() * 2
    }
    /// Home places (what `ets:slot/2` counts).
    pub fn places(&self) -> usize {
        1 << self.bits
    }
    /// A hash's place in the table's order.
    #[inline(always)]
    fn rank(&self, hash: u64) -> u64 {
        if self.spread { hash.rotate_left(8) } else { hash }
    }
    #[inline(always)]
    fn hash_of(&self, rank: u64) -> u64 {
        if self.spread { rank.rotate_right(8) } else { rank }
    }
    #[inline(always)]
    fn home(&self, rank: u64) -> usize {
        let rank = if self.spread { rank } else { rank << self.skip };
        if self.bits == 0 { 0 } else { (rank >> (64 - self.bits)) as usize }
    }
    /// Walks that stop within it find the place again, even if others write meanwhile.
    pub fn is_lasting(&self) -> bool {
        self.spread || self.tombs.is_some()
    }
    #[inline(always)]
    fn find(&self, hash: u64, key: Term) -> Option<usize> {
        let hash = self.rank(hash);
        let mut i = self.home(hash);
        loop {
            let e = self.entries.get(i)?;
            if e.ptr == 0 || e.hash > hash {
                return None;
            }
            if e.hash == hash && eq_exact(e.objects()[0].key(self.keypos), key) {
                return Some(i);
            }
            i += 1;
        }
    }
    /// The objects with this key, oldest first.
    #[inline(always)]
    pub fn get(&self, hash: u64, key: Term) -> Option<&[Obj]> {
        self.find(hash, key).map(|i| self.entries[i].objects())
    }
    /// The objects with this key for changes in place (sizes must stay).
    pub fn get_mut(&mut self, hash: u64, key: Term) -> Option<&mut [Obj]> {
        self.find(hash, key).map(|i| self.entries[i].objects_mut())
    }
    fn count_in(&mut self, o: &Obj) {
        self.objects += 1;
        self.words += o.words() + HEAD;
    }
    fn count_out(&mut self, o: &Obj) {
        self.objects -= 1;
        self.words -= o.words() + HEAD;
    }
    /// Puts an object in place of all others with its key.
    pub fn replace(&mut self, hash: u64, o: Obj) {
        match self.find(hash, o.key(self.keypos)) {
            Some(i) => {
                self.count_in(&o);
                let old = std::mem::replace(&mut self.entries[i], EMPTY).into_objects();
                for x in &old {
                    self.count_out(x);
                }
                self.entries[i] = Entry { hash: self.rank(hash), ptr: o.into_raw() };
            }
            None => self.add_key(hash, o),
        }
    }
    /// Puts an object (with the same key) in place of the one whose term is `old`.
    pub fn exchange(&mut self, hash: u64, key: Term, old: u64, o: Obj) -> Option<Obj> {
        let i = self.find(hash, key)?;
        let at = self.entries[i].objects().iter().position(|x| x.term().raw() == old)?;
        self.count_in(&o);
        let old = std::mem::replace(&mut self.entries[i].objects_mut()[at], o);
        self.count_out(&old);
        Some(old)
    }
    /// Adds an object beside others with its key.
    pub fn add(&mut self, hash: u64, o: Obj) {
        match self.find(hash, o.key(self.keypos)) {
            Some(i) => {
                self.count_in(&o);
                let e = &mut self.entries[i];
                if e.ptr & MANY != 0 {
                    // SAFETY: rule 1: a marked entry is a boxed vector.
                    unsafe { (*((e.ptr & !MANY) as *mut Vec<Obj>)).push(o) };
                } else {
                    let mut v = std::mem::replace(e, EMPTY).into_objects();
                    v.push(o);
                    self.entries[i] = Entry::of(self.rank(hash), v);
                }
            }
            None => self.add_key(hash, o),
        }
    }
    fn add_key(&mut self, hash: u64, o: Obj) {
        if !self.spread && self.tombs.is_none() && self.keys >= (2 * YOUNG) >> self.skip {
            self.spread_out();
        }
        let hash = self.rank(hash);
        if self.entries.is_empty() || (self.keys + 1) * 4 > self.places() * 3 {
            self.resize(if self.entries.is_empty() { 2 } else { self.bits + 1 });
        }
        self.count_in(&o);
        self.keys += 1;
        if let Some(t) = &mut self.tombs {
            t.remove(&hash);
        }
        self.place(Entry { hash, ptr: o.into_raw() });
    }
    #[cold]
    fn spread_out(&mut self) {
        self.entries.retain(|e| e.ptr != 0);
        self.spread = true;
        for e in &mut self.entries {
            e.hash = e.hash.rotate_left(8);
        }
        self.entries.sort_unstable_by_key(|e| e.hash);
        self.resize(self.bits);
    }
    fn place(&mut self, new: Entry) {
        let mut i = self.home(new.hash);
        while i < self.entries.len() && self.entries[i].ptr != 0 && self.entries[i].hash <= new.hash {
            i += 1;
        }
        let mut j = i;
        while j < self.entries.len() && self.entries[j].ptr != 0 {
            j += 1;
        }
        if j == self.entries.len() {
            self.entries.push(EMPTY);
        }
        self.entries.copy_within(i..j, i + 1);
        self.entries[i] = new;
    }
    fn resize(&mut self, bits: u32) {
        let n = 1usize << bits;
        let mut old = Vec::with_capacity(n + (n / 16).clamp(4, 64));
        old.resize(n, EMPTY);
        std::mem::swap(&mut old, &mut self.entries);
        self.bits = bits;
        // They come in order, so each goes to its home or right behind the last one.
        let mut last = 0;
        for e in old.into_iter().filter(|e| e.ptr != 0) {
            let i = self.home(e.hash).max(last);
            if i >= self.entries.len() {
                self.entries.push(e);
            } else {
                self.entries[i] = e;
            }
            last = i + 1;
        }
    }
    /// Gives up places that are not wanted any more.
    fn shrink(&mut self) {
        if self.keys == 0 {
            (self.entries, self.bits, self.spread) = (Vec::new(), 0, false);
            return;
        }
        let mut bits = self.bits;
        while bits > 2 && self.keys * 8 < 1 << bits {
            bits -= 1;
        }
        if bits < self.bits {
            self.resize(bits);
        }
        while self.entries.len() > self.places() && self.entries.last().is_some_and(|e| e.ptr == 0) {
            self.entries.pop();
        }
    }
    fn remove_at(&mut self, i: usize) -> Vec<Obj> {
        let e = self.entries[i];
        let objects = e.into_objects();
        if let Some(t) = &mut self.tombs {
            t.insert(e.hash);
        }
        let mut j = i + 1;
        while j < self.entries.len() && self.entries[j].ptr != 0 && self.home(self.entries[j].hash) < j {
            j += 1;
        }
        self.entries.copy_within(i + 1..j, i);
        self.entries[j - 1] = EMPTY;
        self.keys -= 1;
        for o in &objects {
            self.count_out(o);
        }
        if self.tombs.is_none() {
            self.shrink();
        }
        objects
    }
    /// Takes out all objects with this key, oldest first.
    pub fn remove(&mut self, hash: u64, key: Term) -> Vec<Obj> {
        match self.find(hash, key) {
            Some(i) => self.remove_at(i),
            None => Vec::new(),
        }
    }
    /// Takes out the objects with this key that are chosen.
    pub fn remove_if(&mut self, hash: u64, key: Term, mut chosen: impl FnMut(&Obj) -> bool) -> Vec<Obj> {
        let Some(i) = self.find(hash, key) else { return Vec::new() };
        let all = self.entries[i].objects();
        let n = all.iter().filter(|o| chosen(o)).count();
        if n == 0 {
            return Vec::new();
        }
        if n == all.len() {
            return self.remove_at(i);
        }
        let e = std::mem::replace(&mut self.entries[i], EMPTY);
        let (out, stay): (Vec<Obj>, Vec<Obj>) = e.into_objects().into_iter().partition(|o| chosen(o));
        self.entries[i] = Entry::of(e.hash, stay);
        for o in &out {
            self.count_out(o);
        }
        out
    }
    /// Everything out; the caller frees it at leisure.
    pub fn take_all(&mut self) -> Hashed {
        let mut fresh = Hashed::new(self.keypos, self.skip);
        if let Some(t) = &mut self.tombs {
            t.extend(self.entries.iter().filter(|e| e.ptr != 0).map(|e| e.hash));
            fresh.tombs = self.tombs.take();
            fresh.spread = self.spread;
        }
        std::mem::replace(self, fresh)
    }
    /// Frees up to `n` keys from the end.
    pub fn free_some(&mut self, n: usize) {
        let mut freed = 0;
        while freed < n {
            let Some(e) = self.entries.pop() else { break };
            if e.ptr != 0 {
                let objects = e.into_objects();
                self.keys -= 1;
                for o in &objects {
                    self.count_out(o);
                }
                freed += objects.len();
            }
        }
    }

    // ---- order of hashes
    fn first_after(&self, after: Option<u64>) -> usize {
        let Some(h) = after else { return 0 };
        if h | !(u64::MAX >> self.skip) == u64::MAX {
            return self.entries.len();
        }
        self.first_after_rank(self.rank(h))
    }
    fn first_after_rank(&self, h: u64) -> usize {
        let mut i = self.home(h);
        while i < self.entries.len() && self.entries[i].ptr != 0 && self.entries[i].hash <= h {
            i += 1;
        }
        i
    }
    /// Keys' objects in the order of their hashes, from the first hash greater than `after`.
    pub fn iter_after(&self, after: Option<u64>) -> impl Iterator<Item = (u64, &[Obj])> {
        self.entries[self.first_after(after).min(self.entries.len())..].iter().filter(|e| e.ptr != 0).map(|e| (self.hash_of(e.hash), e.objects()))
    }
    /// The key's successor in the table's order. `None`: the key is not there (nor was deleted while fixed).
    pub fn next(&self, hash: u64, key: Term) -> Option<Option<&Obj>> {
        let from = match self.find(hash, key) {
            Some(i) => i + 1,
            None if self.tombs.as_ref().is_some_and(|t| t.contains(&self.rank(hash))) => self.first_after_rank(self.rank(hash)),
            None => return None,
        };
        Some(self.entries[from.min(self.entries.len())..].iter().find(|e| e.ptr != 0).map(|e| &e.objects()[0]))
    }
    /// Objects whose home is place `n`.
    pub fn slot(&self, n: usize) -> impl Iterator<Item = &Obj> {
        self.entries[n.min(self.entries.len())..]
            .iter()
            .take_while(move |e| e.ptr != 0 && self.home(e.hash) <= n)
            .filter(move |e| self.home(e.hash) == n)
            .flat_map(|e| e.objects())
    }
    /// Keys that were deleted while the table is fixed.
    pub fn kept(&self) -> usize {
        self.tombs.as_ref().map_or(0, |t| t.len())
    }
    /// The number of objects of each group of `1 << group` home places.
    pub fn chains(&self, group: u32, mut f: impl FnMut(usize)) {
        let groups = self.places() >> group;
        let (mut at, mut n) = (0, 0);
        for e in self.entries.iter().filter(|e| e.ptr != 0) {
            let home = self.home(e.hash) >> group;
            while at < home {
                f(n);
                (at, n) = (at + 1, 0);
            }
            n += e.objects().len();
        }
        while at < groups {
            f(n);
            (at, n) = (at + 1, 0);
        }
    }
    pub fn fix(&mut self, on: bool) {
        if !on {
            self.tombs = None;
            self.shrink();
        } else if self.tombs.is_none() {
            self.tombs = Some(Default::default());
        }
    }
}

impl Drop for Hashed {
    fn drop(&mut self) {
        for e in self.entries.drain(..) {
            if e.ptr != 0 {
                drop(e.into_objects());
            }
        }
    }
}
