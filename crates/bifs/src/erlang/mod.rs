//! Module `erlang`, by theme.

pub mod arith;
pub mod bin;
pub mod code;
pub mod compare;
pub mod convert;
pub mod etf;
pub mod guard;
pub mod hash;
pub mod ident;
pub mod list;
pub mod raise;
pub mod info;
pub mod message;
pub mod monitor;
pub mod options;
pub mod process;
pub mod spawn;
pub mod time;
pub mod timer;
pub mod tuple;
