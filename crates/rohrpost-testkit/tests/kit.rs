//! The kit against itself.

use rohrpost_mail::{Host, ListenerTls, Reply, Trust, Verification};
use rohrpost_testkit::{Authority, Clock, Dns, Gate, Peer, Script, Sink, client_tls, self_signed_tls, transcript};
use rohrpost_tls::ConnectOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

const ONE_MESSAGE: &str = "S: 220 mx.there.test\n\
    C: EHLO a.example\n\
    S: 250 SIZE\n\
    C: MAIL FROM:<ann@here.test>\n\
    C: RCPT TO:<bob@there.test>\n\
    C: DATA\n\
    S: 250\n\
    S: 250\n\
    S: 354\n\
    C: Subject: Hello\n\
    C: \n\
    C: ..dot\n\
    C: .\n\
    S: 250";

#[tokio::test]
async fn a_sink_shows_what_it_took() {
    let sink = Sink::start().await;
    transcript::play(&mut connect(sink.address()).await, ONE_MESSAGE).await;
    let message = sink.messages(1).await.remove(0);
    assert_eq!(message.envelope.reverse_path.to_string(), "ann@here.test");
    assert_eq!(message.recipients, ["bob@there.test"]);
    assert_eq!(message.text(), "Subject: Hello\r\n\r\n.dot\r\n");
    assert!(message.tls.is_none() && message.user.is_none());
    assert_eq!((message.connection, sink.connection_count()), (0, 1));
}

#[tokio::test]
async fn a_scripted_server_names_itself_before_its_keywords() {
    let peer = Peer::start([Script::new().greets(&["PIPELINING"]).close()]).await;
    let mut stream = connect(peer.address()).await;
    stream.write_all(b"EHLO a.example\r\n").await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "220 mx.there.test ESMTP\r\n250-mx.there.test\r\n250-PIPELINING\r\n250 HELP\r\n");
}

