//! New processes. Not here: options as Erlang writes them (`bifs`).

use crate::signals::literals;
use crate::{Ctx, Node};
use heap::Heap;
use process::trace::{Trace, Traces, flags::*};
use process::{AliasKind, MaxHeap, Monitor, MonitorKind, Owned, Private, ProcRef, RefId, Target, Who};
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use term::Term;

/// A monitor that the parent has from the start.
#[derive(Debug)]
pub struct MonitorOptions {
    pub tag: Owned,
    pub alias: Option<AliasKind>,
}

/// Words of a process's first block.
const SMALL_BEGIN: usize = 64;

/// How a process starts.
#[derive(Debug, Default)]
pub struct SpawnOptions {
    pub link: bool,
    pub monitor: Option<MonitorOptions>,
    /// 0 low .. 3 max; `None`: normal.
    pub priority: Option<u8>,
    pub min_heap_size: Option<usize>,
    pub min_bin_vheap_size: Option<usize>,
    pub fullsweep_after: Option<u32>,
    pub max_heap_size: Option<MaxHeap>,
    pub off_heap_messages: Option<bool>,
    pub async_dist: Option<bool>,
    /// Part of the runtime itself.
    pub system: bool,
    /// `None`: the parent's.
    pub group_leader: Option<Term>,
    /// What a spawn request's answer begins with.
    pub reply_tag: Option<Term>,
    /// A reference that was made before (a spawn request's).
    pub reference: Option<RefId>,
}

#[derive(Debug, Clone, Copy)]
pub struct Spawned {
    pub pid: Term,
    /// Of the monitor, if one was asked for.
    pub monitor: Option<RefId>,
}

fn parent_pid_or_undefined(pid: Term) -> Term {
    if pid.is_some() { pid } else { term::am::UNDEFINED }
}

