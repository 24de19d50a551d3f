//! Compiled patterns that were used lately, so that a pattern given as text is not compiled at every run.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::{CompileError, CompileOptions, Regex};

/// A bounded table; a node holds one.
pub struct RegexCache {
    limit: usize,
    inner: Mutex<Inner>,
}

type Key = (Box<[u8]>, CompileOptions);

#[derive(Default)]
struct Inner {
    /// The pattern, and when it was used last.
    entries: HashMap<Key, (Arc<Regex>, u64)>,
    clock: u64,
}

impl RegexCache {
    /// Room for `limit` patterns.
    pub fn new(limit: usize) -> RegexCache {
        RegexCache { limit: limit.max(1), inner: Mutex::default() }
    }

    /// The compiled pattern, now or from before.
    pub fn get(&self, pattern: &[u8], options: CompileOptions) -> Result<Arc<Regex>, CompileError> {
        let key: Key = (pattern.into(), options);
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let now = inner.clock;
        if let Some(entry) = inner.entries.get_mut(&key) {
            entry.1 = now;
            return Ok(entry.0.clone());
        }
        drop(inner);
        let regex = Arc::new(Regex::compile(pattern, options)?);
        let mut inner = self.inner.lock();
        if inner.entries.len() >= self.limit {
            // Half of them go at once, the oldest, so that this is rare.
            let mut ages: Vec<u64> = inner.entries.values().map(|e| e.1).collect();
            let middle = ages.len() / 2;
            let (_, middle, _) = ages.select_nth_unstable(middle);
            let middle = *middle;
            inner.entries.retain(|_, e| e.1 > middle);
        }
        inner.entries.insert(key, (regex.clone(), now));
        Ok(regex)
    }

    /// The pattern that `Regex::to_bytes` wrote; `None` if it did not.
    pub fn get_bytes(&self, bytes: &[u8]) -> Option<Arc<Regex>> {
        let (pattern, options) = Regex::parse_bytes(bytes)?;
        self.get(pattern, options).ok()
    }
}
