//! One connection: what is tied through it, what waits to go out, its life.
//! Locks: nothing else is locked, and nothing is delivered, while its state is.

use super::{Peer, of, watching};
use crate::port;
use base::hash::{Map, Set};
use base::sync::Mutex;
use dist::{Frame, Parts, Receiver, Sender, flags};
use node::Node;
use process::mailbox::Extra;
use process::{AliasKind, ExitSignal, Message, Owned, RefId, Signal, Who};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::sync::atomic::{AtomicU64, Ordering::*};
use term::{Term, am};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Idle,
    /// Being made: what is sent waits.
    Pending,
    Up,
}

/// A spawn request that has not been answered.
pub(crate) struct Spawn {
    pub parent: Term,
    pub tag: Owned,
    pub on_success: bool,
    pub on_error: bool,
    /// A link is wanted.
    pub link: Option<super::parents::Asking>,
    /// Tag of the monitor, and how its alias ends.
    pub monitor: Option<(Owned, Option<AliasKind>)>,
    pub abandoned: bool,
}

pub(crate) struct State {
    pub phase: Phase,
    /// Number and reference: what Erlang code knows this life of the connection by.
    pub id: (u64, u64),
    pub creation: u32,
    pub flags: u64,
    /// A local port or pid.
    pub controller: Term,
    pub links: Set<(Term, Who)>,
    /// Monitors of processes here on some there, and the names by which they were set.
    pub ours: Map<RefId, (Term, Option<Term>)>,
    /// Monitors of processes there on some here, by the number that they have here; and those numbers by the references there.
    pub theirs: Map<RefId, (Vec<u32>, Term, Option<Term>)>,
    pub their_numbers: Map<Vec<u32>, RefId>,
    pub spawns: Map<RefId, Spawn>,
    queue: VecDeque<Frame>,
    /// What has no header yet, because what the other side understands is not known before the connection is up.
    early: VecDeque<Parts>,
    sender: Sender,
    queued: usize,
    /// Processes that wait until less is queued.
    waiting: Vec<Term>,
    /// A process that is the controller wants to know when there is something to send.
    notify: bool,
    pub get_size: bool,
    /// Who gives the bytes that come in, if the controller is a process.
    pub input_handler: Term,
}

impl State {
    fn new() -> State {
        State {
            phase: Phase::Idle,
            id: (0, 0),
            creation: 0,
            flags: 0,
            controller: Term::NONE,
            links: Set::default(),
            ours: Map::default(),
            theirs: Map::default(),
            their_numbers: Map::default(),
            spawns: Map::default(),
            queue: VecDeque::new(),
            early: VecDeque::new(),
            sender: Sender::default(),
            queued: 0,
            waiting: Vec::new(),
            notify: false,
            get_size: false,
            input_handler: Term::NONE,
        }
    }
}

impl State {
    fn put(&mut self, parts: Parts) {
        // A process that is the controller takes them one by one.
        let join = self.controller.is_local_port();
        self.queued += self.sender.packets(parts, join, &mut self.queue);
    }
}

/// Buffers of this size are kept for what comes next: not those of the smallest packets.
const SPARE_SIZE: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;
/// So many of them.
const SPARE: usize = 8;

/// So much at most waits for the end of a slice (see `put_off`).
const PUT_OFF: usize = 32 << 10;

/// Packets that have come, in a part of these bytes: each with its length in front, or one without.
struct Come {
    bytes: Vec<u8>,
    part: Range<usize>,
    lengths: bool,
}

/// Packets that are being read.
#[derive(Default)]
struct Handling {
    /// Of which life of the connection.
    number: u64,
    receiver: Receiver,
}

/// The connection to a node of one name.
pub struct Connection {
    pub name: Term,
    pub(crate) state: Mutex<State>,
    /// Packets that have come and are not handled yet. Who handles one holds `handling`.
    inbox: Mutex<VecDeque<Come>>,
    handling: Mutex<Handling>,
    /// Buffers of packets that have been handled, to be used again.
    spare: Mutex<Vec<Vec<u8>>>,
    pub(crate) packets_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
}

/// Why nothing was queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotSent {
    NotConnected,
}

