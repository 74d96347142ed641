//! Postfix's own load, `smtp-source`: a second driver, so that no figure rests on ours alone. It knows no TLS.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// What is to be sent.
pub(crate) struct Source {
    /// The server.
    pub(crate) server: SocketAddr,
    /// Sessions at a time.
    pub(crate) sessions: usize,
    /// Whether a session goes on after its first message.
    pub(crate) goes_on: bool,
    /// Messages in all.
    pub(crate) messages: usize,
    /// Octets of each.
    pub(crate) octets: usize,
}

impl Source {
    /// Sends it all and tells how long the program ran.
    pub(crate) fn run(&self) -> Result<Duration> {
        let postfix = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers").join("postfix");
        let mut command = Command::new(postfix.join("usr/sbin/smtp-source"));
        command.env("LD_LIBRARY_PATH", libraries(&postfix)).env("MAIL_CONFIG", postfix.join("etc/postfix"));
        command.args(["-s", &self.sessions.to_string(), "-m", &self.messages.to_string()]);
        command.args(["-l", &self.octets.to_string(), "-f", "load@here.test", "-t", "sink@there.test"]);
        command.args(self.goes_on.then_some("-d")).arg(self.server.to_string());
        let started = Instant::now();
        let status = command.status().context("smtp-source is there: `cargo xtask programs` fetches it")?;
        if !status.success() {
            bail!("smtp-source ended with {status}");
        }
        Ok(started.elapsed())
    }
}

/// Where the libraries lie that came with Postfix, and those that the host did not have.
fn libraries(postfix: &Path) -> String {
    let fetched = postfix.with_file_name("libraries");
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|folder| std::fs::read_dir(fetched.join(folder)));
    let fetched = folders.flatten().flatten().map(|entry| entry.path());
    let all: Vec<PathBuf> = [postfix.join("usr/lib/postfix")].into_iter().chain(fetched).collect();
    all.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(":")
}
