//! Our own program, as its users run it: `rohrpost serve` with a configuration file, and the commands beside it.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::log::Log;
use super::{Certificate, DEADLINE};

/// The account that every installation of the tests has.
pub(crate) const ANN: &str = "ann@here.test";
/// Its password.
pub(crate) const PASSWORD: &str = "three blue kites";

/// A running server for `here.test`.
pub(crate) struct Rohrpost {
    directory: TempDir,
    child: Child,
    log: Log,
    /// What its listeners show.
    pub(crate) certificate: Certificate,
}

impl Rohrpost {
    /// Starts it with the tables of `settings`, a DNS, and the port that MX hosts have; waits until it says that it is
    /// ready, as it would say to systemd.
    pub(crate) fn start(dns: SocketAddr, mx_port: u16, settings: &str) -> Self {
        let directory = TempDir::with_prefix("rohrpost-it-").expect("a directory can be made");
        let certificate = Certificate::for_host("mx.here.test");
        let base = base(&directory, &certificate, dns, mx_port);
        std::fs::write(directory.path().join("rohrpost.toml"), base + settings).expect("the file can be written");
        std::fs::write(directory.path().join("password"), PASSWORD).expect("the file can be written");
        let mut add = command(&directory);
        add.args(["account", "add", ANN, "--password-file"]).arg(directory.path().join("password"));
        text_of(add.output().expect("it is built"));
        let (child, log) = serve(&directory);
        Self { directory, child, log, certificate }
    }

    /// What a command beside the server prints. It must succeed.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        text_of(command(&self.directory).args(arguments).output().expect("it is built"))
    }

    /// Asks until the answer satisfies, each time after the server has said something more.
    ///
    /// # Panics
    /// When the deadline passes first. The message holds the last answer and the server's log.
    #[track_caller]
    pub(crate) fn ask_until(&self, arguments: &[&str], what: &str, satisfies: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let heard = self.log.lines().len();
            let answer = self.ask(arguments);
            if satisfies(&answer) {
                return answer;
            }
            let log = || self.log.lines().join("\n");
            assert!(Instant::now() < deadline, "{arguments:?} never showed {what}:\n{answer}\n{}", log());
            self.log.wait_for_more_than(heard);
        }
    }

    /// The trace of the newest message that `query` finds, once it holds all of `parts`.
    #[track_caller]
    pub(crate) fn trace(&self, query: &str, parts: &[&str]) -> String {
        let holds_all = |trace: &str| parts.iter().all(|part| trace.contains(part));
        self.ask_until(&["trace", "--limit", "1", query], &parts.join(", "), holds_all)
    }

    /// The newest message in ann's INBOX, once it holds all of `parts`.
    #[track_caller]
    pub(crate) fn inbox(&self, parts: &[&str]) -> String {
        let holds_all = |mail: &str| parts.iter().all(|part| mail.contains(part));
        let list = ["mailbox", "list", ANN, "--json"];
        let listed = self.ask_until(&list, &parts.join(", "), |listed| holds_all(&self.newest_of(listed)));
        self.newest_of(&listed)
    }

    /// The last message of a mailbox listed as JSON, one object a line; nothing when there is none.
    fn newest_of(&self, listed: &str) -> String {
        let Some(last) = listed.lines().last() else { return String::new() };
        let row: serde_json::Value = serde_json::from_str(last).expect("each line is JSON");
        self.ask(&["mailbox", "show", ANN, row["id"].as_str().expect("a message has an id")])
    }
}

impl Drop for Rohrpost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What every configuration of the tests begins with.
fn base(directory: &TempDir, certificate: &Certificate, dns: SocketAddr, mx_port: u16) -> String {
    format!(
        "host_name = 'mx.here.test'
postmaster = '{ANN}'
data_dir = '{}'
user = 'root'

[domains]
local = ['here.test']

[tls]
certificates = [{{ cert = '{}', key = '{}' }}]

[dns]
servers = ['{dns}']
validate = 'off'
mx_port = {mx_port}
mx_denied_networks = []
",
        directory.path().join("data").display(),
        certificate.cert().display(),
        certificate.key().display(),
    )
}

fn command(directory: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.arg("--config").arg(directory.path().join("rohrpost.toml")).stdin(Stdio::null());
    command
}

fn serve(directory: &TempDir) -> (Child, Log) {
    let notify: PathBuf = directory.path().join("notify");
    let socket = UnixDatagram::bind(&notify).expect("a socket can be made");
    socket.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
    let (output, input) = std::io::pipe().expect("a pipe can be made");
    let errors = input.try_clone().expect("a pipe can be shared");
    let mut serve = command(directory);
    let child = serve.arg("serve").env("NOTIFY_SOCKET", &notify).stdout(input).stderr(errors).spawn();
    drop(serve);
    let (child, log) = (child.expect("it is built"), Log::follow("rohrpost serve", output));
    let mut message = [0; 512];
    loop {
        match socket.recv(&mut message) {
            Ok(length) if String::from_utf8_lossy(&message[..length]).contains("READY=1") => return (child, log),
            Ok(_) => {}
            Err(error) => panic!("rohrpost serve is not ready: {error}\n{}", log.lines().join("\n")),
        }
    }
}

/// Standard output of a command that must have succeeded.
#[track_caller]
fn text_of(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}
