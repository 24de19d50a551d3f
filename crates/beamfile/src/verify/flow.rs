//! Second half of the verifier: registers, frames, handlers and reserved heap along every path of a function.
//!
//! A state is known at each label that has been reached; where paths meet, it is what all of them agree on. Labels whose
//! state got weaker are walked again, in order of the code, until nothing changes. Compilers jump backwards only to wait
//! for messages, so that in practice each instruction is walked once.

use isa::{Arg, Op};

use super::operands::Command;
use super::{At, Check, Extent, Fail, LabelInfo, MAX_X, Map, error, fail};
use crate::{BeamFile, Instr, LoadError};

/// What is known at one point. Bit sets lie in `bits`: X registers that hold a term; Y registers that hold any valid
/// word; Y registers that hold a term (the others with a valid word hold a handler's mark); X registers that hold a term
/// or a receive's timer is set (all bits set: it is), so that `wait_timeout` no longer reads its time.
#[derive(Clone)]
struct State {
    bits: Vec<u64>,
    frame: Frame,
    /// The innermost active handler.
    handler: Chain,
    words: u32,
    floats: u32,
    funs: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    None,
    Size(u32),
    /// Paths with different frames met, all of at least that size and full: the code can only fail here.
    Mixed(u32),
}

impl Frame {
    fn least(self) -> u32 {
        match self {
            Frame::None => 0,
            Frame::Size(n) | Frame::Mixed(n) => n,
        }
    }
}

/// A chain of active handlers, innermost first: index into `Flow::handlers`, from 1.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Chain(u32);

const NO_HANDLER: Chain = Chain(0);
/// Paths with different chains met: the code can only fail here.
const MIXED: Chain = Chain(u32::MAX);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Handler {
    outer: Chain,
    y: u16,
    is_try: bool,
    /// 0: several labels (paths met that agree on all but these).
    label: u32,
}

/// No compiler nests so many handlers in one function; each is compared with all others.
const MAX_HANDLERS: usize = 4096;

pub(super) struct Flow<'a> {
    beam: &'a BeamFile<'a>,
    map: &'a Map,
    function: usize,
    /// Words of each bit set.
    xw: usize,
    yw: usize,
    now: State,
    /// For each label of the function, what is known there; kept for the next function, for its memory.
    known: Vec<State>,
    reached: Vec<bool>,
    dirty: Vec<bool>,
    handlers: Vec<Handler>,
    /// Lowest of the labels that got weaker since the walk looked last.
    weakened: usize,
    /// Index of the instruction that is walked.
    at: u32,
    /// The X register without a term that was read.
    missing: std::cell::Cell<Option<u16>>,
    /// X registers of this function that the engine gives a term at its entry.
    cleared: Vec<u16>,
}

/// So many X registers of a function at most are given a term at its entry.
const MAX_CLEARED: usize = 8;

enum Next {
    Continue,
    Stop,
}

