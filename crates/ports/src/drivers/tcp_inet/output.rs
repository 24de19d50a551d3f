//! A stream's output: the queue, senders that wait until it is short, files, the end of it.

use super::super::inet::{self, Sender, State};
use super::{SENDING, SendFile, Tcp};
use crate::driver::{Control, Io};
use crate::packet::Kind as Packet;
use dist::Frame;
use process::Owned;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sys::Errno;
use sys::net::Shutdown;
use sys::poll::Interest;
use term::{Term, am, atom};

/// So many pieces go out with one call.
const PIECES: usize = 64;
/// So much of a file at once.
const FILE_STEP: u64 = (1 << 30) - 1;

/// Bytes that wait to go out.
#[derive(Default)]
pub(super) struct Output {
    /// Pieces, and what is left of each.
    pieces: VecDeque<(Piece, Range<usize>)>,
    len: usize,
}

enum Piece {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Own(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }
}

impl Output {
    pub fn len(&self) -> usize {
        self.len
    }
    fn push(&mut self, bytes: Vec<u8>, from: usize) {
        let part = from..bytes.len();
        self.push_piece(Piece::Own(bytes), part);
    }
    fn push_piece(&mut self, piece: Piece, part: Range<usize>) {
        if !part.is_empty() {
            self.len += part.len();
            self.pieces.push_back((piece, part));
        }
    }
    fn clear(&mut self) {
        self.pieces.clear();
        self.len = 0;
    }
    fn slices(&self, most: usize) -> Vec<IoSlice<'_>> {
        let mut room = most;
        let mut out = Vec::new();
        for (piece, part) in self.pieces.iter().take(PIECES) {
            let piece = &piece.bytes()[part.clone()];
            let piece = &piece[..piece.len().min(room)];
            room -= piece.len();
            out.push(IoSlice::new(piece));
            if room == 0 {
                break;
            }
        }
        out
    }
    fn gone(&mut self, mut n: usize) {
        self.len -= n;
        while let Some((_, part)) = self.pieces.front_mut() {
            if n < part.len() {
                part.start += n;
                return;
            }
            n -= part.len();
            self.pieces.pop_front();
        }
    }
}

