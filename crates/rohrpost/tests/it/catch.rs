//! `rohrpost catch`, as the programs of developers meet it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rohrpost_sender::{Kind, Mail, Secret, Sender, Trust};
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::DEADLINE;

/// A running server; dropped, it is killed.
struct Catch {
    child: Child,
    address: SocketAddr,
    shown: BufReader<ChildStdout>,
    /// What it said before it listened.
    said: String,
}

impl Catch {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.args(["catch", "--json"]).args(options);
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is built");
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (mut said, mut line) = (String::new(), String::new());
        let address = loop {
            line.clear();
            assert!(errors.read_line(&mut line).expect("it says something") > 0, "it ended: {said}");
            match line.trim().strip_prefix("Catching all mail at ") {
                Some(address) => break address.parse().expect("it is an address"),
                None => said.push_str(&line),
            }
        };
        let shown = BufReader::new(child.stdout.take().expect("it is piped"));
        // What it says at its end has to go somewhere.
        std::thread::spawn(move || errors.read_to_end(&mut Vec::new()));
        Self { child, address, shown, said }
    }

    fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The next message that it shows.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.shown.read_line(&mut line).expect("it shows something");
        serde_json::from_str(&line).expect("each line is JSON")
    }

    /// Ends it as a developer does. What it showed that nobody looked at.
    fn end(mut self) -> String {
        kill(Pid::from_raw(self.child.id().try_into().expect("it is small")), Signal::SIGINT).expect("it runs");
        assert!(self.child.wait().expect("it is ours").success());
        let mut rest = String::new();
        self.shown.read_to_string(&mut rest).expect("it is text");
        rest
    }
}

