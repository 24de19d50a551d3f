//! Magic references: references that carry a native value (a compiled pattern, a file handle, an atomics array).

use std::any::Any;
use std::sync::Arc;

/// The value behind a magic reference, and the reference's own number, by which it can be found again.
pub struct Magic {
    pub id: (u64, u64),
    pub value: Box<dyn Any + Send + Sync>,
}

/// Turns a magic value into the raw word that a `MagicRef` cell holds (it owns one count).
pub(crate) fn into_raw(m: Arc<Magic>) -> u64 {
    Arc::into_raw(m) as u64
}

impl crate::Term {
    /// The value behind a magic reference.
    pub fn as_magic(self) -> Option<&'static Magic> {
        if !self.is_kind(crate::Kind::MagicRef) {
            return None;
        }
        // SAFETY: rules 1, 2 and 5: the cell owns a count and outlives the native call.
        Some(unsafe { &*(self.word(3) as *const Magic) })
    }
    /// A count of one's own on the value behind a magic reference.
    pub fn magic_arc(self) -> Option<Arc<Magic>> {
        let p: *const Magic = self.as_magic()?;
        // SAFETY: rule 5: the pointer came from `Arc::into_raw` and its count is above zero.
        unsafe {
            Arc::increment_strong_count(p);
            Some(Arc::from_raw(p))
        }
    }
    /// The value behind a magic reference, if it is of this type.
    pub fn magic_value<T: 'static>(self) -> Option<&'static T> {
        self.as_magic()?.value.downcast_ref()
    }
}

/// # Safety
/// Rule 5: `raw` came from `into_raw` and its count is given up here.
pub(crate) unsafe fn drop_raw(raw: u64) {
    // SAFETY: the caller's promise.
    drop(unsafe { Arc::from_raw(raw as *const Magic) });
}

/// # Safety
/// Rule 5: `raw` came from `into_raw` and is alive.
pub(crate) unsafe fn retain_raw(raw: u64) {
    // SAFETY: the caller's promise.
    unsafe { Arc::increment_strong_count(raw as *const Magic) };
}
