//! Answers the requests of commands from the store, and lets a running server know what has changed.
//!
//! The same code answers in the server, behind `control.sock`, and in a command that opened the store itself because
//! no server runs. What only a running server can do is behind [`Live`].

mod accounts;
mod aliases;
mod domains;
mod mail;
mod moving;
mod routes;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;
use rohrpost_delivery::RouteState;
use rohrpost_mail::Domain;
use rohrpost_queue::routing::{LOCAL, MX};
use rohrpost_store::{CheckReport, Filter, Listed, Page, Store, StoreError, Verb};

use crate::{
    config::Settings,
    control::{
        Answer, Checked, PAGE_ROWS, QueueMessage, QueueRow, Refusal, RefusalKind, Request, RouteRow, Shape, VerbWord,
    },
    wiring::Offer,
};

/// What a running server does beyond changing the store.
pub(crate) trait Live: Send + Sync {
    /// Applies a verb, so that it takes effect on what is in memory too.
    fn operate(&self, filter: Filter, verb: Verb, by: String) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Returns recipients to their sender, with a notice each.
    fn bounce(&self, filter: Filter, by: String) -> BoxFuture<'_, Result<u64, Refusal>>;

    /// How its ways out fare.
    fn routes(&self) -> Vec<RouteState>;

    /// Tries the hosts of a way out at once that are down.
    fn probe(&self, route: &str);

    /// Whether its settings let nothing out.
    fn holds_outgoing(&self) -> bool;

    /// Forgets the failed log-ins of this account.
    fn unlock(&self, login: &str);

    /// Local domains, accounts or aliases have changed.
    fn people_changed(&self) -> BoxFuture<'_, ()>;
}

/// A future that a trait object returns.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers requests.
pub(crate) struct Operator {
    store: Store,
    configured: RwLock<Configured>,
    live: Option<Arc<dyn Live>>,
    uploads: moving::Uploads,
}

/// What the configuration names; empty where none was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configured {
    /// Local domains.
    pub(crate) domains: Vec<Domain>,
    /// Routes that mail can be sent by.
    pub(crate) routes: Vec<String>,
    /// Those of them that the configuration describes.
    pub(crate) ways: Vec<RouteRow>,
    /// What mail programs can use.
    pub(crate) offer: Offer,
}

impl Configured {
    /// Of these settings, and of what they offer to mail programs.
    pub(crate) fn of(settings: &Settings, offer: Offer) -> Self {
        let usual = [LOCAL, MX].map(str::to_owned);
        let routes = settings.delivery.routes.iter().map(|route| route.name.clone());
        Self {
            domains: settings.intake.local_domains.clone(),
            routes: usual.into_iter().chain(routes).collect(),
            ways: routes::of(settings),
            offer,
        }
    }
}

impl Operator {
    /// Over a store, in a server or alone.
    pub(crate) fn new(store: Store, configured: Configured, live: Option<Arc<dyn Live>>) -> Self {
        Self { store, configured: RwLock::new(configured), live, uploads: moving::Uploads::default() }
    }

    /// The configuration was read anew.
    pub(crate) fn reload(&self, configured: Configured) {
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = configured;
    }

