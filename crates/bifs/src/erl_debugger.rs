//! Module `erl_debugger` (since release 28), on a machine that was not started as a debugger's (`+D`): it is not supported, and its functions say so.

use crate::result::Res;
use node::{Ctx, Native};
use term::{Term, am};

fn supported(_: &mut Ctx, _: &[Term]) -> Res {
    Ok(am::FALSE)
}

fn not_there(cx: &mut Ctx, _: &[Term]) -> Res {
    Err(cx.undef())
}

pub const NATIVES: &[Native] = &[
    Native::new("erl_debugger", "supported", 0, supported),
    Native::new("erl_debugger", "instrumentations", 0, not_there),
    Native::new("erl_debugger", "toggle_instrumentations", 1, not_there),
    Native::new("erl_debugger", "register", 1, not_there),
    Native::new("erl_debugger", "unregister", 2, not_there),
    Native::new("erl_debugger", "whereis", 0, not_there),
    Native::new("erl_debugger", "breakpoint", 3, not_there),
    Native::new("erl_debugger", "breakpoints", 1, not_there),
    Native::new("erl_debugger", "breakpoints", 3, not_there),
    Native::new("erl_debugger", "stack_frames", 2, not_there),
    Native::new("erl_debugger", "peek_stack_frame_slot", 4, not_there),
    Native::new("erl_debugger", "xregs_count", 1, not_there),
    Native::new("erl_debugger", "peek_xreg", 3, not_there),
    Native::new("erts_internal", "notify_breakpoint_hit", 3, not_there),
];
