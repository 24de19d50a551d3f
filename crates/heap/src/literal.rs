//! The literal range: one reserved span of addresses in which all literal areas lie, so that "is it a literal" is one comparison.

use base::sync::Mutex;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use term::copy::LiteralRange;
use term::word::{TAG_BOXED, TAG_CONS, TAG_MASK};
use term::{Alloc, Term};

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
                SIZE.store(size, Relaxed);
                return Range { base: p as usize, state: Mutex::new(State::default()) };
            }
            Err(_) if size > 64 << 20 => size /= 2,
            Err(e) => panic!("cannot reserve {size} bytes of addresses for literals: {e}"),
        }
    }
});
static SIZE: AtomicUsize = AtomicUsize::new(RANGE);

/// Base address and length of the literal range.
#[inline]
pub fn literal_range() -> (usize, usize) {
    let base = RESERVED.base;
    (base, SIZE.load(Relaxed))
}

/// True if a pointer term leads into a literal area.
#[inline]
pub fn is_literal(t: Term) -> bool {
    let (base, len) = literal_range();
    t.is_pointer() && (t.ptr() as usize).wrapping_sub(base) < len
}

// ---- areas on their way out

/// The span that holds all areas that are about to be freed: copies of terms no longer lead there. One node at a time frees any.
static GOING: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));
static GOING_CLAIMED: AtomicBool = AtomicBool::new(false);

/// The areas that a node is about to free.
#[derive(Debug)]
pub struct Going {
    /// First address and length in bytes, in order of the addresses.
    spans: Vec<(usize, usize)>,
    words: Vec<usize>,
}

impl Going {
    /// From now on copies of terms no longer lead into these areas; what was copied before still may. `None` while another node
    /// frees areas. Areas of no words need nothing of all this.
    pub fn begin<'a>(areas: impl Iterator<Item = &'a LiteralArea>) -> Option<Going> {
        if GOING_CLAIMED.swap(true, Acquire) {
            return None;
        }
        let mut all: Vec<((usize, usize), usize)> = areas.filter(|a| a.bytes > 0).map(|a| (a.span(), a.words)).collect();
        all.sort_unstable();
        let (first, end) = (all.first().map_or(0, |a| a.0.0), all.last().map_or(0, |a| a.0.0 + a.0.1));
        // A reader between the two stores sees an empty span, or one from no area on.
        GOING.1.store(0, SeqCst);
        GOING.0.store(first, SeqCst);
        GOING.1.store(end - first, SeqCst);
        Some(Going { spans: all.iter().map(|a| a.0).collect(), words: all.iter().map(|a| a.1).collect() })
    }
    /// Index of the area that a word may lead into, if it is a pointer.
    #[inline]
    pub fn find(&self, word: u64) -> Option<usize> {
        let (at, tag) = ((word & !TAG_MASK) as usize, word & TAG_MASK);
        if tag != TAG_CONS && tag != TAG_BOXED {
            return None;
        }
        let i = self.spans.partition_point(|s| s.0 <= at).checked_sub(1)?;
        (at - self.spans[i].0 < self.spans[i].1).then_some(i)
    }
    /// Words of all areas for which `wanted` is set.
    pub(crate) fn words(&self, wanted: &[bool]) -> usize {
        self.words.iter().zip(wanted).filter(|w| *w.1).map(|w| w.0).sum()
    }
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
    pub(crate) fn count(&self) -> usize {
        self.spans.len()
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        GOING.1.store(0, SeqCst);
        GOING_CLAIMED.store(false, Release);
    }
}

/// What copies of terms may go on pointing to.
#[inline]
pub fn lasting_literals() -> LiteralRange {
    let (base, len) = literal_range();
    // In this order: see `Going::begin`.
    let going_len = GOING.1.load(SeqCst);
    LiteralRange { base, len, going: GOING.0.load(SeqCst), going_len }
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
        let off_heap = a.off_heap;
        // All it has built is in the area, which owns the cells now.
        std::mem::forget(a);
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
