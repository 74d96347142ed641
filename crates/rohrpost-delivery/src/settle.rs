//! From verdicts to settlements: what the store is to change, which records it keeps, who is told.

use std::time::Duration;

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, EnhancedStatus, Outcome, dsn::Action};
use rohrpost_queue::{Job, Next, schedule};
use rohrpost_store::{NewMessage, QueuedRecipient, Settlement, settle::Change};

use crate::{
    bounce::{self, News},
    ledger::Entry,
    message::Message,
    record::{Frame, reason},
    settings::{AfterDot, Escalation},
    shared::Shared,
    verdict::{Hop, Judgement, Verdict},
};

/// How long recipients wait whose bounce could not be written.
const BOUNCE_REST: Duration = Duration::from_mins(10);

/// What an attempt found out about one recipient: the verdicts of all hosts, in their order. The last one counts.
#[derive(Clone, Debug)]
pub(crate) struct Attempted {
    pub(crate) verdict: Verdict,
    pub(crate) earlier: Vec<Verdict>,
}

/// What the route of a job says about attempts that did not work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms<'a> {
    pub(crate) after_dot: AfterDot,
    pub(crate) escalation: Option<&'a Escalation>,
}

/// One recipient's settlement while it is being put together.
pub(crate) struct Draft {
    pub(crate) change: Change,
    /// The route it takes from now on, where that is another one.
    pub(crate) reroute: Option<String>,
    pub(crate) records: Vec<DeliveryRecord>,
    pub(crate) news: Option<News>,
    /// When it is due again.
    pub(crate) due: Option<Timestamp>,
    /// Whether its sender is told with this settlement that it is late.
    pub(crate) tells_delay: bool,
}

impl Draft {
    /// A recipient that leaves the queue.
    pub(crate) fn done(record: DeliveryRecord, news: Option<News>) -> Self {
        Self { change: Change::Done, reroute: None, records: vec![record], news, due: None, tells_delay: false }
    }

    /// Whether the store may leave the recipient as it is after all.
    fn needs_room(&self) -> bool {
        matches!(self.change, Change::FileIfRoom(_))
    }

    /// A recipient that stays as it is.
    pub(crate) fn untouched(row: &QueuedRecipient) -> Self {
        let (due, news) = (Some(row.due), None);
        Self { change: Change::Nothing, reroute: None, records: Vec::new(), news, due, tells_delay: false }
    }
}

/// Puts a draft together for what an attempt found out.
pub(crate) fn draft(
    shared: &Shared,
    row: &QueuedRecipient,
    result: &Attempted,
    frame: Frame,
    terms: Terms<'_>,
) -> Draft {
    let verdict = &result.verdict;
    let mut draft = match (verdict.judgement, terms.after_dot) {
        (Judgement::Sent, _) => sent(row, verdict, frame),
        // A way that is unfit has given way to the verdict of the whole route by now.
        (Judgement::Refused | Judgement::Unfit, _) => {
            let news = News::of(row, Action::Failed, verdict);
            Draft::done(frame.record(row, verdict, Outcome::Failed), Some(news))
        }
        (Judgement::Later | Judgement::Misconfigured, _) => {
            escalated(row, frame, terms.escalation, later(shared, row, verdict, frame))
        }
        (Judgement::Unknown, AfterDot::Retry) => {
            let mut draft = later(shared, row, verdict, frame);
            draft.records.insert(0, frame.record(row, verdict, Outcome::PossiblyDuplicated));
            draft
        }
        (Judgement::Unknown, AfterDot::Hold) => hold(row, verdict, frame),
        (Judgement::Unknown, AfterDot::AssumeDelivered) => assume(row, verdict, frame),
    };
    // Hosts that were asked before: each leaves its record, "try the next one at once".
    let earlier =
        result.earlier.iter().map(|verdict| frame.record(row, verdict, Outcome::Deferred { until: frame.at }));
    draft.records.splice(0..0, earlier);
    draft
}

fn sent(row: &QueuedRecipient, verdict: &Verdict, frame: Frame) -> Draft {
    // RFC 3461 §5.2.2: where the next server reports nothing back, the sender hears from us how far it came.
    let news = (!verdict.hop.reports).then(|| News::of(row, Action::Relayed, verdict));
    Draft::done(frame.record(row, verdict, Outcome::Relayed), news)
}

fn later(shared: &Shared, row: &QueuedRecipient, verdict: &Verdict, frame: Frame) -> Draft {
    let attempt = row.attempts.saturating_add(1);
    let settings = shared.queue.settings();
    let schedule = settings.schedule_of(&row.route);
    // What the clock leapt meanwhile is no time that the message has waited.
    let leapt = shared.queue.leapt_since(row.created);
    let (created, expires) = (schedule::later(row.created, leapt), schedule::later(row.expires, leapt));
    match schedule.next(attempt, frame.at, created, expires, rand::random()) {
        Next::Expired => expired(row, verdict, frame),
        Next::At(due) => {
            let late = !row.delay_notice_sent && schedule.is_late(created, frame.at);
            Draft {
                change: Change::Defer { due, attempts: attempt, last: Some(reason(verdict)) },
                reroute: None,
                records: vec![frame.record(row, verdict, Outcome::Deferred { until: due })],
                news: late.then(|| News::of(row, Action::Delayed, verdict)),
                due: Some(due),
                tells_delay: late,
            }
        }
    }
}

