//! `+`, `-`, `*`, `div` and `rem`. Up to four limbs by hand without allocating, up to [`BIG`] limbs by the schoolbook, beyond
//! that by dashu-int, whose limbs are ours, so that a conversion is one copy.

use crate::int::{
    BigInt, Error, Int, Limbs, MAX_LIMBS, limbs_from_array, limbs_from_u128, low_u128,
};
use dashu_int::UBig;
use dashu_int::ops::DivRem;
use smallvec::smallvec;
use std::cmp::Ordering;

/// Operands longer than this go to dashu-int (measured: below it, the copies cost more than its better loops gain).
pub const BIG: usize = 32;

/// Three-way comparison.
#[inline]
pub fn cmp(a: Int<'_>, b: Int<'_>) -> Ordering {
    match (a.neg, b.neg) {
        (false, false) => cmp_mag(a.mag, b.mag),
        (true, true) => cmp_mag(b.mag, a.mag),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[inline]
pub(crate) fn cmp_mag(a: &[u64], b: &[u64]) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// `a + b`
#[inline]
pub fn add(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    if a.neg == b.neg {
        return limit(BigInt {
            neg: a.neg,
            mag: add_mag(a.mag, b.mag),
        });
    }
    Ok(match cmp_mag(a.mag, b.mag) {
        Ordering::Equal => BigInt::default(),
        Ordering::Greater => BigInt {
            neg: a.neg,
            mag: sub_mag(a.mag, b.mag),
        },
        Ordering::Less => BigInt {
            neg: b.neg,
            mag: sub_mag(b.mag, a.mag),
        },
    })
}

/// `a - b`
#[inline]
pub fn sub(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    add(a, b.negate())
}

/// `a * b`
pub fn mul(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    if a.is_zero() || b.is_zero() {
        return Ok(BigInt::default());
    }
    if a.mag.len() + b.mag.len() > MAX_LIMBS + 1 {
        return Err(Error::SystemLimit);
    }
    limit(BigInt {
        neg: a.neg != b.neg,
        mag: mul_mag(a.mag, b.mag),
    })
}

/// `a div b`: towards zero.
pub fn div(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    Ok(div_rem(a, b)?.0)
}

/// `a rem b`: the sign is that of `a`.
pub fn rem(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    Ok(div_rem(a, b)?.1)
}

/// Quotient and remainder at once.
pub fn div_rem(a: Int<'_>, b: Int<'_>) -> Result<(BigInt, BigInt), Error> {
    if b.is_zero() {
        return Err(Error::BadArith);
    }
    let (q, r) = div_rem_mag(a.mag, b.mag);
    Ok((BigInt::new(a.neg != b.neg, q), BigInt::new(a.neg, r)))
}

/// `abs(a)`
pub fn abs(a: Int<'_>) -> BigInt {
    BigInt {
        neg: false,
        mag: Limbs::from_slice(a.mag),
    }
}

#[inline]
fn limit(n: BigInt) -> Result<BigInt, Error> {
    if n.mag.len() > MAX_LIMBS {
        Err(Error::SystemLimit)
    } else {
        Ok(n)
    }
}

#[inline]
pub(crate) fn add_mag(a: &[u64], b: &[u64]) -> Limbs {
    if a.len() <= 2 && b.len() <= 2 {
        let (sum, carry) = low_u128(a).overflowing_add(low_u128(b));
        return limbs_from_array([sum as u64, (sum >> 64) as u64, carry as u64, 0]);
    }
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut out = Limbs::with_capacity(long.len() + 1);
    out.extend_from_slice(long);
    let mut carry = false;
    let (low, high) = out.split_at_mut(short.len());
    for (o, s) in low.iter_mut().zip(short) {
        (*o, carry) = o.carrying_add(*s, carry);
    }
    for o in high {
        if !carry {
            break;
        }
        (*o, carry) = o.overflowing_add(1);
    }
    if carry {
        out.push(1);
    }
    out
}

/// `a - b` where `a >= b`.
#[inline]
pub(crate) fn sub_mag(a: &[u64], b: &[u64]) -> Limbs {
    debug_assert!(
        cmp_mag(a, b) != Ordering::Less,
        "a magnitude is never negative"
    );
    if a.len() <= 2 {
        return limbs_from_u128(low_u128(a).wrapping_sub(low_u128(b)));
    }
    let mut out = Limbs::from_slice(a);
    sub_in_place(&mut out, b);
    while out.last() == Some(&0) {
        out.pop();
    }
    out
}

/// `a -= b`; true when it borrowed out of `a`.
fn sub_in_place(a: &mut [u64], b: &[u64]) -> bool {
    let mut borrow = false;
    let (low, high) = a.split_at_mut(b.len());
    for (o, s) in low.iter_mut().zip(b) {
        (*o, borrow) = o.borrowing_sub(*s, borrow);
    }
    for o in high {
        if !borrow {
            break;
        }
        (*o, borrow) = o.overflowing_sub(1);
    }
    borrow
}

pub(crate) fn mul_mag(a: &[u64], b: &[u64]) -> Limbs {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    match *short {
        [] => Limbs::new(),
        [s] if long.len() == 1 => limbs_from_u128(long[0] as u128 * s as u128),
        [s0, s1] if long.len() == 2 => {
            let (l0, l1) = (long[0], long[1]);
            let (r0, c) = l0.carrying_mul(s0, 0);
            let (r1, r2) = l1.carrying_mul(s0, c);
            let (r1, c) = l0.carrying_mul_add(s1, r1, 0);
            let (r2, r3) = l1.carrying_mul_add(s1, r2, c);
            limbs_from_array([r0, r1, r2, r3])
        }
        _ if short.len() > BIG => {
            let x = UBig::from_words(long);
            let same = long.len() == short.len() && std::ptr::eq(long.as_ptr(), short.as_ptr());
            let product = if same {
                x.sqr()
            } else {
                x * UBig::from_words(short)
            };
            Limbs::from_slice(product.as_words())
        }
        _ => {
            let mut out: Limbs = smallvec![0; long.len() + short.len()];
            for (i, &s) in short.iter().enumerate() {
                let mut carry = 0;
                for (o, &l) in out[i..].iter_mut().zip(long) {
                    (*o, carry) = l.carrying_mul_add(s, *o, carry);
                }
                out[i + long.len()] = carry;
            }
            if out.last() == Some(&0) {
                out.pop();
            }
            out
        }
    }
}

/// `mag * factor + addend`, in place: the step of a base conversion.
pub(crate) fn mul_add_small(mag: &mut Limbs, factor: u64, addend: u64) {
    let mut carry = addend;
    for m in mag.iter_mut() {
        (*m, carry) = m.carrying_mul(factor, carry);
    }
    if carry != 0 {
        mag.push(carry);
    }
}

/// Quotient and remainder of magnitudes; both may have leading zeros only where the caller trims them.
pub(crate) fn div_rem_mag(a: &[u64], b: &[u64]) -> (Limbs, Limbs) {
    debug_assert!(!b.is_empty(), "the caller refuses zero");
    if cmp_mag(a, b) == Ordering::Less {
        return (Limbs::new(), Limbs::from_slice(a));
    }
    if a.len() <= 2 {
        let (x, y) = (low_u128(a), low_u128(b));
        if a.len() == 1 {
            return (
                limbs_from_u128((x as u64 / y as u64) as u128),
                limbs_from_u128((x as u64 % y as u64) as u128),
            );
        }
        let q = x / y;
        return (limbs_from_u128(q), limbs_from_u128(x - q * y));
    }
    if let [d] = *b {
        let mut q = Limbs::from_slice(a);
        let r = div_small_in_place(&mut q, d);
        return (q, limbs_from_u128(r as u128));
    }
    if b.len() > BIG && a.len() - b.len() > BIG {
        let (q, r) = UBig::from_words(a).div_rem(UBig::from_words(b));
        return (
            Limbs::from_slice(q.as_words()),
            Limbs::from_slice(r.as_words()),
        );
    }
    div_rem_long(a, b)
}

/// A normalised divisor limb (top bit set) with its reciprocal, so that each step costs two multiplications instead of a
/// 128-bit division (Möller and Granlund, "Improved division by invariant integers").
#[derive(Clone, Copy)]
pub(crate) struct Divisor {
    d: u64,
    inverse: u64,
}

impl Divisor {
    #[inline]
    pub(crate) fn new(d: u64) -> Divisor {
        debug_assert!(d >> 63 == 1, "normalised");
        Divisor {
            d,
            inverse: (((!d as u128) << 64 | u64::MAX as u128) / d as u128) as u64,
        }
    }

    /// `(high, low) / d` where `high < d`.
    #[inline]
    pub(crate) fn div(self, high: u64, low: u64) -> (u64, u64) {
        let (q0, q1) = self.inverse.carrying_mul(high, 0);
        let (q0, carry) = q0.overflowing_add(low);
        let mut q = q1
            .wrapping_add(high)
            .wrapping_add(carry as u64)
            .wrapping_add(1);
        let mut r = low.wrapping_sub(q.wrapping_mul(self.d));
        if r > q0 {
            q = q.wrapping_sub(1);
            r = r.wrapping_add(self.d);
        }
        if r >= self.d {
            q = q.wrapping_add(1);
            r -= self.d;
        }
        (q, r)
    }
}

/// `a /= d`, giving the remainder; leading zeros of the quotient stay.
pub(crate) fn div_small_in_place(a: &mut [u64], d: u64) -> u64 {
    let shift = d.leading_zeros();
    let divisor = Divisor::new(d << shift);
    let mut r = 0;
    if shift == 0 {
        for x in a.iter_mut().rev() {
            (*x, r) = divisor.div(r, *x);
        }
        return r;
    }
    // The dividend is shifted like the divisor, limb by limb on the way down.
    let mut above = match a.last() {
        Some(top) => {
            r = top >> (64 - shift);
            *top
        }
        None => return 0,
    };
    for i in (0..a.len()).rev() {
        let below = if i > 0 { a[i - 1] } else { 0 };
        let low = above << shift | below >> (64 - shift);
        (a[i], r) = divisor.div(r, low);
        above = below;
    }
    r >> shift
}

/// Long division (Knuth's algorithm D) for `b` of two limbs or more and `a >= b`.
fn div_rem_long(a: &[u64], b: &[u64]) -> (Limbs, Limbs) {
    let n = b.len();
    let shift = b[n - 1].leading_zeros();
    let y = shl_small(b, shift, n);
    let mut x = shl_small(a, shift, a.len() + 1);
    let (top, next) = (y[n - 1], y[n - 2]);
    let divisor = Divisor::new(top);
    let steps = a.len() - n + 1;
    let mut q: Limbs = smallvec![0; steps];
    for j in (0..steps).rev() {
        let (h, m, l) = (x[j + n], x[j + n - 1], x[j + n - 2]);
        // An estimate that is at most one too large once the second limb has been looked at.
        let mut guess;
        let mut rest;
        let mut fits;
        if h >= top {
            guess = u64::MAX;
            (rest, fits) = m.overflowing_add(top);
            fits = !fits;
        } else {
            (guess, rest) = divisor.div(h, m);
            fits = true;
        }
        while fits && guess as u128 * next as u128 > ((rest as u128) << 64 | l as u128) {
            guess -= 1;
            let over;
            (rest, over) = rest.overflowing_add(top);
            fits = !over;
        }
        // x[j..] -= guess * y
        let mut carry = 0;
        let mut borrow = false;
        for (xi, &yi) in x[j..j + n].iter_mut().zip(y.iter()) {
            let product;
            (product, carry) = yi.carrying_mul(guess, carry);
            (*xi, borrow) = xi.borrowing_sub(product, borrow);
        }
        let (head, short) = x[j + n].borrowing_sub(carry, borrow);
        x[j + n] = head;
        if short {
            guess -= 1;
            let mut carry = false;
            for (xi, &yi) in x[j..j + n].iter_mut().zip(y.iter()) {
                (*xi, carry) = xi.carrying_add(yi, carry);
            }
            x[j + n] = x[j + n].wrapping_add(carry as u64);
        }
        q[j] = guess;
    }
    x.truncate(n);
    shr_small_in_place(&mut x, shift);
    (q, x)
}

/// `a << shift` (below 64) in `len` limbs.
fn shl_small(a: &[u64], shift: u32, len: usize) -> Limbs {
    let mut out: Limbs = smallvec![0; len];
    out[..a.len()].copy_from_slice(a);
    if shift > 0 {
        let mut carry = 0;
        for o in out.iter_mut() {
            let next = *o >> (64 - shift);
            *o = *o << shift | carry;
            carry = next;
        }
    }
    out
}

fn shr_small_in_place(a: &mut [u64], shift: u32) {
    if shift > 0 {
        let mut carry = 0;
        for o in a.iter_mut().rev() {
            let next = *o << (64 - shift);
            *o = *o >> shift | carry;
            carry = next;
        }
    }
}
