//! Sets of documents that are nearly equal: a forest in which the first document of a set is its root.

use std::collections::BTreeMap;

/// Which documents belong together.
pub(crate) struct Clusters {
    /// Each document's place in the order of the sources, rising.
    ordinals: Vec<u64>,
    parents: Vec<u32>,
}

impl Clusters {
    /// Every document by itself.
    pub(crate) fn new(ordinals: Vec<u64>) -> Self {
        let parents = (0..ordinals.len() as u32).collect();
        Clusters { ordinals, parents }
    }

    pub(crate) fn ordinal(&self, number: u32) -> u64 {
        self.ordinals.get(number as usize).copied().unwrap_or(u64::MAX)
    }

    /// The first document of the set; the way there is halved for the next time.
    pub(crate) fn root(&mut self, mut number: u32) -> u32 {
        loop {
            let parent = self.parents[number as usize];
            if parent == number {
                return number;
            }
            let above = self.parents[parent as usize];
            self.parents[number as usize] = above;
            number = above;
        }
    }

    /// Makes two sets one; the first document of both stays its root.
    pub(crate) fn join(&mut self, left: u32, right: u32) {
        let (left, right) = (self.root(left), self.root(right));
        self.parents[left.max(right) as usize] = left.min(right);
    }

    /// The ordinal of the first document like this one, for every document that is not the first itself.
    pub(crate) fn later(mut self) -> BTreeMap<u64, u64> {
        let mut later = BTreeMap::new();
        for number in 0..self.parents.len() as u32 {
            let root = self.root(number);
            if root != number {
                later.insert(self.ordinal(number), self.ordinal(root));
            }
        }
        later
    }
}
