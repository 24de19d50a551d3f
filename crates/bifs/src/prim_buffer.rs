//! Module `prim_buffer`: a queue of bytes that whoever holds its reference may use, with a lock of its own.

use crate::result::Res;
use base::sync::Mutex;
use node::{Ctx, Native, Stop};
use std::collections::VecDeque;
use std::sync::Arc;
use term::binary::Binary;
use term::magic::Magic;
use term::{Term, am, atom};

#[derive(Default)]
struct Queue {
    /// Counted buffers, so that the first can be lent out without a copy.
    chunks: VecDeque<(Binary, usize)>,
    /// Bytes of the first that have been read.
    read: usize,
    size: usize,
    locked: bool,
}

impl Queue {
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().enumerate().map(|(i, (b, n))| &b.bytes(*n)[if i == 0 { self.read } else { 0 }..])
    }
    fn skip(&mut self, n: usize) {
        self.size -= n;
        self.read += n;
        while let Some((_, len)) = self.chunks.front()
            && self.read >= *len
        {
            self.read -= *len;
            self.chunks.pop_front();
        }
    }
}

struct Buffer(Mutex<Queue>);

fn buffer(cx: &mut Ctx, t: Term) -> Result<&'static Buffer, Stop> {
    t.magic_value::<Buffer>().ok_or_else(|| cx.badarg())
}
fn new(cx: &mut Ctx, _: &[Term]) -> Res {
    let id = (cx.node.next_ref(), 0);
    Ok(cx.h().magic_ref(Arc::new(Magic { id, value: Box::new(Buffer(Mutex::default())) })))
}
fn size(cx: &mut Ctx, a: &[Term]) -> Res {
    let q = buffer(cx, a[0])?.0.lock();
    Ok(Term::small(q.size as i64))
}
/// The rest of the first chunk.
fn peek_head(cx: &mut Ctx, a: &[Term]) -> Res {
    let q = buffer(cx, a[0])?.0.lock();
    match q.chunks.front() {
        Some((b, len)) => {
            let whole = cx.h().bin_ref(b.clone(), 8 * len);
            Ok(cx.h().sub_bits(whole, 8 * q.read, 8 * (len - q.read)))
        }
        None => Ok(cx.h().binary(b"")),
    }
}
/// How many bytes are asked for, if there are so many.
fn amount(cx: &mut Ctx, t: Term, q: &Queue) -> Result<usize, Stop> {
    t.to::<usize>().filter(|&n| n <= q.size).ok_or_else(|| cx.badarg())
}
fn copying_read(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut q = buffer(cx, a[0])?.0.lock();
    let n = amount(cx, a[1], &q)?;
    let (t, out) = cx.h().bits_mut(8 * n);
    let mut at = 0;
    for part in q.parts() {
        let take = part.len().min(n - at);
        out[at..at + take].copy_from_slice(&part[..take]);
        at += take;
        if at == n {
            break;
        }
    }
    q.skip(n);
    Ok(t)
}
fn skip(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut q = buffer(cx, a[0])?.0.lock();
    let n = amount(cx, a[1], &q)?;
    q.skip(n);
    Ok(am::OK)
}
fn write(cx: &mut Ctx, a: &[Term]) -> Res {
    let parts: Option<Vec<_>> = a[1].proper_list().and_then(|l| l.into_iter().map(|b| b.as_bytes()).collect());
    let Some(parts) = parts else { return Err(cx.badarg()) };
    let mut q = buffer(cx, a[0])?.0.lock();
    for part in parts.iter().filter(|p| !p.is_empty()) {
        q.size += part.len();
        q.chunks.push_back((Binary::from_bytes(part), part.len()));
        cx.charge(part.len() / 1000);
    }
    Ok(am::OK)
}
fn find_byte_index(cx: &mut Ctx, a: &[Term]) -> Res {
    let q = buffer(cx, a[0])?.0.lock();
    let Some(needle) = a[1].to::<u8>() else { return Err(cx.badarg()) };
    let mut before = 0;
    for part in q.parts() {
        if let Some(i) = memchr::memchr(needle, part) {
            return Ok(cx.h().ok(Term::small((before + i) as i64)));
        }
        before += part.len();
    }
    Ok(atom!("not_found"))
}
fn try_lock(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut q = buffer(cx, a[0])?.0.lock();
    let was = std::mem::replace(&mut q.locked, true);
    Ok(if was { am::BUSY } else { atom!("acquired") })
}
fn unlock(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut q = buffer(cx, a[0])?.0.lock();
    if std::mem::replace(&mut q.locked, false) { Ok(am::OK) } else { Err(cx.error(atom!("lock_order_violation"))) }
}

pub const NATIVES: &[Native] = &[
    Native::new("prim_buffer", "new", 0, new).nif(),
    Native::new("prim_buffer", "size", 1, size).nif(),
    Native::new("prim_buffer", "peek_head", 1, peek_head).nif(),
    Native::new("prim_buffer", "copying_read", 2, copying_read).nif(),
    Native::new("prim_buffer", "write", 2, write).nif(),
    Native::new("prim_buffer", "skip", 2, skip).nif(),
    Native::new("prim_buffer", "find_byte_index", 2, find_byte_index).nif(),
    Native::new("prim_buffer", "try_lock", 1, try_lock).nif(),
    Native::new("prim_buffer", "unlock", 1, unlock).nif(),
];
