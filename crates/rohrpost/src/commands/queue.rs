//! `rohrpost queue`

use std::process::ExitCode;

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rohrpost_store::State;
use serde::Serialize;

use super::{mailbox::print_body, mismatch, print, print_json, print_rows};
use crate::{
    cli::{self, Output, Place, Selection, StateWord},
    control::{Answer, BodyOf, PAGE_ROWS, QueueRow, Request, VerbWord},
    door::Door,
    exit::{Exit, Failure},
    view,
};

/// Runs one of the queue's commands.
pub(super) async fn run(place: &Place, command: cli::Queue) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        cli::Queue::List { filter, limit, output } => list(&door, filter, limit as usize, output).await,
        cli::Queue::Show { id, body, output } => show(&door, id, body, output).await,
        cli::Queue::Shape { output } => shape(&door, output).await,
        cli::Queue::Hold(selection) => apply(&door, selection, VerbWord::Hold, "held", true).await,
        cli::Queue::Release(selection) => apply(&door, selection, VerbWord::Release, "released", true).await,
        cli::Queue::Retry(selection) => apply(&door, selection, VerbWord::Retry, "due now", true).await,
        cli::Queue::Route { to, selection } => apply(&door, selection, VerbWord::Route(to), "rerouted", true).await,
        cli::Queue::Drop { selection, yes } => apply(&door, selection, VerbWord::Drop, "dropped", yes).await,
        cli::Queue::Bounce { selection, yes } => apply(&door, selection, VerbWord::Bounce, "bounced", yes).await,
    }
}

async fn list(door: &Door, filter: cli::Filter, limit: usize, output: Output) -> anyhow::Result<ExitCode> {
    let filter = filter_of(filter);
    let mut rows: Vec<QueueRow> = Vec::new();
    while rows.len() < limit {
        let after = rows.last().map(|row| (row.id, row.n));
        let page = PAGE_ROWS.min(limit - rows.len());
        let request = Request::QueueList { filter: filter.clone(), after, limit: page };
        let Answer::Queue(found) = door.ask(request).await? else { return Err(mismatch()) };
        let last = found.len() < page;
        rows.extend(found);
        if last {
            break;
        }
    }
    print_rows(output, &rows, |rows| view::queue::list(rows, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(door: &Door, id: QueueId, body: bool, output: Output) -> anyhow::Result<ExitCode> {
    let Answer::Message(message) = door.ask(Request::QueueShow { id }).await? else { return Err(mismatch()) };
    print_rows(output, &[&message], |_| view::queue::show(&message, Timestamp::now()))?;
    if body {
        print("\n")?;
        print_body(door, BodyOf::Queued(id)).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn shape(door: &Door, output: Output) -> anyhow::Result<ExitCode> {
    let Answer::Shape(rows) = door.ask(Request::QueueShape).await? else { return Err(mismatch()) };
    print_rows(output, &rows, view::queue::shape)?;
    Ok(ExitCode::SUCCESS)
}

/// What a verb did, in JSON.
#[derive(Serialize)]
struct Applied {
    recipients: u64,
    done: bool,
}

/// Applies a verb, or only counts where that was wanted or `sure` is missing.
async fn apply(door: &Door, selection: Selection, verb: VerbWord, done: &str, sure: bool) -> anyhow::Result<ExitCode> {
    let filter = filter_of(selection.filter);
    if filter == rohrpost_store::Filter::default() && !selection.all {
        return Err(Failure::new(Exit::Usage, "which mail? Name ids, use a filter, or say --all").into());
    }
    let count_only = selection.dry_run || !sure;
    let Answer::Count(recipients) = door.ask(Request::QueueApply { filter, verb, count_only }).await? else {
        return Err(mismatch());
    };
    if selection.output.json {
        print_json([Applied { recipients, done: !count_only }])?;
    } else {
        let would = if count_only { "would be " } else { "" };
        print(&format!("{} {would}{done}\n", view::count(recipients, "recipient")))?;
    }
    if !sure && !selection.dry_run {
        eprintln!("Nothing was changed; --yes does it.");
    }
    Ok(ExitCode::SUCCESS)
}

/// The filter as the store has it.
fn filter_of(filter: cli::Filter) -> rohrpost_store::Filter {
    rohrpost_store::Filter {
        ids: filter.ids,
        sender: filter.sender,
        account: filter.account,
        recipient: filter.recipient,
        domain: filter.domain.map(|domain| domain.to_string()),
        route: filter.route,
        state: filter.state.map(|state| match state {
            StateWord::Waiting => State::Waiting,
            StateWord::Held => State::Held,
        }),
    }
}
