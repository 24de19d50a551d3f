//! This node and those it knows. Not here: connections themselves (whoever is `node::hooks::Remote`).

use crate::result::Res;
use node::{Ctx, Effect, Native};
use term::{Term, am, atom, map};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "nodes", 0, nodes_0).effect(Effect::Node).partial("distribution"),
    Native::new("erlang", "nodes", 1, nodes_1).effect(Effect::Node).partial("distribution"),
    Native::new("erlang", "nodes", 2, nodes_2).effect(Effect::Node).partial("distribution"),
    Native::new("erlang", "setnode", 2, setnode).effect(Effect::Node).partial("distribution: notsup"),
    Native::new("erts_internal", "get_dflags", 0, get_dflags),
    Native::new("erts_internal", "get_creation", 0, get_creation).effect(Effect::Node),
    Native::new("net_kernel", "dflag_unicode_io", 1, dflag_unicode_io),
];

/// Kinds of nodes, as bits.
const THIS: u8 = 1;
const VISIBLE: u8 = 2;
const HIDDEN: u8 = 4;
const KNOWN: u8 = 8;

fn kinds(t: Term) -> Option<u8> {
    let one = |t: Term| match atom::as_text(t)? {
        "visible" => Some(VISIBLE),
        "hidden" => Some(HIDDEN),
        "connected" => Some(VISIBLE | HIDDEN),
        "this" => Some(THIS),
        "known" => Some(VISIBLE | HIDDEN | THIS | KNOWN),
        _ => None,
    };
    if t.is_atom() {
        return one(t);
    }
    t.proper_list()?.into_iter().try_fold(0, |all, t| Some(all | one(t)?))
}

fn names(cx: &Ctx, kinds: u8) -> Vec<Term> {
    // No connections yet: there is only this node.
    if kinds & THIS != 0 { vec![cx.node.identity.read().0] } else { Vec::new() }
}

fn nodes_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let names = names(cx, VISIBLE);
    Ok(cx.h().list(&names))
}

fn nodes_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(kinds) = kinds(a[0]) else { return Err(cx.badarg()) };
    let names = names(cx, kinds);
    Ok(cx.h().list(&names))
}

fn nodes_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(kinds) = kinds(a[0]) else { return Err(cx.badarg()) };
    if !a[1].is_map() {
        return Err(cx.badarg());
    }
    let (mut connection_id, mut node_type) = (false, false);
    for (key, value) in map::Iter::new(a[1]) {
        match (atom::as_text(key), value.as_bool()) {
            (Some("connection_id"), Some(on)) => connection_id = on,
            (Some("node_type"), Some(on)) => node_type = on,
            _ => return Err(cx.badarg()),
        }
    }
    let mut list = Vec::new();
    for name in names(cx, kinds) {
        let mut pairs = Vec::new();
        if connection_id {
            pairs.push((term::atom!("connection_id"), am::UNDEFINED));
        }
        if node_type {
            pairs.push((term::atom!("node_type"), term::atom!("this")));
        }
        let h = cx.h();
        let info = map::from_pairs(h, &pairs);
        list.push(h.tuple(&[name, info]));
    }
    Ok(cx.h().list(&list))
}

fn setnode(cx: &mut Ctx, a: &[Term]) -> Res {
    let name = atom::as_text(a[0]).is_some_and(|n| n.split_once('@').is_some_and(|(l, r)| !l.is_empty() && !r.is_empty()));
    if !name || !a[1].is_integer() {
        return Err(cx.badarg());
    }
    Err(cx.notsup())
}

/// `{erts_dflags, Default, Mandatory, Addable, Rejectable, StrictOrder}`: what ERTS of each release tells other nodes.
fn get_dflags(cx: &mut Ctx, _: &[Term]) -> Res {
    let (default, mandatory): (i64, i64) = match cx.node.code.release {
        0..=25 => (55_966_662_588, 17_239_956),
        26..=28 => (55_966_662_588, 17_230_663_572),
        _ => (468_283_523_004, 17_230_663_572),
    };
    let tag = term::atom!("erts_dflags");
    let n = Term::small;
    Ok(cx.h().tuple(&[tag, n(default), n(mandatory), n(default), n(8_396_866), n(8192)]))
}

fn get_creation(cx: &mut Ctx, _: &[Term]) -> Res {
    let (name, creation) = *cx.node.identity.read();
    Ok(if name == am::NONODE { am::UNDEFINED } else { Term::small(i64::from(creation)) })
}

/// Does the node of this process know that characters go beyond latin-1? All do that can connect.
fn dflag_unicode_io(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_pid() { Ok(am::TRUE) } else { Err(cx.badarg()) }
}
