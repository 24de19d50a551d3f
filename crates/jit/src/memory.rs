//! Memory for machine code: one file in memory, mapped twice, so that no page is ever both written and run.

use base::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room for all machine code of a node. Pages are taken from the system when they are first written.
const SIZE: usize = 64 << 20;
const ALIGN: usize = 16;

pub struct Arena {
    writable: *mut u8,
    runnable: *mut u8,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    /// First byte never used.
    next: usize,
    /// Freed ones: offset and length.
    free: BTreeMap<usize, usize>,
    used: usize,
}

// SAFETY: rule 3: blocks are written by who has them alone.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

/// Some code; its room is free again when it is dropped.
pub struct Block {
    arena: Arc<Arena>,
    offset: usize,
    len: usize,
}

impl Arena {
    /// `None`: the system does not allow it.
    pub fn new() -> Option<Arc<Arena>> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        let file = rustix::fs::memfd_create("ferrobeam-code", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
        rustix::fs::ftruncate(&file, SIZE as u64).ok()?;
        let map = |protection| {
            // SAFETY: a new mapping at an address that the system chooses.
            unsafe { mmap(std::ptr::null_mut(), SIZE, protection, MapFlags::SHARED | MapFlags::NORESERVE, &file, 0) }
        };
        let writable: *mut u8 = map(ProtFlags::READ | ProtFlags::WRITE).ok()?.cast();
        let Ok(runnable) = map(ProtFlags::READ | ProtFlags::EXEC) else {
            // SAFETY: mapped above, and nobody has seen it.
            let _ = unsafe { rustix::mm::munmap(writable.cast::<std::ffi::c_void>(), SIZE) };
            return None;
        };
        Some(Arc::new(Arena { writable, runnable: runnable.cast(), rooms: Mutex::default() }))
    }

    /// Puts code into memory, behind the word that it stands for. `None`: there is no room.
    pub fn put(self: &Arc<Arena>, original: u64, code: &[u8]) -> Option<Block> {
        let len = (ALIGN + code.len()).next_multiple_of(ALIGN);
        let offset = {
            let mut rooms = self.rooms.lock();
            let found = rooms.free.iter().find(|f| *f.1 >= len).map(|f| (*f.0, *f.1));
            let offset = match found {
                Some((offset, n)) => {
                    rooms.free.remove(&offset);
                    if n > len {
                        rooms.free.insert(offset + len, n - len);
                    }
                    offset
                }
                None if rooms.next + len <= SIZE => {
                    rooms.next += len;
                    rooms.next - len
                }
                None => return None,
            };
            rooms.used += len;
            offset
        };
        // SAFETY: rule 3: the room is this block's alone.
        unsafe {
            let at = self.writable.add(offset);
            at.add(ALIGN - 8).cast::<u64>().write(original);
            at.add(ALIGN).copy_from_nonoverlapping(code.as_ptr(), code.len());
        }
        let block = Block { arena: self.clone(), offset, len };
        crate::stubs::synchronize(block.address(), code.len());
        Some(block)
    }
    pub fn used(&self) -> usize {
        self.rooms.lock().used
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: rule 3: no block is left.
        unsafe {
            let _ = rustix::mm::munmap(self.writable.cast(), SIZE);
            let _ = rustix::mm::munmap(self.runnable.cast(), SIZE);
        }
    }
}

impl Block {
    /// Where the code begins.
    pub fn address(&self) -> *const u8 {
        self.arena.runnable.wrapping_add(self.offset + ALIGN)
    }
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut rooms = self.arena.rooms.lock();
        rooms.used -= self.len;
        let (mut offset, mut len) = (self.offset, self.len);
        if let Some((&before, &n)) = rooms.free.range(..offset).next_back()
            && before + n == offset
        {
            rooms.free.remove(&before);
            offset = before;
            len += n;
        }
        if let Some(n) = rooms.free.remove(&(offset + len)) {
            len += n;
        }
        rooms.free.insert(offset, len);
    }
}
