//! However the octets of a client are cut into segments, the dialogue is the same.

use proptest::{collection::vec, prelude::*, sample::select};
use rohrpost_smtp::server::{BareNewline, CloseReason, Profile, Protocol};

use crate::harness::{Message, Wire, profile};

/// Everything that can be seen of a session.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    replies: String,
    messages: Vec<Message>,
    hellos: Vec<String>,
    errors: u32,
    aborts: usize,
    waited: std::time::Duration,
    closed: Option<CloseReason>,
}

fn see(wire: Wire, replies: String) -> Seen {
    Seen {
        replies,
        errors: wire.session.errors(),
        messages: wire.messages,
        hellos: wire.hellos,
        aborts: wire.aborts,
        waited: wire.waited,
        closed: wire.closed,
    }
}

fn listener(protocol: Protocol, bare_newline: BareNewline) -> Profile {
    Profile { size_max: 40, auth_clear: true, bare_newline, ..profile(protocol) }
}

/// A line, or several that belong together. DATA stands nowhere but at the end of a flight: what follows it there is
/// refused for coming too early, which a cut would hide.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let lines = select(vec![
        "EHLO a.test\r\n",
        "LHLO a.test\r\n",
        "MAIL FROM:<ann@a.test> SIZE=20\r\n",
        "MAIL FROM:<>\r\n",
        "RCPT TO:<bob@here.test>\r\n",
        "RCPT TO:<nobody@here.test>\r\n",
        "RSET\r\n",
        "NOOP\r\n",
        "xyzzy\r\n",
        "RCPT TO:bob\r\n",
        "AUTH PLAIN AGFubkBoZXJlLnRlc3QAcGVuY2ls\r\n",
        "AUTH PLAIN\r\nAGFubgB4\r\n",
        "AUTH LOGIN\r\n*\r\n",
        "NOOP\n",
        "NO\rOP\r\n",
        "NO\0OP\r\n",
        "QUIT\r\n",
    ]);
    let chunk = (content(), any::<bool>()).prop_map(|(content, last)| {
        let head = format!("BDAT {}{}\r\n", content.len(), if last { " LAST" } else { "" });
        [head.as_bytes(), &content].concat()
    });
    prop_oneof![8 => lines.prop_map(|line| line.as_bytes().to_vec()), 1 => chunk]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec!["\r\n", "\r", "\n", ".", "..", "x", "A: b\r\n", " c", "\r\n\r\n", "\r\n.\r", "\0"]);
    vec(pieces, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

fn flight() -> impl Strategy<Value = Vec<u8>> {
    vec(command(), 1..6).prop_map(|commands| commands.concat())
}

/// What a client sends between two waits.
fn flights() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let message = (content(), flight()).prop_map(|(content, next)| {
        let begin = b"EHLO a.test\r\nMAIL FROM:<ann@a.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n".to_vec();
        vec![begin, [&content[..], b"\r\n.\r\n", &next].concat()]
    });
    vec(prop_oneof![flight().prop_map(|flight| vec![flight]), message], 1..6).prop_map(|flights| flights.concat())
}

fn converse(listener: &Profile, flights: &[Vec<u8>], cut: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Seen {
    let mut wire = Wire::new(listener.clone());
    let mut replies = String::new();
    for flight in flights {
        let pieces = cut(flight);
        replies += &wire.send_in_pieces(pieces.iter().map(Vec::as_slice));
    }
    see(wire, replies)
}

proptest! {
    #[test]
    fn cutting_the_input_anywhere_changes_nothing(
        flights in flights(),
        sizes in vec(1_usize..9, 1..20),
        protocol in select(vec![Protocol::Smtp, Protocol::Submission, Protocol::Lmtp]),
        bare_newline in select(vec![BareNewline::Normalize, BareNewline::Reject]),
    ) {
        let listener = listener(protocol, bare_newline);
        let whole = converse(&listener, &flights, |flight| vec![flight.to_vec()]);
        let octets = converse(&listener, &flights, |flight| flight.iter().map(|octet| vec![*octet]).collect());
        prop_assert_eq!(&whole, &octets);
        let pieces = converse(&listener, &flights, |mut flight| {
            let mut sizes = sizes.iter().cycle();
            let mut pieces = Vec::new();
            while !flight.is_empty() {
                let (piece, rest) = flight.split_at(flight.len().min(*sizes.next().unwrap()));
                pieces.push(piece.to_vec());
                flight = rest;
            }
            pieces
        });
        prop_assert_eq!(whole, pieces);
    }
}
