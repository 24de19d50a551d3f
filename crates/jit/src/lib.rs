//! Machine code for hot functions: translates the machine's own instructions (`code::op`) by Cranelift, keeps the code, decides when.
//! Not here: what an instruction means (`exec`): what is not done in line goes back to the interpreter or through a helper of `exec`.
//!
//! A function becomes one native function over the Erlang stack. Continuations on that stack are always the interpreter's addresses,
//! so machine code can be left anywhere: the native frames are dropped, and the interpreter goes on. Native frames hold no Erlang
//! state over a call; they only let returns be predicted.
//!
//! Who is entered how: the first word of a function that has machine code is `Op::Machine` with the code's address; a call, from the
//! interpreter or from machine code, looks at that word each time. So a breakpoint, new code or a purge is seen by the next call.
//!
//! # Safety
//! 1. Words of loaded code are what the loader made of a verified file (see `code`'s rules): register numbers, frame sizes, jumps,
//!    addresses of records and literals are right.
//! 2. `State` belongs to the thread that runs machine code; the process whose registers it holds is run by that thread alone.
//! 3. Memory for code is mapped twice, once to be written and once to be run; a block is written before its address is known to
//!    anybody and freed when the version of the module goes, whose code nobody runs then.
//! 4. The stubs keep what the C convention wants kept, and leave machine code by putting the native stack back to where it was entered.
//! 5. Machine code from disk is run only if this very build of the program wrote it, for the same module and the same instructions, into a file
//!    that no other user can write, and its checksum is right.

#[doc(hidden)]
pub mod cache;
mod memory;
mod store;
mod stubs;
mod tier;
mod translate;

pub use store::Cache;
pub use tier::{listing, translating, Codes, Figures, Jit, Mode, Settings};

use term::Term;

/// How machine code was left.
#[repr(u64)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The function that was entered has returned.
    Returned = 0,
    /// The interpreter does the instruction at `State::ip`, even if that has machine code.
    At = 1,
    /// A call of the code at `State::ip`, not yet paid for.
    Call = 2,
    /// Goes on at `State::ip`.
    Go = 3,
    /// A helper has ended the slice.
    Ended = 4,
    /// Within: machine code at `State::result` goes on with the registers that are stored.
    Again = 5,
}

/// What helpers are called for; their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Helper {
    /// (instruction, next, fail): the interpreter does one instruction. `State::result` is 1 if it goes on at `fail`.
    Step = 0,
    /// (live, words): collects.
    Collect = 1,
    /// (x, y, only equality): `State::result` is their order: -1, 0, 1.
    Compare = 2,
    /// (x, y): `State::result` is whether they are the same.
    Same = 3,
    /// (instruction, is it a last call, its word in the export's record or 0): calls a native function. Keeps no registers.
    Native = 4,
    /// (context, bits | flags << 32, what): matches without building; `State::result` is the value, or 0.
    Bits = 5,
    /// (map, key): `State::result` is the value, or 0.
    MapGet = 6,
    /// (module, function, arity): `State::result` is where a call of it goes.
    Apply = 7,
    /// (list): `State::result` is its length, or -1.
    Length = 8,
    /// As `Step`, for the construction of a bit string.
    Create = 9,
    /// As `Step`, for a part of a bit string.
    SubBits = 10,
    /// As `Step`, for a changed map.
    PutMap = 11,
    /// The native function whose stub is at `State::ip` is called, with `State::x`, if it is one that can be.
    Foreign = 12,
    /// (base, start, bits): a part of a bit string. `State::result` is it; the heap has room for `PART_WORDS`.
    Part = 13,
    /// (instruction): raises what the instruction raises. Keeps no registers, and does not return.
    Raise = 14,
    /// As `Step`, for a native function in a guard or the like.
    Guard = 15,
    /// (x, y, number of the instruction): arithmetic on any terms. `State::result` is the value, or 0 if it must be done otherwise.
    Arithmetic = 16,
    /// (number of the native function, x, y): calls a plain one. `State::result` is its value.
    Plain = 17,
    /// As `Step`, for a look at the next message.
    Receive = 18,
    /// As `Step`, for taking the message that was looked at.
    Remove = 19,
    /// As `Step`, for sending.
    Send = 20,
    /// (instruction): `receive` goes on with the next message, there.
    Skip = 21,
    /// (instruction): the process waits for a message, and goes on there. Keeps no registers, and does not return.
    Wait = 22,
    /// (trace, value, instruction): an exception that a `try` has not caught goes on. Keeps no registers, and does not return.
    Onwards = 23,
    /// As `Step`, for a `catch` with an exception.
    Caught = 24,
}
/// How many.
pub const HELPERS: usize = 25;
/// Words that `Helper::Part` may take.
pub const PART_WORDS: i64 = 5;

/// What `Helper::Bits` matches.
pub const MATCH_INTEGER: u64 = 0;
pub const MATCH_UTF8: u64 = 1;

/// A helper: an `Exit` other than `Returned` leaves machine code.
pub type HelperFn = unsafe extern "C" fn(*mut State, u64, u64, u64) -> u64;

/// The registers of the machine and what machine code knows of its surroundings. A scheduler thread has one.
#[repr(C)]
pub struct State {
    pub hp: *mut u64,
    pub sp: *mut u64,
    pub reductions: i64,
    /// Where the interpreter goes on.
    pub ip: *const u64,
    /// The native stack's top when machine code was entered.
    native_sp: u64,
    /// Leaves for a function that has no machine code.
    interpret: usize,
    pub result: u64,
    pub a: u64,
    /// What a helper is given.
    args: [u64; 3],
    pub helpers: [HelperFn; HELPERS],
    /// Whose process it is, and the thread's own things: for helpers.
    pub cx: *mut u8,
    pub local: *mut u8,
    /// The process's own identifier.
    pub own: Term,
    pub f: [f64; 32],
    pub x: [Term; code::op::X_REGISTERS],
}

unsafe extern "C" fn no_helper(_: *mut State, _: u64, _: u64, _: u64) -> u64 {
    std::process::abort()
}

impl Default for State {
    fn default() -> State {
        State {
            hp: std::ptr::null_mut(),
            sp: std::ptr::null_mut(),
            reductions: 0,
            ip: std::ptr::null(),
            native_sp: 0,
            interpret: stubs::interpret_address(),
            result: 0,
            a: 0,
            args: [0; 3],
            helpers: [no_helper; HELPERS],
            cx: std::ptr::null_mut(),
            local: std::ptr::null_mut(),
            own: Term::NIL,
            f: [0.0; 32],
            x: [Term::NIL; code::op::X_REGISTERS],
        }
    }
}

/// Runs machine code until it is left.
///
/// # Safety
/// Rules 2 and 4: `code` is the address in a `Op::Machine` word of code that stays loaded; `state` holds the registers of the process.
#[inline]
pub unsafe fn enter(state: *mut State, code: *const u8) -> Exit {
    // SAFETY: the caller's promise; stubs and helpers give numbers of exits only.
    unsafe { std::mem::transmute::<u64, Exit>(stubs::enter(state, code)) }
}
