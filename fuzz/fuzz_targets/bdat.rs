//! Chunks after BDAT, as `BDAT 5 CRLF hello BDAT 3 LAST CRLF …`, followed to the last one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{assert_crlf_only, portions};
use rohrpost_smtp::bdat::{Chunk, Reader};

const SIZE_MAX: u64 = 1 << 16;

fuzz_target!(|octets: &[u8]| {
    let (mut reader, mut body, mut rest) = (Reader::new(SIZE_MAX), Vec::new(), octets);
    while let Some((chunk, behind)) = next_chunk(rest) {
        reader.begin(chunk);
        let wanted = usize::try_from(chunk.octets).unwrap_or(usize::MAX);
        let (data, after) = behind.split_at(wanted.min(behind.len()));
        let mut ended = chunk.octets == 0 && reader.read(b"").ended;
        for portion in portions(data) {
            let read = reader.read(portion);
            assert_eq!(read.taken, portion.len(), "counted octets are taken, whatever they are");
            body.extend_from_slice(&read.body);
            ended = read.ended;
        }
        assert_eq!(ended, data.len() as u64 == chunk.octets);
        if chunk.last && ended {
            break;
        }
        rest = after;
    }
    if reader.is_last() && reader.error().is_none() {
        // A CR at the end of the last chunk is answered by the reader's own LF, which `read` hands out at the end.
        assert_crlf_only(body.strip_suffix(b"\r").unwrap_or(&body));
    }
});

/// The chunk that a command announces, and what follows the command.
fn next_chunk(octets: &[u8]) -> Option<(Chunk, &[u8])> {
    let end = octets.windows(2).position(|window| window == b"\r\n")?;
    let argument = octets[..end].strip_prefix(b"BDAT ")?;
    Some((Chunk::parse(argument).ok()?, &octets[end + 2..]))
}
