//! Maps: up to 32 keys a sorted tuple of keys and their values; above that a trie with 16 ways at each node, told by four
//! bits of the keys' hash. Which of the two, and the shape of the trie, follow from the keys alone.
//! Iteration goes in the keys' order, or in the order of the hash read in steps of four bits from the low end.

use crate::cmp::{cmp_exact, eq_exact};
use crate::hash::hash;
use crate::word::{TAG_BOXED, TAG_CONS};
use crate::{Alloc, Kind, Term, am};
use std::cmp::Ordering::*;

/// The most keys of a flat map.
pub const FLAT_MAX: usize = 32;

/// Bits of the hash that the trie uses: 15 levels of four.
const HASH_BITS: u32 = 60;
const LEVELS: u32 = HASH_BITS / 4;

/// The hash of a key as the trie sees it.
#[inline(always)]
fn key_hash(key: Term) -> u64 {
    let h = hash(key) & ((1 << HASH_BITS) - 1);
    #[cfg(test)]
    let h = h & tests::HASH_MASK.get();
    h
}

/// Nibbles in reverse, so that comparing gives the order of iteration.
#[inline]
fn order_of(hash: u64) -> u64 {
    let swapped = hash.swap_bytes();
    ((swapped >> 4 & 0x0f0f_0f0f_0f0f_0f0f) | (swapped & 0x0f0f_0f0f_0f0f_0f0f) << 4) >> 4
}

/// Child `i` of a trie's node whose children begin `skip` words after the header's next.
#[inline(always)]
pub(crate) fn child(node: Term, skip: usize, i: usize) -> Term {
    // SAFETY: rule 1: callers have looked at the header.
    unsafe { Term::from_raw(node.word(1 + skip + i)) }
}

#[inline(always)]
fn flat_parts(map: Term) -> (Term, &'static [Term], &'static [Term]) {
    debug_assert!(map.is_flat_map());
    // SAFETY: rule 1: word 1 of a flat map is its keys.
    let keys_term = unsafe { Term::from_raw(map.word(1)) };
    let n = crate::word::header_len(map.header()) - 1;
    // SAFETY: rules 1 and 2: as many values as keys follow; an empty map's keys are never looked at.
    let values = unsafe { std::slice::from_raw_parts(map.ptr().add(2).cast::<Term>(), n) };
    if n == 0 {
        return (keys_term, &[], values);
    }
    // SAFETY: rules 1 and 2: the keys are a tuple of n elements.
    let keys = unsafe { std::slice::from_raw_parts(keys_term.ptr().add(1).cast::<Term>(), n) };
    (keys_term, keys, values)
}

/// Where a key stands in a flat map.
#[inline(always)]
fn position(keys: &[Term], key: Term) -> Option<usize> {
    if key.is_pointer() { keys.iter().position(|&k| eq_exact(k, key)) } else { keys.iter().position(|&k| k.raw() == key.raw()) }
}

/// Where a new key belongs in a flat map.
#[inline]
fn insertion(keys: &[Term], key: Term) -> usize {
    keys.partition_point(|&k| cmp_exact(k, key) == Less)
}

/// The value of a key; `None` if there is none, or if `map` is not a map.
#[inline]
pub fn get(map: Term, key: Term) -> Option<Term> {
    if map.is_flat_map() {
        let (_, keys, values) = flat_parts(map);
        return position(keys, key).map(|i| values[i]);
    }
    get_hashed(map, key, key_hash(key))
}

/// As `get`, for a key whose trie hash (`lookup_hash`) is known.
pub fn get_hashed(map: Term, key: Term, mut h: u64) -> Option<Term> {
    let mut node = map;
    loop {
        let (bitmap, children) = match node.kind()? {
            Kind::HashCollision => {
                return node.hash_collision()?.iter().find(|l| eq_exact(l.head(), key)).map(|l| l.tail());
            }
            Kind::FlatMap => return get(map, key),
            _ => node.hash_node()?,
        };
        let bit = 1u32 << (h & 15);
        if bitmap & bit == 0 {
            return None;
        }
        let next = children[(bitmap & (bit - 1)).count_ones() as usize];
        if next.is_cons() {
            return eq_exact(next.head(), key).then(|| next.tail());
        }
        node = next;
        h >>= 4;
    }
}

/// The hash of a literal key, to be kept beside it for `get_hashed`.
pub fn lookup_hash(key: Term) -> u64 {
    key_hash(key)
}

/// Number of keys; 0 if `map` is not a map.
#[inline]
pub fn size(map: Term) -> usize {
    map.map_size().unwrap_or(0)
}

#[inline]
pub fn has_key(map: Term, key: Term) -> bool {
    get(map, key).is_some()
}

/// The empty map.
pub fn empty(alloc: &mut Alloc) -> Term {
    alloc.flat_map(Term::NIL, &[])
}

