//! Queues of bytes for vectored output (`enif_ioq_*`), and lists of binaries as vectors.

use crate::binary::NifBinary;
use crate::env::Env;
use libc::{c_int, c_void, iovec};
use std::collections::VecDeque;
use std::ptr::null_mut;
use term::binary::Binary;
use term::{Kind, Term};

const SMALL: usize = 16;

/// `ErlNifIOVec`.
#[repr(C)]
pub struct IoVec {
    count: c_int,
    size: usize,
    iov: *mut iovec,
    ref_bins: *mut *mut c_void,
    flags: c_int,
    small_iov: [iovec; SMALL],
    small_ref_bin: [*mut c_void; SMALL],
}

/// In `flags`: the arrays, and the record itself, came from `malloc`.
const ARRAYS: c_int = 1;
const ITSELF: c_int = 2;

/// A piece of a buffer.
struct Piece {
    buffer: Binary,
    start: usize,
    len: usize,
}

impl Piece {
    fn vector(&self) -> iovec {
        iovec { iov_base: self.buffer.data().wrapping_add(self.start).cast(), iov_len: self.len }
    }
}

/// `ErlNifIOQueue`.
#[derive(Default)]
pub struct Queue {
    pieces: VecDeque<Piece>,
    size: usize,
    /// What `enif_ioq_peek` has given away.
    vectors: Vec<iovec>,
}

