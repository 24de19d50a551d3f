//! Memory figures in the shape that Erlang's half of `memory/0,1` and of `system_info({allocator, _})` asks for.

use crate::result::Res;
use node::Ctx;
use term::Term;

/// `system_info/1` of a tuple.
pub fn system_info(cx: &mut Ctx, _item: Term) -> Res {
    Err(cx.badarg())
}

/// `system_info/1` of an atom.
pub fn by_name(_cx: &mut Ctx, _item: &str) -> Option<Term> {
    None
}
