//! Arrays of 64-bit integers that any process changes without a lock: the values behind `atomics` and `counters` references.

use std::sync::atomic::{AtomicU64, Ordering::*};
use term::{Alloc, Term};

/// What `atomics:new/2` makes.
pub struct Atomics {
    pub signed: bool,
    cells: Box<[AtomicU64]>,
}

/// What `counters:new/2` makes with `write_concurrency`: every scheduler has cells of its own, on cache lines of its own; a counter's value is the
/// sum of its cells.
pub struct Counters {
    len: usize,
    /// Cells of one share, its padding included.
    stride: usize,
    cells: Box<[AtomicU64]>,
}

fn zeros(n: usize) -> Box<[AtomicU64]> {
    (0..n).map(|_| AtomicU64::new(0)).collect()
}

impl Atomics {
    pub fn new(n: usize, signed: bool) -> Atomics {
        Atomics { signed, cells: zeros(n) }
    }
    pub fn len(&self) -> usize {
        self.cells.len()
    }
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
    /// Bytes that it takes.
    pub fn memory(&self) -> usize {
        size_of::<Atomics>() + self.cells.len() * 8
    }
    /// The cell with this index (from 1).
    pub fn cell(&self, index: Term) -> Option<&AtomicU64> {
        self.cells.get(index.to::<usize>()?.checked_sub(1)?)
    }
    /// The raw value of an integer argument; `None` if it is out of range. Increments wrap, so they may be of either sign.
    pub fn value(&self, t: Term) -> Option<u64> {
        if self.signed { t.as_i64().map(|n| n as u64) } else { t.as_u64() }
    }
    pub fn increment(&self, t: Term) -> Option<u64> {
        t.as_i64().map(|n| n as u64).or(t.as_u64())
    }
    /// A raw value as a term.
    pub fn term(&self, raw: u64, a: &mut Alloc) -> Term {
        if self.signed { a.int(raw as i64) } else { a.uint(raw) }
    }
    /// Least and greatest value.
    pub fn bounds(&self, a: &mut Alloc) -> (Term, Term) {
        if self.signed { (a.int(i64::MIN), a.int(i64::MAX)) } else { (Term::small(0), a.uint(u64::MAX)) }
    }
}

impl Counters {
    /// `n` counters in as many shares.
    pub fn new(n: usize, shares: usize) -> Counters {
        // A cache line has eight cells.
        let stride = n.next_multiple_of(8);
        Counters { len: n, stride, cells: zeros(stride.saturating_mul(shares.max(1))) }
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn memory(&self) -> usize {
        size_of::<Counters>() + self.cells.len() * 8
    }
    /// The counter's cells, one a share.
    fn cells(&self, index: Term) -> Option<impl Iterator<Item = &AtomicU64>> {
        let at = index.to::<usize>()?.checked_sub(1).filter(|&i| i < self.len)?;
        Some(self.cells.iter().skip(at).step_by(self.stride))
    }
    pub fn get(&self, index: Term) -> Option<i64> {
        Some(self.cells(index)?.fold(0, |sum: u64, c| sum.wrapping_add(c.load(Relaxed))) as i64)
    }
    /// Adds in the caller's share.
    pub fn add(&self, index: Term, n: i64, share: usize) -> Option<()> {
        let shares = self.cells.len() / self.stride;
        self.cells(index)?.nth(share % shares)?.fetch_add(n as u64, Relaxed);
        Some(())
    }
    pub fn put(&self, index: Term, n: i64) -> Option<()> {
        let mut cells = self.cells(index)?;
        cells.next()?.store(n as u64, Relaxed);
        cells.for_each(|c| c.store(0, Relaxed));
        Some(())
    }
}
