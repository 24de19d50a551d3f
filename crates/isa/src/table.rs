//! The generic instruction table: one row for each opcode number, and all that is made from the rows.
//! Not here: what an instruction does (the engine's `ops`), nor how its bytes are laid out (`beamfile`).

use crate::{Kind, Release};

/// One row of the table: an instruction as the compiler writes it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The instruction's name in assembly listings.
    pub name: &'static str,
    /// First OTP release whose loader accepts it, or 255 when none of the supported ones does.
    pub since: u8,
    /// Last OTP release whose loader accepts it.
    pub until: u8,
    /// Each operand's role and kind, in the order of the file.
    pub operands: &'static [(&'static str, Kind)],
}

const ALWAYS: (u8, u8) = (0, 254);
const GONE: (u8, u8) = (255, 0);
const TO_25: (u8, u8) = (0, 25);
const TO_27: (u8, u8) = (0, 27);
const FROM_26: (u8, u8) = (26, 254);
const FROM_27: (u8, u8) = (27, 254);
const FROM_28: (u8, u8) = (28, 254);
const FROM_29: (u8, u8) = (29, 254);

macro_rules! instructions {
    ($( $number:literal $variant:ident $name:literal $life:ident ( $( $role:ident : $kind:ident ),* ); )*) => {
        /// A generic instruction. The discriminant is the opcode number in the file.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op { $( #[doc = concat!("`", $name, "`(", $( stringify!($role), ": ", stringify!($kind), ", ", )* ")")] $variant = $number, )* }

        /// The rows, indexed by opcode number minus one.
        pub static ROWS: [Row; [$( $number ),*].len()] = [
            $( Row { name: $name, since: $life.0, until: $life.1, operands: &[$( (stringify!($role), Kind::$kind) ),*] }, )*
        ];

        /// Every instruction, in the order of its number.
        pub static ALL: [Op; [$( $number ),*].len()] = [$( Op::$variant ),*];

        const ARITY: [u8; ALL.len()] = [$( { const ROLES: &[&str] = &[$( stringify!($role) ),*]; ROLES.len() as u8 } ),*];

        // The rows stand in the order of their numbers, without a gap, so that a number is an index.
        const _: () = { let numbers = [$( $number ),*]; let mut i = 0; while i < numbers.len() { assert!(numbers[i] == i + 1); i += 1; } };
    };
}

