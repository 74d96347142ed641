//! Exim, with its domain `exim.test`.

use std::net::SocketAddr;

use super::enclosure::{Enclosed, Enclosure, KEEPER};
use super::{Certificate, NextHop, PeerTls, free_address, mail_with};

const EXIM: u32 = 64_003;

/// Its log. It must be there before the server is, so that following it begins at once.
const LOG: &str = "/srv/state/log/main";

/// Starts the server with its log on standard output: Exim itself writes to files only.
const START: &str = "tail --lines=+1 --follow /srv/state/log/main &
    exec /srv/peers/exim/usr/sbin/exim4 -bdf -q1h";

/// A running Exim. It keeps mail for any address at `exim.test` and passes on all else.
pub(crate) struct Exim {
    /// Where it takes mail.
    pub(crate) smtp: SocketAddr,
    /// Where it takes mail with TLS from the first octet.
    pub(crate) smtps: SocketAddr,
    /// What it shows, and the only authority for those who show one to it.
    pub(crate) certificate: Certificate,
    enclosed: Enclosed,
}

impl Exim {
    /// Starts it and waits until it listens.
    pub(crate) fn start(receives: PeerTls, next_hop: Option<NextHop>) -> Self {
        let (smtp, smtps) = (free_address(), free_address());
        let enclosure = Enclosure::new();
        let certificate = Certificate::for_host("exim.test");
        enclosure.write("/etc/exim4/cert.pem", &(certificate.cert_text() + &certificate.key_text()));
        enclosure.give("/etc/exim4/cert.pem", EXIM);
        enclosure.directory("/var/spool/exim4", EXIM, EXIM, 0o750);
        enclosure.directory("/srv/state/log", EXIM, EXIM, 0o755);
        enclosure.write(LOG, "");
        enclosure.give(LOG, EXIM);
        // Exim obeys a configuration without question only where its makers have put it.
        enclosure.write("/etc/exim4/exim4.conf", &configuration(smtp, smtps, receives, next_hop));
        let enclosed = enclosure.start("Exim", &["/bin/sh", "-c", START]);
        enclosed.log.wait_for("daemon started");
        Self { smtp, smtps, certificate, enclosed }
    }

    /// Waits until a message for `recipient` is in its mailbox here, and returns the one that contains `text`.
    pub(crate) fn mail(&self, recipient: &str, text: &str) -> String {
        self.wait_for_delivery(recipient);
        mail_with(&self.enclosed.outside("/srv/state/mail/new"), text)
    }

    /// Waits until a message for `recipient` has been delivered, here or at the next hop. Returns its log line.
    pub(crate) fn wait_for_delivery(&self, recipient: &str) -> String {
        let what = format!("=> {recipient}");
        let fits =
            |line: &str| line.contains(" => ") && (line.contains(&what) || line.contains(&format!("<{recipient}>")));
        self.enclosed.log.wait_for_line(&what, fits)
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> Vec<String> {
        self.enclosed.log.lines()
    }
}

/// Lets `ann` in with `pencil`, with the token `ya29` in the form that Google describes or that of RFC 7628, or with a
/// certificate that was verified.
const AUTHENTICATORS: &str = r"
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{ann}{pencil}fail}
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{ann}}{eq{$auth3}{pencil}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = ${if and{{eq{$auth1}{ann}}{eq{$auth2}{pencil}}}}
token:
  driver = plaintext
  public_name = XOAUTH2
  server_condition = ${if eq{$auth1}{user=ann\x01auth=Bearer ya29\x01\x01}}
bearer:
  driver = plaintext
  public_name = OAUTHBEARER
  server_condition = ${if match{$auth1}{^n,a=ann,\x01host=127.0.0.1\x01port=[0-9]+\x01auth=Bearer ya29\x01\x01\$}}
certificate:
  driver = external
  public_name = EXTERNAL
  server_condition = ${if and{{bool{$tls_in_certificate_verified}}{eq{$auth1}{ann}}}}
";

fn configuration(smtp: SocketAddr, smtps: SocketAddr, receives: PeerTls, next_hop: Option<NextHop>) -> String {
    format!(
        "exim_path = /srv/peers/exim/usr/sbin/exim4
primary_hostname = exim.test
spool_directory = /var/spool/exim4
log_file_path = /srv/state/log/%s
pid_file_path = /run/exim.pid
log_selector = +tls_cipher +smtp_confirmation
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = {offered}
tls_certificate = /etc/exim4/cert.pem
tls_privatekey = /etc/exim4/cert.pem
tls_verify_certificates = /etc/exim4/cert.pem
tls_try_verify_hosts = *
never_users =
host_lookup =
rfc1413_hosts =
keep_environment =
acl_smtp_mail = mail
acl_smtp_rcpt = accept
acl_smtp_data = accept

begin acl
mail:
{demand}
  accept

begin routers
{routers}

begin transports
keep:
  driver = appendfile
  directory = /srv/state/mail
  maildir_format
  user = {KEEPER}
{transport}

begin retry
* * F,2h,1m

begin authenticators
{AUTHENTICATORS}",
        smtp = smtp.port(),
        smtps = smtps.port(),
        offered = if receives == PeerTls::None { "" } else { "*" },
        demand = if receives == PeerTls::Encrypt { "  deny !encrypted = *\n       message = TLS first" } else { "" },
        routers = routers(next_hop),
        transport = next_hop.map(transport).unwrap_or_default(),
    )
}

fn routers(next_hop: Option<NextHop>) -> String {
    let here = "here:\n  driver = accept\n  domains = exim.test\n  transport = keep\n".to_owned();
    match next_hop {
        Some(hop) => {
            let ip = hop.address.ip();
            here + &format!("there:\n  driver = manualroute\n  transport = out\n  route_list = * {ip}\n  self = send\n")
        }
        None => here,
    }
}

fn transport(hop: NextHop) -> String {
    let tls = match hop.tls {
        PeerTls::None => "hosts_avoid_tls = *",
        PeerTls::May => "",
        PeerTls::Encrypt => "hosts_require_tls = *",
        PeerTls::Implicit => "protocol = smtps",
    };
    format!("out:\n  driver = smtp\n  port = {}\n  allow_localhost\n  {tls}\n", hop.address.port())
}
