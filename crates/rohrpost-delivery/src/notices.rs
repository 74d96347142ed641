//! The system's own mail. To its operator: failed store, dead route, expiring certificate, and the daily digest of bounces
//! that had nobody to go to. To the owners of mailboxes: that they are nearly full. Each at most once a day.

mod text;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use rohrpost_mail::{HeaderText, Mailbox, QueueId, compose::Message, dsn::Language};
use rohrpost_queue::{routing::LOCAL, schedule::age};
use rohrpost_store::{NewMessage, StoreError, mailbox::Filled, settle::DigestEntry};
use tokio::sync::mpsc;

use crate::{
    limits::{CERTIFICATE_DAYS, DIGEST_ENTRIES_MAX, FILLED_AT_ONCE_MAX, HOUSEKEEPING_EVERY, NOTICE_EVERY},
    shared::{Shared, daemon},
    way::NOTICES,
};

/// The kind of such messages, in their records.
pub(crate) const NOTICE: &str = "notice";
/// Notices that may wait to be written; more of the same kind would be suppressed anyway.
const WAITING_MAX: usize = 32;

/// Something the operator should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Notice {
    /// Notices of the same kind come once a day.
    kind: String,
    subject: String,
    text: String,
}

/// Where notices are raised; a task writes them.
#[derive(Debug)]
pub(crate) struct Notices {
    sender: mpsc::Sender<Notice>,
    /// Failed attempts by route, since the last success.
    failures: Mutex<HashMap<String, u32>>,
}

/// The writer's end.
pub(crate) type Raised = mpsc::Receiver<Notice>;

/// Where notices are raised, and where they come out.
pub(crate) fn channel() -> (Notices, Raised) {
    let (sender, raised) = mpsc::channel(WAITING_MAX);
    (Notices { sender, failures: Mutex::default() }, raised)
}

impl Notices {
    /// An attempt over a route failed: how many in a row.
    pub(crate) fn route_failed(&self, route: &str) -> u32 {
        let mut failures = self.failures();
        let count = failures.entry(route.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// An attempt over a route worked.
    pub(crate) fn route_worked(&self, route: &str) {
        let mut failures = self.failures();
        if !failures.is_empty() {
            failures.remove(route);
        }
    }

    /// Nothing goes over a route.
    pub(crate) fn dead_route(&self, language: Language, route: &str, why: &str) {
        tracing::warn!(route, why, "nothing goes over this route");
        let (subject, text) = text::dead_route(language, route, why);
        self.raise(Notice { kind: format!("route {route}"), subject, text });
    }

    /// A host of a route does not take our password; another one has the mail.
    pub(crate) fn refused_login(&self, language: Language, route: &str, host: &str, why: &str) {
        tracing::warn!(route, host, why, "a host does not let us log in");
        let (subject, text) = text::refused_login(language, route, host, why);
        self.raise(Notice { kind: format!("login {route} {host}"), subject, text });
    }

    /// The store could not record results for a while.
    pub(crate) fn failed_store(&self, language: Language, what: &str) {
        let (subject, text) = text::failed_store(language, what);
        self.raise(Notice { kind: "store".into(), subject, text });
    }

    /// A certificate ends soon.
    pub(crate) fn expiring(&self, language: Language, names: &str, file: &str, not_after: Timestamp) {
        let (subject, text) = text::expiring(language, names, file, not_after);
        self.raise(Notice { kind: format!("certificate {file}"), subject, text });
    }

    fn raise(&self, notice: Notice) {
        if let Err(error) = self.sender.try_send(notice) {
            tracing::warn!(%error, "too many notices at once");
        }
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes notices as they are raised, and looks after certificates, the digest and old records, until the end.
pub(crate) async fn run(shared: Arc<Shared>, mut raised: Raised, mut recovered: mpsc::Receiver<String>) {
    let mut every = tokio::time::interval(HOUSEKEEPING_EVERY);
    loop {
        let done = tokio::select! {
            Some(notice) = raised.recv() => write(&shared, notice).await,
            Some(what) = recovered.recv() => {
                shared.notices.failed_store(shared.settings().language, &what);
                Ok(())
            }
            () = shared.store.wait_until_filled() => tell_owners(&shared).await,
            _ = every.tick() => housekeeping(&shared).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "a notice cannot be written");
        }
    }
}

/// The daily work, looked at every hour.
async fn housekeeping(shared: &Shared) -> Result<(), StoreError> {
    let settings = shared.settings();
    let now = shared.now().wall;
    for certificate in settings.certificates.iter().flat_map(rohrpost_tls::CertStore::certificates) {
        if age(now, certificate.not_after).as_secs() < u64::try_from(CERTIFICATE_DAYS * 86_400).unwrap_or_default() {
            let file = certificate.file.display().to_string();
            shared.notices.expiring(settings.language, &certificate.names.join(", "), &file, certificate.not_after);
        }
    }
    digest(shared).await?;
    tell_owners(shared).await?;
    shared.store.prune(now).await?;
    Ok(())
}

/// Writes a notice, unless one of its kind was written today.
async fn write(shared: &Shared, notice: Notice) -> Result<(), StoreError> {
    if !is_due(shared, &notice.kind).await? {
        return Ok(());
    }
    let to = shared.settings().notices.to.clone().unwrap_or_else(|| shared.settings().postmaster.clone());
    send(shared, to, &notice.subject, &notice.text).await?;
    remember(shared, &notice.kind).await
}

/// Tells the owners of mailboxes that have filled a step of their quota, once a day for each step. Those who were told
/// today and tidied up in between are looked at again by the next [`housekeeping`].
async fn tell_owners(shared: &Shared) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = shared.store.filled(&after, FILLED_AT_ONCE_MAX).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.account);
        for filled in page {
            tell_owner(shared, filled).await?;
        }
    }
}

