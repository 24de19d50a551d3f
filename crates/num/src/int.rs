//! The two shapes of an integer, borrowed and owned, and the limit on its size. Not here: any arithmetic.

use smallvec::SmallVec;

/// Limbs of a magnitude, least significant first, the last one never 0. Up to four need no allocation.
pub type Limbs = SmallVec<[u64; 4]>;

/// The largest magnitude of OTP 25 (measured: `1 bsl 33554367` is its last power of two), which all functions here obey.
pub const MAX_LIMBS: usize = (1 << 19) - 1;
/// The same for OTP 27 and 29 (`1 bsl 4194239`): arithmetic, shifts and texts raise `system_limit` beyond it, while matching
/// a binary gives longer integers there too. Whoever runs those releases compares a result's length with this.
pub const MAX_LIMBS_27: usize = (1 << 16) - 1;
/// Bits in the largest magnitude.
pub const MAX_BITS: u64 = MAX_LIMBS as u64 * 64;

/// Why a number function has no answer; the names are the reasons of the Erlang errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The result would be longer than [`MAX_LIMBS`].
    SystemLimit,
    /// Division by zero, or a result that no float can hold.
    BadArith,
    /// The text is no number, or the value is not one that the function takes.
    BadArg,
}

/// A borrowed integer: sign and magnitude. Zero has no limbs and `neg == false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<'a> {
    pub neg: bool,
    pub mag: &'a [u64],
}

impl<'a> Int<'a> {
    pub const ZERO: Int<'static> = Int {
        neg: false,
        mag: &[],
    };

    /// An integer from a sign and limbs that may have leading zeros.
    #[inline]
    pub fn new(neg: bool, mut mag: &'a [u64]) -> Int<'a> {
        while let [rest @ .., 0] = mag {
            mag = rest;
        }
        Int {
            neg: neg && !mag.is_empty(),
            mag,
        }
    }

    /// A machine integer, its limb kept in `room`.
    #[inline]
    pub fn small(value: i64, room: &'a mut [u64; 1]) -> Int<'a> {
        room[0] = value.unsigned_abs();
        Int {
            neg: value < 0,
            mag: &room[..(value != 0) as usize],
        }
    }

    #[inline]
    pub fn is_zero(self) -> bool {
        self.mag.is_empty()
    }

    /// The same number with the other sign.
    #[inline]
    pub fn negate(self) -> Int<'a> {
        Int {
            neg: !self.neg && !self.mag.is_empty(),
            mag: self.mag,
        }
    }

    #[inline]
    pub fn to_i64(self) -> Option<i64> {
        match *self.mag {
            [] => Some(0),
            [m] if self.neg => (m <= 1 << 63).then(|| (m as i64).wrapping_neg()),
            [m] => i64::try_from(m).ok(),
            _ => None,
        }
    }

    #[inline]
    pub fn to_u64(self) -> Option<u64> {
        match *self.mag {
            [] => Some(0),
            [m] if !self.neg => Some(m),
            _ => None,
        }
    }

    pub fn to_i128(self) -> Option<i128> {
        if self.mag.len() > 2 {
            return None;
        }
        let m = low_u128(self.mag);
        match self.neg {
            true => (m <= 1 << 127).then(|| (m as i128).wrapping_neg()),
            false => i128::try_from(m).ok(),
        }
    }

    /// The lowest 64 bits in two's complement.
    #[inline]
    pub fn low_u64(self) -> u64 {
        let m = self.mag.first().copied().unwrap_or(0);
        if self.neg { m.wrapping_neg() } else { m }
    }

    /// Bits in the magnitude: 0 for 0, 1 for 1, 64 for `1 bsl 63`.
    #[inline]
    pub fn bit_len(self) -> u64 {
        match self.mag.last() {
            None => 0,
            Some(top) => self.mag.len() as u64 * 64 - top.leading_zeros() as u64,
        }
    }

    pub fn to_big(self) -> BigInt {
        BigInt {
            neg: self.neg,
            mag: Limbs::from_slice(self.mag),
        }
    }
}

/// An owned integer, always normalised: no leading zero limb, zero is not negative.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BigInt {
    pub neg: bool,
    pub mag: Limbs,
}

impl BigInt {
    /// An integer from a sign and limbs that may have leading zeros.
    #[inline]
    pub fn new(neg: bool, mut mag: Limbs) -> BigInt {
        while mag.last() == Some(&0) {
            mag.pop();
        }
        BigInt {
            neg: neg && !mag.is_empty(),
            mag,
        }
    }

    /// As [`BigInt::new`], refusing what is longer than [`MAX_LIMBS`].
    #[inline]
    pub fn limited(neg: bool, mag: Limbs) -> Result<BigInt, Error> {
        let n = BigInt::new(neg, mag);
        if n.mag.len() > MAX_LIMBS {
            Err(Error::SystemLimit)
        } else {
            Ok(n)
        }
    }

    #[inline]
    pub fn as_int(&self) -> Int<'_> {
        Int {
            neg: self.neg,
            mag: &self.mag,
        }
    }

    #[inline]
    pub fn from_i64(v: i64) -> BigInt {
        BigInt {
            neg: v < 0,
            mag: limbs_from_u128(v.unsigned_abs() as u128),
        }
    }

    #[inline]
    pub fn from_u64(v: u64) -> BigInt {
        BigInt {
            neg: false,
            mag: limbs_from_u128(v as u128),
        }
    }

    #[inline]
    pub fn from_i128(v: i128) -> BigInt {
        BigInt {
            neg: v < 0,
            mag: limbs_from_u128(v.unsigned_abs()),
        }
    }

    #[inline]
    pub fn from_u128(v: u128) -> BigInt {
        BigInt {
            neg: false,
            mag: limbs_from_u128(v),
        }
    }

    /// The machine integer that this is, if it fits.
    #[inline]
    pub fn to_i64(&self) -> Option<i64> {
        self.as_int().to_i64()
    }
}

/// The lowest two limbs as one number.
#[inline]
pub(crate) fn low_u128(mag: &[u64]) -> u128 {
    match *mag {
        [] => 0,
        [a] => a as u128,
        [a, b, ..] => a as u128 | (b as u128) << 64,
    }
}

#[inline]
pub(crate) fn limbs_from_u128(v: u128) -> Limbs {
    limbs_from_array([v as u64, (v >> 64) as u64, 0, 0])
}

/// Limbs without the leading zeros of `a`.
#[inline]
pub(crate) fn limbs_from_array(a: [u64; 4]) -> Limbs {
    let len = if a[3] != 0 {
        4
    } else if a[2] != 0 {
        3
    } else if a[1] != 0 {
        2
    } else {
        (a[0] != 0) as usize
    };
    Limbs::from_buf_and_len(a, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_integers_survive_both_ways() {
        for v in [
            0,
            1,
            -1,
            i64::MAX,
            i64::MIN,
            i64::MIN + 1,
            1 << 62,
            -(1 << 62),
        ] {
            let mut room = [0];
            assert_eq!(Int::small(v, &mut room).to_i64(), Some(v));
            assert_eq!(BigInt::from_i64(v).to_i64(), Some(v));
            assert_eq!(BigInt::from_i128(v as i128).to_i64(), Some(v));
            assert_eq!(Int::small(v, &mut room).low_u64(), v as u64);
            assert_eq!(Int::small(v, &mut room).to_i128(), Some(v as i128));
        }
        assert_eq!(BigInt::from_i128(1 << 63).to_i64(), None);
        assert_eq!(
            BigInt::from_i128(i128::MIN).as_int().to_i128(),
            Some(i128::MIN)
        );
    }
}
