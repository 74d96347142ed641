//! Sockets of the listeners, bound before privileges are dropped and the runtime starts.

use std::{
    fmt, fs,
    net::{SocketAddr, TcpListener},
    os::unix::{fs::FileTypeExt, net::UnixListener},
    path::PathBuf,
    str::FromStr,
};

use anyhow::{Context, ensure};
use listenfd::ListenFd;
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, listen, setsockopt, socket, sockopt,
    },
};
use rohrpost_server::Bound;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Where a listener listens, as the configuration names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ListenAt {
    /// `0.0.0.0:25`
    Tcp(SocketAddr),
    /// `unix:/run/rohrpost/lmtp.sock`
    Unix(PathBuf),
    /// `systemd:mx`: the sockets of that name that systemd hands over.
    Systemd(String),
}

/// The text is no place to listen at.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected an address with a port such as \"0.0.0.0:25\" or \"[::]:25\", \"unix:PATH\" or \"systemd:NAME\", found {0:?}"
)]
pub(crate) struct ListenAtError(String);

impl FromStr for ListenAt {
    type Err = ListenAtError;

    fn from_str(text: &str) -> Result<Self, ListenAtError> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("systemd", name)) if !name.is_empty() => Ok(Self::Systemd(name.to_owned())),
            _ => text.parse().map(Self::Tcp).map_err(|_| ListenAtError(text.to_owned())),
        }
    }
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// Every connection is a file: takes as many as the system lets us have.
pub(crate) fn allow_many() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Binds sockets; keeps those that systemd handed over.
pub(crate) struct Binder {
    handed: ListenFd,
    names: Vec<String>,
}

impl Binder {
    /// Takes what systemd handed over (`sd_listen_fds`).
    pub(crate) fn new() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self { names: names.split(':').map(str::to_owned).collect(), handed: ListenFd::from_env() }
    }

    /// Binds one place. Only of systemd's names may there be several sockets.
    pub(crate) fn bind(&mut self, at: &ListenAt) -> anyhow::Result<Vec<Bound>> {
        let bound = match at {
            ListenAt::Tcp(address) => tcp(*address).map(|socket| vec![Bound::Tcp(socket)]).context(hint(*address)),
            ListenAt::Unix(path) => unix(path).map(|socket| vec![Bound::Unix(socket)]),
            ListenAt::Systemd(name) => self.take(name),
        };
        bound.with_context(|| format!("cannot listen at {at}"))
    }

    /// All sockets of this name that systemd handed over.
    fn take(&mut self, name: &str) -> anyhow::Result<Vec<Bound>> {
        let places: Vec<_> = (0..self.names.len()).filter(|place| self.names[*place] == name).collect();
        let mut taken = Vec::new();
        for place in places {
            if let Ok(Some(listener)) = self.handed.take_tcp_listener(place) {
                taken.push(Bound::Tcp(listener));
            } else if let Some(listener) = self.handed.take_unix_listener(place)? {
                taken.push(Bound::Unix(listener));
            }
        }
        ensure!(!taken.is_empty(), "systemd handed over no socket of that name");
        Ok(taken)
    }
}

fn hint(address: SocketAddr) -> &'static str {
    match address.port() {
        1..1024 => "ports below 1024 need root, CAP_NET_BIND_SERVICE or a socket from systemd",
        _ => "is another server running?",
    }
}

/// Binds with `SO_REUSEADDR`, so that a restart need not wait, and IPv6 only for IPv6, so that both can be bound.
fn tcp(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    match address {
        SocketAddr::V4(v4) => bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &SockaddrIn::from(v4))?,
        SocketAddr::V6(v6) => {
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
            bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &SockaddrIn6::from(v6))?;
        }
    }
    listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(fd))
}

/// Binds a unix socket; one that an earlier run left behind is replaced, any other file is not touched.
fn unix(path: &PathBuf) -> anyhow::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    Ok(UnixListener::bind(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_print_as_they_are_read() {
        for text in ["0.0.0.0:25", "[::]:25", "unix:/run/lmtp.sock", "unix:lmtp.sock", "systemd:mx"] {
            assert_eq!(text.parse::<ListenAt>().unwrap().to_string(), text);
        }
        for text in ["25", "localhost:25", "unix:", "systemd:", "0.0.0.0"] {
            assert!(text.parse::<ListenAt>().is_err(), "{text}");
        }
    }

    #[test]
    fn both_families_fit_on_one_port() {
        let v4 = tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = v4.local_addr().unwrap().port();
        match tcp(SocketAddr::new("::".parse().unwrap(), port)) {
            Ok(v6) => assert_eq!(v6.local_addr().unwrap().port(), port),
            Err(error) => assert!(error.to_string().contains("EAFNOSUPPORT"), "{error}"),
        }
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_other_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lmtp.sock");
        drop(unix(&path).unwrap());
        let _again = unix(&path).unwrap();
        assert!(unix(&path).is_err(), "somebody listens there");
        let file = dir.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert!(unix(&file).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }
}
