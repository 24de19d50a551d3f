//! Exceptions: from where they are raised to a handler, and stack traces.
//!
//! A trace begins its life raw: `{'$trace', Addresses, M, F, Args, Info, Class}` with the code addresses as integers in a tuple. Only
//! `build_trace` (for `catch`, `try ... Stacktrace`, the end of the process) looks functions and lines up.

use crate::interp;
use code::op::Op;
use node::{Ctx, Foreign};
use process::Class;
use term::fun::Export;
use term::{Term, am};

fn marker() -> Term {
    term::atom!("$trace")
}

fn is_raw(trace: Term) -> bool {
    trace.as_tuple_n::<7>().is_some_and(|t| t[0] == marker())
}

/// Goes to the innermost handler: puts the exception into x0 to x3 and gives the handler's address. `Err`: there is none; the
/// process ends with this reason.
///
/// # Safety
/// `xp` is this thread's x registers, `at` the address of the instruction that raised; the heap's `hp` and `sp` are stored.
pub unsafe fn unwind(cx: &mut Ctx, at: *const u64, xp: *mut Term) -> Result<*const u64, Term> {
    // The stack's top is in `limit` only while that is not a fragment's.
    cx.p.heap.alloc.leave_fragments();
    if cx.p.exception.trace.is_none() {
        cx.p.exception.trace = raw_trace(cx, at);
        cx.p.heap.alloc.leave_fragments();
    } else if !is_raw(cx.p.exception.trace) {
        // A trace that the program supplied (`erlang:raise/3`) travels in a raw one, which remembers the class.
        let (class, trace) = (cx.p.exception.class, cx.p.exception.trace);
        let none = Term::NIL;
        cx.p.exception.trace = cx.h().tuple(&[marker(), trace, none, none, am::UNDEFINED, none, class.atom()]);
        cx.p.heap.alloc.leave_fragments();
    }
    let (class, value, trace) = (cx.p.exception.class, cx.p.exception.reason, cx.p.exception.trace);
    cx.p.exception.set(Class::Error, Term::NIL, Term::NONE);
    // SAFETY: rules 1, 2 and 4.
    let handler = unsafe {
        match innermost(cx) {
            Innermost::At(frame, handler) => {
                handle(cx, frame, [Term::NONE, class.atom(), value, trace], xp)?;
                Some(handler)
            }
            Innermost::Traced => traced(cx, class, value, trace, xp)?,
            Innermost::None => None,
        }
    };
    if let Some(handler) = handler {
        return Ok(handler);
    }
    let reason = match class {
        Class::Exit => value,
        Class::Error => {
            let trace = build_trace(cx, trace);
            let reason = cx.h().tuple(&[value, trace]);
            crate::ops::call::log_crash(cx, reason);
            reason
        }
        Class::Throw => {
            let trace = build_trace(cx, trace);
            let thrown = cx.h().tuple(&[am::NOCATCH, value]);
            let reason = cx.h().tuple(&[thrown, trace]);
            crate::ops::call::log_crash(cx, reason);
            reason
        }
    };
    Err(reason)
}

/// Where an exception goes.
enum Innermost {
    /// The frame of the handler, and the handler.
    At(*mut u64, *const u64),
    None,
    /// There are frames of traced calls on the way.
    Traced,
}

/// The innermost handler.
///
/// # Safety
/// Rule 4: `sp` is stored.
#[inline(always)]
unsafe fn innermost(cx: &Ctx) -> Innermost {
    // SAFETY: rules 1 and 4: between `sp` and `end` are terms, continuation pointers and zeroes; a catch mark is a handler's.
    unsafe {
        let mut word = cx.p.heap.sp;
        let (mut frame, end) = (word, cx.p.heap.end);
        while word < end {
            let w = *word;
            word = word.add(1);
            if w & 7 == 0 {
                if w != 0 {
                    if cx.node.code.as_trace_continuation(w).is_some() {
                        return Innermost::Traced;
                    }
                    frame = word;
                }
            } else if Term::from_raw(w).is_catch() {
                return Innermost::At(frame, Term::from_raw(w).catch_handler());
            }
        }
    }
    Innermost::None
}

