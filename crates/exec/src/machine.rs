//! Between the loop and machine code: entering it, what its helpers do, and counting calls.

use crate::SLACK;
use crate::engine::{HOT, Local};
use crate::interp::{self, Ended};
use crate::ops::{arith, bits, call, map};
use crate::raise;
use code::op::{Op, RESUMES, Y, machine_code};
use jit::{Exit, Helper, State};
use node::{Ctx, Dirty, Stop};
use process::Resume;
use sched::DirtyKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use term::fun::Export;
use term::word::{Kind, TAG_BOXED, header};
use term::{Term, am, cmp};

/// A thread's registers, with the helpers.
pub fn state() -> Box<State> {
    let mut state = Box::<State>::default();
    for (which, helper) in [
        (Helper::Step, step as jit::HelperFn),
        (Helper::Collect, collect),
        (Helper::Compare, compare),
        (Helper::Same, same),
        (Helper::Native, native),
        (Helper::Bits, match_bits),
        (Helper::MapGet, map_get),
        (Helper::Apply, apply),
        (Helper::Length, length),
        (Helper::Create, create),
        (Helper::SubBits, sub_bits),
        (Helper::PutMap, put_map),
        (Helper::Foreign, foreign),
        (Helper::Part, part),
        (Helper::Raise, raise_at),
        (Helper::Guard, guard),
        (Helper::Arithmetic, arithmetic),
        (Helper::Plain, plain),
        (Helper::Receive, receive),
        (Helper::Remove, remove),
        (Helper::Send, send),
        (Helper::Skip, skip),
        (Helper::Wait, wait),
        (Helper::Onwards, onwards),
        (Helper::Caught, caught),
    ] {
        state.helpers[which as usize] = helper;
    }
    state
}

/// A counter of calls has run out.
#[cold]
#[inline(never)]
pub fn counted(cx: &Ctx, local: &mut Local, target: *const u64) {
    let count = &mut local.hot[target as usize / 8 % HOT];
    match &local.jit {
        Some(jit) => {
            *count = jit.counts();
            jit.hot(&cx.node.code, target);
        }
        None => *count = u16::MAX,
    }
}

/// Calls on the stack that are looked at when machine code is left for the slice's end.
const CALLERS: usize = 4;
/// Words of the stack that are looked at for them.
const CALLER_WORDS: usize = 64;

/// Of so many times that machine code is left, one is looked at.
const LEFT: u32 = 128;

/// Runs machine code until it is left.
///
/// # Safety
/// Rules 2 and 6: the heap's top and the stack's are stored, `code` is from the word of an instruction.
pub unsafe fn enter(cx: &mut Ctx, local: &mut Local, code: *const u8) -> Exit {
    let state: *mut State = &mut *local.state;
    // SAFETY: rule 6.
    let exit = unsafe {
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
        (*state).own = cx.pid;
        (*state).cx = std::ptr::from_mut(cx).cast();
        (*state).local = std::ptr::from_mut(local).cast();
        jit::enter(state, code)
    };
    cx.reductions = local.state.reductions;
    cx.p.heap.alloc.hp = local.state.hp;
    cx.p.heap.set_sp(local.state.sp);
    if let Some(payload) = local.panic.take() {
        resume_unwind(payload);
    }
    if exit != Exit::Returned {
        local.left = local.left.wrapping_add(1);
        if exit == Exit::Call && cx.reductions <= 1 || local.left % LEFT == 0 {
            resumed(cx, local);
        }
    }
    exit
}

/// Machine code is left, and its callers are to go on in the interpreter.
#[cold]
fn resumed(cx: &Ctx, local: &Local) {
    let Some(jit) = &local.jit else { return };
    let stack = cx.p.heap.stack();
    let mut last = 0;
    let callers = stack.iter().take(CALLER_WORDS).map(|t| t.raw()).filter(|w| w & 7 == 0 && *w != 0);
    for w in callers.take(CALLERS) {
        if w != last {
            jit.resumed(&cx.node.code, w as *const u64);
        }
        last = w;
    }
}

/// What a helper is given, as the rest of the machine knows it.
///
/// # Safety
/// Rule 6.
unsafe fn surroundings<'a>(state: *mut State) -> (&'a mut Ctx<'a>, &'a mut Local) {
    // SAFETY: rule 6.
    unsafe {
        let cx = &mut *(*state).cx.cast::<Ctx>();
        let local = &mut *(*state).local.cast::<Local>();
        cx.p.heap.alloc.hp = (*state).hp;
        cx.p.heap.set_sp((*state).sp);
        cx.reductions = (*state).reductions;
        (cx, local)
    }
}

