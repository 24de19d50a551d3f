//! Module `zlib`: streams that compress or decompress, over `engines::zlib`. A stream belongs to one process at a time.

use crate::iolist;
use crate::result::Res;
use base::sync::Mutex;
use engines::zlib::{Deflate, DeflateOptions, Flush, Inflate, Status, ZError, crc32};
use node::{Ctx, Native, Stop};
use process::Owned;
use std::collections::VecDeque;
use std::sync::Arc;
use term::copy::LiteralRange;
use term::magic::Magic;
use term::{Term, am, atom};

enum State {
    /// Neither is begun; or all is over (`closed`).
    None,
    Deflate(Deflate),
    Inflate(Inflate),
}

/// What happens with input after the end of a compressed stream.
#[derive(Clone, Copy, PartialEq)]
enum AfterEnd {
    Error,
    Reset,
    Cut,
}

struct Stream {
    owner: Term,
    state: State,
    closed: bool,
    after_end: AfterEnd,
    ended: bool,
    raw: bool,
    input: VecDeque<Vec<u8>>,
    /// Bytes of the first input that are used.
    used: usize,
    crc: u32,
    stash: Option<Owned>,
    buffer_size: usize,
}

impl Stream {
    fn begin(&mut self, state: State, raw: bool) {
        self.state = state;
        self.raw = raw;
        self.restart();
    }
    fn restart(&mut self) {
        self.ended = false;
        self.crc = 0;
        self.input.clear();
        self.used = 0;
    }
    /// Takes `n` bytes off the input.
    fn take(&mut self, n: usize) {
        self.used += n;
        while let Some(first) = self.input.front()
            && self.used >= first.len()
        {
            self.used -= first.len();
            self.input.pop_front();
        }
    }
}

struct Shared(Mutex<Stream>);

/// The stream, if it belongs to the caller.
fn stream(cx: &mut Ctx, t: Term) -> Result<base::sync::MutexGuard<'static, Stream>, Stop> {
    let Some(shared) = t.magic_value::<Shared>() else { return Err(cx.badarg()) };
    let s = shared.0.lock();
    if s.owner != cx.pid {
        return Err(cx.error(atom!("not_on_controlling_process")));
    }
    Ok(s)
}
fn failed(cx: &mut Ctx, e: ZError) -> Stop {
    cx.error(term::atom::intern(e.name()))
}
fn not_initialized(cx: &mut Ctx) -> Stop {
    cx.error(atom!("not_initialized"))
}
fn open(cx: &mut Ctx, _: &[Term]) -> Res {
    let id = (cx.node.next_ref(), 0);
    let s = Stream {
        owner: cx.pid,
        state: State::None,
        closed: false,
        after_end: AfterEnd::Cut,
        ended: false,
        raw: false,
        input: VecDeque::new(),
        used: 0,
        crc: 0,
        stash: None,
        buffer_size: 4000,
    };
    Ok(cx.h().magic_ref(Arc::new(Magic { id, value: Box::new(Shared(Mutex::new(s))) })))
}
fn close(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    if s.closed {
        return Err(not_initialized(cx));
    }
    s.begin(State::None, false);
    s.stash = None;
    s.closed = true;
    Ok(am::OK)
}
fn set_controller(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    if !a[1].is_local_pid() {
        return Err(cx.badarg());
    }
    s.owner = a[1];
    Ok(am::OK)
}

// ---- input, output, and what is kept meanwhile

/// Pieces of input that one call takes over.
const PIECES: usize = 1000;

fn enqueue(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    if matches!(s.state, State::None) {
        return Err(not_initialized(cx));
    }
    let mut rest = a[1];
    for _ in 0..PIECES {
        let Some((head, tail)) = rest.as_cons() else { break };
        let Ok(bytes) = iolist::bytes_of(head) else { return Err(cx.badarg()) };
        cx.charge(bytes.len() / 1000);
        if !bytes.is_empty() {
            s.input.push_back(bytes.into_owned());
        }
        rest = tail;
    }
    if rest.is_cons() { Ok(cx.h().tuple(&[atom!("continue"), rest])) } else { Ok(am::OK) }
}

