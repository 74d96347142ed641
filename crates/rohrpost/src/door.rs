//! The way from a command to the server it is about: through its `control.sock`, or, where none runs, into its store.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rohrpost_server::control::{AskError, ask};
use rohrpost_store::{Options, Store};

use crate::{
    cli::Place,
    config,
    control::{Answer, RefusalKind, Request},
    exit::{Exit, Failure},
    operator::{Configured, Operator},
    privileges,
};

/// The socket of a server in its data directory.
pub(crate) const SOCKET: &str = "control.sock";

/// The server that a command is about.
pub(crate) struct Door {
    dir: PathBuf,
    configured: Configured,
    /// Whose the data directory is to be, where the configuration was read.
    user: Option<String>,
}

impl Door {
    /// Finds the data directory: `--dir`, else what the configuration says.
    pub(crate) fn find(place: &Place) -> anyhow::Result<Self> {
        if let Some(dir) = &place.dir {
            return Ok(Self { dir: dir.clone(), configured: Configured::default(), user: None });
        }
        let settings = match &place.config {
            Some(file) => config::read(file)?,
            None => config::read(Path::new(config::DEFAULT_FILE))
                .context("which server is meant? Say so with --dir or --config")?,
        };
        Ok(Self { configured: Configured::of(&settings), user: Some(settings.user), dir: settings.data_dir })
    }

    /// The data directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Asks, and turns a refusal into an error with the right exit code.
    pub(crate) async fn ask(&self, request: Request) -> anyhow::Result<Answer> {
        let question = serde_json::to_vec(&request)?;
        let answer = match ask(&self.dir.join(SOCKET), &question) {
            Ok(answer) => serde_json::from_slice(&answer).context("the server answered something else")?,
            Err(AskError::NobodyListens) => self.look(request).await?,
            Err(error) => return Err(Failure::new(Exit::Unavailable, error).into()),
        };
        match answer {
            Answer::Refused(refusal) => {
                let exit = match refusal.kind {
                    RefusalKind::Missing => Exit::Unavailable,
                    RefusalKind::Wrong => Exit::Data,
                    RefusalKind::Later => Exit::TempFail,
                    RefusalKind::Ours => Exit::Software,
                };
                Err(Failure::new(exit, refusal.message).into())
            }
            answer => Ok(answer),
        }
    }

    /// Answers from the store itself.
    async fn look(&self, request: Request) -> anyhow::Result<Answer> {
        match &self.user {
            Some(user) if request.changes() && privileges::is_unused(&self.dir) => {
                privileges::drop_to(user, &self.dir)?;
            }
            _ => privileges::become_owner_of(&self.dir)?,
        }
        let options = Options { read_only: !request.changes(), ..Options::default() };
        let store = Store::open(&self.dir, options).context("no server runs there, and its store cannot be read")?;
        let operator = Operator::new(store, self.configured.clone(), None);
        Ok(operator.answer(request, &whoami()).await)
    }
}

/// Who gives an order, for the records.
pub(crate) fn whoami() -> String {
    format!("uid {}", nix::unistd::getuid())
}
