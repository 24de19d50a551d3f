//! The verifier: what an engine may take for granted about code that passed.
//!
//! Proved, for every function and every path:
//! - each operand is of the kind that the table says; indices of atoms, literals, imports, funs and lines exist;
//! - jumps stay in the function and land on labels; calls land on entries of their arity; the end is never fallen off;
//! - an X or Y register is read only where every path has written a term to it. An instruction that may collect ends the
//!   life of X registers beyond its live count, and meets no Y register without a value;
//! - frames are allocated once, agree where paths meet, and are gone at a return; a Y register lies within its frame;
//! - handlers nest: an inner one has the lower Y register, is ended first, and is never read, overwritten or left behind;
//! - what is built by `put_list`, `put_tuple2`, `make_fun3`, `update_record` and float moves fits in what was reserved.
//!
//! Not proved: the types of terms (`get_hd` of a tuple). An engine checks what it could not survive.
//!
//! Left to the engine, because compilers rely on it:
//! - an instruction with a live count and a fail label (other than `gc_bif*`, `bs_create_bin` and its older relatives) has
//!   not collected when it jumps to the label;
//! - `bs_start_match3/4` keep their source alive, even if it lies beyond the live count;
//! - functions of [`never_returns`] do not return, whatever instruction calls them, and such a call leaves the frame alone:
//!   the size in `call_ext_last` may be wrong then (in some two hundred of OTP's own files it is);
//! - an exception reaches a handler with 0 in x0 (no term) and what was raised in x1 to x3. A `try_case` that finds a term in
//!   x0 was fallen into, which compilers let dead code do; it must not read x1 to x3 then, but raise;
//! - `wait_timeout` reads its time only when the receive meets it first, also if the time is `infinity`: X registers are gone
//!   when a process wakes up;
//! - X registers of [`Verified::cleared`] are given a term at the function's entry. (Compilers let code read the result of a guard
//!   that has failed, where only its failing again makes the path possible.)

mod flow;
mod operands;

use crate::{BeamFile, Instr, LoadError, Op};

/// What an engine must do for code to be safe.
#[derive(Debug, Default)]
pub struct Verified {
    /// Index of a function, and an X register to fill at its entry. In order of the functions.
    pub cleared: Vec<(u32, u16)>,
}

/// Refuses code that an engine could not run safely. Linear in the size of the code but for odd loops, which are bounded.
pub fn verify(beam: &BeamFile) -> Result<Verified, LoadError> {
    let map = Map::new(beam)?;
    let mut operands = operands::Operands::new(beam, &map);
    let mut flow = flow::Flow::new(beam, &map);
    let mut verified = Verified::default();
    for index in 0..beam.code.functions.len() {
        let extent = operands.check(index)?;
        verified.cleared.extend(flow.check(index, extent)?.iter().map(|&x| (index as u32, x)));
    }
    Ok(verified)
}

/// Does a call of that imported function never come back?
pub fn never_returns(beam: &BeamFile, import: u64) -> bool {
    let Some(import) = usize::try_from(import).ok().and_then(|i| beam.imports.get(i)) else {
        return false;
    };
    beam.atom(import.module) == "erlang"
        && matches!((beam.atom(import.function), import.arity), ("error", 1..=3) | ("exit" | "throw", 1) | ("nif_error", 1 | 2))
}

/// What is wrong with an instruction: follows its name in the message. One word, since checks return it all the time.
#[derive(Default)]
#[allow(clippy::box_collection)] // one word is the point
struct Fail(Box<String>);

