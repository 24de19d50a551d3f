//! Functions whose only work is to raise.

use node::{Ctx, Effect, Native, Stop};
use process::Class;
use term::{Term, am};

type Result = std::result::Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "error", 1, error_1).effect(Effect::Process),
    Native::new("erlang", "error", 2, error_2).effect(Effect::Process),
    Native::new("erlang", "error", 3, error_3).effect(Effect::Process),
    Native::new("erlang", "exit", 1, exit_1).effect(Effect::Process),
    Native::new("erlang", "throw", 1, throw_1).effect(Effect::Process),
    Native::new("erlang", "raise", 3, raise_3).effect(Effect::Process),
    Native::new("erlang", "nif_error", 1, nif_error).effect(Effect::Process),
    Native::new("erlang", "nif_error", 2, nif_error).effect(Effect::Process),
];

/// The function that raises is not shown in the trace.
fn hidden(cx: &mut Ctx, stop: Stop) -> Result {
    cx.p.exception.hide = true;
    Err(stop)
}

fn error_1(cx: &mut Ctx, a: &[Term]) -> Result {
    let stop = cx.error(a[0]);
    hidden(cx, stop)
}

/// Unlike `error/1,2` it is shown in the trace itself.
fn nif_error(cx: &mut Ctx, a: &[Term]) -> Result {
    Err(cx.error(a[0]))
}

/// The caller's frame shows these arguments instead of its arity.
fn error_2(cx: &mut Ctx, a: &[Term]) -> Result {
    let stop = cx.error(a[0]);
    // An improper list is shown too.
    if a[1].is_list() {
        cx.p.exception.args = a[1];
    }
    hidden(cx, stop)
}

fn error_3(cx: &mut Ctx, a: &[Term]) -> Result {
    // Options that are none say nothing; they do not hide the error itself.
    let mut info = Term::NONE;
    for o in a[2].proper_list().into_iter().flatten() {
        match o.as_tuple_n::<2>() {
            Some(&[am::ERROR_INFO, map]) if map.is_map() => info = map,
            _ => {
                info = Term::NONE;
                break;
            }
        }
    }
    let stop = cx.error(a[0]);
    if a[1].list_length().is_some() {
        cx.p.exception.args = a[1];
    }
    cx.p.exception.info = info;
    hidden(cx, stop)
}

fn exit_1(cx: &mut Ctx, a: &[Term]) -> Result {
    let stop = cx.exit(a[0]);
    hidden(cx, stop)
}

fn throw_1(cx: &mut Ctx, a: &[Term]) -> Result {
    let stop = cx.throw(a[0]);
    hidden(cx, stop)
}

/// `raise(Class, Reason, Stacktrace)`: the atom `badarg` as result if the class or the trace is none.
fn raise_3(cx: &mut Ctx, a: &[Term]) -> Result {
    let Some(class) = Class::from_atom(a[0]) else { return Ok(am::BADARG) };
    let Some(frames) = a[2].proper_list() else { return Ok(am::BADARG) };
    // However short traces are to be, they name one place.
    let depth = cx.node.backtrace_depth.load(std::sync::atomic::Ordering::Relaxed).max(1);
    let mut kept = Vec::new();
    for f in frames {
        let ok = match f.as_tuple() {
            Some(&[m, name, args, location]) => m.is_atom() && name.is_atom() && (args.is_small() || args.is_list()) && location.is_list(),
            Some(&[m, name, args]) if m.is_atom() && name.is_atom() => args.is_small() || args.is_list(),
            Some(&[fun, args]) => fun.is_fun() && args.is_list(),
            Some(&[fun, args, location]) => fun.is_fun() && args.is_list() && location.is_list(),
            _ => false,
        };
        if !ok {
            return Ok(am::BADARG);
        }
        if kept.len() < depth {
            let f = match f.as_tuple() {
                Some(&[m, name, args]) if m.is_atom() => cx.h().tuple(&[m, name, args, Term::NIL]),
                _ => f,
            };
            kept.push(f);
        }
    }
    let trace = cx.h().list(&kept);
    let stop = match class {
        Class::Error => cx.error(a[1]),
        Class::Exit => cx.exit(a[1]),
        Class::Throw => cx.throw(a[1]),
    };
    cx.p.exception.trace = trace;
    hidden(cx, stop)
}
