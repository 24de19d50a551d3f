//! A hierarchical timer wheel: set, cancel and read in constant time. Plain and single-threaded. Not here: locks, sleeping, what a timeout does.
//!
//! A tick is 2^14 ns (16 us). Level `l` has 64 slots of 64^l ticks. A timer lives in the level of the highest six-bit group in which its tick differs
//! from `base`, so within a level every occupied slot lies after `base`, and lower levels are due before higher ones. When `base` reaches
//! a slot of a higher level, its timers move down. Lists keep the order in which timers were set, so equal ticks fire in that order.

use std::num::NonZeroU64;

const TICK_SHIFT: u32 = 14;
const LEVELS: usize = 8;
const SLOTS: usize = 64;
const MAX_TICK: u64 = (1 << (6 * LEVELS)) - 1;
const NIL: u32 = u32::MAX;
/// `Node::place` of a node on the free list.
const FREE: u16 = u16::MAX;
/// How far `next_deadline` looks for the exact time of a timer that is still in a coarse slot.
const EXACT_SCAN: usize = 64;

const SHARD_BITS: u32 = 10;
const INDEX_BITS: u32 = 26;
const GENERATION_BITS: u32 = 28;
const _: () = assert!(SHARD_BITS + INDEX_BITS + GENERATION_BITS == 64);

/// Names one timer for ever: after it fired or was cancelled, the name finds nothing (until its slot was reused 2^28 times).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct TimerRef(NonZeroU64);

impl TimerRef {
    pub(crate) fn new(shard: usize, (index, generation): (u32, u32)) -> Self {
        debug_assert!(generation != 0 && shard < 1 << SHARD_BITS);
        let word = ((shard as u64) << (INDEX_BITS + GENERATION_BITS)) | ((index as u64) << GENERATION_BITS) | generation as u64;
        Self(NonZeroU64::new(word).unwrap_or(NonZeroU64::MAX))
    }

    pub(crate) fn shard(self) -> usize {
        (self.0.get() >> (INDEX_BITS + GENERATION_BITS)) as usize
    }

    pub(crate) fn key(self) -> (u32, u32) {
        let word = self.0.get();
        ((word >> GENERATION_BITS) as u32 & ((1 << INDEX_BITS) - 1), word as u32 & ((1 << GENERATION_BITS) - 1))
    }

    pub fn to_word(self) -> u64 {
        self.0.get()
    }

    pub fn from_word(word: u64) -> Option<Self> {
        NonZeroU64::new(word).map(Self)
    }
}

