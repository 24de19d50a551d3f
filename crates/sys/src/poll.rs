//! Readiness of file descriptors: one epoll instance, one-shot interests, a wake-up from any thread.
//! Not here: the thread that waits; who needs the poller brings one (crate `ports`, on first use).

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::{
    event::{EventfdFlags, Timespec, epoll, eventfd},
    io::Errno as Os,
};

use crate::{Errno, Result};

/// What is waited for, and what came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
    /// Errors and hang-ups alone; whoever waits for something else hears of them too.
    pub error: bool,
}

impl Interest {
    pub const READ: Interest = Interest { read: true, write: false, error: false };
    pub const WRITE: Interest = Interest { read: false, write: true, error: false };
    pub const BOTH: Interest = Interest { read: true, write: true, error: false };
    pub const NONE: Interest = Interest { read: false, write: false, error: false };

    pub fn is_none(self) -> bool {
        self == Interest::NONE
    }
}

/// A descriptor is ready. An error or a hang-up counts as ready for whatever was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub token: u64,
    pub ready: Interest,
    /// The other side is gone, or the descriptor failed.
    pub hangup: bool,
}

/// Any thread may watch, forget and wake; one thread waits.
pub trait Poller: Send + Sync {
    /// Waits once for `interest`: it replaces what was watched before on this descriptor, and after one event
    /// nothing is watched until the next call. `NONE` pauses.
    fn watch(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()>;
    /// Ends it; to be called before the descriptor is closed. An event that was already fetched may still come.
    fn forget(&self, fd: BorrowedFd<'_>) -> Result<()>;
    /// Makes a present or the next `wait` return.
    fn wake(&self);
    /// Appends what is ready; returns when there is something, when woken, or when the time is over (or up to a millisecond before).
    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()>;
}

const WAKE: u64 = u64::MAX;

/// Times above are cut off to whole milliseconds.
const COARSE: Duration = Duration::from_millis(3);

/// So many are told of at once.
const EVENTS: usize = 64;

/// epoll.
pub struct RealPoller {
    epoll: OwnedFd,
    waker: OwnedFd,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    /// The interest of each registered descriptor.
    fds: HashMap<RawFd, (u64, Interest)>,
    /// Interests in files, which epoll refuses because they are always ready.
    always: Vec<Event>,
}

impl RealPoller {
    pub fn new() -> Result<RealPoller> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Each write is one event, so that nobody need read it.
        epoll::add(&epoll, &waker, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        Ok(RealPoller { epoll, waker, watched: Mutex::default() })
    }

    /// A new poller, to be shared.
    pub fn shared() -> Result<Arc<dyn Poller>> {
        Ok(Arc::new(RealPoller::new()?))
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::ONESHOT;
    flags.set(epoll::EventFlags::IN | epoll::EventFlags::RDHUP, interest.read);
    flags.set(epoll::EventFlags::OUT, interest.write);
    flags
}

impl Poller for RealPoller {
    fn watch(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        use std::os::fd::AsRawFd;
        debug_assert!(token != WAKE, "the last token is the waker's");
        let (data, flags) = (epoll::EventData::new_u64(token), flags(interest));
        if interest.is_none() {
            // epoll would still tell of hang-ups.
            return self.forget(fd);
        }
        let mut watched = self.watched.lock();
        // The number may have been closed and opened again since, so the table is only a hint.
        let known = watched.fds.contains_key(&fd.as_raw_fd());
        let mut done = if known { epoll::modify(&self.epoll, fd, data, flags) } else { epoll::add(&self.epoll, fd, data, flags) };
        done = match done {
            Err(Os::NOENT) => epoll::add(&self.epoll, fd, data, flags),
            Err(Os::EXIST) => epoll::modify(&self.epoll, fd, data, flags),
            other => other,
        };
        match done {
            Ok(()) => {
                watched.fds.insert(fd.as_raw_fd(), (token, interest));
                Ok(())
            }
            Err(Os::PERM) => {
                watched.always.retain(|e| e.token != token);
                watched.fds.insert(fd.as_raw_fd(), (token, Interest::NONE));
                watched.always.push(Event { token, ready: interest, hangup: false });
                drop(watched);
                self.wake();
                Ok(())
            }
            Err(e) => Err(Errno::from(e)),
        }
    }

    fn forget(&self, fd: BorrowedFd<'_>) -> Result<()> {
        use std::os::fd::AsRawFd;
        let mut watched = self.watched.lock();
        if let Some((token, _)) = watched.fds.remove(&fd.as_raw_fd()) {
            watched.always.retain(|e| e.token != token);
            match epoll::delete(&self.epoll, fd) {
                Ok(()) | Err(Os::NOENT | Os::PERM | Os::BADF) => {}
                Err(e) => return Err(Errno::from(e)),
            }
        }
        Ok(())
    }

    fn wake(&self) {
        // It counts to 2^64 - 2 before a write fails.
        let _ = rustix::io::write(&self.waker, &1u64.to_ne_bytes());
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        let before = events.len();
        events.append(&mut self.watched.lock().always);
        let timeout = if events.len() > before { Some(Duration::ZERO) } else { timeout };
        // epoll itself counts in milliseconds, at least on older kernels: long times are cut off, and the rest is waited for otherwise.
        let whole = match timeout {
            Some(time) if time > COARSE => Some(Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_millis()) * 1_000_000 }),
            Some(time) => {
                if !time.is_zero() {
                    wait_one(&self.epoll, Interest::READ, Some(time)).or_else(|e| if e == Errno::EINTR { Ok(true) } else { Err(e) })?;
                }
                Some(Timespec { tv_sec: 0, tv_nsec: 0 })
            }
            None => None,
        };
        let mut room = [std::mem::MaybeUninit::<epoll::Event>::uninit(); EVENTS];
        let found = match epoll::wait(&self.epoll, &mut room, whole.as_ref()) {
            Ok((found, _)) => found,
            Err(Os::INTR) => &mut [],
            Err(e) => return Err(Errno::from(e)),
        };
        for event in found {
            let (token, flags) = (event.data.u64(), event.flags);
            if token == WAKE {
                continue;
            }
            let hangup = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR | epoll::EventFlags::RDHUP);
            let broken = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            let ready = Interest {
                read: broken || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP),
                write: broken || flags.contains(epoll::EventFlags::OUT),
                error: broken,
            };
            events.push(Event { token, ready, hangup });
        }
        events.append(&mut self.watched.lock().always);
        Ok(())
    }
}

