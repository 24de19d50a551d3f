//! Traced calls: what a breakpoint's hook says, the messages of calls, returns and exceptions, counters and accounts.
//! Not here: where breakpoints are (`code::points`), the frames on the stack that wait for returns (`exec`).

use super::Pattern;
use crate::{Ctx, Node};
use base::sync::Mutex;
use code::op::Op;
use code::points::Point;
use ets::matchspec::{Action, Hooks, Machine};
use process::Private;
use process::trace::{Account, Trace, flags::*};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use term::word::Kind;
use term::{Alloc, Term, am};

/// What the calls at one breakpoint are traced for, by session.
#[derive(Clone, Default)]
pub struct Hits(pub Vec<Hit>);

/// What one session wants of the calls of a function.
#[derive(Clone, Default)]
pub struct Hit {
    pub session: u32,
    /// Calls through the export.
    pub global: Option<Arc<Pattern>>,
    pub local: Option<Arc<Pattern>>,
    pub meta: Option<Arc<Meta>>,
    pub count: Option<Arc<Count>>,
    pub time: Option<Arc<Spent>>,
    pub memory: Option<Arc<Spent>>,
}

impl Hit {
    pub fn is_empty(&self) -> bool {
        self.global.is_none() && self.local.is_none() && self.meta.is_none() && self.count.is_none() && self.time.is_none() && self.memory.is_none()
    }
}

impl Hits {
    pub fn of(&self, session: u32) -> Option<&Hit> {
        self.0.iter().find(|h| h.session == session)
    }
    /// Changes what a session wants; nothing remains if nobody wants anything.
    pub fn changed(before: Option<Arc<Hits>>, session: u32, change: impl FnOnce(&mut Hit)) -> Option<Arc<Hits>> {
        let mut hits = before.map_or_else(Hits::default, |h| (*h).clone());
        let at = hits.0.iter().position(|h| h.session == session).unwrap_or_else(|| {
            hits.0.push(Hit { session, ..Hit::default() });
            hits.0.len() - 1
        });
        change(&mut hits.0[at]);
        if hits.0[at].is_empty() {
            hits.0.remove(at);
        }
        (!hits.0.is_empty()).then(|| Arc::new(hits))
    }
}

/// A meta trace: its tracer is the function's, not the process's.
pub struct Meta {
    pub pattern: Arc<Pattern>,
    /// `[]` once it is gone.
    pub tracer: Mutex<Term>,
}

/// `call_count`.
pub struct Count {
    pub active: bool,
    pub calls: AtomicU64,
}

/// `call_time` (in nanoseconds) or `call_memory` (in words): calls and sum by process.
pub struct Spent {
    pub active: bool,
    pub by: Mutex<super::ByProcess>,
}

impl Spent {
    fn add(&self, pid: Term, calls: u64, amount: u64) {
        if self.active {
            let mut by = self.by.lock();
            let e = by.entry(pid).or_default();
            e.0 += calls;
            e.1 += amount;
        }
    }
}

pub fn hits_of(p: &Point) -> Option<Arc<Hits>> {
    p.hook.read().clone()?.downcast().ok()
}

/// A session's breakpoints go.
pub fn clear_session(node: &Node, session: u32) {
    for p in node.code.points() {
        node.code.change_point::<Hits>(&p, |before| Hits::changed(before, session, |h| *h = Hit { session, ..Hit::default() }));
    }
}

/// The addresses that calls will return to, top first, without those that only tell a tracer.
fn return_addresses(cx: &Ctx) -> impl Iterator<Item = u64> {
    let code = &cx.node.code;
    cx.p.heap.stack().iter().map(|t| t.raw()).filter(|w| *w != 0 && w & 7 == 0).filter(|&w| code.as_trace_continuation(w).is_none())
}

/// The function that a call will return to.
fn caller(cx: &Ctx) -> Option<code::Located> {
    let address = return_addresses(cx).next()?;
    cx.node.code.locate((address - 8) as *const u64)
}

