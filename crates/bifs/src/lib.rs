//! The native functions, Erlang module by Erlang module. Each file ends in, or begins with, its `NATIVES` table.
//! A new module is one line here.
#![forbid(unsafe_code)]

mod erlang;
pub mod iolist;
mod lists;
mod maps;
pub mod result;

use node::Native;

/// Every native function.
pub fn all() -> Vec<Native> {
    let tables: &[&[Native]] = &[
        // one line for each module, in alphabetical order
        erlang::arith::NATIVES,
        erlang::bin::NATIVES,
        erlang::compare::NATIVES,
        erlang::convert::NATIVES,
        erlang::guard::NATIVES,
        erlang::list::NATIVES,
        erlang::tuple::NATIVES,
        lists::NATIVES,
        maps::NATIVES,
    ];
    tables.concat()
}