impl Drop for Catch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mail(from: &str, to: &[&str]) -> Mail {
    let mail = Mail::new().from(from).to(to).subject("Grüße").text("Hi").html("<p>Hi</p>");
    mail.build().expect("it is a mail")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_taken_and_shown_and_written_where_that_was_asked_for() {
    let folder = TempDir::with_prefix("rohrpost-catch-").expect("a directory can be made");
    let saved = folder.path().join("mails");
    let mut server = Catch::start(&["--save", saved.to_str().expect("it is text")]);
    let login = rohrpost_sender::Login::new("anybody", Secret::new("any word")).allow_clear(true);
    let sender = Sender::url(&server.url(), login).expect("it is a server");
    let receipt = sender.send(&mail("ann@here.test", &["bob@there.test", "cy@there.test"])).await.expect("it is taken");
    assert!(receipt.is_complete());
    let shown = server.next();
    assert_eq!((&shown["user"], &shown["seal"], &shown["tls"]), (&"anybody".into(), &"cleartext".into(), &Value::Null));
    assert_eq!(shown["envelope"]["reverse_path"], "ann@here.test");
    assert_eq!(shown["recipients"].as_array().map(Vec::len), Some(2));
    assert_eq!((shown["subject"].as_str(), shown["html"].as_str().map(str::trim)), (Some("Grüße"), Some("<p>Hi</p>")));
    let file = shown["file"].as_str().expect("it was written");
    let written = fs::read(file).expect("it is there");
    assert_eq!(
        (Some(written.len() as u64), fs::read_dir(&saved).expect("it is there").count()),
        (shown["octets"].as_u64(), 1)
    );
    assert_eq!(server.end(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_choose_what_goes_wrong_and_such_mail_is_not_shown() {
    let server = Catch::start(&[]);
    let sender = Sender::url(&server.url(), None).expect("it is a server");
    let cases = [
        ("ann@here.test", "temperror@there.test", Kind::Data, true),
        ("ann@here.test", "bob-permerror@there.test", Kind::Data, false),
        ("ann@here.test", "552@there.test", Kind::Data, false),
        ("ann@here.test", "rcptto-451@there.test", Kind::Recipient, true),
        ("mailfrom-permerror@here.test", "bob@there.test", Kind::Sender, false),
    ];
    for (from, to, kind, is_temporary) in cases {
        let error = sender.send(&mail(from, &[to])).await.expect_err("it is refused");
        assert_eq!((error.kind(), error.is_temporary()), (kind, is_temporary), "{from} {to}: {error}");
    }
    let receipt = sender.send(&mail("ann@here.test", &["rcptto-permerror@there.test", "bob@there.test"])).await;
    assert!(!receipt.expect("bob gets it").is_complete());
    sender.close().await;
    assert_eq!(server.end().lines().count(), 1);
}

#[test]
fn a_program_waits_for_a_reply_that_does_not_come() {
    let server = Catch::start(&[]);
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
    let mut said = BufReader::new(stream.try_clone().expect("it can be cloned"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it greets");
    stream.write_all(b"EHLO x.test\r\nMAIL FROM:<mailfrom-timeout@here.test>\r\nNOOP\r\n").expect("it reads");
    // It says no more until it ends: only what belongs to EHLO has come by then.
    server.end();
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("it is text");
    assert!(line.starts_with("220 localhost") && rest.lines().all(|line| line.starts_with("250")), "{line}{rest}");
    assert!(!rest.contains("2.1.0"), "MAIL was answered: {rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_offered_with_a_certificate_of_its_own_that_can_be_verified() {
    let folder = TempDir::with_prefix("rohrpost-catch-").expect("a directory can be made");
    let ca = folder.path().join("ca.pem");
    for mode in ["offered", "required", "implicit"] {
        let mut server = Catch::start(&["--tls", mode, "--write-ca", ca.to_str().expect("it is text")]);
        let (_, pin) = server.said.trim().rsplit_once("trust=").expect("it says how to trust it");
        let scheme = if mode == "implicit" { "smtps" } else { "smtp" };
        for trust in [pin.to_owned(), format!("ca:{}", ca.display())] {
            let url = format!(
                "{scheme}://{}?tls={}",
                server.address,
                if mode == "implicit" { "implicit" } else { "starttls" }
            );
            let trust: Trust = trust.parse().expect("it is a trust");
            let terms = rohrpost_sender::Server::url(&url).expect("it is a URL").trust(trust);
            let sender = Sender::new(terms).expect("it is a server");
            sender.send(&mail("ann@here.test", &["bob@there.test"])).await.expect("it is taken");
            let shown = server.next();
            assert_eq!(
                (&shown["seal"], &shown["tls"]["version"]),
                (&"encrypted".into(), &"TLSv1.3".into()),
                "{mode}: {shown}"
            );
        }
    }
}

#[test]
fn it_listens_to_the_network_only_when_that_is_said() {
    let run = |options: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.arg("catch").args(options).stdin(Stdio::null()).output().expect("it is built")
    };
    let output = run(&["--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--public"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    assert_eq!(run(&["--listen", &address]).status.code(), Some(71));
    for wrong in [&["--write-ca", "ca.pem"][..], &["--listen", "1025"], &["--listen", "localhost"]] {
        assert_eq!(run(wrong).status.code(), Some(64), "{wrong:?}");
    }
    assert!(Catch::start(&["--listen", "localhost:0"]).address.ip().is_loopback());
    let public = Catch::start(&["--public", "--listen", "0.0.0.0:0"]);
    assert!(public.address.ip().is_unspecified());
}

#[test]
fn doctor_says_of_our_own_program_what_send_would_meet() {
    let catch = Catch::start(&["--tls", "offered"]);
    let verdict = |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        let output = command.args(["doctor", "--json", "--server", url]).output().expect("it is built");
        let findings: Vec<Value> =
            output.stdout.split(|octet| *octet == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let ours = findings.into_iter().find(|finding| finding["name"] == "rohrpost");
        ours.map(|finding| finding["verdict"].clone()).unwrap_or_default()
    };
    assert_eq!(verdict(&catch.url()), "works", "on loopback anybody is believed");
    assert_eq!(verdict(&format!("{}?trust=system", catch.url())), "fails");
}
