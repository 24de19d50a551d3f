//! What is done in line with terms: moving, taking apart, building, tests, arithmetic on small integers and floats.

use super::{Goes, Known, Operand, T, bit, mem};
use crate::stubs::{self, FloatOp};
use crate::{Helper, State};
use code::op::{Op, Y};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use std::mem::offset_of;
use term::word::{Kind, TAG_BOXED, TAG_CONS, header};
use term::{Term, am};

const FALLS: Goes = Goes { falls: true, uses_jumps: false, small: 0 };
const JUMPS: Goes = Goes { falls: true, uses_jumps: true, small: 0 };
const BOXED: i32 = TAG_BOXED as i32;
const CONS: i32 = TAG_CONS as i32;

/// The bits of the float that a source word is.
fn float_literal(w: u64) -> Option<u64> {
    if w & 7 != TAG_BOXED {
        return None;
    }
    let at = (w - TAG_BOXED) as *const u64;
    // SAFETY: rule 1: a boxed literal begins with its header, and a float's word follows.
    unsafe { (*at == header(Kind::Float, 1)).then(|| *at.add(1)) }
}

/// Is a source word an immediate?
fn is_immediate(w: u64) -> bool {
    w & 1 == 1 || w & 7 == 6
}

impl T<'_, '_> {
    /// `None`: not done in line.
    #[allow(clippy::too_many_lines)]
    pub(super) fn data(&mut self) -> Option<Goes> {
        let (a, bb, c) = (self.a(), self.bb(), self.c());
        let op = self.ins().op;
        match op {
            // ---- moving
            Op::Move | Op::MoveXX => self.copy(a, bb),
            Op::MoveXY => self.copy(a, Y | bb),
            Op::MoveYX => self.copy(Y | a, bb),
            Op::Move2 => {
                let w = self.w(1);
                let v = self.get(a);
                self.set(bb, v);
                let v = self.get((w >> 16) as u16);
                self.set((w >> 32) as u16, v);
                Some(FALLS)
            }
            Op::MoveC => {
                let w = self.w(1);
                let v = self.constant(self.operand(1));
                self.set(a, v);
                if let Some(bits) = float_literal(w).filter(|_| a & Y == 0) {
                    self.learnt = Some((a, Known::Bits(bits)));
                }
                Some(if w & 1 == 1 { self.now_small(a) } else { FALLS })
            }
            Op::Swap => {
                let (x, y) = (self.get(a), self.get(bb));
                self.set(a, y);
                self.set(bb, x);
                Some(FALLS)
            }

            // ---- taking apart
            Op::GetList => {
                let t = self.get(a);
                let (h, r) = (self.load(t, -CONS), self.load(t, 8 - CONS));
                self.set(bb, h);
                self.set(c, r);
                Some(FALLS)
            }
            Op::GetHd => {
                let t = self.get(a);
                let v = self.load(t, -CONS);
                self.set(bb, v);
                Some(FALLS)
            }
            Op::GetTl => {
                let t = self.get(a);
                let v = self.load(t, 8 - CONS);
                self.set(bb, v);
                Some(FALLS)
            }
            Op::GetElement => {
                let t = self.get(a);
                let v = self.load(t, 8 * (1 + i32::from(bb)) - BOXED);
                self.set(c, v);
                Some(FALLS)
            }
            Op::GetElement2 => {
                let second = self.w(1) as u16;
                let t = self.get(a);
                let v = self.load(t, 8 * (1 + i32::from(bb)) - BOXED);
                let u = self.load(t, 8 * (2 + i32::from(bb)) - BOXED);
                self.set(c, v);
                self.set(second, u);
                Some(FALLS)
            }
            Op::SetElement => {
                let v = self.source(self.operand(1));
                let t = self.get(a);
                self.store(v, t, 8 * (1 + i32::from(bb)) - BOXED);
                Some(FALLS)
            }

            // ---- building
            Op::PutList => {
                let (h, t) = (self.get(a), self.get(bb));
                self.cons(h, t, c)
            }
            Op::PutListC => {
                let h = self.get(a);
                let t = self.constant(self.operand(1));
                self.cons(h, t, c)
            }
            Op::PutListS => {
                let h = self.source(self.operand(1));
                let t = self.source(self.operand(2));
                self.cons(h, t, c)
            }
            Op::PutTuple => {
                let n = (self.w(0) >> 32) as usize;
                let head = self.int(header(Kind::Tuple, n) as i64);
                let hp = self.b.use_var(self.hp);
                self.store(head, hp, 0);
                for i in 1..=n {
                    let v = self.source(self.operand(i));
                    self.store(v, hp, 8 * i as i32);
                }
                self.built(hp, n as i64 + 1, BOXED, a)
            }
            Op::UpdateRecord => {
                let size = usize::from(a);
                let n = self.w(1) as usize;
                let from = self.get(c);
                let hp = self.b.use_var(self.hp);
                let changed: Vec<(usize, Operand)> = (0..n).map(|i| (self.w(2 + 2 * i) as usize, self.operand(3 + 2 * i))).collect();
                for i in 0..=size {
                    let v = match changed.iter().rev().find(|x| x.0 == i) {
                        Some(&(_, o)) => self.source(o),
                        None => self.load(from, 8 * i as i32 - BOXED),
                    };
                    self.store(v, hp, 8 * i as i32);
                }
                self.built(hp, size as i64 + 1, BOXED, bb)
            }
            Op::MakeFun => {
                let n = usize::from(a);
                let hp = self.b.use_var(self.hp);
                let head = self.int(header(Kind::Fun, n + 1) as i64);
                self.store(head, hp, 0);
                let entry = self.record(1);
                self.store(entry, hp, 8);
                for i in 0..n {
                    let v = self.source(self.operand(2 + i));
                    self.store(v, hp, 8 * (2 + i as i32));
                }
                self.built(hp, n as i64 + 2, BOXED, bb)
            }

            // ---- tests
            Op::IsNil => {
                let t = self.get(a);
                let is = self.equals(t, Term::NIL.raw());
                self.test(is)
            }
            Op::IsAtom => {
                let t = self.get(a);
                let low = self.b.ins().band_imm_s(t, 0x3f);
                let is = self.b.ins().icmp_imm_s(IntCC::Equal, low, 6);
                self.test(is)
            }
            Op::IsNonemptyList => {
                let t = self.get(a);
                let is = self.is_cons(t);
                self.test(is)
            }
            Op::IsList => {
                let t = self.get(a);
                let is = self.is_cons(t);
                let nil = self.equals(t, Term::NIL.raw());
                let is = self.b.ins().bor(is, nil);
                self.test(is)
            }
            Op::IsBoolean => {
                let t = self.get(a);
                let x = self.equals(t, am::TRUE.raw());
                let y = self.equals(t, am::FALSE.raw());
                let is = self.b.ins().bor(x, y);
                self.test(is)
            }
            Op::IsTuple => self.kinds(a, &[Kind::Tuple]),
            Op::IsFloat => self.kinds(a, &[Kind::Float]),
            Op::IsMap => self.kinds(a, &[Kind::FlatMap, Kind::HashMap]),
            Op::IsFunction => self.kinds(a, &[Kind::Fun, Kind::ExportFun]),
            Op::IsBitstring => self.kinds(a, &[Kind::HeapBits, Kind::BinRef, Kind::SubBits]),
            Op::IsInteger => self.small_or(a, &[Kind::PosBig, Kind::NegBig]),
            Op::IsNumber => self.small_or(a, &[Kind::Float, Kind::PosBig, Kind::NegBig]),
            Op::IsNonemptyGetList => {
                let t = self.get(a);
                let is = self.is_cons(t);
                self.test(is);
                let w = self.w(1);
                let (h, r) = (self.load(t, -CONS), self.load(t, 8 - CONS));
                self.set(w as u16, h);
                self.set((w >> 16) as u16, r);
                Some(JUMPS)
            }
            Op::IsTupleOfArity => {
                let t = self.get(a);
                self.boxed_or_fail(t);
                let head = self.load(t, -BOXED);
                let is = self.equals(head, self.w(1));
                self.test(is)
            }
            Op::TestArity => {
                let t = self.get(a);
                let head = self.load(t, -BOXED);
                let is = self.equals(head, self.w(1));
                self.test(is)
            }
            Op::IsTaggedTuple => {
                let t = self.get(a);
                self.boxed_or_fail(t);
                let head = self.load(t, -BOXED);
                let is = self.equals(head, self.w(1));
                self.test(is);
                let tag = self.load(t, 8 - BOXED);
                let is = self.is_constant(tag, self.operand(2));
                self.test(is)
            }

            // ---- comparisons
            Op::IsEqImm => {
                let t = self.get(a);
                let is = self.is_constant(t, self.operand(1));
                self.test(is)
            }
            Op::IsNeImm => {
                let t = self.get(a);
                let is = self.is_constant(t, self.operand(1));
                self.test_not(is)
            }
            Op::IsEqExact => self.exact(true),
            Op::IsNeExact => self.exact(false),
            Op::IsLtRR | Op::IsLt | Op::IsGeRR | Op::IsGe if self.known.contains_key(&a) && self.known_word(self.w(1)).is_some() => {
                let (Some(x), Some(y)) = (self.known(a), self.known_word(self.w(1))) else { return None };
                let less = matches!(op, Op::IsLtRR | Op::IsLt);
                let is = self.b.ins().fcmp(if less { FloatCC::LessThan } else { FloatCC::GreaterThanOrEqual }, x, y);
                self.test(is)
            }
            Op::IsLtRR | Op::IsLt | Op::IsLtC => {
                let (x, y) = (self.get(a), self.source(self.operand(1)));
                self.order(IntCC::SignedLessThan, x, y, self.is_small(a), self.is_small_word(self.w(1)))
            }
            Op::IsGeRR | Op::IsGe | Op::IsGeC => {
                let (x, y) = (self.get(a), self.source(self.operand(1)));
                self.order(IntCC::SignedGreaterThanOrEqual, x, y, self.is_small(a), self.is_small_word(self.w(1)))
            }
            Op::IsLtCR | Op::IsGeCR if self.known.contains_key(&a) && float_literal(self.w(1)).is_some() => {
                let (Some(x), Some(y)) = (self.known_word(self.w(1)), self.known(a)) else { return None };
                let is = self.b.ins().fcmp(if op == Op::IsLtCR { FloatCC::LessThan } else { FloatCC::GreaterThanOrEqual }, x, y);
                self.test(is)
            }
            Op::IsLtCR | Op::IsGeCR => {
                let x = self.constant(self.operand(1));
                let y = self.get(a);
                let small = self.w(1) & 1 == 1;
                let cc = if self.ins().op == Op::IsLtCR { IntCC::SignedLessThan } else { IntCC::SignedGreaterThanOrEqual };
                self.order(cc, x, y, small, self.is_small(a))
            }
            Op::CmpEqExact | Op::CmpNeExact => {
                let (x, y) = (self.get(a), self.get(bb));
                let done = self.b.create_block();
                let r = self.b.append_block_param(done, I64);
                let equal = self.ins().op == Op::CmpEqExact;
                let (yes, no) = (self.int(Term::bool(equal).raw() as i64), self.int(Term::bool(!equal).raw() as i64));
                let same = self.b.ins().icmp(IntCC::Equal, x, y);
                let (other, slow) = (self.b.create_block(), self.cold());
                self.b.ins().brif(same, done, &[yes.into()], other, &[]);
                self.b.switch_to_block(other);
                let either = self.either_immediate(x, y);
                self.b.ins().brif(either, done, &[no.into()], slow, &[]);
                self.b.switch_to_block(slow);
                self.help_with_terms(Helper::Same, x, y);
                let is = self.result();
                let v = self.b.ins().select(is, yes, no);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(done);
                self.set(c, r);
                Some(FALLS)
            }
            Op::CmpEq | Op::CmpNe | Op::CmpLt | Op::CmpGe | Op::CmpGt | Op::CmpLe => {
                let cc = match self.ins().op {
                    Op::CmpEq => IntCC::Equal,
                    Op::CmpNe => IntCC::NotEqual,
                    Op::CmpLt => IntCC::SignedLessThan,
                    Op::CmpGe => IntCC::SignedGreaterThanOrEqual,
                    Op::CmpGt => IntCC::SignedGreaterThan,
                    _ => IntCC::SignedLessThanOrEqual,
                };
                let (x, y) = (self.get(a), self.get(bb));
                let done = self.b.create_block();
                let r = self.b.append_block_param(done, I64);
                let (yes, no) = (self.int(am::TRUE.raw() as i64), self.int(am::FALSE.raw() as i64));
                let (fast, slow) = (self.b.create_block(), self.cold());
                let both = self.both_small(x, y);
                self.b.ins().brif(both, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let is = self.b.ins().icmp(cc, x, y);
                let v = self.b.ins().select(is, yes, no);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(slow);
                let equality = self.int(i64::from(matches!(cc, IntCC::Equal | IntCC::NotEqual)));
                self.help(Helper::Compare, [x, y, equality]);
                let order = self.result();
                let is = self.b.ins().icmp_imm_s(cc, order, 0);
                let v = self.b.ins().select(is, yes, no);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(done);
                self.set(c, r);
                Some(FALLS)
            }

            // ---- arithmetic
            Op::Add | Op::Sub | Op::AddC | Op::SubC | Op::Mul | Op::Band | Op::Bor | Op::Bxor | Op::BandC => self.arithmetic(),
            Op::IntDiv | Op::Rem => self.divide(),
            Op::BsrC | Op::BslC => self.shift(),
            Op::Bnot => {
                let x = self.get(a);
                let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                let is = self.b.ins().band_imm_s(x, 1);
                self.b.ins().brif(is, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let r = self.b.ins().bxor_imm_s(x, -2);
                self.set(c, r);
                self.finish_arithmetic(slow, done, x, x)
            }

            // ---- guard BIFs
            Op::BifSelf => {
                let v = self.from_state(offset_of!(State, own) as i32);
                self.set(c, v);
                Some(FALLS)
            }
            Op::BifHd | Op::BifTl => {
                let t = self.get(a);
                let offset = if self.ins().op == Op::BifHd { -CONS } else { 8 - CONS };
                let is = self.is_cons(t);
                let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                self.b.ins().brif(is, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let v = self.load(t, offset);
                self.set(c, v);
                self.fails(slow, done)
            }
            Op::BifTupleSize => {
                let t = self.get(a);
                let (slow, done) = (self.cold(), self.b.create_block());
                let head = self.header_of_kind(t, Kind::Tuple, slow);
                let n = self.b.ins().ushr_imm_u(head, 8);
                let n = self.b.ins().ishl_imm_u(n, 1);
                let n = self.b.ins().bor_imm_s(n, 1);
                self.set(c, n);
                self.fails(slow, done)
            }
            Op::BifElementC => {
                let t = self.get(a);
                let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                let head = self.header_of_kind(t, Kind::Tuple, slow);
                let inside = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThanOrEqual, head, i64::from(bb) << 8);
                self.b.ins().brif(inside, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let v = self.load(t, 8 * i32::from(bb) - BOXED);
                self.set(c, v);
                self.fails(slow, done)
            }
            Op::BifElement => {
                let (i, t) = (self.get(a), self.get(bb));
                let (slow, done) = (self.cold(), self.b.create_block());
                let small = self.b.create_block();
                let is = self.b.ins().band_imm_s(i, 1);
                self.b.ins().brif(is, small, &[], slow, &[]);
                self.b.switch_to_block(small);
                let head = self.header_of_kind(t, Kind::Tuple, slow);
                let n = self.b.ins().ushr_imm_u(head, 8);
                let k = self.b.ins().sshr_imm_u(i, 1);
                let below = self.b.ins().iadd_imm_s(k, -1);
                let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, below, n);
                let fast = self.b.create_block();
                self.b.ins().brif(inside, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let off = self.b.ins().ishl_imm_u(k, 3);
                let p = self.b.ins().iadd(t, off);
                let v = self.load(p, -BOXED);
                self.set(c, v);
                self.fails(slow, done)
            }
            Op::BifNot => {
                let t = self.get(a);
                let (slow, done) = (self.cold(), self.b.create_block());
                let (yes, no, other) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
                let is = self.equals(t, am::TRUE.raw());
                self.b.ins().brif(is, yes, &[], other, &[]);
                self.b.switch_to_block(other);
                let is = self.equals(t, am::FALSE.raw());
                self.b.ins().brif(is, no, &[], slow, &[]);
                self.b.switch_to_block(yes);
                let v = self.int(am::FALSE.raw() as i64);
                self.set(c, v);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(no);
                let v = self.int(am::TRUE.raw() as i64);
                self.set(c, v);
                self.fails(slow, done)
            }

            // ---- floats: in `State::f` as well, where the interpreter looks
            Op::FMoveIn => {
                let t = self.get(a);
                let v = match self.known(a) {
                    Some(v) => v,
                    None => self.b.ins().load(F64, mem(), t, 8 - BOXED),
                };
                self.set_float(bb, v);
                Some(FALLS)
            }
            Op::FMoveC => {
                let w = self.w(1);
                let v = self.b.ins().f64const(f64::from_bits(w));
                self.set_float(a, v);
                Some(FALLS)
            }
            Op::FMoveOut => {
                let v = self.float(a);
                let hp = self.b.use_var(self.hp);
                let head = self.int(header(Kind::Float, 1) as i64);
                self.store(head, hp, 0);
                self.b.ins().store(mem(), v, hp, 8);
                self.learnt = (bb & Y == 0).then_some((bb, Known::Value(v)));
                self.built(hp, 2, BOXED, bb)
            }
            Op::FConv => {
                let t = self.source(self.operand(1));
                let done = self.b.create_block();
                let r = self.b.append_block_param(done, F64);
                let (small, other) = (self.b.create_block(), self.b.create_block());
                let is = self.b.ins().band_imm_s(t, 1);
                self.b.ins().brif(is, small, &[], other, &[]);
                self.b.switch_to_block(small);
                let n = self.b.ins().sshr_imm_u(t, 1);
                let v = self.b.ins().fcvt_from_sint(F64, n);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(other);
                let (boxed, float, slow) = (self.b.create_block(), self.b.create_block(), self.cold());
                self.branch_if_boxed(t, boxed, slow);
                self.b.switch_to_block(boxed);
                let head = self.load(t, -BOXED);
                let is = self.equals(head, header(Kind::Float, 1));
                self.b.ins().brif(is, float, &[], slow, &[]);
                self.b.switch_to_block(float);
                let v = self.b.ins().load(F64, mem(), t, 8 - BOXED);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(slow);
                let stepped = self.b.create_block();
                self.step(stepped);
                self.b.switch_to_block(stepped);
                let s = self.state();
                let v = self.b.ins().load(F64, mem(), s, (offset_of!(State, f) + 8 * usize::from(a)) as i32);
                self.b.ins().jump(done, &[v.into()]);
                self.b.switch_to_block(done);
                self.set_float(a, r);
                Some(FALLS)
            }
            Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => {
                if self.ins().op == Op::FDiv {
                    // By an infinite one it would be zero.
                    self.must_be_finite();
                }
                let (x, y) = (self.float(a), self.float(bb));
                let r = match self.ins().op {
                    Op::FAdd => self.b.ins().fadd(x, y),
                    Op::FSub => self.b.ins().fsub(x, y),
                    Op::FMul => self.b.ins().fmul(x, y),
                    _ => self.b.ins().fdiv(x, y),
                };
                self.unchecked(r, [x, y]);
                self.set_float(c, r);
                Some(FALLS)
            }
            Op::FNeg => {
                let x = self.float(a);
                let r = self.b.ins().fneg(x);
                self.set_float(bb, r);
                Some(FALLS)
            }
            Op::Div => {
                let (x, y) = (self.get(a), self.get(bb));
                let (slow, done) = (self.cold(), self.b.create_block());
                self.floats(FloatOp::Div, x, y, slow, done);
                self.slow_arithmetic(slow, done, x, y)
            }
            Op::BifByteSize | Op::BifBitSize => {
                let t = self.get(a);
                let (slow, done) = (self.cold(), self.b.create_block());
                let (boxed, whole, part, sized) = (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                let n = self.b.append_block_param(sized, I64);
                self.branch_if_boxed(t, boxed, slow);
                self.b.switch_to_block(boxed);
                let is = self.one_of(t, &[Kind::HeapBits, Kind::BinRef]);
                self.b.ins().brif(is, whole, &[], part, &[]);
                self.b.switch_to_block(whole);
                let v = self.load(t, 8 - BOXED);
                self.b.ins().jump(sized, &[v.into()]);
                self.b.switch_to_block(part);
                let is = self.one_of(t, &[Kind::SubBits]);
                let sub = self.b.create_block();
                self.b.ins().brif(is, sub, &[], slow, &[]);
                self.b.switch_to_block(sub);
                let v = self.load(t, 16 - BOXED);
                self.b.ins().jump(sized, &[v.into()]);
                self.b.switch_to_block(sized);
                let n = if self.ins().op == Op::BifByteSize {
                    let n = self.b.ins().iadd_imm_s(n, 7);
                    self.b.ins().ushr_imm_u(n, 3)
                } else {
                    n
                };
                let n = self.b.ins().ishl_imm_u(n, 1);
                let n = self.b.ins().bor_imm_s(n, 1);
                self.set(c, n);
                self.finish(slow, done)
            }
            Op::BifLength => {
                let t = self.get(a);
                let zero = self.int(0);
                let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                self.help_with_terms(Helper::Length, t, zero);
                let n = self.result();
                let bad = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, n, 0);
                self.b.ins().brif(bad, slow, &[], fast, &[]);
                self.b.switch_to_block(fast);
                let cost = self.b.ins().ushr_imm_u(n, 5);
                let reds = self.b.use_var(self.reds);
                let reds = self.b.ins().isub(reds, cost);
                self.b.def_var(self.reds, reds);
                let n = self.b.ins().ishl_imm_u(n, 1);
                let n = self.b.ins().bor_imm_s(n, 1);
                self.set(c, n);
                self.fails(slow, done)
            }
            Op::GetMapElement => {
                let m = self.get(a);
                let key = self.constant(self.operand(1));
                let to = self.target();
                let fail = self.block(to);
                let v = self.map_get(m, key, true, fail);
                self.set(self.w(2) as u16, v);
                Some(JUMPS)
            }
            Op::GetMapElements => {
                let m = self.get(a);
                let to = self.target();
                let fail = self.block(to);
                let n = self.w(1) as usize;
                let mut values = Vec::new();
                for i in 0..n {
                    let o = self.operand(2 + 2 * i);
                    let key = self.source(o);
                    values.push(self.map_get(m, key, is_immediate(o.raw), fail));
                }
                for (i, v) in values.into_iter().enumerate() {
                    self.set(self.w(3 + 2 * i) as u16, v);
                }
                Some(JUMPS)
            }
            Op::HasMapFields => {
                let m = self.get(a);
                let to = self.target();
                let fail = self.block(to);
                for i in 0..self.w(1) as usize {
                    let o = self.operand(2 + i);
                    let key = self.source(o);
                    self.map_get(m, key, is_immediate(o.raw), fail);
                }
                Some(JUMPS)
            }
            Op::BifMapGet | Op::BifIsMapKey => {
                let (key, m) = (self.get(a), self.get(bb));
                let (slow, lost, boxed, map, done) = (self.cold(), self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                self.branch_if_boxed(m, boxed, slow);
                self.b.switch_to_block(boxed);
                let is = self.one_of(m, &[Kind::FlatMap, Kind::HashMap]);
                self.b.ins().brif(is, map, &[], slow, &[]);
                self.b.switch_to_block(map);
                let v = self.map_get(m, key, false, lost);
                let getting = self.ins().op == Op::BifMapGet;
                let v = if getting { v } else { self.int(am::TRUE.raw() as i64) };
                self.set(c, v);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(lost);
                if getting {
                    self.b.set_cold_block(lost);
                    self.b.ins().jump(slow, &[]);
                } else {
                    let v = self.int(am::FALSE.raw() as i64);
                    self.set(c, v);
                    self.b.ins().jump(done, &[]);
                }
                self.fails_in(slow, done)
            }
            Op::BifMapSize => {
                let m = self.get(a);
                let (slow, flat, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                let boxed = self.b.create_block();
                self.branch_if_boxed(m, boxed, slow);
                self.b.switch_to_block(boxed);
                let is = self.one_of(m, &[Kind::FlatMap]);
                self.b.ins().brif(is, flat, &[], slow, &[]);
                self.b.switch_to_block(flat);
                let head = self.load(m, -BOXED);
                let n = self.b.ins().ushr_imm_u(head, 8);
                let n = self.b.ins().iadd_imm_s(n, -1);
                let n = self.b.ins().ishl_imm_u(n, 1);
                let n = self.b.ins().bor_imm_s(n, 1);
                self.set(c, n);
                self.finish(slow, done)
            }
            Op::GuardBif => {
                let (export, word) = self.native_of(1);
                if word & code::op::PLAIN != 0 {
                    let x = self.source(self.operand(3));
                    let y = if a > 1 { self.source(self.operand(4)) } else { self.int(Term::NIL.raw() as i64) };
                    let v = self.plain(export, word, x, y);
                    self.set(bb, v);
                    return Some(FALLS);
                }
                let done = self.b.create_block();
                self.helped_step(Helper::Guard, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::Neg => {
                let x = self.get(a);
                let (slow, small, done) = (self.cold(), self.b.create_block(), self.b.create_block());
                let is = self.b.ins().band_imm_s(x, 1);
                self.b.ins().brif(is, small, &[], slow, &[]);
                self.b.switch_to_block(small);
                let two = self.int(2);
                let (r, o) = self.b.ins().ssub_overflow(two, x);
                let good = self.b.create_block();
                self.b.ins().brif(o, slow, &[], good, &[]);
                self.b.switch_to_block(good);
                self.set(c, r);
                self.finish_arithmetic(slow, done, x, x)
            }
            Op::IsPid => self.immediate_or(a, 1, &[Kind::ExtPid]),
            Op::IsPort => self.immediate_or(a, 2, &[Kind::ExtPort]),
            Op::IsReference => self.kinds(a, &[Kind::Ref, Kind::MagicRef, Kind::ExtRef]),
            Op::IsBinary => {
                let t = self.get(a);
                self.boxed_or_fail(t);
                let to = self.target();
                let fail = self.block(to);
                let (whole, other, part, sized) = (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                let n = self.b.append_block_param(sized, I64);
                let is = self.one_of(t, &[Kind::HeapBits, Kind::BinRef]);
                self.b.ins().brif(is, whole, &[], other, &[]);
                self.b.switch_to_block(whole);
                let v = self.load(t, 8 - BOXED);
                self.b.ins().jump(sized, &[v.into()]);
                self.b.switch_to_block(other);
                let is = self.one_of(t, &[Kind::SubBits]);
                self.b.ins().brif(is, part, &[], fail, &[]);
                self.b.switch_to_block(part);
                let v = self.load(t, 16 - BOXED);
                self.b.ins().jump(sized, &[v.into()]);
                self.b.switch_to_block(sized);
                let odd = self.b.ins().band_imm_s(n, 7);
                let is = self.b.ins().icmp_imm_s(IntCC::Equal, odd, 0);
                self.test(is)
            }
            Op::IsFunction2 => {
                let w = self.w(1);
                if w & 1 == 0 {
                    return None;
                }
                let t = self.get(a);
                self.boxed_or_fail(t);
                let to = self.target();
                let fail = self.block(to);
                let (local, other, export, known) = (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                let n = self.b.append_block_param(known, I64);
                let is = self.one_of(t, &[Kind::Fun]);
                let record = self.load(t, 8 - BOXED);
                self.b.ins().brif(is, local, &[], other, &[]);
                self.b.switch_to_block(local);
                let v = self.b.ins().uload8(I64, mem(), record, offset_of!(term::fun::FunEntry, arity) as i32);
                self.b.ins().jump(known, &[v.into()]);
                self.b.switch_to_block(other);
                let is = self.one_of(t, &[Kind::ExportFun]);
                self.b.ins().brif(is, export, &[], fail, &[]);
                self.b.switch_to_block(export);
                let v = self.b.ins().uload8(I64, mem(), record, offset_of!(term::fun::Export, arity) as i32);
                self.b.ins().jump(known, &[v.into()]);
                self.b.switch_to_block(known);
                let is = self.b.ins().icmp_imm_s(IntCC::Equal, n, w as i64 >> 1);
                self.test(is)
            }
            Op::IsEq | Op::IsNe => {
                let (x, y) = (self.get(a), self.source(self.operand(1)));
                let to = self.target();
                let (fail, go) = (self.block(to), self.b.create_block());
                let cc = if self.ins().op == Op::IsEq { IntCC::Equal } else { IntCC::NotEqual };
                let (fast, slow) = (self.b.create_block(), self.cold());
                let both = self.both_small(x, y);
                self.b.ins().brif(both, fast, &[], slow, &[]);
                self.b.switch_to_block(slow);
                let one = self.int(1);
                self.help(Helper::Compare, [x, y, one]);
                let order = self.result();
                let is = self.b.ins().icmp_imm_s(cc, order, 0);
                self.b.ins().brif(is, go, &[], fail, &[]);
                self.b.switch_to_block(fast);
                let is = self.b.ins().icmp(cc, x, y);
                self.b.ins().brif(is, go, &[], fail, &[]);
                self.b.switch_to_block(go);
                Some(JUMPS)
            }
            Op::Bsr | Op::Bsl => {
                let (x, y) = (self.get(a), self.get(bb));
                let (slow, small, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                let both = self.both_small(x, y);
                self.b.ins().brif(both, small, &[], slow, &[]);
                self.b.switch_to_block(small);
                let by = self.b.ins().sshr_imm_u(y, 1);
                let most = if self.ins().op == Op::Bsr { 64 } else { 62 };
                let fits = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, by, most);
                self.b.ins().brif(fits, fast, &[], slow, &[]);
                self.b.switch_to_block(fast);
                let r = if self.ins().op == Op::Bsr {
                    self.b.ins().sshr(x, by)
                } else {
                    let bare = self.b.ins().iadd_imm_s(x, -1);
                    let r = self.b.ins().ishl(bare, by);
                    let back = self.b.ins().sshr(r, by);
                    let same = self.b.ins().icmp(IntCC::Equal, back, bare);
                    let good = self.b.create_block();
                    self.b.ins().brif(same, good, &[], slow, &[]);
                    self.b.switch_to_block(good);
                    r
                };
                let r = self.b.ins().bor_imm_s(r, 1);
                self.set(c, r);
                self.finish_arithmetic(slow, done, x, y)
            }
            _ => self.bits(),
        }
    }

    /// An immediate of a kind, or a boxed term of these kinds.
    fn immediate_or(&mut self, r: u16, what: i64, kinds: &[Kind]) -> Option<Goes> {
        let t = self.get(r);
        let (other, go) = (self.b.create_block(), self.b.create_block());
        let low = self.b.ins().band_imm_s(t, 0x3f);
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, low, what << 3 | 6);
        self.b.ins().brif(is, go, &[], other, &[]);
        self.b.switch_to_block(other);
        self.boxed_or_fail(t);
        let is = self.one_of(t, kinds);
        let to = self.target();
        let fail = self.block(to);
        self.b.ins().brif(is, go, &[], fail, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }

    /// The value of a key; without it, goes on at `fail`. Small maps are searched in line for keys that only a look tells apart.
    fn map_get(&mut self, m: Value, key: Value, immediate: bool, fail: Block) -> Value {
        let found = self.b.create_block();
        let r = self.b.append_block_param(found, I64);
        if immediate {
            let (flat, any, test, look, hit) = (self.b.create_block(), self.cold(), self.b.create_block(), self.b.create_block(), self.b.create_block());
            let boxed = self.b.create_block();
            self.branch_if_boxed(m, boxed, any);
            self.b.switch_to_block(boxed);
            let head = self.load(m, -BOXED);
            let kind = self.b.ins().band_imm_s(head, 0xff);
            let is = self.b.ins().icmp_imm_s(IntCC::Equal, kind, (Kind::FlatMap as i64) << 3);
            self.b.ins().brif(is, flat, &[], any, &[]);
            self.b.switch_to_block(flat);
            // Words of the keys' tuple from the last one on: as many as the map has words but for its own two.
            let keys = self.load(m, 8 - BOXED);
            let bytes = self.b.ins().ushr_imm_u(head, 5);
            let bytes = self.b.ins().iadd_imm_s(bytes, -8);
            let left = self.b.append_block_param(test, I64);
            self.b.ins().jump(test, &[bytes.into()]);
            self.b.switch_to_block(test);
            self.b.ins().brif(left, look, &[], fail, &[]);
            self.b.switch_to_block(look);
            let at = self.b.ins().iadd(keys, left);
            let k = self.load(at, -BOXED);
            let is = self.b.ins().icmp(IntCC::Equal, k, key);
            let next = self.b.ins().iadd_imm_s(left, -8);
            self.b.ins().brif(is, hit, &[], test, &[next.into()]);
            self.b.switch_to_block(hit);
            let at = self.b.ins().iadd(m, left);
            let v = self.load(at, 8 - BOXED);
            self.b.ins().jump(found, &[v.into()]);
            self.b.switch_to_block(any);
        }
        self.help_with_terms(Helper::MapGet, m, key);
        let v = self.result();
        self.b.ins().brif(v, found, &[v.into()], fail, &[]);
        self.b.switch_to_block(found);
        r
    }
    /// Arithmetic of two terms that may be floats, ends the block: `slow` if they are not, or there is no room for the result.
    fn floats(&mut self, op: FloatOp, x: Value, y: Value, slow: Block, done: Block) {
        self.help_at(stubs::float_address(op), &[x, y]);
        let is = self.result();
        let (float, room) = (self.cold(), self.cold());
        self.b.ins().brif(is, float, &[], slow, &[]);
        self.b.switch_to_block(float);
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        let left = self.b.ins().isub(sp, hp);
        let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, left, 8 * (2 + super::SLACK));
        self.b.ins().brif(short, slow, &[], room, &[]);
        self.b.switch_to_block(room);
        let head = self.int(header(Kind::Float, 1) as i64);
        self.store(head, hp, 0);
        let bits = self.from_state(offset_of!(State, a) as i32);
        self.store(bits, hp, 8);
        let c = self.c();
        self.built(hp, 2, BOXED, c);
        self.b.ins().jump(done, &[]);
    }

    fn copy(&mut self, from: u16, to: u16) -> Option<Goes> {
        let v = self.get(from);
        self.set(to, v);
        if let Some(&k) = self.known.get(&from)
            && to & Y == 0
        {
            self.learnt = Some((to, k));
        }
        Some(if self.is_small(from) { self.now_small(to) } else { FALLS })
    }
    fn now_small(&self, r: u16) -> Goes {
        let small = if r & Y == 0 { bit(r).map_or(0, |b| 1 << b) } else { 0 };
        Goes { falls: true, uses_jumps: false, small }
    }
    fn float(&mut self, n: u16) -> Value {
        let v = self.f[usize::from(n & 31)];
        self.b.use_var(v)
    }
    fn set_float(&mut self, n: u16, v: Value) {
        let var = self.f[usize::from(n & 31)];
        self.b.def_var(var, v);
    }
    /// The float that an X register is known to hold.
    fn known(&mut self, r: u16) -> Option<Value> {
        Some(match *self.known.get(&r)? {
            Known::Value(v) => v,
            Known::Bits(b) => self.b.ins().f64const(f64::from_bits(b)),
        })
    }
    fn known_word(&mut self, w: u64) -> Option<Value> {
        match float_literal(w) {
            Some(bits) => Some(self.b.ins().f64const(f64::from_bits(bits))),
            None if w & 7 == 0 => self.known((w >> 3) as u16),
            None => None,
        }
    }
    /// The result of arithmetic on floats, which is looked at later.
    fn unchecked(&mut self, r: Value, from: [Value; 2]) {
        if self.unchecked.is_empty() {
            let set = self.ins().floats;
            let now = (0..32).filter(|n| set >> n & 1 == 1).map(|n| (n, self.b.use_var(self.f[n]))).collect();
            self.since = (self.i, now);
        }
        // What has gone into this one makes it infinite or no number, too.
        self.unchecked.retain(|v| !from.contains(v));
        self.unchecked.push(r);
    }
    /// Arithmetic on floats that are known: no other way to it but the interpreter's.
    fn known_arithmetic(&mut self, op: Op, x: Value, y: Value) -> Goes {
        let r = match op {
            Op::Add => self.b.ins().fadd(x, y),
            Op::Sub => self.b.ins().fsub(x, y),
            _ => self.b.ins().fmul(x, y),
        };
        self.unchecked(r, [x, y]);
        self.must_be_finite();
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        let left = self.b.ins().isub(sp, hp);
        let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, left, 8 * (2 + super::SLACK));
        let (slow, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(short, slow, &[], go, &[]);
        self.b.switch_to_block(slow);
        self.leave();
        self.b.switch_to_block(go);
        let head = self.int(header(Kind::Float, 1) as i64);
        self.store(head, hp, 0);
        self.b.ins().store(mem(), r, hp, 8);
        let c = self.c();
        self.built(hp, 2, BOXED, c);
        self.learnt = (c & Y == 0).then_some((c, Known::Value(r)));
        FALLS
    }
    fn cons(&mut self, head: Value, tail: Value, to: u16) -> Option<Goes> {
        let hp = self.b.use_var(self.hp);
        self.store(head, hp, 0);
        self.store(tail, hp, 8);
        self.built(hp, 2, CONS, to)
    }
    pub(super) fn built(&mut self, hp: Value, words: i64, tag: i32, to: u16) -> Option<Goes> {
        let t = self.b.ins().iadd_imm_s(hp, i64::from(tag));
        self.set(to, t);
        let hp = self.b.ins().iadd_imm_s(hp, 8 * words);
        self.b.def_var(self.hp, hp);
        Some(FALLS)
    }

    // ---- tests
    pub(super) fn is_cons(&mut self, t: Value) -> Value {
        let tag = self.b.ins().band_imm_s(t, 7);
        self.b.ins().icmp_imm_s(IntCC::Equal, tag, TAG_CONS as i64)
    }
    /// Goes on here if it is so, else to the head's target.
    pub(super) fn test(&mut self, is: Value) -> Option<Goes> {
        let to = self.target();
        let (fail, go) = (self.block(to), self.b.create_block());
        self.b.ins().brif(is, go, &[], fail, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }
    fn test_not(&mut self, is: Value) -> Option<Goes> {
        let to = self.target();
        let (fail, go) = (self.block(to), self.b.create_block());
        self.b.ins().brif(is, fail, &[], go, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }
    fn boxed_or_fail(&mut self, t: Value) {
        let to = self.target();
        let (fail, go) = (self.block(to), self.b.create_block());
        self.branch_if_boxed(t, go, fail);
        self.b.switch_to_block(go);
    }
    pub(super) fn one_of(&mut self, t: Value, kinds: &[Kind]) -> Value {
        let kind = self.b.ins().uload8(I64, mem(), t, -BOXED);
        let mut is = None;
        for &k in kinds {
            let this = self.b.ins().icmp_imm_s(IntCC::Equal, kind, (k as i64) << 3);
            is = Some(match is {
                Some(before) => self.b.ins().bor(before, this),
                None => this,
            });
        }
        is.expect("kinds are given")
    }
    fn kinds(&mut self, r: u16, kinds: &[Kind]) -> Option<Goes> {
        let t = self.get(r);
        self.boxed_or_fail(t);
        let is = self.one_of(t, kinds);
        self.test(is)
    }
    fn small_or(&mut self, r: u16, kinds: &[Kind]) -> Option<Goes> {
        let t = self.get(r);
        let (other, go) = (self.b.create_block(), self.b.create_block());
        let small = self.b.ins().band_imm_s(t, 1);
        self.b.ins().brif(small, go, &[], other, &[]);
        self.b.switch_to_block(other);
        self.boxed_or_fail(t);
        let is = self.one_of(t, kinds);
        let to = self.target();
        let fail = self.block(to);
        self.b.ins().brif(is, go, &[], fail, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }
    /// The header of a boxed term of a kind; anything else goes to `slow`.
    fn header_of_kind(&mut self, t: Value, kind: Kind, slow: Block) -> Value {
        let (boxed, good) = (self.b.create_block(), self.b.create_block());
        self.branch_if_boxed(t, boxed, slow);
        self.b.switch_to_block(boxed);
        let head = self.load(t, -BOXED);
        let low = self.b.ins().band_imm_s(head, 0xff);
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, low, (kind as i64) << 3);
        self.b.ins().brif(is, good, &[], slow, &[]);
        self.b.switch_to_block(good);
        head
    }

    // ---- comparisons
    fn both_small(&mut self, x: Value, y: Value) -> Value {
        let both = self.b.ins().band(x, y);
        self.b.ins().band_imm_s(both, 1)
    }
    /// Is one of them an immediate (a small integer, or tag 110)?
    fn either_immediate(&mut self, x: Value, y: Value) -> Value {
        // Pointers are 010 and 100: of those, and only those, (t + 2) & 5 is 4 or 6 & 5 = 4.
        let p = self.pointer(x);
        let q = self.pointer(y);
        let both = self.b.ins().band(p, q);
        self.b.ins().icmp_imm_s(IntCC::Equal, both, 0)
    }
    /// 4 for a pointer (010, 100), else 0.
    fn pointer(&mut self, t: Value) -> Value {
        // t + 2: 010 -> 100, 100 -> 110, 110 -> 000, and odd ones stay odd.
        let up = self.b.ins().iadd_imm_s(t, 2);
        let even = self.b.ins().ishl_imm_u(t, 2);
        let even = self.b.ins().bnot(even);
        let both = self.b.ins().band(up, even);
        self.b.ins().band_imm_s(both, 4)
    }
    fn help_with_terms(&mut self, which: Helper, x: Value, y: Value) {
        let zero = self.int(0);
        self.help(which, [x, y, zero]);
    }
    fn exact(&mut self, equal: bool) -> Option<Goes> {
        let (x, y) = (self.get(self.a()), self.source(self.operand(1)));
        let to = self.target();
        let (fail, go) = (self.block(to), self.b.create_block());
        let (yes, no) = if equal { (go, fail) } else { (fail, go) };
        let (other, slow) = (self.b.create_block(), self.cold());
        let same = self.b.ins().icmp(IntCC::Equal, x, y);
        self.b.ins().brif(same, yes, &[], other, &[]);
        self.b.switch_to_block(other);
        let either = self.either_immediate(x, y);
        self.b.ins().brif(either, no, &[], slow, &[]);
        self.b.switch_to_block(slow);
        self.help_with_terms(Helper::Same, x, y);
        let is = self.result();
        self.b.ins().brif(is, yes, &[], no, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }
    fn order(&mut self, cc: IntCC, x: Value, y: Value, x_small: bool, y_small: bool) -> Option<Goes> {
        let to = self.target();
        let (fail, go) = (self.block(to), self.b.create_block());
        if !(x_small && y_small) {
            let (fast, slow) = (self.b.create_block(), self.cold());
            let both = match (x_small, y_small) {
                (true, _) => self.b.ins().band_imm_s(y, 1),
                (_, true) => self.b.ins().band_imm_s(x, 1),
                _ => self.both_small(x, y),
            };
            self.b.ins().brif(both, fast, &[], slow, &[]);
            self.b.switch_to_block(slow);
            self.help_with_terms(Helper::Compare, x, y);
            let order = self.result();
            let is = self.b.ins().icmp_imm_s(cc, order, 0);
            self.b.ins().brif(is, go, &[], fail, &[]);
            self.b.switch_to_block(fast);
        }
        let is = self.b.ins().icmp(cc, x, y);
        self.b.ins().brif(is, go, &[], fail, &[]);
        self.b.switch_to_block(go);
        Some(JUMPS)
    }

    // ---- arithmetic
    /// The slow way of the present instruction joins the fast one, which is the present block.
    pub(super) fn finish(&mut self, slow: Block, done: Block) -> Option<Goes> {
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        self.step(done);
        self.b.switch_to_block(done);
        Some(JUMPS)
    }
    fn arithmetic(&mut self) -> Option<Goes> {
        let op = self.ins().op;
        let (a, bb, c) = (self.a(), self.bb(), self.c());
        let constant = matches!(op, Op::AddC | Op::SubC | Op::BandC);
        if matches!(op, Op::Add | Op::Sub | Op::Mul)
            && let (Some(x), Some(y)) = (self.known(a), self.known(bb))
        {
            return Some(self.known_arithmetic(op, x, y));
        }
        let x = self.get(a);
        let y = if constant { self.constant(self.operand(2)) } else { self.get(bb) };
        let (x_small, y_small) = (self.is_small(a), constant || self.is_small(bb));
        let (slow, done) = (self.cold(), self.b.create_block());
        if !(x_small && y_small) {
            let both = match (x_small, y_small) {
                (true, _) => self.b.ins().band_imm_s(y, 1),
                (_, true) => self.b.ins().band_imm_s(x, 1),
                _ => self.both_small(x, y),
            };
            let fast = self.b.create_block();
            self.b.ins().brif(both, fast, &[], slow, &[]);
            self.b.switch_to_block(fast);
        }
        let mut overflow = None;
        let r = match op {
            Op::Add | Op::AddC => {
                let y = if constant { self.int(self.w(2) as i64 - 1) } else { self.b.ins().iadd_imm_s(y, -1) };
                let (r, o) = self.b.ins().sadd_overflow(x, y);
                overflow = Some(o);
                r
            }
            Op::Sub | Op::SubC => {
                let y = if constant { self.int(self.w(2) as i64 - 1) } else { self.b.ins().iadd_imm_s(y, -1) };
                let (r, o) = self.b.ins().ssub_overflow(x, y);
                overflow = Some(o);
                r
            }
            Op::Mul => {
                let x = self.b.ins().iadd_imm_s(x, -1);
                let y = self.b.ins().sshr_imm_u(y, 1);
                let (r, o) = self.b.ins().smul_overflow(x, y);
                overflow = Some(o);
                self.b.ins().bor_imm_s(r, 1)
            }
            Op::Band | Op::BandC => self.b.ins().band(x, y),
            Op::Bor => self.b.ins().bor(x, y),
            _ => {
                let r = self.b.ins().bxor(x, y);
                self.b.ins().bor_imm_s(r, 1)
            }
        };
        if let Some(o) = overflow {
            let good = self.b.create_block();
            self.b.ins().brif(o, slow, &[], good, &[]);
            self.b.switch_to_block(good);
        } else if x_small && y_small {
            // Nothing can fail.
            self.set(c, r);
            self.b.ins().jump(done, &[]);
            self.b.switch_to_block(slow);
            self.leave();
            self.b.switch_to_block(done);
            return Some(self.now_small(c));
        }
        self.set(c, r);
        let float = match op {
            Op::Add | Op::AddC => FloatOp::Add,
            Op::Sub | Op::SubC => FloatOp::Sub,
            Op::Mul => FloatOp::Mul,
            _ => return self.finish_arithmetic(slow, done, x, y),
        };
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(slow);
        let slower = self.cold();
        self.floats(float, x, y, slower, done);
        self.slow_arithmetic(slower, done, x, y)
    }
    /// The general way of the present instruction joins the fast one, which is the present block. Only the heap's top and the result
    /// come from there; what cannot be done so the interpreter does.
    fn finish_arithmetic(&mut self, slow: Block, done: Block, x: Value, y: Value) -> Option<Goes> {
        self.b.ins().jump(done, &[]);
        self.slow_arithmetic(slow, done, x, y)
    }
    fn slow_arithmetic(&mut self, slow: Block, done: Block, x: Value, y: Value) -> Option<Goes> {
        self.b.switch_to_block(slow);
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        self.to_state(hp, offset_of!(State, hp) as i32);
        self.to_state(sp, offset_of!(State, sp) as i32);
        let op = self.int(self.ins().op as i64);
        self.help(Helper::Arithmetic, [x, y, op]);
        let r = self.result();
        let (good, out) = (self.cold(), self.cold());
        self.b.ins().brif(r, good, &[], out, &[]);
        self.b.switch_to_block(out);
        self.leave();
        self.b.switch_to_block(good);
        let hp = self.from_state(offset_of!(State, hp) as i32);
        self.b.def_var(self.hp, hp);
        let c = self.c();
        self.set(c, r);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(done);
        Some(JUMPS)
    }
    /// The present block goes on at `done`; from `slow` on the instruction fails.
    fn fails(&mut self, slow: Block, done: Block) -> Option<Goes> {
        self.b.ins().jump(done, &[]);
        self.fails_in(slow, done)
    }
    /// The same where all blocks before have their ends.
    fn fails_in(&mut self, slow: Block, done: Block) -> Option<Goes> {
        self.b.switch_to_block(slow);
        match self.ins().jumps.first() {
            Some(&fail) => {
                let fail = self.block(fail);
                self.b.ins().jump(fail, &[]);
            }
            None => self.leave(),
        }
        self.b.switch_to_block(done);
        Some(JUMPS)
    }
    fn divide(&mut self) -> Option<Goes> {
        let (a, bb, c) = (self.a(), self.bb(), self.c());
        let (x, y) = (self.get(a), self.get(bb));
        let (slow, done) = (self.cold(), self.b.create_block());
        let both = self.both_small(x, y);
        let (small, fast) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(both, small, &[], slow, &[]);
        self.b.switch_to_block(small);
        let (n, d) = (self.b.ins().sshr_imm_u(x, 1), self.b.ins().sshr_imm_u(y, 1));
        let above = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, d, 0);
        self.b.ins().brif(above, fast, &[], slow, &[]);
        self.b.switch_to_block(fast);
        let r = if self.ins().op == Op::IntDiv { self.b.ins().sdiv(n, d) } else { self.b.ins().srem(n, d) };
        let r = self.b.ins().ishl_imm_u(r, 1);
        let r = self.b.ins().bor_imm_s(r, 1);
        self.set(c, r);
        self.finish_arithmetic(slow, done, x, y)
    }
    fn shift(&mut self) -> Option<Goes> {
        let (a, c) = (self.a(), self.c());
        let by = (self.w(2) as i64) >> 1;
        if !(0..63).contains(&by) {
            return None;
        }
        let x = self.get(a);
        let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
        let small = self.b.ins().band_imm_s(x, 1);
        self.b.ins().brif(small, fast, &[], slow, &[]);
        self.b.switch_to_block(fast);
        let r = if self.ins().op == Op::BsrC {
            let r = self.b.ins().sshr_imm_u(x, by);
            self.b.ins().bor_imm_s(r, 1)
        } else {
            // Nothing may be lost: shifted back it is the same.
            let bare = self.b.ins().iadd_imm_s(x, -1);
            let r = self.b.ins().ishl_imm_u(bare, by);
            let back = self.b.ins().sshr_imm_u(r, by);
            let same = self.b.ins().icmp(IntCC::Equal, back, bare);
            let good = self.b.create_block();
            self.b.ins().brif(same, good, &[], slow, &[]);
            self.b.switch_to_block(good);
            self.b.ins().bor_imm_s(r, 1)
        };
        self.set(c, r);
        let y = self.constant(self.operand(2));
        self.finish_arithmetic(slow, done, x, y)
    }
}
