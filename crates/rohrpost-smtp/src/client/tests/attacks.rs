//! Rows C01 to C16 of the table of known attacks, as far as a session without sockets can show them.

use std::sync::Arc;

use rohrpost_mail::{Class, Reply, Secret, Stage};
use rohrpost_sasl::{
    Mechanism, SaslError,
    client::{Credentials, Exchange},
};

use super::*;
use crate::reply::ReplyError;

fn log_in(play: &mut Play, mechanism: Mechanism) {
    log_in_with(play, mechanism, "pencil");
}

fn log_in_with(play: &mut Play, mechanism: Mechanism, password: &str) {
    let credentials = Credentials::password("ann", Secret::new(password));
    let exchange = Exchange::new(mechanism, credentials, Arc::new(NoHashes), None, "nonce".into()).unwrap();
    play.session.authenticate(play.now, mechanism, exchange);
}

/// A session in the middle of a body.
fn in_body(keywords: &str) -> Play {
    let mut play = Play::ready(keywords);
    play.send(&["a@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 250 ok\nS: 354 go on");
    assert!(play.session.wants_body());
    play
}

#[test]
fn a_c01_a_broken_reply_ends_the_session_and_defers() {
    for reply in ["250-a\r\n251 b\r\n", "250 a\0\r\n", "nonsense\r\n", "250 a\n", &"250-a\r\n".repeat(1_000)] {
        let mut play = Play::ready("PIPELINING");
        play.send(&["a@x.test"]);
        play.input(reply.as_bytes());
        assert_eq!(play.summary(), ["- mail temporary"], "{reply:?}");
        assert!(play.session.is_closed());
    }
    let mut play = Play::new(settings());
    play.input(&vec![b'2'; 1 << 20]);
    assert_eq!(play.failure(), SessionError::Malformed { stage: Stage::Greeting, fault: ReplyError::LineTooLong });
}

#[test]
fn a_c03_octets_behind_220_abort_before_the_handshake() {
    for injected in ["220 go\r\n250 ok\r\n", "220 go\r\n2", "220-a\r\n220 go\r\n\x16\x03\x01"] {
        let mut play = Play::new(settings());
        play.greet("STARTTLS");
        play.input(injected.as_bytes());
        assert_eq!(play.failure(), SessionError::Injected, "{injected:?}");
    }
}

#[test]
fn a_c04_starttls_that_is_missing_or_refused_goes_by_the_level() {
    let mut play = Play::new(Settings { starttls: Starttls::Required, ..settings() });
    play.greet("PIPELINING");
    assert_eq!(play.failure(), SessionError::NotOffered(Extension::Starttls));

    let mut play = Play::new(settings());
    play.greet("PIPELINING");
    assert_eq!(play.session.poll_event(), Some(Event::Ready), "opportunistic goes on in clear text");

    for starttls in [Starttls::IfOffered, Starttls::Required] {
        for reply in ["454 not now", "502 what?", "354 go on", "250 ok"] {
            let mut play = Play::new(Settings { starttls, ..settings() });
            play.greet("STARTTLS");
            play.say(&format!("C: STARTTLS\nS: {reply}"));
            let error = play.failure();
            assert_eq!(error.stage(), Stage::Starttls, "{reply}: an offer that is taken back is no missing offer");
        }
        let mut play = Play::new(Settings { starttls, ..settings() });
        play.greet("STARTTLS");
        play.session.handle_eof();
        assert_eq!(play.failure(), SessionError::Lost { stage: Stage::Starttls });
    }

    let mut play = Play::new(Settings { starttls: Starttls::Never, ..settings() });
    play.greet("STARTTLS");
    assert_eq!(play.session.poll_event(), Some(Event::Ready));
}

#[test]
fn a_c04_a_refused_ehlo_is_no_way_around_starttls() {
    let mut play = Play::new(Settings { starttls: Starttls::Required, helo: true, ..settings() });
    play.say("S: 220 mx.test\nC: EHLO here.test\nS: 502 what?");
    assert_eq!(play.failure().stage(), Stage::Ehlo);
    assert_eq!(play.written(), b"", "no HELO, behind which nothing could be encrypted");
}

#[test]
fn a_connection_that_was_lost_during_the_handshake_stays_closed() {
    let mut play = Play::new(settings());
    play.greet("STARTTLS");
    play.say("C: STARTTLS\nS: 220 go");
    assert_eq!(play.session.poll_event(), Some(Event::StartTls));
    play.session.handle_eof();
    play.session.tls_started(play.now);
    assert_eq!(play.failure(), SessionError::Lost { stage: Stage::Tls });
    assert_eq!(play.written(), b"");
}

#[test]
fn a_c05_only_the_ehlo_inside_tls_counts() {
    let mut play = Play::new(settings());
    play.greet("STARTTLS AUTH_PLAIN SIZE_1000000 CHUNKING");
    play.say("C: STARTTLS\nS: 220 go");
    assert_eq!(play.session.poll_event(), Some(Event::StartTls));
    assert_eq!(play.session.capabilities(), &Capabilities::default());
    play.session.tls_started(play.now);
    play.say("C: EHLO here.test");
    play.say_ehlo("SIZE_3");
    assert_eq!(play.session.poll_event(), Some(Event::Ready));
    assert!(play.session.capabilities().auth.is_empty() && !play.session.capabilities().chunking);
    play.send(&["a@x.test"]);
    assert_eq!(play.summary(), ["- mail permanent"], "the smaller SIZE counts");
}

#[test]
fn a_c07_a_354_that_nobody_wanted_gets_a_lone_dot_and_its_250_is_no_success() {
    for (replies, summary) in [
        ("S: 250 ok\nS: 550 no\nS: 354 go on", ["550 rcpt permanent"]),
        ("S: 451 later\nS: 250 ok\nS: 354 go on", ["451 mail temporary"]),
    ] {
        let mut play = Play::ready("PIPELINING");
        play.send(&["a@x.test"]);
        play.written();
        play.say(replies);
        assert!(!play.session.wants_body());
        play.say("C: .\nS: 250 taken");
        assert_eq!(play.summary(), summary);
        assert!(play.session.is_ready());
    }
}

#[test]
fn a_c07_a_server_that_says_250_to_everything_is_not_believed_at_data() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok\nS: 250 ok");
    assert_eq!(play.summary(), ["250 data temporary"]);
    assert!(play.session.is_closed());
}

