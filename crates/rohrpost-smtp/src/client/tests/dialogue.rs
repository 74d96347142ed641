//! What an honest server sees.

use rohrpost_mail::{Class, EnhancedStatus, Reply, Stage};

use super::*;

#[test]
fn a_message_goes_out_in_two_flights_with_pipelining() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    assert_eq!(play.written(), b"MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n");
    play.say("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on");
    play.body(b"Hi\n.\n");
    assert_eq!(play.written(), b"Hi\r\n..\r\n.\r\n");
    play.say("S: 250 2.0.0 taken");
    assert_eq!(play.outcomes(), vec![Ok(Reply::with(250, 0, 0, "taken")); 2]);
    assert!(play.session.is_ready());
}

#[test]
fn without_pipelining_each_command_waits_for_its_reply() {
    let mut play = Play::ready("SIZE");
    play.send(&["a@x.test", "b@x.test"]);
    for (command, reply) in [
        ("MAIL FROM:<> SIZE=4", "250 ok"),
        ("RCPT TO:<a@x.test>", "550 5.1.1 nobody"),
        ("RCPT TO:<b@x.test>", "250 ok"),
        ("DATA", "354 go on"),
    ] {
        assert_eq!(play.written(), format!("{command}\r\n").as_bytes());
        play.say(&format!("S: {reply}"));
    }
    play.body(b"Hi\r\n");
    play.say("C: Hi\nC: .\nS: 250 taken");
    assert_eq!(play.summary(), ["550 rcpt permanent", "250"]);
}

#[test]
fn without_pipelining_nothing_follows_a_refused_mail_or_the_last_refused_rcpt() {
    let mut play = Play::ready("");
    play.send(&["a@x.test"]);
    play.say("C: MAIL FROM:<>\nS: 451 later");
    assert_eq!(play.summary(), ["451 mail temporary"]);
    play.send(&["a@x.test"]);
    play.say("C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.test>\nS: 550 no");
    assert_eq!(play.summary(), ["550 rcpt permanent"]);
    assert_eq!(play.written(), b"");
}

#[test]
fn a_transaction_that_was_left_open_is_reset_by_the_next_one() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 550 no\nS: 554 no valid recipients");
    assert_eq!(play.summary(), ["550 rcpt permanent"]);
    play.written();
    play.send(&["b@x.test"]);
    play.say("C: RSET\nC: MAIL FROM:<>\nC: RCPT TO:<b@x.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on");
    play.body(b"");
    play.say("C: .\nS: 250 taken");
    assert_eq!(play.summary(), ["250"]);
    play.send(&["c@x.test"]);
    play.say("C: MAIL FROM:<>");
}

#[test]
fn a_refused_mail_speaks_for_all_recipients() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    play.say("S: 550 5.7.1 not you\nS: 503 MAIL first\nS: 503 MAIL first\nS: 503 MAIL first");
    assert_eq!(play.summary(), ["550 mail permanent", "550 mail permanent"]);
}

#[test]
fn data_that_is_refused_speaks_for_those_who_were_accepted() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test", "b@x.test"]);
    play.say("S: 250 ok\nS: 250 ok\nS: 450 later\nS: 554 no");
    assert_eq!(play.summary(), ["554 data permanent", "450 rcpt temporary"]);
}

#[test]
fn lmtp_says_lhlo_and_has_a_reply_for_each_accepted_recipient() {
    let mut play = Play::new(Settings { protocol: Protocol::Lmtp, ..settings() });
    play.say("S: 220 store.test\nC: LHLO here.test\nS: 250-store.test\nS: 250 PIPELINING");
    assert_eq!(play.session.poll_event(), Some(Event::Ready));
    play.send(&["a@x.test", "b@x.test", "c@x.test"]);
    play.written();
    play.say("S: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go on");
    play.body(b"Hi\r\n");
    play.say("C: Hi\nC: .\nS: 250 filed\nS: 452 4.2.2 full");
    assert_eq!(play.summary(), ["250", "550 rcpt permanent", "452 dot temporary"]);
    assert!(play.session.is_ready());
}

