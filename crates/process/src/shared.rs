//! The shared half of a process, and the handle by which everyone refers to it.

use crate::pending::Pending;
use crate::{Private, Signal};
use base::sync::Mutex;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::*};
use term::Term;

/// Signals that an emptied queue has room for, at most.
pub const ROOM_MOST: usize = 64;

/// Where a process is between the run queues and the scheduler threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Record not in use.
    Free,
    /// Has its private half and is not published yet.
    Making,
    /// Waits for a signal.
    Waiting,
    /// In a run queue.
    Queued,
    /// A thread runs it (normal or dirty).
    Running,
    /// Has ended; takes no more signals.
    Gone,
}

/// What others may touch, under one small lock.
#[derive(Debug)]
pub struct Inbox {
    /// Whose inbox this is now (records are used again).
    pub pid: Term,
    pub state: RunState,
    pub signals: VecDeque<Signal>,
    /// Some of them are no messages.
    pub others: bool,
    /// So it was with those that it took last.
    pub acting: bool,
    /// It waited until it was woken for its present turn.
    pub parked: bool,
    /// Someone wants it to look up even without a signal.
    pub woken: bool,
    /// It is ending: takes no more signals, `is_process_alive` is false; its number may still be listed.
    pub exiting: bool,
}

/// The record of a process.
pub struct Process {
    pub inbox: Mutex<Inbox>,
    /// There are signals in the inbox. Written under its lock.
    pending: Pending,
    /// Registered name (atom) or 0.
    pub name: AtomicU64,
    /// Priority (0 low .. 3 max), readable by those who enqueue it.
    pub priority: std::sync::atomic::AtomicU8,
    /// Part of the runtime itself.
    pub is_system: std::sync::atomic::AtomicBool,
    /// `process_flag(sensitive, true)`, for those who would tell of it.
    pub sensitive: std::sync::atomic::AtomicBool,
    /// Bytes of its heap, stack and fragments when its last slice ended.
    pub memory: AtomicU64,
    private: UnsafeCell<Option<Private>>,
}

// SAFETY: rule 1 for `private`; the rest is behind a lock or atomic.
unsafe impl Sync for Process {}
// SAFETY: as above.
unsafe impl Send for Process {}

/// A handle on a process record: a word, freely copied (rule 2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcRef(NonNull<Process>);

// SAFETY: rule 2.
unsafe impl Send for ProcRef {}
// SAFETY: rule 2.
unsafe impl Sync for ProcRef {}

impl std::fmt::Debug for ProcRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.inbox.lock().pid)
    }
}

impl std::ops::Deref for ProcRef {
    type Target = Process;
    #[inline(always)]
    fn deref(&self) -> &Process {
        // SAFETY: rule 2.
        unsafe { self.0.as_ref() }
    }
}

