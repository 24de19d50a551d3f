//! Packets: a control message and perhaps a term behind it.

use crate::Control;
use crate::flags::Takes;
use crate::header::{Parts, Receiver};
use etf::{AtomRefs, DecodeEnv, Decoder, FunKey, Options, Resolver, Stacks};
use std::sync::Arc;
use term::fun::{Export, FunEntry};
use term::magic::Magic;
use term::{Alloc, Fragment, Term};

/// Not a packet of the protocol: the connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bad;

/// What came in one packet, or in its fragments.
#[derive(Debug)]
pub struct Packet {
    pub control: Control,
    /// Of sequential tracing.
    pub token: Option<Term>,
    /// The memory of the control message's terms.
    pub memory: Fragment,
    pub payload: Option<(Term, Fragment)>,
}

/// Reads a packet; `None` for an empty one, which only says that the other side is there, and as long as fragments are missing.
pub fn unpack(bytes: &[u8], env: &DecodeEnv<'_>, receiver: &mut Receiver) -> Result<Option<Packet>, Bad> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let Some(whole) = receiver.take(bytes, env.atom_limit)? else { return Ok(None) };
    let body = &whole.body[..];
    let known = Known { more: env.resolver, atoms: whole.atoms.as_deref().unwrap_or_default() };
    let env = DecodeEnv { resolver: &known, ..*env };
    let with_version = whole.atoms.is_none();
    let mut a = Alloc::new();
    let (control, used) = decode(body, with_version, &mut a, &env, &mut receiver.stacks)?;
    let (control, token) = Control::parse(control).ok_or(Bad)?;
    let rest = body.get(used..).ok_or(Bad)?;
    let payload = match (control.has_payload(), rest.is_empty()) {
        (false, true) => None,
        (true, false) => {
            let mut a = Alloc::new();
            let (t, used) = decode(rest, with_version, &mut a, &env, &mut receiver.stacks)?;
            if used != rest.len() {
                return Err(Bad);
            }
            Some((t, a.finish()))
        }
        _ => return Err(Bad),
    };
    receiver.recycle(whole);
    Ok(Some(Packet { control, token, memory: a.finish(), payload }))
}

fn decode(bytes: &[u8], with_version: bool, a: &mut Alloc, env: &DecodeEnv<'_>, stacks: &mut Stacks) -> Result<(Term, usize), Bad> {
    if with_version {
        return etf::decode(bytes, a, env).map_err(|_| Bad);
    }
    let mut d = Decoder::bare(bytes, std::mem::take(stacks));
    loop {
        if let Some(t) = d.run(a, env, usize::MAX).map_err(|_| Bad)? {
            let used = d.used();
            *stacks = d.into_stacks();
            return Ok((t, used));
        }
    }
}

/// The node's tables, and the atoms of one header.
struct Known<'a> {
    more: &'a dyn Resolver,
    atoms: &'a [Term],
}

impl Resolver for Known<'_> {
    fn export(&self, module: Term, function: Term, arity: u8, safe: bool) -> Option<&'static Export> {
        self.more.export(module, function, arity, safe)
    }
    fn fun(&self, key: &FunKey) -> Option<&'static FunEntry> {
        self.more.fun(key)
    }
    fn magic(&self, number: u64, alias_of: u64) -> Option<Arc<Magic>> {
        self.more.magic(number, alias_of)
    }
    fn cached_atom(&self, index: u8) -> Option<Term> {
        self.atoms.get(usize::from(index)).copied()
    }
}

