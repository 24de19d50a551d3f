//! The machine's own instructions taken apart: lengths, registers read and written, where they go on. Not here: what they mean.

use crate::op::{NAMES, NO_COLLECTION, Op, Y};
use term::fun::Export;

/// What an instruction does with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Reads a register (operand encoding).
    Read(u16),
    /// Writes a register.
    Write(u16),
    /// The first n x registers are read, or must at least be terms.
    Live(u16),
    /// May go on there: distance from the head, in words.
    Jump(i64),
    /// A handler of exceptions: nothing goes there by itself.
    Handler(i64),
}

/// How an instruction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Goes on with the next one (or where it jumps).
    Next,
    /// A call: then goes on with the next one, with x0 alone.
    Call,
    /// Does not go on with the next one.
    End,
}

fn a(w: u64) -> u16 {
    (w >> 16) as u16
}
fn b(w: u64) -> u16 {
    (w >> 32) as u16
}
fn c(w: u64) -> u16 {
    (w >> 48) as u16
}
fn j(w: u64) -> i64 {
    (w as i64) >> 32
}

/// The instruction's number in a head word.
pub fn op_of(w: u64) -> Option<Op> {
    // SAFETY: rule 4: the number is that of an instruction.
    ((w as u16 as usize) < NAMES.len()).then(|| unsafe { std::mem::transmute::<u16, Op>(w as u16) })
}

