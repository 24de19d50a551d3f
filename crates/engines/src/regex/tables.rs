//! Character tables for ISO Latin-1: in Erlang a pattern without `unicode` is about Latin-1 bytes.

use std::sync::LazyLock;

const CLASSES: usize = 512;
const TYPES: usize = 832;

/// The library's table: lower case, other case, ten class bitmaps, types.
pub(super) fn latin1() -> &'static [u8; 1088] {
    static TABLE: LazyLock<[u8; 1088]> = LazyLock::new(build);
    &TABLE
}

fn is_upper(c: u8) -> bool {
    c.is_ascii_uppercase() || matches!(c, 0xC0..=0xDE if c != 0xD7)
}

fn is_lower(c: u8) -> bool {
    c.is_ascii_lowercase() || matches!(c, 0xAA | 0xB5 | 0xBA) || matches!(c, 0xDF.. if c != 0xF7)
}

fn build() -> [u8; 1088] {
    let mut t = [0; 1088];
    for c in 0..=255u8 {
        let i = usize::from(c);
        // Three lower case letters have no upper case in Latin-1, nor have the last and sharp s.
        let flips = is_upper(c) || c.is_ascii_lowercase() || matches!(c, 0xE0..=0xFE if c != 0xF7);
        t[i] = if is_upper(c) { c ^ 0x20 } else { c };
        t[256 + i] = if flips { c ^ 0x20 } else { c };
        let letter = is_upper(c) || is_lower(c);
        let word = letter || c.is_ascii_digit() || c == b'_';
        let space = matches!(c, 9..=13 | 32);
        let graph = matches!(c, 33..=126 | 160..);
        let control = matches!(c, 0..=31 | 127..=159);
        let punctuation = graph && !letter && !c.is_ascii_digit();
        let classes = [
            space,
            c.is_ascii_hexdigit(),
            c.is_ascii_digit(),
            is_upper(c),
            is_lower(c),
            word,
            graph,
            graph || c == 32,
            punctuation,
            control,
        ];
        for (n, _) in classes.iter().enumerate().filter(|(_, is)| **is) {
            t[CLASSES + 32 * n + i / 8] |= 1 << (i % 8);
        }
        let types = [(space, 1), (letter, 2), (is_lower(c), 4), (c.is_ascii_digit(), 8), (word, 16)];
        t[TYPES + i] = types.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum();
    }
    t
}
