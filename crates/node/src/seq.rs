//! Sequential tracing: the token that messages carry from process to process. Not here: its notation (`bifs`).

use crate::Node;
use process::Private;
use std::sync::Arc;
use term::{Alloc, Term, am};

/// The process's token as Erlang shows it; `[]` for none.
pub fn shown(p: &Private, a: &mut Alloc) -> Term {
    match p.rare.as_ref().and_then(|r| r.trace_token.as_ref()) {
        Some(token) => term::copy::copy(token.term, a, term::copy::LiteralRange::NONE),
        None => Term::NIL,
    }
}

/// Does the process have a token?
pub fn is_on(p: &Private) -> bool {
    p.rare.as_ref().is_some_and(|r| r.trace_token.is_some())
}

/// `set_seq_token` of a match specification.
pub fn set_by_spec(_node: &Arc<Node>, _pid: Term, _p: &mut Private, _what: Term, _value: Term) -> Term {
    am::FALSE
}
