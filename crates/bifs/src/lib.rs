//! The native functions, Erlang module by Erlang module. Each file ends in, or begins with, its `NATIVES` table.
//! A new module is one line here.
#![forbid(unsafe_code)]

mod atomics;
mod binary;
mod dirty;
mod dist;
mod erlang;
mod erl_debugger;
mod erts_debug;
mod erts_internal;
mod ets;
mod io;
mod internal_state;
pub mod iolist;
mod lists;
mod maps;
mod persistent_term;
mod prim_buffer;
mod re;
mod records;
pub mod resolver;
mod os;
pub mod owned;
pub mod port;
mod prim_file;
mod prim_net;
mod prim_socket;
mod prim_tty;
pub mod result;
mod math;
pub mod signals;
mod slice;
mod string;
mod unicode;
mod zlib;
mod zstd;

use node::Native;

/// Every native function.
pub fn all() -> Vec<Native> {
    let tables: &[&[Native]] = &[
        // one line for each module, in alphabetical order
        atomics::NATIVES,
        binary::NATIVES,
        erlang::arith::NATIVES,
        erlang::bin::NATIVES,
        erlang::code::NATIVES,
        erlang::compare::NATIVES,
        erlang::convert::NATIVES,
        erlang::dt::NATIVES,
        erlang::etf::NATIVES,
        erlang::guard::NATIVES,
        erlang::info::NATIVES,
        erlang::halt::NATIVES,
        erlang::list::NATIVES,
        erlang::nodes::NATIVES,
        erlang::packet::NATIVES,
        erlang::raise::NATIVES,
        erlang::message::NATIVES,
        erlang::monitor::NATIVES,
        erlang::process::NATIVES,
        erlang::spawn::NATIVES,
        erlang::time::NATIVES,
        erlang::timer::NATIVES,
        erlang::statistics::NATIVES,
        erlang::system::NATIVES,
        erlang::system_flag::NATIVES,
        erlang::seq_trace::NATIVES,
        erlang::trace::NATIVES,
        erlang::tuple::NATIVES,
        erlang::watch::NATIVES,
        erl_debugger::NATIVES,
        erts_debug::NATIVES,
        erts_internal::NATIVES,
        ets::NATIVES,
        io::NATIVES,
        ets::NATIVES_ELSEWHERE,
        internal_state::NATIVES,
        dirty::NATIVES,
        dist::NATIVES,
        lists::NATIVES,
        maps::NATIVES,
        persistent_term::NATIVES,
        erlang::hash::NATIVES,
        erlang::ident::NATIVES,
        math::NATIVES,
        prim_buffer::NATIVES,
        re::NATIVES,
        records::NATIVES,
        string::NATIVES,
        unicode::NATIVES,
        zlib::NATIVES,
        zstd::NATIVES,
        os::NATIVES,
        port::NATIVES,
        prim_file::NATIVES,
        prim_net::NATIVES,
        prim_socket::NATIVES,
        prim_tty::NATIVES,
    ];
    tables.concat()
}

/// Ties native parts that need a node (ports, signals) to it; called once, before anything runs.
pub fn attach(node: &std::sync::Arc<node::Node>) {
    port::attach(node);
}
