//! Module `erts_internal`: what works on data alone (maps from inside, exact comparison, texts). The rest stands with its theme.

use crate::result::Res;
use node::config::Warnings;
use node::{Ctx, Native};
use std::cmp::Ordering;
use term::{Kind, Term, am, atom, map};

/// Pairs that one step of an iterator gives.
const BATCH: usize = 32;

/// `map_next(Position, Map, iterator)`: `{K, V, {K, V, .. [Position | Map]}}` or `none`;
/// `map_next(Position, Map, List)`: all further pairs before `List`.
///
/// A position may also be the list of the keys to come (an ordered iterator of OTP 26 on).
fn map_next(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_list() && a[1].is_map() && a[2] == am::ITERATOR {
        return map_next_keys(cx, a[0], a[1]);
    }
    let (Some(from), true) = (a[0].as_u64().filter(|&p| p < 1 << 61), a[1].is_map()) else { return Err(cx.badarg()) };
    if a[1].is_flat_map() && from != 0 {
        return Err(cx.badarg());
    }
    if a[2] == am::ITERATOR {
        let (pairs, position) = map::next(a[1], from, BATCH);
        cx.charge(pairs.len() / 4);
        let mut t = match position {
            Some(p) => {
                let p = cx.h().uint(p);
                cx.h().cons(p, a[1])
            }
            None => am::NONE,
        };
        for (k, v) in pairs.into_iter().rev() {
            t = cx.h().tuple(&[k, v, t]);
        }
        return Ok(t);
    }
    if !a[2].is_list() {
        return Err(cx.badarg());
    }
    let (pairs, _) = map::next(a[1], from, usize::MAX);
    cx.charge(pairs.len() / 4);
    let pairs: Vec<Term> = pairs.into_iter().map(|(k, v)| cx.h().tuple(&[k, v])).collect();
    Ok(cx.h().list_with_tail(&pairs, a[2]))
}

fn map_next_keys(cx: &mut Ctx, keys: Term, map: Term) -> Res {
    const KEYS: usize = 100;
    let mut rest = keys;
    let mut pairs = Vec::new();
    while let Some((key, tail)) = rest.as_cons().filter(|_| pairs.len() < KEYS) {
        let Some(value) = map::get(map, key) else { return Err(cx.badarg()) };
        pairs.push((key, value));
        rest = tail;
    }
    if !rest.is_list() {
        return Err(cx.badarg());
    }
    cx.charge(pairs.len() / 2);
    let h = cx.h();
    let mut t = if rest.is_nil() { am::NONE } else { h.cons(rest, map) };
    for (k, v) in pairs.into_iter().rev() {
        t = h.tuple(&[k, v, t]);
    }
    Ok(t)
}

fn map_to_tuple_keys(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].flat_map_keys() {
        // The very tuple: whoever asks looks at what maps share.
        Some(keys) if keys.is_nil() => Ok(cx.h().tuple(&[])),
        Some(keys) => Ok(keys),
        None if a[0].is_map() => Err(cx.badarg()),
        None => Err(cx.error_with(am::BADMAP, a[0])),
    }
}

/// The children of a big map's root, as a list: pairs as cons cells, inner nodes as tuples of theirs.
fn map_hashmap_children(cx: &mut Ctx, a: &[Term]) -> Res {
    fn children(cx: &mut Ctx, t: Term) -> Term {
        let below = t.hash_collision().or_else(|| t.hash_node().map(|n| n.1)).unwrap_or(&[]);
        // A trie is at most sixteen levels deep.
        let below: Vec<Term> = below.iter().map(|&c| if c.is_cons() { c } else { children(cx, c) }).collect();
        cx.h().tuple(&below)
    }
    if a[0].is_hash_map() {
        let root = children(cx, a[0]);
        Ok(cx.h().list(root.as_tuple().unwrap_or(&[])))
    } else if a[0].is_map() {
        Err(cx.badarg())
    } else {
        Err(cx.error_with(am::BADMAP, a[0]))
    }
}

fn cmp_term(_: &mut Ctx, a: &[Term]) -> Res {
    Ok(Term::small(match term::cmp::cmp_exact(a[0], a[1]) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// The text as the emulator prints it, cut at a limit (`undefined`: whole).
fn term_to_string(cx: &mut Ctx, a: &[Term]) -> Res {
    let limit = match (a[1], a[1].to::<isize>()) {
        (am::UNDEFINED, _) => isize::MAX,
        (_, Some(n)) if n >= 0 => n,
        _ => return Err(cx.badarg()),
    };
    let text = term::print::print(a[0], limit);
    cx.charge(text.len() / 20);
    match std::str::from_utf8(&text) {
        Ok(s) => Ok(cx.h().list_of_chars(s)),
        Err(_) => Ok(cx.h().list_of_bytes(&text)),
    }
}

fn term_type(cx: &mut Ctx, a: &[Term]) -> Res {
    let t = a[0];
    let newer = cx.node.code.release > 25;
    let name = if t.is_small() {
        if crate::erts_debug::is_small_there(t) { "fixnum" } else { "bignum" }
    } else if t.is_atom() {
        "atom"
    } else if t.is_nil() {
        "nil"
    } else if t.is_cons() {
        "list"
    } else if t.is_local_pid() {
        "pid"
    } else if t.is_local_port() {
        "port"
    } else {
        match t.kind() {
            Some(Kind::Tuple) => "tuple",
            Some(Kind::FlatMap) => "flatmap",
            Some(Kind::HashMap | Kind::HashNode | Kind::HashCollision) => "hashmap",
            Some(Kind::Record) => "record",
            Some(Kind::Fun) => "fun",
            Some(Kind::ExportFun) => "export",
            Some(Kind::SubBits | Kind::MatchContext) => "sub_binary",
            // Before 26 the bits of an incomplete last byte were a part of a binary; since then every larger binary is a part of something.
            Some(Kind::HeapBits | Kind::BinRef) if !newer && t.bit_size().is_some_and(|n| n % 8 != 0) => "sub_binary",
            Some(Kind::HeapBits) => "heap_binary",
            Some(Kind::BinRef) if newer => "sub_binary",
            Some(Kind::BinRef) => "refc_binary",
            Some(Kind::Float) => "hfloat",
            Some(Kind::PosBig | Kind::NegBig) => "bignum",
            Some(Kind::Ref | Kind::MagicRef) => "reference",
            Some(Kind::ExtPid) => "external_pid",
            Some(Kind::ExtPort) => "external_port",
            Some(Kind::ExtRef) => "external_reference",
            None => return Ok(atom!("undefined")),
        }
    };
    Ok(term::atom::intern(name))
}

/// As which level warnings are reported.
fn warning_map(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(match cx.node.config.text.warnings {
        Warnings::Error => am::ERROR,
        Warnings::Warning => atom!("warning"),
        Warnings::Info => am::INFO,
    })
}

pub const NATIVES: &[Native] = &[
    Native::new("error_logger", "warning_map", 0, warning_map),
    Native::new("erts_internal", "map_next", 3, map_next),
    Native::new("erts_internal", "map_to_tuple_keys", 1, map_to_tuple_keys),
    Native::new("erts_internal", "map_hashmap_children", 1, map_hashmap_children),
    Native::new("erts_internal", "cmp_term", 2, cmp_term),
    Native::new("erts_internal", "term_to_string", 2, term_to_string),
    Native::new("erts_internal", "term_type", 1, term_type),
];
