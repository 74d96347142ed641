//! What each RFC is to Rohrpost. A row is for those who ask "do you have it?", so it says what, and why not.

use Support::{Full, Later, No, Part, Used};

/// RFCs about one thing.
pub(super) struct Area {
    /// What they are about.
    pub(super) title: &'static str,
    /// By number.
    pub(super) rows: &'static [Row],
}

/// One RFC.
pub(super) struct Row {
    /// Its number.
    pub(super) number: u32,
    /// What it is about, shorter than its own title.
    pub(super) title: &'static str,
    /// Whether it is in.
    pub(super) support: Support,
    /// What of it, or why not.
    pub(super) note: &'static str,
}

/// Whether an RFC is in.
#[derive(Clone, Copy)]
pub(super) enum Support {
    /// All that it asks of the part we play.
    Full,
    /// The note says what.
    Part,
    /// It has its place and is not written yet.
    Later,
    /// The note says why not.
    No,
    /// It defines words, forms or test vectors that others here use.
    Used,
}

impl Support {
    /// As the page has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Full => "yes",
            Part => "in part",
            Later => "later",
            No => "no",
            Used => "used",
        }
    }
}

const fn row(number: u32, title: &'static str, support: Support, note: &'static str) -> Row {
    Row { number, title, support, note }
}

/// All there are.
pub(super) const AREAS: &[Area] = &[
    Area { title: "Mailboxes: IMAP", rows: IMAP },
    Area { title: "Mailboxes: POP3", rows: POP3 },
    Area { title: "Setting up mail programs", rows: SET_UP },
    Area { title: "Sending and receiving: SMTP, LMTP, submission", rows: SMTP },
    Area { title: "Messages, reports, signatures", rows: MESSAGES },
    Area { title: "Log-in", rows: LOGIN },
    Area { title: "Encryption and certificates", rows: TLS },
    Area { title: "DNS, DANE, MTA-STS", rows: DNS },
    Area { title: "Everything else", rows: ELSE },
];

const IMAP: &[Row] = &[
    row(2177, "IDLE", Full, "woken by the store's commits, nothing is polled"),
    row(
        2180,
        "mailboxes that several sessions change",
        Part,
        "what FETCH and STORE say of messages that another session took away",
    ),
    row(2342, "NAMESPACE", Full, "one personal namespace without a prefix, levels parted by `/`; no shared ones"),
    row(2971, "ID", Full, "what clients say of themselves goes into the log"),
    row(3348, "CHILDREN", Full, ""),
    row(3501, "IMAP4rev1", Full, "beside IMAP4rev2, which has no `\\Recent`: no message ever is"),
    row(3502, "MULTIAPPEND", Full, "messages pass through in pieces; all are filed or none"),
    row(3516, "BINARY", Full, "FETCH of decoded parts, and `literal8` in APPEND"),
    row(3691, "UNSELECT", Full, ""),
    row(4314, "ACL", Later, "with shared mailboxes"),
    row(4315, "UIDPLUS", Full, ""),
    row(4466, "forms for extensions", Part, "those forms that the extensions here have"),
    row(4469, "CATENATE", No, "only its code TOOBIG: no client of today builds messages on the server"),
    row(4731, "ESEARCH", Full, ""),
    row(4959, "SASL-IR", Full, ""),
    row(4978, "COMPRESS", Later, ""),
    row(5032, "WITHIN", Full, ""),
    row(5161, "ENABLE", Full, ""),
    row(5182, "SEARCHRES", Full, ""),
    row(5256, "SORT, THREAD", Full, "ORDEREDSUBJECT and REFERENCES"),
    row(5258, "LIST-EXTENDED", Full, "REMOTE is understood; there are no remote mailboxes"),
    row(5464, "METADATA", Later, ""),
    row(5465, "NOTIFY", Later, ""),
    row(5530, "response codes", Full, ""),
    row(5819, "LIST-STATUS", Full, ""),
    row(6154, "SPECIAL-USE", Full, "and CREATE-SPECIAL-USE"),
    row(6851, "MOVE", Full, "one transaction: a message is in one of the two mailboxes at any time"),
    row(6855, "UTF8=ACCEPT", Full, "replaced by RFC 9755, whose form of APPEND is read, too"),
    row(7162, "CONDSTORE, QRESYNC", Full, "one MODSEQ per message, none per flag"),
    row(7888, "LITERAL+", Full, "also what LITERAL- allows"),
    row(7889, "APPENDLIMIT", Full, "the size is that of messages on any way in"),
    row(8438, "STATUS=SIZE", Full, ""),
    row(8457, "`\\Important`", Part, "a mailbox may be for it; nothing here guesses what is"),
    row(8474, "OBJECTID", Full, ""),
    row(8508, "REPLACE", Later, ""),
    row(8514, "SAVEDATE", Full, ""),
    row(8970, "PREVIEW", Full, "made when a message is filed, so that LAZY is never needed"),
    row(9051, "IMAP4rev2", Full, ""),
    row(9208, "QUOTA", Part, "STORAGE, one root per account; SETQUOTA is refused, the operator sets quotas"),
];