/// A flat map with the values of `values`, one of them replaced.
#[inline]
fn with_value(alloc: &mut Alloc, keys: Term, values: &[Term], i: usize, value: Term) -> Term {
    let new = alloc.flat_map(keys, values);
    // SAFETY: rule 3: fresh, and value i stands at word 2 + i.
    unsafe { *new.ptr().add(2 + i) = value.raw() };
    new
}

/// The map with `key` set to `value`; the same map if it is already.
pub fn put(alloc: &mut Alloc, map: Term, key: Term, value: Term) -> Term {
    if map.is_flat_map() {
        let (keys_term, keys, values) = flat_parts(map);
        if let Some(i) = position(keys, key) {
            return if values[i].raw() == value.raw() { map } else { with_value(alloc, keys_term, values, i, value) };
        }
        if keys.len() == FLAT_MAX {
            let mut pairs: Vec<(Term, Term)> = keys.iter().copied().zip(values.iter().copied()).collect();
            pairs.push((key, value));
            return build_trie(alloc, &mut hashed(&pairs));
        }
        let at = insertion(keys, key);
        let n = keys.len() + 1;
        let p = alloc.words(n + 1 + n + 2);
        // SAFETY: fresh room for a tuple of n keys, then a flat map of n values.
        unsafe {
            *p = crate::word::header(Kind::Tuple, n);
            insert_words(p.add(1), keys, at, key);
            let m = p.add(n + 1);
            *m = crate::word::header(Kind::FlatMap, n + 1);
            *m.add(1) = p as u64 | TAG_BOXED;
            insert_words(m.add(2), values, at, value);
            return Term::boxed_at(m);
        }
    }
    put_trie(alloc, map, key, value, true).unwrap_or(map)
}

/// Writes `old` with `new` put in at `at`.
///
/// # Safety
/// `to` is fresh room for one more than `old`.
#[inline]
unsafe fn insert_words(to: *mut u64, old: &[Term], at: usize, new: Term) {
    // SAFETY: the caller's promise; `at` is at most the length.
    unsafe {
        to.copy_from_nonoverlapping(old.as_ptr().cast(), at);
        *to.add(at) = new.raw();
        to.add(at + 1).copy_from_nonoverlapping(old.as_ptr().add(at).cast(), old.len() - at);
    }
}

/// The map with the value of a key that it has replaced; `None` if it has not got the key.
pub fn update(alloc: &mut Alloc, map: Term, key: Term, value: Term) -> Option<Term> {
    if map.is_flat_map() {
        let (keys_term, keys, values) = flat_parts(map);
        let i = position(keys, key)?;
        return Some(if values[i].raw() == value.raw() { map } else { with_value(alloc, keys_term, values, i, value) });
    }
    put_trie(alloc, map, key, value, false)
}

/// The inner node or leaf on the way to a key, at each level.
struct Path {
    nodes: [Term; LEVELS as usize + 1],
    depth: usize,
}

/// `None` if the key is missing and may not be added.
fn put_trie(alloc: &mut Alloc, map: Term, key: Term, value: Term, add: bool) -> Option<Term> {
    let h = key_hash(key);
    let mut path = Path { nodes: [Term::NONE; LEVELS as usize + 1], depth: 0 };
    let mut node = map;
    // The new child to hang below the node at `path.depth - 1`.
    let (mut new, grown) = loop {
        if node.is_kind(Kind::HashCollision) {
            let leaves = node.hash_collision()?;
            match leaves.iter().position(|l| eq_exact(l.head(), key)) {
                Some(i) if leaves[i].tail().raw() == value.raw() => return Some(map),
                Some(i) => {
                    let mut v = leaves.to_vec();
                    v[i] = alloc.cons(leaves[i].head(), value);
                    break (alloc.hash_collision(&v), false);
                }
                None if !add => return None,
                None => {
                    let mut v = leaves.to_vec();
                    v.push(alloc.cons(key, value));
                    break (alloc.hash_collision(&v), true);
                }
            }
        }
        let (bitmap, children) = node.hash_node()?;
        let bit = 1u32 << (h >> (4 * path.depth) & 15);
        let i = (bitmap & (bit - 1)).count_ones() as usize;
        path.nodes[path.depth] = node;
        if bitmap & bit == 0 {
            if !add {
                return None;
            }
            path.depth += 1;
            break (alloc.cons(key, value), true);
        }
        let next = children[i];
        path.depth += 1;
        if next.is_cons() {
            if eq_exact(next.head(), key) {
                if next.tail().raw() == value.raw() {
                    return Some(map);
                }
                break (alloc.cons(next.head(), value), false);
            }
            if !add {
                return None;
            }
            let leaf = alloc.cons(key, value);
            let level = path.depth as u32;
            break (two_leaves(alloc, level, (key_hash(next.head()), next), (h, leaf)), true);
        }
        node = next;
    };
    // Copies the nodes on the way back.
    while path.depth > 0 {
        path.depth -= 1;
        let node = path.nodes[path.depth];
        let bit = 1u32 << (h >> (4 * path.depth) & 15);
        new = replace_child(alloc, node, bit, new, grown);
    }
    Some(new)
}

