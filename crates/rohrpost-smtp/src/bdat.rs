//! What follows BDAT (RFC 3030): chunks whose octets are counted.
//!
//! One reader serves all chunks of a message, because a line may begin in one and end in the next. Line ends are made
//! CRLF as for DATA, so that a message that came in chunks can go on by DATA and mean the same.

use bytes::BytesMut;

pub use crate::content::ContentError;
use crate::{
    content::{Content, Framing},
    data::Read,
};

/// The argument of BDAT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chunk {
    /// How many octets follow the command.
    pub octets: u64,
    /// Whether they are the last of the message.
    pub last: bool,
}

/// The argument of BDAT cannot be counted with, and so what follows it cannot be told from commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("BDAT takes a number of octets, and LAST for the last chunk")]
pub struct ChunkError;

impl Chunk {
    /// Reads `86` or `86 LAST`.
    ///
    /// # Errors
    /// [`ChunkError`] for everything else.
    pub fn parse(argument: &[u8]) -> Result<Self, ChunkError> {
        let text = std::str::from_utf8(argument).map_err(|_| ChunkError)?;
        let (digits, last) = match text.split_once(' ') {
            None => (text, false),
            Some((digits, word)) if word.trim_ascii().eq_ignore_ascii_case("LAST") => (digits, true),
            Some(_) => return Err(ChunkError),
        };
        // `parse` alone would take a sign.
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let octets = Some(digits).filter(|_| plain).and_then(|digits| digits.parse().ok()).ok_or(ChunkError)?;
        Ok(Self { octets, last })
    }
}

/// Reads the chunks of one message.
#[derive(Debug)]
pub struct Reader {
    content: Content,
    chunk: Chunk,
}

impl Reader {
    /// A message of at most `size_max` octets.
    pub fn new(size_max: u64) -> Self {
        Self { content: Content::new(Framing::Counted, size_max), chunk: Chunk { octets: 0, last: false } }
    }

    /// Begins the next chunk; the one before must have ended.
    pub fn begin(&mut self, chunk: Chunk) {
        self.chunk = chunk;
    }

    /// Takes octets up to the end of the chunk. `ended` says that the chunk is complete; call it with no octets for an
    /// empty chunk.
    pub fn read(&mut self, input: &[u8]) -> Read {
        let wanted = usize::try_from(self.chunk.octets).unwrap_or(usize::MAX);
        let input = &input[..input.len().min(wanted)];
        let mut body = BytesMut::with_capacity(if self.content.error().is_some() { 0 } else { input.len() });
        self.content.read(input, &mut body);
        self.chunk.octets -= input.len() as u64;
        let ended = self.chunk.octets == 0;
        if ended && self.chunk.last {
            self.content.finish(&mut body);
        }
        Read { taken: input.len(), body: body.freeze(), ended }
    }

    /// Whether the chunk that was begun last is the last of the message.
    pub fn is_last(&self) -> bool {
        self.chunk.last
    }

    /// Octets of the message so far.
    pub fn octets(&self) -> u64 {
        self.content.octets()
    }

    /// The first rule that was broken: no body is handed out any more, but the octets are counted on.
    pub fn error(&self) -> Option<ContentError> {
        self.content.error()
    }

    /// Whether a CR or LF stood alone and became CRLF.
    pub fn bare_newline(&self) -> bool {
        self.content.has_bare_newline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted_in_plain_digits() {
        assert_eq!(Chunk::parse(b"0"), Ok(Chunk { octets: 0, last: false }));
        assert_eq!(Chunk::parse(b"86 last"), Ok(Chunk { octets: 86, last: true }));
        assert_eq!(Chunk::parse(b"18446744073709551615"), Ok(Chunk { octets: u64::MAX, last: false }));
        for argument in ["", "-1", "+1", "18446744073709551616", "1 FIRST", "LAST", "1 LAST LAST", "0x10", "1\t2"] {
            assert_eq!(Chunk::parse(argument.as_bytes()), Err(ChunkError), "{argument}");
        }
    }

    #[test]
    fn a_line_end_may_lie_between_two_chunks() {
        let mut reader = Reader::new(1_000);
        reader.begin(Chunk { octets: 3, last: false });
        let first = reader.read(b"ab\r\ncd");
        assert_eq!((&first.body[..], first.taken, first.ended), (&b"ab"[..], 3, true));
        reader.begin(Chunk { octets: 6, last: true });
        let second = reader.read(b"\n.\r\n.\rQUIT");
        assert_eq!((&second.body[..], second.taken, second.ended), (&b"\r\n.\r\n.\r\n"[..], 6, true));
        assert!(reader.bare_newline());
    }
}
