//! A certificate authority in a directory of its own.

use std::path::{Path, PathBuf};

use rohrpost_mail::Trust;
use rohrpost_tls::{
    CertPair, CertStore, ClientTls, ClientTlsOptions, PemPair, ServerTls, ServerTlsOptions,
    ca::{Ca, self_signed},
};
use tempfile::TempDir;

/// Issues certificates that [`Authority::trust`] believes.
pub struct Authority {
    ca: Ca,
    dir: TempDir,
}

impl Authority {
    /// A new one, in a temporary directory.
    ///
    /// # Panics
    /// When the directory cannot be written.
    #[expect(clippy::new_without_default, reason = "it makes keys and files, which no default should")]
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("tests can write temporary files");
        let ca = Ca::open(dir.path(), "Rohrpost test authority").expect("tests can write temporary files");
        Self { ca, dir }
    }

    /// What clients have to trust to believe its certificates.
    pub fn trust(&self) -> Trust {
        Trust::Ca(self.file().display().to_string())
    }

    /// Its own certificate, PEM.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Where its files lie.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> PemPair {
        self.ca.issue(names)
    }

    /// The same in files, named after the first name.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn issue_files(&self, names: &[&str]) -> CertPair {
        let name = names.first().copied().unwrap_or("nobody");
        self.issue(names).write(self.dir.path(), name).expect("tests can write temporary files")
    }

    /// A listener's TLS with such a certificate.
    pub fn server_tls(&self, names: &[&str]) -> ServerTls {
        server_tls(self.issue(names))
    }
}

/// A listener's TLS with a certificate that nobody trusts.
pub fn self_signed_tls(names: &[&str]) -> ServerTls {
    server_tls(self_signed(names, 9))
}

/// A client's TLS without a certificate of its own.
///
/// # Panics
/// Never: the defaults can be set up.
pub fn client_tls() -> ClientTls {
    ClientTls::new(ClientTlsOptions::default()).expect("the defaults can be set up")
}

fn server_tls(pair: PemPair) -> ServerTls {
    let certificates = CertStore::from_pem([pair]).expect("what was just issued is in order");
    ServerTls::new(ServerTlsOptions::new(certificates, "test")).expect("the defaults can be set up")
}
