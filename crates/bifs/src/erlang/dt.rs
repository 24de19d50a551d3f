//! Tags of dynamic tracing. Without such tracing built in they do nothing, as in an emulator without it.

use node::{Ctx, Effect, Native, Stop};
use term::{Term, am};

type Result = std::result::Result<Term, Stop>;

pub const NATIVES: &[Native] = &[
    Native::new("erlang", "dt_get_tag", 0, undefined).effect(Effect::Process),
    Native::new("erlang", "dt_get_tag_data", 0, undefined).effect(Effect::Process),
    Native::new("erlang", "dt_put_tag", 1, undefined).effect(Effect::Process),
    Native::new("erlang", "dt_prepend_vm_tag_data", 1, same),
    Native::new("erlang", "dt_append_vm_tag_data", 1, same),
    Native::new("erlang", "dt_spread_tag", 1, yes).effect(Effect::Process),
    Native::new("erlang", "dt_restore_tag", 1, yes).effect(Effect::Process),
];

fn undefined(_: &mut Ctx, _: &[Term]) -> Result {
    Ok(am::UNDEFINED)
}
fn same(_: &mut Ctx, a: &[Term]) -> Result {
    Ok(a[0])
}
fn yes(_: &mut Ctx, _: &[Term]) -> Result {
    Ok(am::TRUE)
}
