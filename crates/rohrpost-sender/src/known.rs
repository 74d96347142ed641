//! Servers that are known by the key they showed first: the store of [`Trust::FirstUse`](crate::Trust::FirstUse).

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::limits::KNOWN_SERVERS_BYTES_MAX;

/// How a line calls a key: as [`Trust::PinSpki`](crate::Trust::PinSpki) does.
const KEY: &str = "spki-sha256:";

/// A file of servers and their keys, as SSH has one.
///
/// A line is `mail.firma.example:587 spki-sha256:` and 64 hexadecimal digits; empty lines and those that begin with `#` do not
/// count. The file is made at the first server that is met, for its owner only, and replaced as a whole. Several programs may
/// share it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use rohrpost_sender::testing::{Server as TestServer, Tls};
/// # let test = TestServer::builder().tls(Tls::Offered).start().await;
/// # let url = test.url();
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("known");
/// # let mail = rohrpost_sender::Mail::new().from("anna@firma.example").to("bob@kunde.example").text("Hi").build()?;
/// use rohrpost_sender::{KnownServers, Sender, Server, Trust};
///
/// let server = Server::url(&url)?.trust(Trust::FirstUse).known_servers(KnownServers::file(&file));
/// let receipt = Sender::new(server)?.send(&mail).await?;
/// assert_eq!(std::fs::read_to_string(file)?.lines().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownServers {
    path: PathBuf,
}

/// What is known of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Known {
    /// SHA-256 of its public key, lower-case hex.
    pub(crate) key: String,
    /// The file that says so.
    pub(crate) file: PathBuf,
    /// The line in it, counted from 1.
    pub(crate) line: usize,
}

