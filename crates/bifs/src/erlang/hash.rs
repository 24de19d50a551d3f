//! Hashes of terms, checksums and MD5 of iolists.

use crate::iolist::{self, Piece};
use crate::result::Res;
use crate::slice;
use node::{Ctx, Native, Stop};
use num::checksum;
use term::{Term, hash};

fn phash(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(range) = a[1].as_u64().filter(|r| (1..=1 << 32).contains(r)) else { return Err(cx.badarg()) };
    cx.charge(1);
    Ok(Term::small(num::phash::in_range(hash::phash(a[0]), range) as i64))
}

fn phash2_1(cx: &mut Ctx, a: &[Term]) -> Res {
    cx.heavy(a[0].bits().is_some_and(|b| b.len / 8 > LONG))?;
    cx.charge(1);
    Ok(Term::small(i64::from(num::phash2::default_range(hash::phash2(a[0])))))
}
fn phash2_2(cx: &mut Ctx, a: &[Term]) -> Res {
    cx.heavy(a[0].bits().is_some_and(|b| b.len / 8 > LONG))?;
    let Some(range) = a[1].as_u64().filter(|r| (1..=1 << 32).contains(r)) else { return Err(cx.badarg()) };
    cx.charge(1);
    Ok(Term::small(i64::from(num::phash2::in_range(hash::phash2(a[0]), range))))
}

/// Calls `f` with the bytes of an iolist, in pieces.
fn feed(cx: &mut Ctx, t: Term, mut f: impl FnMut(&[u8])) -> Result<(), Stop> {
    let (mut run, mut total, mut whole) = (Vec::new(), 0, true);
    let walked = iolist::walk(t, |p| match p {
        Piece::Byte(b) => {
            run.push(b);
            if run.len() >= 4096 {
                total += run.len();
                f(&run);
                run.clear();
            }
        }
        Piece::Bits(_, b) => {
            if !run.is_empty() {
                total += run.len();
                f(&run);
                run.clear();
            }
            whole &= b.len % 8 == 0;
            total += b.len / 8;
            f(&b.to_bytes());
        }
    });
    if walked.is_err() || !whole {
        return Err(cx.badarg());
    }
    f(&run);
    cx.charge((total + run.len()) / 400);
    Ok(())
}
/// A binary this long is handled in slices.
const LONG: usize = 1 << 20;

/// Feeds a long binary from where it was left; `false`: it is not one, and nothing was done.
fn feed_slices<S: Clone + Send + 'static>(
    cx: &mut Ctx,
    t: Term,
    start: impl FnOnce() -> S,
    mut f: impl FnMut(&mut S, &[u8]),
) -> Result<Option<S>, Stop> {
    let Some(bytes) = t.bits().and_then(|b| b.as_bytes()).filter(|b| b.len() >= LONG) else { return Ok(None) };
    let (at, state) = slice::resume::<Option<(usize, S)>>(cx).unwrap_or_else(|| (0, start()));
    let mut state = state;
    let end = bytes.len().min(at + slice::budget(cx, 400));
    f(&mut state, &bytes[at..end]);
    cx.charge((end - at) / 400);
    if end < bytes.len() {
        return Err(slice::give_way(cx, Some((end, state))));
    }
    Ok(Some(state))
}
fn word(cx: &mut Ctx, t: Term) -> Result<u32, Stop> {
    t.to::<u32>().ok_or_else(|| cx.badarg())
}
fn crc32_from(cx: &mut Ctx, old: u32, data: Term) -> Res {
    let step = |s: &mut u32, b: &[u8]| *s = checksum::crc32(*s, b);
    if let Some(state) = feed_slices(cx, data, || old, step)? {
        return Ok(Term::small(i64::from(state)));
    }
    let mut state = old;
    feed(cx, data, |b| step(&mut state, b))?;
    Ok(Term::small(i64::from(state)))
}
fn crc32_1(cx: &mut Ctx, a: &[Term]) -> Res {
    crc32_from(cx, 0, a[0])
}
fn crc32_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let old = word(cx, a[0])?;
    crc32_from(cx, old, a[1])
}
fn adler32_from(cx: &mut Ctx, old: u32, data: Term) -> Res {
    let step = |s: &mut u32, b: &[u8]| *s = checksum::adler32(*s, b);
    if let Some(state) = feed_slices(cx, data, || old, step)? {
        return Ok(Term::small(i64::from(state)));
    }
    let mut state = old;
    feed(cx, data, |b| step(&mut state, b))?;
    Ok(Term::small(i64::from(state)))
}
fn adler32_1(cx: &mut Ctx, a: &[Term]) -> Res {
    adler32_from(cx, 1, a[0])
}
fn adler32_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let old = word(cx, a[0])?;
    adler32_from(cx, old, a[1])
}
fn combine(cx: &mut Ctx, a: &[Term], f: fn(u32, u32, u64) -> u32) -> Res {
    let (x, y) = (word(cx, a[0])?, word(cx, a[1])?);
    let len = word(cx, a[2])?;
    Ok(Term::small(i64::from(f(x, y, u64::from(len)))))
}
fn crc32_combine(cx: &mut Ctx, a: &[Term]) -> Res {
    combine(cx, a, checksum::crc32_combine)
}
fn adler32_combine(cx: &mut Ctx, a: &[Term]) -> Res {
    combine(cx, a, checksum::adler32_combine)
}

