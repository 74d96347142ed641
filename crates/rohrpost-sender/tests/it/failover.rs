//! Several servers: when a message moves on, and when it does not.

use rohrpost_sender::{
    Kind, Note, Outcome, Relays, Secret, SecretSource, Sender,
    testing::{Fault, Server as TestServer, Stage, Tls},
};

use crate::{mail, send, server};

/// Sends through `first` with a good server behind it; whether that one got it.
async fn moves_on(first: &TestServer) -> bool {
    let spare = TestServer::start().await;
    let result = send(Relays::failover([server(first.url()), server(spare.url())])).await;
    let moved = !spare.received().is_empty();
    assert_eq!(result.is_ok(), moved, "{result:?}");
    if let Ok(receipt) = result {
        assert_eq!(receipt.server, spare.address().to_string());
        assert!(receipt.notes.iter().any(|note| matches!(note, Note::PassedOver { .. })), "{receipt:?}");
    }
    moved
}

async fn saying(stage: Stage, reply: &str) -> TestServer {
    TestServer::builder().fault(stage, Fault::reply(reply)).start().await
}

#[tokio::test]
async fn a_message_moves_on_where_the_server_is_at_fault_and_nowhere_else() {
    let cases = [
        (Stage::Greeting, "554 5.3.2 no service", true),
        (Stage::Greeting, "421 4.3.2 busy", true),
        (Stage::Ehlo, "550 who are you", true),
        (Stage::Mail, "450 4.3.0 later", true),
        (Stage::Mail, "550 5.7.1 not you", true),
        (Stage::Rcpt, "450 4.2.0 greylisted", true),
        (Stage::Rcpt, "550 5.7.1 relaying denied", true),
        (Stage::Rcpt, "554 Relay access denied", true),
        (Stage::Rcpt, "550 5.1.1 nobody here", false),
        (Stage::Rcpt, "552 5.2.2 full", false),
        (Stage::Rcpt, "550 no such user", false),
        (Stage::Data, "554 5.6.0 no", false),
        (Stage::Dot, "554 5.7.1 spam", false),
        (Stage::Dot, "452 4.3.1 full", false),
    ];
    for (stage, reply, expected) in cases {
        assert_eq!(moves_on(&saying(stage, reply).await).await, expected, "{stage}: {reply}");
    }
}

#[tokio::test]
async fn a_message_moves_on_from_a_server_that_hangs_up_before_the_dot_and_not_behind_it() {
    for (stage, expected) in [(Stage::Greeting, true), (Stage::Mail, true), (Stage::Data, true), (Stage::Dot, false)] {
        let first = TestServer::builder().fault(stage, Fault::Drop).start().await;
        assert_eq!(moves_on(&first).await, expected, "{stage}");
    }
}

#[tokio::test]
async fn a_refused_log_in_and_a_failed_handshake_move_on() {
    let locked = TestServer::builder().login("ann", Secret::new("pencil")).start().await;
    let (spare, wrong) = (TestServer::start().await, SecretSource::Text(Secret::new("wrong")));
    let first = server(locked.url().replace("://", "://ann@")).login(wrong);
    let receipt = send(Relays::failover([first, server(spare.url())])).await.unwrap();
    assert!(receipt.notes[1].to_string().contains("535"), "{receipt:?}");

    let untrusted = TestServer::builder().tls(Tls::Implicit).start().await;
    let first = server(untrusted.url() + "?trust=system");
    assert!(send(Relays::failover([first, server(spare.url())])).await.is_ok());
    assert_eq!(spare.received().len(), 2);
}

