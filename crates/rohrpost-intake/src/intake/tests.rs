//! What needs a store, and a clock of its own.

mod in_front;
mod ways;

use std::path::Path;

use rohrpost_dns::{AddressName, Options};
use rohrpost_mail::{ForwardPath, Notify, ReversePath};
use rohrpost_queue::Clock;
use rohrpost_store::{
    Alias, Allowance, Body, State,
    mailbox::{Flags, NewMail},
};

use super::*;
use crate::peer::Role;

/// An intake over a store of its own, with an account.
struct Fixture {
    intake: Intake,
    account: Arc<Account>,
    _dir: tempfile::TempDir,
}

async fn fixture(class: &str, change: impl FnOnce(&mut Settings)) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let account = Account {
        login: "ann@here.test".into(),
        addresses: vec!["ann@here.test".parse().unwrap()],
        class: class.into(),
        ..Account::default()
    };
    let mut settings = Settings::new("mx.here.test".parse().unwrap(), "ann@here.test".parse().unwrap());
    settings.local_domains = vec!["here.test".parse().unwrap()];
    change(&mut settings);
    let intake = open(dir.path(), settings);
    intake.store().account_put(account.clone()).await.unwrap();
    Fixture { intake, account: Arc::new(account), _dir: dir }
}

/// An intake over a store in an empty directory; its resolver asks nobody.
pub(crate) fn open(dir: &Path, settings: Settings) -> Intake {
    let options = rohrpost_store::Options { free_bytes_min: 1, ..rohrpost_store::Options::default() };
    let store = Store::open(dir, options).unwrap();
    let parts = Parts {
        store: store.clone(),
        queue: Queue::start(store, rohrpost_queue::Settings::default(), Clock::system()),
        router: Arc::default(),
        resolver: Resolver::with_servers(vec!["127.0.0.1:9".parse().unwrap()], Options::default()),
        callout: None,
        srs: None,
    };
    Intake::new(parts, settings)
}

impl Fixture {
    fn peer(&self) -> Peer {
        Peer {
            session: "s".into(),
            listener: "submission".into(),
            role: Role::Submission,
            host_name: "mx.here.test".parse().unwrap(),
            address: "127.0.0.1:4711".parse().ok(),
            name: None,
            is_nameless: false,
            trusted: None,
            helo: String::new(),
            is_extended: true,
            is_tls_offered: true,
            tls: None,
            account: Some(self.account.clone()),
            uid: None,
        }
    }

    /// Stores one message of the account for itself.
    async fn send(&self) -> Result<rohrpost_mail::QueueId, Refusal> {
        let reverse_path = ReversePath::Mailbox("ann@here.test".parse().unwrap());
        let mut transaction = self.intake.mail(&self.peer(), Envelope { reverse_path, ..Envelope::default() }).await?;
        let path = ForwardPath::Mailbox("ann@here.test".parse().unwrap());
        transaction.rcpt(&self.peer(), &path, None, Notify::default(), Instant::now()).await?;
        transaction.push(&self.peer(), "From: ann@here.test\r\n\r\nx\r\n".into()).await;
        Ok(transaction.finish(&self.peer()).await?.id())
    }

    /// Puts somebody into the directory who has `address` as their own.
    async fn move_in(&self, address: &str) {
        let addresses = vec![address.parse().unwrap()];
        let account = Account { login: "bob@here.test".into(), addresses, ..Account::default() };
        self.intake.store().account_put(account).await.unwrap();
    }

    async fn alias(&self, address: &str, targets: &[&str]) {
        let targets = targets.iter().map(|target| target.parse().unwrap()).collect();
        self.intake.store().alias_put(Alias { address: address.into(), targets, ..Alias::default() }).await.unwrap();
    }

    /// What ann is told who names `sender` in MAIL and `author` in From.
    async fn replies(&self, sender: &str, author: &str) -> Result<(), String> {
        let told = |refusal: Refusal| refusal.reply().to_string();
        let reverse_path = ReversePath::Mailbox(sender.parse().unwrap());
        let envelope = Envelope { reverse_path, ..Envelope::default() };
        let mut transaction = self.intake.mail(&self.peer(), envelope).await.map_err(told)?;
        transaction.push(&self.peer(), format!("From: {author}\r\n\r\nx\r\n").into()).await;
        transaction.finish(&self.peer()).await.map(drop).map_err(told)
    }

