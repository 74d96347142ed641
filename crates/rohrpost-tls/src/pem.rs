//! Reading certificates and keys out of PEM files (RFC 7468), with errors that name the file and its fault.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};

use crate::{cert_error::CertError, limits::PEM_FILE_BYTES_MAX, provider::provider};

/// What stands in a file, up to [`PEM_FILE_BYTES_MAX`].
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, CertError> {
    let failed = |error| CertError::Read { file: file.to_owned(), error: Arc::new(error) };
    let mut text = Vec::new();
    File::open(file).map_err(failed)?.take(PEM_FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > PEM_FILE_BYTES_MAX {
        return Err(CertError::TooLarge { file: file.to_owned() });
    }
    Ok(text)
}

/// The certificates of a PEM text, in their order; at least one. `file` is what errors call it.
pub(crate) fn chain(file: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|fault| bad_pem(file, &fault))?;
    if chain.is_empty() { Err(CertError::NoCertificate { file: file.to_owned() }) } else { Ok(chain) }
}

/// The certificates and the lists of revoked ones (RFC 5280 §5) of a PEM text; at least one of either.
pub(crate) fn authorities(
    file: &Path,
    text: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, Vec<CertificateRevocationListDer<'static>>), CertError> {
    let lists = CertificateRevocationListDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|fault| bad_pem(file, &fault))?;
    match chain(file, text) {
        Err(CertError::NoCertificate { .. }) if !lists.is_empty() => Ok((Vec::new(), lists)),
        certificates => Ok((certificates?, lists)),
    }
}

/// The first private key of a PEM text: PKCS #8, PKCS #1 or SEC 1.
pub(crate) fn key(file: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, CertError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|fault| match fault {
        pem::Error::NoItemsFound => CertError::NoKey { file: file.to_owned() },
        fault => bad_pem(file, &fault),
    })
}

/// A chain and the key that belongs to it, ready to sign.
pub(crate) fn certified_key(
    (certificate_file, certificates): (&Path, &[u8]),
    (key_file, keys): (&Path, &[u8]),
) -> Result<CertifiedKey, CertError> {
    let chain = chain(certificate_file, certificates)?;
    let key = key(key_file, keys)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|fault| match fault {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertError::KeyMismatch { certificate: certificate_file.to_owned(), key: key_file.to_owned() }
        }
        rustls::Error::InvalidCertificate(_) => CertError::Unreadable { file: certificate_file.to_owned() },
        _ => CertError::UnsupportedKey { file: key_file.to_owned() },
    })
}

fn bad_pem(file: &Path, fault: &pem::Error) -> CertError {
    let fault = match fault {
        pem::Error::MissingSectionEnd { .. } => "an END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "the base64 is malformed",
        _ => "it cannot be read",
    };
    CertError::BadPem { file: PathBuf::from(file), fault }
}
