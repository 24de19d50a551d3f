//! An instruction's text, in assembly style, and the manual that is made from the table.

use std::fmt::{Result, Write};

use crate::{Arg, Kind, Op};

/// Who knows the names behind the indices of one module. The defaults print the bare index.
pub trait Names {
    /// The operands of a list.
    fn list(&self, start: u32, len: u32) -> &[Arg];
    fn atom(&self, out: &mut dyn Write, index: u32) -> Result {
        write!(out, "atom#{index}")
    }
    fn import(&self, out: &mut dyn Write, index: u64) -> Result {
        write!(out, "import#{index}")
    }
    fn fun(&self, out: &mut dyn Write, index: u64) -> Result {
        write!(out, "fun#{index}")
    }
    fn literal(&self, out: &mut dyn Write, index: u32) -> Result {
        write!(out, "literal#{index}")
    }
    fn big(&self, out: &mut dyn Write, index: u32) -> Result {
        write!(out, "big#{index}")
    }
    fn line(&self, out: &mut dyn Write, index: u64) -> Result {
        write!(out, "line#{index}")
    }
    /// Called for a label that is jumped to; a listing may add the name of a called function.
    fn label(&self, out: &mut dyn Write, label: u32) -> Result {
        write!(out, "f{label}")
    }
}

/// Writes one instruction, without indentation or line end.
pub fn write_instr(out: &mut dyn Write, op: Op, args: &[Arg], names: &dyn Names) -> Result {
    out.write_str(op.name())?;
    for (i, &arg) in args.iter().enumerate() {
        out.write_str(if i == 0 { " " } else { ", " })?;
        let kind = op.operands().get(i).map_or(Kind::Any, |&(_, kind)| kind);
        write_arg(out, kind, arg, names)?;
    }
    Ok(())
}

/// Writes one operand of that kind.
pub fn write_arg(out: &mut dyn Write, kind: Kind, arg: Arg, names: &dyn Names) -> Result {
    match (kind, arg) {
        (Kind::Import, Arg::U(n)) => names.import(out, n),
        (Kind::Fun | Kind::FunTag, Arg::U(n)) => names.fun(out, n),
        (Kind::Line, Arg::U(n)) => names.line(out, n),
        (_, Arg::U(n)) => write!(out, "{n}"),
        (_, Arg::Int(n)) => write!(out, "#{n}"),
        (_, Arg::BigInt(n)) => names.big(out, n),
        (_, Arg::Atom(n)) => names.atom(out, n),
        (_, Arg::Nil) => out.write_str("[]"),
        (_, Arg::X(n)) => write!(out, "x{n}"),
        (_, Arg::Y(n)) => write!(out, "y{n}"),
        (_, Arg::FloatReg(n)) => write!(out, "fr{n}"),
        (_, Arg::Label(0)) => out.write_str("-"),
        (_, Arg::Label(n)) => names.label(out, n),
        (_, Arg::Literal(n)) => names.literal(out, n),
        (_, Arg::Char(n)) => write!(out, "${n}"),
        (_, Arg::Alloc { words, floats, funs }) => write!(out, "{{words {words}, floats {floats}, funs {funs}}}"),
        (_, Arg::List { start, len }) => {
            out.write_char('[')?;
            for (i, &item) in names.list(start, len).iter().enumerate() {
                if i > 0 {
                    out.write_str(", ")?;
                }
                // Lists do not nest, so this goes one step down at most.
                write_arg(out, Kind::Any, item, names)?;
            }
            out.write_char(']')
        }
    }
}

/// The table as text: one line for each instruction that a supported loader accepts.
pub fn manual() -> String {
    let mut out = String::from("opcode  instruction  operands  (releases)\n");
    for (i, row) in crate::ROWS.iter().enumerate().filter(|(_, row)| row.since != 255) {
        let operands: Vec<String> = row.operands.iter().map(|(role, kind)| format!("{role}:{kind:?}")).collect();
        let since = if row.since == 0 { String::new() } else { format!("  (from {})", row.since) };
        let until = if row.until == 254 { String::new() } else { format!("  (until {})", row.until) };
        let _ = writeln!(out, "{:>3}  {}  {}{since}{until}", i + 1, row.name, operands.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Release;

    struct Bare;
    impl Names for Bare {
        fn list(&self, _: u32, _: u32) -> &[Arg] {
            &[Arg::Nil, Arg::X(3)]
        }
    }

    #[test]
    fn text_of_instructions() {
        let mut out = String::new();
        write_instr(&mut out, Op::CallExt, &[Arg::U(2), Arg::U(7)], &Bare).unwrap();
        out.push('\n');
        write_instr(&mut out, Op::PutTuple2, &[Arg::Y(0), Arg::List { start: 0, len: 2 }], &Bare).unwrap();
        assert_eq!(out, "call_ext 2, import#7\nput_tuple2 y0, [[], x3]");
    }

    #[test]
    fn lives_follow_the_releases() {
        let live = |release| crate::ALL.iter().filter(|op| op.accepted_by(release)).count();
        // Counts of the rows marked live in each release.
        assert_eq!([live(Release(25)), live(Release(27)), live(Release(29))], [LIVE.0, LIVE.1, LIVE.2]);
        assert_eq!(Op::from_number(64), Some(Op::Move));
        assert_eq!((Op::from_number(0), Op::from_number(192)), (None, None));
        assert_eq!((Op::BsMatch.number(), Op::BsMatch.arity(), Op::BsMatch.name()), (182, 3, "bs_match"));
        assert!(manual().contains("182  bs_match  fail:Label ctx:Reg commands:List  (from 26)"));
    }
    const LIVE: (usize, usize, usize) = (144, 139, 132);
}
