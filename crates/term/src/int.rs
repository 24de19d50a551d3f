//! Arithmetic on terms: small integers first, then floats and integers of any size (crate `num`).
//! The interpreter has the small cases of its own and comes here for the rest.

use crate::{Alloc, Term};
use num::{BigInt, Int, bytes::Endian};

/// Why there is no result; the names of Erlang's errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArithError {
    BadArith,
    SystemLimit,
}
use ArithError::*;

pub type Arith = Result<Term, ArithError>;

impl From<num::Error> for ArithError {
    fn from(e: num::Error) -> ArithError {
        if e == num::Error::SystemLimit { SystemLimit } else { BadArith }
    }
}

/// An integer term as `num` sees it; a small's limb is kept in `room`.
#[inline]
pub fn as_int<'a>(t: Term, room: &'a mut [u64; 1]) -> Option<Int<'a>> {
    match t.as_small() {
        Some(n) => Some(Int::small(n, room)),
        None => t.as_big().map(|(neg, mag)| Int { neg, mag }),
    }
}

/// The term of an integer of any size.
#[inline]
pub fn term(alloc: &mut Alloc, n: &BigInt) -> Term {
    alloc.integer(n.neg, &n.mag)
}

fn integers(alloc: &mut Alloc, a: Term, b: Term, f: impl FnOnce(Int<'_>, Int<'_>) -> Result<BigInt, num::Error>) -> Arith {
    let (mut ra, mut rb) = ([0], [0]);
    let (Some(x), Some(y)) = (as_int(a, &mut ra), as_int(b, &mut rb)) else { return Err(BadArith) };
    let n = f(x, y)?;
    Ok(term(alloc, &n))
}

/// The value of a number as a float; an integer that no float can hold is `badarith`, as is any other term.
#[inline]
pub fn to_f64(t: Term) -> Result<f64, ArithError> {
    if let Some(n) = t.as_small() {
        return Ok(n as f64);
    }
    if let Some(f) = t.as_float() {
        return Ok(f);
    }
    let (neg, mag) = t.as_big().ok_or(BadArith)?;
    Ok(num::convert::to_f64(Int { neg, mag })?)
}

#[inline]
fn float(alloc: &mut Alloc, f: f64) -> Arith {
    if f.is_finite() { Ok(alloc.float(f)) } else { Err(BadArith) }
}

macro_rules! mixed {
    ($(#[$doc:meta])* $name:ident, $small:expr, $float:expr, $big:path) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(alloc: &mut Alloc, a: Term, b: Term) -> Arith {
            if let (Some(x), Some(y)) = (a.as_small(), b.as_small())
                && let Some(n) = $small(x, y)
            {
                return Ok(alloc.int(n));
            }
            if a.is_float() || b.is_float() {
                return float(alloc, $float(to_f64(a)?, to_f64(b)?));
            }
            integers(alloc, a, b, $big)
        }
    };
}
mixed!(/** `+` */ add, i64::checked_add, |x, y| x + y, num::arith::add);
mixed!(/** `-` */ sub, i64::checked_sub, |x, y| x - y, num::arith::sub);
mixed!(/** `*` */ mul, i64::checked_mul, |x, y| x * y, num::arith::mul);

/// `/`
pub fn divide(alloc: &mut Alloc, a: Term, b: Term) -> Arith {
    let (x, y) = (to_f64(a)?, to_f64(b)?);
    if y == 0.0 { Err(BadArith) } else { float(alloc, x / y) }
}

macro_rules! integral {
    ($(#[$doc:meta])* $name:ident, $small:expr, $big:path) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(alloc: &mut Alloc, a: Term, b: Term) -> Arith {
            if let (Some(x), Some(y)) = (a.as_small(), b.as_small())
                && let Some(n) = $small(x, y)
            {
                return Ok(alloc.int(n));
            }
            integers(alloc, a, b, $big)
        }
    };
}
integral!(/** `div` */ div, i64::checked_div, num::arith::div);
integral!(/** `rem` */ rem, i64::checked_rem, num::arith::rem);
integral!(/** `band` */ band, |x, y| Some::<i64>(x & y), num::bits::band);
integral!(/** `bor` */ bor, |x, y| Some::<i64>(x | y), num::bits::bor);
integral!(/** `bxor` */ bxor, |x, y| Some::<i64>(x ^ y), num::bits::bxor);
integral!(/** `bsl` */ bsl, small_shift_left, num::bits::bsl);
integral!(/** `bsr` */ bsr, |x: i64, n: i64| small_shift_left(x, -n), num::bits::bsr);

#[inline]
fn small_shift_left(x: i64, n: i64) -> Option<i64> {
    match n {
        0..=62 => {
            let y = x << n;
            (y >> n == x).then_some(y)
        }
        i64::MIN..0 => Some(x >> n.unsigned_abs().min(63)),
        _ if x == 0 => Some(0),
        _ => None,
    }
}

