//! `rohrpost export`: the mailboxes of an account as mbox files or as a Maildir.
//!
//! Flags and dates go along. [`mbox`] and [`maildir`] write; [`state`] notes how far they came, so that the same command
//! goes on where a stopped one ended. Mail is asked of the server in pages; files are written here, as the user who calls.

mod lines;
mod maildir;
mod mbox;
mod state;

use std::{fs, io, path::Path, process::ExitCode};

use anyhow::Context;
use indicatif::ProgressBar;
use percent_encoding::percent_decode_str;
use rohrpost_mail::Mailbox;
use serde::Serialize;

pub(crate) use self::state::STATE_FILE;
use self::{
    maildir::Tree,
    mbox::Files,
    state::{At, State},
};
use crate::{
    cli::{Export, Leaving, Place},
    commands::{mismatch, print_rows},
    control::{Answer, BodyOf, MailOut, MailboxRow, Request},
    door::Door,
    exit::{Exit, Failure},
    import::Unit,
    view,
};

/// What writes messages, in one form or the other. A message is begun, gets its octets, and is ended.
trait Form {
    /// Opens what takes the mail of a mailbox, and takes out what is behind the point that `at` says.
    fn open(&mut self, mailbox: &MailboxRow, at: &At) -> io::Result<()>;

    /// Begins a message.
    fn begin(&mut self, mail: &MailOut) -> io::Result<()>;

    /// Takes octets of it.
    fn write(&mut self, octets: &[u8]) -> io::Result<()>;

    /// Ends it.
    fn end(&mut self) -> io::Result<()>;

    /// Brings what was written onto the disk. Says the point to go on from.
    fn sync(&mut self) -> io::Result<u64>;

    /// Keywords of the mailbox for which this form has no room, those that were not told before.
    fn keywords_left_out(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// All mail of the mailbox was written.
    fn close(&mut self) -> io::Result<()>;
}

/// What was exported of a mailbox.
#[derive(Debug, Serialize)]
pub(crate) struct Exported {
    /// Its name.
    pub(crate) mailbox: String,
    /// Messages, over all runs.
    pub(crate) messages: u64,
    /// Keywords that found no room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keywords_left_out: Vec<String>,
}

/// Exports.
pub(crate) async fn run(place: &Place, command: Export) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    let (Export::Mbox(leaving) | Export::Maildir(leaving)) = &command;
    let mailboxes = chosen(&door, leaving).await?;
    fs::create_dir_all(&leaving.target).with_context(|| leaving.target.display().to_string())?;
    let form: Box<dyn Form> = match &command {
        Export::Mbox(_) => Box::new(Files::new(&leaving.target)),
        Export::Maildir(_) => Box::new(Tree::new(&leaving.target)),
    };
    let word = if matches!(command, Export::Mbox(_)) { "mbox" } else { "maildir" };
    let state = State::open(&leaving.target, &format!("{word} {}", leaving.account.key()))?;
    let bar = view::moving::bar(Unit::Messages);
    bar.set_length(mailboxes.iter().map(|row| u64::from(row.messages)).sum());
    let mut exporter = Exporter { door, account: leaving.account.clone(), form, state, bar };
    let mut rows = Vec::with_capacity(mailboxes.len());
    for mailbox in &mailboxes {
        rows.push(exporter.mailbox(mailbox).await?);
    }
    exporter.bar.finish_and_clear();
    exporter.state.remove()?;
    print_rows(leaving.output, &rows, view::moving::exported)?;
    Ok(ExitCode::SUCCESS)
}

async fn chosen(door: &Door, leaving: &Leaving) -> anyhow::Result<Vec<MailboxRow>> {
    let request = Request::MailboxAll { account: leaving.account.clone() };
    let Answer::Mailboxes(mut rows) = door.ask(request).await? else { return Err(mismatch()) };
    if leaving.folder.is_empty() {
        return Ok(rows);
    }
    if let Some(missing) = leaving.folder.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
        return Err(Failure::new(Exit::Unavailable, format!("{} has no mailbox {missing:?}", leaving.account)).into());
    }
    rows.retain(|row| leaving.folder.contains(&row.name));
    Ok(rows)
}

/// An export at work.
struct Exporter {
    door: Door,
    account: Mailbox,
    form: Box<dyn Form>,
    state: State,
    bar: ProgressBar,
}

