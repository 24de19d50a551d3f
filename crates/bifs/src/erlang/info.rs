//! `process_info/1,2`: of the caller directly, of another process by a request that it answers itself.

use super::monitor::{Handled, handled};
use super::process::{ask_and_wait, max_heap_term, pair_list};
use super::spawn::priority_atom;
use crate::result::Res;
use code::Located;
use node::signals::literals;
use node::{Ctx, Dirty, Effect, Native, Node, Stop};
use process::saved_calls::SavedCall;
use process::{MonitorKind, Owned, Private, ProcRef, Resume, Target, Who};
use std::sync::Arc;
use term::copy::copy;
use term::{Alloc, Term, am, atom};

/// A process as seen by `process_info`.
struct Subject<'a> {
    node: &'a Arc<Node>,
    me: ProcRef,
    p: &'a mut Private,
    /// It asks about itself.
    own: bool,
}

fn process_info_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let items = [
        am::REGISTERED_NAME,
        am::CURRENT_FUNCTION,
        am::INITIAL_CALL,
        am::STATUS,
        am::MESSAGE_QUEUE_LEN,
        am::LINKS,
        am::DICTIONARY,
        am::TRAP_EXIT,
        am::ERROR_HANDLER,
        am::PRIORITY,
        am::GROUP_LEADER,
        am::TOTAL_HEAP_SIZE,
        am::HEAP_SIZE,
        am::STACK_SIZE,
        am::REDUCTIONS,
        am::GARBAGE_COLLECTION,
        am::SUSPENDING,
    ];
    info(cx, a[0], items.iter().map(|&i| Owned::immediate(i)).collect(), Shape::All)
}

fn process_info_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let release = cx.node.code.release;
    let (items, shape) = match a[1].is_atom() || a[1].is_tuple() {
        true => (vec![a[1]], Shape::One),
        false => match a[1].proper_list() {
            Some(l) => (l, Shape::List),
            None => return Err(cx.badarg()),
        },
    };
    if !items.iter().all(|&i| known(i, release)) {
        return Err(cx.badarg());
    }
    info(cx, a[0], items.into_iter().map(node::signals::copy_out).collect(), shape)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One item: its tuple.
    One,
    /// A list of items, each with its tuple.
    List,
    /// `process_info/1`: without a name if there is none.
    All,
}

fn info(cx: &mut Ctx, pid: Term, items: Vec<Owned>, shape: Shape) -> Res {
    if !pid.is_local_pid() {
        return Err(cx.badarg());
    }
    if pid == cx.pid {
        // Messages that are here count as received, and who has begun to watch (a driver does so at once) as watching: the machine
        // fetches the signals, then this runs again.
        let queue = items.iter().any(|i| [am::MESSAGES, am::MESSAGE_QUEUE_LEN, am::MONITORED_BY].contains(&i.term));
        if queue && cx.me.has_signals() && !handled(cx) {
            cx.p.native_state = Some(Box::new(Handled));
            return Err(Stop::Wait);
        }
        cx.p.native_state = None;
        cx.charge(2 * items.len());
        let node = cx.node.clone();
        cx.settle();
        let answer = answer(Subject { node: &node, me: cx.me, p: cx.p, own: true }, &items, shape);
        return Ok(cx.p.adopt(answer));
    }
    ask_and_wait(cx, pid, move |node, target| match target {
        Some((me, _, p)) => answer(Subject { node, me, p, own: false }, &items, shape),
        None => Owned::immediate(am::UNDEFINED),
    })
}

fn answer(mut s: Subject, items: &[Owned], shape: Shape) -> Owned {
    // Its limits are those of the heap block, not of a fragment.
    s.p.heap.alloc.leave_fragments();
    Owned::build(|h| {
        if shape == Shape::One {
            let item = items[0].term;
            let value = s.item(h, item);
            if item == am::REGISTERED_NAME && value.is_nil() {
                return Term::NIL;
            }
            let item = copy(item, h, literals());
            return h.tuple(&[item, value]);
        }
        let mut pairs = Vec::with_capacity(items.len());
        for o in items {
            let value = s.item(h, o.term);
            if !(shape == Shape::All && o.term == am::REGISTERED_NAME && value.is_nil()) {
                pairs.push((copy(o.term, h, literals()), value));
            }
        }
        pair_list(h, &pairs)
    })
}

