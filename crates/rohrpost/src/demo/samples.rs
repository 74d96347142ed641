//! Mail that lies in the demo's mailboxes from the start, so that a mail program has something to show: umlauts, a
//! conversation, a letter in two forms, attachments, a draft.
//!
//! The messages are files beside this one, with the line ends of text files.

use jiff::{Timestamp, fmt::rfc2822};
use rohrpost_mail::{Mailbox, compose::with_crlf, header};

use crate::control::{Content, MailIn, Octets, Request};

/// The mailbox, the flags, and the messages that have them.
const SAMPLES: &[(&str, &[&str], &[&str])] = &[
    ("INBOX", &["\\Seen"], &[include_str!("samples/welcome.eml"), include_str!("samples/conversation-1.eml")]),
    (
        "INBOX",
        &[],
        &[
            include_str!("samples/conversation-3.eml"),
            include_str!("samples/brief.eml"),
            include_str!("samples/invoice.eml"),
        ],
    ),
    ("Sent", &["\\Seen"], &[include_str!("samples/conversation-2.eml")]),
    ("Drafts", &["\\Draft", "\\Seen"], &[include_str!("samples/draft.eml")]),
];

/// What files them into the mailboxes of an account.
pub(super) fn requests(account: &Mailbox) -> impl Iterator<Item = Request> {
    SAMPLES.iter().map(|(mailbox, flags, messages)| Request::MailAdd {
        account: account.clone(),
        mailbox: (*mailbox).to_owned(),
        mails: messages.iter().map(|message| mail(message, flags)).collect(),
    })
}

/// It came when it says that it was written.
fn mail(message: &str, flags: &[&str]) -> MailIn {
    let octets = with_crlf(message.as_bytes());
    let at = written(&octets).expect("every sample has a date");
    let flags = flags.iter().map(ToString::to_string).collect();
    MailIn { flags, at, content: Content::Here(Octets(octets.into_owned())) }
}

fn written(message: &[u8]) -> Option<Timestamp> {
    let date = header::fields(header::split(message).0).find(|field| field.is("Date"))?.unfolded();
    rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_date_and_lines_that_end_with_crlf() {
        let account = "ann@here.test".parse().unwrap();
        let mut messages = 0;
        for request in requests(&account) {
            let Request::MailAdd { mails, .. } = request else { panic!("mail is added") };
            for mail in mails {
                let Content::Here(Octets(octets)) = mail.content else { panic!("it is here") };
                let text = String::from_utf8(octets).unwrap();
                assert!(text.lines().count() > 5 && text.ends_with("\r\n"), "{text}");
                assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text}");
                messages += 1;
            }
        }
        assert_eq!(messages, 7);
    }
}
