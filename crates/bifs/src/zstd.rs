//! Module `zstd` (since release 28): streams over `engines::zstd`. A stream belongs to the process that made it.

use crate::iolist;
use crate::result::Res;
use base::sync::{Mutex, MutexGuard};
use engines::zstd::{self, CCtx, CParameter, Code, DCtx, DParameter, EndDirective, FrameHeader, InBuffer, OutBuffer, ResetDirective, Strategy};
use node::{Ctx, Native, Stop};
use std::sync::Arc;
use term::magic::Magic;
use term::{Term, am, atom};

/// Bytes of output that one call gives at most.
const PIECE: usize = 128 * 1024;

enum State {
    Compress(CCtx<'static>),
    Decompress(DCtx<'static>),
    Closed,
}

struct Stream {
    owner: Term,
    state: State,
    /// Parameters that have been set, by their names.
    set: Vec<(Term, i32)>,
}

struct Shared(Mutex<Stream>);

/// What `zstd:dict/2` makes: the bytes, and for compressing the level.
struct Dictionary {
    bytes: Vec<u8>,
    level: Option<i32>,
}

/// How a parameter is given.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Flag,
    Strategy,
}

const PARAMETERS: [(&str, Kind, fn(u32) -> CParameter); 16] = [
    ("windowLog", Kind::Number, CParameter::WindowLog),
    ("hashLog", Kind::Number, CParameter::HashLog),
    ("chainLog", Kind::Number, CParameter::ChainLog),
    ("searchLog", Kind::Number, CParameter::SearchLog),
    ("minMatch", Kind::Number, CParameter::MinMatch),
    ("targetLength", Kind::Number, CParameter::TargetLength),
    ("targetCBlockSize", Kind::Number, CParameter::TargetCBlockSize),
    ("ldmHashLog", Kind::Number, CParameter::LdmHashLog),
    ("ldmMinMatch", Kind::Number, CParameter::LdmMinMatch),
    ("ldmBucketSizeLog", Kind::Number, CParameter::LdmBucketSizeLog),
    ("ldmHashRateLog", Kind::Number, CParameter::LdmHashRateLog),
    ("strategy", Kind::Strategy, |n| CParameter::Strategy(STRATEGIES[n.clamp(1, 9) as usize - 1].1)),
    ("enableLongDistanceMatching", Kind::Flag, |n| CParameter::EnableLongDistanceMatching(n != 0)),
    ("contentSizeFlag", Kind::Flag, |n| CParameter::ContentSizeFlag(n != 0)),
    ("checksumFlag", Kind::Flag, |n| CParameter::ChecksumFlag(n != 0)),
    ("dictIDFlag", Kind::Flag, |n| CParameter::DictIdFlag(n != 0)),
];

const STRATEGIES: [(&str, Strategy); 9] = [
    ("fast", Strategy::ZSTD_fast),
    ("dfast", Strategy::ZSTD_dfast),
    ("greedy", Strategy::ZSTD_greedy),
    ("lazy", Strategy::ZSTD_lazy),
    ("lazy2", Strategy::ZSTD_lazy2),
    ("btlazy2", Strategy::ZSTD_btlazy2),
    ("btopt", Strategy::ZSTD_btopt),
    ("btultra", Strategy::ZSTD_btultra),
    ("btultra2", Strategy::ZSTD_btultra2),
];

fn failed(cx: &mut Ctx, code: Code) -> Stop {
    failed_as(cx, zstd::get_error_name(code))
}
fn failed_as(cx: &mut Ctx, text: &str) -> Stop {
    let text = cx.h().binary(text.as_bytes());
    cx.error_with(atom!("zstd_error"), text)
}
/// `{badarg, {What, Value}}`
fn wrong(cx: &mut Ctx, what: &str, value: Term) -> Stop {
    let cause = cx.h().tuple(&[term::atom::intern(what), value]);
    cx.error_with(am::BADARG, cause)
}

fn make(cx: &mut Ctx, value: impl std::any::Any + Send + Sync) -> Term {
    let id = cx.node.next_ref();
    cx.h().magic_ref(Arc::new(Magic { id: (id, 0), value: Box::new(value) }))
}
fn open(cx: &mut Ctx, state: State) -> Res {
    let owner = cx.pid;
    Ok(make(cx, Shared(Mutex::new(Stream { owner, state, set: Vec::new() }))))
}
fn init_compress(cx: &mut Ctx, _: &[Term]) -> Res {
    open(cx, State::Compress(CCtx::create()))
}
fn init_decompress(cx: &mut Ctx, _: &[Term]) -> Res {
    open(cx, State::Decompress(DCtx::create()))
}

fn stream(cx: &mut Ctx, t: Term) -> Result<MutexGuard<'static, Stream>, Stop> {
    let Some(shared) = t.magic_value::<Shared>() else { return Err(cx.badarg()) };
    let s = shared.0.lock();
    if s.owner != cx.pid {
        return Err(cx.error(atom!("not_on_controlling_process")));
    }
    Ok(s)
}
/// Calls the library for a stream that compresses (or does not).
fn with_c<R>(cx: &mut Ctx, t: Term, f: impl FnOnce(&mut CCtx<'static>) -> Result<R, Code>) -> Result<R, Stop> {
    let mut s = stream(cx, t)?;
    match &mut s.state {
        State::Compress(c) => f(c).map_err(|code| failed(cx, code)),
        _ => Err(cx.badarg()),
    }
}
fn with_d<R>(cx: &mut Ctx, t: Term, f: impl FnOnce(&mut DCtx<'static>) -> Result<R, Code>) -> Result<R, Stop> {
    let mut s = stream(cx, t)?;
    match &mut s.state {
        State::Decompress(d) => f(d).map_err(|code| failed(cx, code)),
        _ => Err(cx.badarg()),
    }
}
fn bytes(cx: &mut Ctx, t: Term) -> Result<Vec<u8>, Stop> {
    iolist::bytes(t).map_err(|_| cx.badarg())
}

// ---- dictionaries
fn load_c(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = bytes(cx, a[1])?;
    with_c(cx, a[0], |c| c.load_dictionary(&d))?;
    Ok(am::OK)
}
fn load_d(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = bytes(cx, a[1])?;
    with_d(cx, a[0], |c| c.load_dictionary(&d))?;
    Ok(am::OK)
}
fn dictionary(cx: &mut Ctx, t: Term, compresses: bool) -> Result<&'static Dictionary, Stop> {
    t.magic_value::<Dictionary>().filter(|d| d.level.is_some() == compresses).ok_or_else(|| cx.badarg())
}
fn ref_c(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = dictionary(cx, a[1], true)?;
    with_c(cx, a[0], |c| {
        c.set_parameter(CParameter::CompressionLevel(d.level.unwrap_or(0)))?;
        c.load_dictionary(&d.bytes)
    })?;
    Ok(am::OK)
}
fn ref_d(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = dictionary(cx, a[1], false)?;
    with_d(cx, a[0], |c| c.load_dictionary(&d.bytes))?;
    Ok(am::OK)
}
fn create_cdict(cx: &mut Ctx, a: &[Term]) -> Res {
    let bytes = bytes(cx, a[0])?;
    let Some(level) = a[1].to::<i32>() else { return Err(cx.badarg()) };
    Ok(make(cx, Dictionary { bytes, level: Some(level) }))
}
fn create_ddict(cx: &mut Ctx, a: &[Term]) -> Res {
    let bytes = bytes(cx, a[0])?;
    Ok(make(cx, Dictionary { bytes, level: None }))
}
fn id_of_cdict(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = dictionary(cx, a[0], true)?;
    Ok(Term::small(zstd::dictionary_id(&d.bytes).into()))
}
fn id_of_ddict(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = dictionary(cx, a[0], false)?;
    Ok(Term::small(zstd::dictionary_id(&d.bytes).into()))
}
fn id_of_dict(cx: &mut Ctx, a: &[Term]) -> Res {
    let d = bytes(cx, a[0])?;
    Ok(Term::small(zstd::dictionary_id(&d).into()))
}
fn id_of_frame(cx: &mut Ctx, a: &[Term]) -> Res {
    let frame = bytes(cx, a[0])?;
    Ok(Term::small(FrameHeader::read(&frame).map_or(0, |h| h.dictionary).into()))
}
fn frame_header(cx: &mut Ctx, a: &[Term]) -> Res {
    let frame = bytes(cx, a[0])?;
    let h = match FrameHeader::read(&frame) {
        Ok(h) => h,
        Err(e) => return Err(failed_as(cx, e.text())),
    };
    let a = cx.h();
    let [content, window, block] = [h.content_size.unwrap_or(u64::MAX), h.window_size, h.block_size_max].map(|n| a.uint(n));
    let pairs = [
        (atom!("frameContentSize"), content),
        (atom!("windowSize"), window),
        (atom!("blockSizeMax"), block),
        (atom!("frameType"), if h.skippable { atom!("ZSTD_skippableFrame") } else { atom!("ZSTD_frame") }),
        (atom!("headerSize"), Term::small(h.size as i64)),
        (atom!("dictID"), Term::small(h.dictionary.into())),
        (atom!("checksumFlag"), Term::bool(h.checksum)),
    ];
    let header = term::map::from_pairs(a, &pairs);
    Ok(a.ok(header))
}

// ---- parameters
fn find(key: Term) -> Option<&'static (&'static str, Kind, fn(u32) -> CParameter)> {
    let name = term::atom::as_text(key)?;
    PARAMETERS.iter().find(|p| p.0 == name)
}
fn set_c(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut s = stream(cx, a[0])?;
    let State::Compress(c) = &mut s.state else { return Err(cx.badarg()) };
    let level = atom!("compressionLevel");
    let (parameter, value) = if a[1] == level {
        let Some(n) = a[2].to::<i32>() else { return Err(wrong(cx, "invalid_value", a[2])) };
        let n = if n == 0 { 3 } else { n.clamp(zstd::min_c_level(), zstd::max_c_level()) };
        (CParameter::CompressionLevel(n), n)
    } else {
        let Some(&(_, kind, parameter)) = find(a[1]) else { return Err(wrong(cx, "invalid_key", a[1])) };
        let value = match kind {
            Kind::Number => a[2].to::<i32>(),
            Kind::Flag => a[2].as_bool().map(i32::from),
            Kind::Strategy if a[2] == atom!("default") => Some(0),
            Kind::Strategy => {
                let name = term::atom::as_text(a[2]).unwrap_or("");
                STRATEGIES.iter().position(|s| s.0 == name).map(|n| n as i32 + 1)
            }
        };
        let Some(value) = value else { return Err(wrong(cx, "invalid_value", a[2])) };
        if value < 0 {
            return Err(failed_as(cx, "Parameter is out of bound"));
        }
        (parameter(value as u32), value)
    };
    // The library has no number for the strategy that it chooses itself.
    if !(a[1] == atom!("strategy") && value == 0)
        && let Err(code) = c.set_parameter(parameter)
    {
        return Err(failed(cx, code));
    }
    s.set.retain(|p| p.0 != a[1]);
    s.set.push((a[1], value));
    Ok(am::OK)
}
fn get_c(cx: &mut Ctx, a: &[Term]) -> Res {
    let s = stream(cx, a[0])?;
    if !matches!(s.state, State::Compress(_)) {
        return Err(cx.badarg());
    }
    let value = s.set.iter().find(|p| p.0 == a[1]).map(|p| p.1);
    if a[1] == atom!("compressionLevel") {
        return Ok(Term::small(value.unwrap_or(3).into()));
    }
    match find(a[1]) {
        None => Err(wrong(cx, "invalid_key", a[1])),
        // As ERTS answers, whatever they are set to.
        Some((_, Kind::Flag, _)) => Ok(am::FALSE),
        Some((_, Kind::Strategy, _)) => Ok(match value.unwrap_or(0) {
            0 => atom!("default"),
            n => term::atom::intern(STRATEGIES[n as usize - 1].0),
        }),
        Some(_) => Ok(Term::small(value.unwrap_or(0).into())),
    }
}
fn set_d(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[1] != atom!("windowLogMax") {
        return Err(wrong(cx, "invalid_key", a[1]));
    }
    let Some(n) = a[2].to::<u32>() else { return Err(cx.badarg()) };
    with_d(cx, a[0], |d| d.set_parameter(DParameter::WindowLogMax(n)))?;
    let mut s = stream(cx, a[0])?;
    s.set = vec![(a[1], n as i32)];
    Ok(am::OK)
}
fn get_d(cx: &mut Ctx, a: &[Term]) -> Res {
    let s = stream(cx, a[0])?;
    if !matches!(s.state, State::Decompress(_)) {
        return Err(cx.badarg());
    }
    if a[1] != atom!("windowLogMax") {
        return Err(wrong(cx, "invalid_key", a[1]));
    }
    Ok(Term::small(s.set.first().map_or(27, |p| p.1).into()))
}
fn pledge(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(n) = a[1].as_u64() else { return Err(cx.badarg()) };
    with_c(cx, a[0], |c| c.set_pledged_src_size(Some(n)))?;
    Ok(am::OK)
}

