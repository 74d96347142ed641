//! The names of messages and bodies, each given once.

use std::sync::Mutex;

use jiff::Timestamp;
use rohrpost_mail::QueueId;

/// Gives out ids that grow, also when the clock steps back or the process starts anew.
#[derive(Debug)]
pub(crate) struct Ids {
    node: u16,
    last: Mutex<QueueId>,
    first: QueueId,
}

impl Ids {
    /// Goes on after `newest`, the largest id in the store.
    pub(crate) fn new(node: u16, newest: Option<QueueId>) -> Self {
        let now = Timestamp::now();
        let first = newest.map_or_else(|| QueueId::at(node, now), |newest| newest.next(node, now));
        Self { node, last: Mutex::new(first), first }
    }

    pub(crate) fn next(&self) -> QueueId {
        let mut last = self.last.lock().expect("nobody panics with this lock");
        *last = last.next(self.node, Timestamp::now());
        *last
    }

    /// Ids up to this one are older than this run of the process.
    pub(crate) fn first(&self) -> QueueId {
        self.first
    }
}
