//! Terms to bytes of the external format and back, in slices: long work gives way and goes on. The format is crate `etf`'s.

use crate::resolver::{Tables, local_key, node_id};
use crate::result::{MANY_BYTES, Res};
use crate::slice;
use etf::{Count, DecodeEnv, Decoder, Encoder, Options, Packer};
use node::{Ctx, Native, Stop};
use process::{NativeState, Owned};
use std::any::Any;
use term::binary::Growing;
use term::{Alloc, Term, am, atom};

/// The defaults of the release whose libraries run.
pub fn defaults(cx: &Ctx) -> Options {
    let node = node_id(cx.node);
    let mut o = if cx.node.code.release >= 26 { Options::new(node) } else { Options::otp25(node) };
    if cx.node.code.release < 27 {
        o.fun_pid = cx.pid;
    }
    o
}

/// Terms written or read for one reduction.
const TERMS_PER_REDUCTION: usize = 8;

/// A long reading that has given way: its terms lie in memory of its own.
#[derive(Default)]
struct Reading(Option<(Decoder<'static>, Alloc)>);

fn decode(cx: &mut Ctx, bin: Term, safe: bool) -> Result<(Term, usize), Stop> {
    let Some(bytes) = bin.as_bytes() else { return Err(cx.badarg()) };
    let node = cx.node.clone();
    let tables = Tables(&node);
    let mut env = DecodeEnv::new(node_id(&node), &tables);
    env.safe = safe;
    env.atom_limit = (node.config.limits.atoms as usize).min(env.atom_limit);
    env.local = Some(local_key(cx.node));
    let failed = |cx: &mut Ctx, e| match e {
        etf::Error::Atoms => cx.system_limit(),
        _ => cx.badarg(),
    };
    if etf::unpacked_size(&bytes) <= MANY_BYTES {
        cx.charge(bytes.len() / 100 + 1);
        return etf::decode(&bytes, cx.h(), &env).map_err(|e| failed(cx, e));
    }
    let (mut decoder, mut alloc) = match slice::resume::<Reading>(cx).0 {
        Some(kept) => kept,
        None => {
            let new = Decoder::new(&bytes, &env).map_err(|e| failed(cx, e))?;
            (new.into_owned(), Alloc::new())
        }
    };
    let budget = slice::elements(cx, TERMS_PER_REDUCTION);
    match decoder.run(&mut alloc, &env, budget).map_err(|e| failed(cx, e))? {
        Some(term) => {
            cx.charge(1000);
            let used = decoder.used();
            drop(decoder);
            Ok((cx.p.adopt(Owned { term, memory: alloc.finish() }), used))
        }
        None => {
            cx.charge(budget / TERMS_PER_REDUCTION);
            Err(slice::give_way(cx, Reading(Some((decoder, alloc)))))
        }
    }
}
fn binary_to_term_1(cx: &mut Ctx, a: &[Term]) -> Res {
    decode(cx, a[0], false).map(|(t, _)| t)
}
fn binary_to_term_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (mut safe, mut used) = (false, false);
    let Some(options) = a[1].proper_list() else { return Err(cx.badarg_cause(atom!("badopt"))) };
    for o in options {
        match o {
            am::SAFE => safe = true,
            am::USED => used = true,
            _ => return Err(cx.badarg_cause(atom!("badopt"))),
        }
    }
    let (t, n) = decode(cx, a[0], safe)?;
    Ok(if used { cx.h().tuple(&[t, Term::small(n as i64)]) } else { t })
}

/// Options, and the level of compression.
fn options(cx: &mut Ctx, list: Term, size_only: bool) -> Result<(Options, u32), Stop> {
    let (mut o, mut level) = (defaults(cx), 0);
    let Some(list) = list.proper_list() else { return Err(cx.badarg()) };
    for e in list {
        if let Some(&[am::MINOR_VERSION, n]) = e.as_tuple_n() {
            let Some(n @ 0..=2) = n.to::<u8>() else { return Err(cx.badarg()) };
            o.minor_version = n;
        } else if size_only && cx.node.code.release < 26 {
            return Err(cx.badarg());
        } else if e == am::COMPRESSED {
            level = 6;
        } else if let Some(&[am::COMPRESSED, n]) = e.as_tuple_n() {
            let Some(n @ 0..=9) = n.to::<u32>() else { return Err(cx.badarg()) };
            level = n;
        } else if e == am::DETERMINISTIC {
            o.deterministic = true;
        } else if e == am::LOCAL && cx.node.code.release >= 26 {
            o.local = Some(local_key(cx.node));
        } else {
            return Err(cx.badarg());
        }
    }
    Ok((o, level))
}
/// Bytes packed for one reduction.
const PACKED_PER_REDUCTION: usize = 20;

/// A long writing that has given way. It looks at terms of the process: if they are moved meanwhile, it begins anew; after some
/// attempts on a dirty scheduler, where nothing moves them.
struct Writing {
    /// What there is; `None` if it must begin anew.
    work: Option<Work>,
    attempts: u32,
}

/// Attempts on a scheduler.
const ATTEMPTS: u32 = 3;

enum Work {
    Terms(Encoder<Growing>),
    Size(Encoder<Count>),
    Packing(Packer),
}

impl NativeState for Writing {
    fn roots(&mut self) -> &mut [Term] {
        if let Some(Work::Terms(_) | Work::Size(_)) = self.work {
            self.work = None;
            self.attempts += 1;
        }
        &mut []
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What was kept, and the attempts so far.
fn kept(cx: &mut Ctx) -> Result<(Option<Work>, u32), Stop> {
    let (work, attempts) = slice::kept::<Writing>(cx).map_or((None, 0), |w| (w.work, w.attempts));
    if work.is_none() && attempts >= ATTEMPTS && !cx.dirty {
        cx.p.native_state = Some(Box::new(Writing { work, attempts }));
        return Err(Stop::Dirty);
    }
    Ok((work, attempts))
}
fn give_way(cx: &mut Ctx, work: Work, attempts: u32) -> Res {
    Err(slice::keep(cx, Box::new(Writing { work: Some(work), attempts })))
}

fn encode(cx: &mut Ctx, t: Term, options: &Options, level: u32) -> Res {
    let (mut encoder, attempts) = match kept(cx)? {
        (Some(Work::Packing(packer)), _) => return pack(cx, packer),
        (Some(Work::Terms(encoder)), n) => (encoder, n),
        (_, n) => (Encoder::new(t, options), n),
    };
    let budget = slice::elements(cx, TERMS_PER_REDUCTION);
    if !encoder.run(budget) {
        cx.charge(budget / TERMS_PER_REDUCTION);
        return give_way(cx, Work::Terms(encoder), attempts);
    }
    if encoder.too_large() {
        return Err(cx.error(am::SYSTEM_LIMIT));
    }
    let bytes = encoder.finish();
    cx.charge((bytes.len() / 100 + 1).min(4000));
    if level > 0 {
        return pack(cx, Packer::new(bytes, level));
    }
    let bits = bytes.len() * 8;
    Ok(cx.h().grown(bytes, bits))
}
fn pack(cx: &mut Ctx, mut packer: Packer) -> Res {
    let budget = slice::elements(cx, PACKED_PER_REDUCTION);
    if !packer.run(budget) {
        cx.charge(budget / PACKED_PER_REDUCTION);
        return give_way(cx, Work::Packing(packer), 0);
    }
    let bytes = packer.finish();
    let bits = bytes.len() * 8;
    Ok(cx.h().grown(bytes, bits))
}
fn size(cx: &mut Ctx, t: Term, options: &Options) -> Res {
    let (mut encoder, attempts) = match kept(cx)? {
        (Some(Work::Size(encoder)), n) => (encoder, n),
        (_, n) => (Encoder::new(t, options), n),
    };
    let budget = slice::elements(cx, TERMS_PER_REDUCTION);
    if !encoder.run(budget) {
        cx.charge(budget / TERMS_PER_REDUCTION);
        return give_way(cx, Work::Size(encoder), attempts);
    }
    if encoder.too_large() {
        return Err(cx.error(am::SYSTEM_LIMIT));
    }
    Ok(Term::small(encoder.finish().0 as i64))
}
fn term_to_binary_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let o = defaults(cx);
    encode(cx, a[0], &o, 0)
}
fn term_to_binary_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (o, level) = options(cx, a[1], false)?;
    encode(cx, a[0], &o, level)
}
fn term_to_iovec_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let bin = term_to_binary_1(cx, a)?;
    Ok(cx.h().list(&[bin]))
}
fn term_to_iovec_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let bin = term_to_binary_2(cx, a)?;
    Ok(cx.h().list(&[bin]))
}
fn external_size_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let o = defaults(cx);
    size(cx, a[0], &o)
}
fn external_size_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (o, _) = options(cx, a[1], true)?;
    size(cx, a[0], &o)
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "binary_to_term", 1, binary_to_term_1),
    Native::new("erlang", "binary_to_term", 2, binary_to_term_2),
    Native::new("erlang", "term_to_binary", 1, term_to_binary_1),
    Native::new("erlang", "term_to_binary", 2, term_to_binary_2),
    Native::new("erlang", "term_to_iovec", 1, term_to_iovec_1),
    Native::new("erlang", "term_to_iovec", 2, term_to_iovec_2),
    Native::new("erlang", "external_size", 1, external_size_1),
    Native::new("erlang", "external_size", 2, external_size_2),
];
