//! The scheduler without threads: one caller drives it step by step, so that with a simulated clock the same calls give the same run. Not here: advancing the
//! clock, which is the caller's.

use crate::handle::{Handle, StandIn};
use crate::worker::Worker;
use crate::{DirtyKind, Engine};
use std::io;
use std::sync::Arc;

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something ran: a slice, a dirty job or at least one timeout.
    Ran,
    /// Nothing to do before the deadline of the next timer.
    IdleUntil(u64),
    /// Nothing to do until someone enqueues.
    Idle,
}

/// Acts as the first worker, and as every dirty thread, while inside [`Stepper::step`].
pub struct Stepper<E: Engine> {
    worker: Worker<E>,
    local: E::Local,
}

impl<E: Engine> Stepper<E> {
    /// In place of [`crate::Sched::start`]; the handle should have one worker.
    pub fn new(handle: Handle<E::Task, E::Timer>, engine: Arc<E>) -> io::Result<Self> {
        handle.claim_start()?;
        let worker = Worker::new(handle, engine, 0);
        let _stand_in = StandIn::new(&worker.handle.0, worker.id());
        let local = worker.engine.local(worker.id());
        Ok(Self { worker, local })
    }

    /// Due timers, then a slice of the first task in order; if there is none, one dirty job.
    pub fn step(&mut self) -> Step {
        self.step_choosing(|_| 0)
    }

    /// The same, but any of the ready tasks, whatever its priority: `choose` gets their number. 0 means the one that is due by the rules.
    pub fn step_choosing(&mut self, choose: impl FnOnce(usize) -> usize) -> Step {
        let handle = self.worker.handle.clone();
        let stand_in = StandIn::new(&handle.0, self.worker.id());
        self.worker.step_enter();
        let (timeouts, mut ran) = self.worker.step(&mut self.local, choose);
        if !ran {
            for kind in [DirtyKind::Cpu, DirtyKind::Io] {
                if let Some(task) = handle.0.pool(kind).pop() {
                    let after = self.worker.engine.run_dirty(&mut self.local, task, kind);
                    handle.dispose(task, after);
                    ran = true;
                    break;
                }
            }
        }
        let deadline = self.worker.deadline();
        drop(stand_in);
        handle.0.world.rest(0);
        match deadline {
            _ if ran || timeouts > 0 => Step::Ran,
            u64::MAX => Step::Idle,
            deadline => Step::IdleUntil(deadline),
        }
    }
}
