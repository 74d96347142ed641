//! The words of a page of HTML.
//!
//! This is no browser: tags go, scripts, styles and comments with what is in them, blocks become lines, blanks one blank.
//! Nothing is nested here, so nothing can be nested too deep, and what is never closed hides the rest of the page.

mod entities;

/// Octets of the name of a tag that are looked at; no known one is longer.
const NAME_OCTETS_MAX: usize = 16;
/// Octets of a character reference. The longest known one has eight.
const ENTITY_OCTETS_MAX: usize = 12;

/// Elements whose content is no text to read.
const HIDDEN: [&str; 4] = ["script", "style", "title", "template"];
/// Elements that end a line.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "tr",
    "ul",
];
/// Elements that stand beside one another.
const CELLS: [&str; 2] = ["td", "th"];

/// Takes a page in pieces and hands out its text.
#[derive(Debug, Default)]
pub(super) struct Stripper {
    state: State,
    /// Name of the tag, or of the character reference, that is being read.
    name: String,
    /// The element whose content is passed over.
    hidden: Option<&'static str>,
    gap: Gap,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// ```text
    /// Text ─ < ─▶ Tag ─ blank ─▶ Attributes ─ " ─▶ Quoted
    ///   │          └─ !-- ─▶ Comment
    ///   └─── & ─▶ Entity
    /// ```
    #[default]
    Text,
    Entity,
    Tag,
    Attributes,
    Quoted(char),
    /// And how many dashes came last.
    Comment(u8),
}

/// What is between the last word and the next one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Gap {
    /// No text came yet.
    #[default]
    Start,
    None,
    Blank,
    Line,
}

impl Stripper {
    /// Takes the next piece of the page.
    pub(super) fn push(&mut self, page: &str, out: &mut String) {
        for c in page.chars() {
            self.take(c, out);
        }
    }

    /// Hands out what the end of the page leaves over.
    pub(super) fn finish(&mut self, out: &mut String) {
        if self.state == State::Entity {
            self.end_entity(out);
        }
    }

