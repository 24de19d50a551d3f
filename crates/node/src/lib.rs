//! One node's shared world: its tables, the context native functions run in, and the one door of every signal.
//! Thin: tables and routing. A file here that has an algorithm belongs to a storey below.
#![forbid(unsafe_code)]

pub mod config;
pub mod ctx;
pub mod native;
mod node;

pub use ctx::{Ctx, Stop};
pub use native::{Dirty, Effect, Native, NativeFn};
pub use node::{Node, Timer};
