//! Asking what a term is, taking values out of it, making terms of values.

use crate::env::{Env, NONE};
use libc::{c_char, c_int, c_uint};
use std::ptr::null;
use std::sync::atomic::Ordering::Relaxed;
use term::{Term, am, atom, cmp};

const LATIN1: c_int = 1;
const UTF8: c_int = 2;

macro_rules! questions {
    ($($name:ident = $what:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(_: *mut Env, term: u64) -> c_int {
            let what: fn(Term) -> bool = $what;
            c_int::from(term != NONE && what(Term::from_raw(term)))
        }
    )*};
}

questions! {
    enif_is_atom = |t| t.is_atom();
    enif_is_binary = |t| t.is_binary();
    enif_is_ref = |t| t.is_ref();
    enif_is_fun = |t| t.is_fun();
    enif_is_pid = |t| t.is_pid();
    enif_is_port = |t| t.is_port();
    enif_is_empty_list = |t| t.is_nil();
    enif_is_list = |t| t.is_list();
    enif_is_tuple = |t| t.is_tuple();
    enif_is_number = |t| t.is_number();
    enif_is_map = |t| t.is_map();
}

/// `ErlNifTermType`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_term_type(_: *mut Env, term: u64) -> c_int {
    let t = Term::from_raw(term);
    match t {
        t if t.is_atom() => 1,
        t if t.is_bitstring() => 2,
        t if t.is_float() => 3,
        t if t.is_fun() => 4,
        t if t.is_integer() => 5,
        t if t.is_list() => 6,
        t if t.is_map() => 7,
        t if t.is_pid() => 8,
        t if t.is_port() => 9,
        t if t.is_ref() => 10,
        t if t.is_tuple() => 11,
        _ => -1,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_is_identical(a: u64, b: u64) -> c_int {
    c_int::from(cmp::eq_exact(Term::from_raw(a), Term::from_raw(b)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_compare(a: u64, b: u64) -> c_int {
    cmp::cmp(Term::from_raw(a), Term::from_raw(b)) as c_int
}

/// `ErlNifHash`: 1 internal, 2 `erlang:phash2/1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_hash(kind: c_int, term: u64, salt: u64) -> u64 {
    let t = Term::from_raw(term);
    match kind {
        1 => u64::from((term::hash::hash(t) ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)) as u32),
        2 => u64::from(term::hash::phash2(t) & ((1 << 27) - 1)),
        _ => 0,
    }
}

/// Words that the term takes besides its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_term_size(term: u64) -> usize {
    term::copy::size(Term::from_raw(term), term::copy::LiteralRange::NONE) * 8
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_atom_cache_index(_: *mut Env, term: u64, index: *mut c_uint) -> c_int {
    let Some(n) = Term::from_raw(term).as_atom_index().filter(|&n| n < enif_max_atom_cache_index()) else { return 0 };
    *index = n;
    1
}

#[unsafe(no_mangle)]
pub extern "C" fn enif_max_atom_cache_index() -> c_uint {
    2048
}

// ---- numbers
macro_rules! integers {
    ($($get:ident, $make:ident, $type:ty, $as:ident, $build:ident;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $get(_: *mut Env, term: u64, out: *mut $type) -> c_int {
            let Some(n) = Term::from_raw(term).$as().and_then(|n| <$type>::try_from(n).ok()) else { return 0 };
            *out = n;
            1
        }
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $make(env: *mut Env, n: $type) -> u64 {
            (*env).h().$build(n.into()).raw()
        }
    )*};
}

integers! {
    enif_get_int, enif_make_int, i32, as_i64, int;
    enif_get_uint, enif_make_uint, u32, as_u64, uint;
    enif_get_long, enif_make_long, i64, as_i64, int;
    enif_get_ulong, enif_make_ulong, u64, as_u64, uint;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_double(_: *mut Env, term: u64, out: *mut f64) -> c_int {
    let Some(f) = Term::from_raw(term).as_float() else { return 0 };
    *out = f;
    1
}

/// `badarg` for what is no number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_double(env: *mut Env, f: f64) -> u64 {
    if !f.is_finite() {
        return (*env).raise(am::BADARG);
    }
    (*env).h().float(f).raw()
}

// ---- atoms and strings
/// The text that bytes of C mean; `None` if they are not of that encoding.
unsafe fn decoded(p: *const c_char, len: usize, encoding: c_int) -> Option<String> {
    let bytes = if len == 0 { &[][..] } else { std::slice::from_raw_parts(p.cast::<u8>(), len) };
    match encoding {
        LATIN1 => Some(bytes.iter().map(|&b| b as char).collect()),
        UTF8 => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    }
}

/// A text as bytes of C.
fn encoded(text: &str, encoding: c_int) -> Option<Vec<u8>> {
    match encoding {
        LATIN1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        UTF8 => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

unsafe fn length(p: *const c_char) -> usize {
    libc::strlen(p)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_atom(env: *mut Env, name: *const c_char) -> u64 {
    enif_make_atom_len(env, name, length(name))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_atom_len(env: *mut Env, name: *const c_char, len: usize) -> u64 {
    match decoded(name, len, LATIN1).filter(|t| atom::valid(t)) {
        Some(t) => atom::intern(&t).raw(),
        None => (*env).raise(am::BADARG),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_new_atom(env: *mut Env, name: *const c_char, out: *mut u64, encoding: c_int) -> c_int {
    enif_make_new_atom_len(env, name, length(name), out, encoding)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_new_atom_len(_: *mut Env, name: *const c_char, len: usize, out: *mut u64, encoding: c_int) -> c_int {
    let Some(t) = decoded(name, len, encoding).filter(|t| atom::valid(t)) else { return 0 };
    *out = atom::intern(&t).raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_existing_atom(env: *mut Env, name: *const c_char, out: *mut u64, encoding: c_int) -> c_int {
    enif_make_existing_atom_len(env, name, length(name), out, encoding)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_existing_atom_len(_: *mut Env, name: *const c_char, len: usize, out: *mut u64, encoding: c_int) -> c_int {
    let Some(t) = decoded(name, len, encoding).and_then(|t| atom::lookup(&t)) else { return 0 };
    *out = t.raw();
    1
}

/// The bytes with the zero behind them; the number of both, or 0 if there is no room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_atom(_: *mut Env, term: u64, buffer: *mut c_char, size: c_uint, encoding: c_int) -> c_int {
    let Some(bytes) = atom::as_text(Term::from_raw(term)).and_then(|t| encoded(t, encoding)) else { return 0 };
    if bytes.len() >= size as usize {
        return 0;
    }
    buffer.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
    *buffer.add(bytes.len()) = 0;
    bytes.len() as c_int + 1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_atom_length(_: *mut Env, term: u64, out: *mut c_uint, encoding: c_int) -> c_int {
    let Some(bytes) = atom::as_text(Term::from_raw(term)).and_then(|t| encoded(t, encoding)) else { return 0 };
    *out = bytes.len() as c_uint;
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_string(env: *mut Env, text: *const c_char, encoding: c_int) -> u64 {
    enif_make_string_len(env, text, length(text), encoding)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_string_len(env: *mut Env, text: *const c_char, len: usize, encoding: c_int) -> u64 {
    match decoded(text, len, encoding) {
        Some(t) => (*env).h().list_of_chars(&t).raw(),
        None => (*env).raise(am::BADARG),
    }
}

/// What a list of characters comes to in bytes of C, at most `most` of them; false: there is something else in it.
fn string_bytes(list: Term, encoding: c_int, most: usize) -> Option<(Vec<u8>, bool)> {
    let (mut out, mut at) = (Vec::new(), list);
    loop {
        if at.is_nil() {
            return Some((out, true));
        }
        let (head, tail) = at.as_cons()?;
        let c = u32::try_from(head.as_small()?).ok()?;
        match encoding {
            LATIN1 => out.push(u8::try_from(c).ok()?),
            UTF8 => {
                let mut room = [0; 4];
                let piece = char::from_u32(c)?.encode_utf8(&mut room).as_bytes();
                if out.len() + piece.len() > most {
                    return Some((out, false));
                }
                out.extend_from_slice(piece);
            }
            _ => return None,
        }
        if out.len() > most {
            out.truncate(most);
            return Some((out, false));
        }
        at = tail;
    }
}

/// Bytes written with the zero; negative: cut short to that many; 0: no string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_string(_: *mut Env, list: u64, buffer: *mut c_char, size: c_uint, encoding: c_int) -> c_int {
    if size == 0 {
        return 0;
    }
    *buffer = 0;
    let most = size as usize - 1;
    let Some((bytes, whole)) = string_bytes(Term::from_raw(list), encoding, most) else { return 0 };
    buffer.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
    *buffer.add(bytes.len()) = 0;
    if whole { bytes.len() as c_int + 1 } else { -(size as c_int) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_string_length(_: *mut Env, list: u64, out: *mut c_uint, encoding: c_int) -> c_int {
    let Some((bytes, true)) = string_bytes(Term::from_raw(list), encoding, usize::MAX) else { return 0 };
    *out = bytes.len() as c_uint;
    1
}

// ---- lists and tuples
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_list_cell(_: *mut Env, term: u64, head: *mut u64, tail: *mut u64) -> c_int {
    let Some((h, t)) = Term::from_raw(term).as_cons() else { return 0 };
    *head = h.raw();
    *tail = t.raw();
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_list_length(_: *mut Env, term: u64, out: *mut c_uint) -> c_int {
    let (mut n, mut at) = (0, Term::from_raw(term));
    while let Some((_, tail)) = at.as_cons() {
        n += 1;
        at = tail;
    }
    if !at.is_nil() {
        return 0;
    }
    *out = n;
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_get_tuple(_: *mut Env, term: u64, arity: *mut c_int, array: *mut *const u64) -> c_int {
    let Some(elements) = Term::from_raw(term).as_tuple() else { return 0 };
    *arity = elements.len() as c_int;
    *array = if elements.is_empty() { null() } else { elements.as_ptr().cast() };
    1
}

unsafe fn slice<'a>(array: *const u64, count: usize) -> &'a [Term] {
    if count == 0 { &[] } else { std::slice::from_raw_parts(array.cast(), count) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_tuple_from_array(env: *mut Env, array: *const u64, count: c_uint) -> u64 {
    (*env).h().tuple(slice(array, count as usize)).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_list_from_array(env: *mut Env, array: *const u64, count: c_uint) -> u64 {
    (*env).h().list(slice(array, count as usize)).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_list_cell(env: *mut Env, head: u64, tail: u64) -> u64 {
    (*env).h().cons(Term::from_raw(head), Term::from_raw(tail)).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_reverse_list(env: *mut Env, term: u64, out: *mut u64) -> c_int {
    let (mut reversed, mut at) = (Term::NIL, Term::from_raw(term));
    while let Some((head, tail)) = at.as_cons() {
        reversed = (*env).h().cons(head, reversed);
        at = tail;
    }
    if !at.is_nil() {
        return 0;
    }
    *out = reversed.raw();
    1
}

// ---- the rest
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_ref(env: *mut Env) -> u64 {
    let env = &mut *env;
    let number = crate::env::node_of(env).map_or(0, |n| n.next_ref());
    env.h().reference(number, 0).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_copy(to: *mut Env, term: u64) -> u64 {
    let t = Term::from_raw(term);
    term::copy::copy(t, (*to).h(), term::copy::LiteralRange::NONE).raw()
}

/// Bits: 1 positive, 2 monotonic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_unique_integer(env: *mut Env, properties: c_int) -> u64 {
    let env = &mut *env;
    let Some(node) = crate::env::node_of(env) else { return env.raise(am::BADARG) };
    let (positive, monotonic) = (properties & 1 != 0, properties & 2 != 0);
    let n = if monotonic { node.monotonic_integers.fetch_add(1, Relaxed) as i64 + i64::from(positive) } else { node.next_unique() as i64 };
    env.h().int(if positive { n } else { node::timers::MONOTONIC_BEGIN + n }).raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{enif_alloc_env, enif_free_env};

    #[test]
    fn values_go_in_and_out() {
        // SAFETY: rule 1, as C would call it.
        unsafe {
            let env = enif_alloc_env();
            let (mut i, mut u, mut l) = (0, 0, 0);
            let big = enif_make_ulong(env, u64::MAX);
            assert_eq!((enif_get_ulong(env, big, &mut u), u), (1, u64::MAX));
            assert_eq!(enif_get_long(env, big, &mut l), 0);
            let small = enif_make_int(env, -5);
            assert_eq!((enif_get_int(env, small, &mut i), i), (1, -5));
            assert_eq!(enif_get_uint(env, small, &mut 0), 0);
            let list = enif_make_string_len(env, c"caf\xe9".as_ptr(), 4, LATIN1);
            let mut room = [0u8; 8];
            assert_eq!(enif_get_string(env, list, room.as_mut_ptr().cast(), 8, LATIN1), 5);
            assert_eq!(&room[..5], b"caf\xe9\0");
            assert_eq!(enif_get_string(env, list, room.as_mut_ptr().cast(), 3, LATIN1), -3);
            assert_eq!(&room[..3], b"ca\0");
            assert_eq!(enif_get_string(env, list, room.as_mut_ptr().cast(), 8, UTF8), 6);
            let atom = enif_make_atom(env, c"nif atom".as_ptr());
            assert_eq!(enif_get_atom(env, atom, room.as_mut_ptr().cast(), 8, LATIN1), 0, "no room for the zero");
            assert_eq!(enif_make_double(env, f64::NAN), NONE);
            assert_eq!(enif_term_type(env, list), 6);
            enif_free_env(env);
        }
    }
}
