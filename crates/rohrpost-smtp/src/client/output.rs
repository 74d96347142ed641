//! What waits to be written.

use super::transcript::Transcript;

/// Octets of room that stay between two messages: enough for most, so that they cost no allocation.
const KEPT_BYTES: usize = 16 * 1024;

/// Octets for the peer, in order, with a mark up to where they are written.
#[derive(Debug, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    written: usize,
    /// What was said, where somebody wants to know.
    pub(super) transcript: Option<Transcript>,
}

impl Output {
    /// Empty, with or without a transcript.
    pub(super) fn new(has_transcript: bool) -> Self {
        Self { transcript: has_transcript.then(Transcript::default), ..Self::default() }
    }

    /// Where to append.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Appends a line, adding its end. The callers build it from types that hold no line break.
    pub(super) fn line(&mut self, line: &str) {
        self.masked(line, line);
    }

    /// The same for a line with a secret in it: `shown` stands in the transcript instead.
    pub(super) fn masked(&mut self, line: &str, shown: &str) {
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.extend_from_slice(b"\r\n");
        self.note(|transcript| transcript.client(shown));
    }

    /// Appends commands, each with its line end.
    pub(super) fn commands(&mut self, commands: &str) {
        self.buffer.extend_from_slice(commands.as_bytes());
        self.note(|transcript| commands.lines().for_each(|line| transcript.client(line)));
    }

    /// Adds to the transcript, if there is one.
    pub(super) fn note(&mut self, add: impl FnOnce(&mut Transcript)) {
        self.transcript.as_mut().map(add);
    }

    /// The octets that are not written yet.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.buffer[self.written..]
    }

    /// Takes note that the first `count` of them are.
    pub(super) fn advance(&mut self, count: usize) {
        self.written = (self.written + count).min(self.buffer.len());
        if self.written == self.buffer.len() {
            self.buffer.clear();
            self.written = 0;
        }
    }

    /// Forgets what is not written: the connection is gone.
    pub(super) fn clear(&mut self) {
        self.buffer = Vec::new();
        self.written = 0;
    }

    /// Gives back what a large message took, so that a connection which waits for the next one is small.
    pub(super) fn release(&mut self) {
        self.buffer.shrink_to(KEPT_BYTES);
    }
}
