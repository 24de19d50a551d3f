//! Conversions between texts (lists of characters, binaries) and atoms, integers, floats; pids, ports and references are in `ident`.

use crate::result::{Res, too_long};
use node::{Ctx, Native, Stop};
use num::float::Format;
use term::{Term, am, atom, int};

// ---- atoms

/// The atom of a text, within the node's limit.
pub fn make_atom(cx: &mut Ctx, text: &str) -> Res {
    if let Some(a) = term::atom::lookup(text) {
        return Ok(a);
    }
    if term::atom::count() >= (cx.node.config.limits.atoms as usize).min(term::atom::CAPACITY - 1) {
        return Err(cx.system_limit());
    }
    Ok(term::atom::intern(text))
}

enum BadText {
    NotText,
    TooLong,
}

/// The characters of a list, at most 255.
fn atom_text(t: Term) -> Result<String, BadText> {
    let mut it = t.iter();
    let (mut text, mut n) = (String::new(), 0);
    for e in it.by_ref() {
        if n == term::atom::MAX_CHARS {
            return Err(BadText::TooLong);
        }
        let Some(c) = e.to::<u32>().and_then(char::from_u32) else { return Err(BadText::NotText) };
        text.push(c);
        n += 1;
    }
    if it.rest().is_nil() { Ok(text) } else { Err(BadText::NotText) }
}
fn atom_to_list(cx: &mut Ctx, a: &[Term]) -> Res {
    match term::atom::as_text(a[0]) {
        Some(s) => Ok(cx.h().list_of_chars(s)),
        None => Err(cx.badarg()),
    }
}
fn list_to_atom(cx: &mut Ctx, a: &[Term]) -> Res {
    match atom_text(a[0]) {
        Ok(s) => make_atom(cx, &s),
        Err(BadText::TooLong) => Err(cx.system_limit()),
        Err(BadText::NotText) => Err(cx.badarg()),
    }
}
fn list_to_existing_atom(cx: &mut Ctx, a: &[Term]) -> Res {
    atom_text(a[0]).ok().and_then(|s| term::atom::lookup(&s)).ok_or_else(|| cx.badarg())
}
fn atom_to_binary(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(s) = term::atom::as_text(a[0]) else { return Err(cx.badarg()) };
    match a[1] {
        am::UTF8 | am::UNICODE => Ok(cx.h().str(s)),
        am::LATIN1 => {
            let bytes: Option<Vec<u8>> = s.chars().map(|c| u8::try_from(c as u32).ok()).collect();
            match bytes {
                Some(b) => Ok(cx.h().binary(&b)),
                None => Err(cx.badarg()),
            }
        }
        _ => Err(cx.badarg()),
    }
}
/// The text of a binary in the encoding that is named.
fn binary_text(t: Term, encoding: Term) -> Result<String, BadText> {
    let bytes = t.as_bytes().ok_or(BadText::NotText)?;
    match encoding {
        am::LATIN1 => {
            if bytes.len() > term::atom::MAX_CHARS {
                return Err(BadText::TooLong);
            }
            Ok(bytes.iter().map(|&b| char::from(b)).collect())
        }
        am::UTF8 | am::UNICODE => {
            // What is too long before it turns wrong is too long.
            let good = match std::str::from_utf8(&bytes) {
                Ok(s) => s,
                Err(e) => std::str::from_utf8(&bytes[..e.valid_up_to()]).map_err(|_| BadText::NotText)?,
            };
            if !term::atom::valid(good) {
                return Err(BadText::TooLong);
            }
            if good.len() == bytes.len() { Ok(good.into()) } else { Err(BadText::NotText) }
        }
        _ => Err(BadText::NotText),
    }
}
fn binary_to_atom(cx: &mut Ctx, a: &[Term]) -> Res {
    match binary_text(a[0], a[1]) {
        Ok(s) => make_atom(cx, &s),
        Err(BadText::TooLong) => Err(cx.system_limit()),
        Err(BadText::NotText) => Err(cx.badarg()),
    }
}
fn binary_to_existing_atom(cx: &mut Ctx, a: &[Term]) -> Res {
    binary_text(a[0], a[1]).ok().and_then(|s| term::atom::lookup(&s)).ok_or_else(|| cx.badarg())
}

// ---- integers

