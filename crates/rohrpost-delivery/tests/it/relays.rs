//! Hosts of ours: log-in, fallback, LMTP, and faults that are ours to fix.

use std::{path::Path, time::Duration};

use rohrpost_client::{Login, Protocol};
use rohrpost_delivery::{Notices, Place, Route, RouteHost, Settings};
use rohrpost_mail::{Link, ListenerTls, Outcome, Recipient, Reply, Seal, Secret, TlsMode, Verification, VerifiedBy};
use rohrpost_testkit::{Authority, Dns, Peer, Script, Sink};
use rohrpost_tls::{CertStore, ClientAuth, ServerTls, ServerTlsOptions};
use tokio::net::{TcpStream, UnixListener};

use crate::office::{Office, address, route, settings};

fn is_relayed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Relayed
}

#[tokio::test]
async fn a_route_logs_in_inside_tls_and_its_link_is_verified() {
    let authority = Authority::new();
    let tls = authority.server_tls(&["127.0.0.1"]);
    let sink = Sink::builder().tls(ListenerTls::Required, &tls).login("ann", "secret").start().await;
    let host = RouteHost {
        tls: TlsMode::Starttls,
        trust: authority.trust(),
        login: Some(Login::new("ann", Secret::new("secret"))),
        ..RouteHost::new(Place::Host("[127.0.0.1]".parse().unwrap(), sink.address().port()))
    };
    let relay = Route { hosts: vec![host], ..route("relay", &[]) };
    let mut office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
    let id = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(id, is_relayed).await;
    assert_eq!((record.seal(), record.protocol.as_str()), (Some(Seal::Verified), "ESMTPSA"));
    assert_eq!(record.account.as_deref(), Some("ann"));
    assert_eq!(sink.messages(1).await[0].user.as_deref(), Some("ann"));
}

#[tokio::test]
async fn a_route_shows_its_client_certificate_to_a_server_that_demands_one() {
    let authority = Authority::new();
    let certificates = CertStore::from_pem([authority.issue(&["127.0.0.1"])]).unwrap();
    let mut demanding = ServerTlsOptions::new(certificates, "partner");
    demanding.client_auth = Some(ClientAuth { ca: authority.file(), required: true });
    let sink = Sink::builder().tls(ListenerTls::Required, &ServerTls::new(demanding).unwrap()).start().await;
    let bare = RouteHost {
        tls: TlsMode::Starttls,
        trust: authority.trust(),
        ..RouteHost::new(Place::Host("[127.0.0.1]".parse().unwrap(), sink.address().port()))
    };
    let known = RouteHost { client_certificate: Some(authority.issue_files(&["mx.here.test"])), ..bare.clone() };
    let routes = [("known", known), ("bare", bare)].map(|(name, host)| Route { hosts: vec![host], ..route(name, &[]) });
    let mut office = Office::open(9, Settings { routes: routes.into(), ..settings() }).await;
    let id = office.send(&["bob@bare.test"]).await;
    office.deferred(id).await;
    assert_eq!(sink.received().len(), 0, "nothing goes without the certificate");
    let id = office.send(&["bob@known.test"]).await;
    assert_eq!(office.outcome(id, is_relayed).await.seal(), Some(Seal::Verified));
    let tls = sink.messages(1).await.remove(0).tls.unwrap();
    assert_eq!(tls.verification, Verification::Verified { by: VerifiedBy::ClientCa });
}

/// C16: what looks like our mistake goes to the next host, then waits with 4.3.5 and a notice; nothing bounces.
#[tokio::test]
async fn a_c16_a_relay_that_refuses_us_never_makes_a_bounce() {
    let refusals: [fn() -> Script; 4] = [
        || Script::new().say("554 5.7.1 No service for you"),
        || Script::new().say("220 mx").hear("EHLO").say("550 5.7.1 Go away").hear("HELO").say("550 5.7.1 Go away"),
        || Script::new().greets(&[]).hear("MAIL").say("550 5.7.1 Not you").close(),
        || Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("550 5.7.1 Relaying denied").close(),
    ];
    for (at, refusal) in refusals.into_iter().enumerate() {
        let wrong = Peer::start([refusal()]).await;
        let right = Peer::start([Script::takes_one(&[])]).await;
        let both = route("both", &[wrong.address().port(), right.address().port()]);
        let alone = route("alone", &[wrong.address().port()]);
        let mut office = Office::open(9, Settings { routes: vec![both, alone], ..settings() }).await;
        let id = office.send(&["bob@both.test"]).await;
        office.outcome(id, is_relayed).await;
        let id = office.send(&["bob@alone.test"]).await;
        office.deferred(id).await;
        let notice = office.filed().await;
        assert!(notice.contains("Subject: Nothing goes over the route alone"), "case {at}: {notice}");
        assert!(notice.contains("5.7.1"), "case {at}: {notice}");
        assert_eq!(office.queued().await.len(), 1, "case {at}");
        office.pass(Duration::from_secs(500)).await;
        office.deferred(id).await;
        assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 1, "once a day");
    }
}

