//! What happened elsewhere is told, and when (RFC 9051 §5.2, §5.5, §7.5.1; IDLE §6.3.13).

use jiff::Timestamp;
use proptest::prelude::*;
use rohrpost_imap::flags::{Flags, SystemFlags};

use super::harness::{Account, Wire};

#[test]
fn a_command_ends_with_what_has_happened() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two"]);
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid == 1);
    account.borrow_mut().inbox().set_flags(2, SystemFlags::SEEN.into());
    account.borrow_mut().fill(&["three"]);
    wire.transcript(
        r"C: a NOOP
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * 1 FETCH (FLAGS (\Seen))
        S: a OK NOOP completed
        C: b NOOP
        S: b OK NOOP completed",
    );
}

/// RFC 9051 §7.5.1: no EXPUNGE during FETCH, STORE and SEARCH; the UID forms are free.
#[test]
fn numbers_stay_while_a_command_uses_them() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two"]);
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid == 1);
    wire.transcript(
        r"C: a FETCH 1:2 UID
        S: * 2 FETCH (UID 2)
        S: a OK [EXPUNGEISSUED] Some of the messages are gone
        C: b STORE 2 +FLAGS (\Seen)
        S: * 2 FETCH (FLAGS (\Seen))
        S: b OK STORE completed
        C: c SEARCH 2
        S: * SEARCH 2
        S: c OK SEARCH completed
        C: d UID SEARCH ALL
        S: * SEARCH 1 2
        S: * 1 EXPUNGE
        S: d OK SEARCH completed",
    );
}

#[test]
fn idle_tells_at_once() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a IDLE\nS: + idling");
    account.borrow_mut().fill(&["two"]);
    wire.pump();
    wire.transcript("S: * 2 EXISTS");
    account.borrow_mut().inbox().drop_mails(|_| true);
    wire.pump();
    wire.transcript(
        "S: * 1 EXPUNGE\nS: * 1 EXPUNGE\nC: DONE\nS: a OK IDLE completed\nC: b NOOP\nS: b OK NOOP completed",
    );
}

#[test]
fn idle_without_a_mailbox_waits_and_ends() {
    let mut wire = Wire::logged_in(&Account::new());
    wire.transcript("C: a IDLE\nS: + idling\nC: done\nS: a OK IDLE completed");
    wire.transcript("C: b IDLE\nS: + idling\nC: c NOOP\nS: b BAD DONE ends IDLE");
}

#[test]
fn an_append_to_the_selected_mailbox_is_told_with_it() {
    let account = Account::new();
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a APPEND INBOX {4+}\nC: text\nS: * 1 EXISTS\nS: a OK [APPENDUID 101 1] APPEND completed");
}

/// I06: two sessions, one of which takes messages away while the other reads.
#[test]
fn i06_no_message_returns_and_none_vanishes_unsaid() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    let mut reader = Wire::selected(&account);
    let mut other = Wire::selected(&account);
    other.transcript(
        r"C: a STORE 1 +FLAGS.SILENT (\Deleted)
        S: a OK STORE completed
        C: b EXPUNGE
        S: * 1 EXPUNGE
        S: b OK EXPUNGE completed",
    );
    reader.transcript(
        "C: a FETCH 1:3 UID
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: a OK [EXPUNGEISSUED] Some of the messages are gone
        C: b NOOP
        S: * 1 EXPUNGE
        S: b OK NOOP completed
        C: c FETCH 1:2 UID
        S: * 1 FETCH (UID 2)
        S: * 2 FETCH (UID 3)
        S: c OK FETCH completed
        C: d FETCH 3 UID
        S: d BAD There is no message of that number",
    );
}

/// RFC 5530 §3, RFC 2180 §4.1 and §4.2: who names a message that another session took away is told so.
#[test]
fn what_is_gone_is_said_to_be_gone() {
    let account = Account::new();
    account.borrow_mut().fill(&["one", "two", "three"]);
    let mut wire = Wire::selected(&account);
    account.borrow_mut().inbox().drop_mails(|mail| mail.uid != 2);
    wire.transcript(
        r"C: a FETCH 1 FLAGS
        S: a NO [EXPUNGEISSUED] The messages are gone
        C: b STORE 3 +FLAGS (\Seen)
        S: b NO [EXPUNGEISSUED] The messages are gone
        C: c STORE 2:3 +FLAGS.SILENT (\Seen)
        S: c OK [EXPUNGEISSUED] Some of the messages are gone
        C: d UID FETCH 1:2 FLAGS
        S: * 2 FETCH (UID 2 FLAGS (\Seen))
        S: * 1 EXPUNGE
        S: * 2 EXPUNGE
        S: d OK FETCH completed",
    );
}

