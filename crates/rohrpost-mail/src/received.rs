//! The Received field that each server puts on top: RFC 5321 §4.4.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

use jiff::Timestamp;

use crate::{
    address::Mailbox,
    date,
    domain::{Domain, Host},
    id::QueueId,
    record::TlsInfo,
};

/// Which protocol a message came by: RFC 3848, RFC 6531 §4.3.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct With {
    /// LHLO rather than EHLO.
    pub lmtp: bool,
    /// EHLO rather than HELO.
    pub extended: bool,
    /// Inside TLS.
    pub tls: bool,
    /// After AUTH.
    pub authenticated: bool,
    /// With SMTPUTF8.
    pub utf8: bool,
}

/// `SMTP`, `ESMTPSA`, `UTF8SMTPS`, `LMTP`, …
impl fmt::Display for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.lmtp, self.utf8, self.extended) {
            (true, true, _) => "UTF8LMTP",
            (true, false, _) => "LMTP",
            (false, true, _) => "UTF8SMTP",
            (false, false, true) => "ESMTP",
            (false, false, false) => return f.write_str("SMTP"),
        })?;
        f.write_str(if self.tls { "S" } else { "" })?;
        f.write_str(if self.authenticated { "A" } else { "" })
    }
}

/// Who handed the message over.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// An account: neither address nor host is told (privacy).
    Authenticated,
    /// A program on this machine, over a unix socket.
    Local,
    /// A program that this user of this machine runs, handed in by the submit socket or the drop directory.
    User(u32),
    /// A peer, told in full.
    Peer {
        /// What it called itself.
        helo: &'a str,
        /// The name its address resolves to and back, if any.
        name: Option<&'a Domain>,
        /// Where it called from.
        address: IpAddr,
    },
}

/// All that the field tells.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who handed the message over.
    pub source: Source<'a>,
    /// Who took it.
    pub by: &'a Domain,
    /// How it came; none where no registered word fits.
    pub with: Option<With>,
    /// The facts of TLS, if it was used.
    pub tls: Option<&'a TlsInfo>,
    /// Our id.
    pub id: QueueId,
    /// The recipient, only where there is exactly one: more would tell a hidden one (RFC 5321 §7.2).
    pub recipient: Option<&'a Mailbox>,
    /// When.
    pub at: Timestamp,
}

impl Received<'_> {
    /// The whole field, folded, with its line end.
    pub fn field(&self) -> String {
        let mut field = String::from("Received: from ");
        self.write_source(&mut field).expect("a String takes all");
        let Self { by, with, id, .. } = self;
        write!(field, "\r\n\tby {by}").expect("a String takes all");
        if let Some(with) = with {
            write!(field, " with {with}").expect("a String takes all");
        }
        write!(field, " id {id}").expect("a String takes all");
        if let Some(TlsInfo { version, suite, group, .. }) = self.tls {
            write!(field, "\r\n\t({version} {suite} {group})").expect("a String takes all");
        }
        if let Some(recipient) = self.recipient {
            write!(field, "\r\n\tfor <{recipient}>").expect("a String takes all");
        }
        write!(field, ";\r\n\t{}\r\n", date::rfc5322(self.at)).expect("a String takes all");
        field
    }

    fn write_source(&self, field: &mut String) -> fmt::Result {
        match self.source {
            Source::Authenticated => write!(field, "authenticated ({})", self.by),
            Source::Local => write!(field, "local ({})", self.by),
            Source::User(uid) => write!(field, "local (local uid {uid})"),
            Source::Peer { helo, name, address } => {
                let literal = Host::Literal(address);
                match name {
                    Some(name) => write!(field, "{} ({name} {literal})", Helo(helo)),
                    None => write!(field, "{} ({literal})", Helo(helo)),
                }
            }
        }
    }
}

/// A name that a stranger chose, made fit for a header: only what host names and literals have.
struct Helo<'a>(&'a str);

impl fmt::Display for Helo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("unknown");
        }
        self.0.chars().try_for_each(|c| {
            let plain = c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            f.write_char(if plain { c } else { '?' })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{TlsVersion, Verification};

    #[test]
    fn a_stranger_is_told_in_full_and_cannot_break_the_line() {
        let tls = TlsInfo {
            version: TlsVersion::Tls13,
            suite: "TLS_AES_256_GCM_SHA384".into(),
            group: "X25519MLKEM768".into(),
            sni: None,
            peer_certificate: None,
            resumed: false,
            verification: Verification::NoCertificate,
        };
        let received = Received {
            source: Source::Peer { helo: "mx\r\nX: y (evil)", name: None, address: "2001:db8::1".parse().unwrap() },
            by: &"mx.here.test".parse().unwrap(),
            with: Some(With { extended: true, tls: true, ..With::default() }),
            tls: Some(&tls),
            id: QueueId::from_i64(1),
            recipient: Some(&"ann@here.test".parse().unwrap()),
            at: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            received.field(),
            "Received: from mx??X:?y??evil? ([IPv6:2001:db8::1])\r\n\
             \tby mx.here.test with ESMTPS id 0000000000001\r\n\
             \t(TLSv1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768)\r\n\
             \tfor <ann@here.test>;\r\n\
             \tSun, 22 Nov 2026 10:00:00 +0000\r\n"
        );
    }

    #[test]
    fn an_account_is_told_neither_by_address_nor_by_host() {
        let received = Received {
            source: Source::Authenticated,
            by: &"mx.here.test".parse().unwrap(),
            with: Some(With { extended: true, tls: true, authenticated: true, ..With::default() }),
            tls: None,
            id: QueueId::from_i64(1),
            recipient: None,
            at: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        assert!(
            received
                .field()
                .starts_with("Received: from authenticated (mx.here.test)\r\n\tby mx.here.test with ESMTPSA id")
        );
    }

    #[test]
    fn a_user_of_this_machine_is_told_by_number_and_no_protocol_is_made_up() {
        let received = Received {
            source: Source::User(33),
            by: &"mx.here.test".parse().unwrap(),
            with: None,
            tls: None,
            id: QueueId::from_i64(1),
            recipient: None,
            at: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            received.field(),
            "Received: from local (local uid 33)\r\n\tby mx.here.test id 0000000000001;\r\n\
             \tSun, 22 Nov 2026 10:00:00 +0000\r\n"
        );
    }

    #[test]
    fn the_protocol_has_its_registered_word() {
        let with =
            |lmtp, extended, tls, authenticated, utf8| With { lmtp, extended, tls, authenticated, utf8 }.to_string();
        assert_eq!(with(false, false, false, false, false), "SMTP");
        assert_eq!(with(false, true, true, true, false), "ESMTPSA");
        assert_eq!(with(false, true, true, false, true), "UTF8SMTPS");
        assert_eq!(with(true, true, false, false, false), "LMTP");
        assert_eq!(with(true, true, true, true, true), "UTF8LMTPSA");
    }
}
