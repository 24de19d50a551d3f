//! What a native function is given: the process that called it, its node, and how to end otherwise than with a result.

use crate::Node;
use process::{Class, Private, ProcRef};
use std::sync::Arc;
use term::fun::Export;
use term::{Alloc, Term, am};

/// How a native function ends without a result.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// An exception: `Private::exception` holds it (made by `Ctx::error` and its kin).
    Raise,
    /// Goes on by calling another function in this one's place (see `Ctx::trap`).
    Trap,
    /// Has used up its slice: to be called again with the same arguments; keeps what it needs in `Private::native_state`.
    Yield,
    /// Too much for a scheduler: to be called again with the same arguments on a dirty one (see `Ctx::heavy`).
    Dirty,
    /// Would have to wait for the outside: likewise, on the pool for that.
    DirtyIo,
    /// To be called again with the same arguments once a signal has arrived or someone has woken the process.
    Wait,
    /// The process ends at once with `Private::exception`'s reason, without handlers (an exit signal that it may not catch).
    Exit,
}

/// The process that calls a native function, and its surroundings.
pub struct Ctx<'a> {
    pub p: &'a mut Private,
    pub me: ProcRef,
    pub pid: Term,
    pub node: &'a Arc<Node>,
    /// Reductions left in this slice; native code subtracts what its work costs. Below 1: yield when convenient.
    pub reductions: i64,
    /// Runs on a dirty scheduler, where it holds up no other process.
    pub dirty: bool,
    /// Reductions that were left when those used so far were last counted for the process.
    budget: i64,
    /// Where a trap goes, and its arguments.
    pub trap_to: Option<&'static Export>,
    pub trap_args: [Term; 8],
    /// Those that `trap_args` has no room for.
    pub trap_more: Vec<Term>,
    /// The instruction of the tail call by which the present native function was reached; null for a call from a frame.
    pub called_from: *const u64,
}

impl<'a> Ctx<'a> {
    #[inline]
    pub fn new(p: &'a mut Private, me: ProcRef, pid: Term, node: &'a Arc<Node>, reductions: i64) -> Ctx<'a> {
        Ctx { p, me, pid, node, reductions, dirty: false, budget: reductions, trap_to: None, trap_args: [Term::NIL; 8], trap_more: Vec::new(), called_from: std::ptr::null() }
    }
    /// Where terms of the calling process are built. Never collects.
    #[inline(always)]
    pub fn h(&mut self) -> &mut Alloc {
        &mut self.p.heap.alloc
    }
    /// Counts work: about one for each element or 100 bytes handled.
    #[inline(always)]
    pub fn charge(&mut self, reductions: usize) {
        self.reductions -= reductions as i64;
    }
    /// Counts the reductions used so far for the process.
    #[inline]
    pub fn settle(&mut self) -> u64 {
        let used = (self.budget - self.reductions).max(0) as u64;
        self.p.reductions += used;
        self.budget = self.reductions;
        used
    }
    /// From now on so many are left, which does not count as work.
    pub fn set_left(&mut self, reductions: i64) {
        self.budget += reductions - self.reductions;
        self.reductions = reductions;
    }
    /// Work that cannot be divided is left to a dirty scheduler if there is much of it.
    pub fn heavy(&self, much: bool) -> Result<(), Stop> {
        if much && !self.dirty { Err(Stop::Dirty) } else { Ok(()) }
    }
    /// Must what would have to wait for the outside ask for another thread first?
    pub fn must_not_wait(&self) -> bool {
        // While one scheduler is to run alone, no dirty thread does: then it does their work.
        !self.dirty && !self.node.sched.blocked().1
    }
    /// Ends the slice as soon as may be.
    pub fn give_up(&mut self) {
        self.set_left(0);
    }
    /// True when the slice is used up.
    #[inline(always)]
    pub fn exhausted(&self) -> bool {
        self.reductions <= 0
    }

    // ---- exceptions
    fn raise(&mut self, class: Class, reason: Term) -> Stop {
        self.p.exception.set(class, reason, Term::NONE);
        Stop::Raise
    }
    #[cold]
    pub fn badarg(&mut self) -> Stop {
        self.raise(Class::Error, am::BADARG)
    }
    #[cold]
    pub fn badarith(&mut self) -> Stop {
        self.raise(Class::Error, am::BADARITH)
    }
    #[cold]
    pub fn system_limit(&mut self) -> Stop {
        self.raise(Class::Error, am::SYSTEM_LIMIT)
    }
    #[cold]
    pub fn notsup(&mut self) -> Stop {
        self.raise(Class::Error, am::NOTSUP)
    }
    #[cold]
    pub fn undef(&mut self) -> Stop {
        self.raise(Class::Error, am::UNDEF)
    }
    /// `error(Reason)`.
    #[cold]
    pub fn error(&mut self, reason: Term) -> Stop {
        self.raise(Class::Error, reason)
    }
    #[cold]
    pub fn exit(&mut self, reason: Term) -> Stop {
        self.raise(Class::Exit, reason)
    }
    #[cold]
    pub fn throw(&mut self, value: Term) -> Stop {
        self.raise(Class::Throw, value)
    }
    /// `error({Atom, Value})`, e.g. `{badmap, M}`.
    #[cold]
    pub fn error_with(&mut self, what: Term, value: Term) -> Stop {
        let reason = self.h().tuple(&[what, value]);
        self.raise(Class::Error, reason)
    }
    /// Adds the `cause` that OTP's error formatter (`erl_erts_errors` etc.) looks at; use as `Err(cx.badarg_cause(..))`.
    #[cold]
    pub fn error_cause(&mut self, reason: Term, cause: Term) -> Stop {
        let stop = self.raise(Class::Error, reason);
        // The machine completes the map with the formatting module of the function that raised.
        self.p.exception.info = cause;
        stop
    }
    /// `badarg` with a cause.
    #[cold]
    pub fn badarg_cause(&mut self, cause: Term) -> Stop {
        self.error_cause(am::BADARG, cause)
    }

    // ---- going on elsewhere
    /// Ends by calling `module:function(args..)` in this function's place.
    pub fn trap(&mut self, module: Term, function: Term, args: &[Term]) -> Stop {
        let export = self.node.code.export(module, function, args.len() as u8);
        self.trap_to_export(export, args)
    }
    pub fn trap_to_export(&mut self, export: &'static Export, args: &[Term]) -> Stop {
        self.trap_to = Some(export);
        let n = args.len().min(8);
        self.trap_args[..n].copy_from_slice(&args[..n]);
        self.trap_more.clear();
        self.trap_more.extend_from_slice(&args[n..]);
        Stop::Trap
    }

    // ---- common pieces
    /// A new reference, unique on this node.
    pub fn make_ref(&mut self) -> Term {
        let n = self.node.next_ref();
        self.h().reference(n, 0)
    }
}
