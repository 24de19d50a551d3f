//! Ports: the table, their owners, links and monitors, commands and their answers, busy senders, and the thread that waits for
//! file descriptors. A driver is a file in `drivers` and a line in its table.
//! Not here: processes and the node (`Surroundings` is all that ports ask of them), native functions (`bifs::port`).
#![forbid(unsafe_code)]

mod driver;
pub mod drivers;
pub mod packet;
mod poll;
mod port;
mod table;

pub use driver::{Carried, Control, Driver, Io, OpenError, Opening, Poke, Ready};
pub use poll::Polling;
pub use port::{Info, Options, Port};
pub use table::{Command, Name, Ports, Start, Surroundings, Watches};
