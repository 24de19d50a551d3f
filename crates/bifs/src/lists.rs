//! Module `lists`: the parts that walk a list without calling back.

use crate::result::Res;
use node::{Ctx, Native};
use term::cmp::{eq, eq_exact};
use term::{Term, am, atom};

fn member(cx: &mut Ctx, a: &[Term]) -> Res {
    let (wanted, mut rest, mut n) = (a[0], a[1], 0);
    // An immediate is equal to itself alone.
    let found = if wanted.is_immediate() {
        loop {
            let Some((h, t)) = rest.as_cons() else { break false };
            if h == wanted {
                break true;
            }
            rest = t;
            n += 1;
        }
    } else {
        loop {
            let Some((h, t)) = rest.as_cons() else { break false };
            if h.is_pointer() && eq_exact(h, wanted) {
                break true;
            }
            rest = t;
            n += 1;
        }
    };
    cx.charge(n / 16);
    if !found && !rest.is_nil() {
        return Err(cx.badarg());
    }
    Ok(Term::bool(found))
}

fn reverse(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut it = a[0].iter();
    let mut out = a[1];
    let mut n = 0;
    let h = cx.h();
    for t in it.by_ref() {
        out = h.cons(t, out);
        n += 1;
    }
    cx.charge(n / 16);
    if it.rest().is_nil() { Ok(out) } else { Err(cx.badarg()) }
}

/// The first tuple whose element `position` equals `key` (as `==`).
fn key_search(cx: &mut Ctx, a: &[Term]) -> Result<Option<Term>, node::Stop> {
    let (key, list) = (a[0], a[2]);
    let Some(at) = a[1].to::<usize>().filter(|&n| n > 0) else { return Err(cx.badarg()) };
    let quick = key.is_atom() || key.is_local_pid();
    let mut it = list.iter();
    let mut n = 0;
    let found = it.by_ref().find(|t| {
        n += 1;
        t.as_tuple().and_then(|e| e.get(at - 1)).is_some_and(|&e| e == key || (!quick && eq(e, key)))
    });
    cx.charge(n / 16);
    if found.is_none() && !it.rest().is_nil() {
        return Err(cx.badarg());
    }
    Ok(found)
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
