//! Hashes of terms: the internal one (maps, tables; ours to choose, the same in every run) and the two that are promised
//! to programs for ever. Terms that are `=:=` have the same hash. Depth costs native heap, never native stack.

use crate::work::Work;
use crate::{Kind, Term, atom, map};
use num::phash2::{Source, View};
use num::{Int, phash, phash2};
use std::borrow::Cow;

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads every bit of a word over all of it.
#[inline(always)]
fn mix(mut h: u64) -> u64 {
    h ^= h >> 32;
    h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
    h ^= h >> 32;
    h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
    h ^ (h >> 32)
}

/// The internal hash of a term.
#[inline]
pub fn hash(t: Term) -> u64 {
    if t.is_atom() {
        return mix(atom::hash(t));
    }
    if !t.is_pointer() {
        return mix(t.raw().wrapping_mul(K));
    }
    hash_walk(t)
}

struct State(u64);

impl State {
    #[inline(always)]
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(K);
        self.0 ^= self.0 >> 29;
    }
    fn bytes(&mut self, bits: crate::bits::Bits<'_>) {
        self.add(bits.len as u64);
        let mut at = 0;
        if let Some(b) = bits.as_bytes() {
            let (words, rest) = b.as_chunks::<8>();
            for w in words {
                self.add(u64::from_be_bytes(*w));
            }
            at = (b.len() - rest.len()) * 8;
        }
        while at < bits.len {
            let n = (bits.len - at).min(64);
            self.add(bits.get_uint(at, n));
            at += n;
        }
    }
}

#[derive(Clone, Copy)]
struct Run {
    at: *const Term,
    n: usize,
}

impl Run {
    #[inline(always)]
    fn of(t: Term, skip: usize, n: usize) -> Run {
        // SAFETY: rule 1: callers have looked at the header.
        Run { at: unsafe { t.ptr().add(skip).cast() }, n }
    }
}

fn hash_walk(t: Term) -> u64 {
    let mut work: Work<Run> = Work::new();
    let mut h = State(K);
    let mut t = t;
    loop {
        if t.is_atom() {
            h.add(atom::hash(t));
        } else if t.is_cons() {
            h.add(2);
            work.push(Run::of(t, 0, 2));
        } else if !t.is_boxed() {
            h.add(t.raw());
        } else {
            let head = t.header();
            let n = crate::word::header_len(head);
            match t.kind() {
                Some(Kind::Tuple) => {
                    h.add(head);
                    // Elements that are no pointers are added here; the first other one, and what follows, in their turn.
                    let mut at = 1;
                    while at <= n {
                        // SAFETY: rule 1: the words of a tuple are terms.
                        let x = unsafe { Term::from_raw(t.word(at)) };
                        if x.is_pointer() {
                            break;
                        }
                        h.add(if x.is_atom() { atom::hash(x) } else { x.raw() });
                        at += 1;
                    }
                    if at == n {
                        // SAFETY: as above.
                        t = unsafe { Term::from_raw(t.word(at)) };
                        continue;
                    }
                    if at < n {
                        work.push(Run::of(t, at, n + 1 - at));
                    }
                }
                Some(Kind::FlatMap | Kind::Record) => {
                    h.add(head);
                    // What stands for the keys of an empty map says nothing.
                    if n > 1 || t.is_record() {
                        work.push(Run::of(t, 1, n));
                    }
                }
                Some(Kind::HashMap) => {
                    h.add(t.word(1));
                    work.push(Run::of(t, 3, n - 2));
                }
                Some(Kind::HashNode) => {
                    h.add(t.word(1));
                    work.push(Run::of(t, 2, n - 1));
                }
                // The leaves' order is not defined.
                Some(Kind::HashCollision) => h.add(head),
                Some(Kind::Fun) => {
                    if let Some((e, _)) = t.as_local_fun() {
                        h.add(head);
                        h.add(atom::hash(e.module));
                        h.add(u64::from(e.old_index) << 32 | u64::from(e.old_uniq));
                    }
                    work.push(Run::of(t, 2, n - 1));
                }
                Some(Kind::ExportFun) => {
                    if let Some(e) = t.as_export_fun() {
                        h.add(atom::hash(e.module));
                        h.add(atom::hash(e.function));
                        h.add(u64::from(e.arity));
                    }
                }
                Some(Kind::Float) => {
                    h.add(head);
                    // Both zeros have one hash: on some releases they are one key.
                    h.add(if t.as_float() == Some(0.0) { 0 } else { t.word(1) });
                }
                Some(Kind::PosBig | Kind::NegBig) => {
                    h.add(head);
                    (1..=n).for_each(|i| h.add(t.word(i)));
                }
                Some(Kind::Ref | Kind::MagicRef) => {
                    h.add(t.word(1));
                    h.add(t.word(2));
                }
                Some(Kind::ExtPid | Kind::ExtPort) => {
                    h.add(t.word(2));
                }
                Some(Kind::ExtRef) => {
                    // Leading zero words make no difference.
                    if let Some((node, words)) = t.as_ext_ref() {
                        h.add(atom::hash(node.name) ^ u64::from(node.creation));
                        let n = words.iter().rposition(|&w| w != 0).map_or(0, |i| i + 1);
                        words[..n].iter().for_each(|&w| h.add(u64::from(w)));
                    }
                }
                Some(Kind::HeapBits | Kind::BinRef | Kind::SubBits) => {
                    if let Some(bits) = t.bits() {
                        h.bytes(bits);
                    }
                }
                Some(Kind::MatchContext) | None => {}
            }
        }
        loop {
            let Some(mut run) = work.pop() else { return mix(h.0) };
            if run.n == 0 {
                continue;
            }
            // SAFETY: rule 1: `n` terms stand there.
            unsafe {
                t = *run.at;
                run.at = run.at.add(1);
            }
            run.n -= 1;
            if run.n > 0 {
                work.push(run);
            }
            break;
        }
    }
}