/// `bnot`
pub fn bnot(alloc: &mut Alloc, a: Term) -> Arith {
    match a.as_small() {
        Some(n) => Ok(Term::small(!n)),
        None => integers(alloc, a, Term::small(0), |x, _| num::bits::bnot(x)),
    }
}

/// Unary `-`
pub fn neg(alloc: &mut Alloc, a: Term) -> Arith {
    match (a.as_small(), a.as_float()) {
        (Some(n), _) => Ok(alloc.int(-n)),
        (_, Some(f)) => Ok(alloc.float(-f)),
        _ => {
            let (negative, mag) = a.as_big().ok_or(BadArith)?;
            Ok(alloc.integer(!negative, mag))
        }
    }
}

/// Unary `+`: the number itself.
pub fn plus(a: Term) -> Arith {
    if a.is_number() { Ok(a) } else { Err(BadArith) }
}

/// `abs/1`; what is not a number is `BadArith`, which the function of that name reports as `badarg`.
pub fn abs(alloc: &mut Alloc, a: Term) -> Arith {
    match (a.as_small(), a.as_float()) {
        (Some(n), _) => Ok(alloc.int(n.abs())),
        (_, Some(f)) => Ok(if f < 0.0 || f.is_sign_negative() && !crate::cmp::ZEROS_ALIKE.get() { alloc.float(f.abs()) } else { a }),
        _ => match a.as_big().ok_or(BadArith)? {
            (false, _) => Ok(a),
            (true, mag) => Ok(alloc.integer(false, mag)),
        },
    }
}

/// How a float becomes an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    Trunc,
    /// Halves away from zero.
    Round,
    Floor,
    Ceil,
}

/// The integer next to a float.
pub fn from_f64(alloc: &mut Alloc, f: f64, how: Rounding) -> Arith {
    let f = match how {
        Rounding::Trunc => f.trunc(),
        Rounding::Round => f.round(),
        Rounding::Floor => f.floor(),
        Rounding::Ceil => f.ceil(),
    };
    if f.abs() < 9.0e18 {
        return Ok(alloc.int(f as i64));
    }
    let n = num::convert::trunc(f)?;
    Ok(term(alloc, &n))
}

/// The digits of an integer in a base of 2 to 36; `None` for another term or base.
pub fn to_text(t: Term, base: u32) -> Option<Vec<u8>> {
    num::text::to_text(as_int(t, &mut [0])?, base).ok()
}

/// The integer that a text is, with an optional sign and nothing around it.
pub fn from_text(alloc: &mut Alloc, text: &[u8], base: u32) -> Result<Term, num::Error> {
    let n = num::text::parse(text, base)?;
    Ok(term(alloc, &n))
}

/// The integer in a field of `bits` bits that lies right-aligned in `bytes`.
pub fn from_bytes(alloc: &mut Alloc, bytes: &[u8], bits: usize, endian: Endian, signed: bool) -> Result<Term, num::Error> {
    let n = num::bytes::from_bytes(bytes, bits as u64, endian, signed)?;
    Ok(term(alloc, &n))
}

/// Writes the low bytes of an integer in two's complement; `false` for another term.
pub fn to_bytes(t: Term, out: &mut [u8], endian: Endian) -> bool {
    let mut room = [0];
    match as_int(t, &mut room) {
        Some(n) => {
            num::bytes::to_bytes(n, out, endian);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smalls_bigs_and_floats() {
        let a = &mut Alloc::new();
        let max = Term::small(crate::word::SMALL_MAX);
        let more = add(a, max, Term::small(1)).expect("a big");
        assert!(more.is_big());
        let back = sub(a, more, Term::small(1)).expect("a small");
        assert_eq!(back, max);
        let square = mul(a, more, more).expect("a big");
        assert_eq!(div(a, square, more).map(|t| crate::cmp::eq_exact(t, more)), Ok(true));
        assert_eq!(rem(a, square, more), Ok(Term::small(0)));
        let half = a.float(0.5);
        assert_eq!(mul(a, Term::small(3), half).map(Term::as_float), Ok(Some(1.5)));
        let huge = bsl(a, Term::small(1), Term::small(2000)).expect("a big");
        assert_eq!(add(a, huge, half), Err(BadArith));
        assert_eq!(div(a, max, Term::small(0)), Err(BadArith));
        assert_eq!(divide(a, max, Term::small(0)), Err(BadArith));
        assert_eq!(add(a, Term::NIL, max), Err(BadArith));
        assert_eq!(bsr(a, huge, Term::small(1999)), Ok(Term::small(2)));
        assert_eq!(bsr(a, Term::small(-1), Term::small(100)), Ok(Term::small(-1)));
        let min = Term::small(crate::word::SMALL_MIN);
        assert_eq!(div(a, min, Term::small(-1)).map(|t| crate::cmp::eq_exact(t, more)), Ok(true));
        assert_eq!(to_text(square, 16).as_deref(), Some(&b"10000000000000000000000000000000"[..]));
        let half = from_f64(a, -2.5, Rounding::Round);
        assert_eq!(half, Ok(Term::small(-3)));
    }
}
