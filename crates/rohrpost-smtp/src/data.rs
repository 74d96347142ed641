//! What follows DATA (RFC 5321 §4.1.1.4): the message, transparent dots removed, up to CRLF `.` CRLF.
//!
//! Only that ends it, whatever the client and wherever it comes from. The reader takes no octet beyond the end mark.
//!
//! ```
//! use rohrpost_smtp::data::Reader;
//!
//! let mut reader = Reader::new(1_000);
//! let read = reader.read(b"Subject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
//! assert!(read.ended);
//! assert_eq!(&read.body[..], b"Subject: hi\r\n\r\n.dot\r\n");
//! assert_eq!(read.taken, 25);
//! ```

use bytes::{Bytes, BytesMut};

pub use crate::content::ContentError;
use crate::content::{Content, Framing};

/// Reads one message.
#[derive(Debug)]
pub struct Reader(Content);

/// What a reader made of the octets it was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read {
    /// Octets that belong to the message or its end mark.
    pub taken: usize,
    /// The message: no transparency dots, CRLF line ends only. Nothing from behind an error.
    pub body: Bytes,
    /// Whether the end was found, and nothing more is to be read.
    pub ended: bool,
}

impl Reader {
    /// A message of at most `size_max` octets.
    pub fn new(size_max: u64) -> Self {
        Self(Content::new(Framing::Dots, size_max))
    }

    /// Takes octets up to the end mark, all of them where it is not among them.
    pub fn read(&mut self, input: &[u8]) -> Read {
        let mut body = BytesMut::with_capacity(if self.0.error().is_some() { 0 } else { input.len() });
        let progress = self.0.read(input, &mut body);
        Read { taken: progress.taken, body: body.freeze(), ended: progress.ended }
    }

    /// Octets of the message so far.
    pub fn octets(&self) -> u64 {
        self.0.octets()
    }

    /// The first rule that was broken: no body is handed out any more, but the message is read to its end.
    pub fn error(&self) -> Option<ContentError> {
        self.0.error()
    }

    /// Whether a CR or LF stood alone and became CRLF.
    pub fn bare_newline(&self) -> bool {
        self.0.has_bare_newline()
    }
}
