//! `erlang:phash2/1,2`: a hash that programs store and send, so that its bits may never change.
//!
//! # The algorithm
//! One word of state, `h`, starts at 0 and passes through every part of the term; the hash is its last value. The step is
//! Bob Jenkins' [`mix`] of `(c + x, c + y, h)`, which keeps the third word; the constant `c` is a multiple of the golden
//! ratio and says what kind of thing `x` and `y` are ([`step`], and [`constant`] for the multiples).
//!
//! | term | step |
//! |---|---|
//! | integer within -2^27 .. 2^27-1 | `x` = the value, constant 1; a negative one first its absolute value too |
//! | other integer | each 64 bits of the magnitude, lowest first: `x` = low half, `y` = high half; constant 10 if negative, else 11 |
//! | float | `x` = high half of the bits, `y` = low half, constant 12; -0.0 counts as 0.0 |
//! | atom | if `h` is 0 it becomes the [`atom_value`], else `x` = that, constant 3 |
//! | `[]` | if `h` is 0 it becomes 3468870702, else `x` = 2, constant 2 |
//! | list | bytes (integers 0..255) at its front are taken four at a time, the first highest, constant 4 (the last group may have fewer); then, if an element that is no byte follows, that element and the rest of the list as a term of its own, else the tail as a term |
//! | tuple | `x` = arity, constant 9; then the elements in order |
//! | map | `x` = size, constant 16; unless empty: each pair is hashed from 0, key then value, and all are xored, in any order; then `x` = that, constant 19 |
//! | bit string | `h` + constant 13 is the start value; that alone if empty; else the [`Block`] hash of the whole bytes, then for `n` bits left over `x` = n, `y` = their value, constant 15 |
//! | pid | `x` = its number (the serial and the node do not count), constant 5 |
//! | port | `x` and `y` = low and high half of its number, constant 6 |
//! | reference | `x` = its first word (in the external format: the first of the id words), constant 7 |
//! | local fun | `x` = number of free variables, `y` = atom value of the module, constant 1; `x` = index, `y` = old unique number, constant 1; then the free variables in order |
//! | external fun | `x` = arity, `y` = atom value of the module, constant 1; `x` = atom value of the function, constant 14 |
//!
//! `phash2(T)` is the lowest 27 bits; `phash2(T, Range)` the remainder, 2^32 meaning all bits ([`in_range`]).
//!
//! [`hash`] walks any kind of tree through [`Source`], without recursion; the functions per kind are there for fast paths.
//! Not here: yielding in the middle of a long walk.

use crate::int::Int;

/// The golden ratio of 2^32; every constant is a multiple of it.
const GOLDEN: u32 = 0x9e37_79b9;
/// What `[]` alone hashes to.
const NIL: u32 = 3_468_870_702;
/// What stands for `[]` after something else.
const NIL_KIND: u32 = 2;

/// The constant of a kind: `n` times the golden ratio.
#[inline]
pub const fn constant(n: u32) -> u32 {
    GOLDEN.wrapping_mul(n)
}

/// Jenkins' mix of three words.
#[inline]
pub fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    macro_rules! round {
        ($left:literal, $up:literal, $right:literal) => {
            a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> $left);
            b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << $up);
            c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> $right);
        };
    }
    round!(13, 8, 13);
    round!(12, 16, 5);
    round!(3, 10, 15);
    (a, b, c)
}

/// The state after two words of kind `n`.
#[inline]
pub fn step(h: u32, x: u32, y: u32, n: u32) -> u32 {
    let c = constant(n);
    mix(c.wrapping_add(x), c.wrapping_add(y), h).2
}

/// An integer that fits 64 bits, be it a small one or not.
#[inline]
pub fn small(h: u32, value: i64) -> u32 {
    if (-(1 << 27)..1 << 27).contains(&value) {
        let value = value as i32;
        let h = if value < 0 {
            step(h, value.unsigned_abs(), 0, 1)
        } else {
            h
        };
        step(h, value as u32, 0, 1)
    } else {
        limb(h, value < 0, value.unsigned_abs())
    }
}

