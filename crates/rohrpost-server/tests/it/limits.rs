//! Limits of peers and accounts, a full disk, and no descriptors left.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::fixture::Fixture;

#[tokio::test]
async fn s20_more_connections_than_allowed_are_told_so_and_the_rest_goes_on() {
    let fixture = Fixture::start_with(|setup| setup.settings.mx_limits.connections_per_address = 2).await;
    let mut first = fixture.connect("mx").await;
    first.expect("220").await;
    let mut second = fixture.connect("mx").await;
    second.expect("220").await;
    let mut third = fixture.connect("mx").await;
    third.transcript("S: 421 4.7.0\nS: closed").await;
    first.transcript("C: QUIT\nS: 221\nS: closed").await;
    drop(first);
    loop {
        let mut client = fixture.connect("mx").await;
        if client.reply().await.starts_with("220") {
            break;
        }
    }
    second.transcript("C: NOOP\nS: 250").await;
}

#[tokio::test]
async fn peers_without_a_name_have_an_hourly_limit() {
    let fixture = Fixture::start_with(|setup| setup.settings.mx_limits.recipients_per_hour = 2).await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RCPT TO:<info@here.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann+x@here.test>\nS: 450 4.7.1\nC: RCPT TO:<abuse@here.test>\nS: 250").await;
}

#[tokio::test]
async fn trusted_networks_have_a_rate_of_their_own() {
    let fixture = Fixture::start_with(|setup| {
        setup.trust_loopback();
        setup.settings.trusted_networks[0].messages_per_hour = 1;
    })
    .await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 250\nC: RCPT TO:<bob@there.test>\nS: 450 4.7.28").await;
    client.transcript("C: RCPT TO:<postmaster@there.test>\nS: 450 4.7.28\nC: RCPT TO:<postmaster>\nS: 250").await;
}

#[tokio::test]
async fn a08_the_limit_of_an_account_survives_a_restart() {
    let limited = |setup: &mut crate::fixture::Setup| {
        setup.settings.account_limits.messages_per_hour = 3;
        setup.settings.account_limits.recipients_per_day = 5;
    };
    let fixture = Fixture::start_with(limited).await;
    let mut client = fixture.logged_in().await;
    for _ in 0..2 {
        assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    }
    client
        .transcript("C: MAIL FROM:<ann@here.test>\nS: 250\nC: RCPT TO:<bob@there.test>\nS: 250\nC: RSET\nS: 250")
        .await;
    let fixture = fixture.restart(limited).await;
    let mut client = fixture.logged_in().await;
    assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 250").await;
    client.say("RCPT TO:<bob@there.test>").await;
    let reply =
        client.expect("450 4.7.28 Limit of 3 messages per hour reached for ann@here.test, free again at ").await;
    assert!(reply.contains("(submission.limit.messages_per_hour)"), "{reply}");
}

#[tokio::test]
async fn an_account_that_nears_its_limit_is_told() {
    let fixture = Fixture::start_with(|setup| setup.settings.account_limits.messages_per_hour = 5).await;
    let mut client = fixture.logged_in().await;
    for _ in 0..4 {
        assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    }
    while fixture.ids().await.len() < 5 {
        tokio::task::yield_now().await;
    }
    let mut notices = Vec::new();
    for id in fixture.ids().await {
        let body = String::from_utf8(fixture.body(id).await).unwrap();
        notices.extend(body.contains("Auto-Submitted").then_some(body));
    }
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("80% of the sending limit"), "{}", notices[0]);
}

#[tokio::test]
async fn suspicious_peers_get_their_replies_slowly() {
    let tarpit = Duration::from_millis(600);
    let fixture = Fixture::start_with(|setup| setup.settings.tarpit = tarpit).await;
    let start = std::time::Instant::now();
    let mut client = fixture.connect("mx").await;
    client.expect("220").await;
    assert!(start.elapsed() >= tarpit);
    client.transcript("C: QUIT\nS: 221").await;
}

#[tokio::test]
async fn partners_who_agreed_to_tls_are_held_to_it() {
    let fixture = Fixture::start_with(|setup| {
        setup.settings.require_tls_from = vec!["there.test".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 530 5.7.0").await;
    client.transcript("C: MAIL FROM:<>\nS: 250").await;
    let mut client = fixture.secured("mx").await;
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250").await;
}

#[tokio::test]
async fn a_full_disk_refuses_mail_and_serves_the_rest() {
    let fixture = Fixture::start_with(|setup| setup.store.free_bytes_min = u64::MAX).await;
    let mut client = fixture.connect("mx").await;
    client
        .transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 452 4.3.1\nC: NOOP\nS: 250")
        .await;
}

#[tokio::test]
async fn s20_when_descriptors_run_out_accepting_pauses_and_comes_back() {
    if !crate::alone::is_alone("limits::s20_when_descriptors_run_out_accepting_pauses_and_comes_back") {
        return;
    }
    let fixture = Fixture::start_with(crate::fixture::Setup::trust_loopback).await;
    let before = getrlimit(Resource::Nofile);
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(open + 12), maximum: before.maximum }).unwrap();
    let mut clients = Vec::new();
    // Each of ours takes two: one here, one at the server.
    while let Ok(stream) = std::net::TcpStream::connect(fixture.address("mx")) {
        clients.push(stream);
    }
    let stats = fixture.server.stats();
    while stats.accept_pauses.get() == 0 {
        tokio::task::yield_now().await;
    }
    let pauses = stats.accept_pauses.get();
    assert!(pauses < 100, "{pauses} pauses: the loop spins");
    drop(clients);
    setrlimit(Resource::Nofile, before).unwrap();
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: QUIT\nS: 221").await;
}
