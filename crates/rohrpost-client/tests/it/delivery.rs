//! Messages on their way to honest servers.

use std::io;

use bytes::Bytes;
use rohrpost_client::{
    BodySource, BodyStream, BoxFuture, Chunks, Connection, Endpoint, LinkTls, Login, Mechanism, Outgoing, Protocol,
    Target,
};
use rohrpost_mail::{BodyKind, Class, Envelope, Host, Link, Secret, Stage};

use crate::{
    GREETING, MESSAGE, TRANSACTION, open,
    peer::{Peer, start_unix},
    recipients, send, target, tls,
};

#[tokio::test]
async fn a_message_reaches_the_server_and_each_recipient_has_a_reply() {
    let script = format!(
        "{GREETING}C: MAIL FROM:<>\nC: RCPT TO:<bob@there.test>\nC: RCPT TO:<eve@there.test>\nC: DATA\n\
         S: 250 ok\nS: 250 ok\nS: 550 5.1.1 nobody\nS: 354 go on\nBODY\nS: 250 2.0.0 taken\nC: QUIT\n"
    );
    let peer = Peer::start(&[&script]).await;
    let mut connection = open(peer.address).await;
    assert_eq!(connection.link(), &Link::Clear { reason: "not offered".into() });
    let report = send(&mut connection, &["bob@there.test", "eve@there.test"]).await;
    assert!(report.outcomes[0].is_ok());
    let failure = report.outcomes[1].as_ref().unwrap_err();
    assert_eq!((failure.class, failure.stage()), (Class::Permanent, Stage::Rcpt));
    assert!(!report.untouched && !report.outcome_unknown);
    assert_eq!(report.stage, Stage::Dot);
    connection.quit().await;
    assert_eq!(peer.bodies().await, [[MESSAGE, b".\r\n"].concat()]);
}

#[tokio::test]
async fn recipients_beyond_the_servers_limit_go_in_further_transactions() {
    let greeting = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=2\n";
    let replies = "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\nBODY\nS: 250 taken\n";
    let script = format!(
        "{greeting}C: MAIL FROM:<>\nC: RCPT TO:<a@x.test>\nC: RCPT TO:<b@x.test>\n{replies}\
         C: MAIL FROM:<>\nC: RCPT TO:<c@x.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\nBODY\nS: 450 later\n"
    );
    let peer = Peer::start(&[&script]).await;
    let mut connection = open(peer.address).await;
    let report = send(&mut connection, &["a@x.test", "b@x.test", "c@x.test"]).await;
    let good: Vec<_> = report.outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false]);
    let bodies = peer.bodies().await;
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1], "the body was read again");
}

#[tokio::test]
async fn a_server_that_takes_one_message_gets_one() {
    let greeting = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250-PIPELINING\nS: 250 LIMITS MAILMAX=1\n";
    let peer = Peer::start(&[&format!("{greeting}{TRANSACTION}END\n")]).await;
    let mut connection = open(peer.address).await;
    assert!(connection.is_reusable());
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    assert!(!connection.is_reusable());
    drop(connection);
    peer.bodies().await;
}

/// Gives a long message in small parts.
struct Parts(usize);

impl BodySource for Parts {
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>> {
        Box::pin(std::future::ready(Ok(BodyStream::from_chunks(Part(self.0)))))
    }
}

struct Part(usize);

impl Chunks for Part {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        let part = self.0.checked_sub(1).map(|left| {
            self.0 = left;
            Bytes::from(b".0123456789\n".repeat(1_000))
        });
        Box::pin(std::future::ready(Ok(part)))
    }
}

#[tokio::test]
async fn a_long_message_is_read_part_by_part_and_arrives_whole() {
    let peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}")]).await;
    let mut connection = open(peer.address).await;
    let (envelope, recipients) = (Envelope::default(), recipients(&["bob@there.test"]));
    let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets: 0, body: &Parts(200) };
    assert!(connection.send(&outgoing).await.is_complete());
    let body = peer.bodies().await.remove(0);
    assert_eq!(body, [b"..0123456789\r\n".repeat(200_000).as_slice(), b".\r\n"].concat());
}

