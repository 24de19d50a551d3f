//! `++` and `--`.

use crate::result::{MUCH, Res};
use crate::slice;
use node::{Ctx, Native};
use term::Term;
use term::cmp::eq_exact;

fn append(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[1].is_nil() && a[0].is_nil() {
        return Ok(a[0]);
    }
    // A long list is turned round twice, in slices: what is still to come, what is turned round, what is done.
    let [mut front, mut back, mut done] = match slice::kept_terms(cx) {
        Some(kept) => kept,
        None if is_longer(a[0], MUCH) => [a[0], Term::NIL, Term::NONE],
        None => {
            let Some(front) = a[0].proper_list() else { return Err(cx.badarg()) };
            cx.charge(front.len() / 8);
            return Ok(cx.h().list_with_tail(&front, a[1]));
        }
    };
    let budget = slice::elements(cx, 8);
    let h = cx.h();
    for _ in 0..budget {
        if done.is_none() {
            if let Some((t, tail)) = front.as_cons() {
                (front, back) = (tail, h.cons(t, back));
            } else if front.is_nil() {
                done = a[1];
            } else {
                return Err(cx.badarg());
            }
        } else if let Some((t, tail)) = back.as_cons() {
            (back, done) = (tail, h.cons(t, done));
        } else {
            return Ok(done);
        }
    }
    cx.charge(budget / 8);
    Err(slice::keep_terms(cx, [front, back, done]))
}

fn is_longer(list: Term, n: usize) -> bool {
    list.iter().nth(n).is_some()
}

/// Below this length of the right list, comparing with each is cheaper than hashing.
const FEW: usize = 8;

/// Terms with how many of each are left, by their hashes.
struct Bag {
    /// First entry of each chain, counted from 1; 0: none.
    heads: Vec<u32>,
    entries: Vec<Entry>,
    left: usize,
}

struct Entry {
    term: Term,
    hash: u64,
    count: u32,
    next: u32,
}

/// Terms that are `=:=` have one hash.
fn hash(t: Term) -> u64 {
    if t.is_immediate() { t.raw().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20 } else { term::hash::hash(t) }
}

impl Bag {
    fn new(terms: &[Term]) -> Bag {
        let size = (terms.len() * 2).next_power_of_two();
        let mut bag = Bag { heads: vec![0; size], entries: Vec::with_capacity(terms.len()), left: terms.len() };
        for &t in terms {
            let h = hash(t);
            match bag.find(t, h) {
                Some(i) => bag.entries[i].count += 1,
                None => {
                    let slot = h as usize & (size - 1);
                    let next = std::mem::replace(&mut bag.heads[slot], bag.entries.len() as u32 + 1);
                    bag.entries.push(Entry { term: t, hash: h, count: 1, next });
                }
            }
        }
        bag
    }
    fn find(&self, t: Term, h: u64) -> Option<usize> {
        let mut at = self.heads[h as usize & (self.heads.len() - 1)];
        while at != 0 {
            let e = &self.entries[at as usize - 1];
            if e.hash == h && (e.term == t || eq_exact(e.term, t)) {
                return Some(at as usize - 1);
            }
            at = e.next;
        }
        None
    }
    fn take(&mut self, t: Term) -> bool {
        let found = self.find(t, hash(t)).filter(|&i| self.entries[i].count > 0);
        if let Some(i) = found {
            self.entries[i].count -= 1;
            self.left -= 1;
        }
        found.is_some()
    }
}

fn subtract(cx: &mut Ctx, a: &[Term]) -> Res {
    cx.heavy(is_longer(a[0], MUCH) || is_longer(a[1], MUCH))?;
    let (Some(left), Some(right)) = (a[0].proper_list(), a[1].proper_list()) else { return Err(cx.badarg()) };
    if left.is_empty() || right.is_empty() {
        return Ok(a[0]);
    }
    cx.charge(left.len() + right.len());
    let mut kept = Vec::with_capacity(left.len());
    // Index of the last element of `left` that went: what follows can be shared.
    let mut last_gone = None;
    let mut remove = |i: usize, gone: bool| {
        if gone { last_gone = Some(i) } else { kept.push(left[i]) }
    };
    if right.len() <= FEW {
        let mut rest = right;
        for (i, &t) in left.iter().enumerate() {
            let at = rest.iter().position(|&r| eq_exact(r, t));
            if let Some(at) = at {
                rest.remove(at);
            }
            remove(i, at.is_some());
        }
    } else {
        let mut rest = Bag::new(&right);
        for (i, &t) in left.iter().enumerate() {
            let found = rest.left > 0 && rest.take(t);
            remove(i, found);
        }
    }
    let Some(last) = last_gone else { return Ok(a[0]) };
    let mut tail = a[0];
    for _ in 0..=last {
        tail = tail.tail();
    }
    let front = kept.len() - (left.len() - 1 - last);
    Ok(cx.h().list_with_tail(&kept[..front], tail))
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "++", 2, append),
    Native::new("erlang", "append", 2, append),
    Native::new("erlang", "--", 2, subtract),
    Native::new("erlang", "subtract", 2, subtract),
];