impl<'a> Flow<'a> {
    pub fn new(beam: &'a BeamFile<'a>, map: &'a Map) -> Flow<'a> {
        let empty = State { bits: Vec::new(), frame: Frame::None, handler: NO_HANDLER, words: 0, floats: 0, funs: 0 };
        Flow {
            beam,
            map,
            function: 0,
            xw: 1,
            yw: 1,
            now: empty,
            known: Vec::new(),
            reached: Vec::new(),
            dirty: Vec::new(),
            handlers: Vec::new(),
            weakened: usize::MAX,
            at: 0,
            missing: Default::default(),
            cleared: Vec::new(),
        }
    }

    /// The X registers that the function reads on paths that have not written them, but would hold a term if they did at its entry.
    pub fn check(&mut self, index: usize, extent: Extent) -> Result<&[u16], LoadError> {
        self.cleared.clear();
        loop {
            self.missing.set(None);
            match (self.walk_all(index, extent), self.missing.get()) {
                (Ok(()), _) => return Ok(&self.cleared),
                (Err(_), Some(x)) if self.cleared.len() < MAX_CLEARED && !self.cleared.contains(&x) && self.guards(x) => self.cleared.push(x),
                (Err(error), _) => return Err(error),
            }
        }
    }

    /// Is the X register the result of a guard that may fail?
    fn guards(&self, x: u16) -> bool {
        let (code, range) = (&self.beam.code, &self.beam.code.functions[self.function].instrs);
        code.instrs[range.start as usize..range.end as usize].iter().any(|instr| {
            let args = code.args(instr);
            matches!(instr.op, Op::Bif1 | Op::Bif2 | Op::Bif3) && args[0] != Arg::Label(0) && args.last() == Some(&Arg::X(x))
        })
    }

    fn walk_all(&mut self, index: usize, extent: Extent) -> Result<(), LoadError> {
        let (beam, map) = (self.beam, self.map);
        let code = &beam.code;
        let function = &code.functions[index];
        let labels = map.slots(index);
        self.function = index;
        (self.xw, self.yw) = (usize::from(extent.x) / 64 + 1, usize::from(extent.y) / 64 + 1);
        self.handlers.clear();
        self.weakened = usize::MAX;
        self.reached.clear();
        self.reached.resize(labels.len(), false);
        self.dirty.clear();
        self.dirty.resize(labels.len(), false);
        if self.known.len() < labels.len() {
            self.known.resize(labels.len(), self.now.clone());
        }

        self.now = State {
            bits: std::mem::take(&mut self.now.bits),
            frame: Frame::None,
            handler: NO_HANDLER,
            words: 0,
            floats: 0,
            funs: 0,
        };
        self.now.bits.clear();
        self.now.bits.resize(2 * (self.xw + self.yw), 0);
        self.set_x(function.arity);
        for i in 0..self.cleared.len() {
            let _ = self.write(Arg::X(self.cleared[i]));
        }
        self.at = function.info;
        let entry = map.labels[function.entry_label as usize].slot as usize;
        let _ = self.meet(entry);

        let instrs = &code.instrs[..function.instrs.end as usize];
        // States only get weaker, so this ends; a hostile file could make it slow, and is refused instead.
        let mut budget = 64 * (function.instrs.len() + labels.len()) + 100_000;
        let mut first = entry;
        while let Some(slot) = (first..labels.len()).find(|&slot| self.dirty[slot]) {
            first = slot + 1;
            self.dirty[slot] = false;
            self.now.clone_from(&self.known[slot]);
            let start = code.label(labels[slot]).map_or(0, |at| at as usize) + 1;
            let mut alive = true;
            for (i, instr) in instrs.iter().enumerate().skip(start) {
                self.at = i as u32;
                let spent = budget.checked_sub(1);
                budget = spent.ok_or_else(|| error(beam, Some(index), instr, "lies in loops that are too tangled to check"))?;
                if instr.op == Op::Label {
                    let Arg::U(label) = code.args(instr)[0] else { break };
                    let at = map.labels[label as usize];
                    self.arrive(at).map_err(|what| error(beam, Some(index), instr, what))?;
                    alive = false;
                    break;
                }
                match self.walk(instr) {
                    Ok(Next::Continue) => {}
                    Ok(Next::Stop) => {
                        alive = false;
                        break;
                    }
                    Err(what) => return Err(error(beam, Some(index), instr, what)),
                }
            }
            if alive && let Some(last) = instrs.last() {
                return Err(error(beam, Some(index), last, "is the last instruction, but control goes on behind it"));
            }
            // A loop may have weakened a label behind us.
            first = first.min(std::mem::replace(&mut self.weakened, usize::MAX));
        }
        Ok(())
    }

    // ---- registers

    #[inline]
    fn set_x(&mut self, n: u32) {
        let timed = self.timed();
        for word in 0..self.xw {
            self.now.bits[word] |= below(n, word);
            self.now.bits[timed + word] |= below(n, word);
        }
    }

    /// Where the last of the bit sets begins.
    #[inline]
    fn timed(&self) -> usize {
        self.xw + 2 * self.yw
    }

    /// Ends the life of X registers from `n` on.
    #[inline]
    fn keep(&mut self, n: u32) {
        let timed = self.timed();
        for word in 0..self.xw {
            let bits = self.now.bits[word] & below(n, word);
            self.now.bits[word] = bits;
            self.now.bits[timed + word] = bits;
        }
    }

    /// A step of a receive at which the process may have slept: no X register lives on, but its timer does.
    fn sleep(&mut self, sets_timer: bool) {
        let timed = self.timed();
        let set = sets_timer || self.now.bits[timed..].iter().all(|&bits| bits == u64::MAX);
        self.keep(0);
        if set {
            self.now.bits[timed..].fill(u64::MAX);
        }
        self.reserve(Arg::Nil);
    }

    /// X registers below `n` all hold terms.
    fn live(&self, n: u32) -> Check {
        for word in 0..(n as usize).div_ceil(64) {
            let want = below(n, word);
            let have = if word < self.xw { self.now.bits[word] } else { 0 };
            if want & !have != 0 {
                return Err(fail!("needs x{}, which holds nothing", word * 64 + (want & !have).trailing_zeros() as usize));
            }
        }
        Ok(())
    }

    /// Every Y register of the frame holds a valid word.
    fn full(&self) -> Check {
        full(&self.now, self.xw, self.yw).map_err(|y| fail!("may collect while y{y} holds nothing"))
    }

    #[inline]
    fn read(&self, arg: Arg) -> Check {
        match arg {
            Arg::X(x) => {
                let x = usize::from(x);
                if self.now.bits[x / 64] >> (x % 64) & 1 == 0 {
                    self.missing.set(Some(x as u16));
                    return Err(fail!("reads x{x}, which holds nothing"));
                }
            }
            Arg::Y(y) => {
                self.in_frame(y)?;
                let i = usize::from(y);
                if self.now.bits[self.xw + self.yw + i / 64] >> (i % 64) & 1 == 0 {
                    return Err(fail!("reads y{y}, which holds no term"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn reads(&self, args: &[Arg]) -> Check {
        args.iter().try_for_each(|&arg| self.read(arg))
    }

    #[inline]
    fn write(&mut self, arg: Arg) -> Check {
        match arg {
            Arg::X(x) => {
                let (word, bit, timed) = (usize::from(x) / 64, 1 << (x % 64), self.timed());
                self.now.bits[word] |= bit;
                self.now.bits[timed + word] |= bit;
            }
            Arg::Y(y) => {
                self.in_frame(y)?;
                let (i, bit) = (usize::from(y) / 64, 1u64 << (y % 64));
                let (valid, term) = (self.xw + i, self.xw + self.yw + i);
                if self.now.bits[valid] & !self.now.bits[term] & bit != 0 {
                    return Err(fail!("writes to y{y}, which holds a handler's mark"));
                }
                self.now.bits[valid] |= bit;
                self.now.bits[term] |= bit;
            }
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn in_frame(&self, y: u16) -> Check {
        let size = self.now.frame.least();
        if u32::from(y) >= size { Err(fail!("uses y{y} in a frame of {size}")) } else { Ok(()) }
    }

    // ---- reserved heap

    #[inline]
    fn build(&mut self, words: u32) -> Check {
        match self.now.words.checked_sub(words) {
            Some(left) => {
                self.now.words = left;
                Ok(())
            }
            None => Err(fail!("builds {words} words where {} are reserved", self.now.words)),
        }
    }

    fn reserve(&mut self, heap: Arg) {
        (self.now.words, self.now.floats, self.now.funs) = match heap {
            Arg::U(n) => (n as u32, 0, 0),
            Arg::Alloc { words, floats, funs } => (words, floats, funs),
            _ => (0, 0, 0),
        };
    }

    /// An instruction that may collect: checks before, and what is left after.
    fn collect(&mut self, live: Arg, heap: Arg) -> Check {
        let live = number(live);
        self.live(live)?;
        self.full()?;
        self.keep(live);
        self.reserve(heap);
        Ok(())
    }

    // ---- frames and handlers

    fn allocate(&mut self, size: u32, filled: bool) -> Check {
        if self.now.frame != Frame::None {
            return Err("makes a frame where there is one".into());
        }
        self.now.frame = Frame::Size(size);
        for word in 0..self.yw {
            let bits = if filled { below(size, word) } else { 0 };
            self.now.bits[self.xw + word] = bits;
            self.now.bits[self.xw + self.yw + word] = bits;
        }
        Ok(())
    }

    fn deallocate(&mut self, size: u32) -> Check {
        if self.now.frame != Frame::Size(size) {
            return Err(fail!("removes a frame of {size}, but {}", self.frame_text()));
        }
        self.no_handlers()?;
        self.now.frame = Frame::None;
        let timed = self.timed();
        self.now.bits[self.xw..timed].fill(0);
        Ok(())
    }

    fn frame_text(&self) -> String {
        match self.now.frame {
            Frame::None => "there is none".into(),
            Frame::Size(n) => format!("there is one of {n}"),
            Frame::Mixed(_) => "it differs from path to path".into(),
        }
    }

    fn no_handlers(&self) -> Check {
        if self.now.handler == NO_HANDLER { Ok(()) } else { Err("leaves a frame with an active handler".into()) }
    }

    fn no_frame(&self) -> Check {
        if self.now.frame == Frame::None { Ok(()) } else { Err(fail!("needs that there is no frame, but {}", self.frame_text())) }
    }

    fn has_frame(&self) -> Check {
        if self.now.frame == Frame::None { Err("calls without a frame".into()) } else { Ok(()) }
    }

    fn trim(&mut self, n: u32, remaining: u32) -> Check {
        if n > u32::from(super::MAX_Y) || self.now.frame != Frame::Size(n + remaining) {
            return Err(fail!("takes {n} of {remaining} + {n}, but {}", self.frame_text()));
        }
        let mut chain = Vec::new();
        let mut handler = self.now.handler;
        while let Some(&active) = self.handler(handler) {
            if u32::from(active.y) < n {
                return Err(fail!("takes away y{}, which holds a handler's mark", active.y));
            }
            chain.push(active);
            handler = active.outer;
        }
        if handler == MIXED {
            return Err("takes from a frame whose handlers differ from path to path".into());
        }
        shift_down(&mut self.now.bits[self.xw..self.xw + self.yw], n as usize);
        let timed = self.timed();
        shift_down(&mut self.now.bits[self.xw + self.yw..timed], n as usize);
        self.now.frame = Frame::Size(remaining);
        // The handlers' marks moved with the frame, and their code must know.
        self.now.handler = NO_HANDLER;
        for active in chain.into_iter().rev() {
            if active.label == 0 {
                return Err("takes from a frame whose handlers differ from path to path".into());
            }
            let moved = Handler { outer: self.now.handler, y: active.y - n as u16, ..active };
            self.now.handler = self.chain(moved)?;
            self.meet_handler(moved)?;
        }
        Ok(())
    }

    fn handler(&self, chain: Chain) -> Option<&Handler> {
        self.handlers.get((chain.0 as usize).wrapping_sub(1))
    }

    fn chain(&mut self, handler: Handler) -> Check<Chain> {
        if let Some(i) = self.handlers.iter().position(|known| *known == handler) {
            return Ok(Chain(i as u32 + 1));
        }
        if self.handlers.len() >= MAX_HANDLERS {
            return Err(fail!("is in a function with more than {MAX_HANDLERS} handlers"));
        }
        self.handlers.push(handler);
        Ok(Chain(self.handlers.len() as u32))
    }

    fn install(&mut self, y: Arg, label: Arg, is_try: bool) -> Check {
        let (Arg::Y(y), Arg::Label(label)) = (y, label) else {
            return Err("has wrong operands".into());
        };
        if self.now.handler == MIXED || !matches!(self.now.frame, Frame::Size(_)) {
            return Err("needs a frame of its own".into());
        }
        if let Some(outer) = self.handler(self.now.handler)
            && outer.y <= y
        {
            return Err(fail!("puts an inner handler into y{y}, above the outer one in y{}", outer.y));
        }
        self.write(Arg::Y(y))?;
        let i = usize::from(y);
        self.now.bits[self.xw + self.yw + i / 64] &= !(1 << (i % 64));
        let handler = Handler { outer: self.now.handler, y, is_try, label };
        self.now.handler = self.chain(handler)?;
        self.meet_handler(handler)
    }

    /// Lets the handler's code know the frame that an exception would find.
    fn meet_handler(&mut self, handler: Handler) -> Check {
        let bits = self.now.bits.clone();
        let heap = (self.now.words, self.now.floats, self.now.funs);
        self.keep(0);
        // `try_case` finds what was raised in X registers; `catch_end` finds one value in x0.
        self.set_x(if handler.is_try { 4 } else { 1 });
        (self.now.words, self.now.floats, self.now.funs) = (0, 0, 0);
        let met = self.meet(self.map.labels[handler.label as usize].slot as usize);
        self.now.bits = bits;
        (self.now.words, self.now.floats, self.now.funs) = heap;
        met
    }

    /// Ends the innermost handler, which must be in that register.
    fn end_handler(&mut self, y: Arg, is_try: bool) -> Check {
        let Arg::Y(y) = y else {
            return Err("has wrong operands".into());
        };
        match self.handler(self.now.handler) {
            Some(active) if active.y == y && active.is_try == is_try => {
                self.now.handler = active.outer;
                // The mark is replaced by an empty value.
                let i = usize::from(y);
                self.now.bits[self.xw + self.yw + i / 64] |= 1 << (i % 64);
                Ok(())
            }
            _ => Err(fail!("ends a handler in y{y}, which is not the innermost one")),
        }
    }

    // ---- where paths meet

    fn branch(&mut self, label: Arg) -> Check {
        let Some(label) = label.as_label() else {
            return Ok(());
        };
        self.arrive(self.map.labels[label as usize])
    }

    /// Ordinary flow reaches a label.
    #[inline]
    fn arrive(&mut self, label: LabelInfo) -> Check {
        if label.at != At::TryCase {
            return self.meet(label.slot as usize);
        }
        // Dead code, behind a call that the compiler knows to fail. The engine tells it from an exception by the term in x0.
        self.live(1).map_err(|_| Fail::from("goes on into an exception's handler"))?;
        let bits = self.now.bits.clone();
        self.set_x(4);
        let met = self.meet(label.slot as usize);
        self.now.bits = bits;
        met
    }

    /// The current state reaches a label.
    fn meet(&mut self, slot: usize) -> Check {
        if !self.reached[slot] {
            self.reached[slot] = true;
            self.dirty[slot] = true;
            self.weakened = self.weakened.min(slot);
            self.known[slot].clone_from(&self.now);
            return Ok(());
        }
        let mut weaker = false;
        let (frame, handler) = (self.now.frame, self.now.handler);
        if self.known[slot].frame != frame {
            let unfilled = full(&self.now, self.xw, self.yw).err().or(full(&self.known[slot], self.xw, self.yw).err());
            if let Some(y) = unfilled {
                return Err(fail!("meets a path with another frame while y{y} holds nothing"));
            }
            let known = &mut self.known[slot];
            let mixed = Frame::Mixed(known.frame.least().min(frame.least()));
            weaker |= known.frame != mixed;
            known.frame = mixed;
        }
        if self.known[slot].handler != handler {
            let both = self.common(self.known[slot].handler, handler)?;
            weaker |= self.known[slot].handler != both;
            self.known[slot].handler = both;
        }
        let backwards = self.beam.code.label(self.map.slots(self.function)[slot]).is_some_and(|at| at <= self.at);
        let (known, now) = (&mut self.known[slot], &self.now);
        for (known, now) in known.bits.iter_mut().zip(&now.bits) {
            weaker |= *known & !now != 0;
            *known &= now;
        }
        for (known, now) in [(&mut known.words, now.words), (&mut known.floats, now.floats), (&mut known.funs, now.funs)] {
            if now < *known {
                // In a loop it would shrink word by word: to nothing at once, then.
                *known = if backwards { 0 } else { now };
                weaker = true;
            }
        }
        if weaker {
            self.dirty[slot] = true;
            self.weakened = self.weakened.min(slot);
        }
        Ok(())
    }

    /// What two chains have in common: themselves, a chain that differs in labels only, or nothing.
    fn common(&mut self, a: Chain, b: Chain) -> Check<Chain> {
        let (mut left, mut right) = (a, b);
        let mut pairs = Vec::new();
        while left != right {
            let (Some(&x), Some(&y)) = (self.handler(left), self.handler(right)) else {
                return Ok(MIXED);
            };
            if x.y != y.y || x.is_try != y.is_try {
                return Ok(MIXED);
            }
            pairs.push((x, x.label == y.label));
            (left, right) = (x.outer, y.outer);
        }
        let mut chain = left;
        for (handler, same) in pairs.into_iter().rev() {
            chain = self.chain(Handler { outer: chain, label: if same { handler.label } else { 0 }, ..handler })?;
        }
        Ok(chain)
    }

    // ---- instructions

    /// A call that comes back: only x0 and the frame live on.
    fn call(&mut self, args: u32) -> Check<Next> {
        self.live(args)?;
        self.has_frame()?;
        self.full()?;
        self.keep(0);
        self.set_x(1);
        self.reserve(Arg::Nil);
        Ok(Next::Continue)
    }

    fn tail_call(&mut self, args: u32, dealloc: Option<Arg>) -> Check<Next> {
        self.live(args)?;
        match dealloc {
            Some(size) => self.deallocate(number(size))?,
            None => self.no_frame()?,
        }
        Ok(Next::Stop)
    }

    /// A call of a function that never returns: the frame, whatever it is, stays.
    fn last_words(&mut self, args: u32) -> Check<Next> {
        self.live(args)?;
        self.full()?;
        Ok(Next::Stop)
    }

    fn walk(&mut self, instr: &Instr) -> Check<Next> {
        let code = &self.beam.code;
        let a = code.args(instr);
        match instr.op {
            // Most frequent first only for the reader; the compiler makes a table of it.
            Op::Move => {
                self.read(a[0])?;
                self.write(a[1])?;
            }
            Op::Swap => {
                self.reads(a)?;
                self.write(a[0])?;
                self.write(a[1])?;
            }
            Op::GetTupleElement => {
                self.read(a[0])?;
                self.write(a[2])?;
            }
            Op::GetList => {
                self.read(a[0])?;
                self.write(a[1])?;
                self.write(a[2])?;
            }
            Op::GetHd | Op::GetTl => {
                self.read(a[0])?;
                self.write(a[1])?;
            }
            Op::SetTupleElement => self.reads(&a[..2])?,

            Op::IsLt | Op::IsGe | Op::IsEq | Op::IsNe | Op::IsEqExact | Op::IsNeExact | Op::IsFunction2 => {
                self.reads(&a[1..3])?;
                self.branch(a[0])?;
            }
            Op::IsInteger
            | Op::IsFloat
            | Op::IsNumber
            | Op::IsAtom
            | Op::IsPid
            | Op::IsReference
            | Op::IsPort
            | Op::IsNil
            | Op::IsBinary
            | Op::IsList
            | Op::IsNonemptyList
            | Op::IsTuple
            | Op::IsFunction
            | Op::IsBoolean
            | Op::IsBitstr
            | Op::IsMap
            | Op::TestArity
            | Op::IsTaggedTuple
            | Op::IsAnyNativeRecord
            | Op::IsNativeRecord
            | Op::IsRecordAccessible => {
                self.read(a[1])?;
                self.branch(a[0])?;
            }
            Op::SelectVal | Op::SelectTupleArity => {
                self.read(a[0])?;
                self.branch(a[1])?;
                for pair in code.items(a[2]).chunks(2) {
                    self.branch(pair[1])?;
                }
                return Ok(Next::Stop);
            }
            Op::Jump => {
                self.branch(a[0])?;
                return Ok(Next::Stop);
            }

            Op::Call => {
                let next = self.call(number(a[0]))?;
                let target = a[1].as_label().and_then(|label| self.map.function(self.beam, label));
                return Ok(if target.is_some_and(|target| self.map.always_fails[target]) { Next::Stop } else { next });
            }
            Op::CallLast => return self.tail_call(number(a[0]), Some(a[2])),
            Op::CallOnly => return self.tail_call(number(a[0]), None),
            Op::CallExt => {
                if self.map.never_returns[number(a[1]) as usize] {
                    return self.last_words(number(a[0]));
                }
                return self.call(number(a[0]));
            }
            Op::CallExtLast | Op::CallExtOnly => {
                if self.map.never_returns[number(a[1]) as usize] {
                    return self.last_words(number(a[0]));
                }
                return self.tail_call(number(a[0]), a.get(2).copied());
            }
            Op::CallFun => return self.call(number(a[0]) + 1),
            Op::CallFun2 => {
                self.read(a[2])?;
                return self.call(number(a[1]));
            }
            Op::Apply => return self.call(number(a[0]) + 2),
            Op::ApplyLast => return self.tail_call(number(a[0]) + 2, Some(a[1])),
            Op::Send => return self.call(2),
            Op::BsInitWritable => return self.call(1),
            Op::RawRaise => return self.call(3),
            Op::Return => {
                self.live(1)?;
                self.no_frame()?;
                return Ok(Next::Stop);
            }

            Op::Allocate | Op::AllocateHeap | Op::AllocateZero | Op::AllocateHeapZero => {
                let (heap, live) = if a.len() == 3 { (a[1], a[2]) } else { (Arg::Nil, a[1]) };
                self.collect(live, heap)?;
                self.allocate(number(a[0]), matches!(instr.op, Op::AllocateZero | Op::AllocateHeapZero))?;
            }
            Op::TestHeap => self.collect(a[1], a[0])?,
            Op::Deallocate => self.deallocate(number(a[0]))?,
            Op::Trim => self.trim(number(a[0]), number(a[1]))?,
            Op::Init => self.write(a[0])?,
            Op::InitYregs => {
                for &y in code.items(a[0]) {
                    self.write(y)?;
                }
            }

            Op::PutList => {
                self.reads(&a[..2])?;
                self.build(2)?;
                self.write(a[2])?;
            }
            Op::PutTuple2 => {
                let items = code.items(a[1]);
                self.reads(items)?;
                self.build(items.len() as u32 + 1)?;
                self.write(a[0])?;
            }
            Op::UpdateRecord => {
                self.read(a[2])?;
                self.reads(code.items(a[4]))?;
                self.build(number(a[1]) + 1)?;
                self.write(a[3])?;
            }
            Op::MakeFun3 => {
                self.reads(code.items(a[2]))?;
                self.now.funs = self.now.funs.checked_sub(1).ok_or("builds a fun where none is reserved")?;
                self.build(code.items(a[2]).len() as u32)?;
                self.write(a[1])?;
            }
            Op::MakeFun2 => {
                let free = self.beam.lambdas[number(a[0]) as usize].free;
                self.live(free)?;
                self.keep(0);
                self.set_x(1);
                self.reserve(Arg::Nil);
            }

            Op::Bif0 => self.write(a[1])?,
            Op::Bif1 | Op::Bif2 | Op::Bif3 => {
                self.reads(&a[2..a.len() - 1])?;
                self.branch(a[0])?;
                self.write(a[a.len() - 1])?;
            }
            Op::GcBif1 | Op::GcBif2 | Op::GcBif3 => {
                self.reads(&a[3..a.len() - 1])?;
                self.collect(a[1], Arg::Nil)?;
                self.branch(a[0])?;
                self.write(a[a.len() - 1])?;
            }

            Op::Badmatch | Op::CaseEnd | Op::TryCaseEnd | Op::Badrecord => {
                self.read(a[0])?;
                return Ok(Next::Stop);
            }
            Op::Raise => {
                self.reads(a)?;
                return Ok(Next::Stop);
            }
            Op::IfEnd | Op::IntCodeEnd => return Ok(Next::Stop),
            Op::FuncInfo => {
                self.no_frame()?;
                self.live(number(a[2]))?;
                return Ok(Next::Stop);
            }

            Op::Catch => self.install(a[0], a[1], false)?,
            Op::Try => self.install(a[0], a[1], true)?,
            Op::CatchEnd => {
                self.live(1)?;
                self.end_handler(a[0], false)?;
            }
            Op::TryEnd => self.end_handler(a[0], true)?,
            Op::TryCase => {
                self.live(4)?;
                self.end_handler(a[0], true)?;
                self.keep(0);
                self.set_x(3);
            }
            Op::BuildStacktrace => {
                self.collect(Arg::U(1), Arg::Nil)?;
            }

            Op::LoopRec => {
                self.full()?;
                self.sleep(false);
                self.branch(a[0])?;
                self.write(a[1])?;
            }
            Op::LoopRecEnd | Op::Wait => {
                self.full()?;
                self.sleep(false);
                self.branch(a[0])?;
                return Ok(Next::Stop);
            }
            Op::WaitTimeout => {
                match a[1] {
                    Arg::X(x) if self.now.bits[self.timed() + usize::from(x) / 64] >> (x % 64) & 1 != 0 => {}
                    time => self.read(time)?,
                }
                self.full()?;
                self.sleep(true);
                self.branch(a[0])?;
            }
            Op::Timeout => {
                self.keep(0);
                self.reserve(Arg::Nil);
            }
            // The timer is gone.
            Op::RemoveMessage => self.keep(u32::from(MAX_X) + 1),
            Op::OnLoad | Op::NifStart | Op::Line | Op::ExecutableLine | Op::RecvMark | Op::RecvSet | Op::Fclearerror => {}
            Op::DebugLine => self.live(number(a[3]))?,
            Op::RecvMarkerBind => self.reads(a)?,
            Op::RecvMarkerClear | Op::RecvMarkerUse => self.read(a[0])?,
            Op::RecvMarkerReserve => self.write(a[0])?,

            Op::Fmove => {
                if let Arg::FloatReg(_) = a[0] {
                    if !matches!(a[1], Arg::FloatReg(_)) {
                        self.now.floats = self.now.floats.checked_sub(1).ok_or("builds a float where none is reserved")?;
                    }
                } else {
                    self.read(a[0])?;
                }
                self.write(a[1])?;
            }
            Op::Fconv => self.read(a[0])?,
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fnegate | Op::Fcheckerror => self.branch(a[0])?,

            Op::PutMapAssoc | Op::PutMapExact => {
                self.read(a[1])?;
                self.build_from(a[0], a[3], a[2], code.items(a[4]))?;
            }
            Op::PutRecord => {
                self.reads(&a[1..3])?;
                self.build_from(a[0], a[4], a[3], code.items(a[5]))?;
            }
            Op::HasMapFields => {
                self.read(a[1])?;
                self.reads(code.items(a[2]))?;
                self.branch(a[0])?;
            }
            Op::GetMapElements | Op::GetRecordElements => {
                self.read(a[1])?;
                for pair in code.items(a[2]).chunks(2) {
                    self.read(pair[0])?;
                }
                self.branch(a[0])?;
                for pair in code.items(a[2]).chunks(2) {
                    self.write(pair[1])?;
                }
            }
            Op::GetRecordField => {
                self.reads(&a[1..3])?;
                self.branch(a[0])?;
                self.write(a[4])?;
            }

            Op::BsStartMatch3 | Op::BsStartMatch4 => {
                let (live, source) = if instr.op == Op::BsStartMatch3 { (a[2], a[1]) } else { (a[1], a[2]) };
                self.read(source)?;
                self.live(number(live))?;
                self.full()?;
                self.branch(a[0])?;
                self.collect(live, Arg::Nil)?;
                // The source lives on, wherever it is.
                self.write(source)?;
                self.write(a[3])?;
            }
            Op::BsGetInteger2 | Op::BsGetFloat2 | Op::BsGetBinary2 => {
                self.reads(&[a[1], a[3]])?;
                self.match_into(a[0], a[2], a[6])?;
            }
            Op::BsGetUtf8 | Op::BsGetUtf16 | Op::BsGetUtf32 => {
                self.read(a[1])?;
                self.match_into(a[0], a[2], a[4])?;
            }
            Op::BsSkipUtf8 | Op::BsSkipUtf16 | Op::BsSkipUtf32 => {
                self.read(a[1])?;
                self.match_into(a[0], a[2], Arg::Nil)?;
            }
            Op::BsGetTail | Op::BsGetPosition => {
                self.read(a[0])?;
                self.collect(a[2], Arg::Nil)?;
                self.write(a[1])?;
            }
            Op::BsSetPosition => self.reads(a)?,
            Op::BsSkipBits2 => {
                self.reads(&a[1..3])?;
                self.branch(a[0])?;
            }
            Op::BsTestTail2 | Op::BsTestUnit | Op::BsMatchString => {
                self.read(a[1])?;
                self.branch(a[0])?;
            }
            Op::BsMatch => self.bs_match(a)?,

            Op::BsCreateBin => {
                for segment in code.items(a[5]).chunks(6) {
                    self.reads(&segment[4..6])?;
                }
                self.collect(a[2], a[1])?;
                self.branch(a[0])?;
                self.write(a[4])?;
            }
            Op::BsInit2 | Op::BsInitBits => {
                self.read(a[1])?;
                self.collect(a[3], a[2])?;
                self.branch(a[0])?;
                self.write(a[5])?;
            }
            Op::BsAppend => {
                self.reads(&[a[1], a[5]])?;
                self.collect(a[3], a[2])?;
                self.branch(a[0])?;
                self.write(a[7])?;
            }
            Op::BsPrivateAppend => {
                self.reads(&[a[1], a[3]])?;
                self.branch(a[0])?;
                self.write(a[5])?;
            }
            Op::BsAdd => {
                self.reads(&a[1..3])?;
                self.branch(a[0])?;
                self.write(a[4])?;
            }
            Op::BsUtf8Size | Op::BsUtf16Size => {
                self.read(a[1])?;
                self.branch(a[0])?;
                self.write(a[2])?;
            }
            Op::BsPutInteger | Op::BsPutBinary | Op::BsPutFloat => {
                self.reads(&[a[1], a[4]])?;
                self.branch(a[0])?;
            }
            Op::BsPutUtf8 | Op::BsPutUtf16 | Op::BsPutUtf32 => {
                self.read(a[2])?;
                self.branch(a[0])?;
            }
            Op::BsPutString => {}

            _ => return Err("is an instruction that the verifier does not know".into()),
        }
        Ok(Next::Continue)
    }

    /// Maps and records: the fail label is taken before anything is collected.
    fn build_from(&mut self, fail: Arg, live: Arg, dst: Arg, items: &[Arg]) -> Check {
        self.reads(items)?;
        self.live(number(live))?;
        self.full()?;
        self.reserve(Arg::Nil);
        self.branch(fail)?;
        self.collect(live, Arg::Nil)?;
        self.write(dst)
    }

    /// Matching that may build: the fail label is taken before anything is collected.
    fn match_into(&mut self, fail: Arg, live: Arg, dst: Arg) -> Check {
        self.live(number(live))?;
        self.full()?;
        self.reserve(Arg::Nil);
        self.branch(fail)?;
        self.keep(number(live));
        self.write(dst)
    }

    fn bs_match(&mut self, a: &[Arg]) -> Check {
        let context = a[1];
        self.read(context)?;
        self.full()?;
        // Commands that came before the one that fails may have built something.
        self.reserve(Arg::Nil);
        self.branch(a[0])?;
        // Whether something was built by now, which takes all registers that are not live; bits that a command was sure of.
        let (mut built, mut sure) = (false, 0u64);
        let mut rest = self.beam.code.items(a[2]);
        while let [name, tail @ ..] = rest {
            let Some((command, used)) = Command::read(self.beam, *name, tail) else {
                return Err("has an unknown match command".into());
            };
            rest = &tail[used..];
            let takes = match command {
                Command::Ensure(_) | Command::Equal(_) => u64::MAX,
                Command::Skip(bits) => bits,
                Command::Get { bits, .. } => bits.unwrap_or(0),
            };
            if built && takes > sure {
                self.branch(a[0])?;
            }
            sure = match command {
                Command::Ensure(bits) => bits,
                Command::Equal(bits) => sure.saturating_sub(bits),
                _ => sure.saturating_sub(takes),
            };
            if let Command::Get { live, dst, builds, .. } = command {
                self.read(context)?;
                self.live(number(live))?;
                self.keep(number(live));
                self.write(dst)?;
                built |= builds;
            }
        }
        Ok(())
    }
}

/// The bits of a set's word that stand for registers below `n`.
#[inline]
fn below(n: u32, word: usize) -> u64 {
    match (n as usize).saturating_sub(word * 64) {
        0 => 0,
        bits @ 1..=63 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}

fn number(arg: Arg) -> u32 {
    arg.as_u().map_or(0, |n| n.min(u64::from(u32::MAX - u32::from(MAX_X))) as u32)
}

/// The first Y register of the frame that holds nothing, as an error.
fn full(state: &State, xw: usize, yw: usize) -> Result<(), usize> {
    let size = state.frame.least();
    for word in 0..yw {
        let missing = below(size, word) & !state.bits[xw + word];
        if missing != 0 {
            return Err(word * 64 + missing.trailing_zeros() as usize);
        }
    }
    Ok(())
}

fn shift_down(bits: &mut [u64], n: usize) {
    let (words, rest) = (n / 64, n % 64);
    for i in 0..bits.len() {
        let low = bits.get(i + words).copied().unwrap_or(0) >> rest;
        let high = if rest == 0 { 0 } else { bits.get(i + words + 1).copied().unwrap_or(0) << (64 - rest) };
        bits[i] = low | high;
    }
}
