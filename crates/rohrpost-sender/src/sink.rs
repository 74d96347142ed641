//! Places where mail ends that is to reach nobody: in memory for tests, in files for a developer to open.
//!
//! Both say of each recipient [`Outcome::Queued`](crate::Outcome::Queued): the mail is kept here, and nobody has sent it. Both have a blocking twin in
//! [`crate::blocking::Transport`].

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rohrpost_client::BoxFuture;
use rohrpost_mail::{Envelope, Recipient};

use crate::{
    error::{Cause, Error},
    limits::{FILE_NAMES_TRIED_MAX, SINK_OCTETS_MAX},
    mail::Mail,
    receipt::Receipt,
    transport::Transport,
};

/// Keeps messages in memory. Cloning shares what is kept.
///
/// More than [`SINK_OCTETS_MAX`] are refused, as by a disk that is full.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Vec<Kept>>>);

/// A message that a [`Sink`] keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// From whom, and how.
    pub envelope: Envelope,
    /// To whom.
    pub recipients: Vec<Recipient>,
    /// The message, header included.
    pub octets: Vec<u8>,
}

impl Kept {
    /// The message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.octets).into_owned()
    }
}

impl Sink {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it keeps, in the order in which it came.
    pub fn kept(&self) -> Vec<Kept> {
        self.all().clone()
    }

    /// Hands out what it keeps, and keeps it no longer.
    pub fn take(&self) -> Vec<Kept> {
        std::mem::take(&mut *self.all())
    }

    /// Keeps a message. It blocks while files of it are read.
    pub(crate) fn keep(&self, mail: &Mail) -> Result<Receipt, Error> {
        let mut octets = Vec::new();
        mail.reader().read_to_end(&mut octets).map_err(failed("the message".as_ref()))?;
        let mut all = self.all();
        let held: usize = all.iter().map(|kept| kept.octets.len()).sum();
        if held + octets.len() > SINK_OCTETS_MAX {
            return Err(failed("the sink".as_ref())(io::ErrorKind::StorageFull.into()));
        }
        all.push(Kept { envelope: mail.envelope().clone(), recipients: mail.recipients().to_vec(), octets });
        Ok(Receipt::queued(mail, "sink".to_owned()))
    }

    fn all(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes each message into a file of a directory, for a mail program to open.
///
/// A file is called by the message's id with `.eml` behind it. Before the message stand `Return-Path` and `Envelope-To`, so that
/// it can be seen who would have got it, those in Bcc too. A file is there whole or not at all, and synced; none is ever
/// replaced.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("mail");
/// use rohrpost_sender::{FileSink, Mail, blocking::Transport};
///
/// let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").text("Hi").message_id("<1@firma.example>").build()?;
/// FileSink::new(&dir).send(&mail)?;
/// let text = std::fs::read_to_string(dir.join("1@firma.example.eml"))?;
/// assert!(text.starts_with("Return-Path: <anna@firma.example>\r\nEnvelope-To: bob@kunde.example\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileSink {
    directory: PathBuf,
}

impl FileSink {
    /// Into this directory, which is made, for its owner only, when the first message comes.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Writes a message.
    pub(crate) fn keep(&self, mail: &Mail) -> Result<Receipt, Error> {
        let file = self.write(mail).map_err(failed(&self.directory))?;
        Ok(Receipt::queued(mail, file.display().to_string()))
    }

    fn write(&self, mail: &Mail) -> io::Result<PathBuf> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let young = self.directory.join(format!(".{}.new", crate::mail::random_name()));
        let written = write_as(&young, mail).and_then(|()| self.name(&young, mail));
        // Renamed by a link, which replaces nothing: the first name goes in any case.
        let removed = std::fs::remove_file(&young);
        written.and_then(|file| removed.map(|()| file))
    }

    fn name(&self, young: &Path, mail: &Mail) -> io::Result<PathBuf> {
        let stem = file_stem(mail.message_id());
        for number in 1..=FILE_NAMES_TRIED_MAX {
            let name = if number == 1 { format!("{stem}.eml") } else { format!("{stem}-{number}.eml") };
            let file = self.directory.join(name);
            match std::fs::hard_link(young, &file) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => return linked.map(|()| file),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

fn write_as(file: &Path, mail: &Mail) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let to: Vec<String> = mail.recipients().iter().map(|to| to.address.to_string()).collect();
    write!(file, "Return-Path: <{}>\r\nEnvelope-To: {}\r\n", mail.envelope().reverse_path, to.join(",\r\n "))?;
    io::copy(&mut mail.reader(), &mut file)?;
    file.sync_all()
}

/// What of an id may stand in the name of a file. Such a name leads nowhere else and is not hidden.
fn file_stem(id: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-_+=".contains(c) { c } else { '_' };
    let stem: String = id.trim_start_matches('.').chars().take(CHARACTERS_MAX).map(plain).collect();
    if stem.is_empty() { "message".to_owned() } else { stem }
}

fn failed(what: &Path) -> impl Fn(io::Error) -> Error {
    move |error| Error::before(Cause::Spool { place: what.display().to_string(), error: Arc::new(error) })
}

impl Transport for Sink {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        let (sink, mail) = (self.clone(), mail.clone());
        Box::pin(aside(move || sink.keep(&mail)))
    }
}

impl Transport for FileSink {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        let (sink, mail) = (self.clone(), mail.clone());
        Box::pin(aside(move || sink.keep(&mail)))
    }
}

/// Work on files, where it may block.
async fn aside(work: impl FnOnce() -> Result<Receipt, Error> + Send + 'static) -> Result<Receipt, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(failed("the sink".as_ref())(io::ErrorKind::Interrupted.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn mail(id: &str) -> Mail {
        let mail = Mail::new().from("anna@firma.test").to("bob@kunde.test").bcc("cy@kunde.test").text("Hi");
        mail.message_id(id).build().unwrap()
    }

    #[tokio::test]
    async fn a_sink_keeps_what_would_have_gone_out() {
        let sink = Sink::new();
        let transport: Box<dyn Transport> = Box::new(sink.clone());
        let receipt = transport.send(&mail("<1@firma.test>")).await.unwrap();
        assert!(receipt.queued && receipt.is_complete());
        let [kept] = &*sink.take() else { panic!("one message") };
        assert_eq!(kept.recipients.len(), 2);
        assert!(kept.text().contains("To: bob@kunde.test\r\n") && !kept.text().contains("cy@"), "{kept:?}");
        assert!(sink.kept().is_empty());
    }

    #[tokio::test]
    async fn a_file_of_each_message_is_written_and_none_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let sink = FileSink::new(dir.path());
        for _ in 0..2 {
            Transport::send(&sink, &mail("<1@firma.test>")).await.unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["1@firma.test-2.eml", "1@firma.test.eml"]);
        let text = std::fs::read_to_string(dir.path().join("1@firma.test.eml")).unwrap();
        assert!(text.contains("Envelope-To: bob@kunde.test,\r\n cy@kunde.test\r\n"), "{text}");
    }

    #[test]
    fn an_id_becomes_a_name_that_leads_nowhere_else() {
        assert_eq!(file_stem("../../etc/x@here"), "_.._etc_x@here");
        assert_eq!(file_stem("..."), "message");
        assert_eq!(file_stem(&"a".repeat(999)).len(), 100);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_told() {
        let error = FileSink::new("/dev/null/mail").keep(&mail("<1@firma.test>")).unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Spool, 73), "{error}");
        assert!(error.to_string().starts_with("/dev/null/mail: "), "{error}");
    }
}