/// Does some instructions; where they lead. `Err`: machine code is left.
///
/// # Safety
/// Rule 6; the x registers that are alive are stored.
unsafe fn steps(state: *mut State, at: *const u64, instructions: u32) -> Result<*const u64, Exit> {
    // SAFETY: rule 6.
    let (cx, local) = unsafe { surroundings(state) };
    // (What is given back by memory costs time to read at once.)
    let went = catch_unwind(AssertUnwindSafe(|| match interp::step(cx, local, at, instructions) {
        Ended::Stepped => true,
        ended => {
            local.ended = Some(ended);
            false
        }
    }));
    // SAFETY: rule 6.
    unsafe {
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
    }
    match went {
        Ok(true) => Ok(cx.p.ip),
        Ok(false) => Err(Exit::Ended),
        Err(payload) => {
            local.panic = Some(payload);
            Err(Exit::Ended)
        }
    }
}

unsafe extern "C" fn step(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rule 6.
    unsafe {
        match steps(state, at as *const u64, 1) {
            Ok(ip) if ip as u64 == next => (*state).result = 0,
            Ok(ip) if ip as u64 == fail => (*state).result = 1,
            Ok(ip) => {
                // It has raised: many handlers have machine code.
                let word = *ip;
                if word as u16 == Op::Machine as u16 && word & RESUMES != 0 {
                    (*state).result = machine_code(word) as u64;
                    return Exit::Again as u64;
                }
                (*state).ip = ip;
                return Exit::Go as u64;
            }
            Err(exit) => return exit as u64,
        }
    }
    Exit::Returned as u64
}

/// A plain native function: nothing of the heap's or the stack's is looked at or changed.
unsafe extern "C" fn plain(state: *mut State, index: u64, x: u64, y: u64) -> u64 {
    // SAFETY: rules 1 and 6: the number of a native function, and two terms.
    unsafe {
        let cx = &mut *(*state).cx.cast::<Ctx>();
        let local = &mut *(*state).local.cast::<Local>();
        let run = (*local.natives.add(index as usize)).plain;
        let (x, y) = (Term::from_raw(x), Term::from_raw(y));
        match catch_unwind(AssertUnwindSafe(|| run.expect("marked as plain")(cx, x, y))) {
            Ok(t) => (*state).result = t.raw(),
            Err(payload) => {
                local.panic = Some(payload);
                return Exit::Ended as u64;
            }
        }
    }
    Exit::Returned as u64
}

unsafe extern "C" fn native(state: *mut State, at: u64, last: u64, word: u64) -> u64 {
    // SAFETY: rules 1 and 6: an export stands behind the instruction; a last call goes back to the continuation below its frame.
    unsafe {
        let at = at as *const u64;
        let (cx, local) = surroundings(state);
        let frame = if last == 0 {
            0
        } else {
            let head = interp::word_at(cx, at);
            if head as u16 == Op::CallNativeLast as u16 { (head >> 16) as u16 as usize } else { 0 }
        };
        let stub = (*(*at.add(1) as *const Export)).address.load(Acquire).cast_const();
        let index = (word >> 16) as u32;
        if *stub != word || (*local.natives.add(index as usize - 1)).dirty != Dirty::No {
            // Traced, or for another thread: as the interpreter does it.
            let back = if last == 0 { at.add(2) } else { *(*state).sp.add(frame) as *const u64 };
            return match steps(state, at, 2) {
                Ok(ip) if ip == back => Exit::Returned as u64,
                Ok(ip) => {
                    (*state).ip = ip;
                    Exit::Go as u64
                }
                Err(exit) => exit as u64,
            };
        }
        let sp = if last == 0 {
            let sp = (*state).sp.sub(1);
            *sp = at.add(2) as u64;
            sp
        } else {
            (*state).sp.add(frame)
        };
        cx.p.heap.set_sp(sp);
        cx.called_from = if last == 0 { std::ptr::null() } else { at };
        run_native(state, cx, local, index - 1, stub, at, last != 0) as u64
    }
}

