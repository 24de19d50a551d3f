//! Bit syntax: reading through a match context, and building bit strings from segments.
//! A match context is `[header, position, end, base]`, all in bits of its base.

use node::Ctx;
use num::bytes::Endian;
use term::bits::{Bits, put_bits};
use term::int::{self, ArithError};
use term::word::Kind;
use term::{Alloc, Term, am};

pub const APPEND: u8 = 0;
pub const PRIVATE_APPEND: u8 = 1;
pub const BINARY: u8 = 2;
pub const INTEGER: u8 = 3;
pub const FLOAT: u8 = 4;
pub const STRING: u8 = 5;
pub const UTF8: u8 = 6;
pub const UTF16: u8 = 7;
pub const UTF32: u8 = 8;

/// Field flags as the compiler numbers them (native is little on the machines we run on).
const LITTLE: u8 = 2 | 16;
const SIGNED: u8 = 4;

/// The most bits a bit string may have.
const MAX_BITS: u64 = 1 << 56;

fn little(flags: u8) -> bool {
    flags & LITTLE != 0
}
fn endian(flags: u8) -> Endian {
    if little(flags) { Endian::Little } else { Endian::Big }
}

#[inline(always)]
fn position(c: Term) -> usize {
    c.word(1) as usize
}
#[inline(always)]
fn end(c: Term) -> usize {
    c.word(2) as usize
}
#[inline(always)]
fn set_position(c: Term, bits: usize) {
    debug_assert!(c.is_kind(Kind::MatchContext) && bits <= end(c));
    // SAFETY: rule 3 of `term`: a match context is its process's own and changed only by the machine.
    unsafe { *c.ptr().add(1) = bits as u64 };
}
/// Bits not yet matched.
#[inline(always)]
pub fn left(c: Term) -> usize {
    end(c) - position(c)
}
/// The next `n` bits, which must be there.
fn view(c: Term, n: usize) -> Bits<'static> {
    let at = position(c);
    let bytes = (at % 8 + n).div_ceil(8);
    // SAFETY: rules 1 and 6 of `term`: position and end are within the base.
    let slice = unsafe { std::slice::from_raw_parts(c.base().base_data().add(at / 8), bytes) };
    Bits { bytes: slice, offset: at % 8, len: n }
}

/// The size in bits of a field given by a term and a unit, or the rest. `None`: no such size.
#[inline]
pub fn field_bits(c: Term, size: Term, unit: usize, to_the_end: bool) -> Option<usize> {
    if let Some(n) = size.as_small() {
        return usize::try_from(n).ok()?.checked_mul(unit);
    }
    if to_the_end {
        let n = left(c);
        return (n % unit.max(1) == 0).then_some(n);
    }
    None
}

/// An integer field that fits a small and is at most 61 bits; moves on. `None`: too few bits, or for `get_integer`.
#[inline(always)]
pub fn get_small(c: Term, n: usize, flags: u8) -> Option<Term> {
    if n > 56 || n > left(c) {
        return None;
    }
    let at = position(c);
    let value = if n == 8 && at % 8 == 0 {
        // SAFETY: one whole byte is left.
        unsafe { u64::from(*c.base().base_data().add(at / 8)) }
    } else if n == 0 {
        0
    } else {
        let raw = view(c, n).get_uint(0, n);
        if little(flags) && n > 8 { little_value(raw, n) } else { raw }
    };
    set_position(c, at + n);
    if flags & SIGNED != 0 && n > 0 {
        return Some(Term::small(((value << (64 - n)) as i64) >> (64 - n)));
    }
    Some(Term::small(value as i64))
}

/// The value of `n` bits, read in order as the big-endian number `raw`, when their bytes are in little-endian order.
fn little_value(raw: u64, n: usize) -> u64 {
    let whole = n / 8;
    let rest = n % 8;
    let mut out = 0u64;
    for i in 0..whole {
        out |= ((raw >> (n - 8 * (i + 1))) & 0xff) << (8 * i);
    }
    if rest > 0 {
        out |= (raw & ((1 << rest) - 1)) << (8 * whole);
    }
    out
}