impl Connection {
    pub(crate) fn new(name: Term) -> Connection {
        Connection {
            name,
            state: Mutex::new(State::new()),
            inbox: Mutex::default(),
            handling: Mutex::default(),
            spare: Mutex::default(),
            packets_in: AtomicU64::new(0),
            packets_out: AtomicU64::new(0),
        }
    }
    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }
    pub(crate) fn id(&self) -> (u64, u64) {
        self.state.lock().id
    }
    pub(crate) fn peer(&self) -> Option<Peer> {
        let s = self.state.lock();
        (s.phase == Phase::Up).then_some(Peer { name: self.name, visible: s.flags & flags::PUBLISHED != 0, controller: s.controller })
    }
    /// Bytes that wait to go out.
    pub(crate) fn queued(&self) -> usize {
        self.state.lock().queued
    }

    // ---- life
    /// The connection's identity, which is made if there was none; `true` if so.
    pub(crate) fn begin(&self, node: &Node) -> ((u64, u64), bool) {
        let mut s = self.state.lock();
        let new = s.phase == Phase::Idle;
        if new {
            s.phase = Phase::Pending;
            s.id = (of(node).next_number(), node.next_ref());
        }
        (s.id, new)
    }
    /// Has `net_kernel` make the connection, unless there is one. False: nobody would.
    pub(crate) fn want(&self, node: &Arc<Node>) -> bool {
        let (id, new) = self.begin(node);
        if !new {
            return true;
        }
        let name = self.name;
        let message = Owned::build(|a| {
            let number = a.uint(id.0);
            let reference = a.reference(id.1, 0);
            let id = a.tuple(&[number, reference]);
            a.tuple(&[term::atom!("auto_connect"), name, id])
        });
        if node.send_to_name(term::atom!("net_kernel"), message) {
            return true;
        }
        self.lost(node, Some(id), am::NOCONNECTION);
        false
    }
    /// It is up: what has waited goes out.
    pub(crate) fn up(self: &Arc<Self>, node: &Arc<Node>, controller: Term, flags: u64, creation: u32) -> Option<(u64, u64)> {
        let (id, _) = self.begin(node);
        let mut refused = Map::default();
        {
            let mut s = self.state.lock();
            if s.phase != Phase::Pending || s.id != id {
                return None;
            }
            s.phase = Phase::Up;
            s.controller = controller;
            s.flags = flags;
            s.creation = creation;
            s.input_handler = controller;
            s.notify = false;
            s.get_size = false;
            if flags & flags::SPAWN == 0 {
                // It would not understand: what has waited does not go.
                s.early.retain(|parts| !parts.is_spawn_request());
                refused = std::mem::take(&mut s.spawns);
            }
            s.sender = Sender::new(flags & flags::HEADER_ATOM_CACHE != 0, flags & flags::FRAGMENTS != 0);
            s.queued = 0;
            for parts in std::mem::take(&mut s.early) {
                s.put(parts);
            }
        }
        for (reference, spawn) in refused {
            spawn.failed(node, reference, term::atom!("notsup"));
        }
        self.packets_in.store(0, Relaxed);
        self.packets_out.store(0, Relaxed);
        self.inbox.lock().clear();
        Some(id)
    }
    /// Has the port that carries it, or the process, end.
    pub(crate) fn end_controller(&self, node: &Arc<Node>) {
        let controller = {
            let s = self.state.lock();
            if s.phase != Phase::Up {
                return;
            }
            s.controller
        };
        let reason = Owned::immediate(am::KILLED);
        if controller.is_local_port() {
            node.signal_who(Who::Local(controller), Who::Local(controller), |_| node::hooks::Outgoing::Exit { reason, linked: false, token: None });
        } else {
            let exit = ExitSignal { priority: false, alias: None, from: Who::Local(controller), reason: Owned::immediate(am::KILL), linked: false, token: None };
            let _ = node.deliver(controller, Signal::Exit(Box::new(exit)));
        }
    }
    /// The connection has gone (`id`: only this life of it): everything that was tied through it learns so. False if there was none.
    pub(crate) fn lost(&self, node: &Arc<Node>, id: Option<(u64, u64)>, reason: Term) -> bool {
        let old = {
            let mut s = self.state.lock();
            if s.phase == Phase::Idle || id.is_some_and(|id| id != s.id) {
                return false;
            }
            std::mem::replace(&mut *s, State::new())
        };
        // In the order in which they were made, as far as that is known: who learns of one end may ask about an older one at once.
        let mut ours: Vec<(RefId, (Term, Option<Term>))> = old.ours.into_iter().collect();
        ours.sort_unstable_by_key(|m| m.0);
        let mut links: Vec<(Term, Who)> = old.links.into_iter().collect();
        links.sort_unstable_by_key(|l| (l.0.raw(), l.1.is_port()));
        for (local, remote) in links {
            let exit = ExitSignal { priority: false, alias: None, from: remote, reason: Owned::immediate(am::NOCONNECTION), linked: true, token: None };
            let _ = node.deliver(local, Signal::Exit(Box::new(exit)));
        }
        for (reference, (local, _)) in ours {
            let _ = node.deliver(local, Signal::Down { reference, reason: Owned::immediate(am::NOCONNECTION) });
        }
        for (reference, (_, local, _)) in old.theirs {
            let _ = node.deliver(local, Signal::Demonitor { reference });
        }
        let mut spawns: Vec<(RefId, Spawn)> = old.spawns.into_iter().collect();
        spawns.sort_unstable_by_key(|s| s.0);
        for (reference, spawn) in spawns {
            spawn.failed(node, reference, am::NOCONNECTION);
        }
        watching::tell_monitors(node, self.name);
        if old.phase == Phase::Up {
            let kind = if old.flags & flags::PUBLISHED != 0 { term::atom!("visible") } else { term::atom!("hidden") };
            watching::tell_node_down(node, self.name, kind, old.id.0, reason);
        }
        for process in old.waiting {
            node.wake(process);
        }
        true
    }
    pub(crate) fn abandon_spawn(&self, parent: Term, id: RefId) -> bool {
        match self.state.lock().spawns.get_mut(&id) {
            Some(s) if s.parent == parent && !s.abandoned => {
                s.abandoned = true;
                true
            }
            _ => false,
        }
    }

    // ---- sending
    /// True if so much waits that the process must wait too; it is woken.
    pub(crate) fn is_busy(&self, node: &Node, process: Term, wait: bool) -> bool {
        let mut s = self.state.lock();
        let busy = s.phase == Phase::Up && s.queued as u64 >= node.config.dist_buffer_busy_limit;
        if busy && wait && !s.waiting.contains(&process) {
            s.waiting.push(process);
        }
        busy
    }
    /// How messages for the other side are packed.
    pub(crate) fn takes(&self) -> flags::Takes {
        let s = self.state.lock();
        if s.phase == Phase::Up { flags::Takes::of(s.flags, s.sender.headers()) } else { flags::Takes::USUAL }
    }
    /// Notes what is tied to the other node, which is not told.
    pub(crate) fn note(&self, tie: impl FnOnce(&mut State)) -> Result<(), NotSent> {
        let mut s = self.state.lock();
        if s.phase == Phase::Idle {
            return Err(NotSent::NotConnected);
        }
        tie(&mut s);
        Ok(())
    }
    /// Queues a message, after `tie` has noted what it ties (under the lock).
    pub(crate) fn push(&self, node: &Arc<Node>, parts: Parts, tie: impl FnOnce(&mut State)) -> Result<(), NotSent> {
        let (controller, notify, queued) = {
            let mut s = self.state.lock();
            // One that was made for an earlier life of the connection is as lost as that.
            let readable = !parts.needs_header() || s.phase == Phase::Up && s.sender.headers();
            if s.phase == Phase::Idle || !readable {
                return Err(NotSent::NotConnected);
            }
            tie(&mut s);
            if s.phase != Phase::Up {
                s.queued += parts.size();
                s.early.push_back(parts);
                return Ok(());
            }
            s.put(parts);
            (s.controller, std::mem::take(&mut s.notify), s.queued)
        };
        self.kick(node, controller, notify, queued < PUT_OFF);
        Ok(())
    }
    fn kick(&self, node: &Arc<Node>, controller: Term, notify: bool, can_wait: bool) {
        if controller.is_local_port() {
            if can_wait && put_off::more(node, controller) {
                return;
            }
            if let Some(ports) = port::of(node)
                && let Some(port) = ports.get(controller)
            {
                ports.carry(&port);
                put_off::sent(node, ports, port);
            }
        } else if notify {
            node.send_message(controller, Owned::immediate(term::atom!("dist_data")));
        }
    }
    /// Sends what has waited for the connection to be up.
    pub(crate) fn flush(&self, node: &Arc<Node>) {
        let controller = self.state.lock().controller;
        if controller.is_some() && self.has_next() {
            self.kick(node, controller, false, false);
        }
    }
    /// The next packets, and who may go on now that they have gone. One packet, if the controller is a process.
    pub(crate) fn pop(&self, node: &Node) -> Option<Frame> {
        let (packets, waiting) = {
            let mut s = self.state.lock();
            if s.phase != Phase::Up {
                return None;
            }
            let packets = s.queue.pop_front()?;
            s.queued -= packets.size();
            let low = s.queued as u64 <= node.config.dist_buffer_busy_limit / 2;
            (packets, if low { std::mem::take(&mut s.waiting) } else { Vec::new() })
        };
        self.packets_out.fetch_add(packets.packets() as u64, Relaxed);
        for process in waiting {
            node.wake(process);
        }
        Some(packets)
    }
    pub(crate) fn has_next(&self) -> bool {
        let s = self.state.lock();
        s.phase == Phase::Up && !s.queue.is_empty()
    }
    /// A process that is the controller is told `dist_data` when there is something to send.
    pub(crate) fn ask_for_notice(&self, node: &Arc<Node>) {
        let now = {
            let mut s = self.state.lock();
            s.notify = s.queue.is_empty();
            (!s.notify).then_some(s.controller)
        };
        if let Some(controller) = now {
            node.send_message(controller, Owned::immediate(term::atom!("dist_data")));
        }
    }

    // ---- receiving
    /// One packet.
    pub(crate) fn put(&self, bytes: Vec<u8>) {
        let part = 0..bytes.len();
        self.inbox.lock().push_back(Come { bytes, part, lengths: false });
    }
    /// Handles what has come, unless somebody does so already (who then looks again).
    pub(crate) fn work(self: &Arc<Self>, node: &Arc<Node>) {
        while !self.inbox.lock().is_empty() {
            let Some(mut handling) = self.handling.try_lock() else { return };
            loop {
                let Some(Come { bytes, part, lengths }) = self.inbox.lock().pop_front() else { break };
                let number = self.id().0;
                if handling.number != number {
                    *handling = Handling { number, receiver: Receiver::default() };
                }
                let mut rest = &bytes[part];
                let mut count = 0;
                while !rest.is_empty() || !lengths && count == 0 {
                    let packet;
                    (packet, rest) = next_packet(rest, lengths);
                    count += 1;
                    if super::incoming::packet(self, node, packet, &mut handling.receiver).is_err() {
                        self.inbox.lock().clear();
                        self.bad(node, packet);
                        break;
                    }
                }
                self.packets_in.fetch_add(count, Relaxed);
                self.recycle(bytes);
            }
            drop(handling);
        }
    }
    fn recycle(&self, mut bytes: Vec<u8>) {
        let mut spare = self.spare.lock();
        if SPARE_SIZE.contains(&bytes.capacity()) && spare.len() < SPARE {
            bytes.clear();
            spare.push(bytes);
        }
    }
    /// Bytes that are no packet end the connection, and nothing else.
    fn bad(&self, node: &Arc<Node>, packet: &[u8]) {
        let controller = self.state.lock().controller;
        let text = format!("{} got a corrupted external term from {} on distribution channel {} ({} bytes)",
            term::atom::text(node.name()), term::atom::text(self.name), String::from_utf8_lossy(&term::print::print(controller, 100)), packet.len());
        port::log_error(node, &text);
        self.end_controller(node);
    }
}

