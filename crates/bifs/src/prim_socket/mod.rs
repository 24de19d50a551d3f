//! Module `prim_socket`: the native half of `socket`. A call tries once; one that would wait answers `select`, and its caller gets a
//! message when trying again makes sense. Callers of the same kind form a queue of which only the first is told.
//! Not here: waiting, time-outs, records (Erlang's); sockets behind ports (crate `ports`); names of hosts (`prim_net`).

mod address;
mod ioctl;
mod message;
mod options;
mod supports;
mod tables;
mod totals;
mod transfer;

use crate::port;
use crate::result::Res;
use base::sync::{Mutex, MutexGuard};
use node::signals::copy_out;
use node::{Ctx, Dirty, Effect, Native, NativeFn, Node, Stop};
use process::{Owned, RefId};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, Weak};
use sys::Errno;
use sys::poll::{Event, Interest};
use term::copy::LiteralRange;
use term::magic::Magic;
use term::{Alloc, Term, am, atom};
use totals::{Open, Totals};

pub use address::{from_term as address_from_term, to_term as address_to_term};

const STREAM: i32 = 1;
const DGRAM: i32 = 2;

/// What a process waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Accept,
    Receive,
    Send,
    Connect,
}

impl Operation {
    fn reads(self) -> bool {
        matches!(self, Operation::Accept | Operation::Receive)
    }
}

struct Waiter {
    pid: Term,
    /// What it named its call by; comes back in messages.
    reference: Owned,
    operation: Operation,
    watch: Option<RefId>,
    /// It has got its message.
    told: bool,
}

/// Who waits to read or to write.
#[derive(Default)]
struct Queue {
    current: Option<Waiter>,
    rest: VecDeque<Waiter>,
}

impl Queue {
    fn is(&self, operation: Operation) -> bool {
        self.current.as_ref().is_some_and(|w| w.operation == operation)
    }
    fn wants(&self) -> bool {
        self.current.as_ref().is_some_and(|w| !w.told)
    }
    fn len(&self) -> usize {
        usize::from(self.current.is_some()) + self.rest.len()
    }
}

/// What `socket:info/1` counts.
#[derive(Default, Clone, Copy)]
struct Counts {
    accepted: u64,
    accept_tries: u64,
    accept_fails: u64,
    accept_waits: u64,
    read_tries: u64,
    read_fails: u64,
    read_waits: u64,
    read_packages: u64,
    read_bytes: u64,
    read_largest: u64,
    write_tries: u64,
    write_fails: u64,
    write_waits: u64,
    write_packages: u64,
    write_bytes: u64,
    write_largest: u64,
}

struct State {
    fd: Option<Open>,
    closing: bool,
    bound: bool,
    listening: bool,
    connected: bool,
    /// The poller has been asked: to read, to write.
    selected: [bool; 2],
    owner: Option<Term>,
    watch: Option<RefId>,
    readers: Queue,
    writers: Queue,
    receive_buffer: usize,
    /// How many buffers one receive may fill; `None`: it was not said.
    receive_times: Option<u32>,
    /// Buffers filled since the last whole receive, and their bytes.
    pieces: (u32, u64),
    receive_control: usize,
    send_control: usize,
    debug: bool,
    told_of_wraps: bool,
    registered: bool,
    select_read: bool,
    meta: Option<Owned>,
    counts: Counts,
    /// The number of what the poller watches now.
    armed: Option<u64>,
    /// The file that is being sent.
    file: Option<OwnedFd>,
}

impl State {
    fn fd(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.fd.as_ref().map(|fd| fd.as_fd()).ok_or(Errno::EBADF)
    }
    fn queue(&mut self, operation: Operation) -> &mut Queue {
        if operation.reads() { &mut self.readers } else { &mut self.writers }
    }
}

/// A socket.
struct Sock {
    domain: i32,
    kind: i32,
    protocol: i32,
    node: Weak<Node>,
    me: OnceLock<Weak<Magic>>,
    state: Mutex<State>,
}

/// What a socket's reference holds.
struct Handle(Arc<Sock>);

