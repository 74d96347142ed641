//! Autodiscover: Outlook's question and the answer to it, both "plain old XML" (MS-OXDSCLI). Where that is asked, Outlook may
//! ask first: [`json`].
//!
//! Only the form for desktops is answered (`responseschema/2006a`). That for mobile devices would lead to Exchange
//! `ActiveSync`, which is not spoken here: such a question gets error 601, as the form has it.

pub mod json;

use askama::Template;
use jiff::Timestamp;
use rohrpost_mail::Mailbox;
use roxmltree::{Document, ParsingOptions};

use crate::{
    limits::XML_NODES_MAX,
    settings::{Encryption, MailSettings, Protocol, Server},
};

/// The form of answers that Outlook on desktops reads.
const DESKTOP: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// What Outlook wants to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The mailbox to set up.
    pub address: Mailbox,
    /// Whether the form of the answer that it reads is ours.
    pub is_desktop: bool,
}

/// The question cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// It is no XML, has a document type (and with it entities), or more than [`XML_NODES_MAX`] nodes.
    #[error("the content is no XML that is read here")]
    Xml,
    /// It names no mail address.
    #[error("the content names no mail address")]
    Address,
}

impl Question {
    /// Reads a question. Entities are not there to be expanded: a document with a DTD is refused.
    ///
    /// # Errors
    /// [`QuestionError`].
    pub fn parse(content: &[u8]) -> Result<Self, QuestionError> {
        let text = std::str::from_utf8(content).map_err(|_| QuestionError::Xml)?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: XML_NODES_MAX, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options);
        let document = document.map_err(|_| QuestionError::Xml)?;
        let said = |name: &str| {
            let named = document.descendants().find(|node| node.tag_name().name() == name);
            named.and_then(|node| node.text()).map(str::trim)
        };
        let address = said("EMailAddress").and_then(|text| Mailbox::parse(text).ok()).ok_or(QuestionError::Address)?;
        let is_desktop = said("AcceptableResponseSchema").is_none_or(|schema| schema == DESKTOP);
        Ok(Self { address, is_desktop })
    }
}

/// Why there are no settings in an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The address is in no domain of ours.
    UnknownAddress,
    /// The form that was asked for is not ours.
    UnknownForm,
}

impl Problem {
    /// The number that the form has for it.
    fn code(self) -> u16 {
        match self {
            Self::UnknownAddress => 500,
            Self::UnknownForm => 601,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::UnknownAddress => "The address is not in a domain of this server",
            Self::UnknownForm => "The requested form of the answer is not available",
        }
    }
}

#[derive(Template)]
#[template(path = "autodiscover.xml")]
struct Settings<'a> {
    form: &'static str,
    settings: &'a MailSettings,
}

#[derive(Template)]
#[template(path = "autodiscover-error.xml")]
struct Failure {
    problem: Problem,
    time: String,
}

/// The settings of a mailbox.
///
/// # Panics
/// Never: text is written into memory.
pub fn document(settings: &MailSettings) -> String {
    Settings { form: DESKTOP, settings }.render().expect("text is written into memory")
}

/// Says what is wrong, in Outlook's form; `now` is shown as the time of the server.
///
/// # Panics
/// Never: text is written into memory.
pub fn refusal(problem: Problem, now: Timestamp) -> String {
    let time = now.strftime("%H:%M:%S").to_string();
    Failure { problem, time }.render().expect("text is written into memory")
}

/// As the form calls the protocol.
fn kind(server: &Server) -> &'static str {
    match server.protocol {
        Protocol::Imap => "IMAP",
        Protocol::Pop3 => "POP3",
        Protocol::Submission => "SMTP",
    }
}

/// `SSL` of the form, for programs that do not know the other element.
fn ssl(server: &Server) -> &'static str {
    if server.encryption == Encryption::None { "off" } else { "on" }
}

