//! The one door of every signal: sending, and what each does to its receiver.
//!
//! A signal goes into the receiver's inbox (`process::shared` tells why none gets lost); the receiver takes all of them and acts on each in order, at
//! the start of a slice and whenever `receive` has come to the end of its messages. Not here: the operations that make
//! signals (`relations`), the end of a process (`exit`).

use crate::hooks::{Destination, Outgoing, SendOptions, Sent};
use crate::{Ctx, Node, Stop};
use process::saved_calls::SavedCall;
use process::{AfterSend, AliasKind, ExitSignal, Message, MonitorKind, Owned, Private, ProcRef, RefId, Request, Signal, Taken, Target, Who};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use term::copy::LiteralRange;
use term::{Term, am};

/// What fetching the signals has brought.
#[derive(Debug, Default)]
pub struct Fetched {
    /// There are new messages in the mailbox.
    pub messages: bool,
    /// The process must end with this reason (a term of its heap).
    pub exit: Option<Term>,
    /// The process is suspended: it must not run on now.
    pub suspended: bool,
    /// In reductions.
    pub cost: usize,
}

/// Terms that no copy needs to take along.
#[inline]
pub fn literals() -> LiteralRange {
    heap::lasting_literals()
}

/// A copy with memory of its own, that leads nowhere else: for what nobody asks to leave literals that go (see `literals`).
pub fn copy_out(t: Term) -> Owned {
    Owned::copy(t)
}

/// The same for what goes straight into an inbox: it may lead to literals.
#[inline]
pub fn copy_message(t: Term) -> Owned {
    if t.is_immediate() {
        return Owned::immediate(t);
    }
    let (term, memory) = term::copy::copy_out(t, literals());
    Owned { term, memory }
}

/// A copy that needs nobody's literals either: for what is kept.
pub fn copy_whole(t: Term) -> Owned {
    let (term, memory) = term::copy::copy_out(t, LiteralRange::NONE);
    Owned { term, memory }
}

pub fn copy_owned(o: &Owned) -> Owned {
    copy_out(o.term)
}

/// The local pid that an alias belongs to.
#[inline]
pub fn alias_owner(alias_of: u64) -> Option<Term> {
    (alias_of != 0).then(|| Term::pid((alias_of >> 6) as u32, (alias_of >> 38) as u32))
}

thread_local! {
    /// Priority of the process that this thread runs.
    static URGENCY: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
    /// Room for the next batch of signals: the inbox gets it in exchange for its own.
    static ROOM: std::cell::Cell<VecDeque<Signal>> = const { std::cell::Cell::new(VecDeque::new()) };
}

/// From now on signals of this thread come from a process of that priority.
#[inline]
pub fn set_urgency(priority: u8) {
    URGENCY.set(priority);
}

impl Node {
    /// Puts a process on a run queue (its state says `Queued`).
    #[inline]
    pub fn enqueue(&self, process: ProcRef) {
        self.enqueue_as(process, 0);
    }

    /// With at least that priority for the slice to come.
    #[inline]
    fn enqueue_as(&self, process: ProcRef, least: u8) {
        let own = process.priority.load(std::sync::atomic::Ordering::Relaxed);
        let priority = match own.max(least) {
            0 => sched::Priority::Low,
            2 => sched::Priority::High,
            3 => sched::Priority::Max,
            _ => sched::Priority::Normal,
        };
        self.enqueue_at(process, priority);
    }

    #[inline]
    fn enqueue_at(&self, process: ProcRef, priority: sched::Priority) {
        if self.system_profile.has(crate::profile::PROCESSES) {
            self.profile_runnable(process);
        }
        self.sched.enqueue(process, priority);
    }

    /// Gives a signal to a local process; it comes back if there is no such process.
    #[inline]
    pub fn deliver(&self, to: Term, signal: Signal) -> Result<(), Signal> {
        let Some(process) = self.processes.get(to) else { return Err(signal) };
        // Who waits for what another signal does must not wait for processes of lower priority than its own.
        let least = if matches!(signal, Signal::Message(_) | Signal::AliasMessage { .. }) { 0 } else { URGENCY.get() };
        if process.send(to, signal)? == AfterSend::Enqueue {
            self.enqueue_as(process, least);
        }
        Ok(())
    }

