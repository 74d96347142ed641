//! `-bp`, `-q` and their like: the queue of the running server, by the requests of `rohrpost queue`.

use std::process::ExitCode;

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rohrpost_store::Filter;

use super::options::Flush;
use crate::{
    cli::Place,
    commands::{mismatch, print},
    config::ConfigError,
    control::{Answer, PAGE_ROWS, QueueRow, Request, VerbWord},
    door::Door,
    exit::{Exit, Failure, code_of},
    view,
};

/// Asks the server about its queue.
async fn ask(place: &Place, request: Request) -> anyhow::Result<Answer> {
    let answer = async { Door::find(place)?.ask(request).await };
    answer
        .await
        .map_err(|error| if is_closed(&error) { Failure::new(Exit::NoPermission, CLOSED).into() } else { error })
}

/// Who writes to whom is not every user's business, and who asks is mostly just curious whether their mail is gone.
const CLOSED: &str = "the queue is shown to root and to the server's own user only (try sudo)";

/// Whether it is this user's rights that are missing: for the configuration, the socket or the store.
fn is_closed(error: &anyhow::Error) -> bool {
    let is_denied = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    let is_unreadable =
        |error: &ConfigError| matches!(error, ConfigError::Unreadable { error, .. } if is_denied(error));
    code_of(error) == Exit::NoPermission || error.downcast_ref().is_some_and(is_unreadable)
}

/// Prints what waits. Of an empty queue it says what `mailq` has always said, for which scripts look.
pub(super) async fn list(place: &Place) -> anyhow::Result<ExitCode> {
    let rows = rows(place).await?;
    let text = view::queue::list(&rows, Timestamp::now());
    print(if rows.is_empty() { "Mail queue is empty\n" } else { &text })?;
    Ok(ExitCode::SUCCESS)
}

async fn rows(place: &Place) -> anyhow::Result<Vec<QueueRow>> {
    let mut rows: Vec<QueueRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| (row.id, row.n));
        let request = Request::QueueList { filter: Filter::default(), after, limit: PAGE_ROWS };
        let Answer::Queue(page) = ask(place, request).await? else { return Err(mismatch()) };
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
    for filter in filters {
        ask(place, Request::QueueApply { filter, verb: VerbWord::Retry, count_only: false }).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn contains(row: &QueueRow, text: &str) -> bool {
    row.recipient.to_string().to_lowercase().contains(&text.to_lowercase())
}
