//! Comparison and boolean operators as functions.

use crate::result::Res;
use node::{Ctx, Native};
use std::cmp::Ordering::*;
use term::Term;
use term::cmp::{cmp, eq, eq_exact as exact};

fn eq_exact(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(exact(a[0], a[1])))
}
fn ne_exact(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(!exact(a[0], a[1])))
}
fn equal(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(eq(a[0], a[1])))
}
fn not_equal(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(!eq(a[0], a[1])))
}
fn less(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(cmp(a[0], a[1]) == Less))
}
fn less_equal(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(cmp(a[0], a[1]) != Greater))
}
fn greater(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(cmp(a[0], a[1]) == Greater))
}
fn greater_equal(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(cmp(a[0], a[1]) != Less))
}
/// Of equal terms the first.
fn smaller(_: &mut Ctx, x: Term, y: Term) -> Term {
    if cmp(x, y) == Greater { y } else { x }
}
fn larger(_: &mut Ctx, x: Term, y: Term) -> Term {
    if cmp(x, y) == Less { y } else { x }
}
fn min(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(smaller(cx, a[0], a[1]))
}
fn max(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(larger(cx, a[0], a[1]))
}

fn bools(cx: &mut Ctx, a: &[Term], f: fn(bool, bool) -> bool) -> Res {
    match (a[0].as_bool(), a[1].as_bool()) {
        (Some(x), Some(y)) => Ok(Term::bool(f(x, y))),
        _ => Err(cx.badarg()),
    }
}
fn and(cx: &mut Ctx, a: &[Term]) -> Res {
    bools(cx, a, |x, y| x & y)
}
fn or(cx: &mut Ctx, a: &[Term]) -> Res {
    bools(cx, a, |x, y| x | y)
}
fn xor(cx: &mut Ctx, a: &[Term]) -> Res {
    bools(cx, a, |x, y| x ^ y)
}
fn not(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].as_bool().map(|x| Term::bool(!x)).ok_or_else(|| cx.badarg())
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "=:=", 2, eq_exact),
    Native::new("erlang", "=/=", 2, ne_exact),
    Native::new("erlang", "==", 2, equal),
    Native::new("erlang", "/=", 2, not_equal),
    Native::new("erlang", "<", 2, less),
    Native::new("erlang", "=<", 2, less_equal),
    Native::new("erlang", ">", 2, greater),
    Native::new("erlang", ">=", 2, greater_equal),
    Native::new("erlang", "min", 2, min).plain(smaller),
    Native::new("erlang", "max", 2, max).plain(larger),
    Native::new("erlang", "and", 2, and),
    Native::new("erlang", "or", 2, or),
    Native::new("erlang", "xor", 2, xor),
    Native::new("erlang", "not", 1, not),
];
