//! What is read from a message's header, and what is changed in it.
//!
//! msmtp leaves a message as it is but for a few fields, each of which has a key: Bcc goes, From, Date and Message-ID are
//! added in front when they are missing, To may be replaced. Nothing else of the octets changes here.

use jiff::Timestamp;
use rohrpost_mail::{
    Mailbox, date,
    encode::{fold, phrase_words},
    header::{self, Field},
};

use super::{
    fault::Fault,
    settings::{Settings, To, When},
};
use crate::{
    exit::Exit,
    personas::addresses::{Named, entries},
};

/// What fields that are added say.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// The author of a message that names none.
    pub(super) from: &'a Mailbox,
    /// The author's name.
    pub(super) full_name: Option<&'a str>,
    /// Those who get the message.
    pub(super) recipients: &'a [Mailbox],
    /// What stands before the `@` of a Message-ID; unique in the world.
    pub(super) unique: &'a str,
    /// The date.
    pub(super) now: Timestamp,
}

/// Whom To, Cc and Bcc name, or their Resent- twins in the first block of such fields: a message that was sent on goes to
/// those whom it was sent on to.
pub(super) fn recipients(head: &[u8]) -> Result<Vec<Named>, Fault> {
    let is_resent = |field: &Field<'_>| field.name.len() > 7 && field.name[..7].eq_ignore_ascii_case(b"resent-");
    let resent = header::fields(head).skip_while(|field| !is_resent(field)).take_while(is_resent);
    let names: [&str; 3] = if header::fields(head).any(|field| is_resent(&field)) {
        ["Resent-To", "Resent-Cc", "Resent-Bcc"]
    } else {
        ["To", "Cc", "Bcc"]
    };
    let all: Vec<_> = if names[0] == "To" { header::fields(head).collect() } else { resent.collect() };
    let mut found = Vec::new();
    for field in all {
        if let Some(name) = names.into_iter().find(|name| field.is(name)) {
            found.extend(addresses(field.value, name)?);
        }
    }
    Ok(found)
}

/// The first address of the From field.
pub(super) fn author(head: &[u8]) -> Result<Option<Named>, Fault> {
    let field = header::fields(head).find(|field| field.is("From"));
    Ok(field.map(|field| addresses(field.value, "From")).transpose()?.and_then(|found| found.into_iter().next()))
}

/// The addresses of a list; `place` says in an error where it stands.
pub(super) fn addresses(list: &[u8], place: &str) -> Result<Vec<Named>, Fault> {
    let wrong = |error: &dyn std::fmt::Display| Fault::new(Exit::Data, format!("{place}: {error}"));
    let entries = entries(list).map_err(|error| wrong(&error))?;
    entries.iter().map(|entry| entry.named().map_err(|error| wrong(&error))).collect()
}

/// The header as it goes out: fields that are added first, then what stays of the others.
pub(super) fn rewritten(head: &[u8], settings: &Settings, facts: &Facts<'_>) -> Vec<u8> {
    let has = |name: &str| header::count(head, name) > 0;
    let sets = |when: When, name: &str| when == When::On || when == When::Auto && !has(name);
    let (from, date, id) = (
        sets(settings.set_from_header, "From"),
        sets(settings.set_date_header, "Date"),
        sets(settings.set_msgid_header, "Message-ID"),
    );
    let mut out = String::new();
    if from {
        out.push_str(&from_field(facts));
    }
    match settings.set_to_header {
        To::Off => {}
        To::On => out.push_str(&format!("To: {}\r\n", list(facts.recipients))),
        To::UndisclosedRecipients => out.push_str("To: undisclosed-recipients:;\r\n"),
    }
    if date {
        out.push_str(&format!("Date: {}\r\n", date::rfc5322(facts.now)));
    }
    if id {
        out.push_str(&format!("Message-ID: <{}@{}>\r\n", facts.unique, facts.from.domain));
    }
    let replaces_to = settings.set_to_header != To::Off;
    let goes = |field: &Field<'_>| {
        let is = |name: &str| field.is(name);
        is("From") && from
            || is("Date") && date
            || is("Message-ID") && id
            || (is("Bcc") || is("Resent-Bcc")) && (settings.remove_bcc_headers || replaces_to)
            || (is("To") || is("Cc")) && replaces_to
    };
    let mut out = out.into_bytes();
    out.extend_from_slice(&header::without(head, goes));
    out
}

fn from_field(facts: &Facts<'_>) -> String {
    let Some(name) = facts.full_name.filter(|name| !name.is_empty()) else {
        return format!("From: {}\r\n", facts.from);
    };
    let mut words = phrase_words(name);
    words.push(format!("<{}>", facts.from).into());
    format!("From: {}\r\n", fold("From: ".len(), words))
}

