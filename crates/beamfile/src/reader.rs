//! A cursor over bytes: fixed-size numbers, and the compact terms of instructions and tables.

use isa::Arg;

use crate::error::Fault;

#[derive(Clone)]
pub(crate) struct Reader<'a> {
    pub data: &'a [u8],
    pub pos: usize,
}

/// An integer as the file has it: small, or the bytes of a larger one.
pub(crate) enum Value<'a> {
    Small(i64),
    /// Two's complement, big-endian, more than eight significant bytes.
    Large(&'a [u8]),
}

pub(crate) const TAG_U: u8 = 0;
pub(crate) const TAG_I: u8 = 1;
pub(crate) const TAG_A: u8 = 2;

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, pos: 0 }
    }

    pub fn left(&self) -> usize {
        self.data.len() - self.pos
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8, Fault> {
        let byte = *self.data.get(self.pos).ok_or(Fault::Ended)?;
        self.pos += 1;
        Ok(byte)
    }

    #[inline]
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let end = self.pos.checked_add(n).ok_or(Fault::Ended)?;
        let bytes = self.data.get(self.pos..end).ok_or(Fault::Ended)?;
        self.pos = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.data.get(self.pos..).and_then(|rest| rest.first_chunk()).ok_or(Fault::Ended)?;
        self.pos += N;
        Ok(*bytes)
    }

    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, Fault> {
        self.array().map(i64::from_be_bytes)
    }

    /// A count of items of at least `size` bytes each: refused when the rest cannot hold them, before room is made.
    pub fn count(&mut self, size: usize) -> Result<usize, Fault> {
        let n = self.u32()?;
        self.fits(n.into(), size)
    }

    pub fn fits(&self, n: u64, size: usize) -> Result<usize, Fault> {
        if n > (self.left() / size) as u64 { Err(Fault::Count(n)) } else { Ok(n as usize) }
    }

    /// The value of a compact term whose first byte was `first` and whose tag is not `z`.
    #[inline]
    pub fn value(&mut self, first: u8) -> Result<Value<'a>, Fault> {
        if first & 0x08 == 0 {
            Ok(Value::Small((first >> 4).into()))
        } else if first & 0x10 == 0 {
            let low = self.u8()?;
            Ok(Value::Small((i64::from(first & 0xE0) << 3) | i64::from(low)))
        } else {
            self.long_value(first)
        }
    }

    #[cold]
    fn long_value(&mut self, first: u8) -> Result<Value<'a>, Fault> {
        let n = match first >> 5 {
            7 => {
                let size = self.u8()?;
                if size & 7 != TAG_U {
                    return Err(Fault::Tag(size));
                }
                // The size of a size of a size cannot be: only one more level is read.
                match self.plain_size(size)?.checked_add(9) {
                    Some(n) => n,
                    None => return Err(Fault::TooLarge),
                }
            }
            n => usize::from(n) + 2,
        };
        let mut bytes = self.bytes(n)?;
        // Only the bytes that count: a sign byte may stand in front of a number that needs none.
        while let [a @ (0 | 0xFF), b, ..] = bytes
            && (a ^ b) & 0x80 == 0
        {
            bytes = &bytes[1..];
        }
        if bytes.len() > 8 {
            return Ok(Value::Large(bytes));
        }
        let mut value = if bytes[0] & 0x80 == 0 { 0i64 } else { -1 };
        for &byte in bytes {
            value = (value << 8) | i64::from(byte);
        }
        Ok(Value::Small(value))
    }

    fn plain_size(&mut self, first: u8) -> Result<usize, Fault> {
        let value = if first & 0x08 == 0 {
            (first >> 4).into()
        } else if first & 0x10 == 0 {
            (u64::from(first & 0xE0) << 3) | u64::from(self.u8()?)
        } else {
            let n = usize::from(first >> 5) + 2;
            if n > 8 {
                return Err(Fault::TooLarge);
            }
            self.bytes(n)?.iter().fold(0, |value, &byte| (value << 8) | u64::from(byte))
        };
        usize::try_from(value).map_err(|_| Fault::TooLarge)
    }

    /// A non-negative value of at most 32 bits.
    #[inline]
    pub fn small(&mut self, first: u8) -> Result<u32, Fault> {
        match self.value(first)? {
            Value::Small(n) => match u32::try_from(n) {
                Ok(n) => Ok(n),
                Err(_) if n < 0 => Err(Fault::Negative),
                Err(_) => Err(Fault::TooLarge),
            },
            Value::Large(_) => Err(Fault::TooLarge),
        }
    }

    /// A whole compact `u` term.
    #[inline]
    pub fn u_term(&mut self) -> Result<u32, Fault> {
        let first = self.u8()?;
        if first & 7 != TAG_U {
            return Err(Fault::Tag(first));
        }
        self.small(first)
    }
}

