//! Reference-counted byte buffers outside any heap ("off-heap binaries").
//! A buffer may have spare room: whoever holds its last written bit may claim the bits after it (`claim`), which makes
//! appending to a growing binary cheap without copying, and safe when several processes hold it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::*};

#[repr(C)]
struct Head {
    count: AtomicUsize,
    capacity: usize,
    /// Bits that somebody has claimed; only grows.
    used_bits: AtomicUsize,
}

/// A counted handle on a buffer.
pub struct Binary(NonNull<Head>);

// SAFETY: rule 5 (the count is atomic) and rule 6 (written bytes are never written again).
unsafe impl Send for Binary {}
// SAFETY: as above.
unsafe impl Sync for Binary {}

const HEAD: usize = size_of::<Head>();
/// For machine code: where things are in a buffer, from its raw handle.
pub const COUNT: i32 = std::mem::offset_of!(Head, count) as i32;
pub const CAPACITY: i32 = std::mem::offset_of!(Head, capacity) as i32;
pub const USED_BITS: i32 = std::mem::offset_of!(Head, used_bits) as i32;
/// In `used_bits`: the last eight bytes are the address of a boxed owner, which goes with the buffer. Nobody can claim more of it.
const OWNED: usize = 1 << 63;

/// Bytes in buffers of the whole program, in several places so that threads seldom meet at one. A buffer's address chooses the place.
static BYTES: [Place; 8] = [const { Place(AtomicUsize::new(0)) }; 8];

#[repr(align(128))]
struct Place(AtomicUsize);

#[inline]
fn count_bytes(p: *const Head, bytes: usize) {
    BYTES[p as usize >> 12 & 7].0.fetch_add(bytes, Relaxed);
}

/// Bytes that off-heap binaries take in the whole program.
pub fn memory() -> usize {
    BYTES.iter().fold(0, |n, p| n.wrapping_add(p.0.load(Relaxed)))
}

/// Bytes behind a buffer's room: machine code writes whole words.
const SPILL: usize = 7;

fn layout(capacity: usize) -> Layout {
    Layout::from_size_align(HEAD + capacity + SPILL, 8).expect("a binary's size fits the address space")
}

