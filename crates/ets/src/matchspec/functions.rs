//! The functions that match specifications may call: which there are, and what they do.

use term::int::{self, ArithError, Rounding};
use term::{Alloc, Term, cmp};

/// An action of a trace's match specification, done by the hooks of whoever runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Message,
    ReturnTrace,
    ExceptionTrace,
    EnableTrace,
    DisableTrace,
    Trace,
    Silent,
    Caller,
    CallerLine,
    CurrentStacktrace,
    ProcessDump,
    Display,
    GetTcw,
    SetTcw,
    GetSeqToken,
    SetSeqToken,
    IsSeqTrace,
}

pub(crate) enum ActionArgs {
    /// A special form with so many.
    Special(&'static [usize]),
    /// A function with so many.
    Function(usize),
}

/// An action by name, the numbers of its arguments, and whether a guard may call it.
pub(crate) fn action(name: &str) -> Option<(Action, ActionArgs, bool)> {
    use ActionArgs::*;
    Some(match name {
        "message" => (Action::Message, Special(&[1]), false),
        "return_trace" => (Action::ReturnTrace, Special(&[0]), false),
        "exception_trace" => (Action::ExceptionTrace, Special(&[0]), false),
        "caller" => (Action::Caller, Special(&[0]), false),
        "caller_line" => (Action::CallerLine, Special(&[0]), false),
        "current_stacktrace" => (Action::CurrentStacktrace, Special(&[0]), false),
        "process_dump" => (Action::ProcessDump, Special(&[0]), false),
        "silent" => (Action::Silent, Special(&[1]), false),
        "display" => (Action::Display, Special(&[1]), false),
        "get_seq_token" => (Action::GetSeqToken, Special(&[0]), false),
        "is_seq_trace" => (Action::IsSeqTrace, Special(&[0]), true),
        "set_seq_token" => (Action::SetSeqToken, Special(&[2]), false),
        "enable_trace" => (Action::EnableTrace, Special(&[1, 2]), false),
        "disable_trace" => (Action::DisableTrace, Special(&[1, 2]), false),
        "trace" => (Action::Trace, Special(&[2, 3]), false),
        "set_tcw" => (Action::SetTcw, Function(1), false),
        "get_tcw" => (Action::GetTcw, Function(0), true),
        _ => return None,
    })
}

macro_rules! functions {
    ($($variant:ident = $name:literal / $arity:literal),* $(,)?) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Function { $($variant),* }
        /// A function by name and arity.
        pub(crate) fn function(name: &str, arity: usize) -> Option<Function> {
            match (name, arity) {
                $(($name, $arity) => Some(Function::$variant),)*
                _ => None,
            }
        }
    };
}

functions! {
    IsAtom = "is_atom" / 1, IsFloat = "is_float" / 1, IsInteger = "is_integer" / 1, IsList = "is_list" / 1,
    IsNumber = "is_number" / 1, IsPid = "is_pid" / 1, IsPort = "is_port" / 1, IsReference = "is_reference" / 1,
    IsTuple = "is_tuple" / 1, IsMap = "is_map" / 1, IsBinary = "is_binary" / 1, IsFunction = "is_function" / 1,
    IsBoolean = "is_boolean" / 1, IsBitstring = "is_bitstring" / 1, IsFunction2 = "is_function" / 2,
    IsInteger3 = "is_integer" / 3,
    IsRecord = "is_record" / 3, IsRecordLoose = "" / 3, IsMapKey = "is_map_key" / 2,
    Abs = "abs" / 1, Element = "element" / 2, Hd = "hd" / 1, Tl = "tl" / 1, Length = "length" / 1, NodeOf = "node" / 1,
    Node = "node" / 0, Round = "round" / 1, Trunc = "trunc" / 1, Float = "float" / 1, Floor = "floor" / 1, Ceil = "ceil" / 1,
    Size = "size" / 1, TupleSize = "tuple_size" / 1, ByteSize = "byte_size" / 1, BitSize = "bit_size" / 1,
    MapSize = "map_size" / 1, MapGet = "map_get" / 2, BinaryPart3 = "binary_part" / 3, BinaryPart2 = "binary_part" / 2,
    SelfPid = "self" / 0, Not = "not" / 1, Xor = "xor" / 2, Max = "max" / 2, Min = "min" / 2,
    Plus1 = "+" / 1, Minus1 = "-" / 1, Plus = "+" / 2, Minus = "-" / 2, Times = "*" / 2, Divide = "/" / 2,
    Div = "div" / 2, Rem = "rem" / 2, Band = "band" / 2, Bor = "bor" / 2, Bxor = "bxor" / 2, Bnot = "bnot" / 1,
    Bsl = "bsl" / 2, Bsr = "bsr" / 2,
    Gt = ">" / 2, Ge = ">=" / 2, Lt = "<" / 2, Le = "=<" / 2, Eq = "==" / 2, Ne = "/=" / 2, EqExact = "=:=" / 2, NeExact = "=/=" / 2,
}

