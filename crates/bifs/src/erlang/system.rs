//! `system_info/1`: what the node and its machine are. Not here: memory figures (`memory`), what is counted (`statistics`).

use crate::result::Res;
use node::config::{BindType, TimeWarp};
use node::{Ctx, Effect, Native};
use process::MaxHeap;
use sched::{DirtyKind, Hold, WorkerId};
use std::sync::atomic::Ordering::Relaxed;
use sys::host::Cpu;
use term::{Alloc, Term, am, atom, map};

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "system_info", 1, system_info).effect(Effect::Node),
    Native::new("erts_internal", "no_aux_work_threads", 0, no_aux_work_threads),
    Native::new("erts_internal", "gather_alloc_histograms", 1, super::memory::gather),
    Native::new("erts_internal", "gather_carrier_info", 1, super::memory::gather),
    Native::new("erts_internal", "system_check", 1, system_check).effect(Effect::Node),
];

/// The release of ERTS' distribution and driver interface, `(driver, nif)`.
fn interface_versions(release: u32) -> (&'static str, &'static str) {
    match release {
        0..=25 => ("3.3", "2.16"),
        26..=28 => ("3.3", "2.17"),
        _ => ("3.3", "2.18"),
    }
}

/// One less is the number of answers that a question to all allocators gets.
fn no_aux_work_threads(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(Term::small(2))
}

fn system_check(cx: &mut Ctx, a: &[Term]) -> Res {
    if atom::as_text(a[0]) == Some("schedulers") { Ok(am::OK) } else { Err(cx.badarg()) }
}

fn number(n: impl TryInto<i64>) -> Term {
    Term::small(n.try_into().unwrap_or(i64::MAX >> 2))
}

fn system_info(cx: &mut Ctx, a: &[Term]) -> Res {
    if a[0].is_atom() {
        return match by_name(cx, atom::text(a[0])) {
            Some(t) => Ok(t),
            None => Err(cx.badarg()),
        };
    }
    if let Some(&[what, which]) = a[0].as_tuple_n::<2>() {
        match (atom::as_text(what), atom::as_text(which)) {
            (Some("wordsize"), Some("internal" | "external")) => return Ok(Term::small(8)),
            (Some("cpu_topology"), Some("defined")) => return Ok(am::UNDEFINED),
            (Some("cpu_topology"), Some("used" | "detected")) => return Ok(topology(cx)),
            _ => {}
        }
    }
    super::memory::system_info(cx, a[0])
}

