//! Module `unicode`: character data in Latin-1 or UTF-8 to UTF-8 binaries and lists. Other encodings are the module's own
//! Erlang code, to which we trap.

use crate::result::Res;
use crate::slice;
use node::{Ctx, Native};
use process::NativeState;
use std::any::Any;
use std::borrow::Cow;
use term::binary::Growing;
use term::bits::Bits;
use term::{Alloc, Term, am, atom};

/// How a conversion ended.
enum End {
    Whole,
    /// What is left, from the wrong character on.
    Error(Term),
    /// The bytes of a character that the end cuts short.
    Incomplete(Vec<u8>),
}

/// The term is not character data.
struct NotChars;

/// More work than the slice allows is left.
struct Tired;

/// ERTS takes a larger integer, a bignum there, for the end of what it must check.
const ERTS_SMALL: i64 = 1 << 59;

/// Characters of lists handled for one reduction.
const CHARS_PER_REDUCTION: usize = 8;
/// Bytes of binaries that take as long as one of them.
const BYTES_PER_CHAR: usize = 16;
/// Bytes of a binary handled at once.
const CHUNK: usize = 1 << 17;

/// Bytes that a character has, by its first; `None` if no character begins so.
fn needed(lead: u8) -> Option<usize> {
    match lead {
        0..=0x7f => Some(1),
        0xc0..=0xdf => Some(2),
        0xe0..=0xef => Some(3),
        0xf0..=0xf7 => Some(4),
        _ => None,
    }
}

/// Whether bytes that are too few for a character may be the beginning of one. Only what ERTS looks at counts.
fn beginning(bytes: &[u8]) -> bool {
    needed(bytes[0]).is_some_and(|n| n > bytes.len()) && bytes[1..].iter().all(|b| b & 0xc0 == 0x80)
}

/// How much of a binary is handled at once. What had to be copied because it is not aligned is not copied again for each chunk.
fn chunk_of(bytes: &Cow<'_, [u8]>) -> usize {
    if matches!(bytes, Cow::Owned(_)) { usize::MAX } else { CHUNK }
}

/// Character data on its way to UTF-8: twice a walk over lists of integers and binaries, first to see that they are such.
struct Conversion {
    out: Growing,
    latin1: bool,
    /// The beginning of a character that the last binary ended with.
    cut: Vec<u8>,
    /// The present list, or a tail.
    at: Term,
    /// What follows the lists that are being walked.
    parents: Vec<Term>,
    /// So many bytes of the binary at hand are done.
    done: usize,
    /// Characters that may still be handled in this slice.
    fuel: usize,
}

enum Step {
    Ok,
    /// Some of the binary is left.
    More,
    /// Wrong from this byte of the binary on.
    Error(usize),
    /// The bytes before the binary, and those of it that were joined to them, are wrong; the binary is used up.
    ErrorInCut,
    /// The bytes before the binary are wrong together with it.
    ErrorAtStart,
}

