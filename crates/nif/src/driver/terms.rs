//! Messages that drivers describe word by word (`erl_drv_output_term` and its kin).

use super::{DrvTerm, queues, shared};
use crate::library::services;
use libc::{c_char, c_int};
use node::Node;
use process::Owned;
use std::sync::Arc;
use term::{Alloc, Term, am};

/// Builds the term that the words describe; `None` if they are wrong.
unsafe fn build(node: &Arc<Node>, h: &mut Alloc, words: &[u64]) -> Option<Term> {
    let mut stack: Vec<Term> = Vec::new();
    let mut at = 0;
    let mut next = || {
        let w = words.get(at).copied();
        at += 1;
        w
    };
    while let Some(kind) = next() {
        let t = match kind {
            1 => Term::NIL,
            2 => Some(Term::from_raw(next()?)).filter(|t| t.is_atom())?,
            3 => h.int(next()? as i64),
            4 => Some(Term::from_raw(next()?)).filter(|t| t.is_local_port())?,
            5 => {
                let (b, size, offset) = (next()? as *const queues::DrvBinary, next()? as usize, next()? as usize);
                if b.is_null() {
                    if size != 0 {
                        return None;
                    }
                    h.binary(&[])
                } else {
                    h.binary(queues::bytes(b).get(offset..offset.checked_add(size)?)?)
                }
            }
            6 | 9 => {
                let (p, len) = (next()? as *const u8, next()? as usize);
                let mut list = if kind == 9 { stack.pop()? } else { Term::NIL };
                let bytes = if len == 0 { &[][..] } else { std::slice::from_raw_parts(p, len) };
                for &b in bytes.iter().rev() {
                    list = h.cons(Term::small(b.into()), list);
                }
                list
            }
            7 => {
                let n = next()? as usize;
                let from = stack.len().checked_sub(n)?;
                let t = h.tuple(&stack[from..]);
                stack.truncate(from);
                t
            }
            // The last one is the tail.
            8 => {
                let n = next()? as usize;
                let from = stack.len().checked_sub(n).filter(|_| n > 0)?;
                let t = h.list_with_tail(&stack[from..stack.len() - 1], stack[stack.len() - 1]);
                stack.truncate(from);
                t
            }
            10 => Some(Term::from_raw(next()?)).filter(|t| t.is_local_pid())?,
            11 => {
                let f = *(next()? as *const f64);
                if !f.is_finite() {
                    return None;
                }
                h.float(f)
            }
            12 => {
                let (p, len) = (next()? as *const u8, next()? as usize);
                let s = services(node)?;
                (s.decode)(node, std::slice::from_raw_parts(p, len), h, false)?.0
            }
            13 => h.uint(next()?),
            14 => {
                let (p, len) = (next()? as *const u8, next()? as usize);
                if len > 0 && p.is_null() {
                    return None;
                }
                h.binary(if len == 0 { &[] } else { std::slice::from_raw_parts(p, len) })
            }
            15 => h.int(*(next()? as *const i64)),
            16 => h.uint(*(next()? as *const u64)),
            17 => {
                let n = next()? as usize;
                let from = stack.len().checked_sub(n * 2)?;
                let pairs: Vec<(Term, Term)> = stack[from..].chunks(2).map(|p| (p[0], p[1])).collect();
                let t = term::map::from_distinct_pairs(h, &pairs)?;
                stack.truncate(from);
                t
            }
            _ => return None,
        };
        stack.push(t);
    }
    match stack[..] {
        [t] => Some(t),
        _ => None,
    }
}

/// 1 sent, 0 nobody there, -1 the words are wrong.
unsafe fn send(node: &Arc<Node>, port: Term, to: Term, data: *const u64, len: c_int) -> c_int {
    let words = if len <= 0 { return -1 } else { std::slice::from_raw_parts(data, len as usize) };
    let mut h = Alloc::new();
    let Some(term) = build(node, &mut h, words) else { return -1 };
    let message = Owned { term, memory: h.finish() };
    node.trace_port_sends(port, to, message.term);
    c_int::from(node.send_message(to, message))
}

/// The port that its term means, and its node.
fn by_term(port: DrvTerm) -> Option<(Arc<Node>, Arc<ports::Ports>, Arc<ports::Port>)> {
    // SAFETY: rule 1: a word of `driver_mk_port`, which needs no memory.
    let id = unsafe { Term::from_raw(port) };
    let node = crate::env::current_node()?;
    let ports = (services(&node)?.ports)(&node)?;
    let port = ports.get(id)?;
    Some((node, ports, port))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn erl_drv_output_term(port: DrvTerm, data: *const u64, len: c_int) -> c_int {
    let Some((node, ports, port)) = by_term(port) else { return -1 };
    send(&node, port.id, ports.owner(&port), data, len)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn erl_drv_send_term(port: DrvTerm, to: DrvTerm, data: *const u64, len: c_int) -> c_int {
    let Some(node) = crate::env::current_node() else { return -1 };
    send(&node, Term::from_raw(port), Term::from_raw(to), data, len)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_output_term(port: usize, data: *const u64, len: c_int) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    erl_drv_output_term(s.id.raw(), data, len)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_send_term(port: usize, to: DrvTerm, data: *const u64, len: c_int) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    erl_drv_send_term(s.id.raw(), to, data, len)
}

// ---- pieces of terms
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_mk_atom(name: *const c_char) -> DrvTerm {
    let text: String = std::ffi::CStr::from_ptr(name).to_bytes().iter().map(|&b| b as char).collect();
    if term::atom::valid(&text) { term::atom::intern(&text).raw() } else { am::UNDEFINED.raw() }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_mk_port(port: usize) -> DrvTerm {
    shared(port).map_or(super::NO_TERM, |s| s.id).raw()
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_connected(port: usize) -> DrvTerm {
    shared(port).and_then(|s| s.with_io(|io| io.owner())).unwrap_or(Term::NIL).raw()
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_caller(port: usize) -> DrvTerm {
    super::caller(port).unwrap_or(Term::NIL).raw()
}
#[unsafe(no_mangle)]
pub static driver_term_nil: DrvTerm = Term::NIL.raw();
#[unsafe(no_mangle)]
pub extern "C" fn driver_mk_term_nil() -> DrvTerm {
    Term::NIL.raw()
}
