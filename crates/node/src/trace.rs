//! Trace messages: which event of which traced process becomes which message, and the patterns of traced functions.
//! Not here: the flags' and patterns' notation (`bifs`), where calls are caught (`exec`).

use crate::signals::copy_out;
use crate::{Ctx, Node};
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use ets::matchspec::{Action, Hooks, Machine, MatchSpec};
use process::trace::{Trace, flags::*};
use process::{Owned, Private};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use term::fun::Export;
use term::{Alloc, Term, am, atom};

/// What the node knows of tracing.
#[derive(Default)]
pub struct Tracing {
    /// Of each traced function: its pattern.
    patterns: RwLock<Map<(Term, Term, u8), Arc<Pattern>>>,
    /// What new processes are traced for.
    pub new_processes: Mutex<Option<Trace>>,
    /// There is something in `new_processes`.
    pub any_new: std::sync::atomic::AtomicBool,
    /// Patterns of `send` and `receive`: off if false.
    pub send: std::sync::atomic::AtomicBool,
    pub receive: std::sync::atomic::AtomicBool,
}

/// How calls of one function are traced.
pub struct Pattern {
    pub spec: Option<MatchSpec>,
    /// As it was given; `[]` for none.
    pub source: Owned,
    pub traced: bool,
    /// `call_count`.
    pub count: Option<AtomicU64>,
}

impl Tracing {
    pub fn pattern(&self, m: Term, f: Term, arity: u8) -> Option<Arc<Pattern>> {
        self.patterns.read().get(&(m, f, arity)).cloned()
    }
    pub fn set_pattern(&self, key: (Term, Term, u8), pattern: Option<Arc<Pattern>>) {
        let mut all = self.patterns.write();
        match pattern {
            Some(p) => all.insert(key, p),
            None => all.remove(&key),
        };
    }
}

/// The number of microseconds as `{MegaSecs, Secs, MicroSecs}`.
fn timestamp(us: i64, a: &mut Alloc) -> Term {
    let n = Term::small;
    a.tuple(&[n(us / 1_000_000_000_000), n(us / 1_000_000 % 1_000_000), n(us % 1_000_000)])
}

impl Node {
    /// Sends `{trace, Pid, Parts...}` to the process's tracer. A tracer that is gone traces no more.
    pub fn emit(&self, pid: Term, p: &mut Private, build: impl FnOnce(&mut Alloc) -> Vec<Term>) {
        let Some(trace) = p.trace else { return };
        if !self.emit_for(pid, trace, build) {
            p.trace = None;
        }
    }

    pub fn emit_for(&self, pid: Term, trace: Trace, build: impl FnOnce(&mut Alloc) -> Vec<Term>) -> bool {
        if trace.tracer == pid {
            return true;
        }
        let mut a = Alloc::new();
        let parts = build(&mut a);
        let stamp = match () {
            _ if trace.has(TIMESTAMP) => Some(timestamp(self.system_ns() / 1000, &mut a)),
            _ if trace.has(STRICT_MONOTONIC) => {
                let (now, n) = (a.int(self.monotonic_ns()), a.uint(self.monotonic_integers.fetch_add(1, Relaxed)));
                Some(a.tuple(&[now, n]))
            }
            _ if trace.has(MONOTONIC) => Some(a.int(self.monotonic_ns())),
            _ => None,
        };
        let mut all = vec![if stamp.is_some() { term::atom!("trace_ts") } else { am::TRACE }, pid];
        all.extend(parts);
        all.extend(stamp);
        let message = a.tuple(&all);
        // The parts lie in other memory: the message is a copy.
        let message = copy_out(message);
        drop(a);
        self.send_message(trace.tracer, message)
    }

    /// A message has come into the mailbox.
    #[cold]
    pub fn trace_receive(&self, pid: Term, p: &mut Private, message: Term) {
        if p.trace.is_some_and(|t| t.has(RECEIVE)) && !self.tracing.receive.load(Relaxed) {
            self.emit(pid, p, |_| vec![term::atom!("receive"), message]);
        }
    }

    #[cold]
    pub fn trace_send(&self, pid: Term, p: &mut Private, to: Term, message: Term) {
        if !p.trace.is_some_and(|t| t.has(SEND)) || self.tracing.send.load(Relaxed) {
            return;
        }
        let there = match to {
            _ if to.is_local_pid() => self.is_alive(to),
            _ if to.is_atom() => self.whereis(to).is_some(),
            _ => true,
        };
        let what = if there { term::atom!("send") } else { term::atom!("send_to_non_existing_process") };
        self.emit(pid, p, |_| vec![what, message, to]);
    }

    /// An event of the `procs` group.
    #[cold]
    pub fn trace_procs(&self, pid: Term, p: &mut Private, parts: &[Term]) {
        if p.trace.is_some_and(|t| t.has(PROCS)) {
            self.emit(pid, p, |_| parts.to_vec());
        }
    }

