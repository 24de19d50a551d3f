//! Equality and order of terms. Depth costs native heap, never native stack.
//!
//! number < atom < reference < fun < port < pid < tuple < native record < map < nil < list < bit string.
//! Two sorts of comparison: exact (`=:=`, and the order of map keys: every integer before every float, -0.0 before 0.0) and
//! loose (`==`, `<`: numbers by value). Keys of maps are always compared exactly, their values in the sort of the whole.

use crate::node_name::{self, NodeName};
use crate::work::Work;
use crate::{Kind, Term, atom, map};
use std::cell::Cell;
use std::cmp::Ordering::{self, *};

thread_local! {
    pub(crate) static ZEROS_ALIKE: Cell<bool> = const { Cell::new(false) };
}

/// From now on 0.0 and -0.0 are the same for `=:=` on this thread (releases before 27). A thread runs one node's processes.
pub fn zeros_are_alike(alike: bool) {
    ZEROS_ALIKE.set(alike);
}

/// `=:=`
#[inline(always)]
pub fn eq_exact(a: Term, b: Term) -> bool {
    a.raw() == b.raw() || (a.is_pointer() && b.is_pointer() && !refs_differ(a, b) && eq_small(a, b).unwrap_or_else(|| eq_walk(a, b, true)))
}

/// The usual keys and tags: tuples whose words are the same but for the last one, those that differ in what is no pointer, short
/// binaries. `None`: it takes more to say.
#[inline]
fn eq_small(mut a: Term, mut b: Term) -> Option<bool> {
    'down: loop {
        if !a.is_boxed() || !b.is_boxed() {
            return if a.is_cons() && b.is_cons() { None } else { Some(false) };
        }
        let h = a.header();
        let kind = crate::word::header_kind(h);
        if kind == Kind::HeapBits as u8 {
            return eq_heap_bits(a, b, h);
        }
        if kind != Kind::Tuple as u8 {
            return None;
        }
        if b.header() != h {
            return Some(false);
        }
        let n = crate::word::header_len(h);
        let mut more = false;
        for i in 1..=n {
            if a.word(i) == b.word(i) {
                continue;
            }
            // SAFETY: rule 1: the words of a tuple are terms.
            let (x, y) = unsafe { (Term::from_raw(a.word(i)), Term::from_raw(b.word(i))) };
            if !x.is_pointer() || !y.is_pointer() {
                return Some(false);
            }
            if i == n && !more {
                (a, b) = (x, y);
                continue 'down;
            }
            more = true;
        }
        return if more { None } else { Some(true) };
    }
}

/// A bit string on the heap with header `h`, and any boxed term.
#[inline]
fn eq_heap_bits(a: Term, b: Term, h: u64) -> Option<bool> {
    if b.header() != h {
        return None;
    }
    let bits = a.word(1) as usize;
    if b.word(1) as usize != bits {
        return Some(false);
    }
    if bits % 8 != 0 {
        return None;
    }
    for i in 0..bits / 64 {
        if a.word(2 + i) != b.word(2 + i) {
            return Some(false);
        }
    }
    // The last word's unused bytes, which come last in memory, may be any.
    let left = bits % 64;
    Some(left == 0 || (a.word(2 + bits / 64) ^ b.word(2 + bits / 64)).to_le() << (64 - left) == 0)
}

