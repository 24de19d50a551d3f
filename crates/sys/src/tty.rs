//! The terminal: its modes and their restoration, its size, and whether the locale speaks UTF-8.
//! Not here: what is written to it (see `terminfo`), line editing (Erlang's), reading (see `fd`).

use std::{
    os::fd::RawFd,
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
};

use rustix::termios::{self, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios};

use crate::{Errno, Result, env::Env, fd};

/// What the terminal does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtyMode {
    /// Collects a line and lets it be edited before it is read; without it output, too, goes out as it is written.
    pub canon: bool,
    /// Shows what is typed.
    pub echo: bool,
    /// Turns keys into signals.
    pub sig: bool,
}

impl TtyMode {
    /// As a program without a line editor wants it.
    pub const COOKED: TtyMode = TtyMode { canon: true, echo: true, sig: true };
    /// As a shell with its own editing wants it; the interrupt key still interrupts.
    pub const RAW: TtyMode = TtyMode { canon: false, echo: false, sig: true };
}

/// Terminals, as a node asks for them.
pub trait Tty: Send + Sync {
    fn is_tty(&self, fd: RawFd) -> bool;
    /// (columns, rows); `enotty` if it is no terminal.
    fn window_size(&self, fd: RawFd) -> Result<(u16, u16)>;
    /// The same of a terminal that a shell writes to: a size that nobody has set is 80 by 24.
    fn shell_size(&self, fd: RawFd) -> Result<(u16, u16)> {
        let or = |n: u16, default| if n == 0 { default } else { n };
        self.window_size(fd).map(|(columns, rows)| (or(columns, 80), or(rows, 24)))
    }
    /// Changes the mode. The mode found at the first change is what `restore` brings back.
    fn set_mode(&self, fd: RawFd, mode: TtyMode) -> Result<()>;
    /// Puts the terminal back as it was found; also done when the process exits.
    fn restore(&self);
    /// Again the mode that was set last, for when the process was stopped and goes on.
    fn resume(&self);
}

/// The process's terminal. There is one, whatever number of nodes asks.
#[derive(Default)]
pub struct RealTty(());

impl RealTty {
    pub fn new() -> RealTty {
        RealTty(())
    }
}

/// The terminal as it was found, and as it was set last: for restoring, also from an exit or a signal.
struct Saved {
    found: Termios,
    set: Termios,
}

static SAVED: parking_lot::Mutex<Option<Saved>> = parking_lot::Mutex::new(None);
static FD: AtomicI32 = AtomicI32::new(-1);
static AT_EXIT: AtomicBool = AtomicBool::new(false);

extern "C" fn at_exit() {
    RealTty(()).restore();
}

impl Tty for RealTty {
    fn is_tty(&self, fd: RawFd) -> bool {
        fd::borrow(fd).is_some_and(termios::isatty)
    }

    fn window_size(&self, fd: RawFd) -> Result<(u16, u16)> {
        let size = termios::tcgetwinsize(fd::borrow(fd).ok_or(Errno::EBADF)?)?;
        Ok((size.ws_col, size.ws_row))
    }

    fn set_mode(&self, fd: RawFd, mode: TtyMode) -> Result<()> {
        let tty = fd::borrow(fd).ok_or(Errno::EBADF)?;
        let mut saved = SAVED.lock();
        let found = match &*saved {
            Some(s) if FD.load(Ordering::Relaxed) == fd => s.found.clone(),
            _ => termios::tcgetattr(tty)?,
        };
        let mut set = found.clone();
        apply(&mut set, mode);
        termios::tcsetattr(tty, OptionalActions::Drain, &set)?;
        *saved = Some(Saved { found, set });
        FD.store(fd, Ordering::Relaxed);
        if !AT_EXIT.swap(true, Ordering::Relaxed) {
            // SAFETY: rule 1: a plain function that lives as long as the program.
            unsafe { libc::atexit(at_exit) };
        }
        Ok(())
    }

    fn restore(&self) {
        put(|s| &s.found);
    }

    fn resume(&self) {
        put(|s| &s.set);
    }
}

