//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2).

use rohrpost_imap::flags::SystemFlags;

use super::harness::{Account, Wire};

#[test]
fn a_mailbox_is_described_when_it_is_selected() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two"]);
    account.borrow_mut().inbox().set_flags(1, SystemFlags::SEEN.into());
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r"C: a SELECT inbox
        S: * 2 EXISTS
        S: * 0 RECENT
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
        S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded \*)] Kept for good
        S: * OK [UNSEEN 2] The first that is not seen
        S: * OK [UIDVALIDITY 101] UIDs are valid
        S: * OK [UIDNEXT 3] The next UID
        S: * OK [HIGHESTMODSEQ 4] The highest MODSEQ
        S: * OK [MAILBOXID (F1)] The mailbox under any name
        S: a OK [READ-WRITE] SELECT completed",
    );
}

/// RFC 9051 §6.3.2: LIST is told, UNSEEN and RECENT are not.
#[test]
fn rev2_is_told_what_rev2_wants() {
    let mut wire = Wire::logged_in(&Account::new());
    wire.transcript(
        r#"C: a ENABLE IMAP4rev2 NONSENSE
        S: * ENABLED IMAP4rev2
        S: a OK ENABLE completed
        C: b EXAMINE INBOX
        S: * 0 EXISTS
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
        S: * OK [PERMANENTFLAGS ()] Kept for good
        S: * OK [UIDVALIDITY 101] UIDs are valid
        S: * OK [UIDNEXT 1] The next UID
        S: * OK [HIGHESTMODSEQ 1] The highest MODSEQ
        S: * OK [MAILBOXID (F1)] The mailbox under any name
        S: * LIST () "/" INBOX
        S: b OK [READ-ONLY] EXAMINE completed"#,
    );
}

#[test]
fn a_select_that_fails_leaves_no_mailbox_selected() {
    let mut wire = Wire::selected(&Account::new());
    wire.transcript(
        "C: a SELECT nowhere
        S: * OK [CLOSED] The mailbox before is left
        S: a NO [NONEXISTENT] There is no such mailbox
        C: b CHECK
        S: b BAD Select a mailbox first",
    );
}

#[test]
fn close_takes_out_what_is_deleted_and_unselect_does_not() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two"]);
    account.borrow_mut().inbox().set_flags(1, SystemFlags::DELETED.into());
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a UNSELECT\nS: a OK UNSELECT completed\nC: b NOOP\nS: b OK NOOP completed");
    assert_eq!(account.borrow_mut().inbox().mails.len(), 2);
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a CLOSE\nS: a OK CLOSE completed\nC: b CLOSE\nS: b BAD Select a mailbox first");
    assert_eq!(account.borrow_mut().inbox().mails.len(), 1);
}

#[test]
fn what_is_open_for_reading_only_is_not_changed() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    account.borrow_mut().inbox().set_flags(1, SystemFlags::DELETED.into());
    let mut wire = Wire::logged_in(&account);
    wire.send(b"s EXAMINE INBOX\r\n");
    wire.take_output();
    wire.transcript(
        r"C: a STORE 1 +FLAGS (\Seen)
        S: a NO [CANNOT] The mailbox is open for reading only
        C: b EXPUNGE
        S: b NO [CANNOT] The mailbox is open for reading only
        C: c FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {11}
        S: Hello one
        S: )
        S: c OK FETCH completed
        C: d CLOSE
        S: d OK CLOSE completed",
    );
    assert_eq!(account.borrow_mut().inbox().mails.len(), 1);
    assert!(!account.borrow().asked.contains(&"store"));
}
