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

/// A traced process's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    pub flags: u32,
    /// A local pid or port.
    pub tracer: Term,
}

impl Trace {
    #[inline]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}