/// Where the parts of operands that do not fit in an [`Arg`] go.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Arena {
    pub args: Vec<Arg>,
    pub bigs: Vec<Big>,
    /// Integers that may be too large for a word with a tag.
    pub wide: Vec<Arg>,
    /// Position in `args` and type index of each typed register, in the order of positions unless lists intervene.
    pub types: Vec<(u32, u32)>,
}

/// Absolute values from which on an integer is noted as wide.
const WIDE: u64 = 1 << 58;

/// An integer beyond 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big {
    pub negative: bool,
    /// Big-endian bytes of the absolute value, the first not 0.
    pub magnitude: Box<[u8]>,
}

impl Big {
    fn from_signed(bytes: &[u8]) -> Big {
        let negative = bytes[0] & 0x80 != 0;
        let mut magnitude = bytes.to_vec();
        if negative {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                let (value, over) = (!*byte).overflowing_add(carry.into());
                (*byte, carry) = (value, over);
            }
            if carry {
                magnitude.insert(0, 1);
            }
        }
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        Big { negative, magnitude: magnitude[zeros..].into() }
    }
}

impl Arena {
    /// Reads one operand into `args[at]`.
    #[inline]
    pub fn read(&mut self, r: &mut Reader<'_>, at: usize) -> Result<(), Fault> {
        let first = r.u8()?;
        self.args[at] = match first & 7 {
            3 => Arg::X(register(r, first)?),
            4 => Arg::Y(register(r, first)?),
            5 => Arg::Label(r.small(first)?),
            2 => match r.small(first)? {
                0 => Arg::Nil,
                n => Arg::Atom(n),
            },
            0 => match r.value(first)? {
                Value::Small(n) => Arg::U(u64::try_from(n).map_err(|_| Fault::Negative)?),
                // Compilers write sizes of bit strings that none can have: the largest number says as much.
                Value::Large(bytes) if bytes.first().is_some_and(|&b| b < 0x80) => Arg::U(i64::MAX as u64),
                Value::Large(_) => return Err(Fault::Negative),
            },
            1 => match r.value(first)? {
                Value::Small(n) => {
                    if n.unsigned_abs() >= WIDE {
                        self.wide.push(Arg::Int(n));
                    }
                    Arg::Int(n)
                }
                Value::Large(bytes) => {
                    self.bigs.push(Big::from_signed(bytes));
                    let big = Arg::BigInt(self.bigs.len() as u32 - 1);
                    self.wide.push(big);
                    big
                }
            },
            6 => Arg::Char(r.small(first)?),
            _ => return self.extended(r, first, at, true),
        };
        Ok(())
    }

