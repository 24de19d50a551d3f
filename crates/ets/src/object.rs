//! One object of a table: a tuple copied into one allocation of its own.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use term::copy::{LiteralRange, copy_sized, size};
use term::{Alloc, Kind, Term};

/// Words before the copied term: its size, its off-heap cells, the term itself.
pub const HEAD: usize = 3;

/// An owned object. Freed by `Drop`.
#[repr(transparent)]
pub struct Obj(NonNull<u64>);

// SAFETY: rules 1 and 2.
unsafe impl Send for Obj {}
// SAFETY: rules 1 and 2.
unsafe impl Sync for Obj {}

fn layout(words: usize) -> Layout {
    Layout::array::<u64>(HEAD + words).expect("an object's size fits the address space")
}

impl Obj {
    /// Copies a term.
    #[inline]
    pub fn new(t: Term) -> Obj {
        let words = size(t, LiteralRange::NONE);
        let l = layout(words);
        // SAFETY: rule 1: the layout is not empty; the allocator below hands out exactly the words after the head.
        unsafe {
            let Some(p) = NonNull::new(alloc(l).cast::<u64>()) else { handle_alloc_error(l) };
            let p = p.as_ptr();
            let mut a = Alloc::new();
            a.hp = p.add(HEAD);
            a.limit = a.hp.add(words);
            let copied = copy_sized(t, words, &mut a, LiteralRange::NONE);
            debug_assert!(!a.has_fragments());
            let off_heap = a.off_heap;
            std::mem::forget(a);
            *p = words as u64;
            *p.add(1) = off_heap as u64;
            *p.add(2) = copied.raw();
            Obj(NonNull::new_unchecked(p))
        }
    }
    /// The term; valid while the object is.
    #[inline(always)]
    pub fn term(&self) -> Term {
        // SAFETY: rule 1.
        unsafe { Term::from_raw(*self.0.as_ptr().add(2)) }
    }
    /// Words of the term.
    #[inline(always)]
    pub fn words(&self) -> usize {
        // SAFETY: rule 1.
        unsafe { *self.0.as_ptr() as usize }
    }
    /// The elements of the tuple.
    #[inline(always)]
    pub fn elements(&self) -> &[Term] {
        self.term().as_tuple().unwrap_or(&[])
    }
    /// The key, at position `keypos` (from 1).
    #[inline(always)]
    pub fn key(&self, keypos: usize) -> Term {
        debug_assert!(self.term().is_kind(Kind::Tuple) && keypos <= self.elements().len());
        // SAFETY: rule 1: tables take only tuples with that element.
        unsafe { Term::from_raw(*self.term().ptr().add(keypos)) }
    }
    /// A copy of the whole.
    #[inline]
    pub fn copy_to(&self, a: &mut Alloc) -> Term {
        copy_sized(self.term(), self.words(), a, LiteralRange::NONE)
    }
    /// Overwrites an element by another immediate, if that is all it takes. `position` is from 1.
    pub fn set_immediate(&mut self, position: usize, value: Term) -> bool {
        let Some(old) = self.elements().get(position - 1) else { return false };
        if !old.is_immediate() || !value.is_immediate() {
            return false;
        }
        // SAFETY: rule 2: the caller has the object exclusively; words of the object do not change their number.
        unsafe { *self.term().ptr().add(position) = value.raw() };
        true
    }
    pub(crate) fn into_raw(self) -> u64 {
        let p = self.0.as_ptr() as u64;
        std::mem::forget(self);
        p
    }
    /// # Safety
    /// Rule 1: `raw` came from `into_raw` and is given up here.
    pub(crate) unsafe fn from_raw(raw: u64) -> Obj {
        // SAFETY: the caller's promise.
        Obj(unsafe { NonNull::new_unchecked(raw as *mut u64) })
    }
}

impl Drop for Obj {
    fn drop(&mut self) {
        let p = self.0.as_ptr();
        // SAFETY: rule 1: freed once; nobody refers to its off-heap cells any more.
        unsafe {
            let words = *p as usize;
            let off_heap = *p.add(1) as *mut u64;
            if !off_heap.is_null() {
                term::alloc::release_off_heap(off_heap);
            }
            dealloc(p.cast(), layout(words));
        }
    }
}