/// Words on the stack that tell a tracer of a return: sizes behind the continuation.
pub fn frame_words(op: Op) -> usize {
    match op {
        Op::ReturnTrace | Op::ExceptionTrace => 5,
        Op::ReturnTo => 1,
        _ => 2,
    }
}

/// A trace frame: on top of the stack stands its continuation, then words.
fn top_frames(cx: &Ctx, mut see: impl FnMut(Op, &[Term]) -> bool) -> bool {
    let stack = cx.p.heap.stack();
    let mut at = 0;
    while let Some(op) = stack.get(at).and_then(|t| cx.node.code.as_trace_continuation(t.raw())) {
        let end = at + 1 + frame_words(op);
        if see(op, &stack[at + 1..end]) {
            return true;
        }
        at = end;
    }
    false
}

/// A function has been called whose calls are caught. What must be told when it returns comes into `frames`: the words of
/// trace frames in the order in which they are pushed.
#[cold]
pub fn called(cx: &mut Ctx, point: &Point, args: &[Term], frames: &mut Vec<u64>) {
    frames.clear();
    let Some(hits) = hits_of(point) else { return };
    // Functions that take binaries apart may hand the rest on as a match context, which nobody else is to see.
    let mut memory = Alloc::new();
    let shown: Vec<Term>;
    let mut args = args;
    if args.iter().any(|t| t.is_kind(Kind::MatchContext)) {
        shown = args.iter().map(|&t| without_context(&mut memory, t)).collect();
        args = &shown;
    }
    for hit in &hits.0 {
        let session = hit.session;
        if let Some(pattern) = hit.local.as_ref().or(hit.global.as_ref())
            && let Some(trace) = cx.p.trace.of(session)
        {
            let back = told(cx, point, args, pattern, trace, Told::Process);
            if hit.local.is_some() && back.to {
                let there = frames_have_return_to(cx, frames, session) || top_frames(cx, |op, words| op == Op::ReturnTo && words[0] == Term::small(session.into()));
                if !there {
                    push_frame(cx, frames, Op::ReturnTo, &[Term::small(session.into())]);
                }
            }
            push_return(cx, frames, point, back, session, Term::NIL);
        }
        if let Some(meta) = &hit.meta {
            let tracer = *meta.tracer.lock();
            if tracer.is_some() && !tracer.is_nil() {
                let trace = Trace { session, flags: CALL | TIMESTAMP, tracer };
                let back = told(cx, point, args, &meta.pattern, trace, Told::Meta(meta));
                push_return(cx, frames, point, back, session, tracer);
            }
        }
        if let Some(count) = &hit.count
            && count.active
        {
            count.calls.fetch_add(1, Relaxed);
        }
        if (hit.time.as_ref().is_some_and(|t| t.active) || hit.memory.as_ref().is_some_and(|t| t.active))
            && cx.p.trace.of(session).is_some_and(|t| t.has(CALL) && cx.node.tracer_lives(t.tracer))
        {
            let before = switch_account(cx.node, cx.pid, cx.p, session, Some(point.number), 1);
            let tail = frames.is_empty()
                && cx.p.heap.stack().first().is_some_and(|t| cx.node.code.as_trace_continuation(t.raw()) == Some(Op::ReturnAccount))
                && cx.p.heap.stack().get(1) == Some(&Term::small(session.into()));
            if !tail {
                let before = before.map_or(Term::NIL, |n| Term::small(n.into()));
                push_frame(cx, frames, Op::ReturnAccount, &[Term::small(session.into()), before]);
            }
        }
    }
}

fn without_context(a: &mut Alloc, t: Term) -> Term {
    if !t.is_kind(Kind::MatchContext) {
        return t;
    }
    let (from, to) = (t.word(1) as usize, t.word(2) as usize);
    a.slice_base(t.base(), from, to - from)
}

fn push_frame(cx: &Ctx, frames: &mut Vec<u64>, op: Op, words: &[Term]) {
    frames.extend(words.iter().rev().map(|t| t.raw()));
    frames.push(cx.node.code.trace_continuation(op) as u64);
}

fn frames_have_return_to(cx: &Ctx, frames: &[u64], session: u32) -> bool {
    let to = cx.node.code.trace_continuation(Op::ReturnTo) as u64;
    frames.windows(2).any(|w| w[1] == to && w[0] == Term::small(session.into()).raw())
}

