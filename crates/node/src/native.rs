//! How a native function is described: where it stands in Erlang's name space, what it may do to the world, on which pool it runs.

use crate::{Ctx, Stop};
use term::Term;

/// A native function: gets its arguments, returns a term built in the caller's allocator, or says how the process goes on.
pub type NativeFn = fn(&mut Ctx, &[Term]) -> Result<Term, Stop>;

/// What a native function may touch. The sandbox and the simulator are derived from this list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Its result depends on its arguments alone.
    Pure,
    /// Reads or changes processes, tables or code of this node.
    Process,
    Clock,
    Entropy,
    Files,
    Network,
    /// Starts or asks the operating system: other programs, environment, signals, terminal.
    Os,
    /// Changes or asks the node as a whole.
    Node,
}

/// On which dirty pool a native function runs; `No`: on a scheduler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dirty {
    No,
    Cpu,
    Io,
}

/// A function of a loaded library, as code words refer to it by address (`Op::Nif`): never freed.
#[repr(align(16))]
pub struct Foreign {
    pub run: fn(&mut Ctx, &'static Foreign, &[Term]) -> Result<Term, Stop>,
    pub module: Term,
    pub function: Term,
    pub arity: u8,
    pub dirty: Dirty,
    /// What `run` makes of it: the function's address, and what it belongs to.
    pub address: usize,
    pub owner: usize,
}

impl Foreign {
    /// The code word that calls it.
    pub fn word(&'static self) -> u64 {
        code::op::Op::Nif as u64 | (self as *const Foreign as u64) << 16
    }
}

/// One row of the native functions' table.
#[derive(Clone, Copy)]
pub struct Native {
    pub module: &'static str,
    pub function: &'static str,
    pub arity: u8,
    pub run: NativeFn,
    pub effect: Effect,
    pub dirty: Dirty,
    /// On a dirty pool it leaves alone what signals act on (links, monitors, mailbox, dictionary), so that they can act meanwhile.
    pub apart: bool,
    /// It begins on a scheduler all the same, and asks for the pool itself (`Stop::DirtyIo`) if it would have to wait.
    pub tried: bool,
    /// A NIF of this library name in ERTS: becomes callable only when its module calls `erlang:load_nif/2`; else a BIF.
    pub nif: bool,
    /// What is missing, if anything; shown in the status table.
    pub partial: &'static str,
    /// The same function for who calls it without ceremony (machine code).
    pub plain: Option<PlainFn>,
}

/// A native function of two arguments at most that builds nothing on the heap, never fails, never waits and costs one reduction. (The
/// second argument of a function of one is `[]`.)
pub type PlainFn = fn(&mut Ctx, Term, Term) -> Term;

impl Native {
    /// Has that release the function written in Erlang? Then the module's own code is it, in traces, too.
    pub fn is_erlang_in(&self, release: u32) -> bool {
        match (self.module, self.function) {
            ("erlang", "binary_to_integer" | "list_to_integer") | ("erts_debug", "display") | ("string", "list_to_integer") => release >= 27,
            ("erlang", "display_string") => self.arity == 1 && release >= 27,
            ("erlang", "system_monitor") => release >= 29,
            _ => false,
        }
    }
    /// A BIF without outside effects.
    pub const fn new(module: &'static str, function: &'static str, arity: u8, run: NativeFn) -> Native {
        Native { module, function, arity, run, effect: Effect::Pure, dirty: Dirty::No, apart: false, tried: false, nif: false, partial: "", plain: None }
    }
    pub const fn effect(mut self, effect: Effect) -> Native {
        self.effect = effect;
        self
    }
    /// See the field.
    pub const fn plain(mut self, f: PlainFn) -> Native {
        self.plain = Some(f);
        self
    }
    /// See the field.
    pub const fn apart(mut self) -> Native {
        self.apart = true;
        self
    }
    pub const fn dirty(mut self, dirty: Dirty) -> Native {
        self.dirty = dirty;
        self
    }
    /// See the field.
    pub const fn tried(mut self) -> Native {
        self.tried = true;
        self
    }
    pub const fn nif(mut self) -> Native {
        self.nif = true;
        self
    }
    pub const fn partial(mut self, what: &'static str) -> Native {
        self.partial = what;
        self
    }
}
