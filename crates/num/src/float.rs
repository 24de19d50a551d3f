//! Floats as text, exactly as ERTS writes and reads them.
//!
//! - scientific: `D` digits after the point, exact value rounded half to even, exponent of at least two digits with its sign
//! - decimals: up to 2^53 and 18 decimals ERTS computes `round(fraction * 10^D)` in floats, so that 0.3 with 17 decimals
//!   ends in 0; beyond those the exact value is rounded. `compact` drops trailing zeros but one.
//! - short: the fewest digits that read back as the same float; plain when that is not longer than with an exponent and the
//!   magnitude is below 2^53, else with an exponent
//!
//! No text is longer than 255 characters: what would be is `BadArg`, as is a number of decimals above 253 (249 scientific).

use crate::int::Error;
use smallvec::SmallVec;
use std::io::Write;

/// A float's text (ASCII).
pub type Text = SmallVec<[u8; 40]>;

/// The options of `float_to_list/2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `[{scientific, D}]`; `float_to_list/1` is 20.
    Scientific(u32),
    /// `[{decimals, D}]`, or with `compact` too.
    Decimals { decimals: u32, compact: bool },
    /// `[short]`, also what `~p` and `~w` print.
    Short,
}

/// `float_to_list/1`
pub const DEFAULT: Format = Format::Scientific(20);
/// The most decimals that ERTS takes with `decimals`.
pub const MAX_DECIMALS: u32 = 253;
/// The most decimals that ERTS takes with `scientific`.
pub const MAX_SCIENTIFIC: u32 = 249;
const MAX_TEXT: usize = 255;
const LOSSLESS: f64 = 9_007_199_254_740_992.0;

/// More than any plain text needs: below 2^53 and not longer than with an exponent.
const ZEROS: [u8; 24] = [b'0'; 24];

const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

/// The text of a finite float.
pub fn to_text(f: f64, format: Format) -> Result<Text, Error> {
    if !f.is_finite() {
        return Err(Error::BadArg);
    }
    let text = match format {
        Format::Short => short(f),
        Format::Scientific(d) if d <= MAX_SCIENTIFIC => scientific(f, d),
        Format::Decimals { decimals, compact } if decimals <= MAX_DECIMALS => {
            let mut text = fixed(f, decimals);
            // The length counts before the zeros go. From the exact branch, ERTS also drops the zeros of a whole number.
            if compact && text.len() <= MAX_TEXT && (decimals > 0 || f.abs() > LOSSLESS) {
                drop_zeros(&mut text);
            }
            text
        }
        _ => return Err(Error::BadArg),
    };
    if text.len() > MAX_TEXT {
        Err(Error::BadArg)
    } else {
        Ok(text)
    }
}