pub fn known(item: Term, release: u32) -> bool {
    match item {
        am::BACKTRACE
        | am::BINARY
        | am::CATCHLEVEL
        | am::CURRENT_FUNCTION
        | am::CURRENT_LOCATION
        | am::CURRENT_STACKTRACE
        | am::DICTIONARY
        | am::ERROR_HANDLER
        | am::FULLSWEEP_AFTER
        | am::GARBAGE_COLLECTION
        | am::GARBAGE_COLLECTION_INFO
        | am::GROUP_LEADER
        | am::HEAP_SIZE
        | am::INITIAL_CALL
        | am::LAST_CALLS
        | am::LINKS
        | am::MAX_HEAP_SIZE
        | am::MEMORY
        | am::MESSAGES
        | am::MESSAGE_QUEUE_DATA
        | am::MESSAGE_QUEUE_LEN
        | am::MIN_BIN_VHEAP_SIZE
        | am::MIN_HEAP_SIZE
        | am::MONITORED_BY
        | am::MONITORS
        | am::PARENT
        | am::PRIORITY
        | am::REDUCTIONS
        | am::REGISTERED_NAME
        | am::SEQUENTIAL_TRACE_TOKEN
        | am::STACK_SIZE
        | am::STATUS
        | am::SUSPENDING
        | am::TOTAL_HEAP_SIZE
        | am::TRACE
        | am::TRAP_EXIT => true,
        am::ASYNC_DIST => release >= 26,
        am::LABEL => release >= 27,
        t if t == atom!("magic_ref") => true,
        t if t == atom!("priority_messages") => release >= 28,
        t => release >= 27 && t.as_tuple_n::<2>().is_some_and(|e| e[0] == am::DICTIONARY),
    }
}

