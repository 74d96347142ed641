//! SORT (RFC 5256 §3): messages in the order of their dates, sizes, subjects and people.

use std::cmp::Ordering;

use rohrpost_mail::mime::Shape;

use crate::{
    command::{SortCriterion, SortKey},
    event::{Mail, Parts},
};

/// Fields of an ENVELOPE before the first that holds addresses: date and subject.
const FROM: usize = 2;
const TO: usize = 5;
const CC: usize = 6;

/// Messages that are put in order.
#[derive(Debug)]
pub(super) struct Sorting {
    criteria: Vec<SortCriterion>,
    messages: Vec<Sorted>,
    /// Octets of their texts.
    pub(super) held: usize,
}

#[derive(Debug)]
struct Sorted {
    uid: u32,
    /// One for each criterion.
    values: Box<[Value]>,
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Value {
    Number(i128),
    Text(Box<str>),
}

impl Value {
    fn octets(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

impl Sorting {
    pub(super) fn new(criteria: Vec<SortCriterion>) -> Self {
        Self { criteria, messages: Vec::new(), held: 0 }
    }

    /// What it must know of each message.
    pub(super) fn parts(&self) -> Parts {
        let of_shape = |criterion: &SortCriterion| !matches!(criterion.key, SortKey::Arrival | SortKey::Size);
        Parts { facts: true, shape: self.criteria.iter().any(of_shape), content: false }
    }

    pub(super) fn push(&mut self, mail: &Mail) {
        let values: Box<[Value]> = self.criteria.iter().map(|criterion| value(mail, criterion.key)).collect();
        self.held += values.iter().map(Value::octets).sum::<usize>();
        self.messages.push(Sorted { uid: mail.entry.uid, values });
    }

    /// The UIDs in order. Where all criteria are equal, the place in the mailbox decides, also behind REVERSE.
    pub(super) fn into_order(mut self) -> Vec<u32> {
        let criteria = self.criteria;
        self.messages.sort_unstable_by(|a, b| compare(&criteria, a, b));
        self.messages.into_iter().map(|message| message.uid).collect()
    }
}

fn compare(criteria: &[SortCriterion], a: &Sorted, b: &Sorted) -> Ordering {
    let pairs = criteria.iter().zip(a.values.iter().zip(&b.values));
    let orders = pairs.map(|(criterion, (a, b))| if criterion.reverse { b.cmp(a) } else { a.cmp(b) });
    orders.fold(Ordering::Equal, Ordering::then).then(a.uid.cmp(&b.uid))
}

fn value(mail: &Mail, key: SortKey) -> Value {
    let shape = mail.shape.as_ref();
    let person =
        |field| Value::Text(shape.and_then(|shape| first_mailbox(shape.envelope(), field)).unwrap_or_default());
    match key {
        SortKey::Arrival => Value::Number(mail.internal_date.as_nanosecond()),
        SortKey::Date => {
            let sent = shape.and_then(Shape::sent).unwrap_or(mail.internal_date);
            Value::Number(sent.as_nanosecond())
        }
        SortKey::Size => Value::Number(mail.octets.into()),
        SortKey::Subject => Value::Text(shape.map_or("", |shape| shape.subject_base()).to_lowercase().into()),
        SortKey::From => person(FROM),
        SortKey::To => person(TO),
        SortKey::Cc => person(CC),
    }
}

/// The local part of the first address in a field of an ENVELOPE (RFC 5256 §3), folded. The text is our own, so it is as
/// RFC 9051 §7.5.2 wants it; of any other the answer is nothing.
fn first_mailbox(envelope: &[u8], field: usize) -> Option<Box<str>> {
    let mut rest = envelope.strip_prefix(b"(")?;
    for _ in 0..field {
        rest = skip_value(rest)?.strip_prefix(b" ")?;
    }
    rest = rest.strip_prefix(b"((")?;
    // The name and the source route.
    for _ in 0..2 {
        rest = skip_value(rest)?.strip_prefix(b" ")?;
    }
    let behind = skip_value(rest)?;
    Some(string(&rest[..rest.len() - behind.len()]).to_lowercase().into())
}

/// What follows a NIL, a string or a list.
fn skip_value(text: &[u8]) -> Option<&[u8]> {
    let mut depth = 0_u32;
    let mut rest = text;
    loop {
        rest = match rest.first()? {
            b'"' => skip_quoted(&rest[1..])?,
            b'{' => skip_literal(rest)?,
            b'(' => {
                depth += 1;
                &rest[1..]
            }
            b')' => {
                depth = depth.checked_sub(1)?;
                &rest[1..]
            }
            b' ' if depth > 0 => &rest[1..],
            _ => rest.strip_prefix(b"NIL")?,
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

fn skip_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        match rest[at] {
            b'"' => return Some(&rest[at + 1..]),
            _ => rest = rest.get(at + 2..)?,
        }
    }
}

fn skip_literal(text: &[u8]) -> Option<&[u8]> {
    let (octets, content) = literal(text)?;
    content.get(octets..)
}

fn literal(text: &[u8]) -> Option<(usize, &[u8])> {
    let end = memchr::memchr(b'}', text)?;
    let octets = std::str::from_utf8(text.get(1..end)?).ok()?.parse().ok()?;
    Some((octets, text.get(end + 1..)?.strip_prefix(b"\r\n")?))
}

/// What a string of an ENVELOPE says; nothing for NIL.
fn string(value: &[u8]) -> String {
    match value.first() {
        Some(b'"') => {
            let mut escaped = false;
            let is_content = |octet: &&u8| {
                escaped = !escaped && **octet == b'\\';
                !escaped
            };
            let content: Vec<u8> = value[1..value.len() - 1].iter().filter(is_content).copied().collect();
            String::from_utf8_lossy(&content).into_owned()
        }
        Some(b'{') => {
            literal(value).map_or_else(String::new, |(_, content)| String::from_utf8_lossy(content).into_owned())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_in_an_envelope() {
        let envelope =
            b"(\"date\" {5}\r\nab(\"c ((\"Ann \\\"A\\\"\" NIL \"A\\\\nn\" \"a.test\")(NIL NIL \"x\" \"y\")) NIL NIL \
            ((NIL NIL {3}\r\nBob \"b.test\")) NIL NIL NIL \"<1@a.test>\")";
        let mailbox = |field| first_mailbox(envelope, field);
        assert_eq!(mailbox(FROM).as_deref(), Some("a\\nn"));
        assert_eq!(mailbox(TO).as_deref(), Some("bob"));
        assert_eq!(mailbox(CC), None);
    }

    #[test]
    fn a_text_that_is_no_envelope_names_nobody() {
        for text in
            [&b""[..], b"(", b"(NIL", b"(NIL NIL ((", b"(NIL NIL ((NIL NIL \"x", b"({9}\r\nx NIL ((", b"(NIL))) "]
        {
            assert_eq!(first_mailbox(text, FROM), None);
        }
    }
}
