//! What follows DATA: one end mark and no other, the same result however it is cut, and nothing to smuggle on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{assert_crlf_only, portions};
use rohrpost_smtp::data::{ContentError, Reader};
use rohrpost_smtp::dot::{Framing, Writer};

const SIZE_MAX: u64 = 1 << 16;

fuzz_target!(|octets: &[u8]| {
    let whole = read([octets].into_iter());
    assert_eq!(whole, read(portions(octets)));
    if whole.ended {
        // RFC 5321 §4.1.1.4: only CRLF `.` CRLF ends a message, at its very beginning without the first CRLF.
        let taken = &octets[..whole.taken];
        assert!(taken == b".\r\n" || taken.ends_with(b"\r\n.\r\n"));
        let earlier = taken.windows(5).position(|window| window == b"\r\n.\r\n");
        assert!(earlier.is_none_or(|at| at + 5 == taken.len()));
    }
    if whole.ended && whole.error.is_none() {
        assert_crlf_only(&whole.body);
        assert_eq!(send_again(&whole.body), whole.body);
    }
});

#[derive(Debug, Eq, PartialEq)]
struct Message {
    taken: usize,
    body: Vec<u8>,
    ended: bool,
    error: Option<ContentError>,
}

fn read<'a>(portions: impl Iterator<Item = &'a [u8]>) -> Message {
    let (mut reader, mut taken, mut body, mut ended) = (Reader::new(SIZE_MAX), 0, Vec::new(), false);
    for portion in portions {
        let read = reader.read(portion);
        assert!(read.taken == portion.len() || read.ended, "all is taken but what follows the end");
        taken += read.taken;
        body.extend_from_slice(&read.body);
        ended = read.ended;
        if ended {
            break;
        }
    }
    let error = reader.error();
    // After an error the rest of the body is not handed out; how much came before it depends on the cuts.
    Message { taken, body: if error.is_some() { Vec::new() } else { body }, ended, error }
}

/// What the next server makes of a message that we pass on.
fn send_again(body: &[u8]) -> Vec<u8> {
    let (mut writer, mut wire) = (Writer::new(Framing::Dot), Vec::new());
    for portion in portions(body) {
        writer.push(portion, &mut wire);
    }
    writer.finish(&mut wire);
    let read = Reader::new(u64::MAX).read(&wire);
    assert!(read.ended && read.taken == wire.len(), "one message, and nothing behind it");
    read.body.to_vec()
}
