//! A certificate that was not trusted, with what a person needs to decide whether it should be.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{CertificateError, OtherError, pki_types::CertificateDer};

use crate::{
    crypto::sha256_hex,
    judge::Distrust,
    leaf::{Leaf, fingerprint},
};

/// What a certificate says of itself. Nothing of it is proven but the digests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerCertificate {
    /// SHA-256 of the certificate, lower-case hex: what `pin:sha256:` takes.
    pub fingerprint: String,
    /// SHA-256 of its public key, lower-case hex: what `pin:spki-sha256:` takes. It outlives a renewal with the same key.
    pub spki_fingerprint: String,
    /// Its owner.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// Valid from then on.
    pub not_before: Timestamp,
    /// Valid until then.
    pub not_after: Timestamp,
}

impl PeerCertificate {
    /// Nothing where the certificate cannot be read.
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let leaf = Leaf::read(certificate)?;
        Some(Self {
            fingerprint: fingerprint(certificate),
            spki_fingerprint: sha256_hex(&leaf.spki),
            subject: leaf.subject,
            issuer: leaf.issuer,
            names: leaf.names,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        })
    }
}

/// Why a peer was turned away, and with what certificate it came.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Untrusted {
    /// Why.
    pub reason: Distrust,
    /// The certificate, if it can be read.
    pub certificate: Option<PeerCertificate>,
}

impl Untrusted {
    pub(crate) fn new(reason: Distrust, end_entity: &CertificateDer<'_>) -> Self {
        Self { reason, certificate: PeerCertificate::read(end_entity) }
    }

    /// Puts it into rustls's error.
    pub(crate) fn into_verdict(self) -> rustls::Error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }

    /// Takes it out again.
    pub(crate) fn from_verdict(error: CertificateError) -> Self {
        match &error {
            CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<Self>() {
                Some(untrusted) => untrusted.clone(),
                None => Self { reason: Distrust::Other(error), certificate: None },
            },
            _ => Self { reason: Distrust::Other(error), certificate: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::Trust;

    use crate::{
        TlsError,
        testing::{client, filed_ca, server, shake, to},
    };

    #[tokio::test]
    async fn who_is_turned_away_is_described_so_that_it_can_be_pinned() {
        let (known, stranger) = (filed_ca(), filed_ca());
        let server = server(stranger.ca.issue(["mx.there.test", "192.0.2.1"]));
        let insisting = to("mx.there.test", known.trust).require_trust();
        let Err(TlsError::Untrusted(untrusted)) = shake(&server, &client(), &insisting).await.1 else { panic!() };
        let certificate = untrusted.certificate.expect("the certificate is a good one");
        assert_eq!(certificate.names, ["mx.there.test", "192.0.2.1"]);
        assert_eq!(certificate.issuer, "Test authority");
        assert!(certificate.not_before < certificate.not_after);
        for pin in [Trust::PinCertificate(certificate.fingerprint), Trust::PinSpki(certificate.spki_fingerprint)] {
            let pinned = to("mx.there.test", pin).require_trust();
            assert!(shake(&server, &client(), &pinned).await.1.is_ok(), "{pinned:?}");
        }
    }
}