/// Short binaries, and tuples whose first difference is their size, or between small integers, atoms or binaries, or such a tuple as
/// the last element. `None`: it takes more.
#[inline]
fn cmp_small(mut a: Term, mut b: Term) -> Option<Ordering> {
    'down: loop {
        if !a.is_boxed() || !b.is_boxed() {
            return None;
        }
        let h = a.header();
        if crate::word::header_kind(h) != Kind::Tuple as u8 {
            return Some(bytes_of(a, h)?.cmp(bytes_of(b, b.header())?));
        }
        let n = crate::word::header_len(h);
        let other = b.header();
        if other != h {
            return (crate::word::header_kind(other) == Kind::Tuple as u8).then(|| n.cmp(&crate::word::header_len(other)));
        }
        for i in 1..=n {
            if a.word(i) == b.word(i) {
                continue;
            }
            // SAFETY: rule 1: the words of a tuple are terms.
            let (x, y) = unsafe { (Term::from_raw(a.word(i)), Term::from_raw(b.word(i))) };
            if x.is_small() && y.is_small() {
                return Some(x.small_value().cmp(&y.small_value()));
            }
            if x.is_atom() && y.is_atom() {
                return Some(atom::cmp(x, y));
            }
            if !x.is_boxed() || !y.is_boxed() {
                return None;
            }
            if i == n {
                (a, b) = (x, y);
                continue 'down;
            }
            match bytes_of(x, x.header())?.cmp(bytes_of(y, y.header())?) {
                Equal => {}
                other => return Some(other),
            }
        }
        return Some(Equal);
    }
}

/// The bytes of a boxed term with header `h`, if it is a bit string of whole bytes at a byte's border.
#[inline]
fn bytes_of(t: Term, h: u64) -> Option<&'static [u8]> {
    const BITS: u32 = 1 << Kind::HeapBits as u32 | 1 << Kind::BinRef as u32 | 1 << Kind::SubBits as u32;
    if BITS >> crate::word::header_kind(h) & 1 == 0 {
        return None;
    }
    t.bits()?.as_bytes()
}

/// They are local references with different numbers: what a `receive` that looks for an answer finds most.
#[inline]
fn refs_differ(a: Term, b: Term) -> bool {
    const LOCAL: u64 = crate::word::header(Kind::Ref, 2);
    a.is_boxed() && b.is_boxed() && a.header() == LOCAL && b.header() == LOCAL && a.word(1) != b.word(1)
}

/// `==`
#[inline(always)]
pub fn eq(a: Term, b: Term) -> bool {
    a.raw() == b.raw() || ((a.is_pointer() || b.is_pointer()) && eq_walk(a, b, false))
}

/// The standard order (`<`, `>`, `lists:sort/1`): 1 and 1.0 are equal.
#[inline]
pub fn cmp(a: Term, b: Term) -> Ordering {
    if a.is_small() && b.is_small() {
        return a.small_value().cmp(&b.small_value());
    }
    if a.raw() == b.raw() {
        return Equal;
    }
    if a.is_atom() && b.is_atom() {
        return atom::cmp(a, b);
    }
    cmp_small(a, b).unwrap_or_else(|| cmp_walk(a, b, false))
}

/// The order of map keys: as `cmp`, but integers come before floats. Equal means `=:=`.
#[inline]
pub fn cmp_exact(a: Term, b: Term) -> Ordering {
    if a.is_small() && b.is_small() {
        return a.small_value().cmp(&b.small_value());
    }
    if a.raw() == b.raw() {
        return Equal;
    }
    if a.is_atom() && b.is_atom() {
        return atom::cmp(a, b);
    }
    cmp_small(a, b).unwrap_or_else(|| cmp_walk(a, b, true))
}

/// `n` adjacent terms on either side that still have to be compared.
#[derive(Clone, Copy)]
struct Pair {
    a: *const Term,
    b: *const Term,
    n: usize,
    exact: bool,
}

impl Pair {
    /// `n` words from word `skip` of two objects on.
    #[inline(always)]
    fn of(a: Term, b: Term, skip: usize, n: usize, exact: bool) -> Pair {
        // SAFETY: rule 1: the objects have the words (callers have looked at their headers).
        unsafe { Pair { a: a.ptr().add(skip).cast(), b: b.ptr().add(skip).cast(), n, exact } }
    }
    /// Passes the words that are the same on both sides; the first pair of others, if any.
    #[inline(always)]
    fn next(&mut self) -> Option<(Term, Term)> {
        while self.n > 0 {
            // SAFETY: rule 1: `n` terms stand at either address.
            let (a, b) = unsafe { (*self.a, *self.b) };
            // SAFETY: as above; one past the last is never read.
            unsafe {
                self.a = self.a.add(1);
                self.b = self.b.add(1);
            }
            self.n -= 1;
            if a.raw() != b.raw() {
                return Some((a, b));
            }
        }
        None
    }
}

