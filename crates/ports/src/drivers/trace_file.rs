//! Driver `trace_file_drv`: a tracer's messages into a file, or a circle of files (`dbg:trace_port/2`, `fprof`). OTP has it as a
//! library of `runtime_tools`; it is there from the start here.
//!
//! The command is `trace_file_drv n Name`, or `trace_file_drv w Size Count Time Length n Name`: files `Name[..Length] Number Name[Length..]` of
//! about so many bytes or milliseconds, of which so many are kept. A record is a byte 0, the length as 32 bits, and the term in external format.

use crate::driver::{Control, Driver, Io, OpenError, Opening};
use crate::table::Name;
use std::sync::Arc;
use std::time::Instant;
use sys::files::{File, OpenMode};

/// Bytes that are kept back before they are written.
const BUFFER: usize = 1 << 16;

struct Wrap {
    size: usize,
    /// Files that are kept; their numbers go around through one more, so that the gap tells where the oldest is.
    count: u64,
    time_ms: u128,
    length: usize,
    now: u64,
    written: usize,
    since: Instant,
}

struct TraceFile {
    name: Vec<u8>,
    wrap: Option<Wrap>,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
}

impl Wrap {
    fn path(&self, name: &[u8], number: u64) -> Vec<u8> {
        let (front, tail) = name.split_at(self.length.min(name.len()));
        [front, number.to_string().as_bytes(), tail].concat()
    }
}

/// The words of the command, and what stands behind `n `.
fn parse(command: &[u8]) -> Option<(Vec<u64>, Vec<u8>)> {
    let at = command.windows(3).position(|w| w == b" n ")?;
    let text = std::str::from_utf8(&command[..at]).ok()?;
    let mut words = text.split_whitespace().skip(1);
    let numbers = match words.next() {
        None => Vec::new(),
        Some("w") => words.map(|w| w.parse().ok()).collect::<Option<Vec<u64>>>()?,
        Some(_) => return None,
    };
    Some((numbers, command[at + 3..].to_vec()))
}

pub(crate) fn start(io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let (Name::Spawn(command) | Name::SpawnDriver(command)) = opening.name else { return Err(OpenError::BadArg) };
    let (numbers, name) = parse(command).ok_or(OpenError::BadArg)?;
    let wrap = match numbers[..] {
        [] => None,
        [size, count, time, length] => Some(Wrap {
            size: size as usize,
            count,
            time_ms: time.into(),
            length: length as usize,
            now: 0,
            written: 0,
            since: Instant::now(),
        }),
        _ => return Err(OpenError::BadArg),
    };
    let path = wrap.as_ref().map_or(name.clone(), |w| w.path(&name, 0));
    let file = io.world().files.open(&path, OpenMode::WRITE).map_err(OpenError::Posix)?;
    file.truncate().map_err(OpenError::Posix)?;
    Ok(Box::new(TraceFile { name, wrap, file, buffer: Vec::new() }))
}

impl TraceFile {
    fn write_out(&mut self) -> bool {
        self.file.write(&std::mem::take(&mut self.buffer)).is_ok()
    }
    /// The next file of the circle.
    fn turn(&mut self, io: &Io) {
        self.write_out();
        let Some(w) = &mut self.wrap else { return };
        let around = w.count + 1;
        w.now = (w.now + 1) % around;
        (w.written, w.since) = (0, Instant::now());
        let files = &io.world().files;
        // There may be none yet.
        let _ = files.del_file(&w.path(&self.name, (w.now + 1) % around));
        if let Ok(file) = files.open(&w.path(&self.name, w.now), OpenMode::WRITE)
            && file.truncate().is_ok()
        {
            let _ = self.file.close();
            self.file = file;
        }
    }
}

impl Driver for TraceFile {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let full = |w: &Wrap| (w.size > 0 && w.written >= w.size) || (w.time_ms > 0 && w.since.elapsed().as_millis() >= w.time_ms);
        if self.wrap.as_ref().is_some_and(full) {
            self.turn(io);
        }
        self.buffer.push(0);
        self.buffer.extend((data.len() as u32).to_be_bytes());
        self.buffer.extend(&data);
        if let Some(w) = &mut self.wrap {
            w.written += data.len() + 5;
        }
        if self.buffer.len() >= BUFFER {
            self.write_out();
        }
    }
    /// `f` writes out what is kept back.
    fn takes_controls(&self) -> bool {
        true
    }
    fn control(&mut self, _io: &mut Io, operation: u32, _data: &[u8]) -> Control {
        if operation != u32::from(b'f') {
            return Control::Bad;
        }
        Control::List(vec![u8::from(!self.write_out())])
    }
    fn close(&mut self, _io: &mut Io) -> bool {
        self.write_out();
        let _ = self.file.close();
        true
    }
    fn flush(&mut self, _io: &mut Io, _deadline: Option<Instant>) {
        self.write_out();
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn commands_are_read() {
        assert_eq!(parse(b"trace_file_drv n /tmp/a b"), Some((vec![], b"/tmp/a b".to_vec())));
        assert_eq!(parse(b"trace_file_drv w 100 8 0 4 n /a.b.log"), Some((vec![100, 8, 0, 4], b"/a.b.log".to_vec())));
        assert_eq!(parse(b"trace_file_drv x n /a"), None);
        assert_eq!(parse(b"trace_file_drv"), None);
    }
}
