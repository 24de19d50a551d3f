//! Packets: a control message and perhaps a term behind it.

use crate::Control;
use etf::{DecodeEnv, Options};
use term::{Alloc, Fragment, Term};

/// Marks a packet without a header: both terms stand in it in full.
const PASS_THROUGH: u8 = 112;

/// Not a packet of the protocol: the connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bad;

/// What came in one packet.
#[derive(Debug)]
pub struct Packet {
    pub control: Control,
    /// The memory of the control message's terms.
    pub memory: Fragment,
    pub payload: Option<(Term, Fragment)>,
}

/// Reads a packet; `None` for an empty one, which only says that the other side is there.
pub fn unpack(bytes: &[u8], env: &DecodeEnv<'_>) -> Result<Option<Packet>, Bad> {
    let body = match bytes {
        [] => return Ok(None),
        [PASS_THROUGH, body @ ..] => body,
        _ => return Err(Bad),
    };
    let mut a = Alloc::new();
    let (control, used) = etf::decode(body, &mut a, env).map_err(|_| Bad)?;
    let control = Control::parse(control).ok_or(Bad)?;
    let rest = body.get(used..).ok_or(Bad)?;
    let payload = match (control.has_payload(), rest.is_empty()) {
        (false, true) => None,
        (true, false) => {
            let mut a = Alloc::new();
            let (t, used) = etf::decode(rest, &mut a, env).map_err(|_| Bad)?;
            if used != rest.len() {
                return Err(Bad);
            }
            Some((t, a.finish()))
        }
        _ => return Err(Bad),
    };
    Ok(Some(Packet { control, memory: a.finish(), payload }))
}

/// Does the packet ask for a process?
pub fn is_spawn_request(packet: &[u8]) -> bool {
    const VERSION: u8 = 131;
    const SMALL_TUPLE: u8 = 104;
    const SMALL_INTEGER: u8 = 97;
    matches!(packet, [PASS_THROUGH, VERSION, SMALL_TUPLE, _, SMALL_INTEGER, 29, ..])
}

/// The bytes of a packet.
pub fn pack(control: Control, payload: Option<Term>, options: &Options) -> Vec<u8> {
    let mut a = Alloc::new();
    let control = control.term(&mut a);
    let mut out = vec![PASS_THROUGH];
    out.extend(etf::encode(control, options));
    if let Some(t) = payload {
        out.extend(etf::encode(t, options));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use etf::{NoFuns, NodeId};
    use term::atom;

    fn id(name: &str, creation: u32) -> NodeId {
        NodeId { name: atom::intern(name), creation }
    }

    /// What one node packs the other unpacks: pids change sides.
    #[test]
    fn there_and_back() {
        let (here, there) = (id("a@h", 7), id("b@h", 9));
        let mut a = Alloc::new();
        let to = a.ext_pid(term::node_name::intern(there.name, 9), 5, 1);
        let bytes = pack(Control::Send { from: Some(Term::pid(3, 0)), to }, Some(atom::intern("hello")), &Options::new(here));
        let p = unpack(&bytes, &DecodeEnv::new(there, &NoFuns)).unwrap().unwrap();
        let Control::Send { from: Some(from), to } = p.control else { panic!("a send") };
        assert_eq!(to, Term::pid(5, 1));
        assert_eq!(from.as_ext_pid().map(|(n, x, y)| (n.name, n.creation, x, y)), Some((here.name, 7, 3, 0)));
        assert_eq!(p.payload.map(|p| p.0), Some(atom::intern("hello")));
    }

    /// Every prefix and every changed byte is either a packet or an error.
    #[test]
    fn broken_bytes() {
        let here = id("a@h", 7);
        let env = DecodeEnv::new(here, &NoFuns);
        let mut a = Alloc::new();
        let reference = a.reference(77, 0);
        let bytes = pack(Control::Monitor { from: Term::pid(3, 0), to: atom::intern("x"), reference }, None, &Options::new(here));
        assert!(unpack(&[], &env).unwrap().is_none());
        for n in 1..bytes.len() {
            assert_eq!(unpack(&bytes[..n], &env).err(), Some(Bad));
        }
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut b = bytes.clone();
                b[i] ^= 1 << bit;
                let _ = unpack(&b, &env);
            }
        }
    }
}