/// An integer of any size.
pub fn integer(h: u32, value: Int<'_>) -> u32 {
    match value.to_i64() {
        Some(value) => small(h, value),
        None => value.mag.iter().fold(h, |h, &m| limb(h, value.neg, m)),
    }
}

#[inline]
fn limb(h: u32, neg: bool, m: u64) -> u32 {
    step(h, m as u32, (m >> 32) as u32, if neg { 10 } else { 11 })
}

/// A float.
#[inline]
pub fn float(h: u32, f: f64) -> u32 {
    let bits = if f == 0.0 { 0 } else { f.to_bits() };
    step(h, (bits >> 32) as u32, bits as u32, 12)
}

/// The hash value of an atom's name (UTF-8): one number per atom, best kept in the atom table. It is the old shift-and-xor
/// hash of symbol tables over code points below 256 and over the bytes of all others.
pub fn atom_value(name: &[u8]) -> u32 {
    let mut h: u32 = 0;
    let mut rest = name;
    while let [c, tail @ ..] = rest {
        rest = tail;
        let mut v = *c as u32;
        if v & 0xfe == 0xc2
            && let [next, tail @ ..] = rest
            && next & 0xc0 == 0x80
        {
            v = (v << 6 | (next & 0x3f) as u32) & 0xff;
            rest = tail;
        }
        h = (h << 4).wrapping_add(v);
        let top = h & 0xf000_0000;
        h ^= top >> 24;
        h ^= top;
    }
    h
}

/// An atom by its [`atom_value`].
#[inline]
pub fn atom(h: u32, value: u32) -> u32 {
    if h == 0 { value } else { step(h, value, 0, 3) }
}

/// `[]`, as a term or as the end of a list.
#[inline]
pub fn nil(h: u32) -> u32 {
    if h == 0 { NIL } else { step(h, NIL_KIND, 0, 2) }
}

/// The bytes at the front of a list, on their way into the state.
#[derive(Clone, Copy, Default)]
pub struct ListBytes {
    group: u32,
    count: u32,
}

impl ListBytes {
    #[inline]
    pub fn byte(&mut self, h: u32, byte: u8) -> u32 {
        self.group = self.group << 8 | byte as u32;
        self.count += 1;
        if self.count == 4 { self.end(h) } else { h }
    }

    /// When an element that is no byte, or the tail, has come.
    #[inline]
    pub fn end(&mut self, h: u32) -> u32 {
        if self.count == 0 {
            return h;
        }
        let group = self.group;
        *self = ListBytes::default();
        step(h, group, 0, 4)
    }
}

/// A tuple, before its elements.
#[inline]
pub fn tuple(h: u32, arity: usize) -> u32 {
    step(h, arity as u32, 0, 9)
}

/// A map, before its pairs (and all of an empty one).
#[inline]
pub fn map(h: u32, size: usize) -> u32 {
    step(h, size as u32, 0, 16)
}

/// A map that is not empty, after its pairs: `h` is the state that [`map`] gave, `pairs` the xor of their hashes.
#[inline]
pub fn map_end(h: u32, pairs: u32) -> u32 {
    step(h, pairs, 0, 19)
}

/// A pid by its number, the first of the two in its text.
#[inline]
pub fn pid(h: u32, number: u32) -> u32 {
    step(h, number, 0, 5)
}

/// A port by its number.
#[inline]
pub fn port(h: u32, number: u64) -> u32 {
    step(h, number as u32, (number >> 32) as u32, 6)
}

/// A reference by its first word.
#[inline]
pub fn reference(h: u32, first: u32) -> u32 {
    step(h, first, 0, 7)
}

/// A local fun, before its free variables.
pub fn local_fun(h: u32, free: usize, module: u32, index: u32, old_unique: u32) -> u32 {
    step(step(h, free as u32, module, 1), index, old_unique, 1)
}

/// An external fun; `module` and `function` are atom values.
pub fn external_fun(h: u32, module: u32, function: u32, arity: u32) -> u32 {
    step(step(h, arity, module, 1), function, 0, 14)
}