fn push_return(cx: &Ctx, frames: &mut Vec<u64>, point: &Point, back: Back, session: u32, tracer: Term) {
    if back.returns || back.exceptions {
        let op = if back.exceptions { Op::ExceptionTrace } else { Op::ReturnTrace };
        let words = [point.module, point.function, Term::small(point.arity.into()), Term::small(session.into()), tracer];
        push_frame(cx, frames, op, &words);
    }
}

/// What the tracer wants to hear when the call has ended.
#[derive(Default, Clone, Copy)]
struct Back {
    returns: bool,
    exceptions: bool,
    /// Where it returns to.
    to: bool,
}

enum Told<'a> {
    Process,
    Meta(&'a Meta),
}

/// Runs the pattern of a call and tells its tracer.
fn told(cx: &mut Ctx, point: &Point, args: &[Term], pattern: &Pattern, trace: Trace, how: Told) -> Back {
    if cx.p.sensitive {
        return Back::default();
    }
    let meta = matches!(how, Told::Meta(_));
    if !meta && (!trace.has(CALL) || trace.tracer == cx.pid) {
        return Back::default();
    }
    if !cx.node.tracer_lives(trace.tracer) {
        match how {
            Told::Meta(m) => *m.tracer.lock() = Term::NIL,
            Told::Process => cx.p.trace.remove(trace.session),
        }
        return Back::default();
    }
    let node = cx.node.clone();
    let mut out = Alloc::new();
    let mut message = am::TRUE;
    let mut back = Back::default();
    if let Some(spec) = &pattern.spec {
        let list = out.list(args);
        let caller = caller(cx);
        let mut hooks = CallHooks { cx, trace, caller };
        let Some(result) = spec.run_trace(&mut Machine::new(&mut hooks), list, &mut out) else { return Back::default() };
        message = result.message;
        back = Back { returns: result.return_trace, exceptions: result.exception_trace, to: false };
    }
    let trace = if meta { trace } else { cx.p.trace.of(trace.session).unwrap_or(Trace { flags: 0, ..trace }) };
    if !meta && trace.has(SILENT) {
        return Back::default();
    }
    if message == am::FALSE {
        return back;
    }
    back.to = !meta && trace.has(RETURN_TO);
    let alive = node.emit_for(cx.pid, trace, |a| {
        let shown = if trace.has(ARITY) { Term::small(args.len() as i64) } else { a.list(args) };
        let call = a.tuple(&[point.module, point.function, shown]);
        let mut parts = vec![term::atom!("call"), call];
        if message != am::TRUE {
            parts.push(message);
        }
        parts
    });
    if !alive {
        return Back::default();
    }
    back
}

/// Whom a trace frame tells: the process's tracer in that session, or the function's own.
fn listener(cx: &Ctx, session: Term, tracer: Term) -> Option<Trace> {
    if cx.p.sensitive {
        return None;
    }
    let session = session.small_value() as u32;
    if tracer.is_nil() {
        cx.p.trace.of(session).filter(|t| t.has(CALL))
    } else {
        Some(Trace { session, flags: CALL | TIMESTAMP, tracer })
    }
}

/// A traced call has returned. `frame`: module, function, arity, session, tracer.
#[cold]
pub fn returned(cx: &mut Ctx, frame: &[Term], value: Term) {
    let Some(trace) = listener(cx, frame[3], frame[4]) else { return };
    cx.node.emit_for(cx.pid, trace, |a| {
        let mfa = a.tuple(&frame[..3]);
        vec![term::atom!("return_from"), mfa, value]
    });
}

/// A traced call has ended by an exception.
#[cold]
pub fn raised(cx: &mut Ctx, frame: &[Term], class: Term, value: Term) {
    let Some(trace) = listener(cx, frame[3], frame[4]) else { return };
    cx.node.emit_for(cx.pid, trace, |a| {
        let mfa = a.tuple(&frame[..3]);
        let what = a.tuple(&[class, value]);
        vec![term::atom!("exception_from"), mfa, what]
    });
}

