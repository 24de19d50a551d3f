//! Operands of generic instructions, and what the table says about each.

/// A major release of OTP, such as `Release(27)`: whose libraries run, and so whose loader's rules hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Release(pub u8);

impl Release {
    pub const OTP25: Release = Release(25);
    pub const OTP27: Release = Release(27);
    pub const OTP29: Release = Release(29);
}

/// What an operand may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A plain number (count, arity, offset, unit).
    U,
    /// The label that a `label` instruction defines.
    LabelDef,
    /// A label to jump to; never 0.
    Label,
    /// The entry label of a function that is called.
    Entry,
    /// A label to jump to, or 0: raise instead.
    Fail,
    /// A label (never 0), or one of the atoms `no_fail` and `resume`.
    LabelOrAtom,
    /// Any value: register, atom, integer, nil or literal.
    Src,
    /// A plain number or a value.
    SizeOrSrc,
    /// An X or Y register that is read.
    Reg,
    /// An X or Y register that is written.
    Dst,
    /// A Y register.
    YReg,
    /// A float register.
    FloatReg,
    /// A float register or any value.
    FloatSrc,
    /// A float register, or an X or Y register that is written.
    FloatDst,
    /// An atom.
    Atom,
    /// Number of live X registers.
    Live,
    /// Heap words: a number, or an allocation list.
    Alloc,
    /// Index into the import table.
    Import,
    /// Index into the fun table.
    Fun,
    /// `call_fun2`'s tag: index into the fun table, or one of the atoms `safe` and `unsafe`.
    FunTag,
    /// Index into the line table.
    Line,
    /// Field flags of bit syntax, as a number of bits.
    Flags,
    /// A list of operands.
    List,
    /// Only in rows that no supported loader accepts.
    Any,
}

/// A decoded operand. `List` and `BigInt` refer to tables of the code that holds the operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    U(u64),
    Int(i64),
    /// An integer beyond 64 bits: index into the code's table of big integers.
    BigInt(u32),
    /// Index into the atom table, from 1.
    Atom(u32),
    Nil,
    X(u16),
    Y(u16),
    FloatReg(u16),
    /// Label number; 0 means none.
    Label(u32),
    /// Index into the literal table.
    Literal(u32),
    Char(u32),
    /// A range of the code's arena of operands.
    List {
        start: u32,
        len: u32,
    },
    /// An allocation list.
    Alloc {
        words: u32,
        floats: u32,
        funs: u32,
    },
}

const _: () = assert!(size_of::<Arg>() == 16, "the arena of operands is walked at each load");

impl Arg {
    /// The number of a `U` operand (and of nothing else).
    #[inline]
    pub fn as_u(self) -> Option<u64> {
        match self {
            Arg::U(n) => Some(n),
            _ => None,
        }
    }

    /// The label's number, unless it is 0.
    #[inline]
    pub fn as_label(self) -> Option<u32> {
        match self {
            Arg::Label(n) if n != 0 => Some(n),
            _ => None,
        }
    }

    /// Is it an X or Y register?
    #[inline]
    pub fn is_register(self) -> bool {
        matches!(self, Arg::X(_) | Arg::Y(_))
    }
}
