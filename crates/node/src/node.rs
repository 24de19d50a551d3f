//! The node value: all tables of one Erlang node.

use crate::config::Config;
use crate::hooks::{Libraries, Ports, Remote};
use crate::native::Native;
use crate::timers::TimeBase;
use base::hash::Map;
use base::sync::{Mutex, RwLock};
use process::{Names, Owned, ProcRef, Table};
use std::sync::{Arc, OnceLock};
use std::sync::atomic::{AtomicU64, Ordering::*};
use term::Term;

/// What a timer does when it fires.
#[derive(Debug)]
pub enum Timer {
    /// `receive ... after` of a process: ignored if the wait is over.
    Receive { process: ProcRef, pid: Term, serial: u64 },
    /// `send_after`/`start_timer`: a message to a pid or name.
    Message { reference: (u64, u64), to: Term, message: Owned },
    /// Work of a native part of the node.
    Call(TimerCall),
}

/// Work to do at a time, on a scheduler thread; must be short.
pub struct TimerCall(pub Box<dyn FnOnce(&Arc<Node>) + Send>);

impl std::fmt::Debug for TimerCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TimerCall")
    }
}

/// One Erlang node.
pub struct Node {
    pub config: Config,
    pub world: sys::World,
    pub sched: sched::Handle<ProcRef, Timer>,
    pub code: code::Code,
    /// All native functions; an export's `native` number n means `natives[n - 1]`.
    pub natives: Vec<Native>,
    pub processes: Table,
    pub names: Names,
    pub tables: ets::Tables,
    pub persistent: ets::persistent::PersistentTerms,
    /// This node's name and creation; `nonode@nohost` and 0 while not distributed.
    pub identity: RwLock<(Term, u32)>,
    /// Processes that wait for linked ones on other nodes to be made.
    pub asking_afar: Arc<std::sync::atomic::AtomicUsize>,
    /// Processes that have ended, some of whose links and monitors wait for a busy connection to hear of it.
    pub(crate) untold: Mutex<Vec<Term>>,
    /// How often the node got or lost its name: each thread that runs processes looks, and orders identifiers by the name of now.
    pub identity_changes: std::sync::atomic::AtomicU64,
    /// Timers by their reference.
    pub timers: Mutex<crate::timers::Timers>,
    /// For how many processes there are timers; as of the last one set.
    pub(crate) timed_processes: std::sync::atomic::AtomicUsize,
    /// The ports, and the connections to other nodes; set by whoever brings them (`vm`).
    pub ports: OnceLock<Box<dyn Ports>>,
    remote: RwLock<Option<Arc<dyn Remote>>>,
    /// What loads libraries of native functions; set by whoever brings it (`vm`).
    pub libraries: OnceLock<Box<dyn Libraries>>,
    /// Who monitors the time offset.
    pub clock_watchers: Mutex<Map<(u64, u64), Term>>,
    pub(crate) time: TimeBase,
    /// The last value of `now/0`, in microseconds.
    pub last_now: AtomicU64,
    /// For `unique_integer([monotonic])`.
    pub monotonic_integers: AtomicU64,
    pub(crate) halted: HaltCell,
    /// Modules that are there before any file is read.
    pub preloaded: RwLock<Vec<Term>>,
    pub tracing: crate::trace::Tracing,
    pub system_monitor: crate::watch::SystemMonitor,
    pub system_profile: crate::profile::SystemProfile,
    /// Who is told of sequential tracing.
    pub seq_tracer: crate::seq::Tracer,
    /// The purge that is going on.
    pub(crate) purging: Mutex<Option<crate::purge::Purge>>,
    pub(crate) literals: crate::literals::Literals,
    /// What `system_flag/2` changes.
    pub settings: crate::settings::Settings,
    /// Describes processes for the crash dump; set by the engine.
    pub inspector: OnceLock<crate::dump::Inspector>,
    /// What has been counted.
    pub counters: crate::counters::Counters,
    /// Frames in a stack trace (`system_flag(backtrace_depth)`).
    pub backtrace_depth: std::sync::atomic::AtomicUsize,
    refs: AtomicU64,
    unique: AtomicU64,
    /// State of native parts that live in storeys above, by name of their type.
    pub parts: RwLock<Map<std::any::TypeId, Arc<dyn std::any::Any + Send + Sync>>>,
}

