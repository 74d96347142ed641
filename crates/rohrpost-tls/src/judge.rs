//! What a peer's certificate is worth: the verdict and its reason in words.
//!
//! Judging and refusing are two things. A [`Judge`] only judges; whether a connection fails by it is the caller's
//! decision ([`crate::ConnectOptions::require_trust`]).

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use rohrpost_mail::{Trust, Verification, VerifiedBy};
use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_native_certs::CertificateResult;

use crate::{
    cert_error::CertError,
    crypto::{hex, md5, sha1, sha256_hex},
    dane::{self, Tlsa},
    leaf::{Leaf, day, fingerprint},
    limits::{CHAIN_CERTIFICATES_MAX, NAMES_SHOWN_MAX},
    pem,
    provider::provider,
};

/// Why a certificate does not prove who the peer is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// It vouches for itself.
    #[error("self-signed")]
    SelfSigned,
    /// Nobody we trust issued it.
    #[error("unknown authority: {issuer}")]
    UnknownAuthority {
        /// Who issued it, by its own words.
        issuer: String,
    },
    /// Its time is over.
    #[error("expired on {}", day(*on))]
    Expired {
        /// Since when.
        on: Timestamp,
    },
    /// Its time has not come.
    #[error("not valid before {}", day(*from))]
    NotYetValid {
        /// From when on.
        from: Timestamp,
    },
    /// It is somebody else's.
    #[error("name mismatch: certificate is for {}", list(names))]
    NameMismatch {
        /// Whose.
        names: Vec<String>,
    },
    /// It is neither the pinned certificate nor of the pinned key.
    #[error("not the pinned certificate or key")]
    NotPinned,
    /// No TLSA record of the server is about it.
    #[error("no TLSA record matches it")]
    NoTlsa,
    /// It, or one that vouches for it, was taken back by its authority.
    #[error("revoked by its authority")]
    Revoked,
    /// It says that it is not for TLS servers (or clients).
    #[error("not issued for this purpose")]
    Purpose,
    /// A signature in the chain is wrong.
    #[error("a signature in its chain is wrong")]
    BadSignature,
    /// It is no X.509 certificate of version 3.
    #[error("the certificate is malformed")]
    Malformed,
    /// This system has no list of authorities.
    #[error("this system has no list of trusted authorities")]
    NoAuthorities,
    /// Something else that the library reports.
    #[error("{0}")]
    Other(CertificateError),
}

impl Distrust {
    /// What can be said of a certificate where nobody is trusted.
    fn without_authorities(end_entity: &CertificateDer<'_>) -> Self {
        let self_signed = Leaf::read(end_entity).is_some_and(|leaf| leaf.self_signed);
        if self_signed { Self::SelfSigned } else { Self::NoAuthorities }
    }

    /// What webpki found, in terms of the certificate at hand.
    fn new(error: rustls::Error, end_entity: &CertificateDer<'_>) -> Self {
        use CertificateError as E;

        let Some(leaf) = Leaf::read(end_entity) else { return Self::Malformed };
        let rustls::Error::InvalidCertificate(error) = error else { return Self::Malformed };
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::Expired { on: leaf.not_after },
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid { from: leaf.not_before },
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::NameMismatch { names: leaf.names },
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::Purpose,
            E::Revoked => Self::Revoked,
            E::BadSignature => Self::BadSignature,
            E::BadEncoding => Self::Malformed,
            _ if leaf.self_signed => Self::SelfSigned,
            E::UnknownIssuer => Self::UnknownAuthority { issuer: leaf.issuer },
            error => Self::Other(error),
        }
    }
}

fn list(names: &[String]) -> String {
    match names.len() {
        0 => "no name at all".to_owned(),
        1..=NAMES_SHOWN_MAX => names.join(", "),
        more => format!("{} and {} more", names[..NAMES_SHOWN_MAX].join(", "), more - NAMES_SHOWN_MAX),
    }
}

/// Judges the certificates of servers by one kind of trust.
#[derive(Debug)]
pub(crate) struct Judge {
    authority: Authority,
}

/// What certificates are measured against.
#[derive(Debug)]
enum Authority {
    /// The authorities of this system, loaded when the first certificate is judged by them.
    System,
    /// Those of PEM files, and lists of revoked certificates; perhaps those of this system among them.
    Files(Arc<WebPkiServerVerifier>, VerifiedBy),
    /// Those, or else those of this system.
    SystemAndFiles(Arc<WebPkiServerVerifier>),
    /// What DNS says.
    Dane(Vec<Tlsa>),
    /// The digest of the certificate.
    Certificate(String),
    /// The digest of the public key.
    Spki(String),
}

