//! Operating system signals: one handler that notes the number, one thread that tells whoever subscribed.
//! Dispositions belong to the whole process, so nodes in one process share them; that is the system's will, not ours.

use std::{
    collections::VecDeque,
    ops::DerefMut,
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicI32, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{Errno, Result, fd};

macro_rules! signals {
    ($($name:ident = $number:ident, $text:literal;)*) => {
        /// A signal that Erlang has a name for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Signal { $(#[doc = $text] $name,)* }

        impl Signal {
            pub const ALL: &[Signal] = &[$(Signal::$name),*];

            /// The operating system's number.
            pub fn number(self) -> i32 {
                match self { $(Signal::$name => libc::$number,)* }
            }

            /// The atom's name.
            pub fn name(self) -> &'static str {
                match self { $(Signal::$name => $text,)* }
            }
        }
    };
}

signals! {
    Hup = SIGHUP, "sighup";
    Int = SIGINT, "sigint";
    Quit = SIGQUIT, "sigquit";
    Abrt = SIGABRT, "sigabrt";
    Alrm = SIGALRM, "sigalrm";
    Term = SIGTERM, "sigterm";
    Usr1 = SIGUSR1, "sigusr1";
    Usr2 = SIGUSR2, "sigusr2";
    Chld = SIGCHLD, "sigchld";
    Stop = SIGSTOP, "sigstop";
    Tstp = SIGTSTP, "sigtstp";
    Cont = SIGCONT, "sigcont";
    Winch = SIGWINCH, "sigwinch";
    Pipe = SIGPIPE, "sigpipe";
}

impl Signal {
    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|s| s.name() == name)
    }

    pub fn from_number(number: i32) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|s| s.number() == number)
    }
}

/// What happens when a signal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Subscribers are told.
    Handle,
    Ignore,
    Default,
}

/// Ends a subscription when dropped.
pub struct Subscription {
    _listener: Arc<Listener>,
}

type Listener = Box<dyn Fn(Signal) + Send + Sync>;

/// Signals, as a node asks for them.
pub trait Signals: Send + Sync {
    /// Sets what happens from now on. Nothing else is changed that was not asked for.
    fn set(&self, signal: Signal, disposition: Disposition) -> Result<()>;
    /// Calls `listener`, on a thread of this crate, for every signal that is handled.
    fn subscribe(&self, listener: Listener) -> Result<Subscription>;
}

/// The process's own signals.
pub struct RealSignals;

impl Signals for RealSignals {
    fn set(&self, signal: Signal, disposition: Disposition) -> Result<()> {
        if signal == Signal::Stop {
            // Nobody can change that one, and nobody is told so.
            return Ok(());
        }
        let action = match disposition {
            Disposition::Handle => {
                bell()?;
                note as *const () as libc::sighandler_t
            }
            // An ignored SIGCHLD would take the exit statuses of our children away.
            Disposition::Ignore if signal == Signal::Chld => libc::SIG_DFL,
            Disposition::Ignore => libc::SIG_IGN,
            Disposition::Default => libc::SIG_DFL,
        };
        // SAFETY: rules 1 and 3: a live, initialised structure; `note` keeps to what handlers may do.
        unsafe {
            let mut new: libc::sigaction = std::mem::zeroed();
            new.sa_sigaction = action;
            new.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK | if disposition == Disposition::Handle { libc::SA_SIGINFO } else { 0 };
            libc::sigemptyset(&mut new.sa_mask);
            if libc::sigaction(signal.number(), &new, std::ptr::null_mut()) != 0 {
                return Err(Errno::last());
            }
        }
        Ok(())
    }

    fn subscribe(&self, listener: Listener) -> Result<Subscription> {
        let listener = Arc::new(listener);
        bell()?.listeners.lock().push(Arc::downgrade(&listener));
        Ok(Subscription { _listener: listener })
    }
}