#[tokio::test]
async fn only_those_whom_the_first_server_did_not_settle_go_to_the_second() {
    let first = TestServer::builder()
        .refuse("bob@kunde.test", "450 4.2.0 later")
        .refuse("cy@kunde.test", "550 5.1.1 nobody here")
        .start()
        .await;
    let second = TestServer::start().await;
    let sender = Sender::new(Relays::failover([server(first.url()), server(second.url())])).unwrap();
    let receipt = sender.send(&mail(&["ann@kunde.test", "bob@kunde.test", "cy@kunde.test"])).await.unwrap();
    let outcomes: Vec<_> = receipt.recipients.iter().map(|(_, outcome)| outcome.is_good()).collect();
    assert_eq!(outcomes, [true, true, false]);
    assert_eq!(first.received()[0].recipients, ["ann@kunde.test"]);
    assert_eq!(second.received()[0].recipients, ["bob@kunde.test"]);
    assert_eq!(receipt.server, first.address().to_string());
    let through =
        Note::Through { server: second.address().to_string(), recipients: vec!["bob@kunde.test".parse().unwrap()] };
    assert!(receipt.notes.contains(&through), "{receipt:?}");
    let partly = |note: &Note| matches!(note, Note::Partly { server, reason } if *server == receipt.server && reason.contains("450 4.2.0"));
    assert!(receipt.notes.iter().any(partly), "{receipt:?}");
    assert!(!receipt.notes.iter().any(|note| matches!(note, Note::PassedOver { .. })), "{receipt:?}");
}

#[tokio::test]
async fn the_last_word_about_a_recipient_decides_unless_another_server_may_still_take_it() {
    let cases = [
        (["450 4.2.0 later", "550 5.1.1 nobody here"], (Kind::Recipient, 67)),
        (["450 4.2.0 later", "550 5.7.1 relaying denied"], (Kind::Recipient, 75)),
        (["550 5.7.1 relaying denied", "450 4.2.0 later"], (Kind::Recipient, 75)),
    ];
    for (replies, expected) in cases {
        let (first, second) = (saying(Stage::Rcpt, replies[0]).await, saying(Stage::Rcpt, replies[1]).await);
        let error = send(Relays::failover([server(first.url()), server(second.url())])).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), expected, "{error}");
    }
}

#[tokio::test]
async fn all_or_nothing_moves_on_together_or_not_at_all() {
    let to = ["ann@kunde.test", "bob@kunde.test"];
    for (reply, moves) in [("450 4.2.0 later", true), ("550 5.1.1 nobody here", false)] {
        let first = TestServer::builder().refuse("bob@kunde.test", reply).start().await;
        let second = TestServer::start().await;
        let strict = |peer: &TestServer| server(peer.url()).all_or_nothing(true);
        let sender = Sender::new(Relays::failover([strict(&first), strict(&second)])).unwrap();
        assert_eq!(sender.send(&mail(&to)).await.is_ok(), moves, "{reply}");
        assert!(first.received().is_empty());
        assert_eq!(
            second.received().iter().map(|message| message.recipients.len()).sum::<usize>(),
            if moves { 2 } else { 0 }
        );
    }
}

#[tokio::test]
async fn when_no_server_is_left_the_error_has_them_all_and_speaks_for_the_most_hopeful() {
    let greylisting = saying(Stage::Rcpt, "450 4.2.0 greylisted").await;
    let refusing = saying(Stage::Mail, "550 5.7.1 not you").await;
    let error = send(Relays::failover([server(greylisting.url()), server(refusing.url())])).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Recipient, 75));
    assert_eq!(error.attempts().len(), 2);
    assert!(error.to_string().contains("greylisted") && error.to_string().contains("not you"), "{error}");
    assert!(matches!(error.recipients()[0].1, Outcome::Refused(_)), "the last word on Bob: {error:?}");
}

#[tokio::test]
async fn round_robin_spreads_messages_and_falls_back() {
    let (first, second) = (TestServer::start().await, TestServer::start().await);
    let sender = Sender::new(Relays::round_robin([server(first.url()), server(second.url())])).unwrap();
    for _ in 0..4 {
        sender.send(&mail(&["bob@kunde.test"])).await.unwrap();
    }
    assert_eq!((first.received().len(), second.received().len()), (2, 2));
    drop(first);
    for _ in 0..2 {
        sender.send(&mail(&["bob@kunde.test"])).await.unwrap();
    }
    assert_eq!(second.received().len(), 4);
}

#[tokio::test]
async fn a_name_is_tried_at_all_its_addresses() {
    let peer = TestServer::start().await;
    // localhost is ::1 and 127.0.0.1 on most hosts; the peer listens on the latter only.
    let receipt = send(server(format!("smtp://localhost:{}", peer.address().port()))).await.unwrap();
    assert_eq!(receipt.server, format!("localhost:{}", peer.address().port()));
}
