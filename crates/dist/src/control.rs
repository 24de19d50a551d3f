//! Control messages: what the first term of a packet asks for.

use crate::flags::Takes;
use term::{Alloc, Term};

/// A control message. Its terms live where the message was decoded, or is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Link { from: Term, to: Term },
    /// A message follows.
    Send { from: Option<Term>, to: Term },
    /// A message follows.
    SendName { from: Term, name: Term },
    /// A message follows.
    SendAlias { from: Term, alias: Term },
    /// A link has broken. No reason: it follows.
    Exit { from: Term, to: Term, reason: Option<Term> },
    /// `exit/2`. No reason: it follows.
    Exit2 { from: Term, to: Term, reason: Option<Term> },
    /// Without a number there is no acknowledgement.
    Unlink { id: Option<u64>, from: Term, to: Term },
    UnlinkAck { id: u64, from: Term, to: Term },
    GroupLeader { leader: Term, to: Term },
    /// `to` is a pid or a name; so in the next two.
    Monitor { from: Term, to: Term, reference: Term },
    Demonitor { from: Term, to: Term, reference: Term },
    /// What was monitored has ended. No reason: it follows.
    Down { from: Term, to: Term, reference: Term, reason: Option<Term> },
    /// The list of arguments follows.
    SpawnRequest { reference: Term, from: Term, leader: Term, module: Term, function: Term, arity: Term, options: Term },
    /// `result`: the new pid, or an atom. `linked`, `monitored`: what was asked for has been done.
    SpawnReply { reference: Term, to: Term, linked: bool, monitored: bool, result: Term },
}

impl Control {
    /// The message that a term is, and the token of sequential tracing in it; `None` if it is none.
    pub fn parse(t: Term) -> Option<(Control, Option<Term>)> {
        let e = t.as_tuple()?;
        let op = e.first()?.as_u64()?;
        let token = match op {
            13 | 18 => e.get(3),
            12 | 16 | 23 | 25 | 27 | 30 | 32 | 34 => e.last(),
            _ => None,
        };
        // Other nodes, of other languages, may say something else there.
        let token = token.copied().filter(|t| t.as_tuple_n::<5>().is_some_and(|t| t[0].is_small() && t[2].is_small() && t[4].is_small()));
        Control::of(e, op).map(|c| (c, token))
    }
    fn of(e: &[Term], op: u64) -> Option<Control> {
        let process = |t: Term| t.is_pid().then_some(t);
        let object = |t: Term| (t.is_pid() || t.is_port()).then_some(t);
        let target = |t: Term| (t.is_pid() || t.is_atom()).then_some(t);
        let reference = |t: Term| t.is_ref().then_some(t);
        let name = |t: Term| t.is_atom().then_some(t);
        Some(match (op, &e[1..]) {
            (1, &[from, to]) => Control::Link { from: object(from)?, to: process(to)? },
            (2, &[_, to]) | (12, &[_, to, _]) => Control::Send { from: None, to: process(to)? },
            (3, &[from, to, reason]) | (13, &[from, to, _, reason]) => {
                Control::Exit { from: object(from)?, to: process(to)?, reason: Some(reason) }
            }
            (4, &[from, to]) => Control::Unlink { id: None, from: object(from)?, to: process(to)? },
            (6, &[from, _, to]) | (16, &[from, _, to, _]) => Control::SendName { from: process(from)?, name: name(to)? },
            (7, &[leader, to]) => Control::GroupLeader { leader: process(leader)?, to: process(to)? },
            (8, &[from, to, reason]) | (18, &[from, to, _, reason]) => {
                Control::Exit2 { from: object(from)?, to: process(to)?, reason: Some(reason) }
            }
            (19, &[from, to, r]) => Control::Monitor { from: process(from)?, to: target(to)?, reference: reference(r)? },
            (20, &[from, to, r]) => Control::Demonitor { from: process(from)?, to: target(to)?, reference: reference(r)? },
            (21, &[from, to, r, reason]) => {
                Control::Down { from: target(from)?, to: process(to)?, reference: reference(r)?, reason: Some(reason) }
            }
            (22, &[from, to]) | (23, &[from, to, _]) => Control::Send { from: process(from), to: process(to)? },
            (24, &[from, to]) | (25, &[from, to, _]) => Control::Exit { from: object(from)?, to: process(to)?, reason: None },
            (26, &[from, to]) | (27, &[from, to, _]) => Control::Exit2 { from: object(from)?, to: process(to)?, reason: None },
            (28, &[from, to, r]) => {
                Control::Down { from: target(from)?, to: process(to)?, reference: reference(r)?, reason: None }
            }
            (29, &[r, from, leader, mfa, options]) | (30, &[r, from, leader, mfa, options, _]) => {
                let &[module, function, arity] = mfa.as_tuple_n::<3>()?;
                arity.as_u64().filter(|&n| n <= 255)?;
                Control::SpawnRequest {
                    reference: reference(r)?,
                    from: process(from)?,
                    leader: process(leader)?,
                    module: name(module)?,
                    function: name(function)?,
                    arity,
                    options,
                }
            }
            (31, &[r, to, flags, result]) | (32, &[r, to, flags, result, _]) => {
                let flags = flags.as_u64()?;
                target(result)?;
                let (linked, monitored) = (flags & 1 != 0, flags & 2 != 0);
                Control::SpawnReply { reference: reference(r)?, to: process(to)?, linked, monitored, result }
            }
            (33, &[from, alias]) | (34, &[from, alias, _]) => Control::SendAlias { from: process(from)?, alias: reference(alias)? },
            (35, &[id, from, to]) => Control::Unlink { id: Some(number(id)?), from: object(from)?, to: process(to)? },
            (36, &[id, from, to]) => Control::UnlinkAck { id: number(id)?, from: object(from)?, to: process(to)? },
            _ => return None,
        })
    }

