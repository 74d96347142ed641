//! Logging in, and where it is not possible.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_sasl::{
    ChannelBinding, Mechanism,
    client::{Credentials, Exchange},
};
use rohrpost_server::hashes::ProviderHashes;
use rohrpost_store::Account;

use crate::{
    client::Client,
    fixture::{Fixture, PASSWORD},
};

/// Runs a whole exchange; gives the last reply.
async fn log_in(client: &mut Client, mechanism: Mechanism, user: &str, password: &str) -> String {
    let credentials = Credentials::password(user, Secret::new(password));
    // A client that could bind and does not would say so, and be taken for the victim of a downgrade.
    let binding = client.binding.filter(|_| mechanism == Mechanism::ScramSha256Plus);
    let binding = binding.map(|data| ChannelBinding::tls_exporter(data.to_vec()));
    let nonce = "0123456789abcdefghijkl".to_owned();
    let mut exchange = Exchange::new(mechanism, credentials, Arc::new(ProviderHashes), binding, nonce).unwrap();
    let initial = exchange.initial().map(|octets| format!(" {}", STANDARD.encode(octets))).unwrap_or_default();
    client.say(&format!("AUTH {mechanism}{initial}")).await;
    loop {
        let reply = client.reply().await;
        let Some(challenge) = reply.strip_prefix("334 ") else { return reply };
        let answer = exchange.step(&STANDARD.decode(challenge).unwrap()).unwrap();
        client.say(&STANDARD.encode(answer)).await;
    }
}

const ALL: [Mechanism; 4] = [Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];

#[tokio::test]
async fn each_mechanism_works_over_starttls_and_over_implicit_tls_with_each_app_password() {
    let fixture = Fixture::start().await;
    for (mechanism, password) in
        ALL.into_iter().flat_map(|mechanism| [(mechanism, PASSWORD), (mechanism, "phone pass")])
    {
        let mut client = fixture.secured("submission").await;
        let reply = log_in(&mut client, mechanism, "Ann@here.test", password).await;
        assert!(reply.starts_with("235 2.7.0"), "{mechanism}: {reply}");
        let mut client = fixture.connect_tls("submissions").await;
        client.transcript("S: 220\nC: EHLO client.test\nS: 250").await;
        let reply = log_in(&mut client, mechanism, "ann@here.test", password).await;
        assert!(reply.starts_with("235 2.7.0"), "{mechanism}: {reply}");
        let reply = client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await;
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert_eq!(fixture.server.stats().logins.get(), 16);
    let record = fixture.received(fixture.ids().await[0]).await;
    assert_eq!((record.protocol.as_str(), record.account.as_deref()), ("ESMTPSA", Some("ann@here.test")));
    assert_eq!(record.seal(), Some(rohrpost_mail::Seal::Encrypted));
}

#[tokio::test]
async fn s16_wrong_passwords_and_unknown_users_get_the_same_reply_after_the_same_second() {
    let fixture = Fixture::start().await;
    for mechanism in ALL {
        for (user, password) in
            [("ann@here.test", "wrong"), ("nobody@here.test", PASSWORD), ("gone@here.test", PASSWORD)]
        {
            let mut client = fixture.secured("submission").await;
            let start = std::time::Instant::now();
            let reply = log_in(&mut client, mechanism, user, password).await;
            assert!(reply.starts_with("535 5.7.8"), "{mechanism} {user}: {reply}");
            assert!(start.elapsed().as_millis() >= 1_000);
        }
    }
    assert_eq!(fixture.server.stats().login_failures.get(), 12);
}

#[tokio::test]
async fn a03_strange_user_names_are_looked_up_as_they_are() {
    let fixture = Fixture::start().await;
    let mut client = fixture.secured("submission").await;
    for user in ["*)(uid=*))(|(uid=*", "' OR 1=1 --"] {
        client.log_in_plain(user, PASSWORD).await;
        client.expect("535").await;
    }
    let mut client = fixture.secured("submission").await;
    client.log_in_plain("../ann@here.test", PASSWORD).await;
    client.expect("535").await;
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("235").await;
}

#[tokio::test]
async fn a02_nobody_acts_as_another() {
    let fixture = Fixture::start().await;
    let mut client = fixture.secured("submission").await;
    let response = |text: String| STANDARD.encode(text);
    client.say(&format!("AUTH PLAIN {}", response(format!("boss@here.test\0ann@here.test\0{PASSWORD}")))).await;
    client.expect("535").await;
    client.say(&format!("AUTH PLAIN {}", response(format!("ann@here.test\0ann@here.test\0{PASSWORD}")))).await;
    client.expect("235").await;
}

#[tokio::test]
async fn a04_without_tls_nobody_is_asked_for_a_password() {
    let fixture = Fixture::start_with(|setup| {
        // Behind a load balancer even a socket on loopback is open to the world.
        for name in ["mx", "lan", "submission"] {
            setup.listener(name).proxy_networks = vec!["192.0.2.0/24".parse().unwrap()];
        }
    })
    .await;
    for (listener, reply) in [("mx", "502 5.5.1"), ("lan", "538 5.7.11"), ("submission", "530 5.7.0")] {
        for mechanism in ALL {
            let mut client = fixture.connect(listener).await;
            client.transcript("S: 220\nC: EHLO client.test").await;
            let ehlo = client.expect("250").await;
            assert!(!ehlo.contains("AUTH"), "{listener}: {ehlo}");
            client.say(&format!("AUTH {mechanism} AGFubgB4")).await;
            client.expect(reply).await;
        }
    }
}

#[tokio::test]
async fn a04_inside_tls_the_listener_or_the_tls_port_decides() {
    for (own, of_tls_port, offered) in [
        (None, Some(false), false),
        (None, Some(true), true),
        (Some(true), Some(false), true),
        (Some(false), Some(true), false),
    ] {
        let fixture = Fixture::start_with(|setup| {
            setup.listener("submission").auth.tls = own;
            setup.listener("submissions").auth.tls = of_tls_port;
            setup.listener("submissions").is_enabled = false;
        })
        .await;
        let mut client = fixture.secured("submission").await;
        client.log_in_plain("ann@here.test", PASSWORD).await;
        client.expect(if offered { "235" } else { "502 5.5.1" }).await;
    }
}

#[tokio::test]
async fn a04_on_loopback_a_listener_that_offers_auth_inside_tls_offers_it_in_clear_too() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("lan").await;
    client.transcript("S: 220\nC: EHLO client.test").await;
    assert!(client.expect("250").await.contains("AUTH SCRAM-SHA-256 PLAIN LOGIN"));
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("235").await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO client.test\nS: 250\nC: AUTH PLAIN AGFubgB4\nS: 502 5.5.1").await;
}

