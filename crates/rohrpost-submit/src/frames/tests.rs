use proptest::prelude::*;
use rohrpost_mail::{BodyKind, Envelope, Notify, ReversePath};

use super::*;
use crate::words::RefusedRecipient;

fn submission(recipients: usize) -> Submission {
    let reverse_path = ReversePath::Mailbox("ann@here.test".parse().unwrap());
    let options = Options {
        envelope: Envelope { reverse_path, body: BodyKind::EightBitMime, ..Envelope::default() },
        recipients: (0..recipients)
            .map(|n| To { notify: Notify::NEVER, ..To::new(format!("r{n}@there.test")) })
            .collect(),
        ..Options::default()
    };
    Submission { id: [7; 16], options, environment: vec![("LOGNAME".into(), "ann".into())] }
}

fn encode(submission: &Submission, bodies: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    let mut frames = encoder.envelope(submission).unwrap();
    for body in bodies {
        frames.extend(encoder.body(body).unwrap());
    }
    frames.extend(encoder.end());
    frames
}

/// All of a submission, as far as it goes.
#[derive(Debug, Default, Eq, PartialEq)]
struct Read {
    submission: Option<Submission>,
    body: Vec<u8>,
    ended: bool,
}

fn decode(mut octets: &[u8]) -> Result<Read, FrameError> {
    let (mut decoder, mut read) = (Decoder::default(), Read::default());
    while let Some((start, rest)) = octets.split_first_chunk() {
        let (kind, length) = header(*start)?;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        octets = rest;
        match decoder.take(kind, content)? {
            Part::Envelope => {}
            Part::Submission(submission) => read.submission = Some(*submission),
            Part::Body => read.body.extend_from_slice(content),
            Part::End => read.ended = true,
        }
    }
    Ok(read)
}

#[test]
fn a_submission_is_read_as_it_was_written() {
    for recipients in [0, 1, RECIPIENTS_PER_FRAME, 1_000] {
        let written = submission(recipients);
        let read = decode(&encode(&written, &[b"Subject: x\r\n\r\n", b"", b"text"])).unwrap();
        assert_eq!(read, Read { submission: Some(written), body: b"Subject: x\r\n\r\ntext".to_vec(), ended: true });
    }
}

#[test]
fn answers_are_read_as_they_were_written() {
    let refused = RefusedRecipient { address: "x".into(), sysexit: 67, text: "no".into() };
    let accepted = Answer::Accepted(Accepted { ids: vec![], refused: vec![refused; RECIPIENTS_MAX] });
    for written in [accepted, Answer::Refused(Refused { sysexit: 75, text: "later".into() })] {
        let frame = answer(&written);
        let (start, content) = frame.split_first_chunk().unwrap();
        let (kind, length) = header(*start).unwrap();
        assert_eq!((read_answer(kind, content).unwrap(), length), (written, content.len()));
    }
}

#[test]
fn q07_lengths_kinds_and_versions_that_no_frame_has_are_refused() {
    assert_eq!(header([1, 0xff, 0xff, 0xff, 0xff]), Err(FrameError::TooLong(u32::MAX)));
    assert_eq!(header([4, 0, 1, 0, 1]), Err(FrameError::TooLong(0x1_0001)));
    assert_eq!(header(*b"HELO "), Err(FrameError::UnknownKind(b'H')));
    assert!(frame(Kind::Body, &vec![0; FRAME_BYTES_MAX]).is_ok());
    assert!(frame(Kind::Body, &vec![0; FRAME_BYTES_MAX + 1]).is_err());
    let mut later = encode(&submission(1), &[]);
    later[HEADER_BYTES] = 2;
    assert_eq!(decode(&later), Err(FrameError::Version(2)));
}

#[test]
fn frames_out_of_their_order_are_refused() {
    let whole = encode(&submission(1), &[b"x"]);
    for (kind, content) in [(Kind::Recipients, &b"[]"[..]), (Kind::Content, b""), (Kind::Body, b"x"), (Kind::End, b"")]
    {
        assert_eq!(Decoder::default().take(kind, content), Err(FrameError::OutOfOrder(kind)));
    }
    let twice = [&whole[..], &whole].concat();
    assert_eq!(decode(&twice), Err(FrameError::OutOfOrder(Kind::Begin)));
    let answered = [&whole[..], &answer(&Answer::Refused(Refused { sysexit: 0, text: String::new() }))].concat();
    assert_eq!(decode(&answered), Err(FrameError::OutOfOrder(Kind::Answer)));
}

#[test]
fn what_came_of_the_attempt_is_read_as_it_was_written() {
    let failed = RefusedRecipient { address: "a@b.test".into(), sysexit: 65, text: "550 no".into() };
    for said in [None, Some(Tried { is_under_way: true, failed: vec![failed] })] {
        let octets = tried(said.as_ref());
        let (kind, length) = header(octets[..HEADER_BYTES].try_into().unwrap()).unwrap();
        assert_eq!((kind, length), (Kind::Tried, octets.len() - HEADER_BYTES));
        assert_eq!(read_tried(kind, &octets[HEADER_BYTES..]), Ok(said));
    }
    assert_eq!(read_tried(Kind::Answer, b"null"), Err(FrameError::OutOfOrder(Kind::Answer)));
}

#[test]
fn more_recipients_than_any_message_has_are_refused_before_they_are_held() {
    let part = json(&vec![To::new("a@b.test"); 1_000]);
    let mut decoder = Decoder::default();
    let begin = [&[VERSION][..], &[0; 16], br#"{"options":{"envelope":{"reverse_path":""}}}"#].concat();
    decoder.take(Kind::Begin, &begin).unwrap();
    for _ in 0..RECIPIENTS_MAX / 1_000 {
        assert_eq!(decoder.take(Kind::Recipients, &part), Ok(Part::Envelope));
    }
    assert_eq!(decoder.take(Kind::Recipients, &part), Err(FrameError::TooManyRecipients));
    let recipients = vec![To::new("a@b.test"); RECIPIENTS_MAX + 1];
    let submission = Submission::new(Options { recipients, ..Options::default() });
    assert_eq!(Encoder::default().envelope(&submission), Err(FrameError::TooManyRecipients), "nor are they sent");
}

proptest! {
    #[test]
    fn q07_no_octets_are_more_than_refused(octets in prop::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(read) = decode(&octets) {
            prop_assert!(!read.ended);
        }
    }

    #[test]
    fn one_changed_octet_never_makes_another_whole_submission(
        body in prop::collection::vec(any::<u8>(), 0..64),
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut octets = encode(&submission(3), &[&body]);
        let at = at.index(octets.len());
        octets[at] ^= change;
        if let Ok(read) = decode(&octets) {
            prop_assert!(!read.ended);
        }
    }

    #[test]
    fn a_part_of_a_submission_is_never_a_whole_one(cut in any::<prop::sample::Index>()) {
        let octets = encode(&submission(3), &[b"Subject: x\r\n\r\n", b"text"]);
        let read = decode(&octets[..cut.index(octets.len())]).unwrap();
        prop_assert!(!read.ended);
    }
}