/// RFC 5530 §3: by number the client is told of it; by UID it hears of the EXPUNGE itself.
#[test]
fn a_search_says_that_some_messages_are_gone() {
    for (said, told) in [
        ("SEARCH UNSEEN", "S: * SEARCH 2\nS: a OK [EXPUNGEISSUED] SEARCH completed"),
        ("SORT (DATE) UTF-8 ALL", "S: * SORT 2\nS: a OK [EXPUNGEISSUED] SORT completed"),
        ("THREAD ORDEREDSUBJECT UTF-8 ALL", "S: * THREAD (2)\nS: a OK [EXPUNGEISSUED] THREAD completed"),
        ("UID SEARCH UNSEEN", "S: * SEARCH 2\nS: * 1 EXPUNGE\nS: a OK SEARCH completed"),
    ] {
        let account = Account::new();
        account.borrow_mut().fill(&["one", "two"]);
        let mut wire = Wire::selected(&account);
        account.borrow_mut().inbox().drop_mails(|mail| mail.uid == 1);
        wire.transcript(&format!("C: a {said}\n{told}"));
    }
}

/// A deleted mailbox leaves its client nothing to go on with, so the session ends, as Dovecot's do. By number, where nothing
/// is told of what others do, as by UID: nothing comes from a mailbox that is not there.
#[test]
fn a_client_hears_that_its_mailbox_was_deleted() {
    let said = ["FETCH 1 FLAGS", "UID FETCH 1 FLAGS", "SEARCH ALL", "SEARCH SEEN", "SORT (DATE) UTF-8 ALL", "EXPUNGE"];
    for said in said.into_iter().chain([r"STORE 1 +FLAGS (\Seen)", "COPY 1 INBOX", "MOVE 1 INBOX", "CHECK"]) {
        for is_late in [false, true] {
            let account = Account::new();
            let mut wire = Wire::bereft(&account);
            wire.is_late = is_late && !matches!(said, "SEARCH ALL" | "CHECK");
            account.borrow_mut().asked.clear();
            wire.transcript(&format!(
                "C: a {said}
                S: a NO [NONEXISTENT] The selected mailbox was deleted
                S: * BYE The selected mailbox was deleted (a7)"
            ));
            assert!(wire.is_late || account.borrow().asked == ["other"], "{said}: asked more than to close");
        }
    }
}

#[test]
fn what_is_not_about_a_deleted_mailbox_is_answered_before_the_end() {
    for (said, told) in [("NOOP", "a OK NOOP completed"), ("IDLE", "+ idling"), ("CREATE New", "a OK …")] {
        let mut wire = Wire::bereft(&Account::new());
        wire.transcript(&format!("C: a {said}\nS: {told}\nS: * BYE The selected mailbox was deleted (a7)"));
    }
}

#[test]
fn a_fetch_ends_when_its_mailbox_is_deleted_meanwhile() {
    let account = Account::new();
    let long = format!("Subject: long\r\n\r\n{}", "text ".repeat(50_000));
    account.borrow_mut().page_octets = long.len();
    for _ in 0..3 {
        account.borrow_mut().inbox().add(Flags::default(), "", long.as_bytes(), Timestamp::UNIX_EPOCH);
    }
    let mut wire = Wire::selected(&account);
    wire.reads = false;
    wire.send(b"a FETCH 1:3 BODY.PEEK[]\r\n");
    account.borrow_mut().delete("INBOX");
    wire.reads = true;
    wire.pump();
    let told = wire.take_output();
    let end =
        ")\r\na NO [NONEXISTENT] The selected mailbox was deleted\r\n* BYE The selected mailbox was deleted (a7)\r\n";
    assert!(told.starts_with("* 1 FETCH (BODY[] ") && !told.contains("* 2 FETCH") && told.ends_with(end), "{told}");
}

