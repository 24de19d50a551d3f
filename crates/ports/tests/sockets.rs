//! The socket drivers over the loopback interface, spoken to as `prim_inet` does, without a node around them.

use ports::{Control, Name, Options, Ports, Surroundings};
use process::{Owned, RefId, Who};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use term::{Term, atom};

const BASE: u32 = 0x03f1_a300;

/// A node that only keeps the messages.
struct Around {
    world: sys::World,
    messages: std::sync::Mutex<Sender<(Term, Owned)>>,
}

impl Surroundings for Around {
    fn world(&self) -> &sys::World {
        &self.world
    }
    fn release(&self) -> u32 {
        25
    }
    fn limit(&self) -> usize {
        100
    }
    fn message(&self, to: Term, message: Owned) {
        let _ = self.messages.lock().unwrap().send((to, message));
    }
    fn exit(&self, _: Term, _: Who, _: Owned, _: bool) {}
    fn down(&self, _: Term, _: Term, _: RefId, _: Owned) {}
    fn wake(&self, _: Term) {}
    fn link(&self, _: Term, _: Term) {}
    fn unlink(&self, _: Term, _: Term) {}
    fn watch_process(&self, _: Term, _: Box<dyn FnOnce() + Send>) -> Option<RefId> {
        Some((1, 0))
    }
    fn unwatch_process(&self, _: RefId) {}
    fn decode(&self, _: &[u8]) -> Option<Owned> {
        None
    }
    fn release_name(&self, _: Term, _: Term) {}
    fn set_timer(&self, after: Duration, work: Box<dyn FnOnce() + Send>) -> u64 {
        std::thread::spawn(move || {
            std::thread::sleep(after);
            work();
        });
        0
    }
    fn cancel_timer(&self, _: u64) {}
    fn interrupt_is_a_key(&self) -> bool {
        false
    }
    fn log_error(&self, _: String) {}
}

struct Node {
    ports: Arc<Ports>,
    messages: Receiver<(Term, Owned)>,
    me: Term,
}