#[test]
fn a_c08_a_connection_lost_before_the_dot_is_retried_and_after_it_unknown() {
    let mut play = in_body("PIPELINING");
    play.session.body(play.now, b"Hi\r\n");
    play.written();
    play.session.handle_eof();
    assert_eq!(play.summary(), ["- data temporary"]);

    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.session.handle_eof();
    assert_eq!(play.summary(), ["- data temporary"], "the dot never left");

    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    play.session.handle_eof();
    assert_eq!(play.summary(), ["- dot temporary unknown"]);

    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    play.input(b"25\x000 ok\r\n");
    assert_eq!(play.summary(), ["- dot temporary unknown"]);
}

#[test]
fn a_c08_a_strange_reply_to_the_dot_says_nothing_about_the_message() {
    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    play.say("S: 354 go on");
    assert_eq!(play.summary(), ["354 dot temporary unknown"]);

    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.say("S: 354 go on");
    assert_eq!(play.summary(), ["354 dot temporary"], "the dot never left");
}

/// It was taken for a plain failure, although the last chunk was on its way: the message went out a second time.
#[test]
fn a_c08_a_strange_reply_to_a_chunk_says_nothing_once_the_last_one_is_out() {
    let mut play = Play::ready("PIPELINING CHUNKING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok");
    play.session.body(play.now, &vec![b'x'; limits::CHUNK_BYTES]);
    play.written();
    play.body(b"end");
    play.written();
    play.say("S: 354 go on");
    assert_eq!(play.summary(), ["354 data temporary unknown"]);
}

#[test]
fn a_c08_lmtp_knows_those_who_were_answered_before_the_connection_was_lost() {
    let mut play = Play::new(Settings { protocol: Protocol::Lmtp, ..settings() });
    play.say("S: 220 store.test\nC: LHLO here.test\nS: 250-store.test\nS: 250 PIPELINING");
    play.session.poll_event();
    play.send(&["a@x.test", "b@x.test"]);
    play.say("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on");
    play.written();
    play.body(b"Hi\r\n");
    play.written();
    play.say("S: 250 filed");
    play.session.handle_eof();
    assert_eq!(play.summary(), ["250", "- dot temporary unknown"]);
}

