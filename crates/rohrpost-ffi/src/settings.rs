//! What `rohrpost_open` is given: the servers, or that of this host. The names are those of the options of `rohrpost send`.

use std::path::PathBuf;

use rohrpost_sender::{
    DkimKey, KnownServers, LocalServer, Login, Mechanism, MinTls, Proxy, Rate, Relays, Secret, SecretSource, Security,
    Sender, Server, Trust,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::{
    ABI,
    engine::Way,
    fault::Fault,
    json::{self, Many, Short},
};

/// What a sender is made of.
pub(crate) struct Terms {
    /// Where messages go.
    pub(crate) way: Way,
    /// The servers on it, as `host:port`.
    pub(crate) servers: Vec<String>,
    /// What signs each message.
    pub(crate) keys: Vec<DkimKey>,
}

/// Reads them.
pub(crate) fn terms(json: &str) -> Result<Terms, Fault> {
    // Looked at before all else: what is unknown here may be known to the version that the program was written for.
    let Version { abi } = json::read(json)?;
    if abi != ABI {
        return Err(Fault::Abi(abi));
    }
    let settings: Settings = json::read(json)?;
    let keys = settings.dkim_key.iter().enumerate().map(|(place, key)| key.read(&format!("dkim_key[{place}]")));
    let keys = keys.collect::<Result<_, _>>()?;
    let (way, servers) = settings.way()?;
    Ok(Terms { way, servers, keys })
}

#[derive(Deserialize)]
struct Version {
    abi: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Of [`Version`].
    #[serde(rename = "abi")]
    _abi: u32,
    #[serde(default)]
    order: Order,
    server: Option<Many<ServerTerms>>,
    socket: Option<PathBuf>,
    drop_dir: Option<PathBuf>,
    #[serde(default)]
    dkim_key: Vec<Key>,
}

impl Settings {
    fn way(self) -> Result<(Way, Vec<String>), Fault> {
        let Self { _abi, order, server, socket, drop_dir, dkim_key: _ } = self;
        match (server, socket.as_ref().or(drop_dir.as_ref())) {
            (None, _) => {
                let here = socket.into_iter().fold(LocalServer::new(), LocalServer::socket);
                Ok((Way::Here(drop_dir.into_iter().fold(here, LocalServer::drop_dir)), Vec::new()))
            }
            (Some(_), Some(_)) => {
                let reason = "socket and drop_dir belong to the server of this host, which is not asked then";
                Err(Fault::value("server", reason))
            }
            (Some(Many(terms)), None) => through(order, terms),
        }
    }
}

fn through(order: Order, terms: Vec<ServerTerms>) -> Result<(Way, Vec<String>), Fault> {
    let servers = terms.into_iter().enumerate().map(|(place, terms)| terms.server(&format!("server[{place}]")));
    let servers: Vec<Server> = servers.collect::<Result<_, _>>()?;
    let names = servers.iter().map(ToString::to_string).collect();
    let relays = match order {
        Order::Failover => Relays::failover(servers),
        Order::RoundRobin => Relays::round_robin(servers),
    };
    Ok((Way::Servers(Sender::new(relays)?), names))
}

/// A private key and where its public one is found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    selector: String,
    domain: String,
    file: PathBuf,
}

impl Key {
    fn read(&self, path: &str) -> Result<DkimKey, Fault> {
        let Self { selector, domain, file } = self;
        DkimKey::read(selector, domain, file).map_err(|error| Fault::value(path, error))
    }
}

/// Which server a message begins with.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    /// The first.
    #[default]
    Failover,
    /// The next one each time.
    RoundRobin,
}

/// One server.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerTerms {
    url: String,
    user: Option<String>,
    #[serde(deserialize_with = "password")]
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    password_command: Option<String>,
    password_keyring: Option<String>,
    password_env: Option<String>,
    #[serde(deserialize_with = "json::word")]
    mechanism: Option<Mechanism>,
    allow_clear: bool,
    tls: Option<Security>,
    trust: Option<Trust>,
    ca: Option<Files>,
    known_servers: Option<PathBuf>,
    min_tls: Option<MinTls>,
    #[serde(deserialize_with = "json::word")]
    proxy: Option<Proxy>,
    #[serde(deserialize_with = "json::word")]
    rate: Option<Rate>,
    concurrency: Option<usize>,
    all_or_nothing: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the name of a file, or a list of names")]
