//! The message itself, behind DATA or in chunks of BDAT.

use super::super::{limits::CHUNK_BYTES, output::Output};
use crate::dot::{Framing, Writer};

/// How far the body is. It only ever moves downward.
#[derive(Debug)]
pub(super) enum Body {
    /// Not begun; where everybody is refused it never is.
    Ahead,
    /// Behind a 354 (RFC 5321 §4.1.1.4).
    Dotted(Writer),
    /// BDAT (RFC 3030), with the chunk that is being filled: its count stands before its octets.
    Chunked(Writer, Vec<u8>),
    /// All of it is in the output.
    Ended,
}

impl Body {
    /// A body that follows DATA.
    pub(super) fn dotted() -> Self {
        Self::Dotted(Writer::new(Framing::Dot))
    }

    /// A body that goes in chunks.
    pub(super) fn chunked() -> Self {
        Self::Chunked(Writer::new(Framing::Counted), Vec::new())
    }

    /// Adds octets. Whether they filled a chunk, which is on its way now.
    pub(super) fn push(&mut self, bytes: &[u8], output: &mut Output) -> bool {
        match self {
            Self::Ahead | Self::Ended => false,
            Self::Dotted(writer) => {
                writer.push(bytes, output.buffer());
                false
            }
            Self::Chunked(writer, chunk) => {
                writer.push(bytes, chunk);
                let full = chunk.len() >= CHUNK_BYTES;
                if full {
                    write_chunk(chunk, "", output);
                    chunk.clear();
                }
                full
            }
        }
    }

    /// Writes the end. `false` if there is none to write: the body has not begun, or has ended before.
    pub(super) fn end(&mut self, output: &mut Output) -> bool {
        match std::mem::replace(self, Self::Ended) {
            Self::Ahead => *self = Self::Ahead,
            Self::Ended => {}
            Self::Dotted(writer) => {
                writer.finish(output.buffer());
                output.note(|transcript| transcript.event("the message"));
                return true;
            }
            Self::Chunked(writer, mut chunk) => {
                writer.finish(&mut chunk);
                write_chunk(&chunk, " LAST", output);
                return true;
            }
        }
        false
    }

    /// Whether any of it may have been written.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self, Self::Ahead)
    }

    /// Whether all of it is in the output.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

fn write_chunk(chunk: &[u8], last: &str, output: &mut Output) {
    output.line(&format!("BDAT {}{last}", chunk.len()));
    output.buffer().extend_from_slice(chunk);
}
