//! The private part of a process's mailbox: messages that have been fetched from the inbox, in order of arrival.
//! `receive` walks it from `save` on. A reference mark remembers where the queue ended when a reference was made: what lies
//! before cannot contain it. Positions are counted from the first message ever, so that removals do not shift marks.

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
    pub fn new(o: crate::Owned) -> Message {
        Message { term: o.term, memory: o.memory, extra: None, of_system: false, in_heap: false }
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
    queue: VecDeque<Message>,
    /// Index in `queue` that `receive` looks at next.
    save: usize,
    /// How many messages have been removed from the front since the beginning (for marks). Removals from the middle leave marks
    /// pointing too far back at worst, which costs time and never a message: see `remove`.
    removed: u64,
    /// (reference number or mark id, position).
    marks: Vec<(u64, u64)>,
    /// Messages with `in_heap`.
    in_heap: usize,
    /// None of them stands at this index or behind it, so that a collection need not walk a long queue.
    in_heap_below: usize,
}

impl Mailbox {
    pub fn len(&self) -> usize {
        self.queue.len()
    }
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
    pub fn push(&mut self, m: Message) {
        self.queue.push_back(m);
    }
    pub fn iter(&self) -> impl Iterator<Item = &Message> {
        self.queue.iter()
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.queue.iter_mut()
    }
    /// The message that `receive` looks at, or `None` at the end.
    #[inline]
    pub fn peek(&self) -> Option<&Message> {
        self.queue.get(self.save)
    }
    #[inline]
    pub fn peek_mut(&mut self) -> Option<&mut Message> {
        self.queue.get_mut(self.save)
    }
    /// Goes on to the next message.
    #[inline]
    pub fn skip(&mut self) {
        self.save += 1;
    }
    /// Takes the message that `receive` looks at, and starts over from the front.
    #[inline]
    pub fn take(&mut self) -> Option<Message> {
        let m = if self.save == 0 { self.queue.pop_front() } else { self.queue.remove(self.save) };
        if let Some(m) = &m {
            self.in_heap -= usize::from(m.in_heap);
            self.in_heap_below -= usize::from(self.save < self.in_heap_below);
            // Every mark behind the place moves back by one, whichever end the removal was at.
            let at = self.removed + self.save as u64;
            for mark in &mut self.marks {
                if mark.1 > at {
                    mark.1 -= 1;
                }
            }
        }
        self.save = 0;
        m
    }
    /// Starts over from the front (after `timeout`).
    #[inline]
    pub fn rewind(&mut self) {
        self.save = 0;
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
        for m in &mut self.marks {
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
        if let Some(&(_, at)) = self.marks.iter().rev().find(|m| m.0 == id) {
            self.save = (at.saturating_sub(self.removed) as usize).min(self.queue.len());
        }
    }
    /// Copies the messages that lead into literal areas which are about to be freed; those in the heap are left to the collector.
    pub(crate) fn leave_literals(&mut self, going: &heap::Going) {
        for m in self.queue.iter_mut().filter(|m| !m.in_heap) {
            if going.find(m.term.raw()).is_some() || m.memory.blocks().flatten().any(|&w| going.find(w).is_some()) {
                let copy = crate::Owned::copy(m.term);
                (m.term, m.memory) = (copy.term, copy.memory);
            }
        }
    }
    /// Notes that the message under examination now lives in the receiver's heap.
    pub(crate) fn moved_to_heap(&mut self) {
        if let Some(m) = self.queue.get_mut(self.save)
            && !m.in_heap
        {
            m.in_heap = true;
            self.in_heap_below = if self.in_heap == 0 { self.save + 1 } else { self.in_heap_below.max(self.save + 1) };
            self.in_heap += 1;
        }
    }
    /// Terms of queued messages that live in the heap, for the collector.
    pub(crate) fn heap_terms(&self) -> Vec<Term> {
        if self.in_heap == 0 {
            return Vec::new();
        }
        self.queue.iter().take(self.in_heap_below).filter(|m| m.in_heap).map(|m| m.term).collect()
    }
    /// Puts them back after they have moved.
    pub(crate) fn set_heap_terms(&mut self, terms: &[Term]) {
        if !terms.is_empty() {
            self.queue.iter_mut().take(self.in_heap_below).filter(|m| m.in_heap).zip(terms).for_each(|(m, &t)| m.term = t);
        }
    }
    /// Takes every message out (the process ends).
    pub fn drain(&mut self) -> VecDeque<Message> {
        self.in_heap = 0;
        self.save = 0;
        self.marks.clear();
        std::mem::take(&mut self.queue)
    }
    /// Removes one message wherever it stands (`demonitor` with `flush`).
    pub fn remove_at(&mut self, index: usize) -> Option<Message> {
        let m = self.queue.remove(index)?;
        self.in_heap -= usize::from(m.in_heap);
        self.in_heap_below -= usize::from(index < self.in_heap_below);
        let at = self.removed + index as u64;
        for mark in &mut self.marks {
            if mark.1 > at {
                mark.1 -= 1;
            }
        }
        if index < self.save {
            self.save -= 1;
        }
        Some(m)
    }
    /// Removes messages that `drop_it` says so of; used by `demonitor(_, [flush])`-like native code and alias removal.
    pub fn retain(&mut self, mut keep: impl FnMut(&Message) -> bool) {
        self.queue.retain(|m| keep(m));
        self.in_heap = self.queue.iter().filter(|m| m.in_heap).count();
        self.marks.clear();
        self.save = 0;
    }
}
