//! Binaries, bit strings and iolists to lists and back.

use crate::iolist::{self, Piece, Walk, Walked};
use crate::result::{MUCH, Res};
use crate::slice;
use node::{Ctx, Native};
use process::NativeState;
use std::any::Any;
use std::ops::ControlFlow;
use term::Term;
use term::binary::Growing;
use term::bits::{Bits, put_bits};
use term::copy::is_larger;

/// Leaves of an iolist handled for one reduction.
const LEAVES_PER_REDUCTION: usize = 8;
/// A bit string this long is copied in slices.
const LONG_BITS: usize = 8 << 20;

/// A long iolist on its way to one binary. A long leaf is held by the walk while it is copied.
struct Gathering {
    walk: Walk,
    out: Growing,
    bits: usize,
    /// So many bits of the leaf that is held are there.
    copied: usize,
}

impl NativeState for Gathering {
    fn roots(&mut self) -> &mut [Term] {
        self.walk.roots()
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Gathering {
    fn byte(&mut self, b: u8) {
        if self.bits % 8 == 0 {
            self.out.push(b);
        } else {
            self.out.push(0);
            put_bits(self.out.bytes_mut(), self.bits, b, 8);
        }
        self.bits += 8;
    }
    fn add(&mut self, b: Bits<'_>) {
        if self.bits % 8 == 0 && b.offset == 0 && b.len % 8 == 0 {
            self.out.extend(&b.bytes[..b.len / 8]);
        } else {
            self.out.zeros((self.bits + b.len).div_ceil(8) - self.out.len());
            b.copy_to(self.out.bytes_mut(), self.bits);
        }
        self.bits += b.len;
    }
}

/// One binary of an iolist's bytes; of its bits if `bits`.
/// Room for the bytes of a short iolist, at first.
const FIRST_BYTES: usize = 512;

fn gather(cx: &mut Ctx, t: Term, bits: bool) -> Res {
    let mut g = match slice::kept::<Gathering>(cx) {
        Some(g) => g,
        None => {
            let mut out = Growing::with_capacity(FIRST_BYTES);
            if iolist::add_plain(t, MUCH, LONG_BITS / 8, &mut out).is_some() {
                cx.charge(out.len() / 100 + 1);
                let bits = out.len() * 8;
                return Ok(cx.h().grown(out, bits));
            }
            drop(out);
            let mut size = 0;
            if !is_larger(t, MUCH) {
                let (n, whole) = iolist::bit_size(t).map_err(|_| cx.badarg())?;
                if !whole && !bits {
                    return Err(cx.badarg());
                }
                size = n;
                if size < LONG_BITS {
                    cx.charge(size / 800 + 1);
                    let (out, room) = cx.h().bits_mut(size);
                    iolist::fill(t, room);
                    return Ok(out);
                }
            }
            Box::new(Gathering { walk: Walk::new(t), out: Growing::with_capacity(size / 8 + 1), bits: 0, copied: 0 })
        }
    };
    loop {
        if let Some(long) = g.walk.held().bits() {
            let part = long.slice(g.copied, (long.len - g.copied).min(LONG_BITS));
            g.add(part);
            g.copied += part.len;
            cx.charge(1000);
            if g.copied == long.len {
                *g.walk.held() = Term::NIL;
                g.copied = 0;
            }
        } else {
            let n = slice::elements(cx, LEAVES_PER_REDUCTION);
            let mut walk = std::mem::replace(&mut g.walk, Walk::new(Term::NIL));
            let done = walk.run(n, |p| match p {
                Piece::Byte(b) => {
                    g.byte(b);
                    ControlFlow::Continue(())
                }
                Piece::Bits(_, b) if b.len % 8 != 0 && !bits => ControlFlow::Break(None),
                Piece::Bits(t, b) if b.len >= LONG_BITS => ControlFlow::Break(Some(t)),
                Piece::Bits(_, b) => {
                    g.add(b);
                    ControlFlow::Continue(())
                }
            });
            g.walk = walk;
            match done {
                Ok(Walked::Whole) => {
                    cx.charge(1000);
                    let Gathering { out, bits, .. } = *g;
                    return Ok(cx.h().grown(out, bits));
                }
                Ok(Walked::Broken(Some(long))) => *g.walk.held() = long,
                Ok(Walked::Broken(None)) | Err(_) => return Err(cx.badarg()),
                Ok(Walked::Tired) => cx.charge(n / LEAVES_PER_REDUCTION),
            }
        }
        if cx.reductions <= 0 {
            return Err(slice::keep(cx, g));
        }
    }
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
/// A long iolist whose size is being found out.
struct Sizing(Walk, usize);

impl NativeState for Sizing {
    fn roots(&mut self) -> &mut [Term] {
        self.0.roots()
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

fn iolist_size(cx: &mut Ctx, a: &[Term]) -> Res {
    let Sizing(mut walk, mut size) = slice::kept::<Sizing>(cx).map_or_else(|| Sizing(Walk::new(a[0]), 0), |s| *s);
    let n = slice::elements(cx, LEAVES_PER_REDUCTION);
    if size == 0
        && let Some(size) = iolist::plain_size(a[0], n)
    {
        cx.charge((size / 800).min(n / LEAVES_PER_REDUCTION));
        return Ok(Term::small(size as i64));
    }
    let done = walk.run(n, |p| {
        // A shared part counts each time: a word may be too small for the sum, here as in ERTS.
        size = size.wrapping_add(match p {
            Piece::Byte(_) => 1,
            Piece::Bits(_, b) if b.len % 8 == 0 => b.len / 8,
            Piece::Bits(..) => return ControlFlow::Break(()),
        });
        ControlFlow::Continue(())
    });
    match done {
        Ok(Walked::Whole) => {
            cx.charge((size / 800).min(n / LEAVES_PER_REDUCTION));
            Ok(cx.h().uint(size as u64))
        }
        Ok(Walked::Tired) => {
            cx.charge(n / LEAVES_PER_REDUCTION);
            Err(slice::keep(cx, Box::new(Sizing(walk, size))))
        }
        Ok(Walked::Broken(())) | Err(_) => Err(cx.badarg()),
    }
}

/// Binaries that are not copied together: at least so many bytes.
fn own_piece(release: u32) -> usize {
    if release >= 27 { 513 } else { 257 }
}

/// A long iolist on its way to a list of binaries: those that are there (last first) are what the walk holds, and bytes to come.
struct Vectoring(Walk, Vec<u8>);

impl NativeState for Vectoring {
    fn roots(&mut self) -> &mut [Term] {
        self.0.roots()
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

fn iolist_to_iovec(cx: &mut Ctx, a: &[Term]) -> Res {
    if let Some(b) = a[0].bits() {
        return match b.len {
            n if n % 8 != 0 => Err(cx.badarg()),
            0 => Ok(Term::NIL),
            _ => Ok(cx.h().list(&[a[0]])),
        };
    }
    let Vectoring(mut walk, mut run) = slice::kept::<Vectoring>(cx).map_or_else(|| Vectoring(Walk::new(a[0]), Vec::new()), |v| *v);
    let mut pieces = *walk.held();
    let own = 8 * own_piece(cx.node.code.release);
    let n = slice::elements(cx, LEAVES_PER_REDUCTION);
    let end_run = |cx: &mut Ctx, run: &mut Vec<u8>, pieces: &mut Term| {
        if !run.is_empty() {
            let piece = cx.h().binary(run);
            *pieces = cx.h().cons(piece, *pieces);
            run.clear();
        }
    };
    let done = walk.run(n, |p| {
        match p {
            Piece::Byte(b) => run.push(b),
            Piece::Bits(_, b) if b.len % 8 != 0 => return ControlFlow::Break(()),
            Piece::Bits(t, b) if b.len >= own && b.offset == 0 => {
                end_run(cx, &mut run, &mut pieces);
                pieces = cx.h().cons(t, pieces);
            }
            Piece::Bits(_, b) => run.extend_from_slice(&b.to_bytes()),
        }
        ControlFlow::Continue(())
    });
    match done {
        Ok(Walked::Whole) => {
            end_run(cx, &mut run, &mut pieces);
            cx.charge(1);
            let mut out = Term::NIL;
            while let Some((piece, before)) = pieces.as_cons() {
                out = cx.h().cons(piece, out);
                pieces = before;
            }
            Ok(out)
        }
        Ok(Walked::Tired) => {
            cx.charge(n / LEAVES_PER_REDUCTION);
            *walk.held() = pieces;
            Err(slice::keep(cx, Box::new(Vectoring(walk, run))))
        }
        Ok(Walked::Broken(())) | Err(_) => Err(cx.badarg()),
    }
}

/// A long list of a binary's bytes that is being made, from its end: so many bytes are still to come.
struct Listing([Term; 1], usize);

impl NativeState for Listing {
    fn roots(&mut self) -> &mut [Term] {
        &mut self.0
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The list of `bytes` before `tail`.
fn list_bytes(cx: &mut Ctx, bytes: Bits<'_>, tail: Term) -> Res {
    let Listing([mut out], mut left) = slice::kept::<Listing>(cx).map_or_else(|| Listing([tail], bytes.len / 8), |l| *l);
    let n = left.min(slice::elements(cx, LEAVES_PER_REDUCTION));
    let part = bytes.slice(8 * (left - n), 8 * n).to_bytes();
    for &b in part.iter().rev() {
        out = cx.h().cons(Term::small(i64::from(b)), out);
    }
    left -= n;
    cx.charge(n / LEAVES_PER_REDUCTION / 2);
    if left == 0 {
        return Ok(out);
    }
    cx.charge(n / LEAVES_PER_REDUCTION);
    Err(slice::keep(cx, Box::new(Listing([out], left))))
}

fn binary_to_list_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].bits().filter(|b| b.len % 8 == 0) {
        Some(b) => list_bytes(cx, b, Term::NIL),
        None => Err(cx.badarg()),
    }
}
/// From position `a[1]` to `a[2]`, counted from 1, both included. Odd bits at the end do not matter.
fn binary_to_list_3(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(b), Some(from), Some(to)) = (a[0].bits(), a[1].to::<usize>(), a[2].to::<usize>()) else { return Err(cx.badarg()) };
    // Bits beyond the last byte are no error before OTP 27.
    if b.len % 8 != 0 && cx.node.code.release >= 27 || from < 1 || to > b.len / 8 || from > to {
        return Err(cx.badarg());
    }
    list_bytes(cx, b.slice(8 * (from - 1), 8 * (to - from + 1)), Term::NIL)
}
fn bitstring_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(b) = a[0].bits() else { return Err(cx.badarg()) };
    let whole = b.len / 8;
    let mut tail = Term::NIL;
    if b.len % 8 != 0 && cx.p.native_state.is_none() {
        let rest = cx.h().sub_bits(a[0], 8 * whole, b.len % 8);
        tail = cx.h().cons(rest, tail);
    }
    list_bytes(cx, b.slice(0, 8 * whole), tail)
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
