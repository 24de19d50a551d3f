//! Terms to bytes.

use crate::{NodeId, tag};
use engines::zlib::{Deflate, DeflateOptions, Flush, Status};
use term::binary::Growing;
use term::{Kind, Term, atom, map, reference};

/// How `term_to_binary` writes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// 0: floats as text; up to 1: Latin-1 atoms in their old form (the default of OTP 25); 2: the default since 26.
    pub minor_version: u8,
    /// Keys of maps in the order of terms.
    pub deterministic: bool,
    /// The private form, readable only with the same key: identifiers of this node stay its own even if its name changes.
    pub local: Option<u32>,
    pub node: NodeId,
    /// Ports of 32 bits in their old form (until OTP 25).
    pub old_ports: bool,
    /// What stands as the maker of a local fun: since OTP 27 always the first process.
    pub fun_pid: Term,
}

impl Options {
    /// The defaults since OTP 26.
    pub fn new(node: NodeId) -> Options {
        Options { minor_version: 2, deterministic: false, local: None, node, old_ports: false, fun_pid: Term::pid(0, 0) }
    }
    /// The defaults of OTP 25.
    pub fn otp25(node: NodeId) -> Options {
        Options { minor_version: 1, old_ports: true, ..Options::new(node) }
    }
}

/// The external form of a term, with the version byte before it.
pub fn encode(t: Term, options: &Options) -> Vec<u8> {
    let mut e = Encoder::<Vec<u8>>::new(t, options);
    while !e.run(usize::MAX) {}
    e.finish()
}

/// Atoms that are written as numbers: a distribution header says which they are.
#[derive(Clone, Debug, Default)]
pub struct AtomRefs {
    list: Vec<Term>,
}

impl AtomRefs {
    /// More are written in full: looking through them would take longer than it saves.
    const MAX: usize = 48;

    /// In the order of their numbers.
    pub fn atoms(&self) -> &[Term] {
        &self.list
    }
    fn number(&mut self, atom: Term) -> Option<u8> {
        if let Some(i) = self.list.iter().position(|&a| a == atom) {
            return Some(i as u8);
        }
        if self.list.len() == Self::MAX {
            return None;
        }
        self.list.push(atom);
        Some(self.list.len() as u8 - 1)
    }
}

/// The parts of a distribution message, one behind the other: without version bytes, with atoms as numbers if there is a place for them.
pub struct Parts {
    walk: Walk<Vec<u8>>,
}

impl Parts {
    pub fn new(options: &Options, atoms: Option<AtomRefs>) -> Parts {
        Parts { walk: Walk { out: Vec::with_capacity(128), options: *options, jobs: Vec::with_capacity(4), atoms, too_large: false } }
    }
    pub fn add(&mut self, t: Term) {
        self.walk.term(t);
        while !self.walk.run(usize::MAX) {}
    }
    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.walk.out.len()
    }
    pub fn finish(self) -> (Vec<u8>, Option<AtomRefs>) {
        (self.walk.out, self.walk.atoms)
    }
}

/// How many bytes `encode` gives, without compression.
pub fn external_size(t: Term, options: &Options) -> usize {
    let mut e = Encoder::<Count>::new(t, options);
    while !e.run(usize::MAX) {}
    e.finish().0
}

/// The packing of what `encode` gave, in progress. What does not become shorter stays as it is.
pub struct Packer {
    plain: Growing,
    out: Growing,
    stream: Option<Deflate>,
    packed: usize,
}

impl Packer {
    /// Level 0 to 9.
    pub fn new(plain: Growing, level: u32) -> Packer {
        let mut out = Growing::default();
        let mut stream = None;
        if let (1.., Ok(size)) = (level, u32::try_from(plain.len() - 1)) {
            out.extend(&[tag::VERSION, tag::COMPRESSED]);
            out.extend(&size.to_be_bytes());
            stream = Deflate::new(DeflateOptions { level: level.min(9) as i32, ..DeflateOptions::default() }).ok();
        }
        Packer { plain, out, stream, packed: 1 }
    }
    /// Packs about so many bytes more; `true` when that is all.
    pub fn run(&mut self, bytes: usize) -> bool {
        let Some(z) = &mut self.stream else { return true };
        let end = self.packed.saturating_add(bytes).min(self.plain.len());
        let flush = if end == self.plain.len() { Flush::Finish } else { Flush::None };
        let mut room = [0; 1 << 14];
        loop {
            let Ok(step) = z.run(&self.plain.bytes()[self.packed..end], &mut room, flush) else {
                self.stream = None;
                return true;
            };
            self.packed += step.consumed;
            self.out.extend(&room[..step.produced]);
            if step.status == Status::StreamEnd {
                return true;
            }
            if self.out.len() > self.plain.len() {
                // It gets no shorter.
                self.stream = None;
                return true;
            }
            if flush == Flush::None && self.packed == end && step.produced < room.len() {
                return false;
            }
        }
    }
    pub fn finish(self) -> Growing {
        if self.stream.is_some() && self.out.len() <= self.plain.len() { self.out } else { self.plain }
    }
}

