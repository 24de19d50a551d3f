//! Everything with a match specification: select, match and their kin, in slices with yields between them.

use super::{Answer, Right, find, refused, table};
use ::ets::matchspec::compile::{Gives, TOO_DEEP, errors_term};
use ::ets::matchspec::{Dialect, Hooks, Machine, MatchSpec};
use ::ets::table::Remains;
use ::ets::traverse::Scope;
use ::ets::{Cursor, Error, Kind, Table};
use node::{Ctx, Stop};
use process::NativeState;
use std::any::Any;
use std::sync::Arc;
use term::magic::Magic;
use term::{Alloc, Term, am, atom};

/// Objects looked at under one lock.
const CHUNK: usize = 1000;

// ---- freeing

/// Contents of a table on their way out.
pub(super) struct Freeing {
    pub(super) remains: Remains,
    pub(super) count: usize,
}

impl NativeState for Freeing {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// Frees what `native_state` holds, slice by slice; the count noted in it.
pub(super) fn free(cx: &mut Ctx) -> Result<usize, Stop> {
    let Some(mut state) = cx.p.native_state.take() else { return Ok(0) };
    let Some(f) = state.as_any().downcast_mut::<Freeing>() else { return Ok(0) };
    while !f.remains.free_some(CHUNK) {
        cx.charge(CHUNK / 4);
        if cx.exhausted() {
            cx.p.native_state = Some(state);
            return Err(Stop::Yield);
        }
    }
    Ok(f.count)
}

// ---- hooks

struct Local {
    pid: Term,
    node: Term,
}

impl Local {
    fn new(cx: &Ctx) -> Local {
        Local { pid: cx.pid, node: cx.node.identity.read().0 }
    }
}

impl Hooks for Local {
    fn self_pid(&self) -> Term {
        self.pid
    }
    fn node(&self) -> Term {
        self.node
    }
    fn action(&mut self, _: ::ets::matchspec::Action, _: &[Term], _: &mut Alloc) -> Option<Term> {
        Some(am::TRUE)
    }
}

/// What a specification sees that is only tried.
struct Test {
    of: Local,
    control: u64,
    token: Term,
}

impl Hooks for Test {
    fn self_pid(&self) -> Term {
        self.of.pid
    }
    fn node(&self) -> Term {
        self.of.node
    }
    fn action(&mut self, action: ::ets::matchspec::Action, args: &[Term], a: &mut Alloc) -> Option<Term> {
        use ::ets::matchspec::Action;
        Some(match action {
            Action::GetTcw | Action::SetTcw => a.uint(self.control),
            Action::GetSeqToken => self.token,
            Action::SetSeqToken => {
                let known = term::atom::as_text(args[0]).is_some_and(|n| matches!(n, "label" | "serial") || node::seq::flag(n).is_some());
                if known { am::TRUE } else { am::EXIT_UPPER }
            }
            Action::IsSeqTrace => Term::bool(!self.token.is_nil()),
            _ => am::TRUE,
        })
    }
}

// ---- a walk in slices

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Select,
    Count,
    Delete,
    Replace,
}

struct Walk {
    doing: Doing,
    table: Arc<Table>,
    spec: Arc<MatchSpec>,
    scope: Scope,
    reverse: bool,
    limit: usize,
    at: At,
    /// The key of `At::Key` (or nil), then the results: roots of collections.
    terms: Vec<Term>,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Hash(u64),
    Key,
    End,
}

