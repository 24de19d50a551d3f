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
    Walk::new(t)
        .run(usize::MAX, |p| {
            f(p);
            ControlFlow::<()>::Continue(())
        })
        .map(|_| ())
}

/// A walk that can be left and gone on with.
pub struct Walk {
    /// The present list, or a tail.
    at: Term,
    /// What follows the lists that it is in. While the walk rests `at` and `held` lie here too, for the collector.
    later: Vec<Term>,
    held: Term,
    rests: bool,
}

/// Where a walk is.
pub enum Walked<B> {
    Whole,
    /// `f` has broken it.
    Broken(B),
    /// So many leaves were enough.
    Tired,
}

impl Walk {
    pub fn new(t: Term) -> Walk {
        Walk { at: t, later: Vec::new(), held: Term::NIL, rests: false }
    }
    /// The term that is kept beside it; `[]` at first.
    pub fn held(&mut self) -> &mut Term {
        self.wake();
        &mut self.held
    }
    /// All its terms, for a collection.
    pub fn roots(&mut self) -> &mut [Term] {
        if !self.rests {
            self.later.extend([self.at, self.held]);
            self.rests = true;
        }
        &mut self.later
    }
    fn wake(&mut self) {
        if std::mem::take(&mut self.rests)
            && let (Some(held), Some(at)) = (self.later.pop(), self.later.pop())
        {
            (self.held, self.at) = (held, at);
        }
    }
    /// Calls `f` for the next leaves, `leaves` at most.
    pub fn run<B>(&mut self, mut leaves: usize, mut f: impl FnMut(Piece) -> ControlFlow<B>) -> Result<Walked<B>, NotIolist> {
        self.wake();
        let mut at = self.at;
        loop {
            while let Some((head, tail)) = at.as_cons() {
                if leaves == 0 {
                    self.at = at;
                    return Ok(Walked::Tired);
                }
                leaves -= 1;
                at = tail;
                let r = if let Some(n) = head.as_small() {
                    let Ok(b) = u8::try_from(n) else { return Err(NotIolist) };
                    f(Piece::Byte(b))
                } else if head.is_list() {
                    if head.is_cons() {
                        if !at.is_nil() {
                            self.later.push(at);
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
                    self.at = at;
                    return Ok(Walked::Broken(b));
                }
            }
            if !at.is_nil() {
                let Some(bits) = at.bits() else { return Err(NotIolist) };
                if let ControlFlow::Break(b) = f(Piece::Bits(at, bits)) {
                    self.at = Term::NIL;
                    return Ok(Walked::Broken(b));
                }
            }
            match self.later.pop() {
                Some(t) => at = t,
                None => {
                    self.at = Term::NIL;
                    return Ok(Walked::Whole);
                }
            }
        }
    }
}

/// Bytes that are gathered before they are given.
const GATHERED: usize = 64;

/// Parts and runs of bytes of a list that is short and plain: of whole bytes at byte borders. Calls `out` in order. `None`: it is
/// not so, or no iolist; what has been given then is worth nothing.
#[inline(always)]
fn plain(t: Term, mut parts: usize, mut out: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    let mut later: term::work::Work<Term> = term::work::Work::new();
    let mut run = [0u8; GATHERED];
    let mut n = 0;
    let mut at = t;
    loop {
        while let Some((head, tail)) = at.as_cons() {
            parts = parts.checked_sub(1)?;
            at = tail;
            if head.is_small() {
                run[n] = u8::try_from(head.small_value()).ok()?;
                n += 1;
                if n == GATHERED {
                    out(&run)?;
                    n = 0;
                }
            } else if head.is_cons() {
                if !tail.is_nil() {
                    later.push(tail);
                }
                at = head;
            } else if !head.is_nil() {
                let part = head.bits()?.as_bytes()?;
                out(&run[..n])?;
                n = 0;
                out(part)?;
            }
        }
        if !at.is_nil() {
            let part = at.bits()?.as_bytes()?;
            out(&run[..n])?;
            n = 0;
            out(part)?;
        }
        match later.pop() {
            Some(t) => at = t,
            None => return out(&run[..n]),
        }
    }
}

/// Adds the bytes of an iolist of at most so many parts and bytes. `None`: it is longer, or not so plain.
pub fn add_plain(t: Term, parts: usize, most: usize, out: &mut term::binary::Growing) -> Option<()> {
    plain(t, parts, |part| {
        if part.len() > most || out.len() > most {
            return None;
        }
        out.extend(part);
        Some(())
    })
}
/// Size in bytes of an iolist of at most so many parts. `None`: it is longer, or not so plain.
pub fn plain_size(t: Term, parts: usize) -> Option<usize> {
    let mut n = 0;
    plain(t, parts, |piece| {
        n += piece.len();
        Some(())
    })?;
    Some(n)
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
