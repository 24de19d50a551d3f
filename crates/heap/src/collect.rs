//! The generational copying collector.
//!
//! Young terms live in the block below `hp` and in fragments. A minor collection copies the live ones to a new block; those
//! that have survived one before (below the `mark`) go to the old generation instead. A major collection copies both
//! generations into a new block. There are no write barriers: terms are immutable, so old ones never lead to young ones.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::null_mut;
use crate::Going;
use base::hash::Map;
use term::alloc::{cell_bytes, off_heap_next, release_cell, release_off_heap, retain_cell};
use term::word::{Kind, TAG_BOXED, TAG_CONS, TAG_MASK, header_kind, header_len, is_header};
use term::{Alloc, Term};

/// Smallest block of a process: ERTS' default `min_heap_size`.
pub const MIN_WORDS: usize = 233;

/// What one process's collector has done.
#[derive(Default, Clone, Copy, Debug)]
pub struct HeapStats {
    pub minor_since_major: u32,
    pub minors: u64,
    pub majors: u64,
    pub reclaimed_words: u64,
}

/// Why a collection was impossible.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    /// The process would exceed its `max_heap_size` (words, with stack, fragments and both generations).
    TooLarge(usize),
}

/// Words between heap and stack that native code never gets: for continuation pointers, which calls push without a check.
pub const SLACK: usize = 8;

/// A process's memory. `alloc.hp` is the heap's top, `sp` the stack's; `alloc.limit` stays `SLACK` words below `sp`.
#[repr(C)]
pub struct Heap {
    pub alloc: Alloc,
    /// Top of the stack.
    pub sp: *mut u64,
    /// The block: heap from `start` up, stack from `end` down.
    pub start: *mut u64,
    pub end: *mut u64,
    /// Words that the block was allocated with; `end` may be lower.
    capacity: usize,
    /// Terms below have survived a collection.
    mark: *mut u64,
    old_start: *mut u64,
    old_top: *mut u64,
    old_end: *mut u64,
    /// Off-heap cells in the old generation, and those that have survived in the block.
    old_cells: *mut u64,
    young_cells: *mut u64,
    old_cell_bytes: usize,
    young_cell_bytes: usize,
    pub min_words: usize,
    pub min_cell_bytes: usize,
    /// Bytes of off-heap binaries that the last major collection found alive.
    cell_bytes_at_major: usize,
    /// Minor collections between two major ones at most (`fullsweep_after`).
    pub fullsweep_after: u32,
    pub stats: HeapStats,
    /// The next block is made as small as possible (`hibernate`).
    compact: bool,
    /// Slices in a row in which much was allocated.
    busy: u32,
    /// The process may grow as it likes.
    roams: bool,
}

/// Words allocated in a slice that make it a busy one.
const BUSY_WORDS: u64 = 4096;
/// Busy slices in a row until blocks grow beyond what is alive asks for, and until they grow no further.
const BUSY_FROM: u32 = 3;
const BUSY_MOST: u32 = 8;
/// A busy process's block grows if more than one in so many of its words has survived, up to this size: it still stays in a core's
/// own cache then, and each word is copied less often for those that die.
const SURVIVORS: usize = 3;
const SWELLS_TO: usize = 1 << 16;
/// Words alive after a major collection that make them old at once.
const SETTLES_FROM: usize = 1 << 16;

// SAFETY: rule 1.
unsafe impl Send for Heap {}

fn block(words: usize) -> *mut u64 {
    let layout = Layout::array::<u64>(words).expect("a heap's size fits the address space");
    // SAFETY: not of size zero: blocks have at least a few words.
    let p = unsafe { alloc(layout) }.cast::<u64>();
    if p.is_null() {
        handle_alloc_error(layout);
    }
    p
}

/// # Safety
/// `p` came from `block(words)` and is not used afterwards.
unsafe fn free_block(p: *mut u64, words: usize) {
    if !p.is_null() {
        // SAFETY: the caller's promise.
        unsafe { dealloc(p.cast(), Layout::array::<u64>(words).expect("was allocated")) };
    }
}

/// The sizes that blocks grow through: Fibonacci-like at first, then by a fifth.
pub fn next_size(words: usize) -> usize {
    let (mut a, mut b) = (MIN_WORDS, 376);
    while a < words {
        if b < 1_000_000 {
            (a, b) = (b, a + b + 1);
        } else {
            a += a / 5;
        }
    }
    a
}

