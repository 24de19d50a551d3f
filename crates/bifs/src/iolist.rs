//! Walking iolists: bytes, bit strings and lists of them to any depth, without native recursion.

use std::ops::ControlFlow;
use term::Term;
use term::bits::Bits;

/// A leaf of an iolist.
pub enum Piece {
    Byte(u8),
    Bits(Term, Bits<'static>),
}

/// The term is no iolist.
#[derive(Debug)]
pub struct NotIolist;

/// Calls `f` for each leaf in order. A bit string alone counts as an iolist of itself; a byte alone does not.
pub fn walk(t: Term, mut f: impl FnMut(Piece)) -> Result<(), NotIolist> {
    match walk_while(t, |p| {
        f(p);
        ControlFlow::<()>::Continue(())
    }) {
        Ok(_) => Ok(()),
        Err(e) => Err(e),
    }
}

/// As `walk`, until `f` breaks.
pub fn walk_while<B>(t: Term, mut f: impl FnMut(Piece) -> ControlFlow<B>) -> Result<Option<B>, NotIolist> {
    let mut later: Vec<Term> = Vec::new();
    let mut at = t;
    loop {
        // `at` is a list or a tail.
        while let Some((head, tail)) = at.as_cons() {
            at = tail;
            let r = if let Some(n) = head.as_small() {
                let Ok(b) = u8::try_from(n) else { return Err(NotIolist) };
                f(Piece::Byte(b))
            } else if head.is_list() {
                if head.is_cons() {
                    if !at.is_nil() {
                        later.push(at);
                    }
                    at = head;
                }
                continue;
            } else if let Some(bits) = head.bits() {
                f(Piece::Bits(head, bits))
            } else {
                return Err(NotIolist);
            };
            if let ControlFlow::Break(b) = r {
                return Ok(Some(b));
            }
        }
        if !at.is_nil() {
            let Some(bits) = at.bits() else { return Err(NotIolist) };
            if let ControlFlow::Break(b) = f(Piece::Bits(at, bits)) {
                return Ok(Some(b));
            }
        }
        match later.pop() {
            Some(t) => at = t,
            None => return Ok(None),
        }
    }
}

/// Size in bits; and whether each leaf has whole bytes.
pub fn bit_size(t: Term) -> Result<(usize, bool), NotIolist> {
    let (mut n, mut whole) = (0usize, true);
    walk(t, |p| match p {
        Piece::Byte(_) => n += 8,
        Piece::Bits(_, b) => {
            n += b.len;
            whole &= b.len % 8 == 0;
        }
    })?;
    Ok((n, whole))
}

/// Size in bytes of an iolist of whole bytes.
pub fn size(t: Term) -> Result<usize, NotIolist> {
    match bit_size(t)? {
        (n, true) => Ok(n / 8),
        _ => Err(NotIolist),
    }
}

/// Writes all bits into `out`, which has room for them.
pub fn fill(t: Term, out: &mut [u8]) {
    let mut at = 0;
    // Checked by whoever asked for the size.
    let _ = walk(t, |p| match p {
        Piece::Byte(b) if at % 8 == 0 => {
            out[at / 8] = b;
            at += 8;
        }
        Piece::Byte(b) => {
            term::bits::put_bits(out, at, b, 8);
            at += 8;
        }
        Piece::Bits(_, b) => {
            b.copy_to(out, at);
            at += b.len;
        }
    });
}

/// The bytes of an iolist.
pub fn bytes(t: Term) -> Result<Vec<u8>, NotIolist> {
    let mut out = vec![0; size(t)?];
    fill(t, &mut out);
    Ok(out)
}

/// The bytes of a binary without a copy, or of an iolist.
pub fn bytes_of(t: Term) -> Result<std::borrow::Cow<'static, [u8]>, NotIolist> {
    if t.is_list() { bytes(t).map(Into::into) } else { t.as_bytes().ok_or(NotIolist) }
}
