//! The way from a command to the server it is about: through its `control.sock`, or, where none runs, into its store.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

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
    wiring::{Offer, Ports},
};

/// The socket of a server in its data directory.
pub(crate) const SOCKET: &str = "control.sock";

/// The server that a command is about.
pub(crate) struct Door {
    dir: PathBuf,
    configured: Configured,
    /// The configuration, where it was read.
    file: Option<PathBuf>,
    /// Whose the data directory is to be, where the configuration was read.
    user: Option<String>,
    /// The store, once it was opened because no server runs.
    open: Mutex<Option<Opened>>,
}

/// A store that this command has opened, and whether for reading only.
#[derive(Clone)]
struct Opened {
    operator: Arc<Operator>,
    read_only: bool,
}

impl Door {
    /// Finds the data directory: `--dir`, else what the configuration says. With `--dir` alone no configuration is read:
    /// the directory need not be that of the host's own server.
    pub(crate) fn find(place: &Place) -> anyhow::Result<Self> {
        let (settings, file) = match (&place.config, &place.dir) {
            (None, Some(dir)) => return Ok(Self::to(dir.clone())),
            (Some(file), _) => (config::read(file)?, file.clone()),
            (None, None) => {
                let file = PathBuf::from(config::DEFAULT_FILE);
                let read = config::read(&file).context("which server is meant? Say so with --dir or --config")?;
                (read, file)
            }
        };
        let dir = place.dir.clone().unwrap_or_else(|| settings.data_dir.clone());
        let offer = Offer::of(&settings, &Ports::named(&settings));
        let configured = Configured::of(&settings, offer);
        Ok(Self { configured, file: Some(file), user: Some(settings.user), ..Self::to(dir) })
    }

    fn to(dir: PathBuf) -> Self {
        Self { dir, configured: Configured::default(), file: None, user: None, open: Mutex::new(None) }
    }

    /// The configuration that was read.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
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
            Err(AskError::Io(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Failure::new(Exit::NoPermission, "only root and the server's own user may ask it").into());
            }
            Err(error @ (AskError::Closed | AskError::Late)) => {
                return Err(Failure::new(Exit::TempFail, error).into());
            }
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
        match request {
            Request::RouteList => return Ok(Answer::Routes(self.configured.ways.clone())),
            Request::Offer => return Ok(Answer::Offer(self.configured.offer.clone())),
            _ => {}
        }
        let operator = self.operator(!request.changes())?;
        Ok(operator.answer(request, &whoami()).await)
    }

    /// Who answers from the store. It stays open for the next request, unless that needs more than reading.
    fn operator(&self, read_only: bool) -> anyhow::Result<Arc<Operator>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = open.as_ref().filter(|opened| read_only || !opened.read_only) {
            return Ok(opened.operator.clone());
        }
        // One that can only read is in the way of one that writes.
        *open = None;
        match &self.user {
            Some(user) if !read_only && privileges::is_unused(&self.dir) => privileges::drop_to(user, &self.dir)?,
            _ => privileges::become_owner_of(&self.dir)?,
        }
        let options = Options { read_only, ..Options::default() };
        let store = Store::open(&self.dir, options).context("no server runs there, and its store cannot be read")?;
        let operator = Arc::new(Operator::new(store, self.configured.clone(), None));
        *open = Some(Opened { operator: operator.clone(), read_only });
        Ok(operator)
    }
}

/// Who gives an order, for the records.
pub(crate) fn whoami() -> String {
    format!("uid {}", nix::unistd::getuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_those_of_the_file_and_the_directory_is_the_one_that_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rohrpost.toml");
        let toml =
            "host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\ndata_dir = \"data\"\nuser = \"mail\"\n";
        std::fs::write(&file, toml).unwrap();
        let found = |config: Option<&Path>, dir: Option<&str>| {
            let place = Place { config: config.map(Path::to_owned), dir: dir.map(PathBuf::from) };
            let door = Door::find(&place).unwrap();
            (door.dir, door.user)
        };
        let user = Some("mail".to_owned());
        assert_eq!(found(Some(&file), None), (folder.path().join("data"), user.clone()));
        assert_eq!(found(Some(&file), Some("/other")), (PathBuf::from("/other"), user));
        assert_eq!(found(None, Some("/other")), (PathBuf::from("/other"), None));
    }

    #[test]
    fn a_file_that_is_wrong_is_not_passed_over_because_a_directory_was_named() {
        let place = Place { config: Some("/nowhere/rohrpost.toml".into()), dir: Some("/other".into()) };
        let error = Door::find(&place).err().unwrap().to_string();
        assert!(error.starts_with("/nowhere/rohrpost.toml: "), "{error}");
    }
}