// ---- data
/// What a step has made of its input: how much of it is used, the output, and whether nothing more is to come.
struct Step {
    used: usize,
    out: Vec<u8>,
    all: bool,
}

fn answer(cx: &mut Ctx, input: Term, length: usize, step: Step, ends: bool) -> Res {
    cx.charge((step.used + step.out.len()) / 1000);
    let out = cx.h().binary(&step.out);
    Ok(if step.used < length {
        let remainder = cx.h().sub_bits(input, 8 * step.used, 8 * (length - step.used));
        cx.h().tuple(&[atom!("continue"), remainder, out])
    } else if !ends {
        cx.h().tuple(&[atom!("continue"), out])
    } else if step.all {
        cx.h().tuple(&[atom!("done"), out])
    } else {
        cx.h().tuple(&[am::FLUSH, out])
    })
}

fn compress(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(input), Some(directive)) = (a[1].as_bytes(), a[2].to::<u8>()) else { return Err(cx.badarg()) };
    let directive = match directive {
        0 => EndDirective::ZSTD_e_continue,
        1 => EndDirective::ZSTD_e_flush,
        2 => EndDirective::ZSTD_e_end,
        _ => return Err(cx.badarg()),
    };
    let step = with_c(cx, a[0], |c| {
        let mut out = Vec::with_capacity(PIECE);
        let mut from = InBuffer::around(&input);
        let left = c.compress_stream2(&mut OutBuffer::around(&mut out), &mut from, directive)?;
        Ok(Step { used: from.pos(), all: left == 0, out })
    })?;
    answer(cx, a[1], input.len(), step, directive != EndDirective::ZSTD_e_continue)
}