impl Heap {
    pub fn new(min_words: usize) -> Heap {
        Heap::with_first_block(min_words, min_words)
    }
    /// The first block has only `first` words; from the first collection on blocks have `min_words` at least. Most processes
    /// that only wait never need more.
    pub fn with_first_block(min_words: usize, first: usize) -> Heap {
        let words = first.max(16);
        let start = block(words);
        // SAFETY: the block has `words` words.
        let end = unsafe { start.add(words) };
        let mut alloc = Alloc::new();
        alloc.hp = start;
        // May lie below `hp` in a tiny block: then there is no room for native code.
        alloc.limit = end.wrapping_sub(SLACK);
        Heap {
            alloc,
            sp: end,
            start,
            end,
            capacity: words,
            mark: start,
            old_start: null_mut(),
            old_top: null_mut(),
            old_end: null_mut(),
            old_cells: null_mut(),
            young_cells: null_mut(),
            old_cell_bytes: 0,
            young_cell_bytes: 0,
            min_words: min_words.max(16),
            min_cell_bytes: 46422 * 8,
            cell_bytes_at_major: 0,
            fullsweep_after: 65535,
            stats: HeapStats::default(),
            compact: false,
            busy: 0,
            roams: true,
        }
    }
    /// A slice is over in which so many words were allocated. `free`: the process may grow as it likes.
    #[inline]
    pub fn slice_over(&mut self, words: u64, free: bool) {
        self.roams = free;
        self.busy = if words >= BUSY_WORDS && free { (self.busy + 1).min(BUSY_MOST) } else { self.busy.saturating_sub(1) };
    }
    /// The process waits: `true` if its block is larger than what is alive asks for, so that a collection pays.
    #[inline]
    pub fn rests(&mut self) -> bool {
        std::mem::take(&mut self.busy) >= BUSY_FROM
    }
    /// The block that a process gets for being busy: collections are fewer then. It stays within a core's own cache.
    fn busy_words(&self) -> usize {
        if self.busy < BUSY_FROM || self.compact { 0 } else { 512 << (self.busy - BUSY_FROM) }
    }

    /// The block that a busy process gets of which so many words survive; 0: no other than it would have.
    fn swollen_words(&self, survivors: usize) -> usize {
        if self.busy < BUSY_FROM || self.compact || survivors * SURVIVORS <= self.block_words() {
            return 0;
        }
        let words = next_size(survivors * SURVIVORS);
        if words <= SWELLS_TO { words } else { 0 }
    }

