//! Texts as words: those that a message has, and those that somebody looks for.
//!
//! A word is what stands between two characters that are neither letters nor digits, in the form of
//! [`rohrpost_mail::mime::find`]. One with umlauts is two words, one for each spelling. Very long ones (texts in
//! scripts without blanks, encoded data) are cut into pieces that overlap, so that any short part of them is whole in
//! one piece.

use std::collections::HashSet;

use rohrpost_mail::mime::{
    Scope,
    find::{Folder, Umlauts},
};

use crate::limits::{SEARCH_WORD_CHARS, SEARCH_WORDS_MAX};

/// Letters that a part of a word must have to be looked for in the index: three make its smallest unit.
const PART_CHARS_MIN: usize = 3;
/// Letters of a part that are looked for: as many as two pieces of a long word have in common.
const PART_CHARS_MAX: usize = SEARCH_WORD_CHARS / 2;

/// The words of a text that comes in pieces, each once.
#[derive(Debug)]
pub(crate) struct Words {
    forms: [(Folder, String); 2],
    pub(crate) found: HashSet<String>,
}

impl Words {
    pub(crate) fn new() -> Self {
        let form = |umlauts| (Folder::new(umlauts), String::new());
        Self { forms: [form(Umlauts::Plain), form(Umlauts::Spelled)], found: HashSet::new() }
    }

    pub(crate) fn push(&mut self, text: &str) {
        for (folder, folded) in &mut self.forms {
            folder.push(text, folded);
            let end = folded.rfind(|c: char| !c.is_alphanumeric()).unwrap_or(0);
            take(&folded[..end], &mut self.found);
            folded.drain(..end);
            if folded.len() > 16 * SEARCH_WORD_CHARS {
                take(folded, &mut self.found);
                // The next piece begins with as much as it must have in common with the last one.
                let kept = folded.char_indices().rev().nth(PART_CHARS_MAX).map_or(0, |(at, _)| at);
                folded.drain(..kept);
            }
        }
    }

    /// Ends the text.
    pub(crate) fn finish(mut self) -> HashSet<String> {
        for (_, folded) in &self.forms {
            take(folded, &mut self.found);
        }
        self.found
    }
}

fn take(text: &str, found: &mut HashSet<String>) {
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if found.len() >= SEARCH_WORDS_MAX {
            return;
        }
        if word.len() <= SEARCH_WORD_CHARS {
            if !found.contains(word) {
                found.insert(word.to_owned());
            }
        } else {
            let chars: Vec<char> = word.chars().collect();
            let pieces = chars.chunks(PART_CHARS_MAX).enumerate().map(|(at, _)| {
                let start = at * PART_CHARS_MAX;
                chars[start..chars.len().min(start + SEARCH_WORD_CHARS)].iter().collect::<String>()
            });
            found.extend(pieces);
        }
    }
}

/// What somebody looks for, as words.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) scope: Scope,
    /// Each is a way to spell the text: all its parts must be there.
    pub(crate) spellings: Vec<Vec<Part>>,
    exact: bool,
}

/// A part of what is looked for: a word, or some of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) text: String,
    /// Whether a word may have letters before it.
    open_before: bool,
    /// Whether a word may have letters behind it.
    open_behind: bool,
}

impl Query {
    pub(crate) fn new(text: &str, scope: Scope) -> Self {
        let plain = Folder::fold(text, Umlauts::Plain);
        let spelled = Folder::fold(text, Umlauts::Spelled);
        let is_word = plain.chars().count() <= PART_CHARS_MAX && plain.chars().all(char::is_alphanumeric);
        let mut spellings = vec![parts(&plain)];
        if spelled != plain {
            spellings.push(parts(&spelled));
        }
        Self { scope, spellings, exact: is_word }
    }

    /// Whether the index can narrow it down.
    pub(crate) fn is_useful(&self) -> bool {
        self.spellings.iter().all(|parts| !parts.is_empty())
    }

    /// Whether the index knows the answer: the text is one word, or a part of one.
    pub(crate) fn is_exact(&self) -> bool {
        self.exact
    }
}

impl Part {
    /// Whether a word has it where it must.
    pub(crate) fn fits(&self, word: &str) -> bool {
        // A piece of a long word ends anywhere.
        let is_long = word.chars().count() >= PART_CHARS_MAX;
        match (self.open_before || is_long, self.open_behind || is_long) {
            (true, true) => word.contains(&self.text),
            (true, false) => word.ends_with(&self.text),
            (false, true) => word.starts_with(&self.text),
            (false, false) => word == self.text,
        }
    }
}

/// The parts that are long enough to be looked for.
fn parts(folded: &str) -> Vec<Part> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in folded.split(|c: char| !c.is_alphanumeric()) {
        let end = at + word.len();
        let text: String = word.chars().take(PART_CHARS_MAX).collect();
        let open_behind = end == folded.len() || text.len() < word.len();
        if text.chars().count() >= PART_CHARS_MIN {
            found.push(Part { text, open_before: at == 0, open_behind });
        }
        at = end + folded[end..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pieces: &[&str]) -> Vec<String> {
        let mut words = Words::new();
        for piece in pieces {
            words.push(piece);
        }
        let mut found: Vec<String> = words.finish().into_iter().collect();
        found.sort();
        found
    }

    #[test]
    fn words_are_what_stands_between_other_signs() {
        assert_eq!(words(&["Ann's lunch-bo", "x: ann@here.test\r\n"]), ["ann", "box", "here", "lunch", "s", "test"]);
        assert_eq!(words(&["Mü", "ller, Straße"]), ["mueller", "muller", "strasse"]);
        assert_eq!(words(&["", "  ", "..."]), Vec::<String>::new());
    }

    #[test]
    fn every_short_part_of_a_long_word_is_whole_in_one_piece() {
        let long: String = (0..2_000_u32).filter_map(|at| char::from_u32(0x4e00 + at)).collect();
        for pieces in [vec![long.as_str()], long.split_inclusive(|c| u32::from(c) % 7 == 0).collect()] {
            let found = words(&pieces);
            let chars: Vec<char> = long.chars().collect();
            for part in chars.windows(PART_CHARS_MAX) {
                let part: String = part.iter().collect();
                assert!(found.iter().any(|word| word.contains(&part)), "{part}");
            }
        }
    }

    #[test]
    fn a_query_knows_where_words_may_go_on() {
        let part = |text: &str, open_before, open_behind| Part { text: text.to_owned(), open_before, open_behind };
        let query = |text| Query::new(text, Scope::Whole);
        assert_eq!(query("Lunch").spellings, [vec![part("lunch", true, true)]]);
        assert_eq!(
            query("the lunch at noon").spellings,
            [vec![part("the", true, false), part("lunch", false, false), part("noon", false, true)]]
        );
        assert_eq!(query("<lunch>").spellings, [vec![part("lunch", false, false)]]);
        assert_eq!(query("Müller").spellings, [vec![part("muller", true, true)], vec![part("mueller", true, true)]]);
        assert!(query("Lunch").is_exact() && !query("at noon").is_exact() && !query("<lunch>").is_exact());
        assert!(!query("a b").is_useful() && !query("").is_useful() && query("noon").is_useful());
    }
}
