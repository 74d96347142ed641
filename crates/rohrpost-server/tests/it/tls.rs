//! TLS, as far as the driver has a part in it.

use rohrpost_tls::{ClientTls, ClientTlsOptions};

use crate::fixture::Fixture;

#[tokio::test]
async fn s04_what_follows_starttls_in_the_same_segment_is_never_executed() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    client.send("STARTTLS\r\nMAIL FROM:<bob@there.test>\r\n").await;
    client.expect("554 5.5.0").await;
    client.expect("closed").await;
}

#[tokio::test]
async fn s04_what_follows_starttls_in_the_next_segment_is_no_tls() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: STARTTLS\nS: 220").await;
    client.send("MAIL FROM:<bob@there.test>\r\nRCPT TO:<ann@here.test>\r\n").await;
    let rest = client.rest().await;
    assert!(!rest.contains("250"), "{rest:?}");
    let failures: u64 = fixture.server.stats().tls_failures.all().map(|(_, count)| count).sum();
    let injections = fixture.server.stats().closes.all().find(|(word, _)| *word == "injection").unwrap().1;
    assert_eq!(failures + injections, 1);
}

#[tokio::test]
async fn s05_nothing_from_before_tls_counts_inside() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: STARTTLS\nS: 220").await;
    let mut client = client.start_tls(&fixture.ca_file).await;
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 503\nC: EHLO x.test").await;
    assert!(!client.expect("250").await.contains("STARTTLS"));
    client.transcript("C: DATA\nS: 503\nC: STARTTLS\nS: 503").await;
    let mut client = fixture.connect("mx").await;
    client
        .transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250\nC: STARTTLS\nS: 503")
        .await;
}

#[tokio::test]
async fn the_record_names_version_suite_and_group() {
    let fixture = Fixture::start().await;
    let mut client = fixture.secured("mx").await;
    assert!(client.message("bob@there.test", "ann@here.test", "Subject: x\n\n").await.starts_with("250"));
    let record = fixture.received(fixture.ids().await[0]).await;
    let rohrpost_mail::Link::Tls(info) = record.link else { panic!("no TLS in the record") };
    assert_eq!(
        (info.group.as_str(), info.suite.as_str()),
        ("X25519MLKEM768", client.tls.as_ref().unwrap().suite.as_str())
    );
    assert_eq!(record.protocol, "ESMTPS");
    assert!(fixture.newest().await.contains("X25519MLKEM768"));
}

#[tokio::test]
async fn t02_a_ticket_of_one_listener_is_worth_nothing_on_another() {
    let fixture = Fixture::start().await;
    let tls = ClientTls::new(ClientTlsOptions::default()).unwrap();
    let mut resumed = Vec::new();
    for listener in ["submissions", "submissions", "mx", "mx", "submissions"] {
        let mut client = fixture.connect(listener).await;
        if listener == "mx" {
            client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: STARTTLS\nS: 220").await;
        }
        let mut client = client.start_tls_with(&tls, &fixture.ca_file).await.unwrap();
        if listener == "submissions" {
            client.expect("220").await;
        }
        client.transcript("C: EHLO x.test\nS: 250\nC: QUIT\nS: 221\nS: closed").await;
        resumed.push(client.tls.unwrap().resumed);
    }
    assert_eq!(resumed, [false, true, false, true, false]);
}

#[tokio::test]
async fn t06_a_message_cut_off_without_close_notify_is_not_taken() {
    let fixture = Fixture::start().await;
    for command in ["DATA\r\n", "BDAT 100 LAST\r\n"] {
        let mut client = fixture.secured("mx").await;
        client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250").await;
        client.send(format!("{command}Subject: cut\r\n\r\n")).await;
        client.cut();
    }
    fixture.server.stop(std::time::Duration::from_secs(10)).await;
    assert!(fixture.ids().await.is_empty());
}

#[tokio::test]
async fn clear_text_on_the_tls_port_and_tls_on_the_clear_one_end_at_once() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("submissions").await;
    client.send("EHLO x.test\r\n").await;
    assert!(!client.rest().await.contains("250"));
    let mut client = fixture.connect("mx").await;
    client.expect("220").await;
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    assert!(client.rest().await.starts_with('5'));
}

#[tokio::test]
async fn a_listener_that_requires_tls_answers_six_commands_without() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("submission").await;
    client.transcript("S: 220\nC: MAIL FROM:<ann@here.test>\nS: 530 5.7.0\nC: EHLO x.test\nS: 250").await;
    client
        .transcript("C: AUTH PLAIN AGFubgB4\nS: 530 5.7.0\nC: NOOP\nS: 250\nC: VRFY ann\nS: 530\nC: QUIT\nS: 221")
        .await;
}
