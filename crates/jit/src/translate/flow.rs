//! Calls, returns, jumps, frames, exceptions.

use super::{Goes, Operand, PASSED, Symbol, T, decode_arity, mem, x_offset};
use crate::{Helper, State, stubs};
use code::op::{Op, PLAIN, Y};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I32, I64};
use cranelift_codegen::ir::{Block, Inst, InstBuilder, JumpTableData, Value};
use std::collections::BTreeSet;
use std::mem::offset_of;
use term::{Term, am};
use term::fun::{Export, FunEntry};
use term::word::{Kind, TAG_BOXED};

const FALLS: Goes = Goes { falls: true, uses_jumps: false, small: 0 };
const JUMPS: Goes = Goes { falls: true, uses_jumps: true, small: 0 };
const ENDS: Goes = Goes { falls: false, uses_jumps: false, small: 0 };
const ENDS_JUMPING: Goes = Goes { falls: false, uses_jumps: true, small: 0 };

impl T<'_, '_> {
    /// A call costs a reduction; without any left, the slice ends here.
    pub(super) fn pay(&mut self, at: usize) {
        let before = self.b.use_var(self.reds);
        let reds = self.b.ins().iadd_imm_s(before, -1);
        self.b.def_var(self.reds, reds);
        let over = self.b.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, reds, 0);
        let (yields, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(over, yields, &[], go, &[]);
        self.b.switch_to_block(yields);
        // The interpreter pays for the call, and sees.
        self.b.def_var(self.reds, before);
        let arity = decode_arity(self.words, self.unit.start);
        for r in PASSED..arity {
            let v = self.get(r);
            self.to_state(v, x_offset(r));
        }
        let ip = self.address(at);
        self.to_state(ip, offset_of!(State, ip) as i32);
        let stub = self.from_state(offset_of!(State, interpret) as i32);
        let args = self.arguments(arity);
        self.b.ins().return_call_indirect(self.function, stub, &args);
        self.b.switch_to_block(go);
        self.b.def_var(self.reds, reds);
    }

    fn arguments(&mut self, arity: u16) -> [Value; 6] {
        let (hp, sp, reds) = (self.b.use_var(self.hp), self.b.use_var(self.sp), self.b.use_var(self.reds));
        let mut x = [hp; 3];
        for r in 0..PASSED.min(arity) {
            x[r as usize] = self.get(r);
        }
        if arity < PASSED {
            let zero = self.int(0);
            for v in &mut x[arity as usize..] {
                *v = zero;
            }
        }
        [hp, sp, reds, x[0], x[1], x[2]]
    }

    /// Pushes the continuation.
    fn push(&mut self, at: usize) {
        let sp = self.b.use_var(self.sp);
        let sp = self.b.ins().iadd_imm_s(sp, -8);
        self.b.def_var(self.sp, sp);
        let cont = self.address(at);
        self.store(cont, sp, 0);
    }
    fn pop(&mut self, words: i64) {
        if words != 0 {
            let sp = self.b.use_var(self.sp);
            let sp = self.b.ins().iadd_imm_s(sp, 8 * words);
            self.b.def_var(self.sp, sp);
        }
    }

