//! The real file system, through safe system calls relative to a directory that the node owns.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use rustix::{
    fs::{self, AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps},
    io::{Errno as Os, ReadWriteFlags, retry_on_intr},
};

use super::{Access, Advice, File, FileInfo, FileType, Files, OpenMode, Sink, Whence};
use crate::{Errno, Result};

/// The real files. Relative names start at the process's working directory or, once `set_cwd` was called
/// on an embedded node, at the node's own.
pub struct RealFiles {
    own_cwd: RwLock<Option<Arc<OwnedFd>>>,
    moves_process: bool,
}

impl RealFiles {
    /// `set_cwd` moves the whole operating system process.
    pub fn process() -> RealFiles {
        RealFiles { own_cwd: RwLock::new(None), moves_process: true }
    }

    /// `set_cwd` moves only this value.
    pub fn embedded() -> RealFiles {
        RealFiles { own_cwd: RwLock::new(None), moves_process: false }
    }

    /// Runs `f` with the directory from which relative names count.
    fn at<T>(&self, f: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>) -> Result<T> {
        let own = self.own_cwd.read().clone();
        Ok(f(own.as_ref().map_or(CWD, |fd| fd.as_fd()))?)
    }

    /// Opens a regular file to read it and says its size, if its name and what is said of it are in the system's memory.
    fn open_cached(&self, path: &[u8]) -> Option<Result<(OwnedFd, i64)>> {
        let own = self.own_cwd.read().clone();
        let dir = own.as_ref().map_or(CWD, |fd| fd.as_fd());
        let open = |flags| match fs::openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED) {
            Ok(fd) => Some(Ok(fd)),
            Err(e @ (Os::NOENT | Os::NOTDIR | Os::ACCESS | Os::LOOP | Os::NAMETOOLONG)) => Some(Err(e.into())),
            Err(_) => None,
        };
        // First without opening it really: to open a pipe may take for ever, and others would notice.
        let found = match open(OFlags::PATH)? {
            Ok(fd) => fd,
            Err(e) => return Some(Err(e)),
        };
        if kind_of(fs::fstat(&found).ok()?.st_mode) != FileType::Regular {
            return None;
        }
        let fd = match open(OFlags::RDONLY | OFlags::NOCTTY)? {
            Ok(fd) => fd,
            Err(e) => return Some(Err(e)),
        };
        let st = fs::fstat(&fd).ok()?;
        (kind_of(st.st_mode) == FileType::Regular).then_some(Ok((fd, st.st_size)))
    }

    /// The node's own working directory, if it has left the process's.
    pub(crate) fn own_cwd(&self) -> Option<Arc<OwnedFd>> {
        self.own_cwd.read().clone()
    }
}

fn kind_of(mode: u32) -> FileType {
    match fs::FileType::from_raw_mode(mode) {
        fs::FileType::RegularFile => FileType::Regular,
        fs::FileType::Directory => FileType::Directory,
        fs::FileType::Symlink => FileType::Symlink,
        fs::FileType::CharacterDevice | fs::FileType::BlockDevice => FileType::Device,
        _ => FileType::Other,
    }
}

fn info_of(st: &Stat, access: Access) -> FileInfo {
    FileInfo {
        size: st.st_size as u64,
        kind: kind_of(st.st_mode),
        access,
        atime: st.st_atime,
        mtime: st.st_mtime,
        ctime: st.st_ctime,
        mode: st.st_mode,
        links: st.st_nlink,
        major_device: st.st_dev,
        minor_device: st.st_rdev,
        inode: st.st_ino,
        uid: st.st_uid,
        gid: st.st_gid,
    }
}

impl Files for RealFiles {
    fn open(&self, path: &[u8], mode: OpenMode) -> Result<Arc<dyn File>> {
        let writes = mode.write || mode.append || mode.exclusive;
        let mut flags = OFlags::CLOEXEC | OFlags::NOCTTY;
        flags |= match (mode.read, writes) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        if mode.append {
            flags |= OFlags::APPEND;
        }
        if mode.exclusive {
            flags |= OFlags::EXCL;
        }
        if writes && !mode.directory {
            flags |= OFlags::CREATE;
            if !mode.read && !mode.append && !mode.exclusive {
                flags |= OFlags::TRUNC;
            }
        }
        if mode.sync {
            flags |= OFlags::SYNC;
        }
        let fd = self.at(|dir| retry_on_intr(|| fs::openat(dir, path, flags, Mode::from_raw_mode(0o666))))?;
        if !mode.skip_type_check {
            match (kind_of(fs::fstat(&fd)?.st_mode), mode.directory) {
                (FileType::Directory, false) => return Err(Errno::EISDIR),
                (FileType::Directory, true) | (_, false) => {}
                (_, true) => return Err(Errno::ENOTDIR),
            }
        }
        Ok(self.adopt(fd))
    }

