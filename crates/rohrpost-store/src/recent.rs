//! Bodies that were committed just now, so that a message that goes straight on is not read again.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use bytes::Bytes;
use rohrpost_mail::QueueId;

/// The newest bodies, up to so many octets.
#[derive(Debug)]
pub(crate) struct Recent {
    bytes_max: usize,
    bodies: Mutex<Bodies>,
}

#[derive(Debug, Default)]
struct Bodies {
    by_id: HashMap<QueueId, Bytes>,
    order: VecDeque<QueueId>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bodies: Mutex::default() }
    }

    pub(crate) fn put(&self, id: QueueId, body: Bytes) {
        let mut bodies = self.bodies.lock().expect("nobody panics with this lock");
        bodies.bytes += body.len();
        bodies.order.push_back(id);
        bodies.by_id.insert(id, body);
        while bodies.bytes > self.bytes_max {
            let Some(oldest) = bodies.order.pop_front() else { break };
            bodies.forget(oldest);
        }
    }

    pub(crate) fn get(&self, id: QueueId) -> Option<Bytes> {
        self.bodies.lock().expect("nobody panics with this lock").by_id.get(&id).cloned()
    }
}

impl Bodies {
    fn forget(&mut self, id: QueueId) {
        if let Some(body) = self.by_id.remove(&id) {
            self.bytes -= body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_bodies_go_first() {
        let recent = Recent::new(10);
        let body = |number| (QueueId::from_i64(number), Bytes::from_static(b"1234"));
        for number in 1..=3 {
            let (id, body) = body(number);
            recent.put(id, body);
        }
        assert_eq!(recent.get(QueueId::from_i64(1)), None);
        assert_eq!(recent.get(QueueId::from_i64(3)), Some(Bytes::from_static(b"1234")));
    }
}
