//! Distribution headers: numbers for atoms that both sides keep in a cache, and messages in fragments. Each side has a table of what it has
//! sent and one of what it has been sent; they are right as long as every packet is made, and read, in its order.

use crate::packet::Bad;
use etf::AtomRefs;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
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
    /// The control message, and behind it what follows it.
    pub(crate) bytes: Vec<u8>,
    /// So much of it is the control message.
    pub(crate) control: usize,
    pub(crate) has_payload: bool,
}

impl Parts {
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
    /// Does it ask for a process?
    pub fn is_spawn_request(&self) -> bool {
        const SMALL_TUPLE: u8 = 104;
        const SMALL_INTEGER: u8 = 97;
        matches!(self.bytes[..], [SMALL_TUPLE, _, SMALL_INTEGER, 29 | 30, ..])
    }
    /// Can it only be read by who keeps a cache?
    pub fn needs_header(&self) -> bool {
        self.atoms.is_some()
    }
}

/// Bytes of a packet's length in front of it.
pub const LENGTH: usize = 4;
/// Small packets are put together up to so many bytes.
const JOINED: usize = 32 * 1024;
/// What is larger is sent from where it is.
const COPIED: usize = 4 * 1024;

/// Part of bytes that several fragments of a message, or its sender and a socket's queue, share.
pub type Shared = (Arc<Vec<u8>>, Range<usize>);

/// Packets on their way out, each with its length in front: bytes of their own, and behind them, as the rest of the last packet, bytes that are shared.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub own: Vec<u8>,
    shared: Option<Shared>,
    packets: usize,
}

impl Frame {
    fn new(room: usize) -> Frame {
        Frame { own: Vec::with_capacity(LENGTH + room), shared: None, packets: 0 }
    }
    /// A packet whose bytes of its own `fill` writes. Its size.
    fn add(&mut self, shared: Option<Shared>, fill: impl FnOnce(&mut Vec<u8>)) -> usize {
        debug_assert!(self.shared.is_none(), "the last packet goes on in it");
        let at = self.own.len();
        self.own.extend_from_slice(&[0; LENGTH]);
        fill(&mut self.own);
        self.shared = shared;
        self.packets += 1;
        let size = self.own.len() - at - LENGTH + self.shared().len();
        self.own[at..at + LENGTH].copy_from_slice(&(size as u32).to_be_bytes());
        size
    }
    /// Bytes of the packets, without the lengths.
    pub fn size(&self) -> usize {
        self.own.len() + self.shared().len() - LENGTH * self.packets
    }
    pub fn packets(&self) -> usize {
        self.packets
    }
    pub fn shared(&self) -> &[u8] {
        self.shared.as_ref().map_or(&[], |(all, part)| &all[part.clone()])
    }
    pub fn into_parts(self) -> (Vec<u8>, Option<Shared>) {
        (self.own, self.shared)
    }
    /// The sizes of the packets.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        let mut rest = &self.own[..];
        std::iter::from_fn(move || {
            let (length, more) = rest.split_first_chunk::<LENGTH>()?;
            let size = u32::from_be_bytes(*length) as usize;
            rest = more.get(size..).unwrap_or_default();
            Some(size)
        })
    }
    /// The packet, where it is one.
    pub fn packet(&self) -> Cow<'_, [u8]> {
        debug_assert!(self.packets == 1, "not joined");
        let own = &self.own[LENGTH..];
        if self.shared.is_none() { Cow::Borrowed(own) } else { [own, self.shared()].concat().into() }
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
    /// Puts the packets of a message at the queue's end; `join`: small ones may become one piece with what is there. The bytes of the packets.
    pub fn packets(&mut self, parts: Parts, join: bool, queue: &mut VecDeque<Frame>) -> usize {
        let size = parts.size();
        let Parts { atoms, bytes, control, has_payload } = parts;
        let refs = atoms.as_ref().map_or(&[][..], AtomRefs::atoms);
        if self.headers && self.fragments && size > FRAGMENT {
            return self.in_fragments(refs, bytes, control, queue);
        }
        let shares = size > COPIED && self.headers;
        let room = 128 + if shares { 0 } else { size };
        let joins = join && queue.back().is_some_and(|last| last.shared.is_none() && last.own.len() + room <= JOINED);
        if !joins {
            queue.push_back(Frame::new(room));
        }
        let Some(frame) = queue.back_mut() else { return 0 };
        if !self.headers {
            debug_assert!(atoms.is_none(), "atoms as numbers need a header");
            return frame.add(None, |out| {
                out.extend_from_slice(&[PASS_THROUGH, VERSION]);
                out.extend_from_slice(&bytes[..control]);
                if has_payload {
                    out.push(VERSION);
                    out.extend_from_slice(&bytes[control..]);
                }
            });
        }
        let whole = 0..size;
        let (copied, shared) = if shares { (&[][..], Some((Arc::new(bytes), whole))) } else { (&bytes[..], None) };
        frame.add(shared, |out| {
            out.extend_from_slice(&[VERSION, WHOLE]);
            self.refs(refs, out);
            out.extend_from_slice(copied);
        })
    }
    /// The control message is in the first of them.
    fn in_fragments(&mut self, refs: &[Term], bytes: Vec<u8>, control: usize, queue: &mut VecDeque<Frame>) -> usize {
        self.sequence += 1;
        let sequence = self.sequence.to_be_bytes();
        let bytes = Arc::new(bytes);
        let count = (bytes.len() - control).div_ceil(FRAGMENT).max(1);
        let mut all = 0;
        for n in 0..count {
            let from = control + n * FRAGMENT;
            let part = from..bytes.len().min(from + FRAGMENT);
            let mut frame = Frame::new(128 + if n == 0 { control } else { 0 });
            all += frame.add(Some((bytes.clone(), part)), |out| {
                out.extend_from_slice(&[VERSION, if n == 0 { FIRST } else { MORE }]);
                out.extend_from_slice(&sequence);
                out.extend_from_slice(&((count - n) as u64).to_be_bytes());
                if n == 0 {
                    self.refs(refs, out);
                    out.extend_from_slice(&bytes[..control]);
                }
            });
            queue.push_back(frame);
        }
        all
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
    /// Room that fragments had, and that the last message's atoms had.
    spare: Vec<u8>,
    spare_atoms: Vec<Term>,
    /// Room for reading terms.
    pub(crate) stacks: etf::Stacks,
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
    pub(crate) fn recycle(&mut self, whole: Whole<'_>) {
        if let Some(mut atoms) = whole.atoms {
            atoms.clear();
            self.spare_atoms = atoms;
        }
        if let Cow::Owned(mut bytes) = whole.body
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
        let mut atoms = std::mem::take(&mut self.spare_atoms);
        atoms.reserve(n);
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
