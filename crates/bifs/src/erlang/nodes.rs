//! This node and those it knows. Not here: connections themselves (whoever is `node::hooks::Remote`).

use crate::dist;
use crate::result::Res;
use node::{Ctx, Effect, Native};
use term::{Term, am, atom, map};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "nodes", 0, nodes_0).effect(Effect::Node),
    Native::new("erlang", "nodes", 1, nodes_1).effect(Effect::Node),
    Native::new("erlang", "nodes", 2, nodes_2).effect(Effect::Node),
    Native::new("erlang", "setnode", 2, setnode).effect(Effect::Node),
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
    let mut names = if kinds & THIS != 0 { vec![cx.node.name()] } else { Vec::new() };
    for peer in dist::peers(cx.node) {
        if kinds & if peer.visible { VISIBLE } else { HIDDEN } != 0 {
            names.push(peer.name);
        }
    }
    names
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
            let id = dist::connection_number(cx.node, name).map_or(am::UNDEFINED, |n| cx.h().uint(n));
            pairs.push((term::atom!("connection_id"), id));
        }
        if node_type {
            let kind = match dist::peers(cx.node).iter().find(|p| p.name == name) {
                Some(p) if p.visible => term::atom!("visible"),
                Some(_) => term::atom!("hidden"),
                None => term::atom!("this"),
            };
            pairs.push((term::atom!("node_type"), kind));
        }
        let h = cx.h();
        let info = map::from_pairs(h, &pairs);
        list.push(h.tuple(&[name, info]));
    }
    Ok(cx.h().list(&list))
}

/// `net_kernel` gives the node its name.
fn setnode(cx: &mut Ctx, a: &[Term]) -> Res {
    let (true, Some(creation)) = (dist::is_node_name(a[0]), a[1].to::<u32>()) else { return Err(cx.badarg()) };
    if dist::start(cx.node, a[0], creation) { Ok(am::TRUE) } else { Err(cx.badarg()) }
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
    let default = default & !(::dist::flags::NOT_OFFERED as i64);
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