/// An integer field of any size; moves on.
pub fn get_integer(a: &mut Alloc, c: Term, n: usize, flags: u8) -> Option<Term> {
    if n > left(c) {
        return None;
    }
    if let Some(t) = get_small(c, n, flags) {
        return Some(t);
    }
    let bytes = view(c, n).to_bytes();
    let t = from_field(a, &bytes, n, flags)?;
    set_position(c, position(c) + n);
    Some(t)
}

/// The integer in `n` bits that begin at the first bit of `bytes`.
fn from_field(a: &mut Alloc, bytes: &[u8], n: usize, flags: u8) -> Option<Term> {
    let rest = n % 8;
    if rest == 0 {
        return int::from_bytes(a, bytes, n, endian(flags), flags & SIGNED != 0).ok();
    }
    // Bring the bits to the low end of a number of whole bytes.
    let mut whole = Vec::with_capacity(bytes.len());
    if little(flags) {
        // All bytes but the last are whole; the last one holds the highest bits, at its own high end.
        whole.extend_from_slice(&bytes[..bytes.len() - 1]);
        whole.push(bytes[bytes.len() - 1] >> (8 - rest));
        if flags & SIGNED != 0 && whole.last().is_some_and(|b| b & (1 << (rest - 1)) != 0) {
            let last = whole.len() - 1;
            whole[last] |= 0xffu8 << rest;
        }
    } else {
        let view = Bits { bytes, offset: 0, len: n };
        whole.push(view.get_uint(0, rest) as u8);
        if flags & SIGNED != 0 && whole[0] & (1 << (rest - 1)) != 0 {
            whole[0] |= 0xffu8 << rest;
        }
        let tail = view.slice(rest, n - rest);
        whole.extend_from_slice(&tail.to_bytes());
    }
    int::from_bytes(a, &whole, whole.len() * 8, endian(flags), flags & SIGNED != 0).ok()
}

/// The next `n` (at most 64) bits as a number; moves on if they are there.
pub fn take_uint(c: Term, n: usize) -> Option<u64> {
    if n > left(c) {
        return None;
    }
    let v = view(c, n).get_uint(0, n);
    set_position(c, position(c) + n);
    Some(v)
}

/// A float field of 16, 32 or 64 bits; `None` for infinities and NaNs.
pub fn get_float(a: &mut Alloc, c: Term, n: usize, flags: u8) -> Option<Term> {
    if n > left(c) {
        return None;
    }
    let mut bytes = view(c, n).to_bytes().into_owned();
    if little(flags) {
        bytes.reverse();
    }
    let f = match n {
        16 => half_to_f64(u16::from_be_bytes(bytes.try_into().ok()?)),
        32 => f64::from(f32::from_be_bytes(bytes.try_into().ok()?)),
        64 => f64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    };
    if !f.is_finite() {
        return None;
    }
    set_position(c, position(c) + n);
    Some(a.float(f))
}

fn half_to_f64(h: u16) -> f64 {
    let sign = if h & 0x8000 != 0 { -1.0 } else { 1.0 };
    let exponent = i32::from(h >> 10 & 31);
    let fraction = f64::from(h & 0x3ff);
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 => f64::NAN,
        e => sign * (1.0 + fraction / 1024.0) * 2f64.powi(e - 15),
    }
}

/// Rounds to the nearest half-precision float, ties to even; `None` if it is too large.
fn f64_to_half(f: f64) -> u16 {
    let sign = if f.is_sign_negative() { 0x8000 } else { 0 };
    let a = f.abs();
    if a == 0.0 {
        return sign;
    }
    let e = a.log2().floor() as i32;
    let mut e = e.clamp(-14, 16);
    let mut scaled = a / 2f64.powi(e - 10);
    if scaled >= 2048.0 {
        e += 1;
        scaled = a / 2f64.powi(e - 10);
    }
    let mut m = scaled.round_ties_even() as u32;
    if m == 2048 {
        m = 1024;
        e += 1;
    }
    if e > 15 {
        return sign | 0x7c00;
    }
    if m < 1024 { sign | m as u16 } else { sign | ((e + 15) as u16) << 10 | (m - 1024) as u16 }
}

/// A bit string field; moves on.
pub fn get_bits(a: &mut Alloc, c: Term, n: usize) -> Option<Term> {
    if n > left(c) {
        return None;
    }
    let at = position(c);
    let t = a.slice_base(c.base(), at, n);
    set_position(c, at + n);
    Some(t)
}

