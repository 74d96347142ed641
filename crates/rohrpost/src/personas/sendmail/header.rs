//! What is repaired about a header before the message is handed on.
//!
//! Fields keep their octets and their order. What must not go out goes: hidden recipients above all, with and without
//! `-t`. What is missing is added at the end, and names of this host get its domain. A missing Message-ID is the server's
//! to add, which has a name for it that no other message has.

use jiff::Timestamp;
use rohrpost_mail::{
    Domain, Mailbox, date,
    encode::{fold, phrase_words},
    header,
};

use crate::personas::{addresses, message::Facts};

/// Fields that a message from a program must not keep.
const UNWANTED: [&str; 4] = ["Return-Path", "Content-Length", "Bcc", "Resent-Bcc"];
/// Fields in which a name without a domain is one of this host.
const ADDRESSES: [&str; 8] = ["From", "Sender", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc"];

/// What is said of a message that does not say it itself.
#[derive(Clone, Debug)]
pub(super) struct Defaults<'a> {
    /// Whom it comes from.
    pub(super) from: &'a Mailbox,
    /// That one's name; empty where there is none.
    pub(super) name: &'a str,
    /// The domain of names without one.
    pub(super) mail_name: &'a Domain,
    /// When.
    pub(super) now: Timestamp,
}

/// The header as it goes out.
pub(super) fn repaired(head: &[u8], facts: Facts, defaults: &Defaults<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len() + 256);
    for field in header::fields(head) {
        let is_one_of = |names: &[&str]| names.iter().any(|name| field.is(name));
        if is_one_of(&UNWANTED) || is_one_of(&ADDED) && field.unfolded().is_empty() {
            continue;
        }
        if is_one_of(&ADDRESSES) {
            let name = &field.raw[..field.raw.len() - field.value.len()];
            out.extend_from_slice(name);
            out.extend_from_slice(&addresses::qualified(field.value, defaults.mail_name.as_str()));
        } else {
            out.extend_from_slice(field.raw);
        }
    }
    let missing = missing(&out, facts, defaults);
    out.extend_from_slice(missing.as_bytes());
    out
}

/// Fields that are added when they are missing or empty.
const ADDED: [&str; 2] = ["From", "Date"];

fn missing(head: &[u8], facts: Facts, defaults: &Defaults<'_>) -> String {
    let Defaults { from, name, now, .. } = *defaults;
    let has = |name: &str| header::count(head, name) > 0;
    let mut fields = String::new();
    if !has("From") {
        fields.push_str(&from_field(name, from));
    }
    if !has("Date") {
        fields.push_str(&format!("Date: {}\r\n", date::rfc5322(now)));
    }
    if !has("To") && !has("Cc") {
        fields.push_str("To: undisclosed-recipients:;\r\n");
    }
    if facts.eight_bit && !has("MIME-Version") {
        fields.push_str("MIME-Version: 1.0\r\n");
        if !has("Content-Type") {
            let charset = if facts.not_utf8 { "unknown-8bit" } else { "utf-8" };
            fields.push_str(&format!("Content-Type: text/plain; charset={charset}\r\n"));
        }
        if !has("Content-Transfer-Encoding") {
            fields.push_str("Content-Transfer-Encoding: 8bit\r\n");
        }
    }
    fields
}

fn from_field(name: &str, from: &Mailbox) -> String {
    if name.is_empty() {
        return format!("From: {from}\r\n");
    }
    let address = format!("<{from}>").into();
    format!("From: {}\r\n", fold("From: ".len(), phrase_words(name).into_iter().chain([address])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired_with(head: &str, name: &str, mail_name: &str, facts: Facts) -> String {
        let defaults = Defaults {
            from: &"ann@here.test".parse().unwrap(),
            name,
            mail_name: &mail_name.parse().unwrap(),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        String::from_utf8(repaired(head.as_bytes(), facts, &defaults)).unwrap()
    }

    const WHOLE: &str = "From: a@x.test\r\nTo: b@x.test\r\nDate: now\r\nMessage-ID: <1@x.test>\r\n";

    #[test]
    fn a_whole_header_keeps_its_octets() {
        let head = format!("Subject :  odd \r\n\tfolded\r\n{WHOLE}X-Y: \r\n");
        assert_eq!(repaired_with(&head, "", "h.test", Facts::default()), head);
    }

    #[test]
    fn hidden_recipients_and_what_only_servers_say_are_gone() {
        let head = format!(
            "Return-Path: <x@y.test>\r\nBcc: secret@x.test,\r\n more@x.test\r\n{WHOLE}bcc : s@x.test\r\nResent-Bcc: t@x.test\r\nContent-Length: 7\r\n"
        );
        assert_eq!(repaired_with(&head, "", "h.test", Facts::default()), WHOLE);
    }

    #[test]
    fn an_empty_header_gets_what_every_message_has() {
        assert_eq!(
            repaired_with("", "Ann \"B\"", "h.test", Facts::default()),
            "From: \"Ann \\\"B\\\"\" <ann@here.test>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\
             To: undisclosed-recipients:;\r\n"
        );
        assert!(
            repaired_with("", "J\u{f6}rg", "h.test", Facts::default()).starts_with("From: =?utf-8?b?SsO2cmc=?= <ann@")
        );
        assert!(
            repaired_with("From:\r\nDate: \r\n", "", "h.test", Facts::default())
                .starts_with("From: ann@here.test\r\nDate: Sun")
        );
        assert!(!repaired_with("Cc: b@x.test\r\n", "", "h.test", Facts::default()).contains("To:"));
    }

    #[test]
    fn names_of_this_host_get_its_domain() {
        let head = "From: root (Cron Daemon)\r\nTo: root, ann\r\nReply-To: bob\r\n";
        let out = repaired_with(head, "", "h.test", Facts::default());
        assert!(
            out.starts_with("From: root@h.test (Cron Daemon)\r\nTo: root@h.test, ann@h.test\r\nReply-To: bob\r\n"),
            "{out}"
        );
    }

    #[test]
    fn eight_bit_text_is_declared_as_what_it_is() {
        let eight = Facts { eight_bit: true, ..Facts::default() };
        let out = repaired_with(WHOLE, "", "h.test", eight);
        assert!(out.ends_with(
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        ));
        let latin = Facts { not_utf8: true, ..eight };
        assert!(repaired_with(WHOLE, "", "h.test", latin).contains("charset=unknown-8bit"));
        let declared = format!("{WHOLE}MIME-Version: 1.0\r\nContent-Type: text/html\r\n");
        assert_eq!(repaired_with(&declared, "", "h.test", eight), declared);
        let typed = format!("{WHOLE}Content-Type: text/html\r\n");
        assert!(!repaired_with(&typed, "", "h.test", eight).contains("charset"));
    }
}
