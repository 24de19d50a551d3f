//! What nodes tell each other in the handshake that they can do.

/// Known to all others, and not hidden.
pub const PUBLISHED: u64 = 1;
/// Processes, and names, are monitored. Who lacks one of them is sent none of that.
pub const MONITORS: u64 = 0x8 | 0x20;
/// The atom cache and headers in front of messages.
pub const HEADER_ATOM_CACHE: u64 = 0x2000;
/// Messages to a pid say who sends them. Nodes in C lack this and the next.
pub const SENDER: u64 = 0x8_0000;
/// A reason stands behind its control message, not in it.
pub const REASON_BEHIND: u64 = 0x40_0000;
/// Large messages come in pieces.
pub const FRAGMENTS: u64 = 0x80_0000;
/// Processes are asked for by signals of their own.
pub const SPAWN: u64 = 1 << 32;
/// Priority of messages (since release 28).
pub const ALTERNATIVE_SIGNALS: u64 = 1 << 37;
/// What no node is offered here: see `docs/differences.md`.
pub const NOT_OFFERED: u64 = ALTERNATIVE_SIGNALS;

/// What the other side understands, for who packs a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Takes {
    /// Atoms may stand as numbers.
    pub numbers: bool,
    pub sender: bool,
    pub reason_behind: bool,
    pub monitors: bool,
}

impl Takes {
    /// As nodes of all releases in use do.
    pub const USUAL: Takes = Takes { numbers: false, sender: true, reason_behind: true, monitors: true };

    pub fn of(flags: u64, numbers: bool) -> Takes {
        Takes { numbers, sender: flags & SENDER != 0, reason_behind: flags & REASON_BEHIND != 0, monitors: flags & MONITORS == MONITORS }
    }
}
