//! Writes simple messages: what `send`, notices and the demo need.

use jiff::Timestamp;

use crate::{
    address::Mailbox,
    date,
    encode::{base64_lines, file_name_parameter, header_words, quoted_printable},
    header::HeaderText,
    seven_bit,
};

/// A file that travels with a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name the receiver sees.
    pub name: HeaderText,
    /// Such as `application/pdf`.
    pub content_type: HeaderText,
    /// The file's octets.
    pub data: Vec<u8>,
}

/// A message to be written: plain text with attachments.
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
    /// Further fields, such as `Auto-Submitted`.
    pub fields: Vec<(&'static str, HeaderText)>,
    /// The text; line ends become CRLF.
    pub text: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// The message as it goes over the wire: CRLF, ASCII only but for addresses that need SMTPUTF8.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.header().into_bytes();
        let text = self.text_part();
        if self.attachments.is_empty() {
            out.extend_from_slice(&text);
            return out;
        }
        let boundary = self.boundary();
        out.extend_from_slice(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").as_bytes());
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(&text);
        for attachment in &self.attachments {
            out.extend_from_slice(format!("\r\n--{boundary}\r\n{}", attachment.part()).as_bytes());
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn header(&self) -> String {
        let to = self.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(",\r\n ");
        let mut header = format!(
            "From: {}\r\nTo: {to}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}>\r\n",
            self.from,
            header_words(self.subject.as_str()),
            date::rfc5322(self.date),
            self.message_id.as_str(),
        );
        for (name, value) in &self.fields {
            header.push_str(&format!("{name}: {}\r\n", value.as_str()));
        }
        header.push_str("MIME-Version: 1.0\r\n");
        header
    }

    /// The text with its own fields and the empty line before it.
    fn text_part(&self) -> Vec<u8> {
        let text = crlf(&self.text);
        let narrow = !seven_bit::needs_encoding(text.as_bytes());
        let encoding = if narrow { "7bit" } else { "quoted-printable" };
        let mut part =
            format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n")
                .into_bytes();
        part.extend(if narrow { text.into_bytes() } else { quoted_printable(text.as_bytes()) });
        part
    }

    /// Part texts are base64 or start with fields, so only the text could hold the boundary by chance.
    fn boundary(&self) -> String {
        let mut boundary = String::from("=_rohrpost");
        while self.text.contains(&boundary) {
            boundary.push('_');
        }
        boundary
    }
}

impl Attachment {
    fn part(&self) -> String {
        format!(
            "Content-Type: {}\r\nContent-Disposition: attachment; {}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            self.content_type.as_str(),
            file_name_parameter(self.name.as_str()),
            base64_lines(&self.data),
        )
    }
}

/// The text with CRLF line ends, a bare CR or LF being one too, and with one at its end.
pub fn crlf(text: &str) -> String {
    let mut out = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
    if !out.is_empty() && !out.ends_with("\r\n") {
        out.push_str("\r\n");
    }
    out
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
        let mut message = message("ä --=_rohrpost");
        message.attachments.push(Attachment {
            name: HeaderText::new("a.pdf").unwrap(),
            content_type: HeaderText::new("application/pdf").unwrap(),
            data: vec![1, 2, 3],
        });
        let written = String::from_utf8(message.to_bytes()).unwrap();
        assert!(written.contains("boundary=\"=_rohrpost_\""));
        assert!(written.contains("Content-Disposition: attachment; filename=\"a.pdf\"\r\n"));
        assert!(written.contains("\r\n\r\nAQID\r\n"));
        assert!(written.ends_with("\r\n--=_rohrpost_--\r\n"));
        assert!(written.is_ascii());
    }
}