impl Judge {
    /// `tlsa` is for [`Trust::Dane`]. Trust that cannot be decided is judged by the authorities of the system.
    pub(crate) fn new(trust: &Trust, tlsa: &[Tlsa]) -> Result<Self, CertError> {
        let authority = match trust {
            Trust::Ca(files) => Files::read(files)?.alone(files)?,
            Trust::SystemAndCa(files) => Files::read(files)?.beside_system(files)?,
            Trust::Dane if tlsa.iter().any(Tlsa::is_usable) => Authority::Dane(tlsa.to_vec()),
            Trust::PinCertificate(digest) => Authority::Certificate(digest.clone()),
            Trust::PinSpki(digest) => Authority::Spki(digest.clone()),
            Trust::System | Trust::Dane | Trust::FirstUse | Trust::Any => Authority::System,
        };
        Ok(Self { authority })
    }

    /// Whether [`load_system`] should run before the first verdict or beside what leads to it.
    pub(crate) fn needs_system(&self) -> bool {
        matches!(self.authority, Authority::System | Authority::SystemAndFiles(_))
    }

    /// Judges a chain, the server's own certificate first.
    pub(crate) fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<VerifiedBy, Distrust> {
        match &self.authority {
            Authority::System => by_system(end_entity, intermediates, name, now),
            Authority::Files(verifier, by) => by_name(verifier, end_entity, intermediates, name, now).map(|()| *by),
            Authority::SystemAndFiles(verifier) => by_name(verifier, end_entity, intermediates, name, now)
                .map(|()| VerifiedBy::Ca)
                .or_else(|distrust| match distrust {
                    Distrust::SelfSigned | Distrust::UnknownAuthority { .. } => {
                        by_system(end_entity, intermediates, name, now)
                    }
                    told => Err(told),
                }),
            Authority::Dane(records) => dane::judge(records, end_entity, intermediates, name, now),
            Authority::Certificate(digest) => pinned(same_kind(end_entity, digest) == *digest),
            Authority::Spki(digest) => {
                let leaf = Leaf::read(end_entity).ok_or(Distrust::Malformed)?;
                pinned(sha256_hex(&leaf.spki) == *digest)
            }
        }
    }
}

fn by_system(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<VerifiedBy, Distrust> {
    let verifier = system().ok_or_else(|| Distrust::without_authorities(end_entity))?;
    by_name(verifier, end_entity, intermediates, name, now).map(|()| VerifiedBy::WebPki)
}

pub(crate) fn by_name(
    verifier: &WebPkiServerVerifier,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Distrust> {
    let verdict = verifier.verify_server_cert(end_entity, first(intermediates), name, &[], now);
    verdict.map(drop).map_err(|error| Distrust::new(error, end_entity))
}

/// No more of a chain than its bound: what stands further back cannot help a chain that is in order.
pub(crate) fn first<'a, 'b>(intermediates: &'a [CertificateDer<'b>]) -> &'a [CertificateDer<'b>] {
    &intermediates[..intermediates.len().min(CHAIN_CERTIFICATES_MAX)]
}

/// The digest of a certificate by the function that a pin was made with. SHA-1 and MD5 are broken, but not in this: for a
/// certificate that is not the attacker's own, nobody can make a second one with the same digest.
fn same_kind(certificate: &CertificateDer<'_>, pin: &str) -> String {
    match pin.len() {
        32 => hex(&md5(certificate)),
        40 => hex(&sha1(certificate)),
        _ => fingerprint(certificate),
    }
}

fn pinned(equal: bool) -> Result<VerifiedBy, Distrust> {
    if equal { Ok(VerifiedBy::Pin) } else { Err(Distrust::NotPinned) }
}

/// Judges the certificates of clients by the authorities of a listener.
#[derive(Debug)]
pub(crate) struct ClientJudge(Arc<dyn ClientCertVerifier>);

impl ClientJudge {
    pub(crate) fn new(file: &Path) -> Result<Self, CertError> {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(file)?), provider());
        let verifier = builder.build().map_err(|_| CertError::NoCertificate { file: file.to_owned() })?;
        Ok(Self(verifier))
    }

    pub(crate) fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<VerifiedBy, Distrust> {
        let verdict = self.0.verify_client_cert(end_entity, first(intermediates), now);
        verdict.map(|_| VerifiedBy::ClientCa).map_err(|error| Distrust::new(error, end_entity))
    }
}

/// A verdict as delivery records have it.
pub(crate) fn verification(verdict: Result<VerifiedBy, Distrust>) -> Verification {
    match verdict {
        Ok(by) => Verification::Verified { by },
        Err(reason) => Verification::Unverified { reason: reason.to_string() },
    }
}

/// Loads the system's authorities off the async threads, once: reading and parsing takes milliseconds.
pub(crate) async fn load_system() {
    static LOADED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let load = || async {
        // A panic in there would show again, with its message, in the call of `system` that follows.
        drop(tokio::task::spawn_blocking(|| system().is_some()).await);
    };
    LOADED.get_or_init(load).await;
}