fn sock(cx: &mut Ctx, t: Term) -> Result<Arc<Sock>, Stop> {
    t.magic_value::<Handle>().map(|h| h.0.clone()).ok_or_else(|| cx.badarg())
}

fn invalid(cx: &mut Ctx, what: Term) -> Term {
    cx.h().tuple(&[atom!("invalid"), what])
}

fn error(cx: &mut Ctx, e: Errno) -> Term {
    let reason = term::atom::intern(e.name());
    cx.h().error(reason)
}

fn closed(cx: &mut Ctx) -> Res {
    Ok(cx.h().error(am::CLOSED))
}

fn bad_state(cx: &mut Ctx) -> Res {
    let reason = invalid(cx, atom!("state"));
    Ok(cx.h().error(reason))
}

/// `{'$socket', {'$socket', Ref}, Tag, Info}`.
fn socket_message(a: &mut Alloc, me: Arc<Magic>, tag: Term, info: impl FnOnce(&mut Alloc) -> Term) -> Term {
    let name = atom!("$socket");
    let reference = a.magic_ref(me);
    let socket = a.tuple(&[name, reference]);
    let info = info(a);
    a.tuple(&[name, socket, tag, info])
}

fn copy(a: &mut Alloc, o: &Owned) -> Term {
    term::copy::copy(o.term, a, LiteralRange::NONE)
}

impl Sock {
    fn tell(&self, node: &Arc<Node>, to: Term, tag: Term, info: impl FnOnce(&mut Alloc) -> Term) {
        let Some(me) = self.me.get().and_then(Weak::upgrade) else { return };
        node.send_message(to, Owned::build(|a| socket_message(a, me, tag, info)));
    }
    fn abort(&self, node: &Arc<Node>, w: &Waiter, reason: Term) {
        self.tell(node, w.pid, atom!("abort"), |a| {
            let reference = copy(a, &w.reference);
            a.tuple(&[reference, reason])
        });
    }
    /// Has the descriptor watched for those who wait.
    fn arm(self: &Arc<Sock>, node: &Arc<Node>, s: &mut State) {
        let want = Interest { read: s.readers.wants(), write: s.writers.wants(), error: false };
        let Some(ports) = port::of(node) else { return };
        let old = s.armed.take();
        let Ok(fd) = s.fd() else { return };
        if let Some(old) = old {
            ports.polling.cancel(fd, old);
        }
        if want.is_none() {
            return;
        }
        let me = Arc::downgrade(self);
        let armed = ports.polling.watch(fd, want, move |event| {
            if let Some(me) = me.upgrade() {
                me.ready(event);
            }
        });
        s.armed = armed.ok();
        s.selected[0] |= want.read;
        s.selected[1] |= want.write;
    }
    fn ready(self: &Arc<Sock>, event: Event) {
        let Some(node) = self.node.upgrade() else { return };
        let mut s = self.state.lock();
        s.armed = None;
        for (ready, reads) in [(event.ready.read, true), (event.ready.write, false)] {
            let queue = if reads { &mut s.readers } else { &mut s.writers };
            if let Some(w) = queue.current.as_mut().filter(|w| ready && !w.told) {
                w.told = true;
                let w = &*w;
                self.tell(&node, w.pid, atom!("select"), |a| copy(a, &w.reference));
            }
        }
        if s.readers.wants() || s.writers.wants() {
            self.arm(&node, &mut s);
        }
    }
    fn watch(self: &Arc<Sock>, node: &Arc<Node>, pid: Term) -> Option<RefId> {
        let (me, number) = (Arc::downgrade(self), pid);
        crate::owned::watch(node, pid, Box::new(move |_| {
            if let Some(me) = me.upgrade() {
                me.gone(number);
            }
        }))
    }
    /// A process that owned the socket or waited has ended.
    fn gone(self: &Arc<Sock>, pid: Term) {
        let Some(node) = self.node.upgrade() else { return };
        let mut s = self.state.lock();
        if s.owner == Some(pid) {
            s.owner = None;
            s.watch = None;
            if !s.closing {
                self.stop(&node, &mut s, pid);
                self.finish(&node, &mut s);
            }
            return;
        }
        for reads in [true, false] {
            let queue = if reads { &mut s.readers } else { &mut s.writers };
            queue.rest.retain(|w| w.pid != pid);
            if queue.current.as_ref().is_some_and(|w| w.pid == pid) {
                queue.current = queue.rest.pop_front();
            }
        }
        self.arm(&node, &mut s);
    }
    /// Begins to close: everybody but the one who closes hears it.
    fn stop(self: &Arc<Sock>, node: &Arc<Node>, s: &mut State, closer: Term) {
        s.closing = true;
        if let Some(watch) = s.watch.take() {
            crate::owned::unwatch(node, watch);
        }
        s.owner = None;
        for queue in [std::mem::take(&mut s.readers), std::mem::take(&mut s.writers)] {
            for w in queue.current.into_iter().chain(queue.rest) {
                if let Some(watch) = w.watch {
                    crate::owned::unwatch(node, watch);
                }
                if w.pid != closer {
                    self.abort(node, &w, am::CLOSED);
                }
            }
        }
        self.arm(node, s);
        if s.registered {
            self.register(node, atom!("del"));
        }
    }
    /// Closes the descriptor.
    fn finish(&self, node: &Arc<Node>, s: &mut State) {
        s.file = None;
        if let (Some(fd), Some(ports)) = (s.fd.take(), port::of(node)) {
            ports.polling.forget(fd.as_fd());
        }
    }
    /// Tells the register of all sockets.
    fn register(&self, node: &Arc<Node>, what: Term) {
        let Some(me) = self.me.get().and_then(Weak::upgrade) else { return };
        node.send_to_name(atom!("socket_registry"), Owned::build(|a| {
            let reference = a.magic_ref(me);
            let socket = a.tuple(&[atom!("$socket"), reference]);
            a.tuple(&[atom!("$socket"), what, socket])
        }));
    }