/// What is left to compare of two lists after their common cells and heads.
enum Step {
    Same,
    /// One of the tails is no list, or both are not.
    Tails(Term, Term),
    /// The first heads that are not the same word, and the tails after them.
    Heads(Term, Term, Pair),
}

#[inline(always)]
fn list_step(mut a: Term, mut b: Term) -> Step {
    loop {
        let (x, y) = (a.head(), b.head());
        if x.raw() != y.raw() {
            return Step::Heads(x, y, Pair::of(a, b, 1, 1, true));
        }
        (a, b) = (a.tail(), b.tail());
        if a.raw() == b.raw() {
            return Step::Same;
        }
        if !a.is_cons() || !b.is_cons() {
            return Step::Tails(a, b);
        }
    }
}

/// Compares `pair` next, and what was at hand after it.
macro_rules! enter {
    ($work:ident, $now:ident, $pair:expr) => {{
        let pair = $pair;
        if $now.n > 0 {
            $work.push($now);
        }
        $now = pair;
    }};
}

fn eq_walk(mut a: Term, mut b: Term, mut exact: bool) -> bool {
    let mut work: Work<Pair> = Work::new();
    let mut now = Pair { a: std::ptr::null(), b: std::ptr::null(), n: 0, exact };
    'walk: loop {
        'same: {
            if a.raw() == b.raw() {
                break 'same;
            }
            if a.is_cons() && b.is_cons() {
                match list_step(a, b) {
                    Step::Same => break 'same,
                    Step::Tails(x, y) => (a, b) = (x, y),
                    Step::Heads(x, y, rest) => {
                        if !x.is_pointer() && (exact || !y.is_pointer()) {
                            return false;
                        }
                        enter!(work, now, Pair { exact, ..rest });
                        (a, b) = (x, y);
                    }
                }
                continue 'walk;
            }
            if !a.is_boxed() || !b.is_boxed() {
                if !exact && a.is_number() && b.is_number() && cmp_numbers(a, b, false) == Equal {
                    break 'same;
                }
                return false;
            }
            let (ha, hb) = (a.header(), b.header());
            let (Some(ka), Some(kb)) = (a.kind(), b.kind()) else { return false };
            let n = crate::word::header_len(ha);
            match (ka, kb) {
                (Kind::Tuple, Kind::Tuple) => {
                    if ha != hb {
                        return false;
                    }
                    enter!(work, now, Pair::of(a, b, 1, n, exact));
                }
                (Kind::FlatMap, Kind::FlatMap) => {
                    if ha != hb {
                        return false;
                    }
                    // What stands for the keys of an empty map says nothing.
                    if n > 1 {
                        enter!(work, now, Pair::of(a, b, 2, n - 1, exact));
                        enter!(work, now, Pair::of(a, b, 1, 1, true));
                    }
                }
                (Kind::Record, Kind::Record) => {
                    if ha != hb {
                        return false;
                    }
                    enter!(work, now, Pair::of(a, b, 2, n - 1, exact));
                    enter!(work, now, Pair::of(a, b, 1, 1, true));
                }
                // The shape of the trie follows from the keys alone.
                (Kind::HashMap, Kind::HashMap) | (Kind::HashNode, Kind::HashNode) => {
                    let skip = if ka == Kind::HashMap { 2 } else { 1 };
                    if ha != hb || (1..=skip).any(|i| a.word(i) != b.word(i)) {
                        return false;
                    }
                    for i in 0..n - skip {
                        let (ca, cb) = (map::child(a, skip, i), map::child(b, skip, i));
                        if ca.raw() == cb.raw() {
                            continue;
                        }
                        if ca.is_cons() != cb.is_cons() {
                            return false;
                        }
                        if ca.is_cons() {
                            enter!(work, now, Pair::of(ca, cb, 1, 1, exact));
                            enter!(work, now, Pair::of(ca, cb, 0, 1, true));
                        } else {
                            enter!(work, now, Pair::of(a, b, 1 + skip + i, 1, exact));
                        }
                    }
                }
                (Kind::HashCollision, Kind::HashCollision) => {
                    if ha != hb {
                        return false;
                    }
                    for &la in a.hash_collision().unwrap_or(&[]) {
                        let Some(&lb) = b.hash_collision().and_then(|s| s.iter().find(|l| eq_exact(l.head(), la.head()))) else {
                            return false;
                        };
                        enter!(work, now, Pair::of(la, lb, 1, 1, exact));
                    }
                }
                (Kind::Fun, Kind::Fun) => {
                    if ha != hb || (a.word(1) != b.word(1) && cmp_fun_entries(a, b) != Equal) {
                        return false;
                    }
                    enter!(work, now, Pair::of(a, b, 2, n - 1, exact));
                }
                (Kind::ExportFun, Kind::ExportFun) => {
                    if a.word(1) != b.word(1) && cmp_leaves(a, b, true) != Equal {
                        return false;
                    }
                }
                (Kind::PosBig, Kind::PosBig) | (Kind::NegBig, Kind::NegBig) => {
                    if a.as_big() != b.as_big() {
                        return false;
                    }
                }
                (Kind::Float, Kind::Float) => {
                    if a.word(1) != b.word(1) && (a.as_float() != b.as_float() || exact && !ZEROS_ALIKE.get()) {
                        return false;
                    }
                }
                (Kind::HeapBits, Kind::HeapBits) => {
                    // The same words are the same bits; others may differ in the unused part of the last one only.
                    if ha != hb || a.word(1) != b.word(1) || ((2..=n).any(|i| a.word(i) != b.word(i)) && cmp_bits(a, b) != Equal) {
                        return false;
                    }
                }
                (Kind::HeapBits | Kind::BinRef | Kind::SubBits, Kind::HeapBits | Kind::BinRef | Kind::SubBits) => {
                    if a.bit_size() != b.bit_size() || cmp_bits(a, b) != Equal {
                        return false;
                    }
                }
                (Kind::Ref | Kind::MagicRef | Kind::ExtRef, Kind::Ref | Kind::MagicRef | Kind::ExtRef)
                | (Kind::ExtPid, Kind::ExtPid)
                | (Kind::ExtPort, Kind::ExtPort) => {
                    if cmp_leaves(a, b, exact) != Equal {
                        return false;
                    }
                }
                _ => {
                    if exact || !a.is_number() || !b.is_number() || cmp_numbers(a, b, false) != Equal {
                        return false;
                    }
                }
            }
        }
        // The next pair that is not the same word.
        loop {
            if let Some((x, y)) = now.next() {
                exact = now.exact;
                if !x.is_pointer() && (exact || !y.is_pointer()) {
                    return false;
                }
                (a, b) = (x, y);
                break;
            }
            match work.pop() {
                Some(p) => now = p,
                None => return true,
            }
        }
    }
}

