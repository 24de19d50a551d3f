//! The last calls of a process, kept on `process_flag(save_calls, N)`. Who notes them is not here (`exec`, `node`).

use std::collections::VecDeque;
use term::Term;

/// One of the last calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SavedCall {
    /// Of an exported function, through its export.
    Function(Term, Term, u8),
    /// A message was sent.
    Send,
    /// A message was taken.
    Receive,
    /// A `receive` has timed out.
    Timeout,
}

/// The last `size` calls, oldest first.
pub struct SavedCalls {
    size: usize,
    calls: VecDeque<SavedCall>,
}

impl SavedCalls {
    /// As many calls as can be asked for.
    pub const MOST: u32 = 10_000;

    pub fn new(size: u32) -> SavedCalls {
        SavedCalls { size: size as usize, calls: VecDeque::new() }
    }
    pub fn size(&self) -> usize {
        self.size
    }
    pub fn note(&mut self, call: SavedCall) {
        if self.calls.len() == self.size {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
    pub fn iter(&self) -> impl Iterator<Item = SavedCall> {
        self.calls.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut s = SavedCalls::new(2);
        for call in [SavedCall::Send, SavedCall::Receive, SavedCall::Timeout] {
            s.note(call);
        }
        assert_eq!(s.iter().collect::<Vec<_>>(), [SavedCall::Receive, SavedCall::Timeout]);
    }
}