/// What is not yet matched, as a bit string; does not move on.
pub fn tail(a: &mut Alloc, c: Term) -> Term {
    a.slice_base(c.base(), position(c), left(c))
}

pub fn skip(c: Term, n: usize) -> bool {
    if n > left(c) {
        return false;
    }
    set_position(c, position(c) + n);
    true
}

/// Moves on if the next `n` bits are those of `bytes`.
pub fn match_string(c: Term, bytes: &[u8], n: usize) -> bool {
    if n > left(c) {
        return false;
    }
    let v = view(c, n);
    let same = match v.as_bytes() {
        Some(b) if n % 8 == 0 => b == bytes,
        _ => {
            let want = Bits { bytes, offset: 0, len: n };
            (0..n.div_ceil(8)).all(|i| v.byte(i) == want.byte(i))
        }
    };
    if same {
        set_position(c, position(c) + n);
    }
    same
}

fn valid_char(c: u32) -> bool {
    c < 0xd800 || (0xe000..0x11_0000).contains(&c)
}

pub fn get_utf8(c: Term) -> Option<u32> {
    if left(c) < 8 {
        return None;
    }
    let n = (left(c) / 8).min(4);
    let v = view(c, n * 8);
    let b = |i: usize| u32::from(v.byte(i));
    let cont = |i: usize| if i < n && b(i) & 0xc0 == 0x80 { Some(b(i) & 0x3f) } else { None };
    let (ch, len) = match b(0) {
        x @ 0..0x80 => (x, 1),
        x @ 0xc2..0xe0 => ((x & 0x1f) << 6 | cont(1)?, 2),
        x @ 0xe0..0xf0 => {
            let ch = (x & 0x0f) << 12 | cont(1)? << 6 | cont(2)?;
            if ch < 0x800 {
                return None;
            }
            (ch, 3)
        }
        x @ 0xf0..0xf5 => {
            let ch = (x & 7) << 18 | cont(1)? << 12 | cont(2)? << 6 | cont(3)?;
            if ch < 0x1_0000 {
                return None;
            }
            (ch, 4)
        }
        _ => return None,
    };
    if !valid_char(ch) {
        return None;
    }
    set_position(c, position(c) + 8 * len);
    Some(ch)
}

pub fn get_utf16(c: Term, flags: u8) -> Option<u32> {
    let unit = |i: usize| -> Option<u32> {
        if left(c) < 16 * (i + 1) {
            return None;
        }
        let v = view(c, 16 * (i + 1)).get_uint(16 * i, 16) as u16;
        Some(u32::from(if little(flags) { v.swap_bytes() } else { v }))
    };
    let first = unit(0)?;
    let (ch, len) = match first {
        0xd800..0xdc00 => {
            let second = unit(1)?;
            if !(0xdc00..0xe000).contains(&second) {
                return None;
            }
            (0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff), 32)
        }
        0xdc00..0xe000 => return None,
        x => (x, 16),
    };
    set_position(c, position(c) + len);
    Some(ch)
}

pub fn get_utf32(c: Term, flags: u8) -> Option<u32> {
    if left(c) < 32 {
        return None;
    }
    let v = view(c, 32).get_uint(0, 32) as u32;
    let v = if little(flags) { v.swap_bytes() } else { v };
    if !valid_char(v) {
        return None;
    }
    set_position(c, position(c) + 32);
    Some(v)
}

// ---- construction

/// One segment of `<<...>>`.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub kind: u8,
    pub flags: u8,
    pub unit: u32,
    pub value: Term,
    /// A number of units, or `all`.
    pub size: Term,
    /// Of a string: its bytes in the module's string table.
    pub bytes: (*const u8, usize),
}

/// Why a bit string cannot be built: reason, which segment (from 1), what about it, and the offending value.
#[derive(Clone, Copy, Debug)]
pub struct CreateError {
    pub reason: Term,
    pub segment: usize,
    pub kind: u8,
    pub what: &'static str,
    pub value: Term,
}

fn kind_name(kind: u8) -> Term {
    match kind {
        APPEND | PRIVATE_APPEND | BINARY => am::BINARY,
        INTEGER => am::INTEGER,
        FLOAT => am::FLOAT,
        UTF8 => am::UTF8,
        UTF16 => am::UTF16,
        UTF32 => am::UTF32,
        _ => am::STRING,
    }
}

