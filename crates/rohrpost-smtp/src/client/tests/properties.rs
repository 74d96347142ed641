//! Where the network cuts what a server says, or takes what we write, changes nothing.

use proptest::prelude::*;

use super::*;

const SERVER: &str = "220-mx.test\r\n220 hello\r\n250-mx.test\r\n250-PIPELINING\r\n250 DSN\r\n\
    250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n354 go on\r\n250 2.0.0 taken\r\n";

const BODY: &[u8] = b"Subject: x\n\n.\r\n..two\r\rend";

/// Plays the whole dialogue with the server's octets in portions, writing at most `write_max` octets at a time.
fn run(portions: &[&[u8]], write_max: usize) -> (Vec<u8>, Vec<Outcome>) {
    let now = Instant::now();
    let mut session = Session::new(settings(), now);
    let (mut written, mut outcomes) = (Vec::new(), Vec::new());
    for portion in portions {
        session.handle_input(now, portion);
        loop {
            match session.poll_event() {
                Some(Event::Ready) => {
                    let (envelope, recipients) = (Envelope::default(), recipients(&["a@x.test", "b@x.test"]));
                    let message =
                        Message { envelope: &envelope, recipients: &recipients, octets: 1, utf8_header: false };
                    session.send(now, &message);
                }
                Some(Event::Sent(all)) => outcomes = all,
                Some(other) => panic!("{other:?}"),
                None => break,
            }
        }
        if session.wants_body() {
            BODY.chunks(write_max).for_each(|part| session.body(now, part));
            session.end_body(now);
        }
        while !session.transmit().is_empty() {
            let count = session.transmit().len().min(write_max);
            written.extend_from_slice(&session.transmit()[..count]);
            session.handle_written(now, count);
        }
    }
    (written, outcomes)
}

proptest! {
    #[test]
    fn cutting_the_dialogue_anywhere_changes_nothing(
        cuts in proptest::collection::vec(1..20_usize, 0..60), write_max in 1..200_usize,
    ) {
        // The greeting, the reply to EHLO, the replies to the flight and the one to the dot come one after the other.
        let ends = ["220 hello\r\n", "250 DSN\r\n", "354 go on\r\n", "taken\r\n"].map(|end| SERVER.find(end).unwrap() + end.len());
        let (mut portions, mut at, mut cuts) = (Vec::new(), 0, cuts.into_iter());
        for end in ends {
            while at < end {
                let next = cuts.next().map_or(end, |cut| (at + cut).min(end));
                portions.push(&SERVER.as_bytes()[at..next]);
                at = next;
            }
        }
        let whole: Vec<_> = {
            let mut start = 0;
            ends.map(|end| &SERVER.as_bytes()[std::mem::replace(&mut start, end)..end]).to_vec()
        };
        let expected = run(&whole, 10_000);
        prop_assert_eq!(expected.1.len(), 2);
        prop_assert!(expected.1[0].is_ok() && expected.1[1].is_err());
        prop_assert_eq!(run(&portions, write_max), expected);
    }

    #[test]
    fn no_server_makes_the_session_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let now = Instant::now();
        for keywords in ["250-mx\r\n250 PIPELINING\r\n", "250-mx\r\n250-CHUNKING\r\n250 LIMITS RCPTMAX=1\r\n", "250 mx\r\n"] {
            let mut session = Session::new(settings(), now);
            session.handle_input(now, b"220 mx\r\n");
            session.handle_input(now, keywords.as_bytes());
            let (envelope, recipients) = (Envelope::default(), recipients(&["a@x.test"]));
            session.send(now, &Message { envelope: &envelope, recipients: &recipients, octets: 1, utf8_header: false });
            session.handle_input(now, &bytes);
            session.body(now, &bytes);
            session.end_body(now);
            session.handle_input(now, &bytes);
            session.handle_eof();
            prop_assert!(session.is_closed());
        }
    }

    #[test]
    fn no_sequence_of_replies_leaves_a_recipient_without_an_outcome(
        codes in proptest::collection::vec(prop_oneof![Just(250), Just(354), Just(450), Just(550), Just(421), Just(552)], 0..9),
        keywords in prop_oneof![Just("PIPELINING"), Just("CHUNKING"), Just("PIPELINING CHUNKING"), Just("")],
    ) {
        let mut play = Play::ready(keywords);
        play.send(&["a@x.test", "b@x.test"]);
        for code in codes {
            play.written();
            if play.session.wants_body() {
                play.body(b"x");
                play.written();
            }
            if play.session.is_ready() || play.session.is_closed() {
                break;
            }
            play.input(format!("{code} text\r\n").as_bytes());
        }
        if !play.session.is_ready() {
            play.session.handle_eof();
        }
        prop_assert_eq!(play.outcomes().len(), 2);
    }
}