    fn configured(&self) -> Configured {
        self.configured.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers one request; `by` goes into the records of what it changes.
    pub(crate) async fn answer(&self, request: Request, by: &str) -> Answer {
        self.try_answer(request, by).await.unwrap_or_else(Answer::Refused)
    }

    async fn try_answer(&self, request: Request, by: &str) -> Result<Answer, Refusal> {
        match request {
            Request::QueueList { filter, after, limit } => self.queue_list(filter, after, limit).await,
            Request::QueueShow { id } => self.queue_show(id).await,
            Request::QueueApply { filter, verb, count_only } => self.queue_apply(filter, verb, count_only, by).await,
            Request::QueueShape => self.queue_shape().await,
            Request::Trace { query, limit } => self.trace(&query, limit).await,
            Request::Body { of, from } => self.body(of, from).await,
            Request::AccountAdd { account, password } => self.account_add(account, &password.0).await,
            Request::AccountList => self.account_list().await,
            Request::AccountRemove { name, keep_mail } => self.account_remove(&name, keep_mail).await,
            Request::AccountRename { name, new, drop_address } => self.account_rename(&name, new, drop_address).await,
            Request::AccountPassword { name, label, password, replace } => {
                self.account_password(&name, &label, &password.0, replace).await
            }
            Request::AccountChange { name, change } => self.account_change(&name, change).await,
            Request::AccountUnlock { name } => self.account_unlock(&name).await,
            Request::AliasSet { name, targets } => self.alias_set(&name, targets).await,
            Request::AliasAdd { name, targets } => self.alias_add(&name, targets).await,
            Request::AliasList => self.alias_list().await,
            Request::AliasRename { name, new } => self.alias_rename(&name, &new).await,
            Request::AliasDisable { name, disabled } => self.alias_disable(&name, disabled).await,
            Request::AliasRemove { name, targets } => self.alias_remove(&name, &targets).await,
            Request::DomainAdd { name } => self.domain_add(&name).await,
            Request::DomainList => self.domain_list().await,
            Request::DomainRemove { name } => self.domain_remove(&name).await,
            Request::DomainRename { name, new, drop_addresses } => {
                self.domain_rename(&name, &new, drop_addresses).await
            }
            Request::DomainChange { name, change } => self.domain_change(&name, change).await,
            Request::MailboxList { account, folder, after } => self.mailbox_list(&account, &folder, after).await,
            Request::MailboxAll { account } => self.mailbox_all(&account).await,
            Request::MailUpload { upload, piece } => self.mail_upload(upload, piece).await,
            Request::MailAdd { account, mailbox, mails } => self.mail_add(&account, &mailbox, mails).await,
            Request::MailMarks { account, mailbox, after } => self.mail_marks(&account, &mailbox, after).await,
            Request::MailPage { account, mailbox, after } => self.mail_page(&account, &mailbox, after).await,
            Request::MailUndelete { account, mailbox, since } => self.mail_undelete(&account, &mailbox, since).await,
            Request::Quota { account } => self.quota(account).await,
            Request::RouteList => Ok(self.route_list()),
            Request::RouteRetry { name } => self.route_retry(name, by).await,
            Request::Offer => Ok(Answer::Offer(self.configured().offer)),
            Request::StoreCheck => self.store_check().await,
        }
    }

    async fn queue_list(
        &self,
        filter: Filter,
        after: Option<(rohrpost_mail::QueueId, u32)>,
        limit: usize,
    ) -> Result<Answer, Refusal> {
        let page = Page { after, limit: limit.min(PAGE_ROWS) };
        let rows = self.store.queue_list(filter, page).await?;
        Ok(Answer::Queue(self.rows(rows)))
    }

    async fn queue_show(&self, id: rohrpost_mail::QueueId) -> Result<Answer, Refusal> {
        let recipients = self.rows_of(id).await?;
        let message = self.store.message(id).await?.filter(|_| !recipients.is_empty());
        let message = message.ok_or_else(|| {
            Refusal::missing(format!("{id} is not in the queue; `rohrpost trace {id}` may know where it went"))
        })?;
        Ok(Answer::Message(Box::new(QueueMessage {
            id,
            sender: message.envelope.reverse_path,
            account: message.account,
            message_id: message.message_id,
            created: message.created,
            expires: message.expires,
            octets: message.body.octets(),
            recipients,
        })))
    }

    /// The recipients of a message that still wait.
    async fn rows_of(&self, id: rohrpost_mail::QueueId) -> Result<Vec<QueueRow>, Refusal> {
        let filter = Filter { ids: vec![id], ..Filter::default() };
        let rows = self.store.queue_list(filter, Page { after: None, limit: PAGE_ROWS }).await?;
        Ok(self.rows(rows))
    }

    fn rows(&self, listed: Vec<Listed>) -> Vec<QueueRow> {
        let nothing_leaves = self.live.as_ref().is_some_and(|live| live.holds_outgoing());
        listed.into_iter().map(|listed| row(listed, nothing_leaves)).collect()
    }

    async fn queue_apply(&self, filter: Filter, verb: VerbWord, count_only: bool, by: &str) -> Result<Answer, Refusal> {
        if let VerbWord::Route(route) = &verb {
            self.check_route(route)?;
        }
        if count_only {
            return Ok(Answer::Count(self.store.queue_count(filter).await?));
        }
        let verb = match verb {
            VerbWord::Hold => Verb::Hold,
            VerbWord::Release => Verb::Release,
            VerbWord::Retry => Verb::Retry,
            VerbWord::Route(route) => Verb::Route(route),
            VerbWord::Drop => Verb::Drop,
            VerbWord::Bounce => return self.bounce(filter, by).await,
        };
        let by = by.to_owned();
        let count = match &self.live {
            Some(live) => live.operate(filter, verb, by).await?,
            None => self.store.queue_apply(filter, verb, by, Timestamp::now()).await?,
        };
        Ok(Answer::Count(count))
    }

    fn check_route(&self, route: &str) -> Result<(), Refusal> {
        let known = self.configured().routes;
        if known.is_empty() || known.iter().any(|known| known == route) {
            return Ok(());
        }
        let message = format!("there is no route {route:?}; there are {}", known.join(", "));
        Err(Refusal::new(RefusalKind::Wrong, message))
    }

    /// Returning mail needs the one who writes notices: the running server.
    async fn bounce(&self, filter: Filter, by: &str) -> Result<Answer, Refusal> {
        let live = self.live.as_ref().ok_or_else(|| {
            Refusal::new(RefusalKind::Later, "bounces are written by the running server: start `rohrpost serve`")
        })?;
        Ok(Answer::Count(live.bounce(filter, by.to_owned()).await?))
    }

    async fn queue_shape(&self) -> Result<Answer, Refusal> {
        let shape = |row: rohrpost_store::ShapeRow| Shape {
            route: row.route,
            site: row.site,
            ages: row.buckets.to_vec(),
            held: row.held,
        };
        Ok(Answer::Shape(self.store.shape(Timestamp::now()).await?.into_iter().map(shape).collect()))
    }

    async fn store_check(&self) -> Result<Answer, Refusal> {
        let report = self.store.check().await?;
        let CheckReport { messages, mails, bodies, faults, .. } = report;
        Ok(Answer::Checked(Checked { messages, mails, bodies, faults }))
    }

    async fn people_changed(&self) {
        if let Some(live) = &self.live {
            live.people_changed().await;
        }
    }
}

/// A row of the store as commands see it.
fn row(listed: Listed, nothing_leaves: bool) -> QueueRow {
    let Listed { recipient, sender, octets, last } = listed;
    let kept_in = nothing_leaves && recipient.route != LOCAL;
    QueueRow {
        id: recipient.message,
        n: recipient.n,
        sender,
        recipient: recipient.recipient.address,
        route: recipient.route,
        state: recipient.state,
        kept_in,
        attempts: recipient.attempts,
        created: recipient.created,
        due: recipient.due,
        expires: recipient.expires,
        octets,
        last,
    }
}
