//! Where a connection goes.

use std::{fmt, net::SocketAddr, path::PathBuf};

use rohrpost_mail::Domain;

/// The other end of a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint {
    /// Address and port.
    Tcp(SocketAddr),
    /// Name and port: whichever of its addresses answers first (RFC 8305).
    Name(Domain, u16),
    /// A unix socket, for LMTP.
    Unix(PathBuf),
}

impl Endpoint {
    /// Whether octets sent there never leave this host. Of names only `localhost` does so for sure (RFC 6761 §6.3).
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Name(name, _) => name.is_localhost(),
            Self::Unix(_) => true,
        }
    }

    /// The port, unless this is a unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Name(_, port) => Some(*port),
            Self::Unix(_) => None,
        }
    }

    /// The address, where it is known before connecting.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Name(..) | Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
