//! Q02 with a real disk: it fills up while mail comes in, and is emptied again.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::Target;
use crate::peers::rohrpost::ANN;
use crate::peers::{DEADLINE, Dialogue};

/// Sessions that send without a pause.
const SENDERS: usize = 4;
/// Replies of a kind that each of them must have got before the test goes on.
const ENOUGH: usize = 5;

/// A small disk below the data of an installation, seen by this thread and what it starts from now on. It goes with the
/// last of them.
struct SmallDisk {
    filler: PathBuf,
}

impl SmallDisk {
    /// Puts it there, with all that is there already.
    fn below(data: &Path) -> Self {
        let aside = data.with_extension("aside");
        copy(data, &aside);
        unshare(CloneFlags::CLONE_NEWNS).expect("only root can mount a disk: run the tests as root");
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("mounts can be kept to ourselves");
        mount(Some("none"), data, Some("tmpfs"), MsFlags::empty(), Some("size=96m,mode=700"))
            .expect("it can be mounted");
        copy(&aside.join("."), data);
        Self { filler: data.join("filler") }
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut filler = File::create(&self.filler).expect("there is room");
        // What does not fit as a large piece may as a small one.
        for octets in [1 << 20, 1 << 12] {
            let error = (0..).find_map(|_| filler.write_all(&vec![0; octets]).err());
            assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::StorageFull));
        }
    }

    /// Makes room again.
    fn empty(&self) {
        std::fs::remove_file(&self.filler).expect("it was filled");
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp is there");
    assert!(status.success(), "cp: {status}");
}

/// A session that sends one message after the other.
struct Sender {
    progress: Arc<Progress>,
    thread: JoinHandle<Sent>,
}

/// What others may know of it while it sends.
#[derive(Default)]
struct Progress {
    taken: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

/// What came of its messages.
#[derive(Default)]
struct Sent {
    /// Subjects of those that we are answerable for.
    taken: Vec<String>,
    /// Subjects of the others, with the reply that each got.
    refused: Vec<(String, String)>,
}

impl Sender {
    fn start(number: usize, server: SocketAddr) -> Self {
        let progress = Arc::<Progress>::default();
        let shared = progress.clone();
        let thread = std::thread::spawn(move || send(number, server, &shared));
        Self { progress, thread }
    }

    fn stop(self) -> Sent {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the server goes on talking to it")
    }
}

fn send(number: usize, server: SocketAddr, progress: &Progress) -> Sent {
    let (mut dialogue, mut sent) = (Dialogue::clear(server), Sent::default());
    for n in 0.. {
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
        let subject = format!("{number}-{n}");
        // Every other one is too long for the database and becomes a file.
        let text = "All work and no play makes Jack a dull boy.\r\n".repeat(if n % 2 == 0 { 100 } else { 4_000 });
        match message(&mut dialogue, &format!("Subject: {subject}\r\n\r\n{text}.")) {
            Ok(()) => {
                sent.taken.push(subject);
                progress.taken.fetch_add(1, Ordering::Relaxed);
            }
            Err(refusal) => {
                sent.refused.push((subject, refusal));
                progress.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    sent
}

/// Sends one message; the reply where it was not taken.
fn message(dialogue: &mut Dialogue, text: &str) -> Result<(), String> {
    let recipient = format!("RCPT TO:<{ANN}>");
    for (line, wanted) in [("MAIL FROM:<bob@postfix.test>", "250"), (&recipient, "250"), ("DATA", "354"), (text, "250")]
    {
        let reply = dialogue.say(line);
        if !reply.starts_with(wanted) {
            dialogue.expect("RSET", "250");
            return Err(reply);
        }
    }
    Ok(())
}

/// Waits until each of them has got [`ENOUGH`] further replies of a kind.
fn wait(senders: &[Sender], what: &str, count: impl Fn(&Progress) -> &AtomicUsize) {
    let count = |sender: &Sender| count(&sender.progress).load(Ordering::Relaxed);
    let before: Vec<_> = senders.iter().map(count).collect();
    let deadline = Instant::now() + DEADLINE;
    while senders.iter().zip(&before).any(|(sender, before)| count(sender) < before + ENOUGH) {
        assert!(Instant::now() < deadline, "too few are {what}");
        std::thread::yield_now();
    }
}

#[test]
fn q02_a_disk_that_fills_up_under_load_refuses_for_now_and_loses_nothing() {
    let mut disk = None;
    let tables = "[limits]\nsize = '1 MiB'\n[store]\nfree_min = '3 MiB'\n";
    let target = Target::with(tables, |installation| disk = Some(SmallDisk::below(&installation.data_dir())));
    let disk = disk.expect("it was made");
    let senders: Vec<_> = (0..SENDERS).map(|number| Sender::start(number, target.mx)).collect();
    wait(&senders, "taken", |progress| &progress.taken);
    disk.fill();
    wait(&senders, "refused", |progress| &progress.refused);
    disk.empty();
    wait(&senders, "taken again", |progress| &progress.taken);

    let sent: Vec<_> = senders.into_iter().map(Sender::stop).collect();
    let taken = || sent.iter().flat_map(|sent| &sent.taken);
    let list = ["mailbox", "list", ANN, "--json"];
    let listed = target.rohrpost.ask_until(&list, "all that was taken", |listed| {
        let filed = subjects(listed);
        taken().all(|subject| filed.contains(subject))
    });
    let filed = subjects(&listed);
    for (subject, reply) in sent.iter().flat_map(|sent| &sent.refused) {
        assert!(reply.starts_with("452 4.3.1"), "{reply}");
        assert!(!filed.contains(subject), "{subject} was refused");
    }
    let report = target.rohrpost.ask(&["store", "check"]);
    assert!(report.starts_with("sound"), "{report}");
}

/// The subjects in a mailbox that was listed as JSON, one object a line.
fn subjects(listed: &str) -> HashSet<String> {
    let rows = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON"));
    rows.map(|row| row["subject"].as_str().unwrap_or_default().to_owned()).collect()
}
