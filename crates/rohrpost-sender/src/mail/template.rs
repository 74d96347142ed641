//! Mails from a template: one for each row of data.
//!
//! What is the same in all mails comes from a [`Builder`]; what differs is a text in the language of Jinja, such as
//! `Dear {{ name }}`. A variable that a row lacks is an error that names it, never an empty place in a letter.

use std::fmt;

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use super::{Addresses, BuildError, Builder, Mail, Unsubscribe};

/// A mail with places that are filled from rows.
///
/// ```
/// use rohrpost_sender::{Mail, Template};
///
/// #[derive(serde::Serialize)]
/// struct Row { name: &'static str, email: &'static str, number: u32 }
///
/// let template = Template::new(Mail::new().from(("Firma", "rechnung@firma.example")))
///     .to(("{{ name }}", "{{ email }}"))
///     .subject("Rechnung {{ number }}")
///     .text("Guten Tag {{ name }},\nanbei Rechnung {{ number }}.\n");
/// let rows = [Row { name: "Müller, Bob", email: "bob@kunde.example", number: 1 },
///             Row { name: "Cy", email: "cy@kunde.example", number: 2 }];
/// for mail in template.merge(rows)? {
///     let mail = mail?;
///     assert_eq!(mail.recipients().len(), 1);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A place that a row fills with nothing is left out: an empty cell stands for no copy, no file, no field. Only
/// [`to`](Self::to) has to name somebody each time.
///
/// Values are put into HTML with `<`, `>`, `&` and quotes written as entities. Filters and tests are those of Jinja, so
/// `{{ nick | default("customer") }}` says what stands for a variable that may be missing.
#[derive(Debug)]
pub struct Template {
    base: Builder,
    places: Vec<Place>,
    texts: Environment<'static>,
    sources: Vec<String>,
    faults: Vec<(&'static str, String)>,
}

/// A display name and an address with variables in them, or an address alone.
///
/// An address is always one address: what a row puts there cannot add another recipient.
#[derive(Clone, Debug)]
pub struct AddressTemplate {
    name: String,
    address: String,
}

impl From<&str> for AddressTemplate {
    fn from(address: &str) -> Self {
        Self { name: String::new(), address: address.to_owned() }
    }
}

impl From<String> for AddressTemplate {
    fn from(address: String) -> Self {
        Self { name: String::new(), address }
    }
}

impl<N: Into<String>, A: Into<String>> From<(N, A)> for AddressTemplate {
    fn from((name, address): (N, A)) -> Self {
        Self { name: name.into(), address: address.into() }
    }
}

/// A verb of the builder, with the texts that it is given; texts are numbered as they were added.
#[derive(Debug)]
enum Place {
    Address { verb: &'static str, add: fn(Builder, Addresses) -> Builder, name: usize, address: usize },
    Text { verb: &'static str, add: fn(Builder, String) -> Builder, text: usize },
    Header { name: String, text: usize },
}

impl Template {
    /// Starts from what all mails have in common.
    pub fn new(base: Builder) -> Self {
        let mut texts = Environment::new();
        texts.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        texts.set_syntax(syntax.expect("the delimiters are the usual ones"));
        // Errors say where in the text they happened, so that the variable can be named.
        texts.set_debug(true);
        Self { base, places: Vec::new(), texts, sources: Vec::new(), faults: Vec::new() }
    }

    /// Who gets it: one more address.
    #[must_use]
    pub fn to(self, recipient: impl Into<AddressTemplate>) -> Self {
        self.address("to", Builder::to, &recipient.into())
    }

    /// Who gets a copy: one more address.
    #[must_use]
    pub fn cc(self, recipient: impl Into<AddressTemplate>) -> Self {
        self.address("cc", Builder::cc, &recipient.into())
    }

    /// Who gets a copy without the others seeing it: one more address.
    #[must_use]
    pub fn bcc(self, recipient: impl Into<AddressTemplate>) -> Self {
        self.address("bcc", Builder::bcc, &recipient.into())
    }

    /// The subject.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.text_of("subject", Builder::subject, subject)
    }

    /// The text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.text_of("text", Builder::text, text)
    }

    /// The text as HTML.
    #[must_use]
    pub fn html(self, html: &str) -> Self {
        self.text_of("html", Builder::html, html)
    }

    /// Another field of the header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let text = self.add_text("header", value);
        self.places.push(Place::Header { name: name.to_owned(), text });
        self
    }

    /// The path of a file to be saved. Rows choose which file of this host is sent: take them from where you would take
    /// the paths themselves.
    #[must_use]
    pub fn attach(self, path: &str) -> Self {
        self.text_of("attach", Builder::attach, path)
    }

