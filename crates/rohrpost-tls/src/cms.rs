//! Signed documents: the Cryptographic Message Syntax (RFC 5652), as far as one certificate of ours signs one document.
//!
//! The document is inside, so is the chain. Keys of RSA and of the curves P-256 and P-384 sign; readers of such documents
//! know no others.

use aws_lc_rs::digest;
use rustls::{SignatureScheme, sign::CertifiedKey};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use yasna::{DERWriter, Tag, models::ObjectIdentifier};

const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];
const SIGNED_DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 2];
const CONTENT_TYPE: &[u64] = &[1, 2, 840, 113_549, 1, 9, 3];
const MESSAGE_DIGEST: &[u64] = &[1, 2, 840, 113_549, 1, 9, 4];

/// How one kind of key signs.
struct Algorithm {
    scheme: SignatureScheme,
    hash: &'static digest::Algorithm,
    hash_oid: &'static [u64],
    signature_oid: &'static [u64],
    /// RSA's identifier has parameters, which are NULL (RFC 3370 §3.2).
    has_null: bool,
}

static ALGORITHMS: [Algorithm; 3] = [
    Algorithm {
        scheme: SignatureScheme::RSA_PKCS1_SHA256,
        hash: &digest::SHA256,
        hash_oid: &[2, 16, 840, 1, 101, 3, 4, 2, 1],
        signature_oid: &[1, 2, 840, 113_549, 1, 1, 1],
        has_null: true,
    },
    Algorithm {
        scheme: SignatureScheme::ECDSA_NISTP256_SHA256,
        hash: &digest::SHA256,
        hash_oid: &[2, 16, 840, 1, 101, 3, 4, 2, 1],
        signature_oid: &[1, 2, 840, 10_045, 4, 3, 2],
        has_null: false,
    },
    Algorithm {
        scheme: SignatureScheme::ECDSA_NISTP384_SHA384,
        hash: &digest::SHA384,
        hash_oid: &[2, 16, 840, 1, 101, 3, 4, 2, 2],
        signature_oid: &[1, 2, 840, 10_045, 4, 3, 3],
        has_null: false,
    },
];

/// Whether a key is of a kind that signs here.
pub(crate) fn can_sign(key: &CertifiedKey) -> bool {
    ALGORITHMS.iter().any(|algorithm| key.key.choose_scheme(&[algorithm.scheme]).is_some())
}

/// The document with its signature, DER. None where the key is of another kind.
pub(crate) fn sign(key: &CertifiedKey, content: &[u8]) -> Option<Vec<u8>> {
    let chosen = |algorithm: &'static Algorithm| Some((algorithm, key.key.choose_scheme(&[algorithm.scheme])?));
    let (algorithm, signer) = ALGORITHMS.iter().find_map(chosen)?;
    let (_, certificate) = X509Certificate::from_der(key.end_entity_cert().ok()?).ok()?;
    let hash = digest::digest(algorithm.hash, content);
    // RFC 5652 §5.4: what is signed is the attributes as a SET OF, whatever tag they have in the document.
    let attributes = yasna::construct_der(|writer| write_attributes(writer, hash.as_ref()));
    let signature = signer.sign(&attributes).ok()?;
    Some(yasna::construct_der(|writer| {
        writer.write_sequence(|fields| {
            write_oid(fields.next(), SIGNED_DATA);
            fields.next().write_tagged(Tag::context(0), |writer| {
                writer.write_sequence(|fields| {
                    fields.next().write_u8(1);
                    fields.next().write_set_of(|set| write_algorithm(set.next(), algorithm.hash_oid, false));
                    write_content(fields.next(), content);
                    write_chain(fields.next(), key);
                    fields.next().write_set_of(|set| {
                        write_signer(set.next(), algorithm, &certificate, hash.as_ref(), &signature);
                    });
                });
            });
        });
    }))
}

/// `EncapsulatedContentInfo` (§5.2).
fn write_content(writer: DERWriter<'_>, content: &[u8]) {
    writer.write_sequence(|fields| {
        write_oid(fields.next(), DATA);
        fields.next().write_tagged(Tag::context(0), |writer| writer.write_bytes(content));
    });
}

/// `CertificateSet` (§10.2.3).
fn write_chain(writer: DERWriter<'_>, key: &CertifiedKey) {
    writer.write_tagged_implicit(Tag::context(0), |writer| {
        writer.write_set_of(|set| key.cert.iter().for_each(|certificate| set.next().write_der(certificate)));
    });
}

