//! A collection that most processes leave empty: one word until something is put in.

use crate::Relations;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

/// What can be seen where nothing has been put in.
pub trait Empty: Default + 'static {
    const EMPTY: &'static Self;
}

impl<T: 'static> Empty for Vec<T> {
    const EMPTY: &'static Self = &Vec::new();
}

/// Reads as an empty collection without memory of its own; writing makes one.
#[derive(Debug)]
pub struct Seldom<T>(Option<Box<T>>);

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Seldom(None)
    }
}

impl<T: Empty> Deref for Seldom<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for Seldom<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Empty> Seldom<T> {
    /// The collection itself; empty afterwards.
    pub fn take(&mut self) -> T {
        self.0.take().map_or_else(T::default, |b| *b)
    }
}

impl<K: Eq + Hash + 'static, V: 'static> Seldom<Relations<K, V>> {
    /// As the map's own, but makes none in order to find nothing in it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.as_mut()?.remove(key)
    }
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.as_mut()?.get_mut(key)
    }
}

impl<T> Seldom<Vec<T>> {
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.as_mut().map_or(&mut [][..], |v| v.as_mut_slice()).iter_mut()
    }
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        if let Some(v) = &mut self.0 {
            v.retain(keep);
        }
    }
    pub fn clear(&mut self) {
        if let Some(v) = &mut self.0 {
            v.clear();
        }
    }
}

impl<'a, T: Empty> IntoIterator for &'a Seldom<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;
    fn into_iter(self) -> Self::IntoIter {
        (&**self).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_to_find_nothing() {
        let mut m: Seldom<Relations<u32, u32>> = Seldom::default();
        assert_eq!((m.len(), m.get(&1)), (0, None));
        assert_eq!(m.remove(&1), None);
        assert_eq!(m.get_mut(&1), None);
        assert!(m.0.is_none());
        m.insert(1, 2);
        assert_eq!(m.iter().collect::<Vec<_>>(), [(&1, &2)]);
        assert_eq!(m.take().len(), 1);
        assert!(m.is_empty() && m.0.is_none());
    }
}
