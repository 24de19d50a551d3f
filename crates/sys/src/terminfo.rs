//! Terminal descriptions: finds and reads a compiled terminfo file, answers its capabilities under their terminfo and
//! termcap names, and fills in parametrised strings. Not here: the terminal itself (see `tty`).

mod names;
mod params;

use crate::{Errno, Result, env::Env};
pub use params::{tgoto, tparm, tputs};

/// One terminal's description.
#[derive(Clone, Debug, Default)]
pub struct Terminfo {
    flags: Vec<bool>,
    numbers: Vec<i32>,
    strings: Vec<Option<Vec<u8>>>,
    extended: Vec<(Vec<u8>, Value)>,
}

#[derive(Clone, Debug)]
enum Value {
    Flag(bool),
    Number(i32),
    String(Vec<u8>),
}

impl Terminfo {
    /// The description of the terminal that `TERM` names. `enoent` if there is none.
    pub fn from_env(env: &Env) -> Result<Terminfo> {
        Terminfo::load(&env.get(b"TERM").unwrap_or_default(), env)
    }

    /// The description of a terminal, from the places where descriptions are kept.
    pub fn load(term: &[u8], env: &Env) -> Result<Terminfo> {
        let first = *term.first().ok_or(Errno::ENOENT)?;
        if term.contains(&b'/') || term.contains(&0) {
            return Err(Errno::ENOENT);
        }
        let mut places: Vec<Vec<u8>> = Vec::new();
        places.extend(env.get(b"TERMINFO"));
        places.extend(env.get(b"HOME").map(|h| [&h[..], b"/.terminfo"].concat()));
        let standard =
            ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo", "/usr/local/share/terminfo"];
        for dir in env.get(b"TERMINFO_DIRS").unwrap_or_default().split(|c| *c == b':') {
            if dir.is_empty() { places.push(b"/usr/share/terminfo".to_vec()) } else { places.push(dir.to_vec()) }
        }
        places.extend(standard.iter().map(|d| d.as_bytes().to_vec()));
        for place in places {
            for folder in [vec![first], format!("{first:02x}").into_bytes()] {
                let path = [&place[..], b"/", &folder, b"/", term].concat();
                let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&path[..]);
                if let Ok(bytes) = std::fs::read(path) {
                    return Terminfo::parse(&bytes).ok_or(Errno::EINVAL);
                }
            }
        }
        Err(Errno::ENOENT)
    }

    /// Reads a compiled description; `None` if it is not one.
    pub fn parse(bytes: &[u8]) -> Option<Terminfo> {
        let mut r = Reader { bytes, at: 0, wide: false };
        r.wide = match r.short()? {
            0o432 => false,
            0o1036 => true,
            _ => return None,
        };
        let [name_len, flags, numbers, strings, table] = r.shorts()?;
        r.skip(name_len)?;
        let flags = r.take(flags)?.iter().map(|b| *b == 1).collect();
        r.align();
        let numbers = (0..numbers).map(|_| r.number()).collect::<Option<_>>()?;
        let offsets = (0..strings).map(|_| r.short()).collect::<Option<Vec<_>>>()?;
        let table = r.take(table)?;
        let strings = offsets.iter().map(|o| string_at(table, *o)).collect();
        r.align();
        let extended = r.extended().unwrap_or_default();
        Some(Terminfo { flags, numbers, strings, extended })
    }

    /// A flag by its terminfo name (`tigetflag`): `None` if there is no such name.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match position(names::FLAGS, name, |n| n.0) {
            Some(i) => Some(self.flags.get(i).copied().unwrap_or(false)),
            None => self.extended(name, |v| if let Value::Flag(f) = v { Some(*f) } else { None }),
        }
    }

    /// A number by its terminfo name (`tigetnum`): -1 if the terminal has none, -2 if there is no such name.
    pub fn number(&self, name: &str) -> i32 {
        match position(names::NUMBERS, name, |n| n.0) {
            Some(i) => self.number_at(i),
            None => self.extended(name, |v| if let Value::Number(n) = v { Some(*n) } else { None }).unwrap_or(-2),
        }
    }

    fn number_at(&self, i: usize) -> i32 {
        match self.numbers.get(i).copied().unwrap_or(-1) {
            // A terminal whose size is not fixed counts as one of the usual size.
            n if n < 0 => [("cols", 80), ("lines", 24)].iter().find(|d| names::NUMBERS[i].0 == d.0).map_or(-1, |d| d.1),
            n => n,
        }
    }

    /// A string by its terminfo name (`tigetstr`), parameters and padding not yet filled in.
    pub fn string(&self, name: &str) -> Option<&[u8]> {
        match position(names::STRINGS, name, |n| n.0) {
            Some(i) => self.strings.get(i)?.as_deref(),
            None => self.extended(name, |v| if let Value::String(s) = v { Some(&s[..]) } else { None }),
        }
    }

    /// A flag by its two-letter termcap name (`tgetflag`).
    pub fn tc_flag(&self, code: &str) -> bool {
        // `bs` is not in the tables of terminfo: it says that ctrl-h goes back, which `cub1` tells.
        if two(code) == "bs" {
            return self.string("cub1") == Some(b"\x08");
        }
        position(names::FLAGS, two(code), |n| n.1).is_some_and(|i| self.flags.get(i) == Some(&true))
    }

    /// A number by its termcap name (`tgetnum`); -1 if there is none.
    pub fn tc_number(&self, code: &str) -> i32 {
        position(names::NUMBERS, two(code), |n| n.1).map_or(-1, |i| self.number_at(i))
    }

    /// A string by its termcap name (`tgetstr`).
    pub fn tc_string(&self, code: &str) -> Option<&[u8]> {
        // `bc` is how to go back where that is not ctrl-h.
        if two(code) == "bc" {
            return self.string("cub1").filter(|s| *s != b"\x08");
        }
        let i = position(names::STRINGS, two(code), |n| n.1)?;
        self.strings.get(i)?.as_deref()
    }

    fn extended<'a, T>(&'a self, name: &str, pick: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.extended.iter().find(|(n, _)| n == name.as_bytes()).and_then(|(_, v)| pick(v))
    }
}

