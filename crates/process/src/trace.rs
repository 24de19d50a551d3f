//! What of a process is traced, and who is told. Not here: the events (`node::trace`).

use term::Term;

/// Flags of `erlang:trace/3`.
pub mod flags {
    pub const SEND: u32 = 1;
    pub const RECEIVE: u32 = 1 << 1;
    pub const PROCS: u32 = 1 << 2;
    pub const CALL: u32 = 1 << 3;
    pub const RUNNING: u32 = 1 << 4;
    pub const GC: u32 = 1 << 5;
    pub const PORTS: u32 = 1 << 6;
    pub const ARITY: u32 = 1 << 7;
    pub const SILENT: u32 = 1 << 8;
    pub const RETURN_TO: u32 = 1 << 9;
    pub const EXITING: u32 = 1 << 10;
    pub const RUNNING_PROCS: u32 = 1 << 11;
    pub const RUNNING_PORTS: u32 = 1 << 12;
    pub const SET_ON_SPAWN: u32 = 1 << 13;
    pub const SET_ON_FIRST_SPAWN: u32 = 1 << 14;
    pub const SET_ON_LINK: u32 = 1 << 15;
    pub const SET_ON_FIRST_LINK: u32 = 1 << 16;
    pub const TIMESTAMP: u32 = 1 << 17;
    pub const MONOTONIC: u32 = 1 << 18;
    pub const STRICT_MONOTONIC: u32 = 1 << 19;
    pub const SCHEDULER_ID: u32 = 1 << 20;
}

/// For what one trace session traces a process, and who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Number of the session; 0 is the one that everybody shares.
    pub session: u32,
    pub flags: u32,
    /// A local pid or port, or the number of a tracer module with its state (a small integer).
    pub tracer: Term,
}

impl Trace {
    #[inline]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// All that a process (or port) is traced for: nothing, nearly always.
#[derive(Clone, Default, Debug)]
#[allow(clippy::box_collection)]
pub struct Traces(Option<Box<Vec<Trace>>>);

impl Traces {
    #[inline(always)]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }
    #[inline(always)]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
    pub fn list(&self) -> &[Trace] {
        self.0.as_ref().map_or(&[], |v| v)
    }
    /// Is any of these flags set in some session?
    pub fn has(&self, flag: u32) -> bool {
        self.list().iter().any(|t| t.has(flag))
    }
    pub fn of(&self, session: u32) -> Option<Trace> {
        self.list().iter().find(|t| t.session == session).copied()
    }
    /// Sets what a session traces; without events nothing remains of it.
    pub fn set(&mut self, new: Trace) {
        use flags::*;
        let list = self.0.get_or_insert_default();
        list.retain(|t| t.session != new.session);
        if new.flags & !(TIMESTAMP | MONOTONIC | STRICT_MONOTONIC) != 0 {
            list.push(new);
        }
        if list.is_empty() {
            self.0 = None;
        }
    }
    pub fn remove(&mut self, session: u32) {
        self.set(Trace { session, flags: 0, tracer: Term::NIL });
    }
}

/// Where the time and memory of calls go that one session accounts for.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub session: u32,
    /// The breakpoint of the function that runs now.
    pub point: Option<u32>,
    /// Since when (nanoseconds), and how many words the process had allocated then.
    pub since: i64,
    pub words: u64,
}