/// The limits of a step: bytes of input, bytes of output, and how to flush.
fn limits(cx: &mut Ctx, a: &[Term]) -> Result<(usize, usize, Flush), Stop> {
    let sizes = a[1].to::<usize>().zip(a[2].to::<usize>()).filter(|&(_, out)| out > 0 && out <= 1 << 24);
    let flush = a[3].to::<i64>().and_then(Flush::from_number);
    match (sizes, flush) {
        (Some((input, output)), Some(f)) => Ok((input, output, f)),
        _ => Err(cx.badarg()),
    }
}
fn answer(cx: &mut Ctx, more: bool, out: &[u8]) -> Term {
    let out = pieces(cx, out);
    let how = if more { atom!("continue") } else { atom!("finished") };
    cx.h().tuple(&[how, out])
}
fn pieces(cx: &mut Ctx, out: &[u8]) -> Term {
    if out.is_empty() {
        return Term::NIL;
    }
    let b = cx.h().binary(out);
    cx.h().list(&[b])
}

fn deflate(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let (in_size, out_size, flush) = limits(cx, a)?;
    let s = &mut *s;
    if !matches!(s.state, State::Deflate(_)) {
        return Err(not_initialized(cx));
    }
    if s.ended {
        return Err(failed(cx, ZError::StreamError));
    }
    let (mut out, mut filled, mut eaten) = (vec![0; out_size], 0, 0);
    loop {
        let (last, input) = match s.input.front() {
            Some(first) => (s.input.len() == 1, &first[s.used..]),
            None => (true, &[][..]),
        };
        let input = &input[..input.len().min(in_size.saturating_sub(eaten).max(1))];
        let whole = last && s.input.front().is_none_or(|f| f.len() - s.used == input.len());
        let State::Deflate(z) = &mut s.state else { unreachable!("checked above") };
        // Flushing belongs to the last of the input.
        let step = z.run(input, &mut out[filled..], if whole { flush } else { Flush::None }).map_err(|e| failed(cx, e))?;
        if s.raw {
            s.crc = crc32(s.crc, &input[..step.consumed]);
        }
        filled += step.produced;
        eaten += step.consumed;
        let all_in = whole && step.consumed == input.len();
        s.take(step.consumed);
        cx.charge(step.consumed / 50 + 1);
        s.ended |= step.status == Status::StreamEnd;
        let more = filled == out_size;
        if more || all_in || step.status == Status::StreamEnd || eaten >= in_size {
            let unfinished = more || !s.input.is_empty();
            return Ok(answer(cx, unfinished && step.status != Status::StreamEnd, &out[..filled]));
        }
        if step.consumed == 0 && step.produced == 0 {
            return Ok(answer(cx, false, &out[..filled]));
        }
    }
}

fn inflate(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let (in_size, out_size, flush) = limits(cx, a)?;
    let s = &mut *s;
    if !matches!(s.state, State::Inflate(_)) {
        return Err(not_initialized(cx));
    }
    let (mut out, mut filled, mut eaten) = (vec![0; out_size], 0, 0);
    loop {
        if s.ended && !s.input.is_empty() {
            match s.after_end {
                AfterEnd::Error => return Err(failed(cx, ZError::DataError)),
                AfterEnd::Cut => {
                    s.input.clear();
                    s.used = 0;
                }
                AfterEnd::Reset => {
                    let State::Inflate(z) = &mut s.state else { unreachable!("checked above") };
                    z.reset().map_err(|e| failed(cx, e))?;
                    s.ended = false;
                    s.crc = 0;
                }
            }
        }
        if s.ended {
            return Ok(answer(cx, false, &out[..filled]));
        }
        let input = s.input.front().map_or(&[][..], |first| &first[s.used..]);
        let input = &input[..input.len().min(in_size.saturating_sub(eaten).max(1))];
        let State::Inflate(z) = &mut s.state else { unreachable!("checked above") };
        let step = match z.run(input, &mut out[filled..], flush) {
            Ok(step) => step,
            Err((e, _)) => return Err(failed(cx, e)),
        };
        if s.raw {
            s.crc = crc32(s.crc, &out[filled..filled + step.produced]);
        }
        filled += step.produced;
        eaten += step.consumed;
        s.take(step.consumed);
        cx.charge(step.produced / 200 + 1);
        match step.status {
            Status::StreamEnd => {
                s.ended = true;
                // What follows comes in a piece of its own.
                if s.after_end == AfterEnd::Reset && !s.input.is_empty() {
                    return Ok(answer(cx, true, &out[..filled]));
                }
            }
            Status::NeedDictionary(adler) => {
                let out = pieces(cx, &out[..filled]);
                return Ok(cx.h().tuple(&[atom!("need_dictionary"), Term::small(i64::from(adler)), out]));
            }
            Status::Ok | Status::BufError => {}
        }
        if filled == out_size {
            return Ok(answer(cx, true, &out));
        }
        if !s.ended && (s.input.is_empty() || (step.consumed == 0 && step.produced == 0)) {
            return Ok(answer(cx, false, &out[..filled]));
        }
        if eaten >= in_size && !s.input.is_empty() {
            return Ok(answer(cx, true, &out[..filled]));
        }
    }
}

