//! Trace messages: which event of which traced process becomes which message. Calls are in `trace::calls`.
//! Not here: the flags' and patterns' notation (`bifs`), where calls are caught (`exec`).
//!
//! A session is a set of flags of processes and of patterns of functions that has nothing to do with any other's. Session 0
//! is there from the start and everybody's; others belong to whoever holds their handle.

pub mod calls;
pub mod modules;

use crate::signals::copy_out;
use crate::Node;
use base::hash::Map;
use base::sync::{Mutex, ReentrantMutex, RwLock};
use ets::matchspec::{Machine, MatchSpec};
use process::trace::{Trace, Traces, flags::*};
use process::{Message, Owned, Private};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use term::{Alloc, Term, am, atom};

/// What the node knows of tracing.
pub struct Tracing {
    sessions: RwLock<BTreeMap<u32, Arc<Session>>>,
    next: AtomicU32,
    /// Something has been traced: others' events may concern somebody.
    pub used: AtomicBool,
    /// Some session has something for new processes.
    pub any_new: AtomicBool,
    pub any_new_ports: AtomicBool,
    /// Traced ports. `any_port`: there are some.
    ports: Mutex<Map<Term, Traces>>,
    any_port: AtomicBool,
    /// Ports at work that somebody hears of, and on how many threads: it is told as one run, from the first's beginning to the last's end.
    /// Held while it is told, so that the order is kept; a tracer module may make a port work then.
    running_ports: ReentrantMutex<RefCell<Map<Term, u32>>>,
    /// Tracer modules.
    modules: RwLock<Vec<(Term, Owned)>>,
    /// Some session's pattern of `receive` asks for senders.
    pub any_receive_spec: AtomicBool,
}

impl Default for Tracing {
    fn default() -> Tracing {
        let shared = Arc::new(Session::new(0, term::atom!("legacy"), None));
        Tracing {
            sessions: RwLock::new([(0, shared)].into()),
            next: AtomicU32::new(1),
            used: AtomicBool::new(false),
            any_new: AtomicBool::new(false),
            any_new_ports: AtomicBool::new(false),
            ports: Mutex::default(),
            any_port: AtomicBool::new(false),
            running_ports: ReentrantMutex::default(),
            modules: RwLock::default(),
            any_receive_spec: AtomicBool::new(false),
        }
    }
}

/// A trace session.
pub struct Session {
    pub number: u32,
    pub name: Term,
    /// Who is told; in the shared session each process has a tracer of its own.
    pub tracer: Option<Term>,
    pub send: RwLock<Events>,
    pub receive: RwLock<Events>,
    /// What new processes and ports are traced for.
    pub new_processes: Mutex<Option<Trace>>,
    pub new_ports: Mutex<Option<Trace>>,
    /// What functions of modules are traced for that are loaded from now on.
    pub on_load: Mutex<Option<calls::Hit>>,
}

impl Session {
    fn new(number: u32, name: Term, tracer: Option<Term>) -> Session {
        Session {
            number,
            name,
            tracer,
            send: RwLock::new(Events::All),
            receive: RwLock::new(Events::All),
            new_processes: Mutex::new(None),
            new_ports: Mutex::new(None),
            on_load: Mutex::new(None),
        }
    }
}

/// Which events of a kind are told.
#[derive(Clone)]
pub enum Events {
    All,
    Nothing,
    Some(Arc<Pattern>),
}

/// A match specification, compiled and as it was given.
pub struct Pattern {
    pub spec: Option<MatchSpec>,
    /// `[]` for none.
    pub source: Owned,
}