impl Tcp {
    // ---- sending
    /// Packets that the node itself has made.
    pub(super) fn send_frame(&mut self, io: &mut Io, frame: Frame) {
        if self.s.state != State::Connected {
            return;
        }
        if self.s.settings.packet_kind != Packet::Length(dist::LENGTH as u8) {
            return self.send_each(io, &frame);
        }
        if self.shutdown.is_some() {
            return self.output_failed(io, Errno::EPIPE, None);
        }
        frame.sizes().for_each(|size| self.s.counts.sent.add(dist::LENGTH + size));
        let waits = self.file.is_some() || self.output.len() > 0;
        let sent = if waits || self.s.ignored || self.s.settings.delay_send {
            Ok(0)
        } else {
            let slices = [IoSlice::new(&frame.own), IoSlice::new(frame.shared())];
            let slices = &slices[..2 - usize::from(frame.shared().is_empty())];
            self.s.fd().and_then(|fd| io.world().net.send(fd, slices, 0))
        };
        let n = match sent {
            Ok(n) => n,
            Err(Errno::EAGAIN) => 0,
            Err(e) => return self.send_failed(io, e, None),
        };
        let (own, shared) = frame.into_parts();
        let in_own = n.min(own.len());
        self.output.push(own, in_own);
        if let Some((bytes, part)) = shared {
            self.output.push_piece(Piece::Shared(bytes), part.start + n - in_own..part.end);
        }
        self.s.want.write |= !waits && self.output.len() > 0;
    }
    /// Where other lengths stand in front of packets.
    fn send_each(&mut self, io: &mut Io, frame: &Frame) {
        let all = [&frame.own[..], frame.shared()].concat();
        let mut rest = &all[..];
        for size in frame.sizes() {
            let (packet, more) = rest[dist::LENGTH..].split_at(size);
            rest = more;
            self.send(io, packet.to_vec(), 0, None);
        }
    }
    /// Data from a process, from a place on; without a sender it is the node's own.
    pub(super) fn send(&mut self, io: &mut Io, data: Vec<u8>, from: usize, sender: Option<Sender>) {
        if self.s.state != State::Connected {
            let reason = match std::mem::take(&mut self.closed_to_senders) {
                true if self.s.reset_pending => atom!("econnreset"),
                true => am::CLOSED,
                false => atom!("enotconn"),
            };
            if let Some(sender) = sender {
                sender.error(io, reason);
            }
            return;
        }
        if self.shutdown.is_some() {
            return self.output_failed(io, Errno::EPIPE, sender);
        }
        let body = data.len() - from;
        let head = match self.s.settings.packet_kind {
            Packet::Length(n) => (body as u32).to_be_bytes()[4 - usize::from(n)..].to_vec(),
            _ => Vec::new(),
        };
        let size = head.len() + body;
        self.s.counts.sent.add(size);
        let waiting = self.output.len();
        if self.file.is_some() || waiting > 0 {
            self.output.push(head, 0);
            self.output.push(data, from);
            if let Some(sender) = sender {
                if waiting + size >= self.s.settings.high {
                    return self.block(io, sender);
                }
                sender.ok(io);
            }
            return;
        }
        let sent = match size {
            0 => Ok(0),
            _ if self.s.ignored || self.s.settings.delay_send => Ok(0),
            _ => {
                let slices = [IoSlice::new(&head), IoSlice::new(&data[from..])];
                let slices = &slices[usize::from(head.is_empty())..];
                self.s.fd().and_then(|fd| io.world().net.send(fd, slices, 0))
            }
        };
        match sent {
            Ok(n) if n == size => {}
            Ok(_) | Err(Errno::EAGAIN) => {
                let n = sent.unwrap_or(0);
                let in_head = n.min(head.len());
                self.output.push(head, in_head);
                self.output.push(data, from + n - in_head);
                self.s.want.write = true;
            }
            Err(e) => return self.send_failed(io, e, sender),
        }
        if let Some(sender) = sender {
            sender.ok(io);
        }
    }
    /// Too much waits: the sender gets its answer when there is less, and others do not get as far as here.
    fn block(&mut self, io: &mut Io, sender: Sender) {
        let timeout = self.s.settings.send_timeout_ms;
        if timeout == Some(0) {
            return sender.error(io, am::TIMEOUT);
        }
        self.blocked.push(sender);
        io.set_busy(true);
        if let Some(ms) = timeout {
            io.set_timer(SENDING, Duration::from_millis(ms.into()));
        }
    }
    /// Those who wait to send get an error; were there any?
    pub(super) fn unblock(&mut self, io: &Io, reason: Term) -> bool {
        if self.blocked.is_empty() {
            return false;
        }
        io.cancel_timer(SENDING);
        self.clear_output(io);
        for sender in std::mem::take(&mut self.blocked) {
            sender.error(io, reason);
        }
        io.set_busy(false);
        true
    }
    /// They may go on when so little waits.
    fn let_senders_go_on(&mut self, io: &Io) {
        if self.output.len() <= self.s.settings.low && !self.blocked.is_empty() && self.file.is_none() {
            io.cancel_timer(SENDING);
            io.set_busy(false);
            for sender in std::mem::take(&mut self.blocked) {
                sender.ok(io);
            }
        }
    }
    pub(super) fn send_timeout(&mut self, io: &mut Io) {
        for sender in std::mem::take(&mut self.blocked) {
            sender.error(io, am::TIMEOUT);
        }
        // Were it still busy, the next sender would wait without a timeout.
        io.set_busy(false);
        if self.s.settings.send_timeout_close {
            self.end(io);
        }
    }
    /// Writes as much as goes out without waiting.
    pub(super) fn drain(&mut self, io: &mut Io) {
        if self.file.is_some() {
            self.send_file(io);
            if self.file.is_some() || self.s.state != State::Connected {
                return;
            }
        }
        while self.output.len() > 0 {
            let sent = self.s.fd().and_then(|fd| io.world().net.send(fd, &self.output.slices(usize::MAX), 0));
            match sent {
                Ok(n) => self.output.gone(n),
                Err(Errno::EAGAIN) => {
                    self.s.want.write = true;
                    return;
                }
                Err(e) => return self.send_failed(io, e, None),
            }
            self.let_senders_go_on(io);
        }
        self.s.want.write = false;
        self.nothing_waits(io);
        if let Some(how) = self.shutdown.take()
            && !self.closing
        {
            match self.s.fd().and_then(|fd| io.world().net.shutdown(fd, how)) {
                Ok(()) => self.output_is_shut = true,
                Err(e) => self.output_failed(io, e, None),
            }
        }
    }
    fn nothing_waits(&mut self, io: &Io) {
        let id = io.id();
        for to in std::mem::take(&mut self.s.subscribers) {
            io.send(to, Owned::build(|a| a.tuple(&[atom!("empty_out_q"), id])));
        }
    }
    pub(super) fn clear_output(&mut self, io: &Io) {
        self.output.clear();
        self.s.want.write = false;
        self.nothing_waits(io);
    }
    fn send_failed(&mut self, io: &mut Io, e: Errno, sender: Option<Sender>) {
        // Unless this side has shut it, the other side has reset the connection.
        let e = if e == Errno::EPIPE && !self.output_is_shut { Errno::ECONNRESET } else { e };
        self.output_failed(io, e, sender);
    }
    /// Nothing can be sent any more: whoever sends now, and the next who receives, hears it.
    fn output_failed(&mut self, io: &mut Io, e: Errno, sender: Option<Sender>) {
        let told = e == Errno::ECONNRESET && self.s.settings.show_econnreset;
        let reason = if told { atom!("econnreset") } else { am::CLOSED };
        io.cancel_timer(SENDING);
        let mut senders = std::mem::take(&mut self.blocked);
        senders.extend(sender);
        io.set_busy(false);
        if self.is_active() {
            if told {
                inet::tell(io, atom!("tcp_error"), |_| vec![reason]);
            }
            inet::tell(io, atom!("tcp_closed"), |_| Vec::new());
        } else {
            self.refuse_all(io);
            self.closed_to_senders |= senders.is_empty();
        }
        for sender in senders {
            sender.error(io, reason);
        }
        if self.is_active() && self.s.settings.exit_on_close {
            io.leave(am::NORMAL);
        }
        self.file = None;
        self.end(io);
        self.closed_to_receivers = !self.is_active();
        self.s.reset_pending = told && !self.is_active();
    }
    /// The node halts: writes what waits, as long as the other side takes it.
    pub(super) fn flush_output(&mut self, io: &Io, deadline: Option<Instant>) {
        while self.output.len() > 0 && self.s.state == State::Connected {
            let Ok(fd) = self.s.fd() else { return };
            let patience = deadline.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
            if sys::poll::wait_one(fd, Interest::WRITE, Some(patience)) != Ok(true) {
                return;
            }
            match io.world().net.send(fd, &self.output.slices(usize::MAX), 0) {
                Ok(n) => self.output.gone(n),
                Err(Errno::EAGAIN) => {}
                Err(_) => return,
            }
        }
    }

