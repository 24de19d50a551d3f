//! Columns and printability of characters on a terminal, as `wcwidth` and `isprint` of a UTF-8 locale say.

use unicode_width::UnicodeWidthChar;

/// Columns: 0 for combining characters and NUL, 1, 2, or -1 for what cannot be printed.
pub fn wcwidth(c: u32) -> i32 {
    match char::from_u32(c) {
        Some('\0') => 0,
        Some(c) if c.is_control() => -1,
        Some(c) => c.width().map_or(-1, |n| n as i32),
        None => -1,
    }
}

/// Columns of a whole text; -1 if any of it cannot be printed.
pub fn wcswidth(text: impl IntoIterator<Item = u32>) -> i32 {
    let mut sum = 0;
    for c in text {
        match wcwidth(c) {
            -1 => return -1,
            n => sum += n,
        }
    }
    sum
}

/// Can it be shown?
pub fn isprint(c: u32) -> bool {
    c != 0 && wcwidth(c) >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        assert_eq!([0x41, 0xE5, 0x301, 0x6F22, 0x1F600, 0x1B, 0, 0xD800].map(wcwidth), [1, 1, 0, 2, 2, -1, 0, -1]);
        assert_eq!(wcswidth("a漢".chars().map(u32::from)), 3);
        assert!(isprint(0x20) && !isprint(7) && !isprint(0x7F));
    }
}
