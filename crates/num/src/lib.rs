//! Numbers without terms: integers of any size on slices of limbs, float texts, and the hashes and checksums whose exact
//! bits programs rely on. Pure functions; nothing here knows tags, heaps or processes: `term`, `exec` and `bifs` wrap it.
//!
//! - [`Int`] is a borrowed integer (a sign and little-endian limbs), [`BigInt`] an owned result. A small integer becomes
//!   an `Int` with [`Int::small`] and one limb of scratch; a result goes back to a small with [`BigInt::to_i64`].
//! - [`arith`] add, subtract, multiply, divide; [`bits`] `band` .. `bsr`; [`convert`] floats and comparisons;
//!   [`text`] bases 2 to 36; [`bytes`] binaries and bit fields.
//! - [`float`] every text of a float, both ways.
//! - [`phash2`] and [`phash`] the two hashes that must never change; [`checksum`] CRC-32, Adler-32, MD5.
#![forbid(unsafe_code)]

pub mod arith;
pub mod bits;
pub mod bytes;
pub mod checksum;
pub mod convert;
pub mod float;
mod int;
pub mod phash;
pub mod phash2;
pub mod text;

pub use int::{BigInt, Error, Int, Limbs, MAX_BITS, MAX_LIMBS, MAX_LIMBS_27};