    /// Gives a signal to a local process, or answers it in the name of the dead.
    pub fn deliver_or_answer(self: &Arc<Node>, to: Term, signal: Signal) {
        if let Err(signal) = self.deliver(to, signal) {
            self.answer_dead(to, signal);
        }
    }

    /// Wakes a process that waits (`Stop::Wait`), without a signal.
    pub fn wake(&self, pid: Term) {
        if let Some(process) = self.woken(pid) {
            self.enqueue(process);
        }
    }

    /// As `wake`, but those of normal priority that are ready already have their slices first, whatever priority the process has.
    pub fn wake_behind(&self, pid: Term) {
        if let Some(process) = self.woken(pid) {
            self.enqueue_at(process, sched::Priority::Normal);
        }
    }

    /// A process that must be put on a run queue now that it is woken.
    #[inline]
    fn woken(&self, pid: Term) -> Option<ProcRef> {
        self.processes.get(pid).filter(|process| process.wake(pid) == Ok(AfterSend::Enqueue))
    }

    /// A message from the node itself, or from native code; dropped if there is no such process.
    pub fn send_message(&self, to: Term, message: Owned) -> bool {
        let message = Message::of_system(message);
        self.deliver(to, Signal::Message(message)).is_ok()
    }

    /// A message to a local name or pid, from the node itself.
    pub fn send_to_name(&self, name: Term, message: Owned) -> bool {
        match self.whereis(name) {
            Some(pid) if pid.is_local_pid() => self.send_message(pid, message),
            _ => false,
        }
    }

    /// A message for the node's logger, whoever that is by now; false if nobody is.
    pub fn log(&self, message: Owned) -> bool {
        let to = *self.settings.system_logger.read();
        if to.is_local_pid() {
            if self.is_alive(to) {
                return self.send_message(to, message);
            }
            *self.settings.system_logger.write() = am::LOGGER;
        }
        to == am::UNDEFINED || self.send_to_name(am::LOGGER, message)
    }

    /// Has `work` done in the context of process `to`, or with `None` if there is no such process.
    pub fn request(self: &Arc<Node>, to: Term, work: impl FnOnce(&Arc<Node>, Option<(ProcRef, Term, &mut Private)>) + Send + 'static) {
        self.deliver_or_answer(to, Signal::Request(Box::new(Work { pid: to, work })));
    }

    /// What `ask` answers in the context of another process, if that waits and can be asked at once; else `ask` back.
    pub fn ask_resting<R, F: FnOnce(&Arc<Node>, Option<(ProcRef, Term, &mut Private)>) -> R>(self: &Arc<Node>, of: Term, ask: F) -> Result<R, F> {
        let Some(process) = self.processes.get(of) else { return Err(ask) };
        let mut kept = Some(ask);
        let asked = process.while_resting(of, |p| kept.take().map(|ask| ask(self, Some((process, of, p)))));
        if let Some((_, AfterSend::Enqueue)) = asked {
            self.enqueue(process);
        }
        match kept {
            Some(ask) => Err(ask),
            None => Ok(asked.and_then(|a| a.0).expect("what was taken was asked")),
        }
    }

    /// What a signal's sender gets for it from a process that is not there.
    pub fn answer_dead(self: &Arc<Node>, dead: Term, signal: Signal) {
        match signal {
            Signal::Link { from } => {
                let me = Who::Local(dead);
                self.signal_who(me, from, |_| {
                    Outgoing::Exit { reason: Owned::immediate(am::NOPROC), linked: true, token: None }
                });
            }
            Signal::Unlink { from, id } => self.signal_who(Who::Local(dead), from, |_| Outgoing::UnlinkAck { id }),
            Signal::Monitor { reference, watcher, name } => {
                self.signal_who(Who::Local(dead), watcher, |_| Outgoing::Down {
                    reference,
                    name,
                    reason: Owned::immediate(am::NOPROC),
                });
            }
            Signal::Request(request) => request.gone(self),
            _ => {}
        }
    }

