//! From a parsed file to the machine's own instructions: one pass, with labels filled in at the end of each module.
//! Small fusions of neighbouring instructions are made here; a label between two instructions prevents them.

use crate::op::{self, Op, Y, head, head_jump};
use beamfile::{Arg, BeamFile, Op as G};
use std::sync::Arc;
use term::fun::{Export, FunEntry};
use term::word::{Kind, header};
use term::{Term, am, atom};

/// What the loader needs from the node's tables.
pub struct Imports<'a> {
    pub export: &'a dyn Fn(Term, Term, u8) -> &'static Export,
    pub fun: &'a dyn Fn(&beamfile::Lambda) -> &'static FunEntry,
}

/// The product: code words and what belongs to them, offsets in words from their beginning.
pub struct Assembled {
    pub words: Vec<u64>,
    /// (offset of `FuncInfo`, function, arity), in order.
    pub functions: Vec<(u32, Term, u8)>,
    /// (offset, line item), in order.
    pub lines: Vec<(u32, u32)>,
    /// (function, arity, offset of the entry)
    pub exports: Vec<(Term, u8, u32)>,
    /// Functions that begin with `nif_start`.
    pub declared_nifs: Vec<(Term, u8)>,
    /// Entry offset of each fun of the fun table.
    pub lambdas: Vec<u32>,
    pub on_load: Option<u32>,
}

/// Where a label's distance goes.
#[derive(Clone, Copy)]
enum Place {
    /// Upper half of the word.
    High,
    /// The whole word.
    Whole,
    /// The lower or upper half of the word (jump tables).
    Half(bool),
}

struct Fix {
    word: usize,
    head: usize,
    place: Place,
    label: u32,
}

struct Loader<'a> {
    beam: &'a BeamFile<'a>,
    /// Functions to come whose entries fill X registers.
    cleared: &'a [(u32, u16)],
    atoms: Vec<Term>,
    literals: &'a [Term],
    exports: Vec<&'static Export>,
    funs: Vec<&'static FunEntry>,
    strings: *const u8,
    out: Vec<u64>,
    labels: Vec<u32>,
    fixes: Vec<Fix>,
    /// First word of the instruction being made.
    at: usize,
    scratch: u16,
    /// Integers of more than 62 bits that stand in the code; they live in the module's literals.
    bigs: &'a dyn Fn(Arg) -> Term,
}

const NO_LABEL: u32 = u32::MAX;
const NO_LIVE: u64 = op::NO_COLLECTION as u64;

/// Makes code. `strings` is the address of the string table's bytes, which must outlive the code. `literals` are the
/// literal table's terms; `bigs` gives integer operands that need memory.
pub fn assemble(
    beam: &BeamFile,
    verified: &beamfile::Verified,
    atoms: Vec<Term>,
    literals: &[Term],
    strings: &Arc<[u8]>,
    imports: &Imports,
    bigs: &dyn Fn(Arg) -> Term,
) -> Result<Assembled, String> {
    let exports = beam
        .imports
        .iter()
        .map(|i| (imports.export)(atoms[i.module as usize], atoms[i.function as usize], i.arity as u8))
        .collect();
    let funs = beam.lambdas.iter().map(|l| (imports.fun)(l)).collect();
    let l = Loader {
        beam,
        cleared: &verified.cleared,
        atoms,
        literals,
        exports,
        funs,
        strings: strings.as_ptr(),
        out: Vec::with_capacity(beam.code.instrs.len() * 2),
        labels: vec![NO_LABEL; beam.code.label_count() as usize + 1],
        fixes: Vec::new(),
        at: 0,
        scratch: 0,
        bigs,
    };
    l.module(imports)
}

impl<'a> Loader<'a> {
    fn atom(&self, index: u32) -> Term {
        self.atoms[index as usize]
    }

    /// A constant operand's term.
    fn constant(&self, a: Arg) -> Option<Term> {
        Some(match a {
            Arg::Atom(n) => self.atom(n),
            Arg::Nil | Arg::Alloc { .. } => Term::NIL,
            Arg::Int(n) if Term::fits_small(n) => Term::small(n),
            Arg::U(n) if n <= term::word::SMALL_MAX as u64 => Term::small(n as i64),
            Arg::Int(_) | Arg::U(_) | Arg::BigInt(_) => (self.bigs)(a),
            Arg::Literal(n) => self.literals[n as usize],
            Arg::Char(n) => Term::small(i64::from(n)),
            _ => return None,
        })
    }
    fn is_reg(a: Arg) -> bool {
        matches!(a, Arg::X(_) | Arg::Y(_))
    }
    /// Is this size the constant `all`, which means the rest? (The atom in a register is no size.)
    fn to_the_end(&self, size: Arg) -> u16 {
        u16::from(matches!(size, Arg::Atom(n) if self.atom(n) == am::ALL))
    }
    /// Operand of a register that is written, or read by an instruction that takes only registers.
    fn r(a: Arg) -> u16 {
        match a {
            Arg::X(n) => n,
            Arg::Y(n) => Y | n,
            Arg::FloatReg(n) => n,
            _ => 0,
        }
    }
    /// A register operand for any source: constants go to a scratch register first.
    fn reg(&mut self, a: Arg) -> u16 {
        if Self::is_reg(a) {
            return Self::r(a);
        }
        let t = self.constant(a).unwrap_or(Term::NIL);
        let s = op::SCRATCH + self.scratch;
        self.scratch += 1;
        self.out.push(head(Op::MoveC, s, 0, 0));
        self.out.push(t.raw());
        self.at = self.out.len();
        s
    }
    /// A source word.
    fn word(&self, a: Arg) -> u64 {
        match a {
            Arg::X(_) | Arg::Y(_) => u64::from(Self::r(a)) << 3,
            _ => self.constant(a).unwrap_or(Term::NIL).raw(),
        }
    }
    fn num(a: Arg) -> u64 {
        match a {
            Arg::U(n) => n,
            Arg::Int(n) => n as u64,
            Arg::X(n) | Arg::Y(n) | Arg::FloatReg(n) => u64::from(n),
            Arg::Alloc { words, floats, funs } => u64::from(words) + 2 * u64::from(floats) + 2 * u64::from(funs),
            Arg::Label(n) | Arg::Char(n) => u64::from(n),
            _ => 0,
        }
    }
    fn emit(&mut self, w: u64) {
        self.out.push(w);
    }
    /// A head word without jump.
    fn h(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.at = self.out.len();
        self.out.push(head(op, a, b, c));
    }
    /// A head word whose jump goes to `label`.
    fn hj(&mut self, op: Op, a: u16, label: Arg) {
        self.at = self.out.len();
        self.out.push(head_jump(op, a, 0));
        self.fix(Place::High, label);
    }
    /// The last word emitted gets the distance to `label` (nothing for label 0).
    fn fix(&mut self, place: Place, label: Arg) {
        if let Arg::Label(n) = label
            && n != 0
        {
            let word = self.out.len() - 1;
            self.fixes.push(Fix { word, head: self.at, place, label: n });
        }
    }
    /// A word that holds the distance to a fail label, or 0.
    fn fail_word(&mut self, label: Arg) {
        self.emit(0);
        self.fix(Place::Whole, label);
    }
    /// live | fail << 32
    fn live_fail(&mut self, live: u64, label: Arg) {
        self.emit(live);
        self.fix(Place::High, label);
    }

