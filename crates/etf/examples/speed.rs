//! Figures of terms and their external form: `cargo run --release -p ferrobeam-etf --example speed`.

use etf::{DecodeEnv, NoFuns, NodeId, Options, decode, encode};
use std::hint::black_box;
use std::time::Instant;
use term::copy::LiteralRange;
use term::{Alloc, Term, atom, cmp, copy, hash, map};

fn time(what: &str, n: u64, mut f: impl FnMut(u64)) {
    for i in 0..n / 10 {
        f(i);
    }
    let start = Instant::now();
    for i in 0..n {
        f(i);
    }
    println!("{what:40} {:8.1} ns", start.elapsed().as_nanos() as f64 / n as f64);
}

fn main() {
    let a = &mut Alloc::new();
    let atoms: Vec<Term> = (0..64).map(|i| atom::intern(&format!("key_{i}"))).collect();
    for size in [4usize, 8, 32, 64, 1000, 100_000] {
        let keys: Vec<Term> = (0..size).map(|i| if size <= 64 { atoms[i] } else { Term::small(i as i64) }).collect();
        let pairs: Vec<(Term, Term)> = keys.iter().map(|&k| (k, Term::small(1))).collect();
        let m = map::from_pairs(a, &pairs);
        time(&format!("map get, {size} keys"), 2_000_000, |i| {
            black_box(map::get(m, keys[i as usize * 7 % size]));
        });
        let mut scratch = Alloc::new();
        time(&format!("map put of a present key, {size} keys"), 300_000, |i| {
            if i % 10_000 == 0 {
                scratch = Alloc::new();
            }
            black_box(map::put(&mut scratch, m, keys[i as usize * 7 % size], Term::small(i as i64 + 2)));
        });
        time(&format!("map put of a new key, {size} keys"), 300_000, |i| {
            if i % 10_000 == 0 {
                scratch = Alloc::new();
            }
            black_box(map::put(&mut scratch, m, Term::small(-1 - i as i64), Term::small(i as i64)));
        });
        time(&format!("map from pairs, {size} keys"), 200_000 / size as u64 + 3, |_| {
            let mut scratch = Alloc::new();
            black_box(map::from_pairs(&mut scratch, &pairs));
        });
        time(&format!("map iterate, {size} keys"), 2_000_000 / size as u64 + 3, |_| {
            black_box(map::Iter::new(m).count());
        });
    }
    let tuple = {
        let list = a.list(&[Term::small(1), Term::small(2), Term::small(3)]);
        let bin = a.binary(b"hello");
        a.tuple(&[atoms[0], list, bin, Term::small(4)])
    };
    let long: Vec<Term> = (0..10_000).map(Term::small).collect();
    let long = a.list(&long);
    let bytes = a.list_of_bytes(&[65; 10_000]);
    let many: Vec<Term> = (0..10_000).map(|_| copy::copy(tuple, a, LiteralRange::NONE)).collect();
    let many = a.list(&many);
    let other = copy::copy(tuple, a, LiteralRange::NONE);
    let other_long = copy::copy(long, a, LiteralRange::NONE);
    time("=:= small tuple", 3_000_000, |_| {
        black_box(cmp::eq_exact(black_box(tuple), black_box(other)));
    });
    time("compare small tuple", 3_000_000, |_| {
        black_box(cmp::cmp(black_box(tuple), black_box(other)));
    });
    time("=:= list of 10000 smalls", 3_000, |_| {
        black_box(cmp::eq_exact(black_box(long), black_box(other_long)));
    });
    time("compare list of 10000 smalls", 3_000, |_| {
        black_box(cmp::cmp(black_box(long), black_box(other_long)));
    });
    time("copy small tuple", 2_000_000, |_| {
        black_box(copy::copy_out(black_box(tuple), LiteralRange::NONE));
    });
    time("copy 10000 smalls", 3_000, |_| {
        black_box(copy::copy_out(black_box(long), LiteralRange::NONE));
    });
    time("copy 10000 tuples", 300, |_| {
        black_box(copy::copy_out(black_box(many), LiteralRange::NONE));
    });
    time("internal hash of a small tuple", 3_000_000, |_| {
        black_box(hash::hash(black_box(tuple)));
    });
    time("phash2 of a small tuple", 3_000_000, |_| {
        black_box(hash::phash2(black_box(tuple)));
    });
    let options = Options::new(NodeId::NONE);
    let env = DecodeEnv::new(NodeId::NONE, &NoFuns);
    for (what, t) in [("small tuple", tuple), ("10000 smalls", long), ("10000 bytes", bytes), ("10000 tuples", many)] {
        let b = encode(t, &options);
        let n = (20_000_000 / b.len() as u64).min(1_000_000);
        let start = Instant::now();
        for _ in 0..n {
            black_box(encode(black_box(t), &options));
        }
        let e = start.elapsed();
        let start = Instant::now();
        for _ in 0..n {
            let mut scratch = Alloc::new();
            black_box(decode(black_box(&b), &mut scratch, &env).expect("our own bytes"));
        }
        let d = start.elapsed();
        let rate = |t: std::time::Duration| (n * b.len() as u64) as f64 / t.as_secs_f64() / 1e6;
        println!(
            "{what:20} {:8} bytes: encode {:8.0} MB/s ({:.0} ns), decode {:8.0} MB/s ({:.0} ns)",
            b.len(),
            rate(e),
            e.as_nanos() as f64 / n as f64,
            rate(d),
            d.as_nanos() as f64 / n as f64
        );
    }
}
