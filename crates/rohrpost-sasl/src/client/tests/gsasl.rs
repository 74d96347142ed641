//! Our client's side against GNU SASL, which nobody here has written.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;
use crate::scram::from_base64;

/// Logs in as `user`, whose password is `pencil`, at `gsasl --server`. It names the mechanism in its first line; after
/// that each challenge and each response is a line of base64, and it hangs up on what it does not like.
fn logs_in(mechanism: Mechanism, password: &str) -> bool {
    let mut server = Command::new("gsasl")
        .args(["--server", "--quiet", "--no-cb", "--authentication-id=user", "--password=pencil"])
        .arg(format!("--mechanism={mechanism}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("gsasl is there: `cargo xtask programs` installs it");
    let mut responses = server.stdin.take().unwrap();
    let mut challenges = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap).skip(1);
    let mut exchange =
        Exchange::new(mechanism, credentials("user", password), Arc::new(Sha), None, NONCE.into()).unwrap();
    let mut success = false;
    while !success {
        let Some(challenge) = challenges.next() else { break };
        // Success is a line more, in SCRAM the proof in it.
        success = exchange.finished().is_ok();
        if !success {
            let response = exchange.step(&from_base64(&challenge).unwrap()).unwrap();
            success = mechanism.is_scram() && exchange.finished().is_ok();
            writeln!(responses, "{}", to_base64(&response)).unwrap();
        }
    }
    drop((responses, challenges));
    server.wait().unwrap();
    success
}

#[test]
fn gnu_sasl_lets_the_right_password_in_and_no_other() {
    use Mechanism::{CramMd5, Plain, ScramSha1, ScramSha256};
    for mechanism in [Plain, CramMd5, ScramSha1, ScramSha256] {
        assert!(logs_in(mechanism, "pencil"), "{mechanism}");
        assert!(!logs_in(mechanism, "pen"), "{mechanism}");
    }
}
