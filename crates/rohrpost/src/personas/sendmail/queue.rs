//! `-bp`, `-q` and their like: the queue of the running server, by the requests of `rohrpost queue`.

use std::process::ExitCode;

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rohrpost_store::Filter;

use super::options::Flush;
use crate::{
    cli::Place,
    commands::{mismatch, print},
    control::{Answer, PAGE_ROWS, QueueRow, Request, VerbWord},
    door::Door,
    exit::{Exit, Failure},
    view,
};

/// Prints what waits. Of an empty queue it says what `mailq` has always said, for which scripts look.
pub(super) async fn list(place: &Place) -> anyhow::Result<ExitCode> {
    let rows = rows(place).await?;
    let text = view::queue::list(&rows, Timestamp::now());
    print(if rows.is_empty() { "Mail queue is empty\n" } else { &text })?;
    Ok(ExitCode::SUCCESS)
}

async fn rows(place: &Place) -> anyhow::Result<Vec<QueueRow>> {
    let door = Door::find(place)?;
    let mut rows: Vec<QueueRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| (row.id, row.n));
        let request = Request::QueueList { filter: Filter::default(), after, limit: PAGE_ROWS };
        let Answer::Queue(page) = door.ask(request).await? else { return Err(mismatch()) };
        let is_last = page.len() < PAGE_ROWS;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

/// Makes mail due now. Like `postqueue` it says nothing: cron would send every word to somebody.
pub(super) async fn flush(place: &Place, flush: &Flush) -> anyhow::Result<ExitCode> {
    let filters = match flush {
        Flush::All => vec![Filter::default()],
        Flush::Id(id) => {
            let id: QueueId = id.parse().map_err(|error| Failure::new(Exit::Usage, format!("-qI {id:?} ({error})")))?;
            vec![Filter { ids: vec![id], ..Filter::default() }]
        }
        Flush::Recipient(text) => {
            let rows = rows(place).await?.into_iter().filter(|row| contains(row, text));
            rows.map(|row| Filter { ids: vec![row.id], recipient: Some(row.recipient), ..Filter::default() }).collect()
        }
    };
    let door = Door::find(place)?;
    for filter in filters {
        door.ask(Request::QueueApply { filter, verb: VerbWord::Retry, count_only: false }).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn contains(row: &QueueRow, text: &str) -> bool {
    row.recipient.to_string().to_lowercase().contains(&text.to_lowercase())
}