impl Tracing {
    pub fn session(&self, number: u32) -> Option<Arc<Session>> {
        self.sessions.read().get(&number).cloned()
    }
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.read().values().cloned().collect()
    }
    pub fn new_session(&self, name: Term, tracer: Term) -> Arc<Session> {
        let number = self.next.fetch_add(1, Relaxed);
        let s = Arc::new(Session::new(number, name, Some(tracer)));
        self.sessions.write().insert(number, s.clone());
        s
    }
    /// False if it was gone already.
    pub fn end_session(&self, number: u32) -> bool {
        let gone = self.sessions.write().remove(&number).is_some();
        self.refresh();
        gone
    }
    /// Looks again for what is asked before each event.
    pub fn refresh(&self) {
        let all = self.sessions();
        self.any_new.store(all.iter().any(|s| s.new_processes.lock().is_some()), Relaxed);
        self.any_new_ports.store(all.iter().any(|s| s.new_ports.lock().is_some()), Relaxed);
        self.any_receive_spec.store(all.iter().any(|s| matches!(*s.receive.read(), Events::Some(_))), Relaxed);
    }
    /// Looks at, or changes, what an open port is traced for.
    pub fn with_port<R>(&self, port: Term, f: impl FnOnce(&mut Traces) -> R) -> R {
        let mut ports = self.ports.lock();
        let mut traces = ports.remove(&port).unwrap_or_default();
        let r = f(&mut traces);
        if traces.is_some() {
            ports.insert(port, traces);
        }
        self.any_port.store(!ports.is_empty(), Relaxed);
        r
    }
    /// The port is gone.
    pub fn forget_port(&self, port: Term) {
        if self.any_port.load(Relaxed) {
            self.with_port(port, |t| *t = Traces::default());
        }
    }
    /// What a new process is traced for because all new ones are.
    pub fn of_new_processes(&self) -> Vec<Trace> {
        self.sessions().iter().filter_map(|s| *s.new_processes.lock()).collect()
    }
}

/// The number of microseconds as `{MegaSecs, Secs, MicroSecs}`.
fn timestamp(us: i64, a: &mut Alloc) -> Term {
    let n = Term::small;
    a.tuple(&[n(us / 1_000_000_000_000), n(us / 1_000_000 % 1_000_000), n(us % 1_000_000)])
}

impl Node {
    /// Tells of an event to the tracers of all sessions that trace such events of the process. A tracer that is gone traces no more.
    pub fn emit(self: &Arc<Node>, pid: Term, p: &mut Private, flag: u32, mut build: impl FnMut(&mut Alloc) -> Vec<Term>) {
        if p.sensitive {
            return;
        }
        for trace in p.trace.list().to_vec() {
            if trace.has(flag) && !self.emit_for(pid, trace, &mut build) {
                p.trace.remove(trace.session);
            }
        }
    }

    /// The same of a port's event.
    pub fn emit_of_port(self: &Arc<Node>, port: Term, flag: u32, mut build: impl FnMut(&mut Alloc) -> Vec<Term>) {
        if !self.tracing.any_port.load(Relaxed) {
            return;
        }
        let traces = self.tracing.ports.lock().get(&port).map_or(Vec::new(), |t| t.list().to_vec());
        for trace in traces {
            if trace.has(flag) && !self.emit_for(port, trace, &mut build) {
                self.tracing.with_port(port, |t| t.remove(trace.session));
            }
        }
    }
    /// A port sends a message.
    pub fn trace_port_sends(self: &Arc<Node>, port: Term, to: Term, message: Term) {
        if self.tracing.any_port.load(Relaxed) {
            let there = !to.is_local_pid() || self.is_alive(to);
            let what = if there { term::atom!("send") } else { term::atom!("send_to_non_existing_process") };
            self.emit_of_port(port, SEND, |_| vec![what, message, to]);
        }
    }
    /// Does anybody hear of ports that run?
    pub fn hears_of_ports(&self) -> bool {
        self.tracing.any_port.load(Relaxed) || self.system_profile.has(crate::profile::PORTS)
    }
    /// A port begins to do what it was asked for, or has done it; `None`: what has come from outside. Each beginning has its end.
    pub fn port_runs(self: &Arc<Node>, port: Term, what: Option<Term>, runs: bool) {
        let running = self.tracing.running_ports.lock();
        let others = {
            let mut running = running.borrow_mut();
            let threads = running.entry(port).or_default();
            *threads = if runs { *threads + 1 } else { *threads - 1 };
            let others = *threads - u32::from(runs);
            if *threads == 0 {
                running.remove(&port);
            }
            others
        };
        if others > 0 {
            return;
        }
        if self.system_profile.has(crate::profile::PORTS) {
            self.profile_one(port, runs, None);
        }
        self.emit_of_port(port, RUNNING_PORTS, |_| vec![if runs { term::atom!("in") } else { term::atom!("out") }, what.unwrap_or(Term::small(0))]);
    }
    /// A port has been opened: it is traced if all new ones are.
    pub fn trace_new_port(self: &Arc<Node>, port: Term, owner: Term, name: &str) {
        if !self.tracing.any_new_ports.load(Relaxed) {
            return;
        }
        for s in self.tracing.sessions() {
            if let Some(t) = *s.new_ports.lock() {
                self.tracing.with_port(port, |ts| ts.set(t));
            }
        }
        let name = atom::intern(&name.chars().take(255).collect::<String>());
        self.emit_of_port(port, PORTS, |_| vec![term::atom!("open"), owner, name]);
        self.emit_of_port(port, PORTS, |_| vec![term::atom!("getting_linked"), owner]);
    }

