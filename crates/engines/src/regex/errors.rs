//! Sentences about wrong patterns: the library's own, or for the old dialect the ones that PCRE 8.44 had.
//! The places differ too, since the old library noticed some errors earlier and some later; the common ones are put right.

use pcre2_sys as sys;

use super::{CompileError, CompileOptions, Dialect, Flags};

pub(super) fn describe(code: u32, position: usize, pattern: &[u8], options: &CompileOptions) -> CompileError {
    match options.dialect {
        Dialect::Pcre2 => {
            let utf = options.flags.contains(Flags::UTF);
            CompileError { code, text: sentence(code), position: next_position(code, position, pattern, utf) }
        }
        Dialect::Pcre1 => {
            let code = if code == sys::PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS { unfinished(pattern, code) } else { code };
            let text = old_sentence(code).map_or_else(|| sentence(code), str::to_string);
            CompileError { code, text, position: old_position(code, position, pattern) }
        }
    }
}

/// Where the next version of the library, which OTP has, says it happened: for some errors behind the character rather than before it.
fn next_position(code: u32, position: usize, pattern: &[u8], utf: bool) -> usize {
    let (before, after) = pattern.split_at(position.min(pattern.len()));
    let behind = match code {
        sys::PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS
        | sys::PCRE2_ERROR_QUANTIFIER_INVALID
        | sys::PCRE2_ERROR_INVALID_AFTER_PARENS_QUERY
        | sys::PCRE2_ERROR_CLASS_RANGE_ORDER
        | sys::PCRE2_ERROR_INVALID_HEXADECIMAL
        | sys::PCRE2_ERROR_INVALID_SUBPATTERN_NAME
        | sys::PCRE2_ERROR_BACKSLASH_C_SYNTAX
        | sys::PCRE2_ERROR_UNKNOWN_ESCAPE
        | sys::PCRE2_ERROR_INVALID_OCTAL
        | sys::PCRE2_ERROR_BACKSLASH_O_MISSING_BRACE
        | sys::PCRE2_ERROR_CONDITION_ASSERTION_EXPECTED => true,
        sys::PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE => before.ends_with(b"\\N"),
        sys::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE => {
            let digits = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let item = &before[..before.len() - digits];
            item.ends_with(b"\\") || item.ends_with(b"\\g{") || item.ends_with(b"\\g")
        }
        sys::PCRE2_ERROR_POSIX_CLASS_NOT_IN_CLASS => {
            return after.windows(2).position(|w| w == b":]").map_or(position, |i| position + i + 2);
        }
        _ => false,
    };
    match after {
        [_, rest @ ..] if behind => position + 1 + rest.iter().take_while(|b| utf && **b & 0xC0 == 0x80).count(),
        _ => position,
    }
}

fn sentence(code: u32) -> String {
    let mut text = [0u8; 256];
    // SAFETY: rule 1: a buffer with its length.
    let n = unsafe { sys::pcre2_get_error_message_8(code as i32, text.as_mut_ptr(), text.len()) };
    String::from_utf8_lossy(&text[..usize::try_from(n).unwrap_or(0)]).into_owned()
}

/// A pattern that ends inside `(?..` was for the old library wrong in what follows the question mark.
fn unfinished(pattern: &[u8], code: u32) -> u32 {
    let Some(open) = pattern.windows(2).rposition(|w| w == b"(?") else { return code };
    match &pattern[open + 2..] {
        b"P" => sys::PCRE2_ERROR_UNRECOGNIZED_AFTER_QUERY_P,
        b"(" => sys::PCRE2_ERROR_CONDITION_ASSERTION_EXPECTED,
        rest if rest.iter().all(|b| b"imsxJUX-".contains(b)) => sys::PCRE2_ERROR_INVALID_AFTER_PARENS_QUERY,
        _ => code,
    }
}

