//! Our own program, as its users run it: `rohrpost serve` with a configuration file, and the commands beside it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

use super::log::Log;
use super::{Certificate, DEADLINE};

/// The account that every installation of the tests has.
pub(crate) const ANN: &str = "ann@here.test";
/// Its password.
pub(crate) const PASSWORD: &str = "three blue kites";

/// What an installation has beside the usual.
#[derive(Default)]
pub(crate) struct Extras<'a> {
    /// For the top of its settings.
    pub(crate) keys: &'a str,
    /// Lines for the table `domains`.
    pub(crate) domains: &'a str,
    /// What it shows to clients that ask for these names (SNI).
    pub(crate) certificates: &'a [&'a Certificate],
    /// Tables behind the usual ones.
    pub(crate) tables: &'a str,
}

/// A server for `here.test` that is set up and does not run.
pub(crate) struct Installation {
    directory: TempDir,
    /// What its listeners show.
    pub(crate) certificate: Certificate,
}

impl Installation {
    /// Sets it up with `keys` for the top of its settings and `tables` behind the usual ones, a DNS, and the port that MX
    /// hosts have.
    pub(crate) fn new(dns: SocketAddr, mx_port: u16, keys: &str, tables: &str) -> Self {
        Self::with(dns, mx_port, &Extras { keys, tables, ..Extras::default() })
    }

    /// The same with more beside the usual.
    pub(crate) fn with(dns: SocketAddr, mx_port: u16, extras: &Extras<'_>) -> Self {
        let directory = TempDir::with_prefix("rohrpost-it-").expect("a directory can be made");
        let certificate = Certificate::for_host("mx.here.test");
        let certificates = [&[&certificate], extras.certificates].concat();
        let base = base(&directory, extras.domains, &certificates, dns, mx_port);
        let settings = [extras.keys, &base, extras.tables].concat();
        std::fs::write(directory.path().join("rohrpost.toml"), settings).expect("the file can be written");
        std::fs::write(directory.path().join("password"), PASSWORD).expect("the file can be written");
        let installation = Self { directory, certificate };
        installation.add_account(ANN);
        installation
    }

    /// Adds an account with [`PASSWORD`].
    pub(crate) fn add_account(&self, login: &str) {
        let mut add = self.command();
        add.args(["account", "add", login, "--password-file"]).arg(self.directory.path().join("password"));
        text_of(add.output().expect("it is built"));
    }

    /// Where its data lie: nothing is in there yet but Ann's account.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The program, told where the settings are.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.arg("--config").arg(self.directory.path().join("rohrpost.toml")).stdin(Stdio::null());
        command
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Rohrpost {
        let mut serve = self.command();
        serve.arg("serve");
        self.run(serve)
    }

    /// Starts it as systemd does that has two sockets for it. Such sockets are numbered from 3 on, and only the process
    /// whose number `LISTEN_PID` is may take them: a shell moves them there and becomes the server.
    pub(crate) fn start_with_sockets(self, names: [&str; 2], sockets: [OwnedFd; 2]) -> Rohrpost {
        const ACTIVATE: &str = r#"export LISTEN_PID=$$; exec "$0" "$@" serve 3<&0 4<&1 0</dev/null 1>/dev/null"#;
        let [first, second] = sockets;
        let program = self.command();
        let mut shell = Command::new("sh");
        shell.args(["-c", ACTIVATE]).arg(program.get_program()).args(program.get_args());
        shell.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names.join(":")).stdin(first).stdout(second);
        self.run(shell)
    }

    /// Runs it until it says that it is ready, as it would say to systemd. Its log is what it writes to standard error.
    fn run(self, mut serve: Command) -> Rohrpost {
        let path = self.directory.path().join("notify");
        let notices = UnixDatagram::bind(&path).expect("a socket can be made");
        notices.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
        let (output, input) = std::io::pipe().expect("a pipe can be made");
        let child = serve.env("NOTIFY_SOCKET", &path).stderr(input).spawn();
        drop(serve);
        let (child, log) = (child.expect("it is built"), Log::follow("rohrpost serve", output));
        let server = Rohrpost { installation: self, child, log, notices };
        server.tells("READY=1");
        server
    }
}

/// A running server.
pub(crate) struct Rohrpost {
    /// What it was started from.
    pub(crate) installation: Installation,
    child: Child,
    log: Log,
    notices: UnixDatagram,
}

impl Rohrpost {
    /// Takes what the server tells systemd next; it must contain `text`.
    #[track_caller]
    pub(crate) fn tells(&self, text: &str) -> String {
        let mut message = [0; 512];
        let log = || self.log.lines().join("\n");
        match self.notices.recv(&mut message) {
            Ok(octets) => {
                let told = String::from_utf8_lossy(&message[..octets]).into_owned();
                assert!(told.contains(text), "rohrpost serve told {told:?}, not {text:?}\n{}", log());
                told
            }
            Err(error) => panic!("rohrpost serve did not tell {text:?}: {error}\n{}", log()),
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids fit");
        nix::sys::signal::kill(Pid::from_raw(id), signal).expect("it is our child");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        self.child.wait().expect("it is our child")
    }

    /// What a command beside the server prints. It must succeed.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        text_of(self.installation.command().args(arguments).output().expect("it is built"))
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

    /// A message that holds all of `parts`, once it is one of the newest in ann's INBOX. She is the postmaster, too: a
    /// notice may come behind it.
    #[track_caller]
    pub(crate) fn inbox(&self, parts: &[&str]) -> String {
        let list = ["mailbox", "list", ANN, "--json"];
        let listed = self.ask_until(&list, &parts.join(", "), |listed| self.newest_with(listed, parts).is_some());
        self.newest_with(&listed, parts).expect("it was there")
    }

    /// Of the last messages of a mailbox, listed as JSON, one object a line, the newest that holds all of `parts`.
    fn newest_with(&self, listed: &str, parts: &[&str]) -> Option<String> {
        let mut shown = listed.lines().rev().take(3).map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
            self.ask(&["mailbox", "show", ANN, row["id"].as_str().expect("a message has an id")])
        });
        shown.find(|mail| parts.iter().all(|part| mail.contains(part)))
    }
}

impl Drop for Rohrpost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What every configuration of the tests begins with.
fn base(directory: &TempDir, domains: &str, certificates: &[&Certificate], dns: SocketAddr, mx_port: u16) -> String {
    let pair =
        |pair: &&Certificate| format!("{{ cert = '{}', key = '{}' }}", pair.cert().display(), pair.key().display());
    let certificates: Vec<String> = certificates.iter().map(pair).collect();
    format!(
        "host_name = 'mx.here.test'
postmaster = '{ANN}'
data_dir = '{}'
user = 'root'

[domains]
local = ['here.test']
{domains}

[tls]
certificates = [{}]

[dns]
servers = ['{dns}']
validate = 'off'
mx_port = {mx_port}
mx_denied_networks = []
",
        directory.path().join("data").display(),
        certificates.join(", "),
    )
}

/// Standard output of a command that must have succeeded.
#[track_caller]
fn text_of(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}