/// A bit string: `bytes` has the whole bytes and then, when `bits` (0..=7) are left over, one byte with them at its top.
pub fn binary(h: u32, bytes: &[u8], bits: u8) -> u32 {
    let bits = bits.min(7) as u32;
    let (whole, last) = match bytes {
        [whole @ .., last] if bits > 0 => (whole, *last),
        _ => (bytes, 0),
    };
    let mut block = Block::new(h);
    let (even, odd) = whole.split_at(whole.len() - whole.len() % Block::STEP);
    block.feed(even);
    block.finish(odd, whole.len() as u64, bits, last)
}

/// The hash of a bit string's bytes in pieces, for those that do not lie at a byte boundary or are too long for one go.
#[derive(Clone, Copy)]
pub struct Block {
    a: u32,
    b: u32,
    c: u32,
    start: u32,
}

impl Block {
    /// Every piece but the last must be a multiple of this.
    pub const STEP: usize = 12;

    pub fn new(h: u32) -> Block {
        let start = constant(13).wrapping_add(h);
        Block {
            a: GOLDEN,
            b: GOLDEN,
            c: start,
            start,
        }
    }

    /// Takes whole groups of [`Block::STEP`] bytes; a rest would be ignored.
    pub fn feed(&mut self, bytes: &[u8]) {
        for group in bytes.as_chunks::<{ Block::STEP }>().0 {
            let [a, b, c] = words(group);
            self.a = self.a.wrapping_add(a);
            self.b = self.b.wrapping_add(b);
            self.c = self.c.wrapping_add(c);
            (self.a, self.b, self.c) = mix(self.a, self.b, self.c);
        }
    }

    /// The state after the bit string: `odd` are the fewer than [`Block::STEP`] bytes that were not fed, `len` all whole
    /// bytes, and `last` has `bits` more bits at its top.
    pub fn finish(mut self, odd: &[u8], len: u64, bits: u32, last: u8) -> u32 {
        if len == 0 && bits == 0 {
            return self.start;
        }
        let mut group = [0; Block::STEP];
        let odd = &odd[..odd.len().min(Block::STEP - 1)];
        group[..odd.len()].copy_from_slice(odd);
        let [a, b, c] = words(&group);
        self.a = self.a.wrapping_add(a);
        self.b = self.b.wrapping_add(b);
        // The lowest byte of the third word belongs to the length.
        self.c = self.c.wrapping_add(c << 8).wrapping_add(len as u32);
        let h = mix(self.a, self.b, self.c).2;
        match bits {
            1..=7 => step(h, bits, (last >> (8 - bits)) as u32, 15),
            _ => h,
        }
    }
}

fn words(group: &[u8; Block::STEP]) -> [u32; 3] {
    let word = |i: usize| u32::from_le_bytes([group[i], group[i + 1], group[i + 2], group[i + 3]]);
    [word(0), word(4), word(8)]
}

/// `phash2(T)` from the state.
#[inline]
pub fn default_range(h: u32) -> u32 {
    h & ((1 << 27) - 1)
}

/// `phash2(T, Range)` from the state, for a range of 1 to 2^32.
#[inline]
pub fn in_range(h: u32, range: u64) -> u32 {
    match range {
        0 => 0,
        r => (h as u64 % r) as u32,
    }
}

