//! The drivers: a file each, and a line in the table.

pub mod forker;
mod fd;
mod inet;
mod pipe;
mod ram_file;
mod spawn;
mod tcp_inet;
mod trace_file;
mod tty_sl;
mod vanilla;
mod udp_inet;

use crate::driver::{Driver, Io, OpenError, Opening};
use crate::table::Name;

/// A driver: its name, and how it starts.
pub struct Entry {
    pub name: &'static str,
    pub start: fn(&mut Io, &Opening) -> Result<Box<dyn Driver>, OpenError>,
    /// The first release without it.
    pub until: u32,
}

const fn driver(name: &'static str, start: fn(&mut Io, &Opening) -> Result<Box<dyn Driver>, OpenError>) -> Entry {
    Entry { name, start, until: u32::MAX }
}

const SPAWN: Entry = driver("spawn", spawn::start);
const FD: Entry = driver("fd", fd::start);
const VANILLA: Entry = driver("vanilla", vanilla::start);

/// Those that are found by the first word of a command.
const NAMED: &[Entry] = &[
    // one line for each driver
    driver("ram_file_drv", ram_file::start),
    driver("tcp_inet", tcp_inet::start),
    driver("udp_inet", udp_inet::start),
    driver("trace_file_drv", trace_file::start),
    Entry { until: 26, ..driver("tty_sl", tty_sl::start) },
];

/// The driver for a name, and how the port is called.
pub(crate) fn find(name: &Name, release: u32) -> Result<(&'static Entry, Vec<u8>), OpenError> {
    let named = |command: &[u8]| {
        let word = command.split(|&b| b == b' ').find(|w| !w.is_empty()).unwrap_or(b"");
        NAMED.iter().find(|e| e.name.as_bytes() == word && release < e.until)
    };
    match name {
        Name::Fd(read, write) => Ok((&FD, format!("{read}/{write}").into_bytes())),
        Name::Vanilla(path) => Ok((&VANILLA, path.clone())),
        Name::SpawnExecutable(path) => Ok((&SPAWN, path.clone())),
        Name::SpawnDriver(command) => Ok((named(command).ok_or(OpenError::BadArg)?, command.clone())),
        Name::Spawn(command) => Ok((named(command).unwrap_or(&SPAWN), command.clone())),
    }
}

/// Names of the drivers that are linked in.
pub fn names(release: u32) -> Vec<&'static str> {
    // OTP's is one that is loaded when needed.
    let named = NAMED.iter().filter(|e| release < e.until && e.name != "trace_file_drv").map(|e| e.name);
    [SPAWN.name, FD.name, "forker"].into_iter().chain(named).collect()
}
