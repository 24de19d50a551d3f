//! What a process does with itself and with others' execution: dictionary, flags, suspension, collection, system tasks.

use super::options::options;
use super::spawn::{max_heap_size, priority_atom, priority_number, queue_data};
use crate::result::Res;
use node::signals::copy_out;
use node::{Ctx, Effect, Native, Node, Stop};
use process::saved_calls::SavedCalls;
use process::{MaxHeap, NativeState, Owned, Private, ProcRef, RefId, Signal, Suspending};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use term::{Alloc, Term, am, atom};

/// Sends `{Ref, Answer}`.
pub fn answer(node: &Arc<Node>, to: Term, id: RefId, result: Term) {
    let message = copy_out(result).wrap(|h, result| {
        let r = h.reference(id.0, id.1);
        h.tuple(&[r, result])
    });
    node.send_message(to, message);
}

/// What a native function waits for: the answer with this number.
struct Await(u64);

impl NativeState for Await {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// Asks another process and waits for what `ask` answers in its context (`None`: it is not there). Call it again after each `Stop::Wait`.
pub fn ask_and_wait(
    cx: &mut Ctx,
    other: Term,
    ask: impl FnOnce(&Arc<Node>, Option<(ProcRef, Term, &mut process::Private)>) -> Owned + Send + 'static,
) -> Res {
    let awaited = cx.p.native_state.as_mut().and_then(|s| s.as_any().downcast_ref::<Await>().map(|a| a.0));
    if let Some(id) = awaited {
        let Some(at) = cx.p.answers.iter().position(|(n, _)| *n == id) else { return Err(Stop::Wait) };
        cx.p.native_state = None;
        let (_, value) = cx.p.answers.remove(at);
        return Ok(cx.p.adopt(value));
    }
    let ask = match cx.node.ask_resting(other, ask) {
        Ok(value) => return Ok(cx.p.adopt(value)),
        Err(ask) => ask,
    };
    let id = cx.node.next_unique();
    let asker = cx.pid;
    cx.node.request(other, move |node, target| {
        let value = ask(node, target);
        let _ = node.deliver(asker, Signal::Answer { id, value });
    });
    cx.p.native_state = Some(Box::new(Await(id)));
    Err(Stop::Wait)
}

/// Has `work` done in the context of each of these processes, and answers `result` once all have done it (to `ask_and_wait`, when
/// the native function is called again).
pub fn ask_all_and_wait(
    cx: &mut Ctx,
    others: &[Term],
    result: usize,
    work: impl Fn(&Arc<Node>, Term, &mut process::Private) + Send + Sync + Clone + 'static,
) -> Res {
    if others.is_empty() {
        return Ok(Term::small(result as i64));
    }
    let id = cx.node.next_unique();
    let asker = cx.pid;
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(others.len()));
    for &other in others {
        let (left, work) = (left.clone(), work.clone());
        cx.node.request(other, move |node, target| {
            if let Some((_, pid, p)) = target {
                work(node, pid, p);
            }
            if left.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1 {
                let _ = node.deliver(asker, Signal::Answer { id, value: Owned::immediate(Term::small(result as i64)) });
            }
        });
    }
    cx.p.native_state = Some(Box::new(Await(id)));
    Err(Stop::Wait)
}

// ---- the table
fn processes_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let pids = cx.node.processes.pids();
    cx.charge(pids.len() / 10 + 1);
    Ok(cx.h().list(&pids))
}

fn processes_next_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(from) = a[0].to::<usize>() else { return Err(cx.badarg()) };
    match cx.node.processes.pids_from(from, 100) {
        None => Ok(am::NONE),
        Some((next, pids)) => {
            cx.charge(10);
            let list = cx.h().list(&pids);
            Ok(cx.h().tuple(&[Term::small(next as i64), list]))
        }
    }
}

/// Alive after all earlier signals from the caller have done their work.
fn is_process_alive_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_local_pid() {
        return Err(cx.badarg());
    }
    if a[0] == cx.pid {
        return Ok(am::TRUE);
    }
    if cx.p.native_state.is_none() {
        let Some(process) = cx.node.processes.get(a[0]) else { return Ok(am::FALSE) };
        if let Some(alive) = process.is_surely_alive(a[0]) {
            return Ok(Term::bool(alive));
        }
    }
    ask_and_wait(cx, a[0], |_, target| Owned::immediate(Term::bool(target.is_some())))
}

fn is_process_alive_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let (true, Some(id)) = (a[0].is_local_pid(), a[1].as_local_ref()) else { return Err(cx.badarg()) };
    let asker = cx.pid;
    cx.node.request(a[0], move |node, target| answer(node, asker, id, Term::bool(target.is_some())));
    Ok(am::OK)
}

