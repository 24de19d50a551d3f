//! Bytes from strangers: never a panic, and no more memory than the bytes account for.

use etf::{DecodeEnv, Decoder, Encoder, NoFuns, NodeId, Options, Packer, decode, encode};
use term::binary::Growing;
use term::{Alloc, Term, cmp, map};

fn sample(alloc: &mut Alloc) -> Vec<u8> {
    let f = alloc.float(1.5);
    let big = alloc.integer(true, &[1, 2, 3]);
    let bits = alloc.bitstring(&[1, 2, 0xff], 21);
    let long = alloc.binary(&[7; 100]);
    let text = alloc.list_of_bytes(b"hello");
    let node = term::node_name::intern(term::atom::intern("a@b"), 3);
    let pid = alloc.ext_pid(node, 5, 6);
    let port = alloc.ext_port(node, 7);
    let r = alloc.ext_ref(node, &[1, 2, 3]);
    let own = alloc.reference(12345678901234, Term::pid(3, 4).raw());
    let pairs: Vec<_> = (0..40).map(|i| (Term::small(i), f)).collect();
    let m = map::from_pairs(alloc, &pairs);
    let small = map::from_pairs(alloc, &[(text, big), (bits, long)]);
    let ids = alloc.list_with_tail(&[pid, port, r, own, Term::pid(1, 2), Term::port(9)], term::am::OK);
    let definition = alloc.tuple(&[term::am::OK, term::am::ERROR, term::am::TRUE, Term::NIL]);
    let record = alloc.record(definition, &[]);
    let t = alloc.tuple(&[text, f, big, m, small, ids, Term::small(-5), Term::small(1 << 40), record]);
    encode(t, &Options::new(NodeId::NONE))
}

#[test]
fn mutated_bytes_do_no_harm() {
    let alloc = &mut Alloc::new();
    let good = sample(alloc);
    let env = DecodeEnv { safe: true, ..DecodeEnv::new(NodeId::NONE, &NoFuns) };
    assert!(decode(&good, alloc, &env).is_ok());
    let mut seed = 1u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((seed >> 33) as usize) % n
    };
    const TAGS: &[u8] = &[
        67, 70, 77, 80, 82, 88, 89, 90, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114,
        115, 116, 118, 119, 120, 121, 131, 0, 1, 255,
    ];
    let (mut ok, mut bad) = (0, 0);
    for round in 0..60_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + random(4) {
            let at = 1 + random(bytes.len() - 1);
            match random(5) {
                0 => bytes[at] = random(256) as u8,
                1 => bytes[at] = TAGS[random(TAGS.len())],
                2 => bytes.truncate(at + 1),
                3 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, TAGS[random(TAGS.len())]),
            }
            if bytes.len() < 4 {
                break;
            }
        }
        let alloc = &mut Alloc::new();
        match decode(&bytes, alloc, &env) {
            Ok((t, used)) => {
                ok += 1;
                assert!(used <= bytes.len());
                // What was read can be written, read again, hashed, compared and printed.
                let again = encode(t, &Options::new(NodeId::NONE));
                let (back, _) = decode(&again, alloc, &env).unwrap_or_else(|e| panic!("round {round}: {e:?}"));
                assert!(cmp::eq_exact(t, back));
                term::print::text(t);
            }
            Err(_) => bad += 1,
        }
        assert!(alloc.fragment_words() < 64 * bytes.len() + 1000);
    }
    assert!(ok > 1000 && bad > 1000, "{ok} {bad}");
}

#[test]
fn random_bytes_do_no_harm() {
    let env = DecodeEnv { safe: true, ..DecodeEnv::new(NodeId::NONE, &NoFuns) };
    let mut seed = 99u64;
    for _ in 0..50_000 {
        let mut bytes = vec![131];
        for _ in 0..30 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let r = (seed >> 33) as u32;
            bytes.push(if r & 256 == 0 { 67 + (r % 56) as u8 } else { (r >> 9) as u8 & 7 });
        }
        let _ = decode(&bytes, &mut Alloc::new(), &env);
    }
}

#[test]
fn depth_and_slices() {
    let alloc = &mut Alloc::new();
    let env = DecodeEnv::new(NodeId::NONE, &NoFuns);
    let mut t = Term::NIL;
    for i in 0..300_000 {
        t = if i % 2 == 0 { alloc.tuple(&[t, Term::small(i)]) } else { alloc.cons(t, Term::NIL) };
    }
    let options = Options::new(NodeId::NONE);
    let whole = encode(t, &options);
    let mut e = Encoder::<Vec<u8>>::new(t, &options);
    let mut slices = 0;
    while !e.run(1000) {
        slices += 1;
    }
    assert!(slices > 100 && e.finish() == whole);
    let mut d = Decoder::new(&whole, &env).expect("a version byte");
    let back = loop {
        if let Some(t) = d.run(alloc, &env, 1000).expect("our own bytes") {
            break t;
        }
    };
    assert!(cmp::eq_exact(t, back) && d.used() == whole.len());
    // Nested without end.
    for unit in [&[104u8, 1][..], &[108, 0, 0, 0, 1], &[116, 0, 0, 0, 1]] {
        let mut bytes = vec![131];
        bytes.extend(unit.iter().copied().cycle().take(unit.len() * 200_000));
        assert!(decode(&bytes, alloc, &env).is_err());
    }
}

