//! What an account is set to: the meaning of its keys, whatever file, default or option they came from.
//!
//! [`super::keys`] has the table that reads each key into this; [`super::connect`] makes a server of it.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use rohrpost_mail::{Notify, Ret, Secret};

/// The settings of one account. [`Settings::default`] is what msmtp does without any key.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Servers in the order of preference. Empty until `host` is set.
    pub(super) hosts: Vec<String>,
    /// Port. Default: 25, or 465 for TLS without STARTTLS.
    pub(super) port: Option<u16>,
    /// Address to connect from. Default: the system chooses.
    pub(super) source_ip: Option<IpAddr>,
    /// SOCKS5 proxy. Default: none.
    pub(super) proxy_host: Option<String>,
    /// Its port. Default: 1080.
    pub(super) proxy_port: Option<u16>,
    /// Unix socket, in the place of host and proxy.
    pub(super) socket: Option<PathBuf>,
    /// How long each stage may go without progress. Default: what the standard says.
    pub(super) timeout: Option<Duration>,
    /// Whether LMTP is spoken.
    pub(super) lmtp: bool,
    /// What EHLO says; patterns are replaced.
    pub(super) domain: String,
    /// Whether and how to log in.
    pub(super) auth: Auth,
    /// Who logs in.
    pub(super) user: Option<String>,
    /// The password as it stands in the file.
    pub(super) password: Option<Secret>,
    /// The command that prints it.
    pub(super) passwordeval: Option<String>,
    /// Domain of NTLM. Read and not used, since NTLM is not spoken.
    pub(super) ntlmdomain: Option<String>,
    /// How the link is encrypted and whom it trusts.
    pub(super) tls: Tls,
    /// Envelope sender or a pattern of senders.
    pub(super) from: Option<String>,
    /// Full name in a From field that is added.
    pub(super) from_full_name: Option<String>,
    /// Whether `-f` wins over `from`.
    pub(super) allow_from_override: bool,
    /// Whether the sender is made of user name and `maildomain`: obsolete.
    pub(super) auto_from: bool,
    /// The domain of `auto_from`, and of recipients without one.
    pub(super) maildomain: Option<String>,
    /// `NOTIFY=` of each recipient. Default: the server's ways.
    pub(super) dsn_notify: Option<Notify>,
    /// `RET=`. Default: the server's ways.
    pub(super) dsn_return: Option<Ret>,
    /// When the From field is set.
    pub(super) set_from_header: When,
    /// When the Date field is set.
    pub(super) set_date_header: When,
    /// When the Message-ID field is set.
    pub(super) set_msgid_header: When,
    /// What is done to To and Cc.
    pub(super) set_to_header: To,
    /// Whether Bcc fields are taken out.
    pub(super) remove_bcc_headers: bool,
    /// File that gets a line for each message; `-` is standard output.
    pub(super) logfile: Option<String>,
    /// Form of the time in it; `None` inside for no time at all. Default: `%b %d %H:%M:%S`.
    pub(super) logfile_time_format: TimeFormat,
    /// Facility of the system's log that gets the same line.
    pub(super) syslog: Option<Facility>,
    /// File of aliases.
    pub(super) aliases: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            port: None,
            source_ip: None,
            proxy_host: None,
            proxy_port: None,
            socket: None,
            timeout: None,
            lmtp: false,
            domain: "localhost".into(),
            auth: Auth::Off,
            user: None,
            password: None,
            passwordeval: None,
            ntlmdomain: None,
            tls: Tls::default(),
            from: None,
            from_full_name: None,
            allow_from_override: true,
            auto_from: false,
            maildomain: None,
            dsn_notify: None,
            dsn_return: None,
            set_from_header: When::Auto,
            set_date_header: When::Auto,
            set_msgid_header: When::Auto,
            set_to_header: To::Off,
            remove_bcc_headers: true,
            logfile: None,
            logfile_time_format: TimeFormat::default(),
            syslog: None,
            aliases: None,
        }
    }
}

impl Settings {
    /// The port that is connected to.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls.on && !self.tls.starttls { 465 } else { 25 })
    }
}