impl NativeState for Walk {
    fn roots(&mut self) -> &mut [Term] {
        &mut self.terms
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Walk {
    fn new(doing: Doing, table: Arc<Table>, spec: Arc<MatchSpec>) -> Walk {
        let scope = Scope::of(&spec, &table);
        Walk { doing, table, spec, scope, reverse: false, limit: usize::MAX, at: At::Start, terms: vec![Term::NIL], count: 0 }
    }
    fn cursor(&self) -> Cursor {
        match self.at {
            At::Start | At::End => Cursor::Start,
            At::Hash(h) => Cursor::Hash(h),
            At::Key => Cursor::Key(self.terms[0]),
        }
    }
    /// Until the end, the limit, or the end of the caller's slice (`Stop::Yield`, with the state put away).
    fn go(mut self: Box<Self>, cx: &mut Ctx) -> Result<Box<Self>, Stop> {
        let mut hooks = Local::new(cx);
        while self.at != At::End && self.terms.len() - 1 < self.limit {
            let mut m = Machine::new(&mut hooks);
            let w = &mut *self;
            let cursor = w.cursor();
            let h = &mut cx.p.heap.alloc;
            // An ordered set is walked just as far as there are results wanted.
            let limit = w.limit.saturating_sub(w.terms.len() - 1);
            let next = match w.doing {
                Doing::Select => {
                    let mut found = Vec::new();
                    let r = w.table.select(&w.spec, &w.scope, &mut m, cursor, w.reverse, CHUNK, limit, h, &mut found);
                    w.terms.append(&mut found);
                    r
                }
                doing => {
                    let r = match doing {
                        Doing::Count => w.table.select_count(&w.spec, &w.scope, &mut m, cursor, CHUNK, h),
                        Doing::Delete => w.table.select_delete(&w.spec, &w.scope, &mut m, cursor, CHUNK, h),
                        _ => w.table.select_replace(&w.spec, &w.scope, &mut m, cursor, CHUNK, h),
                    };
                    r.map(|(n, next)| {
                        w.count += n;
                        next
                    })
                }
            };
            match next {
                Err(e) => return Err(refused(cx, e)),
                Ok(None) => w.at = At::End,
                Ok(Some(Cursor::Hash(n))) => w.at = At::Hash(n),
                Ok(Some(Cursor::Key(k))) => {
                    w.at = At::Key;
                    w.terms[0] = k;
                }
                Ok(Some(Cursor::Start)) => w.at = At::Start,
            }
            cx.charge(CHUNK / 4);
            if cx.exhausted() && self.at != At::End {
                cx.p.native_state = Some(self);
                return Err(Stop::Yield);
            }
        }
        Ok(self)
    }
}

/// The walk that this call goes on with after a yield, or a new one.
fn resume(cx: &mut Ctx, start: impl FnOnce(&mut Ctx) -> Result<Walk, Stop>) -> Result<Box<Walk>, Stop> {
    let walk = match cx.p.native_state.take() {
        Some(state) => match (state as Box<dyn Any>).downcast::<Walk>() {
            Ok(w) => w,
            Err(_) => return Err(cx.badarg()),
        },
        None => Box::new(start(cx)?),
    };
    walk.go(cx)
}

fn release(cx: &Ctx) -> u32 {
    cx.node.config.otp.release_number()
}

#[cold]
fn wrong(cx: &mut Ctx, errors: &[String]) -> Stop {
    if errors.iter().any(|e| e == TOO_DEEP) { cx.system_limit() } else { cx.badarg() }
}

fn compiled(cx: &mut Ctx, spec: Term) -> Result<Arc<MatchSpec>, Stop> {
    MatchSpec::compile(spec, Dialect::Table, release(cx)).map(Arc::new).map_err(|e| wrong(cx, &e))
}

fn pattern(cx: &mut Ctx, pattern: Term, gives: Gives) -> Result<Arc<MatchSpec>, Stop> {
    MatchSpec::pattern(pattern, gives).map(Arc::new).map_err(|e| wrong(cx, &e))
}

// ---- all at once

fn all(cx: &mut Ctx, a: &[Term], reverse: bool, spec: impl FnOnce(&mut Ctx) -> Result<Arc<MatchSpec>, Stop>) -> Answer {
    let mut w = resume(cx, |cx| {
        let t = table(cx, a[0], Right::Read)?.clone();
        let spec = spec(cx)?;
        let tree = t.kind() == Kind::OrderedSet;
        let mut w = Walk::new(Doing::Select, t, spec);
        w.reverse = if tree { reverse } else { !w.scope.is_bound() };
        Ok(w)
    })?;
    if w.table.kind() != Kind::OrderedSet && !w.scope.is_bound() {
        // What was found first comes last; a bag's objects were looked at newest first.
        w.terms[1..].reverse();
    }
    Ok(cx.h().list(&w.terms[1..]))
}

/// `ets:select/2` and its kin take an empty list for a specification that nothing matches.
fn is_empty(cx: &mut Ctx, a: &[Term], right: Right) -> Result<bool, Stop> {
    Ok(a[1].is_nil() && cx.p.native_state.is_none() && table(cx, a[0], right).map(|_| true)?)
}

pub(super) fn select_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    if is_empty(cx, a, Right::Read)? {
        return Ok(Term::NIL);
    }
    all(cx, a, false, |cx| compiled(cx, a[1]))
}

pub(super) fn select_reverse_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    if is_empty(cx, a, Right::Read)? {
        return Ok(Term::NIL);
    }
    all(cx, a, true, |cx| compiled(cx, a[1]))
}

