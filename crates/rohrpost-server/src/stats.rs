//! What the servers count, as plain atomics: whoever shows metrics reads them.

use std::sync::atomic::{AtomicU64, Ordering};

use rohrpost_tls::TlsError;

/// One number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Reads.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of a fixed set of words.
#[derive(Debug)]
pub struct ByWord {
    words: &'static [&'static str],
    counts: Box<[Counter]>,
}

impl ByWord {
    /// All zero. The last word also counts what is none of them.
    pub fn new(words: &'static [&'static str]) -> Self {
        Self { words, counts: words.iter().map(|_| Counter::default()).collect() }
    }

    /// Adds one to a word.
    pub fn increment(&self, word: &str) {
        let place = self.words.iter().position(|known| *known == word);
        if let Some(counter) = self.counts.get(place.unwrap_or(self.words.len().saturating_sub(1))) {
            counter.increment();
        }
    }

    /// Words and their counts.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.words.iter().copied().zip(self.counts.iter().map(Counter::get))
    }
}

/// How sessions end.
pub const CLOSES: &[&str] = &[
    "quit",
    "lost",
    "timed-out",
    "errors",
    "guessing",
    "messages",
    "not-smtp",
    "not-imap",
    "not-pop3",
    "early-talker",
    "injection",
    "bare-newline",
    "bad-chunk",
    "mailbox-gone",
    "broken",
    "refused",
    "shut-down",
    "other",
];

/// The word for a handshake that the peer left unfinished for [`crate::limits::HANDSHAKE_TIMEOUT`].
pub(crate) const HANDSHAKE_TIMED_OUT: &str = "timeout";

/// Why handshakes fail: that word, then those of the TLS library.
static TLS_FAILURES: [&str; TlsError::REASONS.len() + 1] = {
    let mut words = [HANDSHAKE_TIMED_OUT; TlsError::REASONS.len() + 1];
    let (_, reasons) = words.split_at_mut(1);
    reasons.copy_from_slice(&TlsError::REASONS);
    words
};

/// The counters of all listeners.
#[derive(Debug)]
pub struct Stats {
    /// Connections that came in.
    pub connections: Counter,
    /// Connections that ended; the difference is what is open.
    pub closed: Counter,
    /// Why sessions ended.
    pub closes: ByWord,
    /// Times that an accept loop paused for want of descriptors.
    pub accept_pauses: Counter,
    /// TLS handshakes done.
    pub tls_handshakes: Counter,
    /// TLS handshakes failed, by reason.
    pub tls_failures: ByWord,
    /// Log-ins that were right.
    pub logins: Counter,
    /// Log-ins that were wrong.
    pub login_failures: Counter,
    /// Log-ins that were not tried because of too many failures.
    pub logins_locked: Counter,
    /// Messages stored.
    pub messages: Counter,
    /// Their octets.
    pub octets: Counter,
    /// Their recipients.
    pub recipients: Counter,
    /// Refusals of connections, senders, recipients and messages, by [`rohrpost_intake::Refusal::word`].
    pub refusals: ByWord,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            connections: Counter::default(),
            closed: Counter::default(),
            closes: ByWord::new(CLOSES),
            accept_pauses: Counter::default(),
            tls_handshakes: Counter::default(),
            tls_failures: ByWord::new(&TLS_FAILURES),
            logins: Counter::default(),
            login_failures: Counter::default(),
            logins_locked: Counter::default(),
            messages: Counter::default(),
            octets: Counter::default(),
            recipients: Counter::default(),
            refusals: ByWord::new(rohrpost_intake::Refusal::WORDS),
        }
    }
}

impl Stats {
    /// Sessions that are open now.
    pub fn open(&self) -> u64 {
        self.connections.get().saturating_sub(self.closed.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_counts_as_the_last() {
        let counts = ByWord::new(&["a", "other"]);
        for word in ["a", "a", "b"] {
            counts.increment(word);
        }
        assert_eq!(counts.all().collect::<Vec<_>>(), [("a", 2), ("other", 1)]);
    }
}
