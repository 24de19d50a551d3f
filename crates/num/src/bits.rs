//! `band`, `bor`, `bxor`, `bnot`, `bsl`, `bsr`: integers seen as endless two's complement.

use crate::int::{BigInt, Error, Int, Limbs, MAX_BITS};
use smallvec::smallvec;

/// `a band b`
pub fn band(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    bitwise(a, b, |x, y| x & y)
}

/// `a bor b`
pub fn bor(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    bitwise(a, b, |x, y| x | y)
}

/// `a bxor b`
pub fn bxor(a: Int<'_>, b: Int<'_>) -> Result<BigInt, Error> {
    bitwise(a, b, |x, y| x ^ y)
}

/// `bnot a`, which is `-a - 1`
pub fn bnot(a: Int<'_>) -> Result<BigInt, Error> {
    let mut one = [0];
    crate::arith::sub(a.negate(), Int::small(1, &mut one))
}

/// `a bsl by`; a negative `by` shifts right.
pub fn bsl(a: Int<'_>, by: Int<'_>) -> Result<BigInt, Error> {
    match (by.neg, by.negate().to_i64().map(i64::unsigned_abs)) {
        (false, Some(n)) => shl(a, n),
        (true, Some(n)) => Ok(shr(a, n)),
        (false, None) if a.is_zero() => Ok(BigInt::default()),
        (false, None) => Err(Error::SystemLimit),
        (true, None) => Ok(shr(a, u64::MAX)),
    }
}

/// `a bsr by`: rounds towards minus infinity; a negative `by` shifts left.
pub fn bsr(a: Int<'_>, by: Int<'_>) -> Result<BigInt, Error> {
    bsl(a, by.negate())
}

/// `a bsl n`
pub fn shl(a: Int<'_>, n: u64) -> Result<BigInt, Error> {
    if a.is_zero() {
        return Ok(BigInt::default());
    }
    if n > MAX_BITS || a.bit_len() + n > MAX_BITS {
        return Err(Error::SystemLimit);
    }
    let (limbs, bits) = ((n / 64) as usize, (n % 64) as u32);
    let mut mag = Limbs::with_capacity(limbs + a.mag.len() + 1);
    mag.resize(limbs, 0);
    if bits == 0 {
        mag.extend_from_slice(a.mag);
    } else {
        let mut carry = 0;
        for &m in a.mag {
            mag.push(m << bits | carry);
            carry = m >> (64 - bits);
        }
        if carry != 0 {
            mag.push(carry);
        }
    }
    Ok(BigInt { neg: a.neg, mag })
}

/// `a bsr n`: rounds towards minus infinity.
pub fn shr(a: Int<'_>, n: u64) -> BigInt {
    let (limbs, bits) = (
        usize::try_from(n / 64).unwrap_or(usize::MAX),
        (n % 64) as u32,
    );
    if limbs >= a.mag.len() {
        return BigInt::from_i64(-(a.neg as i64));
    }
    let (gone, kept) = a.mag.split_at(limbs);
    let mut mag = Limbs::from_slice(kept);
    let mut lost = gone.iter().any(|&m| m != 0);
    if bits > 0 {
        lost |= kept[0] << (64 - bits) != 0;
        let mut above = 0;
        for m in mag.iter_mut().rev() {
            let next = *m << (64 - bits);
            *m = *m >> bits | above;
            above = next;
        }
    }
    while mag.last() == Some(&0) {
        mag.pop();
    }
    if a.neg && lost {
        // The floor of a negative number is one further from zero.
        let mut carry = true;
        for m in mag.iter_mut() {
            (*m, carry) = m.overflowing_add(carry as u64);
            if !carry {
                break;
            }
        }
        if carry {
            mag.push(1);
        }
    }
    BigInt::new(a.neg, mag)
}

/// The limbs of a number in two's complement, from the lowest; endless.
struct TwosComplement<'a> {
    mag: &'a [u64],
    neg: bool,
    carry: bool,
}

impl<'a> TwosComplement<'a> {
    fn new(a: Int<'a>) -> Self {
        TwosComplement {
            mag: a.mag,
            neg: a.neg,
            carry: a.neg,
        }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        let limb = match self.mag.split_first() {
            Some((&first, rest)) => {
                self.mag = rest;
                first
            }
            None => 0,
        };
        if !self.neg {
            return limb;
        }
        let (limb, carry) = (!limb).overflowing_add(self.carry as u64);
        self.carry = carry;
        limb
    }
}

#[inline]
fn bitwise(a: Int<'_>, b: Int<'_>, op: impl Fn(u64, u64) -> u64) -> Result<BigInt, Error> {
    let neg = op(a.neg as u64, b.neg as u64) & 1 == 1;
    // One limb more than the longer operand, since a negative power of two loses its own top limb.
    let len = a.mag.len().max(b.mag.len()) + (a.neg | b.neg) as usize;
    let mut mag: Limbs = smallvec![0; len];
    let (mut x, mut y) = (TwosComplement::new(a), TwosComplement::new(b));
    let mut carry = true;
    for m in mag.iter_mut() {
        *m = op(x.next(), y.next());
        if neg {
            (*m, carry) = (!*m).overflowing_add(carry as u64);
        }
    }
    BigInt::limited(neg, mag)
}
