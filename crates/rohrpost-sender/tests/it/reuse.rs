//! Connections that serve more than one message, and how many there are.

use rohrpost_sender::{
    Quirks, Sender,
    testing::{Fault, Server as TestServer, Stage},
};

use crate::{mail, server};

async fn send_one(sender: &Sender) -> bool {
    sender.send(&mail(&["bob@kunde.test"])).await.is_ok()
}

#[tokio::test]
async fn messages_share_a_connection() {
    let peer = TestServer::start().await;
    let sender = Sender::new(server(peer.url())).unwrap();
    for _ in 0..3 {
        assert!(send_one(&sender).await);
    }
    assert_eq!((peer.received().len(), peer.connection_count()), (3, 1));
}

#[tokio::test]
async fn a_reused_connection_that_is_refused_at_mail_is_replaced_once_and_nobody_is_told() {
    for fault in [Fault::reply("421 4.4.2 too old"), Fault::reply("450 4.7.0 enough"), Fault::Drop, Fault::Garbage] {
        // The first message passes MAIL; the second one does not, on the same connection.
        let peer = TestServer::builder().start().await;
        let sender = Sender::new(server(peer.url())).unwrap();
        assert!(send_one(&sender).await);
        peer.then(Stage::Mail, fault.clone(), 1);
        assert!(send_one(&sender).await, "{fault:?}");
        assert_eq!((peer.received().len(), peer.connection_count()), (2, 2), "{fault:?}");
    }
}

#[tokio::test]
async fn on_a_fresh_connection_the_same_counts() {
    let peer = TestServer::builder().fault_times(Stage::Mail, Fault::reply("450 4.7.0 enough"), 1).start().await;
    let sender = Sender::new(server(peer.url())).unwrap();
    assert!(!send_one(&sender).await);
    assert_eq!(peer.connection_count(), 1);
}

#[tokio::test]
async fn no_more_messages_are_under_way_than_the_server_may_get() {
    let peer = TestServer::start().await;
    let sender = Sender::new(server(peer.url()).concurrency(2)).unwrap();
    let sending: Vec<_> = (0..10)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move { send_one(&sender).await })
        })
        .collect();
    for one in sending {
        assert!(one.await.unwrap());
    }
    assert_eq!(peer.received().len(), 10);
    assert!(peer.connection_count() <= 2, "{} connections", peer.connection_count());
}

#[tokio::test(start_paused = true)]
async fn the_rate_holds_back_what_is_too_much() {
    let peer = TestServer::start().await;
    let sender = Sender::new(server(peer.url()).connector(peer.pipe()).rate("20/min".parse().unwrap())).unwrap();
    let began = tokio::time::Instant::now();
    for _ in 0..4 {
        assert!(send_one(&sender).await);
    }
    assert_eq!(began.elapsed().as_secs(), 6, "two at once, then one every three seconds");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_too_many_gets_half_as_many() {
    let refusal = Fault::reply("450 4.7.0 too many messages from you");
    let peer = TestServer::builder().fault_times(Stage::Mail, refusal, 1).start().await;
    let sender = Sender::new(server(peer.url()).connector(peer.pipe()).rate("20/min".parse().unwrap())).unwrap();
    let began = tokio::time::Instant::now();
    assert!(!send_one(&sender).await);
    for _ in 0..3 {
        assert!(send_one(&sender).await);
    }
    assert_eq!(began.elapsed().as_secs(), 9, "six seconds at the full rate");
}

#[tokio::test]
async fn quirks_keep_us_from_what_the_server_cannot_do() {
    let peer = TestServer::start().await;
    let quirks = Quirks { no_pipelining: true, no_size: true, ..Quirks::default() };
    let sender = Sender::new(server(peer.url()).quirks(quirks)).unwrap();
    let receipt = sender.send(&mail(&["bob@kunde.test"])).await.unwrap();
    assert!(receipt.transcript.contains("C: MAIL FROM:<anna@firma.test>"), "{}", receipt.transcript);
    assert!(!receipt.transcript.contains(" SIZE=") && !peer.received()[0].parameters.contains("SIZE="));
    let mail_answered = receipt.transcript.find("250 2.1.0").unwrap();
    assert!(receipt.transcript.find("C: RCPT").unwrap() > mail_answered, "{}", receipt.transcript);
}
