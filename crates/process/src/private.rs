//! The private half of a process: touched only by the thread that runs it.

use crate::dictionary::Dictionary;
use crate::saved_calls::{SavedCall, SavedCalls};
use crate::{Mailbox, Owned, RefId, Relations, Seldom, Signal, Who};
use heap::Heap;
use std::any::Any;
use term::{Term, am};

/// Classes of exceptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Error,
    Exit,
    Throw,
}

impl Class {
    #[inline]
    pub fn atom(self) -> Term {
        match self {
            Class::Error => am::ERROR,
            Class::Exit => am::EXIT,
            Class::Throw => am::THROW,
        }
    }
    #[inline]
    pub fn from_atom(a: Term) -> Option<Class> {
        match a {
            am::ERROR => Some(Class::Error),
            am::EXIT => Some(Class::Exit),
            am::THROW => Some(Class::Throw),
            _ => None,
        }
    }
}

/// An exception on its way to a handler. The terms are roots while it is pending.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    pub class: Class,
    pub reason: Term,
    /// The stack trace as built so far: a proper list, or `NONE` when it is still to be made by the machine.
    pub trace: Term,
    /// Arguments to show for the function that raised (a list), or `NONE` for its arity.
    pub args: Term,
    /// What OTP's error formatter needs besides the reason (a `cause`), or the whole `error_info` map; `NONE` for nothing.
    pub info: Term,
    /// Module and function (atoms) that raised, when it is a native one.
    pub top: Option<(Term, Term)>,
    /// The native function that raised is not shown (`erlang:error/1` and its kin).
    pub hide: bool,
}

impl Exception {
    pub const fn error(reason: Term) -> Exception {
        Exception { class: Class::Error, reason, trace: Term::NONE, args: Term::NONE, info: Term::NONE, top: None, hide: false }
    }
    /// Becomes a new one. (Field by field: what is stored in parts and copied as a whole at once waits for the stores.)
    #[inline]
    pub fn set(&mut self, class: Class, reason: Term, trace: Term) {
        self.class = class;
        self.reason = reason;
        self.trace = trace;
        self.args = Term::NONE;
        self.info = Term::NONE;
        self.top = None;
        self.hide = false;
    }
}

/// What a native function keeps between being suspended (`Stop::Yield`) and called again.
pub trait NativeState: Any + Send {
    /// Terms in the state that a collection must update.
    fn roots(&mut self) -> &mut [Term] {
        &mut []
    }
    fn as_any(&mut self) -> &mut dyn Any;
}

/// How a process that is not running goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// At instruction `Private::ip`, with `saved` as the first x registers.
    Code,
    /// Likewise, where native function n is called again: it has yielded, waits, or must run on another pool (and may do so now).
    Native(u32),
}

/// A process waiting for its turn keeps only what it needs.
pub struct Private {
    pub heap: Heap,
    /// Where it goes on (an interpreter code address).
    pub ip: *const u64,
    pub resume: Resume,
    /// x registers that are live while it does not run.
    pub saved: Vec<Term>,
    pub mailbox: Mailbox,
    pub dictionary: Dictionary,
    /// The pending exception, if `raised`.
    pub exception: Exception,
    pub raised: bool,
    pub native_state: Option<Box<dyn NativeState>>,
    pub group_leader: Term,
    pub trap_exit: bool,
    pub priority: u8,
    pub sensitive: bool,
    pub off_heap_queue: bool,
    /// Atom of the module that handles undefined functions.
    pub error_handler: Term,
    pub reductions: u64,
    /// Module, function, arity that the process was spawned with.
    pub initial_call: (Term, Term, u8),
    pub parent: Term,
    /// `process_flag(max_heap_size)`: words (0: none), kill, log, count off-heap binaries.
    pub max_heap: MaxHeap,
    /// Which wait of `receive ... after` is current; a timer of an older one is ignored.
    pub wait_serial: u64,
    /// The timer set for it, if any (the scheduler's own number).
    pub wait_timer: Option<u64>,
    pub timed_out: bool,
    /// Number of the next receive mark.
    pub next_mark: u64,
    /// Links: 0, or the number of an unlink signal that has not been acknowledged yet (the link is not in force then).
    pub links: Seldom<Relations<Who, u64>>,
    /// Number of the last unlink signal.
    pub unlinks: u64,
    /// Monitors this process has set.
    pub monitors: Seldom<Relations<RefId, Monitor>>,
    /// Monitors others have set on it: the watcher, and the name by which it was found.
    pub watchers: Seldom<Relations<RefId, (Who, Option<Term>)>>,
    /// Messages that come first.
    pub urgent: Option<Box<Urgent>>,
    /// Active aliases: how they end.
    pub aliases: Seldom<Relations<RefId, AliasKind>>,
    /// How often others have suspended it: not run until resumed, but its signals are handled.
    pub suspended: u32,
    /// Processes that this one has suspended, with counts.
    pub suspending: Seldom<Vec<Suspending>>,
    /// Answers that have come for a native function that waits (`Stop::Wait`).
    pub answers: Seldom<Vec<(u64, Owned)>>,
    /// Signals behind the one that ends the process.
    pub unhandled: Seldom<Vec<Signal>>,
    /// How far it has got with ending.
    pub ending: Option<Box<dyn Any + Send>>,
    /// Part of the runtime itself: `init:stop` leaves it alone.
    pub is_system: bool,
    /// A collection has been asked for (`true`: of both generations); the machine does it at its next safe point and clears this.
    pub collect_soon: Option<bool>,
    /// To be done when the next slice begins, before anything else: all its live terms are then its own.
    pub first: Option<Box<dyn FnOnce(&mut Private) + Send>>,
    /// The present signals have found it waiting in a `receive`.
    pub waiting: bool,
    /// It waits, if it does, until a port is not busy.
    pub port_busy: bool,
    /// Sleeps in a `receive` that has looked at all messages.
    pub receives: bool,
    /// Sleeps in `erlang:hibernate` of this arity; only a message wakes it, no other signal.
    pub hibernating: Option<u8>,
    /// What of it is traced.
    pub trace: crate::trace::Traces,
    pub rare: Option<Box<Rare>>,
    /// It stands in for the true half, which is elsewhere.
    pub apart: Option<Box<crate::apart::Apart>>,
}

