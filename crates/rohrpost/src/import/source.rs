//! Where messages come from: one after the other, each whole.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    vec,
};

use anyhow::Context;
use jiff::Timestamp;

use super::{
    folders::Mapping,
    imap::ImapSource,
    limits::LINE_BYTES_MAX,
    maildir::{self, Entry, Folder, Keywords},
    marks,
    mbox::Mbox,
    report::Fault,
    spool::{Letter, Spool},
    sum::Key,
};
use crate::{
    cli::Other,
    exit::{Exit, Failure},
};

/// What comes next.
pub(super) enum Step {
    /// A message.
    Mail(Box<Found>),
    /// A message for this mailbox that was imported before.
    Known(String),
    /// One that cannot be read.
    Bad(Fault),
}

/// A message and what its source says of it.
pub(super) struct Found {
    /// What its source knows it by, for good.
    pub(super) key: Key,
    /// Where it is, for people.
    pub(super) place: String,
    /// The mailbox it goes to.
    pub(super) mailbox: String,
    /// Its flags by their IMAP names.
    pub(super) flags: Vec<String>,
    /// When it came.
    pub(super) at: Option<Timestamp>,
    /// The message.
    pub(super) letter: Letter,
}

/// What the figures of [`Source::progress`] count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    /// Octets.
    Octets,
    /// Messages.
    Messages,
}

/// One of the three.
pub(super) enum Source {
    Mbox(MboxSource),
    Maildir(MaildirSource),
    Imap(Box<ImapSource>),
}

impl Source {
    /// mbox files, in this order.
    pub(super) fn mbox(files: Vec<PathBuf>, mapping: Mapping) -> anyhow::Result<Self> {
        let mut octets = 0;
        for file in &files {
            let found = fs::metadata(file).with_context(|| file.display().to_string())?;
            if !found.is_file() {
                let message = format!("{}: expected a file; `import maildir` reads directories", file.display());
                return Err(Failure::new(Exit::Data, message).into());
            }
            octets += found.len();
        }
        Ok(Self::Mbox(MboxSource {
            files: files.into_iter(),
            mapping,
            open: None,
            seen: HashMap::new(),
            before: 0,
            octets,
        }))
    }

    /// A tree of Maildirs.
    pub(super) fn maildir(root: &Path, mapping: Mapping) -> anyhow::Result<Self> {
        let found = maildir::folders(root).map_err(|error| unreadable(root, &error))?;
        let mut folders = Vec::with_capacity(found.len());
        let mut messages = 0;
        for folder in found {
            let entries = maildir::entries(&folder).map_err(|error| unreadable(&folder.path, &error))?;
            messages += entries.len() as u64;
            folders.push((folder, entries));
        }
        let folders = folders.into_iter();
        Ok(Self::Maildir(MaildirSource { folders, mapping, open: None, done: 0, messages }))
    }

    /// The mailboxes of another server, and a name for what is noted about them.
    pub(super) async fn imap(other: &Other, mapping: Mapping) -> anyhow::Result<(Self, String)> {
        let (source, name) = ImapSource::connect(other, mapping).await?;
        Ok((Self::Imap(Box::new(source)), name))
    }

    /// The next message; none at the end. Of those that are `known` no more is read than tells that they are.
    pub(super) async fn next(&mut self, known: impl Fn(&Key) -> bool) -> anyhow::Result<Option<Step>> {
        match self {
            Self::Mbox(source) => source.next(known),
            Self::Maildir(source) => Ok(source.next(known)),
            Self::Imap(source) => source.next(known).await,
        }
    }

    /// How much has been read, and how much there is.
    pub(super) fn progress(&self) -> (u64, u64) {
        match self {
            Self::Mbox(source) => {
                (source.before + source.open.as_ref().map_or(0, |open| open.mbox.position()), source.octets)
            }
            Self::Maildir(source) => (source.done, source.messages),
            Self::Imap(source) => source.progress(),
        }
    }

    /// What that counts.
    pub(super) fn unit(&self) -> Unit {
        if matches!(self, Self::Mbox(_)) { Unit::Octets } else { Unit::Messages }
    }
}

/// mbox files.
pub(super) struct MboxSource {
    files: vec::IntoIter<PathBuf>,
    mapping: Mapping,
    open: Option<OpenMbox>,
    /// How often each message was seen. A file gives its messages no names that stay, so their text is their name, and
    /// its copies are numbered.
    seen: HashMap<Key, u64>,
    /// Octets of the files that were read.
    before: u64,
    octets: u64,
}