impl Node {
    pub fn new(config: Config, world: sys::World, sched: sched::Handle<ProcRef, Timer>, natives: Vec<Native>) -> Arc<Node> {
        let limit = config.limits.processes as usize;
        let time = TimeBase::new(&world);
        let code = code::Code::new(config.otp.release_number());
        for (i, n) in natives.iter().enumerate() {
            if !n.nif && !n.is_erlang_in(code.release) {
                code.set_native(term::atom::intern(n.module), term::atom::intern(n.function), n.arity, i as u32 + 1, n.plain.is_some());
            }
        }
        let settings = crate::settings::Settings::new(&config);
        Arc::new(Node {
            settings,
            counters: Default::default(),
            inspector: OnceLock::new(),
            processes: Table::new(limit),
            config,
            world,
            sched,
            code,
            natives,
            names: Names::default(),
            tables: ets::Tables::default(),
            persistent: Default::default(),
            identity: RwLock::new((term::am::NONODE, 0)),
            asking_afar: Default::default(),
            untold: Default::default(),
            identity_changes: Default::default(),
            timers: Mutex::default(),
            timed_processes: Default::default(),
            ports: OnceLock::new(),
            remote: RwLock::default(),
            libraries: OnceLock::new(),
            clock_watchers: Mutex::default(),
            time,
            last_now: AtomicU64::new(0),
            monotonic_integers: AtomicU64::new(0),
            halted: HaltCell::default(),
            preloaded: RwLock::default(),
            literals: Default::default(),
            purging: Mutex::default(),
            tracing: Default::default(),
            seq_tracer: Default::default(),
            system_monitor: Default::default(),
            system_profile: Default::default(),
            backtrace_depth: std::sync::atomic::AtomicUsize::new(8),
            refs: AtomicU64::new(1 << 18),
            unique: AtomicU64::new(1),
            parts: RwLock::default(),
        })
    }
    /// The connections to other nodes, once there are any.
    pub fn remote(&self) -> Option<Arc<dyn Remote>> {
        self.remote.read().clone()
    }
    pub fn set_remote(&self, remote: Option<Arc<dyn Remote>>) {
        *self.remote.write() = remote;
    }
    /// The number of a new reference.
    pub fn next_ref(&self) -> u64 {
        self.refs.fetch_add(1, Relaxed)
    }
    /// A number that this node has not given before.
    pub fn next_unique(&self) -> u64 {
        self.unique.fetch_add(1, Relaxed)
    }
    /// The state of a native part, made on first use.
    pub fn part<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let key = std::any::TypeId::of::<T>();
        if let Some(p) = self.parts.read().get(&key) {
            return p.clone().downcast().expect("filed under its own type");
        }
        let mut parts = self.parts.write();
        parts.entry(key).or_insert_with(|| Arc::new(T::default())).clone().downcast().expect("filed under its own type")
    }
}

/// The exit status that means: end the operating system process at once, by a signal (`halt(abort)`).
pub const ABORT: i32 = i32::MIN;

/// How a node ends.
#[derive(Debug, Default)]
pub struct HaltCell {
    /// Somebody has called `halt`; the status is known once the ports are flushed.
    begun: std::sync::atomic::AtomicBool,
    status: Mutex<Option<i32>>,
    changed: base::sync::Condvar,
}

impl Node {
    /// Claims the end of the node; false if somebody else has.
    pub fn begin_halt(&self) -> bool {
        !self.halted.begun.swap(true, AcqRel)
    }
    /// Ends the node with this exit status; the first one counts.
    pub fn halt(&self, status: i32) {
        self.halted.status.lock().get_or_insert(status);
        self.halted.changed.notify_all();
    }
    /// Blocks until `halt`; its status.
    pub fn wait_for_halt(&self) -> i32 {
        let mut status = self.halted.status.lock();
        loop {
            if let Some(s) = *status {
                return s;
            }
            self.halted.changed.wait(&mut status);
        }
    }
}
