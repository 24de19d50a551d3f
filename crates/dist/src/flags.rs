//! What nodes tell each other in the handshake that they can do.

/// Known to all others, and not hidden.
pub const PUBLISHED: u64 = 1;
/// The atom cache and headers in front of messages.
pub const HEADER_ATOM_CACHE: u64 = 0x2000;
/// Large messages come in pieces.
pub const FRAGMENTS: u64 = 0x80_0000;
/// Processes are asked for by signals of their own.
pub const SPAWN: u64 = 1 << 32;
/// Priority of messages (since release 28).
pub const ALTERNATIVE_SIGNALS: u64 = 1 << 37;
/// What no node is offered here: see `docs/differences.md`.
pub const NOT_OFFERED: u64 = ALTERNATIVE_SIGNALS;