    /// Machine code of the function at an address; without any, that of the stub that stands for such functions.
    fn callee(&mut self, target: Value) -> Value {
        let word = self.load(target, 0);
        let op = self.b.ins().ireduce(I16, word);
        let has = self.b.ins().icmp_imm_s(IntCC::Equal, op, Op::Machine as i64);
        let code = self.b.ins().ushr_imm_u(word, 16);
        let (go, other) = (self.b.create_block(), self.cold());
        let callee = self.b.append_block_param(go, I64);
        self.b.ins().brif(has, go, &[code.into()], other, &[]);
        self.b.switch_to_block(other);
        self.to_state(target, offset_of!(State, ip) as i32);
        let stub = self.from_state(offset_of!(State, interpret) as i32);
        self.b.ins().jump(go, &[stub.into()]);
        self.b.switch_to_block(go);
        callee
    }
    /// Without machine code of the function at an address, the interpreter does the call and this is not come back to.
    fn checked(&mut self, target: Value, args: &[Value; 6]) {
        let word = self.load(target, 0);
        let op = self.b.ins().ireduce(I16, word);
        let has = self.b.ins().icmp_imm_s(IntCC::Equal, op, Op::Machine as i64);
        let (go, interpreted) = (self.b.create_block(), self.cold());
        self.b.ins().brif(has, go, &[], interpreted, &[]);
        self.b.switch_to_block(interpreted);
        self.to_state(target, offset_of!(State, ip) as i32);
        let stub = self.from_state(offset_of!(State, interpret) as i32);
        self.b.ins().return_call_indirect(self.function, stub, args);
        self.b.switch_to_block(go);
    }
    fn pass(&mut self, arity: u16) {
        for r in PASSED..arity {
            let v = self.get(r);
            self.to_state(v, x_offset(r));
        }
    }
    fn call_at(&mut self, target: Value, args: [Value; 6]) -> Goes {
        let callee = self.callee(target);
        let call = self.b.ins().call_indirect(self.function, callee, &args);
        self.came_back(call)
    }
    fn came_back(&mut self, call: Inst) -> Goes {
        // Nothing stays in registers over a call.
        self.pinned = None;
        let r = self.b.inst_results(call).to_vec();
        self.b.def_var(self.x[0], r[1]);
        self.b.def_var(self.reds, r[2]);
        self.b.def_var(self.sp, r[3]);
        self.b.def_var(self.hp, r[4]);
        Goes { falls: true, uses_jumps: false, small: 0 }
    }
    fn tail_call_at(&mut self, target: Value, args: [Value; 6]) -> Goes {
        let callee = self.callee(target);
        self.b.ins().return_call_indirect(self.function, callee, &args);
        ENDS
    }
    fn call_local(&mut self, to: usize) -> Goes {
        let arity = decode_arity(self.words, to - 3);
        self.pass(arity);
        self.push(self.next());
        let args = self.arguments(arity);
        let target = self.address(to);
        match self.own {
            Some(own) if to == self.unit.start + 3 => {
                // Still asked, lest it be traced, but no detour.
                self.checked(target, &args);
                let call = self.b.ins().call(own, &args);
                self.came_back(call)
            }
            _ => self.call_at(target, args),
        }
    }
    fn tail_call_local(&mut self, to: usize) -> Goes {
        if to == self.unit.start + 3
            && let Some(head) = self.head
        {
            self.b.ins().jump(head, &[]);
            return ENDS;
        }
        let arity = decode_arity(self.words, to - 3);
        self.pass(arity);
        let args = self.arguments(arity);
        let target = self.address(to);
        self.tail_call_at(target, args)
    }
    fn export(&mut self) -> (Value, u16) {
        let record = self.w(1);
        // SAFETY: rule 1: the word is the address of an export record, which is never freed.
        let arity = u16::from(unsafe { (*(record as *const Export)).arity });
        let record = self.record(1);
        (self.load(record, offset_of!(Export, address) as i32), arity)
    }
    fn give_back(&mut self) -> Goes {
        let sp = self.b.use_var(self.sp);
        let sp = self.b.ins().iadd_imm_s(sp, 8);
        let (hp, reds, x0) = (self.b.use_var(self.hp), self.b.use_var(self.reds), self.get(0));
        let nothing = self.int(0);
        self.b.ins().return_(&[nothing, x0, reds, sp, hp]);
        ENDS
    }

