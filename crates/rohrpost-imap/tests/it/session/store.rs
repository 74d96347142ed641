//! STORE, EXPUNGE, COPY and MOVE (RFC 9051 §6.4.3, §6.4.6 to §6.4.9, RFC 7162 §3.1.3).

use rohrpost_imap::flags::SystemFlags;

use super::harness::{Account, Wire};

#[test]
fn flags_are_changed_and_told() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two"]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        r"C: a STORE 1:2 +FLAGS (\Seen Later)
        S: * 1 FETCH (FLAGS (\Seen Later))
        S: * 2 FETCH (FLAGS (\Seen Later))
        S: a OK STORE completed
        C: b UID STORE 2 -FLAGS later
        S: * 2 FETCH (UID 2 FLAGS (\Seen))
        S: b OK STORE completed
        C: c STORE 1 FLAGS.SILENT (\Draft)
        S: c OK STORE completed
        C: d NOOP
        S: d OK NOOP completed",
    );
}

/// RFC 7162 §3.1.3.
#[test]
fn what_others_changed_meanwhile_is_left_alone() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().set_flags(2, SystemFlags::FLAGGED.into());
    wire.transcript(
        r"C: a UID STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\Seen)
        S: * 1 FETCH (UID 1 MODSEQ (6))
        S: * 3 FETCH (UID 3 MODSEQ (6))
        S: * 2 FETCH (MODSEQ (5) FLAGS (\Flagged))
        S: a OK [MODIFIED 2] Others changed these messages first",
    );
}

#[test]
fn expunge_tells_each_number_as_it_is_then() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three", "four"]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        r"C: a STORE 1,3:4 +FLAGS.SILENT (\Deleted)
        S: a OK STORE completed
        C: b UID EXPUNGE 3
        S: * 3 EXPUNGE
        S: b OK EXPUNGE completed
        C: c EXPUNGE
        S: * 1 EXPUNGE
        S: * 2 EXPUNGE
        S: c OK EXPUNGE completed
        C: d FETCH 1 UID
        S: * 1 FETCH (UID 2)
        S: d OK FETCH completed
        C: e EXPUNGE
        S: e OK EXPUNGE completed",
    );
}

#[test]
fn copies_are_told_with_their_new_uids() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    account.borrow_mut().create("Archiv");
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a COPY 1,3 Archiv
        S: a OK [COPYUID 102 1,3 1:2] COPY completed
        C: b UID MOVE 2 Archiv
        S: * OK [COPYUID 102 2 3] Moved
        S: * 2 EXPUNGE
        S: b OK MOVE completed
        C: c COPY 1 nowhere
        S: c NO [TRYCREATE] There is no such mailbox; create it first
        C: d UID COPY 99 Archiv
        S: d OK There was nothing to do",
    );
    account.borrow_mut().is_full = true;
    wire.transcript("C: e COPY 1 Archiv\nS: e NO [OVERQUOTA] The mailbox is full");
}
