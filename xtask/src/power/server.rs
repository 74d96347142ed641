//! The server under test: `rohrpost demo`, plain or inside another program such as strace.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::shell;

/// A running demo. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it takes mail from other servers.
    pub(crate) smtp: SocketAddr,
    pid: Pid,
}

/// What the demo prints when it is ready.
#[derive(serde::Deserialize)]
struct Ready {
    smtp: SocketAddr,
    pid: i32,
}

impl Server {
    /// Starts the demo on a directory, with more arguments, below the command `inside` where that is not empty.
    pub(crate) fn start(dir: &Path, arguments: &[&str], inside: &[OsString]) -> Result<Self> {
        let program = shell::target().join("release/rohrpost");
        let mut words = inside.iter().cloned().chain([program.into_os_string()]);
        let mut command = Command::new(words.next().expect("the program is one word at least"));
        command.args(words).args(["demo", "--json", "--dir"]).arg(dir).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start the demo")?;
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        match serde_json::from_str::<Ready>(&line) {
            Ok(ready) => Ok(Self { child, smtp: ready.smtp, pid: Pid::from_raw(ready.pid) }),
            Err(error) => {
                child.kill()?;
                let status = child.wait()?;
                bail!("the demo did not get ready ({status}): {error} in {line:?}")
            }
        }
    }

    /// Pulls the plug of the process.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.signal(Signal::SIGKILL);
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM);
        self.child.wait()?;
        Ok(())
    }

    /// Whether the process still runs.
    pub(crate) fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself; whoever asks for that looks at `runs`.
        let _ = kill(self.pid, signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}
