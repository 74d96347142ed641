//! Debian's msmtp and ours, called alike: the same command line, home, environment and input, each at a sink of its own.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rohrpost_testkit::{Peer, Received, Script, Sink, SinkBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::personas::host::{Ended, run};

/// One of the two programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// The one that Debian has.
    Theirs,
    /// Ours by its name.
    Ours,
}

/// A home directory, and the runtime that sinks live in.
pub(crate) struct Pair {
    pub(crate) home: TempDir,
    runtime: Runtime,
}

/// What a call led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) arrived: Vec<Received>,
}

impl Outcome {
    /// Exit code and what arrived, without what differs by its nature: dates and ids that were made up.
    pub(crate) fn essence(&self) -> (Option<i32>, Vec<String>) {
        (self.ended.status.code(), self.arrived.iter().map(essence).collect())
    }
}

impl Pair {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            home: TempDir::with_prefix("rohrpost-msmtp-").expect("a directory can be made"),
            runtime: runtime.expect("a runtime starts"),
        }
    }

    /// Puts a file that only its owner can read into the home directory.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
        path
    }

    /// Starts a sink.
    pub(crate) fn sink(&self, builder: SinkBuilder) -> Sink {
        self.runtime.block_on(builder.start())
    }

    /// Starts a server that plays a script on each connection.
    pub(crate) fn peer(&self, script: Script) -> Peer {
        self.runtime.block_on(Peer::start([script]))
    }

    /// Calls one of the two.
    pub(crate) fn call(&self, program: Program, arguments: &[String], input: &[u8]) -> Ended {
        let mut command = match program {
            Program::Theirs => Command::new("msmtp"),
            Program::Ours => Command::new(env!("CARGO_BIN_EXE_rohrpost")),
        };
        command.arg0("msmtp").args(arguments).env_clear().current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("USER", "joe").env("TZ", "UTC");
        command.env("PATH", format!("{}:/usr/bin:/bin", self.home.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run(command, input)
    }

    /// Calls one of the two at a sink of its own. `PORT` in the arguments and in the configuration stands for its port.
    pub(crate) fn at_sink(&self, program: Program, builder: SinkBuilder, call: &Call<'_>) -> Outcome {
        let sink = self.sink(builder);
        if let Some(config) = call.config {
            self.write(".msmtprc", &with_port(config, sink.address()));
        }
        let arguments: Vec<_> = call.arguments.iter().map(|argument| with_port(argument, sink.address())).collect();
        let ended = self.call(program, &arguments, call.input.as_bytes());
        Outcome { ended, arrived: sink.received() }
    }

    /// Calls both at sinks of one kind: code and mail must be the same.
    #[track_caller]
    pub(crate) fn same(&self, sink: impl Fn() -> SinkBuilder, call: &Call<'_>) -> Outcome {
        let theirs = self.at_sink(Program::Theirs, sink(), call);
        let ours = self.at_sink(Program::Ours, sink(), call);
        assert_eq!(ours.essence(), theirs.essence(), "{call:?}\nours: {ours:?}\ntheirs: {:?}", theirs.ended);
        ours
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// `~/.msmtprc`; none for calls that name the server themselves.
    pub(crate) config: Option<&'a str>,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) input: &'a str,
}

fn with_port(text: &str, address: SocketAddr) -> String {
    text.replace("PORT", &address.port().to_string())
}

/// Envelope and message in one text.
fn essence(mail: &Received) -> String {
    // Which recipient of an alias comes first says nothing.
    let mut to = mail.recipients.clone();
    to.sort();
    let (from, to, user) = (&mail.envelope.reverse_path, to.join(" "), mail.user.as_deref());
    let (ret, tls) = (mail.envelope.ret, mail.tls.is_some());
    let text = mail.text();
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(':') {
        Some(("Date", value)) if value.ends_with("+0000\r\n") => "Date: now\r\n".to_owned(),
        Some(("Message-ID", value)) if !value.contains("@given.") => {
            format!("Message-ID: made up @{}", value.rsplit('@').next().unwrap_or_default())
        }
        _ => line.to_owned(),
    });
    format!("{from} -> {to} ret {ret:?} tls {tls} as {user:?}\n{}", lines.collect::<String>())
}

/// Runs one side alone at a place where nobody listens.
pub(crate) fn closed_port() -> String {
    crate::peers::free_address().port().to_string()
}

/// A path as an argument.
pub(crate) fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
