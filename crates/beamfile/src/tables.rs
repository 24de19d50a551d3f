//! The tables beside the code: atoms, imports, exports, funs, literals, lines, types, records.

use std::sync::Arc;

use isa::Arg;

use crate::chunks::inflate;
use crate::error::Fault;
use crate::reader::{Arena, Big, Reader, TAG_A, TAG_I, Value};

/// The module's atoms. Operands count from 1; 1 is the module's name.
#[derive(Default, Debug)]
pub struct Atoms {
    text: String,
    ends: Vec<u32>,
}

impl Atoms {
    pub(crate) fn parse(r: &mut Reader<'_>) -> Result<Atoms, Fault> {
        let n = r.u32()? as i32;
        // A negative count announces compact lengths, which allow names of more than 255 bytes.
        let compact = n < 0;
        let n = r.fits(n.unsigned_abs().into(), 1)?;
        let mut atoms = Atoms { text: String::with_capacity(r.left()), ends: Vec::with_capacity(n) };
        for _ in 0..n {
            let len = if compact { r.u_term()? as usize } else { r.u8()?.into() };
            let Ok(text) = std::str::from_utf8(r.bytes(len)?) else {
                return Err(Fault::Text("has an atom that is not UTF-8"));
            };
            if len > 255 && text.chars().count() > 255 {
                return Err(Fault::Text("has an atom of more than 255 characters"));
            }
            atoms.text.push_str(text);
            atoms.ends.push(atoms.text.len() as u32);
        }
        if atoms.ends.is_empty() {
            return Err(Fault::Text("does not name the module"));
        }
        Ok(atoms)
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never: a file without its module's name is refused.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of the atom with that index, which counts from 1.
    pub fn get(&self, index: u32) -> Option<&str> {
        let i = (index as usize).checked_sub(1)?;
        let end = *self.ends.get(i)? as usize;
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        self.text.get(start..end)
    }

    /// All atoms in the order of their indices, from 1.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (1..=self.ends.len() as u32).filter_map(|i| self.get(i))
    }

    fn check(&self, index: u32) -> Result<u32, Fault> {
        if index == 0 || index as usize > self.ends.len() {
            Err(Fault::Text("names an atom that does not exist"))
        } else {
            Ok(index)
        }
    }
}

/// An imported function: atom indices and arity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    pub module: u32,
    pub function: u32,
    pub arity: u32,
}

/// An exported (or local) function and its entry label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    pub function: u32,
    pub arity: u32,
    pub label: u32,
}

/// An entry of the fun table. `arity` includes the `free` variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lambda {
    pub function: u32,
    pub arity: u32,
    pub label: u32,
    pub index: u32,
    pub free: u32,
    pub old_uniq: u32,
}

/// The largest arity of a function.
pub const MAX_ARITY: u32 = 255;

fn arity(n: u32) -> Result<u32, Fault> {
    if n > MAX_ARITY { Err(Fault::Text("has a function of arity above 255")) } else { Ok(n) }
}

pub(crate) fn imports(r: &mut Reader<'_>, atoms: &Atoms) -> Result<Vec<Import>, Fault> {
    let n = r.count(12)?;
    (0..n)
        .map(|_| Ok(Import { module: atoms.check(r.u32()?)?, function: atoms.check(r.u32()?)?, arity: arity(r.u32()?)? }))
        .collect()
}

pub(crate) fn exports(r: &mut Reader<'_>, atoms: &Atoms) -> Result<Vec<Export>, Fault> {
    let n = r.count(12)?;
    (0..n).map(|_| Ok(Export { function: atoms.check(r.u32()?)?, arity: arity(r.u32()?)?, label: r.u32()? })).collect()
}

pub(crate) fn lambdas(r: &mut Reader<'_>, atoms: &Atoms) -> Result<Vec<Lambda>, Fault> {
    let n = r.count(24)?;
    let lambda = |r: &mut Reader<'_>| {
        let lambda = Lambda {
            function: atoms.check(r.u32()?)?,
            arity: arity(r.u32()?)?,
            label: r.u32()?,
            index: r.u32()?,
            free: r.u32()?,
            old_uniq: r.u32()?,
        };
        if lambda.free > lambda.arity {
            Err(Fault::Text("has a fun with more free variables than arguments"))
        } else {
            Ok(lambda)
        }
    };
    (0..n).map(|_| lambda(r)).collect()
}

