//! Nothing is lost and no UID comes back: the server is killed while several clients change mailboxes, again and again.

mod client;
mod watcher;
mod worker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use self::client::Client;
use self::watcher::Watcher;
use self::worker::{Mail, Mails, Worker, number_of};
use crate::peers::log::Log;
use crate::peers::{DEADLINE, Installation, free_address};

/// How often the server is killed where `ROHRPOST_KILLS` does not say.
const KILLS: u32 = 20;
/// Clients at work.
const WORKERS: u32 = 4;
const INBOX: &str = "INBOX";
const ARCHIVE: &str = "Archive";
const MAILBOXES: [&str; 2] = [INBOX, ARCHIVE];

/// A running server; dropped, it is killed (SIGKILL).
struct Server(Child);

impl Server {
    fn start(installation: &Installation) -> Self {
        let (output, input) = std::io::pipe().expect("a pipe can be made");
        let mut command = installation.command();
        let child = command.arg("serve").stderr(input).spawn().expect("it is built");
        drop(command);
        Log::follow("rohrpost serve", output).wait_for("ready");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mailbox as somebody sees it who knows nothing yet.
struct Seen {
    uid_validity: u64,
    uid_next: u64,
    modseq: u64,
    mails: BTreeMap<u32, Mail>,
}

impl Seen {
    fn of(client: &mut Client, mailbox: &str) -> Self {
        let selected = client.ask(&format!("SELECT {mailbox}")).expect("the server runs");
        let number = |behind| selected.iter().find_map(|answer| answer.number(behind)).expect("SELECT says it");
        let (uid_validity, uid_next) = (number("[UIDVALIDITY "), number("[UIDNEXT "));
        let modseq = number("[HIGHESTMODSEQ ");
        let fetched = client.ask("UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])").expect("the server runs");
        let mail = |answer: &client::Answer| {
            let (uid, flags) = answer.fetched()?;
            assert!(u64::from(uid) < uid_next && answer.number("MODSEQ (").is_some_and(|it| it <= modseq));
            Some((uid, Mail { number: number_of(&answer.literal), flags }))
        };
        Self { uid_validity, uid_next, modseq, mails: fetched.iter().filter_map(mail).collect() }
    }
}

/// What may never change any more, or never go back.
#[derive(Default)]
struct History {
    uid_validity: BTreeMap<&'static str, u64>,
    uid_next: BTreeMap<&'static str, u64>,
    modseq: BTreeMap<&'static str, u64>,
    /// What each UID names that there ever was.
    names: BTreeMap<worker::Place, u32>,
}

impl History {
    fn name(&mut self, place: worker::Place, number: u32) {
        let first = *self.names.entry(place).or_insert(number);
        assert_eq!(first, number, "{place:?} names two messages");
    }

    /// Takes what a worker was told, and then what the server said after the kill.
    fn go_on(&mut self, workers: &mut [Worker], seen: &BTreeMap<&'static str, Seen>) {
        for worker in workers {
            worker.told.drain(..).for_each(|(place, number)| self.name(place, number));
            for (mailbox, told) in &worker.modseq {
                assert!(*told <= seen[mailbox].modseq, "{mailbox}: MODSEQ {told} was told before");
            }
        }
        for (mailbox, seen) in seen {
            seen.mails.iter().for_each(|(uid, mail)| self.name((mailbox, *uid), mail.number));
            let last =
                self.names.range((*mailbox, 0)..=(*mailbox, u32::MAX)).next_back().map_or(0, |(place, _)| place.1);
            assert!(u64::from(last) < seen.uid_next, "{mailbox}: UID {last} would be given again");
            assert_eq!(*self.uid_validity.entry(mailbox).or_insert(seen.uid_validity), seen.uid_validity, "{mailbox}");
            let next = self.uid_next.insert(mailbox, seen.uid_next).unwrap_or(0);
            let modseq = self.modseq.insert(mailbox, seen.modseq).unwrap_or(0);
            assert!(next <= seen.uid_next && modseq <= seen.modseq, "{mailbox}: UIDNEXT {next}, MODSEQ {modseq}");
        }
    }
}

/// Lets the workers work until so many steps are acknowledged, and kills the server. How many were it is the result.
fn kill_under_load(server: Server, address: SocketAddr, workers: &mut [Worker], round: u32) -> usize {
    let clients: Vec<_> = workers.iter().map(|_| Client::log_in(address).expect("the server runs")).collect();
    let (killed, wanted) = (AtomicBool::new(false), usize::try_from(5 + round * 7 % 41).expect("it is small"));
    thread::scope(|scope| {
        let (done, steps) = mpsc::channel();
        for (number, (worker, client)) in workers.iter_mut().zip(clients).enumerate() {
            let (done, killed, here) = (done.clone(), &killed, MAILBOXES[(number + wanted) % 2]);
            scope.spawn(move || worker.work(client, here, killed, &done));
        }
        drop(done);
        (0..wanted).for_each(|_| steps.recv_timeout(DEADLINE).expect("the workers go on"));
        // What holds must hold at every moment: how far they really come meanwhile decides nothing.
        (0..round * 7_919 % 401).for_each(|_| thread::yield_now());
        killed.store(true, Ordering::SeqCst);
        drop(server);
        wanted + steps.iter().count()
    })
}

/// Compares what there is with what everybody knows.
fn check(address: SocketAddr, workers: &mut [Worker], watchers: &mut [Watcher], history: &mut History, round: u32) {
    let mut client = Client::log_in(address).expect("the server runs");
    let seen: BTreeMap<_, _> = MAILBOXES.map(|mailbox| (mailbox, Seen::of(&mut client, mailbox))).into();
    history.go_on(workers, &seen);
    let all = seen.iter().flat_map(|(mailbox, seen)| seen.mails.iter().map(|(uid, mail)| ((*mailbox, *uid), mail)));
    let all: Mails = all.map(|(place, mail)| (place, mail.clone())).collect();
    for worker in workers {
        worker.resume(&all);
    }
    for watcher in watchers.iter_mut().filter(|watcher| round.is_multiple_of(watcher.rounds)) {
        watcher.resync(&mut client, &seen);
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_acknowledged_and_gives_no_uid_twice() {
    let kills = std::env::var("ROHRPOST_KILLS").map_or(KILLS, |kills| kills.parse().expect("it is a number"));
    let address = free_address();
    let listener = format!(
        "[[listener]]\nname = 'imap'\nprotocol = 'imap'\naddress = '{address}'\ntls = 'offered'\nauth.clear = true\n"
    );
    // Nothing is sent to other hosts here, so nobody needs to answer for them.
    let installation = Installation::new(free_address(), 25, "", &listener);
    let mut workers: Vec<_> = (0..WORKERS).map(Worker::new).collect();
    let (mut watchers, mut history) = ([Watcher::new(1, false), Watcher::new(3, true)], History::default());
    let (mut server, mut acknowledged) = (Server::start(&installation), 0);
    for round in 0..kills {
        acknowledged += kill_under_load(server, address, &mut workers, round);
        server = Server::start(&installation);
        check(address, &mut workers, &mut watchers, &mut history, round);
    }
    let [unheard, done] = [0, 1].map(|index| workers.iter().map(|worker| worker.unheard[index]).sum::<usize>());
    println!("{kills} kills, {acknowledged} steps acknowledged, 0 lost; {unheard} not answered, {done} of them done");
}
