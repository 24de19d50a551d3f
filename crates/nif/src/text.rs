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

#[cfg(test)]
mod tests {
    use std::ffi::{CString, c_char, c_int};
    use term::{Alloc, Term};

    unsafe extern "C" {
        fn enif_snprintf(buffer: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
    }

    fn formatted(size: usize, format: &str, t: Term) -> (c_int, String) {
        let mut room = vec![b'?'; 100];
        let format = CString::new(format).unwrap();
        // SAFETY: rule 1: the arguments are those that the formats below name.
        let n = unsafe { enif_snprintf(room.as_mut_ptr().cast(), size, format.as_ptr(), t.raw(), 7 as c_int, 2.5f64) };
        room.truncate(room.iter().position(|&b| b == 0).unwrap_or(100));
        (n, String::from_utf8(room).unwrap())
    }

    #[test]
    fn terms_stand_between_the_usual_conversions() {
        let mut h = Alloc::new();
        let one = Term::small(1);
        let t = h.tuple(&[one, term::am::OK]);
        assert_eq!(formatted(100, "%T|%03d|%.1f%%", t), (15, "{1,ok}|007|2.5%".into()));
        assert_eq!(formatted(100, "%10T|%d|%g", t), (16, "    {1,ok}|7|2.5".into()));
        assert_eq!(formatted(5, "%T|%d|%g", t), (12, "{1,o".into()), "cut short, with the length that it would have");
    }
}
