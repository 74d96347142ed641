//! What can be wrong with a certificate, key or list of authorities of ours.

use std::{io, path::PathBuf, sync::Arc};

use jiff::Timestamp;

use crate::leaf::day;

/// Why certificates cannot be used. Each names the file, since that is what has to be mended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// The settings name no pair at all.
    #[error("no certificate is configured")]
    Empty,
    /// The file cannot be opened or read.
    #[error("{}: {error}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// The file cannot be written.
    #[error("{}: cannot be written: {error}", file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// The file is larger than any PEM file of ours.
    #[error("{}: too large for a PEM file", file.display())]
    TooLarge {
        /// Which.
        file: PathBuf,
    },
    /// The PEM armour is broken.
    #[error("{}: no valid PEM: {fault}", file.display())]
    BadPem {
        /// Which.
        file: PathBuf,
        /// How.
        fault: &'static str,
    },
    /// The file holds no certificate.
    #[error("{}: no certificate in this file", file.display())]
    NoCertificate {
        /// Which.
        file: PathBuf,
    },
    /// A list of revoked certificates is none of version 2, or of a kind that cannot be held to.
    #[error("{}: a list of revoked certificates is malformed or older than version 2", file.display())]
    UnreadableList {
        /// The file, or all that were named.
        file: PathBuf,
    },
    /// The file holds no private key, or an encrypted one.
    #[error("{}: no private key without a password in this file", file.display())]
    NoKey {
        /// Which.
        file: PathBuf,
    },
    /// The certificate is no X.509 certificate of version 3.
    #[error("{}: the first certificate is malformed or older than version 3", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
    },
    /// The key is of a kind we cannot sign with.
    #[error("{}: the private key is malformed or of an unsupported kind", file.display())]
    UnsupportedKey {
        /// Which.
        file: PathBuf,
    },
    /// The key cannot sign mail.
    #[error("{}: no key that signs mail: RSA of 2,048 bits or more, or Ed25519 is one", file.display())]
    NotForSigning {
        /// Which.
        file: PathBuf,
    },
    /// Certificate and key are no pair.
    #[error("{}: the key does not match the certificate in {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate's time is over.
    #[error("{}: the certificate expired on {}", file.display(), day(*on))]
    Expired {
        /// Which.
        file: PathBuf,
        /// When.
        on: Timestamp,
    },
    /// The certificate's time has not come.
    #[error("{}: the certificate is not valid before {}", file.display(), day(*from))]
    NotYetValid {
        /// Which.
        file: PathBuf,
        /// From when on.
        from: Timestamp,
    },
}