/// What is said to be the reason of a connection's end when its carrier ended for this one.
pub(crate) fn told(reason: Term) -> Term {
    if reason == am::NORMAL { term::atom!("connection_closed") } else { reason }
}

/// The first packet of what has come, and the rest.
fn next_packet(bytes: &[u8], lengths: bool) -> (&[u8], &[u8]) {
    match bytes.split_first_chunk::<{ dist::LENGTH }>() {
        Some((length, rest)) if lengths => rest.split_at(rest.len().min(u32::from_be_bytes(*length) as usize)),
        _ => (bytes, &[]),
    }
}

/// What a scheduler's thread sends after its first packets goes out together, when the slice is over or several have been: each write costs more than
/// all else about a small message. The first go at once, so that nobody waits for an answer longer than needed.
mod put_off {
    use node::{Node, later};
    use ports::{Port, Ports};
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;
    use term::Term;

    /// Where this thread has sent something since it began to run what is to be run now.
    struct Sent {
        node: *const Node,
        ports: Arc<Ports>,
        port: Arc<Port>,
    }

    thread_local! {
        static SENT: RefCell<Option<Sent>> = const { RefCell::new(None) };
        static MORE: Cell<bool> = const { Cell::new(false) };
    }

    /// There is more for this port: true if it goes out later, without the caller's doing.
    pub(super) fn more(node: &Arc<Node>, port: Term) -> bool {
        let same = SENT.with_borrow(|sent| sent.as_ref().is_some_and(|s| s.port.id == port && s.node == Arc::as_ptr(node)));
        if same {
            MORE.set(true);
        }
        same
    }
    /// Something has gone to this port at once.
    pub(super) fn sent(node: &Arc<Node>, ports: Arc<Ports>, port: Arc<Port>) {
        if !later::put_off(later::Work::Packets, send) {
            return;
        }
        let sent = Sent { node: Arc::as_ptr(node), ports, port };
        let before = SENT.with_borrow_mut(|s| s.replace(sent));
        send_rest(before);
    }
    fn send() {
        send_rest(SENT.take());
    }
    fn send_rest(sent: Option<Sent>) {
        if MORE.replace(false)
            && let Some(sent) = sent
        {
            sent.ports.carry(&sent.port);
        }
    }
}