instructions! {
    1 Label "label" ALWAYS (id: LabelDef);
    2 FuncInfo "func_info" ALWAYS (module: Atom, function: Atom, arity: U);
    3 IntCodeEnd "int_code_end" ALWAYS ();
    4 Call "call" ALWAYS (arity: U, label: Entry);
    5 CallLast "call_last" ALWAYS (arity: U, label: Entry, dealloc: U);
    6 CallOnly "call_only" ALWAYS (arity: U, label: Entry);
    7 CallExt "call_ext" ALWAYS (arity: U, import: Import);
    8 CallExtLast "call_ext_last" ALWAYS (arity: U, import: Import, dealloc: U);
    9 Bif0 "bif0" ALWAYS (import: Import, dst: Dst);
    10 Bif1 "bif1" ALWAYS (fail: Fail, import: Import, a: Src, dst: Dst);
    11 Bif2 "bif2" ALWAYS (fail: Fail, import: Import, a: Src, b: Src, dst: Dst);
    12 Allocate "allocate" ALWAYS (stack: U, live: Live);
    13 AllocateHeap "allocate_heap" ALWAYS (stack: U, heap: Alloc, live: Live);
    14 AllocateZero "allocate_zero" TO_25 (stack: U, live: Live);
    15 AllocateHeapZero "allocate_heap_zero" TO_25 (stack: U, heap: Alloc, live: Live);
    16 TestHeap "test_heap" ALWAYS (heap: Alloc, live: Live);
    17 Init "init" TO_25 (y: YReg);
    18 Deallocate "deallocate" ALWAYS (n: U);
    19 Return "return" ALWAYS ();
    20 Send "send" ALWAYS ();
    21 RemoveMessage "remove_message" ALWAYS ();
    22 Timeout "timeout" ALWAYS ();
    23 LoopRec "loop_rec" ALWAYS (empty: Label, dst: Dst);
    24 LoopRecEnd "loop_rec_end" ALWAYS (next: Label);
    25 Wait "wait" ALWAYS (next: Label);
    26 WaitTimeout "wait_timeout" ALWAYS (next: Label, time: Src);
    27 MPlus "m_plus" GONE (a: Any, b: Any, c: Any, d: Any);
    28 MMinus "m_minus" GONE (a: Any, b: Any, c: Any, d: Any);
    29 MTimes "m_times" GONE (a: Any, b: Any, c: Any, d: Any);
    30 MDiv "m_div" GONE (a: Any, b: Any, c: Any, d: Any);
    31 IntDiv "int_div" GONE (a: Any, b: Any, c: Any, d: Any);
    32 IntRem "int_rem" GONE (a: Any, b: Any, c: Any, d: Any);
    33 IntBand "int_band" GONE (a: Any, b: Any, c: Any, d: Any);
    34 IntBor "int_bor" GONE (a: Any, b: Any, c: Any, d: Any);
    35 IntBxor "int_bxor" GONE (a: Any, b: Any, c: Any, d: Any);
    36 IntBsl "int_bsl" GONE (a: Any, b: Any, c: Any, d: Any);
    37 IntBsr "int_bsr" GONE (a: Any, b: Any, c: Any, d: Any);
    38 IntBnot "int_bnot" GONE (a: Any, b: Any, c: Any);
    39 IsLt "is_lt" ALWAYS (fail: Label, a: Src, b: Src);
    40 IsGe "is_ge" ALWAYS (fail: Label, a: Src, b: Src);
    41 IsEq "is_eq" ALWAYS (fail: Label, a: Src, b: Src);
    42 IsNe "is_ne" ALWAYS (fail: Label, a: Src, b: Src);
    43 IsEqExact "is_eq_exact" ALWAYS (fail: Label, a: Src, b: Src);
    44 IsNeExact "is_ne_exact" ALWAYS (fail: Label, a: Src, b: Src);
    45 IsInteger "is_integer" ALWAYS (fail: Label, src: Src);
    46 IsFloat "is_float" ALWAYS (fail: Label, src: Src);
    47 IsNumber "is_number" ALWAYS (fail: Label, src: Src);
    48 IsAtom "is_atom" ALWAYS (fail: Label, src: Src);
    49 IsPid "is_pid" ALWAYS (fail: Label, src: Src);
    50 IsReference "is_reference" ALWAYS (fail: Label, src: Src);
    51 IsPort "is_port" ALWAYS (fail: Label, src: Src);
    52 IsNil "is_nil" ALWAYS (fail: Label, src: Src);
    53 IsBinary "is_binary" ALWAYS (fail: Label, src: Src);
    54 IsConstant "is_constant" GONE (a: Any, b: Any);
    55 IsList "is_list" ALWAYS (fail: Label, src: Src);
    56 IsNonemptyList "is_nonempty_list" ALWAYS (fail: Label, src: Src);
    57 IsTuple "is_tuple" ALWAYS (fail: Label, src: Src);
    58 TestArity "test_arity" ALWAYS (fail: Label, src: Src, arity: U);
    59 SelectVal "select_val" ALWAYS (src: Src, fail: Label, cases: List);
    60 SelectTupleArity "select_tuple_arity" ALWAYS (src: Src, fail: Label, cases: List);
    61 Jump "jump" ALWAYS (to: Label);
    62 Catch "catch" ALWAYS (y: YReg, handler: Label);
    63 CatchEnd "catch_end" ALWAYS (y: YReg);
    64 Move "move" ALWAYS (src: Src, dst: Dst);
    65 GetList "get_list" ALWAYS (src: Reg, head: Dst, tail: Dst);
    66 GetTupleElement "get_tuple_element" ALWAYS (src: Reg, index: U, dst: Dst);
    67 SetTupleElement "set_tuple_element" ALWAYS (value: Src, tuple: Src, index: U);
    68 PutString "put_string" GONE (a: Any, b: Any, c: Any);
    69 PutList "put_list" ALWAYS (head: Src, tail: Src, dst: Dst);
    70 PutTuple "put_tuple" GONE (a: Any, b: Any);
    71 Put "put" GONE (a: Any);
    72 Badmatch "badmatch" ALWAYS (value: Src);
    73 IfEnd "if_end" ALWAYS ();
    74 CaseEnd "case_end" ALWAYS (value: Src);
    75 CallFun "call_fun" ALWAYS (arity: U);
    76 MakeFun "make_fun" GONE (a: Any, b: Any, c: Any);
    77 IsFunction "is_function" ALWAYS (fail: Label, src: Src);
    78 CallExtOnly "call_ext_only" ALWAYS (arity: U, import: Import);
    79 BsStartMatch "bs_start_match" GONE (a: Any, b: Any);
    80 BsGetInteger "bs_get_integer" GONE (a: Any, b: Any, c: Any, d: Any, e: Any);
    81 BsGetFloat "bs_get_float" GONE (a: Any, b: Any, c: Any, d: Any, e: Any);
    82 BsGetBinary "bs_get_binary" GONE (a: Any, b: Any, c: Any, d: Any, e: Any);
    83 BsSkipBits "bs_skip_bits" GONE (a: Any, b: Any, c: Any, d: Any);
    84 BsTestTail "bs_test_tail" GONE (a: Any, b: Any);
    85 BsSave "bs_save" GONE (a: Any);
    86 BsRestore "bs_restore" GONE (a: Any);
    87 BsInit "bs_init" GONE (a: Any, b: Any);
    88 BsFinal "bs_final" GONE (a: Any, b: Any);
    89 BsPutInteger "bs_put_integer" TO_27 (fail: Fail, size: Src, unit: U, flags: Flags, value: Src);
    90 BsPutBinary "bs_put_binary" TO_27 (fail: Fail, size: Src, unit: U, flags: Flags, value: Src);
    91 BsPutFloat "bs_put_float" TO_27 (fail: Fail, size: Src, unit: U, flags: Flags, value: Src);
    92 BsPutString "bs_put_string" TO_27 (length: U, offset: U);
    93 BsNeedBuf "bs_need_buf" GONE (a: Any);
    94 Fclearerror "fclearerror" TO_25 ();
    95 Fcheckerror "fcheckerror" TO_25 (fail: Fail);
    96 Fmove "fmove" ALWAYS (src: FloatSrc, dst: FloatDst);
    97 Fconv "fconv" ALWAYS (src: FloatSrc, dst: FloatReg);
    98 Fadd "fadd" ALWAYS (fail: Fail, a: FloatReg, b: FloatReg, dst: FloatReg);
    99 Fsub "fsub" ALWAYS (fail: Fail, a: FloatReg, b: FloatReg, dst: FloatReg);
    100 Fmul "fmul" ALWAYS (fail: Fail, a: FloatReg, b: FloatReg, dst: FloatReg);
    101 Fdiv "fdiv" ALWAYS (fail: Fail, a: FloatReg, b: FloatReg, dst: FloatReg);
    102 Fnegate "fnegate" ALWAYS (fail: Fail, a: FloatReg, dst: FloatReg);
    103 MakeFun2 "make_fun2" TO_25 (fun: Fun);
    104 Try "try" ALWAYS (y: YReg, handler: Label);
    105 TryEnd "try_end" ALWAYS (y: YReg);
    106 TryCase "try_case" ALWAYS (y: YReg);
    107 TryCaseEnd "try_case_end" ALWAYS (value: Src);
    108 Raise "raise" ALWAYS (stacktrace: Src, reason: Src);
    109 BsInit2 "bs_init2" TO_27 (fail: Fail, size: SizeOrSrc, heap: Alloc, live: Live, flags: Flags, dst: Dst);
    110 BsBitsToBytes "bs_bits_to_bytes" GONE (a: Any, b: Any, c: Any);
    111 BsAdd "bs_add" TO_27 (fail: Fail, a: Src, b: Src, unit: U, dst: Dst);
    112 Apply "apply" ALWAYS (arity: U);
    113 ApplyLast "apply_last" ALWAYS (arity: U, dealloc: U);
    114 IsBoolean "is_boolean" ALWAYS (fail: Label, src: Src);
    115 IsFunction2 "is_function2" ALWAYS (fail: Label, src: Src, arity: Src);
    116 BsStartMatch2 "bs_start_match2" GONE (a: Any, b: Any, c: Any, d: Any, e: Any);
    117 BsGetInteger2 "bs_get_integer2" ALWAYS (fail: Label, ctx: Reg, live: Live, size: Src, unit: U, flags: Flags, dst: Dst);
    118 BsGetFloat2 "bs_get_float2" ALWAYS (fail: Label, ctx: Reg, live: Live, size: Src, unit: U, flags: Flags, dst: Dst);
    119 BsGetBinary2 "bs_get_binary2" ALWAYS (fail: Label, ctx: Reg, live: Live, size: Src, unit: U, flags: Flags, dst: Dst);
    120 BsSkipBits2 "bs_skip_bits2" ALWAYS (fail: Label, ctx: Reg, size: Src, unit: U, flags: Flags);
    121 BsTestTail2 "bs_test_tail2" ALWAYS (fail: Label, ctx: Reg, bits: Any);
    122 BsSave2 "bs_save2" GONE (a: Any, b: Any);
    123 BsRestore2 "bs_restore2" GONE (a: Any, b: Any);
    124 GcBif1 "gc_bif1" ALWAYS (fail: Fail, live: Live, import: Import, a: Src, dst: Dst);
    125 GcBif2 "gc_bif2" ALWAYS (fail: Fail, live: Live, import: Import, a: Src, b: Src, dst: Dst);
    126 BsFinal2 "bs_final2" GONE (a: Any, b: Any);
    127 BsBitsToBytes2 "bs_bits_to_bytes2" GONE (a: Any, b: Any);
    128 PutLiteral "put_literal" GONE (a: Any, b: Any);
    129 IsBitstr "is_bitstr" ALWAYS (fail: Label, src: Src);
    130 BsContextToBinary "bs_context_to_binary" GONE (a: Any);
    131 BsTestUnit "bs_test_unit" TO_27 (fail: Label, ctx: Reg, unit: U);
    132 BsMatchString "bs_match_string" ALWAYS (fail: Label, ctx: Reg, bits: U, offset: U);
    133 BsInitWritable "bs_init_writable" ALWAYS ();
    134 BsAppend "bs_append" TO_27 (fail: Fail, extra: SizeOrSrc, heap: Alloc, live: Live, unit: U, bin: Src, flags: Flags, dst: Dst);
    135 BsPrivateAppend "bs_private_append" TO_27 (fail: Fail, extra: SizeOrSrc, unit: U, bin: Src, flags: Flags, dst: Dst);
    136 Trim "trim" ALWAYS (n: U, remaining: U);
    137 BsInitBits "bs_init_bits" TO_27 (fail: Fail, size: SizeOrSrc, heap: Alloc, live: Live, flags: Flags, dst: Dst);
    138 BsGetUtf8 "bs_get_utf8" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags, dst: Dst);
    139 BsSkipUtf8 "bs_skip_utf8" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags);
    140 BsGetUtf16 "bs_get_utf16" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags, dst: Dst);
    141 BsSkipUtf16 "bs_skip_utf16" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags);
    142 BsGetUtf32 "bs_get_utf32" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags, dst: Dst);
    143 BsSkipUtf32 "bs_skip_utf32" ALWAYS (fail: Label, ctx: Reg, live: Live, flags: Flags);
    144 BsUtf8Size "bs_utf8_size" TO_27 (fail: Fail, src: Src, dst: Dst);
    145 BsPutUtf8 "bs_put_utf8" TO_27 (fail: Fail, flags: Flags, value: Src);
    146 BsUtf16Size "bs_utf16_size" TO_27 (fail: Fail, src: Src, dst: Dst);
    147 BsPutUtf16 "bs_put_utf16" TO_27 (fail: Fail, flags: Flags, value: Src);
    148 BsPutUtf32 "bs_put_utf32" TO_27 (fail: Fail, flags: Flags, value: Src);
    149 OnLoad "on_load" ALWAYS ();
    150 RecvMark "recv_mark" TO_25 (label: Label);
    151 RecvSet "recv_set" TO_25 (label: Label);
    152 GcBif3 "gc_bif3" ALWAYS (fail: Fail, live: Live, import: Import, a: Src, b: Src, c: Src, dst: Dst);
    153 Line "line" ALWAYS (location: Line);
    154 PutMapAssoc "put_map_assoc" ALWAYS (fail: Fail, src: Src, dst: Dst, live: Live, pairs: List);
    155 PutMapExact "put_map_exact" ALWAYS (fail: Fail, src: Src, dst: Dst, live: Live, pairs: List);
    156 IsMap "is_map" ALWAYS (fail: Label, src: Src);
    157 HasMapFields "has_map_fields" ALWAYS (fail: Label, src: Src, keys: List);
    158 GetMapElements "get_map_elements" ALWAYS (fail: Label, src: Src, pairs: List);
    159 IsTaggedTuple "is_tagged_tuple" ALWAYS (fail: Label, src: Src, arity: U, tag: Atom);
    160 BuildStacktrace "build_stacktrace" ALWAYS ();
    161 RawRaise "raw_raise" ALWAYS ();
    162 GetHd "get_hd" ALWAYS (src: Reg, dst: Dst);
    163 GetTl "get_tl" ALWAYS (src: Reg, dst: Dst);
    164 PutTuple2 "put_tuple2" ALWAYS (dst: Dst, elements: List);
    165 BsGetTail "bs_get_tail" ALWAYS (ctx: Reg, dst: Dst, live: Live);
    166 BsStartMatch3 "bs_start_match3" ALWAYS (fail: Label, bin: Src, live: Live, dst: Dst);
    167 BsGetPosition "bs_get_position" ALWAYS (ctx: Reg, dst: Dst, live: Live);
    168 BsSetPosition "bs_set_position" ALWAYS (ctx: Reg, position: Src);
    169 Swap "swap" ALWAYS (a: Reg, b: Reg);
    170 BsStartMatch4 "bs_start_match4" ALWAYS (fail: LabelOrAtom, live: Live, bin: Src, dst: Dst);
    171 MakeFun3 "make_fun3" ALWAYS (fun: Fun, dst: Dst, environment: List);
    172 InitYregs "init_yregs" ALWAYS (registers: List);
    173 RecvMarkerBind "recv_marker_bind" ALWAYS (marker: Reg, reference: Reg);
    174 RecvMarkerClear "recv_marker_clear" ALWAYS (reference: Reg);
    175 RecvMarkerReserve "recv_marker_reserve" ALWAYS (marker: Dst);
    176 RecvMarkerUse "recv_marker_use" ALWAYS (reference: Reg);
    177 BsCreateBin "bs_create_bin" ALWAYS (fail: Fail, heap: Alloc, live: Live, unit: U, dst: Dst, segments: List);
    178 CallFun2 "call_fun2" ALWAYS (tag: FunTag, arity: U, fun: Src);
    179 NifStart "nif_start" ALWAYS ();
    180 Badrecord "badrecord" ALWAYS (value: Src);
    181 UpdateRecord "update_record" FROM_26 (hint: Atom, size: U, src: Src, dst: Dst, updates: List);
    182 BsMatch "bs_match" FROM_26 (fail: Label, ctx: Reg, commands: List);
    183 ExecutableLine "executable_line" FROM_27 (location: Line, index: U);
    184 DebugLine "debug_line" FROM_28 (kind: Atom, location: Line, index: U, live: Live);
    185 Bif3 "bif3" FROM_29 (fail: Fail, import: Import, a: Src, b: Src, c: Src, dst: Dst);
    186 IsAnyNativeRecord "is_any_native_record" FROM_29 (fail: Label, src: Src);
    187 IsNativeRecord "is_native_record" FROM_29 (fail: Label, src: Src, module: Atom, name: Atom);
    188 GetRecordElements "get_record_elements" FROM_29 (fail: Fail, src: Src, pairs: List);
    189 PutRecord "put_record" FROM_29 (fail: Fail, id: Src, src: Src, dst: Dst, live: Live, pairs: List);
    190 IsRecordAccessible "is_record_accessible" FROM_29 (fail: Label, src: Src, scope: Atom);
    191 GetRecordField "get_record_field" FROM_29 (fail: Fail, src: Src, id: Src, field: Atom, dst: Dst);
}