/// Takes the instruction at `at` of a module's words apart. `None`: not one that stands in a function.
/// Arities of local calls are read from the `FuncInfo` words of their targets.
#[allow(clippy::too_many_lines)]
pub fn instruction(module: &[u64], at: usize, part: &mut dyn FnMut(Part)) -> Option<(Op, usize, Flow)> {
    use Op::*;
    use Part::{Handler, Live, Read, Write};
    let h = module[at];
    let op = op_of(h)?;
    let w = |i: usize| module.get(at + i).copied().unwrap_or(0);
    macro_rules! src {
        ($w:expr) => {{
            let w = $w;
            if w & 7 == 0 {
                part(Read((w >> 3) as u16));
            }
        }};
    }
    macro_rules! live {
        ($n:expr) => {{
            let n = $n as u16;
            if n != NO_COLLECTION {
                part(Live(n));
            }
        }};
    }
    // A word that is a distance, 0 for none.
    macro_rules! fail {
        ($w:expr) => {{
            let w = $w as i64;
            if w != 0 {
                part(Part::Jump(w));
            }
        }};
    }
    let arity_of = |d: i64| a(module.get((at as i64 + d - 3) as usize).copied().unwrap_or(0));
    let export_arity = |w: u64| {
        // SAFETY: rule 4: the word is the address of an export record, which is never freed.
        u16::from(unsafe { (*(w as *const Export)).arity })
    };
    let (len, flow) = match op {
        FuncInfo => {
            part(Live(a(h)));
            (3, Flow::End)
        }
        Jump => {
            part(Part::Jump(j(h)));
            (1, Flow::End)
        }
        Call => {
            part(Live(arity_of(j(h))));
            (1, Flow::Call)
        }
        CallLast | CallOnly => {
            part(Live(arity_of(j(h))));
            (1, Flow::End)
        }
        CallExt | CallNative => {
            part(Live(export_arity(w(1))));
            (2, Flow::Call)
        }
        CallExtLast | CallExtOnly | CallNativeLast | CallNativeOnly => {
            part(Live(export_arity(w(1))));
            (2, Flow::End)
        }
        Return | DeallocReturn => {
            part(Live(1));
            (1, Flow::End)
        }
        MoveReturn => {
            part(Read(a(h)));
            (1, Flow::End)
        }
        MoveCReturn => (2, Flow::End),
        CallFun => {
            part(Live(a(h) + 1));
            (1, if c(h) == 0 { Flow::Call } else { Flow::End })
        }
        CallFun2 => {
            part(Live(a(h)));
            part(Read(b(h)));
            (1, if c(h) == 0 { Flow::Call } else { Flow::End })
        }
        Apply => {
            part(Live(a(h) + 2));
            (1, Flow::Call)
        }
        ApplyLast => {
            part(Live(a(h) + 2));
            (1, Flow::End)
        }
        Allocate | AllocateHeap => {
            part(Live(b(h)));
            (1, Flow::Next)
        }
        TestHeap => {
            part(Live(a(h)));
            (1, Flow::Next)
        }
        Deallocate | Trim => (1, Flow::Next),
        InitY => (1 + usize::from(a(h)).div_ceil(4), Flow::Next),
        Move | MoveXX => {
            part(Read(a(h)));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        MoveXY => {
            part(Read(a(h)));
            part(Write(Y | b(h)));
            (1, Flow::Next)
        }
        MoveYX => {
            part(Read(Y | a(h)));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        Move2 => {
            // One after the other: the second may read what the first has written.
            part(Read(a(h)));
            part(Write(b(h)));
            if a(w(1)) != b(h) {
                part(Read(a(w(1))));
            }
            part(Write(b(w(1))));
            (2, Flow::Next)
        }
        MoveC => {
            part(Write(a(h)));
            (2, Flow::Next)
        }
        Swap => {
            part(Read(a(h)));
            part(Read(b(h)));
            part(Write(a(h)));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        GetList => {
            part(Read(a(h)));
            part(Write(b(h)));
            part(Write(c(h)));
            (1, Flow::Next)
        }
        GetHd | GetTl => {
            part(Read(a(h)));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        GetElement => {
            part(Read(a(h)));
            part(Write(c(h)));
            (1, Flow::Next)
        }
        GetElement2 => {
            part(Read(a(h)));
            part(Write(c(h)));
            part(Write(w(1) as u16));
            (2, Flow::Next)
        }
        PutList => {
            part(Read(a(h)));
            part(Read(b(h)));
            part(Write(c(h)));
            (1, Flow::Next)
        }
        PutListC => {
            part(Read(a(h)));
            part(Write(c(h)));
            (2, Flow::Next)
        }
        PutListS => {
            src!(w(1));
            src!(w(2));
            part(Write(c(h)));
            (3, Flow::Next)
        }
        PutTuple => {
            let n = (h >> 32) as usize;
            for i in 1..=n {
                src!(w(i));
            }
            part(Write(a(h)));
            (1 + n, Flow::Next)
        }
        SetElement => {
            part(Read(a(h)));
            src!(w(1));
            (2, Flow::Next)
        }
        UpdateRecord => {
            let n = w(1) as usize;
            part(Read(c(h)));
            for i in 0..n {
                src!(w(3 + 2 * i));
            }
            part(Write(b(h)));
            (2 + 2 * n, Flow::Next)
        }
        MakeFun => {
            let n = usize::from(a(h));
            for i in 0..n {
                src!(w(2 + i));
            }
            part(Write(b(h)));
            (2 + n, Flow::Next)
        }
        IsInteger | IsFloat | IsNumber | IsAtom | IsPid | IsReference | IsPort | IsNil | IsBinary | IsBitstring | IsList | IsNonemptyList
        | IsTuple | IsMap | IsBoolean | IsFunction | IsAnyRecord => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            (1, Flow::Next)
        }
        IsNonemptyGetList => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            part(Write(w(1) as u16));
            part(Write(a(w(1))));
            (2, Flow::Next)
        }
        IsTupleOfArity | TestArity | IsEqImm | IsNeImm | BsTestTail | BsTestUnit => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            (2, Flow::Next)
        }
        IsTaggedTuple | BsMatchString => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            (3, Flow::Next)
        }
        IsFunction2 | IsEq | IsNe | IsEqExact | IsNeExact | IsLt | IsGe | IsLtC | IsGeC | IsLtRR | IsGeRR | RecordAccessible => {
            part(Read(a(h)));
            src!(w(1));
            part(Part::Jump(j(h)));
            (2, Flow::Next)
        }
        IsLtCR | IsGeCR => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            (2, Flow::Next)
        }
        IsRecord => {
            part(Read(a(h)));
            src!(w(1));
            src!(w(2));
            part(Part::Jump(j(h)));
            (3, Flow::Next)
        }
        SelectLinear | SelectArity => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            let n = w(1) as usize;
            for i in 0..n {
                part(Part::Jump(w(3 + 2 * i) as i64));
            }
            (2 + 2 * n, Flow::End)
        }
        SelectBinary | SelectJump => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            let (n, first) = if op == SelectBinary { (w(1) as usize, 2 + w(1) as usize) } else { (w(2) as usize, 3) };
            for i in 0..n {
                part(Part::Jump(i64::from((w(first + i / 2) >> (32 * (i % 2))) as u32 as i32)));
            }
            (first + n.div_ceil(2), Flow::End)
        }
        Add | Sub | Mul | IntDiv | Rem | Div | Band | Bor | Bxor | Bsl | Bsr | BifMapGet | BifIsMapKey | BifElement | CmpEq | CmpNe
        | CmpEqExact | CmpNeExact | CmpLt | CmpGe | CmpGt | CmpLe => {
            part(Read(a(h)));
            part(Read(b(h)));
            live!(w(1));
            fail!((w(1) as i64) >> 32);
            part(Write(c(h)));
            (2, Flow::Next)
        }
        AddC | SubC | BandC | BsrC | BslC => {
            part(Read(a(h)));
            live!(w(1));
            fail!((w(1) as i64) >> 32);
            part(Write(c(h)));
            (3, Flow::Next)
        }
        Bnot | Neg | BifHd | BifTl | BifTupleSize | BifByteSize | BifBitSize | BifMapSize | BifLength | BifElementC | BifNot => {
            part(Read(a(h)));
            live!(w(1));
            fail!((w(1) as i64) >> 32);
            part(Write(c(h)));
            (2, Flow::Next)
        }
        BifSelf | BifNode => {
            part(Write(c(h)));
            (2, Flow::Next)
        }
        GuardBif => {
            let n = usize::from(a(h));
            for i in 0..n {
                src!(w(3 + i));
            }
            live!(c(h));
            fail!(w(2));
            part(Write(b(h)));
            (3 + n, Flow::Next)
        }
        Try | Catch => {
            part(Handler(j(h)));
            (1, Flow::Next)
        }
        TryEnd => (1, Flow::Next),
        TryCase | CatchEnd => {
            // What a handler is given, or the result alone: never more than that is looked at.
            part(Live(1));
            for x in 0..4 {
                part(Write(x));
            }
            (1, Flow::Next)
        }
        Raise => {
            part(Read(a(h)));
            part(Read(b(h)));
            (1, Flow::End)
        }
        RawRaise => {
            part(Live(3));
            part(Write(0));
            (1, Flow::Next)
        }
        BuildStacktrace => {
            part(Live(1));
            part(Write(0));
            (1, Flow::Next)
        }
        TryCaseEnd | Badmatch | CaseEnd | BadRecord => {
            part(Read(a(h)));
            (1, Flow::End)
        }
        IfEnd => (1, Flow::End),
        LoopRec => {
            part(Part::Jump(j(h)));
            part(Write(a(h)));
            (1, Flow::Next)
        }
        LoopRecEnd | Wait => {
            part(Part::Jump(j(h)));
            (1, Flow::End)
        }
        WaitTimeout => {
            src!(w(1));
            part(Part::Jump(j(h)));
            (2, Flow::Next)
        }
        RemoveMessage | Timeout => (1, Flow::Next),
        MarkReserve => {
            part(Write(a(h)));
            (1, Flow::Next)
        }
        MarkBind => {
            part(Read(a(h)));
            part(Read(b(h)));
            (1, Flow::Next)
        }
        MarkClear | MarkUse => {
            part(Read(a(h)));
            (1, Flow::Next)
        }
        Send => {
            part(Live(2));
            part(Write(0));
            (1, Flow::Next)
        }
        FMoveIn => {
            part(Read(a(h)));
            (1, Flow::Next)
        }
        FMoveOut => {
            part(Write(b(h)));
            (1, Flow::Next)
        }
        FConv => {
            src!(w(1));
            (2, Flow::Next)
        }
        FAdd | FSub | FMul | FDiv | FNeg => (1, Flow::Next),
        FMoveC => (2, Flow::Next),
        PutMapAssoc | PutMapExact => {
            let n = w(2) as usize;
            part(Read(a(h)));
            for i in 0..n {
                src!(w(3 + 2 * i));
                src!(w(4 + 2 * i));
            }
            live!(c(h));
            fail!(w(1));
            part(Write(b(h)));
            (3 + 2 * n, Flow::Next)
        }
        HasMapFields => {
            let n = w(1) as usize;
            part(Read(a(h)));
            for i in 0..n {
                src!(w(2 + i));
            }
            part(Part::Jump(j(h)));
            (2 + n, Flow::Next)
        }
        GetMapElement => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            part(Write(w(2) as u16));
            (3, Flow::Next)
        }
        GetMapElements | GetRecordElements => {
            let n = w(1) as usize;
            part(Read(a(h)));
            for i in 0..n {
                src!(w(2 + 2 * i));
            }
            part(Part::Jump(j(h)));
            for i in 0..n {
                part(Write(w(3 + 2 * i) as u16));
            }
            (2 + 2 * n, Flow::Next)
        }
        BsStartMatch => {
            part(Read(a(h)));
            live!(c(h));
            fail!(w(1));
            part(Write(b(h)));
            (2, Flow::Next)
        }
        BsGetInteger | BsGetFloat | BsGetBinary => {
            part(Read(a(h)));
            src!(w(3));
            live!(w(2) >> 16);
            fail!(w(1));
            part(Write(c(h)));
            (4, Flow::Next)
        }
        BsSkip => {
            part(Read(a(h)));
            src!(w(3));
            fail!(w(1));
            (4, Flow::Next)
        }
        BsGetTail => {
            part(Read(a(h)));
            live!(c(h));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        BsGetPosition => {
            part(Read(a(h)));
            part(Write(b(h)));
            (1, Flow::Next)
        }
        BsSetPosition => {
            part(Read(a(h)));
            part(Read(b(h)));
            (1, Flow::Next)
        }
        BsGetUtf8 | BsGetUtf16 | BsGetUtf32 => {
            part(Read(a(h)));
            part(Part::Jump(j(h)));
            if w(2) != u64::MAX {
                part(Write(w(2) as u16));
            }
            (3, Flow::Next)
        }
        BsMatch => {
            let n = usize::from(w(1) as u16);
            part(Read(a(h)));
            // The context's own register is written again after a collection.
            part(Write(a(h)));
            live!(w(1) >> 16);
            part(Part::Jump(j(h)));
            for i in 0..n {
                if matches!(w(2 + 2 * i) as u8, 2 | 3 | 5) {
                    part(Write((w(2 + 2 * i) >> 16) as u16));
                }
            }
            (2 + 2 * n, Flow::Next)
        }
        BsCreate => {
            let n = w(2) as u32 as usize;
            for i in 0..n {
                // A segment of text has an address there.
                if w(3 + 4 * i) as u8 != 5 {
                    src!(w(4 + 4 * i));
                    src!(w(5 + 4 * i));
                }
            }
            live!(b(h));
            fail!(w(1));
            part(Write(a(h)));
            (3 + 4 * n, Flow::Next)
        }
        BsInitWritable => {
            part(Live(1));
            part(Write(0));
            (1, Flow::Next)
        }
        BsInit => {
            src!(w(3));
            live!(c(h));
            fail!(w(1));
            part(Write(a(h)));
            (4, Flow::Next)
        }
        BsAppend => {
            part(Read(b(h)));
            src!(w(3));
            live!(c(h));
            fail!(w(1));
            part(Write(a(h)));
            (4, Flow::Next)
        }
        BsPutInteger | BsPutBinary | BsPutFloat => {
            src!(w(3));
            src!(w(4));
            fail!(w(1));
            (5, Flow::Next)
        }
        BsPutString => (3, Flow::Next),
        BsPutUtf8 | BsPutUtf16 | BsPutUtf32 => {
            src!(w(3));
            fail!(w(1));
            (4, Flow::Next)
        }
        BsUtf8Size | BsUtf16Size => {
            src!(w(1));
            part(Write(a(h)));
            (2, Flow::Next)
        }
        BsAdd => {
            src!(w(2));
            src!(w(3));
            fail!(w(1));
            part(Write(a(h)));
            (5, Flow::Next)
        }
        GetRecordField => {
            part(Read(a(h)));
            src!(w(1));
            src!(w(2));
            fail!(j(h));
            part(Write(w(3) as u16));
            (4, Flow::Next)
        }
        PutRecord => {
            let n = w(4) as usize;
            src!(w(2));
            src!(w(3));
            for i in 0..n {
                src!(w(5 + 2 * i));
                src!(w(6 + 2 * i));
            }
            live!(b(h));
            fail!(w(1));
            part(Write(a(h)));
            (5 + 2 * n, Flow::Next)
        }
        Undefined | Native | Nif | UndefinedFun | Apply2 | Apply3 | YieldNow | Hibernate3 | Hibernate0 | CallOnLoad | SpawnApply | NormalExit
        | RaisePending | Breakpoint | Machine | ReturnTrace | ExceptionTrace | ReturnTo | ReturnAccount | MoveCall | Illegal => return None,
    };
    Some((op, len, flow))
}
