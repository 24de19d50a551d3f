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
            None => Cow::Owned((0..self.len.div_ceil(8)).map(|i| self.byte(i)).collect()),
        }
    }
    /// Copies the bits into `out` from bit `at` on; bits of `out` outside the range stay as they are.
    pub fn copy_to(self, out: &mut [u8], at: usize) {
        if self.len == 0 {
            return;
        }
        if at % 8 == 0 && self.offset == 0 {
            let (whole, rest) = (self.len / 8, self.len % 8);
            out[at / 8..at / 8 + whole].copy_from_slice(&self.bytes[..whole]);
            if rest > 0 {
                let mask = 0xffu8 << (8 - rest);
                let o = &mut out[at / 8 + whole];
                *o = (*o & !mask) | (self.bytes[whole] & mask);
            }
            return;
        }
        let mut left = self.len;
        let mut at = at;
        for i in 0..self.len.div_ceil(8) {
            let n = left.min(8);
            put_bits(out, at, self.byte(i) >> (8 - n), n);
            at += n;
            left -= n;
        }
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

/// Writes the low `n` (at most 8) bits of `value` at bit `at` of `out`.
#[inline]
pub fn put_bits(out: &mut [u8], at: usize, value: u8, n: usize) {
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