#[test]
fn a_c08_the_reply_to_the_dot_may_take_ten_minutes_whatever_is_set() {
    let hasty = Duration::from_secs(1);
    let timeouts = Timeouts { dot: hasty, total: Some(Duration::from_secs(30)), ..Timeouts::default() };
    let mut play = Play::new(Settings { timeouts, ..settings() });
    play.greet("PIPELINING");
    play.session.poll_event();
    play.send(&["a@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 250 ok\nS: 354 go on");
    play.body(b"Hi\r\n");
    play.written();
    play.pass(Duration::from_secs(599));
    play.say("S: 250 taken");
    assert_eq!(play.summary(), ["250"]);
}

#[test]
fn the_reply_to_the_dot_is_not_awaited_for_ever() {
    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    assert_eq!(play.session.poll_timeout(), Some(play.now + timeouts::DOT_MIN));
    play.pass(timeouts::DOT_MIN);
    assert_eq!(play.summary(), ["- dot temporary unknown"]);
}

#[test]
fn a_total_limit_stops_a_transaction_before_its_dot() {
    let timeouts = Timeouts { total: Some(Duration::from_secs(30)), ..Timeouts::default() };
    let mut play = Play::new(Settings { timeouts, ..settings() });
    play.greet("PIPELINING");
    play.session.poll_event();
    assert_eq!(play.session.poll_timeout(), None);
    play.send(&["a@x.test"]);
    play.pass(Duration::from_secs(20));
    play.say("S: 250 ok");
    play.pass(Duration::from_secs(10));
    assert_eq!(play.summary(), ["- rcpt temporary"]);
}

#[test]
fn a_c09_421_ends_the_session_at_every_stage() {
    let mut play = Play::new(settings());
    play.say("S: 421 4.3.2 not now");
    assert!(matches!(play.failure(), SessionError::Closing { stage: Stage::Greeting, .. }));

    let mut play = Play::new(settings());
    play.say("S: 220 mx.test\nS: 421 bye");
    assert!(matches!(play.failure(), SessionError::Closing { stage: Stage::Ehlo, .. }));

    let mut play = Play::new(settings());
    play.greet("STARTTLS");
    play.say("S: 421 bye");
    assert!(matches!(play.failure(), SessionError::Closing { stage: Stage::Starttls, .. }));

    let mut play = Play::ready("AUTH_PLAIN");
    log_in(&mut play, Mechanism::Plain);
    play.say("S: 421 bye");
    assert!(matches!(play.failure(), SessionError::Closing { stage: Stage::Auth, .. }));

    let stages = [
        ("", "421 mail temporary"),
        ("S: 250 ok\n", "421 rcpt temporary"),
        ("S: 250 ok\nS: 250 ok\n", "421 data temporary"),
        ("S: 250 ok\nS: 250 ok\nS: 354 go on\n", "421 data temporary"),
    ];
    for (before, summary) in stages {
        let mut play = Play::ready("PIPELINING");
        play.send(&["a@x.test"]);
        play.say(&format!("{before}S: 421 bye"));
        assert_eq!(play.summary(), [summary]);
        assert!(play.session.is_closed());
    }

    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    play.say("S: 421 bye");
    assert_eq!(play.summary(), ["421 dot temporary"]);

    let mut play = Play::ready("PIPELINING");
    play.say("S: 421 idle for too long");
    assert!(matches!(play.failure(), SessionError::Closing { .. }));
}

#[test]
fn a_c11_success_without_the_servers_proof_is_none() {
    let mut play = Play::ready("AUTH_SCRAM-SHA-256");
    log_in(&mut play, Mechanism::ScramSha256);
    play.say("S: 235 welcome");
    assert_eq!(play.failure(), SessionError::Sasl(SaslError::Unfinished));
}

#[test]
fn a_c11_a_nonce_that_is_not_ours_and_absurd_iterations_abort() {
    // r=other,s=AAAA,i=4096 and r=nonceX,s=AAAA,i=1000000000
    for challenge in ["cj1vdGhlcixzPUFBQUEsaT00MDk2", "cj1ub25jZVgscz1BQUFBLGk9MTAwMDAwMDAwMA=="] {
        let mut play = Play::ready("AUTH_SCRAM-SHA-256");
        log_in(&mut play, Mechanism::ScramSha256);
        play.written();
        play.say(&format!("S: 334 {challenge}"));
        assert!(matches!(play.failure(), SessionError::Sasl(_)));
        assert_eq!(play.written(), b"", "nothing is answered");
    }
}

#[test]
fn a_c12_challenges_are_bounded_and_must_be_base64() {
    for (mechanism, answers) in [(Mechanism::Plain, 0), (Mechanism::Login, 2)] {
        let mut play = Play::ready("AUTH_PLAIN_LOGIN");
        log_in(&mut play, mechanism);
        for _ in 0..answers {
            play.say("S: 334 ");
            assert!(!play.session.is_closed());
        }
        play.say("S: 334 ");
        assert_eq!(play.failure(), SessionError::Sasl(SaslError::BadChallenge));
    }

    for challenge in ["334 !!!", "334-YQ==\r\n334 YQ==", "354 go on", &format!("334 {}", "A".repeat(1 << 20))] {
        let mut play = Play::ready("AUTH_LOGIN");
        log_in(&mut play, Mechanism::Login);
        play.input(format!("{challenge}\r\n").as_bytes());
        assert_eq!(play.failure().stage(), Stage::Auth);
    }
}

/// RFC 4954 §4: servers may cut or refuse a command of more than 512 octets, but not a response.
#[test]
fn an_initial_response_too_long_for_its_command_waits_for_the_challenge() {
    // `AUTH PLAIN `, four octets for every three of NUL, `ann`, NUL and password, CRLF.
    for (octets, at_once) in [(367, true), (368, false)] {
        let mut play = Play::ready("AUTH_PLAIN");
        log_in_with(&mut play, Mechanism::Plain, &"x".repeat(octets));
        let command = String::from_utf8(play.written()).unwrap();
        if at_once {
            assert!(command.starts_with("AUTH PLAIN AGFubgB4") && command.len() <= 512, "{}", command.len());
            continue;
        }
        assert_eq!(command, "AUTH PLAIN\r\n");
        play.say("S: 334 ");
        let response = String::from_utf8(play.written()).unwrap();
        assert!(response.starts_with("AGFubgB4") && response.len() > 496, "{response}");
        play.say("S: 235 welcome");
        assert_eq!(play.session.poll_event(), Some(Event::Authenticated));
    }
    for strange in ["334 YQ==", "235 welcome"] {
        let mut play = Play::ready("AUTH_PLAIN");
        log_in_with(&mut play, Mechanism::Plain, &"x".repeat(400));
        play.say(&format!("C: AUTH PLAIN\nS: {strange}"));
        assert_eq!(play.failure().stage(), Stage::Auth);
        assert_eq!(play.written(), b"", "{strange}: the password stays here");
    }
}

#[test]
fn a_c13_octets_of_a_reply_are_no_progress() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test"]);
    play.written();
    let reply = b"250-this reply takes its time";
    for octet in reply.iter().take(9) {
        play.pass(Duration::from_secs(30));
        play.input(&[*octet]);
    }
    assert!(!play.session.is_closed());
    play.pass(Duration::from_secs(30));
    assert_eq!(play.summary(), ["- mail temporary"], "300 s are over");
}

