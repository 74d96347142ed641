//! T08: the TLS session or the request of another protocol is turned towards us (ALPACA). What a browser meant for a web
//! server must neither be taken for mail nor be answered as if we were that server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use super::Target;
use crate::peers::DEADLINE;
use crate::peers::rohrpost::ANN;

/// The exit code of `timeout` when it had to end the program.
const TIMED_OUT: i32 = 124;

/// What HTTP says first, with a whole mail in the body.
const HTTP: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: mx.here.test\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: mx.here.test\r\nContent-Length: 93\r\n\r\nEHLO x.test\r\nMAIL FROM:<bob@postfix.test>\r\n\
     RCPT TO:<ann@here.test>\r\nDATA\r\n\r\nSpam\r\n.\r\n",
];

/// The start of a TLS handshake.
const CLIENT_HELLO: &str = "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0";

/// What a server says to a request before it closes.
fn answer_in_clear(server: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(server).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
    let mut greeting = Vec::new();
    while !greeting.ends_with(b"\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).expect("it greets");
        greeting.extend_from_slice(&octet);
    }
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it closes, and not by a reset");
    answer
}

/// The same inside TLS, after the greeting or, with STARTTLS, instead of the second EHLO.
fn answer_in_tls(server: SocketAddr, options: &[&str], request: &str) -> String {
    let mut openssl = s_client(server, options);
    openssl.arg("-quiet").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = openssl.spawn().expect("openssl is there");
    let mut input = child.stdin.take().expect("it was asked for");
    input.write_all(request.as_bytes()).expect("openssl reads");
    // With its input open openssl ends when the server does.
    let output = child.wait_with_output().expect("openssl ends");
    drop(input);
    assert_ne!(output.status.code(), Some(TIMED_OUT), "the server did not close after {request:?}");
    String::from_utf8(output.stdout).expect("replies are text")
}

fn s_client(server: SocketAddr, options: &[&str]) -> Command {
    let mut openssl = Command::new("timeout");
    openssl.args([&DEADLINE.as_secs().to_string(), "openssl", "s_client", "-connect", &server.to_string()]);
    openssl.args(options);
    openssl
}

/// Whether a handshake that offers these application protocols succeeds, and what openssl says of it.
fn shakes_hands(server: SocketAddr, options: &[&str]) -> (bool, String) {
    let output = s_client(server, options).stdin(Stdio::null()).output().expect("openssl is there");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn t08_the_request_of_another_protocol_is_closed_at_its_first_line_in_clear_and_inside_tls() {
    let target = Target::start();
    let mut answers =
        vec![answer_in_clear(target.mx, CLIENT_HELLO), answer_in_tls(target.submissions, &[], CLIENT_HELLO)];
    for request in HTTP {
        answers.push(answer_in_clear(target.mx, request));
        answers.push(answer_in_tls(target.mx, &["-starttls", "smtp"], request));
        answers.push(answer_in_tls(target.submissions, &[], request));
    }
    for answer in answers {
        let refusals: Vec<_> = answer.lines().filter(|line| !line.starts_with('2')).collect();
        assert!(matches!(refusals[..], [refusal] if refusal.starts_with("554 5.5.2")), "{answer:?}");
    }
    let listed = target.rohrpost.ask(&["mailbox", "list", ANN, "--json"]);
    assert!(!listed.contains("bob@postfix.test"), "{listed}");
}

#[test]
fn t08_a_handshake_for_another_protocol_is_refused_and_one_for_mail_or_for_none_is_not() {
    let target = Target::start();
    for (server, options) in [(target.submissions, &[][..]), (target.mx, &["-starttls", "smtp"])] {
        let (succeeds, said) = shakes_hands(server, &[options, &["-alpn", "h2,http/1.1"]].concat());
        // RFC 7301 §3.2: the alert no_application_protocol is number 120.
        assert!(!succeeds && said.contains("SSL alert number 120"), "{said}");
        for name in ["smtp", "esmtp"] {
            let (succeeds, said) = shakes_hands(server, &[options, &["-alpn", &format!("http/1.1,{name}")]].concat());
            assert!(succeeds && said.contains(&format!("ALPN protocol: {name}")), "{said}");
        }
        let (succeeds, said) = shakes_hands(server, options);
        assert!(succeeds && said.contains("No ALPN negotiated"), "{said}");
    }
}
