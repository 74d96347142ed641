//! SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256, RFC 5032, RFC 5182, RFC 7162).

use std::{cell::RefCell, rc::Rc};

use rohrpost_imap::{
    flags::{Flags, SystemFlags},
    limits::SEARCH_TEXTS_MAX,
};

use super::harness::{Account, Wire};

/// One message a day from 1 January on.
fn account(messages: &[(&str, &str)]) -> Rc<RefCell<Account>> {
    let account = Account::new();
    for (day, (header, text)) in messages.iter().enumerate() {
        let at = format!("2026-01-{:02}T12:00:00Z", day + 1).parse().unwrap();
        let message = format!("{}\r\n\r\n{text}\r\n", header.replace('\n', "\r\n"));
        account.borrow_mut().inbox().add(Flags::default(), "", message.as_bytes(), at);
    }
    account
}

fn letters() -> Rc<RefCell<Account>> {
    let letters = account(&[
        ("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nFrom: Bob <bob@b.test>\nDate: Thu, 1 Jan 2026 23:30:00 -0500", "Hello"),
        ("Subject: Re: plain\nFrom: Ann <ann@a.test>\nDate: Fri, 02 Jan 2026 10:00:00 +0000", "the needle is here"),
        ("Subject: plain\nFrom: carl@c.test\nX-Empty:", "nothing, and much more of it than elsewhere"),
    ]);
    letters.borrow_mut().inbox().set_flags(2, Flags::new(SystemFlags::SEEN | SystemFlags::FLAGGED, ["$Junk"]));
    letters
}

#[test]
fn each_criterion_finds_what_it_says() {
    let account = letters();
    let mut wire = Wire::selected(&account);
    for (key, found) in [
        ("ALL", "1 2 3"),
        ("SEEN", "2"),
        ("UNSEEN", "1 3"),
        ("KEYWORD $junk", "2"),
        ("UNKEYWORD $junk", "1 3"),
        ("NEW", ""),
        ("OLD", "1 2 3"),
        ("2:*", "2 3"),
        ("3,77", "3"),
        ("UID 1:2", "1 2"),
        ("NOT 2", "1 3"),
        ("OR 1 FLAGGED", "1 2"),
        ("(2:3 UNSEEN)", "3"),
        ("SUBJECT {7+}\r\ngrüsse", ""),
        ("SUBJECT {7+}\r\nGRÜßE", "1"),
        ("FROM ann", "2"),
        ("HEADER X-Empty \"\"", "3"),
        ("HEADER X-None \"\"", ""),
        ("BODY needle", "2"),
        ("BODY plain", ""),
        ("TEXT plain", "2 3"),
        ("NOT TEXT plain", "1"),
        ("OR BODY needle SUBJECT plain", "2 3"),
        ("BEFORE 2-Jan-2026", "1"),
        ("ON 2-Jan-2026", "2"),
        ("SINCE 2-Jan-2026", "2 3"),
        ("SENTON 1-Jan-2026", "1"),
        ("SENTSINCE 2-Jan-2026", "2"),
        ("SAVEDBEFORE 2-Jan-2026", "1"),
        ("LARGER 107", "1"),
        ("SMALLER 100", "3"),
        ("EMAILID M2", "2"),
        ("THREADID M2", ""),
    ] {
        let utf8 = if key.contains('ü') { "CHARSET UTF-8 " } else { "" };
        wire.send(format!("a SEARCH {utf8}{key}\r\n").as_bytes());
        let blank = if found.is_empty() { "" } else { " " };
        let answer = wire.take_output();
        let told = answer.lines().find(|line| line.starts_with("* SEARCH")).unwrap_or(&answer);
        assert_eq!(told, format!("* SEARCH{blank}{found}"), "{key}");
    }
}

/// RFC 5032. The session's clock stands at noon of 2 January.
#[test]
fn age_is_counted_from_now() {
    let account = account(&[("A: 1", ""), ("A: 2", "")]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a SEARCH OLDER 43200
        S: * SEARCH 1
        S: a OK SEARCH completed
        C: b SEARCH YOUNGER 43200
        S: * SEARCH 1 2
        S: b OK SEARCH completed",
    );
}

/// RFC 4731 and RFC 9051 §6.4.4.
#[test]
fn results_come_as_they_are_asked() {
    let account = letters();
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid == 1);
    wire.transcript(
        r#"C: a NOOP
        S: * 1 EXPUNGE
        S: a OK NOOP completed
        C: b SEARCH RETURN (MIN MAX COUNT ALL) ALL
        S: * ESEARCH (TAG "b") MIN 1 MAX 2 COUNT 2 ALL 1:2
        S: b OK SEARCH completed
        C: c UID SEARCH RETURN () ALL
        S: * ESEARCH (TAG "c") UID ALL 2:3
        S: c OK SEARCH completed
        C: d SEARCH RETURN (COUNT MIN) DRAFT
        S: * ESEARCH (TAG "d") COUNT 0
        S: d OK SEARCH completed
        C: e SEARCH MODSEQ 4
        S: * SEARCH 1 2 (MODSEQ 5)
        S: e OK SEARCH completed
        C: f ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: f OK ENABLE completed
        C: g SEARCH SEEN
        S: * ESEARCH (TAG "g") ALL 1
        S: g OK SEARCH completed"#,
    );
}

