//! The frames of the submit socket and of drop files, and the server's answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_submit::Submission;
use rohrpost_submit::frames::{Decoder, Encoder, FrameError, HEADER_BYTES, Kind, Part, answer, header, read_answer};

fuzz_target!(|octets: &[u8]| {
    let Ok(read) = decode(octets) else { return };
    let Some(submission) = &read.submission else { return };
    let mut encoder = Encoder::default();
    let mut frames = encoder.envelope(submission).expect("what was read is not too long");
    frames.extend(encoder.body(&read.body).expect("frames hold more than the fuzzer writes"));
    frames.extend(encoder.end());
    let again = decode(&frames).expect("these are frames");
    assert!(again.ended);
    assert_eq!((&again.submission, &again.body), (&read.submission, &read.body));
    let cut = decode(&frames[..frames.len() - 1]).expect("these are frames");
    assert!(!cut.ended, "a part of a submission is never a whole one");
});

/// All of a submission, as far as it goes.
#[derive(Default)]
struct Read {
    submission: Option<Box<Submission>>,
    body: Vec<u8>,
    ended: bool,
}

fn decode(mut octets: &[u8]) -> Result<Read, FrameError> {
    let (mut decoder, mut read) = (Decoder::default(), Read::default());
    while let Some((start, rest)) = octets.split_first_chunk::<HEADER_BYTES>() {
        let (kind, length) = header(*start)?;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        octets = rest;
        if kind == Kind::Answer {
            let told = read_answer(kind, content)?;
            assert_eq!(read_answer(kind, &answer(&told)[HEADER_BYTES..]), Ok(told));
            continue;
        }
        match decoder.take(kind, content)? {
            Part::Envelope => {}
            Part::Submission(submission) => read.submission = Some(submission),
            Part::Body => read.body.extend_from_slice(content),
            Part::End => read.ended = true,
        }
    }
    Ok(read)
}
