//! The certificates we show: PEM pairs, chosen by SNI, following their files.
//!
//! A [`CertStore`] is a handle: its clones share one set, and a reload reaches every listener at once. A bad set never
//! takes the place of a good one; connections that exist keep what they have. It does not obtain or renew certificates.

use std::{
    collections::HashMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use rohrpost_mail::Domain;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{
    ca::{self, PemPair},
    cert_error::CertError,
    cms,
    leaf::{Leaf, fingerprint},
    limits::{CERTIFICATE_POLL, SELF_SIGNED_DAYS, SELF_SIGNED_RENEW_DAYS},
    pem,
};

/// Where a certificate chain and its key lie, both PEM. They may be one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertPair {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What can be said of one of our certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateInfo {
    /// The file it came from.
    pub file: PathBuf,
    /// DNS names and addresses it is for, lower case; wildcards as `*.here.test`.
    pub names: Vec<String>,
    /// When its time begins.
    pub not_before: Timestamp,
    /// When its time ends.
    pub not_after: Timestamp,
    /// Whether it vouches for itself only.
    pub self_signed: bool,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint: String,
}

/// The certificates of one or more listeners. Cloning shares them.
#[derive(Clone)]
pub struct CertStore(Arc<Shared>);

struct Shared {
    pairs: Vec<CertPair>,
    loaded: RwLock<Arc<Loaded>>,
}

impl CertStore {
    /// Loads the pairs; the first is shown to those who ask for no name or for one we do not have.
    ///
    /// A certificate whose time is over is loaded with a warning: a server that does not start loses more than one whose
    /// certificate nobody trusts.
    ///
    /// # Errors
    /// Names the first file that cannot be used, and why.
    pub fn load(pairs: Vec<CertPair>) -> Result<Self, CertError> {
        let loaded = Loaded::read(&pairs)?;
        if let Err(error) = loaded.check_time(Timestamp::now()) {
            tracing::warn!(%error, "certificate");
        }
        Ok(Self::with(pairs, loaded))
    }

    /// Certificates that lie in no file: those of the demo and of tests. They are never reloaded.
    ///
    /// # Errors
    /// As [`Self::load`]; the file is called `(memory)`.
    pub fn from_pem(pairs: impl IntoIterator<Item = PemPair>) -> Result<Self, CertError> {
        let memory = Path::new("(memory)");
        let read = |pair: PemPair| Certificate::new((memory, pair.cert.as_bytes()), (memory, pair.key.as_bytes()));
        let certificates = pairs.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::with(Vec::new(), Loaded::new(certificates, Vec::new())?))
    }

    /// The self-signed certificate in `dir` (`self-signed.crt`, `self-signed.key`), for a server that was given no other.
    /// It is made when it is missing, near its end or not for all `names`.
    ///
    /// # Errors
    /// When the files cannot be written or read.
    pub fn self_signed<N: AsRef<str>>(dir: &Path, names: &[N]) -> Result<Self, CertError> {
        let file = |extension| dir.join(format!("self-signed.{extension}"));
        let pair = CertPair { cert: file("crt"), key: file("key") };
        let until = Timestamp::now() + Duration::from_hours(24) * SELF_SIGNED_RENEW_DAYS;
        if let Ok(loaded) = Loaded::read(std::slice::from_ref(&pair))
            && loaded.certificates.iter().all(|known| known.info.not_after > until && known.info.is_for(names))
        {
            return Ok(Self::with(vec![pair], loaded));
        }
        ca::self_signed(names, SELF_SIGNED_DAYS).write(dir, "self-signed")?;
        tracing::warn!(file = %pair.cert.display(), "made a self-signed certificate: peers encrypt but cannot verify us");
        Self::load(vec![pair])
    }

    fn with(pairs: Vec<CertPair>, loaded: Loaded) -> Self {
        Self(Arc::new(Shared { pairs, loaded: RwLock::new(Arc::new(loaded)) }))
    }

    /// Reads all files again and shows the new certificates from now on.
    ///
    /// # Errors
    /// Nothing changes then. Besides the faults of [`Self::load`] a certificate whose time is over or has not come is
    /// one here.
    pub fn reload(&self) -> Result<(), CertError> {
        if self.0.pairs.is_empty() {
            return Ok(());
        }
        let loaded = Loaded::read(&self.0.pairs)?;
        loaded.check_time(Timestamp::now())?;
        *self.0.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(())
    }

    /// Follows the files until it is dropped: reloads when one of them changed, and logs what came of it.
    pub async fn watch(self) {
        let mut seen = self.current().stamps.clone();
        let mut ticks = tokio::time::interval(CERTIFICATE_POLL);
        loop {
            ticks.tick().await;
            let store = self.clone();
            let before = seen.clone();
            let look = tokio::task::spawn_blocking(move || store.reload_if_changed(&before));
            seen = look.await.unwrap_or(seen);
        }
    }

    /// Reloads when the files are not those that were `seen`; gives what is seen now, so that a bad file is reported
    /// once and not at every look.
    fn reload_if_changed(&self, seen: &[Stamp]) -> Vec<Stamp> {
        let now = stamps(&self.0.pairs);
        if now != seen {
            match self.reload() {
                Ok(()) => tracing::info!("reloaded the certificates"),
                Err(error) => tracing::error!(%error, "kept the old certificates"),
            }
        }
        now
    }

    /// What is loaded, the default first.
    pub fn certificates(&self) -> Vec<CertificateInfo> {
        self.current().certificates.iter().map(|certificate| certificate.info.clone()).collect()
    }

    /// When the time of the first of them ends: what an operator must be told in advance.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.current().certificates.iter().map(|certificate| certificate.info.not_after).min()
    }

    /// The document, signed as this host (CMS, RFC 5652), DER. None where no certificate for the host can: it is
    /// self-signed, which proves nothing to a reader, out of time, or has a key of a kind that readers do not know.
    pub fn sign_for(&self, host: &Domain, content: &[u8]) -> Option<Vec<u8>> {
        cms::sign(&*self.current().signer(host)?, content)
    }

    /// Whether [`Self::sign_for`] would sign.
    pub fn can_sign_for(&self, host: &Domain) -> bool {
        self.current().signer(host).is_some()
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for CertStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CertStore").field(&self.certificates()).finish()
    }
}