    fn list(&self, a: Arg) -> &'a [Arg] {
        match a {
            Arg::List { start, len } => self.beam.code.list(start, len),
            _ => &[],
        }
    }

    /// Flags of bit syntax: a number, or a literal list of names.
    fn flags(&self, a: Arg) -> u8 {
        match a {
            Arg::U(n) => n as u8,
            Arg::Literal(n) => {
                let mut f = 0;
                for t in self.literals[n as usize].iter() {
                    f |= match t {
                        am::LITTLE => 2,
                        am::SIGNED => 4,
                        am::NATIVE => 16,
                        _ => 0,
                    };
                }
                f
            }
            _ => 0,
        }
    }

    fn module(mut self, imports: &Imports) -> Result<Assembled, String> {
        let beam = self.beam;
        let code = &beam.code;
        let module = self.atom(1);
        let mut functions = Vec::with_capacity(code.functions.len());
        let mut lines: Vec<(u32, u32)> = Vec::new();
        let mut on_load = None;
        let mut declared_nifs = Vec::new();
        let natives: Vec<(u32, &'static Export)> = beam
            .exports
            .iter()
            .filter_map(|e| {
                let ex = (imports.export)(module, self.atom(e.function), e.arity as u8);
                (ex.native.load(std::sync::atomic::Ordering::Acquire) != 0).then_some((e.label, ex))
            })
            .collect();
        for (index, f) in code.functions.iter().enumerate() {
            let mut i = f.instrs.start as usize;
            let end = f.instrs.end as usize;
            let name = self.atom(f.name);
            while i < end {
                let ins = &code.instrs[i];
                let args = code.args(ins);
                self.scratch = 0;
                match ins.op {
                    G::Label => {
                        let n = Self::num(args[0]) as u32;
                        self.labels[n as usize] = self.out.len() as u32;
                        if n == f.entry_label
                            && let Some((_, ex)) = natives.iter().find(|x| x.0 == n)
                        {
                            // The body only raises; the native function stands in for it, for local calls too.
                            self.h(Op::CallNativeOnly, 0, 0, 0);
                            self.emit(*ex as *const Export as u64);
                        } else if n == f.entry_label && self.is_stub(i, end) {
                            // A native function that nobody has provided: undefined, by its name.
                            self.h(Op::Illegal, 0, 0, 0);
                        } else if n == f.entry_label && self.begins_with_receive(i, end) {
                            // The loop of a `receive` comes back to its first instruction: that must not be where breakpoints are.
                            self.out.push(head_jump(Op::Jump, 0, 1));
                        }
                        if n == f.entry_label {
                            while let Some((&(_, x), rest)) = self.cleared.split_first().filter(|(c, _)| c.0 == index as u32) {
                                self.h(Op::MoveC, x, 0, 0);
                                self.emit(Term::NIL.raw());
                                self.cleared = rest;
                            }
                        }
                    }
                    G::FuncInfo => {
                        functions.push((self.out.len() as u32, name, f.arity as u8));
                        self.h(Op::FuncInfo, f.arity as u16, 0, 0);
                        self.emit(module.raw());
                        self.emit(name.raw());
                    }
                    G::Line if self.line_is_dropped(i, f.instrs.start as usize, end) => {}
                    G::Line => lines.push((self.out.len() as u32, Self::num(args[0]) as u32)),
                    G::NifStart => declared_nifs.push((name, f.arity as u8)),
                    G::OnLoad => on_load = functions.last().map(|f| f.0 + 3),
                    _ => i += self.instr(ins.op, args, i, end)?,
                }
                i += 1;
            }
        }
        for fix in std::mem::take(&mut self.fixes) {
            let to = self.labels.get(fix.label as usize).copied().unwrap_or(NO_LABEL);
            if to == NO_LABEL {
                return Err(format!("label {} is not defined", fix.label));
            }
            let d = i64::from(to) - fix.head as i64;
            let w = &mut self.out[fix.word];
            match fix.place {
                Place::High => *w |= ((d as i32 as u32) as u64) << 32,
                Place::Whole => *w = d as u64,
                Place::Half(false) => *w |= (d as i32 as u32) as u64,
                Place::Half(true) => *w |= ((d as i32 as u32) as u64) << 32,
            }
        }
        let exports = beam
            .exports
            .iter()
            .map(|e| (self.atom(e.function), e.arity as u8, self.labels[e.label as usize]))
            .collect();
        let lambdas = beam.lambdas.iter().map(|l| self.labels[l.label as usize]).collect();
        Ok(Assembled { words: self.out, functions, lines, exports, declared_nifs, lambdas, on_load })
    }

    /// The instruction after index `i` if it is within the function and not a label.
    fn peek(&self, i: usize, end: usize) -> Option<(G, &'a [Arg])> {
        if i + 1 >= end {
            return None;
        }
        let ins = &self.beam.code.instrs[i + 1];
        Some((ins.op, self.beam.code.args(ins)))
    }

    fn begins_with_receive(&self, i: usize, end: usize) -> bool {
        let rest = &self.beam.code.instrs[i + 1..end];
        rest.iter().find(|x| !matches!(x.op, G::Label | G::Line)).is_some_and(|x| x.op == G::LoopRec)
    }

    /// ERTS' loader drops the line between `move _ x0` and a last call of what is no native function: what stands behind it, and has no
    /// line of its own, is told as being in the line before. It makes one instruction of two moves from neighbouring Y registers to
    /// neighbouring X registers, and does not know that one for a move.
    fn line_is_dropped(&self, i: usize, start: usize, end: usize) -> bool {
        let at = |k: usize| &self.beam.code.instrs[k];
        let moved = i > start && at(i - 1).op == G::Move && self.beam.code.args(at(i - 1))[1] == Arg::X(0);
        let from_stack = |k: usize| match self.beam.code.args(at(k)) {
            &[Arg::Y(y), Arg::X(x)] if at(k).op == G::Move => Some((y, x)),
            _ => None,
        };
        let paired = || {
            let Some(mut k) = (start..i).rev().take_while(|&k| from_stack(k).is_some()).last() else { return false };
            while k + 1 < i {
                let neighbours = matches!((from_stack(k), from_stack(k + 1)), (Some((y, x)), Some((v, u))) if y.abs_diff(v) == 1 && x.abs_diff(u) == 1);
                k += 1 + usize::from(neighbours);
            }
            k == i
        };
        moved
            && !paired()
            && i + 1 < end
            && match at(i + 1).op {
                G::CallOnly | G::CallLast => true,
                G::CallExtOnly | G::CallExtLast => {
                    let called = self.exports[Self::num(self.beam.code.args(at(i + 1))[1]) as usize];
                    called.native.load(std::sync::atomic::Ordering::Acquire) == 0
                }
                _ => false,
            }
    }

    /// Is the function that begins at label `i` nothing but `erlang:nif_error(undefined)`?
    fn is_stub(&self, i: usize, end: usize) -> bool {
        let mut i = i + 1;
        while i < end && matches!(self.beam.code.instrs[i].op, G::NifStart | G::Line) {
            i += 1;
        }
        let at = |k: usize| (i + k < end).then(|| &self.beam.code.instrs[i + k]);
        let Some(moving) = at(0).filter(|m| m.op == G::Move) else { return false };
        let undefined = matches!(self.beam.code.args(moving)[0], Arg::Atom(n) if self.atom(n) == am::UNDEFINED);
        let mut k = 1;
        while at(k).is_some_and(|l| l.op == G::Line) {
            k += 1;
        }
        undefined
            && at(k).filter(|c| matches!(c.op, G::CallExtOnly | G::CallExt)).is_some_and(|c| {
                let e = self.exports[Self::num(self.beam.code.args(c)[1]) as usize];
                e.module == am::ERLANG && e.arity == 1 && atom::text(e.function) == "nif_error"
            })
    }

    fn call_export(&mut self, e: &'static Export, plain: Op, native: Op, a: u16) {
        // Of the functions that are instructions only `apply` may lead to a native one, which then wants to know its caller.
        let is_native = match e.native.load(std::sync::atomic::Ordering::Acquire) {
            0 => false,
            u32::MAX => e.function == am::APPLY,
            _ => true,
        };
        self.h(if is_native { native } else { plain }, a, 0, 0);
        self.emit(e as *const Export as u64);
    }

    /// A last call. Behind that of a native function stands a `Return` (c says so): while the function is traced, the caller gets a
    /// continuation after all.
    fn last_call_export(&mut self, e: &'static Export, plain: Op, native: Op, a: u16) {
        self.call_export(e, plain, native, a);
        let at = self.out.len() - 2;
        if self.out[at] as u16 == native as u16 {
            self.out[at] |= 1 << 48;
            self.out.push(head(Op::Return, 0, 0, 0));
        }
    }

    fn test1(&mut self, op: Op, args: &[Arg]) {
        let r = self.reg(args[1]);
        self.hj(op, r, args[0]);
    }

    fn compare(&mut self, op: Op, args: &[Arg]) {
        let (mut a, mut b) = (args[1], args[2]);
        // Equality does not mind the order: a constant comes second.
        if matches!(op, Op::IsEq | Op::IsNe | Op::IsEqExact | Op::IsNeExact) && !Self::is_reg(a) {
            std::mem::swap(&mut a, &mut b);
        }
        if !Self::is_reg(a) && Self::is_reg(b) && matches!(op, Op::IsLt | Op::IsGe) {
            let t = self.constant(a).unwrap_or(Term::NIL);
            let r = Self::r(b);
            self.hj(if op == Op::IsLt { Op::IsLtCR } else { Op::IsGeCR }, r, args[0]);
            self.emit(t.raw());
            return;
        }
        let r = self.reg(a);
        let mut op = op;
        if let Some(t) = (!Self::is_reg(b)).then(|| self.constant(b)).flatten()
            && t.is_immediate()
        {
            op = match op {
                Op::IsEqExact => Op::IsEqImm,
                Op::IsNeExact => Op::IsNeImm,
                Op::IsEq if !t.is_small() => Op::IsEqImm,
                Op::IsNe if !t.is_small() => Op::IsNeImm,
                o => o,
            };
        }
        self.hj(op, r, args[0]);
        let w = self.word(b);
        self.emit(w);
    }

    fn binary_op(&mut self, op: Op, with_constant: Option<Op>, fail: Arg, live: u64, a: Arg, b: Arg, dst: Arg) {
        if let (Some(c), Some(t)) = (with_constant, (!Self::is_reg(b)).then(|| self.constant(b)).flatten())
            && t.is_small()
        {
            let ra = self.reg(a);
            self.h(c, ra, 0, Self::r(dst));
            self.live_fail(live, fail);
            self.emit(t.raw());
            return;
        }
        let ra = self.reg(a);
        let rb = self.reg(b);
        self.h(op, ra, rb, Self::r(dst));
        self.live_fail(live, fail);
    }

    fn generic_bif(&mut self, e: &'static Export, fail: Arg, live: u64, srcs: &[Arg], dst: Arg) {
        self.h(Op::GuardBif, srcs.len() as u16, Self::r(dst), live as u16);
        self.emit(e as *const Export as u64);
        self.fail_word(fail);
        for &s in srcs {
            let w = self.word(s);
            self.emit(w);
        }
    }

    /// A guard BIF or operator.
    fn bif(&mut self, fail: Arg, live: u64, import: Arg, srcs: &[Arg], dst: Arg) {
        let e = self.exports[Self::num(import) as usize];
        if e.module == am::ERLANG {
            let one = |l: &mut Self, op: Op| {
                let a = l.reg(srcs[0]);
                l.h(op, a, 0, Self::r(dst));
                l.live_fail(live, fail);
            };
            match (atom::text(e.function), srcs.len()) {
                ("+", 2) => {
                    // A constant comes second: its errors do not show the operands.
                    let swap = matches!(srcs[0], Arg::Int(n) if Term::fits_small(n)) && Self::is_reg(srcs[1]);
                    let (a, b) = if swap { (srcs[1], srcs[0]) } else { (srcs[0], srcs[1]) };
                    return self.binary_op(Op::Add, Some(Op::AddC), fail, live, a, b, dst);
                }
                // As the sum with zero.
                ("+", 1) => return self.binary_op(Op::Add, Some(Op::AddC), fail, live, srcs[0], Arg::Int(0), dst),
                ("-", 2) => return self.binary_op(Op::Sub, Some(Op::SubC), fail, live, srcs[0], srcs[1], dst),
                ("*", 2) => return self.binary_op(Op::Mul, None, fail, live, srcs[0], srcs[1], dst),
                ("/", 2) => return self.binary_op(Op::Div, None, fail, live, srcs[0], srcs[1], dst),
                ("div", 2) => return self.binary_op(Op::IntDiv, None, fail, live, srcs[0], srcs[1], dst),
                ("rem", 2) => return self.binary_op(Op::Rem, None, fail, live, srcs[0], srcs[1], dst),
                ("band", 2) => return self.binary_op(Op::Band, Some(Op::BandC), fail, live, srcs[0], srcs[1], dst),
                ("bor", 2) => return self.binary_op(Op::Bor, None, fail, live, srcs[0], srcs[1], dst),
                ("bxor", 2) => return self.binary_op(Op::Bxor, None, fail, live, srcs[0], srcs[1], dst),
                ("bsl", 2) => return self.binary_op(Op::Bsl, Some(Op::BslC), fail, live, srcs[0], srcs[1], dst),
                ("bsr", 2) => return self.binary_op(Op::Bsr, Some(Op::BsrC), fail, live, srcs[0], srcs[1], dst),
                ("bnot", 1) => return one(self, Op::Bnot),
                ("-", 1) => return one(self, Op::Neg),
                ("hd", 1) => return one(self, Op::BifHd),
                ("tl", 1) => return one(self, Op::BifTl),
                ("tuple_size", 1) => return one(self, Op::BifTupleSize),
                ("byte_size", 1) => return one(self, Op::BifByteSize),
                ("bit_size", 1) => return one(self, Op::BifBitSize),
                ("map_size", 1) => return one(self, Op::BifMapSize),
                ("length", 1) => return one(self, Op::BifLength),
                ("not", 1) => return one(self, Op::BifNot),
                ("self", 0) => {
                    self.h(Op::BifSelf, 0, 0, Self::r(dst));
                    return self.emit(0);
                }
                ("node", 0) => {
                    self.h(Op::BifNode, 0, 0, Self::r(dst));
                    return self.emit(0);
                }
                ("element", 2) => {
                    if let Arg::Int(n) = srcs[0]
                        && (1..=0xffff).contains(&n)
                    {
                        let t = self.reg(srcs[1]);
                        self.h(Op::BifElementC, t, n as u16, Self::r(dst));
                        return self.live_fail(live, fail);
                    }
                    return self.binary_op(Op::BifElement, None, fail, live, srcs[0], srcs[1], dst);
                }
                ("map_get", 2) => return self.binary_op(Op::BifMapGet, None, fail, live, srcs[0], srcs[1], dst),
                ("is_map_key", 2) => return self.binary_op(Op::BifIsMapKey, None, fail, live, srcs[0], srcs[1], dst),
                ("==", 2) => return self.binary_op(Op::CmpEq, None, fail, live, srcs[0], srcs[1], dst),
                ("/=", 2) => return self.binary_op(Op::CmpNe, None, fail, live, srcs[0], srcs[1], dst),
                ("=:=", 2) => return self.binary_op(Op::CmpEqExact, None, fail, live, srcs[0], srcs[1], dst),
                ("=/=", 2) => return self.binary_op(Op::CmpNeExact, None, fail, live, srcs[0], srcs[1], dst),
                ("<", 2) => return self.binary_op(Op::CmpLt, None, fail, live, srcs[0], srcs[1], dst),
                (">=", 2) => return self.binary_op(Op::CmpGe, None, fail, live, srcs[0], srcs[1], dst),
                (">", 2) => return self.binary_op(Op::CmpGt, None, fail, live, srcs[0], srcs[1], dst),
                ("=<", 2) => return self.binary_op(Op::CmpLe, None, fail, live, srcs[0], srcs[1], dst),
                _ => {}
            }
        }
        self.generic_bif(e, fail, live, srcs, dst);
    }

    fn select(&mut self, args: &[Arg]) {
        let cases = self.list(args[2]);
        let r = self.reg(args[0]);
        let fail = args[1];
        let mut keyed: Vec<(Term, Arg)> = Vec::with_capacity(cases.len() / 2);
        let mut boxed = Vec::new();
        for p in cases.chunks_exact(2) {
            let t = self.constant(p[0]).unwrap_or(Term::NIL);
            if t.is_immediate() { keyed.push((t, p[1])) } else { boxed.push((t, p[1])) }
        }
        // Integers beyond the small ones and floats are compared one by one.
        if !boxed.is_empty() {
            for (t, to) in boxed {
                // "not equal: go on" jumps over the jump.
                let over = self.out.len() + 3;
                self.at = self.out.len();
                self.out.push(head_jump(Op::IsEqExact, r, (over - self.at) as i32));
                self.emit(t.raw());
                self.hj(Op::Jump, 0, to);
            }
            if keyed.is_empty() {
                return self.hj(Op::Jump, 0, fail);
            }
        }
        let n = keyed.len();
        if keyed.iter().all(|k| k.0.is_small()) && n >= 4 {
            let lo = keyed.iter().map(|k| k.0.small_value()).min().unwrap_or(0);
            let hi = keyed.iter().map(|k| k.0.small_value()).max().unwrap_or(0);
            let span = hi.wrapping_sub(lo) as u64;
            if span < (n as u64) * 4 + 16 {
                let span = span as usize + 1;
                self.hj(Op::SelectJump, r, fail);
                self.emit(lo as u64);
                self.emit(span as u64);
                let first = self.out.len();
                for _ in 0..span.div_ceil(2) {
                    self.emit(0);
                }
                for i in 0..span {
                    let to = keyed.iter().find(|k| k.0.small_value() - lo == i as i64).map_or(fail, |k| k.1);
                    if let Arg::Label(label) = to {
                        self.fixes.push(Fix { word: first + i / 2, head: self.at, place: Place::Half(i % 2 == 1), label });
                    }
                }
                return;
            }
        }
        if n <= 6 {
            self.hj(Op::SelectLinear, r, fail);
            self.emit(n as u64);
            for (t, to) in keyed {
                self.emit(t.raw());
                self.emit(0);
                self.fix(Place::Whole, to);
            }
            return;
        }
        keyed.sort_by_key(|k| k.0.raw());
        self.hj(Op::SelectBinary, r, fail);
        self.emit(n as u64);
        for k in &keyed {
            self.emit(k.0.raw());
        }
        let first = self.out.len();
        for _ in 0..n.div_ceil(2) {
            self.emit(0);
        }
        for (i, k) in keyed.iter().enumerate() {
            if let Arg::Label(label) = k.1 {
                self.fixes.push(Fix { word: first + i / 2, head: self.at, place: Place::Half(i % 2 == 1), label });
            }
        }
    }

    /// Makes one instruction; how many following ones it has taken with it.
    #[allow(clippy::too_many_lines)]
    fn instr(&mut self, g: G, a: &'a [Arg], i: usize, end: usize) -> Result<usize, String> {
        let num = Self::num;
        match g {
            G::Label | G::FuncInfo | G::Line | G::OnLoad => {}
            G::IntCodeEnd | G::NifStart | G::ExecutableLine | G::DebugLine => {}
            G::Fclearerror | G::Fcheckerror => {}

            // control
            G::Jump => self.hj(Op::Jump, 0, a[0]),
            G::Call => self.hj(Op::Call, 0, a[1]),
            G::CallLast => self.hj(Op::CallLast, num(a[2]) as u16, a[1]),
            G::CallOnly => self.hj(Op::CallOnly, 0, a[1]),
            // The size in a last call of a function that never returns may be wrong, so the frame stays.
            G::CallExtLast | G::CallExtOnly if beamfile::never_returns(self.beam, num(a[1])) => {
                let e = self.exports[num(a[1]) as usize];
                self.call_export(e, Op::CallExt, Op::CallNative, 0);
            }
            G::CallExt => {
                let e = self.exports[num(a[1]) as usize];
                self.call_export(e, Op::CallExt, Op::CallNative, 0);
            }
            G::CallExtLast => {
                let e = self.exports[num(a[1]) as usize];
                self.last_call_export(e, Op::CallExtLast, Op::CallNativeLast, num(a[2]) as u16);
            }
            G::CallExtOnly => {
                let e = self.exports[num(a[1]) as usize];
                self.last_call_export(e, Op::CallExtOnly, Op::CallNativeOnly, 0);
            }
            G::Return => self.h(Op::Return, 0, 0, 0),
            G::CallFun | G::CallFun2 => {
                // With the frame's end behind it, it is a last call: the third operand says so and how many words to drop.
                let (last, used) = match self.peek(i, end) {
                    Some((G::Deallocate, d)) if matches!(self.peek(i + 1, end), Some((G::Return, _))) => (num(d[0]) as u16 + 1, 2),
                    _ => (0, 0),
                };
                if g == G::CallFun {
                    self.h(Op::CallFun, num(a[0]) as u16, 0, last);
                } else {
                    let r = self.reg(a[2]);
                    self.h(Op::CallFun2, num(a[1]) as u16, r, last);
                }
                return Ok(used);
            }
            G::Apply => self.h(Op::Apply, num(a[0]) as u16, 0, 0),
            G::ApplyLast => self.h(Op::ApplyLast, num(a[0]) as u16, num(a[1]) as u16, 0),

            // frames
            G::Allocate => self.h(Op::Allocate, num(a[0]) as u16, num(a[1]) as u16, 0),
            G::AllocateZero => {
                let n = num(a[0]);
                self.h(Op::Allocate, n as u16, num(a[1]) as u16, 0);
                self.init_y((0..n).map(|y| y as u16).collect());
            }
            G::AllocateHeap | G::AllocateHeapZero => {
                let (n, heap, live) = (num(a[0]), num(a[1]), num(a[2]));
                if heap < 0x1_0000 {
                    self.h(Op::AllocateHeap, n as u16, live as u16, heap as u16);
                } else {
                    self.h(Op::Allocate, n as u16, live as u16, 0);
                    self.init_y((0..n).map(|y| y as u16).collect());
                    self.at = self.out.len();
                    self.emit(head_jump(Op::TestHeap, live as u16, heap as i32));
                }
                if g == G::AllocateHeapZero {
                    self.init_y((0..n).map(|y| y as u16).collect());
                }
            }
            G::TestHeap => {
                self.at = self.out.len();
                let w = head_jump(Op::TestHeap, num(a[1]) as u16, num(a[0]) as i32);
                self.emit(w);
            }
            G::Deallocate => {
                if let Some((G::Return, _)) = self.peek(i, end) {
                    self.h(Op::DeallocReturn, num(a[0]) as u16, 0, 0);
                    return Ok(1);
                }
                self.h(Op::Deallocate, num(a[0]) as u16, 0, 0);
            }
            G::Trim => self.h(Op::Trim, num(a[0]) as u16, 0, 0),
            G::Init => self.init_y(vec![Self::r(a[0]) & 0x7fff]),
            G::InitYregs => self.init_y(self.list(a[0]).iter().map(|&y| Self::r(y) & 0x7fff).collect()),

            // moving
            G::Move => return Ok(self.do_move(a, i, end)),
            G::Swap => self.h(Op::Swap, Self::r(a[0]), Self::r(a[1]), 0),
            G::GetList => {
                let r = self.reg(a[0]);
                self.h(Op::GetList, r, Self::r(a[1]), Self::r(a[2]));
            }
            G::GetHd => {
                let r = self.reg(a[0]);
                self.h(Op::GetHd, r, Self::r(a[1]), 0);
            }
            G::GetTl => {
                let r = self.reg(a[0]);
                self.h(Op::GetTl, r, Self::r(a[1]), 0);
            }
            G::GetTupleElement => {
                let r = self.reg(a[0]);
                let n = num(a[1]) as u16;
                if let Some((G::GetTupleElement, b)) = self.peek(i, end)
                    && b[0] == a[0]
                    && a[2] != a[0]
                    && num(b[1]) == num(a[1]) + 1
                {
                    self.h(Op::GetElement2, r, n, Self::r(a[2]));
                    self.emit(u64::from(Self::r(b[2])));
                    return Ok(1);
                }
                self.h(Op::GetElement, r, n, Self::r(a[2]));
            }
            G::SetTupleElement => {
                let r = self.reg(a[1]);
                let w = self.word(a[0]);
                self.h(Op::SetElement, r, num(a[2]) as u16, 0);
                self.emit(w);
            }

            // building
            G::PutList => {
                let dst = Self::r(a[2]);
                match (Self::is_reg(a[0]), Self::is_reg(a[1])) {
                    (true, true) => self.h(Op::PutList, Self::r(a[0]), Self::r(a[1]), dst),
                    (true, false) => {
                        self.h(Op::PutListC, Self::r(a[0]), 0, dst);
                        let w = self.word(a[1]);
                        self.emit(w);
                    }
                    _ => {
                        self.h(Op::PutListS, 0, 0, dst);
                        let (x, y) = (self.word(a[0]), self.word(a[1]));
                        self.emit(x);
                        self.emit(y);
                    }
                }
            }
            G::PutTuple2 => {
                let elements = self.list(a[1]);
                self.at = self.out.len();
                self.emit(head_jump(Op::PutTuple, Self::r(a[0]), elements.len() as i32));
                for &e in elements {
                    let w = self.word(e);
                    self.emit(w);
                }
            }
            G::UpdateRecord => {
                let src = self.reg(a[2]);
                let updates = self.list(a[4]);
                self.h(Op::UpdateRecord, num(a[1]) as u16, Self::r(a[3]), src);
                self.emit(updates.len() as u64 / 2);
                for u in updates.chunks_exact(2) {
                    self.emit(num(u[0]));
                    let w = self.word(u[1]);
                    self.emit(w);
                }
            }
            G::MakeFun3 => {
                let entry = self.funs[num(a[0]) as usize];
                let env = self.list(a[2]);
                self.h(Op::MakeFun, env.len() as u16, Self::r(a[1]), 0);
                self.emit(entry as *const FunEntry as u64);
                for &e in env {
                    let w = self.word(e);
                    self.emit(w);
                }
            }
            G::MakeFun2 => {
                // Free variables are in the first x registers, the result goes to x0; room is not reserved by the compiler.
                let entry = self.funs[num(a[0]) as usize];
                let n = entry.num_free as u16;
                self.at = self.out.len();
                self.emit(head_jump(Op::TestHeap, n, i32::from(n) + 2));
                self.h(Op::MakeFun, n, 0, 0);
                self.emit(entry as *const FunEntry as u64);
                for x in 0..n {
                    self.emit(u64::from(x) << 3);
                }
            }

            // tests
            G::IsInteger => self.test1(Op::IsInteger, a),
            G::IsFloat => self.test1(Op::IsFloat, a),
            G::IsNumber => self.test1(Op::IsNumber, a),
            G::IsAtom => self.test1(Op::IsAtom, a),
            G::IsPid => self.test1(Op::IsPid, a),
            G::IsReference => self.test1(Op::IsReference, a),
            G::IsPort => self.test1(Op::IsPort, a),
            G::IsNil => self.test1(Op::IsNil, a),
            G::IsBinary => self.test1(Op::IsBinary, a),
            G::IsBitstr => self.test1(Op::IsBitstring, a),
            G::IsList => self.test1(Op::IsList, a),
            G::IsNonemptyList => {
                if let Some((G::GetList, b)) = self.peek(i, end)
                    && b[0] == a[1]
                    && Self::is_reg(a[1])
                {
                    self.hj(Op::IsNonemptyGetList, Self::r(a[1]), a[0]);
                    self.emit(u64::from(Self::r(b[1])) | u64::from(Self::r(b[2])) << 16);
                    return Ok(1);
                }
                self.test1(Op::IsNonemptyList, a);
            }
            G::IsTuple => {
                if let Some((G::TestArity, b)) = self.peek(i, end)
                    && b[1] == a[1]
                    && b[0] == a[0]
                    && Self::is_reg(a[1])
                {
                    self.hj(Op::IsTupleOfArity, Self::r(a[1]), a[0]);
                    self.emit(header(Kind::Tuple, num(b[2]) as usize));
                    return Ok(1);
                }
                self.test1(Op::IsTuple, a);
            }
            G::IsMap => self.test1(Op::IsMap, a),
            G::IsBoolean => self.test1(Op::IsBoolean, a),
            G::IsFunction => self.test1(Op::IsFunction, a),
            G::TestArity => {
                self.test1(Op::TestArity, a);
                self.emit(header(Kind::Tuple, num(a[2]) as usize));
            }
            G::IsTaggedTuple => {
                self.test1(Op::IsTaggedTuple, a);
                self.emit(header(Kind::Tuple, num(a[2]) as usize));
                let w = self.word(a[3]);
                self.emit(w);
            }
            G::IsFunction2 => {
                let w = self.word(a[2]);
                self.test1(Op::IsFunction2, a);
                self.emit(w);
            }
            G::IsEq => self.compare(Op::IsEq, a),
            G::IsNe => self.compare(Op::IsNe, a),
            G::IsEqExact => self.compare(Op::IsEqExact, a),
            G::IsNeExact => self.compare(Op::IsNeExact, a),
            G::IsLt => self.compare(Op::IsLt, a),
            G::IsGe => self.compare(Op::IsGe, a),
            G::SelectVal => self.select(a),
            G::SelectTupleArity => {
                let cases = self.list(a[2]);
                let r = self.reg(a[0]);
                self.hj(Op::SelectArity, r, a[1]);
                self.emit(cases.len() as u64 / 2);
                for p in cases.chunks_exact(2) {
                    self.emit(header(Kind::Tuple, num(p[0]) as usize));
                    self.emit(0);
                    self.fix(Place::Whole, p[1]);
                }
            }

            // BIFs
            G::Bif0 => self.bif(Arg::Label(0), NO_LIVE, a[0], &[], a[1]),
            G::Bif1 => self.bif(a[0], NO_LIVE, a[1], &a[2..3], a[3]),
            G::Bif2 => self.bif(a[0], NO_LIVE, a[1], &a[2..4], a[4]),
            G::Bif3 => self.bif(a[0], NO_LIVE, a[1], &a[2..5], a[5]),
            G::GcBif1 => self.bif(a[0], num(a[1]), a[2], &a[3..4], a[4]),
            G::GcBif2 => self.bif(a[0], num(a[1]), a[2], &a[3..5], a[5]),
            G::GcBif3 => self.bif(a[0], num(a[1]), a[2], &a[3..6], a[6]),

            // exceptions
            G::Try => self.hj(Op::Try, Self::r(a[0]) & 0x7fff, a[1]),
            G::Catch => self.hj(Op::Catch, Self::r(a[0]) & 0x7fff, a[1]),
            G::TryEnd => self.h(Op::TryEnd, Self::r(a[0]) & 0x7fff, 0, 0),
            G::TryCase => self.h(Op::TryCase, Self::r(a[0]) & 0x7fff, 0, 0),
            G::CatchEnd => self.h(Op::CatchEnd, Self::r(a[0]) & 0x7fff, 0, 0),
            G::TryCaseEnd => self.one(Op::TryCaseEnd, a[0]),
            G::Badmatch => self.one(Op::Badmatch, a[0]),
            G::CaseEnd => self.one(Op::CaseEnd, a[0]),
            G::Badrecord => self.one(Op::BadRecord, a[0]),
            G::IfEnd => self.h(Op::IfEnd, 0, 0, 0),
            G::Raise => {
                let (t, v) = (self.reg(a[0]), self.reg(a[1]));
                self.h(Op::Raise, t, v, 0);
            }
            G::RawRaise => self.h(Op::RawRaise, 0, 0, 0),
            G::BuildStacktrace => self.h(Op::BuildStacktrace, 0, 0, 0),

            // messages
            G::Send => self.h(Op::Send, 0, 0, 0),
            G::LoopRec => self.hj(Op::LoopRec, Self::r(a[1]), a[0]),
            G::LoopRecEnd => self.hj(Op::LoopRecEnd, 0, a[0]),
            G::RemoveMessage => self.h(Op::RemoveMessage, 0, 0, 0),
            G::Wait => self.hj(Op::Wait, 0, a[0]),
            G::WaitTimeout => {
                let w = self.word(a[1]);
                self.hj(Op::WaitTimeout, 0, a[0]);
                self.emit(w);
            }
            G::Timeout => self.h(Op::Timeout, 0, 0, 0),
            G::RecvMark | G::RecvSet => {}
            G::RecvMarkerReserve => self.h(Op::MarkReserve, Self::r(a[0]), 0, 0),
            G::RecvMarkerBind => self.h(Op::MarkBind, Self::r(a[0]), Self::r(a[1]), 0),
            G::RecvMarkerClear => self.h(Op::MarkClear, Self::r(a[0]), 0, 0),
            G::RecvMarkerUse => self.h(Op::MarkUse, Self::r(a[0]), 0, 0),

            // floats
            G::Fmove => match (a[0], a[1]) {
                (Arg::FloatReg(f), d) => self.h(Op::FMoveOut, f, Self::r(d), 0),
                (s, Arg::FloatReg(f)) if Self::is_reg(s) => self.h(Op::FMoveIn, Self::r(s), f, 0),
                (s, Arg::FloatReg(f)) => {
                    let v = self.constant(s).and_then(Term::as_float).unwrap_or(0.0);
                    self.h(Op::FMoveC, f, 0, 0);
                    self.emit(v.to_bits());
                }
                _ => return Err("fmove between other than float registers".into()),
            },
            G::Fconv => {
                let w = self.word(a[0]);
                self.h(Op::FConv, Self::r(a[1]), 0, 0);
                self.emit(w);
            }
            G::Fadd => self.h(Op::FAdd, Self::r(a[1]), Self::r(a[2]), Self::r(a[3])),
            G::Fsub => self.h(Op::FSub, Self::r(a[1]), Self::r(a[2]), Self::r(a[3])),
            G::Fmul => self.h(Op::FMul, Self::r(a[1]), Self::r(a[2]), Self::r(a[3])),
            G::Fdiv => self.h(Op::FDiv, Self::r(a[1]), Self::r(a[2]), Self::r(a[3])),
            G::Fnegate => self.h(Op::FNeg, Self::r(a[1]), Self::r(a[2]), 0),

            // maps
            G::PutMapAssoc | G::PutMapExact => {
                let pairs = self.list(a[4]);
                let src = self.reg(a[1]);
                let op = if g == G::PutMapAssoc { Op::PutMapAssoc } else { Op::PutMapExact };
                self.h(op, src, Self::r(a[2]), num(a[3]) as u16);
                self.fail_word(a[0]);
                self.emit(pairs.len() as u64 / 2);
                for &p in pairs {
                    let w = self.word(p);
                    self.emit(w);
                }
            }
            G::HasMapFields => {
                let keys = self.list(a[2]);
                self.test1(Op::HasMapFields, a);
                self.emit(keys.len() as u64);
                for &k in keys {
                    let w = self.word(k);
                    self.emit(w);
                }
            }
            G::GetMapElements => {
                let pairs = self.list(a[2]);
                let src = self.reg(a[1]);
                if let [k, d] = pairs
                    && let Some(t) = (!Self::is_reg(*k)).then(|| self.constant(*k)).flatten()
                    && t.is_immediate()
                {
                    self.hj(Op::GetMapElement, src, a[0]);
                    self.emit(t.raw());
                    self.emit(u64::from(Self::r(*d)));
                } else {
                    self.hj(Op::GetMapElements, src, a[0]);
                    self.emit(pairs.len() as u64 / 2);
                    for p in pairs.chunks_exact(2) {
                        let w = self.word(p[0]);
                        self.emit(w);
                        self.emit(u64::from(Self::r(p[1])));
                    }
                }
            }

            _ => return self.bits_or_record(g, a),
        }
        Ok(0)
    }

    fn one(&mut self, op: Op, a: Arg) {
        let r = self.reg(a);
        self.h(op, r, 0, 0);
    }

    fn init_y(&mut self, regs: Vec<u16>) {
        self.h(Op::InitY, regs.len() as u16, 0, 0);
        for four in regs.chunks(4) {
            let w = four.iter().enumerate().fold(0, |w, (i, &r)| w | u64::from(r) << (16 * i));
            self.emit(w);
        }
    }

    fn do_move(&mut self, a: &[Arg], i: usize, end: usize) -> usize {
        let next = self.peek(i, end);
        if let (Arg::X(0), Some((G::Return, _))) = (a[1], next) {
            if Self::is_reg(a[0]) {
                self.h(Op::MoveReturn, Self::r(a[0]), 0, 0);
            } else {
                self.h(Op::MoveCReturn, 0, 0, 0);
                let w = self.word(a[0]);
                self.emit(w);
            }
            return 1;
        }
        if let (Arg::X(0), Some((G::Deallocate, d))) = (a[1], next)
            && let Some((G::Return, _)) = self.peek(i + 1, end)
        {
            let n = Self::num(d[0]) as u16;
            if Self::is_reg(a[0]) {
                self.h(Op::MoveReturn, Self::r(a[0]), n, 0);
            } else {
                self.h(Op::MoveCReturn, 0, n, 0);
                let w = self.word(a[0]);
                self.emit(w);
            }
            return 2;
        }
        if !Self::is_reg(a[0]) {
            let w = self.word(a[0]);
            self.h(Op::MoveC, Self::r(a[1]), 0, 0);
            self.emit(w);
            return 0;
        }
        if let Some((G::Move, b)) = next
            && Self::is_reg(b[0])
            && !matches!(self.peek(i + 1, end), Some((G::Return | G::Deallocate, _)) if b[1] == Arg::X(0))
        {
            self.h(Op::Move2, Self::r(a[0]), Self::r(a[1]), 0);
            self.emit(head(Op::Move, Self::r(b[0]), Self::r(b[1]), 0));
            return 1;
        }
        let (s, d) = (Self::r(a[0]), Self::r(a[1]));
        match (a[0], a[1]) {
            (Arg::X(_), Arg::X(_)) => self.h(Op::MoveXX, s, d, 0),
            (Arg::X(_), Arg::Y(n)) => self.h(Op::MoveXY, s, n, 0),
            (Arg::Y(n), Arg::X(_)) => self.h(Op::MoveYX, n, d, 0),
            _ => self.h(Op::Move, s, d, 0),
        }
        0
    }

    fn bits_or_record(&mut self, g: G, a: &'a [Arg]) -> Result<usize, String> {
        let num = Self::num;
        match g {
            G::BsStartMatch3 | G::BsStartMatch4 => {
                let (fail, live, src, dst) = if g == G::BsStartMatch3 { (a[0], a[2], a[1], a[3]) } else { (a[0], a[1], a[2], a[3]) };
                let r = self.reg(src);
                self.h(Op::BsStartMatch, r, Self::r(dst), num(live) as u16);
                self.fail_word(if matches!(fail, Arg::Label(_)) { fail } else { Arg::Label(0) });
            }
            G::BsGetInteger2 | G::BsGetFloat2 | G::BsGetBinary2 => {
                let op = match g {
                    G::BsGetInteger2 => Op::BsGetInteger,
                    G::BsGetFloat2 => Op::BsGetFloat,
                    _ => Op::BsGetBinary,
                };
                let size = self.word(a[3]);
                let flags = self.flags(a[5]);
                self.h(op, Self::r(a[1]), self.to_the_end(a[3]), Self::r(a[6]));
                self.fail_word(a[0]);
                self.emit(num(a[4]) | u64::from(flags) << 8 | num(a[2]) << 16);
                self.emit(size);
            }
            G::BsSkipBits2 => {
                let size = self.word(a[2]);
                self.h(Op::BsSkip, Self::r(a[1]), self.to_the_end(a[2]), 0);
                self.fail_word(a[0]);
                self.emit(num(a[3]));
                self.emit(size);
            }
            G::BsTestTail2 => {
                self.hj(Op::BsTestTail, Self::r(a[1]), a[0]);
                self.emit(num(a[2]));
            }
            G::BsTestUnit => {
                self.hj(Op::BsTestUnit, Self::r(a[1]), a[0]);
                self.emit(num(a[2]));
            }
            G::BsMatchString => {
                self.hj(Op::BsMatchString, Self::r(a[1]), a[0]);
                let (bits, offset) = (num(a[2]), num(a[3]) as usize);
                if offset + bits.div_ceil(8) as usize > self.beam.strings().len() {
                    return Err("bs_match_string reaches beyond the string table".into());
                }
                self.emit(bits);
                self.emit(self.strings as u64 + offset as u64);
            }
            G::BsGetTail => self.h(Op::BsGetTail, Self::r(a[0]), Self::r(a[1]), num(a[2]) as u16),
            G::BsGetPosition => self.h(Op::BsGetPosition, Self::r(a[0]), Self::r(a[1]), num(a[2]) as u16),
            G::BsSetPosition => {
                let p = self.reg(a[1]);
                self.h(Op::BsSetPosition, Self::r(a[0]), p, 0);
            }
            G::BsGetUtf8 | G::BsGetUtf16 | G::BsGetUtf32 | G::BsSkipUtf8 | G::BsSkipUtf16 | G::BsSkipUtf32 => {
                let op = match g {
                    G::BsGetUtf8 | G::BsSkipUtf8 => Op::BsGetUtf8,
                    G::BsGetUtf16 | G::BsSkipUtf16 => Op::BsGetUtf16,
                    _ => Op::BsGetUtf32,
                };
                self.hj(op, Self::r(a[1]), a[0]);
                self.emit(u64::from(self.flags(a[3])));
                self.emit(a.get(4).map_or(u64::MAX, |&d| u64::from(Self::r(d))));
            }
            G::BsMatch => self.bs_match(a)?,
            G::BsCreateBin => self.bs_create(a)?,
            G::BsInitWritable => self.h(Op::BsInitWritable, 0, 0, 0),
            G::BsInit2 | G::BsInitBits => {
                let size = self.word(a[1]);
                self.h(Op::BsInit, Self::r(a[5]), 0, num(a[3]) as u16);
                self.fail_word(a[0]);
                // Heap words that the instruction promises for what follows stand above.
                self.emit(if g == G::BsInit2 { 8 } else { 1 } | num(a[2]) << 32);
                self.emit(size);
            }
            G::BsAppend => {
                let size = self.word(a[1]);
                let bin = self.reg(a[5]);
                self.h(Op::BsAppend, Self::r(a[7]), bin, num(a[3]) as u16);
                self.fail_word(a[0]);
                self.emit(num(a[2]) | num(a[4]) << 32);
                self.emit(size);
            }
            G::BsPrivateAppend => {
                let size = self.word(a[1]);
                let bin = self.reg(a[3]);
                self.h(Op::BsAppend, Self::r(a[5]), bin, 0);
                self.fail_word(a[0]);
                self.emit(num(a[2]) << 32);
                self.emit(size);
            }
            G::BsPutInteger | G::BsPutBinary | G::BsPutFloat => {
                let op = match g {
                    G::BsPutInteger => Op::BsPutInteger,
                    G::BsPutFloat => Op::BsPutFloat,
                    _ => Op::BsPutBinary,
                };
                let (size, value) = (self.word(a[1]), self.word(a[4]));
                let flags = self.flags(a[3]);
                self.h(op, 0, 0, 0);
                self.fail_word(a[0]);
                self.emit(num(a[2]) | u64::from(flags) << 32);
                self.emit(size);
                self.emit(value);
            }
            G::BsPutString => {
                let (n, offset) = (num(a[0]) as usize, num(a[1]) as usize);
                if offset + n > self.beam.strings().len() {
                    return Err("bs_put_string reaches beyond the string table".into());
                }
                self.h(Op::BsPutString, 0, 0, 0);
                self.emit(self.strings as u64 + offset as u64);
                self.emit(n as u64);
            }
            G::BsPutUtf8 | G::BsPutUtf16 | G::BsPutUtf32 => {
                let op = match g {
                    G::BsPutUtf8 => Op::BsPutUtf8,
                    G::BsPutUtf16 => Op::BsPutUtf16,
                    _ => Op::BsPutUtf32,
                };
                let value = self.word(a[2]);
                self.h(op, 0, 0, 0);
                self.fail_word(a[0]);
                self.emit(u64::from(self.flags(a[1])));
                self.emit(value);
            }
            G::BsUtf8Size | G::BsUtf16Size => {
                let value = self.word(a[1]);
                self.h(if g == G::BsUtf8Size { Op::BsUtf8Size } else { Op::BsUtf16Size }, Self::r(a[2]), 0, 0);
                self.emit(value);
            }
            G::BsAdd => {
                let (x, y) = (self.word(a[1]), self.word(a[2]));
                self.h(Op::BsAdd, Self::r(a[4]), 0, 0);
                self.fail_word(a[0]);
                self.emit(x);
                self.emit(y);
                self.emit(num(a[3]));
            }

            G::IsAnyNativeRecord => self.test1(Op::IsAnyRecord, a),
            G::IsNativeRecord => {
                let (m, n) = (self.word(a[2]), self.word(a[3]));
                self.test1(Op::IsRecord, a);
                self.emit(m);
                self.emit(n);
            }
            G::IsRecordAccessible => {
                let scope = self.word(a[2]);
                self.test1(Op::RecordAccessible, a);
                self.emit(scope);
            }
            G::GetRecordElements => {
                let pairs = self.list(a[2]);
                let r = self.reg(a[1]);
                self.hj(Op::GetRecordElements, r, a[0]);
                self.emit(pairs.len() as u64 / 2);
                for p in pairs.chunks_exact(2) {
                    let w = self.word(p[0]);
                    self.emit(w);
                    self.emit(u64::from(Self::r(p[1])));
                }
            }
            G::GetRecordField => {
                let (id, field) = (self.word(a[2]), self.word(a[3]));
                let r = self.reg(a[1]);
                self.hj(Op::GetRecordField, r, a[0]);
                self.emit(id);
                self.emit(field);
                self.emit(u64::from(Self::r(a[4])));
            }
            G::PutRecord => {
                let (id, src) = (self.word(a[1]), self.word(a[2]));
                let pairs = self.list(a[5]);
                self.h(Op::PutRecord, Self::r(a[3]), num(a[4]) as u16, 0);
                self.fail_word(a[0]);
                self.emit(id);
                self.emit(src);
                self.emit(pairs.len() as u64 / 2);
                for &p in pairs {
                    let w = self.word(p);
                    self.emit(w);
                }
            }
            _ => return Err(format!("{} is not an instruction that this release runs", g.name())),
        }
        Ok(0)
    }

    fn bs_create(&mut self, a: &'a [Arg]) -> Result<(), String> {
        let list = self.list(a[5]);
        self.h(Op::BsCreate, Self::r(a[4]), Self::num(a[2]) as u16, 0);
        self.fail_word(a[0]);
        self.emit(list.len() as u64 / 6 | Self::num(a[1]) << 32);
        for s in list.chunks_exact(6) {
            let kind = match s[0] {
                Arg::Atom(n) => match atom::text(self.atom(n)) {
                    "append" => 0u64,
                    "private_append" => 1,
                    "binary" => 2,
                    "integer" => 3,
                    "float" => 4,
                    "string" => 5,
                    "utf8" => 6,
                    "utf16" => 7,
                    "utf32" => 8,
                    other => return Err(format!("bs_create_bin has a segment of type {other}")),
                },
                _ => return Err("bs_create_bin has a segment without type".into()),
            };
            let flags = u64::from(self.flags(s[3]));
            self.emit(kind | flags << 8 | Self::num(s[2]) << 16);
            if kind == 5 {
                let (offset, n) = (Self::num(s[4]) as usize, Self::num(s[5]) as usize);
                if offset + n > self.beam.strings().len() {
                    return Err("bs_create_bin reaches beyond the string table".into());
                }
                self.emit(self.strings as u64 + offset as u64);
                self.emit(n as u64);
            } else {
                let (v, n) = (self.word(s[4]), self.word(s[5]));
                self.emit(v);
                self.emit(n);
            }
            // Its number in the source: strings may stand for several.
            self.emit(Self::num(s[1]));
        }
        Ok(())
    }

    fn bs_match(&mut self, a: &'a [Arg]) -> Result<(), String> {
        let num = Self::num;
        let list = self.list(a[2]);
        let mut out: Vec<(u64, u64)> = Vec::new();
        let mut i = 0;
        while i < list.len() {
            let Arg::Atom(n) = list[i] else { return Err("bs_match has a command without name".into()) };
            let arg = |k: usize| list.get(i + k).copied().unwrap_or(Arg::U(0));
            let (command, used) = match atom::text(self.atom(n)) {
                "ensure_at_least" => ((0, num(arg(1)) | num(arg(2)) << 32), 3),
                "ensure_exactly" => ((1, num(arg(1))), 2),
                what @ ("integer" | "binary") => {
                    let flags = u64::from(self.flags(arg(2)));
                    let dst = u64::from(Self::r(arg(5)));
                    let k = if what == "integer" { 2 } else { 3 };
                    ((k | flags << 8 | dst << 16 | num(arg(1)) << 32, num(arg(3)) * num(arg(4))), 6)
                }
                "skip" => ((4, num(arg(1))), 2),
                "get_tail" => ((5 | u64::from(Self::r(arg(3))) << 16 | num(arg(1)) << 32, 0), 4),
                "=:=" => ((6 | num(arg(2)) << 32, num(arg(3))), 4),
                other => return Err(format!("bs_match has an unknown command {other}")),
            };
            out.push(command);
            i += used;
        }
        self.hj(Op::BsMatch, Self::r(a[1]), a[0]);
        // Room for what the commands build, all of it reserved by the first that builds.
        let need: u64 = out
            .iter()
            .map(|(c, m)| match *c as u8 {
                2 if *m > 56 => (m & 0xffff_ffff) / 64 + 3,
                3 | 5 => 6,
                _ => 0,
            })
            .sum();
        self.emit(out.len() as u64 | need.min(1 << 16) << 32);
        for (c, m) in out {
            self.emit(c);
            self.emit(m);
        }
        Ok(())
    }
}
