//! Postfix, Exim, OpenSMTPD, Dovecot, and the daemons of a host that send mail, unpacked side by side below `target/peers`.
//!
//! As packages the mail servers exclude one another and the host's own, and the others would begin to work on the host,
//! so none is ever installed. The integration tests start them from here, each in a mount namespace with an `/etc` and a
//! spool of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{apt, shell};

/// What is unpacked: the directory it goes into, and its packages, the first being the one whose libraries may lack.
const PEERS: &[(&str, &[&str])] = &[
    ("postfix", &["postfix"]),
    ("exim", &["exim4-daemon-light", "exim4-base"]),
    ("opensmtpd", &["opensmtpd"]),
    ("dovecot", &["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"]),
    ("callers", &["bsd-mailx", "anacron", "at", "cron", "mdadm", "systemd-cron"]),
    ("smartd", &["smartmontools"]),
];

/// One program of each, to see whether the host has the libraries that it is linked with.
const LINKED: &[&str] = &[
    "postfix/usr/lib/postfix/sbin/smtpd",
    "exim/usr/sbin/exim4",
    "opensmtpd/usr/sbin/smtpd",
    "dovecot/usr/lib/dovecot/imap-login",
    "callers/usr/bin/bsd-mailx",
];

/// The directory of the libraries that these need and the host lacks.
const LIBRARIES: &str = "libraries";

/// Unpacks what is not there yet.
pub(crate) fn provide() -> Result<()> {
    let peers = shell::target().join("peers");
    let missing: Vec<_> = PEERS.iter().filter(|(name, _)| !peers.join(name).is_dir()).collect();
    if missing.is_empty() && peers.join(LIBRARIES).is_dir() && is_linkable(&peers)? {
        return Ok(());
    }
    if !shell::succeeds(Command::new("dpkg").arg("--version")) {
        bail!("the tests unpack Debian packages of mail servers, cron and others, and this system has no dpkg");
    }
    if nix::unistd::geteuid().is_root() {
        apt::update()?;
    }
    for (name, packages) in missing {
        unpack_whole(&peers, name, packages)?;
    }
    unpack_libraries(&peers)
}

/// Whether every library is found, on the host or in [`LIBRARIES`].
fn is_linkable(peers: &Path) -> Result<bool> {
    let own = ["postfix/usr/lib/postfix", "dovecot/usr/lib/dovecot"].map(|own| peers.join(own));
    let found = library_directories(&peers.join(LIBRARIES))?;
    let path = std::env::join_paths(found.into_iter().chain(own))?;
    for program in LINKED {
        let linked = shell::output(Command::new("ldd").arg(peers.join(program)).env("LD_LIBRARY_PATH", &path))?;
        if linked.contains("not found") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Debian puts libraries two or three levels deep: `usr/lib/TRIPLET`, `lib/TRIPLET`.
fn library_directories(libraries: &Path) -> Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for base in ["usr/lib", "lib"].map(|base| libraries.join(base)).iter().filter(|base| base.is_dir()) {
        for entry in std::fs::read_dir(base)? {
            directories.push(entry?.path());
        }
    }
    Ok(directories)
}

fn unpack_libraries(peers: &Path) -> Result<()> {
    let mut libraries = Vec::new();
    for (_, packages) in PEERS {
        libraries.extend(apt::lacking_libraries(packages[0])?);
    }
    libraries.sort();
    libraries.dedup();
    let _ = std::fs::remove_dir_all(peers.join(LIBRARIES));
    unpack_whole(peers, LIBRARIES, &libraries.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Unpacks beside the final place and moves there at the end, so that a run cut short leaves nothing half unpacked.
fn unpack_whole(peers: &Path, name: &str, packages: &[&str]) -> Result<()> {
    let partial: PathBuf = peers.join(format!("{name}.partial"));
    let _ = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial)?;
    if !packages.is_empty() {
        apt::unpack(packages, &partial)?;
    }
    std::fs::rename(&partial, peers.join(name)).with_context(|| format!("cannot move {name} into place"))
}
