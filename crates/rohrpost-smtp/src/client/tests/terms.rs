//! What the settings change: quirks, all or nothing, the transcript.

use std::sync::Arc;

use rohrpost_mail::Secret;
use rohrpost_sasl::{
    Mechanism,
    client::{Credentials, Exchange},
};

use super::*;

fn ready(settings: Settings, keywords: &str) -> Play {
    let mut play = Play::new(settings);
    play.greet(keywords);
    assert_eq!(play.session.poll_event(), Some(Event::Ready));
    play
}

fn log_in(play: &mut Play) {
    let credentials = Credentials::password("ann", Secret::new("pencil"));
    let exchange = Exchange::new(Mechanism::Plain, credentials, Arc::new(NoHashes), None, "n".into()).unwrap();
    play.session.authenticate(play.now, Mechanism::Plain, exchange);
}

#[test]
fn what_a_quirk_forbids_is_not_used_although_it_is_offered() {
    let quirks = Quirks { no_pipelining: true, no_chunking: true, no_size: true, no_dsn: true, ..Quirks::default() };
    let mut play = ready(Settings { quirks, ..settings() }, "PIPELINING CHUNKING SIZE DSN");
    play.send(&["a@x.test"]);
    play.say("C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.test>\nS: 250 ok\nC: DATA\nS: 354 go on");
}

#[test]
fn an_initial_response_waits_until_it_is_asked_for_where_a_quirk_says_so() {
    let quirks = Quirks { no_initial_response: true, ..Quirks::default() };
    let mut play = ready(Settings { quirks, ..settings() }, "AUTH");
    log_in(&mut play);
    play.say("C: AUTH PLAIN\nS: 334 \nC: AGFubgBwZW5jaWw=\nS: 235 welcome");
    assert_eq!(play.session.poll_event(), Some(Event::Authenticated));
}

#[test]
fn all_or_nothing_withholds_the_message_from_all_when_one_is_refused() {
    for (keywords, pipelined) in [("PIPELINING", true), ("PIPELINING CHUNKING", true), ("", false)] {
        let mut play = ready(Settings { all_or_nothing: true, ..settings() }, keywords);
        play.send(&["a@x.test", "b@x.test", "c@x.test"]);
        if pipelined {
            play.say("C: MAIL FROM:<>\nC: RCPT TO:<a@x.test>\nC: RCPT TO:<b@x.test>\nC: RCPT TO:<c@x.test>");
            play.say("S: 250 ok\nS: 250 ok\nS: 550 5.1.1 nobody\nS: 450 later");
        } else {
            play.say("C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@x.test>");
            play.say("S: 550 5.1.1 nobody\nC: RCPT TO:<c@x.test>\nS: 450 later");
        }
        assert_eq!(play.written(), b"", "no DATA with {keywords:?}");
        let outcomes = play.outcomes();
        assert_eq!(outcomes[0].as_ref().unwrap_err().error, SessionError::Withheld);
        assert_eq!(outcomes[1].as_ref().unwrap_err().reply().unwrap().code, 550);
        assert_eq!(outcomes[2].as_ref().unwrap_err().reply().unwrap().code, 450);
        play.send(&["a@x.test"]);
        play.say("C: RSET");
    }
}

#[test]
fn all_or_nothing_goes_on_where_all_are_accepted() {
    let mut play = ready(Settings { all_or_nothing: true, ..settings() }, "PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    play.say("C: MAIL FROM:<>\nC: RCPT TO:<a@x.test>\nC: RCPT TO:<b@x.test>");
    assert_eq!(play.written(), b"", "DATA waits");
    play.say("S: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go on");
    play.body(b"Hi\r\n");
    play.say("C: Hi\nC: .\nS: 250 taken");
    assert_eq!(play.summary(), ["250", "250"]);
}

#[test]
fn a_c10_a_transcript_has_the_dialogue_and_neither_secrets_nor_texts() {
    let mut play = ready(Settings { transcript: true, ..settings() }, "PIPELINING AUTH");
    log_in(&mut play);
    play.say("C: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 235 welcome");
    assert_eq!(play.session.poll_event(), Some(Event::Authenticated));
    play.send(&["a@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 250 2.1.5 ok\nS: 354 go on");
    play.body(b"secret plans\r\n");
    play.written();
    play.say("S: 250 2.0.0 taken");
    let transcript = play.session.transcript();
    let expected = "C: AUTH PLAIN ***\nS: 235 welcome\nC: MAIL FROM:<>\nC: RCPT TO:<a@x.test>\nC: DATA\n\
        S: 250 ok\nS: 250 2.1.5 ok\nS: 354 go on\n-- the message\nS: 250 2.0.0 taken";
    assert!(transcript.ends_with(expected), "{transcript}");
    assert!(transcript.starts_with("S: 220 mx.test\nC: EHLO here.test\n"), "{transcript}");
}

#[test]
fn a_c10_a_secret_that_the_server_repeats_is_not_shown() {
    let mut play = ready(Settings { transcript: true, ..settings() }, "AUTH");
    log_in(&mut play);
    play.say("C: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 535 5.7.8 bad AUTH PLAIN AGFubgBwZW5jaWw=");
    let event = format!("{:?}", play.session.poll_event());
    assert!(event.contains("bad AUTH PLAIN ***"), "{event}");
    assert!(play.session.transcript().ends_with("S: 535 5.7.8 bad AUTH PLAIN ***"), "{}", play.session.transcript());
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    assert_eq!(ready(settings(), "").session.transcript(), "");
}