impl Subject<'_> {
    fn item(&mut self, h: &mut Alloc, item: Term) -> Term {
        let size = |n: usize| Term::small(n as i64);
        let p = &mut *self.p;
        match item {
            am::REGISTERED_NAME => self.me.registered_name().unwrap_or(Term::NIL),
            am::CURRENT_FUNCTION => match self.location(h) {
                Some(l) => h.tuple(&[l.module, l.function, Term::small(l.arity.into())]),
                None => am::UNDEFINED,
            },
            am::CURRENT_LOCATION => match self.location(h) {
                Some(l) => frame(h, &l),
                None => am::UNDEFINED,
            },
            am::CURRENT_STACKTRACE => {
                let depth = self.node.backtrace_depth.load(std::sync::atomic::Ordering::Relaxed);
                let frames: Vec<Term> = self.locations(depth).iter().map(|l| frame(h, l)).collect();
                h.list(&frames)
            }
            am::BACKTRACE if p.sensitive => h.binary(&[]),
            am::BACKTRACE => {
                let text = self.backtrace();
                h.binary(text.as_bytes())
            }
            am::INITIAL_CALL => {
                let (m, f, n) = p.initial_call;
                h.tuple(&[m, f, Term::small(n.into())])
            }
            am::PARENT => copy(p.parent, h, literals()),
            am::STATUS => {
                if p.apart.is_some() || matches!(p.resume, Resume::Native(n) if self.node.natives[n as usize].dirty != Dirty::No) && !self.own {
                    am::RUNNING
                } else if p.suspended > 0 || p.port_busy && p.waiting {
                    am::SUSPENDED
                } else if self.own {
                    am::RUNNING
                } else if p.waiting && asleep(p) && p.mailbox.peek().is_none() && !p.timed_out {
                    am::WAITING
                } else {
                    am::RUNNABLE
                }
            }
            am::MESSAGE_QUEUE_LEN => size(p.mailbox.len()),
            am::MESSAGES if p.sensitive => Term::NIL,
            am::MESSAGES => {
                let messages: Vec<Term> = p.mailbox.iter().map(|m| copy(m.term, h, literals())).collect();
                h.list(&messages)
            }
            am::MESSAGE_QUEUE_DATA => {
                if p.off_heap_queue {
                    am::OFF_HEAP
                } else {
                    am::ON_HEAP
                }
            }
            am::LINKS => {
                let links: Vec<Term> = sorted(p.links.iter().filter(|l| *l.1 == 0).map(|l| *l.0).collect()).into_iter().map(|w| w.term(h)).collect();
                h.list(&links)
            }
            am::MONITORS => {
                let mut of: Vec<_> = p.monitors.iter().map(|(r, m)| (*r, m.target, m.kind)).collect();
                of.sort_by_key(|m| m.0);
                let list: Vec<Term> = of.into_iter().map(|(_, target, kind)| monitor(h, target, kind)).collect();
                h.list(&list)
            }
            am::MONITORED_BY => {
                let libraries = self.node.libraries.get();
                let mut by: Vec<_> = p.watchers.iter().map(|(r, w)| (*r, w.0)).collect();
                by.sort_by_key(|w| w.0);
                let list: Vec<Term> = by
                    .into_iter()
                    .filter_map(|(r, w)| match libraries.and_then(|l| l.watcher(self.node, r, h)) {
                        // The node itself, for what belongs to the process (an open file), is nobody.
                        None if w == Who::Local(Term::port(0)) => None,
                        None => Some(w.term(h)),
                        watcher => watcher,
                    })
                    .collect();
                h.list(&list)
            }
            am::DICTIONARY if p.sensitive => Term::NIL,
            am::DICTIONARY => {
                let pairs: Vec<(Term, Term)> = p.dictionary.pairs().map(|(k, v)| (copy(k, h, literals()), copy(v, h, literals()))).collect();
                pair_list(h, &pairs)
            }
            am::LABEL => self.entry(h, atom!("$process_label")),
            am::TRAP_EXIT => Term::bool(p.trap_exit),
            am::ERROR_HANDLER => p.error_handler,
            am::PRIORITY => priority_atom(p.priority),
            am::GROUP_LEADER => copy(p.group_leader, h, literals()),
            am::TOTAL_HEAP_SIZE => size(p.total_words() + queue_words(p)),
            am::HEAP_SIZE => size(p.heap.block_words()),
            am::STACK_SIZE => size(p.stack().len()),
            am::MEMORY => size((p.total_words() + queue_words(p)) * 8 + size_of::<Private>() + size_of::<process::Process>() + p.mailbox.len() * size_of::<process::Message>()),
            am::REDUCTIONS => h.uint(p.reductions),
            am::MIN_HEAP_SIZE => size(p.heap.min_words),
            am::MIN_BIN_VHEAP_SIZE => size(p.heap.min_cell_bytes / 8),
            am::FULLSWEEP_AFTER => size(p.heap.fullsweep_after as usize),
            am::MAX_HEAP_SIZE => max_heap_term(h, p.max_heap, self.node.code.release),
            am::GARBAGE_COLLECTION => {
                let max = max_heap_term(h, p.max_heap, self.node.code.release);
                pair_list(h, &[
                    (am::MAX_HEAP_SIZE, max),
                    (am::MIN_BIN_VHEAP_SIZE, size(p.heap.min_cell_bytes / 8)),
                    (am::MIN_HEAP_SIZE, size(p.heap.min_words)),
                    (am::FULLSWEEP_AFTER, size(p.heap.fullsweep_after as usize)),
                    (am::MINOR_GCS, size(p.heap.stats.minor_since_major as usize)),
                ])
            }
            am::GARBAGE_COLLECTION_INFO => node::memory::collector_info(p, h),
            am::BINARY => {
                let mut list = Term::NIL;
                for cell in p.heap.off_heap_cells(true) {
                    if cell.is_kind(term::Kind::BinRef) {
                        let (at, bytes, count) = cell.off_heap_binary().expect("a reference to a binary");
                        let entry = [h.uint(at), size(bytes), size(count)];
                        let entry = h.tuple(&entry);
                        list = h.cons(entry, list);
                    }
                }
                list
            }
            am::SUSPENDING => {
                let list: Vec<Term> = p
                    .suspending
                    .iter()
                    .map(|s| {
                        let (now, later) = if s.outstanding { (0, s.count) } else { (s.count, 0) };
                        h.tuple(&[s.pid, Term::small(now.into()), Term::small(later.into())])
                    })
                    .collect();
                h.list(&list)
            }
            am::CATCHLEVEL => size(p.stack().iter().filter(|t| t.is_catch()).count()),
            am::TRACE => Term::small(0),
            am::LAST_CALLS => {
                match p.rare.as_ref().and_then(|r| r.saved_calls.as_ref()) {
                    None => am::FALSE,
                    Some(saved) => {
                        let calls: Vec<Term> = saved
                            .iter()
                            .map(|call| match call {
                                SavedCall::Function(m, f, a) => h.tuple(&[m, f, Term::small(a.into())]),
                                SavedCall::Send => atom!("send"),
                                SavedCall::Receive => atom!("receive"),
                                SavedCall::Timeout => am::TIMEOUT,
                            })
                            .collect();
                        h.list(&calls)
                    }
                }
            }
            am::SEQUENTIAL_TRACE_TOKEN => match p.rare.as_ref().and_then(|r| r.trace_token.as_ref()) {
                Some(token) => copy(token.term, h, literals()),
                None => Term::NIL,
            },
            am::ASYNC_DIST => Term::bool(p.rare.as_ref().is_some_and(|r| r.async_dist)),
            t if t == atom!("priority_messages") => Term::bool(p.urgent.is_some()),
            t if t == atom!("magic_ref") => Term::NIL,
            t => match t.as_tuple_n::<2>() {
                Some(&[_, key]) => self.entry(h, key),
                None => am::UNDEFINED,
            },
        }
    }

    /// One entry of the dictionary.
    fn entry(&self, h: &mut Alloc, key: Term) -> Term {
        let same = |a: Term, b: Term| a == b || term::cmp::eq_exact(a, b);
        self.p.dictionary.get(key, same, term::hash::hash).map_or(am::UNDEFINED, |v| copy(v, h, literals()))
    }

    /// Where it is, then where each frame returns to. A native function that asks about its own process is left out.
    fn locations(&self, depth: usize) -> Vec<Located> {
        let here = match self.p.hibernating {
            _ if self.own => None,
            Some(arity) => {
                Some(Located { module: am::ERLANG, function: term::atom!("hibernate"), arity: arity.into(), location: None })
            }
            None => match self.p.resume {
                Resume::Native(n) => {
                    let n = self.node.natives[n as usize];
                    let (module, function) = (term::atom::intern(n.module), term::atom::intern(n.function));
                    Some(Located { module, function, arity: n.arity, location: None })
                }
                Resume::Code => self.node.code.locate(self.p.ip),
            },
        };
        let returns = self.p.stack().iter().filter(|t| t.raw() & 7 == 0 && t.is_some());
        // A return address is behind the call.
        let calls = returns.filter_map(|t| self.node.code.locate((t.raw() - 8) as *const u64));
        here.into_iter().chain(calls).take(depth).collect()
    }

    fn location(&self, _: &mut Alloc) -> Option<Located> {
        // One that has not begun yet is where it will begin.
        self.locations(1).pop().or_else(|| {
            if self.p.reductions > 0 && self.p.ip == self.node.code.spawn_apply() {
                // It has run and is to be applied anew: it hibernates.
                return Some(Located { module: am::ERLANG, function: am::HIBERNATE, arity: 3, location: None });
            }
            let (module, function, arity) = self.p.initial_call;
            (!self.own).then_some(Located { module, function, arity, location: None })
        })
    }

    fn backtrace(&self) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        let mut here = self.locations(usize::MAX >> 8).into_iter();
        let name = |l: &Located| format!("{}:{}/{}", term::atom::text(l.module), term::atom::text(l.function), l.arity);
        if let Some(l) = here.next() {
            let _ = writeln!(out, "Program counter: {:p} ({})", self.p.ip, name(&l));
        }
        for l in here {
            let _ = writeln!(out, "\nReturn addr ({})", name(&l));
        }
        out
    }
}

