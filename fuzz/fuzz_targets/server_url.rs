//! Servers as people write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::assert_one_line;

// The parser alone: with the client around it come TLS and a runtime, which the fuzzer would instrument too.
#[expect(dead_code, reason = "the client uses the rest of it")]
#[path = "../../crates/rohrpost-client/src/endpoint.rs"]
mod endpoint;
#[expect(dead_code, reason = "the client uses the rest of it")]
#[path = "../../crates/rohrpost-client/src/server_url.rs"]
mod server_url;

use server_url::{Place, ServerUrl};

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let url: ServerUrl = match text.parse() {
        Ok(url) => url,
        Err(error) => return assert_one_line(&error.to_string()),
    };
    if let Place::Net(host, _) = url.place() {
        assert_one_line(&host.to_string());
    }
    let printed = url.to_string();
    match url.place() {
        // The path of a socket is printed as it is, for people, and may hold what means something else in a URL.
        Place::Unix(_) => {}
        Place::Net(..) => assert_eq!(printed.parse().as_ref(), Ok(&url), "{printed}"),
    }
    let trust = url.trust(&url.place().endpoint());
    assert_eq!(url.explicit_trust().unwrap_or(&trust), &trust);
});
