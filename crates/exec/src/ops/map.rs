//! Map instructions beyond what `term::map` offers as it is.

use term::word::{Kind, header_len};
use term::{Alloc, Term, map};

/// `M#{K := V, ..}`; else a missing key: the least number of them, as the instruction's keys count as sorted, or the first.
pub fn update_many(a: &mut Alloc, m: Term, pairs: &[(Term, Term)]) -> Result<Term, Term> {
    map::update_many(a, m, pairs).map_err(|first| {
        let missing = pairs.iter().map(|p| p.0).filter(|&k| k.is_number() && map::get(m, k).is_none());
        if first.is_number() { missing.min_by(|&x, &y| term::cmp::cmp_exact(x, y)).unwrap_or(first) } else { first }
    })
}

/// A small map with other values under keys that are immediates and that it has all; built at `hp`, if there is `room` for it.
#[inline]
pub fn replace(hp: &mut *mut u64, room: usize, m: Term, pairs: &[(Term, Term)]) -> Option<Term> {
    if !m.is_flat_map() {
        return None;
    }
    let len = header_len(m.header());
    if len < 2 || room < len + 1 || !pairs.iter().all(|p| p.0.is_immediate()) {
        return None;
    }
    // SAFETY: rule 1: word 1 of a flat map that is not empty is its tuple of keys, as long as the values; there is room for the copy.
    unsafe {
        let keys = std::slice::from_raw_parts(Term::from_raw(m.word(1)).ptr().add(1), len - 1);
        let to = *hp;
        to.copy_from_nonoverlapping(m.ptr(), len + 1);
        for &(key, value) in pairs {
            let i = keys.iter().position(|&k| k == key.raw())?;
            *to.add(2 + i) = value.raw();
        }
        *hp = to.add(len + 1);
        Some(Term::boxed_at(to))
    }
}

/// The value under an immediate key, given as its raw word.
#[inline(always)]
pub fn get_immediate(m: Term, key: u64) -> Option<Term> {
    if m.is_flat_map() {
        let n = header_len(m.header()) - 1;
        if n == 0 {
            return None;
        }
        // SAFETY: rule 1: word 1 of a flat map that is not empty is its tuple of keys, as long as the values.
        unsafe {
            let keys = Term::from_raw(m.word(1)).ptr().add(1);
            for i in 0..n {
                if *keys.add(i) == key {
                    return Some(Term::from_raw(m.word(2 + i)));
                }
            }
        }
        return None;
    }
    debug_assert!(m.is_kind(Kind::HashMap));
    // SAFETY: an immediate needs no memory.
    map::get(m, unsafe { Term::from_raw(key) })
}