/// There are as many processes as the node allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Node {
    /// Makes a process that applies a function to arguments (a proper list, copied from the parent) and puts it on a run queue.
    pub fn spawn(self: &Arc<Node>, parent: Option<&mut Ctx>, options: SpawnOptions, module: Term, function: Term, args: Term) -> Result<Spawned, TooMany> {
        let (process, spawned) = self.make_process(parent, options, module, function, args)?;
        self.enqueue(process);
        Ok(spawned)
    }

    /// The same without the run queue: the caller enqueues it.
    pub fn make_process(
        self: &Arc<Node>,
        mut parent: Option<&mut Ctx>,
        options: SpawnOptions,
        module: Term,
        function: Term,
        args: Term,
    ) -> Result<(ProcRef, Spawned), TooMany> {
        let defaults = &self.config.process;
        let original_args = args;
        let min_words = options.min_heap_size.unwrap_or(self.settings.min_heap());
        let kept = literals();
        let size = term::copy::size(args, kept);
        // As much as the arguments need, and then the usual room: the first collection is not due at once.
        let words = if size * 2 > min_words { heap::collect::next_size(size + min_words) } else { min_words };
        // A process that was not asked to begin large begins small: it may only wait.
        let first = if options.min_heap_size.is_none() { words.min(SMALL_BEGIN + 2 * size) } else { words };
        let mut heap = Heap::with_first_block(words, first);
        heap.min_words = min_words;
        heap.fullsweep_after = options.fullsweep_after.unwrap_or(self.settings.fullsweep_after.load(Relaxed));
        heap.min_cell_bytes = options.min_bin_vheap_size.unwrap_or(self.settings.min_bin_vheap_words.load(Relaxed)) * 8;
        let args = if args.is_immediate() { args } else { term::copy::copy_sized(args, size, &mut heap.alloc, kept) };
        let arity = args.list_length().unwrap_or(0) as u8;
        let (parent_pid, leader) = match &parent {
            Some(cx) => (cx.pid, options.group_leader.unwrap_or(cx.p.group_leader)),
            None => (Term::NONE, options.group_leader.unwrap_or(Term::NONE)),
        };
        let leader = Who::of(leader).map(|l| l.term(&mut heap.alloc));
        let parent_shown = if parent_pid.is_some() { parent_pid } else { term::am::UNDEFINED };
        let mut child = Private::new(heap, leader.unwrap_or(Term::NONE), parent_shown);
        child.ip = self.code.entry_apply();
        child.saved = vec![module, function, args];
        child.initial_call = (module, function, arity);
        child.priority = options.priority.unwrap_or(1);
        child.is_system = options.system;
        child.off_heap_queue = options.off_heap_messages.unwrap_or(defaults.off_heap_messages);
        child.max_heap = options.max_heap_size.unwrap_or(self.settings.max_heap());
        if options.async_dist.is_some_and(|a| a) {
            child.rare.get_or_insert_default().async_dist = true;
        }
        if options.link && parent_pid.is_some() {
            child.links.insert(Who::Local(parent_pid), 0);
        }
        let monitor = options.monitor.as_ref().map(|m| {
            let alias_of = if m.alias.is_some() { parent_pid.raw() } else { 0 };
            options.reference.unwrap_or_else(|| (self.next_ref(), alias_of))
        });
        if let Some(reference) = monitor {
            child.watchers.insert(reference, (Who::Local(parent_pid), None));
        }
        child.trace = self.trace_of_child(parent.as_deref(), options.link);
        let traced = child.trace.clone();
        let options_link = options.link && parent_pid.is_some();
        let (priority, system) = (child.priority, child.is_system);
        let process_leader = leader.is_none();
        let (reference, tag) = (options.reference, options.reply_tag.unwrap_or(term::atom!("spawn_reply")));
        let (process, pid) = self
            .processes
            .insert(child, |record, pid| {
                record.priority.store(priority, Relaxed);
                record.is_system.store(system, Relaxed);
                record.sensitive.store(false, Relaxed);
                if process_leader {
                    // The first process leads itself.
                    record.with_new(|p| p.group_leader = pid);
                }
                let Some(cx) = parent.as_deref_mut().filter(|cx| cx.p.rare.is_some() && crate::seq::is_on(cx.p)) else { return };
                let asked = reference.unwrap_or_else(|| (self.next_ref(), 0));
                let mut a = term::Alloc::new();
                let reference = a.reference(asked.0, asked.1);
                let called = a.tuple(&[module, function, Term::small(arity.into())]);
                let request = a.tuple(&[term::atom!("spawn_request"), reference, cx.pid, cx.p.group_leader, called, Term::NIL, tag, original_args]);
                let reply = a.tuple(&[tag, reference, term::am::OK, pid]);
                record.with_new(|child| crate::seq::spawned(self, (cx.pid, cx.p), (pid, child), request, reply));
            })
            .map_err(|_| TooMany)?;
        if let Some(cx) = parent {
            if cx.p.trace.is_some() {
                let call = cx.h().tuple(&[module, function, original_args]);
                self.trace_procs(cx.pid, cx.p, &[term::am::SPAWN, pid, call]);
                for t in cx.p.trace.list().to_vec() {
                    let mut flags = t.flags;
                    if t.has(SET_ON_FIRST_SPAWN) {
                        flags &= !(SET_ON_SPAWN | SET_ON_FIRST_SPAWN);
                    }
                    if options.link && t.has(SET_ON_FIRST_LINK) {
                        flags &= !(SET_ON_LINK | SET_ON_FIRST_LINK);
                    }
                    cx.p.trace.set(Trace { flags, ..t });
                }
                if options.link {
                    self.trace_procs(cx.pid, cx.p, &[term::am::LINK, pid]);
                }
            }
            if options.link {
                cx.p.links.insert(Who::Local(pid), 0);
            }
            if let (Some(reference), Some(m)) = (monitor, options.monitor) {
                let target = Target::Who(Who::Local(pid));
                cx.p.monitors.insert(reference, Monitor { target, kind: MonitorKind::Process, tag: m.tag, alias: m.alias });
                if let Some(kind) = m.alias {
                    cx.p.aliases.insert(reference, kind);
                }
            }
        }
        for trace in traced.list().iter().filter(|t| t.has(PROCS)) {
            self.emit_for(pid, *trace, |a| {
                let call = a.tuple(&[module, function, original_args]);
                vec![term::atom!("spawned"), parent_pid_or_undefined(parent_pid), call]
            });
            if options_link {
                self.emit_for(pid, *trace, |_| vec![term::atom!("getting_linked"), parent_pid]);
            }
        }
        Ok((process, Spawned { pid, monitor }))
    }

    /// What a new process is traced for from its first moment: what its parent hands on, or what all new ones are.
    fn trace_of_child(&self, parent: Option<&Ctx>, link: bool) -> Traces {
        let mut out = Traces::default();
        if self.tracing.any_new.load(Relaxed) {
            self.tracing.of_new_processes().into_iter().for_each(|t| out.set(t));
        }
        for t in parent.map_or(&[][..], |cx| cx.p.trace.list()) {
            let on_link = link && t.has(SET_ON_LINK | SET_ON_FIRST_LINK);
            if t.has(SET_ON_SPAWN | SET_ON_FIRST_SPAWN) || on_link {
                let mut flags = t.flags;
                if t.has(SET_ON_FIRST_SPAWN) {
                    flags &= !(SET_ON_SPAWN | SET_ON_FIRST_SPAWN);
                }
                if t.has(SET_ON_FIRST_LINK) && link {
                    flags &= !(SET_ON_LINK | SET_ON_FIRST_LINK);
                }
                out.set(Trace { flags, ..*t });
            }
        }
        out
    }
}