/// The highest opcode number that the loader of `release` accepts in a file's header.
pub fn highest(release: Release) -> u32 {
    match release.0 {
        0..=25 => 180,
        26 => 182,
        27 => 183,
        28 => 184,
        _ => 191,
    }
}

impl Op {
    /// The instruction with that opcode number, if there is one (accepted or not: see [`Op::accepted_by`]).
    #[inline]
    pub fn from_number(number: u32) -> Option<Op> {
        ALL.get((number as usize).wrapping_sub(1)).copied()
    }

    /// The opcode number in the file.
    #[inline]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// This instruction's row of the table.
    #[inline]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize - 1]
    }

    /// The name in assembly listings.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Number of operands.
    #[inline]
    pub fn arity(self) -> usize {
        ARITY[self as usize - 1] as usize
    }

    /// Each operand's role and kind.
    #[inline]
    pub fn operands(self) -> &'static [(&'static str, Kind)] {
        self.row().operands
    }

    /// Does the loader of `release` accept this instruction?
    #[inline]
    pub fn accepted_by(self, release: Release) -> bool {
        let row = self.row();
        row.since <= release.0 && release.0 <= row.until
    }

    /// Can control reach the next instruction? A call of a function that never returns is not seen here.
    #[inline]
    pub fn falls_through(self) -> bool {
        !matches!(
            self,
            Op::Return
                | Op::CallLast
                | Op::CallOnly
                | Op::CallExtLast
                | Op::CallExtOnly
                | Op::ApplyLast
                | Op::Jump
                | Op::SelectVal
                | Op::SelectTupleArity
                | Op::FuncInfo
                | Op::IntCodeEnd
                | Op::Badmatch
                | Op::IfEnd
                | Op::CaseEnd
                | Op::TryCaseEnd
                | Op::Badrecord
                | Op::Raise
                | Op::Wait
                | Op::LoopRecEnd
        )
    }
}
