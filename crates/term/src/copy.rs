//! Copies of terms from one heap to another: messages, table entries, literals. Depth costs no native stack.
//! Shared parts are copied once for each way that leads to them, as ERTS does. Literals are kept by reference.

use crate::binary::Binary;
use crate::word::{TAG_BOXED, TAG_CONS, header, header_kind, header_len, is_header};
use crate::work::Work;
use crate::{Alloc, Fragment, Kind, Term, magic};

/// The span of addresses whose terms nobody moves, so that a copy may go on pointing there.
#[derive(Clone, Copy, Debug)]
pub struct LiteralRange {
    pub base: usize,
    pub len: usize,
    /// A span within, whose terms are about to go: they are copied all the same.
    pub going: usize,
    pub going_len: usize,
}

impl LiteralRange {
    /// Everything is copied.
    pub const NONE: LiteralRange = LiteralRange { base: 0, len: 0, going: 0, going_len: 0 };

    #[inline(always)]
    fn holds(self, t: Term) -> bool {
        let at = t.ptr() as usize;
        at.wrapping_sub(self.base) < self.len && at.wrapping_sub(self.going) >= self.going_len
    }
}

/// Bits up to this many are copied out of the binary they are a part of.
const PART_MAX_BITS: usize = crate::alloc::HEAP_BIN_MAX * 8;

/// Words of a boxed object itself in a copy, and which of its words (from, how many) are terms to look into.
#[inline(always)]
fn boxed_size(t: Term) -> (usize, usize, usize) {
    let h = t.header();
    let n = header_len(h);
    match header_kind(h) {
        1..=6 => (n + 1, 1, n),
        8 => (n + 1, 2, n - 1),
        9 | 10 => (part_size(t), 0, 0),
        _ => (n + 1, 0, 0),
    }
}

fn part_bits(t: Term) -> (Term, usize, usize) {
    let (start, x) = (t.word(1) as usize, t.word(2) as usize);
    (t.base(), start, if t.is_kind(Kind::MatchContext) { x - start } else { x })
}

fn part_size(t: Term) -> usize {
    let (base, _, bits) = part_bits(t);
    if bits <= PART_MAX_BITS || !base.is_kind(Kind::BinRef) { 2 + bits.div_ceil(64) } else { 4 + 4 }
}

/// How many words a copy takes; nothing for literals.
#[inline]
pub fn size(t: Term, literals: LiteralRange) -> usize {
    if t.is_immediate() {
        0
    } else if let Some(words) = flat(t)
        && !literals.holds(t)
    {
        words
    } else {
        size_walk(t, literals)
    }
}

/// Words of a small tuple, not a literal, of nothing but immediates: what most messages are.
#[inline(always)]
fn flat(t: Term) -> Option<usize> {
    const MOST: usize = 6;
    if !t.is_boxed() {
        return None;
    }
    let e = t.as_tuple()?;
    (!e.is_empty() && e.len() <= MOST && !e.iter().any(|x| x.is_pointer())).then(|| e.len() + 1)
}

fn size_walk(t: Term, literals: LiteralRange) -> usize {
    let mut work: Work<(*const Term, usize)> = Work::new();
    let mut total = 0;
    let (mut at, mut n) = (&raw const t, 1);
    loop {
        while n == 0 {
            match work.pop() {
                Some(rest) => (at, n) = rest,
                None => return total,
            }
        }
        // SAFETY: rule 1: `n` terms stand at `at`.
        let t = unsafe { *at };
        // SAFETY: as above; one past the last is never read.
        at = unsafe { at.add(1) };
        n -= 1;
        if !t.is_pointer() || literals.holds(t) {
            continue;
        }
        if t.is_cons() {
            if n > 0 {
                work.push((at, n));
            }
            let mut cell = t;
            loop {
                total += 2;
                let (head, tail) = (cell.head(), cell.tail());
                if head.is_pointer() && !literals.holds(head) {
                    let (words, _, inner) = if head.is_cons() { (0, 0, 2) } else { boxed_size(head) };
                    if inner > 0 {
                        // The head has parts of its own: it comes first, then the tail.
                        // SAFETY: rule 1: both are words of the cell.
                        unsafe {
                            work.push((cell.ptr().add(1).cast(), 1));
                            at = cell.ptr().cast();
                        }
                        n = 1;
                        break;
                    }
                    total += words;
                }
                if !tail.is_cons() || literals.holds(tail) {
                    // SAFETY: rule 1: the second word of the cell.
                    at = unsafe { cell.ptr().add(1).cast() };
                    n = usize::from(tail.is_boxed());
                    break;
                }
                cell = tail;
            }
            continue;
        }
        let (words, from, inner) = boxed_size(t);
        total += words;
        if inner > 0 {
            if n > 0 {
                work.push((at, n));
            }
            // SAFETY: rule 1: `inner` terms stand there.
            at = unsafe { t.ptr().add(from).cast() };
            n = inner;
        }
    }
}

