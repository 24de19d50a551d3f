//! Tracing.

use crate::result::Res;
use node::Ctx;
use term::{Term, am};

/// `system_flag(sequential_tracer, _)`: the one before.
pub fn set_sequential_tracer(cx: &mut Ctx, tracer: Term) -> Res {
    if tracer == am::FALSE { Ok(am::FALSE) } else { Err(cx.notsup()) }
}
