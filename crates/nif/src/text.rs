//! Terms as text, for the formatting functions (`%T`).

use libc::c_char;
use term::Term;

/// The text of a term with a zero behind it; `length` with the zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrobeam_nif_text(term: u64, length: *mut usize) -> *mut c_char {
    let mut text = if term == 0 { b"THE_NON_VALUE".to_vec() } else { term::print::print(Term::from_raw(term), isize::MAX) };
    text.retain(|&b| b != 0);
    text.push(0);
    *length = text.len();
    Box::into_raw(text.into_boxed_slice()).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrobeam_nif_free_text(text: *mut c_char, length: usize) {
    drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(text.cast::<u8>(), length)));
}