/// Has the term more parts than that? Takes no longer than that many.
pub fn is_larger(t: Term, parts: usize) -> bool {
    let mut left = parts;
    let mut work = vec![t];
    while let Some(mut t) = work.pop() {
        while let Some((head, tail)) = t.as_cons() {
            if left == 0 {
                return true;
            }
            left -= 1;
            if head.is_pointer() {
                work.push(head);
            }
            t = tail;
        }
        if t.is_boxed() {
            let (words, from, inner) = boxed_size(t);
            if words > left {
                return true;
            }
            left -= words;
            // SAFETY: rule 1: `inner` terms stand there.
            let inner: &[Term] = unsafe { std::slice::from_raw_parts(t.ptr().add(from).cast(), inner) };
            work.extend(inner.iter().filter(|t| t.is_pointer()));
        }
    }
    false
}

/// A deep copy built in `alloc`.
#[inline]
pub fn copy(t: Term, alloc: &mut Alloc, literals: LiteralRange) -> Term {
    if t.is_immediate() || literals.holds(t) {
        return t;
    }
    let words = size(t, literals);
    copy_sized(t, words, alloc, literals)
}

/// A copy of a small tuple of immediates, if it is one and there is room without a fragment.
#[inline]
pub fn copy_flat(t: Term, alloc: &mut Alloc, literals: LiteralRange) -> Option<Term> {
    let words = flat(t)?;
    if literals.holds(t) || words > alloc.room() {
        return None;
    }
    let to = alloc.words(words);
    // SAFETY: rule 1 for the old tuple; the room is as large.
    unsafe {
        for i in 0..words {
            *to.add(i) = *t.ptr().add(i);
        }
        Some(Term::from_raw(to as u64 | TAG_BOXED))
    }
}

/// A deep copy of a term whose `size` is known.
pub fn copy_sized(t: Term, words: usize, alloc: &mut Alloc, literals: LiteralRange) -> Term {
    if words == 0 {
        return t;
    }
    let mut to = To { hp: alloc.words(words), literals };
    let start = to.hp;
    let new = to.object(t, alloc);
    let mut scan = start;
    // SAFETY: rule 1: between `scan` and `hp` stand whole objects whose terms still point to the old ones.
    unsafe {
        while scan < to.hp {
            let w = *scan;
            if is_header(w) {
                scan = scan.add(match Kind::from_u8(header_kind(w)).and_then(Kind::raw_prefix) {
                    Some(raw) if header_kind(w) != Kind::SubBits as u8 => 1 + raw,
                    // A part was copied together with its whole.
                    _ => 1 + header_len(w),
                });
                continue;
            }
            let t = Term::from_raw(w);
            // Tails of lists lead into the copy already.
            if t.is_pointer() && !literals.holds(t) && (t.ptr() as usize).wrapping_sub(start as usize) >= words * 8 {
                *scan = to.object(t, alloc).raw();
            }
            scan = scan.add(1);
        }
        debug_assert!(to.hp == start.add(words), "a copy takes the words that were counted");
    }
    new
}

/// A copy in memory of its own.
pub fn copy_out(t: Term, literals: LiteralRange) -> (Term, Fragment) {
    if let Some(words) = flat(t)
        && !literals.holds(t)
    {
        let mut new = t;
        let memory = Fragment::filled(words, |to| {
            // SAFETY: rule 1 for the old tuple; the room is as large.
            unsafe {
                for i in 0..words {
                    *to.add(i) = *t.ptr().add(i);
                }
                new = Term::from_raw(to as u64 | TAG_BOXED);
            }
        });
        return (new, memory);
    }
    let words = size(t, literals);
    if words == 0 {
        return (t, Fragment::EMPTY);
    }
    let mut alloc = Alloc::with_room(words);
    let t = copy_sized(t, words, &mut alloc, literals);
    (t, alloc.finish())
}

