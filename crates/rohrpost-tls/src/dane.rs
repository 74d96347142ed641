//! What TLSA records say of a certificate: RFC 6698, as RFC 7672 §3 narrows it for mail.
//!
//! Asking for the records, and whether their signatures are good, is the business of `rohrpost-dns`; here they are
//! believed.

use aws_lc_rs::digest;
use rohrpost_mail::VerifiedBy;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{
    judge::{Distrust, by_name, first, server_verifier},
    leaf::Leaf,
};

/// Certificate usage DANE-TA: the record is about an authority in the chain.
const DANE_TA: u8 = 2;
/// Certificate usage DANE-EE: the record is about the server's own certificate.
const DANE_EE: u8 = 3;

/// A TLSA record (RFC 6698 §2.1), as it came.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tlsa {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Certificate association data.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// Whether it can decide anything. RFC 7672 §3.1.3 leaves out the usages 0 and 1, which ask for a public authority
    /// besides; RFC 7671 §5 what nobody knows and digests that are too short.
    pub fn is_usable(&self) -> bool {
        let is_whole = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == digest::SHA256_OUTPUT_LEN,
            2 => self.data.len() == digest::SHA512_OUTPUT_LEN,
            _ => false,
        };
        is_whole && self.selector <= 1 && matches!(self.usage, DANE_TA | DANE_EE)
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let key = || Leaf::read(certificate).map(|leaf| leaf.spki);
        let Some(selected) = (if self.selector == 0 { Some(certificate.to_vec()) } else { key() }) else {
            return false;
        };
        match self.matching {
            0 => selected == self.data,
            1 => digest::digest(&digest::SHA256, &selected).as_ref() == self.data,
            _ => digest::digest(&digest::SHA512, &selected).as_ref() == self.data,
        }
    }

    /// The authority itself, where the record holds all of it (`2 0 0`); a server need not send it then.
    fn authority(&self) -> Option<CertificateDer<'_>> {
        (self.selector == 0 && self.matching == 0).then(|| CertificateDer::from(&*self.data))
    }
}

/// RFC 7672 §3.1: a match of usage 3 is enough, name and dates do not count; usage 2 needs a chain to the authority, the name
/// and the dates.
pub(crate) fn judge(
    records: &[Tlsa],
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<VerifiedBy, Distrust> {
    let usable = |usage| records.iter().filter(move |record| record.usage == usage && record.is_usable());
    if usable(DANE_EE).any(|record| record.matches(end_entity)) {
        return Ok(VerifiedBy::Dane);
    }
    let mut distrust = Distrust::NoTlsa;
    for record in usable(DANE_TA) {
        let sent = first(intermediates).iter().filter(|certificate| record.matches(certificate)).cloned();
        for authority in sent.chain(record.authority()) {
            let mut roots = RootCertStore::empty();
            if roots.add(authority).is_err() {
                continue;
            }
            match by_name(&server_verifier(roots), end_entity, intermediates, name, now) {
                Ok(()) => return Ok(VerifiedBy::Dane),
                Err(reason) => distrust = reason,
            }
        }
    }
    Err(distrust)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ca::Ca, pem};

    fn sha(data: &[u8], matching: u8) -> Vec<u8> {
        match matching {
            0 => data.to_vec(),
            1 => digest::digest(&digest::SHA256, data).as_ref().to_vec(),
            _ => digest::digest(&digest::SHA512, data).as_ref().to_vec(),
        }
    }

    /// The verdict on a certificate for `mx.there.test` of an authority, which the server sends along or not.
    fn verdict(
        record: impl Fn(&[u8], &[u8]) -> Tlsa,
        name: &str,
        sends_authority: bool,
    ) -> Result<VerifiedBy, Distrust> {
        let ca = Ca::new("Test authority");
        let der = |pem: &str| pem::chain("x".as_ref(), pem.as_bytes()).unwrap().remove(0).into_owned();
        let (leaf, authority) = (der(&ca.issue(["mx.there.test"]).cert), der(ca.cert()));
        let chain = if sends_authority { vec![authority.clone()] } else { Vec::new() };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        judge(&[record(&leaf, &authority)], &leaf, &chain, &name, UnixTime::now())
    }

    fn selected(certificate: &[u8], selector: u8) -> Vec<u8> {
        if selector == 0 { certificate.to_vec() } else { Leaf::read(certificate).unwrap().spki }
    }

    #[test]
    fn usage_3_knows_the_certificate_or_its_key_whatever_the_name() {
        for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let about = |leaf: &[u8], _: &[u8]| Tlsa {
                usage: 3,
                selector,
                matching,
                data: sha(&selected(leaf, selector), matching),
            };
            assert_eq!(verdict(about, "other.test", false), Ok(VerifiedBy::Dane), "3 {selector} {matching}");
        }
        let other = |_: &[u8], authority: &[u8]| Tlsa { usage: 3, selector: 0, matching: 1, data: sha(authority, 1) };
        assert_eq!(verdict(other, "mx.there.test", true), Err(Distrust::NoTlsa));
    }

    #[test]
    fn usage_2_knows_the_authority_and_the_name_counts() {
        let about = |selector: u8, matching: u8| {
            move |_: &[u8], authority: &[u8]| Tlsa {
                usage: 2,
                selector,
                matching,
                data: sha(&selected(authority, selector), matching),
            }
        };
        for (selector, matching) in [(0, 0), (0, 1), (1, 1), (1, 2)] {
            assert_eq!(verdict(about(selector, matching), "mx.there.test", true), Ok(VerifiedBy::Dane));
        }
        assert_eq!(verdict(about(0, 0), "mx.there.test", false), Ok(VerifiedBy::Dane), "all of it is in the record");
        assert_eq!(verdict(about(0, 1), "mx.there.test", false), Err(Distrust::NoTlsa), "nobody has seen it");
        let wrong = verdict(about(0, 1), "other.test", true);
        assert!(matches!(wrong, Err(Distrust::NameMismatch { .. })), "{wrong:?}");
    }

    #[test]
    fn usages_that_ask_for_a_public_authority_and_broken_records_decide_nothing() {
        let record = |usage, selector, matching, octets| Tlsa { usage, selector, matching, data: vec![0; octets] };
        assert!(record(3, 1, 1, 32).is_usable() && record(2, 0, 2, 64).is_usable());
        for (usage, selector, matching, octets) in
            [(0, 1, 1, 32), (1, 1, 1, 32), (4, 1, 1, 32), (3, 2, 1, 32), (3, 1, 3, 32), (3, 1, 1, 31), (3, 0, 0, 0)]
        {
            assert!(!record(usage, selector, matching, octets).is_usable(), "{usage} {selector} {matching} {octets}");
        }
        for usage in [0, 1] {
            let about = |leaf: &[u8], _: &[u8]| Tlsa { usage, selector: 0, matching: 1, data: sha(leaf, 1) };
            assert_eq!(verdict(about, "mx.there.test", true), Err(Distrust::NoTlsa));
        }
    }
}