/// C16: MX hosts that all greet with 554 are a broken set-up there, and no reason to bounce.
#[tokio::test]
async fn a_c16_mx_hosts_that_greet_with_554_defer() {
    let peer = Peer::start([Script::new().say("554 5.3.2 No service")]).await;
    let mut office = Office::open(peer.address().port(), settings()).await;
    let id = office.send(&["bob@there.test"]).await;
    assert_eq!(office.deferred(id).await.reply.unwrap().code, 554);
}

#[tokio::test]
async fn a_dead_host_of_a_route_is_passed_over() {
    let sink = Sink::start().await;
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = dead.local_addr().unwrap().port();
    drop(dead);
    let relay = route("relay", &[port, sink.address().port()]);
    let mut office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, is_relayed).await;
}

#[tokio::test]
async fn lmtp_has_a_fate_for_each_recipient() {
    let sink = Sink::builder().lmtp().on_rcpt(|path| match path.to_string().as_str() {
        "eve@relay.test" => Err(Reply::with(550, 1, 1, "No such user")),
        _ => Ok(()),
    });
    let sink = sink.start().await;
    let mut relay = route("relay", &[sink.address().port()]);
    relay.hosts[0].protocol = Protocol::Lmtp;
    let mut office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
    let id = office.send(&["bob@relay.test", "eve@relay.test"]).await;
    assert_eq!(office.outcome(id, is_relayed).await.protocol, "LMTP");
    assert!(office.filed().await.contains("eve@relay.test"));
}