/// The authorities that this system trusts; nothing where it has none.
fn system() -> Option<&'static WebPkiServerVerifier> {
    static SYSTEM: OnceLock<Option<Arc<WebPkiServerVerifier>>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        let native = native_certificates();
        let (taken, ignored) = roots.add_parsable_certificates(native.certs);
        tracing::debug!(taken, ignored, errors = native.errors.len(), "loaded the system's authorities");
        (taken > 0).then(|| server_verifier(roots))
    };
    SYSTEM.get_or_init(load).as_deref()
}

/// The certificates of the system's bundle. The directory beside it holds the same in a file each, and to read those takes
/// several times as long: it is read where there is no bundle, or where the environment names a place of its own.
fn native_certificates() -> CertificateResult {
    let named = [openssl_probe::ENV_CERT_FILE, openssl_probe::ENV_CERT_DIR].map(std::env::var_os);
    let bundle = openssl_probe::probe().cert_file.filter(|_| named == [None, None]);
    let bundled = bundle.map(|file| rustls_native_certs::load_certs_from_paths(Some(&file), None));
    bundled.filter(|found| !found.certs.is_empty()).unwrap_or_else(rustls_native_certs::load_native_certs)
}

/// What the PEM files of a trust hold.
struct Files {
    roots: RootCertStore,
    /// Lists of certificates that their authorities took back. One that no list is about is not revoked, and a list that is
    /// out of date still counts: as `GnuTLS` has it, so that a list nobody renewed does not stop all mail.
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Files {
    fn read(list: &str) -> Result<Self, CertError> {
        let mut files = Self { roots: RootCertStore::empty(), revoked: Vec::new() };
        for file in Trust::ca_files(list).map(Path::new) {
            let (certificates, revoked) = pem::authorities(file, &pem::read(file)?)?;
            add(&mut files.roots, file, certificates)?;
            files.revoked.extend(revoked);
        }
        Ok(files)
    }

    /// Nobody else is trusted.
    fn alone(self, list: &str) -> Result<Authority, CertError> {
        Ok(Authority::Files(self.verifier(list)?, VerifiedBy::Ca))
    }

    /// Whom this system trusts is trusted too, unless he is on a list.
    fn beside_system(mut self, list: &str) -> Result<Authority, CertError> {
        if self.revoked.is_empty() {
            return Ok(Authority::SystemAndFiles(self.verifier(list)?));
        }
        self.roots.add_parsable_certificates(native_certificates().certs);
        Ok(Authority::Files(self.verifier(list)?, VerifiedBy::WebPki))
    }

    fn verifier(self, list: &str) -> Result<Arc<WebPkiServerVerifier>, CertError> {
        // A list of nothing but colons, or lists of revoked certificates alone.
        if self.roots.is_empty() {
            return Err(CertError::NoCertificate { file: list.into() });
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots), provider());
        let built = builder.with_crls(self.revoked).allow_unknown_revocation_status().build();
        built.map_err(|_| CertError::UnreadableList { file: list.into() })
    }
}

/// The certificates of a PEM file as authorities.
fn roots(file: &Path) -> Result<RootCertStore, CertError> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, file, pem::chain(file, &pem::read(file)?)?)?;
    Ok(roots)
}

fn add(roots: &mut RootCertStore, file: &Path, all: Vec<CertificateDer<'static>>) -> Result<(), CertError> {
    let unreadable = |_| CertError::Unreadable { file: file.to_owned() };
    all.into_iter().try_for_each(|certificate| roots.add(certificate).map_err(unreadable))
}

/// `roots` is not empty, which is the one thing the builder refuses.
pub(crate) fn server_verifier(roots: RootCertStore) -> Arc<WebPkiServerVerifier> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    builder.build().expect("there is at least one authority and no revocation list")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::filed_ca;

    #[test]
    fn no_changed_octet_of_a_certificate_makes_the_judge_trust_it_or_panic() {
        let filed = filed_ca();
        let judge = Judge::new(&filed.trust, &[]).unwrap();
        let pair = filed.ca.issue(["mx.there.test", "192.0.2.1"]);
        let good = pem::chain("x".as_ref(), pair.cert.as_bytes()).unwrap().remove(0);
        let name = ServerName::try_from("mx.there.test").unwrap();
        let verdict = |der: &[u8]| judge.judge(&CertificateDer::from(der), &[], &name, UnixTime::now());
        assert_eq!(verdict(&good), Ok(VerifiedBy::Ca));
        for at in 0..good.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bad = good.to_vec();
                bad[at] ^= change;
                assert!(verdict(&bad).is_err(), "octet {at} changed by {change:#x}");
            }
            assert!(verdict(&good[..at]).is_err(), "cut off at {at}");
        }
    }

    #[test]
    fn a_long_list_of_names_is_cut_short() {
        let names: Vec<String> = (1..=9).map(|n| format!("mx{n}.test")).collect();
        assert_eq!(list(&names), "mx1.test, mx2.test, mx3.test, mx4.test and 5 more");
    }
}
