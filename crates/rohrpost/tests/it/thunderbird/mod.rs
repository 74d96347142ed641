//! Thunderbird, from a name, an address and a password to a message that was sent and read.
//!
//! It is Debian's, with a new profile, and is driven at its own windows: [`program`] runs it, [`marionette`] talks to it,
//! `steps.js` is what a person would do. What it finds out, it finds out from our web server: that knows the ports, which
//! are this test's own and cannot be guessed. Screenshots lie in `target/tmp`.

mod marionette;
mod program;

use std::net::SocketAddr;

use rohrpost_testkit::Authority;

use self::program::Thunderbird;
use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Installation, Rohrpost, Socks, free_address};

/// The server, as its mail programs know it.
const HOST: &str = "mx.here.test";
/// Where Thunderbird asks first how an account of `here.test` is set up.
const AUTOCONFIG: &str = "autoconfig.here.test";
/// Where it asks, too: for Exchange, for calendars, for address books. None of that is here.
const OTHERS: [&str; 2] = ["autodiscover.here.test", "here.test"];

/// A server that helps with setting up, and what stands for the net between it and Thunderbird.
struct Provider {
    imap: SocketAddr,
    submission: SocketAddr,
    rohrpost: Rohrpost,
    authority: Authority,
    net: Socks,
}

impl Provider {
    /// Listeners with `tls`, `implicit` or `required`.
    fn open(tls: &str) -> Self {
        let [imap, submission, web] = [(); 3].map(|()| free_address());
        let listener = |protocol: &str, address: SocketAddr| {
            format!(
                "[[listener]]\nname = '{protocol}'\nprotocol = '{protocol}'\naddress = '{address}'\ntls = '{tls}'\n"
            )
        };
        let tables =
            [listener("imap", imap), listener("submission", submission), format!("[web]\naddress = '{web}'\n")];
        // No mail leaves this host, so nobody needs to answer for others.
        let installation = Installation::new(free_address(), 25, "", &tables.concat());
        let authority = Authority::new();
        installation.certificate.replace(&authority.issue(&[&[HOST, AUTOCONFIG], &OTHERS[..]].concat()));
        let rohrpost = installation.start();
        let net = Socks::start(move |name, port| match (name, port) {
            (name, 443) if name == AUTOCONFIG || OTHERS.contains(&name) => Some(web),
            (HOST, port) => [imap, submission].into_iter().find(|address| address.port() == port),
            _ => None,
        });
        Self { imap, submission, rohrpost, authority, net }
    }

    /// Sets Thunderbird up, sends a message from it to itself, and reads it there.
    #[track_caller]
    fn serves_thunderbird(&self, security: &str, screenshot: &str) {
        let mut thunderbird = Thunderbird::start(&self.net);
        let authority = std::fs::read_to_string(self.authority.file()).expect("it was written");
        let authority: String = authority.lines().filter(|line| !line.starts_with('-')).collect();
        thunderbird.step("prepare", &[&authority]);

        let found = thunderbird.step("findSettings", &["Ann", ANN]);
        let ports = [self.imap, self.submission].map(|address| address.port().to_string());
        let [imap, smtp] = ports.each_ref().map(String::as_str);
        for part in ["IMAP", HOST, imap, "SMTP", smtp, ANN, security] {
            assert!(found.contains(part), "{part:?} is not in {found:?}");
        }
        assert!(self.net.asked().contains(&(AUTOCONFIG.to_owned(), 443)));
        thunderbird.screenshot(&format!("{screenshot}-found"));

        thunderbird.step("logIn", &[PASSWORD]);
        let link = format!("mailto:{ANN}?subject=Hello&body=Through%20a%20sealed%20tube");
        let message_id = thunderbird.step("send", &[&link]);
        let arrived = self.rohrpost.inbox(&[&message_id, "Through a sealed tube"]);
        assert!(arrived.contains(&format!("From: Ann <{ANN}>")), "{arrived}");
        self.rohrpost.log().wait_for("mailbox=\"Sent\"");

        let read = thunderbird.step("read", &[]);
        assert!(read.contains("Through a sealed tube"), "{read}");
        thunderbird.screenshot(&format!("{screenshot}-read"));
    }
}

#[test]
fn thunderbird_sets_itself_up_sends_and_reads_inside_tls() {
    Provider::open("implicit").serves_thunderbird("SSL/TLS", "tls");
}

#[test]
fn thunderbird_sets_itself_up_sends_and_reads_over_starttls() {
    Provider::open("required").serves_thunderbird("STARTTLS", "starttls");
}
