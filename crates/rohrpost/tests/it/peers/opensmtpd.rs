//! OpenSMTPD, with its domain `opensmtpd.test`. Debian's cannot serve TLS; as a client it can.

use std::net::SocketAddr;

use super::enclosure::{Enclosed, Enclosure, KEEPER};
use super::{NextHop, PeerTls, free_address, mail_with};

/// A running OpenSMTPD. It keeps mail for any address at `opensmtpd.test` and passes on all else.
pub(crate) struct OpenSmtpd {
    /// Where it takes mail.
    pub(crate) smtp: SocketAddr,
    enclosed: Enclosed,
}

impl OpenSmtpd {
    /// Starts it and waits until it listens.
    pub(crate) fn start(next_hop: Option<NextHop>) -> Self {
        let smtp = free_address();
        let enclosure = Enclosure::new();
        enclosure.write("/etc/smtpd.conf", &configuration(smtp, next_hop));
        enclosure.directory("/var/lib/opensmtpd/empty", 0, 0, 0o755);
        // It makes the rest of its spool itself, and refuses one that others have made.
        enclosure.directory("/var/spool/smtpd", 0, 0, 0o711);
        let enclosed = enclosure.start("OpenSMTPD", &["/srv/peers/opensmtpd/usr/sbin/smtpd", "-dv"]);
        enclosed.log.wait_for("smtp: will accept at most");
        Self { smtp, enclosed }
    }

    /// Waits until a message for `recipient` is in its mailbox here, and returns the one that contains `text`.
    pub(crate) fn mail(&self, recipient: &str, text: &str) -> String {
        self.wait_for_delivery(recipient);
        mail_with(&self.enclosed.outside("/srv/state/mail"), text)
    }

    /// Waits until a message for `recipient` has been delivered, here or at the next hop. Returns its log line.
    pub(crate) fn wait_for_delivery(&self, recipient: &str) -> String {
        let to = format!("to=<{recipient}>");
        let ok = |line: &str| line.contains("result=Ok") || line.contains("result=\"Ok\"");
        self.enclosed.log.wait_for_line(&format!("{to} … result=Ok"), |line| line.contains(&to) && ok(line))
    }
}

fn configuration(smtp: SocketAddr, next_hop: Option<NextHop>) -> String {
    let (ip, port) = (smtp.ip(), smtp.port());
    let there = next_hop.map(relay).unwrap_or_default();
    format!(
        "table anybody {{ \"@\" = {KEEPER} }}
listen on {ip} port {port} hostname opensmtpd.test
action keep mda \"cat > /srv/state/mail/%{{mbox.from:lowercase}}.$$\" virtual <anybody>
match from any for domain opensmtpd.test action keep
{there}"
    )
}

fn relay(hop: NextHop) -> String {
    let (scheme, judge) = match hop.tls {
        PeerTls::None => ("smtp+notls", ""),
        PeerTls::May => ("smtp", ""),
        PeerTls::Encrypt => ("smtp+tls", "tls no-verify"),
        PeerTls::Implicit => ("smtps", "tls no-verify"),
    };
    format!(
        "action there relay helo opensmtpd.test host \"{scheme}://{}\" {judge}\nmatch from any for any action there\n",
        hop.address
    )
}
