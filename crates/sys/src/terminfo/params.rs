//! Parametrised strings: the small stack machine of `tparm`, termcap's `tgoto`, and `tputs`, which drops the padding.

/// Fills parameters into a terminfo string. Whatever is malformed is left out.
pub fn tparm(string: &[u8], params: &[i32]) -> Vec<u8> {
    let mut m = Machine { params: [0; 9], stack: Vec::new(), dynamic: [0; 26], fixed: [0; 26], out: Vec::new() };
    for (place, value) in m.params.iter_mut().zip(params) {
        *place = *value;
    }
    m.run(string);
    m.out
}

/// Termcap's `tgoto(cap, col, row)`: the row comes first in the string.
pub fn tgoto(string: &[u8], col: i32, row: i32) -> Vec<u8> {
    tparm(string, &[row, col])
}

/// What is sent for a string: the same without its `$<..>` delays, which no terminal of today needs.
pub fn tputs(string: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(string.len()), string);
    while let Some(start) = rest.windows(2).position(|w| w == b"$<") {
        let after = &rest[start + 2..];
        let end = after.iter().position(|b| *b == b'>');
        match end {
            Some(end) if is_delay(&after[..end]) => {
                out.extend_from_slice(&rest[..start]);
                rest = &after[end + 1..];
            }
            _ => {
                out.extend_from_slice(&rest[..start + 2]);
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

fn is_delay(text: &[u8]) -> bool {
    text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'.')
        && text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'*' | b'/'))
}

struct Machine {
    params: [i32; 9],
    stack: Vec<i32>,
    dynamic: [i32; 26],
    fixed: [i32; 26],
    out: Vec<u8>,
}

impl Machine {
    fn pop(&mut self) -> i32 {
        self.stack.pop().unwrap_or(0)
    }

    fn run(&mut self, s: &[u8]) {
        let mut at = 0;
        let get = |at: usize| s.get(at).copied().unwrap_or(0);
        while at < s.len() {
            let c = s[at];
            at += 1;
            if c != b'%' {
                self.out.push(c);
                continue;
            }
            let op = get(at);
            at += 1;
            match op {
                b'%' => self.out.push(b'%'),
                b'c' => {
                    let c = self.pop() as u8;
                    // A NUL would end the string, so the library sends its look-alike.
                    self.out.push(if c == 0 { 0x80 } else { c });
                }
                b'p' => {
                    let i = get(at).wrapping_sub(b'1') as usize;
                    at += 1;
                    self.stack.push(self.params.get(i).copied().unwrap_or(0));
                }
                b'P' | b'g' => {
                    let name = get(at);
                    at += 1;
                    let bank = if name.is_ascii_uppercase() { &mut self.fixed } else { &mut self.dynamic };
                    let Some(place) = bank.get_mut((name.to_ascii_lowercase()).wrapping_sub(b'a') as usize) else { continue };
                    if op == b'P' {
                        *place = self.stack.pop().unwrap_or(0);
                    } else {
                        let value = *place;
                        self.stack.push(value);
                    }
                }
                b'\'' => {
                    self.stack.push(i32::from(get(at)));
                    at += 2;
                }
                b'{' => {
                    let mut n = 0i32;
                    while get(at).is_ascii_digit() {
                        n = n.wrapping_mul(10).wrapping_add(i32::from(get(at) - b'0'));
                        at += 1;
                    }
                    at += 1;
                    self.stack.push(n);
                }
                b'l' => {
                    self.pop();
                    self.stack.push(0);
                }
                b'i' => {
                    self.params[0] = self.params[0].wrapping_add(1);
                    self.params[1] = self.params[1].wrapping_add(1);
                }
                b'!' | b'~' => {
                    let a = self.pop();
                    self.stack.push(if op == b'!' { i32::from(a == 0) } else { !a });
                }
                b'+' | b'-' | b'*' | b'/' | b'm' | b'&' | b'|' | b'^' | b'=' | b'<' | b'>' | b'A' | b'O' => {
                    let (b, a) = (self.pop(), self.pop());
                    self.stack.push(binary(op, a, b));
                }
                b'?' | b';' => {}
                b't' => {
                    if self.pop() == 0 {
                        at = skip(s, at, true);
                    }
                }
                b'e' => at = skip(s, at, false),
                _ => at = self.format(s, at - 1),
            }
        }
    }

