//! Building terms. An `Alloc` gives words and never collects: a process's own hands out heap room and, when that is
//! used up, fragments that the next collection adopts; a free-standing one makes fragments only (messages, tables, literals).

use crate::binary::{Binary, Growing};
use crate::fun::{Export, FunEntry};
use crate::magic::{self, Magic};
use crate::node_name::NodeName;
use crate::word::{Kind, SMALL_MAX, SMALL_MIN, TAG_BOXED, TAG_CONS, header};
use crate::{Term, am};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

/// Binaries up to this many bytes live in the heap itself.
pub const HEAP_BIN_MAX: usize = 64;
/// Parts of bit strings up to this many bits are copied.
pub const COPIED_BITS: usize = 8 * 24;

/// A block of words outside a process's heap block.
#[repr(C)]
pub struct FragHead {
    next: *mut FragHead,
    capacity: usize,
    used: usize,
    /// In the first block of a `Fragment`: its off-heap cells.
    off_heap: *mut u64,
}

const FRAG_HEAD: usize = size_of::<FragHead>() / 8;

/// A chain of fragments with the off-heap cells in them: terms that belong to nobody yet. Frees all when dropped.
/// One word, so that a message goes from hand to hand in registers.
#[derive(Debug)]
#[repr(transparent)]
pub struct Fragment(*mut FragHead);

// SAFETY: rule 3: whoever holds the fragment is alone with its memory.
unsafe impl Send for Fragment {}
// SAFETY: rule 3: terms in it are only read once it is shared.
unsafe impl Sync for Fragment {}

impl Fragment {
    pub const EMPTY: Fragment = Fragment(null_mut());

    /// # Safety
    /// Rule 3: the blocks and cells are given away by whoever held them. Cells without a block belong to a process's heap block and stay with it.
    #[inline]
    unsafe fn of(head: *mut FragHead, off_heap: *mut u64) -> Fragment {
        if !head.is_null() {
            // SAFETY: the caller's promise.
            unsafe { (*head).off_heap = off_heap };
        }
        Fragment(head)
    }
    #[inline]
    fn off_heap(&self) -> *mut u64 {
        // SAFETY: rule 3.
        unsafe { self.0.as_ref() }.map_or(null_mut(), |head| head.off_heap)
    }
    /// Words in use.
    #[inline]
    pub fn words(&self) -> usize {
        self.blocks().map(<[u64]>::len).sum()
    }
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_null()
    }
    #[inline]
    pub fn has_off_heap(&self) -> bool {
        !self.off_heap().is_null()
    }
    /// One block of so many words, which `fill` writes: whole objects that lead nowhere else.
    #[inline]
    pub fn filled(words: usize, fill: impl FnOnce(*mut u64)) -> Fragment {
        let head = new_block(words);
        // SAFETY: rule 3: fresh room of that many words.
        unsafe {
            fill(head.cast::<u64>().add(FRAG_HEAD));
            (*head).used = words;
        }
        Fragment(head)
    }
    /// The used words of each block.
    pub fn blocks(&self) -> impl Iterator<Item = &[u64]> {
        let mut p = self.0;
        std::iter::from_fn(move || {
            // SAFETY: rule 3; blocks are linked until dropped.
            unsafe {
                let h = p.as_ref()?;
                p = h.next;
                Some(std::slice::from_raw_parts((h as *const FragHead).cast::<u64>().add(FRAG_HEAD), h.used))
            }
        })
    }
}

impl Drop for Fragment {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_null() {
            return;
        }
        // SAFETY: rules 3 and 5: nobody else can see these cells any more.
        unsafe {
            release_off_heap(self.off_heap());
            free_blocks(self.0);
        }
    }
}

/// # Safety
/// The chain is not used afterwards.
#[inline]
pub unsafe fn free_blocks(mut p: *mut FragHead) {
    while !p.is_null() {
        // SAFETY: the caller's promise; each block was made by `new_block`.
        unsafe {
            let next = (*p).next;
            spare::free(p, FRAG_HEAD + (*p).capacity);
            p = next;
        }
    }
}