/// Raises the error of a failed construction, with the cause that OTP's formatter explains.
pub fn raise_create(cx: &mut Ctx, e: CreateError) {
    let what = term::atom::intern(e.what);
    let kind = kind_name(e.kind);
    let cause = cx.h().tuple(&[Term::small(e.segment as i64), kind, what, e.value]);
    crate::raise::with_cause(cx, e.reason, cause, "format_bs_fail");
}

/// The operands of a `BsCreate` instruction.
///
/// # Safety
/// Rule 1: `at` is such an instruction.
#[inline]
pub unsafe fn segments(at: *const u64, out: &mut Vec<Segment>, source: impl Fn(u64) -> Term) {
    out.clear();
    // SAFETY: the caller's promise.
    let word = |i: usize| unsafe { *at.add(i) };
    for i in 0..word(2) as u32 as usize {
        let first = 3 + 4 * i;
        let what = word(first);
        let (value, size) = (word(first + 1), word(first + 2));
        let text = what as u8 == STRING;
        out.push(Segment {
            kind: what as u8,
            flags: (what >> 8) as u8,
            unit: (what >> 16) as u32,
            value: if text { Term::NIL } else { source(value) },
            size: if text { Term::NIL } else { source(size) },
            bytes: if text { (value as *const u8, size as usize) } else { (std::ptr::null(), 0) },
        });
    }
}

fn utf8_len(c: i64) -> usize {
    match c {
        0..0x80 => 1,
        0x80..0x800 => 2,
        0x800..0x1_0000 => 3,
        _ => 4,
    }
}

fn char_of(t: Term) -> Option<u32> {
    t.to::<u32>().filter(|&c| valid_char(c))
}

/// The bits that a segment takes. `Err`: reason and what is wrong.
fn segment_bits(s: &Segment) -> Result<usize, (Term, &'static str, Term)> {
    let bad = |what, value| Err((am::BADARG, what, value));
    match s.kind {
        STRING => Ok(s.bytes.1 * 8),
        UTF8 => match char_of(s.value) {
            Some(c) => Ok(8 * utf8_len(i64::from(c))),
            None => bad("type", s.value),
        },
        UTF16 => match char_of(s.value) {
            Some(c) => Ok(if c >= 0x1_0000 { 32 } else { 16 }),
            None => bad("type", s.value),
        },
        UTF32 => match char_of(s.value) {
            Some(_) => Ok(32),
            None => bad("type", s.value),
        },
        _ => {
            if s.size == am::ALL && matches!(s.kind, BINARY | APPEND | PRIVATE_APPEND) {
                let Some(n) = s.value.bit_size() else { return bad("type", s.value) };
                return if n % (s.unit as usize).max(1) == 0 { Ok(n) } else { bad("unit", s.value) };
            }
            let bits = match s.size.as_small() {
                Some(n) if n >= 0 => (n as u64).checked_mul(u64::from(s.unit)).filter(|&n| n <= MAX_BITS),
                Some(_) => return bad("size", s.size),
                None if s.size.is_big() && !s.size.as_big().is_some_and(|b| b.0) => None,
                None => return bad("size", s.size),
            };
            let Some(bits) = bits else { return Err((am::SYSTEM_LIMIT, "size", s.size)) };
            let bits = bits as usize;
            if s.kind == FLOAT && !matches!(bits, 16 | 32 | 64) {
                return bad("invalid", s.size);
            }
            Ok(bits)
        }
    }
}

/// Does the program say its size?
fn has_size(s: &Segment) -> bool {
    matches!(s.kind, INTEGER | FLOAT | BINARY) && s.size != am::ALL
}

/// What is wrong with a segment's value, if its size is right.
fn wrong_value(s: &Segment, bits: usize) -> Option<&'static str> {
    match s.kind {
        INTEGER => (!s.value.is_integer()).then_some("type"),
        FLOAT => (!s.value.is_number()).then_some("type"),
        BINARY | APPEND | PRIVATE_APPEND => match s.value.bit_size() {
            None => Some("type"),
            Some(n) => (n < bits).then_some("short"),
        },
        _ => None,
    }
}

