//! Reading bit strings: a view of bytes from a bit offset on. Building is in `alloc`.

use crate::binary::Binary;
use crate::{Kind, Term};
use std::borrow::Cow;

/// `len` bits that begin `offset` bits (below 8) into `bytes`.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    pub bytes: &'a [u8],
    pub offset: usize,
    pub len: usize,
}

impl<'a> Bits<'a> {
    pub fn of_bytes(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, offset: 0, len: bytes.len() * 8 }
    }
    /// The bits from `start` on, `len` of them. Panics when out of range: callers check first.
    pub fn slice(self, start: usize, len: usize) -> Bits<'a> {
        assert!(start + len <= self.len);
        let first = self.offset + start;
        let end = (first + len).div_ceil(8);
        Bits { bytes: &self.bytes[first / 8..end], offset: first % 8, len }
    }
    /// The bytes, if the view begins and ends at byte borders.
    #[inline]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        (self.offset == 0 && self.len % 8 == 0).then(|| &self.bytes[..self.len / 8])
    }
    /// Byte `i` of the view (bits beyond its end read as zero).
    #[inline]
    pub fn byte(self, i: usize) -> u8 {
        let left = self.len - 8 * i;
        let b = if self.offset == 0 {
            self.bytes[i]
        } else {
            let hi = self.bytes[i] << self.offset;
            let lo = self.bytes.get(i + 1).map_or(0, |b| b >> (8 - self.offset));
            hi | lo
        };
        if left < 8 { b & (0xff << (8 - left)) } else { b }
    }
    /// The bits as bytes (the last one padded with zero bits), copied only if they are not byte-aligned.
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self.as_bytes() {
            Some(b) => Cow::Borrowed(b),
            None => {
                let whole = self.len / 8;
                let mut out = vec![0; self.len.div_ceil(8)];
                shifted(self.bytes, self.offset, &mut out[..whole]);
                if let Some(last) = out.get_mut(whole) {
                    *last = self.byte(whole);
                }
                Cow::Owned(out)
            }
        }
    }
    /// Copies the bits into `out` from bit `at` on; bits of `out` outside the range stay as they are.
    pub fn copy_to(self, out: &mut [u8], at: usize) {
        // To a byte border of `out`, whole bytes, and what is left.
        let head = ((8 - at % 8) % 8).min(self.len);
        put_bits(out, at, self.get_uint(0, head) as u8, head);
        let (rest, at) = (self.slice(head, self.len - head), at + head);
        let whole = rest.len / 8;
        shifted(rest.bytes, rest.offset, &mut out[at / 8..at / 8 + whole]);
        let tail = rest.len % 8;
        put_bits(out, at + whole * 8, rest.get_uint(whole * 8, tail) as u8, tail);
    }
    /// Up to 64 bits from `start` on as a big-endian number.
    #[inline]
    pub fn get_uint(self, start: usize, n: usize) -> u64 {
        debug_assert!(n <= 64 && start + n <= self.len);
        if n == 0 {
            return 0;
        }
        let first = self.offset + start;
        let (byte, shift) = (first / 8, first % 8);
        let need = (shift + n).div_ceil(8);
        let mut buf = [0u8; 16];
        buf[..need].copy_from_slice(&self.bytes[byte..byte + need]);
        let wide = u128::from_be_bytes(buf) << shift;
        (wide >> (128 - n)) as u64
    }
}

/// Fills `out` with what begins `offset` bits (below 8) into `bytes`.
fn shifted(bytes: &[u8], offset: usize, out: &mut [u8]) {
    if offset == 0 {
        return out.copy_from_slice(&bytes[..out.len()]);
    }
    let (words, rest) = out.as_chunks_mut::<8>();
    let whole = words.len() * 8;
    for (to, from) in words.iter_mut().zip(bytes.windows(9).step_by(8)) {
        let [a, b, c, d, e, f, g, h, next] = *from else { return };
        let word = u64::from_be_bytes([a, b, c, d, e, f, g, h]) << offset | u64::from(next) >> (8 - offset);
        *to = word.to_be_bytes();
    }
    for (to, from) in rest.iter_mut().zip(bytes[whole..].windows(2)) {
        *to = from[0] << offset | from[1] >> (8 - offset);
    }
}

