//! What `system_monitor` and the trace flag `garbage_collection` tell: long collections and slices, large heaps.
//! Not here: their notation (`bifs`), when a collection is (`exec`).

use crate::Node;
use base::sync::Mutex;
use process::Private;
use process::trace::flags::GC;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use term::{Alloc, Term, atom};

/// Who is told of what is large or takes long.
#[derive(Default)]
pub struct SystemMonitor {
    /// There is somebody.
    any: AtomicBool,
    limits: Mutex<Option<Limits>>,
    /// Every collection sleeps so many milliseconds (for tests of long ones).
    pub test_sleep_ms: AtomicU64,
}

#[derive(Clone, Copy)]
pub struct Limits {
    /// A local pid or port.
    pub who: Term,
    pub long_gc_ms: Option<u64>,
    pub long_schedule_ms: Option<u64>,
    /// In words.
    pub large_heap: Option<u64>,
    /// Processes that have to wait for a port, or for the connection to a node.
    pub busy_port: bool,
    pub busy_dist_port: bool,
}

impl SystemMonitor {
    pub fn set(&self, limits: Option<Limits>) {
        *self.limits.lock() = limits;
        self.any.store(limits.is_some(), Release);
    }
    #[inline]
    pub fn any(&self) -> bool {
        self.any.load(Relaxed)
    }
    fn get(&self) -> Option<Limits> {
        *self.limits.lock()
    }
}

fn pairs(a: &mut Alloc, all: &[(&str, usize)]) -> Term {
    let list: Vec<Term> = all.iter().map(|(k, v)| {
        let v = a.uint(*v as u64);
        a.tuple(&[atom::intern(k), v])
    }).collect();
    a.list(&list)
}

/// Sizes in words, as messages of a process's heap have them.
fn sizes(p: &Private) -> [(&'static str, usize); 6] {
    let h = &p.heap;
    [
        ("old_heap_block_size", h.old_block_words()),
        ("heap_block_size", h.block_words()),
        ("mbuf_size", h.alloc.fragment_words()),
        ("stack_size", h.stack_words()),
        ("old_heap_size", h.old_words()),
        ("heap_size", h.young_words()),
    ]
}

impl Node {
    fn tell_monitor(&self, who: Term, pid: Term, what: &str, info: impl FnOnce(&mut Alloc) -> Term) {
        let message = process::Owned::build(|a| {
            let info = info(a);
            a.tuple(&[term::am::MONITOR, pid, atom::intern(what), info])
        });
        if who != pid && !self.send_message(who, message) {
            self.system_monitor.set(None);
        }
    }

    /// A collection has taken so long.
    #[cold]
    pub fn watch_collection(&self, pid: Term, p: &Private, started_ns: i64) {
        let sleep = self.system_monitor.test_sleep_ms.load(Relaxed);
        if sleep > 0 {
            std::thread::sleep(std::time::Duration::from_millis(sleep));
        }
        let Some(limits) = self.system_monitor.get() else { return };
        let ms = ((self.monotonic_ns() - started_ns) / 1_000_000) as u64;
        if limits.long_gc_ms.is_some_and(|n| ms > n) {
            self.tell_monitor(limits.who, pid, "long_gc", |a| {
                let mut all = vec![("timeout", ms as usize)];
                all.extend(sizes(p));
                pairs(a, &all)
            });
        }
        let words = (p.heap.block_words() + p.heap.old_block_words()) as u64;
        if limits.large_heap.is_some_and(|n| words > n) {
            self.tell_monitor(limits.who, pid, "large_heap", |a| pairs(a, &sizes(p)));
        }
    }

    /// A slice has taken so long; where it began and ended.
    #[cold]
    pub fn watch_slice(&self, pid: Term, started_ns: i64, from: *const u64, to: *const u64) {
        let Some(limits) = self.system_monitor.get() else { return };
        let ms = ((self.monotonic_ns() - started_ns) / 1_000_000) as u64;
        if limits.long_schedule_ms.is_none_or(|n| ms <= n) {
            return;
        }
        let (from, to) = (self.code.locate(from), self.code.locate(to));
        self.tell_monitor(limits.who, pid, "long_schedule", |a| {
            let mut list = Vec::new();
            list.push(a.tuple(&[term::am::TIMEOUT, Term::small(ms as i64)]));
            for (what, place) in [("in", from), ("out", to)] {
                let at = match place {
                    Some(l) => a.tuple(&[l.module, l.function, Term::small(l.arity.into())]),
                    None => term::am::UNDEFINED,
                };
                list.push(a.tuple(&[atom::intern(what), at]));
            }
            a.list(&list)
        });
    }

    /// A process has to wait until this port, or what carries the connection to a node, is less busy.
    pub fn watch_busy(&self, pid: Term, port: Term, dist: bool) {
        let Some(limits) = self.system_monitor.any().then(|| self.system_monitor.get()).flatten() else { return };
        if if dist { limits.busy_dist_port } else { limits.busy_port } {
            self.tell_monitor(limits.who, pid, if dist { "busy_dist_port" } else { "busy_port" }, |_| port);
        }
    }

    /// A port's driver, called for this, has taken so long.
    #[cold]
    pub fn watch_port(&self, port: Term, what: &str, ms: u64) {
        let Some(limits) = self.system_monitor.get() else { return };
        if limits.long_schedule_ms.is_some_and(|n| ms > n) {
            self.tell_monitor(limits.who, port, "long_schedule", |a| {
                let time = a.tuple(&[term::am::TIMEOUT, Term::small(ms as i64)]);
                let what = a.tuple(&[term::atom!("port_op"), atom::intern(what)]);
                a.list(&[time, what])
            });
        }
    }

    /// A collection of a traced process begins, or has ended (with the words it has reclaimed).
    #[cold]
    pub fn trace_collection(self: &Arc<Node>, pid: Term, p: &mut Private, major: bool, ended: Option<usize>) {
        if !p.trace.has(GC) || p.sensitive {
            return;
        }
        let tag = match (major, ended.is_some()) {
            (false, false) => "gc_minor_start",
            (false, true) => "gc_minor_end",
            (true, false) => "gc_major_start",
            (true, true) => "gc_major_end",
        };
        let [old_block, block, fragments, stack, old, young] = sizes(p);
        let recent = p.heap.young_words() - p.heap.mature_words();
        let (young_bytes, old_bytes) = p.heap.off_heap_bytes();
        let virtual_block = p.heap.min_cell_bytes / 8;
        let all = [
            ("wordsize", ended.unwrap_or(0)),
            old_block,
            block,
            fragments,
            ("recent_size", recent),
            stack,
            old,
            young,
            ("bin_vheap_size", young_bytes / 8),
            ("bin_vheap_block_size", virtual_block),
            ("bin_old_vheap_size", old_bytes / 8),
            ("bin_old_vheap_block_size", virtual_block),
        ];
        self.emit(pid, p, GC, |a| vec![atom::intern(tag), pairs(a, &all)]);
    }
}