#[test]
fn a_c13_a_body_that_is_taken_octet_by_octet_is_no_progress() {
    let mut play = in_body("PIPELINING");
    play.session.body(play.now, &vec![b'x'; 60_000]);
    for _ in 0..17 {
        play.pass(Duration::from_secs(10));
        play.session.handle_written(play.now, 100);
        assert!(!play.session.is_closed());
    }
    play.pass(Duration::from_secs(10));
    assert_eq!(play.summary(), ["- data temporary"], "180 s at 10 octets a second");

    let mut play = in_body("PIPELINING");
    play.session.body(play.now, &vec![b'x'; 60_000]);
    for _ in 0..40 {
        play.pass(Duration::from_secs(10));
        play.session.handle_written(play.now, 1_200);
    }
    assert!(!play.session.is_closed(), "400 s at 120 octets a second");
}

#[test]
fn a_c14_552_is_temporary_only_behind_others_who_were_accepted() {
    let (accepted, refused) = ("S: 250 ok\n", "S: 552 5.2.2 mailbox full\n");
    for (too_many, class) in
        [("552 too many", "temporary"), ("552 5.5.3 too many", "temporary"), ("552 5.2.2 full", "permanent")]
    {
        let mut play = Play::ready("PIPELINING LIMITS_RCPTMAX=1000");
        let to: Vec<_> = (0..101).map(|n| format!("u{n}@x.test")).collect();
        play.send(&to.iter().map(String::as_str).collect::<Vec<_>>());
        play.written();
        play.say(&format!("S: 250 ok\n{}S: {too_many}\nS: 354 go on", accepted.repeat(100)));
        play.body(b"Hi\r\n");
        play.say("C: Hi\nC: .\nS: 250 taken");
        let summary = play.summary();
        assert_eq!(summary[99], "250");
        assert_eq!(summary[100], format!("552 rcpt {class}"));
    }
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test"]);
    play.say(&format!("S: 250 ok\n{}S: 554 no", refused.replace("5.2.2 ", "")));
    assert_eq!(play.summary(), ["552 rcpt permanent"], "nobody was accepted: the mailbox is meant");
}

