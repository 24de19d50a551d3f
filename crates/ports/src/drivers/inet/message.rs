//! What sockets send to processes.

use super::{Settings, Socket};
use crate::driver::Io;
use crate::packet::{self, Kind, Parsed};
use process::Owned;
use term::{Alloc, Term, am, atom};

/// `{inet_async, Port, Number, Result}`.
pub(crate) fn asynchronous(io: &Io, to: Term, number: u16, result: impl FnOnce(&mut Alloc) -> Term) {
    let id = io.id();
    io.send(to, Owned::build(|a| {
        let result = result(a);
        a.tuple(&[atom!("inet_async"), id, Term::small(number.into()), result])
    }));
}

/// `{inet_async, Port, Number, ok}`.
pub(crate) fn done(io: &Io, to: Term, number: u16) {
    asynchronous(io, to, number, |_| am::OK);
}

/// `{inet_async, Port, Number, {error, Reason}}`.
pub(crate) fn failed(io: &Io, to: Term, number: u16, reason: Term) {
    asynchronous(io, to, number, |a| a.error(reason));
}

/// A tuple to the owner: a tag, the port, and more.
pub(crate) fn tell(io: &Io, tag: Term, more: impl FnOnce(&mut Alloc) -> Vec<Term>) {
    let id = io.id();
    io.send(io.owner(), Owned::build(|a| {
        let mut all = vec![tag, id];
        all.extend(more(a));
        a.tuple(&all)
    }));
}

/// Who sent data, and gets an answer: since release 26 it names a reference for that.
#[derive(Debug)]
pub(crate) struct Sender {
    pid: Term,
    reference: Option<Owned>,
}

impl Sender {
    /// The sender of a command, and where its data begins.
    pub fn of(io: &Io, data: &[u8]) -> Option<(Sender, usize)> {
        let pid = io.caller?;
        if io.surroundings().release() < 26 {
            return Some((Sender { pid, reference: None }, 0));
        }
        let size = usize::from(u16::from_be_bytes(*data.first_chunk::<2>()?));
        let reference = io.surroundings().decode(data.get(2..2 + size)?)?;
        Some((Sender { pid, reference: Some(reference) }, 2 + size))
    }
    /// A command that is not what `prim_inet` sends.
    pub fn refuse(io: &Io) {
        if let Some(pid) = io.caller {
            Sender { pid, reference: None }.error(io, atom!("einval"));
        }
    }
    /// `{inet_reply, Port, Status}`, with the reference if there is one.
    pub fn answer(self, io: &Io, status: impl FnOnce(&mut Alloc) -> Term) {
        let id = io.id();
        let message = match self.reference {
            None => Owned::build(|a| {
                let status = status(a);
                a.tuple(&[atom!("inet_reply"), id, status])
            }),
            Some(r) => r.wrap(|a, r| {
                let status = status(a);
                a.tuple(&[atom!("inet_reply"), id, status, r])
            }),
        };
        io.send(self.pid, message);
    }
    pub fn ok(self, io: &Io) {
        self.answer(io, |_| am::OK);
    }
    pub fn error(self, io: &Io, reason: Term) {
        self.answer(io, |a| a.error(reason));
    }
}

/// Received bytes, as the socket is set to show them.
pub(crate) fn data_term(a: &mut Alloc, s: &Settings, bytes: &[u8]) -> Term {
    if !s.binary || s.header > bytes.len() {
        return a.list_of_bytes(bytes);
    }
    let (head, rest) = bytes.split_at(s.header);
    let mut out = a.binary(rest);
    for &b in head.iter().rev() {
        out = a.cons(Term::small(b.into()), out);
    }
    out
}

/// A whole packet as a term; what of it is an HTTP packet or a TLS record is marked as such: `(tag, term)`. A record names its port.
pub(crate) fn packet_term(a: &mut Alloc, s: &Socket, port: Term, kind: Kind, bytes: &[u8], brackets: bool) -> (Option<Term>, Term) {
    match packet::parse(kind, bytes, brackets) {
        None => {
            let (from, to) = packet::body(kind, bytes);
            (None, data_term(a, &s.settings, &bytes[from..to]))
        }
        Some(parsed) => {
            let binary = matches!(kind, Kind::Http { binary: true } | Kind::HttpHeader { binary: true });
            if !matches!(parsed, Parsed::Tls { .. }) {
                return (Some(atom!("http")), parsed.term(a, binary));
            }
            let record = parsed.term(a, binary);
            let parts: Vec<Term> = record.as_tuple().map_or_else(Vec::new, |t| t.iter().map(|&e| if e.is_nil() { port } else { e }).collect());
            (Some(atom!("ssl_tls")), a.tuple(&parts))
        }
    }
}
