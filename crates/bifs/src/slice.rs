//! Long work in slices: what a native function keeps when it gives way to other processes.

use node::{Ctx, Stop};
use process::NativeState;
use std::any::Any;
use term::Term;

struct Kept<T>(T);

impl<T: Send + 'static> NativeState for Kept<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What this function kept when it gave way, or the beginning. `T` is a type of one function's own.
pub fn resume<T: Send + Default + 'static>(cx: &mut Ctx) -> T {
    let mine = cx.p.native_state.as_mut().and_then(|s| s.as_any().downcast_mut::<Kept<T>>());
    let kept = mine.map(|k| std::mem::take(&mut k.0));
    if kept.is_some() {
        cx.p.native_state = None;
    }
    kept.unwrap_or_default()
}

/// Gives way; the function will be called again with the same arguments.
pub fn give_way<T: Send + 'static>(cx: &mut Ctx, state: T) -> Stop {
    cx.p.native_state = Some(Box::new(Kept(state)));
    Stop::Yield
}

/// Terms that a native function keeps: collections move them.
struct Terms<const N: usize>([Term; N]);

impl<const N: usize> NativeState for Terms<N> {
    fn roots(&mut self) -> &mut [Term] {
        &mut self.0
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What this function kept with `keep_terms` when it gave way.
pub fn kept_terms<const N: usize>(cx: &mut Ctx) -> Option<[Term; N]> {
    kept::<Terms<N>>(cx).map(|t| t.0)
}

/// Gives way; the function will be called again with the same arguments.
pub fn keep_terms<const N: usize>(cx: &mut Ctx, terms: [Term; N]) -> Stop {
    keep(cx, Box::new(Terms(terms)))
}

/// The state of this type that this function kept with `keep` when it gave way.
pub fn kept<T: NativeState>(cx: &mut Ctx) -> Option<Box<T>> {
    if !cx.p.native_state.as_mut().is_some_and(|s| s.as_any().is::<T>()) {
        return None;
    }
    cx.p.native_state.take().and_then(|s| (s as Box<dyn Any>).downcast().ok())
}

/// Gives way; the function will be called again with the same arguments.
pub fn keep<T: NativeState>(cx: &mut Ctx, state: Box<T>) -> Stop {
    cx.p.native_state = Some(state);
    Stop::Yield
}

/// How many elements (or whatever else is counted) to handle now, at so many for a reduction.
pub fn elements(cx: &Ctx, per_reduction: usize) -> usize {
    usize::try_from(cx.reductions.max(100)).unwrap_or(usize::MAX).saturating_mul(per_reduction)
}

/// How many bytes to handle now, at so many for a reduction.
pub fn budget(cx: &Ctx, bytes_per_reduction: usize) -> usize {
    (cx.reductions.max(1) as usize * bytes_per_reduction).max(1 << 16)
}