    // ---- waiting
    /// May the caller try? If not, it waits behind others now.
    fn may_try(self: &Arc<Sock>, cx: &Ctx, s: &mut State, operation: Operation, reference: Term) -> bool {
        let queue = s.queue(operation);
        let Some(current) = &queue.current else { return true };
        if current.pid == cx.pid || reference == atom!("zero") {
            return true;
        }
        if !queue.rest.iter().any(|w| w.pid == cx.pid) {
            let watch = self.watch(cx.node, cx.pid);
            s.queue(operation).rest.push_back(Waiter { pid: cx.pid, reference: copy_out(reference), operation, watch, told: false });
        }
        false
    }
    /// The caller waits until trying again makes sense.
    fn wait(self: &Arc<Sock>, cx: &Ctx, s: &mut State, operation: Operation, reference: Term) {
        let reference = copy_out(reference);
        match s.queue(operation).current.as_mut().filter(|w| w.pid == cx.pid) {
            Some(w) => {
                w.reference = reference;
                w.told = false;
            }
            None => {
                let watch = self.watch(cx.node, cx.pid);
                s.queue(operation).current = Some(Waiter { pid: cx.pid, reference, operation, watch, told: false });
            }
        }
        self.arm(cx.node, s);
    }
    /// The caller has got what it wanted: the next one's turn.
    fn next(self: &Arc<Sock>, cx: &Ctx, s: &mut State, operation: Operation) {
        let queue = s.queue(operation);
        let Some(done) = queue.current.take_if(|w| w.pid == cx.pid) else { return };
        queue.current = queue.rest.pop_front();
        let more = queue.current.is_some();
        if let Some(watch) = done.watch {
            crate::owned::unwatch(cx.node, watch);
        }
        if more || s.armed.is_some() {
            self.arm(cx.node, s);
        }
    }
    /// It has failed, and so it would for all who wait.
    fn fail(self: &Arc<Sock>, cx: &Ctx, s: &mut State, operation: Operation, reason: Term) {
        let queue = s.queue(operation);
        if queue.current.is_none() {
            return;
        }
        let queue = std::mem::take(queue);
        for w in queue.current.iter().chain(&queue.rest) {
            if let Some(watch) = w.watch {
                crate::owned::unwatch(cx.node, watch);
            }
        }
        for w in &queue.rest {
            self.abort(cx.node, w, reason);
        }
        self.arm(cx.node, s);
    }
}

