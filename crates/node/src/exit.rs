//! The end of a process: everything it owes to others. Not here: what makes it end.
//!
//! The order is what others may rely on: when the first of them learns of the end, the process is not alive, has no name, owns
//! no table and cannot be found.

use crate::hooks::Outgoing;
use crate::signals::{copy_out, copy_owned};
use crate::Node;
use process::saved_calls::SavedCalls;
use process::{Owned, Private, ProcRef, RefId, Signal, Who};
use std::sync::Arc;
use std::time::Duration;
use term::{Term, am};

/// Signals that one end sends at once; more go out in portions.
const PORTION: usize = 2000;

/// So many words of the reason, which is copied or encoded for each of them, are as much work as another signal.
const WORDS_A_SIGNAL: usize = 50;

/// How many signals with a reason of so many words go out in one portion, at least one.
fn portion(words: usize) -> usize {
    PORTION.div_ceil(1 + words / WORDS_A_SIGNAL)
}

/// Until an end looks again whether a busy connection has room.
const BUSY_WAIT: Duration = Duration::from_millis(2);

/// What is left to tell of an end.
struct Notices {
    pid: Term,
    reason: Owned,
    links: Vec<Who>,
    /// Signals to linked processes that take a token of sequential tracing along.
    tokens: Vec<(Who, Owned)>,
    watchers: Vec<(RefId, (Who, Option<Term>))>,
    /// A busy connection has held them up: the process is among the node's `untold`.
    waited: bool,
    /// It does so now.
    waits: bool,
}

impl Notices {
    /// Who hears of it next.
    fn next(&self) -> Option<Who> {
        self.links.last().copied().or_else(|| self.watchers.last().map(|w| w.1.0))
    }
}

impl Node {
    /// Saves the process' last `n` calls from now on, 0: none. Returns how many were saved before.
    pub fn save_calls(&self, p: &mut Private, n: u32) -> usize {
        if n == 0 && p.rare.is_none() {
            return 0;
        }
        let saved = &mut p.rare.get_or_insert_default().saved_calls;
        let before = std::mem::replace(saved, (n > 0).then(|| Box::new(SavedCalls::new(n))));
        if before.is_some() != (n > 0) {
            self.code.watch_exports(n > 0);
        }
        before.map_or(0, |s| s.size())
    }

    /// Ends the running process. `reason` is a term of its heap. The caller forgets the process: neither `me` nor `p` may be used after this.
    pub fn end_process(self: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private, reason: Term) {
        if p.trace.is_some() {
            self.trace_procs(pid, p, &[am::EXIT, reason]);
            if let Some(name) = me.registered_name() {
                self.trace_procs(pid, p, &[term::atom!("unregister"), name]);
            }
            self.trace_running(pid, p, "out_exited");
        }
        let mut tokens = Vec::new();
        if crate::seq::is_on(p) {
            let linked: Vec<Who> = p.links.iter().filter(|l| *l.1 == 0 && !l.0.is_port()).map(|l| *l.0).collect();
            for to in linked {
                tokens.extend(crate::seq::of_exit(self, pid, p, to, reason).map(|t| (to, t)));
            }
        }
        let reason = copy_out(reason);
        if let Some(word) = p.wait_timer.take()
            && let Some(timer) = sched::TimerRef::from_word(word)
        {
            self.sched.cancel_timer(timer);
        }
        p.native_state = None;
        self.save_calls(p, 0);
        if self.asking_afar.load(std::sync::atomic::Ordering::Acquire) > 0
            && let Some(remote) = self.remote()
        {
            remote.ended(self, pid, &reason);
        }
        // From here on it takes no signals.
        let mut last = p.unhandled.take();
        last.extend(me.close());

        self.cancel_timers_of(pid);
        self.release_tables(pid);
        self.release_schedulers(pid);
        if let Some(name) = me.registered_name() {
            self.names.lock().remove_of(name, pid);
            me.name.store(0, std::sync::atomic::Ordering::Release);
        }
        self.processes.unlist(pid);

        for suspended in p.suspending.take() {
            self.request(suspended.pid, move |_, other| {
                if let Some((_, _, q)) = other {
                    q.suspended = q.suspended.saturating_sub(1);
                }
            });
        }
        for (reference, monitor) in p.monitors.take() {
            self.withdraw(pid, reference, monitor.target);
        }
        let mut links: Vec<Who> = Vec::with_capacity(p.links.len());
        for (who, unlinking) in p.links.take() {
            if unlinking == 0 {
                links.push(who);
            }
        }
        let mut watchers: Vec<_> = p.watchers.take().into_iter().collect();
        // What was on its way in and still counts: links and monitors are told the true reason if they came before the end was decided.
        for signal in last {
            match signal {
                Signal::Unlink { from, id } => {
                    links.retain(|l| *l != from);
                    self.signal_who(Who::Local(pid), from, |_| Outgoing::UnlinkAck { id });
                }
                Signal::Demonitor { reference } => watchers.retain(|(r, _)| *r != reference),
                other => self.answer_dead(pid, other),
            }
        }
        // What watches it in native code is told while the process's memory is there, which may hold the last reference to it.
        watchers.retain(|&(reference, (to, name))| {
            let native = matches!(to, Who::Local(t) if t.is_local_port());
            if native {
                let reason = copy_owned(&reason);
                self.signal_who(Who::Local(pid), to, |_| Outgoing::Down { reference, name, reason });
            }
            !native
        });
        // All its memory goes now; what remains in the record is a husk.
        *p = husk();
        self.processes.release(me);
        // They are told from the end: first whoever was first, so that thousands end, and are heard of, in about the order of their making.
        links.sort_unstable_by_key(|who| std::cmp::Reverse(who.age()));
        watchers.sort_unstable_by_key(|w| std::cmp::Reverse(w.0));
        self.tell(Notices { pid, reason, links, tokens, watchers, waited: false, waits: false });
    }

