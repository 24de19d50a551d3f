//! Module `maps`. The representation is `term::map`'s.

use crate::result::Res;
use crate::slice;
use node::{Ctx, Native, Stop};
use term::{Term, am, map};

/// `{badmap, T}` unless `t` is a map.
fn need_map(cx: &mut Ctx, t: Term) -> Result<(), Stop> {
    if t.is_map() { Ok(()) } else { Err(cx.error_with(am::BADMAP, t)) }
}

fn find(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[1])?;
    Ok(match map::get(a[1], a[0]) {
        Some(v) => cx.h().ok(v),
        None => am::ERROR,
    })
}
fn get(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[1])?;
    map::get(a[1], a[0]).ok_or_else(|| cx.error_with(am::BADKEY, a[0]))
}
fn is_key(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[1])?;
    Ok(Term::bool(map::has_key(a[1], a[0])))
}
fn put(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[2])?;
    Ok(map::put(cx.h(), a[2], a[0], a[1]))
}
fn update(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[2])?;
    map::update(cx.h(), a[2], a[0], a[1]).ok_or_else(|| cx.error_with(am::BADKEY, a[0]))
}
fn remove(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[1])?;
    Ok(map::remove(cx.h(), a[1], a[0]))
}
fn take(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[1])?;
    Ok(match map::take(cx.h(), a[1], a[0]) {
        Some((rest, v)) => cx.h().tuple(&[v, rest]),
        None => am::ERROR,
    })
}
fn keys(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[0])?;
    if map::size(a[0]) > PORTION {
        return of_all(cx, a[0], |(k, _)| k);
    }
    cx.charge(map::size(a[0]) / 8);
    Ok(map::keys(cx.h(), a[0]))
}
fn values(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[0])?;
    if map::size(a[0]) > PORTION {
        return of_all(cx, a[0], |(_, v)| v);
    }
    cx.charge(map::size(a[0]) / 8);
    Ok(map::values(cx.h(), a[0]))
}

/// A list with something of each pair of a large map, from its last part to its first, between which the function may give way.
fn of_all(cx: &mut Ctx, map: Term, what: impl Fn((Term, Term)) -> Term) -> Res {
    let [part, mut list] = slice::kept_terms(cx).unwrap_or([Term::small(255), Term::NIL]);
    let mut part = part.as_small().and_then(|n| u8::try_from(n).ok()).unwrap_or_default();
    loop {
        let terms: Vec<Term> = map::Iter::part(map, part).map(&what).collect();
        cx.charge(terms.len() / 8);
        list = cx.h().list_with_tail(&terms, list);
        if part == 0 {
            return Ok(list);
        }
        part -= 1;
        if cx.exhausted() {
            return Err(slice::keep_terms(cx, [Term::small(i64::from(part)), list]));
        }
    }
}

fn merge(cx: &mut Ctx, a: &[Term]) -> Res {
    need_map(cx, a[0])?;
    need_map(cx, a[1])?;
    cx.charge((map::size(a[0]) + map::size(a[1])) / 4);
    Ok(map::merge(cx.h(), a[0], a[1]))
}
/// Elements handled between two looks at the slice.
const PORTION: usize = 4096;

/// A map from a list's elements, in portions.
fn build(cx: &mut Ctx, list: Term, pair: impl Fn(Term) -> Option<(Term, Term)>) -> Res {
    // What there is of it, and the rest of the list.
    let [mut made, mut rest] = slice::kept_terms(cx).unwrap_or([Term::NONE, list]);
    loop {
        let mut pairs = Vec::new();
        let mut it = rest.iter();
        for t in it.by_ref().take(PORTION) {
            let Some(p) = pair(t) else { return Err(cx.badarg()) };
            pairs.push(p);
        }
        rest = it.rest();
        if !rest.is_list() {
            return Err(cx.badarg());
        }
        cx.charge(pairs.len() / 2);
        let part = map::from_pairs(cx.h(), &pairs);
        made = if made.is_none() { part } else { map::merge(cx.h(), made, part) };
        if rest.is_nil() {
            return Ok(made);
        }
        if cx.exhausted() {
            return Err(slice::keep_terms(cx, [made, rest]));
        }
    }
}

fn from_list(cx: &mut Ctx, a: &[Term]) -> Res {
    build(cx, a[0], |t| t.as_tuple_n().map(|&[k, v]| (k, v)))
}
fn from_keys(cx: &mut Ctx, a: &[Term]) -> Res {
    build(cx, a[0], |k| Some((k, a[1])))
}

pub const NATIVES: &[Native] = &[
    Native::new("maps", "find", 2, find),
    Native::new("maps", "from_keys", 2, from_keys),
    Native::new("maps", "from_list", 1, from_list),
    Native::new("maps", "get", 2, get),
    Native::new("maps", "is_key", 2, is_key),
    Native::new("maps", "keys", 1, keys),
    Native::new("maps", "merge", 2, merge),
    Native::new("maps", "put", 3, put),
    Native::new("maps", "remove", 2, remove),
    Native::new("maps", "take", 2, take),
    Native::new("maps", "update", 3, update),
    Native::new("maps", "values", 1, values),
];