/// The module's literals, each an external term (with its leading 131), not decoded.
#[derive(Default, Debug)]
pub struct Literals {
    data: Arc<[u8]>,
    ranges: Vec<(u32, u32)>,
}

impl Literals {
    pub(crate) fn parse(r: &mut Reader<'_>) -> Result<Literals, Fault> {
        let size = r.u32()? as usize;
        let rest = r.bytes(r.left())?;
        // Size 0 announces that the terms stand there unpacked.
        let data: Arc<[u8]> = if size == 0 { rest.into() } else { inflate(rest, size)?.into() };
        let mut r = Reader::new(&data);
        let n = r.count(4)?;
        let mut ranges = Vec::with_capacity(n);
        for _ in 0..n {
            let len = r.u32()?;
            let start = r.pos as u32;
            r.bytes(len as usize)?;
            ranges.push((start, len));
        }
        Ok(Literals { data, ranges })
    }

    /// Number of literals.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The external term with that index, which counts from 0.
    pub fn get(&self, index: u32) -> Option<&[u8]> {
        let &(start, len) = self.ranges.get(index as usize)?;
        self.data.get(start as usize..(start + len) as usize)
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ranges.len() as u32).filter_map(|i| self.get(i))
    }
}

/// Where a `line` instruction stands in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Location {
    /// Index for [`Lines::file`]; 0 is the module's own source.
    pub file: u32,
    pub line: u32,
}

/// The line table. Item 0 says "no location".
#[derive(Default, Debug)]
pub struct Lines {
    items: Vec<Location>,
    files: Vec<String>,
    /// Does the code have `executable_line` instructions?
    pub executable: bool,
    /// Are line counters wanted, whatever the system's setting?
    pub force_counters: bool,
    /// Number of `line` instructions that the compiler counted.
    pub instructions: u32,
}

impl Lines {
    pub(crate) fn parse(r: &mut Reader<'_>) -> Result<Lines, Fault> {
        if r.u32()? != 0 {
            return Ok(Lines::default()); // a later form of the table; code runs without it
        }
        let bits = r.u32()?;
        let instructions = r.u32()?;
        let n = r.u32()?;
        let nfiles = r.u32()?;
        let n = r.fits(n.into(), 1)?;
        let nfiles = r.fits(nfiles.into(), 2)?;
        let mut items = Vec::with_capacity(n + 1);
        items.push(Location::default());
        let mut file = 0;
        while items.len() <= n {
            let first = r.u8()?;
            match first & 7 {
                TAG_I => match r.value(first)? {
                    Value::Small(line) => items.push(Location { file, line: u32::try_from(line).map_err(|_| Fault::Negative)? }),
                    Value::Large(_) => return Err(Fault::TooLarge),
                },
                TAG_A => {
                    file = r.small(first)?;
                    if file as usize > nfiles {
                        return Err(Fault::Text("names a source file that does not exist"));
                    }
                }
                _ => return Err(Fault::Tag(first)),
            }
        }
        let mut files = Vec::with_capacity(nfiles);
        for _ in 0..nfiles {
            let len = r.u16()?;
            files.push(String::from_utf8_lossy(r.bytes(len.into())?).into_owned());
        }
        Ok(Lines { items, files, executable: bits & 1 != 0, force_counters: bits & 2 != 0, instructions })
    }

    /// Number of items, item 0 included.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The location that a `line` instruction's operand means; none for item 0 and in a module without the table.
    pub fn get(&self, index: u32) -> Option<Location> {
        if index == 0 { None } else { self.items.get(index as usize).copied() }
    }

    /// Names of other source files, for indices from 1.
    pub fn file(&self, index: u32) -> Option<&str> {
        self.files.get((index as usize).checked_sub(1)?).map(String::as_str)
    }

    pub fn files(&self) -> &[String] {
        &self.files
    }
}

/// What the compiler knows about a register's value. A hint: to ignore it is always right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeHint {
    /// Bit set of the constants below; all set means any term.
    pub kinds: u16,
    /// Bounds when it is a number.
    pub min: Option<i64>,
    pub max: Option<i64>,
    /// Size in bits divides by this when it is a bit string.
    pub unit: u16,
}

impl TypeHint {
    pub const ATOM: u16 = 1;
    pub const BITSTRING: u16 = 2;
    pub const CONS: u16 = 4;
    pub const FLOAT: u16 = 8;
    pub const FUN: u16 = 0x10;
    pub const INTEGER: u16 = 0x20;
    pub const MAP: u16 = 0x40;
    pub const NIL: u16 = 0x80;
    pub const PID: u16 = 0x100;
    pub const PORT: u16 = 0x200;
    pub const REFERENCE: u16 = 0x400;
    pub const TUPLE: u16 = 0x800;
    pub const RECORD: u16 = 0x1000;
    pub const MATCH_CONTEXT: u16 = 0x2000;
    pub const ANY: TypeHint = TypeHint { kinds: 0x3FFF, min: None, max: None, unit: 1 };