/// `Encryption` of the form, which tells the two kinds of TLS apart.
fn encryption(server: &Server) -> &'static str {
    match server.encryption {
        Encryption::Implicit => "SSL",
        Encryption::Starttls => "TLS",
        Encryption::None => "None",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::{ann, usual};

    fn question(schema: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\n\
             <Request><EMailAddress>ann@here.test</EMailAddress>\n\
             <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
        )
    }

    #[test]
    fn a_question_is_read_whoever_asks() {
        let read = Question::parse(question(DESKTOP).as_bytes()).unwrap();
        assert_eq!(read, Question { address: ann(), is_desktop: true });
        let mobile = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
        assert!(!Question::parse(question(mobile).as_bytes()).unwrap().is_desktop);
        let marked = format!("\u{feff}{}", question(DESKTOP));
        assert!(Question::parse(marked.as_bytes()).is_ok(), "Outlook may send a byte order mark");
        assert_eq!(Question::parse(b"<a/>"), Err(QuestionError::Address));
    }

    #[test]
    fn w05_entities_are_neither_read_from_files_nor_multiplied() {
        let with = |entities: &str| {
            let document = format!("<!DOCTYPE a [{entities}]><a><EMailAddress>&e;</EMailAddress></a>");
            Question::parse(document.as_bytes())
        };
        assert_eq!(with("<!ENTITY e SYSTEM \"file:///etc/hostname\">"), Err(QuestionError::Xml));
        assert_eq!(with("<!ENTITY e \"ann@here.test\">"), Err(QuestionError::Xml));
        assert_eq!(with("<!ENTITY x \"ha\"><!ENTITY e \"&x;&x;&x;&x;\">"), Err(QuestionError::Xml));
    }

    #[test]
    fn w05_neither_depth_nor_number_of_elements_does_any_harm() {
        for content in ["<a>".repeat(5_000), "<a/>".repeat(4_000), format!("<a>{}</a>", "<b/>".repeat(4_000))] {
            assert_eq!(Question::parse(content.as_bytes()), Err(QuestionError::Xml));
        }
        assert_eq!(Question::parse(b"\xff\xfe<\0a\0"), Err(QuestionError::Xml));
    }

    #[test]
    fn the_answer_names_each_server_with_its_encryption() {
        let text = document(&MailSettings::of(&ann(), &usual()));
        let document = Document::parse(&text).unwrap();
        let account = document.descendants().find(|node| node.has_tag_name((DESKTOP, "Account"))).unwrap();
        let protocols = account.children().filter(|node| node.tag_name().name() == "Protocol");
        let seen: Vec<String> = protocols
            .map(|protocol| {
                let of =
                    |name| protocol.children().find(|node| node.tag_name().name() == name).unwrap().text().unwrap();
                assert_eq!(of("LoginName"), "ann@here.test");
                ["Type", "Server", "Port", "SSL", "Encryption"].map(of).join(" ")
            })
            .collect();
        assert_eq!(
            seen,
            [
                "IMAP mail.here.test 993 on SSL",
                "IMAP mail.here.test 143 on TLS",
                "POP3 mail.here.test 995 on SSL",
                "POP3 mail.here.test 110 on TLS",
                "SMTP mail.here.test 465 on SSL",
                "SMTP mail.here.test 587 on TLS",
            ]
        );
    }

    #[test]
    fn an_address_with_signs_of_xml_stays_an_address() {
        let odd = Mailbox::parse("a&'b@here.test").unwrap();
        let text = document(&MailSettings::of(&odd, &usual()));
        let document = Document::parse(&text).unwrap();
        let login = document.descendants().find(|node| node.tag_name().name() == "LoginName").unwrap();
        assert_eq!(login.text(), Some("a&'b@here.test"));
    }

    #[test]
    fn a_refusal_carries_the_number_of_the_form() {
        let text = refusal(Problem::UnknownForm, Timestamp::UNIX_EPOCH);
        let document = Document::parse(&text).unwrap();
        let code = document.descendants().find(|node| node.tag_name().name() == "ErrorCode").unwrap();
        assert_eq!(code.text(), Some("601"));
    }
}