/// Runs a native function, whose continuation is on the stack.
#[inline(always)]
unsafe fn run_native(state: *mut State, cx: &mut Ctx, local: &mut Local, index: u32, stub: *const u64, at: *const u64, last: bool) -> Exit {
    // SAFETY: rule 6: the word at `stub` is that of a native function.
    unsafe {
        let native = &*local.natives.add(index as usize);
        let xp = (*state).x.as_mut_ptr();
        let args = std::slice::from_raw_parts(xp, native.arity as usize);
        cx.reductions -= 1;
        let changes = cx.node.code.changes.load(Relaxed);
        let mut stop = None;
        let t = match catch_unwind(AssertUnwindSafe(|| match (native.run)(cx, args) {
            Ok(t) => t.raw(),
            Err(s) => {
                stop = Some(s);
                0
            }
        })) {
            Ok(t) => t,
            Err(payload) => {
                local.panic = Some(payload);
                return Exit::Ended;
            }
        };
        let fragments = cx.p.heap.alloc.leave_fragments();
        let exit = match stop {
            None => {
                *xp = Term::from_raw(t);
                // Loops do not look for breakpoints at each turn: who has just set one starts anew.
                let stays = cx.node.code.changes.load(Relaxed) == changes;
                returned(cx, local, xp, fragments, stays)
            }
            Some(stop) => stopped(cx, local, stop, index, stub, at, last),
        };
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
        exit
    }
}

/// A function that has no machine code is called: a native one is run, for the rest machine code is left.
unsafe extern "C" fn foreign(state: *mut State, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rules 1 and 6: what is called is an instruction.
    unsafe {
        let stub = (*state).ip;
        let word = *stub;
        // The call is paid for first, and may be the slice's last.
        if word as u16 != Op::Native as u16 || (*state).reductions <= 1 {
            return Exit::Call as u64;
        }
        let index = (word >> 16) as u32 - 1;
        let (cx, local) = surroundings(state);
        if (*local.natives.add(index as usize)).dirty != Dirty::No {
            return Exit::Call as u64;
        }
        cx.reductions -= 1;
        cx.called_from = std::ptr::null();
        run_native(state, cx, local, index, stub, stub, false) as u64
    }
}

/// A part of a bit string, where there is room for it.
unsafe extern "C" fn part(state: *mut State, base: u64, start: u64, bits: u64) -> u64 {
    // SAFETY: rule 6: a whole bit string, and bits within it; the heap has room for `PART_WORDS`.
    unsafe {
        let base = Term::from_raw(base);
        let (start, bits) = (start as usize, bits as usize);
        if start == 0 && base.bit_size() == Some(bits) {
            (*state).result = base.raw();
            return Exit::Returned as u64;
        }
        let hp = (*state).hp;
        if bits > term::alloc::COPIED_BITS {
            *hp = header(Kind::SubBits, 3);
            *hp.add(1) = start as u64;
            *hp.add(2) = bits as u64;
            *hp.add(3) = base.raw();
            (*state).hp = hp.add(4);
        } else {
            let words = bits.div_ceil(64);
            *hp = header(Kind::HeapBits, 1 + words);
            *hp.add(1) = bits as u64;
            if words > 0 {
                *hp.add(1 + words) = 0;
            }
            let out = hp.add(2).cast::<u8>();
            if start % 8 == 0 && bits % 8 == 0 {
                let from = base.base_data().add(start / 8);
                let n = bits / 8;
                match n {
                    // Two copies of fixed size, which may overlap.
                    16..=24 => {
                        out.copy_from_nonoverlapping(from, 16);
                        out.add(n - 8).copy_from_nonoverlapping(from.add(n - 8), 8);
                    }
                    8..16 => {
                        out.copy_from_nonoverlapping(from, 8);
                        out.add(n - 8).copy_from_nonoverlapping(from.add(n - 8), 8);
                    }
                    4..8 => {
                        out.copy_from_nonoverlapping(from, 4);
                        out.add(n - 4).copy_from_nonoverlapping(from.add(n - 4), 4);
                    }
                    _ => {
                        for i in 0..n {
                            *out.add(i) = *from.add(i);
                        }
                    }
                }
            } else {
                let bytes = (start % 8 + bits).div_ceil(8);
                let bytes = std::slice::from_raw_parts(base.base_data().add(start / 8), bytes);
                std::ptr::write_bytes(out, 0, words * 8);
                let view = term::bits::Bits { bytes, offset: start % 8, len: bits };
                view.copy_to(std::slice::from_raw_parts_mut(out, bits.div_ceil(8)), 0);
            }
            (*state).hp = hp.add(2 + words);
        }
        (*state).result = hp as u64 | TAG_BOXED;
    }
    Exit::Returned as u64
}

/// Goes on at a handler, in machine code if it has some.
unsafe fn to_handler(cx: &Ctx, local: &mut Local, handler: *const u64) -> Exit {
    handled(cx, local, handler);
    // SAFETY: rule 1: a handler is an instruction.
    let word = unsafe { *handler };
    if word as u16 == Op::Machine as u16 {
        local.state.result = machine_code(word) as u64;
        return Exit::Again;
    }
    local.state.ip = handler;
    Exit::Go
}

