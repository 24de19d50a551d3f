//! Terms to bytes of the external format and back. The format is crate `etf`'s.

use crate::resolver::{Tables, local_key, node_id};
use crate::result::{MANY_BYTES, MUCH, Res};
use etf::{DecodeEnv, Options};
use node::{Ctx, Native, Stop};
use term::copy::is_larger;
use term::{Term, am, atom};

/// The defaults of the release whose libraries run.
pub fn defaults(cx: &Ctx) -> Options {
    let node = node_id(cx.node);
    let mut o = if cx.node.code.release >= 26 { Options::new(node) } else { Options::otp25(node) };
    if cx.node.code.release < 27 {
        o.fun_pid = cx.pid;
    }
    o
}

fn decode(cx: &mut Ctx, bin: Term, safe: bool) -> Result<(Term, usize), Stop> {
    let Some(bytes) = bin.as_bytes() else { return Err(cx.badarg()) };
    cx.heavy(bytes.len() > MANY_BYTES)?;
    cx.charge(bytes.len() / 100 + 1);
    let node = cx.node.clone();
    let tables = Tables(&node);
    let mut env = DecodeEnv::new(node_id(&node), &tables);
    env.safe = safe;
    env.atom_limit = (node.config.limits.atoms as usize).min(env.atom_limit);
    env.local = Some(local_key(cx.node));
    etf::decode(&bytes, cx.h(), &env).map_err(|e| match e {
        etf::Error::Atoms => cx.system_limit(),
        _ => cx.badarg(),
    })
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
fn encode(cx: &mut Ctx, t: Term, options: &Options, level: u32) -> Res {
    cx.heavy(is_larger(t, MUCH))?;
    let mut bytes = etf::encode(t, options);
    cx.charge(bytes.len() / 100 + 1);
    if level > 0 {
        cx.charge(bytes.len() / 20);
        bytes = etf::compress(bytes, level);
    }
    Ok(cx.h().binary(&bytes))
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
    cx.heavy(is_larger(a[0], MUCH))?;
    let o = defaults(cx);
    Ok(Term::small(etf::external_size(a[0], &o) as i64))
}
fn external_size_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (o, _) = options(cx, a[1], true)?;
    Ok(Term::small(etf::external_size(a[0], &o) as i64))
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
