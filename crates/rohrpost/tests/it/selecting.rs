//! Which way out a message takes: by whom it is for, who sent it, what it says and who handed it in; what becomes of it
//! when that way fails too often; and the one way that all mail of a test system takes.

use std::net::SocketAddr;

use nix::sys::signal::Signal;
use rohrpost_mail::{Envelope, ReversePath};
use rohrpost_server::submit::{Options, Submission, SubmitAnswer, To, submit};
use rohrpost_testkit::{Received, Sink};
use tokio::runtime::Runtime;

use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{DEADLINE, Dns, Installation, Rohrpost, Swaks, free_address};
use crate::personas::host::mail_with;

/// Servers at the ends of the ways out, and the runtime that they live in.
struct Sinks {
    runtime: Runtime,
    sinks: Vec<(String, Sink)>,
}

impl Sinks {
    /// One for each route.
    fn start(routes: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let sinks = routes.iter().map(|route| ((*route).to_owned(), runtime.block_on(Sink::start()))).collect();
        Self { runtime, sinks }
    }

    fn sink(&self, route: &str) -> &Sink {
        &self.sinks.iter().find(|(name, _)| name == route).expect("it was started").1
    }

    /// A route to its sink, with more lines.
    fn route(&self, name: &str, lines: &str) -> String {
        route(name, self.sink(name).address(), lines)
    }

    /// All that has come out at the end of a route, once there are so many.
    #[track_caller]
    fn arrived(&self, route: &str, count: usize) -> Vec<Received> {
        let arrive = async { tokio::time::timeout(DEADLINE, self.sink(route).messages(count)).await };
        self.runtime.block_on(arrive).unwrap_or_else(|_| panic!("no {count} messages came by {route}"))
    }
}

/// A route to one server in clear.
fn route(name: &str, to: SocketAddr, lines: &str) -> String {
    format!("[[route]]\nname = '{name}'\nhost = [{{ host = '{to}', tls = 'off' }}]\n{lines}\n")
}

/// The server of `here.test`. Its own network may relay, and Ann may log in.
struct Here {
    address: SocketAddr,
    rohrpost: Rohrpost,
    _dns: Dns,
}

impl Here {
    fn start(keys: &str, tables: &str) -> Self {
        let (dns, address) = (Dns::start(&["here.test", "there.test"]), free_address());
        let keys = format!("trusted_networks = ['127.0.0.0/8']\n{keys}\n");
        let listener = format!(
            "[[listener]]\nname = 'in'\nprotocol = 'smtp'\naddress = '{address}'\ntls = 'off'\nauth.clear = true\n"
        );
        // Without a route mail goes to the MX hosts of its domain, and nobody listens at their port.
        let installation = Installation::new(dns.address, 1, &keys, &(listener + tables));
        Self { address, rohrpost: installation.start(), _dns: dns }
    }

    /// A message by SMTP.
    fn mail(&self, from: &str, to: &str, subject: &str) -> Swaks {
        Swaks::new(self.address, from, to).subject(subject)
    }

    /// A message of a program of this host, whose user is the one of this test.
    #[track_caller]
    fn hand_in(&self, from: &str, to: &[&str], subject: &str) {
        let reverse_path: ReversePath = from.parse().expect("it is a path");
        let recipients = to.iter().map(|to| To::new(*to)).collect();
        let envelope = Envelope { reverse_path, ..Envelope::default() };
        let submission = Submission::new(Options { envelope, recipients, ..Options::default() });
        let text = format!("From: joe@here.test\nSubject: {subject}\n\ntext\n");
        let socket = self.rohrpost.installation.data_dir().join("submit.sock");
        let answer = submit(&socket, &submission, text.as_bytes());
        assert!(matches!(answer, SubmitAnswer::Accepted(_)), "{answer:?}");
    }
}

fn subjects(mails: &[Received]) -> Vec<String> {
    let subject =
        |mail: &Received| mail.text().lines().find_map(|line| Some(line.strip_prefix("Subject: ")?.to_owned()));
    mails.iter().filter_map(subject).collect()
}