fn set_stash(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    if s.stash.is_some() {
        return Err(cx.badarg());
    }
    s.stash = Some(Owned::build(|h| term::copy::copy(a[1], h, LiteralRange::NONE)));
    Ok(am::OK)
}
fn get_stash(cx: &mut Ctx, a: &[Term]) -> Res {
    let s = stream(cx, a[0])?;
    Ok(match &s.stash {
        Some(kept) => {
            let t = term::copy::copy(kept.term, cx.h(), LiteralRange::NONE);
            cx.h().ok(t)
        }
        None => atom!("empty"),
    })
}
fn clear_stash(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    if s.stash.take().is_some() { Ok(am::OK) } else { Err(cx.error(am::ERROR)) }
}

// ---- beginning and ending

/// A number that zlib takes as an option.
fn number(cx: &mut Ctx, t: Term) -> Result<i32, Stop> {
    t.to::<i32>().ok_or_else(|| cx.badarg())
}
fn fresh(cx: &mut Ctx, t: Term) -> Result<base::sync::MutexGuard<'static, Stream>, Stop> {
    let s = stream(cx, t)?;
    if s.closed || !matches!(s.state, State::None) {
        return Err(cx.error(atom!("already_initialized")));
    }
    Ok(s)
}
fn deflate_init(cx: &mut Ctx, a: &[Term]) -> Res {
    let (level, method) = (number(cx, a[1])?, number(cx, a[2])?);
    let (window_bits, mem_level, strategy) = (number(cx, a[3])?, number(cx, a[4])?, number(cx, a[5])?);
    let mut s = fresh(cx, a[0])?;
    if method != 8 {
        return Err(failed(cx, ZError::StreamError));
    }
    let z = Deflate::new(DeflateOptions { level, window_bits, mem_level, strategy }).map_err(|e| failed(cx, e))?;
    s.begin(State::Deflate(z), window_bits < 0);
    Ok(am::OK)
}
fn inflate_init(cx: &mut Ctx, a: &[Term]) -> Res {
    let (window_bits, behaviour) = (number(cx, a[1])?, number(cx, a[2])?);
    let mut s = fresh(cx, a[0])?;
    let z = Inflate::new(window_bits).map_err(|e| failed(cx, e))?;
    s.begin(State::Inflate(z), window_bits < 0);
    s.after_end = match behaviour {
        0 => AfterEnd::Error,
        1 => AfterEnd::Reset,
        2 => AfterEnd::Cut,
        _ => return Err(cx.badarg()),
    };
    Ok(am::OK)
}
fn deflate_end(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Deflate(_) = s.state else { return Err(not_initialized(cx)) };
    let waiting = !s.input.is_empty();
    let State::Deflate(z) = std::mem::replace(&mut s.state, State::None) else { return Err(not_initialized(cx)) };
    s.restart();
    match z.end() {
        Ok(()) if !waiting => Ok(am::OK),
        Ok(()) => Err(failed(cx, ZError::DataError)),
        Err(e) => Err(failed(cx, e)),
    }
}
fn inflate_end(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Inflate(_) = s.state else { return Err(not_initialized(cx)) };
    let whole = s.ended && s.input.is_empty();
    s.begin(State::None, false);
    if whole { Ok(am::OK) } else { Err(failed(cx, ZError::DataError)) }
}
fn deflate_reset(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Deflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    z.reset().map_err(|e| failed(cx, e))?;
    s.restart();
    Ok(am::OK)
}
fn inflate_reset(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Inflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    z.reset().map_err(|e| failed(cx, e))?;
    s.restart();
    Ok(am::OK)
}
fn deflate_params(cx: &mut Ctx, a: &[Term]) -> Res {
    let (level, strategy) = (number(cx, a[1])?, number(cx, a[2])?);
    let mut s = stream(cx, a[0])?;
    let State::Deflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    // Everything was flushed before, so there is hardly any output.
    let mut out = [0; 64];
    match z.params(level, strategy, &mut out) {
        Ok(_) | Err(ZError::BufError) => Ok(am::OK),
        Err(e) => Err(failed(cx, e)),
    }
}

