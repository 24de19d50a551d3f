//! The generic instruction set of the BEAM: THE table, the operands, and an instruction's text.
//! A generic instruction is what the compiler writes to a file; the loader makes specific ones from them. Not here:
//! the file (`beamfile`), the specific instructions (`code`), the meaning (`exec`).
#![forbid(unsafe_code)]

mod arg;
mod table;
mod text;

pub use arg::{Arg, Kind, Release};
pub use table::{ALL, Op, ROWS, Row, highest};
pub use text::{Names, manual, write_arg, write_instr};
