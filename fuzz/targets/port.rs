//! Commands, control requests and what comes from the other side, for the drivers of sockets and of files in memory: whatever they are, they
//! are answered or refused. The sockets are pairs within the program; nothing goes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ports::{Name, Options, Ports, Surroundings};
use process::{Owned, RefId, Who};
use std::io::{IoSlice, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sys::net::{Addr, Ancillary, Family, Interface, Kind, NameError, Net, Protocol, RealNet, Received, Resolved, Shutdown};
use sys::poll::{Event, Interest, Poller};
use sys::{Errno, Result};
use term::{Alloc, Term};

const BASE: u32 = 0x03f1_a300;
/// Requests that name descriptors of this program.
const FDOPEN: u8 = 13;
const SENDFILE: u8 = 45;

/// The far ends of all sockets, and what is watched.
#[derive(Default)]
struct Sockets {
    far: Mutex<Vec<UnixStream>>,
    watched: Mutex<Vec<(i32, u64, Interest)>>,
    ready: Mutex<Vec<Event>>,
}

struct Within(Arc<Sockets>);

impl Within {
    fn pair(&self) -> Result<OwnedFd> {
        let (near, far) = UnixStream::pair().map_err(|_| Errno::EMFILE)?;
        let _ = (near.set_nonblocking(true), far.set_nonblocking(true));
        self.0.far.lock().unwrap().push(far);
        Ok(near.into())
    }
}

fn stream(fd: BorrowedFd<'_>) -> Result<UnixStream> {
    fd.try_clone_to_owned().map(UnixStream::from).map_err(|_| Errno::EBADF)
}

fn failed(e: std::io::Error) -> Errno {
    if e.kind() == std::io::ErrorKind::WouldBlock { Errno::EAGAIN } else { Errno::EPIPE }
}

impl Net for Within {
    fn socket(&self, _: Family, _: Kind, _: u32) -> Result<OwnedFd> {
        self.pair()
    }
    fn open(&self, _: i32, _: i32, _: i32) -> Result<OwnedFd> {
        self.pair()
    }
    fn bind(&self, _: BorrowedFd<'_>, _: &Addr) -> Result<()> {
        Ok(())
    }
    fn listen(&self, _: BorrowedFd<'_>, _: i32) -> Result<()> {
        Ok(())
    }
    fn accept(&self, _: BorrowedFd<'_>) -> Result<(OwnedFd, Addr)> {
        if self.0.far.lock().unwrap().len() % 3 == 0 { Err(Errno::EAGAIN) } else { Ok((self.pair()?, Addr::ip([127, 0, 0, 1], 7))) }
    }
    fn connect(&self, _: BorrowedFd<'_>, addr: &Addr) -> Result<()> {
        if matches!(addr, Addr::Ip(a) if a.port() % 2 == 1) { Err(Errno::EINPROGRESS) } else { Ok(()) }
    }
    fn disconnect(&self, _: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }
    fn local_addr(&self, _: BorrowedFd<'_>) -> Result<Addr> {
        Ok(Addr::ip([127, 0, 0, 1], 1))
    }
    fn peer_addr(&self, _: BorrowedFd<'_>) -> Result<Addr> {
        Ok(Addr::Local(b"/far".to_vec()))
    }
    fn shutdown(&self, fd: BorrowedFd<'_>, _: Shutdown) -> Result<()> {
        stream(fd)?.shutdown(std::net::Shutdown::Write).map_err(failed)
    }
    fn take_error(&self, _: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }
    fn send(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], _: u32) -> Result<usize> {
        // Never a signal.
        RealNet.send(fd, data, 0)
    }
    fn send_to(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], _: &Addr, flags: u32) -> Result<usize> {
        self.send(fd, data, flags)
    }
    fn recv(&self, fd: BorrowedFd<'_>, buf: &mut [u8], _: u32) -> Result<usize> {
        stream(fd)?.read(buf).map_err(failed)
    }
    fn recv_more(&self, fd: BorrowedFd<'_>, buf: &mut Vec<u8>, room: usize, flags: u32) -> Result<usize> {
        let len = buf.len();
        buf.resize(len + room, 0);
        let got = self.recv(fd, &mut buf[len..], flags);
        buf.truncate(len + got.as_ref().map_or(0, |n| *n));
        got
    }
    fn recv_from(&self, fd: BorrowedFd<'_>, buf: &mut [u8], flags: u32) -> Result<(usize, usize, Addr)> {
        // The end of the stream is no datagram: there would be no end to them.
        match self.recv(fd, buf, flags)? {
            0 => Err(Errno::EAGAIN),
            n => Ok((n, n, Addr::ip([127, 0, 0, 1], 9))),
        }
    }
    fn send_message(&self, fd: BorrowedFd<'_>, data: &[IoSlice<'_>], _: Option<&Addr>, _: &[Ancillary], flags: u32) -> Result<usize> {
        self.send(fd, data, flags)
    }
    fn recv_message(&self, _: BorrowedFd<'_>, _: &mut [u8], _: usize, _: u32) -> Result<Received> {
        Err(Errno::EAGAIN)
    }
    fn set_option(&self, _: BorrowedFd<'_>, _: i32, _: i32, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn option(&self, _: BorrowedFd<'_>, level: i32, name: i32, size: usize) -> Result<Vec<u8>> {
        if (level ^ name) % 5 == 4 { Err(Errno::EINVAL) } else { Ok(vec![1; size.min(64)]) }
    }
    fn send_file(&self, _: BorrowedFd<'_>, _: BorrowedFd<'_>, _: u64, _: usize) -> Result<usize> {
        Err(Errno::EINVAL)
    }
    fn interface_request(&self, _: BorrowedFd<'_>, _: u64, _: &mut [u8; 40]) -> Result<()> {
        Ok(())
    }
    fn number_request(&self, _: BorrowedFd<'_>, _: u64) -> Result<i32> {
        Ok(3)
    }
    fn interfaces(&self) -> Result<Vec<Interface>> {
        Ok(Vec::new())
    }
    fn interface_names(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(vec![(1, b"lo".to_vec())])
    }
    fn protocols(&self) -> Vec<Protocol> {
        Vec::new()
    }
    fn resolve(&self, _: Option<&[u8]>, _: Option<&[u8]>) -> std::result::Result<Vec<Resolved>, NameError> {
        Ok(Vec::new())
    }
    fn name_of(&self, _: &Addr, _: i32) -> std::result::Result<(Vec<u8>, Vec<u8>), NameError> {
        Ok((Vec::new(), Vec::new()))
    }
    fn service_port(&self, name: &[u8], _: &[u8]) -> Option<u16> {
        (!name.is_empty()).then_some(7)
    }
    fn service_name(&self, port: u16, _: &[u8]) -> Option<Vec<u8>> {
        (port > 0).then(|| b"echo".to_vec())
    }
}

