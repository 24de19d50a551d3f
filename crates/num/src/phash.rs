//! `erlang:phash/2`: the older portable hash, a running `h = h * prime + byte`.
//!
//! `h` starts at 0; all arithmetic is modulo 2^32; the primes ([`PRIMES`], numbered from 1) lie just above 2^28.
//!
//! | term | what happens to `h` |
//! |---|---|
//! | `[]` | `h * p3 + 1` |
//! | atom | `h * p1 + atom value` (see `phash2`) |
//! | integer | each byte of the magnitude, lowest first, to a multiple of four bytes (at least four): `h * p2 + byte`; then `h * p4` if negative, else `h * p3` |
//! | float | `h * p6 + (high half of the bits ^ low half)`; -0.0 counts as 0.0 |
//! | bit string | each whole byte: `h * p1 + byte`; bits left over: `(h * p1 + their value) * p12 + their number`; then `h * p4 + whole bytes` |
//! | list | each element that is a byte: `h * p2 + byte`, others as terms; then the tail (`[]` too) as a term; then `h * p8` |
//! | tuple | the elements in order, then `h * p9 + arity` |
//! | map | `h * p13 + p14 + phash2` of it |
//! | pid | the four bytes of its number, lowest first: `h * p5 + byte`; then `h * p6` |
//! | port | if the high half of its number is not 0, its four bytes with p11; the low half's with p9; then `h * p10` |
//! | reference | the four bytes of its first word with p9; then `h * p10` |
//! | local fun | `h * p10 + free variables`, `h * p1 + module`, `h * p2 + index`, `h * p2 + old unique`, then the free variables |
//! | external fun | `h * p11 + arity`, `h * p1 + module`, `h * p1 + function` |
//!
//! `phash(T, Range)` is one more than the remainder ([`in_range`]).

use crate::phash2::{self, Source, View};

/// The primes p1 to p14.
pub const PRIMES: [u32; 14] = [
    268440163, 268439161, 268435459, 268436141, 268438633, 268437017, 268438039, 268437511,
    268439627, 268440479, 268440577, 268440581, 268440593, 268440611,
];

/// `h * p + x` for the prime `n`.
#[inline]
fn put(h: u32, n: usize, x: u32) -> u32 {
    h.wrapping_mul(PRIMES[n - 1]).wrapping_add(x)
}

fn put_word(h: u32, n: usize, word: u32) -> u32 {
    word.to_le_bytes()
        .iter()
        .fold(h, |h, &b| put(h, n, b as u32))
}

fn put_integer(mut h: u32, neg: bool, mag: &[u64]) -> u32 {
    let (low, top) = match mag {
        [low @ .., top] => (low, *top),
        [] => (mag, 0),
    };
    for &m in low {
        h = put_word(put_word(h, 2, m as u32), 2, (m >> 32) as u32);
    }
    h = put_word(h, 2, top as u32);
    if top >> 32 != 0 {
        h = put_word(h, 2, (top >> 32) as u32);
    }
    put(h, if neg { 4 } else { 3 }, 0)
}

fn put_binary(mut h: u32, bytes: &[u8], bits: u8) -> u32 {
    let bits = bits.min(7);
    let (whole, last) = match bytes {
        [whole @ .., last] if bits > 0 => (whole, *last),
        _ => (bytes, 0),
    };
    for &b in whole {
        h = put(h, 1, b as u32);
    }
    if bits > 0 {
        h = put(put(h, 1, (last >> (8 - bits)) as u32), 12, bits as u32);
    }
    put(h, 4, whole.len() as u32)
}

/// What is left to do after the term at hand.
enum Next<T> {
    /// The rest of a list after an element that is no byte.
    Tail(T),
    ListEnd,
    /// Elements from the index on; true for a tuple, whose arity closes it.
    Elements(T, usize, usize, bool),
}

/// The full 32-bit hash of a term.
pub fn hash<S: Source>(source: &S, term: S::Term) -> u32 {
    let mut h = 0;
    let mut left: Vec<Next<S::Term>> = Vec::new();
    let mut term = term;
    // Whether `term` continues a list whose end is still to come.
    let mut in_list = false;
    loop {
        match source.view(term) {
            View::Cons(mut head, mut tail) => {
                loop {
                    let Some(byte) = source.byte(head) else {
                        left.push(Next::Tail(tail));
                        term = head;
                        break;
                    };
                    h = put(h, 2, byte as u32);
                    if let View::Cons(next, rest) = source.view(tail) {
                        (head, tail) = (next, rest);
                    } else {
                        left.push(Next::ListEnd);
                        term = tail;
                        break;
                    }
                }
                in_list = false;
                continue;
            }
            _ if in_list => {
                // The tail of a list: itself a term, and then the list's own end.
                left.push(Next::ListEnd);
                in_list = false;
                continue;
            }
            View::Nil => h = put(h, 3, 1),
            View::Atom(value) => h = put(h, 1, value),
            View::Small(n) => h = put_integer(h, n < 0, &[n.unsigned_abs()]),
            View::Integer(n) => h = put_integer(h, n.neg, n.mag),
            View::Float(f) => {
                let bits = if f == 0.0 { 0 } else { f.to_bits() };
                h = put(h, 6, (bits >> 32) as u32 ^ bits as u32);
            }
            View::Binary(bytes, bits) => h = put_binary(h, bytes, bits),
            View::OwnBinary(bytes, bits) => h = put_binary(h, &bytes, bits),
            View::Pid(number) => h = put(put_word(h, 5, number), 6, 0),
            View::Port(number) => {
                if number >> 32 != 0 {
                    h = put_word(h, 11, (number >> 32) as u32);
                }
                h = put(put_word(h, 9, number as u32), 10, 0);
            }
            View::Reference(first) => h = put(put_word(h, 9, first), 10, 0),
            View::Map(_) => h = put(h, 13, PRIMES[13].wrapping_add(phash2::hash(source, term))),
            View::Tuple(arity) => left.push(Next::Elements(term, 0, arity, true)),
            View::LocalFun {
                free,
                module,
                index,
                old_unique,
            } => {
                h = put(
                    put(put(put(h, 10, free as u32), 1, module), 2, index),
                    2,
                    old_unique,
                );
                left.push(Next::Elements(term, 0, free, false));
            }
            View::ExternalFun {
                module,
                function,
                arity,
            } => h = put(put(put(h, 11, arity), 1, module), 1, function),
        }
        term = loop {
            match left.pop() {
                None => return h,
                Some(Next::ListEnd) => h = put(h, 8, 0),
                Some(Next::Tail(tail)) => {
                    in_list = true;
                    break tail;
                }
                Some(Next::Elements(whole, at, end, tuple)) if at >= end => {
                    let _ = whole;
                    if tuple {
                        h = put(h, 9, end as u32);
                    }
                }
                Some(Next::Elements(whole, at, end, tuple)) => {
                    left.push(Next::Elements(whole, at + 1, end, tuple));
                    break source.element(whole, at);
                }
            }
        };
    }
}

/// `phash(T, Range)` from the hash, for a range of 1 to 2^32. The answer may be 2^32 itself.
#[inline]
pub fn in_range(h: u32, range: u64) -> u64 {
    match range {
        0 => 1,
        r => h as u64 % r + 1,
    }
}
