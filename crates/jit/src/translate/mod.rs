//! From the machine's instructions to Cranelift's: one native function for a function of a module, or for what follows a continuation.
//!
//! X registers are values; `State::x` holds them only for those who look there (the interpreter, helpers, arguments from the fourth
//! on). Which are alive where is found out first. Y registers stay on the stack.

mod bits;
mod data;
mod flow;

use crate::{Helper, State, stubs};
use code::decode::{self, Flow, Part};
use code::op::{Op, SCRATCH, Y, interpreted};
use term::fun::Export;
use term::{Term, atom};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, Block, ExtFuncData, ExternalName, FuncRef, Function, GlobalValue, GlobalValueData, InstBuilder, MemFlagsData, SigRef, Signature, TrapCode, UserExternalName, Value, types::I64,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;

/// X registers that are values; functions that use others are left to the interpreter.
const X_VALUES: u16 = 48;
/// Words between heap and stack that calls may use without asking.
const SLACK: i64 = 8;
/// For how many of Cranelift's instructions the address of `State` is kept.
const NEAR: usize = 40;
/// X registers that are passed as native arguments.
const PASSED: u16 = 3;

/// What is to be translated.
pub struct Unit<'a> {
    /// All words of the module.
    pub words: &'a [u64],
    /// The function's `FuncInfo`, and the end of its code.
    pub start: usize,
    pub end: usize,
    /// A continuation to begin at, instead of the function's entry.
    pub resume: Option<usize>,
    /// Places that may collect always ask.
    pub torture: bool,
}

/// Something in machine code that differs from run to run. Places are words from the function's beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Symbol {
    /// The word there: a term, or the address of a record.
    Word(i32),
    /// The address of that place.
    Place(i32),
    /// The mark of a handler of exceptions there.
    Handler(i32),
    /// The address of the stub in the export's record whose address is the word there.
    Stub(i32),
    /// An address of this program, from that of the stub that leaves machine code.
    Program(i64),
    /// Among the places that a binary search there goes to, the rank of that of its n-th key. The keys are sorted by their words, and so in
    /// another order in each run.
    Case(i32, u32),
}

/// The name space of symbols in Cranelift's relocations; their numbers are those in `Made::symbols`.
pub const SYMBOLS: u32 = 1;

/// What a translation stands on besides the module's file.
#[derive(Default)]
pub struct Made {
    pub symbols: Vec<Symbol>,
    /// Words that are addresses of native functions' records, and what `native_word` said of them.
    pub natives: Vec<(i32, u64)>,
}

/// The native function of a record, and the first word of its stub: 0 if that is none of a native function.
///
/// # Safety
/// Rule 1: the word is the address of an export's record.
pub unsafe fn native_word(record: u64) -> (&'static Export, u64) {
    // SAFETY: rule 1: such records are never freed.
    let export = unsafe { &*(record as *const Export) };
    let word = export.stub[0].load(std::sync::atomic::Ordering::Relaxed);
    (export, if word as u16 == Op::Native as u16 { word } else { 0 })
}

/// A word of the present instruction that may be a term, and its place from the function's beginning.
#[derive(Clone, Copy)]
struct Operand {
    raw: u64,
    at: i32,
}

impl Operand {
    /// Small integers, `[]`, and atoms that this program itself knows.
    fn is_the_same_in_every_run(self) -> bool {
        // SAFETY: an immediate, which is no address.
        let immediate = self.raw & 1 == 1 || self.raw & 7 == 6;
        immediate && unsafe { Term::from_raw(self.raw) }.as_atom_index().is_none_or(|n| (n as usize) < atom::KNOWN)
    }
}

struct Ins {
    at: usize,
    len: usize,
    op: Op,
    flow: Flow,
    reads: u64,
    writes: u64,
    jumps: Vec<usize>,
    live: u64,
    /// Float registers that are alive before it.
    floats: u32,
}

/// Float registers that an instruction reads, and those that it writes.
fn float_parts(op: Op, head: u64) -> (u32, u32) {
    let f = |n: u64| 1u32 << (n & 31);
    let (a, b, c) = (f(head >> 16), f(head >> 32), f(head >> 48));
    match op {
        Op::FMoveIn => (0, b),
        Op::FMoveC | Op::FConv => (0, a),
        Op::FMoveOut => (a, 0),
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => (a | b, c),
        Op::FNeg => (a, b),
        _ => (0, 0),
    }
}