// ---- MD5. A context between calls is a binary with the serialized state.

fn md5(cx: &mut Ctx, a: &[Term]) -> Res {
    use checksum::Digest;
    let state = match feed_slices(cx, a[0], checksum::Md5::new, |s, b| s.update(b))? {
        Some(state) => state,
        None => {
            let mut state = checksum::Md5::new();
            feed(cx, a[0], |b| state.update(b))?;
            state
        }
    };
    let digest: [u8; 16] = state.finalize().into();
    Ok(cx.h().binary(&digest))
}

/// The state in a context.
fn context(cx: &mut Ctx, t: Term) -> Result<checksum::Md5, Stop> {
    use checksum::SerializableState;
    let state = t.as_bytes().and_then(|b| checksum::Md5::deserialize(b[..].try_into().ok()?).ok());
    state.ok_or_else(|| cx.badarg())
}
fn save(cx: &mut Ctx, state: &checksum::Md5) -> Term {
    use checksum::SerializableState;
    cx.h().binary(&state.serialize())
}
fn md5_init(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(save(cx, &checksum::Md5::default()))
}
fn md5_update(cx: &mut Ctx, a: &[Term]) -> Res {
    use checksum::Digest;
    let mut state = context(cx, a[0])?;
    feed(cx, a[1], |b| state.update(b))?;
    Ok(save(cx, &state))
}
fn md5_final(cx: &mut Ctx, a: &[Term]) -> Res {
    use checksum::Digest;
    let digest: [u8; 16] = context(cx, a[0])?.finalize().into();
    Ok(cx.h().binary(&digest))
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "phash", 2, phash),
    Native::new("erlang", "phash2", 1, phash2_1),
    Native::new("erlang", "phash2", 2, phash2_2),
    Native::new("erlang", "crc32", 1, crc32_1),
    Native::new("erlang", "crc32", 2, crc32_2),
    Native::new("erlang", "crc32_combine", 3, crc32_combine),
    Native::new("erlang", "adler32", 1, adler32_1),
    Native::new("erlang", "adler32", 2, adler32_2),
    Native::new("erlang", "adler32_combine", 3, adler32_combine),
    Native::new("erlang", "md5", 1, md5),
    Native::new("erlang", "md5_init", 0, md5_init),
    Native::new("erlang", "md5_update", 2, md5_update),
    Native::new("erlang", "md5_final", 1, md5_final),
];
