//! Driver `spawn`: a program with pipes to it.

use super::pipe::{self, End, Got, Sink, Source};
use crate::driver::{Driver, Io, OpenError, Opening, Ready};
use crate::table::Name;
use std::os::fd::AsFd;
use std::time::Instant;
use sys::children::{Child, Command, Program};
use sys::poll::Interest;

const INPUT: u8 = 0;
const OUTPUT: u8 = 1;
const EXIT: u8 = 2;

struct Spawned {
    input: Option<Source>,
    output: Option<Sink>,
    child: Child,
    packet: u8,
    /// The owner wants to know how it ended.
    exit_status: bool,
    /// Its output has ended (or was never read).
    input_over: bool,
    status: Option<i32>,
    closing: bool,
}

pub(crate) fn start(io: &mut Io, opening: &Opening) -> Result<Box<dyn Driver>, OpenError> {
    let options = opening.options;
    let program = match opening.name {
        Name::Spawn(line) => Program::Shell(line.clone()),
        Name::SpawnExecutable(path) => Program::File { path: path.clone(), arg0: options.arg0.clone(), args: options.args.clone() },
        _ => return Err(OpenError::BadArg),
    };
    let command = Command {
        env: io.world().env.with(&options.env),
        cd: options.cd.clone(),
        read: options.input,
        write: options.output,
        use_stdio: options.use_stdio,
        stderr_to_stdout: options.stderr_to_stdout,
        ..Command::new(program)
    };
    let mut child = io.world().children.spawn(&command)?;
    let input = child.read.take().map(|fd| Source::new(End::Owned(fd), INPUT, options.packet));
    let output = child.write.take().map(|fd| Sink::new(End::Owned(fd), OUTPUT, options.busy_limits));
    io.set_os_pid(child.pid());
    let exit_status = options.exit_status;
    let input_over = input.is_none();
    let mut spawned =
        Spawned { input, output, child, packet: options.packet, exit_status, input_over, status: None, closing: false };
    if let Some(input) = &spawned.input {
        input.watch(io);
    }
    // Also where nobody asks for its status: who has ended does not stay as a zombie while its port is open.
    spawned.watch_exit(io);
    Ok(Box::new(spawned))
}

impl Spawned {
    fn watch_exit(&mut self, io: &mut Io) {
        match self.child.exit_fd() {
            Some(fd) => io.watch(fd, EXIT, Interest::READ),
            // It never became a process.
            None if self.exit_status => self.look_for_end(io),
            None => {}
        }
    }
    fn look_for_end(&mut self, io: &mut Io) {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                self.status = Some(status);
                self.end_of_both(io);
            }
            Ok(None) => self.watch_exit(io),
            Err(_) => {
                self.status = Some(0);
                self.end_of_both(io);
            }
        }
    }
    /// When its output has ended and its status is known (if it is asked for), the port ends.
    fn end_of_both(&mut self, io: &mut Io) {
        if !self.input_over || self.closing {
            return;
        }
        if self.exit_status {
            let Some(status) = self.status else { return };
            io.exit_status(status);
        }
        io.eof();
    }
    fn drop_input(&mut self, io: &mut Io) {
        if let Some(input) = self.input.take() {
            io.forget(input.end.as_fd());
        }
    }
    fn drop_output(&mut self, io: &mut Io) {
        if let Some(output) = self.output.take() {
            io.forget(output.end.as_fd());
        }
    }
}

impl Driver for Spawned {
    // That of ERTS knows one, which is its own.
    fn takes_controls(&self) -> bool {
        true
    }
    fn command(&mut self, io: &mut Io, data: Vec<u8>) {
        let Some(output) = &mut self.output else { return pipe::not_for_output(io) };
        let Some(data) = pipe::packed(data, self.packet) else { return pipe::too_long(io) };
        if let Err(e) = output.write(io, data) {
            io.fail(e);
        }
    }
    fn ready(&mut self, io: &mut Io, ready: Ready) {
        match ready.slot {
            INPUT => {
                let Some(input) = &mut self.input else { return };
                match input.read(io) {
                    Got::Data => {}
                    Got::End => {
                        self.drop_input(io);
                        self.input_over = true;
                        self.end_of_both(io);
                    }
                    got => {
                        self.drop_input(io);
                        pipe::input_over(io, &got);
                    }
                }
            }
            OUTPUT => {
                let Some(output) = &mut self.output else { return };
                let failed = output.ready(io).err();
                if self.closing && (failed.is_some() || output.queued() == 0) {
                    self.drop_output(io);
                    io.closed();
                } else if let Some(e) = failed {
                    io.fail(e);
                }
            }
            _ if self.exit_status => {
                if self.status.is_none() {
                    self.look_for_end(io);
                }
            }
            _ => {
                if let Ok(None) = self.child.try_wait() {
                    self.watch_exit(io);
                }
            }
        }
    }
    fn close(&mut self, io: &mut Io) -> bool {
        self.closing = true;
        self.drop_input(io);
        if let Some(fd) = self.child.exit_fd() {
            io.forget(fd);
        }
        if self.output.as_ref().is_some_and(|o| o.queued() > 0) {
            return false;
        }
        self.drop_output(io);
        true
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
