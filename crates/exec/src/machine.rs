//! Between the loop and machine code: entering it, what its helpers do, and counting calls.

use crate::SLACK;
use crate::engine::{HOT, Local};
use crate::interp::{self, Ended};
use crate::ops::call;
use code::op::Op;
use jit::{Exit, Helper, State};
use node::Ctx;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use term::{Term, cmp};

/// A thread's registers, with the helpers.
pub fn state() -> Box<State> {
    let mut state = Box::<State>::default();
    for (which, helper) in [
        (Helper::Step, step as jit::HelperFn),
        (Helper::Collect, collect),
        (Helper::Compare, compare),
        (Helper::Same, same),
        (Helper::Native, native),
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
    if exit == Exit::Call && cx.reductions <= 1 {
        resumed(cx, local);
    }
    exit
}

/// The slice ends in machine code, and its callers are to go on in the interpreter.
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
    let ended = catch_unwind(AssertUnwindSafe(|| interp::step(cx, local, at, instructions)));
    // SAFETY: rule 6.
    unsafe {
        (*state).hp = cx.p.heap.alloc.hp;
        (*state).sp = cx.p.heap.sp;
        (*state).reductions = cx.reductions;
    }
    match ended {
        Ok(Ended::Stepped) => Ok(cx.p.ip),
        Ok(ended) => {
            local.ended = Some(ended);
            Err(Exit::Ended)
        }
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
                (*state).ip = ip;
                return Exit::Go as u64;
            }
            Err(exit) => return exit as u64,
        }
    }
    Exit::Returned as u64
}

unsafe extern "C" fn native(state: *mut State, at: u64, last: u64, _: u64) -> u64 {
    // SAFETY: rules 1 and 6: a last call goes back to the continuation below its frame.
    unsafe {
        let at = at as *const u64;
        let back = if last == 0 {
            at.add(2)
        } else {
            let head = interp::word_at(surroundings(state).0, at);
            let frame = if head as u16 == Op::CallNativeLast as u16 { (head >> 16) as u16 as usize } else { 0 };
            *(*state).sp.add(frame) as *const u64
        };
        match steps(state, at, 2) {
            Ok(ip) if ip == back => Exit::Returned as u64,
            Ok(ip) => {
                (*state).ip = ip;
                Exit::Go as u64
            }
            Err(exit) => exit as u64,
        }
    }
}

unsafe extern "C" fn collect(state: *mut State, live: u64, need: u64, _at: u64) -> u64 {
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
