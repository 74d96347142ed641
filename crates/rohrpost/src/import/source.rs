//! Where messages come from: one after the other, each whole.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    vec,
};

use jiff::Timestamp;

use super::{
    files::{Files, MboxFile, is_standard_input},
    folders::Mapping,
    imap::ImapSource,
    limits::LINE_BYTES_MAX,
    maildir::{self, Entry, Folder, Keywords},
    marks,
    mbox::{Mbox, MboxMail, What},
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
    /// A message of the folder for this mailbox that its owner had deleted, and what may have gone with it.
    Deleted(String, Option<Fault>),
    /// Mail that cannot be read.
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
    /// What is strange about it.
    pub(super) note: Option<String>,
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
    /// mbox files and trees of them, in this order; `-` is standard input.
    pub(super) fn mbox(paths: &[PathBuf], mapping: Mapping) -> anyhow::Result<Self> {
        if paths.iter().any(|path| is_standard_input(path)) && !mapping.has_one_for_all() {
            let message = "standard input has no name: say with --folder which mailbox it goes to";
            return Err(Failure::new(Exit::Usage, message).into());
        }
        let Files { found, faults } = Files::find(paths)?;
        let octets = found.iter().map(|file| file.octets).sum();
        Ok(Self::Mbox(MboxSource {
            files: found.into_iter(),
            faults: faults.into_iter(),
            mapping,
            open: None,
            seen: HashMap::new(),
            before: 0,
            octets,
        }))
    }

    /// A tree of Maildirs.
    pub(super) fn maildir(root: &Path, mapping: Mapping) -> anyhow::Result<Self> {
        let mut tree = maildir::folders(root).map_err(|error| unreadable(root, &error))?;
        let mut folders = Vec::with_capacity(tree.found.len());
        let mut messages = 0;
        for folder in tree.found {
            let mut held = maildir::entries(&folder);
            messages += held.found.len() as u64;
            tree.faults.append(&mut held.faults);
            folders.push((folder, held.found));
        }
        let (folders, faults, root) = (folders.into_iter(), tree.faults.into_iter(), root.to_owned());
        Ok(Self::Maildir(MaildirSource { root, folders, faults, mapping, open: None, done: 0, messages }))
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
    files: vec::IntoIter<MboxFile>,
    /// What in their directories cannot be read.
    faults: vec::IntoIter<Fault>,
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
        if let Some(fault) = self.faults.next() {
            return Ok(Some(Step::Bad(fault)));
        }
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => match self.files.next() {
                    Some(file) => self.open.insert(OpenMbox::new(file, &self.mapping)?),
                    None => return Ok(None),
                },
            };
            match open.mbox.next() {
                Ok(Some(mail)) if mail.what == What::Note => {}
                Ok(Some(mail)) if mail.what == What::Deleted => {
                    let why = doubt(&mail);
                    let fault = why.map(|why| Fault { place: open.place(&mail), why, is_lost: true });
                    return Ok(Some(Step::Deleted(open.mailbox.clone(), fault)));
                }
                Ok(Some(mail)) => return Ok(Some(open.step(mail, &mut self.seen, known))),
                Ok(None) => self.close(),
                // The other files may be better.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let fault = Fault::lost(&open.path, error);
                    self.close();
                    return Ok(Some(Step::Bad(fault)));
                }
                Err(error) => return Err(unreadable(&open.path, &error).into()),
            }
        }
    }

    fn close(&mut self) {
        self.before += self.open.take().map_or(0, |open| open.mbox.position());
    }
}

impl OpenMbox {
    fn new(mut file: MboxFile, mapping: &Mapping) -> anyhow::Result<Self> {
        let mbox = file.open().and_then(Mbox::new).map_err(|error| unreadable(&file.path, &error))?;
        let mailbox = mapping.target(file.folder.as_deref().unwrap_or_default(), &[]);
        Ok(Self { path: file.path, mailbox, mbox })
    }

    fn step(&self, mail: MboxMail, seen: &mut HashMap<Key, u64>, known: impl Fn(&Key) -> bool) -> Step {
        let text = Key::of(format!("{} {:?}", self.mailbox, mail.letter.key).as_bytes());
        let copy = seen.entry(text.clone()).or_default();
        let key = text.numbered(*copy);
        *copy += 1;
        if known(&key) {
            return Step::Known(self.mailbox.clone());
        }
        let at = mail.at.or_else(|| marks::of_header(&mail.letter.header));
        let (place, note) = (self.place(&mail), doubt(&mail));
        let (mailbox, flags, letter) = (self.mailbox.clone(), mail.marks.names(), mail.letter);
        Step::Mail(Box::new(Found { key, place, mailbox, flags, at, note, letter }))
    }

    fn place(&self, mail: &MboxMail) -> String {
        format!("{}, message {} at octet {}", self.path.display(), mail.number, mail.offset)
    }
}

/// What may have been meant for another message.
fn doubt(mail: &MboxMail) -> Option<String> {
    let first = mail.doubtful.first()?;
    let which = match mail.doubtful.len() - 1 {
        0 => format!("the line at octet {first} looks"),
        more => format!("the line at octet {first} and {more} more look"),
    };
    Some(format!("{which} like the start of a message, but with no date that can be; taken for text"))
}

/// A tree of Maildirs.
pub(super) struct MaildirSource {
    root: PathBuf,
    folders: vec::IntoIter<(Folder, Vec<Entry>)>,
    /// What in the tree cannot be read.
    faults: vec::IntoIter<Fault>,
    mapping: Mapping,
    open: Option<OpenFolder>,
    done: u64,
    messages: u64,
}

struct OpenFolder {
    /// Its path below the root, which no other has.
    name: Vec<u8>,
    mailbox: String,
    keywords: Keywords,
    entries: vec::IntoIter<Entry>,
}

impl MaildirSource {
    fn next(&mut self, known: impl Fn(&Key) -> bool) -> Option<Step> {
        if let Some(fault) = self.faults.next() {
            return Some(Step::Bad(fault));
        }
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => self.open.insert(OpenFolder::new(self.folders.next()?, &self.root, &self.mapping)),
            };
            let Some(entry) = open.entries.next() else {
                self.open = None;
                continue;
            };
            self.done += 1;
            let key = Key::of(&[&open.name, &b"/"[..], &entry.unique].concat());
            return Some(if known(&key) { Step::Known(open.mailbox.clone()) } else { open.step(&entry, key) });
        }
    }
}

impl OpenFolder {
    fn new((folder, entries): (Folder, Vec<Entry>), root: &Path, mapping: &Mapping) -> Self {
        let below = folder.path.strip_prefix(root).unwrap_or(&folder.path);
        let name = if folder.name.is_empty() { "INBOX".to_owned() } else { folder.name.join("/") };
        let (mailbox, keywords) = (mapping.target(&name, &[]), Keywords::of(&folder));
        Self { name: below.as_os_str().as_bytes().to_vec(), mailbox, keywords, entries: entries.into_iter() }
    }

    fn step(&self, entry: &Entry, key: Key) -> Step {
        let (letter, metadata) = match read_file(&entry.path) {
            Ok(read) => read,
            Err(error) => return Step::Bad(Fault::lost(&entry.path, error)),
        };
        let flags = maildir::marks(entry, &self.keywords).names();
        let at = maildir::arrived(entry, &metadata).or_else(|| marks::of_header(&letter.header));
        let (place, mailbox) = (entry.path.display().to_string(), self.mailbox.clone());
        Step::Mail(Box::new(Found { key, place, mailbox, flags, at, note: None, letter }))
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
