//! A large range of addresses that is taken at once and given memory piece by piece.
//! So a question such as "is this a literal?" is one subtraction and one comparison.

use std::ptr::NonNull;

use rustix::mm::{self, MapFlags, MprotectFlags, ProtFlags};

use crate::{Errno, Result};

/// The range. Nothing in it may be touched before `commit`.
pub struct Reserve {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: rule 5: the value is only an address and a length; the kernel serialises what it is asked about them.
unsafe impl Send for Reserve {}
// SAFETY: rule 5: as above.
unsafe impl Sync for Reserve {}

impl Reserve {
    /// Takes at least `bytes` addresses (whole pages), without memory behind them.
    pub fn new(bytes: usize) -> Result<Reserve> {
        let page = rustix::param::page_size();
        let len = bytes.checked_next_multiple_of(page).filter(|n| *n > 0).ok_or(Errno::EINVAL)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: rule 5: a fresh anonymous mapping, where the kernel finds room.
        let base = unsafe { mm::mmap_anonymous(std::ptr::null_mut(), len, ProtFlags::empty(), flags)? };
        let base = NonNull::new(base.cast()).ok_or(Errno::ENOMEM)?;
        Ok(Reserve { base, len })
    }

    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    /// Is the address in the range?
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base.as_ptr() as usize) < self.len
    }

    /// Puts memory, zeroed when first used, behind the pages that hold `offset .. offset + bytes`.
    pub fn commit(&self, offset: usize, bytes: usize) -> Result<*mut u8> {
        let (start, len) = self.pages(offset, bytes, false)?;
        // SAFETY: rule 5: the pages are inside the range; gaining rights harms nobody.
        unsafe { mm::mprotect(self.base.as_ptr().add(start).cast(), len, MprotectFlags::READ | MprotectFlags::WRITE)? };
        Ok(self.base.as_ptr().wrapping_add(offset))
    }

    /// Gives the memory of the pages wholly inside `offset .. offset + bytes` back; they fault until committed again.
    ///
    /// # Safety
    /// Nobody uses that memory any more.
    pub unsafe fn release(&self, offset: usize, bytes: usize) -> Result<()> {
        let (start, len) = self.pages(offset, bytes, true)?;
        if len == 0 {
            return Ok(());
        }
        let at = self.base.as_ptr().wrapping_add(start).cast();
        // SAFETY: rule 5: the pages are inside the range and, by the caller's promise, unused.
        unsafe {
            mm::madvise(at, len, mm::Advice::LinuxDontNeed)?;
            mm::mprotect(at, len, MprotectFlags::empty())?;
        }
        Ok(())
    }

    /// The pages of a part: those that it touches, or only those that it fills.
    fn pages(&self, offset: usize, bytes: usize, inside: bool) -> Result<(usize, usize)> {
        let page = rustix::param::page_size();
        let end = offset.checked_add(bytes).filter(|end| *end <= self.len).ok_or(Errno::EINVAL)?;
        let (start, end) = if inside {
            (offset.next_multiple_of(page), end / page * page)
        } else {
            (offset / page * page, end.next_multiple_of(page))
        };
        Ok((start, end.saturating_sub(start)))
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // SAFETY: rule 5: the mapping is ours alone and ends with us.
        let _ = unsafe { mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_parts() {
        let r = Reserve::new(1 << 30).unwrap();
        let p = r.commit(5000, 10_000).unwrap();
        // SAFETY: rule 5: committed just above.
        unsafe {
            assert_eq!(p.read(), 0);
            p.add(9_999).write(7);
            r.release(0, r.len()).unwrap();
        }
        assert!(r.contains(p as usize) && !r.contains(0) && !r.contains(r.base() as usize + r.len()));
        assert_eq!(r.commit(1 << 30, 1), Err(Errno::EINVAL));
    }
}