/// A copy of a node (or root) with one child put in or replaced.
fn replace_child(alloc: &mut Alloc, node: Term, bit: u32, new: Term, grown: bool) -> Term {
    let Some((bitmap, children)) = node.hash_node() else { return node };
    let i = (bitmap & (bit - 1)).count_ones() as usize;
    let missing = bitmap & bit == 0;
    let mut room = [Term::NONE; 16];
    let n = children.len() + usize::from(missing);
    room[..i].copy_from_slice(&children[..i]);
    room[i] = new;
    room[i + 1..n].copy_from_slice(&children[if missing { i } else { i + 1 }..]);
    if node.is_kind(Kind::HashMap) {
        alloc.hash_map(size(node) + usize::from(grown), bitmap | bit, &room[..n])
    } else {
        alloc.hash_node(bitmap | bit, &room[..n])
    }
}

/// The node at `level` that holds just two leaves.
fn two_leaves(alloc: &mut Alloc, level: u32, a: (u64, Term), b: (u64, Term)) -> Term {
    if level == LEVELS {
        return alloc.hash_collision(&[a.1, b.1]);
    }
    let (sa, sb) = (a.0 >> (4 * level) & 15, b.0 >> (4 * level) & 15);
    if sa == sb {
        let below = two_leaves(alloc, level + 1, a, b);
        return alloc.hash_node(1 << sa, &[below]);
    }
    let children = if sa < sb { [a.1, b.1] } else { [b.1, a.1] };
    alloc.hash_node(1 << sa | 1 << sb, &children)
}

/// The map without a key; the same map if it has not got it. Also the value that the key had.
pub fn take(alloc: &mut Alloc, map: Term, key: Term) -> Option<(Term, Term)> {
    let old = get(map, key)?;
    if map.is_flat_map() {
        let (_, keys, values) = flat_parts(map);
        let i = position(keys, key)?;
        if keys.len() == 1 {
            return Some((empty(alloc), old));
        }
        let without = |s: &[Term]| -> [Term; FLAT_MAX] {
            let mut room = [Term::NONE; FLAT_MAX];
            room[..i].copy_from_slice(&s[..i]);
            room[i..s.len() - 1].copy_from_slice(&s[i + 1..]);
            room
        };
        let n = keys.len() - 1;
        let keys = alloc.tuple(&without(keys)[..n]);
        return Some((alloc.flat_map(keys, &without(values)[..n]), old));
    }
    if size(map) == FLAT_MAX + 1 {
        let mut pairs: Vec<(Term, Term)> = Iter::new(map).filter(|&(k, _)| !eq_exact(k, key)).collect();
        pairs.sort_by(|a, b| cmp_exact(a.0, b.0));
        return Some((flat_from_sorted(alloc, &pairs), old));
    }
    let h = key_hash(key);
    Some((remove_below(alloc, map, key, h, 0)?, old))
}

/// The map without a key; the same map if it has not got it.
pub fn remove(alloc: &mut Alloc, map: Term, key: Term) -> Term {
    take(alloc, map, key).map_or(map, |(m, _)| m)
}

/// What is left of a node without a key that is in it; `None`: nothing.
fn remove_below(alloc: &mut Alloc, node: Term, key: Term, h: u64, level: u32) -> Option<Term> {
    if node.is_cons() {
        return None;
    }
    if let Some(leaves) = node.hash_collision() {
        let rest: Vec<Term> = leaves.iter().copied().filter(|l| !eq_exact(l.head(), key)).collect();
        return Some(if rest.len() == 1 { rest[0] } else { alloc.hash_collision(&rest) });
    }
    let (bitmap, children) = node.hash_node()?;
    let bit = 1u32 << (h >> (4 * level) & 15);
    let i = (bitmap & (bit - 1)).count_ones() as usize;
    let left = remove_below(alloc, children[i], key, h, level + 1);
    let root = node.is_kind(Kind::HashMap);
    let mut room = [Term::NONE; 16];
    let (bitmap, n) = match left {
        Some(c) => {
            room[..children.len()].copy_from_slice(children);
            room[i] = c;
            (bitmap, children.len())
        }
        None => {
            room[..i].copy_from_slice(&children[..i]);
            room[i..children.len() - 1].copy_from_slice(&children[i + 1..]);
            (bitmap & !bit, children.len() - 1)
        }
    };
    if root {
        return Some(alloc.hash_map(size(node) - 1, bitmap, &room[..n]));
    }
    match n {
        0 => None,
        // A lone leaf moves up; a lone node stays, its level tells its bits.
        1 if room[0].is_cons() => Some(room[0]),
        _ => Some(alloc.hash_node(bitmap, &room[..n])),
    }
}