#[tokio::test]
async fn bdat_carries_a_long_message_in_chunks() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 CHUNKING\n\
        C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<bob@there.test>\nS: 250 ok\nC~ BDAT \n";
    let peer = Peer::start(&[script]).await;
    let mut connection = open(peer.address).await;
    let report = send(&mut connection, &["bob@there.test"]).await;
    assert_eq!(report.outcomes[0].as_ref().unwrap_err().class, Class::Temporary);
    peer.bodies().await;
}

/// Breaks off in the middle.
struct Broken;

impl BodySource for Broken {
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>> {
        let disk = tokio_reader(b"Subject: half a mess");
        Box::pin(std::future::ready(Ok(BodyStream::from_reader(disk))))
    }
}

/// A reader that fails after these octets.
fn tokio_reader(octets: &'static [u8]) -> impl tokio::io::AsyncRead + Send + Unpin {
    struct Failing(&'static [u8]);
    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            if self.0.is_empty() {
                return std::task::Poll::Ready(Err(io::Error::other("the disk is gone")));
            }
            buffer.put_slice(std::mem::take(&mut self.0));
            std::task::Poll::Ready(Ok(()))
        }
    }
    Failing(octets)
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_not_sent_by_half() {
    let script = format!(
        "{GREETING}C: MAIL FROM:<>\nC: RCPT TO:<bob@there.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\nEND\n"
    );
    let peer = Peer::start(&[&script]).await;
    let mut connection = open(peer.address).await;
    let (envelope, recipients) = (Envelope::default(), recipients(&["bob@there.test"]));
    let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets: 9, body: &Broken };
    let report = connection.send(&outgoing).await;
    assert_eq!(report.outcomes[0].as_ref().unwrap_err().class, Class::Ours);
    assert!(!report.outcome_unknown && !report.untouched && !connection.is_reusable());
    drop(connection);
    peer.bodies().await;
}

#[tokio::test]
async fn lmtp_over_a_unix_socket_files_per_recipient() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lmtp.sock");
    let script = "S: 220 store.test\nC: LHLO here.test\nS: 250-store.test\nS: 250 PIPELINING\n\
        C: MAIL FROM:<>\nC: RCPT TO:<a@x.test>\nC: RCPT TO:<b@x.test>\nC: DATA\n\
        S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\nBODY\nS: 250 filed\nS: 452 4.2.2 full\n";
    let server = start_unix(&path, script);
    let target = Target { protocol: Protocol::Lmtp, ..target(Endpoint::Unix(path)) };
    let mut connection = Connection::open(&target, &tls()).await.unwrap();
    assert_eq!(connection.link(), &Link::Local);
    let report = send(&mut connection, &["a@x.test", "b@x.test"]).await;
    assert!(report.outcomes[0].is_ok());
    assert_eq!(report.outcomes[1].as_ref().unwrap_err().class, Class::Temporary);
    server.await.unwrap();
}

#[tokio::test]
async fn helo_is_recorded_as_the_reason_for_clear_text() {
    let peer =
        Peer::start(&["S: 220 old.test\nC: EHLO here.test\nS: 502 what?\nC: HELO here.test\nS: 250 old.test\n"]).await;
    let connection = open(peer.address).await;
    assert_eq!(connection.link(), &Link::Clear { reason: "HELO".into() });
    for (mode, reason) in [(LinkTls::Off, "off"), (LinkTls::Fallback, "handshake failed")] {
        let peer = Peer::start(&["S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 STARTTLS\n"]).await;
        let target = Target { tls: mode, ..target(peer.address) };
        let connection = Connection::open(&target, &tls()).await.unwrap();
        assert_eq!(connection.link(), &Link::Clear { reason: reason.into() });
    }
}

#[tokio::test]
async fn an_eight_bit_message_to_a_seven_bit_server_is_noted() {
    let peer = Peer::start(&[&format!("{GREETING}{TRANSACTION}")]).await;
    let mut connection = open(peer.address).await;
    let envelope = Envelope { body: BodyKind::EightBitMime, ..Envelope::default() };
    let (recipients, body) =
        (recipients(&["bob@there.test"]), Bytes::from_static("Subject: Hi\r\n\r\nGrüße\r\n".as_bytes()));
    let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets: 9, body: &body };
    assert!(connection.send(&outgoing).await.eight_bit_to_seven);
}