    /// Sends `{trace, Who, Parts...}`, with a time if one is asked for. False if the tracer is gone.
    pub fn emit_for(self: &Arc<Node>, who: Term, trace: Trace, build: impl FnOnce(&mut Alloc) -> Vec<Term>) -> bool {
        if trace.tracer == who {
            return true;
        }
        let mut a = Alloc::new();
        let parts = build(&mut a);
        if trace.tracer.is_small() {
            return modules::tell(self, who, trace, &parts);
        }
        let stamp = self.stamp(trace.flags, &mut a);
        let mut all = vec![if stamp.is_some() { term::atom!("trace_ts") } else { am::TRACE }, who];
        all.extend(parts);
        if trace.has(SCHEDULER_ID) {
            all.push(match self.sched.current() {
                Some(sched::WorkerId::Normal(n)) => Term::small(n as i64 + 1),
                _ => Term::small(0),
            });
        }
        all.extend(stamp);
        let message = a.tuple(&all);
        if trace.tracer.is_local_port() {
            return self.tell_port(trace.tracer, message);
        }
        // The parts lie in other memory: the message is a copy.
        let message = copy_out(message);
        drop(a);
        self.send_message(trace.tracer, message)
    }
    /// The time as the flags want it.
    pub fn stamp(&self, flags: u32, a: &mut Alloc) -> Option<Term> {
        if flags & TIMESTAMP != 0 {
            let us = (self.system_ns() / 1000) as u64;
            let last = self.last_now.fetch_update(Relaxed, Relaxed, |last| Some(us.max(last + 1))).unwrap_or(us);
            return Some(timestamp(us.max(last + 1) as i64, a));
        }
        if flags & STRICT_MONOTONIC != 0 {
            let (now, n) = (a.int(self.monotonic_ns()), a.int(crate::timers::MONOTONIC_BEGIN + self.monotonic_integers.fetch_add(1, Relaxed) as i64));
            return Some(a.tuple(&[now, n]));
        }
        (flags & MONOTONIC != 0).then(|| a.int(self.monotonic_ns()))
    }
    /// A port gets the message in external format.
    pub fn tell_port(&self, port: Term, message: Term) -> bool {
        self.ports.get().is_some_and(|p| p.trace_output(self, port, message))
    }
    /// Ports that trace get all that waits for them.
    pub fn tell_traces(&self) {
        if let Some(ports) = self.ports.get() {
            ports.tell_traces();
        }
    }
    /// Looks at, or changes, what a port is traced for; `None` if there is no such port.
    pub fn with_port_traces<R>(&self, port: Term, f: impl FnOnce(&mut Traces) -> R) -> Option<R> {
        let open = self.ports.get().is_some_and(|p| p.is_open(port));
        open.then(|| self.tracing.with_port(port, f))
    }
    /// Is there still somebody to tell?
    pub fn tracer_lives(self: &Arc<Node>, tracer: Term) -> bool {
        if tracer.is_small() {
            return modules::enabled(self, tracer, "trace_status", "", Term::NIL) != modules::Answer::Remove;
        }
        if tracer.is_local_port() { self.ports.get().is_some_and(|p| p.is_open(tracer)) } else { self.is_alive(tracer) }
    }

    /// What a session's pattern for `send` or `receive` makes of an event: `None` nothing is told, else the message to add.
    fn event_message(self: &Arc<Node>, pid: Term, p: &mut Private, trace: Trace, receive: bool, args: &[Term], out: &mut Alloc) -> Option<Term> {
        let session = self.tracing.session(trace.session)?;
        let events = if receive { session.receive.read().clone() } else { session.send.read().clone() };
        match events {
            Events::All => Some(am::TRUE),
            Events::Nothing => None,
            Events::Some(pattern) => {
                let Some(spec) = &pattern.spec else { return Some(am::TRUE) };
                let list = out.list(args);
                let mut hooks = calls::EventHooks { node: self, pid, p, trace };
                let result = spec.run_trace(&mut Machine::new(&mut hooks), list, out)?;
                let silent = p.trace.of(trace.session).is_some_and(|t| t.has(SILENT));
                (result.message != am::FALSE && !silent).then_some(result.message)
            }
        }
    }

