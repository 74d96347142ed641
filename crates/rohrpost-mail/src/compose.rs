//! Writes messages (RFC 5322, RFC 2045): fields on top, below them a text, a file, or a tree of them.
//!
//! [`pieces`] is the one place where a message is written. It holds no file: what it cannot write yet, it leaves to the
//! caller as a [`Piece`], so that a large attachment can be read while it goes out. [`Message`] is for the short
//! messages that programs write themselves.

mod fields;
mod part;

use jiff::Timestamp;

pub use fields::{FieldName, FieldNameError, Fields};
pub use part::{ContentType, ContentTypeError, Disposition, Multipart, NestedMessage, Part, Piece, with_crlf};

use crate::{address::Mailbox, address_list::Address, date, encode::base64_lines, header::HeaderText};

/// Names of fields.
pub mod name {
    use super::FieldName;

    /// RFC 5322 §3.6.2
    pub static FROM: FieldName = FieldName::known("From");
    /// RFC 5322 §3.6.2
    pub static SENDER: FieldName = FieldName::known("Sender");
    /// RFC 5322 §3.6.2
    pub static REPLY_TO: FieldName = FieldName::known("Reply-To");
    /// RFC 5322 §3.6.3
    pub static TO: FieldName = FieldName::known("To");
    /// RFC 5322 §3.6.3
    pub static CC: FieldName = FieldName::known("Cc");
    /// RFC 5322 §3.6.5
    pub static SUBJECT: FieldName = FieldName::known("Subject");
    /// RFC 5322 §3.6.1
    pub static DATE: FieldName = FieldName::known("Date");
    /// RFC 5322 §3.6.4
    pub static MESSAGE_ID: FieldName = FieldName::known("Message-ID");
    /// RFC 5322 §3.6.4
    pub static IN_REPLY_TO: FieldName = FieldName::known("In-Reply-To");
    /// RFC 5322 §3.6.4
    pub static REFERENCES: FieldName = FieldName::known("References");
    /// RFC 3834 §5
    pub static AUTO_SUBMITTED: FieldName = FieldName::known("Auto-Submitted");
    /// RFC 2369 §3.2
    pub static LIST_UNSUBSCRIBE: FieldName = FieldName::known("List-Unsubscribe");
    /// RFC 8058 §3.1
    pub static LIST_UNSUBSCRIBE_POST: FieldName = FieldName::known("List-Unsubscribe-Post");
}

/// Writes a message: the fields, what MIME demands, the body.
///
/// ```
/// use rohrpost_mail::{HeaderText, compose::{Fields, Part, Piece, name, pieces}};
///
/// let mut fields = Fields::default();
/// fields.text(&name::SUBJECT, &HeaderText::new("Hello")?);
/// let written = b"Subject: Hello\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
///     Content-Transfer-Encoding: 7bit\r\n\r\nHello Bob\r\n";
/// assert_eq!(pieces::<Vec<u8>>(&fields, Part::plain("Hello Bob")), [Piece::Written(written.to_vec())]);
/// # Ok::<(), rohrpost_mail::HeaderTextError>(())
/// ```
pub fn pieces<S>(fields: &Fields, body: Part<S>) -> Vec<Piece<S>> {
    let header = format!("{}MIME-Version: 1.0\r\n", fields.as_str());
    let mut writer = part::Writer::new(header.into_bytes(), &body);
    writer.part(body);
    writer.end()
}

/// A file that travels with a [`Message`].
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name the receiver sees.
    pub name: HeaderText,
    /// Such as `application/pdf`; what is no type becomes `application/octet-stream`.
    pub content_type: HeaderText,
    /// The file's octets.
    pub data: Vec<u8>,
}

impl Attachment {
    fn part(&self) -> Part<&[u8]> {
        Part::File {
            content_type: ContentType::new(self.content_type.as_str()).unwrap_or_else(|_| ContentType::octets()),
            disposition: Disposition::Attachment,
            name: Some(self.name.clone()),
            data: &self.data,
        }
    }
}

/// A message that a program writes: plain text, perhaps with attachments, all of it at hand.
#[derive(Clone, Debug)]
pub struct Message {
    /// Whom it comes from.
    pub from: Mailbox,
    /// Whom the header names as its recipients.
    pub to: Vec<Mailbox>,
    /// The subject.
    pub subject: HeaderText,
    /// The date it says.
    pub date: Timestamp,
    /// Its id, without angle brackets; unique in the world.
    pub message_id: HeaderText,
    /// Further fields, such as `Auto-Submitted`, written as they are.
    pub fields: Vec<(&'static str, HeaderText)>,
    /// The text; line ends become CRLF.
    pub text: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// The message as it goes over the wire: CRLF, ASCII only but for addresses that need SMTPUTF8.
    ///
    /// # Panics
    /// When one of [`Message::fields`] has a name that is none.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces(&self.header(), self.body()) {
            match piece {
                Piece::Written(written) => out.extend(written),
                Piece::Base64(data) => out.extend(base64_lines(data).into_bytes()),
            }
        }
        out
    }

    fn header(&self) -> Fields {
        let to: Vec<Address> = self.to.iter().cloned().map(Address::from).collect();
        let plain = |text: String| HeaderText::new(text).expect("dates and ids hold no control characters");
        let mut fields = Fields::default();
        fields.addresses(&name::FROM, &[self.from.clone().into()]);
        fields.addresses(&name::TO, &to);
        fields.text(&name::SUBJECT, &self.subject);
        fields.tokens(&name::DATE, [&plain(date::rfc5322(self.date))]);
        fields.tokens(&name::MESSAGE_ID, [&plain(format!("<{}>", self.message_id.as_str()))]);
        for &(name, ref value) in &self.fields {
            fields.tokens(&FieldName::known(name), [value]);
        }
        fields
    }

    fn body(&self) -> Part<&[u8]> {
        let text = Part::plain(self.text.as_str());
        let parts = [text].into_iter().chain(self.attachments.iter().map(Attachment::part));
        Part::several(Multipart::Mixed, parts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        let header = |text: &str| HeaderText::new(text).unwrap();
        Message {
            from: "ann@here.test".parse().unwrap(),
            to: vec!["bob@there.test".parse().unwrap()],
            subject: header("Grüße"),
            date: "2026-11-22T10:00:00Z".parse().unwrap(),
            message_id: header("1@here.test"),
            fields: vec![("Auto-Submitted", header("auto-generated"))],
            text: text.to_owned(),
            attachments: Vec::new(),
        }
    }

    #[test]
    fn a_plain_text_is_one_part() {
        assert_eq!(
            String::from_utf8(message("Hello\nworld").to_bytes()).unwrap(),
            "From: ann@here.test\r\nTo: bob@there.test\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
             Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@here.test>\r\n\
             Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello\r\nworld\r\n"
        );
    }

    #[test]
    fn attachments_follow_the_text_and_the_boundary_is_never_in_it() {
        let mut message = message("ä --=_1_rohrpost");
        message.attachments.push(Attachment {
            name: HeaderText::new("a.pdf").unwrap(),
            content_type: HeaderText::new("application/pdf").unwrap(),
            data: vec![1, 2, 3],
        });
        let written = String::from_utf8(message.to_bytes()).unwrap();
        assert!(written.contains("boundary=\"=_1_rohrpost_\""));
        assert!(written.contains("Content-Disposition: attachment;\r\n filename=\"a.pdf\"\r\n"));
        assert!(written.contains("\r\n\r\nAQID\r\n"));
        assert!(written.ends_with("\r\n--=_1_rohrpost_--\r\n"));
        assert!(written.is_ascii());
    }
}
