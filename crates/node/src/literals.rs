//! Freeing literals that are no longer in force: those of purged code, of persistent terms that were replaced or erased.
//!
//! OTP's own `erts_literal_area_collector` drives it: it asks for the next areas, sends each process a request to leave them, and asks
//! again when all have answered. From the first step on copies of terms no longer lead into these areas (`heap::Going`), and only when
//! every scheduler has passed a safe point since does the second begin: what was copied before is by then in a heap, a mailbox or an
//! inbox, where the request meets it. Terms that nobody's request reaches (timers, tables, reasons of exits) never lead to literals.
//! Not here: how a process leaves them (`heap`, `process`).

use crate::{Ctx, Node, Stop};
use base::sync::Mutex;
use ets::persistent::Graves;
use heap::Going;
use process::Owned;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use term::{Term, am};

/// What is freed as soon as nobody refers to it.
pub enum Dead {
    Code(Arc<code::Loaded>),
    Persistent(Graves),
}

#[derive(Default)]
pub(crate) struct Literals {
    /// The process that drives it all.
    collector: OnceLock<Term>,
    queue: Mutex<Vec<Dead>>,
    now: Mutex<Option<Now>>,
}

/// The areas that are being left.
struct Now {
    /// Freed with this.
    _dead: Vec<Dead>,
    going: Arc<Going>,
    /// Every scheduler has passed a safe point.
    ready: Arc<AtomicBool>,
    /// The processes are being asked.
    asking: bool,
}

/// How long to wait while another node of this program frees literals.
const OTHER_NODE_WAIT: Duration = Duration::from_millis(10);

impl Node {
    /// The process that runs `erts_literal_area_collector`.
    pub fn set_literal_collector(&self, pid: Term) {
        let _ = self.literals.collector.set(pid);
    }

    /// Frees these when nobody refers to them any more.
    pub fn bury(&self, dead: Dead) {
        self.literals.queue.lock().push(dead);
        if let Some(&collector) = self.literals.collector.get() {
            self.send_message(collector, Owned::immediate(term::atom!("copy_literals")));
        }
    }

    /// What has been replaced in or erased from the persistent terms goes the way of all literals.
    pub fn bury_persistent(&self) {
        if let Some(graves) = self.persistent.bury() {
            self.bury(Dead::Persistent(graves));
        }
    }

    /// The areas that were being left are free now; are there others? Waits until the processes can be asked to leave them.
    pub fn next_literals(cx: &mut Ctx) -> Result<bool, Stop> {
        if cx.node.literals.collector.get() != Some(&cx.pid) {
            return Err(cx.notsup());
        }
        let node = cx.node.clone();
        let mut now = node.literals.now.lock();
        if let Some(n) = now.as_mut().filter(|n| !n.asking) {
            if !n.ready.load(Acquire) {
                return Err(Stop::Wait);
            }
            n.asking = true;
            // Entries of immediates alone have no area.
            if !n.going.is_empty() {
                return Ok(true);
            }
        }
        *now = None;
        let mut queue = node.literals.queue.lock();
        if queue.is_empty() {
            return Ok(false);
        }
        let weak = Arc::downgrade(&node);
        let pid = cx.pid;
        let areas = queue.iter().flat_map(|dead| match dead {
            Dead::Code(code) => vec![&code.literals],
            Dead::Persistent(graves) => graves.areas().collect(),
        });
        let Some(going) = Going::begin(areas) else {
            node.later(OTHER_NODE_WAIT, move |node| node.wake(pid));
            return Err(Stop::Wait);
        };
        let ready = Arc::new(AtomicBool::new(false));
        *now = Some(Now { _dead: std::mem::take(&mut queue), going: Arc::new(going), ready: ready.clone(), asking: false });
        drop((queue, now));
        node.sched.quiesce(move || {
            ready.store(true, Release);
            if let Some(node) = weak.upgrade() {
                node.wake(pid);
            }
        });
        Err(Stop::Wait)
    }

    /// Has a process leave the present areas; the caller gets `{copy_literals, {Id, How, Pid}, ok}` when it has, or has ended.
    pub fn ask_to_leave_literals(cx: &mut Ctx, pid: Term, id: Term, how: Term) {
        let going = cx.node.literals.now.lock().as_ref().map(|now| now.going.clone());
        let mut answer = Answer { node: cx.node.clone(), to: cx.pid, pid, id: Owned::copy(id), how };
        cx.node.request(pid, move |_, target| {
            if let (Some((_, _, p)), Some(going)) = (target, going) {
                // One request may follow another before the process gets to them.
                let before = p.first.take();
                p.first = Some(Box::new(move |p| {
                    if let Some(before) = before {
                        before(p);
                    }
                    p.leave_literals(&going);
                    if p.max_heap.words > 0 {
                        // What has been copied may be too much.
                        p.collect_soon.get_or_insert(false);
                    }
                    drop(going);
                    answer.send();
                }));
            }
        });
    }
}

/// Sent when dropped, at the latest: whatever becomes of the process, an answer comes.
struct Answer {
    node: Arc<Node>,
    to: Term,
    pid: Term,
    id: Owned,
    how: Term,
}

impl Answer {
    fn send(&mut self) {
        if self.to.is_none() {
            return;
        }
        let id = std::mem::replace(&mut self.id, Owned::immediate(Term::NIL));
        let message = id.wrap(|a, id| {
            let what = a.tuple(&[id, self.how, self.pid]);
            a.tuple(&[term::atom!("copy_literals"), what, am::OK])
        });
        let to = std::mem::replace(&mut self.to, Term::NONE);
        self.node.send_message(to, message);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.send();
    }
}
