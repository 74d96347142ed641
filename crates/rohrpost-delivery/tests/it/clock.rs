//! The clock is set while a site is closed: who is given up then, and who is not.

use std::time::Duration;

use rohrpost_mail::{Outcome, QueueId, Recipient};
use rohrpost_queue::{Queue, Schedule, SiteKey};
use rohrpost_testkit::Dns;

use crate::office::{Office, TEXT, address, route, settings};

/// How long mail with the null path is tried here: longer than a gate is closed for the first time, and shorter than
/// two looks at what is beyond its time lie apart.
const SHORT_LIFETIME: Duration = Duration::from_mins(9);

/// Nobody listens at the hosts of `dead.test`, and its gate is closed. Two messages wait behind it: one to be tried for
/// five days, one for [`SHORT_LIFETIME`].
struct Closed {
    office: Office,
    long: QueueId,
    short: QueueId,
}

impl Closed {
    async fn begin() -> Self {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = rohrpost_delivery::Settings { routes: vec![route("dead", &[nobody.port()])], ..settings() };
        let schedule = Schedule { lifetime_null_path: SHORT_LIFETIME, ..Schedule::default() };
        let queue = rohrpost_queue::Settings { schedule, ..rohrpost_queue::Settings::default() };
        let dns = Dns::for_domain("there.test").await;
        let office = Office::with(dns.resolver(nobody.port()), settings, queue).await;
        while !is_closed(&office.queue) {
            office.send(&["bob@dead.test"]).await;
            tokio::task::yield_now().await;
        }
        let long = office.send(&["bob@dead.test"]).await;
        let short = office.submit("", vec![Recipient::new(address("bob@dead.test"))], TEXT).await;
        Self { office, long, short }
    }

    /// Lets the gate open and close again, for longer now, and waits for the next look at what is beyond its time.
    async fn look(&mut self) {
        self.office.pass(Duration::from_mins(8)).await;
        while !is_closed(&self.office.queue) {
            tokio::task::yield_now().await;
        }
        self.office.pass(Duration::from_mins(3)).await;
    }

    /// Only the one whose time is over is given up, and without another attempt.
    async fn assert_only_short_is_given_up(mut self) {
        let record = self.office.outcome(self.short, |outcome| *outcome == Outcome::Expired).await;
        assert_eq!(record.protocol, "queue", "{record:?}");
        let queued = self.office.queued().await;
        assert!(queued.iter().any(|listed| listed.recipient.message == self.long));
        assert!(queued.iter().all(|listed| listed.recipient.message != self.short));
        let mail = self.office.mail("ann@here.test", "INBOX").await;
        assert!(!mail.iter().any(|mail| mail.contains("Action: delayed")), "none is late by four hours: {mail:?}");
    }
}

fn is_closed(queue: &Queue) -> bool {
    queue.closed_for(&SiteKey::new("dead", "dead.test")).is_some()
}

#[tokio::test]
async fn a_clock_set_forward_gives_up_only_what_has_truly_waited_long_enough_behind_a_closed_gate() {
    let mut closed = Closed::begin().await;
    closed.office.clock.step(6 * 86_400);
    closed.look().await;
    closed.assert_only_short_is_given_up().await;
}

#[tokio::test]
async fn a_clock_set_back_keeps_nothing_alive_behind_a_closed_gate() {
    let mut closed = Closed::begin().await;
    closed.office.clock.step(-30 * 86_400);
    closed.look().await;
    closed.assert_only_short_is_given_up().await;
}