impl Conversion {
    fn new(t: Term, latin1: bool, fuel: usize) -> Conversion {
        Conversion { out: Growing::with_capacity(0), latin1, cut: Vec::new(), at: t, parents: Vec::new(), done: 0, fuel }
    }
    /// The second walk begins.
    fn start(&mut self, t: Term, size: usize) {
        self.at = t;
        self.parents.clear();
        self.out = Growing::with_capacity(size);
    }
    fn burn(&mut self, chars: usize) {
        self.fuel = self.fuel.saturating_sub(chars);
    }
    /// Is it lists of integers and binaries? Adds their size to `size`.
    fn check_shape(&mut self, size: &mut usize) -> Result<Result<(), Tired>, NotChars> {
        let mut at = self.at;
        loop {
            while let Some((head, tail)) = at.as_cons() {
                if self.fuel == 0 {
                    self.at = at;
                    return Ok(Err(Tired));
                }
                self.fuel -= 1;
                at = tail;
                if head.as_small().is_some_and(|n| (-ERTS_SMALL..ERTS_SMALL).contains(&n)) {
                    *size += 1;
                } else if head.is_integer() {
                    // No character; nobody will look at what follows.
                    return Ok(Ok(()));
                } else if head.is_list() {
                    self.parents.push(at);
                    at = head;
                } else {
                    *size += head.bits().filter(|b| b.len % 8 == 0).ok_or(NotChars)?.len / 8;
                }
            }
            if !at.is_nil() {
                *size += at.bits().filter(|b| b.len % 8 == 0).ok_or(NotChars)?.len / 8;
            }
            match self.parents.pop() {
                Some(t) => at = t,
                None => return Ok(Ok(())),
            }
        }
    }
    /// Some of a binary, from `done` on; `chunk` bytes at most.
    fn binary(&mut self, bytes: &[u8], chunk: usize) -> Step {
        let mut from = self.done;
        if !self.latin1 && from == 0 && !self.cut.is_empty() && !bytes.is_empty() {
            let need = needed(self.cut[0]).unwrap_or(1);
            let take = (need - self.cut.len()).min(bytes.len());
            let before = self.cut.len();
            self.cut.extend_from_slice(&bytes[..take]);
            if self.cut.len() < need {
                return if beginning(&self.cut) { Step::Ok } else { Step::ErrorInCut };
            }
            if std::str::from_utf8(&self.cut).is_err() {
                self.cut.truncate(before);
                return Step::ErrorAtStart;
            }
            self.out.extend(&self.cut);
            self.cut.clear();
            from = take;
        }
        let part = &bytes[from..bytes.len().min(from.saturating_add(chunk))];
        self.burn(part.len() / BYTES_PER_CHAR);
        if self.latin1 {
            if part.is_ascii() {
                self.out.extend(part);
            } else {
                for &b in part {
                    self.char(u32::from(b));
                }
            }
            from += part.len();
        } else {
            match std::str::from_utf8(part) {
                Ok(s) => {
                    self.out.extend(s.as_bytes());
                    from += part.len();
                }
                Err(e) => {
                    self.out.extend(&part[..e.valid_up_to()]);
                    let at = from + e.valid_up_to();
                    let left = &bytes[at..];
                    if e.error_len().is_none() && from + part.len() < bytes.len() {
                        // Only the part is cut there.
                        from = at;
                    } else if needed(left[0]).is_none_or(|n| n <= left.len()) {
                        return Step::Error(at);
                    } else {
                        self.cut.extend_from_slice(left);
                        self.done = 0;
                        return if beginning(left) { Step::Ok } else { Step::ErrorInCut };
                    }
                }
            }
        }
        let whole = from == bytes.len();
        self.done = if whole { 0 } else { from };
        if whole { Step::Ok } else { Step::More }
    }
    #[inline]
    fn char(&mut self, c: u32) -> bool {
        if c < 0x80 {
            self.out.push(c as u8);
            return true;
        }
        if self.latin1 && c > 255 {
            return false;
        }
        let Some(c) = char::from_u32(c) else { return false };
        self.out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        true
    }
    /// What is left: `rest` in its list, and what follows all the lists around it.
    fn rest(&mut self, h: &mut Alloc, mut rest: Term) -> Term {
        while let Some(tail) = self.parents.pop() {
            rest = if rest.is_nil() { tail } else { h.cons(rest, tail) };
        }
        rest
    }
    /// As `rest`, with the cut character before it.
    fn rest_with_cut(&mut self, h: &mut Alloc, rest: Term) -> Term {
        let empty = rest.bit_size() == Some(0);
        let rest = self.rest(h, if empty { Term::NIL } else { rest });
        if self.cut.is_empty() {
            return rest;
        }
        let cut = h.binary(&self.cut);
        if rest.is_nil() { cut } else { h.list(&[cut, rest]) }
    }
    /// Converts some of a binary that stands before `tail` in a list (`None`: that is no list element).
    fn element(&mut self, h: &mut Alloc, bin: Term, bits: Bits<'static>, tail: Option<Term>) -> Result<Step, End> {
        let bytes = bits.to_bytes();
        let in_list = |h: &mut Alloc, b: Term| match tail {
            Some(tail) => h.cons(b, tail),
            None => b,
        };
        Err(End::Error(match self.binary(&bytes, chunk_of(&bytes)) {
            good @ (Step::Ok | Step::More) => return Ok(good),
            Step::Error(at) => {
                let left = h.sub_bits(bin, 8 * at, bits.len - 8 * at);
                let left = in_list(h, left);
                self.rest(h, left)
            }
            Step::ErrorAtStart => {
                let left = in_list(h, bin);
                self.rest_with_cut(h, left)
            }
            Step::ErrorInCut => self.rest_with_cut(h, tail.unwrap_or(Term::NIL)),
        }))
    }
    /// The second walk, as far as the slice allows.
    fn run(&mut self, h: &mut Alloc) -> Result<End, Tired> {
        match self.convert(h) {
            Ok(Ok(())) if self.cut.is_empty() => Ok(End::Whole),
            Ok(Ok(())) => Ok(End::Incomplete(std::mem::take(&mut self.cut))),
            Ok(Err(tired)) => Err(tired),
            Err(end) => Ok(end),
        }
    }
    fn convert(&mut self, h: &mut Alloc) -> Result<Result<(), Tired>, End> {
        let mut at = self.at;
        loop {
            while let Some((head, tail)) = at.as_cons() {
                if self.fuel == 0 {
                    self.at = at;
                    return Ok(Err(Tired));
                }
                self.fuel -= 1;
                if head.is_integer() {
                    let good = self.cut.is_empty() && head.to::<u32>().is_some_and(|c| self.char(c));
                    if !good {
                        return Err(End::Error(self.rest_with_cut(h, at)));
                    }
                    at = tail;
                } else if head.is_list() {
                    self.parents.push(tail);
                    at = head;
                } else {
                    let bits = head.bits().expect("the shape was checked");
                    if let Step::Ok = self.element(h, head, bits, Some(tail))? {
                        at = tail;
                    }
                }
            }
            if let Some(bits) = at.bits() {
                while let Step::More = self.element(h, at, bits, None)? {
                    if self.fuel == 0 {
                        self.at = at;
                        return Ok(Err(Tired));
                    }
                }
            }
            match self.parents.pop() {
                Some(t) => at = t,
                None => return Ok(Ok(())),
            }
        }
    }
}

