//! Sockets of the listeners, bound before privileges are dropped and the runtime starts.

use std::{
    fmt, fs,
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, ensure};
use listenfd::ListenFd;
use nix::{
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        socket::{
            AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, listen, setsockopt, socket,
            sockopt,
        },
    },
    unistd::{Gid, chown},
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

/// Whom a unix socket lets in: whoever may write to it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SocketAccess {
    /// Its permissions.
    pub(crate) mode: Mode,
    /// Its group; none: that of this process.
    pub(crate) group: Option<Gid>,
}

/// Permissions as `chmod` takes them. Default 0660: owner and group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mode(u32);

/// The text is no permissions.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected permissions as three octal digits, such as \"0660\", found {0:?}")]
pub(crate) struct ModeError(String);

impl Default for Mode {
    fn default() -> Self {
        Self(0o660)
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
        let is_octal = digits.len() == 3 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal);
        mode.map(Self).ok_or_else(|| ModeError(text.to_owned()))
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

    /// Binds one place; `access` is for unix sockets that are made here. Only of systemd's names may there be several
    /// sockets.
    pub(crate) fn bind(&mut self, at: &ListenAt, access: &SocketAccess) -> anyhow::Result<Vec<Bound>> {
        let bound = match at {
            ListenAt::Tcp(address) => tcp(*address).map(|socket| vec![Bound::Tcp(socket)]).context(hint(*address)),
            ListenAt::Unix(path) => unix(path, access).map(|socket| vec![Bound::Unix(socket)]),
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
pub(crate) fn unix(path: &Path, access: &SocketAccess) -> anyhow::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    // Made where only we can reach it and then linked to its place: at no time can others connect, nor does it replace
    // what somebody else put there meanwhile.
    let folder = path.parent().context("a socket lies in a folder")?;
    let closed = tempfile::tempdir_in(folder).with_context(|| folder.display().to_string())?;
    let young = closed.path().join("s");
    let listener = UnixListener::bind(&young)?;
    if access.group.is_some() {
        chown(&young, None, access.group).context("it cannot be given to the group")?;
    }
    fs::set_permissions(&young, fs::Permissions::from_mode(access.mode.0))?;
    fs::hard_link(&young, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

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
        let usual = SocketAccess::default();
        drop(unix(&path, &usual).unwrap());
        let _again = unix(&path, &usual).unwrap();
        assert!(unix(&path, &usual).is_err(), "somebody listens there");
        let file = dir.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert!(unix(&file, &usual).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_unix_socket_has_the_mode_and_the_group_it_was_given() {
        let dir = tempfile::tempdir().unwrap();
        let mode_of = |name: &str, access: SocketAccess| {
            let _socket = unix(&dir.path().join(name), &access).unwrap();
            let file = fs::metadata(dir.path().join(name)).unwrap();
            (file.permissions().mode() & 0o7777, file.gid())
        };
        let own = nix::unistd::getegid();
        assert_eq!(mode_of("usual", SocketAccess::default()), (0o660, own.as_raw()));
        // Root may give files to any group, others to their own.
        let group = if own.as_raw() == 0 { Gid::from_raw(64_006) } else { own };
        let open = SocketAccess { mode: "0666".parse().unwrap(), group: Some(group) };
        assert_eq!(mode_of("open", open), (0o666, group.as_raw()));
    }

    #[test]
    fn a_mode_is_three_octal_digits() {
        for (text, mode) in [("0660", 0o660), ("660", 0o660), ("0000", 0), ("777", 0o777)] {
            assert_eq!(text.parse(), Ok(Mode(mode)), "{text}");
        }
        for text in ["", "0", "66", "0o660", "0668", "+660", "1777", "00660", "rw-rw----"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
