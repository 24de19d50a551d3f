//! A node's environment variables: a table of bytes that begins as the operating system's and belongs to the node.
//! Changes are seen by `os:getenv` and by children, never by C code in this process.

use std::{collections::BTreeMap, os::unix::ffi::OsStringExt};

use parking_lot::RwLock;

/// The table. Names are without `=` and NUL.
pub struct Env {
    table: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Env {
    /// A copy of the process's own environment.
    pub fn from_os() -> Env {
        Env::new(std::env::vars_os().map(|(k, v)| (k.into_vec(), v.into_vec())))
    }

    pub fn new(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Env {
        Env { table: RwLock::new(pairs.into_iter().collect()) }
    }

    pub fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.table.read().get(name).cloned()
    }

    /// False if the name or the value cannot be in an environment (`badarg`). The empty name is taken and forgotten.
    #[must_use]
    pub fn put(&self, name: &[u8], value: &[u8]) -> bool {
        if !Env::is_name(name) || value.contains(&0) {
            return false;
        }
        if !name.is_empty() {
            self.table.write().insert(name.to_vec(), value.to_vec());
        }
        true
    }

    /// False if the name cannot be in an environment (`badarg`).
    #[must_use]
    pub fn unset(&self, name: &[u8]) -> bool {
        self.table.write().remove(name);
        Env::is_name(name)
    }

    /// Could a variable have that name? To ask for another is `badarg` too.
    pub fn is_name(name: &[u8]) -> bool {
        !name.contains(&0) && !name.contains(&b'=')
    }

    /// All of it, sorted by name.
    pub fn all(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.table.read().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// A child's environment: all of it with changes, where no value means that the variable goes.
    pub fn with(&self, changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut table = self.table.read().clone();
        for (name, value) in changes {
            match value {
                Some(value) => table.insert(name.clone(), value.clone()),
                None => table.remove(name),
            };
        }
        table.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn belongs_to_the_node() {
        let env = Env::new([]);
        assert!(env.put(b"A", b"1") && env.put(b"A", b""));
        assert_eq!(env.get(b"A"), Some(vec![]));
        assert!(!env.put(b"A=B", b"1") && !env.put(b"=B", b"1") && !env.put(b"A", b"\0") && !env.unset(b"A=B"));
        assert!(env.put(b"", b"1") && env.get(b"").is_none() && env.unset(b""));
        let changes = [(b"A".to_vec(), None), (b"B".to_vec(), Some(b"2".to_vec()))];
        assert_eq!(env.with(&changes), [(b"B".to_vec(), b"2".to_vec())]);
        assert!(env.unset(b"A") && env.unset(b"NOPE"));
        assert_eq!(env.all(), []);
    }
}