pub(super) fn match_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    all(cx, a, false, |cx| pattern(cx, a[1], Gives::Variables))
}

pub(super) fn match_object_2(cx: &mut Ctx, a: &[Term]) -> Answer {
    all(cx, a, false, |cx| pattern(cx, a[1], Gives::Object))
}

fn counted(cx: &mut Ctx, a: &[Term], doing: Doing) -> Answer {
    let right = if doing == Doing::Count { Right::Read } else { Right::Write };
    if is_empty(cx, a, right)? {
        return Ok(Term::small(0));
    }
    let w = resume(cx, |cx| {
        let t = table(cx, a[0], right)?.clone();
        if doing == Doing::Replace && t.kind() == Kind::Bag {
            return Err(refused(cx, Error::Kind));
        }
        let spec = compiled(cx, a[1])?;
        if doing == Doing::Replace && !spec.keeps_key(t.keypos()) {
            return Err(cx.badarg());
        }
        Ok(Walk::new(doing, t, spec))
    })?;
    Ok(Term::small(w.count as i64))
}

pub(super) fn select_count(cx: &mut Ctx, a: &[Term]) -> Answer {
    counted(cx, a, Doing::Count)
}

pub(super) fn select_delete(cx: &mut Ctx, a: &[Term]) -> Answer {
    counted(cx, a, Doing::Delete)
}

pub(super) fn select_replace(cx: &mut Ctx, a: &[Term]) -> Answer {
    counted(cx, a, Doing::Replace)
}

// ---- in pieces
// A continuation has the form of ERTS', which `ets:repair_continuation/2` knows: for hash tables
// {Table, Hash | -1, Limit, Spec, Results, Number}, for ordered sets {Table, Key, done | [], Limit, Spec, Results, Reverse, 0}.

fn piece(cx: &mut Ctx, a: &[Term], reverse: bool, spec: impl FnOnce(&mut Ctx) -> Result<Arc<MatchSpec>, Stop>) -> Answer {
    let w = resume(cx, |cx| {
        let t = table(cx, a[0], Right::Read)?.clone();
        let Some(limit) = a[2].to::<usize>().filter(|n| *n > 0) else { return Err(cx.badarg()) };
        let spec = spec(cx)?;
        let reverse = reverse || t.kind() != Kind::OrderedSet;
        Ok(Walk { reverse, limit, ..Walk::new(Doing::Select, t, spec) })
    })?;
    hand_out(cx, *w, a[0], None)
}