/// Writes the low `n` (at most 8) bits of `value` at bit `at` of `out`.
#[inline]
pub fn put_bits(out: &mut [u8], at: usize, value: u8, n: usize) {
    if n == 0 {
        return;
    }
    let (byte, shift) = (at / 8, at % 8);
    let wide = (u16::from(value) << (16 - n)) >> shift;
    let mask = ((0xffffu32 << (16 - n)) as u16) >> shift;
    out[byte] = (out[byte] & !((mask >> 8) as u8)) | (wide >> 8) as u8;
    if mask & 0xff != 0 {
        out[byte + 1] = (out[byte + 1] & !(mask as u8)) | wide as u8;
    }
}

impl Term {
    /// The `HeapBits` or `BinRef` behind a `SubBits` or match context.
    #[inline(always)]
    pub fn base(self) -> Term {
        // SAFETY: rule 1: word 3 of both kinds is a term.
        unsafe { Term::from_raw(self.word(3)) }
    }
    /// Address of the first byte of a `HeapBits` or `BinRef`.
    #[inline(always)]
    pub fn base_data(self) -> *mut u8 {
        if self.is_kind(Kind::HeapBits) {
            // SAFETY: rule 1: the bytes begin at word 2.
            unsafe { self.ptr().add(2).cast() }
        } else {
            Binary::data_of_raw(self.word(2))
        }
    }
    /// A view of a bit string's bits.
    #[inline]
    pub fn bits(self) -> Option<Bits<'static>> {
        let (base, start, len) = match self.kind()? {
            Kind::HeapBits | Kind::BinRef => (self, 0, self.word(1) as usize),
            Kind::SubBits => (self.base(), self.word(1) as usize, self.word(2) as usize),
            _ => return None,
        };
        let n = (start % 8 + len).div_ceil(8);
        // SAFETY: rules 1, 2 and 6.
        let bytes = unsafe { std::slice::from_raw_parts(base.base_data().add(start / 8), n) };
        Some(Bits { bytes, offset: start % 8, len })
    }
    /// The bytes of a binary (whole bytes), copied only if it is an unaligned part of another.
    #[inline]
    pub fn as_bytes(self) -> Option<Cow<'static, [u8]>> {
        let b = self.bits()?;
        (b.len % 8 == 0).then(|| b.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_from_anywhere_to_anywhere() {
        let bytes: Vec<u8> = (0..40u32).map(|i| (i * 97 + 13) as u8).collect();
        let bit = |bytes: &[u8], i: usize| bytes[i / 8] >> (7 - i % 8) & 1;
        for offset in 0..8 {
            for len in [0, 1, 3, 7, 8, 9, 16, 63, 64, 65, 71, 72, 73, 128, 135, 200] {
                let bits = Bits::of_bytes(&bytes).slice(8 + offset, len);
                let copy = bits.to_bytes();
                assert_eq!(copy.len(), len.div_ceil(8));
                assert!((0..copy.len() * 8).all(|i| bit(&copy, i) == if i < len { bit(&bytes, 8 + offset + i) } else { 0 }), "{offset} {len}");
                for at in 0..17 {
                    for fill in [0, 0xff] {
                        let mut out = vec![fill; 32];
                        bits.copy_to(&mut out, at);
                        let wanted = |i: usize| if (at..at + len).contains(&i) { bit(&bytes, 8 + offset + i - at) } else { fill & 1 };
                        assert!((0..256).all(|i| bit(&out, i) == wanted(i)), "{len} bits from {offset} to {at}");
                    }
                }
            }
        }
    }
}