    async fn rows(&self, id: rohrpost_mail::QueueId) -> Vec<rohrpost_store::QueuedRecipient> {
        self.intake.store().recipients(id).await.unwrap()
    }
}

#[tokio::test]
async fn a_full_mailbox_is_told_of_at_rcpt_until_there_is_room() {
    let fixture = fixture("", |_| {}).await;
    let store = fixture.intake.store().clone();
    let account = Account { quota: Allowance::Octets(4), ..(*fixture.account).clone() };
    store.account_put(account.clone()).await.unwrap();
    fixture.send().await.unwrap();
    let new = NewMail { body: Body::from_bytes("1234"), shape: None, flags: Flags::default(), at: Timestamp::now() };
    store.mailbox_append("ann@here.test", "INBOX", vec![new]).await.unwrap();
    assert_eq!(fixture.send().await.unwrap_err().reply().to_string(), "452 4.2.2 Mailbox is full, try again later");
    store.account_put(Account { quota: Allowance::Inherited, ..account.clone() }).await.unwrap();
    fixture.send().await.unwrap();
    store.default_quota_set(Some(4)).await.unwrap();
    assert_eq!(fixture.send().await.unwrap_err().reply().to_string(), "452 4.2.2 Mailbox is full, try again later");
    store.account_put(Account { quota: Allowance::Unlimited, ..account }).await.unwrap();
    fixture.send().await.unwrap();
}

#[tokio::test]
async fn a_message_that_will_not_fit_is_refused_at_rcpt_for_now_or_for_good() {
    let fixture = fixture("", |_| {}).await;
    let store = fixture.intake.store().clone();
    store.account_put(Account { quota: Allowance::Octets(10), ..(*fixture.account).clone() }).await.unwrap();
    let new = NewMail { body: Body::from_bytes("1234"), shape: None, flags: Flags::default(), at: Timestamp::now() };
    store.mailbox_append("ann@here.test", "INBOX", vec![new]).await.unwrap();
    let told = async |octets: u64, to: &str| {
        let reverse_path = ReversePath::Mailbox("ann@here.test".parse().unwrap());
        let envelope = Envelope { reverse_path, ..Envelope::default() };
        let mut transaction = fixture.intake.mail(&fixture.peer(), envelope).await.unwrap();
        transaction.declare_size(octets);
        let path = ForwardPath::Mailbox(to.parse().unwrap());
        let asked = transaction.rcpt(&fixture.peer(), &path, None, Notify::default(), Instant::now()).await;
        asked.map_err(|refusal| refusal.reply().to_string())
    };
    assert_eq!(told(6, "ann@here.test").await, Ok(()));
    assert_eq!(told(0, "ann@here.test").await, Ok(()), "many say so who do not know");
    let full = Err("452 4.2.2 Mailbox is full, try again later".to_owned());
    assert_eq!(told(10, "ann@here.test").await, full);
    let never = Err("552 5.2.3 Message is larger than all that the mailbox may hold".to_owned());
    assert_eq!(told(11, "ann@here.test").await, never);
    assert_eq!(told(u64::MAX, "ann@here.test").await, never);
    assert_eq!(told(11, "postmaster@here.test").await, Ok(()));

    let bob = Account {
        login: "bob@here.test".into(),
        addresses: vec!["bob@here.test".parse().unwrap()],
        ..Account::default()
    };
    store.account_put(Account { quota: Allowance::Octets(8), ..bob.clone() }).await.unwrap();
    fixture.alias("both@here.test", &["ann@here.test", "bob@here.test"]).await;
    fixture.alias("more@here.test", &["ann@here.test", "eve@far.test"]).await;
    assert_eq!(told(8, "both@here.test").await, Ok(()), "bob has room");
    assert_eq!(told(9, "both@here.test").await, full);
    assert_eq!(told(11, "both@here.test").await, never);
    assert_eq!(told(11, "more@here.test").await, Ok(()), "who knows how much room there is elsewhere?");
    store.account_put(bob).await.unwrap();
    assert_eq!(told(11, "both@here.test").await, Ok(()), "bob has no limit");
}

