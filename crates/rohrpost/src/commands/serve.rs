//! `rohrpost serve`: bind, drop root, run until told to stop.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Place,
    config::{self, Settings, file::Config, restart},
    exit::{Exit, Failure},
    logs, privileges, sockets,
    wiring::{Node, Sockets},
};

/// Runs the server. Everything up to the runtime happens in one thread: root is given up there.
pub(super) fn run(place: &Place) -> anyhow::Result<ExitCode> {
    let file = place.config.clone().unwrap_or_else(|| PathBuf::from(config::DEFAULT_FILE));
    let settings = settings(&file, place)?;
    logs::start(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    sockets::allow_many();
    let sockets = Sockets::bind(&settings).map_err(|error| Failure::new(Exit::System, format!("{error:#}")))?;
    privileges::drop_to(&settings.user, &settings.data_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(serve(&file, place, settings, sockets))
}

/// The settings, with the data directory of the command line where it names one.
fn settings(file: &Path, place: &Place) -> anyhow::Result<Settings> {
    let mut settings = config::read(file)?;
    if let Some(dir) = &place.dir {
        settings.data_dir.clone_from(dir);
    }
    Ok(settings)
}

async fn serve(file: &Path, place: &Place, settings: Settings, sockets: Sockets) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let running = settings.file.clone();
    let node = Node::start(settings, sockets).await?;
    let status = status(&running);
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    tracing::info!("ready");
    warn_of_lost_routes(&node).await;
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                reload(&node, &running, file, place).await;
                warn_of_lost_routes(&node).await;
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    tokio::select! {
        () = node.stop() => tracing::info!("stopped"),
        _ = terminate.recv() => tracing::warn!("stopped at once: told so twice"),
        _ = interrupt.recv() => tracing::warn!("stopped at once: told so twice"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Mail keeps the route that was chosen when it came in. One that was renamed or taken out is missed here, not when the
/// mail bounces.
async fn warn_of_lost_routes(node: &Node) {
    match node.operator().lost_routes().await {
        Ok(lost) => {
            for (route, recipients) in lost {
                let remedy = format!("`rohrpost queue route --route {route} --to OTHER` sends it another way");
                tracing::warn!(route, recipients, "mail waits for a route that the settings do not name; {remedy}");
            }
        }
        Err(error) => tracing::warn!(%error, "nobody knows which routes mail waits for"),
    }
}

/// Reads the configuration anew. Where it is wrong the old one stays; what needs a restart is named.
async fn reload(node: &Node, running: &Config, file: &Path, place: &Place) {
    let started = NotifyState::monotonic_usec_now().ok();
    tell(&[Some(NotifyState::Reloading), started].into_iter().flatten().collect::<Vec<_>>());
    let read = async || {
        let settings = settings(file, place)?;
        let waiting = restart::needed(running, &settings.file);
        let (warnings, status) = (settings.warnings.clone(), status(&settings.file));
        node.reload(settings, node.origin_key().await?).await?;
        anyhow::Ok((waiting, warnings, status))
    };
    match read().await {
        Ok((waiting, warnings, status)) => {
            tracing::info!("the configuration was read anew");
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            for key in waiting {
                tracing::warn!("{key}: changed, but takes effect only after a restart");
            }
            tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
        }
        Err(error) => {
            // One record of the log is one line, and the marks below an excerpt say nothing there.
            for fault in format!("{error:#}").lines().filter(|line| !line.starts_with(' ')) {
                tracing::error!("the configuration is wrong, the old one stays: {fault}");
            }
            tell(&[NotifyState::Ready]);
        }
    }
}

/// What `systemctl status` shows: that a server is not what it seems.
fn status(config: &Config) -> String {
    let redirected = config.redirect_all_to.as_ref().map(|to| format!("redirect mode: all mail goes to {to}"));
    redirected.unwrap_or_default()
}

/// Tells systemd, where it listens.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}
