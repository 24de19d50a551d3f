//! Programs started by a node: pipes to them, their end, and nothing of ours that leaks into them.
//! A child leads its own session, begins with default signals and an empty mask, and has only the descriptors it was given.
//! Not here: framing of what goes through the pipes, messages, the port's life.

use std::{
    ffi::CString,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    os::raw::{c_char, c_int},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags},
    fs::{self, AtFlags, CWD},
    io::Errno as Os,
    process::{Pid, PidfdFlags, WaitId, WaitIdOptions},
};

use crate::{Errno, Result, fd, files::RealFiles};

/// What to run.
#[derive(Clone, Debug)]
pub enum Program {
    /// A line for `/bin/sh -c`, which replaces itself by the program.
    Shell(Vec<u8>),
    /// A file; it is not searched for. `arg0` is the name it sees, its own if absent.
    File { path: Vec<u8>, arg0: Option<Vec<u8>>, args: Vec<Vec<u8>> },
}

/// How to run it.
#[derive(Clone, Debug)]
pub struct Command {
    pub program: Program,
    /// The child's whole environment (the node's, with the port's changes).
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where it starts; the node's directory if absent.
    pub cd: Option<Vec<u8>>,
    /// We read what it writes.
    pub read: bool,
    /// We write what it reads.
    pub write: bool,
    /// The pipes are its descriptors 0 and 1; otherwise 3 and 4.
    pub use_stdio: bool,
    pub stderr_to_stdout: bool,
}

impl Command {
    /// A program with pipes on its standard input and output and an empty environment.
    pub fn new(program: Program) -> Command {
        Command { program, env: Vec::new(), cd: None, read: true, write: true, use_stdio: true, stderr_to_stdout: false }
    }
}

/// Starts programs.
pub trait Children: Send + Sync {
    /// Starts one. Errors: `enoent` and `eacces` of the program's file, `einval` for a NUL byte, `emfile`, `eagain`, `enomem`.
    /// What fails later (a directory that is not there, a file that is no program) is a child that ends with the error's number.
    fn spawn(&self, command: &Command) -> Result<Child>;
}

/// A started program. Dropped before its end, it is reaped by a thread that is there as long as there are such.
pub struct Child {
    pid: u32,
    /// Our end of the pipe that it writes to; non-blocking.
    pub read: Option<OwnedFd>,
    /// Our end of the pipe that it reads from; non-blocking.
    pub write: Option<OwnedFd>,
    end: End,
    orphans: Weak<Orphans>,
}

enum End {
    /// Readable when the child has ended.
    Running(OwnedFd),
    /// Its end was seen; the descriptor stays, so that whoever watches it may forget it in peace.
    Over(Option<OwnedFd>, i32),
}

/// Programs that nobody waits for.
#[derive(Default)]
struct Orphans(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Readable when the program has ended.
    pidfds: Vec<OwnedFd>,
    /// The reaper's call, while it runs.
    reaper: Option<Arc<OwnedFd>>,
}

impl Orphans {
    fn take(self: Arc<Self>, pidfd: OwnedFd) {
        let mut waiting = self.0.lock();
        waiting.pidfds.push(pidfd);
        if let Some(call) = &waiting.reaper {
            let _ = rustix::io::write(call, &1u64.to_ne_bytes());
            return;
        }
        // Without a thread it is left to the next spawn.
        let Ok(call) = rustix::event::eventfd(0, EventfdFlags::CLOEXEC) else { return };
        let call = Arc::new(call);
        let (orphans, theirs) = (self.clone(), call.clone());
        if std::thread::Builder::new().name("reaper".into()).spawn(move || orphans.reaper(&theirs)).is_ok() {
            waiting.reaper = Some(call);
        }
    }
    fn reaper(&self, call: &OwnedFd) {
        let mut mine = Vec::new();
        loop {
            let mut waiting = self.0.lock();
            mine.append(&mut waiting.pidfds);
            mine.retain(still_runs);
            if mine.is_empty() {
                waiting.reaper = None;
                return;
            }
            drop(waiting);
            let mut fds: Vec<PollFd<'_>> = [call].into_iter().chain(&mine).map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            if rustix::event::poll(&mut fds, None).is_ok() && !fds[0].revents().is_empty() {
                let _ = rustix::io::read(call, &mut [0u8; 8]);
            }
        }
    }
}

fn still_runs(pidfd: &OwnedFd) -> bool {
    matches!(reap(pidfd.as_fd()), Ok(None))
}

