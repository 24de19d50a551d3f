//! Module `binary`: searching (memchr's and aho-corasick's algorithms), parts, copies, unsigned integers.

use crate::erlang::guard::part;
use crate::result::Res;
use crate::slice;
use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;
use node::{Ctx, Native, Stop};
use process::NativeState;
use std::any::Any;
use term::binary::Growing;
use num::bytes::Endian;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use term::magic::Magic;
use term::{Kind, Term, am, atom, int};

type Bytes = Cow<'static, [u8]>;

/// The bytes of a binary argument.
fn bytes(cx: &mut Ctx, t: Term) -> Result<Bytes, Stop> {
    t.as_bytes().ok_or_else(|| cx.badarg())
}

// ---- patterns

/// What is searched for: the value behind a compiled pattern.
enum Pattern {
    Byte(u8),
    /// With a searcher for long texts, made when there is one.
    One(Bytes, OnceLock<Box<memmem::Finder<'static>>>),
    /// A few short ones, and what they begin with; likewise. Of several at one place, the longest.
    Few(Vec<Bytes>, First, OnceLock<Option<AhoCorasick>>),
    /// Likewise of many.
    Many(AhoCorasick),
}

/// Texts from this many bytes on are worth a searcher.
const LONG_TEXT: usize = 4096;
/// How many patterns are few, and how long short ones.
const FEW: usize = 32;
const SHORT: usize = 16;

/// The bytes that some patterns begin with.
enum First {
    Two(u8, u8),
    Three(u8, u8, u8),
    Many([u64; 4]),
}

impl First {
    fn of(patterns: &[Bytes]) -> First {
        let mut set = [0u64; 4];
        patterns.iter().for_each(|p| set[usize::from(p[0]) / 64] |= 1 << (p[0] % 64));
        let mut all = (0..=255u8).filter(|b| set[usize::from(*b) / 64] >> (b % 64) & 1 == 1);
        match set.iter().map(|w| w.count_ones()).sum::<u32>() {
            n @ 1..=3 => {
                let a = all.next().unwrap_or(0);
                let b = all.next().unwrap_or(a);
                if n == 3 { First::Three(a, b, all.next().unwrap_or(b)) } else { First::Two(a, b) }
            }
            _ => First::Many(set),
        }
    }
    /// The next place at or after `from` where one of them is.
    fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = &text[from..];
        match *self {
            First::Two(a, b) => memchr::memchr2(a, b, rest),
            First::Three(a, b, c) => memchr::memchr3(a, b, c, rest),
            First::Many(set) => rest.iter().position(|b| set[usize::from(*b) / 64] >> (b % 64) & 1 == 1),
        }
        .map(|i| from + i)
    }
}

fn searcher(patterns: &[Bytes]) -> Option<AhoCorasick> {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()
}

impl Pattern {
    fn of(patterns: Vec<Bytes>) -> Option<Pattern> {
        match &patterns[..] {
            [] => None,
            _ if patterns.iter().any(|p| p.is_empty()) => None,
            [p] if p.len() == 1 => Some(Pattern::Byte(p[0])),
            [p] => Some(Pattern::One(p.clone(), OnceLock::new())),
            _ if patterns.len() <= FEW && patterns.iter().all(|p| p.len() <= SHORT) => {
                let first = First::of(&patterns);
                Some(Pattern::Few(patterns, first, OnceLock::new()))
            }
            _ => searcher(&patterns).map(Pattern::Many),
        }
    }
    /// Length of the longest that is looked for.
    fn longest(&self) -> usize {
        match self {
            Pattern::Byte(_) => 1,
            Pattern::One(p, _) => p.len(),
            Pattern::Few(all, ..) => all.iter().map(|p| p.len()).max().unwrap_or(0),
            Pattern::Many(a) => a.max_pattern_len(),
        }
    }
    /// Place and length of the first match at or after `from`. `more`: there was one already, so a searcher pays.
    fn find(&self, text: &[u8], from: usize, more: bool) -> Option<(usize, usize)> {
        let rest = &text[from..];
        match self {
            Pattern::Byte(b) => memchr::memchr(*b, rest).map(|i| (from + i, 1)),
            Pattern::One(p, _) if !more && rest.len() < LONG_TEXT => memmem::find(rest, p).map(|i| (from + i, p.len())),
            Pattern::One(p, f) => {
                let f = f.get_or_init(|| Box::new(memmem::Finder::new(&p[..]).into_owned()));
                f.find(rest).map(|i| (from + i, p.len()))
            }
            Pattern::Few(all, _, long) if rest.len() >= LONG_TEXT => match long.get_or_init(|| searcher(all)) {
                Some(a) => a.find(rest).map(|m| (from + m.start(), m.len())),
                None => None,
            },
            Pattern::Few(all, first, _) => {
                let mut at = from;
                loop {
                    at = first.next(text, at)?;
                    let here = &text[at..];
                    if let Some(n) = all.iter().filter(|p| here.starts_with(p)).map(|p| p.len()).max() {
                        return Some((at, n));
                    }
                    at += 1;
                }
            }
            Pattern::Many(a) => a.find(rest).map(|m| (from + m.start(), m.len())),
        }
    }
}

