//! Whose password is checked next: one of each network in turn, so that many from one network delay others as one would.
//!
//! ```text
//! 192.0.2.0/24      a b c d ─▶ a ┐
//! 198.51.100.0/24         e ─▶ e ├─▶ in order, as many at once as there are computations
//! 2001:db8:1::/48       f g ─▶ f ┘
//! ```

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::HashError;
use crate::{
    limits::{HASHES_AT_ONCE, HASHES_WAITING_MAX, NETWORKS_WAITING_MAX},
    networks::{self, Network},
};

/// The queues of all networks. Those without an address, who are on this host, are one network.
#[derive(Debug)]
pub(super) struct Turns {
    /// Fair: in the order in which they asked.
    computations: Arc<Semaphore>,
    queues: Arc<Queues>,
}

type Queues = Mutex<HashMap<Option<Network>, Queue>>;

/// Those of one network.
#[derive(Debug)]
struct Queue {
    /// One place among the networks.
    place: Arc<Semaphore>,
    /// Who waits or is at work.
    members: usize,
}

/// The right to one computation, until it is dropped. It goes with the work: whoever hangs up in between makes no room for
/// more than may be at once.
#[derive(Debug)]
pub(super) struct Turn {
    _computation: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    _member: Member,
}

/// One member of a queue, also when it gives up.
#[derive(Debug)]
struct Member {
    network: Option<Network>,
    queues: Arc<Queues>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { computations: Arc::new(Semaphore::new(HASHES_AT_ONCE)), queues: Arc::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Too many of this network wait already, or too many networks.
    pub(super) async fn wait(&self, address: Option<IpAddr>) -> Result<Turn, HashError> {
        let (member, place) = self.join(address.map(networks::wide))?;
        let place = place.acquire_owned().await.map_err(|_| HashError::Busy)?;
        let computation = self.computations.clone().acquire_owned().await.map_err(|_| HashError::Busy)?;
        Ok(Turn { _computation: computation, _place: place, _member: member })
    }

    fn join(&self, network: Option<Network>) -> Result<(Member, Arc<Semaphore>), HashError> {
        let mut queues = lock(&self.queues);
        if queues.len() >= NETWORKS_WAITING_MAX && !queues.contains_key(&network) {
            return Err(HashError::Busy);
        }
        let queue = queues.entry(network).or_insert_with(|| Queue { place: Arc::new(Semaphore::new(1)), members: 0 });
        if queue.members >= HASHES_WAITING_MAX {
            return Err(HashError::Busy);
        }
        queue.members += 1;
        Ok((Member { network, queues: self.queues.clone() }, queue.place.clone()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut queues = lock(&self.queues);
        let Some(queue) = queues.get_mut(&self.network) else { return };
        queue.members -= 1;
        if queue.members == 0 {
            queues.remove(&self.network);
        }
    }
}

fn lock(queues: &Queues) -> MutexGuard<'_, HashMap<Option<Network>, Queue>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    type Waits<'a> = Pin<Box<dyn Future<Output = Result<Turn, HashError>> + 'a>>;

    fn wait(turns: &Turns, address: [u8; 4]) -> Waits<'_> {
        Box::pin(turns.wait(Some(address.into())))
    }

    fn poll(waits: &mut Waits<'_>) -> Option<Result<Turn, HashError>> {
        match waits.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn many_of_one_network_delay_another_by_one_computation() {
        let turns = Turns::new();
        let mut others: Vec<_> = (0..HASHES_AT_ONCE)
            .map(|n| poll(&mut wait(&turns, [10, 0, u8::try_from(n).unwrap(), 1])).unwrap().unwrap())
            .collect();
        let mut flood: Vec<_> = (0..10).map(|n| wait(&turns, [192, 0, 2, n])).collect();
        assert!(flood.iter_mut().all(|one| poll(one).is_none()));
        let mut honest = wait(&turns, [198, 51, 100, 1]);
        assert!(poll(&mut honest).is_none());

        others.pop();
        let first = poll(&mut flood[0]).unwrap().unwrap();
        assert!(flood[1..].iter_mut().all(|one| poll(one).is_none()), "the network has one place");
        drop(first);
        assert!(flood[1..].iter_mut().all(|one| poll(one).is_none()), "it is the turn of another");
        drop(poll(&mut honest).unwrap().unwrap());
        assert!(poll(&mut flood[1]).unwrap().is_ok(), "then of the next, in order");
    }

    #[test]
    fn one_network_computes_one_at_a_time() {
        let turns = Turns::new();
        let _first = poll(&mut wait(&turns, [192, 0, 2, 1])).unwrap().unwrap();
        assert!(poll(&mut wait(&turns, [192, 0, 2, 2])).is_none());
        assert!(poll(&mut wait(&turns, [192, 0, 3, 2])).is_some());
    }

    #[test]
    fn those_who_wait_are_bounded_and_whoever_gives_up_is_forgotten() {
        let turns = Turns::new();
        let mut waits: Vec<_> = (0..HASHES_WAITING_MAX).map(|_| wait(&turns, [192, 0, 2, 1])).collect();
        let mut turn: Vec<_> = waits.iter_mut().filter_map(poll).collect();
        assert_eq!(turn.len(), 1);
        assert_eq!(poll(&mut wait(&turns, [192, 0, 2, 77])).unwrap().unwrap_err(), HashError::Busy);
        let more = 1..u32::try_from(NETWORKS_WAITING_MAX).unwrap();
        let mut networks: Vec<_> = more.map(|n| wait(&turns, (0x0a00_0001 + n * 256).to_be_bytes())).collect();
        let turns_of_networks: Vec<_> = networks.iter_mut().filter_map(poll).collect();
        assert_eq!(turns_of_networks.len(), HASHES_AT_ONCE - 1);
        assert_eq!(poll(&mut wait(&turns, [11, 0, 0, 1])).unwrap().unwrap_err(), HashError::Busy);
        drop((waits, networks, turns_of_networks, turn.pop()));
        assert!(lock(&turns.queues).is_empty());
        assert_eq!(turns.computations.available_permits(), HASHES_AT_ONCE);
    }
}