fn position(table: &[(&str, &str)], name: &str, pick: impl for<'a> Fn(&(&'a str, &'a str)) -> &'a str) -> Option<usize> {
    table.iter().position(|n| pick(n) == name)
}

/// Of a termcap name only two letters count, so that `clear` is `cl`.
fn two(code: &str) -> &str {
    code.get(..2).unwrap_or(code)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    wide: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: i16) -> Option<&'a [u8]> {
        let n = usize::try_from(n).ok()?;
        let part = self.bytes.get(self.at..self.at.checked_add(n)?)?;
        self.at += n;
        Some(part)
    }

    fn skip(&mut self, n: i16) -> Option<()> {
        self.take(n).map(drop)
    }

    fn short(&mut self) -> Option<i16> {
        let b = self.take(2)?;
        Some(i16::from_le_bytes([b[0], b[1]]))
    }

    fn shorts(&mut self) -> Option<[i16; 5]> {
        Some([self.short()?, self.short()?, self.short()?, self.short()?, self.short()?])
    }

    fn number(&mut self) -> Option<i32> {
        if !self.wide {
            return self.short().map(i32::from);
        }
        let b = self.take(4)?;
        Some(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// The parts begin at even places.
    fn align(&mut self) {
        self.at += self.at % 2;
    }

    /// The second half of the file, if there is one: capabilities with their own names.
    fn extended(&mut self) -> Option<Vec<(Vec<u8>, Value)>> {
        let [flags, numbers, strings, _in_table, table] = self.shorts()?;
        let flag_values = self.take(flags)?;
        self.align();
        let number_values = (0..numbers).map(|_| self.number()).collect::<Option<Vec<_>>>()?;
        let offsets = (0..strings).map(|_| self.short()).collect::<Option<Vec<_>>>()?;
        let name_count = usize::try_from(flags).ok()? + number_values.len() + offsets.len();
        let name_offsets = (0..name_count).map(|_| self.short()).collect::<Option<Vec<_>>>()?;
        let table = self.take(table)?;
        let values: Vec<Option<Vec<u8>>> = offsets.iter().map(|o| string_at(table, *o)).collect();
        // Names follow the values, and count from where those end.
        let end = offsets.iter().zip(&values).filter_map(|(o, v)| Some(*o as usize + v.as_ref()?.len() + 1)).max().unwrap_or(0);
        let names = table.get(end..)?;
        let all = flag_values.iter().map(|b| Some(Value::Flag(*b == 1)));
        let all = all.chain(number_values.iter().map(|n| (*n >= 0).then_some(Value::Number(*n))));
        let all = all.chain(values.into_iter().map(|v| v.map(Value::String)));
        Some(name_offsets.iter().zip(all).filter_map(|(o, v)| Some((string_at(names, *o)?, v?))).collect())
    }
}

fn string_at(table: &[u8], offset: i16) -> Option<Vec<u8>> {
    let rest = table.get(usize::try_from(offset).ok()?..)?;
    let end = rest.iter().position(|b| *b == 0)?;
    Some(rest[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    /// As `infocmp -1x xterm` says; the description is the machine's, so only what has been the same for decades is asked.
    #[test]
    fn xterm() {
        let env = Env::new([(b"TERM".to_vec(), b"xterm".to_vec())]);
        let Ok(t) = Terminfo::from_env(&env) else { return };
        assert_eq!((t.flag("xenl"), t.flag("nope"), t.tc_flag("xn"), t.tc_flag("bs")), (Some(true), None, true, true));
        assert_eq!((t.number("cols"), t.number("co"), t.tc_number("co"), t.number("xmc")), (80, -2, 80, -1));
        assert_eq!((t.string("cuu1"), t.tc_string("up")), (Some(&b"\x1b[A"[..]), Some(&b"\x1b[A"[..])));
        assert_eq!(t.tc_string("clear"), t.string("clear"));
        assert_eq!(tgoto(t.string("cup").unwrap(), 4, 3), b"\x1b[4;5H");
        assert_eq!(Terminfo::load(b"../x", &env).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn parameters() {
        // xterm-256color's setaf: three branches.
        let setaf = b"\x1b[%?%p1%{8}%<%t3%p1%d%e%p1%{16}%<%t9%p1%{8}%-%d%e38;5;%p1%d%;m";
        assert_eq!([1, 12, 200].map(|n| tparm(setaf, &[n])), [&b"\x1b[31m"[..], b"\x1b[94m", b"\x1b[38;5;200m"]);
        assert_eq!(tputs(b"\x1b[H\x1b[J$<50>x$<y"), b"\x1b[H\x1b[Jx$<y");
        assert_eq!(tparm(b"%p1%3.2d|%:-5d|%'a'%c|%", &[7]), b" 07|0    |a|");
    }

    #[test]
    fn broken_descriptions_are_refused() {
        for bytes in [&b""[..], b"\x1a\x01", &[0x1a, 1, 255, 127, 1, 0, 1, 0, 1, 0, 1, 0], &[0xFF; 64]] {
            assert!(Terminfo::parse(bytes).is_none());
        }
    }
}