/// A pattern at hand or the one of a compiled term.
enum Search {
    Own(Pattern),
    Compiled(&'static Pattern),
}

impl std::ops::Deref for Search {
    type Target = Pattern;
    fn deref(&self) -> &Pattern {
        match self {
            Search::Own(p) => p,
            Search::Compiled(p) => p,
        }
    }
}

/// What a compiled pattern's reference leads to.
struct Compiled {
    pattern: Pattern,
    many: bool,
}

/// `kept`: it will outlive the terms.
fn plain_pattern(t: Term, kept: bool) -> Option<(Pattern, bool)> {
    if t.is_list() {
        let all: Option<Vec<Bytes>> = t.proper_list()?.into_iter().map(|b| b.as_bytes()).collect();
        let mut all = all?;
        let many = all.len() > 1;
        if kept {
            own(&mut all);
        }
        Pattern::of(all).map(|p| (p, many))
    } else {
        let mut one = vec![t.as_bytes()?];
        if kept {
            own(&mut one);
        }
        Pattern::of(one).map(|p| (p, false))
    }
}
/// Copies what may be borrowed from terms.
fn own(all: &mut [Bytes]) {
    all.iter_mut().for_each(|b| *b = Cow::Owned(std::mem::take(b).into_owned()));
}
fn pattern(cx: &mut Ctx, t: Term) -> Result<Search, Stop> {
    if let Some(&[kind, r]) = t.as_tuple_n()
        && (kind == atom!("bm") || kind == atom!("ac"))
    {
        let right = |p: &&Compiled| p.many == (kind == atom!("ac"));
        return r.magic_value::<Compiled>().filter(right).map(|c| Search::Compiled(&c.pattern)).ok_or_else(|| cx.badarg());
    }
    plain_pattern(t, false).map(|(p, _)| Search::Own(p)).ok_or_else(|| cx.badarg())
}
fn compile_pattern(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some((p, many)) = plain_pattern(a[0], true) else { return Err(cx.badarg()) };
    let id = (cx.node.next_ref(), 0);
    let r = cx.h().magic_ref(Arc::new(Magic { id, value: Box::new(Compiled { pattern: p, many }) }));
    let kind = if many { atom!("ac") } else { atom!("bm") };
    Ok(cx.h().tuple(&[kind, r]))
}

/// `{Start, Length}` within `size`, a negative length going backwards: start and end.
fn range(t: Term, size: usize) -> Option<(usize, usize)> {
    let &[start, len] = t.as_tuple_n()?;
    let (start, len, size) = (start.as_i64()?, len.as_i64()?, size as i64);
    let (from, to) = if len < 0 { (start.checked_add(len)?, start) } else { (start, start.checked_add(len)?) };
    (from >= 0 && from <= to && to <= size).then_some((from as usize, to as usize))
}

#[derive(Default)]
struct Options {
    global: bool,
    trim: bool,
    trim_all: bool,
}

fn options(cx: &mut Ctx, t: Term, size: usize, split: bool) -> Result<(Options, usize, usize), Stop> {
    let (mut o, mut from, mut to) = (Options::default(), 0, size);
    let Some(list) = t.proper_list() else { return Err(cx.badarg()) };
    for e in list {
        let scope = e.as_tuple_n::<2>().filter(|p| p[0] == atom!("scope")).and_then(|p| range(p[1], size));
        if let Some(r) = scope {
            (from, to) = r;
        } else if split && e == am::GLOBAL {
            o.global = true;
        } else if split && e == atom!("trim") {
            o.trim = true;
        } else if split && e == atom!("trim_all") {
            o.trim_all = true;
        } else {
            return Err(cx.badarg());
        }
    }
    Ok((o, from, to))
}

/// Counts the work of a search.
fn searched(cx: &mut Ctx, n: usize) {
    cx.charge(n / 1000 + 1);
}
fn pair(cx: &mut Ctx, at: usize, len: usize) -> Term {
    cx.h().tuple(&[Term::small(at as i64), Term::small(len as i64)])
}
/// Matches so far, and where to go on.
#[derive(Default)]
struct Found {
    places: Vec<(usize, usize)>,
    from: Option<usize>,
}

/// All matches within a part of the text (the first alone unless `all`), in slices if there are many or the text is long.
fn search(cx: &mut Ctx, p: &Pattern, text: &[u8], from: usize, all: bool) -> Result<Vec<(usize, usize)>, Stop> {
    let mut s = slice::resume::<Found>(cx);
    let from = s.from.unwrap_or(from);
    let mut at = from;
    let end = text.len().min(from + slice::budget(cx, 1000));
    // A match may begin before the slice's end and reach beyond it: the slice's last bytes are looked at again.
    let longest = p.longest();
    let mut before = s.places.len();
    while let Some((place, len)) = p.find(&text[..text.len().min(end + longest)], at, at > from) {
        if place >= end && end < text.len() {
            break;
        }
        s.places.push((place, len));
        at = place + len;
        if !all {
            return Ok(s.places);
        }
        if at >= end || s.places.len() - before > 4096 {
            cx.charge(4096 / 4);
            before = s.places.len();
            if cx.exhausted() && at < text.len() {
                s.from = Some(at);
                return Err(slice::give_way(cx, s));
            }
        }
    }
    searched(cx, end - from);
    if end < text.len() {
        s.from = Some(at.max(end));
        return Err(slice::give_way(cx, s));
    }
    Ok(s.places)
}

/// A long list of parts of a binary that is being made, from its end.
struct Making {
    list: [Term; 1],
    /// Start and length of those to come.
    parts: Vec<(usize, usize)>,
}

impl NativeState for Making {
    fn roots(&mut self) -> &mut [Term] {
        &mut self.list
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Making {
    fn new(parts: Vec<(usize, usize)>) -> Making {
        Making { list: [Term::NIL], parts }
    }
    /// The list, each part as `item` makes it.
    fn run(mut self, cx: &mut Ctx, item: impl Fn(&mut Ctx, (usize, usize)) -> Term) -> Res {
        let budget = slice::elements(cx, 4);
        for _ in 0..budget {
            let Some(part) = self.parts.pop() else { break };
            let part = item(cx, part);
            self.list[0] = cx.h().cons(part, self.list[0]);
        }
        if self.parts.is_empty() {
            cx.charge(100);
            return Ok(self.list[0]);
        }
        cx.charge(budget / 4);
        Err(slice::keep(cx, Box::new(self)))
    }
}

fn find(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = bytes(cx, a[0])?;
    let (_, from, to) = options(cx, a.get(2).copied().unwrap_or(Term::NIL), text.len(), false)?;
    // Where there is nothing to search, nobody looks at the pattern.
    if from == to {
        return Ok(am::NOMATCH);
    }
    let p = pattern(cx, a[1])?;
    Ok(match search(cx, &p, &text[..to], from, false)?.first() {
        Some(&(at, len)) => pair(cx, at, len),
        None => am::NOMATCH,
    })
}
fn find_all(cx: &mut Ctx, a: &[Term]) -> Res {
    let places = |cx: &mut Ctx, (at, len)| pair(cx, at, len);
    if let Some(making) = slice::kept::<Making>(cx) {
        return making.run(cx, places);
    }
    let text = bytes(cx, a[0])?;
    let (_, from, to) = options(cx, a.get(2).copied().unwrap_or(Term::NIL), text.len(), false)?;
    if from == to {
        return Ok(Term::NIL);
    }
    let p = pattern(cx, a[1])?;
    let found = search(cx, &p, &text[..to], from, true)?;
    Making::new(found).run(cx, places)
}
fn split(cx: &mut Ctx, a: &[Term]) -> Res {
    let sub = |cx: &mut Ctx, (start, len)| cx.h().sub_bits(a[0], 8 * start, 8 * len);
    if let Some(making) = slice::kept::<Making>(cx) {
        return making.run(cx, sub);
    }
    let text = bytes(cx, a[0])?;
    let (o, from, to) = options(cx, a.get(2).copied().unwrap_or(Term::NIL), text.len(), true)?;
    if text.is_empty() {
        return Ok(if o.trim || o.trim_all { Term::NIL } else { cx.h().list(&[a[0]]) });
    }
    let p = pattern(cx, a[1])?;
    let found = search(cx, &p, &text[..to], from, o.global)?;
    let mut parts = Vec::with_capacity(found.len() + 1);
    let mut start = 0;
    for (at, len) in found {
        parts.push((start, at - start));
        start = at + len;
    }
    parts.push((start, text.len() - start));
    if o.trim_all {
        parts.retain(|&(_, len)| len > 0);
    } else if o.trim {
        while parts.last().is_some_and(|&(_, len)| len == 0) {
            parts.pop();
        }
    }
    if let [(0, len)] = parts[..]
        && len == text.len()
    {
        return Ok(cx.h().list(&[a[0]]));
    }
    Making::new(parts).run(cx, sub)
}

// ---- parts

fn at(cx: &mut Ctx, a: &[Term]) -> Res {
    let b = bytes(cx, a[0])?;
    let found = a[1].to::<usize>().and_then(|i| b.get(i));
    found.map(|&b| Term::small(i64::from(b))).ok_or_else(|| cx.badarg())
}
fn first(cx: &mut Ctx, a: &[Term]) -> Res {
    let b = bytes(cx, a[0])?;
    b.first().map(|&b| Term::small(i64::from(b))).ok_or_else(|| cx.badarg())
}
fn last(cx: &mut Ctx, a: &[Term]) -> Res {
    let b = bytes(cx, a[0])?;
    b.last().map(|&b| Term::small(i64::from(b))).ok_or_else(|| cx.badarg())
}
fn part_3(cx: &mut Ctx, a: &[Term]) -> Res {
    part(cx, a[0], a[1], a[2]).ok_or_else(|| cx.badarg())
}
fn part_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(&[start, len]) = a[1].as_tuple_n() else { return Err(cx.badarg()) };
    part(cx, a[0], start, len).ok_or_else(|| cx.badarg())
}

/// Copies of a short binary are made in blocks of about so many bytes.
const BLOCK: usize = 1 << 14;
/// So many bytes are copied before the reductions are looked at.
const MOST_AT_ONCE: usize = 1 << 18;

/// What is copied so far.
#[derive(Default)]
struct Copying(Option<Growing>);

/// More bytes than any machine gives us.
const TOO_MANY: usize = 1 << 40;

fn copy_1(cx: &mut Ctx, a: &[Term]) -> Res {
    copy_2(cx, &[a[0], Term::small(1)])
}
fn copy_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let b = bytes(cx, a[0])?;
    let Some(n) = a[1].as_u64() else { return Err(cx.badarg()) };
    let size = usize::try_from(n).ok().and_then(|n| n.checked_mul(b.len()));
    let Some(size) = size else { return Err(cx.badarg()) };
    if size > TOO_MANY {
        return Err(cx.system_limit());
    }
    // Copied in blocks of many, and those in slices.
    let block = if b.len() < BLOCK { b.repeat((BLOCK / b.len().max(1)).min(n as usize)) } else { Vec::new() };
    let block = if block.is_empty() { &b[..] } else { &block };
    let Copying(out) = slice::resume(cx);
    let mut out = out.unwrap_or_else(|| Growing::with_capacity(size));
    while out.len() < size {
        let from = if block.len() > MOST_AT_ONCE { out.len() % block.len() } else { 0 };
        let part = &block[from..];
        let part = &part[..part.len().min(MOST_AT_ONCE).min(size - out.len())];
        out.extend(part);
        cx.charge(part.len() / 1000 + 1);
        if cx.exhausted() && out.len() < size {
            return Err(slice::give_way(cx, Copying(Some(out))));
        }
    }
    Ok(cx.h().grown(out, 8 * size))
}
/// The size of the buffer that the binary keeps alive.
fn referenced_byte_size(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_bitstring() {
        return Err(cx.badarg());
    }
    let base = if a[0].is_kind(Kind::SubBits) { a[0].base() } else { a[0] };
    // What is appended to has room behind it.
    if let Some((used, _)) = base.off_heap_room() {
        return Ok(Term::small(used as i64));
    }
    Ok(Term::small(base.bit_size().unwrap_or(0).div_ceil(8) as i64))
}

fn all_bytes(cx: &mut Ctx, list: Term) -> Result<Vec<Bytes>, Stop> {
    let all: Option<Vec<Bytes>> = list.proper_list().and_then(|l| l.into_iter().map(|b| b.as_bytes()).collect());
    all.filter(|l| !l.is_empty()).ok_or_else(|| cx.badarg())
}
fn longest_common_prefix(cx: &mut Ctx, a: &[Term]) -> Res {
    let all = all_bytes(cx, a[0])?;
    let n = all.iter().map(|b| b.iter().zip(&all[0][..]).take_while(|(x, y)| x == y).count()).min().unwrap_or(0);
    cx.charge(n * all.len() / 1000);
    Ok(Term::small(n as i64))
}
fn longest_common_suffix(cx: &mut Ctx, a: &[Term]) -> Res {
    let all = all_bytes(cx, a[0])?;
    let first = &all[0];
    let n = all.iter().map(|b| b.iter().rev().zip(first.iter().rev()).take_while(|(x, y)| x == y).count()).min().unwrap_or(0);
    cx.charge(n * all.len() / 1000);
    Ok(Term::small(n as i64))
}

// ---- integers

fn endian(cx: &mut Ctx, t: Option<&Term>) -> Result<Endian, Stop> {
    match t {
        None | Some(&am::BIG) => Ok(Endian::Big),
        Some(&am::LITTLE) => Ok(Endian::Little),
        _ => Err(cx.badarg()),
    }
}
fn encode_unsigned(cx: &mut Ctx, a: &[Term]) -> Res {
    let order = endian(cx, a.get(1))?;
    let mut room = [0];
    let Some(n) = int::as_int(a[0], &mut room).filter(|n| !n.neg) else { return Err(cx.badarg()) };
    let len = num::bytes::byte_len(n).max(1);
    let (t, out) = cx.h().bits_mut(8 * len);
    num::bytes::to_bytes(n, out, order);
    cx.charge(len / 1000);
    Ok(t)
}
fn decode_unsigned(cx: &mut Ctx, a: &[Term]) -> Res {
    let order = endian(cx, a.get(1))?;
    let b = bytes(cx, a[0])?;
    cx.charge(b.len() / 1000);
    match int::from_bytes(cx.h(), &b, 8 * b.len(), order, false) {
        Ok(t) if crate::result::too_long(cx, t) => Err(cx.system_limit()),
        Ok(t) => Ok(t),
        Err(_) => Err(cx.system_limit()),
    }
}

pub const NATIVES: &[Native] = &[
    Native::new("binary", "at", 2, at),
    Native::new("binary", "compile_pattern", 1, compile_pattern),
    Native::new("binary", "copy", 1, copy_1),
    Native::new("binary", "copy", 2, copy_2),
    Native::new("binary", "decode_unsigned", 1, decode_unsigned),
    Native::new("binary", "decode_unsigned", 2, decode_unsigned),
    Native::new("binary", "encode_unsigned", 1, encode_unsigned),
    Native::new("binary", "encode_unsigned", 2, encode_unsigned),
    Native::new("binary", "first", 1, first),
    Native::new("binary", "last", 1, last),
    Native::new("binary", "longest_common_prefix", 1, longest_common_prefix),
    Native::new("binary", "longest_common_suffix", 1, longest_common_suffix),
    Native::new("binary", "match", 2, find),
    Native::new("binary", "match", 3, find),
    Native::new("binary", "matches", 2, find_all),
    Native::new("binary", "matches", 3, find_all),
    Native::new("binary", "part", 2, part_2),
    Native::new("binary", "part", 3, part_3),
    Native::new("binary", "referenced_byte_size", 1, referenced_byte_size),
    Native::new("binary", "split", 2, split),
    Native::new("binary", "split", 3, split),
];
