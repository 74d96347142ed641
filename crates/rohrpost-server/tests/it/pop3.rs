//! POP3 over real sockets and a real store. What the session does by itself is tested in `rohrpost-pop3`.

use rohrpost_mail::ListenerTls;
use rohrpost_server::{ListenerSettings, Service};
use rohrpost_store::Account;

use crate::{
    client::Client,
    fixture::{Fixture, PASSWORD, Setup},
};

const ANN: &str = "ann@here.test";

/// A server with POP3 on two ports more, one of which takes passwords in clear text.
async fn start() -> Fixture {
    start_with(|_| ()).await
}

/// The same, and different.
async fn start_with(change: impl FnOnce(&mut Setup)) -> Fixture {
    let listener = |name: &str, tls| ListenerSettings {
        tls,
        ..ListenerSettings::new(name, Service::Pop3, "mx.here.test".parse().unwrap())
    };
    let mut open = listener("pop3-open", ListenerTls::Offered);
    open.auth.clear = true;
    let listeners = [open, listener("pop3", ListenerTls::Required), listener("pop3s", ListenerTls::Implicit)];
    Fixture::start_with(|setup| {
        setup.listeners.extend(listeners);
        change(setup);
    })
    .await
}

/// Ann, logged in; the response says what she has.
async fn ann(fixture: &Fixture) -> Client {
    let mut client = fixture.connect("pop3-open").await;
    client.transcript(&format!("S: +OK mx.here.test\nC: USER {ANN}\nS: +OK\nC: PASS {PASSWORD}\nS: +OK")).await;
    client
}

/// The octets of a response of many lines, unstuffed.
async fn message(client: &mut Client, command: &str) -> String {
    client.say(command).await;
    client.expect("+OK").await;
    let mut text = String::new();
    loop {
        match client.reply().await.as_str() {
            "." => return text,
            "closed" => panic!("closed in the middle of {command}"),
            line => text += &(line.strip_prefix('.').unwrap_or(line).to_owned() + "\n"),
        }
    }
}

#[tokio::test]
async fn ann_reads_her_mail_and_what_she_deletes_is_gone_after_quit() {
    let fixture = start().await;
    fixture.append(&["Subject: one\n\n.dots\n", "Subject: two\n\nbody\n"]).await;
    let mut client = ann(&fixture).await;
    client.transcript("C: STAT\nS: +OK 2 45\nC: LIST 2\nS: +OK 2 22").await;
    assert_eq!(message(&mut client, "RETR 1").await, "Subject: one\n\n.dots\n");
    client.transcript("C: DELE 1\nS: +OK").await;
    let left = |fixture: &Fixture| {
        let store = fixture.store.clone();
        async move { store.mailbox(ANN, "INBOX").await.unwrap().unwrap().messages }
    };
    assert_eq!(left(&fixture).await, 2, "nothing goes before QUIT");
    client.transcript("C: QUIT\nS: +OK Bye\nS: closed").await;
    assert_eq!(left(&fixture).await, 1);
    let mut client = ann(&fixture).await;
    client.transcript("C: DELE 1\nS: +OK").await;
    client.cut();
    assert_eq!(
        message(&mut ann(&fixture).await, "RETR 1").await,
        "Subject: two\n\nbody\n",
        "lost connections remove nothing"
    );
}

#[tokio::test]
async fn an_account_that_never_had_mail_has_an_empty_inbox() {
    let mut client = ann(&start().await).await;
    client.transcript("C: STAT\nS: +OK 0 0\nC: UIDL\nS: +OK\nS: .\nC: RETR 1\nS: -ERR\nC: QUIT\nS: +OK").await;
}

#[tokio::test]
async fn unique_ids_stay_over_sessions_and_are_never_given_twice() {
    let fixture = start().await;
    fixture.append(&["a: 1\n\n", "a: 2\n\n", "a: 3\n\n"]).await;
    let mut client = ann(&fixture).await;
    let before = message(&mut client, "UIDL").await;
    client.transcript("C: DELE 3\nS: +OK\nC: QUIT\nS: +OK").await;
    fixture.append(&["a: 4\n\n"]).await;
    let after = message(&mut ann(&fixture).await, "UIDL").await;
    let ids = |list: &str| list.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>();
    let (before, after) = (ids(&before), ids(&after));
    assert_eq!((before.len(), after.len()), (3, 3));
    assert_eq!(before[..2], after[..2]);
    assert!(!before.contains(&after[2]), "{before:?} {after:?}");
}

#[tokio::test]
async fn a_large_message_streams_and_is_what_it_was() {
    let fixture = start().await;
    let text = format!("Subject: large\n\n{}", ".0123456789 0123456789 0123456789\n".repeat(40_000));
    fixture.append(&["Subject: small\n\nx\n", &text, "Subject: last\n\ny\n"]).await;
    let mut client = ann(&fixture).await;
    for (number, expected) in [(1, "Subject: small\n\nx\n"), (2, &text), (3, "Subject: last\n\ny\n")] {
        let came = message(&mut client, &format!("RETR {number}")).await;
        assert!(came == expected, "message {number} has {} octets of {}", came.len(), expected.len());
    }
}

