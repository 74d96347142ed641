//! Keeps the writer and a checkpoint that must be alone out of each other's way.
//!
//! SQLite has a lock for this, but whoever waits for it sleeps and looks again: a busy writer would never let the
//! checkpoint in, and the log would grow. Here the checkpoint asks first, and the writer stops after its transaction.

use std::sync::{Condvar, Mutex, MutexGuard};

/// The door to the database's write lock.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    writing: bool,
    checkpoint: bool,
}

/// Somebody is inside; dropping this lets others in.
#[derive(Debug)]
pub(crate) struct Inside<'a> {
    gate: &'a Gate,
    leave: fn(&mut State),
}

impl Gate {
    /// For a transaction: waits while a checkpoint wants to be alone.
    pub(crate) fn write(&self) -> Inside<'_> {
        let mut state = self.wait(self.lock(), |state| state.checkpoint);
        state.writing = true;
        Inside { gate: self, leave: |state| state.writing = false }
    }

    /// For a checkpoint: lets no further transaction begin, and waits for the one that runs.
    pub(crate) fn checkpoint(&self) -> Inside<'_> {
        let mut state = self.lock();
        state.checkpoint = true;
        drop(self.wait(state, |state| state.writing));
        Inside { gate: self, leave: |state| state.checkpoint = false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with this lock")
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, busy: impl Fn(&State) -> bool) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, |state| busy(state)).expect("nobody panics with this lock")
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        (self.leave)(&mut self.gate.lock());
        self.gate.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use super::*;

    #[test]
    fn a_checkpoint_gets_in_however_busy_the_writer_is() {
        let (gate, stop) = (Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
        let (of_writer, stopped) = (gate.clone(), stop.clone());
        let writer = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let _inside = of_writer.write();
            }
        });
        for _ in 0..100 {
            let _alone = gate.checkpoint();
            assert!(!gate.lock().writing);
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    }
}
