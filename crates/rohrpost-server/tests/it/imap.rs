//! IMAP over real sockets, and what must not harm it.

use std::time::Duration;

use rohrpost_mail::ListenerTls;
use rohrpost_server::{ListenerSettings, Service};
use rohrpost_store::{Account, LocalDomain};

use crate::{
    client::Client,
    fixture::{Fixture, PASSWORD, Setup},
};

const HELLO: &str = "From: bob@there.test\r\nSubject: hello\r\n\r\nHello Ann\r\n";

/// A server with IMAP on two ports more.
async fn start() -> Fixture {
    start_with(|_| ()).await
}

async fn start_with(change: impl FnOnce(&mut Setup)) -> Fixture {
    let listener = |name: &str, tls| ListenerSettings {
        tls,
        ..ListenerSettings::new(name, Service::Imap, "mx.here.test".parse().unwrap())
    };
    let listeners = [listener("imap", ListenerTls::Required), listener("imaps", ListenerTls::Implicit)];
    Fixture::start_with(|setup| {
        setup.listeners.extend(listeners);
        change(setup);
    })
    .await
}

impl Client {
    /// Lines of `C:` and `S:`; each line of the server must start with the text behind `S:`, and `…` passes over any.
    async fn dialogue(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_at(2) {
                ("C:", text) => self.say(text.strip_prefix(' ').unwrap_or(text)).await,
                ("S:", text) if text.trim_start().starts_with('…') => {
                    let end = text.trim_start().trim_start_matches('…').trim_start();
                    while !self.line().await.starts_with(end) {}
                }
                ("S:", text) => {
                    let line = self.line().await;
                    assert!(line.trim_start().starts_with(text.trim_start()), "expected {text:?}, got {line:?}");
                }
                _ => panic!("neither C: nor S: in {line:?}"),
            }
        }
    }

    /// APPEND of a message in one go.
    async fn append(&mut self, message: &str) {
        self.say(&format!("a APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
        self.dialogue("S: … a OK").await;
    }
}

async fn logged_in(fixture: &Fixture) -> Client {
    let mut client = fixture.connect_tls("imaps").await;
    client.dialogue(&format!("S: * OK\nC: a LOGIN ann@here.test \"{PASSWORD}\"\nS: … a OK")).await;
    client
}

#[tokio::test]
async fn a_message_is_filed_and_read_and_another_session_hears_of_it() {
    let fixture = start().await;
    let (mut one, mut other) = (logged_in(&fixture).await, logged_in(&fixture).await);
    other.dialogue("C: a SELECT INBOX\nS: … a OK [READ-WRITE]\nC: b IDLE\nS: +").await;
    one.append(HELLO).await;
    other.dialogue("S: * 1 EXISTS\nC: DONE\nS: … b OK\nC: c FETCH 1 BODY.PEEK[]\nS: * 1 FETCH (BODY[] {51}").await;
    other.dialogue("S: From\nS: Subject\nS:\nS: Hello Ann\nS: )\nS: … c OK").await;
    one.dialogue("C: d LOGOUT\nS: * BYE\nS: d OK\nS: closed").await;
}

#[tokio::test]
async fn a_long_message_goes_in_and_out_piece_by_piece() {
    let fixture = start().await;
    let mut client = logged_in(&fixture).await;
    let line = format!("{}\r\n", "x".repeat(78));
    let message = format!("Subject: long\r\n\r\n{}", line.repeat(40_000));
    client.append(&message).await;
    client.dialogue("C: a SELECT INBOX\nS: … a OK\nC: b FETCH 1 (BODY.PEEK[] UID)").await;
    client.dialogue(&format!("S: * 1 FETCH (BODY[] {{{}}}", message.len())).await;
    assert_eq!(client.octets(message.len()).await, message.as_bytes());
    client.dialogue("S: UID 1)\nS: b OK").await;
    let from = message.len() - 90;
    client.dialogue(&format!("C: c FETCH 1 BODY.PEEK[]<{from}.10>\nS: * 1 FETCH (BODY[]<{from}> {{10}}")).await;
    assert_eq!(client.octets(10).await, &message.as_bytes()[from..from + 10]);
}

#[tokio::test]
async fn passwords_do_not_cross_clear_text_unless_the_listener_says_so() {
    let fixture = start().await;
    let mut client = fixture.connect("imap").await;
    client.dialogue("S: * OK\nC: a CAPABILITY\nS: * CAPABILITY").await;
    client.dialogue(&format!("S: a OK\nC: b LOGIN ann@here.test \"{PASSWORD}\"\nS: b NO [PRIVACYREQUIRED]")).await;
    let clear = start_with(|setup| {
        let listener = setup.listener("imap");
        (listener.tls, listener.auth.clear) = (ListenerTls::Offered, true);
    })
    .await;
    let mut client = clear.connect("imap").await;
    client.dialogue(&format!("S: * OK\nC: b LOGIN ann@here.test \"{PASSWORD}\"\nS: … b OK")).await;
}

#[tokio::test]
async fn i02_what_follows_starttls_in_the_same_segment_is_never_executed() {
    let fixture = start().await;
    let mut client = fixture.connect("imap").await;
    client.dialogue("S: * OK").await;
    client.send(format!("a STARTTLS\r\nb LOGIN ann@here.test \"{PASSWORD}\"\r\n")).await;
    let rest = client.rest().await;
    assert!(!rest.contains("b OK"), "{rest}");
    assert_eq!(fixture.server.stats().logins.get(), 0);
}

#[tokio::test]
async fn i04_sessions_of_one_account_are_limited_and_places_come_back() {
    let fixture = start_with(|setup| setup.settings.mailbox_limits.sessions_per_account = 2).await;
    let (first, _second) = (logged_in(&fixture).await, logged_in(&fixture).await);
    let mut third = fixture.connect_tls("imaps").await;
    third.dialogue(&format!("S: * OK\nC: a LOGIN ann@here.test \"{PASSWORD}\"\nS: a NO [LIMIT] This")).await;
    drop(first.rest().await);
    logged_in(&fixture).await;
}

#[tokio::test]
async fn i04_an_append_that_never_ends_leaves_nothing_behind() {
    let fixture = start().await;
    let mut client = logged_in(&fixture).await;
    client.say(&format!("a APPEND INBOX {{1000000+}}\r\n{HELLO}")).await;
    client.rest().await;
    let mut client = logged_in(&fixture).await;
    client.dialogue("C: a STATUS INBOX (MESSAGES UIDNEXT)\nS: * STATUS INBOX (MESSAGES 0 UIDNEXT 1)\nS: a OK").await;
}

#[tokio::test]
async fn i06_what_another_session_expunges_is_not_mixed_up_while_one_reads() {
    let fixture = start().await;
    let (mut one, mut other) = (logged_in(&fixture).await, logged_in(&fixture).await);
    for subject in ["first", "second", "third"] {
        one.append(&format!("Subject: {subject}\r\n\r\n{subject}\r\n")).await;
    }
    other.dialogue("C: a SELECT INBOX\nS: … a OK").await;
    one.dialogue("C: a SELECT INBOX\nS: … a OK\nC: b STORE 1 +FLAGS.SILENT (\\Deleted)\nS: b OK").await;
    one.dialogue("C: c EXPUNGE\nS: * 1 EXPUNGE\nS: … c OK").await;
    // RFC 9051 §7.5.1: no EXPUNGE in answers to FETCH, STORE and SEARCH, so the numbers still are the old ones.
    other.dialogue("C: b FETCH 2 BODY.PEEK[TEXT]\nS: * 2 FETCH (BODY[TEXT] {8}\nS: second\nS: )\nS: … b OK").await;
    other.dialogue("C: c NOOP\nS: * 1 EXPUNGE\nS: c OK").await;
    other.dialogue("C: d FETCH 2 BODY.PEEK[TEXT]\nS: * 2 FETCH (BODY[TEXT] {7}\nS: third\nS: )\nS: d OK").await;
}

#[tokio::test]
async fn idle_sessions_get_bye_when_the_server_stops() {
    let fixture = start().await;
    let mut client = logged_in(&fixture).await;
    client.dialogue("C: a SELECT INBOX\nS: … a OK\nC: b IDLE\nS: +").await;
    fixture.server.stop(Duration::from_secs(10)).await;
    client.dialogue("S: * BYE\nS: closed").await;
}

#[tokio::test]
async fn those_who_only_read_mail_get_in_while_there_is_no_room_for_more() {
    let fixture = start_with(|setup| setup.store.free_bytes_min = u64::MAX).await;
    let mut client = logged_in(&fixture).await;
    client.dialogue("C: a SELECT INBOX\nS: … a OK\nC: b APPEND INBOX {3+}\nC: a\nC:\nS: b NO").await;
}

#[test]
fn a_listener_for_mailboxes_wants_tls_unless_told_otherwise() {
    for service in [Service::Imap, Service::Pop3] {
        let settings = ListenerSettings::new("x", service, "mx.here.test".parse().unwrap());
        assert_eq!(settings.tls, ListenerTls::Required);
    }
}

#[tokio::test]
async fn a_session_ends_when_its_account_is_suspended_or_becomes_another_ones() {
    let fixture = start().await;
    let ann = fixture.store.account_get("ann@here.test").await.unwrap().unwrap();
    let mut client = logged_in(&fixture).await;
    let mut phone = ann.secrets[0].clone();
    phone.label = "tablet".to_owned();
    let with_more = Account { secrets: [ann.secrets.clone(), vec![phone]].concat(), ..ann.clone() };
    fixture.store.account_put(with_more).await.unwrap();
    client.dialogue("C: b SELECT INBOX\nS: … b OK\nC: c IDLE\nS: +").await;
    fixture.store.account_put(Account { disabled: true, ..ann.clone() }).await.unwrap();
    client.dialogue("S: * BYE Your account or its passwords were changed\nS: closed").await;

    fixture.store.account_put(ann.clone()).await.unwrap();
    let mut client = logged_in(&fixture).await;
    fixture.store.account_remove(&ann.login).await.unwrap();
    let mut next = ann.clone();
    next.secrets.iter_mut().for_each(|secret| secret.argon2.push('x'));
    fixture.store.account_put(next).await.unwrap();
    client.dialogue("S: * BYE Your account or its passwords were changed\nS: closed").await;
}

#[tokio::test]
async fn a_session_ends_when_its_domain_is_suspended_or_renamed() {
    const BYE: &str = "S: * BYE Your account or its passwords were changed\nS: closed";
    let fixture = start().await;
    let mut client = logged_in(&fixture).await;
    let here = LocalDomain { name: "here.test".into(), disabled: true, ..LocalDomain::default() };
    fixture.store.domain_put(here.clone()).await.unwrap();
    client.dialogue(BYE).await;
    let mut client = fixture.connect_tls("imaps").await;
    let refused = format!("S: * OK\nC: a LOGIN ann@here.test \"{PASSWORD}\"\nS: a NO [AUTHENTICATIONFAILED]");
    client.dialogue(&refused).await;

    fixture.store.domain_put(LocalDomain { disabled: false, ..here }).await.unwrap();
    let mut client = logged_in(&fixture).await;
    let (from, to) = ("here.test".parse().unwrap(), "new.test".parse().unwrap());
    fixture.store.domain_rename(&from, &to, true).await.unwrap();
    client.dialogue(BYE).await;
    // Her old name is one of her addresses now, and whoever logs in by it sees the same mail.
    logged_in(&fixture).await.dialogue("C: b SELECT INBOX\nS: … b OK").await;
}

#[tokio::test]
async fn what_another_session_changes_shows_in_the_next_message_of_many() {
    let fixture = start().await;
    fixture.append(&(1..=12).map(|n| format!("Subject: {n}\n\nmessage {n}\n")).collect::<Vec<_>>()).await;
    let (mut one, mut other) = (logged_in(&fixture).await, logged_in(&fixture).await);
    other.dialogue("C: a SELECT INBOX\nS: … a OK").await;
    one.dialogue("C: a SELECT INBOX\nS: … a OK").await;
    for uid in 1..=5 {
        one.say(&format!("b UID FETCH {uid} (FLAGS BODY.PEEK[TEXT])")).await;
        let head = format!("S: * {uid} FETCH (UID {uid} FLAGS () BODY[TEXT] {{11}}");
        one.dialogue(&format!("{head}\nS: message {uid}\nS: )\nS: b OK")).await;
    }
    other.dialogue("C: b UID STORE 7,8 +FLAGS.SILENT (\\Flagged \\Deleted)\nS: b OK").await;
    other.dialogue("C: c UID EXPUNGE 8\nS: * 8 EXPUNGE\nS: … c OK").await;
    one.dialogue("C: c UID FETCH 6 (FLAGS)\nS: * 6 FETCH (UID 6 FLAGS ())\nS: … c OK").await;
    one.dialogue("C: d UID FETCH 7 (FLAGS)\nS: * 7 FETCH (UID 7 FLAGS (\\Flagged \\Deleted))\nS: … d OK").await;
    one.dialogue("C: e UID FETCH 8 (FLAGS)\nS: e OK").await;
}

#[tokio::test]
async fn a_fetch_of_many_pages_brings_each_message_once() {
    const MESSAGES: usize = 700;
    let fixture = start().await;
    fixture.append(&(1..=MESSAGES).map(|n| format!("Subject: {n}\n\nx\n")).collect::<Vec<_>>()).await;
    let mut client = logged_in(&fixture).await;
    client.dialogue("C: a SELECT INBOX\nS: … a OK").await;
    // Once each message is marked as seen, which changes the mailbox between two pages.
    for section in ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY[HEADER.FIELDS (SUBJECT)]"] {
        client.say(&format!("b FETCH 1:* {section}")).await;
        for number in 1..=MESSAGES {
            let end = if section.contains("PEEK") { "S: )" } else { "S:  FLAGS (\\Seen))" };
            client.dialogue(&format!("S: * {number} FETCH (BODY\nS: Subject: {number}\nS:\n{end}")).await;
        }
        client.dialogue("S: b OK").await;
    }
}

/// What was in it can be brought back, but nobody is shown it meanwhile.
#[tokio::test]
async fn a_mailbox_that_another_session_deletes_is_told_of_no_more() {
    let fixture = start().await;
    let mut other = logged_in(&fixture).await;
    other.dialogue("C: a CREATE Old\nS: a OK").await;
    other.say(&format!("a APPEND Old {{{}+}}\r\n{HELLO}", HELLO.len())).await;
    other.dialogue("S: a OK").await;
    let (mut reader, mut idler) = (logged_in(&fixture).await, logged_in(&fixture).await);
    reader.dialogue("C: b SELECT Old\nS: … b OK\nC: c FETCH 1 UID\nS: * 1 FETCH (UID 1)\nS: c OK").await;
    idler.dialogue("C: b SELECT Old\nS: … b OK\nC: c IDLE\nS: + idling").await;
    other.dialogue("C: d DELETE Old\nS: d OK").await;
    idler.dialogue("S: * BYE The selected mailbox was deleted\nS: closed").await;
    reader.dialogue("C: d FETCH 1 UID\nS: d NO [NONEXISTENT]\nS: * BYE The selected mailbox was deleted").await;
}
