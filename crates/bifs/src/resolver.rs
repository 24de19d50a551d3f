//! How the external format finds a node's funs and exports.

use etf::{FunKey, NodeId, Resolver};
use node::Node;
use std::sync::Arc;
use term::fun::{Export, FunEntry};
use term::{Alloc, Term, am};

/// A node's tables, as decoding needs them.
pub struct Tables<'a>(pub &'a Arc<Node>);

impl Resolver for Tables<'_> {
    fn export(&self, module: Term, function: Term, arity: u8, safe: bool) -> Option<&'static Export> {
        if safe {
            return self.0.code.find_export(module, function, arity);
        }
        Some(self.0.code.export(module, function, arity))
    }
    fn fun(&self, key: &FunKey) -> Option<&'static FunEntry> {
        Some(self.0.code.fun_entry(&code::FunIdentity {
            module: key.module,
            name: am::EMPTY,
            arity: key.arity,
            num_free: key.num_free,
            index: key.index,
            old_uniq: key.old_uniq,
            uniq: key.uniq,
        }))
    }
}

/// The node's name and creation, as they stand in its pids outside.
pub fn node_id(node: &Node) -> NodeId {
    let (name, creation) = *node.identity.read();
    NodeId { name, creation }
}

/// The key of the private external format, which only this node reads.
pub fn local_key(node: &Arc<Node>) -> u32 {
    (Arc::as_ptr(node) as usize >> 4) as u32
}

/// Decodes what a program of this node has encoded for one of its ports.
pub fn decode_local(node: &Arc<Node>, bytes: &[u8], alloc: &mut Alloc) -> Option<Term> {
    let tables = Tables(node);
    let mut env = etf::DecodeEnv::new(node_id(node), &tables);
    env.local = Some(local_key(node));
    etf::decode(bytes, alloc, &env).ok().map(|(t, _)| t)
}

/// Decodes a term of a trusted file (a literal, an attribute list).
pub fn decode_literal(node: &Arc<Node>, bytes: &[u8], alloc: &mut Alloc) -> Option<Term> {
    let tables = Tables(node);
    let env = etf::DecodeEnv::new(node_id(node), &tables);
    etf::decode(bytes, alloc, &env).ok().map(|(t, _)| t)
}

/// `term_to_binary/1`, for whoever is no process.
pub fn encode(node: &Arc<Node>, t: Term) -> Vec<u8> {
    let id = node_id(node);
    let options = if node.code.release >= 26 { etf::Options::new(id) } else { etf::Options::otp25(id) };
    etf::encode(t, &options)
}

/// `binary_to_term/2` with `used`, for whoever is no process. `safe`: no new atoms.
pub fn decode(node: &Arc<Node>, bytes: &[u8], alloc: &mut Alloc, safe: bool) -> Option<(Term, usize)> {
    let tables = Tables(node);
    let mut env = etf::DecodeEnv::new(node_id(node), &tables);
    env.safe = safe;
    env.atom_limit = (node.config.limits.atoms as usize).min(env.atom_limit);
    etf::decode(bytes, alloc, &env).ok()
}
