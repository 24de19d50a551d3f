//! Module `math`. The functions are the system's own, as in ERTS.

use crate::result::Res;
use node::{Ctx, Native};
use term::Term;

/// The argument as a float: `badarg` for what is no number, `badarith` for an integer that is too large.
fn number(cx: &mut Ctx, t: Term) -> Result<f64, node::Stop> {
    if !t.is_number() {
        return Err(cx.badarg());
    }
    term::int::to_f64(t).map_err(|_| cx.badarith())
}
fn finite(cx: &mut Ctx, f: f64) -> Res {
    if f.is_finite() { Ok(cx.h().float(f)) } else { Err(cx.badarith()) }
}

macro_rules! unary {
    ($($name:ident = $f:expr),* $(,)?) => {
        $(fn $name(cx: &mut Ctx, a: &[Term]) -> Res {
            let x = number(cx, a[0])?;
            let f: fn(f64) -> f64 = $f;
            finite(cx, f(x))
        })*
    };
}
unary! {
    acos = f64::acos, acosh = f64::acosh, asin = f64::asin, asinh = f64::asinh, atan = f64::atan, atanh = f64::atanh,
    ceil = f64::ceil, cos = f64::cos, cosh = f64::cosh, erf = libm::erf, erfc = libm::erfc, exp = f64::exp,
    floor = f64::floor, log = f64::ln, log10 = f64::log10, log2 = f64::log2, sin = f64::sin, sinh = f64::sinh,
    sqrt = f64::sqrt, tan = f64::tan, tanh = f64::tanh,
}
fn binary(cx: &mut Ctx, a: &[Term], f: fn(f64, f64) -> f64) -> Res {
    let x = number(cx, a[0])?;
    let y = number(cx, a[1])?;
    finite(cx, f(x, y))
}
fn atan2(cx: &mut Ctx, a: &[Term]) -> Res {
    binary(cx, a, f64::atan2)
}
fn pow(cx: &mut Ctx, a: &[Term]) -> Res {
    binary(cx, a, f64::powf)
}
fn fmod(cx: &mut Ctx, a: &[Term]) -> Res {
    binary(cx, a, |x, y| x % y)
}

pub const NATIVES: &[Native] = &[
    Native::new("math", "acos", 1, acos),
    Native::new("math", "acosh", 1, acosh),
    Native::new("math", "asin", 1, asin),
    Native::new("math", "asinh", 1, asinh),
    Native::new("math", "atan", 1, atan),
    Native::new("math", "atan2", 2, atan2),
    Native::new("math", "atanh", 1, atanh),
    Native::new("math", "ceil", 1, ceil),
    Native::new("math", "cos", 1, cos),
    Native::new("math", "cosh", 1, cosh),
    Native::new("math", "erf", 1, erf),
    Native::new("math", "erfc", 1, erfc),
    Native::new("math", "exp", 1, exp),
    Native::new("math", "floor", 1, floor),
    Native::new("math", "fmod", 2, fmod),
    Native::new("math", "log", 1, log),
    Native::new("math", "log10", 1, log10),
    Native::new("math", "log2", 1, log2),
    Native::new("math", "pow", 2, pow),
    Native::new("math", "sin", 1, sin),
    Native::new("math", "sinh", 1, sinh),
    Native::new("math", "sqrt", 1, sqrt),
    Native::new("math", "tan", 1, tan),
    Native::new("math", "tanh", 1, tanh),
];