async fn tell_owner(shared: &Shared, filled: Filled) -> Result<(), StoreError> {
    let kind = format!("quota {} {}", filled.step, filled.account);
    if !is_due(shared, &kind).await? {
        return Ok(());
    }
    let account = shared.store.account_get(&filled.account).await?;
    if let Some(account) = account
        && let Some(to) = account.addresses.first()
    {
        let quota = shared.store.mailbox_quota(&filled.account).await?;
        let language = account.language.parse().unwrap_or(shared.settings().language);
        let (subject, text) = text::nearly_full(language, filled.step, &quota);
        send(shared, to.clone(), &subject, &text).await?;
        remember(shared, &kind).await?;
    }
    // A crash in between tells them twice, which is better than never.
    shared.store.filled_told(filled).await
}

/// Failed bounces of the day, in one mail to the postmaster.
async fn digest(shared: &Shared) -> Result<(), StoreError> {
    if !is_due(shared, "digest").await? {
        return Ok(());
    }
    if shared.store.notice_told_at("digest").await?.is_none() {
        // The first day begins now.
        return remember(shared, "digest").await;
    }
    let entries = shared.store.digest_take(DIGEST_ENTRIES_MAX).await?;
    if entries.is_empty() {
        return Ok(());
    }
    let settings = shared.settings();
    let (subject, text) = text::digest(settings.language, &entries);
    send(shared, settings.postmaster.clone(), &subject, &text).await?;
    // A crash in between repeats the digest, which is better than losing it.
    shared.store.digest_remove(entries.iter().map(|DigestEntry { id, .. }| *id).collect()).await?;
    remember(shared, "digest").await
}

async fn send(shared: &Shared, to: Mailbox, subject: &str, text: &str) -> Result<(), StoreError> {
    let new = compose(shared, to, subject, text);
    let announced = shared.queue.announce(&new);
    shared.store.commit(new).await?;
    announced.arrived();
    Ok(())
}

fn compose(shared: &Shared, to: Mailbox, subject: &str, text: &str) -> NewMessage {
    let settings = shared.settings();
    let now = shared.now().wall;
    let id = shared.store.new_id();
    let header = |text: String| HeaderText::new(printable(&text)).expect("control characters were replaced");
    let message = Message {
        from: daemon(&settings.host_name),
        to: vec![to.clone()],
        subject: header(subject.to_owned()),
        date: now,
        message_id: header(message_id(id, &settings.host_name.to_string())),
        fields: vec![("Auto-Submitted", header("auto-generated".into()))],
        text: text.to_owned(),
        attachments: Vec::new(),
    };
    let mut new = shared.own_message(NOTICE, to, message.to_bytes());
    let overridden = settings.notices.route.is_some() || settings.notices.tls.is_some();
    for recipient in new.recipients.iter_mut().filter(|recipient| overridden && recipient.route != LOCAL) {
        NOTICES.clone_into(&mut recipient.route);
    }
    new.message_id = Some(format!("<{}>", message_id(id, &settings.host_name.to_string())));
    new
}

fn message_id(id: QueueId, host: &str) -> String {
    format!("{id}@{host}")
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// Whether nothing of this kind was written for a day.
async fn is_due(shared: &Shared, kind: &str) -> Result<bool, StoreError> {
    let last = shared.store.notice_told_at(kind).await?;
    Ok(last.is_none_or(|last| age(last, shared.now().wall) >= NOTICE_EVERY || last > shared.now().wall))
}

async fn remember(shared: &Shared, kind: &str) -> Result<(), StoreError> {
    shared.store.notice_told(kind, shared.now().wall).await
}
