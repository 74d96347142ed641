//! Dovecot, with mailboxes in Maildir format and two accounts.

use std::net::SocketAddr;

use super::enclosure::{Enclosed, Enclosure, KEEPER, KEEPER_ID};
use super::log::Log;
use super::{Certificate, free_address};

/// The account, and its password.
pub(crate) const ACCOUNT: (&str, &str) = ("ann@here.test", "correct-horse");

/// Another of the same password, which is kept in a form that SCRAM can be done with.
pub(crate) const SCRAM_ACCOUNT: &str = "eve@here.test";

/// It looks for programs and modules below `/usr/bin` and `/usr/lib/dovecot`: there they are laid over what the host has.
const ENTER: &str = "mount -t overlay -o lowerdir=/srv/peers/dovecot/usr:/usr none /usr && \
                     exec dovecot -F -c /etc/dovecot/dovecot.conf";

/// A running Dovecot.
pub(crate) struct Dovecot {
    pub(crate) imap: SocketAddr,
    pub(crate) imaps: SocketAddr,
    pub(crate) pop3: SocketAddr,
    pub(crate) pop3s: SocketAddr,
    pub(crate) lmtp: SocketAddr,
    /// What it shows.
    pub(crate) certificate: Certificate,
    enclosed: Enclosed,
}

impl Dovecot {
    /// Starts it and waits until it is ready. It shows a certificate for `host` that vouches for itself.
    pub(crate) fn start(host: &str) -> Self {
        let [imap, imaps, pop3, pop3s, lmtp] = std::array::from_fn(|_| free_address());
        let enclosure = Enclosure::new();
        let certificate = Certificate::for_host(host);
        enclosure.write("/etc/dovecot/cert.pem", &(certificate.cert_text() + &certificate.key_text()));
        enclosure.write("/etc/dovecot/users", &users());
        enclosure.directory("/run/dovecot", 0, 0, 0o755);
        enclosure.directory("/var/lib/dovecot", 0, 0, 0o755);
        let ports = [imap, imaps, pop3, pop3s, lmtp].map(|address| address.port());
        enclosure.write("/etc/dovecot/dovecot.conf", &settings(ports));
        let enclosed = enclosure.start("Dovecot", &["/bin/sh", "-c", ENTER]);
        enclosed.log.wait_for("starting up for");
        Self { imap, imaps, pop3, pop3s, lmtp, certificate, enclosed }
    }

    /// The process that all others of it descend from.
    pub(crate) fn pid(&self) -> u32 {
        self.enclosed.pid()
    }

    /// What it says.
    pub(crate) fn log(&self) -> &Log {
        &self.enclosed.log
    }
}

/// The first password is kept as Debian keeps those of its users: SHA-512, 5,000 rounds.
fn users() -> String {
    let mut openssl = std::process::Command::new("openssl");
    let output = openssl.args(["passwd", "-6", "-salt", "rohrpostrohrpost", ACCOUNT.1]).output();
    let output = output.expect("openssl is there: `cargo xtask programs` looks for it").stdout;
    let hash = String::from_utf8_lossy(&output);
    format!("{}:{{SHA512-CRYPT}}{}::::::\n{SCRAM_ACCOUNT}:{{PLAIN}}{}::::::\n", ACCOUNT.0, hash.trim(), ACCOUNT.1)
}

fn settings([imap, imaps, pop3, pop3s, lmtp]: [u16; 5]) -> String {
    format!(
        "base_dir = /run/dovecot
state_dir = /var/lib/dovecot
libexec_dir = /usr/lib/dovecot
mail_plugin_dir = /usr/lib/dovecot/modules
log_path = /dev/stderr
listen = 127.0.0.1
protocols = imap pop3 lmtp
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = nobody
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-1 scram-sha-256
auth_failure_delay = 0
ssl = yes
ssl_cert = </etc/dovecot/cert.pem
ssl_key = </etc/dovecot/cert.pem
mail_location = maildir:/srv/state/mail/%u
first_valid_uid = {KEEPER_ID}
mail_max_userip_connections = 0
passdb {{
  driver = passwd-file
  args = /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid={KEEPER} gid={KEEPER} home=/srv/state/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
  service_count = 0
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
  service_count = 0
}}
service imap {{
  service_count = 256
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"
    )
}
