//! Programs that keep a Maildir and a mailbox alike: mbsync (isync) and offlineimap.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Server, run};
use crate::peers::rohrpost::{ANN, PASSWORD};

/// A Maildir tree and the program that syncs it.
struct Synced {
    directory: TempDir,
    program: Command,
}

impl Synced {
    /// mbsync that does not wait for its own disk: no power is cut here.
    fn mbsync(server: &Server) -> Self {
        let directory = TempDir::new().expect("a directory can be made");
        let path = directory.path().display();
        let settings = format!(
            "FSync no\n\nIMAPAccount here\nHost localhost\nPort {}\nUser {ANN}\nPass \"{PASSWORD}\"\nSSLType IMAPS\n\
             CertificateFile {}\n\nIMAPStore far\nAccount here\n\n\
             MaildirStore near\nPath {path}/mail/\nInbox {path}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n",
            server.imaps.port(),
            server.certificate().display(),
        );
        let file = directory.path().join("mbsyncrc");
        fs::write(&file, settings).expect("the file can be written");
        fs::create_dir(directory.path().join("mail")).expect("the directory can be made");
        let mut program = Command::new("mbsync");
        program.arg("--config").arg(file).arg("--all").env("HOME", directory.path()).stdin(Stdio::null());
        Self { directory, program }
    }

    fn offlineimap(server: &Server) -> Self {
        let directory = TempDir::new().expect("a directory can be made");
        let path = directory.path().display();
        let settings = format!(
            "[general]\naccounts = here\nui = basic\nmetadata = {path}/state\n\n\
             [Account here]\nlocalrepository = near\nremoterepository = far\n\n\
             [Repository near]\ntype = Maildir\nlocalfolders = {path}/mail\n\n\
             [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {}\nremoteuser = {ANN}\n\
             remotepass = {PASSWORD}\nssl = yes\nsslcacertfile = {}\n",
            server.imaps.port(),
            server.certificate().display(),
        );
        let file = directory.path().join("offlineimaprc");
        fs::write(&file, settings).expect("the file can be written");
        let mut program = Command::new("offlineimap");
        program.arg("-o").arg("-c").arg(file).env("HOME", directory.path()).stdin(Stdio::null());
        Self { directory, program }
    }

    #[track_caller]
    fn sync(&mut self) {
        run(&mut self.program);
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.directory.path().join("mail").join(name)
    }

    /// Puts a message into a folder.
    fn deliver(&self, folder: &str, subject: &str) {
        deliver(&self.folder(folder), subject);
    }

    /// The subjects in a folder, each with the flags in its file's name.
    fn mails(&self, folder: &str) -> BTreeMap<String, String> {
        self.files(folder).into_iter().map(|file| (subject_of(&file), flags_of(&file))).collect()
    }

    /// Sets flags, `S` for seen, on the messages for whose subjects there are some.
    fn mark(&self, folder: &str, flags: impl Fn(&str) -> Option<&'static str>) {
        for file in self.files(folder) {
            let Some(flags) = flags(&subject_of(&file)) else { continue };
            let name = file.file_name().expect("it has a name").to_string_lossy().into_owned();
            let name = name.split(":2,").next().expect("a split has a part");
            let to = self.folder(folder).join("cur").join(format!("{name}:2,{flags}"));
            fs::rename(file, to).expect("the file can be renamed");
        }
    }

    /// Removes the messages with such subjects.
    fn remove(&self, folder: &str, which: impl Fn(&str) -> bool) {
        for file in self.files(folder).into_iter().filter(|file| which(&subject_of(file))) {
            fs::remove_file(file).expect("the file can be removed");
        }
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let parts = ["cur", "new"].map(|part| self.folder(folder).join(part));
        let entries = parts.iter().flat_map(|part| fs::read_dir(part).into_iter().flatten().flatten());
        entries.map(|entry| entry.path()).collect()
    }
}

/// Puts a message into a Maildir, as a delivery agent does.
fn deliver(maildir: &Path, subject: &str) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).expect("the directory can be made");
    }
    let text =
        format!("From: bob@there.test\r\nSubject: {subject}\r\nMessage-ID: <{subject}@there.test>\r\n\r\nText\r\n");
    fs::write(maildir.join("new").join(format!("1.{subject}.here")), text).expect("the file can be written");
}

