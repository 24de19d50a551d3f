//! A map that is small most of the time: a process has one monitor while it waits for an answer, a link to its supervisor.
//! Up to some entries are looked through in the order in which they came; more are hashed.

use crate::seldom::Empty;
use base::hash::Map;
use std::hash::Hash;
use std::ops::Index;

/// Entries that are looked through.
const FEW: usize = 8;

#[derive(Clone, Debug)]
pub struct Relations<K, V> {
    /// Empty while there are many.
    few: Vec<(K, V)>,
    many: Map<K, V>,
}

impl<K, V> Default for Relations<K, V> {
    fn default() -> Self {
        Relations { few: Vec::new(), many: Map::default() }
    }
}

impl<K: 'static, V: 'static> Empty for Relations<K, V> {
    const EMPTY: &'static Self = &Relations { few: Vec::new(), many: Map::with_hasher(base::hash::BuildFixed::new()) };
}

impl<K, V> Relations<K, V> {
    pub fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.few.iter().map(|(k, v)| (k, v)).chain(&self.many)
    }
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|e| e.0)
    }
}

impl<K: Eq + Hash, V> Relations<K, V> {
    fn place(&self, key: &K) -> Option<usize> {
        self.few.iter().position(|e| e.0 == *key)
    }
    pub fn get(&self, key: &K) -> Option<&V> {
        if self.many.is_empty() { self.few.iter().find(|e| e.0 == *key).map(|e| &e.1) } else { self.many.get(key) }
    }
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.many.is_empty() { self.few.iter_mut().find(|e| e.0 == *key).map(|e| &mut e.1) } else { self.many.get_mut(key) }
    }
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }
    /// The value that was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        if self.many.is_empty() && self.few.len() < FEW {
            self.few.push((key, value));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(key, value);
        }
        None
    }
    /// The value of a key, which is given this one if it has none.
    pub fn or_insert(&mut self, key: K, value: V) -> &mut V
    where
        K: Copy,
    {
        if !self.contains_key(&key) {
            self.insert(key, value);
        }
        self.get_mut(&key).expect("it has just been put in")
    }
    pub fn remove(&mut self, key: &K) -> Option<V> {
        if self.many.is_empty() { self.place(key).map(|i| self.few.remove(i).1) } else { self.many.remove(key) }
    }
}

impl<K: Eq + Hash, V> Index<&K> for Relations<K, V> {
    type Output = V;
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("a key that is there")
    }
}

impl<K, V> IntoIterator for Relations<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Chain<std::vec::IntoIter<(K, V)>, <Map<K, V> as IntoIterator>::IntoIter>;
    fn into_iter(self) -> Self::IntoIter {
        self.few.into_iter().chain(self.many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map() {
        let (mut ours, mut plain) = (Relations::default(), Map::default());
        let mut seed = 5_u64;
        for step in 0..50_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Now few keys, now many.
            let key = (seed >> 33) % if step / 2000 % 2 == 0 { 6 } else { 60 };
            match seed >> 60 {
                0..=5 => assert_eq!(ours.insert(key, step), plain.insert(key, step)),
                6 => assert_eq!(ours.or_insert(key, step), plain.entry(key).or_insert(step)),
                7..=12 => assert_eq!(ours.remove(&key), plain.remove(&key)),
                13 => {
                    if let Some(v) = ours.get_mut(&key) {
                        *v += 1;
                    }
                    if let Some(v) = plain.get_mut(&key) {
                        *v += 1;
                    }
                }
                _ => assert_eq!((ours.get(&key), ours.contains_key(&key)), (plain.get(&key), plain.contains_key(&key))),
            }
            assert_eq!((ours.len(), ours.is_empty()), (plain.len(), plain.is_empty()));
            if step % 64 == 0 {
                let mut all: Vec<_> = ours.iter().map(|(k, v)| (*k, *v)).collect();
                let mut wanted: Vec<_> = plain.iter().map(|(k, v)| (*k, *v)).collect();
                all.sort_unstable();
                wanted.sort_unstable();
                assert_eq!(all, wanted);
                assert_eq!((ours.keys().count(), ours.clone().into_iter().count()), (wanted.len(), wanted.len()));
            }
        }
    }
}
