//! Which link a destination gets, and what the record says of it.

use std::time::Duration;

use rohrpost_delivery::{Settings, TlsPolicy};
use rohrpost_mail::{Link, ListenerTls, MinTls, Outcome, Policy, PolicySource, Seal, Stage, Verification};
use rohrpost_testkit::{Authority, Peer, Script, Sink, self_signed_tls};

use crate::office::{Office, settings};

fn required() -> Settings {
    let domain = "there.test".parse().unwrap();
    let rule = TlsPolicy { domain, policy: Policy::Required, min_tls: MinTls::default() };
    Settings { tls_policies: vec![rule], ..settings() }
}

fn is_relayed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Relayed
}

#[tokio::test]
async fn a_required_destination_without_tls_stays_says_why_and_tells_its_sender() {
    let sink = Sink::start().await;
    let mut office = Office::open(sink.address().port(), required()).await;
    let id = office.send(&["bob@there.test"]).await;
    let record = office.deferred(id).await;
    assert_eq!((record.policy, record.policy_source), (Some(Policy::Required), Some(PolicySource::Operator)));
    assert_eq!((record.stage, record.seal()), (Some(Stage::Starttls), None));
    let why = "the server does not offer STARTTLS; the policy is required (operator), nothing was sent";
    assert_eq!(record.note.as_deref(), Some(why));
    assert_eq!(office.queued().await[0].last.as_deref(), Some(format!("mx.there.test: {why}").as_str()));
    office.pass(Duration::from_hours(4)).await;
    let notice = office.filed().await;
    assert!(notice.contains("Action: delayed") && notice.contains("does not offer STARTTLS"), "{notice}");
    assert!(sink.received().is_empty());
    assert_eq!(office.queued().await.len(), 1, "and one notice only, however often it is tried");
    office.pass(Duration::from_hours(3)).await;
    office.deferred(id).await;
    assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 1);
}

#[tokio::test]
async fn an_opportunistic_destination_without_tls_gets_it_in_clear_text() {
    let sink = Sink::start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let id = office.send(&["bob@there.test"]).await;
    let record = office.outcome(id, is_relayed).await;
    assert_eq!(record.link, Link::Clear { reason: "not offered".into() });
    assert_eq!((record.policy, record.policy_source), (Some(Policy::Opportunistic), Some(PolicySource::Default)));
    assert_eq!(record.protocol, "ESMTP");
    assert_eq!(sink.messages(1).await[0].text(), super::office::TEXT);
}

#[tokio::test]
async fn a_self_signed_server_gets_it_encrypted_even_where_tls_is_required() {
    for settings in [settings(), required()] {
        let sink = Sink::builder().tls(ListenerTls::Offered, &self_signed_tls(&["mx.there.test"])).start().await;
        let mut office = Office::open(sink.address().port(), settings).await;
        let id = office.send(&["bob@there.test"]).await;
        let record = office.outcome(id, is_relayed).await;
        assert_eq!(record.seal(), Some(Seal::Encrypted));
        assert_eq!(record.protocol, "ESMTPS");
        let Link::Tls(tls) = &record.link else { panic!("{:?}", record.link) };
        assert!(matches!(&tls.verification, Verification::Unverified { .. }), "{:?}", tls.verification);
        assert!(sink.messages(1).await[0].tls.is_some());
    }
}

#[tokio::test]
async fn a_certificate_of_a_known_authority_is_recorded_as_verified_without_being_asked_for() {
    let authority = Authority::new();
    let sink = Sink::builder().tls(ListenerTls::Offered, &authority.server_tls(&["mx.there.test"])).start().await;
    let settings = Settings { extra_ca: Some(authority.file()), ..settings() };
    let mut office = Office::open(sink.address().port(), settings).await;
    let id = office.send(&["bob@there.test"]).await;
    assert_eq!(office.outcome(id, is_relayed).await.seal(), Some(Seal::Verified));
}

/// Rule 20: no clear text at once; only five minutes after the first handshake that failed.
#[tokio::test]
async fn a_broken_handshake_is_followed_by_clear_text_only_after_five_minutes() {
    let broken = || Script::new().greets(&["STARTTLS"]).hear("STARTTLS").say("454 4.7.0 TLS not available").close();
    let peer = Peer::start([broken(), broken(), Script::takes_one(&["STARTTLS"])]).await;
    let mut office = Office::open(peer.address().port(), settings()).await;
    let id = office.send(&["bob@there.test"]).await;
    let record = office.deferred(id).await;
    let note = record.note.unwrap();
    assert!(note.ends_with("clear text is not thought of before five minutes have passed"), "{note}");
    assert_eq!(record.link, Link::None);
    office.pass(Duration::from_secs(500)).await;
    let record = office.outcome(id, is_relayed).await;
    assert_eq!(record.link, Link::Clear { reason: "handshake failed".into() });
}

#[tokio::test]
async fn connections_are_used_again_for_the_next_message() {
    let sink = Sink::start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    for _ in 0..3 {
        let id = office.send(&["bob@there.test"]).await;
        office.outcome(id, is_relayed).await;
    }
    assert_eq!(sink.connection_count(), 1);
}

#[tokio::test]
async fn recipients_of_one_domain_go_in_one_transaction() {
    let sink = Sink::start().await;
    let office = Office::open(sink.address().port(), settings()).await;
    office.send(&["bob@there.test", "eve@there.test", "cy@there.test"]).await;
    let messages = sink.messages(1).await;
    assert_eq!(messages[0].recipients, ["bob@there.test", "eve@there.test", "cy@there.test"]);
    assert_eq!(messages.len(), 1);
}
