//! Rewritten reverse paths of forwarded mail: `SRS0=hash=day=domain=local@here.test`.
//!
//! A host that forwards under the first sender's name fails SPF at the next one; under a name of its own the bounces
//! come back to it and find their way by this address. The hash is keyed, so that nobody can use it as an open relay,
//! and dated, so that an old address dies. The shape is the Sender Rewriting Scheme's, which other programs recognise.

use jiff::Timestamp;
use rohrpost_mail::{Domain, Host, LocalPart, Mailbox};

/// Days an address can be answered.
pub const DAYS_MAX: i64 = 21;
/// Octets of the hash as text: 60 bits.
const HASH_CHARS: usize = 12;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// HMAC-SHA-256, which this crate does not bring along.
pub type Hmac = fn(key: &[u8], data: &[u8]) -> [u8; 32];

/// Writes and reads rewritten addresses.
#[derive(Clone)]
pub struct Rewriter {
    key: [u8; 32],
    hmac: Hmac,
}

impl std::fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rewriter(***)")
    }
}

/// Why an address cannot be turned back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SrsError {
    /// It has not the shape.
    #[error("not a rewritten address")]
    NotRewritten,
    /// Somebody else made it.
    #[error("the hash of the rewritten address is wrong")]
    Forged,
    /// It is older than [`DAYS_MAX`] days.
    #[error("the rewritten address is too old")]
    TooOld,
}

/// Whether an address looks rewritten; only [`Rewriter::original`] says whether it is ours.
pub fn looks_rewritten(address: &Mailbox) -> bool {
    address.local.as_str().get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("SRS0="))
}

impl Rewriter {
    /// `key` is a secret of this installation.
    pub fn new(key: [u8; 32], hmac: Hmac) -> Self {
        Self { key, hmac }
    }

    /// The reverse path under which mail from `sender` is forwarded; nothing where it would be too long.
    pub fn rewrite(&self, sender: &Mailbox, here: &Domain, now: Timestamp) -> Option<Mailbox> {
        let day = day_text(day_of(now));
        let (domain, local) = (sender.domain.to_string(), sender.local.as_str());
        let hash = self.hash(&day, &domain, local);
        let local = LocalPart::new(&format!("SRS0={hash}={day}={domain}={local}")).ok()?;
        Some(Mailbox { local, domain: Host::Name(here.clone()) })
    }

    /// The sender that was rewritten.
    pub fn original(&self, address: &Mailbox, now: Timestamp) -> Result<Mailbox, SrsError> {
        if !looks_rewritten(address) {
            return Err(SrsError::NotRewritten);
        }
        let mut parts = address.local.as_str()[5..].splitn(4, '=');
        let mut part = || parts.next().ok_or(SrsError::NotRewritten);
        let (hash, day, domain, local) = (part()?, part()?, part()?, part()?);
        let day = day.to_ascii_uppercase();
        // Some hosts write local parts in lower case: the hash is compared without regard to it.
        if !hash.eq_ignore_ascii_case(&self.hash(&day, domain, local)) {
            return Err(SrsError::Forged);
        }
        let age = (day_of(now) - day_number(&day).ok_or(SrsError::NotRewritten)?).rem_euclid(1_024);
        if age > DAYS_MAX && age < 1_023 {
            return Err(SrsError::TooOld);
        }
        let local = LocalPart::new(local).map_err(|_| SrsError::NotRewritten)?;
        let domain = Host::parse(domain).map_err(|_| SrsError::NotRewritten)?;
        Ok(Mailbox { local, domain })
    }

    fn hash(&self, day: &str, domain: &str, local: &str) -> String {
        let data = format!("{day}={}={}", domain.to_lowercase(), local.to_lowercase());
        let digest = (self.hmac)(&self.key, data.as_bytes());
        digest.iter().take(HASH_CHARS).map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
    }
}

/// Days since 1970, modulo 1,024: two letters.
fn day_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(86_400).rem_euclid(1_024)
}

fn day_text(day: i64) -> String {
    let letter = |bits: i64| char::from(ALPHABET[usize::try_from(bits & 31).expect("five bits fit")]);
    [letter(day >> 5), letter(day)].iter().collect()
}

fn day_number(text: &str) -> Option<i64> {
    let digit = |byte: &u8| ALPHABET.iter().position(|letter| letter == byte).and_then(|at| i64::try_from(at).ok());
    match text.as_bytes() {
        [high, low] => Some(digit(high)? << 5 | digit(low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No hash at all, but it depends on every octet of key and data.
    fn mix(key: &[u8], data: &[u8]) -> [u8; 32] {
        let mut out = [0_u8; 32];
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for byte in key.iter().chain(data) {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for byte in &mut out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = state.to_be_bytes()[0];
        }
        out
    }

    fn rewriter() -> Rewriter {
        Rewriter::new([7; 32], mix)
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
    }

    #[test]
    fn a_rewritten_address_leads_back_for_three_weeks() {
        let here = "here.test".parse().unwrap();
        for sender in ["Ann@there.test", "a=b@there.test", "\"a b\"@[192.0.2.1]"] {
            let sender: Mailbox = sender.parse().unwrap();
            let rewritten = rewriter().rewrite(&sender, &here, at(0)).unwrap();
            assert!(looks_rewritten(&rewritten));
            assert_eq!(rewriter().original(&rewritten, at(DAYS_MAX)), Ok(sender.clone()), "{rewritten}");
            assert_eq!(rewriter().original(&rewritten, at(DAYS_MAX + 1)), Err(SrsError::TooOld));
            let lower: Mailbox = rewritten.to_string().to_lowercase().parse().unwrap();
            assert_eq!(rewriter().original(&lower, at(1)).unwrap().key(), sender.key());
        }
    }

    #[test]
    fn a_forged_or_foreign_address_leads_nowhere() {
        let here = "here.test".parse().unwrap();
        let rewritten = rewriter().rewrite(&"ann@there.test".parse().unwrap(), &here, at(0)).unwrap();
        let forged: Mailbox = rewritten.to_string().replace("=ann@", "=bob@").parse().unwrap();
        assert_eq!(rewriter().original(&forged, at(0)), Err(SrsError::Forged));
        assert_eq!(Rewriter::new([8; 32], mix).original(&rewritten, at(0)), Err(SrsError::Forged));
        for text in ["ann@here.test", "SRS0=x@here.test", "SRS0=a=b=c@here.test", "SRS0====@here.test"] {
            assert!(rewriter().original(&text.parse().unwrap(), at(0)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_that_would_be_too_long_is_not_rewritten() {
        let sender = format!("{}@{}.test", "a".repeat(120), "b".repeat(60)).parse().unwrap();
        assert_eq!(rewriter().rewrite(&sender, &"here.test".parse().unwrap(), at(0)), None);
    }
}