impl Binary {
    /// A buffer whose first `bits` are claimed by the maker (zeroed), with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize, bits: usize) -> Binary {
        let b = Binary::unwritten(capacity, bits);
        // SAFETY: fresh room; nobody else has it yet.
        unsafe { b.data().write_bytes(0, bits.div_ceil(8)) };
        b
    }
    /// The same with bytes that the maker has to write before anybody reads them.
    pub(crate) fn unwritten(capacity: usize, bits: usize) -> Binary {
        debug_assert!(bits.div_ceil(8) <= capacity);
        let l = layout(capacity);
        // SAFETY: the layout is not empty; the head is written before anyone else sees it.
        unsafe {
            let p = alloc(l).cast::<Head>();
            let Some(p) = NonNull::new(p) else { handle_alloc_error(l) };
            count_bytes(p.as_ptr(), l.size());
            p.as_ptr().write(Head { count: AtomicUsize::new(1), capacity, used_bits: AtomicUsize::new(bits) });
            Binary(p)
        }
    }
    /// A buffer that holds a copy of `bytes` and no spare room.
    pub fn from_bytes(bytes: &[u8]) -> Binary {
        let b = Binary::unwritten(bytes.len(), bytes.len() * 8);
        // SAFETY: fresh room of that size; the bytes are copied whole.
        unsafe { b.data().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        b
    }
    /// A buffer that holds a copy of `bytes`, and something that is dropped with it.
    pub fn with_owner(bytes: &[u8], owner: Box<dyn std::any::Any + Send + Sync>) -> Binary {
        let room = bytes.len().next_multiple_of(8);
        let b = Binary::with_capacity(room + 8, room * 8 + 64);
        let owner = Box::into_raw(Box::new(owner)) as u64;
        // SAFETY: fresh room of that size; nobody else has it yet.
        unsafe {
            b.data().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            b.data().add(room).cast::<u64>().write(owner);
        }
        b.head().used_bits.store(bytes.len() * 8 | OWNED, Release);
        b
    }
    fn head(&self) -> &Head {
        // SAFETY: rule 5.
        unsafe { self.0.as_ref() }
    }
    #[inline]
    pub fn data(&self) -> *mut u8 {
        // SAFETY: the bytes follow the head in the same allocation.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEAD) }
    }
    #[inline]
    pub fn capacity(&self) -> usize {
        self.head().capacity
    }
    pub fn used_bits(&self) -> usize {
        self.head().used_bits.load(Acquire) & !OWNED
    }
    /// How many handles there are.
    pub fn count(&self) -> usize {
        self.head().count.load(Acquire)
    }
    /// The first `len` bytes; `len` must not exceed what has been written.
    pub fn bytes(&self, len: usize) -> &[u8] {
        assert!(len <= self.capacity());
        // SAFETY: rule 6: written bytes do not change.
        unsafe { std::slice::from_raw_parts(self.data(), len) }
    }
    /// All bytes of a buffer that nobody else holds yet.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(self.count() == 1, "only the maker writes");
        let n = self.used_bits().div_ceil(8);
        // SAFETY: a single handle, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.data(), n) }
    }
    /// Claims the bits `from..from + more`, if `from` is the end of what is claimed and there is room.
    /// Whole bytes only: a shared last byte could be read by others meanwhile.
    pub fn claim(&self, from: usize, more: usize) -> bool {
        from % 8 == 0 && self.claim_private(from, more)
    }
    /// As `claim`, also within a byte: for who alone has seen the bits before.
    #[inline]
    pub fn claim_private(&self, from: usize, more: usize) -> bool {
        (from + more).div_ceil(8) <= self.capacity()
            && self.head().used_bits.compare_exchange(from, from + more, AcqRel, Acquire).is_ok()
    }
    /// As `claim_private`, if this is the only handle: then nobody else can look or claim.
    #[inline]
    pub fn claim_alone(&self, from: usize, more: usize) -> bool {
        let h = self.head();
        let fits = (from + more).div_ceil(8) <= h.capacity && h.count.load(Acquire) == 1 && h.used_bits.load(Relaxed) == from;
        if fits {
            h.used_bits.store(from + more, Release);
        }
        fits
    }
    #[inline]
    pub fn into_raw(self) -> u64 {
        let p = self.0.as_ptr() as u64;
        std::mem::forget(self);
        p
    }
    /// # Safety
    /// Rule 5: `raw` came from `into_raw` and its count is taken over.
    #[inline]
    pub unsafe fn from_raw(raw: u64) -> Binary {
        // SAFETY: the caller's promise.
        Binary(unsafe { NonNull::new_unchecked(raw as *mut Head) })
    }
    /// # Safety
    /// Rule 5: `raw` came from `into_raw` and is alive for `'a`.
    #[inline]
    pub unsafe fn borrow_raw<'a>(raw: u64) -> std::mem::ManuallyDrop<Binary> {
        // SAFETY: the caller's promise; the handle is not dropped.
        std::mem::ManuallyDrop::new(unsafe { Binary::from_raw(raw) })
    }
    /// The address of the bytes behind a raw handle.
    #[inline(always)]
    pub fn data_of_raw(raw: u64) -> *mut u8 {
        (raw as usize + HEAD) as *mut u8
    }
}

impl Clone for Binary {
    #[inline]
    fn clone(&self) -> Binary {
        self.head().count.fetch_add(1, Relaxed);
        Binary(self.0)
    }
}

impl Drop for Binary {
    #[inline]
    fn drop(&mut self) {
        if self.head().count.fetch_sub(1, Release) == 1 {
            std::sync::atomic::fence(Acquire);
            let l = layout(self.capacity());
            count_bytes(self.0.as_ptr(), l.size().wrapping_neg());
            if self.head().used_bits.load(Relaxed) & OWNED != 0 {
                // SAFETY: `with_owner` has written it there, whole and aligned.
                drop(unsafe { Box::from_raw(*self.data().add(self.capacity() - 8).cast::<*mut Box<dyn std::any::Any + Send + Sync>>()) });
            }
            // SAFETY: rule 5: the last count is gone.
            unsafe { dealloc(self.0.as_ptr().cast(), l) };
        }
    }
}

/// Bytes that are being written, to become a binary without being copied.
pub struct Growing {
    /// Its single handle; nothing is claimed yet.
    binary: Binary,
    len: usize,
}

impl Default for Growing {
    fn default() -> Growing {
        Growing::with_capacity(64)
    }
}