/// Where a term's sort stands in the order.
fn rank(t: Term) -> u8 {
    if t.is_small() {
        return 0;
    }
    if t.is_cons() {
        return 10;
    }
    match t.kind() {
        Some(Kind::Float | Kind::PosBig | Kind::NegBig) => 0,
        Some(Kind::Ref | Kind::MagicRef | Kind::ExtRef) => 2,
        Some(Kind::Fun | Kind::ExportFun) => 3,
        Some(Kind::ExtPort) => 4,
        Some(Kind::ExtPid) => 5,
        Some(Kind::Tuple) => 6,
        Some(Kind::Record) => 7,
        Some(Kind::FlatMap | Kind::HashMap) => 8,
        Some(Kind::HeapBits | Kind::BinRef | Kind::SubBits | Kind::MatchContext) => 11,
        // Parts of a trie, never compared with anything else.
        Some(Kind::HashNode | Kind::HashCollision) => 12,
        None if t.is_atom() => 1,
        None if t.is_local_port() => 4,
        None if t.is_local_pid() => 5,
        None if t.is_nil() => 9,
        None => 13,
    }
}

fn cmp_walk(mut a: Term, mut b: Term, mut exact: bool) -> Ordering {
    let mut work: Work<Pair> = Work::new();
    let mut now = Pair { a: std::ptr::null(), b: std::ptr::null(), n: 0, exact };
    // Values of hash maps in the order of their keys: `Pair`s point into these.
    let mut sorted: Vec<Vec<Term>> = Vec::new();
    'walk: loop {
        'same: {
            if a.raw() == b.raw() {
                break 'same;
            }
            if a.is_small() && b.is_small() {
                return a.small_value().cmp(&b.small_value());
            }
            if a.is_cons() && b.is_cons() {
                match list_step(a, b) {
                    Step::Same => break 'same,
                    Step::Tails(x, y) => (a, b) = (x, y),
                    Step::Heads(x, y, rest) => {
                        enter!(work, now, Pair { exact, ..rest });
                        (a, b) = (x, y);
                    }
                }
                continue 'walk;
            }
            let (ra, rb) = (rank(a), rank(b));
            if ra != rb {
                return ra.cmp(&rb);
            }
            match ra {
                6 => {
                    let n = crate::word::header_len(a.header());
                    let m = crate::word::header_len(b.header());
                    if n != m {
                        return n.cmp(&m);
                    }
                    enter!(work, now, Pair::of(a, b, 1, n, exact));
                }
                7 => match cmp_record_heads(a, b) {
                    Equal => enter!(work, now, Pair::of(a, b, 2, crate::word::header_len(a.header()) - 1, exact)),
                    other => return other,
                },
                8 => {
                    let (n, m) = (a.map_size(), b.map_size());
                    if n != m {
                        return n.cmp(&m);
                    }
                    if n == Some(0) {
                        break 'same;
                    }
                    if a.is_flat_map() {
                        enter!(work, now, Pair::of(a, b, 2, n.unwrap_or(0), exact));
                        enter!(work, now, Pair::of(a, b, 1, 1, true));
                    } else {
                        match hash_map_difference(a, b) {
                            Err(o) => return o,
                            Ok((va, vb)) => {
                                if !va.is_empty() {
                                    enter!(work, now, Pair { a: va.as_ptr(), b: vb.as_ptr(), n: va.len(), exact });
                                    sorted.push(va);
                                    sorted.push(vb);
                                }
                            }
                        }
                    }
                }
                3 if a.is_kind(Kind::Fun) && b.is_kind(Kind::Fun) => {
                    match cmp_fun_entries(a, b) {
                        Equal => {}
                        other => return other,
                    }
                    let (n, m) = (crate::word::header_len(a.header()), crate::word::header_len(b.header()));
                    if n != m {
                        return n.cmp(&m);
                    }
                    enter!(work, now, Pair::of(a, b, 2, n - 1, exact));
                }
                _ => match cmp_leaves(a, b, exact) {
                    Equal => {}
                    other => return other,
                },
            }
        }
        loop {
            if let Some((x, y)) = now.next() {
                exact = now.exact;
                (a, b) = (x, y);
                break;
            }
            match work.pop() {
                Some(p) => now = p,
                None => return Equal,
            }
        }
    }
}

