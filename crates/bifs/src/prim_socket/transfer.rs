//! Sending and receiving.

use super::{DGRAM, Operation, STREAM, Sock, State, address, error, invalid, message, opened};
use super::{closed, sock};
use crate::result::Res;
use base::sync::MutexGuard;
use node::Ctx;
use std::io::IoSlice;
use std::os::fd::AsFd;
use std::sync::Arc;
use sys::Errno;
use sys::net::Addr;
use term::{Term, am, atom};

/// So many slices go out at once.
const SLICES: usize = 1024;
/// So much of a file at once.
const FILE_STEP: usize = 1 << 30;

// ---- sending

/// What became of an attempt to send `size` bytes. `more`: slices that were left for the next call.
fn sent(cx: &mut Ctx, sock: &Arc<Sock>, s: &mut State, sent: Result<usize, Errno>, size: usize, more: bool, reference: Term) -> Res {
    s.counts.write_tries += 1;
    match sent {
        Err(Errno::EAGAIN) => {
            s.counts.write_waits += 1;
            sock.wait(cx, s, Operation::Send, reference);
            Ok(atom!("select"))
        }
        Err(e) => {
            s.counts.write_fails += 1;
            let reason = term::atom::intern(e.name());
            if e != Errno::EINVAL {
                sock.fail(cx, s, Operation::Send, reason);
            }
            Ok(cx.h().error(reason))
        }
        Ok(n) => {
            s.counts.write_bytes += n as u64;
            s.counts.write_largest = s.counts.write_largest.max(n as u64);
            let written = Term::small(n as i64);
            if n < size && sock.kind == STREAM {
                s.counts.write_waits += 1;
                sock.wait(cx, s, Operation::Send, reference);
                return Ok(cx.h().tuple(&[atom!("select"), written]));
            }
            if more && n == size && sock.kind == STREAM {
                return Ok(cx.h().tuple(&[atom!("iov"), written]));
            }
            s.counts.write_packages += 1;
            sock.next(cx, s, Operation::Send);
            Ok(if n < size || more { cx.h().ok(written) } else { am::OK })
        }
    }
}

fn flags(cx: &mut Ctx, t: Term) -> Result<u32, node::Stop> {
    t.to::<i32>().map(|n| n as u32).ok_or_else(|| cx.badarg())
}

/// Attempts to send as others do, unless somebody else is before.
macro_rules! begin {
    ($cx:expr, $a:expr, $reference:expr, $operation:expr, $sock:ident, $state:ident) => {
        opened!($cx, $a, $sock, $state);
        let other = if $operation == Operation::Send { Operation::Connect } else { Operation::Accept };
        if $state.queue($operation).is(other) {
            return super::bad_state($cx);
        }
        if !$sock.may_try($cx, &mut $state, $operation, $reference) {
            return Ok(atom!("select"));
        }
    };
}

pub fn send(cx: &mut Ctx, a: &[Term]) -> Res {
    let flags = flags(cx, a[2])?;
    let Some(data) = a[1].as_bytes() else { return Err(cx.badarg()) };
    begin!(cx, a[0], a[3], Operation::Send, sock, s);
    let n = s.fd().and_then(|fd| cx.node.world.net.send(fd, &[IoSlice::new(&data)], flags));
    sent(cx, &sock, &mut s, n, data.len(), false, a[3])
}

pub fn send_to(cx: &mut Ctx, a: &[Term]) -> Res {
    let flags = flags(cx, a[3])?;
    let Some(data) = a[1].as_bytes() else { return Err(cx.badarg()) };
    let Some(to) = address::from_term(a[2]) else {
        sock(cx, a[0])?;
        return Ok(invalid(cx, atom!("sockaddr")));
    };
    begin!(cx, a[0], a[4], Operation::Send, sock, s);
    let n = s.fd().and_then(|fd| cx.node.world.net.send_to(fd, &[IoSlice::new(&data)], &to, flags));
    sent(cx, &sock, &mut s, n, data.len(), false, a[4])
}

/// The binaries of a list, and whether there are more than go out at once.
fn vector(t: Term) -> Option<(Vec<Vec<u8>>, bool)> {
    let all = t.proper_list()?;
    let more = all.len() > SLICES;
    let all: Option<Vec<Vec<u8>>> = all.into_iter().take(SLICES).map(|t| t.as_bytes().map(|b| b.to_vec())).collect();
    Some((all?, more))
}