/// `{M, F, A, [{file, _}, {line, _}]}`
fn frame(h: &mut Alloc, l: &Located) -> Term {
    let source = match &l.location {
        Some((file, line)) => {
            let file = h.list_of_chars(file);
            pair_list(h, &[(am::FILE, file), (am::LINE, Term::small(i64::from(*line)))])
        }
        None => Term::NIL,
    };
    h.tuple(&[l.module, l.function, Term::small(l.arity.into()), source])
}

/// Was it last seen in a `receive`, in hibernation, or in a native function that waits?
fn asleep(p: &Private) -> bool {
    p.receives || p.hibernating.is_some() || matches!(p.resume, Resume::Native(_))
}

fn sorted(mut who: Vec<Who>) -> Vec<Who> {
    who.sort_by_key(|w| match *w {
        Who::Local(t) => (0, t.raw(), 0),
        Who::Pid(_, number, serial) => (1, number.into(), serial),
        Who::Port(_, number) => (2, number, 0),
    });
    who
}

fn monitor(h: &mut Alloc, target: Target, kind: MonitorKind) -> Term {
    let sort = match kind {
        MonitorKind::Process => am::PROCESS,
        MonitorKind::Port => am::PORT,
        MonitorKind::TimeOffset => am::TIME_OFFSET,
    };
    let object = match target {
        Target::Who(w) => w.term(h),
        Target::Name { name, node, .. } => h.tuple(&[name, node]),
        Target::Clock => atom!("clock_service"),
    };
    h.tuple(&[sort, object])
}

