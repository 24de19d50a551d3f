//! Matching bit strings: fields of whole bytes at whole bytes in line, other integers by a helper that builds nothing.

use super::{Goes, SLACK, T, mem};
use crate::{Helper, MATCH_INTEGER, MATCH_UTF8};
use code::op::Op;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I32, I64};
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use term::binary::Binary;
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
            Op::BsCreate | Op::BsGetTail | Op::BsGetBinary | Op::PutMapAssoc | Op::PutMapExact => {
                let done = self.b.create_block();
                let helper = match self.ins().op {
                    Op::BsCreate => Helper::Create,
                    Op::PutMapAssoc | Op::PutMapExact => Helper::PutMap,
                    _ => Helper::SubBits,
                };
                self.helped_step(helper, done);
                self.b.switch_to_block(done);
                Some(JUMPS)
            }
            Op::BsMatch => self.commands(a),
            _ => None,
        }
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