#[tokio::test]
async fn an_account_that_runs_into_its_limit_in_two_hours_of_a_day_has_its_mail_held() {
    let fixture = fixture("", |settings| settings.account_limits.messages_per_hour = 1).await;
    let mine = fixture.send().await.unwrap();
    let refused_at = async |at: Timestamp| fixture.intake.count_for(&fixture.account, &mut None, at).await.is_err();
    let now = Timestamp::now();
    assert!(refused_at(now).await);
    assert_eq!(fixture.rows(mine).await[0].state, State::Waiting, "once may be a mistake");
    // The count of the first hour has left the window by then; a message more fills it anew.
    let later = now + jiff::SignedDuration::from_hours(2);
    let mut kept = None;
    fixture.intake.count_for(&fixture.account, &mut kept, later).await.unwrap();
    assert!(refused_at(later).await);
    while fixture.rows(mine).await[0].state != State::Held {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_of_class_service_is_delayed_at_its_rate() {
    let fixture = fixture("service", |settings| {
        settings.account_limits.messages_per_hour = 1;
        settings.account_limits.service_messages_per_minute = 1;
    })
    .await;
    let mut due = Vec::new();
    for _ in 0..3 {
        let id = fixture.send().await.unwrap();
        due.push(fixture.rows(id).await[0].due);
    }
    assert!(due[1].duration_since(due[0]).as_secs() >= 59, "{due:?}");
    assert_eq!(due[2].duration_since(due[1]).as_secs(), 60);
}

#[tokio::test]
async fn messages_with_the_null_path_have_a_rate_of_their_own() {
    let fixture = fixture("", |_| ()).await;
    let mut begun = 0;
    while fixture.intake.mail(&fixture.peer(), Envelope::default()).await.is_ok() {
        begun += 1;
    }
    assert_eq!(begun, NULL_PATH_PER_HOUR);
}

#[tokio::test]
async fn when_memory_is_short_a_message_goes_on_at_the_end_of_its_header() {
    let fixture = fixture("", |_| ()).await;
    let held = fixture.intake.held();
    held.fetch_add(crate::limits::HELD_BYTES_MAX + 1, std::sync::atomic::Ordering::Relaxed);
    let id = fixture.send().await.unwrap();
    assert!(fixture.intake.store().message(id).await.unwrap().unwrap().body.octets() > 20);
    assert_eq!(held.load(std::sync::atomic::Ordering::Relaxed), crate::limits::HELD_BYTES_MAX + 1, "all is given back");
}

#[tokio::test]
async fn a_dead_resolver_does_not_say_that_a_peer_has_no_name() {
    let fixture = fixture("", |_| ()).await;
    assert_eq!(fixture.intake.name_of([192, 0, 2, 1].into()).await, AddressName::Unknown);
}

#[tokio::test]
async fn a07_a_subaddress_is_ones_own_until_it_is_somebody_elses() {
    const FREE: &str = "ann+x@here.test";
    let fixture = fixture("", |_| ()).await;
    assert_eq!(fixture.replies(FREE, "Ann <ANN+X@here.test>").await, Ok(()));

    fixture.move_in(FREE).await;
    let refused = Err("550 5.7.1 ann+x@here.test is no subaddress of yours: it belongs to somebody else".to_owned());
    assert_eq!(fixture.replies(FREE, "ann@here.test").await, refused, "in MAIL");
    assert_eq!(fixture.replies("ann@here.test", FREE).await, refused, "in From");
    assert_eq!(fixture.replies("ann@here.test", "ann@here.test\r\nResent-Sender: ann+x@here.test").await, refused);
    assert_eq!(fixture.replies("ann+y@here.test", "ann+y@here.test").await, Ok(()), "the others are still hers");
    assert_eq!(fixture.replies("ann@here.test", "ann@here.test").await, Ok(()));
}

#[tokio::test]
async fn a07_an_alias_is_somebody_elses_unless_it_leads_to_nobody_but_the_account() {
    let fixture = fixture("", |_| ()).await;
    fixture.move_in("ann+bob@here.test").await;
    fixture.alias("@here.test", &["boss@here.test"]).await;
    fixture.alias("ann+mine@here.test", &["Ann@here.test"]).await;
    fixture.alias("ann+team@here.test", &["ann@here.test", "bob@here.test"]).await;
    fixture.alias("ann+away@here.test", &["ann+bob@here.test"]).await;
    let passes = async |address: &str| fixture.replies(address, address).await.is_ok();
    assert!(passes("ann+any@here.test").await, "a catch-all comes after the base address");
    assert!(passes("ann+mine@here.test").await);
    assert!(!passes("ann+team@here.test").await);
    assert!(!passes("ann+away@here.test").await);
}