/// Delivery rule 37: after so many attempts the recipient takes another route, at once and with its attempts counted
/// anew; its lifetime goes on. An attempt of unknown outcome changes nothing: what may have arrived is not to come by a
/// second way as well.
fn escalated(row: &QueuedRecipient, frame: Frame, escalation: Option<&Escalation>, draft: Draft) -> Draft {
    let (Some(Escalation { after_tries, then }), Change::Defer { attempts: tries, last, .. }) =
        (escalation, &draft.change)
    else {
        return draft;
    };
    if tries < after_tries {
        return draft;
    }
    let (due, what) = (frame.at, format!("goes by {then} from now on"));
    let plural = if *tries == 1 { "" } else { "s" };
    let note = DeliveryRecord {
        note: Some(format!("{tries} failed attempt{plural} by {}", row.route)),
        ..frame.hop(row, &Hop::none("queue"), Outcome::Noted { what })
    };
    let at_once = |record| DeliveryRecord { outcome: Outcome::Deferred { until: due }, ..record };
    Draft {
        change: Change::Defer { due, attempts: 0, last: last.clone() },
        reroute: Some(then.clone()),
        records: draft.records.into_iter().map(at_once).chain([note]).collect(),
        due: Some(due),
        ..draft
    }
}

/// Delivery rule 40: a failure at expiry says what the last attempt met.
fn expired(row: &QueuedRecipient, verdict: &Verdict, frame: Frame) -> Draft {
    let status = EnhancedStatus(5, 4, 7);
    let days = schedule::age(row.created, frame.at).as_secs() / 86_400;
    let note = format!("given up after {days} days; last: {}", reason(verdict));
    let record = DeliveryRecord { note: Some(note.clone()), ..frame.record(row, verdict, Outcome::Expired) };
    let news = News { status, note: Some(note), ..News::of(row, Action::Failed, verdict) };
    Draft::done(record, Some(news))
}

fn hold(row: &QueuedRecipient, verdict: &Verdict, frame: Frame) -> Draft {
    let last =
        "the connection was lost after the final dot: it may have been sent; `release` sends it again, `drop` does not";
    let held = Outcome::Noted { what: "held".into() };
    Draft {
        change: Change::Hold { last: Some(last.into()) },
        reroute: None,
        records: vec![
            frame.record(row, verdict, Outcome::PossiblyDuplicated),
            DeliveryRecord { note: Some(last.into()), ..frame.hop(row, &verdict.hop, held) },
        ],
        news: None,
        due: None,
        tells_delay: false,
    }
}

fn assume(row: &QueuedRecipient, verdict: &Verdict, frame: Frame) -> Draft {
    let note = "no reply came to the final dot; the route assumes that it was taken".to_owned();
    Draft::done(DeliveryRecord { note: Some(note), ..frame.record(row, verdict, Outcome::Relayed) }, None)
}

/// Turns the drafts of a job into its entry for the ledger, with the notification that comes of them. Those that need room
/// have one of their own, for they may not be written.
pub(crate) async fn entry(shared: &Shared, job: &Job, message: &Message, mut drafts: Vec<Draft>) -> Entry {
    let mut joint = report(shared, message, drafts.iter_mut().filter(|draft| !draft.needs_room()).collect()).await;
    let mut entry = Entry::default();
    let is_null = message.envelope.reverse_path.mailbox().is_none();
    for (row, mut draft) in job.recipients.iter().zip(drafts) {
        let report = if draft.needs_room() { report(shared, message, vec![&mut draft]).await } else { joint.take() };
        let failed = draft.news.as_ref().filter(|news| is_null && news.action == Action::Failed);
        let digest = failed.map(|news| news.digest_entry(shared.now().wall));
        entry.rows.push(((row.message, row.n), draft.due));
        let settle =
            |change, records, new, digest| Settlement { message: row.message, n: row.n, change, records, new, digest };
        entry.settlements.push(settle(draft.change, draft.records, report.into_iter().collect(), digest));
        if let Some(route) = draft.reroute {
            let change = Change::Route { route, site: row.site.clone() };
            entry.settlements.push(settle(change, Vec::new(), Vec::new(), None));
        }
        if draft.tells_delay {
            entry.settlements.push(settle(Change::DelayNoticeSent, Vec::new(), Vec::new(), None));
        }
    }
    entry
}

/// The notification that comes of some drafts. Their recipients wait where it cannot be written.
async fn report(shared: &Shared, message: &Message, drafts: Vec<&mut Draft>) -> Option<NewMessage> {
    let news: Vec<News> = drafts.iter().filter_map(|draft| draft.news.clone()).collect();
    match bounce::report(shared, message, &news).await {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(message = %message.id, %error, "a bounce cannot be written; its recipients wait");
            for draft in drafts {
                postpone(draft, shared.now().wall);
            }
            None
        }
    }
}

/// Nobody is lost without a word: recipients whose bounce cannot be written stay in the queue for now.
fn postpone(draft: &mut Draft, now: Timestamp) {
    let Some(news) = draft.news.take_if(|news| news.is_wanted()) else { return };
    draft.tells_delay = false;
    if news.action == Action::Failed {
        let due = schedule::later(now, BOUNCE_REST);
        let last = Some("the bounce cannot be written".to_owned());
        draft.records.clear();
        draft.change = Change::Defer { due, attempts: news.row.attempts, last };
        draft.due = Some(due);
    }
}
