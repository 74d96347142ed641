//! Listeners with their certificates.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::Context;
use rohrpost_mail::ListenerTls;
use rohrpost_server::{AuthSettings, Bound, ListenerSettings, Service};
use rohrpost_tls::{CertStore, ClientAuth, ServerTls, ServerTlsOptions};

use crate::config::{Settings, resolve::Listener};

/// Application protocols that clients may name in the handshake (RFC 7301). None is registered for SMTP: these are what
/// other mail servers take. Whoever names none is let in, whoever names only others wanted another server, and is
/// refused: its session was turned towards us.
fn applications(service: Service) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = match service {
        Service::Mail(_) => &[b"smtp", b"esmtp", b"lmtp"],
        Service::Imap => &[b"imap"],
        Service::Pop3 => &[b"pop3"],
    };
    names.iter().map(|name| name.to_vec()).collect()
}

/// The certificates of a node: those of all listeners, and those that one has for itself.
pub(crate) struct Certificates {
    shared: CertStore,
    /// By the file of the certificate.
    own: BTreeMap<PathBuf, CertStore>,
}

impl Certificates {
    /// Loads them; where none is configured, a self-signed one is made, or that of an earlier start taken.
    pub(crate) fn load(settings: &Settings) -> anyhow::Result<Self> {
        let shared = if settings.certificates.is_empty() {
            tracing::warn!(
                "no certificate is configured: a self-signed one is used, which mail programs will not trust"
            );
            CertStore::self_signed(&settings.data_dir, &Vec::from_iter(names(settings)))?
        } else {
            CertStore::load(settings.certificates.clone()).context("tls.certificates")?
        };
        Ok(Self { shared, own: own(settings)? })
    }

    /// All of them.
    pub(crate) fn stores(&self) -> Vec<CertStore> {
        std::iter::once(&self.shared).chain(self.own.values()).cloned().collect()
    }

    /// Those of all listeners.
    pub(super) fn shared(&self) -> &CertStore {
        &self.shared
    }

    fn of(&self, listener: &Listener) -> &CertStore {
        let own = listener.certificate.as_ref().and_then(|pair| self.own.get(&pair.cert));
        own.unwrap_or(&self.shared)
    }
}

/// The certificates that listeners have for themselves.
fn own(settings: &Settings) -> anyhow::Result<BTreeMap<PathBuf, CertStore>> {
    let mut own = BTreeMap::new();
    for listener in &settings.listeners {
        if let Some(pair) = &listener.certificate {
            let store = CertStore::load(vec![pair.clone()]);
            own.insert(pair.cert.clone(), store.with_context(|| format!("listener {}: certificate", listener.name))?);
        }
    }
    Ok(own)
}

/// Whether the files that the settings name can be used: what `config check` looks at beyond the configuration itself.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<()> {
    if settings.certificates.is_empty() {
        // One is made at the start.
        return own(settings).map(drop);
    }
    let certificates = Certificates::load(settings)?;
    self::settings(settings, &certificates, Vec::new()).map(drop)
}

/// The names that a self-signed certificate is for.
fn names(settings: &Settings) -> BTreeSet<String> {
    let own = settings.listeners.iter().filter_map(|listener| listener.host_name.as_ref());
    own.chain([&settings.host_name]).map(ToString::to_string).collect()
}

/// The settings of all listeners with their sockets; without sockets for a reload.
pub(crate) fn settings(
    settings: &Settings,
    certificates: &Certificates,
    sockets: Vec<Vec<Bound>>,
) -> anyhow::Result<Vec<ListenerSettings>> {
    let mut sockets = sockets.into_iter();
    let mut all = Vec::with_capacity(settings.listeners.len());
    for listener in &settings.listeners {
        let one = one(settings, certificates, listener, sockets.next().unwrap_or_default());
        all.push(one.with_context(|| format!("listener {}", listener.name))?);
    }
    Ok(all)
}

fn one(
    settings: &Settings,
    certificates: &Certificates,
    listener: &Listener,
    sockets: Vec<Bound>,
) -> anyhow::Result<ListenerSettings> {
    let host_name = listener.host_name.clone().unwrap_or_else(|| settings.host_name.clone());
    Ok(ListenerSettings {
        tls: listener.tls,
        server_tls: server_tls(settings, certificates, listener)?,
        is_enabled: listener.enabled,
        sockets,
        auth: AuthSettings { clear: listener.auth_clear, tls: listener.auth_tls, require: listener.require_auth },
        extensions: listener.extensions,
        extensions_for: listener.extensions_for.clone(),
        size_max: settings.size_max,
        bare_newline: listener.bare_newline,
        timeouts: settings.timeouts,
        proxy_networks: listener.proxy_networks.clone(),
        ..ListenerSettings::new(&listener.name, listener.service, host_name)
    })
}

fn server_tls(
    settings: &Settings,
    certificates: &Certificates,
    listener: &Listener,
) -> anyhow::Result<Option<ServerTls>> {
    if listener.tls == ListenerTls::Off {
        return Ok(None);
    }
    let client_auth = listener.client_ca.clone().map(|ca| ClientAuth { ca, required: false });
    let options = ServerTlsOptions {
        min: settings.min_tls,
        alpn: applications(listener.service),
        client_auth,
        ..ServerTlsOptions::new(certificates.of(listener).clone(), &listener.name)
    };
    Ok(Some(ServerTls::new(options)?))
}
