//! The ways in for programs of this host: the submit socket and the drop directory.
//!
//! Both may lie where only root can make them. What is in the data directory is made later, by the user that the server
//! becomes: root must not work in a folder that is another's.

use std::{fs, os::unix::net::UnixListener, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use rohrpost_intake::Intake;
use rohrpost_server::{
    Stats,
    submit::{DropDir, Submit, SubmitSocket},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Settings,
    privileges,
    sockets::{self, SocketAccess},
};

/// Makes what lies outside of the data directory, with the rights that the process still has.
pub(super) fn bind(settings: &Settings) -> anyhow::Result<Option<UnixListener>> {
    let (submit, data_dir) = (&settings.submit, &settings.data_dir);
    if !submit.enabled {
        return Ok(None);
    }
    let drop_dir = submit.drop_dir_in(data_dir);
    if !drop_dir.starts_with(data_dir) {
        lay_out(&drop_dir, privileges::owner_to_be(&settings.user)?);
    }
    let socket = submit.socket_in(data_dir);
    if socket.starts_with(data_dir) {
        return Ok(None);
    }
    let folder = socket.parent().context("submit.socket: a socket lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    listen(&socket).map(Some)
}

/// A server without a drop directory still does all the rest.
fn lay_out(drop_dir: &Path, owner: Option<(u32, u32)>) {
    if let Err(error) = DropDir::lay_out(drop_dir, owner) {
        tracing::warn!("{error}; mail that programs hand in while the server is down is refused (75)");
    }
}

fn listen(socket: &Path) -> anyhow::Result<UnixListener> {
    let everybody = SocketAccess { mode: "0666".parse()?, group: None };
    sockets::unix(socket, &everybody).with_context(|| format!("submit.socket: cannot listen at {}", socket.display()))
}

/// Both ways in, open.
pub(super) struct Submissions {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Submissions {
    /// Opens them; `bound` is the socket if it was made already.
    pub(super) fn start(
        settings: &Settings,
        bound: Option<UnixListener>,
        intake: &Intake,
        stats: Arc<Stats>,
    ) -> anyhow::Result<Option<Self>> {
        let (submit, data_dir) = (&settings.submit, &settings.data_dir);
        if !submit.enabled {
            return Ok(None);
        }
        let (stop, mut tasks) = (CancellationToken::new(), Vec::new());
        let service = Arc::new(Submit { intake: intake.clone(), size_max: settings.size_max, stats });
        // The directory comes first: whoever finds no answer at the socket turns to it.
        let drop_dir = submit.drop_dir_in(data_dir);
        if drop_dir.starts_with(data_dir) {
            lay_out(&drop_dir, None);
        }
        let listener = bound.map_or_else(|| listen(&submit.socket_in(data_dir)), Ok)?;
        let socket = SubmitSocket::new(listener).context("submit.socket")?;
        tasks.push(tokio::spawn(socket.serve(service.clone(), stop.clone())));
        match DropDir::open(&drop_dir) {
            Ok(dir) => tasks.push(tokio::spawn(dir.serve(service, stop.clone()))),
            Err(error) => tracing::warn!("{error}; what lies in it is not taken"),
        }
        Ok(Some(Self { stop, tasks }))
    }

    /// Takes nothing new and lets what is coming in come to its end; what lasts longer than `grace` is cut off.
    pub(super) async fn stop(self, grace: Duration) {
        self.stop.cancel();
        let deadline = tokio::time::Instant::now() + grace;
        for mut task in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}
