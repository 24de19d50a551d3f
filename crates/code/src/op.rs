//! The machine's own ("specific") instructions, as the loader emits them and the engine runs them.
//!
//! An instruction is a head word and the words that follow: `op | a << 16 | b << 32 | c << 48`, where a, b, c are register
//! operands or small numbers, or `op | a << 16 | f << 32` with `f` a signed jump in words from the head.
//! A register operand is `n` for x(n), `0x8000 | n` for y(n). A *source word* is a term, or a register operand `<< 3` (low bits 000).

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The number of a specific instruction.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub enum Op { $($(#[$doc])* $name),* }
        /// Names by number.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

ops! {
    /// In an export's stub: calls the error handler. `stub[1]` unused.
    Undefined,
    /// In an export's stub: calls native function a|b<<16 - 1 and returns.
    Native,
    /// In place of a function's first instruction, or in an export's stub: calls a function of a loaded library and returns. Above
    /// the opcode: the address of its `node::Foreign`.
    Nif,
    /// In a fun entry's stub: the module of the fun is not loaded.
    UndefinedFun,
    /// In the stub of erlang:apply/2 and apply/3.
    Apply2, Apply3,
    /// In the stub of erlang:yield/0.
    YieldNow,
    /// In the stub of erlang:hibernate/3 and hibernate/0.
    Hibernate3, Hibernate0,
    /// In the stub of erlang:call_on_load_function/1: x0 = module.
    CallOnLoad,
    /// First code of a process: applies x0:x1(x2), then `NormalExit`.
    SpawnApply,
    /// A process's last continuation.
    NormalExit,
    /// Continuation after a woken hibernation or an asynchronous step: raises `Private::exception`.
    RaisePending,
    /// In place of a traced function's first word, or in the stub of a traced export: breakpoint number a|b<<16.
    Breakpoint,
    /// In place of the first word of a function, or of a continuation, that there is machine code for: its address stands above
    /// the opcode, and the word that stood here in the eight bytes before it.
    Machine,
    /// Continuations of traced calls: tell what it returned, or was raised. On the stack: module, function, arity, session, tracer.
    ReturnTrace, ExceptionTrace,
    /// Tells where a traced call returns to. On the stack: session.
    ReturnTo,
    /// Ends the account of a call. On the stack: session, the point of the function whose account goes on.
    ReturnAccount,
    /// Raises function_clause. a arity; w1 module, w2 function. Stands right before each function's entry.
    FuncInfo,
    Jump, Call, CallLast, CallOnly,
    /// w1 export.
    CallExt, CallExtLast, CallExtOnly,
    /// a arity (b dealloc); w1 export of a native function.
    CallNative, CallNativeLast, CallNativeOnly,
    Return,
    /// a arity; the fun is in x(arity).
    CallFun,
    /// a arity, b fun register.
    CallFun2,
    Apply, ApplyLast,
    /// a slots, b live.
    Allocate,
    /// a slots, b live, c heap words.
    AllocateHeap,
    /// a live, f words.
    TestHeap,
    Deallocate, DeallocReturn, Trim,
    /// a count; register operands packed four in a word.
    InitY,
    Move, MoveXX, MoveXY, MoveYX,
    /// a -> b, then w1: a -> b of the second.
    Move2,
    /// w1 -> a.
    MoveC,
    MoveCall, MoveReturn, MoveCReturn,
    Swap,
    GetList, GetHd, GetTl,
    /// a src, b index, c dst.
    GetElement,
    /// a src, b index, c dst, then w1: b next dst | ... : elements index and index + 1.
    GetElement2,
    PutList,
    /// a head (w1 tail constant), c dst.
    PutListC,
    /// w1, w2 source words, c dst.
    PutListS,
    /// a dst, b arity, source words.
    PutTuple,
    SetElement,
    /// a size, b dst, c src; w1 count; (position, source word)*.
    UpdateRecord,
    /// a free variables, b dst; w1 entry; source words.
    MakeFun,
    // tests: a reg, f fail
    IsInteger, IsFloat, IsNumber, IsAtom, IsPid, IsReference, IsPort, IsNil, IsBinary, IsBitstring, IsList, IsNonemptyList, IsTuple,
    IsMap, IsBoolean, IsFunction,
    /// fused with GetList: w1 = head | tail << 16.
    IsNonemptyGetList,
    /// w1 header.
    IsTupleOfArity,
    /// w1 header.
    TestArity,
    /// w1 header, w2 tag.
    IsTaggedTuple,
    /// w1 source word (arity).
    IsFunction2,
    /// a reg, f fail, w1 source word.
    IsEq, IsNe, IsEqExact, IsNeExact, IsLt, IsGe,
    /// w1 an immediate.
    IsEqImm, IsNeImm,
    /// w1 a small.
    IsLtC, IsGeC,
    /// reg < small: operand order swapped (small first): w1 small.
    IsLtCR, IsGeCR,
    /// two registers: w1 = register operand.
    IsLtRR, IsGeRR,
    /// a reg, f default; w1 count; count keys sorted by raw word; offsets packed as i32, two in a word.
    SelectBinary,
    /// a reg, f default; w1 count; (key, offset)*.
    SelectLinear,
    /// a reg, f default; w1 lowest value, w2 count; offsets packed.
    SelectJump,
    /// a reg, f default; w1 count; (header, offset)*.
    SelectArity,
    // arithmetic: a, b, c dst; w1 = live | fail << 32
    Add, Sub, Mul, IntDiv, Rem, Div, Band, Bor, Bxor, Bsl, Bsr,
    /// a, c dst; w1 = live | fail << 32; w2 small.
    AddC, SubC, BandC, BsrC, BslC,
    /// a reg, c dst, w1.
    Bnot, Neg,
    // guard BIFs in line: a (b), c dst; w1 = live | fail << 32
    BifHd, BifTl, BifSelf, BifNode, BifTupleSize, BifByteSize, BifBitSize, BifMapSize, BifLength, BifMapGet, BifIsMapKey,
    /// a tuple, b index (from 1), c dst.
    BifElementC,
    BifElement,
    BifNot,
    // comparisons as values: a, b, c dst
    CmpEq, CmpNe, CmpEqExact, CmpNeExact, CmpLt, CmpGe, CmpGt, CmpLe,
    /// Any other guard BIF: a arity, b dst, c live; w1 export; w2 fail; source words.
    GuardBif,
    /// b y slot, f handler.
    Try, Catch,
    TryEnd, TryCase, TryCaseEnd, CatchEnd, Raise, RawRaise, BuildStacktrace,
    Badmatch, CaseEnd, IfEnd, BadRecord,
    /// a dst, f where to go when the mailbox is at its end.
    LoopRec,
    LoopRecEnd, RemoveMessage, Wait,
    /// f where to look again; w1 source word.
    WaitTimeout,
    Timeout, MarkReserve, MarkBind, MarkClear, MarkUse,
    Send,
    // floats: a, b, c float registers
    FMoveIn, FMoveOut, FConv, FAdd, FSub, FMul, FDiv, FNeg,
    /// w1 double bits -> a.
    FMoveC,
    /// a src, b dst, c live; w1 fail; w2 pairs; source words.
    PutMapAssoc, PutMapExact,
    /// a src, f fail; w1 count; keys.
    HasMapFields,
    /// a src, f fail; w1 count; (key, hash, dst)*.
    GetMapElements,
    /// a src, f fail; w1 key (immediate), w2 dst.
    GetMapElement,
    // bit syntax; operands at each
    /// a src, b dst, c live; w1 fail.
    BsStartMatch,
    /// a ctx, b size reg or 0xffff, c dst; w1 fail; w2 = unit | flags << 8 | live << 16; w3 source word of size.
    BsGetInteger, BsGetFloat, BsGetBinary,
    /// a ctx; w1 fail; w2 unit; w3 size.
    BsSkip,
    /// a ctx, f fail; w1 bits.
    BsTestTail,
    /// a ctx, f fail; w1 unit.
    BsTestUnit,
    /// a ctx, f fail; w1 bits, w2 address of bytes.
    BsMatchString,
    /// a ctx, b dst, c live.
    BsGetTail, BsGetPosition,
    /// a ctx, b position.
    BsSetPosition,
    /// a ctx, f fail; w1 flags, w2 dst or none.
    BsGetUtf8, BsGetUtf16, BsGetUtf32,
    /// a ctx, f fail; w1 count of commands; each: 2 words.
    BsMatch,
    /// a dst, b live, c unit; w1 fail, w2 count; segments of 4 words.
    BsCreate,
    BsInitWritable,
    /// The older construction instructions; see exec's ops for operands.
    BsInit, BsAppend, BsPutInteger, BsPutBinary, BsPutFloat, BsPutString, BsPutUtf8, BsPutUtf16, BsPutUtf32, BsUtf8Size, BsUtf16Size, BsAdd,
    /// a src, f fail.
    IsAnyRecord,
    /// a src, f fail; w1 module, w2 name (source words).
    IsRecord,
    RecordAccessible, GetRecordElements, GetRecordField, PutRecord,
    /// The body of a native function that nobody has provided: raises undef.
    Illegal,
}

/// Builds a head word.
#[inline]
pub const fn head(op: Op, a: u16, b: u16, c: u16) -> u64 {
    op as u64 | (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48
}
/// Builds a head word with a jump.
#[inline]
pub const fn head_jump(op: Op, a: u16, f: i32) -> u64 {
    op as u64 | (a as u64) << 16 | ((f as u32) as u64) << 32
}
/// The register operand for y(n).
pub const Y: u16 = 0x8000;
/// The x register that the loader uses for constants; further ones below it.
pub const SCRATCH: u16 = 1024;
/// As the live registers of a guard BIF: unknown, so nothing may be collected there.
pub const NO_COLLECTION: u16 = 0xffff;
/// How many x registers an engine must have.
pub const X_REGISTERS: usize = 1024 + 16;

/// In the word of a continuation: it is not a call that goes on there. (Code begins at multiples of 16.)
pub const RESUMES: u64 = 1 << 16;
/// In the word of a native function: it builds nothing, never fails and never waits.
pub const PLAIN: u64 = 1 << 48;
/// The word of an instruction that has machine code at `code`; of a function's entry, or of a continuation.
#[inline]
pub fn machine_word(code: *const u8, resumes: bool) -> u64 {
    Op::Machine as u64 | (code as u64) << 16 | if resumes { RESUMES } else { 0 }
}
/// Where the machine code of such a word is.
#[inline(always)]
pub fn machine_code(word: u64) -> *const u8 {
    (word >> 16 & !15) as *const u8
}
/// The word that stands there without machine code.
///
/// # Safety
/// Rule 4: the word is that of an instruction of code that is not freed meanwhile.
#[inline(always)]
pub unsafe fn interpreted(word: u64) -> u64 {
    // SAFETY: rule 5.
    if word as u16 == Op::Machine as u16 { unsafe { *machine_code(word).cast::<u64>().sub(1) } } else { word }
}