// ---- dictionary
fn same(a: Term, b: Term) -> bool {
    a == b || term::cmp::eq_exact(a, b)
}
fn hash(t: Term) -> u64 {
    term::hash::hash(t)
}

fn put(cx: &mut Ctx, key: Term, value: Term) -> Term {
    cx.p.dictionary.put(key, value, same, hash).unwrap_or(am::UNDEFINED)
}
fn get(cx: &mut Ctx, key: Term, _: Term) -> Term {
    cx.p.dictionary.get(key, same, hash).unwrap_or(am::UNDEFINED)
}
fn put_2(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(put(cx, a[0], a[1]))
}
fn get_1(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(get(cx, a[0], Term::NIL))
}
fn get_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let pairs: Vec<(Term, Term)> = cx.p.dictionary.pairs().collect();
    Ok(pair_list(cx.h(), &pairs))
}
pub fn pair_list(h: &mut Alloc, pairs: &[(Term, Term)]) -> Term {
    let mut list = Term::NIL;
    for &(key, value) in pairs.iter().rev() {
        let pair = h.tuple(&[key, value]);
        list = h.cons(pair, list);
    }
    list
}
fn erase_0(cx: &mut Ctx, a: &[Term]) -> Res {
    let all = get_0(cx, a);
    cx.p.dictionary.clear();
    all
}
fn erase_1(cx: &mut Ctx, a: &[Term]) -> Res {
    Ok(cx.p.dictionary.erase(a[0], same, hash).unwrap_or(am::UNDEFINED))
}
fn get_keys_0(cx: &mut Ctx, _: &[Term]) -> Res {
    let keys: Vec<Term> = cx.p.dictionary.pairs().map(|(k, _)| k).collect();
    Ok(cx.h().list(&keys))
}
fn get_keys_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let mut keys: Vec<Term> = cx.p.dictionary.pairs().filter(|&(_, v)| same(v, a[0])).map(|(k, _)| k).collect();
    keys.reverse();
    Ok(cx.h().list(&keys))
}

// ---- flags
/// A `max_heap_size` as Erlang sees it.
pub fn max_heap_term(h: &mut Alloc, m: MaxHeap, release: u32) -> Term {
    let mut pairs = vec![
        (atom!("error_logger"), Term::bool(m.log)),
        (am::KILL, Term::bool(m.kill)),
        (am::SIZE, Term::small(m.words as i64)),
    ];
    if release >= 27 {
        pairs.push((atom!("include_shared_binaries"), Term::bool(m.include_shared_binaries)));
    }
    term::map::from_pairs(h, &pairs)
}

fn process_flag_2(cx: &mut Ctx, a: &[Term]) -> Res {
    set_flag(cx, a[0], a[1])
}

fn set_flag(cx: &mut Ctx, flag: Term, value: Term) -> Res {
    macro_rules! need {
        ($e:expr) => {
            match $e {
                Some(v) => v,
                None => return Err(cx.badarg()),
            }
        };
    }
    let release = cx.node.code.release;
    Ok(match flag {
        am::TRAP_EXIT => Term::bool(std::mem::replace(&mut cx.p.trap_exit, need!(value.as_bool()))),
        am::PRIORITY => {
            let new = need!(priority_number(value));
            cx.me.priority.store(new, Relaxed);
            node::signals::set_urgency(new);
            priority_atom(std::mem::replace(&mut cx.p.priority, new))
        }
        am::ERROR_HANDLER => {
            if !value.is_atom() {
                return Err(cx.badarg());
            }
            std::mem::replace(&mut cx.p.error_handler, value)
        }
        am::MESSAGE_QUEUE_DATA => {
            let old = std::mem::replace(&mut cx.p.off_heap_queue, need!(queue_data(value)));
            if old { am::OFF_HEAP } else { am::ON_HEAP }
        }
        am::MIN_HEAP_SIZE => {
            let words = heap::collect::next_size(need!(value.to::<u32>()) as usize);
            Term::small(std::mem::replace(&mut cx.p.heap.min_words, words) as i64)
        }
        am::MIN_BIN_VHEAP_SIZE => {
            let words = vheap_size(need!(value.to::<u32>()) as usize);
            Term::small((std::mem::replace(&mut cx.p.heap.min_cell_bytes, words * 8) / 8) as i64)
        }
        am::FULLSWEEP_AFTER => {
            let n = need!(value.as_u64()).min(65535) as u32;
            Term::small(i64::from(std::mem::replace(&mut cx.p.heap.fullsweep_after, n)))
        }
        am::MAX_HEAP_SIZE => {
            let new = need!(max_heap_size(value, cx.p.max_heap));
            let old = std::mem::replace(&mut cx.p.max_heap, new);
            max_heap_term(cx.h(), old, release)
        }
        am::SENSITIVE => {
            let on = need!(value.as_bool());
            cx.me.sensitive.store(on, std::sync::atomic::Ordering::Relaxed);
            Term::bool(std::mem::replace(&mut cx.p.sensitive, on))
        }
        am::SAVE_CALLS => match set_save_calls(cx.node, cx.p, value) {
            Some(old) => old,
            None => return Err(cx.badarg_cause(am::NONE)),
        },
        am::ASYNC_DIST if release >= 26 => {
            let new = need!(value.as_bool());
            Term::bool(std::mem::replace(&mut cx.p.rare.get_or_insert_default().async_dist, new))
        }
        am::MONITOR_NODES => monitor_nodes(cx, Term::NIL, value)?,
        t if t == atom!("scheduler") => {
            // Processes are not bound; the present number is accepted and has no effect.
            let n = need!(value.as_u64());
            if n > cx.node.sched.workers() as u64 {
                return Err(cx.badarg());
            }
            Term::small(0)
        }
        t => match t.as_tuple_n::<2>() {
            Some(&[am::MONITOR_NODES, options]) => monitor_nodes(cx, options, value)?,
            _ => return Err(cx.badarg_cause(atom!("badopt"))),
        },
    })
}

