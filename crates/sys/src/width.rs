//! Columns and printability of characters on a terminal: the C library's answers in a UTF-8 locale, so that the shell counts
//! as every other program on the machine does; the `unicode-width` tables where no such locale exists.

use std::sync::OnceLock;

use unicode_width::UnicodeWidthChar;

unsafe extern "C" {
    fn wcwidth(c: libc::wchar_t) -> libc::c_int;
}

/// A UTF-8 locale for character types, made once and kept.
struct Utf8(libc::locale_t);

// SAFETY: rule 1: a locale object is never changed after its making, and never freed.
unsafe impl Send for Utf8 {}
// SAFETY: rule 1: as above.
unsafe impl Sync for Utf8 {}

fn utf8_locale() -> Option<libc::locale_t> {
    static LOCALE: OnceLock<Option<Utf8>> = OnceLock::new();
    let make = |name: &std::ffi::CStr| {
        // SAFETY: rule 1: a NUL-terminated name.
        let made = unsafe { libc::newlocale(libc::LC_CTYPE_MASK, name.as_ptr(), std::ptr::null_mut()) };
        (!made.is_null()).then_some(Utf8(made))
    };
    LOCALE.get_or_init(|| [c"C.UTF-8", c"C.utf8", c"en_US.UTF-8"].into_iter().find_map(make)).as_ref().map(|l| l.0)
}

/// Columns: 0 for combining characters and NUL, 1, 2, or -1 for what cannot be printed.
pub fn columns(c: u32) -> i32 {
    match c {
        0x20..=0x7E => 1,
        0 => 0,
        1..=0x1F | 0x7F..=0x9F | 0xD800..=0xDFFF | 0x110000.. => -1,
        _ => match utf8_locale() {
            // SAFETY: rule 1: the locale is alive for ever; the thread's own is put back.
            Some(locale) => unsafe {
                let before = libc::uselocale(locale);
                let columns = wcwidth(c as libc::wchar_t);
                libc::uselocale(before);
                columns
            },
            None => char::from_u32(c).and_then(|c| c.width()).map_or(-1, |n| n as i32),
        },
    }
}

/// Columns of a whole text; -1 if any of it cannot be printed.
pub fn columns_of(text: impl IntoIterator<Item = u32>) -> i32 {
    let mut sum = 0;
    for c in text {
        match columns(c) {
            -1 => return -1,
            n => sum += n,
        }
    }
    sum
}

/// Can it be shown?
pub fn is_printable(c: u32) -> bool {
    c != 0 && columns(c) >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        assert_eq!([0x41, 0xE5, 0x301, 0x6F22, 0x1F600, 0x1B, 0, 0xD800, 0x378].map(columns), [1, 1, 0, 2, 2, -1, 0, -1, -1]);
        assert_eq!(columns_of("a漢".chars().map(u32::from)), 3);
        assert!(is_printable(0x20) && !is_printable(7) && !is_printable(0x7F));
    }
}
