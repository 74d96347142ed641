//! Challenges of any server, one in each line, to a client that logs in. The first octet picks the mechanism.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{assert_one_line, login};
use rohrpost_sasl::Mechanism;

fuzz_target!(|octets: &[u8]| {
    let Some((kind, challenges)) = octets.split_first() else { return };
    let mechanism = Mechanism::ALL[usize::from(*kind) % Mechanism::ALL.len()];
    let mut exchange = login(mechanism);
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