/// Words of a message that moves into the heap when it is looked at.
const MOVED_AT_ONCE: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxHeap {
    pub words: usize,
    pub kill: bool,
    pub log: bool,
    pub include_shared_binaries: bool,
}

/// A monitor that a process has set.
#[derive(Debug)]
pub struct Monitor {
    pub target: Target,
    pub kind: MonitorKind,
    /// First element of the down message (`DOWN` unless the `tag` option said otherwise).
    pub tag: Owned,
    pub alias: Option<AliasKind>,
}

/// What is monitored, as the down message will say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Who(Who),
    /// {Name, Node}, and the process or port behind it, if it was found.
    Name { name: Term, node: Term, who: Option<Who> },
    /// The node's clock (`clock_service`).
    Clock,
}

/// Whose messages come before all others (since release 28).
#[derive(Default, Debug)]
pub struct Urgent {
    pub aliases: base::hash::Set<RefId>,
    pub monitors: base::hash::Set<RefId>,
    pub links: base::hash::Set<Who>,
}

/// Another process that this one has suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspending {
    pub pid: Term,
    pub count: u32,
    /// Not confirmed yet.
    pub outstanding: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonitorKind {
    Process,
    Port,
    TimeOffset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasKind {
    ExplicitUnalias,
    Demonitor,
    ReplyDemonitor,
    /// Deactivated by the first reply (`alias([reply])`).
    Reply,
}

/// What few processes use.
#[derive(Default)]
pub struct Rare {
    /// Of sequential tracing. (The label of `proc_lib:set_label/1` lives in the dictionary.)
    pub trace_token: Option<Owned>,
    /// Its clock and the serial number seen last.
    pub seq_clock: u64,
    pub seq_last: u64,
    /// Calls of functions whose time or memory is measured.
    pub accounts: Vec<crate::trace::Account>,
    pub async_dist: bool,
    /// `process_flag(monitor_nodes, _)`: what is wanted, as a number, and how often.
    pub node_monitors: Vec<(u32, u32)>,
    /// `process_flag(save_calls, N)`.
    pub saved_calls: Option<Box<SavedCalls>>,
}

// SAFETY: rule 1: `ip` and the heap are used only by the thread that runs the process.
unsafe impl Send for Private {}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Private").field("initial_call", &self.initial_call).field("resume", &self.resume).finish_non_exhaustive()
    }
}

impl Private {
    /// Notes a call for `process_info(Pid, last_calls)`, if they are saved.
    #[inline]
    pub fn note_call(&mut self, call: SavedCall) {
        if !self.sensitive
            && let Some(rare) = &mut self.rare
            && let Some(saved) = &mut rare.saved_calls
        {
            saved.note(call);
        }
    }
    pub fn new(heap: Heap, group_leader: Term, parent: Term) -> Private {
        Private {
            heap,
            ip: std::ptr::null(),
            resume: Resume::Code,
            saved: Vec::new(),
            mailbox: Mailbox::default(),
            dictionary: Dictionary::default(),
            exception: Exception::error(Term::NIL),
            raised: false,
            native_state: None,
            group_leader,
            trap_exit: false,
            priority: 1,
            sensitive: false,
            off_heap_queue: false,
            error_handler: am::ERROR_HANDLER,
            reductions: 0,
            initial_call: (am::ERLANG, am::APPLY, 3),
            parent,
            max_heap: MaxHeap::default(),
            wait_serial: 0,
            wait_timer: None,
            timed_out: false,
            next_mark: 1,
            links: Seldom::default(),
            monitors: Seldom::default(),
            watchers: Seldom::default(),
            aliases: Seldom::default(),
            unlinks: 0,
            urgent: None,
            suspended: 0,
            suspending: Seldom::default(),
            answers: Seldom::default(),
            unhandled: Seldom::default(),
            ending: None,
            is_system: false,
            collect_soon: None,
            first: None,
            waiting: false,
            port_busy: false,
            receives: false,
            hibernating: None,
            trace: Default::default(),
            rare: None,
            apart: None,
        }
    }
    /// The room where this process's terms are built.
    #[inline(always)]
    pub fn h(&mut self) -> &mut term::Alloc {
        &mut self.heap.alloc
    }

