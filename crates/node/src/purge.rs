//! Purging code: which code goes, who uses it, who must wait for the outcome. The steps are driven by OTP's own `erts_code_purger`.
//! Not here: the tables of code (`code`).
//!
//! As in ERTS since 9.0 a process uses old code if it runs it or returns to it. Funs do not count: while a purge goes on, whoever calls
//! one of the old code's funs is suspended; afterwards such a fun is like one of a module that is not loaded.

use crate::Node;
use process::Private;
use std::sync::Arc;
use term::Term;

/// A purge that has begun and has neither been completed nor given up.
pub(crate) struct Purge {
    code: Arc<code::Loaded>,
    /// Processes that have called a fun of the code meanwhile, and are suspended for it.
    waiting: Vec<Term>,
}

impl Node {
    /// False if there is nothing to purge.
    pub fn begin_purge(&self, module: Term, refused: bool) -> bool {
        let mut purging = self.purging.lock();
        let Some(code) = self.code.begin_purge(module, refused) else { return false };
        *purging = Some(Purge { code, waiting: Vec::new() });
        true
    }

    /// Ends the purge of a module, one way or the other. False if there was none.
    pub fn end_purge(self: &Arc<Node>, module: Term, complete: bool) -> bool {
        let purge = {
            let mut purging = self.purging.lock();
            match purging.take() {
                Some(p) if p.code.name == module => {
                    if complete {
                        self.code.finish_purge(&p.code);
                    } else {
                        self.code.abort_purge(&p.code);
                    }
                    p
                }
                other => {
                    *purging = other;
                    return false;
                }
            }
        };
        for pid in purge.waiting {
            self.request(pid, |_, p| {
                if let Some((_, _, p)) = p {
                    p.suspended = p.suspended.saturating_sub(1);
                }
            });
        }
        if complete {
            // Nobody runs its functions any more: its library goes.
            let library = purge.code.library.lock().take();
            drop(library);
            self.bury(crate::literals::Dead::Code(purge.code));
        }
        true
    }

    /// A process calls a fun of a module: must it wait for the end of a purge? If so it is suspended, from its next slice on.
    pub fn wait_for_purge(&self, pid: Term, p: &mut Private, fun: &'static term::fun::FunEntry) -> bool {
        let mut purging = self.purging.lock();
        let Some(purge) = purging.as_mut().filter(|u| u.code.funs.iter().any(|&e| std::ptr::eq(e, fun))) else { return false };
        purge.waiting.push(pid);
        p.suspended += 1;
        true
    }

    /// Does the process run a module's old code, or return to it?
    pub fn uses_old_code(&self, p: &mut Private, module: Term) -> bool {
        let old = match &*self.purging.lock() {
            Some(purge) if purge.code.name == module => Some(purge.code.clone()),
            _ => self.code.versions(module).and_then(|v| v.old),
        };
        let Some(old) = old else { return false };
        p.heap.alloc.leave_fragments();
        old.contains(p.ip as u64) || p.stack().iter().any(|w| w.is_some() && w.raw() & 7 == 0 && old.contains(w.raw()))
    }
}