/// The text of a list of bytes; `None` if it is something else.
pub fn list_bytes(t: Term) -> Option<Vec<u8>> {
    let mut it = t.iter();
    let bytes: Option<Vec<u8>> = it.by_ref().map(|e| e.to::<u8>()).collect();
    bytes.filter(|_| it.rest().is_nil())
}
fn digits(cx: &mut Ctx, n: Term, base: Term) -> Result<Vec<u8>, Stop> {
    let text = base.to::<u32>().and_then(|b| int::to_text(n, b)).ok_or_else(|| cx.badarg())?;
    cx.charge(text.len() / 16);
    Ok(text)
}
fn integer_to_list_1(cx: &mut Ctx, a: &[Term]) -> Res {
    integer_to_list_2(cx, &[a[0], Term::small(10)])
}
fn integer_to_list_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = digits(cx, a[0], a[1])?;
    Ok(cx.h().list_of_bytes(&text))
}
fn integer_to_binary_1(cx: &mut Ctx, a: &[Term]) -> Res {
    integer_to_binary_2(cx, &[a[0], Term::small(10)])
}
fn integer_to_binary_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = digits(cx, a[0], a[1])?;
    Ok(cx.h().binary(&text))
}
enum BadInteger {
    BadArg,
    NotText,
    Limit,
}
fn parse(cx: &mut Ctx, text: Option<&[u8]>, base: Term) -> Result<Term, BadInteger> {
    let base = base.to::<u32>().filter(|b| (2..=36).contains(b)).ok_or(BadInteger::BadArg)?;
    let text = text.ok_or(BadInteger::NotText)?;
    cx.charge(text.len() / 16);
    match int::from_text(cx.h(), text, base) {
        Ok(t) if too_long(cx, t) => Err(BadInteger::Limit),
        Ok(t) => Ok(t),
        Err(num::Error::SystemLimit) => Err(BadInteger::Limit),
        Err(_) => Err(BadInteger::BadArg),
    }
}
fn raise(cx: &mut Ctx, r: Result<Term, BadInteger>) -> Res {
    r.map_err(|e| match e {
        BadInteger::Limit => cx.system_limit(),
        _ => cx.badarg(),
    })
}
fn list_to_integer_1(cx: &mut Ctx, a: &[Term]) -> Res {
    list_to_integer_2(cx, &[a[0], Term::small(10)])
}
fn list_to_integer_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let r = parse(cx, list_bytes(a[0]).as_deref(), a[1]);
    raise(cx, r)
}
fn binary_to_integer_1(cx: &mut Ctx, a: &[Term]) -> Res {
    binary_to_integer_2(cx, &[a[0], Term::small(10)])
}
fn binary_to_integer_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let r = parse(cx, a[0].as_bytes().as_deref(), a[1]);
    raise(cx, r)
}

// ---- floats

fn float_options(cx: &mut Ctx, options: Term) -> Result<Format, Stop> {
    let Some(options) = options.proper_list() else { return Err(cx.badarg()) };
    let mut format = num::float::DEFAULT;
    let mut compacted = false;
    for o in options {
        if o == atom!("short") {
            format = Format::Short;
        } else if o == atom!("compact") {
            compacted = true;
        } else if let Some(&[what, n]) = o.as_tuple_n() {
            let Some(n) = n.to::<u32>() else { return Err(cx.badarg()) };
            if what == atom!("decimals") && n <= num::float::MAX_DECIMALS {
                format = Format::Decimals { decimals: n, compact: false };
            } else if what == atom!("scientific") && n <= num::float::MAX_SCIENTIFIC {
                format = Format::Scientific(n);
            } else {
                return Err(cx.badarg());
            }
        } else {
            return Err(cx.badarg());
        }
    }
    if let Format::Decimals { compact, .. } = &mut format {
        *compact = compacted;
    }
    Ok(format)
}
fn float_text(cx: &mut Ctx, f: Term, format: Format) -> Result<num::float::Text, Stop> {
    f.as_float().and_then(|f| num::float::to_text(f, format).ok()).ok_or_else(|| cx.badarg())
}
fn float_to_list_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = float_text(cx, a[0], num::float::DEFAULT)?;
    Ok(cx.h().list_of_bytes(&text))
}
fn float_to_list_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let format = float_options(cx, a[1])?;
    let text = float_text(cx, a[0], format)?;
    Ok(cx.h().list_of_bytes(&text))
}
fn float_to_binary_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let text = float_text(cx, a[0], num::float::DEFAULT)?;
    Ok(cx.h().binary(&text))
}
fn float_to_binary_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let format = float_options(cx, a[1])?;
    let text = float_text(cx, a[0], format)?;
    Ok(cx.h().binary(&text))
}
fn list_to_float(cx: &mut Ctx, a: &[Term]) -> Res {
    match list_bytes(a[0]).and_then(|b| num::float::parse(&b).ok()) {
        Some(f) => Ok(cx.h().float(f)),
        None => Err(cx.badarg()),
    }
}
fn binary_to_float(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_bytes().and_then(|b| num::float::parse(&b).ok()) {
        Some(f) => Ok(cx.h().float(f)),
        None => Err(cx.badarg()),
    }
}