/// The results of a walk up to its limit, and a continuation for the rest.
fn hand_out(cx: &mut Ctx, w: Walk, handle: Term, spec_ref: Option<Term>) -> Answer {
    let results = &w.terms[1..];
    if results.is_empty() {
        return Ok(am::END_OF_TABLE);
    }
    let n = results.len().min(w.limit);
    let tree = w.table.kind() == Kind::OrderedSet;
    let bag = matches!(w.table.kind(), Kind::Bag | Kind::DuplicateBag);
    // With as many results as were wanted, nobody looks whether there are more, except where the keys were given.
    let end = w.at == At::End && n == results.len() && (n < w.limit || w.scope.is_bound());
    let rest = if end {
        am::END_OF_TABLE
    } else {
        let mut left = results[n..].to_vec();
        // What is left over of a bag's objects is turned round by each piece but the first.
        if bag && spec_ref.is_some() {
            left.reverse();
        }
        let spec = spec_ref.unwrap_or_else(|| spec_term(cx, w.spec.clone(), Some(w.table.id)));
        let h = cx.h();
        let left = h.list(&left);
        let limit = Term::small(w.limit as i64);
        if tree {
            let done = if w.at == At::End { atom!("done") } else { Term::NIL };
            h.tuple(&[handle, w.terms[0], done, limit, spec, left, Term::small(i64::from(w.reverse)), Term::small(0)])
        } else {
            let at = match w.at {
                At::Hash(n) => h.uint(n),
                _ => Term::small(-1),
            };
            h.tuple(&[handle, at, limit, spec, left, Term::small((results.len() - n) as i64)])
        }
    };
    let h = cx.h();
    // A bag's objects are looked at newest first, and each piece of the results of hash tables is then turned round.
    let list = if bag || !(tree || w.scope.is_bound()) {
        let turned: Vec<Term> = results[..n].iter().rev().copied().collect();
        h.list(&turned)
    } else {
        h.list(&results[..n])
    };
    Ok(h.tuple(&[list, rest]))
}

/// What the reference to a compiled specification carries.
struct Compiled {
    spec: Arc<MatchSpec>,
    /// In a continuation: the number of the table that it began with, whatever its name has become since.
    table: Option<u64>,
}

fn spec_term(cx: &mut Ctx, spec: Arc<MatchSpec>, table: Option<u64>) -> Term {
    let id = cx.node.next_ref();
    cx.h().magic_ref(Arc::new(Magic { id: (id, 0), value: Box::new(Compiled { spec, table }) }))
}

fn spec_of(t: Term) -> Option<&'static Compiled> {
    t.magic_value::<Compiled>()
}

pub(super) fn select_3(cx: &mut Ctx, a: &[Term]) -> Answer {
    piece(cx, a, false, |cx| compiled(cx, a[1]))
}

pub(super) fn select_reverse_3(cx: &mut Ctx, a: &[Term]) -> Answer {
    piece(cx, a, true, |cx| compiled(cx, a[1]))
}

pub(super) fn match_3(cx: &mut Ctx, a: &[Term]) -> Answer {
    piece(cx, a, false, |cx| pattern(cx, a[1], Gives::Variables))
}

pub(super) fn match_object_3(cx: &mut Ctx, a: &[Term]) -> Answer {
    piece(cx, a, false, |cx| pattern(cx, a[1], Gives::Object))
}

/// A continuation taken apart.
fn parse(cx: &mut Ctx, c: Term) -> Result<(Walk, Term), Stop> {
    let e = c.as_tuple().unwrap_or(&[]);
    let (at, limit, spec, left, reverse) = match *e {
        [_, at, limit, spec, left, n] if n.is_small() => {
            let at = match at.as_u64() {
                Some(h) => At::Hash(h),
                None if at == Term::small(-1) => At::End,
                None => return Err(cx.badarg()),
            };
            (at, limit, spec, left, true)
        }
        [_, _, done, limit, spec, left, reverse, _] if reverse.is_small() => {
            (if done.is_nil() { At::Key } else { At::End }, limit, spec, left, reverse == Term::small(1))
        }
        _ => return Err(cx.badarg()),
    };
    let (Some(spec), Some(limit), Some(left)) = (spec_of(spec), limit.to::<usize>().filter(|n| *n > 0), left.proper_list())
    else {
        return Err(cx.badarg());
    };
    let found = match spec.table {
        Some(id) => cx.node.tables.by_id(id),
        None => find(cx, e[0]).map(|t| t.clone()),
    };
    let t = match found {
        Some(t) if t.may_read(cx.pid) => t,
        Some(_) => return Err(cx.badarg_cause(atom!("access"))),
        None => return Err(super::no_table(cx, e[0])),
    };
    if (t.kind() == Kind::OrderedSet) != (e.len() == 8) {
        return Err(cx.badarg());
    }
    let mut w = Walk::new(Doing::Select, t, spec.spec.clone());
    (w.at, w.limit, w.reverse) = (at, limit, reverse);
    if e.len() == 8 {
        w.terms[0] = e[1];
    }
    w.terms.extend(left);
    Ok((w, e[0]))
}