/// An instruction raises.
unsafe extern "C" fn raise_at(state: *mut State, at: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6: the instruction's registers are stored.
    unsafe {
        let (cx, local) = surroundings(state);
        let at = at as *const u64;
        let word = interp::word_at(cx, at);
        let registers = Registers::of(state);
        let a = (word >> 16) as u16;
        let what = |op: Op| word as u16 == op as u16;
        if what(Op::IfEnd) {
            raise::plain(cx, am::IF_CLAUSE);
        } else {
            let name = match () {
                () if what(Op::TryCaseEnd) => am::TRY_CLAUSE,
                () if what(Op::Badmatch) => am::BADMATCH,
                () if what(Op::CaseEnd) => am::CASE_CLAUSE,
                () => am::BADRECORD,
            };
            let reason = cx.h().tuple(&[name, registers.get(a)]);
            raise::plain(cx, reason);
        }
        raised(state, cx, local, at)
    }
}

/// The pending exception goes to its handler.
unsafe fn raised(state: *mut State, cx: &mut Ctx, local: &mut Local, at: *const u64) -> u64 {
    // SAFETY: rules 2 and 6.
    unsafe {
        let exit = match raise::unwind(cx, at, (*state).x.as_mut_ptr()) {
            Ok(handler) => to_handler(cx, local, handler),
            Err(reason) => {
                local.ended = Some(Ended::Exit(reason));
                Exit::Ended
            }
        };
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
        exit as u64
    }
}

/// A `try` has not caught an exception.
unsafe extern "C" fn onwards(state: *mut State, trace: u64, value: u64, at: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6: two terms and an instruction.
    unsafe {
        let (cx, local) = surroundings(state);
        let (trace, value) = (Term::from_raw(trace), Term::from_raw(value));
        if let Some(handler) = raise::onwards(cx, trace, value, (*state).x.as_mut_ptr()) {
            (*state).sp = cx.p.heap.sp;
            return to_handler(cx, local, handler) as u64;
        }
        raise::again(cx, trace, value);
        raised(state, cx, local, at as *const u64)
    }
}

/// A `catch` has an exception.
unsafe extern "C" fn caught(state: *mut State, at: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6: the exception is in x1 to x3.
    unsafe {
        let (cx, _) = surroundings(state);
        let registers = Registers::of(state);
        let word = interp::word_at(cx, at as *const u64);
        *registers.place(Y | (word >> 16) as u16) = Term::NIL;
        let t = raise::caught(cx, registers.get(1), registers.get(2), registers.get(3));
        built(state, t, 0, 0, 0)
    }
}

/// An exception has gone to a handler: one that is often gone to gets machine code.
#[inline]
pub fn handled(cx: &Ctx, local: &mut Local, handler: *const u64) {
    let Some(jit) = &local.jit else { return };
    local.left = local.left.wrapping_add(1);
    if local.left % LEFT == 0 || jit.settings().mode == jit::Mode::Eager {
        jit.resumed(&cx.node.code, handler);
    }
}

/// A process goes on at a `receive`: one that is often gone on with gets machine code that begins there.
#[inline]
pub fn receives(cx: &Ctx, local: &mut Local, at: *const u64) {
    handled(cx, local, at);
}

/// The next message, into the register that `LoopRec` names; `State::result` 1: there is none.
unsafe extern "C" fn receive(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6.
    unsafe {
        let (cx, _) = surroundings(state);
        if cx.p.heap.wants_collection() {
            return step(state, at, next, fail);
        }
        if let Some(t) = cx.p.look() {
            (*state).hp = cx.p.heap.alloc.hp;
            let head = interp::word_at(cx, at as *const u64);
            *Registers::of(state).place((head >> 16) as u16) = t;
            (*state).result = 0;
            return Exit::Returned as u64;
        }
        if cx.me.has_signals() {
            return step(state, at, next, fail);
        }
        (*state).result = 1;
    }
    Exit::Returned as u64
}

unsafe extern "C" fn remove(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rule 6.
    unsafe {
        let (cx, _) = surroundings(state);
        if cx.p.rare.is_some() {
            return step(state, at, next, fail);
        }
        if cx.p.mailbox.take_moved() {
        } else if cx.p.mailbox.peek().is_none_or(|m| m.extra.is_some()) {
            return step(state, at, next, fail);
        } else if let Some(m) = cx.p.mailbox.take() {
            cx.p.heap.alloc.adopt(m.memory);
        }
        call::end_wait(cx);
        (*state).result = 0;
    }
    Exit::Returned as u64
}

