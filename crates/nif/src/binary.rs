//! Memory, binaries, the external format.

use crate::env::{Env, node_of};
use crate::library::services;
use libc::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use term::binary::Binary;
use term::{Term, am};

/// `ErlNifBinary`.
#[repr(C)]
pub struct NifBinary {
    pub size: usize,
    pub data: *mut u8,
    pub ref_bin: *mut c_void,
    spare: [*mut c_void; 2],
}

/// A buffer of this size, not initialised, that only its maker has.
pub fn fresh(size: usize) -> Binary {
    let b = Binary::with_capacity(size, 0);
    b.claim(0, size * 8);
    b
}

// ---- memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_alloc(size: usize) -> *mut c_void {
    libc::malloc(size.max(1))
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_free(p: *mut c_void) {
    libc::free(p);
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_realloc(p: *mut c_void, size: usize) -> *mut c_void {
    libc::realloc(p, size.max(1))
}

// ---- binaries
unsafe fn own(bin: *mut NifBinary, b: Binary, size: usize) {
    (*bin).size = size;
    (*bin).data = b.data();
    (*bin).ref_bin = b.into_raw() as *mut c_void;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_alloc_binary(size: usize, bin: *mut NifBinary) -> c_int {
    if size > isize::MAX as usize / 16 {
        return 0;
    }
    own(bin, fresh(size), size);
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_realloc_binary(bin: *mut NifBinary, size: usize) -> c_int {
    if size > isize::MAX as usize / 16 {
        return 0;
    }
    let b = fresh(size);
    b.data().copy_from_nonoverlapping((*bin).data, size.min((*bin).size));
    enif_release_binary(bin);
    own(bin, b, size);
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_release_binary(bin: *mut NifBinary) {
    if !(*bin).ref_bin.is_null() {
        drop(Binary::from_raw((*bin).ref_bin as u64));
        (*bin).ref_bin = null_mut();
    }
}

/// The bytes of a term, at an address that is good until the environment ends.
unsafe fn inspected(env: *mut Env, t: Term, bin: *mut NifBinary) -> bool {
    let Some(bits) = t.bits().filter(|b| b.len % 8 == 0) else { return false };
    (*bin).size = bits.len / 8;
    (*bin).ref_bin = null_mut();
    (*bin).data = match bits.as_bytes() {
        Some(bytes) => bytes.as_ptr().cast_mut(),
        None => temporary(env, &bits.to_bytes()),
    };
    true
}

/// A copy that goes with the environment.
pub unsafe fn temporary(env: *mut Env, bytes: &[u8]) -> *mut u8 {
    let b = Binary::from_bytes(bytes);
    let data = b.data();
    match env.as_mut() {
        Some(env) => env.temporary.push(b),
        // Nobody says how long it is to be kept.
        None => std::mem::forget(b),
    }
    data
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_inspect_binary(env: *mut Env, term: u64, bin: *mut NifBinary) -> c_int {
    c_int::from(inspected(env, Term::from_raw(term), bin))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_inspect_iolist_as_binary(env: *mut Env, term: u64, bin: *mut NifBinary) -> c_int {
    let t = Term::from_raw(term);
    if t.is_binary() {
        return c_int::from(inspected(env, t, bin));
    }
    if !t.is_list() {
        return 0;
    }
    let Some(bytes) = node_of(env).and_then(|n| services(&n)).and_then(|s| (s.iolist)(t)) else { return 0 };
    (*bin).size = bytes.len();
    (*bin).ref_bin = null_mut();
    (*bin).data = temporary(env, &bytes);
    1
}

/// The buffer becomes the term's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_binary(env: *mut Env, bin: *mut NifBinary) -> u64 {
    let (size, raw) = ((*bin).size, (*bin).ref_bin as u64);
    if raw == 0 {
        let bytes = if size == 0 { &[][..] } else { std::slice::from_raw_parts((*bin).data, size) };
        return (*env).h().binary(bytes).raw();
    }
    (*bin).ref_bin = null_mut();
    (*env).h().bin_ref(Binary::from_raw(raw), size * 8).raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_new_binary(env: *mut Env, size: usize, term: *mut u64) -> *mut u8 {
    if size <= term::alloc::HEAP_BIN_MAX {
        let (t, bytes) = (*env).h().bits_mut(size * 8);
        *term = t.raw();
        return bytes.as_mut_ptr();
    }
    let b = fresh(size);
    let data = b.data();
    *term = (*env).h().bin_ref(b, size * 8).raw();
    data
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_make_sub_binary(env: *mut Env, term: u64, at: usize, size: usize) -> u64 {
    let t = Term::from_raw(term);
    let whole = t.bit_size().unwrap_or(0);
    if (at + size) * 8 > whole {
        return (*env).raise(am::BADARG);
    }
    (*env).h().sub_bits(t, at * 8, size * 8).raw()
}

// ---- the external format
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_term_to_binary(env: *mut Env, term: u64, bin: *mut NifBinary) -> c_int {
    let Some(node) = node_of(env) else { return 0 };
    let Some(s) = services(&node) else { return 0 };
    let bytes = (s.encode)(&node, Term::from_raw(term));
    own(bin, Binary::from_bytes(&bytes), bytes.len());
    1
}

/// How many bytes the term took; 0 for anything else than a term.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_binary_to_term(env: *mut Env, data: *const u8, size: usize, term: *mut u64, options: c_uint) -> usize {
    const SAFE: c_uint = 0x2000_0000;
    if options & !SAFE != 0 {
        return 0;
    }
    let Some(node) = node_of(env) else { return 0 };
    let Some(s) = services(&node) else { return 0 };
    let bytes = if size == 0 { &[][..] } else { std::slice::from_raw_parts(data, size) };
    match (s.decode)(&node, bytes, (*env).h(), options & SAFE != 0) {
        Some((t, n)) => {
            *term = t.raw();
            n
        }
        None => 0,
    }
}

// ---- the operating system's
/// 0 if found; -1 if there is none; 1 if it needs more room than there is (`size` then says how much).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_getenv(name: *const c_char, value: *mut c_char, size: *mut usize) -> c_int {
    let name = std::ffi::CStr::from_ptr(name).to_bytes();
    let Some(found) = crate::env::current_node().and_then(|n| n.world.env.get(name)) else { return -1 };
    if found.len() >= *size {
        *size = found.len() + 1;
        return 1;
    }
    value.copy_from_nonoverlapping(found.as_ptr().cast(), found.len());
    *value.add(found.len()) = 0;
    *size = found.len();
    0
}

type OnError = Option<unsafe extern "C" fn(*mut c_void, *const c_char)>;

unsafe fn tell_error(handler: OnError, argument: *mut c_void) {
    let error = libc::dlerror();
    if let Some(handler) = handler
        && !error.is_null()
    {
        handler(argument, error);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_dlopen(file: *const c_char, handler: OnError, argument: *mut c_void) -> *mut c_void {
    // The suffix is the interface's to add.
    let mut name = std::ffi::CStr::from_ptr(file).to_bytes().to_vec();
    name.extend_from_slice(b".so\0");
    let handle = libc::dlopen(name.as_ptr().cast(), libc::RTLD_NOW);
    if handle.is_null() {
        tell_error(handler, argument);
    }
    handle
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn enif_dlsym(handle: *mut c_void, symbol: *const c_char, handler: OnError, argument: *mut c_void) -> *mut c_void {
    let found = libc::dlsym(handle, symbol);
    if found.is_null() {
        tell_error(handler, argument);
    }
    found
}