impl Function {
    /// The first release whose match specifications can call it.
    pub(crate) fn since(self) -> u32 {
        use Function::*;
        match self {
            IsBoolean | IsBitstring | IsFunction2 | Floor | Ceil | TupleSize | Max | Min => 26,
            IsInteger3 => 28,
            _ => 0,
        }
    }
    /// The same function as a release means it.
    pub(crate) fn of(self, release: u32) -> Function {
        // A size that is no integer is just not the record's from 28 on.
        if self == Function::IsRecord && release >= 28 { Function::IsRecordLoose } else { self }
    }
}

/// An exception in a guard or body; which one makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

impl From<ArithError> for Failed {
    fn from(_: ArithError) -> Failed {
        Failed
    }
}

fn truth(b: bool) -> Result<Term, Failed> {
    Ok(Term::bool(b))
}

fn rounded(a: &mut Alloc, x: Term, how: Rounding) -> Result<Term, Failed> {
    if x.is_integer() {
        return Ok(x);
    }
    Ok(int::from_f64(a, x.as_float().ok_or(Failed)?, how)?)
}

fn part(a: &mut Alloc, whole: Term, start: Term, len: Term) -> Result<Term, Failed> {
    let (start, len) = (start.as_i64().ok_or(Failed)?, len.as_i64().ok_or(Failed)?);
    let size = whole.bit_size().filter(|_| whole.is_binary()).ok_or(Failed)? as i64 / 8;
    let (from, to) = if len < 0 { (start.checked_add(len).ok_or(Failed)?, start) } else { (start, start.checked_add(len).ok_or(Failed)?) };
    if from < 0 || to > size {
        return Err(Failed);
    }
    Ok(a.sub_bits(whole, from as usize * 8, (to - from) as usize * 8))
}

