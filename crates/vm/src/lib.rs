//! Puts the storeys together: boot, configuration; what embedding programs are promised.
#![forbid(unsafe_code)]

mod boot;

pub use boot::{BootError, Vm};
pub use exec::translating;
pub use node::config;

use std::process::ExitCode;

/// Runs a node to its end; the exit code is `halt/1`'s.
pub fn start(config: config::Config) -> ExitCode {
    sys::allocator::keep_large_blocks();
    let mut world = sys::World::process();
    if !config.environment.is_empty() {
        // The command adds to what the operating system gave it: BINDIR, ROOTDIR, PATH, `-env`.
        let pairs = config.environment.iter().map(|(n, v)| (n.as_encoded_bytes().to_vec(), v.as_encoded_bytes().to_vec()));
        world.env = std::sync::Arc::new(sys::env::Env::new(pairs));
    }
    match Vm::new(config, world) {
        Ok(vm) => {
            bifs::signals::take_process(vm.node());
            ExitCode::from(vm.run() as u8)
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
