//! Engines that work on bytes and know nothing else: regular expressions (PCRE2) and compressed streams (zlib, Zstandard).
//! Not here: terms, options as Erlang writes them, what is captured and how (module `re`), queues of data (module `zlib`).
//!
//! # Safety
//! Both libraries are reached through their C interfaces. The rules:
//! 1. A pointer given to a library comes from a live slice with its length, or from that library itself and has not been freed.
//! 2. A compiled pattern is changed (by its translation into machine code) only under a lock and never while a match that uses
//!    that translation runs; matches only read it, so any number of threads may match at once.
//! 3. The match data of a call belongs to that call alone, from taking it out of the pool to putting it back.
//! 4. A stream is used by one thread at a time (`&mut`), stays where it was initialised (boxed), and is ended exactly once.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod regex;
pub mod zlib;
pub mod zstd;
