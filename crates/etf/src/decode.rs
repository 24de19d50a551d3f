//! Bytes to terms. Whatever the bytes are: no panic, no native recursion, and no more memory than the bytes account for.

use crate::{NodeId, tag};
use std::sync::Arc;
use term::fun::{Export, FunEntry};
use term::magic::Magic;
use term::{Alloc, Term, am, atom, map, node_name, reference};

/// Why bytes are no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not the external format, or cut short, or names what may not be.
    Bad,
    /// `safe`, and the bytes would make an atom or an external fun that does not exist yet.
    Unsafe,
    /// More atoms than the node may have.
    Atoms,
}

/// What tells one local fun from another.
#[derive(Clone, Copy, Debug)]
pub struct FunKey {
    pub module: Term,
    pub uniq: [u8; 16],
    pub index: u32,
    pub old_index: u32,
    pub old_uniq: u32,
    pub arity: u8,
    pub num_free: u32,
}

/// How funs and native values are found; the node's tables.
pub trait Resolver {
    /// The export record; made if need be, unless `safe` and there is no such function.
    fn export(&self, module: Term, function: Term, arity: u8, safe: bool) -> Option<&'static Export>;
    /// The entry of a local fun; made if need be.
    fn fun(&self, key: &FunKey) -> Option<&'static FunEntry>;
    /// The native value of a reference of this node that has one.
    fn magic(&self, number: u64, alias_of: u64) -> Option<Arc<Magic>> {
        let _ = (number, alias_of);
        None
    }
    /// An entry of the atom cache of the distribution message at hand.
    fn cached_atom(&self, index: u8) -> Option<Term> {
        let _ = index;
        None
    }
}

/// Knows no funs.
pub struct NoFuns;

impl Resolver for NoFuns {
    fn export(&self, _: Term, _: Term, _: u8, _: bool) -> Option<&'static Export> {
        None
    }
    fn fun(&self, _: &FunKey) -> Option<&'static FunEntry> {
        None
    }
}

/// The world in which bytes are read.
#[derive(Clone, Copy)]
pub struct DecodeEnv<'a> {
    pub node: NodeId,
    pub resolver: &'a dyn Resolver,
    /// Makes no atoms and no external funs.
    pub safe: bool,
    /// How many atoms there may be.
    pub atom_limit: usize,
    /// The key of the private form (see `Options::local`), if that may be read.
    pub local: Option<u32>,
}

impl<'a> DecodeEnv<'a> {
    pub fn new(node: NodeId, resolver: &'a dyn Resolver) -> DecodeEnv<'a> {
        DecodeEnv { node, resolver, safe: false, atom_limit: atom::CAPACITY, local: None }
    }
}

/// The term at the beginning of `bytes` (from the version byte on), and how many bytes it takes.
pub fn decode(bytes: &[u8], alloc: &mut Alloc, env: &DecodeEnv<'_>) -> Result<(Term, usize), Error> {
    let mut d = Decoder::new(bytes, env)?;
    loop {
        if let Some(t) = d.run(alloc, env, usize::MAX)? {
            return Ok((t, d.used()));
        }
    }
}

/// The largest tuple.
const ARITY_MAX: usize = (1 << 24) - 1;

/// What the values of a frame become.
enum What {
    Tuple,
    /// The tail comes last.
    List,
    Map,
    Fun(Box<FunKey>),
    /// A native record with its definition.
    Record(Term),
}

/// A term whose parts are being read.
struct Frame {
    what: What,
    /// Values still to come.
    left: usize,
    /// Where its values begin.
    start: usize,
}

/// The room that a `Decoder` needs for terms whose parts are being read; kept for the next one.
#[derive(Default)]
pub struct Stacks {
    frames: Vec<Frame>,
    values: Vec<Term>,
}

impl std::fmt::Debug for Stacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stacks")
    }
}

/// Work in progress of one `decode`.
pub struct Decoder<'b> {
    bytes: std::borrow::Cow<'b, [u8]>,
    at: usize,
    /// The unpacking of compressed bytes; nothing is read before it is done.
    unpacking: Option<Box<Unpacking>>,
    /// Of the bytes as they were given, if they were compressed.
    compressed_used: Option<usize>,
    local: bool,
    frames: Vec<Frame>,
    values: Vec<Term>,
}

