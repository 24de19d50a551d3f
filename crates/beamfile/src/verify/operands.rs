//! First half of the verifier: each instruction for itself. Kinds of operands, indices, shapes of lists.

use isa::{Arg, Kind, Op};

use super::{Check, Extent, Fail, MAX_X, MAX_Y, Map, error, fail};
use crate::{BeamFile, LoadError, MAX_ARITY};

pub(super) struct Operands<'a> {
    beam: &'a BeamFile<'a>,
    map: &'a Map,
    function: u32,
    extent: Extent,
}

/// Bounds on what one instruction may reserve: generous for any compiler, harmless for the machine.
const MAX_HEAP: u32 = 1 << 24;
const MAX_INDEX: u64 = 1 << 24;

impl<'a> Operands<'a> {
    pub fn new(beam: &'a BeamFile<'a>, map: &'a Map) -> Operands<'a> {
        Operands { beam, map, function: 0, extent: Extent::default() }
    }

    /// Checks one function's instructions; tells the registers that it uses.
    pub fn check(&mut self, index: usize) -> Result<Extent, LoadError> {
        let (beam, code) = (self.beam, &self.beam.code);
        let function = &code.functions[index];
        self.function = index as u32;
        self.extent = Extent { x: (function.arity as u16).max(4), y: 0 };
        for instr in &code.instrs[function.instrs.start as usize..function.instrs.end as usize] {
            let args = code.args(instr);
            let kinds = instr.op.operands();
            let mut check = Ok(());
            for (i, (arg, &(_, kind))) in args.iter().zip(kinds).enumerate() {
                // Registers are most of all operands.
                let known = match *arg {
                    _ if !matches!(kind, Kind::Src | Kind::Reg | Kind::Dst | Kind::FloatSrc | Kind::FloatDst) => false,
                    Arg::X(n) if n <= MAX_X => {
                        self.extent.x = self.extent.x.max(n);
                        true
                    }
                    Arg::Y(n) if n <= MAX_Y => {
                        self.extent.y = self.extent.y.max(n);
                        true
                    }
                    _ => false,
                };
                if !known && let Err(fail) = self.operand(kind, *arg) {
                    check = Err(if fail.is_bare() {
                        fail!("has a wrong operand ({}: {})", kinds[i].0, crate::dis::operand(beam, kind, *arg))
                    } else {
                        fail
                    });
                    break;
                }
            }
            check.and_then(|()| self.instruction(instr.op, args)).map_err(|what| error(beam, Some(index), instr, what))?;
        }
        Ok(self.extent)
    }

    /// A bare failure means just: not of that kind.
    #[inline]
    fn operand(&mut self, kind: Kind, arg: Arg) -> Check {
        let good = match kind {
            Kind::U | Kind::LabelDef => matches!(arg, Arg::U(n) if n < MAX_INDEX),
            Kind::Src | Kind::SizeOrSrc => return self.source(kind, arg),
            Kind::Reg | Kind::Dst => return self.register(arg),
            Kind::YReg => return if matches!(arg, Arg::Y(_)) { self.register(arg) } else { Err(Fail::default()) },
            Kind::Label => return self.label(arg),
            Kind::Fail => return if arg == Arg::Label(0) { Ok(()) } else { self.label(arg) },
            Kind::LabelOrAtom => match arg {
                Arg::Atom(atom) => matches!(self.beam.atom(atom), "no_fail" | "resume"),
                _ => return self.label(arg),
            },
            Kind::Entry => arg.as_label().is_some_and(|label| self.map.function(self.beam, label).is_some()),
            Kind::Atom => matches!(arg, Arg::Atom(n) if n as usize <= self.beam.atoms.len()),
            Kind::Live => matches!(arg, Arg::U(n) if n <= MAX_X.into()),
            Kind::Alloc => match arg {
                Arg::U(n) => n <= MAX_HEAP.into(),
                Arg::Alloc { words, floats, funs } => words <= MAX_HEAP && floats <= MAX_HEAP / 8 && funs <= MAX_HEAP / 8,
                _ => false,
            },
            Kind::Import => matches!(arg, Arg::U(n) if n < self.beam.imports.len() as u64),
            Kind::Fun => matches!(arg, Arg::U(n) if n < self.beam.lambdas.len() as u64),
            Kind::FunTag => match arg {
                Arg::U(n) => n < self.beam.lambdas.len() as u64,
                Arg::Atom(atom) => matches!(self.beam.atom(atom), "safe" | "unsafe"),
                _ => false,
            },
            // A file without a line table just has no locations.
            Kind::Line => matches!(arg, Arg::U(n) if self.beam.lines.is_empty() || n < self.beam.lines.len() as u64),
            Kind::Flags => matches!(arg, Arg::U(n) if n < 256),
            Kind::FloatReg => matches!(arg, Arg::FloatReg(n) if n <= MAX_X),
            Kind::FloatSrc | Kind::FloatDst if matches!(arg, Arg::FloatReg(_)) => matches!(arg, Arg::FloatReg(n) if n <= MAX_X),
            Kind::FloatSrc => return self.source(Kind::Src, arg),
            Kind::FloatDst => return self.register(arg),
            Kind::List => matches!(arg, Arg::List { .. }),
            Kind::Any => true,
        };
        if good { Ok(()) } else { Err(Fail::default()) }
    }

    #[inline]
    fn register(&mut self, arg: Arg) -> Check {
        match arg {
            Arg::X(n) if n <= MAX_X => {
                self.extent.x = self.extent.x.max(n);
                Ok(())
            }
            Arg::Y(n) if n <= MAX_Y => {
                self.extent.y = self.extent.y.max(n);
                Ok(())
            }
            Arg::X(n) | Arg::Y(n) => Err(fail!("names register {n}, the last is {MAX_X}")),
            _ => Err(Fail::default()),
        }
    }

    #[inline]
    fn source(&mut self, kind: Kind, arg: Arg) -> Check {
        let good = match arg {
            Arg::X(_) | Arg::Y(_) => return self.register(arg),
            Arg::Int(_) | Arg::BigInt(_) | Arg::Nil => true,
            Arg::Atom(n) => n as usize <= self.beam.atoms.len(),
            Arg::Literal(n) => (n as usize) < self.beam.literals.len(),
            Arg::U(n) => kind == Kind::SizeOrSrc && n <= u32::MAX.into(),
            _ => false,
        };
        if good { Ok(()) } else { Err(Fail::default()) }
    }

    #[inline]
    fn label(&self, arg: Arg) -> Check {
        let Some(label) = arg.as_label() else {
            return Err(Fail::default());
        };
        match self.map.get(label) {
            Some(info) if info.function == self.function => Ok(()),
            Some(_) => Err(fail!("goes to label {label} of another function")),
            None => Err(fail!("goes to label {label}, which is not defined")),
        }
    }

    /// What a row of the table cannot say.
    fn instruction(&mut self, op: Op, args: &[Arg]) -> Check {
        let beam = self.beam;
        let number = |i: usize| args[i].as_u().unwrap_or(u64::MAX);
        let import_arity = |i: usize| beam.imports[number(i) as usize].arity;
        match op {
            Op::Call | Op::CallLast | Op::CallOnly => {
                let target = args[1].as_label().and_then(|label| self.map.function(beam, label));
                if target.is_none_or(|target| u64::from(beam.code.functions[target].arity) != number(0)) {
                    return Err(fail!("passes {} arguments to a function of another arity", number(0)));
                }
            }
            Op::CallExt | Op::CallExtLast | Op::CallExtOnly if u64::from(import_arity(1)) != number(0) => {
                return Err(fail!("passes {} arguments to a function of arity {}", number(0), import_arity(1)));
            }
            Op::CallFun | Op::Apply | Op::ApplyLast if number(0) > MAX_ARITY.into() => {
                return Err("passes more than 255 arguments".into());
            }
            Op::CallFun2 if number(1) > MAX_ARITY.into() => return Err("passes more than 255 arguments".into()),
            Op::Bif0 if import_arity(0) != 0 => return Err("calls a function of another arity".into()),
            Op::Bif1 if import_arity(1) != 1 => return Err("calls a function of another arity".into()),
            Op::Bif2 if import_arity(1) != 2 => return Err("calls a function of another arity".into()),
            Op::Bif3 if import_arity(1) != 3 => return Err("calls a function of another arity".into()),
            Op::GcBif1 if import_arity(2) != 1 => return Err("calls a function of another arity".into()),
            Op::GcBif2 if import_arity(2) != 2 => return Err("calls a function of another arity".into()),
            Op::GcBif3 if import_arity(2) != 3 => return Err("calls a function of another arity".into()),
            Op::Allocate | Op::AllocateHeap | Op::AllocateZero | Op::AllocateHeapZero => {
                if number(0) > u64::from(MAX_Y) {
                    return Err(fail!("asks for a frame of {}, the largest is {MAX_Y}", number(0)));
                }
                self.extent.y = self.extent.y.max(number(0) as u16);
            }
            Op::SelectVal | Op::SelectTupleArity => return self.choices(op, beam.code.items(args[2])),
            // Any number: what no bit string is as long as just fails.
            Op::BsTestTail2 if args[2].as_u().is_none() => return Err("has a wrong operand (bits)".into()),
            Op::InitYregs => return beam.code.items(args[0]).iter().try_for_each(|&arg| self.item(Kind::YReg, arg)),
            Op::PutTuple2 | Op::MakeFun3 | Op::HasMapFields => {
                let items = args.last().map_or(&[][..], |&list| beam.code.items(list));
                if op == Op::MakeFun3 && items.len() as u64 != u64::from(beam.lambdas[number(0) as usize].free) {
                    return Err("has another number of free variables than its fun".into());
                }
                return items.iter().try_for_each(|&arg| self.item(Kind::Src, arg));
            }
            Op::PutMapAssoc | Op::PutMapExact | Op::PutRecord => {
                let list = beam.code.items(args[args.len() - 1]);
                if !list.len().is_multiple_of(2) {
                    return Err("has a key without a value".into());
                }
                return list.iter().try_for_each(|&arg| self.item(Kind::Src, arg));
            }
            Op::UpdateRecord => {
                for pair in beam.code.items(args[4]).chunks(2) {
                    let &[place, value] = pair else {
                        return Err("has a place without a value".into());
                    };
                    if !natural(place).is_some_and(|place| (1..=number(1)).contains(&place)) {
                        return Err("has a place outside the tuple".into());
                    }
                    self.item(Kind::Src, value)?;
                }
            }
            Op::GetMapElements | Op::GetRecordElements => {
                for pair in beam.code.items(args[2]).chunks(2) {
                    let &[key, dst] = pair else {
                        return Err("has a key without a destination".into());
                    };
                    self.item(Kind::Src, key)?;
                    self.item(Kind::Dst, dst)?;
                }
            }
            Op::BsMatchString => return self.string(number(3), number(2).div_ceil(8)),
            Op::BsPutString => return self.string(number(1), number(0)),
            Op::BsCreateBin => return self.segments(beam.code.items(args[5])),
            Op::BsMatch => return self.commands(beam.code.items(args[2])),
            Op::CatchEnd | Op::TryCase | Op::Catch | Op::Try => {
                if let (Op::Catch | Op::Try, Some(label)) = (op, args.get(1).and_then(|arg| arg.as_label())) {
                    let at = self.map.labels[label as usize].at;
                    if at != (if op == Op::Try { super::At::TryCase } else { super::At::CatchEnd }) {
                        return Err("names a handler that does not begin like one".into());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An operand inside a list.
    fn item(&mut self, kind: Kind, arg: Arg) -> Check {
        self.operand(kind, arg).map_err(|fail| {
            if fail.is_bare() {
                fail!("has a wrong operand in its list ({})", crate::dis::operand(self.beam, kind, arg))
            } else {
                fail
            }
        })
    }

    fn choices(&mut self, op: Op, items: &[Arg]) -> Check {
        for pair in items.chunks(2) {
            let &[value, label] = pair else {
                return Err("has a choice without a label".into());
            };
            match value {
                _ if op == Op::SelectTupleArity => {
                    if natural(value).is_none_or(|arity| arity >= MAX_INDEX) {
                        return Err("has a choice that is no tuple size".into());
                    }
                }
                Arg::Atom(_) | Arg::Int(_) | Arg::BigInt(_) | Arg::Literal(_) => self.item(Kind::Src, value)?,
                _ => return Err("has a choice that is no atom and no number".into()),
            }
            self.label(label).map_err(|fail| if fail.is_bare() { "has a choice without a label".into() } else { fail })?;
        }
        Ok(())
    }

    fn string(&self, offset: u64, len: u64) -> Check {
        let have = self.beam.strings().len() as u64;
        if offset.checked_add(len).is_none_or(|end| end > have) {
            return Err(fail!("takes {len} bytes at {offset} of a string table of {have}"));
        }
        Ok(())
    }

    fn segments(&mut self, items: &[Arg]) -> Check {
        for segment in items.chunks(6) {
            let &[kind, _, unit, flags, value, size] = segment else {
                return Err("has a broken list of segments".into());
            };
            let Arg::Atom(kind) = kind else {
                return Err("has a segment without a type".into());
            };
            if natural(unit).is_none_or(|unit| unit > 256) || !matches!(flags, Arg::Nil | Arg::Literal(_)) {
                return Err("has a segment with a wrong unit or wrong flags".into());
            }
            self.item(Kind::Src, flags)?;
            match self.beam.atom(kind) {
                "string" => match (natural(value), natural(size)) {
                    (Some(offset), Some(len)) => self.string(offset, len)?,
                    _ => return Err("has a string segment without a place".into()),
                },
                "append" | "private_append" | "binary" | "integer" | "float" | "utf8" | "utf16" | "utf32" => {
                    self.item(Kind::Src, value)?;
                    self.item(Kind::SizeOrSrc, size)?;
                }
                other => return Err(fail!("has a segment of the unknown type {other}")),
            }
        }
        Ok(())
    }

    fn commands(&mut self, items: &[Arg]) -> Check {
        let mut rest = items;
        while let [name, tail @ ..] = rest {
            let Some((command, used)) = Command::read(self.beam, *name, tail) else {
                return Err("has an unknown or broken match command".into());
            };
            rest = &tail[used..];
            match command {
                Command::Ensure(_) | Command::Skip(_) | Command::Equal(_) => {}
                Command::Get { live, flags, dst, .. } => {
                    self.item(Kind::Live, live)?;
                    self.item(Kind::Dst, dst)?;
                    if let Some(flags) = flags {
                        if !matches!(flags, Arg::Nil | Arg::Literal(_)) {
                            return Err("has a match command with wrong flags".into());
                        }
                        self.item(Kind::Src, flags)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A command of `bs_match`, as far as registers are concerned.
pub(super) enum Command {
    /// So many bits are there.
    Ensure(u64),
    Skip(u64),
    Equal(u64),
    /// `bits`: none for the tail, which takes what there is.
    Get { live: Arg, flags: Option<Arg>, bits: Option<u64>, builds: bool, dst: Arg },
}

/// Integers of up to so many bits are small ones, for which nothing is built.
const SMALL_BITS: u64 = 56;

impl Command {
    /// Reads the command of that name; tells how many of the operands behind the name are its own.
    pub fn read(beam: &BeamFile, name: Arg, tail: &[Arg]) -> Option<(Command, usize)> {
        let Arg::Atom(name) = name else { return None };
        let size = |arg: Arg| natural(arg).is_some_and(|n| n < 1 << 40);
        Some(match (beam.atom(name), tail) {
            ("ensure_at_least", &[stride, unit, ..])
                if size(stride) && natural(unit).is_some_and(|unit| (1..=256).contains(&unit)) =>
            {
                (Command::Ensure(natural(stride)?), 2)
            }
            ("ensure_exactly", &[stride, ..]) if size(stride) => (Command::Ensure(natural(stride)?), 1),
            ("skip", &[stride, ..]) if size(stride) => (Command::Skip(natural(stride)?), 1),
            ("=:=", &[Arg::Nil, bits, value, ..]) if natural(bits).is_some_and(|bits| bits <= 64) && natural(value).is_some() => {
                (Command::Equal(natural(bits)?), 3)
            }
            ("get_tail", &[live, unit, dst, ..]) if size(unit) => (Command::Get { live, flags: None, bits: None, builds: true, dst }, 3),
            (what @ ("integer" | "binary"), &[live, flags, bits, unit, dst, ..])
                if size(bits) && natural(unit).is_some_and(|unit| unit <= 256) =>
            {
                let bits = natural(bits)? * natural(unit)?;
                (Command::Get { live, flags: Some(flags), bits: Some(bits), builds: what == "binary" || bits > SMALL_BITS, dst }, 5)
            }
            _ => return None,
        })
    }
}

/// A number that may be written as `u` or as `i`.
pub(super) fn natural(arg: Arg) -> Option<u64> {
    match arg {
        Arg::U(n) => Some(n),
        Arg::Int(n) => u64::try_from(n).ok(),
        _ => None,
    }
}
