//! `rohrpost trace`

use std::process::ExitCode;

use rohrpost_mail::{DeliveryRecord, QueueId, ReversePath, Seal};
use serde::Serialize;

use super::{mismatch, print, print_json};
use crate::{
    cli::{self, Place},
    control::{Answer, QueueRow, Request, Trace},
    door::Door,
    view,
};

/// Shows each hop of the messages that are meant.
pub(super) async fn run(place: &Place, command: &cli::Trace) -> anyhow::Result<ExitCode> {
    let request = Request::Trace { query: command.query.clone(), limit: command.limit as usize };
    let Answer::Traces(traces) = Door::find(place)?.ask(request).await? else { return Err(mismatch()) };
    if command.output.json {
        print_json(traces.iter().map(Json::of))?;
    } else {
        let texts: Vec<_> = traces.iter().map(view::trace::render).collect();
        print(&texts.join("\n\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One message in JSON: the records as they are stored, each with its seal.
#[derive(Serialize)]
pub(crate) struct Json<'a> {
    id: QueueId,
    sender: Option<&'a ReversePath>,
    message_id: Option<&'a str>,
    hops: Vec<Hop<'a>>,
    waiting: &'a [QueueRow],
}

#[derive(Serialize)]
struct Hop<'a> {
    seal: Option<Seal>,
    #[serde(flatten)]
    record: &'a DeliveryRecord,
}

impl<'a> Json<'a> {
    /// The JSON form of a trace.
    pub(crate) fn of(trace: &'a Trace) -> Self {
        let hop = |record: &'a DeliveryRecord| Hop { seal: record.seal(), record };
        Self {
            id: trace.id,
            sender: trace.sender.as_ref(),
            message_id: trace.message_id.as_deref(),
            hops: trace.records.iter().map(hop).collect(),
            waiting: &trace.waiting,
        }
    }
}