/// The bit of an X register in a set of such.
fn bit(r: u16) -> Option<u32> {
    if r < X_VALUES {
        Some(u32::from(r))
    } else if (SCRATCH..SCRATCH + 16).contains(&r) {
        Some(u32::from(r - SCRATCH + X_VALUES))
    } else {
        None
    }
}
fn register_of(bit: u32) -> u16 {
    let b = bit as u16;
    if b < X_VALUES { b } else { b - X_VALUES + SCRATCH }
}
fn low(n: u16) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}
/// The registers of a set.
fn each(set: u64) -> impl Iterator<Item = u16> {
    (0..64).filter(move |b| set >> b & 1 == 1).map(register_of)
}

/// Takes a function apart. `None`: it has something that machine code does not do.
fn analyze(words: &[u64], unit: &Unit) -> Option<Vec<Ins>> {
    let mut list: Vec<Ins> = Vec::new();
    let mut at = unit.start;
    while at < unit.end {
        let (mut reads, mut writes) = (0u64, 0u64);
        let mut jumps = Vec::new();
        let mut fits = true;
        let (op, len, flow) = decode::instruction(words, at, &mut |part| match part {
            Part::Read(r) if r & Y == 0 => match bit(r) {
                Some(b) => reads |= 1 << b,
                None => fits = false,
            },
            Part::Write(r) if r & Y == 0 => match bit(r) {
                Some(b) => writes |= 1 << b,
                None => fits = false,
            },
            Part::Live(n) => {
                fits &= n <= X_VALUES;
                reads |= low(n.min(X_VALUES));
            }
            Part::Jump(d) => jumps.push((at as i64 + d) as usize),
            _ => {}
        })?;
        if !fits {
            return None;
        }
        list.push(Ins { at, len, op, flow, reads, writes, jumps, live: 0, floats: 0 });
        at += len;
    }
    // What is alive before each instruction.
    let index: BTreeMap<usize, usize> = list.iter().enumerate().map(|(i, x)| (x.at, i)).collect();
    loop {
        let mut changed = false;
        for i in (0..list.len()).rev() {
            let x = &list[i];
            let mut after = 0;
            match x.flow {
                Flow::Next => after |= list.get(i + 1).map_or(0, |n| n.live),
                Flow::Call => after = 0,
                Flow::End => {}
            }
            for j in &x.jumps {
                after |= index.get(j).map_or(0, |&k| list[k].live);
            }
            let live = x.reads | (after & !x.writes);
            // A register that is written only where the instruction succeeds is alive before it if it is where it fails.
            let live = x.jumps.iter().fold(live, |l, j| l | index.get(j).map_or(0, |&k| list[k].live));
            let (read, written) = float_parts(x.op, words[x.at]);
            let next = if x.flow == Flow::Next { list.get(i + 1).map_or(0, |n| n.floats) } else { 0 };
            let floats = x.jumps.iter().fold(read | next & !written, |f, j| f | index.get(j).map_or(0, |&k| list[k].floats));
            if live != x.live || floats != x.floats {
                (list[i].live, list[i].floats) = (live, floats);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    Some(list)
}

struct T<'a, 'b> {
    b: FunctionBuilder<'b>,
    unit: &'a Unit<'a>,
    words: &'a [u64],
    list: &'a [Ins],
    index: BTreeMap<usize, usize>,
    /// Where instructions jump to.
    targets: BTreeSet<usize>,
    blocks: BTreeMap<usize, Block>,
    hp: Variable,
    sp: Variable,
    reds: Variable,
    x: Vec<Variable>,
    f: Vec<Variable>,
    /// Of all functions: (heap, stack, reductions, x0, x1, x2) to (nothing, x0, reductions, stack, heap).
    function: SigRef,
    leaving: SigRef,
    helping: SigRef,
    /// Of helpers that keep no registers, by the C convention.
    foreign: SigRef,
    /// Of the stub that leaves with an exit's number.
    leaving_with: SigRef,
    /// The function itself, if it is made from its entry.
    own: Option<FuncRef>,
    /// The address of `State`: in which block, and after how many instructions, it was got.
    pinned: Option<(Block, usize, Value)>,
    /// The present instruction.
    i: usize,
    /// Where the body begins again when the function calls itself last.
    head: Option<Block>,
    /// What differs from run to run, by what it is.
    symbols: BTreeMap<Symbol, GlobalValue>,
    made: Made,
    /// Floats may be in registers.
    floats: bool,
    /// X registers known to hold small integers; forgotten at each label.
    small: u64,
    /// X registers known to hold floats, and these; likewise.
    known: BTreeMap<u16, Known>,
    /// What the present instruction adds to it.
    learnt: Option<(u16, Known)>,
    /// Results of float arithmetic that may be infinite or no numbers, and have not gone into another; the instruction that the
    /// interpreter would begin at again, with the float registers as they were there.
    unchecked: Vec<Value>,
    since: (usize, Vec<(usize, Value)>),
}

/// Does the instruction change nothing but float registers, and fails at most by its result?
fn only_floats(op: Op) -> bool {
    matches!(op, Op::FMoveIn | Op::FMoveC | Op::FAdd | Op::FSub | Op::FMul | Op::FDiv)
}

/// A float that a register is known to hold.
#[derive(Clone, Copy)]
enum Known {
    Value(Value),
    Bits(u64),
}

fn mem() -> MemFlagsData {
    MemFlagsData::trusted()
}
fn x_offset(r: u16) -> i32 {
    (offset_of!(State, x) + 8 * r as usize) as i32
}

pub fn function_signature() -> Signature {
    let mut s = Signature::new(CallConv::Tail);
    s.params = vec![AbiParam::new(I64); 6];
    // In the registers in which they are passed on x86-64; the first of five is another one, and means nothing.
    s.returns = vec![AbiParam::new(I64); 5];
    s
}

/// Fills `f`. `None`: the function is left to the interpreter.
pub fn translate(unit: &Unit, f: &mut Function, context: &mut FunctionBuilderContext, config: TargetFrontendConfig) -> Option<Made> {
    let mut words = unit.words.to_vec();
    // Words that machine code stands in for: as they were.
    let mut at = unit.start;
    while at < unit.end {
        if words[at] as u16 == Op::Machine as u16 {
            // SAFETY: rule 1: an instruction's word.
            words[at] = unsafe { interpreted(words[at]) };
        }
        match decode::instruction(&words, at, &mut |_| {}) {
            Some((_, len, _)) => at += len,
            None => return None,
        }
    }
    let list = analyze(&words, unit)?;
    // Who comes back has x0 alone. A caller that is only there to be seen by a tracer names a place where more is alive: not that one.
    if let Some(at) = unit.resume
        && list.iter().find(|x| x.at == at).is_none_or(|x| x.live & !1 != 0 || x.floats != 0)
    {
        return None;
    }
    f.signature = function_signature();
    let mut b = FunctionBuilder::new(f, context);
    let function = b.import_signature(function_signature());
    let mut s = Signature::new(CallConv::Tail);
    s.params = vec![AbiParam::new(I64); 4];
    let leaving = b.import_signature(s);
    // What helpers are given goes through memory: registers that the call names would be taken from the fast way, too.
    let helping = b.import_signature(Signature::new(CallConv::PreserveAll));
    let mut s = Signature::new(CallConv::SystemV);
    s.params = vec![AbiParam::new(I64); 4];
    s.returns = vec![AbiParam::new(I64)];
    let foreign = b.import_signature(s);
    let mut s = Signature::new(CallConv::Tail);
    s.params = vec![AbiParam::new(I64)];
    let leaving_with = b.import_signature(s);
    let own = unit.resume.is_none().then(|| {
        let name = b.func.declare_imported_user_function(UserExternalName::new(0, 0));
        b.import_function(ExtFuncData { name: ExternalName::user(name), signature: function, colocated: true, patchable: false })
    });
    let hp = b.declare_var(I64);
    let sp = b.declare_var(I64);
    let reds = b.declare_var(I64);
    let x = (0..64).map(|_| b.declare_var(I64)).collect();
    let fl = (0..32).map(|_| b.declare_var(cranelift_codegen::ir::types::F64)).collect();
    let targets = list.iter().flat_map(|x| x.jumps.iter().copied()).collect();
    let index = list.iter().enumerate().map(|(i, x)| (x.at, i)).collect();
    let mut t = T {
        b,
        unit,
        words: &words,
        list: &list,
        index,
        targets,
        blocks: BTreeMap::new(),
        hp,
        sp,
        reds,
        x,
        f: fl,
        function,
        leaving,
        helping,
        foreign,
        leaving_with,
        own,
        pinned: None,
        i: 0,
        head: None,
        small: 0,
        known: BTreeMap::new(),
        learnt: None,
        unchecked: Vec::new(),
        since: (0, Vec::new()),
        symbols: BTreeMap::new(),
        made: Made::default(),
        floats: list.iter().any(|x| matches!(x.op, Op::FMoveIn | Op::FMoveC | Op::FConv | Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FNeg)),
    };
    t.run();
    t.b.seal_all_blocks();
    t.b.finalize(config);
    Some(t.made)
}

impl T<'_, '_> {
    fn run(&mut self) {
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        let p: Vec<Value> = self.b.block_params(entry).to_vec();
        self.b.def_var(self.hp, p[0]);
        self.b.def_var(self.sp, p[1]);
        self.b.def_var(self.reds, p[2]);
        let first = match self.unit.resume {
            Some(at) => {
                self.b.def_var(self.x[0], p[3]);
                at
            }
            None => {
                let arity = decode_arity(self.words, self.unit.start);
                for r in 0..arity {
                    let v = match r {
                        0..PASSED => p[3 + r as usize],
                        _ => self.from_state(x_offset(r)),
                    };
                    self.b.def_var(self.x[r as usize], v);
                }
                self.unit.start + 3
            }
        };
        let start = self.block(first);
        if self.unit.resume.is_none() {
            let head = self.b.create_block();
            self.head = Some(head);
            self.b.ins().jump(head, &[]);
            self.b.switch_to_block(head);
            self.pay(first);
        }
        self.b.ins().jump(start, &[]);
        // Whatever can be reached, in the order of addresses, so that most falls through.
        let mut waiting = BTreeSet::from([first]);
        let mut done = BTreeSet::new();
        while let Some(at) = waiting.pop_first() {
            if !done.insert(at) {
                continue;
            }
            let Some(&i) = self.index.get(&at) else { continue };
            let block = self.block(at);
            self.b.switch_to_block(block);
            self.small = 0;
            self.known.clear();
            self.line(i, &mut waiting, &mut done);
        }
    }

    /// A straight piece of code, until it ends or comes to a place where something else comes in.
    fn line(&mut self, mut i: usize, waiting: &mut BTreeSet<usize>, done: &mut BTreeSet<usize>) {
        let first = i;
        loop {
            let Some(ins) = self.list.get(i) else {
                self.b.ins().trap(TrapCode::unwrap_user(1));
                return;
            };
            let meets = i != first && (self.targets.contains(&ins.at) || self.blocks.contains_key(&ins.at));
            if meets || !only_floats(ins.op) {
                self.must_be_finite();
            }
            if meets {
                let to = self.block(ins.at);
                self.b.ins().jump(to, &[]);
                if !done.contains(&ins.at) {
                    waiting.insert(ins.at);
                }
                return;
            }
            done.insert(ins.at);
            self.i = i;
            self.learnt = None;
            let goes_on = self.instruction();
            let ins = &self.list[i];
            if ins.flow == Flow::Call {
                self.known.clear();
            } else {
                let writes = ins.writes;
                self.known.retain(|&r, _| bit(r).is_none_or(|b| writes >> b & 1 == 0));
                self.known.extend(self.learnt);
            }
            if goes_on.uses_jumps {
                for &j in &ins.jumps {
                    if self.blocks.contains_key(&j) && !done.contains(&j) {
                        waiting.insert(j);
                    }
                }
            }
            if !goes_on.falls {
                return;
            }
            self.small = if ins.flow == Flow::Call { 0 } else { self.small & !ins.writes | goes_on.small };
            i += 1;
        }
    }

    fn block(&mut self, at: usize) -> Block {
        if let Some(&b) = self.blocks.get(&at) {
            return b;
        }
        let b = self.b.create_block();
        self.blocks.insert(at, b);
        b
    }

    // ---- the instruction's words
    fn ins(&self) -> &Ins {
        &self.list[self.i]
    }
    fn w(&self, n: usize) -> u64 {
        self.words[self.ins().at + n]
    }
    fn a(&self) -> u16 {
        (self.w(0) >> 16) as u16
    }
    fn bb(&self) -> u16 {
        (self.w(0) >> 32) as u16
    }
    fn c(&self) -> u16 {
        (self.w(0) >> 48) as u16
    }
    /// Where the head's jump goes.
    fn target(&self) -> usize {
        (self.ins().at as i64 + ((self.w(0) as i64) >> 32)) as usize
    }
    fn next(&self) -> usize {
        self.ins().at + self.ins().len
    }
    fn operand(&self, n: usize) -> Operand {
        let at = self.ins().at + n;
        Operand { raw: self.words[at], at: self.relative(at) }
    }
    /// A place of the module as a distance from the function's beginning.
    fn relative(&self, at: usize) -> i32 {
        (at as i64 - self.unit.start as i64) as i32
    }

    // ---- values
    fn int(&mut self, n: i64) -> Value {
        self.b.ins().iconst(I64, n)
    }
    fn symbol(&mut self, s: Symbol) -> Value {
        let global = match self.symbols.get(&s) {
            Some(&global) => global,
            None => {
                let name = self.b.func.declare_imported_user_function(UserExternalName::new(SYMBOLS, self.symbols.len() as u32));
                let data = GlobalValueData::Symbol { name: ExternalName::user(name), offset: 0.into(), colocated: false, tls: false };
                let global = self.b.create_global_value(data);
                self.symbols.insert(s, global);
                self.made.symbols.push(s);
                global
            }
        };
        self.b.ins().symbol_value(I64, global)
    }
    /// The address of a place in the module.
    fn address(&mut self, at: usize) -> Value {
        let at = self.relative(at);
        self.symbol(Symbol::Place(at))
    }
    /// The address of something of this program.
    fn program(&mut self, address: usize) -> Value {
        self.symbol(Symbol::Program((address as i64).wrapping_sub(stubs::leave_address() as i64)))
    }
    /// The address of the record that a word of the present instruction is.
    fn record(&mut self, n: usize) -> Value {
        let at = self.relative(self.ins().at + n);
        self.symbol(Symbol::Word(at))
    }
    /// The word that is at an operand's place, whatever it is in this run.
    fn word(&mut self, o: Operand) -> Value {
        self.symbol(Symbol::Word(o.at))
    }
    /// The term that an operand is.
    fn constant(&mut self, o: Operand) -> Value {
        if o.is_the_same_in_every_run() { self.int(o.raw as i64) } else { self.word(o) }
    }
    /// Is a term the one that the operand is?
    fn is_constant(&mut self, v: Value, o: Operand) -> Value {
        if o.is_the_same_in_every_run() {
            return self.equals(v, o.raw);
        }
        let k = self.word(o);
        self.b.ins().icmp(IntCC::Equal, v, k)
    }
    /// The native function whose record a word of the present instruction names, and the first word of its stub: 0 if that is none of a native
    /// function now.
    fn native_of(&mut self, n: usize) -> (&'static Export, u64) {
        // SAFETY: rule 1: the word is the address of an export record, which is never freed.
        let (export, word) = unsafe { native_word(self.w(n)) };
        let at = self.relative(self.ins().at + n);
        self.made.natives.push((at, word));
        (export, word)
    }
    /// The address of `State`, which is got anew when the last time is far away: it should not keep a register from others.
    fn state(&mut self) -> Value {
        let (block, now) = (self.b.current_block(), self.b.func.dfg.num_insts());
        if let Some((b, at, v)) = self.pinned
            && block == Some(b)
            && now < at + NEAR
        {
            return v;
        }
        let v = self.b.ins().get_pinned_reg(I64);
        self.pinned = block.map(|b| (b, now, v));
        v
    }
    fn from_state(&mut self, offset: i32) -> Value {
        let s = self.state();
        self.b.ins().load(I64, mem(), s, offset)
    }
    fn to_state(&mut self, v: Value, offset: i32) {
        let s = self.state();
        self.b.ins().store(mem(), v, s, offset);
    }
    fn load(&mut self, p: Value, offset: i32) -> Value {
        self.b.ins().load(I64, mem(), p, offset)
    }
    fn store(&mut self, v: Value, p: Value, offset: i32) {
        self.b.ins().store(mem(), v, p, offset);
    }
    fn get(&mut self, r: u16) -> Value {
        if r & Y != 0 {
            let sp = self.b.use_var(self.sp);
            return self.load(sp, 8 * i32::from(r & 0x7fff));
        }
        let v = self.x[bit(r).unwrap_or(0) as usize];
        self.b.use_var(v)
    }
    fn set(&mut self, r: u16, v: Value) {
        if r & Y != 0 {
            let sp = self.b.use_var(self.sp);
            self.store(v, sp, 8 * i32::from(r & 0x7fff));
        } else {
            let x = self.x[bit(r).unwrap_or(0) as usize];
            self.b.def_var(x, v);
        }
    }
    fn source(&mut self, o: Operand) -> Value {
        if o.raw & 7 == 0 { self.get((o.raw >> 3) as u16) } else { self.constant(o) }
    }
    /// Is a source word known to be a small integer?
    fn is_small_word(&self, w: u64) -> bool {
        w & 1 == 1 || w & 7 == 0 && self.is_small((w >> 3) as u16)
    }
    fn is_small(&self, r: u16) -> bool {
        r & Y == 0 && bit(r).is_some_and(|b| self.small >> b & 1 == 1)
    }

    // ---- leaving
    fn cold(&mut self) -> Block {
        let b = self.b.create_block();
        self.b.set_cold_block(b);
        b
    }
    /// Float registers that are alive, to where the interpreter looks.
    fn flush_floats(&mut self) {
        let set = self.ins().floats;
        for n in (0..32).filter(|n| set >> n & 1 == 1) {
            let v = self.b.use_var(self.f[n]);
            let s = self.state();
            self.b.ins().store(mem(), v, s, (offset_of!(State, f) + 8 * n) as i32);
        }
    }
    /// Looks at the results that nobody has looked at: if one is infinite or no number, the interpreter does it all again.
    fn must_be_finite(&mut self) {
        let values = std::mem::take(&mut self.unchecked);
        let mut fine: Option<Value> = None;
        for v in values {
            // All bits of the exponent are set in what is infinite or no number.
            let bits = self.b.ins().bitcast(I64, MemFlagsData::new(), v);
            let exponent = self.b.ins().ushr_imm_u(bits, 52);
            let above = self.b.ins().iadd_imm_s(exponent, 1);
            let above = self.b.ins().band_imm_s(above, 0x7ff);
            let is = self.b.ins().icmp_imm_s(IntCC::NotEqual, above, 0);
            fine = Some(match fine {
                None => is,
                Some(before) => self.b.ins().band(before, is),
            });
        }
        let Some(fine) = fine else { return };
        let (slow, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(fine, go, &[], slow, &[]);
        self.b.switch_to_block(slow);
        let (since, before) = std::mem::take(&mut self.since);
        for (n, v) in before {
            let s = self.state();
            self.b.ins().store(mem(), v, s, (offset_of!(State, f) + 8 * n) as i32);
        }
        let now = std::mem::replace(&mut self.i, since);
        self.leave_stored();
        self.i = now;
        self.b.switch_to_block(go);
    }
    fn flush(&mut self, set: u64) {
        for r in each(set) {
            let v = self.get(r);
            self.to_state(v, x_offset(r));
        }
    }
    fn fetch(&mut self, set: u64) {
        for r in each(set) {
            let v = self.from_state(x_offset(r));
            self.set(r, v);
        }
    }
    /// Ends the present block: the interpreter does the present instruction and goes on.
    fn leave(&mut self) {
        self.flush_floats();
        self.leave_stored();
    }
    /// Likewise, where float registers are stored.
    fn leave_stored(&mut self) {
        let live = self.ins().live;
        let at = self.ins().at;
        self.flush(live);
        let (hp, sp, reds) = (self.b.use_var(self.hp), self.b.use_var(self.sp), self.b.use_var(self.reds));
        let ip = self.address(at);
        let to = self.program(stubs::leave_address());
        self.b.ins().call_indirect(self.leaving, to, &[hp, sp, reds, ip]);
        self.b.ins().trap(TrapCode::unwrap_user(1));
    }
    /// Heap, stack and reductions to where helpers look, and back.
    fn sync_out(&mut self) {
        let (hp, sp, reds) = (self.b.use_var(self.hp), self.b.use_var(self.sp), self.b.use_var(self.reds));
        self.to_state(hp, offset_of!(State, hp) as i32);
        self.to_state(sp, offset_of!(State, sp) as i32);
        self.to_state(reds, offset_of!(State, reductions) as i32);
    }
    fn sync_in(&mut self) {
        let v = self.from_state(offset_of!(State, hp) as i32);
        self.b.def_var(self.hp, v);
        let v = self.from_state(offset_of!(State, sp) as i32);
        self.b.def_var(self.sp, v);
        let v = self.from_state(offset_of!(State, reductions) as i32);
        self.b.def_var(self.reds, v);
    }
    fn help(&mut self, which: Helper, args: [Value; 3]) {
        self.help_at(stubs::helper_address(which, self.floats), &args);
    }
    /// Calls a stub that keeps all registers.
    fn help_at(&mut self, stub: usize, args: &[Value]) {
        for (i, &v) in args.iter().enumerate() {
            self.to_state(v, (offset_of!(State, args) + 8 * i) as i32);
        }
        let to = self.program(stub);
        self.b.ins().call_indirect(self.helping, to, &[]);
        self.pinned = None;
    }
    fn result(&mut self) -> Value {
        self.from_state(offset_of!(State, result) as i32)
    }

    /// The interpreter does the present instruction; ends the present block with jumps to what follows.
    fn step(&mut self, next: Block) {
        self.helped_step(Helper::Step, next);
    }
    fn helped_step(&mut self, which: Helper, next: Block) {
        let live = self.ins().live;
        let (at, to) = (self.ins().at, self.next());
        let fail = self.ins().jumps.first().copied();
        self.flush(live);
        self.flush_floats();
        self.sync_out();
        let args = [self.address(at), self.address(to), match fail {
            Some(fail) => self.address(fail),
            None => self.int(0),
        }];
        self.help(which, args);
        self.sync_in();
        let after = self.index.get(&to).map_or(0, |&k| self.list[k].live);
        if let Some(fail) = fail {
            let failed = self.b.create_block();
            self.b.set_cold_block(failed);
            let good = self.b.create_block();
            let r = self.result();
            self.b.ins().brif(r, failed, &[], good, &[]);
            self.b.switch_to_block(failed);
            let alive = self.index.get(&fail).map_or(0, |&k| self.list[k].live);
            self.fetch(alive);
            let to = self.block(fail);
            self.b.ins().jump(to, &[]);
            self.b.switch_to_block(good);
        }
        self.fetch(after);
        self.b.ins().jump(next, &[]);
    }

    /// Room for `need` words; the first `live` registers are roots.
    fn reserve(&mut self, need: i64, live: u16) {
        let hp = self.b.use_var(self.hp);
        let sp = self.b.use_var(self.sp);
        let go = self.b.create_block();
        let slow = self.cold();
        if self.unit.torture {
            self.b.ins().jump(slow, &[]);
        } else {
            let room = self.b.ins().isub(sp, hp);
            let short = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, room, 8 * (need + SLACK));
            self.b.ins().brif(short, slow, &[], go, &[]);
        }
        self.b.switch_to_block(slow);
        let set = low(live.min(X_VALUES));
        self.flush(set);
        self.sync_out();
        let args = [self.int(i64::from(live)), self.int(need)];
        self.help_at(stubs::helper_address(Helper::Collect, self.floats), &args);
        self.sync_in();
        let to = self.next();
        let after = self.index.get(&to).map_or(u64::MAX, |&k| self.list[k].live);
        self.fetch(set & (after | self.ins().reads));
        self.b.ins().jump(go, &[]);
        self.b.switch_to_block(go);
    }
}

/// The arity in the `FuncInfo` word at `start`.
fn decode_arity(words: &[u64], start: usize) -> u16 {
    (words[start] >> 16) as u16
}

/// How an instruction was translated.
struct Goes {
    falls: bool,
    uses_jumps: bool,
    /// Registers that hold small integers now.
    small: u64,
}