/// Two terms of one rank without parts.
fn cmp_leaves(a: Term, b: Term, exact: bool) -> Ordering {
    match rank(a) {
        0 => cmp_numbers(a, b, exact),
        1 => atom::cmp(a, b),
        2 => cmp_refs(a, b),
        3 => match (a.as_export_fun(), b.as_export_fun()) {
            (Some(x), Some(y)) => {
                atom::cmp(x.module, y.module).then_with(|| atom::cmp(x.function, y.function)).then(x.arity.cmp(&y.arity))
            }
            (Some(_), None) => Greater,
            (None, Some(_)) => Less,
            (None, None) => cmp_fun_entries(a, b),
        },
        4 => {
            let (na, x) = port_parts(a);
            let (nb, y) = port_parts(b);
            cmp_nodes(na, nb).then(x.cmp(&y))
        }
        5 => {
            let (na, x) = pid_parts(a);
            let (nb, y) = pid_parts(b);
            x.cmp(&y).then_with(|| cmp_nodes(na, nb))
        }
        11 => cmp_bits(a, b),
        _ => Equal,
    }
}

fn pid_parts(t: Term) -> (Option<&'static NodeName>, (u32, u32)) {
    match t.as_ext_pid() {
        Some((node, number, serial)) => (Some(node), (serial, number)),
        None => (None, (t.pid_serial(), t.pid_number())),
    }
}

