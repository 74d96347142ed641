//! Ways out with several hosts: who is passed over, who tries again, and what the record says of it.

use std::time::Duration;

use rohrpost_client::Login;
use rohrpost_delivery::{Choose, HostLimits, HostState, Place, Route, RouteHost, Settings, settings::AfterDot};
use rohrpost_mail::{Outcome, Secret};
use rohrpost_queue::SiteKey;
use rohrpost_testkit::{Authority, Dns, Gate, Peer, Script, Sink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::office::{Office, address, route, settings};

fn is_relayed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Relayed
}

/// A port of loopback where nobody listens.
fn nobody() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn office(relay: Route) -> Office {
    Office::open(9, Settings { routes: vec![relay], ..settings() }).await
}

/// What is known of the hosts of the only route.
fn hosts(office: &Office) -> Vec<HostState> {
    office.delivery.routes().remove(0).hosts
}

#[tokio::test]
async fn a_bad_host_is_asked_once_then_passed_over_with_a_word_until_a_probe_finds_it_well() {
    let refuse = Script::new().say("421 4.3.2 Closed for today");
    let preferred = Peer::start([refuse, Script::takes_one(&[])]).await;
    let sink = Sink::start().await;
    let mut office = office(route("relay", &[preferred.address().port(), sink.address().port()])).await;
    let first = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(first, |outcome| matches!(outcome, Outcome::Deferred { .. })).await;
    assert_eq!(record.reply.unwrap().code, 421, "the first message asked it");
    office.outcome(first, is_relayed).await;
    let second = office.send(&["bob@relay.test"]).await;
    let note = office.outcome(second, is_relayed).await.note.unwrap();
    assert!(note.starts_with(&format!("{} passed over, down since ", hosts(&office)[0].place)), "{note}");
    assert!(note.contains("421 4.3.2 Closed for today"), "{note}");
    let states = hosts(&office);
    assert_eq!((states[0].sent, states[0].failed, states[1].sent), (0, 1, 2));
    assert!(states[0].down.is_some() && states[1].down.is_none());

    office.pass(Duration::from_secs(61)).await;
    let third = office.send(&["bob@relay.test"]).await;
    assert_eq!(office.outcome(third, is_relayed).await.note, None, "nobody was passed over");
    assert_eq!(sink.received().len(), 2, "traffic returns to the preferred host");
    assert_eq!((hosts(&office)[0].down.as_ref(), hosts(&office)[0].sent), (None, 1));
}

#[tokio::test]
async fn when_all_hosts_are_down_one_is_asked_all_the_same() {
    let mut office = office(route("relay", &[nobody(), nobody()])).await;
    let first = office.send(&["bob@relay.test"]).await;
    office.deferred(first).await;
    let second = office.send(&["bob@relay.test"]).await;
    let note = office.deferred(second).await.note.unwrap();
    let [asked, other] = [0, 1].map(|at| hosts(&office)[at].place.clone());
    assert!(
        note.starts_with("no connection") && !note.contains(&format!("{asked} passed over")),
        "it was asked: {note}"
    );
    assert!(note.contains(&format!("{other} passed over, down since")), "{note}");
    let last = office.queued().await.remove(1).last.unwrap();
    assert!(!last.contains("passed over"), "the list of the queue is short: {last}");
    assert_eq!(hosts(&office)[0].failed, 2, "the one that was down longest");
}

#[tokio::test]
async fn three_hosts_that_refuse_us_are_no_reason_to_leave_out_the_fourth() {
    let refuse = || Script::new().say("554 5.7.1 No service for you");
    let (one, two) = (Peer::start([refuse()]).await, Peer::start([refuse()]).await);
    let three = Peer::start([refuse()]).await;
    let sink = Sink::start().await;
    let ports = [one.address(), two.address(), three.address(), sink.address()].map(|address| address.port());
    let mut office = office(route("relay", &ports)).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, is_relayed).await;
}

#[tokio::test]
async fn a_refused_log_in_goes_to_the_next_host_and_to_the_operator() {
    let authority = Authority::new();
    let tls = authority.server_tls(&["127.0.0.1"]);
    let strict = Sink::builder().tls(rohrpost_mail::ListenerTls::Required, &tls).login("ann", "secret").start().await;
    let sink = Sink::start().await;
    let mut relay = route("relay", &[strict.address().port(), sink.address().port()]);
    relay.hosts[0].trust = authority.trust();
    relay.hosts[0].login = Some(Login::new("ann", Secret::new("wrong")));
    let mut office = office(relay).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, is_relayed).await;
    let notice = office.filed().await;
    assert!(notice.contains("does not let us log in"), "{notice}");
    assert!(hosts(&office)[0].down.as_ref().unwrap().why.contains("535"), "{:?}", hosts(&office));
}

#[tokio::test]
async fn weights_share_the_mail_out_and_each_host_stands_in_for_the_other() {
    let (heavy, light) = (Sink::start().await, Sink::start().await);
    let mut relay = route("relay", &[light.address().port(), nobody(), heavy.address().port()]);
    relay.choose = Choose::Weighted;
    (relay.hosts[0].weight, relay.hosts[2].weight) = (1, 9);
    let mut office = office(relay).await;
    for _ in 0..60 {
        let id = office.send(&["bob@relay.test"]).await;
        office.outcome(id, is_relayed).await;
    }
    let (heavy, light) = (heavy.received().len(), light.received().len());
    assert_eq!(heavy + light, 60);
    assert!(heavy > 2 * light && light > 0, "{heavy} and {light}");
}