/// Execution goes on at `address` after a traced call.
#[cold]
pub fn returns_to(cx: &mut Ctx, session: Term, address: u64) {
    let Some(trace) = listener(cx, session, Term::NIL).filter(|t| t.has(RETURN_TO)) else { return };
    let place = cx.node.code.locate((address - 8) as *const u64);
    cx.node.emit_for(cx.pid, trace, |a| {
        let to = match place {
            Some(l) => a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity))]),
            None => am::UNDEFINED,
        };
        vec![term::atom!("return_to"), to]
    });
}

/// The first real return address above the stack's present top.
pub fn next_return(cx: &Ctx) -> u64 {
    return_addresses(cx).next().unwrap_or(8)
}

// ---- accounts
/// The words that a process has allocated so far.
fn allocated(p: &Private) -> u64 {
    p.heap.allocated_words()
}

/// Time and memory since the last switch go to the account's function; it is `next`'s from now on. The function before.
fn switch_account(node: &Node, pid: Term, p: &mut Private, session: u32, next: Option<u32>, calls: u64) -> Option<u32> {
    let (now, words) = (node.monotonic_ns(), allocated(p));
    let accounts = &mut p.rare.get_or_insert_default().accounts;
    let at = accounts.iter().position(|a| a.session == session).unwrap_or_else(|| {
        accounts.push(Account { session, point: None, since: now, words });
        accounts.len() - 1
    });
    let account = &mut accounts[at];
    let before = account.point;
    let (time, memory) = ((now - account.since).max(0) as u64, words.saturating_sub(account.words));
    *account = Account { session, point: next, since: now, words };
    if let Some(n) = before {
        charge(node, n, session, pid, 0, time, memory);
    }
    if let Some(n) = next.filter(|_| calls > 0) {
        charge(node, n, session, pid, calls, 0, 0);
    }
    before
}

fn charge(node: &Node, point: u32, session: u32, pid: Term, calls: u64, time: u64, memory: u64) {
    let Some(hits) = node.code.point(point).and_then(|p| hits_of(&p)) else { return };
    let Some(hit) = hits.of(session) else { return };
    if let Some(t) = &hit.time {
        t.add(pid, calls, time);
    }
    if let Some(m) = &hit.memory {
        m.add(pid, calls, memory);
    }
}

/// A call that is accounted for has ended. `frame`: session, the function whose account goes on.
#[cold]
pub fn account_returned(cx: &mut Ctx, frame: &[Term]) {
    let next = frame[1].as_small().map(|n| n as u32);
    switch_account(cx.node, cx.pid, cx.p, frame[0].small_value() as u32, next, 0);
}

/// The process stops running: what it used until now is accounted for.
#[cold]
pub fn account_out(node: &Node, pid: Term, p: &mut Private) {
    let Some(rare) = &p.rare else { return };
    for a in rare.accounts.clone() {
        switch_account(node, pid, p, a.session, a.point, 0);
    }
}
/// It runs again: the time in between counts for nobody.
#[cold]
pub fn account_in(node: &Node, p: &mut Private) {
    let now = node.monotonic_ns();
    if let Some(rare) = &mut p.rare {
        for a in &mut rare.accounts {
            a.since = now;
        }
    }
}

/// What `process_dump` shows of the running process.
fn describe(cx: &Ctx) -> String {
    let mut text = format!("=proc:{}\nState: Running\nMessage queue length: {}\n", term::print::text(cx.pid), cx.p.mailbox.len());
    for w in return_addresses(cx) {
        if let Some(l) = cx.node.code.locate((w - 8) as *const u64) {
            let name = |t| term::print::text(t);
            text += &format!("Return addr {w:#x} ({}:{}/{})\n", name(l.module), name(l.function), l.arity);
        }
    }
    text
}

// ---- what match specifications do
pub(super) struct CallHooks<'a, 'b> {
    cx: &'a mut Ctx<'b>,
    trace: Trace,
    caller: Option<code::Located>,
}