impl Child {
    /// Its process id; 0 for a child that failed before it became a program.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A descriptor that becomes readable when the child ends; `None` if it has no process.
    pub fn exit_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.end {
            End::Running(fd) | End::Over(Some(fd), _) => Some(fd.as_fd()),
            End::Over(None, _) => None,
        }
    }

    /// The exit status if it has ended: the code, or 128 + signal. Never waits.
    pub fn try_wait(&mut self) -> Result<Option<i32>> {
        let End::Running(pidfd) = &self.end else {
            let End::Over(_, status) = &self.end else { return Ok(None) };
            return Ok(Some(*status));
        };
        let Some(status) = reap(pidfd.as_fd())? else { return Ok(None) };
        let old = std::mem::replace(&mut self.end, End::Over(None, status));
        if let End::Running(fd) = old {
            self.end = End::Over(Some(fd), status);
        }
        Ok(Some(status))
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<i32> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if let Some(fd) = self.exit_fd() {
                crate::poll::wait_one(fd, crate::poll::Interest::READ, None)?;
            }
        }
    }

    /// Sends it a signal; `esrch` if it is gone.
    pub fn kill(&self, signal: i32) -> Result<()> {
        let End::Running(pidfd) = &self.end else { return Err(Errno::ESRCH) };
        let signal = rustix::process::Signal::from_named_raw(signal).ok_or(Errno::EINVAL)?;
        Ok(rustix::process::pidfd_send_signal(pidfd, signal)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.try_wait() {
            return;
        }
        let End::Running(pidfd) = &self.end else { return };
        if let (Some(orphans), Ok(pidfd)) = (self.orphans.upgrade(), fd::duplicate(pidfd)) {
            orphans.take(pidfd);
        }
    }
}

/// Collects an ended child of ours, and nobody else's.
fn reap(pidfd: BorrowedFd<'_>) -> Result<Option<i32>> {
    match rustix::process::waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
        Ok(None) => Ok(None),
        Ok(Some(status)) => Ok(Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => 0,
        })),
        // Somebody else in this program took it (a host that reaps all its children).
        Err(Os::CHILD) => Ok(Some(0)),
        Err(Os::INTR) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Real programs, through `posix_spawn`: it shares memory until the exec, so a large node starts them as fast as a small one.
pub struct RealChildren {
    files: Arc<RealFiles>,
    orphans: Arc<Orphans>,
}

impl RealChildren {
    /// `files` tells in which directory the node is.
    pub fn new(files: Arc<RealFiles>) -> RealChildren {
        RealChildren { files, orphans: Arc::default() }
    }
}

impl Children for RealChildren {
    fn spawn(&self, command: &Command) -> Result<Child> {
        self.orphans.0.lock().pidfds.retain(still_runs);
        let own_cwd = self.files.own_cwd();
        let shell = b"/bin/sh".to_vec();
        let (path, argv) = match &command.program {
            Program::Shell(line) => (&shell, vec![b"sh".to_vec(), b"-c".to_vec(), [b"exec ", &line[..]].concat()]),
            Program::File { path, arg0, args } => {
                let mut argv = vec![arg0.clone().unwrap_or_else(|| path.clone())];
                argv.extend(args.iter().cloned());
                (path, argv)
            }
        };
        // As seen from the node's directory; the exec itself happens in the child's.
        let dir = own_cwd.as_ref().map_or(CWD, |d| d.as_fd());
        fs::accessat(dir, path, fs::Access::EXISTS, AtFlags::empty())?;
        fs::accessat(dir, path, fs::Access::EXEC_OK, AtFlags::empty())?;

        let mut spawn = Spawn::new()?;
        let (mut ours_read, mut ours_write, mut theirs) = (None, None, Vec::new());
        let (fd_in, fd_out) = if command.use_stdio { (0, 1) } else { (3, 4) };
        if command.read {
            let (r, w) = high_pipe()?;
            fd::set_nonblocking(&r, true)?;
            spawn.dup2(w.as_raw_fd(), fd_out)?;
            if command.stderr_to_stdout && command.use_stdio {
                spawn.dup2(w.as_raw_fd(), 2)?;
            }
            theirs.push(w);
            ours_read = Some(r);
        }
        if command.write {
            let (r, w) = high_pipe()?;
            fd::set_nonblocking(&w, true)?;
            spawn.dup2(r.as_raw_fd(), fd_in)?;
            theirs.push(r);
            ours_write = Some(w);
        }
        if let Some(dir) = &own_cwd {
            spawn.fchdir(dir.as_raw_fd())?;
        }
        if let Some(dir) = &command.cd {
            spawn.chdir(&c_string(dir)?)?;
        }
        if !command.use_stdio {
            // Between the two pipes' numbers nothing may remain that happened to be there.
            for (given, number) in [(command.write, 3), (command.read, 4)] {
                if !given {
                    spawn.close(number)?;
                }
            }
        }
        spawn.close_from(if command.use_stdio { 3 } else { 5 })?;

        let argv = argv.iter().map(|a| c_string(a)).collect::<Result<Vec<_>>>()?;
        let env = command.env.iter().map(|(k, v)| c_string(&[k, &b"="[..], v].concat())).collect::<Result<Vec<_>>>()?;
        let orphans = Arc::downgrade(&self.orphans);
        let (path, mut own) = (c_string(path)?, crate::signals::own_children());
        let (pid, end) = match spawn.run(&path, &argv, &env) {
            Ok(pid) => {
                own.note(pid);
                (pid, End::Running(pidfd(pid)?))
            }
            Err(e @ (Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE)) => return Err(e),
            Err(e) => (0, End::Over(None, e.0)),
        };
        Ok(Child { pid, read: ours_read, write: ours_write, end, orphans })
    }
}

