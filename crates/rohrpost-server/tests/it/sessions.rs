//! Ordinary dialogues.

use tokio::io::AsyncReadExt as _;

use crate::{client::PATIENCE, fixture::Fixture};

#[tokio::test]
async fn mail_for_a_mailbox_comes_in_and_its_record_says_how() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220 mx.here.test\nC: EHLO mx.there.test\nS: 250").await;
    let reply =
        client.message("bob@there.test", "Ann@here.test", "Subject: x\nMessage-ID: <1@there.test>\n\nHello").await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    client.transcript("C: QUIT\nS: 221\nS: closed").await;
    let id = fixture.ids().await[0];
    assert!(reply.contains(&id.to_string()), "{reply}");
    let body = fixture.newest().await;
    assert!(
        body.starts_with("Received: from mx.there.test ([127.0.0.1])\r\n\tby mx.here.test with ESMTP id "),
        "{body}"
    );
    assert!(body.ends_with("\r\nSubject: x\r\nMessage-ID: <1@there.test>\r\n\r\nHello\r\n"), "{body}");
    let record = fixture.received(id).await;
    assert_eq!((record.protocol.as_str(), record.route.as_str()), ("ESMTP", "mx"));
    assert_eq!(record.peer.as_deref(), Some("mx.there.test"));
    assert_eq!(record.seal(), Some(rohrpost_mail::Seal::Cleartext));
    assert_eq!(fixture.store.message(id).await.unwrap().unwrap().message_id.as_deref(), Some("<1@there.test>"));
    assert_eq!(fixture.recipients(id).await, [("Ann@here.test".to_owned(), "local".to_owned())]);
}

#[tokio::test]
async fn a_group_of_commands_gets_a_group_of_replies() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO mx.there.test\nS: 250").await;
    client
        .send("MAIL FROM:<bob@there.test>\r\nRCPT TO:<ann@here.test>\r\nRCPT TO:<nobody@here.test>\r\nDATA\r\n")
        .await;
    client.transcript("S: 250\nS: 250\nS: 550 5.1.1\nS: 354").await;
    client.send("Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n").await;
    client.transcript("S: 250 2.6.0\nS: 221\nS: closed").await;
    assert!(fixture.newest().await.ends_with("\r\n\r\n.dot\r\n"));
}

#[tokio::test]
async fn a_recipient_named_twice_is_queued_once() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354").await;
    client.send("Subject: x\r\n\r\n.\r\n").await;
    client.expect("250").await;
    assert_eq!(fixture.recipients(fixture.ids().await[0]).await.len(), 1);
}

#[tokio::test]
async fn lmtp_answers_for_each_recipient_and_takes_local_ones_only() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect_lmtp().await;
    client.transcript("S: 220\nC: LHLO local.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RCPT TO:<bob@there.test>\nS: 550 5.7.1").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RCPT TO:<info@here.test>\nS: 250\nC: DATA\nS: 354").await;
    client.send("Subject: x\r\n\r\n.\r\n").await;
    client.transcript("S: 250\nS: 250\nS: 250\nC: QUIT\nS: 221").await;
    let body = fixture.newest().await;
    assert!(body.starts_with("Received: from local (mx.here.test)\r\n\tby mx.here.test with LMTP id"), "{body}");
}

#[tokio::test]
async fn what_is_aborted_leaves_nothing() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: RSET\nS: 250\nC: DATA\nS: 503").await;
    client
        .transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354")
        .await;
    client.send("Subject: half a mess").await;
    assert_eq!(client.rest().await, "");
    assert!(fixture.ids().await.is_empty());
}

#[tokio::test]
async fn large_messages_come_whole_by_data_and_by_bdat() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    let line = "0123456789abcdef".repeat(4);
    let content = format!("Subject: large\r\n\r\n{}", format!("{line}\r\n").repeat(20_000));
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354").await;
    client.send(format!("{content}.\r\n")).await;
    client.expect("250").await;
    client.transcript("C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250").await;
    let (first, second) = content.split_at(700_001);
    client.send(format!("BDAT {}\r\n{first}BDAT {} LAST\r\n{second}", first.len(), second.len())).await;
    client.transcript("S: 250\nS: 250").await;
    for id in fixture.ids().await {
        let body = fixture.body(id).await;
        assert!(body.ends_with(content.as_bytes()), "{} octets", body.len());
    }
}

#[tokio::test]
async fn a_listener_on_ipv6_serves_like_any_other() {
    let Ok(socket) = std::net::TcpListener::bind("[::1]:0") else { return };
    let fixture =
        Fixture::start_with(|setup| setup.listener("mx").sockets = vec![rohrpost_server::Bound::Tcp(socket)]).await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    assert!(client.message("bob@there.test", "ann@here.test", "Subject: x\n\n").await.starts_with("250"));
    assert!(fixture.newest().await.contains("([IPv6:::1])"));
}

#[tokio::test]
async fn a_reload_closes_listeners_that_are_disabled_or_gone() {
    let fixture = Fixture::start().await;
    let mut old = fixture.connect("mx").await;
    old.transcript("S: 220 mx.here.test").await;
    let host = "mx.here.test".parse().unwrap();
    let listener = rohrpost_server::ListenerSettings {
        is_enabled: false,
        ..rohrpost_server::ListenerSettings::new("mx", rohrpost_smtp::server::Protocol::Smtp, host)
    };
    fixture.server.reload(&[listener]);
    for name in ["mx", "submission"] {
        let address = fixture.address(name);
        // What the kernel took before the socket was closed is reset.
        let is_closed = async || match tokio::net::TcpStream::connect(address).await {
            Ok(mut stream) => !matches!(stream.read(&mut [0]).await, Ok(1)),
            Err(_) => true,
        };
        let closed = async { while !is_closed().await {} };
        tokio::time::timeout(PATIENCE, closed).await.expect("it is closed in time");
    }
    old.transcript("C: EHLO x.test\nS: 250").await;
}

#[tokio::test]
async fn a_reload_changes_new_sessions_only() {
    let fixture = Fixture::start().await;
    let mut old = fixture.connect("mx").await;
    old.transcript("S: 220 mx.here.test\nC: EHLO x.test\nS: 250-mx.here.test").await;
    let host = "other.here.test".parse().unwrap();
    let listener = rohrpost_server::ListenerSettings::new("mx", rohrpost_smtp::server::Protocol::Smtp, host);
    fixture.server.reload(&[listener]);
    let mut new = fixture.connect("mx").await;
    new.transcript("S: 220 other.here.test").await;
    old.transcript("C: EHLO x.test\nS: 250-mx.here.test").await;
}
