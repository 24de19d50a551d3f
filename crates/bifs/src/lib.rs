//! The native functions, Erlang module by Erlang module. Each file ends in, or begins with, its `NATIVES` table.
//! A new module is one line here.
#![forbid(unsafe_code)]

use node::Native;

/// Every native function.
pub fn all() -> Vec<Native> {
    let tables: &[&[Native]] = &[
        // one line for each module, in alphabetical order
    ];
    tables.concat()
}