impl Node {
    fn new() -> Node {
        let (give, messages) = channel();
        let around = Around { world: sys::World::embedded(), messages: std::sync::Mutex::new(give) };
        Node { ports: Ports::new(Box::new(around), Term::pid(0, 0)), messages, me: Term::pid(1, 0) }
    }
    fn open(&self, driver: &str, kind: u8) -> Term {
        let name = Name::SpawnDriver(driver.into());
        let port = self.ports.open(&name, Options { binary: true, ..Options::default() }, self.me).unwrap();
        assert_eq!(self.ask(port, 1, &[1, kind]), Ok(Vec::new()));
        port
    }
    /// A request's answer, or the reason why there is none.
    fn ask(&self, port: Term, request: u32, data: &[u8]) -> Result<Vec<u8>, String> {
        let port = self.ports.get(port).unwrap();
        match self.ports.control(&port, self.me, BASE + request, data) {
            Control::List(bytes) if bytes[0] == 1 => Ok(bytes[1..].to_vec()),
            Control::List(bytes) => Err(String::from_utf8(bytes[1..].to_vec()).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    fn send(&self, port: Term, data: &[u8]) {
        let port = self.ports.get(port).unwrap();
        self.ports.command(&port, self.me, || data.to_vec(), true);
    }
    fn bind(&self, port: Term) -> [u8; 7] {
        let at = self.ask(port, 6, &[1, 0, 0, 127, 0, 0, 1]).unwrap();
        [1, at[0], at[1], 127, 0, 0, 1]
    }
    /// The next message's parts.
    fn next(&self) -> Vec<Term> {
        let (to, message) = self.messages.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(to, self.me);
        let parts = message.term.as_tuple().unwrap().to_vec();
        std::mem::forget(message);
        parts
    }
    fn nothing(&self) -> bool {
        self.messages.recv_timeout(Duration::from_millis(30)).is_err()
    }
    fn pair(&self) -> (Term, Term) {
        let listener = self.open("tcp_inet", 1);
        let at = self.bind(listener);
        self.ask(listener, 27, &[0, 5]).unwrap();
        self.ask(listener, 26, &[255; 4]).unwrap();
        let client = self.open("tcp_inet", 1);
        self.ask(client, 3, &[&[255; 4][..], &at].concat()).unwrap();
        let mut accepted = None;
        for _ in 0..2 {
            // {inet_async, Port, Number, ok | {ok, NewPort}}
            let m = self.next();
            if m[1] == listener {
                accepted = Some(m[3].as_tuple().unwrap()[1]);
            } else {
                assert_eq!((m[1], m[3]), (client, atom!("ok")));
            }
        }
        (client, accepted.unwrap())
    }
}

#[test]
fn a_stream_and_its_end() {
    let n = Node::new();
    let (client, server) = n.pair();
    n.send(client, b"hello");
    assert_eq!(n.next()[2], atom!("ok"));
    // recv: any time, any length.
    n.ask(server, 42, &[255, 255, 255, 255, 0, 0, 0, 5]).unwrap();
    let got = n.next()[3].as_tuple().unwrap()[1];
    assert_eq!(got.proper_list().unwrap().len(), 5, "a list, since nobody asked for binaries");
    assert_eq!(n.ask(server, 42, &[0, 0, 0, 10, 0, 0, 0, 1]).map(|r| r.len()), Ok(2));
    assert_eq!(n.next()[3].as_tuple().unwrap()[1], atom!("timeout"));
    // active, mode binary
    n.ask(server, 7, &[22, 0, 0, 0, 1, 24, 0, 0, 0, 1]).unwrap();
    assert!(n.nothing(), "an idle socket says nothing");
    n.send(client, b"more");
    let (a, b) = (n.next(), n.next());
    let data = if a[0] == atom!("tcp") { a } else { b };
    assert_eq!((data[0], data[1], data[2].as_bytes().unwrap().to_vec()), (atom!("tcp"), server, b"more".to_vec()));
    n.ports.close(&n.ports.get(client).unwrap(), false);
    let end = n.next();
    assert_eq!((end[0], end[1]), (atom!("tcp_closed"), server));
    std::thread::sleep(Duration::from_millis(20));
    assert!(n.ports.get(server).is_none() && n.ports.get(client).is_none());
}

#[test]
fn a_full_queue_makes_senders_wait() {
    let n = Node::new();
    let (client, server) = n.pair();
    let chunk = vec![7; 1 << 20];
    let mut sent = 0;
    while !n.ports.is_busy(&n.ports.get(client).unwrap()) {
        n.send(client, &chunk);
        sent += chunk.len();
        assert!(sent < 1 << 28, "sooner or later nothing more fits");
    }
    assert_eq!(n.ask(client, 7, &[34, 0, 0]), Err("einval".into()));
    let mut received = 0;
    while received < sent {
        n.ask(server, 42, &[255, 255, 255, 255, 0, 1, 0, 0]).unwrap();
        loop {
            let m = n.next();
            if m[0] == atom!("inet_async") {
                received += m[3].as_tuple().unwrap()[1].proper_list().unwrap().len();
                break;
            }
            assert_eq!((m[0], m[2]), (atom!("inet_reply"), atom!("ok")));
        }
    }
    assert_eq!(received, sent);
    assert!(!n.ports.is_busy(&n.ports.get(client).unwrap()));
}

#[test]
fn datagrams() {
    let n = Node::new();
    let (a, b) = (n.open("udp_inet", 2), n.open("udp_inet", 2));
    let (at, _) = (n.bind(a), n.bind(b));
    n.send(b, &[&at[..], &[0, 0, 0, 0], b"abc"].concat());
    assert_eq!(n.next()[2], atom!("ok"));
    n.ask(a, 60, &[255, 255, 255, 255, 0, 0, 0, 0]).unwrap();
    let got = n.next()[3].as_tuple().unwrap()[1].proper_list().unwrap();
    assert_eq!(got.len(), 7 + 3, "address and data");
    assert_eq!(n.ask(a, 42, &[]), Err("exbadport".into()));
}

/// Whatever the bytes of a request are: an answer, no panic. Left out is what would reach other machines or take foreign descriptors.
#[test]
fn any_bytes_are_answered() {
    let n = Node::new();
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as u32
    };
    for round in 0..600 {
        let port = match round % 3 {
            0 => n.open("tcp_inet", 1),
            1 => n.open("udp_inet", 2),
            _ => n.pair().0,
        };
        for _ in 0..10 {
            let request = random() % 70;
            if matches!(request, 3 | 6 | 13 | 45) || n.ports.get(port).is_none() {
                continue;
            }
            let data: Vec<u8> = (0..random() % 24).map(|_| if random() % 2 == 0 { random() as u8 % 60 } else { 0 }).collect();
            let _ = n.ask(port, request, &data);
        }
        for port in n.ports.all() {
            n.ports.close(&n.ports.get(port).unwrap(), false);
        }
        while n.messages.try_recv().is_ok() {}
    }
}
