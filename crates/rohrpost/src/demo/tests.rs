use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use rohrpost_mail::{DeliveryRecord, Envelope, Outcome, Seal};
use rohrpost_server::submit::{Options, Submission, SubmitAnswer, To, submit};
use rohrpost_store::Filter;

use super::{world, world::World};
use crate::{
    cli,
    control::{Answer, BodyOf, Request, VerbWord},
    door::Door,
};

fn command(hold: bool) -> cli::Demo {
    cli::Demo { once: true, json: false, hold, relay_to: None }
}

async fn start(dir: &Path, hold: bool) -> World {
    let plan = world::plan(dir, &command(hold)).unwrap();
    World::start(plan, &command(hold)).await.unwrap()
}

/// Asks as a command would, through the control socket.
async fn ask(dir: &Path, request: Request) -> Answer {
    let place = cli::Place { config: None, dir: Some(dir.to_owned()) };
    let question = async move { Door::find(&place).unwrap().ask(request).await.unwrap() };
    // The asking end blocks, as commands may; the server answers on the other threads.
    tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(question)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_from_here_to_there_and_every_hop_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = start(dir.path(), false).await;
    world.send_first().await.unwrap();
    let [here, there] = world.follow_first().await.unwrap();
    let seals: Vec<_> = here.records.iter().map(DeliveryRecord::seal).collect();
    assert_eq!(seals, [Some(Seal::Encrypted), Some(Seal::Verified)]);
    assert!(matches!(&there.records[1].outcome, Outcome::Filed { mailbox } if mailbox == "bob@there.test/INBOX"));
    assert!(here.waiting.is_empty() && there.waiting.is_empty());

    let id = there.id;
    let request = Request::MailboxList { account: "bob@there.test".parse().unwrap(), folder: "INBOX".into(), after: 0 };
    let Answer::Mailbox(mails) = ask(&dir.path().join("there"), request).await else { panic!("a mailbox") };
    assert_eq!((mails[0].id, mails[0].subject.as_str()), (Some(id), "A letter by pneumatic post"));
    let of = BodyOf::Filed { account: "bob@there.test".parse().unwrap(), folder: "INBOX".into(), id };
    let Answer::Piece(piece) = ask(&dir.path().join("there"), Request::Body { of, from: 0 }).await else {
        panic!("a body")
    };
    let text = String::from_utf8(piece.bytes).unwrap();
    assert!(text.contains("this letter came through a sealed tube."), "{text}");
    assert_eq!(text.len() as u64, piece.octets);
    world.stop().await;
}

/// Runs one life of a process: whatever still runs at its end is gone.
fn live<T>(life: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(life)
}

/// How safe the last hop of bob's mail was.
async fn last_seal(dir: &Path) -> Option<Seal> {
    let request = Request::Trace { query: "bob@there.test".to_owned(), limit: 1 };
    let Answer::Traces(traces) = ask(dir, request).await else { panic!("a trace") };
    traces[0].records.last().and_then(DeliveryRecord::seal)
}

#[test]
fn held_mail_survives_a_restart_and_then_goes() {
    let dir = tempfile::tempdir().unwrap();
    let count = Request::QueueApply { filter: Filter::default(), verb: VerbWord::Retry, count_only: true };
    let password = live(async {
        let held = start(dir.path(), true).await;
        held.send_first().await.unwrap();
        assert!(matches!(ask(dir.path(), count.clone()).await, Answer::Count(1)));
        let list = Request::QueueList { filter: Filter::default(), after: None, limit: 9 };
        let Answer::Queue(rows) = ask(dir.path(), list).await else { panic!("the queue was asked for") };
        let table = crate::view::queue::list(&rows, rows[0].due);
        assert!(table.contains("held, like all that leaves"), "{table}");
        let password = held.facts().password.clone();
        held.stop().await;
        password
    });
    let waiting = live(ask(dir.path(), count));
    assert!(matches!(waiting, Answer::Count(1)), "the store answers when no server runs");
    live(async {
        let again = start(dir.path(), false).await;
        assert_eq!(again.facts().password, password);
        // The mail goes as soon as the server runs, maybe before anybody could listen for its record.
        while last_seal(dir.path()).await != Some(Seal::Verified) {
            tokio::task::yield_now().await;
        }
        again.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_this_host_hands_its_mail_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = start(dir.path(), false).await;
    let options = Options {
        envelope: Envelope { reverse_path: "ann@here.test".parse().unwrap(), ..Envelope::default() },
        recipients: vec![To::new("bob@there.test")],
        ..Options::default()
    };
    let (socket, submission) = (world.facts().submit.clone(), Submission::new(options));
    let answer =
        tokio::task::spawn_blocking(move || submit(Path::new(&socket), &submission, &b"Subject: x\n\nx\n"[..]));
    let answer = answer.await.unwrap();
    assert!(matches!(answer, SubmitAnswer::Accepted(_)), "{answer:?}");
    let [here, _] = world.follow_first().await.unwrap();
    assert_eq!(here.records[0].route, "submit");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_one_page_and_nothing_else_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = start(dir.path(), false).await;
    world.send_first().await.unwrap();
    world.follow_first().await.unwrap();
    let address = world.facts().metrics.clone();
    let get = move |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    };
    let (page, missing) = tokio::task::spawn_blocking(move || (get("/metrics"), get("/"))).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("rohrpost_messages_received_total 1\n"), "{page}");
    assert!(page.contains("rohrpost_seals_total{seal=\"verified\"} 1\n"), "{page}");
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_not_sent_by_a_route_that_does_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let world = start(dir.path(), true).await;
    let verb = VerbWord::Route("nowhere".into());
    let request = Request::QueueApply { filter: Filter::default(), verb, count_only: true };
    let place = cli::Place { config: None, dir: Some(dir.path().to_owned()) };
    let question = async move { Door::find(&place).unwrap().ask(request).await.unwrap_err() };
    let error = tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(question));
    assert_eq!(error.await.unwrap().to_string(), "there is no route \"nowhere\"; there are local, mx");
    world.stop().await;
}

#[test]
fn what_is_no_relay_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for relay_to in ["relay.test:port", "relay.test:25,tls=maybe", "unix:/run/x.sock", ""] {
        let demo = cli::Demo { relay_to: Some(relay_to.into()), ..command(false) };
        assert!(world::plan(dir.path(), &demo).is_err(), "{relay_to}");
    }
}