/// Makes a socket of an open descriptor; its owner is the caller.
fn create(cx: &mut Ctx, fd: OwnedFd, [domain, kind, protocol]: [i32; 3], like: Option<&State>, registered: bool) -> Res {
    let state = State {
        fd: Some(Open::new(fd, [domain, kind, protocol], cx.node.part())),
        closing: false,
        bound: false,
        listening: false,
        connected: false,
        selected: [false; 2],
        owner: Some(cx.pid),
        watch: None,
        readers: Queue::default(),
        writers: Queue::default(),
        receive_buffer: like.map_or(8192, |s| s.receive_buffer),
        receive_times: like.and_then(|s| s.receive_times),
        pieces: (0, 0),
        receive_control: like.map_or(1024, |s| s.receive_control),
        send_control: like.map_or(1024, |s| s.send_control),
        debug: like.is_some_and(|s| s.debug),
        told_of_wraps: like.is_some_and(|s| s.told_of_wraps),
        registered: like.map_or(registered, |s| s.registered),
        select_read: like.is_some_and(|s| s.select_read),
        meta: None,
        counts: Counts::default(),
        armed: None,
        file: None,
    };
    let registered = state.registered;
    let sock = Arc::new(Sock { domain, kind, protocol, node: Arc::downgrade(cx.node), me: OnceLock::new(), state: Mutex::new(state) });
    let magic = Arc::new(Magic { id: (cx.node.next_ref(), 0), value: Box::new(Handle(sock.clone())) });
    let _ = sock.me.set(Arc::downgrade(&magic));
    let watch = sock.watch(cx.node, cx.pid);
    sock.state.lock().watch = watch;
    if registered {
        sock.register(cx.node, atom!("add"));
    }
    let reference = cx.h().magic_ref(magic);
    Ok(cx.h().ok(reference))
}

fn option_of(map: Term, name: &str) -> Option<Term> {
    if map.is_map() { term::map::get(map, term::atom::intern(name)) } else { None }
}

fn domain_number(t: Term) -> Option<i32> {
    t.to::<i32>().or_else(|| match term::atom::as_text(t)? {
        "inet" => Some(2),
        "inet6" => Some(10),
        "local" | "unix" => Some(1),
        "unspec" => Some(0),
        "packet" => Some(17),
        _ => None,
    })
}

fn domain_term(n: i32) -> Term {
    match n {
        0 => atom!("unspec"),
        1 => atom!("local"),
        2 => atom!("inet"),
        10 => atom!("inet6"),
        17 => atom!("packet"),
        n => Term::small(n.into()),
    }
}

const TYPES: [(i32, &str); 5] = [(1, "stream"), (2, "dgram"), (3, "raw"), (4, "rdm"), (5, "seqpacket")];

fn type_number(t: Term) -> Option<i32> {
    t.to::<i32>().or_else(|| {
        let text = term::atom::as_text(t)?;
        TYPES.iter().find(|k| k.1 == text).map(|k| k.0)
    })
}

fn type_term(n: i32) -> Term {
    TYPES.iter().find(|k| k.0 == n).map_or(Term::small(n.into()), |k| term::atom::intern(k.1))
}

fn open(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(domain) = domain_number(a[0]) else { return Ok(invalid(cx, atom!("domain"))) };
    let Some(kind) = type_number(a[1]) else { return Ok(invalid(cx, atom!("type"))) };
    let Some(protocol) = a[2].to::<i32>() else { return Err(cx.badarg()) };
    let registered = option_of(a[3], "use_registry").is_none_or(|t| t == am::TRUE);
    if option_of(a[3], "netns").is_some() {
        return Ok(error(cx, Errno::ENOTSUP));
    }
    match cx.node.world.net.open(domain, kind, protocol) {
        Ok(fd) => {
            let so = sys::net::numbers::SOL_SOCKET;
            let protocol = cx.node.world.net.int(fd.as_fd(), so, 38).unwrap_or(protocol);
            create(cx, fd, [domain, kind, protocol], None, registered)
        }
        Err(e) => Ok(error(cx, e)),
    }
}