/// `ets:select/1`, `match/1`, `match_object/1`, `select_reverse/1`.
pub(super) fn continued(cx: &mut Ctx, a: &[Term]) -> Answer {
    if a[0] == am::END_OF_TABLE {
        return Ok(a[0]);
    }
    let w = resume(cx, |cx| Ok(parse(cx, a[0])?.0))?;
    let e = a[0].as_tuple().unwrap_or(&[]);
    let (handle, spec) = match *e {
        [t, _, _, spec, _, _] => (t, spec),
        [t, _, _, _, spec, ..] => (t, spec),
        _ => return Err(cx.badarg()),
    };
    hand_out(cx, *w, handle, Some(spec))
}

// ---- specifications by themselves

pub(super) fn match_spec_compile(cx: &mut Ctx, a: &[Term]) -> Answer {
    let spec = compiled(cx, a[0])?;
    Ok(spec_term(cx, spec, None))
}

pub(super) fn is_compiled_ms(_: &mut Ctx, a: &[Term]) -> Answer {
    Ok(Term::bool(spec_of(a[0]).is_some()))
}

/// `ets:match_spec_run_r(List, Compiled, Results)`: results in front of `Results`, the last one first.
pub(super) fn match_spec_run_r(cx: &mut Ctx, a: &[Term]) -> Answer {
    let Some(Compiled { spec, .. }) = spec_of(a[1]) else { return Err(cx.badarg()) };
    let mut hooks = Local::new(cx);
    let mut m = Machine::new(&mut hooks);
    let (mut rest, mut results) = (a[0], a[2]);
    while let Some((t, tail)) = rest.as_cons() {
        if let Some(r) = spec.run(&mut m, t, &mut cx.p.heap.alloc) {
            results = cx.p.heap.alloc.cons(r, results);
        }
        rest = tail;
        cx.charge(1);
        if cx.exhausted() && rest.is_cons() {
            return Err(cx.trap(am::ETS, atom!("match_spec_run_r"), &[rest, a[1], results]));
        }
    }
    if rest.is_nil() { Ok(results) } else { Err(cx.badarg()) }
}

/// `erlang:match_spec_test/3`
pub(super) fn match_spec_test(cx: &mut Ctx, a: &[Term]) -> Answer {
    let (subject, dialect) = match a[2] {
        t if t == atom!("table") => (a[0], Dialect::Table),
        am::TRACE => (a[0], Dialect::Trace),
        _ => return Err(cx.badarg()),
    };
    if dialect == Dialect::Trace && subject.list_length().is_none() {
        return Err(cx.badarg());
    }
    let spec = match MatchSpec::compile(a[1], dialect, release(cx)) {
        Ok(s) => s,
        Err(errors) => {
            let h = cx.h();
            let list = errors_term(&errors, h);
            return Ok(h.error(list));
        }
    };
    // Nothing is changed by a test.
    let control = cx.node.settings.trace_control_word.load(std::sync::atomic::Ordering::Relaxed);
    let token = cx.p.rare.as_ref().and_then(|r| r.trace_token.as_ref()).map_or(Term::NIL, |t| t.term);
    let mut hooks = Test { of: Local::new(cx), control, token };
    let mut m = Machine::new(&mut hooks);
    let h = &mut cx.p.heap.alloc;
    let (result, flags) = match dialect {
        Dialect::Table => (spec.run(&mut m, subject, h).unwrap_or(am::FALSE), Term::NIL),
        Dialect::Trace => match spec.run_trace(&mut m, subject, h) {
            None => (am::FALSE, Term::NIL),
            Some(t) => {
                let mut flags = Vec::new();
                if t.return_trace {
                    flags.push(atom!("return_trace"));
                }
                if t.exception_trace {
                    flags.push(atom!("exception_trace"));
                }
                (t.message, h.list(&flags))
            }
        },
    };
    Ok(h.tuple(&[am::OK, result, flags, Term::NIL]))
}