impl<'b> Decoder<'b> {
    /// Checks the version byte.
    pub fn new(bytes: &'b [u8], env: &DecodeEnv<'_>) -> Result<Decoder<'b>, Error> {
        let mut d = Decoder {
            bytes: bytes.into(),
            at: 1,
            unpacking: None,
            compressed_used: None,
            local: false,
            frames: Vec::new(),
            values: Vec::new(),
        };
        match *bytes {
            [tag::VERSION, tag::COMPRESSED, a, b, c, e, ref body @ ..] => {
                d.at = 0;
                d.unpacking = Some(Box::new(Unpacking::new(body, u32::from_be_bytes([a, b, c, e]) as usize)?));
            }
            [tag::VERSION, tag::LOCAL, a, b, c, e, ..] => {
                if env.local != Some(u32::from_be_bytes([a, b, c, e])) {
                    return Err(Error::Bad);
                }
                d.local = true;
                d.at = 6;
            }
            [tag::VERSION, ..] => {}
            _ => return Err(Error::Bad),
        }
        Ok(d)
    }
    /// For bytes without a version byte (parts of distribution messages).
    pub fn bare(bytes: &'b [u8], stacks: Stacks) -> Decoder<'b> {
        Decoder { bytes: bytes.into(), at: 0, unpacking: None, compressed_used: None, local: false, frames: stacks.frames, values: stacks.values }
    }
    /// Its room, empty.
    pub fn into_stacks(mut self) -> Stacks {
        self.frames.clear();
        self.values.clear();
        Stacks { frames: self.frames, values: self.values }
    }
    /// The same with bytes of its own, to be kept while others run.
    pub fn into_owned(self) -> Decoder<'static> {
        Decoder {
            bytes: self.bytes.into_owned().into(),
            at: self.at,
            unpacking: self.unpacking,
            compressed_used: self.compressed_used,
            local: self.local,
            frames: self.frames,
            values: self.values,
        }
    }
    /// How many of the bytes given have been read.
    pub fn used(&self) -> usize {
        self.compressed_used.unwrap_or(self.at)
    }

    /// Reads about `budget` terms more; the whole term once it is there.
    pub fn run(&mut self, alloc: &mut Alloc, env: &DecodeEnv<'_>, budget: usize) -> Result<Option<Term>, Error> {
        if let Some(u) = &mut self.unpacking {
            let Some(used) = u.run(&self.bytes[PACKED_AT..], budget.saturating_mul(BYTES_PER_TERM))? else { return Ok(None) };
            self.compressed_used = Some(PACKED_AT + used);
            self.bytes = std::mem::take(&mut u.out).into();
            self.unpacking = None;
            if budget < usize::MAX {
                return Ok(None);
            }
        }
        // The bytes leave the decoder for the time of the call, so that a reader of them and its stacks can be used together.
        let bytes = std::mem::take(&mut self.bytes);
        let mut r = Reader { bytes: &bytes, at: self.at, local: self.local, env, alloc };
        let result = step(&mut r, &mut self.frames, &mut self.values, budget);
        self.at = r.at;
        self.bytes = bytes;
        result
    }
}

fn step(r: &mut Reader<'_>, frames: &mut Vec<Frame>, values: &mut Vec<Term>, mut budget: usize) -> Result<Option<Term>, Error> {
    while budget > 0 {
        budget -= 1;
        let (what, left) = match r.next()? {
            Next::Leaf(t) => {
                values.push(t);
                // Whatever is complete now becomes a value itself.
                while let Some(f) = frames.last_mut() {
                    f.left -= 1;
                    if f.left > 0 {
                        break;
                    }
                    if let Some(f) = frames.pop() {
                        let t = finish(r.alloc, r.env, f.what, &values[f.start..])?;
                        values.truncate(f.start);
                        values.push(t);
                    }
                }
                if frames.is_empty() {
                    return Ok(values.pop());
                }
                continue;
            }
            Next::Parts(what, left) => (what, left),
        };
        frames.push(Frame { what, left, start: values.len() });
    }
    Ok(None)
}

