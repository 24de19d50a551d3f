//! The words of references as texts, hashes and other nodes see them.
//! A local reference is a 64-bit number and, if it is an alias, the pid of its process. As 32-bit words, least
//! significant first: the low 18 bits of the number, the next 32, what remains; then number and serial of the pid.

use crate::node_name::NodeName;
use crate::{Alloc, Term};

const LOW_BITS: u32 = 18;

/// The three words of a reference's number.
#[inline]
pub fn words_of_number(number: u64) -> [u32; 3] {
    [(number & ((1 << LOW_BITS) - 1)) as u32, (number >> LOW_BITS) as u32, (number >> (LOW_BITS + 32)) as u32]
}

/// The number behind three words; bits that no number has are dropped.
#[inline]
pub fn number_of_words(w0: u32, w1: u32, w2: u32) -> u64 {
    u64::from(w0) & ((1 << LOW_BITS) - 1) | u64::from(w1) << LOW_BITS | u64::from(w2) << (LOW_BITS + 32)
}

/// All words of a local reference: three, or five for an alias.
pub fn words(number: u64, alias_of: u64) -> ([u32; 5], usize) {
    let [w0, w1, w2] = words_of_number(number);
    if alias_of == 0 {
        return ([w0, w1, w2, 0, 0], 3);
    }
    let pid = alias_of >> 6;
    ([w0, w1, w2, pid as u32, (pid >> 32) as u32], 5)
}

/// Makes the local reference that has these words (1 to 5 of them).
pub fn from_words(alloc: &mut Alloc, words: &[u32]) -> Term {
    let w = |i: usize| words.get(i).copied().unwrap_or(0);
    let alias = if words.len() > 3 && (w(3), w(4)) != (0, 0) { Term::pid(w(3), w(4)).raw() } else { 0 };
    alloc.reference(number_of_words(w(0), w(1), w(2)), alias)
}

/// The node (`None`: the local one) and words of any reference.
pub fn node_and_words(t: Term) -> (Option<&'static NodeName>, Vec<u32>) {
    if let Some((number, alias)) = t.as_local_ref() {
        let (w, n) = words(number, alias);
        return (None, w[..n].to_vec());
    }
    match t.as_ext_ref() {
        Some((node, words)) => (Some(node), words),
        None => (None, Vec::new()),
    }
}
