//! Two ends of pipes, terminals or files with packets in them: what the drivers of programs and of descriptors have in common.

use crate::driver::Io;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};
use sys::poll::Interest;
use sys::{Errno, fd};
use term::atom;

/// One descriptor.
pub(crate) enum End {
    Owned(OwnedFd),
    /// Somebody else's, that stays open.
    Borrowed(BorrowedFd<'static>),
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            End::Owned(fd) => fd.as_fd(),
            End::Borrowed(fd) => fd.as_fd(),
        }
    }
}

/// How much is read at once.
const READ: usize = 64 * 1024;

/// What a pipe takes without blocking, once it says that it takes something.
const ATOMIC: usize = 4096;

/// Where data comes from.
pub(crate) struct Source {
    pub end: End,
    pub slot: u8,
    /// Bytes of length before a packet; 0: none.
    packet: usize,
    partial: Vec<u8>,
    buffer: Vec<u8>,
}

/// What a read has brought.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Got {
    Data,
    End,
    Failed(Errno),
}

impl Source {
    pub fn new(end: End, slot: u8, packet: u8) -> Source {
        Source { end, slot, packet: packet.into(), partial: Vec::new(), buffer: Vec::new() }
    }
    pub fn watch(&self, io: &Io) {
        io.watch(self.end.as_fd(), self.slot, Interest::READ);
    }
    /// Reads once, when the descriptor is ready, and passes on what is complete.
    pub fn read(&mut self, io: &mut Io) -> Got {
        let (head, mut partial) = (self.packet, std::mem::take(&mut self.partial));
        let got = self.read_through(io, |io, bytes| {
            if head == 0 {
                return io.data(bytes);
            }
            partial.extend_from_slice(bytes);
            let mut at = 0;
            while let Some(packet) = packet_at(&partial[at..], head) {
                io.data(packet);
                at += head + packet.len();
            }
            partial.drain(..at);
        });
        self.partial = partial;
        got
    }
    /// Reads once, when the descriptor is ready, and gives `pass` the bytes as they came.
    pub fn read_through(&mut self, io: &mut Io, pass: impl FnOnce(&mut Io, &[u8])) -> Got {
        self.buffer.resize(READ, 0);
        let n = match fd::read(&self.end, &mut self.buffer) {
            Ok(0) => return Got::End,
            Ok(n) => n,
            Err(Errno::EAGAIN) => {
                self.watch(io);
                return Got::Data;
            }
            // The other side of a terminal is gone.
            Err(Errno::EIO) => return Got::End,
            Err(e) => return Got::Failed(e),
        };
        pass(io, &self.buffer[..n]);
        if n < READ {
            self.buffer = Vec::new();
        }
        self.watch(io);
        Got::Data
    }
}

/// The content of the packet at the front, if it is complete.
fn packet_at(bytes: &[u8], head: usize) -> Option<&[u8]> {
    let length = bytes.get(..head)?.iter().fold(0, |n, &b| n << 8 | usize::from(b));
    bytes.get(head..head + length)
}

/// A packet's length in front of it; `None` if it is too long for its head.
pub(crate) fn packed(data: Vec<u8>, packet: u8) -> Option<Vec<u8>> {
    let head = usize::from(packet);
    if head == 0 {
        return Some(data);
    }
    if head < 4 && data.len() >> (8 * head) != 0 || data.len() > u32::MAX as usize {
        return None;
    }
    let mut out = Vec::with_capacity(head + data.len());
    out.extend_from_slice(&(data.len() as u32).to_be_bytes()[4 - head..]);
    out.extend_from_slice(&data);
    Some(out)
}

/// Where data goes.
pub(crate) struct Sink {
    pub end: End,
    pub slot: u8,
    queue: VecDeque<Vec<u8>>,
    /// Bytes in the queue.
    queued: usize,
    /// Bytes of the first element that are gone already.
    done: usize,
    /// Might a write block? Then it is asked first, and only a little is written.
    careful: bool,
    limits: Option<(usize, usize)>,
}

impl Sink {
    pub fn new(end: End, slot: u8, limits: Option<(usize, usize)>) -> Sink {
        let careful = !fd::is_always_ready(&end) && !fd::is_nonblocking(&end).unwrap_or(false);
        Sink { end, slot, queue: VecDeque::new(), queued: 0, done: 0, careful, limits }
    }
    pub fn queued(&self) -> usize {
        self.queued
    }
    /// Writes, or puts into the queue what does not go out at once.
    pub fn write(&mut self, io: &mut Io, data: Vec<u8>) -> sys::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let idle = self.queue.is_empty();
        self.queued += data.len();
        self.queue.push_back(data);
        if idle { self.ready(io) } else { self.account(io) }
    }
    /// Writes as much as goes out without waiting.
    pub fn ready(&mut self, io: &mut Io) -> sys::Result<()> {
        while !self.queue.is_empty() {
            match self.once(Duration::ZERO) {
                Ok(true) => {}
                Ok(false) => {
                    io.watch(self.end.as_fd(), self.slot, Interest::WRITE);
                    break;
                }
                Err(e) => {
                    self.queue.clear();
                    self.queued = 0;
                    io.set_busy(false);
                    return Err(e);
                }
            }
        }
        self.account(io)
    }
    fn account(&self, io: &Io) -> sys::Result<()> {
        if let Some((low, high)) = self.limits {
            if self.queued >= high {
                io.set_busy(true);
            } else if self.queued <= low {
                io.set_busy(false);
            }
        }
        Ok(())
    }
    /// One write; false if the other side takes nothing for as long as `patience`.
    fn once(&mut self, patience: Duration) -> sys::Result<bool> {
        if (self.careful || !patience.is_zero()) && !sys::poll::wait_one(&self.end, Interest::WRITE, Some(patience))? {
            return Ok(false);
        }
        let most = if self.careful { ATOMIC } else { usize::MAX };
        let mut room = most;
        let mut slices = Vec::new();
        for (i, piece) in self.queue.iter().take(64).enumerate() {
            let piece = if i == 0 { &piece[self.done..] } else { &piece[..] };
            let piece = &piece[..piece.len().min(room)];
            slices.push(IoSlice::new(piece));
            room -= piece.len();
            if room == 0 {
                break;
            }
        }
        let mut n = match fd::writev(&self.end, &slices) {
            Ok(n) => n,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(e) => return Err(e),
        };
        self.queued -= n;
        while let Some(first) = self.queue.front() {
            let rest = first.len() - self.done;
            if n < rest {
                self.done += n;
                break;
            }
            n -= rest;
            self.done = 0;
            self.queue.pop_front();
        }
        Ok(true)
    }
    /// Writes all of it, waiting where needed, at most until `deadline`.
    pub fn flush(&mut self, deadline: Option<Instant>) {
        while !self.queue.is_empty() {
            let patience = match deadline {
                None => Duration::from_secs(3600),
                Some(at) => at.saturating_duration_since(Instant::now()),
            };
            match self.once(patience) {
                Ok(true) => {}
                Ok(false) if deadline.is_none() || !patience.is_zero() => {}
                _ => return,
            }
        }
    }
}

/// What the end of input, or a failure of it, does to the port.
pub(crate) fn input_over(io: &mut Io, got: &Got) {
    match got {
        Got::End => io.eof(),
        Got::Failed(e) => io.fail(*e),
        Got::Data => {}
    }
}

/// A packet that does not fit its head ends the port.
pub(crate) fn too_long(io: &mut Io) {
    io.end(atom!("einval"));
}

/// A command to a port that was opened for input only.
pub(crate) fn not_for_output(io: &mut Io) {
    io.end(atom!("ebadf"));
}