    fn extended(&mut self, r: &mut Reader<'_>, first: u8, at: usize, lists: bool) -> Result<(), Fault> {
        self.args[at] = match first >> 4 {
            1 if first & 8 == 0 => {
                if !lists {
                    return Err(Fault::NestedList);
                }
                let n = r.u_term()?;
                let len = r.fits(n.into(), 1)?;
                let start = self.args.len();
                self.args.resize(start + len, Arg::Nil);
                for i in start..start + len {
                    // An item is read like any operand, except that it is no list.
                    match r.data.get(r.pos) {
                        Some(&byte) if byte & 7 == 7 => {
                            r.pos += 1;
                            self.extended(r, byte, i, false)?;
                        }
                        _ => self.read(r, i)?,
                    }
                }
                Arg::List { start: start as u32, len: n }
            }
            2 if first & 8 == 0 => Arg::FloatReg(u16::try_from(r.u_term()?).map_err(|_| Fault::TooLarge)?),
            3 if first & 8 == 0 => {
                let (mut words, mut floats, mut funs) = (0, 0, 0);
                for _ in 0..r.u_term()? {
                    let kind = r.u_term()?;
                    let n = r.u_term()?;
                    match kind {
                        0 => words = n,
                        1 => floats = n,
                        2 => funs = n,
                        _ => return Err(Fault::Text("has an allocation list of an unknown kind")),
                    }
                }
                Arg::Alloc { words, floats, funs }
            }
            4 if first & 8 == 0 => Arg::Literal(r.u_term()?),
            5 if first & 8 == 0 => {
                let first = r.u8()?;
                let register = match first & 7 {
                    3 => Arg::X(register(r, first)?),
                    4 => Arg::Y(register(r, first)?),
                    _ => return Err(Fault::Tag(first)),
                };
                self.types.push((at as u32, r.u_term()?));
                register
            }
            _ => return Err(Fault::Tag(first)),
        };
        Ok(())
    }
}

#[inline]
fn register(r: &mut Reader<'_>, first: u8) -> Result<u16, Fault> {
    u16::try_from(r.small(first)?).map_err(|_| Fault::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<(Arg, Arena), Fault> {
        let mut arena = Arena { args: vec![Arg::Nil], ..Arena::default() };
        arena.read(&mut Reader::new(bytes), 0)?;
        Ok((arena.args[0], arena))
    }

    #[test]
    fn compact_terms() {
        assert_eq!(one(&[0x53]).unwrap().0, Arg::X(5));
        assert_eq!(one(&[0x02]).unwrap().0, Arg::Nil);
        assert_eq!(one(&[0x29, 0x10]).unwrap().0, Arg::Int(0x110));
        assert_eq!(one(&[0x19, 0xFF, 0xFE]).unwrap().0, Arg::Int(-2));
        assert_eq!(one(&[0x57, 0x33, 0x20]).unwrap(), one(&[0x57, 0x33, 0x20]).unwrap());
        assert_eq!(one(&[0x57, 0x33, 0x20]).unwrap().1.types, [(0, 2)]);
        assert_eq!(one(&[0x17, 0x20, 0x13, 0x17, 0x00]).err(), Some(Fault::NestedList));
        assert_eq!(one(&[0x18, 0xFF, 0xFE]).err(), Some(Fault::Negative));
        // 9 bytes: 2^64.
        assert_eq!(one(&[0xF8, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().0, Arg::U(i64::MAX as u64));
        assert_eq!(one(&[0xF8, 0x00, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0]).err(), Some(Fault::Negative));
        assert_eq!(one(&[0x19, 0xFF]).err(), Some(Fault::Ended));
        assert_eq!(one(&[0x17, 0xF8, 0x10]).err(), Some(Fault::Ended));
    }

    #[test]
    fn big_integers() {
        // 9 bytes: -(2^64).
        let (arg, arena) = one(&[0xF9, 0x00, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(arg, Arg::BigInt(0));
        assert_eq!(arena.bigs[0], Big { negative: true, magnitude: [1, 0, 0, 0, 0, 0, 0, 0, 0].into() });
        // 9 bytes that fit in eight.
        assert_eq!(one(&[0xF9, 0x00, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0]).unwrap().0, Arg::Int(-(1 << 56)));
        assert_eq!(one(&[0xF9, 0x00, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]).unwrap().1.bigs[0].magnitude[0], 0x80);
    }
}
