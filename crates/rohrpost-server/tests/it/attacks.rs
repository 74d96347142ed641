//! Attacks that need sockets, accounts or the directory.

use rohrpost_server::Bound;
use rohrpost_store::{Alias, LocalDomain};

use crate::{client::Client, fixture::Fixture};

#[tokio::test]
async fn s17_nothing_is_relayed_for_strangers_however_the_address_is_spelt() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    for (path, reply) in [
        ("<bob@there.test>", "550 5.7.1"),
        ("<bob%there.test@here.test>", "550 5.1.1"),
        ("<\"bob@there.test\"@here.test>", "550 5.1.1"),
        ("<@here.test,@mx.here.test:bob@there.test>", "550 5.7.1"),
        ("<bob@there.test@here.test>", "501"),
        ("<bob@[127.0.0.1]>", "550 5.7.1"),
        ("<bob@sub.here.test>", "550 5.7.1"),
        ("<ANN@HERE.TEST.>", "250"),
        ("<ann+shop@here.test>", "250"),
        ("<info@here.test>", "250"),
        ("<ivy@inner.test>", "250"),
    ] {
        client.say(&format!("RCPT TO:{path}")).await;
        let got = client.reply().await;
        assert!(got.starts_with(reply), "{path}: {got}");
    }
}

#[tokio::test]
async fn s24_postmaster_and_abuse_always_resolve() {
    let fixture = Fixture::start_with(|setup| {
        setup.settings.mx_limits.messages_per_hour = 1;
        setup.settings.mx_limits.recipients_per_hour = 1;
    })
    .await;
    for (n, recipient) in [
        "postmaster",
        "POSTMASTER",
        "PostMaster@here.test",
        "abuse@here.test",
        "postmaster@inner.test",
        "abuse@inner.test",
        "postmaster@mx.here.test",
        "Abuse@MX.here.test",
        "mailer-daemon@mx.here.test",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = fixture.connect("mx").await;
        client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
        // The sender's domain does not exist, and the hourly limit is reached after the first of them.
        let reply = client.message("x@missing.test", recipient, "Subject: complaint\n\n").await;
        assert!(reply.starts_with("250"), "{recipient}: {reply}");
        let ids = fixture.ids().await;
        assert_eq!(ids.len(), n + 1);
        assert_eq!(fixture.recipients(ids[n]).await, [("ann@here.test".to_owned(), "local".to_owned())]);
    }
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<x@missing.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 550 5.1.8").await;
}

#[tokio::test]
async fn senders_nobody_could_answer_are_refused() {
    let fixture = Fixture::start().await;
    for (sender, reply) in [
        ("x@null.test", "550 5.7.27"),
        ("x@missing.test", "550 5.1.8"),
        ("x@there.test", "250"),
        ("ann@here.test", "250"),
        ("", "250"),
    ] {
        let mut client = fixture.connect("mx").await;
        client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
        client.transcript(&format!("C: MAIL FROM:<{sender}>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: {reply}")).await;
    }
}

#[tokio::test]
async fn recipients_who_take_no_mail_are_refused_at_once() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 250\nC: RCPT TO:<x@null.test>\nS: 556 5.1.10").await;
    client.transcript("C: RCPT TO:<gone@here.test>\nS: 550 5.2.1\nC: RCPT TO:<nobody@here.test>\nS: 550 5.1.1").await;
    client.transcript("C: RCPT TO:<ivan@inner.test>\nS: 550 5.1.1").await;
}

#[tokio::test]
async fn mail_for_a_suspended_alias_or_domain_is_refused_until_it_is_resumed() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    let info = fixture.store.alias_get("info@here.test").await.unwrap().unwrap();
    for (disabled, reply) in [(true, "550 5.2.1 Mailbox is disabled"), (false, "250")] {
        fixture.store.alias_put(Alias { disabled, ..info.clone() }).await.unwrap();
        client
            .transcript(&format!("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<info@here.test>\nS: {reply}"))
            .await;
        client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RSET\nS: 250").await;
    }
    for (disabled, reply) in [(true, "550 5.2.1 Mailbox is disabled"), (false, "250")] {
        let here = LocalDomain { name: "here.test".into(), disabled, ..LocalDomain::default() };
        fixture.store.domain_put(here).await.unwrap();
        client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250").await;
        for address in ["ann", "ann+shop", "info"] {
            client.transcript(&format!("C: RCPT TO:<{address}@here.test>\nS: {reply}")).await;
        }
        // RFC 5321 §4.5.1: these two still reach a person, who may well be asked why.
        client.transcript("C: RCPT TO:<abuse@here.test>\nS: 250\nC: RSET\nS: 250").await;
    }
}