/// A deep copy in which shared parts are shared as before.
pub fn copy_shared(t: Term, alloc: &mut Alloc, literals: LiteralRange) -> Term {
    let words = shared_size(t, literals);
    if words == 0 {
        return t;
    }
    let mut to = To { hp: alloc.words(words), literals };
    let start = to.hp;
    let mut seen: base::hash::Map<u64, Term> = base::hash::Map::default();
    let mut root = t;
    // Words of the copy that still hold old terms.
    let mut work: Vec<*mut Term> = vec![&raw mut root];
    while let Some(at) = work.pop() {
        // SAFETY: rule 1: a word of a whole object of the copy, or `root`; each new object's room was counted by `shared_size`.
        unsafe {
            let old = *at;
            if !old.is_pointer() || literals.holds(old) {
                continue;
            }
            if let Some(&new) = seen.get(&old.raw()) {
                *at = new;
                continue;
            }
            let (p, room) = (old.ptr(), to.hp);
            let (new, from, inner) = if old.is_cons() {
                room.copy_from_nonoverlapping(p, 2);
                to.hp = room.add(2);
                (Term::from_raw(room as u64 | TAG_CONS), 0, 2)
            } else if matches!(header_kind(*p), 9 | 10 | 21 | 26) {
                (to.special(old, alloc), 0, 0)
            } else {
                let (words, from, inner) = boxed_size(old);
                room.copy_from_nonoverlapping(p, words);
                to.hp = room.add(words);
                (Term::from_raw(room as u64 | TAG_BOXED), from, inner)
            };
            seen.insert(old.raw(), new);
            work.extend((from..from + inner).map(|i| room.add(i).cast::<Term>()));
            *at = new;
        }
    }
    debug_assert!(to.hp as usize == start as usize + words * 8, "a copy takes the words that were counted");
    root
}

/// Where the copy is written.
struct To {
    hp: *mut u64,
    literals: LiteralRange,
}

impl To {
    /// Copies one object; the terms in it still point to the old ones.
    #[inline(always)]
    fn object(&mut self, t: Term, alloc: &mut Alloc) -> Term {
        let (p, to) = (t.ptr(), self.hp);
        debug_assert!(!self.literals.holds(t));
        // SAFETY: rule 1 for the old object; the room for the new one was counted by `size`.
        unsafe {
            if t.is_cons() {
                let (mut from, mut at) = (p, to);
                loop {
                    *at = *from;
                    let tail = Term::from_raw(*from.add(1));
                    if !tail.is_cons() || self.literals.holds(tail) {
                        *at.add(1) = tail.raw();
                        self.hp = at.add(2);
                        return Term::from_raw(to as u64 | TAG_CONS);
                    }
                    *at.add(1) = at.add(2) as u64 | TAG_CONS;
                    at = at.add(2);
                    from = tail.ptr();
                }
            }
            let h = *p;
            if matches!(header_kind(h), 9 | 10 | 21 | 26) {
                return self.special(t, alloc);
            }
            let n = header_len(h) + 1;
            if n <= 8 {
                for i in 0..n {
                    *to.add(i) = *p.add(i);
                }
            } else {
                to.copy_from_nonoverlapping(p, n);
            }
            self.hp = to.add(n);
            Term::from_raw(to as u64 | TAG_BOXED)
        }
    }
    /// Off-heap cells, and parts of bit strings.
    fn special(&mut self, t: Term, alloc: &mut Alloc) -> Term {
        let to = self.hp;
        // SAFETY: as in `object`; rule 5 for the counts.
        unsafe {
            match t.kind() {
                Some(Kind::BinRef) => {
                    let b = (*Binary::borrow_raw(t.word(2))).clone();
                    alloc.off_heap_bytes += b.capacity();
                    *to = header(Kind::BinRef, 3);
                    *to.add(1) = t.word(1);
                    *to.add(2) = b.into_raw();
                    *to.add(3) = alloc.off_heap as u64;
                    alloc.off_heap = to;
                    self.hp = to.add(4);
                }
                Some(Kind::MagicRef) => {
                    magic::retain_raw(t.word(3));
                    to.copy_from_nonoverlapping(t.ptr(), 4);
                    *to.add(4) = alloc.off_heap as u64;
                    alloc.off_heap = to;
                    self.hp = to.add(5);
                }
                _ => {
                    let (base, start, bits) = part_bits(t);
                    if bits <= PART_MAX_BITS || !base.is_kind(Kind::BinRef) {
                        let words = bits.div_ceil(64);
                        *to = header(Kind::HeapBits, 1 + words);
                        *to.add(1) = bits as u64;
                        to.add(2).write_bytes(0, words);
                        let out = std::slice::from_raw_parts_mut(to.add(2).cast::<u8>(), bits.div_ceil(8));
                        if let Some(whole) = base.bits() {
                            whole.slice(start, bits).copy_to(out, 0);
                        }
                        self.hp = to.add(2 + words);
                    } else {
                        *to = header(Kind::SubBits, 3);
                        *to.add(1) = start as u64;
                        *to.add(2) = bits as u64;
                        self.hp = to.add(4);
                        *to.add(3) = self.special(base, alloc).raw();
                    }
                }
            }
        }
        // SAFETY: rule 1: a whole object stands there now.
        unsafe { Term::boxed_at(to) }
    }
}

