//! The disk fails under the running server: what was acknowledged stays, what cannot be kept is refused with 4xx.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};

use super::client::{self, Load, Sent};
use super::server::Server;
use super::stored::Stored;

/// A way to fail.
struct Fault {
    name: &'static str,
    inside: Inside,
    /// Whether the disk works again after a while, so that mail must be taken again.
    passes: bool,
}

/// The program around the server that makes the disk fail.
enum Inside {
    /// strace refuses calls on the write-ahead log.
    Log(&'static str),
    /// strace refuses calls on any file.
    Any(&'static str),
    /// No file may grow beyond so many octets: the last write is cut short, the next one fails.
    FileSize(u32),
}

const FAULTS: &[Fault] = &[
    Fault { name: "ENOSPC for a while", inside: Inside::Log("pwrite64:error=ENOSPC:when=60..90"), passes: true },
    Fault { name: "EIO on writes for a while", inside: Inside::Log("pwrite64:error=EIO:when=60..64"), passes: true },
    Fault { name: "EIO on syncs for a while", inside: Inside::Log("fdatasync:error=EIO:when=20..22"), passes: true },
    Fault { name: "EIO on every third sync", inside: Inside::Log("fdatasync:error=EIO:when=20+3"), passes: true },
    Fault { name: "EROFS from some write on", inside: Inside::Log("pwrite64:error=EROFS:when=80+"), passes: false },
    Fault { name: "ENOSPC from some write on", inside: Inside::Log("pwrite64:error=ENOSPC:when=80+"), passes: false },
    Fault { name: "EIO on syncs of bodies", inside: Inside::Any("fsync:error=EIO:when=16+2"), passes: true },
    Fault { name: "short writes at a file size limit", inside: Inside::FileSize(3 << 20), passes: false },
];

/// Plays every fault.
pub(crate) fn run() -> Result<String> {
    let (mut taken, mut refused) = (0, 0);
    for fault in FAULTS {
        let sent = play(fault).with_context(|| fault.name)?;
        taken += sent.acknowledged.len();
        refused += sent.refusals.len();
    }
    Ok(format!("{} faults, {taken} acknowledged, 0 lost, {refused} refused with 4xx", FAULTS.len()))
}

fn play(fault: &Fault) -> Result<Sent> {
    let dir = super::directory("errors")?;
    // The first start makes the directory and its files, so that the faults hit mail.
    Server::start(&dir, &["--hold"], &[])?.stop()?;
    let mut server = Server::start(&dir, &["--hold"], &fault.inside.command(&dir))?;
    let load = Load { name: "e".to_owned(), sessions: 6, messages: 60, large_every: 3, reconnect: true };
    let sent = client::send(server.smtp, &load, &AtomicBool::new(false));
    if !server.runs()? {
        bail!("the server died");
    }
    server.kill()?;
    let stored = Stored::open(&dir)?;
    sent.acknowledged.iter().try_for_each(|message| stored.check(message))?;
    stored.check_all()?;
    std::fs::remove_dir_all(dir)?;
    judge(fault, &sent)?;
    Ok(sent)
}

fn judge(fault: &Fault, sent: &Sent) -> Result<()> {
    if let Some(code) = sent.refusals.iter().find(|code| ![421, 451, 452].contains(*code)) {
        bail!("a message was refused with {code}");
    }
    if sent.acknowledged.is_empty() || sent.refusals.is_empty() {
        let (taken, refused) = (sent.acknowledged.len(), sent.refusals.len());
        bail!("{taken} messages were taken and {refused} refused: the fault was not met in mid-load");
    }
    if fault.passes && sent.recovered == 0 {
        bail!("no message was taken after the fault had passed");
    }
    Ok(())
}

impl Inside {
    fn command(&self, dir: &Path) -> Vec<OsString> {
        let strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e"];
        let strace = |inject: &str| strace.iter().map(OsString::from).chain([format!("inject={inject}").into()]);
        match self {
            Self::Log(inject) => strace(inject).chain(["-P".into(), dir.join("rohrpost.db-wal").into()]).collect(),
            Self::Any(inject) => strace(inject).collect(),
            Self::FileSize(octets) => {
                let limit = format!("--fsize={octets}:{octets}");
                ["env", "--ignore-signal=XFSZ", "prlimit", &limit].iter().map(OsString::from).collect()
            }
        }
    }
}