#[tokio::test]
async fn s18_a_proxy_header_is_believed_from_load_balancers_only() {
    let fixture = Fixture::start_with(|setup| {
        setup.listener("lan").proxy_networks = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let mut client = fixture.connect("mx").await;
    client.expect("220").await;
    client.send("PROXY TCP4 10.0.0.1 10.0.0.2 5 25\r\nEHLO x.test\r\n").await;
    assert!(!client.rest().await.contains("250"));

    for (header, address) in [
        (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 25\r\n".to_vec(), "203.0.113.9:4711"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x0a\x7f\0\0\x01\x12\x67\0\x19".to_vec(), "203.0.113.10:4711"),
    ] {
        let mut client = fixture.connect("lan").await;
        client.send(header).await;
        client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
        assert!(client.message("bob@there.test", "ann@here.test", "Subject: x\n\n").await.starts_with("250"));
        let id = *fixture.ids().await.last().unwrap();
        assert_eq!(fixture.received(id).await.address, address.parse().ok());
    }
    let mut client = fixture.connect("lan").await;
    client.send("EHLO x.test\r\n").await;
    client.expect("closed").await;
}

#[tokio::test]
async fn s25_strangers_through_a_local_proxy_get_nothing_that_loopback_would() {
    let fixture = Fixture::start_with(|setup| {
        let everywhere = || Bound::Tcp(std::net::TcpListener::bind("0.0.0.0:0").unwrap());
        for name in ["mx", "lan", "submission"] {
            setup.listener(name).sockets = vec![everywhere()];
        }
    })
    .await;
    for (listener, reply) in [("mx", "502"), ("lan", "538"), ("submission", "530")] {
        let mut client = Client::connect(([127, 0, 0, 1], fixture.address(listener).port()).into()).await;
        client.transcript("S: 220\nC: EHLO x.test").await;
        assert!(!client.expect("250").await.contains("AUTH"));
        client.transcript(&format!("C: AUTH PLAIN AGFubgB4\nS: {reply}")).await;
        if listener != "submission" {
            client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<bob@there.test>\nS: 550 5.7.1").await;
        }
    }
}

#[tokio::test]
async fn s19_a_client_that_leaves_before_the_reply_has_its_message_stored_once_or_not_at_all() {
    let fixture = Fixture::start().await;
    for _ in 0..20 {
        let mut client = fixture.connect("mx").await;
        client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
        client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354").await;
        client.send("Subject: x\r\n\r\n.\r\n").await;
        client.cut();
    }
    fixture.server.stop(std::time::Duration::from_secs(10)).await;
    let stored = fixture.ids().await.len();
    assert!(stored <= 20, "{stored}");
    assert_eq!(fixture.server.stats().messages.get(), stored as u64);
}

#[tokio::test]
async fn s21_unknown_users_end_the_session_and_our_own_limits_do_not() {
    let fixture = Fixture::start_with(|setup| {
        setup.trust_loopback();
        setup.settings.account_limits.messages_per_hour = 1;
    })
    .await;
    let mut client = fixture.logged_in().await;
    assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 250").await;
    for _ in 0..100 {
        client.transcript("C: RCPT TO:<bob@there.test>\nS: 450 4.7.28").await;
    }
    client.transcript("C: QUIT\nS: 221").await;
}

#[tokio::test]
async fn early_talkers_are_sent_away() {
    let fixture = Fixture::start_with(|setup| setup.settings.greeting_delay = std::time::Duration::from_hours(1)).await;
    let mut client = fixture.connect("mx").await;
    client.send("EHLO x.test\r\n").await;
    client.transcript("S: 554 5.5.1\nS: closed").await;
    let mut client = fixture.connect("submission").await;
    client.expect("220").await;
}

#[tokio::test]
async fn access_entries_decide_first() {
    let fixture = Fixture::start_with(|setup| {
        let rule = |from: &str, action| rohrpost_intake::access::AccessRule {
            client: None,
            helo: None,
            from: Some(from.parse().unwrap()),
            to: None,
            action,
            skip: Vec::new(),
            text: Some("Go away".into()),
        };
        setup.settings.access = vec![
            rule("good@there.test", rohrpost_intake::access::Action::Accept),
            rule("there.test", rohrpost_intake::access::Action::Reject),
        ];
    })
    .await;
    for (sender, to, reply) in [
        ("good@there.test", "ann@here.test", "250"),
        ("good@there.test", "bob@there.test", "550 5.7.1 Relaying denied"),
        ("bad@there.test", "ann@here.test", "550 5.7.1 Go away"),
    ] {
        let mut client = fixture.connect("mx").await;
        client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
        client.transcript(&format!("C: MAIL FROM:<{sender}>\nS: 250\nC: RCPT TO:<{to}>\nS: {reply}")).await;
    }
}

#[tokio::test]
async fn a_mailbox_made_or_removed_while_we_run_counts_at_once() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client
        .transcript(
            "C: RCPT TO:<new@here.test>\nS: 550 5.1.1\nC: RCPT TO:<new@new.test>\nS: 550 5.7.1\nC: RSET\nS: 250",
        )
        .await;
    let address = |text: &str| text.parse().unwrap();
    let account = rohrpost_store::Account {
        login: "new@here.test".into(),
        addresses: vec![address("new@here.test"), address("new@new.test")],
        ..rohrpost_store::Account::default()
    };
    fixture.store.account_put(account).await.unwrap();
    fixture.store.domain_put(LocalDomain { name: "new.test".into(), ..LocalDomain::default() }).await.unwrap();
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<new@here.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<new@new.test>\nS: 250\nC: RSET\nS: 250").await;
    fixture.store.account_remove("new@here.test").await.unwrap();
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<new@here.test>\nS: 550 5.1.1").await;
}
