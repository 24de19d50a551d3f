//! Measures tables: `cargo run --release -p ferrobeam-ets --example measure [objects]`. Nanoseconds for each operation.

use ets::matchspec::{Dialect, Machine, MatchSpec, NoHooks};
use ets::traverse::Scope;
use ets::{Cursor, Kind, Options, Protection, Table};
use std::time::Instant;
use term::{Alloc, Term, am, atom};

fn time(what: &str, n: usize, f: impl FnOnce()) {
    let t = Instant::now();
    f();
    println!("{what:40} {:8.1} ns", t.elapsed().as_nanos() as f64 / n as f64);
}

/// A permutation of 0..2^20 and above that a cache does not like.
fn mixed(i: usize, n: usize) -> Term {
    Term::small((i.wrapping_mul(7_368_787) % n) as i64)
}

fn main() {
    let n: usize = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1_000_000);
    for kind in [Kind::Set, Kind::OrderedSet] {
        println!("{kind:?}, {n} objects {{Key, Value}}");
        let t = Table::new(1, am::OK, Term::pid(1, 0), Options { kind, protection: Protection::Public, ..Options::default() });
        let mut a = Alloc::new();
        let o: Vec<Term> = (0..n).map(|i| a.tuple(&[mixed(i, n), Term::small(i as i64)])).collect();
        time("insert", n, || o.iter().for_each(|o| t.insert(*o).expect("room")));
        time("insert again", n, || o.iter().for_each(|o| t.insert(*o).expect("room")));
        let look = |t: &Table, from: usize, to: usize| {
            let mut a = Alloc::new();
            for i in from..to {
                if i % 1000 == 0 {
                    a = Alloc::new();
                }
                assert!(t.lookup(mixed(i.wrapping_mul(31), n), &mut a).expect("there").is_cons());
            }
        };
        time("lookup", n, || look(&t, 0, n));
        time("lookup, two threads, each half", n, || {
            std::thread::scope(|s| {
                s.spawn(|| look(&t, 0, n / 2));
                s.spawn(|| look(&t, n / 2, n));
            })
        });
        let hot = |t: &Table, n: usize| {
            let mut a = Alloc::new();
            for i in 0..n {
                if i % 1000 == 0 {
                    a = Alloc::new();
                }
                assert!(t.lookup(Term::small((i & 15) as i64), &mut a).expect("there").is_cons());
            }
        };
        time("lookup of 16 keys", n, || hot(&t, n));
        time("lookup of 16 keys, two threads, each half", n, || {
            std::thread::scope(|s| {
                s.spawn(|| hot(&t, n / 2));
                s.spawn(|| hot(&t, n / 2));
            })
        });
        println!("words for each object {:30.1}", t.memory() as f64 / n as f64);
        let (v1, v2) = (atom!("$1"), atom!("$2"));
        let head = a.tuple(&[v1, v2]);
        let g = a.tuple(&[am::GT, v2, Term::small(n as i64 / 2)]);
        let guards = a.list(&[g]);
        let body = a.list(&[v1]);
        let c = a.tuple(&[head, guards, body]);
        let spec = a.list(&[c]);
        let spec = MatchSpec::compile(spec, Dialect::Table, 27).expect("right");
        let scope = Scope::of(&spec, &t);
        time("select of half, each object", n, || {
            let mut hooks = NoHooks;
            let mut m = Machine::new(&mut hooks);
            let mut out = Vec::new();
            let mut a = Alloc::new();
            let mut cursor = Cursor::Start;
            while let Some(c) = t.select(&spec, &scope, &mut m, cursor, false, 2000, usize::MAX, &mut a, &mut out).expect("there") {
                cursor = c;
            }
            assert!(out.len() >= n / 2 - 1);
        });
        time("delete", n, || (0..n).for_each(|i| assert_eq!(t.delete(mixed(i, n)), Ok(1))));
    }
}
