//! A message between its commit and its place in the window.
//!
//! A commit is durable before the one who asked for it hears of it. In between the keeper may read the rows from the
//! store, a worker may send them and their result may be settled; a hint that comes after all that would bring them
//! back and send them twice. So a message is announced before its commit, and whoever takes its rows first, keeper or
//! hint, ends the announcement.

use rohrpost_store::NewMessage;

use crate::{job::Arrival, queue::Queue};

/// Made by [`Queue::announce`] before the commit; [`Announced::arrived`] is called after it.
///
/// When it is dropped instead, because the commit failed or nobody waited for it, the next sweep finds what there is.
#[derive(Debug)]
#[must_use = "dropping it says that the commit failed"]
pub struct Announced {
    queue: Queue,
    arrival: Arrival,
}

impl Announced {
    pub(crate) fn new(queue: &Queue, message: &NewMessage) -> Self {
        let arrival = Arrival::of(message);
        queue.with(|window, _| window.announce(arrival.id));
        Self { queue: queue.clone(), arrival }
    }

    /// The message is durable: its rows enter the window at once, if there is room and the keeper was not faster.
    pub fn arrived(self) {
        self.queue.arrived(&self.arrival);
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let id = self.arrival.id;
        self.queue.with(|window, _| {
            if window.withdraw(id) {
                window.want_sweep();
            }
        });
    }
}
