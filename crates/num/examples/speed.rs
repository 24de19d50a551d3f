//! How fast the integers are: `cargo run --release -p ferrobeam-num --example speed`.
use num::{BigInt, arith, bits, convert, float, text};
use std::hint::black_box;
use std::time::Instant;

fn measure<T>(name: &str, mut f: impl FnMut() -> T) {
    let mut times = 1u64;
    loop {
        let start = Instant::now();
        for _ in 0..times {
            black_box(f());
        }
        let spent = start.elapsed();
        if spent.as_millis() >= 40 {
            println!(
                "{name:36} {:12.1} ns",
                spent.as_nanos() as f64 / times as f64
            );
            return;
        }
        times *= 2;
    }
}

fn number(limbs: usize) -> BigInt {
    let mut x = 88172645463325252u64;
    let mag = (0..limbs).map(|_| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x | 1
    });
    BigInt::new(false, mag.collect())
}

fn main() {
    for limbs in [1, 2, 3, 4, 8, 16, 24, 32, 52, 64, 128, 520] {
        let (x, y) = (number(limbs), number(limbs * 2));
        let (a, b) = (x.as_int(), y.as_int());
        let z = number(limbs);
        measure(&format!("add {limbs}"), || {
            arith::add(black_box(a), black_box(z.as_int()))
        });
        measure(&format!("mul {limbs}"), || {
            arith::mul(black_box(a), black_box(z.as_int()))
        });
        measure(&format!("square {limbs}"), || {
            arith::mul(black_box(a), black_box(a))
        });
        measure(&format!("div_rem {}/{limbs}", limbs * 2), || {
            arith::div_rem(black_box(b), black_box(a))
        });
        measure(&format!("div_rem {limbs}/1"), || {
            arith::div_rem(black_box(a), BigInt::from_u64(black_box(10)).as_int())
        });
        measure(&format!("band {limbs}"), || {
            bits::band(black_box(a), black_box(z.as_int()))
        });
        measure(&format!("to_text {limbs}"), || {
            text::to_text(black_box(a), 10)
        });
        let t = text::to_text(a, 10).unwrap();
        measure(&format!("parse {limbs} ({} digits)", t.len()), || {
            text::parse(black_box(&t), 10)
        });
    }
    for digits in [1000, 10_000, 100_000] {
        let t = "7".repeat(digits);
        let n = text::parse(t.as_bytes(), 10).unwrap();
        let m = text::parse("3".repeat(digits).as_bytes(), 10).unwrap();
        measure(&format!("mul of {digits} digits"), || {
            arith::mul(black_box(n.as_int()), m.as_int())
        });
        measure(&format!("to_text of {digits} digits"), || {
            text::to_text(black_box(n.as_int()), 10)
        });
        measure(&format!("parse of {digits} digits"), || {
            text::parse(black_box(t.as_bytes()), 10)
        });
    }
    let f = black_box(0.1 + 0.2);
    measure("float short", || {
        float::to_text(black_box(f), float::Format::Short)
    });
    measure("float 20 digits", || {
        float::to_text(black_box(f), float::DEFAULT)
    });
    measure("float parse", || {
        float::parse(black_box(b"0.30000000000000004"))
    });
    measure("integer to float", || {
        convert::to_f64(black_box(number(2).as_int()))
    });
    let bytes = [7u8; 1200];
    measure("phash2 of 1200 bytes", || {
        num::phash2::binary(0, black_box(&bytes), 0)
    });
    measure("phash2 of a small", || {
        num::phash2::small(0, black_box(1234567))
    });
}