#[test]
fn idle_ends_when_its_mailbox_is_deleted() {
    let account = Account::new();
    account.borrow_mut().create("Old");
    let mut wire = Wire::logged_in(&account);
    wire.send(b"s SELECT Old\r\nb IDLE\r\n");
    wire.take_output();
    account.borrow_mut().delete("Old");
    wire.pump();
    wire.transcript("S: * BYE The selected mailbox was deleted (a7)");
}

#[test]
fn a_deleted_mailbox_can_be_left() {
    for is_late in [false, true] {
        for said in ["CLOSE", "UNSELECT"] {
            let mut wire = Wire::bereft(&Account::new());
            wire.is_late = is_late;
            wire.transcript(&format!("C: a {said}\nS: a OK {said} completed\nC: b NOOP\nS: b OK NOOP completed"));
        }
        let mut wire = Wire::bereft(&Account::new());
        wire.is_late = is_late;
        wire.send(b"a SELECT INBOX\r\nb NOOP\r\n");
        let told = wire.take_output();
        assert!(told.starts_with("* OK [CLOSED] ") && told.ends_with("b OK NOOP completed\r\n"), "{told}");
    }
}

/// What happens to a mailbox that two sessions have selected.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A message arrives.
    Arrives,
    /// The n-th message goes, by another hand.
    Goes(usize),
    /// One of the sessions says this.
    Says(usize, &'static str),
}

fn deed() -> impl Strategy<Value = Deed> {
    let said = prop::sample::select(vec![
        "NOOP",
        "FETCH 1:* UID",
        "UID FETCH 1:* FLAGS",
        "STORE 1:* +FLAGS (\\Seen)",
        "UID STORE 2 +FLAGS.SILENT (\\Deleted)",
        "SEARCH ALL",
        "EXPUNGE",
        "UID MOVE 3 Archiv",
    ]);
    prop_oneof![
        2 => Just(Deed::Arrives),
        1 => (0_usize..5).prop_map(Deed::Goes),
        5 => (0_usize..2, said).prop_map(|(session, said)| Deed::Says(session, said)),
    ]
}

/// A mailbox as a client believes it to be: for each number the UID, where it was told.
#[derive(Default)]
struct Belief(Vec<Option<u32>>);

impl Belief {
    fn hear(&mut self, told: &str) {
        for line in told.lines().filter_map(|line| line.strip_prefix("* ")) {
            let words: Vec<&str> = line.split([' ', '(', ')']).collect();
            let Ok(number) = words[0].parse::<usize>() else { continue };
            match words[1] {
                "EXISTS" => self.0.resize(number, None),
                "EXPUNGE" => drop(self.0.remove(number - 1)),
                "FETCH" if words[3] == "UID" => {
                    let uid = words[4].parse().unwrap();
                    assert!(self.0[number - 1].is_none_or(|known| known == uid), "{number} is another message: {told}");
                    self.0[number - 1] = Some(uid);
                }
                _ => {}
            }
        }
    }
}

proptest! {
    /// RFC 9051 §2.3.1.2 and §7.5.1: whatever happens elsewhere, a number means what the client was told, and at last
    /// it knows what the server knows.
    #[test]
    fn clients_never_lose_count(deeds in prop::collection::vec(deed(), 0..40)) {
        let account = Account::new();
        account.borrow_mut().fill(&["one", "two", "three"]);
        account.borrow_mut().create("Archiv");
        let mut wires = [Wire::logged_in(&account), Wire::logged_in(&account)];
        let mut beliefs = [Belief::default(), Belief::default()];
        let mut say = |session: usize, said: &str| {
            wires[session].send(format!("a {said}\r\n").as_bytes());
            let told = wires[session].take_output();
            beliefs[session].hear(&told);
            beliefs[session].0.clone()
        };
        (0..2).for_each(|session| drop(say(session, "SELECT INBOX")));
        for deed in deeds {
            match deed {
                Deed::Arrives => account.borrow_mut().fill(&["more"]),
                Deed::Goes(place) => {
                    let uid = account.borrow_mut().inbox().mails.get(place).map(|mail| mail.uid);
                    account.borrow_mut().inbox().drop_mails(|mail| Some(mail.uid) == uid);
                }
                Deed::Says(session, said) => drop(say(session, said)),
            }
        }
        let there: Vec<_> = account.borrow_mut().inbox().mails.iter().map(|mail| Some(mail.uid)).collect();
        for session in 0..2 {
            say(session, "NOOP");
            prop_assert_eq!(say(session, "FETCH 1:* UID"), there.clone());
        }
    }
}
