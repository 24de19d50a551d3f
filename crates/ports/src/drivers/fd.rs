//! Driver `fd`: descriptors that are open already, above all 0, 1 and 2. Their modes stay as they are: whoever shares them must not notice.

use super::pipe::{self, End, Got, Sink, Source};
use crate::driver::{Control, Driver, Io, OpenError, Opening, Ready};
use crate::table::Name;
use std::time::Instant;
use sys::{Errno, fd};

/// `port_control`'s operation that asks for a terminal's size: this, or 100 on its own.
pub(crate) const GET_WINSIZE: u32 = 100;
pub(crate) const CONTROL_BASE: u32 = 0x018b_0900;

struct Fd {
    input: Option<Source>,
    output: Option<Sink>,
    numbers: [i32; 2],
    packet: u8,
    /// Closed, but data is still on its way out.
    closing: bool,
}

pub(crate) fn start(io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let Name::Fd(read, write) = *opening.name else { return Err(OpenError::BadArg) };
    let options = opening.options;
    if read < 0 || write < 0 {
        return Err(OpenError::Posix(Errno::EINVAL));
    }
    let end = |number| fd::borrow(number).map(End::Borrowed);
    let input = if options.input { end(read).map(|e| Source::new(e, 0, options.packet)) } else { None };
    let output = if options.output { end(write).map(|e| Sink::new(e, 1, options.busy_limits)) } else { None };
    if let Some(input) = &input {
        input.watch(io);
    }
    Ok(Box::new(Fd { input, output, numbers: [read, write], packet: options.packet, closing: false }))
}

/// A terminal's size as two native numbers: columns, rows.
pub(crate) fn window_size(io: &Io, numbers: &[i32]) -> Option<Vec<u8>> {
    let tty = &io.world().tty;
    numbers.iter().find_map(|&n| tty.window_size(n).ok()).map(as_bytes)
}

/// Columns and rows, as a driver tells them.
pub(crate) fn as_bytes((columns, rows): (u16, u16)) -> Vec<u8> {
    [u32::from(columns).to_ne_bytes(), u32::from(rows).to_ne_bytes()].concat()
}

impl Driver for Fd {
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let Some(output) = &mut self.output else { return pipe::not_for_output(io) };
        let Some(data) = pipe::packed(data, self.packet) else { return pipe::too_long(io) };
        if let Err(e) = output.write(io, data) {
            io.fail(e);
        }
    }
    fn takes_controls(&self) -> bool {
        true
    }
    fn control(&mut self, io: &mut Io, operation: u32, _data: &[u8]) -> Control {
        if operation == GET_WINSIZE || operation == CONTROL_BASE + GET_WINSIZE {
            return window_size(io, &self.numbers).map_or(Control::Bad, Control::List);
        }
        Control::Bad
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        if ready.slot == 0 {
            let Some(input) = &mut self.input else { return };
            let got = input.read(io);
            if got != Got::Data {
                io.forget(std::os::fd::AsFd::as_fd(&input.end));
                self.input = None;
                if !self.closing {
                    pipe::input_over(io, &got);
                }
            }
        } else if let Some(output) = &mut self.output {
            let failed = output.ready(io).err();
            if self.closing && (failed.is_some() || output.queued() == 0) {
                io.forget(std::os::fd::AsFd::as_fd(&output.end));
                io.closed();
            } else if let Some(e) = failed {
                io.fail(e);
            }
        }
    }
    fn close(&mut self, io: &mut Io) -> bool {
        if let Some(input) = self.input.take() {
            io.forget(std::os::fd::AsFd::as_fd(&input.end));
        }
        self.closing = true;
        self.output.as_ref().is_none_or(|o| o.queued() == 0)
    }
    fn flush(&mut self, _io: &mut Io, deadline: Option<Instant>) {
        if let Some(output) = &mut self.output {
            output.flush(deadline);
        }
    }
    fn queued(&self) -> usize {
        self.output.as_ref().map_or(0, Sink::queued)
    }
}