    /// Sends a signal to a process of this or another node, or to a port.
    pub fn signal_who(self: &Arc<Node>, from: Who, to: Who, signal: impl FnOnce(&Arc<Node>) -> Outgoing) {
        match to {
            Who::Local(pid) if pid.is_local_pid() => {
                let signal = match signal(self) {
                    Outgoing::Link => Signal::Link { from },
                    Outgoing::Unlink { id } => Signal::Unlink { from, id },
                    Outgoing::UnlinkAck { id } => Signal::UnlinkAck { from, id },
                    Outgoing::Exit { reason, linked, token } => Signal::Exit(Box::new(ExitSignal { priority: false, alias: None, from, reason, linked, token })),
                    Outgoing::Monitor { reference, name } => Signal::Monitor { reference, watcher: from, name },
                    Outgoing::Demonitor { reference, .. } => Signal::Demonitor { reference },
                    Outgoing::Down { reference, reason, .. } => Signal::Down { reference, reason },
                    Outgoing::GroupLeader { leader } => Signal::GroupLeader { leader },
                };
                self.deliver_or_answer(pid, signal);
            }
            Who::Local(port) => self.signal_port(from, port, signal(self)),
            Who::Pid(node, ..) | Who::Port(node, _) => {
                if let Some(remote) = self.remote() {
                    let out = signal(self);
                    remote.signal(self, from, node, Some(to), out);
                }
            }
        }
    }

    fn signal_port(self: &Arc<Node>, from: Who, port: Term, signal: Outgoing) {
        let Some(pid) = from.local() else { return };
        let ports = self.ports.get();
        let back = match signal {
            Outgoing::Link => (!ports.is_some_and(|p| p.link(self, port, pid)))
                .then(|| Outgoing::Exit { reason: Owned::immediate(am::NOPROC), linked: true, token: None }),
            Outgoing::Unlink { id } => {
                if let Some(p) = ports {
                    p.unlink(self, port, pid);
                }
                Some(Outgoing::UnlinkAck { id })
            }
            Outgoing::Exit { reason, linked, .. } => {
                if let Some(p) = ports {
                    p.exit(self, port, pid, &reason, linked);
                }
                None
            }
            Outgoing::Monitor { reference, name } => (!ports.is_some_and(|p| p.monitor(self, port, reference, pid)))
                .then(|| Outgoing::Down { reference, name, reason: Owned::immediate(am::NOPROC) }),
            Outgoing::Demonitor { reference, .. } => {
                if let Some(p) = ports {
                    p.demonitor(self, port, reference);
                }
                None
            }
            Outgoing::Down { reference, reason, .. } => {
                if self.libraries.get().is_some_and(|l| l.down(self, reference, from)) {
                } else if let Some(p) = ports {
                    p.down(self, reference, reason.term);
                }
                None
            }
            Outgoing::UnlinkAck { .. } | Outgoing::GroupLeader { .. } => None,
        };
        if let Some(back) = back {
            self.signal_who(Who::Local(port), from, |_| back);
        }
    }

    /// Takes the signals that have arrived for the running process and acts on each, in order.
    pub fn fetch(self: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private) -> Fetched {
        let mut batch = ROOM.take();
        let taken = me.take_signals(&mut batch);
        let out = self.handle(me, pid, p, &mut batch, taken);
        if batch.capacity() <= process::ROOM_MOST {
            ROOM.set(batch);
        }
        out
    }

    /// Acts on signals that were taken, in order. They are gone then.
    #[inline]
    pub fn handle(self: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private, batch: &mut VecDeque<Signal>, taken: Taken) -> Fetched {
        p.waiting = taken.waited;
        let suspended = p.suspended > 0;
        if batch.is_empty() {
            return Fetched { suspended, ..Fetched::default() };
        }
        let cost = batch.len().div_ceil(4);
        if taken.messages_only && p.trace.is_none() {
            p.mailbox.take_over(batch);
            return Fetched { messages: true, suspended, cost, ..Fetched::default() };
        }
        self.act_on(me, pid, p, batch, cost)
    }

