//! `erts_debug:set_internal_state/2`, `get_internal_state/1`: what OTP's own tests ask of the emulator's insides, as far as
//! there is something like it here. Whatever else is asked is `badarg`, as from an emulator that does not offer it.

use crate::erlang::process::ask_and_wait;
use node::{Ctx, Effect, Native, Stop};
use process::{MonitorKind, Owned, Private, Target, Who};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;
use term::{Term, am, atom};

type Answer = Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erts_debug", "set_internal_state", 2, set).effect(Effect::Node).partial("a few of its names"),
    Native::new("erts_debug", "get_internal_state", 1, get).effect(Effect::Node).partial("a few of its names"),
];

/// How much a long operation does at once: kept for whoever set it, as ours give way by the reductions that they use.
#[derive(Default)]
struct Limits {
    unicode: AtomicI64,
    binary: AtomicI64,
    re: AtomicI64,
}

/// Sets a limit, 0 or `default` being the usual one; answers the one before.
fn set_limit(cx: &mut Ctx, limit: &AtomicI64, usual: i64, to: Term) -> Answer {
    let n = if to == atom!("default") { Some(0) } else { to.as_i64().filter(|&n| n >= 0) };
    let Some(n) = n else { return Err(cx.badarg()) };
    let old = limit.swap(n, Relaxed);
    Ok(Term::small(if old == 0 { usual } else { old }))
}

/// Whether someone has asked for it by `available_internal_state`.
#[derive(Default)]
struct Available(AtomicBool);

fn set(cx: &mut Ctx, a: &[Term]) -> Answer {
    let available = cx.node.part::<Available>();
    let name = term::atom::as_text(a[0]).unwrap_or("");
    if name == "available_internal_state" {
        let Some(on) = a[1].as_bool() else { return Err(cx.badarg()) };
        return Ok(Term::bool(available.0.swap(on, Relaxed)));
    }
    if !available.0.load(Relaxed) {
        return Err(cx.undef());
    }
    let number = |cx: &mut Ctx| a[1].as_u64().ok_or_else(|| cx.badarg());
    match name {
        // Nothing is freed later than when it is given up; but others run first, as they do while ERTS waits for all schedulers.
        "wait" => {
            cx.give_up();
            Ok(am::OK)
        }
        "reds_left" => {
            let Some(n) = a[1].as_i64() else { return Err(cx.badarg()) };
            cx.set_left(n.clamp(0, 4000));
            Ok(am::TRUE)
        }
        // Long operations on tables give way by the reductions that they use, and tables are not split by force.
        "unicode_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.unicode, 40_000, a[1])
        }
        "binary_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.binary, 0, a[1])
        }
        "re_loop_limit" => {
            let limits = cx.node.part::<Limits>();
            set_limit(cx, &limits.re, 40_000, a[1])
        }
        "binary" => {
            let Some(n) = a[1].as_i64().filter(|n| (0..1 << 32).contains(n)) else { return Err(cx.badarg()) };
            Ok(cx.h().binary(&vec![0; n as usize]))
        }
        "test_long_gc_sleep" => {
            let Some(ms) = a[1].to::<u32>() else { return Err(cx.badarg()) };
            cx.node.system_monitor.test_sleep_ms.store(ms.into(), Relaxed);
            Ok(am::TRUE)
        }
        "ets_force_trap" | "ets_force_split" => Ok(am::OK),
        // The scheduler sleeps, alone or with all others.
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(cx)?));
            Ok(am::TRUE)
        }
        "block" => {
            let time = Duration::from_millis(number(cx)?);
            cx.node.sched.stop_the_world(sched::Hold::Normal, || std::thread::sleep(time));
            Ok(am::TRUE)
        }
        "process_uniq_counter" => {
            cx.p.next_mark = number(cx)?;
            Ok(am::TRUE)
        }
        "unique_monotonic_integer_state" => {
            let Some(n) = a[1].as_u64().or(a[1].as_i64().map(|n| n as u64)) else { return Err(cx.badarg()) };
            cx.node.monotonic_integers.store(n.wrapping_add(1), Relaxed);
            Ok(am::TRUE)
        }
        "force_gc" => {
            cx.node.request(a[1], |_, other| {
                if let Some((_, _, p)) = other {
                    p.collect_soon = Some(true);
                }
            });
            Ok(am::OK)
        }
        // The caller's heap is to be collected before it grows.
        "fill_heap" => {
            cx.p.collect_soon.get_or_insert(false);
            Ok(am::TRUE)
        }
        // Nobody waits for it here.
        "code_write_permission" if a[1].as_bool().is_some() => Ok(am::TRUE),
        "node_tab_delayed_delete" | "proc_sig_buffers" => Ok(am::TRUE),
        "multizero_timeout_in_timeout" => {
            let at = cx.node.monotonic_ns().saturating_add_unsigned(number(cx)?.saturating_mul(1_000_000));
            cx.node.start_message_timer(at, cx.pid, atom!("multizero_timeout_in_timeout_done"), false);
            Ok(am::OK)
        }
        _ => Err(cx.badarg()),
    }
}

