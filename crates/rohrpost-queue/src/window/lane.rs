//! The rows of one site in memory.

use std::{collections::VecDeque, sync::Arc};

use rohrpost_store::{Cursor, QueuedRecipient};

use crate::{job::Handed, limits::JOB_RECIPIENTS_MAX};

#[derive(Debug)]
pub(super) struct Row {
    pub(super) row: QueuedRecipient,
    pub(super) handed: Option<Arc<Handed>>,
}

/// One half of a lane.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub(super) rows: VecDeque<Row>,
    /// The last row that was read from the store.
    pub(super) after: Option<Cursor>,
    /// Whether the store has more.
    pub(super) more: bool,
    /// Whether the keeper was asked for more.
    pub(super) asked: bool,
    /// At how many rows it is asked.
    pub(super) low: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) halves: [Half; 2],
    /// Whose turn it is.
    pub(super) turn: usize,
    /// Whether it stands in `ready` or is parked; never both, never twice.
    pub(super) listed: bool,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.halves.iter().map(|half| half.rows.len()).sum()
    }

    pub(super) fn is_done(&self) -> bool {
        self.halves.iter().all(|half| half.rows.is_empty() && !half.more)
    }
}

/// The first row and those after it that belong to the same message.
pub(super) fn pop_message(rows: &mut VecDeque<Row>) -> (Vec<QueuedRecipient>, Option<Arc<Handed>>) {
    let Some(first) = rows.pop_front() else { return (Vec::new(), None) };
    let (message, handed) = (first.row.message, first.handed);
    let mut taken = vec![first.row];
    while taken.len() < JOB_RECIPIENTS_MAX && rows.front().is_some_and(|next| next.row.message == message) {
        taken.extend(rows.pop_front().map(|next| next.row));
    }
    (taken, handed)
}