/// A flat map of pairs that are in order and without doubles.
fn flat_from_sorted(alloc: &mut Alloc, pairs: &[(Term, Term)]) -> Term {
    let n = pairs.len();
    debug_assert!(n <= FLAT_MAX);
    if n == 0 {
        return empty(alloc);
    }
    let keys = alloc.tuple_from(n, |i| pairs[i].0);
    let mut values = [Term::NONE; FLAT_MAX];
    for (to, p) in values.iter_mut().zip(pairs) {
        *to = p.1;
    }
    alloc.flat_map(keys, &values[..n])
}

/// A pair with the place of its key in the order of iteration.
type Hashed = (u64, Term, Term);

fn hashed(pairs: &[(Term, Term)]) -> Vec<Hashed> {
    pairs.iter().map(|&(k, v)| (order_of(key_hash(k)), k, v)).collect()
}

/// A trie of pairs without doubles, more than `FLAT_MAX` of them.
fn build_trie(alloc: &mut Alloc, pairs: &mut [Hashed]) -> Term {
    pairs.sort_by_key(|p| p.0);
    build_sorted(alloc, pairs)
}

fn build_sorted(alloc: &mut Alloc, pairs: &[Hashed]) -> Term {
    let mut room = [Term::NONE; 16];
    let (bitmap, n) = build_children(alloc, pairs, 0, &mut room);
    alloc.hash_map(pairs.len(), bitmap, &room[..n])
}

fn build_children(alloc: &mut Alloc, pairs: &[Hashed], level: u32, room: &mut [Term; 16]) -> (u32, usize) {
    let slot = |p: &Hashed| p.0 >> (HASH_BITS - 4 - 4 * level) & 15;
    let (mut bitmap, mut n) = (0, 0);
    for group in pairs.chunk_by(|a, b| slot(a) == slot(b)) {
        room[n] = build_node(alloc, group, level + 1);
        bitmap |= 1 << slot(&group[0]);
        n += 1;
    }
    (bitmap, n)
}

fn build_node(alloc: &mut Alloc, pairs: &[Hashed], level: u32) -> Term {
    if let [(_, k, v)] = *pairs {
        return alloc.cons(k, v);
    }
    if level == LEVELS {
        let leaves: Vec<Term> = pairs.iter().map(|&(_, k, v)| alloc.cons(k, v)).collect();
        return alloc.hash_collision(&leaves);
    }
    let mut room = [Term::NONE; 16];
    let (bitmap, n) = build_children(alloc, pairs, level, &mut room);
    alloc.hash_node(bitmap, &room[..n])
}

/// The map of these pairs; of pairs with one key the last counts.
pub fn from_pairs(alloc: &mut Alloc, pairs: &[(Term, Term)]) -> Term {
    from_pairs_counted(alloc, pairs).0
}

/// The map of these pairs; `None` if a key comes twice.
pub fn from_distinct_pairs(alloc: &mut Alloc, pairs: &[(Term, Term)]) -> Option<Term> {
    let (map, n) = from_pairs_counted(alloc, pairs);
    (n == pairs.len()).then_some(map)
}

fn from_pairs_counted(alloc: &mut Alloc, pairs: &[(Term, Term)]) -> (Term, usize) {
    if pairs.len() <= FLAT_MAX {
        return flat_from_pairs(alloc, pairs);
    }
    let mut all = hashed(pairs);
    all.sort_by_key(|p| p.0);
    // Doubles stand among pairs of one hash.
    let mut kept: usize = 0;
    let mut group = 0;
    for i in 0..all.len() {
        let p = all[i];
        if kept > 0 && all[kept - 1].0 != p.0 {
            group = kept;
        }
        match all[group..kept].iter().position(|q| eq_exact(q.1, p.1)) {
            Some(j) => all[group + j].2 = p.2,
            None => {
                all[kept] = p;
                kept += 1;
            }
        }
    }
    all.truncate(kept);
    if kept > FLAT_MAX {
        return (build_sorted(alloc, &all), kept);
    }
    let left: Vec<(Term, Term)> = all.iter().map(|p| (p.1, p.2)).collect();
    flat_from_pairs(alloc, &left)
}

fn flat_from_pairs(alloc: &mut Alloc, pairs: &[(Term, Term)]) -> (Term, usize) {
    let mut sorted = [(Term::NONE, Term::NONE); FLAT_MAX];
    let mut n = 0;
    for &(k, v) in pairs {
        // Mostly they come in order.
        let i = if n == 0 || cmp_exact(sorted[n - 1].0, k) == Less {
            n
        } else {
            sorted[..n].partition_point(|p| cmp_exact(p.0, k) == Less)
        };
        if i < n && eq_exact(sorted[i].0, k) {
            sorted[i].1 = v;
        } else {
            sorted.copy_within(i..n, i + 1);
            sorted[i] = (k, v);
            n += 1;
        }
    }
    (flat_from_sorted(alloc, &sorted[..n]), n)
}