fn subject_of(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("the message can be read");
    let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("it has a subject");
    subject.to_owned()
}

fn flags_of(file: &Path) -> String {
    let name = file.to_string_lossy();
    name.rsplit_once(":2,").map(|(_, flags)| flags.to_owned()).unwrap_or_default()
}

/// Two trees of two programs see the same mail, flags and losses, whoever made them.
fn both_ways(mut one: Synced, mut other: Synced) {
    for number in 0..30 {
        one.deliver("INBOX", &format!("mail-{number}"));
    }
    one.deliver("Reisen", "ticket");
    one.sync();
    other.sync();
    assert_eq!(other.mails("INBOX").len(), 30);
    assert!(other.mails("Reisen").contains_key("ticket"));

    other.mark("INBOX", |subject| (subject == "mail-7").then_some("FS"));
    other.remove("INBOX", |subject| subject == "mail-8");
    one.mark("INBOX", |subject| (subject == "mail-9").then_some("RS"));
    other.sync();
    one.sync();
    other.sync();
    let (here, there) = (one.mails("INBOX"), other.mails("INBOX"));
    assert_eq!(here, there);
    assert_eq!((here["mail-7"].as_str(), here["mail-9"].as_str()), ("FS", "RS"));
    assert!(here.len() == 29 && !here.contains_key("mail-8"), "{here:?}");
}

#[test]
fn mbsync_carries_mail_flags_and_losses_both_ways() {
    let server = Server::start();
    both_ways(Synced::mbsync(&server), Synced::mbsync(&server));
}

#[test]
fn offlineimap_and_mbsync_agree() {
    let server = Server::start();
    both_ways(Synced::mbsync(&server), Synced::offlineimap(&server));
}

#[test]
fn mbsync_keeps_ten_thousand_messages_alike_though_it_is_killed() {
    const ALL: usize = 10_000;
    const FAR: usize = 8_000;
    let server = Server::start();
    let (mut one, mut other) = (Synced::mbsync(&server), Synced::mbsync(&server));
    let far = TempDir::new().expect("a directory can be made");
    (0..FAR).for_each(|number| deliver(far.path(), &format!("mail-{number}")));
    server.rohrpost.ask(&["import", "maildir", "--account", ANN, &far.path().display().to_string()]);
    (FAR..ALL).for_each(|number| one.deliver("INBOX", &format!("mail-{number}")));

    let mut cut = one.program.spawn().expect("it is there: `cargo xtask programs` installs it");
    let left = Cell::new((ALL - FAR) / 2);
    server.rohrpost.log().wait_for_line("half of the mail being appended", |line| {
        left.update(|left| left - usize::from(line.contains("appended")));
        left.get() == 0
    });
    cut.kill().expect("it is our child");
    cut.wait().expect("it is our child");
    // It sends ahead. What had arrived is still filed, and mbsync must see all of that, or it files it again.
    server.rohrpost.log().wait_for("session ended");
    one.sync();
    other.sync();
    assert_eq!((one.files("INBOX").len(), other.files("INBOX").len()), (ALL, ALL), "mail was lost or came twice");

    one.mark("INBOX", |subject| subject.ends_with('3').then_some("FS"));
    other.mark("INBOX", |subject| subject.ends_with('5').then_some("RS"));
    other.remove("INBOX", |subject| subject.ends_with('7'));
    other.sync();
    one.sync();
    other.sync();
    let kept = (0..ALL).filter(|number| number % 10 != 7).map(|number| {
        let flags = [(3, "FS"), (5, "RS")].into_iter().find(|(digit, _)| number % 10 == *digit);
        (format!("mail-{number}"), flags.map(|(_, flags)| flags.to_owned()).unwrap_or_default())
    });
    let kept: BTreeMap<_, _> = kept.collect();
    // Of ten thousand no list is shown.
    assert!(one.mails("INBOX") == kept, "the tree that was cut is not as it should be");
    assert!(other.mails("INBOX") == kept, "the tree that was filled from the mailbox is not as it should be");
}
