//! Connections that end where it hurts.

use std::time::Duration;

use rohrpost_delivery::{AfterDot, Route, Settings};
use rohrpost_mail::Outcome;
use rohrpost_store::{Filter, Verb, queue::State};
use rohrpost_testkit::{Peer, Script};

use crate::office::{Office, route, settings};

fn loses_the_dot() -> Script {
    Script::new()
        .greets(&[])
        .hear("MAIL")
        .say("250 OK")
        .hear("RCPT")
        .say("250 OK")
        .hear("DATA")
        .say("354 Go")
        .hear_message()
        .close()
}

fn with_route(port: u16, after_dot: AfterDot) -> Settings {
    Settings { routes: vec![Route { after_dot, ..route("relay", &[port]) }], ..settings() }
}

/// C08: after the dot nobody knows; the default sends again and says so.
#[tokio::test]
async fn a_c08_a_connection_lost_after_the_dot_is_tried_again_and_told() {
    let peer = Peer::start([loses_the_dot(), Script::takes_one(&[])]).await;
    let mut office = Office::open(9, with_route(peer.address().port(), AfterDot::Retry)).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, |outcome| *outcome == Outcome::PossiblyDuplicated).await;
    office.deferred(id).await;
    office.pass(Duration::from_secs(500)).await;
    office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
    let heard = peer.heard();
    let id_of = |text: &String| text.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
    assert_eq!(id_of(&heard[0]), id_of(&heard[1]), "the same message, for whoever removes duplicates");
}

#[tokio::test]
async fn a_c08_a_route_may_rather_hold_or_rather_lose() {
    let peer = Peer::start([loses_the_dot(), Script::takes_one(&[])]).await;
    let mut office = Office::open(9, with_route(peer.address().port(), AfterDot::Hold)).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.outcome(id, |outcome| *outcome == Outcome::Noted { what: "held".into() }).await;
    assert_eq!(office.queued().await[0].recipient.state, State::Held);
    let filter = Filter { ids: vec![id], ..Filter::default() };
    assert_eq!(office.queue.operate(filter, Verb::Release, "uid 0".into()).await.unwrap(), 1);
    office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;

    let peer = Peer::start([loses_the_dot()]).await;
    let mut office = Office::open(9, with_route(peer.address().port(), AfterDot::AssumeDelivered)).await;
    let id = office.send(&["bob@relay.test"]).await;
    let record = office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
    assert!(record.note.unwrap().contains("assumes"));
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn a_c08_a_connection_lost_within_the_message_is_simply_tried_again() {
    let cut = Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("250 OK").hear("DATA").close();
    let peer = Peer::start([cut, Script::takes_one(&[])]).await;
    let mut office = Office::open(9, with_route(peer.address().port(), AfterDot::Hold)).await;
    let id = office.send(&["bob@relay.test"]).await;
    office.deferred(id).await;
    office.pass(Duration::from_secs(500)).await;
    office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
}

/// C09: a server that says 421, wherever, is left for the next one.
#[tokio::test]
async fn a_c09_a_421_in_any_stage_leads_to_the_next_host() {
    let stages: [fn() -> Script; 5] = [
        || Script::new().say("421 4.3.2 Going down").close(),
        || Script::new().say("220 mx").hear("EHLO").say("421 4.3.2 Going down").close(),
        || Script::new().greets(&[]).hear("MAIL").say("421 4.3.2 Going down").close(),
        || Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("421 4.3.2 Going down").close(),
        || {
            let rcpt = Script::new().greets(&[]).hear("MAIL").say("250 OK").hear("RCPT").say("250 OK");
            rcpt.hear("DATA").say("421 4.3.2 Going down").close()
        },
    ];
    for (at, stage) in stages.into_iter().enumerate() {
        let (busy, free) = (Peer::start([stage()]).await, Peer::start([Script::takes_one(&[])]).await);
        let relay = route("relay", &[busy.address().port(), free.address().port()]);
        let mut office = Office::open(9, Settings { routes: vec![relay], ..settings() }).await;
        let id = office.send(&["bob@relay.test"]).await;
        office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
        let records = office.store.records_of(id).await.unwrap();
        let first = records.iter().find(|record| matches!(record.outcome, Outcome::Deferred { .. })).unwrap();
        assert_eq!(first.reply.as_ref().map(|reply| reply.code), Some(421), "stage {at}");
    }
}

/// C09: a connection that was kept and has died is replaced without a word.
#[tokio::test]
async fn a_c09_a_kept_connection_that_says_421_is_replaced_silently() {
    let first = Script::takes_one(&[]).hear("").say("421 4.4.2 Idle for too long").close();
    let peer = Peer::start([first, Script::takes_one(&[])]).await;
    let mut office = Office::open(9, with_route(peer.address().port(), AfterDot::Retry)).await;
    for _ in 0..2 {
        let id = office.send(&["bob@relay.test"]).await;
        office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
        let records = office.store.records_of(id).await.unwrap();
        assert!(records.iter().all(|record| !matches!(record.outcome, Outcome::Deferred { .. })), "{records:#?}");
    }
}