struct Node<P> {
    deadline: u64,
    next: u32,
    prev: u32,
    generation: u32,
    /// level * 64 + slot, or FREE
    place: u16,
    payload: Option<P>,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

const EMPTY: List = List { head: NIL, tail: NIL };

pub(crate) struct Wheel<P> {
    base: u64,
    occupied: [u64; LEVELS],
    lists: Box<[List; LEVELS * SLOTS]>,
    nodes: Vec<Node<P>>,
    free: u32,
    len: usize,
}

/// The tick at which a deadline has passed for certain.
fn tick_of(deadline: u64) -> u64 {
    deadline.div_ceil(1 << TICK_SHIFT).min(MAX_TICK)
}

impl<P> Wheel<P> {
    pub fn new() -> Self {
        Self {
            base: 0,
            occupied: [0; LEVELS],
            lists: Box::new([EMPTY; LEVELS * SLOTS]),
            nodes: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells an empty wheel the time, so that the next timer starts in a low level.
    pub fn rebase(&mut self, now: u64) {
        if self.len == 0 {
            self.base = self.base.max((now >> TICK_SHIFT).min(MAX_TICK));
        }
    }

    /// The timer's key, and when it will be due.
    pub fn set(&mut self, deadline: u64, payload: P) -> ((u32, u32), u64) {
        let index = if self.free != NIL {
            let index = self.free;
            self.free = self.nodes[index as usize].next;
            index
        } else {
            let index = self.nodes.len() as u32;
            assert!(index < 1 << INDEX_BITS, "more than 2^{INDEX_BITS} timers in one wheel");
            self.nodes.push(Node { deadline: 0, next: NIL, prev: NIL, generation: 1, place: FREE, payload: None });
            index
        };
        let node = &mut self.nodes[index as usize];
        node.deadline = deadline;
        node.payload = Some(payload);
        let key = (index, node.generation);
        self.len += 1;
        (key, self.link(index) << TICK_SHIFT)
    }

    pub fn cancel(&mut self, key: (u32, u32)) -> Option<(P, u64)> {
        let deadline = self.read(key)?;
        self.unlink(key.0);
        self.release(key.0).map(|payload| (payload, deadline))
    }

    pub fn read(&self, (index, generation): (u32, u32)) -> Option<u64> {
        let node = self.nodes.get(index as usize)?;
        (node.generation == generation && node.place != FREE).then_some(node.deadline)
    }

    /// Moves payloads that are due to the end of `out`, `limit` at the most.
    pub fn expire(&mut self, now: u64, limit: usize, out: &mut Vec<P>) {
        let now = (now >> TICK_SHIFT).min(MAX_TICK);
        let mut left = limit;
        while let Some((level, slot, start)) = self.earliest()
            && start <= now
        {
            self.base = self.base.max(start);
            let place = level * SLOTS + slot;
            if level == 0 {
                while left > 0 && self.lists[place].head != NIL {
                    let index = self.lists[place].head;
                    self.unlink(index);
                    out.extend(self.release(index));
                    left -= 1;
                }
                if left == 0 {
                    return;
                }
            } else {
                let mut index = self.lists[place].head;
                self.lists[place] = EMPTY;
                self.occupied[level] &= !(1 << slot);
                while index != NIL {
                    let next = self.nodes[index as usize].next;
                    self.link(index);
                    index = next;
                }
            }
        }
        self.base = self.base.max(now);
    }

    /// When to call `expire` next: the earliest deadline, or earlier if that one stands in a crowd; `u64::MAX` if there is none.
    pub fn next_deadline(&self) -> u64 {
        let Some((level, slot, start)) = self.earliest() else { return u64::MAX };
        let mut tick = start;
        if level > 0 {
            let mut index = self.lists[level * SLOTS + slot].head;
            let mut first = MAX_TICK;
            let mut looked = 0;
            while index != NIL && looked < EXACT_SCAN {
                let node = &self.nodes[index as usize];
                first = first.min(tick_of(node.deadline));
                index = node.next;
                looked += 1;
            }
            if index == NIL {
                tick = first.max(start);
            }
        }
        tick << TICK_SHIFT
    }

    fn earliest(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = 6 * level as u32;
        let above = self.base >> shift >> 6 << 6 << shift;
        Some((level, slot, above | ((slot as u64) << shift)))
    }

    fn link(&mut self, index: u32) -> u64 {
        let tick = tick_of(self.nodes[index as usize].deadline).max(self.base);
        let level = ((63 - ((tick ^ self.base) | 1).leading_zeros()) / 6) as usize;
        let slot = (tick >> (6 * level)) as usize % SLOTS;
        let place = level * SLOTS + slot;
        let tail = self.lists[place].tail;
        let node = &mut self.nodes[index as usize];
        node.place = place as u16;
        node.next = NIL;
        node.prev = tail;
        if tail == NIL {
            self.lists[place].head = index;
            self.occupied[level] |= 1 << slot;
        } else {
            self.nodes[tail as usize].next = index;
        }
        self.lists[place].tail = index;
        tick
    }

    fn unlink(&mut self, index: u32) {
        let Node { next, prev, place, .. } = self.nodes[index as usize];
        let place = place as usize;
        if prev == NIL {
            self.lists[place].head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NIL {
            self.lists[place].tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
        if self.lists[place].head == NIL {
            self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        }
    }

    fn release(&mut self, index: u32) -> Option<P> {
        let node = &mut self.nodes[index as usize];
        node.place = FREE;
        node.generation = (node.generation + 1) & ((1 << GENERATION_BITS) - 1);
        node.generation = node.generation.max(1);
        node.next = self.free;
        let payload = node.payload.take();
        self.free = index;
        self.len -= 1;
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn order_and_time() {
        let mut wheel = Wheel::new();
        let mut seed = 1u64;
        let mut expected = Vec::new();
        for n in 0..20_000u32 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let deadline = (seed >> 33) % (1 << (10 + n % 30));
            wheel.set(deadline, (deadline, n));
            expected.push((tick_of(deadline), n));
        }
        expected.sort();
        let mut fired = Vec::new();
        let mut wakes = 0;
        loop {
            let now = wheel.next_deadline();
            if now == u64::MAX {
                break;
            }
            wakes += 1;
            let before = fired.len();
            wheel.expire(now, usize::MAX, &mut fired);
            for &(deadline, _) in &fired[before..] {
                assert!(deadline <= now && tick_of(deadline) << TICK_SHIFT == now.max(tick_of(deadline) << TICK_SHIFT));
            }
        }
        assert_eq!(fired.iter().map(|&(d, n)| (tick_of(d), n)).collect::<Vec<_>>(), expected);
        assert!(wakes <= 20_000 + 2_000, "{wakes} wakes");
        assert_eq!(wheel.len(), 0);
    }

    #[test]
    fn cancel_and_read() {
        let mut wheel = Wheel::new();
        let (a, due) = wheel.set(5 * MS, "a");
        let (b, _) = wheel.set(5000 * MS, "b");
        assert!((5 * MS..5 * MS + (1 << TICK_SHIFT)).contains(&due));
        assert_eq!(wheel.read(b), Some(5000 * MS));
        assert_eq!(wheel.cancel(a), Some(("a", 5 * MS)));
        assert_eq!(wheel.cancel(a), None);
        let (c, _) = wheel.set(7 * MS, "c");
        assert_eq!((c.0, wheel.read(a)), (a.0, None), "a slot is reused under a new name");
        let mut out = Vec::new();
        wheel.expire(10_000 * MS, 1, &mut out);
        wheel.expire(10_000 * MS, 1, &mut out);
        assert_eq!(out, ["c", "b"]);
        assert_eq!((wheel.cancel(b), wheel.next_deadline()), (None, u64::MAX));
    }

    #[test]
    fn one_wake_for_a_lone_long_timer() {
        let mut wheel = Wheel::new();
        wheel.rebase(123_456 * MS);
        wheel.set(123_456 * MS + 5_000 * MS, ());
        let mut out = Vec::new();
        wheel.expire(wheel.next_deadline(), 9, &mut out);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn past_and_far_deadlines() {
        let mut wheel = Wheel::new();
        wheel.rebase(1000 * MS);
        wheel.set(3, "past");
        wheel.set(u64::MAX, "never");
        let mut out = Vec::new();
        wheel.expire(1000 * MS, 9, &mut out);
        assert_eq!(out, ["past"]);
        wheel.expire(1 << 60, 9, &mut out);
        assert_eq!(out, ["past"]);
        wheel.set((1 << 60) + 1, "soon");
        wheel.expire((1 << 60) + MS, 9, &mut out);
        assert_eq!(out, ["past", "soon"]);
    }

    #[test]
    fn names_as_words() {
        let name = TimerRef::new(1023, ((1 << 26) - 1, (1 << 28) - 1));
        assert_eq!((name.shard(), name.key()), (1023, ((1 << 26) - 1, (1 << 28) - 1)));
        assert_eq!(TimerRef::from_word(name.to_word()), Some(name));
    }
}