/// A descriptor that is open already.
fn open_existing(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(number) = a[0].to::<i32>() else { return Err(cx.badarg()) };
    let net = cx.node.world.net.clone();
    let Some(given) = sys::fd::borrow(number) else { return Ok(error(cx, Errno::EBADF)) };
    let so = sys::net::numbers::SOL_SOCKET;
    let known = |name: &str, convert: fn(Term) -> Option<i32>, option: i32| match option_of(a[1], name) {
        Some(t) => Ok(convert(t)),
        None => net.int(given, so, option).map(Some),
    };
    let domain = match known("domain", domain_number, 39) {
        Ok(Some(n)) => n,
        Ok(None) => return Ok(invalid(cx, atom!("domain"))),
        Err(e) => return Ok(error(cx, e)),
    };
    let kind = match known("type", type_number, 3) {
        Ok(Some(n)) => n,
        Ok(None) => return Ok(invalid(cx, atom!("type"))),
        Err(e) => return Ok(error(cx, e)),
    };
    let protocol = known("protocol", |t| t.to(), 38).ok().flatten().unwrap_or(0);
    let fd = match option_of(a[1], "dup") {
        Some(am::FALSE) => sys::fd::adopt(number).ok_or(Errno::EBADF),
        _ => sys::fd::duplicate(given),
    };
    let registered = option_of(a[1], "use_registry").is_none_or(|t| t == am::TRUE);
    match fd.and_then(|fd| sys::fd::set_nonblocking(&fd, true).map(|()| fd)) {
        Ok(fd) => create(cx, fd, [domain, kind, protocol], None, registered),
        Err(e) => Ok(error(cx, e)),
    }
}

/// The open socket and its state, or the answer that it is closed.
macro_rules! opened {
    ($cx:expr, $t:expr, $sock:ident, $state:ident) => {
        let $sock = sock($cx, $t)?;
        #[allow(unused_mut)]
        let mut $state: MutexGuard<State> = $sock.state.lock();
        if $state.closing {
            return closed($cx);
        }
    };
}
use opened;

fn bind(cx: &mut Ctx, a: &[Term]) -> Res {
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    let Some(addr) = address::from_term(a[1]) else { return Ok(invalid(cx, atom!("sockaddr"))) };
    match s.fd().and_then(|fd| cx.node.world.net.bind(fd, &addr)) {
        Ok(()) => {
            s.bound = true;
            Ok(am::OK)
        }
        Err(Errno::EAFNOSUPPORT) if addr == sys::net::Addr::Unspecified => Ok(error(cx, Errno::EINVAL)),
        Err(e) => Ok(error(cx, e)),
    }
}

fn listen(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(backlog) = a[1].to::<i32>() else { return Err(cx.badarg()) };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    match s.fd().and_then(|fd| cx.node.world.net.listen(fd, backlog)) {
        Ok(()) => {
            s.listening = true;
            Ok(am::OK)
        }
        Err(e) => Ok(error(cx, e)),
    }
}

fn connect(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(addr) = address::from_term(a[2]) else {
        sock(cx, a[0])?;
        return Ok(invalid(cx, atom!("sockaddr")));
    };
    opened!(cx, a[0], sock, s);
    match &s.writers.current {
        Some(w) if w.operation != Operation::Connect => return bad_state(cx),
        Some(w) if w.pid != cx.pid => return Ok(cx.h().error(atom!("already"))),
        Some(_) => {
            drop(s);
            return connected(cx, a);
        }
        None => {}
    }
    let net = cx.node.world.net.clone();
    let done = s.fd().and_then(|fd| match addr {
        sys::net::Addr::Unspecified => net.disconnect(fd),
        _ => net.connect(fd, &addr),
    });
    match done {
        Ok(()) => {
            s.connected = addr != sys::net::Addr::Unspecified;
            Ok(am::OK)
        }
        Err(Errno::EINPROGRESS | Errno::EAGAIN) => {
            sock.wait(cx, &mut s, Operation::Connect, a[1]);
            Ok(atom!("select"))
        }
        Err(e) => Ok(error(cx, e)),
    }
}