fn finish(alloc: &mut Alloc, env: &DecodeEnv<'_>, what: What, values: &[Term]) -> Result<Term, Error> {
    Ok(match what {
        What::Tuple => alloc.tuple(values),
        What::List => match values {
            [elements @ .., tail] => alloc.list_with_tail(elements, *tail),
            [] => Term::NIL,
        },
        What::Map => {
            let n = values.len() / 2;
            let pair = |i: usize| (values[2 * i], values[2 * i + 1]);
            let mut room = [(Term::NONE, Term::NONE); map::FLAT_MAX];
            if n <= map::FLAT_MAX {
                room.iter_mut().take(n).enumerate().for_each(|(i, to)| *to = pair(i));
                map::from_distinct_pairs(alloc, &room[..n]).ok_or(Error::Bad)?
            } else {
                let pairs: Vec<(Term, Term)> = (0..n).map(pair).collect();
                map::from_distinct_pairs(alloc, &pairs).ok_or(Error::Bad)?
            }
        }
        What::Fun(key) => {
            let entry = env.resolver.fun(&key).ok_or(Error::Bad)?;
            alloc.fun(entry, values)
        }
        What::Record(definition) => alloc.record(definition, values),
    })
}

enum Next {
    Leaf(Term),
    /// A term of so many parts, at least one.
    Parts(What, usize),
}

struct Reader<'r> {
    bytes: &'r [u8],
    at: usize,
    local: bool,
    env: &'r DecodeEnv<'r>,
    alloc: &'r mut Alloc,
}

/// A node's name and creation; `None`: this one.
type Node = Option<&'static node_name::NodeName>;

