//! Module `erts_debug`: sizes and identity of terms. Sizes are those that ERTS' representation would have, in words: what programs that ask know of.

use crate::result::Res;
use node::{Ctx, Native};
use term::copy::{self, LiteralRange, Words};
use term::{Term, am, atom};

/// Small integers of ERTS have so many bits; ours have more.
const SMALL_BITS: u32 = 60;

/// Would ERTS have this integer in a word?
pub fn is_small_there(t: Term) -> bool {
    t.as_small().is_some_and(|n| (-(1 << (SMALL_BITS - 1))..1 << (SMALL_BITS - 1)).contains(&n))
}

/// The words of an object as ERTS of this release lays it out.
fn words_there(t: Term, release: u32) -> Words {
    use term::Kind::*;
    if t.is_small() {
        return Words::Whole(if is_small_there(t) { 0 } else { 2 });
    }
    let n = term::word::header_len(t.header());
    let on_heap = |bits: usize| 2 + bits.div_ceil(64);
    let largest = 64 * 8;
    match t.kind() {
        Some(Tuple) if n == 0 => Words::Whole(0),
        Some(FlatMap) => Words::WithParts(n + 2),
        Some(HashMap | HashNode) => Words::WithParts(n),
        Some(Fun) => {
            let fixed = match release {
                ..=25 => 5,
                26 | 27 => 6,
                _ => 2,
            };
            Words::WithParts(n - 1 + fixed)
        }
        Some(ExportFun) => Words::Whole(if release <= 25 { 5 } else { 2 }),
        Some(Ref) => Words::Whole(if t.as_local_ref().is_some_and(|r| r.1 != 0) { 4 } else { 3 }),
        Some(MagicRef) => Words::Whole(3),
        Some(ExtPid | ExtPort) => Words::Whole(4),
        Some(HeapBits | BinRef | SubBits | MatchContext) => {
            let bits = t.bit_size().unwrap_or(0);
            let aligned = bits % 8 == 0 && t.bits().is_none_or(|b| b.offset % 8 == 0);
            Words::Whole(if release <= 25 {
                let whole = if bits <= largest { on_heap(bits) } else { 6 };
                let base = if !t.is_kind(SubBits) {
                    whole
                } else if t.base().bit_size().is_some_and(|n| n > largest) {
                    6
                } else {
                    on_heap(t.base().bit_size().unwrap_or(0))
                };
                if aligned { whole } else { base + 5 }
            } else if bits <= largest {
                on_heap(bits)
            } else {
                8
            })
        }
        Some(_) => Words::WithParts(n + 1),
        None => Words::Whole(0),
    }
}

fn flat_size(cx: &mut Ctx, a: &[Term]) -> Res {
    let release = cx.node.code.release;
    let n = copy::words_by(a[0], LiteralRange::NONE, false, |t| words_there(t, release));
    cx.charge(n / 8);
    Ok(Term::small(n as i64))
}
fn size_shared(cx: &mut Ctx, a: &[Term]) -> Res {
    let release = cx.node.code.release;
    // Literals are not the process's.
    let n = copy::words_by(a[0], node::signals::literals(), true, |t| words_there(t, release));
    cx.charge(n / 4);
    Ok(Term::small(n as i64))
}
fn same(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::bool(a[0] == a[1]))
}
/// A copy in which parts that are shared stay shared.
fn copy_shared(cx: &mut Ctx, a: &[Term]) -> Res {
    // Options, before OTP 26 whether literals are copied.
    if a[1].list_length().is_none() && a[1].as_bool().is_none() {
        return Err(cx.badarg());
    }
    let literals = if a[1] == am::TRUE { LiteralRange::NONE } else { node::signals::literals() };
    let t = copy::copy_shared(a[0], cx.h(), literals);
    Ok(t)
}

