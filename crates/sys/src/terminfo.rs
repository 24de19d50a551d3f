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

    /// A number by its terminfo name (`tigetnum`).
    pub fn number(&self, name: &str) -> Option<i32> {
        match position(names::NUMBERS, name, |n| n.0) {
            Some(i) => self.numbers.get(i).copied().filter(|n| *n >= 0),
            None => self.extended(name, |v| if let Value::Number(n) = v { Some(*n) } else { None }),
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
        if code == "bs" {
            return self.string("cub1") == Some(b"\x08");
        }
        position(names::FLAGS, code, |n| n.1).is_some_and(|i| self.flags.get(i) == Some(&true))
    }

    /// A number by its termcap name (`tgetnum`).
    pub fn tc_number(&self, code: &str) -> Option<i32> {
        let i = position(names::NUMBERS, code, |n| n.1)?;
        self.numbers.get(i).copied().filter(|n| *n >= 0)
    }

    /// A string by its termcap name (`tgetstr`).
    pub fn tc_string(&self, code: &str) -> Option<&[u8]> {
        let i = position(names::STRINGS, code, |n| n.1)?;
        self.strings.get(i)?.as_deref()
    }

    fn extended<'a, T>(&'a self, name: &str, pick: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.extended.iter().find(|(n, _)| n == name.as_bytes()).and_then(|(_, v)| pick(v))
    }
}

fn position(table: &[(&str, &str)], name: &str, pick: impl for<'a> Fn(&(&'a str, &'a str)) -> &'a str) -> Option<usize> {
    table.iter().position(|n| pick(n) == name)
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