    /// A process that holds the other schedulers lets them go when it ends.
    fn release_schedulers(&self, pid: Term) {
        if !self.sched.blocked().0 {
            return;
        }
        let mut held = Vec::new();
        self.settings.blockers.lock().retain(|&(by, hold)| {
            if by == pid {
                held.push(hold);
            }
            by != pid
        });
        held.into_iter().for_each(|hold| self.sched.unblock(hold));
    }

    fn tell(self: &Arc<Node>, mut notices: Notices) {
        let me = Who::Local(notices.pid);
        for _ in 0..portion(notices.reason.memory.words()) {
            if notices.next().is_some_and(|to| self.is_busy_towards(to, &notices)) {
                // As a living sender, an end waits until the connection has room: each of its notices may carry a large reason.
                if !std::mem::replace(&mut notices.waited, true) {
                    self.untold.lock().push(notices.pid);
                }
                notices.waits = true;
                return self.later(BUSY_WAIT, move |node| node.tell(notices));
            }
            notices.waits = false;
            if let Some(to) = notices.links.pop() {
                let reason = copy_owned(&notices.reason);
                let token = notices.tokens.iter().position(|t| to == t.0).map(|i| notices.tokens.swap_remove(i).1);
                self.signal_who(me, to, |_| Outgoing::Exit { reason, linked: true, token });
            } else if let Some((reference, (to, name))) = notices.watchers.pop() {
                let reason = copy_owned(&notices.reason);
                self.signal_who(me, to, |_| Outgoing::Down { reference, name, reason });
            } else {
                if notices.waited {
                    self.untold.lock().retain(|&pid| pid != notices.pid);
                }
                return;
            }
        }
        self.later(Duration::ZERO, move |node| node.tell(notices));
    }

    fn is_busy_towards(&self, to: Who, notices: &Notices) -> bool {
        to.node().is_some_and(|name| self.remote().is_some_and(|r| r.is_busy(self, notices.pid, name, !notices.waits)))
    }

    /// A dead process's tables go to their heirs or away, and its fixations end.
    pub fn release_tables(self: &Arc<Node>, pid: Term) {
        if !self.tables.concerns(pid) {
            return;
        }
        for action in self.tables.process_died(pid, |heir| self.is_alive(heir)) {
            match action {
                ets::tables::Action::Transfer { table, to, from, data, memory } => {
                    let Some(data) = data else {
                        if !self.is_alive(to) {
                            self.release_tables(to);
                        }
                        continue;
                    };
                    let message = Owned::build(|a| {
                        let data = term::copy::copy(data, a, term::copy::LiteralRange::NONE);
                        let handle = table.handle(a);
                        a.tuple(&[am::ETS_TRANSFER, handle, from, data])
                    });
                    drop(memory);
                    if !self.send_message(to, message) {
                        // The heir has ended in between, perhaps too early to know of this table.
                        self.release_tables(to);
                    }
                }
                ets::tables::Action::Free(remains) => self.free_table(remains),
            }
        }
    }
    /// Frees a table's contents in portions.
    fn free_table(self: &Arc<Node>, mut remains: ets::table::Remains) {
        if !remains.free_some(5 * PORTION) {
            self.later(Duration::ZERO, move |node| node.free_table(remains));
        }
    }
}

/// What stands in a record between two processes.
fn husk() -> Private {
    let mut heap = heap::Heap::new(0);
    heap.release();
    Private::new(heap, Term::NIL, am::UNDEFINED)
}

#[cfg(test)]
mod tests {
    use super::{PORTION, portion};

    #[test]
    fn a_portion_is_so_much_work() {
        assert_eq!(portion(0), PORTION);
        assert_eq!(portion(2_000_000), 1);
        for words in [1, 49, 50, 1000, 99_999] {
            let n = portion(words);
            assert!(n >= 1 && (n - 1) * words <= 60 * PORTION, "{n} signals of {words} words");
        }
    }
}
