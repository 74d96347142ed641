//! The file that keeps the tokens: readable by its owner only, replaced as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rohrpost_mail::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::{
    SecretError,
    file::{check, failed},
    limits::{REFRESH_EARLY, SECRET_BYTES_MAX},
};

/// Only the owner reads and writes.
const MODE: u32 = 0o600;

/// What a provider has granted.
#[derive(Clone, Deserialize)]
pub(super) struct Grant {
    /// Gets access tokens.
    #[serde(rename = "refresh_token")]
    pub(super) refresh: Secret,
    /// The last access token.
    #[serde(rename = "access_token")]
    pub(super) access: Option<Secret>,
    /// When that ends, in seconds of the epoch.
    pub(super) expires: u64,
}

impl Grant {
    /// The access token, if it is good for long enough.
    pub(super) fn fresh(&self, now: u64) -> Option<Secret> {
        let usable_until = self.expires.saturating_sub(REFRESH_EARLY.as_secs());
        self.access.clone().filter(|_| now < usable_until)
    }
}

/// A grant as it is written: the one place where the texts go out.
#[derive(Serialize)]
struct Written<'a> {
    refresh_token: &'a str,
    access_token: Option<&'a str>,
    expires: u64,
}

/// Seconds of the epoch. Tokens outlive processes, so that only the wall clock tells their age; a wrong one costs a
/// question to the provider, not a log-in.
pub(super) fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// Where the grant lies.
pub(super) struct Store {
    path: PathBuf,
}

/// Whoever holds it is the only one who uses the refresh token. It is released when dropped, also by the kernel.
pub(super) struct Turn(#[expect(dead_code, reason = "the lock ends with the file")] File);

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for its turn among all tasks and processes that share the file.
    pub(super) async fn turn(&self) -> Result<Turn, SecretError> {
        let path = self.beside(".lock");
        aside(&path.clone(), move || {
            // The store itself is replaced whenever it is written: a lock on it would be a lock on the past.
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&path)?;
            file.lock()?;
            Ok(Turn(file))
        })
        .await
    }

    /// What is there; nothing where nobody has given consent yet.
    pub(super) async fn load(&self) -> Result<Option<Grant>, SecretError> {
        let path = self.path.clone();
        let file = path.clone();
        let read = aside(&file, move || match File::open(&path) {
            Ok(file) => {
                let metadata = file.metadata()?;
                let mut text = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
                file.take(SECRET_BYTES_MAX as u64).read_to_end(&mut text)?;
                Ok(Some((text, metadata)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let Some((text, metadata)) = read.await? else { return Ok(None) };
        check(&self.path, &metadata, &[])?;
        let unreadable = |_| SecretError::Content { path: self.path.clone(), reason: "holds no tokens" };
        serde_json::from_slice(&text).map(Some).map_err(unreadable)
    }

    /// Puts a grant in the place of the one that is there. A crash leaves one or the other.
    pub(super) async fn save(&self, grant: &Grant) -> Result<(), SecretError> {
        let written = Written {
            refresh_token: grant.refresh.expose(),
            access_token: grant.access.as_ref().map(Secret::expose),
            expires: grant.expires,
        };
        let text = Zeroizing::new(serde_json::to_vec(&written).expect("these texts and numbers are always JSON"));
        let (path, new) = (self.path.clone(), self.beside(".new"));
        aside(&self.path, move || {
            // One that a crash left behind may have another mode.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        })
        .await
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }
}

/// Work on files, where it may block.
async fn aside<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, SecretError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())).map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn grant(expires: u64) -> Grant {
        Grant { refresh: Secret::new("refresh"), access: Some(Secret::new("access")), expires }
    }

    #[test]
    fn a_token_is_not_used_in_its_last_minute() {
        assert_eq!(grant(1_000).fresh(939), Some(Secret::new("access")));
        assert_eq!(grant(1_000).fresh(940), None);
        assert_eq!(grant(1_000).fresh(2_000), None);
        assert_eq!(grant(0).fresh(0), None);
    }

    #[tokio::test]
    async fn what_is_saved_is_loaded_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("token"));
        assert!(store.load().await.unwrap().is_none());
        fs::write(store.beside(".new"), "left behind by a crash").unwrap();
        store.save(&grant(7)).await.unwrap();
        let loaded = store.load().await.unwrap().unwrap();
        assert_eq!((loaded.refresh.expose(), loaded.expires), ("refresh", 7));
        assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_store_that_others_can_read_or_that_holds_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("token"));
        store.save(&grant(7)).await.unwrap();
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(store.load().await, Err(SecretError::ReadableByOthers { .. })));
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(store.path(), "pencil").unwrap();
        let Err(error) = store.load().await else { panic!("that is no grant") };
        assert!(error.to_string().ends_with("holds no tokens"), "{error}");
    }
}