    /// `%[[:]flags][width[.precision]][doxXs]`
    fn format(&mut self, s: &[u8], start: usize) -> usize {
        let get = |at: usize| s.get(at).copied().unwrap_or(0);
        let mut at = start;
        if get(at) == b':' {
            at += 1;
        }
        let (mut left, mut plus, mut space, mut alt, mut zero) = (false, false, false, false, false);
        loop {
            match get(at) {
                b'-' => left = true,
                b'+' => plus = true,
                b' ' => space = true,
                b'#' => alt = true,
                b'0' => zero = true,
                _ => break,
            }
            at += 1;
        }
        let mut number = || {
            let mut n = 0usize;
            while get(at).is_ascii_digit() {
                n = (n * 10 + usize::from(get(at) - b'0')).min(1000);
                at += 1;
            }
            n
        };
        let width = number();
        let mut precision = 0;
        if get(at) == b'.' {
            at += 1;
            while get(at).is_ascii_digit() {
                precision = (precision * 10 + usize::from(get(at) - b'0')).min(1000);
                at += 1;
            }
        }
        let kind = get(at);
        let value = match kind {
            b'd' | b'o' | b'x' | b'X' | b's' => self.pop(),
            _ => return at + 1,
        };
        let mut digits = match kind {
            b'o' => format!("{value:o}"),
            b'x' => format!("{value:x}"),
            b'X' => format!("{value:X}"),
            _ => value.unsigned_abs().to_string(),
        };
        while digits.len() < precision {
            digits.insert(0, '0');
        }
        let sign = match kind {
            b'd' | b's' if value < 0 => "-",
            b'd' if plus => "+",
            b'd' if space => " ",
            b'x' if alt && value != 0 => "0x",
            b'X' if alt && value != 0 => "0X",
            b'o' if alt => "0",
            _ => "",
        };
        let pad = width.saturating_sub(sign.len() + digits.len());
        let text = match (left, zero) {
            (true, _) => format!("{sign}{digits}{}", " ".repeat(pad)),
            (_, true) => format!("{sign}{}{digits}", "0".repeat(pad)),
            _ => format!("{}{sign}{digits}", " ".repeat(pad)),
        };
        self.out.extend_from_slice(text.as_bytes());
        at + 1
    }
}

fn binary(op: u8, a: i32, b: i32) -> i32 {
    match op {
        b'+' => a.wrapping_add(b),
        b'-' => a.wrapping_sub(b),
        b'*' => a.wrapping_mul(b),
        b'/' => a.checked_div(b).unwrap_or(0),
        b'm' => a.checked_rem(b).unwrap_or(0),
        b'&' => a & b,
        b'|' => a | b,
        b'^' => a ^ b,
        b'=' => i32::from(a == b),
        b'<' => i32::from(a < b),
        b'>' => i32::from(a > b),
        b'A' => i32::from(a != 0 && b != 0),
        _ => i32::from(a != 0 || b != 0),
    }
}

/// Past the end of a branch that is not taken: its `%e` (if `stop_at_else`) or its `%;`.
fn skip(s: &[u8], mut at: usize, stop_at_else: bool) -> usize {
    let mut depth = 0;
    while at + 1 < s.len() {
        if s[at] != b'%' {
            at += 1;
            continue;
        }
        let op = s[at + 1];
        at += 2;
        match op {
            b'?' => depth += 1,
            b';' if depth == 0 => return at,
            b';' => depth -= 1,
            b'e' if depth == 0 && stop_at_else => return at,
            b'\'' => at += 2,
            _ => {}
        }
    }
    s.len()
}