/// What a term is, as the hashes see it. Atoms are their [`atom_value`]s.
pub enum View<'a, T> {
    Nil,
    Atom(u32),
    /// An integer of at most 64 bits.
    Small(i64),
    Integer(Int<'a>),
    Float(f64),
    /// Head and tail.
    Cons(T, T),
    /// The arity; the elements come from [`Source::element`].
    Tuple(usize),
    /// The size; the pairs come from [`Source::pairs`].
    Map(usize),
    /// As the arguments of [`binary`].
    Binary(&'a [u8], u8),
    /// The same for one that had to be moved to a byte boundary.
    OwnBinary(Vec<u8>, u8),
    Pid(u32),
    Port(u64),
    Reference(u32),
    /// The free variables come from [`Source::element`].
    LocalFun {
        free: usize,
        module: u32,
        index: u32,
        old_unique: u32,
    },
    ExternalFun {
        module: u32,
        function: u32,
        arity: u32,
    },
}

/// A way to look at terms; what [`hash`] and `phash` walk.
pub trait Source {
    type Term: Copy;
    /// What the term is.
    fn view(&self, term: Self::Term) -> View<'_, Self::Term>;
    /// Element `index` (from 0) of a tuple, or free variable of a local fun.
    fn element(&self, term: Self::Term, index: usize) -> Self::Term;
    /// Shows each key and value of a map, in any order.
    fn pairs(&self, term: Self::Term, show: &mut dyn FnMut(Self::Term, Self::Term));
    /// The value of an integer 0..=255; a fast answer of the walk through strings.
    fn byte(&self, term: Self::Term) -> Option<u8> {
        match self.view(term) {
            View::Small(n) => u8::try_from(n).ok(),
            _ => None,
        }
    }
}

/// What is left to do after the term at hand.
enum Next<T> {
    Term(T),
    /// Elements from the index on.
    Elements(T, usize, usize),
    PairEnd,
    MapEnd {
        h: u32,
        pairs: u32,
    },
}

/// The full 32-bit hash of a term.
pub fn hash<S: Source>(source: &S, term: S::Term) -> u32 {
    let mut h = 0;
    let mut pairs = 0;
    // Most terms are shallow: no allocation for them.
    let mut left: smallvec::SmallVec<[Next<S::Term>; 8]> = smallvec::SmallVec::new();
    let mut term = term;
    loop {
        match source.view(term) {
            View::Nil => h = nil(h),
            View::Atom(value) => h = atom(h, value),
            View::Small(value) => h = small(h, value),
            View::Integer(value) => h = integer(h, value),
            View::Float(f) => h = float(h, f),
            View::Binary(bytes, bits) => h = binary(h, bytes, bits),
            View::OwnBinary(bytes, bits) => h = binary(h, &bytes, bits),
            View::Pid(number) => h = pid(h, number),
            View::Port(number) => h = port(h, number),
            View::Reference(first) => h = reference(h, first),
            View::ExternalFun {
                module,
                function,
                arity,
            } => h = external_fun(h, module, function, arity),
            View::Cons(mut head, mut tail) => {
                let mut run = ListBytes::default();
                loop {
                    let Some(byte) = source.byte(head) else {
                        h = run.end(h);
                        left.push(Next::Term(tail));
                        term = head;
                        break;
                    };
                    h = run.byte(h, byte);
                    if let View::Cons(next, rest) = source.view(tail) {
                        (head, tail) = (next, rest);
                    } else {
                        h = run.end(h);
                        term = tail;
                        break;
                    }
                }
                continue;
            }
            View::Tuple(arity) => {
                h = tuple(h, arity);
                left.push(Next::Elements(term, 0, arity));
            }
            View::LocalFun {
                free,
                module,
                index,
                old_unique,
            } => {
                h = local_fun(h, free, module, index, old_unique);
                left.push(Next::Elements(term, 0, free));
            }
            View::Map(size) => {
                h = map(h, size);
                if size > 0 {
                    left.push(Next::MapEnd { h, pairs });
                    source.pairs(term, &mut |key, value| {
                        left.push(Next::PairEnd);
                        left.push(Next::Term(value));
                        left.push(Next::Term(key));
                    });
                    h = 0;
                    pairs = 0;
                }
            }
        }
        term = loop {
            match left.pop() {
                None => return h,
                Some(Next::Term(next)) => break next,
                Some(Next::Elements(_, at, end)) if at >= end => {}
                Some(Next::Elements(whole, at, end)) => {
                    if at + 1 < end {
                        left.push(Next::Elements(whole, at + 1, end));
                    }
                    break source.element(whole, at);
                }
                Some(Next::PairEnd) => {
                    pairs ^= h;
                    h = 0;
                }
                Some(Next::MapEnd {
                    h: before,
                    pairs: outer,
                }) => {
                    h = map_end(before, pairs);
                    pairs = outer;
                }
            }
        };
    }
}