    /// A call of a fun. What is no local fun of that arity is left to the interpreter.
    fn call_fun(&mut self, f: Value, n: u16, last: u16) -> Goes {
        let slow = self.cold();
        let boxed = self.b.create_block();
        self.branch_if_boxed(f, boxed, slow);
        self.b.switch_to_block(boxed);
        let head = self.load(f, -(TAG_BOXED as i32));
        let kind = self.b.ins().band_imm_s(head, 0xff);
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, kind, (Kind::Fun as i64) << 3);
        let (fun, other) = (self.b.create_block(), self.b.create_block());
        let zero = self.int(0);
        self.b.ins().brif(is, fun, &[], other, &[]);
        let ready = self.b.create_block();
        let target = self.b.append_block_param(ready, I64);
        for _ in n..PASSED {
            self.b.append_block_param(ready, I64);
        }
        let mut given: Vec<Value> = vec![zero; usize::from(PASSED.saturating_sub(n))];
        // A fun of an exported function.
        self.b.switch_to_block(other);
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, kind, (Kind::ExportFun as i64) << 3);
        let (export, right) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(is, export, &[], slow, &[]);
        self.b.switch_to_block(export);
        let record = self.load(f, 8 - TAG_BOXED as i32);
        let arity = self.b.ins().uload8(I64, mem(), record, offset_of!(Export, arity) as i32);
        let fits = self.b.ins().icmp_imm_s(IntCC::Equal, arity, i64::from(n));
        self.b.ins().brif(fits, right, &[], slow, &[]);
        self.b.switch_to_block(right);
        self.pass(n);
        let address = self.load(record, offset_of!(Export, address) as i32);
        let args: Vec<_> = std::iter::once(address).chain(given.iter().copied()).map(|v| v.into()).collect();
        self.b.ins().jump(ready, &args);
        self.b.switch_to_block(fun);
        let entry = self.load(f, 8 - TAG_BOXED as i32);
        let arity = self.b.ins().uload8(I64, mem(), entry, offset_of!(FunEntry, arity) as i32);
        let fits = self.b.ins().icmp_imm_s(IntCC::Equal, arity, i64::from(n));
        let go = self.b.create_block();
        self.b.ins().brif(fits, go, &[], slow, &[]);
        self.b.switch_to_block(slow);
        self.leave();
        self.b.switch_to_block(go);
        self.pass(n);
        // Free variables go behind the arguments: first those that are passed as values, then the rest through memory.
        let free = self.b.ins().ushr_imm_u(head, 8);
        let free = self.b.ins().iadd_imm_s(free, -1);
        let address = self.load(entry, offset_of!(FunEntry, address) as i32);
        let mut x: Vec<Value> = Vec::new();
        for r in 0..PASSED {
            x.push(if r < n { self.get(r) } else { address });
        }
        for k in 0..given.len() {
            let more = self.b.create_block();
            let any = self.b.ins().icmp_imm_s(IntCC::UnsignedGreaterThan, free, k as i64);
            let args: Vec<_> = std::iter::once(address).chain(given.iter().copied()).map(|v| v.into()).collect();
            self.b.ins().brif(any, more, &[], ready, &args);
            self.b.switch_to_block(more);
            given[k] = self.load(f, 16 + 8 * k as i32 - TAG_BOXED as i32);
        }
        // The rest.
        let test = self.b.create_block();
        let index = self.b.append_block_param(test, I64);
        let copy = self.b.create_block();
        let first = self.int(given.len() as i64);
        self.b.ins().jump(test, &[first.into()]);
        self.b.switch_to_block(test);
        let any = self.b.ins().icmp(IntCC::UnsignedGreaterThan, free, index);
        let args: Vec<_> = std::iter::once(address).chain(given.iter().copied()).map(|v| v.into()).collect();
        self.b.ins().brif(any, copy, &[], ready, &args);
        self.b.switch_to_block(copy);
        let at = self.b.ins().ishl_imm_u(index, 3);
        let from = self.b.ins().iadd(f, at);
        let v = self.load(from, 16 - TAG_BOXED as i32);
        let s = self.state();
        let to = self.b.ins().iadd(s, at);
        self.store(v, to, x_offset(n));
        let after = self.b.ins().iadd_imm_s(index, 1);
        self.b.ins().jump(test, &[after.into()]);
        self.b.switch_to_block(ready);
        for (k, v) in self.b.block_params(ready)[1..].to_vec().into_iter().enumerate() {
            x[usize::from(n) + k] = v;
        }
        if last == 0 {
            self.push(self.next());
        } else {
            self.pop(i64::from(last) - 1);
        }
        let (hp, sp, reds) = (self.b.use_var(self.hp), self.b.use_var(self.sp), self.b.use_var(self.reds));
        let args = [hp, sp, reds, x[0], x[1], x[2]];
        if last == 0 { self.call_at(target, args) } else { self.tail_call_at(target, args) }
    }

    /// Calls a helper that keeps no registers; its exit.
    fn help_foreign(&mut self, which: Helper, args: [Value; 3]) -> Value {
        let state = self.state();
        let to = self.from_state((offset_of!(State, helpers) + 8 * which as usize) as i32);
        let call = self.b.ins().call_indirect(self.foreign, to, &[state, args[0], args[1], args[2]]);
        self.pinned = None;
        self.b.inst_results(call)[0]
    }
    /// Ends the present block with an exit that a helper has given.
    fn leave_with(&mut self, exit: Value) {
        let stub = self.program(stubs::leave_with_address());
        self.b.ins().return_call_indirect(self.leaving_with, stub, &[exit]);
    }
    /// Ends the present block: the present instruction raises.
    fn raise(&mut self) {
        let live = self.ins().live;
        self.flush(live);
        self.sync_out();
        let zero = self.int(0);
        let args = [self.address(self.ins().at), zero, zero];
        let exit = self.help_foreign(Helper::Raise, args);
        self.leave_with(exit);
    }

    /// A native function.
    fn native(&mut self, last: bool) -> Goes {
        let live = self.ins().live;
        let at = self.ins().at;
        let (export, word) = self.native_of(1);
        let done = self.plain_native(export, word, last);
        self.flush(live);
        self.sync_out();
        let args = [self.address(at), self.int(i64::from(last)), self.int(word as i64)];
        let exit = self.help_foreign(Helper::Native, args);
        let (leaves, stays) = (self.cold(), self.b.create_block());
        self.b.ins().brif(exit, leaves, &[], stays, &[]);
        self.b.switch_to_block(leaves);
        self.leave_with(exit);
        self.b.switch_to_block(stays);
        self.sync_in();
        self.fetch(1);
        if last {
            let (hp, sp, reds, x0) = (self.b.use_var(self.hp), self.b.use_var(self.sp), self.b.use_var(self.reds), self.get(0));
            let nothing = self.int(0);
            self.b.ins().return_(&[nothing, x0, reds, sp, hp]);
            return ENDS;
        }
        if let Some(done) = done {
            self.b.ins().jump(done, &[]);
            self.b.switch_to_block(done);
        }
        FALLS
    }

    /// A plain native function that is not traced is called at once, within the slice. The rest is left to the block that is the
    /// present one then; where both meet.
    fn plain_native(&mut self, export: &Export, word: u64, last: bool) -> Option<Block> {
        if word & PLAIN == 0 {
            return None;
        }
        let (fast, paid, slow, done) = (self.b.create_block(), self.b.create_block(), self.cold(), self.b.create_block());
        let stub = self.symbol(Symbol::Stub(self.relative(self.ins().at + 1)));
        let now = self.load(stub, 0);
        let same = self.equals(now, word);
        self.b.ins().brif(same, fast, &[], slow, &[]);
        self.b.switch_to_block(fast);
        let before = self.b.use_var(self.reds);
        let goes_on = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThan, before, 1);
        self.b.ins().brif(goes_on, paid, &[], slow, &[]);
        self.b.switch_to_block(paid);
        let (x, y) = (self.get(0), if export.arity > 1 { self.get(1) } else { self.int(Term::NIL.raw() as i64) });
        let v = self.plain(export, word, x, y);
        self.set(0, v);
        let reds = self.b.ins().iadd_imm_s(before, -1);
        self.b.def_var(self.reds, reds);
        if last {
            if self.ins().op == Op::CallNativeLast {
                self.pop(i64::from(self.a()));
            }
            self.give_back();
        } else {
            self.b.ins().jump(done, &[]);
        }
        self.b.switch_to_block(slow);
        Some(done)
    }

    /// The value of a plain native function.
    pub(super) fn plain(&mut self, export: &Export, word: u64, x: Value, y: Value) -> Value {
        let got = self.b.create_block();
        let v = self.b.append_block_param(got, I64);
        let of_smalls = match export.function {
            _ if export.module != am::ERLANG || export.arity != 2 => None,
            am::MAX => Some(IntCC::SignedLessThan),
            am::MIN => Some(IntCC::SignedGreaterThan),
            _ => None,
        };
        if let Some(order) = of_smalls {
            let (small, other) = (self.b.create_block(), self.cold());
            let both = self.b.ins().band(x, y);
            let both = self.b.ins().band_imm_s(both, 1);
            self.b.ins().brif(both, small, &[], other, &[]);
            self.b.switch_to_block(small);
            let second = self.b.ins().icmp(order, x, y);
            let chosen = self.b.ins().select(second, y, x);
            self.b.ins().jump(got, &[chosen.into()]);
            self.b.switch_to_block(other);
        }
        let index = self.int((word >> 16) as u32 as i64 - 1);
        self.help(Helper::Plain, [index, x, y]);
        let r = self.result();
        self.b.ins().jump(got, &[r.into()]);
        self.b.switch_to_block(got);
        v
    }

    fn allocate(&mut self, slots: u16, live: u16, heap: i64) -> Goes {
        self.reserve(i64::from(slots) + heap, live);
        let sp = self.b.use_var(self.sp);
        let sp = self.b.ins().iadd_imm_s(sp, -8 * i64::from(slots));
        self.b.def_var(self.sp, sp);
        // What was there before must not be taken for something of the machine's; what is written at once needs no care.
        let mut written = 0u64;
        for ins in &self.list[self.i + 1..] {
            let h = self.words[ins.at];
            if self.targets.contains(&ins.at) {
                break;
            }
            match ins.op {
                Op::MoveXY => written |= 1u64.checked_shl((h >> 32) as u16 as u32).unwrap_or(0),
                Op::Move if (h >> 32) as u16 & Y != 0 => {
                    written |= 1u64.checked_shl(((h >> 32) as u16 & 0x7fff).into()).unwrap_or(0)
                }
                Op::InitY => {
                    for i in 0..usize::from((h >> 16) as u16) {
                        let r = (self.words[ins.at + 1 + i / 4] >> (16 * (i % 4))) as u16 & 0x7fff;
                        written |= 1u64.checked_shl(r.into()).unwrap_or(0);
                    }
                }
                Op::MoveXX | Op::MoveC => {}
                _ => break,
            }
        }
        if slots > 0 {
            let nil = self.int(Term::NIL.raw() as i64);
            for y in 0..slots {
                if y >= 64 || written >> y & 1 == 0 {
                    self.store(nil, sp, 8 * i32::from(y));
                }
            }
        }
        FALLS
    }

    fn jump_table(&mut self, targets: &[usize], otherwise: usize, index: Value) {
        let mut data = Vec::with_capacity(targets.len());
        for &t in targets {
            let block = self.block(t);
            data.push(self.b.func.dfg.block_call(block, &[]));
        }
        let block = self.block(otherwise);
        let default = self.b.func.dfg.block_call(block, &[]);
        let table = self.b.create_jump_table(JumpTableData::new(default, &data));
        let index = self.b.ins().ireduce(I32, index);
        self.b.ins().br_table(index, table);
    }
    /// Goes where the key says, by halves.
    fn search(&mut self, key: Value, keys: &[(Operand, usize)], otherwise: usize) {
        if keys.len() <= 3 {
            for &(k, to) in keys {
                let is = self.is_constant(key, k);
                let (yes, no) = (self.block(to), self.b.create_block());
                self.b.ins().brif(is, yes, &[], no, &[]);
                self.b.switch_to_block(no);
            }
            let to = self.block(otherwise);
            self.b.ins().jump(to, &[]);
            return;
        }
        let (left, right) = keys.split_at(keys.len() / 2);
        let middle = self.constant(right[0].0);
        let less = self.b.ins().icmp(IntCC::UnsignedLessThan, key, middle);
        let (a, b) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(less, a, &[], b, &[]);
        self.b.switch_to_block(a);
        self.search(key, left, otherwise);
        self.b.switch_to_block(b);
        self.search(key, right, otherwise);
    }
    /// The same for keys whose order differs from run to run: goes to `found` with the rank of the place, from the `first`-th key on.
    fn search_case(&mut self, key: Value, keys: &[(Operand, usize)], first: u32, found: Block, lost: Block) {
        if keys.len() <= 3 {
            let select = self.relative(self.ins().at);
            for (n, &(k, _)) in (first..).zip(keys) {
                let k = self.word(k);
                let is = self.b.ins().icmp(IntCC::Equal, key, k);
                let (yes, no) = (self.b.create_block(), self.b.create_block());
                self.b.ins().brif(is, yes, &[], no, &[]);
                self.b.switch_to_block(yes);
                let case = self.symbol(Symbol::Case(select, n));
                self.b.ins().jump(found, &[case.into()]);
                self.b.switch_to_block(no);
            }
            self.b.ins().jump(lost, &[]);
            return;
        }
        let (left, right) = keys.split_at(keys.len() / 2);
        let middle = self.word(right[0].0);
        let less = self.b.ins().icmp(IntCC::UnsignedLessThan, key, middle);
        let (a, b) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(less, a, &[], b, &[]);
        self.b.switch_to_block(a);
        self.search_case(key, left, first, found, lost);
        self.b.switch_to_block(b);
        self.search_case(key, right, first + left.len() as u32, found, lost);
    }
    pub(super) fn equals(&mut self, v: Value, word: u64) -> Value {
        if let Ok(n) = i32::try_from(word as i64) {
            return self.b.ins().icmp_imm_s(IntCC::Equal, v, i64::from(n));
        }
        let k = self.int(word as i64);
        self.b.ins().icmp(IntCC::Equal, v, k)
    }

    #[allow(clippy::too_many_lines)]
    pub(super) fn instruction(&mut self) -> Goes {
        let (a, bb, c) = (self.a(), self.bb(), self.c());
        let at = self.ins().at;
        match self.ins().op {
            Op::Jump => {
                let to = self.target();
                let block = self.block(to);
                self.b.ins().jump(block, &[]);
                ENDS_JUMPING
            }
            Op::Call => {
                let to = (at as i64 + ((self.w(0) as i64) >> 32)) as usize;
                self.call_local(to)
            }
            Op::CallLast => {
                let to = self.target();
                self.pop(i64::from(a));
                self.tail_call_local(to)
            }
            Op::CallOnly => {
                let to = self.target();
                self.tail_call_local(to)
            }
            Op::CallExt => {
                let (target, arity) = self.export();
                self.pass(arity);
                self.push(self.next());
                let args = self.arguments(arity);
                self.call_at(target, args)
            }
            Op::CallExtLast | Op::CallExtOnly => {
                let (target, arity) = self.export();
                self.pass(arity);
                if self.ins().op == Op::CallExtLast {
                    self.pop(i64::from(a));
                }
                let args = self.arguments(arity);
                self.tail_call_at(target, args)
            }
            Op::CallNative => self.native(false),
            Op::CallNativeLast | Op::CallNativeOnly => self.native(true),
            Op::CallFun => {
                let f = self.get(a);
                self.call_fun(f, a, c)
            }
            Op::CallFun2 => {
                let f = self.get(bb);
                self.call_fun(f, a, c)
            }
            Op::Return => self.give_back(),
            Op::DeallocReturn => {
                self.pop(i64::from(a));
                self.give_back()
            }
            Op::MoveReturn => {
                let v = self.get(a);
                self.set(0, v);
                self.pop(i64::from(bb));
                self.give_back()
            }
            Op::MoveCReturn => {
                let v = self.constant(self.operand(1));
                self.set(0, v);
                self.pop(i64::from(bb));
                self.give_back()
            }
            Op::Allocate => self.allocate(a, bb, 0),
            Op::AllocateHeap => self.allocate(a, bb, i64::from(c)),
            Op::TestHeap => {
                self.reserve((self.w(0) >> 32) as i64, a);
                FALLS
            }
            Op::Deallocate | Op::Trim => {
                self.pop(i64::from(a));
                FALLS
            }
            Op::InitY => {
                let nil = self.int(Term::NIL.raw() as i64);
                for i in 0..usize::from(a) {
                    let r = (self.w(1 + i / 4) >> (16 * (i % 4))) as u16;
                    self.set(Y | (r & 0x7fff), nil);
                }
                FALLS
            }
            Op::Try | Op::Catch => {
                let mark = self.symbol(Symbol::Handler(self.relative(self.target())));
                self.set(Y | a, mark);
                FALLS
            }
            Op::TryEnd => {
                let nil = self.int(Term::NIL.raw() as i64);
                self.set(Y | a, nil);
                FALLS
            }
            Op::CatchEnd => {
                let x0 = self.get(0);
                let (raised, go, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
                self.b.ins().brif(x0, go, &[], raised, &[]);
                self.b.switch_to_block(go);
                let nil = self.int(Term::NIL.raw() as i64);
                self.set(Y | a, nil);
                self.b.ins().jump(done, &[]);
                self.b.switch_to_block(raised);
                self.helped_step(Helper::Caught, done);
                self.b.switch_to_block(done);
                FALLS
            }
            Op::TryCase => {
                let x0 = self.get(0);
                let (raised, fallen) = (self.b.create_block(), self.cold());
                self.b.ins().brif(x0, fallen, &[], raised, &[]);
                self.b.switch_to_block(fallen);
                self.leave();
                self.b.switch_to_block(raised);
                let nil = self.int(Term::NIL.raw() as i64);
                self.set(Y | a, nil);
                // Nothing but an exception leads here, so they are where that has put them.
                for r in 0..3 {
                    let v = self.from_state(x_offset(r + 1));
                    self.set(r, v);
                }
                FALLS
            }
            Op::SelectLinear => {
                let key = self.get(a);
                let n = self.w(1) as usize;
                let keys: Vec<(Operand, usize)> =
                    (0..n).map(|i| (self.operand(2 + 2 * i), (at as i64 + self.w(3 + 2 * i) as i64) as usize)).collect();
                for (k, to) in keys {
                    let is = self.is_constant(key, k);
                    let (yes, no) = (self.block(to), self.b.create_block());
                    self.b.ins().brif(is, yes, &[], no, &[]);
                    self.b.switch_to_block(no);
                }
                let to = self.target();
                let to = self.block(to);
                self.b.ins().jump(to, &[]);
                ENDS_JUMPING
            }
            Op::SelectBinary => {
                let key = self.get(a);
                let n = self.w(1) as usize;
                let to = |i: usize| (at as i64 + i64::from((self.w(2 + n + i / 2) >> (32 * (i % 2))) as u32 as i32)) as usize;
                let keys: Vec<(Operand, usize)> = (0..n).map(|i| (self.operand(2 + i), to(i))).collect();
                let otherwise = self.target();
                if keys.iter().all(|k| k.0.is_the_same_in_every_run()) {
                    self.search(key, &keys, otherwise);
                } else {
                    let (lost, found) = (self.block(otherwise), self.b.create_block());
                    let case = self.b.append_block_param(found, I64);
                    self.search_case(key, &keys, 0, found, lost);
                    self.b.switch_to_block(found);
                    let targets: Vec<usize> = keys.iter().map(|k| k.1).collect::<BTreeSet<_>>().into_iter().collect();
                    self.jump_table(&targets, otherwise, case);
                }
                ENDS_JUMPING
            }
            Op::SelectJump => {
                let key = self.get(a);
                let n = self.w(2) as usize;
                let to = |i: usize| (at as i64 + i64::from((self.w(3 + i / 2) >> (32 * (i % 2))) as u32 as i32)) as usize;
                let targets: Vec<usize> = (0..n).map(to).collect();
                let otherwise = self.target();
                let lost = self.block(otherwise);
                let small = self.b.ins().band_imm_s(key, 1);
                let (number, inside) = (self.b.create_block(), self.b.create_block());
                self.b.ins().brif(small, number, &[], lost, &[]);
                self.b.switch_to_block(number);
                let value = self.b.ins().sshr_imm_u(key, 1);
                let lowest = self.w(1) as i64;
                let index = self.b.ins().iadd_imm_s(value, lowest.wrapping_neg());
                let fits = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, index, n as i64);
                self.b.ins().brif(fits, inside, &[], lost, &[]);
                self.b.switch_to_block(inside);
                self.jump_table(&targets, otherwise, index);
                ENDS_JUMPING
            }
            Op::SelectArity => {
                let t = self.get(a);
                let n = self.w(1) as usize;
                let keys: Vec<(u64, usize)> =
                    (0..n).map(|i| (self.w(2 + 2 * i), (at as i64 + self.w(3 + 2 * i) as i64) as usize)).collect();
                let otherwise = self.target();
                let (lost, boxed) = (self.block(otherwise), self.b.create_block());
                self.branch_if_boxed(t, boxed, lost);
                self.b.switch_to_block(boxed);
                let head = self.load(t, -(TAG_BOXED as i32));
                for (k, to) in keys {
                    let is = self.equals(head, k);
                    let (yes, no) = (self.block(to), self.b.create_block());
                    self.b.ins().brif(is, yes, &[], no, &[]);
                    self.b.switch_to_block(no);
                }
                self.b.ins().jump(lost, &[]);
                ENDS_JUMPING
            }
            Op::Apply | Op::ApplyLast => {
                let (m, f) = (self.get(a), self.get(a + 1));
                let (slow, go) = (self.cold(), self.b.create_block());
                let (x, y) = (self.b.ins().bxor_imm_s(m, 6), self.b.ins().bxor_imm_s(f, 6));
                let other = self.b.ins().bor(x, y);
                let other = self.b.ins().band_imm_s(other, 0x3f);
                self.b.ins().brif(other, slow, &[], go, &[]);
                self.b.switch_to_block(slow);
                self.leave();
                self.b.switch_to_block(go);
                let n = self.int(i64::from(a));
                self.help(Helper::Apply, [m, f, n]);
                let target = self.result();
                self.pass(a);
                if self.ins().op == Op::Apply {
                    self.push(self.next());
                    let args = self.arguments(a);
                    self.call_at(target, args)
                } else {
                    // What a native function raises is told of the function that applied it.
                    let word = self.load(target, 0);
                    let op = self.b.ins().band_imm_s(word, 0xffff);
                    let machine = self.equals(op, Op::Machine as u64);
                    let (elsewhere, go) = (self.cold(), self.b.create_block());
                    self.b.ins().brif(machine, go, &[], elsewhere, &[]);
                    self.b.switch_to_block(elsewhere);
                    self.leave();
                    self.b.switch_to_block(go);
                    self.pop(i64::from(bb));
                    let args = self.arguments(a);
                    self.tail_call_at(target, args)
                }
            }
            Op::Raise => {
                let (trace, value) = (self.get(a), self.get(bb));
                self.sync_out();
                let at = self.address(at);
                let exit = self.help_foreign(Helper::Onwards, [trace, value, at]);
                self.leave_with(exit);
                ENDS
            }
            Op::TryCaseEnd | Op::Badmatch | Op::CaseEnd | Op::BadRecord | Op::IfEnd => {
                self.raise();
                ENDS
            }
            Op::FuncInfo | Op::RawRaise => {
                self.leave();
                ENDS
            }
            Op::LoopRec | Op::RemoveMessage | Op::Send => {
                let which = match self.ins().op {
                    Op::LoopRec => Helper::Receive,
                    Op::Send => Helper::Send,
                    _ => Helper::Remove,
                };
                let next = self.b.create_block();
                self.helped_step(which, next);
                self.b.switch_to_block(next);
                JUMPS
            }
            Op::LoopRecEnd => {
                let to = self.target();
                self.sync_out();
                let zero = self.int(0);
                let args = [self.address(to), zero, zero];
                self.help(Helper::Skip, args);
                self.sync_in();
                let to = self.block(to);
                self.b.ins().jump(to, &[]);
                ENDS_JUMPING
            }
            Op::Wait => {
                self.sync_out();
                let to = self.target();
                let zero = self.int(0);
                let args = [self.address(to), zero, zero];
                let exit = self.help_foreign(Helper::Wait, args);
                self.leave_with(exit);
                ENDS
            }
            _ => match self.data() {
                Some(goes) => goes,
                None => {
                    let next = self.b.create_block();
                    self.step(next);
                    self.b.switch_to_block(next);
                    JUMPS
                }
            },
        }
    }
    pub(super) fn branch_if_boxed(&mut self, t: Value, yes: Block, no: Block) {
        let tag = self.b.ins().band_imm_s(t, 7);
        let is = self.b.ins().icmp_imm_s(IntCC::Equal, tag, TAG_BOXED as i64);
        self.b.ins().brif(is, yes, &[], no, &[]);
    }
}
