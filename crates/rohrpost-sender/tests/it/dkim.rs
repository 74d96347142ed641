//! Signatures, as another program checks them.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rohrpost_sender::{DkimKey, Kind, Mail, Sender, Source, testing::Server as TestServer};

use crate::server;

/// Checks every signature of the message on standard input against the records in its arguments.
const CHECK: &str = r#"
import sys, dkim
records = dict(zip(sys.argv[1::2], sys.argv[2::2]))
ask = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
message = sys.stdin.buffer.read()
count = message.split(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
print([dkim.DKIM(message).verify(idx=number, dnsfunc=ask) for number in range(count)])
"#;

/// What Debian's dkimpy says of a message.
fn checked(message: &[u8], keys: &[DkimKey]) -> String {
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", CHECK])
        .args(keys.iter().flat_map(|key| [key.record_name(), key.record()]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there: cargo xtask programs");
    python.stdin.take().unwrap().write_all(message).unwrap();
    let output = python.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A new key in a file.
fn key_file(dir: &Path, algorithm: &[&str]) -> PathBuf {
    let file = dir.join(format!("{}.pem", algorithm.join("-")));
    let made = Command::new("openssl").args(["genpkey", "-algorithm"]).args(algorithm).arg("-out").arg(&file).output();
    assert!(made.expect("openssl is there: cargo xtask programs").status.success());
    file
}

fn keys(dir: &Path) -> [DkimKey; 2] {
    let rsa = DkimKey::read("rsa", "firma.test", key_file(dir, &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]));
    let ed25519 = DkimKey::read("new", "firma.test", key_file(dir, &["ed25519"]));
    [rsa.unwrap(), ed25519.unwrap()]
}

#[tokio::test]
async fn another_program_finds_both_signatures_good_on_what_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path());
    let file = dir.path().join("numbers");
    std::fs::write(&file, "0123456789".repeat(20_000)).unwrap();
    let mail = Mail::new()
        .from(("Müller, Anna", "anna@firma.test"))
        .to(["bob@kunde.test", "Cy <cy@kunde.test>"])
        .subject("Grüße an alle, die lange Betreffzeilen mit Umlauten zu schätzen wissen, und an alle anderen auch")
        .text("Hi  Bob\n.\n\ttabs and blanks \t \n\n\n")
        .attach(file)
        .build()
        .unwrap();
    let peer = TestServer::start().await;
    let sender = Sender::new(server(peer.url())).unwrap();
    sender.send(&mail.signed(&keys).unwrap()).await.unwrap();
    let mut arrived = peer.received().remove(0).body;
    assert_eq!(checked(&arrived, &keys), "[True, True]");

    let at = arrived.windows(7).position(|seven| seven == b"Subject").unwrap();
    arrived.splice(at..at, *b"Subject: Another one\r\n");
    assert_eq!(checked(&arrived, &keys), "[False, False]", "nobody can add a subject");
}

#[tokio::test]
async fn a_raw_message_is_signed_as_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path());
    for text in ["From: anna@firma.test\nSubject:  x \n\n  a \t b \n\n\nc\r\r\nd\n\n", "From: anna@firma.test\r\n\r\n"]
    {
        let to = vec![rohrpost_mail::Recipient::new("bob@kunde.test".parse().unwrap())];
        let mail = Mail::raw(rohrpost_mail::Envelope::default(), to, Source::bytes(text)).signed(&keys).unwrap();
        let peer = TestServer::start().await;
        Sender::new(server(peer.url())).unwrap().send(&mail).await.unwrap();
        assert_eq!(checked(&peer.received()[0].body, &keys), "[True, True]", "{text:?}");
    }
}

#[test]
fn what_is_no_key_is_told_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = |selector: &str, domain: &str, file: &Path| {
        let error = DkimKey::read(selector, domain, file).unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Config, 78), "{error}");
        error.to_string()
    };
    let good = key_file(dir.path(), &["ed25519"]);
    assert!(wrong("s;1", "firma.test", &good).starts_with("DKIM key: the selector \"s;1\" is none"));
    assert!(wrong("mail", "firma.test\r\nX: y", &good).starts_with("DKIM key: "));
    assert!(wrong("mail", "firma.test", "/nowhere/key".as_ref()).contains("/nowhere/key"));
    let curve = key_file(dir.path(), &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert!(wrong("mail", "firma.test", &curve).contains("RSA of 2,048 bits or more, or Ed25519"));
    std::fs::set_permissions(&good, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(wrong("mail", "firma.test", &good).contains("can be read by everybody"));
}