/// The map with all these pairs put in; of pairs with one key the last counts.
pub fn put_many(alloc: &mut Alloc, map: Term, pairs: &[(Term, Term)]) -> Term {
    match *pairs {
        [] => return map,
        [(k, v)] => return put(alloc, map, k, v),
        _ => {}
    }
    if map.is_flat_map() {
        let (keys_term, keys, values) = flat_parts(map);
        if keys.is_empty() || pairs.len() > FLAT_MAX {
            let all: Vec<(Term, Term)> = Iter::new(map).chain(pairs.iter().copied()).collect();
            return from_pairs(alloc, &all);
        }
        let (mut new_keys, mut new_values) = ([Term::NONE; FLAT_MAX], [Term::NONE; FLAT_MAX]);
        let mut n = keys.len();
        new_keys[..n].copy_from_slice(keys);
        new_values[..n].copy_from_slice(values);
        let mut changed = false;
        for &(k, v) in pairs {
            if let Some(i) = position(&new_keys[..n], k) {
                changed |= new_values[i].raw() != v.raw();
                new_values[i] = v;
            } else if n < FLAT_MAX {
                let i = insertion(&new_keys[..n], k);
                new_keys.copy_within(i..n, i + 1);
                new_values.copy_within(i..n, i + 1);
                (new_keys[i], new_values[i]) = (k, v);
                n += 1;
            } else {
                let mut all: Vec<(Term, Term)> = Vec::with_capacity(keys.len() + pairs.len());
                all.extend(keys.iter().copied().zip(values.iter().copied()));
                all.extend_from_slice(pairs);
                return from_pairs(alloc, &all);
            }
        }
        // Without new keys the old ones are shared.
        let keys_term = match n > keys.len() {
            true => alloc.tuple(&new_keys[..n]),
            false if !changed => return map,
            false => keys_term,
        };
        return alloc.flat_map(keys_term, &new_values[..n]);
    }
    if pairs.len() > 16 && pairs.len() * 2 > size(map) {
        let mut all: Vec<(Term, Term)> = Iter::new(map).collect();
        all.extend_from_slice(pairs);
        return from_pairs(alloc, &all);
    }
    pairs.iter().fold(map, |m, &(k, v)| put(alloc, m, k, v))
}

/// The map with the values of keys that it has replaced; the first key that it has not got otherwise.
pub fn update_many(alloc: &mut Alloc, map: Term, pairs: &[(Term, Term)]) -> Result<Term, Term> {
    if map.is_flat_map() {
        let (keys_term, keys, values) = flat_parts(map);
        let mut new = [Term::NONE; FLAT_MAX];
        new[..values.len()].copy_from_slice(values);
        for &(k, v) in pairs {
            new[position(keys, k).ok_or(k)?] = v;
        }
        let new = &new[..values.len()];
        return Ok(if new.iter().zip(values).all(|(a, b)| a.raw() == b.raw()) { map } else { alloc.flat_map(keys_term, new) });
    }
    let mut m = map;
    for &(k, v) in pairs {
        m = update(alloc, m, k, v).ok_or(k)?;
    }
    Ok(m)
}

/// Both maps' pairs; where both have a key, `b`'s value counts.
pub fn merge(alloc: &mut Alloc, a: Term, b: Term) -> Term {
    if a.raw() == b.raw() || size(b) == 0 {
        return a;
    }
    if size(a) == 0 {
        return b;
    }
    if a.is_hash_map() && b.is_hash_map() {
        let mut common = 0;
        let m = merge_nodes(alloc, a, b, 0, &mut common);
        let Some((bitmap, children)) = m.hash_node() else { return m };
        return alloc.hash_map(size(a) + size(b) - common, bitmap, children);
    }
    if a.is_flat_map() && b.is_hash_map() {
        // Only what `b` lacks.
        let more: Vec<(Term, Term)> = Iter::new(a).filter(|&(k, _)| !has_key(b, k)).collect();
        return more.iter().fold(b, |m, &(k, v)| put(alloc, m, k, v));
    }
    let pairs: Vec<(Term, Term)> = Iter::new(b).collect();
    put_many(alloc, a, &pairs)
}

/// Hash of any leaf below a node that is a leaf or a collision.
fn leaf_hash(t: Term) -> u64 {
    let leaf = t.hash_collision().map_or(t, |l| l[0]);
    key_hash(leaf.head())
}