/// Sizes of virtual binary heaps are rounded as those of heaps.
fn vheap_size(words: usize) -> usize {
    let (mut a, mut b) = (46422, 75113);
    while a < words {
        (a, b) = (b, a + b + 1);
    }
    a
}

fn set_save_calls(node: &Node, p: &mut Private, value: Term) -> Option<Term> {
    let n = value.to::<u32>().filter(|&n| n <= SavedCalls::MOST)?;
    Some(Term::small(node.save_calls(p, n) as i64))
}

/// `net_kernel:monitor_nodes` as a process flag: counts, by options. What is told, and when, is the distribution's affair.
fn monitor_nodes(cx: &mut Ctx, options: Term, on: Term) -> Res {
    let Some(on) = on.as_bool() else { return Err(cx.badarg()) };
    let Some(wants) = crate::dist::Wants::parse(options) else { return Err(cx.badarg()) };
    crate::dist::watch_nodes(cx, wants, on);
    let key = wants.key();
    let counts = &mut cx.p.rare.get_or_insert_default().node_monitors;
    let at = counts.iter().position(|&(k, _)| k == key);
    let old = at.map_or(0, |i| counts[i].1);
    match (at, on) {
        (Some(i), true) => counts[i].1 += 1,
        (None, true) => counts.push((key, 1)),
        (Some(i), false) => drop(counts.remove(i)),
        (None, false) => {}
    }
    Ok(Term::small(i64::from(old)))
}

/// `erts_internal:process_flag/3`: a value, `badtype`, `badarg`, or a reference whose answer comes as a message.
fn process_flag_3(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_local_pid() {
        return Ok(am::BADARG);
    }
    if a[1] != am::SAVE_CALLS {
        return Ok(if cx.node.is_alive(a[0]) { am::BADARG } else { atom!("badtype") });
    }
    if !cx.node.is_alive(a[0]) {
        return Ok(atom!("badtype"));
    }
    let value = a[2];
    if a[0] == cx.pid {
        return Ok(set_save_calls(cx.node, cx.p, value).unwrap_or(am::BADARG));
    }
    if value.to::<u32>().is_none_or(|n| n > SavedCalls::MOST) {
        return Ok(am::BADARG);
    }
    let id = (cx.node.next_ref(), 0);
    let asker = cx.pid;
    cx.node.request(a[0], move |node, target| {
        let result = match target {
            Some((_, _, p)) => set_save_calls(node, p, value).unwrap_or(am::BADARG),
            None => atom!("badtype"),
        };
        answer(node, asker, id, result);
    });
    Ok(cx.h().reference(id.0, id.1))
}