/// Gives the handler in a frame what it is to have. `Err`: a collection ends the process.
///
/// # Safety
/// Rules 2 and 4: `frame` is that of a handler, `xp` this thread's x registers.
#[inline(always)]
unsafe fn handle(cx: &mut Ctx, frame: *mut u64, x: [Term; 4], xp: *mut Term) -> Result<(), Term> {
    // It may have been raised within a `receive`.
    cx.p.mailbox.rewind();
    cx.p.heap.alloc.leave_fragments();
    cx.p.heap.set_sp(frame);
    // SAFETY: rule 2.
    unsafe {
        xp.cast::<[Term; 4]>().write(x);
        // Loops that raise may have no other place that collects.
        if cx.p.heap.alloc.has_fragments() && cx.p.heap.wants_collection() {
            crate::ops::call::collect(cx, std::slice::from_raw_parts_mut(xp, 4), 0)?;
        }
    }
    Ok(())
}

/// An exception that a `try` has not caught goes on unchanged to the innermost handler. `None`: that is not so simple, and nothing has
/// been done.
///
/// # Safety
/// Rule 2: `xp` is this thread's x registers; the heap's `hp` and `sp` are stored.
#[inline(always)]
pub unsafe fn onwards(cx: &mut Ctx, trace: Term, value: Term, xp: *mut Term) -> Option<*const u64> {
    let &[mark, _, _, _, _, _, class] = trace.as_tuple_n::<7>()?;
    if mark != marker() || cx.p.heap.alloc.has_fragments() {
        return None;
    }
    // SAFETY: rules 2 and 4.
    match unsafe { innermost(cx) } {
        Innermost::At(frame, handler) => {
            cx.p.mailbox.rewind();
            cx.p.heap.set_sp(frame);
            // SAFETY: rule 2.
            unsafe { xp.cast::<[Term; 4]>().write([Term::NONE, class, value, trace]) };
            Some(handler)
        }
        _ => None,
    }
}

/// Goes to the innermost handler past frames of traced calls, which are told.
///
/// # Safety
/// As for `unwind`.
#[cold]
#[inline(never)]
unsafe fn traced(cx: &mut Ctx, class: Class, value: Term, trace: Term, xp: *mut Term) -> Result<Option<*const u64>, Term> {
    // SAFETY: rules 1 and 4: between `sp` and `end` are terms, continuation pointers and zeroes; a catch mark is a handler's.
    unsafe {
        let mut word = cx.p.heap.sp;
        let mut frame = word;
        // Sessions that are told where a traced call returns to, until a function's own continuation is met, and where that is.
        let mut to: Vec<(Term, u64)> = Vec::new();
        while word < cx.p.heap.end {
            let w = *word;
            if w & 7 == 0 {
                if w != 0 {
                    frame = word.add(1);
                    if let Some(op) = cx.node.code.as_trace_continuation(w) {
                        let words = node::trace::calls::frame_words(op);
                        let operands = std::slice::from_raw_parts(frame.cast::<Term>(), words);
                        match op {
                            Op::ExceptionTrace if class == Class::Throw && !is_caught(cx, frame) => {
                                let mut a = term::Alloc::new();
                                let reason = a.tuple(&[am::NOCATCH, value]);
                                node::trace::calls::raised(cx, operands, am::ERROR, reason);
                            }
                            Op::ExceptionTrace => node::trace::calls::raised(cx, operands, class.atom(), value),
                            Op::ReturnTo => to.push((operands[0], 0)),
                            Op::ReturnAccount => node::trace::calls::account_returned(cx, operands),
                            _ => {}
                        }
                        frame = frame.add(words);
                        word = frame;
                        continue;
                    }
                    to.retain(|t| t.1 == 0);
                    to.iter_mut().for_each(|t| t.1 = w);
                }
            } else {
                let t = Term::from_raw(w);
                if t.is_catch() {
                    for (session, address) in to.into_iter().filter(|t| t.1 != 0) {
                        node::trace::calls::returns_to(cx, session, address);
                    }
                    handle(cx, frame, [Term::NONE, class.atom(), value, trace], xp)?;
                    return Ok(Some(t.catch_handler()));
                }
            }
            word = word.add(1);
        }
    }
    Ok(None)
}