fn count_leaves(t: Term) -> usize {
    if t.is_cons() {
        return 1;
    }
    if let Some(l) = t.hash_collision() {
        return l.len();
    }
    t.hash_node().map_or(0, |(_, c)| c.iter().map(|&t| count_leaves(t)).sum())
}

fn merge_nodes(alloc: &mut Alloc, a: Term, b: Term, level: u32, common: &mut usize) -> Term {
    if a.raw() == b.raw() {
        *common += count_leaves(a);
        return a;
    }
    if level == LEVELS {
        let side = |t: Term| t.hash_collision().map_or_else(|| vec![t], <[Term]>::to_vec);
        let (left, mut all) = (side(a), side(b));
        for l in left {
            if all.iter().any(|m| eq_exact(m.head(), l.head())) {
                *common += 1;
            } else {
                all.push(l);
            }
        }
        return if all.len() == 1 { all[0] } else { alloc.hash_collision(&all) };
    }
    match (a.is_cons(), b.is_cons()) {
        (true, true) if eq_exact(a.head(), b.head()) => {
            *common += 1;
            b
        }
        (true, true) => two_leaves(alloc, level, (leaf_hash(a), a), (leaf_hash(b), b)),
        (leaf_a, leaf_b) => {
            let parts = |t: Term, leaf: bool, room: &mut [Term; 1]| -> (u32, Vec<Term>) {
                if leaf {
                    room[0] = t;
                    (1 << (leaf_hash(t) >> (4 * level) & 15), vec![t])
                } else {
                    t.hash_node().map_or((0, Vec::new()), |(m, c)| (m, c.to_vec()))
                }
            };
            let mut room = [Term::NONE; 1];
            let (ma, ca) = parts(a, leaf_a, &mut room);
            let (mb, cb) = parts(b, leaf_b, &mut room);
            let mut children = [Term::NONE; 16];
            let (mut n, mut ia, mut ib) = (0, 0, 0);
            for slot in 0..16 {
                let bit = 1 << slot;
                children[n] = match (ma & bit != 0, mb & bit != 0) {
                    (false, false) => continue,
                    (true, false) => ca[ia],
                    (false, true) => cb[ib],
                    (true, true) => merge_nodes(alloc, ca[ia], cb[ib], level + 1, common),
                };
                ia += usize::from(ma & bit != 0);
                ib += usize::from(mb & bit != 0);
                n += 1;
            }
            alloc.hash_node(ma | mb, &children[..n])
        }
    }
}

/// The pairs of a map in the order of iteration; none if it is not a map.
pub struct Iter {
    /// Runs of children (or keys) still to be walked, innermost last.
    runs: [(*const Term, usize); LEVELS as usize + 2],
    depth: usize,
    /// Values of a flat map; null for a trie.
    values: *const Term,
}

// SAFETY: rule 3: it reads terms of whoever keeps it, which go from thread to thread together with it and are not written.
unsafe impl Send for Iter {}

impl Iter {
    pub fn new(map: Term) -> Iter {
        let mut it = Iter { runs: [(std::ptr::null(), 0); LEVELS as usize + 2], depth: 0, values: std::ptr::null() };
        if map.is_flat_map() {
            let (_, keys, values) = flat_parts(map);
            it.runs[0] = (keys.as_ptr(), keys.len());
            it.values = values.as_ptr();
            it.depth = 1;
        } else if let Some((_, children)) = map.hash_node() {
            it.runs[0] = (children.as_ptr(), children.len());
            it.depth = 1;
        }
        it
    }
    /// The pairs of a hash map from a position on (see `next`).
    fn from_position(map: Term, position: u64) -> Iter {
        let mut it = Iter::new(map);
        if it.values.is_null() {
            it.depth = 0;
            let mut node = map;
            let mut level = 0;
            while let Some((bitmap, children)) = node.hash_node() {
                let slot = position >> (HASH_BITS - 4 - 4 * level) & 15;
                let bit = 1u32 << slot;
                let i = (bitmap & (bit - 1)).count_ones() as usize;
                let here = bitmap & bit != 0;
                // The child at the slot itself is entered; those after it come whole.
                let after = i + usize::from(here);
                it.runs[it.depth] = (children[after..].as_ptr(), children.len() - after);
                it.depth += 1;
                if !here {
                    return it;
                }
                node = children[i];
                level += 1;
                if node.is_cons() || node.is_kind(Kind::HashCollision) {
                    if order_of(leaf_hash(node)) >= position {
                        let d = it.depth - 1;
                        it.runs[d] = (children[i..].as_ptr(), children.len() - i);
                    }
                    return it;
                }
            }
        }
        it
    }