#[test]
fn chunking_is_used_where_it_is_offered_and_dots_stay() {
    let mut play = Play::ready("PIPELINING CHUNKING");
    play.send(&["a@x.test"]);
    assert_eq!(play.written(), b"MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\n");
    play.say("S: 250 ok\nS: 250 ok");
    play.body(b".\nx\r");
    assert_eq!(play.written(), b"BDAT 6 LAST\r\n.\r\nx\r\n");
    play.say("S: 250 taken");
    assert_eq!(play.summary(), ["250"]);
}

#[test]
fn a_long_message_goes_in_chunks_and_a_refused_one_stops_them() {
    let mut play = Play::ready("PIPELINING CHUNKING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok");
    play.written();
    let block = vec![b'x'; limits::CHUNK_BYTES];
    for _ in 0..2 {
        assert!(play.session.wants_body());
        play.session.body(play.now, &block);
        assert!(play.written().starts_with(format!("BDAT {}\r\nxx", limits::CHUNK_BYTES).as_bytes()));
    }
    play.say("S: 552 5.3.4 too much");
    assert!(!play.session.wants_body(), "no octet more after a refusal");
    play.say("S: 503 no");
    assert_eq!(play.summary(), ["552 data permanent"]);
    play.send(&["b@x.test"]);
    play.say("C: RSET\nC: MAIL FROM:<>\nC: RCPT TO:<b@x.test>");
}

#[test]
fn without_pipelining_a_chunk_waits_for_the_reply_to_the_one_before() {
    let mut play = Play::ready("CHUNKING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok");
    play.written();
    play.session.body(play.now, &vec![b'x'; limits::CHUNK_BYTES]);
    play.written();
    assert!(!play.session.wants_body());
    play.say("S: 250 ok");
    play.body(b"end");
    play.say("C: BDAT 3 LAST\nS: 250 taken");
    assert_eq!(play.summary(), ["250"]);
}

#[test]
fn a_refused_last_chunk_leaves_a_transaction_to_be_reset() {
    let mut play = Play::ready("PIPELINING CHUNKING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok");
    play.body(b"x");
    play.say("S: 554 5.6.0 no");
    assert_eq!(play.summary(), ["554 dot permanent"]);
    play.written();
    play.send(&["a@x.test"]);
    play.say("C: RSET");
}

#[test]
fn what_the_server_cannot_take_is_not_even_tried() {
    let utf8_sender = Envelope { reverse_path: "jörg@here.test".parse().unwrap(), ..Envelope::default() };
    let require_tls = Envelope { require_tls: true, ..Envelope::default() };
    let mut play = Play::ready("PIPELINING SIZE_3 REQUIRETLS");
    let mut ends = |envelope: &Envelope, octets, utf8_header| {
        let recipients = recipients(&["a@x.test"]);
        play.session.send(play.now, &Message { envelope, recipients: &recipients, octets, utf8_header });
        let failure = play.outcomes().remove(0).unwrap_err();
        assert_eq!(play.written(), b"");
        assert_eq!(failure.class, Class::Permanent);
        failure.enhanced()
    };
    assert_eq!(ends(&Envelope::default(), 4, false), EnhancedStatus(5, 3, 4));
    assert_eq!(ends(&utf8_sender, 3, false), EnhancedStatus(5, 6, 7));
    assert_eq!(ends(&Envelope::default(), 3, true), EnhancedStatus(5, 6, 9));
    assert_eq!(ends(&require_tls, 3, false), EnhancedStatus(5, 7, 30));
}

#[test]
fn an_address_beyond_ascii_is_named_rather_than_the_header_that_repeats_it() {
    let mut play = Play::ready("PIPELINING");
    let (envelope, recipients) = (Envelope::default(), recipients(&["jörg@x.test"]));
    let message = Message { envelope: &envelope, recipients: &recipients, octets: 3, utf8_header: true };
    play.session.send(play.now, &message);
    assert_eq!(play.outcomes().remove(0).unwrap_err().enhanced(), EnhancedStatus(5, 6, 7));
}

