//! Erlang's timers and the node's clock. Not here: when a timer is due (`sched`), what the machine's clocks are (`sys`).

use crate::signals::copy_out;
use crate::{Node, Timer, TimerCall};
use base::hash::{Map, Set};
use process::{Message, Owned, Private, ProcRef, RefId, Signal};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use term::{Alloc, Term, am};

/// Erlang's monotonic time begins here, so that it stays a small number for centuries.
pub const MONOTONIC_BEGIN: i64 = -(1 << 59);
/// Longest relative time of a timer, in ms.
pub const TIMEOUT_MAX_MS: i64 = (1 << 60) / 1_000_000 * 8 - 1;

/// Where the node's clock stands to the machine's.
#[derive(Debug, Clone, Copy)]
pub struct TimeBase {
    /// The machine's monotonic clock when the node was made.
    start_ns: i64,
    /// Erlang system time less Erlang monotonic time.
    offset_ns: i64,
}

impl TimeBase {
    pub fn new(world: &sys::World) -> TimeBase {
        let start_ns = world.clock.monotonic_ns();
        TimeBase { start_ns, offset_ns: world.clock.system_ns() - MONOTONIC_BEGIN }
    }
}

/// The timers that send messages, by their references and by the processes that are to get them.
#[derive(Default, Debug)]
pub struct Timers {
    all: Map<RefId, (sched::TimerRef, Term)>,
    of: Map<Term, Set<RefId>>,
}

impl Timers {
    pub fn len(&self) -> usize {
        self.all.len()
    }
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
    pub fn get(&self, id: &RefId) -> Option<sched::TimerRef> {
        self.all.get(id).map(|t| t.0)
    }
    fn insert(&mut self, id: RefId, timer: sched::TimerRef, to: Term) {
        self.all.insert(id, (timer, to));
        if to.is_local_pid() {
            self.of.entry(to).or_default().insert(id);
        }
    }
    pub fn remove(&mut self, id: &RefId) -> Option<sched::TimerRef> {
        let (timer, to) = self.all.remove(id)?;
        if let Some(set) = self.of.get_mut(&to) {
            set.remove(id);
            if set.is_empty() {
                self.of.remove(&to);
            }
        }
        Some(timer)
    }
    fn remove_all(&mut self, to: Term) -> Vec<sched::TimerRef> {
        let ids = self.of.remove(&to).unwrap_or_default();
        ids.iter().filter_map(|id| self.all.remove(id)).map(|t| t.0).collect()
    }
}

impl Node {
    // ---- clock
    /// Erlang monotonic time in ns.
    #[inline]
    pub fn monotonic_ns(&self) -> i64 {
        self.world.clock.monotonic_ns() - self.time.start_ns + MONOTONIC_BEGIN
    }
    pub fn time_offset_ns(&self) -> i64 {
        self.time.offset_ns
    }

    /// Does some work after a time, on whichever scheduler finds it due.
    pub fn later(&self, after: Duration, work: impl FnOnce(&Arc<Node>) + Send + 'static) {
        let due = self.sched.now().saturating_add(after.as_nanos() as u64);
        self.sched.set_timer(due, Timer::Call(TimerCall(Box::new(work))));
    }
    /// Erlang system time in ns.
    pub fn system_ns(&self) -> i64 {
        self.monotonic_ns() + self.time.offset_ns
    }
    pub fn start_ns(&self) -> i64 {
        MONOTONIC_BEGIN
    }
    /// The scheduler's time for a moment in Erlang monotonic time.
    fn deadline_of(&self, monotonic_ns: i64) -> u64 {
        let ahead = monotonic_ns.saturating_sub(self.monotonic_ns()).max(0) as u64;
        self.sched.now().saturating_add(ahead).min(1 << 62)
    }

    // ---- receive
    /// The process is going to wait for `ms` at most: `p.timed_out` will be true when it is over.
    pub fn start_receive_timer(&self, me: ProcRef, pid: Term, p: &mut Private, ms: u64) {
        p.wait_serial += 1;
        p.timed_out = false;
        let deadline = self.sched.now().saturating_add(ms.saturating_mul(1_000_000)).min(1 << 62);
        let timer = self.sched.set_timer(deadline, Timer::Receive { process: me, pid, serial: p.wait_serial });
        p.wait_timer = Some(timer.to_word());
    }
    /// The wait is over, one way or the other.
    pub fn stop_receive_timer(&self, p: &mut Private) {
        p.timed_out = false;
        if let Some(word) = p.wait_timer.take() {
            p.wait_serial += 1;
            if let Some(timer) = sched::TimerRef::from_word(word) {
                self.sched.cancel_timer(timer);
            }
        }
    }