fn port_parts(t: Term) -> (Option<&'static NodeName>, u64) {
    match t.as_ext_port() {
        Some((node, number)) => (Some(node), number),
        None => (None, t.port_id()),
    }
}

/// `None` is the local node.
fn cmp_nodes(a: Option<&'static NodeName>, b: Option<&'static NodeName>) -> Ordering {
    match (a, b) {
        (None, None) => Equal,
        (Some(x), Some(y)) if std::ptr::eq(x, y) => Equal,
        _ => {
            let (x, y) = (a.unwrap_or_else(node_name::local), b.unwrap_or_else(node_name::local));
            atom::cmp(x.name, y.name).then(x.creation.cmp(&y.creation))
        }
    }
}

fn cmp_refs(a: Term, b: Term) -> Ordering {
    if let (Some((na, pa)), Some((nb, pb))) = (a.as_local_ref(), b.as_local_ref()) {
        return pa.cmp(&pb).then(na.cmp(&nb));
    }
    let (na, wa) = crate::reference::node_and_words(a);
    let (nb, wb) = crate::reference::node_and_words(b);
    cmp_nodes(na, nb).then_with(|| {
        let n = wa.len().max(wb.len());
        let word = |w: &[u32], i: usize| w.get(i).copied().unwrap_or(0);
        (0..n).rev().map(|i| word(&wa, i).cmp(&word(&wb, i))).find(|o| *o != Equal).unwrap_or(Equal)
    })
}

fn cmp_fun_entries(a: Term, b: Term) -> Ordering {
    let (Some((x, _)), Some((y, _))) = (a.as_local_fun(), b.as_local_fun()) else { return Equal };
    if std::ptr::eq(x, y) {
        return Equal;
    }
    atom::cmp(x.module, y.module)
        .then(x.old_index.cmp(&y.old_index))
        .then(x.old_uniq.cmp(&y.old_uniq))
        .then(x.uniq.cmp(&y.uniq))
        .then(x.num_free.cmp(&y.num_free))
}

fn cmp_record_heads(a: Term, b: Term) -> Ordering {
    let (Some((x, va)), Some((y, vb))) = (a.as_record(), b.as_record()) else { return Equal };
    if x.raw() == y.raw() {
        return Equal;
    }
    cmp_exact(x, y).then(va.len().cmp(&vb.len()))
}

fn cmp_bits(a: Term, b: Term) -> Ordering {
    let (Some(x), Some(y)) = (a.bits(), b.bits()) else { return Equal };
    if let (Some(p), Some(q)) = (x.as_bytes(), y.as_bytes()) {
        return p.cmp(q);
    }
    let common = x.len.min(y.len);
    let mut at = 0;
    while at < common {
        let n = (common - at).min(64);
        match x.get_uint(at, n).cmp(&y.get_uint(at, n)) {
            Equal => at += n,
            other => return other,
        }
    }
    x.len.cmp(&y.len)
}

