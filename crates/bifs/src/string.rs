//! Module `string`: numbers at the front of a list.

use crate::erlang::convert::prefix_integer;
use crate::result::Res;
use node::{Ctx, Native};
use term::{Term, am, atom};

/// `{Integer, Rest}` or `{error, Reason}`.
fn list_to_integer(cx: &mut Ctx, a: &[Term]) -> Res {
    let r = prefix_integer(cx, a[0], 10)?;
    if r.is_atom() { Ok(cx.h().error(r)) } else { Ok(r) }
}

/// `{Float, Rest}` or `{error, Reason}`.
fn list_to_float(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_nil() {
        return Ok(cx.h().error(atom!("no_float")));
    }
    if !a[0].is_cons() {
        return Ok(cx.h().error(atom!("not_a_list")));
    }
    let (mut text, mut rest) = (Vec::new(), a[0]);
    let next = |rest: Term| rest.as_cons().and_then(|(h, _)| h.to::<u8>());
    let take = |rest: &mut Term, text: &mut Vec<u8>, ok: fn(u8) -> bool, most: usize| {
        let mut n = 0;
        while n < most
            && let Some(b) = next(*rest).filter(|&b| ok(b))
        {
            text.push(b);
            *rest = rest.tail();
            n += 1;
        }
        n
    };
    let digit: fn(u8) -> bool = |b| b.is_ascii_digit();
    let sign: fn(u8) -> bool = |b| b == b'+' || b == b'-';
    take(&mut rest, &mut text, sign, 1);
    let whole = take(&mut rest, &mut text, digit, usize::MAX);
    let point = take(&mut rest, &mut text, |b| b == b'.' || b == b',', 1);
    let fraction = take(&mut rest, &mut text, digit, usize::MAX);
    if whole == 0 || point == 0 || fraction == 0 {
        return Ok(cx.h().error(atom!("no_float")));
    }
    // An exponent without digits belongs to the rest.
    let (before, len) = (rest, text.len());
    if take(&mut rest, &mut text, |b| b == b'e' || b == b'E', 1) == 1 {
        take(&mut rest, &mut text, sign, 1);
        if take(&mut rest, &mut text, digit, usize::MAX) == 0 {
            text.truncate(len);
            rest = before;
        }
    }
    match num::float::parse(&text) {
        Ok(f) => {
            let f = cx.h().float(f);
            Ok(cx.h().tuple(&[f, rest]))
        }
        Err(_) => Ok(cx.h().tuple(&[am::ERROR, atom!("no_float")])),
    }
}

pub const NATIVES: &[Native] =
    &[Native::new("string", "list_to_float", 1, list_to_float), Native::new("string", "list_to_integer", 1, list_to_integer)];
