//! Match specifications: patterns, guards and bodies over objects of tables or argument lists of traced calls.
//! Compiled once (`compile`) into trees whose variables are numbered places; run (`run`) without looking at the source again.
//! Not here: walks over tables, and what the actions of traces do (`Hooks`).

pub mod compile;
mod functions;
pub mod run;

pub use compile::{Dialect, Errors};
pub use functions::Action;
pub use run::{Hooks, Machine, NoHooks, Traced};

use functions::Function;
use term::{Fragment, Term};

/// A pattern.
#[derive(Debug)]
pub(crate) enum Pat {
    Any,
    /// The first occurrence of a variable.
    Bind(u32),
    /// A further one.
    Same(u32),
    Const(Term),
    Tuple(Box<[Pat]>),
    Cons(Box<(Pat, Pat)>),
    Map(Box<[(Term, Pat)]>),
}

/// An expression of a guard or body.
#[derive(Debug)]
pub(crate) enum Expr {
    Const(Term),
    Var(u32),
    /// `'$_'`
    Whole,
    /// `'$$'`
    All,
    Tuple(Box<[Expr]>),
    Cons(Box<(Expr, Expr)>),
    Map(Box<[(Expr, Expr)]>),
    Call(Function, Box<[Expr]>),
    Act(Action, Box<[Expr]>),
    And(Box<[Expr]>),
    Or(Box<[Expr]>),
    AndAlso(Box<[Expr]>),
    OrElse(Box<[Expr]>),
}

#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) head: Pat,
    pub(crate) guards: Box<[Expr]>,
    pub(crate) body: Box<[Expr]>,
    /// Number of variables; their places are in the order of their numbers.
    pub(crate) vars: u32,
}

/// A compiled match specification.
#[derive(Debug)]
pub struct MatchSpec {
    pub(crate) clauses: Box<[Clause]>,
    pub dialect: Dialect,
    /// Where the constants live.
    _constants: Fragment,
}

/// What a specification says about the key of the objects that it can match.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// Nothing.
    Any,
    /// No object can match.
    None,
    /// It is one of these (distinct by `=:=`).
    These(Vec<Term>),
}

impl MatchSpec {
    /// Which keys objects must have, given the key's position.
    pub fn keys(&self, keypos: usize) -> Keys {
        let mut keys: Vec<Term> = Vec::new();
        for c in &self.clauses {
            match key_pattern(&c.head, keypos) {
                Err(()) => {}
                Ok(Pat::Const(k)) => {
                    if !keys.iter().any(|x| term::cmp::eq_exact(*x, *k)) {
                        keys.push(*k);
                    }
                }
                Ok(_) => return Keys::Any,
            }
        }
        if keys.is_empty() { Keys::None } else { Keys::These(keys) }
    }
    /// If there is one clause: the key's pattern, to narrow down a range of an ordered set.
    pub(crate) fn key_pattern(&self, keypos: usize) -> Option<&Pat> {
        match &*self.clauses {
            [c] => key_pattern(&c.head, keypos).ok(),
            _ => None,
        }
    }
    /// True if it is plain to see that every value has the key of its object: the whole object, or a tuple built with the same key.
    pub fn keeps_key(&self, keypos: usize) -> bool {
        self.clauses.iter().all(|c| match &*c.body {
            [Expr::Whole] => true,
            [Expr::Const(t)] => match (key_pattern(&c.head, keypos), t.as_tuple().and_then(|e| e.get(keypos - 1))) {
                (Ok(Pat::Const(k)), Some(x)) => term::cmp::eq_exact(*k, *x),
                _ => false,
            },
            [Expr::Tuple(parts)] => match (parts.get(keypos - 1), key_pattern(&c.head, keypos)) {
                (Some(Expr::Call(Function::Element, args)), _) => {
                    matches!(&**args, [Expr::Const(n), Expr::Whole] if n.as_small() == Some(keypos as i64))
                }
                (Some(e), Ok(p)) => rebuilds(p, e),
                _ => false,
            },
            _ => false,
        })
    }
    /// Is there an action of such a kind in it?
    pub fn acts(&self, such: impl Fn(Action) -> bool) -> bool {
        fn any(e: &Expr, such: &dyn Fn(Action) -> bool) -> bool {
            let all = |es: &[Expr]| es.iter().any(|e| any(e, such));
            match e {
                Expr::Const(_) | Expr::Var(_) | Expr::Whole | Expr::All => false,
                Expr::Act(a, args) => such(*a) || all(args),
                Expr::Tuple(x) | Expr::Call(_, x) | Expr::And(x) | Expr::Or(x) | Expr::AndAlso(x) | Expr::OrElse(x) => all(x),
                Expr::Cons(c) => any(&c.0, such) || any(&c.1, such),
                Expr::Map(pairs) => pairs.iter().any(|(k, v)| any(k, such) || any(v, such)),
            }
        }
        self.clauses.iter().any(|c| c.guards.iter().chain(&c.body).any(|e| any(e, &such)))
    }
    /// Words of the constants.
    pub fn words(&self) -> usize {
        self._constants.words()
    }
}

const ANY: Pat = Pat::Any;

/// True if the expression's value is just what the pattern has matched.
fn rebuilds(p: &Pat, e: &Expr) -> bool {
    match (p, e) {
        (Pat::Bind(v) | Pat::Same(v), Expr::Var(w)) => v == w,
        (Pat::Const(a), e) => is_value(*a, e),
        (Pat::Tuple(ps), Expr::Tuple(es)) => ps.len() == es.len() && ps.iter().zip(es).all(|(p, e)| rebuilds(p, e)),
        (Pat::Cons(p), Expr::Cons(e)) => rebuilds(&p.0, &e.0) && rebuilds(&p.1, &e.1),
        _ => false,
    }
}

/// The pattern of the key; `Err`: no tuple with a key can match.
fn key_pattern(head: &Pat, keypos: usize) -> Result<&Pat, ()> {
    match head {
        Pat::Tuple(p) => p.get(keypos - 1).ok_or(()),
        Pat::Any | Pat::Bind(_) | Pat::Same(_) => Ok(&ANY),
        // A constant head is compiled into a tuple, so this one is none.
        Pat::Const(_) | Pat::Cons(_) | Pat::Map(_) => Err(()),
    }
}

/// True if an expression without variables plainly has this value.
fn is_value(t: Term, e: &Expr) -> bool {
    match e {
        Expr::Const(c) => term::cmp::eq_exact(t, *c),
        Expr::Tuple(es) => t.as_tuple().is_some_and(|ts| ts.len() == es.len() && ts.iter().zip(es).all(|(t, e)| is_value(*t, e))),
        Expr::Cons(c) => t.as_cons().is_some_and(|(h, rest)| is_value(h, &c.0) && is_value(rest, &c.1)),
        _ => false,
    }
}

/// A match on every element at the front of a tuple that is bound: (arity, bound front elements).
pub(crate) fn bound_front(p: &Pat) -> Option<(usize, Vec<Term>)> {
    let Pat::Tuple(e) = p else { return None };
    let front: Vec<Term> = e.iter().map_while(|p| if let Pat::Const(t) = p { Some(*t) } else { None }).collect();
    Some((e.len(), front))
}
