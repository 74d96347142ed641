//! Delivery status notifications: who is told what, and in which language.
//!
//! One notification per message and round of events, listing its recipients. Never one to the null path: what would have
//! been one becomes a line of the daily digest to the postmaster.

use std::net::SocketAddr;

use jiff::Timestamp;
use rohrpost_mail::{
    EnhancedStatus, Host, Mailbox, Reply, Seal,
    dsn::{Action, Fate, Language, Report},
};
use rohrpost_queue::redirect::{Redirected, redirect};
use rohrpost_store::{NewMessage, QueuedRecipient, StoreError, settle::NewDigestEntry};

use crate::{
    message::Message,
    shared::{Shared, daemon},
    verdict::Verdict,
};

/// One recipient's share of a notification.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) row: QueuedRecipient,
    pub(crate) action: Action,
    pub(crate) status: EnhancedStatus,
    pub(crate) remote: Option<String>,
    pub(crate) reply: Option<Reply>,
    pub(crate) note: Option<String>,
    pub(crate) seal: Option<Seal>,
}

impl News {
    /// News that a verdict brings.
    pub(crate) fn of(row: &QueuedRecipient, action: Action, verdict: &Verdict) -> Self {
        let hop = &verdict.hop;
        Self {
            row: row.clone(),
            action,
            status: verdict.status,
            remote: hop.peer.as_deref().map(|peer| remote_mta(peer, hop.address)),
            reply: verdict.reply.clone(),
            note: verdict.note.clone(),
            seal: hop.link.seal(),
        }
    }

    /// News without a peer.
    pub(crate) fn plain(row: &QueuedRecipient, action: Action, status: EnhancedStatus, note: Option<String>) -> Self {
        Self { row: row.clone(), action, status, remote: None, reply: None, note, seal: None }
    }

    /// Whether the sender asked for this kind of news. RFC 3461 §4.1.
    pub(crate) fn is_wanted(&self) -> bool {
        let notify = self.row.recipient.notify;
        match self.action {
            Action::Failed => notify.failure,
            Action::Delayed => notify.delay,
            Action::Delivered | Action::Relayed | Action::Expanded => notify.success,
        }
    }

    /// The line of the digest for a message whose sender cannot be told.
    pub(crate) fn digest_entry(&self, at: Timestamp) -> NewDigestEntry {
        let why = match (&self.reply, &self.note) {
            (Some(reply), _) => reply.to_string(),
            (None, Some(note)) => note.clone(),
            (None, None) => String::new(),
        };
        NewDigestEntry {
            at,
            message: self.row.message,
            recipient: Some(self.row.recipient.address.clone()),
            text: format!("{} {why}", self.status).trim_end().to_owned(),
        }
    }

    fn fate(&self, now: Timestamp) -> Fate<'_> {
        Fate {
            recipient: &self.row.recipient,
            action: self.action,
            status: self.status,
            remote: self.remote.clone(),
            reply: self.reply.as_ref(),
            note: self.note.clone(),
            seal: self.seal,
            attempted: now,
            retry_until: (self.action == Action::Delayed).then_some(self.row.expires),
        }
    }
}

/// A peer as `Remote-MTA` names it (RFC 3464 §2.3.5): its name and the address it was reached at. One without a name is
/// its address and nothing more; a configured host's port is nobody's business there.
fn remote_mta(peer: &str, address: Option<SocketAddr>) -> String {
    match address.map(|address| Host::Literal(address.ip())) {
        Some(literal) if peer.starts_with('[') => literal.to_string(),
        Some(literal) => format!("{peer} {literal}"),
        None => peer.to_owned(),
    }
}

/// The notification for all news that the sender asked for; nothing where there is none, or nobody to tell.
pub(crate) async fn report(
    shared: &Shared,
    message: &Message,
    news: &[News],
) -> Result<Option<NewMessage>, StoreError> {
    let Some(to) = message.envelope.reverse_path.mailbox() else { return Ok(None) };
    let wanted: Vec<&News> = news.iter().filter(|news| news.is_wanted()).collect();
    let Some(first) = wanted.first() else { return Ok(None) };
    let (head, is_whole) = message.head().await?;
    let language = language_of(shared, message, to).await?;
    let settings = shared.settings();
    let now = shared.now().wall;
    let from = daemon(&settings.host_name);
    let mut report = Report {
        reporting_mta: &settings.host_name,
        from: &from,
        to,
        id: message.id,
        original_id: message.id,
        envid: message.envelope.envid.as_deref(),
        arrival: first.row.created,
        date: now,
        fates: wanted.iter().map(|news| news.fate(now)).collect(),
        original: &head,
        original_is_whole: is_whole,
        ret: message.envelope.ret,
        language,
    };
    // The notification bears its own id in its header, and that id is allotted with the message.
    let redirected = settings.redirect_all_to.as_ref().map(|all_to| redirect(all_to, [to]));
    let addressee = redirected.as_ref().map_or(to, |redirected| &redirected.recipient.address);
    let mut new = shared.own_message("bounce", addressee.clone(), Vec::new());
    report.id = new.id;
    let mut bytes = report.to_bytes();
    if let Some(Redirected { field, note, .. }) = redirected {
        bytes.splice(0..0, field.bytes());
        new.received.note = Some(note);
    }
    new.envelope.smtputf8 = report.needs_smtputf8();
    new.envelope.require_tls = message.envelope.require_tls;
    if !bytes.is_ascii() {
        new.envelope.body = rohrpost_mail::BodyKind::EightBitMime;
    }
    new.received.octets = bytes.len() as u64;
    new.body = rohrpost_store::Body::from_bytes(bytes);
    Ok(Some(new))
}

/// The language that the sender chose, if the sender has an account here.
async fn language_of(shared: &Shared, message: &Message, to: &Mailbox) -> Result<Language, StoreError> {
    let account = match &message.account {
        Some(login) => shared.store.account_get(login).await?,
        None if shared.router.is_local(&to.domain) => shared.store.account_of(to).await?,
        None => None,
    };
    let chosen = account.and_then(|account| account.language.parse().ok());
    Ok(chosen.unwrap_or(shared.settings().language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_once_and_without_its_port() {
        let address = |text: &str| text.parse().ok();
        assert_eq!(remote_mta("mx.there.test", address("192.0.2.1:25")), "mx.there.test [192.0.2.1]");
        assert_eq!(remote_mta("[127.0.0.1]:2600", address("127.0.0.1:2600")), "[127.0.0.1]");
        assert_eq!(remote_mta("[IPv6:2001:db8::1]", address("[2001:db8::1]:25")), "[IPv6:2001:db8::1]");
        assert_eq!(remote_mta("mx.there.test", None), "mx.there.test");
    }
}
