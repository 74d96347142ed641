use rohrpost_client::Login;
use rohrpost_mail::{Host, Secret};

use super::*;
use crate::settings::{HostLimits, Place};

const MINUTE: Duration = Duration::from_mins(1);

fn host(name: &str) -> RouteHost {
    RouteHost::new(Place::Host(Host::parse(name).unwrap(), 25))
}

fn route(hosts: Vec<RouteHost>) -> Route {
    Route::new("out", hosts)
}

fn start() -> Now {
    Now { wall: Timestamp::from_second(1_800_000_000).unwrap(), steady: Instant::now() }
}

fn after(now: Now, time: Duration) -> Now {
    Now { wall: now.wall + time, steady: now.steady + time }
}

fn fails(hosts: &Hosts, route: &Route, now: Now) -> Option<Turned> {
    hosts.admit(route, &route.hosts[0], now).unwrap().end(Fared::Unusable("refused".into()), now)
}

fn is_down(hosts: &Hosts, route: &Route, now: Now) -> bool {
    matches!(hosts.admit(route, &route.hosts[0], now), Err(Refusal::Down(_)))
}

fn works(hosts: &Hosts, route: &Route, now: Now) {
    let turn = hosts.admit(route, &route.hosts[0], now).unwrap();
    assert_eq!(turn.end(Fared::Answered { took: true, failed: false, link: Link::Local }, now), None);
}

fn state(hosts: &Hosts, route: &Route, now: Now) -> HostState {
    let settings = Settings {
        routes: vec![route.clone()],
        ..Settings::new("mx.here.test".parse().unwrap(), "ann@here.test".parse().unwrap())
    };
    hosts.report(&settings, now).remove(0).hosts.remove(0)
}

#[test]
fn a_host_that_failed_is_passed_over_then_one_message_tries_it_and_traffic_returns() {
    let (hosts, route, now) = (Hosts::default(), route(vec![host("a.test")]), start());
    assert_eq!(fails(&hosts, &route, now), Some(Turned::Down));
    assert!(is_down(&hosts, &route, after(now, Duration::from_secs(59))));
    let later = after(now, MINUTE);
    let probe = hosts.admit(&route, &route.hosts[0], later).unwrap();
    assert!(is_down(&hosts, &route, later), "one only");
    assert_eq!(probe.end(Fared::Answered { took: false, failed: true, link: Link::Local }, later), Some(Turned::Up));
    works(&hosts, &route, later);
    let state = state(&hosts, &route, later);
    assert_eq!((state.down, state.sent, state.failed, state.last_success), (None, 1, 2, Some(later.wall)));
}

#[test]
fn each_failed_probe_doubles_the_wait_up_to_a_quarter_of_an_hour() {
    let (hosts, route, mut now) = (Hosts::default(), route(vec![host("a.test")]), start());
    let mut waits = Vec::new();
    for _ in 0..6 {
        fails(&hosts, &route, now);
        let next = state(&hosts, &route, now).down.unwrap().next_probe;
        let wait = Duration::try_from(next.duration_since(now.wall)).unwrap();
        waits.push(wait.as_secs() / 60);
        now = after(now, wait);
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
}

#[test]
fn many_that_find_out_at_once_do_not_lengthen_the_wait() {
    let (hosts, route, now) = (Hosts::default(), route(vec![host("a.test")]), start());
    let turns = [(); 9].map(|()| hosts.admit(&route, &route.hosts[0], now).unwrap());
    let went_down = turns.map(|turn| turn.end(Fared::Unusable("refused".into()), now));
    assert_eq!(went_down.iter().flatten().count(), 1);
    assert!(!is_down(&hosts, &route, after(now, MINUTE)));
}

#[test]
fn a_probe_that_comes_to_nothing_leaves_room_for_another() {
    let (hosts, route, now) = (Hosts::default(), route(vec![host("a.test")]), start());
    fails(&hosts, &route, now);
    let later = after(now, MINUTE);
    drop(hosts.admit(&route, &route.hosts[0], later).unwrap());
    assert!(hosts.admit(&route, &route.hosts[0], later).is_ok());
}

#[test]
fn the_operator_may_ask_for_a_probe_and_the_last_resort_needs_none() {
    let (hosts, route, now) = (Hosts::default(), route(vec![host("a.test")]), start());
    fails(&hosts, &route, now);
    drop(hosts.insist(&route, &route.hosts[0], now));
    assert_eq!(hosts.down_since(&route, &route.hosts[0]), Some(now.wall));
    hosts.probe("other", now);
    assert!(is_down(&hosts, &route, now));
    hosts.probe("out", now);
    assert!(!is_down(&hosts, &route, now));
}

#[test]
fn a_host_is_asked_no_faster_and_by_no_more_than_it_allows() {
    let mut one = host("a.test");
    one.limits = HostLimits { rate: Some("60/min".parse().unwrap()), concurrency: Some(1) };
    let (hosts, route, now) = (Hosts::default(), route(vec![one]), start());
    let turn = hosts.admit(&route, &route.hosts[0], now).unwrap();
    assert!(matches!(hosts.admit(&route, &route.hosts[0], now), Err(Refusal::Busy(None))));
    drop(turn);
    for _ in 0..6 {
        drop(hosts.admit(&route, &route.hosts[0], now).unwrap());
    }
    let Err(Refusal::Busy(Some(free_at))) = hosts.admit(&route, &route.hosts[0], now) else { panic!("too fast") };
    assert_eq!(free_at - now.steady, Duration::from_secs(1));
}

#[test]
fn two_accounts_at_one_host_fare_each_for_itself() {
    let account = |user| RouteHost { login: Some(Login::new(user, Secret::new("x"))), ..host("a.test") };
    let (hosts, route, now) = (Hosts::default(), route(vec![account("ann"), account("bob")]), start());
    fails(&hosts, &route, now);
    assert!(is_down(&hosts, &route, now));
    assert!(hosts.admit(&route, &route.hosts[1], now).is_ok());
}

#[test]
fn a_reload_keeps_what_is_known_of_hosts_that_stay() {
    let (hosts, route, now) = (Hosts::default(), route(vec![host("a.test")]), start());
    fails(&hosts, &route, now);
    let mut settings = Settings::new("mx.here.test".parse().unwrap(), "ann@here.test".parse().unwrap());
    settings.routes = vec![route.clone()];
    hosts.keep(&settings);
    assert!(is_down(&hosts, &route, now));
    settings.routes[0].hosts = vec![host("b.test")];
    hosts.keep(&settings);
    assert!(!is_down(&hosts, &route, now));
}