    fn take(&mut self, c: char, out: &mut String) {
        match self.state {
            State::Text => match c {
                '<' => self.begin(State::Tag),
                '&' => self.begin(State::Entity),
                c => self.text(c, out),
            },
            State::Entity => self.take_entity(c, out),
            State::Tag => self.take_tag(c, out),
            State::Attributes => match c {
                '>' => self.state = State::Text,
                '"' | '\'' => self.state = State::Quoted(c),
                _ => {}
            },
            State::Quoted(quote) if c == quote => self.state = State::Attributes,
            State::Quoted(_) => {}
            State::Comment(dashes) => {
                self.state = match c {
                    '-' => State::Comment(dashes.saturating_add(1)),
                    '>' if dashes >= 2 => State::Text,
                    _ => State::Comment(0),
                }
            }
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.name.clear();
    }

    fn take_tag(&mut self, c: char, out: &mut String) {
        let may_follow = match self.name.as_bytes() {
            [] => c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'),
            [b'!' | b'?', ..] => true,
            _ => !matches!(c, '<'),
        };
        let starts_end_of_hidden = self.hidden.is_none() || self.name.starts_with('/') || c == '/';
        if !may_follow || !starts_end_of_hidden {
            self.end_text_like_tag(c, out);
        } else if c == '>' || c.is_ascii_whitespace() || c == '/' && !self.name.is_empty() {
            self.state = if c == '>' { State::Text } else { State::Attributes };
            self.end_name();
        } else {
            if self.name.len() < NAME_OCTETS_MAX {
                self.name.push(c.to_ascii_lowercase());
            }
            if self.name == "!--" {
                self.state = State::Comment(0);
            }
        }
    }

    /// A sign that begins no tag is a letter, with what came after it.
    fn end_text_like_tag(&mut self, c: char, out: &mut String) {
        self.state = State::Text;
        let name = std::mem::take(&mut self.name);
        self.text('<', out);
        name.chars().for_each(|c| self.text(c, out));
        self.take(c, out);
    }

    /// The name of a tag is known.
    fn end_name(&mut self) {
        let (is_end, name) = self.name.strip_prefix('/').map_or((false, self.name.as_str()), |name| (true, name));
        if self.hidden.is_some() {
            if is_end && self.hidden == Some(name) {
                self.hidden = None;
            }
            return;
        }
        if !is_end {
            self.hidden = HIDDEN.into_iter().find(|hidden| *hidden == name);
        }
        if BLOCKS.contains(&name) {
            self.widen(Gap::Line);
        } else if CELLS.contains(&name) {
            self.widen(Gap::Blank);
        }
    }

    fn take_entity(&mut self, c: char, out: &mut String) {
        if self.name.len() < ENTITY_OCTETS_MAX && (c.is_ascii_alphanumeric() || c == '#' && self.name.is_empty()) {
            self.name.push(c);
            return;
        }
        let is_known = self.end_entity(out);
        if !(c == ';' && is_known) {
            self.take(c, out);
        }
    }

    /// Writes the character that is meant, or what is written; says which.
    fn end_entity(&mut self, out: &mut String) -> bool {
        self.state = State::Text;
        let name = std::mem::take(&mut self.name);
        let found = entities::character(&name);
        match found {
            Some(c) => self.text(c, out),
            None => std::iter::once('&').chain(name.chars()).for_each(|c| self.text(c, out)),
        }
        self.name = name;
        found.is_some()
    }

    fn text(&mut self, c: char, out: &mut String) {
        if self.hidden.is_some() {
            return;
        }
        match c {
            // They have no width: pages are padded with them, and words hyphenated.
            '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{200c}' | '\u{feff}' => {}
            c if c.is_whitespace() => self.widen(Gap::Blank),
            c => {
                match self.gap {
                    Gap::Start | Gap::None => {}
                    Gap::Blank => out.push(' '),
                    Gap::Line => out.push('\n'),
                }
                self.gap = Gap::None;
                out.push(c);
            }
        }
    }

    fn widen(&mut self, gap: Gap) {
        if self.gap != Gap::Start {
            self.gap = self.gap.max(gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, however the page is cut.
    fn text(page: &str) -> String {
        let run = |size: usize| {
            let (mut stripper, mut out) = (Stripper::default(), String::new());
            let chars: Vec<char> = page.chars().collect();
            for piece in chars.chunks(size) {
                stripper.push(&piece.iter().collect::<String>(), &mut out);
            }
            stripper.finish(&mut out);
            out
        };
        assert_eq!(run(1), run(1_000_000));
        run(3)
    }

    #[test]
    fn a_page_becomes_its_words() {
        assert_eq!(
            text(
                "<!DOCTYPE html><html><head><title>T</title><style>p > a { x: '<b>' }</style></head>\r\n<body class='a>b'>\
                 <h1>Gr&uuml;&szlig;e</h1><p>Hello <b>wor</b>ld,&nbsp; &#8364;5 &#x20AC;6\r\n<br/>second</p>\
                 <table><tr><td>a</td><td>b</td></tr></table><!-- <p>gone --> -- ></body></html>"
            ),
            "Grüße\nHello world, €5 €6\nsecond\na b\n-- >"
        );
    }

    #[test]
    fn scripts_end_where_they_end() {
        assert_eq!(text("a<script>if (a<b) '</p>'; x</ script></script>b"), "ab");
        assert_eq!(text("a<style>never closed"), "a");
        assert_eq!(text("a<STYLE\ntype=x>p{}</sTyLe >b"), "ab");
    }

    #[test]
    fn what_is_no_tag_is_text() {
        assert_eq!(text("1 < 2 &lt;b&gt; a<3 <<b>x</b> & &; &unknown; &amp"), "1 < 2 <b> a<3 <x & &; &unknown; &");
        assert_eq!(text("&#0;&#xd800;&#99999999;"), "&#0;&#xd800;&#99999999;");
    }

    #[test]
    fn a_hundred_thousand_tags_take_no_memory() {
        assert_eq!(text(&"<div>".repeat(100_000)), "");
        assert_eq!(text(&"<b>x".repeat(1_000)).len(), 1_000);
    }
}