/// Where the two libraries say the same in other words.
fn old_sentence(code: u32) -> Option<&'static str> {
    Some(match code {
        sys::PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP => "regular expression is too complicated",
        sys::PCRE2_ERROR_QUANTIFIER_INVALID => "nothing to repeat",
        sys::PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS => "missing )",
        sys::PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS => "unmatched parentheses",
        sys::PCRE2_ERROR_INVALID_AFTER_PARENS_QUERY => "unrecognized character after (? or (?-",
        sys::PCRE2_ERROR_MISSING_COMMENT_CLOSING => "missing ) after comment",
        sys::PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH
        | sys::PCRE2_ERROR_LOOKBEHIND_TOO_LONG
        | sys::PCRE2_ERROR_MAX_VAR_LOOKBEHIND_EXCEEDED => "lookbehind assertion is not fixed length",
        sys::PCRE2_ERROR_CONDITION_ASSERTION_EXPECTED => "assertion expected after (?( or (?(?C)",
        sys::PCRE2_ERROR_PARENS_QUERY_R_MISSING_CLOSING => "(?R or (?[+-]digits must be followed by )",
        sys::PCRE2_ERROR_SUBPATTERN_NUMBER_TOO_BIG => "number is too big",
        sys::PCRE2_ERROR_CALLOUT_NUMBER_TOO_BIG => "number after (?C is > 255",
        sys::PCRE2_ERROR_MISSING_CALLOUT_CLOSING => "closing ) for (?C expected",
        sys::PCRE2_ERROR_UNRECOGNIZED_AFTER_QUERY_P => "unrecognized character after (?P",
        sys::PCRE2_ERROR_MISSING_NAME_TERMINATOR => "syntax error in subpattern name (missing terminator)",
        sys::PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME => "two named subpatterns have the same name",
        sys::PCRE2_ERROR_INVALID_SUBPATTERN_NAME => "group name must start with a non-digit",
        sys::PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY => "unknown property name after \\P or \\p",
        sys::PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE => "PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u",
        sys::PCRE2_ERROR_CODE_POINT_TOO_BIG => "character value in \\x{} or \\o{} is too large",
        sys::PCRE2_ERROR_END_BACKSLASH_C => "\\c at end of pattern",
        sys::PCRE2_ERROR_ESCAPE_INVALID_IN_VERB => "an argument is not allowed for (*ACCEPT), (*FAIL), or (*COMMIT)",
        sys::PCRE2_ERROR_BACKSLASH_C_SYNTAX => "\\c must be followed by an ASCII character",
        sys::PCRE2_ERROR_TOO_MANY_NAMED_SUBPATTERNS => "too many named subpatterns (maximum 10000)",
        sys::PCRE2_ERROR_SUBPATTERN_NAME_TOO_LONG => "subpattern name is too long (maximum 32 characters)",
        sys::PCRE2_ERROR_PATTERN_TOO_LARGE => "regular expression is too large",
        sys::PCRE2_ERROR_HEAP_FAILED => "failed to get memory",
        sys::PCRE2_ERROR_TOO_MANY_CONDITION_BRANCHES => "conditional group contains more than two branches",
        sys::PCRE2_ERROR_DEFINE_TOO_MANY_BRANCHES => "DEFINE group contains more than one branch",
        // Negative numbers tell what is wrong with the pattern's UTF-8.
        _ if (code as i32) < 0 => "invalid UTF-8 string",
        _ => return None,
    })
}

/// Where the old library said it happened. The new one's place is mostly behind the item, sometimes before it.
fn old_position(code: u32, position: usize, pattern: &[u8]) -> usize {
    let before = &pattern[..position.min(pattern.len())];
    match code {
        sys::PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME
        | sys::PCRE2_ERROR_SUBPATTERN_NAMES_MISMATCH
        | sys::PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY
        | sys::PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE
        | sys::PCRE2_ERROR_BACKSLASH_K_SYNTAX
        | sys::PCRE2_ERROR_BACKSLASH_N_IN_CLASS
        | sys::PCRE2_ERROR_CLASS_INVALID_RANGE
        | sys::PCRE2_ERROR_OCTAL_BYTE_TOO_BIG => position.saturating_sub(1),
        sys::PCRE2_ERROR_UNKNOWN_POSIX_CLASS => before.windows(2).rposition(|w| w == b"[:").map_or(position, |i| i + 2),
        sys::PCRE2_ERROR_POSIX_NO_SUPPORT_COLLATING => {
            before.windows(2).rposition(|w| w == b"[." || w == b"[=").unwrap_or(position)
        }
        sys::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE => missing_group(position, pattern),
        sys::PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH
        | sys::PCRE2_ERROR_LOOKBEHIND_TOO_LONG
        | sys::PCRE2_ERROR_MAX_VAR_LOOKBEHIND_EXCEEDED => group_end(pattern, position),
        sys::PCRE2_ERROR_DEFINE_TOO_MANY_BRANCHES => {
            let open = before.windows(2).rposition(|w| w == b"(?").unwrap_or(0);
            group_end(pattern, open)
        }
        _ => position,
    }
}

/// A reference by number was looked up at the very end, one by name behind the name, a condition behind its parenthesis.
fn missing_group(position: usize, pattern: &[u8]) -> usize {
    let (before, after) = pattern.split_at(position.min(pattern.len()));
    let word = after.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let condition = before.windows(3).rposition(|w| w == b"(?(").is_some_and(|i| !pattern[i + 3..position].contains(&b')'));
    if condition || before.ends_with(b"(?") {
        return after.iter().position(|b| *b == b')').map_or(position, |i| position + i + 1);
    }
    let named = before.last().is_some_and(|b| b"<'&=>".contains(b)) || !after.first().is_some_and(u8::is_ascii_digit);
    let digits = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let named = named && !before[..before.len() - digits].ends_with(b"\\g{");
    if named { position + word } else { pattern.len() }
}

/// The parenthesis that closes the group which opens at `open`.
fn group_end(pattern: &[u8], open: usize) -> usize {
    let (mut depth, mut at, mut in_class) = (0, open, false);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' if !in_class => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
        at += 1;
    }
    pattern.len()
}
