//! A `.beam` file's chunks as plain data, the verifier of its code, and its listing.
//! Nothing here runs code or knows terms: literals stay bytes, atoms stay text. Foreign bytes never panic and never make
//! more room than their own length justifies.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = std::fs::read("lists.beam")?;
//! let beam = beamfile::parse(&bytes, isa::Release(27))?;
//! beamfile::verify(&beam)?;
//! print!("{}", beamfile::dis(&beam));
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod chunks;
mod code;
mod dis;
mod error;
mod reader;
mod tables;
mod verify;

use std::borrow::Cow;
use std::ops::Range;

use error::Fault;
use md5::{Digest, Md5};
use reader::Reader;

pub use chunks::Chunk;
pub use code::{Code, Function, Instr};
pub use dis::{Listing, dis};
pub use error::LoadError;
pub use isa::{Arg, Op, Release};
pub use reader::Big;
pub use tables::{Atoms, Export, Import, Lambda, Lines, Literals, Location, MAX_ARITY, Record, Records, TypeHint};
pub use verify::{Verified, never_returns, verify};

/// A parsed file. It owns all that it has, so it can be kept (and shared) for as long as a prepared module lives.
#[derive(Debug)]
pub struct BeamFile<'a> {
    /// The loader's rules that it was read by.
    pub release: Release,
    bytes: Cow<'a, [u8]>,
    pub chunks: Vec<Chunk>,
    pub atoms: Atoms,
    pub code: Code,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    pub lambdas: Vec<Lambda>,
    pub literals: Literals,
    pub lines: Lines,
    /// Types of typed registers, by index; empty when unknown (then every type is any).
    pub types: Vec<TypeHint>,
    pub records: Records,
    strings: Range<usize>,
}

/// Parses a file by the rules of that release's loader. The code is decoded but not verified: see [`verify`].
pub fn parse(bytes: &[u8], release: Release) -> Result<BeamFile<'_>, LoadError> {
    let bytes = chunks::unpack(bytes)?;
    let chunks = chunks::chunks(&bytes)?;
    let find = |id: &[u8; 4]| chunks.iter().find(|chunk| chunk.id == *id).map(|chunk| chunk.range.clone());
    let need = |id: &[u8; 4]| find(id).ok_or_else(|| missing(id, &chunks));
    let data = |range: Range<usize>| &bytes[range];

    let atoms = read(b"AtU8", data(need(b"AtU8")?), Atoms::parse)?;
    let code = need(b"Code")?;
    let strings = need(b"StrT")?;
    let imports = read(b"ImpT", data(need(b"ImpT")?), |r| tables::imports(r, &atoms))?;
    let exports = read(b"ExpT", data(need(b"ExpT")?), |r| tables::exports(r, &atoms))?;
    let lambdas = find(b"FunT").map_or(Ok(Vec::new()), |range| read(b"FunT", data(range), |r| tables::lambdas(r, &atoms)))?;
    let literals = find(b"LitT").map_or(Ok(Literals::default()), |range| read(b"LitT", data(range), Literals::parse))?;
    let lines = find(b"Line").map_or(Ok(Lines::default()), |range| read(b"Line", data(range), Lines::parse))?;
    let types = find(b"Type").map_or(Ok(Vec::new()), |range| read(b"Type", data(range), tables::types))?;
    let records = find(b"Recs")
        .map_or(Ok(Records::default()), |range| read(b"Recs", data(range), |r| tables::records(r, &atoms, &literals)))?;
    let code = Code::parse(data(code), &atoms, release)?;
    Ok(BeamFile { release, chunks, atoms, code, imports, exports, lambdas, literals, lines, types, records, strings, bytes })
}

fn read<T>(id: &[u8; 4], data: &[u8], parse: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>) -> Result<T, LoadError> {
    let mut r = Reader::new(data);
    parse(&mut r).map_err(|fault| fault.at(id, r.pos))
}

fn missing(id: &[u8; 4], chunks: &[Chunk]) -> LoadError {
    let old = id == b"AtU8" && chunks.iter().any(|chunk| chunk.id == *b"Atom");
    let what = if old { "is missing: the file was compiled by a release before OTP 20" } else { "is missing" };
    LoadError { chunk: Some(*id), offset: 0, function: None, what: what.into() }
}

impl BeamFile<'_> {
    /// The module's name.
    pub fn module(&self) -> &str {
        self.atom(1)
    }

    /// The text of an atom; empty if there is no such index.
    pub fn atom(&self, index: u32) -> &str {
        self.atoms.get(index).unwrap_or("")
    }

    /// The contents of a chunk.
    pub fn chunk(&self, id: &[u8; 4]) -> Option<&[u8]> {
        let chunk = self.chunks.iter().find(|chunk| chunk.id == *id)?;
        self.bytes.get(chunk.range.clone())
    }

    /// The whole file, unpacked.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The string table.
    pub fn strings(&self) -> &[u8] {
        &self.bytes[self.strings.clone()]
    }

    /// The functions with their names: (function, module, name, arity).
    pub fn functions(&self) -> impl Iterator<Item = (&Function, &str, &str, u32)> {
        self.code
            .functions
            .iter()
            .map(|function| (function, self.atom(function.module), self.atom(function.name), function.arity))
    }

    /// Functions that are not exported, from the LocT chunk, which nothing but tools needs.
    pub fn locals(&self) -> Result<Vec<Export>, LoadError> {
        self.chunk(b"LocT").map_or(Ok(Vec::new()), |data| read(b"LocT", data, |r| tables::exports(r, &self.atoms)))
    }

    /// File name (none: the module's own source) and line that a `line` instruction's operand means.
    pub fn location(&self, index: u32) -> Option<(Option<&str>, u32)> {
        let location = self.lines.get(index)?;
        Some((self.lines.file(location.file), location.line))
    }

    /// The module's MD5, as `code:module_md5/1` answers it.
    pub fn md5(&self) -> [u8; 16] {
        let mut md5 = Md5::new();
        for id in [b"AtU8", b"Code", b"StrT", b"ImpT", b"ExpT", b"FunT", b"LitT", b"Meta", b"Recs", b"DbgB"] {
            let Some(data) = self.chunk(id) else {
                continue;
            };
            if id == b"FunT" && data.len() >= 4 {
                // The old unique number is made from this very sum, so it counts as 0.
                let (count, entries) = data.split_at(4);
                md5.update(count);
                for entry in entries.chunks(24) {
                    md5.update(&entry[..entry.len().min(20)]);
                    md5.update(&[0; 4][..entry.len().saturating_sub(20)]);
                }
            } else {
                md5.update(data);
            }
        }
        md5.finalize().into()
    }
}