/// The write end of the pipe from the handler to the thread.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// What goes through the pipe for a signal: its number, and the process whose end it tells of (0: none).
type Rung = [u8; 5];

extern "C" fn note(number: i32, info: *const libc::siginfo_t, _context: *const libc::c_void) {
    // SAFETY: rules 1 and 3: the system's own record; `write`, with `errno` kept; the descriptor is never closed.
    unsafe {
        let errno = *libc::__errno_location();
        let ended = number == libc::SIGCHLD && (*info).si_code > 0;
        let pid = if ended { (*info).si_pid() as u32 } else { 0 };
        let [a, b, c, d] = pid.to_ne_bytes();
        let rung: Rung = [number as u8, a, b, c, d];
        libc::write(BELL.load(Ordering::Relaxed), rung.as_ptr().cast(), rung.len());
        *libc::__errno_location() = errno;
    }
}

/// Programs that were started here: nobody else is told of their ends. Signals of ends may be merged into one, so that numbers stay behind; only the
/// newest are kept.
#[derive(Default)]
pub(crate) struct OwnChildren(VecDeque<u32>);

static OWN: Mutex<OwnChildren> = Mutex::new(OwnChildren(VecDeque::new()));

/// Held while a program is started, so that its end is not looked at before its number is noted.
pub(crate) fn own_children() -> impl DerefMut<Target = OwnChildren> {
    OWN.lock()
}

impl OwnChildren {
    pub(crate) fn note(&mut self, pid: u32) {
        if self.0.len() == 4096 {
            self.0.pop_front();
        }
        self.0.push_back(pid);
    }
    fn has_ended(&mut self, pid: u32) -> bool {
        let at = self.0.iter().rposition(|&p| p == pid);
        at.and_then(|i| self.0.remove(i)).is_some()
    }
}

struct Bell {
    listeners: Mutex<Vec<Weak<Listener>>>,
    _write: OwnedFd,
}

/// The pipe and its thread, made when they are first needed.
fn bell() -> Result<&'static Bell> {
    static THE: OnceLock<Bell> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    if let Some(bell) = THE.get() {
        return Ok(bell);
    }
    let (read, write) = fd::pipe()?;
    fd::set_nonblocking(&write, true)?;
    BELL.store(write.as_raw_fd(), Ordering::Relaxed);
    let bell = THE.get_or_init(|| Bell { listeners: Mutex::default(), _write: write });
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut rung = [0; 64 * size_of::<Rung>()];
        // The pipe takes, and gives, whole ones.
        while let Ok(n @ 1..) = fd::read(&read, &mut rung) {
            for &[number, a, b, c, d] in rung[..n].as_chunks::<{ size_of::<Rung>() }>().0 {
                let Some(signal) = Signal::from_number(i32::from(number)) else { continue };
                let ended = u32::from_ne_bytes([a, b, c, d]);
                if ended != 0 && OWN.lock().has_ended(ended) {
                    continue;
                }
                let mut listeners = bell.listeners.lock();
                listeners.retain(|l| l.strong_count() > 0);
                let now: Vec<Arc<Listener>> = listeners.iter().filter_map(Weak::upgrade).collect();
                drop(listeners);
                for listener in now {
                    listener(signal);
                }
            }
        }
    })?;
    Ok(bell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_handled_signal_arrives() {
        let (tell, told) = mpsc::channel();
        let subscription = RealSignals.subscribe(Box::new(move |s| tell.send(s).unwrap_or(()))).unwrap();
        RealSignals.set(Signal::Usr2, Disposition::Handle).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        assert_eq!(told.recv(), Ok(Signal::Usr2));
        RealSignals.set(Signal::Usr2, Disposition::Ignore).unwrap();
        assert_eq!(RealSignals.set(Signal::Stop, Disposition::Ignore), Ok(()));
        drop(subscription);
        assert_eq!(Signal::from_name("sigwinch"), Some(Signal::Winch));
    }
}
