//! What is known about the other side of a session.

use std::{net::SocketAddr, sync::Arc};

use rohrpost_mail::{Domain, Host, Link, TlsInfo, received};
use rohrpost_store::Account;

/// What a listener is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Mail from other servers, and from trusted networks.
    Smtp,
    /// Mail from accounts.
    Submission,
    /// Local delivery, with a reply per recipient.
    Lmtp,
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
    /// Messages an hour, for a member of a trusted network (0: without limit).
    pub trusted: Option<u32>,
    /// What it called itself.
    pub helo: String,
    /// EHLO or LHLO rather than HELO.
    pub is_extended: bool,
    /// The facts of TLS.
    pub tls: Option<TlsInfo>,
    /// Who logged in.
    pub account: Option<Arc<Account>>,
}

impl Peer {
    /// Unix sockets and members of trusted networks: no delay, no limit of strangers.
    pub fn is_known(&self) -> bool {
        self.address.is_none() || self.trusted.is_some()
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

    /// Whether it may send to somebody else's server.
    pub fn may_relay(&self) -> bool {
        self.role != Role::Lmtp && (self.account.is_some() || self.trusted.is_some())
    }

    /// The registered word for how a message came (RFC 3848, RFC 6531 §4.3).
    pub fn with(&self, utf8: bool) -> received::With {
        received::With {
            lmtp: self.role == Role::Lmtp,
            extended: self.is_extended,
            tls: self.tls.is_some(),
            authenticated: self.account.is_some(),
            utf8,
        }
    }

    /// How the link of the hop was sealed, for the record.
    pub fn link(&self) -> Link {
        match &self.tls {
            Some(tls) => Link::Tls(tls.clone()),
            None if self.address.is_none() => Link::Local,
            None => {
                let reason = if self.is_extended || self.helo.is_empty() { "not asked for" } else { "HELO" };
                Link::Clear { reason: reason.to_owned() }
            }
        }
    }
}
