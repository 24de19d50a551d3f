//! Puts the storeys together: boot, configuration; what embedding programs are promised.
#![forbid(unsafe_code)]

mod boot;

pub use boot::{BootError, Vm};
pub use node::config;

use std::process::ExitCode;

/// Runs a node to its end; the exit code is `halt/1`'s.
pub fn start(config: config::Config) -> ExitCode {
    match Vm::new(config, sys::World::process()) {
        Ok(vm) => ExitCode::from(vm.run() as u8),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