#[tokio::test]
async fn a_host_at_its_limit_leaves_the_rest_to_the_next_or_lets_it_wait() {
    let (asked, go_on) = (Gate::new(), Gate::new());
    let slow = Script::new().greets(&[]).hear("MAIL").signal(&asked).wait_for(&go_on).say("250 OK");
    let script = slow.hear("RCPT").say("250 OK").takes_data().hear("MAIL").say("250 OK").hear("RCPT").say("250 OK");
    let peer = Peer::start([script.takes_data()]).await;
    let sink = Sink::start().await;
    let mut both = route("both", &[peer.address().port(), sink.address().port()]);
    both.hosts[0].limits = HostLimits { concurrency: Some(1), rate: None };
    let mut office = office(both).await;
    let first = office.send(&["bob@both.test"]).await;
    asked.passed().await;
    let second = office.send(&["bob@both.test"]).await;
    office.outcome(second, is_relayed).await;
    assert_eq!(sink.received().len(), 1, "the second did not wait");
    go_on.open();
    office.outcome(first, is_relayed).await;
}

#[tokio::test]
async fn mail_waits_for_the_only_host_that_is_at_its_limit() {
    let (asked, go_on) = (Gate::new(), Gate::new());
    let slow = Script::new().greets(&[]).hear("MAIL").signal(&asked).wait_for(&go_on).say("250 OK");
    let again = slow.hear("RCPT").say("250 OK").takes_data().hear("MAIL").say("250 OK").hear("RCPT").say("250 OK");
    let peer = Peer::start([again.takes_data()]).await;
    let mut alone = route("alone", &[peer.address().port()]);
    alone.hosts[0].limits = HostLimits { concurrency: Some(1), rate: None };
    let mut office = office(alone).await;
    let first = office.send(&["bob@alone.test"]).await;
    asked.passed().await;
    let second = office.send(&["bob@alone.test"]).await;
    go_on.open();
    office.outcome(first, is_relayed).await;
    office.outcome(second, is_relayed).await;
    let records = office.store.records_of(second).await.unwrap();
    assert!(!records.iter().any(|record| matches!(record.outcome, Outcome::Deferred { .. })), "{records:?}");
}

#[tokio::test]
async fn the_hosts_that_dns_names_are_a_way_like_any_other() {
    let sink = Sink::start().await;
    let dns = Dns::for_domain("relay.test").await;
    let mut relay = route("relay", &[nobody()]);
    relay.hosts.push(RouteHost::new(Place::Mx));
    let settings = Settings { routes: vec![relay], ..settings() };
    let resolver = dns.resolver(sink.address().port());
    let mut office = Office::with(resolver, settings, rohrpost_queue::Settings::default()).await;
    let id = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(id, is_relayed).await;
    assert_eq!((record.route.as_str(), sink.messages(1).await.len()), ("relay", 1));
    assert_eq!(hosts(&office)[1].place, "mx");
    drop(dns);
}

#[tokio::test]
async fn one_dead_destination_does_not_close_a_route_to_all_of_them() {
    let dns = Dns::for_domain("relay.test").await;
    let settings = Settings { routes: vec![Route::new("relay", vec![RouteHost::new(Place::Mx)])], ..settings() };
    let mut office = Office::with(dns.resolver(nobody()), settings, rohrpost_queue::Settings::default()).await;
    for _ in 0..12 {
        let id = office.send(&["bob@relay.test"]).await;
        office.deferred(id).await;
    }
    assert_eq!(office.queue.closed_for(&SiteKey::new("relay", "relay.test")), None);
    assert_eq!(hosts(&office)[0].down, None);
    drop(dns);
}

#[tokio::test]
async fn a_route_has_its_own_name_and_its_own_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut relay = route("relay", &[listener.local_addr().unwrap().port()]);
    relay.ehlo_name = Some("out.here.test".parse().unwrap());
    relay.sources.v4 = Some([127, 0, 0, 2].into());
    let office = office(relay).await;
    office.send(&["bob@relay.test"]).await;
    let (mut stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip().to_string(), "127.0.0.2");
    stream.write_all(b"220 mx\r\n").await.unwrap();
    let mut hello = [0; 20];
    stream.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"EHLO out.here.test\r\n");
}

#[tokio::test]
async fn a_host_of_the_other_family_is_not_asked() {
    let sink = Sink::start().await;
    let mut relay = route("relay", &[sink.address().port()]);
    relay.sources.v6 = Some("::1".parse().unwrap());
    let mut office = office(relay).await;
    let id = office.send(&["bob@relay.test"]).await;
    let note = office.deferred(id).await.note.unwrap();
    assert!(note.contains("has no address of the family of source_address"), "{note}");
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_lost_reply_to_the_final_dot_takes_no_other_host() {
    let lost = Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("250 OK").hear("DATA");
    let peer = Peer::start([lost.say("354 Go ahead").hear_message().close()]).await;
    let sink = Sink::start().await;
    let relay = route("relay", &[peer.address().port(), sink.address().port()]);
    let mut office = office(Route { after_dot: AfterDot::Hold, ..relay }).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, |outcome| *outcome == Outcome::PossiblyDuplicated).await;
    assert!(sink.received().is_empty());
    assert_eq!(office.queued().await[0].recipient.recipient.address, address("bob@relay.test"));
}