#[tokio::test]
async fn smtputf8_that_the_header_does_not_need_stops_nothing() {
    let envelope = Envelope { smtputf8: true, ..Envelope::default() };
    let recipients = recipients(&["bob@there.test"]);
    for (message, taken) in [("Subject: Hi\r\n\r\nGrüße\r\n", true), ("Subject: Grüße\r\n\r\nHi\r\n", false)] {
        let peer = Peer::start(&[&format!("{GREETING}{}", if taken { TRANSACTION } else { "END\n" })]).await;
        let mut connection = open(peer.address).await;
        let body = Bytes::from_static(message.as_bytes());
        let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets: 9, body: &body };
        let report = connection.send(&outgoing).await;
        assert_eq!(report.is_complete(), taken, "{message}");
        drop(connection);
        peer.bodies().await;
    }
}

#[tokio::test]
async fn the_source_address_is_the_one_that_was_asked_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source: std::net::IpAddr = "127.0.0.2".parse().unwrap();
    let target = Target { sources: source.into(), ..target(listener.local_addr().unwrap()) };
    let (accepted, opened) = tokio::join!(
        async {
            let (stream, address) = listener.accept().await.unwrap();
            drop(stream);
            address
        },
        async { Connection::open(&target, &tls()).await },
    );
    assert_eq!(accepted.ip(), source);
    assert_eq!(opened.unwrap_err().stage(), Stage::Greeting);
}

#[tokio::test]
async fn a_host_without_a_name_calls_itself_by_the_address_that_it_comes_from() {
    let peer = Peer::start(&["S: 220 mx.test\nC: EHLO [127.0.0.2]\nS: 250 mx.test\nEND\n"]).await;
    let mut target = target(peer.address);
    target.sources = std::net::IpAddr::from([127, 0, 0, 2]).into();
    target.ehlo_name = Host::parse("[0.0.0.0]").unwrap();
    Connection::open(&target, &tls()).await.unwrap();
}

#[tokio::test]
async fn log_in_on_loopback_takes_the_mechanism_that_is_asked_for() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH PLAIN LOGIN\n\
        C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: cGVuY2ls\nS: 235 welcome\n";
    let peer = Peer::start(&[script]).await;
    let login = Login { mechanism: Some(Mechanism::Login), ..Login::new("ann", Secret::new("pencil")) };
    let target = Target { login: Some(login), ..target(peer.address) };
    let connection = Connection::open(&target, &tls()).await.unwrap();
    assert_eq!(connection.mechanism(), Some(Mechanism::Login));
}

#[tokio::test]
async fn a_probe_asks_and_leaves_the_connection_usable() {
    let probe = "C: MAIL FROM:<>\nC: RCPT TO:<eve@there.test>\nC: RSET\nS: 250 ok\nS: 550 5.1.1 nobody\nS: 250 ok\n";
    let peer = Peer::start(&[&format!("{GREETING}{probe}{TRANSACTION}")]).await;
    let mut connection = open(peer.address).await;
    let failure = connection.probe(&"eve@there.test".parse().unwrap()).await.unwrap_err();
    assert_eq!(failure.class, Class::Permanent);
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
}

#[tokio::test]
async fn a_server_that_insists_on_tls_is_told_from_one_that_refuses() {
    let greeting = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 STARTTLS\nC: MAIL FROM:<>\n";
    for (reply, insists) in [("530 5.7.0 STARTTLS first", true), ("554 5.7.10 TLS", true), ("550 5.7.1 not you", false)]
    {
        let peer = Peer::start(&[&format!("{greeting}S: {reply}\n")]).await;
        let target = Target { tls: LinkTls::Off, ..target(peer.address) };
        let mut connection = Connection::open(&target, &tls()).await.unwrap();
        let report = send(&mut connection, &["bob@there.test"]).await;
        assert_eq!(connection.wants_tls(report.outcomes[0].as_ref().unwrap_err()), insists, "{reply}");
    }
}
