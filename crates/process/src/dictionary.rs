//! The process dictionary: keys and values on the process's own heap. Small ones are a plain list of pairs; order of
//! `get/0` is the order of insertion.

use term::Term;

#[derive(Default, Debug)]
pub struct Dictionary {
    /// Alternating key, value: one slice, so that it is one root for the collector.
    pairs: Vec<Term>,
    /// Hash of a key to the index of its pair; only kept above a size where scanning is slower.
    index: Option<Box<base::hash::Map<u64, Vec<u32>>>>,
}

const INDEX_FROM: usize = 16;

impl Dictionary {
    /// All words, for the collector.
    pub fn roots(&mut self) -> &mut [Term] {
        &mut self.pairs
    }
    pub fn len(&self) -> usize {
        self.pairs.len() / 2
    }
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (Term, Term)> + '_ {
        self.pairs.chunks_exact(2).map(|p| (p[0], p[1]))
    }
    /// `same` is `=:=`, `hash` agrees with it.
    fn find(&self, key: Term, same: fn(Term, Term) -> bool, hash: fn(Term) -> u64) -> Option<usize> {
        match &self.index {
            // An immediate is the same as itself only.
            None if key.is_immediate() => self.pairs.chunks_exact(2).position(|p| p[0] == key),
            Some(ix) => ix.get(&hash(key))?.iter().map(|&i| i as usize).find(|&i| same(self.pairs[2 * i], key)),
            None => (0..self.len()).find(|&i| same(self.pairs[2 * i], key)),
        }
    }
    pub fn get(&self, key: Term, same: fn(Term, Term) -> bool, hash: fn(Term) -> u64) -> Option<Term> {
        self.find(key, same, hash).map(|i| self.pairs[2 * i + 1])
    }
    /// Sets a key; the old value if there was one.
    pub fn put(&mut self, key: Term, value: Term, same: fn(Term, Term) -> bool, hash: fn(Term) -> u64) -> Option<Term> {
        if let Some(i) = self.find(key, same, hash) {
            return Some(std::mem::replace(&mut self.pairs[2 * i + 1], value));
        }
        let i = self.len() as u32;
        self.pairs.extend([key, value]);
        if let Some(ix) = &mut self.index {
            ix.entry(hash(key)).or_default().push(i);
        } else if self.len() > INDEX_FROM {
            self.build_index(hash);
        }
        None
    }
    fn build_index(&mut self, hash: fn(Term) -> u64) {
        let mut ix: base::hash::Map<u64, Vec<u32>> = base::hash::Map::default();
        for i in 0..self.len() {
            ix.entry(hash(self.pairs[2 * i])).or_default().push(i as u32);
        }
        self.index = Some(Box::new(ix));
    }
    /// Removes a key; its value if it was there.
    pub fn erase(&mut self, key: Term, same: fn(Term, Term) -> bool, hash: fn(Term) -> u64) -> Option<Term> {
        let i = self.find(key, same, hash)?;
        let value = self.pairs[2 * i + 1];
        let last = self.len() - 1;
        if let Some(ix) = &mut self.index {
            if let Some(v) = ix.get_mut(&hash(key)) {
                v.retain(|&x| x as usize != i);
            }
            if i != last
                && let Some(v) = ix.get_mut(&hash(self.pairs[2 * last]))
            {
                for x in v.iter_mut().filter(|x| **x as usize == last) {
                    *x = i as u32;
                }
            }
        }
        if i != last {
            self.pairs[2 * i] = self.pairs[2 * last];
            self.pairs[2 * i + 1] = self.pairs[2 * last + 1];
        }
        self.pairs.truncate(2 * last);
        Some(value)
    }
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.index = None;
    }
}
