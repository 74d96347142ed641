//! Secrets in files, and who else may read them.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rohrpost_mail::Secret;
use zeroize::Zeroizing;

use super::{error::SecretError, limits::SECRET_BYTES_MAX};

/// The bit that lets everybody read. The group is left to the operator: `root:mail 0640` is how a host shares a password.
const OTHERS_READ: u32 = 0o004;

/// Where containers find what the platform hands them, readable by everybody in there.
const RUN_SECRETS: &str = "/run/secrets";

/// Where systemd keeps what `LoadCredential=` hands to a unit.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Reads a secret: all of the file but one line end behind it.
pub(super) async fn read(path: PathBuf) -> Result<Secret, SecretError> {
    let broken = failed(&path);
    let reading =
        tokio::task::spawn_blocking(move || read_now(&path, std::env::var_os(CREDENTIALS_DIRECTORY).map(Into::into)));
    reading.await.map_err(|_| broken(io::ErrorKind::Interrupted.into()))?
}

fn read_now(path: &Path, credentials: Option<PathBuf>) -> Result<Secret, SecretError> {
    let (octets, metadata) = open_and_read(path)?;
    check(path, &metadata, &platform(credentials))?;
    let unusable = |reason| SecretError::Content { path: path.to_owned(), reason };
    let text = std::str::from_utf8(&octets).map_err(|_| unusable("is not UTF-8"))?;
    match without_line_end(text) {
        "" => Err(unusable("is empty")),
        _ if octets.len() > SECRET_BYTES_MAX => Err(unusable("holds more than a secret can have")),
        secret => Ok(Secret::new(secret)),
    }
}

/// The octets and what the system says of the file that they came from, however it is renamed meanwhile.
fn open_and_read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Metadata), SecretError> {
    let work = || -> io::Result<_> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        // Room for all that is read, so that no copy is left behind when it grows.
        let mut octets = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
        file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut octets)?;
        Ok((octets, metadata))
    };
    work().map_err(failed(path))
}

/// Refuses the file of a key that everybody can read, as that of a password.
pub(crate) fn check_readers(path: &Path) -> Result<(), SecretError> {
    let metadata = path.metadata().map_err(failed(path))?;
    check(path, &metadata, &platform(std::env::var_os(CREDENTIALS_DIRECTORY).map(Into::into)))
}

/// Where the platform sets the modes.
fn platform(credentials: Option<PathBuf>) -> Vec<PathBuf> {
    [Some(PathBuf::from(RUN_SECRETS)), credentials].into_iter().flatten().collect()
}

/// Refuses a file that everybody can read, unless it lies where the platform sets the modes; then it is only logged.
pub(super) fn check(path: &Path, metadata: &Metadata, platform: &[PathBuf]) -> Result<(), SecretError> {
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_file() || mode & OTHERS_READ == 0 {
        return Ok(());
    }
    let real = path.canonicalize().map_err(failed(path))?;
    let handed_over = |directory: &PathBuf| directory.canonicalize().is_ok_and(|directory| real.starts_with(directory));
    if !platform.iter().any(handed_over) {
        return Err(SecretError::ReadableByOthers { path: path.to_owned(), mode });
    }
    tracing::warn!(path = %path.display(), mode = format_args!("{mode:04o}"), "everybody can read this secret");
    Ok(())
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> SecretError + use<> {
    let path = path.to_owned();
    move |error| SecretError::File { path: path.clone(), error: Arc::new(error) }
}

/// One LF or CRLF at the end is cut, everything else is kept.
pub(super) fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{Permissions, create_dir, set_permissions, write},
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    /// A file of that mode in a directory of its own.
    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write(&path, content).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn one_line_end_is_cut_and_everything_else_kept() {
        for (content, secret) in
            [("pen cil\n", "pen cil"), (" pencil \r\n", " pencil "), ("pencil", "pencil"), ("pencil\n\n", "pencil\n")]
        {
            let (_dir, path) = file(content.as_bytes(), 0o600);
            assert_eq!(read_now(&path, None).unwrap().expose(), secret);
        }
    }

    #[test]
    fn what_can_be_no_secret_is_refused_without_being_shown() {
        let long = "x".repeat(SECRET_BYTES_MAX + 1);
        for (content, reason) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"pencil\xff", "is not UTF-8"),
            (long.as_bytes(), "holds more"),
        ] {
            let (_dir, path) = file(content, 0o600);
            let error = read_now(&path, None).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("pencil") && !error.contains("xxx"), "{error}");
        }
        assert!(matches!(read_now(Path::new("/nowhere/at/all"), None), Err(SecretError::File { .. })));
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused_with_the_remedy() {
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o604, false)] {
            let (_dir, path) = file(b"pencil", mode);
            assert_eq!(read_now(&path, None).is_ok(), good, "{mode:o}");
        }
        let (_dir, path) = file(b"pencil", 0o644);
        let error = read_now(&path, None).unwrap_err().to_string();
        assert!(error.contains("(mode 0644)") && error.contains("chmod o-r"), "{error}");
    }

    #[test]
    fn where_the_platform_sets_the_modes_they_count_for_nothing() {
        let (dir, path) = file(b"pencil", 0o444);
        assert!(read_now(&path, Some(dir.path().to_owned())).is_ok());
        // A link into the directory leads there; one that only lies there leads out of it.
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(&path, elsewhere.path().join("inward")).unwrap();
        assert!(read_now(&elsewhere.path().join("inward"), Some(dir.path().to_owned())).is_ok());
        create_dir(dir.path().join("links")).unwrap();
        let (_other, outside) = file(b"pencil", 0o444);
        symlink(&outside, dir.path().join("links/outward")).unwrap();
        assert!(read_now(&dir.path().join("links/outward"), Some(dir.path().to_owned())).is_err());
    }
}
