//! `-bd`: starts the server and comes back when it is ready, as start scripts expect.

use std::{
    io::ErrorKind,
    os::unix::{net::UnixDatagram, process::CommandExt as _},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use super::handoff::exit_of;
use crate::{
    cli::Place,
    exit::{Exit, Failure},
};

/// How long a server may take to become ready: what systemd allows too.
const START_TIME_MAX: Duration = Duration::from_secs(90);
/// How often it is looked whether the server has ended instead of becoming ready.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Starts `rohrpost serve` in a process group of its own. Its log goes to our standard error.
pub(super) fn start(place: &Place) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("no place for a socket")?;
    let path = folder.path().join("notify");
    let notices = UnixDatagram::bind(&path).context("no socket")?;
    notices.set_read_timeout(Some(LOOK_AGAIN)).context("no socket")?;
    let mut serve = Command::new(std::env::current_exe().context("where is this program?")?);
    // Else a program that is called sendmail would again be sendmail.
    serve.arg0("rohrpost");
    for (option, value) in [("--config", &place.config), ("--dir", &place.dir)] {
        if let Some(value) = value {
            serve.arg(option).arg(value);
        }
    }
    serve.arg("serve").env("NOTIFY_SOCKET", &path).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    wait(&notices, serve.spawn().context("the server cannot be started")?)
}

/// Waits until the server says, as it would say to systemd, that it is ready.
fn wait(notices: &UnixDatagram, mut server: Child) -> anyhow::Result<ExitCode> {
    let (mut notice, deadline) = ([0; 512], Instant::now() + START_TIME_MAX);
    while Instant::now() < deadline {
        match notices.recv(&mut notice) {
            Ok(octets) if notice[..octets].split(|octet| *octet == b'\n').any(|word| word == b"READY=1") => {
                return Ok(ExitCode::SUCCESS);
            }
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error).context("no word from the server"),
        }
        if let Some(status) = server.try_wait().context("no word from the server")? {
            let exit = status.code().and_then(|code| u8::try_from(code).ok()).map_or(Exit::Software, exit_of);
            return Err(Failure::new(exit, format!("the server did not start ({status})")).into());
        }
    }
    Err(Failure::new(Exit::TempFail, format!("the server runs, but is not ready after {START_TIME_MAX:?}")).into())
}
