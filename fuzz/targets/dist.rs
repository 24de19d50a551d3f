//! Packets between nodes: the first byte of each says its length. Whatever they are, they are messages or an error; a message that is written
//! again, with and without headers, is read back as the same.
#![no_main]

use dist::flags::Takes;
use dist::{Control, Packet, Receiver, Sender, pack, unpack};
use etf::{DecodeEnv, NoFuns, NodeId, Options};
use libfuzzer_sys::fuzz_target;
use std::collections::VecDeque;
use term::{Alloc, atom, cmp};

fuzz_target!(|data: &[u8]| {
    let here = NodeId { name: atom::intern("a@h"), creation: 7 };
    let mut env = DecodeEnv::new(here, &NoFuns);
    env.atom_limit = atom::CAPACITY / 2;
    let mut receiver = Receiver::default();
    let (mut plain, mut headed) = (Sender::new(false, false), Sender::new(true, true));
    let (mut from_plain, mut from_headed) = (Receiver::default(), Receiver::default());
    let mut rest = data;
    while let Some((&n, more)) = rest.split_first() {
        // One length stands for all that is left, so that there are long ones too.
        let n = if n == 255 { more.len() } else { usize::from(n).min(more.len()) };
        let (bytes, more) = more.split_at(n);
        rest = more;
        let Ok(came) = unpack(bytes, &env, &mut receiver) else { return };
        let Some(Packet { control, token, payload, memory: _memory }) = came else { continue };
        for (numbers, sender, back) in [(false, &mut plain, &mut from_plain), (true, &mut headed, &mut from_headed)] {
            let parts = pack(control, token, payload.as_ref().map(|p| p.0), &Options::new(here), Takes { numbers, ..Takes::USUAL });
            let (mut again, mut queue) = (None, VecDeque::new());
            sender.packets(parts, false, &mut queue);
            for frame in queue {
                again = unpack(&frame.packet(), &env, back).expect("own packets can be read");
            }
            let again = again.expect("the last fragment ends it");
            assert!(same(again.control, control));
            let terms = [again.payload.map(|p| p.0), payload.as_ref().map(|p| p.0)];
            assert!(matches!(terms, [None, None]) || matches!(terms, [Some(a), Some(b)] if cmp::eq_exact(a, b)));
        }
    }
});

/// As terms: their own memories differ.
fn same(one: Control, other: Control) -> bool {
    let mut a = Alloc::new();
    let (one, other) = (one.term(None, &mut a), other.term(None, &mut a));
    cmp::eq_exact(one, other)
}