#[test]
fn each_kind_of_selector_leads_to_its_route() {
    let sinks = Sinks::start(&["recipient", "sender", "header", "account", "user", "rest"]);
    let routes = [
        sinks.route("recipient", "recipients = ['bob@there.test', 'eve@there.test']"),
        sinks.route("sender", "senders = ['orders@here.test', '<>']"),
        sinks.route("header", "headers = ['X-Route: bulk', 'List-Id: *']"),
        sinks.route("account", &format!("accounts = ['{ANN}']")),
        sinks.route("user", &format!("accounts = ['unix:{}']", nix::unistd::Uid::effective())),
        sinks.route("rest", ""),
    ];
    let here = Here::start("", &routes.concat());
    let from = "joe@here.test";
    here.mail(from, "bob@there.test", "recipient").send().expect_success();
    here.mail("orders@here.test", "zoe@there.test", "sender").send().expect_success();
    here.hand_in("", &["zoe@there.test"], "a bounce");
    here.mail(from, "zoe@there.test", "header").with(&["--header", "X-ROUTE: Bulk"]).send().expect_success();
    here.mail(ANN, "zoe@there.test", "account").login("PLAIN", ANN, PASSWORD).send().expect_success();
    here.hand_in(from, &["zoe@there.test"], "user");
    here.mail(from, "zoe@there.test", "rest").send().expect_success();

    for route in ["recipient", "header", "account", "user", "rest"] {
        assert_eq!(subjects(&sinks.arrived(route, 1)), [route]);
    }
    let mut by_sender = subjects(&sinks.arrived("sender", 2));
    by_sender.sort();
    assert_eq!(by_sender, ["a bounce", "sender"]);
}

#[test]
fn a_message_splits_over_the_routes_of_its_recipients() {
    let sinks = Sinks::start(&["bobs", "rest"]);
    let routes = sinks.route("bobs", "recipients = ['bob@there.test']") + &sinks.route("rest", "");
    let here = Here::start("", &routes);
    here.mail("joe@here.test", "bob@there.test,eve@there.test,zoe@elsewhere.test", "split").send().expect_success();
    assert_eq!(sinks.arrived("bobs", 1)[0].recipients, ["bob@there.test"]);
    let rest = sinks.arrived("rest", 2);
    let mut recipients: Vec<_> = rest.iter().flat_map(|mail| mail.recipients.clone()).collect();
    recipients.sort();
    assert_eq!(recipients, ["eve@there.test", "zoe@elsewhere.test"], "each domain in a transaction of its own");
}

#[test]
fn a_route_that_fails_too_often_hands_its_mail_to_another_and_the_trace_says_so() {
    let sinks = Sinks::start(&["spare"]);
    let dead = route("invoices", free_address(), "after_tries = 1\nthen = 'spare'");
    let spare = sinks.route("spare", "recipients = []");
    let here = Here::start("", &(dead + &spare));
    for number in 0..15 {
        here.mail("joe@here.test", "bob@there.test", &format!("invoice {number}")).send().expect_success();
    }
    assert_eq!(sinks.arrived("spare", 15).len(), 15);
    let parts = ["goes by spare from now on", "1 failed attempt by invoices", "relayed to"];
    let trace = here.rohrpost.trace("bob@there.test", &parts);
    let told = trace.lines().find(|line| line.contains(parts[0])).expect("it was there a moment ago");
    assert!(told.starts_with("queue "), "{trace}");
}

#[test]
fn in_redirect_mode_everything_comes_to_one_address() {
    let here = Here::start(&format!("redirect_all_to = '{ANN}'"), "");
    here.rohrpost.log().wait_for("redirect_all_to: this is a test system, all mail goes to ann@here.test");
    here.rohrpost.signal(Signal::SIGHUP);
    here.rohrpost.tells("RELOADING=1");
    here.rohrpost.tells("STATUS=redirect mode: all mail goes to ann@here.test");

    here.mail("joe@here.test", "bob@there.test,eve@there.test", "by SMTP").send().expect_success();
    let mail = mail_with(&here.rohrpost, "Subject: by SMTP");
    assert!(mail.contains("X-Rohrpost-Original-To: bob@there.test,\r\n eve@there.test\r\n"), "{mail}");
    let note = "redirected to ann@here.test; it was for bob@there.test and 1 other";
    here.rohrpost.trace(ANN, &[note]);

    here.hand_in("joe@here.test", &["zoe@there.test"], "by a program");
    let mail = mail_with(&here.rohrpost, "Subject: by a program");
    assert!(mail.contains("X-Rohrpost-Original-To: zoe@there.test\r\n"), "{mail}");

    here.hand_in("joe@here.test", &["zoe@there.test", "nobody@here.test"], "half refused");
    let report = mail_with(&here.rohrpost, "Final-Recipient: rfc822; nobody@here.test");
    assert!(report.contains("X-Rohrpost-Original-To: joe@here.test\r\n"), "{report}");
}
