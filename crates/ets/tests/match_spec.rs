//! Match specifications against what a real Erlang answered: `tests/data/match_spec_*.etf`, written by `match_spec_record.erl`.

use ets::matchspec::compile::errors_term;
use ets::matchspec::{Dialect, Machine, MatchSpec, NoHooks};
use term::fun::{Export, FunEntry};
use term::{Alloc, Term, am, atom, cmp, print};

struct Nothing;

impl etf::Resolver for Nothing {
    fn export(&self, _: Term, _: Term, _: u8, _: bool) -> Option<&'static Export> {
        None
    }
    fn fun(&self, _: &etf::FunKey) -> Option<&'static FunEntry> {
        None
    }
}

fn answer(subject: Term, spec: Term, dialect: Term, release: u32, a: &mut Alloc) -> Term {
    let badarg = |a: &mut Alloc| a.error(am::BADARG);
    let dialect = match dialect {
        d if d == atom!("table") => Dialect::Table,
        am::TRACE if subject.list_length().is_some() => Dialect::Trace,
        _ => return badarg(a),
    };
    let spec = match MatchSpec::compile(spec, dialect, release) {
        Ok(s) => s,
        Err(e) => {
            let list = errors_term(&e, a);
            return a.error(list);
        }
    };
    let mut hooks = NoHooks;
    let mut m = Machine::new(&mut hooks);
    let (result, flags) = match dialect {
        Dialect::Table => (spec.run(&mut m, subject, a).unwrap_or(am::FALSE), Term::NIL),
        Dialect::Trace => match spec.run_trace(&mut m, subject, a) {
            None => (am::FALSE, Term::NIL),
            Some(t) => {
                let flags: Vec<Term> = [(t.return_trace, "return_trace"), (t.exception_trace, "exception_trace")]
                    .into_iter()
                    .filter(|f| f.0)
                    .map(|f| term::atom::intern(f.1))
                    .collect();
                (t.message, a.list(&flags))
            }
        },
    };
    a.tuple(&[am::OK, result, flags, Term::NIL])
}

#[test]
fn answers_are_those_recorded() {
    compare(include_bytes!("data/match_spec_25.etf"), 25);
    compare(include_bytes!("data/match_spec_27.etf"), 27);
    compare(include_bytes!("data/match_spec_29.etf"), 29);
}

fn compare(recorded: &[u8], release: u32) {
    let a = &mut Alloc::new();
    let env = etf::DecodeEnv::new(etf::NodeId { name: am::NONODE, creation: 0 }, &Nothing);
    let (cases, _) = etf::decode(recorded, a, &env).expect("whole");
    let mut wrong = Vec::new();
    let cases = cases.proper_list().expect("a list");
    for c in &cases {
        let [subject, spec, dialect, expected] = c.as_tuple_n().expect("four parts");
        let got = answer(*subject, *spec, *dialect, release, a);
        if !cmp::eq_exact(got, *expected) {
            let text = |t: Term| print::text(t).chars().take(300).collect::<String>();
            wrong.push(format!("{} on {} ({}):\n  expected {}\n       got {}", text(*spec), text(*subject), text(*dialect), text(*expected), text(got)));
        }
    }
    assert!(wrong.is_empty(), "{release}: {} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