    /// The term that says it. Messages to processes, exit signals and what is said of new processes take a token along.
    pub fn term(self, token: Option<Term>, a: &mut Alloc) -> Term {
        let op = |n: i64| Term::small(n);
        // These are other messages with a token: theirs is the last element then.
        let traced = |n: i64, with: i64| op(if token.is_some() { with } else { n });
        let with_token = |a: &mut Alloc, elements: &[Term]| match token {
            Some(token) => {
                let mut all = [token; 7];
                all[..elements.len()].copy_from_slice(elements);
                a.tuple(&all[..=elements.len()])
            }
            None => a.tuple(elements),
        };
        match self {
            Control::Link { from, to } => a.tuple(&[op(1), from, to]),
            Control::Send { from: None, to } => with_token(a, &[traced(2, 12), term::am::EMPTY, to]),
            Control::Send { from: Some(from), to } => with_token(a, &[traced(22, 23), from, to]),
            Control::SendName { from, name } => with_token(a, &[traced(6, 16), from, term::am::EMPTY, name]),
            Control::SendAlias { from, alias } => with_token(a, &[traced(33, 34), from, alias]),
            Control::Exit { from, to, reason: Some(reason) } => a.tuple(&[op(3), from, to, reason]),
            Control::Exit { from, to, reason: None } => with_token(a, &[traced(24, 25), from, to]),
            Control::Exit2 { from, to, reason: Some(reason) } => a.tuple(&[op(8), from, to, reason]),
            Control::Exit2 { from, to, reason: None } => a.tuple(&[op(26), from, to]),
            Control::Unlink { id: None, from, to } => a.tuple(&[op(4), from, to]),
            Control::Unlink { id: Some(id), from, to } => {
                let id = a.uint(id);
                a.tuple(&[op(35), id, from, to])
            }
            Control::UnlinkAck { id, from, to } => {
                let id = a.uint(id);
                a.tuple(&[op(36), id, from, to])
            }
            Control::GroupLeader { leader, to } => a.tuple(&[op(7), leader, to]),
            Control::Monitor { from, to, reference } => a.tuple(&[op(19), from, to, reference]),
            Control::Demonitor { from, to, reference } => a.tuple(&[op(20), from, to, reference]),
            Control::Down { from, to, reference, reason: Some(reason) } => a.tuple(&[op(21), from, to, reference, reason]),
            Control::Down { from, to, reference, reason: None } => a.tuple(&[op(28), from, to, reference]),
            Control::SpawnRequest { reference, from, leader, module, function, arity, options } => {
                let mfa = a.tuple(&[module, function, arity]);
                with_token(a, &[traced(29, 30), reference, from, leader, mfa, options])
            }
            Control::SpawnReply { reference, to, linked, monitored, result } => {
                let done = op(i64::from(linked) | i64::from(monitored) << 1);
                with_token(a, &[traced(31, 32), reference, to, done, result])
            }
        }
    }
    /// The control message and what stands behind it, as the other side takes them.
    pub(crate) fn plain(self, payload: Option<Term>, takes: Takes) -> (Control, Option<Term>) {
        match self {
            Control::Send { from: Some(_), to } if !takes.sender => (Control::Send { from: None, to }, payload),
            Control::Exit { from, to, reason: None } if !takes.reason_behind => (Control::Exit { from, to, reason: payload }, None),
            Control::Exit2 { from, to, reason: None } if !takes.reason_behind => (Control::Exit2 { from, to, reason: payload }, None),
            Control::Down { from, to, reference, reason: None } if !takes.reason_behind => {
                (Control::Down { from, to, reference, reason: payload }, None)
            }
            _ => (self, payload),
        }
    }
    /// Does a term follow in the same packet?
    pub fn has_payload(self) -> bool {
        use Control::*;
        matches!(
            self,
            Send { .. } | SendName { .. } | SendAlias { .. } | SpawnRequest { .. } | Exit { reason: None, .. } | Exit2 { reason: None, .. } | Down { reason: None, .. }
        )
    }
}

/// Numbers of unlink signals are 1 to 2^64 - 1.
fn number(t: Term) -> Option<u64> {
    t.as_u64().filter(|&n| n > 0)
}
