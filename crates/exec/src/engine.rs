//! A slice of a process, as the scheduler sees it.

use crate::interp::{self, Ended};
use node::{Ctx, Dirty, Node, Timer};
use process::{Private, ProcRef, Resume};
use sched::{After, DirtyKind, Engine, Priority, WorkerId};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, Weak};
use term::Term;

/// Reductions in a slice.
pub const SLICE: i64 = 4000;

/// Counters of calls.
pub const HOT: usize = 1024;

/// What a scheduler thread needs to run processes.
pub struct Local {
    /// X and float registers, and what machine code needs besides.
    pub state: Box<jit::State>,
    pub jit: Option<Arc<jit::Jit>>,
    /// Calls until a function may be hot; those with the same low bits of their addresses share one.
    pub hot: Box<[u16; HOT]>,
    /// The node's native functions, for machine code.
    pub(crate) natives: *const node::Native,
    /// Functions that machine code has applied by name.
    pub(crate) applied: Box<[crate::machine::Applied; crate::machine::APPLIED]>,
    /// How often machine code was left before its function had returned.
    pub(crate) left: u32,
    /// How a slice has ended in a helper of machine code, and what a panic there said.
    pub(crate) ended: Option<Ended>,
    pub(crate) panic: Option<Box<dyn std::any::Any + Send>>,
    /// Scratch for instructions with many operands.
    pub pairs: Vec<(Term, Term)>,
    pub values: Vec<Term>,
    pub segments: Vec<crate::ops::bits::Segment>,
    /// Trace frames that a traced call pushes.
    pub frames: Vec<u64>,
    /// The bit string that the older construction instructions fill.
    pub building: crate::ops::bits::Building,
    /// Places that might collect and will not, under torture.
    pub quiet: usize,
    /// The change of the node's name that this thread knows.
    named: u64,
    /// Room for the signals of a slice's beginning: the inbox gets it in exchange for its own.
    signals: VecDeque<process::Signal>,
    /// The node, kept as long as its thread: the engine itself must not keep it.
    node: Option<Arc<Node>>,
    /// What this thread has done, for `statistics/1`.
    counted: Arc<node::counters::Thread>,
}

/// The interpreter as the scheduler's engine.
#[derive(Default)]
pub struct Machine {
    node: OnceLock<Weak<Node>>,
    jit: OnceLock<Option<Arc<jit::Jit>>>,
}

/// The code of a node that may be gone.
struct CodeOf(Weak<Node>);

impl jit::Codes for CodeOf {
    fn with(&self, act: &mut dyn FnMut(&code::Code)) {
        if let Some(node) = self.0.upgrade() {
            act(&node.code);
        }
    }
}

fn compiler(node: &Arc<Node>) -> Option<Arc<jit::Jit>> {
    use node::config::MachineCode;
    let config = &node.config;
    let settings = jit::Settings {
        mode: match config.jit.mode {
            MachineCode::Off => jit::Mode::Off,
            MachineCode::On => jit::Mode::On,
            MachineCode::Eager => jit::Mode::Eager,
        },
        torture: config.torture.collect_always,
        perf_map: config.jit.perf.is_some(),
        dump: config.jit.dump,
    };
    let cache = config.jit.cache.clone().map(|folder| jit::Cache { folder, release: node.code.release, verify: config.jit.verify_cache });
    jit::Jit::new(settings, Arc::new(CodeOf(Arc::downgrade(node))), cache.as_ref()).map(Arc::new)
}

impl Machine {
    pub fn new() -> Machine {
        Machine::default()
    }
    /// Ties the machine to its node; before this nothing runs.
    pub fn attach(&self, node: &Arc<Node>) {
        let _ = self.node.set(Arc::downgrade(node));
        let _ = self.jit.set(compiler(node));
        let _ = node.inspector.set(crate::dump::inspect);
    }
    fn node(&self) -> Option<Arc<Node>> {
        self.node.get()?.upgrade()
    }
}

pub(crate) fn priority(p: u8) -> Priority {
    match p {
        0 => Priority::Low,
        2 => Priority::High,
        3 => Priority::Max,
        _ => Priority::Normal,
    }
}

impl Engine for Machine {
    type Task = ProcRef;
    type Timer = Timer;
    type Local = Local;