    fn adopt(&self, fd: OwnedFd) -> Arc<dyn File> {
        Arc::new(RealFile { fd: Mutex::new(Some(Arc::new(fd))) })
    }

    fn read_file_to(&self, path: &[u8], to: &mut dyn Sink) -> Result<()> {
        let fd = self.at(|dir| {
            retry_on_intr(|| fs::openat(dir, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()))
        })?;
        let st = fs::fstat(&fd)?;
        if kind_of(st.st_mode) == FileType::Directory {
            return Err(Errno::EISDIR);
        }
        // One byte more than the size, so that the second read already sees the end.
        let mut wanted = usize::try_from(st.st_size).unwrap_or(0).checked_add(1).ok_or(Errno::ENOMEM)?;
        loop {
            let room = to.room(wanted).ok_or(Errno::ENOMEM)?;
            let n = retry_on_intr(|| rustix::io::read(&fd, &mut *room))?;
            to.give_back(wanted - n);
            if n == 0 {
                return Ok(());
            }
            wanted = if n < wanted { wanted - n } else { 64 * 1024 };
        }
    }

    fn read_file_at_once(&self, path: &[u8], to: &mut dyn Sink, most: usize) -> Option<Result<()>> {
        let (fd, size) = match self.open_cached(path)? {
            Ok(opened) => opened,
            Err(e) => return Some(Err(e)),
        };
        // A size of nothing is said of files that are made when they are read.
        let size = usize::try_from(size).ok().filter(|n| (1..=most).contains(n))?;
        let room = to.room(size)?;
        let got = rustix::io::preadv2(&fd, &mut [IoSliceMut::new(room)], 0, ReadWriteFlags::NOWAIT).ok();
        if got != Some(size) {
            to.give_back(size);
            return None;
        }
        Some(Ok(()))
    }

