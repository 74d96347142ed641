//! Where the server is found, and the domain of names without one.
//!
//! Whoever sends mail may not be allowed to read the configuration, or it may be half written just now: then what is
//! usual holds, and the mail goes out. Only a file that the caller names must be there and be right.

use std::{fs, path::Path, path::PathBuf};

use rohrpost_mail::{Domain, Host};
use rohrpost_server::submit::{DEFAULT_DROP_DIR, DEFAULT_SOCKET};
use serde::Deserialize;

use crate::{
    cli::Place,
    config::{self, file::Submit},
    exit::{Exit, Failure},
};

/// The visible mail domain of a Debian host.
const MAIL_NAME_FILE: &str = "/etc/mailname";

/// What the persona needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The server's socket.
    pub(crate) socket: PathBuf,
    /// Where messages wait for it.
    pub(crate) drop_dir: PathBuf,
    /// The domain of names without one.
    pub(super) mail_name: Domain,
    /// The server's own name, where it is known.
    pub(super) host_name: Option<Domain>,
    /// The file with the aliases of this host.
    pub(super) aliases: PathBuf,
}

/// The keys of the configuration that matter here; all others are passed over.
#[derive(Debug, Default, Deserialize)]
struct Keys {
    host_name: Option<Domain>,
    data_dir: Option<PathBuf>,
    #[serde(default)]
    submit: Submit,
}

impl Settings {
    /// Those of `place`; where it names no file, of the host's own server.
    pub(crate) fn read(place: &Place) -> anyhow::Result<Self> {
        let keys = match (&place.config, &place.dir) {
            (Some(file), _) => keys(file)?,
            (None, Some(_)) => Keys::default(),
            (None, None) => usual_keys(),
        };
        let Keys { host_name, data_dir, submit } = keys;
        let (socket, drop_dir) = match place.dir.clone().or(data_dir) {
            Some(dir) => (submit.socket_in(&dir), submit.drop_dir_in(&dir)),
            None => (
                submit.socket.unwrap_or_else(|| DEFAULT_SOCKET.into()),
                submit.drop_dir.unwrap_or_else(|| DEFAULT_DROP_DIR.into()),
            ),
        };
        let mail_name = submit.mail_name.or_else(mail_name_of_host).or_else(|| host_name.clone());
        let mail_name = mail_name.unwrap_or_else(name_of_host);
        Ok(Self { socket, drop_dir, mail_name, host_name, aliases: submit.aliases })
    }

    /// Whether names at this domain are names of this host.
    pub(super) fn is_own(&self, domain: &Host) -> bool {
        let own = |name: &Domain| *name == self.mail_name || Some(name) == self.host_name.as_ref();
        domain.name().is_some_and(|name| own(name) || name.as_str() == "localhost")
    }
}

fn keys(file: &Path) -> Result<Keys, Failure> {
    let wrong = |why: &str| Failure::new(Exit::Config, format!("{}{why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&format!(" ({error})")))?;
    let mut keys: Keys = toml::from_str(&text).map_err(|error| wrong(&in_one_line(&text, &error)))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let Submit { socket, drop_dir, aliases, .. } = &mut keys.submit;
    for path in [keys.data_dir.as_mut(), socket.as_mut(), drop_dir.as_mut(), Some(aliases)].into_iter().flatten() {
        *path = folder.join(&*path);
    }
    Ok(keys)
}

/// What is wrong with a configuration, and in which line: `:3: …`. The reader's own words would draw a picture.
fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|place| text.get(..place.start)).unwrap_or_default();
    format!(":{}: {}", before.matches('\n').count() + 1, error.message())
}

fn usual_keys() -> Keys {
    keys(Path::new(config::DEFAULT_FILE)).unwrap_or_default()
}

fn mail_name_of_host() -> Option<Domain> {
    Domain::parse(fs::read_to_string(MAIL_NAME_FILE).ok()?.lines().next()?.trim()).ok()
}

fn name_of_host() -> Domain {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let name = name.and_then(|name| Domain::parse(&name).ok());
    name.unwrap_or_else(|| Domain::parse("localhost").expect("it is a domain"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn a_file_that_is_named_says_where_the_server_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rohrpost.toml");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            Settings::read(&Place { config: Some(file.clone()), dir: None })
        };
        let settings = read("host_name = 'mx.h.test'\ndata_dir = 'data'\n[submit]\nmail_name = 'h.test'\n").unwrap();
        assert_eq!(settings.socket, folder.path().join("data/submit.sock"));
        assert_eq!(settings.drop_dir, folder.path().join("data/drop"));
        assert_eq!((settings.mail_name.as_str(), settings.aliases.to_str()), ("h.test", Some("/etc/aliases")));
        let settings = read("unknown = 1\n[submit]\nsocket = 's'\ndrop_dir = '/d'\naliases = 'a'\n").unwrap();
        assert_eq!((settings.socket, settings.drop_dir), (folder.path().join("s"), "/d".into()));
        assert_eq!(settings.aliases, folder.path().join("a"));
        let wrong = |settings: anyhow::Result<Settings>| exit::code_of(&settings.unwrap_err());
        assert_eq!(wrong(read("[submit")), Exit::Config);
        let error = read("data_dir = 'data'\n[submit]\nmail_name = 7\n").unwrap_err().to_string();
        assert!(error.contains("rohrpost.toml:3: ") && !error.contains('\n'), "{error}");
        assert_eq!(wrong(Settings::read(&Place { config: Some("/nowhere/x".into()), dir: None })), Exit::Config);
    }

    #[test]
    fn a_directory_that_is_named_is_that_of_the_server() {
        let settings = Settings::read(&Place { config: None, dir: Some("/srv/demo".into()) }).unwrap();
        assert_eq!((settings.socket, settings.drop_dir), ("/srv/demo/submit.sock".into(), "/srv/demo/drop".into()));
    }
}