/// A unix socket that leads to a peer on loopback.
fn unix_socket_to(peer: &Peer, path: &Path) {
    let (socket, address) = (UnixListener::bind(path).unwrap(), peer.address());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = socket.accept().await {
            let mut far = TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
}

#[tokio::test]
async fn each_reply_after_the_dot_of_lmtp_on_a_unix_socket_is_one_recipients() {
    let rcpt = |script: Script| script.hear("RCPT").say("250 2.1.5 OK");
    let script = Script::new().say("220 store LMTP").hear("LHLO").lists(&[]).hear("MAIL").say("250 2.1.0 OK");
    let script = rcpt(rcpt(rcpt(script))).hear("DATA").say("354 Go ahead").hear_message();
    let script = script.say("250 2.0.0 Filed").say("452 4.2.2 Over quota").say("550 5.2.1 Locked");
    let peer = Peer::start([script]).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lmtp.sock");
    unix_socket_to(&peer, &path);
    let host = RouteHost { protocol: Protocol::Lmtp, ..RouteHost::new(Place::Unix(path)) };
    let store = Route { hosts: vec![host], ..route("store", &[]) };
    let mut office = Office::open(9, Settings { routes: vec![store], ..settings() }).await;
    let id = office.send(&["bob@store.test", "eve@store.test", "joe@store.test"]).await;
    let bounce = office.filed().await;
    assert!(bounce.contains("joe@store.test") && bounce.contains("5.2.1"), "{bounce}");
    assert!(!bounce.contains("eve@store.test"), "{bounce}");

    let mut fates = Vec::new();
    for record in office.store.records_of(id).await.unwrap() {
        if let (Some(recipient), Some(reply)) = (record.recipient, record.reply) {
            assert_eq!((&record.link, record.protocol.as_str()), (&Link::Local, "LMTP"));
            fates.push((recipient.to_string(), reply.code));
        }
    }
    fates.sort();
    let wanted = [("bob@store.test", 250), ("eve@store.test", 452), ("joe@store.test", 550)];
    assert_eq!(fates, wanted.map(|(recipient, code)| (recipient.to_owned(), code)));
    let queued = office.queued().await;
    assert_eq!(queued.len(), 1, "who was told to wait waits, alone");
    assert_eq!(queued[0].recipient.recipient.address, address("eve@store.test"));
}

#[tokio::test]
async fn a_server_of_seven_bits_gets_quoted_printable_unless_that_breaks_a_signature() {
    let sink = Sink::builder().extensions(|extensions| extensions.eightbitmime = false).start().await;
    let relay = Settings { routes: vec![route("relay", &[sink.address().port()])], ..settings() };
    let office = Office::open(9, relay).await;
    let plain = "From: ann@here.test\r\nSubject: Hi\r\n\r\nGr\u{fc}\u{df}e\r\n";
    let signed = format!("DKIM-Signature: v=1; d=here.test\r\n{plain}");
    for text in [plain, &signed] {
        office.submit("ann@here.test", vec![Recipient::new(address("bob@relay.test"))], text).await;
    }
    let mut texts: Vec<_> = sink.messages(2).await.iter().map(rohrpost_testkit::Received::text).collect();
    texts.sort();
    assert_eq!(texts[0], signed, "to the octet");
    assert!(texts[1].ends_with("\r\n\r\nGr=C3=BC=C3=9Fe\r\n"), "{}", texts[1]);
}

#[tokio::test]
async fn everything_can_be_sent_one_way_or_kept() {
    let sink = Sink::start().await;
    let one_way = Settings { relay_to: Some(route("demo", &[sink.address().port()])), ..settings() };
    let mut office = Office::open(9, one_way).await;
    let id = office.send(&["bob@there.test", "eve@other.test"]).await;
    assert_eq!(sink.messages(2).await.len(), 2);
    for _ in 0..2 {
        assert_eq!(office.outcome(id, is_relayed).await.route, "demo", "the way it went");
    }

    let resolver = Dns::for_domain("there.test").await.resolver(9);
    let hold = rohrpost_queue::Settings { hold_outgoing: true, ..rohrpost_queue::Settings::default() };
    let mut office = Office::with(resolver, settings(), hold).await;
    office.send(&["bob@there.test", "ann@here.test"]).await;
    office.filed().await;
    let queued = office.queued().await;
    assert_eq!(queued.len(), 1, "local mail is not held");
    assert_eq!(queued[0].recipient.attempts, 0);
}

#[tokio::test]
async fn notices_go_the_way_that_their_settings_name() {
    let sink = Sink::start().await;
    let wrong = Peer::start([Script::new().say("554 5.7.1 No service for you")]).await;
    let notices = Notices { to: Some(address("ops@far.test")), route: Some("out".into()), tls: None };
    let routes = vec![route("wrong", &[wrong.address().port()]), route("out", &[sink.address().port()])];
    let office = Office::open(9, Settings { routes, notices, ..settings() }).await;
    office.send(&["bob@wrong.test"]).await;
    let notice = sink.messages(1).await.remove(0);
    assert_eq!(notice.recipients, ["ops@far.test"]);
    assert_eq!(notice.envelope.reverse_path.to_string(), "");
}

#[tokio::test]
async fn a_stop_waits_for_what_is_under_way_and_begins_nothing_new() {
    let (asked, go_on) = (rohrpost_testkit::Gate::new(), rohrpost_testkit::Gate::new());
    let slow = Script::new().greets(&[]).hear("MAIL").signal(&asked).wait_for(&go_on).say("250 OK");
    let peer = Peer::start([slow.hear("RCPT").say("250 OK").takes_data()]).await;
    let relay = route("relay", &[peer.address().port()]);
    let office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
    let id = office.send(&["bob@relay.test"]).await;
    asked.passed().await;
    let stopping = tokio::spawn({
        let delivery = office.delivery.clone();
        async move { delivery.stop(Duration::from_secs(20)).await }
    });
    while !office.queue.is_stopped() {
        tokio::task::yield_now().await;
    }
    let later = office.send(&["eve@relay.test"]).await;
    go_on.open();
    assert!(stopping.await.unwrap(), "everything came to its end");
    let outcomes =
        |records: Vec<rohrpost_mail::DeliveryRecord>| records.into_iter().any(|record| is_relayed(&record.outcome));
    assert!(outcomes(office.store.records_of(id).await.unwrap()), "the message under way was sent and recorded");
    assert!(!outcomes(office.store.records_of(later).await.unwrap()));
    assert_eq!(office.queued().await.len(), 1);
}
