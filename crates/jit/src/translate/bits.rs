//! Bit strings. Matching: fields of whole bytes at whole bytes in line, other integers by a helper that builds nothing. Building: short
//! integers, floats and texts in line, also behind a binary that nobody else has.

use super::{Goes, Operand, SLACK, T, mem};
use crate::{Helper, MATCH_INTEGER, MATCH_UTF8, PART_WORDS, State};
use code::op::Op;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I16, I32, I64};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value};
use std::mem::offset_of;
use term::am;
use term::binary::{self, Binary};
use term::word::{Kind, TAG_BOXED, header};

const FALLS: Goes = Goes { falls: true, uses_jumps: false, small: 0 };
const JUMPS: Goes = Goes { falls: true, uses_jumps: true, small: 0 };
const BOXED: i32 = TAG_BOXED as i32;
/// Of a match context.
const POSITION: i32 = 8 - BOXED;
const END: i32 = 16 - BOXED;
const BASE: i32 = 24 - BOXED;
const LITTLE: u8 = 2 | 16;
const SIGNED: u8 = 4;

/// Bits that are built in line, at most.
const MOST: i64 = 512;

/// A field of a bit string that is built in line.
struct Field {
    bits: i64,
    little: bool,
    what: What,
}
enum What {
    /// A source word.
    Integer(Operand),
    Float(Operand),
    /// The bits themselves, first bit highest.
    Text(u64),
}