/// Words of the messages that wait outside the heap; counted with it unless they are to be kept off it.
fn queue_words(p: &Private) -> usize {
    if p.off_heap_queue { 0 } else { p.mailbox.iter().map(|m| m.memory.words()).sum() }
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "process_info", 1, process_info_1).effect(Effect::Process),
    Native::new("erlang", "process_info", 2, process_info_2).effect(Effect::Process).partial("magic_ref, trace: always empty"),
    Native::new("erts_internal", "process_display", 2, process_display).effect(Effect::Process),
];

/// `process_display(Pid, backtrace)`: a process's stack on the terminal. OTP's own wrapper reads the atoms as causes of errors.
fn process_display(cx: &mut Ctx, a: &[Term]) -> Result<Term, Stop> {
    if a[1] != am::BACKTRACE {
        return Ok(term::atom!("badopt"));
    }
    if a[0] == cx.pid {
        cx.p.heap.alloc.leave_fragments();
        let node = cx.node.clone();
        show_stack(&node, cx.p);
        return Ok(am::TRUE);
    }
    if !a[0].is_local_pid() || !cx.node.is_alive(a[0]) {
        return Ok(am::BADARG);
    }
    let (asker, id) = (cx.pid, (cx.node.next_ref(), 0));
    cx.node.request(a[0], move |node, other| {
        let result = match other {
            Some((_, _, p)) => {
                show_stack(node, p);
                am::TRUE
            }
            None => am::BADARG,
        };
        node.send_message(asker, Owned::build(|h| {
            let reference = h.reference(id.0, id.1);
            h.tuple(&[reference, result])
        }));
    });
    Ok(cx.h().reference(id.0, id.1))
}

fn show_stack(node: &node::Node, p: &Private) {
    use std::io::Write;
    if p.sensitive {
        return;
    }
    let mut text = String::new();
    for t in p.stack().iter().filter(|t| t.raw() & 7 == 0 && !t.is_none()) {
        if let Some(l) = node.code.locate((t.raw() - 8) as *const u64) {
            text += &format!("{:?}:{:?}/{}\n", l.module, l.function, l.arity);
        }
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}
