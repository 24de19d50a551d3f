//! Machine code on disk: what was compiled once need not be again. A file for each module, named by its digest, in a folder of the
//! very build of this program; entries are only ever appended. Not here: whether a file may be trusted (`sys::cache`).
//!
//! Machine code differs from run to run only where it names something of the run: each such place is listed with what it names
//! (`Symbol`). What the translation took from elsewhere than the module's file is listed, too, and must be so again: which instructions
//! the loader has made of the function, which native functions there are.

use crate::stubs;
use crate::translate::{Made, SYMBOLS, Symbol, native_word};
use code::Loaded;
use code::decode;
use code::op::{Op, interpreted};
use std::hash::Hasher;
use term::Term;

/// Machine code of a function before it has an address, and what is to be filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub code: Vec<u8>,
    /// Eight bytes at an offset of the code become what the symbol is.
    pub links: Vec<(u32, Symbol)>,
    /// Words (from the function's beginning) that are addresses of native functions' records, and their stubs' words.
    pub natives: Vec<(i32, u64)>,
}

/// An entry of a file: machine code from a place of a module on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The function's entry, or a continuation: offset in words.
    pub at: u32,
    /// `shape` of the function.
    pub shape: u64,
    pub object: Object,
}

const MAGIC: u32 = u32::from_le_bytes(*b"FBm1");
/// Bytes of an entry before its body: magic, length, checksum.
const SEAL: usize = 16;
/// Bytes of a body before its lists: at, shape, three lengths.
const HEAD: usize = 4 + 8 + 12;

impl Object {
    pub fn new(code: Vec<u8>, relocations: impl Iterator<Item = (u32, u32, u32)>, made: &Made) -> Option<Object> {
        let mut links = Vec::new();
        for (offset, space, number) in relocations {
            if space != SYMBOLS {
                return None;
            }
            links.push((offset, *made.symbols.get(number as usize)?));
        }
        Some(Object { code, links, natives: made.natives.clone() })
    }

    /// The code for a function that begins at `start` of these words, which lie at `base`. `None`: it names what is not there.
    pub fn link(&self, words: &[u64], base: *const u64, start: usize) -> Option<Vec<u8>> {
        let mut code = self.code.clone();
        let word = |at: i32| words.get(start.checked_add_signed(at as isize)?).copied();
        // The search that was looked at last, and its keys' places.
        let mut searched: Option<(usize, Vec<u64>)> = None;
        let place = |at: i32| base.wrapping_add(start).wrapping_offset(at as isize);
        for &(offset, symbol) in &self.links {
            let value = match symbol {
                Symbol::Case(at, n) => {
                    let select = start.checked_add_signed(at as isize)?;
                    if searched.as_ref().is_none_or(|s| s.0 != select) {
                        searched = Some((select, ranks(words, select)?));
                    }
                    *searched.as_ref()?.1.get(n as usize)?
                }
                Symbol::Word(at) => word(at)?,
                Symbol::Place(at) => place(at) as u64,
                Symbol::Handler(at) => Term::catch(place(at)).raw(),
                // SAFETY: rule 1: the translation found the address of a record there, in the same words.
                Symbol::Stub(at) => unsafe { native_word(word(at)?) }.0.stub[0].as_ptr() as u64,
                Symbol::Program(distance) => (stubs::leave_address() as i64).wrapping_add(distance) as u64,
            };
            let to = code.get_mut(offset as usize..)?.first_chunk_mut::<8>()?;
            *to = value.to_le_bytes();
        }
        Some(code)
    }
}

/// For each key of the binary search at `select`: how many of the places that it goes to are before the key's.
fn ranks(words: &[u64], select: usize) -> Option<Vec<u64>> {
    let n = usize::try_from(*words.get(select + 1)?).ok()?;
    let places = words.get(select.checked_add(2)?.checked_add(n)?..)?;
    let to = |k: usize| Some((*places.get(k / 2)? >> (32 * (k % 2))) as u32 as i32);
    let all = (0..n).map(to).collect::<Option<Vec<i32>>>()?;
    let mut sorted = all.clone();
    sorted.sort_unstable();
    sorted.dedup();
    Some(all.iter().map(|to| sorted.partition_point(|p| p < to) as u64).collect())
}

/// What the loader has made of the function from `start` to `end`: a hash of its instructions' first words. `None`: there is a breakpoint or
/// the like in it.
pub fn shape(words: &[u64], start: usize, end: usize) -> Option<u64> {
    let mut own = words.get(start..end)?.to_vec();
    let (mut hash, mut at) = (base::hash::FixedHasher::default(), 0);
    while at < own.len() {
        if own[at] as u16 == Op::Machine as u16 {
            // SAFETY: rule 1: an instruction's word.
            own[at] = unsafe { interpreted(own[at]) };
        }
        hash.write_u64(own[at]);
        // Arities of other functions are out of reach here: what they say is not looked at.
        let (_, len, _) = decode::instruction(&own, at, &mut |_| {})?;
        at += len;
    }
    Some(hash.finish())
}

impl Entry {
    pub fn new(l: &Loaded, at: usize, object: Object) -> Option<Entry> {
        let words = l.words();
        let (start, end, ..) = l.function_at(at)?;
        Some(Entry { at: at as u32, shape: shape(words, start, end)?, object })
    }

    /// The code for a loaded module, if the entry was made from the same function.
    pub fn link(&self, l: &Loaded) -> Option<Vec<u8>> {
        let (words, at) = (l.words(), self.at as usize);
        let (start, end, ..) = l.function_at(at)?;
        if shape(words, start, end)? != self.shape {
            return None;
        }
        let word = |n: i32| words.get(start.checked_add_signed(n as isize).filter(|n| (start..end).contains(n))?).copied();
        // SAFETY: rule 1: the translation found the address of a record there, in the same words.
        let native = |&(n, found): &(i32, u64)| word(n).is_some_and(|w| unsafe { native_word(w) }.1 == found);
        if self.object.natives.iter().all(native) { self.object.link(words, words.as_ptr(), start) } else { None }
    }