/// Is there a handler on the stack from here on?
///
/// # Safety
/// Rule 4: `from` lies in the stack.
unsafe fn is_caught(cx: &Ctx, from: *mut u64) -> bool {
    // SAFETY: rule 2: between `from` and `end` are stack words.
    let stack = unsafe { std::slice::from_raw_parts(from, (cx.p.heap.end as usize - from as usize) / 8) };
    // SAFETY: words that are no continuation are terms.
    stack.iter().any(|&w| w & 7 != 0 && unsafe { Term::from_raw(w) }.is_catch())
}

/// Words that are looked at together.
const CHUNK: usize = 8;

/// A bit for each of some words of the stack that is a continuation, or whatever `is` finds. Which words are cannot be foretold, so
/// that a branch at each would cost more.
#[inline(always)]
fn bits(words: &[Term], is: impl Fn(u64) -> bool) -> u32 {
    words.iter().enumerate().fold(0, |bits, (i, t)| bits | u32::from(is(t.raw())) << i)
}
#[inline(always)]
fn is_continuation(w: u64) -> bool {
    (w & 7 == 0) & (w != 0)
}

/// Adds return addresses on the stack, top first, without runs of the same one, to the first `n`; how many there are then.
#[inline(always)]
fn continuations(cx: &Ctx, most: usize, out: &mut [Term], mut n: usize) -> usize {
    let mut last = 0;
    let (chunks, rest) = cx.p.heap.stack().as_chunks::<CHUNK>();
    for chunk in chunks.iter().map(|c| &c[..]).chain(std::iter::once(rest)) {
        let mut left = bits(chunk, is_continuation);
        while left != 0 {
            let w = chunk[left.trailing_zeros() as usize].raw();
            left &= left - 1;
            if w != last && cx.node.code.as_trace_continuation(w).is_none() {
                if n >= most {
                    return n;
                }
                out[n] = Term::small(w as i64);
                n += 1;
                last = w;
            }
        }
    }
    n
}

/// Addresses of a trace that need no memory of their own.
const FEW: usize = 32;

#[inline(never)]
fn raw_trace(cx: &mut Ctx, at: *const u64) -> Term {
    let depth = cx.node.backtrace_depth.load(std::sync::atomic::Ordering::Relaxed);
    let (top, args, info, class) = (cx.p.exception.top, cx.p.exception.args, cx.p.exception.info, cx.p.exception.class);
    let mut few = [Term::NIL; FEW];
    let mut many = Vec::new();
    let addresses: &mut [Term] = if depth < FEW {
        &mut few
    } else {
        many.resize(depth + 1, Term::NIL);
        &mut many
    };
    let mut n = 0;
    // SAFETY: `at` is an instruction (rule 1).
    let word = unsafe { interp::word_at(cx, at) };
    let native = matches!(word as u16, n if n == Op::Native as u16 || n == Op::Nif as u16 || n == Op::RaisePending as u16 || n == Op::Illegal as u16);
    if !native {
        // Marked as an instruction, not a return address, by its lowest bit.
        addresses[0] = Term::small(at as i64 | 1);
        n = 1;
    }
    let most = depth.saturating_sub(usize::from(top.is_some()));
    // However short traces are to be, they name one place.
    let least = usize::from(top.is_none()).max(n);
    let n = continuations(cx, most.max(least), addresses, n);
    let none = Term::NIL;
    let (m, f) = top.unwrap_or((none, none));
    let args = if args.is_none() { am::UNDEFINED } else { args };
    let info = if info.is_none() { none } else { info };
    let h = cx.h();
    let places = h.tuple(&addresses[..n]);
    h.tuple(&[marker(), places, m, f, args, info, class.atom()])
}

