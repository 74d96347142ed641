//! Signing mail in the name of its domain: DKIM (RFC 6376), with RSA or Ed25519 (RFC 8463) or both.

use std::{fmt, io, io::Read, path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_client::limits::HEADER_BYTES_MAX;
use rohrpost_mail::{
    Domain,
    dkim::{RelaxedBody, Statement},
    header,
};
use rohrpost_tls::{SigningKey, crypto::Sha256};

use crate::{
    error::{ConfigError, Error},
    mail::Mail,
    secret::check_readers,
};

/// Octets that are read of a body at once.
const READ_BYTES: usize = 64 * 1024;

/// A private key that signs mail of a domain. Cloning shares it.
///
/// Its public half belongs into DNS: [`DkimKey::record`] at [`DkimKey::record_name`]. Two keys, one of each kind, sign at once
/// for as long as not everybody can check Ed25519.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("key.pem");
/// # std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n")?;
/// # std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
/// use rohrpost_sender::{DkimKey, Mail};
///
/// let key = DkimKey::read("mail", "firma.example", &file)?;
/// assert_eq!(key.record_name(), "mail._domainkey.firma.example");
/// assert_eq!(key.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
///
/// let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").subject("Hi").text("Hi Bob").build()?;
/// let signed = mail.signed(&[key])?;
/// assert!(std::io::read_to_string(signed.reader())?.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DkimKey {
    selector: Domain,
    domain: Domain,
    key: Arc<SigningKey>,
}

impl DkimKey {
    /// From a PEM file, which nobody else may read: RSA of 2,048 bits or more, or Ed25519.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config): names that are none, a file that cannot be read or that everybody can read, another
    /// kind of key.
    pub fn read(selector: &str, domain: &str, file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        let unfit = |_| ConfigError::DkimSelector { selector: selector.to_owned() };
        let selector = Domain::parse(selector).map_err(unfit)?;
        let domain = Domain::parse(domain).map_err(ConfigError::DkimDomain)?;
        check_readers(file).map_err(ConfigError::DkimFile)?;
        let key = SigningKey::read(file).map_err(ConfigError::DkimKey)?;
        Ok(Self { selector, domain, key: Arc::new(key) })
    }

    /// Where its public half belongs in DNS.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record that belongs there (RFC 6376 §3.6.1).
    pub fn record(&self) -> String {
        let kind = if self.key.is_rsa() { "rsa" } else { "ed25519" };
        format!("v=DKIM1; k={kind}; p={}", BASE64.encode(self.key.public()))
    }

    fn sign(&self, header: &[u8], body_hash: &[u8; 32], at: Timestamp) -> String {
        let algorithm = if self.key.is_rsa() { "rsa-sha256" } else { "ed25519-sha256" };
        let (domain, selector, at) = (&self.domain, &self.selector, at.as_second());
        let draft = Statement { algorithm, domain, selector, at, body_hash }.draft(header);
        let signature = self.key.sign(&draft.signed);
        draft.complete(&signature)
    }
}

/// Without the key.
impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DkimKey").field(&self.record_name()).finish()
    }
}

impl Mail {
    /// The same mail with a signature of each key above its header.
    ///
    /// It is read to its end for that, and blocks while files of it are read. A file that changes between this and the sending
    /// breaks the signature.
    ///
    /// # Errors
    /// What the files say, or a header of more than [`HEADER_BYTES_MAX`] octets.
    pub fn signed(&self, keys: &[DkimKey]) -> io::Result<Self> {
        if keys.is_empty() {
            return Ok(self.clone());
        }
        let mut reader = self.reader();
        let mut head = Vec::new();
        reader.by_ref().take(HEADER_BYTES_MAX as u64).read_to_end(&mut head)?;
        let (header, body) = header::split(&head);
        if header.len() == HEADER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the header is too long to be signed"));
        }
        let (at, body_hash) = (Timestamp::now(), hash(body, reader)?);
        let fields: String = keys.iter().map(|key| key.sign(header, &body_hash, at)).collect();
        Ok(self.below(Bytes::from(fields)))
    }
}

/// SHA-256 of a body in relaxed form: of its begin, and of what is still to be read.
fn hash(begin: &[u8], mut rest: impl Read) -> io::Result<[u8; 32]> {
    let (mut body, mut sum) = (RelaxedBody::default(), Sha256::default());
    body.push(begin, |octets| sum.update(octets));
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => body.push(&buffer[..count], |octets| sum.update(octets)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    body.end(|octets| sum.update(octets));
    Ok(sum.finish())
}
