//! Postfix, with its domain `postfix.test`.

use std::net::SocketAddr;

use super::enclosure::{Enclosed, Enclosure, KEEPER_ID};
use super::{Certificate, NextHop, PeerTls, free_address, mail_with};

const POSTFIX: u32 = 64_001;
const POSTDROP: u32 = 64_002;

/// Directories of the queue that belong to Postfix alone.
const QUEUES: &[&str] =
    &["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"];

/// A running Postfix. It keeps mail for any address at `postfix.test` and passes on all else.
pub(crate) struct Postfix {
    /// Where it takes mail.
    pub(crate) smtp: SocketAddr,
    /// Where it takes mail with TLS from the first octet.
    pub(crate) smtps: SocketAddr,
    enclosed: Enclosed,
}

impl Postfix {
    /// Starts it and waits until it listens.
    pub(crate) fn start(receives: PeerTls, next_hop: Option<NextHop>) -> Self {
        Self::start_with(receives, next_hop, "")
    }

    /// The same with more lines for `main.cf`; where they repeat a parameter, they win.
    pub(crate) fn start_with(receives: PeerTls, next_hop: Option<NextHop>, more: &str) -> Self {
        let (smtp, smtps) = (free_address(), free_address());
        let enclosure = Enclosure::new();
        furnish(&enclosure);
        enclosure.write("/etc/postfix/main.cf", &(main_cf(receives, next_hop) + more));
        enclosure.write("/etc/postfix/master.cf", &master_cf(smtp, smtps));
        let master = "/srv/peers/postfix/usr/lib/postfix/sbin/master";
        let enclosed = enclosure.start("Postfix", &[master, "-s", "-c", "/etc/postfix"]);
        enclosed.log.wait_for("daemon started");
        Self { smtp, smtps, enclosed }
    }

    /// Waits until a message for `recipient` is in its mailbox here, and returns the one that contains `text`.
    pub(crate) fn mail(&self, recipient: &str, text: &str) -> String {
        self.wait_for_delivery(recipient, "sent");
        mail_with(&self.enclosed.outside("/srv/state/mail/all/new"), text)
    }

    /// Waits until an attempt for `recipient` ended as `status`: `sent`, `deferred` or `bounced`. Returns its log line.
    pub(crate) fn wait_for_delivery(&self, recipient: &str, status: &str) -> String {
        let (to, status) = (format!("to=<{recipient}>"), format!("status={status}"));
        self.enclosed
            .log
            .wait_for_line(&format!("{to} … {status}"), |line| line.contains(&to) && line.contains(&status))
    }

    /// Waits until it has refused `recipient` at RCPT.
    pub(crate) fn wait_for_refusal(&self, recipient: &str) {
        self.enclosed.log.wait_for_line(&format!("refused {recipient}"), |line| is_refusal(line, recipient));
    }

    /// How often it has refused `recipient` at RCPT so far.
    pub(crate) fn refusals(&self, recipient: &str) -> usize {
        self.enclosed.log.lines().iter().filter(|line| is_refusal(line, recipient)).count()
    }
}

fn is_refusal(line: &str, recipient: &str) -> bool {
    line.contains("reject: RCPT") && line.contains(&format!("to=<{recipient}>"))
}

fn furnish(enclosure: &Enclosure) {
    let certificate = Certificate::for_host("postfix.test");
    enclosure.write("/etc/postfix/cert.pem", &(certificate.cert_text() + &certificate.key_text()));
    enclosure.directory("/var/lib/postfix", POSTFIX, POSTFIX, 0o700);
    for queue in QUEUES {
        enclosure.directory(&format!("/var/spool/postfix/{queue}"), POSTFIX, 0, 0o700);
    }
    enclosure.directory("/var/spool/postfix/pid", 0, 0, 0o755);
    enclosure.directory("/var/spool/postfix/public", POSTFIX, POSTDROP, 0o710);
    enclosure.directory("/var/spool/postfix/maildrop", POSTFIX, POSTDROP, 0o1730);
}

fn main_cf(receives: PeerTls, next_hop: Option<NextHop>) -> String {
    let (transport, sends) = match next_hop {
        Some(hop) => (format!("smtp:[{}]:{}", hop.address.ip(), hop.address.port()), hop.tls),
        None => ("error:no next hop".to_owned(), PeerTls::None),
    };
    let wrapper = if sends == PeerTls::Implicit { "yes" } else { "no" };
    format!(
        "compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
command_directory = /srv/peers/postfix/usr/sbin
daemon_directory = /srv/peers/postfix/usr/lib/postfix/sbin
shlib_directory = /srv/peers/postfix/usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = /srv/state/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{KEEPER_ID}
virtual_gid_maps = static:{KEEPER_ID}
virtual_minimum_uid = 1
default_transport = {transport}
smtpd_tls_security_level = {}
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_received_header = yes
smtp_tls_security_level = {}
smtp_tls_wrappermode = {wrapper}
smtp_tls_loglevel = 1
",
        level(receives),
        level(sends),
    )
}

/// The level in Postfix's own words. With `wrappermode`, its implicit TLS, it wants `encrypt`.
fn level(tls: PeerTls) -> &'static str {
    match tls {
        PeerTls::None => "none",
        PeerTls::May => "may",
        PeerTls::Encrypt | PeerTls::Implicit => "encrypt",
    }
}

fn master_cf(smtp: SocketAddr, smtps: SocketAddr) -> String {
    format!(
        "{smtp} inet n - n - - smtpd
{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
