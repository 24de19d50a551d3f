//! The external term format, both ways: what `term_to_binary/2` and `binary_to_term/2` read and write, and what stands in
//! literal chunks and distribution messages. Bytes in, terms out; who owns the terms is `term::Alloc`'s matter.
//! Not here: distribution headers, fragments and the sending side of the atom cache (`dist`).
//!
//! Both directions work in slices: [`Encoder::run`] and [`Decoder::run`] stop when their budget is used up and go on
//! later. A stopped decoder holds terms of its `Alloc`, a stopped encoder terms of its caller: neither may move meanwhile.
#![forbid(unsafe_code)]

mod decode;
mod encode;
mod tag;

pub use decode::{DecodeEnv, Decoder, Error, FunKey, NoFuns, Resolver, Stacks, decode, unpacked_size};
pub use encode::{AtomRefs, Count, Encoder, Options, Out, Packer, Parts, encode, external_size};

use term::{Term, am};

/// The name and creation under which this node's identifiers go out, and by which they are known when they come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId {
    pub name: Term,
    pub creation: u32,
}

impl NodeId {
    /// A node without distribution.
    pub const NONE: NodeId = NodeId { name: am::NONODE, creation: 0 };
}