impl Fail {
    /// Says no more than that an operand is not of its kind.
    fn is_bare(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Fail {
    fn from(text: &str) -> Fail {
        Fail(Box::new(text.into()))
    }
}

impl std::fmt::Display for Fail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

type Check<T = ()> = Result<T, Fail>;

macro_rules! fail {
    ($($text:tt)*) => { Fail(Box::new(format!($($text)*))) };
}
use fail;

/// Highest X register and Y register: one more than these is refused.
const MAX_X: u16 = 1023;
const MAX_Y: u16 = 1023;

/// The registers that a function uses, to size its states.
#[derive(Clone, Copy, Default)]
struct Extent {
    x: u16,
    y: u16,
}

/// What stands at a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Plain,
    TryCase,
    CatchEnd,
}

#[derive(Clone, Copy)]
struct LabelInfo {
    /// Index of the function it lies in; `u32::MAX`: not defined.
    function: u32,
    /// Its number among the labels of that function.
    slot: u32,
    at: At,
}

/// Where the labels of the module are.
struct Map {
    labels: Vec<LabelInfo>,
    /// The labels in the order of the code, and where each function's begin (and the last one's end).
    order: Vec<u32>,
    starts: Vec<u32>,
    /// Does the function do nothing but fail? Compilers then omit what follows a call of it.
    always_fails: Vec<bool>,
    /// Imports that never return.
    never_returns: Vec<bool>,
}

impl Map {
    fn new(beam: &BeamFile) -> Result<Map, LoadError> {
        let code = &beam.code;
        let none = LabelInfo { function: u32::MAX, slot: 0, at: At::Plain };
        let mut map = Map {
            labels: vec![none; code.label_count() as usize],
            order: Vec::with_capacity(code.label_count() as usize),
            starts: Vec::with_capacity(code.functions.len() + 1),
            always_fails: Vec::with_capacity(code.functions.len()),
            never_returns: (0..beam.imports.len() as u64).map(|i| never_returns(beam, i)).collect(),
        };
        let first = code.functions.first().map_or(code.instrs.len().saturating_sub(1), |function| function.instrs.start as usize);
        if let Some(instr) = code.instrs[..first].iter().find(|instr| !matches!(instr.op, Op::Line | Op::Label)) {
            return Err(error(beam, None, instr, "stands before the first function"));
        }
        for (index, function) in code.functions.iter().enumerate() {
            let (start, info, end) = (function.instrs.start as usize, function.info as usize, function.instrs.end as usize);
            if let Some(instr) = code.instrs[start + 1..info].iter().find(|instr| instr.op != Op::Line) {
                return Err(error(beam, Some(index), instr, "stands before the function's func_info"));
            }
            let body = code.instrs.get(info + 1).filter(|instr| instr.op == Op::Label && info + 1 < end);
            if body.is_none() || function.entry_label == 0 {
                return Err(error(beam, Some(index), &code.instrs[info], "is not followed by the function's entry label"));
            }
            let begin = map.order.len();
            map.starts.push(begin as u32);
            // From the end, so that what stands at a label is known when the label is met.
            let mut at = At::Plain;
            for instr in code.instrs[start..end].iter().rev() {
                match instr.op {
                    Op::Label => {
                        let label = code.args(instr)[0].as_u().unwrap_or(0) as u32;
                        map.labels[label as usize] = LabelInfo { function: index as u32, slot: 0, at };
                        map.order.push(label);
                    }
                    Op::Line => {}
                    Op::TryCase => at = At::TryCase,
                    Op::CatchEnd => at = At::CatchEnd,
                    _ => at = At::Plain,
                }
            }
            map.order[begin..].reverse();
            for (slot, &label) in map.order[begin..].iter().enumerate() {
                map.labels[label as usize].slot = slot as u32;
            }
            let first = code.instrs[info + 2..end].iter().find(|instr| instr.op != Op::Line);
            map.always_fails.push(
                first.is_some_and(|instr| instr.op == Op::Jump && code.args(instr)[0].as_label() == Some(function.info_label)),
            );
        }
        map.starts.push(map.order.len() as u32);
        for export in &beam.exports {
            map.entry(beam, export.label, export.arity, b"ExpT", "exports")?;
        }
        for lambda in &beam.lambdas {
            map.entry(beam, lambda.label, lambda.arity, b"FunT", "has a fun of")?;
        }
        Ok(map)
    }

    /// The labels of a function, in order: by slot.
    fn slots(&self, function: usize) -> &[u32] {
        &self.order[self.starts[function] as usize..self.starts[function + 1] as usize]
    }

    fn get(&self, label: u32) -> Option<&LabelInfo> {
        self.labels.get(label as usize).filter(|info| info.function != u32::MAX)
    }

    /// The function whose entry that label is.
    fn function(&self, beam: &BeamFile, label: u32) -> Option<usize> {
        let index = self.get(label)?.function as usize;
        (beam.code.functions[index].entry_label == label).then_some(index)
    }

    fn entry(&self, beam: &BeamFile, label: u32, arity: u32, chunk: &[u8; 4], verb: &str) -> Result<(), LoadError> {
        match self.function(beam, label) {
            Some(index) if beam.code.functions[index].arity == arity => Ok(()),
            _ => {
                let what = format!("{verb} label {label}, which is no entry of a function of arity {arity},");
                Err(LoadError { chunk: Some(*chunk), offset: 0, function: None, what })
            }
        }
    }
}

/// The error of an instruction: `what` follows its name.
fn error(beam: &BeamFile, function: Option<usize>, instr: &Instr, what: impl std::fmt::Display) -> LoadError {
    let function = function.and_then(|index| beam.code.functions.get(index));
    LoadError {
        chunk: Some(*b"Code"),
        offset: instr.offset as usize,
        function: function
            .map(|function| format!("{}:{}/{}", beam.atom(function.module), beam.atom(function.name), function.arity)),
        what: format!("is not valid: {} {what}", instr.op.name()),
    }
}