/// How the attempt to connect has ended.
fn connected(cx: &mut Ctx, a: &[Term]) -> Res {
    opened!(cx, a[0], sock, s);
    if !s.writers.current.as_ref().is_some_and(|w| w.operation == Operation::Connect && w.pid == cx.pid) {
        drop(s);
        let reason = invalid(cx, atom!("state"));
        return Err(cx.error(reason));
    }
    sock.next(cx, &mut s, Operation::Connect);
    match s.fd().and_then(|fd| cx.node.world.net.take_error(fd)) {
        Ok(()) => {
            s.connected = true;
            Ok(am::OK)
        }
        Err(e) => Ok(error(cx, e)),
    }
}

fn accept(cx: &mut Ctx, a: &[Term]) -> Res {
    opened!(cx, a[0], sock, s);
    if s.readers.is(Operation::Receive) {
        return bad_state(cx);
    }
    if !sock.may_try(cx, &mut s, Operation::Accept, a[1]) {
        return Ok(atom!("select"));
    }
    s.counts.accept_tries += 1;
    match s.fd().and_then(|fd| cx.node.world.net.accept(fd)) {
        Ok((fd, _)) => {
            s.counts.accepted += 1;
            sock.next(cx, &mut s, Operation::Accept);
            let numbers = [sock.domain, sock.kind, sock.protocol];
            let made = create(cx, fd, numbers, Some(&s), true);
            if let Some(new) = made.as_ref().ok().and_then(|t| t.as_tuple()?[1].magic_value::<Handle>()) {
                new.0.state.lock().connected = true;
            }
            made
        }
        Err(Errno::EAGAIN) => {
            s.counts.accept_waits += 1;
            sock.wait(cx, &mut s, Operation::Accept, a[1]);
            Ok(atom!("select"))
        }
        Err(e) => {
            s.counts.accept_fails += 1;
            sock.next(cx, &mut s, Operation::Accept);
            Ok(error(cx, e))
        }
    }
}

fn shutdown(cx: &mut Ctx, a: &[Term]) -> Res {
    use sys::net::Shutdown;
    let how = match term::atom::as_text(a[1]) {
        Some("read") => Shutdown::Read,
        Some("write") => Shutdown::Write,
        Some("read_write") => Shutdown::Both,
        _ => return Err(cx.badarg()),
    };
    opened!(cx, a[0], sock, s);
    let _ = &sock;
    match s.fd().and_then(|fd| cx.node.world.net.shutdown(fd, how)) {
        Ok(()) => Ok(am::OK),
        Err(e) => Ok(error(cx, e)),
    }
}

fn close(cx: &mut Ctx, a: &[Term]) -> Res {
    opened!(cx, a[0], sock, s);
    sock.stop(cx.node, &mut s, cx.pid);
    Ok(am::OK)
}

fn finalize_close(cx: &mut Ctx, a: &[Term]) -> Res {
    let sock = sock(cx, a[0])?;
    let mut s = sock.state.lock();
    if !s.closing || s.fd.is_none() {
        return closed(cx);
    }
    sock.finish(cx.node, &mut s);
    Ok(am::OK)
}