/// RFC 5182.
#[test]
fn a_result_is_kept_and_used() {
    let mut wire = Wire::selected(&letters());
    wire.transcript(
        r#"C: a SEARCH RETURN (SAVE) UNSEEN
        S: a OK SEARCH completed
        C: b FETCH $ UID
        S: * 1 FETCH (UID 1)
        S: * 3 FETCH (UID 3)
        S: b OK FETCH completed
        C: c UID SEARCH RETURN (SAVE MAX) $
        S: * ESEARCH (TAG "c") UID MAX 3
        S: c OK SEARCH completed
        C: d SEARCH $
        S: * SEARCH 3
        S: d OK SEARCH completed"#,
    );
}

#[test]
fn where_uids_decide_nothing_is_asked() {
    let account = letters();
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a SEARCH NOT 2\nS: * SEARCH 1 3\nS: a OK SEARCH completed");
    assert!(!account.borrow().asked.contains(&"fetch"));
}

#[test]
fn a_charset_that_nobody_knows_is_refused_with_those_that_are() {
    let mut wire = Wire::selected(&letters());
    wire.transcript("C: a SEARCH CHARSET KOI8-R TEXT x\nS: a NO [BADCHARSET (US-ASCII UTF-8)] …");
}

#[test]
fn no_more_texts_than_are_read_for_are_looked_for_at_once() {
    let account = letters();
    let mut wire = Wire::selected(&account);
    let texts = |count: usize| (0..count).map(|n| format!(" TEXT needle{n}")).collect::<Vec<_>>().concat();
    wire.transcript(&format!("C: a SEARCH{}\nS: a NO [LIMIT] …", texts(SEARCH_TEXTS_MAX + 1)));
    wire.transcript(&format!("C: b SEARCH{}\nS: * SEARCH\nS: b OK …", texts(SEARCH_TEXTS_MAX)));
}

#[test]
fn messages_are_sorted() {
    let mut wire = Wire::selected(&letters());
    for (criteria, order) in [
        ("ARRIVAL", "1 2 3"),
        ("REVERSE ARRIVAL", "3 2 1"),
        ("FROM", "2 1 3"),
        ("SUBJECT REVERSE DATE", "1 3 2"),
        ("DATE", "1 2 3"),
        ("SIZE", "3 2 1"),
        ("CC", "1 2 3"),
        ("REVERSE CC", "1 2 3"),
    ] {
        wire.transcript(&format!("C: a SORT ({criteria}) UTF-8 ALL\nS: * SORT {order}\nS: a OK SORT completed"));
    }
    wire.transcript("C: a UID SORT (DATE) US-ASCII SEEN\nS: * SORT 2\nS: a OK SORT completed");
}

/// RFC 5256 §3.
#[test]
fn messages_are_put_into_threads() {
    let account = account(&[
        ("Subject: tea\nMessage-ID: <1@x>", ""),
        ("Subject: Re: tea\nMessage-ID: <2@x>\nReferences: <1@x>", ""),
        ("Subject: Re: tea\nMessage-ID: <3@x>\nReferences: <1@x> <2@x>", ""),
        ("Subject: Re: tea\nMessage-ID: <4@x>\nIn-Reply-To: <1@x>", ""),
        ("Subject: milk\nMessage-ID: <5@x>", ""),
        ("Subject: lost\nMessage-ID: <6@x>\nReferences: <0@x>", ""),
        ("Subject: Re: lost\nMessage-ID: <7@x>\nReferences: <0@x>", ""),
        ("Subject: Re: milk\nMessage-ID: <8@x>", ""),
        ("Subject: alone\nMessage-ID: <9@x>\nReferences: <y@x>", ""),
    ]);
    let mut wire = Wire::selected(&account);
    wire.transcript(
        "C: a THREAD REFERENCES UTF-8 ALL
        S: * THREAD (1 (2 3)(4))(5 8)((6)(7))(9)
        S: a OK THREAD completed
        C: b THREAD ORDEREDSUBJECT UTF-8 ALL
        S: * THREAD (1 (2)(3)(4))(5 8)(6 7)(9)
        S: b OK THREAD completed",
    );
}

#[test]
fn messages_that_answer_each_other_in_a_ring_are_one_thread() {
    let account = account(&[
        ("Subject: a\nMessage-ID: <1@x>\nReferences: <3@x>", ""),
        ("Subject: b\nMessage-ID: <2@x>\nReferences: <1@x>", ""),
        ("Subject: c\nMessage-ID: <3@x>\nReferences: <2@x>", ""),
        ("Subject: d\nMessage-ID: <4@x>\nReferences: <4@x>", ""),
    ]);
    let mut wire = Wire::selected(&account);
    wire.send(b"a THREAD REFERENCES UTF-8 ALL\r\n");
    let told = wire.take_output();
    assert!((1..=4).all(|number: u32| told.lines().next().unwrap().contains(&number.to_string())), "{told}");
}