/// Depth, nodes and leaves of a big map's trie, level by level.
fn map_info(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_map() {
        return Err(cx.error_with(am::BADMAP, a[0]));
    }
    if !a[0].is_hash_map() {
        return Err(cx.badarg());
    }
    let (mut depth, mut nodes, mut leaves) = (0, [0i64; 16], [0i64; 16]);
    let mut todo = vec![(a[0], 0usize)];
    while let Some((t, level)) = todo.pop() {
        depth = depth.max(level + 1);
        let below = t.hash_collision().or_else(|| t.hash_node().map(|n| n.1)).unwrap_or(&[]);
        nodes[below.len().min(16) - 1] += 1;
        for &c in below {
            if c.is_cons() { leaves[(level + 1).min(15)] += 1 } else { todo.push((c, level + 1)) }
        }
    }
    let mut row = |name: &str, counts: &[i64]| {
        let each: Vec<Term> = counts.iter().map(|&n| Term::small(n)).collect();
        let each = cx.h().tuple(&each);
        let total = counts.iter().sum();
        cx.h().tuple(&[term::atom::intern(name), Term::small(total), each])
    };
    let (bitmaps, leafs) = (row("bitmaps", &nodes), row("leafs", &leaves));
    let depth = cx.h().tuple(&[atom!("depth"), Term::small(depth as i64)]);
    let arrays = cx.h().tuple(&[atom!("arrays"), Term::small(0), Term::NIL]);
    Ok(cx.h().list(&[depth, arrays, bitmaps, leafs]))
}
fn interpreter_size(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(Term::small(0))
}
fn display(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = term::print::print(a[0], isize::MAX);
    Ok(cx.h().list_of_bytes(&text))
}
/// The same bits, beginning in the middle of a byte.
fn unaligned_bitstring(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(bits), Some(offset)) = (a[0].bits(), a[1].to::<usize>()) else { return Err(cx.badarg()) };
    if offset > 1 << 20 {
        return Err(cx.badarg());
    }
    let (whole, room) = cx.h().bits_mut(bits.len + offset);
    bits.copy_to(room, offset);
    Ok(cx.h().sub_bits(whole, offset, bits.len))
}

/// Names of the machine's instructions.
fn instructions(cx: &mut Ctx, _: &[Term]) -> Res {
    let names: Vec<Term> = code::op::NAMES.iter().map(|n| cx.h().list_of_chars(n)).collect();
    Ok(cx.h().list(&names))
}
/// `false`, as from ERTS when it runs machine code: there is no listing.
fn disassemble(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::FALSE)
}

/// Sets or clears the debugger's breakpoint of the functions that `{M, F, A}` means; `'_'` is any function or arity. How many these are.
fn breakpoint(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(&[m, f, arity]), Some(on)) = (a[0].as_tuple_n::<3>(), a[1].as_bool()) else { return Err(cx.badarg()) };
    let any = atom!("_");
    // Once a part is any, so are those behind it.
    let arity_known = arity != any;
    if !m.is_atom() || m == any || !f.is_atom() || (f == any && arity_known) || (arity_known && arity.to::<u8>().is_none()) {
        return Err(cx.badarg());
    }
    let places = cx.node.code.functions_like(Some(m), (f != any).then_some(f), arity.to::<u8>());
    let own: Vec<_> = places.into_iter().filter(|p| p.site == code::points::Site::Entry).collect();
    for place in &own {
        cx.node.code.debug(place, on);
    }
    Ok(Term::small(own.len() as i64))
}

/// Locks are not counted, as on an ERTS that was not built for it.
fn no_lock_counts(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::ERROR)
}
fn no_lock_control(cx: &mut Ctx, _: &[Term]) -> Res {
    Err(cx.badarg())
}
/// A term behind the header of a message between nodes. The first argument is what the header says of atoms.
fn dist_ext_to_term(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].as_tuple().is_none_or(|t| !t.is_empty()) || a[1].as_bytes().is_none() {
        return Err(cx.badarg());
    }
    Err(cx.trap(am::ERLANG, atom!("binary_to_term"), &[a[1]]))
}

pub const NATIVES: &[Native] = &[
    Native::new("erts_debug", "lcnt_collect", 0, no_lock_counts),
    Native::new("erts_debug", "lcnt_clear", 0, no_lock_counts),
    Native::new("erts_debug", "lcnt_control", 1, no_lock_control),
    Native::new("erts_debug", "lcnt_control", 2, no_lock_control),
    Native::new("erts_debug", "dist_ext_to_term", 2, dist_ext_to_term).partial("no cached atoms"),
    Native::new("erts_debug", "flat_size", 1, flat_size),
    Native::new("erts_debug", "size_shared", 1, size_shared),
    Native::new("erts_debug", "same", 2, same),
    Native::new("erts_debug", "copy_shared", 2, copy_shared),
    Native::new("erts_debug", "map_info", 1, map_info),
    Native::new("erts_debug", "interpreter_size", 0, interpreter_size),
    Native::new("erts_debug", "instructions", 0, instructions),
    Native::new("erts_debug", "disassemble", 1, disassemble),
    Native::new("erts_debug", "breakpoint", 2, breakpoint),
    Native::new("erts_debug", "display", 1, display),
    Native::new("erts_debug", "unaligned_bitstring", 2, unaligned_bitstring),
];
