//! What submitted messages must be and what becomes of them.

use rohrpost_intake::settings::XOriginatingIp;

use crate::fixture::Fixture;

#[tokio::test]
async fn a07_an_account_speaks_for_itself_only() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    client.transcript("C: MAIL FROM:<boss@here.test>\nS: 553 5.7.1").await;
    for header in [
        "From: boss@here.test",
        "From: The boss <ann@here.test>\nSender: boss@here.test",
        "From: ann@here.test\nFrom: boss@here.test",
        "From: boss@here.test\nResent-From: ann@here.test",
        "Subject: nobody",
    ] {
        let reply = client.message("ann@here.test", "bob@there.test", &format!("{header}\n\nx")).await;
        assert!(reply.starts_with("550 5."), "{header}: {reply}");
    }
    assert!(fixture.ids().await.is_empty());
    let reply = client.message("", "bob@there.test", "From: \"The boss\" <ANN@here.test>\n\nx").await;
    assert!(reply.starts_with("250"), "{reply}");
}

#[tokio::test]
async fn a_message_of_nothing_at_all_is_judged_like_any_other() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    client.transcript("C: MAIL FROM:<ann@here.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<bob@there.test>\nS: 250\nC: DATA\nS: 354").await;
    client.transcript("C: .\nS: 550 5.7.1 The message needs a From field").await;
    assert!(fixture.ids().await.is_empty());
}

#[tokio::test]
async fn a_submitted_message_is_made_whole_and_tells_nothing_of_where_it_was_written() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    let content =
        "From: ann@here.test\nBcc: secret@there.test\nX-Originating-IP: [10.0.0.1]\nSubject: x\n\nGr\u{fc}\u{df}e";
    assert!(client.message("ann@here.test", "bob@there.test", content).await.starts_with("250"));
    let body = fixture.newest().await;
    let id = fixture.ids().await[0];
    assert!(
        body.starts_with("Received: from authenticated (mx.here.test)\r\n\tby mx.here.test with ESMTPSA id "),
        "{body}"
    );
    assert!(body.contains(&format!("\r\nMessage-ID: <{id}@mx.here.test>\r\n")), "{body}");
    assert!(body.contains("\r\nDate: ") && body.contains("\r\nMIME-Version: 1.0\r\n"), "{body}");
    for gone in ["127.0.0.1", "client.test", "Bcc", "X-Originating-IP", "\u{fc}"] {
        assert!(!body.contains(gone), "{gone} in {body}");
    }
    assert_eq!(fixture.recipients(id).await, [("bob@there.test".to_owned(), "mx".to_owned())]);
}

#[tokio::test]
async fn the_record_of_a_message_says_how_long_it_took_to_come_in() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    let begun = std::time::Instant::now();
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250").await;
    let mailed = std::time::Instant::now();
    while mailed.elapsed().as_millis() < 5 {
        client.transcript("C: NOOP\nS: 250").await;
    }
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250").await;
    let most = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let millis = fixture.received(fixture.ids().await[0]).await.millis;
    assert!((5..=most).contains(&millis), "{millis} ms of {most}");
}

#[tokio::test]
async fn a_large_submitted_message_is_checked_and_repaired_at_its_header() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    let text = "0123456789\n".repeat(60_000);
    let reply = client.message("ann@here.test", "bob@there.test", &format!("From: boss@here.test\n\n{text}")).await;
    assert!(reply.starts_with("550 5.7.1"), "{reply}");
    let reply = client
        .message("ann@here.test", "bob@there.test", &format!("From: ann@here.test\nBcc: x@y.test\n\n{text}"))
        .await;
    assert!(reply.starts_with("250"), "{reply}");
    let body = fixture.newest().await;
    assert!(body.ends_with(&format!("From: ann@here.test\r\n\r\n{}\r\n", text.replace('\n', "\r\n"))));
    assert!(body.contains("\r\nMessage-ID: <") && !body.contains("Bcc"));
}

#[tokio::test]
async fn where_a_client_was_is_told_only_as_the_settings_say() {
    let fixture = Fixture::start_with(|setup| setup.settings.x_originating_ip = XOriginatingIp::Truncated).await;
    let mut client = fixture.logged_in().await;
    assert!(client.message("ann@here.test", "bob@there.test", "From: ann@here.test\n\nx").await.starts_with("250"));
    assert!(fixture.newest().await.contains("\r\nX-Originating-IP: [127.0.0.0]\r\n"));
}

#[tokio::test]
async fn h08_a_message_that_runs_in_circles_is_refused() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    let hops = |count| format!("{}Subject: x\n\n", "Received: from a by b; date\n".repeat(count));
    assert!(client.message("bob@there.test", "ann@here.test", &hops(100)).await.starts_with("554 5.4.6"));
    assert!(client.message("bob@there.test", "ann@here.test", &hops(99)).await.starts_with("250"));
}

#[tokio::test]
async fn h09_odd_messages_are_stored_as_they_are() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    for content in ["no header at all", "Subject: header only", ">From somebody\nA: b\n\nc"] {
        assert!(client.message("bob@there.test", "ann@here.test", content).await.starts_with("250"));
        let expected = format!("{}\r\n", content.replace('\n', "\r\n"));
        assert!(fixture.newest().await.ends_with(&expected), "{content}");
    }
    client
        .transcript("C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250")
        .await;
}

#[tokio::test]
async fn mail_of_trusted_networks_is_relayed_when_it_speaks_for_a_domain_of_ours() {
    let fixture = Fixture::start_with(crate::fixture::Setup::trust_loopback).await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO printer\nS: 250").await;
    let reply = client.message("x@there.test", "bob@there.test", "From: printer@here.test\n\nx").await;
    assert!(reply.starts_with("250"), "{reply}");
    let reply = client.message("x@there.test", "bob@there.test", "From: printer@there.test\n\nx").await;
    assert!(reply.starts_with("550 5.7.1"), "{reply}");
    let reply = client.message("x@there.test", "ann@here.test", "From: bob@there.test\n\nx").await;
    assert!(reply.starts_with("250"), "not relayed, so anybody may be its author: {reply}");
}

#[tokio::test]
async fn a_message_held_by_its_sender_is_due_later() {
    let fixture = Fixture::start().await;
    let mut client = fixture.logged_in().await;
    client
        .transcript(
            "C: MAIL FROM:<ann@here.test> HOLDFOR=3600\nS: 250\nC: RCPT TO:<bob@there.test>\nS: 250\nC: DATA\nS: 354",
        )
        .await;
    client.send("From: ann@here.test\r\n\r\nx\r\n.\r\n").await;
    client.expect("250").await;
    let row = fixture.store.recipients(fixture.ids().await[0]).await.unwrap().remove(0);
    let wait = row.due.duration_since(row.created).as_secs();
    assert!((3_590..=3_600).contains(&wait), "{wait}");
}
