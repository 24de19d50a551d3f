//! `system_profile`: tells one process or port when processes become runnable and when they stop being so. Schedulers: not yet.
//! Not here: the options (`bifs::erlang::watch`), where a process is put on a queue (`signals`) and waits (`exec::engine`).

use crate::Node;
use base::sync::Mutex;
use process::{Owned, Private, ProcRef, Resume};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use term::{Term, atom};

pub const PROCESSES: u8 = 1;
pub const PORTS: u8 = 2;

#[derive(Default)]
pub struct SystemProfile {
    what: AtomicU8,
    who: Mutex<Option<(Term, u32)>>,
}

impl SystemProfile {
    /// `stamp`: one of the timestamps that tracing has; `what`: `PROCESSES`, `PORTS`, 0 for nothing.
    pub fn set(&self, who: Term, stamp: u32, what: u8) {
        *self.who.lock() = (what != 0).then_some((who, stamp));
        self.what.store(what, Relaxed);
    }
    #[inline(always)]
    pub fn has(&self, what: u8) -> bool {
        self.what.load(Relaxed) & what != 0
    }
}

/// Where a process goes on: module, function, arity.
type Place = Option<(Term, Term, u32)>;

impl Node {
    /// `pid` may be a port, which has no place.
    pub(crate) fn profile_one(&self, pid: Term, active: bool, place: Place) {
        let Some((who, stamp)) = *self.system_profile.who.lock() else { return };
        // It does not hear of itself: that would never end.
        if who == pid {
            return;
        }
        let message = Owned::build(|a| {
            let place = place.map_or(Term::small(0), |(m, f, n)| a.tuple(&[m, f, Term::small(n.into())]));
            let when = self.stamp(stamp, a).unwrap_or(Term::NIL);
            a.tuple(&[atom!("profile"), pid, if active { atom!("active") } else { atom!("inactive") }, place, when])
        });
        if !self.send_message(who, message) {
            self.system_profile.set(Term::NIL, stamp, 0);
        }
    }

    fn place(&self, p: &Private) -> Place {
        match p.resume {
            Resume::Native(n) => {
                let native = self.natives[n as usize];
                Some((atom::intern(native.module), atom::intern(native.function), native.arity.into()))
            }
            // It has not begun.
            Resume::Code if p.ip == self.code.entry_apply() => Some((p.initial_call.0, p.initial_call.1, p.initial_call.2.into())),
            Resume::Code => self.code.locate(p.ip).map(|l| (l.module, l.function, l.arity as u32)),
        }
    }

    /// The process has been woken and is about to be put on a run queue.
    #[cold]
    pub(crate) fn profile_runnable(&self, process: ProcRef) {
        if let Some((pid, place)) = process.while_queued(|pid, p| (pid, self.place(p))) {
            self.profile_one(pid, true, place);
        }
    }

    /// A process that runs is about to wait, or goes on all the same; with `ends`, it ends.
    #[cold]
    pub fn profile_running(&self, pid: Term, p: &Private, active: bool, ends: bool) {
        self.profile_one(pid, active, if ends { None } else { self.place(p) });
    }
}
