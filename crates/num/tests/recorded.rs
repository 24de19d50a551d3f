//! Compares with what a real Erlang answered: each line of `tests/data/*.txt` is one case, written by `record.escript`.
use num::float::Format;
use num::{BigInt, Error, Int, arith, bits, bytes, checksum, convert, float, text};
use std::cmp::Ordering;

fn hex(t: &str) -> BigInt {
    text::parse(t.as_bytes(), 16).unwrap_or_else(|e| panic!("{t}: {e:?}"))
}

fn show(n: &Result<BigInt, Error>) -> String {
    match n {
        Ok(n) => String::from_utf8(text::to_text(n.as_int(), 16).unwrap()).unwrap(),
        Err(Error::BadArith) => "badarith".into(),
        Err(e) => format!("{e:?}"),
    }
}

fn unhex(t: &str) -> Vec<u8> {
    t.as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
        .collect()
}

fn float_of(t: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(t, 16).unwrap())
}

#[test]
fn arithmetic() {
    for line in include_str!("data/arith.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let (a, b, s) = (hex(w[0]), hex(w[1]), w[2].parse::<i64>().unwrap());
        let (a, b) = (a.as_int(), b.as_int());
        let mut room = [0];
        let s = Int::small(s, &mut room);
        let answers = [
            arith::add(a, b),
            arith::sub(a, b),
            arith::mul(a, b),
            arith::div(a, b),
            arith::rem(a, b),
            bits::band(a, b),
            bits::bor(a, b),
            bits::bxor(a, b),
            bits::bnot(a),
            bits::bsl(a, s),
            bits::bsr(a, s),
        ];
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(show(answer), w[3 + i], "operation {i} of {line}");
        }
    }
}

#[test]
fn integers_and_floats() {
    for line in include_str!("data/bigfloat.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let n = hex(w[0]);
        let float = match convert::to_f64(n.as_int()) {
            Ok(f) => format!("{:X}", f.to_bits()),
            Err(_) => "badarg".into(),
        };
        assert_eq!(float, w[1], "{line}");
        let f = float_of(w[2]);
        let parts = [
            convert::trunc(f),
            convert::round(f),
            convert::floor(f),
            convert::ceil(f),
        ];
        for (i, part) in parts.iter().enumerate() {
            assert_eq!(show(part), w[3 + i], "{line}");
        }
        let order = match convert::cmp_f64(n.as_int(), f) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(order, w[7], "{line}");
    }
}

/// The integers of `bigfloat.txt` whose floats are others in OTP 29.
#[test]
fn newer_floats_of_integers() {
    let newer: std::collections::HashMap<&str, &str> = include_str!("data/bigfloat_29.txt")
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    assert!(newer.len() > 20);
    for line in include_str!("data/bigfloat.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let float = match convert::to_f64_nearest(hex(w[0]).as_int()) {
            Ok(f) => format!("{:X}", f.to_bits()),
            Err(_) => "badarg".into(),
        };
        assert_eq!(float, *newer.get(w[0]).unwrap_or(&w[1]), "{line}");
    }
}

fn float_text(f: f64, format: Format) -> String {
    match float::to_text(f, format) {
        Ok(t) => String::from_utf8(t.to_vec()).unwrap(),
        Err(_) => "badarg".into(),
    }
}