/// Two hash maps of one size: which comes first by their keys, or the values that differ in the order of the keys.
fn hash_map_difference(a: Term, b: Term) -> Result<(Vec<Term>, Vec<Term>), Ordering> {
    fn least(best: &mut Option<Term>, k: Term) {
        if best.is_none_or(|m| cmp_exact(k, m) == Less) {
            *best = Some(k);
        }
    }
    let (mut only_a, mut only_b) = (None, None);
    let mut both: Vec<(Term, Term, Term)> = Vec::new();
    for (k, va) in map::Iter::new(a) {
        match map::get(b, k) {
            Some(vb) if va.raw() == vb.raw() => {}
            Some(vb) => both.push((k, va, vb)),
            None => least(&mut only_a, k),
        }
    }
    if let Some(ka) = only_a {
        for (k, _) in map::Iter::new(b) {
            if map::get(a, k).is_none() {
                least(&mut only_b, k);
            }
        }
        // Whoever has the least key that the other lacks is the lesser.
        return Err(only_b.map_or(Less, |kb| cmp_exact(ka, kb)));
    }
    both.sort_by(|x, y| cmp_exact(x.0, y.0));
    Ok((both.iter().map(|t| t.1).collect(), both.iter().map(|t| t.2).collect()))
}

/// Two numbers; exactly: integers before floats, floats by their bits when their values are equal.
pub fn cmp_numbers(a: Term, b: Term, exact: bool) -> Ordering {
    match (a.as_float(), b.as_float()) {
        (Some(x), Some(y)) => match x.partial_cmp(&y) {
            Some(Equal) if exact && !ZEROS_ALIKE.get() => x.total_cmp(&y),
            o => o.unwrap_or(Equal),
        },
        (None, None) => match (a.as_small(), b.as_small()) {
            (Some(x), Some(y)) => x.cmp(&y),
            (Some(_), None) => if b.is_kind(Kind::NegBig) { Greater } else { Less },
            (None, Some(_)) => if a.is_kind(Kind::NegBig) { Less } else { Greater },
            (None, None) => cmp_bigs(a, b),
        },
        (None, Some(_)) if exact => Less,
        (Some(_), None) if exact => Greater,
        (None, Some(y)) => cmp_integer_float(a, y),
        (Some(x), None) => cmp_integer_float(b, x).reverse(),
    }
}

fn cmp_bigs(a: Term, b: Term) -> Ordering {
    let (Some((na, x)), Some((nb, y))) = (a.as_big(), b.as_big()) else { return Equal };
    match (na, nb) {
        (true, false) => Less,
        (false, true) => Greater,
        _ => {
            let o = x.len().cmp(&y.len()).then_with(|| x.iter().rev().cmp(y.iter().rev()));
            if na { o.reverse() } else { o }
        }
    }
}

fn cmp_integer_float(n: Term, f: f64) -> Ordering {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if let Some(i) = n.as_small() {
        if f >= TWO_63 {
            return Less;
        }
        if f < -TWO_63 {
            return Greater;
        }
        let whole = f.trunc();
        return i.cmp(&(whole as i64)).then_with(|| 0.0f64.partial_cmp(&(f - whole)).unwrap_or(Equal));
    }
    let Some((negative, limbs)) = n.as_big() else { return Equal };
    if negative != (f < 0.0) || f == 0.0 {
        return if negative { Less } else { Greater };
    }
    let o = cmp_magnitude_float(limbs, f.abs());
    if negative { o.reverse() } else { o }
}