    /// The pairs of a hash map's part: those whose place in the order of iteration begins with this byte.
    pub fn part(map: Term, part: u8) -> Iter {
        let mut it = Iter { runs: [(std::ptr::null(), 0); LEVELS as usize + 2], depth: 0, values: std::ptr::null() };
        let below = |node: Term, slot: u8| -> Option<&'static [Term]> {
            let (bitmap, children) = node.hash_node()?;
            let bit = 1u32 << slot;
            let i = (bitmap & (bit - 1)).count_ones() as usize;
            (bitmap & bit != 0).then(|| &children[i..=i])
        };
        let Some(mut run) = below(map, part >> 4) else { return it };
        if run[0].hash_node().is_some() {
            match below(run[0], part & 15) {
                Some(inner) => run = inner,
                None => return it,
            }
        } else if order_of(leaf_hash(run[0])) >> (HASH_BITS - 8) != u64::from(part) {
            return it;
        }
        it.runs[0] = (run.as_ptr(), 1);
        it.depth = 1;
        it
    }
}

impl Iterator for Iter {
    type Item = (Term, Term);
    #[inline]
    fn next(&mut self) -> Option<(Term, Term)> {
        while self.depth > 0 {
            let run = &mut self.runs[self.depth - 1];
            if run.1 == 0 {
                self.depth -= 1;
                continue;
            }
            // SAFETY: rules 1 and 2: `run.1` terms stand at `run.0`.
            let t = unsafe {
                let t = *run.0;
                run.0 = run.0.add(1);
                t
            };
            run.1 -= 1;
            if !self.values.is_null() {
                // SAFETY: rules 1 and 2: as many values as keys.
                unsafe {
                    let v = *self.values;
                    self.values = self.values.add(1);
                    return Some((t, v));
                }
            }
            if t.is_cons() {
                return Some((t.head(), t.tail()));
            }
            let children = t.hash_collision().or_else(|| t.hash_node().map(|n| n.1)).unwrap_or(&[]);
            self.runs[self.depth] = (children.as_ptr(), children.len());
            self.depth += 1;
        }
        None
    }
}

/// Pairs from position `from` on (0: the beginning), at least `batch` if there are so many, and the position after them.
/// Positions are below 2^61; a flat map gives all its pairs at once.
pub fn next(map: Term, from: u64, batch: usize) -> (Vec<(Term, Term)>, Option<u64>) {
    if map.is_flat_map() {
        return (Iter::new(map).collect(), None);
    }
    let it = Iter::from_position(map, from);
    let mut pairs = Vec::with_capacity(batch.min(size(map)) + 1);
    for (k, v) in it {
        if pairs.len() >= batch {
            let last: &(Term, Term) = &pairs[pairs.len() - 1];
            let (last, here) = (order_of(key_hash(last.0)), order_of(key_hash(k)));
            if here != last {
                return (pairs, Some(here));
            }
        }
        pairs.push((k, v));
    }
    (pairs, None)
}

/// `erts_internal:map_next/3`: with `iterator`, `{Key, Value, Next}` nested for some pairs, ending in `[Position|Map]` or
/// `none`; with a list, the pairs before that list. A position is 0 or what an earlier call gave; since OTP 26 with
/// `iterator` also a list of keys. `None` for other arguments.
pub fn map_next(alloc: &mut Alloc, position: Term, map: Term, acc: Term) -> Option<Term> {
    const BATCH: usize = 32;
    if !map.is_map() {
        return None;
    }
    let (pairs, mut t) = if position.is_list() {
        if acc != am::ITERATOR {
            return None;
        }
        let pairs: Option<Vec<(Term, Term)>> = position.proper_list()?.into_iter().map(|k| Some((k, get(map, k)?))).collect();
        (pairs?, am::NONE)
    } else {
        let from = position.as_u64()?;
        if acc == am::ITERATOR {
            let (pairs, then) = next(map, from, BATCH);
            let end = match then {
                Some(p) => {
                    let p = alloc.uint(p);
                    alloc.cons(p, map)
                }
                None => am::NONE,
            };
            (pairs, end)
        } else if acc.is_list() {
            (next(map, from, usize::MAX >> 1).0, acc)
        } else {
            return None;
        }
    };
    for &(k, v) in pairs.iter().rev() {
        t = if acc == am::ITERATOR {
            alloc.tuple(&[k, v, t])
        } else {
            let pair = alloc.tuple(&[k, v]);
            alloc.cons(pair, t)
        };
    }
    Some(t)
}

/// The keys in the order of iteration.
pub fn keys(alloc: &mut Alloc, map: Term) -> Term {
    list_of(alloc, map, |_, k, _| k)
}

/// The values in the order of iteration.
pub fn values(alloc: &mut Alloc, map: Term) -> Term {
    list_of(alloc, map, |_, _, v| v)
}

/// `[{Key, Value}]` in the order of iteration.
pub fn to_list(alloc: &mut Alloc, map: Term) -> Term {
    list_of(alloc, map, |a, k, v| a.tuple(&[k, v]))
}

