//! Guard functions: tests of types, sizes, and access to parts.

use crate::result::Res;
use node::{Ctx, Native};
use term::{Term, am, map};

macro_rules! tests {
    ($($name:ident: $t:ident => $e:expr),* $(,)?) => {
        $(fn $name(_: &mut Ctx, a: &[Term]) -> Res {
            let $t = a[0];
            Ok(Term::bool($e))
        })*
    };
}
tests! {
    is_atom: t => t.is_atom(),
    is_binary: t => t.is_binary(),
    is_bitstring: t => t.is_bitstring(),
    is_boolean: t => t.as_bool().is_some(),
    is_float: t => t.is_float(),
    is_function: t => t.is_fun(),
    is_integer: t => t.is_integer(),
    is_list: t => t.is_list(),
    is_map: t => t.is_map(),
    is_number: t => t.is_number(),
    is_pid: t => t.is_pid(),
    is_port: t => t.is_port(),
    is_reference: t => t.is_ref(),
    is_tuple: t => t.is_tuple(),
    is_native_record: t => t.is_record(),
}

fn is_function_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let negative = match (a[1].as_small(), a[1].as_big()) {
        (Some(n), _) => n < 0,
        (_, Some((neg, _))) => neg,
        _ => true,
    };
    if negative {
        return Err(cx.badarg());
    }
    Ok(Term::bool(a[0].fun_arity().is_some_and(|n| a[1].as_small() == Some(n as i64))))
}

/// `is_integer(Term, Low, High)`: the bounds must be integers.
fn is_integer_3(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[1].is_integer() || !a[2].is_integer() {
        return Err(cx.badarg());
    }
    use std::cmp::Ordering::*;
    let cmp = term::cmp::cmp;
    Ok(Term::bool(a[0].is_integer() && cmp(a[1], a[0]) != Greater && cmp(a[0], a[2]) != Greater))
}

fn is_record_2(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[1].is_atom() {
        return Err(cx.badarg());
    }
    if let Some((definition, _)) = a[0].as_record() {
        return Ok(Term::bool(definition.as_tuple().is_some_and(|d| d[1] == a[1])));
    }
    Ok(Term::bool(match a[0].as_tuple() {
        Some([tag, ..]) => *tag == a[1],
        _ => false,
    }))
}
/// With a size (of tuples), or since 29 with module and name (of native records).
fn is_record_3(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[1].is_atom() {
        return Err(cx.badarg());
    }
    if a[2].is_atom() && cx.node.code.release >= 29 {
        let found = a[0].as_record().and_then(|(d, _)| d.as_tuple()).is_some_and(|d| d[0] == a[1] && d[1] == a[2]);
        return Ok(Term::bool(found));
    }
    let Some(size) = a[2].as_small() else { return Err(cx.badarg()) };
    Ok(Term::bool(match a[0].as_tuple() {
        Some(e @ [tag, ..]) => *tag == a[1] && e.len() as i64 == size,
        _ => false,
    }))
}

fn tuple_size(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].as_tuple().map(|e| Term::small(e.len() as i64)).ok_or_else(|| cx.badarg())
}
fn byte_size(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].bit_size_ahead().map(|n| Term::small(n.div_ceil(8) as i64)).ok_or_else(|| cx.badarg())
}
fn bit_size(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].bit_size_ahead().map(|n| Term::small(n as i64)).ok_or_else(|| cx.badarg())
}
/// Elements of a tuple, or whole bytes of a bit string.
fn size(cx: &mut Ctx, a: &[Term]) -> Res {
    if let Some(e) = a[0].as_tuple() {
        return Ok(Term::small(e.len() as i64));
    }
    a[0].bit_size().map(|n| Term::small((n / 8) as i64)).ok_or_else(|| cx.badarg())
}
fn length(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].list_length() {
        Some(n) => {
            cx.charge(n / 10);
            Ok(Term::small(n as i64))
        }
        None => Err(cx.badarg()),
    }
}
fn hd(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].as_cons().map(|(h, _)| h).ok_or_else(|| cx.badarg())
}
fn tl(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].as_cons().map(|(_, t)| t).ok_or_else(|| cx.badarg())
}
fn element(cx: &mut Ctx, a: &[Term]) -> Res {
    let found = a[1].as_tuple().zip(a[0].to::<usize>()).and_then(|(e, i)| e.get(i.wrapping_sub(1)));
    found.copied().ok_or_else(|| cx.badarg())
}
fn map_size(cx: &mut Ctx, a: &[Term]) -> Res {
    a[0].map_size().map(|n| Term::small(n as i64)).ok_or_else(|| cx.error_with(am::BADMAP, a[0]))
}
fn map_get(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[1].is_map() {
        return Err(cx.error_with(am::BADMAP, a[1]));
    }
    map::get(a[1], a[0]).ok_or_else(|| cx.error_with(am::BADKEY, a[0]))
}
fn is_map_key(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[1].is_map() {
        return Err(cx.error_with(am::BADMAP, a[1]));
    }
    Ok(Term::bool(map::has_key(a[1], a[0])))
}

