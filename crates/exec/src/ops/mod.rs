//! The meaning of instructions that take more than a few lines; the interpreter's loop has the rest. Machine code, where it
//! exists, calls these or does what they do.

pub mod arith;
pub mod bits;
pub mod call;
pub mod fun;
pub mod map;
pub mod record;