    #[inline]
    fn between(from: *mut u64, to: *mut u64) -> usize {
        (to as usize - from as usize) / 8
    }
    /// Words of the stack in use.
    pub fn stack_words(&self) -> usize {
        Self::between(self.sp, self.end)
    }
    /// Words of the young generation in use, without fragments.
    pub fn young_words(&self) -> usize {
        Self::between(self.start, self.alloc.hp)
    }
    pub fn old_words(&self) -> usize {
        Self::between(self.old_start, self.old_top)
    }
    /// Size of the block (heap and stack).
    #[inline]
    pub fn block_words(&self) -> usize {
        Self::between(self.start, self.end)
    }
    pub fn old_block_words(&self) -> usize {
        Self::between(self.old_start, self.old_end)
    }
    /// All words that the process holds, free ones included.
    #[inline]
    pub fn total_words(&self) -> usize {
        self.block_words() + self.old_block_words() + self.alloc.fragment_words()
    }
    /// Words allocated since the process began, those collected since included.
    #[inline]
    pub fn allocated_words(&self) -> u64 {
        self.stats.reclaimed_words + (self.young_words() + self.old_words() + self.alloc.fragment_words()) as u64
    }
    /// Words from the youngest mark on (survivors of the last collection).
    pub fn mature_words(&self) -> usize {
        Self::between(self.start, self.mark)
    }
    /// Bytes of off-heap binaries that the process refers to: (young, old).
    pub fn off_heap_bytes(&self) -> (usize, usize) {
        (self.alloc.off_heap_bytes + self.young_cell_bytes, self.old_cell_bytes)
    }
    /// Words free between heap and stack.
    #[inline]
    pub fn free_words(&self) -> usize {
        Self::between(self.alloc.hp, self.sp)
    }
    /// Moves the top of the stack.
    #[inline(always)]
    pub fn set_sp(&mut self, sp: *mut u64) {
        self.sp = sp;
        self.alloc.limit = sp.wrapping_sub(SLACK);
    }
    /// The stack, top first.
    pub fn stack(&self) -> &[Term] {
        // SAFETY: rule 1; stack words are terms, continuation pointers or 0, all of them `Term`-sized words.
        unsafe { std::slice::from_raw_parts(self.sp.cast::<Term>(), self.stack_words()) }
    }
    /// True if a pointer leads into the old generation.
    pub fn is_old(&self, t: Term) -> bool {
        (t.ptr() as usize).wrapping_sub(self.old_start as usize) < self.old_top as usize - self.old_start as usize
    }
    /// True if fragments hold more than the block has room for, or off-heap binaries have piled up so much that a collection pays.
    #[inline]
    pub fn wants_collection(&self) -> bool {
        self.alloc.fragment_words() > Self::between(self.alloc.hp, self.sp).max(MIN_WORDS)
            || self.alloc.off_heap_bytes > self.min_cell_bytes.max(self.young_cell_bytes + self.old_cell_bytes)
    }
    /// The off-heap cells of the young generation, and of the old one if `old`, in no order of meaning.
    pub fn off_heap_cells(&self, old: bool) -> Vec<Term> {
        let mut out = Vec::new();
        for mut cell in [self.alloc.off_heap, self.young_cells, if old { self.old_cells } else { null_mut() }] {
            while !cell.is_null() {
                // SAFETY: rules 1 and 3.
                unsafe {
                    out.push(Term::boxed_at(cell));
                    cell = *off_heap_next(cell) as *mut u64;
                }
            }
        }
        out
    }

    /// Collects so that at least `need` words, and `SLACK` more for what calls push, are free between heap and stack. `roots` are
    /// all live terms outside the stack. `major` forces both generations. Returns the words copied (what the work cost).
    pub fn collect(&mut self, roots: &mut [&mut [Term]], need: usize, major: bool) -> usize {
        let need = need + SLACK;
        self.alloc.leave_fragments();
        let full = major || self.major_is_due();
        if full { self.run::<true>(roots, need, None) } else { self.run::<false>(roots, need, None) }
    }

    /// Will the next collection be a major one?
    pub fn major_is_due(&self) -> bool {
        let mature = self.mature_words();
        let old_free = Self::between(self.old_top, self.old_end);
        // What a major collection found alive does not call for another one: only growth since then does.
        let old_cells_high = self.old_cell_bytes > (4 * self.min_cell_bytes).max(self.cell_bytes_at_major.saturating_mul(2));
        self.stats.minor_since_major >= self.fullsweep_after
            || (!self.old_start.is_null() && mature > old_free)
            || (old_cells_high && self.stats.minor_since_major > 4)
    }