/// In ERTS' order.
const INFO_ITEMS: &str = "registered_name current_function initial_call status messages message_queue_len links monitors monitored_by dictionary \
    trap_exit error_handler heap_size stack_size memory garbage_collection group_leader reductions priority trace binary \
    sequential_trace_token catchlevel backtrace last_calls total_heap_size suspending min_heap_size min_bin_vheap_size max_heap_size \
    current_location current_stacktrace message_queue_data garbage_collection_info magic_ref fullsweep_after parent";

fn get(cx: &mut Ctx, a: &[Term]) -> Answer {
    let available = cx.node.part::<Available>().0.load(Relaxed);
    if a[0] == atom!("available_internal_state") {
        return Ok(Term::bool(available));
    }
    if !available {
        return Err(cx.undef());
    }
    if let Some(&[what, t]) = a[0].as_tuple_n::<2>() {
        return get_of(cx, atom::as_text(what).unwrap_or(""), t);
    }
    if let Some(&[what, thread, value]) = a[0].as_tuple_n::<3>() {
        // Whether the clock could be set up so: in every way that there is.
        if what == atom!("check_time_config") && thread.as_bool().is_some() {
            let modes = [atom!("no_time_warp"), atom!("single_time_warp"), atom!("multi_time_warp")];
            return modes.contains(&value).then_some(am::TRUE).ok_or_else(|| cx.badarg());
        }
        return match (atom::as_text(what), thread.to::<u32>(), value.as_u64()) {
            (Some("make_unique_integer"), Some(thread), Some(value)) => Ok(unique_integer(cx, thread, value)),
            _ => Err(cx.badarg()),
        };
    }
    Ok(match atom::as_text(a[0]).unwrap_or("") {
        "reds_left" => Term::small(cx.reductions.max(0)),
        // There is no checker of locks, as in a usual ERTS.
        "lc_graph" => atom!("notsup"),
        "persistent_term" => {
            let places = Term::small(cx.node.persistent.places() as i64);
            term::map::from_pairs(cx.h(), &[(atom!("table"), places)])
        }
        "next_pid" => {
            let next = cx.node.processes.next();
            cx.h().uint(next)
        }
        "processes" => {
            let pids = cx.node.processes.pids();
            cx.h().list(&pids)
        }
        // The same as the program itself gets.
        "memory" => return Err(cx.trap(am::ERLANG, am::MEMORY, &[])),
        // What is left of a thread's stack; native code here does not recurse with its data.
        "stack_check" => Term::small(1 << 20),
        "unique_monotonic_integer_state" => {
            let n = cx.node.monotonic_integers.load(Relaxed).wrapping_sub(1);
            cx.h().uint(n)
        }
        "min_unique_monotonic_integer" => Term::small(node::timers::MONOTONIC_BEGIN),
        "check_io_debug" => {
            let none = [Term::small(0); 4];
            cx.h().tuple(&none)
        }
        "processes_bif_info" => {
            let n = Term::small(cx.node.processes.count() as i64);
            let limit = Term::small(cx.node.processes.limit() as i64);
            let (zero, one, chunk) = (Term::small(0), Term::small(1), Term::small(1000));
            cx.h().tuple(&[atom!("ptab_list_bif_info"), n, limit, chunk, Term::small(25), one, Term::small(10), n, n, zero])
        }
        "process_info_args" => {
            let release = cx.node.code.release;
            let names: Vec<Term> = INFO_ITEMS.split(' ').map(atom::intern).filter(|&t| crate::erlang::info::known(t, release)).collect();
            cx.h().list(&names)
        }
        // How often a node's name is referred to is not counted: names stay. Of the two tables only this node's own entries are told.
        "node_and_dist_references" => {
            let (name, creation) = *cx.node.identity.read();
            let h = cx.h();
            let one = h.tuple(&[atom!("system"), Term::small(1)]);
            let by = h.tuple(&[atom!("system"), am::UNDEFINED]);
            let count = h.list(&[one]);
            let by = h.tuple(&[by, count]);
            let by = h.list(&[by]);
            let number = h.uint(creation.into());
            let own = h.tuple(&[name, number]);
            let own = h.tuple(&[own, Term::small(1), by]);
            let nodes = h.list(&[own]);
            let own = h.tuple(&[name, Term::small(1), by]);
            let dists = h.list(&[own]);
            let nodes = h.tuple(&[atom!("node_references"), nodes]);
            let dists = h.tuple(&[atom!("dist_references"), dists]);
            h.tuple(&[nodes, dists])
        }
        "max_atom_out_cache_index" => Term::small(dist::PLACES as i64 - 1),
        "nbalance" => Term::small(0),
        "force_heap_frags" | "scheduler_dump" => am::FALSE,
        "monitoring_nodes" => Term::NIL,
        _ => return Err(cx.badarg()),
    })
}

