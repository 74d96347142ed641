//! Sending the rows, several at once.
//!
//! One task reads the rows, makes the mails and keeps the journal; as soon as a row is on disk as under way, another task hands
//! it over. The first row goes alone, so that a wrong password is tried once. A server that takes only so many connections
//! gets no more of them.
//!
//! ```text
//! rows ──▶ noted ── on disk ──▶ under way ──▶ settled
//!            ▲                      │
//!            └────── waiting ◀──────┘ no connection for it
//! ```

use std::{collections::VecDeque, sync::Arc};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;
use rohrpost_mail::Recipient;
use rohrpost_sender::Mail;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    journal::{Entry, Fate, Journal, Settled, UnderWay, Word},
    letter::Letter,
    limits::{AHEAD_ROWS, REPEATED_WITHIN, UNKNOWN_ROWS_MAX},
    pace::Pace,
    rows::{RowFault, Rows, Table, Values},
    way::{Passage, Stop, Way},
};
use crate::{
    cli::{self, AfterDot},
    commands::print,
    exit::Exit,
    view::{BAD, DIM, Styled},
};

/// How long the bar needs to be: one that changes more often cannot be read.
const BAR: &str = "{bar:30} {pos}/{len} rows, {pace}, {eta} left";

/// A run of a merge.
pub(super) struct Run<'a> {
    table: &'a Table,
    letter: &'a Letter,
    journal: &'a mut Journal,
    way: Arc<Way>,
    options: &'a cli::Merge,
    bar: ProgressBar,
    on_disk: watch::Receiver<u64>,
    /// Rows whose line is not on disk yet, with its number.
    noted: VecDeque<(u64, Row)>,
    /// Up to where a line of this run speaks for rows ahead, and the number of that line.
    ahead: (u64, u64),
    under_way: JoinSet<(Row, Passage)>,
    /// Rows that may be noted or under way now.
    width: usize,
    /// Rows that somebody was there for.
    settled: u64,
    /// Rows for which there was no connection.
    waiting: VecDeque<Row>,
    /// Rows in succession of which nobody knows.
    unknown: u32,
}

/// A row on its way.
struct Row {
    number: u64,
    line: u64,
    mail: Mail,
    /// How many rows had been settled when it was sent on its way.
    after: u64,
}

impl<'a> Run<'a> {
    /// Over `rows` rows, as far as the journal has not settled them.
    pub(super) fn new(
        table: &'a Table,
        letter: &'a Letter,
        journal: &'a mut Journal,
        way: Arc<Way>,
        options: &'a cli::Merge,
        rows: u64,
    ) -> Self {
        let bar = bar(journal.open_rows(rows));
        Self {
            table,
            letter,
            way,
            options,
            bar,
            on_disk: journal.on_disk(),
            journal,
            noted: VecDeque::new(),
            ahead: (0, 0),
            under_way: JoinSet::new(),
            width: 1,
            settled: 0,
            waiting: VecDeque::new(),
            unknown: 0,
        }
    }

    /// Sends every row that was not sent yet. It ends early when it is told to, or when no further row can be sent; rows that
    /// are under way then come to their end.
    pub(super) async fn send(&mut self) -> anyhow::Result<Option<Stop>> {
        let told = stop_by_signal()?;
        let mut rows = (1..).zip(self.table.rows()?);
        let mut pace = Pace::new(self.options.rate, Instant::now());
        let (mut stop, mut is_last) = (None, false);
        while self.busy() > 0 || stop.is_none() && !is_last {
            let may_begin = stop.is_none() && !is_last && self.busy() < self.width;
            tokio::select! {
                biased;
                () = told.cancelled(), if stop.is_none() => stop = Some(told_to_stop()),
                grown = self.on_disk.changed(), if !self.noted.is_empty() => match grown {
                    Ok(()) => self.hand_over(),
                    Err(_) => return Err(self.failed()),
                },
                Some(landed) = self.under_way.join_next() => {
                    let (row, passage) = landed.expect("handing over does not panic, and nobody aborts it");
                    let why = self.land(row, passage)?;
                    stop = stop.or(why);
                    is_last &= self.waiting.is_empty();
                }
                () = pace.due(), if may_begin => match self.next(&mut rows) {
                    Ok(Some(row)) => {
                        pace.count(Instant::now());
                        self.begin(row)?;
                    }
                    Ok(None) => is_last = true,
                    Err(why) => stop = Some(why),
                },
            }
        }
        self.bar.finish_and_clear();
        self.journal.take_back()?;
        Ok(stop)
    }

    /// The next row that is to be sent. All rows were good when they were checked; files may have vanished since.
    fn next(&mut self, rows: &mut impl Iterator<Item = (u64, <Rows as Iterator>::Item)>) -> Result<Option<Row>, Stop> {
        if let Some(row) = self.waiting.pop_front() {
            return Ok(Some(row));
        }
        let Some((number, (line, values))) = rows.find(|(number, _)| self.journal.wants(*number)) else {
            return Ok(None);
        };
        self.mail(line, values).map(|mail| Some(Row { number, line, mail, after: 0 }))
    }

    fn mail(&self, line: u64, values: Result<Values, RowFault>) -> Result<Mail, Stop> {
        let stop = |why: &dyn std::fmt::Display| Stop {
            code: Exit::Data as u8,
            why: format!("{}:{line}: {why}", self.options.rows.display()),
            hint: None,
        };
        let values = values.map_err(|fault| stop(&fault))?;
        self.letter.fill(&values).map_err(|error| stop(&error))
    }

    /// Rows between the file and the server.
    fn busy(&self) -> usize {
        self.noted.len() + self.under_way.len()
    }