    // ---- message timers
    /// Sends a message at a moment of Erlang monotonic time. With `wrap` the message is `{timeout, Ref, Message}`.
    pub fn start_message_timer(&self, at_ns: i64, to: Term, message: Term, wrap: bool) -> RefId {
        let id = (self.next_ref(), 0);
        let message = if wrap {
            let m = copy_out(message);
            m.wrap(|a: &mut Alloc, m| {
                let r = a.reference(id.0, id.1);
                a.tuple(&[am::TIMEOUT, r, m])
            })
        } else {
            copy_out(message)
        };
        let deadline = self.deadline_of(at_ns);
        // Held meanwhile: it must not fire before it is known.
        let mut timers = self.timers.lock();
        let timer = self.sched.set_timer(deadline, Timer::Message { reference: id, to, message });
        timers.insert(id, timer, to);
        self.timed_processes.store(timers.of.len(), SeqCst);
        // A process that ends takes its timers along, but looks for them only once; see `cancel_timers_of`.
        if to.is_local_pid() && !self.is_alive(to) {
            timers.remove(&id);
            self.sched.cancel_timer(timer);
        }
        id
    }
    /// The timers of a process that has ended.
    pub fn cancel_timers_of(&self, pid: Term) {
        if self.timed_processes.load(SeqCst) == 0 {
            return;
        }
        let all = self.timers.lock().remove_all(pid);
        for timer in all {
            self.sched.cancel_timer(timer);
        }
    }
    /// Milliseconds left, rounded up; `None` if there is no such timer (any more).
    pub fn cancel_message_timer(&self, id: RefId) -> Option<i64> {
        let timer = self.timers.lock().remove(&id)?;
        let (_, deadline) = self.sched.cancel_timer(timer)?;
        Some(self.left_ms(deadline))
    }
    pub fn read_message_timer(&self, id: RefId) -> Option<i64> {
        let timer = self.timers.lock().get(&id)?;
        self.sched.read_timer(timer).map(|deadline| self.left_ms(deadline))
    }
    /// What timers would have sent, to whom, and in how many ms: they are taken out.
    pub(crate) fn last_timers(&self) -> Vec<(Term, i64, Term)> {
        let all: Vec<(sched::TimerRef, Term)> = self.timers.lock().all.values().copied().collect();
        let mut list = Vec::new();
        for (timer, to) in all {
            if let Some((Timer::Message { message, .. }, deadline)) = self.sched.cancel_timer(timer) {
                list.push((to, self.left_ms(deadline), message.term));
                // Its memory must last as long as the list.
                std::mem::forget(message.memory);
            }
        }
        list
    }
    fn left_ms(&self, deadline: u64) -> i64 {
        deadline.saturating_sub(self.sched.now()).div_ceil(1_000_000) as i64
    }

    /// A timer is due (`sched::Engine::timeout`).
    pub fn timeout(self: &Arc<Node>, timer: Timer) {
        match timer {
            Timer::Receive { process, pid, serial } => {
                if let Ok(process::AfterSend::Enqueue) = process.send(pid, Signal::ReceiveTimeout { serial }) {
                    self.enqueue(process);
                }
            }
            Timer::Message { reference, to, message } => {
                self.timers.lock().remove(&reference);
                let to = if to.is_atom() { self.whereis(to) } else { Some(to) };
                if let Some(to) = to {
                    let _ = self.deliver(to, Signal::Message(Message::new(message)));
                }
            }
            Timer::Call(call) => (call.0)(self),
        }
    }

    /// Tells whoever monitors the time offset.
    pub fn time_offset_changed(&self) {
        let watchers: Vec<(RefId, Term)> = self.clock_watchers.lock().iter().map(|(r, p)| (*r, *p)).collect();
        for (reference, pid) in watchers {
            let reason = Owned::immediate(Term::small(self.time_offset_ns()));
            let _ = self.deliver(pid, Signal::Down { reference, reason });
        }
    }
}
