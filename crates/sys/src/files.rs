//! Files: what `prim_file` does, as Rust values. `Files` names files by path, `File` is an open one.
//! Names are bytes, as the operating system has them. Not here: buffering, encodings of names, ownership by a process.

mod real;

use std::{io::IoSlice, sync::Arc};

use crate::Result;
pub use real::RealFiles;

/// How to open a file. With neither `read` nor anything that writes it is opened for reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    pub read: bool,
    /// Creates the file, and empties it unless `read`, `append` or `exclusive` is given too.
    pub write: bool,
    /// Every write goes to the end; creates the file, never empties it.
    pub append: bool,
    /// Fails with `eexist` if there is such a file; otherwise as `write`.
    pub exclusive: bool,
    /// Data is on the disk when a write returns.
    pub sync: bool,
    /// Wants a directory (`enotdir` otherwise); without it a directory is refused with `eisdir`.
    pub directory: bool,
    /// Do not look at what kind of file it is.
    pub skip_type_check: bool,
}

impl OpenMode {
    pub const READ: OpenMode = OpenMode {
        read: true,
        write: false,
        append: false,
        exclusive: false,
        sync: false,
        directory: false,
        skip_type_check: false,
    };
    pub const WRITE: OpenMode = OpenMode { read: false, write: true, ..OpenMode::READ };
}

/// Where an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    Bof,
    Cur,
    Eof,
}

/// Advice about the use to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    Normal,
    Random,
    Sequential,
    WillNeed,
    DontNeed,
    NoReuse,
}

/// `#file_info.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    Device,
    Directory,
    Regular,
    Symlink,
    Other,
}

impl FileType {
    /// The atom's name.
    pub fn name(self) -> &'static str {
        match self {
            FileType::Device => "device",
            FileType::Directory => "directory",
            FileType::Regular => "regular",
            FileType::Symlink => "symlink",
            FileType::Other => "other",
        }
    }
}

/// `#file_info.access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    None,
    Read,
    Write,
    ReadWrite,
}

impl Access {
    pub fn new(read: bool, write: bool) -> Access {
        match (read, write) {
            (false, false) => Access::None,
            (true, false) => Access::Read,
            (false, true) => Access::Write,
            (true, true) => Access::ReadWrite,
        }
    }

    /// The atom's name.
    pub fn name(self) -> &'static str {
        match self {
            Access::None => "none",
            Access::Read => "read",
            Access::Write => "write",
            Access::ReadWrite => "read_write",
        }
    }
}

/// The fields of `#file_info`, in its order; times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    pub size: u64,
    pub kind: FileType,
    pub access: Access,
    pub atime: i64,
    pub mtime: i64,
    pub ctime: i64,
    pub mode: u32,
    pub links: u64,
    pub major_device: u64,
    pub minor_device: u64,
    pub inode: u64,
    pub uid: u32,
    pub gid: u32,
}

/// Where the content of a file goes.
pub trait Sink {
    /// `n` more bytes, to be overwritten. `None`: there is no memory for them.
    fn room(&mut self, n: usize) -> Option<&mut [u8]>;
    /// The last `n` of the bytes are not content.
    fn give_back(&mut self, n: usize);
}

impl Sink for Vec<u8> {
    fn room(&mut self, n: usize) -> Option<&mut [u8]> {
        let len = self.len();
        self.try_reserve(n).ok()?;
        self.resize(len + n, 0);
        self.get_mut(len..)
    }
    fn give_back(&mut self, n: usize) {
        self.truncate(self.len().saturating_sub(n));
    }
}

/// Everything that is done to files by their name.
pub trait Files: Send + Sync {
    fn open(&self, path: &[u8], mode: OpenMode) -> Result<Arc<dyn File>>;
    /// Takes over a descriptor that is open already (`file_desc_to_ref`): it is closed with the file.
    fn adopt(&self, fd: std::os::fd::OwnedFd) -> Arc<dyn File>;
    /// The whole content, also of files whose size is not known beforehand (`/proc`).
    fn read_file_to(&self, path: &[u8], to: &mut dyn Sink) -> Result<()>;
    fn read_file(&self, path: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_file_to(path, &mut bytes)?;
        Ok(bytes)
    }
    /// `read_file_to` of at most so many bytes, where nothing need be waited for: name and content are in the system's memory. `None`: that
    /// is not so, or not known; nothing was given to `to`.
    fn read_file_at_once(&self, path: &[u8], to: &mut dyn Sink, most: usize) -> Option<Result<()>>;
    /// The names in a directory, without `.` and `..`, in no particular order.
    fn list_dir(&self, path: &[u8]) -> Result<Vec<Vec<u8>>>;
    /// `follow`: of what a symbolic link points to rather than of the link.
    fn read_info(&self, path: &[u8], follow: bool) -> Result<FileInfo>;
    /// Sets the permission bits and set-id bits; other bits of `mode` are ignored.
    fn set_permissions(&self, path: &[u8], mode: u32) -> Result<()>;
    /// -1 leaves a part as it is.
    fn set_owner(&self, path: &[u8], uid: i32, gid: i32) -> Result<()>;
    fn set_time(&self, path: &[u8], atime: i64, mtime: i64) -> Result<()>;
    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>>;
    fn make_hard_link(&self, existing: &[u8], new: &[u8]) -> Result<()>;
    fn make_soft_link(&self, target: &[u8], new: &[u8]) -> Result<()>;
    fn rename(&self, from: &[u8], to: &[u8]) -> Result<()>;
    fn make_dir(&self, path: &[u8]) -> Result<()>;
    fn del_file(&self, path: &[u8]) -> Result<()>;
    fn del_dir(&self, path: &[u8]) -> Result<()>;
    fn cwd(&self) -> Result<Vec<u8>>;
    fn set_cwd(&self, path: &[u8]) -> Result<()>;
}

/// An open file. Any thread may use it at any time; a call that is under way when it is closed finishes.
/// On a closed file every call says `einval`.
pub trait File: Send + Sync {
    /// Reads at the file's position; less than asked for means the end is near, 0 that it is reached.
    fn read(&self, buf: &mut [u8]) -> Result<usize>;
    /// Reads elsewhere, without moving the position.
    fn pread(&self, offset: i64, buf: &mut [u8]) -> Result<usize>;
    /// Writes all of it at the position.
    fn writev(&self, data: &[IoSlice<'_>]) -> Result<()>;
    /// Writes all of it elsewhere, without moving the position.
    fn pwritev(&self, offset: i64, data: &[IoSlice<'_>]) -> Result<()>;
    /// Moves the position and answers it, from the beginning.
    fn seek(&self, whence: Whence, offset: i64) -> Result<u64>;
    /// Brings content (and, unless `data_only`, metadata) to the disk.
    fn sync(&self, data_only: bool) -> Result<()>;
    /// Cuts the file at its position.
    fn truncate(&self) -> Result<()>;
    fn allocate(&self, offset: i64, length: i64) -> Result<()>;
    fn advise(&self, offset: i64, length: i64, advice: Advice) -> Result<()>;
    fn info(&self) -> Result<FileInfo>;
    /// The second close is an error (`einval`).
    fn close(&self) -> Result<()>;
    /// The descriptor's number, for `sendfile` and `get_handle`; none in a simulated world or when closed.
    fn raw_fd(&self) -> Option<i32>;

    fn write(&self, data: &[u8]) -> Result<()> {
        self.writev(&[IoSlice::new(data)])
    }

    fn pwrite(&self, offset: i64, data: &[u8]) -> Result<()> {
        self.pwritev(offset, &[IoSlice::new(data)])
    }
}
