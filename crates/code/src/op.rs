//! Numbers of the machine's own instructions.

/// Calls `error_handler:undefined_function/3` for the export whose stub this is.
pub const UNDEFINED: u64 = 0;
/// Calls the native function that the export whose stub this is names.
pub const NATIVE: u64 = 1;