fn list_of(alloc: &mut Alloc, map: Term, mut f: impl FnMut(&mut Alloc, Term, Term) -> Term) -> Term {
    let n = size(map);
    if n == 0 {
        return Term::NIL;
    }
    let p = alloc.words(2 * n);
    for (i, (k, v)) in Iter::new(map).enumerate() {
        let t = f(alloc, k, v);
        // SAFETY: fresh room of n cells.
        unsafe {
            *p.add(2 * i) = t.raw();
            *p.add(2 * i + 1) = if i + 1 < n { p.add(2 * i + 2) as u64 | TAG_CONS } else { Term::NIL.raw() };
        }
    }
    // SAFETY: rule 1: the cells are complete.
    unsafe { Term::cons_at(p) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    thread_local! {
        /// Makes hashes poor, so that keys collide.
        pub(super) static HASH_MASK: Cell<u64> = const { Cell::new(u64::MAX) };
    }

    fn key(a: &mut Alloc, n: u64) -> Term {
        match n % 4 {
            0 => Term::small(n as i64),
            1 => crate::atom::intern(&format!("k{n}")),
            2 => a.binary(&n.to_be_bytes()),
            _ => {
                let f = a.float(n as f64);
                a.tuple(&[Term::small(n as i64), f])
            }
        }
    }
    fn check(a: &mut Alloc, m: Term, model: &BTreeMap<u64, i64>) {
        assert_eq!(size(m), model.len());
        assert_eq!(m.is_flat_map(), model.len() <= FLAT_MAX);
        for (&k, &v) in model {
            let t = key(a, k);
            assert_eq!(get(m, t), Some(Term::small(v)));
        }
        assert_eq!(Iter::new(m).count(), model.len());
        let pairs: Vec<_> = model.iter().map(|(&k, &v)| (key(a, k), Term::small(v))).collect();
        let rebuilt = from_distinct_pairs(a, &pairs).expect("no doubles");
        assert!(eq_exact(m, rebuilt), "the shape follows from the keys");
        assert_eq!(hash(m), hash(rebuilt));
        assert_eq!(crate::cmp::cmp(m, rebuilt), Equal);
        // Batches come in the order of iteration.
        let (mut from, mut all) = (0, Vec::new());
        loop {
            let (some, then) = next(m, from, 7);
            all.extend(some);
            match then {
                Some(p) => from = p,
                None => break,
            }
        }
        assert!(all.iter().copied().eq(Iter::new(m)));
        // Its parts, one after the other, are the whole.
        if !m.is_flat_map() {
            assert!((0..=255).flat_map(|part| Iter::part(m, part)).eq(Iter::new(m)));
        }
    }

    #[test]
    fn maps_agree_with_a_model() {
        against_a_model(1500);
    }

    #[test]
    fn colliding_keys_agree_with_a_model() {
        for mask in [0, 3, 0x31, 0xf00, 0xf << 56, (0xf << 56) | 3] {
            HASH_MASK.set(mask);
            against_a_model(250);
        }
    }

    fn against_a_model(steps: i64) {
        let a = &mut Alloc::new();
        let mut seed = 7u64;
        let mut random = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        for range in [10, 40, 60, steps as u64 + 500] {
            let mut model = BTreeMap::new();
            let mut m = empty(a);
            for step in 0..steps {
                let k = random(range);
                let t = key(a, k);
                match random(5) {
                    0 | 1 => {
                        m = put(a, m, t, Term::small(step));
                        model.insert(k, step);
                    }
                    2 => {
                        m = remove(a, m, t);
                        model.remove(&k);
                    }
                    3 => {
                        let new = update(a, m, t, Term::small(step));
                        assert_eq!(new.is_some(), model.contains_key(&k));
                        if let Some(new) = new {
                            m = new;
                            model.insert(k, step);
                        }
                    }
                    _ => {
                        let n = random(range);
                        let (mut pairs, mut other) = (Vec::new(), BTreeMap::new());
                        if random(20) != 0 {
                            continue;
                        }
                        for _ in 0..n {
                            let k = random(range);
                            pairs.push((key(a, k), Term::small(step)));
                            other.insert(k, step);
                        }
                        m = if random(2) == 0 {
                            put_many(a, m, &pairs)
                        } else {
                            let b = from_pairs(a, &pairs);
                            check(a, b, &other);
                            merge(a, m, b)
                        };
                        model.extend(other);
                    }
                }
                if step % 100 == 0 {
                    check(a, m, &model);
                }
            }
            check(a, m, &model);
            while let Some((&k, _)) = model.iter().nth(random(model.len().max(1) as u64) as usize) {
                let t = key(a, k);
                m = remove(a, m, t);
                model.remove(&k);
                if model.len() % 16 == 0 || model.len().abs_diff(FLAT_MAX) < 3 {
                    check(a, m, &model);
                }
            }
        }
    }
}
