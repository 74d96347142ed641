//! CREATE to STATUS, LIST, LSUB, NAMESPACE and QUOTA (RFC 9051 §6.3.4 to §6.3.11, RFC 5258, RFC 5819, RFC 6154, RFC 9208).

use rohrpost_imap::event::Quota;

use super::harness::{Account, Wire};

#[test]
fn mailboxes_are_made_renamed_and_taken_away() {
    let mut wire = Wire::logged_in(&Account::new());
    wire.transcript(
        r#"C: a CREATE Entw&APw-rfe/ (USE (\Drafts))
        S: a OK [MAILBOXID (F2)] CREATE completed
        C: b CREATE INBOX
        S: b NO [ALREADYEXISTS] INBOX is always there
        C: c RENAME Entw&APw-rfe Neu
        S: c OK RENAME completed
        C: d LIST "" *
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * LIST (\HasNoChildren \Drafts) "/" Neu
        S: d OK LIST completed
        C: e DELETE Neu
        S: e OK DELETE completed
        C: f DELETE Neu
        S: f NO [NONEXISTENT] There is no such mailbox
        C: g DELETE inbox
        S: g NO [CANNOT] INBOX is always there
        C: h CREATE x (USE (\Sent \Junk))
        S: h NO [USEATTR] A mailbox has one special use
        C: i NAMESPACE
        S: * NAMESPACE (("" "/")) NIL NIL
        S: i OK NAMESPACE completed"#,
    );
}

#[test]
fn who_takes_away_the_selected_mailbox_has_none_selected() {
    let account = Account::new();
    account.borrow_mut().create("old");
    let mut wire = Wire::logged_in(&account);
    wire.send(b"s SELECT old\r\n");
    wire.take_output();
    wire.transcript(
        "C: a DELETE old
        S: * OK [CLOSED] The mailbox is gone
        S: a OK DELETE completed
        C: b CHECK
        S: b BAD Select a mailbox first",
    );
}

#[test]
fn names_are_utf8_for_those_who_enabled_it() {
    let account = Account::new();
    account.borrow_mut().create("Entwürfe");
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a LIST "" E%
        S: * LIST (\HasNoChildren) "/" Entw&APw-rfe
        S: a OK LIST completed
        C: b ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: b OK ENABLE completed
        C: c LIST "" E%
        S: * LIST (\HasNoChildren) "/" "Entwürfe"
        S: c OK LIST completed"#,
    );
}

#[test]
fn a_tree_is_listed_with_what_is_missing_in_it() {
    let account = Account::new();
    for name in ["a", "a b", "a/b/c", "d"] {
        account.borrow_mut().create(name);
    }
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a LIST "" %
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * LIST (\HasChildren) "/" a
        S: * LIST (\HasNoChildren) "/" "a b"
        S: * LIST (\HasNoChildren) "/" d
        S: a OK LIST completed
        C: b LIST a/ %
        S: * LIST (\NonExistent \Noselect \HasChildren) "/" a/b
        S: b OK LIST completed
        C: c LIST "" ""
        S: * LIST (\Noselect) "/" ""
        S: c OK LIST completed"#,
    );
}

#[test]
fn subscriptions_are_listed_with_what_stands_above_them() {
    let account = Account::new();
    account.borrow_mut().create("a");
    account.borrow_mut().create("a/b");
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a SUBSCRIBE a/b
        S: a OK SUBSCRIBE completed
        C: b LSUB "" *
        S: * LSUB () "/" a/b
        S: b OK LSUB completed
        C: c LSUB "" %
        S: * LSUB (\Noselect) "/" a
        S: c OK LSUB completed
        C: d LIST (SUBSCRIBED) "" *
        S: * LIST (\HasNoChildren \Subscribed) "/" a/b
        S: d OK LIST completed
        C: e LIST (SUBSCRIBED RECURSIVEMATCH) "" %
        S: * LIST (\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))
        S: e OK LIST completed
        C: f UNSUBSCRIBE a/b
        S: f OK UNSUBSCRIBE completed
        C: g LSUB "" *
        S: g OK LSUB completed"#,
    );
}

#[test]
fn status_is_told_alone_and_with_a_list() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID DELETED-STORAGE)
        S: * STATUS INBOX (MESSAGES 1 RECENT 0 UIDNEXT 2 UIDVALIDITY 101 UNSEEN 1 DELETED 0 SIZE 45 HIGHESTMODSEQ 2 APPENDLIMIT 100000 DELETED-STORAGE 0 MAILBOXID (F1))
        S: a OK STATUS completed
        C: b LIST "" % RETURN (SUBSCRIBED STATUS (MESSAGES))
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (MESSAGES 1)
        S: b OK LIST completed
        C: c STATUS nowhere (MESSAGES)
        S: c NO [NONEXISTENT] There is no such mailbox"#,
    );
}

#[test]
fn quotas_are_told_in_units_of_1024_octets() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    account.borrow_mut().quota = Quota { octets: 1_025, messages: 3, octets_max: Some(10_240) };
    wire.transcript(
        r#"C: b GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX ""
        S: * QUOTA "" (STORAGE 2 10)
        S: b OK Quota told
        C: c GETQUOTA other
        S: c NO [NONEXISTENT] There is one quota root, and its name is empty
        C: d SETQUOTA "" (STORAGE 5)
        S: d NO [NOPERM] Quotas are set by who runs the server"#,
    );
}

#[test]
fn without_a_limit_there_is_no_quota_root_and_no_empty_list_that_ends_thunderbirds_session() {
    Wire::logged_in(&Account::new()).transcript(
        r#"C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX
        S: a OK Quota told
        C: b GETQUOTA ""
        S: b NO [NONEXISTENT] There is no limit, so there is no quota root"#,
    );
}