    /// Notes that a row is under way, before it is.
    fn begin(&mut self, mut row: Row) -> anyhow::Result<()> {
        row.after = self.settled;
        let now = Timestamp::now().as_second();
        let since = self.journal.since(row.number);
        if since.is_some_and(|since| !self.is_remembered(now - since)) {
            self.settle(unknown(&row))?;
            // Whoever asks for it gets it sent again.
            if !self.journal.wants(row.number) {
                return Ok(());
            }
        }
        let under_way = UnderWay { row: row.number, at: since.unwrap_or(now) };
        let may_be_ahead = self.way.is_local() && !self.journal.was_begun(row.number);
        if may_be_ahead && row.number > self.ahead.0 {
            let until = UnderWay { row: row.number + AHEAD_ROWS - 1, at: now };
            self.ahead = (until.row, self.journal.append(Entry::Ahead(until), true)?);
        }
        let line = self.journal.append(Entry::Sending(under_way), !may_be_ahead)?;
        self.noted.push_back((if may_be_ahead { self.ahead.1 } else { line }, row));
        self.hand_over();
        Ok(())
    }

    /// Whether who was handed a row so many seconds ago knows it again. Nobody knows the age where the clock was set back.
    fn is_remembered(&self, age: i64) -> bool {
        self.way.is_local() && (0..REPEATED_WITHIN.as_secs().cast_signed()).contains(&age)
    }

    /// Sends the rows on their way whose lines are on disk.
    fn hand_over(&mut self) {
        let on_disk = *self.on_disk.borrow_and_update();
        while let Some((_, row)) = self.noted.pop_front_if(|(line, _)| *line <= on_disk) {
            let (way, merge) = (self.way.clone(), self.journal.id.clone());
            self.under_way.spawn(async move {
                let passage = way.carry(&merge, row.number, &row.mail).await;
                (row, passage)
            });
        }
    }

    /// What the disk said to the journal.
    fn failed(&mut self) -> anyhow::Error {
        self.journal.close().err().unwrap_or_else(|| anyhow::anyhow!("the journal was closed before its end"))
    }

    /// Notes what became of a row. Why no further one is sent, if so.
    fn land(&mut self, row: Row, passage: Passage) -> anyhow::Result<Option<Stop>> {
        match passage {
            Passage::Settled { server, seal, fates } => {
                self.widen();
                let settled =
                    Settled { row: row.number, line: row.line, server: Some(server), seal, recipients: fates };
                self.unknown = if settled.is_unknown() { self.unknown + 1 } else { 0 };
                self.settle(settled)?;
                Ok(self.lost_hope())
            }
            Passage::Stopped(stop) => {
                self.journal.append(Entry::Back { row: row.number }, !self.way.is_local())?;
                Ok(self.narrow(row, stop))
            }
            Passage::Silent(stop) => Ok(Some(stop)),
        }
    }

    /// A row has come back: after the first, others may go beside the next.
    fn widen(&mut self) {
        self.settled += 1;
        if self.settled == 1 {
            self.width = self.options.connections.unwrap_or(self.way.connections()).into();
        }
    }

    /// There was no connection for a row. Where others have one, or had one meanwhile, the row waits for theirs; else it would
    /// be the same for the next one.
    fn narrow(&mut self, row: Row, stop: Stop) -> Option<Stop> {
        if self.busy() == 0 && self.settled == row.after {
            return Some(stop);
        }
        self.width = self.busy().max(1);
        self.waiting.push_back(row);
        let (width, why) = (self.width, stop.why);
        self.bar.suspend(|| anstream::eprintln!("{} {width} connections from now on: {why}", Styled(DIM, "rohrpost:")));
        None
    }

    fn lost_hope(&self) -> Option<Stop> {
        if self.unknown >= UNKNOWN_ROWS_MAX {
            return Some(fell_silent());
        }
        self.journal.is_overfull().then(too_many_deferred)
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
                self.complain(settled.line, fate);
            }
        }
        Ok(())
    }

    fn complain(&self, line: u64, fate: &Fate) {
        let reply = fate.reply.as_deref().unwrap_or("no reply came; it may have arrived");
        let word = Styled(BAD, fate.outcome.as_str());
        let rows = self.options.rows.display();
        self.bar.suspend(|| anstream::eprintln!("{rows}:{line}: {word} {}: {reply}", fate.recipient));
    }
}

/// Somebody may have it, and nobody remembers.
fn unknown(row: &Row) -> Settled {
    let fate = |to: &Recipient| Fate { recipient: to.address.to_string(), outcome: Word::Unknown, reply: None };
    let recipients = row.mail.recipients().iter().map(fate).collect();
    Settled { row: row.number, line: row.line, server: None, seal: None, recipients }
}

/// A bar on standard error, where that is a terminal, over the rows that are left.
fn bar(rows: u64) -> ProgressBar {
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

fn too_many_deferred() -> Stop {
    Stop { code: Exit::TempFail as u8, why: "too many rows were deferred".to_owned(), hint: None }
}

fn fell_silent() -> Stop {
    let why = format!("{UNKNOWN_ROWS_MAX} rows in succession got no reply: each of them may have arrived, or not");
    let hint = "Look at the server, and whether they arrived. They stay as they are; the same command with --after-dot \
                retry sends them once more, with --after-dot assume-delivered it goes on behind them.";
    Stop { code: Exit::Io as u8, why, hint: Some(hint.to_owned()) }
}

/// Cancelled by Ctrl-C or SIGTERM: rows under way are finished then. A second one ends the program at once, and leaves
/// them unknown.
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
