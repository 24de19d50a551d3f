//! Code: exports, fun entries, loaded modules and their versions; from a parsed `.beam` to the machine's own instructions.
//! Not here: running it (`exec`), parsing (`beamfile`), what native functions do.
//!
//! # Safety
//! 1. Records that terms point to (`Export`, `FunEntry`) are leaked: their addresses are valid for ever.

pub mod op;
mod tables;

pub use tables::Code;