impl ProcRef {
    pub(crate) fn new(p: Box<Process>) -> ProcRef {
        ProcRef(NonNull::from(Box::leak(p)))
    }
    pub(crate) fn as_ptr(self) -> *mut Process {
        self.0.as_ptr()
    }
    /// # Safety
    /// Rule 2: null or the address of a record of a living table.
    pub(crate) unsafe fn from_ptr(p: *mut Process) -> Option<ProcRef> {
        NonNull::new(p).map(ProcRef)
    }
    /// # Safety
    /// Rule 2: the table ends, nobody uses the record any more.
    pub(crate) unsafe fn free(self) {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
    /// The private half.
    ///
    /// # Safety
    /// Rule 1.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    pub unsafe fn private<'a>(self) -> &'a mut Private {
        // SAFETY: the caller's promise (rule 1) and rule 2.
        unsafe { (*self.0.as_ref().private.get()).as_mut().expect("a process that runs has a private half") }
    }
    /// Puts or takes the private half.
    ///
    /// # Safety
    /// Rule 1.
    pub unsafe fn set_private(self, p: Option<Private>) -> Option<Private> {
        // SAFETY: the caller's promise.
        unsafe { std::mem::replace(&mut *self.0.as_ref().private.get(), p) }
    }
    /// The private half of a process that is being made (see `Table::insert`): its record is nobody else's yet.
    pub fn with_new<R>(self, f: impl FnOnce(&mut Private) -> R) -> Option<R> {
        if self.inbox.lock().state != RunState::Making {
            return None;
        }
        // SAFETY: rule 1: not published yet; only `Table::insert` sets this state, on this thread, for its caller's closure.
        unsafe { (*self.0.as_ref().private.get()).as_mut() }.map(f)
    }
    /// Does something to process `pid` in its own context, at once: it waits, and no signal waits for it. `None` if that is not so.
    /// The process is to be enqueued if so told: signals have come meanwhile.
    pub fn while_resting<R>(self, pid: Term, f: impl FnOnce(&mut Private) -> R) -> Option<(R, AfterSend)> {
        {
            let mut inbox = self.inbox.lock();
            if inbox.pid != pid || inbox.exiting || inbox.state != RunState::Waiting || !inbox.signals.is_empty() || inbox.woken {
                return None;
            }
            inbox.state = RunState::Running;
        }
        // SAFETY: rule 1: the run state is ours.
        let p = unsafe { self.private() };
        p.waiting = true;
        let r = f(p);
        if self.park() {
            return Some((r, AfterSend::Nothing));
        }
        self.requeue();
        Some((r, AfterSend::Enqueue))
    }
    /// Looks at a process that is on its way to a run queue or in one: nobody runs it as long as this takes.
    pub fn while_queued<R>(self, f: impl FnOnce(Term, &Private) -> R) -> Option<R> {
        let inbox = self.inbox.lock();
        if inbox.state != RunState::Queued {
            return None;
        }
        // SAFETY: rule 1: whoever is to run it first sets the state, under the lock.
        Some(f(inbox.pid, unsafe { self.private() }))
    }
    /// `begin_run` and `take_signals` in one. Messages go straight into an empty mailbox, if nothing else has come.
    #[inline]
    pub fn begin_with_signals(self, into: &mut VecDeque<Signal>) -> (Term, Taken) {
        let mut inbox = self.inbox.lock();
        debug_assert_eq!(inbox.state, RunState::Queued);
        inbox.state = RunState::Running;
        if !inbox.others && !inbox.signals.is_empty() {
            // SAFETY: rule 1: the run state is ours.
            let p = unsafe { self.private() };
            if p.trace.is_none() && p.mailbox.is_empty() {
                p.mailbox.take_over(&mut inbox.signals);
                // What a burst has taken is given back.
                if inbox.signals.capacity() > ROOM_MOST {
                    inbox.signals = VecDeque::new();
                }
            }
        }
        (inbox.pid, self.take_locked(&mut inbox, into))
    }
    pub fn registered_name(self) -> Option<Term> {
        let raw = self.name.load(Acquire);
        // SAFETY: the word is 0 or an atom, which needs no memory.
        (raw != 0).then(|| unsafe { Term::from_raw(raw) })
    }
}

impl Process {
    pub(crate) fn empty() -> Process {
        Process {
            inbox: Mutex::new(Inbox {
                pid: Term::NONE,
                state: RunState::Free,
                signals: VecDeque::new(),
                others: false,
                acting: false,
                parked: false,
                woken: false,
                exiting: false,
            }),
            pending: Pending::new(),
            name: AtomicU64::new(0),
            priority: std::sync::atomic::AtomicU8::new(1),
            is_system: std::sync::atomic::AtomicBool::new(false),
            sensitive: std::sync::atomic::AtomicBool::new(false),
            memory: AtomicU64::new(0),
            private: UnsafeCell::new(None),
        }
    }
}

/// What a sender must do after putting a signal into an inbox.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterSend {
    Nothing,
    /// Put the process on a run queue.
    Enqueue,
}

/// How signals have been taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The process has slept until they came.
    pub waited: bool,
    /// There is nothing but messages among them.
    pub messages_only: bool,
}

/// Why a signal or a wake-up has not reached anyone: there is no such process any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