enum Files {
    One(String),
    Several(Vec<String>),
}

impl Short for ServerTerms {
    const EXPECTED: &str = "the URL of a server, or an object with its terms";

    fn short(url: String) -> Self {
        Self { url, ..Self::default() }
    }
}

impl ServerTerms {
    fn server(self, path: &str) -> Result<Server, Fault> {
        let login = self.login(path)?;
        let server = Server::url(&self.url).map_err(|error| Fault::value(format!("{path}.url"), error))?;
        let trust = self.trust(path)?;
        let server = server.login(login).all_or_nothing(self.all_or_nothing);
        let server = self.tls.into_iter().fold(server, Server::security);
        let server = trust.into_iter().fold(server, Server::trust);
        let server = self.min_tls.into_iter().fold(server, Server::min_tls);
        let known = self.known_servers.map(KnownServers::file);
        let server = known.into_iter().fold(server, Server::known_servers);
        let server = self.proxy.into_iter().fold(server, Server::proxy);
        let server = self.rate.into_iter().fold(server, Server::rate);
        Ok(self.concurrency.into_iter().fold(server, Server::concurrency))
    }

    fn trust(&self, path: &str) -> Result<Option<Trust>, Fault> {
        let files = match &self.ca {
            None => return Ok(self.trust.clone()),
            Some(Files::One(file)) => std::slice::from_ref(file),
            Some(Files::Several(files)) => files,
        };
        let fault = |reason| Err(Fault::value(format!("{path}.ca"), reason));
        match (files, &self.trust) {
            ([], _) => fault("there is no file"),
            (_, Some(_)) => fault("it does not go with trust"),
            (files, None) if files.iter().any(|file| file.contains(':')) => {
                fault("no file may have a colon in its name")
            }
            (files, None) => Ok(Some(Trust::Ca(files.join(":")))),
        }
    }

    /// Who logs in. A user of the URL is put beside the secret by the sender.
    fn login(&self, path: &str) -> Result<Option<Login>, Fault> {
        let sources = [
            self.password.clone().map(SecretSource::Text),
            self.password_file.as_ref().map(SecretSource::file),
            self.password_command.as_ref().map(SecretSource::shell),
            self.keyring(path)?,
            self.password_env.as_ref().map(SecretSource::env),
        ];
        let mut sources = sources.into_iter().flatten();
        match (sources.next(), sources.next()) {
            (Some(_), Some(_)) => Err(Fault::value(path, "several passwords; one of them is enough")),
            (None, _) if self.user.is_some() => {
                let sources = "password_file, password_command, password_keyring, password_env or password";
                Err(Fault::value(format!("{path}.user"), format!("there is no password beside it: {sources}")))
            }
            (None, _) => Ok(None),
            (Some(secret), None) => {
                let login = Login::new(self.user.clone().unwrap_or_default(), secret).allow_clear(self.allow_clear);
                Ok(Some(self.mechanism.into_iter().fold(login, Login::mechanism)))
            }
        }
    }

    /// What the keyring has for the user, who must be told beside it: the URL's is read by the sender alone.
    fn keyring(&self, path: &str) -> Result<Option<SecretSource>, Fault> {
        match (&self.password_keyring, &self.user) {
            (None, _) => Ok(None),
            (Some(service), Some(user)) => Ok(Some(SecretSource::keyring(service, user))),
            (Some(_), None) => {
                Err(Fault::value(format!("{path}.password_keyring"), "name the user beside it, as user"))
            }
        }
    }
}

/// The password. What stands in its place is in no error, whatever it is.
fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Secret::new(text))),
        _ => Err(D::Error::custom("a password is a text, in quotation marks")),
    }
}
