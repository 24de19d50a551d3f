//! Integers as bytes: binaries, bit fields and the external format. Not here: bit offsets inside a byte, which are the
//! bit-string code's own.

use crate::int::{BigInt, Error, Int, Limbs, MAX_BITS};
use smallvec::smallvec;

/// The order of the bytes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    Big,
    Little,
}

/// Reads a field of `bits` bits that lies right-aligned in its `bits.div_ceil(8)` bytes: bits above `bits` in the most
/// significant byte are ignored. `signed` is two's complement.
pub fn from_bytes(bytes: &[u8], bits: u64, endian: Endian, signed: bool) -> Result<BigInt, Error> {
    if bits > MAX_BITS + signed as u64 {
        return from_wide(bytes, bits, endian, signed);
    }
    let len = bits.div_ceil(8) as usize;
    let Some(bytes) = bytes.get(..len) else {
        return Err(Error::BadArg);
    };
    if len == 0 {
        return Ok(BigInt::default());
    }
    let mut mag: Limbs = smallvec![0; len.div_ceil(8)];
    match endian {
        Endian::Little => {
            for (m, chunk) in mag.iter_mut().zip(bytes.chunks(8)) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                *m = u64::from_le_bytes(word);
            }
        }
        Endian::Big => {
            for (m, chunk) in mag.iter_mut().zip(bytes.rchunks(8)) {
                let mut word = [0; 8];
                word[8 - chunk.len()..].copy_from_slice(chunk);
                *m = u64::from_be_bytes(word);
            }
        }
    }
    let used = bits % 64;
    let top = mag.len() - 1;
    let neg = signed && mag[(bits as usize - 1) / 64] >> ((bits - 1) % 64) & 1 == 1;
    if used > 0 {
        mag[top] &= (1 << used) - 1;
        if neg {
            mag[top] |= u64::MAX << used;
        }
    }
    if neg {
        negate(&mut mag);
    }
    BigInt::limited(neg, mag)
}

/// A field that is wider than any integer may be, but perhaps mostly zeros.
fn from_wide(bytes: &[u8], bits: u64, endian: Endian, signed: bool) -> Result<BigInt, Error> {
    let Some(bytes) = bytes.get(..bits.div_ceil(8) as usize) else { return Err(Error::BadArg) };
    let zeros = match endian {
        Endian::Big => bytes.iter().take_while(|&&b| b == 0).count(),
        Endian::Little => bytes.iter().rev().take_while(|&&b| b == 0).count(),
    };
    let left = bits.saturating_sub(8 * zeros as u64);
    if bits % 8 != 0 || left > MAX_BITS || (signed && zeros == 0) {
        return Err(Error::SystemLimit);
    }
    match endian {
        Endian::Big => from_bytes(&bytes[zeros..], left, endian, false),
        Endian::Little => from_bytes(&bytes[..bytes.len() - zeros], left, endian, false),
    }
}

/// Writes the lowest `8 * out.len()` bits of `a` in two's complement: what a binary construction keeps.
pub fn to_bytes(a: Int<'_>, out: &mut [u8], endian: Endian) {
    let mut carry = a.neg;
    let mut limbs = a.mag.iter();
    let mut next = || {
        let m = limbs.next().copied().unwrap_or(0);
        if !a.neg {
            return m;
        }
        let (m, over) = (!m).overflowing_add(carry as u64);
        carry = over;
        m
    };
    match endian {
        Endian::Little => {
            for chunk in out.chunks_mut(8) {
                chunk.copy_from_slice(&next().to_le_bytes()[..chunk.len()]);
            }
        }
        Endian::Big => {
            for chunk in out.rchunks_mut(8) {
                chunk.copy_from_slice(&next().to_be_bytes()[8 - chunk.len()..]);
            }
        }
    }
}

/// Bytes that the magnitude needs: 0 for 0 (`binary:encode_unsigned/1` writes one byte for it).
pub fn byte_len(a: Int<'_>) -> usize {
    a.bit_len().div_ceil(8) as usize
}

/// The magnitude of the external format (`SMALL_BIG_EXT`, `LARGE_BIG_EXT`): little-endian, without a sign.
pub fn from_magnitude(neg: bool, bytes: &[u8]) -> Result<BigInt, Error> {
    let mut n = from_bytes(bytes, bytes.len() as u64 * 8, Endian::Little, false)?;
    n.neg = neg && !n.mag.is_empty();
    Ok(n)
}

/// The magnitude as the external format has it, in [`byte_len`] bytes.
pub fn to_magnitude(a: Int<'_>, out: &mut [u8]) {
    to_bytes(
        Int {
            neg: false,
            mag: a.mag,
        },
        out,
        Endian::Little,
    );
}

fn negate(mag: &mut [u64]) {
    let mut carry = true;
    for m in mag {
        (*m, carry) = (!*m).overflowing_add(carry as u64);
    }
}
