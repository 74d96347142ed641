//! Sending the rows, one after the other.

use std::{path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use rohrpost_sender::{Mail, Rate};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    journal::{Entry, Fate, Journal, Settled, UnderWay, Word},
    letter::Letter,
    limits::REPEATED_WITHIN,
    rows::{RowFault, Table, Values},
    way::{Passage, Stop, Way},
};
use crate::{
    cli::{self, AfterDot},
    commands::print,
    exit::Exit,
    view::{BAD, Styled},
};

/// How long the bar needs to be: one that changes more often cannot be read.
const BAR: &str = "{bar:30} {pos}/{len} rows, {pace}, {eta} left";

/// All that a run needs.
pub(super) struct Run<'a> {
    pub(super) table: &'a Table,
    pub(super) letter: &'a Letter,
    pub(super) journal: &'a mut Journal,
    pub(super) way: &'a Way,
    pub(super) options: &'a cli::Merge,
    pub(super) bar: ProgressBar,
}

impl Run<'_> {
    /// Sends every row that was not sent yet. It ends early when it is told to, or when no further row can be sent.
    pub(super) async fn send(&mut self) -> anyhow::Result<Option<Stop>> {
        self.judge_the_interrupted()?;
        let stop = stop_by_signal()?;
        let mut pace = Pace::new(self.options.rate, Instant::now());
        for (row, (line, values)) in (1_u64..).zip(self.table.rows()?) {
            if !self.journal.wants(row) {
                continue;
            }
            let mail = match self.mail(line, values) {
                Ok(mail) => mail,
                Err(stop) => return Ok(Some(stop)),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Some(told_to_stop())),
                () = sleep_until(pace.take(Instant::now())) => {}
            }
            if let Some(stop) = self.one(row, line, mail).await? {
                return Ok(Some(stop));
            }
        }
        Ok(None)
    }

    /// A row that was under way when the last run was killed: nobody knows whether it arrived, except where the server does.
    fn judge_the_interrupted(&mut self) -> anyhow::Result<()> {
        let Some(UnderWay { row, line, local, recipients }) = self.journal.under_way().cloned() else { return Ok(()) };
        if local && self.way.is_local() && self.journal.age() < REPEATED_WITHIN {
            self.journal.forget_under_way();
            return Ok(());
        }
        let fate = |recipient| Fate { recipient, outcome: Word::Unknown, reply: None };
        let fates = recipients.into_iter().map(fate).collect();
        self.settle(Settled { row, line, server: None, seal: None, recipients: fates })
    }

    /// The mail of a row. All rows were good when they were checked; files may have vanished since.
    fn mail(&self, line: u64, values: Result<Values, RowFault>) -> Result<Mail, Stop> {
        let stop = |why: &dyn std::fmt::Display| Stop {
            code: Exit::Data as u8,
            why: format!("{}:{line}: {why}", self.options.rows.display()),
            hint: None,
        };
        let values = values.map_err(|fault| stop(&fault))?;
        self.letter.fill(&values).map_err(|error| stop(&error))
    }

    async fn one(&mut self, row: u64, line: u64, mail: Mail) -> anyhow::Result<Option<Stop>> {
        let recipients = mail.recipients().iter().map(|to| to.address.to_string()).collect();
        let local = self.way.is_local();
        self.journal.append(Entry::Sending(UnderWay { row, line, local, recipients }), true)?;
        match self.way.carry(&self.journal.id, row, mail).await {
            Passage::Settled { server, seal, fates } => {
                self.settle(Settled { row, line, server: Some(server), seal, recipients: fates })?;
                Ok(self.journal.is_overfull().then(|| Stop {
                    code: Exit::TempFail as u8,
                    why: "too many rows were deferred".to_owned(),
                    hint: None,
                }))
            }
            Passage::Stopped(stop) => {
                self.journal.append(Entry::Back { row }, !local)?;
                Ok(Some(stop))
            }
        }
    }

    fn settle(&mut self, mut settled: Settled) -> anyhow::Result<()> {
        if self.options.after_dot == AfterDot::AssumeDelivered {
            let unknown = settled.recipients.iter_mut().filter(|fate| fate.outcome == Word::Unknown);
            unknown.for_each(|fate| fate.outcome = Word::Assumed);
        }
        self.journal.append(Entry::Done(settled.clone()), !self.way.is_local())?;
        self.bar.inc(1);
        if self.options.output.json {
            return print(&(serde_json::to_string(&settled)? + "\n"));
        }
        for fate in &settled.recipients {
            if matches!(fate.outcome, Word::Deferred | Word::Refused | Word::Unknown) {
                self.complain(&self.options.rows, settled.line, fate);
            }
        }
        Ok(())
    }

    fn complain(&self, rows: &Path, line: u64, fate: &Fate) {
        let reply = fate.reply.as_deref().unwrap_or("no reply came; it may have arrived");
        let word = Styled(BAD, fate.outcome.as_str());
        let rows = rows.display();
        self.bar.suspend(|| anstream::eprintln!("{rows}:{line}: {word} {}: {reply}", fate.recipient));
    }
}

/// A bar on standard error, where that is a terminal, over the rows that are left.
pub(super) fn bar(rows: u64) -> ProgressBar {
    let pace = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // Where the bar cannot be written nobody sees it.
        let _ = write!(out, "{:.0}/h", state.per_sec() * 3600.0);
    };
    let style = ProgressStyle::with_template(BAR).expect("the template is in order").with_key("pace", pace);
    ProgressBar::new(rows).with_style(style)
}

fn told_to_stop() -> Stop {
    Stop { code: Exit::TempFail as u8, why: "stopped behind the last row".to_owned(), hint: None }
}

/// Cancelled by Ctrl-C or SIGTERM: the row under way is finished then. A second one ends the program at once, and leaves
/// that row unknown.
fn stop_by_signal() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.is_cancelled() {
                std::process::exit(i32::from(Exit::TempFail as u8));
            }
            told.cancel();
        }
    });
    Ok(stop)
}

/// Rows at even distances: the first at once, whatever was sent in the hour before.
struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<Rate>, now: Instant) -> Self {
        Self { interval: rate.map(Rate::interval).unwrap_or_default(), next: now }
    }

    /// When the next row may go: now or later.
    fn take(&mut self, now: Instant) -> Instant {
        let due = self.next.max(now);
        self.next = due + self.interval;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_out_at_even_distances_and_lost_time_is_not_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(Some("250/h".parse().unwrap()), start);
        let mut due = |seconds| (pace.take(start + Duration::from_secs(seconds)) - start).as_millis();
        assert_eq!([due(0), due(0), due(20), due(60), due(60)], [0, 14_400, 28_800, 60_000, 74_400]);
        let mut unlimited = Pace::new(None, start);
        assert!((0..3).all(|_| unlimited.take(start) == start));
    }
}
