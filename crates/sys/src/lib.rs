//! The one crate that asks the world: time, files, sockets, environment, children, readiness, terminal, signals, entropy, memory.
//! Each theme is a trait that a node holds as a value (`World`), so that a simulated world can stand in for the real one.
//! Not here: terms, ports, processes; nothing in this crate knows what Erlang is, except for names of errors and signals.
//!
//! Global by the operating system's will, and so here too: signal dispositions, the terminal's mode, the C locale's time zone.
//!
//! # Safety
//! `unsafe` appears only to call C interfaces that have no safe wrapper. Its rules:
//! 1. A pointer handed to C points to initialised memory (or to a buffer whose length is passed along) that outlives the call,
//!    and every string is NUL-terminated.
//! 2. Between `fork` and `exec` only async-signal-safe functions run, on data that was prepared before the fork.
//! 3. A signal handler touches only atomics and async-signal-safe functions, and keeps `errno`.
//! 4. A file descriptor that is borrowed from a number is owned by someone who outlives the borrow, as the caller promised.
//! 5. A reserved address range is unmapped only by the drop of its `Reserve`; committed parts are readable and writable, others are never touched here.
//! 6. A symbol of a loaded library is used only while the library is kept, with the type that the caller vouches for.
//! 7. Numbers that tune the C library are set before other threads run; `malloc_trim` may be called at any time.
//! 8. A vector grows by the bytes that a call says it has written into its spare room, and by no more.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod allocator;
pub mod cache;
pub mod children;
pub mod clock;
pub mod dylib;
pub mod entropy;
pub mod env;
pub mod errno;
pub mod fd;
pub mod files;
pub mod host;
pub mod net;
pub mod poll;
pub mod reserve;
pub mod signals;
pub mod terminfo;
pub mod tty;
pub mod width;
mod world;

pub use errno::{Errno, Result};
pub use world::World;
