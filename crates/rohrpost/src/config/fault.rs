//! What is wrong in a configuration file: which file, which line, which key, and what was expected there.
//!
//! Faults of syntax and type come from the TOML reader with a place in the text; faults of meaning come from
//! [`super::resolve`] with a key such as `listener[1].address`, whose place is looked up in the text.

use std::{fmt, io, ops::Range, path::PathBuf};

use toml::de::{DeTable, DeValue};

/// Where in the document a setting stands: `listener[1].auth.clear`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct KeyPath(Vec<Step>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// A key of the top table.
    pub(crate) fn key(name: &str) -> Self {
        Self::default().then(name)
    }

    /// The element `index` of the array of tables `name`.
    pub(crate) fn item(name: &str, index: usize) -> Self {
        Self::key(name).at(index)
    }

    /// The key `name` below this one.
    pub(crate) fn then(&self, name: &str) -> Self {
        self.with(Step::Key(name.to_owned()))
    }

    /// The element `index` of this array.
    pub(crate) fn at(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A fault of meaning, found after the file was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    /// The setting.
    pub(crate) key: KeyPath,
    /// What is wrong with it, and what was expected.
    pub(crate) message: String,
}

impl Fault {
    /// A fault at `key`.
    pub(crate) fn new(key: KeyPath, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It can be read, but not used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Located>),
}

/// A fault with its place in the text, printed as compilers do.
#[derive(Debug)]
pub(crate) struct Located {
    file: PathBuf,
    key: String,
    message: String,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    line: usize,
    text: String,
    marked: Range<usize>,
}

impl Located {
    /// The line it is in; those without a place come first.
    pub(crate) fn line(&self) -> usize {
        self.place.as_ref().map_or(0, |place| place.line)
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, ":{}", place.line)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        self.place.as_ref().map_or(Ok(()), |place| place.fmt(f))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let chars: Vec<char> = self.text.chars().collect();
        // Of a long line only the part around the mark: a terminal would break it, and the mark would point nowhere.
        let start =
            if chars.len() > EXCERPT_CHARS_MAX { self.marked.start.saturating_sub(EXCERPT_CHARS_MAX / 3) } else { 0 };
        let end = chars.len().min(start + EXCERPT_CHARS_MAX);
        let (marked_start, marked_end) = (self.marked.start.max(start), self.marked.end.min(end));
        let text: String = chars[start.min(end)..end].iter().collect();
        let (before, behind) = (if start > 0 { "… " } else { "" }, if end < chars.len() { " …" } else { "" });
        let blank = " ".repeat(marked_start - start + before.chars().count());
        let marks = "^".repeat(marked_end.saturating_sub(marked_start).max(1));
        write!(f, "\n {number} | {before}{text}{behind}\n {} | {blank}{marks}", " ".repeat(number.len()))
    }
}

/// Characters of a line that are shown.
const EXCERPT_CHARS_MAX: usize = 120;

/// Words in the names of settings whose values are shown to nobody. The settings themselves name files; but people write
/// the secret where they believe it belongs, and the error about it goes to terminals and logs.
const SECRETS: [&str; 4] = ["password", "passwd", "secret", "token"];

/// The line with each string behind such a name replaced by as many asterisks, so that marks stay where they are.
fn without_secrets(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('=') {
        let key = before.trim_end().trim_end_matches(['"', '\'']);
        let start = key.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let key = key[start..].to_lowercase();
        shown.push_str(before);
        shown.push('=');
        let is_secret = !key.ends_with("file") && SECRETS.iter().any(|word| key.contains(word));
        let value = behind.trim_start().chars().next().filter(|quote| is_secret && matches!(quote, '"' | '\''));
        let Some(quote) = value else {
            rest = behind;
            continue;
        };
        let open = behind.find(quote).map_or(0, |at| at + 1);
        let close = behind[open..].find(quote).map_or(behind.len(), |at| open + at);
        shown.push_str(&behind[..open]);
        shown.push_str(&"*".repeat(behind[open..close].chars().count()));
        rest = &behind[close..];
    }
    shown + rest
}

/// Finds the places of faults in the text of one file.
pub(crate) struct Locator<'a> {
    /// The file's name, for the messages.
    pub(crate) file: PathBuf,
    /// Its whole text.
    pub(crate) text: &'a str,
}

