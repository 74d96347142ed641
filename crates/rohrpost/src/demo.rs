//! `rohrpost demo`: a complete pair of mail servers with nothing to set up.
//!
//! `here.test` has an account and relays; `there.test` takes mail for anybody. Both are configured by an ordinary
//! `rohrpost.toml` in the demo's directory and run in this process, on ports of loopback that happen to be free. A CA
//! and a DNS server of their own make them find and recognise each other.

mod report;
mod samples;
mod world;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use self::world::World;
use crate::{
    cli::{self, Place},
    control::Trace,
    logs, sockets,
};

/// How long the first message may take; on loopback it takes milliseconds.
const FIRST_MESSAGE_TIME_MAX: Duration = Duration::from_secs(20);

/// Runs the demo.
pub(crate) fn run(place: &Place, command: &cli::Demo) -> anyhow::Result<ExitCode> {
    let home = Home::open(place.dir.clone())?;
    logs::start_in(&home.path().join("demo.log"))?;
    sockets::allow_many();
    let plan = world::plan(home.path(), command)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(show(plan, command))
}

/// The demo's directory: a temporary one goes away with the demo.
enum Home {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Home {
    fn open(dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(dir) = dir else {
            let dir = tempfile::Builder::new().prefix("rohrpost-demo-").tempdir().context("temporary directory")?;
            return Ok(Self::Temporary(dir));
        };
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
        Ok(Self::Given(dir))
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Given(dir) => dir,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

async fn show(plan: world::Plan, command: &cli::Demo) -> anyhow::Result<ExitCode> {
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut world = World::start(plan, command).await?;
    let facts = world.facts().clone();
    if command.json {
        println!("{}", serde_json::to_string(&facts)?);
    } else {
        anstream::print!("{}", report::opening(&facts));
        if !command.hold && command.relay_to.is_none() {
            let traces = first_message(&mut world).await?;
            anstream::print!("{}", report::traces(&traces));
        }
        if !command.once {
            anstream::print!("{}", report::next_steps(&facts));
        }
    }
    if !command.once {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = stop.recv() => {}
        }
    }
    world.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Sends a message and waits until it lies in the mailbox on the other side: its trace on both servers.
async fn first_message(world: &mut World) -> anyhow::Result<[Trace; 2]> {
    world.send_first().await?;
    tokio::time::timeout(FIRST_MESSAGE_TIME_MAX, world.follow_first())
        .await
        .context("the first message did not arrive; demo.log in the directory of the demo may say why")?
}

#[cfg(test)]
mod tests;