/// Makes a raw trace a list of `{M, F, ArityOrArgs, Location}`; anything else is given back as it is.
pub fn build_trace(cx: &mut Ctx, raw: Term) -> Term {
    let Some(&[mark, places, m, f, args, info, _]) = raw.as_tuple_n::<7>() else { return raw };
    if mark != marker() {
        return raw;
    }
    // A list is what the program supplied.
    let Some(addresses) = places.as_tuple() else { return places };
    let mut frames = Vec::with_capacity(addresses.len() + 1);
    let mut args = (args != am::UNDEFINED).then_some(args);
    if m.is_atom() {
        let location = if info.is_nil() {
            Term::NIL
        } else {
            let pair = cx.h().tuple(&[am::ERROR_INFO, info]);
            cx.h().list(&[pair])
        };
        let a = args.take().unwrap_or(Term::NIL);
        let frame = cx.h().tuple(&[m, f, a, location]);
        frames.push(frame);
    }
    let places = addresses
        .iter()
        .map(|a| a.small_value() as u64)
        .map(|word| if word & 1 == 1 { word & !1 } else { word - 8 });
    let h = &mut cx.p.heap.alloc;
    // Frames in the same file share its name.
    let mut names: Option<(*const u8, Term)> = None;
    cx.node.code.locate_all(places, |i, place, at| {
        let mut location = Term::NIL;
        if let Some((text, line)) = at {
            let file = match names {
                Some((known, file)) if known == text.as_ptr() => file,
                _ => {
                    let file = h.list_of_chars(text);
                    let file = h.tuple(&[am::FILE, file]);
                    names = Some((text.as_ptr(), file));
                    file
                }
            };
            let line = h.tuple(&[am::LINE, Term::small(i64::from(line))]);
            location = h.list(&[file, line]);
        }
        if i == 0 && !m.is_atom() && !info.is_nil() {
            let pair = h.tuple(&[am::ERROR_INFO, info]);
            location = append_one(h, location, pair);
        }
        let a = match args.take() {
            Some(a) if i == 0 => a,
            _ => Term::small(i64::from(place.arity)),
        };
        let frame = h.tuple(&[place.module, place.function, a, location]);
        frames.push(frame);
    });
    cx.h().list(&frames)
}

fn append_one(h: &mut term::Alloc, list: Term, last: Term) -> Term {
    let mut v = list.proper_list().unwrap_or_default();
    v.push(last);
    h.list(&v)
}

/// What `catch` gives for an exception.
pub fn caught(cx: &mut Ctx, class: Term, value: Term, trace: Term) -> Term {
    match class {
        am::THROW => value,
        am::ERROR => {
            let trace = build_trace(cx, trace);
            let inner = cx.h().tuple(&[value, trace]);
            cx.h().tuple(&[am::EXIT_UPPER, inner])
        }
        _ => cx.h().tuple(&[am::EXIT_UPPER, value]),
    }
}

/// Which of OTP's modules explains errors of a native function of this module; `None`: none does.
fn formatter(module: Term) -> Option<Term> {
    Some(match term::atom::text(module) {
        "erlang" | "erts_internal" | "atomics" | "counters" | "persistent_term" => am::ERL_ERTS_ERRORS,
        "os" | "code" | "erl_ddll" | "net_kernel" => am::ERL_KERNEL_ERRORS,
        "binary" | "ets" | "lists" | "maps" | "math" | "re" | "unicode" => am::ERL_STDLIB_ERRORS,
        _ => return None,
    })
}

