//! What real releases said of some hundred terms (record.escript) must be what we say.

use etf::{DecodeEnv, FunKey, NodeId, Options, Resolver, decode, encode, external_size};
use std::cmp::Ordering;
use term::fun::{Export, FunEntry};
use term::{Alloc, Kind, Term, cmp, hash, map, print};

struct Funs;

impl Resolver for Funs {
    fn export(&self, module: Term, function: Term, arity: u8, _: bool) -> Option<&'static Export> {
        Some(Box::leak(Box::new(Export {
            address: Default::default(),
            stub: Default::default(),
            module,
            function,
            arity,
            native: Default::default(),
        })))
    }
    fn fun(&self, key: &FunKey) -> Option<&'static FunEntry> {
        Some(Box::leak(Box::new(FunEntry {
            address: Default::default(),
            stub: Default::default(),
            module: key.module,
            name: Term::NIL,
            arity: key.arity,
            num_free: key.num_free,
            index: key.index,
            old_index: key.old_index,
            old_uniq: key.old_uniq,
            uniq: key.uniq,
        })))
    }
}

fn unhex(s: &str) -> Vec<u8> {
    (0..s.len() / 2).map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

/// True if two releases may show the term in two orders.
fn has_order(t: Term) -> bool {
    let mut left = vec![t];
    while let Some(t) = left.pop() {
        if let Some((h, tail)) = t.as_cons() {
            left.extend([h, tail]);
        } else if t.is_map() {
            if map::size(t) > 1 {
                return true;
            }
            map::Iter::new(t).for_each(|(k, v)| left.extend([k, v]));
        } else if let Some(e) = t.as_tuple() {
            left.extend(e);
        } else if let Some((_, env)) = t.as_local_fun() {
            left.extend(env);
        }
    }
    false
}

/// The text without the numbers of nodes, which are ours alone.
fn without_nodes(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut i = 0;
    while i < text.len() {
        out.push(text[i]);
        let digits = text[i + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if text[i] == b'<' && (i == 0 || text[i - 1] != b'<') && digits > 0 && matches!(text.get(i + 1 + digits), Some(b'.' | b'>')) {
            out.push(if &text[i + 1..i + 1 + digits] == b"0" { b'0' } else { b'N' });
            i += digits;
        }
        i += 1;
    }
    out
}

fn run(data: &str, otp25: bool) {
    let alloc = &mut Alloc::new();
    let env = DecodeEnv::new(NodeId::NONE, &Funs);
    let base = if otp25 { Options::otp25(NodeId::NONE) } else { Options::new(NodeId::NONE) };
    let mut terms = Vec::new();
    let (mut bytes_checked, mut texts) = (0, 0);
    for (n, line) in data.lines().enumerate() {
        let f: Vec<&str> = line.split('\t').collect();
        match f[..] {
            ["order", order] => check_order(&terms, order),
            // Later releases keep an order of their own between maps that are keys; OTP 25's is that of terms.
            ["keys", keys] if otp25 => check_keys(alloc, &terms, keys),
            ["keys", _] => {}
            _ => {
                let plain = unhex(f[0]);
                let (t, used) = decode(&plain, alloc, &env).unwrap_or_else(|e| panic!("line {n}: {e:?}: {}", f[0]));
                assert_eq!(used, plain.len());
                terms.push(t);
                let ordered = has_order(t);
                let forms = [
                    (f[0], Options { deterministic: true, minor_version: 2, ..base }),
                    (f[1], base),
                    (f[2], Options { minor_version: 0, ..base }),
                    (f[3], Options { minor_version: 1, ..base }),
                ];
                for (want, options) in forms {
                    if ordered && !options.deterministic {
                        continue;
                    }
                    let want = if want == "=" { plain.clone() } else { unhex(want) };
                    // The maker of a fun is the first process here, as it is in later releases.
                    let got = encode(t, &options);
                    if !(otp25 && t.is_kind(Kind::Fun)) {
                        assert_eq!(got, want, "line {n}: {}", print::text(t));
                        bytes_checked += 1;
                    }
                    assert_eq!(external_size(t, &options), got.len());
                    let (back, _) = decode(&got, alloc, &env).expect("our own bytes");
                    if !t.is_kind(Kind::Fun) && options.minor_version > 0 {
                        assert!(cmp::eq_exact(t, back), "line {n}: {}", print::text(t));
                        assert_eq!(hash::hash(t), hash::hash(back));
                    }
                }
                if !(otp25 && t.is_kind(Kind::Fun)) {
                    assert_eq!(external_size(t, &base).to_string(), f[4], "line {n}");
                }
                assert_eq!(hash::phash2(t).to_string(), f[5], "phash2, line {n}: {}", print::text(t));
                assert_eq!(hash::phash(t).to_string(), f[6], "phash, line {n}: {}", print::text(t));
                if f[7] != "-" {
                    let show = |t: &[u8]| String::from_utf8_lossy(&without_nodes(t)).into_owned();
                    let (mut got, mut want) = (without_nodes(&print::print(t, isize::MAX)), without_nodes(&unhex(f[7])));
                    if ordered {
                        got.sort_unstable();
                        want.sort_unstable();
                    }
                    assert_eq!(show(&got), show(&want), "line {n}");
                    if !ordered {
                        let limit = f[8].parse().expect("a number");
                        assert_eq!(show(&print::print(t, limit)), show(&unhex(f[9])), "line {n}, limit {limit}");
                    }
                    texts += 1;
                }
            }
        }
    }
    println!("{} terms, {bytes_checked} forms, {texts} texts", terms.len());
}

fn check_order(terms: &[Term], order: &str) {
    let mut last = None;
    for item in order.split(',') {
        let digits = item.trim_start_matches(['<', '=', ':']);
        let sign = &item[..item.len() - digits.len()];
        let t = terms[digits.parse::<usize>().expect("a number")];
        if let Some(last) = last {
            let (a, b) = (print::text(last), print::text(t));
            let want = if sign == "<" { Ordering::Less } else { Ordering::Equal };
            assert_eq!(cmp::cmp(last, t), want, "{a} {sign} {b}");
            assert_eq!(cmp::cmp(t, last), want.reverse(), "{b} reversed {a}");
            assert_eq!(cmp::eq(last, t), sign != "<", "{a} {sign} {b}");
            assert_eq!(cmp::eq_exact(last, t), sign == "=:=", "{a} {sign} {b}");
        }
        last = Some(t);
    }
}

fn check_keys(alloc: &mut Alloc, terms: &[Term], keys: &str) {
    let keys: Vec<Term> = keys.split(',').map(|s| terms[s.parse::<usize>().expect("a number")]).collect();
    for w in keys.windows(2) {
        assert_eq!(cmp::cmp_exact(w[0], w[1]), Ordering::Less, "{} before {}", print::text(w[0]), print::text(w[1]));
    }
    // Every pair, also through the walk from a tuple.
    for (i, &a) in keys.iter().enumerate() {
        for (j, &b) in keys.iter().enumerate() {
            assert_eq!(cmp::cmp_exact(a, b), i.cmp(&j));
            assert_eq!(cmp::eq_exact(a, b), i == j);
            if cmp::cmp(a, b) == Ordering::Equal {
                assert!(cmp::eq(a, b));
            }
        }
        let boxed = alloc.tuple(&[Term::small(0), a]);
        assert_eq!(cmp::cmp_exact(boxed, boxed), Ordering::Equal);
    }
}

#[test]
fn otp_25() {
    run(include_str!("data/otp25.tsv"), true);
}

#[test]
fn otp_29() {
    run(include_str!("data/otp29.tsv"), false);
}

/// A longer record, when the variable says where it is.
#[test]
fn recorded_elsewhere() {
    for (variable, otp25) in [("RECORDED_25", true), ("RECORDED", false)] {
        if let Some(path) = std::env::var_os(variable) {
            run(&std::fs::read_to_string(path).expect("a readable record"), otp25);
        }
    }
}