fn decompress(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(input), Some(directive)) = (a[1].as_bytes(), a[2].to::<u8>().filter(|&d| d <= 2)) else { return Err(cx.badarg()) };
    let step = with_d(cx, a[0], |d| {
        let mut out = Vec::with_capacity(PIECE);
        let mut from = InBuffer::around(&input);
        d.decompress_stream(&mut OutBuffer::around(&mut out), &mut from)?;
        // Full output may not be all; a frame that is cut off is no error.
        Ok(Step { used: from.pos(), all: out.len() < PIECE, out })
    })?;
    answer(cx, a[1], input.len(), step, directive != 0)
}

fn reset_c(cx: &mut Ctx, a: &[Term]) -> Res {
    with_c(cx, a[0], |c| c.reset(ResetDirective::SessionOnly).map(|_| ()))?;
    Ok(am::OK)
}
fn reset_d(cx: &mut Ctx, a: &[Term]) -> Res {
    with_d(cx, a[0], |d| d.reset(ResetDirective::SessionOnly).map(|_| ()))?;
    Ok(am::OK)
}
fn close_c(cx: &mut Ctx, a: &[Term]) -> Res {
    with_c(cx, a[0], |_| Ok(()))?;
    stream(cx, a[0])?.state = State::Closed;
    Ok(am::OK)
}
fn close_d(cx: &mut Ctx, a: &[Term]) -> Res {
    with_d(cx, a[0], |_| Ok(()))?;
    stream(cx, a[0])?.state = State::Closed;
    Ok(am::OK)
}

