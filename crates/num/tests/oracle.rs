//! Our own loops against dashu-int's, over seeded numbers with many equal and extreme limbs, where carries go wrong.
use dashu_int::ops::DivRem;
use dashu_int::{IBig, Sign, UBig};
use num::{BigInt, arith, bits, bytes, text};

struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn limb(&mut self) -> u64 {
        match self.below(8) {
            0 | 1 => 0,
            2 | 3 => u64::MAX,
            4 => 1 << 63,
            5 => self.below(3),
            _ => self.next(),
        }
    }

    fn number(&mut self, limbs: u64) -> BigInt {
        let len = self.below(limbs + 1);
        BigInt::new(self.below(2) == 1, (0..len).map(|_| self.limb()).collect())
    }
}

fn theirs(n: &BigInt) -> IBig {
    IBig::from_parts(
        if n.neg {
            Sign::Negative
        } else {
            Sign::Positive
        },
        UBig::from_words(&n.mag),
    )
}

fn ours(n: &IBig) -> BigInt {
    let (sign, words) = n.as_sign_words();
    BigInt::new(sign == Sign::Negative, words.into())
}

#[test]
fn every_operation_agrees() {
    let mut seed = Seeded(42);
    for round in 0..30_000 {
        let limbs = [2, 3, 4, 8, 40, 90][round % 6];
        let (x, y) = (
            seed.number(limbs),
            seed.number([limbs, 3, limbs * 2][round / 6 % 3]),
        );
        let (a, b) = (x.as_int(), y.as_int());
        let (p, q) = (theirs(&x), theirs(&y));
        assert_eq!(arith::add(a, b), Ok(ours(&(&p + &q))));
        assert_eq!(arith::sub(a, b), Ok(ours(&(&p - &q))));
        assert_eq!(arith::mul(a, b), Ok(ours(&(&p * &q))));
        assert_eq!(arith::mul(a, a), Ok(ours(&(&p * &p))));
        assert_eq!(arith::cmp(a, b), p.cmp(&q));
        if !b.is_zero() {
            let (d, r) = (&p).div_rem(&q);
            assert_eq!(arith::div_rem(a, b), Ok((ours(&d), ours(&r))));
            // A dividend just below, at and just above a multiple.
            let near = arith::add(
                arith::mul(a, b).unwrap().as_int(),
                BigInt::from_i64(round as i64 % 3 - 1).as_int(),
            )
            .unwrap();
            let (d, r) = theirs(&near).div_rem(&q);
            assert_eq!(arith::div_rem(near.as_int(), b), Ok((ours(&d), ours(&r))));
        }
        assert_eq!(bits::band(a, b), Ok(ours(&(&p & &q))));
        assert_eq!(bits::bor(a, b), Ok(ours(&(&p | &q))));
        assert_eq!(bits::bxor(a, b), Ok(ours(&(&p ^ &q))));
        assert_eq!(bits::bnot(a), Ok(ours(&!p.clone())));
        let by = seed.below(200);
        assert_eq!(bits::shl(a, by), Ok(ours(&(&p << by as usize))));
        assert_eq!(bits::shr(a, by), ours(&(&p >> by as usize)));
        assert_eq!(
            bytes::from_magnitude(a.neg, &p.clone().unsigned_abs_bytes()),
            Ok(x.clone())
        );
    }
}

trait Bytes {
    fn unsigned_abs_bytes(self) -> Vec<u8>;
}

impl Bytes for IBig {
    fn unsigned_abs_bytes(self) -> Vec<u8> {
        self.into_parts().1.to_le_bytes().into_vec()
    }
}

#[test]
fn texts_agree_across_the_thresholds() {
    let mut seed = Seeded(7);
    for round in 0..1500 {
        let n = seed.number([2, 5, 30, 45, 120][round % 5]);
        let base = 2 + seed.below(35) as u32;
        let expected = theirs(&n).in_radix(base as u8).to_string().to_uppercase();
        let text = text::to_text(n.as_int(), base).unwrap();
        assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
        assert_eq!(text::parse(&text, base), Ok(n.clone()));
        assert_eq!(
            text::to_text(n.as_int(), 10).unwrap(),
            theirs(&n).to_string().into_bytes()
        );
    }
}

#[test]
fn fields_of_any_width() {
    let mut seed = Seeded(9);
    for _ in 0..3000 {
        let n = seed.number(5);
        let width = 1 + seed.below(330);
        let modulus = IBig::from(1) << width as usize;
        // What the lowest `width` bits mean, unsigned and signed.
        let low = theirs(&n) & (&modulus - IBig::from(1));
        let signed = if low >= (&modulus >> 1) {
            &low - &modulus
        } else {
            low.clone()
        };
        for endian in [bytes::Endian::Big, bytes::Endian::Little] {
            let mut out = vec![0; width.div_ceil(8) as usize];
            bytes::to_bytes(n.as_int(), &mut out, endian);
            assert_eq!(
                bytes::from_bytes(&out, width, endian, false),
                Ok(ours(&low))
            );
            assert_eq!(
                bytes::from_bytes(&out, width, endian, true),
                Ok(ours(&signed))
            );
        }
    }
}