impl Queue {
    fn push(&mut self, piece: Piece) {
        if piece.len > 0 {
            self.size += piece.len;
            self.pieces.push_back(piece);
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_create(options: c_int) -> *mut Queue {
    if options != 1 { null_mut() } else { Box::into_raw(Box::default()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_destroy(q: *mut Queue) {
    if !q.is_null() {
        drop(Box::from_raw(q));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_size(q: *const Queue) -> usize {
    (*q).size
}

/// The buffer becomes the queue's; 0 if there is less in it than is to be skipped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_enq_binary(q: *mut Queue, bin: *mut NifBinary, skip: usize) -> c_int {
    let (data, size, raw) = ((*bin).data, (*bin).size, (*bin).ref_bin as u64);
    if skip > size {
        return 0;
    }
    let buffer = if raw == 0 {
        Binary::from_bytes(if size == 0 { &[] } else { std::slice::from_raw_parts(data, size) })
    } else {
        (*bin).ref_bin = null_mut();
        Binary::from_raw(raw)
    };
    (*q).push(Piece { buffer, start: skip, len: size - skip });
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_enqv(q: *mut Queue, v: *const IoVec, skip: usize) -> c_int {
    if skip > (*v).size {
        return 0;
    }
    let mut skip = skip;
    for i in 0..(*v).count as usize {
        let part = &*(*v).iov.add(i);
        let n = part.iov_len.min(skip);
        skip -= n;
        if n == part.iov_len {
            continue;
        }
        let raw = if (*v).ref_bins.is_null() { null_mut() } else { *(*v).ref_bins.add(i) };
        let piece = if raw.is_null() {
            let bytes = std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len);
            Piece { buffer: Binary::from_bytes(bytes), start: n, len: part.iov_len - n }
        } else {
            let buffer = (*Binary::borrow_raw(raw as u64)).clone();
            let start = part.iov_base as usize - buffer.data() as usize;
            Piece { buffer, start: start + n, len: part.iov_len - n }
        };
        (*q).push(piece);
    }
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_deq(q: *mut Queue, count: usize, left: *mut usize) -> c_int {
    let q = &mut *q;
    if count > q.size {
        return 0;
    }
    let mut count = count;
    q.size -= count;
    while count > 0 {
        let Some(first) = q.pieces.front_mut() else { break };
        if first.len > count {
            first.start += count;
            first.len -= count;
            break;
        }
        count -= first.len;
        q.pieces.pop_front();
    }
    if !left.is_null() {
        *left = q.size;
    }
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_peek(q: *mut Queue, count: *mut c_int) -> *mut iovec {
    let q = &mut *q;
    q.vectors = q.pieces.iter().map(Piece::vector).collect();
    if !count.is_null() {
        *count = q.vectors.len() as c_int;
    }
    q.vectors.as_mut_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_ioq_peek_head(env: *mut Env, q: *mut Queue, size: *mut usize, head: *mut u64) -> c_int {
    let Some(first) = (*q).pieces.front() else { return 0 };
    if !size.is_null() {
        *size = first.len;
    }
    let h = (*env).h();
    let whole = h.bin_ref(first.buffer.clone(), (first.start + first.len) * 8);
    *head = h.sub_bits(whole, first.start * 8, first.len * 8).raw();
    1
}

/// The buffer behind a binary and where in it the binary begins; a new one for small and unaligned ones.
fn piece(t: Term) -> Option<Piece> {
    let bits = t.bits().filter(|b| b.len % 8 == 0)?;
    let base = if t.is_kind(Kind::SubBits) { t.base() } else { t };
    let len = bits.len / 8;
    if base.is_kind(Kind::BinRef)
        && let Some(bytes) = bits.as_bytes()
    {
        // SAFETY: rule 2: the term, and so the count that its cell owns, is alive.
        let buffer = unsafe { (*Binary::borrow_raw(base.word(2))).clone() };
        let start = bytes.as_ptr() as usize - buffer.data() as usize;
        return Some(Piece { buffer, start, len });
    }
    Some(Piece { buffer: Binary::from_bytes(&bits.to_bytes()), start: 0, len })
}

/// The first `most` binaries of a list as a vector, and the rest of the list. Each is kept until `enif_free_iovec`, or until the
/// environment ends if there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_inspect_iovec(env: *mut Env, most: usize, list: u64, tail: *mut u64, out: *mut *mut IoVec) -> c_int {
    let most = if most == 0 { usize::MAX } else { most };
    let mut at = Term::from_raw(list);
    let mut pieces = Vec::new();
    while pieces.len() < most
        && let Some((head, rest)) = at.as_cons()
    {
        let Some(p) = piece(head) else { return 0 };
        if p.len > 0 {
            pieces.push(p);
        }
        at = rest;
    }
    if !at.is_list() {
        return 0;
    }
    *tail = at.raw();
    let mut flags = 0;
    if (*out).is_null() {
        *out = libc::calloc(1, size_of::<IoVec>()).cast();
        flags |= ITSELF;
    }
    let v = &mut **out;
    let n = pieces.len();
    v.count = n as c_int;
    v.size = pieces.iter().map(|p| p.len).sum();
    if n <= SMALL {
        v.iov = v.small_iov.as_mut_ptr();
        v.ref_bins = v.small_ref_bin.as_mut_ptr();
    } else {
        flags |= ARRAYS;
        v.iov = libc::malloc(n * size_of::<iovec>()).cast();
        v.ref_bins = libc::malloc(n * size_of::<usize>()).cast();
    }
    for (i, p) in pieces.into_iter().enumerate() {
        v.iov.add(i).write(p.vector());
        let raw = match env.as_mut() {
            // The environment keeps it; the vector borrows.
            Some(env) => {
                let raw = p.buffer.clone().into_raw();
                env.temporary.push(Binary::from_raw(raw));
                raw
            }
            None => p.buffer.into_raw(),
        };
        v.ref_bins.add(i).write(raw as *mut c_void);
    }
    v.flags = flags;
    if let Some(env) = env.as_mut()
        && flags != 0
    {
        // A record on C's stack may be gone by then: its arrays are noted apart from it.
        let arrays = if flags & ARRAYS != 0 { [v.iov as usize, v.ref_bins as usize] } else { [0; 2] };
        env.mallocs.extend(arrays);
        if flags & ITSELF != 0 {
            env.mallocs.push(*out as usize);
        }
    }
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_free_iovec(v: *mut IoVec) {
    for i in 0..(*v).count as usize {
        let raw = *(*v).ref_bins.add(i) as u64;
        if raw != 0 {
            drop(Binary::from_raw(raw));
        }
    }
    if (*v).flags & ARRAYS != 0 {
        libc::free((*v).iov.cast());
        libc::free((*v).ref_bins.cast());
    }
    (*v).count = 0;
    if (*v).flags & ITSELF != 0 {
        libc::free(v.cast());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::{enif_alloc_binary, enif_release_binary};

    #[test]
    fn bytes_leave_in_order() {
        // SAFETY: rule 1, as C would call it.
        unsafe {
            let q = enif_ioq_create(1);
            for text in [&b"hello "[..], b"wide ", b"world"] {
                let mut bin = std::mem::zeroed();
                assert_eq!(enif_alloc_binary(text.len(), &mut bin), 1);
                bin.data.copy_from_nonoverlapping(text.as_ptr(), text.len());
                assert_eq!(enif_ioq_enq_binary(q, &mut bin, 1), 1);
                enif_release_binary(&mut bin);
            }
            let (mut n, mut left) = (0, 0);
            let v = enif_ioq_peek(q, &mut n);
            let seen: Vec<u8> = (0..n as usize)
                .flat_map(|i| {
                    let v = &*v.add(i);
                    std::slice::from_raw_parts(v.iov_base.cast::<u8>(), v.iov_len).to_vec()
                })
                .collect();
            assert_eq!(seen, b"ello ide orld");
            assert_eq!(enif_ioq_deq(q, 7, &mut left), 1);
            assert_eq!((left, enif_ioq_size(q)), (6, 6));
            assert_eq!(enif_ioq_deq(q, 7, &mut left), 0);
            enif_ioq_destroy(q);
        }
    }
}
