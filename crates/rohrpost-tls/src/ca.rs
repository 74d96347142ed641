//! A small certificate authority, for the demo and for tests, and self-signed certificates for first starts.
//!
//! It is no service: it issues what it is asked for, keeps no register and revokes nothing.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::{CertPair, cert_error::CertError};

const DAY: Duration = Duration::from_hours(24);
/// How long certificates are valid: RFC 5280 sets no bound, Apple's clients refuse more than 825 days.
const LEAF_DAYS: u32 = 825;
const CA_DAYS: u32 = 3_650;

/// A certificate chain and its key, both PEM.
#[derive(Clone)]
pub struct PemPair {
    /// The chain, the owner's certificate first.
    pub cert: String,
    /// The private key, PKCS #8.
    pub key: String,
}

impl PemPair {
    /// Writes `NAME.crt` and `NAME.key` into `dir`; the key is readable by its owner only.
    pub fn write(&self, dir: &Path, name: &str) -> Result<CertPair, CertError> {
        let pair = CertPair { cert: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) };
        replace(&pair.key, self.key.as_bytes(), 0o600)?;
        replace(&pair.cert, self.cert.as_bytes(), 0o644)?;
        Ok(pair)
    }
}

/// An authority that vouches for whomever it is told to.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    cert: String,
}

impl Ca {
    /// A new authority with a key of its own.
    pub fn new(name: &str) -> Self {
        let key = new_key();
        let params = ca_params(name, Timestamp::now());
        let cert = params.self_signed(&key).expect("these parameters are complete").pem();
        Self { issuer: Issuer::new(params, key), cert }
    }

    /// The authority whose certificate and key lie in `dir` as `ca.crt` and `ca.key`; made there when there is none.
    /// `name` must be the same each time.
    pub fn open(dir: &Path, name: &str) -> Result<Self, CertError> {
        let (cert, key) = (dir.join("ca.crt"), dir.join("ca.key"));
        if !cert.exists() || !key.exists() {
            let ca = Self::new(name);
            PemPair { cert: ca.cert.clone(), key: ca.issuer.key().serialize_pem() }.write(dir, "ca")?;
            return Ok(ca);
        }
        let key_pair = KeyPair::from_pem(&text(&key)?).map_err(|_| CertError::UnsupportedKey { file: key })?;
        let issuer = Issuer::new(ca_params(name, Timestamp::now()), key_pair);
        Ok(Self { issuer, cert: text(&cert)? })
    }

    /// The authority's certificate, PEM.
    pub fn cert(&self) -> &str {
        &self.cert
    }

    /// A certificate for servers (and clients) of these DNS names and addresses, valid from yesterday on.
    pub fn issue<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> PemPair {
        let now = Timestamp::now();
        self.issue_valid(names, now - DAY, now + DAY * LEAF_DAYS)
    }

    /// The same, with a validity of its own: for what is expired or not valid yet.
    pub fn issue_valid<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> PemPair {
        let key = new_key();
        let certificate = leaf_params(names, not_before, not_after).signed_by(&key, &self.issuer);
        PemPair { cert: certificate.expect("these parameters are complete").pem(), key: key.serialize_pem() }
    }
}

/// A certificate that vouches for itself, valid for `days` from yesterday on.
pub fn self_signed<N: AsRef<str>>(names: impl IntoIterator<Item = N>, days: u32) -> PemPair {
    let (key, now) = (new_key(), Timestamp::now());
    let certificate = leaf_params(names, now - DAY, now + DAY * days).self_signed(&key);
    PemPair { cert: certificate.expect("these parameters are complete").pem(), key: key.serialize_pem() }
}

fn ca_params(name: &str, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now - DAY, now + DAY * CA_DAYS);
    params
}

fn leaf_params<N: AsRef<str>>(
    names: impl IntoIterator<Item = N>,
    not_before: Timestamp,
    not_after: Timestamp,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.into_iter().filter_map(|name| san(name.as_ref())).collect();
    let first = params.subject_alt_names.first().map_or_else(|| "nobody".to_owned(), san_text);
    params.distinguished_name = common_name(&first);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, not_before, not_after);
    params
}

/// A name that is no ASCII is left out: certificates hold A-labels.
fn san(name: &str) -> Option<SanType> {
    match name.parse::<IpAddr>() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => name.try_into().ok().map(SanType::DnsName),
    }
}

fn san_text(name: &SanType) -> String {
    match name {
        SanType::DnsName(name) => name.as_str().to_owned(),
        SanType::IpAddress(address) => address.to_string(),
        other => format!("{other:?}"),
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("P-256 keys can always be made")
}

/// rcgen counts time in a type of another crate, which is reached through the one date that it hands out itself.
fn set_validity(params: &mut CertificateParams, not_before: Timestamp, not_after: Timestamp) {
    let since_1970 = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970(not_before);
    params.not_after = epoch + since_1970(not_after);
}

fn text(file: &Path) -> Result<String, CertError> {
    fs::read_to_string(file).map_err(|error| CertError::Read { file: file.to_owned(), error: Arc::new(error) })
}

/// Writes a new file beside the old one and renames it, so that a reader never sees half of it.
fn replace(file: &Path, text: &[u8], mode: u32) -> Result<(), CertError> {
    let failed = |error| CertError::Write { file: file.to_owned(), error: Arc::new(error) };
    let draft = PathBuf::from(format!("{}.new", file.display()));
    write_with_mode(&draft, text, mode).and_then(|()| fs::rename(&draft, file)).map_err(failed)
}

#[cfg(unix)]
fn write_with_mode(file: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};

    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_with_mode(file: &Path, text: &[u8], _mode: u32) -> io::Result<()> {
    fs::write(file, text)
}
