use proptest::prelude::*;

use super::*;

#[test]
fn names_of_rfc_3501_read_in_modified_utf7() {
    let name = MailboxName::from_utf7(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap();
    assert_eq!(name.as_str(), "~peter/mail/台北/日本語");
    assert_eq!(MailboxName::from_utf7(b"A&-B").unwrap().as_str(), "A&B");
}

/// What looks like a path or an encoding is data, and no name can be said in two ways.
#[test]
fn i03_mailbox_names_are_data_only() {
    for name in ["..", "../../etc/passwd", "~root", "a\\b", "C:", "*", "%", "."] {
        assert_eq!(MailboxName::new(name).unwrap().as_str(), name);
    }
    for name in ["a\0b", "a\r\nb", "\u{7f}", "\u{85}", "a\u{2028}b", "\u{2029}"] {
        assert_eq!(MailboxName::new(name), Err(NameError::Control), "{name:?}");
    }
    for name in ["", "/", "//", "/a", "a//b", "a//"] {
        assert_eq!(MailboxName::new(name), Err(NameError::Empty), "{name:?}");
    }
    // An encoded ASCII letter, an encoded `/`, half a surrogate, base64 with spare bits, no end, 8-bit.
    for octets in [&b"&AGEAYgBj-"[..], b"a&AC8-b", b"&2AA-", b"&AOR-", b"&AOQ", b"\xc3\xa4", b"&AOQ-&APY-", b"&-&!-"] {
        assert_eq!(MailboxName::from_utf7(octets), Err(NameError::Encoding), "{octets:?}");
    }
    assert_eq!(MailboxName::from_utf7(b"&AAA-"), Err(NameError::Control));
    assert_eq!(MailboxName::new(&"a".repeat(10 * 1_024)), Err(NameError::TooLong));
    assert_eq!(MailboxName::new(&"a/".repeat(51)), Err(NameError::TooDeep));
}

#[test]
fn inbox_is_one_in_every_case() {
    for name in ["INBOX", "inbox", "InBox"] {
        assert!(MailboxName::new(name).unwrap().is_inbox());
    }
    assert_eq!(MailboxName::new("Inbox/a").unwrap().as_str(), "INBOX/a");
    assert_eq!(MailboxName::new("a/Inbox").unwrap().as_str(), "a/Inbox");
    assert_eq!(MailboxName::new("inboxes").unwrap().as_str(), "inboxes");
}

#[test]
fn a_name_composed_in_two_ways_is_one() {
    assert_eq!(MailboxName::new("Entwu\u{308}rfe"), MailboxName::new("Entw\u{fc}rfe"));
}

#[test]
fn a_separator_at_the_end_is_dropped() {
    assert_eq!(MailboxName::new("a/b/").unwrap().as_str(), "a/b");
    assert_eq!(MailboxName::new("a/b").unwrap().parent(), Some("a"));
}

#[test]
fn wildcards_match_within_levels_and_across() {
    let matches = |pattern: &str, name: &str| ListPattern::new(pattern).unwrap().matches(name);
    assert!(matches("*", "a/b/c") && matches("%", "a") && !matches("%", "a/b"));
    assert!(matches("a/%", "a/b") && !matches("a/%", "a") && !matches("a/%", "a/b/c"));
    assert!(matches("%/%", "a/b") && matches("*c", "a/b/c") && matches("a*", "a"));
    assert!(matches("inbox", "INBOX") && matches("inbox/*", "INBOX/x") && !matches("A", "a"));
    assert!(matches("*%", "a/b") && matches("%*b", "a/b") && !matches("", "a"));
}

/// A pattern of wildcards takes no longer than its length times that of the name.
#[test]
fn a_pattern_of_wildcards_ends_soon() {
    let pattern = ListPattern::new(&"*%".repeat(500)).unwrap();
    assert!(pattern.matches(&"a/".repeat(499)));
    assert!(!ListPattern::new(&format!("{}b", "*a".repeat(400))).unwrap().matches(&"a".repeat(1_000)));
}

proptest! {
    #[test]
    fn what_is_printed_in_utf7_is_read_again(text in "\\PC{1,40}") {
        if let Ok(name) = MailboxName::new(&text) {
            let mut out = Vec::new();
            print_utf7(&mut out, name.as_str());
            prop_assert!(out.is_ascii());
            prop_assert_eq!(MailboxName::from_utf7(&out), Ok(name));
        }
    }

    #[test]
    fn octets_have_one_name_or_none(text in "[&A-Za-z0-9,+%*/ä-]{0,30}") {
        if let Ok(pattern) = ListPattern::from_utf7(text.as_bytes()) {
            let mut out = Vec::new();
            print_utf7(&mut out, pattern.as_str());
            prop_assert_eq!(ListPattern::from_utf7(&out), Ok(pattern));
        }
    }
}
