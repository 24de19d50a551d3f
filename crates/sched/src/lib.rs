//! Scheduler threads: run queues, work stealing, dirty pools, timers and safe points of one node.
//!
//! It runs anything: a task is an opaque handle, what a slice of it means is the [`Engine`]'s affair. Not here: what a process is, messages,
//! what comes from [`Outside`], the meaning of a timer's payload.
//!
//! Three nouns:
//! - A **worker** is a scheduler thread with a run queue and a timer wheel of its own. The first `online` workers run tasks.
//! - A **dirty thread** runs long native calls without a slice limit. Its pool grows on demand: nobody asked, no thread.
//! - A **safe point** is a place between two slices. There a worker may be held ([`Handle::stop_the_world`]), and when all have
//!   passed one, memory that an earlier slice may still have read can go ([`Handle::quiesce`]).
//!
//! [`Handle`] is the part that knows no engine: the engine itself may hold one without a cycle. [`Sched`] owns the threads; dropping it stops
//! and joins them. [`Stepper`] is the same scheduler without threads, for a simulator.
//!
//! ```
//! use sched::*;
//! struct Count(Handle<u32, u32>, std::sync::mpsc::Sender<u32>);
//! impl Engine for Count {
//!     type Task = u32;
//!     type Timer = u32;
//!     type Local = ();
//!     fn local(&self, _: WorkerId) {}
//!     fn run(&self, _: &mut (), task: u32) -> After {
//!         self.0.set_timer(self.0.now() + 1_000_000, task);
//!         After::Park
//!     }
//!     fn run_dirty(&self, _: &mut (), _: u32, _: DirtyKind) -> After { After::Park }
//!     fn timeout(&self, payload: u32) { self.1.send(payload).unwrap() }
//! }
//! let (tx, rx) = std::sync::mpsc::channel();
//! let handle = Handle::new(Config::default());
//! let sched = Sched::start(handle.clone(), std::sync::Arc::new(Count(handle.clone(), tx))).unwrap();
//! handle.enqueue(7, Priority::Normal);
//! assert_eq!(rx.recv(), Ok(7));
//! drop(sched);
//! ```
#![forbid(unsafe_code)]

mod clock;
mod dirty;
mod handle;
mod idle;
mod queue;
mod stats;
mod step;
mod wheel;
mod worker;
mod world;

pub use clock::{Clock, MonotonicClock};
pub use handle::{Config, Handle, Sched};
pub use stats::{Counters, WallTime};
pub use step::{Step, Stepper};
pub use wheel::TimerRef;
pub use world::Hold;

use std::any::Any;

/// A handle to something runnable. At most one place may hold a task at a time: whoever enqueues it must know that it is neither queued nor
/// running (a process's status word says so).
pub trait Task: Copy + Eq + Send + 'static {}
impl<T: Copy + Eq + Send + 'static> Task for T {}

/// Erlang's process priorities. `Max` runs strictly before `High`, that before the rest; a `Low` task gets a turn for every eight of a `Normal` one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Priority {
    Low,
    Normal,
    High,
    Max,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum DirtyKind {
    Cpu,
    Io,
}

/// What becomes of a task after its slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum After {
    /// It has more to do.
    Requeue(Priority),
    /// It waits or is gone. The scheduler forgets it; someone else may have enqueued it already.
    Park,
    /// It goes on in a dirty pool.
    Dirty(DirtyKind, Priority),
}

/// Which thread of a scheduler; numbers count from 0 within each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum WorkerId {
    Normal(u32),
    Dirty(DirtyKind, u32),
}

/// The world outside, for which one worker that has nothing to do waits instead of sleeping: what comes is then acted on, and run, without another thread.
/// While all are busy they look at it now and then.
pub trait Outside: Send + Sync {
    /// Waits until something has come (to be kept for `act` of the same thread), `wake` is called or the time is over.
    fn wait(&self, timeout: Option<std::time::Duration>);
    /// Makes a present or the next `wait` return; from any thread.
    fn wake(&self);
    /// Acts on what this thread's `wait` has brought; on a worker between slices, with no lock held.
    fn act(&self);
}

/// What the scheduler runs.
pub trait Engine: Send + Sync + 'static {
    type Task: Task;
    /// What a timer carries.
    type Timer: Send + 'static;
    /// State of one thread (registers and the like); made on that thread and never leaves it.
    type Local;

    fn local(&self, worker: WorkerId) -> Self::Local;

    /// One slice, about a millisecond at the most: this worker's timers, safe points, and a task that is alone in its queue wait for its end.
    /// What may take longer belongs into a dirty pool.
    fn run(&self, local: &mut Self::Local, task: Self::Task) -> After;

    /// On a dirty thread; may take as long as it likes.
    fn run_dirty(&self, local: &mut Self::Local, task: Self::Task, kind: DirtyKind) -> After;

    /// A timer is due. Called on a worker between slices, with no lock held; should be brief.
    fn timeout(&self, payload: Self::Timer);

    /// Several short slices are over, or a long one, or there is nothing more to run at once. Called on a worker, with no lock held.
    fn pause(&self) {}

    /// Nothing has run for a while, and much has before. Called on a worker; should take milliseconds at the most.
    fn quiet(&self) {}

    /// A call into the engine panicked on this thread. The task's state is unknown, so the default ends the OS process.
    fn panicked(&self, worker: WorkerId, payload: Box<dyn Any + Send>) {
        let what = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("(no message)");
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "ferrobeam: scheduler thread {worker:?} panicked: {what}");
        std::process::abort()
    }
}
