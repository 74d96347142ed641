use rohrpost_mail::{
    DeliveryRecord, Direction, Link, Outcome, Policy, PolicySource, QueueId, Reply, Stage, TlsInfo, TlsVersion,
    Verification, VerifiedBy,
};

use super::*;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn record(direction: Direction, link: Link, outcome: Outcome) -> DeliveryRecord {
    DeliveryRecord {
        at: "2026-11-22T02:13:33.120Z".parse().unwrap(),
        message: id(),
        recipient: Some("bob@there.test".parse().unwrap()),
        direction,
        protocol: "ESMTPS".into(),
        peer: Some("mx.there.test".into()),
        address: Some("127.0.0.1:2525".parse().unwrap()),
        account: None,
        route: "mx".into(),
        policy: Some(Policy::Opportunistic),
        policy_source: Some(PolicySource::Default),
        link,
        outcome,
        stage: Some(Stage::Dot),
        reply: Some(Reply::with(250, 6, 0, "queued as 1")),
        note: None,
        attempt: 1,
        octets: 1234,
        millis: 5,
    }
}

fn id() -> QueueId {
    "06Y0QX3H00001".parse().unwrap()
}

fn tls(verification: Verification) -> Link {
    Link::Tls(TlsInfo {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".into(),
        group: "X25519MLKEM768".into(),
        sni: Some("mx.there.test".into()),
        peer_certificate: None,
        resumed: false,
        verification,
    })
}

fn submitted() -> DeliveryRecord {
    DeliveryRecord {
        recipient: None,
        protocol: "ESMTPSA".into(),
        peer: Some("laptop.test".into()),
        address: Some("127.0.0.1:50212".parse().unwrap()),
        account: Some("ann@here.test".into()),
        route: "submission".into(),
        policy: None,
        policy_source: None,
        attempt: 0,
        millis: 12,
        ..record(Direction::In, tls(Verification::NoCertificate), Outcome::Received)
    }
}

fn trace(records: Vec<DeliveryRecord>) -> Trace {
    let sender = Some("ann@here.test".parse().unwrap());
    Trace { id: id(), sender, message_id: Some("<1@here.test>".into()), records, waiting: Vec::new() }
}

fn row(state: State) -> QueueRow {
    QueueRow {
        id: id(),
        n: 0,
        sender: "ann@here.test".parse().unwrap(),
        recipient: "bob@there.test".parse().unwrap(),
        route: "mx".into(),
        state,
        kept_in: false,
        attempts: 2,
        created: "2026-11-22T02:13:33Z".parse().unwrap(),
        due: "2026-11-22T02:26:00Z".parse().unwrap(),
        expires: "2026-11-27T02:13:33Z".parse().unwrap(),
        octets: 1234,
        last: None,
    }
}

#[test]
fn a_message_that_was_relayed_shows_both_hops() {
    let verified = tls(Verification::Verified { by: VerifiedBy::WebPki });
    let relayed = record(Direction::Out, verified, Outcome::Relayed);
    insta::assert_snapshot!(plain(&render(&trace(vec![submitted(), relayed]))));
}

#[test]
fn an_unproved_peer_is_only_encrypted_and_the_reason_is_said() {
    let link = tls(Verification::Unverified { reason: "self-signed".into() });
    insta::assert_snapshot!(plain(&hop(&record(Direction::Out, link, Outcome::Relayed))));
}

#[test]
fn clear_text_says_why() {
    let link = Link::Clear { reason: "not offered".into() };
    let text = plain(&hop(&record(Direction::Out, link, Outcome::Relayed)));
    assert!(text.starts_with("cleartext  bob@there.test relayed"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_peer_without_a_name_is_named_once() {
    let link = Link::Clear { reason: "HELO".into() };
    let record = DeliveryRecord { peer: Some("[127.0.0.1]".into()), ..record(Direction::Out, link, Outcome::Relayed) };
    let text = plain(&hop(&record));
    assert!(text.starts_with("cleartext  bob@there.test relayed to [127.0.0.1]:2525\n"), "{text}");
}

#[test]
fn an_operators_order_is_no_hop() {
    let removed = Outcome::Removed { by: "uid 0".into() };
    let text =
        plain(&hop(&DeliveryRecord { reply: None, policy: None, ..record(Direction::Out, Link::None, removed) }));
    assert!(text.starts_with("operator   bob@there.test removed from the queue by uid 0\n"), "{text}");
}

#[test]
fn what_the_queue_does_by_itself_is_no_operators_order() {
    let noted = Outcome::Noted { what: "goes by spare from now on".into() };
    let text = plain(&hop(&DeliveryRecord {
        protocol: "queue".into(),
        reply: None,
        policy: None,
        note: Some("3 failed attempts by invoices".into()),
        stage: None,
        ..record(Direction::Out, Link::None, noted)
    }));
    let lines =
        "queue      bob@there.test goes by spare from now on\n           why     3 failed attempts by invoices\n";
    assert!(text.starts_with(lines), "{text}");
}

#[test]
fn mail_that_waits_says_why_and_until_when() {
    let deferred = DeliveryRecord {
        policy: Some(Policy::Required),
        policy_source: Some(PolicySource::Operator),
        stage: Some(Stage::Policy),
        reply: None,
        note: Some("mx.there.test offers no TLS, which the policy requires".into()),
        attempt: 2,
        ..record(Direction::Out, Link::None, Outcome::Deferred { until: "2026-11-22T02:26:00Z".parse().unwrap() })
    };
    let last = Some("mx.there.test offers no TLS, which the policy requires".into());
    let waiting = QueueRow { last, ..row(State::Waiting) };
    let trace = Trace { waiting: vec![waiting], ..trace(vec![submitted(), deferred]) };
    insta::assert_snapshot!(plain(&render(&trace)));
}

#[test]
fn mail_that_is_held_says_whether_an_operator_holds_it_or_nothing_leaves() {
    let first = |row: &QueueRow| plain(&waiting(row)).lines().next().unwrap().to_owned();
    assert_eq!(first(&row(State::Held)), "held       bob@there.test");
    assert_eq!(first(&row(State::Quarantined)), "quarantined  bob@there.test");
    let kept_in = QueueRow { kept_in: true, ..row(State::Waiting) };
    assert_eq!(first(&kept_in), "waiting    bob@there.test, held like all that leaves");
    let held = QueueRow { kept_in: true, ..row(State::Held) };
    assert_eq!(first(&held), "held       bob@there.test", "an operator's hold outlasts the other");
}

#[test]
fn mail_for_a_mailbox_here_is_local() {
    let filed = DeliveryRecord {
        protocol: "local".into(),
        peer: None,
        address: None,
        route: "local".into(),
        policy: None,
        policy_source: None,
        reply: None,
        ..record(Direction::Out, Link::Local, Outcome::Filed { mailbox: "bob@there.test/INBOX".into() })
    };
    insta::assert_snapshot!(plain(&hop(&filed)));
}

#[test]
fn the_seal_is_coloured() {
    let verified = tls(Verification::Verified { by: VerifiedBy::Ca });
    let text = hop(&record(Direction::Out, verified, Outcome::Relayed));
    assert!(text.starts_with("\u{1b}[1m\u{1b}[32mverified\u{1b}[0m"), "{text:?}");
}
