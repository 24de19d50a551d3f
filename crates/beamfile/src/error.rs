//! Why a file is refused. To Erlang code every reason here is `badfile`; the message is for people.

use std::fmt;

/// A refused file: what was read, where, and what was found there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The chunk that was read, when it was one.
    pub chunk: Option<[u8; 4]>,
    /// Byte offset in that chunk (in the file, when there is no chunk).
    pub offset: usize,
    /// The function whose code was read, as `name/arity` or `module:name/arity`.
    pub function: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl LoadError {
    /// The atom that `erlang:prepare_loading/2` and `code:load_binary/3` answer.
    pub fn reason(&self) -> &'static str {
        "badfile"
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chunk) = self.chunk {
            write!(f, "chunk \"{}\" ", chunk.escape_ascii())?;
        }
        write!(f, "{}", self.what)?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl std::error::Error for LoadError {}

/// A fault while reading bytes: cheap to make, turned into a [`LoadError`] by whoever knows the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Ended,
    Tag(u8),
    TooLarge,
    Negative,
    NestedList,
    Count(u64),
    UnknownOp(u32),
    ObsoleteOp(isa::Op, u8),
    Text(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Ended => f.write_str("ends too early (file is cut short?)"),
            Fault::Tag(byte) => write!(f, "has an operand of unknown form (byte {byte:#04x})"),
            Fault::TooLarge => f.write_str("has a number that is too large for its place"),
            Fault::Negative => f.write_str("has a negative number where none can be"),
            Fault::NestedList => f.write_str("has a list inside a list"),
            Fault::Count(n) => write!(f, "announces {n} items, more than its bytes can hold"),
            Fault::UnknownOp(n) => write!(f, "has the unknown instruction number {n}"),
            Fault::ObsoleteOp(op, release) => write!(f, "has the instruction {}, which OTP {release} does not accept", op.name()),
            Fault::Text(text) => f.write_str(text),
        }
    }
}

impl Fault {
    pub(crate) fn at(self, chunk: &[u8; 4], offset: usize) -> LoadError {
        LoadError { chunk: Some(*chunk), offset, function: None, what: self.to_string() }
    }
}
