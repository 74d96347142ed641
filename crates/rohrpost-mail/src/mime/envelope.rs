//! ENVELOPE: RFC 9051 §7.5.2.

use super::{
    addresses,
    fields::{Fields, text},
    print,
};

/// Prints the envelope of a header. `addresses_left` counts down with each address.
pub(super) fn print(fields: &Fields<'_>, addresses_left: &mut usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.push(b'(');
    print::nstring(&mut out, text(fields.date));
    out.push(b' ');
    print::nstring(&mut out, text(fields.subject));
    // Sender and Reply-To are whoever From names unless they say otherwise.
    let from = list(fields.from, addresses_left);
    let or_from = |printed: Vec<u8>| if printed == b"NIL" { from.clone() } else { printed };
    let sender = or_from(list(fields.sender, addresses_left));
    let reply_to = or_from(list(fields.reply_to, addresses_left));
    for printed in [&from, &sender, &reply_to] {
        out.push(b' ');
        out.extend_from_slice(printed);
    }
    for value in [fields.to, fields.cc, fields.bcc] {
        out.push(b' ');
        if !value.is_some_and(|value| addresses::print(value, addresses_left, &mut out)) {
            out.extend_from_slice(b"NIL");
        }
    }
    for value in [fields.in_reply_to, fields.message_id] {
        out.push(b' ');
        print::nstring(&mut out, text(value));
    }
    out.push(b')');
    out
}

fn list(value: Option<&[u8]>, left: &mut usize) -> Vec<u8> {
    let mut out = Vec::new();
    if !value.is_some_and(|value| addresses::print(value, left, &mut out)) {
        out.extend_from_slice(b"NIL");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::limits::ADDRESSES_MAX;

    fn envelope(header: &str) -> String {
        String::from_utf8(print(&Fields::of(header.as_bytes()), &mut ADDRESSES_MAX.clone())).unwrap()
    }

    /// How the addresses of a From field are printed.
    fn from(value: &str) -> String {
        let mut out = Vec::new();
        addresses::print(value.as_bytes(), &mut ADDRESSES_MAX.clone(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_has_its_place() {
        assert_eq!(
            envelope(
                "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: Terry Gray <gray@cac.example>\r\n\
                 Subject: IMAP4rev1 WG\r\n mtg \"summary\"\r\nTo: imap@cac.example\r\n\
                 cc: minutes@cnri.example, John Klensin <KLENSIN@mit.example>\r\n\
                 Message-Id: <B27397-0100000@cac.example>\r\nIn-Reply-To: <1@x>\r\n"
            ),
            r#"("Wed, 17 Jul 1996 02:23:25 -0700" "IMAP4rev1 WG mtg \"summary\"" "#.to_owned()
                + r#"(("Terry Gray" NIL "gray" "cac.example")) (("Terry Gray" NIL "gray" "cac.example")) "#
                + r#"(("Terry Gray" NIL "gray" "cac.example")) ((NIL NIL "imap" "cac.example")) "#
                + r#"((NIL NIL "minutes" "cnri.example")("John Klensin" NIL "KLENSIN" "mit.example")) "#
                + r#"NIL "<1@x>" "<B27397-0100000@cac.example>")"#
        );
        assert_eq!(envelope(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    }

    #[test]
    fn an_empty_sender_is_the_one_in_from() {
        let printed = envelope("From: a@b\r\nSender:\r\nReply-To: c@d\r\nSubject:\r\n");
        assert_eq!(
            printed,
            r#"(NIL "" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) NIL NIL NIL NIL NIL)"#
        );
    }

    #[test]
    fn names_lose_their_quotes_and_encoded_words_stay() {
        assert_eq!(from(r#""Gray, \"T\"" <t@x>"#), r#"(("Gray, \"T\"" NIL "t" "x"))"#);
        assert_eq!(from("=?utf-8?q?J=C3=B6rg?= <j@x>"), r#"(("=?utf-8?q?J=C3=B6rg?=" NIL "j" "x"))"#);
        assert_eq!(
            from("Dr. Who\r\n  von Ü <w@x>"),
            "((\"Dr. Who von Ü\" NIL \"w\" \"x\"))".replace("\"Dr. Who von Ü\"", "{14}\r\nDr. Who von Ü")
        );
        assert_eq!(from(r#""a b"@x, "c@d"@e"#), r#"((NIL NIL "a b" "x")(NIL NIL "c@d" "e"))"#);
    }

    #[test]
    fn groups_have_a_start_and_an_end() {
        assert_eq!(from("undisclosed-recipients:;"), r#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#);
        assert_eq!(
            from("A group: b@x, C <c@y>; d@z"),
            r#"((NIL NIL "A group" NIL)(NIL NIL "b" "x")("C" NIL "c" "y")(NIL NIL NIL NIL)(NIL NIL "d" "z"))"#
        );
        assert_eq!(from("open: b@x"), r#"((NIL NIL "open" NIL)(NIL NIL "b" "x")(NIL NIL NIL NIL))"#);
    }

    #[test]
    fn obsolete_forms_are_understood() {
        assert_eq!(from("ann@here.test (Ann (the first) Lee)"), r#"(("Ann (the first) Lee" NIL "ann" "here.test"))"#);
        assert_eq!(from("ann @ here.test"), r#"((NIL NIL "ann" "here.test"))"#);
        assert_eq!(from("<@a.test,@b.test:ann@here.test>"), r#"((NIL NIL "ann" "here.test"))"#);
        assert_eq!(from("Ann<ann@[IPv6:::1]>"), r#"(("Ann" NIL "ann" "[IPv6:::1]"))"#);
        assert_eq!(from(",, ann@x ,,"), r#"((NIL NIL "ann" "x"))"#);
    }

    #[test]
    fn what_is_no_address_is_shown_all_the_same() {
        assert_eq!(from("ann"), r#"((NIL NIL "ann" ""))"#);
        assert_eq!(from("Ann Lee ann@x"), r#"(("Ann Lee" NIL "ann" "x"))"#);
        assert_eq!(from("Ann <ann@x, bob@y"), r#"(("Ann" NIL "ann" "x")(NIL NIL "bob" "y"))"#);
        assert_eq!(from("<>"), r#"((NIL NIL "" ""))"#);
        assert_eq!(from("\"open <a@b>"), r#"((NIL NIL "open <a@b>" ""))"#);
        for blank in ["", " ", "(only a comment)", ",", ";", "\r\n "] {
            assert_eq!(from(blank), "", "{blank:?}");
        }
    }

    #[test]
    fn a_hundred_thousand_recipients_are_ten_thousand() {
        let printed = envelope(&format!("To: {}\r\n", "a@b,".repeat(60_000)));
        assert_eq!(printed.matches("(NIL NIL \"a\" \"b\")").count(), ADDRESSES_MAX);
        assert!(printed.ends_with(") NIL NIL NIL NIL)"));
    }
}
