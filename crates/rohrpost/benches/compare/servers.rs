//! The programs under comparison, started and stopped.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rohrpost_tls::ca::Ca;
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    peers::{NextHop, PeerTls, Postfix},
    sink::{Acks, Form, Sink},
    tls,
};

/// A directory on a real disk: stores in memory sync for nothing.
pub(crate) fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// What `demo --json` prints when it is ready.
#[derive(Deserialize)]
pub(crate) struct Ready {
    smtp: SocketAddr,
    submissions: SocketAddr,
    pub(crate) lmtp: SocketAddr,
    pub(crate) imap: SocketAddr,
    pub(crate) imaps: SocketAddr,
    pub(crate) pop3: SocketAddr,
    pub(crate) pop3s: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
    ca: PathBuf,
    pub(crate) pid: u32,
}

/// Rohrpost, as `demo` runs it.
pub(crate) struct Ours {
    process: Child,
    ready: Ready,
    arguments: Vec<String>,
    dir: TempDir,
}

impl Ours {
    /// Starts it on an empty directory and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let dir = TempDir::new_in(scratch())?;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let (process, ready) = spawn(dir.path(), &arguments)?;
        Ok(Self { process, ready, arguments, dir })
    }

    /// Stops it as an operator would.
    pub(crate) fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM)?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("rohrpost ended with {status}");
        }
        Ok(())
    }

    /// Starts it again on the same directory.
    pub(crate) fn restart(&mut self) -> Result<()> {
        (self.process, self.ready) = spawn(self.dir.path(), &self.arguments)?;
        Ok(())
    }

    /// Goes on as `serve`, without the demo's second server: its settings are a file like any other.
    pub(crate) fn serve(&mut self) -> Result<()> {
        self.serve_with(str::to_owned)
    }

    /// The same with settings that are changed before.
    pub(crate) fn serve_with(&mut self, change: impl Fn(&str) -> String) -> Result<()> {
        self.stop()?;
        let settings = self.settings();
        let written = change(&std::fs::read_to_string(&settings)?);
        std::fs::write(&settings, format!("user = \"root\"\n{written}"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.args(["serve", "--config"]).arg(&settings).stderr(Stdio::null());
        self.process = command.spawn().context("cannot start rohrpost")?;
        self.ready.pid = self.process.id();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.submissions()).is_err() {
            if Instant::now() > deadline {
                bail!("rohrpost serve does not listen");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Where it listens, and who may log in.
    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    pub(crate) fn smtp(&self) -> SocketAddr {
        self.ready.smtp
    }

    pub(crate) fn submissions(&self) -> SocketAddr {
        self.ready.submissions
    }

    pub(crate) fn ca(&self) -> &Path {
        &self.ready.ca
    }

    pub(crate) fn pid(&self) -> u32 {
        self.ready.pid
    }

    /// The file with its settings, which its commands read.
    pub(crate) fn settings(&self) -> PathBuf {
        self.dir.path().join("rohrpost.toml")
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // A benchmark that has failed has said why; what is left of its server does not matter.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(dir: &Path, arguments: &[String]) -> Result<(Child, Ready)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.args(["demo", "--json", "--dir"]).arg(dir).args(arguments);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot start rohrpost")?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
    let ready = serde_json::from_str(&line).with_context(|| format!("demo --json printed {line:?}"))?;
    Ok((process, ready))
}

/// A sink for each form of TLS.
pub(crate) struct Sinks {
    pub(crate) plain: Sink,
    pub(crate) starttls: Sink,
    pub(crate) implicit: Sink,
    certificates: Certificates,
}

impl Sinks {
    pub(crate) fn start() -> Result<Self> {
        Self::that_acknowledge(Acks::Late)
    }

    pub(crate) fn that_acknowledge(acks: Acks) -> Result<Self> {
        let certificates = Certificates::issue()?;
        let acceptor = tls::acceptor(&certificates.certificate, &certificates.key)?;
        Ok(Self {
            plain: Sink::start(Form::Clear, acks)?,
            starttls: Sink::start(Form::StartTls(acceptor.clone()), acks)?,
            implicit: Sink::start(Form::Implicit(acceptor), acks)?,
            certificates,
        })
    }

    pub(crate) fn ca(&self) -> &Path {
        &self.certificates.ca
    }
}

/// A test authority and a certificate for `here.test`, as files: ECDSA P-256, as the demo's.
struct Certificates {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    dir: TempDir,
}

impl Certificates {
    fn issue() -> Result<Self> {
        let dir = TempDir::new_in(scratch())?;
        let authority = Ca::new("benchmark");
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, authority.cert())?;
        let pair = authority.issue(["here.test", "localhost"]).write(dir.path(), "server")?;
        Ok(Self { ca, certificate: pair.cert, key: pair.key, dir })
    }

    /// Certificate and key in one file, as Postfix likes them.
    fn chain(&self) -> Result<PathBuf> {
        let chain = self.dir.path().join("chain.pem");
        std::fs::write(&chain, std::fs::read_to_string(&self.key)? + &std::fs::read_to_string(&self.certificate)?)?;
        Ok(chain)
    }
}

/// Debian's Postfix, with its own settings but for what the job needs.
pub(crate) struct Peer {
    postfix: Postfix,
    certificates: Certificates,
}

impl Peer {
    /// Keeps what it takes.
    pub(crate) fn holding() -> Result<Self> {
        let held =
            "default_transport = smtp:[127.0.0.1]:9\nsmtpd_client_restrictions = check_client_access static:HOLD\n";
        Self::start(None, held)
    }

    /// Passes on what it takes.
    pub(crate) fn relaying(sink: SocketAddr, starttls: bool) -> Result<Self> {
        let tls = if starttls { PeerTls::Encrypt } else { PeerTls::None };
        Self::start(Some(NextHop { address: sink, tls }), "")
    }

    fn start(next_hop: Option<NextHop>, more: &str) -> Result<Self> {
        let certificates = Certificates::issue()?;
        let chain = certificates.chain()?;
        let settings = format!("smtpd_tls_chain_files = {}\n{more}", chain.display());
        Ok(Self { postfix: Postfix::start_with(PeerTls::May, next_hop, &settings), certificates })
    }

    pub(crate) fn smtp(&self) -> SocketAddr {
        self.postfix.smtp
    }

    pub(crate) fn ca(&self) -> &Path {
        &self.certificates.ca
    }
}