const POP3: &[Row] = &[
    row(1939, "POP3", Part, "all but APOP, which would need passwords kept readable"),
    row(2449, "CAPA", Full, ""),
    row(2595, "STLS", Full, "and STARTTLS of IMAP"),
    row(3206, "SYS and AUTH codes", Full, ""),
    row(5034, "AUTH", Full, ""),
    row(6856, "UTF8", Part, "without LANG: answers are short and English"),
];

const SET_UP: &[Row] = &[
    row(6186, "SRV records", Full, "printed for the operator's zone, for the listeners that run"),
    row(8314, "implicit TLS", Full, "993, 995 and 465 before STARTTLS in everything that is proposed"),
    row(9562, "UUIDs", Used, "identifiers in profiles for Apple's programs"),
];

const SMTP: &[Row] = &[
    row(1047, "duplicates after a lost reply", Full, "the final reply is sent as soon as the commit is done"),
    row(1428, "8-bit in old mail", Used, ""),
    row(1870, "SIZE", Full, ""),
    row(2033, "LMTP", Full, "both sides"),
    row(2034, "ENHANCEDSTATUSCODES", Full, ""),
    row(2142, "names for roles", Full, "`postmaster` and its like always reach somebody"),
    row(2554, "AUTH before RFC 4954", Used, ""),
    row(2920, "PIPELINING", Full, ""),
    row(3030, "CHUNKING", Part, "BDAT without BINARYMIME"),
    row(3207, "STARTTLS", Part, "HELO and RSET before required TLS are answered: old clients learn at MAIL why"),
    row(3461, "DSN", Full, ""),
    row(3848, "`with` of Received", Full, ""),
    row(4865, "FUTURERELEASE", Full, "of the server"),
    row(4954, "AUTH", Full, ""),
    row(5321, "SMTP", Part, "a bare CR or LF in content is mended, or refused as set; it never ends a message"),
    row(6152, "8BITMIME", Part, "8-bit goes to a peer without it where a change would break a signature"),
    row(6409, "submission", Full, ""),
    row(6531, "SMTPUTF8", Full, ""),
    row(7505, "null MX", Full, ""),
    row(8689, "REQUIRETLS", Full, ""),
    row(9228, "Delivered-To", Full, ""),
    row(9422, "LIMITS", Full, ""),
];

const MESSAGES: &[Row] = &[
    row(822, "old messages", Used, "forms of addresses and dates that are still read"),
    row(1864, "Content-MD5", Part, "read for BODYSTRUCTURE"),
    row(2045, "MIME", Full, ""),
    row(2046, "MIME: types", Full, ""),
    row(2047, "MIME: words in headers", Full, ""),
    row(2183, "Content-Disposition", Full, ""),
    row(2231, "MIME: parameters", Full, ""),
    row(2369, "List-… fields", Full, "written for those who send to lists"),
    row(2387, "multipart/related", Full, "written"),
    row(2392, "`cid:`", Full, "written"),
    row(2557, "Content-Location", Part, "read for BODYSTRUCTURE"),
    row(3282, "Content-Language", Part, "read for BODYSTRUCTURE"),
    row(3463, "enhanced status codes", Full, ""),
    row(3464, "reports of delivery", Full, ""),
    row(3834, "automatic answers", Full, "none is sent to a null sender; what is automatic says so"),
    row(5322, "messages", Full, ""),
    row(5545, "calendars", Used, "invitations are carried, not made"),
    row(6047, "calendars by mail", Full, "written"),
    row(6376, "DKIM", Part, "signing by senders"),
    row(6522, "multipart/report", Full, ""),
    row(6532, "UTF-8 in headers", Full, ""),
    row(6533, "reports in UTF-8", Full, ""),
    row(8058, "one-click unsubscribe", Full, "written"),
    row(8098, "reports of reading", Part, "they go with a null sender"),
    row(8463, "DKIM with Ed25519", Full, "signing by senders"),
];

