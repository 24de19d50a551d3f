//! Binaries of drivers and the queue of bytes that each port has.

use super::{ErlIoVec, shared};
use libc::{c_char, c_int, c_void, iovec};
use std::collections::VecDeque;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicIsize, Ordering::*};

/// `ErlDrvBinary`: its size, then its bytes. The count stands before it.
#[repr(C)]
pub struct DrvBinary {
    size: i64,
    bytes: [u8; 0],
}

/// Words before a binary: its count, and one that keeps the bytes aligned as C expects.
const BEFORE: usize = 16;

unsafe fn count<'a>(b: *mut DrvBinary) -> &'a AtomicIsize {
    &*b.cast::<u8>().sub(BEFORE).cast::<AtomicIsize>()
}

/// Its bytes.
pub unsafe fn bytes<'a>(b: *const DrvBinary) -> &'a [u8] {
    std::slice::from_raw_parts((&raw const (*b).bytes).cast(), (*b).size.max(0) as usize)
}

fn data(b: *mut DrvBinary) -> *mut u8 {
    b.cast::<u8>().wrapping_add(size_of::<i64>())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_alloc_binary(size: usize) -> *mut DrvBinary {
    let p = libc::malloc(BEFORE + size_of::<i64>() + size.max(1)).cast::<u8>();
    if p.is_null() {
        return null_mut();
    }
    p.cast::<AtomicIsize>().write(AtomicIsize::new(1));
    let b = p.add(BEFORE).cast::<DrvBinary>();
    (*b).size = size as i64;
    b
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_realloc_binary(b: *mut DrvBinary, size: usize) -> *mut DrvBinary {
    let p = libc::realloc(b.cast::<u8>().sub(BEFORE).cast(), BEFORE + size_of::<i64>() + size.max(1)).cast::<u8>();
    if p.is_null() {
        return null_mut();
    }
    let b = p.add(BEFORE).cast::<DrvBinary>();
    (*b).size = size as i64;
    b
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_free_binary(b: *mut DrvBinary) {
    if !b.is_null() && count(b).fetch_sub(1, AcqRel) == 1 {
        libc::free(b.cast::<u8>().sub(BEFORE).cast());
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_binary_get_refc(b: *mut DrvBinary) -> i64 {
    count(b).load(Acquire) as i64
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_binary_inc_refc(b: *mut DrvBinary) -> i64 {
    count(b).fetch_add(1, AcqRel) as i64 + 1
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_binary_dec_refc(b: *mut DrvBinary) -> i64 {
    let left = count(b).fetch_sub(1, AcqRel) as i64 - 1;
    if left == 0 {
        libc::free(b.cast::<u8>().sub(BEFORE).cast());
    }
    left
}

/// A part of a binary; owns one count.
struct Piece {
    binary: *mut DrvBinary,
    start: usize,
    len: usize,
}

// SAFETY: rule 6: the count is atomic, the bytes are no longer written.
unsafe impl Send for Piece {}

impl Drop for Piece {
    fn drop(&mut self) {
        // SAFETY: rule 6: one count of its own.
        unsafe { driver_free_binary(self.binary) };
    }
}

impl Piece {
    unsafe fn copy(p: *const u8, len: usize) -> Piece {
        let binary = driver_alloc_binary(len);
        data(binary).copy_from_nonoverlapping(p, len);
        Piece { binary, start: 0, len }
    }
    unsafe fn of(binary: *mut DrvBinary, start: usize, len: usize) -> Piece {
        driver_binary_inc_refc(binary);
        Piece { binary, start, len }
    }
    fn vector(&self) -> iovec {
        iovec { iov_base: data(self.binary).wrapping_add(self.start).cast(), iov_len: self.len }
    }
}

/// The bytes that a driver keeps for its port.
#[derive(Default)]
pub struct Queue {
    pieces: VecDeque<Piece>,
    size: usize,
    /// What has been shown to C.
    vectors: Vec<Vector>,
    binaries: Vec<usize>,
}

#[repr(transparent)]
struct Vector(#[allow(dead_code)] iovec);

// SAFETY: addresses of the queue's own pieces.
unsafe impl Send for Vector {}

impl Queue {
    pub fn size(&self) -> usize {
        self.size
    }
    fn add(&mut self, p: Piece, front: bool) {
        self.size += p.len;
        if p.len == 0 {
            return;
        }
        if front { self.pieces.push_front(p) } else { self.pieces.push_back(p) }
    }
    fn take(&mut self, count: usize) {
        let mut count = count;
        while count > 0 {
            let Some(first) = self.pieces.front_mut() else { break };
            let n = first.len.min(count);
            first.start += n;
            first.len -= n;
            self.size -= n;
            count -= n;
            if first.len == 0 {
                self.pieces.pop_front();
            }
        }
    }
}

/// Shows `bytes` as a vector whose first element is free for a header.
pub unsafe fn with_vector(bytes: &[u8], f: impl FnOnce(*mut ErlIoVec)) {
    let binary = driver_alloc_binary(bytes.len());
    data(binary).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
    let mut iov = [iovec { iov_base: null_mut(), iov_len: 0 }, iovec { iov_base: data(binary).cast(), iov_len: bytes.len() }];
    let mut binv = [null_mut(), binary];
    let vsize = if bytes.is_empty() { 1 } else { 2 };
    let mut ev = ErlIoVec { vsize, size: bytes.len(), iov: iov.as_mut_ptr(), binv: binv.as_mut_ptr() };
    f(&mut ev);
    driver_free_binary(binary);
}

unsafe fn change(port: usize, f: impl FnOnce(&mut Queue)) -> c_int {
    let Some(s) = shared(port) else { return -1 };
    f(&mut s.queue.lock());
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_enq(port: usize, p: *const c_char, len: usize) -> c_int {
    change(port, |q| q.add(Piece::copy(p.cast(), len), false))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pushq(port: usize, p: *const c_char, len: usize) -> c_int {
    change(port, |q| q.add(Piece::copy(p.cast(), len), true))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_enq_bin(port: usize, b: *mut DrvBinary, at: usize, len: usize) -> c_int {
    change(port, |q| q.add(Piece::of(b, at, len), false))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pushq_bin(port: usize, b: *mut DrvBinary, at: usize, len: usize) -> c_int {
    change(port, |q| q.add(Piece::of(b, at, len), true))
}

/// A vector's elements behind the first `skip` bytes.
unsafe fn pieces(ev: *const ErlIoVec, skip: usize) -> Vec<Piece> {
    let mut skip = skip;
    let mut out = Vec::new();
    for i in 0..(*ev).vsize.max(0) as usize {
        let v = &*(*ev).iov.add(i);
        let n = v.iov_len.min(skip);
        skip -= n;
        if n == v.iov_len {
            continue;
        }
        let p = v.iov_base.cast::<u8>().add(n);
        let b = if (*ev).binv.is_null() { null_mut() } else { *(*ev).binv.add(i) };
        out.push(if b.is_null() { Piece::copy(p, v.iov_len - n) } else { Piece::of(b, p as usize - data(b) as usize, v.iov_len - n) });
    }
    out
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_enqv(port: usize, ev: *const ErlIoVec, skip: usize) -> c_int {
    if skip > (*ev).size {
        return -1;
    }
    let all = pieces(ev, skip);
    change(port, |q| all.into_iter().for_each(|p| q.add(p, false)))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_pushqv(port: usize, ev: *const ErlIoVec, skip: usize) -> c_int {
    if skip > (*ev).size {
        return -1;
    }
    let all = pieces(ev, skip);
    change(port, |q| all.into_iter().rev().for_each(|p| q.add(p, true)))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_deq(port: usize, count: usize) -> usize {
    let Some(s) = shared(port) else { return usize::MAX };
    let mut q = s.queue.lock();
    if count > q.size {
        return usize::MAX;
    }
    q.take(count);
    q.size
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_sizeq(port: usize) -> usize {
    shared(port).map_or(usize::MAX, |s| s.queue.lock().size)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_peekq(port: usize, count: *mut c_int) -> *mut iovec {
    let Some(s) = shared(port) else {
        *count = -1;
        return null_mut();
    };
    let mut q = s.queue.lock();
    q.vectors = q.pieces.iter().map(|p| Vector(p.vector())).collect();
    *count = q.vectors.len() as c_int;
    if q.vectors.is_empty() { null_mut() } else { q.vectors.as_mut_ptr().cast() }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_peekqv(port: usize, ev: *mut ErlIoVec) -> usize {
    let Some(s) = shared(port) else { return usize::MAX };
    let mut q = s.queue.lock();
    q.vectors = q.pieces.iter().map(|p| Vector(p.vector())).collect();
    q.binaries = q.pieces.iter().map(|p| p.binary as usize).collect();
    (*ev).vsize = q.vectors.len() as c_int;
    (*ev).size = q.size;
    (*ev).iov = q.vectors.as_mut_ptr().cast();
    (*ev).binv = q.binaries.as_mut_ptr().cast();
    q.size
}
/// Copies a vector's bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_vec_to_buf(ev: *const ErlIoVec, buffer: *mut c_char, len: usize) -> usize {
    let mut done = 0;
    for i in 0..(*ev).vsize.max(0) as usize {
        let v = &*(*ev).iov.add(i);
        let n = v.iov_len.min(len - done);
        buffer.add(done).copy_from_nonoverlapping(v.iov_base.cast(), n);
        done += n;
    }
    done
}

// ---- memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_alloc(size: usize) -> *mut c_void {
    libc::malloc(size.max(1))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_realloc(p: *mut c_void, size: usize) -> *mut c_void {
    libc::realloc(p, size.max(1))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_free(p: *mut c_void) {
    libc::free(p);
}