impl Growing {
    pub fn with_capacity(capacity: usize) -> Growing {
        Growing { binary: Binary::with_capacity(capacity, 0), len: 0 }
    }
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn bytes(&self) -> &[u8] {
        self.binary.bytes(self.len)
    }
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the first `len` bytes are written, and nobody else has the buffer.
        unsafe { std::slice::from_raw_parts_mut(self.binary.data(), self.len) }
    }
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        // SAFETY: there is room for it.
        unsafe { self.binary.data().add(self.len).write(byte) };
        self.len += 1;
    }
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        // SAFETY: there is room for them.
        unsafe { self.binary.data().add(self.len).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.len += bytes.len();
    }
    /// `n` zeros, to be overwritten.
    pub fn zeros(&mut self, n: usize) -> &mut [u8] {
        self.reserve(n);
        let from = self.len;
        // SAFETY: there is room for them.
        unsafe { self.binary.data().add(from).write_bytes(0, n) };
        self.len += n;
        &mut self.bytes_mut()[from..]
    }
    /// Likewise; `None` if there is no memory for them.
    pub fn try_zeros(&mut self, n: usize) -> Option<&mut [u8]> {
        const MOST: usize = 1 << 46;
        if n > self.binary.capacity() - self.len && (n > MOST || !self.try_resize(self.len + n)) {
            return None;
        }
        Some(self.zeros(n))
    }
    /// Forgets all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
    #[inline]
    fn reserve(&mut self, n: usize) {
        if n > self.binary.capacity() - self.len {
            self.resize((self.len + n).max(2 * self.binary.capacity()).max(64));
        }
    }
    #[cold]
    fn resize(&mut self, capacity: usize) {
        if !self.try_resize(capacity) {
            handle_alloc_error(layout(capacity));
        }
    }
    fn try_resize(&mut self, capacity: usize) -> bool {
        let (old, new) = (layout(self.binary.capacity()), layout(capacity));
        let p = self.binary.0.as_ptr();
        // SAFETY: rule 5: the only handle; the layout is that of its allocation.
        unsafe {
            let Some(q) = NonNull::new(realloc(p.cast(), old, new.size()).cast::<Head>()) else { return false };
            count_bytes(q.as_ptr(), old.size().wrapping_neg());
            (*q.as_ptr()).capacity = capacity;
            count_bytes(q.as_ptr(), new.size());
            std::mem::forget(std::mem::replace(&mut self.binary, Binary(q)));
        }
        true
    }
    /// The first `bits` bits; much spare room is given back.
    pub fn finish(mut self, bits: usize) -> Binary {
        debug_assert_eq!(bits.div_ceil(8), self.len);
        if self.binary.capacity() - self.len > self.len / 16 {
            self.resize(self.len);
        }
        self.binary.head().used_bits.store(bits, Release);
        self.binary
    }
}

impl crate::Term {
    /// What is dropped with the buffer behind a binary (`Binary::with_owner`).
    pub fn binary_owner(self) -> Option<&'static (dyn std::any::Any + Send + Sync)> {
        let base = if self.is_kind(crate::Kind::SubBits) { self.base() } else { self };
        if !base.is_kind(crate::Kind::BinRef) {
            return None;
        }
        // SAFETY: rules 1, 2 and 5; where there is one `with_owner` has written it.
        unsafe {
            let b = Binary::borrow_raw(base.word(2));
            let owned = b.head().used_bits.load(Relaxed) & OWNED != 0;
            owned.then(|| &**(*b.data().add(b.capacity() - 8).cast::<*const Box<dyn std::any::Any + Send + Sync>>()))
        }
    }
    /// Of an off-heap binary: bytes in use and bytes of room.
    pub fn off_heap_room(self) -> Option<(usize, usize)> {
        if !self.is_kind(crate::Kind::BinRef) {
            return None;
        }
        // SAFETY: rules 1 and 5.
        let b = unsafe { Binary::borrow_raw(self.word(2)) };
        Some((b.used_bits().div_ceil(8), b.capacity()))
    }
    /// Address, size in bytes and number of references of the buffer behind a `BinRef`.
    pub fn off_heap_binary(self) -> Option<(u64, usize, usize)> {
        if !self.is_kind(crate::Kind::BinRef) {
            return None;
        }
        // SAFETY: rules 1 and 5.
        let b = unsafe { Binary::borrow_raw(self.word(2)) };
        Some((self.word(2), b.used_bits() / 8, b.count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_bytes_become_a_binary() {
        let before = memory();
        let mut g = Growing::with_capacity(0);
        let mut want = Vec::new();
        for i in 0..2000u32 {
            g.push(i as u8);
            g.extend(&i.to_be_bytes());
            g.zeros(2)[1] = 7;
            want.push(i as u8);
            want.extend(i.to_be_bytes());
            want.extend([0, 7]);
        }
        g.bytes_mut()[0] = 9;
        want[0] = 9;
        assert_eq!(g.bytes(), want);
        let b = g.finish(want.len() * 8);
        assert_eq!(b.bytes(want.len()), want);
        assert_eq!((b.used_bits(), b.count()), (want.len() * 8, 1));
        assert!(b.capacity() < want.len() + want.len() / 8);
        let end = want.len() * 8;
        assert!(!b.claim(end, (b.capacity() + 1) * 8));
        drop(b);
        assert!(memory() <= before.max(1 << 20));
    }
}
