//! `[[listener]]` and `[tls]`.

use std::path::PathBuf;

use ipnet::IpNet;
use rohrpost_mail::{Domain, ListenerTls, MinTls};
use serde::Deserialize;

/// One place where mail comes in.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Name in logs, records and metrics.
    ///
    /// Required: `"mx"`
    pub(crate) name: String,

    /// `"smtp"`: mail for our domains. `"submission"`: mail from accounts to anywhere. `"lmtp"`: local delivery, one
    /// reply per recipient (RFC 2033). `"imap"` and `"pop3"`: accounts read their mail.
    ///
    /// Whoever speaks LMTP is taken for an MTA of yours that has judged sender and client: no delays, limits or checks of
    /// strangers. So let it listen on a unix socket, on loopback or in a network of your own.
    ///
    /// Required: `"smtp"`
    pub(crate) protocol: ProtocolWord,

    /// One address or a list: `"0.0.0.0:25"`, `"[::]:25"`, `"unix:/run/rohrpost/lmtp.sock"`, or `"systemd:NAME"` for
    /// the sockets of that name (`FileDescriptorName=`) that systemd hands over. Needs a restart.
    ///
    /// Required: `["0.0.0.0:25", "[::]:25"]`
    pub(crate) address: OneOrMany,

    /// Permissions of its unix sockets in octal, as `chmod` takes them. Whoever may write may bring mail, without the
    /// delays and limits that strangers have. Needs a restart.
    ///
    /// Default: `"0660"`
    pub(crate) mode: Option<String>,

    /// Group of its unix sockets, for programs that run as another user. Unset: that of whoever starts the server. Needs
    /// a restart.
    ///
    /// Example: `"postfix"`
    pub(crate) group: Option<String>,

    /// Whether the listener is open. A closed one still lends its `auth.tls` to others, see there. A reload
    /// closes it at once; to open it again needs a restart.
    ///
    /// Default: `true`
    #[serde(default = "yes")]
    pub(crate) enabled: bool,

    /// `"off"`; `"offered"`: STARTTLS may be used; `"required"`: before STARTTLS nothing else is answered (not for a
    /// public MX: RFC 3207 §4); `"implicit"`: TLS from the first octet. Unset: `"implicit"` on the ports 465, 993 and
    /// 995, else `"offered"` for smtp, `"required"` for submission, imap and pop3, `"off"` for lmtp. POP3 calls the
    /// command STLS.
    ///
    /// Example: `"offered"`
    pub(crate) tls: Option<ListenerTls>,

    /// Where log-ins are taken.
    #[serde(default)]
    pub(crate) auth: Auth,

    /// Whether a client must log in before it sends. Unset: yes for submission, else no. Not for imap and pop3, where
    /// there is nothing to do without.
    ///
    /// Example: `false`
    pub(crate) require_auth: Option<bool>,

    /// Name in the greeting, where it is not the `host_name` of the node.
    ///
    /// Example: `"mx.example.org"`
    pub(crate) host_name: Option<Domain>,

    /// Certificate of this listener, where it is not one of `[tls]`.
    ///
    /// Example: `{ cert = "mx.pem", key = "mx.key" }`
    pub(crate) certificate: Option<Certificate>,

    /// PEM file with authorities whose client certificates are asked for, checked and recorded. Unset: none is asked
    /// for.
    ///
    /// Example: `"partners.pem"`
    pub(crate) client_ca: Option<PathBuf>,

    /// SMTP extensions that are hidden and refused. Not for imap and pop3.
    #[serde(default)]
    pub(crate) extensions: Extensions,

    /// Networks of proxies that announce the true client by the PROXY protocol (v1, v2); from there the header is
    /// mandatory, from anywhere else it is refused.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) proxy_networks: Vec<IpNet>,

    /// A bare CR or LF in a message is made CRLF (`"normalize"`), or the message is refused (`"reject"`). Neither ends
    /// a message, and neither ever leaves.
    ///
    /// Default: `"normalize"`
    #[serde(default)]
    pub(crate) bare_newline: BareNewlines,
}

fn yes() -> bool {
    true
}

/// The dialogue that a listener speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProtocolWord {
    /// RFC 5321
    Smtp,
    /// RFC 6409
    Submission,
    /// RFC 2033
    Lmtp,
    /// RFC 9051 and RFC 3501
    Imap,
    /// RFC 1939
    Pop3,
}

/// `x` or `[x, y]`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// After a handshake, STARTTLS or implicit, only `auth.tls` counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Auth {
    /// Whether passwords may cross the network in clear text. Leave it off.
    ///
    /// Default: `false`
    pub(crate) clear: bool,

    /// Whether log-ins are taken inside TLS. Unset: as the listener with implicit TLS of the same protocol says, also
    /// when that one is closed; without one: yes for submission, imap and pop3, else no.
    ///
    /// Example: `true`
    pub(crate) tls: Option<bool>,
}

/// Keywords as EHLO lists them: `PIPELINING`, `8BITMIME`, `SMTPUTF8`, `CHUNKING`, `DSN`, `SIZE`, `LIMITS`, ….
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Extensions {
    /// Hidden from everybody.
    ///
    /// Default: `[]`
    pub(crate) disable: Vec<String>,

    /// Hidden from some networks: peers that misuse one.
    ///
    /// Example: `[{ networks = ["192.0.2.0/24"], disable = ["CHUNKING"] }]`
    pub(crate) disable_for: Vec<DisabledFor>,
}

/// Keywords that some networks do not get to see.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisabledFor {
    /// Whom it concerns.
    pub(crate) networks: Vec<IpNet>,
    /// What is hidden.
    pub(crate) disable: Vec<String>,
}

/// What happens to a bare CR or LF.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BareNewlines {
    /// It becomes CRLF.
    #[default]
    Normalize,
    /// 550, and the connection is closed.
    Reject,
}

/// Without a certificate the server makes a self-signed one at its first start, and warns: enough for other mail
/// servers, not for mail programs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// Certificates with their chains, and keys, in PEM files. The name that a client asks for picks one, the first is
    /// the default. Changed files are noticed and read anew.
    ///
    /// Example: `[{ cert = "/etc/ssl/mx.example.org.pem", key = "/etc/ssl/mx.example.org.key" }]`
    pub(crate) certificates: Vec<Certificate>,

    /// The oldest version that is spoken: `"1.2"` or `"1.3"`.
    ///
    /// Default: `"1.2"`
    pub(crate) min: MinTls,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// The certificate, then its chain.
    pub(crate) cert: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}
