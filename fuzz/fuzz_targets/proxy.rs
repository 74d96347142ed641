//! The header of the PROXY protocol, versions 1 and 2.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The parser alone: with the server around it come a database and a TLS library, which the fuzzer would instrument too.
#[path = "../../crates/rohrpost-server/src/proxy.rs"]
mod proxy;

/// Octets of the longest header: what can be read of a longer input is decided by then.
const OCTETS_MAX: usize = 16 + proxy::ADDED_BYTES_MAX;
const _: () = assert!(OCTETS_MAX >= proxy::LINE_BYTES_MAX);

fuzz_target!(|input: &[u8]| {
    let whole = proxy::parse(input);
    match whole {
        Ok(Some(header)) => {
            assert!(header.octets <= input.len());
            assert_eq!(proxy::parse(&input[..header.octets]), whole, "what follows the header does not count");
            for short in (0..header.octets).rev().take(64) {
                assert_eq!(proxy::parse(&input[..short]), Ok(None), "a part of a header is neither whole nor wrong");
            }
        }
        Ok(None) => assert!(input.len() < OCTETS_MAX, "nobody is waited for without end"),
        Err(_) => {}
    }
});
