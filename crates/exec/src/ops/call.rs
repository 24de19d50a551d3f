//! Calls, waits and collections: what the interpreter does around its loop.

use heap::check::Reach;
use node::{Ctx, Node, Stop};
use term::fun::Export;
use term::{Term, am};

/// Set in the ids of receive marks that are not bound to a reference yet.
pub const RESERVED: u64 = 1 << 63;

/// Spreads a list of arguments into the x registers from `at` on; how many, or `None` if it is not a proper list of at most 255.
///
/// # Safety
/// Rule 2.
pub unsafe fn spread(args: Term, xp: *mut Term, at: usize) -> Option<usize> {
    let mut it = args.iter();
    let mut n = 0;
    for t in it.by_ref() {
        if n >= 255 {
            return None;
        }
        // SAFETY: fewer than 256 registers are written.
        unsafe { *xp.add(at + n) = t };
        n += 1;
    }
    it.rest().is_nil().then_some(n)
}

/// Prepares `error_handler:undefined_function(M, F, Args)`; `None` when that does not exist either.
///
/// # Safety
/// Rule 2.
pub unsafe fn undefined_function(cx: &mut Ctx, e: &'static Export, xp: *mut Term) -> Option<&'static Export> {
    // SAFETY: the caller's promise.
    unsafe { handled(cx, am::UNDEFINED_FUNCTION, (e.module, e.function, e.arity), xp) }
}

/// Prepares `error_handler:breakpoint(M, F, Args)`; `None` when that does not exist.
///
/// # Safety
/// Rule 2.
pub unsafe fn debugged(cx: &mut Ctx, point: &code::points::Point, xp: *mut Term) -> Option<&'static Export> {
    // SAFETY: the caller's promise.
    unsafe { handled(cx, am::BREAKPOINT, (point.module, point.function, point.arity), xp) }
}

/// A function of the process's error handler, to be called with the name and the arguments of another.
///
/// # Safety
/// Rule 2.
unsafe fn handled(cx: &mut Ctx, how: Term, (module, function, arity): (Term, Term, u8), xp: *mut Term) -> Option<&'static Export> {
    let handler = cx.node.code.export(cx.p.error_handler, how, 3);
    if !cx.node.code.is_callable(handler) {
        return None;
    }
    // SAFETY: the arguments are in the registers.
    let args = unsafe { std::slice::from_raw_parts(xp, usize::from(arity)) };
    let list = cx.h().list(args);
    // SAFETY: rule 2.
    unsafe {
        *xp = module;
        *xp.add(1) = function;
        *xp.add(2) = list;
    }
    Some(handler)
}

/// Collects so that `need` words are free. `Err`: the process has grown beyond its limit and must die with this reason.
pub fn collect(cx: &mut Ctx, x: &mut [Term], need: usize) -> Result<(), Term> {
    if cx.node.config.torture.check_heaps {
        check_heap(cx, x, "before");
    }
    let work = watched(cx.node, cx.pid, cx.p, x, need, false);
    cx.reductions -= (work / 64) as i64;
    if cx.node.config.torture.check_heaps {
        check_heap(cx, x, "after");
    }
    if exceeds_limit(cx.node, cx.pid, cx.p) { Err(am::KILLED) } else { Ok(()) }
}

/// After a collection: has the process grown beyond its `max_heap_size`, and must it die for that? Messages count unless they are
/// kept off the heap.
#[inline]
pub fn exceeds_limit(node: &Node, pid: Term, p: &process::Private) -> bool {
    p.max_heap.words > 0 && exceeds(node, pid, p)
}
#[cold]
fn exceeds(node: &Node, pid: Term, p: &process::Private) -> bool {
    let messages = if p.off_heap_queue { 0 } else { p.mailbox.iter().map(|m| m.memory.words()).sum() };
    let words = p.heap.total_words() + messages;
    if words <= p.max_heap.words {
        return false;
    }
    if p.max_heap.log {
        log_size(node, pid, p, words);
    }
    p.max_heap.kill
}

/// Heap and stack that make one place in two go without a collection under torture; beyond the second figure many more do.
const TORTURE_BYTES: usize = 2 << 10;
const TORTURE_LARGE: usize = 256 << 10;

/// Whether a place that might collect does so under torture: beside a large heap or stack only now and then, so that the time
/// stays in proportion.
#[cold]
pub fn torture_due(cx: &Ctx, local: &mut crate::engine::Local, hp: *mut u64, sp: *mut u64) -> bool {
    let heap = &cx.p.heap;
    let due = local.quiet == 0;
    local.quiet = match local.quiet {
        0 => {
            let bytes = (heap.end as usize - sp as usize) + (hp as usize - heap.start as usize);
            bytes / TORTURE_BYTES + bytes / TORTURE_LARGE * 1024
        }
        n => n - 1,
    };
    due
}

/// A collection, told to whoever traces or watches such.
#[inline]
pub fn watched(node: &std::sync::Arc<Node>, pid: Term, p: &mut process::Private, x: &mut [Term], need: usize, major: bool) -> usize {
    if p.trace.is_none() && !node.system_monitor.any() {
        return p.collect(x, need, major);
    }
    p.heap.alloc.leave_fragments();
    let (started, before) = (node.monotonic_ns(), p.heap.stats.reclaimed_words);
    let major = major || p.heap.major_is_due();
    node.trace_collection(pid, p, major, None);
    let work = p.collect(x, need, major);
    node.trace_collection(pid, p, major, Some((p.heap.stats.reclaimed_words - before) as usize));
    node.watch_collection(pid, p, started);
    work
}

