//! The `ferrobeam` command, as a library: command lines in, a [`vm::config::Config`] or a program to run out.
//! It stands where `erl`, `erlexec`, `erlc` and `escript` stand in OTP, in one process. Not here: anything that runs Erlang
//! code (that is `vm`).
#![forbid(unsafe_code)]

pub mod otp;

pub mod erlexec;
pub mod flags;

pub mod elixir;
pub mod erlc;
pub mod escript;
pub mod gethost;
pub mod shims;

pub mod command;
pub mod me;
pub mod similar;

/// A message for the terminal and the exit code that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    pub code: u8,
}

impl Failure {
    /// Exit code 1, as nearly everything.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: 1 }
    }
}
