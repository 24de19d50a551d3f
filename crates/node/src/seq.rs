//! Sequential tracing: the token that messages carry from process to process. Not here: its notation (`bifs`).
//!
//! A token is `{Flags, Label, Serial, Sender, Previous}`. Who holds one hands it on with each message, with the next serial number;
//! who takes a message has its token from then on, or none if the message has none. Messages of the node itself change nothing.

use crate::signals::{copy_out, copy_whole};
use base::sync::Mutex;
use crate::{Ctx, Node};
use process::mailbox::Extra;
use process::{Message, Owned, Private, Who};
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use term::copy::LiteralRange;
use term::{Alloc, Term, am};

/// Bits of a token's flags.
pub mod flags {
    pub const SEND: i64 = 1;
    pub const RECEIVE: i64 = 2;
    pub const PRINT: i64 = 4;
    pub const TIMESTAMP: i64 = 8;
    pub const STRICT_MONOTONIC: i64 = 16;
    pub const MONOTONIC: i64 = 32;
}
use flags::*;

/// Who is told of what tokens have seen: a local pid or port, or a tracer module's number.
#[derive(Default)]
pub struct Tracer(Mutex<Option<Term>>);

impl Tracer {
    pub fn get(&self) -> Option<Term> {
        *self.0.lock()
    }
    /// Puts one there; the one before.
    pub fn set(&self, tracer: Option<Term>) -> Option<Term> {
        std::mem::replace(&mut self.0.lock(), tracer)
    }
}

fn token(p: &Private) -> Option<&[Term; 5]> {
    p.rare.as_ref()?.trace_token.as_ref()?.term.as_tuple_n::<5>()
}

/// The process's token as Erlang shows it; `[]` for none.
pub fn shown(p: &Private, a: &mut Alloc) -> Term {
    match p.rare.as_ref().and_then(|r| r.trace_token.as_ref()) {
        Some(token) => term::copy::copy(token.term, a, LiteralRange::NONE),
        None => Term::NIL,
    }
}

/// Does the process have a token?
pub fn is_on(p: &Private) -> bool {
    token(p).is_some()
}

/// The token's element (0 flags, 1 label, 2 serial, 3 sender, 4 previous).
pub fn part(p: &Private, n: usize) -> Option<Term> {
    token(p).map(|t| t[n])
}

pub fn clear(p: &mut Private) {
    if let Some(r) = &mut p.rare {
        r.trace_token = None;
    }
}
/// The token goes, and the numbers begin anew.
pub fn reset(p: &mut Private) {
    if let Some(r) = &mut p.rare {
        (r.trace_token, r.seq_clock, r.seq_last) = (None, 0, 0);
    }
}

/// Changes elements of the token; makes one if there is none.
pub fn change(pid: Term, p: &mut Private, change: impl FnOnce(&mut [Term; 5])) {
    let rare = p.rare.get_or_insert_default();
    let n = |n: u64| Term::small(n as i64);
    let mut parts = match rare.trace_token.as_ref().and_then(|t| t.term.as_tuple_n::<5>()) {
        Some(t) => *t,
        None => [n(0), n(0), n(0), pid, n(rare.seq_last)],
    };
    change(&mut parts);
    let new = Owned::build(|a| {
        let label = term::copy::copy(parts[1], a, LiteralRange::NONE);
        a.tuple(&[parts[0], label, parts[2], parts[3], parts[4]])
    });
    rare.trace_token = Some(new);
}

/// Sets the serial numbers.
pub fn set_serial(pid: Term, p: &mut Private, previous: i64, serial: i64) {
    change(pid, p, |t| (t[2], t[4]) = (Term::small(serial), Term::small(previous)));
    let rare = p.rare.get_or_insert_default();
    (rare.seq_clock, rare.seq_last) = (serial as u64, previous as u64);
}

/// `set_seq_token` of a match specification: `true`, or `'EXIT'` for what there is not.
pub fn set_by_spec(pid: Term, p: &mut Private, what: Term, value: Term) -> Term {
    match term::atom::as_text(what) {
        Some("label") => change(pid, p, |t| t[1] = value),
        Some("serial") => match value.as_tuple_n::<2>().map(|t| (t[0].as_small(), t[1].as_small())) {
            Some((Some(previous), Some(serial))) => set_serial(pid, p, previous, serial),
            _ => return am::EXIT_UPPER,
        },
        Some(name) => {
            let (Some(flag), Some(on)) = (flag(name), value.as_bool()) else { return am::EXIT_UPPER };
            set_flag(pid, p, flag, on);
        }
        None => return am::EXIT_UPPER,
    }
    am::TRUE
}