    fn list_dir(&self, path: &[u8]) -> Result<Vec<Vec<u8>>> {
        let fd = self.at(|dir| {
            retry_on_intr(|| fs::openat(dir, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()))
        })?;
        let mut names = Vec::new();
        for entry in fs::Dir::new(fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    fn read_info(&self, path: &[u8], follow: bool) -> Result<FileInfo> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        self.at(|dir| {
            let st = fs::statat(dir, path, flags)?;
            // The question is what the file's user may do, so a dangling link has no access.
            let may = |how| fs::accessat(dir, path, how, AtFlags::empty()).is_ok();
            Ok(info_of(&st, Access::new(may(fs::Access::READ_OK), may(fs::Access::WRITE_OK))))
        })
    }

    fn set_permissions(&self, path: &[u8], mode: u32) -> Result<()> {
        self.at(|dir| fs::chmodat(dir, path, Mode::from_raw_mode(mode & 0o6777), AtFlags::empty()))
    }

    fn set_owner(&self, path: &[u8], uid: i32, gid: i32) -> Result<()> {
        let uid = (uid != -1).then(|| fs::Uid::from_raw(uid as u32));
        let gid = (gid != -1).then(|| fs::Gid::from_raw(gid as u32));
        self.at(|dir| fs::chownat(dir, path, uid, gid, AtFlags::empty()))
    }

    fn set_time(&self, path: &[u8], atime: i64, mtime: i64) -> Result<()> {
        let at = |tv_sec| Timespec { tv_sec, tv_nsec: 0 };
        let times = Timestamps { last_access: at(atime), last_modification: at(mtime) };
        self.at(|dir| fs::utimensat(dir, path, &times, AtFlags::empty()))
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.at(|dir| fs::readlinkat(dir, path, Vec::new())).map(|s| s.into_bytes())
    }

    fn make_hard_link(&self, existing: &[u8], new: &[u8]) -> Result<()> {
        self.at(|dir| fs::linkat(dir, existing, dir, new, AtFlags::empty()))
    }

    fn make_soft_link(&self, target: &[u8], new: &[u8]) -> Result<()> {
        self.at(|dir| fs::symlinkat(target, dir, new))
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> Result<()> {
        // The root cannot be moved; what systems say to that differs.
        let root = |e| if from == b"/" { Os::INVAL } else { e };
        self.at(|dir| fs::renameat(dir, from, dir, to).map_err(not_empty_is_exists).map_err(root))
    }

    fn make_dir(&self, path: &[u8]) -> Result<()> {
        self.at(|dir| fs::mkdirat(dir, path, Mode::from_raw_mode(0o777)))
    }

    fn del_file(&self, path: &[u8]) -> Result<()> {
        // POSIX has eperm for a directory, and so do Erlang's users; Linux says eisdir.
        let posix = |e| if e == Os::ISDIR { Os::PERM } else { e };
        self.at(|dir| fs::unlinkat(dir, path, AtFlags::empty()).map_err(posix))
    }

    fn del_dir(&self, path: &[u8]) -> Result<()> {
        // The current directory, while something is in it, is not one that may be deleted.
        self.at(|dir| fs::unlinkat(dir, path, AtFlags::REMOVEDIR).map_err(not_empty_is_exists).map_err(|e| {
            let same = || {
                let (there, here) = (fs::statat(dir, path, AtFlags::empty()).ok()?, fs::statat(dir, ".", AtFlags::empty()).ok()?);
                Some((there.st_dev, there.st_ino) == (here.st_dev, here.st_ino))
            };
            if e == Os::EXIST && same() == Some(true) { Os::INVAL } else { e }
        }))
    }

    fn cwd(&self) -> Result<Vec<u8>> {
        match self.own_cwd() {
            None => Ok(rustix::process::getcwd(Vec::new())?.into_bytes()),
            Some(fd) => {
                let path = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
                Ok(path.as_os_str().as_bytes().to_vec())
            }
        }
    }

    fn set_cwd(&self, path: &[u8]) -> Result<()> {
        if self.moves_process {
            return Ok(rustix::process::chdir(path)?);
        }
        let fd = self.at(|dir| {
            let fd = fs::openat(dir, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            fs::accessat(&fd, ".", fs::Access::EXEC_OK, AtFlags::empty())?;
            Ok(fd)
        })?;
        *self.own_cwd.write() = Some(Arc::new(fd));
        Ok(())
    }
}

/// Erlang's users know a directory that is not empty as `eexist`.
fn not_empty_is_exists(e: Os) -> Os {
    if e == Os::NOTEMPTY { Os::EXIST } else { e }
}

struct RealFile {
    fd: Mutex<Option<Arc<OwnedFd>>>,
}

impl RealFile {
    fn fd(&self) -> Result<Arc<OwnedFd>> {
        self.fd.lock().clone().ok_or(Errno::EINVAL)
    }
}

/// Calls `once` with what is left of `data` until all is gone.
fn write_all(data: &[IoSlice<'_>], mut once: impl FnMut(&[IoSlice<'_>], usize) -> rustix::io::Result<usize>) -> Result<()> {
    let mut all: Vec<IoSlice<'_>> = data.iter().filter(|s| !s.is_empty()).map(|s| IoSlice::new(s)).collect();
    let mut rest = &mut all[..];
    let mut done = 0;
    while !rest.is_empty() {
        let n = retry_on_intr(|| once(&rest[..rest.len().min(1024)], done))?;
        done += n;
        IoSlice::advance_slices(&mut rest, n);
    }
    Ok(())
}

/// Reads until `buf` is full or the end is there, whatever kind of file it is.
fn read_full(buf: &mut [u8], mut once: impl FnMut(&mut [u8], usize) -> rustix::io::Result<usize>) -> Result<usize> {
    let mut got = 0;
    while got < buf.len() {
        match retry_on_intr(|| once(&mut buf[got..], got)) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if got == 0 => return Err(e.into()),
            Err(_) => break,
        }
    }
    Ok(got)
}

fn offset(n: i64) -> Result<u64> {
    u64::try_from(n).map_err(|_| Errno::EINVAL)
}

impl File for RealFile {
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        let fd = self.fd()?;
        read_full(buf, |part, _| rustix::io::read(&fd, part))
    }

