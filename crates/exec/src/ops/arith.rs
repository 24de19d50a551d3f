//! Arithmetic beyond small integers.

use term::int::{self, Arith};
use term::{Alloc, Term};

pub use term::int::{ArithError, add, band, bor, bsl, bsr, bxor, mul, rem, sub};

pub fn int_div(a: &mut Alloc, x: Term, y: Term) -> Arith {
    int::div(a, x, y)
}
pub fn div(a: &mut Alloc, x: Term, y: Term) -> Arith {
    int::divide(a, x, y)
}
/// `bnot X`; the second operand is not used (all slow paths have one shape).
pub fn bnot(a: &mut Alloc, x: Term, _: Term) -> Arith {
    int::bnot(a, x)
}
/// `-X`.
pub fn neg(a: &mut Alloc, x: Term, _: Term) -> Arith {
    int::neg(a, x)
}
/// `X bsl N` if it stays small.
#[inline]
pub fn small_shift_left(x: i64, n: i64) -> Option<i64> {
    if !(0..62).contains(&n) {
        return (x == 0 && n >= 0).then_some(0);
    }
    let r = x << n;
    (r >> n == x && Term::fits_small(r)).then_some(r)
}
/// The value for a float register.
#[inline]
pub fn to_float(t: Term) -> Option<f64> {
    int::to_f64(t).ok()
}
