//! Driver `ram_file_drv`: a file in memory, with a position (`file:open(Data, [ram])`).

use crate::driver::{Driver, Io, OpenError, Opening};
use sys::Errno;

/// Commands: the first byte.
mod op {
    pub const OPEN: u8 = 1;
    pub const READ: u8 = 2;
    pub const LSEEK: u8 = 3;
    pub const WRITE: u8 = 4;
    pub const FSYNC: u8 = 9;
    pub const TRUNCATE: u8 = 14;
    pub const PREAD: u8 = 17;
    pub const PWRITE: u8 = 18;
    pub const FDATASYNC: u8 = 19;
    pub const GET: u8 = 30;
    pub const SIZE: u8 = 37;
    pub const ADVISE: u8 = 38;
    pub const ALLOCATE: u8 = 39;
}

const MODE_READ: u32 = 1;
const MODE_WRITE: u32 = 2;

/// Larger files are refused: positions are 32 bits with a sign.
const MAX: usize = i32::MAX as usize;

enum Answer {
    Ok,
    Number(usize),
    Data(Vec<u8>),
}

#[derive(Default)]
struct RamFile {
    data: Vec<u8>,
    at: usize,
    mode: u32,
}

pub(crate) fn start(_io: &mut Io, _opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    Ok(Box::new(RamFile::default()))
}

/// A 32-bit number at a place of a command.
fn number(data: &[u8], at: usize) -> Result<i64, Errno> {
    let bytes = data.get(at..at + 4).ok_or(Errno::EINVAL)?;
    Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into())
}

fn offset(n: i64) -> Result<usize, Errno> {
    usize::try_from(n).map_err(|_| Errno::EINVAL)
}

impl RamFile {
    fn read(&self, at: usize, size: usize) -> Result<Vec<u8>, Errno> {
        if self.mode & MODE_READ == 0 {
            return Err(Errno::EBADF);
        }
        let from = at.min(self.data.len());
        Ok(self.data[from..from.saturating_add(size).min(self.data.len())].to_vec())
    }
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        if self.mode & MODE_WRITE == 0 {
            return Err(Errno::EBADF);
        }
        let end = at.checked_add(bytes.len()).filter(|&e| e <= MAX).ok_or(Errno::EFBIG)?;
        if !bytes.is_empty() {
            if self.data.len() < end {
                self.data.resize(end, 0);
            }
            self.data[at..end].copy_from_slice(bytes);
        }
        Ok(())
    }
    fn answer(&mut self, command: &[u8]) -> Result<Answer, Errno> {
        let (&operation, rest) = command.split_first().ok_or(Errno::EINVAL)?;
        match operation {
            op::OPEN => {
                self.mode = number(rest, 0)? as u32;
                self.data = rest[4..].to_vec();
                self.at = 0;
                Ok(Answer::Number(0))
            }
            op::READ => {
                let data = self.read(self.at, offset(number(rest, 0)?)?)?;
                self.at += data.len();
                Ok(Answer::Data(data))
            }
            op::PREAD => {
                let (at, size) = (offset(number(rest, 0)?)?, offset(number(rest, 4)?)?);
                self.read(at, size).map(Answer::Data)
            }
            op::WRITE => {
                self.write(self.at, rest)?;
                self.at += rest.len();
                Ok(Answer::Number(rest.len()))
            }
            op::PWRITE => {
                let at = offset(number(rest, 0)?)?;
                self.write(at, &rest[4..])?;
                Ok(Answer::Number(rest.len() - 4))
            }
            op::LSEEK => {
                let n = number(rest, 0)?;
                let base = match number(rest, 4)? {
                    0 => 0,
                    1 => self.at,
                    2 => self.data.len(),
                    _ => return Err(Errno::EINVAL),
                };
                self.at = offset(base as i64 + n)?;
                Ok(Answer::Number(self.at))
            }
            op::TRUNCATE => {
                if self.mode & MODE_WRITE == 0 {
                    return Err(Errno::EACCES);
                }
                self.data.resize(self.at.min(MAX), 0);
                Ok(Answer::Ok)
            }
            op::GET => Ok(Answer::Data(self.data.clone())),
            op::SIZE => Ok(Answer::Number(self.data.len())),
            op::FSYNC | op::FDATASYNC | op::ADVISE | op::ALLOCATE => Ok(Answer::Ok),
            _ => Err(Errno::EINVAL),
        }
    }
}

impl Driver for RamFile {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let length = |n: usize| (n as u32).to_be_bytes();
        match self.answer(&data) {
            Ok(Answer::Ok) => io.headed(&[0], None),
            Ok(Answer::Number(n)) => io.headed(&[&[3][..], &length(n)].concat(), None),
            Ok(Answer::Data(data)) => io.headed(&[&[2][..], &length(data.len())].concat(), Some(&data)),
            Err(e) => io.headed(&[&[1][..], e.name().as_bytes()].concat(), None),
        }
    }
}