fn list(recipients: &[Mailbox]) -> String {
    recipients.iter().map(ToString::to_string).collect::<Vec<_>>().join(",\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Vec<String> {
        recipients(head.as_bytes()).unwrap().iter().map(ToString::to_string).collect()
    }

    fn rewritten_with(head: &str, change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        let (from, to) = ("joe@x.example".parse().unwrap(), "ann@y.example".parse().unwrap());
        let facts = Facts {
            from: &from,
            full_name: None,
            recipients: &[to],
            unique: "1",
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        String::from_utf8(rewritten(head.as_bytes(), &settings, &facts)).unwrap()
    }

    const WHOLE: &str = "From: a@x.example\r\nDate: now\r\nMessage-ID: <2@x.example>\r\nTo: b@x.example\r\n";

    #[test]
    fn to_cc_and_bcc_name_recipients_folded_grouped_and_without_a_domain() {
        let head =
            "To: g: a@x.example,\r\n b@x.example;, \"C, D\" <c@x.example>\r\nCC: root\r\nbcc: d@x.example (me)\r\n";
        assert_eq!(read(head), ["a@x.example", "b@x.example", "c@x.example", "root", "d@x.example"]);
        assert!(recipients(b"To: <a@x.example\r\n").is_err());
    }

    #[test]
    fn the_first_resent_block_alone_counts_where_there_is_one() {
        let head = "Resent-To: a@x.example\r\nResent-Bcc: b@x.example\r\nReceived: x\r\nResent-To: old@x.example\r\n\
            To: c@x.example\r\n";
        assert_eq!(read(head), ["a@x.example", "b@x.example"]);
    }

    #[test]
    fn what_is_missing_is_added_in_front_and_the_rest_stays_as_it_is() {
        assert_eq!(rewritten_with(WHOLE, |_| {}), WHOLE);
        assert_eq!(
            rewritten_with("subject :  x\r\n\ty\r\n", |_| {}),
            "From: joe@x.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x.example>\r\n\
             subject :  x\r\n\ty\r\n"
        );
        assert_eq!(
            rewritten_with("X: y\r\n", |settings| {
                settings.set_from_header = When::Off;
                settings.set_date_header = When::Off;
                settings.set_msgid_header = When::Off;
            }),
            "X: y\r\n"
        );
    }

    #[test]
    fn fields_that_are_always_set_take_the_place_of_what_is_there() {
        let head = rewritten_with(WHOLE, |settings| {
            settings.set_from_header = When::On;
            settings.set_date_header = When::On;
            settings.set_msgid_header = When::On;
        });
        assert_eq!(
            head,
            "From: joe@x.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nTo: b@x.example\r\n"
        );
    }

    #[test]
    fn hidden_recipients_go_unless_they_are_to_stay() {
        let head = format!("{WHOLE}Bcc: s@x.example\r\nResent-Bcc: t@x.example\r\n");
        assert_eq!(rewritten_with(&head, |_| {}), WHOLE);
        assert_eq!(rewritten_with(&head, |settings| settings.remove_bcc_headers = false), head);
    }

    #[test]
    fn to_can_be_replaced() {
        let head = format!("{WHOLE}Cc: c@x.example\r\nBcc: s@x.example\r\n");
        let undisclosed = rewritten_with(&head, |settings| settings.set_to_header = To::UndisclosedRecipients);
        assert!(undisclosed.starts_with("To: undisclosed-recipients:;\r\nFrom: a@"), "{undisclosed}");
        let named = rewritten_with(&head, |settings| {
            settings.set_to_header = To::On;
            settings.remove_bcc_headers = false;
        });
        assert!(named.starts_with("To: ann@y.example\r\n"), "{named}");
        for text in [undisclosed, named] {
            assert!(!text.contains("b@x") && !text.contains("c@x") && !text.contains("s@x"), "{text}");
        }
    }

    #[test]
    fn full_names_are_quoted_or_encoded_where_they_must() {
        let from = "joe@x.example".parse().unwrap();
        let field = |name| {
            from_field(&Facts {
                from: &from,
                full_name: Some(name),
                recipients: &[],
                unique: "1",
                now: Timestamp::UNIX_EPOCH,
            })
        };
        assert_eq!(field("Joe Smith"), "From: Joe Smith <joe@x.example>\r\n");
        assert_eq!(field("Smith, Joe"), "From: \"Smith, Joe\" <joe@x.example>\r\n");
        assert_eq!(field("Jörg"), "From: =?utf-8?b?SsO2cmc=?= <joe@x.example>\r\n");
        assert_eq!(field(""), "From: joe@x.example\r\n");
    }
}
