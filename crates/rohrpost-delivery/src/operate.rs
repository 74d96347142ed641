//! The operator's verb that delivery does itself, since it writes to senders: `bounce`.

use std::collections::BTreeMap;

use rohrpost_mail::{DeliveryRecord, EnhancedStatus, Outcome, QueueId, dsn::Action};
use rohrpost_store::{Filter, QueuedRecipient, Settlement, StoreError, settle::Change};

use crate::{
    bounce::{self, News},
    limits::BOUNCE_ROWS,
    message::Message,
    record::Frame,
    shared::Shared,
    verdict::Hop,
};

/// Returns all that the filter names, page by page; rows at work are left to their worker.
pub(crate) async fn bounce(shared: &Shared, filter: Filter, by: &str) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let rows = shared.store.queue_select(filter.clone(), BOUNCE_ROWS).await?;
        let rows: Vec<_> = rows.into_iter().filter(|row| !shared.queue.is_leased(row.message, row.n)).collect();
        if rows.is_empty() {
            shared.queue.reread();
            return Ok(count);
        }
        count += rows.len() as u64;
        let mut messages: BTreeMap<QueueId, Vec<QueuedRecipient>> = BTreeMap::new();
        for row in rows {
            messages.entry(row.message).or_default().push(row);
        }
        let mut settlements = Vec::new();
        for (id, rows) in messages {
            settlements.extend(settle(shared, id, rows, by).await?);
        }
        shared.store.settle(settlements).await?;
    }
}

async fn settle(
    shared: &Shared,
    id: QueueId,
    rows: Vec<QueuedRecipient>,
    by: &str,
) -> Result<Vec<Settlement>, StoreError> {
    let now = shared.now();
    let message = Message::read(id, &shared.store).await?;
    let status = EnhancedStatus(5, 7, 0);
    let note = "returned by the operator of this server";
    let news: Vec<News> =
        rows.iter().map(|row| News::plain(row, Action::Failed, status, Some(note.to_owned()))).collect();
    let mut report = match &message {
        Some(message) => bounce::report(shared, message, &news).await?,
        None => None,
    };
    let frame = Frame { at: now.wall, octets: message.map_or(0, |message| message.octets), millis: 0 };
    let settlement = |row: QueuedRecipient| {
        let record = frame.hop(&row, &Hop::none("queue"), Outcome::Removed { by: by.to_owned() });
        Settlement {
            message: row.message,
            n: row.n,
            change: Change::Done,
            records: vec![DeliveryRecord { note: Some(note.to_owned()), ..record }],
            new: report.take().into_iter().collect(),
            digest: None,
        }
    };
    Ok(rows.into_iter().map(settlement).collect())
}