/// Kinds of schedulers: how many there are, are online and are active. Blocking leaves the one that blocks.
fn schedulers(node: &node::Node) -> [(&'static str, usize, usize, usize); 3] {
    let (normal, dirty) = node.sched.blocked();
    let online = node.sched.online();
    let active = |n: usize| if dirty { 0 } else { n };
    let (cpu, io) = (node.sched.dirty_online(DirtyKind::Cpu), node.sched.dirty_limit(DirtyKind::Io));
    [
        ("normal", node.sched.workers(), online, if normal { 1 } else { online }),
        ("dirty_cpu", node.sched.dirty_limit(DirtyKind::Cpu), cpu, active(cpu)),
        ("dirty_io", io, io, active(io)),
    ]
}

fn by_name(cx: &mut Ctx, item: &str) -> Option<Term> {
    let node = cx.node.clone();
    let config = &node.config;
    let s = &config.schedulers;
    let settings = &node.settings;
    let release = node.code.release;
    Some(match item {
        // the machine
        "os_type" => {
            let (family, name) = os_type(cx);
            cx.h().tuple(&[family, name])
        }
        "os_version" => {
            let (major, minor, patch) = node.world.host.os_version();
            cx.h().tuple(&[number(major), number(minor), number(patch)])
        }
        "endian" => {
            if cfg!(target_endian = "big") { am::BIG } else { am::LITTLE }
        }
        "wordsize" => Term::small(8),
        "system_architecture" => {
            let text = architecture();
            cx.h().list_of_chars(text)
        }
        "logical_processors" => number(node.world.host.cpus_configured()),
        "logical_processors_online" => number(node.world.host.cpus_online()),
        "logical_processors_available" => number(node.world.host.cpus_available()),
        "cpu_topology" => topology(cx),
        "update_cpu_info" => term::atom!("unchanged"),
        "os_monotonic_time_source" => time_source(cx, "CLOCK_MONOTONIC", node.world.clock.monotonic_ns(), true),
        "os_system_time_source" => time_source(cx, "CLOCK_REALTIME", node.world.clock.system_ns(), false),

        // what we are
        "machine" => cx.h().list_of_chars("BEAM"),
        "otp_release" => cx.h().list_of_chars(&config.otp.release),
        "version" => cx.h().list_of_chars(&config.otp.erts_version),
        "system_version" => {
            let text = system_version(&node);
            cx.h().list_of_chars(&text)
        }
        "driver_version" => cx.h().list_of_chars(interface_versions(release).0),
        "nif_version" => cx.h().list_of_chars(interface_versions(release).1),
        "compat_rel" => number(config.compat_release.unwrap_or(release)),
        "build_type" | "emu_type" => term::atom!("opt"),
        "emu_flavor" => term::atom!("emu"),
        "constant_pool_support" => am::TRUE,
        // Nothing of this was compiled by ERTS' build.
        "compile_info" => {
            let names = ["ldflags", "cflags", "config_h"].map(|n| (atom::intern(n), Term::NIL));
            pairs(cx.h(), &names)
        }
        // The emulator's own flags are not kept as they were typed.
        "emu_args" => {
            let program = config.otp.bindir.join("beam.smp");
            let h = cx.h();
            let first = [h.list_of_chars(&program.to_string_lossy()), h.list_of_chars("--")];
            let rest: Vec<Term> = config.init_args.iter().map(|a| h.list_of_chars(&String::from_utf8_lossy(a))).collect();
            h.list(&[&first[..], &rest].concat())
        }
        "ethread_used_tse" => number(node.sched.workers()),
        "debug_compiled" | "lock_checking" | "beam_jump_table" | "dynamic_trace_probes" | "ets_realloc_moves" => Term::bool(item == "beam_jump_table"),
        "dynamic_trace" => am::NONE,
        "c_compiler_used" => cx.h().tuple(&[am::UNDEFINED, am::UNDEFINED]),
        "hipe_architecture" => am::UNDEFINED,
        "heap_type" => am::PRIVATE,
        "smp_support" | "threads" | "kernel_poll" | "eager_check_io" => am::TRUE,
        "break_ignored" => Term::bool(matches!(config.break_key, node::config::BreakKey::Ignored)),
        "taints" => {
            let names = cx.node.code.tainted();
            cx.h().list(&names)
        }
        "sequential_tracer" => {
            let tracer = cx.node.seq_tracer.get().unwrap_or(am::FALSE);
            let tracer = node::trace::modules::shown(&cx.node.clone(), tracer, cx.h());
            cx.h().tuple(&[term::atom!("sequential_tracer"), tracer])
        }
        "trace_control_word" => {
            let n = settings.trace_control_word.load(Relaxed);
            cx.h().uint(n)
        }
        "creation" => number(node.identity.read().1),
        "modified_timing_level" => config.modified_timing.map_or(am::UNDEFINED, number),
        "max_integer" if release >= 27 => {
            let magnitude = vec![u64::MAX; num::MAX_LIMBS_27];
            cx.h().integer(false, &magnitude)
        }
        "snifs" => {
            let mut names: Vec<_> = node.natives.iter().filter(|n| is_builtin(&node, n)).map(|n| (n.module, n.function, n.arity)).collect();
            // Instructions here.
            names.extend([("erlang", "hibernate", 3), ("erlang", "call_on_load_function", 1)]);
            names.sort_unstable();
            names.dedup();
            let h = cx.h();
            let list: Vec<Term> = names.iter().map(|&(m, f, n)| h.tuple(&[atom::intern(m), atom::intern(f), number(n)])).collect();
            h.list(&list)
        }

        // schedulers
        "schedulers" | "schedulers_total" => number(node.sched.workers()),
        "schedulers_online" => number(node.sched.online()),
        "run_queues" => number(node.sched.workers()),
        "schedulers_active" => number(node.sched.online()),
        "dirty_cpu_schedulers" => number(node.sched.dirty_limit(DirtyKind::Cpu)),
        "dirty_cpu_schedulers_online" => number(node.sched.dirty_online(DirtyKind::Cpu)),
        "dirty_io_schedulers" => number(node.sched.dirty_limit(DirtyKind::Io)),
        "scheduler_id" => number(scheduler_id(cx)),
        "scheduler_bind_type" => bind_type(s.bind),
        "scheduler_bindings" => {
            let unbound = vec![term::atom!("unbound"); node.sched.workers()];
            cx.h().tuple(&unbound)
        }
        "schedulers_state" => {
            let [(_, total, online, active), ..] = schedulers(&node);
            cx.h().tuple(&[total, online, active].map(number))
        }
        "all_schedulers_state" => {
            let h = cx.h();
            let rows = schedulers(&node).map(|(kind, total, online, active)| {
                h.tuple(&[atom::intern(kind), number(total), number(online), number(active)])
            });
            h.list(&rows)
        }
        "multi_scheduling" => match node.sched.blocked() {
            _ if node.sched.workers() == 1 => term::atom!("disabled"),
            (true, true) => term::atom!("blocked"),
            (true, false) => term::atom!("blocked_normal"),
            _ => term::atom!("enabled"),
        },
        "multi_scheduling_blockers" => blockers(cx, Hold::All),
        "normal_multi_scheduling_blockers" => blockers(cx, Hold::Normal),
        "ets_always_compress" | "lock_counting" => am::FALSE,
        "ethread_info" => {
            let h = cx.h();
            let rows = ["32-bit native atomics", "64-bit native atomics", "Double word native atomics"].map(|what| {
                let how = if what.starts_with("Double") { "no" } else { "yes" };
                let (what, how) = (h.list_of_chars(what), h.list_of_chars(how));
                h.tuple(&[what, how, Term::NIL])
            });
            h.list(&rows)
        }
        "thread_pool_size" => number(s.async_threads),
        "context_reductions" => Term::small(4000),
        "reader_groups_map" => {
            let h = cx.h();
            let pairs: Vec<Term> = (0..node.sched.workers()).map(|i| h.tuple(&[number(i), number(i + 1)])).collect();
            h.list(&pairs)
        }

        // time
        "time_correction" => Term::bool(config.time.correction),
        "time_warp_mode" => match config.time.warp {
            TimeWarp::None => term::atom!("no_time_warp"),
            TimeWarp::Single => term::atom!("single_time_warp"),
            TimeWarp::Multi => term::atom!("multi_time_warp"),
        },
        "time_offset" => time_offset_state(&node),
        "tolerant_timeofday" => {
            let enabled = config.time.correction && config.time.warp == TimeWarp::None;
            if enabled { term::atom!("enabled") } else { term::atom!("disabled") }
        }
        "start_time" => {
            let n = node.start_ns();
            cx.h().int(n)
        }
        "end_time" => cx.h().int(8_646_911_283_000_000_000),

        // tables and limits
        "atom_count" => number(atom::count()),
        "atom_limit" => number(config.limits.atoms),
        "process_count" => number(node.processes.count()),
        "process_limit" => number(config.limits.processes),
        "port_count" => number(node.ports.get().map_or(0, |p| p.count())),
        "port_limit" => number(config.limits.ports),
        "port_parallelism" => am::FALSE,
        "ets_count" => number(node.tables.len()),
        "ets_limit" => number(config.limits.ets_tables),
        "outstanding_system_requests_limit" => number(settings.outstanding_system_requests_limit.load(Relaxed)),
        "dist_buf_busy_limit" => number(config.dist_buffer_busy_limit as i64),
        "delayed_node_table_gc" => config.node_table_gc_delay_s.map_or(am::INFINITY, number),
        "dist_ctrl" => {
            let peers: Vec<Term> = crate::dist::peers(&node).iter().map(|p| cx.h().tuple(&[p.name, p.controller])).collect();
            cx.h().list(&peers)
        }
        "async_dist" if release >= 26 => am::FALSE,
        "halt_flush_timeout" if release >= 27 => am::INFINITY,
        "check_io" => check_io(cx),

        // what processes start with
        "garbage_collection" => {
            let values = [
                (am::MAX_HEAP_SIZE, number(settings.max_heap().words)),
                (am::MIN_BIN_VHEAP_SIZE, number(settings.min_bin_vheap_words.load(Relaxed))),
                (am::MIN_HEAP_SIZE, number(settings.min_heap())),
                (am::FULLSWEEP_AFTER, number(settings.fullsweep_after.load(Relaxed))),
            ];
            pairs(cx.h(), &values)
        }
        "fullsweep_after" => cx.h().tuple(&[am::FULLSWEEP_AFTER, number(settings.fullsweep_after.load(Relaxed))]),
        "min_heap_size" => cx.h().tuple(&[am::MIN_HEAP_SIZE, number(settings.min_heap())]),
        "min_bin_vheap_size" => cx.h().tuple(&[am::MIN_BIN_VHEAP_SIZE, number(settings.min_bin_vheap_words.load(Relaxed))]),
        "max_heap_size" => max_heap(cx.h(), settings.max_heap(), release),
        "message_queue_data" => {
            if config.process.off_heap_messages { am::OFF_HEAP } else { am::ON_HEAP }
        }
        "heap_sizes" => {
            // A heap may be asked to begin with less than the default.
            let mut sizes: Vec<Term> = [12, 38, 51, 90, 142].map(Term::small).into();
            let mut size = heap::collect::next_size(0);
            while size < 1 << 51 {
                sizes.push(number(size));
                size = heap::collect::next_size(size + 1);
            }
            cx.h().list(&sizes)
        }
        "system_logger" => *settings.system_logger.read(),

        // texts for people
        "dist" => cx.h().str(&format!("=node:'{}'\n=no_distribution\n", atom::text(node.identity.read().0))),
        "procs" => {
            let text = node.dump_processes(Some((cx.pid, &*cx.p)));
            cx.h().binary(&text)
        }
        "loaded" => {
            let text = node.list_modules();
            cx.h().binary(&text)
        }
        "info" => {
            let mut text = node.dump_memory();
            text.extend(node.dump_modules(true));
            text.extend(node.dump_processes(Some((cx.pid, &*cx.p))));
            cx.h().binary(&text)
        }
        _ => return super::memory::by_name(cx, item),
    })
}

/// A list of pairs.
pub fn pairs(h: &mut Alloc, values: &[(Term, Term)]) -> Term {
    let list: Vec<Term> = values.iter().map(|&(k, v)| h.tuple(&[k, v])).collect();
    h.list(&list)
}

/// Is the function one of the runtime's own in this release? Those of later releases are there too, but nobody exports them.
pub fn is_builtin(node: &node::Node, n: &Native) -> bool {
    let of_release = match (n.module, n.function) {
        ("erts_trace_cleaner", _) => node.code.release >= 27,
        ("erl_debugger", _) => node.code.release >= 28,
        ("records", _) => node.code.release >= 29,
        ("re", "import") => node.code.release >= 28,
        ("erts_debug", "unaligned_bitstring") => node.code.release >= 29,
        // Written in Erlang before.
        ("erlang", "max" | "min") => node.code.release >= 26,
        // Counts as an instruction.
        ("erlang", "yield") => false,
        _ => true,
    };
    let exported = || {
        let code = node.code.current(atom::intern(n.module));
        code.is_none_or(|c| c.exports.iter().any(|&(f, arity, _)| arity == n.arity && atom::text(f) == n.function))
    };
    !n.nif && of_release && !n.is_erlang_in(node.code.release) && exported()
}

fn os_type(cx: &Ctx) -> (Term, Term) {
    static LAST: std::sync::OnceLock<(Term, Term)> = std::sync::OnceLock::new();
    if cfg!(target_os = "linux") {
        return (term::atom!("unix"), term::atom!("linux"));
    }
    *LAST.get_or_init(|| {
        let (family, name) = cx.node.world.host.os_type();
        (atom::intern(family), atom::intern(&name))
    })
}

fn architecture() -> &'static str {
    match (std::env::consts::ARCH, std::env::consts::OS) {
        ("x86_64", "linux") => "x86_64-pc-linux-gnu",
        ("aarch64", "linux") => "aarch64-unknown-linux-gnu",
        ("aarch64", "macos") => "aarch64-apple-darwin",
        ("x86_64", "macos") => "x86_64-apple-darwin",
        _ => "unknown-unknown-unknown",
    }
}