    /// The process has been given a thread (`in`), or has left it (`out`, `out_exited`).
    #[cold]
    pub fn trace_running(&self, pid: Term, p: &mut Private, what: &str) {
        if !p.trace.is_some_and(|t| t.has(RUNNING) || t.has(RUNNING_PROCS)) {
            return;
        }
        let place = self.code.locate(p.ip);
        self.emit(pid, p, |a| {
            let at = match place {
                Some(l) => a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity))]),
                None => Term::small(0),
            };
            vec![atom::intern(what), at]
        });
    }

    /// A function has been called through its traced export. True: its return is to be told too.
    #[cold]
    pub fn trace_call(cx: &mut Ctx, e: &'static Export, args: &[Term]) -> bool {
        let node = cx.node.clone();
        let Some(pattern) = node.tracing.pattern(e.module, e.function, e.arity) else { return false };
        if let Some(count) = &pattern.count {
            count.fetch_add(1, Relaxed);
        }
        let Some(trace) = cx.p.trace.filter(|t| t.has(CALL) && t.tracer != cx.pid) else { return false };
        if !pattern.traced {
            return false;
        }
        let mut message = am::TRUE;
        let mut back = false;
        if let Some(spec) = &pattern.spec {
            let list = cx.h().list(args);
            let caller = caller(cx);
            let mut hooks = CallHooks { pid: cx.pid, node: &node, trace, caller, arity: e.arity };
            let result = spec.run_trace(&mut Machine::new(&mut hooks), list, &mut cx.p.heap.alloc);
            let trace = hooks.trace;
            if let Some(t) = &mut cx.p.trace {
                *t = trace;
            }
            let Some(result) = result else { return false };
            message = result.message;
            back = result.return_trace || result.exception_trace;
        }
        if message == am::FALSE || cx.p.trace.is_some_and(|t| t.has(SILENT)) {
            return false;
        }
        let (pid, by_arity) = (cx.pid, trace.has(ARITY));
        node.emit(pid, cx.p, |a| {
            let shown = if by_arity { Term::small(args.len() as i64) } else { a.list(args) };
            let call = a.tuple(&[e.module, e.function, shown]);
            let mut parts = vec![term::atom!("call"), call];
            if message != am::TRUE {
                parts.push(message);
            }
            parts
        });
        back
    }

    /// A traced call has returned.
    #[cold]
    pub fn trace_return(cx: &mut Ctx, m: Term, f: Term, arity: Term, value: Term) {
        let (node, pid) = (cx.node.clone(), cx.pid);
        if cx.p.trace.is_some_and(|t| t.has(CALL) && !t.has(SILENT)) {
            node.emit(pid, cx.p, |a| {
                let mfa = a.tuple(&[m, f, arity]);
                vec![term::atom!("return_from"), mfa, value]
            });
        }
    }
}

/// The function that a call will return to.
fn caller(cx: &Ctx) -> Option<code::Located> {
    let address = cx.p.heap.stack().iter().map(|t| t.raw()).find(|w| *w != 0 && w & 7 == 0)?;
    cx.node.code.locate(address as *const u64)
}

struct CallHooks<'a> {
    pid: Term,
    node: &'a Node,
    trace: Trace,
    caller: Option<code::Located>,
    arity: u8,
}

impl Hooks for CallHooks<'_> {
    fn self_pid(&self) -> Term {
        self.pid
    }
    fn node(&self) -> Term {
        self.node.name()
    }
    fn action(&mut self, action: Action, args: &[Term], a: &mut Alloc) -> Option<Term> {
        let _ = self.arity;
        Some(match action {
            Action::Caller => match &self.caller {
                Some(l) => a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity))]),
                None => am::UNDEFINED,
            },
            Action::CallerLine => match &self.caller {
                Some(l) => {
                    let place = match &l.location {
                        Some((file, line)) => {
                            let file = a.list_of_chars(file);
                            a.tuple(&[file, Term::small(i64::from(*line))])
                        }
                        None => am::UNDEFINED,
                    };
                    a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity)), place])
                }
                None => am::UNDEFINED,
            },
            Action::Silent => {
                let before = self.trace.has(SILENT);
                match args.first().and_then(|t| t.as_bool()) {
                    Some(true) => self.trace.flags |= SILENT,
                    Some(false) => self.trace.flags &= !SILENT,
                    None => {}
                }
                Term::bool(before)
            }
            Action::Display => {
                crate::dump::say(&format!("{}\n", args.first().map_or(String::new(), |&t| term::print::text(t))));
                am::TRUE
            }
            Action::GetTcw => a.uint(self.node.settings.trace_control_word.load(Relaxed)),
            Action::SetTcw => {
                let n = args.first()?.as_u64()?;
                a.uint(self.node.settings.trace_control_word.swap(n, Relaxed))
            }
            Action::GetSeqToken => Term::NIL,
            Action::IsSeqTrace => am::FALSE,
            _ => am::TRUE,
        })
    }
}