/// Writes a segment of `n` bits at bit `at`. `false`: the value does not fit its type (float too large).
fn write(out: &mut [u8], at: usize, s: &Segment, n: usize) -> bool {
    match s.kind {
        STRING => {
            // SAFETY: rule 1: the loader took the bytes from the module's string table.
            let bytes = unsafe { std::slice::from_raw_parts(s.bytes.0, s.bytes.1) };
            Bits::of_bytes(bytes).copy_to(out, at);
        }
        BINARY | APPEND | PRIVATE_APPEND => {
            if let Some(v) = s.value.bits() {
                v.slice(0, n).copy_to(out, at);
            }
        }
        INTEGER => write_integer(out, at, s.value, n, s.flags),
        FLOAT => return write_float(out, at, s.value, n, s.flags),
        UTF8 => {
            let mut buf = [0; 4];
            if let Some(c) = s.value.to::<u32>().and_then(char::from_u32) {
                Bits::of_bytes(c.encode_utf8(&mut buf).as_bytes()).copy_to(out, at);
            }
        }
        UTF16 => {
            let mut buf = [0; 2];
            if let Some(c) = s.value.to::<u32>().and_then(char::from_u32) {
                for (i, u) in c.encode_utf16(&mut buf).iter().enumerate() {
                    let b = if little(s.flags) { u.to_le_bytes() } else { u.to_be_bytes() };
                    Bits::of_bytes(&b).copy_to(out, at + 16 * i);
                }
            }
        }
        UTF32 => {
            if let Some(c) = s.value.to::<u32>() {
                let b = if little(s.flags) { c.to_le_bytes() } else { c.to_be_bytes() };
                Bits::of_bytes(&b).copy_to(out, at);
            }
        }
        _ => {}
    }
    true
}

fn write_integer(out: &mut [u8], at: usize, value: Term, n: usize, flags: u8) {
    if n == 0 {
        return;
    }
    if n == 8
        && at % 8 == 0
        && let Some(v) = value.as_small()
    {
        out[at / 8] = v as u8;
        return;
    }
    if n <= 64
        && let Some(v) = value.as_small()
    {
        let v = v as u64;
        if !little(flags) {
            let shifted = v << (64 - n);
            Bits { bytes: &shifted.to_be_bytes(), offset: 0, len: n }.copy_to(out, at);
            return;
        }
        let mut i = 0;
        while i < n {
            let k = (n - i).min(8);
            put_bits(out, at + i, (v >> i) as u8 & (0xffu16 >> (8 - k)) as u8, k);
            i += k;
        }
        return;
    }
    let mut bytes = vec![0u8; n.div_ceil(8)];
    let rest = n % 8;
    if little(flags) {
        int::to_bytes(value, &mut bytes, Endian::Little);
        for (i, &b) in bytes.iter().enumerate() {
            let k = (n - 8 * i).min(8);
            put_bits(out, at + 8 * i, b & (0xffu16 >> (8 - k)) as u8, k);
        }
    } else {
        int::to_bytes(value, &mut bytes, Endian::Big);
        let offset = if rest == 0 { 0 } else { 8 - rest };
        Bits { bytes: &bytes, offset, len: n }.copy_to(out, at);
    }
}

fn write_float(out: &mut [u8], at: usize, value: Term, n: usize, flags: u8) -> bool {
    let Ok(f) = int::to_f64(value) else { return false };
    let mut buf = [0u8; 8];
    let bytes = match n {
        // What is too large becomes infinite.
        16 => {
            buf[..2].copy_from_slice(&f64_to_half(f).to_be_bytes());
            &mut buf[..2]
        }
        32 => {
            buf[..4].copy_from_slice(&(f as f32).to_be_bytes());
            &mut buf[..4]
        }
        _ => {
            buf = f.to_be_bytes();
            &mut buf[..]
        }
    };
    if little(flags) {
        bytes.reverse();
    }
    Bits::of_bytes(bytes).copy_to(out, at);
    true
}

/// A bit string of the bits of `bin` and `more` bits behind them, with the bytes to be filled and the bit where the new ones begin.
/// A bit string with room behind it, to be written.
struct Appended {
    term: Term,
    /// All its bytes, and the bit from which on they are written.
    out: &'static mut [u8],
    at: usize,
    /// What was there had to be copied.
    copied: bool,
}

