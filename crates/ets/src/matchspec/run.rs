//! Running a compiled match specification over one term at a time.

use super::functions::{Action, Failed, Function, call};
use super::{Clause, Expr, MatchSpec, Pat};
use crate::table::copy_term;
use term::{Alloc, Term, am, cmp};

/// What a specification may ask of its surroundings.
pub trait Hooks {
    fn self_pid(&self) -> Term;
    /// The local node's name.
    fn node(&self) -> Term;
    /// An action of a trace; its value, or `None` for an exception.
    fn action(&mut self, action: Action, args: &[Term], a: &mut Alloc) -> Option<Term>;
}

/// Hooks of nobody: `self()` is `undefined`, actions are done by saying `true`.
pub struct NoHooks;

impl Hooks for NoHooks {
    fn self_pid(&self) -> Term {
        am::UNDEFINED
    }
    fn node(&self) -> Term {
        am::NONODE
    }
    fn action(&mut self, _: Action, _: &[Term], _: &mut Alloc) -> Option<Term> {
        Some(am::TRUE)
    }
}

/// What a trace's specification has decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traced {
    /// The message to add: `true` for none, `false` for no trace message at all.
    pub message: Term,
    pub return_trace: bool,
    pub exception_trace: bool,
}

/// The working memory of a run: made once for many objects.
pub struct Machine<'h> {
    hooks: &'h mut dyn Hooks,
    vars: Vec<Term>,
    /// Intermediate values of one object.
    scratch: Alloc,
    traced: Traced,
}

impl<'h> Machine<'h> {
    pub fn new(hooks: &'h mut dyn Hooks) -> Machine<'h> {
        let traced = Traced { message: am::TRUE, return_trace: false, exception_trace: false };
        Machine { hooks, vars: Vec::new(), scratch: Alloc::new(), traced }
    }
}

fn matches(p: &Pat, t: Term, vars: &mut [Term]) -> bool {
    match p {
        Pat::Any => true,
        Pat::Bind(v) => {
            vars[*v as usize] = t;
            true
        }
        Pat::Same(v) => cmp::eq_exact(vars[*v as usize], t),
        Pat::Const(c) => cmp::eq_exact(*c, t),
        Pat::Tuple(ps) => match t.as_tuple() {
            Some(e) if e.len() == ps.len() => ps.iter().zip(e).all(|(p, x)| matches(p, *x, vars)),
            _ => false,
        },
        Pat::Cons(c) => {
            let (mut c, mut t) = (c, t);
            loop {
                let Some((h, rest)) = t.as_cons() else { return false };
                if !matches(&c.0, h, vars) {
                    return false;
                }
                match &c.1 {
                    Pat::Cons(next) => (c, t) = (next, rest),
                    last => return matches(last, rest, vars),
                }
            }
        }
        Pat::Map(pairs) => {
            t.is_map() && pairs.iter().all(|(k, p)| term::map::get(t, *k).is_some_and(|v| matches(p, v, vars)))
        }
    }
}

impl MatchSpec {
    /// The clause that takes `subject`, with its variables bound.
    fn choose(&self, m: &mut Machine<'_>, subject: Term) -> Option<&Clause> {
        self.clauses.iter().find(|c| {
            if m.vars.len() < c.vars as usize {
                m.vars.resize(c.vars as usize, Term::NIL);
            }
            matches(&c.head, subject, &mut m.vars)
                && c.guards.iter().all(|g| {
                    let mut run = Run { m, subject, vars: c.vars as usize };
                    run.eval(g) == Ok(am::TRUE)
                })
        })
    }
    /// The value for an object of a table, copied into `out`; `None` if no clause takes it.
    pub fn run(&self, m: &mut Machine<'_>, subject: Term, out: &mut Alloc) -> Option<Term> {
        let c = self.choose(m, subject)?;
        let (last, first) = c.body.split_last()?;
        let mut run = Run { m, subject, vars: c.vars as usize };
        let result = if first.iter().any(|e| run.eval(e).is_err()) { Err(Failed) } else { run.build(last, out) };
        m.clear();
        Some(result.unwrap_or(am::EXIT_UPPER))
    }
    /// True if the value for an object is `true` (`select_count`, `select_delete`).
    pub fn test(&self, m: &mut Machine<'_>, subject: Term) -> bool {
        let Some(c) = self.choose(m, subject) else { return false };
        let Some((last, first)) = c.body.split_last() else { return false };
        let mut run = Run { m, subject, vars: c.vars as usize };
        let yes = !first.iter().any(|e| run.eval(e).is_err()) && run.eval(last) == Ok(am::TRUE);
        m.clear();
        yes
    }
    /// Runs a trace's specification on an argument list; `None` if no clause takes it. The message is copied into `out`.
    pub fn run_trace(&self, m: &mut Machine<'_>, args: Term, out: &mut Alloc) -> Option<Traced> {
        m.traced = Traced { message: am::TRUE, return_trace: false, exception_trace: false };
        let c = self.choose(m, args)?;
        for e in &c.body {
            // An exception ends the clause; what has been done stays done.
            if (Run { m, subject: args, vars: c.vars as usize }).eval(e).is_err() {
                break;
            }
        }
        m.traced.message = copy_term(m.traced.message, out);
        m.clear();
        Some(m.traced)
    }
}

impl Machine<'_> {
    fn clear(&mut self) {
        if self.scratch.has_fragments() {
            self.scratch = Alloc::new();
        }
    }
}