// ---- the halves of functions that are Erlang code since 27: reasons instead of exceptions

fn internal(cx: &mut Ctx, a: &[Term], text: Option<&[u8]>, not_text: &str) -> Res {
    if !a[1].to::<u32>().is_some_and(|b| (2..=36).contains(&b)) {
        return Ok(am::BADARG);
    }
    match parse(cx, text, a[1]) {
        Ok(t) => Ok(t),
        Err(BadInteger::Limit) => Ok(am::SYSTEM_LIMIT),
        Err(BadInteger::NotText) => Ok(term::atom::intern(not_text)),
        Err(BadInteger::BadArg) => Ok(am::BADARG),
    }
}
fn internal_binary_to_integer(cx: &mut Ctx, a: &[Term]) -> Res {
    internal(cx, a, a[0].as_bytes().as_deref(), "badarg")
}
/// The integer at the front of a list, and the rest: `{Integer, Rest}`, or `big`, `badarg`, `no_integer`, `not_a_list`.
fn internal_list_to_integer(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(base) = a[1].to::<u32>().filter(|b| (2..=36).contains(b)) else { return Ok(am::BADARG) };
    prefix_integer(cx, a[0], base)
}
pub fn prefix_integer(cx: &mut Ctx, list: Term, base: u32) -> Res {
    if list.is_nil() {
        return Ok(atom!("no_integer"));
    }
    if !list.is_cons() {
        return Ok(atom!("not_a_list"));
    }
    let (mut rest, mut text) = (list, Vec::new());
    if let Some(b @ (b'+' | b'-')) = rest.head().to::<u8>() {
        text.push(b);
        rest = rest.tail();
    }
    let sign = text.len();
    while let Some((h, t)) = rest.as_cons() {
        match h.to::<u8>() {
            Some(b) if char::from(b).is_digit(base) => text.push(b),
            _ => break,
        }
        rest = t;
    }
    if text.len() == sign {
        return Ok(atom!("no_integer"));
    }
    match parse(cx, Some(&text), Term::small(i64::from(base))) {
        Ok(n) => Ok(cx.h().tuple(&[n, rest])),
        Err(_) => Ok(am::SYSTEM_LIMIT),
    }
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "atom_to_list", 1, atom_to_list),
    Native::new("erlang", "list_to_atom", 1, list_to_atom),
    Native::new("erlang", "list_to_existing_atom", 1, list_to_existing_atom),
    Native::new("erlang", "atom_to_binary", 2, atom_to_binary),
    Native::new("erlang", "binary_to_atom", 2, binary_to_atom),
    Native::new("erlang", "binary_to_existing_atom", 2, binary_to_existing_atom),
    Native::new("erlang", "integer_to_list", 1, integer_to_list_1),
    Native::new("erlang", "integer_to_list", 2, integer_to_list_2),
    Native::new("erlang", "integer_to_binary", 1, integer_to_binary_1),
    Native::new("erlang", "integer_to_binary", 2, integer_to_binary_2),
    Native::new("erlang", "list_to_integer", 1, list_to_integer_1),
    Native::new("erlang", "list_to_integer", 2, list_to_integer_2),
    Native::new("erlang", "binary_to_integer", 1, binary_to_integer_1),
    Native::new("erlang", "binary_to_integer", 2, binary_to_integer_2),
    Native::new("erlang", "float_to_list", 1, float_to_list_1),
    Native::new("erlang", "float_to_list", 2, float_to_list_2),
    Native::new("erlang", "float_to_binary", 1, float_to_binary_1),
    Native::new("erlang", "float_to_binary", 2, float_to_binary_2),
    Native::new("erlang", "list_to_float", 1, list_to_float),
    Native::new("erlang", "binary_to_float", 1, binary_to_float),
    Native::new("erts_internal", "binary_to_integer", 2, internal_binary_to_integer),
    Native::new("erts_internal", "list_to_integer", 2, internal_list_to_integer),
];