const fn nif(name: &'static str, arity: u8, f: node::NativeFn) -> Native {
    Native::new("zstd", name, arity, f).nif()
}

pub const NATIVES: &[Native] = &[
    nif("init_compress_nif", 0, init_compress),
    nif("load_compress_dictionary_nif", 2, load_c),
    nif("ref_compress_dictionary_nif", 2, ref_c),
    nif("set_compress_parameter_nif", 3, set_c),
    nif("get_compress_parameter_nif", 2, get_c),
    nif("set_pledged_src_size_nif", 2, pledge),
    nif("compress_stream_nif", 3, compress),
    nif("compress_reset_nif", 1, reset_c),
    nif("compress_close_nif", 1, close_c),
    nif("init_decompress_nif", 0, init_decompress),
    nif("load_decompress_dictionary_nif", 2, load_d),
    nif("ref_decompress_dictionary_nif", 2, ref_d),
    nif("set_decompress_parameter_nif", 3, set_d),
    nif("get_decompress_parameter_nif", 2, get_d),
    nif("decompress_stream_nif", 3, decompress),
    nif("decompress_reset_nif", 1, reset_d),
    nif("decompress_close_nif", 1, close_d),
    nif("create_cdict_nif", 2, create_cdict),
    nif("create_ddict_nif", 1, create_ddict),
    nif("getDictId_fromCDict_nif", 1, id_of_cdict),
    nif("getDictId_fromDDict_nif", 1, id_of_ddict),
    nif("getDictId_fromDict_nif", 1, id_of_dict),
    nif("getDictId_fromFrame_nif", 1, id_of_frame),
    nif("get_frame_header_nif", 1, frame_header),
];
