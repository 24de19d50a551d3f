//! `erlang:crc32`, `adler32` and `md5`: states that take bytes in pieces. The algorithms are others'.

/// CRC-32 as zlib has it: `Hasher::new_with_initial(old)` continues `crc32/2`, `combine` is `crc32_combine/3`.
pub use crc32fast::Hasher as Crc32;

/// Adler-32: `Adler32::from_checksum(old)` continues `adler32/2`.
pub use adler2::Adler32;

/// MD5 in pieces: `new`, `update`, `finalize`.
pub use md5::{Digest, Md5};
/// An MD5 under way as bytes, for `md5_update/2`.
pub use md5::digest::common::hazmat::SerializableState;

/// `crc32(old, bytes)`
pub fn crc32(old: u32, bytes: &[u8]) -> u32 {
    let mut state = Crc32::new_with_initial(old);
    state.update(bytes);
    state.finalize()
}

/// `crc32_combine(first, second, second_len)`: the checksum of two pieces from theirs.
pub fn crc32_combine(first: u32, second: u32, second_len: u64) -> u32 {
    let mut state = Crc32::new_with_initial_len(first, 0);
    state.combine(&Crc32::new_with_initial_len(second, second_len));
    state.finalize()
}

/// `adler32(old, bytes)`; the first `old` is 1.
pub fn adler32(old: u32, bytes: &[u8]) -> u32 {
    let mut state = Adler32::from_checksum(old);
    state.write_slice(bytes);
    state.checksum()
}

/// `adler32_combine(first, second, second_len)`
pub fn adler32_combine(first: u32, second: u32, second_len: u64) -> u32 {
    const BASE: u64 = 65521;
    let (a1, b1) = (first as u64 & 0xffff, first as u64 >> 16);
    let (a2, b2) = (second as u64 & 0xffff, second as u64 >> 16);
    let len = second_len % BASE;
    let a = (a1 + a2 + BASE - 1) % BASE;
    // The second sum had started from 1, not from `a1`: each of its bytes counts the difference once.
    let b = (b1 + b2 + len * (a1 + BASE - 1)) % BASE;
    (b << 16 | a) as u32
}

/// `md5(bytes)`
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}