/// The packed form, made in steps of so many bytes.
fn packed(plain: &[u8], step: usize) -> Vec<u8> {
    let mut bytes = Growing::with_capacity(0);
    bytes.extend(plain);
    let mut packer = Packer::new(bytes, 6);
    while !packer.run(step) {}
    packer.finish().bytes().to_vec()
}

#[test]
fn compressed_and_private_forms() {
    let alloc = &mut Alloc::new();
    let env = DecodeEnv::new(NodeId::NONE, &NoFuns);
    let t = alloc.list(&vec![term::atom::intern("ab"); 100]);
    // As OTP 25 writes term_to_binary(lists:duplicate(100, ab), [compressed]).
    let want = [
        131, 80, 0, 0, 1, 250, 120, 156, 203, 97, 96, 96, 72, 73, 97, 96, 74, 76, 26, 37, 70, 20, 145, 5, 0, 120, 75, 117, 63,
    ];
    let (back, used) = decode(&want, alloc, &env).expect("compressed");
    assert!(cmp::eq_exact(t, back) && used == want.len());
    let got = packed(&encode(t, &Options::otp25(NodeId::NONE)), usize::MAX);
    assert_eq!(got, packed(&encode(t, &Options::otp25(NodeId::NONE)), 7));
    let mut slow = Decoder::new(&got, &env).expect("a version byte");
    let mut slices = 0;
    let back = loop {
        match slow.run(alloc, &env, 3).expect("compressed") {
            Some(back) => break back,
            None => slices += 1,
        }
    };
    assert!(slices > 10 && cmp::eq_exact(t, back));
    assert!(got.len() < 40 && cmp::eq_exact(decode(&got, alloc, &env).expect("compressed").0, t));
    let mut more = got.clone();
    more.extend([1, 2, 3]);
    assert_eq!(decode(&more, alloc, &env).map(|x| x.1), Ok(got.len()));
    for size in [249u8, 251] {
        let mut wrong = want;
        wrong[5] = size;
        assert!(decode(&wrong, alloc, &env).is_err());
    }
    let short = alloc.list_of_bytes(&[1, 2, 3]);
    let plain = encode(short, &Options::new(NodeId::NONE));
    assert_eq!(packed(&plain, usize::MAX), plain);

    // A private form outlives a change of the node's name.
    let r = alloc.reference(77, 0);
    let t = alloc.tuple(&[r, Term::pid(1, 2), Term::port(3)]);
    let bytes = encode(t, &Options { local: Some(42), ..Options::new(NodeId::NONE) });
    let named = NodeId { name: term::atom::intern("me@here"), creation: 9 };
    let (back, _) = decode(&bytes, alloc, &DecodeEnv { local: Some(42), ..DecodeEnv::new(named, &NoFuns) }).expect("private");
    assert!(cmp::eq_exact(t, back));
    assert!(decode(&bytes, alloc, &DecodeEnv { local: Some(43), ..DecodeEnv::new(named, &NoFuns) }).is_err());
    assert!(decode(&bytes, alloc, &env).is_err());
    // While the ordinary one names the node.
    let bytes = encode(t, &Options::new(NodeId::NONE));
    let (other, _) = decode(&bytes, alloc, &DecodeEnv::new(named, &NoFuns)).expect("plain");
    assert!(!cmp::eq_exact(t, other));
}

#[test]
fn borders() {
    let alloc = &mut Alloc::new();
    let options = Options::new(NodeId::NONE);
    let s = alloc.list_of_bytes(&vec![1; 65535]);
    assert_eq!(encode(s, &options)[..4], [131, 107, 255, 255]);
    let s = alloc.list_of_bytes(&vec![1; 65536]);
    assert_eq!(encode(s, &options)[..8], [131, 108, 0, 1, 0, 0, 97, 1]);
    let env = DecodeEnv::new(NodeId::NONE, &NoFuns);
    // As the real one answers.
    let good: &[(&[u8], Term)] = &[
        (&[131, 110, 1, 1, 0], Term::small(0)),
        (&[131, 110, 0, 0], Term::small(0)),
        (&[131, 110, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Term::small(1)),
        (&[131, 110, 1, 2, 5], Term::small(-5)),
        (&[131, 108, 0, 0, 0, 0, 97, 1], Term::small(1)),
        (&[131, 107, 0, 0], Term::NIL),
        (&[131, 97, 1, 2, 3], Term::small(1)),
        (&[131, 115, 1, 229], term::atom::intern("å")),
    ];
    for (bytes, want) in good {
        assert_eq!(decode(bytes, alloc, &env).map(|x| x.0), Ok(*want), "{bytes:?}");
    }
    let bad: &[&[u8]] = &[
        &[131, 116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 2],
        &[131, 77, 0, 0, 0, 1, 0, 255],
        &[131, 77, 0, 0, 0, 1, 9, 255],
        &[131, 77, 0, 0, 0, 0, 8],
        &[131, 70, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
        &[131, 119, 1, 229],
        &[131, 88, 97, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[131, 111, 255, 255, 255, 255, 0, 1],
        &[131, 109, 255, 255, 255, 255, 0, 1],
        &[131, 105, 255, 255, 255, 255, 106],
        &[131],
        &[],
        &[130, 97, 1],
    ];
    for bytes in bad {
        assert!(decode(bytes, alloc, &env).is_err(), "{bytes:?}");
    }
}
