//! The engine: the meaning of each instruction (`ops`), the interpreter loop, and what surrounds a slice of a process.
//! Not here: native functions (`bifs`), signals (`node`), how code comes to be (`code`).
//!
//! # Safety
//! 1. Code words come from the loader, which has verified what they were made from: register numbers, frame sizes, jump
//!    targets, literal addresses and operand counts are right.
//! 2. `hp`, `sp` and the x registers belong to the process that runs on this thread; `sync_out` stores them before anyone else
//!    looks (native functions, the collector), `sync_in` reads them back.
//! 3. Between `hp` and `sp` there is always room for `SLACK` words: every check leaves it, every call uses one, native code never gets it.
//! 4. A continuation pointer on the stack is the address of an instruction.
//! 6. Machine code is given the state of the thread that enters it; its helpers find there the `Ctx` and `Local` of the loop that
//!    has entered it, which waits for them.
//! 5. While the workers are held, a process that waits or is queued is run by no thread, and its inbox's lock keeps it so.

mod dump;
mod engine;
mod interp;
mod machine;
pub mod ops;
pub mod raise;

pub use engine::Machine;
pub use jit::{listing, translating};

use heap::collect::SLACK;