unsafe extern "C" fn send(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6: the instruction's registers are stored.
    unsafe {
        let (cx, local) = surroundings(state);
        let [to, message] = [(*state).x[0], (*state).x[1]];
        // Anything else may fail, wait or be told to somebody.
        if cx.p.trace.is_some() || cx.p.rare.is_some() || !(to.is_local_pid() || to.as_local_ref().is_some()) {
            return step(state, at, next, fail);
        }
        cx.reductions -= 4;
        match catch_unwind(AssertUnwindSafe(|| call::send(cx, to, message).is_ok())) {
            Ok(sent) => debug_assert!(sent, "to a process of this node"),
            Err(payload) => {
                local.panic = Some(payload);
                return Exit::Ended as u64;
            }
        }
        (*state).x[0] = message;
        (*state).reductions = cx.reductions;
        (*state).result = 0;
    }
    Exit::Returned as u64
}

/// The message did not match: `receive` goes on with the next one, at `target`.
unsafe extern "C" fn skip(state: *mut State, target: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rules 2 and 6.
    unsafe {
        let (cx, local) = surroundings(state);
        cx.p.mailbox.skip();
        cx.reductions -= 1;
        (*state).reductions = cx.reductions;
        if cx.reductions <= 0 {
            return ends(cx, local, (*state).x.as_ptr(), target as *const u64, 0, Ended::Yield, Resume::Code) as u64;
        }
    }
    Exit::Returned as u64
}

/// All messages have been looked at: the process waits, and goes on at `target`.
unsafe extern "C" fn wait(state: *mut State, target: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rules 2 and 6.
    unsafe {
        let (cx, local) = surroundings(state);
        ends(cx, local, (*state).x.as_ptr(), target as *const u64, 0, Ended::Receive, Resume::Code) as u64
    }
}

/// A native function has returned, with its value in x0: back to the continuation on the stack.
#[inline(always)]
unsafe fn returned(cx: &mut Ctx, local: &mut Local, xp: *mut Term, fragments: bool, stays: bool) -> Exit {
    // SAFETY: rule 4.
    unsafe {
        if (fragments || cx.p.heap.alloc.off_heap_bytes > cx.p.heap.min_cell_bytes)
            && cx.p.heap.wants_collection()
            && let Err(reason) = call::collect(cx, std::slice::from_raw_parts_mut(xp, 1), 0)
        {
            local.ended = Some(Ended::Exit(reason));
            return Exit::Ended;
        }
        let sp = cx.p.heap.sp;
        let back = *sp as *const u64;
        cx.p.heap.set_sp(sp.add(1));
        if cx.reductions <= 0 {
            return ends(cx, local, xp, back, 1, Ended::Yield, Resume::Code);
        }
        if !stays {
            local.state.ip = back;
            return Exit::Go;
        }
    }
    Exit::Returned
}

/// The slice ends; the process goes on at `ip` with `n` x registers.
unsafe fn ends(cx: &mut Ctx, local: &mut Local, xp: *const Term, ip: *const u64, n: usize, ended: Ended, resume: Resume) -> Exit {
    cx.p.ip = ip;
    cx.p.resume = resume;
    cx.p.saved.clear();
    // SAFETY: rule 2.
    cx.p.saved.extend_from_slice(unsafe { std::slice::from_raw_parts(xp, n) });
    local.ended = Some(ended);
    Exit::Ended
}

/// A native function has ended otherwise.
#[cold]
unsafe fn stopped(cx: &mut Ctx, local: &mut Local, stop: Stop, index: u32, stub: *const u64, at: *const u64, last: bool) -> Exit {
    // SAFETY: rules 1, 2 and 4.
    unsafe {
        let xp = local.state.x.as_mut_ptr();
        let arity = cx.node.natives[index as usize].arity as usize;
        let resume = Resume::Native(index);
        match stop {
            Stop::Trap => {
                let export = cx.trap_to.take().expect("a trap says where to");
                xp.copy_from_nonoverlapping(cx.trap_args.as_ptr(), (export.arity as usize).min(8));
                xp.add(8).copy_from_nonoverlapping(cx.trap_more.as_ptr(), cx.trap_more.len());
                let target = export.address.load(Acquire).cast_const();
                if cx.reductions <= 0 {
                    return ends(cx, local, xp, target, export.arity as usize, Ended::Yield, Resume::Code);
                }
                local.state.ip = target;
                Exit::Go
            }
            Stop::Raise => {
                raise::note_native(cx, index, std::slice::from_raw_parts(xp, arity));
                cx.p.heap.alloc.leave_fragments();
                let shown = last && (cx.p.exception.hide || !interp::applies(cx, at));
                match raise::unwind(cx, if shown { at } else { stub }, xp) {
                    Ok(handler) => to_handler(cx, local, handler),
                    Err(reason) => {
                        local.ended = Some(Ended::Exit(reason));
                        Exit::Ended
                    }
                }
            }
            Stop::Yield => ends(cx, local, xp, stub, arity, Ended::Yield, resume),
            Stop::Wait => ends(cx, local, xp, stub, arity, Ended::Wait, resume),
            Stop::Dirty => ends(cx, local, xp, stub, arity, Ended::Dirty(DirtyKind::Cpu), resume),
            Stop::DirtyIo => ends(cx, local, xp, stub, arity, Ended::Dirty(DirtyKind::Io), resume),
            Stop::Exit => {
                local.ended = Some(Ended::Exit(cx.p.exception.reason));
                Exit::Ended
            }
        }
    }
}

