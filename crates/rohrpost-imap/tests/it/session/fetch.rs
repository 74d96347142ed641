//! FETCH (RFC 9051 §6.4.5).

use jiff::Timestamp;
use rohrpost_imap::{
    event::CloseReason,
    flags::{Flags, SystemFlags},
};

use super::harness::{Account, Wire};

const PARTS: &str = "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nX-More: yes\r\n\r\ninner text\r\n\
    --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\nAwQF\r\n--b--\r\n";

fn at() -> Timestamp {
    "2026-03-04T05:06:07Z".parse().unwrap()
}

#[test]
fn facts_and_structure_are_told_as_they_are_asked() {
    let account = Account::new();
    account.borrow_mut().inbox().add(
        Flags::new(SystemFlags::SEEN, ["$Forwarded"]),
        "",
        b"Subject: hi\r\n\r\nyou\r\n",
        at(),
    );
    let mut wire = Wire::selected(&account);
    wire.transcript(
        r#"C: a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID THREADID SAVEDATE)
        S: * 1 FETCH (UID 1 FLAGS (\Seen $Forwarded) INTERNALDATE " 4-Mar-2026 05:06:07 +0000" RFC822.SIZE 20 MODSEQ (2) EMAILID (M1) THREADID NIL SAVEDATE " 4-Mar-2026 05:06:07 +0000")
        S: a OK FETCH completed
        C: b FETCH 1 (ENVELOPE BODY PREVIEW)
        S: * 1 FETCH (ENVELOPE (NIL "hi" NIL NIL NIL NIL NIL NIL NIL NIL) BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1) PREVIEW "you")
        S: b OK FETCH completed
        C: c UID FETCH 1 FLAGS
        S: * 1 FETCH (UID 1 FLAGS (\Seen $Forwarded))
        S: c OK FETCH completed"#,
    );
}

#[test]
fn each_section_is_found() {
    let account = Account::new();
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", PARTS.as_bytes(), at());
    for (page_octets, piece_octets) in [(100_000, 50), (1, 1), (1, 7)] {
        account.borrow_mut().page_octets = page_octets;
        account.borrow_mut().piece_octets = piece_octets;
        let mut wire = Wire::selected(&account);
        wire.transcript(
            "C: a FETCH 1 (BODY[1] BODY[1.MIME] BODY[2.HEADER] BODY[2.TEXT] BODY[9])
            S: * 1 FETCH (BODY[1] {15}
            S: Gr=C3=BC=C3=9Fe BODY[1.MIME] {73}
            S: Content-Type: text/plain
            S: Content-Transfer-Encoding: quoted-printable
            S:
            S:  BODY[2.HEADER] {31}
            S: Subject: inner
            S: X-More: yes
            S:
            S:  BODY[2.TEXT] {10}
            S: inner text BODY[9] NIL)
            S: a OK FETCH completed
            C: b FETCH 1 (BODY[HEADER.FIELDS (subject)] BODY[2.HEADER.FIELDS.NOT (Subject)]<0.8>)
            S: * 1 FETCH (BODY[HEADER.FIELDS (subject)] {18}
            S: Subject: parts
            S:
            S:  BODY[2.HEADER.FIELDS.NOT (Subject)]<0> {8}
            S: X-More: )
            S: b OK FETCH completed
            C: c FETCH 1 (BODY[]<9.5> BODY[TEXT]<99999.4> RFC822.HEADER)
            S: * 1 FETCH (BODY[]<9> {5}
            S: parts BODY[TEXT]<99999> {0}
            S:  RFC822.HEADER {80}
            S: Subject: parts
            S: MIME-Version: 1.0
            S: Content-Type: multipart/mixed; boundary=b
            S:
            S: )
            S: c OK FETCH completed",
        );
    }
}

