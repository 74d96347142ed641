//! Challenges of any server, one in each line, to a client that logs in. The first octet picks the mechanism.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{FlatHashes, assert_one_line};
use rohrpost_mail::Secret;
use rohrpost_sasl::client::{Credential, Credentials, Exchange};
use rohrpost_sasl::{ChannelBinding, Mechanism};

const NONCE: &str = "fyko+d2lbbFgONRv9qkx";

fuzz_target!(|octets: &[u8]| {
    let Some((kind, challenges)) = octets.split_first() else { return };
    let mechanism = Mechanism::ALL[usize::from(*kind) % Mechanism::ALL.len()];
    let credential = match mechanism {
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credential::Token(Secret::new("ya29")),
        _ => Credential::Password(Secret::new("pencil")),
    };
    let credentials = Credentials { user: "ann".to_owned(), credential, authzid: None };
    let binding = Some(ChannelBinding::tls_exporter(*b"secret"));
    let exchange = Exchange::new(mechanism, credentials, Arc::new(FlatHashes), binding, NONCE.to_owned());
    let mut exchange = exchange.expect("these credentials are good for every mechanism").with_server("mx.test", 587);
    exchange.initial();
    for challenge in challenges.split(|octet| *octet == b'\n') {
        match exchange.step(challenge) {
            Ok(answer) => assert!(!answer.windows(6).any(|part| part == b"pencil") || may_show(mechanism)),
            Err(error) => return assert_one_line(&error.to_string()),
        }
    }
    // With these hashes every signature is known: what counts is that no step was left out.
    if mechanism.is_scram() && exchange.finished().is_ok() {
        assert!(challenges.starts_with(b"r=") && challenges.contains(&b'\n'), "no success without salt and signature");
    }
});

/// Mechanisms that hand the password over.
fn may_show(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Plain | Mechanism::Login)
}
