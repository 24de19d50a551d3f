//! Map instructions beyond what `term::map` offers as it is.

use term::word::{Kind, header_len};
use term::{Alloc, Term, map};

/// `M#{K := V, ..}`; the first missing key if there is one.
pub fn update_many(a: &mut Alloc, m: Term, pairs: &[(Term, Term)]) -> Result<Term, Term> {
    map::update_many(a, m, pairs)
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
