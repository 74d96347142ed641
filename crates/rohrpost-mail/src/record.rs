//! The delivery record: what every hop of every message leaves behind.
//!
//! A record answers how well the hop was sealed ([`Seal`]), which policy asked for what, what the peer replied and when.
//! `trace`, the web pages, the sending API and bounces all show the same record.

use std::{fmt, net::SocketAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    address::Mailbox,
    id::QueueId,
    policy::{Policy, PolicySource, WordError, words},
    reply::Reply,
};

words! {
    /// The one word for how well a hop was sealed.
    #[derive(Ord, PartialOrd)]
    Seal: "cleartext, encrypted or verified" {
        /// Nothing was encrypted.
        Cleartext = "cleartext",
        /// Encrypted, but the peer may have been anybody.
        Encrypted = "encrypted",
        /// Encrypted, and the peer proved who it was.
        Verified = "verified",
    }
}

words! {
    /// Version of TLS.
    TlsVersion: "TLSv1.2 or TLSv1.3" {
        /// RFC 5246
        Tls12 = "TLSv1.2",
        /// RFC 8446
        Tls13 = "TLSv1.3",
    }
}

words! {
    /// What proved the peer's identity.
    VerifiedBy: "webpki, ca, dane, pin or client-ca" {
        /// An authority that the system trusts, and the name.
        WebPki = "webpki",
        /// A private authority, and the name.
        Ca = "ca",
        /// TLSA records.
        Dane = "dane",
        /// A pinned certificate or key.
        Pin = "pin",
        /// A client certificate by an authority of the listener.
        ClientCa = "client-ca",
    }
}

/// What the look at the peer's certificate said.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Verification {
    /// The peer is who it should be.
    Verified {
        /// What proved it.
        by: VerifiedBy,
    },
    /// It is not, or nobody can say; the reason in words, such as `self-signed` or `expired on 2026-01-01`.
    Unverified {
        /// Why.
        reason: String,
    },
    /// The peer showed no certificate (incoming mail, mostly).
    NoCertificate,
}

/// The facts of one TLS connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TlsInfo {
    /// Version.
    pub version: TlsVersion,
    /// Cipher suite as IANA names it, such as `TLS_AES_256_GCM_SHA384`.
    pub suite: String,
    /// Key exchange group as IANA names it, such as `X25519MLKEM768`.
    pub group: String,
    /// Name that was asked for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// SHA-256 of the peer's certificate, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_certificate: Option<String>,
    /// Whether the handshake resumed an earlier session.
    #[serde(default)]
    pub resumed: bool,
    /// What the certificate was worth.
    pub verification: Verification,
}

/// How the link of a hop was sealed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "link")]
pub enum Link {
    /// Inside TLS.
    Tls(TlsInfo),
    /// In clear text, and why.
    Clear {
        /// `not offered`, `handshake failed`, `HELO`, `off`, `not asked for` …
        reason: String,
    },
    /// No network at all: a local mailbox, a unix socket.
    Local,
    /// No connection came about.
    None,
}

impl Link {
    /// The one word; nothing where no octet of the message travelled.
    pub fn seal(&self) -> Option<Seal> {
        match self {
            Self::Tls(TlsInfo { verification: Verification::Verified { .. }, .. }) => Some(Seal::Verified),
            Self::Tls(_) => Some(Seal::Encrypted),
            Self::Clear { .. } => Some(Seal::Cleartext),
            Self::Local | Self::None => None,
        }
    }
}

/// Which way the message went.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To us.
    In,
    /// From us, or into one of our mailboxes.
    Out,
}

/// What came of it, per recipient.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It came in and is on stable storage.
    Received,
    /// It lies in a local mailbox.
    Filed {
        /// Account and folder, such as `ann@here.test/INBOX`.
        mailbox: String,
    },
    /// The next server took it.
    Relayed,
    /// An alias, list or forwarding put other recipients in this one's place.
    Expanded {
        /// How many.
        into: u32,
    },
    /// It waits for another attempt.
    Deferred {
        /// Not before.
        until: Timestamp,
    },
    /// It cannot be delivered.
    Failed,
    /// It waited too long.
    Expired,
    /// An operator took it out of the queue.
    Removed {
        /// Who, such as `uid 0`.
        by: String,
    },
    /// The connection was lost after the final dot: it may have been sent, and may be sent twice.
    PossiblyDuplicated,
    /// A change that sends nothing: an operator's verb (`held`, `released`, `retry`, `routed to X`), or what the queue does
    /// by itself (`goes by X from now on`).
    Noted {
        /// What was done.
        what: String,
    },
}