    /// Is every value of this type of one of these kinds?
    pub fn only(&self, kinds: u16) -> bool {
        self.kinds & !kinds == 0
    }
}

/// The type table; empty when the file has none or one of an unknown version.
pub(crate) fn types(r: &mut Reader<'_>) -> Result<Vec<TypeHint>, Fault> {
    let version = r.u32()?;
    if !(1..=4).contains(&version) {
        return Ok(Vec::new());
    }
    let n = r.count(if version == 1 { 18 } else { 2 })?;
    (0..n).map(|_| type_hint(r, version)).collect()
}

fn type_hint(r: &mut Reader<'_>, version: u32) -> Result<TypeHint, Fault> {
    let bits = r.u16()?;
    let mut hint = TypeHint::ANY;
    if version == 1 {
        let (min, max) = (r.i64()?, r.i64()?);
        if min <= max {
            (hint.min, hint.max) = (Some(min), Some(max));
        }
    } else {
        let flags = if version == 3 { bits >> 12 } else { bits >> 13 };
        if flags & 1 != 0 {
            hint.min = Some(r.i64()?);
        }
        if flags & 2 != 0 {
            hint.max = Some(r.i64()?);
        }
        if flags & 4 != 0 {
            hint.unit = u16::from(r.u8()?) + 1;
        }
    }
    hint.kinds = match version {
        // Bit 2 of the older versions is the match context; what lies above moves down.
        1 | 2 => (bits & 3) | ((bits & 0x1FF8) >> 1) | (if bits & 4 != 0 { TypeHint::MATCH_CONTEXT } else { 0 }),
        3 => bits & 0x0FFF,
        _ => bits & 0x1FFF,
    };
    Ok(hint)
}

/// A native record that the module defines.
#[derive(Debug)]
pub struct Record {
    pub name: u32,
    pub exported: bool,
    /// Each field's name (an atom index) and default value, if it has one.
    pub fields: Vec<(u32, Option<Arg>)>,
}

/// The native records of a module. Defaults beyond 64 bits refer to `bigs`.
#[derive(Default, Debug)]
pub struct Records {
    pub list: Vec<Record>,
    pub bigs: Vec<Big>,
}

pub(crate) fn records(r: &mut Reader<'_>, atoms: &Atoms, literals: &Literals) -> Result<Records, Fault> {
    const MALFORMED: Fault = Fault::Text("has a malformed record definition");
    if r.u32()? != 0 {
        return Err(Fault::Text("has an unknown version"));
    }
    let n = r.u32()?;
    let _fields = r.u32()?;
    let n = r.fits(n.into(), 4)?;
    let mut arena = Arena::default();
    let mut list = Vec::with_capacity(n);
    for _ in 0..n {
        if u32::from(r.u8()?) != isa::Op::CallLast.number() {
            return Err(MALFORMED);
        }
        arena.args.clear();
        arena.args.resize(3, Arg::Nil);
        for i in 0..3 {
            arena.read(r, i)?;
        }
        let [Arg::Atom(name), Arg::Atom(exported), Arg::List { start, len }] = arena.args[..3] else {
            return Err(MALFORMED);
        };
        let exported = match atoms.get(exported) {
            Some("true") => true,
            Some("false") => false,
            _ => return Err(MALFORMED),
        };
        let items = &arena.args[start as usize..(start + len) as usize];
        let mut fields = Vec::with_capacity(items.len() / 2);
        for pair in items.chunks(2) {
            let &[Arg::Atom(field), value] = pair else {
                return Err(MALFORMED);
            };
            let value = match value {
                Arg::U(0) => None,
                Arg::Int(_) | Arg::BigInt(_) | Arg::Nil => Some(value),
                Arg::Atom(atom) => atoms.check(atom).map(|_| Some(value))?,
                Arg::Literal(i) if (i as usize) < literals.len() => Some(value),
                _ => return Err(MALFORMED),
            };
            fields.push((atoms.check(field)?, value));
        }
        list.push(Record { name: atoms.check(name)?, exported, fields });
    }
    Ok(Records { list, bigs: arena.bigs })
}