impl ResolvesServerCert for CertStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let loaded = self.current();
        let fits = |key: &CertifiedKey| key.key.choose_scheme(hello.signature_schemes()).is_some();
        Some(loaded.choose(hello.server_name(), fits))
    }
}

impl CertificateInfo {
    fn is_for<N: AsRef<str>>(&self, names: &[N]) -> bool {
        names.iter().all(|name| self.names.iter().any(|own| own.eq_ignore_ascii_case(name.as_ref())))
    }
}

/// One certificate with its key.
struct Certificate {
    info: CertificateInfo,
    key: Arc<CertifiedKey>,
}

impl Certificate {
    fn new(certificates: (&Path, &[u8]), keys: (&Path, &[u8])) -> Result<Self, CertError> {
        let key = pem::certified_key(certificates, keys)?;
        let file = certificates.0.to_owned();
        let end_entity = key.end_entity_cert().map_err(|_| CertError::NoCertificate { file: file.clone() })?;
        let leaf = Leaf::read(end_entity).ok_or_else(|| CertError::Unreadable { file: file.clone() })?;
        let names = leaf.names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let info = CertificateInfo {
            file,
            names,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            self_signed: leaf.self_signed,
            fingerprint: fingerprint(end_entity),
        };
        Ok(Self { info, key: Arc::new(key) })
    }

    fn read(pair: &CertPair) -> Result<Self, CertError> {
        let certificates = pem::read(&pair.cert)?;
        let keys = pem::read(&pair.key)?;
        warn_when_readable_by_all(&pair.key);
        Self::new((&pair.cert, &certificates), (&pair.key, &keys))
    }
}

/// One generation of certificates; at least one.
struct Loaded {
    certificates: Vec<Certificate>,
    by_name: HashMap<String, Vec<usize>>,
    stamps: Vec<Stamp>,
}

/// What changes when a file changes: its time and size.
type Stamp = Option<(SystemTime, u64)>;

impl Loaded {
    fn read(pairs: &[CertPair]) -> Result<Self, CertError> {
        // Stamps first: a file that changes while it is read is looked at again.
        let stamps = stamps(pairs);
        let certificates = pairs.iter().map(Certificate::read).collect::<Result<Vec<_>, _>>()?;
        Self::new(certificates, stamps)
    }

    fn new(certificates: Vec<Certificate>, stamps: Vec<Stamp>) -> Result<Self, CertError> {
        if certificates.is_empty() {
            return Err(CertError::Empty);
        }
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, certificate) in certificates.iter().enumerate() {
            for name in &certificate.info.names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Ok(Self { certificates, by_name, stamps })
    }

    fn check_time(&self, now: Timestamp) -> Result<(), CertError> {
        self.certificates.iter().try_for_each(|Certificate { info, .. }| match info {
            _ if info.not_after < now => Err(CertError::Expired { file: info.file.clone(), on: info.not_after }),
            _ if info.not_before > now => {
                Err(CertError::NotYetValid { file: info.file.clone(), from: info.not_before })
            }
            _ => Ok(()),
        })
    }

    /// Of the certificates for this name the first that the client can check, else the first; for a name we do not have
    /// likewise among all. Never none: an unknown name is no reason to send mail away.
    fn choose(&self, name: Option<&str>, fits: impl Fn(&CertifiedKey) -> bool) -> Arc<CertifiedKey> {
        let named = name.and_then(|name| self.named(&name.to_ascii_lowercase()));
        let all: Vec<usize> = (0..self.certificates.len()).collect();
        let candidates = named.unwrap_or(&all);
        let best = candidates.iter().find(|index| fits(&self.certificates[**index].key)).or(candidates.first());
        Arc::clone(&self.certificates[*best.expect("there is at least one certificate")].key)
    }

    /// What signs documents as this host.
    fn signer(&self, host: &Domain) -> Option<Arc<CertifiedKey>> {
        let now = Timestamp::now();
        let signs = |Certificate { info, key }: &&Certificate| {
            !info.self_signed && info.not_before <= now && now < info.not_after && cms::can_sign(key)
        };
        let named = self.named(host.as_str())?.iter().map(|index| &self.certificates[*index]);
        named.into_iter().find(signs).map(|certificate| Arc::clone(&certificate.key))
    }

    /// RFC 6125 §6.4.3: a wildcard stands for exactly one label, the first.
    fn named(&self, name: &str) -> Option<&Vec<usize>> {
        let wildcard = || name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        self.by_name.get(name).or_else(|| self.by_name.get(&wildcard()?))
    }
}

fn stamps(pairs: &[CertPair]) -> Vec<Stamp> {
    let stamp = |file: &Path| fs::metadata(file).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())));
    pairs.iter().flat_map(|pair| [stamp(&pair.cert), stamp(&pair.key)]).collect()
}

#[cfg(unix)]
fn warn_when_readable_by_all(key: &Path) {
    use std::os::unix::fs::PermissionsExt;

    if fs::metadata(key).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0) {
        tracing::warn!(file = %key.display(), "everybody on this machine can read this private key");
    }
}

#[cfg(not(unix))]
fn warn_when_readable_by_all(_key: &Path) {}

#[cfg(test)]
mod tests;