pub fn send_message(cx: &mut Ctx, a: &[Term]) -> Res {
    let flags = flags(cx, a[2])?;
    let (to, ancillary) = (super::option_of(a[1], "addr"), super::option_of(a[1], "ctrl"));
    let to = match to.map(address::from_term) {
        Some(None) => return Ok(invalid(cx, atom!("addr"))),
        to => to.flatten(),
    };
    let ancillary = match ancillary.map(message::from_terms) {
        Some(None) => return Ok(invalid(cx, atom!("ctrl"))),
        all => all.flatten().unwrap_or_default(),
    };
    let Some((data, more)) = vector(a[4]) else { return Ok(invalid(cx, atom!("iov"))) };
    begin!(cx, a[0], a[3], Operation::Send, sock, s);
    if more && sock.kind == DGRAM {
        return Ok(invalid(cx, atom!("iov")));
    }
    let slices: Vec<IoSlice> = data.iter().map(|b| IoSlice::new(b)).collect();
    let size = data.iter().map(Vec::len).sum();
    let n = s.fd().and_then(|fd| cx.node.world.net.send_message(fd, &slices, to.as_ref(), &ancillary, flags));
    sent(cx, &sock, &mut s, n, size, more, a[3])
}

pub fn send_vector(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some((data, more)) = vector(a[1]) else { return Err(cx.badarg()) };
    begin!(cx, a[0], a[2], Operation::Send, sock, s);
    let slices: Vec<IoSlice> = data.iter().map(|b| IoSlice::new(b)).collect();
    let size = data.iter().map(Vec::len).sum();
    let n = s.fd().and_then(|fd| cx.node.world.net.send(fd, &slices, 0));
    sent(cx, &sock, &mut s, n, size, more, a[2])
}

// ---- files

pub fn send_file(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = crate::prim_file::raw_fd(a[4]) else { return Err(cx.badarg()) };
    let file = match sys::fd::borrow(number).ok_or(Errno::EBADF).and_then(sys::fd::duplicate) {
        Ok(file) => file,
        Err(e) => return Ok(error(cx, e)),
    };
    begin!(cx, a[0], a[1], Operation::Send, sock, s);
    s.file = Some(file);
    some_of_file(cx, &sock, s, a)
}

pub fn send_more_of_file(cx: &mut Ctx, a: &[Term]) -> Res {
    begin!(cx, a[0], a[1], Operation::Send, sock, s);
    some_of_file(cx, &sock, s, a)
}

/// `a`: socket, reference, offset, count (0: all).
fn some_of_file(cx: &mut Ctx, sock: &Arc<Sock>, mut s: MutexGuard<State>, a: &[Term]) -> Res {
    let (Some(offset), Some(count)) = (a[2].to::<u64>(), a[3].to::<usize>()) else { return Err(cx.badarg()) };
    let net = cx.node.world.net.clone();
    let mut done = 0usize;
    let end = loop {
        let step = if count == 0 { FILE_STEP } else { (count - done).min(FILE_STEP) };
        if step == 0 {
            break Ok(());
        }
        let sent = match (&s.fd, &s.file) {
            (Some(fd), Some(file)) => net.send_file(fd.as_fd(), file.as_fd(), offset + done as u64, step),
            _ => Err(Errno::EINVAL),
        };
        match sent {
            Ok(0) => break Ok(()),
            Ok(n) => done += n,
            Err(e) => break Err(e),
        }
    };
    s.counts.write_bytes += done as u64;
    let n = Term::small(done as i64);
    match end {
        Err(Errno::EAGAIN) => {
            sock.wait(cx, &mut s, Operation::Send, a[1]);
            Ok(cx.h().tuple(&[atom!("select"), n]))
        }
        Err(e) => {
            s.file = None;
            let reason = term::atom::intern(e.name());
            sock.fail(cx, &mut s, Operation::Send, reason);
            Ok(cx.h().error(reason))
        }
        Ok(()) => {
            s.file = None;
            sock.next(cx, &mut s, Operation::Send);
            Ok(cx.h().ok(n))
        }
    }
}

/// A file that is not sent any more.
pub fn end_of_file(cx: &mut Ctx, a: &[Term]) -> Res {
    let sock = sock(cx, a[0])?;
    let file = sock.state.lock().file.take();
    Ok(if file.is_some() { am::OK } else { cx.h().error(am::CLOSED) })
}

// ---- receiving

/// Nothing there, or worse.
fn not_received(cx: &mut Ctx, sock: &Arc<Sock>, s: &mut State, e: Errno, reference: Term) -> Res {
    s.pieces = (0, 0);
    if e == Errno::EAGAIN {
        if reference == atom!("zero") {
            return Ok(if cx.node.code.release >= 26 { am::TIMEOUT } else { am::OK });
        }
        s.counts.read_waits += 1;
        sock.wait(cx, s, Operation::Receive, reference);
        return Ok(atom!("select"));
    }
    s.counts.read_fails += 1;
    let reason = term::atom::intern(e.name());
    sock.fail(cx, s, Operation::Receive, reason);
    Ok(cx.h().error(reason))
}

/// Is the other side of a stream at its end? All who wait hear it.
fn ended(cx: &mut Ctx, sock: &Arc<Sock>, s: &mut State) -> Res {
    s.counts.read_fails += 1;
    sock.fail(cx, s, Operation::Receive, am::CLOSED);
    closed(cx)
}