/// The banner: ERTS' words about the libraries, and our name.
pub fn system_version(node: &node::Node) -> String {
    let s = &node.sched;
    format!(
        "Erlang/OTP {} [erts-{}] [ferrobeam-{}] [64-bit] [smp:{}:{}] [ds:{}:{}:{}] [async-threads:{}]\n",
        node.config.otp.release,
        node.config.otp.erts_version,
        env!("CARGO_PKG_VERSION"),
        s.workers(),
        s.online(),
        s.dirty_limit(DirtyKind::Cpu),
        s.dirty_online(DirtyKind::Cpu),
        s.dirty_limit(DirtyKind::Io),
        node.config.schedulers.async_threads,
    )
}

fn scheduler_id(cx: &Ctx) -> usize {
    let s = &cx.node.sched;
    match s.current() {
        Some(WorkerId::Normal(n)) => n as usize + 1,
        Some(WorkerId::Dirty(DirtyKind::Cpu, n)) => s.workers() + n as usize + 1,
        Some(WorkerId::Dirty(DirtyKind::Io, n)) => s.workers() + s.dirty_limit(DirtyKind::Cpu) + n as usize + 1,
        None => 1,
    }
}

/// The atom of a way of binding schedulers to processors.
pub fn bind_type(b: BindType) -> Term {
    match b {
        // As asked for at the start; threads are the system's to place.
        BindType::Unbound => term::atom!("unbound"),
        BindType::NoSpread => term::atom!("no_spread"),
        BindType::ThreadSpread => term::atom!("thread_spread"),
        BindType::ProcessorSpread => term::atom!("processor_spread"),
        BindType::Spread => term::atom!("spread"),
        BindType::NoNodeThreadSpread => term::atom!("no_node_thread_spread"),
        BindType::NoNodeProcessorSpread => term::atom!("no_node_processor_spread"),
        BindType::ThreadNoNodeProcessorSpread => term::atom!("thread_no_node_processor_spread"),
    }
}

