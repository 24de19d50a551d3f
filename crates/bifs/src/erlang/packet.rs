//! `decode_packet/3`. The cutting is `ports::packet`'s, which sockets use too.

use ports::packet::{Invalid, Kind, Limits, body, length, parse};
use crate::result::Res;
use node::{Ctx, Native, Stop};
use term::{Term, am, atom};

fn limits(cx: &mut Ctx, kind: Kind, options: Term) -> Result<Limits, Stop> {
    let mut l = Limits::default();
    let Some(options) = options.proper_list() else { return Err(cx.badarg()) };
    for o in options {
        let Some(&[name, value]) = o.as_tuple_n() else { return Err(cx.badarg()) };
        let Some(n) = value.to::<u32>() else { return Err(cx.badarg()) };
        match (term::atom::as_text(name), u8::try_from(n)) {
            (Some("packet_size"), _) => l.packet_size = n as usize,
            (Some("line_length"), _) => l.line_length = n as usize,
            (Some("line_delimiter"), Ok(b)) if kind == Kind::Line => l.line_delimiter = b,
            _ => return Err(cx.badarg()),
        }
    }
    Ok(l)
}

fn decode_packet(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(kind) = Kind::from_term(a[0]) else { return Err(cx.badarg_cause(atom!("badopt"))) };
    let modern = cx.node.code.release >= 26;
    let Some(bits) = a[1].bits().filter(|b| b.len % 8 == 0 || !modern) else { return Err(cx.badarg()) };
    let limits = limits(cx, kind, a[2])?;
    let whole = bits.slice(0, bits.len / 8 * 8).to_bytes();
    let bytes = &whole[..];
    let size = match length(kind, bytes, &limits) {
        Err(Invalid) => return Ok(cx.h().error(atom!("invalid"))),
        Ok(Some(n)) if n <= bytes.len() => n,
        Ok(Some(n)) => return Ok(cx.h().tuple(&[am::MORE, Term::small(n as i64)])),
        Ok(None) => return Ok(cx.h().tuple(&[am::MORE, am::UNDEFINED])),
    };
    cx.charge(size / 200);
    let binary = matches!(kind, Kind::Http { binary: true } | Kind::HttpHeader { binary: true });
    let packet = match parse(kind, &bytes[..size], modern) {
        Some(p) => p.term(cx.h(), binary),
        None => {
            let (from, to) = body(kind, &bytes[..size]);
            cx.h().sub_bits(a[1], 8 * from, 8 * (to - from))
        }
    };
    let rest = cx.h().sub_bits(a[1], 8 * size, bits.len - 8 * size);
    Ok(cx.h().tuple(&[am::OK, packet, rest]))
}

pub const NATIVES: &[Native] = &[Native::new("erlang", "decode_packet", 3, decode_packet)];
