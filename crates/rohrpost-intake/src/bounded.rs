//! A map that never grows beyond its bound.
//!
//! Two generations of a hash map: what is used lands in the young one; when that is half full, the old one is dropped
//! and the young one takes its place. That forgets what was not used for longest, near enough, in constant time and
//! without a list of links.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, mem};

/// A map with at most `entries_max` entries.
#[derive(Debug)]
pub struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// An empty map. Below two entries there is nothing to halve, so two is the least bound.
    pub fn new(entries_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (entries_max / 2).max(1) }
    }

    /// The value of `key`, which now counts as used.
    pub fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The value of `key`, made by `make` where there is none.
    pub fn entry(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V
    where
        K: Clone,
    {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key).unwrap_or_else(make);
            self.insert(key.clone(), value);
        }
        self.young.get_mut(key).expect("it is there or was just put there")
    }

    /// Puts a value in.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Takes a value out.
    pub fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let old = self.old.remove(key);
        self.young.remove(key).or(old)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_its_bound_and_keeps_what_is_used() {
        let mut map = Bounded::new(100);
        for n in 0..10_000 {
            map.insert(n, n);
            assert_eq!(map.get_mut(&0), Some(&mut 0), "used at every step");
            assert!(map.len() <= 100);
        }
        assert_eq!(map.get_mut(&5), None);
        assert_eq!(map.get_mut(&9_999), Some(&mut 9_999));
    }

    #[test]
    fn an_entry_of_the_old_generation_keeps_its_value() {
        let mut map = Bounded::new(4);
        *map.entry(&"a", || 1) += 1;
        map.insert("b", 0);
        map.insert("c", 0);
        assert_eq!(*map.entry(&"a", || 100), 2);
        assert_eq!(map.remove("a"), Some(2));
        assert_eq!(map.get_mut("a"), None);
    }
}
