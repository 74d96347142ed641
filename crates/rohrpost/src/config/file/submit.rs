//! The table about what programs of this host hand in.

use std::path::{Path, PathBuf};

use rohrpost_mail::Domain;
use rohrpost_server::submit::{DEFAULT_DROP_DIR, DEFAULT_SOCKET};
use serde::Deserialize;

/// Programs of this host need no password: the kernel says whose they are. `sendmail` hands its message in at `socket`;
/// while the server is down it leaves it in `drop_dir`, and the next start takes it from there.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Submit {
    /// Whether programs of this host may hand in mail. Needs a restart.
    ///
    /// Default: `true`
    pub(crate) enabled: bool,

    /// The socket, open to every user. Unset: `/run/rohrpost/submit.sock`, or `submit.sock` in a `data_dir` that is not
    /// the default one. Needs a restart.
    ///
    /// Example: `"/run/rohrpost/submit.sock"`
    pub(crate) socket: Option<PathBuf>,

    /// The directory for mail that comes while the server is down: made at the start where it is missing; every user may
    /// write to it and nobody list it. What cannot be taken is kept in its folder `quarantine`. Unset:
    /// `/var/spool/rohrpost/drop`, or `drop` in a `data_dir` that is not the default one. Needs a restart.
    ///
    /// Example: `"/var/spool/rohrpost/drop"`
    pub(crate) drop_dir: Option<PathBuf>,

    /// Whether `Received` says which user's program a message came from: `(local uid 33)`. The delivery record always
    /// does.
    ///
    /// Default: `true`
    pub(crate) received_uid: bool,

    /// What a name without a domain means: mail to `root` goes to root@ this, unless `aliases` says otherwise. Unset: the
    /// name in `/etc/mailname`, or else `host_name`.
    ///
    /// Example: `"example.org"`
    pub(crate) mail_name: Option<Domain>,

    /// Who reads the mail for such names: `root: ann@example.org`, `staff: :include:/etc/mail/staff`. A file that is
    /// missing is empty, one that has changed is read again. Commands and files as targets are refused. Empty for none.
    ///
    /// Default: `"/etc/aliases"`
    pub(crate) aliases: PathBuf,

    /// Users who may not write as everybody. All others may name any sender, as with every sendmail.
    #[serde(default)]
    pub(crate) sender: Vec<UserSenders>,

    /// Addresses that only this host knows, and what is shown in their place. The first entry that fits wins.
    #[serde(default)]
    pub(crate) masquerade: Vec<Masquerade>,
}

/// A user of this host, and as whom this user's programs may write: by the sender of the envelope, and by the fields
/// `From` and `Sender`. Other mail is refused with exit code 77. Several entries for one user add up.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserSenders {
    /// The user, by name or number.
    ///
    /// Required: `"www-data"`
    pub(crate) user: String,

    /// Addresses: `"shop@example.org"`, `"example.org"`, `"*.example.org"` (below it) or `"*"`. The user's own address at
    /// `mail_name`, and no sender at all, are always allowed.
    ///
    /// Required: `["shop@example.org"]`
    pub(crate) addresses: Vec<String>,
}

/// An address that is replaced in mail of programs of this host: in the sender of the envelope and in `From`, `Sender` and
/// `Reply-To`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Masquerade {
    /// Which address: `"root@web1.lan"`, `"web1.lan"`, `"*.lan"` (below it) or `"*"`.
    ///
    /// Required: `"root@web1.lan"`
    pub(crate) from: String,

    /// The address that is shown; `"@example.org"` keeps the part before the `@`.
    ///
    /// Required: `"admin@example.org"`
    pub(crate) to: String,

    /// Only in mail of this user, by name or number. Unset: in everybody's.
    ///
    /// Example: `"www-data"`
    pub(crate) user: Option<String>,
}

impl Default for Submit {
    fn default() -> Self {
        Self {
            enabled: true,
            socket: None,
            drop_dir: None,
            received_uid: true,
            mail_name: None,
            aliases: "/etc/aliases".into(),
            sender: Vec::new(),
            masquerade: Vec::new(),
        }
    }
}

impl Submit {
    /// Where the socket is for a server with this data directory.
    pub(crate) fn socket_in(&self, data_dir: &Path) -> PathBuf {
        place(self.socket.as_deref(), data_dir, DEFAULT_SOCKET, "submit.sock")
    }

    /// Where the drop directory is for a server with this data directory.
    pub(crate) fn drop_dir_in(&self, data_dir: &Path) -> PathBuf {
        place(self.drop_dir.as_deref(), data_dir, DEFAULT_DROP_DIR, "drop")
    }
}

/// Only the host's own server has the places that every program knows; a second one must not take them away from it.
fn place(set: Option<&Path>, data_dir: &Path, own: &str, other: &str) -> PathBuf {
    match set {
        Some(set) => set.to_owned(),
        None if data_dir == super::default_data_dir() => own.into(),
        None => data_dir.join(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hosts_own_server_has_the_places_that_every_program_knows() {
        let (unset, own) = (Submit::default(), super::super::default_data_dir());
        assert_eq!(unset.socket_in(&own), Path::new("/run/rohrpost/submit.sock"));
        assert_eq!(unset.drop_dir_in(&own), Path::new("/var/spool/rohrpost/drop"));
        assert_eq!(unset.socket_in(Path::new("/srv/second")), Path::new("/srv/second/submit.sock"));
        assert_eq!(unset.drop_dir_in(Path::new("/srv/second")), Path::new("/srv/second/drop"));
        let set = Submit { socket: Some("/run/second.sock".into()), ..Submit::default() };
        assert_eq!(set.socket_in(&own), Path::new("/run/second.sock"));
    }
}