    fn act_on(self: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private, batch: &mut VecDeque<Signal>, cost: usize) -> Fetched {
        let mut out = Fetched { cost, ..Fetched::default() };
        while let Some(signal) = batch.pop_front() {
            if let Signal::Message(m) = signal {
                if p.trace.is_some() {
                    self.trace_receive(pid, p, &m);
                }
                p.mailbox.push(m);
                out.messages = true;
                continue;
            }
            if let Some(reason) = self.act(me, pid, p, signal, &mut out.messages) {
                p.unhandled.extend(batch.drain(..));
                out.exit = Some(p.adopt(reason));
                break;
            }
        }
        out.suspended = p.suspended > 0;
        out
    }

    /// What one signal does; the reason if the process must end.
    fn act(self: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private, signal: Signal, messages: &mut bool) -> Option<Owned> {
        let mut post = |p: &mut Private, o: Owned| {
            if p.trace.is_some() {
                self.trace_received(pid, p, o.term, Term::NONE);
            }
            p.mailbox.push(Message::of_system(o));
            *messages = true;
        };
        match signal {
            Signal::Message(m) => {
                p.mailbox.push(m);
                *messages = true;
            }
            Signal::AliasMessage { alias, message } => match p.aliases.get(&alias) {
                None => {}
                Some(kind) => {
                    let kind = *kind;
                    if p.trace.is_some() {
                        self.trace_receive(pid, p, &message);
                    }
                    let first = message.priority && p.urgent.as_ref().is_some_and(|u| u.aliases.contains(&alias));
                    p.mailbox.push(message);
                    if first {
                        p.mailbox.promote_last();
                    }
                    *messages = true;
                    if matches!(kind, AliasKind::Reply | AliasKind::ReplyDemonitor) {
                        p.aliases.remove(&alias);
                    }
                    if kind == AliasKind::ReplyDemonitor {
                        self.demonitor(pid, p, alias);
                    }
                }
            },
            Signal::Exit(exit) => {
                let ExitSignal { priority, alias, from, reason, linked, token } = *exit;
                if alias.is_some_and(|id| !p.aliases.contains_key(&id)) {
                    return None;
                }
                let priority = priority && alias.is_some_and(|id| p.urgent.as_ref().is_some_and(|u| u.aliases.contains(&id)));
                if linked {
                    match p.links.get(&from) {
                        Some(0) => p.links.remove(&from),
                        _ => return None,
                    };
                    if p.trace.is_some() && (p.trap_exit || reason.term == am::NORMAL) {
                        self.trace_who(pid, p, term::atom!("getting_unlinked"), from);
                    }
                } else if reason.term == am::KILL {
                    return Some(Owned::immediate(am::KILLED));
                }
                let first = priority || (linked && p.urgent.as_mut().is_some_and(|u| u.links.remove(&from)));
                if p.trap_exit {
                    let sender = from.local().unwrap_or(Term::NONE);
                    post(p, reason.wrap(|a, reason| {
                        let from = from.term(a);
                        a.tuple(&[am::EXIT_UPPER, from, reason])
                    }));
                    if token.is_some()
                        && let Some(last) = p.mailbox.last_mut()
                    {
                        last.of_system = false;
                        last.extra = Some(Box::new(process::mailbox::Extra { token, sender }));
                    }
                    if first {
                        p.mailbox.promote_last();
                    }
                } else if reason.term != am::NORMAL || (from == Who::Local(pid) && !linked) {
                    return Some(reason);
                }
            }
            // While an unlink is on its way, a link signal can only be older than it: the other side has not seen it yet.
            Signal::Link { from } => {
                let before = p.links.len();
                p.links.or_insert(from, 0);
                if p.trace.is_some() && p.links.len() > before {
                    self.trace_who(pid, p, term::atom!("getting_linked"), from);
                }
            }
            Signal::Unlink { from, id } => {
                if p.links.get(&from) == Some(&0) {
                    p.links.remove(&from);
                    if p.trace.is_some() {
                        self.trace_who(pid, p, term::atom!("getting_unlinked"), from);
                    }
                }
                self.signal_who(Who::Local(pid), from, |_| Outgoing::UnlinkAck { id });
            }
            Signal::UnlinkAck { from, id } => {
                if p.links.get(&from) == Some(&id) {
                    p.links.remove(&from);
                }
            }
            Signal::Monitor { reference, watcher, name } => {
                p.watchers.insert(reference, (watcher, name));
            }
            Signal::Demonitor { reference } => {
                p.watchers.remove(&reference);
            }
            Signal::Down { reference, reason } => self.down(p, reference, reason, &mut post),
            Signal::GroupLeader { leader } => p.group_leader = leader.term(p.h()),
            Signal::Request(request) => request.run(me, p, self),
            Signal::ReceiveTimeout { serial } => {
                if p.wait_serial == serial {
                    p.timed_out = true;
                    p.wait_timer = None;
                }
            }
            Signal::Answer { id, value } => p.answers.push((id, value)),
            Signal::Back(truth) => p.rejoin(truth),
        }
        None
    }

