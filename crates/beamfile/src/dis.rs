//! A module's listing: functions, labels and instructions with the names of what they use.

use std::fmt::{self, Write};

use isa::{Arg, Kind, Names, Op};

use crate::BeamFile;

/// Prints a literal, given its external term; says whether it did.
pub type PrintLiteral<'a> = &'a dyn Fn(&mut dyn Write, &[u8]) -> fmt::Result;

/// The listing of a module, for `Display`.
pub struct Listing<'a> {
    beam: &'a BeamFile<'a>,
    literal: Option<PrintLiteral<'a>>,
}

/// The listing as text, literals as their index.
pub fn dis(beam: &BeamFile) -> String {
    Listing::new(beam).to_string()
}

impl<'a> Listing<'a> {
    pub fn new(beam: &'a BeamFile<'a>) -> Listing<'a> {
        Listing { beam, literal: None }
    }

    /// Literals are printed by that function.
    pub fn with_literals(self, print: PrintLiteral<'a>) -> Listing<'a> {
        Listing { literal: Some(print), ..self }
    }

    fn function(&self, out: &mut dyn Write, name: u32, arity: u64) -> fmt::Result {
        self.atom(out, name)?;
        write!(out, "/{arity}")
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beam = self.beam;
        let code = &beam.code;
        f.write_str("module ")?;
        self.atom(f, 1)?;
        writeln!(
            f,
            "  ({} functions, {} literals, {} atoms, {} imports)",
            code.functions.len(),
            beam.literals.len(),
            beam.atoms.len(),
            beam.imports.len()
        )?;
        let mut starts = code.functions.iter().peekable();
        for (i, instr) in code.instrs.iter().enumerate() {
            if let Some(function) = starts.next_if(|function| function.instrs.start as usize == i) {
                f.write_str("\nfunction ")?;
                self.function(f, function.name, function.arity.into())?;
                if beam.exports.iter().any(|export| export.label == function.entry_label) {
                    f.write_str("  (exported)")?;
                }
                writeln!(f)?;
            }
            let args = code.args(instr);
            if let (Op::Label, [Arg::U(label)]) = (instr.op, args) {
                writeln!(f, " f{label}:")?;
                continue;
            }
            f.write_str("    ")?;
            isa::write_instr(f, instr.op, args, self)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Names for Listing<'_> {
    fn list(&self, start: u32, len: u32) -> &[Arg] {
        self.beam.code.list(start, len)
    }

    fn atom(&self, out: &mut dyn Write, index: u32) -> fmt::Result {
        let text = self.beam.atom(index);
        let mut chars = text.chars();
        if chars.next().is_some_and(|c| c.is_ascii_lowercase())
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '@')
        {
            out.write_str(text)
        } else {
            write!(out, "'{}'", text.escape_debug())
        }
    }

    fn import(&self, out: &mut dyn Write, index: u64) -> fmt::Result {
        match usize::try_from(index).ok().and_then(|i| self.beam.imports.get(i)) {
            Some(import) => {
                self.atom(out, import.module)?;
                out.write_char(':')?;
                self.function(out, import.function, import.arity.into())
            }
            None => write!(out, "import#{index}"),
        }
    }

    fn fun(&self, out: &mut dyn Write, index: u64) -> fmt::Result {
        match usize::try_from(index).ok().and_then(|i| self.beam.lambdas.get(i)) {
            Some(lambda) => {
                out.write_str("fun ")?;
                self.function(out, lambda.function, lambda.arity.into())
            }
            None => write!(out, "fun#{index}"),
        }
    }

    fn literal(&self, out: &mut dyn Write, index: u32) -> fmt::Result {
        match (self.literal, self.beam.literals.get(index)) {
            (Some(print), Some(bytes)) => print(out, bytes),
            _ => write!(out, "literal#{index}"),
        }
    }

    fn big(&self, out: &mut dyn Write, index: u32) -> fmt::Result {
        let Some(big) = self.beam.code.big(index) else {
            return write!(out, "big#{index}");
        };
        out.write_str(if big.negative { "#-16#" } else { "#16#" })?;
        for (i, byte) in big.magnitude.iter().enumerate() {
            if i == 0 { write!(out, "{byte:X}")? } else { write!(out, "{byte:02X}")? }
        }
        Ok(())
    }

    fn line(&self, out: &mut dyn Write, index: u64) -> fmt::Result {
        match u32::try_from(index).ok().and_then(|i| self.beam.location(i)) {
            Some((Some(file), line)) => write!(out, "{}:{line}", file.escape_debug()),
            Some((None, line)) => write!(out, "{line}"),
            None => write!(out, "none"),
        }
    }

    fn label(&self, out: &mut dyn Write, label: u32) -> fmt::Result {
        write!(out, "f{label}")?;
        // A call's target reads better with its name.
        let at = self.beam.code.label(label).and_then(|at| self.beam.code.function_at(at));
        match at.filter(|function| function.entry_label == label) {
            Some(function) => {
                out.write_str(" (")?;
                self.function(out, function.name, function.arity.into())?;
                out.write_char(')')
            }
            None => Ok(()),
        }
    }
}

/// The text of a kind's operand, for messages.
pub(crate) fn operand(beam: &BeamFile, kind: Kind, arg: Arg) -> String {
    let mut out = String::new();
    let _ = isa::write_arg(&mut out, kind, arg, &Listing::new(beam));
    out
}