    // ---- shutting
    pub(super) fn shutdown_request(&mut self, io: &Io, data: &[u8]) -> Control {
        if self.s.state != State::Connected {
            return inet::error(Errno::ENOTCONN);
        }
        let how = match data {
            [0] => Shutdown::Read,
            [1] => Shutdown::Write,
            [2] => Shutdown::Both,
            _ => return inet::error(Errno::EINVAL),
        };
        if how != Shutdown::Read && self.output.len() > 0 {
            self.shutdown = Some(how);
            return inet::reply(&[]);
        }
        match self.s.fd().and_then(|fd| io.world().net.shutdown(fd, how)) {
            Ok(()) => {
                self.output_is_shut |= how != Shutdown::Read;
                inet::reply(&[])
            }
            Err(e) => {
                self.output_is_shut |= how != Shutdown::Read;
                inet::error(e)
            }
        }
    }

    // ---- files
    pub(super) fn file_request(&mut self, io: &mut Io, data: &[u8]) -> Control {
        let parts = data.split_first_chunk::<4>().filter(|(_, rest)| rest.len() == 16);
        let Some((fd, rest)) = parts else { return inet::error(Errno::EINVAL) };
        if self.s.state != State::Connected {
            return inet::error(Errno::ENOTCONN);
        }
        if self.file.is_some() {
            return inet::error(Errno::EINVAL);
        }
        let file = sys::fd::borrow(i32::from_ne_bytes(*fd)).ok_or(Errno::EBADF).and_then(sys::fd::duplicate);
        let (offset, left) = (inet::long(rest, 0).unwrap_or(0), inet::long(rest, 8).unwrap_or(0));
        match file {
            Ok(file) => {
                self.file = Some(SendFile { file, offset, left, sent: 0, ahead: self.output.len() });
                self.send_file(io);
                inet::reply(&[])
            }
            Err(e) => inet::error(e),
        }
    }
    /// What of the queue is before the file, and then the file itself.
    fn send_file(&mut self, io: &mut Io) {
        let Some(mut file) = self.file.take() else { return };
        let done = self.send_some_file(io, &mut file);
        match done {
            Ok(true) => {
                self.s.want.write = self.output.len() > 0;
                self.let_senders_go_on(io);
                if self.output.len() == 0 {
                    self.drain(io);
                }
                let (low, high) = (file.sent & 0xffff_ffff, file.sent >> 32);
                io.send(io.owner(), Owned::build(|a| {
                    let result = a.tuple(&[am::OK, Term::small(low as i64), Term::small(high as i64)]);
                    a.tuple(&[atom!("sendfile"), io.id(), result])
                }));
            }
            Ok(false) => {
                self.file = Some(file);
                self.s.want.write = true;
            }
            Err(e) => {
                self.file_failed(io, e);
                self.send_failed(io, e, None);
            }
        }
    }
    /// False: it goes on when the socket takes more.
    fn send_some_file(&mut self, io: &Io, file: &mut SendFile) -> Result<bool, Errno> {
        let net = &io.world().net;
        let fd = self.s.fd()?;
        while file.ahead > 0 {
            match net.send(fd, &self.output.slices(file.ahead), 0) {
                Ok(n) => {
                    self.output.gone(n);
                    file.ahead -= n;
                }
                Err(Errno::EAGAIN) => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        while file.left > 0 {
            let step = file.left.min(FILE_STEP) as usize;
            match net.send_file(fd, std::os::fd::AsFd::as_fd(&file.file), file.offset, step) {
                Ok(0) => break,
                Ok(n) => {
                    file.sent += n as u64;
                    file.offset += n as u64;
                    file.left -= n as u64;
                }
                Err(Errno::EAGAIN) => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
    /// The owner hears that the file will not arrive.
    pub(super) fn file_failed(&mut self, io: &Io, e: Errno) {
        self.file = None;
        let reason = match e {
            Errno::ECONNRESET | Errno::ENOTCONN | Errno::EPIPE => am::CLOSED,
            e => term::atom::intern(e.name()),
        };
        io.send(io.owner(), Owned::build(|a| {
            let result = a.error(reason);
            a.tuple(&[atom!("sendfile"), io.id(), result])
        }));
    }
}