fn cancel(cx: &mut Ctx, a: &[Term]) -> Res {
    let operation = match term::atom::as_text(a[1]) {
        Some("connect") => Operation::Connect,
        Some("accept") => Operation::Accept,
        Some("recv" | "recvfrom" | "recvmsg" | "recvmmsg") => Operation::Receive,
        Some("send" | "sendto" | "sendmsg" | "sendmmsg" | "sendv" | "sendfile") => Operation::Send,
        _ => return Err(cx.badarg()),
    };
    opened!(cx, a[0], sock, s);
    let mine = |w: &Waiter| w.pid == cx.pid && w.operation == operation && term::cmp::eq_exact(w.reference.term, a[2]);
    let queue = s.queue(operation);
    if let Some(w) = queue.current.as_ref().filter(|w| mine(w)) {
        let told = w.told;
        sock.next(cx, &mut s, operation);
        return Ok(if told { atom!("select_sent") } else { am::OK });
    }
    let place = queue.rest.iter().position(mine);
    match place.and_then(|i| queue.rest.remove(i)) {
        Some(w) => {
            if let Some(watch) = w.watch {
                crate::owned::unwatch(cx.node, watch);
            }
            Ok(am::OK)
        }
        None => Ok(atom!("not_found")),
    }
}

fn name(cx: &mut Ctx, t: Term, peer: bool) -> Res {
    opened!(cx, t, sock, s);
    let _ = &sock;
    let net = cx.node.world.net.clone();
    match s.fd().and_then(|fd| if peer { net.peer_addr(fd) } else { net.local_addr(fd) }) {
        Ok(addr) => {
            let addr = address::to_term(cx.h(), &addr);
            Ok(cx.h().ok(addr))
        }
        Err(e) => Ok(error(cx, e)),
    }
}

fn sockname(cx: &mut Ctx, a: &[Term]) -> Res {
    name(cx, a[0], false)
}

fn peername(cx: &mut Ctx, a: &[Term]) -> Res {
    name(cx, a[0], true)
}

fn map(h: &mut Alloc, pairs: &[(&str, Term)]) -> Term {
    let pairs: Vec<(Term, Term)> = pairs.iter().map(|&(k, v)| (term::atom::intern(k), v)).collect();
    term::map::from_pairs(h, &pairs)
}

fn info(cx: &mut Ctx, a: &[Term]) -> Res {
    let sock = sock(cx, a[0])?;
    let s = sock.state.lock();
    let c = s.counts;
    let h = cx.h();
    let counters = [
        ("acc_success", c.accepted), ("acc_fails", c.accept_fails), ("acc_tries", c.accept_tries), ("acc_waits", c.accept_waits),
        ("read_byte", c.read_bytes), ("read_fails", c.read_fails), ("read_pkg", c.read_packages), ("read_pkg_max", c.read_largest),
        ("read_tries", c.read_tries), ("read_waits", c.read_waits), ("write_byte", c.write_bytes), ("write_fails", c.write_fails),
        ("write_pkg", c.write_packages), ("write_pkg_max", c.write_largest), ("write_tries", c.write_tries), ("write_waits", c.write_waits),
    ];
    let counters: Vec<(&str, Term)> = counters.iter().map(|&(k, n)| (k, h.uint(n))).collect();
    let counters = map(h, &counters);
    let named = |flags: &[(bool, &str)]| -> Vec<Term> { flags.iter().filter(|f| f.0).map(|f| term::atom::intern(f.1)).collect() };
    let ending = [(s.closing, "closing"), (s.fd.is_none(), "closed")];
    let reading = [(s.bound, "bound"), (s.listening, "listening"), (s.readers.is(Operation::Accept), "accepting"), (s.selected[0], "selected"), ending[0], ending[1]];
    let writing = [(s.writers.is(Operation::Connect), "connecting"), (s.connected, "connected"), (s.selected[1], "selected"), ending[0], ending[1]];
    let (reading, writing) = (h.list(&named(&reading)), h.list(&named(&writing)));
    let number = |q: &Queue, o: Operation| if q.is(o) { Term::small(q.len() as i64) } else { Term::small(0) };
    let protocol = Term::small(sock.protocol.into());
    let pairs = [
        ("counters", counters),
        ("owner", s.owner.unwrap_or(am::UNDEFINED)),
        ("type", type_term(sock.kind)),
        ("protocol", protocol),
        ("domain", domain_term(sock.domain)),
        ("ctype", am::NORMAL),
        ("num_acceptors", number(&s.readers, Operation::Accept)),
        ("num_readers", number(&s.readers, Operation::Receive)),
        ("num_writers", number(&s.writers, Operation::Send)),
        ("rstates", reading),
        ("wstates", writing),
    ];
    Ok(map(h, &pairs))
}