/// Words that a term takes where it is: shared parts once.
pub fn shared_size(t: Term, literals: LiteralRange) -> usize {
    let mut seen: base::hash::Set<u64> = base::hash::Set::default();
    let mut work = vec![t];
    let mut total = 0;
    while let Some(t) = work.pop() {
        if !t.is_pointer() || literals.holds(t) || !seen.insert(t.raw()) {
            continue;
        }
        if let Some((h, tail)) = t.as_cons() {
            total += 2;
            work.push(h);
            work.push(tail);
            continue;
        }
        let (words, from, inner) = boxed_size(t);
        total += words;
        // SAFETY: rule 1: `inner` terms stand there.
        work.extend_from_slice(unsafe { std::slice::from_raw_parts(t.ptr().add(from).cast(), inner) });
    }
    total
}

/// What `words_by` counts for an object: its words, and whether its parts are counted too.
pub enum Words {
    Whole(usize),
    WithParts(usize),
}

/// How many words a term takes by a count of others: `words` tells those of each object (and of each number). `shared`: what is met again counts once.
pub fn words_by(t: Term, literals: LiteralRange, shared: bool, words: impl Fn(Term) -> Words) -> usize {
    let mut seen: base::hash::Set<u64> = base::hash::Set::default();
    let mut work = vec![t];
    let mut total = 0;
    while let Some(t) = work.pop() {
        if t.is_small() {
            if let Words::Whole(n) = words(t) {
                total += n;
            }
            continue;
        }
        if !t.is_pointer() || literals.holds(t) || (shared && !seen.insert(t.raw())) {
            continue;
        }
        if let Some((h, tail)) = t.as_cons() {
            total += 2;
            work.push(tail);
            work.push(h);
            continue;
        }
        match words(t) {
            Words::Whole(n) => total += n,
            Words::WithParts(n) => {
                total += n;
                let (_, from, inner) = boxed_size(t);
                // SAFETY: rule 1: `inner` terms stand there.
                work.extend_from_slice(unsafe { std::slice::from_raw_parts(t.ptr().add(from).cast(), inner) });
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmp::eq_exact;

    #[test]
    fn a_copy_is_equal_and_takes_what_was_counted() {
        let a = &mut Alloc::new();
        let big: Vec<u8> = (0..200).collect();
        let long = a.binary(&big);
        let part = a.sub_bits(long, 3, 1000);
        let short = a.sub_bits(long, 5, 260);
        let pairs: Vec<_> = (0..100).map(|i| (Term::small(i), long)).collect();
        let map = crate::map::from_pairs(a, &pairs);
        let f = a.float(1.5);
        let r = a.reference(7, 0);
        let none = crate::map::empty(a);
        let l = a.list_with_tail(&[long, f, map, r, none], part);
        let t = a.tuple(&[l, short, Term::small(1), l, f]);
        let n = size(t, LiteralRange::NONE);
        let mut b = Alloc::with_room(n);
        let c = copy(t, &mut b, LiteralRange::NONE);
        assert_eq!(b.fragment_words(), n);
        assert!(eq_exact(t, c));
        assert!(shared_size(t, LiteralRange::NONE) < n);
        assert!(is_larger(t, 50) && !is_larger(t, n));
        let kept = copy(t, &mut b, LiteralRange { len: usize::MAX, ..LiteralRange::NONE });
        assert_eq!(kept.raw(), t.raw());
    }

    #[test]
    fn sharing_is_kept() {
        let a = &mut Alloc::new();
        let bin = a.binary(&[7; 300]);
        let part = a.sub_bits(bin, 3, 1000);
        let mut t = a.tuple(&[bin, part]);
        for _ in 0..40 {
            t = a.cons(t, t);
        }
        let b = &mut Alloc::new();
        let c = copy_shared(t, b, LiteralRange::NONE);
        // The part has the whole along.
        assert_eq!(shared_size(c, LiteralRange::NONE), shared_size(t, LiteralRange::NONE));
        let mut ends = (t, c);
        while ends.0.is_cons() {
            assert_eq!(ends.1.head(), ends.1.tail());
            ends = (ends.0.head(), ends.1.tail());
        }
        assert!(eq_exact(ends.0, ends.1));
    }

    #[test]
    fn depth_is_no_matter() {
        let a = &mut Alloc::new();
        let (mut deep, mut left) = (Term::NIL, Term::NIL);
        for _ in 0..1_000_000 {
            deep = a.tuple(&[deep, Term::small(1)]);
            left = a.cons(left, Term::NIL);
        }
        let b = &mut Alloc::new();
        for t in [deep, left] {
            let c = copy(t, b, LiteralRange::NONE);
            assert!(eq_exact(t, c));
            assert_eq!(crate::cmp::cmp(t, c), std::cmp::Ordering::Equal);
            assert_eq!(crate::hash::hash(t), crate::hash::hash(c));
        }
    }
}
