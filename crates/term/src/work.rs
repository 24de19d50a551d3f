//! A stack of work for walks over terms of any depth: the first entries stand in place, further ones on the native heap.

use std::mem::MaybeUninit;

const INLINE: usize = 8;

pub struct Work<T: Copy> {
    inline: [MaybeUninit<T>; INLINE],
    len: usize,
    more: Vec<T>,
}

impl<T: Copy> Work<T> {
    #[inline(always)]
    pub fn new() -> Work<T> {
        Work { inline: [const { MaybeUninit::uninit() }; INLINE], len: 0, more: Vec::new() }
    }
    #[inline(always)]
    pub fn push(&mut self, item: T) {
        if self.len < INLINE {
            self.inline[self.len].write(item);
            self.len += 1;
        } else {
            self.more.push(item);
        }
    }
    #[inline(always)]
    pub fn pop(&mut self) -> Option<T> {
        if self.len == INLINE
            && let Some(item) = self.more.pop()
        {
            return Some(item);
        }
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        // SAFETY: rule 7: entries below `len` have been written.
        Some(unsafe { self.inline[self.len].assume_init() })
    }
}
