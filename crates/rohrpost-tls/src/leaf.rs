//! What one certificate says of itself, read for people and for SNI. Nothing here is proof of anything.

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time, x509::X509Name,
};

use crate::{crypto::sha256_hex, limits::TEXT_BYTES_MAX};

/// The statements of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// DNS names and addresses it is for, as it writes them, fit to be shown.
    pub(crate) names: Vec<String>,
    /// The owner: the common name, or else the whole subject.
    pub(crate) subject: String,
    /// Who issued it, the same way.
    pub(crate) issuer: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Subject and issuer are the same.
    pub(crate) self_signed: bool,
    /// The public key with its algorithm (RFC 5280 §4.1.2.7), DER.
    pub(crate) spki: Vec<u8>,
}

impl Leaf {
    /// Reads a certificate; nothing where it is malformed.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            names: names(&certificate),
            subject: person(certificate.subject()),
            issuer: person(certificate.issuer()),
            not_before: timestamp(certificate.validity().not_before),
            not_after: timestamp(certificate.validity().not_after),
            self_signed: certificate.subject() == certificate.issuer(),
            spki: certificate.public_key().raw.to_vec(),
        })
    }
}

/// SHA-256 of a certificate, lower-case hex.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    sha256_hex(certificate)
}

/// `tls-server-end-point` (RFC 5929 §4.1): the certificate's hash by the function of its signature, with SHA-256 in the
/// place of MD5 and SHA-1. Nothing where the signature has no function of its own, as Ed25519, or names it in its
/// parameters, as RSASSA-PSS.
pub(crate) fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let function = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        MD5_RSA | SHA1_RSA | SHA1_ECDSA | SHA256_RSA | SHA256_ECDSA => &digest::SHA256,
        SHA384_RSA | SHA384_ECDSA => &digest::SHA384,
        SHA512_RSA | SHA512_ECDSA => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(function, certificate).as_ref().to_vec())
}

// Signature algorithms of RFC 8017 appendix A.2.4 and RFC 5758 §3.2.
const MD5_RSA: &str = "1.2.840.113549.1.1.4";
const SHA1_RSA: &str = "1.2.840.113549.1.1.5";
const SHA256_RSA: &str = "1.2.840.113549.1.1.11";
const SHA384_RSA: &str = "1.2.840.113549.1.1.12";
const SHA512_RSA: &str = "1.2.840.113549.1.1.13";
const SHA1_ECDSA: &str = "1.2.840.10045.4.1";
const SHA256_ECDSA: &str = "1.2.840.10045.4.3.2";
const SHA384_ECDSA: &str = "1.2.840.10045.4.3.3";
const SHA512_ECDSA: &str = "1.2.840.10045.4.3.4";

/// A day in UTC, as reasons in words have it.
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// A text out of a certificate, fit to be shown: no control characters, not endless.
pub(crate) fn shown(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let mut shown: String = text[..end].chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if end < text.len() {
        shown.push('…');
    }
    shown
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(octets).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

fn person(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| shown(&name.to_string()), shown)
}

/// Times beyond what a timestamp holds become its end.
fn timestamp(time: ASN1Time) -> Timestamp {
    let end = if time.timestamp() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(time.timestamp()).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_control_characters_and_ends() {
        assert_eq!(shown("a\r\nb\x1b[31m\0"), "a??b?[31m?");
        assert_eq!(shown(&"ü".repeat(100)).chars().count(), TEXT_BYTES_MAX / 2 + 1);
    }

    #[test]
    fn junk_is_no_certificate() {
        for der in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", &[0x30; 64]] {
            assert!(Leaf::read(der).is_none());
        }
    }
}