// ---- dictionaries, checksums, sizes

fn deflate_set_dictionary(cx: &mut Ctx, a: &[Term]) -> Res {
    let Ok(dictionary) = iolist::bytes_of(a[1]) else { return Err(cx.badarg()) };
    let mut s = stream(cx, a[0])?;
    let State::Deflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    z.set_dictionary(&dictionary).map(|adler| Term::small(i64::from(adler))).map_err(|e| failed(cx, e))
}
fn inflate_set_dictionary(cx: &mut Ctx, a: &[Term]) -> Res {
    let Ok(dictionary) = iolist::bytes_of(a[1]) else { return Err(cx.badarg()) };
    let mut s = stream(cx, a[0])?;
    let State::Inflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    z.set_dictionary(&dictionary).map(|()| am::OK).map_err(|e| failed(cx, e))
}
fn inflate_get_dictionary(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Inflate(z) = &mut s.state else { return Err(not_initialized(cx)) };
    match z.dictionary() {
        Ok(d) => Ok(cx.h().binary(&d)),
        Err(e) => Err(failed(cx, e)),
    }
}
fn crc(cx: &mut Ctx, a: &[Term]) -> Res {
    let s = stream(cx, a[0])?;
    if matches!(s.state, State::None) {
        return Err(not_initialized(cx));
    }
    Ok(Term::small(i64::from(s.crc)))
}
fn get_buffer_size(cx: &mut Ctx, a: &[Term]) -> Res {
    let s = stream(cx, a[0])?;
    Ok(Term::small(s.buffer_size as i64))
}
fn set_buffer_size(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let Some(n) = a[1].to::<usize>() else { return Err(cx.badarg()) };
    s.buffer_size = n;
    Ok(am::OK)
}

pub const NATIVES: &[Native] = &[
    Native::new("zlib", "open_nif", 0, open).nif(),
    Native::new("zlib", "close_nif", 1, close).nif(),
    Native::new("zlib", "set_controller_nif", 2, set_controller).nif(),
    Native::new("zlib", "enqueue_nif", 2, enqueue).nif(),
    Native::new("zlib", "deflate_nif", 4, deflate).nif(),
    Native::new("zlib", "inflate_nif", 4, inflate).nif(),
    Native::new("zlib", "setStash_nif", 2, set_stash).nif(),
    Native::new("zlib", "getStash_nif", 1, get_stash).nif(),
    Native::new("zlib", "clearStash_nif", 1, clear_stash).nif(),
    Native::new("zlib", "deflateInit_nif", 6, deflate_init).nif(),
    Native::new("zlib", "inflateInit_nif", 3, inflate_init).nif(),
    Native::new("zlib", "deflateEnd_nif", 1, deflate_end).nif(),
    Native::new("zlib", "inflateEnd_nif", 1, inflate_end).nif(),
    Native::new("zlib", "deflateReset_nif", 1, deflate_reset).nif(),
    Native::new("zlib", "inflateReset_nif", 1, inflate_reset).nif(),
    Native::new("zlib", "deflateParams_nif", 3, deflate_params).nif(),
    Native::new("zlib", "deflateSetDictionary_nif", 2, deflate_set_dictionary).nif(),
    Native::new("zlib", "inflateSetDictionary_nif", 2, inflate_set_dictionary).nif(),
    Native::new("zlib", "inflateGetDictionary_nif", 1, inflate_get_dictionary).nif(),
    Native::new("zlib", "crc32_nif", 1, crc).nif(),
    Native::new("zlib", "getBufSize_nif", 1, get_buffer_size).nif(),
    Native::new("zlib", "setBufSize_nif", 2, set_buffer_size).nif(),
];
