//! Code: exports, fun entries, loaded modules and their versions; from a parsed `.beam` to the machine's own instructions.
//! Not here: running it (`exec`), parsing and verifying (`beamfile`), what native functions do.
//!
//! # Safety
//! 1. Records that terms point to (`Export`, `FunEntry`) are leaked: their addresses are valid for ever.
//! 2. A version's words stay where they are as long as it can be reached by name, by an address on a stack, or by a fun.
//!    They are not written after loading, but for first instructions of functions, whole words at a time, and for those that machine code stands in for.
//! 3. Those who change words hold `Code::change`.
//! 4. The words of loaded code are what the loader made: instruction numbers, addresses of records and jumps are right.
//! 5. The word of an instruction that has machine code holds its address; the word that it stands for is before that code, and both
//!    live as long as the version.

pub mod decode;
pub mod load;
pub mod op;
pub mod points;
mod tables;

/// The contents of a chunk of a `.beam` file, `None` if it is no such file or has no such chunk.
pub fn chunk<'a>(bytes: &'a [u8], id: &[u8; 4]) -> Option<&'a [u8]> {
    if bytes.get(..4)? != b"FOR1" || bytes.get(8..12)? != b"BEAM" {
        return None;
    }
    let mut rest = bytes.get(12..)?;
    while rest.len() >= 8 {
        let n = u32::from_be_bytes(rest[4..8].try_into().ok()?) as usize;
        let data = rest.get(8..8 + n)?;
        if &rest[..4] == id {
            return Some(data);
        }
        rest = rest.get(8 + n.next_multiple_of(4)..)?;
    }
    None
}

pub use tables::{loose_export, Code, Decode, FunIdentity, LoadFailure, Loaded, Located, Prepared, Versions};