/// RFC 3516: the transfer encoding is undone, also where the part comes in pieces.
#[test]
fn binary_parts_come_decoded() {
    let account = Account::new();
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", PARTS.as_bytes(), at());
    for (page_octets, piece_octets) in [(100_000, 50), (1, 1), (1, 3)] {
        account.borrow_mut().page_octets = page_octets;
        account.borrow_mut().piece_octets = piece_octets;
        let mut wire = Wire::selected(&account);
        wire.send(b"a FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[3] BINARY[1]<2.2> BINARY.PEEK[3]<1.4>)\r\n");
        let told = wire.take_output();
        let tilde = if page_octets == 1 { "~" } else { "" };
        let expected = format!(
            "* 1 FETCH (BINARY.SIZE[1] 7 BINARY.SIZE[3] 6 BINARY[1]<2> {tilde}{{2}}\r\nü BINARY[3]<1> {tilde}{{4}}\r\n\
             \u{1}\u{2}\u{3}\u{4})\r\na OK FETCH completed\r\n"
        );
        assert_eq!(told, expected);
    }
}

/// RFC 9051 §6.4.5: what shows the text sets `\Seen`, and the change is told with it.
#[test]
fn what_is_shown_is_seen() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        r"C: a FETCH 1 (BODY.PEEK[TEXT]<0.5>)
        S: * 1 FETCH (BODY[TEXT]<0> {5}
        S: Hello)
        S: a OK FETCH completed
        C: b FETCH 1 (BODY[TEXT]<0.5>)
        S: * 1 FETCH (BODY[TEXT]<0> {5}
        S: Hello FLAGS (\Seen))
        S: b OK FETCH completed
        C: c FETCH 1 (BODY[TEXT]<0.5>)
        S: * 1 FETCH (BODY[TEXT]<0> {5}
        S: Hello)
        S: c OK FETCH completed
        C: d NOOP
        S: d OK NOOP completed",
    );
    assert_eq!(account.borrow().asked.iter().filter(|asked| **asked == "store").count(), 1);
}

#[test]
fn the_prefix_of_a_copy_is_part_of_the_message() {
    let account = Account::new();
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "To: me\r\n", b"A: b\r\n\r\ntext", at());
    for page_octets in [100_000, 1] {
        account.borrow_mut().page_octets = page_octets;
        let mut wire = Wire::selected(&account);
        wire.transcript(
            "C: a FETCH 1 (RFC822.SIZE BODY[] BODY[HEADER] BODY[TEXT]<1.2>)
            S: * 1 FETCH (RFC822.SIZE 20 BODY[] {20}
            S: To: me
            S: A: b
            S:
            S: text BODY[HEADER] {16}
            S: To: me
            S: A: b
            S:
            S:  BODY[TEXT]<1> {2}
            S: ex)
            S: a OK FETCH completed",
        );
    }
}

#[test]
fn many_messages_come_page_by_page_and_in_order() {
    let account = Account::new();
    account.borrow_mut().fill(&["x"; 40]);
    account.borrow_mut().page_octets = 100;
    let mut wire = Wire::selected(&account);
    wire.send(b"a FETCH 1:* (UID BODY.PEEK[])\r\n");
    let told = wire.take_output();
    let uids: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("* ")?.split(' ').nth(3)).collect();
    let expected: Vec<_> = (1..=40).map(|uid: u32| uid.to_string()).collect();
    assert_eq!(uids, expected);
    assert!(account.borrow().asked.iter().filter(|asked| **asked == "fetch").count() > 10);
}

/// RFC 9051 §6.4.5 and §6.4.9.
#[test]
fn a_number_without_message_is_a_mistake_and_a_uid_is_not() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a FETCH 2 FLAGS
        S: a BAD There is no message of that number
        C: b UID FETCH 2:9 FLAGS
        S: b OK FETCH completed
        C: c UID FETCH 9:* FLAGS
        S: * 1 FETCH (UID 1 FLAGS ())
        S: c OK FETCH completed",
    );
    let mut wire = Wire::selected(&Account::new());
    wire.transcript("C: a FETCH 1:* FLAGS\nS: a OK FETCH completed");
}

