//! Code: exports, fun entries, loaded modules and their versions; from a parsed `.beam` to the machine's own instructions.
//! Not here: running it (`exec`), parsing and verifying (`beamfile`), what native functions do.
//!
//! # Safety
//! 1. Records that terms point to (`Export`, `FunEntry`) are leaked: their addresses are valid for ever.
//! 2. A version's words stay where they are as long as it can be reached by name, by an address on a stack, or by a fun.
//!    They are not written after loading, but for first instructions of functions, whole words at a time.

pub mod load;
pub mod op;
mod tables;

pub use tables::{Code, FunIdentity, LoadFailure, Loaded, Located, Prepared, Versions};
