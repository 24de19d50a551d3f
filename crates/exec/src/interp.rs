//! The interpreter loop. Reads like the list of instructions in `code::op`; what needs more than a few lines is in `ops`.

use crate::engine::Local;
use crate::ops::{arith, bits, call, fun, map, record};
use crate::{SLACK, raise};
use code::op::{Op, RESUMES, Y, interpreted, machine_code};
use code::points::{Beyond, Site};
use jit::Exit;
use node::{Ctx, Dirty, Foreign, Stop};
use process::saved_calls::SavedCall;
use process::{Class, Exception, Resume};
use sched::DirtyKind;
use term::fun::{Export, FunEntry};
use term::word::{Kind, TAG_BOXED, TAG_CONS, header};
use term::{Term, am, atom, cmp};

/// Why a slice ended.
// (Written and read back as whole words.)
#[repr(u64)]
pub enum Ended {
    Yield,
    /// In a native function, until a signal comes or someone wakes the process.
    Wait,
    /// In a `receive` that has looked at all messages.
    Receive,
    Dirty(DirtyKind),
    Exit(Term),
    /// Not ended: so many instructions were done as machine code had asked for; it goes on at `Private::ip`.
    Stepped,
}

#[inline(always)]
fn op_of(w: u64) -> Op {
    debug_assert!((w as u16 as usize) < code::op::NAMES.len());
    // SAFETY: rule 1: code words begin with an instruction's number.
    unsafe { std::mem::transmute::<u16, Op>(w as u16) }
}
#[inline(always)]
fn fa(w: u64) -> u16 {
    (w >> 16) as u16
}
#[inline(always)]
fn fb(w: u64) -> u16 {
    (w >> 32) as u16
}
#[inline(always)]
fn fc(w: u64) -> u16 {
    (w >> 48) as u16
}
#[inline(always)]
fn fj(w: u64) -> isize {
    ((w as i64) >> 32) as isize
}

/// The export record whose stub is at this address.
///
/// # Safety
/// Rule 1: `stub` is the address of an `Export`'s first stub word.
#[inline(always)]
pub(crate) unsafe fn export_of(stub: *const u64) -> &'static Export {
    // SAFETY: the caller's promise.
    unsafe { &*stub.cast::<u8>().sub(std::mem::offset_of!(Export, stub)).cast::<Export>() }
}
/// # Safety
/// Rule 1: `stub` is the address of a `FunEntry`'s first stub word.
#[inline(always)]
unsafe fn entry_of(stub: *const u64) -> &'static FunEntry {
    // SAFETY: the caller's promise.
    unsafe { &*stub.cast::<u8>().sub(std::mem::offset_of!(FunEntry, stub)).cast::<FunEntry>() }
}

/// # Safety
/// Rule 1: `word` is an `Op::Nif`, which has the address of a record that is never freed.
#[inline(always)]
unsafe fn foreign_of(word: u64) -> &'static Foreign {
    // SAFETY: the caller's promise.
    unsafe { &*((word >> 16) as *const Foreign) }
}

/// Numbers of receive marks are small integers.
const MARKS: u64 = (1 << 59) - 1;

/// The first word of an instruction that other threads may replace by one that means the same.
unsafe fn word_once(at: *const u64) -> u64 {
    // SAFETY: rule 1: `at` is an instruction; such words are written as a whole.
    unsafe { (*at.cast::<std::sync::atomic::AtomicU64>()).load(std::sync::atomic::Ordering::Acquire) }
}

/// The instruction at an address, as it is without a breakpoint.
#[cold]
pub(crate) unsafe fn word_at(cx: &Ctx, at: *const u64) -> u64 {
    // SAFETY: rule 1: `at` is an instruction.
    match unsafe { interpreted(word_once(at)) } {
        word if op_of(word) == Op::Breakpoint => cx.node.code.point((word >> 16) as u32).map_or(word, |p| p.original()),
        word => word,
    }
}

/// Is the last call at this address one by `apply`?
#[cold]
pub(crate) unsafe fn applies(cx: &Ctx, from: *const u64) -> bool {
    // SAFETY: rule 1: an export stands behind the instruction.
    unsafe {
        op_of(word_at(cx, from)) == Op::ApplyLast || {
            let e = &*(*from.add(1) as *const Export);
            e.module == am::ERLANG && e.function == am::APPLY
        }
    }
}

/// How many x registers are live at a call's target.
#[cold]
#[inline(never)]
unsafe fn arity_at(cx: &Ctx, target: *const u64) -> usize {
    // SAFETY: rule 1: a target is a stub, or code with `FuncInfo` three words before it.
    unsafe {
        // Read once: another thread may set a breakpoint or take it away meanwhile.
        let word = word_once(target);
        match op_of(word) {
            Op::Breakpoint => cx.node.code.point((word >> 16) as u32).map_or(0, |p| p.arity as usize),
            Op::Undefined | Op::Native | Op::Apply2 | Op::Apply3 | Op::YieldNow | Op::Hibernate3 | Op::Hibernate0 | Op::CallOnLoad => {
                export_of(target).arity as usize
            }
            Op::Nif => foreign_of(word).arity as usize,
            Op::UndefinedFun => entry_of(target).arity as usize + entry_of(target).num_free as usize,
            _ => fa(*target.sub(3)) as usize,
        }
    }
}

/// Runs the process until its slice is over or it cannot go on.
pub fn run(cx: &mut Ctx, local: &mut Local, dirty: Option<DirtyKind>) -> Ended {
    let xp = local.state.x.as_mut_ptr();
    let n = cx.p.saved.len();
    // SAFETY: rule 2: no more are saved than there are.
    unsafe { xp.copy_from_nonoverlapping(cx.p.saved.as_ptr(), n) };
    cx.p.saved.clear();
    cx.dirty = dirty.is_some();
    let at = cx.p.ip;
    // SAFETY: rule 1: a process goes on at an instruction.
    if dirty.is_none() && unsafe { word_once(at) } as u16 == Op::LoopRec as u16 {
        crate::machine::receives(cx, local, at);
    }
    machine::<false>(cx, local, dirty, at, 0)
}

/// Does some instructions for machine code, the first as it is without machine code.
pub(crate) fn step(cx: &mut Ctx, local: &mut Local, at: *const u64, instructions: u32) -> Ended {
    machine::<true>(cx, local, None, at, instructions)
}

