//! How the results of lower storeys become results of native functions.

use node::{Ctx, Stop};
use term::Term;
use term::int::ArithError;

/// Parts of a term, or bytes, that are too much to handle at once on a scheduler: some milliseconds' work.
pub const MUCH: usize = 50_000;
pub const MANY_BYTES: usize = 400_000;

/// What a native function answers.
pub type Res = Result<Term, Stop>;

/// An arithmetic result as a native function's.
#[inline]
pub fn arith(cx: &mut Ctx, r: Result<Term, ArithError>) -> Res {
    match r {
        // The releases since 27 have a lower limit than the arithmetic itself.
        Ok(t) if t.is_big() && too_long(cx, t) => Err(cx.system_limit()),
        Ok(t) => Ok(t),
        Err(ArithError::BadArith) => Err(cx.badarith()),
        Err(ArithError::SystemLimit) => Err(cx.system_limit()),
    }
}

/// Is this big integer longer than the release's arithmetic gives?
pub fn too_long(cx: &Ctx, t: Term) -> bool {
    t.as_big().is_some_and(|(_, mag)| mag.len() > num::MAX_LIMBS_27 && cx.node.code.release >= 27)
}