/// `[{scientific, digits}]`
fn scientific(f: f64, digits: u32) -> Text {
    let mut text = Text::new();
    // Writing to memory cannot fail.
    let _ = write!(text, "{:.*e}", digits as usize, f);
    let Some(e) = text.iter().rposition(|&c| c == b'e') else {
        return text;
    };
    let exponent = parse_exponent(&text[e + 1..]);
    text.truncate(e);
    let _ = write!(
        text,
        "e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    );
    text
}

/// `[{decimals, decimals}]`
fn fixed(f: f64, decimals: u32) -> Text {
    let mut text = Text::new();
    let size = f.abs();
    if size > LOSSLESS || decimals as usize >= POWERS.len() {
        let _ = write!(text, "{:.*}", decimals as usize, f);
        return text;
    }
    if f.is_sign_negative() {
        text.push(b'-');
    }
    if decimals == 0 {
        let _ = write!(text, "{}", size.round() as u64);
        return text;
    }
    let mut whole = size.floor();
    let power = POWERS[decimals as usize];
    let mut fraction = ((size - whole) * power).round();
    if fraction >= power {
        whole += 1.0;
        fraction = 0.0;
    }
    let _ = write!(
        text,
        "{}.{:0width$}",
        whole as u64,
        fraction as u64,
        width = decimals as usize
    );
    text
}

/// Drops trailing zeros, but not the one that follows the point.
fn drop_zeros(text: &mut Text) {
    while text.last() == Some(&b'0') {
        text.pop();
    }
    if text.last() == Some(&b'.') {
        text.push(b'0');
    }
}

/// `[short]`
fn short(f: f64) -> Text {
    let mut buffer = zmij::Buffer::new();
    let (digits, len, exponent) = decompose(buffer.format_finite(f.abs()).as_bytes());
    let digits = &digits[..len];
    let mut text = Text::new();
    if f.is_sign_negative() {
        text.push(b'-');
    }
    let n = digits.len() as i32;
    // `exponent` is that of the first digit: d.ddd * 10^exponent.
    let exponent_len = 1 + (exponent < 0) as i32 + decimal_len(exponent.unsigned_abs());
    let scientific_len = n.max(2) + 1 + exponent_len;
    let plain_len = match exponent {
        e if e < 0 => 1 + 1 + (-e - 1) + n,
        e if n > e + 1 => n + 1,
        e => e + 1 + 2,
    };
    if f.abs() < LOSSLESS && plain_len <= scientific_len {
        if exponent < 0 {
            text.extend_from_slice(b"0.");
            text.extend_from_slice(&ZEROS[..(-exponent - 1) as usize]);
            text.extend_from_slice(digits);
        } else {
            let whole = (exponent + 1) as usize;
            if digits.len() > whole {
                text.extend_from_slice(&digits[..whole]);
                text.push(b'.');
                text.extend_from_slice(&digits[whole..]);
            } else {
                text.extend_from_slice(digits);
                text.extend_from_slice(&ZEROS[..whole - digits.len()]);
                text.extend_from_slice(b".0");
            }
        }
    } else {
        text.push(digits[0]);
        text.push(b'.');
        text.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
        let _ = write!(text, "e{exponent}");
    }
    text
}

fn decimal_len(n: u32) -> i32 {
    n.checked_ilog10().unwrap_or(0) as i32 + 1
}

/// The significant digits of a positive float's text, left-aligned, their number, and the exponent of the first; `0` is
/// one digit.
fn decompose(text: &[u8]) -> ([u8; 24], usize, i32) {
    let (number, mut exponent) = match text.iter().position(|&c| c == b'e') {
        Some(e) => (&text[..e], parse_exponent(&text[e + 1..])),
        None => (text, 0),
    };
    let mut digits = [b'0'; 24];
    let mut len = 0;
    let mut point = false;
    exponent -= 1;
    for &c in number {
        match c {
            b'.' => point = true,
            b'0' if len == 0 => exponent -= point as i32,
            _ => {
                // No shortest text has more than 17 digits, but zeros may follow those.
                if let Some(d) = digits.get_mut(len) {
                    *d = c;
                    len += 1;
                }
                exponent += !point as i32;
            }
        }
    }
    while len > 0 && digits[len - 1] == b'0' {
        len -= 1;
    }
    if len == 0 {
        (digits, 1, 0)
    } else {
        (digits, len, exponent)
    }
}

fn parse_exponent(text: &[u8]) -> i32 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .unwrap_or(0)
}

/// Reads what `list_to_float/1` and `binary_to_float/1` take: an optional sign, digits, a point (or a comma), digits, and
/// perhaps `e` or `E` with an exponent. A zero byte ends the text, whatever follows. Too large is `BadArg`; too small is 0.0.
pub fn parse(text: &[u8]) -> Result<f64, Error> {
    let text = match text.iter().position(|&c| c == 0) {
        Some(end) => &text[..end],
        None => text,
    };
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let sign = |at: usize| matches!(text.get(at), Some(b'+' | b'-')) as usize;
    let mut at = sign(0);
    let whole = digits(at);
    at += whole;
    let point = at;
    if whole == 0 || !matches!(text.get(at), Some(b'.' | b',')) {
        return Err(Error::BadArg);
    }
    at += 1;
    let fraction = digits(at);
    at += fraction;
    if fraction == 0 {
        return Err(Error::BadArg);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += sign(at);
        let exponent = digits(at);
        at += exponent;
        if exponent == 0 {
            return Err(Error::BadArg);
        }
    }
    if at != text.len() {
        return Err(Error::BadArg);
    }
    let mut point_text: SmallVec<[u8; 40]>;
    let clean = if text[point] == b',' {
        point_text = SmallVec::from_slice(text);
        point_text[point] = b'.';
        &point_text[..]
    } else {
        text
    };
    let f: f64 = std::str::from_utf8(clean)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or(Error::BadArg)?;
    if f.is_finite() {
        Ok(f)
    } else {
        Err(Error::BadArg)
    }
}
