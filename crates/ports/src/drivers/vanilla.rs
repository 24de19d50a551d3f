//! Driver `vanilla`: a file by its name alone (`open_port("path", [out])`). What is written goes to its end; what is in it comes as data.

use super::pipe;
use crate::driver::{Driver, Io, OpenError, Opening};
use crate::table::Name;
use std::sync::Arc;
use sys::files::{File, OpenMode};

/// Bytes that come at once.
const CHUNK: usize = 1 << 16;

struct Vanilla {
    file: Arc<dyn File>,
    input: bool,
    output: bool,
    packet: u8,
}

pub(crate) fn start(io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let Name::Vanilla(path) = opening.name else { return Err(OpenError::BadArg) };
    let options = opening.options;
    let mode = OpenMode { read: options.input, write: options.output, ..OpenMode::default() };
    let file = io.world().files.open(path, mode).map_err(OpenError::Posix)?;
    Ok(Box::new(Vanilla { file, input: options.input, output: options.output, packet: options.packet }))
}

impl Driver for Vanilla {
    fn opened(&mut self, io: &mut Io) {
        if self.input && !self.output {
            let mut buffer = vec![0; CHUNK];
            while let Ok(n @ 1..) = self.file.read(&mut buffer) {
                io.data(&buffer[..n]);
            }
            io.eof();
        }
    }
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        if !self.output {
            return pipe::not_for_output(io);
        }
        let Some(data) = pipe::packed(data, self.packet) else { return pipe::too_long(io) };
        if let Err(e) = self.file.write(&data) {
            io.fail(e);
        }
    }
}
