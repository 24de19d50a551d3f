//! How the C library's allocator treats large blocks. Collectors take and give back blocks of some hundred kilobytes all the
//! time; by default each of those is a mapping of its own, made and unmade by the kernel, page faults included.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The allocator is this node's own.
static OWN: AtomicBool = AtomicBool::new(false);

/// Keeps large blocks up to 32 MiB in the allocator's own lists. Affects the whole program, so only a program that is a node calls it.
pub fn keep_large_blocks() {
    const LIMIT: i32 = 32 << 20;
    // SAFETY: rule 7: sets numbers in the allocator; called before threads allocate.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LIMIT);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LIMIT);
    }
    OWN.store(true, Relaxed);
}

/// Gives free pages back to the system, if the allocator was made to keep them.
pub fn give_back() {
    if OWN.load(Relaxed) {
        // SAFETY: rule 7: the allocator's own function, callable at any time.
        #[cfg(target_env = "gnu")]
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
