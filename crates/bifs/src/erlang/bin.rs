//! Binaries, bit strings and iolists to lists and back.

use crate::iolist::{self, Piece};
use crate::result::{MUCH, Res};
use node::{Ctx, Native};
use term::Term;
use term::copy::is_larger;

/// One binary of an iolist's bytes; of its bits if `bits`.
fn gather(cx: &mut Ctx, t: Term, bits: bool) -> Res {
    cx.heavy(is_larger(t, MUCH))?;
    let (size, whole) = iolist::bit_size(t).map_err(|_| cx.badarg())?;
    if !whole && !bits {
        return Err(cx.badarg());
    }
    cx.charge(size / 800 + 1);
    let (out, room) = cx.h().bits_mut(size);
    iolist::fill(t, room);
    Ok(out)
}
fn list_to_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_list() { gather(cx, a[0], false) } else { Err(cx.badarg()) }
}
fn iolist_to_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_list() {
        gather(cx, a[0], false)
    } else if a[0].is_binary() {
        Ok(a[0])
    } else {
        Err(cx.badarg())
    }
}
fn list_to_bitstring(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_list() { gather(cx, a[0], true) } else { Err(cx.badarg()) }
}
fn iolist_size(cx: &mut Ctx, a: &[Term]) -> Res {
    match iolist::size(a[0]) {
        Ok(n) => {
            cx.charge(n / 800);
            Ok(Term::small(n as i64))
        }
        Err(_) => Err(cx.badarg()),
    }
}

/// Binaries that are not copied together: at least this long.
const OWN_PIECE: usize = 257;

fn iolist_to_iovec(cx: &mut Ctx, a: &[Term]) -> Res {
    if let Some(b) = a[0].bits() {
        return match b.len {
            n if n % 8 != 0 => Err(cx.badarg()),
            0 => Ok(Term::NIL),
            _ => Ok(cx.h().list(&[a[0]])),
        };
    }
    let (mut pieces, mut run) = (Vec::new(), Vec::new());
    let mut ok = true;
    let walked = iolist::walk(a[0], |p| match p {
        Piece::Byte(b) => run.push(b),
        Piece::Bits(_, b) if b.len % 8 != 0 => ok = false,
        Piece::Bits(t, b) if b.len >= 8 * OWN_PIECE && b.offset == 0 => {
            if !run.is_empty() {
                let run = std::mem::take(&mut run);
                pieces.push(cx.h().binary(&run));
            }
            pieces.push(t);
        }
        Piece::Bits(_, b) => run.extend_from_slice(&b.to_bytes()),
    });
    if walked.is_err() || !ok {
        return Err(cx.badarg());
    }
    if !run.is_empty() {
        pieces.push(cx.h().binary(&run));
    }
    cx.charge(pieces.len() + run.len() / 100);
    Ok(cx.h().list(&pieces))
}

fn binary_to_list_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(b) = a[0].as_bytes() else { return Err(cx.badarg()) };
    cx.charge(b.len() / 16);
    Ok(cx.h().list_of_bytes(&b))
}
/// From position `a[1]` to `a[2]`, counted from 1, both included. Odd bits at the end do not matter.
fn binary_to_list_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(b), Some(from), Some(to)) = (a[0].bits(), a[1].to::<usize>(), a[2].to::<usize>()) else { return Err(cx.badarg()) };
    if from < 1 || to > b.len / 8 || from > to {
        return Err(cx.badarg());
    }
    cx.charge((to - from) / 16);
    let part = b.slice(8 * (from - 1), 8 * (to - from + 1)).to_bytes();
    Ok(cx.h().list_of_bytes(&part))
}
fn bitstring_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(b) = a[0].bits() else { return Err(cx.badarg()) };
    let whole = b.len / 8;
    cx.charge(whole / 16);
    let mut out = Term::NIL;
    if b.len % 8 != 0 {
        let rest = cx.h().sub_bits(a[0], 8 * whole, b.len % 8);
        out = cx.h().cons(rest, out);
    }
    let bytes = b.slice(0, 8 * whole).to_bytes();
    for &byte in bytes.iter().rev() {
        out = cx.h().cons(Term::small(i64::from(byte)), out);
    }
    Ok(out)
}
fn split_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(size), Some(at)) = (a[0].bit_size(), a[1].to::<usize>()) else { return Err(cx.badarg()) };
    let Some(at) = at.checked_mul(8).filter(|&at| at <= size) else { return Err(cx.badarg()) };
    let front = cx.h().sub_bits(a[0], 0, at);
    let back = cx.h().sub_bits(a[0], at, size - at);
    Ok(cx.h().tuple(&[front, back]))
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "list_to_binary", 1, list_to_binary),
    Native::new("erlang", "iolist_to_binary", 1, iolist_to_binary),
    Native::new("erlang", "list_to_bitstring", 1, list_to_bitstring),
    Native::new("erlang", "iolist_size", 1, iolist_size),
    Native::new("erlang", "iolist_to_iovec", 1, iolist_to_iovec),
    Native::new("erlang", "binary_to_list", 1, binary_to_list_1),
    Native::new("erlang", "binary_to_list", 3, binary_to_list_3),
    Native::new("erlang", "bitstring_to_list", 1, bitstring_to_list),
    Native::new("erlang", "split_binary", 2, split_binary),
    Native::new("binary", "list_to_bin", 1, list_to_binary),
];