#[test]
fn a_c14_mixed_replies_are_kept_per_recipient() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test", "c@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 452 4.5.3 later\nS: 354 go on");
    play.body(b"Hi\r\n");
    play.say("C: Hi\nC: .\nS: 250 taken");
    assert_eq!(play.summary(), ["250", "550 rcpt permanent", "452 rcpt temporary"]);

    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    play.say("S: 250 ok\nS: 452 later\nS: 452 later\nS: 503 no");
    assert_eq!(play.summary(), ["452 rcpt temporary", "452 rcpt temporary"]);
}

#[test]
fn a_c15_251_and_551_are_words_and_no_new_recipients() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 251 will forward to <new@y.test>\nS: 551 try <other@y.test>\nS: 354 go on");
    play.body(b"Hi\r\n");
    assert_eq!(play.written(), b"Hi\r\n.\r\n");
    play.say("S: 250 taken");
    assert_eq!(play.summary(), ["250", "551 rcpt permanent"]);
}

#[test]
fn a_c16_what_a_relay_refuses_keeps_stage_and_reply_for_the_queue_to_judge() {
    let mut play = Play::new(settings());
    play.say("S: 554 5.7.1 go away");
    let error = play.failure();
    let reply = Reply::with(554, 7, 1, "go away");
    assert_eq!((error.stage(), error.reply(), error.class()), (Stage::Greeting, Some(&reply), Class::Permanent));

    let mut play = Play::ready("AUTH_PLAIN");
    log_in(&mut play, Mechanism::Plain);
    play.say("C: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 535 5.7.8 wrong");
    assert_eq!(play.session.poll_event(), Some(Event::AuthRefused(Reply::with(535, 7, 8, "wrong"))));
    assert!(play.session.is_ready(), "another mechanism may be tried");
}

#[test]
fn a_reply_that_nobody_asked_for_during_the_body_stops_it() {
    let mut play = in_body("PIPELINING");
    play.session.body(play.now, b"Hi\r\n");
    play.say("S: 554 5.3.4 too much");
    assert_eq!(play.summary(), ["554 data permanent"]);
    assert!(play.session.is_closed(), "the rest of the body is owed: nothing else can be sent");
}

/// A driver that acted on `Ready` tripped over the session that the next line had closed.
#[test]
fn what_a_broken_connection_was_ready_for_is_forgotten() {
    for lines in ["250 mx.test\r\n250 junk\r\n", "250 mx.test\r\n421 bye\r\n", "250 mx.test\r\nnonsense\r\n"] {
        let mut play = Play::new(settings());
        play.say("S: 220 mx.test\nC: EHLO here.test");
        play.input(lines.as_bytes());
        play.failure();
        assert_eq!(play.session.poll_event(), None);
    }
    let mut play = Play::ready("AUTH_PLAIN");
    log_in(&mut play, Mechanism::Plain);
    play.input(b"535 no\r\n421 bye\r\n");
    play.failure();
}

#[test]
fn an_outcome_is_kept_whatever_comes_behind_it() {
    let mut play = in_body("PIPELINING");
    play.body(b"Hi\r\n");
    play.written();
    play.input(b"250 taken\r\n421 bye\r\n");
    assert_eq!(play.summary(), ["250"]);
    play.failure();
}