    /// Copies what the process's terms use of literal areas that are about to be freed, by a major collection. `false`: nothing looks like
    /// a pointer into one.
    pub fn leave_literals(&mut self, roots: &mut [&mut [Term]], going: &Going) -> bool {
        self.alloc.leave_fragments();
        let mut used = vec![false; going.count()];
        let mut look = |words: &[u64]| {
            for &w in words {
                if let Some(i) = going.find(w) {
                    used[i] = true;
                }
            }
        };
        // Binaries' bytes and the like may look like pointers; that costs a collection and nothing else.
        for slice in roots.iter() {
            // SAFETY: a term is a word.
            look(unsafe { std::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) });
        }
        // SAFETY: rule 1: all of these are whole words of this process.
        unsafe {
            look(std::slice::from_raw_parts(self.sp, self.stack_words()));
            look(std::slice::from_raw_parts(self.start, self.young_words()));
            if !self.old_start.is_null() {
                look(std::slice::from_raw_parts(self.old_start, self.old_words()));
            }
        }
        self.alloc.used_blocks().into_iter().for_each(&mut look);
        if !used.contains(&true) {
            return false;
        }
        // Areas do not lead into each other.
        self.run::<true>(roots, SLACK, Some((going, going.words(&used))));
        true
    }

    fn run<const MAJOR: bool>(&mut self, roots: &mut [&mut [Term]], need: usize, going: Option<(&Going, usize)>) -> usize {
        let stack = self.stack_words();
        let young = self.young_words();
        let frag_words = self.alloc.fragment_words();
        let fragments = self.alloc.take_fragments();
        let before = young + frag_words + if MAJOR { self.old_words() } else { 0 };
        let mature = self.mature_words();
        let worst = going.map_or(0, |g| g.1) + if MAJOR { before } else { young - mature + frag_words };
        if !MAJOR && mature > 0 && self.old_start.is_null() {
            // With room for more, lest the next survivors force a major collection at once.
            let words = next_size((mature + mature / 2).max(self.min_words));
            self.old_start = block(words);
            self.old_top = self.old_start;
            // SAFETY: the new block has `words` words.
            self.old_end = unsafe { self.old_start.add(words) };
        }
        let capacity = (worst + stack + need).max(match (self.compact, MAJOR) {
            (true, _) => SLACK,
            (false, true) => self.min_words,
            (false, false) => self.block_words().max(self.min_words),
        });
        // As many are expected to survive as last time.
        let capacity = capacity.max(self.busy_words()).max(if MAJOR { 0 } else { self.swollen_words(mature) });
        // The stack stays, whatever dies: beside a deep one there must be room in proportion to it.
        let capacity = if self.compact { capacity } else { capacity.max(next_size((stack + need) * 2)) };
        // If nearly all of it lives, the next collection should not come at once.
        let capacity = if MAJOR && !self.compact { capacity + capacity / 4 } else { capacity };
        let to = block(capacity);
        let (literal_base, literal_len) = crate::literal_range();
        let old_scan = self.old_top;
        let mut m = Mover::<'_, MAJOR> {
            literal_base,
            literal_len,
            old_start: self.old_start as usize,
            old_len: self.old_end as usize - self.old_start as usize,
            young_start: self.start as usize,
            mature_len: self.mark as usize - self.start as usize,
            hp: to,
            old_hp: self.old_top,
            going: going.map(|g| g.0),
            copied: Map::default(),
            new_cells: Vec::new(),
        };
        // SAFETY: rules 1 to 3: all roots are given, each word in them is a whole term, a continuation pointer or 0.
        unsafe {
            for slice in roots.iter_mut() {
                for t in slice.iter_mut() {
                    *t = m.forward(*t);
                }
            }
            let old_stack = self.sp;
            for i in 0..stack {
                let w = old_stack.add(i);
                *w = m.forward_word(*w);
            }
            let mut scan = to;
            let mut scan_old = old_scan;
            loop {
                scan = m.scan(scan);
                if MAJOR || scan_old == m.old_hp {
                    break;
                }
                scan_old = m.scan_old(scan_old);
                if scan == m.hp {
                    break;
                }
            }
            // Off-heap cells: those that moved are relinked, the others give up their counts.
            let (mut young_cells, mut young_bytes) = (null_mut(), 0);
            let (mut old_cells, mut old_bytes) = if MAJOR { (null_mut(), 0) } else { (self.old_cells, self.old_cell_bytes) };
            let chains = if MAJOR {
                [self.alloc.off_heap, self.young_cells, self.old_cells]
            } else {
                [self.alloc.off_heap, self.young_cells, null_mut()]
            };
            for mut cell in chains {
                while !cell.is_null() {
                    let head = *cell;
                    if is_header(head) {
                        let next = *off_heap_next(cell) as *mut u64;
                        release_cell(cell);
                        cell = next;
                    } else {
                        let moved = (head & !TAG_MASK) as *mut u64;
                        let link = off_heap_next(moved);
                        let next = *link as *mut u64;
                        let is_old = !MAJOR && (moved as usize).wrapping_sub(m.old_start) < m.old_len;
                        if is_old {
                            *link = old_cells as u64;
                            old_cells = moved;
                            old_bytes += cell_bytes(moved);
                        } else {
                            *link = young_cells as u64;
                            young_cells = moved;
                            young_bytes += cell_bytes(moved);
                        }
                        cell = next;
                    }
                }
            }
            for cell in std::mem::take(&mut m.new_cells) {
                *off_heap_next(cell) = young_cells as u64;
                young_cells = cell;
                young_bytes += cell_bytes(cell);
            }
            self.alloc.off_heap = null_mut();
            self.alloc.off_heap_bytes = 0;
            self.young_cells = young_cells;
            self.young_cell_bytes = young_bytes;
            self.old_cells = old_cells;
            self.old_cell_bytes = old_bytes;

            let live = Self::between(to, m.hp);
            let promoted = Self::between(old_scan, m.old_hp);
            // Much that has survived a major collection is old at once, rather than copied again by the next minor one.
            let settles = MAJOR && live >= SETTLES_FROM && self.roams && !self.compact;
            let (start, words, size, top) = if settles {
                let words = next_size((stack + need) * 2 + live / 4).max(self.min_words).max(self.busy_words());
                let start = block(words);
                (start, words, words, start)
            } else {
                (to, capacity, self.pick_size::<MAJOR>(live, stack, need, capacity), m.hp)
            };
            let end = start.add(size);
            let sp = end.sub(stack);
            sp.copy_from_nonoverlapping(old_stack, stack);
            free_block(self.start, self.capacity);
            if MAJOR {
                free_block(self.old_start, Self::between(self.old_start, self.old_end));
                self.old_start = null_mut();
                self.old_top = null_mut();
                self.old_end = null_mut();
            } else {
                self.old_top = m.old_hp;
            }
            if settles {
                self.old_start = to;
                self.old_top = m.hp;
                self.old_end = to.add(capacity);
                self.old_cells = std::mem::replace(&mut self.young_cells, null_mut());
                self.old_cell_bytes = std::mem::take(&mut self.young_cell_bytes);
            }
            self.start = start;
            self.capacity = words;
            self.end = end;
            self.alloc.hp = top;
            self.set_sp(sp);
            self.mark = top;
            drop(fragments);
            self.stats.reclaimed_words += (before - (live + promoted).min(before)) as u64;
            if MAJOR {
                self.cell_bytes_at_major = young_bytes;
                self.stats.majors += 1;
                self.stats.minor_since_major = 0;
            } else {
                self.stats.minors += 1;
                self.stats.minor_since_major += 1;
            }
            live + promoted
        }
    }

    /// How much of the new block to use: enough, not too full, not far too large.
    fn pick_size<const MAJOR: bool>(&self, live: usize, stack: usize, need: usize, capacity: usize) -> usize {
        let used = live + stack + need;
        if self.compact {
            return used.max(SLACK).min(capacity);
        }
        let now = self.block_words();
        let wanted = if used * 4 > now * 3 {
            next_size(used + used / 2)
        } else if MAJOR && used * 4 < now && now > self.min_words {
            next_size(used * 2).max(self.min_words)
        } else if !MAJOR && self.swollen_words(live) > 0 {
            self.swollen_words(live)
        } else if used * 4 < now && now > 8000 && (self.busy < BUSY_FROM || now > SWELLS_TO || used * 8 < now) {
            // Not too small beside the old generation: small blocks mean many collections.
            next_size(used * 3).max(self.old_block_words() / 8).min(now)
        } else {
            now
        };
        wanted.max(used).max(self.min_words).max(self.busy_words()).min(capacity)
    }

    /// A major collection into a block that has room for what is live and `spare` words more.
    pub fn shrink_to_fit(&mut self, roots: &mut [&mut [Term]], spare: usize) {
        self.compact = true;
        // The first finds out how much is live, the second needs no more than that.
        self.collect(roots, spare, true);
        self.collect(roots, spare, true);
        self.compact = false;
    }

    /// Frees everything the process held.
    pub fn release(&mut self) {
        // SAFETY: rule 1: the process is gone, nobody looks at its terms any more.
        unsafe {
            // Cells may lie in fragments, so they come first.
            for chain in [self.alloc.off_heap, self.young_cells, self.old_cells] {
                release_off_heap(chain);
            }
            self.alloc.off_heap = null_mut();
            drop(self.alloc.take_fragments());
            free_block(self.start, self.capacity);
            free_block(self.old_start, Self::between(self.old_start, self.old_end));
        }
        self.alloc = Alloc::new();
        self.start = null_mut();
        self.sp = null_mut();
        self.end = null_mut();
        self.capacity = 0;
        self.old_start = null_mut();
        self.old_top = null_mut();
        self.old_end = null_mut();
        self.mark = null_mut();
        self.young_cells = null_mut();
        self.old_cells = null_mut();
    }

    /// Address ranges of the process's own memory: block, old generation.
    pub fn spans(&self) -> [(usize, usize); 2] {
        [
            (self.start as usize, self.alloc.hp as usize - self.start as usize),
            (self.old_start as usize, self.old_top as usize - self.old_start as usize),
        ]
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.release();
    }
}

