//! A process: its private half (heap, registers at rest, mailbox, dictionary, links), which only the thread that runs it
//! touches, and its shared half (identity, inbox, run state), which anyone may. Also the table of all processes.
//! Not here: when it runs (`sched`), what a signal does to it (`node`), instructions (`exec`).
//!
//! # Safety
//! 1. `Private` is touched only by the thread that holds the process in run state `Running` (or has just made it and not yet
//!    published it, or runs while the world is stopped).
//! 2. A `Process` record is never freed while its table lives; it is used again for another process under another pid.
//!    Whoever holds a `ProcRef` checks the pid under the inbox lock before acting on it.
//! 3. While a process is apart (`Private::set_apart`), its stack is neither moved, written to nor freed by whoever has the true half: that ends
//!    with `rejoin`, or after the stand-in has gone.
//! 4. What stands for a registered name is the word of a local pid or port: it needs no memory.

pub mod apart;
pub mod dictionary;
pub mod mailbox;
mod names;
mod pending;
pub mod private;
mod relations;
pub mod saved_calls;
pub mod seldom;
pub mod shared;
pub mod signal;
pub mod table;
pub mod trace;

pub use mailbox::{Mailbox, Message};
pub use names::Names;
pub use private::{AliasKind, Class, Exception, MaxHeap, Monitor, MonitorKind, NativeState, Private, Rare, Resume, Suspending, Target, Urgent};
pub use relations::Relations;
pub use seldom::Seldom;
pub use shared::{AfterSend, Gone, Inbox, ProcRef, Process, ROOM_MOST, RunState, Taken};
pub use signal::{ExitSignal, Owned, RefId, Request, Signal, Who};
pub use table::Table;