/// Grows the buffer of `bin` itself when nobody has appended to it before: what is appended to is a part of a cell that stands for
/// the whole buffer, room included, so that no count changes.
fn append(a: &mut Alloc, bin: Term, more: usize, private: bool) -> Appended {
    let (base, start, len) = match bin.kind() {
        Some(Kind::SubBits) => (bin.base(), bin.word(1) as usize, bin.word(2) as usize),
        _ => (bin, 0, bin.bit_size().unwrap_or(0)),
    };
    if base.is_kind(Kind::BinRef) && start == 0 {
        // SAFETY: rule 5 of `term`: the cell holds a count.
        let b = unsafe { term::binary::Binary::borrow_raw(base.word(2)) };
        if b.claim_alone(len, more) || b.claim(len, more) || (private && b.claim_private(len, more)) {
            let bytes = (len + more).div_ceil(8);
            // SAFETY: rule 6 of `term`: the claimed bits are ours to write; those before them are not written.
            let out = unsafe { std::slice::from_raw_parts_mut(b.data(), bytes) };
            let whole = if base.word(1) as usize >= len + more { base } else { a.bin_ref((*b).clone(), b.capacity() * 8) };
            return Appended { term: a.part(whole, 0, len + more), out, at: len, copied: false };
        }
    }
    let bytes = (len + more).div_ceil(8);
    let capacity = (bytes * 2).max(256);
    let b = term::binary::Binary::with_capacity(capacity, 0);
    b.claim_alone(0, len + more);
    let data = b.data();
    // SAFETY: a fresh buffer with at least `bytes` bytes, known to nobody else.
    let out = unsafe {
        data.write_bytes(0, bytes);
        std::slice::from_raw_parts_mut(data, bytes)
    };
    if let Some(v) = bin.bits() {
        v.copy_to(out, 0);
    }
    let whole = a.bin_ref(b, capacity * 8);
    Appended { term: a.part(whole, 0, len + more), out, at: len, copied: true }
}

/// Builds a bit string from segments.
pub fn create(cx: &mut Ctx, segments: &[Segment]) -> Result<Term, CreateError> {
    let mut total = 0usize;
    let mut few = [0usize; 64];
    let mut many = Vec::new();
    let sizes = if segments.len() <= few.len() {
        &mut few[..segments.len()]
    } else {
        many.resize(segments.len(), 0);
        &mut many[..]
    };
    // Sizes that the program says are looked at before any value.
    for (i, s) in segments.iter().enumerate() {
        if has_size(s) {
            sizes[i] = segment_bits(s).map_err(|(reason, what, value)| CreateError { reason, segment: i + 1, kind: s.kind, what, value })?;
        }
    }
    for (i, s) in segments.iter().enumerate() {
        let error = |reason, what, value| CreateError { reason, segment: i + 1, kind: s.kind, what, value };
        if !has_size(s) {
            sizes[i] = segment_bits(s).map_err(|(reason, what, value)| error(reason, what, value))?;
        }
        if let Some(what) = wrong_value(s, sizes[i]) {
            return Err(error(am::BADARG, what, s.value));
        }
        total = total.checked_add(sizes[i]).filter(|&n| n as u64 <= MAX_BITS).ok_or_else(|| error(am::SYSTEM_LIMIT, "size", s.size))?;
    }
    let appending = segments.first().is_some_and(|s| matches!(s.kind, APPEND | PRIVATE_APPEND) && s.size == am::ALL);
    if appending && total == sizes[0] {
        return Ok(segments[0].value);
    }
    // A reduction for each 1,000 bytes written, and for 4,000 of those that are taken over when a first append copies them.
    cx.reductions -= ((total - if appending { sizes[0] } else { 0 }) / 8000) as i64;
    let (t, out, mut at) = if appending {
        let appended = append(&mut cx.p.heap.alloc, segments[0].value, total - sizes[0], segments[0].kind == PRIVATE_APPEND);
        cx.reductions -= if appended.copied { sizes[0] / 32000 } else { 0 } as i64;
        (appended.term, appended.out, appended.at)
    } else {
        let (t, out) = cx.p.heap.alloc.bits_mut(total);
        (t, out, 0)
    };
    for (i, s) in segments.iter().enumerate().skip(usize::from(appending)) {
        let n = sizes[i];
        if !write(out, at, s, n) {
            return Err(CreateError { reason: am::BADARG, segment: i + 1, kind: s.kind, what: "no_float", value: s.value });
        }
        at += n;
    }
    Ok(t)
}

