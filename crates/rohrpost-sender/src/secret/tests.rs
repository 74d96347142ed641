use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use super::*;

fn password(text: &str) -> Credential {
    Credential::Password(Secret::new(text))
}

#[tokio::test]
async fn each_source_gives_what_it_holds() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"pencil\n").unwrap();
    for source in [
        SecretSource::from(Secret::new("pencil")),
        SecretSource::file(file.path()),
        SecretSource::shell("echo pencil"),
        SecretSource::argv(["echo", "pencil"]),
    ] {
        assert_eq!(source.resolve(false).await.unwrap(), password("pencil"), "{source:?}");
    }
    assert_eq!(SecretSource::Certificate.resolve(false).await.unwrap(), Credential::Certificate);
}

/// Cargo sets this variable for every test; a test cannot set one of its own without unsafe code.
#[tokio::test]
async fn the_environment_is_a_source() {
    let source = SecretSource::env("CARGO_PKG_NAME");
    assert_eq!(source.resolve(false).await.unwrap(), password("rohrpost-sender"));
    let error = SecretSource::env("ROHRPOST_NO_SUCH_VARIABLE").resolve(false).await.unwrap_err();
    assert_eq!(error.to_string(), "the environment variable ROHRPOST_NO_SUCH_VARIABLE is not set");
}

#[tokio::test]
async fn what_a_bearer_mechanism_gets_is_a_token_wherever_it_comes_from() {
    let login = Login::new("ann", SecretSource::shell("echo ya29")).mechanism(Mechanism::XOAuth2);
    let resolved = login.resolve(false).await.unwrap();
    assert_eq!(resolved.credential, Credential::Token(Secret::new("ya29")));
    assert_eq!((resolved.user.as_str(), resolved.mechanism), ("ann", Some(Mechanism::XOAuth2)));
    assert!(!login.is_renewable());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that any source says of itself, of its errors and to the log, at the finest level.
#[tokio::test]
async fn no_secret_is_printed_or_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8], mode| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        SecretSource::file(path)
    };
    let mut said = String::new();
    for source in [
        SecretSource::from(Secret::new("pencil")),
        file("good", b"pencil", 0o600),
        file("open", b"pencil", 0o644),
        file("binary", b"pencil\xff", 0o600),
        SecretSource::shell("echo pencil"),
        SecretSource::shell("echo pencil; echo pencil >&2; exit 1"),
        SecretSource::argv(["/nowhere/at/all", "pencil"]),
    ] {
        let login = Login::new("ann", source).allow_clear(true);
        let resolved = login.resolve(false).await;
        tracing::info!(?login, ?resolved);
        said += &format!("{login:?} {resolved:?}\n");
        said += &resolved.err().map(|error| error.to_string()).unwrap_or_default();
    }
    said += &String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("ann") && said.contains("chmod") && said.contains("INFO"), "{said}");
    assert!(!said.contains("pencil"), "{said}");
}