/// A connection as a port's: what the port calls.
pub(crate) struct Through {
    pub connection: Arc<Connection>,
    pub node: Weak<Node>,
    pub id: (u64, u64),
}

impl ports::Carried for Through {
    fn received(&self, bytes: Vec<u8>, part: Range<usize>) {
        if self.connection.id() == self.id {
            self.connection.inbox.lock().push_back(Come { bytes, part, lengths: true });
        }
    }
    fn buffer(&self) -> Vec<u8> {
        self.connection.spare.lock().pop().unwrap_or_default()
    }
    fn work(&self) {
        if let Some(node) = self.node.upgrade() {
            self.connection.work(&node);
        }
    }
    fn next(&self) -> Option<Frame> {
        let node = self.node.upgrade()?;
        (self.connection.id() == self.id).then(|| self.connection.pop(&node)).flatten()
    }
    fn has_next(&self) -> bool {
        self.connection.id() == self.id && self.connection.has_next()
    }
    fn closed(&self, reason: Term) {
        if let Some(node) = self.node.upgrade() {
            self.connection.lost(&node, Some(self.id), told(reason));
        }
    }
}

impl Spawn {
    /// The parent is told that there is no process.
    pub(crate) fn failed(self, node: &Arc<Node>, reference: RefId, reason: Term) {
        self.refused(node, reference, reason, None);
    }
    /// The same, as the other node has said, with the token that came along.
    pub(super) fn refused(self, node: &Arc<Node>, reference: RefId, reason: Term, token: Option<Owned>) {
        if self.monitor.is_some_and(|m| m.1.is_some()) {
            // The alias goes with the monitor that never was.
            node.request(self.parent, move |_, p| {
                if let Some((_, _, p)) = p {
                    p.aliases.remove(&reference);
                }
            });
        }
        if self.on_error && !self.abandoned {
            answer(node, self.parent, self.tag, reference, am::ERROR, token, |_| reason);
        }
    }
}

/// `{Tag, Reference, Result, Value}` to who has asked for a process.
pub(crate) fn answer(
    node: &Node,
    to: Term,
    tag: Owned,
    reference: RefId,
    result: Term,
    token: Option<Owned>,
    value: impl FnOnce(&mut term::Alloc) -> Term,
) {
    let message = tag.wrap(|a, tag| {
        let r = a.reference(reference.0, reference.1);
        let value = value(a);
        a.tuple(&[tag, r, result, value])
    });
    let Some(token) = token else {
        node.send_message(to, message);
        return;
    };
    // Of who sends from another node, patterns of messages see the node.
    let from = token.term.as_tuple_n::<5>().map_or(Term::NIL, |t| t[3]);
    let sender = Who::of(from).and_then(|w| w.node()).map_or(am::UNDEFINED, |n| n.name);
    let mut message = Message::new(message);
    message.extra = Some(Box::new(Extra { token: Some(token), sender: if from.is_atom() { from } else { sender } }));
    let _ = node.deliver(to, Signal::Message(message));
}
