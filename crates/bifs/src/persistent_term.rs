//! `persistent_term`: a node's literals by key.

use node::{Ctx, Effect, Native, Stop};
use term::{Term, am, atom};

type Answer = Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("persistent_term", "erase", 1, erase).effect(Effect::Process),
    Native::new("persistent_term", "get", 0, get_0).effect(Effect::Process),
    Native::new("persistent_term", "get", 1, get_1).effect(Effect::Process),
    Native::new("persistent_term", "get", 2, get_2).effect(Effect::Process),
    Native::new("persistent_term", "info", 0, info).effect(Effect::Process),
    Native::new("persistent_term", "put", 2, put).effect(Effect::Process),
    Native::new("persistent_term", "put_new", 2, put_new).effect(Effect::Process),
    Native::new("erts_internal", "erase_persistent_terms", 0, erase_all).effect(Effect::Process),
];

fn get_0(cx: &mut Ctx, _: &[Term]) -> Answer {
    let all = cx.node.persistent.list();
    cx.charge(all.len());
    let h = cx.h();
    let pairs: Vec<Term> = all.into_iter().map(|(k, v)| h.tuple(&[k, v])).collect();
    Ok(h.list(&pairs))
}

fn get_1(cx: &mut Ctx, a: &[Term]) -> Answer {
    cx.node.persistent.get(a[0]).ok_or_else(|| cx.badarg())
}

fn get_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    Ok(cx.node.persistent.get(a[0]).unwrap_or(a[1]))
}

fn put(cx: &mut Ctx, a: &[Term]) -> Answer {
    if cx.node.persistent.put(a[0], a[1]) {
        cx.node.bury_persistent();
    }
    Ok(am::OK)
}

fn put_new(cx: &mut Ctx, a: &[Term]) -> Answer {
    if !cx.node.persistent.put_new(a[0], a[1]) {
        return Err(cx.badarg());
    }
    cx.node.bury_persistent();
    Ok(am::OK)
}

fn erase(cx: &mut Ctx, a: &[Term]) -> Answer {
    let erased = cx.node.persistent.erase(a[0]);
    cx.node.bury_persistent();
    Ok(Term::bool(erased))
}

fn info(cx: &mut Ctx, _: &[Term]) -> Answer {
    let p = &cx.node.persistent;
    let (count, memory) = (Term::small(p.count() as i64), Term::small(p.memory() as i64));
    let pairs = [(atom!("count"), count), (am::MEMORY, memory)];
    Ok(term::map::from_pairs(cx.h(), &pairs))
}

fn erase_all(cx: &mut Ctx, _: &[Term]) -> Answer {
    for (key, _) in cx.node.persistent.list() {
        cx.node.persistent.erase(key);
    }
    cx.node.bury_persistent();
    Ok(am::TRUE)
}