    fn local(&self, worker: WorkerId) -> Local {
        if matches!(worker, WorkerId::Normal(_)) {
            node::later::begin();
        }
        if let Some(node) = self.node() {
            term::cmp::zeros_are_alike(node.code.release < 27);
        }
        let jit = self.jit.get().cloned().flatten();
        Local {
            state: crate::machine::state(),
            hot: Box::new([jit.as_ref().map_or(u16::MAX, |j| j.counts()); HOT]),
            jit,
            natives: self.node().map_or(std::ptr::null(), |n| n.natives.as_ptr()),
            applied: Box::new([crate::machine::Applied::default(); crate::machine::APPLIED]),
            left: 0,
            ended: None,
            panic: None,
            pairs: Vec::new(),
            values: Vec::new(),
            segments: Vec::new(),
            frames: Vec::new(),
            building: Default::default(),
            quiet: 0,
            named: 0,
            signals: VecDeque::new(),
            node: self.node(),
            counted: self.node().map(|n| n.counters.thread()).unwrap_or_default(),
        }
    }

    fn run(&self, local: &mut Local, task: ProcRef) -> After {
        let Some(node) = local.node.take() else { return After::Park };
        let budget = if node.config.torture.yield_always { 1 } else { SLICE };
        let after = slice(&node, local, task, budget, None);
        local.node = Some(node);
        after
    }

    fn run_dirty(&self, local: &mut Local, task: ProcRef, kind: DirtyKind) -> After {
        let Some(node) = local.node.take() else { return After::Park };
        let after = slice(&node, local, task, i64::MAX / 2, Some(kind));
        local.node = Some(node);
        after
    }

    fn pause(&self) {
        node::later::catch_up();
    }

    fn quiet(&self) {
        node::give_memory_back();
    }

    fn timeout(&self, payload: Timer) {
        if let Some(node) = self.node() {
            node.timeout(payload);
        }
    }
}

/// Do signals go on being handled while it is on a dirty pool? Not for native functions of ours that use what signals act on.
fn can_be_apart(node: &Node, p: &Private) -> bool {
    match p.resume {
        // A library's function.
        Resume::Code => true,
        Resume::Native(n) => {
            let native = &node.natives[n as usize];
            // What moved itself here has much to compute, and nothing else to do.
            native.apart || native.dirty == Dirty::No
        }
    }
}

/// Runs a native function on a dirty pool while a stand-in takes the process's signals.
fn run_apart(node: &Arc<Node>, local: &mut Local, me: ProcRef, pid: Term, mut truth: Box<Private>, kind: DirtyKind) {
    let p = &mut *truth;
    let mut cx = Ctx::new(p, me, pid, node, i64::MAX / 2);
    let ended = interp::run(&mut cx, local, Some(kind));
    let used = cx.settle();
    local.counted.count(used, 0, 0);
    if truth.trace.is_some() {
        node::trace::calls::account_out(node, pid, &mut truth);
        node.trace_running(pid, &mut truth, "out");
    }
    if let Ended::Exit(reason) = ended {
        // The function has ended the process itself.
        truth.exception = process::Exception { class: process::Class::Exit, ..process::Exception::error(reason) };
        truth.ip = node.code.raise_pending();
        truth.resume = Resume::Code;
        truth.saved.clear();
    }
    // If it is dead, nobody wants it back.
    drop(node.deliver(pid, process::Signal::Back(truth)));
}

/// The process wants to wait; false if it goes on.
#[inline]
fn rests(node: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private) -> bool {
    if !node.system_profile.has(node::profile::PROCESSES) || me.has_signals() {
        return me.park();
    }
    node.profile_running(pid, p, false, false);
    let parked = me.park();
    if !parked {
        node.profile_running(pid, p, true, false);
    }
    parked
}

fn ends(node: &Arc<Node>, me: ProcRef, pid: Term, p: &mut Private, reason: Term) {
    if node.system_profile.has(node::profile::PROCESSES) {
        node.profile_running(pid, p, false, true);
    }
    node.end_process(me, pid, p, reason);
}