fn received(cx: &Ctx, sock: &Arc<Sock>, s: &mut State, n: usize) {
    let (_, before) = std::mem::take(&mut s.pieces);
    s.counts.read_packages += 1;
    s.counts.read_bytes += n as u64;
    s.counts.read_largest = s.counts.read_largest.max(before + n as u64);
    sock.next(cx, s, Operation::Receive);
}

fn length(cx: &mut Ctx, t: Term) -> Result<usize, node::Stop> {
    t.to::<usize>().ok_or_else(|| cx.badarg())
}

pub fn receive(cx: &mut Ctx, a: &[Term]) -> Res {
    let (asked, flags) = (length(cx, a[1])?, flags(cx, a[2])?);
    begin!(cx, a[0], a[3], Operation::Receive, sock, s);
    let size = if asked == 0 { s.receive_buffer } else { asked };
    let mut buffer = vec![0; size];
    s.counts.read_tries += 1;
    let n = match s.fd().and_then(|fd| cx.node.world.net.recv(fd, &mut buffer, flags)) {
        Ok(0) if sock.kind == STREAM => return ended(cx, &sock, &mut s),
        Ok(n) => n.min(size),
        Err(e) => return not_received(cx, &sock, &mut s, e, a[3]),
    };
    cx.charge(n / 100);
    let data = cx.h().binary(&buffer[..n]);
    // A stream may fill several buffers: whoever asked puts them together.
    let times = if asked == 0 && sock.kind == STREAM { s.receive_times.unwrap_or(1) } else { 1 };
    if n == size && s.pieces.0 + 1 < times {
        s.pieces = (s.pieces.0 + 1, s.pieces.1 + n as u64);
        s.counts.read_bytes += n as u64;
        return Ok(cx.h().tuple(&[atom!("more"), data]));
    }
    let zero = a[3] == atom!("zero");
    if n < asked && sock.kind == STREAM && !zero {
        s.counts.read_bytes += n as u64;
        sock.wait(cx, &mut s, Operation::Receive, a[3]);
        return Ok(cx.h().tuple(&[atom!("select"), data]));
    }
    received(cx, &sock, &mut s, n);
    if n < asked && sock.kind == STREAM && cx.node.code.release >= 26 {
        return Ok(cx.h().tuple(&[am::TIMEOUT, data]));
    }
    Ok(cx.h().ok(data))
}

pub fn receive_from(cx: &mut Ctx, a: &[Term]) -> Res {
    let (asked, flags) = (length(cx, a[1])?, flags(cx, a[2])?);
    begin!(cx, a[0], a[3], Operation::Receive, sock, s);
    let size = if asked == 0 { s.receive_buffer } else { asked };
    let mut buffer = vec![0; size];
    s.counts.read_tries += 1;
    match s.fd().and_then(|fd| cx.node.world.net.recv_from(fd, &mut buffer, flags)) {
        Ok((0, ..)) if sock.kind == STREAM => ended(cx, &sock, &mut s),
        Ok((n, _, from)) => {
            received(cx, &sock, &mut s, n);
            let h = cx.h();
            let (from, data) = (source(h, &from), h.binary(&buffer[..n]));
            let pair = h.tuple(&[from, data]);
            Ok(h.ok(pair))
        }
        Err(e) => not_received(cx, &sock, &mut s, e, a[3]),
    }
}

/// Where a message came from; a stream's messages come from nowhere.
fn source(h: &mut term::Alloc, addr: &Addr) -> Term {
    match addr {
        Addr::Unspecified => am::UNDEFINED,
        addr => address::to_term(h, addr),
    }
}

pub fn receive_message(cx: &mut Ctx, a: &[Term]) -> Res {
    let (asked, room, flags) = (length(cx, a[1])?, length(cx, a[2])?, flags(cx, a[3])?);
    begin!(cx, a[0], a[4], Operation::Receive, sock, s);
    let size = if asked == 0 { s.receive_buffer } else { asked };
    let room = if room == 0 { s.receive_control } else { room };
    let mut buffer = vec![0; size];
    s.counts.read_tries += 1;
    match s.fd().and_then(|fd| cx.node.world.net.recv_message(fd, &mut buffer, room, flags)) {
        Ok(got) if got.len == 0 && sock.kind == STREAM => ended(cx, &sock, &mut s),
        Ok(got) => {
            received(cx, &sock, &mut s, got.len);
            let release = cx.node.code.release;
            let h = cx.h();
            let data = h.binary(&buffer[..got.len]);
            let iov = h.list(&[data]);
            let ctrl = message::to_terms(h, &got.ancillary, release);
            let flags = message::flags(h, got.flags, release);
            let mut pairs = vec![("iov", iov), ("ctrl", ctrl), ("flags", flags)];
            if got.addr != Addr::Unspecified {
                let addr = address::to_term(h, &got.addr);
                pairs.push(("addr", addr));
            }
            let m = super::map(h, &pairs);
            Ok(h.ok(m))
        }
        Err(e) => not_received(cx, &sock, &mut s, e, a[4]),
    }
}