    fn pread(&self, at: i64, buf: &mut [u8]) -> Result<usize> {
        let (fd, at) = (self.fd()?, offset(at)?);
        read_full(buf, |part, done| rustix::io::pread(&fd, part, at + done as u64))
    }

    fn writev(&self, data: &[IoSlice<'_>]) -> Result<()> {
        let fd = self.fd()?;
        write_all(data, |part, _| rustix::io::writev(&fd, part))
    }

    fn pwritev(&self, at: i64, data: &[IoSlice<'_>]) -> Result<()> {
        let (fd, at) = (self.fd()?, offset(at)?);
        write_all(data, |part, done| rustix::io::pwritev(&fd, part, at + done as u64))
    }

    fn seek(&self, whence: Whence, n: i64) -> Result<u64> {
        let to = match whence {
            Whence::Bof => fs::SeekFrom::Start(offset(n)?),
            Whence::Cur => fs::SeekFrom::Current(n),
            Whence::Eof => fs::SeekFrom::End(n),
        };
        Ok(fs::seek(self.fd()?, to)?)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        let fd = self.fd()?;
        Ok(retry_on_intr(|| if data_only { fs::fdatasync(&fd) } else { fs::fsync(&fd) })?)
    }

    fn truncate(&self) -> Result<()> {
        let fd = self.fd()?;
        let at = fs::tell(&fd)?;
        Ok(retry_on_intr(|| fs::ftruncate(&fd, at))?)
    }

    fn allocate(&self, at: i64, length: i64) -> Result<()> {
        let (fd, at, length) = (self.fd()?, offset(at)?, offset(length)?);
        match retry_on_intr(|| fs::fallocate(&fd, fs::FallocateFlags::empty(), at, length)) {
            // A file system that cannot promise room still gets the size.
            Err(Os::OPNOTSUPP | Os::NOSYS) => {
                let end = at.checked_add(length).ok_or(Errno::EFBIG)?;
                if (fs::fstat(&fd)?.st_size as u64) < end {
                    fs::ftruncate(&fd, end)?;
                }
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn advise(&self, at: i64, length: i64, advice: Advice) -> Result<()> {
        let advice = match advice {
            Advice::Normal => fs::Advice::Normal,
            Advice::Random => fs::Advice::Random,
            Advice::Sequential => fs::Advice::Sequential,
            Advice::WillNeed => fs::Advice::WillNeed,
            Advice::DontNeed => fs::Advice::DontNeed,
            Advice::NoReuse => fs::Advice::NoReuse,
        };
        let length = std::num::NonZeroU64::new(offset(length)?);
        Ok(fs::fadvise(self.fd()?, offset(at)?, length, advice)?)
    }

    fn info(&self) -> Result<FileInfo> {
        let st = fs::fstat(self.fd()?)?;
        // Of an open file only the owner's permission bits are asked.
        Ok(info_of(&st, Access::new(st.st_mode & 0o400 != 0, st.st_mode & 0o200 != 0)))
    }

    fn close(&self) -> Result<()> {
        let fd = self.fd.lock().take().ok_or(Errno::EINVAL)?;
        drop(fd);
        Ok(())
    }

    fn raw_fd(&self) -> Option<i32> {
        self.fd.lock().as_ref().map(|fd| fd.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own, removed at the end.
    struct Dir(Vec<u8>);

    impl Dir {
        fn new(name: &str) -> Dir {
            let path = std::env::temp_dir().join(format!("ferrobeam-sys-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            Dir(path.as_os_str().as_bytes().to_vec())
        }

        fn at(&self, name: &str) -> Vec<u8> {
            [&self.0[..], b"/", name.as_bytes()].concat()
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(std::ffi::OsStr::from_bytes(&self.0));
        }
    }

    const RW: OpenMode = OpenMode { write: true, ..OpenMode::READ };

    /// What ERTS (OTP 25) answers to the same calls.
    #[test]
    fn errors_as_prim_file_has_them() {
        let (fs, d) = (RealFiles::process(), Dir::new("errors"));
        fs.open(&d.at("f"), OpenMode::WRITE).unwrap().write(b"hello").unwrap();
        fs.make_dir(&d.at("d")).unwrap();
        fs.open(&d.at("d/x"), OpenMode::WRITE).unwrap();
        let open = |name: &str, mode| fs.open(&d.at(name), mode).map(drop);
        let directory = OpenMode { directory: true, ..OpenMode::READ };
        let exclusive = OpenMode { read: false, exclusive: true, ..OpenMode::READ };
        for (what, answer, expected) in [
            ("open directory", open("d", OpenMode::READ), Err(Errno::EISDIR)),
            ("write directory", open("d", OpenMode::WRITE), Err(Errno::EISDIR)),
            ("directory", open("d", directory), Ok(())),
            ("no directory", open("f", directory), Err(Errno::ENOTDIR)),
            ("exclusive", open("f", exclusive), Err(Errno::EEXIST)),
            ("exclusive and new", open("g", exclusive), Ok(())),
            ("default is read", open("h", OpenMode::default()), Err(Errno::ENOENT)),
            ("del_file of directory", fs.del_file(&d.at("d")), Err(Errno::EPERM)),
            ("del_dir of file", fs.del_dir(&d.at("f")), Err(Errno::ENOTDIR)),
            ("del_dir with content", fs.del_dir(&d.at("d")), Err(Errno::EEXIST)),
            ("rename over directory", fs.rename(&d.at("f"), &d.at("d")), Err(Errno::EISDIR)),
            ("rename directory over file", fs.rename(&d.at("d"), &d.at("f")), Err(Errno::ENOTDIR)),
            ("rename into itself", fs.rename(&d.at("d"), &d.at("d/e")), Err(Errno::EINVAL)),
            ("read_link of file", fs.read_link(&d.at("f")).map(drop), Err(Errno::EINVAL)),
            ("list_dir of file", fs.list_dir(&d.at("f")).map(drop), Err(Errno::ENOTDIR)),
            ("hard link to directory", fs.make_hard_link(&d.at("d"), &d.at("l")), Err(Errno::EPERM)),
            ("read_file of directory", fs.read_file(&d.at("d")).map(drop), Err(Errno::EISDIR)),
            ("set_cwd to file", fs.set_cwd(&d.at("f")), Err(Errno::ENOTDIR)),
            ("empty name", fs.make_dir(b""), Err(Errno::ENOENT)),
            ("NUL in name", fs.make_dir(b"a\0b"), Err(Errno::EINVAL)),
        ] {
            assert_eq!(answer, expected, "{what}");
        }
    }

    #[test]
    fn positions() {
        let (fs, d) = (RealFiles::process(), Dir::new("positions"));
        let f = fs.open(&d.at("s"), RW).unwrap();
        f.writev(&[IoSlice::new(b"01234"), IoSlice::new(b""), IoSlice::new(b"56789")]).unwrap();
        let seek = |w, n| f.seek(w, n);
        assert_eq!([seek(Whence::Bof, 3), seek(Whence::Cur, 2), seek(Whence::Eof, -1)], [Ok(3), Ok(5), Ok(9)]);
        assert_eq!([seek(Whence::Cur, -100), seek(Whence::Bof, -1)], [Err(Errno::EINVAL); 2]);
        let mut buf = [0; 8];
        assert_eq!((f.pread(2, &mut buf[..3]), &buf[..3]), (Ok(3), &b"234"[..]));
        assert_eq!((f.pread(20, &mut buf), f.pread(-1, &mut buf)), (Ok(0), Err(Errno::EINVAL)));
        f.pwrite(12, b"ab").unwrap();
        assert_eq!(fs.read_file(&d.at("s")).unwrap(), b"0123456789\0\0ab");
        f.allocate(0, 100).unwrap();
        assert_eq!((f.info().unwrap().size, f.allocate(0, 0)), (100, Err(Errno::EINVAL)));
        seek(Whence::Bof, 4).unwrap();
        f.truncate().unwrap();
        f.sync(true).and(f.sync(false)).and(f.advise(0, 0, Advice::Random)).unwrap();
        assert_eq!((f.close(), f.close(), f.read(&mut buf)), (Ok(()), Err(Errno::EINVAL), Err(Errno::EINVAL)));
        let f = fs.open(&d.at("s"), OpenMode { append: true, ..OpenMode::READ }).unwrap();
        assert_eq!(f.read(&mut buf).map(|n| buf[..n].to_vec()), Ok(b"0123".to_vec()));
        f.seek(Whence::Bof, 0).unwrap();
        f.write(b"X").unwrap();
        assert_eq!(fs.read_file(&d.at("s")).unwrap(), b"0123X");
        assert_eq!(fs.open(&d.at("s"), OpenMode::READ).unwrap().write(b"a"), Err(Errno::EBADF));
        fs.open(&d.at("s"), OpenMode::WRITE).unwrap();
        assert_eq!(fs.read_info(&d.at("s"), true).unwrap().size, 0, "write alone empties the file");
    }

    /// Whether anything is done at once is the system's affair; what is done must be the same.
    #[test]
    fn at_once_or_not_at_all() {
        let (fs, d) = (RealFiles::process(), Dir::new("at-once"));
        fs.open(&d.at("f"), OpenMode::WRITE).unwrap().write(b"0123456789").unwrap();
        fs.make_dir(&d.at("d")).unwrap();
        fs::mknodat(CWD, d.at("p").as_slice(), fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for other in ["d", "p"] {
            assert!(fs.read_file_at_once(&d.at(other), &mut Vec::new(), 10).is_none(), "no regular file");
        }
        if let Some(r) = fs.read_file_at_once(&d.at("none"), &mut Vec::new(), 10) {
            assert_eq!(r, Err(Errno::ENOENT));
        }
        let mut all = Vec::new();
        match fs.read_file_at_once(&d.at("f"), &mut all, 10) {
            Some(r) => assert_eq!((r, all.as_slice()), (Ok(()), &b"0123456789"[..])),
            None => assert!(all.is_empty()),
        }
        let mut more = Vec::new();
        assert!(fs.read_file_at_once(&d.at("f"), &mut more, 9).is_none() && more.is_empty(), "longer than it may be");
    }

    #[test]
    fn info_and_changes() {
        let (fs, d) = (RealFiles::process(), Dir::new("info"));
        fs.open(&d.at("f"), OpenMode::WRITE).unwrap().write(b"hello").unwrap();
        fs.set_permissions(&d.at("f"), 0o17640).unwrap();
        fs.set_time(&d.at("f"), 100, 200).unwrap();
        fs.set_owner(&d.at("f"), -1, -1).unwrap();
        fs.make_soft_link(b"nowhere", &d.at("l")).unwrap();
        fs.make_hard_link(&d.at("f"), &d.at("h")).unwrap();
        let i = fs.read_info(&d.at("f"), true).unwrap();
        assert_eq!((i.size, i.kind, i.atime, i.mtime, i.mode & 0o1777, i.links), (5, FileType::Regular, 100, 200, 0o640, 2));
        let l = fs.read_info(&d.at("l"), false).unwrap();
        assert_eq!((l.kind, l.size, l.access), (FileType::Symlink, 7, Access::None));
        assert_eq!(fs.read_info(&d.at("l"), true), Err(Errno::ENOENT));
        assert_eq!(fs.read_link(&d.at("l")).unwrap(), b"nowhere");
        assert_eq!(fs.read_info(b"/dev/null", true).unwrap().kind, FileType::Device);
        let mut names = fs.list_dir(&d.0).unwrap();
        names.sort();
        assert_eq!(names, [b"f", b"h", b"l"]);
        assert!(fs.read_file(b"/proc/self/status").unwrap().len() > 100);
        assert_eq!(fs.read_file(b"/dev/null").unwrap(), b"");
    }

    #[test]
    fn an_embedded_node_has_its_own_directory() {
        let (fs, d) = (RealFiles::embedded(), Dir::new("cwd"));
        let before = fs.cwd().unwrap();
        fs.set_cwd(&d.0).unwrap();
        fs.make_dir(b"x").unwrap();
        fs.set_cwd(b"x").unwrap();
        assert_eq!(fs.cwd().unwrap(), d.at("x"));
        assert_eq!(fs.set_cwd(b"y"), Err(Errno::ENOENT));
        assert_eq!(RealFiles::embedded().cwd().unwrap(), before);
    }

    #[test]
    fn many_threads_one_file() {
        let (fs, d) = (RealFiles::process(), Dir::new("threads"));
        let f = fs.open(&d.at("f"), RW).unwrap();
        std::thread::scope(|s| {
            for n in 0..4u8 {
                let f = &f;
                s.spawn(move || (0..100).try_for_each(|i| f.pwrite(i * 4 + i64::from(n), &[n])));
            }
        });
        assert_eq!(fs.read_file(&d.at("f")).unwrap(), [0, 1, 2, 3].repeat(100));
    }
}
