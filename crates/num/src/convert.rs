//! Integers and floats: conversion both ways, and comparison that never loses a bit.

use crate::int::{BigInt, Error, Int, Limbs};
use smallvec::smallvec;
use std::cmp::Ordering;

/// The float of an integer as the releases before OTP 29 convert it; `BadArith` when it would be infinite. (`float/1`
/// reports that as `badarg`, arithmetic as `badarith`: the caller knows which it is.)
///
/// Up to 64 bits it is the nearest float. Beyond, these releases round once for each limb from the top, which now and
/// then (one in two hundred) gives the second nearest.
pub fn to_f64(a: Int<'_>) -> Result<f64, Error> {
    const BASE: f64 = 18_446_744_073_709_551_616.0;
    if a.mag.len() > 16 {
        return Err(Error::BadArith);
    }
    finite(
        a.neg,
        a.mag.iter().rev().fold(0.0, |f, &m| f * BASE + m as f64),
    )
}

/// The float nearest to an integer, ties to even, as OTP 29 converts it; `BadArith` when it would be infinite.
pub fn to_f64_nearest(a: Int<'_>) -> Result<f64, Error> {
    let bits = a.bit_len();
    if bits <= 64 {
        return finite(a.neg, a.mag.first().copied().unwrap_or(0) as f64);
    }
    if bits > 1024 {
        return Err(Error::BadArith);
    }
    // The top 64 bits, the last of which also says whether anything was lost below: the cast then rounds rightly.
    let drop = bits - 64;
    let (limbs, shift) = ((drop / 64) as usize, (drop % 64) as u32);
    let mut top = a.mag[limbs] >> shift;
    let mut lost = a.mag[..limbs].iter().any(|&m| m != 0);
    if shift > 0 {
        top |= a.mag[limbs + 1] << (64 - shift);
        lost |= a.mag[limbs] << (64 - shift) != 0;
    }
    finite(a.neg, (top | lost as u64) as f64 * 2f64.powi(drop as i32))
}

fn finite(neg: bool, size: f64) -> Result<f64, Error> {
    match (size.is_finite(), neg) {
        (false, _) => Err(Error::BadArith),
        (true, false) => Ok(size),
        (true, true) => Ok(-size),
    }
}

/// `trunc/1`; `BadArg` for what is not finite.
pub fn trunc(f: f64) -> Result<BigInt, Error> {
    if !f.is_finite() {
        return Err(Error::BadArg);
    }
    if f.abs() < 9.0e18 {
        return Ok(BigInt::from_i64(f as i64));
    }
    let bits = f.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as u32 - 1075;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let (limbs, shift) = ((exponent / 64) as usize, exponent % 64);
    let mut mag: Limbs = smallvec![0; limbs];
    mag.push(mantissa << shift);
    if shift > 11 {
        mag.push(mantissa >> (64 - shift));
    }
    Ok(BigInt::new(f < 0.0, mag))
}

/// `round/1`: halves away from zero.
pub fn round(f: f64) -> Result<BigInt, Error> {
    trunc(f.round())
}

/// `floor/1`
pub fn floor(f: f64) -> Result<BigInt, Error> {
    trunc(f.floor())
}

/// `ceil/1`
pub fn ceil(f: f64) -> Result<BigInt, Error> {
    trunc(f.ceil())
}

/// How an integer compares with a finite float, exactly: no rounding of either.
pub fn cmp_f64(a: Int<'_>, f: f64) -> Ordering {
    if let Some(small) = a.to_i64() {
        return cmp_i64_f64(small, f);
    }
    // Beyond 64 bits; a float of that size is an integer.
    let sign = if a.neg {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    if f.abs() < 9.0e18 || (f < 0.0) != a.neg {
        return sign;
    }
    match trunc(f) {
        Ok(big) => crate::arith::cmp(a, big.as_int()),
        Err(_) => sign.reverse(),
    }
}

/// As [`cmp_f64`] for a machine integer.
#[inline]
pub fn cmp_i64_f64(a: i64, f: f64) -> Ordering {
    const LOSSLESS: i64 = 1 << 53;
    if (-LOSSLESS..=LOSSLESS).contains(&a) {
        return (a as f64).partial_cmp(&f).unwrap_or(Ordering::Less);
    }
    if f >= 9_223_372_036_854_775_808.0 {
        Ordering::Less
    } else if f < -9_223_372_036_854_775_808.0 {
        Ordering::Greater
    } else {
        // The fraction decides only between equals, and then the integer is small enough for the branch above.
        a.cmp(&(f as i64))
    }
}
