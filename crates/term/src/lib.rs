//! Terms: the tagged word, the layouts of boxed terms, atoms, and everything that only reads or builds terms.
//! Not here: collecting (`heap`), the external format (`etf`), who owns a heap (`process`).
//!
//! # Safety
//! A `Term` is a word; reading through it trusts these rules:
//! 1. A boxed or cons `Term` points to a whole, initialised object of the kind its header says. Only `Alloc` and the
//!    collector make such words (`Term::from_raw` is unsafe).
//! 2. Native code holds a `Term` of a process only while that process cannot collect. Collections happen at the machine's own
//!    points, never while a native function runs, so a `Term` that a native function was given or has built stays valid until it returns.
//! 3. Objects are written only by whoever allocated them, before anyone else sees them (the exceptions, `set_tuple_element`
//!    and the positions of match contexts, are the machine's own and are never shared between threads).
//! 4. `FunEntry`, `Export` and `NodeName` records are never freed.
//! 5. A reference-counted object (`Binary`, magic value) lives while its count is above zero; each off-heap cell in a heap owns one count.
//! 6. Bytes of a `Binary` beyond what a cell describes are written only by the one who has claimed them (`Binary::claim`).
//! 7. Entries of a `Work` stack below its length have been written.

pub mod alloc;
pub mod atom;
pub mod binary;
pub mod bits;
pub mod cmp;
pub mod copy;
pub mod fun;
pub mod hash;
pub mod int;
pub mod list;
pub mod magic;
pub mod map;
pub mod node_name;
pub mod print;
pub mod reference;
pub mod word;
pub mod work;

pub use alloc::{Alloc, Fragment};
pub use atom::am;
pub use word::{Kind, Term};