fn cmp_magnitude_float(limbs: &[u64], f: f64) -> Ordering {
    if f.is_infinite() {
        return Less;
    }
    let Some(&top) = limbs.last() else { return Less };
    let bits = limbs.len() as i64 * 64 - i64::from(top.leading_zeros());
    let raw = f.to_bits();
    let exponent = (raw >> 52) as i64 - 1023;
    // `f` is at least 2^exponent and less than twice that.
    if bits != exponent + 1 {
        return bits.cmp(&(exponent + 1));
    }
    let mantissa = ((raw & ((1 << 52) - 1)) | 1 << 52) << 11;
    let shift = top.leading_zeros();
    let below = if limbs.len() > 1 { limbs[limbs.len() - 2] } else { 0 };
    let (first, second) = if shift == 0 { (top, below) } else { (top << shift | below >> (64 - shift), below << shift) };
    let rest = second != 0 || (limbs.len() > 2 && limbs[..limbs.len() - 2].iter().any(|&l| l != 0));
    // A big integer has at least 62 bits, so that a fraction of `f` cannot decide.
    first.cmp(&mantissa).then(if rest { Greater } else { Equal })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short binaries, alone and in tuples, with anything behind their last byte, against their bytes.
    #[test]
    fn short_binaries_compare_as_their_bytes() {
        let mut h = crate::Alloc::new();
        let texts: Vec<Vec<u8>> = (0..26usize).flat_map(|n| [vec![7; n], (0..n).map(|i| (i * 37 % 11) as u8).collect(), vec![200; n]]).collect();
        let mut all = Vec::new();
        for text in &texts {
            let plain = h.binary(text);
            let dirty = h.binary(text);
            if text.len() % 8 != 0 {
                let word = dirty.ptr().wrapping_add(2 + text.len() / 8);
                // SAFETY: rule 3: the last word of what was just made; bytes beyond the end say nothing.
                unsafe { *word |= u64::MAX << (text.len() % 8 * 8) };
            }
            let longer = h.binary(&[&[9], &text[..]].concat());
            let part = h.part(longer, 8, 8 * text.len());
            all.push((text, [plain, dirty, part]));
        }
        for (x, xs) in &all {
            for (y, ys) in &all {
                for (&a, &b) in xs.iter().flat_map(|a| ys.iter().map(move |b| (a, b))) {
                    let (ta, tb) = (h.tuple(&[Term::small(1), a, Term::small(2)]), h.tuple(&[Term::small(1), b, Term::small(2)]));
                    assert_eq!(eq_exact(a, b), x == y);
                    assert_eq!(eq_exact(ta, tb), x == y);
                    assert_eq!(cmp(a, b), x.cmp(y));
                    assert_eq!(cmp_exact(ta, tb), x.cmp(y));
                }
            }
        }
    }

    /// Tuples in tuples, with all sorts of terms: what is said of them at a glance is what the walk says.
    #[test]
    fn tuples_compare_at_a_glance_as_by_the_walk() {
        let mut h = crate::Alloc::new();
        let mut level = vec![Term::small(1), Term::small(2), Term::NIL, crate::am::OK, crate::am::ERROR, h.float(1.0), h.binary(b"ab"), h.binary(b"ac")];
        level.push(h.cons(Term::small(1), Term::NIL));
        level.push(h.cons(Term::small(1), Term::NIL));
        let mut all = level.clone();
        for _ in 0..3 {
            let mut next = Vec::new();
            for (i, &x) in level.iter().enumerate() {
                let y = level[(i * 7 + 3) % level.len()];
                next.extend([h.tuple(&[x]), h.tuple(&[crate::am::OK, x]), h.tuple(&[x, y]), h.tuple(&[x, Term::small(1)]), h.tuple(&[x, y])]);
            }
            all.extend(&next);
            level = next.into_iter().step_by(4).collect();
            level.extend([Term::small(1), h.binary(b"ab")]);
        }
        for &a in &all {
            for &b in &all {
                let exact = eq_walk(a, b, true);
                assert_eq!(eq_exact(a, b), exact, "{a:?} {b:?}");
                assert_eq!(eq(a, b), eq_walk(a, b, false), "{a:?} {b:?}");
                assert_eq!(cmp(a, b), cmp_walk(a, b, false), "{a:?} {b:?}");
                assert_eq!(cmp_exact(a, b), cmp_walk(a, b, true), "{a:?} {b:?}");
                assert!(!exact || crate::hash::hash(a) == crate::hash::hash(b), "{a:?} {b:?}");
            }
        }
    }
}