/// Says in `SKIP` that an object holds no terms.
const ALL_RAW: u8 = 255;
/// Raw words before the first term of an object, by kind.
static SKIP: [u8; 32] = {
    let mut t = [ALL_RAW; 32];
    let mut i = 0;
    while i < 32 {
        if let Some(kind) = Kind::from_u8(i)
            && let Some(n) = kind.raw_prefix()
        {
            t[i as usize] = n as u8;
        }
        i += 1;
    }
    t
};

/// How many words ahead of the scan memory is fetched.
const AHEAD: usize = 12;

/// Tells the processor that this address, which may be any, will be looked at.
#[inline(always)]
fn prefetch(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; no address is wrong.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The state of one collection.
struct Mover<'a, const MAJOR: bool> {
    literal_base: usize,
    literal_len: usize,
    old_start: usize,
    old_len: usize,
    young_start: usize,
    mature_len: usize,
    hp: *mut u64,
    old_hp: *mut u64,
    /// Literal areas that must be left, what has been copied from them, and the off-heap cells among that.
    going: Option<&'a Going>,
    copied: Map<u64, u64>,
    new_cells: Vec<*mut u64>,
}

impl<const MAJOR: bool> Mover<'_, MAJOR> {
    #[inline(always)]
    unsafe fn forward(&mut self, t: Term) -> Term {
        // SAFETY: as for the caller; a moved term is a whole term.
        unsafe { Term::from_raw(self.forward_word(t.raw())) }
    }

    /// True for what this collection leaves where it is.
    #[inline(always)]
    fn stays(&self, p: usize) -> bool {
        p.wrapping_sub(self.literal_base) < self.literal_len || (!MAJOR && p.wrapping_sub(self.old_start) < self.old_len)
    }

    #[inline(always)]
    fn room(&mut self, from: usize, words: usize) -> *mut u64 {
        let top = if !MAJOR && from.wrapping_sub(self.young_start) < self.mature_len { &mut self.old_hp } else { &mut self.hp };
        let p = *top;
        // SAFETY: both targets were sized for everything that can move to them.
        *top = unsafe { p.add(words) };
        p
    }

    /// The word that stands for `w` after the move; copies the object if that has not happened yet.
    #[inline(always)]
    unsafe fn forward_word(&mut self, w: u64) -> u64 {
        let p = (w & !TAG_MASK) as *mut u64;
        // SAFETY: rule 3: `p` is the address of a whole object, or of one that has moved.
        unsafe {
            match w & TAG_MASK {
                TAG_CONS => {
                    if self.stays(p as usize) {
                        return if MAJOR && self.going.is_some() { self.leave(w) } else { w };
                    }
                    let head = *p;
                    if head == 0 {
                        return *p.add(1);
                    }
                    let to = self.room(p as usize, 2);
                    *to = head;
                    *to.add(1) = *p.add(1);
                    let moved = to as u64 | TAG_CONS;
                    *p = 0;
                    *p.add(1) = moved;
                    moved
                }
                TAG_BOXED => {
                    if self.stays(p as usize) {
                        return if MAJOR && self.going.is_some() { self.leave(w) } else { w };
                    }
                    let head = *p;
                    if !is_header(head) {
                        return head;
                    }
                    let words = header_len(head) + 1;
                    let to = self.room(p as usize, words);
                    *to = head;
                    // Most objects are small: no call for those.
                    match words {
                        2 => *to.add(1) = *p.add(1),
                        3 => to.add(1).cast::<[u64; 2]>().write(p.add(1).cast::<[u64; 2]>().read()),
                        4 => to.add(1).cast::<[u64; 3]>().write(p.add(1).cast::<[u64; 3]>().read()),
                        5 => to.add(1).cast::<[u64; 4]>().write(p.add(1).cast::<[u64; 4]>().read()),
                        _ => to.copy_from_nonoverlapping(p, words),
                    }
                    let moved = to as u64 | TAG_BOXED;
                    *p = moved;
                    moved
                }
                _ => w,
            }
        }
    }

    /// The word that stands for a literal: a copy's, if its area must be left. Literals are others' too: no forwarding words there.
    #[cold]
    unsafe fn leave(&mut self, w: u64) -> u64 {
        if self.going.is_none_or(|g| g.find(w).is_none()) {
            return w;
        }
        if let Some(&moved) = self.copied.get(&w) {
            return moved;
        }
        let (p, tag) = ((w & !TAG_MASK) as *mut u64, w & TAG_MASK);
        // SAFETY: rule 3: `p` is the address of a whole object; there is room for all of its area.
        unsafe {
            let words = if tag == TAG_CONS { 2 } else { header_len(*p) + 1 };
            let to = self.hp;
            self.hp = to.add(words);
            to.copy_from_nonoverlapping(p, words);
            if tag == TAG_BOXED && matches!(Kind::from_u8(header_kind(*to)), Some(Kind::BinRef | Kind::MagicRef)) {
                retain_cell(to);
                self.new_cells.push(to);
            }
            self.copied.insert(w, to as u64 | tag);
            to as u64 | tag
        }
    }

    /// Forwards all words from `p` to the top of the new block; returns the top.
    unsafe fn scan(&mut self, mut p: *mut u64) -> *mut u64 {
        // While there is far to go, what words ahead lead to is fetched.
        while (self.hp as usize).saturating_sub(p as usize) > 8 * AHEAD {
            // SAFETY: everything below the top is whole objects.
            p = unsafe {
                prefetch((*p.add(AHEAD) & !TAG_MASK) as *const u8);
                self.scan_one(p)
            };
        }
        while p != self.hp {
            // SAFETY: everything below the top is whole objects.
            p = unsafe { self.scan_one(p) };
        }
        p
    }
    unsafe fn scan_old(&mut self, mut p: *mut u64) -> *mut u64 {
        while p != self.old_hp {
            // SAFETY: everything below the top is whole objects.
            p = unsafe { self.scan_one(p) };
        }
        p
    }
    #[inline(always)]
    unsafe fn scan_one(&mut self, p: *mut u64) -> *mut u64 {
        // SAFETY: `p` is at an object's header, a cons, or a term within an object.
        unsafe {
            let w = *p;
            if is_header(w) {
                if w == 0 {
                    return p.add(1);
                }
                return match SKIP[header_kind(w) as usize] {
                    ALL_RAW => p.add(1 + header_len(w)),
                    skip => p.add(1 + skip as usize),
                };
            }
            *p = self.forward_word(w);
            p.add(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(h: &mut Heap, n: i64) -> Term {
        let mut t = Term::NIL;
        for i in 0..n {
            let f = h.alloc.float(i as f64);
            let pair = h.alloc.tuple(&[Term::small(i), f]);
            t = h.alloc.cons(pair, t);
        }
        t
    }

    fn check(t: Term, n: i64) {
        let mut i = n;
        for e in t.iter() {
            i -= 1;
            let e = e.as_tuple().unwrap();
            assert_eq!(e[0].small_value(), i);
            assert_eq!(e[1].as_float(), Some(i as f64));
        }
        assert_eq!(i, 0);
    }

    /// Each native call that finds no room goes on in the fragment of the one before: a thousand small ones take a few pages.
    #[test]
    fn small_native_calls_share_fragments() {
        let mut h = Heap::new(MIN_WORDS);
        while h.free_words() > 16 {
            h.alloc.tuple(&[Term::small(1)]);
            h.alloc.leave_fragments();
        }
        let mut kept = Term::NIL;
        for i in 0..1000 {
            kept = h.alloc.cons(Term::small(i), kept);
            h.alloc.tuple(&[kept; 6]);
            h.alloc.leave_fragments();
        }
        let bytes: usize = h.alloc.blocks().iter().map(|b| b.1).sum();
        assert!(bytes < 4 * 9 * 8 * 1000, "{bytes} bytes in {} fragments", h.alloc.blocks().len());
        assert!(h.wants_collection());
        let mut roots = [kept];
        h.collect(&mut [&mut roots], 100, false);
        assert_eq!(roots[0].iter().count(), 1000);
        assert!(!h.wants_collection());
    }

    /// Calls push without a look at the heap's top: no collection may leave them no room, whatever was asked for.
    #[test]
    fn room_for_pushing_is_always_left() {
        for live in 1..300 {
            let mut h = Heap::new(MIN_WORDS);
            let mut roots = [list(&mut h, live)];
            h.collect(&mut [&mut roots], 0, live % 2 == 0);
            h.shrink_to_fit(&mut [&mut roots], 0);
            assert!(h.free_words() >= SLACK, "{live}: {}", h.free_words());
            h.collect(&mut [&mut roots], 0, true);
            assert!(h.free_words() >= SLACK, "{live}: {}", h.free_words());
        }
    }

    #[test]
    fn survivors_survive_and_garbage_goes() {
        let mut h = Heap::new(MIN_WORDS);
        let mut roots = [list(&mut h, 1000)];
        for round in 0..20 {
            list(&mut h, 500);
            h.collect(&mut [&mut roots], 100, round % 7 == 6);
            check(roots[0], 1000);
            assert!(h.free_words() >= 100 + SLACK);
        }
        assert!(h.total_words() < 40_000, "{}", h.total_words());
    }

    #[test]
    fn calls_find_their_room_when_nothing_was_asked_for() {
        let mut h = Heap::new(MIN_WORDS);
        // All of it alive and most of it in fragments: the new block has no more room than it must.
        let mut roots = [list(&mut h, 1000)];
        h.collect(&mut [&mut roots], 0, true);
        assert!(h.free_words() >= SLACK);
        h.shrink_to_fit(&mut [&mut roots], 0);
        assert!(h.free_words() >= SLACK);
    }

    #[test]
    fn literals_are_left() {
        let bin = term::binary::Binary::from_bytes(&[7; 100]);
        let build = |a: &mut Alloc| {
            let b = a.bin_ref(bin.clone(), 800);
            let part = a.sub_bits(b, 8, 700);
            let pair = a.tuple(&[b, part]);
            a.list(&[pair, pair])
        };
        let words = 4 + 4 + 3 + 4;
        let (area, literal) = crate::LiteralArea::build(words, build);
        let (other, kept) = crate::LiteralArea::build(2, |a| a.cons(Term::NIL, Term::NIL));
        let mut h = Heap::new(MIN_WORDS);
        let on_heap = h.alloc.tuple(&[literal, kept]);
        let mut roots = [on_heap, literal.tail()];
        let going = Going::begin([&area].into_iter()).unwrap();
        assert!(h.leave_literals(&mut [&mut roots], &going));
        assert!(!h.leave_literals(&mut [&mut roots], &going));
        drop((area, going));
        let t = roots[0].as_tuple().unwrap();
        assert_eq!(t[1], kept);
        let list = t[0];
        assert_eq!(list.tail(), roots[1]);
        assert_eq!(list.head(), roots[1].head());
        assert_eq!(list.head().as_tuple().unwrap()[0].as_bytes().unwrap().len(), 100);
        assert_eq!(bin.count(), 2);
        h.collect(&mut [&mut []], 0, true);
        assert_eq!(bin.count(), 1);
        drop(other);
    }

    #[test]
    fn off_heap_cells_keep_and_give_up_their_counts() {
        let mut h = Heap::new(MIN_WORDS);
        let b = term::binary::Binary::from_bytes(&[7; 100]);
        let mut roots = [h.alloc.bin_ref(b.clone(), 800)];
        h.alloc.bin_ref(b.clone(), 800);
        assert_eq!(b.count(), 3);
        for _ in 0..3 {
            h.collect(&mut [&mut roots], 0, false);
        }
        assert_eq!(b.count(), 2);
        assert_eq!(roots[0].as_bytes().unwrap().len(), 100);
        h.collect(&mut [&mut roots], 0, true);
        assert_eq!(b.count(), 2);
        drop(h);
        assert_eq!(b.count(), 1);
    }
}