/// The registers of machine code, as operands of instructions name them.
#[derive(Clone, Copy)]
struct Registers {
    x: *mut Term,
    sp: *mut Term,
}

impl Registers {
    unsafe fn of(state: *mut State) -> Registers {
        // SAFETY: rule 6.
        unsafe { Registers { x: (*state).x.as_mut_ptr(), sp: (*state).sp.cast() } }
    }
    fn place(self, r: u16) -> *mut Term {
        if r & Y != 0 { self.sp.wrapping_add((r & 0x7fff) as usize) } else { self.x.wrapping_add(r as usize) }
    }
    unsafe fn get(self, r: u16) -> Term {
        // SAFETY: rule 1: the operand names a register that there is.
        unsafe { *self.place(r) }
    }
    unsafe fn source(self, w: u64) -> Term {
        // SAFETY: rule 1: a source word is a register or a term.
        unsafe { if w & 7 == 0 { self.get((w >> 3) as u16) } else { Term::from_raw(w) } }
    }
}

/// A term was built as native functions do: it goes to register `to`; collects if there was much, or if less than `need` words are left.
unsafe fn built(state: *mut State, t: Term, to: u16, live: usize, need: usize) -> u64 {
    // SAFETY: rules 2 and 6.
    unsafe {
        let cx = &mut *(*state).cx.cast::<Ctx>();
        let local = &mut *(*state).local.cast::<Local>();
        let fragments = cx.p.heap.alloc.leave_fragments();
        let room = (cx.p.heap.sp as usize - cx.p.heap.alloc.hp as usize) / 8;
        let mut t = t;
        if need > 0 && room < need + SLACK
            || (fragments || cx.p.heap.alloc.off_heap_bytes > cx.p.heap.min_cell_bytes) && cx.p.heap.wants_collection()
        {
            cx.p.saved.clear();
            cx.p.saved.push(t);
            if let Err(reason) = call::collect(cx, std::slice::from_raw_parts_mut((*state).x.as_mut_ptr(), live), need) {
                local.ended = Some(Ended::Exit(reason));
                return Exit::Ended as u64;
            }
            t = cx.p.saved.pop().expect("pushed above");
        }
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
        *Registers::of(state).place(to) = t;
        (*state).result = 0;
    }
    Exit::Returned as u64
}

/// Nothing was done after all: the interpreter does it, to raise or to go elsewhere.
unsafe fn again(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rule 6.
    unsafe {
        let cx = &mut *(*state).cx.cast::<Ctx>();
        cx.p.heap.alloc.leave_fragments();
        (*state).hp = cx.p.heap.alloc.hp;
        step(state, at, next, fail)
    }
}

unsafe extern "C" fn create(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6.
    unsafe {
        let (cx, local) = surroundings(state);
        let words = at as *const u64;
        let registers = Registers::of(state);
        bits::segments(words, &mut local.segments, |w| registers.source(w));
        let Ok(t) = bits::create(cx, &local.segments) else { return again(state, at, next, fail) };
        let head = interp::word_at(cx, words);
        built(state, t, (head >> 16) as u16, (head >> 32) as u16 as usize, (*words.add(2) >> 32) as usize)
    }
}

unsafe extern "C" fn sub_bits(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6.
    unsafe {
        let (cx, _) = surroundings(state);
        let words = at as *const u64;
        let registers = Registers::of(state);
        let head = interp::word_at(cx, words);
        let context = registers.get((head >> 16) as u16);
        if head as u16 == Op::BsGetTail as u16 {
            let t = bits::tail(cx.h(), context);
            return built(state, t, (head >> 32) as u16, (head >> 48) as usize, 0);
        }
        let how = *words.add(2);
        let n = bits::field_bits(context, registers.source(*words.add(3)), how as u8 as usize, (head >> 32) as u16 != 0);
        match n.and_then(|n| bits::get_bits(cx.h(), context, n)) {
            Some(t) => built(state, t, (head >> 48) as u16, (how >> 16) as u16 as usize, 0),
            None => again(state, at, next, fail),
        }
    }
}