/// The address of the word that links an off-heap cell to the next one.
///
/// # Safety
/// Rule 1: `cell` is a `BinRef` or `MagicRef`.
#[inline]
pub unsafe fn off_heap_next(cell: *mut u64) -> *mut u64 {
    // SAFETY: the caller's promise: both kinds have their link in the last word.
    unsafe { cell.add(crate::word::header_len(*cell)) }
}

/// Gives up the count that an off-heap cell holds.
///
/// # Safety
/// Rule 5: the cell is not used afterwards.
pub unsafe fn release_cell(cell: *mut u64) {
    // SAFETY: the caller's promise.
    unsafe {
        match Kind::from_u8(crate::word::header_kind(*cell)) {
            Some(Kind::BinRef) => drop(Binary::from_raw(*cell.add(2))),
            Some(Kind::MagicRef) => magic::drop_raw(*cell.add(3)),
            k => unreachable!("off-heap cell of kind {k:?}"),
        }
    }
}

/// Takes one more count of what an off-heap cell holds, for a copy of the cell.
///
/// # Safety
/// Rule 1: `cell` is a `BinRef` or `MagicRef`. Rule 5: the copy gives the count up.
pub unsafe fn retain_cell(cell: *mut u64) {
    // SAFETY: the caller's promise.
    unsafe {
        match Kind::from_u8(crate::word::header_kind(*cell)) {
            Some(Kind::BinRef) => std::mem::forget((*Binary::borrow_raw(*cell.add(2))).clone()),
            Some(Kind::MagicRef) => magic::retain_raw(*cell.add(3)),
            k => unreachable!("off-heap cell of kind {k:?}"),
        }
    }
}

/// Gives up all counts of a chain of off-heap cells.
///
/// # Safety
/// Rule 5: none of the cells is used afterwards.
pub unsafe fn release_off_heap(mut cell: *mut u64) {
    while !cell.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let next = *off_heap_next(cell) as *mut u64;
            release_cell(cell);
            cell = next;
        }
    }
}

fn new_block(capacity: usize) -> *mut FragHead {
    let (p, words) = spare::block(FRAG_HEAD + capacity);
    // SAFETY: rule 3: fresh room of that many words.
    unsafe { p.write(FragHead { next: null_mut(), capacity: words - FRAG_HEAD, used: 0, off_heap: null_mut() }) };
    p
}

/// Small blocks that each thread keeps for the next message: most live for microseconds.
mod spare {
    use super::{FragHead, Layout, alloc, dealloc, handle_alloc_error, null_mut};
    use std::cell::UnsafeCell;

    /// Sizes go in steps of so many words, up to so many steps.
    const STEP: usize = 4;
    const STEPS: usize = 16;
    /// Blocks of one size that a thread keeps; none where each use of freed memory is to be seen.
    const MOST: u16 = if cfg!(sanitized) { 0 } else { 96 };

    struct Kept {
        lists: [*mut FragHead; STEPS],
        counts: [u16; STEPS],
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            for (step, list) in self.lists.iter_mut().enumerate() {
                while !list.is_null() {
                    // SAFETY: rule 3: kept blocks are this thread's, and linked.
                    unsafe {
                        let next = (**list).next;
                        dealloc(list.cast(), layout((step + 1) * STEP));
                        *list = next;
                    }
                }
            }
        }
    }

    thread_local! {
        static KEPT: UnsafeCell<Kept> = const { UnsafeCell::new(Kept { lists: [null_mut(); STEPS], counts: [0; STEPS] }) };
    }

    fn layout(words: usize) -> Layout {
        Layout::array::<u64>(words).expect("a fragment's size fits the address space")
    }

    /// At least so many words, and how many.
    pub fn block(words: usize) -> (*mut FragHead, usize) {
        let step = words.div_ceil(STEP) - 1;
        let words = if step < STEPS { (step + 1) * STEP } else { words };
        if step < STEPS {
            let kept = KEPT.try_with(|k| {
                // SAFETY: rule 3: the thread's own, and nothing in here runs foreign code.
                unsafe {
                    let k = &mut *k.get();
                    let p = k.lists[step];
                    if !p.is_null() {
                        k.lists[step] = (*p).next;
                        k.counts[step] -= 1;
                    }
                    p
                }
            });
            if let Ok(p) = kept
                && !p.is_null()
            {
                return (p, words);
            }
        }
        let layout = layout(words);
        // SAFETY: the layout is not empty.
        let p = unsafe { alloc(layout) }.cast::<FragHead>();
        if p.is_null() {
            handle_alloc_error(layout);
        }
        (p, words)
    }

    /// # Safety
    /// `p` came from `block`, which said `words`; it is not used afterwards.
    pub unsafe fn free(p: *mut FragHead, words: usize) {
        let step = words.div_ceil(STEP) - 1;
        let kept = step < STEPS
            && KEPT
                .try_with(|k| {
                    // SAFETY: as above; the block is nobody's any more.
                    unsafe {
                        let k = &mut *k.get();
                        let room = k.counts[step] < MOST;
                        if room {
                            (*p).next = k.lists[step];
                            k.lists[step] = p;
                            k.counts[step] += 1;
                        }
                        room
                    }
                })
                .unwrap_or(false);
        if !kept {
            // SAFETY: the caller's promise.
            unsafe { dealloc(p.cast(), layout(words)) };
        }
    }
}

