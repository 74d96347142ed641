//! What a message is known again by: its Message-ID and a hash of its text.
//!
//! Copies of one message differ in what each way added to the header, so of that only the Message-ID counts; without one
//! the whole header does. The text counts without the line ends behind it, which an mbox file adds and takes away.

use rohrpost_mail::header;
use rohrpost_tls::crypto::Sha256;
use serde::{Deserialize, Serialize};

use super::limits::HEADER_BYTES_MAX;

/// Half a SHA-256, in hex: enough for as many messages as there will ever be.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Key(String);

impl Key {
    /// Of anything that names one message of a source for good.
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut whole = Sha256::default();
        whole.update(name);
        Self::from_digest(whole)
    }

    fn from_digest(digest: Sha256) -> Self {
        let half = digest.finish().first_chunk().copied().map(u128::from_be_bytes);
        Self(format!("{:032x}", half.expect("a digest has more than 16 octets")))
    }

    /// The same, for the copy numbered `copy` of what is there more than once.
    pub(crate) fn numbered(&self, copy: u64) -> Self {
        if copy == 0 { self.clone() } else { Self(format!("{}.{copy}", self.0)) }
    }
}

/// Reads a message in canonical form, portion by portion.
#[derive(Default)]
pub(crate) struct Sum {
    header: Vec<u8>,
    in_text: bool,
    /// Of all so far.
    all: Sha256,
    /// Of all up to the last octet that ends no line.
    trimmed: Sha256,
}

impl Sum {
    /// Takes the next octets.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        if self.in_text {
            return self.text(octets);
        }
        let looked_at = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(octets);
        let end = memchr::memmem::find(&self.header[looked_at..], b"\r\n\r\n").map(|at| looked_at + at + 4);
        if end.is_some() || self.header.len() >= HEADER_BYTES_MAX {
            self.end_header(end.unwrap_or(self.header.len()));
        }
    }

    /// What the message is known by.
    pub(crate) fn finish(mut self) -> Key {
        if !self.in_text {
            self.end_header(self.header.len());
        }
        Key::from_digest(self.trimmed)
    }

    fn end_header(&mut self, end: usize) {
        let whole = std::mem::take(&mut self.header);
        let (header, text) = whole.split_at(end);
        match header::value(header, "Message-ID") {
            Some(id) if !id.trim().is_empty() => self.all.update(id.trim().as_bytes()),
            _ => self.all.update(header),
        }
        self.all.update(b"\0");
        self.trimmed = self.all.clone();
        self.in_text = true;
        self.text(text);
    }

    fn text(&mut self, octets: &[u8]) {
        let ends_line = |octet: &u8| matches!(octet, b'\r' | b'\n');
        let Some(last) = octets.iter().rposition(|octet| !ends_line(octet)) else { return self.all.update(octets) };
        let (text, ends) = octets.split_at(last + 1);
        self.all.update(text);
        self.trimmed = self.all.clone();
        self.all.update(ends);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(message: &str, portion: usize) -> Key {
        let mut sum = Sum::default();
        message.as_bytes().chunks(portion).for_each(|octets| sum.push(octets));
        sum.finish()
    }

    #[test]
    fn a_copy_that_came_another_way_is_the_same_message() {
        let one = sum("Received: a\r\nMessage-ID: <1@here.test>\r\n\r\nHello\r\n", 1000);
        let other = sum("Delivered-To: b\r\nMessage-ID: <1@here.test>\r\nStatus: RO\r\n\r\nHello\r\n\r\n", 1000);
        assert_eq!(one, other);
        assert_ne!(one, sum("Message-ID: <1@here.test>\r\n\r\nHello\r\n-- \r\nThe list\r\n", 1000));
        assert_ne!(one, sum("Message-ID: <2@here.test>\r\n\r\nHello\r\n", 1000));
    }

    #[test]
    fn without_a_message_id_the_whole_header_counts() {
        assert_eq!(sum("Subject: a\r\n\r\nx", 9), sum("Subject: a\r\n\r\nx\r\n", 9));
        assert_ne!(sum("Subject: a\r\n\r\nx", 9), sum("Subject: b\r\n\r\nx", 9));
    }

    #[test]
    fn portions_do_not_matter() {
        let message = "Subject: a\r\nMessage-ID: <1@here.test>\r\n\r\n\r\n\r\nOne\r\n\r\nTwo\r\n\r\n";
        for portion in 1..message.len() {
            assert_eq!(sum(message, portion), sum(message, message.len()), "{portion}");
        }
        assert_eq!(sum("Subject: no text", 3), sum("Subject: no text", 100));
    }
}
