//! One port: what belongs to it besides its driver.

use crate::driver::{Carried, Driver};
use base::hash::Map;
use base::sync::Mutex;
use process::{Owned, RefId};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, OnceLock};
use term::Term;

/// `open_port`'s options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the length before each packet: 1, 2 or 4; 0 for a stream.
    pub packet: u8,
    /// `{line, Max}`.
    pub line: Option<usize>,
    pub cd: Option<Vec<u8>>,
    /// Changes to the environment; no value: the variable goes.
    pub env: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub args: Vec<Vec<u8>>,
    pub arg0: Option<Vec<u8>>,
    pub exit_status: bool,
    pub use_stdio: bool,
    pub stderr_to_stdout: bool,
    /// `in`, `out`: both unless one is named.
    pub input: bool,
    pub output: bool,
    pub binary: bool,
    pub eof: bool,
    pub hide: bool,
    pub parallelism: bool,
    /// `{busy_limits_port, {Low, High}}`: bytes waiting; `None` = `disabled`.
    pub busy_limits: Option<(usize, usize)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            packet: 0,
            line: None,
            cd: None,
            env: Vec::new(),
            args: Vec::new(),
            arg0: None,
            exit_status: false,
            use_stdio: true,
            stderr_to_stdout: false,
            input: true,
            output: true,
            binary: false,
            eof: false,
            hide: false,
            parallelism: false,
            busy_limits: Some((4096, 8192)),
        }
    }
}

/// What changes in a port's life.
pub(crate) struct State {
    pub owner: Term,
    pub links: Vec<Term>,
    /// Who monitors it.
    pub monitors: Map<RefId, Term>,
    pub name: Option<Term>,
    pub data: Option<Owned>,
    /// It is gone for everybody but its driver, which still writes.
    pub closing: bool,
    /// Processes that wait until it is not busy.
    pub waiting: Vec<Term>,
    /// An unfinished line.
    pub line: Vec<u8>,
}

/// A port.
pub struct Port {
    pub id: Term,
    /// The command, or the driver's name.
    pub name: Vec<u8>,
    pub options: Options,
    pub os_pid: AtomicU32,
    pub(crate) input: AtomicU64,
    pub(crate) output: AtomicU64,
    pub(crate) busy: AtomicBool,
    pub(crate) state: Mutex<State>,
    pub(crate) driver: Mutex<Option<Box<dyn Driver>>>,
    /// Number, serial and word of the timers that run.
    pub(crate) timers: Mutex<Vec<(u8, u64, u64)>>,
    pub(crate) timer_serial: AtomicU64,
    /// What its packets are for, if not for its owner.
    pub(crate) carried: OnceLock<Arc<dyn Carried>>,
}

impl Port {
    pub(crate) fn new(id: Term, name: Vec<u8>, options: Options, owner: Term) -> Port {
        Port {
            id,
            name,
            options,
            os_pid: AtomicU32::new(0),
            input: AtomicU64::new(0),
            output: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            state: Mutex::new(State {
                owner,
                links: Vec::new(),
                monitors: Map::default(),
                name: None,
                data: None,
                closing: false,
                waiting: Vec::new(),
                line: Vec::new(),
            }),
            driver: Mutex::new(None),
            timers: Mutex::default(),
            timer_serial: AtomicU64::new(1),
            carried: OnceLock::new(),
        }
    }
}

/// What `port_info` tells.
#[derive(Debug, Clone)]
pub struct Info {
    pub name: Vec<u8>,
    pub links: Vec<Term>,
    pub owner: Term,
    pub input: u64,
    pub output: u64,
    pub os_pid: u32,
    pub registered: Option<Term>,
    /// Processes that its driver monitors.
    pub monitors: Vec<Term>,
    pub monitored_by: Vec<Term>,
    pub parallelism: bool,
    pub queue_size: usize,
}

/// A copy with memory of its own.
pub(crate) fn copy(o: &Owned) -> Owned {
    if o.term.is_immediate() {
        return Owned::immediate(o.term);
    }
    // Without a range of literals everything is copied.
    let (term, memory) = term::copy::copy_out(o.term, term::copy::LiteralRange::NONE);
    Owned { term, memory }
}