impl<'r> Reader<'r> {
    #[inline]
    fn take(&mut self, n: usize) -> Result<&'r [u8], Error> {
        let bytes: &'r [u8] = self.bytes;
        let s = bytes[self.at..].get(..n).ok_or(Error::Bad)?;
        self.at += n;
        Ok(s)
    }
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Bad)
    }
    #[inline]
    fn u8(&mut self) -> Result<u8, Error> {
        let b = *self.bytes.get(self.at).ok_or(Error::Bad)?;
        self.at += 1;
        Ok(b)
    }
    fn u16(&mut self) -> Result<usize, Error> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }
    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array()?))
    }
    /// A count of things of at least `each` bytes that are still to come.
    fn count(&mut self, each: usize) -> Result<usize, Error> {
        let n = self.u32()? as usize;
        if n > (self.bytes.len() - self.at) / each { Err(Error::Bad) } else { Ok(n) }
    }

    fn next(&mut self) -> Result<Next, Error> {
        let t = match self.u8()? {
            tag::SMALL_INTEGER => Term::small(i64::from(self.u8()?)),
            tag::INTEGER => Term::small(i64::from(i32::from_be_bytes(self.array()?))),
            tag::NIL => Term::NIL,
            tag::SMALL_TUPLE => match usize::from(self.u8()?) {
                0 => self.alloc.tuple(&[]),
                n => return Ok(Next::Parts(What::Tuple, n)),
            },
            tag::LARGE_TUPLE => match self.count(1)? {
                0 => self.alloc.tuple(&[]),
                n if n > ARITY_MAX => return Err(Error::Bad),
                n => return Ok(Next::Parts(What::Tuple, n)),
            },
            tag::LIST => {
                let n = self.count(1)?;
                // A list of no elements is its tail.
                return Ok(Next::Parts(What::List, n + 1));
            }
            tag::STRING => {
                let n = self.u16()?;
                let bytes = self.take(n)?;
                self.alloc.list_of_bytes(bytes)
            }
            tag::MAP => match self.count(2)? {
                0 => map::empty(self.alloc),
                n => return Ok(Next::Parts(What::Map, 2 * n)),
            },
            tag::BINARY => {
                let n = self.u32()? as usize;
                let bytes = self.take(n)?;
                self.alloc.binary(bytes)
            }
            tag::BIT_BINARY => {
                let n = self.u32()? as usize;
                let odd = usize::from(self.u8()?);
                if n == 0 || odd == 0 || odd > 8 {
                    return Err(Error::Bad);
                }
                let bytes = self.take(n)?;
                self.alloc.bitstring(bytes, n * 8 - 8 + odd)
            }
            tag::NEW_FLOAT => {
                let bits = u64::from_be_bytes(self.array()?);
                self.float(f64::from_bits(bits))?
            }
            tag::FLOAT => {
                let text = self.take(tag::FLOAT_TEXT)?;
                let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
                let f = num::float::parse(&text[..end]).map_err(|_| Error::Bad)?;
                self.float(f)?
            }
            tag::SMALL_BIG => {
                let n = usize::from(self.u8()?);
                self.big(n)?
            }
            tag::LARGE_BIG => {
                let n = self.u32()? as usize;
                self.big(n)?
            }
            t @ (tag::PID | tag::NEW_PID) => self.pid(t)?,
            t @ (tag::PORT | tag::NEW_PORT | tag::V4_PORT) => self.port(t)?,
            t @ (tag::REFERENCE | tag::NEW_REFERENCE | tag::NEWER_REFERENCE) => self.reference(t)?,
            tag::EXPORT => {
                let (module, function) = (self.atom()?, self.atom()?);
                let arity = self.small_integer().and_then(|n| u8::try_from(n).map_err(|_| Error::Bad))?;
                let missing = if self.env.safe { Error::Unsafe } else { Error::Bad };
                let e = self.env.resolver.export(module, function, arity, self.env.safe).ok_or(missing)?;
                self.alloc.export_fun(e)
            }
            tag::NEW_FUN => return self.fun(),
            tag::RECORD => return self.record(),
            t => self.atom_of(t)?,
        };
        Ok(Next::Leaf(t))
    }
    fn float(&mut self, f: f64) -> Result<Term, Error> {
        if f.is_finite() { Ok(self.alloc.float(f)) } else { Err(Error::Bad) }
    }
    fn big(&mut self, n: usize) -> Result<Term, Error> {
        let negative = self.u8()? != 0;
        let bytes = self.take(n)?;
        if n <= 8 {
            let mut limb = [0; 8];
            limb[..n].copy_from_slice(bytes);
            return Ok(self.alloc.integer(negative, &[u64::from_le_bytes(limb)]));
        }
        let n = num::bytes::from_magnitude(negative, bytes).map_err(|_| Error::Bad)?;
        Ok(term::int::term(self.alloc, &n))
    }
    fn small_integer(&mut self) -> Result<i64, Error> {
        match self.u8()? {
            tag::SMALL_INTEGER => Ok(i64::from(self.u8()?)),
            tag::INTEGER => Ok(i64::from(i32::from_be_bytes(self.array()?))),
            tag::SMALL_BIG => {
                let n = usize::from(self.u8()?);
                let t = self.big(n)?;
                t.as_i64().ok_or(Error::Bad)
            }
            _ => Err(Error::Bad),
        }
    }
    fn small_u32(&mut self) -> Result<u32, Error> {
        u32::try_from(self.small_integer()?).map_err(|_| Error::Bad)
    }

    fn atom(&mut self) -> Result<Term, Error> {
        let t = self.u8()?;
        self.atom_of(t)
    }
    fn atom_of(&mut self, tag: u8) -> Result<Term, Error> {
        let (n, latin1) = match tag {
            tag::SMALL_ATOM_UTF8 => (usize::from(self.u8()?), false),
            tag::ATOM_UTF8 => (self.u16()?, false),
            tag::SMALL_ATOM => (usize::from(self.u8()?), true),
            tag::ATOM => (self.u16()?, true),
            tag::ATOM_CACHE_REF => {
                let i = self.u8()?;
                return self.env.resolver.cached_atom(i).ok_or(Error::Bad);
            }
            _ => return Err(Error::Bad),
        };
        let bytes = self.take(n)?;
        let owned: String;
        let text = if latin1 && !bytes.is_ascii() {
            owned = bytes.iter().map(|&b| char::from(b)).collect();
            &owned
        } else {
            std::str::from_utf8(bytes).map_err(|_| Error::Bad)?
        };
        if let Some(t) = atom::lookup(text) {
            return Ok(t);
        }
        if !atom::valid(text) {
            return Err(Error::Bad);
        }
        if self.env.safe {
            return Err(Error::Unsafe);
        }
        if atom::count() >= self.env.atom_limit.min(atom::CAPACITY) {
            return Err(Error::Atoms);
        }
        Ok(atom::intern(text))
    }
    /// The name of a node: a term of its own in the private form.
    fn node_name(&mut self) -> Result<Option<Term>, Error> {
        if self.local && self.bytes.get(self.at) == Some(&tag::NIL) {
            self.at += 1;
            return Ok(None);
        }
        self.atom().map(Some)
    }
    /// Finds the node, once its creation has been read.
    fn node(&self, name: Option<Term>, creation: u32) -> Node {
        let name = name?;
        let ours = name == self.env.node.name && (creation == self.env.node.creation || creation == 0);
        if ours { None } else { Some(node_name::intern(name, creation)) }
    }
    fn creation(&mut self, old: bool) -> Result<u32, Error> {
        if !old {
            return self.u32();
        }
        match self.u8()? {
            n @ 0..=3 => Ok(n.into()),
            _ => Err(Error::Bad),
        }
    }
    fn pid(&mut self, tag: u8) -> Result<Term, Error> {
        let name = self.node_name()?;
        let (number, serial) = (self.u32()?, self.u32()?);
        let creation = self.creation(tag == tag::PID)?;
        match self.node(name, creation) {
            Some(node) => Ok(self.alloc.ext_pid(node, number, serial)),
            None if number >= 1 << 28 || serial >= 1 << 26 => Err(Error::Bad),
            None => Ok(Term::pid(number, serial)),
        }
    }
    fn port(&mut self, tag: u8) -> Result<Term, Error> {
        let name = self.node_name()?;
        let number = if tag == tag::V4_PORT { u64::from_be_bytes(self.array()?) } else { u64::from(self.u32()?) };
        let creation = self.creation(tag == tag::PORT)?;
        match self.node(name, creation) {
            Some(node) => Ok(self.alloc.ext_port(node, number)),
            None if number >= 1 << 58 => Err(Error::Bad),
            None => Ok(Term::port(number)),
        }
    }
    fn reference(&mut self, tag: u8) -> Result<Term, Error> {
        let n = if tag == tag::REFERENCE { 1 } else { self.u16()? };
        if n > 5 {
            return Err(Error::Bad);
        }
        let name = self.node_name()?;
        let mut words = [0; 5];
        let creation = if tag == tag::REFERENCE {
            words[0] = self.u32()?;
            self.creation(true)?
        } else {
            let creation = self.creation(tag == tag::NEW_REFERENCE)?;
            for w in &mut words[..n] {
                *w = self.u32()?;
            }
            creation
        };
        let words = &words[..n];
        match self.node(name, creation) {
            Some(_) if tag == tag::REFERENCE && words[0] >= 1 << 18 => Err(Error::Bad),
            Some(node) => Ok(self.alloc.ext_ref(node, words)),
            None if words.first().is_some_and(|&w| w >= 1 << 18) || words.get(2).is_some_and(|&w| w >= 1 << 14) => Err(Error::Bad),
            None if words.get(3).is_some_and(|&w| w >= 1 << 28) || words.get(4).is_some_and(|&w| w >= 1 << 26) => Err(Error::Bad),
            None => {
                let t = reference::from_words(self.alloc, words);
                let magic = t.as_local_ref().and_then(|(number, alias)| self.env.resolver.magic(number, alias));
                Ok(magic.map_or(t, |m| self.alloc.magic_ref(m)))
            }
        }
    }
    fn fun(&mut self) -> Result<Next, Error> {
        self.u32()?;
        let arity = self.u8()?;
        let uniq = self.array()?;
        let index = self.u32()?;
        let num_free = self.u32()?;
        let module = self.atom()?;
        let (old_index, old_uniq) = (self.small_u32()?, self.small_u32()?);
        let t = self.u8()?;
        if !matches!(t, tag::PID | tag::NEW_PID) {
            return Err(Error::Bad);
        }
        self.pid(t)?;
        let left = num_free as usize;
        if left > self.bytes.len() - self.at || left > 255 {
            return Err(Error::Bad);
        }
        let key = FunKey { module, uniq, index, old_index, old_uniq, arity, num_free };
        if left > 0 {
            return Ok(Next::Parts(What::Fun(Box::new(key)), left));
        }
        finish(self.alloc, self.env, What::Fun(Box::new(key)), &[]).map(Next::Leaf)
    }
    fn record(&mut self) -> Result<Next, Error> {
        let n = self.u32()? as usize;
        let exported = match self.u8()? {
            0 => am::FALSE,
            1 => am::TRUE,
            _ => return Err(Error::Bad),
        };
        let (module, name) = (self.atom()?, self.atom()?);
        // Each field is a name of at least two bytes and a value.
        if n > (self.bytes.len() - self.at) / 3 {
            return Err(Error::Bad);
        }
        let mut names = Vec::with_capacity(n);
        for _ in 0..n {
            names.push(self.atom()?);
        }
        let mut sorted = names.clone();
        sorted.sort_unstable_by_key(|t| t.raw());
        if sorted.windows(2).any(|w| w[0] == w[1]) {
            return Err(Error::Bad);
        }
        let names = self.alloc.tuple(&names);
        let definition = self.alloc.tuple(&[module, name, exported, names]);
        if n == 0 {
            return Ok(Next::Leaf(self.alloc.record(definition, &[])));
        }
        Ok(Next::Parts(What::Record(definition), n))
    }
}