/// Such a part lies behind all that a page holds, and there is nothing of it to ask for: the session ended without a word.
#[test]
fn an_empty_part_that_is_not_in_the_page_is_empty() {
    let account = Account::new();
    let message = format!("A: {}\r\n\r\n", "x".repeat(300_000));
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", message.as_bytes(), at());
    account.borrow_mut().page_octets = 1;
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a FETCH 1 (BINARY[1] BINARY.SIZE[1] BODY[1])
        S: * 1 FETCH (BINARY[1] {0}
        S:  BINARY.SIZE[1] 0 BODY[1] {0}
        S: )
        S: a OK FETCH completed",
    );
}

/// The subject stood behind what is kept of a header, and HEADER.FIELDS told of none, as if HEADER had none either.
#[test]
fn fields_are_told_however_long_the_header_is() {
    let account = Account::new();
    let long = "x".repeat(300_000);
    let message = format!("From: ann@a.test\r\nA: {long}\r\nSubject: far\r\n off\r\n\r\nSubject: text");
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "To: b@b.test\r\n", message.as_bytes(), at());
    account.borrow_mut().page_octets = 1;
    account.borrow_mut().piece_octets = 1_000;
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a FETCH 1 (BODY[HEADER.FIELDS (TO SUBJECT)] BODY[HEADER.FIELDS.NOT (A FROM)]<21.4> BODY[HEADER.FIELDS (X)])
        S: * 1 FETCH (BODY[HEADER.FIELDS (TO SUBJECT)] {36}
        S: To: b@b.test
        S: Subject: far
        S:  off
        S:
        S:  BODY[HEADER.FIELDS.NOT (A FROM)]<21> {4}
        S: : fa BODY[HEADER.FIELDS (X)] {2}
        S:
        S: )
        S: a OK FETCH completed",
    );
}

/// RFC 9051 §4.3.1: a literal holds no NUL, but that of BINARY.
#[test]
fn a_nul_is_sent_by_binary_alone() {
    let account = Account::new();
    let message = b"A: \0b\r\n\r\nc\0\0d";
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", message, at());
    for page_octets in [100_000, 1] {
        account.borrow_mut().page_octets = page_octets;
        let mut wire = Wire::selected(&account);
        wire.send(b"a FETCH 1 (BODY[] BODY[HEADER] BODY[HEADER.FIELDS (A)] RFC822.TEXT BINARY[1])\r\n");
        let told = wire.take_octets();
        let expected = b"* 1 FETCH (BODY[] {13}\r\nA: \x80b\r\n\r\nc\x80\x80d BODY[HEADER] {9}\r\nA: \x80b\r\n\r\n \
            BODY[HEADER.FIELDS (A)] {9}\r\nA: \x80b\r\n\r\n RFC822.TEXT {4}\r\nc\x80\x80d BINARY[1] ~{4}\r\nc\0\0d)\r\n\
            a OK FETCH completed\r\n";
        assert_eq!(told.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }
}

/// No number was said yet, so what cannot be read is left out and the session lives on.
#[test]
fn a_part_that_cannot_be_decoded_is_left_out() {
    let account = Account::new();
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", PARTS.as_bytes(), at());
    account.borrow_mut().page_octets = 1;
    account.borrow_mut().is_broken = true;
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a FETCH 1 (UID BINARY[1])
        S: * 1 FETCH (UID 1)
        S: a NO [SERVERBUG] Some messages could not be read",
    );
}

/// The number of octets is said, so nothing else can follow.
#[test]
fn a_message_that_breaks_off_ends_the_connection() {
    let account = Account::new();
    account.borrow_mut().inbox().add(SystemFlags::SEEN.into(), "", PARTS.as_bytes(), at());
    account.borrow_mut().page_octets = 1;
    account.borrow_mut().is_broken = true;
    let mut wire = Wire::selected(&account);
    wire.send(b"a FETCH 1 BODY[]\r\n");
    assert!(wire.take_output().ends_with("}\r\n"));
    assert_eq!(wire.closed, Some(CloseReason::Broken));
}