unsafe extern "C" fn guard(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6.
    unsafe {
        let (cx, local) = surroundings(state);
        let words = at as *const u64;
        let registers = Registers::of(state);
        let head = interp::word_at(cx, words);
        let (n, live) = ((head >> 16) as u16 as usize, (head >> 48) as u16);
        let index = (*(*words.add(1) as *const Export)).native.load(Relaxed);
        if index == 0 || n > 4 {
            return step(state, at, next, fail);
        }
        let mut args = [Term::NIL; 4];
        for (i, arg) in args.iter_mut().enumerate().take(n) {
            *arg = registers.source(*words.add(3 + i));
        }
        let run = (*local.natives.add(index as usize - 1)).run;
        match catch_unwind(AssertUnwindSafe(|| run(cx, &args[..n]))) {
            Ok(Ok(t)) if live == code::op::NO_COLLECTION => {
                cx.p.heap.alloc.leave_fragments();
                *registers.place((head >> 32) as u16) = t;
                (*state).hp = cx.p.heap.alloc.hp;
                (*state).reductions = cx.reductions;
                (*state).result = 0;
                Exit::Returned as u64
            }
            Ok(Ok(t)) => built(state, t, (head >> 32) as u16, live as usize, 0),
            // It fails again.
            Ok(Err(_)) => again(state, at, next, fail),
            Err(payload) => {
                local.panic = Some(payload);
                Exit::Ended as u64
            }
        }
    }
}

unsafe extern "C" fn arithmetic(state: *mut State, x: u64, y: u64, op: u64) -> u64 {
    // SAFETY: rule 6: two terms; the heap's and the stack's tops are stored.
    unsafe {
        let cx = &mut *(*state).cx.cast::<Ctx>();
        let (x, y) = (Term::from_raw(x), Term::from_raw(y));
        cx.p.heap.alloc.hp = (*state).hp;
        cx.p.heap.set_sp((*state).sp);
        let is = |this: Op| op == this as u64;
        let f: fn(&mut term::Alloc, Term, Term) -> term::int::Arith = match () {
            () if is(Op::Add) || is(Op::AddC) => arith::add,
            () if is(Op::Sub) || is(Op::SubC) => arith::sub,
            () if is(Op::Mul) => arith::mul,
            () if is(Op::Div) => arith::div,
            () if is(Op::IntDiv) => arith::int_div,
            () if is(Op::Rem) => arith::rem,
            () if is(Op::Band) || is(Op::BandC) => arith::band,
            () if is(Op::Bor) => arith::bor,
            () if is(Op::Bxor) => arith::bxor,
            () if is(Op::Bsl) || is(Op::BslC) => arith::bsl,
            () if is(Op::Bsr) || is(Op::BsrC) => arith::bsr,
            () if is(Op::Bnot) => arith::bnot,
            () if is(Op::Neg) => arith::neg,
            () => {
                (*state).result = 0;
                return Exit::Returned as u64;
            }
        };
        // What is too much for here is collected where the interpreter does it.
        let result = if cx.p.heap.alloc.has_fragments() && cx.p.heap.wants_collection() { None } else { f(&mut cx.p.heap.alloc, x, y).ok() };
        cx.p.heap.alloc.leave_fragments();
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).result = result.map_or(0, Term::raw);
    }
    Exit::Returned as u64
}

unsafe extern "C" fn put_map(state: *mut State, at: u64, next: u64, fail: u64) -> u64 {
    // SAFETY: rules 1, 2 and 6.
    unsafe {
        let (cx, local) = surroundings(state);
        let words = at as *const u64;
        let registers = Registers::of(state);
        let head = interp::word_at(cx, words);
        let m = registers.get((head >> 16) as u16);
        if !m.is_map() {
            return again(state, at, next, fail);
        }
        let n = *words.add(2) as usize;
        local.pairs.clear();
        for i in 0..n {
            local.pairs.push((registers.source(*words.add(3 + 2 * i)), registers.source(*words.add(4 + 2 * i))));
        }
        let room = ((*state).sp as usize - (*state).hp as usize) / 8;
        if let Some(t) = map::replace(&mut (*state).hp, room.saturating_sub(SLACK), m, &local.pairs) {
            (*state).reductions -= 1;
            *registers.place((head >> 32) as u16) = t;
            (*state).result = 0;
            return Exit::Returned as u64;
        }
        let result = if head as u16 == Op::PutMapAssoc as u16 {
            Ok(term::map::put_many(cx.h(), m, &local.pairs))
        } else {
            map::update_many(cx.h(), m, &local.pairs)
        };
        match result {
            Ok(t) => {
                cx.reductions -= 1;
                built(state, t, (head >> 32) as u16, (head >> 48) as usize, 0)
            }
            Err(_) => again(state, at, next, fail),
        }
    }
}

