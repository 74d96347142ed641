//! CONDSTORE and QRESYNC (RFC 7162).

use rohrpost_imap::flags::SystemFlags;

use super::harness::{Account, Wire};

fn enabled(account: &std::rc::Rc<std::cell::RefCell<Account>>) -> Wire {
    let mut wire = Wire::logged_in(account);
    wire.transcript("C: e ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: e OK ENABLE completed");
    wire
}

#[test]
fn a_client_that_comes_back_is_told_what_it_missed() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three", "four"]);
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid == 2);
    account.borrow_mut().inbox().set_flags(3, SystemFlags::SEEN.into());
    let mut wire = enabled(&account);
    wire.send(b"a SELECT INBOX (QRESYNC (101 5 1:4))\r\n");
    let told = wire.take_output();
    let (_, news) = told.split_once("Kept for good\r\n").unwrap();
    let (_, news) = news.split_once("under any name\r\n").unwrap();
    assert_eq!(
        news,
        "* VANISHED (EARLIER) 2\r\n* 2 FETCH (UID 3 MODSEQ (7) FLAGS (\\Seen))\r\na OK [READ-WRITE] SELECT completed\r\n"
    );
    wire.send(b"b SELECT INBOX (QRESYNC (99 5))\r\n");
    assert!(!wire.take_output().contains("VANISHED"), "another UIDVALIDITY: nothing is known");
    wire.send(b"c SELECT INBOX (QRESYNC (101 5 1:4 (1:2 1,3)))\r\n");
    assert!(!wire.take_output().contains("VANISHED"), "the numbers prove that 2 is known to be gone");
}

#[test]
fn news_come_with_uid_and_modseq_and_by_vanished() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    let mut wire = enabled(&account);
    wire.send(b"s SELECT INBOX\r\n");
    wire.take_output();
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid < 3);
    account.borrow_mut().inbox().set_flags(3, SystemFlags::SEEN.into());
    wire.transcript(
        r"C: a NOOP
        S: * VANISHED 1:2
        S: * 1 FETCH (UID 3 MODSEQ (6) FLAGS (\Seen))
        S: a OK NOOP completed
        C: b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)
        S: * VANISHED (EARLIER) 1:2
        S: * 1 FETCH (MODSEQ (6) UID 3 FLAGS (\Seen))
        S: b OK FETCH completed
        C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 6)
        S: c OK FETCH completed",
    );
}

#[test]
fn qresync_must_be_enabled_before_it_is_used() {
    let account = Account::new();
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a SELECT INBOX (QRESYNC (101 5))
        S: a BAD Enable QRESYNC first
        C: b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)
        S: b BAD Enable QRESYNC first",
    );
}

#[test]
fn who_uses_condstore_is_told_modseqs_from_then_on() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().set_flags(1, SystemFlags::SEEN.into());
    wire.transcript(
        r"C: a NOOP
        S: * 1 FETCH (FLAGS (\Seen))
        S: a OK NOOP completed
        C: b FETCH 1 MODSEQ
        S: * 1 FETCH (MODSEQ (3))
        S: b OK FETCH completed",
    );
    account.borrow_mut().inbox().set_flags(1, SystemFlags::NONE.into());
    wire.transcript("C: c NOOP\nS: * 1 FETCH (MODSEQ (4) FLAGS ())\nS: c OK NOOP completed");
}

/// RFC 7162 §3.2.7 and §3.2.9: up to where the client knows all, once it was told what went.
#[test]
fn commands_that_take_messages_away_tell_the_modseq() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    account.borrow_mut().create("Archiv");
    account.borrow_mut().inbox().set_flags(1, SystemFlags::DELETED.into());
    let mut wire = enabled(&account);
    wire.send(b"s SELECT INBOX\r\n");
    wire.take_output();
    wire.transcript(
        r"C: a EXPUNGE
        S: * VANISHED 1
        S: a OK [HIGHESTMODSEQ 6] EXPUNGE completed
        C: b EXPUNGE
        S: b OK EXPUNGE completed
        C: c MOVE 1 Archiv
        S: * OK [COPYUID 102 2 1] Moved
        S: * VANISHED 2
        S: c OK [HIGHESTMODSEQ 7] MOVE completed
        C: d FETCH 1 BODY[TEXT]<0.1>
        S: * 1 FETCH (BODY[TEXT]<0> {1}
        S: H FLAGS (\Seen) MODSEQ (8))
        S: d OK FETCH completed
        C: e SORT (DATE) UTF-8 MODSEQ 1
        S: * SORT 1 (MODSEQ 8)
        S: e OK SORT completed",
    );
}
