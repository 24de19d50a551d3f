//! What every storey above stands on and none of them owns: seeded hashing and lock types.
//! Not here: anything that knows a term, a process or the outside world.
#![forbid(unsafe_code)]

pub mod hash;
pub mod sync;