/// `SignerInfo` (§5.3).
fn write_signer(
    writer: DERWriter<'_>,
    algorithm: &Algorithm,
    certificate: &X509Certificate<'_>,
    hash: &[u8],
    signature: &[u8],
) {
    writer.write_sequence(|fields| {
        fields.next().write_u8(1);
        fields.next().write_sequence(|fields| {
            fields.next().write_der(certificate.issuer().as_raw());
            fields.next().write_bigint_bytes(certificate.raw_serial(), true);
        });
        write_algorithm(fields.next(), algorithm.hash_oid, false);
        fields.next().write_tagged_implicit(Tag::context(0), |writer| write_attributes(writer, hash));
        write_algorithm(fields.next(), algorithm.signature_oid, algorithm.has_null);
        fields.next().write_bytes(signature);
    });
}

/// The two attributes that must be there (§11.1, §11.2).
fn write_attributes(writer: DERWriter<'_>, hash: &[u8]) {
    writer.write_set_of(|set| {
        set.next().write_sequence(|fields| {
            write_oid(fields.next(), CONTENT_TYPE);
            fields.next().write_set_of(|values| write_oid(values.next(), DATA));
        });
        set.next().write_sequence(|fields| {
            write_oid(fields.next(), MESSAGE_DIGEST);
            fields.next().write_set_of(|values| values.next().write_bytes(hash));
        });
    });
}

fn write_algorithm(writer: DERWriter<'_>, oid: &[u64], has_null: bool) {
    writer.write_sequence(|fields| {
        write_oid(fields.next(), oid);
        if has_null {
            fields.next().write_null();
        }
    });
}

fn write_oid(writer: DERWriter<'_>, oid: &[u64]) {
    writer.write_oid(&ObjectIdentifier::from_slice(oid));
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use crate::{CertStore, PemPair, ca::Ca};

    fn pair_of(dir: &std::path::Path, options: &[&str]) -> PemPair {
        let file = |name: &str| dir.join(name).display().to_string();
        let run = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let new = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=issuer", "-keyout"];
        run(&[&new[..], &[&file("i.key"), "-out", &file("i.crt")], options].concat());
        let request = ["req", "-new", "-nodes", "-subj", "/CN=mx", "-addext", "subjectAltName=DNS:mx.test", "-keyout"];
        run(&[&request[..], &[&file("k"), "-out", &file("r")], options].concat());
        let sign = ["x509", "-req", "-days", "2", "-copy_extensions", "copy", "-set_serial", "0x80ff"];
        let files = [file("r"), file("i.crt"), file("i.key"), file("c")];
        run(&[&sign[..], &["-in", &files[0], "-CA", &files[1], "-CAkey", &files[2], "-out", &files[3]]].concat());
        PemPair { cert: fs::read_to_string(file("c")).unwrap(), key: fs::read_to_string(file("k")).unwrap() }
    }

    #[test]
    fn openssl_finds_the_signature_right_for_each_kind_of_key_and_wrong_after_a_change() {
        let host = "mx.test".parse().unwrap();
        let kinds: [&[&str]; 3] = [
            &["-newkey", "rsa:2048"],
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        ];
        for kind in kinds {
            let dir = tempfile::tempdir().unwrap();
            let store = CertStore::from_pem([pair_of(dir.path(), kind)]).unwrap();
            let signed = store.sign_for(&host, b"<plist/>\n").unwrap();
            assert!(store.can_sign_for(&host));
            let verify = |octets: &[u8]| {
                let file = dir.path().join("signed");
                fs::write(&file, octets).unwrap();
                let verify = ["cms", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile"];
                let (issuer, file) = (dir.path().join("i.crt"), file);
                Command::new("openssl").args(verify).arg(issuer).arg("-in").arg(file).output().unwrap()
            };
            let verified = verify(&signed);
            assert!(verified.status.success(), "{kind:?}: {}", String::from_utf8_lossy(&verified.stderr));
            assert_eq!(verified.stdout, b"<plist/>\n");
            let place = signed.windows(5).position(|octets| octets == b"plist").unwrap();
            let mut changed = signed.clone();
            changed[place] = b'P';
            assert!(!verify(&changed).status.success(), "{kind:?}");
        }
    }

    #[test]
    fn only_a_certificate_for_the_host_that_somebody_vouches_for_signs() {
        let ca = Ca::new("Test authority");
        let host = "mx.test".parse().unwrap();
        let signs = |pair: PemPair| CertStore::from_pem([pair]).unwrap().can_sign_for(&host);
        assert!(signs(ca.issue(["mx.test"])) && signs(ca.issue(["*.test"])));
        assert!(!signs(ca.issue(["other.test"])));
        assert!(!signs(crate::ca::self_signed(["mx.test"], 2)));
    }
}