/// Tells the logger of a process that has grown beyond its limit.
#[cold]
fn log_size(node: &Node, pid: Term, p: &process::Private, words: usize) {
    const FORMAT: &str = "     Process:            ~p ~n     Context:            maximum heap size reached~n     Max Heap Size:      ~p~n     \
        Total Heap Size:    ~p~n     Kill:               ~p~n     Error Logger:       ~p~n     Message Queue Len:  ~p~n     GC Info:            ~p~n";
    let (leader, max) = (p.group_leader, p.max_heap);
    let number = |n: usize| Term::small(n as i64);
    let time = node.system_ns() / 1000;
    let message = process::Owned::build(|h| {
        let info = node::memory::collector_info(p, h);
        let args = [pid, number(max.words), number(words), Term::bool(max.kill), Term::bool(max.log), number(p.mailbox.len()), info];
        let (args, format) = (h.list(&args), h.list_of_chars(FORMAT));
        log_message(h, pid, leader, time, format, args)
    });
    node.log(message);
}

/// `{log, error, Format, Args, Meta}` of an event of a process.
fn log_message(h: &mut term::Alloc, pid: Term, leader: Term, time: i64, format: Term, args: Term) -> Term {
    let leader = term::copy::copy(leader, h, term::copy::LiteralRange::NONE);
    let inner = term::map::from_pairs(h, &[(term::atom!("emulator"), am::TRUE), (am::TAG, am::ERROR)]);
    let meta = [(am::PID, pid), (term::atom!("gl"), leader), (term::atom!("time"), Term::small(time)), (term::atom!("error_logger"), inner)];
    let meta = term::map::from_pairs(h, &meta);
    h.tuple(&[term::atom!("log"), am::ERROR, format, args, meta])
}

/// Minor collections between two checks of the old generation.
const OLD_CHECK_EVERY: u64 = 256;

#[cold]
fn check_heap(cx: &mut Ctx, x: &[Term], when: &str) {
    let roots: [&[Term]; 1] = [x];
    // The old generation hardly changes: it is walked only now and then, lest checking take the square of the heap's size.
    let stats = cx.p.heap.stats;
    let reach = if stats.minors.is_multiple_of(OLD_CHECK_EVERY) || stats.minor_since_major == 0 { Reach::All } else { Reach::Young };
    let memory: Vec<&term::Fragment> = cx.p.mailbox.peek().map(|m| &m.memory).into_iter().collect();
    if let Err(what) = heap::check::check(&cx.p.heap, &roots, &memory, reach) {
        let code = &cx.node.code;
        let callers: Vec<String> = cx
            .p
            .heap
            .stack()
            .iter()
            .filter(|t| t.raw() & 7 == 0)
            .filter_map(|t| code.locate((t.raw() - 8) as *const u64))
            .map(|l| format!("{:?}:{:?}/{} {:?}", l.module, l.function, l.arity, l.location))
            .take(6)
            .collect();
        panic!("heap of {:?} is broken {when} a collection: {what}; {} live registers; called from {callers:#?}", cx.pid, x.len());
    }
}

/// Shrinks the process to what its registers and dictionary need.
pub fn hibernate(cx: &mut Ctx, x: &mut [Term]) {
    cx.p.shrink(x, 0);
}

/// `To ! Message`.
pub fn send(cx: &mut Ctx, to: Term, message: Term) -> Result<(), Stop> {
    Node::send(cx, to, message)
}

/// What became of a `receive ... after`.
pub enum Wait {
    /// A timer is set.
    Set,
    Forever,
    /// The time is 0.
    Over,
    /// The time is no time.
    Bad,
}

/// Starts waiting for a message or `time` (milliseconds or `infinity`).
pub fn start_wait(cx: &mut Ctx, time: Term) -> Wait {
    if time == am::INFINITY {
        // No timer's number: says that the time has been read. Its register is gone when the process wakes up.
        cx.p.wait_timer = Some(0);
        return Wait::Forever;
    }
    let Some(ms) = time.as_u64().filter(|&n| n <= 0xffff_ffff) else { return Wait::Bad };
    if ms == 0 {
        return Wait::Over;
    }
    cx.node.start_receive_timer(cx.me, cx.pid, cx.p, ms);
    Wait::Set
}

/// The wait is over, by a message or by time.
#[inline]
pub fn end_wait(cx: &mut Ctx) {
    if cx.p.wait_timer.is_some() || cx.p.timed_out {
        cx.node.stop_receive_timer(cx.p);
    }
}

/// A process ends by an exception: tells the logger, or the terminal while there is none.
pub fn log_crash(cx: &mut Ctx, reason: Term) {
    let (pid, leader, time) = (cx.pid, cx.p.group_leader, cx.node.system_ns() / 1000);
    let name = cx.node.name();
    let h = cx.p.h();
    let (format, args): (_, &[Term]) = if name == am::NONODE {
        ("Error in process ~p with exit value:~n~p~n", &[pid, reason])
    } else {
        ("Error in process ~p on node ~p with exit value:~n~p~n", &[pid, name, reason])
    };
    let (args, format) = (h.list(args), h.list_of_chars(format));
    let message = log_message(h, pid, leader, time, format, args);
    if !cx.node.log(node::signals::copy_out(message)) {
        node::dump::say(&format!("Error in process {:?} with exit value:\n{:?}\n", cx.pid, reason));
    }
}
