//! Registered names. They are looked up without a lock, by the number of the atom; changes are made one at a time.
//! Not here: who may register what, and what becomes of the names of the dead.

use base::hash::Map;
use base::sync::{RwLock, RwLockWriteGuard};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::*};
use term::Term;

const ENTRIES: usize = 256;
const PAGES: usize = 256;
const BOOKS: usize = term::atom::CAPACITY.div_ceil(PAGES * ENTRIES);

/// Who has each name: a raw pid or port, or 0.
type Page = Box<[AtomicU64]>;
type Book = Box<[OnceLock<Page>]>;

/// Names and whom they stand for: local pids and ports.
pub struct Names {
    all: RwLock<Map<Term, Term>>,
    books: Box<[OnceLock<Book>]>,
}

impl Default for Names {
    fn default() -> Names {
        Names { all: RwLock::default(), books: made(BOOKS) }
    }
}

fn made<T: Default>(n: usize) -> Box<[T]> {
    (0..n).map(|_| T::default()).collect()
}

/// Where a name stands.
fn place(name: Term) -> Option<(usize, usize, usize)> {
    let n = name.as_atom_index()? as usize;
    Some((n / (PAGES * ENTRIES), n / ENTRIES % PAGES, n % ENTRIES))
}

impl Names {
    #[inline]
    pub fn get(&self, name: Term) -> Option<Term> {
        let (book, page, entry) = place(name)?;
        let raw = self.books[book].get()?[page].get()?[entry].load(Acquire);
        // SAFETY: rule 4.
        (raw != 0).then(|| unsafe { Term::from_raw(raw) })
    }
    /// All names, in no order.
    pub fn list(&self) -> Vec<Term> {
        self.all.read().keys().copied().collect()
    }
    /// To change them.
    pub fn lock(&self) -> Locked<'_> {
        Locked { names: self, all: self.all.write() }
    }
}

/// The names while nobody else changes them.
pub struct Locked<'a> {
    names: &'a Names,
    all: RwLockWriteGuard<'a, Map<Term, Term>>,
}

impl Locked<'_> {
    pub fn contains(&self, name: Term) -> bool {
        self.all.contains_key(&name)
    }
    /// `name` must be an atom, `who` a local pid or port.
    pub fn insert(&mut self, name: Term, who: Term) {
        debug_assert!(name.is_atom() && (who.is_local_pid() || who.is_local_port()));
        self.all.insert(name, who);
        self.set(name, who.raw());
    }
    /// Whose it was.
    pub fn remove(&mut self, name: Term) -> Option<Term> {
        let who = self.all.remove(&name)?;
        self.set(name, 0);
        Some(who)
    }
    /// Removes a name if it is that of `who`.
    pub fn remove_of(&mut self, name: Term, who: Term) {
        if self.all.get(&name) == Some(&who) {
            self.remove(name);
        }
    }
    fn set(&self, name: Term, raw: u64) {
        let Some((book, page, entry)) = place(name) else { return };
        let book = self.names.books[book].get_or_init(|| made(PAGES));
        book[page].get_or_init(|| made(ENTRIES))[entry].store(raw, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_and_go() {
        let names = Names::default();
        let atoms: Vec<Term> = (0..2000).map(|i| term::atom::intern(&format!("names_come_and_go_{i}"))).collect();
        let pid = |i: usize| Term::pid(i as u32, 7);
        for (i, &name) in atoms.iter().enumerate() {
            assert_eq!(names.get(name), None);
            names.lock().insert(name, pid(i));
        }
        assert_eq!(names.list().len(), 2000);
        for (i, &name) in atoms.iter().enumerate() {
            assert_eq!(names.get(name), Some(pid(i)));
            names.lock().remove_of(name, pid(i + 1));
            assert!(names.lock().contains(name));
            if i % 2 == 0 {
                names.lock().remove_of(name, pid(i));
            } else {
                assert_eq!(names.lock().remove(name), Some(pid(i)));
            }
            assert_eq!((names.get(name), names.lock().remove(name)), (None, None));
        }
        assert!(names.list().is_empty() && names.get(Term::small(1)).is_none());
    }
}
