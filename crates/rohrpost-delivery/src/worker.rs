//! A worker: does one job, then further ones of the same site while it has the connection.

use std::sync::Arc;

use rohrpost_mail::{EnhancedStatus, Outcome, Stage, dsn::Action};
use rohrpost_queue::{Duty, Job, schedule};
use rohrpost_store::settle::Change;

use crate::{
    attempt::{self, Findings},
    bounce::News,
    ledger::Entry,
    limits::{MESSAGES_IN_A_ROW_MAX, ROUTE_FAILURES, ROUTE_FAILURES_AGAIN},
    local,
    message::Message,
    record::{Frame, leaving},
    route,
    settings::Settings,
    settle::{self, Draft, Terms},
    shared::Shared,
    verdict::{Hop, Judgement, Verdict},
    way::Way,
};

/// Does a job and further ones of its site.
pub(crate) async fn work(shared: Arc<Shared>, job: Job) {
    let site = job.site.clone();
    do_job(&shared, job).await;
    for _ in 1..MESSAGES_IN_A_ROW_MAX {
        if shared.is_stopping() {
            return;
        }
        let Some(job) = shared.queue.try_more(&site) else { return };
        do_job(&shared, job).await;
    }
}

async fn do_job(shared: &Shared, job: Job) {
    let message = match Message::of(&job, &shared.store).await {
        Ok(Some(message)) => message,
        Ok(None) => {
            // An operator dropped it between two looks at the queue.
            shared.ledger.enter(Entry { settlements: Vec::new(), rows: leaving(&job) }).await;
            return job.finish();
        }
        Err(error) => {
            // The job is given up without a settlement: its recipients rest, and the store reports what is damaged.
            tracing::error!(message = %job.message, %error, "a message cannot be read");
            return;
        }
    };
    let entry = match job.duty {
        Duty::Overdue => Some(overdue(shared, &job, &message).await),
        Duty::Attempt => attempt(shared, &job, &message).await,
    };
    let Some(entry) = entry else { return };
    shared.ledger.enter(entry).await;
    job.finish();
}

async fn attempt(shared: &Shared, job: &Job, message: &Message) -> Option<Entry> {
    let started = shared.now().steady;
    let settings = shared.settings();
    let (findings, terms) = match Way::of(job.site.route(), &settings) {
        Way::Local => return local::file(shared, job, message).await,
        Way::Mx(policy) => (attempt::to_mx(shared, job, message, policy).await, Terms::default()),
        Way::Relay(route) => {
            let findings = route::deliver(shared, job, message, route).await;
            watch_route(shared, &route.name, &findings, &settings);
            (findings, Terms { after_dot: route.after_dot, escalation: route.escalation.as_ref() })
        }
        Way::Unknown => {
            let findings = attempt::no_such_route(shared, job, message);
            watch_route(shared, job.site.route(), &findings, &settings);
            (findings, Terms::default())
        }
    };
    if let (Some(gate), Some(signal)) = (job.gate(), findings.signal) {
        shared.queue.report(gate, signal);
    }
    let frame = Frame::new(message, started, shared.now());
    let mut entry = entry_of(shared, job, message, findings, frame, terms).await;
    if let Way::Relay(route) = Way::of(job.site.route(), &settings) {
        // The way it went, where the settings send it another one than its row names.
        for record in entry.settlements.iter_mut().flat_map(|settlement| &mut settlement.records) {
            record.route.clone_from(&route.name);
        }
    }
    Some(entry)
}

/// The entry for what an attempt found out. Recipients it did not come to stay as they are: the server is stopping.
async fn entry_of(
    shared: &Shared,
    job: &Job,
    message: &Message,
    findings: Findings,
    frame: Frame,
    terms: Terms<'_>,
) -> Entry {
    let results = job.recipients.iter().zip(&findings.results);
    let drafts = results.map(|(row, result)| match result {
        Some(result) => settle::draft(shared, row, result, frame, terms),
        None => Draft::untouched(row),
    });
    settle::entry(shared, job, message, drafts.collect()).await
}

/// A named route that fails again and again without a success is worth a notice.
fn watch_route(shared: &Shared, name: &str, findings: &Findings, settings: &Settings) {
    let results = || findings.results.iter().flatten();
    let verdicts = || results().map(|attempted| &attempted.verdict);
    if verdicts().any(|verdict| verdict.judgement == Judgement::Sent) {
        let is_login =
            |verdict: &&Verdict| verdict.judgement == Judgement::Misconfigured && verdict.stage == Some(Stage::Auth);
        if let Some(verdict) = results().flat_map(|attempted| &attempted.earlier).find(is_login) {
            let host = verdict.hop.peer.as_deref().unwrap_or("a host");
            shared.notices.refused_login(settings.language, name, host, &crate::record::reason(verdict));
        }
        return shared.notices.route_worked(name);
    }
    let Some(verdict) = verdicts().find(|verdict| verdict.may_go_on()) else { return };
    let enough = if verdict.judgement == Judgement::Misconfigured { 1 } else { ROUTE_FAILURES };
    let failures = shared.notices.route_failed(name);
    if failures == enough || failures.is_multiple_of(ROUTE_FAILURES_AGAIN) {
        shared.notices.dead_route(settings.language, name, &crate::record::reason(verdict));
    }
}

/// Recipients beyond their time that no attempt is due for: their site is closed, but their sender must hear of it.
async fn overdue(shared: &Shared, job: &Job, message: &Message) -> Entry {
    let now = shared.now();
    let frame = Frame::new(message, now.steady, now);
    let drafts = job.recipients.iter().map(|row| {
        let closed = shared.queue.closed_for(&job.site).is_some();
        let why = if closed {
            "the servers of the destination have not answered for some time"
        } else {
            "it has not been its turn"
        };
        let leapt = shared.queue.leapt_since(row.created);
        // Nothing is given up without having been tried: where the site is open an attempt comes and says the last word.
        if closed && schedule::later(row.expires, leapt) <= now.wall {
            let record = frame.hop(row, &Hop::none("queue"), Outcome::Expired);
            let note = Some(why.to_owned());
            let news = News::plain(row, Action::Failed, EnhancedStatus(5, 4, 7), note.clone());
            return Draft::done(rohrpost_mail::DeliveryRecord { note, ..record }, Some(news));
        }
        let is_late =
            shared.queue.settings().schedule_of(&row.route).is_late(schedule::later(row.created, leapt), now.wall);
        if row.delay_notice_sent || !is_late {
            return Draft::untouched(row);
        }
        let news = News::plain(row, Action::Delayed, EnhancedStatus(4, 4, 1), Some(why.to_owned()));
        Draft { news: Some(news), change: Change::DelayNoticeSent, ..Draft::untouched(row) }
    });
    settle::entry(shared, job, message, drafts.collect()).await
}