impl Exporter {
    /// Exports a mailbox, or the rest of it.
    async fn mailbox(&mut self, mailbox: &MailboxRow) -> anyhow::Result<Exported> {
        let (mut at, name) = (self.state.of(mailbox), mailbox.name.clone());
        let mut keywords_left_out = Vec::new();
        self.bar.inc(at.messages);
        if at.is_done {
            return Ok(Exported { mailbox: name, messages: at.messages, keywords_left_out });
        }
        self.form.open(mailbox, &at).map_err(|error| cannot(&error))?;
        loop {
            let (account, name) = (self.account.clone(), mailbox.name.clone());
            let request = Request::MailPage { account, mailbox: name, after: at.uid };
            let Answer::Mails(page) = self.door.ask(request).await? else { return Err(mismatch()) };
            let Some(last) = page.last() else { break };
            at.uid = last.uid;
            at.messages += page.len() as u64;
            for mail in &page {
                self.mail(&mailbox.name, mail).await?;
                self.bar.inc(1);
            }
            at.point = self.form.sync().map_err(|error| cannot(&error))?;
            keywords_left_out.extend(self.tell_left_out(&mailbox.name));
            self.state.note(mailbox, at)?;
        }
        self.form.close().map_err(|error| cannot(&error))?;
        at.is_done = true;
        self.state.note(mailbox, at)?;
        Ok(Exported { mailbox: name, messages: at.messages, keywords_left_out })
    }

    /// Tells at once which keywords found no room: a run that goes on where this one ends would not know.
    fn tell_left_out(&mut self, mailbox: &str) -> Vec<String> {
        let new = self.form.keywords_left_out();
        if !new.is_empty() {
            let left_out = new.join(", ");
            let why = format!("a Maildir has letters for 26 keywords; left out: {left_out}; `export mbox` keeps all");
            self.bar.suspend(|| anstream::eprintln!("{}", view::moving::fault(mailbox, &why)));
        }
        new
    }

    async fn mail(&mut self, mailbox: &str, mail: &MailOut) -> anyhow::Result<()> {
        self.form.begin(mail).map_err(|error| cannot(&error))?;
        match &mail.content {
            Some(content) => self.form.write(&content.0).map_err(|error| cannot(&error))?,
            None => self.pieces(mailbox, mail.uid).await?,
        }
        Ok(self.form.end().map_err(|error| cannot(&error))?)
    }

    async fn pieces(&mut self, mailbox: &str, uid: u32) -> anyhow::Result<()> {
        let of = BodyOf::Mail { account: self.account.clone(), mailbox: mailbox.to_owned(), uid };
        let mut from = 0;
        loop {
            let Answer::Piece(piece) = self.door.ask(Request::Body { of: of.clone(), from }).await? else {
                return Err(mismatch());
            };
            self.form.write(&piece.bytes).map_err(|error| cannot(&error))?;
            from += piece.bytes.len() as u64;
            if piece.bytes.is_empty() || from >= piece.octets {
                return Ok(());
            }
        }
    }
}

/// A level of a mailbox's name as the name of a file: what cannot stand there is percent-encoded.
fn as_file_name(level: &str) -> String {
    let safe = |letter: char| !letter.is_control() && !matches!(letter, '/' | '\\' | '%');
    let mut name = String::with_capacity(level.len());
    for (at, letter) in level.char_indices() {
        // A name that began with a dot would be hidden, or `..`. One that ends so is a directory of Thunderbird's.
        let is_odd_dot = letter == '.' && (at == 0 || &level[at..] == ".sbd");
        if safe(letter) && !is_odd_dot {
            name.push(letter);
        } else {
            letter.encode_utf8(&mut [0; 4]).bytes().for_each(|octet| name.push_str(&format!("%{octet:02X}")));
        }
    }
    name
}

/// The level that [`as_file_name`] made this name of; else the name itself.
pub(crate) fn level_of_file_name(name: &str) -> String {
    let level = percent_decode_str(name).decode_utf8().unwrap_or_default();
    if as_file_name(&level) == name { level.into_owned() } else { name.to_owned() }
}

/// Makes the names in a directory durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn cannot(error: &io::Error) -> Failure {
    let exit = if error.kind() == io::ErrorKind::PermissionDenied { Exit::NoPermission } else { Exit::CannotCreate };
    Failure::new(exit, error)
}
