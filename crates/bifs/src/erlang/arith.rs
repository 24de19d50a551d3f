//! Arithmetic operators as functions, and the guard functions on numbers. The meaning is `term::int`'s.

use crate::result::{Res, arith};
use node::{Ctx, Native};
use term::Term;
use term::int::{self, ArithError, Rounding};

macro_rules! binary {
    ($($name:ident = $f:path),* $(,)?) => {
        $(fn $name(cx: &mut Ctx, a: &[Term]) -> Res {
            let r = $f(cx.h(), a[0], a[1]);
            arith(cx, r)
        })*
    };
}
binary! {
    add = int::add, sub = int::sub, mul = int::mul, divide = int::divide, div = int::div, rem = int::rem,
    band = int::band, bor = int::bor, bxor = int::bxor, bsl = int::bsl, bsr = int::bsr,
}

fn bnot(cx: &mut Ctx, a: &[Term]) -> Res {
    let r = int::bnot(cx.h(), a[0]);
    arith(cx, r)
}
fn neg(cx: &mut Ctx, a: &[Term]) -> Res {
    let r = int::neg(cx.h(), a[0]);
    arith(cx, r)
}
fn plus(cx: &mut Ctx, a: &[Term]) -> Res {
    arith(cx, int::plus(a[0]))
}
fn abs(cx: &mut Ctx, a: &[Term]) -> Res {
    int::abs(cx.h(), a[0]).map_err(|_| cx.badarg())
}
fn float(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_float() {
        return Ok(a[0]);
    }
    match int::to_f64(a[0]) {
        Ok(f) => Ok(cx.h().float(f)),
        Err(_) => Err(cx.badarg()),
    }
}

fn to_integer(cx: &mut Ctx, t: Term, how: Rounding) -> Res {
    if t.is_integer() {
        return Ok(t);
    }
    let Some(f) = t.as_float() else { return Err(cx.badarg()) };
    int::from_f64(cx.h(), f, how).map_err(|e| if e == ArithError::SystemLimit { cx.system_limit() } else { cx.badarg() })
}
fn trunc(cx: &mut Ctx, a: &[Term]) -> Res {
    to_integer(cx, a[0], Rounding::Trunc)
}
fn round(cx: &mut Ctx, a: &[Term]) -> Res {
    to_integer(cx, a[0], Rounding::Round)
}
fn floor(cx: &mut Ctx, a: &[Term]) -> Res {
    to_integer(cx, a[0], Rounding::Floor)
}
fn ceil(cx: &mut Ctx, a: &[Term]) -> Res {
    to_integer(cx, a[0], Rounding::Ceil)
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "+", 2, add),
    Native::new("erlang", "-", 2, sub),
    Native::new("erlang", "*", 2, mul),
    Native::new("erlang", "/", 2, divide),
    Native::new("erlang", "div", 2, div),
    Native::new("erlang", "rem", 2, rem),
    Native::new("erlang", "band", 2, band),
    Native::new("erlang", "bor", 2, bor),
    Native::new("erlang", "bxor", 2, bxor),
    Native::new("erlang", "bsl", 2, bsl),
    Native::new("erlang", "bsr", 2, bsr),
    Native::new("erlang", "bnot", 1, bnot),
    Native::new("erlang", "-", 1, neg),
    Native::new("erlang", "+", 1, plus),
    Native::new("erlang", "abs", 1, abs),
    Native::new("erlang", "float", 1, float),
    Native::new("erlang", "trunc", 1, trunc),
    Native::new("erlang", "round", 1, round),
    Native::new("erlang", "floor", 1, floor),
    Native::new("erlang", "ceil", 1, ceil),
];
