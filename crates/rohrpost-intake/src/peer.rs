//! What is known about the other side of a session.

use std::{net::SocketAddr, sync::Arc};

use rohrpost_dns::AddressName;
use rohrpost_mail::{Domain, Host, Link, ReversePath, TlsInfo, received};
use rohrpost_queue::Origin;
use rohrpost_store::Account;

/// What a listener is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Mail from other servers, and from trusted networks.
    Smtp,
    /// Mail from accounts.
    Submission,
    /// Local delivery, with a reply per recipient.
    Lmtp,
    /// Reading mail by IMAP or POP3.
    Mailboxes,
}

/// What is known about the other side of a session. The driver keeps it and fills it in as the session goes on.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Name of the session in logs.
    pub session: Arc<str>,
    /// Name of the listener, as records have it.
    pub listener: Arc<str>,
    /// What the listener is for.
    pub role: Role,
    /// What we call ourselves here.
    pub host_name: Domain,
    /// Where the peer is; none for a unix socket.
    pub address: Option<SocketAddr>,
    /// The name its address resolves to and back, where that was asked.
    pub name: Option<Domain>,
    /// Whether DNS said that there is no such name. Not to know is no bad mark: a dead resolver is not the peer's fault.
    pub is_nameless: bool,
    /// Messages an hour, for a member of a trusted network (0: without limit).
    pub trusted: Option<u32>,
    /// What it called itself.
    pub helo: String,
    /// EHLO or LHLO rather than HELO.
    pub is_extended: bool,
    /// Whether the listener has TLS to offer.
    pub is_tls_offered: bool,
    /// The facts of TLS.
    pub tls: Option<TlsInfo>,
    /// Who logged in.
    pub account: Option<Arc<Account>>,
    /// The user of this host whose program hands the message in, as the kernel says; see [`crate::submit`].
    pub uid: Option<u32>,
}

impl Peer {
    /// Takes down what DNS says of its address.
    pub fn learn_name(&mut self, name: AddressName) {
        self.is_nameless = name == AddressName::None;
        self.name = match name {
            AddressName::Verified(name) => Some(name),
            AddressName::None | AddressName::Unknown => None,
        };
    }

    /// Unix sockets, members of trusted networks and the MTA in front of LMTP: no delay, no limit of strangers.
    pub fn is_known(&self) -> bool {
        self.address.is_none() || self.trusted.is_some() || self.is_mta_in_front()
    }

    /// Whoever speaks LMTP is an MTA of the operator that has taken the mail (RFC 2033 §1), over TCP as over a unix socket.
    /// Strangers' mail was judged there: what is refused here for its sender comes back to people who never sent it.
    pub fn is_mta_in_front(&self) -> bool {
        self.role == Role::Lmtp
    }

    /// Neither logged in nor known.
    pub fn is_stranger(&self) -> bool {
        self.account.is_none() && !self.is_known()
    }

    /// Whether it called itself something that no server is called: our name, no domain with a dot, no literal.
    pub fn has_odd_name(&self) -> bool {
        match Host::parse(&self.helo) {
            _ if self.helo.is_empty() => false,
            Ok(Host::Literal(_)) => false,
            Ok(Host::Name(name)) => name == self.host_name || !name.as_str().contains('.'),
            Err(_) => true,
        }
    }

    /// A stranger on the port of servers that has no name, or goes by one that no server has: it is answered slowly.
    pub fn is_suspicious(&self) -> bool {
        self.role == Role::Smtp && self.is_stranger() && (self.is_nameless || self.has_odd_name())
    }

    /// Whether it may send to somebody else's server.
    pub fn may_relay(&self) -> bool {
        !matches!(self.role, Role::Lmtp | Role::Mailboxes) && (self.is_submitting() || self.trusted.is_some())
    }

    /// An account or a program of this host: what it sends is a new message, which may be repaired (RFC 6409 §8).
    pub fn is_submitting(&self) -> bool {
        self.account.is_some() || self.uid.is_some()
    }

    /// What the routing of its message may ask; `head` is as much as there is of the message.
    pub(crate) fn origin<'a>(&'a self, sender: &'a ReversePath, head: &'a [u8]) -> Origin<'a> {
        Origin { sender, login: self.account.as_ref().map(|account| account.login.as_str()), uid: self.uid, head }
    }

    /// The registered word for how a message came (RFC 3848, RFC 6531 §4.3). There is none for what programs of this host
    /// hand in.
    pub fn with(&self, utf8: bool) -> Option<received::With> {
        let with = received::With {
            lmtp: self.role == Role::Lmtp,
            extended: self.is_extended,
            tls: self.tls.is_some(),
            authenticated: self.account.is_some(),
            utf8,
        };
        self.uid.is_none().then_some(with)
    }

    /// How the link of the hop was sealed, for the record.
    pub fn link(&self) -> Link {
        match &self.tls {
            Some(tls) => Link::Tls(tls.clone()),
            None if self.address.is_none() => Link::Local,
            None => {
                let reason = match (self.is_tls_offered, self.is_extended) {
                    (false, _) => "not offered",
                    (true, false) => "HELO",
                    (true, true) => "not asked for",
                };
                Link::Clear { reason: reason.to_owned() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(helo: &str) -> Peer {
        Peer {
            session: "s".into(),
            listener: "mx".into(),
            role: Role::Smtp,
            host_name: "mx.here.test".parse().unwrap(),
            address: "192.0.2.1:25".parse().ok(),
            name: None,
            is_nameless: false,
            trusted: None,
            helo: helo.into(),
            is_extended: true,
            is_tls_offered: true,
            tls: None,
            account: None,
            uid: None,
        }
    }

    #[test]
    fn s15_names_that_no_server_has_are_odd() {
        for odd in ["localhost", "MX.here.test", "a b", "%", "_", "[999.1.1.1]"] {
            assert!(peer(odd).has_odd_name(), "{odd}");
        }
        for usual in ["mx.there.test", "[192.0.2.1]", "[IPv6:2001:db8::1]", ""] {
            assert!(!peer(usual).has_odd_name(), "{usual}");
        }
    }

    #[test]
    fn a_stranger_whose_name_nobody_could_look_up_is_not_suspicious() {
        assert!(!peer("mx.there.test").is_suspicious());
        assert!(peer("localhost").is_suspicious());
        let mut nameless = peer("mx.there.test");
        nameless.learn_name(AddressName::Unknown);
        assert!(!nameless.is_suspicious());
        nameless.learn_name(AddressName::None);
        assert!(nameless.is_suspicious());
        assert!(!Peer { trusted: Some(0), ..nameless.clone() }.is_suspicious());
        assert!(!Peer { role: Role::Submission, ..nameless }.is_suspicious());
    }

    #[test]
    fn whoever_speaks_lmtp_is_no_stranger() {
        let in_front = Peer { role: Role::Lmtp, ..peer("localhost") };
        assert!(!in_front.is_stranger() && !in_front.may_relay());
        assert!(peer("localhost").is_stranger());
    }

    #[test]
    fn the_record_says_why_a_link_is_in_clear_text() {
        let reason = |peer: &Peer| match peer.link() {
            Link::Clear { reason } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(&peer("x.test")), "not asked for");
        assert_eq!(reason(&Peer { is_extended: false, ..peer("x.test") }), "HELO");
        assert_eq!(reason(&Peer { is_tls_offered: false, ..peer("x.test") }), "not offered");
        assert_eq!(Peer { address: None, ..peer("x.test") }.link(), Link::Local);
    }
}