    /// The down message, if the process still monitors by this reference.
    fn down(&self, p: &mut Private, reference: RefId, reason: Owned, post: &mut impl FnMut(&mut Private, Owned)) {
        // A clock is monitored until demonitored.
        let clock = p.monitors.get(&reference).is_some_and(|m| m.kind == MonitorKind::TimeOffset);
        let monitor = if clock {
            let m = &p.monitors[&reference];
            process::Monitor { target: m.target, kind: m.kind, tag: copy_owned(&m.tag), alias: None }
        } else {
            match p.monitors.remove(&reference) {
                Some(m) => m,
                None => return,
            }
        };
        if matches!(monitor.alias, Some(AliasKind::Demonitor | AliasKind::ReplyDemonitor)) {
            p.aliases.remove(&reference);
        }
        let first = p.urgent.as_mut().is_some_and(|u| u.monitors.remove(&reference));
        let tag = monitor.tag;
        let message = reason.wrap(|a, reason| {
            let tag = term::copy::copy(tag.term, a, literals());
            let r = a.reference(reference.0, reference.1);
            match monitor.target {
                Target::Clock => a.tuple(&[if tag == am::DOWN { term::atom!("CHANGE") } else { tag }, r, am::TIME_OFFSET, term::atom!("clock_service"), reason]),
                Target::Who(who) => {
                    let object = who.term(a);
                    a.tuple(&[tag, r, kind_atom(monitor.kind), object, reason])
                }
                Target::Name { name, node, .. } => {
                    let object = a.tuple(&[name, node]);
                    a.tuple(&[tag, r, kind_atom(monitor.kind), object, reason])
                }
            }
        });
        post(p, message);
        if first {
            p.mailbox.promote_last();
        }
    }

    /// `To ! Message` in all its forms.
    pub fn send(cx: &mut Ctx, to: Term, message: Term) -> Result<(), Stop> {
        cx.p.note_call(SavedCall::Send);
        if to.is_local_pid() && cx.p.trace.is_none() {
            Node::send_local(cx, to, message);
            return Ok(());
        }
        Node::send_other(cx, to, message, SendOptions::default()).map(|_| ())
    }

    #[inline]
    fn send_local(cx: &mut Ctx, to: Term, message: Term) {
        let node = cx.node;
        let Some(process) = node.processes.get(to) else { return };
        let message = copy_message(message);
        cx.reductions -= 1 + (message.memory.words() / 32) as i64;
        let mut message = Message::new(message);
        if cx.p.rare.is_some() || node.tracing.any_receive_spec.load(Relaxed) {
            node.note_sender(cx.pid, cx.p, to, &mut message);
        }
        if let Ok(AfterSend::Enqueue) = process.send(to, Signal::Message(message)) {
            node.enqueue(process);
        }
    }