fn put(which: impl Fn(&Saved) -> &Termios) {
    // An exit in the middle of a change must not wait for itself.
    let Some(saved) = SAVED.try_lock() else { return };
    if let (Some(saved), Some(tty)) = (&*saved, fd::borrow(FD.load(Ordering::Relaxed))) {
        let _ = termios::tcsetattr(tty, OptionalActions::Now, which(saved));
    }
}

/// Only takes away from what was found, as ERTS does: a user's own settings of the terminal stay in force.
fn apply(t: &mut Termios, mode: TtyMode) {
    t.input_modes.remove(InputModes::ISTRIP);
    if !mode.canon {
        t.input_modes.remove(InputModes::ICRNL);
        t.output_modes.remove(OutputModes::OPOST);
        t.local_modes.remove(LocalModes::ICANON);
        t.special_codes[SpecialCodeIndex::VMIN] = 1;
        t.special_codes[SpecialCodeIndex::VTIME] = 0;
    }
    if !mode.echo {
        t.local_modes.remove(LocalModes::ECHO);
    }
    if !mode.sig {
        t.local_modes.remove(LocalModes::ISIG);
    }
}

/// Does the locale that `LC_ALL`, `LC_CTYPE` or `LANG` name (the first that is not empty) exist and speak UTF-8?
pub fn locale_is_utf8(env: &Env) -> bool {
    let named = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|v| env.get(v.as_bytes()).filter(|v| !v.is_empty()));
    let Ok(name) = std::ffi::CString::new(named.unwrap_or_else(|| b"C".to_vec())) else { return false };
    // SAFETY: rule 1: a NUL-terminated name; the locale is freed after the codeset's name was compared.
    unsafe {
        let locale = libc::newlocale(libc::LC_CTYPE_MASK, name.as_ptr(), std::ptr::null_mut());
        if locale.is_null() {
            return false;
        }
        let codeset = std::ffi::CStr::from_ptr(libc::nl_langinfo_l(libc::CODESET, locale)).to_bytes();
        let utf8 = codeset.eq_ignore_ascii_case(b"utf-8") || codeset.eq_ignore_ascii_case(b"utf8");
        libc::freelocale(locale);
        utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale() {
        let utf8 = |name: &str, value: &str| locale_is_utf8(&Env::new([(name.as_bytes().to_vec(), value.as_bytes().to_vec())]));
        assert!(utf8("LC_ALL", "C.UTF-8") && utf8("LANG", "C.utf8"));
        assert!(!utf8("LANG", "C") && !utf8("LANG", "xx_XX.UTF-8") && !utf8("HOME", "C.UTF-8"));
    }

    /// A terminal of our own: the side that a program sees.
    fn pty() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
        use rustix::{
            fs::{Mode, OFlags, open},
            pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
        };
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        (open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap(), master)
    }

    #[test]
    fn raw_and_back() {
        let (tty, _master) = pty();
        let (number, t) = (std::os::fd::AsRawFd::as_raw_fd(&tty), RealTty::new());
        let modes = || {
            let t = termios::tcgetattr(&tty).unwrap();
            (t.input_modes, t.output_modes, t.local_modes)
        };
        let found = modes();
        assert!(t.is_tty(number));
        assert_eq!((t.window_size(number), t.shell_size(number)), (Ok((0, 0)), Ok((80, 24))));
        t.set_mode(number, TtyMode::RAW).unwrap();
        let raw = modes();
        assert_eq!(found.0 - raw.0, InputModes::ICRNL & found.0);
        assert_eq!((found.1 - raw.1, found.2 - raw.2), (OutputModes::OPOST, LocalModes::ICANON | LocalModes::ECHO));
        t.restore();
        assert_eq!(modes(), found);
        t.resume();
        assert_eq!(modes(), raw);
        t.set_mode(number, TtyMode::COOKED).unwrap();
        assert_eq!(modes(), found);
    }

    #[test]
    fn no_terminal() {
        let (r, _w) = fd::pipe().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&r);
        assert!(!RealTty::new().is_tty(number));
        assert_eq!(RealTty::new().window_size(number), Err(Errno::ENOTTY));
        assert_eq!(RealTty::new().set_mode(number, TtyMode::RAW), Err(Errno::ENOTTY));
    }
}
