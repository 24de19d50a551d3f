//! Module `io`.

use node::{Ctx, Effect, Native, Stop};
use term::{Term, am};

pub const NATIVES: &[Native] = &[Native::new("io", "printable_range", 0, printable_range).effect(Effect::Node)];

fn printable_range(cx: &mut Ctx, _: &[Term]) -> Result<Term, Stop> {
    Ok(if cx.node.config.text.printable_unicode { am::UNICODE } else { am::LATIN1 })
}