#[tokio::test]
async fn s05_a_log_in_from_before_tls_is_forgotten_inside() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("lan").await;
    client.transcript("S: 220\nC: EHLO client.test\nS: 250").await;
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.transcript("S: 235\nC: STARTTLS\nS: 220").await;
    let mut client = client.start_tls(&fixture.ca_file).await;
    client.transcript("C: EHLO client.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<bob@there.test>\nS: 550 5.7.1").await;
}

#[tokio::test]
async fn auth_clear_switches_credentials_in_clear_on() {
    let fixture = Fixture::start_with(|setup| {
        let lan = setup.listener("lan");
        lan.tls = ListenerTls::Off;
        lan.auth.clear = true;
        lan.auth.tls = Some(false);
        lan.proxy_networks = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let mut client = fixture.connect("lan").await;
    client.transcript("S: 220\nC: EHLO client.test\nS: 250").await;
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("235").await;
}

#[tokio::test]
async fn a06_guessing_is_locked_and_known_addresses_stay_welcome() {
    let fixture = Fixture::start().await;
    let now = std::time::Instant::now();
    for n in 0..10_u8 {
        let stranger = Some(std::net::IpAddr::from([10, 1, n, 1]));
        let wrong = Secret::new(format!("guess {n}"));
        fixture.intake.check_password("ann@here.test", &wrong, stranger, now).await;
    }
    let mut client = fixture.secured("submission").await;
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("454 4.7.0").await;
    fixture.intake.unlock("Ann@here.test");
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("235").await;
    for n in 0..10_u8 {
        let stranger = Some(std::net::IpAddr::from([10, 2, n, 1]));
        let wrong = Secret::new(format!("guess again {n}"));
        fixture.intake.check_password("ann@here.test", &wrong, stranger, now).await;
    }
    let mut client = fixture.secured("submission").await;
    client.log_in_plain("ann@here.test", PASSWORD).await;
    client.expect("235").await;
}

#[tokio::test]
async fn submission_wants_a_log_in_before_mail() {
    let fixture = Fixture::start().await;
    let mut client = fixture.secured("submission").await;
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 530 5.7.0").await;
}

#[tokio::test]
async fn a_suspended_account_sends_nothing_more() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    let ann = fixture.store.account_get("ann@here.test").await.unwrap().unwrap();
    fixture.store.account_put(Account { disabled: true, ..ann }).await.unwrap();
    client.transcript("S: 421 4.7.0 Your account or its passwords were changed").await;
}