/// Terms as the promised hashes see them.
struct Terms;

impl Source for Terms {
    type Term = Term;

    fn view(&self, t: Term) -> View<'_, Term> {
        if let Some(n) = t.as_small() {
            return View::Small(n);
        }
        if t.is_atom() {
            return View::Atom(atom::phash(t));
        }
        if let Some((h, tail)) = t.as_cons() {
            return View::Cons(h, tail);
        }
        if t.is_local_pid() {
            return View::Pid(t.pid_number());
        }
        if t.is_local_port() {
            return View::Port(t.port_id());
        }
        match t.kind() {
            None => View::Nil,
            Some(Kind::Tuple) => View::Tuple(crate::word::header_len(t.header())),
            Some(Kind::Record) => View::Tuple(crate::word::header_len(t.header())),
            Some(Kind::FlatMap | Kind::HashMap) => View::Map(map::size(t)),
            Some(Kind::Float) => View::Float(f64::from_bits(t.word(1))),
            Some(Kind::PosBig | Kind::NegBig) => {
                let (neg, mag) = t.as_big().unwrap_or((false, &[]));
                View::Integer(Int { neg, mag })
            }
            Some(Kind::HeapBits | Kind::BinRef | Kind::SubBits) => {
                let Some(bits) = t.bits() else { return View::Nil };
                let odd = (bits.len % 8) as u8;
                // ERTS counts the bytes in 32 bits: beyond 4 GB only the remainder is hashed.
                let whole = (bits.len / 8) as u32 as usize;
                match bits.slice(0, whole * 8 + usize::from(odd)).to_bytes() {
                    Cow::Borrowed(b) => View::Binary(b, odd),
                    Cow::Owned(b) => View::OwnBinary(b, odd),
                }
            }
            Some(Kind::Ref | Kind::MagicRef) => View::Reference(crate::reference::words_of_number(t.word(1))[0]),
            Some(Kind::ExtRef) => View::Reference(t.word(3) as u32),
            Some(Kind::ExtPid) => View::Pid(t.word(2) as u32),
            Some(Kind::ExtPort) => View::Port(t.word(2)),
            Some(Kind::Fun) => match t.as_local_fun() {
                Some((e, env)) => View::LocalFun {
                    free: env.len(),
                    module: atom::phash(e.module),
                    index: e.old_index,
                    old_unique: e.old_uniq,
                },
                None => View::Nil,
            },
            Some(Kind::ExportFun) => match t.as_export_fun() {
                Some(e) => View::ExternalFun {
                    module: atom::phash(e.module),
                    function: atom::phash(e.function),
                    arity: u32::from(e.arity),
                },
                None => View::Nil,
            },
            Some(Kind::MatchContext | Kind::HashNode | Kind::HashCollision) => View::Nil,
        }
    }
    fn element(&self, t: Term, index: usize) -> Term {
        let skip = if t.is_kind(Kind::Fun) { 2 } else { 1 };
        // SAFETY: rule 1: the walk stays below the count that `view` gave.
        unsafe { Term::from_raw(t.word(skip + index)) }
    }
    fn pairs(&self, t: Term, show: &mut dyn FnMut(Term, Term)) {
        for (k, v) in map::Iter::new(t) {
            show(k, v);
        }
    }
    #[inline]
    fn byte(&self, t: Term) -> Option<u8> {
        t.to::<u8>()
    }
}

/// `erlang:phash2/1` before its range is applied: 32 bits (see `num::phash2::default_range` and `in_range`).
pub fn phash2(t: Term) -> u32 {
    if t.is_atom() {
        return phash2::atom(0, atom::phash(t));
    }
    if let Some(n) = t.as_small() {
        return phash2::small(0, n);
    }
    phash2::hash(&Terms, t)
}

/// `erlang:phash/2` before its range is applied (see `num::phash::in_range`).
pub fn phash(t: Term) -> u32 {
    phash::hash(&Terms, t)
}
