//! The private part of a process's mailbox: messages that have been fetched from the inbox, in order of arrival.
//! `receive` walks it from `save` on. A reference mark remembers where the queue ended when a reference was made: what lies
//! before cannot contain it. Positions are counted from the first message ever. A message that is taken out of the middle leaves a
//! gap, so that what lies behind need not move; gaps at the front go at once, the others when they are many.

use crate::Signal;
use std::collections::VecDeque;
use term::{Fragment, Term};

/// A message and the memory it lives in, which becomes the receiver's when the message is taken.
#[derive(Debug)]
pub struct Message {
    pub term: Term,
    pub memory: Fragment,
    /// What tracing wants to know of it.
    pub extra: Option<Box<Extra>>,
    /// The node itself sends it, not a process.
    pub of_system: bool,
    /// Sent with priority: comes first if the receiver's alias allows that.
    pub priority: bool,
    /// The term has moved into the receiver's heap although the message is still queued: a root.
    pub(crate) in_heap: bool,
}

/// What few messages carry: only while something is traced.
#[derive(Debug)]
pub struct Extra {
    /// Token of sequential tracing.
    pub token: Option<crate::Owned>,
    /// Who sent it, if known.
    pub sender: Term,
}

impl Message {
    #[inline]
    pub fn new(o: crate::Owned) -> Message {
        Message { term: o.term, memory: o.memory, extra: None, of_system: false, priority: false, in_heap: false }
    }
    /// Stands where a message has been taken out.
    fn gap() -> Message {
        Message { term: Term::NONE, memory: Fragment::EMPTY, extra: None, of_system: false, priority: false, in_heap: false }
    }
    #[inline(always)]
    fn is_gap(&self) -> bool {
        self.term == Term::NONE
    }
    #[inline(always)]
    fn of(signal: &Signal) -> &Message {
        let Signal::Message(m) = signal else { unreachable!("a mailbox holds messages") };
        m
    }
    #[inline(always)]
    fn of_mut(signal: &mut Signal) -> &mut Message {
        let Signal::Message(m) = signal else { unreachable!("a mailbox holds messages") };
        m
    }
    #[inline(always)]
    fn from(signal: Signal) -> Message {
        let Signal::Message(m) = signal else { unreachable!("a mailbox holds messages") };
        m
    }
    /// A message of the node itself.
    pub fn of_system(o: crate::Owned) -> Message {
        Message { of_system: true, ..Message::new(o) }
    }
    /// Who sent it; `NONE` if that was not noted.
    pub fn sender(&self) -> Term {
        self.extra.as_ref().map_or(Term::NONE, |e| e.sender)
    }
}

#[derive(Default, Debug)]
pub struct Mailbox {
    /// Messages only. As signals, so that an inbox with nothing else in it changes hands as it is.
    queue: VecDeque<Signal>,
    /// Index in `queue` that `receive` looks at next: never a gap.
    save: usize,
    /// Gaps in `queue`; the first is none.
    gaps: usize,
    /// So many slots at the front hold messages of priority, or did.
    priority: usize,
    /// How many slots have left at the front since the beginning (for marks).
    removed: u64,
    /// (reference number or mark id, position).
    marks: crate::Seldom<Vec<(u64, u64)>>,
    /// Where messages with `in_heap` stand (positions as in `marks`, and one more: 0 is none), so that a collection need not walk a long queue: the first ..
    in_heap: u64,
    /// .. and the others.
    in_heap_too: crate::Seldom<Vec<u64>>,
}