fn info_map(cx: &mut Ctx, module: Term, cause: Term) -> Term {
    let h = cx.h();
    if cause.is_none() {
        term::map::from_pairs(h, &[(am::MODULE, module)])
    } else if cause.is_map() {
        cause
    } else {
        term::map::from_pairs(h, &[(am::MODULE, module), (am::CAUSE, cause)])
    }
}

/// Notes which native function raised the pending exception, with its arguments.
pub fn note_native(cx: &mut Ctx, index: u32, args: &[Term]) {
    if cx.p.exception.hide || cx.p.exception.trace.is_some() {
        return;
    }
    let n = cx.node.natives[index as usize];
    let (m, f) = (term::atom::intern(n.module), term::atom::intern(n.function));
    note(cx, m, f, args, !n.nif);
}

/// The same for a function of a library.
pub fn note_foreign(cx: &mut Ctx, f: &Foreign, args: &[Term]) {
    if cx.p.exception.trace.is_none() && cx.p.exception.top.is_none() {
        note(cx, f.module, f.function, args, false);
    }
}

fn note(cx: &mut Ctx, m: Term, f: Term, args: &[Term], explained: bool) {
    let list = cx.h().list(args);
    cx.p.exception.args = list;
    cx.p.exception.top = Some((m, f));
    if explained
        && cx.p.exception.class == Class::Error
        && let Some(formatter) = formatter(m)
    {
        let cause = cx.p.exception.info;
        let map = info_map(cx, formatter, cause);
        cx.p.exception.info = map;
    }
}

/// A failed `To ! Message`.
pub fn note_send(cx: &mut Ctx, to: Term, message: Term) {
    note(cx, am::ERLANG, term::atom!("send"), &[to, message], true);
}

/// An error of an instruction that stands for native function m:f.
pub fn bif(cx: &mut Ctx, reason: Term, m: Term, f: Term, args: &[Term]) {
    cx.p.exception.set(Class::Error, reason, Term::NONE);
    note(cx, m, f, args, true);
}

/// What `arith` is told of adding and subtracting constants: before OTP 26 ERTS did not show these as calls.
pub fn with_constant(cx: &Ctx, op: Term) -> Term {
    if cx.node.code.release >= 26 { op } else { Term::NONE }
}

/// A failed arithmetic operation; `op`: `NONE` if it is not shown.
pub fn arith(cx: &mut Ctx, e: term::int::ArithError, op: Term, args: &[Term]) {
    let reason = crate::ops::bits::arith_reason(e);
    cx.p.exception.set(Class::Error, reason, Term::NONE);
    if op.is_none() {
        return;
    }
    let args = if args[1].is_none() { &args[..1] } else { args };
    note(cx, am::ERLANG, op, args, true);
}

/// An error of the instruction itself.
pub fn plain(cx: &mut Ctx, reason: Term) {
    cx.p.exception.set(Class::Error, reason, Term::NONE);
}

/// An error of the instruction itself with a cause for `erl_erts_errors:function/2` to explain.
pub fn with_cause(cx: &mut Ctx, reason: Term, cause: Term, function: &str) {
    cx.p.exception.set(Class::Error, reason, Term::NONE);
    let function = term::atom::intern(function);
    let map = term::map::from_pairs(
        cx.h(),
        &[(am::CAUSE, cause), (term::atom!("function"), function), (am::MODULE, am::ERL_ERTS_ERRORS)],
    );
    cx.p.exception.info = map;
}

/// badarg of one of the functions that are instructions (`erlang:apply/3`, ...).
///
/// # Safety
/// `xp` holds the function's arguments.
pub unsafe fn stub_badarg(cx: &mut Ctx, e: &'static Export, xp: *mut Term) {
    cx.p.exception.set(Class::Error, am::BADARG, Term::NONE);
    // SAFETY: the caller's promise.
    let args = unsafe { std::slice::from_raw_parts(xp, usize::from(e.arity)) };
    note(cx, e.module, e.function, args, true);
}

