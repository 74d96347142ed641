//! Programs that log in or send one message, and end: swaks, msmtp and gsasl.
//!
//! swaks shows each line of the dialogue and logs in by PLAIN and LOGIN; msmtp knows SCRAM, and gsasl binds it to the
//! TLS connection.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::PeerTls;

/// How a client's run went.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The exit code was 0.
    pub(crate) succeeded: bool,
    /// All that the client printed.
    pub(crate) text: String,
}

impl Transcript {
    fn of(output: &Output) -> Self {
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        Self { succeeded: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// The run, which must have been a success.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert!(self.succeeded, "{}", self.text);
        self
    }

    /// Asserts that the server said a line that begins with `start`, say `530 5.7.0`.
    #[track_caller]
    pub(crate) fn expect_reply(self, start: &str) -> Self {
        let said = self.replies().any(|reply| reply.starts_with(start));
        assert!(said, "no reply begins with {start:?}:\n{}", self.text);
        self
    }

    /// The server's lines. swaks marks them `<-`, refusals `<**`, and those inside TLS with a tilde.
    pub(crate) fn replies(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter_map(|line| ["<-  ", "<** ", "<~  ", "<~* "].iter().find_map(|mark| line.strip_prefix(mark)))
    }
}

/// A message that swaks sends.
#[derive(Clone)]
pub(crate) struct Swaks {
    arguments: Vec<String>,
}

impl Swaks {
    /// A message to one recipient, in clear text and without logging in.
    pub(crate) fn new(server: SocketAddr, from: &str, to: &str) -> Self {
        let arguments =
            ["--server", &server.ip().to_string(), "--port", &server.port().to_string(), "--from", from, "--to", to];
        let swaks = Self { arguments: arguments.map(str::to_owned).to_vec() };
        swaks.with(&["--helo", "swaks.test", "--timeout", "60"])
    }

    /// A message by LMTP over a unix socket.
    pub(crate) fn lmtp(socket: &Path, from: &str, to: &str) -> Self {
        let arguments = ["--socket", &socket.display().to_string(), "--protocol", "LMTP", "--from", from, "--to", to];
        Self { arguments: arguments.map(str::to_owned).to_vec() }.with(&["--helo", "swaks.test", "--timeout", "60"])
    }

    /// More of swaks' own options.
    pub(crate) fn with(mut self, options: &[&str]) -> Self {
        self.arguments.extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// Gives the message a subject, by which it is found again.
    pub(crate) fn subject(self, subject: &str) -> Self {
        self.with(&["--header", &format!("Subject: {subject}")])
    }

    /// Encrypts the link.
    pub(crate) fn tls(self, tls: PeerTls) -> Self {
        match tls {
            PeerTls::None => self,
            PeerTls::May => self.with(&["--tls-optional"]),
            PeerTls::Encrypt => self.with(&["--tls"]),
            PeerTls::Implicit => self.with(&["--tls-on-connect"]),
        }
    }

    /// Logs in.
    pub(crate) fn login(self, mechanism: &str, user: &str, password: &str) -> Self {
        self.with(&["--auth", mechanism, "--auth-user", user, "--auth-password", password])
    }

    /// Sends it.
    pub(crate) fn send(self) -> Transcript {
        self.run(&mut Command::new("swaks"))
    }

    /// Sends it as a user of this host, in this group and no other.
    pub(crate) fn send_as(self, user: u32, group: u32) -> Transcript {
        self.run(Command::new("swaks").uid(user).gid(group).current_dir("/"))
    }

    fn run(self, swaks: &mut Command) -> Transcript {
        let output = swaks.args(self.arguments).stdin(Stdio::null()).output();
        Transcript::of(&output.expect("swaks is there: `cargo xtask programs` installs it"))
    }
}

/// A message that msmtp sends, logged in by SCRAM-SHA-256.
pub(crate) struct Msmtp<'a> {
    /// The server.
    pub(crate) server: SocketAddr,
    /// STARTTLS or implicit.
    pub(crate) tls: PeerTls,
    /// Who logs in. Sender too.
    pub(crate) user: &'a str,
    /// With which password.
    pub(crate) password: &'a str,
}

impl Msmtp<'_> {
    /// Sends a message.
    pub(crate) fn send(&self, to: &str, subject: &str) -> Transcript {
        let starttls = if self.tls == PeerTls::Implicit { "off" } else { "on" };
        let mut msmtp = Command::new("msmtp");
        msmtp.args(["--debug", "--file=/dev/null", &format!("--host={}", self.server.ip())]);
        msmtp.args([&format!("--port={}", self.server.port()), &format!("--from={}", self.user)]);
        msmtp.args(["--tls=on", &format!("--tls-starttls={starttls}"), "--tls-certcheck=off"]);
        msmtp.args(["--auth=scram-sha-256", &format!("--user={}", self.user)]);
        msmtp.args([&format!("--passwordeval=echo {}", self.password), to]);
        let mut child = msmtp
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("msmtp is there: `cargo xtask programs` installs it");
        let message = format!("From: {}\nTo: {to}\nSubject: {subject}\n\nHello.\n", self.user);
        let mut input = child.stdin.take().expect("it was asked for");
        input.write_all(message.as_bytes()).expect("msmtp reads its input");
        drop(input);
        Transcript::of(&child.wait_with_output().expect("msmtp ends"))
    }
}

/// gsasl logs in over STARTTLS by SCRAM-SHA-256-PLUS, which proves that nobody sits in between, and sends nothing.
pub(crate) fn gsasl(server: SocketAddr, authority: &Path, user: &str, password: &str) -> Transcript {
    let mut gsasl = Command::new("gsasl");
    gsasl.args(["--smtp", "--starttls", "--mechanism=SCRAM-SHA-256-PLUS", &format!("--connect={server}")]);
    gsasl.args([&format!("--authentication-id={user}"), &format!("--password={password}")]);
    gsasl.arg(format!("--x509-ca-file={}", authority.display()));
    let output = gsasl.stdin(Stdio::null()).output();
    Transcript::of(&output.expect("gsasl is there: `cargo xtask programs` installs it"))
}