unsafe extern "C" fn match_bits(state: *mut State, context: u64, how: u64, what: u64) -> u64 {
    // SAFETY: rule 6: a match context.
    unsafe {
        let context = Term::from_raw(context);
        let t = if what == jit::MATCH_INTEGER {
            bits::get_small(context, how as u32 as usize, (how >> 32) as u8)
        } else {
            bits::get_utf8(context).map(|c| Term::small(i64::from(c)))
        };
        (*state).result = t.map_or(0, Term::raw);
    }
    Exit::Returned as u64
}

unsafe extern "C" fn map_get(state: *mut State, m: u64, key: u64, _: u64) -> u64 {
    // SAFETY: rule 6: two terms.
    unsafe {
        let (m, key) = (Term::from_raw(m), Term::from_raw(key));
        let value = if key.is_immediate() { map::get_immediate(m, key.raw()) } else { term::map::get(m, key) };
        (*state).result = value.map_or(0, Term::raw);
    }
    Exit::Returned as u64
}

unsafe extern "C" fn length(state: *mut State, list: u64, _: u64, _: u64) -> u64 {
    // SAFETY: rule 6: a term.
    unsafe { (*state).result = Term::from_raw(list).list_length().map_or(u64::MAX, |n| n as u64) };
    Exit::Returned as u64
}

/// An export that was applied by name. Exports live for ever.
#[derive(Clone, Copy)]
pub struct Applied {
    name: (u64, u64, u64),
    export: Option<&'static Export>,
}
pub const APPLIED: usize = 64;

impl Default for Applied {
    fn default() -> Applied {
        Applied { name: (0, 0, 0), export: None }
    }
}

unsafe extern "C" fn apply(state: *mut State, module: u64, function: u64, arity: u64) -> u64 {
    // SAFETY: rule 6: two atoms.
    unsafe {
        let cx = &*(*state).cx.cast::<Ctx>();
        let local = &mut *(*state).local.cast::<Local>();
        let place = &mut local.applied[((module >> 6) ^ (function >> 6) ^ (function >> 12) ^ arity) as usize % APPLIED];
        let export = match place.export {
            Some(e) if place.name == (module, function, arity) => e,
            _ => {
                let e = cx.node.code.export(Term::from_raw(module), Term::from_raw(function), arity as u8);
                *place = Applied { name: (module, function, arity), export: Some(e) };
                e
            }
        };
        (*state).result = export.address.load(Acquire) as u64;
    }
    Exit::Returned as u64
}

unsafe extern "C" fn collect(state: *mut State, live: u64, need: u64, _: u64) -> u64 {
    // SAFETY: rule 6: `live` x registers are stored.
    unsafe {
        let (cx, local) = surroundings(state);
        let (hp, sp) = ((*state).hp, (*state).sp);
        let room = (sp as usize - hp as usize) / 8;
        if room >= need as usize + SLACK && !call::torture_due(cx, local, hp, sp) {
            return Exit::Returned as u64;
        }
        let x = std::slice::from_raw_parts_mut((*state).x.as_mut_ptr(), live as usize);
        let result = catch_unwind(AssertUnwindSafe(|| call::collect(cx, x, need as usize)));
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
        match result {
            Ok(Ok(())) => Exit::Returned as u64,
            Ok(Err(reason)) => {
                local.ended = Some(Ended::Exit(reason));
                Exit::Ended as u64
            }
            Err(payload) => {
                local.panic = Some(payload);
                Exit::Ended as u64
            }
        }
    }
}

unsafe extern "C" fn compare(state: *mut State, x: u64, y: u64, equality: u64) -> u64 {
    // SAFETY: rule 6: two terms.
    unsafe {
        let (x, y) = (Term::from_raw(x), Term::from_raw(y));
        let order = if equality != 0 { i64::from(!cmp::eq(x, y)) } else { cmp::cmp(x, y) as i64 };
        (*state).result = order as u64;
    }
    Exit::Returned as u64
}

unsafe extern "C" fn same(state: *mut State, x: u64, y: u64, _: u64) -> u64 {
    // SAFETY: rule 6: two terms.
    unsafe { (*state).result = u64::from(cmp::eq_exact(Term::from_raw(x), Term::from_raw(y))) };
    Exit::Returned as u64
}