fn c_string(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

/// A pipe whose ends have numbers that no child's descriptor will get, so that the order of `dup2` does not matter.
fn high_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (r, w) = fd::pipe()?;
    Ok((above_standard(r)?, above_standard(w)?))
}

fn above_standard(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 4 { Ok(fd) } else { Ok(rustix::io::fcntl_dupfd_cloexec(&fd, 5)?) }
}

/// A descriptor that tells the end of a child.
fn pidfd(pid: u32) -> Result<OwnedFd> {
    let pid = Pid::from_raw(pid as i32).ok_or(Errno::ESRCH)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// The actions and attributes of one `posix_spawn`.
struct Spawn {
    actions: libc::posix_spawn_file_actions_t,
    attributes: libc::posix_spawnattr_t,
}

unsafe extern "C" {
    fn posix_spawn_file_actions_addclosefrom_np(actions: *mut libc::posix_spawn_file_actions_t, from: c_int) -> c_int;
    fn posix_spawn_file_actions_addchdir_np(actions: *mut libc::posix_spawn_file_actions_t, path: *const c_char) -> c_int;
    fn posix_spawn_file_actions_addfchdir_np(actions: *mut libc::posix_spawn_file_actions_t, fd: c_int) -> c_int;
}

/// The interface's functions answer the error's number.
fn check(code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Errno(code)) }
}

impl Spawn {
    fn new() -> Result<Box<Spawn>> {
        // Boxed, since the C library may keep its address.
        // SAFETY: rule 1: both are plain C structures that the calls below initialise before any other use.
        let mut s = Box::new(Spawn { actions: unsafe { std::mem::zeroed() }, attributes: unsafe { std::mem::zeroed() } });
        // SAFETY: rule 1: pointers into the live box.
        unsafe {
            check(libc::posix_spawn_file_actions_init(&mut s.actions))?;
            check(libc::posix_spawnattr_init(&mut s.attributes))?;
            let mut signals: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut signals);
            check(libc::posix_spawnattr_setsigmask(&mut s.attributes, &signals))?;
            // Every bit: `sigfillset` leaves out the C library's own two, which the child would then ignore.
            (&raw mut signals).write_bytes(0xFF, 1);
            check(libc::posix_spawnattr_setsigdefault(&mut s.attributes, &signals))?;
            let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSID as c_int;
            check(libc::posix_spawnattr_setflags(&mut s.attributes, flags as i16))?;
        }
        Ok(s)
    }

    fn dup2(&mut self, from: RawFd, to: RawFd) -> Result<()> {
        // SAFETY: rule 1: initialised actions.
        check(unsafe { libc::posix_spawn_file_actions_adddup2(&mut self.actions, from, to) })
    }

    fn close(&mut self, fd: RawFd) -> Result<()> {
        // SAFETY: rule 1: initialised actions.
        check(unsafe { libc::posix_spawn_file_actions_addclose(&mut self.actions, fd) })
    }

    fn close_from(&mut self, first: RawFd) -> Result<()> {
        // SAFETY: rule 1: initialised actions.
        check(unsafe { posix_spawn_file_actions_addclosefrom_np(&mut self.actions, first) })
    }

    fn chdir(&mut self, path: &CString) -> Result<()> {
        // SAFETY: rule 1: initialised actions; the C library copies the string.
        check(unsafe { posix_spawn_file_actions_addchdir_np(&mut self.actions, path.as_ptr()) })
    }

    fn fchdir(&mut self, fd: RawFd) -> Result<()> {
        // SAFETY: rule 1: initialised actions.
        check(unsafe { posix_spawn_file_actions_addfchdir_np(&mut self.actions, fd) })
    }

    fn run(&self, path: &CString, argv: &[CString], env: &[CString]) -> Result<u32> {
        let pointers = |list: &[CString]| -> Vec<*mut c_char> {
            list.iter().map(|s| s.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect()
        };
        let (argv, env) = (pointers(argv), pointers(env));
        let mut pid = 0;
        // SAFETY: rules 1 and 2: NUL-terminated strings and NULL-terminated lists that outlive the call; the C library
        // does between fork and exec only what the actions say.
        check(unsafe {
            libc::posix_spawn(&mut pid, path.as_ptr(), &self.actions, &self.attributes, argv.as_ptr(), env.as_ptr())
        })?;
        Ok(pid as u32)
    }
}

