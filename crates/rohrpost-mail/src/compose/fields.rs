//! The fields on top of a message, as they are written: folded, encoded, and with no way to slip in another field.
//!
//! Reading fields is the business of [`header`](crate::header).

use std::borrow::Cow;

use crate::{
    address_list::{Address, NameAddr},
    encode::{fold, phrase_words, text_words},
    header::HeaderText,
};

/// Octets a field's name may have, so that with the longest word a line still has less than 998.
const NAME_BYTES_MAX: usize = 76;

/// The name of a field: visible ASCII without a colon (RFC 5322 §2.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FieldName(Cow<'static, str>);

/// The text is no name of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the name of a field is 1 to {NAME_BYTES_MAX} visible ASCII characters without a colon")]
pub struct FieldNameError;

impl FieldName {
    /// A name that stands in a program.
    ///
    /// # Panics
    /// When it is none; in a `const` that is an error of the compiler.
    pub const fn known(name: &'static str) -> Self {
        assert!(is_field_name(name.as_bytes()), "not the name of a field");
        Self(Cow::Borrowed(name))
    }

    /// Takes a name that somebody chose.
    pub fn new(name: &str) -> Result<Self, FieldNameError> {
        if is_field_name(name.as_bytes()) { Ok(Self(Cow::Owned(name.to_owned()))) } else { Err(FieldNameError) }
    }

    /// The name, without the colon.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

const fn is_field_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !name[at].is_ascii_graphic() || name[at] == b':' {
            return false;
        }
        at += 1;
    }
    !name.is_empty() && name.len() <= NAME_BYTES_MAX
}

/// Fields in the order in which they were added.
///
/// ```
/// use rohrpost_mail::{HeaderText, compose::{FieldName, Fields}};
///
/// let mut fields = Fields::default();
/// fields.text(&FieldName::known("Subject"), &HeaderText::new("Grüße")?);
/// assert_eq!(fields.as_str(), "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n");
/// # Ok::<(), rohrpost_mail::HeaderTextError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields(String);

impl Fields {
    /// Text that people read, such as a subject: encoded where it must be (RFC 2047).
    pub fn text(&mut self, name: &FieldName, value: &HeaderText) {
        self.words(name, text_words(value.as_str()));
    }

    /// Addresses with their display names, and groups of them.
    pub fn addresses(&mut self, name: &FieldName, list: &[Address]) {
        let mut words = Vec::new();
        for (place, address) in list.iter().enumerate() {
            let end = if place + 1 == list.len() { "" } else { "," };
            match address {
                Address::Single(single) => push_address(&mut words, single, end),
                Address::Group { name, members } => push_group(&mut words, name, members, end),
            }
        }
        self.words(name, words);
    }

    /// Tokens that programs read, such as message ids: as they are, folded only between them.
    pub fn tokens<'a>(&mut self, name: &FieldName, tokens: impl IntoIterator<Item = &'a HeaderText>) {
        self.words(name, tokens.into_iter().map(|token| Cow::Borrowed(token.as_str())));
    }

    /// The fields, each with its CRLF. ASCII, unless an address or a token is not.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn words<'a>(&mut self, name: &FieldName, words: impl IntoIterator<Item = Cow<'a, str>>) {
        let name = name.as_str();
        let value = fold(name.len() + ": ".len(), words);
        self.0.push_str(&format!("{name}: {value}\r\n"));
    }
}

/// `end` is the comma or semicolon that follows.
fn push_address<'a>(words: &mut Vec<Cow<'a, str>>, address: &'a NameAddr, end: &str) {
    let NameAddr { name, mailbox } = address;
    match name {
        Some(name) => {
            words.extend(phrase_words(name.as_str()));
            words.push(Cow::Owned(format!("<{mailbox}>{end}")));
        }
        None => words.push(Cow::Owned(format!("{mailbox}{end}"))),
    }
}

fn push_group<'a>(words: &mut Vec<Cow<'a, str>>, name: &'a HeaderText, members: &'a [NameAddr], end: &str) {
    words.extend(phrase_words(name.as_str()));
    match words.last_mut() {
        // RFC 2047 §5: a blank stands between an encoded word and the colon.
        Some(last) if !last.starts_with("=?") => last.to_mut().push(':'),
        _ => words.push(Cow::Borrowed(":")),
    }
    for (place, member) in members.iter().enumerate() {
        push_address(words, member, if place + 1 == members.len() { "" } else { "," });
    }
    let last = words.last_mut().expect("the name of the group is there");
    last.to_mut().push_str(&format!(";{end}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_list::addresses;

    fn written(list: &str) -> String {
        let mut fields = Fields::default();
        fields.addresses(&FieldName::known("To"), &addresses(list).unwrap());
        fields.as_str().to_owned()
    }

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for list in [
            "ann@here.test",
            "Ann <ann@here.test>, bob@there.test",
            "\"Hara, Ann <x>\" <ann@here.test>",
            "Staff: Ann <ann@here.test>, bob@there.test;, cy@here.test",
            "undisclosed-recipients:;",
            "\"a b\"@here.test",
            "\"\":;",
        ] {
            assert_eq!(written(list), format!("To: {list}\r\n"));
        }
        assert_eq!(written("Jörg <j@Bücher.example>"), "To: =?utf-8?b?SsO2cmc=?= <j@xn--bcher-kva.example>\r\n");
    }

    #[test]
    fn long_lists_are_folded_between_addresses() {
        let list = (0..100).map(|n| format!("person-{n}@here.test")).collect::<Vec<_>>().join(", ");
        let field = written(&list);
        assert!(field.lines().all(|line| line.len() <= 76), "{field}");
        assert_eq!(field.replace("\r\n", ""), format!("To: {list}"));
    }

    proptest::proptest! {
        #[test]
        fn every_printable_name_is_read_back(names in proptest::collection::vec("[!-~]([ -~]{0,50}[!-~])?", 1..4)) {
            let single = |name: &String| NameAddr {
                name: Some(HeaderText::new(name.as_str()).unwrap()),
                mailbox: "ann@here.test".parse().unwrap(),
            };
            // What looks like an encoded word is encoded once more, which this reader does not undo.
            let names: Vec<_> = names.into_iter().filter(|name| !name.contains("=?")).collect();
            let group = names.first().map(|name| Address::Group {
                name: HeaderText::new(name.as_str()).unwrap(),
                members: names.iter().map(single).collect(),
            });
            let list: Vec<_> = names.iter().map(|name| Address::Single(single(name))).chain(group).collect();
            let mut fields = Fields::default();
            fields.addresses(&FieldName::known("To"), &list);
            let value = fields.as_str().strip_prefix("To:").unwrap().replace("\r\n", "");
            proptest::prop_assert_eq!(addresses(value.trim()), Ok(list));
        }
    }

    #[test]
    fn only_visible_ascii_without_a_colon_names_a_field() {
        assert_eq!(FieldName::new("X-Customer").as_ref().map(FieldName::as_str), Ok("X-Customer"));
        for name in ["", "a b", "a:", "a\r\nBcc", "ä", &"x".repeat(77)] {
            assert_eq!(FieldName::new(name), Err(FieldNameError), "{name:?}");
        }
    }
}