#[tokio::test]
async fn every_message_of_many_is_the_one_that_was_asked_for() {
    let fixture = start().await;
    let texts: Vec<String> = (1..=200).map(|n| format!("Subject: {n}\n\n{}\n", "x".repeat(n * 37))).collect();
    fixture.append(&texts).await;
    let mut client = ann(&fixture).await;
    // One after the other, backwards, and with gaps: what is read ahead never stands for something else.
    let orders = (1..=200).chain((1..=200).rev()).chain((1..=200).step_by(7)).chain([1, 1, 2, 200, 3]);
    for number in orders {
        assert_eq!(message(&mut client, &format!("RETR {number}")).await, texts[number - 1]);
    }
}

#[tokio::test]
async fn a_password_crosses_clear_text_only_where_it_may_and_the_answer_says_what_to_change() {
    let fixture = start().await;
    for (listener, response) in [
        ("pop3-open", "+OK Send PASS"),
        ("pop3", "-ERR [SYS/PERM] Log-in needs encryption: set your mail program to SSL/TLS"),
    ] {
        let mut client = fixture.connect(listener).await;
        client.transcript(&format!("S: +OK\nC: USER {ANN}\nS: {response}")).await;
    }
}

#[tokio::test]
async fn an_account_of_a_domain_that_requires_tls_gets_in_with_tls_only_wherever_it_comes() {
    let fixture = start_with(|setup| setup.settings.tls_domains = vec!["here.test".parse().unwrap()]).await;
    let mut client = fixture.connect("pop3-open").await;
    let refused = "S: -ERR [SYS/PERM] Log-in needs encryption: set your mail program to SSL/TLS";
    client.transcript(&format!("S: +OK\nC: USER {ANN}\nS: +OK\nC: PASS {PASSWORD}\n{refused}")).await;
    // SCRAM's client-first message of ann@here.test: no keys are handed out.
    client.transcript(&format!("C: AUTH SCRAM-SHA-256 biwsbj1hbm5AaGVyZS50ZXN0LHI9eHl6\n{refused}")).await;
    client.transcript("C: STLS\nS: +OK").await;
    let mut client = client.start_tls(&fixture.ca_file).await;
    client.transcript(&format!("C: USER {ANN}\nS: +OK\nC: PASS {PASSWORD}\nS: +OK 0 messages")).await;
}

#[tokio::test]
async fn ann_logs_in_after_stls_and_on_the_port_that_is_tls_from_the_first_octet() {
    let fixture = start().await;
    fixture.append(&["Subject: one\n\n\n"]).await;
    let mut client = fixture.connect("pop3").await;
    client.transcript("S: +OK\nC: STLS\nS: +OK Begin TLS").await;
    let by_stls = client.start_tls(&fixture.ca_file).await;
    let mut implicit = fixture.connect_tls("pop3s").await;
    implicit.expect("+OK mx.here.test").await;
    for mut client in [by_stls, implicit] {
        client.log_in_plain(ANN, PASSWORD).await;
        client.expect("+OK 1 messages").await;
    }
}

#[tokio::test]
async fn i02_what_is_pipelined_behind_stls_is_never_read() {
    let fixture = start().await;
    let mut client = fixture.connect("pop3").await;
    client.expect("+OK").await;
    client.send(format!("STLS\r\nUSER {ANN}\r\nPASS {PASSWORD}\r\nSTAT\r\n")).await;
    client.expect("-ERR Nothing may follow STLS").await;
    client.expect("closed").await;
}

#[tokio::test]
async fn i05_top_of_a_billion_lines_is_one_message_and_of_one_line_one_line() {
    let fixture = start().await;
    let text = format!("Subject: large\n\n{}", "line\n".repeat(300_000));
    fixture.append(&[&text]).await;
    let mut client = ann(&fixture).await;
    assert!(message(&mut client, "TOP 1 999999999").await == text);
    assert_eq!(message(&mut client, "TOP 1 1").await, "Subject: large\n\nline\n");
    client.transcript("C: TOP 999999999 1\nS: -ERR No such message\nC: NOOP\nS: +OK").await;
}

#[tokio::test]
async fn i05_two_sessions_at_once_each_have_a_consistent_view() {
    let fixture = start().await;
    fixture.append(&["a: 1\n\n", "a: 2\n\n", "a: 3\n\n"]).await;
    let (mut first, mut second) = (ann(&fixture).await, ann(&fixture).await);
    let before = message(&mut first, "UIDL").await;
    second.transcript("C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK\nC: QUIT\nS: +OK Bye").await;
    fixture.append(&["a: 4\n\n"]).await;
    assert_eq!(message(&mut first, "UIDL").await, before);
    first.transcript("C: RETR 1\nS: -ERR [SYS/TEMP] The message is gone").await;
    assert_eq!(message(&mut first, "RETR 3").await, "a: 3\n\n");
    first.transcript("C: DELE 1\nS: +OK\nC: DELE 3\nS: +OK\nC: QUIT\nS: +OK Bye").await;
    assert_eq!(message(&mut ann(&fixture).await, "RETR 1").await, "a: 4\n\n", "what came meanwhile stays");
}

#[tokio::test]
async fn a_suspended_account_fetches_nothing_more() {
    let fixture = start().await;
    fixture.append(&["Subject: one\n\nx\n"]).await;
    let mut client = ann(&fixture).await;
    let account = fixture.store.account_get(ANN).await.unwrap().unwrap();
    fixture.store.account_put(Account { disabled: true, ..account }).await.unwrap();
    client.transcript("S: -ERR [SYS/TEMP] Your account or its passwords were changed\nS: closed").await;
}
