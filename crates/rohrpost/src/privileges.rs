//! Root binds the ports and nothing else.
//!
//! `serve` may be started as root. It then binds its sockets, hands its data directory over, and becomes another user
//! for good, before the first thread starts: user ids belong to threads on Linux, and those that exist already would
//! stay root.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use nix::unistd::{Gid, Group, Uid, User, chown, initgroups, setgid, setuid};

use crate::exit::{Exit, Failure};

/// Becomes `user` if this is root; makes the data directory before, and gives it to that user.
pub(crate) fn drop_to(user: &str, data_dir: &Path) -> anyhow::Result<()> {
    if !Uid::effective().is_root() {
        return make_private(data_dir);
    }
    let user = user_named(user)?;
    make_private(data_dir)?;
    give(data_dir, user.uid, user.gid)?;
    become_user(&user)
}

/// User and group that this process is going to be, if that is another than it is now.
pub(crate) fn owner_to_be(user: &str) -> anyhow::Result<Option<(u32, u32)>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = user_named(user)?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

fn user_named(name: &str) -> anyhow::Result<User> {
    let missing =
        || Failure::new(Exit::Config, format!("user: there is no {name:?}: `useradd --system {name}` makes one"));
    Ok(User::from_name(name)?.ok_or_else(missing)?)
}

/// The number of the user of that name.
pub(crate) fn uid_of(name: &str) -> Option<u32> {
    User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
}

/// The group of that name.
pub(crate) fn group_named(name: &str) -> anyhow::Result<Gid> {
    let group = Group::from_name(name)?.with_context(|| format!("expected a group of this host, found {name:?}"))?;
    Ok(group.gid)
}

/// Whether nothing lies in the data directory yet, so that the first who comes decides whose it is.
pub(crate) fn is_unused(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Whether this process could become that user: what `config check` looks at when root runs it.
pub(crate) fn check_user(name: &str) -> anyhow::Result<()> {
    if Uid::effective().is_root() {
        user_named(name)?;
    }
    Ok(())
}

/// Becomes the owner of a data directory if this is root, so that no file in it becomes root's.
pub(crate) fn become_owner_of(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt;

    let Ok(folder) = fs::metadata(dir) else { return Ok(()) };
    let owner = Uid::from_raw(folder.uid());
    if !Uid::effective().is_root() || owner.is_root() {
        return Ok(());
    }
    match User::from_uid(owner)? {
        Some(user) => become_user(&user),
        None => Ok(()),
    }
}

/// Makes the data directory, for its owner only.
fn make_private(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| dir.display().to_string())?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).with_context(|| dir.display().to_string())
}

/// Gives the directory to the user. What lies in it was made by that user, except at the first start.
fn give(dir: &Path, uid: Uid, gid: Gid) -> anyhow::Result<()> {
    chown(dir, Some(uid), Some(gid)).with_context(|| format!("cannot give {} to uid {uid}", dir.display()))
}

fn become_user(user: &User) -> anyhow::Result<()> {
    let name = std::ffi::CString::new(user.name.as_bytes())?;
    initgroups(&name, user.gid).context("initgroups")?;
    setgid(user.gid).context("setgid")?;
    setuid(user.uid).context("setuid")?;
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        bail!("root came back after it was given up");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_data_directory_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("lib/rohrpost");
        make_private(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_is_unused_until_something_lies_in_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_unused(dir.path()) && is_unused(&dir.path().join("missing")));
        fs::write(dir.path().join("store"), "").unwrap();
        assert!(!is_unused(dir.path()));
    }

    #[test]
    fn a_user_that_does_not_exist_is_named() {
        let error = user_named("nobody-of-that-name").unwrap_err().to_string();
        assert!(error.contains("\"nobody-of-that-name\""), "{error}");
        assert!(user_named("root").unwrap().uid.is_root());
    }
}