/// The part of `bin` from `start`, `len` bytes long, backwards if `len` is negative; `None` if it is not within.
pub fn part(cx: &mut Ctx, bin: Term, start: Term, len: Term) -> Option<Term> {
    let size = bin.bit_size().filter(|n| n % 8 == 0)? as i64 / 8;
    let (mut start, mut len) = (start.as_i64()?, len.as_i64()?);
    if start < 0 || start > size {
        return None;
    }
    if len < 0 {
        start = start.checked_add(len)?;
        len = len.checked_neg()?;
    }
    if start < 0 || len > size - start {
        return None;
    }
    Some(cx.h().sub_bits(bin, start as usize * 8, len as usize * 8))
}
fn binary_part_3(cx: &mut Ctx, a: &[Term]) -> Res {
    part(cx, a[0], a[1], a[2]).ok_or_else(|| cx.badarg())
}
fn binary_part_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[start, len]) = a[1].as_tuple_n() else { return Err(cx.badarg()) };
    part(cx, a[0], start, len).ok_or_else(|| cx.badarg())
}

fn self_0(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.pid)
}
fn node_0(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.node.identity.read().0)
}
fn node_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let t = a[0];
    if t.is_local_pid() || t.is_local_port() || t.is_local_ref() {
        return node_0(cx, a);
    }
    let external = t.as_ext_pid().map(|p| p.0).or(t.as_ext_port().map(|p| p.0)).or_else(|| t.as_ext_ref().map(|r| r.0));
    external.map(|n| n.name).ok_or_else(|| cx.badarg())
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "is_atom", 1, is_atom),
    Native::new("erlang", "is_binary", 1, is_binary),
    Native::new("erlang", "is_bitstring", 1, is_bitstring),
    Native::new("erlang", "is_boolean", 1, is_boolean),
    Native::new("erlang", "is_float", 1, is_float),
    Native::new("erlang", "is_function", 1, is_function),
    Native::new("erlang", "is_function", 2, is_function_2),
    Native::new("erlang", "is_integer", 1, is_integer),
    Native::new("erlang", "is_integer", 3, is_integer_3),
    Native::new("erlang", "is_list", 1, is_list),
    Native::new("erlang", "is_map", 1, is_map),
    Native::new("erlang", "is_number", 1, is_number),
    Native::new("erlang", "is_pid", 1, is_pid),
    Native::new("erlang", "is_port", 1, is_port),
    Native::new("erlang", "is_record", 1, is_native_record),
    Native::new("erlang", "is_record", 2, is_record_2),
    Native::new("erlang", "is_record", 3, is_record_3),
    Native::new("erlang", "is_reference", 1, is_reference),
    Native::new("erlang", "is_tuple", 1, is_tuple),
    Native::new("erlang", "tuple_size", 1, tuple_size),
    Native::new("erlang", "byte_size", 1, byte_size),
    Native::new("erlang", "bit_size", 1, bit_size),
    Native::new("erlang", "size", 1, size),
    Native::new("erlang", "length", 1, length),
    Native::new("erlang", "hd", 1, hd),
    Native::new("erlang", "tl", 1, tl),
    Native::new("erlang", "element", 2, element),
    Native::new("erlang", "map_size", 1, map_size),
    Native::new("erlang", "map_get", 2, map_get),
    Native::new("erlang", "is_map_key", 2, is_map_key),
    Native::new("erlang", "binary_part", 2, binary_part_2),
    Native::new("erlang", "binary_part", 3, binary_part_3),
    Native::new("erlang", "self", 0, self_0),
    Native::new("erlang", "node", 0, node_0),
    Native::new("erlang", "node", 1, node_1),
];