/// A conversion that has given way, and how far it is.
struct Text {
    stage: Stage,
    c: Conversion,
    /// The end of the list of characters that is being made.
    list: Term,
    end: End,
    /// All terms while it rests: those of the conversion, `list`, what is left after an error.
    rests: bool,
}

enum Stage {
    /// Of this size so far.
    Shape(usize),
    /// A binary that may be right as it is; so many of its bytes are.
    Same(usize),
    Convert,
    /// So many bytes are not in the list yet.
    Listing(usize),
}

impl NativeState for Text {
    fn roots(&mut self) -> &mut [Term] {
        if !self.rests {
            let left = if let End::Error(t) = self.end { t } else { Term::NIL };
            self.c.parents.extend([self.c.at, self.list, left]);
            self.rests = true;
        }
        &mut self.c.parents
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Text {
    fn wake(&mut self) {
        if !std::mem::take(&mut self.rests) {
            return;
        }
        if let (Some(left), Some(list), Some(at)) = (self.c.parents.pop(), self.c.parents.pop(), self.c.parents.pop()) {
            (self.c.at, self.list) = (at, list);
            if let End::Error(t) = &mut self.end {
                *t = left;
            }
        }
    }
    /// Goes on as far as the fuel allows: the result, not yet in a tuple if it is not whole.
    fn run(&mut self, cx: &mut Ctx, data: Term, to_list: bool) -> Result<Result<Term, Tired>, NotChars> {
        loop {
            match &mut self.stage {
                Stage::Shape(size) => {
                    if let Err(tired) = self.c.check_shape(size)? {
                        return Ok(Err(tired));
                    }
                    let size = *size;
                    let same = !to_list && !self.c.latin1 && data.is_bitstring();
                    self.c.start(data, if same { 0 } else { size });
                    self.stage = if same { Stage::Same(0) } else { Stage::Convert };
                }
                Stage::Same(good) => {
                    let bytes = data.as_bytes().unwrap_or_default();
                    let part = &bytes[*good..bytes.len().min(good.saturating_add(chunk_of(&bytes)))];
                    let valid = match std::str::from_utf8(part) {
                        Ok(_) => part.len(),
                        Err(e) if e.error_len().is_none() && *good + part.len() < bytes.len() => e.valid_up_to(),
                        Err(_) => {
                            self.c.start(data, bytes.len());
                            self.stage = Stage::Convert;
                            continue;
                        }
                    };
                    self.c.burn(valid / BYTES_PER_CHAR);
                    *good += valid;
                    if *good == bytes.len() {
                        return Ok(Ok(data));
                    }
                }
                Stage::Convert => {
                    match self.c.run(cx.h()) {
                        Ok(end) => self.end = end,
                        Err(tired) => return Ok(Err(tired)),
                    }
                    if !to_list {
                        let out = std::mem::replace(&mut self.c.out, Growing::with_capacity(0));
                        let bits = out.len() * 8;
                        return Ok(Ok(cx.h().grown(out, bits)));
                    }
                    self.stage = Stage::Listing(self.c.out.len());
                }
                Stage::Listing(left) => {
                    let text = std::str::from_utf8(&self.c.out.bytes()[..*left]).unwrap_or_default();
                    for c in text.chars().rev().take(self.c.fuel.max(1)) {
                        self.list = cx.h().cons(Term::small(i64::from(c as u32)), self.list);
                        *left -= c.len_utf8();
                        self.c.fuel = self.c.fuel.saturating_sub(1);
                    }
                    if *left == 0 {
                        return Ok(Ok(self.list));
                    }
                }
            }
            if self.c.fuel == 0 {
                return Ok(Err(Tired));
            }
        }
    }
}

/// Converts, or traps to `other` of the module for another encoding.
fn convert(cx: &mut Ctx, a: &[Term], other: &str, to_list: bool) -> Res {
    let latin1 = match a[1] {
        am::LATIN1 => true,
        am::UNICODE | am::UTF8 => false,
        _ => return Err(cx.trap(am::UNICODE, term::atom::intern(other), a)),
    };
    let fuel = slice::elements(cx, CHARS_PER_REDUCTION);
    let new = || Text { stage: Stage::Shape(0), c: Conversion::new(a[0], latin1, fuel), list: Term::NIL, end: End::Whole, rests: false };
    let mut text = slice::kept::<Text>(cx).map_or_else(new, |t| *t);
    text.wake();
    text.c.fuel = fuel;
    let result = text.run(cx, a[0], to_list).map_err(|NotChars| cx.badarg())?;
    cx.charge((fuel - text.c.fuel) / CHARS_PER_REDUCTION + 1);
    match (result, text.end) {
        (Ok(done), End::Whole) => Ok(done),
        (Ok(done), End::Error(rest)) => Ok(cx.h().tuple(&[am::ERROR, done, rest])),
        (Ok(done), End::Incomplete(cut)) => {
            let cut = cx.h().binary(&cut);
            Ok(cx.h().tuple(&[atom!("incomplete"), done, cut]))
        }
        (Err(Tired), end) => {
            Err(slice::keep(cx, Box::new(Text { end, ..text })))
        }
    }
}
/// The UTF-8 of character data; `None` if it is none or not whole.
pub fn utf8_of(cx: &mut Ctx, t: Term) -> Option<Vec<u8>> {
    let mut c = Conversion::new(t, false, usize::MAX);
    let mut size = 0;
    c.check_shape(&mut size).ok()?.ok()?;
    c.start(t, size);
    match c.run(cx.h()) {
        Ok(End::Whole) => Some(c.out.bytes().to_vec()),
        _ => None,
    }
}
fn characters_to_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    // A list of one binary counts as that binary, which shows in what is left after an error.
    let data = a[0].as_cons().filter(|(h, t)| t.is_nil() && h.is_bitstring()).map_or(a[0], |(h, _)| h);
    convert(cx, &[data, a[1]], "characters_to_binary_int", false)
}
fn characters_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    convert(cx, a, "characters_to_list_int", true)
}
fn bin_is_7bit(cx: &mut Ctx, a: &[Term]) -> Res {
    let ascii = a[0].as_bytes().is_some_and(|b| {
        cx.charge(b.len() / 1000);
        b.is_ascii()
    });
    Ok(Term::bool(ascii))
}

pub const NATIVES: &[Native] = &[
    Native::new("unicode", "bin_is_7bit", 1, bin_is_7bit),
    Native::new("unicode", "characters_to_binary", 2, characters_to_binary),
    Native::new("unicode", "characters_to_list", 2, characters_to_list),
];
