//! Mail is fetched by POP3, with the programs that people fetch it with: fetchmail, getmail, mpop, curl, Python.

mod curl;
mod fetchmail;
mod getmail;
mod mpop;
mod poplib;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::peers::rohrpost::ANN;
use crate::peers::{DEADLINE, Dns, Installation, Rohrpost, free_address};

/// A message with everything that a client could get wrong: dots, a long line, umlauts, no empty line at its end.
const TRICKY: &str = "Subject: dots\r\n\r\n.\r\n..\r\n.dot\r\nGr\u{fc}\u{df}e\r\n\r\n.";

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// Password and mail in clear text.
    Clear,
    /// STLS first.
    Stls,
    /// TLS from the first octet.
    Implicit,
}

impl Way {
    const ALL: [Self; 3] = [Self::Clear, Self::Stls, Self::Implicit];
}

/// A server whose mail is fetched.
struct PostOffice {
    /// STLS required.
    pop3: SocketAddr,
    /// TLS from the first octet.
    pop3s: SocketAddr,
    /// TLS offered, passwords taken without it, too.
    open: SocketAddr,
    lmtp: PathBuf,
    /// Where clients put what they fetch.
    folder: TempDir,
    rohrpost: Rohrpost,
    _dns: Dns,
}

impl PostOffice {
    /// One whose Ann has these messages; lines end with CRLF.
    fn with_mail(texts: &[&str]) -> Self {
        let folder = TempDir::with_prefix("rohrpost-pop3-").expect("a directory can be made");
        set_mode(folder.path(), 0o711);
        let lmtp = folder.path().join("lmtp.sock");
        let [pop3, pop3s, open] = [(); 3].map(|()| free_address());
        let settings = format!(
            "
[[listener]]
name = 'pop3'
protocol = 'pop3'
address = '{pop3}'
tls = 'required'

[[listener]]
name = 'pop3s'
protocol = 'pop3'
address = '{pop3s}'
tls = 'implicit'

[[listener]]
name = 'open'
protocol = 'pop3'
address = '{open}'
tls = 'offered'
auth.clear = true

[[listener]]
name = 'lmtp'
protocol = 'lmtp'
address = 'unix:{}'
",
            lmtp.display()
        );
        let dns = Dns::start(&["here.test"]);
        let rohrpost = Installation::new(dns.address, 1, "", &settings).start();
        let office = Self { pop3, pop3s, open, lmtp, folder, rohrpost, _dns: dns };
        office.deliver(texts);
        office
    }

    /// Brings messages for Ann by LMTP, as another server of this host would, and waits until they are in her INBOX.
    fn deliver(&self, texts: &[&str]) {
        let before = self.left();
        let mut stream = UnixStream::connect(&self.lmtp).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
        let mut dialogue = "LHLO it.test\r\n".to_owned();
        for text in texts {
            let octets = text.len();
            dialogue += &format!("MAIL FROM:<bob@there.test>\r\nRCPT TO:<{ANN}>\r\nBDAT {octets} LAST\r\n{text}");
        }
        dialogue += "QUIT\r\n";
        stream.write_all(dialogue.as_bytes()).expect("the server reads");
        let mut replies = String::new();
        stream.read_to_string(&mut replies).expect("the server replies in time");
        assert_eq!(replies.matches("queued as").count(), texts.len(), "{replies}");
        let all = before + texts.len();
        let list = ["mailbox", "list", ANN, "--json"];
        self.rohrpost.ask_until(&list, "all of them", |listed| listed.lines().count() == all);
    }

    /// How many messages Ann has.
    fn left(&self) -> usize {
        self.rohrpost.ask(&["mailbox", "list", ANN, "--json"]).lines().count()
    }

    fn address(&self, way: Way) -> SocketAddr {
        match way {
            Way::Clear => self.open,
            Way::Stls => self.pop3,
            Way::Implicit => self.pop3s,
        }
    }

    /// What clients trust.
    fn certificate(&self) -> PathBuf {
        self.rohrpost.installation.certificate.cert()
    }

    /// A place for a client's files.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that nobody else may read: some clients want their settings so.
    fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the file can be written");
        set_mode(&path, 0o600);
        path
    }

    /// Runs a client in a home of its own. What it printed, and its exit code.
    fn run(&self, program: &str, arguments: &[&str]) -> (String, Option<i32>) {
        run(Command::new(program).args(arguments).env("HOME", self.folder.path()))
    }
}

/// Runs a client to its end.
fn run(command: &mut Command) -> (String, Option<i32>) {
    let output = command.stdin(Stdio::null()).output().expect("it is there: `cargo xtask programs` installs it");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its mode can be set");
}

/// The files of a maildir's `new`, each without what the server and the client put on top of it.
fn texts_in(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("it is a folder");
    let texts = files.map(|file| std::fs::read(file.expect("it can be listed").path()).expect("it can be read"));
    texts.map(|text| from_subject(&String::from_utf8_lossy(&text))).collect()
}

/// A message from its Subject on, with CRLF line ends: clients write LF.
fn from_subject(text: &str) -> String {
    let begin = text.find("Subject: ").unwrap_or_else(|| panic!("no subject in {text:?}"));
    text[begin..].replace("\r\n", "\n").replace('\n', "\r\n")
}
