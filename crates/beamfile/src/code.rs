//! The Code chunk decoded: instructions, their operands in one arena, labels, and the functions.

use std::ops::Range;

use isa::{Arg, Op, Release};

use crate::error::{Fault, LoadError};
use crate::reader::{Arena, Big, Reader};
use crate::tables::{Atoms, MAX_ARITY};

/// One generic instruction; its operands lie in the arena of its [`Code`].
#[derive(Clone, Copy, Debug)]
pub struct Instr {
    pub op: Op,
    /// First operand in the arena; there are `op.arity()` of them.
    pub args: u32,
    /// Where it stands in the Code chunk.
    pub offset: u32,
}

/// A function of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Atom indices.
    pub module: u32,
    pub name: u32,
    pub arity: u32,
    /// The label of its `func_info`, where control goes when no clause matches.
    pub info_label: u32,
    /// The label where a call enters.
    pub entry_label: u32,
    /// Its instructions, from the label before `func_info` up to the next function's.
    pub instrs: Range<u32>,
    /// Index of its `func_info`.
    pub info: u32,
}

/// The decoded instructions of a module.
#[derive(Debug)]
pub struct Code {
    pub instrs: Vec<Instr>,
    arena: Arena,
    /// Index of the instruction that defines each label; `u32::MAX` for none.
    labels: Vec<u32>,
    pub functions: Vec<Function>,
    /// Highest opcode number in the file, as its header says.
    pub opcode_max: u32,
}

const NONE: u32 = u32::MAX;
const CHUNK: &[u8; 4] = b"Code";

impl Code {
    pub(crate) fn parse(data: &[u8], atoms: &Atoms, release: Release) -> Result<Code, LoadError> {
        let mut r = Reader::new(data);
        let head = (|| {
            let size = r.u32()?;
            let rest = r.clone();
            let (version, opcode_max, labels, functions) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
            r = rest;
            r.bytes(size as usize)?;
            if size < 16 { Err(Fault::Text("has too short a header")) } else { Ok((version, opcode_max, labels, functions)) }
        })();
        let (version, opcode_max, labels, functions) = head.map_err(|fault| fault.at(CHUNK, r.pos))?;
        if version != 0 {
            return Err(Fault::Text("has an unknown version of the instruction set").at(CHUNK, 4));
        }
        if opcode_max > isa::highest(release) {
            let what = format!(
                "has instructions up to number {opcode_max}, but OTP {} knows only {} (compiled for a later release?)",
                release.0,
                isa::highest(release)
            );
            return Err(LoadError { chunk: Some(*CHUNK), offset: 8, function: None, what });
        }
        // Labels may be numbered with gaps, but not with any gaps: each costs memory here.
        if labels as usize > 1024 + 16 * data.len() {
            return Err(Fault::Count(labels.into()).at(CHUNK, 12));
        }
        let mut decoder = Decoder {
            code: Code {
                instrs: Vec::with_capacity(data.len() / 4),
                arena: Arena { args: Vec::with_capacity(data.len() / 2), ..Arena::default() },
                labels: vec![NONE; labels as usize],
                functions: Vec::with_capacity(
                    r.fits(functions.into(), 1).map_err(|fault| fault.at(CHUNK, 16))?.min(data.len() / 8),
                ),
                opcode_max,
            },
            release,
            last_label: None,
        };
        if let Err(fault) = decoder.run(&mut r) {
            return Err(decoder.explain(fault, &r, atoms));
        }
        let code = decoder.code;
        if code.functions.len() != functions as usize {
            let what = format!("announces {functions} functions but has {}", code.functions.len());
            return Err(LoadError { chunk: Some(*CHUNK), offset: 16, function: None, what });
        }
        Ok(code)
    }

    /// The operands of an instruction.
    #[inline]
    pub fn args(&self, instr: &Instr) -> &[Arg] {
        let start = instr.args as usize;
        &self.arena.args[start..start + instr.op.arity()]
    }

    /// The operands of a list.
    #[inline]
    pub fn list(&self, start: u32, len: u32) -> &[Arg] {
        &self.arena.args[start as usize..(start + len) as usize]
    }

    /// The items of an operand that is a list, else nothing.
    #[inline]
    pub fn items(&self, arg: Arg) -> &[Arg] {
        match arg {
            Arg::List { start, len } => self.list(start, len),
            _ => &[],
        }
    }

    /// The index of the instruction that defines the label.
    #[inline]
    pub fn label(&self, label: u32) -> Option<u32> {
        self.labels.get(label as usize).copied().filter(|&at| at != NONE)
    }

    /// One more than the highest label that the header allows.
    pub fn label_count(&self) -> u32 {
        self.labels.len() as u32
    }

