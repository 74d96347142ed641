//! What is repaired about a submitted message (RFC 6409 §8), and what the intake wants to know of any.
//!
//! Whom its header may speak for is decided in [`crate::author`].

use std::borrow::Cow;

use jiff::Timestamp;
use rohrpost_mail::{
    Domain, QueueId, date,
    header::{self, Field},
    seven_bit,
};

/// Text lines may have this many octets without CRLF (RFC 5321 §4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;

/// The fields that a submitted message must not keep: hidden recipients, and what only we may say.
fn is_unwanted(field: &Field<'_>) -> bool {
    ["Bcc", "Resent-Bcc", "Return-Path", "X-Originating-IP"].iter().any(|name| field.is(name))
}

/// The header of a submitted message without what must go, with Date and Message-ID where they were missing.
pub fn repair_header<'a>(head: &'a [u8], id: QueueId, host: &Domain, now: Timestamp) -> Cow<'a, [u8]> {
    let mut repaired = header::without(head, is_unwanted);
    if header::value(head, "Message-ID").is_none_or(|value| value.is_empty()) {
        put_before(&mut repaired, "Message-ID", &format!("Message-ID: <{id}@{host}>\r\n"));
    }
    if header::value(head, "Date").is_none_or(|value| value.is_empty()) {
        put_before(&mut repaired, "Date", &format!("Date: {}\r\n", date::rfc5322(now)));
    }
    repaired
}

/// Puts a field on top, in the place of an empty one.
fn put_before(head: &mut Cow<'_, [u8]>, name: &str, field: &str) {
    let rest = header::without(head, |field| field.is(name));
    *head = Cow::Owned([field.as_bytes(), &rest].concat());
}

/// A whole submitted message after its header was repaired: long lines, and octets beyond ASCII that no MIME declares,
/// become quoted-printable. One that its author signed stays as it is, for the signature would break.
pub fn repair_body(message: &[u8]) -> Cow<'_, [u8]> {
    let (head, body) = header::split(message);
    let undeclared = header::value(head, "MIME-Version").is_none() && !body.is_ascii();
    let long = || body.split(|byte| *byte == b'\n').any(|line| line.len() > LINE_BYTES_MAX + 1);
    let is_signed = header::count(head, "DKIM-Signature") > 0;
    if is_signed || !(undeclared || long()) {
        return Cow::Borrowed(message);
    }
    seven_bit::encode(message)
}

/// What the intake wants to know of a header, in one walk over it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// How many Received fields there are.
    pub hops: usize,
    /// The Message-ID with its angle brackets, when it is printable.
    pub message_id: Option<String>,
}

impl Facts {
    /// Reads a header.
    pub fn of(head: &[u8]) -> Self {
        let mut facts = Self::default();
        for field in header::fields(head) {
            if field.is("Received") {
                facts.hops += 1;
            } else if facts.message_id.is_none() && field.is("Message-ID") {
                let id = field.unfolded();
                facts.message_id = (!id.is_empty() && !id.chars().any(char::is_control)).then_some(id);
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_added_and_hidden_recipients_go() {
        let header = b"From: ann@here.test\r\nBcc: secret@there.test\r\nbcc : more@there.test,\r\n third@there.test\r\nX-Originating-IP: [::1]\r\nDate:\r\n";
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let repaired = repair_header(header, QueueId::from_i64(1), &"mx.here.test".parse().unwrap(), now);
        assert_eq!(
            String::from_utf8_lossy(&repaired),
            "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <0000000000001@mx.here.test>\r\nFrom: ann@here.test\r\n"
        );
        let whole = b"Date: x\r\nMessage-ID: <y>\r\n";
        assert!(matches!(repair_header(whole, QueueId::from_i64(1), &"a.b".parse().unwrap(), now), Cow::Borrowed(_)));
    }

    #[test]
    fn bodies_are_made_fit_unless_they_are_signed_or_fit_already() {
        let eight = "Subject: x\r\n\r\nGr\u{fc}\u{df}e\r\n";
        assert!(repair_body(eight.as_bytes()).is_ascii());
        let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(2_000));
        assert!(repair_body(long.as_bytes()).split(|byte| *byte == b'\n').all(|line| line.len() < 1_000));
        let mime = format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n{eight}");
        let signed = format!("DKIM-Signature: v=1\r\n{eight}");
        for untouched in [mime, signed, "Subject: x\r\n\r\nplain\r\n".into()] {
            assert!(matches!(repair_body(untouched.as_bytes()), Cow::Borrowed(_)), "{untouched}");
        }
    }

    #[test]
    fn h08_hops_are_counted_and_the_message_id_is_found() {
        let header = format!("{}Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n", "Received: x\r\n".repeat(100));
        assert_eq!(Facts::of(header.as_bytes()), Facts { hops: 100, message_id: Some("<a@b>".into()) });
    }
}