/// An empty binary with room for `size` bytes, to append to.
pub fn init_writable(a: &mut Alloc, size: Term) -> Term {
    // The compiler says how much it will be, if it knows.
    let n = size.to::<usize>().unwrap_or(256).min(1 << 30);
    let b = term::binary::Binary::with_capacity(n, 0);
    let whole = a.bin_ref(b, n * 8);
    a.part(whole, 0, 0)
}

// ---- the construction instructions of older compilers

/// A bit string under construction, from `start` or `append` to the last `put`.
#[derive(Default)]
pub struct Building {
    out: Option<&'static mut [u8]>,
    at: usize,
}

impl Building {
    pub fn start(&mut self, a: &mut Alloc, bits: usize) -> Term {
        let (t, out) = a.bits_mut(bits);
        self.out = Some(out);
        self.at = 0;
        t
    }
    pub fn append(&mut self, a: &mut Alloc, bin: Term, more: usize) -> Term {
        let appended = append(a, bin, more, false);
        (self.out, self.at) = (Some(appended.out), appended.at);
        appended.term
    }
    /// The bit string may have been moved since it was started.
    pub fn moved(&mut self, t: Term) {
        if let Some(out) = &mut self.out {
            let n = out.len();
            // What is appended to is a part of a buffer, from its beginning.
            let t = if t.is_kind(Kind::SubBits) { t.base() } else { t };
            // SAFETY: rule 3 of `term`: the bits are still being built, and nobody else has seen them.
            *out = unsafe { std::slice::from_raw_parts_mut(t.base_data(), n) };
        }
    }
    pub fn put(&mut self, s: &Segment) -> Result<(), Term> {
        let n = segment_bits(s).map_err(|e| e.0)?;
        if wrong_value(s, n).is_some() {
            return Err(am::BADARG);
        }
        let at = self.at;
        let Some(out) = self.out.as_deref_mut().filter(|o| at + n <= o.len() * 8) else { return Err(am::BADARG) };
        if !write(out, at, s, n) {
            return Err(am::BADARG);
        }
        self.at += n;
        Ok(())
    }
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        let at = self.at;
        if let Some(out) = self.out.as_deref_mut().filter(|o| at + bytes.len() * 8 <= o.len() * 8) {
            Bits::of_bytes(bytes).copy_to(out, at);
            self.at += bytes.len() * 8;
        }
    }
}

/// The bits of `size` units.
pub fn old_size(size: Term, unit: usize) -> Result<usize, Term> {
    match size.as_small() {
        Some(n) if n >= 0 => (n as u64).checked_mul(unit as u64).filter(|&n| n <= MAX_BITS).map(|n| n as usize).ok_or(am::SYSTEM_LIMIT),
        None if size.is_big() && !size.as_big().is_some_and(|b| b.0) => Err(am::SYSTEM_LIMIT),
        _ => Err(am::BADARG),
    }
}

/// x + y * unit, both sizes.
pub fn old_add(x: Term, y: Term, unit: i64) -> Result<Term, Term> {
    match (x.as_small(), y.as_small()) {
        (Some(x), Some(y)) if x >= 0 && y >= 0 => y
            .checked_mul(unit)
            .and_then(|n| n.checked_add(x))
            .filter(|&n| n as u64 <= MAX_BITS)
            .map(Term::small)
            .ok_or(am::SYSTEM_LIMIT),
        (Some(x), _) if x < 0 => Err(am::BADARG),
        (_, Some(y)) if y < 0 => Err(am::BADARG),
        _ if x.is_integer() && y.is_integer() => Err(am::SYSTEM_LIMIT),
        _ => Err(am::BADARG),
    }
}

/// `badarith` and `system_limit` as terms.
pub fn arith_reason(e: ArithError) -> Term {
    match e {
        ArithError::BadArith => am::BADARITH,
        ArithError::SystemLimit => am::SYSTEM_LIMIT,
    }
}
