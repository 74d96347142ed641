//! The programs that the scenes are played with.
//!
//! Each is a value that owns its process and its directory: dropping it kills everything it started and removes what it
//! wrote. Whoever waits waits for an event, a line of a log mostly, with one deadline for all: [`DEADLINE`].

pub(crate) mod certificate;
pub(crate) mod clients;
pub(crate) mod dialogue;
pub(crate) mod dns;
#[allow(dead_code, reason = "the tests use its IMAP, the benchmark all of it")]
pub(crate) mod dovecot;
pub(crate) mod enclosure;
pub(crate) mod exim;
pub(crate) mod log;
pub(crate) mod opensmtpd;
pub(crate) mod postfix;
pub(crate) mod rohrpost;
pub(crate) mod socks;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

pub(crate) use certificate::Certificate;
pub(crate) use clients::{Msmtp, Swaks};
pub(crate) use dialogue::Dialogue;
pub(crate) use dns::Dns;
pub(crate) use dovecot::Dovecot;
pub(crate) use exim::Exim;
pub(crate) use opensmtpd::OpenSmtpd;
pub(crate) use postfix::Postfix;
pub(crate) use rohrpost::{Installation, Rohrpost};
pub(crate) use socks::Socks;

/// How long anything may take before a test gives up. Long, since a busy machine is no fault; a passing test never
/// waits for it.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// What a peer does about TLS, in Postfix's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PeerTls {
    /// Never: not offered, not asked for.
    None,
    /// STARTTLS when the other side has it too.
    May,
    /// STARTTLS or no mail.
    Encrypt,
    /// From the first octet.
    Implicit,
}

/// Where a peer passes on what is not its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextHop {
    /// The server.
    pub(crate) address: SocketAddr,
    /// What the peer does about TLS on the way there.
    pub(crate) tls: PeerTls,
}

/// An address on loopback that nobody listens on.
///
/// The port lies below the range from which the kernel picks the near end of connections, so that only another listener
/// could take it before the peer does; each test process starts looking at a place of its own.
pub(crate) fn free_address() -> SocketAddr {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 22_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).expect("less than COUNT");
    let free = (0..COUNT).find_map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // 7,919 and 22,000 have no common divisor: neighbouring processes look at distant ports.
        let port = FIRST + u16::try_from((u32::from(start) * 7_919 + u32::from(step)) % u32::from(COUNT)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?.local_addr().ok()
    });
    free.expect("of 22,000 ports one is free")
}

/// Reads what a peer kept of the mail it got: every file in a folder, one after the other.
fn mail_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path()).ok())
        .map(|mail| String::from_utf8_lossy(&mail).into_owned())
        .collect()
}

/// The one mail in a folder that contains `text`.
fn mail_with(folder: &Path, text: &str) -> String {
    let mut found: Vec<String> = mail_in(folder).into_iter().filter(|mail| mail.contains(text)).collect();
    assert_eq!(found.len(), 1, "{} has {} mails with {text:?}", folder.display(), found.len());
    found.remove(0)
}
