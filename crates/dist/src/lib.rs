//! Erlang's distribution protocol without sockets: packets of an established connection to control messages and back.
//! Not here: the handshake (OTP's own `dist_util`), who sends and receives (`bifs::dist`), the format of terms (`etf`).
#![forbid(unsafe_code)]

mod control;
pub mod flags;
mod header;
mod packet;

pub use control::Control;
pub use header::{Frame, LENGTH, PLACES, Parts, Receiver, Sender, Shared, place};
pub use packet::{Bad, Packet, pack, unpack};