#[test]
fn a_recipient_beyond_ascii_does_not_keep_the_others_from_the_message() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["jörg@x.test", "b@x.test"]);
    assert_eq!(play.written(), b"MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n");
    play.say("S: 250 ok\nS: 250 ok\nS: 354 go on");
    play.body(b"");
    play.say("S: 250 taken");
    assert_eq!(play.summary(), ["- rcpt permanent", "250"]);

    let mut play = Play::ready("PIPELINING SMTPUTF8");
    play.send(&["jörg@x.test"]);
    play.say("C: MAIL FROM:<> SMTPUTF8\nC: RCPT TO:<jörg@x.test>");
}

#[test]
fn helo_follows_a_refused_ehlo_only_where_clear_text_may_be() {
    let mut play = Play::new(Settings { helo: true, ..settings() });
    play.say("S: 220 old.test\nC: EHLO here.test\nS: 502 what?\nC: HELO here.test\nS: 250 old.test");
    assert_eq!(play.session.poll_event(), Some(Event::Ready));
    assert!(play.session.helo_used());

    let mut play = Play::new(settings());
    play.say("S: 220 old.test\nC: EHLO here.test\nS: 502 what?");
    assert_eq!(play.failure().stage(), Stage::Ehlo);
}

#[test]
fn starttls_forgets_what_was_said_before_it() {
    let mut play = Play::new(settings());
    play.greet("STARTTLS PIPELINING");
    play.say("C: STARTTLS\nS: 220 go");
    assert_eq!(play.session.poll_event(), Some(Event::StartTls));
    assert_eq!(play.session.poll_timeout(), None, "the handshake is the driver's to bound");
    play.session.tls_started(play.now);
    play.say("C: EHLO here.test");
    play.say_ehlo("SIZE_1 STARTTLS");
    assert_eq!(play.session.poll_event(), Some(Event::Ready), "no STARTTLS inside TLS");
    assert!(!play.session.capabilities().pipelining && play.session.capabilities().size);
}

#[test]
fn quit_is_written_and_its_reply_ends_the_session() {
    let mut play = Play::ready("");
    play.session.quit(play.now);
    play.say("C: QUIT\nS: 221 bye");
    assert!(play.session.is_closed());
    assert_eq!(play.session.poll_event(), None);
}

#[test]
fn a_body_that_cannot_be_read_never_gets_its_dot() {
    let mut play = Play::ready("PIPELINING");
    play.send(&["a@x.test"]);
    play.say("S: 250 ok\nS: 250 ok\nS: 354 go on");
    play.written();
    play.session.body(play.now, b"half");
    play.session.abort_body();
    assert_eq!(play.summary(), ["- data ours"]);
    assert!(play.session.is_closed());
    assert_eq!(play.written(), b"");
}

#[test]
fn a_probe_hears_what_rcpt_says_and_sends_nothing() {
    let bob = recipients(&["bob@there.test"]).remove(0);
    for (reply, summary) in
        [("250 yes", "250"), ("550 5.1.1 no", "550 rcpt permanent"), ("450 who knows", "450 rcpt temporary")]
    {
        let mut play = Play::ready("PIPELINING CHUNKING");
        play.session.probe(play.now, &bob);
        assert_eq!(play.written(), b"MAIL FROM:<>\r\nRCPT TO:<bob@there.test>\r\nRSET\r\n");
        play.say(&format!("S: 250 ok\nS: {reply}"));
        assert_eq!(play.session.poll_event(), None);
        play.say("S: 250 reset");
        assert_eq!(play.summary(), [summary]);
        assert!(!play.session.wants_body());

        let mut play = Play::ready("");
        play.session.probe(play.now, &bob);
        play.say(&format!("C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<bob@there.test>\nS: {reply}"));
        assert_eq!(play.summary(), [summary]);
        play.send(&["a@x.test"]);
        play.say("C: RSET\nS: 250 ok\nC: MAIL FROM:<>");
    }
}
