//! From the term of a match specification to clauses. All errors of the first clause that has any are collected, in words
//! that OTP's programs show to people.

use super::functions::{Action, ActionArgs, action, function};
use super::{Clause, Expr, MatchSpec, Pat};
use term::copy::LiteralRange;
use term::print::text;
use term::{Alloc, Term, am, atom};

/// What a specification is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Table,
    /// Argument lists of calls.
    Trace,
}

/// The errors' texts.
pub type Errors = Vec<String>;

/// Deeper patterns and expressions (not constants) are refused: they would be walked on the native stack.
const DEPTH: usize = 1000;

/// The error of a specification beyond that; to programs it is a `system_limit`.
pub const TOO_DEEP: &str = "Match expression is nested too deeply.";

/// What a pattern without a specification gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gives {
    /// `ets:match_object`: the object.
    Object,
    /// `ets:match`: the list of variables.
    Variables,
    /// `ets:match_delete`.
    True,
}

impl MatchSpec {
    /// Compiles `[{Head, Guards, Body}]` with the functions that a release of OTP offers.
    pub fn compile(spec: Term, dialect: Dialect, release: u32) -> Result<MatchSpec, Errors> {
        let (spec, constants) = term::copy::copy_out(spec, LiteralRange::NONE);
        let Some(list) = spec.proper_list().filter(|l| !l.is_empty()) else {
            return Err(vec!["Match programs are not in a list.".into()]);
        };
        let mut clauses = Vec::with_capacity(list.len());
        for part in &list {
            let Some([head, guards, body]) = part.as_tuple_n() else {
                return Err(vec!["Match program part is not a tuple of arity 3.".into()]);
            };
            clauses.push(clause(*head, *guards, *body, dialect, release)?);
        }
        Ok(MatchSpec { clauses: clauses.into(), dialect, _constants: constants })
    }
    /// The specification of a single pattern over tables.
    pub fn pattern(pattern: Term, gives: Gives) -> Result<MatchSpec, Errors> {
        let (pattern, constants) = term::copy::copy_out(pattern, LiteralRange::NONE);
        let mut c = Compiler { vars: Vec::new(), seen: Vec::new(), errors: Vec::new(), dialect: Dialect::Table, release: 0 };
        c.collect(pattern);
        let head = c.head(pattern);
        if !c.errors.is_empty() {
            return Err(c.errors);
        }
        let result = match gives {
            Gives::Object => Expr::Whole,
            Gives::Variables => Expr::All,
            Gives::True => Expr::Const(am::TRUE),
        };
        let clause = Clause { head, guards: [].into(), body: [result].into(), vars: c.vars.len() as u32 };
        Ok(MatchSpec { clauses: [clause].into(), dialect: Dialect::Table, _constants: constants })
    }
}

struct Compiler {
    /// Numbers of the head's variables, sorted: their places.
    vars: Vec<u32>,
    /// Places already bound while the head is compiled.
    seen: Vec<bool>,
    errors: Errors,
    dialect: Dialect,
    release: u32,
}