// ---- suspension
/// `erts_internal:suspend_process/2`: a boolean, an error atom, or a reference whose answer comes as a message.
fn suspend_process_2(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(list) = options(a[1]) else { return Ok(atom!("badopt")) };
    let (mut unless, mut asynchronous, mut tag) = (false, false, None);
    for option in list {
        match option {
            o if o == atom!("unless_suspending") => unless = true,
            o if o == atom!("asynchronous") => asynchronous = true,
            o => match o.as_tuple_n::<2>() {
                Some(&[k, t]) if k == atom!("asynchronous") => {
                    asynchronous = true;
                    tag = Some(copy_out(t));
                }
                _ => return Ok(atom!("badopt")),
            },
        }
    }
    let target = a[0];
    if !target.is_local_pid() || target == cx.pid || (!asynchronous && !cx.node.is_alive(target)) {
        return Ok(am::BADARG);
    }
    let asker = cx.pid;
    if !cx.node.is_alive(target) {
        if let Some(tag) = tag {
            cx.node.send_message(asker, tag.wrap(|h, tag| h.tuple(&[tag, atom!("exited")])));
        }
        return Ok(am::TRUE);
    }
    let send_state = move |node: &Arc<Node>, tag: Owned, state: Term| {
        node.send_message(asker, tag.wrap(|h, tag| h.tuple(&[tag, state])));
    };
    let id = (cx.node.next_ref(), 0);
    let mut first = true;
    if let Some(entry) = cx.p.suspending.iter_mut().find(|e| e.pid == target) {
        first = false;
        if !unless {
            entry.count += 1;
        }
        if !entry.outstanding {
            if let Some(tag) = tag {
                send_state(cx.node, tag, am::SUSPENDED);
            }
            return Ok(Term::bool(!unless));
        }
    } else {
        // Who waits for the answer sees nothing outstanding.
        cx.p.suspending.push(Suspending { pid: target, count: 1, outstanding: asynchronous });
    }
    // Signals come in order: what is asked now is answered when the first request is done.
    cx.node.request(target, move |node, other| {
        let there = other.is_some();
        if let (true, Some((_, _, q))) = (first, other) {
            q.suspended += 1;
        }
        if first && (asynchronous || !there) {
            node.request(asker, move |_, asker| {
                let Some((_, _, p)) = asker else { return };
                if !there {
                    p.suspending.retain(|e| e.pid != target);
                }
                if let Some(entry) = p.suspending.iter_mut().find(|e| e.pid == target) {
                    entry.outstanding = false;
                }
            });
        }
        if !asynchronous {
            answer(node, asker, id, if !there { am::BADARG } else { Term::bool(first || !unless) });
        } else if let Some(tag) = tag {
            send_state(node, tag, if there { am::SUSPENDED } else { atom!("exited") });
        }
    });
    if asynchronous { Ok(Term::bool(first || !unless)) } else { Ok(cx.h().reference(id.0, id.1)) }
}

fn resume_process_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(at) = cx.p.suspending.iter().position(|e| e.pid == a[0]) else { return Err(cx.badarg()) };
    cx.p.suspending[at].count -= 1;
    if cx.p.suspending[at].count == 0 {
        cx.p.suspending.swap_remove(at);
        cx.node.request(a[0], |_, other| {
            if let Some((_, _, q)) = other {
                q.suspended = q.suspended.saturating_sub(1);
            }
        });
    }
    Ok(am::TRUE)
}

// ---- collection and system tasks
/// `erts_internal:garbage_collect/1`: the machine collects after this function, on a safe point of the caller.
fn garbage_collect_1(cx: &mut Ctx, a: &[Term]) -> Res {
    let major = match a[0] {
        t if t == atom!("major") => true,
        t if t == atom!("minor") => false,
        _ => return Err(cx.badarg()),
    };
    cx.p.collect_soon = Some(major);
    cx.give_up();
    Ok(am::TRUE)
}

fn request_system_task_3(cx: &mut Ctx, a: &[Term]) -> Res {
    system_task(cx, cx.pid, a[0], a[1], a[2])
}

fn request_system_task_4(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_local_pid() {
        return Err(cx.badarg());
    }
    system_task(cx, a[0], a[1], a[2], a[3])
}

fn system_task(cx: &mut Ctx, requester: Term, target: Term, priority: Term, request: Term) -> Res {
    let inherited = priority == atom!("inherit");
    let Some(&[what, id, arg]) = request.as_tuple_n::<3>() else { return Err(cx.badarg()) };
    if !target.is_local_pid() || !(inherited || priority_number(priority).is_some()) || !arg.is_atom() {
        return Err(cx.badarg());
    }
    let id = copy_out(id);
    match what {
        t if t == atom!("garbage_collect") => {
            let major = match arg {
                t if t == atom!("major") => true,
                t if t == atom!("minor") => false,
                _ => return Err(cx.badarg()),
            };
            cx.node.request(target, move |node, other| {
                let done = other.is_some();
                if let Some((_, _, p)) = other {
                    p.collect_soon = Some(major);
                }
                done_task(node, requester, what, id, done);
            });
        }
        t if t == atom!("check_process_code") => {
            cx.node.request(target, move |node, other| {
                let uses = match other {
                    Some((_, _, p)) => node.uses_old_code(p, arg),
                    None => false,
                };
                done_task(node, requester, what, id, uses);
            });
        }
        _ => return Err(cx.badarg()),
    }
    Ok(am::OK)
}