/// Where terms are built. `hp..limit` is the room at hand.
#[repr(C)]
pub struct Alloc {
    /// Next free word.
    pub hp: *mut u64,
    /// End of the room (in a process: the top of its stack).
    pub limit: *mut u64,
    /// A process's own heap top and limit, while `hp` is in a fragment; null otherwise.
    main: *mut u64,
    main_limit: *mut u64,
    /// Newest block first.
    frags: *mut FragHead,
    /// Words in all blocks but the newest.
    frag_words: usize,
    /// Off-heap cells built and not yet seen by a collection.
    pub off_heap: *mut u64,
    /// Bytes of off-heap binaries referred to by those cells ("virtual heap").
    pub off_heap_bytes: usize,
}

// SAFETY: rule 3: its owner is alone with its memory.
unsafe impl Send for Alloc {}

impl Default for Alloc {
    fn default() -> Self {
        Alloc::new()
    }
}

impl Alloc {
    /// A free-standing one: makes fragments only.
    pub const fn new() -> Alloc {
        Alloc {
            hp: null_mut(),
            limit: null_mut(),
            main: null_mut(),
            main_limit: null_mut(),
            frags: null_mut(),
            frag_words: 0,
            off_heap: null_mut(),
            off_heap_bytes: 0,
        }
    }
    /// A free-standing one whose first block has room for exactly `words`.
    pub fn with_room(words: usize) -> Alloc {
        let mut a = Alloc::new();
        if words > 0 {
            a.add_block(words);
        }
        a
    }

    fn add_block(&mut self, capacity: usize) {
        let b = new_block(capacity);
        // SAFETY: rule 3: the blocks are ours.
        unsafe {
            if self.frags.is_null() {
                if self.main.is_null() && !self.hp.is_null() {
                    self.main = self.hp;
                    self.main_limit = self.limit;
                }
            } else {
                self.seal();
                if self.main.is_null() && !self.in_block() {
                    self.main = self.hp;
                    self.main_limit = self.limit;
                }
            }
            (*b).next = self.frags;
            self.frags = b;
            self.hp = b.cast::<u64>().add(FRAG_HEAD);
            self.limit = self.hp.add(capacity);
        }
    }
    /// True while `hp` is in the newest block.
    #[inline]
    fn in_block(&self) -> bool {
        if self.frags.is_null() {
            return false;
        }
        // SAFETY: rule 3.
        unsafe {
            let start = self.frags.cast::<u64>().add(FRAG_HEAD);
            self.hp >= start && self.hp <= start.add((*self.frags).capacity)
        }
    }
    /// Notes in the newest block how much of it is used.
    fn seal(&mut self) {
        if self.in_block() {
            // SAFETY: rule 3: `hp` is in the newest block.
            unsafe {
                let start = self.frags.cast::<u64>().add(FRAG_HEAD);
                let used = self.hp.offset_from(start) as usize;
                self.frag_words += used - (*self.frags).used;
                (*self.frags).used = used;
            }
        }
    }

