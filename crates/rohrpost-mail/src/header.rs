//! The header of a message, looked at without copying it.
//!
//! A message is `bytes`; its header is what stands before the first empty line. [`split`] cuts the two, [`fields`] walks
//! the fields with their folding intact, [`value`] unfolds one. Nothing here recurses or allocates by what a peer
//! claims; how large a header may be is the business of whoever reads it from the network.

use std::borrow::Cow;

/// Text that may stand in a header: no CR, LF, NUL or other control character but the tab.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HeaderText(Box<str>);

/// The text holds a control character.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a line break or another control character must not stand in a header")]
pub struct HeaderTextError;

impl HeaderText {
    /// Takes a text that is to stand in a header.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, HeaderTextError> {
        let text = text.into();
        // U+2028 and U+2029 are line breaks to some programs that show headers.
        let bad = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
        if text.chars().any(bad) { Err(HeaderTextError) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One field as it stands in the message, folding and line end included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field<'a> {
    /// Name, value and line end.
    pub raw: &'a [u8],
    /// The name without the blanks that old programs put before the colon.
    pub name: &'a [u8],
    /// What follows the colon, folding and line end included.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, without blanks at its ends.
    pub fn unfolded(&self) -> String {
        String::from_utf8_lossy(self.value).trim().replace(['\r', '\n'], "")
    }
}

/// Cuts a message into header (with the line end of its last field) and body (without the empty line).
///
/// A message whose first line is no field has no header; one without an empty line is all header.
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < message.len() {
        let line = line_at(message, at);
        match line {
            b"\r\n" | b"\n" => return (&message[..at], &message[at + line.len()..]),
            _ if !(starts_field(line) || at > 0 && is_fold(line)) => return (&message[..at], &message[at..]),
            _ => at += line.len(),
        }
    }
    (message, b"")
}

/// The line that starts at `at`, its end included.
fn line_at(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at..];
    memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..=end])
}

/// Whether a line goes on with the field above it (RFC 5322 §2.2.3).
pub(crate) fn is_fold(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// Whether a line starts a field: a name of visible ASCII, perhaps blanks (RFC 5322 §4.5), and a colon.
pub(crate) fn starts_field(line: &[u8]) -> bool {
    field_name(line).is_some()
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// Walks the fields of a header from [`split`].
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = header.get(at..).filter(|rest| !rest.is_empty()).map(|_| line_at(header, at))?;
        at += first.len();
        while at < header.len() && is_fold(line_at(header, at)) {
            at += line_at(header, at).len();
        }
        let raw = &header[start..at];
        let name = field_name(raw)?;
        let colon = raw.iter().position(|byte| *byte == b':')?;
        Some(Field { raw, name, value: &raw[colon + 1..] })
    })
}

/// The unfolded value of the first field with this name.
pub fn value(header: &[u8], name: &str) -> Option<String> {
    fields(header).find(|field| field.is(name)).map(|field| field.unfolded())
}

/// How many fields have this name.
pub fn count(header: &[u8], name: &str) -> usize {
    fields(header).filter(|field| field.is(name)).count()
}

/// The header without the fields that `unwanted` picks; borrowed where there are none.
pub fn without(header: &[u8], unwanted: impl Fn(&Field<'_>) -> bool) -> Cow<'_, [u8]> {
    if !fields(header).any(|field| unwanted(&field)) {
        return Cow::Borrowed(header);
    }
    Cow::Owned(fields(header).filter(|field| !unwanted(field)).flat_map(|field| field.raw).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"From: a@here.test\r\nSubject : folded\r\n over two\r\nReceived: x\r\nreceived: y\r\n\r\nBody: no field\r\n";

    #[test]
    fn header_and_body_part_at_the_empty_line() {
        let (header, body) = split(MESSAGE);
        assert_eq!(body, b"Body: no field\r\n");
        assert_eq!(value(header, "subject").as_deref(), Some("folded over two"));
        assert_eq!(count(header, "Received"), 2);
        assert_eq!(value(header, "Body"), None);
    }

    #[test]
    fn odd_messages_have_a_header_all_the_same() {
        assert_eq!(split(b""), (&b""[..], &b""[..]));
        assert_eq!(split(b"\r\nbody"), (&b""[..], &b"body"[..]));
        assert_eq!(split(b"no colon\r\n\r\nx"), (&b""[..], &b"no colon\r\n\r\nx"[..]));
        assert_eq!(split(b"A: b"), (&b"A: b"[..], &b""[..]));
        assert_eq!(split(b" fold: first\r\n\r\nx").0, b"");
        assert_eq!(split(b">From x\r\nA: b\r\n\r\n").0, b"");
    }

    #[test]
    fn fields_can_be_taken_out() {
        let (header, _) = split(MESSAGE);
        let rest = without(header, |field| field.is("Received"));
        assert_eq!(&*rest, b"From: a@here.test\r\nSubject : folded\r\n over two\r\n");
        assert!(matches!(without(header, |field| field.is("X-None")), Cow::Borrowed(_)));
    }

    #[test]
    fn a_line_break_is_no_header_text() {
        for text in ["a\r\nBcc: x", "a\nb", "a\0", "a\u{2028}b", "\u{7f}"] {
            assert_eq!(HeaderText::new(text), Err(HeaderTextError), "{text:?}");
        }
        assert_eq!(HeaderText::new("Grüße\tan alle").unwrap().as_str(), "Grüße\tan alle");
    }
}
