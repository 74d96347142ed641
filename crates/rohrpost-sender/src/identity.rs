//! How a server proves who it is where its settings alone do not say: by DNS, or by what it showed before.

use rohrpost_client::{ConnectError, Connection, LinkTls, Place, Target};
use rohrpost_dns::{Options, Resolver};
use rohrpost_mail::{Domain, Host, Trust};
use rohrpost_tls::{Distrust, TlsError};

use crate::{
    error::{Cause, ConfigError},
    known::{Known, KnownServers},
    receipt::Note,
    server::Server,
};

/// Where the proof of a server comes from.
pub(crate) enum Identity {
    /// From its settings.
    Settings,
    /// From its TLSA records.
    Dane { resolver: Resolver, host: Domain, port: u16 },
    /// From what it showed first.
    FirstUse { known: KnownServers, server: String },
}

impl Identity {
    /// # Errors
    /// What is missing: a file of known servers, a name that has records, DNS servers of this host.
    pub(crate) fn of(server: &Server) -> Result<Self, ConfigError> {
        match (server.target().trust, server.place()) {
            (Trust::Dane, Place::Net(Host::Name(host), port)) => {
                let resolver = match server.dns() {
                    Some(resolver) => resolver.clone(),
                    None => Resolver::system(Options::default())?,
                };
                Ok(Self::Dane { resolver, host: host.clone(), port: *port })
            }
            (Trust::Dane, _) => Err(ConfigError::DaneWithoutName),
            (Trust::FirstUse, _) => {
                let known = server.known().cloned().ok_or(ConfigError::NoKnownServers)?;
                Ok(Self::FirstUse { known, server: server.to_string() })
            }
            _ => Ok(Self::Settings),
        }
    }

    /// Puts into the terms whom they must lead to. A server that is known for its TLS is not spoken to without.
    pub(crate) async fn settle(&self, terms: &mut Target) -> Result<Option<Known>, Cause> {
        let known = match self {
            Self::Settings => return Ok(None),
            Self::Dane { resolver, host, port } => {
                terms.tlsa = resolver.tlsa(host, *port).await.map_err(Cause::Tlsa)?;
                None
            }
            Self::FirstUse { known, server } => {
                let found = known.find(server).await.map_err(Cause::Known)?;
                terms.require_trust = found.is_some();
                terms.trust = found.as_ref().map_or(Trust::Any, |known| Trust::PinSpki(known.key.clone()));
                if found.is_none() {
                    return Ok(None);
                }
                found
            }
        };
        if terms.tls == LinkTls::IfOffered {
            terms.tls = LinkTls::Starttls;
        }
        Ok(known)
    }

    /// Makes a server known that was met for the first time and showed this key.
    pub(crate) async fn remember(&self, key: Option<String>) -> Result<Option<Note>, Cause> {
        let (Self::FirstUse { known, server }, Some(key)) = (self, key) else { return Ok(None) };
        let kept = known.keep(server, &key).await.map_err(Cause::Known)?;
        if kept.key != key {
            return Err(Cause::Changed { known: kept, found: key });
        }
        Ok(Some(Note::FirstUse { server: server.clone(), key, file: kept.file }))
    }
}

/// The key of a server that was met for the first time: who is known had to show the known one.
pub(crate) fn new_key(connection: &Connection) -> Option<String> {
    connection.server_key().filter(|_| !connection.target().require_trust).map(str::to_owned)
}

/// What a failure means where the server is known.
pub(crate) fn explain(cause: Cause, known: Option<Known>) -> Cause {
    let (Cause::Open(failure), Some(known)) = (&cause, known) else { return cause };
    match &failure.error {
        ConnectError::Tls(TlsError::Untrusted(untrusted)) if untrusted.reason == Distrust::NotPinned => {
            let found = untrusted.certificate.as_ref().map(|certificate| certificate.spki_fingerprint.clone());
            Cause::Changed { known, found: found.unwrap_or_default() }
        }
        _ => cause,
    }
}