/// Why the file of known servers is of no use. Nobody is trusted then.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownServersError {
    /// It cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// Others could put keys of their own into it.
    #[error("{} can be written by others than its owner: chmod go-w {}", path.display(), path.display())]
    WritableByOthers {
        /// Which.
        path: PathBuf,
    },
    /// A line is not of its form.
    #[error("{}, line {line}: expected a server and spki-sha256: with 64 hexadecimal digits", path.display())]
    Line {
        /// Of which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

impl KnownServers {
    /// Kept in this file, which need not exist yet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where they are kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of a server, if anything is.
    pub(crate) async fn find(&self, server: &str) -> Result<Option<Known>, KnownServersError> {
        let (this, server) = (self.clone(), server.to_owned());
        self.aside(move || find_in(&this.read()?, &server, &this.path)).await
    }

    /// Makes a server known by its key, unless it is known by then. What is known of it now.
    pub(crate) async fn keep(&self, server: &str, key: &str) -> Result<Known, KnownServersError> {
        let (this, server, key) = (self.clone(), server.to_owned(), key.to_owned());
        self.aside(move || this.keep_now(&server, key)).await
    }

    fn keep_now(&self, server: &str, key: String) -> Result<Known, KnownServersError> {
        let _turn = self.turn().map_err(|error| self.failed(error))?;
        let mut text = self.read()?;
        if let Some(known) = find_in(&text, server, &self.path)? {
            return Ok(known);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text += &format!("{server} {KEY}{key}\n");
        self.replace(&text).map_err(|error| self.failed(error))?;
        Ok(Known { key, file: self.path.clone(), line: text.lines().count() })
    }

    /// Waits for its turn among all that share the file. A lock on the file itself would be a lock on the past: it is replaced.
    fn turn(&self) -> io::Result<File> {
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let path = self.beside(".lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn read(&self) -> Result<String, KnownServersError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let metadata = file.metadata().map_err(|error| self.failed(error))?;
        if metadata.is_file() && metadata.mode() & 0o022 != 0 {
            return Err(KnownServersError::WritableByOthers { path: self.path.clone() });
        }
        let mut text = String::new();
        let read = file.take(KNOWN_SERVERS_BYTES_MAX + 1).read_to_string(&mut text);
        match read {
            Ok(octets) if octets as u64 <= KNOWN_SERVERS_BYTES_MAX => Ok(text),
            Ok(_) => Err(self.failed(io::ErrorKind::FileTooLarge.into())),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A crash leaves the old file or the new one; behind this, the new one. A server that was forgotten would be a stranger
    /// again, who is trusted at once.
    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.beside(".new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn failed(&self, error: io::Error) -> KnownServersError {
        KnownServersError::Io { path: self.path.clone(), error: Arc::new(error) }
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, KnownServersError> + Send + 'static,
    ) -> Result<T, KnownServersError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(self.failed(io::ErrorKind::Interrupted.into())))
    }
}

/// Every line is looked at: one that somebody spoilt must not make its server a stranger, who is trusted at once.
fn find_in(text: &str, server: &str, path: &Path) -> Result<Option<Known>, KnownServersError> {
    let mut found = None;
    for (place, line) in text.lines().enumerate() {
        let line_number = place + 1;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || KnownServersError::Line { path: path.to_owned(), line: line_number };
        let (name, key) = line.trim_end().split_once(' ').ok_or_else(wrong)?;
        let key = key.trim_start().strip_prefix(KEY).filter(|key| is_digest(key)).ok_or_else(wrong)?;
        if name == server && found.is_none() {
            found = Some(Known { key: key.to_ascii_lowercase(), file: path.to_owned(), line: line_number });
        }
    }
    Ok(found)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn place() -> (tempfile::TempDir, KnownServers) {
        let dir = tempfile::tempdir().unwrap();
        let known = KnownServers::file(dir.path().join("state/rohrpost/known_servers"));
        (dir, known)
    }

    #[tokio::test]
    async fn a_server_is_known_by_the_first_key_and_the_file_is_its_owners() {
        let (_dir, known) = place();
        let (first, other) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(known.find("mx.test:25").await.unwrap(), None);
        known.keep("mx.test:25", &first).await.unwrap();
        let kept = Known { key: first, file: known.path().to_owned(), line: 1 };
        assert_eq!(known.keep("mx.test:25", &other).await.unwrap(), kept);
        assert_eq!(known.find("mx.test:25").await.unwrap(), Some(kept));
        assert_eq!(known.find("mx.test:587").await.unwrap(), None);
        assert_eq!(fs::metadata(known.path()).unwrap().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_stood_in_the_file_stays() {
        let (_dir, known) = place();
        fs::create_dir_all(known.path().parent().unwrap()).unwrap();
        fs::write(known.path(), "# ours\n\nold.test:25 spki-sha256:".to_owned() + &"A".repeat(64)).unwrap();
        fs::set_permissions(known.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(known.keep("mx.test:25", &"b".repeat(64)).await.unwrap().line, 4);
        let old = Known { key: "a".repeat(64), file: known.path().to_owned(), line: 3 };
        assert_eq!(known.find("old.test:25").await.unwrap(), Some(old));
    }

    #[tokio::test]
    async fn a_spoilt_file_makes_nobody_a_stranger_again() {
        let (_dir, known) = place();
        fs::create_dir_all(known.path().parent().unwrap()).unwrap();
        for line in ["mx.test:25", "mx.test:25 sha256:00", "mx.test:25 spki-sha256:12", "mx.test:25spki-sha256:x"] {
            fs::write(known.path(), line).unwrap();
            fs::set_permissions(known.path(), fs::Permissions::from_mode(0o600)).unwrap();
            let error = known.find("other.test:25").await.unwrap_err();
            assert!(matches!(error, KnownServersError::Line { line: 1, .. }), "{line}: {error}");
        }
        fs::write(known.path(), "").unwrap();
        fs::set_permissions(known.path(), fs::Permissions::from_mode(0o620)).unwrap();
        let error = known.find("other.test:25").await.unwrap_err();
        assert!(matches!(error, KnownServersError::WritableByOthers { .. }), "{error}");
    }

    #[tokio::test]
    async fn many_at_once_agree_on_one_key() {
        let (_dir, known) = place();
        let keys = (0..8).map(|n| format!("{n:064x}"));
        let tasks: Vec<_> = keys
            .map(|key| {
                let known = known.clone();
                tokio::spawn(async move { known.keep("mx.test:25", &key).await.unwrap().key })
            })
            .collect();
        let mut agreed = Vec::new();
        for task in tasks {
            agreed.push(task.await.unwrap());
        }
        assert!(agreed.iter().all(|key| *key == agreed[0]), "{agreed:?}");
        assert_eq!(fs::read_to_string(known.path()).unwrap().lines().count(), 1);
    }
}
