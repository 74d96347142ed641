//! An organisation's mail server: mail comes and goes over whatever TLS the other side has, and never less than asked.
//!
//! [`Organisation`] is that server with the listeners such a place has; the others are Postfix, Exim, OpenSMTPD and
//! the mail programs of its people.

mod auth;
mod inbound;
mod outbound;
mod partners;
mod policy;
mod relay_domain;

use std::net::SocketAddr;

use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Dns, Installation, PeerTls, Rohrpost, Swaks, free_address};

/// The server of `here.test`.
struct Organisation {
    /// For other servers: TLS offered.
    mx: SocketAddr,
    /// For other servers, TLS from the first octet, no log-in.
    smtps: SocketAddr,
    /// For other servers: nothing without TLS.
    strict: SocketAddr,
    /// For accounts: STARTTLS required. Whether log-ins are taken is inherited from `submissions`.
    submission: SocketAddr,
    /// For accounts: TLS from the first octet.
    submissions: SocketAddr,
    /// For printers and the like, on all addresses: TLS offered, log-ins taken.
    lan: SocketAddr,
    rohrpost: Rohrpost,
    _dns: Dns,
}

impl Organisation {
    /// Its server with everything open; MX hosts of others are at `mx_port`.
    fn open(mx_port: u16) -> Self {
        Self::with(mx_port, "enabled = true", "")
    }

    /// The same with more lines for the table of the TLS port, and more tables.
    fn with(mx_port: u16, submissions_lines: &str, tables: &str) -> Self {
        Self::set_up(mx_port, "", submissions_lines, tables)
    }

    /// The same with `keys` at the top of its settings.
    fn with_keys(mx_port: u16, keys: &str) -> Self {
        Self::set_up(mx_port, keys, "enabled = true", "")
    }

    fn set_up(mx_port: u16, keys: &str, submissions_lines: &str, tables: &str) -> Self {
        let dns = Dns::start(&["here.test", "postfix.test", "exim.test", "opensmtpd.test"]);
        let [mx, smtps, strict, submission, submissions, lan] = [(); 6].map(|()| free_address());
        let settings = format!(
            "
[[listener]]
name = 'mx'
protocol = 'smtp'
address = '{mx}'
tls = 'offered'

[[listener]]
name = 'smtps'
protocol = 'smtp'
address = '{smtps}'
tls = 'implicit'
auth.tls = false

[[listener]]
name = 'strict'
protocol = 'smtp'
address = '{strict}'
tls = 'required'

[[listener]]
name = 'submission'
protocol = 'submission'
address = '{submission}'
tls = 'required'

[[listener]]
name = 'submissions'
protocol = 'submission'
address = '{submissions}'
tls = 'implicit'
{submissions_lines}

[[listener]]
name = 'lan'
protocol = 'smtp'
address = '0.0.0.0:{lan_port}'
tls = 'offered'
auth.tls = true
{tables}",
            lan_port = lan.port()
        );
        let rohrpost = Installation::new(dns.address, mx_port, keys, &settings).start();
        Self { mx, smtps, strict, submission, submissions, lan, rohrpost, _dns: dns }
    }

    /// Ann sends a message with her mail program.
    #[track_caller]
    fn ann_sends(&self, to: &str, subject: &str) {
        let swaks = Swaks::new(self.submission, ANN, to).subject(subject);
        swaks.tls(PeerTls::Encrypt).login("PLAIN", ANN, PASSWORD).send().expect_success();
    }
}