/// Watches by name only: the target says what is ready.
struct Told(Arc<Sockets>);

impl Poller for Told {
    fn watch(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        self.forget(fd)?;
        if !interest.is_none() {
            self.0.watched.lock().unwrap().push((fd.as_raw_fd(), token, interest));
        }
        Ok(())
    }
    fn forget(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.0.watched.lock().unwrap().retain(|w| w.0 != fd.as_raw_fd());
        Ok(())
    }
    fn wake(&self) {}
    fn wait(&self, events: &mut Vec<Event>, _: Option<Duration>) -> Result<()> {
        events.append(&mut self.0.ready.lock().unwrap());
        Ok(())
    }
}

type Work = Box<dyn FnOnce() + Send>;

struct Around {
    world: sys::World,
    release: u32,
    timers: Arc<Mutex<Vec<Work>>>,
}

impl Surroundings for Around {
    fn world(&self) -> &sys::World {
        &self.world
    }
    fn release(&self) -> u32 {
        self.release
    }
    fn limit(&self) -> usize {
        20
    }
    fn message(&self, _: Term, _: Owned) {}
    fn exit(&self, _: Term, _: Who, _: Owned, _: bool) {}
    fn down(&self, _: Term, _: Term, _: RefId, _: Owned) {}
    fn wake(&self, _: Term) {}
    fn link(&self, _: Term, _: Term) {}
    fn unlink(&self, _: Term, _: Term) {}
    fn watch_process(&self, _: Term, then: Work) -> Option<RefId> {
        self.timers.lock().unwrap().push(then);
        Some((1, 0))
    }
    fn unwatch_process(&self, _: RefId) {}
    fn decode(&self, bytes: &[u8]) -> Option<Owned> {
        let env = etf::DecodeEnv { atom_limit: term::atom::CAPACITY / 2, ..etf::DecodeEnv::new(etf::NodeId { name: term::atom::intern("a@h"), creation: 1 }, &etf::NoFuns) };
        let mut a = Alloc::new();
        let (term, _) = etf::decode(bytes, &mut a, &env).ok()?;
        Some(Owned { term, memory: a.finish() })
    }
    fn release_name(&self, _: Term, _: Term) {}
    fn set_timer(&self, _: Duration, work: Work) -> u64 {
        self.timers.lock().unwrap().push(work);
        0
    }
    fn cancel_timer(&self, _: u64) {}
    fn interrupt_is_a_key(&self) -> bool {
        false
    }
    fn log_error(&self, _: String) {}
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let sockets = Arc::new(Sockets::default());
    let mut world = sys::World::embedded();
    world.net = Arc::new(Within(sockets.clone()));
    let poller = sockets.clone();
    world.new_poller = Arc::new(move || Ok(Arc::new(Told(poller.clone()))));
    let timers: Arc<Mutex<Vec<Work>>> = Arc::default();
    let around = Around { world, release: [25, 27, 29][usize::from(first) % 3], timers: timers.clone() };
    let ports = Ports::new(Box::new(around), Term::pid(0, 0));
    assert!(ports.polling.attend());
    let me = Term::pid(1, 0);
    let mut steps = 0;
    while let [what, which, length, more @ ..] = rest {
        steps += 1;
        if steps > 200 {
            break;
        }
        let (bytes, more) = more.split_at(if *length == 255 { more.len() } else { usize::from(*length).min(more.len()) });
        rest = more;
        let all: Vec<Term> = ports.all().into_iter().skip(1).collect();
        let port = (!all.is_empty()).then(|| all[usize::from(*which) % all.len()]).and_then(|id| ports.get(id));
        match (what % 10, port) {
            (0, _) => {
                let driver = ["tcp_inet", "udp_inet", "ram_file_drv"][usize::from(*which) % 3];
                let options = Options { binary: *length % 2 == 0, ..Options::default() };
                if let Ok(id) = ports.open(&Name::SpawnDriver(driver.into()), options, me)
                    && let Some(port) = ports.get(id)
                    && driver != "ram_file_drv"
                {
                    ports.control(&port, me, BASE + 1, &[1, if driver == "tcp_inet" { 1 } else { 2 }]);
                }
            }
            (1..=3, Some(port)) => {
                if let [operation, data @ ..] = bytes
                    && ![FDOPEN, SENDFILE].contains(operation)
                {
                    ports.control(&port, me, BASE + u32::from(*operation), data);
                }
            }
            (4, Some(port)) => {
                ports.command(&port, me, || bytes.to_vec(), which % 2 == 0);
            }
            (5, Some(port)) => {
                ports.call(&port, me, u32::from(*which), bytes);
            }
            // A stream that is connected, in a packet mode, active.
            (6, Some(port)) => {
                ports.control(&port, me, BASE + 3, &[255, 255, 255, 255, 1, 0, 2, 127, 0, 0, 1]);
                ports.control(&port, me, BASE + 7, &[24, 0, 0, 0, which % 13, 22, 0, 0, 0, 1, 25, 0, 0, 0, 1]);
            }
            (7, _) => {
                let mut far = sockets.far.lock().unwrap();
                if !far.is_empty() {
                    let at = usize::from(*which) % far.len();
                    if bytes.is_empty() {
                        far.swap_remove(at);
                    } else {
                        let _ = RealNet.send(far[at].as_fd(), &[IoSlice::new(bytes)], 0);
                    }
                }
            }
            (8, _) => {
                let now: Vec<_> = std::mem::take(&mut *sockets.watched.lock().unwrap());
                let event = |(_, token, ready)| Event { token, ready, hangup: which % 7 == 6 };
                sockets.ready.lock().unwrap().extend(now.into_iter().map(event));
                ports.polling.wait(Some(Duration::ZERO));
                ports.polling.act();
            }
            (9, port) => {
                let work = timers.lock().unwrap().pop();
                if let Some(work) = work {
                    work();
                } else if let Some(port) = port {
                    ports.close(&port, false);
                }
            }
            _ => {}
        }
    }
    for id in ports.all().into_iter().skip(1) {
        if let Some(port) = ports.get(id) {
            ports.close(&port, false);
        }
    }
    timers.lock().unwrap().clear();
});