/// A question about something.
fn get_of(cx: &mut Ctx, what: &str, t: Term) -> Answer {
    match what {
        // As many bits as ERTS has.
        "internal_hash" => Ok(Term::small(i64::from((term::hash::hash(t) >> 4) as u32))),
        "atom" => t.to::<u32>().and_then(atom::numbered).ok_or_else(|| cx.badarg()),
        "link_list" if t.is_local_pid() => ask_and_wait(cx, t, |_, p| match p {
            Some((_, pid, p)) => links(pid, p),
            None => Owned::immediate(am::UNDEFINED),
        }),
        "monitor_list" if t.is_local_pid() => ask_and_wait(cx, t, |node, p| match p {
            Some((_, pid, p)) => monitors(node, pid, p),
            None => Owned::immediate(am::UNDEFINED),
        }),
        "link_list" if t.is_local_port() => {
            let Some((ports, port)) = crate::port::of(cx.node).and_then(|p| p.get(t).map(|port| (p, port))) else { return Ok(am::UNDEFINED) };
            let linked = ports.info(&port).links;
            let h = cx.h();
            let list: Vec<Term> =
                linked.iter().map(|&pid| h.tuple(&[atom!("erl_link"), am::PROCESS, pid, atom!("linked"), Term::small(0)])).collect();
            Ok(h.list(&list))
        }
        "link_list" if t.is_atom() => {
            let Some(tied) = crate::dist::tied(cx.node, t) else { return Ok(am::UNDEFINED) };
            let h = cx.h();
            let list: Vec<Term> = tied.links.iter().map(|&(pid, who)| link(h, atom!("dist_process"), pid, true, link_number(pid, who))).collect();
            Ok(h.list(&list))
        }
        "monitor_list" if t.is_atom() => {
            let Some(tied) = crate::dist::tied(cx.node, t) else { return Ok(am::UNDEFINED) };
            let h = cx.h();
            let mut list = Term::NIL;
            for &(id, pid, name) in &tied.ours {
                let reference = h.reference(id.0, id.1);
                list = monitor(h, atom!("dist_process"), atom!("target"), reference, pid, name.unwrap_or(Term::NIL), list);
            }
            for (words, pid, name) in &tied.theirs {
                let reference = h.ext_ref(tied.node, words);
                list = monitor(h, atom!("dist_process"), atom!("origin"), reference, *pid, name.unwrap_or(Term::NIL), list);
            }
            for &(pid, _) in &tied.node_monitors {
                list = monitor(h, am::NODE, atom!("target"), Term::NIL, pid, Term::NIL, list);
            }
            Ok(list)
        }
        "channel_number" if t.is_atom() => match crate::dist::connection_number(cx.node, t) {
            Some(n) => Ok(cx.h().uint(n)),
            None => Ok(am::UNDEFINED),
        },
        "dist_ctrl" if t.is_atom() => {
            Ok(crate::dist::peers(cx.node).iter().find(|p| p.name == t).map_or(am::UNDEFINED, |p| p.controller))
        }
        "atom_out_cache_index" if t.is_atom() => Ok(Term::small(dist::place(t) as i64)),
        "process_status" if t.is_local_pid() => ask_and_wait(cx, t, |_, p| {
            Owned::immediate(match p {
                Some((_, _, p)) if p.receives => am::WAITING,
                Some(_) => am::RUNNABLE,
                None => am::UNDEFINED,
            })
        }),
        "magic_ref" if t.is_ref() => Ok(Term::bool(t.as_magic().is_some())),
        "binary_info" => {
            let Some(bits) = t.bits() else { return Err(cx.badarg()) };
            let bytes = bits.len.div_ceil(8);
            let whole = if t.is_kind(term::Kind::SubBits) { t.base() } else { t };
            Ok(match whole.off_heap_room() {
                Some((size, room)) => {
                    // 3: what is appended may go into the room behind it.
                    let flags = Term::small(if room > size { 3 } else { 0 });
                    let size = if cx.node.code.release >= 27 { bytes } else { size };
                    let (size, room) = (Term::small(size as i64), Term::small(room as i64));
                    let h = cx.h();
                    let room = h.tuple(&[am::BINARY, room]);
                    h.tuple(&[atom!("refc_binary"), size, room, flags])
                }
                None => {
                    let heap = atom!("heap_binary");
                    if bytes <= 64 { heap } else { cx.h().tuple(&[heap, Term::small(bytes as i64)]) }
                }
            })
        }
        "reader_groups_map" => {
            let Some(groups) = t.to::<usize>().filter(|&n| n > 0) else { return Err(cx.badarg()) };
            let workers = cx.node.sched.workers();
            let h = cx.h();
            let list: Vec<Term> =
                (0..workers).map(|i| h.tuple(&[Term::small(i as i64), Term::small((i * groups.min(workers) / workers + 1) as i64)])).collect();
            Ok(h.list(&list))
        }
        _ => Err(cx.badarg()),
    }
}

