//! Walking lists.

use crate::Term;

/// The elements of a list, and what stood at its end.
pub struct Iter {
    rest: Term,
}

impl Iter {
    /// What has not been walked yet; `[]` after a proper list, the tail after an improper one.
    #[inline]
    pub fn rest(&self) -> Term {
        self.rest
    }
}

impl Iterator for Iter {
    type Item = Term;
    #[inline]
    fn next(&mut self) -> Option<Term> {
        let (head, tail) = self.rest.as_cons()?;
        self.rest = tail;
        Some(head)
    }
}

impl Term {
    /// Walks the cons cells; use `Iter::rest` afterwards to see whether the list was proper.
    #[inline]
    pub fn iter(self) -> Iter {
        Iter { rest: self }
    }
    /// The elements of a proper list.
    pub fn proper_list(self) -> Option<Vec<Term>> {
        let mut it = self.iter();
        let v: Vec<Term> = it.by_ref().collect();
        it.rest().is_nil().then_some(v)
    }
    /// Length of a proper list.
    pub fn list_length(self) -> Option<usize> {
        let mut it = self.iter();
        let n = it.by_ref().count();
        it.rest().is_nil().then_some(n)
    }
}