const LOGIN: &[Row] = &[
    row(2195, "CRAM-MD5", Part, "only to old servers; never offered"),
    row(4422, "SASL", Full, ""),
    row(4616, "PLAIN", Full, ""),
    row(5802, "SCRAM", Full, ""),
    row(6749, "OAuth 2.0", Part, "as a client that needs tokens to send"),
    row(6750, "bearer tokens", Part, "as a client"),
    row(7617, "Basic", Used, "of clients to servers of tokens"),
    row(7628, "OAUTHBEARER", Part, "as a client"),
    row(7636, "PKCE", Full, ""),
    row(7677, "SCRAM-SHA-256", Full, ""),
    row(8252, "OAuth for programs", Full, ""),
    row(8265, "names and passwords", Full, ""),
    row(8628, "OAuth for devices", Full, ""),
];

const TLS: &[Row] = &[
    row(1321, "MD5", Used, "CRAM-MD5, and pins of certificates in old configurations"),
    row(2104, "HMAC", Used, ""),
    row(2202, "HMAC: vectors", Used, ""),
    row(3370, "CMS: algorithms", Used, ""),
    row(4231, "HMAC-SHA-2: vectors", Used, ""),
    row(5246, "TLS 1.2", Full, "by rustls, with forward secrecy and AEAD only"),
    row(5280, "certificates", Full, "by rustls and webpki"),
    row(5652, "CMS", Part, "signed data, for profiles"),
    row(5758, "ECDSA in certificates", Used, ""),
    row(5929, "channel binding", Part, "`tls-server-end-point`"),
    row(6066, "SNI", Full, ""),
    row(6070, "PBKDF2: vectors", Used, ""),
    row(6125, "names in certificates", Used, "replaced by RFC 9525"),
    row(7301, "ALPN", Full, "who names another protocol gets no handshake"),
    row(7468, "PEM", Full, ""),
    row(7914, "PBKDF2-SHA-256: vectors", Used, ""),
    row(8017, "RSA", Used, ""),
    row(8018, "PBKDF2", Used, ""),
    row(8446, "TLS 1.3", Full, "by rustls"),
    row(8996, "TLS 1.0 and 1.1 are over", Full, ""),
    row(9266, "channel binding: `tls-exporter`", Full, ""),
    row(9525, "names in certificates", Full, ""),
];

const DNS: &[Row] = &[
    row(1034, "DNS", Full, "by hickory"),
    row(1035, "DNS", Full, "by hickory"),
    row(2606, "reserved names", Used, ""),
    row(2782, "SRV", Full, ""),
    row(4035, "DNSSEC", Full, "by hickory, or by a resolver whose word can be trusted"),
    row(5891, "IDNA", Full, ""),
    row(6698, "TLSA", Full, ""),
    row(6761, "special names", Full, "`localhost` and `invalid` are never asked for"),
    row(6840, "DNSSEC: clarified", Part, "the AD bit"),
    row(7671, "DANE: operation", Full, ""),
    row(7672, "DANE for SMTP", Full, ""),
    row(8020, "nothing below NXDOMAIN", Full, ""),
    row(8305, "Happy Eyeballs", Full, ""),
    row(8461, "MTA-STS", Later, "routes and policies have its word already"),
];

const ELSE: &[Row] = &[
    row(1928, "SOCKS5", Part, "as a client of a proxy"),
    row(1929, "SOCKS5: passwords", Part, "as a client of a proxy"),
    row(3164, "syslog", Used, "lines for the log of the host"),
    row(3986, "URLs", Used, "addresses of servers"),
    row(4180, "CSV", Full, "rows of `merge`"),
    row(5424, "syslog", Used, "severities and facilities"),
    row(9110, "HTTP", Part, "what set-up help and tokens need"),
    row(9112, "HTTP/1.1", Part, "what set-up help needs, by hyper; who asks must say clearly for whom"),
];
