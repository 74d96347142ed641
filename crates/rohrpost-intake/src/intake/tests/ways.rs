//! Which way a message goes when it is taken, and where redirect mode sends it.

use rohrpost_mail::header;
use rohrpost_queue::{AccountPattern, RouteRule, RouteSettings, Schedule};

use super::*;

/// A rule for everybody's mail.
fn rule(route: &str) -> RouteRule {
    RouteRule::to(vec!["*".parse().unwrap()], route)
}

impl Fixture {
    fn rules(&self, rules: Vec<RouteRule>) {
        self.intake.router().set_rules(rules);
    }

    /// Takes a message from this peer; its id, or what the peer is told.
    async fn take(&self, peer: &Peer, to: &[&str], text: &str) -> Result<rohrpost_mail::QueueId, String> {
        let told = |refusal: Refusal| refusal.reply().to_string();
        let reverse_path = ReversePath::Mailbox("ann@here.test".parse().unwrap());
        let envelope = Envelope { reverse_path, ..Envelope::default() };
        let mut transaction = self.intake.mail(peer, envelope).await.map_err(told)?;
        for to in to {
            let path = ForwardPath::Mailbox(to.parse().unwrap());
            transaction.rcpt(peer, &path, None, Notify::default(), Instant::now()).await.map_err(told)?;
        }
        transaction.push(peer, text.to_owned().into()).await;
        transaction.finish(peer).await.map(|accepted| accepted.id()).map_err(told)
    }

    /// The routes of the recipients.
    async fn routes(&self, peer: &Peer, to: &[&str], text: &str) -> Vec<String> {
        let id = self.take(peer, to, text).await.unwrap();
        self.rows(id).await.into_iter().map(|row| row.route).collect()
    }

    async fn head(&self, id: rohrpost_mail::QueueId) -> String {
        let message = self.intake.store().message(id).await.unwrap().unwrap();
        let mut reader = self.intake.store().open_body(&message.body).await.unwrap();
        let part = reader.next().await.unwrap().unwrap();
        String::from_utf8(header::split(&part).0.to_vec()).unwrap()
    }
}

const BULK: &str = "From: ann@here.test\r\nX-Route:\r\n bulk\r\n\r\nx\r\n";
const PLAIN: &str = "From: ann@here.test\r\n\r\nX-Route: bulk\r\n";

#[tokio::test]
async fn a_header_is_known_when_the_way_is_chosen_and_the_text_is_none() {
    let fixture = fixture("", |_| ()).await;
    let bulk = RouteRule { headers: vec!["x-route: BULK".parse().unwrap()], ..rule("bulk") };
    fixture.rules(vec![bulk, rule("rest")]);
    assert_eq!(fixture.routes(&fixture.peer(), &["bob@there.test"], BULK).await, ["bulk"]);
    assert_eq!(fixture.routes(&fixture.peer(), &["bob@there.test"], PLAIN).await, ["rest"]);
}

#[tokio::test]
async fn each_recipient_of_a_message_goes_its_own_way() {
    let fixture = fixture("", |_| ()).await;
    fixture.rules(vec![RouteRule::to(vec!["bob@there.test".parse().unwrap()], "bobs"), rule("rest")]);
    let to = ["ann@here.test", "bob@there.test", "eve@there.test"];
    assert_eq!(fixture.routes(&fixture.peer(), &to, PLAIN).await, ["local", "bobs", "rest"]);
}

#[tokio::test]
async fn an_account_and_a_user_of_this_host_have_ways_of_their_own() {
    let fixture = fixture("", |_| ()).await;
    let by = |who, route| RouteRule { accounts: vec![who], ..rule(route) };
    let ann = AccountPattern::Login("Ann@here.test".into());
    fixture.rules(vec![by(ann, "anns"), by(AccountPattern::User(33), "web"), rule("rest")]);
    let program = |uid| Peer { account: None, uid: Some(uid), address: None, ..fixture.peer() };
    assert_eq!(fixture.routes(&fixture.peer(), &["bob@there.test"], PLAIN).await, ["anns"]);
    assert_eq!(fixture.routes(&program(33), &["bob@there.test"], PLAIN).await, ["web"]);
    assert_eq!(fixture.routes(&program(34), &["bob@there.test"], PLAIN).await, ["rest"]);
}

#[tokio::test]
async fn no_rule_lets_a_stranger_relay() {
    let fixture = fixture("", |_| ()).await;
    let senders = vec!["ann@here.test".parse().unwrap()];
    fixture.rules(vec![RouteRule { senders, ..rule("anns") }]);
    let stranger = Peer { account: None, ..fixture.peer() };
    let refused = fixture.take(&stranger, &["bob@there.test"], PLAIN).await.unwrap_err();
    assert!(refused.starts_with("550 5.7.1"), "{refused}");
}

#[tokio::test]
async fn the_lifetime_of_a_route_is_that_of_its_recipients_alone() {
    let fixture = fixture("", |_| ()).await;
    let schedule = Schedule { lifetime: HOUR, ..Schedule::default() };
    let short = ("short".to_owned(), RouteSettings { schedule, ..RouteSettings::default() });
    fixture.intake.queue().reload(rohrpost_queue::Settings { routes: [short].into(), ..Default::default() });
    fixture.rules(vec![RouteRule::to(vec!["there.test".parse().unwrap()], "short")]);
    let id = fixture.take(&fixture.peer(), &["bob@there.test", "ann@here.test"], PLAIN).await.unwrap();
    let hours = |row: rohrpost_store::QueuedRecipient| row.expires.duration_since(row.created).as_hours();
    assert_eq!(fixture.rows(id).await.into_iter().map(hours).collect::<Vec<_>>(), [1, 5 * 24]);
}

#[tokio::test]
async fn in_redirect_mode_one_address_gets_everything_and_a_field_says_whose_it_was() {
    let fixture = fixture("", |settings| settings.redirect_all_to = "qa@test.test".parse().ok()).await;
    fixture.rules(vec![RouteRule::to(vec!["test.test".parse().unwrap()], "testers")]);
    let to = ["bob@there.test", "ann@here.test", "eve@elsewhere.test"];
    let id = fixture.take(&fixture.peer(), &to, PLAIN).await.unwrap();
    let rows = fixture.rows(id).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].recipient.address.to_string().as_str(), rows[0].route.as_str()), ("qa@test.test", "testers"));
    let field = "\r\nX-Rohrpost-Original-To: bob@there.test,\r\n ann@here.test,\r\n eve@elsewhere.test\r\nDate: ";
    let head = fixture.head(id).await;
    assert!(head.starts_with("Received: ") && head.contains(field), "{head}");
    let received = fixture.intake.store().message(id).await.unwrap().unwrap().received;
    let note = "redirected to qa@test.test; it was for bob@there.test and 2 others";
    assert_eq!(received.note.as_deref(), Some(note));
}

#[tokio::test]
async fn redirect_mode_takes_no_mail_that_would_not_be_taken_without_it() {
    let fixture = fixture("", |settings| settings.redirect_all_to = "qa@test.test".parse().ok()).await;
    let stranger = Peer { account: None, role: Role::Smtp, ..fixture.peer() };
    let relayed = fixture.take(&stranger, &["bob@there.test"], PLAIN).await.unwrap_err();
    assert!(relayed.starts_with("550 5.7.1"), "{relayed}");
    let unknown = fixture.take(&stranger, &["nobody@here.test"], PLAIN).await.unwrap_err();
    assert!(unknown.starts_with("550 5.1.1"), "{unknown}");
}