    /// An integer beyond 64 bits.
    pub fn big(&self, index: u32) -> Option<&Big> {
        self.arena.bigs.get(index as usize)
    }

    /// All operands that are integers from 2^58 on, or down to its negative, whatever they are operands of.
    pub fn wide(&self) -> &[Arg] {
        &self.arena.wide
    }

    /// The type hint of the register at that place of the arena (`instr.args + i`, or a list's `start + i`).
    pub fn type_of(&self, place: u32) -> Option<u32> {
        let types = &self.arena.types;
        types.binary_search_by_key(&place, |&(at, _)| at).ok().map(|i| types[i].1)
    }

    /// Place and type index of each typed register, in the order of places.
    pub fn types(&self) -> &[(u32, u32)] {
        &self.arena.types
    }

    /// The function that an instruction belongs to.
    pub fn function_at(&self, instr: u32) -> Option<&Function> {
        let i = self.functions.partition_point(|function| function.instrs.end <= instr);
        self.functions.get(i).filter(|function| function.instrs.contains(&instr))
    }

    /// Number of operands, those of lists included.
    pub fn operand_count(&self) -> usize {
        self.arena.args.len()
    }
}

struct Decoder {
    code: Code,
    release: Release,
    /// Label and index of the last `label` instruction.
    last_label: Option<(u32, u32)>,
}

impl Decoder {
    fn run(&mut self, r: &mut Reader<'_>) -> Result<(), Fault> {
        loop {
            let offset = r.pos;
            let number = r.u8()?;
            let Some(op) = Op::from_number(number.into()) else {
                return Err(Fault::UnknownOp(number.into()));
            };
            if !op.accepted_by(self.release) {
                return Err(Fault::ObsoleteOp(op, self.release.0));
            }
            let arena = &mut self.code.arena;
            let start = arena.args.len();
            let index = self.code.instrs.len() as u32;
            self.code.instrs.push(Instr { op, args: start as u32, offset: offset as u32 });
            arena.args.resize(start + op.arity(), Arg::Nil);
            for i in start..start + op.arity() {
                arena.read(r, i)?;
            }
            match op {
                Op::Label => self.label(start, index)?,
                Op::FuncInfo => self.function(start, index)?,
                Op::IntCodeEnd => {
                    self.close(index);
                    // An operand that is a list may have its typed items noted before a later operand of the same instruction.
                    if !self.code.arena.types.is_sorted() {
                        self.code.arena.types.sort_unstable();
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn label(&mut self, start: usize, index: u32) -> Result<(), Fault> {
        let Arg::U(label) = self.code.arena.args[start] else {
            return Err(Fault::Text("has a label that is no number"));
        };
        let Some(place) = self.code.labels.get_mut(label as usize).filter(|_| label != 0) else {
            return Err(Fault::Text("has a label beyond the number that its header announces"));
        };
        if *place != NONE {
            return Err(Fault::Text("defines a label twice"));
        }
        *place = index;
        if let Some(function) = self.code.functions.last_mut()
            && function.entry_label == 0
        {
            function.entry_label = label as u32;
        }
        self.last_label = Some((label as u32, index));
        Ok(())
    }

    fn function(&mut self, start: usize, index: u32) -> Result<(), Fault> {
        let [Arg::Atom(module), Arg::Atom(name), Arg::U(arity)] = self.code.arena.args[start..start + 3] else {
            return Err(Fault::Text("has a func_info with wrong operands"));
        };
        if arity > MAX_ARITY.into() {
            return Err(Fault::Text("has a function of arity above 255"));
        }
        let Some((info_label, at)) = self.last_label else {
            return Err(Fault::Text("has a func_info without a label before it"));
        };
        self.close(at);
        self.code.functions.push(Function {
            module,
            name,
            arity: arity as u32,
            info_label,
            entry_label: 0,
            instrs: at..NONE,
            info: index,
        });
        Ok(())
    }

    /// Ends the last function before that instruction.
    fn close(&mut self, end: u32) {
        if let Some(function) = self.code.functions.last_mut() {
            function.instrs.end = end;
        }
    }

    /// Names the place of a fault: only now, since a good file never asks.
    fn explain(&self, fault: Fault, r: &Reader<'_>, atoms: &Atoms) -> LoadError {
        let op = self.code.instrs.last().map_or("the header", |instr| instr.op.name());
        let what = match fault {
            Fault::Ended => format!("ends inside {op} (file is cut short?)"),
            Fault::UnknownOp(_) | Fault::ObsoleteOp(..) => fault.to_string(),
            _ => format!("{fault}, in {op}"),
        };
        let function =
            self.code.functions.last().map(|function| format!("{}/{}", atoms.get(function.name).unwrap_or("?"), function.arity));
        LoadError { chunk: Some(*CHUNK), offset: r.pos, function, what }
    }
}
