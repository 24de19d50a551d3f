//! A process whose native function runs on a dirty pool: its true half goes there, and a stand-in takes its place in the record, so that signals
//! reach it as always: it can be killed, asked about, linked and traced meanwhile. When the function has returned, the true half comes back as a signal
//! (`Signal::Back`); if the process has ended by then, it is dropped. Not here: which functions these are (`exec::engine`).

use crate::{MaxHeap, Private};
use heap::Heap;
use std::mem::{swap, take};
use term::Term;

/// What a stand-in knows of the true half.
#[derive(Debug)]
pub struct Apart {
    stack: *const [Term],
    words: usize,
}

// SAFETY: rule 3.
unsafe impl Send for Apart {}

/// Words of a stand-in's own heap: only what signals bring.
const STAND_IN: usize = 32;

impl Private {
    /// The true half leaves; `self` is its stand-in from now on.
    pub fn set_apart(&mut self) -> Box<Private> {
        let apart = Apart { stack: self.heap.stack(), words: self.heap.total_words() };
        let mut stand_in = Private::new(Heap::new(STAND_IN), self.group_leader, self.parent);
        stand_in.ip = self.ip;
        stand_in.resume = self.resume;
        stand_in.initial_call = self.initial_call;
        stand_in.reductions = self.reductions;
        stand_in.max_heap = MaxHeap::default();
        stand_in.trace = self.trace.clone();
        stand_in.apart = Some(Box::new(apart));
        let mut truth = Box::new(stand_in);
        swap(self, &mut truth);
        truth.hand_over(self);
        truth
    }
    /// The true half is back.
    pub fn rejoin(&mut self, mut truth: Box<Private>) {
        self.hand_over(&mut truth);
        truth.trace = take(&mut self.trace);
        truth.first = self.first.take().or(truth.first.take());
        truth.collect_soon = truth.collect_soon.max(self.collect_soon);
        if !self.group_leader.is_immediate() {
            let leader = crate::Owned::copy(self.group_leader);
            truth.group_leader = truth.adopt(leader);
        } else {
            truth.group_leader = self.group_leader;
        }
        *self = *truth;
    }
    /// What signals act on goes to the other side, which from now on has it.
    fn hand_over(&mut self, other: &mut Private) {
        macro_rules! swapped {
            ($($field:ident)*) => { $(swap(&mut self.$field, &mut other.$field);)* };
        }
        swapped! { mailbox dictionary links monitors watchers aliases urgent suspending answers unhandled }
        macro_rules! same {
            ($($field:ident)*) => { $(other.$field = self.$field;)* };
        }
        // Both sides may read these; only signals write them.
        same! { trap_exit priority sensitive off_heap_queue error_handler unlinks suspended is_system next_mark }
    }
    /// The stack, wherever it is now.
    pub fn stack(&self) -> &[Term] {
        match &self.apart {
            // SAFETY: rule 3.
            Some(apart) => unsafe { &*apart.stack },
            None => self.heap.stack(),
        }
    }
    /// Words of heap, stack and fragments, wherever they are now.
    pub fn total_words(&self) -> usize {
        self.heap.total_words() + self.apart.as_ref().map_or(0, |a| a.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Owned, Who};

    #[test]
    fn what_signals_did_meanwhile_is_kept() {
        let mut p = Private::new(Heap::new(233), Term::NIL, Term::NIL);
        let a = Term::small(1);
        p.links.insert(Who::Local(a), 0);
        p.mailbox.push(crate::Message::new(Owned::immediate(Term::small(7))));
        // SAFETY: rule 1: nobody else has this process; a new block has room for a word.
        unsafe {
            p.heap.sp = p.heap.sp.sub(1);
            *p.heap.sp = Term::small(5).raw();
        }
        p.trap_exit = true;
        let truth = p.set_apart();
        assert!(p.apart.is_some() && p.trap_exit && truth.trap_exit && truth.links.is_empty());
        assert_eq!((p.stack(), p.mailbox.len(), p.links.len()), (&[Term::small(5)][..], 1, 1));
        p.links.remove(&Who::Local(a));
        p.mailbox.push(crate::Message::new(Owned::immediate(Term::small(8))));
        p.suspended = 1;
        p.priority = 2;
        p.collect_soon = Some(true);
        p.group_leader = Term::small(9);
        p.rejoin(truth);
        assert!(p.apart.is_none() && p.links.is_empty() && p.trap_exit);
        assert_eq!((p.stack(), p.mailbox.len(), p.suspended), (&[Term::small(5)][..], 2, 1));
        assert_eq!((p.collect_soon, p.group_leader, p.priority), (Some(true), Term::small(9), 2));
    }
}