/// One hop of one message for one recipient.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeliveryRecord {
    /// When the hop ended.
    pub at: Timestamp,
    /// Which message.
    pub message: QueueId,
    /// For whom; none where it concerns them all (a message that came in).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Mailbox>,
    /// Which way.
    pub direction: Direction,
    /// `ESMTPSA`, `LMTP`, … (RFC 3848), or `local`.
    pub protocol: String,
    /// The peer's name: MX host, relay, or what a client called itself in EHLO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The account that logged in, on either side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The route taken: `mx`, `local`, or the name of a `[[route]]`; for incoming mail the listener.
    pub route: String,
    /// What the destination asked of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_source: Option<PolicySource>,
    /// How the link was sealed.
    pub link: Link,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Where it ended: `dns`, `connect`, `greeting`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, `dot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The last reply, theirs or (incoming) ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// What else is to be said, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Which attempt for this recipient, from 1; 0 for incoming mail.
    #[serde(default)]
    pub attempt: u32,
    /// Octets of the message.
    #[serde(default)]
    pub octets: u64,
    /// Milliseconds from the first step of the attempt to its end.
    #[serde(default)]
    pub millis: u64,
}

impl DeliveryRecord {
    /// A hop of which nothing more is known: within this host, by nobody, for all recipients.
    pub fn new(
        message: QueueId,
        at: Timestamp,
        direction: Direction,
        route: impl Into<String>,
        link: Link,
        outcome: Outcome,
    ) -> Self {
        Self {
            at,
            message,
            recipient: None,
            direction,
            protocol: "local".to_owned(),
            peer: None,
            address: None,
            account: None,
            route: route.into(),
            policy: None,
            policy_source: None,
            link,
            outcome,
            stage: None,
            reply: None,
            note: None,
            attempt: 0,
            octets: 0,
            millis: 0,
        }
    }

    /// The way in of a message that this server wrote itself, such as a notice or a bounce.
    pub fn written_here(message: QueueId, at: Timestamp, route: &str, octets: u64) -> Self {
        Self { octets, ..Self::new(message, at, Direction::In, route, Link::Local, Outcome::Received) }
    }

    /// Whether it is the way in of a message of this kind that this server wrote itself. Whoever brings a message has a
    /// protocol or a user.
    pub fn is_written_here(&self, route: &str) -> bool {
        self.direction == Direction::In && self.protocol == "local" && self.peer.is_none() && self.route == route
    }

    /// The user of this host whose program handed the message in: the peer of such a hop is `uid` and a number.
    pub fn submitter_uid(&self) -> Option<u32> {
        let peer = self.peer.as_deref().filter(|_| self.protocol == "local")?;
        peer.strip_prefix("uid ")?.parse().ok()
    }

    /// The one word for this hop.
    pub fn seal(&self) -> Option<Seal> {
        self.link.seal()
    }
}

words! {
    /// Where in the dialogue an attempt ended.
    #[derive(Ord, PartialOrd)]
    Stage: "dns, policy, connect, tls, greeting, ehlo, starttls, auth, mail, rcpt, data, dot or local" {
        /// Looking for the host.
        Dns = "dns",
        /// No host met the policy.
        Policy = "policy",
        /// The TCP connection.
        Connect = "connect",
        /// The TLS handshake.
        Tls = "tls",
        /// The greeting.
        Greeting = "greeting",
        /// EHLO, HELO or LHLO.
        Ehlo = "ehlo",
        /// The reply to STARTTLS.
        Starttls = "starttls",
        /// AUTH.
        Auth = "auth",
        /// MAIL.
        Mail = "mail",
        /// RCPT.
        Rcpt = "rcpt",
        /// DATA or BDAT, and the body.
        Data = "data",
        /// The reply to the whole message.
        Dot = "dot",
        /// Filing into a local mailbox.
        Local = "local",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_calls_itself_a_user_of_this_host_is_none() {
        let at = Timestamp::UNIX_EPOCH;
        let hop = |protocol: &str| DeliveryRecord {
            protocol: protocol.into(),
            peer: Some("uid 33".into()),
            ..DeliveryRecord::written_here(QueueId::from_i64(1), at, "submit", 0)
        };
        assert_eq!(hop("local").submitter_uid(), Some(33));
        assert_eq!(hop("ESMTP").submitter_uid(), None);
    }

    #[test]
    fn nobody_elses_message_is_one_of_ours_whatever_its_listener_is_called() {
        let ours = DeliveryRecord::written_here(QueueId::from_i64(1), Timestamp::UNIX_EPOCH, "notice", 0);
        assert!(ours.is_written_here("notice") && !ours.is_written_here("bounce"));
        for theirs in [
            DeliveryRecord { protocol: "LMTP".into(), ..ours.clone() },
            DeliveryRecord { peer: Some("uid 33".into()), ..ours.clone() },
        ] {
            assert!(!theirs.is_written_here("notice"));
        }
    }
}