/// The hooks of patterns for messages, where no code of the process runs.
pub(super) struct EventHooks<'a> {
    pub node: &'a Arc<Node>,
    pub pid: Term,
    pub p: &'a mut Private,
    pub trace: Trace,
}

fn place(a: &mut Alloc, l: &Option<code::Located>) -> Term {
    match l {
        Some(l) => a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity))]),
        None => am::UNDEFINED,
    }
}

fn place_and_line(a: &mut Alloc, l: &Option<code::Located>) -> Term {
    let Some(l) = l else { return am::UNDEFINED };
    let line = match &l.location {
        Some((file, line)) => {
            let file = a.list_of_chars(file);
            a.tuple(&[file, Term::small(i64::from(*line))])
        }
        None => am::UNDEFINED,
    };
    a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity)), line])
}

/// What an action does that needs no running code.
fn common(node: &Arc<Node>, pid: Term, p: &mut Private, trace: Trace, action: Action, args: &[Term], a: &mut Alloc) -> Option<Term> {
    let session = trace.session;
    Some(match action {
        Action::Silent => {
            let Some(mut t) = p.trace.of(session) else { return Some(am::FALSE) };
            let before = t.has(SILENT);
            match args.first().and_then(|t| t.as_bool()) {
                Some(true) => t.flags |= SILENT,
                Some(false) => t.flags &= !SILENT,
                None => {}
            }
            p.trace.set(t);
            Term::bool(before)
        }
        Action::Display => {
            crate::dump::say(&format!("{}\n", args.first().map_or(String::new(), |&t| term::print::text(t))));
            am::TRUE
        }
        Action::GetTcw => a.uint(node.settings.trace_control_word.load(Relaxed)),
        Action::SetTcw => {
            let n = args.first()?.as_u64()?;
            a.uint(node.settings.trace_control_word.swap(n, Relaxed))
        }
        Action::EnableTrace | Action::DisableTrace => {
            let on = action == Action::EnableTrace;
            let (who, flag) = if let [who, flag] = args { (*who, *flag) } else { (pid, args[0]) };
            let Some(bits) = flag_named(flag) else { return Some(am::FALSE) };
            change_of(node, pid, p, trace, who, if on { (bits, 0) } else { (0, bits) }, None)
        }
        Action::Trace => {
            let (who, off, on) = match args {
                [off, on] => (pid, *off, *on),
                [who, off, on] => (*who, *off, *on),
                _ => return Some(am::FALSE),
            };
            let (Some((off, _)), Some((on, tracer))) = (flags_named(off), flags_named(on)) else { return Some(am::FALSE) };
            change_of(node, pid, p, trace, who, (on, off), tracer)
        }
        Action::GetSeqToken => crate::seq::shown(p, a),
        Action::IsSeqTrace => Term::bool(crate::seq::is_on(p)),
        Action::SetSeqToken => crate::seq::set_by_spec(pid, p, args[0], args[1]),
        _ => am::TRUE,
    })
}

fn flag_named(t: Term) -> Option<u32> {
    let name = term::atom::as_text(t)?;
    if name == "all" {
        return Some(FLAGS.iter().fold(0, |b, f| b | f.1));
    }
    FLAGS.iter().find(|f| f.0 == name).map(|f| f.1)
}

fn flags_named(list: Term) -> Option<(u32, Option<Term>)> {
    let (mut bits, mut tracer) = (0, None);
    for t in list.proper_list()? {
        if let Some(&[what, who]) = t.as_tuple_n::<2>() {
            if term::atom::as_text(what) != Some("tracer") {
                return None;
            }
            tracer = Some(who);
            continue;
        }
        bits |= flag_named(t)?;
    }
    Some((bits, tracer))
}

