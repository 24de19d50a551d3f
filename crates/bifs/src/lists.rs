//! Module `lists`: the parts that walk a list without calling back.

use crate::result::Res;
use crate::slice;
use node::{Ctx, Native, Stop};
use term::cmp::{eq, eq_exact};
use term::{Term, am, atom};

/// Elements handled for one reduction.
const PER_REDUCTION: usize = 16;

/// Looks along a list for an element, in slices; the whole list must be proper if there is none.
fn search(cx: &mut Ctx, list: Term, wanted: impl Fn(Term) -> bool) -> Result<Option<Term>, Stop> {
    let mut rest = slice::kept_terms::<1>(cx).map_or(list, |[rest]| rest);
    let budget = slice::elements(cx, PER_REDUCTION);
    let mut left = budget;
    while let Some((h, t)) = rest.as_cons() {
        if wanted(h) {
            cx.charge((budget - left) / PER_REDUCTION);
            return Ok(Some(h));
        }
        rest = t;
        left -= 1;
        if left == 0 {
            cx.charge(budget / PER_REDUCTION);
            return Err(slice::keep_terms(cx, [rest]));
        }
    }
    cx.charge((budget - left) / PER_REDUCTION);
    if rest.is_nil() { Ok(None) } else { Err(cx.badarg()) }
}

fn member(cx: &mut Ctx, a: &[Term]) -> Res {
    let wanted = a[0];
    // An immediate is equal to itself alone.
    let found = if wanted.is_immediate() { search(cx, a[1], |h| h == wanted) } else { search(cx, a[1], |h| h.is_pointer() && eq_exact(h, wanted)) };
    Ok(Term::bool(found?.is_some()))
}

fn reverse(cx: &mut Ctx, a: &[Term]) -> Res {
    let [mut rest, mut out] = slice::kept_terms(cx).unwrap_or([a[0], a[1]]);
    let budget = slice::elements(cx, PER_REDUCTION);
    let mut left = budget;
    let h = cx.h();
    while let Some((t, tail)) = rest.as_cons() {
        out = h.cons(t, out);
        rest = tail;
        left -= 1;
        if left == 0 {
            break;
        }
    }
    cx.charge((budget - left) / PER_REDUCTION);
    if rest.is_nil() {
        Ok(out)
    } else if rest.is_cons() {
        Err(slice::keep_terms(cx, [rest, out]))
    } else {
        Err(cx.badarg())
    }
}

/// The first tuple whose element `position` equals `key` (as `==`).
fn key_search(cx: &mut Ctx, a: &[Term]) -> Result<Option<Term>, Stop> {
    let key = a[0];
    let Some(at) = a[1].to::<usize>().filter(|&n| n > 0) else { return Err(cx.badarg()) };
    let quick = key.is_atom() || key.is_local_pid();
    search(cx, a[2], |t| t.as_tuple().and_then(|e| e.get(at - 1)).is_some_and(|&e| e == key || (!quick && eq(e, key))))
}
fn keyfind(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(key_search(cx, a)?.unwrap_or(am::FALSE))
}
fn keymember(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(key_search(cx, a)?.is_some()))
}
fn keysearch(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(match key_search(cx, a)? {
        Some(t) => cx.h().tuple(&[atom!("value"), t]),
        None => am::FALSE,
    })
}

pub const NATIVES: &[Native] = &[
    Native::new("lists", "member", 2, member),
    Native::new("lists", "reverse", 2, reverse),
    Native::new("lists", "keyfind", 3, keyfind),
    Native::new("lists", "keymember", 3, keymember),
    Native::new("lists", "keysearch", 3, keysearch),
];
