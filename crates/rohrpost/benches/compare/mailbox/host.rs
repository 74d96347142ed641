//! The two servers with the same account and the same mail.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::Result;

use super::imap::Imap;
use crate::{
    figures::OURS,
    peers::{Dovecot, dovecot::ACCOUNT},
    servers::Ours,
};

pub(super) const DOVECOT: &str = "Dovecot";
/// Messages in the mailbox that is read.
pub(super) const MESSAGES: usize = 1_000;
/// Octets of each, about.
const OCTETS: usize = 4096;

/// Whether a connection is in clear text or in TLS from the first octet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    Clear,
    Tls,
}

/// A server as its clients see it.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) imap: SocketAddr,
    pub(super) imaps: SocketAddr,
    pub(super) pop3: SocketAddr,
    pub(super) pop3s: SocketAddr,
    pub(super) lmtp: SocketAddr,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) pid: u32,
}

/// Both, running.
pub(super) struct Hosts {
    pub(super) all: Vec<Host>,
    _ours: Ours,
    _dovecot: Option<Dovecot>,
}

impl Hosts {
    /// Starts both, with [`MESSAGES`] messages in their INBOX.
    pub(super) fn start() -> Result<Self> {
        let mut ours = ours()?;
        let dovecot = Dovecot::start("here.test");
        let theirs = Host {
            name: DOVECOT,
            imap: dovecot.imap,
            imaps: dovecot.imaps,
            pop3: dovecot.pop3,
            pop3s: dovecot.pop3s,
            lmtp: dovecot.lmtp,
            user: ACCOUNT.0.to_owned(),
            password: ACCOUNT.1.to_owned(),
            pid: dovecot.pid(),
        };
        let all = vec![host(&mut ours), theirs];
        for host in &all {
            run(fill(host))?;
        }
        Ok(Self { all, _ours: ours, _dovecot: Some(dovecot) })
    }

    /// Starts ours alone, with the same mail.
    pub(super) fn alone() -> Result<Self> {
        let mut ours = ours()?;
        let host = host(&mut ours);
        run(fill(&host))?;
        Ok(Self { all: vec![host], _ours: ours, _dovecot: None })
    }
}

/// Ours, where clear text is allowed on the ports beside those of TLS.
fn ours() -> Result<Ours> {
    let mut ours = Ours::start(&["--hold"])?;
    ours.serve_with(|settings| {
        let of_mailboxes = |part: &&str| part.contains("protocol = \"imap\"") || part.contains("protocol = \"pop3\"");
        let offered = |part: &str| part.replace("tls = \"required\"", "tls = \"offered\"");
        let parts = settings.split("[[listener]]");
        let changed = parts.map(|part| if of_mailboxes(&part) { offered(part) } else { part.to_owned() });
        // All sessions here are of one account.
        changed.collect::<Vec<_>>().join("[[listener]]") + "\n[limits.mailboxes]\nsessions_per_account = 20_000\n"
    })?;
    Ok(ours)
}

fn host(ours: &mut Ours) -> Host {
    let ready = ours.ready();
    Host {
        name: OURS,
        imap: ready.imap,
        imaps: ready.imaps,
        pop3: ready.pop3,
        pop3s: ready.pop3s,
        lmtp: ready.lmtp,
        user: ready.user.clone(),
        password: ready.password.clone(),
        pid: ready.pid,
    }
}

/// Does what is asynchronous on one thread, so that the server keeps the other core.
pub(super) fn run<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A message with a word that no other has.
pub(super) fn message(number: usize) -> Vec<u8> {
    let mut text = format!(
        "From: Load <load@here.test>\r\nTo: Ann <ann@here.test>\r\nSubject: message {number}\r\n\
         Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@load.test>\r\n\r\nneedle{number}x\r\n"
    );
    while text.len() < OCTETS {
        text.push_str("0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789a\r\n");
    }
    text.into_bytes()
}

async fn fill(host: &Host) -> io::Result<()> {
    let mut imap = Imap::log_in(host, Link::Clear).await?;
    for number in 0..MESSAGES {
        imap.append("INBOX", &message(number)).await?;
    }
    // What a server keeps for later is made when it is first asked for, as Dovecot's index, or behind the mail, as ours of words.
    imap.command("SELECT INBOX").await?;
    imap.count("FETCH 1:* (ENVELOPE BODY.PEEK[])").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// Waits until INBOX holds so many messages.
pub(super) async fn arrived(host: &Host, messages: usize) -> io::Result<()> {
    let mut imap = Imap::log_in(host, Link::Clear).await?;
    loop {
        let status = imap.command("STATUS INBOX (MESSAGES)").await?.concat();
        let text = String::from_utf8_lossy(&status).into_owned();
        let count =
            text.rsplit_once("MESSAGES ").and_then(|(_, rest)| rest.trim_end_matches(')').parse::<usize>().ok());
        if count.is_some_and(|count| count >= messages) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
