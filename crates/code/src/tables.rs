//! The tables of exports and fun entries.

use base::hash::Map;
use base::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering::*};
use term::Term;
use term::fun::Export;

/// All code of a node.
pub struct Code {
    /// Which OTP release's code is loaded (25, 27, 29): decides what the loader accepts.
    pub release: u32,
    exports: RwLock<Map<(Term, Term, u8), &'static Export>>,
    entry_apply: AtomicPtr<u64>,
}

impl Code {
    pub fn new(release: u32) -> Code {
        Code { release, exports: RwLock::default(), entry_apply: AtomicPtr::new(std::ptr::null_mut()) }
    }
    /// Where a new process starts: applies x0:x1(x2), then ends normally.
    pub fn entry_apply(&self) -> *const u64 {
        self.entry_apply.load(Acquire)
    }
    /// Set by the engine before anything runs.
    pub fn set_entry_apply(&self, code: *const u64) {
        self.entry_apply.store(code.cast_mut(), Release);
    }
    /// The export record of a function, made if there is none; without code it leads to the error handler.
    pub fn export(&self, module: Term, function: Term, arity: u8) -> &'static Export {
        if let Some(e) = self.find_export(module, function, arity) {
            return e;
        }
        let mut map = self.exports.write();
        map.entry((module, function, arity)).or_insert_with(|| {
            let e: &'static Export = Box::leak(Box::new(Export {
                address: AtomicPtr::new(std::ptr::null_mut()),
                stub: [AtomicU64::new(crate::op::UNDEFINED), AtomicU64::new(0)],
                module,
                function,
                arity,
                native: AtomicU32::new(0),
            }));
            e.address.store(e.stub[0].as_ptr(), Release);
            e
        })
    }
    pub fn find_export(&self, module: Term, function: Term, arity: u8) -> Option<&'static Export> {
        self.exports.read().get(&(module, function, arity)).copied()
    }
    /// Makes a function native: calls of it run native function `number - 1`.
    pub fn set_native(&self, module: Term, function: Term, arity: u8, number: u32) {
        let e = self.export(module, function, arity);
        e.native.store(number, Release);
        e.stub[0].store(crate::op::NATIVE | u64::from(number) << 16, Release);
        e.address.store(e.stub[0].as_ptr(), Release);
    }
}