/// Changes the flags of this or another process, as a match specification asks. `true` for this process, or for another that exists.
fn change_of(node: &Arc<Node>, pid: Term, p: &mut Private, trace: Trace, who: Term, (on, off): (u32, u32), tracer: Option<Term>) -> Term {
    let session = trace.session;
    // Without a tracer of its own who runs the specification hands none on.
    let tracer = tracer.or(p.trace.of(session).map(|t| t.tracer));
    if tracer.is_some_and(|t| !node.tracer_lives(t)) {
        return am::FALSE;
    }
    let change = move |node: &Arc<Node>, p: &mut Private| {
        let before = p.trace.of(session).filter(|t| node.tracer_lives(t.tracer));
        let flags = before.map_or(0, |t| t.flags) & !off | on;
        match tracer {
            Some(tracer) => p.trace.set(Trace { session, flags, tracer }),
            None => p.trace.remove(session),
        }
    };
    let who = if who.is_atom() { node.whereis(who).unwrap_or(Term::NIL) } else { who };
    if who == pid {
        change(node, p);
        return am::TRUE;
    }
    if !who.is_local_pid() || !node.is_alive(who) {
        return am::FALSE;
    }
    node.request(who, move |node, other| {
        if let Some((_, _, p)) = other {
            change(node, p);
        }
    });
    am::TRUE
}

impl Hooks for EventHooks<'_> {
    fn self_pid(&self) -> Term {
        self.pid
    }
    fn node(&self) -> Term {
        self.node.name()
    }
    fn action(&mut self, action: Action, args: &[Term], a: &mut Alloc) -> Option<Term> {
        match action {
            Action::Caller | Action::CallerLine => Some(am::UNDEFINED),
            Action::ProcessDump => {
                let text = format!("=proc:{}\nMessage queue length: {}\n", term::print::text(self.pid), self.p.mailbox.len());
                Some(a.binary(text.as_bytes()))
            }
            _ => common(self.node, self.pid, self.p, self.trace, action, args, a),
        }
    }
}

impl Hooks for CallHooks<'_, '_> {
    fn self_pid(&self) -> Term {
        self.cx.pid
    }
    fn node(&self) -> Term {
        self.cx.node.name()
    }
    fn action(&mut self, action: Action, args: &[Term], a: &mut Alloc) -> Option<Term> {
        Some(match action {
            Action::Caller => place(a, &self.caller),
            Action::CallerLine => place_and_line(a, &self.caller),
            Action::CurrentStacktrace => {
                let depth = self.cx.node.backtrace_depth.load(Relaxed);
                let addresses: Vec<u64> = return_addresses(self.cx).take(depth).collect();
                let mut frames = Vec::new();
                for w in addresses {
                    let Some(l) = self.cx.node.code.locate((w - 8) as *const u64) else { continue };
                    let mut location = Term::NIL;
                    if let Some((file, line)) = &l.location {
                        let file = a.list_of_chars(file);
                        let file = a.tuple(&[am::FILE, file]);
                        let line = a.tuple(&[am::LINE, Term::small(i64::from(*line))]);
                        location = a.list(&[file, line]);
                    }
                    frames.push(a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity)), location]));
                }
                a.list(&frames)
            }
            Action::ProcessDump => {
                let text = describe(self.cx);
                a.binary(text.as_bytes())
            }
            _ => {
                let (node, pid, trace) = (self.cx.node.clone(), self.cx.pid, self.trace);
                return common(&node, pid, self.cx.p, trace, action, args, a);
            }
        })
    }
}

/// The flags' names and bits, in the order in which they are shown.
pub const FLAGS: [(&str, u32); 21] = [
    ("running_procs", RUNNING_PROCS),
    ("running_ports", RUNNING_PORTS),
    ("ports", PORTS),
    ("scheduler_id", SCHEDULER_ID),
    ("silent", SILENT),
    ("return_to", RETURN_TO),
    ("arity", ARITY),
    ("garbage_collection", GC),
    ("exiting", EXITING),
    ("running", RUNNING),
    ("set_on_first_link", SET_ON_FIRST_LINK),
    ("set_on_link", SET_ON_LINK),
    ("set_on_first_spawn", SET_ON_FIRST_SPAWN),
    ("procs", PROCS),
    ("call", CALL),
    ("set_on_spawn", SET_ON_SPAWN),
    ("receive", RECEIVE),
    ("send", SEND),
    ("monotonic_timestamp", MONOTONIC),
    ("strict_monotonic_timestamp", STRICT_MONOTONIC),
    ("timestamp", TIMESTAMP),
];
