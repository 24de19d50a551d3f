//! Integers as text in the bases 2 to 36: `integer_to_list`, `list_to_integer` and their kin. Upper case above base 10.
//! A few limbs by division with a precomputed reciprocal; many by dashu-int, whose conversions are subquadratic.

use crate::arith::{div_small_in_place, mul_add_small};
use crate::int::{BigInt, Error, Int, Limbs, MAX_BITS};
use dashu_int::UBig;
use std::fmt::Write;

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Limbs above which dashu-int writes faster (measured).
const BIG_WRITE: usize = 30;
/// Limbs above which dashu-int reads faster (measured).
const BIG_READ: usize = 40;

/// The digits that one limb holds in each base, and the power that they make.
const CHUNKS: [(u32, u64); 37] = {
    let mut all = [(0, 0); 37];
    let mut base = 2;
    while base <= 36 {
        let (mut digits, mut power) = (1, base as u64);
        while let Some(more) = power.checked_mul(base as u64) {
            power = more;
            digits += 1;
        }
        all[base] = (digits, power);
        base += 1;
    }
    all
};

/// The text of a machine integer, in `room` and without an allocation. Bases outside 2..=36 are `BadArg`.
pub fn small_to_text(value: i64, base: u32, room: &mut [u8; 65]) -> Result<&[u8], Error> {
    if !(2..=36).contains(&base) {
        return Err(Error::BadArg);
    }
    let mut at = room.len();
    let mut rest = value.unsigned_abs();
    if base == 10 {
        // A constant divisor is a multiplication.
        while rest >= 10 {
            at -= 1;
            room[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    loop {
        at -= 1;
        room[at] = DIGITS[(rest % base as u64) as usize];
        rest /= base as u64;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        room[at] = b'-';
    }
    Ok(&room[at..])
}

/// The text of an integer. Bases outside 2..=36 are `BadArg`.
pub fn to_text(a: Int<'_>, base: u32) -> Result<Vec<u8>, Error> {
    if !(2..=36).contains(&base) {
        return Err(Error::BadArg);
    }
    if let Some(small) = a.to_i64() {
        return Ok(small_to_text(small, base, &mut [0; 65])?.to_vec());
    }
    let per_limb = 64.0 / (base as f64).log2();
    let capacity = (a.mag.len() as f64 * per_limb) as usize + 3;
    if a.mag.len() > BIG_WRITE {
        let mut text = String::with_capacity(capacity);
        if a.neg {
            text.push('-');
        }
        let n = UBig::from_words(a.mag);
        // Writing to a String cannot fail; the only error here would be the formatter's own.
        if base == 10 {
            write!(text, "{n}")
        } else {
            write!(text, "{:#}", n.in_radix(base as u8))
        }
        .map_err(|_| Error::BadArg)?;
        return Ok(text.into_bytes());
    }
    let mut text = Vec::with_capacity(capacity);
    let (digits, power) = CHUNKS[base as usize];
    let mut rest = Limbs::from_slice(a.mag);
    while !rest.is_empty() {
        let mut chunk = div_small_in_place(&mut rest, power);
        if rest.last() == Some(&0) {
            rest.pop();
        }
        let count = if rest.is_empty() { u32::MAX } else { digits };
        push_reversed(&mut text, &mut chunk, base as u64, count);
    }
    if a.neg {
        text.push(b'-');
    }
    text.reverse();
    Ok(text)
}

/// Pushes `count` digits from the lowest, or with `u32::MAX` those that there are.
fn push_reversed(text: &mut Vec<u8>, chunk: &mut u64, base: u64, count: u32) {
    let mut left = count;
    while left > 0 && (count != u32::MAX || *chunk != 0) {
        let digit = if base == 10 {
            let d = *chunk % 10;
            *chunk /= 10;
            d
        } else {
            let d = *chunk % base;
            *chunk /= base;
            d
        };
        text.push(DIGITS[digit as usize]);
        left -= 1;
    }
}

/// Reads an integer: an optional sign, then one digit or more of the base in either case, and nothing else. A text that is
/// no such number, or a base outside 2..=36, is `BadArg`.
pub fn parse(text: &[u8], base: u32) -> Result<BigInt, Error> {
    if !(2..=36).contains(&base) {
        return Err(Error::BadArg);
    }
    let (neg, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(|&c| digit(c) < base) {
        return Err(Error::BadArg);
    }
    let zeros = digits.iter().take_while(|&&c| c == b'0').count();
    let digits = &digits[zeros..];
    let (per_chunk, power) = CHUNKS[base as usize];
    let per_chunk = per_chunk as usize;
    if digits.len() <= per_chunk {
        return Ok(BigInt {
            neg: neg && !digits.is_empty(),
            mag: crate::int::limbs_from_u128(chunk_value(digits, base) as u128),
        });
    }
    if (digits.len() as f64 - 1.0) * (base as f64).log2() > MAX_BITS as f64 + 1.0 {
        return Err(Error::SystemLimit);
    }
    if digits.len() > BIG_READ * per_chunk {
        // All digits were checked above: dashu-int would also take underscores.
        let text = std::str::from_utf8(digits).map_err(|_| Error::BadArg)?;
        let n = UBig::from_str_radix(text, base).map_err(|_| Error::BadArg)?;
        return BigInt::limited(neg, Limbs::from_slice(n.as_words()));
    }
    let (first, rest) = digits.split_at(digits.len() % per_chunk);
    let mut mag = Limbs::with_capacity(digits.len() / per_chunk + 1);
    mul_add_small(&mut mag, power, chunk_value(first, base));
    for chunk in rest.chunks_exact(per_chunk) {
        mul_add_small(&mut mag, power, chunk_value(chunk, base));
    }
    BigInt::limited(neg, mag)
}

/// The value of a digit in base 36; at least 36 for any other character.
#[inline]
fn digit(c: u8) -> u32 {
    match c {
        b'0'..=b'9' => (c - b'0') as u32,
        b'A'..=b'Z' => (c - b'A') as u32 + 10,
        b'a'..=b'z' => (c - b'a') as u32 + 10,
        _ => 99,
    }
}

/// The value of checked digits that fit one limb.
#[inline]
fn chunk_value(digits: &[u8], base: u32) -> u64 {
    digits
        .iter()
        .fold(0, |n, &c| n * base as u64 + digit(c) as u64)
}
