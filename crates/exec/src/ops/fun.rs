//! Calling funs.

use node::Ctx;
use std::sync::atomic::Ordering::Acquire;
use term::fun::{Export, FunEntry};
use term::{Term, am};

/// Where a call of `f` with `n` arguments in `xp` goes; puts a closure's free variables behind the arguments. `Err`: not a fun of arity n.
///
/// # Safety
/// Rule 2: `xp` is this thread's x registers.
pub unsafe fn target(_cx: &mut Ctx, f: Term, n: usize, xp: *mut Term) -> Result<*const u64, ()> {
    if let Some((entry, env)) = f.as_local_fun() {
        if usize::from(entry.arity) != n {
            return Err(());
        }
        for (i, t) in env.iter().enumerate() {
            // SAFETY: arity and free variables together are at most 255.
            unsafe { *xp.add(n + i) = *t };
        }
        return Ok(entry.address.load(Acquire));
    }
    match f.as_export_fun() {
        Some(e) if usize::from(e.arity) == n => Ok(e.address.load(Acquire)),
        _ => Err(()),
    }
}

/// Prepares the call `error_handler:undefined_lambda(Module, Fun, Args)` for a fun whose module is not loaded. `Err`: the module is
/// loaded, but this fun (given back) is not in it.
///
/// # Safety
/// Rule 2.
pub unsafe fn undefined_fun(cx: &mut Ctx, e: &'static FunEntry, xp: *mut Term) -> Result<&'static Export, Term> {
    let n = usize::from(e.arity);
    // SAFETY: arguments and free variables are in the registers.
    let (args, env) = unsafe { (std::slice::from_raw_parts(xp, n), std::slice::from_raw_parts(xp.add(n), e.num_free as usize)) };
    let f = cx.h().fun(e, env);
    let waits = cx.node.wait_for_purge(cx.pid, cx.p, e);
    if !waits && cx.node.code.current(e.module).is_some() {
        return Err(f);
    }
    let list = cx.h().list(args);
    // SAFETY: rule 2.
    unsafe {
        *xp = e.module;
        *xp.add(1) = f;
        *xp.add(2) = list;
    }
    if waits {
        // Tried again once the purge has ended.
        cx.give_up();
        return Ok(cx.node.code.export(term::atom!("erts_code_purger"), term::atom!("pending_purge_lambda"), 3));
    }
    Ok(cx.node.code.export(cx.p.error_handler, am::UNDEFINED_LAMBDA, 3))
}
