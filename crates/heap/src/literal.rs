//! The literal range: one reserved span of addresses in which all literal areas lie, so that "is it a literal" is one comparison.

use base::sync::Mutex;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect};
use std::sync::LazyLock;
use term::{Alloc, Fragment, Term};

const RANGE: usize = 64 << 30;
const PAGE: usize = 4096;

struct Range {
    base: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Bytes handed out so far, and how many of them are accessible.
    top: usize,
    committed: usize,
    /// Freed spans: (offset, bytes).
    free: Vec<(usize, usize)>,
}

static RESERVED: LazyLock<Range> = LazyLock::new(|| {
    // Less is tried where the address space is limited.
    let mut size = RANGE;
    loop {
        // SAFETY: a fresh private mapping without access; nothing refers to it yet.
        match unsafe { mmap_anonymous(std::ptr::null_mut(), size, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE) } {
            Ok(p) => {
                SIZE.store(size, std::sync::atomic::Ordering::Relaxed);
                return Range { base: p as usize, state: Mutex::new(State::default()) };
            }
            Err(_) if size > 64 << 20 => size /= 2,
            Err(e) => panic!("cannot reserve {size} bytes of addresses for literals: {e}"),
        }
    }
});
static SIZE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(RANGE);

/// Base address and length of the literal range.
pub fn literal_range() -> (usize, usize) {
    let base = RESERVED.base;
    (base, SIZE.load(std::sync::atomic::Ordering::Relaxed))
}

/// True if a pointer term leads into a literal area.
#[inline]
pub fn is_literal(t: Term) -> bool {
    let (base, len) = literal_range();
    t.is_pointer() && (t.ptr() as usize).wrapping_sub(base) < len
}

/// Literal terms of one owner (a version of a module, a persistent term): built once, then only read, freed when dropped.
#[derive(Debug)]
pub struct LiteralArea {
    offset: usize,
    bytes: usize,
    words: usize,
    /// Off-heap cells in the area; their counts are given up with it.
    off_heap: *mut u64,
}

// SAFETY: rule 4: after building, an area is only read.
unsafe impl Send for LiteralArea {}
// SAFETY: rule 4.
unsafe impl Sync for LiteralArea {}

impl LiteralArea {
    pub const EMPTY: LiteralArea = LiteralArea { offset: 0, bytes: 0, words: 0, off_heap: std::ptr::null_mut() };

    /// Builds `words` words of terms in a new area: `build` gets an allocator with just that room.
    pub fn build<R>(words: usize, build: impl FnOnce(&mut Alloc) -> R) -> (LiteralArea, R) {
        if words == 0 {
            let mut a = Alloc::new();
            let r = build(&mut a);
            assert!(!a.has_fragments(), "a literal area of no words has no terms in it");
            return (LiteralArea::EMPTY, r);
        }
        let bytes = (words * 8).next_multiple_of(64);
        let offset = take(bytes);
        let start = (RESERVED.base + offset) as *mut u64;
        let mut a = Alloc::new();
        a.hp = start;
        // SAFETY: `take` gave `bytes` accessible bytes at `start`.
        a.limit = unsafe { start.add(words) };
        let r = build(&mut a);
        assert!(!a.has_fragments(), "literals took more than the {words} words asked for");
        let f: Fragment = a.finish();
        let (_, off_heap) = f.into_parts();
        (LiteralArea { offset, bytes, words, off_heap }, r)
    }
    pub fn words(&self) -> usize {
        self.words
    }
    pub fn contains(&self, t: Term) -> bool {
        t.is_pointer() && (t.ptr() as usize).wrapping_sub(RESERVED.base + self.offset) < self.bytes
    }
    /// First address and length in bytes.
    pub fn span(&self) -> (usize, usize) {
        (RESERVED.base + self.offset, self.bytes)
    }
}

impl Drop for LiteralArea {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        // SAFETY: the owner has made sure that no process refers to the area any more.
        unsafe { term::alloc::release_off_heap(self.off_heap) };
        let mut s = RESERVED.state.lock();
        s.free.push((self.offset, self.bytes));
        if self.bytes >= 64 * PAGE {
            let from = (RESERVED.base + self.offset).next_multiple_of(PAGE);
            let to = (RESERVED.base + self.offset + self.bytes) & !(PAGE - 1);
            // SAFETY: whole pages of a freed area: their contents are not needed.
            let _ = unsafe { madvise(from as *mut _, to - from, Advice::LinuxDontNeed) };
        }
    }
}

fn take(bytes: usize) -> usize {
    let r = &*RESERVED;
    let mut s = r.state.lock();
    if let Some(i) = s.free.iter().position(|&(_, n)| n >= bytes) {
        let (offset, n) = s.free[i];
        if n == bytes {
            s.free.swap_remove(i);
        } else {
            s.free[i] = (offset + bytes, n - bytes);
        }
        return offset;
    }
    let offset = s.top;
    s.top += bytes;
    assert!(s.top <= literal_range().1, "the literal range is used up");
    if s.top > s.committed {
        let more = (s.top - s.committed).next_multiple_of(1 << 20);
        // SAFETY: the pages are ours and not yet in use.
        unsafe { mprotect((r.base + s.committed) as *mut _, more, MprotectFlags::READ | MprotectFlags::WRITE) }
            .unwrap_or_else(|e| panic!("cannot get {more} bytes of memory for literals: {e}"));
        s.committed += more;
    }
    offset
}
