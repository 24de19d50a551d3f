//! Distribution headers: numbers for atoms that both sides keep in a cache, and messages in fragments. Each side has a table of what it has
//! sent and one of what it has been sent; they are right as long as every packet is made, and read, in its order.

use crate::packet::Bad;
use etf::AtomRefs;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;
use term::{Term, atom};

const VERSION: u8 = 131;
const WHOLE: u8 = 68;
const FIRST: u8 = 69;
const MORE: u8 = 70;
/// Marks a packet without a header: its terms stand in it in full, each with a version byte.
const PASS_THROUGH: u8 = 112;

/// Places in a cache that a sender uses; numbers of places have 11 bits.
pub const PLACES: usize = 2039;
const RECEIVER_PLACES: usize = 2048;
/// A message of more bytes goes in fragments of this size.
const FRAGMENT: usize = 64 * 1024;
/// So much room at most is made for fragments that have not come.
const AHEAD: usize = 4 << 20;
/// The room of fragments is kept for the next message if it is not larger.
const KEPT: usize = 2 << 20;

/// A message that is ready to go, but for its header.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// `None`: no atom stands as a number in it.
    pub(crate) atoms: Option<AtomRefs>,
    pub(crate) control: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
}

impl Parts {
    pub fn size(&self) -> usize {
        self.control.len() + self.payload.as_ref().map_or(0, Vec::len)
    }
    /// Does it ask for a process?
    pub fn is_spawn_request(&self) -> bool {
        const SMALL_TUPLE: u8 = 104;
        const SMALL_INTEGER: u8 = 97;
        matches!(self.control[..], [SMALL_TUPLE, _, SMALL_INTEGER, 29 | 30, ..])
    }
    /// Can it only be read by who keeps a cache?
    pub fn needs_header(&self) -> bool {
        self.atoms.is_some()
    }
}

/// One packet on its way out: bytes of its own, and behind them a part of what it shares with the message's other fragments.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub own: Vec<u8>,
    shared: Option<(Arc<Vec<u8>>, Range<usize>)>,
}

impl From<Vec<u8>> for Frame {
    fn from(own: Vec<u8>) -> Frame {
        Frame { own, shared: None }
    }
}

impl Frame {
    pub fn size(&self) -> usize {
        self.own.len() + self.shared().len()
    }
    pub fn shared(&self) -> &[u8] {
        self.shared.as_ref().map_or(&[], |(all, part)| &all[part.clone()])
    }
    /// All in one.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        if self.shared.is_none() { Cow::Borrowed(&self.own) } else { [&self.own, self.shared()].concat().into() }
    }
}

/// Where an atom is kept by who sends it.
pub fn place(atom: Term) -> usize {
    atom.as_atom_index().map_or(0, |i| i as usize % PLACES)
}

/// The side of a connection that sends.
#[derive(Debug, Default)]
pub struct Sender {
    headers: bool,
    fragments: bool,
    /// By place; empty until the first is needed.
    sent: Vec<Term>,
    sequence: u64,
}

impl Sender {
    pub fn new(headers: bool, fragments: bool) -> Sender {
        Sender { headers, fragments: fragments && headers, sent: Vec::new(), sequence: 0 }
    }
    pub fn headers(&self) -> bool {
        self.headers
    }
    /// The packets of a message.
    pub fn packets(&mut self, parts: Parts, mut out: impl FnMut(Frame)) {
        let size = parts.size();
        let Parts { atoms, control, payload } = parts;
        if !self.headers {
            debug_assert!(atoms.is_none(), "atoms as numbers need a header");
            let mut packet = Vec::with_capacity(size + 3);
            packet.extend_from_slice(&[PASS_THROUGH, VERSION]);
            packet.extend_from_slice(&control);
            if let Some(payload) = payload {
                packet.push(VERSION);
                packet.extend_from_slice(&payload);
            }
            return out(packet.into());
        }
        let payload = payload.unwrap_or_default();
        let mut refs = Vec::new();
        self.refs(atoms.as_ref().map_or(&[], AtomRefs::atoms), &mut refs);
        if size <= FRAGMENT || !self.fragments {
            return out([&[VERSION, WHOLE], &refs[..], &control, &payload].concat().into());
        }
        self.sequence += 1;
        // The control message is in the first of them.
        let payload = Arc::new(payload);
        let mut left = payload.len().div_ceil(FRAGMENT).max(1);
        let head = |kind: u8, left: usize| [&[VERSION, kind][..], &self.sequence.to_be_bytes(), &(left as u64).to_be_bytes()].concat();
        let mut own = [&head(FIRST, left)[..], &refs, &control].concat();
        for from in (0..payload.len().max(1)).step_by(FRAGMENT) {
            let part = from..payload.len().min(from + FRAGMENT);
            left -= 1;
            out(Frame { own: std::mem::replace(&mut own, head(MORE, left)), shared: Some((payload.clone(), part)) });
        }
    }
    /// Writes which atoms the numbers stand for, and notes those that are new to the other side.
    fn refs(&mut self, atoms: &[Term], out: &mut Vec<u8>) {
        out.push(atoms.len() as u8);
        if atoms.is_empty() {
            return;
        }
        if self.sent.is_empty() {
            self.sent = vec![Term::NONE; PLACES];
        }
        let flags_at = out.len();
        out.resize(flags_at + atoms.len() / 2 + 1, 0);
        let long = atoms.iter().any(|&a| atom::text(a).len() > 255);
        let flag = |out: &mut Vec<u8>, i: usize, bits: u8| out[flags_at + i / 2] |= bits << (4 * (i % 2));
        for (i, &a) in atoms.iter().enumerate() {
            let at = place(a);
            let new = self.sent[at] != a;
            flag(out, i, (at >> 8) as u8 | u8::from(new) << 3);
            out.push(at as u8);
            if new {
                self.sent[at] = a;
                let text = atom::text(a);
                if long {
                    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
                } else {
                    out.push(text.len() as u8);
                }
                out.extend_from_slice(text.as_bytes());
            }
        }
        flag(out, atoms.len(), u8::from(long));
    }
}

