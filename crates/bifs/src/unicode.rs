//! Module `unicode`: character data in Latin-1 or UTF-8 to UTF-8 binaries and lists. Other encodings are the module's own
//! Erlang code, to which we trap.

use crate::result::{MANY_BYTES, Res};
use node::{Ctx, Native};
use term::bits::Bits;
use term::{Alloc, Term, am, atom};

/// Why a conversion ended early.
enum End {
    /// What is left, from the wrong character on.
    Error(Term),
    /// The bytes of a character that the end cuts short.
    Incomplete(Vec<u8>),
}

/// The term is not character data.
struct NotChars;

/// ERTS takes a larger integer, a bignum there, for the end of what it must check.
const ERTS_SMALL: i64 = 1 << 59;

/// Is it lists of integers and binaries?
fn check_shape(t: Term) -> Result<usize, NotChars> {
    let mut later: Vec<Term> = Vec::new();
    let (mut at, mut size) = (t, 0);
    loop {
        while let Some((head, tail)) = at.as_cons() {
            at = tail;
            if head.as_small().is_some_and(|n| (-ERTS_SMALL..ERTS_SMALL).contains(&n)) {
                size += 1;
            } else if head.is_integer() {
                // No character; nobody will look at what follows.
                return Ok(size);
            } else if head.is_list() {
                later.push(at);
                at = head;
            } else {
                size += head.as_bytes().ok_or(NotChars)?.len();
            }
        }
        if !at.is_nil() {
            size += at.bits().filter(|b| b.len % 8 == 0).ok_or(NotChars)?.len / 8;
        }
        match later.pop() {
            Some(t) => at = t,
            None => return Ok(size),
        }
    }
}

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

struct Conversion {
    out: Vec<u8>,
    latin1: bool,
    /// The beginning of a character that the last binary ended with.
    cut: Vec<u8>,
    /// What follows the lists that are being walked.
    parents: Vec<Term>,
}

enum Step {
    Ok,
    /// Wrong from this byte of the binary on.
    Error(usize),
    /// The bytes before the binary, and those of it that were joined to them, are wrong; the binary is used up.
    ErrorInCut,
    /// The bytes before the binary are wrong together with it.
    ErrorAtStart,
}