// # Protocol
// The run state and the signals stand under one lock, so a signal and a change of state never miss each other:
// - A sender pushes, and if the state is `Waiting` makes it `Queued`: exactly one sender gets `Enqueue`.
// - The owner takes signals while `Running`. `park` makes it `Waiting` only if there is nothing to take.
// - A process that ends sets `exiting` and takes the last signals in one step (`close`): each signal is either among those, to be
//   answered as for a dead process, or comes back to its sender, who answers it so himself.
// - A record may serve another process later: pid and `exiting` are checked under the same lock (rule 2).
impl Process {
    /// Empties an inbox for the next process of the record.
    pub(crate) fn forget_signals(&self, inbox: &mut Inbox) {
        inbox.signals.clear();
        self.pending.clear();
    }
    /// Puts a signal into the inbox of process `pid`, if this record is still that process and takes signals; else gives it back.
    #[inline]
    pub fn send(&self, pid: Term, signal: Signal) -> Result<AfterSend, Signal> {
        let mut inbox = self.inbox.lock();
        if inbox.pid != pid || inbox.exiting {
            return Err(signal);
        }
        inbox.others |= !matches!(signal, Signal::Message(_));
        inbox.signals.push_back(signal);
        self.pending.set();
        if inbox.state == RunState::Waiting {
            inbox.state = RunState::Queued;
            Ok(AfterSend::Enqueue)
        } else {
            Ok(AfterSend::Nothing)
        }
    }
    /// Is process `pid` alive, and does no signal wait that could change that? `None`: it has to be asked.
    pub fn is_surely_alive(&self, pid: Term) -> Option<bool> {
        let inbox = self.inbox.lock();
        if inbox.pid != pid || inbox.exiting { Some(false) } else { (!inbox.others && !inbox.acting).then_some(true) }
    }
    /// True if this record is process `pid` and it is not ending.
    pub fn is_alive(&self, pid: Term) -> bool {
        let inbox = self.inbox.lock();
        inbox.pid == pid && !inbox.exiting
    }
    /// A scheduler thread begins to run the process; which one it is.
    pub fn begin_run(&self) -> Term {
        let mut inbox = self.inbox.lock();
        debug_assert_eq!(inbox.state, RunState::Queued);
        inbox.state = RunState::Running;
        inbox.pid
    }
    /// The process wants to wait. `false` if signals have arrived meanwhile: it goes on running.
    #[inline]
    pub fn park(&self) -> bool {
        let mut inbox = self.inbox.lock();
        if !inbox.signals.is_empty() || std::mem::take(&mut inbox.woken) {
            return false;
        }
        inbox.state = RunState::Waiting;
        inbox.acting = false;
        inbox.parked = true;
        true
    }
    /// The process's slice is over; it goes back to a run queue.
    pub fn requeue(&self) {
        self.inbox.lock().state = RunState::Queued;
    }
    /// Wakes the process without a signal: the caller enqueues it if so told.
    pub fn wake(&self, pid: Term) -> Result<AfterSend, Gone> {
        let mut inbox = self.inbox.lock();
        if inbox.pid != pid || inbox.state == RunState::Gone {
            return Err(Gone);
        }
        if inbox.state == RunState::Waiting {
            inbox.state = RunState::Queued;
            return Ok(AfterSend::Enqueue);
        }
        inbox.woken = true;
        Ok(AfterSend::Nothing)
    }
    /// Takes all signals that have arrived. `into` should be empty; its room is used for the next ones.
    #[inline]
    pub fn take_signals(&self, into: &mut VecDeque<Signal>) -> Taken {
        self.take_locked(&mut self.inbox.lock(), into)
    }
    #[inline]
    fn take_locked(&self, inbox: &mut Inbox, into: &mut VecDeque<Signal>) -> Taken {
        if !inbox.signals.is_empty() {
            std::mem::swap(&mut inbox.signals, into);
        }
        self.pending.clear();
        inbox.acting = std::mem::take(&mut inbox.others);
        Taken { waited: std::mem::take(&mut inbox.parked), messages_only: !inbox.acting }
    }
    /// Have signals arrived that were not taken? Only for the process itself. One that arrives at this moment may be missed, as if it came later (`park` does
    /// not miss it); none that its owner could know of.
    #[inline]
    pub fn has_signals(&self) -> bool {
        self.pending.is_set()
    }
    /// The process begins to end: from now on no signal gets in. The last ones.
    pub fn close(&self) -> VecDeque<Signal> {
        let mut inbox = self.inbox.lock();
        inbox.exiting = true;
        self.pending.clear();
        std::mem::take(&mut inbox.signals)
    }
}
