//! Connections that serve more than one message.

use std::time::Duration;

use bytes::Bytes;
use rohrpost_client::{Connection, Outgoing, Pool, Sent, Target, limits::MESSAGES_MAX};
use rohrpost_mail::{Class, Envelope, Trust};
use rohrpost_tls::ClientTls;

use crate::{GREETING, MESSAGE, TRANSACTION, peer::Peer, recipients, target, tls};

async fn send(pool: &Pool, target: &Target) -> Sent {
    let (envelope, recipients, body) =
        (Envelope::default(), recipients(&["bob@there.test"]), Bytes::from_static(MESSAGE));
    let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets: 9, body: &body };
    pool.send(target, &tls(), &outgoing).await.unwrap()
}

/// Delivery runs in tasks: what the client does must be able to move between threads.
#[test]
fn sending_can_be_spawned() {
    fn is_send<T: Send>(_: impl FnOnce(Pool, Target, ClientTls) -> T) {}
    is_send(|pool, target, tls| async move {
        let (envelope, body) = (Envelope::default(), Bytes::from_static(MESSAGE));
        let outgoing = Outgoing { envelope: &envelope, recipients: &[], octets: 9, body: &body };
        let _ = pool.send(&target, &tls, &outgoing).await;
        let _ = Connection::open_first(&[target], &tls).await;
    });
}

#[tokio::test]
async fn messages_to_one_server_share_a_connection() {
    let peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}{TRANSACTION}C: QUIT\n")]).await;
    let (pool, target) = (Pool::new(), target(peer.address));
    let (first, second) = (send(&pool, &target).await, send(&pool, &target).await);
    assert!(first.report.is_complete() && second.report.is_complete());
    assert_eq!((first.reused, second.reused), (false, true));
    pool.close().await;
    assert_eq!(peer.bodies().await.len(), 2);
}

#[tokio::test]
async fn a_connection_never_serves_other_terms() {
    let peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}END\n")]).await;
    let (pool, target) = (Pool::new(), target(peer.address));
    send(&pool, &target).await;
    assert!(pool.take(&Target { trust: Trust::System, ..target.clone() }).is_none());
    assert!(pool.take(&Target { policy: "require-tls".into(), ..target.clone() }).is_none());
    assert!(pool.take(&target).is_some());
}

#[tokio::test]
async fn a_c09_a_reused_connection_that_died_is_replaced_in_silence() {
    let ends = [
        // Closed while it was idle, after a 421, and in answer to MAIL.
        "SIGNAL\n",
        "S: 421 4.4.2 idle for too long\nSIGNAL\n",
        "C~ MAIL\nC~ RCPT\nC~ DATA\nS: 421 4.3.2 shutting down\n",
        "C~ MAIL\nC~ RCPT\nC~ DATA\n",
    ];
    for end in ends {
        let mut peer =
            Peer::start(&[&format!("{GREETING}{TRANSACTION}{end}"), &format!("{GREETING}{TRANSACTION}")]).await;
        let (pool, target) = (Pool::new(), target(peer.address));
        send(&pool, &target).await;
        if end.contains("SIGNAL") {
            peer.signals.recv().await.unwrap();
        }
        let second = send(&pool, &target).await;
        assert!(second.report.is_complete(), "{end:?}");
        assert!(!second.reused);
        assert_eq!(peer.bodies().await.len(), 2);
    }
}

#[tokio::test]
async fn a_c09_a_fresh_connection_that_dies_is_not_replaced() {
    let peer = Peer::start(&[&format!("{GREETING}C~ MAIL\nC~ RCPT\nC~ DATA\nS: 421 bye\n")]).await;
    let sent = send(&Pool::new(), &target(peer.address)).await;
    assert_eq!(sent.report.outcomes[0].as_ref().unwrap_err().class, Class::Temporary);
}

#[tokio::test]
async fn a_message_whose_body_was_under_way_is_never_sent_again_by_the_pool() {
    let half = "C~ MAIL\nC~ RCPT\nC~ DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\nBODY\n";
    let peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}{half}")]).await;
    let (pool, target) = (Pool::new(), target(peer.address));
    send(&pool, &target).await;
    let second = send(&pool, &target).await;
    assert!(second.report.outcome_unknown && second.reused);
}

#[tokio::test]
async fn a_connection_is_changed_after_a_hundred_messages() {
    let hundred = TRANSACTION.repeat(MESSAGES_MAX as usize);
    let peer = Peer::start(&[&format!("{GREETING}{hundred}C: QUIT\n"), &format!("{GREETING}{TRANSACTION}")]).await;
    let (pool, target) = (Pool::new(), target(peer.address));
    for _ in 0..MESSAGES_MAX {
        send(&pool, &target).await;
    }
    assert_eq!(pool.idle_count(), 0);
    assert!(!send(&pool, &target).await.reused);
}

#[tokio::test]
async fn an_unused_connection_says_goodbye_in_time() {
    let mut peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}C: QUIT\nSIGNAL\n")]).await;
    let (pool, target) = (Pool::new(), target(peer.address));
    send(&pool, &target).await;
    assert_eq!(pool.idle_count(), 1);
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    peer.signals.recv().await.unwrap();
    assert_eq!(pool.idle_count(), 0);
    assert!(before.elapsed() >= target.idle && before.elapsed() < target.idle + Duration::from_secs(3));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_handed_out() {
    for end in ["SIGNAL\n", "S: 421 4.4.2 idle for too long\nSIGNAL\nEND\n"] {
        let mut peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}{end}")]).await;
        let (pool, target) = (Pool::new(), target(peer.address));
        send(&pool, &target).await;
        peer.signals.recv().await.unwrap();
        // The runtime looks at its sockets now and then while tasks are busy.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert!(pool.take(&target).is_none(), "{end:?}");
        assert_eq!(pool.idle_count(), 0);
    }
}