/// Where the zlib stream of compressed terms begins.
const PACKED_AT: usize = 6;
/// Unpacking so many bytes takes as long as reading a term.
const BYTES_PER_TERM: usize = 8;

/// How many bytes there are to read, after unpacking: as they say themselves.
pub fn unpacked_size(bytes: &[u8]) -> usize {
    match *bytes {
        [tag::VERSION, tag::COMPRESSED, a, b, c, d, ..] => bytes.len().max(u32::from_be_bytes([a, b, c, d]) as usize),
        _ => bytes.len(),
    }
}

/// Exactly `size` bytes out of a zlib stream.
struct Unpacking {
    z: flate2::Decompress,
    out: Vec<u8>,
    size: usize,
}

impl Unpacking {
    fn new(body: &[u8], size: usize) -> Result<Unpacking, Error> {
        // zlib packs at most about 1032 to one.
        if size / 1100 > body.len() {
            return Err(Error::Bad);
        }
        Ok(Unpacking { z: flate2::Decompress::new(true), out: Vec::new(), size })
    }
    /// About `bytes` more; how many bytes of `body` all of it took, once it is there.
    fn run(&mut self, body: &[u8], bytes: usize) -> Result<Option<usize>, Error> {
        use flate2::{FlushDecompress, Status};
        let mut left = bytes;
        loop {
            let before = (self.z.total_in(), self.z.total_out());
            // Room for one byte more than there should be shows what is too long.
            self.out.reserve((self.size + 1 - self.out.len()).min(1 << 16).max(1));
            let rest = body.get(before.0 as usize..).ok_or(Error::Bad)?;
            let status = self.z.decompress_vec(rest, &mut self.out, FlushDecompress::None);
            let made = (self.z.total_out() - before.1) as usize;
            match status {
                Ok(Status::StreamEnd) if self.out.len() == self.size => return Ok(Some(self.z.total_in() as usize)),
                Ok(Status::Ok) if (self.z.total_in(), self.z.total_out()) != before && self.out.len() <= self.size => {}
                _ => return Err(Error::Bad),
            }
            if made >= left {
                return Ok(None);
            }
            left -= made;
        }
    }
}
