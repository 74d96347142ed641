//! The memory of all bodies on their way in, counted in one place.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Octets that may be in memory.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// A claim of nothing yet.
    pub(crate) fn claim(self: &Arc<Self>) -> Claim {
        Claim { budget: self.clone(), bytes: 0 }
    }
}

impl Claim {
    /// Takes more, unless the budget is used up.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let left = &self.budget.left;
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    /// Gives all but `bytes` back.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let freed = self.bytes.saturating_sub(bytes);
        self.bytes -= freed;
        self.budget.left.fetch_add(freed, Ordering::Relaxed);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_comes_back() {
        let budget = Budget::new(10);
        let mut one = budget.claim();
        assert!(one.grow(8));
        let mut two = budget.claim();
        assert!(!two.grow(3));
        one.shrink_to(5);
        assert!(two.grow(3));
        drop((one, two));
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
    }
}