    /// A message has come into the mailbox.
    #[cold]
    pub fn trace_receive(self: &Arc<Node>, pid: Term, p: &mut Private, m: &Message) {
        self.trace_received(pid, p, m.term, m.sender());
    }
    #[cold]
    pub fn trace_received(self: &Arc<Node>, pid: Term, p: &mut Private, message: Term, sender: Term) {
        if p.sensitive {
            return;
        }
        for trace in p.trace.list().to_vec() {
            if !trace.has(RECEIVE) {
                continue;
            }
            let mut out = Alloc::new();
            let node = if sender.is_atom() { sender } else { self.name() };
            let from = if sender.is_pid() { sender } else { am::UNDEFINED };
            let Some(more) = self.event_message(pid, p, trace, true, &[node, from, message], &mut out) else { continue };
            let told = self.emit_for(pid, trace, |_| {
                let mut parts = vec![term::atom!("receive"), message];
                parts.extend((more != am::TRUE).then_some(more));
                parts
            });
            if !told {
                p.trace.remove(trace.session);
            }
        }
    }

    #[cold]
    pub fn trace_send(self: &Arc<Node>, pid: Term, p: &mut Private, to: Term, message: Term) {
        if p.sensitive {
            return;
        }
        let there = match to {
            _ if to.is_local_pid() => self.is_alive(to),
            _ => true,
        };
        let what = if there { term::atom!("send") } else { term::atom!("send_to_non_existing_process") };
        for trace in p.trace.list().to_vec() {
            if !trace.has(SEND) {
                continue;
            }
            let mut out = Alloc::new();
            let Some(more) = self.event_message(pid, p, trace, false, &[to, message], &mut out) else { continue };
            let told = self.emit_for(pid, trace, |_| {
                let mut parts = vec![what, message, to];
                parts.extend((more != am::TRUE).then_some(more));
                parts
            });
            if !told {
                p.trace.remove(trace.session);
            }
        }
    }

    /// An event of the `procs` group.
    #[cold]
    pub fn trace_procs(self: &Arc<Node>, pid: Term, p: &mut Private, parts: &[Term]) {
        self.emit(pid, p, PROCS, |_| parts.to_vec());
    }

    /// An event of another process, caused by somebody else.
    pub fn trace_procs_of(self: &Arc<Node>, pid: Term, what: Term, value: Term) {
        if pid.is_local_pid() && self.tracing.used.load(Relaxed) {
            self.request(pid, move |node, other| {
                if let Some((_, pid, p)) = other {
                    node.trace_procs(pid, p, &[what, value]);
                }
            });
        }
    }
    /// The same of a link with somebody.
    #[cold]
    pub fn trace_who(self: &Arc<Node>, pid: Term, p: &mut Private, what: Term, who: process::Who) {
        self.emit(pid, p, PROCS, |a| {
            let who = who.term(a);
            vec![what, who]
        });
    }

    /// The process has been given a thread (`in`), or has left it (`out`, `out_exited`).
    #[cold]
    pub fn trace_running(self: &Arc<Node>, pid: Term, p: &mut Private, what: &str) {
        let flag = if what.len() > 3 { EXITING } else { RUNNING | RUNNING_PROCS };
        if !p.trace.has(flag) {
            return;
        }
        let place = match what {
            "out_exited" => None,
            _ if p.ip == self.code.spawn_apply() => {
                let (module, function, arity) = p.initial_call;
                Some(code::Located { module, function, arity, location: None })
            }
            _ => match p.resume {
                process::Resume::Native(n) => {
                    let native = &self.natives[n as usize];
                    let (module, function) = (atom::intern(native.module), atom::intern(native.function));
                    Some(code::Located { module, function, arity: native.arity, location: None })
                }
                process::Resume::Code => self.code.locate(p.ip),
            },
        };
        self.emit(pid, p, flag, |a| {
            let at = match &place {
                Some(l) => a.tuple(&[l.module, l.function, Term::small(i64::from(l.arity))]),
                None => Term::small(0),
            };
            vec![atom::intern(what), at]
        });
    }
}

/// Counts of calls by process.
pub type ByProcess = Map<Term, (u64, u64)>;
