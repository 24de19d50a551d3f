//! A process's heap: one block (young generation, stack at its end), an old generation, fragments; and the collector.
//! Also the literal range, where terms live that no collection moves.
//! Not here: when to collect (`exec` decides, at points where it knows all roots), what a process is.
//!
//! # Safety
//! 1. A `Heap` belongs to one process and is touched only by the thread that runs it.
//! 2. While a collection runs, every live term word of the process is in a root slice, on its stack, or reachable from one.
//! 3. Every pointer in the process's terms leads into its block, its old generation, its fragments, or the literal range.
//! 4. Memory of the literal range is written only while its area is built, before anyone has seen a term in it.

pub mod check;
pub mod collect;
pub mod literal;

pub use collect::{Heap, HeapStats, Need};
pub use literal::{Going, LiteralArea, is_literal, lasting_literals, literal_range};