    /// Takes memory from elsewhere into the heap; the term in it is the process's from then on. Only between native functions,
    /// or at the beginning of one.
    pub fn adopt(&mut self, o: Owned) -> Term {
        if !o.memory.is_empty() {
            self.heap.alloc.leave_fragments();
            self.heap.alloc.adopt(o.memory);
        }
        o.term
    }

    /// The message that `receive` looks at. A small one that stands first moves into the heap at once, where there is room: it is most often taken, and its
    /// memory is free for the next one.
    #[inline]
    pub fn look(&mut self) -> Option<Term> {
        let m = self.mailbox.peek()?;
        let words = m.memory.words();
        if words == 0 || words > MOVED_AT_ONCE || !self.mailbox.is_at_front() { Some(m.term) } else { self.move_in() }
    }
    fn move_in(&mut self) -> Option<Term> {
        let m = self.mailbox.peek_mut()?;
        let literals = heap::lasting_literals();
        if m.extra.is_none()
            && let Some(t) = term::copy::copy_flat(m.term, &mut self.heap.alloc, literals)
        {
            (m.term, m.memory) = (t, term::Fragment::EMPTY);
            self.mailbox.moved_to_heap();
            return Some(t);
        }
        let words = term::copy::size(m.term, literals);
        if words > self.heap.alloc.room() || m.memory.has_off_heap() || m.extra.is_some() {
            return Some(m.term);
        }
        m.term = term::copy::copy_sized(m.term, words, &mut self.heap.alloc, literals);
        m.memory = term::Fragment::EMPTY;
        let t = m.term;
        self.mailbox.moved_to_heap();
        Some(t)
    }
    /// Collects with all the process's own roots and the given x registers.
    pub fn collect(&mut self, x: &mut [Term], need: usize, major: bool) -> usize {
        self.with_roots(x, |heap, roots| heap.collect(roots, need, major))
    }
    /// Copies what its terms use of literal areas that are about to be freed.
    pub fn leave_literals(&mut self, going: &heap::Going) {
        self.with_roots(&mut [], |heap, roots| heap.leave_literals(roots, going));
        let leads_there = |o: &Owned| going.find(o.term.raw()).is_some() || o.memory.blocks().flatten().any(|&w| going.find(w).is_some());
        for (_, answer) in self.answers.iter_mut().filter(|(_, a)| leads_there(a)) {
            *answer = Owned::copy(answer.term);
        }
        self.mailbox.leave_literals(going);
    }
    /// Collects into as little room as possible (`hibernate`).
    pub fn shrink(&mut self, x: &mut [Term], spare: usize) {
        self.with_roots(x, |heap, roots| heap.shrink_to_fit(roots, spare));
    }
    fn with_roots<R>(&mut self, x: &mut [Term], collect: impl FnOnce(&mut Heap, &mut [&mut [Term]]) -> R) -> R {
        // The message under examination may be referred to: its memory joins the heap's now.
        if let Some(m) = self.mailbox.peek_mut()
            && !m.memory.is_empty()
        {
            let memory = std::mem::replace(&mut m.memory, term::Fragment::EMPTY);
            self.heap.alloc.leave_fragments();
            self.heap.alloc.adopt(memory);
            self.mailbox.moved_to_heap();
        }
        let mut empty = [];
        let mut queued = self.mailbox.heap_terms();
        let state: &mut [Term] = match &mut self.native_state {
            Some(s) => s.roots(),
            None => &mut empty,
        };
        let e = &mut self.exception;
        let mut exc = [e.reason, e.trace, e.args, e.info];
        let mut leader = [self.group_leader];
        let work = collect(
            &mut self.heap,
            &mut [x, &mut self.saved, self.dictionary.roots(), state, &mut exc, &mut leader, &mut queued],
        );
        [e.reason, e.trace, e.args, e.info] = exc;
        self.group_leader = leader[0];
        self.mailbox.set_heap_terms(&queued);
        work
    }
}