    /// Room for `n` words, uninitialised.
    #[inline(always)]
    pub fn words(&mut self, n: usize) -> *mut u64 {
        if (self.limit as usize).wrapping_sub(self.hp as usize) as isize >= (n * 8) as isize && !self.hp.is_null() {
            let p = self.hp;
            // SAFETY: the room at hand is at least n words.
            self.hp = unsafe { p.add(n) };
            p
        } else {
            self.words_slow(n)
        }
    }
    #[cold]
    fn words_slow(&mut self, n: usize) -> *mut u64 {
        if !self.frags.is_null() && !self.in_block() {
            // The newest block of an earlier native call goes on where it was left.
            // SAFETY: rule 3: the block is ours and `used` words of it are taken.
            unsafe {
                let (used, capacity) = ((*self.frags).used, (*self.frags).capacity);
                if capacity - used >= n {
                    if self.main.is_null() {
                        self.main = self.hp;
                        self.main_limit = self.limit;
                    }
                    let start = self.frags.cast::<u64>().add(FRAG_HEAD);
                    self.hp = start.add(used + n);
                    self.limit = start.add(capacity);
                    return start.add(used);
                }
            }
        }
        let grown = if self.frags.is_null() { 32 } else { (self.frag_words * 2).clamp(64, 1 << 16) };
        self.add_block(n.max(grown));
        let p = self.hp;
        // SAFETY: the new block holds at least n words.
        self.hp = unsafe { p.add(n) };
        p
    }
    /// Goes back to the process's own heap after native code; `true` if fragments were made (a collection is due soon).
    #[inline]
    pub fn leave_fragments(&mut self) -> bool {
        if self.main.is_null() {
            return !self.frags.is_null();
        }
        self.seal();
        self.hp = self.main;
        self.limit = self.main_limit;
        self.main = null_mut();
        self.main_limit = null_mut();
        true
    }
    /// Words that can be had without a fragment.
    #[inline]
    pub fn room(&self) -> usize {
        if self.main.is_null() && !self.hp.is_null() { (self.limit as usize).saturating_sub(self.hp as usize) / 8 } else { 0 }
    }
    /// Words in fragments.
    #[inline]
    pub fn fragment_words(&self) -> usize {
        let mut n = self.frag_words;
        if self.in_block() {
            // SAFETY: rule 3.
            unsafe {
                let start = self.frags.cast::<u64>().add(FRAG_HEAD);
                n += self.hp.offset_from(start) as usize - (*self.frags).used;
            }
        }
        n
    }
    /// Address and bytes of each block.
    pub fn blocks(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        let mut p = self.frags;
        // SAFETY: rule 3: the blocks are ours.
        while let Some(h) = unsafe { p.as_ref() } {
            out.push((p as usize + FRAG_HEAD * 8, h.capacity * 8));
            p = h.next;
        }
        out
    }
    /// The words in use of each block; not while something is being built in one.
    pub fn used_blocks(&self) -> Vec<&[u64]> {
        debug_assert!(self.main.is_null());
        let mut out = Vec::new();
        let mut p = self.frags;
        // SAFETY: rule 3: the blocks are ours.
        while let Some(h) = unsafe { p.as_ref() } {
            // SAFETY: as above; `used` words have been written.
            out.push(unsafe { std::slice::from_raw_parts(p.cast::<u64>().add(FRAG_HEAD), h.used) });
            p = h.next;
        }
        out
    }
    #[inline]
    pub fn has_fragments(&self) -> bool {
        !self.frags.is_null()
    }
    /// Takes a fragment (a received message's) into this allocator's keeping.
    #[inline]
    pub fn adopt(&mut self, f: Fragment) {
        if !f.is_empty() {
            self.adopt_blocks(f);
        }
    }
    fn adopt_blocks(&mut self, f: Fragment) {
        debug_assert!(!self.in_block(), "adopting happens at the machine's own points");
        self.frag_words += f.words();
        let (head, off_heap) = (f.0, f.off_heap());
        std::mem::forget(f);
        // SAFETY: rule 3: the chains are ours now.
        unsafe {
            let mut last = head;
            while !(*last).next.is_null() {
                last = (*last).next;
            }
            (*last).next = self.frags;
            self.frags = head;
            if !off_heap.is_null() {
                let mut cell = off_heap;
                loop {
                    self.off_heap_bytes += cell_bytes(cell);
                    let next = off_heap_next(cell);
                    if *next == 0 {
                        *next = self.off_heap as u64;
                        break;
                    }
                    cell = *next as *mut u64;
                }
                self.off_heap = off_heap;
            }
        }
    }
    /// Gives away all fragments (to the collector, which frees them when their terms have moved). Off-heap cells stay listed.
    pub fn take_fragments(&mut self) -> Fragment {
        self.leave_fragments();
        // SAFETY: rule 3: they are ours.
        let f = unsafe { Fragment::of(self.frags, null_mut()) };
        self.frags = null_mut();
        self.frag_words = 0;
        f
    }
    /// Ends a free-standing allocator: what it has built, as one fragment.
    pub fn finish(mut self) -> Fragment {
        self.seal();
        debug_assert!(self.has_fragments() || self.off_heap.is_null());
        // SAFETY: rule 3: they are ours.
        let f = unsafe { Fragment::of(self.frags, self.off_heap) };
        std::mem::forget(self);
        f
    }

