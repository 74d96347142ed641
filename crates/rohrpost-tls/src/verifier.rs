//! Our judgement as rustls asks for it.
//!
//! rustls wants a yes or no about the peer's certificate in the middle of the handshake. Where the caller does not
//! insist on trust the answer is yes to any certificate, and the verdict is made afterwards, for the record. That the
//! peer holds the key of the certificate it shows is checked always: without it the fingerprint in the record would be
//! worth nothing.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
    },
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use crate::{
    judge::{ClientJudge, Judge},
    leaf::Leaf,
    provider::provider,
    untrusted::Untrusted,
};

/// The half that both verifiers share, whoever the peer is: it must hold the key of the certificate that it shows.
macro_rules! checks_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_signature(message, certificate, signature, verify_tls12_signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_signature(message, certificate, signature, verify_tls13_signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            algorithms().supported_schemes()
        }
    };
}

/// Servers' certificates: refused by the judge, or taken as they are.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    pub(crate) judge: Arc<Judge>,
    pub(crate) required: bool,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.required {
            let verdict = self.judge.judge(end_entity, intermediates, server_name, now);
            verdict.map_err(|reason| Untrusted::new(reason, end_entity).into_verdict())?;
        }
        Ok(ServerCertVerified::assertion())
    }

    checks_signatures!();
}

/// Clients' certificates: asked for, and refused only where the listener demands good ones.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    pub(crate) judge: Arc<ClientJudge>,
    pub(crate) required: bool,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: clients whose choice depends on hints would show nothing rather than what they have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.required {
            let verdict = self.judge.judge(end_entity, intermediates, now);
            verdict.map_err(|reason| Untrusted::new(reason, end_entity).into_verdict())?;
        }
        Ok(ClientCertVerified::assertion())
    }

    checks_signatures!();
}

type Verify = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

/// Checks that the peer holds the key of its certificate.
///
/// webpki reads certificates of version 3 only, but mail servers with self-made certificates of version 1 exist. Their
/// key is taken out of them here; a judge never calls them trusted.
fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    verify: Verify,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = algorithms();
    let verdict = verify(message, certificate, signature, &algorithms);
    match verdict {
        Err(Error::InvalidCertificate(rustls::CertificateError::BadSignature)) => verdict,
        Err(Error::InvalidCertificate(_)) => {
            let Some(leaf) = Leaf::read(certificate) else { return verdict };
            let key = SubjectPublicKeyInfoDer::from(leaf.spki);
            verify_tls13_signature_with_raw_key(message, &key, signature, &algorithms)
        }
        _ => verdict,
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    provider().signature_verification_algorithms
}