    /// The `https:` address that takes this receiver off the list with one click (RFC 8058).
    #[must_use]
    pub fn list_unsubscribe(self, uri: &str) -> Self {
        self.text_of("list_unsubscribe", |mail, uri| mail.list_unsubscribe(Unsubscribe::one_click(uri)), uri)
    }

    /// One mail for each row, made as it is asked for: memory does not grow with their number. A row that makes no mail
    /// is an error in its place, and the ones after it still come.
    ///
    /// # Errors
    /// The template itself is wrong.
    pub fn merge<R>(&self, rows: R) -> Result<Merge<'_, R::IntoIter>, BuildError>
    where
        R: IntoIterator,
        R::Item: Serialize,
    {
        if self.faults.is_empty() {
            Ok(Merge { template: self, rows: rows.into_iter(), row: 0 })
        } else {
            Err(BuildError { faults: self.faults.clone() })
        }
    }

    fn address(
        mut self,
        verb: &'static str,
        add: fn(Builder, Addresses) -> Builder,
        recipient: &AddressTemplate,
    ) -> Self {
        let (name, address) = (self.add_text(verb, &recipient.name), self.add_text(verb, &recipient.address));
        self.places.push(Place::Address { verb, add, name, address });
        self
    }

    fn text_of(mut self, verb: &'static str, add: fn(Builder, String) -> Builder, text: &str) -> Self {
        let text = self.add_text(verb, text);
        self.places.push(Place::Text { verb, add, text });
        self
    }

    /// Compiles a text and gives its number.
    fn add_text(&mut self, verb: &'static str, text: &str) -> usize {
        let number = self.sources.len();
        self.sources.push(text.to_owned());
        if let Err(error) = self.texts.add_template_owned(file_name(number, verb), text.to_owned()) {
            self.faults.push((verb, reason(&error, text)));
        }
        number
    }

    fn fill<S: Serialize>(&self, row: S) -> Result<Mail, BuildError> {
        let row = Value::from(Serde(row));
        let mut faults = Vec::new();
        let mut filled = |number: usize, verb: &'static str| {
            let rendered = self.texts.get_template(&file_name(number, verb)).and_then(|text| text.render(row.clone()));
            rendered.map_err(|error| faults.push((verb, reason(&error, &self.sources[number])))).ok()
        };
        let mut mail = self.base.clone();
        for place in &self.places {
            mail = match place {
                Place::Address { verb, add, name, address } => match (filled(*name, verb), filled(*address, verb)) {
                    (Some(name), Some(address)) if *verb == "to" || is_something(&address) => {
                        add(mail, (name, address).into())
                    }
                    _ => mail,
                },
                Place::Text { verb, add, text } => match filled(*text, verb).filter(|text| is_something(text)) {
                    Some(text) => add(mail, text),
                    None => mail,
                },
                Place::Header { name, text } => match filled(*text, "header").filter(|text| is_something(text)) {
                    Some(value) => mail.header(name, value),
                    None => mail,
                },
            };
        }
        if faults.is_empty() { mail.build() } else { Err(BuildError { faults }) }
    }
}

/// An empty cell says that there is nothing.
fn is_something(text: &str) -> bool {
    !text.trim().is_empty()
}

/// The name of a text within the environment, whose ending switches the escaping of values on for HTML.
fn file_name(number: usize, verb: &str) -> String {
    format!("{number}.{}", if verb == "html" { "html" } else { "txt" })
}

/// What went wrong in a text, in words that name the variable.
fn reason(error: &minijinja::Error, text: &str) -> String {
    let place = error.range().and_then(|range| text.get(range)).map(str::trim);
    match (error.kind(), place) {
        (ErrorKind::UndefinedError, Some(place)) => format!("the row has no `{place}`"),
        (kind, place) => {
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            let place = place.map(|place| format!(" at `{place}`")).unwrap_or_default();
            let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
            format!("{kind}{detail}{place}{line}")
        }
    }
}

/// The mails of a template, row by row: [`Template::merge`].
pub struct Merge<'t, R> {
    template: &'t Template,
    rows: R,
    row: u64,
}

impl<R: Iterator<Item: Serialize>> Iterator for Merge<'_, R> {
    type Item = Result<Mail, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        self.row += 1;
        Some(self.template.fill(row).map_err(|error| RowError { row: self.row, error }))
    }
}

impl<R> fmt::Debug for Merge<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("row", &self.row).finish_non_exhaustive()
    }
}

/// A row that makes no mail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("row {row}: {error}")]
#[non_exhaustive]
pub struct RowError {
    /// Which one, counted from 1.
    pub row: u64,
    /// What is wrong with it.
    #[source]
    pub error: BuildError,
}