impl Locator<'_> {
    /// A fault that the TOML reader found.
    pub(crate) fn syntax(&self, error: &toml::de::Error) -> Located {
        let key = error.span().and_then(|span| self.key_at(&span)).unwrap_or_default();
        let place = error.span().map(|span| self.place(span));
        let message = plain(error.message());
        if let Some(missing) = message.strip_prefix("missing field ") {
            return self.missing(missing.trim_matches('"'), &key, place);
        }
        Located { file: self.file.clone(), key: key.to_string(), message, place }
    }

    /// A key that must be there. One of the top table is missing everywhere, and so has no place.
    fn missing(&self, name: &str, table: &KeyPath, place: Option<Place>) -> Located {
        let is_table = place.as_ref().is_some_and(|place| place.text.trim_start().starts_with('['));
        let (key, place) = if is_table { (table.then(name), place) } else { (KeyPath::key(name), None) };
        let message = "missing: it must be set; `rohrpost config sample` shows how".to_owned();
        Located { file: self.file.clone(), key: key.to_string(), message, place }
    }

    /// A fault of meaning.
    pub(crate) fn meaning(&self, fault: &Fault) -> Located {
        let place = self.span_of(&fault.key).map(|span| self.place(span));
        Located { file: self.file.clone(), key: fault.key.to_string(), message: fault.message.clone(), place }
    }

    /// The key whose value holds `span`, such as `listener[0].tls`.
    fn key_at(&self, span: &Range<usize>) -> Option<KeyPath> {
        let document = DeTable::parse(self.text).ok()?;
        let mut path = KeyPath::default();
        key_within(document.get_ref(), span, &mut path);
        Some(path)
    }

    /// Where the value of `key` stands; where it is missing, the nearest table around it.
    fn span_of(&self, key: &KeyPath) -> Option<Range<usize>> {
        let document = DeTable::parse(self.text).ok()?;
        let mut value: Option<&toml::Spanned<DeValue<'_>>> = None;
        for step in &key.0 {
            let next = match (step, value) {
                (Step::Key(key), None) => document.get_ref().get(key.as_str()),
                (Step::Key(key), Some(value)) => value.get_ref().get(key.as_str()),
                (Step::Index(index), Some(value)) => value.get_ref().get(*index),
                (Step::Index(_), None) => None,
            };
            match next {
                Some(next) => value = Some(next),
                None => break,
            }
        }
        value.map(toml::Spanned::span)
    }

    fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let columns = |at: usize| self.text[line_start..at.clamp(start, line_start + line.len())].chars().count();
        Place {
            line: self.text[..line_start].matches('\n').count() + 1,
            text: without_secrets(line),
            marked: columns(start)..columns(span.end),
        }
    }
}

/// The reader's message in the words of the file's author rather than of Rust.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("usize", "a whole number"),
        ("u64", "a whole number"),
        ("u32", "a whole number"),
        ("u16", "a whole number below 65536"),
        ("a boolean", "true or false"),
        ("a sequence", "a list"),
        ("a map", "a table"),
        ("borrowed string", "a string"),
        ("data did not match any variant of untagged enum OneOrMany", "expected a string or a list of strings"),
    ];
    let quoted = message.replace('`', "\"");
    WORDS.iter().fold(quoted, |text, (rust, plain)| text.replace(rust, plain))
}

/// Walks down to the innermost key around `span`; extends `path` by the steps taken.
fn key_within(table: &DeTable<'_>, span: &Range<usize>, path: &mut KeyPath) {
    for (key, value) in table {
        let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
        if holds(key.span()) || holds(value.span()) || is_around(value.get_ref(), span) {
            *path = path.then(key.get_ref());
            return value_within(value.get_ref(), span, path);
        }
    }
}

fn value_within(value: &DeValue<'_>, span: &Range<usize>, path: &mut KeyPath) {
    match value {
        DeValue::Table(table) => key_within(table, span, path),
        DeValue::Array(items) => {
            let holds = |item: &toml::Spanned<DeValue<'_>>| {
                item.span().start <= span.start && span.end <= item.span().end || is_around(item.get_ref(), span)
            };
            if let Some(index) = items.iter().position(holds) {
                *path = path.at(index);
                value_within(items[index].get_ref(), span, path);
            }
        }
        _ => {}
    }
}

/// Whether a value inside `value` holds `span`: the span of a `[table]` is its headline only.
fn is_around(value: &DeValue<'_>, span: &Range<usize>) -> bool {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    match value {
        DeValue::Table(table) => table
            .iter()
            .any(|(key, value)| holds(key.span()) || holds(value.span()) || is_around(value.get_ref(), span)),
        DeValue::Array(items) => items.iter().any(|item| holds(item.span()) || is_around(item.get_ref(), span)),
        _ => false,
    }
}