#[test]
fn float_texts() {
    for line in include_str!("data/float.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let f = float_of(w[0]);
        assert_eq!(float_text(f, Format::Short), w[1]);
        assert_eq!(float_text(f, float::DEFAULT), w[2]);
        assert_eq!(
            float::parse(w[1].as_bytes()).unwrap().to_bits(),
            f.to_bits()
        );
    }
    let mut wrong = Vec::new();
    for line in include_str!("data/float_options.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let decimals = w[2].parse().unwrap();
        let format = match w[1] {
            "s" => Format::Scientific(decimals),
            kind => Format::Decimals {
                decimals,
                compact: kind == "c",
            },
        };
        let text = float_text(float_of(w[0]), format);
        if text != w[3] {
            wrong.push(format!("{line}\n   we: {text}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn float_parsing() {
    for line in include_str!("data/float_parse.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let input = &unhex(w[0])[1..];
        let bits = match float::parse(input) {
            Ok(f) => format!("{:X}", f.to_bits()),
            Err(_) => "badarg".into(),
        };
        assert_eq!(bits, w[1], "{:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn integer_texts() {
    for line in include_str!("data/text.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let (n, base) = (hex(w[0]), w[1].parse().unwrap());
        let show = |base| String::from_utf8(text::to_text(n.as_int(), base).unwrap()).unwrap();
        assert_eq!(show(base), w[2]);
        assert_eq!(show(10), w[3]);
        assert_eq!(text::parse(w[2].as_bytes(), base), Ok(n.clone()));
        assert_eq!(
            text::parse(w[2].to_lowercase().as_bytes(), base),
            Ok(n.clone())
        );
        assert_eq!(text::parse(w[3].as_bytes(), 10), Ok(n.clone()));
        // Two's complement both ways, one bit wider than the number.
        let len = n.as_int().bit_len() + 1;
        for endian in [bytes::Endian::Big, bytes::Endian::Little] {
            let mut out = vec![0; len.div_ceil(8) as usize];
            bytes::to_bytes(n.as_int(), &mut out, endian);
            assert_eq!(bytes::from_bytes(&out, len, endian, true), Ok(n.clone()));
        }
    }
}

#[test]
fn not_integers() {
    for (t, base) in [
        ("", 10),
        ("-", 10),
        ("+", 10),
        ("1_2", 10),
        ("12 ", 10),
        ("2", 2),
        ("G", 16),
        ("1", 37),
        ("1", 1),
        ("--1", 10),
    ] {
        assert_eq!(text::parse(t.as_bytes(), base), Err(Error::BadArg), "{t}");
    }
    assert_eq!(text::parse(b"-0zZ", 36).unwrap().to_i64(), Some(-1295));
    assert_eq!(text::parse(b"-000", 10).unwrap(), BigInt::default());
}

#[test]
fn limits() {
    let mut room = [0];
    let one = Int::small(1, &mut room);
    let last = bits::shl(one, 33554367).unwrap();
    assert_eq!(bits::shl(one, 33554368), Err(Error::SystemLimit));
    assert_eq!(
        bits::shl(Int { neg: true, ..one }, 33554368),
        Err(Error::SystemLimit)
    );
    let max = arith::add(
        arith::sub(last.as_int(), one).unwrap().as_int(),
        last.as_int(),
    )
    .unwrap();
    assert_eq!(arith::add(max.as_int(), one), Err(Error::SystemLimit));
    assert_eq!(
        arith::sub(max.as_int().negate(), one),
        Err(Error::SystemLimit)
    );
    assert_eq!(bits::bnot(max.as_int()), Err(Error::SystemLimit));
    let (a, b) = (
        bits::shl(one, 16777216).unwrap(),
        bits::shl(one, 16777151).unwrap(),
    );
    assert_eq!(arith::mul(a.as_int(), b.as_int()), Ok(last.clone()));
    assert_eq!(arith::mul(a.as_int(), a.as_int()), Err(Error::SystemLimit));
    // Shifts by more than any machine word.
    let huge = bits::shl(one, 70).unwrap();
    let huge = huge.as_int();
    assert_eq!(bits::bsl(Int::ZERO, huge), Ok(BigInt::default()));
    assert_eq!(bits::bsl(one, huge), Err(Error::SystemLimit));
    assert_eq!(bits::bsr(one, huge), Ok(BigInt::default()));
    assert_eq!(bits::bsr(one.negate(), huge), Ok(BigInt::from_i64(-1)));
    assert_eq!(bits::bsr(huge.negate(), huge), Ok(BigInt::from_i64(-1)));
    assert_eq!(bits::bsr(one, huge.negate()), Err(Error::SystemLimit));
}

#[test]
fn checksums() {
    for line in include_str!("data/checksum.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let (a, b) = (unhex(&w[0][1..]), unhex(&w[1][1..]));
        let n: Vec<u32> = w[2..8].iter().map(|t| t.parse().unwrap()).collect();
        let (crc_a, crc_b) = (checksum::crc32(0, &a), checksum::crc32(0, &b));
        assert_eq!(crc_a, n[0]);
        assert_eq!(checksum::crc32(crc_a, &b), n[1]);
        assert_eq!(checksum::crc32_combine(crc_a, crc_b, b.len() as u64), n[2]);
        let (adler_a, adler_b) = (checksum::adler32(1, &a), checksum::adler32(1, &b));
        assert_eq!(adler_a, n[3]);
        assert_eq!(checksum::adler32(adler_a, &b), n[4]);
        assert_eq!(
            checksum::adler32_combine(adler_a, adler_b, b.len() as u64),
            n[5]
        );
        assert_eq!(checksum::md5(&a).to_vec(), unhex(w[8]));
    }
}
