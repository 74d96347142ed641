//! A message that was caught, for people and for programs.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use rohrpost_mail::{Envelope, QueueId, Recipient, Seal, TlsInfo, header};
use serde::Serialize;

use crate::view::{BOLD, DIM, Styled, seal_style, size};

/// A whole message and how it came.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: QueueId,
    pub(super) at: Timestamp,
    pub(super) envelope: Envelope,
    pub(super) recipients: Vec<Recipient>,
    pub(super) octets: Vec<u8>,
    pub(super) connection: Connection,
}

/// What is known of a connection.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Connection {
    /// Address and port of the program.
    pub(super) client: String,
    /// The name that it gave itself.
    pub(super) helo: String,
    /// Who logged in.
    pub(super) user: Option<String>,
    /// None in clear text.
    pub(super) tls: Option<TlsInfo>,
}

impl Connection {
    fn seal(&self) -> Seal {
        if self.tls.is_some() { Seal::Encrypted } else { Seal::Cleartext }
    }
}

/// A message as `--json` prints it.
#[derive(Serialize)]
struct Shown<'a> {
    id: QueueId,
    at: Timestamp,
    #[serde(flatten)]
    connection: &'a Connection,
    seal: Seal,
    envelope: &'a Envelope,
    recipients: &'a [Recipient],
    octets: usize,
    subject: Option<&'a str>,
    header: Vec<Field>,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<Attachment>,
    file: Option<&'a Path>,
}

/// A field of the header, unfolded and otherwise as it was written.
#[derive(Serialize)]
struct Field {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Attachment {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    octets: usize,
}

impl Message {
    /// One line: when, from whom, to whom, what about, how large, how sealed.
    pub(super) fn line(&self) -> String {
        let at = self.at.to_zoned(TimeZone::system()).strftime("%H:%M:%S");
        let from = self.envelope.reverse_path.mailbox().map_or_else(|| "<>".to_owned(), ToString::to_string);
        let to: Vec<_> = self.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
        let parsed = MessageParser::default().parse_headers(&self.octets);
        let subject = parsed.as_ref().and_then(mail_parser::Message::subject).unwrap_or("(no subject)");
        let (size, seal) = (size(self.octets.len() as u64), self.connection.seal());
        format!(
            "{} {from} → {} {} {} {}\n",
            Styled(DIM, at),
            to.join(", "),
            Styled(BOLD, printable(subject)),
            Styled(DIM, size),
            Styled(seal_style(Some(seal)), seal.as_str())
        )
    }

    /// All of it, in one line of JSON.
    pub(super) fn json(&self, file: Option<&Path>) -> String {
        let parsed = MessageParser::default().parse(&self.octets).unwrap_or_default();
        let field = |field: header::Field<'_>| Field {
            name: String::from_utf8_lossy(field.name).into_owned(),
            value: field.unfolded(),
        };
        let shown = Shown {
            id: self.id,
            at: self.at,
            connection: &self.connection,
            seal: self.connection.seal(),
            envelope: &self.envelope,
            recipients: &self.recipients,
            octets: self.octets.len(),
            subject: parsed.subject(),
            header: header::fields(header::split(&self.octets).0).map(field).collect(),
            text: parsed.text_bodies().find_map(plain),
            html: parsed.html_bodies().find_map(html),
            attachments: parsed.attachments().map(attachment).collect(),
            file,
        };
        serde_json::to_string(&shown).expect("it is plain data") + "\n"
    }
}

fn plain(part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

fn html(part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Html(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let kind = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    Attachment { name: part.attachment_name().map(str::to_owned), kind, octets: part.contents().len() }
}

/// Text of a stranger, for a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(octets: &str) -> Message {
        Message {
            id: QueueId::from_i64(7),
            at: Timestamp::UNIX_EPOCH,
            envelope: Envelope { reverse_path: "ann@here.test".parse().unwrap(), ..Envelope::default() },
            recipients: vec![Recipient::new("bob@there.test".parse().unwrap())],
            octets: octets.replace('\n', "\r\n").into_bytes(),
            connection: Connection { client: "127.0.0.1:9".to_owned(), ..Connection::default() },
        }
    }

    fn shown(octets: &str) -> serde_json::Value {
        serde_json::from_str(&message(octets).json(None)).unwrap()
    }

    #[test]
    fn a_line_has_what_one_looks_for_first_and_no_escapes_of_strangers() {
        let line = message("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=1B[2J?=\n\nx\n").line();
        let line = anstream::adapter::strip_str(&line).to_string();
        assert!(line.ends_with(" ann@here.test → bob@there.test Grüße ?[2J 50 B cleartext\n"), "{line:?}");
        assert!(message("x\n").line().contains("(no subject)"));
    }

    #[test]
    fn json_has_envelope_header_both_texts_and_the_files() {
        let mail = "From: Ann <ann@here.test>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-Folded: one\n two\nMIME-Version: 1.0\n\
                    Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n\
                    --a\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe\n\
                    --a\nContent-Type: text/html\n\n<p>Hi</p>\n--a--\n\
                    --m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\
                    Content-Transfer-Encoding: base64\n\nQUJD\n--m--\n";
        let shown = shown(mail);
        assert_eq!(shown["envelope"]["reverse_path"], "ann@here.test");
        assert_eq!(
            (&shown["recipients"][0]["address"], &shown["seal"]),
            (&"bob@there.test".into(), &"cleartext".into())
        );
        assert_eq!((&shown["subject"], &shown["header"][2]["value"]), (&"Grüße".into(), &"one two".into()));
        assert_eq!(
            (shown["text"].as_str().map(str::trim), shown["html"].as_str().map(str::trim)),
            (Some("Grüße"), Some("<p>Hi</p>"))
        );
        let attachment = serde_json::json!({ "name": "a.pdf", "type": "application/pdf", "octets": 3 });
        assert_eq!(shown["attachments"], serde_json::json!([attachment]));
    }

    #[test]
    fn a_text_alone_is_no_html_and_what_is_no_mail_is_shown_too() {
        let shown = shown("Subject: x\n\nhello\n");
        assert_eq!((shown["text"].as_str(), shown["html"].is_null()), (Some("hello\r\n"), true));
        let noise = self::shown("no header at all");
        assert_eq!((noise["octets"].as_u64(), noise["subject"].is_null()), (Some(16), true));
    }
}