struct OpenMbox {
    path: PathBuf,
    mailbox: String,
    mbox: Mbox<File>,
}

impl MboxSource {
    fn next(&mut self, known: impl Fn(&Key) -> bool) -> anyhow::Result<Option<Step>> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => match self.files.next() {
                    Some(path) => self.open.insert(OpenMbox::new(path, &self.mapping)?),
                    None => return Ok(None),
                },
            };
            let Some(mail) = open.mbox.next().map_err(|error| unreadable(&open.path, &error))? else {
                self.before += open.mbox.position();
                self.open = None;
                continue;
            };
            if !mail.is_mail {
                continue;
            }
            let text = Key::of(format!("{} {:?}", open.mailbox, mail.letter.key).as_bytes());
            let copy = self.seen.entry(text.clone()).or_default();
            let key = text.numbered(*copy);
            *copy += 1;
            if known(&key) {
                return Ok(Some(Step::Known(open.mailbox.clone())));
            }
            let place = format!("{}, message {} at octet {}", open.path.display(), mail.number, mail.offset);
            let at = mail.at.or_else(|| marks::of_header(&mail.letter.header));
            let (mailbox, flags, letter) = (open.mailbox.clone(), mail.marks.names(), mail.letter);
            return Ok(Some(Step::Mail(Box::new(Found { key, place, mailbox, flags, at, letter }))));
        }
    }
}

impl OpenMbox {
    fn new(path: PathBuf, mapping: &Mapping) -> anyhow::Result<Self> {
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        let mbox = Mbox::new(file).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = [".mbox", ".mbx"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        // `mbox` is what the inbox in a home directory is called.
        let mailbox = mapping.target(if name == "mbox" { "INBOX" } else { name }, &[]);
        Ok(Self { path, mailbox, mbox })
    }
}

/// A tree of Maildirs.
pub(super) struct MaildirSource {
    folders: vec::IntoIter<(Folder, Vec<Entry>)>,
    mapping: Mapping,
    open: Option<OpenFolder>,
    done: u64,
    messages: u64,
}

struct OpenFolder {
    name: String,
    mailbox: String,
    keywords: Keywords,
    entries: vec::IntoIter<Entry>,
}

impl MaildirSource {
    fn next(&mut self, known: impl Fn(&Key) -> bool) -> Option<Step> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => self.open.insert(OpenFolder::new(self.folders.next()?, &self.mapping)),
            };
            let Some(entry) = open.entries.next() else {
                self.open = None;
                continue;
            };
            self.done += 1;
            let key = Key::of(format!("{} {}", open.name, entry.unique).as_bytes());
            if known(&key) {
                return Some(Step::Known(open.mailbox.clone()));
            }
            let place = entry.path.display().to_string();
            return Some(match read_file(&entry.path) {
                Ok((letter, metadata)) => {
                    let flags = maildir::marks(&entry, &open.keywords).names();
                    let at = maildir::arrived(&entry, &metadata).or_else(|| marks::of_header(&letter.header));
                    Step::Mail(Box::new(Found { key, place, mailbox: open.mailbox.clone(), flags, at, letter }))
                }
                Err(error) => Step::Bad(Fault { place, why: error.to_string(), is_lost: true }),
            });
        }
    }
}

impl OpenFolder {
    fn new((folder, entries): (Folder, Vec<Entry>), mapping: &Mapping) -> Self {
        let name = if folder.name.is_empty() { "INBOX".to_owned() } else { folder.name.join("/") };
        let (mailbox, keywords) = (mapping.target(&name, &[]), Keywords::of(&folder));
        Self { name, mailbox, keywords, entries: entries.into_iter() }
    }
}

fn read_file(path: &Path) -> io::Result<(Letter, fs::Metadata)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let (mut spool, mut piece) = (Spool::new(), vec![0; LINE_BYTES_MAX]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => spool.push(&piece[..read])?,
        }
    }
    Ok((spool.finish()?, metadata))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        io::ErrorKind::NotFound => Exit::NoInput,
        io::ErrorKind::PermissionDenied => Exit::NoPermission,
        io::ErrorKind::InvalidData => Exit::Data,
        _ => Exit::Io,
    };
    Failure::new(exit, format!("{}: {error}", path.display()))
}