/// A call of something that is no fun, or has another arity.
pub fn bad_fun(cx: &mut Ctx, f: Term, args: &[Term]) {
    // A fun that has this arity is bad because its code has gone.
    let reason = if f.fun_arity().is_some_and(|n| n != args.len()) {
        let list = cx.h().list(args);
        let pair = cx.h().tuple(&[f, list]);
        cx.h().tuple(&[am::BADARITY, pair])
    } else {
        cx.h().tuple(&[am::BADFUN, f])
    };
    cx.p.exception.set(Class::Error, reason, Term::NONE);
}

/// Likewise with a list of more arguments than any function has.
pub fn bad_fun_of_many(cx: &mut Ctx, f: Term, list: Term) {
    let reason = if f.fun_arity().is_some() {
        let pair = cx.h().tuple(&[f, list]);
        cx.h().tuple(&[am::BADARITY, pair])
    } else {
        cx.h().tuple(&[am::BADFUN, f])
    };
    cx.p.exception.set(Class::Error, reason, Term::NONE);
}

/// `M:F(Args)` with a module or function that is no atom.
pub fn bad_apply(cx: &mut Ctx, m: Term, f: Term, args: &[Term]) {
    cx.p.exception.set(Class::Error, am::BADARG, Term::NONE);
    let list = cx.h().list(args);
    note(cx, am::ERLANG, am::APPLY, &[m, f, list], true);
}

/// No clause fits: the first frame shows the arguments.
pub fn function_clause(cx: &mut Ctx, args: &[Term]) {
    cx.p.exception.set(Class::Error, am::FUNCTION_CLAUSE, Term::NONE);
    let list = cx.h().list(args);
    cx.p.exception.args = list;
}

/// A call of a function that does not exist.
pub fn undefined(cx: &mut Ctx, m: Term, f: Term, args: &[Term]) {
    let list = cx.h().list(args);
    undefined_of_many(cx, m, f, list);
}
/// Likewise with the list of its arguments, which may be more than any function has.
pub fn undefined_of_many(cx: &mut Ctx, m: Term, f: Term, list: Term) {
    cx.p.exception.set(Class::Error, am::UNDEF, Term::NONE);
    cx.p.exception.args = list;
    cx.p.exception.top = Some((m, f));
}

/// `raise` after a `try` that did not catch: same class, value and trace. The class is not among the instruction's operands,
/// but in the trace, which therefore comes as the raw one; a trace from elsewhere means an error.
pub fn again(cx: &mut Ctx, trace: Term, value: Term) {
    let class = match trace.as_tuple_n::<7>() {
        Some(&[mark, _, _, _, _, _, class]) if mark == marker() => Class::from_atom(class),
        _ => None,
    };
    again_as(cx, class.unwrap_or(Class::Error), value, trace);
}

pub fn again_as(cx: &mut Ctx, class: Class, value: Term, mut trace: Term) {
    // The trace remembers the class, which may be another one now.
    if is_raw(trace)
        && let Some(&[mark, bin, m, f, args, info, old]) = trace.as_tuple_n::<7>()
        && old != class.atom()
    {
        trace = cx.h().tuple(&[mark, bin, m, f, args, info, class.atom()]);
    }
    cx.p.exception.set(class, value, trace);
}

/// The module whose code is at this address.
pub fn module_at(cx: &Ctx, at: *const u64) -> Term {
    cx.node.code.locate(at).map_or(am::UNDEFINED, |p| p.module)
}

/// An error of a native record's instruction.
pub fn record_error(cx: &mut Ctx, reason: Term, _record: Term, value: Term) {
    let reason = cx.h().tuple(&[reason, value]);
    cx.p.exception.set(Class::Error, reason, Term::NONE);
}