/// The `tls…` keys.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    /// Whether TLS is used. There is no "where offered" in msmtp.
    pub(super) on: bool,
    /// By STARTTLS, else from the first octet.
    pub(super) starttls: bool,
    /// Whether the certificate is judged at all.
    pub(super) certcheck: bool,
    /// Which authorities are trusted.
    pub(super) trust_file: TrustFile,
    /// List of revoked certificates.
    pub(super) crl_file: Option<PathBuf>,
    /// The one certificate that is accepted.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Key of our own certificate.
    pub(super) key_file: Option<PathBuf>,
    /// Our own certificate.
    pub(super) cert_file: Option<PathBuf>,
    /// Priority string of `GnuTLS`.
    pub(super) priorities: Option<String>,
    /// The name that the certificate must have, in the place of the host's.
    pub(super) host_override: Option<String>,
    /// Obsolete: finite-field Diffie-Hellman is not used any more.
    pub(super) min_dh_prime_bits: Option<u32>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            on: false,
            starttls: true,
            certcheck: true,
            trust_file: TrustFile::System,
            crl_file: None,
            fingerprint: None,
            key_file: None,
            cert_file: None,
            priorities: None,
            host_override: None,
            min_dh_prime_bits: None,
        }
    }
}

/// `tls_trust_file`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TrustFile {
    /// No authority: a fingerprint must be there.
    None,
    /// Those of this system.
    System,
    /// Those in this PEM file.
    File(PathBuf),
}

/// Digest of a certificate, in lower-case hexadecimal digits without colons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fingerprint {
    /// 64 digits.
    Sha256(String),
    /// 40 digits of SHA-1 or 32 of MD5, which a warning asks to replace.
    Old(String),
}

impl Fingerprint {
    /// Reads octets in hexadecimal, with or without colons.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match digits.len() {
            64 if hex => Some(Self::Sha256(digits)),
            40 | 32 if hex => Some(Self::Old(digits)),
            _ => None,
        }
    }
}

/// `auth`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Auth {
    /// Nobody logs in.
    Off,
    /// The best that is offered.
    Choose,
    /// This one.
    Only(&'static str),
}

/// Ways to log in that are spoken, by their names in msmtprc.
pub(super) const MECHANISMS: [&str; 10] = [
    "plain",
    "login",
    "cram-md5",
    "scram-sha-1",
    "scram-sha-1-plus",
    "scram-sha-256",
    "scram-sha-256-plus",
    "external",
    "oauthbearer",
    "xoauth2",
];

/// Ways to log in that msmtp knows and that are not spoken: broken, or in need of Kerberos.
pub(super) const UNSPOKEN: [&str; 3] = ["gssapi", "digest-md5", "ntlm"];

/// When a header field is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum When {
    /// Where it is missing.
    Auto,
    /// Always, in the place of what is there.
    On,
    /// Never.
    Off,
}

/// `set_to_header`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum To {
    /// To and Cc stay as they are.
    Off,
    /// To names the recipients of the envelope; To and Cc go.
    On,
    /// To, Cc and Bcc give way to `To: undisclosed-recipients:;`.
    UndisclosedRecipients,
}

/// `logfile_time_format`
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum TimeFormat {
    /// `%b %d %H:%M:%S`
    #[default]
    Usual,
    /// The line begins without a time.
    None,
    /// As `strftime` has it.
    Strftime(String),
}

/// Facility of the system's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Facility {
    /// Its name: `LOG_MAIL`.
    pub(super) name: &'static str,
    /// Its number in RFC 5424 §6.2.1.
    pub(super) number: u8,
}

impl Facility {
    /// `LOG_USER`: what `syslog on` means.
    pub(super) const USER: Self = Self { name: "LOG_USER", number: 1 };

    /// Those that may be chosen.
    const ALL: [Self; 10] = [
        Self::USER,
        Self { name: "LOG_MAIL", number: 2 },
        Self { name: "LOG_LOCAL0", number: 16 },
        Self { name: "LOG_LOCAL1", number: 17 },
        Self { name: "LOG_LOCAL2", number: 18 },
        Self { name: "LOG_LOCAL3", number: 19 },
        Self { name: "LOG_LOCAL4", number: 20 },
        Self { name: "LOG_LOCAL5", number: 21 },
        Self { name: "LOG_LOCAL6", number: 22 },
        Self { name: "LOG_LOCAL7", number: 23 },
    ];

    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|facility| facility.name == name)
    }
}
