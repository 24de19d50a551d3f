//! What the node knows of all its sockets: how many are open, by domain, kind and protocol, and the switches for debugging.

use base::sync::Mutex;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The counters' names; a socket is counted in `num_sockets` and in those of its numbers.
pub const NAMES: [&str; 11] = [
    "num_sockets", "num_dinet", "num_dinet6", "num_dlocal", "num_tstreams", "num_tdgrams", "num_tseqpkgs", "num_pip", "num_ptcp", "num_pudp", "num_psctp",
];

#[derive(Default)]
pub struct Totals {
    counts: Mutex<[u64; NAMES.len()]>,
    /// Nothing is printed: they are kept and told.
    pub debug: AtomicBool,
    pub socket_debug: AtomicBool,
}

impl Totals {
    pub fn counts(&self) -> [u64; NAMES.len()] {
        *self.counts.lock()
    }
    fn change(&self, [domain, kind, protocol]: [i32; 3], by: i64) {
        let domain = match domain {
            numbers::INET => Some("num_dinet"),
            numbers::INET6 => Some("num_dinet6"),
            numbers::LOCAL => Some("num_dlocal"),
            _ => None,
        };
        let kind = match kind {
            super::STREAM => Some("num_tstreams"),
            super::DGRAM => Some("num_tdgrams"),
            numbers::SEQPACKET => Some("num_tseqpkgs"),
            _ => None,
        };
        let protocol = match protocol {
            numbers::IP => Some("num_pip"),
            numbers::TCP => Some("num_ptcp"),
            numbers::UDP => Some("num_pudp"),
            numbers::SCTP => Some("num_psctp"),
            _ => None,
        };
        let mut counts = self.counts.lock();
        for name in [Some("num_sockets"), domain, kind, protocol].into_iter().flatten() {
            if let Some(i) = NAMES.iter().position(|&n| n == name) {
                counts[i] = counts[i].saturating_add_signed(by);
            }
        }
    }
}

/// Linux' numbers.
mod numbers {
    pub const LOCAL: i32 = 1;
    pub const INET: i32 = 2;
    pub const INET6: i32 = 10;
    pub const SEQPACKET: i32 = 5;
    pub const IP: i32 = 0;
    pub const TCP: i32 = 6;
    pub const UDP: i32 = 17;
    pub const SCTP: i32 = 132;
}

/// A socket's descriptor, counted while it is open.
pub struct Open {
    fd: OwnedFd,
    numbers: [i32; 3],
    totals: Arc<Totals>,
}

impl Open {
    /// `numbers`: domain, kind, protocol.
    pub fn new(fd: OwnedFd, numbers: [i32; 3], totals: Arc<Totals>) -> Open {
        totals.change(numbers, 1);
        Open { fd, numbers, totals }
    }
}

impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.totals.change(self.numbers, -1);
    }
}