#[tokio::test]
async fn a_sink_refuses_what_the_test_refuses() {
    let sink = Sink::builder()
        .on_rcpt(|path| {
            let gone = path.to_string().starts_with("gone");
            if gone { Err(Reply::with(550, 1, 1, "No such mailbox")) } else { Ok(()) }
        })
        .on_message(|_| Err(Reply::with(451, 3, 0, "Later")))
        .start()
        .await;
    let text = "S: 220\nC: EHLO a.example\nS: 250\n\
        C: MAIL FROM:<>\nC: RCPT TO:<gone@there.test>\nC: RCPT TO:<bob@there.test>\nC: DATA\n\
        S: 250\nS: 550 5.1.1\nS: 250\nS: 354\nC: .\nS: 451 4.3.0\nC: QUIT\nS: 221\nS: (closed)";
    transcript::play(&mut connect(sink.address()).await, text).await;
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_sink_speaks_tls_and_knows_how_well() {
    let authority = Authority::new();
    let tls = authority.server_tls(&["mx.there.test"]);
    let sink = Sink::builder().tls(ListenerTls::Implicit, &tls).start().await;
    let options = ConnectOptions::new(Host::parse("mx.there.test").unwrap(), authority.trust()).require_trust();
    let (mut stream, info, _) = client_tls().connect(connect(sink.address()).await, &options).await.unwrap();
    transcript::play(&mut stream, ONE_MESSAGE).await;
    assert!(matches!(info.verification, Verification::Verified { .. }));
    assert_eq!(sink.messages(1).await[0].tls.as_ref().unwrap().group, "X25519MLKEM768");
}

#[tokio::test]
async fn a_sink_starts_tls_and_demands_a_log_in() {
    let sink = Sink::builder()
        .tls(ListenerTls::Required, &self_signed_tls(&["mx.there.test"]))
        .login("ann", "secret")
        .start()
        .await;
    let mut plain = connect(sink.address()).await;
    let text = "S: 220\nC: EHLO a.example\nS: 250 STARTTLS\nC: MAIL FROM:<>\nS: 530\nC: STARTTLS\nS: 220";
    transcript::play(&mut plain, text).await;
    let options = ConnectOptions::new(Host::parse("mx.there.test").unwrap(), Trust::Any);
    let (mut stream, ..) = client_tls().connect(plain, &options).await.unwrap();
    // PLAIN with a wrong password, then the right one (RFC 4616).
    let text = "C: EHLO a.example\nS: 250 AUTH\nC: MAIL FROM:<>\nS: 530\n\
        C: AUTH PLAIN AGFubgB3cm9uZw==\nS: 535\nC: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 235\n\
        C: MAIL FROM:<ann@here.test>\nC: RCPT TO:<bob@there.test>\nC: DATA\nS: 250\nS: 250\nS: 354\nC: .\nS: 250";
    transcript::play(&mut stream, text).await;
    assert_eq!(sink.messages(1).await[0].user.as_deref(), Some("ann"));
}

#[tokio::test]
async fn a_sink_speaks_lmtp_with_a_reply_for_each_recipient() {
    let sink = Sink::builder().lmtp().start().await;
    let text = "S: 220\nC: LHLO a.example\nS: 250\nC: MAIL FROM:<>\nC: RCPT TO:<a@there.test>\n\
        C: RCPT TO:<b@there.test>\nC: DATA\nS: 250\nS: 250\nS: 250\nS: 354\nC: .\nS: 250\nS: 250";
    transcript::play(&mut connect(sink.address()).await, text).await;
    assert_eq!(sink.received()[0].recipients, ["a@there.test", "b@there.test"]);
}

#[tokio::test]
async fn a_peer_follows_its_scripts_one_connection_after_the_other() {
    let peer = Peer::start([Script::new().say("421 4.3.2 Not now").close(), Script::takes_one(&["PIPELINING"])]).await;
    transcript::play(&mut connect(peer.address()).await, "S: 421 4.3.2\nS: (closed)").await;
    let text = "S: 220\nC: EHLO a\nS: 250 PIPELINING\nC: MAIL FROM:<>\nC: RCPT TO:<b@t>\nC: DATA\n\
        S: 250\nS: 250\nS: 354\nC: text\nC: .\nS: 250 2.0.0";
    transcript::play(&mut connect(peer.address()).await, text).await;
    peer.connections(2).await;
    assert_eq!(peer.faults(), [""; 0]);
    assert_eq!(peer.heard()[1], "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@t>\r\nDATA\r\ntext\r\n.\r\n");
}

#[tokio::test]
async fn a_peer_tells_where_a_dialogue_left_its_script() {
    let peer = Peer::start([Script::new().hear("EHLO")]).await;
    transcript::play(&mut connect(peer.address()).await, "C: HELO a\nS: (closed)").await;
    assert_eq!(peer.faults(), ["connection 1: expected \"EHLO\", heard \"HELO a\""]);
}

#[tokio::test]
async fn a_peer_waits_signals_shakes_hands_and_breaks_off() {
    let (reached, go_on) = (Gate::new(), Gate::new());
    let tls = self_signed_tls(&["mx.there.test"]);
    let inside = Script::new().say("220 go").tls(&tls).hear("EHLO").signal(&reached).wait_for(&go_on).say("250 x");
    let peer = Peer::start([inside.close(), Script::new().say("220 x").hear("EHLO").reset()]).await;

    let mut plain = connect(peer.address()).await;
    transcript::play(&mut plain, "S: 220 go").await;
    let options = ConnectOptions::new(Host::parse("mx.there.test").unwrap(), Trust::Any);
    let (mut stream, ..) = client_tls().connect(plain, &options).await.unwrap();
    let test = async {
        reached.passed().await;
        assert!(!go_on.is_open());
        go_on.open();
    };
    tokio::join!(test, transcript::play(&mut stream, "C: EHLO a\nS: 250 x\nS: (closed)"));
    assert_eq!(peer.tls().len(), 1);

    let mut broken = connect(peer.address()).await;
    transcript::play(&mut broken, "S: 220\nC: EHLO a").await;
    let end = broken.read_u8().await.unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn mx_records_lead_to_a_port_of_the_test() {
    let sink = Sink::start().await;
    let dns = Dns::for_domain("there.test").await;
    let resolver = dns.resolver(sink.address().port());
    let plan = resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap();
    assert_eq!(plan.hosts[0].addresses, [sink.address()]);
    assert!(dns.questions().iter().any(|question| question.record_type == "MX"));
}

#[test]
fn time_passes_when_the_test_says_so() {
    let clock = Clock::at("2026-11-22T12:00:00Z");
    let before = clock.instant();
    clock.advance(std::time::Duration::from_mins(6));
    assert_eq!(clock.instant() - before, std::time::Duration::from_mins(6));
    assert_eq!(clock.timestamp().to_string(), "2026-11-22T12:06:00Z");
}
