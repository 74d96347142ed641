//! What all workers share: the crates below, the settings in force, the books.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use bytes::Bytes;
use rohrpost_client::Pool;
use rohrpost_dns::Resolver;
use rohrpost_mail::{BodyKind, DeliveryRecord, Domain, Envelope, Mailbox, Recipient, ReversePath};
use rohrpost_queue::{Now, Origin, Queue, Router, srs::Rewriter};
use rohrpost_store::{Body, NewMessage, NewRecipient, Store};
use rohrpost_tls::{CertPair, ClientTls, ClientTlsOptions, TlsError};
use tokio_util::sync::CancellationToken;

use crate::{fallback::Fallback, hosts::Hosts, ledger::Ledger, notices::Notices, settings::Settings, stats::Counters};

/// See the module.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) resolver: Resolver,
    pub(crate) router: Arc<Router>,
    pub(crate) rewriter: Rewriter,
    pub(crate) pool: Pool,
    pub(crate) ledger: Ledger,
    pub(crate) fallback: Fallback,
    pub(crate) hosts: Hosts,
    pub(crate) notices: Notices,
    pub(crate) counters: Arc<Counters>,
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) tls: TlsClients,
    pub(crate) stopping: CancellationToken,
}

impl Shared {
    /// The settings in force.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        self.queue.now()
    }

    /// Whether no further stage is to be begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Recipients in the queue, by the ways that their addresses go.
    pub(crate) fn recipients(
        &self,
        origin: Origin<'_>,
        recipients: impl IntoIterator<Item = Recipient>,
    ) -> Vec<NewRecipient> {
        let (settings, now) = (self.queue.settings(), self.now().wall);
        let (ways, is_null) = (self.router.ways(origin), origin.sender.mailbox().is_none());
        let routed = |recipient: Recipient| {
            let destination = ways.to(&recipient.address);
            settings.recipient(recipient, destination, now, is_null)
        };
        recipients.into_iter().map(routed).collect()
    }

    /// A message of our own to one address, with the null path: bounces, digests, notices. Nothing comes back for it.
    pub(crate) fn own_message(&self, kind: &str, to: Mailbox, body: Vec<u8>) -> NewMessage {
        let id = self.store.new_id();
        let wide = !rohrpost_mail::header::split(&body).0.is_ascii();
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            body: if body.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime },
            smtputf8: to.needs_smtputf8() || wide,
            ..Envelope::default()
        };
        let recipients = self.recipients(Origin::own(), [Recipient::new(to)]);
        let mut new = self.new_message(kind, envelope, recipients, Body::from_bytes(body));
        new.message_id = Some(format!("<{id}@{}>", self.settings().host_name));
        new.id = id;
        new.received.message = id;
        new
    }

    /// A message that comes out of this crate.
    pub(crate) fn new_message(
        &self,
        kind: &str,
        envelope: Envelope,
        recipients: Vec<NewRecipient>,
        body: Body,
    ) -> NewMessage {
        let (id, now) = (self.store.new_id(), self.now().wall);
        let expires = self.queue.settings().schedule.expires(now, envelope.reverse_path.mailbox().is_none());
        let octets = body.octets();
        NewMessage {
            id,
            envelope,
            recipients,
            body,
            received: DeliveryRecord::written_here(id, now, kind, octets),
            message_id: None,
            account: None,
            expires,
            counters: Vec::new(),
        }
    }
}

/// `mailer-daemon@` our name: whom our own mail comes from.
pub(crate) fn daemon(host_name: &Domain) -> Mailbox {
    let local = rohrpost_mail::LocalPart::new("mailer-daemon").expect("it is a local part");
    Mailbox { local, domain: host_name.clone().into() }
}

/// One TLS client per certificate that is shown.
#[derive(Default)]
pub(crate) struct TlsClients {
    /// By the files of the certificate.
    clients: Mutex<HashMap<Option<(PathBuf, PathBuf)>, ClientTls>>,
}

impl TlsClients {
    /// The client that shows this certificate; made at its first use.
    pub(crate) fn with(&self, certificate: Option<&CertPair>) -> Result<ClientTls, TlsError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = certificate.map(|pair| (pair.cert.clone(), pair.key.clone()));
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let options = ClientTlsOptions { client_cert: certificate.cloned(), ..ClientTlsOptions::default() };
        let client = ClientTls::new(options)?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    /// Reads all certificates anew at their next use.
    pub(crate) fn forget(&self) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Bytes of a header field that only one copy of a message has.
pub(crate) fn field(name: &str, value: &str) -> Bytes {
    format!("{name}: {value}\r\n").into()
}
