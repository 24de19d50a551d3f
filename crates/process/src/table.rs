//! The table of processes: from a pid's number to its record. Numbers are given out in rising order and used again only
//! after the whole range has been gone through, with a higher serial.

use crate::shared::{Process, RunState};
use crate::{Private, ProcRef};
use base::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use term::Term;

pub struct Table {
    /// Record of each number, or null. Never shrinks; records are never freed before the table.
    slots: Box<[AtomicPtr<Process>]>,
    limit: usize,
    count: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    next: u64,
    /// Records without a process.
    free: Vec<ProcRef>,
    all: Vec<ProcRef>,
}

impl Table {
    /// Room for `limit` processes at once.
    pub fn new(limit: usize) -> Table {
        let size = limit.max(16).next_power_of_two();
        // SAFETY: all zeroes are null pointers. Pages of numbers never used are never touched.
        let slots: Box<[AtomicPtr<Process>]> = unsafe { Box::new_zeroed_slice(size).assume_init() };
        Table {
            slots,
            limit,
            count: AtomicUsize::new(0),
            state: Mutex::new(State { next: 0, free: Vec::new(), all: Vec::new() }),
        }
    }
    /// The number of the next process, if it is free.
    pub fn next(&self) -> u64 {
        self.state.lock().next
    }
    pub fn limit(&self) -> usize {
        self.limit
    }
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
    /// Makes a process in run state `Queued` (the caller enqueues it) from its private half. `Err` gives it back when the table is full.
    pub fn insert(&self, private: Private, make: impl FnOnce(ProcRef, Term)) -> Result<(ProcRef, Term), Box<Private>> {
        let mut s = self.state.lock();
        if self.count.load(Relaxed) >= self.limit {
            return Err(Box::new(private));
        }
        let mask = self.slots.len() as u64 - 1;
        let number = loop {
            let n = s.next;
            s.next += 1;
            if self.slots[(n & mask) as usize].load(Relaxed).is_null() {
                break n;
            }
        };
        let record = match s.free.pop() {
            Some(r) => r,
            None => {
                let r = ProcRef::new(Box::new(Process::empty()));
                s.all.push(r);
                r
            }
        };
        let bits = self.slots.len().trailing_zeros();
        let pid = Term::pid((number & mask) as u32, ((number >> bits) & 0x1fff) as u32);
        // SAFETY: rule 1: the record is free, nobody else has it.
        unsafe { record.set_private(Some(private)) };
        record.inbox.lock().state = RunState::Making;
        make(record, pid);
        {
            let mut inbox = record.inbox.lock();
            inbox.pid = pid;
            inbox.state = RunState::Queued;
            inbox.woken = false;
            inbox.parked = false;
            inbox.exiting = false;
            record.forget_signals(&mut inbox);
        }
        record.name.store(0, Release);
        self.count.fetch_add(1, Relaxed);
        self.slots[(number & mask) as usize].store(record.as_ptr(), Release);
        Ok((record, pid))
    }
    /// The record of a local pid; the caller's next step checks under the inbox lock that it is still this pid's.
    #[inline]
    pub fn get(&self, pid: Term) -> Option<ProcRef> {
        if !pid.is_local_pid() {
            return None;
        }
        let p = self.slots.get(pid.pid_number() as usize)?.load(Acquire);
        // SAFETY: rule 2: a slot holds null or a record of this table.
        unsafe { ProcRef::from_ptr(p) }
    }
    /// Frees the number of a process that ends: nobody finds it any more. Its record is still its own.
    pub fn unlist(&self, pid: Term) {
        let _s = self.state.lock();
        self.slots[pid.pid_number() as usize].store(std::ptr::null_mut(), Release);
        self.count.fetch_sub(1, Relaxed);
    }
    /// Frees the record of a process that has ended and is not listed any more. The caller must not touch its private half, of which
    /// at most a husk without memory is left, after this call: the record may be another process's at once.
    pub fn release(&self, record: ProcRef) {
        {
            let mut inbox = record.inbox.lock();
            inbox.pid = Term::NONE;
            inbox.state = RunState::Gone;
        }
        record.memory.store(0, Relaxed);
        self.state.lock().free.push(record);
    }
    /// Pids by number from `start` on, at most `max`, and where to go on; `None` at the end.
    pub fn pids_from(&self, start: usize, max: usize) -> Option<(usize, Vec<Term>)> {
        let used = self.slots.len().min(self.state.lock().next as usize);
        let mut out = Vec::new();
        for at in start..used {
            // SAFETY: as in `get`.
            if let Some(r) = unsafe { ProcRef::from_ptr(self.slots[at].load(Acquire)) } {
                let pid = r.inbox.lock().pid;
                if pid.is_some() {
                    out.push(pid);
                }
                if out.len() == max {
                    return Some((at + 1, out));
                }
            }
        }
        (!out.is_empty()).then_some((used, out))
    }
    /// Bytes of all processes' heaps, as of each one's last slice.
    pub fn memory(&self) -> u64 {
        let s = self.state.lock();
        s.all.iter().map(|r| r.memory.load(Relaxed)).sum()
    }
    /// Bytes of the table and its records.
    pub fn own_memory(&self) -> usize {
        self.slots.len() * 8 + self.state.lock().all.len() * size_of::<Process>()
    }
    /// Every process's pid, by number.
    pub fn pids(&self) -> Vec<Term> {
        let s = self.state.lock();
        let mut out = Vec::with_capacity(self.count());
        let used = self.slots.len().min(s.next as usize);
        for slot in &self.slots[..used] {
            let p = slot.load(Acquire);
            // SAFETY: as in `get`.
            if let Some(r) = unsafe { ProcRef::from_ptr(p) } {
                let pid = r.inbox.lock().pid;
                if pid.is_some() {
                    out.push(pid);
                }
            }
        }
        out
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let s = self.state.get_mut();
        for &r in &s.all {
            // SAFETY: rule 2: the table ends.
            unsafe { r.free() };
        }
    }
}
