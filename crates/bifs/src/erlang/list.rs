//! `++` and `--`.

use crate::result::Res;
use node::{Ctx, Native};
use term::Term;
use term::cmp::eq_exact;

fn append(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[1].is_nil() && a[0].is_nil() {
        return Ok(a[0]);
    }
    let Some(front) = a[0].proper_list() else { return Err(cx.badarg()) };
    cx.charge(front.len() / 8);
    Ok(cx.h().list_with_tail(&front, a[1]))
}

/// Below this length of the right list, comparing with each is cheaper than hashing.
const FEW: usize = 8;

fn subtract(cx: &mut Ctx, a: &[Term]) -> Res {
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
        let mut rest = base::hash::Map::<u64, Vec<(Term, usize)>>::default();
        for &r in &right {
            let row = rest.entry(term::hash::hash(r)).or_default();
            match row.iter_mut().find(|(t, _)| eq_exact(*t, r)) {
                Some((_, n)) => *n += 1,
                None => row.push((r, 1)),
            }
        }
        let mut todo = right.len();
        for (i, &t) in left.iter().enumerate() {
            let found = todo > 0
                && rest
                    .get_mut(&term::hash::hash(t))
                    .and_then(|row| row.iter_mut().find(|(r, n)| *n > 0 && eq_exact(*r, t)))
                    .map(|(_, n)| *n -= 1)
                    .is_some();
            todo -= usize::from(found);
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
