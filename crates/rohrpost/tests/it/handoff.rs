//! The hand-off to the running program, and what is left of it when the program is killed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use rohrpost_mail::{Envelope, ReversePath};
use rohrpost_server::submit::{Options, Submission, SubmitAnswer, To, drop as leave, frames, submit};

use crate::peers::rohrpost::ANN;
use crate::peers::{DEADLINE, Dns, Installation};

/// How often the server is killed.
const ROUNDS: usize = 8;
/// What the subjects of programs begin with.
const PROGRAM: &str = "handed in: ";

/// A host whose server comes and goes.
struct Host {
    installation: Installation,
    _dns: Dns,
}

impl Host {
    fn new() -> Self {
        let dns = Dns::start(&["here.test"]);
        // The listener is there because a server without any has the usual ones; nothing is sent from here.
        let listener = "[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\ntls = 'off'\n";
        Self { installation: Installation::new(dns.address, 1, "", listener), _dns: dns }
    }

    fn socket(&self) -> PathBuf {
        self.installation.data_dir().join("submit.sock")
    }

    fn drop_dir(&self) -> PathBuf {
        self.installation.data_dir().join("drop")
    }

    /// Starts the server and waits until it answers programs.
    fn serve(&self) -> Server {
        let child = self.installation.command().arg("serve").stderr(Stdio::null()).spawn().expect("it is built");
        wait("the submit socket", || UnixStream::connect(self.socket()).is_ok());
        Server(child)
    }

    /// Waits until nothing is left in the drop directory.
    fn drop_is_empty(&self) {
        let names = |dir: &Path| -> Vec<_> {
            let entries = fs::read_dir(dir).expect("the server made it");
            entries.map(|entry| entry.expect("it can be read").file_name()).collect()
        };
        wait("the drop directory", || {
            let waiting = names(&self.drop_dir());
            let waiting = waiting.iter().any(|name| name.as_encoded_bytes().starts_with(b"new."));
            !waiting && names(&self.drop_dir().join("taking")).is_empty()
        });
        assert!(names(&self.drop_dir().join("quarantine")).is_empty());
    }

    /// What programs handed in and Ann has got, as soon as nothing waits any more. The server's own notices are not theirs.
    fn subjects(&self) -> Vec<String> {
        wait("the queue", || self.ask(&["queue", "list", "--json"]).is_empty());
        let rows = self.ask(&["mailbox", "list", ANN, "--json"]);
        let row = |line| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
        let subjects = rows.lines().map(row).filter_map(|row| row["subject"].as_str().map(str::to_owned));
        subjects.filter_map(|subject| subject.strip_prefix(PROGRAM).map(str::to_owned)).collect()
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.installation.command().args(arguments).output().expect("it is built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    }
}

/// A running server; dropped, it is killed.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn wait(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::yield_now();
    }
}

fn message(subject: &str) -> (Submission, String) {
    let reverse_path = ReversePath::Mailbox(ANN.parse().expect("it is an address"));
    let envelope = Envelope { reverse_path, ..Envelope::default() };
    let options = Options { envelope, recipients: vec![To::new(ANN)], ..Options::default() };
    (Submission::new(options), format!("From: {ANN}\nSubject: {PROGRAM}{subject}\n\ntext\n"))
}

/// Sends everything and hears nothing, as a program does whose server dies meanwhile.
fn send_unheard(socket: &Path, submission: &Submission, text: &str) -> UnixStream {
    let mut encoder = frames::Encoder::default();
    let mut octets = encoder.envelope(submission).expect("it is short");
    octets.extend(encoder.body(text.as_bytes()).expect("it is short"));
    octets.extend(encoder.end());
    let mut stream = UnixStream::connect(socket).expect("the server answers");
    stream.write_all(&octets).expect("the server reads");
    stream
}

#[test]
fn a_server_killed_between_commit_and_reply_leaves_exactly_one_copy() {
    let host = Host::new();
    for round in 0..ROUNDS {
        let server = host.serve();
        let (submission, text) = message(&round.to_string());
        let stream = send_unheard(&host.socket(), &submission, &text);
        // In every other round the answer has begun to come, so the message is stored. In the others the server may be
        // anywhere.
        if round % 2 == 0 {
            stream.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
            (&stream).read_exact(&mut [0]).expect("the answer comes");
        }
        std::mem::drop(server);
        std::mem::drop(stream);
        let answer = submit(&host.socket(), &submission, text.as_bytes());
        assert!(matches!(answer, SubmitAnswer::Unreachable(_)), "{answer:?}");
        leave(&host.drop_dir(), &submission, text.as_bytes()).expect("the directory is there");
    }
    let _server = host.serve();
    host.drop_is_empty();
    let mut subjects = host.subjects();
    subjects.sort();
    assert_eq!(subjects, (0..ROUNDS).map(|round| round.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_message_that_came_while_the_server_was_down_is_taken_at_its_start() {
    let host = Host::new();
    std::mem::drop(host.serve());
    let (submission, text) = message("while you were out");
    leave(&host.drop_dir(), &submission, text.as_bytes()).expect("the directory is there");
    let _server = host.serve();
    host.drop_is_empty();
    assert_eq!(host.subjects(), ["while you were out"]);
    let (again, text) = message("now that you are here");
    let answer = submit(&host.socket(), &again, text.as_bytes());
    assert!(matches!(answer, SubmitAnswer::Accepted(_)), "{answer:?}");
}
