//! Any bytes as an external term. What can be read is written again in every form and read back as the same term.
#![no_main]

use etf::{DecodeEnv, NoFuns, NodeId, Options, Packer, decode, encode, external_size};
use libfuzzer_sys::fuzz_target;
use term::{Alloc, atom, cmp};

fuzz_target!(|data: &[u8]| {
    let alloc = &mut Alloc::new();
    let mut env = DecodeEnv::new(NodeId::NONE, &NoFuns);
    env.safe = data.first().is_some_and(|b| b & 1 == 0); // made atoms are never freed: only a part of the inputs may make some
    env.atom_limit = atom::CAPACITY / 2;
    let mut bytes = vec![131];
    bytes.extend_from_slice(data.get(1..).unwrap_or_default());
    let Ok((value, used)) = decode(&bytes, alloc, &env) else { return };
    assert!(used <= bytes.len());
    drop(term::print::text(value));
    for options in [Options::new(NodeId::NONE), Options::otp25(NodeId::NONE)] {
        let out = encode(value, &options);
        assert_eq!(out.len(), external_size(value, &options));
        env.safe = false;
        let (again, all) = decode(&out, alloc, &env).expect("own bytes can be read");
        assert_eq!(all, out.len());
        assert!(cmp::eq_exact(value, again), "{out:?}");
        let mut plain = term::binary::Growing::default();
        plain.extend(&out);
        let mut packer = Packer::new(plain, 6);
        while !packer.run(1000) {}
        let packed = packer.finish().bytes().to_vec();
        let (again, _) = decode(&packed, alloc, &env).expect("own packed bytes can be read");
        assert!(cmp::eq_exact(value, again));
    }
});