fn info_all(cx: &mut Ctx, _: &[Term]) -> Res {
    let release = cx.node.code.release;
    let totals = cx.node.part::<Totals>();
    let h = cx.h();
    let mut counters: Vec<(&str, Term)> = totals::NAMES.into_iter().zip(totals.counts().map(|n| h.uint(n))).collect();
    counters.push(("num_cnt_bits", Term::small(64)));
    let counters = map(h, &counters);
    let mut pairs = vec![
        ("counters", counters),
        ("debug", Term::bool(totals.debug.load(Relaxed))),
        ("use_registry", am::TRUE),
        ("socket_debug", Term::bool(totals.socket_debug.load(Relaxed))),
        ("iow", am::FALSE),
        ("iov_max", Term::small(1024)),
    ];
    if release >= 26 {
        let backend = map(h, &[("name", atom!("unix_essio"))]);
        pairs.extend([("eei", am::TRUE), ("io_backend", backend)]);
    }
    Ok(map(h, &pairs))
}

/// Switches for debugging: they are kept and told, nothing is printed.
fn command(cx: &mut Ctx, a: &[Term]) -> Res {
    let totals = cx.node.part::<Totals>();
    let switch = match option_of(a[0], "command").and_then(term::atom::as_text) {
        Some("debug") => &totals.debug,
        Some("socket_debug") => &totals.socket_debug,
        Some("use_registry") => return Ok(am::OK),
        _ => return Err(cx.badarg()),
    };
    let Some(data) = option_of(a[0], "data") else { return Err(cx.badarg()) };
    let Some(on) = data.as_bool() else {
        let what = cx.h().tuple(&[atom!("data"), data]);
        let reason = cx.h().tuple(&[atom!("invalid"), what]);
        return Err(cx.error(reason));
    };
    switch.store(on, Relaxed);
    Ok(am::OK)
}

const fn nif(function: &'static str, arity: u8, run: NativeFn) -> Native {
    Native::new("prim_socket", function, arity, run).effect(Effect::Network).nif()
}

pub const NATIVES: &[Native] = &[
    nif("nif_info", 0, info_all),
    nif("nif_info", 1, info),
    nif("nif_command", 1, command),
    nif("nif_supports", 0, supports::all),
    nif("nif_supports", 1, supports::table),
    nif("nif_open", 2, open_existing),
    nif("nif_open", 4, open),
    nif("nif_bind", 2, bind),
    nif("nif_connect", 1, connected),
    nif("nif_connect", 3, connect),
    nif("nif_listen", 2, listen),
    nif("nif_accept", 2, accept),
    nif("nif_send", 4, transfer::send),
    nif("nif_sendto", 5, transfer::send_to),
    nif("nif_sendmsg", 5, transfer::send_message),
    nif("nif_sendv", 3, transfer::send_vector),
    nif("nif_sendfile", 5, transfer::send_file),
    nif("nif_sendfile", 4, transfer::send_more_of_file),
    nif("nif_sendfile", 1, transfer::end_of_file),
    nif("nif_recv", 4, transfer::receive),
    nif("nif_recvfrom", 4, transfer::receive_from),
    nif("nif_recvmsg", 5, transfer::receive_message),
    nif("nif_close", 1, close),
    nif("nif_finalize_close", 1, finalize_close).dirty(Dirty::Io),
    nif("nif_shutdown", 2, shutdown),
    nif("nif_setopt", 5, options::set),
    nif("nif_getopt", 3, options::get),
    nif("nif_getopt", 4, options::get_native),
    nif("nif_getopt", 5, options::get_native_5),
    nif("nif_sockname", 1, sockname),
    nif("nif_peername", 1, peername),
    nif("nif_ioctl", 2, ioctl::simple),
    nif("nif_ioctl", 3, ioctl::get),
    nif("nif_ioctl", 4, ioctl::set),
    nif("nif_cancel", 3, cancel),
];