impl Drop for Spawn {
    fn drop(&mut self) {
        // SAFETY: rule 1: both were initialised; a zeroed one that was not is freed as an empty one.
        unsafe {
            libc::posix_spawn_file_actions_destroy(&mut self.actions);
            libc::posix_spawnattr_destroy(&mut self.attributes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Interest, wait_one};
    use std::time::{Duration, Instant};

    fn children() -> RealChildren {
        RealChildren::new(Arc::new(RealFiles::process()))
    }

    fn all_of(child: &mut Child) -> String {
        let (mut text, mut buf) = (Vec::new(), [0; 4096]);
        let fd = child.read.take().unwrap();
        loop {
            wait_one(&fd, Interest::READ, None).unwrap();
            match fd::read(&fd, &mut buf).unwrap() {
                0 => return String::from_utf8(text).unwrap(),
                n => text.extend_from_slice(&buf[..n]),
            }
        }
    }

    fn sh(script: &str) -> Command {
        let args = vec![b"-c".to_vec(), script.into()];
        let mut c = Command::new(Program::File { path: b"/bin/sh".into(), arg0: None, args });
        c.env = vec![(b"A".to_vec(), b"1".to_vec()), (b"PATH".to_vec(), b"/usr/bin:/bin".to_vec())];
        c
    }

    #[test]
    fn clean_surroundings() {
        let mut c = sh("echo $A-$HOME; ls /proc/self/fd | tr '\\n' ' '; grep SigIgn /proc/$$/status");
        c.write = false;
        let mut child = children().spawn(&c).unwrap();
        assert_eq!(all_of(&mut child), "1-\n0 1 2 3 SigIgn:\t0000000000000000\n");
        assert_eq!(child.wait(), Ok(0));
    }

    #[test]
    fn statuses() {
        let status = |c: Command| children().spawn(&c).map(|mut child| child.wait().unwrap());
        assert_eq!(status(sh("exit 7")), Ok(7));
        assert_eq!(status(sh("kill -9 $$")), Ok(137));
        assert_eq!(status(Command::new(Program::Shell(b"exit 7".into()))), Ok(127));
        let file = |path: &[u8]| Command::new(Program::File { path: path.into(), arg0: None, args: vec![] });
        assert_eq!(status(file(b"/nope")), Err(Errno::ENOENT));
        assert_eq!(status(file(b"/etc/passwd")), Err(Errno::EACCES));
        assert_eq!(status(file(b"/tmp")), Ok(13));
        let mut c = sh("echo a");
        c.cd = Some(b"/nope".into());
        assert_eq!(status(c), Ok(2));
    }

    #[test]
    fn nobody_waits_for_it() {
        let children = children();
        let pids: Vec<u32> = ["sleep 0.1", "sleep 0.2", "true"].map(|c| children.spawn(&sh(c)).unwrap().pid()).into();
        let left = || pids.iter().filter(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists()).count();
        let began = Instant::now();
        while left() > 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "{} are left", left());
            std::thread::sleep(Duration::from_millis(10));
        }
        while children.orphans.0.lock().reaper.is_some() {
            assert!(began.elapsed() < Duration::from_secs(20), "the thread ends with them");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn pipes_and_directory() {
        let mut c = sh("read x; pwd; echo $0 got $x >&4");
        c.program = match c.program {
            Program::File { path, args, .. } => Program::File { path, arg0: None, args: [args, vec![b"me".to_vec()]].concat() },
            other => other,
        };
        (c.use_stdio, c.cd) = (false, Some(b"/usr".into()));
        let Program::File { args, .. } = &mut c.program else { return };
        args[1] = b"read x <&3; pwd >&4; echo $0 got $x >&4".to_vec();
        let mut child = children().spawn(&c).unwrap();
        fd::write(child.write.as_ref().unwrap(), b"hello\n").unwrap();
        assert_eq!(all_of(&mut child), "/usr\nme got hello\n");
        assert_eq!(child.wait(), Ok(0));
        assert_eq!(child.try_wait(), Ok(Some(0)));
        assert_eq!(child.kill(9), Err(Errno::ESRCH));
    }
}
