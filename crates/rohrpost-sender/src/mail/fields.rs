//! What some fields of the header say: ids, how to unsubscribe, who pressed the button.

use rohrpost_mail::HeaderText;

use super::limits::{ENVID_BYTES_MAX, TOKEN_BYTES_MAX};

/// Fields that the builder writes itself or that a sender must not write, and what to use instead.
const WRITTEN_ELSEWHERE: &[(&str, &str)] = &[
    ("From", "use `from`"),
    ("Sender", "use `sender`"),
    ("Reply-To", "use `reply_to`"),
    ("To", "use `to`"),
    ("Cc", "use `cc`"),
    ("Bcc", "use `bcc`"),
    ("Resent-Bcc", "it would tell everybody"),
    ("Subject", "use `subject`"),
    ("Date", "use `date`"),
    ("Message-ID", "use `message_id`"),
    ("In-Reply-To", "use `in_reply_to`"),
    ("References", "use `references`"),
    ("Auto-Submitted", "use `auto_submitted`"),
    ("List-Unsubscribe", "use `list_unsubscribe`"),
    ("List-Unsubscribe-Post", "use `list_unsubscribe`"),
    ("MIME-Version", "it follows from the body"),
    ("Content-Type", "it follows from the body"),
    ("Content-Transfer-Encoding", "it follows from the body"),
    ("Content-Disposition", "it follows from the body"),
    ("Content-ID", "it follows from the body"),
    ("Return-Path", "use `return_path`"),
    ("Received", "servers write it"),
];

/// Why a field may not be written by hand.
pub(super) fn written_elsewhere(name: &str) -> Option<&'static str> {
    let found = WRITTEN_ELSEWHERE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, instead)| *instead)
}

/// That no person sent the message just now, so that no person and no holiday notice answers it. RFC 3834 §5.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AutoSubmitted {
    /// `auto-generated`: an event or the clock made it, such as an invoice or a report.
    Generated,
    /// `auto-replied`: another message made it. Such a message goes out with the null reverse path.
    Replied,
}

impl AutoSubmitted {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "auto-generated",
            Self::Replied => "auto-replied",
        }
    }
}

/// How a receiver gets off a list: RFC 2369 §3.2, and with one click RFC 8058.
///
/// ```
/// use rohrpost_sender::{Mail, Unsubscribe};
///
/// let mail = Mail::new()
///     .from("news@firma.example")
///     .to("bob@kunde.example")
///     .list_unsubscribe(
///         Unsubscribe::one_click("https://firma.example/u/8c1f").or("mailto:news@firma.example?subject=off"),
///     )
///     .build()?;
/// # Ok::<(), rohrpost_sender::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    uris: Vec<String>,
    one_click: bool,
}

impl Unsubscribe {
    /// An `https:` address that takes the receiver off the list when something is posted to it, without asking back. The
    /// big mailbox providers want this of everybody who sends to many.
    pub fn one_click(uri: impl Into<String>) -> Self {
        Self { uris: vec![uri.into()], one_click: true }
    }

    /// A page (`https:`, `http:`) or an address (`mailto:`) where a person can do it.
    pub fn at(uri: impl Into<String>) -> Self {
        Self { uris: vec![uri.into()], one_click: false }
    }

    /// Another way.
    #[must_use]
    pub fn or(mut self, uri: impl Into<String>) -> Self {
        self.uris.push(uri.into());
        self
    }

    pub(super) fn is_one_click(&self) -> bool {
        self.one_click
    }

    /// The value of the field, one token for each way.
    pub(super) fn tokens(&self) -> Result<Vec<HeaderText>, String> {
        if self.one_click && !self.uris.iter().any(|uri| uri.starts_with("https://")) {
            return Err("one click needs an address that starts with https://".to_owned());
        }
        let last = self.uris.len() - 1;
        self.uris.iter().enumerate().map(|(place, uri)| token(uri, if place == last { "" } else { "," })).collect()
    }
}

fn token(uri: &str, end: &str) -> Result<HeaderText, String> {
    let rest = ["https://", "http://", "mailto:"].iter().find_map(|scheme| uri.strip_prefix(scheme));
    let clean = uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    if rest.is_none_or(str::is_empty) || !clean || uri.len() > TOKEN_BYTES_MAX {
        return Err(format!("{uri:?} is no address of the form https://… or mailto:… in ASCII"));
    }
    HeaderText::new(format!("<{uri}>{end}")).map_err(|error| error.to_string())
}

/// A message id with its brackets, from text with or without them. RFC 5322 §3.6.4.
pub(super) fn message_id(text: &str) -> Result<HeaderText, String> {
    let text = text.trim();
    let id = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let clean = id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    match id.split_once('@') {
        Some((left, right)) if clean && id.len() <= TOKEN_BYTES_MAX && !left.is_empty() && !right.is_empty() => {
            HeaderText::new(format!("<{id}>")).map_err(|error| error.to_string())
        }
        _ => Err(format!("{text:?} is no message id of the form <id@host>")),
    }
}

/// An envelope id (RFC 3461 §4.4): printable ASCII, not too long when it is written as xtext.
pub(super) fn envelope_id(id: String) -> Result<String, String> {
    let width = |byte: u8| if byte.is_ascii_graphic() && !b"+=".contains(&byte) { 1 } else { 3 };
    let printable = id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if printable && (1..=ENVID_BYTES_MAX).contains(&id.bytes().map(width).sum()) {
        Ok(id)
    } else {
        Err(format!("{id:?} is no envelope id: up to {ENVID_BYTES_MAX} characters of ASCII are one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_get_brackets_and_hold_nothing_that_ends_them() {
        for text in ["1@here.test", "<1@here.test>", " <1@here.test> "] {
            assert_eq!(message_id(text).unwrap().as_str(), "<1@here.test>");
        }
        for text in ["", "1", "@x", "1@", "a b@x", "1@x>\r\nBcc: y", "1@x> <2@x", "ä@x"] {
            assert!(message_id(text).is_err(), "{text:?}");
        }
        assert!(message_id(&format!("{}@x", "1".repeat(800))).is_err());
    }

    #[test]
    fn envelope_ids_are_short_and_ascii() {
        for id in ["QQ1", "invoice 4711+a=b", &"x".repeat(100)] {
            assert_eq!(envelope_id(id.to_owned()).as_deref(), Ok(id));
        }
        for id in ["", "a\r\nb", "Grüße", &"x".repeat(101), &"+".repeat(34)] {
            assert!(envelope_id(id.to_owned()).is_err(), "{id:?}");
        }
    }

    #[test]
    fn one_click_needs_https_and_each_way_is_one_token() {
        let ways = Unsubscribe::one_click("https://x.test/u").or("mailto:u@x.test");
        let tokens = ways.tokens().unwrap();
        assert_eq!(
            tokens.iter().map(HeaderText::as_str).collect::<Vec<_>>(),
            ["<https://x.test/u>,", "<mailto:u@x.test>"]
        );
        for bad in [
            "http://x.test/u",
            "mailto:u@x.test",
            "https://",
            "https://x.test/a b",
            "https://x.test/>",
            "https://x.test/>\r\nBcc: y",
        ] {
            assert!(Unsubscribe::one_click(bad).tokens().is_err(), "{bad:?}");
        }
        assert!(Unsubscribe::at("javascript:x").tokens().is_err());
    }
}