fn done_task(node: &Arc<Node>, requester: Term, what: Term, id: Owned, result: bool) {
    node.send_message(requester, id.wrap(|h, id| h.tuple(&[what, id, Term::bool(result)])));
}

fn check_process_code_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_atom() {
        return Err(cx.badarg());
    }
    Ok(Term::bool(cx.node.uses_old_code(cx.p, a[0])))
}

/// Only the dirty signal handlers may call it; processes that run dirty handle their signals when they come back.
fn notsup_1(cx: &mut Ctx, _: &[Term]) -> Res {
    Err(cx.notsup())
}

fn is_process_executing_dirty_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_local_pid() { Ok(am::FALSE) } else { Err(cx.badarg()) }
}

fn is_system_process_1(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_local_pid() {
        return Err(cx.badarg());
    }
    if a[0] == cx.pid {
        return Ok(Term::bool(cx.p.is_system));
    }
    Ok(Term::bool(cx.node.processes.get(a[0]).is_some_and(|p| p.is_system.load(Relaxed) && p.is_alive(a[0]))))
}

fn bump_reductions_1(cx: &mut Ctx, a: &[Term]) -> Res {
    match a[0].as_u64() {
        Some(n) => {
            cx.charge(n.min(4000) as usize);
            Ok(am::TRUE)
        }
        None if a[0].is_big() && term::cmp::cmp(a[0], Term::small(0)).is_gt() => {
            cx.charge(4000);
            Ok(am::TRUE)
        }
        None => Err(cx.badarg()),
    }
}

fn make_ref_0(cx: &mut Ctx, _: &[Term]) -> Res {
    Ok(cx.make_ref())
}

fn yield_0(cx: &mut Ctx, _: &[Term]) -> Res {
    cx.give_up();
    Ok(am::TRUE)
}

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "processes", 0, processes_0).effect(Effect::Process),
    Native::new("erts_internal", "processes_next", 1, processes_next_1).effect(Effect::Process),
    Native::new("erlang", "is_process_alive", 1, is_process_alive_1).effect(Effect::Process),
    Native::new("erts_internal", "is_process_alive", 2, is_process_alive_2).effect(Effect::Process),
    Native::new("erlang", "put", 2, put_2).effect(Effect::Process).plain(put),
    Native::new("erlang", "get", 0, get_0).effect(Effect::Process),
    Native::new("erlang", "get", 1, get_1).effect(Effect::Process).plain(get),
    Native::new("erlang", "erase", 0, erase_0).effect(Effect::Process),
    Native::new("erlang", "erase", 1, erase_1).effect(Effect::Process),
    Native::new("erlang", "get_keys", 0, get_keys_0).effect(Effect::Process),
    Native::new("erlang", "get_keys", 1, get_keys_1).effect(Effect::Process),
    Native::new("erlang", "process_flag", 2, process_flag_2).effect(Effect::Process).partial("scheduler: kept, without effect"),
    Native::new("erts_internal", "process_flag", 3, process_flag_3).effect(Effect::Process),
    Native::new("erts_internal", "suspend_process", 2, suspend_process_2).effect(Effect::Process),
    Native::new("erlang", "resume_process", 1, resume_process_1).effect(Effect::Process),
    Native::new("erts_internal", "garbage_collect", 1, garbage_collect_1).effect(Effect::Process),
    Native::new("erts_internal", "request_system_task", 3, request_system_task_3).effect(Effect::Process),
    Native::new("erts_internal", "request_system_task", 4, request_system_task_4).effect(Effect::Process),
    Native::new("erts_internal", "check_process_code", 1, check_process_code_1).effect(Effect::Process),
    Native::new("erts_internal", "check_dirty_process_code", 2, notsup_1).effect(Effect::Process),
    Native::new("erts_internal", "dirty_process_handle_signals", 1, notsup_1).effect(Effect::Process),
    Native::new("erts_internal", "is_process_executing_dirty", 1, is_process_executing_dirty_1).effect(Effect::Process),
    Native::new("erts_internal", "is_system_process", 1, is_system_process_1).effect(Effect::Process),
    Native::new("erlang", "bump_reductions", 1, bump_reductions_1).effect(Effect::Process),
    Native::new("erlang", "make_ref", 0, make_ref_0).effect(Effect::Process),
    Native::new("erlang", "yield", 0, yield_0).effect(Effect::Process),
];