    /// Appends the entry as it is on disk.
    pub fn write(&self, to: &mut Vec<u8>) {
        let mut out = Vec::with_capacity(HEAD + 16 * self.object.links.len() + self.object.code.len());
        out.extend(self.at.to_le_bytes());
        out.extend(self.shape.to_le_bytes());
        let o = &self.object;
        for n in [o.links.len(), o.natives.len(), o.code.len()] {
            out.extend((n as u32).to_le_bytes());
        }
        for &(offset, symbol) in &o.links {
            let (kind, value) = match symbol {
                Symbol::Case(at, n) => (5, i64::from(at) << 32 | i64::from(n)),
                Symbol::Word(n) => (0u32, i64::from(n)),
                Symbol::Place(n) => (1, i64::from(n)),
                Symbol::Handler(n) => (2, i64::from(n)),
                Symbol::Stub(n) => (3, i64::from(n)),
                Symbol::Program(d) => (4, d),
            };
            out.extend(offset.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        for &(n, word) in &o.natives {
            out.extend(n.to_le_bytes());
            out.extend(word.to_le_bytes());
        }
        out.extend(&o.code);
        seal(&out, to);
    }

    /// The first entry of some bytes, and what is behind it.
    fn read(bytes: &[u8]) -> Result<(Entry, &[u8]), Bad> {
        let mut r = Reader(bytes);
        let (magic, len, sum) = (r.u32().ok_or(Bad::Torn)?, r.u32().ok_or(Bad::Torn)? as usize, r.u64().ok_or(Bad::Torn)?);
        if magic != MAGIC || len < SEAL + HEAD {
            return Err(Bad::Foreign);
        }
        let (this, rest) = bytes.split_at_checked(len).ok_or(Bad::Torn)?;
        let body = &this[SEAL..];
        if checksum(body) != sum {
            return Err(Bad::Foreign);
        }
        Entry::body(body).map(|e| (e, rest)).ok_or(Bad::Foreign)
    }
    fn body(bytes: &[u8]) -> Option<Entry> {
        let mut r = Reader(bytes);
        let (at, shape) = (r.u32()?, r.u64()?);
        let (links, natives, code) = (r.u32()?, r.u32()?, r.u32()? as usize);
        let mut made = Vec::new();
        for _ in 0..links {
            let (offset, kind, value) = (r.u32()?, r.u32()?, r.u64()? as i64);
            let n = i32::try_from(value);
            let symbol = match kind {
                0 => Symbol::Word(n.ok()?),
                1 => Symbol::Place(n.ok()?),
                2 => Symbol::Handler(n.ok()?),
                3 => Symbol::Stub(n.ok()?),
                4 => Symbol::Program(value),
                5 => Symbol::Case((value >> 32) as i32, value as u32),
                _ => return None,
            };
            if (offset as usize).checked_add(8)? > code {
                return None;
            }
            made.push((offset, symbol));
        }
        let natives = (0..natives).map(|_| Some((r.u32()? as i32, r.u64()?))).collect::<Option<Vec<_>>>()?;
        (r.0.len() == code).then(|| Entry { at, shape, object: Object { code: r.0.to_vec(), links: made, natives } })
    }
}

/// Appends an entry with this body.
pub fn seal(body: &[u8], to: &mut Vec<u8>) {
    to.extend(MAGIC.to_le_bytes());
    to.extend(((SEAL + body.len()) as u32).to_le_bytes());
    to.extend(checksum(body).to_le_bytes());
    to.extend(body);
}

/// Why bytes are not read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// The last entry is not all there: it is being written, or its writer was stopped.
    Torn,
    /// Not what we write.
    Foreign,
}

/// The entries of a file, and what ends them but its end.
pub fn entries(mut bytes: &[u8]) -> (Vec<Entry>, Option<Bad>) {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        match Entry::read(bytes) {
            Ok((entry, rest)) => {
                all.push(entry);
                bytes = rest;
            }
            Err(bad) => return (all, Some(bad)),
        }
    }
    (all, None)
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut h = base::hash::FixedHasher::default();
    h.write(bytes);
    h.write_usize(bytes.len());
    h.finish()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }
    fn u64(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u32) -> Entry {
        let links = vec![(0, Symbol::Word(-2)), (8, Symbol::Place(7)), (3, Symbol::Handler(1)), (8, Symbol::Stub(4)), (1, Symbol::Program(-9)), (2, Symbol::Case(-1, u32::MAX))];
        let object = Object { code: (0..30).collect(), links, natives: vec![(4, 5)] };
        Entry { at, shape: 77, object }
    }

    #[test]
    fn entries_are_read_as_written() {
        let mut bytes = Vec::new();
        let all = [entry(1), entry(2), entry(3)];
        all.iter().for_each(|e| e.write(&mut bytes));
        assert_eq!(entries(&bytes), (all.to_vec(), None));
        assert_eq!(entries(&bytes[..bytes.len() - 1]), (all[..2].to_vec(), Some(Bad::Torn)));
        assert_eq!(entries(&[]), (vec![], None));
    }

    #[test]
    fn no_changed_byte_is_taken() {
        let mut bytes = Vec::new();
        entry(1).write(&mut bytes);
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[i] ^= 1 << bit;
                let (all, bad) = entries(&other);
                assert!(all.is_empty() && bad.is_some(), "byte {i}, bit {bit}");
            }
        }
    }
}
