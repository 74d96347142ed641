use super::*;
use crate::ca::{Ca, self_signed};

const ANY: fn(&CertifiedKey) -> bool = |_| true;

fn store(names: &[&[&str]]) -> CertStore {
    let ca = Ca::new("Test authority");
    CertStore::from_pem(names.iter().map(|names| ca.issue(*names))).unwrap()
}

/// Which certificate is shown to those who ask for this name.
fn shown(store: &CertStore, name: Option<&str>) -> usize {
    let loaded = store.current();
    let key = loaded.choose(name, ANY);
    loaded.certificates.iter().position(|certificate| Arc::ptr_eq(&certificate.key, &key)).unwrap()
}

struct Files {
    dir: tempfile::TempDir,
    pair: CertPair,
}

fn files(pair: &PemPair) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let pair = pair.write(dir.path(), "mx").unwrap();
    Files { dir, pair }
}

fn error(pair: &CertPair) -> String {
    CertStore::load(vec![pair.clone()]).unwrap_err().to_string()
}

#[test]
fn the_name_asked_for_chooses_and_unknown_names_get_the_first() {
    let store = store(&[&["mx.here.test", "mail.here.test"], &["*.there.test"], &["deep.a.there.test"]]);
    for (name, expected) in [
        (None, 0),
        (Some("mx.here.test"), 0),
        (Some("MAIL.Here.test"), 0),
        (Some("mx.there.test"), 1),
        (Some("there.test"), 0),
        (Some("a.b.there.test"), 0),
        (Some("deep.a.there.test"), 2),
        (Some("elsewhere.test"), 0),
        (Some("a\\b\0c"), 0),
        (Some(""), 0),
        (Some("."), 0),
    ] {
        assert_eq!(shown(&store, name), expected, "{name:?}");
    }
}

#[test]
fn of_two_certificates_for_a_name_the_one_is_shown_that_the_client_can_check() {
    let store = store(&[&["mx.here.test"], &["mx.here.test"]]);
    let loaded = store.current();
    let second = Arc::clone(&loaded.certificates[1].key);
    let key = loaded.choose(Some("mx.here.test"), |key| std::ptr::eq(key, &raw const *second));
    assert!(Arc::ptr_eq(&key, &second));
    let none_fits = loaded.choose(Some("mx.here.test"), |_| false);
    assert!(Arc::ptr_eq(&none_fits, &loaded.certificates[0].key));
}

#[test]
fn errors_name_the_file_and_its_fault() {
    let files = files(&self_signed(["mx.here.test"], 9));
    let CertPair { cert, key } = &files.pair;
    let file = |text: &str| {
        let file = files.dir.path().join("test.pem");
        fs::write(&file, text).unwrap();
        file
    };
    let with = |cert: &Path, key: &Path| error(&CertPair { cert: cert.to_owned(), key: key.to_owned() });
    assert!(with(Path::new("/nowhere.pem"), key).starts_with("/nowhere.pem: No such file"));
    let text = with(key, key);
    assert_eq!(text, format!("{}: no certificate in this file", key.display()));
    let text = with(cert, cert);
    assert_eq!(text, format!("{}: no private key without a password in this file", cert.display()));
    let broken = file("-----BEGIN CERTIFICATE-----\nMIIB\n");
    assert!(with(&broken, key).ends_with("no valid PEM: an END line is missing"), "{}", with(&broken, key));
    let junk = file("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert!(
        with(&junk, key).ends_with("the first certificate is malformed or older than version 3"),
        "{}",
        with(&junk, key)
    );
    let other = file(&self_signed(["mx.here.test"], 9).key);
    let expected = format!("{}: the key does not match the certificate in {}", other.display(), cert.display());
    assert_eq!(with(cert, &other), expected);
    assert_eq!(CertStore::load(Vec::new()).unwrap_err().to_string(), "no certificate is configured");
}

#[test]
fn a_reload_shows_the_new_certificate_and_a_bad_one_changes_nothing() {
    let files = files(&self_signed(["old.here.test"], 9));
    let store = CertStore::load(vec![files.pair.clone()]).unwrap();
    let names = || store.certificates()[0].names.clone();
    let write = |pair: &PemPair| pair.write(files.dir.path(), "mx").unwrap();
    write(&self_signed(["new.here.test"], 9));
    assert_eq!(names(), ["old.here.test"]);
    store.reload().unwrap();
    assert_eq!(names(), ["new.here.test"]);

    let (now, day) = (Timestamp::now(), Duration::from_hours(24));
    write(&Ca::new("Test authority").issue_valid(["late.here.test"], now - 9 * day, now - 2 * day));
    let error = store.reload().unwrap_err().to_string();
    assert!(error.contains("mx.crt: the certificate expired on 20"), "{error}");
    write(&Ca::new("Test authority").issue_valid(["early.here.test"], now + 2 * day, now + 9 * day));
    let error = store.reload().unwrap_err().to_string();
    assert!(error.contains("mx.crt: the certificate is not valid before 20"), "{error}");
    fs::remove_file(&files.pair.key).unwrap();
    assert!(store.reload().is_err());
    assert_eq!(names(), ["new.here.test"]);
}

#[test]
fn changed_files_are_seen_and_a_bad_one_is_tried_once() {
    let files = files(&self_signed(["old.here.test"], 9));
    let store = CertStore::load(vec![files.pair.clone()]).unwrap();
    let seen = store.current().stamps.clone();
    assert_eq!(store.reload_if_changed(&seen), seen);
    fs::write(&files.pair.cert, "no certificate").unwrap();
    let bad = store.reload_if_changed(&seen);
    assert_ne!(bad, seen);
    assert_eq!(store.reload_if_changed(&bad), bad);
    self_signed(["new.here.test", "and.another.test"], 9).write(files.dir.path(), "mx").unwrap();
    assert_ne!(store.reload_if_changed(&bad), bad);
    assert_eq!(store.certificates()[0].names, ["new.here.test", "and.another.test"]);
}

#[test]
fn an_expired_certificate_does_not_keep_the_server_from_starting() {
    let (now, day) = (Timestamp::now(), Duration::from_hours(24));
    let files = files(&Ca::new("Test authority").issue_valid(["mx.here.test"], now - 9 * day, now - 2 * day));
    let store = CertStore::load(vec![files.pair]).unwrap();
    assert!(store.not_after().unwrap() < now);
}

#[test]
fn the_first_start_makes_a_certificate_and_the_next_one_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let start = |names: &[&str]| CertStore::self_signed(dir.path(), names).unwrap().certificates().remove(0);
    let first = start(&["mx.here.test", "127.0.0.1"]);
    assert!(first.self_signed);
    assert_eq!(first.names, ["mx.here.test", "127.0.0.1"]);
    assert_eq!(start(&["MX.here.test"]).fingerprint, first.fingerprint);
    assert_ne!(start(&["mx.here.test", "new.here.test"]).fingerprint, first.fingerprint);
}

#[cfg(unix)]
#[test]
fn keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    CertStore::self_signed(dir.path(), &["mx.here.test"]).unwrap();
    Ca::open(dir.path(), "Test authority").unwrap();
    for key in ["self-signed.key", "ca.key"] {
        let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn an_authority_that_is_opened_again_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let first = Ca::open(dir.path(), "Test authority").unwrap();
    let again = Ca::open(dir.path(), "Test authority").unwrap();
    assert_eq!(first.cert(), again.cert());
}
