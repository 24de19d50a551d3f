//! Erlang's tables: ets (set, ordered_set, bag, duplicate_bag), match specifications, persistent terms, atomics and counters.
//! Knows terms, not processes: who may do what, messages to heirs and yielding are decided above, from what is answered here.
//!
//! # Safety
//! 1. An `Obj` owns one allocation: a head of three words, then a whole copied term. It is freed once, by the table that holds it.
//! 2. Terms inside a table are read only under its lock (shared) and written only under it (exclusive); what leaves is a copy.
//! 3. `OrderedKey::key` is the key of the object stored beside it; a key made for a search borrows the searcher's term
//!    and is dropped before that term can move.
//! 4. The constants of a compiled match specification live in its own fragment, which is never written after compiling.
//! 5. Entries and tables of persistent terms that are out of use are freed only by callers of `PersistentTerms::bury`, who know that nobody
//!    looks at them any more.
//! 6. An ordered set remembers the addresses of objects in its tree only until the tree changes: who changes it has it exclusively, and
//!    goes through `Ordered::changing`, which forgets them.

pub mod object;

pub mod hashed;
pub mod ordered;
pub mod table;
pub mod tables;

pub mod matchspec;
pub mod traverse;

pub mod arrays;
pub mod persistent;

pub use matchspec::MatchSpec;
pub use object::Obj;
pub use table::{Error, Kind, Options, Protection, Table, WriteConcurrency};
pub use tables::Tables;
pub use traverse::Cursor;