impl Mailbox {
    pub fn len(&self) -> usize {
        self.queue.len() - self.gaps
    }
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
    #[inline]
    pub fn push(&mut self, m: Message) {
        self.queue.push_back(Signal::Message(m));
    }
    /// Takes over messages that have arrived; there is nothing else among them.
    #[inline]
    pub fn take_over(&mut self, arrived: &mut VecDeque<Signal>) {
        debug_assert!(arrived.iter().all(|s| matches!(s, Signal::Message(_))));
        if self.queue.is_empty() {
            std::mem::swap(&mut self.queue, arrived);
        } else {
            self.queue.append(arrived);
        }
    }
    fn all(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.queue.iter().map(Message::of)
    }
    fn all_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Message> {
        self.queue.iter_mut().map(Message::of_mut)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Message> {
        self.all().filter(|m| !m.is_gap())
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.all_mut().filter(|m| !m.is_gap())
    }
    /// The newest message.
    pub fn last_mut(&mut self) -> Option<&mut Message> {
        self.all_mut().rev().find(|m| !m.is_gap())
    }
    /// The message that `receive` looks at, or `None` at the end.
    #[inline]
    pub fn peek(&self) -> Option<&Message> {
        self.queue.get(self.save).map(Message::of)
    }
    #[inline]
    pub fn peek_mut(&mut self) -> Option<&mut Message> {
        self.queue.get_mut(self.save).map(Message::of_mut)
    }
    /// Does `receive` look at the first message?
    #[inline]
    pub(crate) fn is_at_front(&self) -> bool {
        self.save == 0
    }
    /// Goes on to the next message.
    #[inline]
    pub fn skip(&mut self) {
        self.save += 1;
        if self.gaps > 0 {
            self.pass_gaps();
        }
    }
    #[inline]
    fn pass_gaps(&mut self) {
        while self.peek().is_some_and(Message::is_gap) {
            self.save += 1;
        }
    }
    /// Takes the message that `receive` looks at, and starts over from the front.
    #[inline]
    pub fn take(&mut self) -> Option<Message> {
        let at = std::mem::take(&mut self.save);
        self.take_at(at)
    }
    /// Takes the first message, if `receive` looks at it, it lives in the heap already and there is no more to it: nothing is left of it to care for.
    #[inline]
    pub fn take_moved(&mut self) -> bool {
        if self.save != 0 || self.gaps != 0 || !self.queue.front().map(Message::of).is_some_and(|m| m.in_heap && m.extra.is_none()) {
            return false;
        }
        let position = self.removed;
        self.queue.pop_front();
        self.front_gone();
        self.forget_in_heap(position);
        true
    }
    fn take_at(&mut self, index: usize) -> Option<Message> {
        let position = self.removed + index as u64;
        let m = if index == 0 {
            let m = Message::from(self.queue.pop_front()?);
            self.front_gone();
            while self.gaps > 0 && self.queue.front().map(Message::of).is_some_and(Message::is_gap) {
                self.queue.pop_front();
                self.gaps -= 1;
                self.front_gone();
            }
            m
        } else {
            let m = std::mem::replace(self.queue.get_mut(index).map(Message::of_mut)?, Message::gap());
            self.gaps += 1;
            m
        };
        if m.in_heap {
            self.forget_in_heap(position);
        }
        if self.gaps > 32 && self.gaps > self.queue.len() / 2 {
            self.close_gaps();
        }
        Some(m)
    }
    #[inline]
    fn front_gone(&mut self) {
        self.removed += 1;
        self.save = self.save.saturating_sub(1);
        self.priority = self.priority.saturating_sub(1);
    }
    fn close_gaps(&mut self) {
        let before = |index: usize| self.all().take(index).filter(|m| m.is_gap()).count();
        let marks: Vec<u64> = self.marks.iter().map(|m| before(m.1.saturating_sub(self.removed) as usize) as u64).collect();
        let in_heap: Vec<u64> = self.in_heap().map(|p| p - before((p - self.removed) as usize) as u64).collect();
        let (save, priority) = (before(self.save), before(self.priority));
        self.marks.iter_mut().zip(marks).for_each(|(m, n)| m.1 -= n);
        self.save -= save;
        self.set_in_heap(in_heap);
        self.priority -= priority;
        self.queue.retain(|m| !Message::of(m).is_gap());
        self.gaps = 0;
    }
    /// Starts over from the front (after `timeout`).
    #[inline]
    pub fn rewind(&mut self) {
        self.save = 0;
    }
    /// The newest message goes before all that have no priority, and a `receive` that has passed its place looks at it.
    pub fn promote_last(&mut self) {
        let at = self.priority;
        let Some(m) = self.queue.pop_back() else { return };
        let last = self.removed + self.queue.len() as u64;
        self.queue.insert(at, m);
        self.priority += 1;
        self.save = self.save.min(at);
        let place = self.removed + at as u64;
        if self.in_heap != 0 {
            let moved = |p: u64| if p == last { place } else { p + u64::from(p >= place) };
            self.set_in_heap(self.in_heap().map(moved).collect());
        }
        self.marks.iter_mut().filter(|m| m.1 >= place).for_each(|m| m.1 += 1);
    }
    /// Notes the end of the queue under `id`.
    pub fn set_mark(&mut self, id: u64) {
        if self.marks.len() >= 8 {
            self.marks.remove(0);
        }
        self.marks.push((id, self.removed + self.queue.len() as u64));
    }
    /// Renames a mark (`recv_marker_bind`).
    pub fn bind_mark(&mut self, id: u64, to: u64) {
        for m in self.marks.iter_mut() {
            if m.0 == id {
                m.0 = to;
            }
        }
    }
    pub fn clear_mark(&mut self, id: u64) {
        self.marks.retain(|m| m.0 != id);
    }
    /// Starts `receive` at a mark, if it is still known.
    pub fn use_mark(&mut self, id: u64) {
        // Messages of priority have passed those that are older than the mark.
        if self.priority == 0
            && let Some(&(_, at)) = self.marks.iter().rev().find(|m| m.0 == id) {
            self.save = (at.saturating_sub(self.removed) as usize).min(self.queue.len());
            self.pass_gaps();
        }
    }
    /// Copies the messages that lead into literal areas which are about to be freed; those in the heap are left to the collector.
    pub(crate) fn leave_literals(&mut self, going: &heap::Going) {
        for m in self.all_mut().filter(|m| !m.in_heap) {
            if going.find(m.term.raw()).is_some() || m.memory.blocks().flatten().any(|&w| going.find(w).is_some()) {
                let copy = crate::Owned::copy(m.term);
                (m.term, m.memory) = (copy.term, copy.memory);
            }
        }
    }
    /// Notes that the message under examination now lives in the receiver's heap.
    #[inline]
    pub(crate) fn moved_to_heap(&mut self) {
        if let Some(m) = self.queue.get_mut(self.save).map(Message::of_mut)
            && !m.in_heap
        {
            m.in_heap = true;
            let p = self.removed + self.save as u64 + 1;
            if self.in_heap == 0 {
                self.in_heap = p;
            } else {
                self.in_heap_too.push(p);
            }
        }
    }
    /// Positions of the messages that live in the heap.
    fn in_heap(&self) -> impl Iterator<Item = u64> {
        [self.in_heap].into_iter().filter(|&p| p != 0).chain(self.in_heap_too.iter().copied()).map(|p| p - 1)
    }
    fn set_in_heap(&mut self, positions: Vec<u64>) {
        let mut all = positions.into_iter().map(|p| p + 1);
        self.in_heap = all.next().unwrap_or(0);
        self.in_heap_too.clear();
        all.for_each(|p| self.in_heap_too.push(p));
    }
    fn forget_in_heap(&mut self, position: u64) {
        if self.in_heap == position + 1 {
            // Without memory for others where there never were any.
            self.in_heap = if self.in_heap_too.is_empty() { 0 } else { self.in_heap_too.pop().unwrap_or(0) };
        } else {
            self.in_heap_too.retain(|&p| p != position + 1);
        }
    }
    /// Terms of queued messages that live in the heap, for the collector.
    pub(crate) fn heap_terms(&self) -> Vec<Term> {
        self.in_heap().map(|p| Message::of(&self.queue[(p - self.removed) as usize]).term).collect()
    }
    /// Puts them back after they have moved.
    pub(crate) fn set_heap_terms(&mut self, terms: &[Term]) {
        let positions: Vec<u64> = self.in_heap().collect();
        for (p, &t) in positions.into_iter().zip(terms) {
            Message::of_mut(&mut self.queue[(p - self.removed) as usize]).term = t;
        }
    }
    /// Takes every message out (the process ends).
    pub fn drain(&mut self) -> impl ExactSizeIterator<Item = Message> {
        (self.save, self.priority) = (0, 0);
        self.set_in_heap(Vec::new());
        self.marks.clear();
        if std::mem::take(&mut self.gaps) > 0 {
            self.queue.retain(|m| !Message::of(m).is_gap());
        }
        std::mem::take(&mut self.queue).into_iter().map(Message::from)
    }
    /// Removes the first message that `is_it` says so of (`demonitor` with `flush`).
    pub fn remove_first(&mut self, mut is_it: impl FnMut(Term) -> bool) -> Option<Message> {
        let index = self.all().position(|m| !m.is_gap() && is_it(m.term))?;
        let m = self.take_at(index);
        self.pass_gaps();
        m
    }
    /// Removes messages that `drop_it` says so of; used by `demonitor(_, [flush])`-like native code and alias removal.
    pub fn retain(&mut self, mut keep: impl FnMut(&Message) -> bool) {
        self.queue.retain(|m| !Message::of(m).is_gap() && keep(Message::of(m)));
        self.gaps = 0;
        self.set_in_heap((self.removed..).zip(self.all()).filter(|(_, m)| m.in_heap).map(|(p, _)| p).collect());
        self.marks.clear();
        (self.save, self.priority) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(n: i64) -> Mailbox {
        let mut b = Mailbox::default();
        (0..n).for_each(|i| b.push(Message::new(crate::Owned::immediate(Term::small(i)))));
        b
    }
    fn take(b: &mut Mailbox, wanted: i64) -> Option<i64> {
        while b.peek()?.term != Term::small(wanted) {
            b.skip();
        }
        b.take()?.term.as_small()
    }

    #[test]
    fn messages_leave_in_any_order() {
        let mut b = filled(200);
        for i in (0..200).map(|i| i * 77 % 200) {
            assert_eq!(take(&mut b, i), Some(i));
            b.rewind();
        }
        assert!(b.is_empty() && b.peek().is_none() && b.queue.is_empty());
    }
    #[test]
    fn messages_of_priority_come_first() {
        let mut b = filled(3);
        (0..3).for_each(|_| b.skip());
        assert!(b.peek().is_none());
        for i in [10, 11] {
            b.push(Message::new(crate::Owned::immediate(Term::small(i))));
            b.promote_last();
        }
        let order: Vec<_> = std::iter::from_fn(|| b.take()?.term.as_small()).collect();
        assert_eq!(order, [10, 11, 0, 1, 2]);
    }
    #[test]
    fn what_lives_in_the_heap_is_found_again() {
        let (mut b, mut seed) = (Mailbox::default(), 7_u64);
        for i in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match seed >> 40 & 15 {
                0..=4 => b.push(Message::new(crate::Owned::immediate(Term::small(i)))),
                5 => {
                    b.push(Message::new(crate::Owned::immediate(Term::small(i))));
                    b.promote_last();
                }
                6..=8 => b.skip(),
                9 => b.rewind(),
                10 | 11 => b.moved_to_heap(),
                12 => drop(b.take()),
                13 => {
                    let (len, first) = (b.len(), b.all().next().is_some_and(|m| m.in_heap));
                    if b.take_moved() {
                        assert!(first && b.len() + 1 == len && b.save == 0 && b.gaps == 0);
                    }
                }
                14 => drop(b.remove_first(|t| t.as_small().is_some_and(|n| n % 3 == 0))),
                _ if seed >> 50 & 63 == 0 => b.retain(|m| m.term.as_small().is_some_and(|n| n % 5 != 0)),
                _ => {}
            }
            let there: Vec<u64> = (b.removed..).zip(b.all()).filter(|(_, m)| m.in_heap).map(|(p, _)| p).collect();
            let mut known: Vec<u64> = b.in_heap().collect();
            known.sort_unstable();
            assert_eq!(known, there, "after {i} steps");
        }
    }
    #[test]
    fn a_moved_message_leaves_only_from_the_front() {
        let in_heap = |b: &Mailbox| {
            let mut all: Vec<u64> = b.in_heap().collect();
            all.sort_unstable();
            all
        };
        let mut b = filled(5);
        assert!(!b.take_moved(), "it is not in the heap");
        b.moved_to_heap();
        b.skip();
        b.moved_to_heap();
        b.skip();
        b.skip();
        b.moved_to_heap();
        assert!(!b.take_moved(), "another message is looked at");
        b.rewind();
        assert!(b.take_moved() && in_heap(&b) == [1, 3]);
        assert!(b.take_moved() && in_heap(&b) == [3]);
        assert!(!b.take_moved());
        assert_eq!(take(&mut b, 2), Some(2));
        assert!(b.take_moved() && in_heap(&b).is_empty());
        assert_eq!((b.len(), b.peek().map(|m| m.term)), (1, Some(Term::small(4))));
    }
    #[test]
    fn gaps_and_priority_do_not_confuse_what_has_moved() {
        let mut b = filled(4);
        b.moved_to_heap();
        assert_eq!(take(&mut b, 2), Some(2));
        assert!(!b.take_moved(), "behind it is a gap: that is for `take`");
        b.push(Message::new(crate::Owned::immediate(Term::small(9))));
        b.promote_last();
        b.moved_to_heap();
        assert_eq!(b.in_heap().count(), 2);
        assert_eq!(take(&mut b, 9), Some(9));
        assert_eq!(b.priority, 0);
        assert_eq!(b.in_heap().map(|p| Message::of(&b.queue[(p - b.removed) as usize]).term).collect::<Vec<_>>(), [Term::small(0)]);
        assert_eq!(take(&mut b, 0), Some(0));
        assert_eq!(b.in_heap().count(), 0);
        b.moved_to_heap();
        b.push(Message { extra: Some(Box::new(Extra { token: None, sender: Term::NONE })), ..Message::new(crate::Owned::immediate(Term::small(5))) });
        assert_eq!(take(&mut b, 3), Some(3));
        b.rewind();
        assert_eq!(take(&mut b, 1), Some(1));
        b.moved_to_heap();
        assert!(!b.take_moved(), "there is more to it");
    }
    #[test]
    fn marks_stay_where_they_were() {
        let mut b = filled(100);
        b.set_mark(1);
        b.push(Message::new(crate::Owned::immediate(Term::small(100))));
        for i in (0..90).rev() {
            assert_eq!(take(&mut b, i), Some(i));
        }
        b.use_mark(1);
        assert_eq!(b.peek().map(|m| m.term), Some(Term::small(100)));
        assert_eq!((b.len(), b.iter().count()), (11, 11));
        assert!(b.remove_first(|t| t == Term::small(100)).is_some());
        b.use_mark(1);
        assert!(b.peek().is_none());
    }
}
