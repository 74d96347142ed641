//! A certificate of a test's own, made by openssl.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rohrpost_tls::ca::PemPair;
use tempfile::TempDir;

/// A self-signed certificate for `localhost`, 127.0.0.1 and a host name, and its key. Both are PEM files.
pub(crate) struct Certificate {
    directory: TempDir,
}

impl Certificate {
    /// Makes one with an ECDSA key on P-256. It lasts long enough that no server sends a notice of its end.
    pub(crate) fn for_host(name: &str) -> Self {
        let certificate = Self { directory: TempDir::with_prefix("rohrpost-cert-").expect("a directory can be made") };
        let names = format!("subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30"]);
        openssl.args(["-subj", &format!("/CN={name}"), "-addext", &names]);
        openssl.arg("-out").arg(certificate.cert()).arg("-keyout").arg(certificate.key());
        let status = openssl.stderr(Stdio::null()).status().expect("openssl is there");
        assert!(status.success(), "openssl made no certificate: {status}");
        certificate
    }

    /// Puts another in its place.
    pub(crate) fn replace(&self, pair: &PemPair) {
        std::fs::write(self.cert(), &pair.cert).expect("the file can be written");
        std::fs::write(self.key(), &pair.key).expect("the file can be written");
    }

    /// The certificate.
    pub(crate) fn cert(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    /// Its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// What trusts it and no other: `pin:sha256:` and its fingerprint.
    pub(crate) fn pin(&self) -> String {
        let mut openssl = Command::new("openssl");
        openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(self.cert());
        let said = openssl.output().expect("openssl is there").stdout;
        let said = String::from_utf8(said).expect("it prints text");
        let (_, fingerprint) = said.trim().split_once('=').expect("it names the fingerprint");
        format!("pin:sha256:{}", fingerprint.replace(':', ""))
    }

    /// The certificate as text.
    pub(crate) fn cert_text(&self) -> String {
        std::fs::read_to_string(self.cert()).expect("the certificate was written")
    }

    /// The key as text.
    pub(crate) fn key_text(&self) -> String {
        std::fs::read_to_string(self.key()).expect("the key was written")
    }
}