/// Calls a function. `self` and `node` come from the runner, which does not call this for them.
pub(crate) fn call(f: Function, x: &[Term], a: &mut Alloc) -> Result<Term, Failed> {
    use Function::*;
    let size = |n: Option<usize>| n.map(|n| Term::small(n as i64)).ok_or(Failed);
    let bytes = |t: Term| t.bit_size().map(|n| n.div_ceil(8));
    match f {
        IsAtom => truth(x[0].is_atom()),
        IsFloat => truth(x[0].is_float()),
        IsInteger => truth(x[0].is_integer()),
        IsList => truth(x[0].is_list()),
        IsNumber => truth(x[0].is_number()),
        IsPid => truth(x[0].is_pid()),
        IsPort => truth(x[0].is_port()),
        IsReference => truth(x[0].is_ref()),
        IsTuple => truth(x[0].is_tuple()),
        IsMap => truth(x[0].is_map()),
        IsBinary => truth(x[0].is_binary()),
        IsFunction => truth(x[0].is_fun()),
        IsBoolean => truth(x[0].as_bool().is_some()),
        IsBitstring => truth(x[0].is_bitstring()),
        IsFunction2 => {
            let n = x[1].as_i64().filter(|n| *n >= 0).ok_or(Failed)?;
            truth(x[0].fun_arity().is_some_and(|a| a as i64 == n))
        }
        IsInteger3 => {
            if !x[1].is_integer() || !x[2].is_integer() {
                return Err(Failed);
            }
            truth(x[0].is_integer() && cmp::cmp(x[1], x[0]).is_le() && cmp::cmp(x[0], x[2]).is_le())
        }
        IsRecordLoose => truth(x[0].as_tuple().is_some_and(|e| x[2].as_i64() == Some(e.len() as i64) && e.first() == Some(&x[1]))),
        IsRecord => {
            let n = x[2].as_i64().filter(|_| x[1].is_atom()).ok_or(Failed)?;
            truth(x[0].as_tuple().is_some_and(|e| e.len() as i64 == n && e.first().is_some_and(|t| *t == x[1])))
        }
        IsMapKey if x[1].is_map() => truth(term::map::has_key(x[1], x[0])),
        IsMapKey => Err(Failed),
        MapGet => term::map::get(x[1], x[0]).ok_or(Failed),
        MapSize => size(x[0].map_size()),
        Abs => Ok(int::abs(a, x[0])?),
        Element => {
            let i = x[0].to::<usize>().and_then(|n| n.checked_sub(1)).ok_or(Failed)?;
            x[1].as_tuple().and_then(|e| e.get(i)).copied().ok_or(Failed)
        }
        Hd => x[0].as_cons().map(|c| c.0).ok_or(Failed),
        Tl => x[0].as_cons().map(|c| c.1).ok_or(Failed),
        Length => size(x[0].list_length()),
        Round => rounded(a, x[0], Rounding::Round),
        Trunc => rounded(a, x[0], Rounding::Trunc),
        Floor => rounded(a, x[0], Rounding::Floor),
        Ceil => rounded(a, x[0], Rounding::Ceil),
        Float => {
            let n = int::to_f64(x[0])?;
            Ok(a.float(n))
        }
        Size => size(x[0].as_tuple().map(<[Term]>::len).or(x[0].bit_size().map(|n| n / 8))),
        TupleSize => size(x[0].as_tuple().map(<[Term]>::len)),
        ByteSize => size(bytes(x[0])),
        BitSize => size(x[0].bit_size()),
        BinaryPart3 => part(a, x[0], x[1], x[2]),
        BinaryPart2 => {
            let [start, len] = x[1].as_tuple_n().ok_or(Failed)?;
            part(a, x[0], *start, *len)
        }
        Not => truth(!x[0].as_bool().ok_or(Failed)?),
        Xor => truth(x[0].as_bool().ok_or(Failed)? != x[1].as_bool().ok_or(Failed)?),
        Max => Ok(if cmp::cmp(x[1], x[0]).is_gt() { x[1] } else { x[0] }),
        Min => Ok(if cmp::cmp(x[1], x[0]).is_lt() { x[1] } else { x[0] }),
        Plus1 => Ok(int::plus(x[0])?),
        Minus1 => Ok(int::neg(a, x[0])?),
        Plus => Ok(int::add(a, x[0], x[1])?),
        Minus => Ok(int::sub(a, x[0], x[1])?),
        Times => Ok(int::mul(a, x[0], x[1])?),
        Divide => Ok(int::divide(a, x[0], x[1])?),
        Div => Ok(int::div(a, x[0], x[1])?),
        Rem => Ok(int::rem(a, x[0], x[1])?),
        Band => Ok(int::band(a, x[0], x[1])?),
        Bor => Ok(int::bor(a, x[0], x[1])?),
        Bxor => Ok(int::bxor(a, x[0], x[1])?),
        Bnot => Ok(int::bnot(a, x[0])?),
        Bsl => Ok(int::bsl(a, x[0], x[1])?),
        Bsr => Ok(int::bsr(a, x[0], x[1])?),
        Gt => truth(cmp::cmp(x[0], x[1]).is_gt()),
        Ge => truth(cmp::cmp(x[0], x[1]).is_ge()),
        Lt => truth(cmp::cmp(x[0], x[1]).is_lt()),
        Le => truth(cmp::cmp(x[0], x[1]).is_le()),
        Eq => truth(cmp::eq(x[0], x[1])),
        Ne => truth(!cmp::eq(x[0], x[1])),
        EqExact => truth(cmp::eq_exact(x[0], x[1])),
        NeExact => truth(!cmp::eq_exact(x[0], x[1])),
        SelfPid | Node | NodeOf => Err(Failed),
    }
}