/// A message, but for its header.
pub fn pack(control: Control, token: Option<Term>, payload: Option<Term>, options: &Options, takes: Takes) -> Parts {
    let mut a = Alloc::new();
    let (control, payload) = control.plain(payload, takes);
    let control = control.term(token, &mut a);
    let mut parts = etf::Parts::new(options, takes.numbers.then(AtomRefs::default));
    parts.add(control);
    let control = parts.size();
    if let Some(t) = payload {
        parts.add(t);
    }
    let (bytes, atoms) = parts.finish();
    Parts { atoms, bytes, control, has_payload: payload.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sender;
    use etf::{NoFuns, NodeId};
    use term::atom;

    fn id(name: &str, creation: u32) -> NodeId {
        NodeId { name: atom::intern(name), creation }
    }
    fn takes(numbers: bool) -> Takes {
        Takes { numbers, ..Takes::USUAL }
    }
    fn packets(sender: &mut Sender, parts: Parts) -> Vec<Vec<u8>> {
        let mut all = std::collections::VecDeque::new();
        let size = sender.packets(parts, false, &mut all);
        let all: Vec<Vec<u8>> = all.iter().map(|f| f.packet().into_owned()).collect();
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), size);
        all
    }

    /// What one node packs the other unpacks: pids change sides. With and without headers.
    #[test]
    fn there_and_back() {
        let (here, there) = (id("a@h", 7), id("b@h", 9));
        for headers in [false, true] {
            let (mut sender, mut receiver) = (Sender::new(headers, true), Receiver::default());
            for round in 0..3 {
                let mut a = Alloc::new();
                let to = a.ext_pid(term::node_name::intern(there.name, 9), 5, 1);
                let control = Control::Send { from: Some(Term::pid(3, 0)), to };
                let all = packets(&mut sender, pack(control, None, Some(atom::intern("hello")), &Options::new(here), takes(headers)));
                assert_eq!(all.len(), 1);
                assert!(!headers || (all[0].windows(5).any(|w| w == b"hello")) == (round == 0), "only the first time in full");
                let p = unpack(&all[0], &DecodeEnv::new(there, &NoFuns), &mut receiver).unwrap().unwrap();
                let Control::Send { from: Some(from), to } = p.control else { panic!("a send") };
                assert_eq!(to, Term::pid(5, 1));
                assert_eq!(from.as_ext_pid().map(|(n, x, y)| (n.name, n.creation, x, y)), Some((here.name, 7, 3, 0)));
                assert_eq!(p.payload.map(|p| p.0), Some(atom::intern("hello")));
            }
        }
    }

    /// Small packets that wait become one piece, each with its length in front.
    #[test]
    fn joined() {
        let here = id("a@h", 7);
        let (mut sender, mut receiver) = (Sender::new(true, true), Receiver::default());
        let mut queue = std::collections::VecDeque::new();
        let mut a = Alloc::new();
        let large = a.binary(&[7; 100_000]);
        let control = Control::SendName { from: Term::pid(1, 0), name: atom::intern("x") };
        let messages = [Term::small(1), Term::small(2), large, Term::small(3), Term::small(4)];
        for m in messages {
            sender.packets(pack(control, None, Some(m), &Options::new(here), takes(true)), true, &mut queue);
        }
        assert_eq!(queue.iter().map(|f| f.packets()).collect::<Vec<_>>(), [2, 1, 1, 2]);
        let bytes: Vec<u8> = queue.iter().flat_map(|f| [&f.own, f.shared()].concat()).collect();
        let (mut rest, mut got) = (&bytes[..], Vec::new());
        while let [a, b, c, d, more @ ..] = rest {
            let (packet, more) = more.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            got.extend(unpack(packet, &DecodeEnv::new(here, &NoFuns), &mut receiver).unwrap().map(|p| p.payload.unwrap()));
            rest = more;
        }
        assert!(got.len() == 5 && got.iter().zip(messages).all(|(g, m)| term::cmp::eq(g.0, m)));
    }

    /// A node in C gets messages without the sender, and reasons within.
    #[test]
    fn to_nodes_in_c() {
        let (here, there) = (id("a@h", 7), id("c@h", 9));
        let mut a = Alloc::new();
        let to = a.ext_pid(term::node_name::intern(there.name, 9), 5, 1);
        let reason = atom::intern("bye");
        let sent = |control, payload| {
            let parts = pack(control, None, Some(payload), &Options::new(here), Takes::of(0, false));
            let all = packets(&mut Sender::new(false, false), parts);
            let p = unpack(&all[0], &DecodeEnv::new(there, &NoFuns), &mut Receiver::default()).unwrap().unwrap();
            (p.control, p.payload.map(|p| p.0))
        };
        let from = Term::pid(3, 0);
        assert!(matches!(sent(Control::Send { from: Some(from), to }, reason), (Control::Send { from: None, .. }, Some(t)) if t == reason));
        assert!(matches!(sent(Control::Exit { from, to, reason: None }, reason), (Control::Exit { reason: Some(r), .. }, None) if r == reason));
        assert!(matches!(sent(Control::Exit2 { from, to, reason: None }, reason), (Control::Exit2 { reason: Some(r), .. }, None) if r == reason));
    }

    /// Two large messages whose fragments come in turns, each side's atoms colliding in the cache.
    #[test]
    fn fragments() {
        let here = id("a@h", 7);
        let (mut sender, mut receiver) = (Sender::new(true, true), Receiver::default());
        let message = |byte: u8, n: usize| {
            let mut a = Alloc::new();
            let data = a.binary(&vec![byte; n]);
            let atoms: Vec<Term> = (0..3000).step_by(97).map(|i| atom::intern(&format!("fragment_{byte}_{i}"))).collect();
            let list = a.list(&atoms);
            let t = a.tuple(&[list, data]);
            (pack(Control::SendName { from: Term::pid(1, 0), name: atom::intern("x") }, None, Some(t), &Options::new(here), takes(true)), a)
        };
        let one = packets(&mut sender, message(1, 200_000).0);
        let two = packets(&mut sender, message(2, 150_000).0);
        assert_eq!((one.len(), two.len()), (4, 3));
        let env = DecodeEnv::new(here, &NoFuns);
        let mut done = Vec::new();
        for i in 0..4 {
            for packet in [one.get(i), two.get(i)].into_iter().flatten() {
                if let Some(p) = unpack(packet, &env, &mut receiver).unwrap() {
                    let (t, _memory) = p.payload.unwrap();
                    let &[list, data] = t.as_tuple_n::<2>().unwrap();
                    let first = list.iter().next().map(atom::text).unwrap();
                    done.push((first.to_owned(), data.as_bytes().unwrap().len()));
                }
            }
        }
        assert_eq!(done, [("fragment_2_0".into(), 150_000), ("fragment_1_0".into(), 200_000)]);
        assert_eq!(unpack(&one[1], &env, &mut receiver).err(), Some(Bad), "nothing has begun");
    }

    /// Every prefix and every changed byte is either a packet or an error.
    #[test]
    fn broken_bytes() {
        let here = id("a@h", 7);
        let env = DecodeEnv::new(here, &NoFuns);
        let mut a = Alloc::new();
        let reference = a.reference(77, 0);
        let control = Control::Monitor { from: Term::pid(3, 0), to: atom::intern("x"), reference };
        assert!(unpack(&[], &env, &mut Receiver::default()).unwrap().is_none());
        for headers in [false, true] {
            let bytes = &packets(&mut Sender::new(headers, true), pack(control, None, None, &Options::new(here), takes(headers)))[0];
            for n in 1..bytes.len() {
                assert_eq!(unpack(&bytes[..n], &env, &mut Receiver::default()).err(), Some(Bad));
            }
            for i in 0..bytes.len() {
                for bit in 0..8 {
                    let mut b = bytes.clone();
                    b[i] ^= 1 << bit;
                    let _ = unpack(&b, &env, &mut Receiver::default());
                }
            }
        }
    }
}