pub fn flag(name: &str) -> Option<i64> {
    Some(match name {
        "send" => SEND,
        "receive" => RECEIVE,
        "print" => PRINT,
        "timestamp" => TIMESTAMP,
        "strict_monotonic_timestamp" => STRICT_MONOTONIC,
        "monotonic_timestamp" => MONOTONIC,
        _ => return None,
    })
}

pub fn set_flag(pid: Term, p: &mut Private, flag: i64, on: bool) {
    change(pid, p, |t| {
        let bits = t[0].as_small().unwrap_or(0);
        t[0] = Term::small(if on { bits | flag } else { bits & !flag });
    });
}

/// The next serial number, for a message or a print.
pub fn advance(pid: Term, p: &mut Private) {
    let rare = p.rare.get_or_insert_default();
    rare.seq_clock += 1;
    let (clock, last) = (rare.seq_clock, rare.seq_last);
    change(pid, p, |t| (t[2], t[3], t[4]) = (Term::small(clock as i64), pid, Term::small(last as i64)));
}

impl Node {
    /// Tells the tracer of a token's event: `{seq_trace, Label, {What, {Previous, Serial}, From, To, Message}}`, with a time if the
    /// flags say so.
    pub fn seq_tell(self: &Arc<Node>, token: &[Term; 5], flag: i64, what: Term, to: Term, message: Term) {
        let bits = token[0].as_small().unwrap_or(0);
        let Some(tracer) = self.seq_tracer.get().filter(|t| bits & flag != 0 && *t != to && *t != token[3]) else { return };
        let mut a = Alloc::new();
        let numbers = a.tuple(&[token[4], token[2]]);
        let event = a.tuple(&[what, numbers, token[3], to, message]);
        let wanted = [(TIMESTAMP, process::trace::flags::TIMESTAMP), (STRICT_MONOTONIC, process::trace::flags::STRICT_MONOTONIC), (MONOTONIC, process::trace::flags::MONOTONIC)];
        let stamp_flags = wanted.iter().filter(|w| bits & w.0 != 0).fold(0, |b, w| b | w.1);
        if tracer.is_small() {
            if !crate::trace::modules::tell_seq(self, tracer, token[1], event, stamp_flags) {
                self.seq_tracer.set(None);
            }
            return;
        }
        let stamp = self.stamp(stamp_flags, &mut a);
        let mut all = vec![term::atom!("seq_trace"), token[1], event];
        all.extend(stamp);
        let told = a.tuple(&all);
        let there = if tracer.is_local_port() { self.tell_port(tracer, told) } else { self.send_message(tracer, copy_out(told)) };
        if !there {
            self.seq_tracer.set(None);
        }
    }

    /// Notes on a message who sends it, and hands the sender's token on.
    #[cold]
    pub fn note_sender(self: &Arc<Node>, pid: Term, p: &mut Private, to: Term, message: &mut Message) {
        let mut handed = None;
        if is_on(p) {
            advance(pid, p);
            if let Some(t) = token(p) {
                if !p.sensitive {
                    self.seq_tell(t, SEND, term::atom!("send"), to, message.term);
                }
                handed = p.rare.as_ref().and_then(|r| r.trace_token.as_ref()).map(|t| copy_whole(t.term));
            }
        }
        if handed.is_some() || self.tracing.any_receive_spec.load(Relaxed) {
            message.extra = Some(Box::new(Extra { token: handed, sender: pid }));
        }
    }
}

/// The token that a message to another node takes along.
pub fn hand_on(cx: &mut Ctx, to: Term, message: Term) -> Option<Owned> {
    if !is_on(cx.p) {
        return None;
    }
    advance(cx.pid, cx.p);
    cx.node.seq_tell(token(cx.p)?, SEND, term::atom!("send"), to, message);
    cx.p.rare.as_ref()?.trace_token.as_ref().map(|t| copy_whole(t.term))
}

/// What another node asks a process of this one for, as tracers see it.
pub struct Request<'a> {
    /// `{spawn_request, Reference, From, GroupLeader, {M, F, Arity}, Options}`.
    pub message: Term,
    pub args: Term,
    /// The token that came along: that of the arguments, which count as a second message.
    pub token: &'a [Term; 5],
}