/// A message that has come whole.
pub(crate) struct Whole<'b> {
    /// What the numbers in it stand for; `None`: its terms stand in full.
    pub atoms: Option<Vec<Term>>,
    pub body: Cow<'b, [u8]>,
}

/// A message of which fragments are missing.
#[derive(Debug)]
struct Partial {
    /// The number of the last fragment that has come; they are counted down to 1.
    last: u64,
    atoms: Vec<Term>,
    bytes: Vec<u8>,
}

/// The side of a connection that receives.
#[derive(Debug, Default)]
pub struct Receiver {
    got: Vec<Term>,
    partial: HashMap<u64, Partial>,
    /// Room that fragments had.
    spare: Vec<u8>,
}

impl Receiver {
    /// Takes a packet that is not empty. `None`: more has to come.
    pub(crate) fn take<'b>(&mut self, bytes: &'b [u8], atom_limit: usize) -> Result<Option<Whole<'b>>, Bad> {
        match bytes {
            [PASS_THROUGH, body @ ..] => Ok(Some(Whole { atoms: None, body: body.into() })),
            [VERSION, WHOLE, rest @ ..] => {
                let mut r = Reader(rest);
                let atoms = self.atoms(&mut r, atom_limit)?;
                Ok(Some(Whole { atoms: Some(atoms), body: r.0.into() }))
            }
            [VERSION, FIRST, rest @ ..] => {
                let mut r = Reader(rest);
                let (sequence, last) = (r.u64()?, r.u64()?);
                let atoms = self.atoms(&mut r, atom_limit)?;
                match last {
                    0 => Err(Bad),
                    1 => Ok(Some(Whole { atoms: Some(atoms), body: r.0.into() })),
                    _ => match self.partial.entry(sequence) {
                        Entry::Occupied(_) => Err(Bad),
                        Entry::Vacant(e) => {
                            // Others are about as long as the first; of a short one nothing is believed, of others not too much.
                            let all = r.0.len().saturating_mul(usize::try_from(last).unwrap_or(usize::MAX));
                            let believed = if r.0.len() < FRAGMENT / 2 { r.0.len() } else { all.min(AHEAD).max(r.0.len()) };
                            let mut bytes = std::mem::take(&mut self.spare);
                            bytes.reserve(believed);
                            bytes.extend_from_slice(r.0);
                            e.insert(Partial { last, atoms, bytes });
                            Ok(None)
                        }
                    },
                }
            }
            [VERSION, MORE, rest @ ..] => {
                let mut r = Reader(rest);
                let (sequence, number) = (r.u64()?, r.u64()?);
                let Entry::Occupied(mut e) = self.partial.entry(sequence) else { return Err(Bad) };
                let p = e.get_mut();
                if p.last.checked_sub(1) != Some(number) || number == 0 {
                    return Err(Bad);
                }
                p.last = number;
                p.bytes.extend_from_slice(r.0);
                if number > 1 {
                    return Ok(None);
                }
                let p = e.remove();
                Ok(Some(Whole { atoms: Some(p.atoms), body: p.bytes.into() }))
            }
            _ => Err(Bad),
        }
    }
    /// The message has been read: its room is for the next one.
    pub(crate) fn recycle(&mut self, body: Cow<'_, [u8]>) {
        if let Cow::Owned(mut bytes) = body
            && bytes.capacity() <= KEPT
        {
            bytes.clear();
            self.spare = bytes;
        }
    }
    fn atoms(&mut self, r: &mut Reader<'_>, atom_limit: usize) -> Result<Vec<Term>, Bad> {
        let n = usize::from(r.u8()?);
        if n == 0 {
            return Ok(Vec::new());
        }
        if self.got.is_empty() {
            self.got = vec![Term::NONE; RECEIVER_PLACES];
        }
        let flags = r.take(n / 2 + 1)?;
        let flag = |i: usize| flags[i / 2] >> (4 * (i % 2)) & 15;
        let long = flag(n) & 1 != 0;
        let mut atoms = Vec::with_capacity(n);
        for i in 0..n {
            let at = usize::from(flag(i) & 7) << 8 | usize::from(r.u8()?);
            if flag(i) & 8 != 0 {
                let length = if long { usize::from(r.u8()?) << 8 | usize::from(r.u8()?) } else { usize::from(r.u8()?) };
                let text = std::str::from_utf8(r.take(length)?).map_err(|_| Bad)?;
                self.got[at] = match atom::lookup(text) {
                    Some(a) => a,
                    None if atom::valid(text) && atom::count() < atom_limit.min(atom::CAPACITY) => atom::intern(text),
                    None => return Err(Bad),
                };
            }
            if !self.got[at].is_some() {
                return Err(Bad);
            }
            atoms.push(self.got[at]);
        }
        Ok(atoms)
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, n: usize) -> Result<&'b [u8], Bad> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Bad)?;
        self.0 = rest;
        Ok(head)
    }
    fn u8(&mut self) -> Result<u8, Bad> {
        Ok(self.take(1)?[0])
    }
    fn u64(&mut self) -> Result<u64, Bad> {
        self.take(8)?.try_into().map(u64::from_be_bytes).map_err(|_| Bad)
    }
}