/// Work in progress of one `encode`.
pub struct Encoder<O: Out> {
    walk: Walk<O>,
}

impl<O: Out + Default> Encoder<O> {
    pub fn new(t: Term, options: &Options) -> Encoder<O> {
        let mut walk = Walk { out: O::default(), options: *options, jobs: Vec::new(), atoms: None, too_large: false };
        walk.start(t);
        Encoder { walk }
    }
    /// An encoder without version byte (parts of distribution messages).
    pub fn bare(t: Term, options: &Options) -> Encoder<O> {
        let mut walk = Walk { out: O::default(), options: *options, jobs: Vec::new(), atoms: None, too_large: false };
        walk.term(t);
        Encoder { walk }
    }
    /// Writes about `budget` terms more; `true` when all is written.
    pub fn run(&mut self, budget: usize) -> bool {
        self.walk.run(budget)
    }
    /// The term cannot be written: something in it is larger than the format knows (4 GB).
    pub fn too_large(&self) -> bool {
        self.walk.too_large
    }
    pub fn finish(self) -> O {
        self.walk.out
    }
}

/// Where the bytes go: a buffer, or only a count.
pub trait Out {
    fn put(&mut self, bytes: &[u8]);
    fn byte(&mut self, b: u8);
    fn len(&self) -> usize;
    fn patch(&mut self, at: usize, value: u32);
    /// Room for `n` bytes, to be filled.
    fn room(&mut self, n: usize, fill: impl FnOnce(&mut [u8]));
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline]
    fn byte(&mut self, b: u8) {
        self.push(b);
    }
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn patch(&mut self, at: usize, value: u32) {
        self[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    fn room(&mut self, n: usize, fill: impl FnOnce(&mut [u8])) {
        let at = self.len();
        self.resize(at + n, 0);
        fill(&mut self[at..]);
    }
}

impl Out for Growing {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend(bytes);
    }
    #[inline]
    fn byte(&mut self, b: u8) {
        self.push(b);
    }
    fn len(&self) -> usize {
        Growing::len(self)
    }
    fn patch(&mut self, at: usize, value: u32) {
        self.bytes_mut()[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    fn room(&mut self, n: usize, fill: impl FnOnce(&mut [u8])) {
        fill(self.zeros(n));
    }
}

/// How many bytes there would be.
#[derive(Default)]
pub struct Count(pub usize);

impl Out for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
    fn byte(&mut self, _: u8) {
        self.0 += 1;
    }
    fn len(&self) -> usize {
        self.0
    }
    fn patch(&mut self, _: usize, _: u32) {}
    fn room(&mut self, n: usize, _: impl FnOnce(&mut [u8])) {
        self.0 += n;
    }
}

/// What is still to be written.
enum Job {
    Terms(&'static [Term]),
    /// The rest of a list, from its next cell to the tail.
    List(Term),
    Flat(&'static [Term], &'static [Term]),
    Trie(Box<map::Iter>),
    /// Pairs in reverse.
    Pairs(Vec<(Term, Term)>),
    One(Term),
    /// The size of a fun, known at its end.
    FunEnd(usize),
}

struct Walk<O: Out> {
    out: O,
    options: Options,
    jobs: Vec<Job>,
    atoms: Option<AtomRefs>,
    /// It has met a bit string whose length the format cannot hold.
    too_large: bool,
}

impl<O: Out> Walk<O> {
    fn start(&mut self, t: Term) {
        self.out.byte(tag::VERSION);
        if let Some(key) = self.options.local {
            self.out.byte(tag::LOCAL);
            self.out.put(&key.to_be_bytes());
        }
        self.term(t);
    }
    fn run(&mut self, mut budget: usize) -> bool {
        'jobs: while let Some(job) = self.jobs.pop() {
            match job {
                Job::Terms(mut rest) => {
                    while let [t, more @ ..] = rest {
                        rest = more;
                        if !self.leaf(*t) {
                            let depth = self.jobs.len();
                            self.compound(*t);
                            if self.jobs.len() > depth {
                                // Its parts come first.
                                self.jobs.insert(depth, Job::Terms(rest));
                                break;
                            }
                        }
                    }
                }
                Job::List(mut rest) => {
                    while let Some((head, tail)) = rest.as_cons() {
                        rest = tail;
                        budget = budget.saturating_sub(1);
                        if !self.leaf(head) {
                            let depth = self.jobs.len();
                            self.compound(head);
                            if self.jobs.len() > depth {
                                self.jobs.insert(depth, Job::List(rest));
                                if budget == 0 {
                                    return false;
                                }
                                continue 'jobs;
                            }
                        }
                        if budget == 0 {
                            self.jobs.push(Job::List(rest));
                            return false;
                        }
                    }
                    self.term(rest);
                }
                Job::Flat(keys, values) => {
                    if let ([k, keys @ ..], [v, values @ ..]) = (keys, values) {
                        self.jobs.push(Job::Flat(keys, values));
                        self.jobs.push(Job::One(*v));
                        self.term(*k);
                    }
                }
                Job::Trie(mut it) => {
                    if let Some((k, v)) = it.next() {
                        self.jobs.push(Job::Trie(it));
                        self.jobs.push(Job::One(v));
                        self.term(k);
                    }
                }
                Job::Pairs(mut pairs) => {
                    if let Some((k, v)) = pairs.pop() {
                        self.jobs.push(Job::Pairs(pairs));
                        self.jobs.push(Job::One(v));
                        self.term(k);
                    }
                }
                Job::One(t) => self.term(t),
                Job::FunEnd(at) => {
                    let size = self.out.len() - at;
                    self.out.patch(at, size as u32);
                }
            }
            budget = budget.saturating_sub(1);
            if budget == 0 && !self.jobs.is_empty() {
                return false;
            }
        }
        true
    }

    #[inline]
    fn term(&mut self, t: Term) {
        if !self.leaf(t) {
            self.compound(t);
        }
    }
    fn u16(&mut self, n: usize) {
        self.out.put(&(n as u16).to_be_bytes());
    }
    fn u32(&mut self, n: usize) {
        self.out.put(&(n as u32).to_be_bytes());
    }

    /// Writes a term without parts; `false` if it is another.
    #[inline]
    fn leaf(&mut self, t: Term) -> bool {
        if let Some(n) = t.as_small() {
            self.integer(n);
        } else if t.is_atom() {
            self.atom(t);
        } else if t.is_nil() {
            self.out.byte(tag::NIL);
        } else {
            return false;
        }
        true
    }
    fn integer(&mut self, n: i64) {
        if let Ok(b) = u8::try_from(n) {
            self.out.put(&[tag::SMALL_INTEGER, b]);
        } else if let Ok(i) = i32::try_from(n) {
            self.out.byte(tag::INTEGER);
            self.out.put(&i.to_be_bytes());
        } else {
            self.big(n < 0, &[n.unsigned_abs()]);
        }
    }
    fn big(&mut self, negative: bool, limbs: &[u64]) {
        let top = limbs.last().copied().unwrap_or(0);
        let n = limbs.len() * 8 - top.leading_zeros() as usize / 8;
        if n <= 255 {
            self.out.put(&[tag::SMALL_BIG, n as u8, u8::from(negative)]);
        } else {
            self.out.byte(tag::LARGE_BIG);
            self.u32(n);
            self.out.byte(u8::from(negative));
        }
        for (i, limb) in limbs.iter().enumerate() {
            self.out.put(&limb.to_le_bytes()[..(n - 8 * i).min(8)]);
        }
    }
    fn atom(&mut self, t: Term) {
        if let Some(i) = self.atoms.as_mut().and_then(|a| a.number(t)) {
            return self.out.put(&[tag::ATOM_CACHE_REF, i]);
        }
        let text = atom::text(t);
        if self.options.minor_version < 2 && self.options.local.is_none() && text.chars().all(|c| (c as u32) < 256) {
            self.out.byte(tag::ATOM);
            self.u16(text.chars().count());
            if text.is_ascii() {
                self.out.put(text.as_bytes());
            } else {
                text.chars().for_each(|c| self.out.byte(c as u32 as u8));
            }
            return;
        }
        if text.len() < 256 {
            self.out.put(&[tag::SMALL_ATOM_UTF8, text.len() as u8]);
        } else {
            self.out.byte(tag::ATOM_UTF8);
            self.u16(text.len());
        }
        self.out.put(text.as_bytes());
    }
    /// Name of a node; `None` is ours.
    fn node(&mut self, name: Option<Term>) {
        match name {
            Some(name) => self.atom(name),
            None if self.options.local.is_some() => self.out.byte(tag::NIL),
            None => self.atom(self.options.node.name),
        }
    }
    fn creation(&mut self, creation: Option<u32>) {
        let own = if self.options.local.is_some() { 0 } else { self.options.node.creation };
        self.out.put(&creation.unwrap_or(own).to_be_bytes());
    }

    fn compound(&mut self, t: Term) {
        if t.is_cons() {
            return self.list(t);
        }
        if t.is_pid() {
            let (node, number, serial) = match t.as_ext_pid() {
                Some((node, number, serial)) => (Some(node), number, serial),
                None => (None, t.pid_number(), t.pid_serial()),
            };
            self.out.byte(tag::NEW_PID);
            self.node(node.map(|n| n.name));
            self.u32(number as usize);
            self.u32(serial as usize);
            return self.creation(node.map(|n| n.creation));
        }
        if t.is_port() {
            let (node, number) = match t.as_ext_port() {
                Some((node, number)) => (Some(node), number),
                None => (None, t.port_id()),
            };
            let old = self.options.old_ports && number < 1 << 28;
            self.out.byte(if old { tag::NEW_PORT } else { tag::V4_PORT });
            self.node(node.map(|n| n.name));
            if old {
                self.u32(number as usize);
            } else {
                self.out.put(&number.to_be_bytes());
            }
            return self.creation(node.map(|n| n.creation));
        }
        let Some(kind) = t.kind() else {
            // Only marks of the machine are left; they are no terms.
            return self.out.byte(tag::NIL);
        };
        match kind {
            Kind::Tuple => {
                let elements = t.as_tuple().unwrap_or(&[]);
                if elements.len() < 256 {
                    self.out.put(&[tag::SMALL_TUPLE, elements.len() as u8]);
                } else {
                    self.out.byte(tag::LARGE_TUPLE);
                    self.u32(elements.len());
                }
                self.jobs.push(Job::Terms(elements));
            }
            Kind::FlatMap | Kind::HashMap => self.map(t),
            Kind::Float => self.float(t.as_float().unwrap_or(0.0)),
            Kind::PosBig | Kind::NegBig => {
                if let Some((negative, limbs)) = t.as_big() {
                    self.big(negative, limbs);
                }
            }
            Kind::HeapBits | Kind::BinRef | Kind::SubBits => self.bits(t),
            Kind::Ref | Kind::MagicRef | Kind::ExtRef => {
                let (node, words) = reference::node_and_words(t);
                self.out.byte(tag::NEWER_REFERENCE);
                self.u16(words.len());
                self.node(node.map(|n| n.name));
                self.creation(node.map(|n| n.creation));
                words.iter().for_each(|w| self.out.put(&w.to_be_bytes()));
            }
            Kind::ExportFun => {
                if let Some(e) = t.as_export_fun() {
                    self.out.byte(tag::EXPORT);
                    self.atom(e.module);
                    self.atom(e.function);
                    self.integer(i64::from(e.arity));
                }
            }
            Kind::Fun => self.fun(t),
            Kind::Record => self.record(t),
            // The first two are dealt with above; the others are no terms of their own.
            Kind::ExtPid | Kind::ExtPort | Kind::MatchContext | Kind::HashNode | Kind::HashCollision => self.out.byte(tag::NIL),
        }
    }
    fn float(&mut self, f: f64) {
        if self.options.minor_version > 0 || self.options.local.is_some() {
            self.out.byte(tag::NEW_FLOAT);
            return self.out.put(&f.to_bits().to_be_bytes());
        }
        let text = num::float::to_text(f, num::float::DEFAULT).unwrap_or_default();
        self.out.byte(tag::FLOAT);
        self.out.put(&text);
        (text.len()..tag::FLOAT_TEXT).for_each(|_| self.out.byte(0));
    }
    fn list(&mut self, list: Term) {
        let (mut n, mut bytes) = (0, true);
        let mut it = list.iter();
        for t in it.by_ref() {
            n += 1;
            bytes = bytes && t.to::<u8>().is_some();
        }
        if bytes && n <= tag::STRING_MAX && it.rest().is_nil() {
            self.out.byte(tag::STRING);
            self.u16(n);
            self.out.room(n, |room| {
                for (to, t) in room.iter_mut().zip(list.iter()) {
                    *to = t.small_value() as u8;
                }
            });
            return;
        }
        self.out.byte(tag::LIST);
        self.u32(n);
        self.jobs.push(Job::List(list));
    }
    fn bits(&mut self, t: Term) {
        let Some(bits) = t.bits() else { return };
        let n = bits.len.div_ceil(8);
        let odd = bits.len % 8;
        if u32::try_from(n).is_err() {
            self.too_large = true;
            self.jobs.clear();
            return;
        }
        self.out.byte(if odd == 0 { tag::BINARY } else { tag::BIT_BINARY });
        self.u32(n);
        if odd != 0 {
            self.out.byte(odd as u8);
        }
        match bits.as_bytes() {
            Some(b) => self.out.put(b),
            None => self.out.room(n, |room| bits.copy_to(room, 0)),
        }
    }
    fn map(&mut self, t: Term) {
        self.out.byte(tag::MAP);
        self.u32(map::size(t));
        match t.flat_map() {
            Some((keys, values)) => self.jobs.push(Job::Flat(keys, values)),
            None if self.options.deterministic => {
                let mut pairs: Vec<(Term, Term)> = map::Iter::new(t).collect();
                pairs.sort_by(|a, b| term::cmp::cmp_exact(b.0, a.0));
                self.jobs.push(Job::Pairs(pairs));
            }
            None => self.jobs.push(Job::Trie(Box::new(map::Iter::new(t)))),
        }
    }
    fn fun(&mut self, t: Term) {
        let Some((e, env)) = t.as_local_fun() else { return };
        self.out.byte(tag::NEW_FUN);
        self.jobs.push(Job::FunEnd(self.out.len()));
        self.u32(0);
        self.out.byte(e.arity);
        self.out.put(&e.uniq);
        self.u32(e.index as usize);
        self.u32(env.len());
        self.atom(e.module);
        self.integer(i64::from(e.old_index));
        self.integer(i64::from(e.old_uniq));
        let pid = self.options.fun_pid;
        self.term(pid);
        self.jobs.push(Job::Terms(env));
    }
    fn record(&mut self, t: Term) {
        let Some((definition, values)) = t.as_record() else { return };
        let Some([module, name, exported, names]) = definition.as_tuple_n() else { return };
        self.out.byte(tag::RECORD);
        self.u32(values.len());
        self.out.byte(u8::from(exported.as_bool() == Some(true)));
        self.atom(*module);
        self.atom(*name);
        match names.as_tuple() {
            Some(names) => names.iter().for_each(|n| self.atom(*n)),
            None => names.iter().for_each(|n| self.atom(n)),
        }
        self.jobs.push(Job::Terms(values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use term::Alloc;
    use term::binary::Binary;

    #[test]
    fn what_a_length_of_32_bits_cannot_say_is_not_written() {
        let node = NodeId { name: atom::intern("nonode@nohost"), creation: 0 };
        let options = Options { minor_version: 2, deterministic: false, local: None, node, old_ports: false, fun_pid: Term::NIL };
        // Room that nobody touches takes no memory.
        let a = &mut Alloc::new();
        let bytes = (1usize << 32) + 1;
        let huge = a.bin_ref(Binary::with_capacity(bytes, 0), bytes * 8);
        let list = a.list(&[Term::small(1), huge, Term::small(2)]);
        for t in [huge, list] {
            let mut e = Encoder::<Growing>::new(t, &options);
            while !e.run(1) {}
            assert!(e.too_large() && e.finish().len() < 100);
        }
        let most = a.bin_ref(Binary::with_capacity(bytes - 2, 0), (bytes - 2) * 8);
        let mut e = Encoder::<Count>::new(most, &options);
        while !e.run(1) {}
        assert!(!e.too_large());
        assert_eq!(e.finish().0, 1 + 5 + bytes - 2);
    }
}
