//! Finds a text in a text, as people would: whatever the case, the accents, the blanks, and the spelling of umlauts.
//!
//! Both are brought into one form, letter by letter, so that what is a substring stays one (RFC 9051 §6.4.4). There are
//! two such forms, and it is enough if one of them fits: `Müller` is found as `muller` and as `mueller`.

use memchr::memmem::Finder;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// What becomes of the umlauts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Umlauts {
    /// They lose their dots: `muller`.
    Plain,
    /// They are spelled with an e: `mueller`.
    Spelled,
}

/// Brings text that comes in pieces into one form.
///
/// ```
/// use rohrpost_mail::mime::find::{Folder, Umlauts};
///
/// assert_eq!(Folder::fold("Große  MÜLLEREI,\r\n Ångström", Umlauts::Plain), "grosse mullerei, angstrom");
/// assert_eq!(Folder::fold("Große MÜLLEREI", Umlauts::Spelled), "grosse muellerei");
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    umlauts: Umlauts,
    /// Whether the last character was a blank.
    after_blank: bool,
    /// The last letter, while dots may follow that make it an umlaut.
    vowel: bool,
}

impl Folder {
    /// Before the first piece.
    pub fn new(umlauts: Umlauts) -> Self {
        Self { umlauts, after_blank: false, vowel: false }
    }

    /// A whole text.
    pub fn fold(text: &str, umlauts: Umlauts) -> String {
        let mut out = String::with_capacity(text.len());
        Self::new(umlauts).push(text, &mut out);
        out
    }

    /// Appends the next piece in its form. Blanks and line ends side by side are one blank.
    pub fn push(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            if c.is_whitespace() {
                if !self.after_blank {
                    out.push(' ');
                }
                self.after_blank = true;
                continue;
            }
            self.after_blank = false;
            if c.is_ascii() {
                out.push(c.to_ascii_lowercase());
                self.vowel = is_vowel(c.to_ascii_lowercase());
            } else {
                self.push_other(c, out);
            }
        }
    }

    fn push_other(&mut self, c: char, out: &mut String) {
        match c {
            'ß' | 'ẞ' => out.push_str("ss"),
            'Æ' | 'æ' => out.push_str("ae"),
            'Œ' | 'œ' => out.push_str("oe"),
            'Ø' | 'ø' => self.push_umlaut('o', out),
            _ => decompose_compatible(c, |part| self.push_part(part, out)),
        }
    }

    fn push_part(&mut self, part: char, out: &mut String) {
        if part == '\u{308}' && self.vowel {
            if self.umlauts == Umlauts::Spelled {
                out.push('e');
            }
            self.vowel = false;
        } else if !is_combining_mark(part) && !is_invisible(part) {
            let before = out.len();
            out.extend(part.to_lowercase());
            self.vowel = out[before..].starts_with(is_vowel);
        }
    }

    fn push_umlaut(&mut self, vowel: char, out: &mut String) {
        out.push(vowel);
        self.vowel = true;
        self.push_part('\u{308}', out);
    }
}

/// Whether dots make it a German umlaut.
fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'o' | 'u')
}

/// Soft hyphens and the like, which stand inside words.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
}

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Needle {
    forms: Vec<(Umlauts, Finder<'static>)>,
}

impl Needle {
    /// The text to look for.
    pub fn new(text: &str) -> Self {
        let form = |umlauts| {
            let folded = Folder::fold(text, umlauts);
            (umlauts, Finder::new(folded.as_bytes()).into_owned())
        };
        let spelled = Folder::fold(text, Umlauts::Spelled);
        let has_umlaut = ["ae", "oe", "ue"].iter().any(|pair| spelled.contains(pair));
        let mut forms = vec![form(Umlauts::Plain)];
        // Without one of these, the other form finds nothing more.
        forms.extend(has_umlaut.then(|| form(Umlauts::Spelled)));
        Self { forms }
    }

    /// Whether a whole text has it.
    pub fn is_in(&self, text: &str) -> bool {
        let mut search = self.search();
        search.push(text);
        search.is_found()
    }

    /// Looks through a text that comes in pieces.
    pub fn search(&self) -> Search<'_> {
        let forms = self.forms.iter().map(|(umlauts, finder)| Form {
            finder,
            folder: Folder::new(*umlauts),
            folded: String::new(),
        });
        Search { found: self.forms[0].1.needle().is_empty(), forms: forms.collect() }
    }
}

/// A search in a text that comes in pieces.
#[derive(Clone, Debug)]
pub struct Search<'n> {
    forms: Vec<Form<'n>>,
    found: bool,
}

#[derive(Clone, Debug)]
struct Form<'n> {
    finder: &'n Finder<'static>,
    folder: Folder,
    /// The end of the text so far, in its form: as much as may begin what is looked for.
    folded: String,
}

impl Search<'_> {
    /// Looks at the next piece.
    pub fn push(&mut self, text: &str) {
        self.found = self.found || self.forms.iter_mut().any(|form| form.push(text));
    }

    /// Whether it has been found.
    pub fn is_found(&self) -> bool {
        self.found
    }
}

impl Form<'_> {
    fn push(&mut self, text: &str) -> bool {
        self.folder.push(text, &mut self.folded);
        let found = self.finder.find(self.folded.as_bytes()).is_some();
        let kept = self.folded.len().saturating_sub(self.finder.needle().len());
        let kept = self.folded.floor_char_boundary(kept);
        self.folded.drain(..kept);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_blanks_make_no_difference() {
        for (needle, text) in [
            ("", ""),
            ("LUNCH", "Where to lunch?"),
            ("at noon", "at\r\n  noon"),
            ("uche", "Bücher"),
            ("ueche", "Bücher"),
            ("bücher", "BUECHER"),
            ("bücher", "Bu\u{308}cher"),
            ("Strasse", "Hauptstraße"),
            ("straße", "STRASSE"),
            ("cafe", "Café"),
            ("Smörgås", "smorgas"),
            ("oe", "Smørrebrød"),
            ("rechnungsnummer", "Rech\u{ad}nungs\u{ad}nummer"),
            ("fi", "ﬁn"),
            ("прив", "Привет"),
            ("er", "neuer"),
        ] {
            assert!(Needle::new(needle).is_in(text), "{needle} in {text}");
        }
        for (needle, text) in [("lunch", "lunh"), ("muller", "Mueller"), ("a b", "ab"), ("x", "")] {
            assert!(!Needle::new(needle).is_in(text), "{needle} in {text}");
        }
    }

    #[test]
    fn a_text_may_be_cut_anywhere() {
        let (text, needle) = ("ein gro\u{308}ßeres Bücherregal", Needle::new("Grösseres buecher"));
        let letters: Vec<String> = text.chars().map(String::from).collect();
        for size in 1..letters.len() {
            let mut search = needle.search();
            letters.chunks(size).for_each(|piece| search.push(&piece.concat()));
            assert!(search.is_found(), "in pieces of {size}");
        }
    }
}
