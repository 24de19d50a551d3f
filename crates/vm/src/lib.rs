//! Puts the storeys together: boot, configuration; what embedding programs are promised.

pub use node::config;

use std::process::ExitCode;

/// Runs a node to its end; the exit code is `halt/1`'s.
pub fn start(config: config::Config) -> ExitCode {
    eprintln!("ferrobeam: the machine for Erlang/OTP {} is not there yet", config.otp.release);
    ExitCode::FAILURE
}
