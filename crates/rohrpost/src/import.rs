//! `rohrpost import`: mail that lies elsewhere, brought into the mailboxes of an account here.
//!
//! | module | what it is |
//! |---|---|
//! | [`source`] | where messages come from, one after the other |
//! | [`mbox`], [`maildir`], [`imap`] | the three kinds of it |
//! | [`files`] | which mbox files are meant, and the folder that each is |
//! | [`marks`] | flags and dates as they are written there |
//! | [`folders`] | which mailbox here takes the mail of a folder there |
//! | [`spool`] | one message on its way |
//! | [`sum`] | what a message is known again by |
//! | [`journal`] | what was imported, so that nothing comes twice |
//! | [`filing`] | batches on their way into the store |
//! | [`report`] | what became of it |
//!
//! The sources are read here, with the rights of whoever calls; the store belongs to the server, which is asked through
//! `control.sock` to file each batch in one commit. Nothing is changed at the source.

mod files;
mod filing;
mod folders;
mod imap;
mod journal;
pub(crate) mod limits;
pub(crate) mod maildir;
pub(crate) mod marks;
pub(crate) mod mbox;
mod report;
mod source;
mod spool;
mod sum;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use indicatif::ProgressBar;

use self::{
    files::is_standard_input,
    filing::Filing,
    folders::Mapping,
    journal::{Journal, Target},
    report::{Fault, Report},
    source::{Source, Step},
};
pub(crate) use self::{
    folders::Rule,
    report::Figures,
    source::Unit,
    sum::{Key, Sum},
};
use crate::{
    cli::{Import, Into, Place},
    commands::mismatch,
    control::{Answer, MailboxRow, Request},
    door::Door,
    exit::Exit,
    view,
};

/// Imports, or with `--dry-run` says what would be imported.
pub(crate) async fn run(place: &Place, command: Import) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    let into = match &command {
        Import::Mbox { into, .. } | Import::Maildir { into, .. } | Import::Imap { into, .. } => into,
    };
    let here = mailboxes(&door, into).await?;
    let uses = here.iter().filter_map(|row| Some((row.special_use.clone()?, row.name.clone()))).collect();
    let mapping = Mapping::new(into.folder.clone(), uses);
    let (source, state) = match &command {
        Import::Mbox { paths, .. } => (Source::mbox(paths, mapping)?, first_of(paths, into)?),
        Import::Maildir { root, .. } => {
            let root = named(root)?;
            (Source::maildir(&root, mapping)?, root)
        }
        Import::Imap { other, .. } => {
            let (source, name) = Source::imap(other, mapping).await?;
            (source, PathBuf::from(name))
        }
    };
    let state = into.state.clone().unwrap_or_else(|| with_ending(state));
    let (report, ended) = Importer::new(door, into, here, &state)?.run(source).await;
    if ended.is_ok() || !report.is_empty() {
        report.print(into.output)?;
    }
    ended?;
    Ok(if report.has_faults() { Exit::Data.into() } else { ExitCode::SUCCESS })
}

/// What the file in which mbox files are noted is named after.
fn first_of(paths: &[PathBuf], into: &Into) -> anyhow::Result<PathBuf> {
    match paths.first() {
        Some(path) if !is_standard_input(path) => named(path),
        _ => Ok(into.account.key().into()),
    }
}

/// `.` has no name that another file beside it could be named after.
fn named(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    path.canonicalize().with_context(|| path.display().to_string())
}

/// Where what was imported is noted if nobody says where.
fn with_ending(source: PathBuf) -> PathBuf {
    let mut name = source.into_os_string();
    name.push(".imported");
    name.into()
}

async fn mailboxes(door: &Door, into: &Into) -> anyhow::Result<Vec<MailboxRow>> {
    let request = Request::MailboxAll { account: into.account.clone() };
    let Answer::Mailboxes(rows) = door.ask(request).await? else { return Err(mismatch()) };
    Ok(rows)
}

/// An import at work.
struct Importer {
    filing: Filing,
    journal: Option<Journal>,
    skip_duplicates: bool,
    dry_run: bool,
    report: Report,
}

impl Importer {
    fn new(door: Door, into: &Into, here: Vec<MailboxRow>, state: &Path) -> anyhow::Result<Self> {
        // Where nothing is to be changed, nothing is noted either.
        let is_noted = !into.dry_run || state.exists();
        let inbox = here.iter().find(|row| row.name == "INBOX").map_or(0, |row| row.uid_validity);
        let target = Target { account: into.account.key(), inbox };
        let journal = is_noted.then(|| Journal::open(state, &target)).transpose()?;
        Ok(Self {
            filing: Filing::new(door, into.account.clone(), here),
            journal,
            skip_duplicates: into.skip_duplicates,
            dry_run: into.dry_run,
            report: Report::new(into.dry_run),
        })
    }

    /// Imports all that comes. The report holds also where it ends too early.
    async fn run(mut self, mut source: Source) -> (Report, anyhow::Result<()>) {
        let bar = view::moving::bar(source.unit());
        let ended = self.all(&mut source, &bar).await;
        bar.finish_and_clear();
        (self.report, ended)
    }

    async fn all(&mut self, source: &mut Source, bar: &ProgressBar) -> anyhow::Result<()> {
        if !self.dry_run
            && let Some(journal) = &mut self.journal
        {
            self.filing.settle_open(journal).await?;
        }
        loop {
            let journal = self.journal.as_ref();
            let step = source.next(|key| journal.is_some_and(|journal| journal.has(key))).await;
            let (done, whole) = source.progress();
            bar.set_length(whole);
            bar.set_position(done);
            match step {
                Ok(Some(step)) => self.take(step, bar).await?,
                Ok(None) => return self.flush().await,
                // What came so far is whole: it is filed before the error is told.
                Err(error) => return self.flush().await.and(Err(error)),
            }
        }
    }

    async fn take(&mut self, step: Step, bar: &ProgressBar) -> anyhow::Result<()> {
        let found = match step {
            Step::Known(mailbox) => {
                self.report.of(&mailbox).known += 1;
                return Ok(());
            }
            Step::Deleted(mailbox, fault) => {
                self.report.of(&mailbox).deleted += 1;
                if let Some(fault) = fault {
                    self.tell(fault, bar);
                }
                return Ok(());
            }
            Step::Bad(fault) => {
                self.tell(fault, bar);
                return Ok(());
            }
            Step::Mail(found) => found,
        };
        let nuls = found.letter.nuls;
        let nuls = (nuls > 0).then(|| format!("{} left out; the rest is imported", view::count(nuls, "NUL")));
        for why in nuls.into_iter().chain(found.note.clone()) {
            self.tell(Fault { place: found.place.clone(), why, is_lost: false }, bar);
        }
        if self.skip_duplicates && !self.filing.is_new(&found).await? {
            self.report.of(&found.mailbox).duplicates += 1;
            return Ok(());
        }
        if self.dry_run {
            self.report.of(&found.mailbox).imported += 1;
            return Ok(());
        }
        if !self.filing.has_room(&found) {
            self.flush().await?;
        }
        self.filing.push(*found);
        Ok(())
    }

    fn tell(&mut self, fault: Fault, bar: &ProgressBar) {
        bar.suspend(|| anstream::eprintln!("{}", view::moving::fault(&fault.place, &fault.why)));
        self.report.add(fault);
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.dry_run) else { return Ok(()) };
        if let Some((mailbox, messages)) = self.filing.flush(journal).await? {
            self.report.of(&mailbox).imported += messages;
        }
        Ok(())
    }
}