fn machine<const STEP: bool>(cx: &mut Ctx, local: &mut Local, dirty: Option<DirtyKind>, at: *const u64, instructions: u32) -> Ended {
    let xp: *mut Term = local.state.x.as_mut_ptr();
    let fr: *mut f64 = local.state.f.as_mut_ptr();
    let mut ip: *const u64 = at;
    let mut left = instructions;
    let mut hp: *mut u64 = cx.p.heap.alloc.hp;
    let mut sp: *mut u64 = cx.p.heap.sp;
    // The tail call by which a native function was reached, while it runs.
    let mut native_from: *const u64 = std::ptr::null();
    let torture = cx.node.config.torture.collect_always;

    // SAFETY: rules 1 to 4, for the whole loop.
    unsafe {
        // The instruction that is done: the word at `ip`, or behind a breakpoint the one that stood there.
        let mut head: u64 = if STEP { word_at(cx, ip) } else { *ip };
        // Goes on with the word at `ip`, or at another address.
        macro_rules! dispatch {
            () => {{
                if STEP {
                    left -= 1;
                    if left == 0 {
                        cx.p.heap.alloc.hp = hp;
                        cx.p.heap.set_sp(sp);
                        cx.p.ip = ip;
                        return Ended::Stepped;
                    }
                }
                head = *ip;
                continue;
            }};
        }
        macro_rules! go {
            ($to:expr) => {{
                ip = $to;
                dispatch!()
            }};
        }
        macro_rules! sync_out {
            () => {
                cx.p.heap.alloc.hp = hp;
                cx.p.heap.set_sp(sp);
            };
        }
        macro_rules! sync_in {
            () => {
                hp = cx.p.heap.alloc.hp;
                sp = cx.p.heap.sp;
            };
        }
        // After something was built in a native function's way: the heap's own room again, and the loop's view of it. True if there
        // are fragments.
        macro_rules! back_to_heap {
            () => {{
                let fragments = cx.p.heap.alloc.leave_fragments();
                sync_in!();
                fragments
            }};
        }
        macro_rules! reg {
            ($r:expr) => {{
                let r = $r;
                let base = if r & Y != 0 { sp.cast::<Term>() } else { xp };
                base.add((r & 0x7fff) as usize)
            }};
        }
        macro_rules! get {
            ($r:expr) => {
                *reg!($r)
            };
        }
        macro_rules! set {
            ($r:expr, $v:expr) => {{
                let v: Term = $v;
                *reg!($r) = v;
            }};
        }
        // The value of a source word.
        macro_rules! src {
            ($w:expr) => {{
                let w: u64 = $w;
                if w & 7 == 0 { get!((w >> 3) as u16) } else { Term::from_raw(w) }
            }};
        }
        macro_rules! w {
            ($i:expr) => {
                *ip.add($i)
            };
        }
        macro_rules! next {
            ($n:expr) => {{
                go!(ip.add($n))
            }};
        }
        macro_rules! jump {
            ($off:expr) => {{
                go!(ip.offset($off))
            }};
        }
        macro_rules! room {
            () => {
                (sp as usize - hp as usize) / 8
            };
        }
        // Collects so that `need` words are free; `live` x registers are roots.
        macro_rules! collect {
            ($live:expr, $need:expr) => {{
                sync_out!();
                let live: usize = $live;
                if let Err(reason) = call::collect(cx, std::slice::from_raw_parts_mut(xp, live), $need) {
                    return Ended::Exit(reason);
                }
                sync_in!();
            }};
        }
        macro_rules! reserve {
            ($live:expr, $need:expr) => {
                if room!() < $need + SLACK || (torture && call::torture_due(cx, local, hp, sp)) {
                    collect!($live, $need);
                }
            };
        }
        // Goes to a handler, or ends the process. The exception is in `cx.p.exception`.
        // A call that somebody wants to know of: what is to be done at its return goes on the stack.
        macro_rules! caught {
            ($point:expr, $n:expr) => {{
                sync_out!();
                node::trace::calls::called(cx, &$point, std::slice::from_raw_parts(xp, $n), &mut local.frames);
                back_to_heap!();
                if !local.frames.is_empty() {
                    reserve!($n, local.frames.len());
                    for &word in &local.frames {
                        push!(word);
                    }
                }
            }};
        }
        macro_rules! raised {
            ($at:expr) => {{
                sync_out!();
                match raise::unwind(cx, $at, xp) {
                    Ok(handler) => {
                        sync_in!();
                        if !STEP {
                            crate::machine::handled(cx, local, handler);
                        }
                        go!(handler)
                    }
                    Err(reason) => return Ended::Exit(reason),
                }
            }};
        }
        macro_rules! error {
            ($reason:expr) => {{
                let reason: Term = $reason;
                cx.p.exception.set(Class::Error, reason, Term::NONE);
                raised!(ip)
            }};
        }
        // An error {Atom, Value}.
        macro_rules! error2 {
            ($what:expr, $value:expr) => {{
                let value = $value;
                sync_out!();
                let reason = cx.h().tuple(&[$what, value]);
                back_to_heap!();
                error!(reason)
            }};
        }
        // Leaves the slice; the first `n` x registers are kept and the process goes on at `at`.
        macro_rules! leave {
            ($at:expr, $n:expr, $ended:expr) => { leave!($at, $n, $ended, Resume::Code) };
            ($at:expr, $n:expr, $ended:expr, $resume:expr) => {{
                let n: usize = $n;
                cx.p.ip = $at;
                cx.p.resume = $resume;
                cx.p.saved.clear();
                cx.p.saved.extend_from_slice(std::slice::from_raw_parts(xp, n));
                sync_out!();
                return $ended;
            }};
        }
        // Jumps to a function's entry; the place where slices end.
        macro_rules! enter {
            ($target:expr) => {{
                let target: *const u64 = $target;
                cx.reductions -= 1;
                if cx.reductions <= 0 {
                    break target;
                }
                if !STEP {
                    let count = local.hot.get_unchecked_mut(target as usize / 8 % crate::engine::HOT);
                    *count -= 1;
                    if *count == 0 {
                        break target;
                    }
                }
                go!(target)
            }};
        }
        macro_rules! push {
            ($cont:expr) => {{
                sp = sp.sub(1);
                *sp = $cont as u64;
            }};
        }
        // The same for what may be a native function: the slice goes on until it has run, for the trace of its failure shows its caller.
        macro_rules! enter_any {
            ($target:expr) => {{
                let target: *const u64 = $target;
                let word = word_at(cx, target);
                let goes_on = match op_of(word) {
                    Op::Native | Op::Apply2 | Op::Apply3 => true,
                    Op::Breakpoint => cx.node.code.point((word >> 16) as u32).is_some_and(|p| p.is_native()),
                    _ => false,
                };
                if goes_on {
                    go!(target)
                }
                enter!(target)
            }};
        }
        macro_rules! address {
            ($export:expr) => {
                (*($export as *const Export)).address.load(std::sync::atomic::Ordering::Acquire) as *const u64
            };
        }
        // What became of a native function: back to its caller, elsewhere, or to a handler.
        macro_rules! native_result {
            ($result:expr, $arity:expr, $yields:expr, $note:expr, $resume:expr) => {{
                let fragments = back_to_heap!();
                match $result {
                    Ok(t) => {
                        *xp = t;
                        native_from = std::ptr::null();
                        if (fragments || cx.p.heap.alloc.off_heap_bytes > cx.p.heap.min_cell_bytes) && cx.p.heap.wants_collection() {
                            if dirty.is_some() {
                                // Others may look at the stack now.
                                cx.p.collect_soon.get_or_insert(false);
                            } else {
                                collect!(1, 0);
                            }
                        }
                        ip = *sp as *const u64;
                        sp = sp.add(1);
                        if dirty.is_some() || $yields && cx.reductions <= 0 {
                            leave!(ip, 1, Ended::Yield);
                        }
                        dispatch!()
                    }
                    Err(Stop::Trap) => {
                        native_from = std::ptr::null();
                        let export = cx.trap_to.take().expect("a trap says where to");
                        let n = export.arity as usize;
                        xp.copy_from_nonoverlapping(cx.trap_args.as_ptr(), n.min(8));
                        xp.add(8).copy_from_nonoverlapping(cx.trap_more.as_ptr(), cx.trap_more.len());
                        let target = address!(export);
                        if dirty.is_some() || cx.reductions <= 0 {
                            leave!(target, n, Ended::Yield);
                        }
                        go!(target)
                    }
                    Err(Stop::Raise) => {
                        $note;
                        back_to_heap!();
                        if dirty.is_some() {
                            // Handlers run on a scheduler.
                            leave!(cx.node.code.raise_pending(), 0, Ended::Yield);
                        }
                        // A tail call: the caller is not on the stack, but belongs into the trace; behind an apply only if the function itself
                        // is not shown.
                        let mut from = std::mem::replace(&mut native_from, std::ptr::null());
                        if !from.is_null() && !cx.p.exception.hide && applies(cx, from) {
                            from = std::ptr::null();
                        }
                        raised!(if from.is_null() { ip } else { from })
                    }
                    Err(Stop::Yield) => leave!(ip, $arity, Ended::Yield, $resume),
                    Err(Stop::Wait) => leave!(ip, $arity, Ended::Wait, $resume),
                    Err(Stop::Dirty) => leave!(ip, $arity, Ended::Dirty(DirtyKind::Cpu), $resume),
                    Err(Stop::DirtyIo) => leave!(ip, $arity, Ended::Dirty(DirtyKind::Io), $resume),
                    Err(Stop::Exit) => return Ended::Exit(cx.p.exception.reason),
                }
            }};
        }
        // Runs the native function of the `Native` word at `ip`, with `arity` arguments in x; returns to the continuation on the stack.
        macro_rules! native {
            ($index:expr, $arity:expr) => {{
                let index: u32 = $index;
                let arity: usize = $arity;
                let native = cx.node.natives.get_unchecked(index as usize);
                // While one scheduler is to run alone, no dirty thread does: then it does their work.
                if native.dirty != Dirty::No && !native.tried && dirty.is_none() && !cx.node.sched.blocked().1 {
                    let kind = if native.dirty == Dirty::Io { DirtyKind::Io } else { DirtyKind::Cpu };
                    leave!(ip, arity, Ended::Dirty(kind), Resume::Native(index));
                }
                sync_out!();
                cx.reductions -= 1;
                cx.called_from = native_from;
                let result = (native.run)(cx, std::slice::from_raw_parts(xp, arity));
                native_result!(result, arity, true, raise::note_native(cx, index, std::slice::from_raw_parts(xp, arity)), Resume::Native(index))
            }};
        }
        macro_rules! test {
            ($head:expr, $cond:expr, $size:expr) => {{
                if $cond {
                    next!($size);
                } else {
                    jump!(fj($head));
                }
            }};
        }
        // fail label of w1 = live | fail << 32; 0: raise.
        macro_rules! arith_failed {
            ($head:expr, $e:expr, $op:expr, $x:expr, $y:expr) => {{
                let fail = (w!(1) as i64 >> 32) as isize;
                if fail != 0 {
                    jump!(fail);
                }
                sync_out!();
                raise::arith(cx, $e, $op, &[$x, $y]);
                back_to_heap!();
                raised!(ip)
            }};
        }
        macro_rules! slow_arith {
            ($head:expr, $f:path, $name:expr, $x:expr, $y:expr, $size:expr) => {{
                let (x, y) = ($x, $y);
                sync_out!();
                let result = $f(cx.h(), x, y);
                let fragments = back_to_heap!();
                match result {
                    Ok(t) => {
                        set!(fc($head), t);
                        if fragments && cx.p.heap.wants_collection() {
                            cx.p.saved.clear();
                            cx.p.saved.push(t);
                            collect!(w!(1) as u16 as usize, 0);
                            let t = cx.p.saved.pop().expect("pushed above");
                            set!(fc($head), t);
                        }
                        next!($size)
                    }
                    Err(e) => arith_failed!($head, e, $name, x, y),
                }
            }};
        }
        // A guard BIF in line: fails or raises badarg-like.
        macro_rules! bif_failed {
            ($fail:expr, $reason:expr, $m:expr, $f:expr, $args:expr) => {{
                let fail = $fail;
                if fail != 0 {
                    jump!(fail);
                }
                sync_out!();
                raise::bif(cx, $reason, $m, $f, $args);
                back_to_heap!();
                raised!(ip)
            }};
        }
        macro_rules! fail_of_w1 {
            () => {
                (w!(1) as i64 >> 32) as isize
            };
        }
        // After native-like work in `ops`: back to the heap's own room, and collect if much was made elsewhere.
        macro_rules! settle {
            ($dst:expr, $t:expr, $live:expr) => {
                settle!($dst, $t, $live, 0)
            };
            ($dst:expr, $t:expr, $live:expr, $need:expr) => {{
                let fragments = back_to_heap!();
                let t: Term = $t;
                let need: usize = $need;
                if (need > 0 && room!() < need + SLACK)
                    || ((fragments || cx.p.heap.alloc.off_heap_bytes > cx.p.heap.min_cell_bytes) && cx.p.heap.wants_collection())
                {
                    cx.p.saved.clear();
                    cx.p.saved.push(t);
                    collect!($live, need);
                    let t = cx.p.saved.pop().expect("pushed above");
                    set!($dst, t);
                } else {
                    set!($dst, t);
                }
            }};
        }
        loop {
        let target = loop {
            match op_of(head) {
                // ---- stubs and the edges of a process
                Op::Native => native!((head >> 16) as u32 - 1, export_arity(cx, (head >> 16) as u32 - 1)),
                Op::Nif => {
                    let foreign = foreign_of(head);
                    let arity = foreign.arity as usize;
                    let pool = match foreign.dirty {
                        Dirty::No => None,
                        Dirty::Cpu => Some(DirtyKind::Cpu),
                        Dirty::Io => Some(DirtyKind::Io),
                    };
                    if pool != dirty {
                        // What was caught once is not caught again on the other pool.
                        let word = word_once(ip);
                        let point = (op_of(word) == Op::Breakpoint).then(|| cx.node.code.point((word >> 16) as u32)).flatten();
                        let at = point.map_or(ip, |p| p.original_address());
                        leave!(at, arity, pool.filter(|_| dirty.is_none()).map_or(Ended::Yield, Ended::Dirty));
                    }
                    sync_out!();
                    let result = (foreign.run)(cx, foreign, std::slice::from_raw_parts(xp, arity));
                    native_result!(result, arity, false, raise::note_foreign(cx, foreign, std::slice::from_raw_parts(xp, arity)), Resume::Code)
                }
                Op::Undefined => {
                    let e = export_of(ip);
                    cx.p.note_call(SavedCall::Function(e.module, e.function, e.arity));
                    sync_out!();
                    let handler = call::undefined_function(cx, e, xp);
                    back_to_heap!();
                    match handler {
                        Some(export) => enter!(address!(export)),
                        None => {
                            raise::undefined(cx, e.module, e.function, std::slice::from_raw_parts(xp, e.arity as usize));
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::UndefinedFun => {
                    let e = entry_of(ip);
                    sync_out!();
                    match fun::undefined_fun(cx, e, xp) {
                        Ok(export) => {
                            back_to_heap!();
                            enter!(address!(export))
                        }
                        Err(f) => {
                            raise::bad_fun(cx, f, std::slice::from_raw_parts(xp, e.arity as usize));
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::Breakpoint => {
                    let Some(point) = cx.node.code.point((head >> 16) as u32) else {
                        // It was taken away just now.
                        dispatch!()
                    };
                    let n = point.arity as usize;
                    if !point.is_native() {
                        native_from = std::ptr::null();
                    } else if !native_from.is_null() && !applies(cx, native_from) && fc(word_at(cx, native_from)) == 1 {
                        // A last call, whose caller is to be seen.
                        push!(native_from.add(2));
                        native_from = std::ptr::null();
                    }
                    if point.site != Site::Entry {
                        cx.p.note_call(SavedCall::Function(point.module, point.function, point.arity));
                    }
                    caught!(point, n);
                    if point.is_debugged() {
                        sync_out!();
                        let handler = call::debugged(cx, &point, xp);
                        back_to_heap!();
                        if let Some(export) = handler {
                            enter!(address!(export));
                        }
                    }
                    match point.beyond() {
                        Beyond::Here(word) => {
                            head = word;
                            continue;
                        }
                        Beyond::At(address) => go!(address),
                    }
                }
                Op::Machine if STEP || dirty.is_some() => {
                    head = interpreted(head);
                    continue;
                }
                Op::Machine => {
                    sync_out!();
                    // A function pays for its call itself.
                    cx.reductions += i64::from(head & RESUMES == 0);
                    let exit = crate::machine::enter(cx, local, machine_code(head));
                    sync_in!();
                    ip = local.state.ip;
                    native_from = std::ptr::null();
                    match exit {
                        Exit::Returned => go!(*sp.sub(1) as *const u64),
                        Exit::At => {
                            head = word_at(cx, ip);
                            continue;
                        }
                        Exit::Call => enter!(ip),
                        Exit::Go => go!(ip),
                        Exit::Ended | Exit::Again => return local.ended.take().unwrap_or(Ended::Yield),
                    }
                }
                Op::ReturnTrace | Op::ExceptionTrace => {
                    sync_out!();
                    node::trace::calls::returned(cx, std::slice::from_raw_parts(sp.cast::<Term>(), 5), *xp);
                    back_to_heap!();
                    sp = sp.add(6);
                    go!(*sp.sub(1) as *const u64)
                }
                Op::ReturnTo => {
                    let session = get!(Y);
                    sp = sp.add(1);
                    sync_out!();
                    node::trace::calls::returns_to(cx, session, node::trace::calls::next_return(cx));
                    back_to_heap!();
                    sp = sp.add(1);
                    go!(*sp.sub(1) as *const u64)
                }
                Op::ReturnAccount => {
                    sync_out!();
                    node::trace::calls::account_returned(cx, std::slice::from_raw_parts(sp.cast::<Term>(), 2));
                    sp = sp.add(3);
                    go!(*sp.sub(1) as *const u64)
                }
                Op::Apply2 => {
                    // erlang:apply(Fun, Args)
                    let (f, args) = (*xp, *xp.add(1));
                    match call::spread(args, xp, 0) {
                        Some(n) => {
                            *xp.add(n) = f;
                            match fun::target(cx, f, n, xp) {
                                Ok(target) => {
                                    // A function that is called by a fun stands for itself.
                                    native_from = std::ptr::null();
                                    enter_any!(target)
                                }
                                Err(()) => {
                                    cx.p.heap.alloc.leave_fragments();
                                    sync_out!();
                                    raise::bad_fun(cx, f, std::slice::from_raw_parts(xp, n));
                                    back_to_heap!();
                                    raised!(ip)
                                }
                            }
                        }
                        None => {
                            // Some of them were spread.
                            (*xp, *xp.add(1)) = (f, args);
                            sync_out!();
                            if args.list_length().is_some() {
                                raise::bad_fun_of_many(cx, f, args);
                            } else {
                                raise::stub_badarg(cx, export_of(ip), xp);
                            }
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::Apply3 => {
                    let (m, f, args) = (*xp, *xp.add(1), *xp.add(2));
                    match (m.is_atom() && f.is_atom()).then(|| call::spread(args, xp, 0)).flatten() {
                        Some(n) => {
                            let target = address!(cx.node.code.export(m, f, n as u8));
                            if !matches!(op_of(*target), Op::Native | Op::Breakpoint | Op::Apply2 | Op::Apply3) {
                                native_from = std::ptr::null();
                            } else if STEP && !native_from.is_null() {
                                // Who called is known within this call only.
                                left += 1;
                            }
                            enter_any!(target)
                        }
                        None => {
                            (*xp, *xp.add(1), *xp.add(2)) = (m, f, args);
                            sync_out!();
                            if m.is_atom() && f.is_atom() && args.list_length().is_some() {
                                raise::undefined_of_many(cx, m, f, args);
                            } else {
                                raise::stub_badarg(cx, export_of(ip), xp);
                            }
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::YieldNow => {
                    *xp = am::TRUE;
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    leave!(ip, 1, Ended::Yield);
                }
                Op::Hibernate3 => {
                    // The stack is dropped; the process goes on by applying x0:x1(x2) once a message is there.
                    let (m, f, args) = (*xp, *xp.add(1), *xp.add(2));
                    let given = args.list_length();
                    if !m.is_atom() || !f.is_atom() || given.is_none_or(|n| n > 255) {
                        sync_out!();
                        raise::stub_badarg(cx, export_of(ip), xp);
                        if m.is_atom() && f.is_atom() && given.is_some() {
                            cx.p.exception.reason = am::SYSTEM_LIMIT;
                        }
                        back_to_heap!();
                        raised!(ip)
                    }
                    sp = cx.p.heap.end;
                    sync_out!();
                    cx.p.exception = Exception::error(Term::NIL);
                    call::hibernate(cx, std::slice::from_raw_parts_mut(xp, 3));
                    sync_in!();
                    cx.p.hibernating = Some(3);
                    leave!(cx.node.code.spawn_apply(), 3, Ended::Wait);
                }
                Op::Hibernate0 => {
                    sync_out!();
                    call::hibernate(cx, &mut []);
                    sync_in!();
                    *xp = am::OK;
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    cx.p.hibernating = Some(0);
                    leave!(ip, 1, Ended::Wait);
                }
                Op::CallOnLoad => match cx.node.code.on_load_function(*xp) {
                    Some(target) => {
                        go!(target)
                    }
                    None => {
                        sync_out!();
                        raise::stub_badarg(cx, export_of(ip), xp);
                        back_to_heap!();
                        raised!(ip)
                    }
                },
                Op::SpawnApply => {
                    reserve!(3, 1);
                    let (m, f, args) = (*xp, *xp.add(1), *xp.add(2));
                    push!(ip.add(1));
                    match call::spread(args, xp, 0) {
                        Some(n) if m.is_atom() && f.is_atom() => {
                            let export = cx.node.code.export(m, f, n as u8);
                            // Of `apply/3` nobody hears in ERTS either.
                            if m == am::ERLANG
                                && f == am::APPLY
                                && n == 2
                                && let Some(point) = cx.node.code.point_of_apply(export)
                            {
                                caught!(point, n);
                            }
                            enter!(address!(export))
                        }
                        _ => {
                            sync_out!();
                            raise::undefined_of_many(cx, m, f, args);
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::NormalExit => {
                    sync_out!();
                    return Ended::Exit(am::NORMAL);
                }
                Op::RaisePending => raised!(ip),
                Op::FuncInfo => {
                    let arity = fa(head) as usize;
                    sync_out!();
                    raise::function_clause(cx, std::slice::from_raw_parts(xp, arity));
                    back_to_heap!();
                    raised!(ip)
                }
                Op::Illegal => {
                    // Stands at the entry of a function whose `FuncInfo` is right before.
                    let (m, f) = (Term::from_raw(*ip.sub(2)), Term::from_raw(*ip.sub(1)));
                    let arity = fa(*ip.sub(3)) as usize;
                    sync_out!();
                    raise::undefined(cx, m, f, std::slice::from_raw_parts(xp, arity));
                    back_to_heap!();
                    raised!(ip)
                }

                // ---- control
                Op::Jump => jump!(fj(head)),
                Op::Call => {
                    push!(ip.add(1));
                    enter!(ip.offset(fj(head)))
                }
                Op::CallLast => {
                    let target = ip.offset(fj(head));
                    sp = sp.add(fa(head) as usize);
                    enter!(target)
                }
                Op::CallOnly => enter!(ip.offset(fj(head))),
                Op::CallExt => {
                    push!(ip.add(2));
                    enter!(address!(w!(1)))
                }
                Op::CallExtLast => {
                    sp = sp.add(fa(head) as usize);
                    enter!(address!(w!(1)))
                }
                Op::CallExtOnly => enter!(address!(w!(1))),
                Op::CallNative => {
                    native_from = std::ptr::null();
                    push!(ip.add(2));
                    go!(address!(w!(1)))
                }
                Op::CallNativeLast => {
                    native_from = ip;
                    sp = sp.add(fa(head) as usize);
                    go!(address!(w!(1)))
                }
                Op::CallNativeOnly => {
                    native_from = ip;
                    go!(address!(w!(1)))
                }
                Op::MoveCall => {
                    set!(fa(head), get!(w!(1) as u16));
                    push!(ip.add(2));
                    enter!(ip.offset(fj(head)))
                }
                Op::Return => {
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    dispatch!()
                }
                Op::DeallocReturn => {
                    sp = sp.add(fa(head) as usize);
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    dispatch!()
                }
                Op::MoveReturn => {
                    *xp = get!(fa(head));
                    sp = sp.add(fb(head) as usize);
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    dispatch!()
                }
                Op::MoveCReturn => {
                    *xp = Term::from_raw(w!(1));
                    sp = sp.add(fb(head) as usize);
                    ip = *sp as *const u64;
                    sp = sp.add(1);
                    dispatch!()
                }
                Op::CallFun | Op::CallFun2 => {
                    let n = fa(head) as usize;
                    let f = if op_of(head) == Op::CallFun { *xp.add(n) } else { get!(fb(head)) };
                    if let Some((entry, env)) = f.as_local_fun()
                        && entry.arity as usize == n
                    {
                        for (i, t) in env.iter().enumerate() {
                            *xp.add(n + i) = *t;
                        }
                        match fc(head) as usize {
                            0 => push!(ip.add(1)),
                            words => sp = sp.add(words - 1),
                        }
                        enter!(entry.address.load(std::sync::atomic::Ordering::Acquire) as *const u64)
                    }
                    sync_out!();
                    match fun::target(cx, f, n, xp) {
                        Ok(target) => {
                            match fc(head) as usize {
                                0 => push!(ip.add(1)),
                                words => sp = sp.add(words - 1),
                            }
                            enter!(target)
                        }
                        Err(()) => {
                            raise::bad_fun(cx, f, std::slice::from_raw_parts(xp, n));
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::Apply | Op::ApplyLast => {
                    let n = fa(head) as usize;
                    let (m, f) = (*xp.add(n), *xp.add(n + 1));
                    if !m.is_atom() || !f.is_atom() {
                        sync_out!();
                        raise::bad_apply(cx, m, f, std::slice::from_raw_parts(xp, n));
                        back_to_heap!();
                        raised!(ip)
                    }
                    let target = address!(cx.node.code.export(m, f, n as u8));
                    native_from = std::ptr::null();
                    if op_of(head) == Op::Apply {
                        push!(ip.add(1));
                    } else {
                        sp = sp.add(fb(head) as usize);
                        if matches!(op_of(*target), Op::Native | Op::Breakpoint | Op::Apply2 | Op::Apply3) {
                            native_from = ip;
                        }
                    }
                    enter_any!(target)
                }

                // ---- frames and room
                Op::Allocate => {
                    let n = fa(head) as usize;
                    reserve!(fb(head) as usize, n);
                    // What was there before must not be taken for a catch mark or a continuation.
                    for _ in 0..n {
                        sp = sp.sub(1);
                        *sp = Term::NIL.raw();
                    }
                    next!(1)
                }
                Op::AllocateHeap => {
                    let n = fa(head) as usize;
                    reserve!(fb(head) as usize, n + fc(head) as usize);
                    for _ in 0..n {
                        sp = sp.sub(1);
                        *sp = Term::NIL.raw();
                    }
                    next!(1)
                }
                Op::TestHeap => {
                    reserve!(fa(head) as usize, (head >> 32) as usize);
                    next!(1)
                }
                Op::Deallocate => {
                    sp = sp.add(fa(head) as usize);
                    next!(1)
                }
                Op::Trim => {
                    sp = sp.add(fa(head) as usize);
                    next!(1)
                }
                Op::InitY => {
                    let n = fa(head) as usize;
                    for i in 0..n {
                        let r = (w!(1 + i / 4) >> (16 * (i % 4))) as u16;
                        *sp.add((r & 0x7fff) as usize) = Term::NIL.raw();
                    }
                    next!(1 + n.div_ceil(4))
                }

                // ---- moving
                Op::Move => {
                    set!(fb(head), get!(fa(head)));
                    next!(1)
                }
                Op::MoveXX => {
                    *xp.add(fb(head) as usize) = *xp.add(fa(head) as usize);
                    next!(1)
                }
                Op::MoveXY => {
                    *sp.add(fb(head) as usize) = (*xp.add(fa(head) as usize)).raw();
                    next!(1)
                }
                Op::MoveYX => {
                    *xp.add(fb(head) as usize) = Term::from_raw(*sp.add(fa(head) as usize));
                    next!(1)
                }
                Op::Move2 => {
                    let w1 = w!(1);
                    set!(fb(head), get!(fa(head)));
                    set!(fb(w1), get!(fa(w1)));
                    next!(2)
                }
                Op::MoveC => {
                    set!(fa(head), Term::from_raw(w!(1)));
                    next!(2)
                }
                Op::Swap => {
                    let (a, b) = (reg!(fa(head)), reg!(fb(head)));
                    std::ptr::swap(a, b);
                    next!(1)
                }

                // ---- taking apart
                Op::GetList => {
                    let t = get!(fa(head));
                    let (h, r) = (t.head(), t.tail());
                    set!(fb(head), h);
                    set!(fc(head), r);
                    next!(1)
                }
                Op::GetHd => {
                    set!(fb(head), get!(fa(head)).head());
                    next!(1)
                }
                Op::GetTl => {
                    set!(fb(head), get!(fa(head)).tail());
                    next!(1)
                }
                Op::GetElement => {
                    let p = get!(fa(head)).ptr();
                    set!(fc(head), Term::from_raw(*p.add(1 + fb(head) as usize)));
                    next!(1)
                }
                Op::GetElement2 => {
                    let p = get!(fa(head)).ptr().add(1 + fb(head) as usize);
                    let (first, second) = (Term::from_raw(*p), Term::from_raw(*p.add(1)));
                    set!(fc(head), first);
                    set!(w!(1) as u16, second);
                    next!(2)
                }
                Op::SetElement => {
                    let value = src!(w!(1));
                    let p = get!(fa(head)).ptr();
                    *p.add(1 + fb(head) as usize) = value.raw();
                    next!(2)
                }

                // ---- building
                Op::PutList => {
                    let (h, t) = (get!(fa(head)), get!(fb(head)));
                    *hp = h.raw();
                    *hp.add(1) = t.raw();
                    set!(fc(head), Term::from_raw(hp as u64 | TAG_CONS));
                    hp = hp.add(2);
                    next!(1)
                }
                Op::PutListC => {
                    *hp = get!(fa(head)).raw();
                    *hp.add(1) = w!(1);
                    set!(fc(head), Term::from_raw(hp as u64 | TAG_CONS));
                    hp = hp.add(2);
                    next!(2)
                }
                Op::PutListS => {
                    *hp = src!(w!(1)).raw();
                    *hp.add(1) = src!(w!(2)).raw();
                    set!(fc(head), Term::from_raw(hp as u64 | TAG_CONS));
                    hp = hp.add(2);
                    next!(3)
                }
                Op::PutTuple => {
                    let n = (head >> 32) as u32 as usize;
                    *hp = header(Kind::Tuple, n);
                    for i in 1..=n {
                        *hp.add(i) = src!(w!(i)).raw();
                    }
                    set!(fa(head), Term::from_raw(hp as u64 | TAG_BOXED));
                    hp = hp.add(n + 1);
                    next!(1 + n)
                }
                Op::UpdateRecord => {
                    let size = fa(head) as usize;
                    let n = w!(1) as usize;
                    let from = get!(fc(head)).ptr();
                    hp.copy_from_nonoverlapping(from, size + 1);
                    for i in 0..n {
                        *hp.add(w!(2 + 2 * i) as usize) = src!(w!(3 + 2 * i)).raw();
                    }
                    set!(fb(head), Term::from_raw(hp as u64 | TAG_BOXED));
                    hp = hp.add(size + 1);
                    next!(2 + 2 * n)
                }
                Op::MakeFun => {
                    let n = fa(head) as usize;
                    *hp = header(Kind::Fun, n + 1);
                    *hp.add(1) = w!(1);
                    for i in 0..n {
                        *hp.add(2 + i) = src!(w!(2 + i)).raw();
                    }
                    set!(fb(head), Term::from_raw(hp as u64 | TAG_BOXED));
                    hp = hp.add(n + 2);
                    next!(2 + n)
                }

                // ---- type tests
                Op::IsInteger => test!(head, get!(fa(head)).is_integer(), 1),
                Op::IsFloat => test!(head, get!(fa(head)).is_float(), 1),
                Op::IsNumber => test!(head, get!(fa(head)).is_number(), 1),
                Op::IsAtom => test!(head, get!(fa(head)).is_atom(), 1),
                Op::IsPid => test!(head, get!(fa(head)).is_pid(), 1),
                Op::IsReference => test!(head, get!(fa(head)).is_ref(), 1),
                Op::IsPort => test!(head, get!(fa(head)).is_port(), 1),
                Op::IsNil => test!(head, get!(fa(head)).is_nil(), 1),
                Op::IsBinary => test!(head, get!(fa(head)).is_binary(), 1),
                Op::IsBitstring => test!(head, get!(fa(head)).is_bitstring(), 1),
                Op::IsList => test!(head, get!(fa(head)).is_list(), 1),
                Op::IsNonemptyList => test!(head, get!(fa(head)).is_cons(), 1),
                Op::IsTuple => test!(head, get!(fa(head)).is_tuple(), 1),
                Op::IsMap => test!(head, get!(fa(head)).is_map(), 1),
                Op::IsBoolean => test!(head, matches!(get!(fa(head)), am::TRUE | am::FALSE), 1),
                Op::IsFunction => test!(head, get!(fa(head)).is_fun(), 1),
                Op::IsNonemptyGetList => {
                    let t = get!(fa(head));
                    if t.is_cons() {
                        let w1 = w!(1);
                        let (h, r) = (t.head(), t.tail());
                        set!(w1 as u16, h);
                        set!(fa(w1), r);
                        next!(2)
                    }
                    jump!(fj(head))
                }
                Op::IsTupleOfArity => {
                    let t = get!(fa(head));
                    test!(head, t.is_boxed() && *t.ptr() == w!(1), 2)
                }
                Op::TestArity => test!(head, *get!(fa(head)).ptr() == w!(1), 2),
                Op::IsTaggedTuple => {
                    let t = get!(fa(head));
                    test!(head, t.is_boxed() && *t.ptr() == w!(1) && *t.ptr().add(1) == w!(2), 3)
                }
                Op::IsFunction2 => {
                    let n = src!(w!(1));
                    let t = get!(fa(head));
                    test!(head, t.is_fun() && n.as_small().is_some_and(|n| t.fun_arity() == usize::try_from(n).ok()), 2)
                }

                // ---- comparisons
                Op::IsEqImm => test!(head, get!(fa(head)).raw() == w!(1), 2),
                Op::IsNeImm => test!(head, get!(fa(head)).raw() != w!(1), 2),
                Op::IsEqExact => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    test!(head, x == y || (!x.is_immediate() && !y.is_immediate() && cmp::eq_exact(x, y)), 2)
                }
                Op::IsNeExact => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    test!(head, x != y && (x.is_immediate() || y.is_immediate() || !cmp::eq_exact(x, y)), 2)
                }
                Op::IsEq => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    test!(head, x == y || cmp::eq(x, y), 2)
                }
                Op::IsNe => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    test!(head, x != y && !cmp::eq(x, y), 2)
                }
                Op::IsLtRR | Op::IsLt | Op::IsLtC => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    if x.raw() & y.raw() & 1 == 1 {
                        test!(head, (x.raw() as i64) < (y.raw() as i64), 2)
                    }
                    test!(head, cmp::cmp(x, y).is_lt(), 2)
                }
                Op::IsGeRR | Op::IsGe | Op::IsGeC => {
                    let (x, y) = (get!(fa(head)), src!(w!(1)));
                    if x.raw() & y.raw() & 1 == 1 {
                        test!(head, (x.raw() as i64) >= (y.raw() as i64), 2)
                    }
                    test!(head, cmp::cmp(x, y).is_ge(), 2)
                }
                Op::IsLtCR => {
                    let (x, y) = (Term::from_raw(w!(1)), get!(fa(head)));
                    if x.raw() & y.raw() & 1 == 1 {
                        test!(head, (x.raw() as i64) < (y.raw() as i64), 2)
                    }
                    test!(head, cmp::cmp(x, y).is_lt(), 2)
                }
                Op::IsGeCR => {
                    let (x, y) = (Term::from_raw(w!(1)), get!(fa(head)));
                    if x.raw() & y.raw() & 1 == 1 {
                        test!(head, (x.raw() as i64) >= (y.raw() as i64), 2)
                    }
                    test!(head, cmp::cmp(x, y).is_ge(), 2)
                }
                Op::SelectLinear => {
                    let key = get!(fa(head)).raw();
                    let n = w!(1) as usize;
                    let mut to = fj(head);
                    for i in 0..n {
                        if w!(2 + 2 * i) == key {
                            to = w!(3 + 2 * i) as isize;
                            break;
                        }
                    }
                    jump!(to)
                }
                Op::SelectBinary => {
                    let key = get!(fa(head)).raw();
                    let n = w!(1) as usize;
                    let keys = std::slice::from_raw_parts(ip.add(2), n);
                    match keys.binary_search(&key) {
                        Ok(i) => jump!((w!(2 + n + i / 2) >> (32 * (i % 2))) as u32 as i32 as isize),
                        Err(_) => jump!(fj(head)),
                    }
                }
                Op::SelectJump => {
                    let key = get!(fa(head));
                    if key.is_small() {
                        let i = key.small_value().wrapping_sub(w!(1) as i64) as u64;
                        if i < w!(2) {
                            let i = i as usize;
                            jump!((w!(3 + i / 2) >> (32 * (i % 2))) as u32 as i32 as isize)
                        }
                    }
                    jump!(fj(head))
                }
                Op::SelectArity => {
                    let t = get!(fa(head));
                    let mut to = fj(head);
                    if t.is_boxed() {
                        let key = t.header();
                        for i in 0..w!(1) as usize {
                            if w!(2 + 2 * i) == key {
                                to = w!(3 + 2 * i) as isize;
                                break;
                            }
                        }
                    }
                    jump!(to)
                }

                // ---- arithmetic
                Op::Add => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1
                        && let Some(r) = ((x.raw() - 1) as i64).checked_add(y.raw() as i64)
                    {
                        set!(fc(head), Term::from_raw(r as u64));
                        next!(2)
                    }
                    slow_arith!(head, arith::add, am::PLUS, x, y, 2)
                }
                Op::AddC => {
                    let (x, y) = (get!(fa(head)), Term::from_raw(w!(2)));
                    if x.is_small()
                        && let Some(r) = (x.raw() as i64).checked_add(y.raw() as i64 - 1)
                    {
                        set!(fc(head), Term::from_raw(r as u64));
                        next!(3)
                    }
                    slow_arith!(head, arith::add, raise::with_constant(cx, am::PLUS), x, y, 3)
                }
                Op::Sub => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1
                        && let Some(r) = (x.raw() as i64).checked_sub((y.raw() - 1) as i64)
                    {
                        set!(fc(head), Term::from_raw(r as u64));
                        next!(2)
                    }
                    slow_arith!(head, arith::sub, am::MINUS, x, y, 2)
                }
                Op::SubC => {
                    let (x, y) = (get!(fa(head)), Term::from_raw(w!(2)));
                    if x.is_small()
                        && let Some(r) = (x.raw() as i64).checked_sub((y.raw() - 1) as i64)
                    {
                        set!(fc(head), Term::from_raw(r as u64));
                        next!(3)
                    }
                    slow_arith!(head, arith::sub, raise::with_constant(cx, am::MINUS), x, y, 3)
                }
                Op::Mul => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1
                        && let Some(r) = ((x.raw() - 1) as i64).checked_mul(y.small_value())
                    {
                        set!(fc(head), Term::from_raw(r as u64 | 1));
                        next!(2)
                    }
                    slow_arith!(head, arith::mul, am::TIMES, x, y, 2)
                }
                Op::Div => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    slow_arith!(head, arith::div, am::SLASH, x, y, 2)
                }
                Op::IntDiv => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 && y.small_value() > 0 {
                        set!(fc(head), Term::small(x.small_value() / y.small_value()));
                        next!(2)
                    }
                    slow_arith!(head, arith::int_div, am::DIV, x, y, 2)
                }
                Op::Rem => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 && y.small_value() > 0 {
                        set!(fc(head), Term::small(x.small_value() % y.small_value()));
                        next!(2)
                    }
                    slow_arith!(head, arith::rem, am::REM, x, y, 2)
                }
                Op::Band => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 {
                        set!(fc(head), Term::from_raw(x.raw() & y.raw()));
                        next!(2)
                    }
                    slow_arith!(head, arith::band, am::BAND, x, y, 2)
                }
                Op::BandC => {
                    let (x, y) = (get!(fa(head)), Term::from_raw(w!(2)));
                    if x.is_small() {
                        set!(fc(head), Term::from_raw(x.raw() & y.raw()));
                        next!(3)
                    }
                    slow_arith!(head, arith::band, am::BAND, x, y, 3)
                }
                Op::Bor => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 {
                        set!(fc(head), Term::from_raw(x.raw() | y.raw()));
                        next!(2)
                    }
                    slow_arith!(head, arith::bor, am::BOR, x, y, 2)
                }
                Op::Bxor => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 {
                        set!(fc(head), Term::from_raw((x.raw() ^ y.raw()) | 1));
                        next!(2)
                    }
                    slow_arith!(head, arith::bxor, am::BXOR, x, y, 2)
                }
                Op::Bsr => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1 && y.small_value() >= 0 {
                        set!(fc(head), Term::small(x.small_value() >> y.small_value().min(63)));
                        next!(2)
                    }
                    slow_arith!(head, arith::bsr, am::BSR, x, y, 2)
                }
                Op::BsrC => {
                    let (x, y) = (get!(fa(head)), Term::from_raw(w!(2)));
                    if x.is_small() && y.small_value() >= 0 {
                        set!(fc(head), Term::small(x.small_value() >> y.small_value().min(63)));
                        next!(3)
                    }
                    slow_arith!(head, arith::bsr, am::BSR, x, y, 3)
                }
                Op::Bsl => {
                    let (x, y) = (get!(fa(head)), get!(fb(head)));
                    if x.raw() & y.raw() & 1 == 1
                        && let Some(r) = arith::small_shift_left(x.small_value(), y.small_value())
                    {
                        set!(fc(head), Term::small(r));
                        next!(2)
                    }
                    slow_arith!(head, arith::bsl, am::BSL, x, y, 2)
                }
                Op::BslC => {
                    let (x, y) = (get!(fa(head)), Term::from_raw(w!(2)));
                    if x.is_small()
                        && let Some(r) = arith::small_shift_left(x.small_value(), y.small_value())
                    {
                        set!(fc(head), Term::small(r));
                        next!(3)
                    }
                    slow_arith!(head, arith::bsl, am::BSL, x, y, 3)
                }
                Op::Bnot => {
                    let x = get!(fa(head));
                    if x.is_small() {
                        set!(fc(head), Term::small(!x.small_value()));
                        next!(2)
                    }
                    slow_arith!(head, arith::bnot, am::BNOT, x, Term::NONE, 2)
                }
                Op::Neg => {
                    let x = get!(fa(head));
                    slow_arith!(head, arith::neg, am::MINUS, x, Term::NONE, 2)
                }

                // ---- guard BIFs in line
                Op::BifHd => {
                    let t = get!(fa(head));
                    if t.is_cons() {
                        set!(fc(head), t.head());
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("hd"), &[t])
                }
                Op::BifTl => {
                    let t = get!(fa(head));
                    if t.is_cons() {
                        set!(fc(head), t.tail());
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("tl"), &[t])
                }
                Op::BifSelf => {
                    set!(fc(head), cx.pid);
                    next!(2)
                }
                Op::BifNode => {
                    set!(fc(head), cx.node.name());
                    next!(2)
                }
                Op::BifTupleSize => {
                    let t = get!(fa(head));
                    if let Some(e) = t.as_tuple() {
                        set!(fc(head), Term::small(e.len() as i64));
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("tuple_size"), &[t])
                }
                Op::BifByteSize => {
                    let t = get!(fa(head));
                    if let Some(n) = t.bit_size_ahead() {
                        set!(fc(head), Term::small(n.div_ceil(8) as i64));
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("byte_size"), &[t])
                }
                Op::BifBitSize => {
                    let t = get!(fa(head));
                    if let Some(n) = t.bit_size_ahead() {
                        set!(fc(head), Term::small(n as i64));
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("bit_size"), &[t])
                }
                Op::BifMapSize => {
                    let t = get!(fa(head));
                    if let Some(n) = t.map_size() {
                        set!(fc(head), Term::small(n as i64));
                        next!(2)
                    }
                    sync_out!();
                    let reason = cx.h().tuple(&[am::BADMAP, t]);
                    back_to_heap!();
                    bif_failed!(fail_of_w1!(), reason, am::ERLANG, term::atom!("map_size"), &[t])
                }
                Op::BifLength => {
                    let t = get!(fa(head));
                    if let Some(n) = t.list_length() {
                        cx.reductions -= (n / 32) as i64;
                        set!(fc(head), Term::small(n as i64));
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, term::atom!("length"), &[t])
                }
                Op::BifMapGet | Op::BifIsMapKey => {
                    let (key, m) = (get!(fa(head)), get!(fb(head)));
                    let getting = op_of(head) == Op::BifMapGet;
                    let name = if getting { term::atom!("map_get") } else { term::atom!("is_map_key") };
                    if m.is_map() {
                        match term::map::get(m, key) {
                            Some(v) => {
                                set!(fc(head), if getting { v } else { am::TRUE });
                                next!(2)
                            }
                            None if !getting => {
                                set!(fc(head), am::FALSE);
                                next!(2)
                            }
                            None => {
                                sync_out!();
                                let reason = cx.h().tuple(&[am::BADKEY, key]);
                                back_to_heap!();
                                bif_failed!(fail_of_w1!(), reason, am::ERLANG, name, &[key, m])
                            }
                        }
                    }
                    sync_out!();
                    let reason = cx.h().tuple(&[am::BADMAP, m]);
                    back_to_heap!();
                    bif_failed!(fail_of_w1!(), reason, am::ERLANG, name, &[key, m])
                }
                Op::BifElementC => {
                    let (t, n) = (get!(fa(head)), fb(head) as usize);
                    if t.is_boxed() {
                        let h = *t.ptr();
                        if term::word::header_kind(h) == Kind::Tuple as u8 && n <= term::word::header_len(h) {
                            set!(fc(head), Term::from_raw(*t.ptr().add(n)));
                            next!(2)
                        }
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, am::ELEMENT, &[Term::small(n as i64), t])
                }
                Op::BifElement => {
                    let (i, t) = (get!(fa(head)), get!(fb(head)));
                    if let (Some(i), Some(e)) = (i.as_small(), t.as_tuple())
                        && i >= 1
                        && i as usize <= e.len()
                    {
                        set!(fc(head), e[i as usize - 1]);
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, am::ELEMENT, &[i, t])
                }
                Op::BifNot => {
                    let t = get!(fa(head));
                    if let Some(b) = t.as_bool() {
                        set!(fc(head), Term::bool(!b));
                        next!(2)
                    }
                    bif_failed!(fail_of_w1!(), am::BADARG, am::ERLANG, am::NOT, &[t])
                }
                Op::CmpEq => {
                    set!(fc(head), Term::bool(cmp::eq(get!(fa(head)), get!(fb(head)))));
                    next!(2)
                }
                Op::CmpNe => {
                    set!(fc(head), Term::bool(!cmp::eq(get!(fa(head)), get!(fb(head)))));
                    next!(2)
                }
                Op::CmpEqExact => {
                    set!(fc(head), Term::bool(cmp::eq_exact(get!(fa(head)), get!(fb(head)))));
                    next!(2)
                }
                Op::CmpNeExact => {
                    set!(fc(head), Term::bool(!cmp::eq_exact(get!(fa(head)), get!(fb(head)))));
                    next!(2)
                }
                Op::CmpLt => {
                    set!(fc(head), Term::bool(cmp::cmp(get!(fa(head)), get!(fb(head))).is_lt()));
                    next!(2)
                }
                Op::CmpGe => {
                    set!(fc(head), Term::bool(cmp::cmp(get!(fa(head)), get!(fb(head))).is_ge()));
                    next!(2)
                }
                Op::CmpGt => {
                    set!(fc(head), Term::bool(cmp::cmp(get!(fa(head)), get!(fb(head))).is_gt()));
                    next!(2)
                }
                Op::CmpLe => {
                    set!(fc(head), Term::bool(cmp::cmp(get!(fa(head)), get!(fb(head))).is_le()));
                    next!(2)
                }
                Op::GuardBif => {
                    let n = fa(head) as usize;
                    let export = &*(w!(1) as *const Export);
                    let mut args = [Term::NIL; 4];
                    for (i, arg) in args.iter_mut().enumerate().take(n) {
                        *arg = src!(w!(3 + i));
                    }
                    let index = export.native.load(std::sync::atomic::Ordering::Relaxed);
                    if index == 0 {
                        if w!(2) != 0 {
                            jump!(w!(2) as isize);
                        }
                        sync_out!();
                        raise::undefined(cx, export.module, export.function, &args[..n]);
                        back_to_heap!();
                        raised!(ip)
                    }
                    let run = cx.node.natives.get_unchecked(index as usize - 1).run;
                    sync_out!();
                    match run(cx, &args[..n]) {
                        Ok(t) => {
                            if fc(head) == code::op::NO_COLLECTION {
                                back_to_heap!();
                                set!(fb(head), t);
                            } else {
                                settle!(fb(head), t, fc(head) as usize);
                            }
                            next!(3 + n)
                        }
                        Err(_) => {
                            back_to_heap!();
                            if w!(2) != 0 {
                                jump!(w!(2) as isize);
                            }
                            sync_out!();
                            raise::note_native(cx, index - 1, &args[..n]);
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }

                // ---- exceptions
                Op::Try | Op::Catch => {
                    *sp.add(fa(head) as usize) = Term::catch(ip.offset(fj(head))).raw();
                    next!(1)
                }
                Op::TryEnd => {
                    *sp.add(fa(head) as usize) = Term::NIL.raw();
                    next!(1)
                }
                Op::TryCase => {
                    *sp.add(fa(head) as usize) = Term::NIL.raw();
                    // Fallen into, which the verifier allows where compilers leave dead code: nothing was raised.
                    if !(*xp).is_none() {
                        error!(am::BADARG)
                    }
                    *xp = *xp.add(1);
                    *xp.add(1) = *xp.add(2);
                    *xp.add(2) = *xp.add(3);
                    next!(1)
                }
                Op::CatchEnd => {
                    *sp.add(fa(head) as usize) = Term::NIL.raw();
                    if (*xp).is_none() {
                        sync_out!();
                        *xp = raise::caught(cx, *xp.add(1), *xp.add(2), *xp.add(3));
                        back_to_heap!();
                        if cx.p.heap.wants_collection() {
                            collect!(1, 0);
                        }
                    }
                    next!(1)
                }
                Op::TryCaseEnd => error2!(am::TRY_CLAUSE, get!(fa(head))),
                Op::Badmatch => error2!(am::BADMATCH, get!(fa(head))),
                Op::CaseEnd => error2!(am::CASE_CLAUSE, get!(fa(head))),
                Op::BadRecord => error2!(am::BADRECORD, get!(fa(head))),
                Op::IfEnd => error!(am::IF_CLAUSE),
                Op::Raise => {
                    let (trace, value) = (get!(fa(head)), get!(fb(head)));
                    raise::again(cx, trace, value);
                    raised!(ip)
                }
                Op::RawRaise => {
                    let (class, value, trace) = (*xp, *xp.add(1), *xp.add(2));
                    match Class::from_atom(class) {
                        Some(class) => {
                            sync_out!();
                            raise::again_as(cx, class, value, trace);
                            back_to_heap!();
                            raised!(ip)
                        }
                        None => {
                            *xp = am::BADARG;
                            next!(1)
                        }
                    }
                }
                Op::BuildStacktrace => {
                    sync_out!();
                    *xp = raise::build_trace(cx, *xp);
                    back_to_heap!();
                    next!(1)
                }

                // ---- messages
                Op::Send => {
                    let (to, message) = (*xp, *xp.add(1));
                    sync_out!();
                    cx.reductions -= 4;
                    cx.p.note_call(SavedCall::Function(am::ERLANG, atom!("send"), 2));
                    match call::send(cx, to, message) {
                        Ok(()) => {
                            *xp = message;
                            next!(1)
                        }
                        Err(Stop::Raise) => {
                            raise::note_send(cx, to, message);
                            back_to_heap!();
                            raised!(ip)
                        }
                        Err(Stop::Wait) => leave!(ip, 2, Ended::Wait),
                        Err(_) => leave!(ip, 2, Ended::Yield),
                    }
                }
                Op::LoopRec => {
                    // Who only receives collects here what messages have brought: large binaries and fragments.
                    if cx.p.heap.wants_collection() {
                        collect!(0, 0);
                    }
                    sync_out!();
                    if let Some(t) = cx.p.look() {
                        hp = cx.p.heap.alloc.hp;
                        set!(fa(head), t);
                        next!(1)
                    }
                    if cx.me.has_signals() {
                        let fetched = cx.node.fetch(cx.me, cx.pid, cx.p);
                        back_to_heap!();
                        if let Some(reason) = fetched.exit {
                            return Ended::Exit(reason);
                        }
                        if fetched.suspended {
                            leave!(ip, 0, Ended::Yield);
                        }
                        if cx.p.mailbox.peek().is_some() {
                            continue;
                        }
                    }
                    jump!(fj(head))
                }
                Op::LoopRecEnd => {
                    cx.p.mailbox.skip();
                    cx.reductions -= 1;
                    let target = ip.offset(fj(head));
                    if cx.reductions <= 0 {
                        leave!(target, 0, Ended::Yield);
                    }
                    go!(target)
                }
                Op::RemoveMessage => {
                    if let Some(mut m) = cx.p.mailbox.take() {
                        sync_out!();
                        if m.extra.is_some() || cx.p.rare.is_some() {
                            cx.p.note_call(SavedCall::Receive);
                            node::seq::received(cx, &mut m);
                        }
                        cx.p.heap.alloc.adopt(m.memory);
                    }
                    call::end_wait(cx);
                    next!(1)
                }
                Op::Wait => leave!(ip.offset(fj(head)), 0, Ended::Receive),
                Op::WaitTimeout => {
                    if cx.p.timed_out {
                        next!(2)
                    }
                    if cx.p.wait_timer.is_none() {
                        match call::start_wait(cx, src!(w!(1))) {
                            call::Wait::Over => {
                                // Signals that have come by now still count.
                                if cx.me.has_signals() {
                                    cx.p.timed_out = true;
                                    jump!(fj(head))
                                }
                                next!(2)
                            }
                            call::Wait::Set | call::Wait::Forever => {}
                            call::Wait::Bad => error!(am::TIMEOUT_VALUE),
                        }
                    }
                    leave!(ip.offset(fj(head)), 0, Ended::Receive)
                }
                Op::Timeout => {
                    cx.p.note_call(SavedCall::Timeout);
                    call::end_wait(cx);
                    cx.p.mailbox.rewind();
                    if cx.p.trace.is_some() {
                        cx.node.trace_received(cx.pid, cx.p, am::TIMEOUT, term::atom!("clock_service"));
                    }
                    next!(1)
                }
                Op::MarkReserve => {
                    let id = cx.p.next_mark & MARKS;
                    cx.p.next_mark = id + 1;
                    // What is in the inbox came before the mark.
                    sync_out!();
                    if cx.me.has_signals() {
                        let fetched = cx.node.fetch(cx.me, cx.pid, cx.p);
                        back_to_heap!();
                        if let Some(reason) = fetched.exit {
                            return Ended::Exit(reason);
                        }
                    }
                    cx.p.mailbox.set_mark(id | call::RESERVED);
                    set!(fa(head), Term::small(id as i64));
                    next!(1)
                }
                Op::MarkBind => {
                    let (mark, reference) = (get!(fa(head)), get!(fb(head)));
                    if let (Some(id), Some((n, _))) = (mark.as_small(), reference.as_local_ref()) {
                        cx.p.mailbox.bind_mark(id as u64 | call::RESERVED, n);
                    }
                    next!(1)
                }
                Op::MarkClear => {
                    let t = get!(fa(head));
                    if let Some(id) = t.as_small() {
                        cx.p.mailbox.clear_mark(id as u64 | call::RESERVED);
                    } else if let Some((n, _)) = t.as_local_ref() {
                        cx.p.mailbox.clear_mark(n);
                    }
                    next!(1)
                }
                Op::MarkUse => {
                    if let Some((n, _)) = get!(fa(head)).as_local_ref() {
                        cx.p.mailbox.use_mark(n);
                    }
                    next!(1)
                }

                // ---- floats
                Op::FMoveIn => {
                    *fr.add(fb(head) as usize) = f64::from_bits(*get!(fa(head)).ptr().add(1));
                    next!(1)
                }
                Op::FMoveC => {
                    *fr.add(fa(head) as usize) = f64::from_bits(w!(1));
                    next!(2)
                }
                Op::FMoveOut => {
                    *hp = header(Kind::Float, 1);
                    *hp.add(1) = (*fr.add(fa(head) as usize)).to_bits();
                    set!(fb(head), Term::from_raw(hp as u64 | TAG_BOXED));
                    hp = hp.add(2);
                    next!(1)
                }
                Op::FConv => {
                    let t = src!(w!(1));
                    match arith::to_float(t) {
                        Some(f) => {
                            *fr.add(fa(head) as usize) = f;
                            next!(2)
                        }
                        None => {
                            sync_out!();
                            raise::plain(cx, am::BADARITH);
                            raised!(ip)
                        }
                    }
                }
                Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => {
                    let (x, y) = (*fr.add(fa(head) as usize), *fr.add(fb(head) as usize));
                    let r = match op_of(head) {
                        Op::FAdd => x + y,
                        Op::FSub => x - y,
                        Op::FMul => x * y,
                        _ => x / y,
                    };
                    if r.is_finite() {
                        *fr.add(fc(head) as usize) = r;
                        next!(1)
                    }
                    error!(am::BADARITH)
                }
                Op::FNeg => {
                    *fr.add(fb(head) as usize) = -*fr.add(fa(head) as usize);
                    next!(1)
                }

                // ---- maps
                Op::PutMapAssoc | Op::PutMapExact => {
                    let n = w!(2) as usize;
                    let m = get!(fa(head));
                    let pairs = &mut local.pairs;
                    pairs.clear();
                    for i in 0..n {
                        pairs.push((src!(w!(3 + 2 * i)), src!(w!(4 + 2 * i))));
                    }
                    if !m.is_map() {
                        if w!(1) != 0 {
                            jump!(w!(1) as isize);
                        }
                        error2!(am::BADMAP, m)
                    }
                    sync_out!();
                    cx.reductions -= 1;
                    let result = if op_of(head) == Op::PutMapAssoc {
                        Ok(term::map::put_many(cx.h(), m, pairs))
                    } else {
                        map::update_many(cx.h(), m, pairs)
                    };
                    match result {
                        Ok(t) => {
                            settle!(fb(head), t, fc(head) as usize);
                            next!(3 + 2 * n)
                        }
                        Err(key) => {
                            back_to_heap!();
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            error2!(am::BADKEY, key)
                        }
                    }
                }
                Op::HasMapFields => {
                    let m = get!(fa(head));
                    let n = w!(1) as usize;
                    let mut all = true;
                    for i in 0..n {
                        if term::map::get(m, src!(w!(2 + i))).is_none() {
                            all = false;
                            break;
                        }
                    }
                    test!(head, all, 2 + n)
                }
                Op::GetMapElement => {
                    let m = get!(fa(head));
                    match map::get_immediate(m, w!(1)) {
                        Some(v) => {
                            set!(w!(2) as u16, v);
                            next!(3)
                        }
                        None => jump!(fj(head)),
                    }
                }
                Op::GetMapElements => {
                    let m = get!(fa(head));
                    let n = w!(1) as usize;
                    let mut found = true;
                    // Destinations may overlap the map's register or later keys: values first.
                    let values = &mut local.values;
                    values.clear();
                    for i in 0..n {
                        match term::map::get(m, src!(w!(2 + 2 * i))) {
                            Some(v) => values.push(v),
                            None => {
                                found = false;
                                break;
                            }
                        }
                    }
                    if !found {
                        jump!(fj(head))
                    }
                    for i in 0..n {
                        set!(w!(3 + 2 * i) as u16, local.values[i]);
                    }
                    next!(2 + 2 * n)
                }

                // ---- bit syntax: matching
                Op::BsStartMatch => {
                    let t = get!(fa(head));
                    if t.is_kind(Kind::MatchContext) {
                        // A context that is matched from its present position.
                        set!(fb(head), t);
                        next!(2)
                    }
                    if t.is_bitstring() {
                        let mut t = t;
                        if room!() < 4 + SLACK || (torture && call::torture_due(cx, local, hp, sp)) {
                            // The source may lie beyond the live registers.
                            cx.p.saved.clear();
                            cx.p.saved.push(t);
                            collect!(fc(head) as usize, 4);
                            t = cx.p.saved.pop().expect("pushed above");
                        }
                        sync_out!();
                        let context = cx.h().match_context(t);
                        sync_in!();
                        set!(fb(head), context);
                        next!(2)
                    }
                    jump!(w!(1) as isize)
                }
                Op::BsGetInteger | Op::BsGetFloat | Op::BsGetBinary => {
                    let flags = w!(2);
                    let context = get!(fa(head));
                    let size = src!(w!(3));
                    let n = bits::field_bits(context, size, flags as u8 as usize, fb(head) != 0);
                    if let Some(n) = n {
                        if op_of(head) == Op::BsGetInteger
                            && let Some(t) = bits::get_small(context, n, (flags >> 8) as u8)
                        {
                            set!(fc(head), t);
                            next!(4)
                        }
                        sync_out!();
                        let t = match op_of(head) {
                            Op::BsGetInteger => bits::get_integer(cx.h(), context, n, (flags >> 8) as u8),
                            Op::BsGetFloat => bits::get_float(cx.h(), context, n, (flags >> 8) as u8),
                            _ => bits::get_bits(cx.h(), context, n),
                        };
                        if let Some(t) = t {
                            settle!(fc(head), t, (flags >> 16) as u16 as usize);
                            next!(4)
                        }
                    }
                    jump!(w!(1) as isize)
                }
                Op::BsSkip => {
                    let context = get!(fa(head));
                    match bits::field_bits(context, src!(w!(3)), w!(2) as usize, fb(head) != 0) {
                        Some(n) if bits::skip(context, n) => next!(4),
                        _ => jump!(w!(1) as isize),
                    }
                }
                Op::BsTestTail => test!(head, bits::left(get!(fa(head))) == w!(1) as usize, 2),
                Op::BsTestUnit => test!(head, bits::left(get!(fa(head))) % w!(1) as usize == 0, 2),
                Op::BsMatchString => {
                    let context = get!(fa(head));
                    let n = w!(1) as usize;
                    let bytes = std::slice::from_raw_parts(w!(2) as *const u8, n.div_ceil(8));
                    test!(head, bits::match_string(context, bytes, n), 3)
                }
                Op::BsGetTail => {
                    let context = get!(fa(head));
                    sync_out!();
                    let t = bits::tail(cx.h(), context);
                    settle!(fb(head), t, fc(head) as usize);
                    next!(1)
                }
                Op::BsGetPosition => {
                    set!(fb(head), Term::small(get!(fa(head)).word(1) as i64));
                    next!(1)
                }
                Op::BsSetPosition => {
                    let position = get!(fb(head)).small_value() as u64;
                    *get!(fa(head)).ptr().add(1) = position;
                    next!(1)
                }
                Op::BsGetUtf8 | Op::BsGetUtf16 | Op::BsGetUtf32 => {
                    let context = get!(fa(head));
                    let c = match op_of(head) {
                        Op::BsGetUtf8 => bits::get_utf8(context),
                        Op::BsGetUtf16 => bits::get_utf16(context, w!(1) as u8),
                        _ => bits::get_utf32(context, w!(1) as u8),
                    };
                    match c {
                        Some(c) => {
                            if w!(2) != u64::MAX {
                                set!(w!(2) as u16, Term::small(i64::from(c)));
                            }
                            next!(3)
                        }
                        None => jump!(fj(head)),
                    }
                }
                Op::BsMatch => {
                    // The first command that builds reserves room for all, under its own live registers: those that the commands before it
                    // write are among them, those that later ones write hold nothing yet. The context need not be among them.
                    let n = w!(1) as u16 as usize;
                    let need = (w!(1) >> 32) as usize;
                    let mut context = get!(fa(head));
                    let mut reserved = false;
                    macro_rules! reserve_all {
                        ($command:expr) => {
                            if !std::mem::replace(&mut reserved, true) && (room!() < need + SLACK || (torture && call::torture_due(cx, local, hp, sp))) {
                                cx.p.saved.clear();
                                cx.p.saved.push(context);
                                collect!(($command >> 32) as usize, need);
                                context = cx.p.saved.pop().expect("pushed above");
                                set!(fa(head), context);
                            }
                        };
                    }
                    let before = *context.ptr().add(1);
                    let mut ok = true;
                    for i in 0..n {
                        let command = w!(2 + 2 * i);
                        let more = w!(3 + 2 * i);
                        let size = (more & 0xffff_ffff) as usize;
                        let dst = (command >> 16) as u16;
                        match command as u8 {
                            0 => ok = bits::left(context) >= size && (bits::left(context) - size) % ((more >> 32) as usize).max(1) == 0,
                            1 => ok = bits::left(context) == size,
                            // What fails has built nothing.
                            2 | 3 if bits::left(context) < size => ok = false,
                            2 => {
                                let mut t = bits::get_small(context, size, (command >> 8) as u8);
                                if t.is_none() {
                                    reserve_all!(command);
                                    sync_out!();
                                    t = bits::get_integer(cx.h(), context, size, (command >> 8) as u8);
                                    back_to_heap!();
                                }
                                match t {
                                    Some(t) => set!(dst, t),
                                    None => ok = false,
                                }
                            }
                            3 | 5 => {
                                reserve_all!(command);
                                sync_out!();
                                let t = if command as u8 == 5 { Some(bits::tail(cx.h(), context)) } else { bits::get_bits(cx.h(), context, size) };
                                back_to_heap!();
                                match t {
                                    Some(t) => set!(dst, t),
                                    None => ok = false,
                                }
                            }
                            4 => ok = bits::skip(context, size),
                            // =:= : the next bits are this value
                            _ => ok = bits::take_uint(context, (command >> 32) as usize) == Some(more),
                        }
                        if !ok {
                            break;
                        }
                    }
                    if ok {
                        next!(2 + 2 * n)
                    }
                    // Whoever comes next matches from the same place.
                    *context.ptr().add(1) = before;
                    jump!(fj(head))
                }

                // ---- bit syntax: construction
                Op::BsCreate => {
                    let n = w!(2) as u32 as usize;
                    let segments = &mut local.segments;
                    sync_out!();
                    bits::segments(ip, segments, |w| src!(w));
                    match bits::create(cx, segments) {
                        Ok(t) => {
                            settle!(fa(head), t, fb(head) as usize, (w!(2) >> 32) as usize);
                            next!(3 + 4 * n)
                        }
                        Err(mut e) => {
                            back_to_heap!();
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            e.segment = w!(2 + 4 * e.segment) as usize;
                            bits::raise_create(cx, e);
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::BsInitWritable => {
                    sync_out!();
                    let t = bits::init_writable(cx.h(), *xp);
                    settle!(0, t, 0);
                    next!(1)
                }
                // The older instructions: a buffer under construction is kept in `local.building`.
                Op::BsInit => {
                    // a dst, c live; w1 fail, w2 = unit (1 bits, 8 bytes) | heap << 32, w3 size
                    match bits::old_size(src!(w!(3)), w!(2) as u32 as usize) {
                        Ok(n) => {
                            sync_out!();
                            let t = local.building.start(cx.h(), n);
                            settle!(fa(head), t, fc(head) as usize, (w!(2) >> 32) as usize);
                            local.building.moved(get!(fa(head)));
                            next!(4)
                        }
                        Err(e) => {
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            raise::plain(cx, e);
                            raised!(ip)
                        }
                    }
                }
                Op::BsAppend => {
                    // a dst, b bin, c live; w1 fail, w2 = heap | own unit << 32, w3 size in bits
                    let bin = get!(fb(head));
                    let own_unit = (w!(2) >> 32) as usize;
                    let result = if bin.bit_size().is_some_and(|n| n % own_unit.max(1) == 0) {
                        bits::old_size(src!(w!(3)), 1)
                    } else {
                        Err(am::BADARG)
                    };
                    match result {
                        Ok(n) => {
                            sync_out!();
                            let t = local.building.append(cx.h(), bin, n);
                            settle!(fa(head), t, fc(head) as usize, w!(2) as u32 as usize);
                            local.building.moved(get!(fa(head)));
                            next!(4)
                        }
                        Err(e) => {
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            raise::plain(cx, e);
                            raised!(ip)
                        }
                    }
                }
                Op::BsPutInteger | Op::BsPutBinary | Op::BsPutFloat => {
                    // w1 fail, w2 = unit | flags << 32, w3 size, w4 value
                    let kind = match op_of(head) {
                        Op::BsPutInteger => bits::INTEGER,
                        Op::BsPutFloat => bits::FLOAT,
                        _ => bits::BINARY,
                    };
                    let s = bits::Segment {
                        kind,
                        flags: (w!(2) >> 32) as u8,
                        unit: w!(2) as u32,
                        value: src!(w!(4)),
                        size: src!(w!(3)),
                        bytes: (std::ptr::null(), 0),
                    };
                    match local.building.put(&s) {
                        Ok(()) => next!(5),
                        Err(e) => {
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            raise::plain(cx, e);
                            raised!(ip)
                        }
                    }
                }
                Op::BsPutString => {
                    local.building.put_bytes(std::slice::from_raw_parts(w!(1) as *const u8, w!(2) as usize));
                    next!(3)
                }
                Op::BsPutUtf8 | Op::BsPutUtf16 | Op::BsPutUtf32 => {
                    // w1 fail, w2 flags, w3 value
                    let kind = match op_of(head) {
                        Op::BsPutUtf8 => bits::UTF8,
                        Op::BsPutUtf16 => bits::UTF16,
                        _ => bits::UTF32,
                    };
                    let s = bits::Segment {
                        kind,
                        flags: w!(2) as u8,
                        unit: 1,
                        value: src!(w!(3)),
                        size: Term::NIL,
                        bytes: (std::ptr::null(), 0),
                    };
                    match local.building.put(&s) {
                        Ok(()) => next!(4),
                        Err(e) => {
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            raise::plain(cx, e);
                            raised!(ip)
                        }
                    }
                }
                Op::BsUtf8Size | Op::BsUtf16Size => {
                    // a dst; w1 value
                    let t = src!(w!(1));
                    let c = t.as_small().unwrap_or(-1);
                    let n = if op_of(head) == Op::BsUtf8Size {
                        match c {
                            0..0x80 => 1,
                            0x80..0x800 => 2,
                            0x800..0x10000 => 3,
                            _ => 4,
                        }
                    } else if c >= 0x10000 {
                        4
                    } else {
                        2
                    };
                    set!(fa(head), Term::small(n));
                    next!(2)
                }
                Op::BsAdd => {
                    // a dst; w1 fail, w2 x, w3 y, w4 unit: x + y * unit
                    let (x, y) = (src!(w!(2)), src!(w!(3)));
                    match bits::old_add(x, y, w!(4) as i64) {
                        Ok(t) => {
                            set!(fa(head), t);
                            next!(5)
                        }
                        Err(e) => {
                            if w!(1) != 0 {
                                jump!(w!(1) as isize);
                            }
                            sync_out!();
                            raise::plain(cx, e);
                            raised!(ip)
                        }
                    }
                }

                // ---- native records
                Op::IsAnyRecord => test!(head, get!(fa(head)).is_record(), 1),
                Op::IsRecord => {
                    let (m, name) = (src!(w!(1)), src!(w!(2)));
                    test!(head, record::is(get!(fa(head)), m, name), 3)
                }
                Op::RecordAccessible => {
                    let scope = src!(w!(1));
                    test!(head, record::accessible(get!(fa(head)), scope), 2)
                }
                Op::GetRecordElements => {
                    let r = get!(fa(head));
                    let n = w!(1) as usize;
                    local.values.clear();
                    for i in 0..n {
                        match record::field(r, src!(w!(2 + 2 * i))) {
                            Some(v) => local.values.push(v),
                            None => break,
                        }
                    }
                    if local.values.len() < n {
                        jump!(fj(head))
                    }
                    for i in 0..n {
                        set!(w!(3 + 2 * i) as u16, local.values[i]);
                    }
                    next!(2 + 2 * n)
                }
                Op::GetRecordField => {
                    // a src, f fail; w1 id, w2 field, w3 dst
                    let r = get!(fa(head));
                    match record::get(cx, r, src!(w!(1)), src!(w!(2))) {
                        Ok(v) => {
                            set!(w!(3) as u16, v);
                            next!(4)
                        }
                        Err(reason) => {
                            if fj(head) != 0 {
                                jump!(fj(head))
                            }
                            sync_out!();
                            raise::record_error(cx, reason, r, src!(w!(2)));
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
                Op::PutRecord => {
                    // a dst, b live; w1 fail, w2 id, w3 src, w4 count, (field, value)*
                    let n = w!(4) as usize;
                    let pairs = &mut local.pairs;
                    pairs.clear();
                    for i in 0..n {
                        pairs.push((src!(w!(5 + 2 * i)), src!(w!(6 + 2 * i))));
                    }
                    let (id, from) = (src!(w!(2)), src!(w!(3)));
                    let module = raise::module_at(cx, ip);
                    sync_out!();
                    match record::put(cx, module, id, from, pairs) {
                        Ok(t) => {
                            settle!(fa(head), t, fb(head) as usize);
                            next!(5 + 2 * n)
                        }
                        Err((reason, value)) => {
                            back_to_heap!();
                            if w!(1) != 0 {
                                jump!(w!(1) as isize)
                            }
                            sync_out!();
                            raise::record_error(cx, reason, from, value);
                            back_to_heap!();
                            raised!(ip)
                        }
                    }
                }
            }
        };
        if STEP || cx.reductions <= 0 {
            leave!(target, arity_at(cx, target), Ended::Yield)
        }
        crate::machine::counted(cx, local, target);
        ip = target;
        head = *ip;
        }
    }
}

fn export_arity(cx: &Ctx, index: u32) -> usize {
    cx.node.natives[index as usize].arity as usize
}