    // ---- terms
    #[inline(always)]
    fn boxed(&mut self, kind: Kind, len: usize) -> *mut u64 {
        let p = self.words(len + 1);
        // SAFETY: fresh room of len + 1 words.
        unsafe { *p = header(kind, len) };
        p
    }
    #[inline(always)]
    pub fn cons(&mut self, head: Term, tail: Term) -> Term {
        let p = self.words(2);
        // SAFETY: fresh room of two words.
        unsafe {
            *p = head.raw();
            *p.add(1) = tail.raw();
            Term::from_raw(p as u64 | TAG_CONS)
        }
    }
    #[inline]
    pub fn tuple(&mut self, elements: &[Term]) -> Term {
        self.boxed_terms(Kind::Tuple, elements)
    }
    #[inline]
    fn boxed_terms(&mut self, kind: Kind, terms: &[Term]) -> Term {
        let p = self.boxed(kind, terms.len());
        // SAFETY: fresh room of terms.len() + 1 words.
        unsafe {
            p.add(1).copy_from_nonoverlapping(terms.as_ptr().cast(), terms.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// A tuple of `n` elements given by a function of the index (from 0).
    pub fn tuple_from(&mut self, n: usize, mut f: impl FnMut(usize) -> Term) -> Term {
        let p = self.boxed(Kind::Tuple, n);
        for i in 0..n {
            // SAFETY: fresh room of n + 1 words.
            unsafe { *p.add(1 + i) = f(i).raw() };
        }
        // SAFETY: rule 1: complete.
        unsafe { Term::from_raw(p as u64 | TAG_BOXED) }
    }
    /// A tuple of these elements but for one, numbered from 0, which is `value`.
    pub fn tuple_but(&mut self, elements: &[Term], at: usize, value: Term) -> Term {
        assert!(at < elements.len());
        let t = self.tuple(elements);
        // SAFETY: fresh room; the element is within it.
        unsafe { *t.ptr().add(1 + at) = value.raw() };
        t
    }
    /// `{ok, Value}`
    pub fn ok(&mut self, value: Term) -> Term {
        self.tuple(&[am::OK, value])
    }
    /// `{error, Reason}`
    pub fn error(&mut self, reason: Term) -> Term {
        self.tuple(&[am::ERROR, reason])
    }
    /// A proper list.
    pub fn list(&mut self, elements: &[Term]) -> Term {
        self.list_with_tail(elements, Term::NIL)
    }
    pub fn list_with_tail(&mut self, elements: &[Term], tail: Term) -> Term {
        let n = elements.len();
        if n == 0 {
            return tail;
        }
        let p = self.words(2 * n);
        // SAFETY: fresh room of 2n words, cell i in words 2i and 2i + 1.
        unsafe {
            for (i, e) in elements.iter().enumerate() {
                *p.add(2 * i) = e.raw();
                *p.add(2 * i + 1) = if i + 1 < n { p.add(2 * i + 2) as u64 | TAG_CONS } else { tail.raw() };
            }
            Term::from_raw(p as u64 | TAG_CONS)
        }
    }
    /// The list of these bytes as small integers.
    pub fn list_of_bytes(&mut self, bytes: &[u8]) -> Term {
        let mut t = Term::NIL;
        for &b in bytes.iter().rev() {
            t = self.cons(Term::small(i64::from(b)), t);
        }
        t
    }
    /// The list of this text's characters.
    pub fn list_of_chars(&mut self, text: &str) -> Term {
        let mut t = Term::NIL;
        for c in text.chars().rev() {
            t = self.cons(Term::small(i64::from(c as u32)), t);
        }
        t
    }
    #[inline]
    pub fn float(&mut self, f: f64) -> Term {
        let p = self.boxed(Kind::Float, 1);
        // SAFETY: fresh room of two words.
        unsafe {
            *p.add(1) = f.to_bits();
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// An integer of any sign.
    #[inline]
    pub fn int(&mut self, n: i64) -> Term {
        if (SMALL_MIN..=SMALL_MAX).contains(&n) { Term::small(n) } else { self.big(n < 0, &[n.unsigned_abs()]) }
    }
    #[inline]
    pub fn uint(&mut self, n: u64) -> Term {
        if n <= SMALL_MAX as u64 { Term::small(n as i64) } else { self.big(false, &[n]) }
    }
    pub fn int128(&mut self, n: i128) -> Term {
        let m = n.unsigned_abs();
        self.integer(n < 0, &[m as u64, (m >> 64) as u64])
    }
    /// An integer by sign and magnitude (leading zero limbs allowed; small if it fits).
    pub fn integer(&mut self, negative: bool, magnitude: &[u64]) -> Term {
        let n = magnitude.iter().rposition(|&l| l != 0).map_or(0, |i| i + 1);
        match magnitude[..n] {
            [] => Term::small(0),
            [m] if m <= SMALL_MAX as u64 => Term::small(if negative { -(m as i64) } else { m as i64 }),
            [m] if negative && m == SMALL_MIN.unsigned_abs() => Term::small(SMALL_MIN),
            _ => self.big(negative, &magnitude[..n]),
        }
    }
    fn big(&mut self, negative: bool, magnitude: &[u64]) -> Term {
        let p = self.boxed(if negative { Kind::NegBig } else { Kind::PosBig }, magnitude.len());
        // SAFETY: fresh room.
        unsafe {
            p.add(1).copy_from_nonoverlapping(magnitude.as_ptr(), magnitude.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// A flat map whose `keys` (a tuple term, or nil for none) are in order and without doubles.
    pub fn flat_map(&mut self, keys: Term, values: &[Term]) -> Term {
        let p = self.boxed(Kind::FlatMap, 1 + values.len());
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = keys.raw();
            p.add(2).copy_from_nonoverlapping(values.as_ptr().cast(), values.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// The root of a hash map.
    pub fn hash_map(&mut self, size: usize, bitmap: u32, children: &[Term]) -> Term {
        let p = self.boxed(Kind::HashMap, 2 + children.len());
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = Term::small(size as i64).raw();
            *p.add(2) = Term::small(i64::from(bitmap)).raw();
            p.add(3).copy_from_nonoverlapping(children.as_ptr().cast(), children.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// An inner node of a hash map.
    pub fn hash_node(&mut self, bitmap: u32, children: &[Term]) -> Term {
        let p = self.boxed(Kind::HashNode, 1 + children.len());
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = Term::small(i64::from(bitmap)).raw();
            p.add(2).copy_from_nonoverlapping(children.as_ptr().cast(), children.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// The leaves of a hash map whose keys share the whole hash.
    pub fn hash_collision(&mut self, leaves: &[Term]) -> Term {
        self.boxed_terms(Kind::HashCollision, leaves)
    }
    /// A native record.
    pub fn record(&mut self, definition: Term, values: &[Term]) -> Term {
        let p = self.boxed(Kind::Record, 1 + values.len());
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = definition.raw();
            p.add(2).copy_from_nonoverlapping(values.as_ptr().cast(), values.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    pub fn fun(&mut self, entry: &'static FunEntry, env: &[Term]) -> Term {
        let p = self.boxed(Kind::Fun, 1 + env.len());
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = entry as *const FunEntry as u64;
            p.add(2).copy_from_nonoverlapping(env.as_ptr().cast(), env.len());
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    pub fn export_fun(&mut self, export: &'static Export) -> Term {
        let p = self.boxed(Kind::ExportFun, 1);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = export as *const Export as u64;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// A local reference: its number, and for an alias the raw local pid of its process (else 0).
    pub fn reference(&mut self, number: u64, alias_of: u64) -> Term {
        let p = self.boxed(Kind::Ref, 2);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = number;
            *p.add(2) = alias_of;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// A reference that carries a native value.
    pub fn magic_ref(&mut self, m: Arc<Magic>) -> Term {
        let p = self.boxed(Kind::MagicRef, 4);
        // SAFETY: fresh room; the cell owns the count.
        unsafe {
            *p.add(1) = m.id.0;
            *p.add(2) = m.id.1;
            *p.add(3) = magic::into_raw(m);
            *p.add(4) = self.off_heap as u64;
            self.off_heap = p;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    pub fn ext_pid(&mut self, node: &'static NodeName, number: u32, serial: u32) -> Term {
        let p = self.boxed(Kind::ExtPid, 2);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = node as *const NodeName as u64;
            *p.add(2) = u64::from(number) | u64::from(serial) << 32;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    pub fn ext_port(&mut self, node: &'static NodeName, number: u64) -> Term {
        let p = self.boxed(Kind::ExtPort, 2);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = node as *const NodeName as u64;
            *p.add(2) = number;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    pub fn ext_ref(&mut self, node: &'static NodeName, words: &[u32]) -> Term {
        let p = self.boxed(Kind::ExtRef, 2 + words.len().div_ceil(2));
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = node as *const NodeName as u64;
            *p.add(2) = words.len() as u64;
            for (i, pair) in words.chunks(2).enumerate() {
                *p.add(3 + i) = u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32;
            }
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }

    // ---- bit strings
    /// A binary that holds a copy of `bytes`.
    pub fn binary(&mut self, bytes: &[u8]) -> Term {
        self.bitstring(bytes, bytes.len() * 8)
    }
    pub fn str(&mut self, text: &str) -> Term {
        self.binary(text.as_bytes())
    }
    /// A bit string that holds a copy of the first `bits` of `bytes`. Unused low bits of the last byte must be whatever; they are cleared.
    pub fn bitstring(&mut self, bytes: &[u8], bits: usize) -> Term {
        let n = bits.div_ceil(8);
        let (t, data) = self.bits_uninit(bits);
        // SAFETY: `data` is fresh room of n bytes.
        unsafe {
            data.copy_from_nonoverlapping(bytes.as_ptr(), n);
            if bits % 8 != 0 {
                *data.add(n - 1) &= 0xffu8 << (8 - bits % 8);
            }
        }
        t
    }
    /// A new bit string of `bits` bits, zeroed, and its bytes to be filled before anyone else sees it.
    pub fn bits_mut(&mut self, bits: usize) -> (Term, &'static mut [u8]) {
        let n = bits.div_ceil(8);
        let (t, data) = self.bits_uninit(bits);
        // SAFETY: fresh room of n bytes; rule 3.
        unsafe {
            data.write_bytes(0, n);
            (t, std::slice::from_raw_parts_mut(data, n))
        }
    }
    fn bits_uninit(&mut self, bits: usize) -> (Term, *mut u8) {
        let n = bits.div_ceil(8);
        if n <= HEAP_BIN_MAX {
            let p = self.boxed(Kind::HeapBits, 1 + n.div_ceil(8));
            // SAFETY: fresh room; the last word is cleared so that padding is defined.
            unsafe {
                *p.add(1) = bits as u64;
                if n > 0 {
                    *p.add(1 + n.div_ceil(8)) = 0;
                }
                (Term::from_raw(p as u64 | TAG_BOXED), p.add(2).cast())
            }
        } else {
            let b = Binary::unwritten(n, bits);
            let data = b.data();
            (self.bin_ref(b, bits), data)
        }
    }
    /// A bit string of the `bits` bits that were written; unused low bits of the last byte are zero.
    pub fn grown(&mut self, bytes: Growing, bits: usize) -> Term {
        if bytes.len() <= HEAP_BIN_MAX { self.bitstring(bytes.bytes(), bits) } else { self.bin_ref(bytes.finish(bits), bits) }
    }
    /// A bit string of the first `bits` bits of a buffer.
    pub fn bin_ref(&mut self, b: Binary, bits: usize) -> Term {
        self.off_heap_bytes += b.capacity();
        let p = self.boxed(Kind::BinRef, 3);
        // SAFETY: fresh room; the cell owns the count.
        unsafe {
            *p.add(1) = bits as u64;
            *p.add(2) = b.into_raw();
            *p.add(3) = self.off_heap as u64;
            self.off_heap = p;
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// The part of a bit string from bit `offset` on, `bits` long, sharing its bytes unless copying is cheaper.
    pub fn sub_bits(&mut self, whole: Term, offset: usize, bits: usize) -> Term {
        let (base, start) = match whole.kind() {
            Some(Kind::SubBits | Kind::MatchContext) => (whole.base(), whole.word(1) as usize),
            _ => (whole, 0),
        };
        let start = if whole.is_kind(Kind::MatchContext) { 0 } else { start };
        self.slice_base(base, start + offset, bits)
    }
    /// The part of a `HeapBits` or `BinRef` from bit `start` on.
    pub fn slice_base(&mut self, base: Term, start: usize, bits: usize) -> Term {
        if start == 0 && base.bit_size() == Some(bits) {
            return base;
        }
        if bits <= COPIED_BITS {
            let view = base.bits().expect("a bit string").slice(start, bits);
            let (t, out) = self.bits_mut(bits);
            view.copy_to(out, 0);
            return t;
        }
        self.part(base, start, bits)
    }
    /// The part of a `HeapBits` or `BinRef` from bit `start` on, never copied.
    #[inline]
    pub fn part(&mut self, base: Term, start: usize, bits: usize) -> Term {
        let p = self.boxed(Kind::SubBits, 3);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = start as u64;
            *p.add(2) = bits as u64;
            *p.add(3) = base.raw();
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }
    /// A match context on a bit string, at its beginning.
    pub fn match_context(&mut self, bits: Term) -> Term {
        let (base, start) = match bits.kind() {
            Some(Kind::SubBits) => (bits.base(), bits.word(1)),
            _ => (bits, 0),
        };
        let end = start + bits.bit_size().unwrap_or(0) as u64;
        let p = self.boxed(Kind::MatchContext, 3);
        // SAFETY: fresh room.
        unsafe {
            *p.add(1) = start;
            *p.add(2) = end;
            *p.add(3) = base.raw();
            Term::from_raw(p as u64 | TAG_BOXED)
        }
    }

    /// A copy of an off-heap cell (`BinRef` or `MagicRef`) in this allocator, with a count of its own.
    pub fn copy_cell(&mut self, cell: Term) -> Term {
        match cell.kind() {
            Some(Kind::BinRef) => {
                // SAFETY: rule 5.
                let b = unsafe { (*Binary::borrow_raw(cell.word(2))).clone() };
                self.bin_ref(b, cell.word(1) as usize)
            }
            Some(Kind::MagicRef) => {
                // SAFETY: rule 5.
                unsafe { magic::retain_raw(cell.word(3)) };
                let p = self.boxed(Kind::MagicRef, 4);
                // SAFETY: fresh room.
                unsafe {
                    *p.add(1) = cell.word(1);
                    *p.add(2) = cell.word(2);
                    *p.add(3) = cell.word(3);
                    *p.add(4) = self.off_heap as u64;
                    self.off_heap = p;
                    Term::from_raw(p as u64 | TAG_BOXED)
                }
            }
            k => unreachable!("{k:?} is not an off-heap cell"),
        }
    }
}

/// Bytes of the buffer behind a `BinRef`; 0 for a magic reference.
///
/// # Safety
/// Rule 1: `cell` is a `BinRef` or `MagicRef`.
pub unsafe fn cell_bytes(cell: *mut u64) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        if crate::word::header_kind(*cell) == Kind::BinRef as u8 { Binary::borrow_raw(*cell.add(2)).capacity() } else { 0 }
    }
}

impl Drop for Alloc {
    /// Frees fragments and counts. A process's heap block belongs to the process, which empties this list before it dies.
    fn drop(&mut self) {
        self.seal();
        // SAFETY: rule 3: they are ours.
        drop(unsafe { Fragment::of(self.frags, self.off_heap) });
    }
}

// The room at hand must look to machine code like two plain words.
const _: () = assert!(std::mem::offset_of!(Alloc, hp) == 0 && std::mem::offset_of!(Alloc, limit) == 8);
const _: () = assert!(size_of::<NonNull<u64>>() == 8);
