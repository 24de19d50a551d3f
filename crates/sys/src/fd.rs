//! Plain operations on file descriptors that a driver holds: pipes, terminals, sockets.
//! All are non-blocking in spirit: they try once (again only after an interrupting signal) and say `EAGAIN`.

use std::{
    io::IoSlice,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::io::retry_on_intr;

use crate::Result;

/// Reads once; 0 is the end.
pub fn read(fd: impl AsFd, buf: &mut [u8]) -> Result<usize> {
    Ok(retry_on_intr(|| rustix::io::read(&fd, &mut *buf))?)
}

/// Writes once and says how much went out.
pub fn write(fd: impl AsFd, data: &[u8]) -> Result<usize> {
    Ok(retry_on_intr(|| rustix::io::write(&fd, data))?)
}

/// Writes once from several places.
pub fn writev(fd: impl AsFd, data: &[IoSlice<'_>]) -> Result<usize> {
    let data = &data[..data.len().min(1024)];
    Ok(retry_on_intr(|| rustix::io::writev(&fd, data))?)
}

/// Switches waiting off or on. It belongs to the open description, so whoever shares it sees it too.
pub fn set_nonblocking(fd: impl AsFd, on: bool) -> Result<()> {
    let mut flags = rustix::fs::fcntl_getfl(&fd)?;
    flags.set(rustix::fs::OFlags::NONBLOCK, on);
    Ok(rustix::fs::fcntl_setfl(&fd, flags)?)
}

/// Is waiting off?
pub fn is_nonblocking(fd: impl AsFd) -> Result<bool> {
    Ok(rustix::fs::fcntl_getfl(&fd)?.contains(rustix::fs::OFlags::NONBLOCK))
}

/// A second descriptor of the same open description, closed on exec.
pub fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// A pipe: (end to read, end to write), both closed on exec.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// The descriptor of that number, if it is open. The caller promises that nobody closes it while the borrow is in use:
/// true of 0, 1 and 2, and of what `{fd, In, Out}` ports are given.
pub fn borrow(fd: RawFd) -> Option<BorrowedFd<'static>> {
    if fd < 0 {
        return None;
    }
    // SAFETY: rule 4: the caller keeps the number open; a number that was never open is refused below.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    rustix::io::fcntl_getfd(borrowed).ok().map(|_| borrowed)
}

/// Takes over the descriptor of that number, if it is open: it is closed with the value. The caller promises that nobody else owns it.
pub fn adopt(fd: RawFd) -> Option<OwnedFd> {
    borrow(fd)?;
    // SAFETY: rule 4: open, and by the caller's promise nobody else's.
    Some(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
}

/// Is it a regular file or a block device, which are always ready and which epoll refuses?
pub fn is_always_ready(fd: impl AsFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|st| {
        let kind = rustix::fs::FileType::from_raw_mode(st.st_mode);
        matches!(kind, rustix::fs::FileType::RegularFile | rustix::fs::FileType::Directory | rustix::fs::FileType::BlockDevice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;

    #[test]
    fn an_empty_pipe_says_eagain() {
        let (r, w) = pipe().unwrap();
        set_nonblocking(&r, true).unwrap();
        let mut buf = [0; 8];
        assert_eq!(read(&r, &mut buf), Err(Errno::EAGAIN));
        assert_eq!(writev(&w, &[IoSlice::new(b"ab"), IoSlice::new(b"c")]), Ok(3));
        assert_eq!(read(&r, &mut buf), Ok(3));
        drop(w);
        assert_eq!(read(&r, &mut buf), Ok(0));
        assert!(borrow(-1).is_none() && borrow(9999).is_none());
    }
}
