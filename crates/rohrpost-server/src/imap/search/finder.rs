//! Looks for several texts in one message at once.

use rohrpost_imap::event::TextQuery;
use rohrpost_mail::mime::decode_words;

/// What is looked for in one message, and what was found.
pub(super) struct Finder {
    wanted: Vec<Wanted>,
    /// Octets of the longest text; so many less one may be the beginning of a match.
    octets_max: usize,
    /// The end of what was looked at, folded.
    tail: String,
}

struct Wanted {
    /// The text, folded.
    text: String,
    in_header: bool,
    is_found: bool,
}

impl Finder {
    /// Nothing is found yet but the empty text, which is everywhere.
    pub(super) fn new(queries: &[TextQuery]) -> Self {
        let wanted = queries.iter().map(|query| {
            let text = fold(&query.text);
            Wanted { is_found: text.is_empty(), text, in_header: query.with_header }
        });
        let wanted: Vec<_> = wanted.collect();
        let octets_max = wanted.iter().map(|wanted| wanted.text.len()).max().unwrap_or(0);
        Self { wanted, octets_max, tail: String::new() }
    }

    /// Looks at the header: encoded words (RFC 2047) are decoded.
    pub(super) fn look_at_header(&mut self, header: &[u8]) {
        if self.wanted.iter().any(|wanted| wanted.in_header) {
            let header = fold(&decode_words(header));
            self.mark(&header, |wanted| wanted.in_header);
        }
    }

    /// Looks at the next text of the body, and takes it.
    pub(super) fn look_at(&mut self, text: &mut String) {
        let mut seen = std::mem::take(&mut self.tail);
        seen.push_str(&fold(text));
        text.clear();
        self.mark(&seen, |_| true);
        let mut from = seen.len().saturating_sub(self.octets_max.saturating_sub(1));
        while !seen.is_char_boundary(from) {
            from -= 1;
        }
        seen.drain(..from);
        self.tail = seen;
    }

    /// Whether there is something that was not found yet.
    pub(super) fn is_looking(&self) -> bool {
        self.wanted.iter().any(|wanted| !wanted.is_found)
    }

    /// For each text whether it is in the message.
    pub(super) fn found(&self) -> impl Iterator<Item = bool> {
        self.wanted.iter().map(|wanted| wanted.is_found)
    }

    fn mark(&mut self, text: &str, concerns: impl Fn(&Wanted) -> bool) {
        for wanted in &mut self.wanted {
            if !wanted.is_found && concerns(wanted) {
                wanted.is_found = text.contains(&wanted.text);
            }
        }
    }
}

/// Without regard to case.
fn fold(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str, with_header: bool) -> TextQuery {
        TextQuery { with_header, text: text.to_owned() }
    }

    #[test]
    fn a_text_is_found_across_two_pieces_and_whatever_its_case() {
        let queries = [query("GRÜSSE aus", false), query("grüße", false), query("", false), query("aus Köl n", false)];
        let mut finder = Finder::new(&queries);
        for piece in ["Viele Grüs", "se", " aus Köln"] {
            finder.look_at(&mut piece.to_owned());
        }
        assert_eq!(finder.found().collect::<Vec<_>>(), [true, false, true, false]);
        assert!(finder.is_looking());
    }

    #[test]
    fn only_text_looks_into_the_header_and_sees_it_decoded() {
        let mut finder = Finder::new(&[query("grüße", true), query("grüße", false)]);
        finder.look_at_header(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n");
        assert_eq!(finder.found().collect::<Vec<_>>(), [true, false]);
    }
}