    /// `send/3`, and all destinations of `!`.
    pub fn send_other(cx: &mut Ctx, to: Term, message: Term, options: SendOptions) -> Result<Sent, Stop> {
        if cx.p.trace.is_some() {
            cx.node.clone().trace_send(cx.pid, cx.p, to, message);
        }
        Node::send_to(cx, to, message, options)
    }

    fn send_to(cx: &mut Ctx, to: Term, message: Term, options: SendOptions) -> Result<Sent, Stop> {
        if to.is_local_pid() {
            Node::send_local(cx, to, message);
        } else if to.is_atom() {
            match cx.node.whereis(to) {
                Some(pid) => return Node::send_to(cx, pid, message, options),
                None => return Err(cx.badarg()),
            }
        } else if let Some((number, alias_of)) = to.as_local_ref() {
            if let Some(owner) = alias_owner(alias_of) {
                let mut message = Message::new(copy_message(message));
                cx.charge(1 + message.memory.words() / 32);
                if cx.p.rare.is_some() || cx.node.tracing.any_receive_spec.load(Relaxed) {
                    cx.node.note_sender(cx.pid, cx.p, to, &mut message);
                }
                message.priority = options.priority;
                let _ = cx.node.deliver(owner, Signal::AliasMessage { alias: (number, alias_of), message });
            }
        } else if to.is_local_port() {
            match cx.node.clone().ports.get() {
                Some(ports) => return ports.command(cx, to, message, options.nosuspend),
                None => return Err(cx.badarg()),
            }
        } else if let Some(&[name, node]) = to.as_tuple_n::<2>() {
            if !name.is_atom() || !node.is_atom() {
                return Err(cx.badarg());
            }
            if cx.node.is_own_name(node) {
                if let Some(to) = cx.node.whereis(name) {
                    return Node::send_to(cx, to, message, options);
                }
                return Ok(Sent::Done);
            }
            return Node::send_remote(cx, Destination::Name { name, node }, message, options);
        } else if to.is_pid() {
            if cx.node.is_own_creation(to.as_ext_pid().map(|p| p.0)) {
                let (_, number, serial) = to.as_ext_pid().expect("an external pid");
                return Node::send_other(cx, Term::pid(number, serial), message, options);
            }
            return Node::send_remote(cx, Destination::Process(to), message, options);
        } else if to.is_ref() {
            return Node::send_remote(cx, Destination::Alias(to), message, options);
        } else if !to.is_port() {
            return Err(cx.badarg());
        }
        Ok(Sent::Done)
    }

    fn send_remote(cx: &mut Ctx, to: Destination, message: Term, options: SendOptions) -> Result<Sent, Stop> {
        match cx.node.remote() {
            Some(remote) => remote.send(cx, to, message, options),
            None if options.noconnect => Ok(Sent::NoConnect),
            None => Ok(Sent::Done),
        }
    }
}

fn kind_atom(kind: MonitorKind) -> Term {
    match kind {
        MonitorKind::Process => am::PROCESS,
        MonitorKind::Port => am::PORT,
        MonitorKind::TimeOffset => am::TIME_OFFSET,
    }
}

/// A closure as a request.
struct Work<F> {
    pid: Term,
    work: F,
}

impl<F> std::fmt::Debug for Work<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

impl<F: FnOnce(&Arc<Node>, Option<(ProcRef, Term, &mut Private)>) + Send> Request for Work<F> {
    fn run(self: Box<Self>, process: ProcRef, private: &mut Private, node: &(dyn Any + Send + Sync)) {
        let node: &Arc<Node> = node.downcast_ref().expect("requests get their node");
        (self.work)(node, Some((process, self.pid, private)));
    }
    fn gone(self: Box<Self>, node: &(dyn Any + Send + Sync)) {
        let node: &Arc<Node> = node.downcast_ref().expect("requests get their node");
        (self.work)(node, None);
    }
}