/// `final`, `preliminary` or `volatile`.
pub fn time_offset_state(node: &node::Node) -> Term {
    match node.config.time.warp {
        TimeWarp::None => term::atom!("final"),
        TimeWarp::Single if node.settings.time_offset_final.load(Relaxed) => term::atom!("final"),
        TimeWarp::Single => term::atom!("preliminary"),
        TimeWarp::Multi => term::atom!("volatile"),
    }
}

/// A limit of heap size as a map.
pub fn max_heap(h: &mut Alloc, m: MaxHeap, release: u32) -> Term {
    let mut entries = vec![
        (term::atom!("error_logger"), Term::bool(m.log)),
        (am::KILL, Term::bool(m.kill)),
        (am::SIZE, number(m.words)),
    ];
    if release >= 27 {
        entries.push((term::atom!("include_shared_binaries"), Term::bool(m.include_shared_binaries)));
    }
    map::from_pairs(h, &entries)
}

fn time_source(cx: &mut Ctx, clock: &str, now: i64, monotonic: bool) -> Term {
    let resolution = 1_000_000_000 / cx.node.world.clock.resolution().as_nanos().max(1) as i64;
    let (clock, release) = (atom::intern(clock), cx.node.code.release);
    let h = cx.h();
    let mut values = vec![
        (term::atom!("function"), term::atom!("clock_gettime")),
        (term::atom!("clock_id"), clock),
        (term::atom!("resolution"), number(resolution)),
    ];
    if monotonic {
        if release >= 26 {
            values.push((term::atom!("used_resolution"), number(resolution)));
        }
        values.push((term::atom!("extended"), term::atom!("no")));
    }
    values.push((term::atom!("parallel"), term::atom!("yes")));
    let now = h.int(now);
    values.push((term::atom!("time"), now));
    pairs(h, &values)
}

