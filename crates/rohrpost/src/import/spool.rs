//! One message on its way from a source to the store: brought into canonical form, in memory or, where it is long, in a
//! temporary file without a name.
//!
//! The canonical form is that of the store: each line ends with CRLF. A CR or LF that stands alone becomes CRLF. A NUL,
//! which no mailbox protocol can carry (RFC 9051 §4.3.1), is left out, and that is said.

use std::io::{self, Read, Seek, Write};

use tempfile::SpooledTempFile;

use super::{
    limits::{HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, SPOOL_BYTES_MAX},
    sum::{Key, Sum},
};

/// Takes a message in.
pub(crate) struct Spool {
    file: SpooledTempFile,
    octets: u64,
    /// A CR whose LF may still come.
    cr: bool,
    nuls: u64,
    header: Header,
    sum: Sum,
    clean: Vec<u8>,
}

/// The start of a message, up to the end of its header.
#[derive(Default)]
struct Header {
    octets: Vec<u8>,
    is_whole: bool,
}

/// A message, whole.
#[derive(Debug)]
pub(crate) struct Letter {
    file: SpooledTempFile,
    /// Octets in canonical form.
    pub(crate) octets: u64,
    /// NULs that were left out.
    pub(crate) nuls: u64,
    /// Its header, as far as it is looked at.
    pub(crate) header: Vec<u8>,
    /// What it is known again by.
    pub(crate) key: Key,
}

impl Spool {
    pub(crate) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(SPOOL_BYTES_MAX),
            octets: 0,
            cr: false,
            nuls: 0,
            header: Header::default(),
            sum: Sum::default(),
            clean: Vec::new(),
        }
    }

    /// Takes the next octets.
    ///
    /// # Errors
    /// The temporary file cannot be written, or the message is longer than [`MESSAGE_BYTES_MAX`].
    pub(crate) fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut clean = std::mem::take(&mut self.clean);
        clean.clear();
        self.canonical(octets, &mut clean);
        let written = self.write(&clean);
        self.clean = clean;
        written
    }

    /// Ends the message.
    pub(crate) fn finish(mut self) -> io::Result<Letter> {
        if self.cr {
            self.write(b"\r\n")?;
        }
        self.file.rewind()?;
        let Self { file, octets, nuls, header, sum, .. } = self;
        Ok(Letter { file, octets, nuls, header: header.octets, key: sum.finish() })
    }

    fn canonical(&mut self, mut octets: &[u8], clean: &mut Vec<u8>) {
        if self.cr && octets.first().is_some_and(|first| *first != b'\n') {
            clean.extend_from_slice(b"\r\n");
            self.cr = false;
        }
        while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, octets) {
            clean.extend_from_slice(&octets[..at]);
            let next = octets.get(at + 1).copied();
            match octets[at] {
                0 => self.nuls += 1,
                b'\n' => clean.extend_from_slice(b"\r\n"),
                _ if next == Some(b'\n') => {}
                _ if next.is_none() => self.cr = true,
                _ => clean.extend_from_slice(b"\r\n"),
            }
            if octets[at] == b'\n' {
                self.cr = false;
            }
            octets = &octets[at + 1..];
        }
        clean.extend_from_slice(octets);
    }

    fn write(&mut self, clean: &[u8]) -> io::Result<()> {
        self.octets += clean.len() as u64;
        if self.octets > MESSAGE_BYTES_MAX {
            return Err(io::Error::other(format!("it is longer than {} MiB", MESSAGE_BYTES_MAX >> 20)));
        }
        self.header.push(clean);
        self.sum.push(clean);
        self.file.write_all(clean)
    }
}

impl Header {
    fn push(&mut self, clean: &[u8]) {
        if self.is_whole {
            return;
        }
        let looked_at = self.octets.len().saturating_sub(3);
        let room = HEADER_BYTES_MAX - self.octets.len();
        self.octets.extend_from_slice(&clean[..clean.len().min(room)]);
        if let Some(end) = memchr::memmem::find(&self.octets[looked_at..], b"\r\n\r\n") {
            self.octets.truncate(looked_at + end + 4);
            self.is_whole = true;
        }
        self.is_whole |= self.octets.len() == HEADER_BYTES_MAX;
    }
}

impl Letter {
    /// The next octets, at most `octets_max`; none at the end.
    pub(crate) fn piece(&mut self, octets_max: u64) -> io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        (&mut self.file).take(octets_max).read_to_end(&mut piece)?;
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(message: &[u8], portion: usize) -> (Vec<u8>, Letter) {
        let mut spool = Spool::new();
        message.chunks(portion).for_each(|octets| spool.push(octets).unwrap());
        let mut letter = spool.finish().unwrap();
        let octets = letter.piece(u64::MAX).unwrap();
        assert_eq!(octets.len() as u64, letter.octets);
        (octets, letter)
    }

    #[test]
    fn every_line_ends_with_crlf_however_the_octets_come() {
        let message = b"A: 1\nB: 2\r\n\nOne\rTwo\r\r\nThree\0\n\r";
        for portion in 1..=message.len() {
            let (octets, letter) = through(message, portion);
            assert_eq!(octets, b"A: 1\r\nB: 2\r\n\r\nOne\r\nTwo\r\n\r\nThree\r\n\r\n", "{portion}");
            assert_eq!((letter.header.as_slice(), letter.nuls), (&b"A: 1\r\nB: 2\r\n\r\n"[..], 1));
        }
    }

    #[test]
    fn a_long_message_goes_through_a_file() {
        let message = [b"A: 1\r\n\r\n".as_slice(), &b"x".repeat(3 * SPOOL_BYTES_MAX), b"\r\n"].concat();
        let (octets, letter) = through(&message, 100_000);
        assert!(octets == message);
        assert_eq!(letter.header, b"A: 1\r\n\r\n");
    }
}
