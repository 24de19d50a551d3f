//! The C interfaces: of native functions (`erl_nif.h`, version 2.18), loading libraries, calling their functions, and the `enif_*`
//! functions that they call; and of drivers (`erl_driver.h`, version 3.3). Not here: the natives that ERTS has built in (`bifs`), the symbols' way out of the executable (`cli`).
//!
//! The functions' names, arguments and results are the interface's own; each is documented there.
//!
//! # Safety
//! 1. The exported functions are called by C code that keeps the interface's contract: pointers are null where that is allowed or valid, an
//!    environment is used by one thread at a time and not after its end, terms belong to the environment they are given with.
//! 2. A process-bound environment lives on the stack of the thread that runs the process, within one native call: its `Ctx` outlives it,
//!    and nobody else touches the process. Native code never collects, so terms stay where they are until the call returns.
//! 3. A library's functions and data are used only while its `Core` is held: by the code that loaded it, by a resource type that it owns
//!    or by a process on its way to one of its functions.
//! 4. A resource's address is its `Head`'s plus a fixed distance; head and object live while the count is above zero.
//! 5. `ErlNifBinary.ref_bin` is null or one count of a `Binary`, made by this crate and given back once.
//! 6. What this crate hands to C as an opaque pointer (locks, threads, queues) was boxed here and is freed here.
#![allow(unsafe_op_in_unsafe_fn, clippy::missing_safety_doc, clippy::not_unsafe_ptr_arg_deref)]

mod binary;
mod crypto;
mod driver;
mod env;
mod library;
mod maps;
mod processes;
mod queue;
mod resource;
mod select;
mod symbols;
mod terms;
mod text;
mod threads;
mod time;

use node::Node;
use process::Owned;
use std::sync::Arc;
use term::{Alloc, Term};

pub use driver::ddll::NATIVES;

/// What libraries need of crates that this one must not know.
#[derive(Clone, Copy)]
pub struct Services {
    /// `term_to_binary`.
    pub encode: fn(&Arc<Node>, Term) -> Vec<u8>,
    /// `binary_to_term`: the term and how many bytes it took. The flag: atoms must exist.
    pub decode: fn(&Arc<Node>, &[u8], &mut Alloc, bool) -> Option<(Term, usize)>,
    pub iolist: fn(Term) -> Option<Vec<u8>>,
    pub ports: fn(&Node) -> Option<Arc<ports::Ports>>,
}

/// Makes a node load libraries; called once, before anything runs.
pub fn attach(node: &Arc<Node>, services: Services) {
    symbols::keep();
    env::note_node(node);
    library::attach(node, services);
}

/// A message made of a term of some environment.
fn copied(t: Term) -> Owned {
    node::signals::copy_out(t)
}
