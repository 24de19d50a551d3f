//! One node's shared world: its tables, the context native functions run in, and the one door of every signal.
//! Thin: tables and routing. A file here that has an algorithm belongs to a storey below.
#![forbid(unsafe_code)]

pub mod config;
pub mod counters;
pub mod ctx;
pub mod hooks;
pub mod later;
pub mod memory;
pub mod native;
mod node;
pub mod seq;
pub mod settings;
// what processes do to each other
pub mod dump;
pub mod exit;
pub mod literals;
pub mod profile;
pub mod purge;
pub mod relations;
pub mod signals;
pub mod spawn;
pub mod timers;
pub mod trace;
pub mod watch;

pub use ctx::{Ctx, Stop};
pub use native::{Dirty, Effect, Foreign, Native, NativeFn};
pub use node::{ABORT, Node, Timer, TimerCall};
pub use signals::Fetched;
/// Free pages of the whole program go back to the system.
pub fn give_memory_back() {
    sys::allocator::give_back();
}

pub use spawn::{MonitorOptions, SpawnOptions, Spawned};
