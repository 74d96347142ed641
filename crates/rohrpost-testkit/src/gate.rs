//! Something to wait for.

use std::sync::Arc;

use tokio::sync::watch;

/// Closed at first; once it is open it stays open, and all who wait or come later pass. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "a gate is an identity, not a value")]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everybody pass from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        let opened = self.0.subscribe().wait_for(|open| *open).await.is_ok();
        assert!(opened, "the sender lives in this very gate");
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }
}