fn slice(node: &Arc<Node>, local: &mut Local, me: ProcRef, budget: i64, dirty: Option<DirtyKind>) -> After {
    let (pid, mut taken) = if dirty.is_none() {
        let (pid, taken) = me.begin_with_signals(&mut local.signals);
        (pid, Some(taken))
    } else {
        (me.begin_run(), None)
    };
    let changes = node.identity_changes.load(std::sync::atomic::Ordering::Acquire);
    if local.named != changes {
        local.named = changes;
        let (name, creation) = *node.identity.read();
        term::node_name::set_local(term::node_name::intern(name, creation));
    }
    // SAFETY: rule 2: the run state says that this thread runs the process.
    let p = unsafe { me.private() };
    node::signals::set_urgency(p.priority);
    loop {
        let receives = p.receives;
        if dirty.is_none() {
            let fetched = match taken.take() {
                Some(taken) => {
                    let fetched = node.handle(me, pid, p, &mut local.signals, taken);
                    if local.signals.capacity() > process::ROOM_MOST {
                        local.signals = VecDeque::new();
                    }
                    fetched
                }
                None => node.fetch(me, pid, p),
            };
            if let Some(reason) = fetched.exit {
                ends(node, me, pid, p, reason);
                return After::Park;
            }
            if p.apart.is_some() {
                // Its true half is on a dirty pool.
                if me.park() {
                    return After::Park;
                }
                continue;
            }
            if let Some(work) = p.first.take() {
                work(p);
            }
            if let Some(major) = p.collect_soon.take() {
                crate::ops::call::watched(node, pid, p, &mut [], 0, major);
                if crate::ops::call::exceeds_limit(node, pid, p) {
                    ends(node, me, pid, p, term::am::KILLED);
                    return After::Park;
                }
            }
            if fetched.suspended {
                if rests(node, me, pid, p) {
                    return After::Park;
                }
                continue;
            }
        }
        // Other signals than messages and timeouts are no reason to look at the messages again.
        if receives && p.mailbox.peek().is_none() && !p.timed_out {
            if rests(node, me, pid, p) {
                return After::Park;
            }
            continue;
        }
        if p.hibernating.is_some() {
            if p.mailbox.is_empty() {
                if rests(node, me, pid, p) {
                    return After::Park;
                }
                continue;
            }
            p.hibernating = None;
        }
        if p.trace.is_some() {
            node.trace_running(pid, p, "in");
            node::trace::calls::account_in(node, p);
        }
        p.receives = false;
        if let Some(kind) = dirty
            && can_be_apart(node, p)
        {
            let truth = p.set_apart();
            if !me.park() {
                me.requeue();
                node.enqueue(me);
            }
            run_apart(node, local, me, pid, truth, kind);
            return After::Park;
        }
        let before = (p.heap.stats.minors + p.heap.stats.majors, p.heap.stats.reclaimed_words);
        let allocated = p.heap.allocated_words();
        let watched = (node.system_monitor.any() && dirty.is_none()).then(|| (node.monotonic_ns(), p.ip));
        let mut cx = Ctx::new(p, me, pid, node, budget);
        let ended = interp::run(&mut cx, local, dirty);
        let mut used = cx.settle();
        if used == 0 {
            cx.p.reductions += 1;
            used = 1;
        }
        if !matches!(ended, Ended::Exit(_)) {
            let words = cx.p.heap.allocated_words().wrapping_sub(allocated);
            cx.p.heap.slice_over(words, cx.p.max_heap.words == 0);
        }
        let stats = &cx.p.heap.stats;
        let collections = (stats.minors + stats.majors).wrapping_sub(before.0);
        local.counted.count(used, collections, stats.reclaimed_words.wrapping_sub(before.1));
        me.memory.store(cx.p.heap.total_words() as u64 * 8, Relaxed);
        if p.trace.is_some() {
            node::trace::calls::account_out(node, pid, p);
            if !matches!(ended, Ended::Exit(_)) {
                node.trace_running(pid, p, "out");
            }
        }
        if let Some((started, from)) = watched {
            node.watch_slice(pid, started, from, p.ip);
        }
        match ended {
            Ended::Yield | Ended::Stepped => {
                let prio = priority(p.priority);
                me.requeue();
                return After::Requeue(prio);
            }
            // A hibernating process that has messages already goes on at once.
            Ended::Wait if p.hibernating.is_some() && !p.mailbox.is_empty() => {
                p.hibernating = None;
                me.requeue();
                return After::Requeue(priority(p.priority));
            }
            Ended::Wait | Ended::Receive => {
                p.receives = matches!(ended, Ended::Receive);
                if p.heap.rests() {
                    crate::ops::call::watched(node, pid, p, &mut [], 0, false);
                }
                if p.first.is_none() && rests(node, me, pid, p) {
                    return After::Park;
                }
            }
            Ended::Dirty(kind) => {
                me.requeue();
                return After::Dirty(kind, priority(p.priority));
            }
            Ended::Exit(reason) => {
                ends(node, me, pid, p, reason);
                return After::Park;
            }
        }
    }
}