impl Conversion {
    fn binary(&mut self, bytes: &[u8]) -> Step {
        if self.latin1 {
            if bytes.is_ascii() {
                self.out.extend_from_slice(bytes);
            } else {
                for &b in bytes {
                    self.char(u32::from(b));
                }
            }
            return Step::Ok;
        }
        let mut from = 0;
        if !self.cut.is_empty() && !bytes.is_empty() {
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
            self.out.append(&mut self.cut);
            from = take;
        }
        match std::str::from_utf8(&bytes[from..]) {
            Ok(s) => self.out.extend_from_slice(s.as_bytes()),
            Err(e) => {
                let at = from + e.valid_up_to();
                self.out.extend_from_slice(&bytes[from..at]);
                let left = &bytes[at..];
                if needed(left[0]).is_none_or(|n| n <= left.len()) {
                    return Step::Error(at);
                }
                self.cut.extend_from_slice(left);
                if !beginning(left) {
                    return Step::ErrorInCut;
                }
            }
        }
        Step::Ok
    }
    fn char(&mut self, c: u32) -> bool {
        if self.latin1 && c > 255 {
            return false;
        }
        let Some(c) = char::from_u32(c) else { return false };
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
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
    /// Converts a binary that stands before `tail` in a list (`None`: that is no list element).
    fn element(&mut self, h: &mut Alloc, bin: Term, bits: Bits<'static>, tail: Option<Term>) -> Option<End> {
        let bytes = bits.to_bytes();
        let in_list = |h: &mut Alloc, b: Term| match tail {
            Some(tail) => h.cons(b, tail),
            None => b,
        };
        match self.binary(&bytes) {
            Step::Ok => None,
            Step::Error(at) => {
                let left = h.sub_bits(bin, 8 * at, bits.len - 8 * at);
                let left = in_list(h, left);
                Some(End::Error(self.rest(h, left)))
            }
            Step::ErrorAtStart => {
                let left = in_list(h, bin);
                Some(End::Error(self.rest_with_cut(h, left)))
            }
            Step::ErrorInCut => Some(End::Error(self.rest_with_cut(h, tail.unwrap_or(Term::NIL)))),
        }
    }
    fn run(&mut self, h: &mut Alloc, t: Term) -> Option<End> {
        let mut at = t;
        loop {
            while let Some((head, tail)) = at.as_cons() {
                if head.is_integer() {
                    let good = self.cut.is_empty() && head.to::<u32>().is_some_and(|c| self.char(c));
                    if !good {
                        return Some(End::Error(self.rest_with_cut(h, at)));
                    }
                    at = tail;
                } else if head.is_list() {
                    self.parents.push(tail);
                    at = head;
                } else {
                    let bits = head.bits().expect("the shape was checked");
                    if let Some(end) = self.element(h, head, bits, Some(tail)) {
                        return Some(end);
                    }
                    at = tail;
                }
            }
            if let Some(bits) = at.bits()
                && let Some(end) = self.element(h, at, bits, None)
            {
                return Some(end);
            }
            match self.parents.pop() {
                Some(t) => at = t,
                None => break,
            }
        }
        (!self.cut.is_empty()).then(|| End::Incomplete(std::mem::take(&mut self.cut)))
    }
}

/// The result as a tuple when it is not whole.
fn finish(cx: &mut Ctx, done: Term, end: Option<End>) -> Term {
    match end {
        None => done,
        Some(End::Error(rest)) => cx.h().tuple(&[am::ERROR, done, rest]),
        Some(End::Incomplete(cut)) => {
            let cut = cx.h().binary(&cut);
            cx.h().tuple(&[atom!("incomplete"), done, cut])
        }
    }
}

/// Converts, or traps to `other` of the module for another encoding.
fn convert(cx: &mut Ctx, a: &[Term], other: &str, build: fn(&mut Ctx, Term, &[u8]) -> Term) -> Res {
    let latin1 = match a[1] {
        am::LATIN1 => true,
        am::UNICODE | am::UTF8 => false,
        _ => return Err(cx.trap(am::UNICODE, term::atom::intern(other), a)),
    };
    let Ok(size) = check_shape(a[0]) else { return Err(cx.badarg()) };
    cx.heavy(size > MANY_BYTES)?;
    cx.charge(size / 100 + 1);
    // A binary that is already right is not copied.
    if !latin1
        && let Some(bytes) = a[0].as_bytes()
        && std::str::from_utf8(&bytes).is_ok()
    {
        return Ok(build(cx, a[0], &bytes));
    }
    let mut c = Conversion { out: Vec::with_capacity(size), latin1, cut: Vec::new(), parents: Vec::new() };
    let end = c.run(cx.h(), a[0]);
    let done = build(cx, Term::NONE, &c.out);
    Ok(finish(cx, done, end))
}
/// The UTF-8 of character data; `None` if it is none or not whole.
pub fn utf8_of(cx: &mut Ctx, t: Term) -> Option<Vec<u8>> {
    let size = check_shape(t).ok()?;
    let mut c = Conversion { out: Vec::with_capacity(size), latin1: false, cut: Vec::new(), parents: Vec::new() };
    match c.run(cx.h(), t) {
        None => Some(c.out),
        Some(_) => None,
    }
}
fn characters_to_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    // A list of one binary counts as that binary, which shows in what is left after an error.
    let data = a[0].as_cons().filter(|(h, t)| t.is_nil() && h.is_bitstring()).map_or(a[0], |(h, _)| h);
    convert(cx, &[data, a[1]], "characters_to_binary_int", |cx, whole, utf8| if whole.is_some() { whole } else { cx.h().binary(utf8) })
}
fn characters_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    convert(cx, a, "characters_to_list_int", |cx, _, utf8| {
        let text = std::str::from_utf8(utf8).unwrap_or_default();
        cx.charge(text.len() / 32);
        cx.h().list_of_chars(text)
    })
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