impl T<'_, '_> {
    pub(super) fn bits(&mut self) -> Option<Goes> {
        let (a, bb, c) = (self.a(), self.bb(), self.c());
        match self.ins().op {
            Op::BsStartMatch => Some(self.start_match(a, bb)),
            Op::BsGetInteger => {
                let (w2, size) = (self.w(2), self.w(3));
                if size & 1 == 0 {
                    return None;
                }
                let n = ((size as i64) >> 1).checked_mul(w2 as u8 as i64).filter(|n| (1..=56).contains(n))?;
                let fail = *self.ins().jumps.first()?;
                let context = self.get(a);
                let lost = self.block(fail);
                let (pos, after) = self.ahead(context, n, lost);
                let (slow, done) = (self.b.create_block(), self.b.create_block());
                let flags = (w2 >> 8) as u8;
                if matches!(n, 8 | 16 | 24 | 32) && !(n == 24 && flags & (LITTLE | SIGNED) != 0) {
                    let fast = self.b.create_block();
                    let odd = self.b.ins().band_imm_s(pos, 7);
                    self.b.ins().brif(odd, slow, &[], fast, &[]);
                    self.b.switch_to_block(fast);
                    let at = self.bytes_at(context, pos);
                    let v = self.field(at, 0, n, flags);
                    self.store(after, context, POSITION);
                    self.set(c, v);
                    self.b.ins().jump(done, &[]);
                    self.b.set_cold_block(slow);
                } else {
                    self.b.ins().jump(slow, &[]);
                }
                self.b.switch_to_block(slow);
                let how = self.int(n | i64::from(flags) << 32);
                let what = self.int(MATCH_INTEGER as i64);
                self.help(Helper::Bits, [context, how, what]);
                let v = self.result();
                self.set(c, v);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsSkip => {
                let fail = *self.ins().jumps.first()?;
                let (unit, size) = (self.w(2) as i64, self.w(3));
                let context = self.get(a);
                let lost = self.block(fail);
                if size & 1 == 1 {
                    let n = ((size as i64) >> 1).checked_mul(unit).filter(|n| (0..1 << 30).contains(n))?;
                    let (_, after) = self.ahead(context, n, lost);
                    self.store(after, context, POSITION);
                    return Some(JUMPS);
                }
                if bb != 0 && unit > 0 && (unit & (unit - 1)) == 0 {
                    let (pos, end) = (self.load(context, POSITION), self.load(context, END));
                    let left = self.b.ins().isub(end, pos);
                    let odd = self.b.ins().band_imm_s(left, unit - 1);
                    let go = self.b.create_block();
                    self.b.ins().brif(odd, lost, &[], go, &[]);
                    self.b.switch_to_block(go);
                    self.store(end, context, POSITION);
                    return Some(JUMPS);
                }
                None
            }
            Op::BsTestTail => {
                let context = self.get(a);
                let left = self.left(context);
                let n = self.w(1) as i64;
                let is = self.b.ins().icmp_imm_s(IntCC::Equal, left, n);
                self.test(is)
            }
            Op::BsTestUnit => {
                let unit = self.w(1);
                if unit == 0 || unit & (unit - 1) != 0 {
                    return None;
                }
                let context = self.get(a);
                let left = self.left(context);
                let odd = self.b.ins().band_imm_s(left, unit as i64 - 1);
                let is = self.b.ins().icmp_imm_s(IntCC::Equal, odd, 0);
                self.test(is)
            }
            Op::BsMatchString => {
                let n = self.w(1) as i64;
                if n % 8 != 0 || !(8..=128).contains(&n) {
                    return None;
                }
                // SAFETY: rule 1: the loader took the bytes from the module's string table.
                let text = unsafe { std::slice::from_raw_parts(self.w(2) as *const u8, n as usize / 8) };
                let fail = self.target();
                let lost = self.block(fail);
                let context = self.get(a);
                let (pos, after) = self.ahead(context, n, lost);
                let (fast, slow, done) = (self.b.create_block(), self.cold(), self.b.create_block());
                let odd = self.b.ins().band_imm_s(pos, 7);
                self.b.ins().brif(odd, slow, &[], fast, &[]);
                self.b.switch_to_block(fast);
                let at = self.bytes_at(context, pos);
                let mut i = 0;
                while i < text.len() {
                    let k = match text.len() - i {
                        8.. => 8,
                        4.. => 4,
                        2.. => 2,
                        _ => 1,
                    };
                    let want = text[i..i + k].iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b));
                    let v = match k {
                        8 => self.load(at, i as i32),
                        4 => self.b.ins().uload32(mem(), at, i as i32),
                        2 => self.b.ins().uload16(I64, mem(), at, i as i32),
                        _ => self.b.ins().uload8(I64, mem(), at, i as i32),
                    };
                    let is = self.equals(v, want);
                    let same = self.b.create_block();
                    self.b.ins().brif(is, same, &[], lost, &[]);
                    self.b.switch_to_block(same);
                    i += k;
                }
                self.store(after, context, POSITION);
                self.finish(slow, done)
            }
            Op::BsGetPosition => {
                let context = self.get(a);
                let pos = self.load(context, POSITION);
                let v = self.b.ins().ishl_imm_u(pos, 1);
                let v = self.b.ins().bor_imm_s(v, 1);
                self.set(bb, v);
                Some(FALLS)
            }
            Op::BsSetPosition => {
                let context = self.get(a);
                let v = self.get(bb);
                let pos = self.b.ins().sshr_imm_u(v, 1);
                self.store(pos, context, POSITION);
                Some(FALLS)
            }
            Op::BsGetUtf8 => {
                let to = self.w(2);
                let fail = self.target();
                let lost = self.block(fail);
                let context = self.get(a);
                let (pos, end) = (self.load(context, POSITION), self.load(context, END));
                let after = self.b.ins().iadd_imm_s(pos, 8);
                let over = self.b.ins().icmp(IntCC::UnsignedGreaterThan, after, end);
                let (go, fast, short, slow, done) =
                    (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
                self.b.ins().brif(over, lost, &[], go, &[]);
                self.b.switch_to_block(go);
                let odd = self.b.ins().band_imm_s(pos, 7);
                self.b.ins().brif(odd, slow, &[], fast, &[]);
                self.b.switch_to_block(fast);
                let at = self.bytes_at(context, pos);
                let byte = self.b.ins().uload8(I64, mem(), at, 0);
                let high = self.b.ins().band_imm_s(byte, 0x80);
                self.b.ins().brif(high, slow, &[], short, &[]);
                self.b.switch_to_block(short);
                self.store(after, context, POSITION);
                if to != u64::MAX {
                    let v = self.b.ins().ishl_imm_u(byte, 1);
                    let v = self.b.ins().bor_imm_s(v, 1);
                    self.set(to as u16, v);
                }
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(slow);
                let zero = self.int(0);
                let what = self.int(MATCH_UTF8 as i64);
                self.help(Helper::Bits, [context, zero, what]);
                let v = self.result();
                let found = self.b.create_block();
                self.b.ins().brif(v, found, &[], lost, &[]);
                self.b.switch_to_block(found);
                if to != u64::MAX {
                    self.set(to as u16, v);
                }
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsCreate => {
                let done = self.b.create_block();
                if let Some((append, fields)) = self.fields() {
                    let slow = self.cold();
                    self.create(append, &fields, slow);
                    self.b.ins().jump(done, &[]);
                    self.b.switch_to_block(slow);
                }
                self.helped_step(Helper::Create, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsGetTail => {
                let context = self.get(a);
                let (slow, done) = (self.cold(), self.b.create_block());
                let (pos, end) = (self.load(context, POSITION), self.load(context, END));
                let n = self.b.ins().isub(end, pos);
                self.part(context, pos, n, bb, slow);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(slow);
                self.helped_step(Helper::SubBits, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsGetBinary => {
                let (how, size) = (self.w(2), self.w(3));
                let fail = *self.ins().jumps.first()?;
                let unit = i64::from(how as u8);
                let (slow, done) = (self.cold(), self.b.create_block());
                let context = self.get(a);
                let (pos, end) = (self.load(context, POSITION), self.load(context, END));
                let left = self.b.ins().isub(end, pos);
                let lost = self.block(fail);
                let n = if size & 1 == 1 {
                    let n = self.int(((size as i64) >> 1).checked_mul(unit).filter(|n| (0..1 << 30).contains(n))?);
                    let over = self.b.ins().icmp(IntCC::SignedGreaterThan, n, left);
                    let go = self.b.create_block();
                    self.b.ins().brif(over, lost, &[], go, &[]);
                    self.b.switch_to_block(go);
                    n
                } else if size & 7 == 0 {
                    let t = self.get((size >> 3) as u16);
                    let (small, go, inside) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
                    let is = self.b.ins().band_imm_s(t, 1);
                    self.b.ins().brif(is, small, &[], slow, &[]);
                    self.b.switch_to_block(small);
                    let v = self.b.ins().sshr_imm_u(t, 1);
                    // Others have no chance.
                    let is = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, v, 1 << 40);
                    self.b.ins().brif(is, go, &[], slow, &[]);
                    self.b.switch_to_block(go);
                    let n = self.b.ins().imul_imm_s(v, unit);
                    let over = self.b.ins().icmp(IntCC::SignedGreaterThan, n, left);
                    self.b.ins().brif(over, lost, &[], inside, &[]);
                    self.b.switch_to_block(inside);
                    n
                } else if bb != 0 && unit > 0 && unit & (unit - 1) == 0 {
                    let odd = self.b.ins().band_imm_s(left, unit - 1);
                    let go = self.b.create_block();
                    self.b.ins().brif(odd, lost, &[], go, &[]);
                    self.b.switch_to_block(go);
                    left
                } else {
                    self.b.ins().jump(slow, &[]);
                    self.b.switch_to_block(slow);
                    self.helped_step(Helper::SubBits, done);
                    self.b.switch_to_block(done);
                    return Some(JUMPS);
                };
                let after = self.b.ins().iadd(pos, n);
                self.part(context, pos, n, c, slow);
                self.store(after, context, POSITION);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(slow);
                self.helped_step(Helper::SubBits, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::PutMapAssoc | Op::PutMapExact => {
                let done = self.b.create_block();
                self.helped_step(Helper::PutMap, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsMatch => self.commands(a),
            _ => None,
        }
    }

    /// A part of what the context matches, to a register; `slow` if there is no room.
    fn part(&mut self, context: Value, pos: Value, n: Value, to: u16, slow: Block) {
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        let left = self.b.ins().isub(sp, hp);
        let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, left, 8 * (PART_WORDS + SLACK));
        let room = self.b.create_block();
        self.b.ins().brif(short, slow, &[], room, &[]);
        self.b.switch_to_block(room);
        let base = self.load(context, BASE);
        self.to_state(hp, offset_of!(State, hp) as i32);
        self.help(Helper::Part, [base, pos, n]);
        let t = self.result();
        let hp = self.from_state(offset_of!(State, hp) as i32);
        self.b.def_var(self.hp, hp);
        self.set(to, t);
    }

    /// What a construction is made of, if it is one that is done in line: the unit of what it appends to, and fields.
    fn fields(&self) -> Option<(Option<(u16, i64)>, Vec<Field>)> {
        let n = self.w(2) as u32 as usize;
        let (mut append, mut fields, mut total) = (None, Vec::new(), 0);
        for i in 0..n {
            let (what, value, size) = (self.w(3 + 4 * i), self.w(4 + 4 * i), self.w(5 + 4 * i));
            let (unit, little) = ((what >> 16) as u32, (what >> 8) as u8 & LITTLE != 0);
            match what as u8 {
                0 | 1 if i == 0 && size == am::ALL.raw() && value & 7 == 0 => {
                    if !unit.is_power_of_two() {
                        return None;
                    }
                    append = Some(((value >> 3) as u16, i64::from(unit)));
                }
                // An integer or a float.
                kind @ (3 | 4) if size & 1 == 1 => {
                    let bits = (size >> 1).checked_mul(u64::from(unit)).filter(|b| (1..=64).contains(b))? as i64;
                    if kind == 4 && !matches!(bits, 32 | 64) || little && bits % 8 != 0 || value & 7 != 0 && value & 1 == 0 && kind == 3 || kind == 4 && value & 1 == 1 {
                        return None;
                    }
                    fields.push(Field { bits, little, what: if kind == 3 { What::Integer(self.operand(4 + 4 * i)) } else { What::Float(self.operand(4 + 4 * i)) } });
                    total += bits;
                }
                5 => {
                    // SAFETY: rule 1: the loader took the bytes from the module's string table.
                    let text = unsafe { std::slice::from_raw_parts(value as *const u8, size as usize) };
                    if text.len() > MOST as usize / 8 {
                        return None;
                    }
                    for part in text.chunks(8) {
                        let v = part.iter().fold(0u64, |v, &b| v << 8 | u64::from(b));
                        let bits = 8 * part.len() as i64;
                        fields.push(Field { bits, little: false, what: What::Text(v << (64 - bits)) });
                        total += bits;
                    }
                }
                _ => return None,
            }
        }
        (total > 0 && total <= MOST && fields.len() <= 24).then_some((append, fields))
    }

    /// The bits of a field, first bit highest; zeroes behind them.
    fn field_bits(&mut self, f: &Field, slow: Block) -> Value {
        let n = f.bits;
        let v = match f.what {
            What::Text(v) => return self.int(v as i64),
            What::Integer(o) => {
                let t = self.source(o);
                if !self.is_small_word(o.raw) {
                    let small = self.b.create_block();
                    let is = self.b.ins().band_imm_s(t, 1);
                    self.b.ins().brif(is, small, &[], slow, &[]);
                    self.b.switch_to_block(small);
                }
                if !f.little && n < 64 {
                    let v = self.b.ins().iadd_imm_s(t, -1);
                    return self.b.ins().ishl_imm_u(v, 63 - n);
                }
                self.b.ins().sshr_imm_u(t, 1)
            }
            What::Float(o) => {
                let t = self.source(o);
                let (boxed, float) = (self.b.create_block(), self.b.create_block());
                self.branch_if_boxed(t, boxed, slow);
                self.b.switch_to_block(boxed);
                let is = self.one_of(t, &[Kind::Float]);
                self.b.ins().brif(is, float, &[], slow, &[]);
                self.b.switch_to_block(float);
                if n == 64 {
                    self.load(t, 8 - BOXED)
                } else {
                    let d = self.b.ins().load(F64, mem(), t, 8 - BOXED);
                    let single = self.b.ins().fdemote(F32, d);
                    let v = self.b.ins().bitcast(I32, MemFlagsData::new(), single);
                    self.b.ins().uextend(I64, v)
                }
            }
        };
        if f.little {
            let v = self.b.ins().bswap(v);
            return if n < 64 {
                let v = self.b.ins().ushr_imm_u(v, 64 - n);
                self.b.ins().ishl_imm_u(v, 64 - n)
            } else {
                v
            };
        }
        if n < 64 { self.b.ins().ishl_imm_u(v, 64 - n) } else { v }
    }

    /// Builds a bit string of fields, or appends them where nobody else can and there is room; anything else goes to `slow`.
    fn create(&mut self, append: Option<(u16, i64)>, fields: &[Field], slow: Block) {
        let (dst, need) = (self.a(), (self.w(2) >> 32) as i64);
        let total: i64 = fields.iter().map(|f| f.bits).sum();
        let words = (total as usize).div_ceil(64);
        let mut out: Vec<Option<Value>> = vec![None; words];
        let mut at = 0;
        for f in fields {
            let v = self.field_bits(f, slow);
            let (k, r) = ((at / 64) as usize, at % 64);
            let first = if r > 0 { self.b.ins().ushr_imm_u(v, r) } else { v };
            out[k] = Some(match out[k] {
                Some(before) => self.b.ins().bor(before, first),
                None => first,
            });
            if r + f.bits > 64 {
                out[k + 1] = Some(self.b.ins().ishl_imm_u(v, 64 - r));
            }
            at += f.bits;
        }
        let out: Vec<Value> = out.into_iter().flatten().collect();
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        let left = self.b.ins().isub(sp, hp);
        let takes = if append.is_some() { 4 } else { 2 + words as i64 };
        let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, left, 8 * (takes + need + SLACK));
        let room = self.b.create_block();
        self.b.ins().brif(short, slow, &[], room, &[]);
        self.b.switch_to_block(room);
        let Some((register, unit)) = append else {
            let head = self.int(header(Kind::HeapBits, 1 + words) as i64);
            self.store(head, hp, 0);
            let bits = self.int(total);
            self.store(bits, hp, 8);
            for (k, v) in out.into_iter().enumerate() {
                let v = self.b.ins().bswap(v);
                self.store(v, hp, 16 + 8 * k as i32);
            }
            self.built(hp, 2 + words as i64, BOXED, dst);
            return;
        };
        let t = self.get(register);
        let boxed = self.b.create_block();
        self.branch_if_boxed(t, boxed, slow);
        self.b.switch_to_block(boxed);
        let head = self.load(t, -BOXED);
        let is = self.equals(head, header(Kind::SubBits, 3));
        self.unless(is, slow);
        let start = self.load(t, 8 - BOXED);
        let whole = self.b.create_block();
        self.b.ins().brif(start, slow, &[], whole, &[]);
        self.b.switch_to_block(whole);
        let (len, base) = (self.load(t, 16 - BOXED), self.load(t, 24 - BOXED));
        let head = self.load(base, -BOXED);
        let is = self.equals(head, header(Kind::BinRef, 3));
        self.unless(is, slow);
        let buffer = self.load(base, 16 - BOXED);
        let (count, used) = (self.load(buffer, binary::COUNT), self.load(buffer, binary::USED_BITS));
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, count, 1);
        self.unless(is, slow);
        let is = self.b.ins().icmp(IntCC::Equal, used, len);
        self.unless(is, slow);
        // The first segment's unit is one of its own bits.
        let must = if unit % 8 != 0 && total > 56 { 8 } else { unit };
        if must > 1 {
            let odd = self.b.ins().band_imm_s(len, must - 1);
            let even = self.b.create_block();
            self.b.ins().brif(odd, slow, &[], even, &[]);
            self.b.switch_to_block(even);
        }
        // The cell's size is no more than its buffer's room, behind which what whole words spill does no harm.
        let room = self.load(base, 8 - BOXED);
        let size = self.b.ins().iadd_imm_s(len, total);
        let is = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, size, room);
        self.unless(is, slow);
        let index = self.b.ins().ushr_imm_u(len, 3);
        let at = self.b.ins().iadd(buffer, index);
        let data = Binary::data_of_raw(0) as i32;
        if must % 8 == 0 {
            for (k, v) in out.into_iter().enumerate() {
                let v = self.b.ins().bswap(v);
                self.store(v, at, data + 8 * k as i32);
            }
        } else {
            // The bits before them in the same byte stay.
            let bits = self.b.ins().band_imm_s(len, 7);
            let byte = self.b.ins().uload8(I64, mem(), at, data);
            let byte = self.b.ins().ishl_imm_u(byte, 56);
            let ones = self.int(-1);
            let rest = self.b.ins().ushr(ones, bits);
            let keep = self.b.ins().bnot(rest);
            let keep = self.b.ins().band(byte, keep);
            let v = self.b.ins().ushr(out[0], bits);
            let v = self.b.ins().bor(keep, v);
            let v = self.b.ins().bswap(v);
            self.store(v, at, data);
        }
        self.store(size, buffer, binary::USED_BITS);
        let head = self.int(header(Kind::SubBits, 3) as i64);
        self.store(head, hp, 0);
        let zero = self.int(0);
        self.store(zero, hp, 8);
        self.store(size, hp, 16);
        self.store(base, hp, 24);
        self.built(hp, 4, BOXED, dst);
    }

    fn left(&mut self, context: Value) -> Value {
        let (pos, end) = (self.load(context, POSITION), self.load(context, END));
        self.b.ins().isub(end, pos)
    }
    /// The context's position, and what it is `bits` further on; to `lost` if that is beyond its end.
    fn ahead(&mut self, context: Value, bits: i64, lost: Block) -> (Value, Value) {
        let (pos, end) = (self.load(context, POSITION), self.load(context, END));
        (pos, self.within(pos, bits, end, lost))
    }
    /// The address of the byte at a position, which is at a whole byte.
    fn bytes_at(&mut self, context: Value, pos: Value) -> Value {
        let base = self.load(context, BASE);
        let kind = self.b.ins().uload8(I64, mem(), base, -BOXED);
        let inside = self.b.ins().icmp_imm_s(IntCC::Equal, kind, (Kind::HeapBits as i64) << 3);
        let here = self.b.ins().iadd_imm_s(base, 16 - i64::from(BOXED));
        let buffer = self.load(base, 16 - BOXED);
        let there = self.b.ins().iadd_imm_s(buffer, Binary::data_of_raw(0) as i64);
        let data = self.b.ins().select(inside, here, there);
        let index = self.b.ins().ushr_imm_u(pos, 3);
        self.b.ins().iadd(data, index)
    }
    /// The small integer in `n` bits (8, 16, 24 or 32) at `at + offset`.
    fn field(&mut self, at: Value, offset: i32, n: i64, flags: u8) -> Value {
        let signed = flags & SIGNED != 0;
        let v = match n {
            8 if signed => self.b.ins().sload8(I64, mem(), at, offset),
            8 => self.b.ins().uload8(I64, mem(), at, offset),
            24 => {
                let x = self.b.ins().uload8(I64, mem(), at, offset);
                let y = self.b.ins().uload8(I64, mem(), at, offset + 1);
                let z = self.b.ins().uload8(I64, mem(), at, offset + 2);
                let x = self.b.ins().ishl_imm_u(x, 16);
                let y = self.b.ins().ishl_imm_u(y, 8);
                let v = self.b.ins().bor(x, y);
                self.b.ins().bor(v, z)
            }
            _ => {
                let v = self.b.ins().load(if n == 16 { I16 } else { I32 }, mem(), at, offset);
                let v = if flags & LITTLE != 0 { v } else { self.b.ins().bswap(v) };
                if signed { self.b.ins().sextend(I64, v) } else { self.b.ins().uextend(I64, v) }
            }
        };
        let v = self.b.ins().ishl_imm_u(v, 1);
        self.b.ins().bor_imm_s(v, 1)
    }

    /// A context on the source, or the source if it is one.
    fn start_match(&mut self, source: u16, to: u16) -> Goes {
        let t = self.get(source);
        let (slow, done) = (self.cold(), self.b.create_block());
        let (boxed, fresh, ready) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.branch_if_boxed(t, boxed, slow);
        self.b.switch_to_block(boxed);
        let is = self.one_of(t, &[Kind::MatchContext]);
        self.b.ins().brif(is, ready, &[], fresh, &[]);
        self.b.switch_to_block(ready);
        self.set(to, t);
        self.b.ins().jump(done, &[]);
        self.b.switch_to_block(fresh);
        let (hp, sp) = (self.b.use_var(self.hp), self.b.use_var(self.sp));
        let (whole, part, sub, make) = (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        let (start, end, base) = (self.b.append_block_param(make, I64), self.b.append_block_param(make, I64), self.b.append_block_param(make, I64));
        let room = self.b.create_block();
        let left = self.b.ins().isub(sp, hp);
        let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, left, 8 * (4 + SLACK));
        self.b.ins().brif(short, slow, &[], room, &[]);
        self.b.switch_to_block(room);
        let is = self.one_of(t, &[Kind::HeapBits, Kind::BinRef]);
        self.b.ins().brif(is, whole, &[], part, &[]);
        self.b.switch_to_block(whole);
        let zero = self.int(0);
        let size = self.load(t, 8 - BOXED);
        self.b.ins().jump(make, &[zero.into(), size.into(), t.into()]);
        self.b.switch_to_block(part);
        let is = self.one_of(t, &[Kind::SubBits]);
        self.b.ins().brif(is, sub, &[], slow, &[]);
        self.b.switch_to_block(sub);
        let (at, size, of) = (self.load(t, 8 - BOXED), self.load(t, 16 - BOXED), self.load(t, 24 - BOXED));
        let to_end = self.b.ins().iadd(at, size);
        self.b.ins().jump(make, &[at.into(), to_end.into(), of.into()]);
        self.b.switch_to_block(make);
        let head = self.int(header(Kind::MatchContext, 3) as i64);
        self.store(head, hp, 0);
        self.store(start, hp, 8);
        self.store(end, hp, 16);
        self.store(base, hp, 24);
        self.built(hp, 4, BOXED, to);
        self.finish(slow, done);
        JUMPS
    }

    /// Several commands at once. Nothing is changed before all have succeeded; what is not in line the interpreter does from the start.
    fn commands(&mut self, a: u16) -> Option<Goes> {
        let n = usize::from(self.w(1) as u16);
        let list: Vec<(u64, u64)> = (0..n).map(|i| (self.w(2 + 2 * i), self.w(3 + 2 * i))).collect();
        let mut at = 0i64;
        for &(command, more) in &list {
            let size = (more & 0xffff_ffff) as i64;
            match command as u8 {
                0 => {
                    let unit = (more >> 32).max(1);
                    if unit & (unit - 1) != 0 {
                        return None;
                    }
                }
                1 => {}
                2 => {
                    let flags = (command >> 8) as u8;
                    if !matches!(size, 8 | 16 | 24 | 32) || size == 24 && flags & (LITTLE | SIGNED) != 0 || at % 8 != 0 {
                        return None;
                    }
                    at += size;
                }
                4 => at += size,
                6 => {
                    let size = (command >> 32) as i64;
                    if !matches!(size, 8 | 16 | 24 | 32) || at % 8 != 0 {
                        return None;
                    }
                    at += size;
                }
                _ => return None,
            }
        }
        let fail = self.target();
        let lost = self.block(fail);
        let (slow, done) = (self.cold(), self.b.create_block());
        let context = self.get(a);
        let (pos, end) = (self.load(context, POSITION), self.load(context, END));
        let mut bytes: Option<Value> = None;
        let mut at = 0i64;
        let mut values: Vec<(u16, Value)> = Vec::new();
        for (command, more) in list {
            let size = (more & 0xffff_ffff) as i64;
            match command as u8 {
                0 | 1 => {
                    let before = self.b.ins().iadd_imm_s(pos, at);
                    let left = self.b.ins().isub(end, before);
                    if command as u8 == 1 {
                        let is = self.b.ins().icmp_imm_s(IntCC::Equal, left, size);
                        self.unless(is, lost);
                        continue;
                    }
                    let is = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, left, size);
                    self.unless(is, lost);
                    let unit = (more >> 32).max(1) as i64;
                    if unit > 1 {
                        let rest = self.b.ins().iadd_imm_s(left, -size);
                        let odd = self.b.ins().band_imm_s(rest, unit - 1);
                        let is = self.b.ins().icmp_imm_s(IntCC::Equal, odd, 0);
                        self.unless(is, lost);
                    }
                }
                4 => {
                    at += size;
                    self.within(pos, at, end, lost);
                }
                what => {
                    let size = if what == 6 { (command >> 32) as i64 } else { size };
                    self.within(pos, at + size, end, lost);
                    let p = match bytes {
                        Some(p) => p,
                        None => {
                            let odd = self.b.ins().band_imm_s(pos, 7);
                            let even = self.b.create_block();
                            self.b.ins().brif(odd, slow, &[], even, &[]);
                            self.b.switch_to_block(even);
                            let p = self.bytes_at(context, pos);
                            bytes = Some(p);
                            p
                        }
                    };
                    if what == 6 {
                        let v = self.field(p, (at / 8) as i32, size, 0);
                        let is = self.equals(v, more << 1 | 1);
                        self.unless(is, lost);
                    } else {
                        let v = self.field(p, (at / 8) as i32, size, (command >> 8) as u8);
                        values.push(((command >> 16) as u16, v));
                    }
                    at += size;
                }
            }
        }
        let after = self.b.ins().iadd_imm_s(pos, at);
        self.store(after, context, POSITION);
        for (r, v) in values {
            self.set(r, v);
        }
        self.finish(slow, done)
    }
    fn unless(&mut self, is: Value, lost: Block) {
        let go = self.b.create_block();
        self.b.ins().brif(is, go, &[], lost, &[]);
        self.b.switch_to_block(go);
    }
    fn within(&mut self, pos: Value, at: i64, end: Value, lost: Block) -> Value {
        let after = self.b.ins().iadd_imm_s(pos, at);
        let is = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, after, end);
        self.unless(is, lost);
        after
    }
}