fn check_io(cx: &mut Ctx) -> Term {
    let max_fds = cx.node.world.host.max_files().min(1 << 30);
    let no = am::FALSE;
    let values = [
        (am::NAME, term::atom!("erts_poll")),
        (term::atom!("primary"), term::atom!("epoll")),
        (term::atom!("kernel_poll"), term::atom!("epoll")),
        (term::atom!("memory_size"), Term::small(0)),
        (term::atom!("total_poll_set_size"), number(cx.node.ports.get().map_or(0, |p| p.count()))),
        (term::atom!("lazy_updates"), no),
        (term::atom!("pending_updates"), Term::small(0)),
        (term::atom!("batch_updates"), no),
        (term::atom!("concurrent_updates"), am::TRUE),
        (term::atom!("fallback"), no),
        (term::atom!("max_fds"), number(max_fds as i64)),
        (term::atom!("active_fds"), Term::small(0)),
        (term::atom!("poll_threads"), Term::small(1)),
    ];
    let h = cx.h();
    let one = pairs(h, &values);
    h.list(&[one])
}

/// `[{processor, [{core, {logical, 0}}, ..]}, ..]`, with a `thread` level where cores have several and a `node` level where there are several.
fn topology(cx: &mut Ctx) -> Term {
    let mut cpus = cx.node.world.host.topology();
    if cpus.is_empty() {
        return am::UNDEFINED;
    }
    cpus.sort_by_key(|c| (c.node, c.package, c.core, c.logical));
    let many_nodes = cpus.iter().any(|c| c.node != cpus[0].node);
    let h = cx.h();
    let mut nodes = Vec::new();
    for on_node in cpus.chunk_by(|a, b| a.node == b.node) {
        let mut processors = Vec::new();
        for package in on_node.chunk_by(|a, b| a.package == b.package) {
            let cores: Vec<Term> = package.chunk_by(|a, b| a.core == b.core).map(|threads| core(h, threads)).collect();
            let cores = h.list(&cores);
            processors.push(h.tuple(&[term::atom!("processor"), cores]));
        }
        let processors = h.list(&processors);
        if !many_nodes {
            return processors;
        }
        nodes.push(h.tuple(&[am::NODE, processors]));
    }
    h.list(&nodes)
}

/// `system_flag(cpu_topology, undefined)` answers what was in use before.
pub fn topology_before(cx: &mut Ctx, _: Term) -> Res {
    Ok(topology(cx))
}

fn core(h: &mut Alloc, threads: &[Cpu]) -> Term {
    let mut logical: Vec<Term> = threads.iter().map(|c| h.tuple(&[term::atom!("logical"), number(c.logical)])).collect();
    if logical.len() > 1 {
        for t in &mut logical {
            *t = h.tuple(&[term::atom!("thread"), *t]);
        }
        let list = h.list(&logical);
        return h.tuple(&[term::atom!("core"), list]);
    }
    h.tuple(&[term::atom!("core"), logical[0]])
}

/// Who holds the other schedulers, each once.
fn blockers(cx: &mut Ctx, hold: Hold) -> Term {
    let mut pids: Vec<Term> = Vec::new();
    for &(pid, how) in cx.node.settings.blockers.lock().iter() {
        if how == hold && !pids.contains(&pid) {
            pids.push(pid);
        }
    }
    cx.h().list(&pids)
}