/// The number of a variable (`'$1'`).
fn variable(t: Term) -> Option<u32> {
    let text = atom::as_text(t)?.strip_prefix('$')?;
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

fn clause(head: Term, guards: Term, body: Term, dialect: Dialect, release: u32) -> Result<Clause, Errors> {
    let mut c = Compiler { vars: Vec::new(), seen: Vec::new(), errors: Vec::new(), dialect, release };
    c.collect(head);
    if dialect == Dialect::Trace && !head.is_list() && !head.is_tuple() && head != am::UNDERSCORE && variable(head).is_none() {
        return Err(vec!["Match head is invalid in this context.".into()]);
    }
    if dialect == Dialect::Trace && release < 28 && head.is_cons() && head.list_length().is_none() {
        return Err(vec![format!("Match expression part {} is not a proper list.", text(head))]);
    }
    let head = c.head(head);
    if !c.errors.is_empty() {
        return Err(c.errors);
    }
    let guards = c.expressions(guards, true);
    if dialect == Dialect::Table && !body.is_cons() {
        c.errors.push("Body clause does not return anything.".into());
        return Err(c.errors);
    }
    let body = c.expressions(body, false);
    if !c.errors.is_empty() {
        return Err(c.errors);
    }
    Ok(Clause { head, guards, body, vars: c.vars.len() as u32 })
}

impl Compiler {
    // ---- heads
    fn collect(&mut self, head: Term) {
        let mut work = vec![head];
        let mut vars = Vec::new();
        while let Some(t) = work.pop() {
            if let Some(v) = variable(t) {
                vars.push(v);
            } else if let Some((h, rest)) = t.as_cons() {
                work.push(rest);
                work.push(h);
            } else if let Some(e) = t.as_tuple() {
                work.extend_from_slice(e);
            } else if t.is_map() {
                for (k, v) in term::map::Iter::new(t) {
                    // Deeper in a key they are constants.
                    if k == am::UNDERSCORE || variable(k).is_some() {
                        self.errors.push("Variable found in map key.".into());
                        return;
                    }
                    work.push(v);
                }
            }
        }
        vars.sort_unstable();
        vars.dedup();
        self.seen = vec![false; vars.len()];
        self.vars = vars;
    }
    fn head(&mut self, t: Term) -> Pat {
        // A tuple at the top stays one, so that its key can be seen.
        match t.as_tuple() {
            Some(e) => Pat::Tuple(e.iter().map(|x| self.pattern(*x, 1)).collect()),
            None => self.pattern(t, 0),
        }
    }
    fn pattern(&mut self, t: Term, depth: usize) -> Pat {
        if t == am::UNDERSCORE {
            return Pat::Any;
        }
        if let Some(v) = variable(t) {
            let Ok(place) = self.vars.binary_search(&v) else { return Pat::Any };
            return if std::mem::replace(&mut self.seen[place], true) { Pat::Same(place as u32) } else { Pat::Bind(place as u32) };
        }
        if !is_pattern(t) {
            return Pat::Const(t);
        }
        if depth > DEPTH {
            self.errors.push(TOO_DEEP.into());
            return Pat::Any;
        }
        if let Some((h, rest)) = t.as_cons() {
            // The spine of a list is walked without recursion.
            let mut front = vec![self.pattern(h, depth + 1)];
            let mut rest = rest;
            while let Some((h, tail)) = rest.as_cons() {
                if !is_pattern(rest) {
                    break;
                }
                front.push(self.pattern(h, depth + 1));
                rest = tail;
            }
            if front.len() > DEPTH {
                self.errors.push(TOO_DEEP.into());
                return Pat::Any;
            }
            let mut p = self.pattern(rest, depth + 1);
            for h in front.into_iter().rev() {
                p = Pat::Cons(Box::new((h, p)));
            }
            return p;
        }
        if let Some(e) = t.as_tuple() {
            return Pat::Tuple(e.iter().map(|x| self.pattern(*x, depth + 1)).collect());
        }
        // Sorted, so that variables bind in an order that does not depend on the map's form.
        let mut pairs: Vec<(Term, Term)> = term::map::Iter::new(t).collect();
        pairs.sort_by(|x, y| term::cmp::cmp_exact(x.0, y.0));
        Pat::Map(pairs.into_iter().map(|(k, v)| (k, self.pattern(v, depth + 1))).collect())
    }

    // ---- guards and bodies
    fn expressions(&mut self, list: Term, guard: bool) -> Box<[Expr]> {
        if !list.is_list() {
            self.errors.push("Match expression is not a list.".into());
            return [].into();
        }
        let mut it = list.iter();
        let all: Box<[Expr]> = it.by_ref().map(|t| self.expression(t, guard, 0)).collect();
        if !it.rest().is_nil() {
            self.errors.push("Match expression is not a proper list.".into());
        }
        all
    }
    fn arguments(&mut self, args: &[Term], guard: bool, depth: usize) -> Box<[Expr]> {
        // From the last to the first: the order of errors.
        let mut all: Vec<Expr> = args.iter().rev().map(|t| self.expression(*t, guard, depth)).collect();
        all.reverse();
        all.into()
    }
    fn expression(&mut self, t: Term, guard: bool, depth: usize) -> Expr {
        if depth > DEPTH {
            self.errors.push(TOO_DEEP.into());
            return Expr::Const(Term::NIL);
        }
        if let Some(v) = variable(t) {
            return match self.vars.binary_search(&v) {
                Ok(place) => Expr::Var(place as u32),
                Err(_) => {
                    self.errors.push(format!("Variable ${v} is unbound."));
                    Expr::Const(Term::NIL)
                }
            };
        }
        match t {
            am::DOLLAR_UNDERSCORE => return Expr::Whole,
            am::DOLLAR_DOLLAR => return Expr::All,
            _ => {}
        }
        if let Some((h, rest)) = t.as_cons() {
            if is_constant_expression(t) {
                return Expr::Const(t);
            }
            let mut front = vec![self.expression(h, guard, depth + 1)];
            let mut rest = rest;
            while let Some((h, tail)) = rest.as_cons() {
                if is_constant_expression(rest) {
                    break;
                }
                front.push(self.expression(h, guard, depth + 1));
                rest = tail;
            }
            if front.len() > DEPTH {
                self.errors.push(TOO_DEEP.into());
                return Expr::Const(Term::NIL);
            }
            let mut e = self.expression(rest, guard, depth + 1);
            for h in front.into_iter().rev() {
                e = Expr::Cons(Box::new((h, e)));
            }
            return e;
        }
        if t.is_map() {
            if is_constant_expression(t) {
                return Expr::Const(t);
            }
            let mut pairs: Vec<(Term, Term)> = term::map::Iter::new(t).collect();
            pairs.sort_by(|x, y| term::cmp::cmp_exact(x.0, y.0));
            let (keys, values): (Vec<Term>, Vec<Term>) = pairs.into_iter().unzip();
            let values = self.arguments(&values, guard, depth + 1);
            let keys = self.arguments(&keys, guard, depth + 1);
            return Expr::Map(keys.into_iter().zip(values).collect());
        }
        match t.as_tuple() {
            Some(e) => self.call(t, e, guard, depth + 1),
            None => Expr::Const(t),
        }
    }
    fn call(&mut self, whole: Term, e: &'static [Term], guard: bool, depth: usize) -> Expr {
        if let [inner] = e
            && let Some(parts) = inner.as_tuple()
        {
            if parts.iter().all(|p| is_constant_expression(*p)) {
                return Expr::Const(*inner);
            }
            return Expr::Tuple(self.arguments(parts, guard, depth));
        }
        let nothing = Expr::Const(Term::NIL);
        let name = match e.first() {
            Some(f) if f.is_atom() && variable(*f).is_none() => atom::text(*f),
            _ => {
                self.errors.push(format!("{} is neither a function call, nor a tuple (tuples are written {{{{ ... }}}}).", text(whole)));
                return nothing;
            }
        };
        let args = &e[1..];
        match name {
            "const" => {
                if let [x] = args {
                    return Expr::Const(*x);
                }
                self.errors.push(format!("Special form 'const' called with more than one argument in {}.", text(whole)));
                return nothing;
            }
            "and" | "or" | "andalso" | "orelse" => {
                if args.is_empty() {
                    self.errors.push(format!("Special form '{name}' called without arguments in {}.", text(whole)));
                    return nothing;
                }
                if name == "andalso" || name == "orelse" {
                    let args = args.iter().map(|t| self.expression(*t, guard, depth)).collect();
                    return if name == "andalso" { Expr::AndAlso(args) } else { Expr::OrElse(args) };
                }
                let args = self.arguments(args, guard, depth);
                return if name == "and" { Expr::And(args) } else { Expr::Or(args) };
            }
            _ => {}
        }
        if let Some((what, arity, in_guard)) = action(name) {
            let allowed = !guard || in_guard;
            let trace = self.dialect == Dialect::Trace;
            // Two messages of ERTS call this form by another name.
            let called = if what == Action::SetSeqToken { "set_seq_trace" } else { name };
            match arity {
                ActionArgs::Function(n) if n != args.len() => {}
                ActionArgs::Function(n) if !trace || !allowed => {
                    self.errors.push(format!("Function {name}/{n} cannot be called in this context."));
                    return nothing;
                }
                ActionArgs::Special(_) if !trace => {
                    self.errors.push(format!("Special form '{called}' used in wrong dialect."));
                    return nothing;
                }
                ActionArgs::Special(_) if !allowed => {
                    self.errors.push(format!("Special form '{called}' called in guard context."));
                    return nothing;
                }
                ActionArgs::Special(ns) if !ns.contains(&args.len()) => {
                    let with = if ns == [0] { "with arguments" } else { "with wrong number of arguments" };
                    self.errors.push(format!("Special form '{name}' called {with} in {}.", text(whole)));
                    return nothing;
                }
                _ => return Expr::Act(what, self.arguments(args, guard, depth)),
            }
        }
        if name == "self" && !args.is_empty() {
            self.errors.push(format!("Special form 'self' called with arguments in {}.", text(whole)));
            return nothing;
        }
        match function(name, args.len()).filter(|f| f.since() <= self.release) {
            Some(f) => Expr::Call(f.of(self.release), self.arguments(args, guard, depth)),
            None => {
                self.errors.push(format!("Function {}/{} does_not_exist.", text(e[0]), args.len()));
                nothing
            }
        }
    }
}

/// True if a pattern has a variable, `'_'` or a map (which matches by parts).
fn is_pattern(t: Term) -> bool {
    any(t, &|x| x == am::UNDERSCORE || variable(x).is_some() || x.is_map())
}

/// True if an expression is its own value: no variables, no tuples.
fn is_constant_expression(t: Term) -> bool {
    !any(t, &|x| variable(x).is_some() || x == am::DOLLAR_UNDERSCORE || x == am::DOLLAR_DOLLAR || x.is_tuple())
}

/// True if some part of a term is such.
fn any(t: Term, such: &dyn Fn(Term) -> bool) -> bool {
    if t.is_immediate() {
        return such(t);
    }
    let mut work = vec![t];
    while let Some(t) = work.pop() {
        if such(t) {
            return true;
        }
        if let Some((h, rest)) = t.as_cons() {
            work.push(rest);
            work.push(h);
        } else if let Some(e) = t.as_tuple() {
            work.extend_from_slice(e);
        } else if t.is_map() {
            for (k, v) in term::map::Iter::new(t) {
                work.push(k);
                work.push(v);
            }
        }
    }
    false
}

/// `{error, Text}` and its kind as terms: the list that `match_spec_test/3` answers with.
pub fn errors_term(errors: &Errors, a: &mut Alloc) -> Term {
    let all: Vec<Term> = errors
        .iter()
        .map(|e| {
            let text = a.list_of_chars(e);
            a.error(text)
        })
        .collect();
    a.list(&all)
}