fn link(h: &mut term::Alloc, kind: Term, other: Term, linked: bool, id: u64) -> Term {
    let state = if linked { atom!("linked") } else { atom!("unlinking") };
    let id = h.uint(id);
    h.tuple(&[atom!("erl_link"), kind, other, state, id])
}

/// A number that both records of a link between nodes have: the process's and the connection's.
fn link_number(pid: Term, other: Who) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut h = std::hash::DefaultHasher::new();
    (pid.raw(), other).hash(&mut h);
    (h.finish() >> 8).max(1)
}

fn links(pid: Term, p: &Private) -> Owned {
    Owned::build(|h| {
        let mut list = Term::NIL;
        for (&who, &unlinking) in p.links.iter() {
            let (kind, id) = match who {
                Who::Pid(..) => (atom!("dist_process"), link_number(pid, who)),
                w if w.is_port() => (am::PORT, unlinking),
                _ => (am::PROCESS, unlinking),
            };
            let other = who.term(h);
            let link = link(h, kind, other, unlinking == 0, id);
            list = h.cons(link, list);
        }
        list
    })
}

fn monitor(h: &mut term::Alloc, kind: Term, direction: Term, reference: Term, other: Term, extra: Term, list: Term) -> Term {
    let monitor = h.tuple(&[atom!("erl_monitor"), kind, direction, reference, other, extra]);
    h.cons(monitor, list)
}

fn monitors(node: &node::Node, pid: Term, p: &Private) -> Owned {
    let of_nodes = crate::dist::nodes_monitored_by(node, pid);
    Owned::build(|h| {
        let mut list = Term::NIL;
        for (&id, m) in p.monitors.iter() {
            let (kind, other, name) = match (m.kind, m.target) {
                (MonitorKind::TimeOffset, _) | (_, Target::Clock) => (am::TIME_OFFSET, atom!("clock_service"), Term::NIL),
                // By name: the node stands for whatever has the name there.
                (_, Target::Name { name, node: there, .. }) if !node.is_own_name(there) => (atom!("dist_process"), there, name),
                (kind, Target::Who(who) | Target::Name { who: Some(who), .. }) => {
                    let kind = match (kind, who) {
                        (MonitorKind::Port, _) => am::PORT,
                        (_, Who::Pid(..)) => atom!("dist_process"),
                        _ => am::PROCESS,
                    };
                    let name = if let Target::Name { name, .. } = m.target { name } else { Term::NIL };
                    (kind, who.term(h), name)
                }
                (_, Target::Name { name, .. }) => (am::PROCESS, Term::NIL, name),
            };
            let reference = h.reference(id.0, id.1);
            list = monitor(h, kind, atom!("origin"), reference, other, name, list);
        }
        for (&id, &(watcher, name)) in p.watchers.iter() {
            // Who watches from another node has its own reference.
            let (kind, reference) = match watcher {
                Who::Pid(there, ..) => {
                    let words = crate::dist::tied(node, there.name).and_then(|t| t.number(id));
                    (atom!("dist_process"), words.map_or(Term::NIL, |w| h.ext_ref(there, &w)))
                }
                _ => (am::PROCESS, h.reference(id.0, id.1)),
            };
            let other = watcher.term(h);
            list = monitor(h, kind, atom!("target"), reference, other, name.unwrap_or(Term::NIL), list);
        }
        for &(name, count) in &of_nodes {
            list = monitor(h, am::NODE, atom!("origin"), Term::NIL, name, Term::small(count.into()), list);
        }
        list
    })
}

/// The integer that ERTS would make on a thread (by its number) from a count: thread and count in one, from the smallest small integer of
/// ERTS on.
fn unique_integer(cx: &mut Ctx, thread: u32, value: u64) -> Term {
    use sched::DirtyKind::{Cpu, Io};
    let s = &cx.node.sched;
    let threads = s.workers() + s.dirty_limit(Cpu) + s.dirty_limit(Io);
    let bits = usize::BITS - threads.leading_zeros();
    let n = (i128::from(value) << bits | i128::from(thread)) - (1 << 59);
    let magnitude = n.unsigned_abs();
    cx.h().integer(n < 0, &[magnitude as u64, (magnitude >> 64) as u64])
}
