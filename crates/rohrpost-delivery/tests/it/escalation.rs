//! "After so many attempts by the other route", and redirected bounces.

use std::time::Duration;

use rohrpost_delivery::{Route, Settings, settings::Escalation};
use rohrpost_mail::{Outcome, QueueId};
use rohrpost_queue::{GateLimits, RouteSettings, Schedule};
use rohrpost_testkit::{Dns, Peer, Script, Sink};

use crate::office::{Office, address, route, settings};

/// A port that nobody listens at.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A route that gives up after so many tries and names the route `second`.
fn first(port: u16, after_tries: u32) -> Route {
    let escalation = Some(Escalation { after_tries, then: "second".into() });
    Route { escalation, ..route("first", &[port]) }
}

fn with(first: Route, second: u16) -> Settings {
    Settings { routes: vec![first, route("second", &[second])], ..settings() }
}

fn is_deferred(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deferred { .. })
}

async fn relayed(office: &mut Office, id: QueueId) -> rohrpost_mail::DeliveryRecord {
    office.outcome(id, |outcome| *outcome == Outcome::Relayed).await
}

#[tokio::test]
async fn after_so_many_tries_a_recipient_takes_the_other_route_at_once_and_the_record_says_why() {
    let sink = Sink::start().await;
    let mut office = Office::open(9, with(first(closed_port(), 2), sink.address().port())).await;
    let id = office.send(&["bob@first.test"]).await;
    let record = office.deferred(id).await;
    assert_eq!((record.route.as_str(), record.attempt), ("first", 1));
    office.pass(Duration::from_secs(500)).await;
    let last = office.outcome(id, is_deferred).await;
    assert_eq!((last.route.as_str(), last.attempt), ("first", 2));
    assert_eq!(last.outcome, Outcome::Deferred { until: last.at }, "at once");
    let noted = office.outcome(id, |outcome| matches!(outcome, Outcome::Noted { .. })).await;
    assert_eq!(noted.outcome, Outcome::Noted { what: "goes by second from now on".into() });
    assert_eq!(noted.note.as_deref(), Some("2 failed attempts by first"));
    let record = relayed(&mut office, id).await;
    assert_eq!((record.route.as_str(), record.attempt), ("second", 1));
    assert_eq!(sink.messages(1).await[0].recipients, ["bob@first.test"]);
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn the_other_route_counts_its_tries_anew_and_the_lifetime_goes_on() {
    let mut office = Office::open(9, with(first(closed_port(), 1), closed_port())).await;
    let id = office.send(&["bob@first.test"]).await;
    let expires = office.queued().await[0].recipient.expires;
    let noted = office.outcome(id, |outcome| matches!(outcome, Outcome::Noted { .. })).await;
    assert_eq!(noted.note.as_deref(), Some("1 failed attempt by first"));
    let record = office.deferred(id).await;
    assert_eq!((record.route.as_str(), record.attempt), ("second", 1));
    let row = office.queued().await.remove(0).recipient;
    assert_eq!((row.route.as_str(), row.attempts, row.expires), ("second", 1, expires));
}

#[tokio::test]
async fn a_message_that_may_have_arrived_does_not_go_by_a_second_way_as_well() {
    let script = Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("250 OK").hear("DATA");
    let peer = Peer::start([script.say("354 Go").hear_message().close()]).await;
    let mut office = Office::open(9, with(first(peer.address().port(), 1), closed_port())).await;
    let id = office.send(&["bob@first.test"]).await;
    office.outcome(id, |outcome| *outcome == Outcome::PossiblyDuplicated).await;
    office.deferred(id).await;
    let row = office.queued().await.remove(0).recipient;
    assert_eq!((row.route.as_str(), row.attempts), ("first", 1));
}

/// Ten connections that fail in a row close a gate, and behind a closed gate nobody counts attempts.
#[tokio::test]
async fn a_crowd_behind_a_dead_route_takes_the_other_one() {
    const CROWD: usize = 25;
    let sink = Sink::start().await;
    let limits = GateLimits { closes: false, ..GateLimits::default() };
    let routes = [("first".to_owned(), RouteSettings { limits, ..RouteSettings::default() })].into();
    let queue = rohrpost_queue::Settings { routes, ..rohrpost_queue::Settings::default() };
    let resolver = Dns::for_domain("there.test").await.resolver(9);
    let office = Office::with(resolver, with(first(closed_port(), 1), sink.address().port()), queue).await;
    for _ in 0..CROWD {
        office.send(&["bob@first.test"]).await;
    }
    tokio::time::timeout(Duration::from_secs(20), sink.messages(CROWD)).await.expect("some are left behind");
}

#[tokio::test]
async fn a_route_has_intervals_and_a_lifetime_of_its_own() {
    const MINUTE: Duration = Duration::from_mins(1);
    let schedule = Schedule { first: MINUTE, spread_percent: 0, lifetime: 3 * MINUTE, ..Schedule::default() };
    let routes = [("dead".to_owned(), RouteSettings { schedule, ..RouteSettings::default() })].into();
    let queue = rohrpost_queue::Settings { routes, ..rohrpost_queue::Settings::default() };
    let resolver = Dns::for_domain("there.test").await.resolver(9);
    let routes = vec![route("dead", &[closed_port()]), route("other", &[closed_port()])];
    let mut office = Office::with(resolver, Settings { routes, ..settings() }, queue).await;
    let id = office.send(&["bob@dead.test", "bob@other.test"]).await;
    let lifetimes = office.queued().await.into_iter().map(|listed| listed.recipient);
    let lifetimes = lifetimes.map(|row| row.expires.duration_since(row.created).as_mins());
    assert_eq!(lifetimes.collect::<Vec<_>>(), [3, 5 * 24 * 60]);
    let record = office.outcome(id, is_deferred).await;
    let record = if record.route == "dead" { record } else { office.outcome(id, is_deferred).await };
    assert_eq!(record.outcome, Outcome::Deferred { until: record.at + jiff::SignedDuration::from_mins(1) });
}

#[tokio::test]
async fn in_redirect_mode_a_bounce_goes_where_everything_goes_and_names_its_addressee() {
    let all_to = Some(address("ann@here.test"));
    let mut office = Office::open(9, Settings { redirect_all_to: all_to, ..settings() }).await;
    let to = rohrpost_mail::Recipient::new(address("nobody@here.test"));
    office.submit("eve@elsewhere.test", vec![to], crate::office::TEXT).await;
    let bounce = office.filed().await;
    let start = "Return-Path: <>\r\nDelivered-To: ann@here.test\r\nX-Rohrpost-Original-To: eve@elsewhere.test\r\n";
    assert!(bounce.starts_with(start), "{bounce}");
    assert!(bounce.contains("\r\nTo: eve@elsewhere.test\r\n"), "{bounce}");
}

#[tokio::test]
async fn in_redirect_mode_the_operator_still_hears_of_a_dead_route() {
    let peer = Peer::start([Script::new().say("554 5.7.1 No service for you")]).await;
    let redirect_all_to = Some(address("testers@elsewhere.test"));
    let routes = vec![route("alone", &[peer.address().port()])];
    let mut office = Office::open(9, Settings { redirect_all_to, routes, ..settings() }).await;
    office.send(&["bob@alone.test"]).await;
    let notice = office.filed().await;
    assert!(notice.contains("Subject: Nothing goes over the route alone"), "{notice}");
    assert!(!notice.contains("X-Rohrpost-Original-To"), "{notice}");
}
