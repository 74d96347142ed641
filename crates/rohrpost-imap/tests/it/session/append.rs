//! APPEND and MULTIAPPEND (RFC 9051 §6.3.12, RFC 3502, RFC 7888).

use rohrpost_imap::flags::SystemFlags;

use super::harness::{Account, Wire};

#[test]
fn a_message_is_filed_with_flags_and_date() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a APPEND inbox (\Seen $Junk) "04-Mar-2026 06:06:07 +0100" {6}
        S: + Go on
        C: A: b
        C:
        S: a OK [APPENDUID 101 1] APPEND completed
        C: b EXAMINE INBOX
        S: * 1 EXISTS
        S: * 0 RECENT
        S: * FLAGS …
        S: * OK [PERMANENTFLAGS ()] …
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 2] …
        S: * OK [HIGHESTMODSEQ …
        S: * OK [MAILBOXID …
        S: b OK [READ-ONLY] EXAMINE completed
        C: c FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (FLAGS (\Seen $Junk) INTERNALDATE " 4-Mar-2026 05:06:07 +0000" BODY[] {6}
        S: A: b
        S: )
        S: c OK FETCH completed"#,
    );
    assert_eq!(account.borrow_mut().inbox().mails[0].flags.system, SystemFlags::SEEN);
}

#[test]
fn several_messages_are_filed_together_or_not_at_all() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.send(b"a APPEND INBOX {3+}\r\none (\\Draft) {3+}\r\ntwo {5+}\r\nthree\r\n");
    wire.transcript("S: a OK [APPENDUID 101 1:3] APPEND completed");
    wire.send(b"b APPEND INBOX {4+}\r\nfour {200000}\r\n");
    wire.transcript("S: b NO [TOOBIG] The message is too large\nC: c NOOP\nS: c OK NOOP completed");
    assert_eq!(account.borrow_mut().inbox().mails.len(), 3);
    assert!(account.borrow().asked.contains(&"abort"));
}

/// RFC 7888 §4: what a client sends without waiting is thrown away when it is refused.
#[test]
fn a_message_that_is_refused_is_thrown_away() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.send(b"a APPEND nowhere {10+}\r\nb CREATE x\r\nc NOOP\r\n");
    wire.transcript("S: a NO [TRYCREATE] There is no such mailbox; create it first\nS: c OK NOOP completed");
    account.borrow_mut().is_full = true;
    wire.transcript(
        "C: d APPEND INBOX {10}\nS: d NO [OVERQUOTA] The mailbox is full\nC: e NOOP\nS: e OK NOOP completed",
    );
    assert_eq!(account.borrow().boxes.len(), 1);
}

#[test]
fn an_append_that_breaks_off_files_nothing() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.send(b"a APPEND INBOX {100}\r\n");
    wire.transcript("S: + Go on");
    wire.send(b"only this");
    wire.session.handle_eof(wire.now);
    wire.pump();
    assert!(wire.session.is_closed());
    assert!(account.borrow_mut().inbox().mails.is_empty() && account.borrow().asked.contains(&"abort"));
}