impl Request<'_> {
    /// The new process, or the node itself if there is none, has the request and answers it: the token of the answer.
    pub fn answered(&self, node: &Arc<Node>, by: Term, to: Term, answer: Term) -> [Term; 5] {
        let t = self.token;
        let serial = Term::small(t[2].as_small().unwrap_or(1).saturating_sub(1));
        node.seq_tell(&[t[0], t[1], serial, t[3], t[4]], RECEIVE, term::atom!("receive"), by, self.message);
        let reply = [t[0], t[1], t[2], by, serial];
        node.seq_tell(&reply, SEND, term::atom!("send"), to, answer);
        reply
    }
    /// The new process has its arguments.
    pub fn begins(&self, node: &Arc<Node>, child: Term) {
        node.seq_tell(self.token, RECEIVE, term::atom!("receive"), child, self.args);
        let token = Owned::build(|a| {
            let all = self.token.map(|t| term::copy::copy(t, a, LiteralRange::NONE));
            a.tuple(&all)
        });
        node.request(child, move |_, p| {
            if let Some((_, _, p)) = p {
                take(p, token);
            }
        });
    }
}

/// A process takes a message out of its mailbox: its token is the message's now.
#[cold]
pub fn received(cx: &mut Ctx, message: &mut Message) {
    if message.of_system {
        return;
    }
    match message.extra.as_mut().and_then(|e| e.token.take()) {
        None => clear(cx.p),
        Some(token) => {
            if let Some(t) = token.term.as_tuple_n::<5>().filter(|_| !cx.p.sensitive) {
                cx.node.seq_tell(t, RECEIVE, term::atom!("receive"), cx.pid, message.term);
            }
            take(cx.p, token);
        }
    }
}

/// The process has this token from now on, and goes on from its number.
fn take(p: &mut Private, token: Owned) {
    let rare = p.rare.get_or_insert_default();
    if let Some(t) = token.term.as_tuple_n::<5>() {
        rare.seq_last = t[2].as_small().unwrap_or(0) as u64;
        rare.seq_clock = rare.seq_clock.max(rare.seq_last);
    }
    rare.trace_token = Some(token);
}

/// A process with a token has spawned another: as if by a message, and one back.
#[cold]
pub fn spawned(node: &Arc<Node>, parent: (Term, &mut Private), child: (Term, &mut Private), request: Term, reply: Term) {
    let tell = |p: &Private, flag, what: &str, to, message| {
        if let Some(t) = token(p).filter(|_| !p.sensitive) {
            node.seq_tell(t, flag, term::atom::intern(what), to, message);
        }
    };
    advance(parent.0, parent.1);
    tell(parent.1, SEND, "send", child.0, request);
    hand_over(parent.1, child.1);
    tell(child.1, RECEIVE, "receive", child.0, request);
    advance(child.0, child.1);
    tell(child.1, SEND, "send", parent.0, reply);
    hand_over(child.1, parent.1);
    tell(parent.1, RECEIVE, "receive", parent.0, reply);
}

/// One process's token becomes another's.
fn hand_over(from: &Private, to: &mut Private) {
    let Some(r) = from.rare.as_ref().filter(|r| r.trace_token.is_some()) else { return };
    let token = r.trace_token.as_ref().map(|t| copy_whole(t.term));
    let own = to.rare.get_or_insert_default();
    own.trace_token = token;
    own.seq_last = r.seq_clock;
    own.seq_clock = own.seq_clock.max(r.seq_clock);
}

/// The token that an exit signal takes along, with what its receiver may find as a message.
#[cold]
pub fn of_exit(node: &Arc<Node>, pid: Term, p: &mut Private, to: Who, reason: Term) -> Option<Owned> {
    if !is_on(p) {
        return None;
    }
    advance(pid, p);
    let mut a = Alloc::new();
    let to = to.term(&mut a);
    let message = a.tuple(&[am::EXIT_UPPER, pid, reason]);
    // Nothing is told of what a sensitive process is told.
    if !p.sensitive && !node.processes.get(to).is_some_and(|p| p.sensitive.load(Relaxed)) {
        node.seq_tell(token(p)?, SEND, term::atom!("send"), to, message);
    }
    p.rare.as_ref()?.trace_token.as_ref().map(|t| copy_whole(t.term))
}
