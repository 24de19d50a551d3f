//! What a fun term points to: export records and fun entries. Both live for ever, so funs need no counts.

use crate::Term;
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// One `Module:Function/Arity` of a node. Calls jump through `address`; when the function has no code, `address` is
/// the record's own `stub`, whose instruction finds the record again from where it stands.
#[repr(C)]
pub struct Export {
    /// Where a call goes: always valid code.
    pub address: AtomicPtr<u64>,
    /// Instruction words: `[op, operand]` of "call the error handler" or "call native function n".
    pub stub: [AtomicU64; 2],
    pub module: Term,
    pub function: Term,
    pub arity: u8,
    /// 0: none; n: native function n - 1 of the node's table, also when Erlang code of the same name exists.
    pub native: std::sync::atomic::AtomicU32,
}

/// The code of a local fun: shared by all closures made from one `fun` expression of one version of a module.
#[repr(C)]
pub struct FunEntry {
    /// Where a call goes: the function, or while its module is not loaded a stub that asks the error handler.
    pub address: AtomicPtr<u64>,
    pub stub: [AtomicU64; 2],
    pub module: Term,
    /// The function's name as the compiler made it, e.g. `-f/1-fun-0-`.
    pub name: Term,
    /// Arguments of a call, without the free variables.
    pub arity: u8,
    pub num_free: u32,
    pub index: u32,
    pub old_index: u32,
    pub old_uniq: u32,
    /// MD5 of the module.
    pub uniq: [u8; 16],
}
