//! A disk that fails below a running server: what clients are told, and that service comes back by itself.

use rohrpost_store::Health;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{alone::is_alone, client::Client, fixture::Fixture};

/// Too long to be stored in the database: it needs a file.
fn long_text() -> String {
    format!("From: bob@there.test\n\n{}", "0123456789\n".repeat(20_000))
}

/// No file of this process can be written beyond its first octets (EFBIG), which `SQLite` takes for a broken disk.
struct NoGrowth {
    before: Rlimit,
    /// Caught, SIGXFSZ does not end the process.
    _caught: Signal,
}

impl NoGrowth {
    fn begin() -> Self {
        const SIGXFSZ: i32 = 25;
        let caught = signal(SignalKind::from_raw(SIGXFSZ)).unwrap();
        let before = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(1), maximum: before.maximum }).unwrap();
        Self { before, _caught: caught }
    }

    fn end(self) {
        setrlimit(Resource::Fsize, self.before).unwrap();
    }
}

/// A client of the MX listener behind EHLO.
async fn greeted(fixture: &Fixture) -> Client {
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    client
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_at_the_dot_and_the_rest_goes_on() {
    let fixture = Fixture::start().await;
    let (bodies, aside) = (fixture.store_dir().join("bodies"), fixture.store_dir().join("aside"));
    let mut client = greeted(&fixture).await;
    // Permissions would not stop root; a file where the directory was stops everybody.
    std::fs::rename(&bodies, &aside).unwrap();
    std::fs::write(&bodies, "").unwrap();
    let reply = client.message("bob@there.test", "ann@here.test", &long_text()).await;
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
    assert!(fixture.ids().await.is_empty());
    let reply = client.message("bob@there.test", "ann@here.test", "From: bob@there.test\n\nshort").await;
    assert!(reply.starts_with("250"), "what needs no file is taken: {reply}");

    std::fs::remove_file(&bodies).unwrap();
    std::fs::rename(&aside, &bodies).unwrap();
    let reply = client.message("bob@there.test", "ann@here.test", &long_text()).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(fixture.ids().await.len(), 2);
}

#[tokio::test]
async fn a_database_that_takes_no_commit_is_told_from_the_dot_to_the_greeting_until_it_is_back() {
    if !is_alone("faults::a_database_that_takes_no_commit_is_told_from_the_dot_to_the_greeting_until_it_is_back") {
        return;
    }
    let fixture = Fixture::start().await;
    let mut health = fixture.store.health_watch();
    let (mut sending, mut waiting) = (greeted(&fixture).await, greeted(&fixture).await);
    let before_the_dot = "C: MAIL FROM:<bob@there.test>\nS: 250\nC: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354";
    sending.transcript(before_the_dot).await;
    // Only now, so that no other write finds the fault first.
    let broken = NoGrowth::begin();
    sending.transcript("C: From: bob@there.test\nC:\nC: lost\nC: .\nS: 451 4.3.0").await;
    assert!(matches!(*health.borrow_and_update(), Health::Failed(_)));
    waiting.transcript("C: MAIL FROM:<bob@there.test>\nS: 421 4.3.2").await;
    fixture.connect("mx").await.expect("421 4.3.2").await;

    broken.end();
    health.wait_for(|health| *health == Health::Fine).await.unwrap();
    let mut client = greeted(&fixture).await;
    let reply = client.message("bob@there.test", "ann@here.test", "From: bob@there.test\n\nkept").await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(fixture.newest().await.ends_with("kept\r\n"));
    assert_eq!(fixture.ids().await.len(), 1, "what was refused was not stored");
}