struct Run<'m, 'h> {
    m: &'m mut Machine<'h>,
    subject: Term,
    vars: usize,
}

impl Run<'_, '_> {
    /// The value of an expression; what is new in it lives in the scratch memory.
    fn eval(&mut self, e: &Expr) -> Result<Term, Failed> {
        match e {
            Expr::Const(t) => Ok(*t),
            Expr::Var(v) => Ok(self.m.vars[*v as usize]),
            Expr::Whole => Ok(self.subject),
            Expr::All => {
                let vars = &self.m.vars[..self.vars];
                Ok(self.m.scratch.list(vars))
            }
            Expr::Tuple(parts) => {
                let v = self.all(parts)?;
                Ok(self.m.scratch.tuple(&v))
            }
            Expr::Cons(c) => {
                let mut front = Vec::new();
                let mut c = c;
                let tail = loop {
                    front.push(self.eval(&c.0)?);
                    match &c.1 {
                        Expr::Cons(next) => c = next,
                        last => break self.eval(last)?,
                    }
                };
                Ok(self.m.scratch.list_with_tail(&front, tail))
            }
            Expr::Map(pairs) => {
                let mut v = Vec::with_capacity(pairs.len());
                for (k, x) in pairs {
                    v.push((self.eval(k)?, self.eval(x)?));
                }
                Ok(term::map::from_pairs(&mut self.m.scratch, &v))
            }
            Expr::Call(f, args) => self.call(*f, args),
            Expr::Act(action, args) => self.act(*action, args),
            Expr::And(args) => {
                let mut all = true;
                for a in args {
                    all &= self.eval(a)?.as_bool().ok_or(Failed)?;
                }
                Ok(Term::bool(all))
            }
            Expr::Or(args) => {
                let mut any = false;
                for a in args {
                    any |= self.eval(a)?.as_bool().ok_or(Failed)?;
                }
                Ok(Term::bool(any))
            }
            Expr::AndAlso(args) => self.short(args, am::FALSE),
            Expr::OrElse(args) => self.short(args, am::TRUE),
        }
    }
    /// All but the last must be booleans, and `stop` among them decides.
    fn short(&mut self, args: &[Expr], stop: Term) -> Result<Term, Failed> {
        let Some((last, first)) = args.split_last() else { return Err(Failed) };
        for a in first {
            let v = self.eval(a)?;
            if v == stop {
                return Ok(stop);
            }
            v.as_bool().ok_or(Failed)?;
        }
        self.eval(last)
    }
    fn all(&mut self, parts: &[Expr]) -> Result<Vec<Term>, Failed> {
        parts.iter().map(|p| self.eval(p)).collect()
    }
    fn call(&mut self, f: Function, args: &[Expr]) -> Result<Term, Failed> {
        let mut x = [Term::NIL; 3];
        for (x, a) in x.iter_mut().zip(args) {
            *x = self.eval(a)?;
        }
        match f {
            Function::SelfPid => Ok(self.m.hooks.self_pid()),
            Function::Node => Ok(self.m.hooks.node()),
            Function::NodeOf => {
                let t = x[0];
                if let Some((n, ..)) = t.as_ext_pid() {
                    return Ok(n.name);
                }
                if let Some((n, _)) = t.as_ext_port() {
                    return Ok(n.name);
                }
                if let Some((n, _)) = t.as_ext_ref() {
                    return Ok(n.name);
                }
                if t.is_pid() || t.is_port() || t.is_ref() { Ok(self.m.hooks.node()) } else { Err(Failed) }
            }
            _ => call(f, &x, &mut self.m.scratch),
        }
    }
    fn act(&mut self, action: Action, args: &[Expr]) -> Result<Term, Failed> {
        let args = self.all(args)?;
        match action {
            Action::Message => {
                self.m.traced.message = args[0];
                Ok(am::TRUE)
            }
            Action::ReturnTrace => {
                self.m.traced.return_trace = true;
                Ok(am::TRUE)
            }
            Action::ExceptionTrace => {
                self.m.traced.exception_trace = true;
                Ok(am::TRUE)
            }
            _ => self.m.hooks.action(action, &args, &mut self.m.scratch).ok_or(Failed),
        }
    }
    /// As `eval`, but the value is whole in `out`.
    fn build(&mut self, e: &Expr, out: &mut Alloc) -> Result<Term, Failed> {
        match e {
            Expr::Const(t) => Ok(copy_term(*t, out)),
            Expr::Var(v) => Ok(copy_term(self.m.vars[*v as usize], out)),
            Expr::Whole => Ok(copy_term(self.subject, out)),
            Expr::All => {
                let mut list = Term::NIL;
                for v in self.m.vars[..self.vars].iter().rev() {
                    let c = copy_term(*v, out);
                    list = out.cons(c, list);
                }
                Ok(list)
            }
            Expr::Tuple(parts) => {
                let mut v = Vec::with_capacity(parts.len());
                for p in parts {
                    v.push(self.build(p, out)?);
                }
                Ok(out.tuple(&v))
            }
            Expr::Cons(c) => {
                let mut front = Vec::new();
                let mut c = c;
                let tail = loop {
                    front.push(self.build(&c.0, out)?);
                    match &c.1 {
                        Expr::Cons(next) => c = next,
                        last => break self.build(last, out)?,
                    }
                };
                Ok(out.list_with_tail(&front, tail))
            }
            _ => {
                let t = self.eval(e)?;
                Ok(copy_term(t, out))
            }
        }
    }
}