/// Waits for one descriptor, outside any poller. True if it became ready in time.
pub fn wait_one(fd: impl AsFd, interest: Interest, timeout: Option<Duration>) -> Result<bool> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut wanted = PollFlags::empty();
    wanted.set(PollFlags::IN, interest.read);
    wanted.set(PollFlags::OUT, interest.write);
    let timeout = timeout.map(|t| Timespec { tv_sec: t.as_secs() as i64, tv_nsec: i64::from(t.subsec_nanos()) });
    Ok(poll(&mut [PollFd::new(&fd, wanted)], timeout.as_ref())? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd;

    #[test]
    fn one_shot_and_wake() {
        let p = RealPoller::new().unwrap();
        let (r, w) = fd::pipe().unwrap();
        let mut events = Vec::new();
        p.watch(r.as_fd(), 7, Interest::READ).unwrap();
        p.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
        fd::write(&w, b"x").unwrap();
        for expected in [1, 1] {
            p.wait(&mut events, Some(Duration::ZERO)).unwrap();
            assert_eq!(events.len(), expected, "the second wait has nothing new");
        }
        assert_eq!(events[0], Event { token: 7, ready: Interest::READ, hangup: false });
        p.watch(r.as_fd(), 8, Interest::READ).unwrap();
        p.wait(&mut events, None).unwrap();
        assert_eq!(events[1].token, 8);
        p.forget(r.as_fd()).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| p.wake());
            p.wait(&mut events, None).unwrap();
        });
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn a_file_is_always_ready() {
        let p = RealPoller::new().unwrap();
        let f = std::fs::File::open("/etc/passwd").unwrap();
        p.watch(f.as_fd(), 1, Interest::READ).unwrap();
        let mut events = Vec::new();
        p.wait(&mut events, None).unwrap();
        assert_eq!(events, [Event { token: 1, ready: Interest::READ, hangup: false }]);
    }
}
